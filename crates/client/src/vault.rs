//! A decoded vault with its markets: its instructions with all derived accounts filled in, and the engine's answers about it.

use ballast_engine::{
    Error, Result,
    state::{
        change::OF_VAULT,
        perp::Pool,
        reserve::Reserve,
        vault::{Listing, MAX_ALLOCATIONS, Rung, Vault, VaultConfig},
    },
    vaults::{Vaults, rebalance::Move, report::VaultReport},
};
use solana_address::Address;
use solana_instruction::{AccountMeta, Instruction};

mod pool;
mod queue;

use crate::{
    address::{
        SYSTEM_PROGRAM, TOKEN_PROGRAM, change_address, entrusted_address, exit_address, from_engine, share_mint,
        term_address, to_engine, vault_authority, vault_tokens,
    },
    instruction as ix,
    market::MarketView,
};

/// A vault and the markets of its open allocations, as of when their bytes were read.
#[derive(Clone, Debug)]
pub struct VaultView {
    /// The vault's address.
    pub address: Address,
    /// The vault.
    pub vault: Vault,
    /// By slot, the market of each open allocation; none that could not be read.
    pub markets: [Option<MarketView>; MAX_ALLOCATIONS],
}

/// Stands for what is idle where an instruction names a slot.
pub const IDLE: u8 = 255;

impl VaultView {
    /// A vault, with those of its markets that were read.
    pub fn new(address: Address, vault: Vault, read: impl IntoIterator<Item = MarketView>) -> Self {
        let mut markets = [const { None }; MAX_ALLOCATIONS];
        for market in read {
            let named = to_engine(&market.address);
            let slot = vault.open_slots().find(|slot| vault.config.allocations[*slot].market == named);
            if let Some(slot) = slot {
                markets[slot] = Some(market);
            }
        }
        Self { address, vault, markets }
    }

    /// The addresses of the markets of a vault's open allocations, in the order of their slots.
    pub fn market_addresses(vault: &Vault) -> Vec<Address> {
        vault.open_slots().map(|slot| from_engine(&vault.config.allocations[slot].market)).collect()
    }

    /// The vault at `now` with its value, to play actions through: they change this copy.
    pub fn at(&mut self, now: i64) -> Vaults<'_> {
        let markets = &self.markets;
        Vaults::open(&mut self.vault, now, |slot| read(markets, slot))
    }

    /// The same for who enters, as deposits value it: what the vault could pay is not counted, and a pool's prices must be good enough to
    /// enter by.
    pub fn at_to_enter(&mut self, now: i64) -> Vaults<'_> {
        let markets = &self.markets;
        Vaults::open_to_enter(&mut self.vault, now, |slot| read(markets, slot))
    }

    /// What an action at `now` would do, tried on a copy.
    pub fn preview<T>(&self, now: i64, action: impl FnOnce(&mut Vaults) -> T) -> T {
        let mut copy = self.vault;
        action(&mut Vaults::open(&mut copy, now, |slot| read(&self.markets, slot)))
    }

    /// Its figures at `now`.
    pub fn report(&self, now: i64) -> VaultReport {
        self.preview(now, |vaults| vaults.report(|slot| read(&self.markets, slot)))
    }

    /// The move that a rebalance at `now` would make.
    pub fn next_move(&self, now: i64) -> Result<Move> {
        self.preview(now, |vaults| vaults.rebalance(|slot| read(&self.markets, slot)))
    }

    /// A bit for each slot that can be drawn on: nothing of a pool can be taken at once.
    pub fn all_slots(&self) -> u8 {
        let is_drawn_on = |slot: &usize| self.markets[*slot].is_some() && self.pool_of(*slot).is_none();
        self.vault.open_slots().filter(is_drawn_on).fold(0, |bits, slot| bits | 1 << slot)
    }

    /// The slots that can pay at `now`, those with the most first.
    pub fn payers(&self, now: i64) -> Vec<usize> {
        let takeable = self.preview(now, |vaults| vaults.valuation.allocations.map(|amounts| amounts.takeable));
        let is_lost = |slot: usize| self.vault.config.allocations[slot].written_off != 0;
        let mut slots: Vec<_> = (0..MAX_ALLOCATIONS).filter(|slot| takeable[*slot] != 0 && !is_lost(*slot)).collect();
        slots.sort_by_key(|slot| core::cmp::Reverse(takeable[*slot]));
        slots
    }

    /// The maturities that terms may have which are locked at `now`, the nearest first; none if no terms are offered.
    pub fn maturities(&self, now: i64) -> Vec<i64> {
        let spacing = i64::from(self.vault.config.term_spacing);
        if spacing == 0 {
            return Vec::new();
        }
        let first = now - now.rem_euclid(spacing) + spacing;
        (0..Rung::COUNT as i64).map(|nth| first + nth * spacing).collect()
    }

    /// The mint of its shares.
    pub fn share_mint(&self) -> Address {
        from_engine(&self.vault.share_mint)
    }

    /// An owner's request in its queue.
    pub fn exit_request(&self, owner: &Address) -> Address {
        exit_address(&self.address, owner).0
    }

    /// An owner's term deposit of a number.
    pub fn term(&self, owner: &Address, id: u16) -> Address {
        term_address(&self.address, owner, id).0
    }

    /// Creates a vault, whose curator the creator is, with [`Vault::SEED`] atoms of the `source`: the instruction, and the vault's
    /// address.
    pub fn create(
        creator: Address,
        id: u16,
        config: VaultConfig,
        (mint, token_program): (Address, Address),
        source: Address,
    ) -> (Instruction, Address) {
        let (vault, _) = entrusted_address(&creator, id);
        let accounts = ix::CreateVault {
            creator,
            vault,
            authority: vault_authority(&vault).0,
            tokens: vault_tokens(&vault).0,
            share_mint: share_mint(&vault).0,
            source,
            mint,
            token_program,
            share_program: TOKEN_PROGRAM,
            system_program: SYSTEM_PROGRAM,
            id,
            config,
        };
        (accounts.instruction(), vault)
    }

    /// Opens the allocation of a slot whose market the policy names.
    pub fn open_allocation(&self, slot: u8) -> Result<Instruction> {
        let policy = self.vault.config.allocations.get(slot as usize).ok_or(Error::WrongSlot)?;
        Ok(ix::OpenAllocation { vault: self.address, market: from_engine(&policy.market), slot }.instruction())
    }

    /// Brings an amount for no fewer than so many shares, signed by `payer`, the owner of the `source` tokens.
    pub fn deposit(
        &self,
        payer: Address,
        source: Address,
        shares: Address,
        amount: u64,
        min_shares: u64,
    ) -> Instruction {
        let own = Own::of(self);
        let accounts = ix::VaultDeposit {
            payer,
            vault: self.address,
            source,
            share_account: shares,
            tokens: own.tokens,
            share_mint: own.share_mint,
            authority: own.authority,
            mint: own.mint,
            token_program: own.token_program,
            share_program: TOKEN_PROGRAM,
            amount,
            min_shares,
        };
        self.with_markets(accounts.instruction(), 0)
    }

    /// Makes so many shares for no more than an amount, signed like a deposit.
    pub fn mint(&self, payer: Address, source: Address, shares: Address, count: u64, max_amount: u64) -> Instruction {
        let own = Own::of(self);
        let accounts = ix::VaultMint {
            payer,
            vault: self.address,
            source,
            share_account: shares,
            tokens: own.tokens,
            share_mint: own.share_mint,
            authority: own.authority,
            mint: own.mint,
            token_program: own.token_program,
            share_program: TOKEN_PROGRAM,
            shares: count,
            max_amount,
        };
        self.with_markets(accounts.instruction(), 0)
    }

    /// Gives so many shares for no fewer atoms, signed by their owner. `from` has a bit for each slot that may pay.
    pub fn redeem(
        &self,
        owner: Address,
        shares: Address,
        destination: Address,
        count: u64,
        min_amount: u64,
        from: u8,
    ) -> Instruction {
        let own = Own::of(self);
        let accounts = ix::VaultRedeem {
            owner,
            vault: self.address,
            share_account: shares,
            destination,
            tokens: own.tokens,
            share_mint: own.share_mint,
            authority: own.authority,
            mint: own.mint,
            token_program: own.token_program,
            share_program: TOKEN_PROGRAM,
            shares: count,
            min_amount,
            from,
        };
        self.with_markets(accounts.instruction(), from)
    }

    /// Takes exactly an amount for no more than so many shares, signed by their owner.
    pub fn withdraw(
        &self,
        owner: Address,
        shares: Address,
        destination: Address,
        amount: u64,
        max_shares: u64,
        from: u8,
    ) -> Instruction {
        let own = Own::of(self);
        let accounts = ix::VaultWithdraw {
            owner,
            vault: self.address,
            share_account: shares,
            destination,
            tokens: own.tokens,
            share_mint: own.share_mint,
            authority: own.authority,
            mint: own.mint,
            token_program: own.token_program,
            share_program: TOKEN_PROGRAM,
            amount,
            max_shares,
            from,
        };
        self.with_markets(accounts.instruction(), from)
    }

    /// Makes a move that [`Self::next_move`] found; its reward goes to an account of shares.
    pub fn rebalance(&self, found: &Move, reward: Address) -> Result<Instruction> {
        let own = Own::of(self);
        let accounts = ix::RebalanceVault {
            vault: self.address,
            tokens: own.tokens,
            authority: own.authority,
            mint: own.mint,
            token_program: own.token_program,
            reward,
            share_mint: own.share_mint,
            share_program: TOKEN_PROGRAM,
            from: found.from.unwrap_or(IDLE),
        };
        let from = found.from.map_or(0, |slot| 1 << slot);
        let mut instruction = self.with_markets(accounts.instruction(), from);
        if let Some(slot) = found.to {
            let market = self.markets[slot as usize].as_ref().ok_or(Error::MarketUnreadable)?;
            let reserve = market.reserve(self.vault.allocations[slot as usize].reserve)?;
            let position = self.vault.open_slots().position(|open| open == slot as usize).ok_or(Error::WrongSlot)?;
            let first = instruction.accounts.len() - self.vault.open_slots().count() - 2 * from.count_ones() as usize;
            instruction.accounts[first + position].is_writable = true;
            instruction.accounts.push(AccountMeta::new(from_engine(&reserve.vault), false));
        }
        Ok(instruction)
    }

    /// Makes the fee collector's shares.
    pub fn collect_fees(&self, fee_collector: Address, shares: Address) -> Instruction {
        let own = Own::of(self);
        let accounts = ix::CollectVaultFees {
            fee_collector,
            vault: self.address,
            share_account: shares,
            share_mint: own.share_mint,
            authority: own.authority,
            share_program: TOKEN_PROGRAM,
        };
        accounts.instruction()
    }

    /// Brings the vault up to date; the report is the return data.
    pub fn read(&self) -> Instruction {
        self.with_markets(ix::ReadVault { vault: self.address }.instruction(), 0)
    }

    /// Changes the policy at once, signed by curator or sentinel.
    pub fn set_parameters(&self, signer: Address, edits: Vec<u8>) -> Instruction {
        ix::SetParameters { signer, market: self.address, target: OF_VAULT, edits }.instruction()
    }

    /// Queues edits by the curator: the instruction, and the change's address.
    pub fn queue_change(&self, payer: Address, data: Vec<u8>) -> (Instruction, Address) {
        let (change, _) = change_address(&self.address, self.vault.changes);
        let accounts = ix::QueueChange {
            authority: from_engine(&self.vault.curator),
            payer,
            market: self.address,
            change,
            system_program: SYSTEM_PROGRAM,
            target: OF_VAULT,
            data,
        };
        (accounts.instruction(), change)
    }

    /// Makes the edits of a change that is due; its rent goes back to who paid it.
    pub fn execute_change(&self, signer: Address, change: Address, recipient: Address) -> Instruction {
        ix::ExecuteChange { signer, market: self.address, change, recipient }.instruction()
    }

    /// Cancels a change; its rent goes back to who paid it.
    pub fn cancel_change(&self, signer: Address, change: Address, recipient: Address) -> Instruction {
        ix::CancelChange { signer, market: self.address, change, recipient }.instruction()
    }

    /// Makes the signer, the nominee, the vault's curator.
    pub fn accept_curator(&self, signer: Address) -> Instruction {
        ix::AcceptAuthority { signer, market: self.address }.instruction()
    }

    /// The reserve that a slot's allocation lends to; of a pool the one that its deposit is in.
    pub fn reserve_of(&self, slot: usize) -> Option<&Reserve> {
        let (market, index) = (self.markets[slot].as_ref()?, self.vault.allocations[slot].reserve);
        let index = Pool::of(&market.reserves, index).map_or(index, |pool| pool.config.quote);
        market.reserve(index).ok()
    }

    /// An instruction with the markets of the open allocations, and the payers of some.
    fn with_markets(&self, mut instruction: Instruction, from: u8) -> Instruction {
        let mut payers = Vec::new();
        for slot in self.vault.open_slots() {
            let pays = from >> slot & 1 != 0;
            let address = from_engine(&self.vault.config.allocations[slot].market);
            instruction.accounts.push(AccountMeta { pubkey: address, is_signer: false, is_writable: pays });
            if let (true, Some(market)) = (pays, &self.markets[slot])
                && let Some(reserve) = self.reserve_of(slot)
            {
                payers.push(AccountMeta::new(from_engine(&reserve.vault), false));
                payers.push(AccountMeta::new_readonly(from_engine(&market.market.vault_authority), false));
            }
        }
        instruction.accounts.extend(payers);
        instruction
    }
}

/// What the engine reads of a slot.
fn read(markets: &[Option<MarketView>; MAX_ALLOCATIONS], slot: usize) -> Option<Listing<'_>> {
    let market = markets[slot].as_ref()?;
    Some((&market.market, &market.reserves))
}

/// A vault's own accounts.
struct Own {
    tokens: Address,
    share_mint: Address,
    authority: Address,
    mint: Address,
    token_program: Address,
}

impl Own {
    fn of(view: &VaultView) -> Self {
        let vault = &view.vault;
        Self {
            tokens: from_engine(&vault.tokens),
            share_mint: from_engine(&vault.share_mint),
            authority: from_engine(&vault.authority),
            mint: from_engine(&vault.mint),
            token_program: from_engine(&vault.token_program),
        }
    }
}

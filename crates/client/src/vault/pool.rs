//! A vault's parts in pools of perps: the instructions, and what they would do.

use ballast_engine::{
    Error, Result,
    number::units::Shares,
    perps::provide::PoolMovement,
    state::{
        perp::Pool,
        vault::{Allocation, Vault},
    },
    vaults::Vaults,
};
use solana_address::Address;
use solana_instruction::Instruction;

use super::{Own, VaultView, read};
use crate::{
    address::{from_engine, to_engine},
    instruction as ix,
    market::MarketView,
};

impl VaultView {
    /// Moves idle atoms into the pool of a slot, signed by the curator.
    pub fn pool_deposit(&self, curator: Address, slot: u8, amount: u64) -> Instruction {
        let own = Own::of(self);
        let accounts = ix::VaultPoolDeposit {
            signer: curator,
            vault: self.address,
            tokens: own.tokens,
            authority: own.authority,
            mint: own.mint,
            token_program: own.token_program,
            slot,
            amount,
        };
        self.with_markets(accounts.instruction(), bit(slot))
    }

    /// Asks for so many shares in all of a slot's pool, signed by the curator or the sentinel; while liquidity is short anyone may, who
    /// gives at least what is short.
    pub fn pool_request(&self, signer: Address, slot: u8, shares: u64) -> Instruction {
        let accounts = ix::VaultPoolRequest { signer, vault: self.address, slot, shares };
        self.with_markets(accounts.instruction(), 0)
    }

    /// Brings back what was asked for of a slot's pool, signed by the curator or the sentinel; while liquidity is short by anyone.
    pub fn pool_withdraw(&self, signer: Address, slot: u8) -> Instruction {
        let own = Own::of(self);
        let accounts = ix::VaultPoolWithdraw {
            signer,
            vault: self.address,
            tokens: own.tokens,
            authority: own.authority,
            mint: own.mint,
            token_program: own.token_program,
            slot,
        };
        self.with_markets(accounts.instruction(), bit(slot))
    }

    /// The pool of an open slot by its index, and its market; none of a slot that lends to a reserve, or whose market could not be read.
    pub fn pool_of(&self, slot: usize) -> Option<(&MarketView, u8)> {
        let index = self.vault.pool_slot(slot.try_into().ok()?).ok()?;
        let (market, pool) = (self.markets[index].as_ref()?, self.vault.allocations[index].reserve);
        Pool::of(&market.reserves, pool).is_ok().then_some((market, pool))
    }

    /// What [`Self::pool_deposit`] would do at `now`.
    pub fn preview_pool_deposit(&self, curator: &Address, slot: u8, amount: u64, now: i64) -> Result<PoolMovement> {
        let (mut vault, mut market) = self.copy_for_pool(slot)?;
        self.play(&mut vault, now).provide(&to_engine(curator), slot, amount)?;
        market.ledger(now).provide_for_vault(&mut vault.allocations[slot as usize], amount)
    }

    /// The most that the curator could move into a slot's pool at `now`; zero where that is nothing.
    pub fn most_for_pool(&self, slot: u8, now: i64) -> u64 {
        let curator = from_engine(&self.vault.curator);
        let passes = |amount| self.preview_pool_deposit(&curator, slot, amount, now).is_ok();
        // Only what is too small for a share is refused below what passes.
        let (mut low, mut high) = (0, self.vault.idle);
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            (low, high) = if passes(middle) { (middle, high) } else { (low, middle - 1) };
        }
        low
    }

    /// What a slot would ask for by [`Self::pool_request`] at `now`: its shares, and from when they can be taken.
    pub fn preview_pool_request(&self, signer: &Address, slot: u8, shares: u64, now: i64) -> Result<(Shares, i64)> {
        let (mut vault, market) = self.copy_for_pool(slot)?;
        let listing = (&market.market, &market.reserves[..]);
        self.play(&mut vault, now).ask_to_leave(&to_engine(signer), slot, Shares(shares), listing)?;
        let Allocation { free_from, .. } = vault.allocations[slot as usize];
        Ok((vault.asked_for[slot as usize], free_from.into()))
    }

    /// What [`Self::pool_withdraw`] would bring at `now`.
    pub fn preview_pool_withdraw(&self, signer: &Address, slot: u8, now: i64) -> Result<PoolMovement> {
        let (mut vault, mut market) = self.copy_for_pool(slot)?;
        self.play(&mut vault, now).require_puller(&to_engine(signer))?;
        let index = slot as usize;
        market.ledger(now).leave_for_vault(&mut vault.allocations[index], &mut vault.asked_for[index])
    }

    fn copy_for_pool(&self, slot: u8) -> Result<(Vault, MarketView)> {
        let index = self.vault.pool_slot(slot)?;
        Ok((self.vault, self.markets[index].clone().ok_or(Error::MarketUnreadable)?))
    }

    fn play<'v>(&self, vault: &'v mut Vault, now: i64) -> Vaults<'v> {
        Vaults::open(vault, now, |slot| read(&self.markets, slot))
    }
}

/// The bit of a slot; none of one that there is not.
fn bit(slot: u8) -> u8 {
    1u8.checked_shl(slot.into()).unwrap_or(0)
}

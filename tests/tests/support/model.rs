//! What the market should be: the engine on plain structs, token balances in a map, and the shell's order of checks.
//!
//! Nothing here reads the virtual machine. Where an action is refused, the model says with which error.

use super::transaction::Ending;
use ballast_client::{
    Address, TOKEN_2022_PROGRAM, TOKEN_PROGRAM, from_engine, margin_address, market_address, to_engine, vault_address,
    vault_authority,
};
use ballast_engine::{
    Error,
    actions::{EVERYTHING, Ledger, check_listing},
    gate::Action,
    health::HealthReport,
    insurance::Stake,
    margin::{MarginAccount, Side},
    market::{Market, MarketConfig, Roles},
    price::{PriceUpdate, Source},
    reserve::{Reserve, ReserveConfig},
    token::{TransferFee, Transfers},
};
use std::collections::BTreeMap;

/// Why an instruction is refused.
pub use solana_transaction::InstructionError as Refusal;

/// What an action answers.
pub type Answer<T = ()> = Result<T, Refusal>;

/// An account that claims to be a price: its owner and its bytes.
pub type PriceAccount = (Address, Vec<u8>);

#[derive(Clone)]
pub struct Model {
    pub address: Address,
    pub market: Market,
    pub reserves: Vec<Reserve>,
    /// Open margin accounts.
    pub accounts: BTreeMap<Address, MarginAccount>,
    /// Open stakes.
    pub stakes: BTreeMap<Address, Stake>,
    /// What transfers cost, by the mint; those of others nothing.
    pub fees: BTreeMap<Address, TransferFee>,
    /// Balances of wallets and vaults.
    pub balances: BTreeMap<Address, u64>,
    pub now: i64,
    /// What later instructions of the transaction at hand end.
    pub following: Vec<Ending>,
}

/// The accounts and arguments of a liquidation.
#[derive(Clone, Copy, Debug)]
pub struct Liquidation {
    pub account: Address,
    pub source: Address,
    pub destination: Address,
    pub debt: u8,
    pub collateral: u8,
    pub max_repay: u64,
    pub min_collateral: u64,
}

pub fn refused(error: Error) -> Refusal {
    Refusal::Custom(error.code())
}

pub fn engine<T>(result: ballast_engine::Result<T>) -> Answer<T> {
    result.map_err(refused)
}

impl Model {
    /// A market as `create_market` leaves it.
    pub fn create(
        creator: Address,
        id: u16,
        roles: Roles,
        receivers: [Address; 2],
        config: MarketConfig,
        now: i64,
    ) -> Answer<Self> {
        let (address, bump) = market_address(&creator, id);
        let (vault_authority, vault_authority_bump) = vault_authority(&address);
        let receivers = receivers.map(|receiver| to_engine(&receiver));
        let market = engine(Market::new(config, roles, receivers))?;
        let market = Market {
            bump,
            vault_authority_bump,
            id,
            creator: to_engine(&creator),
            vault_authority: to_engine(&vault_authority),
            ..market
        };
        let (reserves, accounts, stakes, fees, balances, following) = Default::default();
        Ok(Self { address, market, reserves, accounts, stakes, fees, balances, now, following })
    }

    /// Runs an action as a transaction: all of it or nothing.
    pub fn attempt<T, E>(&mut self, action: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E> {
        let before = self.clone();
        let answer = action(self);
        if answer.is_err() {
            *self = before;
        }
        answer
    }

    /// The market account's data.
    pub fn market_bytes(&self) -> Vec<u8> {
        let mut bytes = Market::DISCRIMINATOR.to_vec();
        bytes.extend(bytemuck::bytes_of(&self.market));
        bytes.extend((self.reserves.len() as u64).to_le_bytes());
        bytes.extend(self.reserves.iter().flat_map(bytemuck::bytes_of));
        bytes
    }

    /// A margin account's data.
    pub fn margin_bytes(account: &MarginAccount) -> Vec<u8> {
        [&MarginAccount::DISCRIMINATOR, bytemuck::bytes_of(account)].concat()
    }

    /// The data of the margin account or stake at an address.
    pub fn account_bytes(&self, address: &Address) -> Option<Vec<u8>> {
        let stake = || self.stakes.get(address).map(Self::stake_bytes);
        self.accounts.get(address).map(Self::margin_bytes).or_else(stake)
    }

    /// The books as the engine works on them.
    pub fn ledger(&mut self) -> Ledger<'_> {
        Ledger { market: &mut self.market, reserves: &mut self.reserves, now: self.now }
    }

    /// What a transfer of a reserve's token costs.
    fn fee(&self, reserve: u8) -> TransferFee {
        self.fees.get(&from_engine(&self.reserves[reserve as usize].mint)).copied().unwrap_or_default()
    }

    /// What arrives of what somebody sends to a reserve; everything stays that.
    pub fn arriving(&self, reserve: u8, sent: u64) -> Answer<u64> {
        if sent == EVERYTHING { Ok(sent) } else { engine(self.fee(reserve).arriving(sent)) }
    }

    /// What a reserve has to send for so much to arrive.
    pub fn sending(&self, reserve: u8, due: u64) -> Answer<u64> {
        engine(self.fee(reserve).sending(due))
    }

    /// So much arrives in a reserve's vault.
    pub fn pay_in(&mut self, from: Address, reserve: u8, amount: u64) -> Answer {
        let sent = self.sending(reserve, amount)?;
        self.transfer(from, self.vault(reserve), sent, sent - amount)
    }

    /// So much leaves a reserve's vault.
    pub fn pay_out(&mut self, reserve: u8, to: Address, amount: u64) -> Answer {
        self.transfer(self.vault(reserve), to, amount, self.fee(reserve).of(amount))
    }

    fn transfer(&mut self, from: Address, to: Address, amount: u64, fee: u64) -> Answer {
        // The token program's code for insufficient funds.
        let left = self.balances[&from].checked_sub(amount).ok_or(Refusal::Custom(1))?;
        self.balances.insert(from, left);
        *self.balances.get_mut(&to).expect("a token account") += amount - fee;
        Ok(())
    }

    pub fn vault(&self, reserve: u8) -> Address {
        from_engine(&self.reserves[reserve as usize].vault)
    }

    /// Runs an engine action on the books and one margin account.
    pub fn act<T>(
        &mut self,
        address: Address,
        action: impl FnOnce(&mut Ledger<'_>, &mut MarginAccount) -> ballast_engine::Result<T>,
    ) -> Answer<T> {
        let account = self.accounts.get_mut(&address).expect("open");
        let mut ledger = Ledger { market: &mut self.market, reserves: &mut self.reserves, now: self.now };
        engine(action(&mut ledger, account))
    }

    /// What the framework says of a margin account that is not there.
    pub fn require_open(&self, account: Address) -> Answer {
        if self.accounts.contains_key(&account) { Ok(()) } else { Err(Refusal::AccountDataTooSmall) }
    }

    fn require_owner(&self, account: Address, signer: Address) -> Answer {
        let owner = self.accounts[&account].owner;
        if owner == to_engine(&signer) { Ok(()) } else { Err(refused(Error::NotAccountOwner)) }
    }

    pub fn require_reserve(&self, reserve: u8) -> Answer {
        let listed = (reserve as usize) < self.reserves.len();
        if listed { Ok(()) } else { Err(refused(Error::ReserveIndexOutOfRange)) }
    }

    pub fn deposit(&mut self, account: Address, source: Address, reserve: u8, amount: u64) -> Answer {
        self.require_open(account)?;
        self.require_reserve(reserve)?;
        let amount = self.arriving(reserve, amount)?;
        let moved = self.act(account, |ledger, account| ledger.deposit(account, reserve, amount))?;
        self.market.next_event();
        self.pay_in(source, reserve, moved.amount)
    }

    pub fn repay(&mut self, account: Address, source: Address, reserve: u8, amount: u64) -> Answer {
        self.require_open(account)?;
        self.require_reserve(reserve)?;
        let amount = self.arriving(reserve, amount)?;
        let moved = self.act(account, |ledger, account| ledger.repay(account, reserve, amount))?;
        self.market.next_event();
        self.pay_in(source, reserve, moved.amount)
    }

    pub fn withdraw(&mut self, signer: Address, account: Address, to: Address, reserve: u8, amount: u64) -> Answer {
        self.require_open(account)?;
        self.require_owner(account, signer)?;
        self.require_reserve(reserve)?;
        let moved = self.act(account, |ledger, account| ledger.withdraw(account, reserve, amount))?;
        self.market.next_event();
        self.pay_out(reserve, to, moved.amount)
    }

    pub fn borrow(&mut self, signer: Address, account: Address, to: Address, reserve: u8, amount: u64) -> Answer {
        self.require_open(account)?;
        self.require_owner(account, signer)?;
        self.require_reserve(reserve)?;
        let moved = self.act(account, |ledger, account| ledger.borrow(account, reserve, amount))?;
        self.market.next_event();
        self.pay_out(reserve, to, moved.amount)
    }

    pub fn liquidate(&mut self, order: Liquidation) -> Answer {
        let Liquidation { account, source, destination, debt, collateral, max_repay, min_collateral } = order;
        if debt == collateral {
            // The framework refuses the vault that would be given twice.
            return Err(Refusal::Custom(2040));
        }
        self.require_open(account)?;
        self.require_reserve(debt)?;
        self.require_reserve(collateral)?;
        let max_repay = self.arriving(debt, max_repay)?;
        let min_collateral = self.sending(collateral, min_collateral)?;
        let done = self
            .act(account, |ledger, account| ledger.liquidate(account, debt, collateral, max_repay, min_collateral))?;
        assert!(done.after.net() >= done.before.net(), "a liquidation must not worsen health");
        self.market.next_event();
        self.pay_in(source, debt, done.paid())?;
        self.pay_out(collateral, destination, done.seized)
    }

    pub fn settle_bad_debt(&mut self, account: Address, reserve: u8) -> Answer {
        self.require_open(account)?;
        self.act(account, |ledger, account| ledger.settle_bad_debt(account, reserve))?;
        self.market.next_event();
        Ok(())
    }

    pub fn collect_fees(&mut self, signer: Address, to: Address, reserve: u8) -> Answer {
        if self.market.fee_collector != to_engine(&signer) {
            return Err(refused(Error::NotFeeCollector));
        }
        self.require_reserve(reserve)?;
        let amount = engine(self.ledger().collect_fees(reserve))?;
        self.market.next_event();
        self.pay_out(reserve, to, amount)
    }

    pub fn refresh_prices(&mut self, prices: &[(u8, Address, PriceAccount)]) -> Answer {
        if prices.is_empty() {
            return Err(refused(Error::PriceAccountMissing));
        }
        for (reserve, address, (owner, bytes)) in prices {
            self.require_reserve(*reserve)?;
            if !self.market.accepts_receiver(&to_engine(owner)) {
                return Err(refused(Error::PriceOwnerNotAllowed));
            }
            let update = engine(PriceUpdate::parse(bytes))?;
            let source = Source { address: to_engine(address), update };
            if engine(self.ledger().refresh_price(*reserve, &source, None))?.is_some() {
                self.market.next_event();
            }
        }
        Ok(())
    }

    pub fn update_reserve(&mut self, signer: Address, reserve: u8, config: ReserveConfig) -> Answer {
        if self.market.authority != to_engine(&signer) {
            return Err(refused(Error::NotMarketAuthority));
        }
        engine(self.ledger().set_config(reserve, config))
    }

    pub fn add_reserve(&mut self, signer: Address, mint: Address, decimals: u8, config: ReserveConfig) -> Answer {
        if self.market.authority != to_engine(&signer) {
            return Err(refused(Error::NotMarketAuthority));
        }
        engine(check_listing(&self.reserves, &to_engine(&mint)))?;
        let (vault, vault_bump) = vault_address(&self.address, &mint);
        let (token_program, transfers) = match self.fees.get(&mint) {
            Some(_) => (TOKEN_2022_PROGRAM, Transfers::WithFee),
            None => (TOKEN_PROGRAM, Transfers::Plain),
        };
        self.reserves.push(Reserve {
            mint: to_engine(&mint),
            vault: to_engine(&vault),
            token_program: to_engine(&token_program),
            vault_bump,
            transfers: transfers as u8,
            ..engine(Reserve::new(config, decimals, self.now))?
        });
        self.balances.insert(vault, 0);
        Ok(())
    }

    pub fn update_market(&mut self, signer: Address, config: MarketConfig) -> Answer {
        if self.market.authority != to_engine(&signer) {
            return Err(refused(Error::NotMarketAuthority));
        }
        engine(config.validate())?;
        self.market.config = config;
        Ok(())
    }

    pub fn open_account(&mut self, owner: Address, id: u16, mode: u8, collateral: u8, debt: u8) -> Answer {
        let (address, bump) = margin_address(&self.address, &owner, id);
        if self.accounts.contains_key(&address) {
            // The system program's code for an address in use: the account has lamports and another owner.
            return Err(Refusal::Custom(0));
        }
        let (market, owner) = (to_engine(&self.address), to_engine(&owner));
        let account = engine(MarginAccount::open(mode, collateral, debt, &self.reserves))?;
        let account = MarginAccount { bump, id, market, owner, ..account };
        self.accounts.insert(address, account);
        Ok(())
    }

    pub fn close_account(&mut self, signer: Address, account: Address) -> Answer {
        self.require_open(account)?;
        self.require_owner(account, signer)?;
        engine(self.accounts[&account].require_idle(Action::CloseAccount))?;
        if !self.accounts[&account].positions().is_empty() {
            return Err(refused(Error::AccountNotEmpty));
        }
        self.accounts.remove(&account);
        Ok(())
    }

    pub fn read_health(&self, account: Address) -> Answer<HealthReport> {
        // Read-only loading looks at the owner first.
        let account = self.accounts.get(&account).ok_or(Refusal::UninitializedAccount)?;
        engine(HealthReport::new(account, &self.reserves, &self.market.config, self.now))
    }

    /// Invariants of the books: deposits are backed, shares are someone's, and vaults cover what the books say.
    pub fn check(&self) {
        for (index, reserve) in self.reserves.iter().enumerate() {
            let (assets, deposits) = reserve.books();
            assert!(assets >= deposits, "reserve {index}: cash and debts cover the deposits");
            for (side, total) in [(Side::Deposit, reserve.deposit_shares), (Side::Debt, reserve.debt_shares)] {
                let positions = self.accounts.values().filter_map(|account| account.shares(index as u8, side).ok());
                assert_eq!(positions.map(|shares| shares.0).sum::<u64>(), total.0, "reserve {index}: {side:?} shares");
            }
            let held = self.balances[&self.vault(index as u8)] as u128;
            assert!(held >= reserve.vault_balance(), "reserve {index}: what the books say is in the vault");
        }
        self.check_restrictions();
    }
}

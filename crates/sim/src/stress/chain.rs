//! A market and its margin accounts on the engine, without the virtual machine: the same records in the same bytes, changed by the
//! same code. What is done can be kept in a journal, which the tests play through the bytecode.

use anyhow::{Result, anyhow};
use ballast_client::{
    Address, LiquidationOrder, MarketView, PYTH_RECEIVERS, TOKEN_PROGRAM,
    engine::{
        self, Error,
        ledger::{Ledger, Movement, liquidation::Liquidation, settle::Settlement},
        number::units::Bps,
        price::feed::{PriceUpdate, Source},
        state::{
            account::{MarginAccount, Mode},
            insurance::Stake,
            market::{Market, MarketConfig, Roles},
            reserve::Reserve,
        },
    },
    margin_address, market_address, to_engine, vault_address, vault_authority,
};

use crate::{
    assets::{Asset, mint},
    policy::Policy,
    replay::Phases,
};

/// Something done to the market. Accounts are named by when they were opened.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Prices are published and taken over.
    Publish(Vec<PriceUpdate>),
    /// An owner opens an account.
    Open(Address),
    /// Atoms are put into a reserve's insurance.
    Stake(u8, u64),
    /// Atoms of a reserve are deposited.
    Deposit(usize, u8, u64),
    /// Atoms of a reserve are withdrawn.
    Withdraw(usize, u8, u64),
    /// Atoms of a reserve are borrowed.
    Borrow(usize, u8, u64),
    /// Atoms of a reserve are repaid.
    Repay(usize, u8, u64),
    /// An account is liquidated.
    Liquidate(usize, LiquidationOrder),
    /// An account's debt to a reserve is written off.
    Settle(usize, u8),
}

/// An action, when it was done, and whether it was refused.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Unix seconds.
    pub time: i64,
    /// What.
    pub action: Action,
    /// What it was refused with.
    pub refusal: Option<Error>,
}

/// A market on the engine.
#[derive(Clone)]
pub struct Chain {
    /// The market.
    pub view: MarketView,
    /// All margin accounts, in the order in which they were opened.
    pub accounts: Vec<MarginAccount>,
    /// The stake in each reserve's insurance.
    pub stakes: Vec<Stake>,
    /// Unix seconds.
    pub now: i64,
    /// All that was done, if it is kept.
    pub journal: Option<Vec<Entry>>,
}

impl Chain {
    /// A market that lists all assets as a policy has it, with limits of liquidations, and is launched.
    pub fn create(authority: Address, assets: &[Asset], policy: Policy, phases: &Phases, now: i64) -> Result<Self> {
        let refused = |error: Error| anyhow!("the market cannot be made: {error}");
        let role = to_engine(&authority);
        let [price_receiver, second_price_receiver] = PYTH_RECEIVERS.map(|receiver| to_engine(&receiver));
        let (fee_collector, guardian) = (role, role);
        let roles = Roles { fee_collector, guardian, price_receiver, second_price_receiver, ..Roles::default() };
        let config = MarketConfig { roles, near_insolvency: Bps(phases.near_insolvency), ..policy.market() };
        let (address, bump) = market_address(&authority, 0);
        let (signer, vault_authority_bump) = vault_authority(&address);
        let market = Market::new(config, role).map_err(refused)?;
        let mut market =
            Market { bump, vault_authority_bump, creator: role, vault_authority: to_engine(&signer), ..market };
        let mut reserves = Vec::new();
        for (index, asset) in assets.iter().enumerate() {
            let mut config = policy.reserve(asset, index);
            config.breakers.liquidation_hour = phases.hourly[index];
            let (vault, vault_bump) = vault_address(&address, &mint(index));
            let reserve = Reserve::new(&config, asset.decimals, now).map_err(refused)?;
            let (mint, vault) = (to_engine(&mint(index)), to_engine(&vault));
            reserves.push(Reserve { mint, vault, token_program: to_engine(&TOKEN_PROGRAM), vault_bump, ..reserve });
            // A listing is queued, and carried out.
            market.changes += 1;
            market.next_event();
            market.next_event();
        }
        market.config.launched = 1;
        market.next_event();
        let stakes = (0..assets.len() as u8).map(|reserve| Stake { reserve, ..Stake::default() }).collect();
        let view = MarketView { address, market, reserves };
        Ok(Self { view, accounts: Vec::new(), stakes, now, journal: None })
    }

    fn note(&mut self, action: impl FnOnce() -> Action, refusal: Option<Error>) {
        if let Some(journal) = &mut self.journal {
            journal.push(Entry { time: self.now, action: action(), refusal });
        }
    }

    /// Opens an owner's first account, and returns its index.
    pub fn open(&mut self, owner: Address) -> engine::Result<usize> {
        let (_, bump) = margin_address(&self.view.address, &owner, 0);
        let market = to_engine(&self.view.address);
        let empty = MarginAccount::open(Mode::Cross as u8, 0, 0, &self.view.reserves)?;
        self.accounts.push(MarginAccount { bump, market, owner: to_engine(&owner), ..empty });
        self.note(|| Action::Open(owner), None);
        Ok(self.accounts.len() - 1)
    }

    /// Takes over prices, as they are published in a replay.
    pub fn publish(&mut self, updates: &[PriceUpdate]) {
        let MarketView { market, reserves, .. } = &mut self.view;
        let mut ledger = Ledger { market, reserves, now: self.now };
        for index in 0..ledger.reserves.len() {
            if ledger.reserves[index].risk.is_ramping != 0 && matches!(ledger.refresh_reserve(index as u8), Ok(Some(_)))
            {
                ledger.market.next_event();
            }
        }
        for (index, update) in updates.iter().enumerate() {
            let source = Source { address: ledger.reserves[index].config.oracle.feed_account, update: *update };
            // A breaker that changes, and a price that is passed over, are events.
            if !matches!(ledger.refresh_price(index as u8, &source, None), Ok(None)) {
                ledger.market.next_event();
            }
        }
        self.note(|| Action::Publish(updates.to_vec()), None);
    }

    /// Tries an action on copies, and keeps them if it is not refused.
    fn attempt<T>(
        &mut self,
        index: usize,
        action: impl FnOnce() -> Action,
        act: impl FnOnce(&mut Ledger, &mut MarginAccount) -> engine::Result<T>,
    ) -> engine::Result<T> {
        let (mut view, mut account) = (self.view.clone(), self.accounts[index]);
        let done = act(&mut view.ledger(self.now), &mut account);
        if done.is_ok() {
            view.market.next_event();
            (self.view, self.accounts[index]) = (view, account);
        }
        self.note(action, done.as_ref().err().copied());
        done
    }

    /// Deposits atoms of the owner.
    pub fn deposit(&mut self, index: usize, reserve: u8, amount: u64) -> engine::Result<Movement> {
        self.attempt(
            index,
            || Action::Deposit(index, reserve, amount),
            |ledger, account| {
                let owner = account.owner;
                ledger.deposit(account, &owner, reserve, amount)
            },
        )
    }

    /// Withdraws atoms.
    pub fn withdraw(&mut self, index: usize, reserve: u8, amount: u64) -> engine::Result<Movement> {
        self.attempt(
            index,
            || Action::Withdraw(index, reserve, amount),
            |ledger, account| ledger.withdraw(account, reserve, amount),
        )
    }

    /// Borrows atoms.
    pub fn borrow(&mut self, index: usize, reserve: u8, amount: u64) -> engine::Result<Movement> {
        self.attempt(
            index,
            || Action::Borrow(index, reserve, amount),
            |ledger, account| ledger.borrow(account, reserve, amount),
        )
    }

    /// Repays atoms.
    pub fn repay(&mut self, index: usize, reserve: u8, amount: u64) -> engine::Result<Movement> {
        self.attempt(
            index,
            || Action::Repay(index, reserve, amount),
            |ledger, account| ledger.repay(account, reserve, amount),
        )
    }

    /// Liquidates.
    pub fn liquidate(&mut self, index: usize, order: LiquidationOrder) -> engine::Result<Liquidation> {
        let LiquidationOrder { debt, collateral, max_repay, min_collateral } = order;
        self.attempt(
            index,
            || Action::Liquidate(index, order),
            |ledger, account| ledger.liquidate(account, debt, collateral, max_repay, min_collateral),
        )
    }

    /// Writes a debt off.
    pub fn settle(&mut self, index: usize, reserve: u8) -> engine::Result<Settlement> {
        self.attempt(
            index,
            || Action::Settle(index, reserve),
            |ledger, account| ledger.settle_bad_debt(account, reserve),
        )
    }

    /// Puts atoms into a reserve's insurance.
    pub fn stake(&mut self, reserve: u8, amount: u64) -> engine::Result<Movement> {
        let (mut view, mut stake) = (self.view.clone(), self.stakes[reserve as usize]);
        let done = view.ledger(self.now).stake(&mut stake, amount);
        if done.is_ok() {
            view.market.next_event();
            (self.view, self.stakes[reserve as usize]) = (view, stake);
        }
        self.note(|| Action::Stake(reserve, amount), done.as_ref().err().copied());
        done
    }
}

//! Delegates and guards as random actors use them, and in the model.

use super::{
    actors::Actors,
    model::{Answer, Model, engine, refused},
    transaction::Step,
};
use ballast_client::{Address, from_engine, instruction as ix, to_engine};
use ballast_engine::{Error, health::report::HealthReport, record::layout, state::account::rights};
use rand::Rng;

impl Model {
    pub fn require_owner(&self, account: Address, signer: Address) -> Answer {
        let owner = self.accounts[&account].owner;
        if owner == to_engine(&signer) { Ok(()) } else { Err(refused(Error::NotAccountOwner)) }
    }

    /// The owner may, and a delegate with the right who pays to an account of a `payee` to whom it may.
    pub fn require_right(&self, account: Address, signer: Address, right: u8, payee: Address) -> Answer {
        let delegated = || {
            let account = &self.accounts[&account];
            engine(account.require_delegate(&to_engine(&signer), right, &to_engine(&payee), self.now))
        };
        self.require_owner(account, signer).or_else(|_| delegated())
    }

    fn set_delegate(&mut self, signer: Address, account: Address, to: (Address, u8, i64)) -> Answer {
        self.require_open(account)?;
        self.require_owner(account, signer)?;
        let (delegate, rights, until) = to;
        self.act(account, |ledger, account| account.set_delegate(to_engine(&delegate), rights, until, ledger.now))?;
        self.market.next_event();
        Ok(())
    }

    fn assert_health(&self, account: Address, requirement: u8, min_ratio: u32) -> Answer {
        let report = self.read_health(account)?;
        let account = &self.accounts[&account];
        engine(report.require_proved(account, &self.reserves, self.now, requirement, min_ratio))
    }

    fn assert_sequence(&mut self, signer: Address, account: Address, expected: u64) -> Answer {
        self.require_open(account)?;
        self.act(account, |ledger, account| account.advance_sequence(&to_engine(&signer), expected, ledger.now))
    }
}

impl Actors {
    /// Mostly the owner, often the delegate if there is one, now and then anyone.
    pub fn actor(&mut self, account: Address, owner: Address) -> Address {
        let delegate = self.model.accounts.get(&account).map(|account| account.delegate);
        match self.rng.random_range(0..100) {
            0..30 => delegate.filter(|delegate| !delegate.is_none()).map_or(owner, |delegate| from_engine(&delegate)),
            30..33 => self.user(),
            _ => owner,
        }
    }

    pub fn set_delegate(&mut self) -> Step {
        let (account, owner) = self.account();
        let signer = if self.rng.random_bool(0.9) { owner } else { self.actor(account, owner) };
        let mut delegate = self.user();
        let mut granted = self.rng.random_range(0..8);
        let mut until = self.model.now + self.rng.random_range(-3_600..86_400);
        match self.rng.random_range(0..20) {
            0..3 => (delegate, granted, until) = (from_engine(&layout::Address::NONE), 0, 0),
            3 => granted = self.rng.random(),
            4 => delegate = from_engine(&layout::Address::NONE),
            _ => {}
        }
        let market = self.world.market;
        let instruction =
            ix::SetDelegate { owner: signer, market, margin_account: account, delegate, rights: granted, until };
        Step::new(instruction, move |model| model.set_delegate(signer, account, (delegate, granted, until)))
    }

    pub fn assert_health(&mut self) -> Step {
        let (account, _) = self.account();
        let requirement = self.rng.random_range(0..4);
        let report = self.model.read_health(account).ok();
        // About what it has.
        let ratio = report.map_or(0, |report: HealthReport| {
            report.equity_collateral.get().saturating_mul(10_000) / report.equity_debt.get().max(1)
        });
        let min_ratio_bps = match self.rng.random_range(0..4) {
            0 => self.rng.random(),
            1 => ratio.min(u32::MAX as u128) as u32,
            _ => self.rng.random_range(0..20_000),
        };
        let instruction =
            ix::AssertHealth { market: self.world.market, margin_account: account, requirement, min_ratio_bps };
        Step::new(instruction, move |model| model.assert_health(account, requirement, min_ratio_bps))
    }

    pub fn assert_sequence(&mut self) -> Step {
        let (account, owner) = self.account();
        let signer = self.actor(account, owner);
        let sequence = self.model.accounts.get(&account).map_or(0, |account| account.sequence);
        let expected = if self.rng.random_bool(0.8) { sequence } else { self.rng.random_range(0..5) };
        let instruction = ix::AssertSequence { signer, margin_account: account, expected };
        Step::new(instruction, move |model| model.assert_sequence(signer, account, expected))
    }

    /// Where tokens of an account are paid to: mostly its owner's wallet, now and then the signer's. Its owner and address.
    pub fn payee(&mut self, owner: Address, signer: Address, reserve: u8) -> (Address, Address) {
        let payee = if self.rng.random_bool(0.7) { owner } else { signer };
        (payee, self.wallet(&payee, reserve))
    }
}

/// The right that an instruction needs.
pub const fn right(withdraw: bool) -> u8 {
    if withdraw { rights::WITHDRAW } else { rights::BORROW }
}

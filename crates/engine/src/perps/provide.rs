//! Deposits in a pool, and leaving it.

use crate::{
    error::{Error, Result},
    ledger::Ledger,
    number::{math::mul_div_floor, units::Shares},
    perps::bill::take_deposit,
    price::policy::Use,
    state::{
        account::{MarginAccount, Side},
        permission::Action,
        perp::{
            Perp, Pool,
            book::{Standing, Width, beyond, entered, high_value},
        },
    },
};

/// Shares and atoms that count beside the real ones, so that nobody can make the first share dear.
pub(super) const VIRTUAL: u64 = 1_000;
/// For how long shares may be taken once they are free, seconds.
pub const LEAVE_WINDOW: i64 = 172_800;

/// What came to a pool, or left it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolMovement {
    /// Shares of the pool.
    pub shares: Shares,
    /// Atoms.
    pub amount: u64,
}

impl Ledger<'_> {
    /// Moves atoms of an account's quote deposit into a pool, at the value that is high: what the pool might gain counts.
    pub fn provide(&mut self, account: &mut MarginAccount, pool_index: u8, amount: u64) -> Result<PoolMovement> {
        if amount == 0 {
            return Err(Error::AmountIsZero);
        }
        account.require_idle(Action::Deposit)?;
        if account.has_debt() || account.perps().next().is_some() || account.order.rests() {
            return Err(Error::PoolNeedsItsOwnAccount);
        }
        self.enter_pool(pool_index, Use::NewRiskDebt)?;
        let pool = Pool::of(self.reserves, pool_index)?;
        let high = high_value(pool, self.reserves, Width::Initial, self.now)?;
        let (quote, total, config) = (pool.config.quote, pool.shares.0, pool.config);
        self.market.admit(Action::Deposit, self.now)?;
        if account.stake().is_some_and(|stake| stake.pool != pool_index) {
            return Err(Error::OtherPool);
        }
        let value = entered(high, pool.shares).ok_or(Error::PoolWorthless)?;
        if config.reduce_only != 0 || value.saturating_add(amount) > config.max_value {
            return Err(Error::PoolReduceOnly);
        }
        let shares = mul_div_floor(amount, total + VIRTUAL, value + VIRTUAL).filter(|shares| *shares < 1 << 62);
        let shares = shares.ok_or(Error::AmountTooLarge)?;
        if shares == 0 {
            return Err(Error::AmountTooSmall);
        }
        let index = self.reserves[quote as usize].deposit_index;
        let taken = take_deposit(account, quote, index, amount);
        if taken.amount < amount {
            return Err(Error::InsufficientDeposit);
        }
        let pool = Pool::of_mut(self.reserves, pool_index)?;
        (pool.deposit.0, pool.shares.0) = (pool.deposit.0 + taken.shares.0, total + shares);
        account.change_stake(pool_index, |stake| stake.shares.0 += shares)?;
        self.moved(pool_index)?;
        Ok(PoolMovement { shares: Shares(shares), amount })
    }

    /// Asks for shares of a pool, which can be taken after its delay; none takes back what was asked for. Asking anew begins anew.
    pub fn ask_to_leave(&mut self, account: &mut MarginAccount, pool_index: u8, shares: Shares) -> Result<()> {
        account.require_idle(Action::Withdraw)?;
        let delay = Pool::of(self.reserves, pool_index)?.config.leave_delay;
        let stake = account.stake().filter(|stake| stake.pool == pool_index).ok_or(Error::PositionNotFound)?;
        if shares > stake.shares {
            return Err(Error::InsufficientShares);
        }
        let free_from = self.now.saturating_add(delay as i64).clamp(0, u32::MAX as i64) as u32;
        account.change_stake(pool_index, |stake| (stake.asked_for, stake.free_from) = (shares, free_from))
    }

    /// Pays out shares that are free, at the value that is low, into the account's quote deposit: as many as leave the pool what its
    /// positions need. The others stay free until the window closes.
    pub fn leave(&mut self, account: &mut MarginAccount, pool_index: u8) -> Result<PoolMovement> {
        account.require_idle(Action::Withdraw)?;
        let stake = *account.stake().filter(|stake| stake.pool == pool_index).ok_or(Error::PositionNotFound)?;
        self.enter_pool(pool_index, Use::RepaidDebt)?;
        let standing = Standing::of(Pool::of(self.reserves, pool_index)?, self.reserves, Width::Initial, self.now)?;
        self.market.admit(Action::Withdraw, self.now)?;
        let waited = self.now - stake.free_from as i64;
        if stake.asked_for == Shares::ZERO || !(0..=LEAVE_WINDOW).contains(&waited) {
            return Err(Error::PoolSharesNotFree);
        }
        let pool = Pool::of(self.reserves, pool_index)?;
        let (quote, total) = (pool.config.quote, pool.shares.0);
        let low = u64::try_from(standing.low).unwrap_or(0);
        let most = beyond(standing.low, standing.buffer, pool.config.exit_cover);
        let worth = |shares: u64| mul_div_floor(shares, low + VIRTUAL, total + VIRTUAL).unwrap_or(u64::MAX);
        let (mut shares, mut amount) = (stake.asked_for.0, worth(stake.asked_for.0).min(low));
        if amount > most {
            shares = mul_div_floor(most, total + VIRTUAL, low + VIRTUAL).unwrap_or(0).min(shares);
            amount = worth(shares).min(most);
        }
        if shares == 0 || (amount == 0 && low != 0) {
            return Err(Error::PoolNeedsItsCover);
        }
        let index = self.reserves[quote as usize].deposit_index;
        let pool = Pool::of_mut(self.reserves, pool_index)?;
        let paid = index.rare_shares_floor(amount).unwrap_or(Shares::ZERO).min(pool.deposit);
        (pool.deposit.0, pool.shares.0) = (pool.deposit.0 - paid.0, total - shares);
        account.change_stake(pool_index, |stake| {
            (stake.shares.0, stake.asked_for.0) = (stake.shares.0 - shares, stake.asked_for.0 - shares);
        })?;
        if paid != Shares::ZERO {
            account.add(quote, Side::Deposit, paid)?;
        }
        self.moved(pool_index)?;
        Ok(PoolMovement { shares: Shares(shares), amount })
    }

    /// Keeps what a pool's use is once its cash has changed.
    #[inline(never)]
    fn moved(&mut self, pool: u8) -> Result<()> {
        let standing = Standing::of(Pool::of(self.reserves, pool)?, self.reserves, Width::Maintenance, self.now)?;
        self.keep(pool, standing).map(drop)
    }

    /// Brings a pool's quote reserve up to the second, for who comes or goes: all readings that value it must be good enough.
    #[inline(never)]
    fn enter_pool(&mut self, pool_index: u8, used: Use) -> Result<()> {
        let quote = Pool::of(self.reserves, pool_index)?.config.quote;
        self.accrue_reserve(quote)?;
        let pool = Pool::of(self.reserves, pool_index)?;
        for index in pool.perps() {
            let perp = Perp::of(self.reserves, *index)?;
            let is_open = perp.sides.iter().any(|side| side.size != 0);
            if is_open && !perp.is_resolved() {
                let feed = self.reserves.get(perp.config.price as usize).ok_or(Error::ReserveIndexOutOfRange)?;
                used.require(feed.price.condition(self.now))?;
            }
        }
        Ok(())
    }
}

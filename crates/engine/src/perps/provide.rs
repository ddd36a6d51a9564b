//! Deposits in a pool, and leaving it: by the accounts of its owners, and by vaults.

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
            Pool,
            book::{Standing, Width, beyond, entered, high_value},
            shares::{LEAVE_WINDOW, VIRTUAL, require_prices, worth},
        },
        vault::Allocation,
    },
};

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
        account.require_idle(Action::PoolDeposit)?;
        if account.has_debt() || account.perps().next().is_some() || account.order.rests() {
            return Err(Error::PoolNeedsItsOwnAccount);
        }
        let quote = self.enter_pool(pool_index, Use::PoolEntry)?;
        self.market.admit(Action::PoolDeposit, self.now)?;
        if account.stake().is_some_and(|stake| stake.pool != pool_index) {
            return Err(Error::OtherPool);
        }
        let shares = self.shares_for(pool_index, amount)?;
        let index = self.reserves[quote as usize].deposit_index;
        let taken = take_deposit(account, quote, index, amount);
        if taken.amount < amount {
            return Err(Error::InsufficientDeposit);
        }
        account.change_stake(pool_index, |stake| stake.shares.0 += shares.0)?;
        self.joined(pool_index, taken.shares, shares)?;
        Ok(PoolMovement { shares, amount })
    }

    /// Moves atoms of a vault into its allocation's pool, likewise: first they become a deposit in the quote reserve.
    pub fn provide_for_vault(&mut self, allocation: &mut Allocation, amount: u64) -> Result<PoolMovement> {
        let pool_index = allocation.reserve;
        let quote = self.enter_pool(pool_index, Use::PoolEntry)?;
        let (_, reserve) = self.admit_and_accrue(Action::Deposit, quote)?;
        let deposit = reserve.deposit(amount)?;
        let worth = reserve.deposit_index.rare_amount_floor(deposit);
        self.market.flow_in(&mut self.reserves[quote as usize], amount, self.now);
        let shares = self.shares_for(pool_index, worth)?;
        // A part of the pool's total, which fits.
        allocation.shares.0 += shares.0;
        self.joined(pool_index, deposit, shares)?;
        Ok(PoolMovement { shares, amount })
    }

    /// Shares of a pool that an amount buys now.
    #[inline(never)]
    fn shares_for(&self, pool_index: u8, amount: u64) -> Result<Shares> {
        let pool = Pool::of(self.reserves, pool_index)?;
        let high = high_value(pool, self.reserves, Width::Initial, self.now)?;
        let value = entered(high, pool.shares).ok_or(Error::PoolWorthless)?;
        if pool.config.reduce_only != 0 || value.saturating_add(amount) > pool.config.max_value {
            return Err(Error::PoolReduceOnly);
        }
        let shares = mul_div_floor(amount, pool.shares.0 + VIRTUAL, value + VIRTUAL).filter(|shares| *shares < 1 << 62);
        match shares.ok_or(Error::AmountTooLarge)? {
            0 => Err(Error::AmountTooSmall),
            shares => Ok(Shares(shares)),
        }
    }

    /// Books what came to a pool.
    #[inline(never)]
    fn joined(&mut self, pool_index: u8, deposit: Shares, shares: Shares) -> Result<()> {
        let pool = Pool::of_mut(self.reserves, pool_index)?;
        (pool.deposit.0, pool.shares.0) = (pool.deposit.0 + deposit.0, pool.shares.0 + shares.0);
        self.moved(pool_index)
    }

    /// Asks for shares of a pool, which can be taken after its delay; none takes back what was asked for. Asking anew begins anew.
    pub fn ask_to_leave(&mut self, account: &mut MarginAccount, pool_index: u8, shares: Shares) -> Result<()> {
        account.require_idle(Action::PoolRequest)?;
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
        account.require_idle(Action::PoolWithdraw)?;
        let stake = *account.stake().filter(|stake| stake.pool == pool_index).ok_or(Error::PositionNotFound)?;
        let quote = self.enter_pool(pool_index, Use::PoolExit)?;
        self.market.admit(Action::PoolWithdraw, self.now)?;
        let (left, paid) = self.part_with(pool_index, stake.asked_for, stake.free_from, u64::MAX)?;
        account.change_stake(pool_index, |stake| {
            (stake.shares.0, stake.asked_for.0) = (stake.shares.0 - left.shares.0, stake.asked_for.0 - left.shares.0);
        })?;
        if paid != Shares::ZERO {
            account.add(quote, Side::Deposit, paid)?;
        }
        self.moved(pool_index)?;
        Ok(left)
    }

    /// The same for a vault, whose allocation asked for some shares, out of the quote reserve: no more than can be taken out of that.
    pub fn leave_for_vault(&mut self, allocation: &mut Allocation, asked_for: &mut Shares) -> Result<PoolMovement> {
        let pool_index = allocation.reserve;
        let quote = self.enter_pool(pool_index, Use::PoolExit)?;
        self.admit_and_accrue(Action::Withdraw, quote)?;
        let takeable = self.market.takeable(&self.reserves[quote as usize], self.now, u64::MAX);
        let held = Pool::of(self.reserves, pool_index)?.deposit;
        let (left, paid) = self.part_with(pool_index, *asked_for, allocation.free_from, takeable)?;
        let reserve = &mut self.reserves[quote as usize];
        let amount = reserve.exit_index().rare_amount_floor(paid);
        if amount != 0 {
            reserve.withdraw(amount, paid)?;
            self.market.flow_out(reserve, amount, held, self.now)?;
        }
        (allocation.shares.0, asked_for.0) = (allocation.shares.0 - left.shares.0, asked_for.0 - left.shares.0);
        self.moved(pool_index)?;
        Ok(PoolMovement { amount, ..left })
    }

    /// Takes shares that are free out of a pool's books at the value that is low, and what is paid for them, in deposit shares of the quote
    /// reserve: no more than `most` atoms, and no more than leaves the pool what its positions need.
    #[inline(never)]
    fn part_with(
        &mut self,
        pool_index: u8,
        asked_for: Shares,
        free_from: u32,
        most: u64,
    ) -> Result<(PoolMovement, Shares)> {
        let waited = self.now - free_from as i64;
        if asked_for == Shares::ZERO || !(0..=LEAVE_WINDOW).contains(&waited) {
            return Err(Error::PoolSharesNotFree);
        }
        let pool = Pool::of(self.reserves, pool_index)?;
        let standing = Standing::of(pool, self.reserves, Width::Initial, self.now)?;
        let total = pool.shares;
        let low = u64::try_from(standing.low).unwrap_or(0);
        let most = beyond(standing.low, standing.buffer, pool.config.exit_cover).min(most);
        let (mut shares, mut amount) = (asked_for, worth(low, total, asked_for).min(low));
        if amount > most {
            let covered = mul_div_floor(most, total.0 + VIRTUAL, low + VIRTUAL).unwrap_or(0);
            shares = shares.min(Shares(covered));
            amount = worth(low, total, shares).min(most);
        }
        if shares == Shares::ZERO || (amount == 0 && low != 0) {
            return Err(Error::PoolNeedsItsCover);
        }
        let index = self.reserves[pool.config.quote as usize].deposit_index;
        let pool = Pool::of_mut(self.reserves, pool_index)?;
        let paid = index.rare_shares_floor(amount).unwrap_or(Shares::ZERO).min(pool.deposit);
        (pool.deposit.0, pool.shares.0) = (pool.deposit.0 - paid.0, total.0 - shares.0);
        Ok((PoolMovement { shares, amount }, paid))
    }

    /// Keeps what a pool's use is once its cash has changed.
    #[inline(never)]
    fn moved(&mut self, pool: u8) -> Result<()> {
        let standing = Standing::of(Pool::of(self.reserves, pool)?, self.reserves, Width::Maintenance, self.now)?;
        self.keep(pool, standing).map(drop)
    }

    /// Brings a pool's quote reserve up to the second, for who comes or goes, and returns its index: all readings that value the pool must
    /// be good enough.
    #[inline(never)]
    fn enter_pool(&mut self, pool_index: u8, used: Use) -> Result<u8> {
        let quote = Pool::of(self.reserves, pool_index)?.config.quote;
        self.accrue_reserve(quote)?;
        require_prices(Pool::of(self.reserves, pool_index)?, self.reserves, used, self.now)?;
        Ok(quote)
    }
}

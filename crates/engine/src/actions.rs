//! What users do: each action reads check → accrue → change the books → check the outcome. The caller moves the tokens.
//!
//! An action that returns an error may have changed the copies it was given: on chain the transaction is undone,
//! elsewhere the caller discards them.

use crate::{
    breaker::{Change, whole_dollars},
    error::{Error, Result},
    flow::Period,
    gate::Action,
    health::{Requirement, equity, health, is_recent, spot_value},
    insurance::Loss,
    margin::{MarginAccount, Position, Side},
    market::Market,
    price::{Quote, Source},
    reserve::Reserve,
    units::Shares,
};

/// Stands for "everything" where a withdrawal or repayment takes an amount.
pub const EVERYTHING: u64 = u64::MAX;

/// Stands for "no deposit" where tokens leave as a loan.
const NO_DEPOSIT: Shares = Shares(u64::MAX);

/// A market and its reserves at a moment.
pub struct Ledger<'a> {
    /// The market's head.
    pub market: &'a mut Market,
    /// Its reserves.
    pub reserves: &'a mut [Reserve],
    /// Unix seconds.
    pub now: i64,
}

/// What an action moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Movement {
    /// Tokens in or out of the vault, in atoms.
    pub amount: u64,
    /// Shares bought or given up.
    pub shares: Shares,
}

/// A debt written off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The debt's shares.
    pub shares: Shares,
    /// Who bore it.
    pub loss: Loss,
    /// Whether the market became reduce-only by it.
    pub tripped: bool,
}

impl Ledger<'_> {
    /// A reserve with its interest accrued until now.
    #[inline(always)]
    pub(crate) fn accrued(&mut self, reserve: u8) -> Result<&mut Reserve> {
        let record = self.reserves.get_mut(reserve as usize).ok_or(Error::ReserveIndexOutOfRange)?;
        record.accrue(self.now);
        Ok(record)
    }

    /// The same, unless a state of the market or of the reserve, or the guardian, refuses the action.
    #[inline(always)]
    pub(crate) fn admitted(&mut self, action: Action, reserve: u8) -> Result<&mut Reserve> {
        self.market.admit(action, self.now)?;
        let now = self.now;
        let record = self.accrued(reserve)?;
        record.admit(action, now)?;
        Ok(record)
    }

    /// Lends `amount` atoms to a reserve. Needs no price; anyone may pay.
    pub fn deposit(&mut self, account: &mut MarginAccount, reserve: u8, amount: u64) -> Result<Movement> {
        if amount == 0 {
            return Err(Error::AmountIsZero);
        }
        account.require_idle(Action::Deposit)?;
        let record = self.admitted(Action::Deposit, reserve)?;
        let shares = record.deposit(amount)?;
        if account.add(reserve, Side::Deposit, shares)? && amount < record.config.min_deposit {
            return Err(Error::DepositBelowMinimum);
        }
        self.flow_in(reserve, amount);
        Ok(Movement { amount, shares })
    }

    /// Takes `amount` atoms, or [`EVERYTHING`], back. Needs prices only if the account has debts.
    #[inline(never)]
    pub fn withdraw(&mut self, account: &mut MarginAccount, reserve: u8, amount: u64) -> Result<Movement> {
        if amount == 0 {
            return Err(Error::AmountIsZero);
        }
        account.require_idle(Action::Withdraw)?;
        let record = self.admitted(Action::Withdraw, reserve)?;
        let slot = account.find(reserve, Side::Deposit)?;
        let held = account.positions[slot].shares;
        let moved = if amount == EVERYTHING {
            Movement { amount: record.deposit_index.amount_floor(held), shares: held }
        } else {
            let covered = record.deposit_index.shares_ceil(amount).filter(|shares| *shares <= held);
            Movement { amount, shares: covered.ok_or(Error::InsufficientDeposit)? }
        };
        record.withdraw(moved.amount, moved.shares)?;
        let (left, minimum) = (Shares(held.0 - moved.shares.0), record.config.min_deposit);
        let index = record.deposit_index;
        self.flow_out(reserve, moved.amount, held)?;
        account.remove(slot, moved.shares);
        if account.has_debt() {
            if left != Shares::ZERO && index.amount_floor(left) < minimum {
                return Err(Error::DepositBelowMinimum);
            }
            self.require_initial_health(account)?;
        }
        Ok(moved)
    }

    /// Borrows `amount` atoms from a reserve against the account's deposits.
    pub fn borrow(&mut self, account: &mut MarginAccount, reserve: u8, amount: u64) -> Result<Movement> {
        if amount == 0 {
            return Err(Error::AmountIsZero);
        }
        account.require_idle(Action::Borrow)?;
        let record = self.admitted(Action::Borrow, reserve)?;
        let shares = record.borrow(amount)?;
        self.flow_out(reserve, amount, NO_DEPOSIT)?;
        if account.add(reserve, Side::Debt, shares)? {
            account.regroup(self.reserves);
        }
        self.require_initial_health(account)?;
        // The health check has found the price fresh.
        let record = &self.reserves[reserve as usize];
        let owed = record.debt_index.amount_ceil(account.shares(reserve, Side::Debt)?);
        if spot_value(record, owed, true) < self.market.config.min_debt() {
            return Err(Error::DebtBelowMinimum);
        }
        Ok(Movement { amount, shares })
    }

    /// Pays back up to `amount` atoms, at most what is owed; [`EVERYTHING`] leaves nothing. Needs no price; anyone may
    /// pay.
    pub fn repay(&mut self, account: &mut MarginAccount, reserve: u8, amount: u64) -> Result<Movement> {
        if amount == 0 {
            return Err(Error::AmountIsZero);
        }
        account.require_idle(Action::Repay)?;
        let record = self.accrued(reserve)?;
        let slot = account.find(reserve, Side::Debt)?;
        let owed = account.positions[slot].shares;
        let moved = repayment(record, owed, amount)?;
        record.repay(moved.amount, moved.shares);
        if account.remove(slot, moved.shares) {
            account.regroup(self.reserves);
        }
        self.flow_in(reserve, moved.amount);
        Ok(moved)
    }

    /// Writes an account's debt off: see [`Reserve::write_off`] for who bears it. Anyone may, once no collateral is left:
    /// none at all, or dust that no liquidator comes for (see [`Self::require_bad_debt`]). Losses of insurances and
    /// depositors beyond the market's limit make it reduce-only.
    pub fn settle_bad_debt(&mut self, account: &mut MarginAccount, reserve: u8) -> Result<Settlement> {
        account.require_idle(Action::SettleBadDebt)?;
        let slot = account.find(reserve, Side::Debt)?;
        let shares = account.positions[slot].shares;
        self.require_bad_debt(account)?;
        let record = self.accrued(reserve)?;
        let loss = record.write_off(shares);
        let lost = record.price.roughly(loss.insurance.saturating_add(loss.depositors));
        account.remove(slot, shares);
        account.regroup(self.reserves);
        if !account.has_debt() {
            account.see_healthy();
        }
        let Market { config, losses, reduce_only, .. } = &mut *self.market;
        let limit = whole_dollars(config.loss_limit);
        let tripped = losses.room(limit, Period::Day, self.now) < lost && *reduce_only == 0;
        losses.add(lost);
        *reduce_only |= tripped as u8;
        Ok(Settlement { shares, loss, tripped })
    }

    /// Records that an account is liquidatable, or that it is not. Anyone may; the penalty grows from then on. Returns which.
    ///
    /// Only recent prices prove that it is not: old ones are read in the borrower's favour, who would start the clock again
    /// with them.
    pub fn mark_liquidatable(&mut self, account: &mut MarginAccount) -> Result<bool> {
        account.require_idle(Action::MarkLiquidatable)?;
        let config = &self.market.config;
        let health = health(account, self.reserves, config, self.now, Requirement::Maintenance)?;
        if !health.covers() {
            account.see_liquidatable(self.now);
        } else if account.positions().iter().all(|position| is_recent(position, self.reserves, self.now)) {
            account.see_healthy();
        }
        Ok(!health.covers())
    }

    /// Takes a reserve's fees: see [`Reserve::collect_fees`].
    pub fn collect_fees(&mut self, reserve: u8) -> Result<u64> {
        self.admitted(Action::CollectFees, reserve)?.collect_fees()
    }

    /// Brings a reserve up to date while nobody uses it or publishes its price: interest, the insurance's share of it, the ramp,
    /// windows, and the price breaker.
    /// Anyone may. Returns what became of the breaker.
    pub fn poke(&mut self, reserve: u8) -> Result<Option<Change>> {
        let now = self.now;
        let record = self.accrued(reserve)?;
        record.set_some_fees_aside();
        record.outflow.drain(&record.config.breakers.outflow(), now);
        let change = record.watch(now);
        record.ramp(now);
        record.liquidated.drain(record.config.breakers.liquidations(), Period::Hour, now);
        let Market { config, outflow, liquidated, losses, .. } = &mut *self.market;
        outflow.drain(&config.outflow(), now);
        liquidated.drain(config.liquidations(), Period::Hour, now);
        losses.drain(whole_dollars(config.loss_limit), Period::Day, now);
        Ok(change)
    }

    /// Takes in tokens that came to a reserve.
    #[inline(never)]
    fn flow_in(&mut self, reserve: u8, amount: u64) {
        let record = &mut self.reserves[reserve as usize];
        record.outflow.pay_in(&record.config.breakers.outflow(), amount, self.now);
        let limits = self.market.config.outflow();
        if !limits.are_off() {
            self.market.outflow.pay_in(&limits, record.flow_value(amount), self.now);
        }
    }

    /// Takes in tokens that leave a reserve, of a deposit of so many shares, or refuses it.
    #[inline(never)]
    fn flow_out(&mut self, reserve: u8, amount: u64, deposit: Shares) -> Result<()> {
        let record = &mut self.reserves[reserve as usize];
        let mut is_open = record.outflow.pay_out(&record.config.breakers.outflow(), amount, self.now);
        let limits = self.market.config.outflow();
        if !limits.are_off() {
            is_open &= self.market.outflow.pay_out(&limits, record.flow_value(amount), self.now);
        }
        if is_open { Ok(()) } else { self.require_small(reserve, deposit) }
    }

    /// The last quarter of the outflow limits is for deposits that were small whole.
    #[cold]
    #[inline(never)]
    fn require_small(&self, reserve: u8, deposit: Shares) -> Result<()> {
        let record = &self.reserves[reserve as usize];
        let breakers = &record.config.breakers;
        let is_small = deposit != NO_DEPOSIT && record.deposit_index.amount_floor(deposit) <= breakers.small_deposit;
        let has_room = record.outflow.has_room(&breakers.outflow(), true)
            && self.market.outflow.has_room(&self.market.config.outflow(), true);
        if is_small && has_room { Ok(()) } else { Err(Error::OutflowLimitReached) }
    }

    /// Takes over a price for a reserve, of one feed or of two; one that it has already changes nothing. Returns what became
    /// of its price breaker.
    #[inline(always)]
    pub fn refresh_price(&mut self, reserve: u8, first: &Source, base: Option<&Source>) -> Result<Option<Change>> {
        let record = self.reserves.get_mut(reserve as usize).ok_or(Error::ReserveIndexOutOfRange)?;
        let quote = Quote::new(first, base, &record.config.oracle, self.now)?;
        record.refresh(&quote, self.now)
    }

    /// What [`Self::settle_bad_debt`] requires. No deposit may be left that is worth anything, but dust: each below its reserve's minimum, and together, at last
    /// prices, below the market's dust value and the account's debt. Sizes bound what an old price could hide, values
    /// what a raised minimum could.
    pub fn require_bad_debt(&self, account: &MarginAccount) -> Result<()> {
        let equity = equity(account, self.reserves, self.now)?;
        let is_small = |position: &Position| {
            let record = &self.reserves[position.reserve as usize];
            position.is_debt()
                || record.deposit_index_at(self.now).amount_floor(position.shares) < record.config.min_deposit
        };
        let is_dust = equity.collateral < self.market.config.dust() && !equity.covers();
        if is_dust && account.positions().iter().all(is_small) { Ok(()) } else { Err(Error::BadDebtNotProven) }
    }

    /// New risk must be covered at initial weights, and leave no debt too small to be worth liquidating. An account that may
    /// take it is in no trouble either (invariant 13).
    fn require_initial_health(&self, account: &mut MarginAccount) -> Result<()> {
        let health = health(account, self.reserves, &self.market.config, self.now, Requirement::Initial)?;
        if !health.covers() {
            return Err(Error::InitialHealthTooLow);
        }
        if health.debt < self.market.config.min_debt() {
            return Err(Error::DebtBelowMinimum);
        }
        account.see_healthy();
        Ok(())
    }
}

/// What a repayment of up to `amount` burns of a debt: shares rounded down, or all of it for what it costs.
#[inline(always)]
pub(crate) fn repayment(record: &Reserve, owed: Shares, amount: u64) -> Result<Movement> {
    let index = record.debt_index;
    // ⌊amount ÷ index⌋ reaches the shares owed where the amount reaches their cost, and not before.
    match index.shares_floor(amount).filter(|shares| amount != EVERYTHING && *shares < owed) {
        Some(Shares::ZERO) => Err(Error::AmountTooSmall),
        Some(shares) => Ok(Movement { amount, shares }),
        None => Ok(Movement { amount: index.amount_ceil(owed), shares: owed }),
    }
}

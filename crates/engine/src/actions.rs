//! What users do: each action reads check → accrue → change the books → check the outcome. The caller moves the tokens.
//!
//! An action that returns an error may have changed the copies it was given: on chain the transaction is undone,
//! elsewhere the caller discards them.

use crate::{
    breaker::{Change, whole_dollars},
    error::{Error, Result},
    flow::Period,
    gate::Action,
    health::{Health, Requirement, health, proved, rare_spot_value, spot_value, worth},
    insurance::Loss,
    layout::Address,
    margin::{MarginAccount, Side},
    market::{Market, NO_DEPOSIT},
    math::later,
    price::{Quote, Source},
    reserve::Reserve,
    rules::Use,
    units::{Shares, Usd},
};

/// Stands for "everything" where a withdrawal or repayment takes an amount.
pub const EVERYTHING: u64 = u64::MAX;

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
    pub(crate) fn accrue_reserve(&mut self, reserve: u8) -> Result<&mut Reserve> {
        let record = self.reserves.get_mut(reserve as usize).ok_or(Error::ReserveIndexOutOfRange)?;
        record.accrue(self.now);
        Ok(record)
    }

    /// The same, unless a state of the market or of the reserve, or the guardian, refuses the action.
    #[inline(always)]
    pub(crate) fn admit_and_accrue(&mut self, action: Action, reserve: u8) -> Result<(&mut Market, &mut Reserve)> {
        self.market.admit(action, self.now)?;
        let record = self.reserves.get_mut(reserve as usize).ok_or(Error::ReserveIndexOutOfRange)?;
        record.accrue(self.now);
        record.admit(action, self.now)?;
        Ok((self.market, record))
    }

    /// Lends `amount` atoms to a reserve. Anyone may pay into a position that is there; only the owner or a delegate opens one.
    /// Needs a price, which is not too old, only if the account has debts.
    pub fn deposit(
        &mut self,
        account: &mut MarginAccount,
        payer: &Address,
        reserve: u8,
        amount: u64,
    ) -> Result<Movement> {
        if amount == 0 {
            return Err(Error::AmountIsZero);
        }
        account.require_idle(Action::Deposit)?;
        let now = self.now;
        let (_, record) = self.admit_and_accrue(Action::Deposit, reserve)?;
        if now > record.price.fresh_until && account.has_debt() {
            Use::AddedCollateral.require(record.price.condition(now))?;
        }
        let (mut most, mut is_rescue) = (record.config.deposit_cap, false);
        let shares = loop {
            match self.reserves[reserve as usize].deposit_up_to(most, amount) {
                Err(Error::DepositCapExceeded) if !is_rescue => {
                    most = self.room_for_rescue(account, reserve, amount)?;
                    is_rescue = true;
                }
                shares => break shares?,
            }
        };
        if account.add(reserve, Side::Deposit, shares)? {
            account.require_opener(payer, now)?;
            if amount < self.reserves[reserve as usize].config.min_deposit {
                return Err(Error::DepositBelowMinimum);
            }
        }
        self.market.flow_in(&mut self.reserves[reserve as usize], amount, now);
        Ok(Movement { amount, shares })
    }

    /// Most deposits there may be after one beyond the cap: a quarter more. It may add to a position of an account in need as long
    /// as that still has less than initial weights ask for, at last prices whatever they are like: room for new debts is made within
    /// the cap alone. So the cap stops nobody from warding off liquidation. The quarter is the bound: whenever its price falls, an
    /// account may fall into need again.
    #[cold]
    #[inline(never)]
    fn room_for_rescue(&self, account: &MarginAccount, reserve: u8, amount: u64) -> Result<u64> {
        let slot = account.find(reserve, Side::Deposit).map_err(|_| Error::DepositCapExceeded)?;
        let record = &self.reserves[reserve as usize];
        let shares = record.deposit_index.rare_shares_floor(amount).ok_or(Error::AmountTooLarge)?;
        let mut account = *account;
        let held = &mut account.positions[slot].shares.0;
        *held = held.checked_add(shares.0).ok_or(Error::AmountTooLarge)?;
        let Health { collateral, debt } = self.health(&account, Requirement::Rescue)?;
        // The highest cap of late: one that was lowered for an emergency stops no rescue.
        let cap = record.risk.ceiling_cap;
        if collateral < debt { Ok(cap.saturating_add(cap / 4)) } else { Err(Error::DepositCapExceeded) }
    }

    #[inline(never)]
    fn health(&self, account: &MarginAccount, requirement: Requirement) -> Result<Health> {
        health(account, self.reserves, &self.market.config, self.now, requirement)
    }

    /// Takes `amount` atoms, or [`EVERYTHING`], back. Needs prices only if the account has debts.
    #[inline(never)]
    pub fn withdraw(&mut self, account: &mut MarginAccount, reserve: u8, amount: u64) -> Result<Movement> {
        if amount == 0 {
            return Err(Error::AmountIsZero);
        }
        account.require_idle(Action::Withdraw)?;
        let now = self.now;
        let (market, record) = self.admit_and_accrue(Action::Withdraw, reserve)?;
        let slot = account.find(reserve, Side::Deposit)?;
        let held = account.positions[slot].shares;
        let moved = if amount == EVERYTHING {
            Movement { amount: record.deposit_index.amount_floor(held), shares: held }
        } else {
            let covered = record.deposit_index.shares_ceil(amount).filter(|shares| *shares <= held);
            Movement { amount, shares: covered.ok_or(Error::InsufficientDeposit)? }
        };
        record.withdraw(moved.amount, moved.shares)?;
        market.flow_out(record, moved.amount, held, now)?;
        let (left, minimum) = (Shares(held.0 - moved.shares.0), record.config.min_deposit);
        let index = record.deposit_index;
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
        let now = self.now;
        let (market, record) = self.admit_and_accrue(Action::Borrow, reserve)?;
        let shares = record.borrow(amount)?;
        market.flow_out(record, amount, NO_DEPOSIT, now)?;
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
        let record = self.accrue_reserve(reserve)?;
        let slot = account.find(reserve, Side::Debt)?;
        let owed = account.positions[slot].shares;
        let moved = repayment(record, owed, amount)?;
        record.repay(moved.amount, moved.shares);
        if account.remove(slot, moved.shares) {
            account.regroup(self.reserves);
        }
        self.market.flow_in(&mut self.reserves[reserve as usize], moved.amount, self.now);
        Ok(moved)
    }

    /// Writes an account's debt off, as far as it is surely lost ([`Self::certain_loss`]): see [`Reserve::write_off`] for who bears
    /// it. Anyone may. Losses of insurances and depositors beyond the market's limit make it reduce-only.
    pub fn settle_bad_debt(&mut self, account: &mut MarginAccount, reserve: u8) -> Result<Settlement> {
        account.require_idle(Action::SettleBadDebt)?;
        let slot = account.find(reserve, Side::Debt)?;
        let owed = account.positions[slot].shares;
        let lost = self.certain_loss(account)?;
        let record = self.accrue_reserve(reserve)?;
        let shares = match lost {
            None => owed,
            Some(lost) => {
                let shares = record.debt_index.rare_shares_floor(record.price.atoms_floor(lost, record.price.spot));
                shares.map_or(owed, |shares| shares.min(owed))
            }
        };
        if shares == Shares::ZERO {
            return Err(Error::BadDebtNotProven);
        }
        let loss = record.write_off(shares);
        let lost = record.price.roughly(loss.insurance.saturating_add(loss.depositors));
        if account.remove(slot, shares) {
            account.regroup(self.reserves);
        }
        if !account.has_debt() {
            account.clear_liquidatable();
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
    /// Only current prices prove that it is not: others are read in the borrower's favour, who would start the clock again
    /// with them. Deposits without one count nothing in that proof.
    pub fn mark_liquidatable(&mut self, account: &mut MarginAccount) -> Result<bool> {
        account.require_idle(Action::MarkLiquidatable)?;
        let health = self.health(account, Requirement::Maintenance)?;
        if !health.is_healthy() {
            account.record_liquidatable(self.now);
        } else if self.is_proved_healthy(account)? {
            account.clear_liquidatable();
        }
        Ok(!health.is_healthy())
    }

    /// Whether what a healthy account has by current prices alone covers its debts.
    fn is_proved_healthy(&self, account: &MarginAccount) -> Result<bool> {
        match proved(account, self.reserves, self.now) {
            Ok(None) => Ok(true),
            Ok(Some(proved)) => Ok(self.health(&proved, Requirement::Maintenance)?.is_healthy()),
            Err(_) => Ok(false),
        }
    }

    /// Takes a reserve's fees: see [`Reserve::collect_fees`].
    pub fn collect_fees(&mut self, reserve: u8) -> Result<u64> {
        self.admit_and_accrue(Action::CollectFees, reserve)?.1.collect_fees()
    }

    /// Brings a reserve up to date while nobody uses it or publishes its price: interest, the insurance's share of it, the ramp,
    /// windows, and the price breaker.
    /// Anyone may. Returns what became of the breaker.
    pub fn refresh_reserve(&mut self, reserve: u8) -> Result<Option<BreakerEvent>> {
        let now = self.now;
        let record = self.accrue_reserve(reserve)?;
        record.set_some_fees_aside();
        record.outflow.drain(&record.config.breakers.outflow(), now);
        let change = record.watch(now);
        record.ramp(now);
        record.liquidated.drain(record.config.breakers.liquidations(), Period::Hour, now);
        let Market { config, outflow, liquidated, losses, .. } = &mut *self.market;
        outflow.fade(now);
        liquidated.drain(config.liquidations(), Period::Hour, now);
        losses.drain(whole_dollars(config.loss_limit), Period::Day, now);
        Ok(change)
    }

    /// Takes over a price for a reserve, of one feed or of two; one that is not newer changes nothing. Returns what became of its
    /// price breaker. What is no mistake of the caller's, but something about the price ([`Error::is_about_a_price`]), is to be
    /// passed over where several prices are taken over together.
    #[inline(always)]
    pub fn refresh_price(
        &mut self,
        reserve: u8,
        first: &Source,
        base: Option<&Source>,
    ) -> Result<Option<BreakerEvent>> {
        let record = self.reserves.get_mut(reserve as usize).ok_or(Error::ReserveIndexOutOfRange)?;
        let latest = later(self.now, self.market.config.max_clock_lag as i64);
        let quote = Quote::new(first, base, &record.config.oracle, latest)?;
        record.refresh(&quote, self.now)
    }

    /// What of an account's debts is surely lost, USD; `None`: all of them. An error if nothing is: a deposit worth the dust value
    /// is left that could be taken, or what is left may yet pay.
    ///
    /// All is lost where less than dust is left; of a token whose price is old, no more atoms than its smallest deposit: sizes
    /// bound what an old price could hide. Else what exceeds twice what the deposits, and half of what debts of an old price, were
    /// last worth: those that cannot be taken now, because their price is old or their reserve has no cash, hold no more up
    /// than that.
    pub fn certain_loss(&self, account: &MarginAccount) -> Result<Option<Usd>> {
        let (mut debts, mut deposits, mut takeable, mut hides) = (Usd::ZERO, Usd::ZERO, Usd::ZERO, false);
        let mut favoured = Usd::ZERO;
        for position in account.positions() {
            let record = self.reserves.get(position.reserve as usize).ok_or(Error::ReserveIndexOutOfRange)?;
            let is_current = record.price.condition(self.now).is_current();
            let (amount, value) = worth(position, record, self.now);
            if position.is_debt() {
                debts = debts.plus(value);
                favoured = favoured.plus(if is_current { value } else { Usd(value.0 / 2) });
                continue;
            }
            deposits = deposits.plus(value);
            if is_current {
                takeable = takeable.plus(rare_spot_value(record, amount.min(record.cash), false));
            } else {
                hides |= amount >= record.config.min_deposit;
            }
        }
        let dust = self.market.config.dust();
        if takeable >= dust {
            return Err(Error::BadDebtNotProven);
        }
        if deposits < dust && !hides && deposits < debts {
            return Ok(None);
        }
        match favoured.saturating_sub(deposits.plus(deposits)) {
            Usd::ZERO => Err(Error::BadDebtNotProven),
            lost => Ok(Some(lost)),
        }
    }

    /// New risk must be covered at initial weights, and leave no debt too small to be worth liquidating. An account that may
    /// take it is in no trouble either (invariant 13). A smaller debt, left by a price or a repayment, may stay if what is left
    /// would cover the smallest.
    fn require_initial_health(&self, account: &mut MarginAccount) -> Result<()> {
        let health = self.health(account, Requirement::Initial)?;
        if !health.is_healthy() {
            return Err(Error::InitialHealthTooLow);
        }
        if health.collateral < self.market.config.min_debt() {
            return Err(Error::DebtBelowMinimum);
        }
        account.clear_liquidatable();
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

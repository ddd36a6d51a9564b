//! Lending and borrowing.

use crate::{
    error::{Error, Result},
    health::{Health, Requirement, position::spot_value},
    ledger::{EVERYTHING, Ledger, Movement, report::Burned},
    number::units::{Part, Shares},
    price::policy::Use,
    record::layout::Address,
    state::{
        account::{MarginAccount, Side},
        market::NO_DEPOSIT,
        permission::Action,
        reserve::Reserve,
    },
};

impl Ledger<'_> {
    /// Lends `amount` atoms to a reserve. Anyone may pay into a position that is there; only the owner or a delegate opens one.
    /// Needs a price, which is not too old, only if the account has debts.
    pub fn deposit(
        &mut self,
        account: &mut MarginAccount,
        payer: &Address,
        reserve_index: u8,
        amount: u64,
    ) -> Result<Movement> {
        if amount == 0 {
            return Err(Error::AmountIsZero);
        }
        account.require_idle(Action::Deposit)?;
        let now = self.now;
        let (_, reserve) = self.admit_and_accrue(Action::Deposit, reserve_index)?;
        let slot = account.slot_for(reserve_index, Side::Deposit)?;
        if slot.is_new {
            account.require_opener(payer, now)?;
            if amount < reserve.config.min_deposit {
                return Err(Error::DepositBelowMinimum);
            }
        }
        if now > reserve.price.fresh_until && account.is_exposed() {
            Use::AddedCollateral.require(reserve.price.condition(now))?;
        }
        let (mut most, mut is_rescue) = (reserve.config.deposit_cap, false);
        let shares = loop {
            match self.reserves[reserve_index as usize].deposit_up_to(most, amount) {
                Err(Error::DepositCapExceeded) if !is_rescue => {
                    most = self.room_for_rescue(account, reserve_index, amount)?;
                    is_rescue = true;
                }
                shares => break shares?,
            }
        };
        account.add_at(slot, reserve_index, Side::Deposit, shares);
        self.market.flow_in(&mut self.reserves[reserve_index as usize], amount, now);
        Ok(Movement { amount, shares })
    }

    /// Most deposits there may be after one beyond the cap: a quarter more. It may add to a position of an account in need as long
    /// as that still has less than initial weights ask for, at last prices whatever they are like: room for new debts is made within
    /// the cap alone. So the cap stops nobody from warding off liquidation. The quarter is the bound: whenever its price falls, an
    /// account may fall into need again.
    #[cold]
    #[inline(never)]
    fn room_for_rescue(&self, account: &MarginAccount, reserve_index: u8, amount: u64) -> Result<u64> {
        let slot = account.find(reserve_index, Side::Deposit).map_err(|_| Error::DepositCapExceeded)?;
        let reserve = &self.reserves[reserve_index as usize];
        let shares = reserve.deposit_index.rare_shares_floor(amount).ok_or(Error::AmountTooLarge)?;
        let mut account = *account;
        let held = &mut account.positions[slot].shares.0;
        *held = held.checked_add(shares.0).ok_or(Error::AmountTooLarge)?;
        let Health { collateral, debt } = self.health(&account, Requirement::Rescue)?;
        // The highest cap of late: one that was lowered for an emergency stops no rescue.
        let cap = reserve.risk.ceiling_cap;
        if collateral < debt { Ok(cap.saturating_add(cap / 4)) } else { Err(Error::DepositCapExceeded) }
    }

    /// Takes `amount` atoms, or [`EVERYTHING`], back, at the exit index (`Reserve::exit_index`). Needs prices only if the account
    /// has debts.
    #[inline(never)]
    pub fn withdraw(&mut self, account: &mut MarginAccount, reserve_index: u8, amount: u64) -> Result<Movement> {
        if amount == 0 {
            return Err(Error::AmountIsZero);
        }
        account.require_idle(Action::Withdraw)?;
        let now = self.now;
        let (market, reserve) = self.admit_and_accrue(Action::Withdraw, reserve_index)?;
        let slot = account.find(reserve_index, Side::Deposit)?;
        let held = account.positions[slot].shares;
        let exit = reserve.exit_index();
        if exit.is_zero() && !reserve.is_wiped_out() {
            return Err(Error::LossPending);
        }
        let moved = if amount == EVERYTHING {
            Movement { amount: exit.amount_floor(held), shares: held }
        } else {
            let covered = exit.shares_ceil(amount).filter(|shares| *shares <= held);
            Movement { amount, shares: covered.ok_or(Error::InsufficientDeposit)? }
        };
        reserve.withdraw(moved.amount, moved.shares)?;
        market.flow_out(reserve, moved.amount, held, now)?;
        let (left, minimum) = (Shares(held.0 - moved.shares.0), reserve.config.min_deposit);
        let index = reserve.deposit_index;
        account.remove(slot, moved.shares);
        if account.is_exposed() {
            if left != Shares::ZERO && index.amount_floor(left) < minimum {
                return Err(Error::DepositBelowMinimum);
            }
            self.require_initial_health(account)?;
            if account.doubtful != Part::ZERO {
                self.clear_report(account)?;
            }
        }
        Ok(moved)
    }

    /// Borrows `amount` atoms from a reserve against the account's deposits.
    pub fn borrow(&mut self, account: &mut MarginAccount, reserve_index: u8, amount: u64) -> Result<Movement> {
        if amount == 0 {
            return Err(Error::AmountIsZero);
        }
        account.require_idle(Action::Borrow)?;
        if account.has_extras() && account.stake().is_some() {
            return Err(Error::PoolNeedsItsOwnAccount);
        }
        if account.doubtful != Part::ZERO {
            // The health check below finds what it owes covered.
            self.clear_report(account)?;
        }
        let now = self.now;
        let (market, reserve) = self.admit_and_accrue(Action::Borrow, reserve_index)?;
        let shares = reserve.borrow(amount)?;
        market.flow_out(reserve, amount, NO_DEPOSIT, now)?;
        if account.add(reserve_index, Side::Debt, shares)? {
            account.regroup(self.reserves);
        }
        self.require_initial_health(account)?;
        // The health check has found the price fresh.
        let reserve = &self.reserves[reserve_index as usize];
        let owed = reserve.debt_index.amount_ceil(account.shares(reserve_index, Side::Debt)?);
        if spot_value(reserve, owed, true) < self.market.config.min_debt() {
            return Err(Error::DebtBelowMinimum);
        }
        Ok(Movement { amount, shares })
    }

    /// Pays back up to `amount` atoms, at most what is owed; [`EVERYTHING`] leaves nothing. Needs no price; anyone may
    /// pay.
    pub fn repay(&mut self, account: &mut MarginAccount, reserve_index: u8, amount: u64) -> Result<Movement> {
        if amount == 0 {
            return Err(Error::AmountIsZero);
        }
        account.require_idle(Action::Repay)?;
        let reserve = self.accrue_reserve(reserve_index)?;
        let slot = account.find(reserve_index, Side::Debt)?;
        let owed = account.positions[slot].shares;
        let moved = repayment(reserve, owed, amount)?;
        reserve.repay(moved.amount, moved.shares);
        if account.remove(slot, moved.shares) {
            account.regroup(self.reserves);
        }
        if account.doubtful != Part::ZERO {
            self.carry_report(account, reserve_index, moved.shares, Burned::Repaid)?;
        }
        self.market.flow_in(&mut self.reserves[reserve_index as usize], moved.amount, self.now);
        Ok(moved)
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
pub(crate) fn repayment(reserve: &Reserve, owed: Shares, amount: u64) -> Result<Movement> {
    let index = reserve.debt_index;
    // ⌊amount ÷ index⌋ reaches the shares owed where the amount reaches their cost, and not before.
    match index.shares_floor(amount).filter(|shares| amount != EVERYTHING && *shares < owed) {
        Some(Shares::ZERO) => Err(Error::AmountTooSmall),
        Some(shares) => Ok(Movement { amount, shares }),
        None => Ok(Movement { amount: index.amount_ceil(owed), shares: owed }),
    }
}

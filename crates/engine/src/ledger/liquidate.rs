//! Liquidation: just enough debt repaid, for collateral at a penalty that grows with the shortfall.
//!
//! [`crate::ledger::liquidation`] calculates what is repaid and seized. Here the books are changed accordingly.

use crate::{
    error::{Error, Result},
    ledger::{
        Ledger,
        liquidation::{Calculation, Liquidation},
        report::Burned,
    },
    number::units::Part,
    state::{account::MarginAccount, permission::Action},
};

impl Ledger<'_> {
    /// Repays an unhealthy account's debt for its collateral, or any debt to a reserve whose term has come; the liquidator pays
    /// up to `max_repay` atoms.
    ///
    /// No more is repaid than returns the account to the market's target health, unless only dust of the position would be
    /// left. No more is taken than the limits of liquidations leave, unless the account is near insolvency. Fails if less
    /// than `min_collateral` atoms would be paid out.
    #[inline(always)]
    pub fn liquidate(
        &mut self,
        account: &mut MarginAccount,
        debt: u8,
        collateral: u8,
        max_repay: u64,
        min_collateral: u64,
    ) -> Result<Liquidation> {
        let done = self.exchange(account, debt, collateral, max_repay, min_collateral);
        // Out of the exchange, which has no register to spare.
        if account.doubtful != Part::ZERO
            && let Ok(done) = &done
        {
            self.carry_report(account, debt, done.debt_shares, Burned::Liquidated)?;
        }
        done
    }

    /// [`Self::liquidate`], but for what is reported of the account.
    #[inline(never)]
    fn exchange(
        &mut self,
        account: &mut MarginAccount,
        debt: u8,
        collateral: u8,
        max_repay: u64,
        min_collateral: u64,
    ) -> Result<Liquidation> {
        if max_repay == 0 {
            return Err(Error::AmountIsZero);
        }
        account.require_idle(Action::Liquidate)?;
        self.accrue_reserve(debt)?;
        self.accrue_reserve(collateral)?;
        let calculation = self.calculate_liquidation(account, debt, collateral, max_repay)?;
        if calculation.liquidation.seized < min_collateral {
            return Err(Error::CollateralBelowMinimum);
        }
        self.execute_liquidation(account, debt, collateral, calculation)
    }

    /// Changes the books as calculated.
    #[inline(always)]
    fn execute_liquidation(
        &mut self,
        account: &mut MarginAccount,
        debt: u8,
        collateral: u8,
        calculation: Calculation,
    ) -> Result<Liquidation> {
        let Calculation { liquidation, debt_slot, collateral_slot, market_limit, collateral_limit } = calculation;
        if !liquidation.before.is_healthy() {
            account.record_liquidatable(self.now);
        }
        if liquidation.after.is_healthy() {
            account.clear_liquidatable();
        }
        let reserve = &mut self.reserves[debt as usize];
        reserve.repay(liquidation.repaid, liquidation.debt_shares);
        reserve.insurance.earn(liquidation.insurance);
        let reserve = &mut self.reserves[collateral as usize];
        reserve.withdraw(liquidation.seized, liquidation.collateral_shares)?;
        (self.market.liquidated, reserve.liquidated) = (market_limit, collateral_limit);
        // The later position first: if a position closes, the last one takes its place.
        let mut changes = [(debt_slot, liquidation.debt_shares), (collateral_slot, liquidation.collateral_shares)];
        if debt_slot < collateral_slot {
            changes.swap(0, 1);
        }
        let closed = changes.map(|(slot, shares)| account.remove(slot, shares));
        if closed != [false, false] {
            account.regroup(self.reserves);
        }
        Ok(liquidation)
    }

    /// Liquidates now, and leaves what [`Self::liquidate`] would take due until [`Self::end_liquidation`]. The caller makes sure
    /// that the same transaction calls that. So all amounts are settled at the prices of the beginning, by the same rules, and
    /// nothing that happens in between changes them.
    pub fn begin_liquidation(
        &mut self,
        account: &mut MarginAccount,
        debt: u8,
        collateral: u8,
        max_repay: u64,
        min_collateral: u64,
    ) -> Result<Liquidation> {
        let done = self.liquidate(account, debt, collateral, max_repay, min_collateral)?;
        (account.in_receivership, account.due_reserve, account.due) = (1, debt, done.paid());
        Ok(done)
    }

    /// Ends the receivership of an account. Returns the reserve of the debt and the atoms due to it.
    pub fn end_liquidation(&self, account: &mut MarginAccount) -> Result<(u8, u64)> {
        if account.in_receivership == 0 {
            return Err(Error::AccountNotInReceivership);
        }
        let due = (account.due_reserve, account.due);
        (account.in_receivership, account.due_reserve, account.due) = (0, 0, 0);
        Ok(due)
    }
}

//! Liquidation: just enough debt repaid, for collateral at a penalty that grows with the shortfall.
//!
//! [`crate::ledger::liquidation`] calculates what is repaid and seized; here the books are changed by it.

use crate::{
    error::{Error, Result},
    ledger::{
        Ledger,
        liquidation::{Calculation, Liquidation},
    },
    state::{account::MarginAccount, permission::Action},
};

impl Ledger<'_> {
    /// Repays an unhealthy account's debt for its collateral, or any debt to a reserve whose term has come; the liquidator pays
    /// up to `max_repay` atoms.
    ///
    /// Never more is repaid than returns the account to the market's target health, unless the position would be left
    /// as dust; what exceeds that is not taken, nor what exceeds the limits of liquidations, but near insolvency. Fails if
    /// less than `min_collateral` atoms would be paid out.
    #[inline(never)]
    pub fn liquidate(
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

    /// Changes the books by what was calculated on them.
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
        // The later one first: a position that closes is replaced by the last.
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

    /// Liquidates, with the payment to follow: what [`Self::liquidate`] would take is due by [`Self::end_liquidation`] in the
    /// same transaction, which the caller has made sure of. So all amounts are settled at the prices of the beginning, by the
    /// same rules, and whatever happens in between changes none of them.
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

    /// Ends the receivership of an account: returns the reserve and the atoms that are due to it.
    pub fn end_liquidation(&self, account: &mut MarginAccount) -> Result<(u8, u64)> {
        if account.in_receivership == 0 {
            return Err(Error::AccountNotInReceivership);
        }
        let due = (account.due_reserve, account.due);
        (account.in_receivership, account.due_reserve, account.due) = (0, 0, 0);
        Ok(due)
    }
}

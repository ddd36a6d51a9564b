//! A vault as a lender. It holds no margin account: what it lends is in its own books, so nobody can add to it.

use crate::{
    error::{Error, Result},
    ledger::{Ledger, Movement},
    state::{permission::Action, vault::Allocation},
};

impl Ledger<'_> {
    /// Lends a vault's atoms to the allocation's reserve.
    #[inline(never)]
    pub fn lend_out(&mut self, allocation: &mut Allocation, amount: u64) -> Result<Movement> {
        let index = allocation.reserve;
        let (_, reserve) = self.admit_and_accrue(Action::Deposit, index)?;
        let shares = reserve.deposit(amount)?;
        // A part of the reserve's total, which fits.
        allocation.shares.0 += shares.0;
        self.market.flow_in(&mut self.reserves[index as usize], amount, self.now);
        Ok(Movement { amount, shares })
    }

    /// Takes so many of a vault's atoms back from the allocation's reserve.
    #[inline(never)]
    pub fn call_back(&mut self, allocation: &mut Allocation, amount: u64) -> Result<Movement> {
        let now = self.now;
        let (market, reserve) = self.admit_and_accrue(Action::Withdraw, allocation.reserve)?;
        let held = allocation.shares;
        let covered = reserve.exit_index().shares_ceil(amount).filter(|shares| *shares <= held);
        let shares = covered.ok_or(Error::InsufficientDeposit)?;
        reserve.withdraw(amount, shares)?;
        market.flow_out(reserve, amount, held, now)?;
        allocation.shares.0 -= shares.0;
        Ok(Movement { amount, shares })
    }
}

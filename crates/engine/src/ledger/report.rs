//! Doubtful debts: losses that anyone reports before they can be settled, so that whoever leaves bears his part of them.
//!
//! `Reserve::doubtful` is always the sum over all accounts of [`Part::of`] their debts there.

use crate::{
    error::{Error, Result},
    health::{
        Health, perp,
        position::{newest_price, rare_spot_value, worth},
    },
    ledger::Ledger,
    number::units::{Part, Shares, Usd},
    state::{
        account::{MarginAccount, Side},
        permission::Action,
    },
};

/// What was reported of an account's debts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// The part that was before.
    pub before: Part,
    /// The part that is now.
    pub after: Part,
}

/// How far an account's deposits fall short of its debts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortfall {
    /// Its debts at last spot prices.
    pub debts: Usd,
    /// The least of them that can be lost.
    pub least: Part,
    /// The most; no less than the least.
    pub most: Part,
}

/// By what an account owes less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Burned {
    /// Somebody paid.
    Repaid,
    /// Its deposits paid.
    Liquidated,
    /// It was written off.
    Settled,
}

impl Ledger<'_> {
    /// Reports which part of an account's debts its deposits do not cover, at last spot prices without weights. Anyone may, to raise
    /// the part to what is surely lost, and to lower it to what current prices leave possible ([`Self::shortfall`]).
    pub fn report_loss(&mut self, account: &mut MarginAccount) -> Result<Report> {
        account.require_idle(Action::ReportLoss)?;
        let Shortfall { least, most, .. } = self.shortfall(account)?;
        let before = account.doubtful;
        let after = before.max(least).min(most);
        if after == before {
            return Err(if before == Part::ZERO { Error::LossNotProven } else { Error::LossUnchanged });
        }
        for position in account.positions().iter().filter(|position| position.is_debt()) {
            // At the edge of the books interest stops before it is accrued a second time.
            self.accrue_reserve(position.reserve)?.update_rates();
        }
        self.set_report(account, after)?;
        Ok(Report { before, after })
    }

    /// How far an account's deposits fall short of its debts, without weights.
    ///
    /// The least reads in the borrower's favour what has no current price beside the account's others: debts at half their last value,
    /// deposits at twice. The most is proved by current prices alone: a deposit without one counts nothing, and a debt without one
    /// leaves everything possible.
    #[inline(never)]
    pub fn shortfall(&self, account: &MarginAccount) -> Result<Shortfall> {
        let newest = newest_price(account, self.reserves);
        let (mut debts, mut deposits, mut debts_are_current) = (Usd::ZERO, Usd::ZERO, true);
        let (mut least_owed, mut most_owned) = (Usd::ZERO, Usd::ZERO);
        for position in account.positions() {
            let reserve = self.reserves.get(position.reserve as usize).ok_or(Error::ReserveIndexOutOfRange)?;
            let is_current = reserve.condition(self.now, newest).is_current();
            let (_, value) = worth(position, reserve, self.now);
            if position.is_debt() {
                debts = debts + value;
                least_owed = least_owed + if is_current { value } else { Usd(value.0 / 2) };
                debts_are_current &= is_current;
            } else if is_current {
                (deposits, most_owned) = (deposits + value, most_owned + value);
            } else {
                most_owned = most_owned + value + value;
            }
        }
        let most_owned = most_owned + self.open_gains(account, newest)?;
        let least = least_owed.saturating_sub(most_owned).part_of(debts);
        let most = if debts_are_current { debts.saturating_sub(deposits).part_of(debts) } else { Part::WHOLE };
        Ok(Shortfall { debts, least, most })
    }

    /// Twice what an account's perps have gained, at last spot prices: what they bring is a deposit, once they are closed and paid.
    fn open_gains(&self, account: &MarginAccount, newest: i64) -> Result<Usd> {
        if !account.may_be_paid() {
            return Ok(Usd::ZERO);
        }
        let gains = perp::added(Health::default(), account, self.reserves, self.now, newest, None)?.collateral;
        Ok(gains + gains)
    }

    /// Sets the part in an account and in the reserves that it owes.
    fn set_report(&mut self, account: &mut MarginAccount, part: Part) -> Result<()> {
        for position in account.positions().iter().filter(|position| position.is_debt()) {
            let reserve = self.reserves.get_mut(position.reserve as usize).ok_or(Error::ReserveIndexOutOfRange)?;
            // One summand of the total takes the place of another, and none is more than the debt.
            reserve.doubtful.0 -= account.doubtful.of(position.shares).0;
            reserve.doubtful.0 += part.of(position.shares).0;
        }
        account.doubtful = part;
        Ok(())
    }

    /// Takes the report of an account back.
    #[cold]
    #[inline(never)]
    pub(super) fn clear_report(&mut self, account: &mut MarginAccount) -> Result<()> {
        self.set_report(account, Part::ZERO)
    }

    /// Keeps the report of an account in step with its debts, of which shares were burned.
    ///
    /// A repayment leaves the part as it is, so an atom of one takes nothing back. A liquidation leaves the reported value, or a
    /// liquidator would halve it and leave: what it does not repay is lost for all the deposits that it takes. A settlement takes
    /// what it writes off from the reported value.
    #[cold]
    #[inline(never)]
    pub(super) fn carry_report(
        &mut self,
        account: &mut MarginAccount,
        reserve_index: u8,
        burned: Shares,
        by: Burned,
    ) -> Result<()> {
        let part = account.doubtful;
        let left = account.shares(reserve_index, Side::Debt).unwrap_or_default();
        let reserve = self.reserves.get_mut(reserve_index as usize).ok_or(Error::ReserveIndexOutOfRange)?;
        // What was owed is a part of the reserve's debts of before.
        reserve.doubtful.0 -= part.of(Shares(left.0 + burned.0)).0;
        reserve.doubtful.0 += part.of(left).0;
        let paid = rare_spot_value(reserve, reserve.debt_index.amount_ceil(burned), true);
        if !account.has_debt() {
            account.doubtful = Part::ZERO;
            return Ok(());
        }
        if by == Burned::Repaid {
            return Ok(());
        }
        let Shortfall { debts, least, .. } = self.shortfall(account)?;
        let reported = part.of_value(debts + paid);
        let carried = match by {
            Burned::Settled => reported.saturating_sub(paid).part_of(debts),
            // With the penalty, more is lost than before.
            _ => reported.part_of(debts).max(least),
        };
        self.set_report(account, carried)
    }
}

//! Bad debts, and since when an account has been liquidatable.

use crate::{
    error::{Error, Result},
    health::{
        Requirement,
        account::proved,
        position::{rare_spot_value, worth},
    },
    ledger::{Ledger, report::Burned},
    number::units::{Part, Shares, Usd, UsdE8},
    state::{
        account::{MarginAccount, Side},
        insurance::Loss,
        market::Market,
        permission::Action,
        rate_limit::Period,
    },
};

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
    /// Writes an account's debt off, as far as it is surely lost ([`Self::certain_loss`]): see `Reserve::write_off` for who bears
    /// it. Anyone may. Losses of insurances and depositors beyond the market's limit make it reduce-only.
    pub fn settle_bad_debt(&mut self, account: &mut MarginAccount, reserve_index: u8) -> Result<Settlement> {
        account.require_idle(Action::SettleBadDebt)?;
        let slot = account.find(reserve_index, Side::Debt)?;
        let owed = account.positions[slot].shares;
        let lost = self.certain_loss(account)?;
        let reserve = self.accrue_reserve(reserve_index)?;
        let shares = match lost {
            None => owed,
            Some(lost) => {
                let shares = reserve.debt_index.rare_shares_floor(reserve.price.atoms_floor(lost, reserve.price.spot));
                shares.map_or(owed, |shares| shares.min(owed))
            }
        };
        if shares == Shares::ZERO {
            return Err(Error::BadDebtNotProven);
        }
        let loss = reserve.write_off(shares);
        let lost = reserve.price.roughly(loss.insurance.saturating_add(loss.depositors));
        if account.remove(slot, shares) {
            account.regroup(self.reserves);
        }
        if account.doubtful != Part::ZERO {
            self.carry_report(account, reserve_index, shares, Burned::Settled)?;
        }
        if !account.has_debt() {
            account.clear_liquidatable();
        }
        let Market { config, losses, reduce_only, .. } = &mut *self.market;
        let limit = UsdE8::dollars(config.loss_limit);
        let tripped = losses.remaining(limit, Period::Day, self.now) < lost && *reduce_only == 0;
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

    /// What of an account's debts is surely lost, USD; `None`: all of them. An error if nothing is: a deposit worth the dust value
    /// is left that could be taken, or what is left may yet pay.
    ///
    /// Nothing is lost while a position in a perp is open, or is to be paid: it is closed first, and what it brings is a deposit.
    /// All is lost where less than dust is left; of a token whose price is old, no more atoms than its smallest deposit: sizes
    /// bound what an old price could hide. Else what exceeds twice what the deposits, and half of what debts of an old price, were
    /// last worth: those that cannot be taken now, because their price is old or their reserve has no cash, hold no more up
    /// than that.
    pub fn certain_loss(&self, account: &MarginAccount) -> Result<Option<Usd>> {
        let (mut debts, mut deposits, mut takeable, mut hides) = (Usd::ZERO, Usd::ZERO, Usd::ZERO, false);
        let mut favoured = Usd::ZERO;
        for position in account.positions() {
            let reserve = self.reserves.get(position.reserve as usize).ok_or(Error::ReserveIndexOutOfRange)?;
            let is_current = reserve.price.condition(self.now).is_current();
            let (amount, value) = worth(position, reserve, self.now);
            if position.is_debt() {
                debts = debts + value;
                favoured = favoured + if is_current { value } else { Usd(value.0 / 2) };
                continue;
            }
            deposits = deposits + value;
            if is_current {
                takeable = takeable + rare_spot_value(reserve, amount.min(reserve.cash), false);
            } else {
                hides |= amount >= reserve.config.min_deposit;
            }
        }
        let dust = self.market.config.dust();
        if takeable >= dust || account.may_be_paid() {
            return Err(Error::BadDebtNotProven);
        }
        if deposits < dust && !hides && deposits < debts {
            return Ok(None);
        }
        match favoured.saturating_sub(deposits + deposits) {
            Usd::ZERO => Err(Error::BadDebtNotProven),
            lost => Ok(Some(lost)),
        }
    }
}

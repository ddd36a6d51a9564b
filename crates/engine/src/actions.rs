//! What users do: each action reads check → accrue → change the books → check the outcome. The caller moves the tokens.
//!
//! An action that returns an error may have changed the copies it was given: on chain the transaction is undone,
//! elsewhere the caller discards them.

use crate::{
    error::{Error, Result},
    health::{Requirement, equity, health, spot_value},
    layout::Address,
    margin::{MarginAccount, Position, Side},
    market::{MAX_RESERVES, MarketConfig},
    price::{Quote, Source},
    reserve::{Reserve, ReserveConfig},
    units::Shares,
};

/// Stands for "everything" where a withdrawal or repayment takes an amount.
pub const EVERYTHING: u64 = u64::MAX;

/// A market's reserves at a moment.
pub struct Ledger<'a> {
    /// The market's settings.
    pub config: MarketConfig,
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

impl Ledger<'_> {
    /// A reserve with its interest accrued until now.
    #[inline(always)]
    pub(crate) fn accrued(&mut self, reserve: u8) -> Result<&mut Reserve> {
        let record = self.reserves.get_mut(reserve as usize).ok_or(Error::ReserveIndexOutOfRange)?;
        record.accrue(self.now);
        Ok(record)
    }

    /// Lends `amount` atoms to a reserve. Needs no price; anyone may pay.
    pub fn deposit(&mut self, account: &mut MarginAccount, reserve: u8, amount: u64) -> Result<Movement> {
        if amount == 0 {
            return Err(Error::AmountIsZero);
        }
        let record = self.accrued(reserve)?;
        let shares = record.deposit(amount)?;
        if account.add(reserve, Side::Deposit, shares)? && amount < record.config.min_deposit {
            return Err(Error::DepositBelowMinimum);
        }
        Ok(Movement { amount, shares })
    }

    /// Takes `amount` atoms, or [`EVERYTHING`], back. Needs prices only if the account has debts.
    #[inline(never)]
    pub fn withdraw(&mut self, account: &mut MarginAccount, reserve: u8, amount: u64) -> Result<Movement> {
        if amount == 0 {
            return Err(Error::AmountIsZero);
        }
        let record = self.accrued(reserve)?;
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
        let record = self.accrued(reserve)?;
        let shares = record.borrow(amount)?;
        if account.add(reserve, Side::Debt, shares)? {
            account.regroup(self.reserves);
        }
        self.require_initial_health(account)?;
        // The health check has found the price fresh.
        let record = &self.reserves[reserve as usize];
        let owed = record.debt_index.amount_ceil(account.shares(reserve, Side::Debt)?);
        if spot_value(record, owed, true) < self.config.min_debt() {
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
        let record = self.accrued(reserve)?;
        let slot = account.find(reserve, Side::Debt)?;
        let owed = account.positions[slot].shares;
        let moved = repayment(record, owed, amount)?;
        record.repay(moved.amount, moved.shares);
        if account.remove(slot, moved.shares) {
            account.regroup(self.reserves);
        }
        Ok(moved)
    }

    /// Writes an account's debt off against the depositors of its reserve. Anyone may, once no collateral is left: none
    /// at all, or dust that no liquidator comes for (see [`Self::require_bad_debt`]). Returns the debt, rounded up, and
    /// its shares.
    pub fn settle_bad_debt(&mut self, account: &mut MarginAccount, reserve: u8) -> Result<Movement> {
        let slot = account.find(reserve, Side::Debt)?;
        let shares = account.positions[slot].shares;
        self.require_bad_debt(account)?;
        let record = self.accrued(reserve)?;
        let amount = record.write_off(shares);
        account.remove(slot, shares);
        account.regroup(self.reserves);
        Ok(Movement { amount, shares })
    }

    /// Takes a reserve's whole atoms of fees out of the books.
    pub fn collect_fees(&mut self, reserve: u8) -> Result<u64> {
        self.accrued(reserve)?.collect_fees()
    }

    /// Takes over a price for a reserve, of one feed or of two. Returns `false` if the reserve has this price already.
    #[inline(always)]
    pub fn refresh_price(&mut self, reserve: u8, first: &Source, base: Option<&Source>) -> Result<bool> {
        let record = self.reserves.get_mut(reserve as usize).ok_or(Error::ReserveIndexOutOfRange)?;
        let quote = Quote::new(first, base, &record.config.oracle, self.now)?;
        record.refresh(&quote, self.now)
    }

    /// Replaces a reserve's configuration.
    pub fn set_config(&mut self, reserve: u8, config: ReserveConfig) -> Result<()> {
        let record = self.reserves.get_mut(reserve as usize).ok_or(Error::ReserveIndexOutOfRange)?;
        record.set_config(config, self.now)
    }

    /// No deposit may be left that is worth anything, but dust: each below its reserve's minimum, and together, at last
    /// prices, below the market's dust value and the account's debt. Sizes bound what an old price could hide, values
    /// what a raised minimum could.
    fn require_bad_debt(&self, account: &MarginAccount) -> Result<()> {
        let equity = equity(account, self.reserves, self.now)?;
        let is_small = |position: &Position| {
            let record = &self.reserves[position.reserve as usize];
            position.is_debt()
                || record.deposit_index_at(self.now).amount_floor(position.shares) < record.config.min_deposit
        };
        let is_dust = equity.collateral < self.config.dust() && !equity.covers();
        if is_dust && account.positions().iter().all(is_small) { Ok(()) } else { Err(Error::BadDebtNotProven) }
    }

    /// New risk must be covered at initial weights, and leave no debt too small to be worth liquidating.
    fn require_initial_health(&self, account: &MarginAccount) -> Result<()> {
        let health = health(account, self.reserves, &self.config, self.now, Requirement::Initial)?;
        if !health.covers() {
            return Err(Error::InitialHealthTooLow);
        }
        if health.debt < self.config.min_debt() {
            return Err(Error::DebtBelowMinimum);
        }
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

/// Whether a mint may be listed beside the reserves there are.
pub fn check_listing(reserves: &[Reserve], mint: &Address) -> Result<()> {
    if reserves.len() >= MAX_RESERVES {
        return Err(Error::TooManyReserves);
    }
    if reserves.iter().any(|reserve| reserve.mint == *mint) {
        return Err(Error::DuplicateReserve);
    }
    Ok(())
}

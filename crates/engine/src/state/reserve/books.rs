//! The books of a reserve: interest, rates, and what comes and goes.

use crate::{
    error::{Error, Result},
    number::{
        growth::growth,
        index::{ExactAtoms, Index, exact},
        math::{add_proved, excess_over_32_bits, mul_proved, mul_shift32_floor, ratio32, saturating_sub, sub_proved},
        units::{Fraction, MAX_LIQUIDITY, ONE_BPS, Rate, Seconds, Shares},
    },
    state::{interest::Utilisation, reserve::Reserve, weights::Deposits},
};

/// Interest stops on debts above this, and on liquidity above [`MAX_LIQUIDITY`], so that one accrual, which doubles the
/// debts at most, leaves all totals below 2^64 atoms (invariant 2).
const MAX_GROWING_DEBT: u64 = MAX_LIQUIDITY / 2;

impl Reserve {
    /// Growth of debts since the last accrual.
    #[inline(always)]
    fn debt_growth(&self, now: i64) -> Fraction {
        if now <= self.last_accrual || self.borrow_rate.0 == 0 {
            return Fraction(0);
        }
        growth(self.borrow_rate, Seconds(now.abs_diff(self.last_accrual)))
    }

    /// Growth of deposits for a growth of debts.
    #[inline(always)]
    fn deposit_growth(&self, debt_growth: Fraction) -> Fraction {
        // It has 32 fractional bits, or all: see [`Self::set_rates`].
        Fraction(mul_shift32_floor(debt_growth.0, self.deposit_growth.0 >> 32))
    }

    /// The debt index as [`Self::accrue`] at `now` would write it.
    #[inline(always)]
    pub fn debt_index_at(&self, now: i64) -> Index {
        match self.debt_growth(now) {
            Fraction(0) => self.debt_index,
            growth => self.debt_index.grown_ceil(growth),
        }
    }

    /// The deposit index as [`Self::accrue`] at `now` would write it.
    #[inline(always)]
    pub fn deposit_index_at(&self, now: i64) -> Index {
        match self.debt_growth(now) {
            Fraction(0) => self.deposit_index,
            growth => self.deposit_index.grown_floor(self.deposit_growth(growth)),
        }
    }

    /// Writes interest until `now` into the indices. A clock that steps back accrues nothing.
    pub fn accrue(&mut self, now: i64) {
        let growth = self.debt_growth(now);
        if growth.0 != 0 {
            // Depositors get no more than borrowers pay: `deposit_growth` is rounded down from debts ÷ deposits.
            self.deposit_index = self.deposit_index.grown_floor(self.deposit_growth(growth));
            self.debt_index = self.debt_index.grown_ceil(growth);
        }
        if now > self.last_accrual {
            self.controller.step(&self.config.controller, Seconds(now.abs_diff(self.last_accrual)));
            (self.last_accrual, self.standing_cash) = (now, self.cash);
            self.leaving = 0;
        }
    }

    /// Sets the rates that hold until the books change again.
    pub fn update_rates(&mut self) {
        self.set_rates(self.debt_index.amount_roughly(self.debt_shares), self.deposits_roughly());
    }

    /// What depositors own, rounded up: right to some atoms and 2^-32 of itself.
    #[inline(always)]
    pub(super) fn deposits_roughly(&self) -> u64 {
        self.deposit_index.amount_roughly(self.deposit_shares).0
    }

    /// What borrowers owe and depositors own, rounded up likewise.
    #[inline(always)]
    pub(crate) fn debts_and_deposits_roughly(&self) -> (u64, u64) {
        (self.debt_index.amount_roughly(self.debt_shares).0, self.deposits_roughly())
    }

    /// [`Self::update_rates`] for debts, rounded up and down, and deposits, rounded up, that are known already.
    fn set_rates(&mut self, debts: (u64, u64), deposits: u64) {
        let (utilisation, borrow_rate, deposit_growth) = self.rates(self.cash, debts, deposits);
        self.controller.utilisation = utilisation.to_bits();
        (self.borrow_rate, self.deposit_growth) = (borrow_rate, deposit_growth);
    }

    /// What deposits earn a second since the books changed last, with 64 fractional bits.
    pub fn deposit_rate(&self) -> Rate {
        Rate(mul_shift32_floor(self.borrow_rate.0, self.deposit_growth.0 >> 32))
    }

    /// What deposits would earn a second if so many atoms came, or went: with 64 fractional bits. Zero if there are not so many.
    #[inline(never)]
    pub fn deposit_rate_after(&self, change: i64) -> Rate {
        let cash = self.cash.checked_add_signed(change);
        let deposits = self.deposits_roughly().checked_add_signed(change);
        let (Some(cash), Some(deposits)) = (cash.filter(|cash| *cash <= MAX_LIQUIDITY), deposits) else {
            return Rate(0);
        };
        let debts = self.debt_index.amount_roughly(self.debt_shares);
        let (_, borrow_rate, deposit_growth) = self.rates(cash, debts, deposits);
        Rate(mul_shift32_floor(borrow_rate.0, deposit_growth.0 >> 32))
    }

    /// Utilisation, what borrowers pay, and the deposit index's growth ÷ the debt index's, for so much cash, debts rounded up and down,
    /// and deposits rounded up.
    #[inline(always)]
    fn rates(&self, cash: u64, (debt, lent): (u64, u64), deposits: u64) -> (Utilisation, Rate, Fraction) {
        let liquidity = add_proved(cash, debt);
        // One cut for both quotients: deposits are the liquidity less fees.
        let shift = excess_over_32_bits(liquidity);
        let at_the_edge =
            debt > MAX_GROWING_DEBT || liquidity > MAX_LIQUIDITY || self.debt_index.may_pass_its_maximum();
        let utilisation = Utilisation::cut(debt, liquidity, shift);
        let borrow_rate = if at_the_edge { Rate(0) } else { self.controller.rate(self.config.curve.rate(utilisation)) };
        // Debts rounded down, deposits up: depositors never earn more than borrowers pay. Their share falls short by less
        // than 2^-29 of one, unless fees are most of the liquidity; what they do not get goes to fees like every remainder.
        let lent = if lent < deposits { ratio32(lent, deposits, shift) } else { (deposits != 0) as u64 * (1 << 32) };
        let kept = mul_proved(lent, sub_proved(ONE_BPS as u64, self.config.reserve_factor.0 as u64)) / ONE_BPS as u64;
        (utilisation, borrow_rate, Fraction(if kept >> 32 == 0 { kept << 32 } else { u64::MAX }))
    }

    /// What depositors own, rounded up to atoms.
    pub fn deposits(&self) -> u64 {
        self.deposit_index.amount_ceil(self.deposit_shares)
    }

    /// What borrowers owe, rounded up to atoms.
    pub fn debts(&self) -> u64 {
        self.debt_index.amount_ceil(self.debt_shares)
    }

    /// The cash that was there when this second began and still is. What is borrowed or deposited may be back, or gone, at its end.
    pub(crate) fn steady_cash(&self, now: i64) -> u64 {
        if now == self.last_accrual { self.cash.min(self.standing_cash) } else { self.cash }
    }

    /// Borrowed share of the liquidity.
    pub fn utilisation(&self) -> Utilisation {
        Utilisation::new(self.cash, self.debts())
    }

    /// Whether a loss consumed all deposits.
    pub fn is_wiped_out(&self) -> bool {
        self.deposit_index.is_zero()
    }

    /// Takes in `amount` and returns the shares it buys, rounded down.
    pub fn deposit(&mut self, amount: u64) -> Result<Shares> {
        self.deposit_up_to(self.config.deposit_cap, amount)
    }

    /// The same, with another cap.
    #[inline(always)]
    pub(crate) fn deposit_up_to(&mut self, most: u64, amount: u64) -> Result<Shares> {
        let shares = self.deposit_index.shares_floor(amount).ok_or(Error::AmountTooLarge)?;
        if shares == Shares::ZERO {
            return Err(Error::AmountTooSmall);
        }
        let cash = self.cash.checked_add(amount).ok_or(Error::AmountTooLarge)?;
        let debts = self.debt_index.amount_bounds(self.debt_shares);
        if cash > MAX_LIQUIDITY.saturating_sub(debts.0) {
            return Err(Error::AmountTooLarge);
        }
        let deposit_shares = Shares(self.deposit_shares.0.checked_add(shares.0).ok_or(Error::AmountTooLarge)?);
        let deposits = self.deposit_index.amount_ceil(deposit_shares);
        if deposits > most {
            return Err(Error::DepositCapExceeded);
        }
        (self.cash, self.deposit_shares) = (cash, deposit_shares);
        // Both are parts of the liquidity, which is 2^63 atoms at most.
        self.leaving = self.leaving.wrapping_sub(amount as i64);
        self.resize(deposits, Some(standing(deposits, self.leaving)));
        self.set_rates(debts, deposits);
        Ok(shares)
    }

    /// Takes in the total of deposits.
    #[inline(always)]
    fn resize(&mut self, at_present: u64, standing: Option<u64>) {
        let Self { config, risk, last_accrual, .. } = self;
        let deposits = Deposits { at_present, standing };
        risk.resize(&config.risk, config.oracle.confidence_multiple, deposits, *last_accrual);
    }

    /// Pays `amount` out for `shares` of deposits that are worth at least that.
    #[inline(always)]
    pub fn withdraw(&mut self, amount: u64, shares: Shares) -> Result<()> {
        self.cash = self.cash.checked_sub(amount).ok_or(Error::InsufficientLiquidity)?;
        let has_come = self.leaving < 0;
        self.leaving = self.leaving.wrapping_add(amount as i64);
        // A part of them.
        self.deposit_shares.0 = sub_proved(self.deposit_shares.0, shares.0);
        let deposits = self.deposits_roughly();
        self.resize(deposits, has_come.then(|| standing(deposits, self.leaving)));
        self.set_rates(self.debt_index.amount_roughly(self.debt_shares), deposits);
        Ok(())
    }

    /// Lends `amount` out and returns the debt shares it costs, rounded up.
    #[inline(always)]
    pub fn borrow(&mut self, amount: u64) -> Result<Shares> {
        if self.config.borrow_enabled == 0 {
            return Err(Error::BorrowingDisabled);
        }
        let cash = self.cash.checked_sub(amount).ok_or(Error::InsufficientLiquidity)?;
        // The debt index is at least one: no more shares than atoms, and both below the liquidity.
        let shares = self.debt_index.shares_ceil(amount).ok_or(Error::AmountTooLarge)?;
        let debt_shares = Shares(add_proved(self.debt_shares.0, shares.0));
        let debts = self.debt_index.amount_bounds(debt_shares);
        if debts.0 > self.config.borrow_cap {
            return Err(Error::BorrowCapExceeded);
        }
        (self.cash, self.debt_shares) = (cash, debt_shares);
        self.set_rates(debts, self.deposits_roughly());
        let most = self.config.breakers.max_utilisation;
        // Tokens lent here for the length of the transaction are no liquidity.
        let came = self.leaving.min(0).unsigned_abs();
        if most.0 != 0 && Utilisation::new(saturating_sub(cash, came), debts.0).exceeds(most) {
            return Err(Error::UtilisationTooHigh);
        }
        Ok(shares)
    }

    /// Takes in `amount` for `shares` of debt that are worth at most that.
    #[inline(always)]
    pub fn repay(&mut self, amount: u64, shares: Shares) {
        // Debts become cash: their sum, and with it each, stays in range.
        self.cash = add_proved(self.cash, amount);
        // A part of them.
        self.debt_shares.0 = sub_proved(self.debt_shares.0, shares.0);
        self.update_rates();
    }

    /// What the reserve has, `cash + debts`, and what its depositors own, which is never more (invariant 1).
    pub fn assets_and_deposits(&self) -> (ExactAtoms, ExactAtoms) {
        let assets = exact(self.cash) + self.debt_index.exact(self.debt_shares);
        (assets, self.deposit_index.exact(self.deposit_shares))
    }

    /// What belongs to the protocol: what is there above the deposits.
    pub fn fees(&self) -> ExactAtoms {
        let (assets, deposits) = self.assets_and_deposits();
        assets.saturating_sub(deposits)
    }
}

/// Deposits with what went since this second began: both were there then, and below 2^63 atoms together, but for interest.
#[inline(always)]
pub(super) const fn standing(deposits: u64, leaving: i64) -> u64 {
    if leaving > 0 { add_proved(deposits, leaving as u64) } else { deposits }
}

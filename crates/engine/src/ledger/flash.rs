//! Flash loans: tokens of a reserve for the length of one transaction.
//!
//! The books count lent tokens as cash all the while: they are back before the transaction ends, or the transaction is undone.
//! So utilisation, rates and limits do not move. Only deposits of the token are refused meanwhile, because the lent tokens
//! could come back as a deposit.

use crate::{
    error::{Error, Result},
    ledger::Ledger,
    number::{math::mul_div_ceil, units::ONE_BPS},
    state::permission::Action,
};

/// A flash loan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlashLoan {
    /// Atoms lent.
    pub amount: u64,
    /// Atoms due on top.
    pub fee: u64,
}

impl Ledger<'_> {
    /// Lends `amount` atoms until [`Self::end_flash_loan`]. The caller makes sure that the same transaction calls that.
    pub fn begin_flash_loan(&mut self, reserve_index: u8, amount: u64) -> Result<FlashLoan> {
        if amount == 0 {
            return Err(Error::AmountIsZero);
        }
        let (_, reserve) = self.admit_and_accrue(Action::BeginFlashLoan, reserve_index)?;
        if reserve.config.flash_enabled == 0 {
            return Err(Error::FlashLoansDisabled);
        }
        if amount > reserve.cash {
            return Err(Error::InsufficientLiquidity);
        }
        let fee =
            mul_div_ceil(amount, reserve.config.flash_fee.0 as u64, ONE_BPS as u64).ok_or(Error::AmountTooLarge)?;
        (reserve.flash_loan, reserve.flash_fee) = (amount, fee);
        Ok(FlashLoan { amount, fee })
    }

    /// Takes the loan back with its fee. The fee belongs to protocol and insurance, like everything above the deposits.
    pub fn end_flash_loan(&mut self, reserve_index: u8) -> Result<FlashLoan> {
        let reserve = self.accrue_reserve(reserve_index)?;
        let loan = FlashLoan { amount: reserve.flash_loan, fee: reserve.flash_fee };
        if loan.amount == 0 {
            return Err(Error::NoFlashLoan);
        }
        // Rates are computed from debts that are right to 2^-32 of themselves.
        let room = (u64::MAX - reserve.debts()).saturating_sub(1 << 33);
        reserve.cash = reserve.cash.checked_add(loan.fee).filter(|cash| *cash <= room).ok_or(Error::AmountTooLarge)?;
        (reserve.flash_loan, reserve.flash_fee) = (0, 0);
        reserve.update_rates();
        Ok(loan)
    }
}

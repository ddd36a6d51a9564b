//! Flash loans: tokens of a reserve for the length of one transaction.
//!
//! The books count what is out as cash all the while: it is back before anything else can see the vault, or the transaction
//! never was. So utilisation, rates and limits do not move; only deposits of the token wait, which would pass for liquidity.

use crate::{
    actions::Ledger,
    error::{Error, Result},
    gate::Action,
    math::mul_div_ceil,
    units::ONE_BPS,
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
    /// Lends `amount` atoms until [`Self::end_flash_loan`]. The caller has made sure that it comes in the same transaction.
    pub fn begin_flash_loan(&mut self, reserve: u8, amount: u64) -> Result<FlashLoan> {
        if amount == 0 {
            return Err(Error::AmountIsZero);
        }
        let (_, record) = self.admit_and_accrue(Action::BeginFlashLoan, reserve)?;
        if record.config.flash_enabled == 0 {
            return Err(Error::FlashLoansDisabled);
        }
        if amount > record.cash {
            return Err(Error::InsufficientLiquidity);
        }
        let fee =
            mul_div_ceil(amount, record.config.flash_fee.0 as u64, ONE_BPS as u64).ok_or(Error::AmountTooLarge)?;
        (record.flash_loan, record.flash_fee) = (amount, fee);
        Ok(FlashLoan { amount, fee })
    }

    /// Takes the loan back with its fee, which is the protocol's and the insurance's like all that is above the deposits.
    pub fn end_flash_loan(&mut self, reserve: u8) -> Result<FlashLoan> {
        let record = self.accrue_reserve(reserve)?;
        let loan = FlashLoan { amount: record.flash_loan, fee: record.flash_fee };
        if loan.amount == 0 {
            return Err(Error::NoFlashLoan);
        }
        // Rates are set by debts that are known to 2^-32 of themselves.
        let room = (u64::MAX - record.debts()).saturating_sub(1 << 33);
        record.cash = record.cash.checked_add(loan.fee).filter(|cash| *cash <= room).ok_or(Error::AmountTooLarge)?;
        (record.flash_loan, record.flash_fee) = (0, 0);
        record.update_rates();
        Ok(loan)
    }
}

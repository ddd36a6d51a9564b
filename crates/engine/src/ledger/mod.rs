//! What users do: each action reads check → accrue → change the books → check the outcome. The caller moves the tokens.
//!
//! An action that returns an error may have changed the copies it was given: on chain the transaction is undone,
//! elsewhere the caller discards them.

pub mod flash;
pub mod govern;
pub mod lend;
pub mod liquidate;
pub mod liquidation;
pub mod refresh;
pub mod report;
pub mod settle;
pub mod stake;
pub mod vault;

use crate::{
    error::{Error, Result},
    health::{Health, Requirement, account::health},
    number::units::Shares,
    state::{account::MarginAccount, market::Market, permission::Action, reserve::Reserve},
};

/// Stands for "everything" where a withdrawal or repayment takes an amount.
pub const EVERYTHING: u64 = u64::MAX;

/// A market and its reserves at a moment.
pub struct Ledger<'a> {
    /// The market's head.
    pub market: &'a mut Market,
    /// Its reserves.
    pub reserves: &'a mut [Reserve],
    /// Unix seconds.
    pub now: i64,
}

/// What an action moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Movement {
    /// Tokens in or out of the reserve, in atoms.
    pub amount: u64,
    /// Shares bought or given up.
    pub shares: Shares,
}

impl Ledger<'_> {
    /// A reserve with its interest accrued until now.
    #[inline(always)]
    pub(crate) fn accrue_reserve(&mut self, reserve_index: u8) -> Result<&mut Reserve> {
        let now = self.now;
        let reserve = self.reserve_mut(reserve_index)?;
        reserve.accrue(now);
        Ok(reserve)
    }

    /// A reserve by an index that a caller named: other records of the market are none.
    #[inline(always)]
    pub(crate) fn reserve_mut(&mut self, reserve_index: u8) -> Result<&mut Reserve> {
        named(self.reserves, reserve_index)
    }

    /// The same, after requiring that neither the guardian nor a state of the market or the reserve refuses the action.
    #[inline(always)]
    pub(crate) fn admit_and_accrue(
        &mut self,
        action: Action,
        reserve_index: u8,
    ) -> Result<(&mut Market, &mut Reserve)> {
        self.market.admit(action, self.now)?;
        let reserve = named(self.reserves, reserve_index)?;
        reserve.accrue(self.now);
        reserve.admit(action, self.now)?;
        Ok((self.market, reserve))
    }

    #[inline(never)]
    pub(crate) fn health(&self, account: &MarginAccount, requirement: Requirement) -> Result<Health> {
        health(account, self.reserves, &self.market.config, self.now, requirement)
    }
}

/// A reserve by an index that a caller named.
#[inline(always)]
fn named(records: &mut [Reserve], index: u8) -> Result<&mut Reserve> {
    match records.get_mut(index as usize) {
        Some(record) if record.is_reserve() => Ok(record),
        _ => Err(Error::ReserveIndexOutOfRange),
    }
}

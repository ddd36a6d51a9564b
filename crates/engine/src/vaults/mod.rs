//! What people do with a vault and its markets: each action reads value → require → change the books → check the outcome. The caller
//! moves the tokens, and has the markets pay what a payment says ([`crate::ledger::Ledger::call_back`]).

pub mod enter;
pub mod exit;
pub mod govern;
mod place;
pub mod pool;
pub mod queue;
pub mod rebalance;
pub mod report;
mod spread;
pub mod terms;

use crate::{
    number::units::Shares,
    state::vault::{Listing, Valuation, Vault},
};

/// A vault at a moment, with its value. For one action: the value is that before it.
pub struct Vaults<'a> {
    /// The vault, accrued until now.
    pub vault: &'a mut Vault,
    /// What it has.
    pub valuation: Valuation,
    /// Unix seconds.
    pub now: i64,
}

/// Tokens in or out of a vault, and its shares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exchange {
    /// Atoms.
    pub amount: u64,
    /// Shares made or destroyed.
    pub shares: Shares,
}

impl<'a> Vaults<'a> {
    /// A vault whose markets are read by `read`, as of [`Valuation::new`].
    pub fn open<'m>(vault: &'a mut Vault, now: i64, read: impl FnMut(usize) -> Option<Listing<'m>>) -> Self {
        let valuation = Valuation::new(vault, now, true, read);
        Self::valued(vault, valuation, now)
    }

    /// The same for who enters: what the vault could pay is not counted.
    pub fn open_to_enter<'m>(vault: &'a mut Vault, now: i64, read: impl FnMut(usize) -> Option<Listing<'m>>) -> Self {
        let valuation = Valuation::new(vault, now, false, read);
        Self::valued(vault, valuation, now)
    }

    /// A vault whose value is known already.
    pub fn valued(vault: &'a mut Vault, mut valuation: Valuation, now: i64) -> Self {
        vault.accrue(&mut valuation, now);
        Self { vault, valuation, now }
    }

    /// What an action would do, tried on a copy.
    pub fn preview<T>(&self, action: impl FnOnce(&mut Vaults) -> T) -> T {
        let mut vault = *self.vault;
        action(&mut Vaults { vault: &mut vault, valuation: self.valuation, now: self.now })
    }
}

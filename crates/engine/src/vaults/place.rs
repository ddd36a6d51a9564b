//! Where a vault's tokens may be: what is there, and what more or less of it would earn.

use crate::{
    number::{
        index::Index,
        math::{saturating_sub, wide},
        units::Rate,
    },
    state::reserve::Reserve,
};

/// Atoms × rate: atoms a second with 64 fractional bits.
pub(super) type Yield = u128;

/// What a move has to know of a slot.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub reserve: &'a Reserve,
    /// Its deposit index.
    pub index: Index,
    /// What the vault has there.
    pub value: u64,
    /// What it could take out.
    pub takeable: u64,
    /// What it may bring: none below what buys a share.
    pub room: u64,
    /// What a deposit really earned a second since the last move.
    pub earned: Rate,
    /// What it earns now.
    pub rate: Rate,
}

impl Place<'_> {
    /// What the vault earns there.
    #[inline(never)]
    fn now(&self) -> Yield {
        wide(self.value, self.rate.0)
    }

    /// What it would earn more with more, at the rates that it really earned, if those of the moment are higher.
    #[inline(never)]
    pub fn more(&self, amount: u64) -> Yield {
        let Rate(after) = self.reserve.deposit_rate_after(amount as i64);
        let excess = saturating_sub(self.rate.0, self.earned.0);
        // Both are parts of the assets.
        wide(self.value + amount, after).saturating_sub(self.now()).saturating_sub(wide(amount, excess))
    }

    /// What it would earn less with less, where what is left earns more: at the rates that it really earned, if those of the moment
    /// are lower. Where they are much higher, leaving costs all that was earned: how much the rest would gain is not known then.
    #[inline(never)]
    pub fn less(&self, amount: u64) -> Yield {
        let Rate(after) = self.reserve.deposit_rate_after((amount as i64).wrapping_neg());
        let lost = self.now().saturating_sub(wide(self.value - amount, after));
        let (earned, now) = (self.earned.0, self.rate.0);
        if now > earned.saturating_add(earned / 8) {
            return lost.max(wide(amount, earned));
        }
        lost.saturating_add(wide(amount, saturating_sub(earned, now))).max(wide(amount, earned / 2))
    }
}

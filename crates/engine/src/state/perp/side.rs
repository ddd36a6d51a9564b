//! One side of a perp: all its longs, or all its shorts.
//!
//! A position of `size` lots that cost `cost` has gained `size × w − cost`, where w is what its side counts a lot for:
//! `w = multiplier × price − offset`. Funding and fees move the offset, and deleveraging the multiplier, for all positions of the side
//! at once. So a side's sums are those of its positions exactly: the same integers are added to both.

use crate::{
    number::math::{mul_shift32_floor, wide},
    record::layout::{U128, record},
};

/// A multiplier of one: 32 fractional bits.
pub const WHOLE: u64 = 1 << 32;
/// Prices of a lot are below this: 2^29 atoms, with 32 fractional bits.
pub const MAX_PRICE: u64 = 1 << 61;
/// Offsets stay within this.
const MAX_OFFSET: i64 = 1 << 61;
/// A side has no more lots than this. With prices below [`MAX_PRICE`] its value fits in 128 bits with room to spare.
pub const MAX_LOTS: u64 = 1 << 48;
/// Below this multiplier nothing more is deleveraged: the perp is to be wound down.
const LEAST_MULTIPLIER: u64 = WHOLE >> 16;

/// Atoms of the quote token with 32 fractional bits.
pub type Gain = i128;

record! {
    /// The sums of one side.
    pub struct Side: 40 {
        /// Lots of all positions, before the multiplier.
        pub size: u64,
        /// What all of them cost, whole atoms: signed.
        pub cost: U128,
        /// What deleveraging has left of a lot, 32 fractional bits.
        pub multiplier: u64,
        /// What a lot has paid, and what deleveraging fixed: atoms with 32 fractional bits.
        pub offset: i64,
    }
}

impl Side {
    /// A side without positions.
    pub fn empty() -> Self {
        Self { multiplier: WHOLE, ..Self::default() }
    }

    /// What all positions cost.
    #[inline(always)]
    pub fn cost(&self) -> i128 {
        self.cost.get() as i128
    }

    /// Adds to what they cost.
    #[inline(always)]
    pub(crate) fn add_cost(&mut self, cost: i64) {
        // A sum of at most 2^64 costs of 64 bits.
        self.cost = U128::new(self.cost().wrapping_add(cost as i128) as u128);
    }

    /// The part of a lot that is left, of a price: 32 fractional bits.
    #[inline(always)]
    pub fn scaled(&self, price: u64) -> u64 {
        if self.multiplier == WHOLE { price } else { mul_shift32_floor(price, self.multiplier) }
    }

    /// What a lot counts for at a price.
    #[inline(always)]
    pub fn lot_value(&self, price: u64) -> i64 {
        // Both are within ± 2^61.
        (self.scaled(price) as i64).wrapping_sub(self.offset)
    }

    /// The value of so many lots at a price, atoms rounded up.
    #[inline(never)]
    pub fn notional(&self, size: u64, price: u64) -> u64 {
        let value = wide(size, self.scaled(price));
        // Below 2^48 × 2^61 ÷ 2^32.
        ((value >> 32) + (value as u32 != 0) as u128).min(u64::MAX as u128) as u64
    }

    /// So many of its lots in whole ones, rounded down.
    #[inline(always)]
    pub fn lots(&self, size: u64) -> u64 {
        self.scaled(size)
    }

    /// The most of its lots that make up no more than so many whole ones.
    #[inline(never)]
    pub fn size_for(&self, lots: u64) -> u64 {
        if self.multiplier == WHOLE {
            lots
        } else {
            ((lots as u128) << 32).checked_div(self.multiplier as u128).map_or(0, |size| size as u64)
        }
    }

    /// What all its positions have gained at a price. `sign` is 1 for longs, −1 for shorts.
    pub fn gain(&self, sign: i64, price: u64) -> Gain {
        gain(self.size as i64 * sign, self.lot_value(price)) - (self.cost() << 32)
    }

    /// Charges each lot so much: atoms with 32 fractional bits; less than zero pays it. Returns whether it could: not at the end of the
    /// scale.
    #[inline(always)]
    pub(crate) fn charge(&mut self, sign: i64, amount: i64) -> bool {
        let offset = self.offset.checked_add(sign * amount).filter(|offset| offset.abs() <= MAX_OFFSET);
        self.offset = offset.unwrap_or(self.offset);
        offset.is_some()
    }

    /// Leaves only a multiplier of the lots, and fixes what the rest has gained at the price. `None` if that would leave next to none.
    pub(crate) fn shrink(&self, multiplier: u64, price: u64) -> Option<Self> {
        let value = self.lot_value(price);
        let mut after = Self { multiplier, ..*self };
        after.offset = (after.scaled(price) as i64).wrapping_sub(value);
        (multiplier >= LEAST_MULTIPLIER && multiplier <= self.multiplier && after.offset.abs() <= MAX_OFFSET)
            .then_some(after)
    }

    /// A side that nobody is on starts anew, but for what is owed to and by those who were.
    pub(crate) fn restart_if_empty(&mut self) {
        if self.size == 0 {
            (self.multiplier, self.offset) = (WHOLE, 0);
        }
    }
}

/// `size × value`, of sizes within ± 2^48.
#[inline(never)]
pub fn gain(size: i64, value: i64) -> Gain {
    let product = wide(size.unsigned_abs(), value.unsigned_abs()) as i128;
    if (size < 0) != (value < 0) { -product } else { product }
}

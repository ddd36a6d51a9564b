//! Quantities with types. A bare `u64` is a token amount in atoms, a bare `i64` is unix seconds, and nothing else is.

use bytemuck::{Pod, Zeroable};

use crate::{
    layout::{FieldType, Layout},
    math::{add_wide, bit_length_wide, mul, saturating_sub_short, saturating_sub_wide},
};

/// One hundred percent in basis points.
pub const ONE_BPS: u16 = 10_000;

/// US dollars with eight decimals: the unit is 10^-8 USD.
///
/// The largest value that can arise is 2^64 atoms × 10^9 USD × a weight of 5 over 16 positions: 1.5 × 10^38, below
/// both `u128::MAX` (3.4 × 10^38) and, for every quantity that is subtracted, `i128::MAX` (1.7 × 10^38).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Usd(pub u128);

impl Usd {
    /// Units in one dollar.
    pub const ONE: Self = Self(100_000_000);
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many whole dollars.
    pub const fn dollars(dollars: u64) -> Self {
        Self(dollars as u128 * Self::ONE.0)
    }

    /// The sum. In range by the bound stated on the type.
    #[inline(always)]
    pub const fn plus(self, other: Self) -> Self {
        Self(add_wide(self.0, other.0))
    }

    /// The difference, zero if `other` is larger.
    #[inline(always)]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(saturating_sub_wide(self.0, other.0))
    }

    /// This part of a whole in basis points, rounded down; at most 10,000, also where it is more than the whole.
    pub const fn bps_of(self, whole: Self) -> Bps {
        if self.0 >= whole.0 {
            return Bps(if self.0 == 0 { 0 } else { ONE_BPS });
        }
        // The top 50 bits of both are enough for four digits; below 11 million USD there are no more. Above, the whole is
        // rounded up.
        let (part, whole) = if whole.0 >> 50 == 0 {
            (self.0 as u64, whole.0 as u64)
        } else {
            let shift = bit_length_wide(whole.0) - 49;
            ((self.0 >> shift) as u64, (whole.0 >> shift) as u64 + 1)
        };
        // Below 2^50 × 10^4.
        Bps((mul_proved(part, ONE_BPS as u64) / whole) as u16)
    }

    /// For people: dollars as a float. Never used in a decision.
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / Self::ONE.0 as f64
    }
}

macro_rules! wrapper {
    ($(#[$meta:meta])* $name:ident($inner:ty) => $variant:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
        #[repr(transparent)]
        pub struct $name(pub $inner);
        impl Layout for $name { const TYPE: FieldType = FieldType::$variant; }
    };
}

wrapper!(
    /// Shares of a reserve's deposits or of its debts. Amount = shares × index.
    Shares(u64) => U64
);
wrapper!(
    /// Basis points: 10,000 is one.
    Bps(u16) => U16
);
wrapper!(
    /// A fraction below one with 64 fractional bits.
    Fraction(u64) => U64
);
wrapper!(
    /// Continuous interest rate per second with 64 fractional bits.
    Rate(u64) => U64
);

impl Bps {
    /// The difference, zero if `other` is larger. In 64 bits, which the target need not mask.
    #[inline(always)]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(saturating_sub_short(self.0 as u64, other.0 as u64) as u16)
    }
}

impl Shares {
    /// None.
    pub const ZERO: Self = Self(0);
}

impl Rate {
    /// Seconds of the year that annual rates refer to (365 days, as peers use).
    pub const YEAR: u64 = 31_536_000;

    /// For people: the rate per year, continuously compounded, where 1.0 is 100 %. Never used in a decision.
    pub fn per_year_f64(self) -> f64 {
        self.0 as f64 / (1u128 << 64) as f64 * Self::YEAR as f64
    }
}

//! Quantities with types. A bare `u64` is a token amount in atoms, and a bare `i64` is a moment in unix seconds. The fields of
//! governed records are the exception: they are plain numbers, and the table of parameters says their unit.

use bytemuck::{Pod, Zeroable};

use crate::number::math::{
    add_wide_proved, bit_length_wide, mul_div_ceil, mul_div_floor, mul_div_wide_ceil, mul_proved, mul_shift32_ceil,
    saturating_sub, saturating_sub_short, saturating_sub_wide,
};

/// One hundred percent in basis points.
pub const ONE_BPS: u16 = 10_000;

/// The most atoms a reserve accounts for: lent and unlent together.
pub const MAX_LIQUIDITY: u64 = 1 << 63;

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

    /// This part of a whole, rounded down; [`Part::WHOLE`] also where it is more than the whole, and none of nothing.
    /// Out of line: nothing that is done often needs it.
    #[cold]
    #[inline(never)]
    pub(crate) fn part_of(self, whole: Self) -> Part {
        if self.0 >= whole.0 {
            return if whole == Self::ZERO { Part::ZERO } else { Part::WHOLE };
        }
        // Cut to the whole's top 64 bits.
        let shift = bit_length_wide(whole.0).saturating_sub(64);
        let part = mul_div_floor((self.0 >> shift) as u64, 1 << 32, (whole.0 >> shift) as u64);
        // At most 2^32.
        Part(part.map_or(u32::MAX, |part| part.min(u32::MAX as u64) as u32))
    }

    /// For people: dollars as a float. Never used in a decision.
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / Self::ONE.0 as f64
    }
}

impl core::ops::Add for Usd {
    type Output = Self;

    /// In range by the bound stated on the type.
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(add_wide_proved(self.0, other.0))
    }
}

macro_rules! wrapper {
    ($(#[$meta:meta])* $name:ident($inner:ty)) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Pod, Zeroable)]
        #[repr(transparent)]
        pub struct $name(pub $inner);
    };
}

wrapper!(
    /// Shares of a reserve's deposits or of its debts. Amount = shares × index.
    Shares(u64)
);
wrapper!(
    /// US dollars with eight decimals in 64 bits, at most 1.8 × 10^11 USD: what rate limits count, and dust is measured by.
    UsdE8(u64)
);
wrapper!(
    /// A length of time.
    Seconds(u64)
);
wrapper!(
    /// Basis points: 10,000 is one.
    Bps(u16)
);
wrapper!(
    /// A fraction below one with 64 fractional bits.
    Fraction(u64)
);
wrapper!(
    /// A part of a whole with 32 fractional bits. The largest number is the whole itself, not a 2^-32 less.
    Part(u32)
);
wrapper!(
    /// Continuous interest rate per second with 64 fractional bits.
    Rate(u64)
);

impl Bps {
    /// This part of a whole, rounded down. More than 100 % may exceed 64 bits: then it is the most there is.
    #[inline(always)]
    pub const fn of_floor(self, whole: u64) -> u64 {
        // Mostly the product fits 64 bits.
        if whole >> 48 == 0 {
            return mul_proved(whole, self.0 as u64) / ONE_BPS as u64;
        }
        match mul_div_floor(whole, self.0 as u64, ONE_BPS as u64) {
            Some(part) => part,
            None => u64::MAX,
        }
    }

    /// The same rounded up.
    #[inline(always)]
    pub const fn of_ceil(self, whole: u64) -> u64 {
        match mul_div_ceil(whole, self.0 as u64, ONE_BPS as u64) {
            Some(part) => part,
            None => u64::MAX,
        }
    }

    /// The difference, zero if `other` is larger. In 64 bits, which the target need not mask.
    #[inline(always)]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(saturating_sub_short(self.0 as u64, other.0 as u64) as u16)
    }
}

impl UsdE8 {
    /// None.
    pub const ZERO: Self = Self(0);
    /// The most there is; stands for "unlimited".
    pub const MAX: Self = Self(u64::MAX);

    /// Whole dollars.
    #[inline(always)]
    pub const fn dollars(dollars: u32) -> Self {
        // Below 2^59.
        Self(mul_proved(dollars as u64, Usd::ONE.0 as u64))
    }

    /// The sum, at most [`Self::MAX`].
    #[inline(always)]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, zero if `other` is larger.
    #[inline(always)]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(saturating_sub(self.0, other.0))
    }

    /// The smaller of two: the derived `min` compares twice.
    #[inline(always)]
    pub fn least(self, other: Self) -> Self {
        Self(self.0.min(other.0))
    }
}

impl Shares {
    /// None.
    pub const ZERO: Self = Self(0);
}

impl Part {
    /// None.
    pub const ZERO: Self = Self(0);
    /// All.
    pub const WHOLE: Self = Self(u32::MAX);

    /// This part of shares: `⌈shares × part⌉`.
    #[inline(never)]
    pub const fn of(self, shares: Shares) -> Shares {
        if self.0 == Self::WHOLE.0 { shares } else { Shares(mul_shift32_ceil(shares.0, self.0 as u64)) }
    }

    /// This part of a value, rounded up.
    pub(crate) fn of_value(self, value: Usd) -> Usd {
        if self == Self::WHOLE {
            return value;
        }
        // Less than the value.
        mul_div_wide_ceil(value.0, self.0 as u64, 1 << 32).map_or(value, Usd)
    }

    /// For people: 1.0 is all. Never used in a decision.
    pub fn to_f64(self) -> f64 {
        if self == Self::WHOLE { 1.0 } else { self.0 as f64 / (1u64 << 32) as f64 }
    }
}

impl Rate {
    /// Seconds of the year that annual rates refer to (365 days, as peers use).
    pub const YEAR: u64 = 31_536_000;

    /// For people: the rate per year, continuously compounded, where 1.0 is 100 %. Never used in a decision.
    pub fn per_year_f64(self) -> f64 {
        self.0 as f64 / (1u128 << 64) as f64 * Self::YEAR as f64
    }
}

impl Seconds {
    /// From one moment to another, neither of which is negative; none if the first is the later one.
    #[inline(always)]
    pub const fn between(then: i64, now: i64) -> Self {
        if now < then {
            core::hint::cold_path();
            return Self(0);
        }
        Self(now.wrapping_sub(then) as u64)
    }
}

//! Indices turn shares into amounts and only interest moves them (a socialised loss excepted), so sending tokens to a
//! vault changes no one's amount.

use bytemuck::{Pod, Zeroable};

use crate::{
    layout::{FieldType, Layout},
    math::{mul_shift_ceil, mul_shift_floor, narrow, wide, wide_mul},
    units::{Fraction, Rate, Shares},
};

/// Atoms with 64 fractional bits, the precision in which the books of a reserve balance exactly.
pub type ExactAtoms = u128;

/// Atoms per share with 64 fractional bits, as two 64-bit words because `u128` is aligned differently on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Index {
    fraction: u64,
    whole: u64,
}

impl Layout for Index {
    const TYPE: FieldType = FieldType::U128;
}

impl Default for Index {
    fn default() -> Self {
        Self::ONE
    }
}

impl Index {
    /// Where every index starts.
    pub const ONE: Self = Self { fraction: 0, whole: 1 };
    /// The index of deposits that a loss consumed whole.
    pub const ZERO: Self = Self { fraction: 0, whole: 0 };
    /// Interest stops here: 2^32 times the start. Products with shares then stay in range without a check.
    pub const MAX: Self = Self { fraction: 0, whole: 1 << 32 };

    /// From 64 fractional bits.
    pub const fn from_bits(bits: u128) -> Self {
        Self { fraction: bits as u64, whole: (bits >> 64) as u64 }
    }

    /// As 64 fractional bits.
    #[inline(always)]
    pub const fn to_bits(self) -> u128 {
        ((self.whole as u128) << 64) | self.fraction as u128
    }

    /// Whether the index is zero: the reserve's deposits were wiped out.
    pub const fn is_zero(self) -> bool {
        self.whole | self.fraction == 0
    }

    /// `shares × index`, exactly. In range because the books hold every total below 2^64 atoms (invariant 2).
    #[inline(always)]
    pub const fn exact(self, shares: Shares) -> ExactAtoms {
        wide(shares.0, self.fraction) + (((shares.0 * self.whole) as u128) << 64)
    }

    /// What shares are worth when they are paid out: `⌊shares × index⌋`.
    #[inline(always)]
    pub const fn amount_floor(self, shares: Shares) -> u64 {
        mul_shift_floor(shares.0, self.fraction) + shares.0 * self.whole
    }

    /// What shares cost when they are owed: `⌈shares × index⌉`.
    #[inline(always)]
    pub const fn amount_ceil(self, shares: Shares) -> u64 {
        mul_shift_ceil(shares.0, self.fraction) + shares.0 * self.whole
    }

    /// The most shares that `amount` covers: `⌊amount / index⌋`, `None` if they exceed 64 bits or the index is zero.
    pub fn shares_floor(self, amount: u64) -> Option<Shares> {
        if self.is_zero() {
            return None;
        }
        narrow(((amount as u128) << 64) / self.to_bits()).map(Shares)
    }

    /// The fewest shares that cover `amount`: `⌈amount / index⌉`, `None` if they exceed 64 bits or the index is zero.
    pub fn shares_ceil(self, amount: u64) -> Option<Shares> {
        if self.is_zero() {
            return None;
        }
        narrow(((amount as u128) << 64).div_ceil(self.to_bits())).map(Shares)
    }

    /// The index grown by `growth`, rounded down: for deposits.
    #[inline(always)]
    pub const fn grown_floor(self, growth: Fraction) -> Self {
        let gained = mul_shift_floor(self.fraction, growth.0) as u128 + wide(self.whole, growth.0);
        Self::from_bits(self.to_bits() + gained)
    }

    /// The index grown by `growth`, rounded up: for debts.
    #[inline(always)]
    pub const fn grown_ceil(self, growth: Fraction) -> Self {
        let (gained, rest) = wide_mul(self.fraction, growth.0);
        let gained = gained as u128 + (rest != 0) as u128 + wide(self.whole, growth.0);
        Self::from_bits(self.to_bits() + gained)
    }
}

/// `ln 2` with 64 fractional bits, rounded down: the longest stretch of interest that one accrual applies (a factor
/// of two: 25 days untouched at 1,000 % a year, seven years at 10 %).
pub const MAX_EXPONENT: u64 = 0xb172_17f7_d1cf_79ab;

/// Growth over `seconds` at `rate`: `e^(rate × seconds) − 1`.
///
/// Method: Taylor's series, of two terms while the exponent is below 2^-20 (a minute at 1,000 % a year) and of four
/// up to 2^-10; above, the exponent is halved until it is below 2^-10 and the result squared back. Never above the
/// exact exponential, and below it by less than 2^-50 absolutely and 2^-38 relatively (tested against exact
/// rationals; the relative bound is looser only where the growth itself is of few 2^-64 units).
#[inline(always)]
pub const fn growth(rate: Rate, seconds: u64) -> Fraction {
    let exponent = match rate.0.checked_mul(seconds) {
        Some(exponent) if exponent < MAX_EXPONENT => exponent,
        Some(_) | None => MAX_EXPONENT,
    };
    if exponent < 1 << 44 {
        return Fraction(exponent + mul_shift_floor(exponent, exponent) / 2);
    }
    long_growth(exponent)
}

/// The series for exponents of 2^-20 and more.
#[inline(never)]
const fn long_growth(exponent: u64) -> Fraction {
    let (mut x, mut halvings) = (exponent, 0);
    while x >= 1 << 54 {
        x >>= 1;
        halvings += 1;
    }
    let square = mul_shift_floor(x, x);
    let cube = mul_shift_floor(square, x);
    let fourth = mul_shift_floor(square, square);
    let mut growth = x + square / 2 + cube / 6 + fourth / 24;
    while halvings > 0 {
        growth = 2 * growth + mul_shift_floor(growth, growth);
        halvings -= 1;
    }
    Fraction(growth)
}

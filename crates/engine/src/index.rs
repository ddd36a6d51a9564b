//! Indices turn shares into amounts and only interest moves them (a socialised loss excepted), so sending tokens to a
//! vault changes no one's amount.

use bytemuck::{Pod, Zeroable};

use crate::{
    layout::{FieldType, Layout},
    math::{
        add, add_wide, bit_length, div_normalised, mul, mul_shift_below, mul_shift_ceil, mul_shift_floor,
        mul_shift32_floor, wide,
    },
    units::{Fraction, Rate, Shares},
};

/// Atoms with 64 fractional bits: what shares are worth, exactly.
pub type ExactAtoms = u128;

/// Whole atoms as [`ExactAtoms`].
#[inline(always)]
pub(crate) const fn exact(amount: u64) -> ExactAtoms {
    (amount as u128) << 64
}

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

    /// Whether a doubling may lead beyond [`Self::MAX`].
    #[inline(always)]
    pub const fn may_pass_its_maximum(self) -> bool {
        self.whole >= Self::MAX.whole / 2
    }

    /// Whether the index is zero: the reserve's deposits were wiped out.
    pub const fn is_zero(self) -> bool {
        self.whole | self.fraction == 0
    }

    /// `shares × index`, exactly. In range because the books hold every total below 2^64 atoms (invariant 2).
    #[inline(always)]
    pub const fn exact(self, shares: Shares) -> ExactAtoms {
        add_wide_proved(wide(shares.0, self.fraction), exact(mul_proved(shares.0, self.whole)))
    }

    /// What shares are worth when they are paid out: `⌊shares × index⌋`.
    #[inline(always)]
    pub fn amount_floor(self, shares: Shares) -> u64 {
        add_proved(mul_shift_floor(shares.0, self.fraction), mul_proved(shares.0, self.whole))
    }

    /// What shares cost when they are owed: `⌈shares × index⌉`.
    #[inline(always)]
    pub fn amount_ceil(self, shares: Shares) -> u64 {
        add_proved(mul_shift_ceil(shares.0, self.fraction), mul_proved(shares.0, self.whole))
    }

    /// `⌈shares × index⌉` and `⌊shares × index⌋`.
    #[inline(always)]
    pub fn amount_bounds(self, shares: Shares) -> (u64, u64) {
        let exact = self.exact(shares);
        let floor = (exact >> 64) as u64;
        (add_proved(floor, (exact as u64 != 0) as u64), floor)
    }

    /// The most shares that `amount` covers: `⌊amount / index⌋`. `None` if they exceed 64 bits or the index is zero.
    #[inline(always)]
    pub fn shares_floor(self, amount: u64) -> Option<Shares> {
        self.divide(amount).map(|(shares, _)| shares)
    }

    /// [`Self::shares_floor`] out of line, for what is done rarely.
    #[cold]
    #[inline(never)]
    pub(crate) fn rare_shares_floor(self, amount: u64) -> Option<Shares> {
        self.shares_floor(amount)
    }

    /// The fewest shares that cover `amount`: `⌈amount / index⌉`. `None` if they exceed 64 bits or the index is zero.
    #[inline(always)]
    pub fn shares_ceil(self, amount: u64) -> Option<Shares> {
        match self.divide(amount)? {
            (shares, true) => Some(shares),
            (shares, false) => shares.0.checked_add(1).map(Shares),
        }
    }

    /// `⌊amount / index⌋` and whether nothing is left.
    #[inline(always)]
    fn divide(self, amount: u64) -> Option<(Shares, bool)> {
        if self.whole == 0 {
            if amount >= self.fraction {
                return None;
            }
            let shift = 64 - bit_length(self.fraction);
            let (quotient, rest) = div_normalised(amount << shift, 0, self.fraction << shift);
            return Some((Shares(quotient), rest == 0));
        }
        // By the index cut to its first 64 bits. What is cut off is less than one of 2^63 or more, and the quotient is
        // at most twice that over 2^shift: it is right or one too large.
        let shift = if self.whole == 1 { 1 } else { bit_length(self.whole) };
        let cut = (self.whole << (64 - shift)) | (self.fraction >> shift);
        let (quotient, rest) = div_normalised(amount >> shift, amount << (64 - shift), cut);
        if shift == 1 {
            // Twice the rest, less the quotient if a bit was cut off, is what is left.
            let taken = quotient & (self.fraction & 1).wrapping_neg();
            return Some(if rest >> 63 == 0 && rest << 1 < taken {
                (Shares(quotient - 1), false)
            } else {
                (Shares(quotient), rest >> 63 == 0 && rest << 1 == taken)
            });
        }
        // Less than an index either way: its sign survives the wrapping.
        let rest = exact(amount)
            .wrapping_sub(wide(quotient, self.fraction))
            .wrapping_sub(exact(quotient.wrapping_mul(self.whole)));
        Some(if (rest as i128) < 0 { (Shares(quotient - 1), false) } else { (Shares(quotient), rest == 0) })
    }

    /// What shares are worth, rounded up and down: right to an atom and 2^-32 of itself. For rates, which are no claims.
    #[inline(always)]
    pub fn amount_roughly(self, shares: Shares) -> (u64, u64) {
        if shares.0 >> 32 == 0 || self.whole == 0 {
            return self.exactly(shares);
        }
        let below = add_proved(mul_shift32_floor(shares.0, self.fraction >> 32), mul_proved(shares.0, self.whole));
        // The fraction's low half is worth less than shares ÷ 2^32, and the product's last atom was cut.
        (add_proved(below, (shares.0 >> 32) + 2), below)
    }

    /// [`Self::amount_roughly`] where an atom, or a fraction's low half, would show.
    #[cold]
    #[inline(never)]
    fn exactly(self, shares: Shares) -> (u64, u64) {
        self.amount_bounds(shares)
    }

    /// The index after a growth, rounded down: for deposits. Right to 2^-32 of what it grows by.
    #[inline(always)]
    pub fn grown_floor(self, growth: Fraction) -> Self {
        if self.whole != 1 {
            return self.grown_by(mul_shift_floor(self.fraction, growth.0), growth);
        }
        self.plus(mul_shift32_floor(growth.0, self.fraction >> 32), growth.0 as u128)
    }

    /// The index after a growth, rounded up: for debts, whose index is one at least. Right to 2^-32 of what it grows by.
    #[inline(always)]
    pub fn grown_ceil(self, growth: Fraction) -> Self {
        if self.whole != 1 {
            return self.grown_by(mul_shift_ceil(self.fraction, growth.0), growth);
        }
        // The fraction's low half times the growth is less than growth ÷ 2^32, and the product's last unit was cut.
        let above = add_proved(mul_shift32_floor(growth.0, self.fraction >> 32), (growth.0 >> 32) + 2);
        self.plus(above, growth.0 as u128)
    }

    /// Until deposits or debts have doubled, or a loss, the whole part is one.
    #[cold]
    #[inline(never)]
    fn grown_by(self, of_fraction: u64, growth: Fraction) -> Self {
        self.plus(of_fraction, wide(self.whole, growth.0))
    }

    /// With the growth of the fraction and of the whole part. In range because interest stops at half of [`Self::MAX`], and a
    /// growth doubles at most.
    #[inline(always)]
    fn plus(self, of_fraction: u64, of_whole: u128) -> Self {
        Self::from_bits(add_wide_proved(add_wide(self.to_bits(), of_whole), of_fraction as u128))
    }
}

/// `ln 2` with 64 fractional bits, rounded down: the longest stretch of interest that one accrual applies (a factor
/// of two: 25 days untouched at 1,000 % a year, seven years at 10 %).
pub const MAX_EXPONENT: u64 = 0xb172_17f7_d1cf_79ab;

/// Growth over `seconds` at `rate`: `e^(rate × seconds) − 1`.
///
/// Method: Taylor's series of two terms while the exponent is below 2^-20 (five minutes at 10 % a year); above, the
/// exponent's first ten bits are looked up in a table and a series of four terms takes the rest. Never above the exact
/// exponential, and below it by less than 2^-50 absolutely and by less than 2^-40 of the growth plus a few units of 2^-64
/// (tested against exact rationals).
#[inline(always)]
pub fn growth(rate: Rate, seconds: u64) -> Fraction {
    // A rate is below 2^43 (1,000 % a year): the product fits for 24 days. For 136 years it fits without the rate's last
    // eleven bits, which tells whether the whole one does. The checked product costs 40 compute units more.
    let is_long = seconds >> 21 != 0
        && if seconds >> 32 == 0 {
            mul_proved(rate.0 >> 11, seconds) >= MAX_EXPONENT >> 11
        } else {
            rate.0.saturating_mul(seconds) >= MAX_EXPONENT
        };
    if is_long {
        return long_growth(MAX_EXPONENT);
    }
    let exponent = mul_proved(rate.0, seconds);
    if exponent >> 44 == 0 {
        // The square's low bits, dropped before the product, are worth less than a unit of the result.
        let half = exponent >> 12;
        return Fraction(add_proved(exponent, mul_proved(half, half) >> 41));
    }
    long_growth(if exponent < MAX_EXPONENT { exponent } else { MAX_EXPONENT })
}

/// The growth for exponents of 2^-20 and more.
#[inline(never)]
fn long_growth(exponent: u64) -> Fraction {
    // Below 2^-10: the first term left out is below 2^-56. The others need no more than the first 32 bits of their
    // factors: that takes less than 2^-51 from the square's half and less from the rest.
    let x = exponent & ((1 << 54) - 1);
    let short = x >> 22;
    let square = mul_proved(short, short) >> 20;
    let cube = mul_proved(square >> 12, short) >> 30;
    let fourth = mul_proved(square >> 12, square >> 12) >> 40;
    let series = add_proved(add_proved(x, square / 2), add_proved(cube / 6, fourth / 24));
    let looked_up = BY_1024TH[(exponent >> 54) as usize];
    // (1 + a)(1 + b) − 1, in range because the exponents add up to at most ln 2.
    Fraction(add_proved(add_proved(looked_up, series), mul_shift_below(looked_up, series)))
}

/// `e^(k ÷ 1024) − 1`; ln 2 is below 710 ÷ 1024.
static BY_1024TH: [u64; 710] = exponentials(1024);

/// `⌊2^64 (e^(k ÷ denominator) − 1)⌋` for k from zero: the series with 100 fractional bits, at compile time.
const fn exponentials<const N: usize>(denominator: u128) -> [u64; N] {
    let (mut table, mut k) = ([0; N], 0);
    while k < N {
        let (mut sum, mut term, mut n) = (0u128, 1u128 << 100, 1);
        while term > 0 {
            term = term * k as u128 / (denominator * n);
            sum += term;
            n += 1;
        }
        table[k] = (sum >> 36) as u64;
        k += 1;
    }
    table
}

//! Indices turn shares into amounts and only interest moves them (a socialised loss excepted), so sending tokens to a
//! reserve's token account changes no one's amount.

use bytemuck::{Pod, Zeroable};

use crate::number::{
    math::{
        add_proved, add_wide_proved, bit_length, div_narrow, div_normalised, mul_proved, mul_shift_ceil,
        mul_shift_floor, mul_shift32_floor, narrow, wide,
    },
    units::{Fraction, Shares},
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

    /// Whole atoms that cover a share.
    #[inline(always)]
    pub(crate) const fn ceil(self) -> u64 {
        self.whole + (self.fraction != 0) as u64
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

    /// [`Self::amount_ceil`] of any shares: the most there is where it does not fit.
    pub(crate) fn amount_ceil_saturating(self, shares: Shares) -> u64 {
        let of_fraction = wide(shares.0, self.fraction);
        let rounded = (of_fraction >> 64) + (of_fraction as u64 != 0) as u128;
        narrow(wide(shares.0, self.whole) + rounded).unwrap_or(u64::MAX)
    }

    /// `⌈amount ÷ shares⌉`, with 64 fractional bits. Of no shares: zero.
    pub(crate) fn quotient_ceil(amount: u64, Shares(shares): Shares) -> Self {
        let Some((fraction, rest)) = amount.checked_rem(shares).and_then(|rest| div_narrow(exact(rest), shares)) else {
            return Self::ZERO;
        };
        Self::from_bits(exact(amount / shares) + fraction as u128 + (rest != 0) as u128)
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

    /// [`Self::shares_ceil`] likewise.
    #[cold]
    #[inline(never)]
    pub(crate) fn rare_shares_ceil(self, amount: u64) -> Option<Shares> {
        self.shares_ceil(amount)
    }

    /// [`Self::amount_floor`] likewise.
    #[cold]
    #[inline(never)]
    pub(crate) fn rare_amount_floor(self, shares: Shares) -> u64 {
        self.amount_floor(shares)
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
        Self::from_bits(add_wide_proved(add_wide_proved(self.to_bits(), of_whole), of_fraction as u128))
    }
}

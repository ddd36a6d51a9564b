//! The utilisation curve: what borrowers pay per second, from how much of a reserve is lent out.

use crate::{
    error::{Error, Result},
    layout::record,
    math::{add, excess_over_32_bits, mul, ratio32},
    units::{Bps, ONE_BPS, Rate},
};

/// Hard ceiling of an annual borrow rate: 1,000 %.
pub const MAX_RATE_BPS: u32 = 100_000;
/// Points a curve may have.
pub const MAX_POINTS: usize = 8;

record! {
    /// A point of the curve.
    pub struct RatePoint: 8 {
        /// Annual rate in basis points, continuously compounded.
        pub rate_bps: u32,
        /// Borrowed share of the reserve's liquidity.
        pub utilisation: Bps,
        /// Zero.
        pub reserved: u16,
    }
}

record! {
    /// A piecewise linear curve from utilisation 0 to 100 %.
    pub struct RateCurve: 72 {
        /// The first `count` are in use, in order of utilisation.
        pub points: [RatePoint; MAX_POINTS],
        /// Points in use, 2 to 8.
        pub count: u8,
        /// Zero.
        pub reserved: [u8; 7],
    }
}

/// Borrowed share of the liquidity with 32 fractional bits, at most one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Utilisation(u64);

impl Utilisation {
    /// `debt / (cash + debt)`, rounded down by less than 2^-29; zero for an empty reserve.
    #[inline(always)]
    pub fn new(cash: u64, debt: u64) -> Self {
        // Both are parts of a reserve's liquidity, which is below 2^64 atoms (invariant 2).
        let total = add(cash, debt);
        Self::cut(debt, total, excess_over_32_bits(total))
    }

    /// Of a total that is to be cut by `shift` bits to fit 32.
    #[inline(always)]
    pub(crate) fn cut(debt: u64, total: u64, shift: u32) -> Self {
        Self(ratio32(debt, total, shift))
    }

    /// In basis points, rounded down.
    pub const fn bps(self) -> Bps {
        Bps((mul(self.0, ONE_BPS as u64) >> 32) as u16)
    }

    /// For people: 1.0 is all lent out. Never used in a decision.
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / (1u64 << 32) as f64
    }
}

impl RateCurve {
    /// A curve through `(utilisation, annual rate)` points in basis points. `None` for more than eight.
    pub fn new(points: &[(u16, u32)]) -> Option<Self> {
        let mut curve = Self { count: points.len() as u8, ..Self::default() };
        for (index, &(utilisation, rate_bps)) in points.iter().enumerate() {
            *curve.points.get_mut(index)? = RatePoint { rate_bps, utilisation: Bps(utilisation), reserved: 0 };
        }
        Some(curve)
    }

    /// The curve's points.
    pub fn points(&self) -> &[RatePoint] {
        &self.points[..(self.count as usize).min(MAX_POINTS)]
    }

    /// Refuses a curve that does not run from 0 to 100 % with rising utilisation, rates that never fall and none above
    /// [`MAX_RATE_BPS`].
    pub fn validate(&self) -> Result<()> {
        if !(2..=MAX_POINTS).contains(&(self.count as usize)) {
            return Err(Error::CurvePointCountOutOfRange);
        }
        let points = self.points();
        if points[0].utilisation.0 != 0 || points[points.len() - 1].utilisation.0 != ONE_BPS {
            return Err(Error::CurveMustSpanAllUtilisation);
        }
        if points
            .windows(2)
            .any(|pair| pair[0].utilisation >= pair[1].utilisation || pair[0].rate_bps > pair[1].rate_bps)
        {
            return Err(Error::CurveMustRise);
        }
        if points.iter().any(|point| point.rate_bps > MAX_RATE_BPS) {
            return Err(Error::CurveRateAboveCeiling);
        }
        Ok(())
    }

    /// The rate at a utilisation, linear between points. Rounded down, by less than 2^-31 basis points a year and one
    /// unit of [`Rate`].
    #[inline(always)]
    pub fn rate(&self, utilisation: Utilisation) -> Rate {
        /// A year's seconds times a basis point, without its eleven factors of two.
        const YEAR_BPS: u64 = (Rate::YEAR * ONE_BPS as u64) >> 11;
        const { assert!(YEAR_BPS << 11 == Rate::YEAR * ONE_BPS as u64) };
        // In basis points with 32 fractional bits: below 2^46.
        let at = mul(utilisation.0, ONE_BPS as u64);
        let at_most = (add(at, u32::MAX as u64) >> 32) as u16;
        let mut low = &self.points[0];
        for high in &self.points()[1..] {
            if at_most <= high.utilisation.0 {
                let start = (low.utilisation.0 as u64) << 32;
                // (at − start) < 2^46 and the rise ≤ 100,000 < 2^17: the product stays below 2^63.
                let rise = (high.rate_bps - low.rate_bps) as u64;
                let width = (high.utilisation.0 - low.utilisation.0) as u64;
                // Below 2^49 with 32 fractional bits; × 2^32 ÷ 2^11 = × 2^15 × 2^6: a digit of 15 bits and one of 6.
                let rate_bps = add((low.rate_bps as u64) << 32, mul(at - start, rise) / width) << 15;
                return Rate(((rate_bps / YEAR_BPS) << 6) | (((rate_bps % YEAR_BPS) << 6) / YEAR_BPS));
            }
            low = high;
        }
        Rate(0)
    }
}

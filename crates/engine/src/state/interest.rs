//! What borrowers pay per second: a curve of how much of a reserve is lent out, which a controller scales slowly towards a
//! target utilisation, and a premium for volatility.

use crate::{
    error::{Error, Result},
    number::{
        math::{add_proved, excess_over_32_bits, mul_proved, ratio32, sub_proved},
        units::{Bps, ONE_BPS, Rate, Seconds},
    },
    record::{layout::record, parameter::governed},
};

/// Hard ceiling of an annual borrow rate: 1,000 %.
pub const MAX_RATE_BPS: u32 = 100_000;
/// Points a curve may have.
pub const MAX_POINTS: usize = 8;

governed! {
    /// A point of the curve.
    pub struct RatePoint: 8 {
        /// Annual rate in basis points, continuously compounded.
        pub rate_bps: u32 [BpsPerYear, 0..=MAX_RATE_BPS as u64, Any, CurveRateAboveCeiling],
        /// Borrowed share of the reserve's liquidity.
        pub utilisation: Bps [Bps, 0..=10_000, Any, CurveMustSpanAllUtilisation],
        /// Zero.
        pub reserved: u16 [zero],
    }
}

governed! {
    /// A piecewise linear curve from utilisation 0 to 100 %.
    pub struct RateCurve: 72 {
        /// The first `count` are in use, in order of utilisation.
        pub points: [RatePoint; MAX_POINTS] [parts RatePoint],
        /// Points in use, 2 to 8.
        pub count: u8 [Count, 2..=8, Any, CurvePointCountOutOfRange],
        /// Zero.
        pub reserved: [u8; 7] [zero],
    }
}

governed! {
    /// How the curve moves with the market.
    pub struct ControllerConfig: 16 {
        /// Utilisation at which the curve rests.
        pub target: Bps [Bps, 0..=9_999, Any, ControllerOutOfRange],
        /// Part of itself by which the multiplier moves in a day when everything or nothing is lent out. Zero: it stays one.
        pub speed: Bps [BpsPerDay, 0..=10_000, Any, ControllerOutOfRange],
        /// Lowest multiplier, 10,000 is one.
        pub lowest: Bps [Bps, 0..=10_000, Any, ControllerOutOfRange],
        /// Highest multiplier.
        pub highest: Bps [Bps, 0..=60_000, Any, ControllerOutOfRange],
        /// Annual rate added per 100 % of volatility above the reserve's reference.
        pub volatility_premium: Bps [BpsPerYear, 0..=65_535, Any, ControllerOutOfRange],
        /// Zero.
        pub reserved: [u8; 6] [zero],
    }
}

impl ControllerConfig {
    /// Hard floor of the multiplier.
    pub const LOWEST: u16 = 1_000;

    /// Refuses parameters that do not go together.
    pub fn validate(&self) -> Result<()> {
        let is_off = self.speed.0 == 0;
        let in_range = self.target.0 != 0 && self.lowest.0 >= Self::LOWEST && self.highest.0 >= ONE_BPS;
        if is_off || in_range { Ok(()) } else { Err(Error::ControllerOutOfRange) }
    }
}

record! {
    /// Where the controller has moved the curve to.
    pub struct Controller: 24 {
        /// Factor of the curve's rates, 48 fractional bits.
        pub multiplier: u64,
        /// Utilisation since the books last changed, 32 fractional bits.
        pub utilisation: u64,
        /// Added to the curve's rate.
        pub premium: Rate,
    }
}

/// A basis point of a multiplier.
const MULTIPLIER_BPS: u64 = (1 << 48) / ONE_BPS as u64;
/// The rate of [`MAX_RATE_BPS`]: below 2^43.
const MAX_RATE: u64 = rate_of(MAX_RATE_BPS);

/// The rate per second of an annual one in basis points, rounded down.
const fn rate_of(bps: u32) -> u64 {
    (((bps as u128) << 64) / (ONE_BPS as u128 * Rate::YEAR as u128)) as u64
}

impl Controller {
    /// At rest.
    pub fn new(config: &ControllerConfig) -> Self {
        let mut controller = Self { multiplier: 1 << 48, ..Self::default() };
        controller.clamp(config);
        controller
    }

    /// Brings the multiplier into its bounds.
    pub fn clamp(&mut self, config: &ControllerConfig) {
        self.multiplier = if config.speed.0 == 0 {
            1 << 48
        } else {
            self.multiplier.clamp(Self::bound(config.lowest), Self::bound(config.highest))
        };
    }

    #[inline(always)]
    const fn bound(bps: Bps) -> u64 {
        if bps.0 == ONE_BPS { 1 << 48 } else { mul_proved(bps.0 as u64, MULTIPLIER_BPS) }
    }

    /// Moves the multiplier m for `seconds` at a utilisation u: `m × (1 + speed × e × time)`, where e is the distance from
    /// the target as a part of the way to 100 % or to zero, −1 to 1. A day at most: nobody touched it for longer.
    #[inline(always)]
    pub fn step(&mut self, config: &ControllerConfig, Seconds(seconds): Seconds) {
        const DAY: u64 = 86_400;
        if config.speed.0 == 0 {
            return;
        }
        // Right to 10^-6.
        let target = mul_proved(config.target.0 as u64, (1 << 32) / ONE_BPS as u64);
        let is_above = self.utilisation > target;
        let way = if is_above { sub_proved(1 << 32, target) } else { target };
        // 16 fractional bits, at most one.
        let error = (self.utilisation.abs_diff(target) << 16) / way;
        let time = if seconds < DAY { seconds } else { DAY };
        // 2^14 × 2^17 × 2^17 × 2^16: fits. 32 fractional bits, at most one.
        let part = (mul_proved(mul_proved(config.speed.0 as u64, time), error) << 16) / (DAY * ONE_BPS as u64);
        // A multiplier is below 2^51: 2^31 × 2^32 fits.
        let change = mul_proved(self.multiplier >> 20, part) >> 12;
        self.multiplier = if is_above {
            add_proved(self.multiplier, change).min(Self::bound(config.highest))
        } else {
            (self.multiplier - change).max(Self::bound(config.lowest))
        };
    }

    /// The rate of a curve's rate, and the premium: at most 1,000 % a year.
    #[inline(always)]
    pub fn rate(&self, of_curve: Rate) -> Rate {
        // 2^43 × 2^19.
        let rate = add_proved(mul_proved(of_curve.0, self.multiplier >> 32) >> 16, self.premium.0);
        Rate(if rate < MAX_RATE { rate } else { MAX_RATE })
    }

    /// Sets the premium for a volatility above the reference.
    #[inline(always)]
    pub fn set_premium(&mut self, config: &ControllerConfig, excess: Bps) {
        const RATE_BPS: u64 = rate_of(1);
        // At most 2^32 ÷ 10^4 × 2^26.
        let bps = mul_proved(excess.0 as u64, config.volatility_premium.0 as u64) / ONE_BPS as u64;
        self.premium = Rate(mul_proved(bps, RATE_BPS));
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
        let total = add_proved(cash, debt);
        Self::cut(debt, total, excess_over_32_bits(total))
    }

    /// Of a total that is to be cut by `shift` bits to fit 32.
    #[inline(always)]
    pub(crate) fn cut(debt: u64, total: u64, shift: u32) -> Self {
        Self(ratio32(debt, total, shift))
    }

    /// From 32 fractional bits, at most one.
    #[inline(always)]
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// 32 fractional bits.
    #[inline(always)]
    pub(crate) const fn to_bits(self) -> u64 {
        self.0
    }

    /// Whether it is above a limit.
    #[inline(always)]
    pub(crate) const fn exceeds(self, limit: Bps) -> bool {
        // At most 2^32 × 10^4.
        mul_proved(self.0, ONE_BPS as u64) > (limit.0 as u64) << 32
    }

    /// In basis points, rounded down.
    pub const fn bps(self) -> Bps {
        Bps((mul_proved(self.0, ONE_BPS as u64) >> 32) as u16)
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

    /// Refuses a curve that does not run from 0 to 100 % with rising utilisation and rates that never fall. It has points.
    pub fn validate(&self) -> Result<()> {
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
        let at = mul_proved(utilisation.0, ONE_BPS as u64);
        let at_most = (add_proved(at, u32::MAX as u64) >> 32) as u16;
        // Utilisation mostly lies in the curve's upper half. A point not in use may be anything.
        const HALF: usize = MAX_POINTS / 2;
        let is_above = self.count > HALF as u8 && at_most > self.points[HALF].utilisation.0;
        let first = if is_above { HALF } else { 0 };
        let mut low = &self.points[first];
        for high in &self.points[first + 1..] {
            if at_most <= high.utilisation.0 {
                let start = (low.utilisation.0 as u64) << 32;
                // (at − start) < 2^46 and the rise ≤ 100,000 < 2^17: the product stays below 2^63.
                let rise = sub_proved(high.rate_bps as u64, low.rate_bps as u64);
                let width = sub_proved(high.utilisation.0 as u64, low.utilisation.0 as u64);
                // Below 2^49 with 32 fractional bits; × 2^32 ÷ 2^11 = × 2^15 × 2^6: a digit of 15 bits and one of 6.
                let rate_bps =
                    add_proved((low.rate_bps as u64) << 32, mul_proved(sub_proved(at, start), rise) / width) << 15;
                return Rate(((rate_bps / YEAR_BPS) << 6) | (((rate_bps % YEAR_BPS) << 6) / YEAR_BPS));
            }
            low = high;
        }
        Rate(0)
    }
}

//! The market's own volatility index: an exponentially weighted variance of log returns.
//!
//! After a price p, `dt` seconds after the last sample q: `variance ← (τ × variance + r²) ÷ (τ + dt)`, where
//! `r = 2 (p − q) ÷ (p + q)`. r stands for the logarithm of p ÷ q, from which it differs by a twelfth of its cube or less
//! (0.1 % at a return of 10 %). 1 ÷ (1 + x) with x = dt ÷ τ stands for the decay e^(−x), and is above it by half of x² or less.

use crate::{
    number::{
        math::{add_proved, excess_over_32_bits, mul_proved, ratio32, sub_times_proved},
        units::{Bps, Rate},
    },
    price::cache::rescaled,
    record::layout::record,
};

/// Seconds between samples, at least.
pub const MIN_INTERVAL: i64 = 60;
/// A longer pause counts as this many seconds, so that one return after a day's silence counts for no more than an hour.
pub const MAX_INTERVAL: i64 = 3_600;
/// Decay time of the variance, seconds: a day.
pub const DECAY: u64 = 86_400;
/// A return counts as at most so many standard deviations of the variance so far. So a single price can raise the variance
/// by no more than the factor `1 + 63 dt ÷ (τ + dt)`: by 4.4 % after a minute, to 3.5 times after an hour.
pub const MAX_DEVIATIONS: u64 = 8;
/// The variance that bounds a return is at least that of 5 % a year, so that a price which stood still can start to move.
const FLOOR: u64 = variance_of(Bps(500));
/// The variance of the highest volatility that basis points hold, 655 % a year: below 2^45.
const CEILING: u64 = variance_of(Bps(u16::MAX));

record! {
    /// The estimate and the sample it was last made from.
    pub struct Volatility: 32 {
        /// Published price of the last sample; zero: none yet.
        pub sample_price: u64,
        /// When it was published, unix seconds.
        pub sample_time: i64,
        /// Variance of log returns per second, 64 fractional bits.
        pub variance: u64,
        /// Standard deviation over a year, at most 65,535.
        pub annual: Bps,
        /// Zero.
        pub padding: [u8; 6],
    }
}

impl Volatility {
    /// An estimate to begin with.
    pub fn starting_at(annual: Bps) -> Self {
        Self { variance: variance_of(annual), annual, ..Self::default() }
    }

    /// Brings the last sample to the unit of prices that count 10^`digits` times as many units: a product of two feeds changes its
    /// exponent wherever its digits cross a power of two.
    #[cold]
    #[inline(never)]
    pub fn rescale(&mut self, digits: i32) {
        match rescaled(self.sample_price, 0, digits) {
            Some((price, bits)) if price >> bits != 0 => self.sample_price = price >> bits,
            // No digits are left, or too many.
            _ => self.restart(),
        }
    }

    /// Forgets the last sample, whose feed is no longer the price's. The estimate stays.
    pub fn restart(&mut self) {
        (self.sample_price, self.sample_time) = (0, 0);
    }

    /// Whether a price published at `time`, no earlier than any before, is the next sample.
    #[inline(always)]
    pub fn is_due(&self, time: i64) -> bool {
        sub_times_proved(time, self.sample_time) >= MIN_INTERVAL
    }

    /// Takes in a published price (below 2^63) that [`Self::is_due`].
    #[inline(always)]
    pub fn sample(&mut self, price: u64, time: i64) {
        if self.sample_price != 0 {
            // Publish times are positive and rise.
            let elapsed = sub_times_proved(time, self.sample_time);
            let seconds = (if elapsed < MAX_INTERVAL { elapsed } else { MAX_INTERVAL }) as u64;
            self.variance = decayed(self.variance, squared_return(self.sample_price, price), seconds);
            self.annual = annual(self.variance, self.annual);
        }
        (self.sample_price, self.sample_time) = (price, time);
    }
}

/// A quarter of the squared return, 64 fractional bits: the return is at most two.
#[inline(always)]
fn squared_return(from: u64, to: u64) -> u64 {
    // Both below 2^63.
    let (sum, difference) = (add_proved(from, to), from.abs_diff(to));
    let half = ratio32(difference, sum, excess_over_32_bits(sum));
    // At most 2^32: the square of one itself is one too large.
    if half >> 32 == 0 { mul_proved(half, half) } else { u64::MAX }
}

#[inline(always)]
fn decayed(variance: u64, quarter_square: u64, seconds: u64) -> u64 {
    let bound = if variance < FLOOR { FLOOR } else { variance };
    // 2^45 × 2^12 × 2^6: fits.
    let most = mul_proved(bound, mul_proved(seconds, MAX_DEVIATIONS * MAX_DEVIATIONS));
    let square = if quarter_square < most / 4 { quarter_square * 4 } else { most };
    // 2^45 × 2^17 + 2^63: fits.
    let variance = add_proved(mul_proved(variance, DECAY), square) / (DECAY + seconds);
    if variance < CEILING { variance } else { CEILING }
}

/// Variance per second of an annual volatility, rounded down.
const fn variance_of(annual: Bps) -> u64 {
    // annual² × 2^64 ÷ (10^8 × seconds of a year)
    (((annual.0 as u128 * annual.0 as u128) << 64) / (100_000_000 * Rate::YEAR as u128)) as u64
}

/// Annual volatility of a variance per second, by three steps of Newton's method from the last one: right to a basis point
/// after a minute's sample, and above by less than 0.1 % of itself after one that made it jump.
#[inline(always)]
fn annual(variance: u64, last: Bps) -> Bps {
    // variance × year ÷ 2^36, below 2^34, × 10^8 ÷ 2^28: the square in basis points.
    let square = mul_proved(mul_proved(variance >> 8, Rate::YEAR) >> 28, 100_000_000) >> 28;
    let mut root = if last.0 == 0 { 500 } else { last.0 as u64 };
    for _ in 0..3 {
        root = (root + square / root) / 2;
        root += (root == 0) as u64;
    }
    Bps(if root < u16::MAX as u64 { root as u16 } else { u16::MAX })
}

//! The prices of every second inside bars, by a documented bridge.
//!
//! - A bar opens in its first second and closes in its last. Between them it is at its extremes in two seconds drawn evenly, in the
//!   order that its direction implies, as in [`crate::oracle`].
//! - Between these four the logarithm of the price is a Brownian bridge, reflected where it would leave the bar's range.
//! - Its variance is what the range implies (Parkinson): ln(high ÷ low)² ÷ (4 ln 2) for the whole bar. So seconds are neither
//!   smoother than the bar says, which would make the next ones known to everybody, nor rougher, which would make up gains for
//!   who knows them. Nothing before a second tells its direction.
//! - The variance is spread over the bar by a [`Clock`]: evenly, or in bursts. Real seconds come in bursts: much happens in few.

use rand::Rng;
use rand_chacha::ChaCha12Rng;

use crate::{bars::Bar, population::normal};

/// Seconds that share what happens in them where it comes in bursts.
const BURST: usize = 10;
/// Standard deviation of the logarithm of a burst's variance: a kurtosis of 3 e = 8 of moves of up to ten seconds.
const BURSTINESS: f64 = 1.0;
/// Seconds of a year.
const YEAR: f64 = 31_536_000.0;

/// How the variance of a bar is spread over its seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Alike.
    Even,
    /// By a log-normal share for each ten seconds.
    Bursts,
}

impl Clock {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Even, Self::Bursts];

    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Even => "even",
            Self::Bursts => "bursts",
        }
    }

    /// What of the variance each second of a bar has, but for a factor.
    fn weights(self, seconds: usize, rng: &mut ChaCha12Rng) -> Vec<f64> {
        let mut weight = 1.0;
        (0..seconds)
            .map(|second| {
                if self == Self::Bursts && second % BURST == 0 {
                    weight = (BURSTINESS * normal(rng)).exp();
                }
                weight
            })
            .collect()
    }
}

/// The variance of a bar that its range implies, of the logarithm.
fn variance(bar: &Bar) -> f64 {
    (bar.high / bar.low).ln().powi(2) / (4.0 * std::f64::consts::LN_2)
}

/// The volatility of a year that the ranges of bars imply on average.
pub fn annual(bars: &[Bar], interval: i64) -> f64 {
    let mean = bars.iter().map(variance).sum::<f64>() / bars.len().max(1) as f64;
    (mean * YEAR / interval as f64).sqrt()
}

/// The price of every second of a bar of so many.
pub fn seconds(bar: &Bar, interval: i64, clock: Clock, rng: &mut ChaCha12Rng) -> Vec<f64> {
    let last = interval as usize - 1;
    let (second, third) = if bar.close < bar.open { (bar.high, bar.low) } else { (bar.low, bar.high) };
    let (a, b) = (rng.random_range(1..last), rng.random_range(1..last - 1));
    // Two different ones, all pairs alike.
    let b = if b >= a { b + 1 } else { b };
    let corners = [(0, bar.open), (a.min(b), second), (a.max(b), third), (last, bar.close)];
    let weights = clock.weights(last, rng);
    let unit = variance(bar) / weights.iter().sum::<f64>();
    let range = (bar.low.ln(), bar.high.ln());
    let mut prices = vec![bar.open];
    for leg in corners.windows(2) {
        let [(start, from), (end, to)] = [leg[0], leg[1]];
        let (mut at, target) = (from.ln(), to.ln());
        let mut left: f64 = weights[start..end].iter().sum();
        for weight in &weights[start..end - 1] {
            let part = weight / left;
            left -= weight;
            let noise = (weight * unit * (1.0 - part)).max(0.0).sqrt() * normal(rng);
            at = reflected(at + (target - at) * part + noise, range);
            prices.push(at.exp().clamp(bar.low, bar.high));
        }
        prices.push(to);
    }
    prices
}

/// Folded back into a range.
fn reflected(at: f64, (low, high): (f64, f64)) -> f64 {
    let width = high - low;
    if width <= 0.0 {
        return low;
    }
    let folded = (at - low).rem_euclid(2.0 * width);
    low + if folded > width { 2.0 * width - folded } else { folded }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    const INTERVAL: i64 = 300;

    fn rng(seed: u64) -> ChaCha12Rng {
        ChaCha12Rng::seed_from_u64(seed)
    }

    /// A walk without memory of 80 % a year, as seconds and as bars.
    fn walk(bars: usize) -> (Vec<f64>, Vec<Bar>) {
        let mut rng = rng(1);
        let (deviation, mut log) = (0.8 / YEAR.sqrt(), 5.0f64);
        let step = |_| {
            log += deviation * normal(&mut rng);
            log.exp()
        };
        let seconds: Vec<f64> = (0..bars * INTERVAL as usize).map(step).collect();
        let bar = |part: &[f64]| {
            let (low, high) =
                part.iter().fold((f64::INFINITY, 0.0f64), |(low, high), price| (low.min(*price), high.max(*price)));
            Bar { time: 0, open: part[0], high, low, close: part[part.len() - 1], volume: 1.0 }
        };
        let made = seconds.chunks(INTERVAL as usize).map(bar).collect();
        (seconds, made)
    }

    /// Mean square of the moves of so many seconds.
    fn square(prices: &[f64], ahead: usize) -> f64 {
        let moves = prices.windows(ahead + 1).map(|part| (part[ahead] / part[0]).ln().powi(2));
        moves.sum::<f64>() / (prices.len() - ahead) as f64
    }

    #[test]
    fn a_bar_is_walked_through_its_four_prices_and_not_beyond() {
        let (_, bars) = walk(50);
        for clock in Clock::ALL {
            for bar in &bars {
                let walked = seconds(bar, INTERVAL, clock, &mut rng(2));
                assert_eq!(walked.len(), INTERVAL as usize);
                assert_eq!((walked[0], walked[INTERVAL as usize - 1]), (bar.open, bar.close));
                let highest = walked.iter().copied().fold(0.0, f64::max);
                let lowest = walked.iter().copied().fold(f64::INFINITY, f64::min);
                assert_eq!((lowest, highest), (bar.low, bar.high));
            }
        }
        let flat = Bar { time: 0, open: 2.0, high: 2.0, low: 2.0, close: 2.0, volume: 0.0 };
        assert_eq!(seconds(&flat, 4, Clock::Bursts, &mut rng(3)), [2.0; 4]);
    }

    #[test]
    fn bridged_seconds_are_as_rough_as_those_that_the_bars_were_made_of() {
        let (real, bars) = walk(2_000);
        assert!((annual(&bars, INTERVAL) / 0.8 - 1.0).abs() < 0.1, "{}", annual(&bars, INTERVAL));
        for clock in Clock::ALL {
            let mut rng = rng(4);
            let bridged: Vec<f64> = bars.iter().flat_map(|bar| seconds(bar, INTERVAL, clock, &mut rng)).collect();
            for ahead in [1, 3, 10] {
                let ratio = square(&bridged, ahead) / square(&real, ahead);
                assert!((0.85..1.15).contains(&ratio), "{clock:?}, {ahead} s: {ratio}");
            }
        }
    }

    #[test]
    fn what_was_tells_nothing_of_what_comes() {
        let (_, bars) = walk(2_000);
        for clock in Clock::ALL {
            let mut rng = rng(5);
            let bridged: Vec<f64> = bars.iter().flat_map(|bar| seconds(bar, INTERVAL, clock, &mut rng)).collect();
            for ahead in [1, 10] {
                let moves: Vec<f64> = bridged.chunks(ahead).map(|part| part[0].ln()).collect();
                let moves: Vec<f64> = moves.windows(2).map(|pair| pair[1] - pair[0]).collect();
                let product: f64 = moves.windows(2).map(|pair| pair[0] * pair[1]).sum();
                let correlation = product / moves.iter().map(|one| one * one).sum::<f64>();
                assert!(correlation.abs() < 0.05, "{clock:?}, {ahead} s: {correlation}");
            }
        }
    }
}

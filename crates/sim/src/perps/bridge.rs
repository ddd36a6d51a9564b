//! The prices of every second inside bars, by a documented bridge.
//!
//! - A bar opens in its first second and closes in its last. Between them the logarithm of the price is a Brownian bridge whose variance
//!   is what the bar's range implies (Parkinson): ln(high ÷ low)² ÷ (4 ln 2) for the whole bar.
//! - Of several bridges that one is taken whose extremes are nearest to the bar's. What goes beyond open and close is then stretched or
//!   drawn in to them, and folded back where that would make it too smooth, so that the bar's four prices are all visited and none is left.
//! - So seconds are as rough as the bar says, and the moves of some seconds tell nothing of the next ones: a straight line would tell
//!   everybody, and more noise would make up gains for who knows it. Tests hold both.
//! - The variance is spread over the bar by a [`Clock`]: evenly, or in bursts. Real seconds come in bursts: much happens in few.

use rand_chacha::ChaCha12Rng;

use crate::{bars::Bar, population::normal};

/// Seconds that share what happens in them where it comes in bursts.
const BURST: usize = 10;
/// Standard deviation of the logarithm of a burst's variance: a kurtosis of 3 e = 8 of moves of up to ten seconds.
const BURSTINESS: f64 = 1.0;
/// Bridges that are drawn for each bar.
const DRAWS: usize = 8;
/// The variance that bridges are drawn with, of what the range implies: stretching adds about what is missing.
const DRAWN: f64 = 0.9;
/// What goes beyond an extreme is drawn in to this part of it at most, and folded back from there.
const LEAST_STRETCH: f64 = 0.6;

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

/// The price of every second of a bar of so many.
pub fn seconds(bar: &Bar, interval: i64, clock: Clock, rng: &mut ChaCha12Rng) -> Vec<f64> {
    let steps = interval as usize - 1;
    if bar.high <= bar.low {
        return vec![bar.open; steps + 1];
    }
    let weights = clock.weights(steps, rng);
    let ends = (bar.open.ln(), bar.close.ln());
    let (bottom, top) = (ends.0.min(ends.1), ends.0.max(ends.1));
    let (low, high) = (bar.low.ln(), bar.high.ln());
    let mut best: Option<(f64, Vec<f64>)> = None;
    for _ in 0..DRAWS {
        let walked = bridge(ends, &weights, DRAWN * variance(bar), rng);
        let (lowest, highest) = extremes(&walked);
        let distance = (highest.1 - high).abs() + (lowest.1 - low).abs();
        if best.as_ref().is_none_or(|(least, _)| distance < *least) {
            best = Some((distance, walked));
        }
    }
    let mut walked = best.map_or_else(Vec::new, |(_, walked)| walked);
    let (lowest, highest) = extremes(&walked);
    // What an excursion beyond open and close is to be, by what it is.
    let stretch = |wanted: f64, is: f64| if is > 0.0 { (wanted / is).max(LEAST_STRETCH) } else { 1.0 };
    let (up, down) = (stretch(high - top, highest.1 - top), stretch(bottom - low, bottom - lowest.1));
    for at in &mut walked {
        *at = match *at {
            above if above > top => top + (above - top) * up,
            below if below < bottom => bottom - (bottom - below) * down,
            between => between,
        };
        *at = folded(*at, low, high);
    }
    let mut prices: Vec<f64> = walked.iter().map(|at| at.exp().clamp(bar.low, bar.high)).collect();
    // To the last digit.
    let (lowest, highest) = extremes(&prices);
    for (second, price) in [(lowest.0, bar.low), (highest.0, bar.high), (0, bar.open), (steps, bar.close)] {
        prices[second] = price;
    }
    prices
}

/// A Brownian bridge of a variance, from one end to the other, in steps of these weights.
fn bridge((from, to): (f64, f64), weights: &[f64], variance: f64, rng: &mut ChaCha12Rng) -> Vec<f64> {
    let all: f64 = weights.iter().sum();
    let (mut at, mut left) = (from, all);
    let mut walked = vec![from];
    for weight in &weights[..weights.len() - 1] {
        let part = weight / left;
        left -= weight;
        at += (to - at) * part + (weight / all * variance * (1.0 - part)).max(0.0).sqrt() * normal(rng);
        walked.push(at);
    }
    walked.push(to);
    walked
}

/// The least and the largest of some numbers, each with its place: between the first and the last, where there is one.
fn extremes(of: &[f64]) -> ((usize, f64), (usize, f64)) {
    let inner = of.iter().copied().enumerate().skip(1).take(of.len().saturating_sub(2));
    inner.fold(((0, of[0]), (0, of[0])), |(low, high), next| {
        (
            if next.1 < low.1 || low.0 == 0 { next } else { low },
            if next.1 > high.1 || high.0 == 0 { next } else { high },
        )
    })
}

/// Folded back into a range.
fn folded(at: f64, low: f64, high: f64) -> f64 {
    let width = high - low;
    let folded = (at - low).rem_euclid(2.0 * width);
    low + if folded > width { 2.0 * width - folded } else { folded }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    const INTERVAL: i64 = 300;
    /// Seconds of a year.
    const YEAR: f64 = 31_536_000.0;

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
                assert!(walked.windows(2).filter(|pair| pair[0] == pair[1]).count() < 10, "it stands still");
            }
        }
        let flat = Bar { time: 0, open: 2.0, high: 2.0, low: 2.0, close: 2.0, volume: 0.0 };
        assert_eq!(seconds(&flat, 4, Clock::Bursts, &mut rng(3)), [2.0; 4]);
    }

    #[test]
    fn bridged_seconds_are_as_rough_as_those_that_the_bars_were_made_of() {
        let (real, bars) = walk(2_000);
        let implied = (bars.iter().map(variance).sum::<f64>() / bars.len() as f64 * YEAR / INTERVAL as f64).sqrt();
        assert!((implied / 0.8 - 1.0).abs() < 0.1, "{implied}");
        for clock in Clock::ALL {
            let mut rng = rng(4);
            let bridged: Vec<f64> = bars.iter().flat_map(|bar| seconds(bar, INTERVAL, clock, &mut rng)).collect();
            for ahead in [1, 3, 10] {
                let ratio = square(&bridged, ahead) / square(&real, ahead);
                assert!((0.9..1.1).contains(&ratio), "{clock:?}, {ahead} s: {ratio}");
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
                assert!(correlation.abs() < 0.03, "{clock:?}, {ahead} s: {correlation}");
            }
        }
    }
}

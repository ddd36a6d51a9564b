//! Prices from bars, by one documented rule.
//!
//! - Of a bar only four prices are known. It is walked from its open to the extremes in the order its direction implies
//!   (a falling bar visits its high before its low, a rising one its low before its high), then to its close, a third of
//!   its time each. So every wick is felt.
//! - A price is published at these four and, in bars longer than five minutes, on the straight line between them, in
//!   equal steps of at most 100 s. All that is done is done in the second of a publication, of all prices at once: none
//!   that is used is old. What happened between is not known; a line is gentler than most falls are.
//! - The confidence is a twentieth of the range that a five-minute bar would have, at least 2 and at most 100 basis
//!   points of the price. The range of a longer bar is scaled down by the square root of time.
//! - The EMA follows the published prices with a time constant of one hour, and starts at the first open.
//! - SOL, BTC and ETH are quoted in USDT; the demo takes one USDT for one dollar. Stablecoins without a series stand at
//!   exactly 1 USD.

use anyhow::{Result, ensure};
use ballast_client::engine::price::feed::PriceUpdate;

use super::{assets::feed_id, bars::Bar, grid::Grid};

/// The longest time between two published prices inside a bar, seconds.
pub const LONGEST_STEP: i64 = 100;
/// Legs of the walk through a bar: to the first extreme, to the second, to the close.
const LEGS: i64 = 3;
/// The bar for which confidence is defined, seconds.
const SHORT_BAR: f64 = 300.0;
/// Time constant of the EMA, seconds.
pub const EMA_SECONDS: f64 = 3_600.0;
/// Share of a bar's range that is taken for confidence.
const RANGE_SHARE: f64 = 1.0 / 20.0;
/// Bounds of confidence ÷ price.
const CONFIDENCE: (f64, f64) = (0.000_2, 0.01);
/// Exponent of published prices, where an asset never costs less than [`LEAST_UNITS`].
const EXPONENT: i32 = -8;
/// The lowest price of an asset has so many units at least, or more digits after the point.
const LEAST_UNITS: f64 = 1e4;
/// The highest price of an asset, in units: far from the 63 bits of a published one.
const MOST_UNITS: f64 = 1e17;

/// Published prices in each leg of a bar.
pub fn steps(interval: i64) -> i64 {
    (interval as u64).div_ceil((LEGS * LONGEST_STEP) as u64) as i64
}

/// The prices of a bar in the order they are published, each with its distance from the opening in seconds.
pub fn path(bar: &Bar, interval: i64) -> Vec<(i64, f64)> {
    let (second, third) = if bar.close < bar.open { (bar.high, bar.low) } else { (bar.low, bar.high) };
    // The last second of a bar belongs to its close, the next is the open of the next bar.
    let corners = [(0, bar.open), (interval / LEGS, second), (interval * 2 / LEGS, third), (interval - 1, bar.close)];
    let steps = steps(interval);
    let mut path = vec![corners[0]];
    for leg in corners.windows(2) {
        let [(start, from), (end, to)] = [leg[0], leg[1]];
        path.extend((1..steps).map(|step| {
            let share = step as f64 / steps as f64;
            (start + (end - start) * step / steps, from + (to - from) * share)
        }));
        path.push((end, to));
    }
    path
}

/// Confidence ÷ price in a bar.
pub fn confidence(bar: &Bar, interval: i64) -> f64 {
    let scale = (SHORT_BAR / interval as f64).sqrt().min(1.0);
    ((bar.high - bar.low) / bar.close * scale * RANGE_SHARE).clamp(CONFIDENCE.0, CONFIDENCE.1)
}

/// What the price accounts carry.
#[derive(Clone, Debug, Default)]
pub struct Oracle {
    /// Exponent of each asset's prices, [`EXPONENT`] where there is none: one for the whole replay.
    exponents: Vec<i32>,
    /// When prices were last published, and the EMA of each.
    averages: Option<(i64, Vec<f64>)>,
}

impl Oracle {
    /// For prices between these extremes.
    pub fn new(extremes: &[(f64, f64)]) -> Result<Self> {
        let exponent = |(low, high): &(f64, f64)| {
            let exponent = EXPONENT.min((low / LEAST_UNITS).log10().floor() as i32);
            ensure!(
                scaled(*high, exponent) as f64 <= MOST_UNITS,
                "prices from {low:e} to {high:e} USD are too far apart to be published with the same digits"
            );
            Ok(exponent)
        };
        Ok(Self { exponents: extremes.iter().map(exponent).collect::<Result<_>>()?, averages: None })
    }

    /// The updates of a grid's opening prices.
    pub fn first(&mut self, grid: &Grid, time: i64) -> Vec<PriceUpdate> {
        let bars = &grid.bars[0];
        let opens: Vec<_> = bars.iter().map(|bar| bar.open).collect();
        let confidences: Vec<_> = bars.iter().map(|bar| confidence(bar, grid.interval)).collect();
        self.updates(&opens, &confidences, time)
    }

    /// The updates for one time, one for each reserve, from spot prices and confidences (as shares of the price).
    pub fn updates(&mut self, spot: &[f64], confidences: &[f64], time: i64) -> Vec<PriceUpdate> {
        let averages = match self.averages.take() {
            None => spot.to_vec(),
            Some((last, averages)) => {
                let weight = 1.0 - (-((time - last) as f64) / EMA_SECONDS).exp();
                averages.iter().zip(spot).map(|(average, spot)| average + weight * (spot - average)).collect()
            }
        };
        let updates = spot.iter().zip(confidences).zip(&averages).enumerate();
        let updates = updates
            .map(|(index, ((spot, confidence), average))| self.update(index, *spot, *confidence, *average, time));
        let updates = updates.collect();
        self.averages = Some((time, averages));
        updates
    }

    /// The update of one reserve, from its spot price, its confidence as a share of that, and its average.
    pub fn update(&self, index: usize, spot: f64, confidence: f64, average: f64, time: i64) -> PriceUpdate {
        let exponent = self.exponents.get(index).copied().unwrap_or(EXPONENT);
        PriceUpdate {
            feed_id: feed_id(index),
            price: scaled(spot, exponent) as i64,
            confidence: scaled(spot * confidence, exponent),
            exponent,
            publish_time: time,
            prev_publish_time: time - 1,
            ema_price: scaled(average, exponent) as i64,
        }
    }
}

fn scaled(price: f64, exponent: i32) -> u64 {
    (price * 10f64.powi(-exponent)).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const FALLING: Bar = Bar { time: 300, open: 100.0, high: 104.0, low: 80.0, close: 90.0, volume: 1.0 };

    #[test]
    fn a_falling_bar_visits_its_high_first_and_a_rising_one_its_low() {
        assert_eq!(path(&FALLING, 300), [(0, 100.0), (100, 104.0), (200, 80.0), (299, 90.0)]);
        let rising = Bar { close: 103.0, ..FALLING };
        assert_eq!(path(&rising, 300), [(0, 100.0), (100, 80.0), (200, 104.0), (299, 103.0)]);
        assert_eq!(path(&rising, 60).iter().map(|point| point.0).collect::<Vec<_>>(), [0, 20, 40, 59]);
    }

    #[test]
    fn a_longer_bar_is_walked_on_straight_lines() {
        let walked = path(&FALLING, 600);
        let expected = [(0, 100.0), (100, 102.0), (200, 104.0), (300, 92.0), (400, 80.0), (499, 85.0), (599, 90.0)];
        assert_eq!(walked, expected);
    }

    #[test]
    fn prices_of_any_bar_follow_each_other_closely() {
        for interval in [4, 59, 60, 300, 301, 900, 1_000, 1_800, 3_600, 14_400, 86_400] {
            let mut times: Vec<_> = path(&FALLING, interval).iter().map(|point| point.0).collect();
            times.push(interval);
            let longest = times.windows(2).map(|pair| pair[1] - pair[0]).max();
            assert!(longest <= Some(LONGEST_STEP + 1), "{interval}: {longest:?}");
            assert!(times.is_sorted_by(|a, b| a < b), "{interval}");
        }
    }

    #[test]
    fn confidence_follows_the_range_within_its_bounds() {
        assert_eq!(confidence(&FALLING, 300), 0.01);
        let narrow = Bar { high: 100.0, low: 99.0, close: 100.0, ..FALLING };
        assert_eq!(confidence(&narrow, 300), 0.000_5);
        assert_eq!(confidence(&narrow, 1_200), 0.000_25);
        assert_eq!(confidence(&narrow, 60), 0.000_5);
        assert_eq!(confidence(&Bar { low: 100.0, ..narrow }, 300), 0.000_2);
    }

    #[test]
    fn the_average_starts_at_the_first_price_and_closes_in_over_an_hour() {
        let mut oracle = Oracle::default();
        let first = oracle.updates(&[100.0, 1.0], &[0.01, 0.000_2], 1_000);
        assert_eq!((first[0].price, first[0].ema_price), (10_000_000_000, 10_000_000_000));
        let later = oracle.updates(&[80.0, 1.0], &[0.01, 0.000_2], 1_000 + 3_600);
        assert_eq!(later[0].price, 8_000_000_000);
        let expected = 100.0 - 20.0 * (1.0 - (-1f64).exp());
        assert_eq!(later[0].ema_price, scaled(expected, EXPONENT) as i64);
        assert_eq!((later[1].price, later[1].ema_price, later[1].confidence), (100_000_000, 100_000_000, 20_000));
    }

    #[test]
    fn small_prices_are_published_with_enough_digits() -> Result<()> {
        let mut oracle = Oracle::new(&[(7e-6, 9e-6), (0.874, 1.0013), (1e-9, 2.5), (0.001, 1e9)])?;
        let updates = oracle.updates(&[7.123e-6, 1.0, 1e-9, 1e9], &[0.01; 4], 1_000);
        let published = updates.iter().map(|update| (update.price, update.exponent)).collect::<Vec<_>>();
        assert_eq!(published, [(71_230, -10), (100_000_000, -8), (10_000, -13), (100_000_000_000_000_000, -8)]);
        assert!(updates.iter().all(|update| update.confidence > 0));
        let error = Oracle::new(&[(1e-9, 1e9)]).err().map(|error| error.to_string());
        assert!(error.is_some_and(|error| error.starts_with("prices from 1e-9 to 1e9 USD are too far apart")));
        Ok(())
    }
}

//! Prices from bars, by one documented rule.
//!
//! - Each bar is visited at four prices: open, then the extremes in the order its direction implies (a falling bar
//!   visits its high before its low, a rising one its low before its high), then close. So every wick is felt.
//! - The confidence is a twentieth of the bar's range, at least 2 and at most 100 basis points of the price.
//! - The EMA follows the visited prices with a time constant of one hour, and starts at the first open.
//! - The series are quoted in USDT; the demo takes one USDT for one dollar. USDC and USDT stand at exactly 1 USD with a
//!   confidence of 2 basis points.

use ballast_client::engine::price::PriceUpdate;

use super::{
    assets::{PRICED, RESERVES, feed_id},
    bars::Bar,
};

/// Prices visited in each bar.
pub const POINTS: usize = 4;
/// Time constant of the EMA, seconds.
const EMA_SECONDS: f64 = 3_600.0;
/// Share of a bar's range that is taken for confidence.
const RANGE_SHARE: f64 = 1.0 / 20.0;
/// Bounds of confidence ÷ price.
const CONFIDENCE: (f64, f64) = (0.000_2, 0.01);
/// Exponent of published prices.
const EXPONENT: i32 = -8;

/// The prices of a bar in the order they are visited.
pub fn path(bar: &Bar) -> [f64; POINTS] {
    if bar.close < bar.open {
        [bar.open, bar.high, bar.low, bar.close]
    } else {
        [bar.open, bar.low, bar.high, bar.close]
    }
}

/// When the points of a bar are visited, seconds from its opening.
pub fn offsets(interval: i64) -> [i64; POINTS] {
    [0, interval / 3, interval * 2 / 3, interval - 1]
}

/// Confidence ÷ price in a bar.
fn confidence(bar: &Bar) -> f64 {
    ((bar.high - bar.low) / bar.close * RANGE_SHARE).clamp(CONFIDENCE.0, CONFIDENCE.1)
}

/// What the price accounts carry.
#[derive(Default)]
pub struct Oracle {
    averages: Option<(i64, [f64; RESERVES])>,
}

impl Oracle {
    /// The updates for one point of a bar, one for each reserve.
    pub fn updates(&mut self, bars: &[Bar], point: usize, time: i64) -> [PriceUpdate; RESERVES] {
        let spot: [f64; RESERVES] = std::array::from_fn(|index| bars.get(index).map_or(1.0, |bar| path(bar)[point]));
        let averages = match self.averages {
            None => spot,
            Some((last, averages)) => {
                let weight = 1.0 - (-((time - last) as f64) / EMA_SECONDS).exp();
                std::array::from_fn(|index| averages[index] + weight * (spot[index] - averages[index]))
            }
        };
        self.averages = Some((time, averages));
        std::array::from_fn(|index| {
            let width = if index < PRICED.len() { confidence(&bars[index]) } else { CONFIDENCE.0 };
            PriceUpdate {
                feed_id: feed_id(index),
                price: scaled(spot[index]) as i64,
                confidence: scaled(spot[index] * width),
                exponent: EXPONENT,
                publish_time: time,
                ema_price: scaled(averages[index]) as i64,
            }
        })
    }
}

fn scaled(price: f64) -> u64 {
    (price * 10f64.powi(-EXPONENT)).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const FALLING: Bar = Bar { time: 300, open: 100.0, high: 104.0, low: 80.0, close: 90.0 };

    #[test]
    fn a_falling_bar_visits_its_high_first_and_a_rising_one_its_low() {
        assert_eq!(path(&FALLING), [100.0, 104.0, 80.0, 90.0]);
        let rising = Bar { close: 103.0, ..FALLING };
        assert_eq!(path(&rising), [100.0, 80.0, 104.0, 103.0]);
        assert_eq!(offsets(300), [0, 100, 200, 299]);
    }

    #[test]
    fn confidence_follows_the_range_within_its_bounds() {
        assert_eq!(confidence(&FALLING), 0.01);
        assert_eq!(confidence(&Bar { high: 100.0, low: 99.0, close: 100.0, ..FALLING }), 0.000_5);
        assert_eq!(confidence(&Bar { high: 100.0, low: 100.0, close: 100.0, ..FALLING }), 0.000_2);
    }

    #[test]
    fn the_average_starts_at_the_first_price_and_closes_in_over_an_hour() {
        let mut oracle = Oracle::default();
        let bars = [FALLING; PRICED.len()];
        let first = oracle.updates(&bars, 0, 1_000);
        assert_eq!((first[0].price, first[0].ema_price), (10_000_000_000, 10_000_000_000));
        let later = oracle.updates(&bars, 2, 1_000 + 3_600);
        assert_eq!(later[0].price, 8_000_000_000);
        let expected = 100.0 - 20.0 * (1.0 - (-1f64).exp());
        assert_eq!(later[0].ema_price, scaled(expected) as i64);
        assert_eq!((later[4].price, later[4].ema_price, later[4].confidence), (100_000_000, 100_000_000, 20_000));
    }
}

//! Pyth price accounts.

use ballast_client::{Address, to_engine};
use ballast_engine::price::feed::PriceUpdate;

/// What a feed publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Spot price, times 10^`exponent` USD.
    pub price: i64,
    /// Half-width of the confidence interval in the same unit.
    pub confidence: u64,
    /// Decimal exponent.
    pub exponent: i32,
    /// Moving average in the same unit.
    pub ema: i64,
}

impl Quote {
    /// A certain price at its average, with eight decimals.
    pub fn dollars(dollars: f64) -> Self {
        let price = (dollars * 1e8).round() as i64;
        Self { price, confidence: 0, exponent: -8, ema: price }
    }

    /// The same with a confidence interval of so many basis points of the price, rounded down.
    pub fn confidence_bps(self, bps: u64) -> Self {
        Self { confidence: (self.price as u128 * bps as u128 / 10_000) as u64, ..self }
    }

    /// The same with another average.
    pub fn ema_dollars(self, dollars: f64) -> Self {
        Self { ema: Self::dollars(dollars).price, ..self }
    }

    /// The update of a feed.
    pub fn update(&self, feed_id: [u8; 32], publish_time: i64) -> PriceUpdate {
        let Self { price, confidence, exponent, ema } = *self;
        PriceUpdate {
            feed_id,
            price,
            confidence,
            exponent,
            publish_time,
            prev_publish_time: publish_time - 1,
            ema_price: ema,
        }
    }
}

/// The bytes of an update as the receiver program stores them.
pub(crate) fn account_data(update: &PriceUpdate) -> Vec<u8> {
    update.to_bytes(to_engine(&Address::default())).to_vec()
}

/// Where [`crate::World`] keeps the price of a feed.
pub fn price_account(feed_id: &[u8; 32]) -> Address {
    Address::new_from_array(feed_id.map(|byte| !byte))
}

//! The loop's part about perps.

use ballast_client::engine::state::perp::book::{Standing, Width};

use super::Keeper;
use crate::service::state::Predicted;

impl Keeper {
    /// Measures what pools have and owe, and what waits to be settled.
    pub(super) fn measure_perps(&self, predicted: &Predicted) {
        let (metrics, market) = (&self.actor.metrics, &predicted.market);
        metrics.unsettled.set(self.state.unsettled.len() as i64);
        for index in 0..market.reserves.len() as u8 {
            let Ok(pool) = market.pool(index) else { continue };
            let standing = Standing::of(pool, &market.reserves, Width::Maintenance, predicted.now);
            let Ok(standing) = standing else { continue };
            let name = index.to_string();
            let cover = if standing.buffer == 0 { f64::INFINITY } else { standing.low as f64 / standing.buffer as f64 };
            metrics.pool_cover.with_label_values(&[&name]).set(cover);
            metrics.pool_factor.with_label_values(&[&name]).set(standing.profit_factor().to_f64());
        }
    }
}

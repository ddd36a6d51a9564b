//! The parameters of the laboratory's perps and of the pool behind them: one place for all of them.
//!
//! They lie in the ranges that live protocols use. Amounts are parts of what the pool begins with.

use ballast_client::engine::{
    number::units::Bps,
    state::perp::{PerpConfig, PoolConfig},
};

use crate::assets::Asset;

/// What differs from perp to perp. Basis points.
struct Terms {
    symbol: &'static str,
    /// Initial and maintenance margin.
    margins: (u16, u16),
    fee: u16,
    penalty: u16,
    least_shock: u16,
}

const TERMS: [Terms; 3] = [
    Terms { symbol: "SOL", margins: (500, 250), fee: 6, penalty: 75, least_shock: 1_500 },
    Terms { symbol: "BTC", margins: (300, 150), fee: 5, penalty: 50, least_shock: 1_000 },
    Terms { symbol: "ETH", margins: (400, 200), fee: 5, penalty: 60, least_shock: 1_200 },
];

/// A lot is worth no more than so many atoms of the quote token, and more than a tenth of it.
const LOT_VALUE: f64 = 4_096.0;
/// Value at which a skew moves the price by all of itself, of the pool: so the most impact is reached at a tenth of it.
const SKEW_SCALE: f64 = 20.0;
/// Most value of one side, of the pool.
const SIDE: f64 = 2.0;
/// Most that traders take out of it through one perp in a day.
const BUDGET: f64 = 0.1;
/// Most value by which positions grow at once: it comes back over a minute.
pub const INSTANT_FLOW: f64 = 0.1;

/// A pool in the reserve of a token, that begins with so many atoms.
pub fn pool(quote: u8, atoms: u64) -> PoolConfig {
    PoolConfig {
        max_value: atoms.saturating_mul(4),
        leave_delay: 21_600,
        max_skew: Bps(5_000),
        exit_cover: Bps(12_000),
        deleverage_below: Bps(8_000),
        deleverage_to: Bps(11_000),
        borrow_base: Bps(100),
        borrow_full: Bps(13_000),
        borrow_at_kink: Bps(5_000),
        borrow_kink: Bps(8_000),
        quote,
        ..PoolConfig::default()
    }
}

/// The perp of an asset whose reserve has an index, at a price in USD, on a pool (a record) that begins with so many atoms of a token of
/// `quote_unit` atoms. None of an asset without one.
pub fn perp(
    asset: &Asset,
    price_index: usize,
    price: f64,
    pool: u8,
    atoms: u64,
    quote_unit: u64,
) -> Option<PerpConfig> {
    let terms = TERMS.iter().find(|terms| terms.symbol == asset.symbol)?;
    // Atoms of the quote token that 10^digits atoms of the asset are worth.
    let worth = |digits: u8| 10f64.powi(digits as i32 - asset.decimals as i32) * price * quote_unit as f64;
    let lot_digits = (0..=18).rev().find(|digits| worth(*digits) <= LOT_VALUE)?;
    let part = |part: f64| (atoms as f64 * part) as u64;
    Some(PerpConfig {
        max_side: part(SIDE),
        loss_budget: part(BUDGET),
        instant_flow: part(INSTANT_FLOW),
        min_value: 10 * quote_unit,
        skew_scale: (part(SKEW_SCALE) as f64 / worth(lot_digits)) as u64,
        shock_horizon: 3_600,
        initial_margin: Bps(terms.margins.0),
        maintenance_margin: Bps(terms.margins.1),
        fee: Bps(terms.fee),
        fee_deviations: Bps(30_000),
        fee_lag: 1,
        order_lag: 5,
        max_impact: Bps(50),
        insurance_share: Bps(2_000),
        penalty: Bps(terms.penalty),
        liquidator_share: Bps(5_000),
        max_funding: Bps(10_000),
        funding_speed: Bps(60_000),
        least_shock: Bps(terms.least_shock),
        shock_deviations: Bps(40_000),
        hold: 60,
        max_trade_age: 5,
        pool,
        price: price_index as u8,
        power: 1,
        lot_digits,
        ..PerpConfig::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assets::ASSETS;

    #[test]
    fn the_parameters_are_accepted_by_the_engine() {
        assert_eq!(pool(3, 1_000_000_000_000).validate(), Ok(()));
        let prices = [[10.0, 250.0], [4_000.0, 130_000.0], [90.0, 5_000.0]];
        for (index, (asset, prices)) in ASSETS.iter().zip(prices).enumerate() {
            for price in prices {
                let config = perp(asset, index, price, 5, 1_000_000_000_000, 1_000_000).expect("it has a perp");
                assert_eq!(config.validate(), Ok(()), "{} at {price}", asset.symbol);
            }
        }
        assert!(perp(&ASSETS[3], 3, 1.0, 5, 1_000_000, 1_000_000).is_none(), "no perp of a dollar");
    }
}

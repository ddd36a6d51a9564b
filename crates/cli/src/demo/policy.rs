//! Risk policies: how an asset becomes a reserve's configuration.
//!
//! Everything a policy decides is decided in this file. Prices, people and their wishes are the same under every policy
//! ([`population`](super::population)).

use ballast_client::{
    engine::{
        interest::RateCurve,
        layout,
        market::MarketConfig,
        price::OracleConfig,
        reserve::ReserveConfig,
        units::{Bps, Usd},
    },
    to_engine,
};
use clap::ValueEnum;

use super::assets::{Asset, feed_id, price_account};

/// Seconds for which a price may be used.
pub const MAX_AGE: u32 = 120;
/// Confidence ÷ price above which a price backs no new risk, and is refused.
pub const MAX_CONFIDENCE: (u16, u16) = (40, 500);
/// |spot − EMA| ÷ EMA above which a price backs no new risk.
pub const MAX_DIVERGENCE: u16 = 500;
/// Confidence intervals by which readings are biased; 10,000 is one.
pub const CONFIDENCE_MULTIPLE: u16 = 20_000;

/// How a market's risk is governed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Policy {
    /// Weights and limits stand as listed
    Fixed,
    /// Weights and limits follow the market
    Adaptive,
}

impl Policy {
    /// Both, in the order in which they are compared.
    pub const ALL: [Self; 2] = [Self::Fixed, Self::Adaptive];

    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Adaptive => "adaptive",
        }
    }

    /// In words, for the report.
    pub fn description(self) -> &'static str {
        match self {
            Self::Fixed => "weights and limits stand as listed, whatever the market does",
            Self::Adaptive => "as fixed: the engine has no rule yet by which weights and limits move",
        }
    }

    /// The configuration of an asset's reserve, which has this index in the market.
    pub fn reserve(self, asset: &Asset, index: usize) -> ReserveConfig {
        let fixed = ReserveConfig {
            deposit_cap: asset.caps.0 * asset.unit(),
            borrow_cap: asset.caps.1 * asset.unit(),
            min_deposit: asset.unit() / 10_000,
            oracle: OracleConfig {
                feed_id: layout::Address(feed_id(index)),
                feed_account: to_engine(&price_account(index)),
                max_age: MAX_AGE,
                max_confidence_initial: Bps(MAX_CONFIDENCE.0),
                max_confidence_maintenance: Bps(MAX_CONFIDENCE.1),
                max_ema_divergence: Bps(MAX_DIVERGENCE),
                confidence_multiple: Bps(CONFIDENCE_MULTIPLE),
                ..OracleConfig::default()
            },
            curve: RateCurve::new(asset.curve).unwrap_or_default(),
            initial_asset_weight: Bps(asset.asset_weights.0),
            maintenance_asset_weight: Bps(asset.asset_weights.1),
            initial_liability_weight: Bps(asset.liability_weights.0),
            maintenance_liability_weight: Bps(asset.liability_weights.1),
            min_penalty: Bps(asset.penalties.0),
            max_penalty: Bps(asset.penalties.1),
            reserve_factor: Bps(asset.reserve_factor),
            collateral_enabled: 1,
            borrow_enabled: 1,
            ..ReserveConfig::default()
        };
        match self {
            // The engine has no rule yet by which a weight moves: until it does, both are the listing.
            Self::Fixed | Self::Adaptive => fixed,
        }
    }

    /// The market's configuration: liquidations return an account to 105 %, the penalty is full at a shortfall of 20 %,
    /// dust is 5 USD and the smallest debt 25 USD.
    pub fn market(self) -> MarketConfig {
        MarketConfig {
            target_health: Bps(10_500),
            full_penalty_shortfall: Bps(2_000),
            dust_value: 5 * Usd::ONE.0 as u64,
            min_debt_value: 25 * Usd::ONE.0 as u64,
            ..MarketConfig::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::{assets::ASSETS, oracle};

    #[test]
    fn every_configuration_is_accepted_by_the_engine() {
        for policy in Policy::ALL {
            for (index, asset) in ASSETS.iter().enumerate() {
                assert_eq!(policy.reserve(asset, index).validate(), Ok(()), "{} {}", policy.title(), asset.symbol);
            }
            assert_eq!(policy.market().validate(), Ok(()));
        }
    }

    #[test]
    fn prices_are_renewed_before_they_are_too_old() {
        for policy in Policy::ALL {
            for (index, asset) in ASSETS.iter().enumerate() {
                assert!(oracle::LONGEST_STEP < policy.reserve(asset, index).oracle.max_age as i64);
            }
        }
    }
}

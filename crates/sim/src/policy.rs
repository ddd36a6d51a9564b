//! Risk policies: how an asset becomes a reserve's configuration.
//!
//! Everything a policy decides is decided in this file. Prices, people and their wishes are the same under every policy
//! ([`population`](super::population)).

use ballast_client::{
    engine::{
        number::units::{Bps, Usd},
        price::feed::OracleConfig,
        record::layout,
        state::{
            exposure::ValueAtRiskConfig,
            insurance::InsuranceConfig,
            interest::{ControllerConfig, RateCurve},
            market::MarketConfig,
            reserve::ReserveConfig,
            weights::{RiskConfig, Weights},
        },
    },
    to_engine,
};

use super::assets::{Asset, feed_id, price_account};

/// Seconds for which a price may be used: the most that a risk group admits. Whatever is done in a replay is done in
/// the second of a price.
pub const MAX_AGE: u32 = 60;
/// Seconds by which prices that are used together may be apart.
const MAX_SKEW: u16 = 10;
/// Seconds by which a price may be ahead of the chain's clock.
const MAX_CLOCK_LAG: u32 = 60;
/// Confidence ÷ price above which a price backs no new risk, and is refused.
pub const MAX_CONFIDENCE: (u16, u16) = (40, 500);
/// |spot − EMA| ÷ EMA above which a price backs no new risk.
pub const MAX_DIVERGENCE: u16 = 500;
/// Confidence intervals by which readings are biased; 10,000 is one.
pub const CONFIDENCE_MULTIPLE: u16 = 20_000;

/// Basis points by which maintenance weights may move in an hour.
pub const RAMP: u16 = 100;
/// Share of itself by which the slow reference may follow the spot price in an hour.
pub const REFERENCE_SPEED: u16 = 500;
/// Annual rate added per 100 % of volatility above the usual.
pub const VOLATILITY_PREMIUM: u16 = 300;
/// Seconds until a stake in an insurance is free.
pub const COOLDOWN: u32 = 864_000;
/// The risk group of the dollars.
const STABLE_GROUP: u8 = 1;
/// What an adaptive market's new risk must survive: so many standard deviations (10,000 is one) of so many seconds.
const DEVIATIONS: u16 = 30_000;
const HORIZON: u32 = 86_400;
/// Between dollar, SOL, BTC, ETH and others: round numbers near those of daily returns over the years in `data/`.
const CORRELATIONS: [[i16; 5]; 5] = [
    [10_000, 0, 0, 0, 0],
    [0, 10_000, 6_500, 7_000, 6_500],
    [0, 6_500, 10_000, 8_500, 7_000],
    [0, 7_000, 8_500, 10_000, 7_500],
    [0, 6_500, 7_000, 7_500, 10_000],
];

/// How a market's risk is governed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
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
            Self::Adaptive => {
                "as listed in calm; volatility and size take from asset weights, a slow reference bounds what a pump backs, \
                 new risk covers three standard deviations of a day, and rates seek a utilisation and rise with volatility"
            }
        }
    }

    /// The configuration of an asset's reserve, which has this index in the market.
    pub fn reserve(self, asset: &Asset, index: usize) -> ReserveConfig {
        let fixed = ReserveConfig {
            deposit_cap: asset.caps.0 * asset.unit(),
            borrow_cap: asset.caps.1 * asset.unit(),
            min_deposit: asset.min_deposit,
            oracle: OracleConfig {
                feed_id: layout::Address(feed_id(index)),
                feed_account: to_engine(&price_account(index)),
                max_age: MAX_AGE,
                max_skew: MAX_SKEW,
                max_confidence_initial: Bps(MAX_CONFIDENCE.0),
                max_confidence_maintenance: Bps(MAX_CONFIDENCE.1),
                max_ema_divergence: Bps(MAX_DIVERGENCE),
                confidence_multiple: Bps(CONFIDENCE_MULTIPLE),
                ..OracleConfig::default()
            },
            curve: RateCurve::new(asset.curve).unwrap_or_default(),
            risk: RiskConfig {
                cross: Weights {
                    initial_asset: Bps(asset.asset_weights.0),
                    maintenance_asset: Bps(asset.asset_weights.1),
                    initial_liability: Bps(asset.liability_weights.0),
                    maintenance_liability: Bps(asset.liability_weights.1),
                },
                ramp: Bps(RAMP),
                class: asset.class as u8,
                ..RiskConfig::default()
            },
            min_penalty: Bps(asset.penalties.0),
            max_penalty: Bps(asset.penalties.1),
            reserve_factor: Bps(asset.reserve_factor),
            borrow_enabled: 1,
            insurance: InsuranceConfig { cooldown: COOLDOWN, ..InsuranceConfig::default() },
            ..ReserveConfig::default()
        };
        if self == Self::Fixed {
            return fixed;
        }
        let oracle = OracleConfig { reference_speed: Bps(REFERENCE_SPEED), ..fixed.oracle };
        let controller = ControllerConfig {
            target: Bps(8_000),
            speed: Bps(3_000),
            lowest: Bps(5_000),
            highest: Bps(20_000),
            volatility_premium: Bps(VOLATILITY_PREMIUM),
            ..ControllerConfig::default()
        };
        let risk = if asset.is_stable {
            // Dollars against dollars; and a dollar that starts to move is no dollar any more.
            RiskConfig {
                group_id: STABLE_GROUP,
                group_initial_asset: Bps(asset.asset_weights.0 + 300),
                group_maintenance_asset: Bps(asset.asset_weights.1 + 200),
                reference_volatility: Bps(asset.usual_volatility),
                volatility_slope: Bps(2_500),
                max_volatility_haircut: Bps(2_000),
                ..fixed.risk
            }
        } else {
            RiskConfig {
                reference_volatility: Bps(asset.usual_volatility),
                volatility_slope: Bps(1_000),
                max_volatility_haircut: Bps(1_500),
                market_depth: asset.depth,
                max_market_haircut: Bps(1_500),
                position_depth: asset.depth / 20,
                max_position_haircut: Bps(1_500),
                ..fixed.risk
            }
        };
        ReserveConfig { oracle, risk, controller, ..fixed }
    }

    /// The market's configuration: new risk covers the value at risk if the policy adapts, liquidations
    /// return an account to 105 %, the penalty is full at a shortfall of 20 %, dust is 5 USD, the smallest debt 25 USD.
    pub fn market(self) -> MarketConfig {
        let value_at_risk = match self {
            Self::Fixed => ValueAtRiskConfig::default(),
            Self::Adaptive => ValueAtRiskConfig {
                correlations: CORRELATIONS,
                multiple: Bps(DEVIATIONS),
                horizon: HORIZON,
                ..ValueAtRiskConfig::default()
            },
        };
        MarketConfig {
            value_at_risk,
            target_health: Bps(10_500),
            full_penalty_shortfall: Bps(2_000),
            dust_value: 5 * Usd::ONE.0 as u64,
            min_debt_value: 25 * Usd::ONE.0 as u64,
            delay: 172_800,
            max_clock_lag: MAX_CLOCK_LAG,
            ..MarketConfig::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use ballast_client::engine::state::market::Roles;

    use super::*;
    use crate::assets::ASSETS;

    #[test]
    fn every_configuration_is_accepted_by_the_engine() {
        for policy in Policy::ALL {
            for (index, asset) in ASSETS.iter().enumerate() {
                assert_eq!(policy.reserve(asset, index).validate(), Ok(()), "{} {}", policy.title(), asset.symbol);
            }
            // The roles are filled in when the market is created.
            let key = ballast_client::engine::record::layout::Address([1; 32]);
            let roles = Roles { fee_collector: key, guardian: key, price_receiver: key, ..Roles::default() };
            assert_eq!(MarketConfig { roles, ..policy.market() }.validate(), Ok(()));
        }
    }
}

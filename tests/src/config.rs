//! Parameters that tests start from. Vary them with struct update:
//! `ReserveConfig { deposit_cap: 5, ..reserve_config() }`.

use ballast_client::{PYTH_RECEIVERS, to_engine};
use ballast_engine::{
    number::units::{Bps, MAX_LIQUIDITY, Usd},
    price::feed::OracleConfig,
    state::{
        insurance::InsuranceConfig,
        interest::RateCurve,
        market::{MarketConfig, Roles},
        reserve::ReserveConfig,
        weights::{RiskConfig, Weights},
    },
};
use solana_signer::Signer;

use crate::world::keypair;

/// When every world starts, unix seconds.
pub const START: i64 = 1_780_000_000;

/// The keys `"collector"` and `"guardian"`, and Pyth's receivers.
pub fn roles() -> Roles {
    let [fee_collector, guardian] = ["collector", "guardian"].map(|name| to_engine(&keypair(name).pubkey()));
    let [price_receiver, second_price_receiver] = PYTH_RECEIVERS.map(|receiver| to_engine(&receiver));
    Roles { fee_collector, guardian, price_receiver, second_price_receiver, ..Roles::default() }
}

/// [`roles`], target health 105 %, full penalty at 10 % shortfall, dust below 1 USD, no debt below 10 USD, no loss above 1,
/// two days of delay, and prices up to half a minute ahead of the clock.
pub fn market_config() -> MarketConfig {
    MarketConfig {
        roles: roles(),
        delay: 172_800,
        target_health: Bps(10_500),
        full_penalty_shortfall: Bps(1_000),
        dust_value: Usd::dollars(1).0 as u64,
        min_debt_value: Usd::dollars(10).0 as u64,
        loss_limit: 1,
        max_clock_lag: 30,
        ..MarketConfig::default()
    }
}

/// Asset weights 80 % and 85 %, liability weights 110 % and 105 %, penalty 3 % to 10 %, a tenth of the interest as
/// fees, prices usable for a minute and beside others up to ten seconds newer, no caps, ten days until a stake is free, breakers off. The feed is left to [`crate::World::list`].
pub fn reserve_config() -> ReserveConfig {
    ReserveConfig {
        deposit_cap: MAX_LIQUIDITY,
        borrow_cap: MAX_LIQUIDITY,
        min_deposit: 1,
        oracle: OracleConfig {
            max_age: 60,
            max_confidence_initial: Bps(200),
            max_confidence_maintenance: Bps(1_000),
            max_ema_divergence: Bps(500),
            max_skew: 10,
            confidence_multiple: Bps(20_000),
            ..OracleConfig::default()
        },
        curve: RateCurve::new(&[(0, 0), (8_000, 1_000), (10_000, 10_000)]).expect("three points"),
        risk: RiskConfig {
            cross: Weights {
                initial_asset: Bps(8_000),
                maintenance_asset: Bps(8_500),
                initial_liability: Bps(11_000),
                maintenance_liability: Bps(10_500),
            },
            ramp: Bps(100),
            ..RiskConfig::default()
        },
        min_penalty: Bps(300),
        max_penalty: Bps(1_000),
        reserve_factor: Bps(1_000),
        borrow_enabled: 1,
        insurance: InsuranceConfig { cooldown: 864_000, ..InsuranceConfig::default() },
        ..ReserveConfig::default()
    }
}

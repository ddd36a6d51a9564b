//! The market of the demo: five reserves and their parameters, chosen like a careful mainnet listing.

use ballast_client::{
    Address,
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

/// Assets priced from bars; they are the first reserves.
pub const PRICED: [&str; 3] = ["SOL", "BTC", "ETH"];

/// Reserves of the market.
pub const RESERVES: usize = ASSETS.len();

/// One reserve's parameters. Shares in basis points.
pub struct Asset {
    /// Ticker.
    pub symbol: &'static str,
    /// Decimals of the mint.
    pub decimals: u8,
    /// Initial and maintenance asset weight.
    pub asset_weights: (u16, u16),
    /// Initial and maintenance liability weight.
    pub liability_weights: (u16, u16),
    /// Liquidation penalty, from just below the line to the full shortfall.
    pub penalties: (u16, u16),
    /// Share of interest kept by the protocol.
    pub reserve_factor: u16,
    /// Annual rate at utilisation.
    pub curve: &'static [(u16, u32)],
    /// Caps on deposits and debts, whole tokens.
    pub caps: (u64, u64),
    /// Line colour in the plots.
    pub colour: (u8, u8, u8),
}

const VOLATILE_CURVE: &[(u16, u32)] = &[(0, 0), (7_000, 500), (8_500, 1_500), (9_500, 6_000), (10_000, 20_000)];
const STABLE_CURVE: &[(u16, u32)] = &[(0, 0), (8_000, 600), (9_000, 1_200), (9_500, 4_000), (10_000, 12_000)];

/// The reserves in order of their index.
pub const ASSETS: [Asset; 5] = [
    Asset {
        symbol: "SOL",
        decimals: 9,
        asset_weights: (7_500, 8_000),
        liability_weights: (12_000, 11_200),
        penalties: (400, 1_000),
        reserve_factor: 1_500,
        curve: VOLATILE_CURVE,
        caps: (2_000_000, 1_000_000),
        colour: (0x8e, 0x5c, 0xf2),
    },
    Asset {
        symbol: "BTC",
        decimals: 8,
        asset_weights: (8_000, 8_400),
        liability_weights: (11_500, 10_800),
        penalties: (300, 800),
        reserve_factor: 1_500,
        curve: VOLATILE_CURVE,
        caps: (5_000, 2_500),
        colour: (0xf0, 0x8c, 0x1a),
    },
    Asset {
        symbol: "ETH",
        decimals: 8,
        asset_weights: (7_900, 8_300),
        liability_weights: (11_500, 10_800),
        penalties: (300, 800),
        reserve_factor: 1_500,
        curve: VOLATILE_CURVE,
        caps: (100_000, 50_000),
        colour: (0x3d, 0x86, 0xe0),
    },
    Asset {
        symbol: "USDC",
        decimals: 6,
        asset_weights: (8_800, 9_200),
        liability_weights: (10_000, 10_000),
        penalties: (200, 500),
        reserve_factor: 1_000,
        curve: STABLE_CURVE,
        caps: (500_000_000, 450_000_000),
        colour: (0x1f, 0xa0, 0x8f),
    },
    Asset {
        symbol: "USDT",
        decimals: 6,
        asset_weights: (8_600, 9_000),
        liability_weights: (10_000, 10_000),
        penalties: (200, 500),
        reserve_factor: 1_000,
        curve: STABLE_CURVE,
        caps: (500_000_000, 450_000_000),
        colour: (0xd2, 0x4d, 0x7a),
    },
];

/// Seconds for which a price may be used.
pub const MAX_AGE: u32 = 120;
/// Confidence ÷ price above which a price backs no new risk, and is refused.
pub const MAX_CONFIDENCE: (u16, u16) = (40, 500);
/// |spot − EMA| ÷ EMA above which a price backs no new risk.
pub const MAX_DIVERGENCE: u16 = 500;
/// Confidence intervals by which readings are biased; 10,000 is one.
pub const CONFIDENCE_MULTIPLE: u16 = 20_000;

impl Asset {
    /// Atoms of one token.
    pub const fn unit(&self) -> u64 {
        10u64.pow(self.decimals as u32)
    }

    /// Atoms of so many tokens, rounded down.
    pub fn atoms(&self, tokens: f64) -> u64 {
        (tokens * self.unit() as f64) as u64
    }

    /// Tokens in so many atoms, for people.
    pub fn tokens(&self, atoms: u64) -> f64 {
        atoms as f64 / self.unit() as f64
    }

    /// The reserve's configuration.
    pub fn config(&self, index: usize) -> ReserveConfig {
        ReserveConfig {
            deposit_cap: self.caps.0 * self.unit(),
            borrow_cap: self.caps.1 * self.unit(),
            min_deposit: self.unit() / 10_000,
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
            curve: RateCurve::new(self.curve).unwrap_or_default(),
            initial_asset_weight: Bps(self.asset_weights.0),
            maintenance_asset_weight: Bps(self.asset_weights.1),
            initial_liability_weight: Bps(self.liability_weights.0),
            maintenance_liability_weight: Bps(self.liability_weights.1),
            min_penalty: Bps(self.penalties.0),
            max_penalty: Bps(self.penalties.1),
            reserve_factor: Bps(self.reserve_factor),
            collateral_enabled: 1,
            borrow_enabled: 1,
            ..ReserveConfig::default()
        }
    }
}

/// The market's configuration: liquidations return an account to 105 %, the penalty is full at a shortfall of 20 %,
/// dust is 5 USD and the smallest debt 25 USD.
pub fn market_config() -> MarketConfig {
    MarketConfig {
        target_health: Bps(10_500),
        full_penalty_shortfall: Bps(2_000),
        dust_value: 5 * Usd::ONE.0 as u64,
        min_debt_value: 25 * Usd::ONE.0 as u64,
        ..MarketConfig::default()
    }
}

/// An address for the demo alone: a label and an index in its bytes.
fn labelled(label: &[u8; 24], index: usize) -> Address {
    let mut bytes = [0; 32];
    bytes[..24].copy_from_slice(label);
    bytes[24..].copy_from_slice(&(index as u64).to_le_bytes());
    Address::new_from_array(bytes)
}

/// The mint of a reserve.
pub fn mint(index: usize) -> Address {
    labelled(b"ballast demo mint       ", index)
}

/// The pinned price account of a reserve.
pub fn price_account(index: usize) -> Address {
    labelled(b"ballast demo price      ", index)
}

/// The feed of a reserve: the demo's own, no feed of Pyth.
pub fn feed_id(index: usize) -> [u8; 32] {
    labelled(b"ballast demo feed       ", index).to_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_configuration_is_accepted_by_the_engine() {
        for (index, asset) in ASSETS.iter().enumerate() {
            assert_eq!(asset.config(index).validate(), Ok(()), "{}", asset.symbol);
        }
        assert_eq!(market_config().validate(), Ok(()));
    }

    #[test]
    fn priced_assets_come_first() {
        for (symbol, asset) in PRICED.iter().zip(&ASSETS) {
            assert_eq!(*symbol, asset.symbol);
        }
    }
}

//! What a market of the demo may list: five assets and their parameters, chosen like a careful mainnet listing. A market
//! lists those that its window has prices for, in this order.

use ballast_client::{Address, engine::state::exposure::Class};

/// The least that the cap on an asset's deposits is worth when the market opens, USD: what 20,000 accounts bring.
const LEAST_CAP: f64 = 150e6;
/// The most that the smallest deposit is worth then, USD: everybody can make it.
const MOST_MIN_DEPOSIT: f64 = 100.0;

/// One reserve's parameters. Shares in basis points.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// Ticker.
    pub symbol: &'static str,
    /// Decimals of the mint.
    pub decimals: u8,
    /// Whether it is meant to be worth one dollar; it is taken to be if there are no prices for it.
    pub is_stable: bool,
    /// Initial and maintenance asset weight.
    pub asset_weights: (u16, u16),
    /// Initial and maintenance liability weight.
    pub liability_weights: (u16, u16),
    /// Liquidation penalty, from just below the line to the full shortfall.
    pub penalties: (u16, u16),
    /// Share of interest kept by the protocol.
    pub reserve_factor: u16,
    /// What it moves with.
    pub class: Class,
    /// Annual volatility above which a policy that adapts grows careful, basis points.
    pub usual_volatility: u16,
    /// What the market could absorb, whole USD, where a policy asks.
    pub depth: u32,
    /// Annual rate at utilisation.
    pub curve: &'static [(u16, u32)],
    /// Caps on deposits and debts, whole tokens: wide enough for 20,000 accounts at the prices of 2020.
    pub caps: (u64, u64),
    /// The smallest deposit, atoms.
    pub min_deposit: u64,
    /// Line colour in the plots.
    pub colour: (u8, u8, u8),
}

const VOLATILE_CURVE: &[(u16, u32)] = &[(0, 0), (7_000, 500), (8_500, 1_500), (9_500, 6_000), (10_000, 20_000)];
const STABLE_CURVE: &[(u16, u32)] = &[(0, 0), (8_000, 600), (9_000, 1_200), (9_500, 4_000), (10_000, 12_000)];

/// All assets.
pub static ASSETS: [Asset; 5] = [
    Asset {
        symbol: "SOL",
        decimals: 9,
        is_stable: false,
        asset_weights: (7_500, 8_000),
        liability_weights: (12_000, 11_200),
        penalties: (400, 1_000),
        reserve_factor: 1_500,
        class: Class::Sol,
        usual_volatility: 9_000,
        depth: 30_000_000,
        curve: VOLATILE_CURVE,
        caps: (20_000_000, 10_000_000),
        min_deposit: 100_000,
        colour: (0x8e, 0x5c, 0xf2),
    },
    Asset {
        symbol: "BTC",
        decimals: 8,
        is_stable: false,
        asset_weights: (8_000, 8_400),
        liability_weights: (11_500, 10_800),
        penalties: (300, 800),
        reserve_factor: 1_500,
        class: Class::Btc,
        usual_volatility: 5_500,
        depth: 100_000_000,
        curve: VOLATILE_CURVE,
        caps: (50_000, 25_000),
        min_deposit: 10_000,
        colour: (0xf0, 0x8c, 0x1a),
    },
    Asset {
        symbol: "ETH",
        decimals: 8,
        is_stable: false,
        asset_weights: (7_900, 8_300),
        liability_weights: (11_500, 10_800),
        penalties: (300, 800),
        reserve_factor: 1_500,
        class: Class::Eth,
        usual_volatility: 7_000,
        depth: 60_000_000,
        curve: VOLATILE_CURVE,
        caps: (2_000_000, 1_000_000),
        min_deposit: 10_000,
        colour: (0x3d, 0x86, 0xe0),
    },
    Asset {
        symbol: "USDC",
        decimals: 6,
        is_stable: true,
        asset_weights: (8_800, 9_200),
        liability_weights: (10_000, 10_000),
        penalties: (200, 500),
        reserve_factor: 1_000,
        class: Class::Usd,
        usual_volatility: 1_000,
        depth: 0,
        curve: STABLE_CURVE,
        caps: (1_000_000_000, 900_000_000),
        min_deposit: 100,
        colour: (0x1f, 0xa0, 0x8f),
    },
    Asset {
        symbol: "USDT",
        decimals: 6,
        is_stable: true,
        asset_weights: (8_600, 9_000),
        liability_weights: (10_000, 10_000),
        penalties: (200, 500),
        reserve_factor: 1_000,
        class: Class::Usd,
        usual_volatility: 1_000,
        depth: 0,
        curve: STABLE_CURVE,
        caps: (1_000_000_000, 900_000_000),
        min_deposit: 100,
        colour: (0xd2, 0x4d, 0x7a),
    },
];

/// The asset of a symbol, in any case of letters.
pub fn find(symbol: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.symbol.eq_ignore_ascii_case(symbol))
}

impl Asset {
    /// The asset as it would be listed at a price. Amounts are meant for the prices of the repository's data. A token
    /// that costs far less has fewer decimals and higher caps, as such tokens do, and one that costs far more the
    /// reverse: so its market holds as many dollars, in 64 bits.
    pub fn listed_at(self, price: f64) -> Self {
        let mut listed = self;
        while listed.caps.0 as f64 * price < LEAST_CAP {
            listed.caps = (listed.caps.0 * 10, listed.caps.1 * 10);
            listed.decimals = listed.decimals.saturating_sub(1);
        }
        while listed.min_deposit as f64 / listed.unit() as f64 * price > MOST_MIN_DEPOSIT {
            listed.caps = (listed.caps.0 / 10, listed.caps.1 / 10);
            listed.decimals += 1;
        }
        listed
    }

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
    use crate::policy::Policy;

    #[test]
    fn an_asset_is_listed_as_it_stands_at_the_prices_of_the_data() {
        // The openings of the first and the last stretch, and those of the dollars.
        for (asset, prices) in
            ASSETS.iter().zip([[32.6, 229.7], [8_885.0, 124_000.0], [231.0, 4_558.0], [0.9, 1.1], [0.9, 1.1]])
        {
            for price in prices {
                let listed = asset.listed_at(price);
                assert_eq!((listed.decimals, listed.caps), (asset.decimals, asset.caps), "{} at {price}", asset.symbol);
            }
        }
    }

    #[test]
    fn at_any_price_that_is_read_an_asset_can_be_listed_with_room_for_everybody() {
        for (index, asset) in ASSETS.iter().enumerate() {
            for price in (-90..=90).map(|tenth| 10f64.powf(tenth as f64 / 10.0)) {
                let listed = asset.listed_at(price);
                let (cap, least) =
                    (listed.caps.0 as f64 * price, listed.min_deposit as f64 / listed.unit() as f64 * price);
                assert!(cap >= LEAST_CAP && least <= MOST_MIN_DEPOSIT, "{} at {price}: {listed:?}", asset.symbol);
                for policy in Policy::ALL {
                    assert_eq!(policy.reserve(&listed, index).validate(), Ok(()), "{} at {price}", asset.symbol);
                }
            }
        }
    }
}

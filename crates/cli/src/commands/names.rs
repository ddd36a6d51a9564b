//! How people name a market and its reserves.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use ballast_client::{
    Address, MarketView, NATIVE_MINT,
    engine::state::{
        change::{OF_PERP, OF_POOL},
        reserve::Reserve,
    },
    from_engine,
};

use super::session::Session;
use ballast_market_file::Desired;

/// Tokens that everybody knows, on mainnet: the native one and the two largest stablecoins. A market's file names its own.
const KNOWN: [(&str, Address); 3] = [
    ("SOL", NATIVE_MINT),
    ("USDC", Address::from_str_const("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v")),
    ("USDT", Address::from_str_const("Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB")),
];

/// A market by its address, or by its file, which also names its reserves.
#[derive(Clone, Debug)]
pub struct MarketName {
    /// Its address.
    pub address: Address,
    names: Vec<(String, Address)>,
}

impl core::str::FromStr for MarketName {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Ok(address) = text.parse() {
            return Ok(Self { address, ..Self::unknown() });
        }
        let path = Path::new(text);
        ensure!(path.exists(), "`{text}` is neither an address nor a market's file");
        let desired = Desired::read(path).with_context(|| text.to_owned())?;
        let names = desired.reserves.iter().map(|listed| (listed.token.name.clone(), listed.token.mint)).collect();
        Ok(Self { address: desired.address(), names })
    }
}

impl MarketName {
    /// No market, with the names that everybody knows.
    pub fn unknown() -> Self {
        let names = KNOWN.map(|(name, mint)| (name.to_owned(), mint)).into();
        Self { address: Address::default(), names }
    }

    /// What people call a token, or its mint.
    pub fn token(&self, mint: Address) -> String {
        name_of(&self.names, mint)
    }

    /// A token by its name or its mint.
    pub fn find_token(&self, name: &str) -> Option<Address> {
        let known = self.names.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        known.map(|(_, mint)| *mint).or_else(|| name.parse().ok())
    }
}

fn name_of(names: &[(String, Address)], mint: Address) -> String {
    let known = names.iter().find(|(_, known)| *known == mint);
    known.map_or_else(|| mint.to_string(), |(name, _)| name.clone())
}

/// A market with names for its reserves.
#[derive(Clone)]
pub struct Named {
    /// What the chain says.
    pub view: MarketView,
    names: Vec<(String, Address)>,
}

impl Named {
    /// Reads a market.
    pub fn read(session: &mut Session, name: &MarketName) -> Result<Self> {
        Ok(Self { view: session.market(name.address)?, names: name.names.clone() })
    }

    /// What people call a reserve, or its mint. Perps and pools have no names of their own.
    pub fn name(&self, index: u8) -> String {
        match self.view.table_of(index) {
            OF_PERP => return format!("perp #{index}"),
            OF_POOL => return format!("pool #{index}"),
            _ => (),
        }
        // A closed one has no token any more.
        let open = self.view.reserve(index).ok().filter(|reserve| reserve.closed == 0);
        let Some(reserve) = open else { return format!("#{index}") };
        name_of(&self.names, from_engine(&reserve.mint))
    }

    /// A reserve by its name, its mint or its index.
    pub fn find(&self, name: &str) -> Result<u8> {
        let mint = self.names.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, mint)| *mint);
        if let Some(mint) = mint.or_else(|| name.parse().ok()) {
            return self.view.find_reserve(&mint).with_context(|| format!("the market does not list {name}"));
        }
        match name.trim_start_matches('#').parse() {
            Ok(index) if self.view.reserve(index).is_ok() => Ok(index),
            Ok(index) if self.is_perp_or_pool(index) => bail!("{} is no reserve", self.name(index)),
            Ok(index) => bail!("there is no reserve {index}: the market has {}", self.reserves().count()),
            Err(_) => bail!("`{name}` is no reserve: give its index, its mint, or a name of the market's file"),
        }
    }

    /// A reserve like [`Self::find`], or a perp or a pool by its index.
    pub fn find_record(&self, name: &str) -> Result<u8> {
        match name.trim_start_matches('#').parse() {
            Ok(index) if self.is_perp_or_pool(index) => Ok(index),
            _ => self.find(name),
        }
    }

    fn is_perp_or_pool(&self, index: u8) -> bool {
        self.view.reserves.get(index as usize).is_some_and(|record| !record.is_reserve())
    }

    /// All reserves with their indices.
    pub fn reserves(&self) -> impl Iterator<Item = (u8, &Reserve)> {
        (0u8..).zip(&self.view.reserves).filter(|(_, record)| record.is_reserve())
    }

    /// A reserve that is known to be there.
    pub fn reserve(&self, index: u8) -> Result<&Reserve> {
        self.view.reserve(index).map_err(|error| anyhow::anyhow!(error.message()))
    }
}

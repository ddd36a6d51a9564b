//! How people name a market and its reserves.

use std::{path::Path, rc::Rc};

use anyhow::{Context, Result, bail, ensure};
use ballast_client::{
    Address, MarketView, NATIVE_MINT,
    engine::state::{
        change::{OF_PERP, OF_POOL},
        perp::{Perp, Pool},
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

/// A market by its address, or by its file, which also names its reserves, pools and perps.
#[derive(Clone, Debug)]
pub struct MarketName {
    /// Its address.
    pub address: Address,
    names: Vec<(String, Address)>,
    file: Option<Rc<Desired>>,
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
        Ok(Self { address: desired.address(), names, file: Some(Rc::new(desired)) })
    }
}

impl MarketName {
    /// No market, with the names that everybody knows.
    pub fn unknown() -> Self {
        let names = KNOWN.map(|(name, mint)| (name.to_owned(), mint)).into();
        Self { address: Address::default(), names, file: None }
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
    file: Option<Rc<Desired>>,
}

impl Named {
    /// Reads a market.
    pub fn read(session: &mut Session, name: &MarketName) -> Result<Self> {
        Ok(Self { view: session.market(name.address)?, names: name.names.clone(), file: name.file.clone() })
    }

    /// A market that was read, with the names of a market's file if it is that one's, or else those that everybody knows.
    pub fn of(view: MarketView, name: Option<MarketName>) -> Self {
        let name = name.filter(|name| name.address == view.address).unwrap_or_else(MarketName::unknown);
        Self { view, names: name.names, file: name.file }
    }

    /// What people call a reserve, or its mint; what its file calls a perp or a pool, or its index.
    pub fn name(&self, index: u8) -> String {
        let unnamed = match self.view.table_of(index) {
            OF_PERP => Some(format!("perp #{index}")),
            OF_POOL => Some(format!("pool #{index}")),
            _ => None,
        };
        if let Some(unnamed) = unnamed {
            let named = self.file.as_ref().and_then(|file| file.record_name(&self.view, index));
            return named.map_or(unnamed, str::to_owned);
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
            Err(_) if self.find_perp_or_pool(name).is_some() => bail!("{name} is no reserve"),
            Err(_) => bail!("`{name}` is no reserve: give its index, its mint, or a name of the market's file"),
        }
    }

    /// A reserve like [`Self::find`], or a perp or a pool by its index or its name in the file.
    pub fn find_record(&self, name: &str) -> Result<u8> {
        self.find_perp_or_pool(name).map_or_else(|| self.find(name), Ok)
    }

    fn find_perp_or_pool(&self, name: &str) -> Option<u8> {
        let index = name.trim_start_matches('#').parse();
        let mut all = (0..self.view.reserves.len() as u8).filter(|index| self.is_perp_or_pool(*index));
        all.find(|record| index == Ok(*record) || self.name(*record).eq_ignore_ascii_case(name))
    }

    /// All perps with their indices.
    pub fn perps(&self) -> impl Iterator<Item = (u8, &Perp)> {
        (0..self.view.reserves.len() as u8).filter_map(|index| Some((index, self.view.perp(index).ok()?)))
    }

    /// All pools with their indices.
    pub fn pools(&self) -> impl Iterator<Item = (u8, &Pool)> {
        (0..self.view.reserves.len() as u8).filter_map(|index| Some((index, self.view.pool(index).ok()?)))
    }

    /// A perp by its name or its index, or by the reserve that it alone follows.
    pub fn find_perp(&self, name: &str) -> Result<u8> {
        let followed = self.perps().map(|(index, perp)| (index, perp.config.price));
        self.find_of_kind("perp", name, &followed.collect::<Vec<_>>())
    }

    /// A pool by its name or its index, or by the reserve of its token, if it is the only one of it.
    pub fn find_pool(&self, name: &str) -> Result<u8> {
        let quotes = self.pools().map(|(index, pool)| (index, pool.config.quote));
        self.find_of_kind("pool", name, &quotes.collect::<Vec<_>>())
    }

    /// One of some records, each of which comes with its reserve.
    fn find_of_kind(&self, kind: &str, name: &str, all: &[(u8, u8)]) -> Result<u8> {
        if let Some(index) = self.find_perp_or_pool(name) {
            ensure!(all.iter().any(|(record, _)| *record == index), "{} is no {kind}", self.name(index));
            return Ok(index);
        }
        let reserve = self.find(name).ok().filter(|reserve| name.trim_start_matches('#').parse() != Ok(*reserve));
        let of_reserve = all.iter().filter(|(_, of)| Some(*of) == reserve).map(|(record, _)| *record);
        match of_reserve.collect::<Vec<_>>()[..] {
            [index] => Ok(index),
            [] if all.is_empty() => bail!("the market has no {kind}s"),
            [] => {
                let names: Vec<_> = all.iter().map(|(record, _)| self.name(*record)).collect();
                bail!("`{name}` is no {kind}: there is {}", names.join(", "))
            }
            ref several => {
                let names: Vec<_> = several.iter().map(|record| self.name(*record)).collect();
                bail!("`{name}` has several {kind}s: {}", names.join(", "))
            }
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

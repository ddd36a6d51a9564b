//! The pools and perps of a market's file, and which records of a market they are.
//!
//! A record of a pool or a perp has no name and no mint. So a file's pool is the market's pool of that token, and its perp the one with the
//! same contract: what is fixed at listing. Where several are alike, they come in the file's order.

use anyhow::{Context, Result, ensure};
use ballast_client::{
    MarketView,
    engine::state::{
        change::{OF_PERP, OF_POOL},
        perp::{Perp, PerpConfig, Pool, PoolConfig},
    },
};
use toml::{Table, Value};

use crate::{
    Desired,
    file::{Listed, fill, joint, merge, table_or_none, text_of},
};

/// A pool behind perps.
#[derive(Clone, Debug)]
pub struct ListedPool {
    /// What people call it.
    pub name: String,
    /// The place in the file of the reserve of its token.
    pub quote: usize,
    /// Its parameters. The reserve's index is left out: it follows from `quote`.
    config: PoolConfig,
}

/// A perp.
#[derive(Clone, Debug)]
pub struct ListedPerp {
    /// What people call it.
    pub name: String,
    /// The place in the file of its pool.
    pub pool: usize,
    /// The place in the file of the reserve whose price it follows.
    pub price: usize,
    /// Its parameters. The indices of both are left out.
    config: PerpConfig,
}

/// Takes the pools and perps out of a file, whose reserves were read.
pub(crate) fn take(
    file: &mut Table,
    reserves: &[Listed],
    wrong: &mut Vec<String>,
) -> Result<(Vec<ListedPool>, Vec<ListedPerp>)> {
    let defaults = [table_or_none(file, "pool_defaults")?, table_or_none(file, "perp_defaults")?];
    let (mut pools, mut perps): (Vec<ListedPool>, Vec<ListedPerp>) = (Vec::new(), Vec::new());
    for (nth, own) in tables(file, "pools")?.into_iter().enumerate() {
        let pool = ListedPool::read(&defaults[0], own, reserves, wrong);
        pools.push(pool.with_context(|| format!("pool {nth}"))?);
    }
    for (nth, own) in tables(file, "perps")?.into_iter().enumerate() {
        let perp = ListedPerp::read(&defaults[1], own, reserves, &pools, wrong);
        perps.push(perp.with_context(|| format!("perp {nth}"))?);
    }
    Ok((pools, perps))
}

/// All `[[key]]`; none is fine.
fn tables(file: &mut Table, key: &str) -> Result<Vec<Table>> {
    let Some(value) = file.remove(key) else { return Ok(Vec::new()) };
    let Value::Array(values) = value else { anyhow::bail!("{key}: not [[{key}]]") };
    values.into_iter().map(|value| value.as_table().cloned().with_context(|| format!("{key}: not [[{key}]]"))).collect()
}

/// The place of what a table names by a key.
fn place<'a>(own: &mut Table, whose: &str, key: &str, mut names: impl Iterator<Item = &'a String>) -> Result<usize> {
    let name = text_of(own, key).with_context(|| whose.to_owned())?;
    names.position(|known| *known == name).with_context(|| format!("{whose}.{key}: the file has no `{name}`"))
}

/// The parameters of a table over those that are the same for all. What it names stands as zero: its index follows.
fn values(defaults: &Table, own: Table, named: &[&str], name: &str) -> Result<Table> {
    let mut values = defaults.clone();
    for key in named {
        ensure!(!values.contains_key(*key), "{name}.{key}: each has its own");
    }
    merge(&mut values, own);
    values.extend(named.iter().map(|key| ((*key).to_owned(), Value::Integer(0))));
    Ok(values)
}

impl ListedPool {
    fn read(defaults: &Table, mut own: Table, reserves: &[Listed], wrong: &mut Vec<String>) -> Result<Self> {
        let name = text_of(&mut own, "name")?;
        let quote = place(&mut own, &name, "quote", reserves.iter().map(|listed| &listed.token.name))?;
        let mut values = values(defaults, own, &["quote"], &name)?;
        let (mut config, decimals) = (PoolConfig::default(), reserves[quote].token.decimals);
        fill(OF_POOL, bytemuck::bytes_of_mut(&mut config), &mut values, decimals, &name, wrong);
        joint(config.validate(), &name, wrong);
        Ok(Self { name, quote, config })
    }
}

impl ListedPerp {
    fn read(
        defaults: &Table,
        mut own: Table,
        reserves: &[Listed],
        pools: &[ListedPool],
        wrong: &mut Vec<String>,
    ) -> Result<Self> {
        let name = text_of(&mut own, "name")?;
        let pool = place(&mut own, &name, "pool", pools.iter().map(|pool| &pool.name))?;
        let price = place(&mut own, &name, "price", reserves.iter().map(|listed| &listed.token.name))?;
        let mut values = values(defaults, own, &["pool", "price"], &name)?;
        let (mut config, decimals) = (PerpConfig::default(), reserves[pools[pool].quote].token.decimals);
        fill(OF_PERP, bytemuck::bytes_of_mut(&mut config), &mut values, decimals, &name, wrong);
        joint(config.validate(), &name, wrong);
        Ok(Self { name, pool, price, config })
    }
}

impl Desired {
    /// The index of the reserve at a place of the file.
    fn reserve_index(&self, view: &MarketView, nth: usize) -> Option<u8> {
        view.find_reserve(&self.reserves.get(nth)?.token.mint)
    }

    /// The parameters of the file's n-th pool in a market; none while its token is not listed.
    pub fn pool_config(&self, view: &MarketView, nth: usize) -> Option<PoolConfig> {
        let listed = self.pools.get(nth)?;
        Some(PoolConfig { quote: self.reserve_index(view, listed.quote)?, ..listed.config })
    }

    /// The parameters of the file's n-th perp in a market; none while its pool is not there.
    pub fn perp_config(&self, view: &MarketView, nth: usize) -> Option<PerpConfig> {
        let listed = self.perps.get(nth)?;
        let (pool, price) = (self.pool_index(view, listed.pool)?, self.reserve_index(view, listed.price)?);
        Some(PerpConfig { pool, price, ..listed.config })
    }

    /// Which record of a market the file's n-th pool is.
    pub fn pool_index(&self, view: &MarketView, nth: usize) -> Option<u8> {
        let quote = self.pool_config(view, nth)?.quote;
        let before = self.pools[..nth].iter().filter(|other| other.quote == self.pools[nth].quote).count();
        let is_alike = |index: &u8| Pool::of(&view.reserves, *index).is_ok_and(|pool| pool.config.quote == quote);
        (0..view.reserves.len() as u8).filter(is_alike).nth(before)
    }

    /// Which record of a market the file's n-th perp is.
    pub fn perp_index(&self, view: &MarketView, nth: usize) -> Option<u8> {
        let wanted = self.perp_config(view, nth)?;
        let is_same = |other: &PerpConfig| other.require_same_contract(&wanted).is_ok();
        let before =
            (0..nth).filter(|other| self.perp_config(view, *other).is_some_and(|other| is_same(&other))).count();
        let is_alike = |index: &u8| Perp::of(&view.reserves, *index).is_ok_and(|perp| is_same(&perp.config));
        (0..view.reserves.len() as u8).filter(is_alike).nth(before)
    }

    /// The place in the file of the pool that a record is.
    pub fn pool_of(&self, view: &MarketView, index: u8) -> Option<usize> {
        (0..self.pools.len()).find(|nth| self.pool_index(view, *nth) == Some(index))
    }

    /// The place in the file of the perp that a record is.
    pub fn perp_of(&self, view: &MarketView, index: u8) -> Option<usize> {
        (0..self.perps.len()).find(|nth| self.perp_index(view, *nth) == Some(index))
    }

    /// What the file calls a pool or a perp of a market.
    pub fn record_name(&self, view: &MarketView, index: u8) -> Option<&str> {
        let pool = self.pool_of(view, index).map(|nth| self.pools[nth].name.as_str());
        pool.or_else(|| self.perp_of(view, index).map(|nth| self.perps[nth].name.as_str()))
    }
}

#[cfg(test)]
mod tests;

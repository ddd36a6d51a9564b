//! A market with a pool and perps behind it, and the margin accounts of those who trade them.

use anyhow::{Context, Result};
use ballast_client::{
    Address, MarketView,
    engine::{
        number::units::{Part, Shares},
        perps::trade::Order,
        state::{
            account::{MarginAccount, Side},
            perp::book::Width,
        },
    },
};
use rand::Rng;
use rand_chacha::ChaCha12Rng;

use super::terms;
use crate::{grid::Grid, oracle::Oracle, policy::Policy, population::address, replay::Phases, world::World};

/// The token that perps pay in.
pub const TOKEN: &str = "USDC";

/// Where the records of a market lie.
#[derive(Clone, Debug)]
pub struct Place {
    /// The reserve of the token.
    pub quote: usize,
    /// The pool.
    pub pool: u8,
    /// The reserve that each perp follows, and the perp.
    pub perps: Vec<(usize, u8)>,
    /// Atoms of a token.
    pub unit: u64,
    /// What the pool is to begin with, atoms.
    pub capital: u64,
}

/// Creates a market of the grid's assets with a perp of each that has prices, on a pool that is to begin with so many USD, and
/// publishes the first prices.
pub fn set_up(
    rng: &mut ChaCha12Rng,
    world: &mut World,
    grid: &Grid,
    oracle: &mut Oracle,
    policy: Policy,
    usd: f64,
) -> Result<Place> {
    let quote = grid.assets.iter().position(|asset| asset.symbol == TOKEN).context("the token is listed")?;
    world.prepare_market(Address::new_from_array(rng.random()), policy, &Phases::default())?;
    world.publish(&oracle.first(grid, world.now))?;
    let (unit, capital) = (world.assets[quote].unit(), world.assets[quote].atoms(usd));
    let pool = world.list_pool(&terms::pool(quote as u8, capital))?;
    let mut perps = Vec::new();
    for (index, bar) in grid.bars[0].iter().enumerate().filter(|(index, _)| grid.is_played[*index]) {
        if let Some(config) = terms::perp(&world.assets[index], index, bar.open, pool, capital, unit) {
            perps.push((index, world.list_perp(&config)?));
        }
    }
    world.launch_market()?;
    Ok(Place { quote, pool, perps, unit, capital })
}

impl Place {
    /// The price of a lot, atoms with 32 fractional bits.
    pub fn price(&self, market: &MarketView, perp: u8) -> Result<u64> {
        let record = market.perp(perp)?;
        Ok(record.marks(&market.reserves[record.config.price as usize].price, Width::Maintenance).spot)
    }

    /// Whole lots that are worth so many atoms.
    pub fn lots(&self, market: &MarketView, perp: u8, atoms: u64) -> Result<i64> {
        Ok((((atoms as u128) << 32) / self.price(market, perp)? as u128) as i64)
    }

    /// Atoms of the token that some shares of its reserve are worth at `now`.
    pub fn atoms(&self, market: &MarketView, shares: Shares, now: i64) -> u64 {
        market.reserves[self.quote].deposit_index_at(now).amount_floor(shares)
    }

    /// Atoms of the token in dollars, for people.
    pub fn usd(&self, atoms: u64) -> f64 {
        atoms as f64 / self.unit as f64
    }

    /// An account's deposit of the token, shares.
    pub fn deposit(&self, account: &MarginAccount) -> Shares {
        account.shares(self.quote as u8, Side::Deposit).unwrap_or(Shares::ZERO)
    }

    /// All shares of the token's reserve that are the pool's and its perps'.
    pub fn backing(&self, market: &MarketView) -> Result<Shares> {
        let mut sum = market.pool(self.pool)?.deposit.0;
        for (_, perp) in &self.perps {
            let perp = market.perp(*perp)?;
            sum += perp.fund.0 + perp.insurance.0;
        }
        Ok(Shares(sum))
    }
}

/// Somebody with a margin account in the market, a deposit of the token in it, and the rest outside.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// Who signs.
    pub owner: Address,
    /// The margin account.
    pub margin: Address,
    /// The token account.
    pub wallet: Address,
}

impl Member {
    /// Opens an account, and deposits so many atoms.
    pub fn join(rng: &mut ChaCha12Rng, world: &mut World, place: &Place, atoms: u64) -> Result<Self> {
        let market = world.market()?;
        let (owner, wallet) = (address(rng), address(rng));
        let member = Self { owner, margin: market.margin_account(&owner, 0), wallet };
        world.open_account(&market, owner)?;
        world.set_tokens(wallet, place.quote, owner, 0)?;
        member.bring(world, place, atoms)?;
        Ok(member)
    }

    /// Moves so many atoms of its deposit into the pool.
    pub fn provide(&self, world: &mut World, place: &Place, atoms: u64) -> Result<()> {
        let provide = world.market()?.pool_deposit(self.owner, self.margin, place.pool, atoms)?;
        world.run("deposit in the pool", provide)
    }

    /// Deposits so many atoms more, from outside.
    pub fn bring(&self, world: &mut World, place: &Place, atoms: u64) -> Result<()> {
        world.set_tokens(self.wallet, place.quote, self.owner, atoms)?;
        let deposit = world.market()?.deposit(self.owner, self.margin, self.wallet, place.quote as u8, atoms)?;
        world.run("deposit margin", deposit)
    }
}

/// An order at any price.
pub fn order(perp: u8, lots: i64, reduce_only: bool) -> Order {
    Order { perp, lots, limit: 0, min_factor: Part::ZERO, reduce_only }
}

/// The order that closes a position whole.
pub fn closing(perp: u8, is_short: bool) -> Order {
    let all = i64::MAX >> 8;
    order(perp, if is_short { all } else { -all }, true)
}

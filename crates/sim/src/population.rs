//! Who uses the market: traders with debts, and lenders. Everything is drawn from the seed by the constants below.
//!
//! The same people come whatever the policy: same collateral in USD, same debt token, and the same *wish*, which is a share
//! of what the policy lets them borrow. Lenders bring the same USD too: what they bring is reckoned with the listed
//! weights ([`ASSETS`](super::assets::ASSETS)), those of the fixed policy.

use anyhow::{Result, ensure};
use ballast_client::{
    Address, MarketView,
    engine::{
        health::{Requirement, position::weighted},
        state::{account::Side, weights::Terms},
    },
};
use rand::Rng;
use rand_chacha::ChaCha12Rng;

use super::{
    assets::Asset,
    grid::Grid,
    world::{Outcome, World},
};

/// What traders do, and how many of a hundred do it.
const STYLES: [(Style, u32); 4] = [(Style::Long, 68), (Style::Short, 12), (Style::Pair, 12), (Style::Carry, 8)];
/// Classes of leverage: how many of a hundred, and the share of what the initial weights allow that they borrow.
const LEVERAGE: [(u32, f64, f64); 3] = [(25, 0.30, 0.60), (45, 0.60, 0.90), (30, 0.90, 0.99)];
/// The class of carry traders.
const CARRY_LEVERAGE: (f64, f64) = (0.80, 0.99);
/// Median of a trader's collateral in USD, the standard deviation of its logarithm, and its bounds.
const COLLATERAL: (f64, f64, f64, f64) = (8_000.0, 1.3, 500.0, 750_000.0);
/// How many of a hundred long positions hold each volatile asset; those of an asset that is not listed fall to the others.
const LONG_ASSETS: [(&str, u32); 3] = [("SOL", 40), ("BTC", 30), ("ETH", 30)];
/// How many of a hundred longs hold a second asset, and its share of their collateral.
const SECOND_ASSET: (u32, f64) = (33, 0.35);
/// How many of a hundred stablecoin choices fall on each.
const STABLES: [(&str, u32); 2] = [("USDC", 60), ("USDT", 40)];
/// How many of a hundred traders keep tokens beside the market, and the most they keep, as a share of their collateral
/// and of their debt.
const BUFFERS: (u32, f64, f64) = (60, 0.30, 0.20);
/// One lender for so many traders, but one for each reserve at least.
const TRADERS_PER_LENDER: usize = 5;
/// Share of each reserve that is lent out when everyone has taken position, unless the traders' own collateral and
/// [`LEAST_LENT`] leave it lower, as they do in the reserves that longs deposit in.
const TARGET_UTILISATION: [(&str, f64); 5] =
    [("SOL", 0.50), ("BTC", 0.50), ("ETH", 0.50), ("USDC", 0.82), ("USDT", 0.79)];
/// The least that a reserve's lenders bring, USD on average.
const LEAST_LENT: f64 = 1_000.0;
/// Atoms by which a debt's weight is measured: a thousand tokens at least, so that rounding does not show.
const PROBE: u64 = 1_000_000_000_000;
/// What lenders keep outside, as a share of what they lend.
const LENDER_BUFFER: f64 = 0.5;

/// What a trader does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Crypto for collateral, stablecoins borrowed.
    Long,
    /// Stablecoins for collateral, crypto borrowed.
    Short,
    /// One crypto asset for collateral, another borrowed.
    Pair,
    /// One stablecoin for collateral, the other borrowed.
    Carry,
}

/// The distribution in words, for the report.
pub const DESCRIPTION: [(&str, &str); 6] = [
    (
        "Styles",
        "68 % long (crypto as collateral, stablecoins borrowed), 12 % short (the reverse), 12 % pair trades \
         between two crypto assets, 8 % carry between USDC and USDT",
    ),
    (
        "Leverage",
        "debt as a share of what the policy lets them borrow: 25 % of traders draw from 30 to 60 %, 45 % from 60 to \
         90 %, 30 % from 90 to 99 %; carry traders from 80 to 99 %",
    ),
    ("Size", "collateral is log-normal: median 8,000 USD, σ of the logarithm 1.3, between 500 and 750,000 USD"),
    (
        "Assets",
        "SOL 40 %, BTC 30 %, ETH 30 % of long collateral (BTC and ETH alike where SOL is not listed), a third of longs hold a second asset for 35 % of it; \
         stablecoins are USDC 60 %, USDT 40 %",
    ),
    (
        "Buffers",
        "60 % of traders keep tokens outside: up to 30 % of their collateral and 20 % of their debt; the others \
         nothing",
    ),
    (
        "Lenders",
        "one for every five traders; they bring what makes 82 % of USDC and 79 % of USDT lent out at the start, \
         1,000 USD each on average at least, and keep half as much outside",
    ),
];

/// A trader: one margin account with collateral and one debt.
pub struct Trader {
    /// Who signs.
    pub owner: Address,
    /// The margin account.
    pub margin: Address,
    /// The trader's token accounts, one for each reserve.
    pub wallets: Vec<Address>,
    /// Reserves deposited in, with USD at the start.
    pub collateral: Vec<(usize, f64)>,
    /// Reserve borrowed from.
    pub debt: usize,
    /// The wish: debt as a share of what the policy lets the trader borrow.
    pub usage: f64,
    /// Whether a price moves the trader's health: all but carry while both stablecoins stand at their dollar.
    pub is_exposed: bool,
    /// Tokens kept outside, as shares of collateral and debt.
    buffers: (f64, f64),
}

/// A lender: one margin account with one deposit.
pub struct Lender {
    /// Who signs.
    pub owner: Address,
    /// The margin account.
    pub margin: Address,
    /// The lender's token account.
    pub wallet: Address,
    /// Reserve lent to.
    pub reserve: usize,
    /// USD lent at the start.
    pub usd: f64,
}

/// Everyone.
pub struct Population {
    /// Traders.
    pub traders: Vec<Trader>,
    /// Lenders.
    pub lenders: Vec<Lender>,
}

/// A price in dollars per token, for people and for sizing.
pub fn spot(market: &MarketView, reserve: usize) -> f64 {
    let price = &market.reserves[reserve].price;
    price.price as f64 * 10f64.powi(price.exponent)
}

/// A fresh address.
pub(crate) fn address(rng: &mut ChaCha12Rng) -> Address {
    Address::new_from_array(rng.random())
}

fn choose<T: Copy>(rng: &mut ChaCha12Rng, choices: &[(T, u32)]) -> T {
    let total: u32 = choices.iter().map(|(_, weight)| weight).sum();
    let mut drawn = rng.random_range(0..total);
    for (choice, weight) in choices {
        if drawn < *weight {
            return *choice;
        }
        drawn -= weight;
    }
    choices[0].0
}

/// A standard normal number (Box and Muller).
pub(crate) fn normal(rng: &mut ChaCha12Rng) -> f64 {
    let (radius, angle): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

/// The choices that are listed, by their reserves' indices.
fn listed(choices: &[(&str, u32)], assets: &[&Asset]) -> Vec<(usize, u32)> {
    let index = |symbol: &str| assets.iter().position(|asset| asset.symbol == symbol);
    choices.iter().filter_map(|(symbol, weight)| Some((index(symbol)?, *weight))).collect()
}

fn draw_trader(rng: &mut ChaCha12Rng, market: &MarketView, grid: &Grid) -> Trader {
    let (volatile, stables) = (listed(&LONG_ASSETS, &grid.assets), listed(&STABLES, &grid.assets));
    // The next one in the list after it, by a step that is never the whole round; itself if it is alone.
    let others = |chosen: usize, step: u32| {
        let at = volatile.iter().position(|(index, _)| *index == chosen).unwrap_or(0);
        volatile[(at + step as usize) % volatile.len()].0
    };
    let style = choose(rng, &STYLES);
    let class = choose(rng, &LEVERAGE.map(|(weight, low, high)| ((low, high), weight)));
    let (low, high) = if style == Style::Carry { CARRY_LEVERAGE } else { class };
    let (median, sigma, least, most) = COLLATERAL;
    let size = (median * (sigma * normal(rng)).exp()).clamp(least, most);
    let crypto = choose(rng, &volatile);
    let other = others(crypto, rng.random_range(1..volatile.len().max(2) as u32));
    let stable = choose(rng, &stables);
    let (collateral, debt) = match style {
        Style::Long if rng.random_range(0..100) < SECOND_ASSET.0 => {
            (vec![(crypto, size * (1.0 - SECOND_ASSET.1)), (other, size * SECOND_ASSET.1)], stable)
        }
        Style::Short => (vec![(stable, size)], crypto),
        Style::Pair if other != crypto => (vec![(crypto, size)], other),
        Style::Long | Style::Pair => (vec![(crypto, size)], stable),
        Style::Carry => (vec![(stable, size)], stables.iter().find(|of| of.0 != stable).map_or(crypto, |of| of.0)),
    };
    let owner = address(rng);
    let has_buffers = rng.random_range(0..100) < BUFFERS.0;
    let buffers = (rng.random::<f64>() * BUFFERS.1, rng.random::<f64>() * BUFFERS.2);
    let pegs_hold = stables.iter().all(|(index, _)| !grid.is_played[*index]);
    Trader {
        owner,
        margin: market.margin_account(&owner, 0),
        wallets: grid.assets.iter().map(|_| address(rng)).collect(),
        collateral,
        debt,
        usage: rng.random_range(low..high),
        is_exposed: style != Style::Carry || !pegs_hold,
        buffers: if has_buffers { buffers } else { (0.0, 0.0) },
    }
}

/// Draws everyone.
pub fn draw(rng: &mut ChaCha12Rng, market: &MarketView, grid: &Grid, traders: usize) -> Population {
    let traders = draw_traders(rng, market, grid, traders);
    let lenders = draw_lenders(rng, market, grid, &traders);
    Population { traders, lenders }
}

/// Draws the traders.
pub(crate) fn draw_traders(rng: &mut ChaCha12Rng, market: &MarketView, grid: &Grid, count: usize) -> Vec<Trader> {
    (0..count).map(|_| draw_trader(rng, market, grid)).collect()
}

/// Draws the lenders whom traders need.
pub(crate) fn draw_lenders(rng: &mut ChaCha12Rng, market: &MarketView, grid: &Grid, traders: &[Trader]) -> Vec<Lender> {
    let reserves = grid.assets.len();
    let (mut deposits, mut debts) = (vec![0.0; reserves], vec![0.0; reserves]);
    for trader in traders {
        let mut capacity = 0.0;
        for (reserve, usd) in &trader.collateral {
            deposits[*reserve] += usd;
            capacity += usd * grid.assets[*reserve].asset_weights.0 as f64;
        }
        debts[trader.debt] += capacity / grid.assets[trader.debt].liability_weights.0 as f64 * trader.usage;
    }
    let count = (traders.len() / TRADERS_PER_LENDER).max(reserves);
    let (mut weights, mut members) = (vec![0.0; reserves], vec![0.0; reserves]);
    let mut lenders: Vec<_> = (0..count)
        .map(|index| {
            let (owner, reserve, weight) = (address(rng), index % reserves, 0.2 + rng.random::<f64>());
            weights[reserve] += weight;
            members[reserve] += 1.0;
            Lender { owner, margin: market.margin_account(&owner, 0), wallet: address(rng), reserve, usd: weight }
        })
        .collect();
    for lender in &mut lenders {
        let reserve = lender.reserve;
        let symbol = grid.assets[reserve].symbol;
        let target = TARGET_UTILISATION.iter().find(|of| of.0 == symbol).map_or(1.0, |of| of.1);
        let needed = (debts[reserve] / target - deposits[reserve]).max(LEAST_LENT * members[reserve]);
        lender.usd *= needed / weights[reserve];
    }
    lenders
}

/// A lender who brings nothing yet.
pub(crate) fn lender(rng: &mut ChaCha12Rng, market: &MarketView, reserve: usize) -> Lender {
    let owner = address(rng);
    Lender { owner, margin: market.margin_account(&owner, 0), wallet: address(rng), reserve, usd: 0.0 }
}

impl Lender {
    /// Opens the account and lends.
    pub fn open(&self, world: &mut World, market: &MarketView) -> Result<()> {
        let amount = world.assets[self.reserve].atoms(self.usd / spot(market, self.reserve));
        let held = amount + (amount as f64 * LENDER_BUFFER) as u64;
        world.set_tokens(self.wallet, self.reserve, self.owner, held)?;
        world.open_account(market, self.owner)?;
        let deposit = market.deposit(self.owner, self.margin, self.wallet, self.reserve as u8, amount)?;
        world.run("deposit", deposit)
    }
}

impl Trader {
    /// Opens the account, deposits and borrows. What was borrowed is spent outside; the buffers remain.
    pub fn open(&self, world: &mut World, market: &MarketView) -> Result<()> {
        world.open_account(market, self.owner)?;
        for (reserve, usd) in &self.collateral {
            let amount = world.assets[*reserve].atoms(usd / spot(market, *reserve));
            let buffer = (amount as f64 * self.buffers.0) as u64;
            world.set_tokens(self.wallets[*reserve], *reserve, self.owner, amount + buffer)?;
            let deposit = market.deposit(self.owner, self.margin, self.wallets[*reserve], *reserve as u8, amount)?;
            world.run("deposit", deposit)?;
        }
        let account = world.margin_account(&self.margin)?;
        let market = &world.market()?;
        let capacity = market.health(&account, world.now, Requirement::Initial)?.collateral;
        // A policy that lets people borrow more than lenders brought leaves the last with what is there.
        let amount = self.borrowable(market, capacity.to_f64() * self.usage).min(market.reserves[self.debt].cash);
        world.set_tokens(self.wallets[self.debt], self.debt, self.owner, 0)?;
        let borrow = market.borrow(self.owner, self.margin, self.wallets[self.debt], self.debt as u8, amount)?;
        // Too small a debt is refused: such a trader only lends.
        if let Outcome::Done(_) = world.send("borrow", borrow)? {
            self.spend(world, self.debt, amount)?;
            let buffer = (amount as f64 * self.buffers.1) as u64;
            let held = world.tokens(&self.wallets[self.debt]);
            world.set_tokens(self.wallets[self.debt], self.debt, self.owner, held + buffer)?;
        }
        Ok(())
    }

    /// Atoms of debt whose weighted value at the initial reading is so many dollars.
    pub fn borrowable(&self, market: &MarketView, value: f64) -> u64 {
        let reserve = &market.reserves[self.debt];
        // The engine's own weighing of a probe, so that whatever a policy does to the weight is in it.
        let worth = weighted(reserve, PROBE, Side::Debt, Terms::Cross, Requirement::Initial).to_f64();
        if worth > 0.0 { (value / worth * PROBE as f64) as u64 } else { 0 }
    }

    /// Takes tokens out of the trader's wallet into the world outside.
    pub fn spend(&self, world: &mut World, reserve: usize, amount: u64) -> Result<()> {
        let held = world.tokens(&self.wallets[reserve]);
        ensure!(held >= amount, "a trader spends {amount} atoms of {} and has {held}", world.assets[reserve].symbol);
        world.set_tokens(self.wallets[reserve], reserve, self.owner, held - amount)
    }
}

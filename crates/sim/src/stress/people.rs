//! Who is in a market under stress, and where they stand when a run begins.
//!
//! The people are those of the replays ([`population`](crate::population)): the same styles, collateral and debts. What is added is how
//! they answer to danger, by a few numbers that can be calibrated ([`Response`]), one borrower far larger than the others, and a stake in
//! each reserve's insurance. Everyone takes position once; each run begins from a copy.

use anyhow::{Context, Result, anyhow, ensure};
use ballast_client::{
    Address,
    engine::{self, health::Requirement},
};
use rand::Rng;

use super::{Scenario, chain::Chain};
use crate::{
    chance::Chance,
    grid::Grid,
    oracle::Oracle,
    population::{Trader, draw_lenders, draw_traders, spot},
};

/// Share of what initial weights allow that the large borrower borrows.
const WHALE_USAGE: f64 = 0.9;

/// How people answer to danger: the five numbers that are calibrated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Response {
    /// Factor on everyone's wish to borrow.
    pub leverage: f64,
    /// Share of the borrowers who never act.
    pub never: f64,
    /// How often in an hour one of the others acts at the line of liquidation.
    pub attention: f64,
    /// Share of the lenders who run once something alarms them.
    pub runners: f64,
    /// How often in an hour an alarmed one of these leaves.
    pub flight: f64,
}

/// A borrower.
pub struct Borrower {
    /// Who it is, and what it has where.
    pub trader: Trader,
    /// Whether it never acts.
    pub sleeps: bool,
}

/// A lender.
#[derive(Clone, Copy, Debug)]
pub struct Depositor {
    /// The reserve that is lent to.
    pub reserve: usize,
    /// Whether it runs.
    pub runs: bool,
    /// Atoms that it has outside.
    pub outside: u64,
}

/// Everyone, in position. Borrowers have the first accounts, lenders the next, and the attacker the last.
pub struct Cast {
    /// The market.
    pub chain: Chain,
    /// What has been published.
    pub oracle: Oracle,
    /// Borrowers.
    pub borrowers: Vec<Borrower>,
    /// Lenders.
    pub lenders: Vec<Depositor>,
}

fn refused(what: &str) -> impl Fn(engine::Error) -> anyhow::Error {
    move |error| anyhow!("before the runs begin {what} is refused: {error}")
}

impl Cast {
    /// Draws everyone and lets them take position at the opening prices of a grid. With a journal all that is done from here on is kept.
    pub fn new(scenario: &Scenario, grid: &Grid, extremes: &[(f64, f64)], seed: u64, journal: bool) -> Result<Self> {
        let opening = grid.bars.first().context("no prices")?;
        let mut chance = Chance::new(seed);
        let rng = &mut chance.setting;
        let listed: Vec<_> = grid.assets.iter().zip(opening).map(|(asset, bar)| asset.listed_at(bar.open)).collect();
        let authority = Address::new_from_array(rng.random());
        let now = opening[0].time - 1;
        let mut chain = Chain::create(authority, &listed, scenario.policy, &scenario.phases, now)?;
        chain.journal = journal.then(Vec::new);
        let mut oracle = Oracle::new(extremes)?;
        chain.publish(&oracle.first(grid, now));

        let mut traders = draw_traders(rng, &chain.view, grid, scenario.traders);
        for trader in &mut traders {
            trader.usage = (trader.usage * scenario.response.leverage).min(0.99);
        }
        let dollar = grid.assets.iter().position(|asset| asset.is_stable).context("no dollar is listed")?;
        if scenario.whale > 0.0 {
            let pledged: f64 = traders.iter().flat_map(|trader| &trader.collateral).map(|(_, usd)| usd).sum();
            let whale = traders.first_mut().context("no borrower")?;
            (whale.collateral, whale.debt, whale.usage) = (vec![(0, pledged * scenario.whale)], dollar, WHALE_USAGE);
        }
        let lenders = draw_lenders(rng, &chain.view, grid, &traders);
        let owners = traders.iter().map(|trader| trader.owner).chain(lenders.iter().map(|lender| lender.owner));
        let attacker = Address::new_from_array(rng.random());
        for owner in owners.chain([attacker]) {
            chain.open(owner).map_err(refused("an account"))?;
        }

        // Lenders first: traders borrow what they bring.
        let mut depositors = Vec::new();
        for (index, lender) in lenders.iter().enumerate() {
            let amount = listed[lender.reserve].atoms(lender.usd / spot(&chain.view, lender.reserve));
            chain
                .deposit(traders.len() + index, lender.reserve as u8, amount)
                .map_err(refused("a lender's deposit"))?;
            let runs = rng.random::<f64>() < scenario.response.runners;
            depositors.push(Depositor { reserve: lender.reserve, runs, outside: amount / 2 });
        }
        let mut borrowers = Vec::new();
        for (index, trader) in traders.into_iter().enumerate() {
            take_position(&mut chain, index, &trader)?;
            borrowers.push(Borrower { trader, sleeps: rng.random::<f64>() < scenario.response.never });
        }
        for reserve in 0..chain.view.reserves.len() {
            let amount = (chain.view.reserves[reserve].deposits() as f64 * scenario.insurance) as u64;
            if amount > 0 {
                chain.stake(reserve as u8, amount).map_err(refused("a stake"))?;
            }
        }
        let owed = chain.accounts.iter().filter(|account| account.has_debt()).count();
        ensure!(owed > 0, "nobody borrows: with --leverage {} no debt is large enough", scenario.response.leverage);
        Ok(Self { chain, oracle, borrowers, lenders: depositors })
    }
}

/// Deposits and borrows, as [`Trader::open`] does.
fn take_position(chain: &mut Chain, index: usize, trader: &Trader) -> Result<()> {
    for (reserve, usd) in &trader.collateral {
        let unit = 10f64.powi(chain.view.reserves[*reserve].decimals.into());
        let amount = (usd / spot(&chain.view, *reserve) * unit) as u64;
        chain.deposit(index, *reserve as u8, amount).map_err(refused("a borrower's deposit"))?;
    }
    let capacity = chain.view.health(&chain.accounts[index], chain.now, Requirement::Initial);
    let capacity = capacity.map_err(refused("a look at an account"))?.collateral.to_f64();
    let cash = chain.view.reserves[trader.debt].cash;
    let amount = trader.borrowable(&chain.view, capacity * trader.usage).min(cash);
    // Too small a debt is refused: such a trader only lends.
    let _ = chain.borrow(index, trader.debt as u8, amount);
    Ok(())
}

//! A vault over three markets, on the bytecode, with lenders who run.
//!
//! The markets list the same assets, each with people of its own ([`crate::population`]), who borrow what a third of comes from the
//! vault. A keeper with no key of anyone makes the vault's moves and serves its queue. In a run ([`run`]) the markets' other
//! lenders take out what there is, and the vault's lenders leave by the measured curve.

mod lenders;
pub mod record;
pub mod run;
#[cfg(test)]
mod tests;
mod vault;

use anyhow::{Context, Result, ensure};
use ballast_client::{Address, MarketView};
use ballast_time::full_label;
use rand::Rng;
use rand_chacha::ChaCha12Rng;

use super::{
    audit::Entrusted,
    bars::Bar,
    chance::Chance,
    crowd::{Crowd, Keeper, Stage, confidences},
    grid::Grid,
    oracle::{Oracle, path},
    population::{self, Population},
    replay::{STEPS_IN_TURN, Setting},
    stats::Frame,
    venue::Venue,
};
use lenders::Lender;
use record::{VaultFrame, VaultRecord};
use run::Run;
use vault::Curator;

pub use lenders::LENDERS;
pub use vault::Rule;

/// The vault's token.
pub const TOKEN: &str = "USDC";
/// Markets that the vault lends to, and how many of a hundred traders are in each.
pub const MARKETS: [usize; 3] = [50, 30, 20];
/// The vault's part of what lenders bring of its token.
pub const PART: f64 = 1.0 / 3.0;
/// Seconds in which the vault takes over from whoever lent its part before. What is measured begins after them.
pub const SETTLING: i64 = 86_400;
/// The part of a market's deposits of the token that lenders bring, at least.
pub const LENT: f64 = 0.6;
/// Draws after which a market is taken as it is.
const DRAWS: usize = 200;
/// The point of a turn's walk at which the vault and its lenders act: one after the markets' people.
const POINT: usize = 1;

/// A vault of a rule and three markets.
struct Play {
    stage: Stage,
    crowds: Vec<Crowd>,
    vault: Address,
    keeper: lenders::Keeper,
    lenders: Vec<Lender>,
    run: Option<Run>,
    /// Index of the token's reserve in each market.
    reserve: usize,
    /// When the first bar begins.
    start: i64,
    record: VaultRecord,
}

/// Plays the grid through the program's bytecode, with a run from some time on or none. Calls `played` after each bar of prices.
pub fn play(
    bytecode: &[u8],
    grid: &Grid,
    setting: Setting,
    rule: Rule,
    run: Option<i64>,
    played: &dyn Fn(),
) -> Result<VaultRecord> {
    let mut play = Play::set_up(bytecode, grid, setting, rule, run)?;
    for bars in &grid.bars {
        play.bar(bars, grid.interval).with_context(|| format!("in the bar of {} UTC", full_label(bars[0].time)))?;
        played();
    }
    play.finish()
}

impl Play {
    /// Three markets with their people; a vault with its lenders' tokens, none of it lent.
    fn set_up(bytecode: &[u8], grid: &Grid, setting: Setting, rule: Rule, run: Option<i64>) -> Result<Self> {
        let reserve = grid.assets.iter().position(|asset| asset.symbol == TOKEN).context("the token is listed")?;
        let mut chance = Chance::new(setting.seed);
        let rng = &mut chance.setting;
        let mut oracle = Oracle::new(&grid.extremes())?;
        let mut world = Stage::world(bytecode, grid)?;
        let updates = oracle.first(grid, world.now);
        let (mut crowds, mut part) = (Vec::new(), 0);
        for percent in MARKETS {
            world.create_market(Address::new_from_array(rng.random()), setting.policy, &setting.phases)?;
            world.publish(&updates)?;
            let market = world.market()?;
            let traders = (setting.traders * percent / 100).max(1);
            let mut population = draw(rng, &market, grid, traders, reserve);
            let founder = add_founder(&mut population, reserve, population::lender(rng, &market, reserve));
            part += world.assets[reserve].atoms(founder / population::spot(&market, reserve));
            let mut crowd = Crowd::settle_in(&mut world, population)?;
            // It is the vault that takes over from it.
            crowd.away.insert(crowd.population.lenders.len() - 1);
            crowds.push(crowd);
        }
        let liquidator = Keeper::new(rng, &mut world, setting.absence)?;
        let markets: Vec<_> = crowds.iter().map(|crowd| crowd.market).collect();
        let curator = Curator { rule, token: world.assets[reserve] };
        let vault = world.create_vault(Address::new_from_array(rng.random()), reserve, curator.config(&markets))?;
        let keeper = lenders::Keeper::new(rng, &mut world, vault)?;
        let lenders = lenders::draw(rng, &mut world, vault, reserve, part)?;
        let (start, run) = (run, run.map(|start| Run::new(start, &crowds, reserve)));
        Ok(Self {
            stage: Stage { world, oracle, venue: Venue::refilling(&grid.assets), chance, keeper: liquidator },
            crowds,
            vault,
            keeper,
            lenders,
            run,
            reserve,
            start: grid.bars[0][0].time,
            record: VaultRecord::new(curator.token, start),
        })
    }

    /// One bar: its prices, each with its liquidations; everyone's turn every five minutes, and the vault's one price later; then the
    /// audit.
    fn bar(&mut self, bars: &[Bar], interval: i64) -> Result<()> {
        let time = bars[0].time;
        let mut frames = vec![Frame::new(time, bars.len()); self.crowds.len()];
        let paths: Vec<_> = bars.iter().map(|bar| path(bar, interval)).collect();
        let confidences = confidences(bars, interval);
        for (point, (offset, _)) in paths[0].iter().enumerate() {
            let exogenous: Vec<_> = paths.iter().map(|path| path[point].1).collect();
            self.stage.publish(&mut self.crowds, &exogenous, &confidences, time + offset)?;
            self.stage.liquidate(&mut self.crowds, &mut frames)?;
            if point > 0 && point % STEPS_IN_TURN == 0 {
                self.markets_act()?;
            } else if point % STEPS_IN_TURN == POINT {
                self.vault_acts()?;
            }
        }
        self.audit(frames)
    }

    /// Who lent before the vault, and who runs; then everyone else.
    fn markets_act(&mut self) -> Result<()> {
        let Self { stage, crowds, run, reserve, start, .. } = self;
        let mut turn = stage.chance.turn();
        let mut first = 0;
        for (index, crowd) in crowds.iter_mut().enumerate() {
            let left = (1.0 - (stage.world.now - *start) as f64 / SETTLING as f64).max(0.0);
            let founder = crowd.population.lenders.len() - 1;
            let lender = &crowd.population.lenders[founder];
            let brought = stage.world.assets[*reserve].atoms(lender.usd);
            run::withdraw_to(&mut stage.world, crowd.market, lender, (brought as f64 * left) as u64)?;
            if let Some(run) = run.as_mut().filter(|run| run.start <= stage.world.now) {
                run.markets_lenders_run(&mut stage.world, index, crowd)?;
            }
            crowd.act(&mut stage.world, &mut turn, first)?;
            first += crowd.len();
        }
        Ok(())
    }

    /// The keeper moves and serves, and lenders who want to leave do what they can.
    fn vault_acts(&mut self) -> Result<()> {
        let Self { stage, vault, keeper, lenders, run, record, .. } = self;
        let world = &mut stage.world;
        keeper.act(world, lenders, record)?;
        if let Some(run) = run {
            let since = world.now - run.start;
            for lender in lenders.iter_mut() {
                if let Some(wants) = lender.wants.filter(|wants| *wants <= since) {
                    lender.leave(world, vault, run.start + wants)?;
                }
            }
        }
        let view = world.vault(vault)?;
        record.frames.push(VaultFrame::new(&view, world.now));
        if let Some(run) = run {
            record.note_use(world.now - run.start);
        }
        Ok(())
    }

    /// The books of markets and vault.
    fn audit(&mut self, frames: Vec<Frame>) -> Result<()> {
        let Self { stage, crowds, vault, reserve, .. } = self;
        let view = stage.world.vault(vault)?;
        for (slot, (crowd, mut frame)) in crowds.iter_mut().zip(frames).enumerate() {
            let entrusted = Entrusted { reserve: *reserve, shares: view.vault.allocations[slot].shares };
            let market = crowd.audit(stage, &[], entrusted)?;
            frame.close(&stage.world.assets, &market);
            crowd.record.frames.push(frame);
        }
        vault::audit(&stage.world, &view, &self.lenders, &self.keeper)
    }

    /// Closes the record.
    fn finish(self) -> Result<VaultRecord> {
        let Self { mut stage, crowds, vault, lenders, mut record, .. } = self;
        let world = &mut stage.world;
        let view = world.vault(&vault)?;
        record.end = world.now;
        for lender in lenders {
            record.leavers.extend(lender.close(world, &view)?);
        }
        for crowd in crowds {
            record.markets.push(crowd.finish(world)?);
        }
        let counted = record.markets.iter().map(|market| market.events.1).sum::<u64>() + view.vault.events;
        ensure!(world.events == counted, "{} events in logs, markets and vault count {counted}", world.events);
        record.events = counted;
        (record.costs, record.refusals) = (stage.world.costs, stage.world.refusals);
        Ok(record)
    }
}

/// Draws the people of a market, again and again until its lenders bring most of the token: else traders' own collateral, which does
/// not run, would leave the market far from fully used.
fn draw(rng: &mut ChaCha12Rng, market: &MarketView, grid: &Grid, traders: usize, reserve: usize) -> Population {
    let mut population = population::draw(rng, market, grid, traders);
    for _ in 0..DRAWS {
        let lenders = population.lenders.iter().filter(|lender| lender.reserve == reserve);
        let lent: f64 = lenders.map(|lender| lender.usd).sum();
        let collateral = population.traders.iter().flat_map(|trader| &trader.collateral);
        let pledged: f64 = collateral.filter(|(of, _)| *of == reserve).map(|(_, usd)| usd).sum();
        if lent >= LENT * (lent + pledged) {
            break;
        }
        population = population::draw(rng, market, grid, traders);
    }
    population
}

/// Gives a part of what lenders bring of a token to one lender, the last, whom the vault follows. Returns what it is, USD.
fn add_founder(population: &mut Population, reserve: usize, mut founder: population::Lender) -> f64 {
    for lender in population.lenders.iter_mut().filter(|lender| lender.reserve == reserve) {
        founder.usd += lender.usd * PART;
        lender.usd *= 1.0 - PART;
    }
    let usd = founder.usd;
    population.lenders.push(founder);
    usd
}

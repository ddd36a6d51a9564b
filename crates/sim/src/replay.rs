//! The walk through the bars.

use std::slice;

use anyhow::{Context, Result, ensure};
use ballast_client::Address;
use rand::Rng;

use super::{
    assets::ASSETS,
    audit::Entrusted,
    bars::Bar,
    chance::Chance,
    crowd::{Crowd, Keeper, Stage, confidences},
    grid::Grid,
    oracle::{Oracle, path},
    policy::Policy,
    population,
    stats::{Frame, Record},
    venue::Venue,
};
use ballast_time::full_label;

/// Seconds after which a price that liquidations have moved is published again.
pub(crate) const RENEWAL: i64 = 10;
/// Everyone's turn comes after so many steps of the oracle's path.
pub(crate) const STEPS_IN_TURN: usize = 3;

struct Replay {
    stage: Stage,
    crowd: Crowd,
}

/// What a replay is made of, beside prices and bytecode.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// How risk is governed.
    pub policy: Policy,
    /// Margin accounts of traders.
    pub traders: usize,
    /// Seed of everything random.
    pub seed: u64,
    /// Seconds that the liquidator stays away after each visit.
    pub absence: i64,
    /// How liquidations are spread over time.
    pub phases: Phases,
}

/// Limits of liquidations; none where zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Phases {
    /// Most collateral that liquidations take of each asset in an hour, USD.
    pub hourly: [u32; ASSETS.len()],
    /// Equity, as a share of the debt, below which an account does not wait, basis points.
    pub near_insolvency: u16,
}

impl Setting {
    /// How often the liquidator comes, in a sentence.
    pub fn attendance(&self) -> String {
        match self.absence {
            0 => "The liquidator sees every price.".into(),
            seconds => format!("The liquidator stays away for {} minutes after each visit.", seconds / 60),
        }
    }
}

/// Plays the grid through the program's bytecode. Calls `played` after each bar of prices.
pub fn run(bytecode: &[u8], grid: &Grid, setting: Setting, venue: Venue, played: &dyn Fn()) -> Result<Record> {
    let mut replay = Replay::set_up(bytecode, grid, setting, venue)?;
    for bars in &grid.bars {
        let time = bars[0].time;
        let frame = replay.bar(bars, grid.interval);
        replay.crowd.record.frames.push(frame.with_context(|| format!("in the bar of {} UTC", full_label(time)))?);
        played();
    }
    replay.finish()
}

impl Replay {
    /// The market with its first prices, everyone's positions, the liquidator's wallets.
    fn set_up(bytecode: &[u8], grid: &Grid, setting: Setting, venue: Venue) -> Result<Self> {
        let mut chance = Chance::new(setting.seed);
        let rng = &mut chance.setting;
        let mut oracle = Oracle::new(&grid.extremes())?;
        let mut world = Stage::world(bytecode, grid)?;
        world.create_market(Address::new_from_array(rng.random()), setting.policy, &setting.phases)?;
        world.publish(&oracle.first(grid, world.now))?;
        let population = population::draw(rng, &world.market()?, grid, setting.traders);
        let crowd = Crowd::settle_in(&mut world, population)?;
        let keeper = Keeper::new(rng, &mut world, setting.absence)?;
        Ok(Self { stage: Stage { world, oracle, venue, chance, keeper }, crowd })
    }

    /// One bar: its prices, each with its liquidations, and everyone's turn every five minutes; then the audit.
    fn bar(&mut self, bars: &[Bar], interval: i64) -> Result<Frame> {
        let Self { stage, crowd } = self;
        let time = bars[0].time;
        let mut frame = Frame::new(time, bars.len());
        let paths: Vec<_> = bars.iter().map(|bar| path(bar, interval)).collect();
        let confidences = confidences(bars, interval);
        for (point, (offset, _)) in paths[0].iter().enumerate() {
            let exogenous: Vec<_> = paths.iter().map(|path| path[point].1).collect();
            let next = paths[0].get(point + 1).map_or(interval, |next| next.0);
            for since in (*offset..next).step_by(RENEWAL as usize) {
                stage.publish(slice::from_mut(crowd), &exogenous, &confidences, time + since)?;
                stage.liquidate(slice::from_mut(crowd), slice::from_mut(&mut frame))?;
                if !stage.venue.has_moved() {
                    break;
                }
            }
            // Three steps of at most 100 s, or the whole of a short bar.
            if point > 0 && point % STEPS_IN_TURN == 0 {
                crowd.act(&mut stage.world, &mut stage.chance.turn(), 0)?;
            }
        }
        let market = crowd.audit(stage, &[], Entrusted::NONE)?;
        frame.close(&stage.world.assets, &market);
        Ok(frame)
    }

    /// Closes the record.
    fn finish(mut self) -> Result<Record> {
        let mut record = self.crowd.finish(&mut self.stage.world)?;
        ensure!(
            record.events.0 == record.events.1,
            "{} events in logs, the market counts {}",
            record.events.0,
            record.events.1
        );
        (record.costs, record.refusals) = (self.stage.world.costs, self.stage.world.refusals);
        Ok(record)
    }
}

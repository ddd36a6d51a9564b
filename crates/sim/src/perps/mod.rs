//! Perps and the pool behind them, on the bytecode: a crowd that trades, owners who leave when they lose, and whoever keeps the market
//! in order.
//!
//! One market with borrowers and lenders of its own ([`crate::population`]), a perp of each asset that has prices, and one pool whose
//! deposit is lent to them. [`people`] says who trades, [`tally`] where the pool's gains come from, and [`informed`] what somebody makes
//! who sees the next seconds.

mod act;
pub mod bridge;
pub mod informed;
mod keep;
pub mod market;
pub mod people;
pub mod record;
pub mod tally;
pub mod terms;
#[cfg(test)]
mod tests;

use std::slice;

use anyhow::{Context, Result, ensure};
use ballast_client::{
    Event, Instruction, MarketView,
    engine::{
        number::units::{Part, Shares},
        perps::report::Greeks,
        state::perp::{
            book::{Standing, Width},
            side::Gain,
        },
    },
};
use ballast_time::full_label;
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;

use super::{
    audit::Entrusted,
    bars::Bar,
    chance::Chance,
    crowd::{Crowd, Keeper, Stage, confidences},
    grid::Grid,
    oracle::{LONGEST_STEP, Oracle},
    population,
    replay::Setting,
    stats::Frame,
    venue::Venue,
    world::Outcome,
};
use act::Arbitrageur;
use bridge::Clock;
use market::{Member, Place};
use people::{Draft, Owner, Trader};
use record::{PerpsFrame, PerpsRecord};
use tally::{Change, Tally};

/// What the pool begins with for each trader, USD.
pub const CAPITAL: f64 = 10_000.0;
/// Owners of the pool.
pub const OWNERS: usize = 20;
/// What the keeper and the arbitrageur have, of the pool.
const PURSE: f64 = 0.2;
/// Everyone's turn comes every so many seconds; those of traders of perps are spread over [`SHIFTS`] of the prices within.
const TURN: i64 = 300;
/// See [`TURN`].
const SHIFTS: usize = 3;
/// Part of the pool's first capital below which a share's value tells nothing.
const LEAST_POOL: f64 = 0.1;

/// A market, and everyone in it.
struct Play {
    stage: Stage,
    crowd: Crowd,
    place: Place,
    traders: Vec<Trader>,
    owners: Vec<Owner>,
    keeper: Member,
    arbitrageur: Arbitrageur,
    /// When the keeper settles losses next, unix seconds.
    next_settling: i64,
    /// What a share was worth at first, atoms with 32 fractional bits.
    first_share: f64,
    /// The random seconds of each asset.
    seconds: Vec<ChaCha12Rng>,
    record: PerpsRecord,
}

/// Plays the grid through the program's bytecode. Calls `played` after each bar of prices.
pub fn play(bytecode: &[u8], grid: &Grid, setting: Setting, played: &dyn Fn()) -> Result<PerpsRecord> {
    let mut play = Play::set_up(bytecode, grid, setting)?;
    for bars in &grid.bars {
        play.bar(bars, grid.interval).with_context(|| format!("in the bar of {} UTC", full_label(bars[0].time)))?;
        played();
    }
    play.finish()
}

impl Play {
    /// The market with borrowers and lenders, the pool with its owners, and traders with their margins.
    fn set_up(bytecode: &[u8], grid: &Grid, setting: Setting) -> Result<Self> {
        let mut chance = Chance::new(setting.seed);
        let rng = &mut chance.setting;
        let mut oracle = Oracle::new(&grid.extremes())?;
        let mut world = Stage::world(bytecode, grid)?;
        let usd = CAPITAL * setting.traders as f64;
        let place = market::set_up(rng, &mut world, grid, &mut oracle, setting.policy, usd)?;
        let population = population::draw(rng, &world.market()?, grid, setting.traders);
        let crowd = Crowd::settle_in(&mut world, population)?;
        let owners = act::owners(rng, &mut world, &place)?;
        let mut traders = Vec::new();
        for _ in 0..setting.traders {
            let draft = Draft::new(rng, &place);
            traders.push(act::join(rng, &mut world, &place, draft)?);
        }
        let purse = (place.capital as f64 * PURSE) as u64;
        let keeper = Member::join(rng, &mut world, &place, purse)?;
        let arbitrageur = Arbitrageur::new(Member::join(rng, &mut world, &place, purse)?, &place, &world)?;
        let liquidator = Keeper::new(rng, &mut world, setting.absence)?;
        let market = world.market()?;
        let mut tally = Tally::default();
        let value = tally::value(&place, &market, world.now)?;
        tally.sources.provided = value;
        let source = ChaCha12Rng::seed_from_u64(setting.seed);
        let seconds = (0..grid.assets.len()).map(|index| {
            let mut rng = source.clone();
            // Behind the streams of all turns.
            rng.set_stream(u64::MAX - index as u64);
            rng
        });
        let record = PerpsRecord {
            perps: place.perps.iter().map(|(reserve, _)| grid.assets[*reserve].symbol).collect(),
            people: (traders.len(), owners.len()),
            capital: place.usd(place.capital),
            unit: place.unit as f64,
            tally,
            ..PerpsRecord::default()
        };
        Ok(Self {
            next_settling: world.now,
            first_share: value as f64 / market.pool(place.pool)?.shares.0.max(1) as f64,
            seconds: seconds.collect(),
            stage: Stage { world, oracle, venue: Venue::refilling(&grid.assets), chance, keeper: liquidator },
            crowd,
            place,
            traders,
            owners,
            keeper,
            arbitrageur,
            record,
        })
    }

    /// One bar: its prices, each with its liquidations; everyone's turn every five minutes; then the audit.
    fn bar(&mut self, bars: &[Bar], interval: i64) -> Result<()> {
        let mut frame = Frame::new(bars[0].time, bars.len());
        let mut worst = PerpsFrame { time: bars[0].time, cover: f64::INFINITY, factor: 1.0, ..PerpsFrame::default() };
        let walk = |(bar, rng): (&Bar, &mut ChaCha12Rng)| bridge::seconds(bar, interval, Clock::Bursts, rng);
        let paths: Vec<Vec<f64>> = bars.iter().zip(&mut self.seconds).map(walk).collect();
        let walked = Walked { start: bars[0].time, confidences: confidences(bars, interval), paths };
        let points = walked.points(&self.place, interval as usize);
        for (index, second) in points.iter().enumerate() {
            self.point(&walked, *second, &mut frame, &mut worst)?;
            if *second % LONGEST_STEP as usize == 0 {
                self.turn(*second as i64)?;
            }
            let until = points.get(index + 1).copied().unwrap_or(interval as usize);
            if let Some(trip) = self.arbitrage(&walked, *second + 1, until)? {
                self.point(&walked, trip.second, &mut frame, &mut worst)?;
                self.trade_ahead(&trip)?;
            }
        }
        self.audit(frame, worst)
    }

    /// A second in which prices are published: whoever is unhealthy is liquidated, and the pool is relieved if it needs to be.
    fn point(&mut self, walked: &Walked, second: usize, frame: &mut Frame, worst: &mut PerpsFrame) -> Result<()> {
        let prices: Vec<f64> = walked.paths.iter().map(|path| path[second]).collect();
        let (from, time) = (self.stage.world.now, walked.start + second as i64);
        let before = self.stage.world.market()?;
        self.record.tally.time(&self.place, &before, from, time)?;
        self.stage.publish(slice::from_mut(&mut self.crowd), &prices, &walked.confidences, time)?;
        let after = self.stage.world.market()?;
        self.record.tally.prices(&self.place, &Change { before: &before, after: &after, now: time })?;
        self.lending(|play| play.stage.liquidate(slice::from_mut(&mut play.crowd), slice::from_mut(frame)))?;
        self.note(worst)?;
        self.liquidate()?;
        self.relieve()?;
        Ok(())
    }

    /// What happens beside the perps: of that the pool, which lends too, only feels what lenders lose.
    fn lending(&mut self, act: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let before = self.stage.world.market()?;
        act(self)?;
        let (after, now) = (self.stage.world.market()?, self.stage.world.now);
        self.record.tally.lending(&self.place, &Change { before: &before, after: &after, now })
    }

    /// Sends what acts on a perp or the pool, and counts what it did.
    fn send(&mut self, operation: &'static str, instruction: Instruction) -> Result<Option<Vec<Event>>> {
        let world = &mut self.stage.world;
        let before = world.market()?;
        let Outcome::Done(events) = world.send(operation, instruction)? else { return Ok(None) };
        let (after, now) = (world.market()?, world.now);
        let change = Change { before: &before, after: &after, now };
        self.record.tally.action(&self.place, &change, &events).context(operation)?;
        Ok(Some(events))
    }

    fn standing(&self, market: &MarketView) -> Result<Standing> {
        let pool = market.pool(self.place.pool)?;
        Ok(Standing::of(pool, &market.reserves, Width::Maintenance, self.stage.world.now)?)
    }

    /// How the pool stands at a price, before anyone does anything about it.
    fn note(&mut self, worst: &mut PerpsFrame) -> Result<()> {
        let market = self.stage.world.market()?;
        let standing = self.standing(&market)?;
        if standing.buffer != 0 {
            worst.cover = worst.cover.min(standing.low as f64 / standing.buffer as f64);
        }
        let factor = standing.profit_factor();
        if factor != Part::WHOLE {
            worst.factor = worst.factor.min(factor.0 as f64 / (1u64 << 32) as f64);
            self.record.cut += 1;
        }
        for (_, perp) in &self.place.perps {
            let record = market.perp(*perp)?;
            let largest = record.values(&record.sides, self.place.price(&market, *perp)?).into_iter().max();
            self.record.largest_side = self.record.largest_side.max(self.place.usd(largest.unwrap_or(0)));
        }
        Ok(())
    }

    /// The books of the market, and of the pool: all shares of the token's reserve are somebody's, and all that the pool gained has a
    /// source.
    fn audit(&mut self, mut frame: Frame, mut worst: PerpsFrame) -> Result<()> {
        let world = &self.stage.world;
        let market = world.market()?;
        let owners = self.owners.iter().map(|owner| owner.member);
        let mut members: Vec<_> = self.traders.iter().map(|trader| trader.member).chain(owners).collect();
        members.extend([self.keeper, self.arbitrageur.member]);
        let accounts: Vec<_> =
            members.iter().map(|member| world.margin_account(&member.margin)).collect::<Result<_>>()?;
        let entrusted = Entrusted { reserve: self.place.quote, shares: self.place.backing(&market)? };
        let pool = market.pool(self.place.pool)?;
        let staked: u64 = accounts.iter().filter_map(|account| account.stake()).map(|stake| stake.shares.0).sum();
        ensure!(Shares(staked) == pool.shares, "owners hold {staked} shares, the pool says {}", pool.shares.0);
        let value = tally::value(&self.place, &market, world.now)?;
        let sources = &self.record.tally.sources;
        let known = sources.gained() + sources.provided;
        ensure!(value == known, "the pool is worth {value}, what it gained and was given makes {known}");
        self.fill(&mut worst, &market, value)?;
        let market = self.crowd.audit(&mut self.stage, &accounts, entrusted)?;
        frame.close(&self.stage.world.assets, &market);
        self.crowd.record.frames.push(frame);
        self.record.frames.push(worst);
        Ok(())
    }

    /// The state of the pool for the record.
    fn fill(&self, frame: &mut PerpsFrame, market: &MarketView, value: Gain) -> Result<()> {
        let pool = market.pool(self.place.pool)?;
        let usd = |gain: Gain| gain as f64 / (self.place.unit as f64 * (1u64 << 32) as f64);
        let last = self.record.frames.last().map_or(1.0, |frame| frame.share);
        frame.value = usd(value);
        // The rest of a pool that nearly all have left is worth to a few shares whatever rounding and the low value left them.
        let is_left = frame.value < self.record.capital * LEAST_POOL || pool.shares == Shares::ZERO;
        frame.share = if is_left { last } else { value as f64 / pool.shares.0 as f64 / self.first_share };
        let mut delta = 0.0;
        for (_, perp) in &self.place.perps {
            let greeks = Greeks::new(&market.reserves, *perp, self.stage.world.now)?;
            frame.sides.0 += self.place.usd(greeks.longs);
            frame.sides.1 += self.place.usd(greeks.shorts);
            delta += greeks.delta as f64 / self.place.unit as f64;
            frame.rates.push(people::yearly(market.perp(*perp)?));
        }
        frame.delta = if frame.value > 0.0 { delta / frame.value } else { 0.0 };
        let sources = &self.record.tally.sources;
        frame.gained = (usd(sources.prices), usd(sources.gained() - sources.prices));
        frame.owners = self.owners.iter().filter(|owner| !owner.is_leaving).count();
        Ok(())
    }

    /// Closes the record.
    fn finish(self) -> Result<PerpsRecord> {
        let Self { mut stage, crowd, place, arbitrageur, mut record, .. } = self;
        let world = &mut stage.world;
        record.worth = record.frames.last().map_or(0.0, |frame| frame.value);
        record.arbitrage = (arbitrageur.gained(world, &place)?, arbitrageur.trips);
        record.market = crowd.finish(world)?;
        let counted = record.market.events.1;
        ensure!(world.events == counted, "{} events in logs, the market counts {counted}", world.events);
        record.events = counted;
        (record.costs, record.refusals) = (stage.world.costs, stage.world.refusals);
        Ok(record)
    }
}

/// The seconds of a bar.
struct Walked {
    /// Unix seconds of the first.
    start: i64,
    /// Confidence ÷ price of each asset.
    confidences: Vec<f64>,
    /// Prices of each asset.
    paths: Vec<Vec<f64>>,
}

impl Walked {
    /// The seconds in which prices are published anyway: every 100, the last, and those in which an asset with a perp is at its
    /// highest or lowest.
    fn points(&self, place: &Place, interval: usize) -> Vec<usize> {
        let mut points: Vec<_> = (0..interval).step_by(LONGEST_STEP as usize).chain([interval - 1]).collect();
        for (reserve, _) in &place.perps {
            let path = self.paths[*reserve].iter().enumerate();
            let by_price = |a: &(usize, &f64), b: &(usize, &f64)| a.1.total_cmp(b.1);
            points.extend([path.clone().max_by(by_price), path.min_by(by_price)].iter().flatten().map(|(at, _)| *at));
        }
        points.sort();
        points.dedup();
        points
    }
}

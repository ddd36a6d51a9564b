//! A trader who sees the prices of the next seconds, against the price that the chain has: does the fee keep the pool whole?
//!
//! In each trial he makes one trip. He waits for the best moment to open: of all seconds and all ages of the price that a trade takes,
//! the one at which the price that he sees is farthest from the one that he trades at, less the fee. It is chosen with hindsight, so
//! nobody who waits as long can do better. After the hold he waits as long for the best moment to close. Seconds come from
//! [`super::bridge`]. He trades through the engine, on a copy of a market that was set up by the bytecode, and [`Desk::check`] makes
//! some of the trips on the bytecode itself.

use anyhow::{Context, Result, ensure};
use ballast_client::{
    Event, MarketView,
    engine::{
        ledger::Ledger,
        number::units::Bps,
        perps::trade::{Fill, Order},
        price::feed::{PriceUpdate, Source},
        state::{
            account::MarginAccount,
            perp::{Perp, PerpConfig},
            reserve::Reserve,
        },
    },
    to_engine,
};
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;

use super::{
    bridge::{self, Clock},
    market::{self, Member, Place, closing, order},
    terms::INSTANT_FLOW,
};
use crate::{
    assets::price_account,
    bars::Bar,
    crowd::Stage,
    grid::Grid,
    oracle::{EMA_SECONDS, Oracle, confidence},
    policy::Policy,
    world::{Outcome, World},
};

/// Seconds that he sees ahead.
pub const AHEAD: [usize; 3] = [1, 3, 10];
/// Seconds for which he waits for the best moment to open, and again to close.
pub const PATIENCE: [usize; 3] = [60, 600, 3_600];
/// Ages of the price at which he opens: it may be no older.
const OPENING_AGES: [usize; 5] = [0, 1, 2, 3, 5];
/// Ages of the price at which he closes.
const CLOSING_AGES: [usize; 8] = [0, 1, 2, 3, 5, 10, 20, 40];
/// Seconds between samples of the volatility, and what the chain's clock is brought to between them.
const SAMPLE: usize = 60;
/// Trips of each asset that are made on the bytecode too.
const COMPARED: usize = 10;
/// A small trade, of what opens at once.
pub const LITTLE: f64 = 0.02;
/// Seconds between two trips, at least.
const SPACING: usize = 1_800;
/// Seconds after which the first trip begins: the volatility measured is that of the prices by then.
const WARM_UP: usize = 43_200;

/// What a perp charges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Standard deviations, [`PerpConfig::fee_deviations`].
    pub deviations: u16,
    /// Seconds, `fee_lag`.
    pub lag: u16,
}

impl Charge {
    /// The default, and what else is tried: the least fee alone, and dearer ones.
    pub const ALL: [Self; 6] = [
        Self { deviations: 30_000, lag: 1 },
        Self { deviations: 0, lag: 0 },
        Self { deviations: 30_000, lag: 3 },
        Self { deviations: 20_000, lag: 10 },
        Self { deviations: 30_000, lag: 10 },
        Self { deviations: 40_000, lag: 10 },
    ];

    /// For people.
    pub fn title(self) -> String {
        if self.deviations == 0 { "least fee alone".into() } else { format!("{} σ of {} s", self.deviations / 10_000, self.lag) }
    }
}

/// How he is tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trial {
    /// Seconds that he sees ahead.
    pub ahead: usize,
    /// Seconds for which he waits.
    pub patience: usize,
    /// Whether prices are published with a confidence, which traders pay.
    pub is_uncertain: bool,
    /// What the perp charges.
    pub charge: Charge,
    /// Of the most that opens at once, the part that he trades.
    pub size: f64,
}

impl Trial {
    /// All that are played: at the default charge each sight and patience, with a confidence and without, with all that opens at once
    /// and with little; at the others with a confidence and all.
    pub fn all() -> Vec<Self> {
        let mut trials = Vec::new();
        for ahead in AHEAD {
            for patience in PATIENCE {
                for (index, charge) in Charge::ALL.into_iter().enumerate() {
                    let trial = Self { ahead, patience, is_uncertain: true, charge, size: 1.0 };
                    trials.push(trial);
                    if index == 0 {
                        trials.push(Self { is_uncertain: false, ..trial });
                        trials.push(Self { size: LITTLE, ..trial });
                    }
                }
            }
        }
        trials
    }
}

/// One trip. Parts are of the value that he opened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trip {
    /// What he saw of the move when he opened, less the fee then.
    pub expected: f64,
    /// What he gained.
    pub gained: f64,
    /// What of that is luck: the move from the price that he saw when he opened to the one that he closed at. He knew nothing of it, so
    /// without it the mean is the same and much surer.
    pub luck: f64,
    /// What pool, fund and insurance gained.
    pub lost: f64,
    /// What he paid in fees.
    pub fees: f64,
    /// The value, atoms.
    pub value: u64,
}

impl Trip {
    /// What he gained but for luck.
    fn earned(&self) -> f64 {
        self.gained - self.luck
    }
}

/// What came of all trials on the prices of a window.
#[derive(Clone, Debug, Default)]
pub struct Informed {
    /// What was tried, and what came of it with each asset.
    pub results: Vec<(Trial, Vec<Trips>)>,
    /// Symbols of the assets.
    pub assets: Vec<&'static str>,
    /// Trades that the program filled as the engine did.
    pub compared: usize,
}

/// What came of a trial.
#[derive(Clone, Debug, Default)]
pub struct Trips {
    /// The trips.
    pub trips: Vec<Trip>,
    /// Those that the protocol refused.
    pub refused: u64,
}

/// Plays all trials on a grid. Calls `played` for each bar in the end.
pub fn play(bytecode: &[u8], grid: &Grid, seed: u64, clock: Clock, usd: f64, played: &dyn Fn()) -> Result<Informed> {
    let desk = Desk::new(bytecode, grid, Policy::Fixed, usd)?;
    let trials = Trial::all();
    let mut informed = Informed {
        results: trials.iter().map(|trial| (*trial, Vec::new())).collect(),
        ..Informed::default()
    };
    let assets = desk.assets();
    for reserve in &assets {
        let of_asset = desk.play(grid, *reserve, clock, seed, &trials)?;
        informed.results.iter_mut().zip(of_asset).for_each(|(of, trips)| of.1.push(trips));
        informed.assets.push(grid.assets[*reserve].symbol);
    }
    for reserve in assets {
        let desk = &mut Desk::new(bytecode, grid, Policy::Fixed, usd)?;
        informed.compared += desk.check(grid, reserve, seed, &trials[0], COMPARED)?;
    }
    grid.bars.iter().for_each(|_| played());
    Ok(informed)
}

impl Trips {
    /// All trips of several.
    pub fn joined<'a>(parts: impl Iterator<Item = &'a Self>) -> Self {
        let mut all = Self::default();
        for part in parts {
            all.trips.extend(&part.trips);
            all.refused += part.refused;
        }
        all
    }

    /// Mean of what he gained, and its standard error.
    pub fn gained(&self) -> (f64, f64) {
        mean(self.trips.iter().map(|trip| trip.gained))
    }

    /// The same without luck.
    pub fn mean(&self) -> (f64, f64) {
        mean(self.trips.iter().map(Trip::earned))
    }

    /// What he paid in fees, on average.
    pub fn fees(&self) -> f64 {
        mean(self.trips.iter().map(|trip| trip.fees)).0
    }

    /// The same of one who only makes the trips that promise most: how many of all, and the mean of their gains, where their sum is
    /// largest. Chosen with hindsight too; none if every choice loses.
    pub fn picked(&self) -> Option<(f64, f64)> {
        let mut trips: Vec<_> = self.trips.iter().collect();
        trips.sort_by(|a, b| b.expected.total_cmp(&a.expected));
        let mut sum = 0.0;
        let sums = trips.iter().enumerate().map(|(index, trip)| {
            sum += trip.earned();
            (index + 1, sum)
        });
        let (count, sum) = sums.max_by(|a, b| a.1.total_cmp(&b.1)).filter(|(_, sum)| *sum > 0.0)?;
        Some((count as f64 / trips.len() as f64, sum / count as f64))
    }
}

/// Mean and its standard error.
fn mean(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let values: Vec<f64> = values.collect();
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
    (mean, (variance / count).sqrt())
}

/// The seconds of an asset.
struct History {
    /// Unix seconds of the first.
    start: i64,
    prices: Vec<f64>,
    averages: Vec<f64>,
    /// Confidence ÷ price of each bar.
    confidences: Vec<f64>,
    /// Seconds of a bar.
    interval: usize,
    /// The reserve after each sample.
    samples: Vec<Reserve>,
}

/// When he trades, and what he sees then.
#[derive(Clone, Copy, Debug)]
struct Moment {
    /// Since the first second.
    second: usize,
    /// Of the price.
    age: usize,
    /// How far it is to the price that he sees, as a logarithm.
    seen: f64,
}

/// The moments of a stretch at which the price that he sees is farthest above, and below, one of some age.
type Extremes = Vec<(Moment, Moment)>;

impl History {
    fn extremes(&self, from: usize, to: usize, ahead: usize, ages: &[usize]) -> Extremes {
        let of_age = |age: &usize| {
            let at = |second: usize| self.prices[second + ahead] / self.prices[second - age];
            let (mut high, mut low) = ((from, at(from)), (from, at(from)));
            for second in from + 1..to {
                let ratio = at(second);
                if ratio > high.1 {
                    high = (second, ratio);
                }
                if ratio < low.1 {
                    low = (second, ratio);
                }
            }
            let moment = |(second, ratio): (usize, f64)| Moment { second, age: *age, seen: ratio.ln() };
            (moment(high), moment(low))
        };
        ages.iter().map(of_age).collect()
    }

    fn confidence(&self, second: usize) -> f64 {
        self.confidences[(second / self.interval).min(self.confidences.len() - 1)]
    }
}

/// The best of some moments to buy, or to sell, and what it promises once the fee of its age is paid.
fn best(extremes: &Extremes, is_buy: bool, fee: impl Fn(usize) -> f64) -> Option<(Moment, f64)> {
    let each = extremes.iter().map(|(above, below)| if is_buy { (above, above.seen) } else { (below, -below.seen) });
    let each = each.map(|(moment, seen)| (*moment, seen - fee(moment.age)));
    each.max_by(|a, b| a.1.total_cmp(&b.1))
}

/// A market that he trades in, as it was when it was set up.
pub struct Desk {
    world: World,
    oracle: Oracle,
    place: Place,
    trader: Member,
    view: MarketView,
    account: MarginAccount,
    start: i64,
}

impl Desk {
    /// A market of a grid's assets, with a pool of so many USD that nobody else trades with.
    pub fn new(bytecode: &[u8], grid: &Grid, policy: Policy, usd: f64) -> Result<Self> {
        let mut rng = ChaCha12Rng::seed_from_u64(0);
        let mut oracle = Oracle::new(&grid.extremes())?;
        let mut world = Stage::world(bytecode, grid)?;
        let place = market::set_up(&mut rng, &mut world, grid, &mut oracle, policy, usd)?;
        let owner = Member::join(&mut rng, &mut world, &place, place.capital)?;
        owner.provide(&mut world, &place, place.capital)?;
        let trader = Member::join(&mut rng, &mut world, &place, place.capital)?;
        let (view, account) = (world.market()?, world.margin_account(&trader.margin)?);
        Ok(Self { world, oracle, place, trader, view, account, start: grid.bars[0][0].time })
    }

    /// The reserve that each perp follows.
    pub fn assets(&self) -> Vec<usize> {
        self.place.perps.iter().map(|(reserve, _)| *reserve).collect()
    }

    /// The seconds of an asset, and what the chain measures of them.
    fn history(&self, grid: &Grid, reserve: usize, clock: Clock, seed: u64) -> Result<History> {
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        rng.set_stream(1 + reserve as u64);
        let bars: Vec<Bar> = grid.bars.iter().map(|bars| bars[reserve]).collect();
        let is_whole = bars.windows(2).all(|pair| pair[1].time - pair[0].time == grid.interval);
        ensure!(is_whole, "the bars have holes");
        let prices: Vec<f64> =
            bars.iter().flat_map(|bar| bridge::seconds(bar, grid.interval, clock, &mut rng)).collect();
        let weight = 1.0 - (-1.0 / EMA_SECONDS).exp();
        let mut average = prices[0];
        let averages = prices.iter().map(|price| {
            average += weight * (price - average);
            average
        });
        let averages: Vec<f64> = averages.collect();
        let confidences = bars.iter().map(|bar| confidence(bar, grid.interval)).collect();
        let interval = grid.interval as usize;
        let mut history = History { start: self.start, prices, averages, confidences, interval, samples: Vec::new() };
        let mut view = self.view.clone();
        for second in (0..history.prices.len()).step_by(SAMPLE) {
            let update = self.update(&history, reserve, second, true);
            let now = history.start + second as i64;
            publish(&mut view.ledger(now), reserve, update)?;
            history.samples.push(view.reserves[reserve]);
        }
        Ok(history)
    }

    fn update(&self, history: &History, reserve: usize, second: usize, is_uncertain: bool) -> PriceUpdate {
        let confidence = if is_uncertain { history.confidence(second) } else { 0.0 };
        let (price, average, time) = (history.prices[second], history.averages[second], history.start + second as i64);
        self.oracle.update(reserve, price, confidence, average, time)
    }

    /// Brings a copy of the market to a moment: the price of the age, and what was measured before it.
    fn bring(&self, view: &mut MarketView, history: &History, reserve: usize, moment: Moment, is_uncertain: bool) -> Result<i64> {
        let published = moment.second - moment.age;
        let now = history.start + moment.second as i64;
        view.reserves[reserve] = history.samples[(published - 1) / SAMPLE];
        let mut ledger = view.ledger(now);
        publish(&mut ledger, reserve, self.update(history, reserve, published, is_uncertain))?;
        let time = history.start + published as i64;
        publish(&mut ledger, self.place.quote, self.oracle.update(self.place.quote, 1.0, 0.0, 1.0, time))?;
        Ok(now)
    }
}

impl Desk {
    /// What comes of some trials on the seconds of an asset.
    pub fn play(&self, grid: &Grid, reserve: usize, clock: Clock, seed: u64, trials: &[Trial]) -> Result<Vec<Trips>> {
        let history = self.history(grid, reserve, clock, seed)?;
        let mut results = vec![Trips::default(); trials.len()];
        for ahead in AHEAD {
            for patience in PATIENCE {
                let alike = |trial: &Trial| (trial.ahead, trial.patience) == (ahead, patience);
                if !trials.iter().any(alike) {
                    continue;
                }
                for stretches in self.stretches(&history, reserve, ahead, patience)? {
                    for (trial, result) in trials.iter().zip(&mut results).filter(|(trial, _)| alike(trial)) {
                        let Some(trip) = self.plan(&history, reserve, trial, &stretches)? else { continue };
                        match self.run(&history, reserve, trial, &trip)? {
                            Some(trip) => result.trips.push(trip),
                            None => result.refused += 1,
                        }
                    }
                }
            }
        }
        Ok(results)
    }

    /// The stretches in which he opens and closes, one after another.
    fn stretches(&self, history: &History, reserve: usize, ahead: usize, patience: usize) -> Result<Vec<Stretches>> {
        let hold = self.view.perp(self.perp(reserve)?)?.config.hold as usize;
        let oldest = CLOSING_AGES.iter().max().copied().unwrap_or(0);
        // The price that he closes at is published after he opened.
        let wait = patience + hold + oldest;
        let length = wait + patience + ahead;
        let begin = WARM_UP.min(history.prices.len() / 2).max(SAMPLE + 1);
        let last = history.prices.len().saturating_sub(length);
        let starts = (begin..last).step_by(SPACING.max(length));
        let stretch = |from: usize| Stretches {
            begin: from,
            opening: history.extremes(from, from + patience, ahead, &OPENING_AGES),
            closing: history.extremes(from + wait, from + wait + patience, ahead, &CLOSING_AGES),
        };
        Ok(starts.map(stretch).collect())
    }

    fn perp(&self, reserve: usize) -> Result<u8> {
        let found = self.place.perps.iter().find(|(of, _)| *of == reserve);
        found.map(|(_, perp)| *perp).context("the asset has no perp")
    }

    /// The best moments of a trip, by the fee as it is when the first stretch begins.
    fn plan(&self, history: &History, reserve: usize, trial: &Trial, stretches: &Stretches) -> Result<Option<Plan>> {
        let config = trial.charge.of(self.view.perp(self.perp(reserve)?)?.config);
        let annual = history.samples[(stretches.begin - 1) / SAMPLE].risk.volatility.annual;
        let fee = |age: usize| config.fee_at(age as u64, annual) as f64 / (1u64 << 32) as f64;
        let openings = [true, false].map(|is_buy| Some((is_buy, best(&stretches.opening, is_buy, fee)?)));
        let opening = openings.into_iter().flatten().max_by(|a, b| a.1.1.total_cmp(&b.1.1));
        let Some((is_long, (opening, expected))) = opening else { return Ok(None) };
        let Some((closing, _)) = best(&stretches.closing, !is_long, fee) else { return Ok(None) };
        Ok(Some(Plan { is_long, opening, closing, expected }))
    }

    /// Makes a trip on a copy of the market. None where the protocol refuses it.
    fn run(&self, history: &History, reserve: usize, trial: &Trial, plan: &Plan) -> Result<Option<Trip>> {
        let (mut view, mut account, place) = (self.view.clone(), self.account, &self.place);
        let perp = self.perp(reserve)?;
        let record = Perp::of_mut(&mut view.reserves, perp)?;
        record.config = trial.charge.of(record.config);
        let holdings = |view: &MarketView, account: &MarginAccount, now: i64| -> Result<[i64; 2]> {
            let shares = [place.deposit(account), place.backing(view)?];
            Ok(shares.map(|shares| place.atoms(view, shares, now) as i64))
        };
        let before = holdings(&view, &account, self.start)?;
        let now = self.bring(&mut view, history, reserve, plan.opening, trial.is_uncertain)?;
        let open = self.opening(&view, perp, trial, plan)?;
        let Ok(opened) = view.ledger(now).trade(&mut account, &open) else { return Ok(None) };
        let value = view.perp(perp)?.sides[!plan.is_long as usize].notional(opened.opened, opened.price);
        let now = self.bring(&mut view, history, reserve, plan.closing, trial.is_uncertain)?;
        let closed = view.ledger(now).trade(&mut account, &closing(perp, !plan.is_long))?;
        let after = holdings(&view, &account, now)?;
        let sums = [before, after].map(|[his, backing]| his + backing);
        ensure!(sums[0] == sums[1], "what he and the pool have together was {} and is {} atoms", sums[0], sums[1]);
        let part = |atoms: i64| atoms as f64 / value as f64;
        let seen = history.prices[plan.opening.second + trial.ahead];
        let published = history.prices[plan.opening.second - plan.opening.age];
        let luck = (history.prices[plan.closing.second - plan.closing.age] - seen) / published;
        Ok(Some(Trip {
            expected: plan.expected,
            gained: part(after[0] - before[0]),
            luck: if plan.is_long { luck } else { -luck },
            lost: part(after[1] - before[1]),
            fees: part((opened.bill.fee + closed.bill.fee) as i64),
            value,
        }))
    }

    /// The order that opens.
    fn opening(&self, view: &MarketView, perp: u8, trial: &Trial, plan: &Plan) -> Result<Order> {
        let atoms = self.place.capital as f64 * INSTANT_FLOW * trial.size;
        let lots = self.place.lots(view, perp, atoms as u64)?;
        Ok(order(perp, if plan.is_long { lots } else { -lots }, false))
    }

    /// Makes up to so many trips of a trial at the default charge by the bytecode, and compares with the engine what each trade
    /// moves. Returns how many trades were the same.
    pub fn check(&mut self, grid: &Grid, reserve: usize, seed: u64, trial: &Trial, count: usize) -> Result<usize> {
        let history = self.history(grid, reserve, Clock::Bursts, seed)?;
        let perp = self.perp(reserve)?;
        let mut same = 0;
        for stretches in self.stretches(&history, reserve, trial.ahead, trial.patience)?.iter().take(count) {
            let Some(plan) = self.plan(&history, reserve, trial, stretches)? else { continue };
            self.publish(grid, &history, reserve, plan.opening, trial.is_uncertain)?;
            let open = self.opening(&self.world.market()?, perp, trial, &plan)?;
            if self.trade_on_both(&open)? {
                self.publish(grid, &history, reserve, plan.closing, trial.is_uncertain)?;
                ensure!(self.trade_on_both(&closing(perp, !plan.is_long))?, "a position could not be closed");
                same += 2;
            }
        }
        Ok(same)
    }

    /// Publishes a moment's price to the chain, and goes on to when it has its age.
    fn publish(&mut self, grid: &Grid, history: &History, reserve: usize, moment: Moment, is_uncertain: bool) -> Result<()> {
        let published = moment.second - moment.age;
        let time = history.start + published as i64;
        let other = |index: usize| {
            let price = grid.bars[0][index].open;
            self.oracle.update(index, price, 0.0, price, time)
        };
        let updates = (0..grid.assets.len()).map(|index| {
            if index == reserve { self.update(history, reserve, published, is_uncertain) } else { other(index) }
        });
        let updates: Vec<_> = updates.collect();
        self.world.set_time(time);
        self.world.publish(&updates)?;
        self.world.set_time(history.start + moment.second as i64);
        Ok(())
    }

    /// Sends an order, and requires what the engine says of it. Returns whether it was filled.
    fn trade_on_both(&mut self, order: &Order) -> Result<bool> {
        let (mut view, mut account) = (self.world.market()?, self.world.margin_account(&self.trader.margin)?);
        let instruction = view.trade_perp(self.trader.owner, self.trader.margin, order)?;
        let computed = view.ledger(self.world.now).trade(&mut account, order);
        let events = match self.world.send("trade perp", instruction)? {
            Outcome::Done(events) => events,
            Outcome::Refused(error) => {
                ensure!(computed == Err(error), "the program refuses a trade by {error:?}, the engine says {computed:?}");
                return Ok(false);
            }
        };
        let fill: Fill = computed.context("the program filled a trade that the engine refuses")?;
        let traded = events.iter().find_map(|event| match event {
            Event::PerpTraded(traded) => Some(traded),
            _ => None,
        });
        let traded = traded.context("a trade is filled and no event says so")?;
        let amounts = (traded.opened, traded.closed, traded.price, traded.paid_in, traded.paid_out, traded.fee);
        let expected =
            (fill.opened, fill.closed, fill.price, fill.receipt.paid_in, fill.receipt.paid_out, fill.bill.fee);
        ensure!(amounts == expected, "the program says {amounts:?}, the engine {expected:?}");
        let (after, records) = (self.world.market()?, [self.place.pool, order.perp]);
        ensure!(self.world.margin_account(&self.trader.margin)?.positions == account.positions, "the accounts differ");
        let is_same = |record: u8| after.reserves[record as usize] == view.reserves[record as usize];
        ensure!(records.into_iter().all(is_same), "the records differ after a trade");
        Ok(true)
    }
}

/// Where he may open and close.
struct Stretches {
    /// The first second of the first.
    begin: usize,
    opening: Extremes,
    closing: Extremes,
}

/// A trip.
struct Plan {
    is_long: bool,
    opening: Moment,
    closing: Moment,
    expected: f64,
}

impl Charge {
    /// The parameters with this charge.
    fn of(self, config: PerpConfig) -> PerpConfig {
        PerpConfig { fee_deviations: Bps(self.deviations), fee_lag: self.lag, ..config }
    }
}

/// Takes a price over on a copy of a market.
fn publish(ledger: &mut Ledger<'_>, reserve: usize, update: PriceUpdate) -> Result<()> {
    let source = Source { address: to_engine(&price_account(reserve)), update };
    ledger.refresh_price(reserve as u8, &source, None)?;
    Ok(())
}

//! The market that he trades in.

use anyhow::{Context, Result, ensure};
use ballast_client::{
    Event, MarketView,
    engine::{
        ledger::Ledger,
        perps::trade::{Fill, Order},
        price::feed::{PriceUpdate, Source},
        state::{account::MarginAccount, perp::Perp},
    },
    to_engine,
};
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;

use super::{
    Habit, Trial, Trip, Trips,
    history::{History, Moment, Plan, SAMPLE},
};
use crate::{
    assets::price_account,
    bars::Bar,
    crowd::Stage,
    grid::Grid,
    oracle::{EMA_SECONDS, Oracle, confidence},
    perps::{
        bridge::{self, Clock},
        market::{self, Member, Place, closing, order},
        terms::INSTANT_FLOW,
    },
    policy::Policy,
    world::{Outcome, World},
};

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

    /// What the pool has, atoms.
    pub fn capital(&self) -> u64 {
        self.place.capital
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
    fn bring(
        &self,
        view: &mut MarketView,
        history: &History,
        reserve: usize,
        moment: Moment,
        is_uncertain: bool,
    ) -> Result<i64> {
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
        let seconds = history.prices.len() as u64;
        let mut results = vec![Trips { seconds, ..Trips::default() }; trials.len()];
        for (trial, result) in trials.iter().zip(&mut results) {
            let config = trial.charge.of(self.view.perp(self.perp(reserve)?)?.config);
            let look = trial.look(&config);
            match trial.habit {
                Habit::Must(patience) => {
                    for start in history.starts(trial.ahead, patience, config.hold as usize) {
                        if let Some(plan) = history.best(start, patience, look) {
                            self.run(&history, reserve, trial, &plan, result)?;
                        }
                    }
                }
                Habit::May => {
                    let mut from = 0;
                    while let Some(plan) = history.next(from, look) {
                        let is_made = self.run(&history, reserve, trial, &plan, result)?;
                        from = if is_made { plan.closing.second } else { plan.opening.second + SAMPLE } + 1;
                    }
                }
            }
        }
        Ok(results)
    }

    fn perp(&self, reserve: usize) -> Result<u8> {
        let found = self.place.perps.iter().find(|(of, _)| *of == reserve);
        found.map(|(_, perp)| *perp).context("the asset has no perp")
    }

    /// Makes a trip on a copy of the market, and adds it to others. Returns whether the protocol allowed it.
    fn run(&self, history: &History, reserve: usize, trial: &Trial, plan: &Plan, result: &mut Trips) -> Result<bool> {
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
        let Ok(opened) = view.ledger(now).trade(&mut account, &open) else {
            result.refused += 1;
            return Ok(false);
        };
        let value = view.perp(perp)?.sides[!plan.is_long as usize].notional(opened.opened, opened.price);
        let now = self.bring(&mut view, history, reserve, plan.closing, trial.is_uncertain)?;
        let closed = view.ledger(now).trade(&mut account, &closing(perp, !plan.is_long))?;
        let after = holdings(&view, &account, now)?;
        let sums = [before, after].map(|[his, backing]| his + backing);
        ensure!(sums[0] == sums[1], "what he and the pool have together was {} and is {} atoms", sums[0], sums[1]);
        let part = |atoms: i64| atoms as f64 / value as f64;
        let seen = |moment: Moment| history.prices[moment.second + trial.ahead];
        let luck = (seen(plan.closing) - seen(plan.opening)) / history.prices[plan.opening.second - plan.opening.age];
        result.trips.push(Trip {
            gained: part(after[0] - before[0]),
            luck: if plan.is_long { luck } else { -luck },
            lost: part(after[1] - before[1]),
            fees: part((opened.bill.fee + closed.bill.fee) as i64),
            value,
        });
        Ok(true)
    }

    /// The order that opens.
    fn opening(&self, view: &MarketView, perp: u8, trial: &Trial, plan: &Plan) -> Result<Order> {
        let atoms = self.place.capital as f64 * INSTANT_FLOW * trial.size;
        let lots = self.place.lots(view, perp, atoms as u64)?;
        Ok(order(perp, if plan.is_long { lots } else { -lots }, false))
    }

    /// Makes up to so many trips of a trial at the default charge by the bytecode, as one who may, and compares with the
    /// engine what each trade moves. Returns how many trades were the same.
    pub fn check(&mut self, grid: &Grid, reserve: usize, seed: u64, trial: &Trial, count: usize) -> Result<usize> {
        let history = self.history(grid, reserve, Clock::Bursts, seed)?;
        let perp = self.perp(reserve)?;
        let mut same = 0;
        let config = self.view.perp(perp)?.config;
        let mut from = 0;
        for _ in 0..count {
            let Some(plan) = history.next(from, trial.look(&config)) else { break };
            from = plan.closing.second + SAMPLE;
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
    fn publish(
        &mut self,
        grid: &Grid,
        history: &History,
        reserve: usize,
        moment: Moment,
        is_uncertain: bool,
    ) -> Result<()> {
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
                ensure!(
                    computed == Err(error),
                    "the program refuses a trade by {error:?}, the engine says {computed:?}"
                );
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

/// Takes a price over on a copy of a market.
fn publish(ledger: &mut Ledger<'_>, reserve: usize, update: PriceUpdate) -> Result<()> {
    let source = Source { address: to_engine(&price_account(reserve)), update };
    ledger.refresh_price(reserve as u8, &source, None)?;
    Ok(())
}

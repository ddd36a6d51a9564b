//! One run: a day's prices, and everyone's answer to them.
//!
//! Prices are walked as in a replay. At each of them a round is played: market makers set their books, what bots have left is sold, the
//! oracle publishes what has arrived, and whoever is unhealthy is liquidated by whoever gets there. While that moves prices or someone is
//! on the way, there is another round every ten seconds. Every five minutes borrowers, lenders and the attacker have their turn.

use std::collections::VecDeque;

use anyhow::{Result, anyhow};
use ballast_client::engine::{
    health::{
        Health,
        account::{equity, maintenance_and_equity},
    },
    state::account::MarginAccount,
};
use ballast_liquidator::{is_bad_debt, value};
use rand::Rng;
use rand_chacha::ChaCha12Rng;

use super::{
    Scenario,
    attacker::Attacker,
    bots::Bots,
    chain::Chain,
    feed::Feed,
    makers::Makers,
    outcome::{Figure, Outcome},
    people::{Cast, Depositor},
    watch::Watch,
};
use crate::{
    assets::Asset,
    bars::Bar,
    chance::Chance,
    crowd::confidences,
    grid::Grid,
    oracle::path,
    population::spot,
    replay::{RENEWAL, STEPS_IN_TURN},
    venue::Venue,
};

/// Most orders against one account in a round.
const ORDERS: usize = 8;
/// Basis points of a year's volatility in one.
const BPS: f64 = 1e4;
/// Seconds of an hour and of a minute.
const HOUR: f64 = 3_600.0;
const MINUTE: f64 = 60.0;
/// A reserve that is lent out to this share is fully lent.
const FULL: f64 = 0.999;

/// A run under way.
pub(super) struct Day<'a> {
    pub scenario: &'a Scenario,
    pub cast: &'a Cast,
    pub assets: Vec<Asset>,
    pub chain: Chain,
    pub lenders: Vec<Depositor>,
    pub watch: Watch,
    /// What lenders want out and have not got, USD; by lender.
    pub waiting: Vec<f64>,
    /// What lenders took out and brought back, USD.
    pub taken: f64,
    /// The same after each turn of the last hour.
    pub history: VecDeque<f64>,
    /// What they had lent when the run began, USD.
    pub lent_at_first: f64,
    pub outcome: Outcome,
    feed: Feed,
    venue: Venue,
    makers: Makers,
    bots: Bots,
    attacker: Option<Attacker>,
    chance: Chance,
    landing: ChaCha12Rng,
    /// Since when each borrower is unhealthy; none of the healthy.
    since: Vec<Option<i64>>,
    unhealthy: Vec<usize>,
    under_water: usize,
    liquidated: Vec<bool>,
    /// The hour of the clock, and its liquidations.
    hour: (i64, f64),
    /// Whether the engine looks at everyone.
    thorough: bool,
}

/// Plays a grid, whose opening is the cast's, with a seed. Returns the figures, and the market at the end.
pub fn play(scenario: &Scenario, cast: &Cast, grid: &Grid, seed: u64) -> Result<(Outcome, Chain)> {
    Day::begin(scenario, cast, grid, seed).finish(grid)
}

/// The same with the engine's look at everyone at every price, which the proof compares with.
pub(super) fn play_thoroughly(scenario: &Scenario, cast: &Cast, grid: &Grid, seed: u64) -> Result<(Outcome, Chain)> {
    let mut day = Day::begin(scenario, cast, grid, seed);
    day.thorough = true;
    day.finish(grid)
}

/// The seconds of an outage that begins with the bar in which an asset falls deepest from its open.
fn outage(grid: &Grid, seconds: i64) -> (i64, i64) {
    let depth = |bars: &[Bar]| bars.iter().map(|bar| 1.0 - bar.low / bar.open).fold(0.0, f64::max);
    let steepest = grid.bars.iter().max_by(|one, other| depth(one).total_cmp(&depth(other)));
    let from = steepest.map_or(0, |bars| bars[0].time);
    (from, from + seconds)
}

impl<'a> Day<'a> {
    fn begin(scenario: &'a Scenario, cast: &'a Cast, grid: &Grid, seed: u64) -> Self {
        let opening = &grid.bars[0];
        let assets: Vec<_> = grid.assets.iter().zip(opening).map(|(asset, bar)| asset.listed_at(bar.open)).collect();
        let (chain, start) = (cast.chain.clone(), opening[0].time);
        let mut chance = Chance::new(seed);
        let landing = chance.setting.clone();
        let span = grid.bars.len() as i64 * grid.interval;
        let attack_at = start + (span as f64 * chance.audit.random::<f64>()) as i64;
        let opens: Vec<_> = opening.iter().map(|bar| bar.open).collect();
        let usual = assets.iter().map(|asset| asset.usual_volatility as f64 / BPS).collect();
        let mut outcome = Outcome::default();
        outcome[Figure::Debts] = debts(&chain, &assets);
        let borrowers = cast.borrowers.len();
        let mut day = Self {
            scenario,
            cast,
            lenders: cast.lenders.clone(),
            watch: Watch::default(),
            waiting: vec![0.0; cast.lenders.len()],
            taken: 0.0,
            history: VecDeque::new(),
            lent_at_first: 0.0,
            outcome,
            feed: Feed::new(cast.oracle.clone(), scenario.delay, outage(grid, scenario.outage)),
            venue: Venue::new(&scenario.depths, scenario.half_life),
            makers: Makers::new(usual, scenario.floor, opens, chain.now),
            bots: Bots::new(&scenario.bots, &assets),
            attacker: Attacker::new(attack_at, scenario.attack),
            chance,
            landing,
            since: vec![None; borrowers],
            unhealthy: Vec::new(),
            under_water: 0,
            liquidated: vec![false; borrowers],
            hour: (0, 0.0),
            thorough: false,
            assets,
            chain,
        };
        day.watch.weigh(&day.chain);
        day.lent_at_first = day.lent();
        day
    }

    fn finish(mut self, grid: &Grid) -> Result<(Outcome, Chain)> {
        for bars in &grid.bars {
            self.bar(bars, grid.interval);
        }
        let mut outcome = self.outcome;
        let bars = grid.bars.len() as f64;
        outcome[Figure::Locked] /= bars;
        for index in 0..self.cast.borrowers.len() {
            outcome[Figure::BadDebt] -= self.equity(index)?.min(0.0);
        }
        if let Some(attacker) = &self.attacker {
            let left = self.equity(self.chain.accounts.len() - 1)?;
            outcome[Figure::Attack] = attacker.gained(left);
            outcome[Figure::BadDebt] -= left.min(0.0);
        }
        let falls = (0..self.assets.len()).map(|asset| {
            let lowest = grid.bars.iter().map(|bars| bars[asset].low).fold(f64::INFINITY, f64::min);
            1.0 - lowest / grid.bars[0][asset].open
        });
        outcome[Figure::Fall] = falls.fold(0.0, f64::max);
        outcome[Figure::Accounts] = self.liquidated.iter().filter(|liquidated| **liquidated).count() as f64;
        outcome[Figure::Outflow] = self.taken / self.lent_at_first.max(f64::MIN_POSITIVE);
        Ok((outcome, self.chain))
    }

    /// What lenders have lent, USD.
    fn lent(&self) -> f64 {
        let first = self.cast.borrowers.len();
        (0..self.lenders.len()).map(|lender| self.worth(first + lender, self.lenders[lender].reserve)).sum()
    }

    /// What an account has in a reserve, USD.
    pub fn worth(&self, account: usize, reserve: usize) -> f64 {
        let positions = self.chain.accounts[account].positions().iter();
        let atoms = positions
            .filter(|position| !position.is_debt() && position.reserve as usize == reserve)
            .filter_map(|position| self.chain.view.exit_amount(position, self.chain.now).ok());
        self.assets[reserve].tokens(atoms.sum()) * spot(&self.chain.view, reserve)
    }

    /// What an account has less what it owes at spot, USD.
    fn equity(&self, account: usize) -> Result<f64> {
        let Health { collateral, debt } =
            equity(&self.chain.accounts[account], &self.chain.view.reserves, self.chain.now)
                .map_err(|error| anyhow!("an account cannot be valued: {error}"))?;
        Ok(collateral.to_f64() - debt.to_f64())
    }

    fn bar(&mut self, bars: &[Bar], interval: i64) {
        let time = bars[0].time;
        let paths: Vec<_> = bars.iter().map(|bar| path(bar, interval)).collect();
        let confidences = confidences(bars, interval);
        self.watch.refresh(&self.chain, self.cast.borrowers.len());
        for (point, (offset, _)) in paths[0].iter().enumerate() {
            let exogenous: Vec<_> = paths.iter().map(|path| path[point].1).collect();
            let next = paths[0].get(point + 1).map_or(interval, |next| next.0);
            for since in (*offset..next).step_by(RENEWAL as usize) {
                if !self.round(&exogenous, &confidences, time + since) {
                    break;
                }
            }
            if point > 0 && point % STEPS_IN_TURN == 0 {
                self.turn();
            }
        }
        self.watch.weigh(&self.chain);
        let (collateral, debt) = self.watch.locked;
        self.outcome[Figure::Locked] += if debt > 0.0 { collateral / debt } else { 0.0 };
    }

    /// Prices of a time, and who is liquidated at them. Whether there is reason for another round soon.
    fn round(&mut self, exogenous: &[f64], confidences: &[f64], now: i64) -> bool {
        self.pass(now);
        self.venue.advance(exogenous, now);
        let shares = self.makers.shares(self.venue.prices(), now);
        self.venue.thin(&shares);
        self.bots.begin(&mut self.venue);
        let published = self.venue.publish();
        let deepest = published.iter().map(|(_, displacement)| 1.0 - displacement).fold(0.0, f64::max);
        self.outcome[Figure::Impact] = self.outcome[Figure::Impact].max(deepest);
        self.feed.make(now, published.iter().map(|(price, _)| *price).collect(), confidences);
        if let Some(updates) = self.feed.arrived(now) {
            self.chain.publish(&updates);
        }
        let mut near = self.watch.scan(&self.chain);
        if self.thorough {
            near = (0..self.cast.borrowers.len()).collect();
        }
        // The worst when all were weighed first; of those alike the first.
        near.sort_by(|one, other| self.watch.ratios[*one].total_cmp(&self.watch.ratios[*other]));
        let is_moving = self.liquidate(&near);
        let is_expected = self
            .unhealthy
            .iter()
            .any(|index| self.since[*index].is_some_and(|since| now < since + self.bots.slowest() + RENEWAL));
        is_moving || is_expected || self.venue.has_moved() || self.feed.is_waiting()
    }

    /// Time passes, in which who is in trouble stays there.
    fn pass(&mut self, now: i64) {
        let elapsed = (now - self.chain.now) as f64;
        self.outcome[Figure::Unhealthy] += self.unhealthy.len() as f64 * elapsed / MINUTE;
        self.outcome[Figure::UnderWater] += self.under_water as f64 * elapsed / MINUTE;
        self.outcome[Figure::UnservedHours] += self.waiting.iter().sum::<f64>() * elapsed / HOUR;
        if self.chain.view.reserves.iter().any(|reserve| reserve.utilisation().to_f64() >= FULL) {
            self.outcome[Figure::FullHours] += elapsed / HOUR;
        }
        self.chain.now = now;
    }

    fn healths(&self, index: usize) -> Option<(Health, Health)> {
        maintenance_and_equity(&self.chain.accounts[index], &self.chain.view.reserves, self.chain.now).ok()
    }

    /// Liquidates whom it may of these; whether any order landed.
    fn liquidate(&mut self, near: &[usize]) -> bool {
        let earlier = std::mem::replace(&mut self.since, vec![None; self.cast.borrowers.len()]);
        self.unhealthy.clear();
        let mut landed = false;
        for index in near.iter().copied() {
            let Some((health, _)) = self.healths(index) else { continue };
            if health.is_healthy() {
                continue;
            }
            let from = earlier[index].unwrap_or(self.chain.now);
            landed |= self.liquidate_one(index, self.chain.now - from);
            self.watch.account(&self.chain, index);
            if let Some((health, _)) = self.healths(index)
                && !health.is_healthy()
            {
                self.since[index] = Some(from);
                self.unhealthy.push(index);
            }
        }
        // Then what cannot be paid is written off. Where depositors lose by it, all of them have less, and the next round sees whom that
        // makes unhealthy.
        let lost = self.outcome[Figure::Depositors];
        for index in self.unhealthy.clone() {
            self.settle(index);
            self.watch.account(&self.chain, index);
        }
        if self.outcome[Figure::Depositors] > lost {
            self.watch.refresh(&self.chain, self.cast.borrowers.len());
            landed = true;
        }
        let under_water = |index: &&usize| self.healths(**index).is_some_and(|(_, equity)| !equity.is_healthy());
        self.under_water = self.unhealthy.iter().filter(under_water).count();
        landed
    }

    /// Orders against an account that has been unhealthy for so long, until it is healthy or nothing lands.
    fn liquidate_one(&mut self, index: usize, unhealthy_for: i64) -> bool {
        let mut landed = false;
        for _ in 0..ORDERS {
            let (view, account) = (&self.chain.view, &self.chain.accounts[index]);
            let now = self.chain.now;
            let offer = self.bots.offer((view, account), now, unhealthy_for, &self.venue, &mut self.landing);
            let Some(offer) = offer else { break };
            let (debt, collateral) = (offer.plan.order.debt, offer.plan.order.collateral);
            let Ok(done) = self.chain.liquidate(index, offer.plan.order) else { break };
            self.bots.filled(&offer, &self.chain.view, &mut self.venue);
            landed = true;
            self.liquidated[index] = true;
            let (repaid, seized) =
                (value(&self.chain.view, debt, done.repaid), value(&self.chain.view, collateral, done.seized));
            self.outcome[Figure::Liquidated] += repaid;
            self.outcome[Figure::BorrowersLoss] += seized - repaid;
            self.outcome[Figure::Liquidations] += 1.0;
            let hour = now / HOUR as i64;
            self.hour = if self.hour.0 == hour { (hour, self.hour.1 + 1.0) } else { (hour, 1.0) };
            self.outcome[Figure::PeakHour] = self.outcome[Figure::PeakHour].max(self.hour.1);
        }
        landed
    }

    /// Writes an account's debts off, where they can be.
    fn settle(&mut self, index: usize) {
        let account: MarginAccount = self.chain.accounts[index];
        let now = self.chain.now;
        if !is_bad_debt(&self.chain.view.ledger(now), &account) {
            return;
        }
        for position in account.positions().iter().filter(|position| position.is_debt()) {
            let Ok(done) = self.chain.settle(index, position.reserve) else { continue };
            let usd = |atoms| value(&self.chain.view, position.reserve, atoms);
            let loss = done.loss;
            self.outcome[Figure::Insurance] += usd(loss.insurance);
            self.outcome[Figure::Depositors] += usd(loss.depositors);
            self.outcome[Figure::Fees] += usd(loss.fees + loss.rest - loss.depositors);
            self.outcome[Figure::BadDebt] += usd(loss.insurance + loss.fees + loss.rest);
        }
    }

    /// Everyone's turn.
    fn turn(&mut self) {
        self.watch.weigh(&self.chain);
        let mut turn = self.chance.turn();
        self.borrowers_act(&mut turn);
        self.lenders_act(&mut turn);
        if let Some(mut attacker) = self.attacker.take() {
            attacker.act(&mut self.chain, &mut self.venue, &self.assets);
            self.attacker = Some(attacker);
        }
    }
}

/// All debts, USD.
fn debts(chain: &Chain, assets: &[Asset]) -> f64 {
    let reserves = chain.view.reserves.iter().zip(assets).enumerate();
    reserves.map(|(index, (reserve, asset))| asset.tokens(reserve.debts()) * spot(&chain.view, index)).sum()
}

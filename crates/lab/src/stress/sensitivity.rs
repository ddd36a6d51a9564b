//! What the answer hangs on: each assumption is changed by itself, and the same runs are played again.

use anyhow::Result;
use ballast_sim::stress::{Scenario, outcome::Figure};
use indicatif::ProgressBar;

use super::{
    generator::Days,
    runs::Stage,
    statistics::{Losses, Measure},
    summary::{SHORTFALL, column},
};

/// A change of an assumption.
type Change = (&'static str, fn(&mut Scenario));

/// The changes that are tried. Shares and chances are halved and doubled where they can be.
const CHANGES: [Change; 22] = [
    ("books twice as deep", |one| one.depths.iter_mut().for_each(|depth| *depth *= 2.0)),
    ("books half as deep", |one| one.depths.iter_mut().for_each(|depth| *depth /= 2.0)),
    ("prices recover twice as fast", |one| one.half_life /= 2),
    ("prices recover half as fast", |one| one.half_life *= 2),
    ("makers never step back", |one| one.floor = 1.0),
    ("makers leave a fifth as much", |one| one.floor /= 5.0),
    ("liquidators a minute slower", |one| one.bots.iter_mut().for_each(|bot| bot.latency += 60)),
    ("half as many orders land", |one| one.bots.iter_mut().for_each(|bot| bot.landing /= 2.0)),
    ("a quarter of the orders in a round", |one| one.bots.iter_mut().for_each(|bot| bot.orders /= 4)),
    ("liquidators without money", |one| one.bots.iter_mut().for_each(|bot| bot.capital = 0.0)),
    ("one slow liquidator", |one| {
        let slowest = one.bots.iter().copied().max_by_key(|bot| bot.latency);
        one.bots = slowest.into_iter().collect();
    }),
    ("a twentieth less leverage", |one| one.response.leverage *= 0.95),
    ("a twentieth more leverage", |one| one.response.leverage *= 1.05),
    ("nobody sleeps", |one| one.response.never = 0.0),
    ("everybody sleeps", |one| one.response.never = 1.0),
    ("half the attention", |one| one.response.attention /= 2.0),
    ("twice the attention", |one| one.response.attention *= 2.0),
    ("lenders run twice as fast", |one| one.response.flight *= 2.0),
    ("no lender runs", |one| (one.response.runners, one.response.flight) = (0.0, 0.0)),
    ("no large borrower", |one| one.whale = 0.0),
    ("the oracle half a minute late", |one| one.delay = 30),
    ("the oracle out for half an hour", |one| one.outage = 1_800),
];

/// How many changes are tried.
pub const COUNT: usize = CHANGES.len();

/// What a change does.
#[derive(Clone, Debug)]
pub struct Effect {
    /// The change.
    pub change: &'static str,
    /// Expected shortfall of bad debt with it, USD.
    pub shortfall: f64,
    /// Mean of what is liquidated with it, USD.
    pub liquidated: f64,
}

/// What the changes are compared with, and each change, the one that matters most first.
pub struct Ranking {
    /// Runs that each was played with.
    pub runs: usize,
    /// Without a change.
    pub base: Effect,
    /// With each.
    pub effects: Vec<Effect>,
}

/// Plays so many runs with each change, on the threads at hand.
pub fn rank(
    days: &Days,
    scenario: &Scenario,
    seed: u64,
    (runs, shock): (usize, f64),
    played: &ProgressBar,
) -> Result<Ranking> {
    let effect = |change: &'static str, scenario: &Scenario| {
        let stage = Stage::new(days, scenario, seed, runs)?;
        let outcomes = stage.play_all(0..runs, shock, played)?;
        let of = |figure, measure| Losses::new(column(&outcomes, figure)).of(measure);
        Ok::<_, anyhow::Error>(Effect {
            change,
            shortfall: of(Figure::BadDebt, Measure::Shortfall(SHORTFALL)),
            liquidated: of(Figure::Liquidated, Measure::Mean),
        })
    };
    let base = effect("nothing", scenario)?;
    let mut effects = Vec::new();
    for (change, alter) in CHANGES {
        let mut altered = scenario.clone();
        alter(&mut altered);
        effects.push(effect(change, &altered)?);
    }
    let size =
        |effect: &Effect| ((effect.shortfall - base.shortfall).abs(), (effect.liquidated - base.liquidated).abs());
    // Of those that change no bad debt, by what they change of what is liquidated.
    effects.sort_by(|one, other| {
        let (one, other) = (size(one), size(other));
        other.0.total_cmp(&one.0).then(other.1.total_cmp(&one.1))
    });
    Ok(Ranking { runs, base, effects })
}

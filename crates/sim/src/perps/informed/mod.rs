//! A trader who sees the prices of the next seconds, against the price that the chain has: does the fee keep the pool whole?
//!
//! He trades through the engine, on a copy of a market that was set up by the bytecode ([`Desk`]); [`Desk::check`] makes
//! some of the trips on the bytecode itself. Seconds come from [`super::bridge`]. There are two of him ([`Habit`]):
//!
//! - **One who must** makes a trip within a time: he opens at the best moment of it and, after the hold, closes at the best
//!   moment of as long. Best is where the price that he sees is farthest from one that he can trade at, less what that
//!   costs, by hindsight. The price walks without memory. So what anyone gains on average who sees as far, waits as long
//!   and knows nothing else is the sum of what he sees at both moments, less the costs, and no choice of moments sees more
//!   than this one: his mean without luck is a bound for all of them.
//! - **One who may** opens only where what he sees pays fee and spread, and closes likewise, after an hour at any price. He
//!   knows no more than what he sees. So he hardly loses, and the question is how often he finds a moment.

mod desk;
mod history;

use anyhow::Result;
use ballast_client::engine::{number::units::Bps, state::perp::PerpConfig};

use super::bridge::Clock;
use crate::{grid::Grid, policy::Policy};
pub use desk::Desk;
use history::Look;

/// Seconds that he sees ahead.
pub const AHEAD: [usize; 3] = [1, 3, 10];
/// Seconds for which he waits for the best moment to open, and again to close.
pub const PATIENCE: [usize; 3] = [60, 600, 3_600];
/// Trips of each asset that are made on the bytecode too.
const COMPARED: usize = 10;
/// A small trade, of what opens at once.
pub const LITTLE: f64 = 0.02;

/// What a perp charges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Standard deviations, [`PerpConfig::fee_deviations`].
    pub deviations: u16,
    /// Seconds, `fee_lag`.
    pub lag: u16,
}

impl Charge {
    /// For who sees ten seconds.
    pub const DEAR: Self = Self { deviations: 30_000, lag: 10 };

    /// The default, and what else is tried: the least fee alone, and dearer ones.
    pub const ALL: [Self; 6] = [
        Self { deviations: 30_000, lag: 1 },
        Self { deviations: 0, lag: 0 },
        Self { deviations: 30_000, lag: 3 },
        Self { deviations: 20_000, lag: 10 },
        Self::DEAR,
        Self { deviations: 40_000, lag: 10 },
    ];

    /// The parameters with this charge.
    fn of(self, config: PerpConfig) -> PerpConfig {
        PerpConfig { fee_deviations: Bps(self.deviations), fee_lag: self.lag, ..config }
    }

    /// For people.
    pub fn title(self) -> String {
        if self.deviations == 0 {
            "least fee alone".into()
        } else {
            format!("{} σ of {} s", self.deviations / 10_000, self.lag)
        }
    }
}

/// When he trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    /// In any case: at the best moments of so many seconds each, with hindsight.
    Must(usize),
    /// Where it pays.
    May,
}

/// How he is tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trial {
    /// Seconds that he sees ahead.
    pub ahead: usize,
    /// When he trades.
    pub habit: Habit,
    /// Whether prices are published with a confidence, which traders pay.
    pub is_uncertain: bool,
    /// What the perp charges.
    pub charge: Charge,
    /// Of the most that opens at once, the part that he trades.
    pub size: f64,
}

impl Trial {
    /// All that are played: at the default charge also without a confidence, and with little.
    pub fn all() -> Vec<Self> {
        let mut trials = Vec::new();
        let habits = PATIENCE.map(Habit::Must).into_iter().chain([Habit::May]);
        for (ahead, habit) in AHEAD.into_iter().flat_map(|ahead| habits.clone().map(move |habit| (ahead, habit))) {
            for charge in Charge::ALL {
                let trial = Self { ahead, habit, is_uncertain: true, charge, size: 1.0 };
                trials.push(trial);
                if charge == Charge::ALL[0] {
                    trials.push(Self { is_uncertain: false, ..trial });
                    trials.push(Self { size: LITTLE, ..trial });
                }
            }
        }
        trials
    }

    fn look(self, config: &PerpConfig) -> Look<'_> {
        Look { ahead: self.ahead, is_uncertain: self.is_uncertain, config }
    }
}

/// One trip. Parts are of the value that he opened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trip {
    /// What he gained.
    pub gained: f64,
    /// What of that is luck: the move from the last price that he saw when he opened to the last that he saw when he closed. When he
    /// opens he knows nothing of it, so without it the mean is the same but for chance, and much surer.
    pub luck: f64,
    /// What pool, fund and insurance gained.
    pub lost: f64,
    /// What he paid in fees.
    pub fees: f64,
    /// The value, atoms.
    pub value: u64,
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
    /// What the pool has, atoms.
    pub capital: u64,
}

/// What came of a trial.
#[derive(Clone, Debug, Default)]
pub struct Trips {
    /// The trips.
    pub trips: Vec<Trip>,
    /// Those that the protocol refused.
    pub refused: u64,
    /// Seconds of all prices.
    pub seconds: u64,
}

/// Plays all trials on a grid. Calls `played` for each bar in the end.
pub fn play(bytecode: &[u8], grid: &Grid, seed: u64, clock: Clock, usd: f64, played: &dyn Fn()) -> Result<Informed> {
    let desk = Desk::new(bytecode, grid, Policy::Fixed, usd)?;
    let trials = Trial::all();
    let mut informed = Informed {
        results: trials.iter().map(|trial| (*trial, Vec::new())).collect(),
        capital: desk.capital(),
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
            all.seconds += part.seconds;
        }
        all
    }

    /// Mean of what he gained without luck, and its standard error.
    pub fn mean(&self) -> (f64, f64) {
        mean(self.trips.iter().map(|trip| trip.gained - trip.luck))
    }

    /// What he gained without luck in a day of prices, atoms; `assets` are how many are joined.
    pub fn daily(&self, assets: usize) -> f64 {
        let gained: f64 = self.trips.iter().map(|trip| (trip.gained - trip.luck) * trip.value as f64).sum();
        gained * 86_400.0 * assets as f64 / self.seconds.max(1) as f64
    }

    /// Trips in a day of an asset's prices.
    pub fn a_day(&self) -> f64 {
        self.trips.len() as f64 * 86_400.0 / self.seconds.max(1) as f64
    }

    /// What he paid in fees, on average.
    pub fn fees(&self) -> f64 {
        mean(self.trips.iter().map(|trip| trip.fees)).0
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

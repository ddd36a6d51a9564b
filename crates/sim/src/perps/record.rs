//! What is remembered of a pool behind perps, and what it comes to.

use std::collections::BTreeMap;

use ballast_client::engine::state::perp::side::Gain;

use super::tally::Tally;
use crate::{stats::Record, world::Cost};

/// The pool at the end of a bar, and its worst within it.
#[derive(Clone, Debug, Default)]
pub struct PerpsFrame {
    /// When the bar opened, unix seconds.
    pub time: i64,
    /// What a share is worth at last prices, of what it was at first; once a tenth of the pool is left, as it was before.
    pub share: f64,
    /// What the pool is worth at last prices, USD.
    pub value: f64,
    /// Low value ÷ buffer, at its lowest; infinite without a buffer.
    pub cover: f64,
    /// The part of a gain that is paid, at its lowest.
    pub factor: f64,
    /// Values of longs and shorts, USD.
    pub sides: (f64, f64),
    /// Delta of the pool: what it gains for each 100 % that all underlyings rise, of its value.
    pub delta: f64,
    /// What longs pay a year in each perp.
    pub rates: Vec<f64>,
    /// What the pool has gained by price moves, and by all else, since the beginning, USD.
    pub gained: (f64, f64),
    /// Owners who have not asked to leave.
    pub owners: usize,
}

/// Everything that is remembered.
#[derive(Default)]
pub struct PerpsRecord {
    /// The perps, by the symbol of what they follow.
    pub perps: Vec<&'static str>,
    /// Traders of perps, and owners of the pool.
    pub people: (usize, usize),
    /// One for each bar.
    pub frames: Vec<PerpsFrame>,
    /// What the pool began with, USD.
    pub capital: f64,
    /// What the pool is worth at the end at last prices, USD.
    pub worth: f64,
    /// Atoms of a dollar.
    pub unit: f64,
    /// What was counted.
    pub tally: Tally,
    /// What the arbitrageur gained, USD, and how many trips he made.
    pub arbitrage: (f64, u64),
    /// The largest value of a side of a perp at any price, USD.
    pub largest_side: f64,
    /// Prices at which the pool paid less than whole gains.
    pub cut: u64,
    /// The rest of the market.
    pub market: Record,
    /// Compute units by operation.
    pub costs: BTreeMap<&'static str, Cost>,
    /// Refusals by operation and reason.
    pub refusals: BTreeMap<(&'static str, &'static str), u64>,
    /// Events logged.
    pub events: u64,
}

impl PerpsRecord {
    /// What the owners gained together, of what they brought at first.
    pub fn gained(&self) -> f64 {
        self.usd_of(self.tally.sources.gained()) / self.capital
    }

    /// The deepest fall of a share's value below the highest before, as a share of that.
    pub fn drawdown(&self) -> f64 {
        let mut highest = 1.0f64;
        self.frames.iter().fold(0.0, |deepest, frame| {
            highest = highest.max(frame.share);
            deepest.max(1.0 - frame.share / highest)
        })
    }

    /// The lowest cover.
    pub fn cover(&self) -> f64 {
        self.frames.iter().map(|frame| frame.cover).fold(f64::INFINITY, f64::min)
    }

    /// The lowest part of a gain that was paid.
    pub fn factor(&self) -> f64 {
        self.frames.iter().map(|frame| frame.factor).fold(1.0, f64::min)
    }

    /// Of what was opened, the part that was deleveraged.
    pub fn deleveraged(&self) -> f64 {
        self.tally.deleveraged as f64 / self.tally.opened.max(1) as f64
    }

    /// Atoms in dollars.
    pub fn usd(&self, atoms: u64) -> f64 {
        atoms as f64 / self.unit
    }

    /// The pool's sources in dollars, with their names.
    pub fn sources(&self) -> Vec<(&'static str, f64)> {
        self.tally.sources.named().map(|(name, gain)| (name, self.usd_of(gain))).to_vec()
    }

    fn usd_of(&self, gain: Gain) -> f64 {
        gain as f64 / (self.unit * (1u64 << 32) as f64)
    }

    /// What owners brought, less what they took, USD.
    pub fn provided(&self) -> f64 {
        self.usd_of(self.tally.sources.provided)
    }

    /// What was paid in funding, USD.
    pub fn funding(&self) -> f64 {
        self.usd_of(self.tally.funding_paid)
    }
}

//! The seconds of an asset, and the moments that he chooses in them.

use std::ops::Range;

use ballast_client::engine::{
    number::units::Bps,
    state::{
        perp::{PerpConfig, pricing::ONE},
        reserve::Reserve,
    },
};

use crate::policy::CONFIDENCE_MULTIPLE;

/// Ages of the price at which he opens: it may be no older.
const OPENING_AGES: [usize; 5] = [0, 1, 2, 3, 5];
/// Ages of the price at which he closes.
const CLOSING_AGES: [usize; 8] = [0, 1, 2, 3, 5, 10, 20, 40];
/// The oldest of them.
const OLDEST: usize = 40;
/// Seconds between samples of the volatility.
pub const SAMPLE: usize = 60;
/// Seconds between two trips of one who must, at least.
const SPACING: usize = 1_800;
/// Seconds after which one who may closes in any case.
const LONGEST: usize = 3_600;
/// Seconds after which the first trip begins: the volatility measured is that of the prices by then.
const WARM_UP: usize = 43_200;

/// The seconds of an asset.
pub struct History {
    /// Unix seconds of the first.
    pub start: i64,
    /// Of each second.
    pub prices: Vec<f64>,
    /// Their averages, as published.
    pub averages: Vec<f64>,
    /// Confidence ÷ price of each bar.
    pub confidences: Vec<f64>,
    /// Seconds of a bar.
    pub interval: usize,
    /// The reserve after each sample.
    pub samples: Vec<Reserve>,
}

/// When he trades.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Since the first second.
    pub second: usize,
    /// Of the price.
    pub age: usize,
}

/// A trip.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Whether he buys first.
    pub is_long: bool,
    /// When he opens.
    pub opening: Moment,
    /// When he closes.
    pub closing: Moment,
}

/// What he sees, and what he pays for it.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// Seconds that he sees ahead.
    pub ahead: usize,
    /// Whether he pays the confidence.
    pub is_uncertain: bool,
    /// What he pays else.
    pub config: &'a PerpConfig,
}

impl History {
    /// The first second of a trip.
    fn warm(&self) -> usize {
        WARM_UP.min(self.prices.len() / 2).max(SAMPLE + OLDEST + 1)
    }

    /// Confidence ÷ price in a second.
    pub fn confidence(&self, second: usize) -> f64 {
        self.confidences[(second / self.interval).min(self.confidences.len() - 1)]
    }

    /// The volatility that the chain has measured before a second.
    fn annual(&self, second: usize) -> Bps {
        self.samples[(second - 1) / SAMPLE].risk.volatility.annual
    }

    /// When the trips begin of one who must, and who waits for so many seconds.
    pub fn starts(&self, ahead: usize, patience: usize, hold: usize) -> impl Iterator<Item = usize> + use<> {
        let length = 2 * patience + hold + OLDEST + ahead;
        (self.warm()..self.prices.len().saturating_sub(length)).step_by(SPACING.max(length))
    }

    /// His best trip from a second on.
    pub fn best(&self, from: usize, patience: usize, look: Look) -> Option<Plan> {
        let (opening, is_long) = self.best_moment(from, from + patience, &OPENING_AGES, look, None)?;
        // The price that he closes at is published after he opened.
        let from = from + patience + look.config.hold as usize + OLDEST;
        let (closing, _) = self.best_moment(from, from + patience, &CLOSING_AGES, look, Some(!is_long))?;
        Some(Plan { is_long, opening, closing })
    }

    /// The next trip of one who may, from a second on.
    pub fn next(&self, from: usize, look: Look) -> Option<Plan> {
        let end = self.prices.len() - look.ahead;
        let (opening, is_long) = self.first_moment(from.max(self.warm()), end, look, None)?;
        let from = opening.second + look.config.hold as usize;
        let to = (from + LONGEST).min(end);
        if from >= to {
            return None;
        }
        let closing = self.first_moment(from, to, look, Some(!is_long)).map(|(moment, _)| moment);
        Some(Plan { is_long, opening, closing: closing.unwrap_or(Moment { second: to - 1, age: 0 }) })
    }

    /// The moment at which what he sees is most, less what it costs, and whether he buys then; of one side, if one is given.
    fn best_moment(
        &self,
        from: usize,
        to: usize,
        ages: &[usize],
        look: Look,
        side: Option<bool>,
    ) -> Option<(Moment, bool)> {
        let mut best: Option<(f64, Moment, bool)> = None;
        let mut take = |gain: f64, moment: Moment, is_buy: bool| {
            if best.is_none_or(|(most, ..)| gain > most) {
                best = Some((gain, moment, is_buy));
            }
        };
        for (seconds, costs) in self.blocks(from, to, ages, look) {
            for second in seconds {
                for (age, cost) in &costs {
                    let (ratio, moment) = (self.ratio(second, *age, look), Moment { second, age: *age });
                    if side != Some(false) {
                        take(ratio / cost, moment, true);
                    }
                    if side != Some(true) {
                        take(1.0 / (ratio * cost), moment, false);
                    }
                }
            }
        }
        best.map(|(_, moment, is_buy)| (moment, is_buy))
    }

    /// The first moment at which what he sees pays what it costs, likewise.
    fn first_moment(&self, from: usize, to: usize, look: Look, side: Option<bool>) -> Option<(Moment, bool)> {
        for (seconds, costs) in self.blocks(from, to, &OPENING_AGES, look) {
            for second in seconds {
                for (age, cost) in &costs {
                    let ratio = self.ratio(second, *age, look);
                    let buys = ratio > *cost && side != Some(false);
                    if buys || ratio * cost < 1.0 && side != Some(true) {
                        return Some((Moment { second, age: *age }, buys));
                    }
                }
            }
        }
        None
    }

    /// The price that he sees in a second ÷ one of an age.
    fn ratio(&self, second: usize, age: usize, look: Look) -> f64 {
        self.prices[second + look.ahead] / self.prices[second - age]
    }

    /// A stretch in parts in which fee and spread are the same, with what they cost at a price of each age, as a factor.
    fn blocks<'a>(
        &'a self,
        from: usize,
        to: usize,
        ages: &'a [usize],
        look: Look<'a>,
    ) -> impl Iterator<Item = (Range<usize>, Vec<(usize, f64)>)> + 'a {
        let mut second = from;
        std::iter::from_fn(move || {
            let start = second;
            second = ((start - 1) / SAMPLE * SAMPLE + SAMPLE + 1).min(to);
            let spread = self.confidence(start) * CONFIDENCE_MULTIPLE as f64 / 10_000.0;
            let spread = if look.is_uncertain { spread } else { 0.0 };
            let annual = self.annual(start);
            let cost = |age: &usize| (*age, (fee(look.config, *age, annual) + spread).exp());
            (start < to).then(|| (start..second, ages.iter().map(cost).collect()))
        })
    }
}

/// The fee at a price of some age, of the value.
fn fee(config: &PerpConfig, age: usize, annual: Bps) -> f64 {
    config.fee_at(age as u64 + config.fee_lag as u64, annual) as f64 / ONE as f64
}

//! How days are drawn from a history.
//!
//! - **Replay**: a stretch of a day of the history as it was, from a bar that chance chooses.
//! - **Bootstrap**: blocks of the history, one after the other, each from a bar that chance chooses and of a length that chance draws
//!   around the best mean length. All assets of an hour stay together, so what falls together in history falls together here.
//! - **Filtered**: the same of moves that are divided by their volatility when they happened and multiplied by the volatility of the
//!   simulated day, which begins as it stood at some hour of history and then follows the simulated moves. Of the worst and of the
//!   best twentieth, the size comes from a fitted tail: so there are moves that history does not have. The ranks stay, and with them
//!   who falls with whom.
//!
//! Over a day can lie a **shock**, a factor on all moves, and **breaks**: an asset falls to a share of its price within a bar, and stays
//! there.

use anyhow::{Context, Result, ensure};
use rand::Rng;
use rand_chacha::ChaCha12Rng;

use super::{
    history::{History, Move},
    statistics::{Pareto, block_length},
};

/// Seconds over which volatility decays.
const MEMORY: f64 = 86_400.0;
/// Share of the moves that are tails, at each end.
const TAIL: f64 = 0.05;
/// The least volatility of a bar, so that none is divided by nothing: a basis point.
const LEAST: f64 = 1e-4;

/// A way to draw days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Generator {
    /// Days of the windows as they were
    Replay,
    /// Blocks of the long series, all assets together
    Bootstrap,
    /// Blocks scaled by volatility, with fitted tails
    Filtered,
}

impl Generator {
    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Replay => "replay",
            Self::Bootstrap => "bootstrap",
            Self::Filtered => "filtered bootstrap",
        }
    }
}

/// An asset that breaks: its symbol, and to which share of its price it falls.
#[derive(Clone, Debug, PartialEq)]
pub struct Break {
    /// The asset, by its index.
    pub asset: usize,
    /// The share.
    pub to: f64,
}

/// Moves of one asset beyond a threshold.
struct Tail {
    threshold: f64,
    fitted: Pareto,
    /// Excesses in history, sorted.
    excesses: Vec<f64>,
}

impl Tail {
    /// The tail of a side: of the moves times the sign.
    fn of(moves: &[f64], sign: f64) -> Option<Self> {
        let mut sorted: Vec<_> = moves.iter().map(|moved| moved * sign).collect();
        sorted.sort_by(f64::total_cmp);
        let from = ((1.0 - TAIL) * sorted.len() as f64) as usize;
        let threshold = *sorted.get(from)?;
        let excesses: Vec<_> = sorted[from..].iter().map(|moved| moved - threshold).collect();
        Some(Self { threshold, fitted: Pareto::fit(&excesses)?, excesses })
    }

    /// Another move of about the same rank, if this one is in the tail.
    fn draw(&self, moved: f64, rng: &mut ChaCha12Rng) -> Option<f64> {
        let excess = moved - self.threshold;
        if excess < 0.0 {
            return None;
        }
        let rank = self.excesses.partition_point(|other| *other < excess) as f64;
        let probability =
            (rank + rng.random::<f64>()).min(self.excesses.len() as f64 - 1e-9) / self.excesses.len() as f64;
        Some(self.threshold + self.fitted.quantile(probability))
    }
}

/// What the filtered bootstrap knows of a history.
struct Filter {
    /// Volatility of each asset before each bar.
    volatilities: Vec<Vec<f64>>,
    /// The tails of each asset, falls and rises; none of one that stands still.
    tails: Vec<Option<(Tail, Tail)>>,
    /// What is left of a variance after a bar.
    decay: f64,
}

/// Days of a history, by one generator.
pub struct Days {
    /// What is drawn from.
    pub history: History,
    /// How.
    pub generator: Generator,
    /// The mean length of blocks, bars.
    pub block: f64,
    filter: Option<Filter>,
    breaks: Vec<Break>,
}

impl Days {
    /// Days of a history.
    pub fn new(history: History, generator: Generator, breaks: Vec<Break>) -> Result<Self> {
        let played = history.is_played.iter().position(|played| *played).context("no asset has prices")?;
        let sizes: Vec<_> = history.moves.iter().map(|moves| moves[played].close.abs()).collect();
        // Of the size of moves: their clusters are what blocks are to keep. No block is longer than the day.
        let block = block_length(&sizes).min(history.day() as f64);
        let filter = if generator == Generator::Filtered { Some(Filter::new(&history)?) } else { None };
        Ok(Self { history, generator, block, filter, breaks })
    }

    /// The fitted tail of an asset's falls, where there is one.
    pub fn tail(&self, asset: usize) -> Option<Pareto> {
        let (falls, _) = self.filter.as_ref()?.tails[asset].as_ref()?;
        Some(falls.fitted)
    }

    /// A day's moves.
    pub fn draw(&self, rng: &mut ChaCha12Rng, shock: f64) -> Vec<Vec<Move>> {
        let day = self.history.day();
        let mut moves = match self.generator {
            Generator::Replay => {
                let from = rng.random_range(0..=self.history.moves.len() - day);
                self.history.moves[from..from + day].to_vec()
            }
            Generator::Bootstrap => {
                self.blocks(rng).into_iter().map(|index| self.history.moves[index].clone()).collect()
            }
            Generator::Filtered => self.filtered(rng),
        };
        for moved in moves.iter_mut().flatten() {
            let Move { open, high, low, close } = *moved;
            *moved = Move { open: open * shock, high: high * shock, low: low * shock, close: close * shock };
        }
        for Break { asset, to } in &self.breaks {
            let moved = &mut moves[rng.random_range(0..day)][*asset];
            let fall = to.ln();
            *moved = Move { low: moved.low + fall, close: moved.close + fall, ..*moved };
        }
        moves
    }

    /// The bars of a day, in blocks.
    fn blocks(&self, rng: &mut ChaCha12Rng) -> Vec<usize> {
        let History { moves, follows, .. } = &self.history;
        let mut index = rng.random_range(0..moves.len());
        (0..self.history.day())
            .map(|_| {
                let drawn = index;
                let next = (index + 1) % moves.len();
                // A block also ends where the history has a hole.
                let ends = rng.random::<f64>() < 1.0 / self.block || !follows[next];
                index = if ends { rng.random_range(0..moves.len()) } else { next };
                drawn
            })
            .collect()
    }

    fn filtered(&self, rng: &mut ChaCha12Rng) -> Vec<Vec<Move>> {
        let Some(Filter { volatilities, tails, decay }) = &self.filter else { return Vec::new() };
        let mut now = volatilities[rng.random_range(0..volatilities.len())].clone();
        let blocks = self.blocks(rng);
        let bars = blocks.into_iter().map(|index| {
            let each = self.history.moves[index].iter().enumerate().map(|(asset, moved)| {
                let Some((falls, rises)) = &tails[asset] else { return *moved };
                let scaled = moved.close / volatilities[index][asset];
                let drawn = match scaled {
                    scaled if scaled < 0.0 => falls.draw(-scaled, rng).map(|fall| -fall),
                    scaled => rises.draw(scaled, rng),
                };
                // The bar keeps its shape: a tail that grows takes its extremes along.
                let factor = now[asset] / volatilities[index][asset] * drawn.map_or(1.0, |drawn| drawn / scaled);
                let Move { open, high, low, close } = *moved;
                let moved = Move { open: open * factor, high: high * factor, low: low * factor, close: close * factor };
                let variance = now[asset] * now[asset] * decay + moved.close * moved.close * (1.0 - decay);
                now[asset] = variance.sqrt().max(LEAST);
                moved
            });
            each.collect()
        });
        bars.collect()
    }
}

impl Filter {
    fn new(history: &History) -> Result<Self> {
        let decay = (-(history.interval as f64) / MEMORY).exp();
        let count = history.moves.len();
        let mean = |asset: usize| {
            (history.moves.iter().map(|moves| moves[asset].close.powi(2)).sum::<f64>() / count as f64).sqrt()
        };
        let mut now: Vec<_> = (0..history.assets.len()).map(|asset| mean(asset).max(LEAST)).collect();
        let mut volatilities = Vec::with_capacity(count);
        for moves in &history.moves {
            volatilities.push(now.clone());
            for (volatility, moved) in now.iter_mut().zip(moves) {
                let variance = *volatility * *volatility * decay + moved.close * moved.close * (1.0 - decay);
                *volatility = variance.sqrt().max(LEAST);
            }
        }
        let mut tails = Vec::new();
        for asset in 0..history.assets.len() {
            if !history.is_played[asset] {
                tails.push(None);
                continue;
            }
            let scaled: Vec<_> = history
                .moves
                .iter()
                .zip(&volatilities)
                .map(|(moves, volatilities)| moves[asset].close / volatilities[asset])
                .collect();
            let both = Tail::of(&scaled, -1.0).zip(Tail::of(&scaled, 1.0));
            ensure!(
                both.is_some(),
                "{}: {} bars of {} are too few for a tail: of its twentieth there must be thirty",
                history.title,
                count,
                history.assets[asset].symbol
            );
            tails.push(both);
        }
        Ok(Self { volatilities, tails, decay })
    }
}

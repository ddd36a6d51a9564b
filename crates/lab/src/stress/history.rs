//! The history that days are drawn from: hours of several assets at once, each as what became of the last price.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use ballast_sim::{assets::Asset, bars::Bar, grid::Grid};

/// Seconds of a day.
pub const DAY: i64 = 86_400;

/// A bar of one asset, as logarithms of its prices less that of the close before.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Move {
    /// First price.
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
}

/// Days to draw from.
pub struct History {
    /// What it is called.
    pub title: String,
    /// What the market lists.
    pub assets: Vec<&'static Asset>,
    /// Whether each has prices of its own.
    pub is_played: Vec<bool>,
    /// Prices with which every run begins, USD: the first of the history.
    pub prices: Vec<f64>,
    /// When every run begins, unix seconds.
    pub start: i64,
    /// Seconds of a bar.
    pub interval: i64,
    /// For each bar the moves of all assets.
    pub moves: Vec<Vec<Move>>,
    /// Whether a bar follows the one before it without a hole.
    pub follows: Vec<bool>,
    /// What is traded of each asset on an average day, USD.
    pub volumes: Vec<f64>,
    /// Its files.
    pub files: Vec<PathBuf>,
}

impl History {
    /// A grid as a history.
    pub fn new(title: String, grid: &Grid, files: Vec<PathBuf>) -> Result<Self> {
        let day = DAY / grid.interval;
        ensure!(
            grid.bars.len() as i64 > day,
            "{title}: {} bars of {} s are no day: at least {} are needed",
            grid.bars.len(),
            grid.interval,
            day + 1
        );
        let log = |price: f64, last: &Bar| (price / last.close).ln();
        let moves = grid.bars.windows(2).map(|pair| {
            let each = pair[0].iter().zip(&pair[1]).map(|(last, bar)| Move {
                open: log(bar.open, last),
                high: log(bar.high, last),
                low: log(bar.low, last),
                close: log(bar.close, last),
            });
            each.collect::<Vec<_>>()
        });
        let follows = grid.bars.windows(2).map(|pair| pair[1][0].time - pair[0][0].time == grid.interval);
        Ok(Self {
            title,
            assets: grid.assets.clone(),
            is_played: grid.is_played.clone(),
            prices: grid.bars[0].iter().map(|bar| bar.close).collect(),
            start: grid.bars[1][0].time,
            interval: grid.interval,
            moves: moves.collect(),
            follows: follows.collect(),
            volumes: grid.daily_volumes(),
            files,
        })
    }

    /// Bars of a day.
    pub fn day(&self) -> usize {
        (DAY / self.interval) as usize
    }

    /// The bar at whose opening everyone takes position.
    pub fn opening(&self) -> Grid {
        self.grid(&self.moves[..1])
    }

    /// The bars of a day that moves like this, from the opening.
    pub fn grid(&self, moves: &[Vec<Move>]) -> Grid {
        let mut last = self.prices.clone();
        let bars = moves.iter().enumerate().map(|(index, moves)| {
            let each = moves.iter().enumerate().map(|(asset, moved)| {
                let price = |log: f64| (last[asset] * log.exp()).clamp(self.lowest(asset), self.highest(asset));
                let bar = Bar {
                    time: self.start + index as i64 * self.interval,
                    open: price(if index == 0 { 0.0 } else { moved.open }),
                    high: price(moved.high.max(0.0)),
                    low: price(moved.low.min(0.0)),
                    close: price(moved.close),
                    volume: 0.0,
                };
                last[asset] = bar.close;
                bar
            });
            each.collect::<Vec<_>>()
        });
        let bars = bars.collect();
        Grid { assets: self.assets.clone(), is_played: self.is_played.clone(), bars, interval: self.interval }
    }

    fn lowest(&self, asset: usize) -> f64 {
        self.prices[asset] / FAR
    }

    fn highest(&self, asset: usize) -> f64 {
        self.prices[asset] * FAR
    }

    /// The prices between which every run stays.
    pub fn extremes(&self) -> Vec<(f64, f64)> {
        (0..self.prices.len()).map(|asset| (self.lowest(asset), self.highest(asset))).collect()
    }
}

/// Prices stay within this factor of their opening.
const FAR: f64 = 1_000.0;

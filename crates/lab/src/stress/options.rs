//! The command line of `ballast-lab stress`.

use std::{path::PathBuf, thread};

use anyhow::{Context, Result, ensure};
use ballast_sim::{
    assets::Asset,
    grid::Span,
    policy::Policy,
    replay::Phases,
    stress::{Scenario, bots::BOTS, people::Response},
    windows::Window,
};
use ballast_time as time;
use clap::Args;

use super::{
    generator::{Break, Generator},
    history::History,
};
use crate::{cascade::Books, options::Common};

/// Plays many days of stress on the engine, through prices that are drawn from history, and says what they cost.
#[derive(Args, Debug)]
pub struct Options {
    /// Days that are played of each source
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    pub runs: u32,

    /// Threads; they change nothing but the time [default: all cores]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1_024))]
    threads: Option<u16>,

    /// How days are drawn
    #[arg(long, value_name = "NAME", default_value = "bootstrap")]
    pub generator: Generator,

    /// A stretch of history to replay days of; may be repeated [default: all]
    #[arg(long = "window", value_name = "NAME")]
    pub windows: Vec<Window>,

    /// Prices of one's own to draw from, `asset=FILE`, once for each asset; data/README.md says what is read
    #[arg(long, value_name = "ASSET=FILE")]
    pub data: Vec<String>,

    /// First bar to draw from: a date or time, or unix time
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    from: Option<i64>,

    /// End of what is drawn from, excluded, in the same forms
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    to: Option<i64>,

    /// How the market's risk is governed
    #[arg(long, default_value = "fixed")]
    policy: Policy,

    /// Assumptions about who is there.
    #[command(flatten)]
    people: People,

    /// Books, and how liquidations are phased.
    #[command(flatten)]
    books: Books,

    /// Lets only so much of each asset be liquidated in an hour as `--phase` and `--exempt` say
    #[arg(long)]
    phased: bool,

    /// A factor on all moves of a day
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = above_zero)]
    pub shock: f64,

    /// An asset that falls to a share of its price in one bar of each day and stays there, as `USDC=0.87`; may be repeated
    #[arg(long = "break", value_name = "ASSET=SHARE")]
    breaks: Vec<String>,

    /// Also searches, for each of `--reverse-runs` days, by how much its moves must be multiplied for so much bad debt, USD
    #[arg(long, value_name = "USD", value_parser = above_zero)]
    pub reverse: Option<f64>,

    /// Days of the reverse stress
    #[arg(long, value_name = "RUNS", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub reverse_runs: u32,

    /// Runs that are played again with each assumption changed; 0 for none
    #[arg(long, value_name = "RUNS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub sensitivity: u32,

    /// Runs that are also played through the program's bytecode, which must leave the same bytes
    #[arg(long, value_name = "RUNS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    pub prove: u32,

    /// A file of finished runs: what it holds is not played again
    #[arg(long, value_name = "FILE")]
    pub runs_file: Option<PathBuf>,

    /// What all experiments are told.
    #[command(flatten)]
    pub common: Common,

    /// Where the report goes; its figures go beside it, as JSON
    #[arg(long, value_name = "FILE", default_value = "target/demo/stress.html")]
    pub out: PathBuf,

    /// Where the table goes as Markdown, if anywhere
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,
}

/// Who is there, and what they do. The first five are calibrated: docs/risk.md says to what.
#[derive(Args, Clone, Copy, Debug)]
pub struct People {
    /// Factor on what everyone wants to borrow
    #[arg(long, value_name = "FACTOR", default_value_t = CALIBRATED.leverage, value_parser = above_zero)]
    leverage: f64,

    /// Share of the borrowers who never act
    #[arg(long, value_name = "SHARE", default_value_t = CALIBRATED.never, value_parser = share)]
    never: f64,

    /// How often in an hour another borrower acts at the line of liquidation
    #[arg(long, value_name = "RATE", default_value_t = CALIBRATED.attention, value_parser = from_zero)]
    attention: f64,

    /// Share of the lenders who run once alarmed
    #[arg(long, value_name = "SHARE", default_value_t = CALIBRATED.runners, value_parser = share)]
    runners: f64,

    /// How often in an hour an alarmed runner leaves
    #[arg(long, value_name = "RATE", default_value_t = CALIBRATED.flight, value_parser = from_zero)]
    flight: f64,

    /// What one large borrower pledges, as a share of all that the others do
    #[arg(long, value_name = "SHARE", default_value_t = 0.05, value_parser = share)]
    whale: f64,

    /// Stake in each reserve's insurance, as a share of its deposits
    #[arg(long, value_name = "SHARE", default_value_t = 0.001, value_parser = share)]
    insurance: f64,

    /// The least share of a book's depth that market makers leave
    #[arg(long, value_name = "SHARE", default_value_t = 0.1, value_parser = positive_share)]
    floor: f64,

    /// Seconds by which the oracle is late
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u16).range(0..=50))]
    delay: u16,

    /// Seconds for which the oracle is out, from the steepest bar of each day on
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=86_400))]
    outage: u32,

    /// What someone spends on the first asset to pump its price and borrow against it, USD
    #[arg(long, value_name = "USD", default_value_t = 0.0, value_parser = from_zero)]
    attack: f64,
}

/// What `ballast-lab calibrate` found; docs/risk.md has the misfit.
pub const CALIBRATED: Response = Response { leverage: 1.0, never: 0.1, attention: 8.0, runners: 0.096, flight: 0.0625 };

/// The scenario of a history where nothing is said on the command line.
pub fn default_scenario(history: &History) -> Result<Scenario> {
    /// All options at their defaults.
    #[derive(clap::Parser)]
    struct Defaults {
        #[command(flatten)]
        options: Options,
    }
    <Defaults as clap::Parser>::parse_from([""]).options.scenario(history)
}

fn number(text: &str, admits: impl Fn(f64) -> bool, what: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if admits(number) => Ok(number),
        _ => Err(format!("not {what}")),
    }
}

/// The largest number that is taken for an amount, a factor or a rate.
const MOST: f64 = 1e12;

fn above_zero(text: &str) -> Result<f64, String> {
    number(text, |number| number > 0.0 && number <= MOST, "a number above 0, of 10^12 at most")
}

fn from_zero(text: &str) -> Result<f64, String> {
    number(text, |number| (0.0..=MOST).contains(&number), "a number from 0 to 10^12")
}

fn share(text: &str) -> Result<f64, String> {
    number(text, |number| (0.0..=1.0).contains(&number), "a share from 0 to 1")
}

fn positive_share(text: &str) -> Result<f64, String> {
    number(text, |number| number > 0.0 && number <= 1.0, "a share above 0, of 1 at most")
}

impl Options {
    /// The stretch to draw from.
    pub fn span(&self) -> Result<Span> {
        Span::new(self.from, self.to)
    }

    /// How many threads.
    pub fn threads(&self) -> usize {
        self.threads.map_or_else(|| thread::available_parallelism().map_or(1, |cores| cores.get()), usize::from)
    }

    /// The assets that break, in a history.
    pub fn breaks(&self, assets: &[&Asset]) -> Result<Vec<Break>> {
        let one = |text: &String| {
            let (symbol, to) =
                text.split_once('=').with_context(|| format!("--break {text}: expected ASSET=SHARE, as USDC=0.87"))?;
            let asset = assets.iter().position(|asset| asset.symbol.eq_ignore_ascii_case(symbol));
            let asset = asset.with_context(|| {
                let listed: Vec<_> = assets.iter().map(|asset| asset.symbol).collect();
                format!("--break {text}: {symbol} is not listed; {} are", listed.join(", "))
            })?;
            let to = to.parse().ok().filter(|to| (0.001..1.0).contains(to));
            Ok(Break { asset, to: to.with_context(|| format!("--break {text}: not a share from 0.001 to below 1"))? })
        };
        self.breaks.iter().map(one).collect()
    }

    /// What all runs through a history have in common.
    pub fn scenario(&self, history: &History) -> Result<Scenario> {
        let People { leverage, never, attention, runners, flight, whale, insurance, floor, delay, outage, attack } =
            self.people;
        let setting = self.common.setting();
        let books = self.books;
        let depth = |(asset, volume): (&&Asset, &f64)| {
            // An account that stands for many sells as many times as much as it does.
            if asset.is_stable { f64::INFINITY } else { volume * books.depth / 100.0 / books.scale }
        };
        let depths: Vec<_> = history.assets.iter().zip(&history.volumes).map(depth).collect();
        for (asset, depth) in history.assets.iter().zip(&depths) {
            ensure!(
                *depth > 0.0,
                "{}: {} has no volume, which the depth of its book is taken from: add it to the file, or --depth inf",
                history.title,
                asset.symbol
            );
        }
        let mut phases = Phases::default();
        if self.phased {
            phases = books.phases(&depths);
        }
        Ok(Scenario {
            policy: self.policy,
            phases,
            traders: setting.traders,
            response: Response { leverage, never, attention, runners, flight },
            whale,
            insurance,
            depths,
            half_life: books.half_life as i64 * 60,
            floor,
            bots: BOTS.to_vec(),
            delay: delay.into(),
            outage: outage.into(),
            attack,
        })
    }
}

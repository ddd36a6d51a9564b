//! `ballast-lab stress-benchmark`: how many days of stress a second, and how that falls with the accounts.

use std::{path::PathBuf, thread, time::Instant};

use anyhow::{Context, Result};
use ballast_sim::{grid::Span, stats::thousands};
use clap::Args;

use super::{
    generator::{Days, Generator},
    options,
    runs::{Stage, pool},
    sources::histories,
};
use crate::{
    output::{print, write},
    table::Table,
};

/// Accounts with which it is measured.
const ACCOUNTS: [usize; 4] = [500, 1_000, 2_000, 4_000];
/// Runs that the aim speaks of.
const AIM: usize = 10_000;

/// Measures how many days of stress are played in a second, by the number of accounts.
#[derive(Args, Debug)]
pub struct Options {
    /// Runs with each number of accounts
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    runs: u32,

    /// Threads [default: all cores]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1_024))]
    threads: Option<u16>,

    /// Where the table goes as Markdown, if anywhere
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

/// Measures, and prints the table.
pub fn run(options: &Options) -> Result<()> {
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
    let threads = options.threads.map_or(cores, usize::from);
    let runs = options.runs as usize;
    let mut rows = Vec::new();
    let history = histories(Generator::Bootstrap, &[], &[], Span::ALL)?.pop().context("the long series")?;
    let mut scenario = options::default_scenario(&history)?;
    let days = Days::new(history, Generator::Bootstrap, Vec::new())?;
    for accounts in ACCOUNTS {
        scenario.traders = accounts;
        let (gathered, played) = pool(threads)?.install(|| {
            let start = Instant::now();
            let stage = Stage::new(&days, &scenario, 1, runs)?;
            let gathered = start.elapsed();
            let start = Instant::now();
            stage.play_all(0..runs, 1.0, &indicatif::ProgressBar::hidden())?;
            Ok::<_, anyhow::Error>((gathered, start.elapsed()))
        })?;
        let each = played.as_secs_f64() / runs as f64;
        rows.push(vec![
            thousands(accounts as u64),
            format!("{:.2}", 1.0 / each),
            format!("{:.1}", 1e3 * each * threads as f64),
            format!("{:.1}", gathered.as_secs_f64()),
            format!("{:.1}", AIM as f64 * each / 60.0),
        ]);
    }
    let header =
        vec!["Accounts", "Runs a second", "ms of a thread for a run", "Seconds to begin", "Minutes for 10,000 runs"];
    let table = Table { header, rows, numbers_from: 0 };
    if let Some(file) = &options.markdown {
        write(file, &table.markdown())?;
    }
    print(&format!("{runs} runs of a day with each number of accounts, on {threads} threads\n\n{}", table.plain()))
}

//! `ballast compare`: every stretch of history under both risk policies, with the same people and the same chance.

pub mod interest;
pub mod table;

use std::{
    path::PathBuf,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use clap::Args;
use indicatif::ProgressBar;

use crate::{
    demo::{
        PROGRAM, SEED, bytecode,
        grid::Grid,
        policy::Policy,
        print, progress,
        replay::{self, Setting},
        stats::Record,
        windows::Window,
        write,
    },
    report,
};

/// Plays stretches of history under both risk policies and compares what became of the same people.
#[derive(Args, Debug)]
pub struct Options {
    /// A stretch of history to play; may be repeated [default: all]
    #[arg(long = "window", value_name = "NAME")]
    windows: Vec<Window>,

    /// Margin accounts of traders in each; lenders come on top
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u16).range(1..=20_000))]
    accounts: u16,

    /// Seed of everything random: the same seed gives the same report
    #[arg(long, default_value_t = SEED)]
    seed: u64,

    /// Minutes that the liquidator stays away after each visit; at 0 it sees every price
    #[arg(long, value_name = "MINUTES", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=1_440))]
    absence: u16,

    /// The program's bytecode
    #[arg(long, value_name = "FILE", default_value = PROGRAM)]
    program: PathBuf,

    /// Where the report goes
    #[arg(long, value_name = "FILE", default_value = "target/demo/compare.html")]
    out: PathBuf,

    /// Where the table goes as Markdown, if anywhere
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

/// One window, played under each policy.
pub struct Comparison {
    /// What was played.
    pub window: Window,
    /// Its prices.
    pub grid: Grid,
    /// What happened, in the order of [`Policy::ALL`].
    pub runs: Vec<Run>,
}

/// One window under one policy.
pub struct Run {
    /// How risk was governed.
    pub policy: Policy,
    /// What happened.
    pub record: Record,
    /// How long it took; printed, but not in the files, which are the same for the same seed.
    pub took: Duration,
}

/// Runs the comparison, prints its table and writes its report.
pub fn run(options: &Options) -> Result<()> {
    let mut windows = if options.windows.is_empty() { Window::all() } else { options.windows.clone() };
    windows.sort();
    windows.dedup();
    let mut grids = Vec::new();
    for window in &windows {
        grids.push(window.grid()?);
    }
    let bytecode = bytecode(&options.program)?;
    let bars = grids.iter().map(|grid| grid.bars.len() * Policy::ALL.len()).sum::<usize>();
    let progress = progress(bars as u64)?;
    let setting = |policy| Setting {
        policy,
        traders: options.accounts as usize,
        seed: options.seed,
        absence: options.absence as i64 * 60,
    };
    let runs = play_all(&bytecode, &grids, setting, &progress);
    progress.finish_and_clear();
    let mut runs = runs?.into_iter();
    let comparisons: Vec<_> = windows
        .into_iter()
        .zip(grids)
        .map(|(window, grid)| Comparison { window, grid, runs: runs.by_ref().take(Policy::ALL.len()).collect() })
        .collect();

    write(&options.out, &report::compare(&comparisons, setting(Policy::Fixed))?)?;
    let mut text = table::plain(&comparisons);
    if let Some(file) = &options.markdown {
        write(file, &table::markdown(&comparisons))?;
        text += &format!("\nTable   {}", file.display());
    }
    print(&format!("{text}\nReport  {}\n", options.out.display()))
}

/// Plays every grid under every policy, on as many threads as the machine has cores; the results are in the order of
/// grids, then policies.
fn play_all(
    bytecode: &[u8],
    grids: &[Grid],
    setting: impl Fn(Policy) -> Setting + Sync,
    progress: &ProgressBar,
) -> Result<Vec<Run>> {
    let jobs: Vec<_> = grids.iter().flat_map(|grid| Policy::ALL.map(|policy| (grid, policy))).collect();
    // The longest stretch first, so that no thread is left alone with it at the end.
    let mut order: Vec<_> = (0..jobs.len()).collect();
    order.sort_by_key(|job| std::cmp::Reverse(jobs[*job].0.bars.len() as i64 * jobs[*job].0.interval));
    let next = AtomicUsize::new(0);
    let done = Mutex::new((0..jobs.len()).map(|_| None).collect::<Vec<Option<Result<Run>>>>());
    let work = || {
        while let Some(job) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (grid, policy) = jobs[*job];
            let start = Instant::now();
            let run = replay::run(bytecode, grid, setting(policy), progress).map(|record| Run {
                policy,
                record,
                took: start.elapsed(),
            });
            if run.is_err() {
                // Nothing more needs to be begun.
                next.store(order.len(), Ordering::Relaxed);
            }
            done.lock().unwrap_or_else(PoisonError::into_inner)[*job] = Some(run);
        }
    };
    let threads = thread::available_parallelism().map_or(1, |cores| cores.get()).min(jobs.len());
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    // A failure first: it is why others may not have been begun.
    if let Some(failed) = done.iter().position(|run| matches!(run, Some(Err(_)))) {
        return done.swap_remove(failed).into_iter().collect::<Result<_>>();
    }
    done.into_iter().map(|run| run.context("a replay was not begun")?).collect()
}

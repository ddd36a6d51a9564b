//! Stretches of history, each played in several variants by the same people with the same chance.

use std::{
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use ballast_sim::{
    grid::Grid,
    replay::{self, Setting},
    stats::Record,
    venue::Venue,
    windows::Window,
};
use indicatif::ProgressBar;

use crate::{
    options::Common,
    output::{print, progress, write},
    table::Table,
};

/// One window, played in each variant.
pub struct Comparison<R = Record> {
    /// What was played.
    pub window: Window,
    /// Its prices.
    pub grid: Grid,
    /// What happened, in the order of the variants.
    pub runs: Vec<Run<R>>,
}

/// One window in one variant.
pub struct Run<R = Record> {
    /// What happened.
    pub record: R,
    /// How long it took; printed, but not in the files, which are the same for the same seed.
    pub took: Duration,
}

/// Plays every window in every variant, each window once and in order of time. `variant` says what a window is played with, and `play`
/// plays that through the bytecode, calling its last argument after each bar.
pub fn play<V: Copy, S: Sync, R: Send>(
    common: &Common,
    mut windows: Vec<Window>,
    variants: &[V],
    variant: impl Fn(Window, &Grid, V) -> Result<S>,
    play: impl Fn(&[u8], &Grid, &S, &dyn Fn()) -> Result<R> + Sync,
) -> Result<Vec<Comparison<R>>> {
    windows.sort();
    windows.dedup();
    let mut grids = Vec::new();
    for window in &windows {
        grids.push(window.grid()?);
    }
    let bytecode = common.bytecode()?;
    let mut jobs = Vec::new();
    for (window, grid) in windows.iter().zip(&grids) {
        for chosen in variants {
            jobs.push((grid, variant(*window, grid, *chosen)?));
        }
    }
    let progress = progress(jobs.iter().map(|(grid, _)| grid.bars.len() as u64).sum())?;
    let runs = play_all(&bytecode, &jobs, &progress, play);
    progress.finish_and_clear();
    let mut runs = runs?.into_iter();
    let runs: Vec<_> = windows.iter().map(|_| runs.by_ref().take(variants.len()).collect()).collect();
    let comparisons = windows.into_iter().zip(grids).zip(runs);
    Ok(comparisons.map(|((window, grid), runs)| Comparison { window, grid, runs }).collect())
}

/// Plays a grid with a setting, into a venue.
pub fn replay(bytecode: &[u8], grid: &Grid, with: &(Setting, Venue), played: &dyn Fn()) -> Result<Record> {
    replay::run(bytecode, grid, with.0, with.1.clone(), played)
}

/// Plays all jobs on as many threads as the machine has cores; the results are in the order of the jobs.
fn play_all<S: Sync, R: Send>(
    bytecode: &[u8],
    jobs: &[(&Grid, S)],
    progress: &ProgressBar,
    play: impl Fn(&[u8], &Grid, &S, &dyn Fn()) -> Result<R> + Sync,
) -> Result<Vec<Run<R>>> {
    // The longest stretch first, so that no thread is left alone with it at the end.
    let mut order: Vec<_> = (0..jobs.len()).collect();
    order.sort_by_key(|job| std::cmp::Reverse(jobs[*job].0.bars.len() as i64 * jobs[*job].0.interval));
    let next = AtomicUsize::new(0);
    let done = Mutex::new((0..jobs.len()).map(|_| None).collect::<Vec<Option<Result<Run<R>>>>>());
    let work = || {
        while let Some(job) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (grid, setting) = &jobs[*job];
            let start = Instant::now();
            let run =
                play(bytecode, grid, setting, &|| progress.inc(1)).map(|record| Run { record, took: start.elapsed() });
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

/// Writes report and table, and prints the table with the time that each of its rows took.
pub fn publish<R>(
    comparisons: &[Comparison<R>],
    mut table: Table,
    html: &str,
    out: &Path,
    markdown: Option<&Path>,
) -> Result<()> {
    write(out, html)?;
    if let Some(file) = markdown {
        write(file, &table.markdown())?;
    }
    let runs = comparisons.iter().flat_map(|comparison| &comparison.runs);
    table.add_column("Time", runs.map(|run| format!("{:.1} s", run.took.as_secs_f64())));
    let mut text = table.plain();
    if let Some(file) = markdown {
        text += &format!("\nTable   {}", file.display());
    }
    print(&format!("{text}\nReport  {}\n", out.display()))
}

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
pub struct Comparison {
    /// What was played.
    pub window: Window,
    /// Its prices.
    pub grid: Grid,
    /// What happened, in the order of the variants.
    pub runs: Vec<Run>,
}

/// One window in one variant.
pub struct Run {
    /// What happened.
    pub record: Record,
    /// How long it took; printed, but not in the files, which are the same for the same seed.
    pub took: Duration,
}

/// Plays every window in every variant, each window once and in order of time. `variant` says what a grid is played with.
pub fn play<V: Copy>(
    common: &Common,
    mut windows: Vec<Window>,
    variants: &[V],
    variant: impl Fn(&Grid, V) -> (Setting, Venue),
) -> Result<Vec<Comparison>> {
    windows.sort();
    windows.dedup();
    let mut grids = Vec::new();
    for window in &windows {
        grids.push(window.grid()?);
    }
    let bytecode = common.bytecode()?;
    let mut jobs = Vec::new();
    for grid in &grids {
        jobs.extend(variants.iter().map(|chosen| (grid, variant(grid, *chosen))));
    }
    let progress = progress(jobs.iter().map(|(grid, _)| grid.bars.len() as u64).sum())?;
    let runs = play_all(&bytecode, &jobs, &progress);
    progress.finish_and_clear();
    let mut runs = runs?.into_iter();
    let runs: Vec<_> = windows.iter().map(|_| runs.by_ref().take(variants.len()).collect()).collect();
    let comparisons = windows.into_iter().zip(grids).zip(runs);
    Ok(comparisons.map(|((window, grid), runs)| Comparison { window, grid, runs }).collect())
}

/// Plays all jobs on as many threads as the machine has cores; the results are in the order of the jobs.
fn play_all(bytecode: &[u8], jobs: &[(&Grid, (Setting, Venue))], progress: &ProgressBar) -> Result<Vec<Run>> {
    // The longest stretch first, so that no thread is left alone with it at the end.
    let mut order: Vec<_> = (0..jobs.len()).collect();
    order.sort_by_key(|job| std::cmp::Reverse(jobs[*job].0.bars.len() as i64 * jobs[*job].0.interval));
    let next = AtomicUsize::new(0);
    let done = Mutex::new((0..jobs.len()).map(|_| None).collect::<Vec<Option<Result<Run>>>>());
    let work = || {
        while let Some(job) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (grid, (setting, venue)) = &jobs[*job];
            let start = Instant::now();
            let run = replay::run(bytecode, grid, *setting, venue.clone(), &|| progress.inc(1))
                .map(|record| Run { record, took: start.elapsed() });
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
pub fn publish(
    comparisons: &[Comparison],
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

//! `ballast-lab stress`: thousands of days of stress on the engine.
//!
//! [`ballast_sim::stress`] plays a day; here days are drawn, played in parallel, and summed up. `docs/risk.md` says what the
//! assumptions rest on, and what the figures do not know.

pub mod benchmark;
pub mod calibrate;
mod generator;
mod history;
mod json;
mod options;
mod reverse;
mod runs;
mod sensitivity;
mod sources;
pub mod statistics;
pub mod summary;

use anyhow::{Context, Result};
use ballast_sim::stress::{Scenario, outcome::Outcome};
use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    output::{print, write},
    report,
};
use generator::Days;
pub use options::Options;
pub use reverse::Reached;
use runs::{Finished, Stage, pool};
use sensitivity::Ranking;
use summary::{Check, Summed};

/// What was played of one source.
pub struct Played {
    /// Where the days came from.
    pub days: Days,
    /// What the runs had in common.
    pub scenario: Scenario,
    /// The runs, in order.
    pub outcomes: Vec<Outcome>,
    /// Their figures, in the order of [`summary::SHOWN`].
    pub sums: Vec<Summed>,
    /// The second half against the first.
    pub check: Check,
    /// What the answer hangs on, if it was asked.
    pub ranking: Option<Ranking>,
    /// The days that reach an amount of bad debt, if it was asked.
    pub reached: Option<Vec<Reached>>,
    /// Actions that the bytecode played alike, if it was asked.
    pub proved: Option<usize>,
}

/// What a result can be traced to.
pub struct Origin {
    /// SHA-256 of all files of prices.
    pub data: String,
    /// SHA-256 of the program's bytecode.
    pub program: String,
    /// Version of the laboratory.
    pub version: &'static str,
    /// SHA-256 of all settings but the number of runs.
    pub settings: String,
    /// What everything random comes from.
    pub seed: u64,
}

/// A progress bar over so many runs.
fn bar(runs: usize) -> Result<ProgressBar> {
    let progress = ProgressBar::new(runs as u64);
    progress.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} runs, {elapsed} gone, {eta} to go")?);
    Ok(progress)
}

/// Plays, prints its table and writes report and figures.
pub fn run(options: &Options) -> Result<()> {
    let seed = options.common.setting().seed;
    let bytecode = options.common.bytecode()?;
    let mut sources = Vec::new();
    for history in sources::histories(options.generator, &options.windows, &options.data, options.span()?)? {
        let (scenario, breaks) = (options.scenario(&history)?, options.breaks(&history.assets)?);
        sources.push((Days::new(history, options.generator, breaks.clone())?, scenario, breaks));
    }
    let files = sources.iter().flat_map(|(days, ..)| &days.history.files);
    let (data, program) = (sources::hash_files(files)?, sources::hash(&bytecode));
    let version = env!("CARGO_PKG_VERSION");
    let mut settings = format!("{version} {data} {program} {seed} {:?} {}", options.generator, options.shock);
    for (days, scenario, breaks) in &sources {
        settings += &format!(" {} {} {scenario:?} {breaks:?}", days.history.title, days.history.moves.len());
    }
    let origin = Origin { data, program, version, settings: sources::hash(settings.as_bytes()), seed };
    let mut finished = match &options.runs_file {
        Some(file) => Finished::open(file, &origin.settings, sources.len())?,
        None => Finished::nowhere(sources.len()),
    };
    let runs = options.runs as usize;
    let missing: usize = (0..sources.len()).map(|source| runs - finished.count(source, runs)).sum();
    let again = (options.sensitivity as usize).min(runs) * (sensitivity::COUNT + usize::from(options.sensitivity > 0));
    let searched = options.reverse.map_or(0, |_| options.reverse_runs as usize);
    let progress = bar(missing + (again + searched) * sources.len())?;
    let played = pool(options.threads())?.install(|| {
        let play = |(source, (days, scenario, _))| {
            play(options, &origin, &bytecode, (days, scenario), (source, &mut finished), &progress)
        };
        sources.into_iter().enumerate().map(play).collect::<Result<Vec<_>>>()
    });
    progress.finish_and_clear();
    let played = played?;

    let table = summary::table(played.iter().map(|one| (one.days.history.title.as_str(), one.sums.as_slice())));
    write(&options.out, &report::stress(&played, &origin, options)?)?;
    let figures = options.out.with_extension("json");
    write(&figures, &json::render(&played, &origin, options)?)?;
    let mut text = table.plain();
    if let Some(file) = &options.markdown {
        write(file, &table.markdown())?;
        text += &format!("\nTable   {}", file.display());
    }
    print(&format!("{text}\nReport  {}\nFigures {}\n", options.out.display(), figures.display()))
}

/// Everything that is asked of one source.
fn play(
    options: &Options,
    origin: &Origin,
    bytecode: &[u8],
    (days, scenario): (Days, Scenario),
    (source, finished): (usize, &mut Finished),
    progress: &ProgressBar,
) -> Result<Played> {
    let (seed, runs, shock) = (origin.seed, options.runs as usize, options.shock);
    let (outcomes, reached, proved) = {
        let stage = Stage::new(&days, &scenario, seed, runs)?;
        let outcomes = finished.complete(source, runs, &stage, shock, progress)?;
        let reached = options
            .reverse
            .map(|amount| reverse::search(&stage, options.reverse_runs as usize, amount, progress))
            .transpose()?;
        let compared = (0..options.prove as usize).map(|run| {
            stage.prove(bytecode, run, shock).with_context(|| format!("run {run} cannot be proved on the bytecode"))
        });
        let proved = (options.prove > 0).then(|| compared.sum::<Result<usize>>()).transpose()?;
        (outcomes, reached, proved)
    };
    let again = (options.sensitivity as usize).min(runs);
    let ranking =
        (again > 0).then(|| sensitivity::rank(&days, &scenario, seed, (again, shock), progress)).transpose()?;
    let sums = summary::SHOWN.iter().map(|(figure, ..)| summary::sum(&outcomes, *figure, seed)).collect();
    let check = summary::check(&outcomes)?;
    Ok(Played { days, scenario, outcomes, sums, check, ranking, reached, proved })
}

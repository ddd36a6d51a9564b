//! `ballast demo`: seven real days through the program's bytecode.

pub mod assets;
mod audit;
pub mod bars;
pub mod behaviour;
pub mod liquidator;
mod options;
pub mod oracle;
pub mod population;
mod replay;
pub mod stats;
pub mod time;
mod world;

use std::io::Write;

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};

use crate::report;
use assets::PRICED;
pub use options::Options;

/// Runs the demo, prints its summary and writes its report.
pub fn run(options: &Options) -> Result<()> {
    let window = options.window()?;
    let mut series = Vec::new();
    for (symbol, file) in PRICED.iter().zip(options.files()?) {
        series.push((*symbol, bars::read(&file)?));
    }
    let grid = bars::join(&series, window)?;
    let bytecode = std::fs::read(&options.program).with_context(|| {
        format!("cannot read the program {}: build it with scripts/build", options.program.display())
    })?;

    let progress = ProgressBar::new(grid.bars.len() as u64);
    progress.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} bars, {elapsed} gone, {eta} to go")?);
    let record = replay::run(&bytecode, &grid, options.accounts as usize, options.seed, &progress);
    progress.finish_and_clear();
    let record = record?;

    let html = report::render(&record, &grid, options.seed)?;
    if let Some(folder) = options.out.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create the folder {}", folder.display()))?;
    }
    std::fs::write(&options.out, html).with_context(|| format!("cannot write {}", options.out.display()))?;

    let mut lines = record.summary();
    lines.push(("Report", options.out.display().to_string()));
    let text: String = lines.iter().map(|(label, value)| format!("{label:38} {value}\n")).collect();
    std::io::stdout().write_all(text.as_bytes()).context("cannot print the summary")?;
    Ok(())
}

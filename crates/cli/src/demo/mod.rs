//! `ballast demo`: real prices through the program's bytecode.

pub mod assets;
mod audit;
pub mod bars;
pub mod batch;
pub mod behaviour;
mod chance;
pub mod grid;
pub mod liquidator;
mod options;
pub mod oracle;
pub mod policy;
pub mod population;
pub mod replay;
pub mod stats;
pub mod table;
pub mod time;
pub mod venue;
pub mod windows;
mod world;

use std::{io::Write, path::Path};

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};

use crate::report;
pub use options::{Common, Options};
use replay::Setting;
use venue::Venue;

/// Runs the demo, prints its summary and writes its report.
pub fn run(options: &Options) -> Result<()> {
    let span = options.span()?;
    let grid = windows::load(&options.files()?, span)?;
    let bytecode = bytecode(&options.common.program)?;

    let progress = progress(grid.bars.len() as u64)?;
    let setting = Setting { policy: options.policy, absence: options.absence as i64 * 60, ..options.common.setting() };
    let record = replay::run(&bytecode, &grid, setting, Venue::refilling(&grid.assets), &progress);
    progress.finish_and_clear();
    let record = record?;

    write(&options.out, &report::render(&record, &grid, setting)?)?;
    let mut lines = record.summary();
    lines.push(("Report", options.out.display().to_string()));
    let text: String = lines.iter().map(|(label, value)| format!("{label:38} {value}\n")).collect();
    print(&text)
}

/// Reads the program.
fn bytecode(program: &Path) -> Result<Vec<u8>> {
    std::fs::read(program)
        .with_context(|| format!("cannot read the program {}: build it with scripts/build", program.display()))
}

/// A progress bar over so many bars of prices.
fn progress(bars: u64) -> Result<ProgressBar> {
    let progress = ProgressBar::new(bars);
    progress.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} bars, {elapsed} gone, {eta} to go")?);
    Ok(progress)
}

/// Writes a file, and its folder if need be.
fn write(file: &Path, text: &str) -> Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create the folder {}", folder.display()))?;
    }
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

/// Prints to standard output.
fn print(text: &str) -> Result<()> {
    std::io::stdout().write_all(text.as_bytes()).context("cannot print the summary")
}

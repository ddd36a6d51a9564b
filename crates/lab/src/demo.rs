//! `ballast-lab demo`: real prices through the program's bytecode.

use anyhow::Result;
use ballast_sim::{
    replay::{self, Setting},
    venue::Venue,
    windows,
};

use crate::{
    options::Options,
    output::{print, progress, write},
    report,
};

/// Runs the demo, prints its summary and writes its report.
pub fn run(options: &Options) -> Result<()> {
    let span = options.span()?;
    let grid = windows::load(&options.files()?, span)?;
    let bytecode = options.common.bytecode()?;

    let progress = progress(grid.bars.len() as u64)?;
    let setting = Setting { policy: options.policy, absence: options.absence as i64 * 60, ..options.common.setting() };
    let record = replay::run(&bytecode, &grid, setting, Venue::refilling(&grid.assets), &|| progress.inc(1));
    progress.finish_and_clear();
    let record = record?;

    write(&options.out, &report::render(&record, &grid, setting)?)?;
    let mut lines = record.summary();
    lines.push(("Report", options.out.display().to_string()));
    let text: String = lines.iter().map(|(label, value)| format!("{label:38} {value}\n")).collect();
    print(&text)
}

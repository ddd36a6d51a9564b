//! What is printed and written.

use std::{io::Write, path::Path};

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};

/// A progress bar over so many bars of prices.
pub fn progress(bars: u64) -> Result<ProgressBar> {
    let progress = ProgressBar::new(bars);
    progress.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} bars, {elapsed} gone, {eta} to go")?);
    Ok(progress)
}

/// Writes a file, and its folder if need be.
pub fn write(file: &Path, text: &str) -> Result<()> {
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create the folder {}", folder.display()))?;
    }
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

/// Prints to standard output.
pub fn print(text: &str) -> Result<()> {
    std::io::stdout().write_all(text.as_bytes()).context("cannot print the summary")
}

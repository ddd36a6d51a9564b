//! The command line of `ballast demo`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use super::{assets::PRICED, bars::Window, time};

/// Plays seven days of real prices, with the crash of 10 October 2025, through the program's bytecode.
#[derive(Args, Debug)]
pub struct Options {
    /// Folder with one CSV file (plain or gzipped) for each of SOL, BTC and ETH, whose name begins with `sol`, `btc`,
    /// `eth`; or `asset=FILE`, once for each. Columns: timestamp,open,high,low,close,volume
    #[arg(long, value_name = "FOLDER|ASSET=FILE", default_value = "data/prices")]
    data: Vec<String>,

    /// Margin accounts of traders; lenders come on top
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u16).range(1..=20_000))]
    pub accounts: u16,

    /// Seed of everything random: the same seed gives the same report
    #[arg(long, default_value_t = 20_251_010)]
    pub seed: u64,

    /// First bar: a date or time in UTC (2025-10-10, 2025-10-10T21:15Z) or unix seconds
    #[arg(long, value_parser = time::parse, default_value_t = 0, hide_default_value = true)]
    from: i64,

    /// End, excluded, in the same forms
    #[arg(long, value_parser = time::parse, default_value_t = i64::MAX, hide_default_value = true)]
    to: i64,

    /// The program's bytecode
    #[arg(long, value_name = "FILE", default_value = "target/deploy/ballast.so")]
    pub program: PathBuf,

    /// Where the report goes
    #[arg(long, value_name = "FILE", default_value = "target/demo/report.html")]
    pub out: PathBuf,
}

impl Options {
    /// The stretch of time to play.
    pub fn window(&self) -> Result<Window> {
        ensure!(self.from < self.to, "--from must be before --to");
        Ok(Window { from: self.from, to: self.to })
    }

    /// The file of each priced asset, in their order.
    pub fn files(&self) -> Result<Vec<PathBuf>> {
        let folder = self.data.iter().find(|entry| !entry.contains('='));
        for entry in &self.data {
            if let Some((asset, _)) = entry.split_once('=') {
                let known = PRICED.iter().any(|symbol| symbol.eq_ignore_ascii_case(asset));
                ensure!(known, "--data {entry}: the assets are {}", PRICED.join(", "));
            }
        }
        PRICED
            .iter()
            .map(|symbol| {
                let given = self.data.iter().filter_map(|entry| entry.split_once('='));
                match given.into_iter().find(|(asset, _)| symbol.eq_ignore_ascii_case(asset)) {
                    Some((_, file)) => Ok(PathBuf::from(file)),
                    None => match folder {
                        Some(folder) => find(Path::new(folder), symbol),
                        None => bail!("--data names no file for {symbol}"),
                    },
                }
            })
            .collect()
    }
}

/// The one file of an asset in a folder.
fn find(folder: &Path, symbol: &str) -> Result<PathBuf> {
    let prefix = format!("{}-", symbol.to_lowercase());
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot read the folder {}", folder.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("cannot read the folder {}", folder.display()))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        if name.starts_with(&prefix) && (name.ends_with(".csv") || name.ends_with(".csv.gz")) {
            found.push(path);
        }
    }
    found.sort();
    match &found[..] {
        [path] => Ok(path.clone()),
        [] => bail!("{}: no file {prefix}*.csv or {prefix}*.csv.gz", folder.display()),
        [first, second, ..] => bail!(
            "{}: several files for {symbol} ({}, {}): choose with --data {}=FILE",
            folder.display(),
            first.display(),
            second.display(),
            symbol.to_lowercase()
        ),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        options: Options,
    }

    fn options(arguments: &[&str]) -> Options {
        Command::parse_from([&["demo"], arguments].concat()).options
    }

    #[test]
    fn files_can_be_named_one_by_one() -> Result<()> {
        let options = options(&["--data", "sol=a.csv", "--data", "eth=c.csv", "--data", "BTC=b.csv"]);
        assert_eq!(options.files()?, ["a.csv", "b.csv", "c.csv"].map(PathBuf::from));
        Ok(())
    }

    #[test]
    fn a_missing_or_unknown_asset_is_named() {
        let message = |options: Options| options.files().map_err(|error| error.to_string());
        assert_eq!(message(options(&["--data", "sol=a.csv"])), Err("--data names no file for BTC".into()));
        assert_eq!(
            message(options(&["--data", "doge=a.csv"])),
            Err("--data doge=a.csv: the assets are SOL, BTC, ETH".into())
        );
        assert!(message(options(&["--data", "no/such/folder"])).is_err_and(|error| error.contains("no/such/folder")));
    }

    #[test]
    fn the_window_must_not_be_empty() {
        let window =
            options(&["--from", "2025-10-10", "--to", "2025-10-11"]).window().map(|window| window.to - window.from);
        assert_eq!(window.ok(), Some(86_400));
        assert!(options(&["--from", "2025-10-11", "--to", "2025-10-11"]).window().is_err());
        assert!(options(&[]).window().is_ok());
    }
}

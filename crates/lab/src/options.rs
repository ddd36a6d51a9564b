//! The command line of `ballast-lab demo`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ballast_sim::{
    assets::{ASSETS, Asset, find},
    grid::Span,
    policy::Policy,
    replay::{Phases, Setting},
    windows::{FOLDER, Window},
};
use ballast_time as time;
use clap::Args;

/// Plays a stretch of real prices, by default the week of the crash of 10 October 2025, through the program's bytecode.
#[derive(Args, Debug)]
pub struct Options {
    /// The stretch of history to play
    #[arg(long, value_name = "NAME", default_value = "october-2025")]
    pub window: Window,

    /// Prices of one's own: a folder with one CSV file (plain or gzipped) for each asset of the window, whose name begins
    /// with `sol-`, `btc-`, `eth-`; or `asset=FILE`, once for each. `usdc` and `usdt` may be added, and stand at 1 USD
    /// otherwise. Any table of time, open, high, low, close and volume, as exchanges and common tools write it;
    /// data/README.md says more
    #[arg(long, value_name = "FOLDER|ASSET=FILE", default_value = FOLDER)]
    data: Vec<String>,

    /// How the market's risk is governed
    #[arg(long, default_value = "fixed")]
    pub policy: Policy,

    /// What all replays take.
    #[command(flatten)]
    pub common: Common,

    /// Minutes that the liquidator stays away after each visit; at 0 it sees every price
    #[arg(long, value_name = "MINUTES", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=1_440))]
    pub absence: u16,

    /// First bar: a date or time (2025-10-10, 2025-10-10T21:15Z; UTC if it names no zone), or unix time
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    from: Option<i64>,

    /// End, excluded, in the same forms
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    to: Option<i64>,

    /// Where the report goes
    #[arg(long, value_name = "FILE", default_value = "target/demo/report.html")]
    pub out: PathBuf,
}

/// What all replays are told.
#[derive(Args, Debug)]
pub struct Common {
    /// Margin accounts of traders in each stretch; lenders come on top
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u16).range(1..=20_000))]
    accounts: u16,

    /// Seed of everything random: the same seed gives the same report
    #[arg(long, default_value_t = 20_251_010)]
    seed: u64,

    /// The program's bytecode
    #[arg(long, value_name = "FILE", default_value = "target/deploy/ballast.so")]
    pub program: PathBuf,
}

impl Common {
    /// Reads the program.
    pub fn bytecode(&self) -> Result<Vec<u8>> {
        std::fs::read(&self.program)
            .with_context(|| format!("cannot read the program {}: build it with scripts/build", self.program.display()))
    }

    /// What is the same in all replays; under the fixed policy, with a liquidator that is always there.
    pub fn setting(&self) -> Setting {
        let phases = Phases::default();
        Setting { policy: Policy::Fixed, traders: self.accounts as usize, seed: self.seed, absence: 0, phases }
    }
}

impl Options {
    /// The stretch of time to play.
    pub fn span(&self) -> Result<Span> {
        Span::new(self.from, self.to)
    }

    /// The file of each asset that has one. The window's volatile assets must have one, others may.
    pub fn files(&self) -> Result<Vec<(&'static Asset, PathBuf)>> {
        let mut folder = None;
        let mut files: Vec<(&'static Asset, PathBuf)> = Vec::new();
        for entry in &self.data {
            match entry.split_once('=') {
                None => {
                    if let Some(first) = folder.replace(Path::new(entry)) {
                        bail!("--data names two folders, {} and {entry}", first.display());
                    }
                }
                Some((symbol, file)) => {
                    let symbols = ASSETS.each_ref().map(|asset| asset.symbol);
                    let asset = find(symbol)
                        .with_context(|| format!("--data {entry}: the assets are {}", symbols.join(", ")))?;
                    if let Some((_, first)) = files.iter().find(|(of, _)| of.symbol == asset.symbol) {
                        bail!("--data names two files for {}, {} and {file}", asset.symbol, first.display());
                    }
                    files.push((asset, PathBuf::from(file)));
                }
            }
        }
        let is_named =
            |files: &[(&Asset, PathBuf)], asset: &Asset| files.iter().any(|(of, _)| of.symbol == asset.symbol);
        let window = self.window.files(folder.unwrap_or(Path::new("")));
        // The repository's own folder holds several windows: there the names of the files tell them apart.
        let is_own = folder.is_some() && window.iter().all(|(_, file)| file.exists());
        for asset in &ASSETS {
            let own = window.iter().find(|(of, _)| of.symbol == asset.symbol);
            if is_named(&files, asset) || own.is_none() && (is_own || !asset.is_stable) {
                continue;
            }
            let found = match (own, folder) {
                (Some((_, file)), _) if is_own => Some(file.clone()),
                (_, Some(folder)) => search(folder, asset.symbol)?,
                _ => None,
            };
            match (found, folder) {
                (Some(file), _) => files.push((asset, file)),
                (None, _) if asset.is_stable => {}
                (None, None) => bail!("--data names no file for {}", asset.symbol),
                (None, Some(folder)) => {
                    let prefix = asset.symbol.to_lowercase();
                    bail!("{}: no file {prefix}-*.csv or {prefix}-*.csv.gz", folder.display())
                }
            }
        }
        Ok(files)
    }
}

/// The one file of an asset in a folder, if there is any.
fn search(folder: &Path, symbol: &str) -> Result<Option<PathBuf>> {
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
        [] => Ok(None),
        [path] => Ok(Some(path.clone())),
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
        let mut files: Vec<_> = options.files()?.into_iter().map(|(asset, file)| (asset.symbol, file)).collect();
        files.sort();
        assert_eq!(files, [("BTC", "b.csv"), ("ETH", "c.csv"), ("SOL", "a.csv")].map(|(of, file)| (of, file.into())));
        Ok(())
    }

    #[test]
    fn a_missing_or_unknown_asset_is_named() {
        let message = |options: Options| options.files().map(|files| files.len()).map_err(|error| error.to_string());
        assert_eq!(message(options(&["--data", "sol=a.csv"])), Err("--data names no file for BTC".into()));
        assert_eq!(
            message(options(&["--data", "doge=a.csv"])),
            Err("--data doge=a.csv: the assets are SOL, BTC, ETH, USDC, USDT".into())
        );
        assert!(message(options(&["--data", "no/such/folder"])).is_err_and(|error| error.contains("no/such/folder")));
    }

    #[test]
    fn a_window_without_sol_asks_for_none_but_takes_one() {
        let names = |arguments: &[&str]| options(arguments).files().map(|files| files.len()).ok();
        assert_eq!(names(&["--window", "march-2020", "--data", "btc=b.csv", "--data", "eth=c.csv"]), Some(2));
        let all = ["--window", "march-2020", "--data", "btc=b.csv", "--data", "eth=c.csv", "--data", "sol=a.csv"];
        assert_eq!(names(&all), Some(3));
    }

    #[test]
    fn the_span_must_not_be_empty() {
        let span = options(&["--from", "2025-10-10", "--to", "2025-10-11"]).span().map(|span| span.to - span.from);
        assert_eq!(span.ok(), Some(86_400));
        assert!(options(&["--from", "2025-10-11", "--to", "2025-10-11"]).span().is_err());
        assert!(options(&[]).span().is_ok());
    }

    #[test]
    fn from_and_to_take_what_files_do() {
        let from = |text| {
            let parsed = Command::try_parse_from(["demo", "--from", text]).map_err(|error| error.to_string())?;
            parsed.options.span().map(|span| span.from).map_err(|error| error.to_string())
        };
        for text in ["1760126400", "1760126400000", "1760126400.0", "2025-10-10T20:00Z", "2025-10-10 22:00+02:00"] {
            assert_eq!(from(text), Ok(1_760_126_400), "{text}");
        }
        for text in ["57746", "17601264000", "176012640000", "1760126400000000000"] {
            let error = from(text).expect_err(text);
            assert!(error.contains("no time from 2009 to 2100 in seconds, milliseconds or microseconds"), "{error}");
        }
    }

    #[test]
    fn what_is_named_twice_is_refused() {
        let message = |data: &[&str]| options(data).files().map(|files| files.len()).map_err(|error| error.to_string());
        let twice = ["--data", "sol=a.csv", "--data", "SOL=b.csv"];
        assert_eq!(message(&twice), Err("--data names two files for SOL, a.csv and b.csv".into()));
        assert_eq!(message(&["--data", "a", "--data", "b"]), Err("--data names two folders, a and b".into()));
    }
}

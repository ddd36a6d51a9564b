//! Where a stress run's history comes from: the windows, the long series, or files of one's own.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use ballast_sim::{
    assets::{ASSETS, Asset, find},
    grid::Span,
    windows::{FOLDER, Window, load},
};
use sha2::{Digest, Sha256};

use super::{generator::Generator, history::History};

/// The long series, and the first hour that all of them have.
pub const LONG: [(&str, &str); 3] = [
    ("SOL", "sol-usdt-2020-08-to-2025-12-1h.csv.gz"),
    ("BTC", "btc-usdt-2018-01-to-2025-12-1h.csv.gz"),
    ("ETH", "eth-usdt-2018-01-to-2025-12-1h.csv.gz"),
];
const SHARED: Span = Span { from: 1_597_125_600, to: i64::MAX };

/// The histories that are asked for: each window by itself, else one.
pub fn histories(generator: Generator, windows: &[Window], data: &[String], span: Span) -> Result<Vec<History>> {
    ensure!(
        windows.is_empty() || generator == Generator::Replay && data.is_empty(),
        "--window goes with --generator replay, and without --data"
    );
    if !data.is_empty() {
        let files = own(data)?;
        return Ok(vec![history("own data".into(), &files, span)?]);
    }
    let folder = Path::new(FOLDER);
    if generator != Generator::Replay {
        let files = LONG.iter().filter_map(|(symbol, file)| Some((find(symbol)?, folder.join(file))));
        let shared = Span { from: span.from.max(SHARED.from), to: span.to };
        return Ok(vec![history("August 2020 to December 2025".into(), &files.collect::<Vec<_>>(), shared)?]);
    }
    let mut chosen = if windows.is_empty() { Window::ALL.to_vec() } else { windows.to_vec() };
    chosen.sort();
    chosen.dedup();
    chosen.into_iter().map(|window| history(window.title().into(), &window.files(folder), span)).collect()
}

fn history(title: String, files: &[(&'static Asset, PathBuf)], span: Span) -> Result<History> {
    let grid = load(files, span)?;
    History::new(title, &grid, files.iter().map(|(_, file)| file.clone()).collect())
}

/// Files named as `asset=FILE`.
fn own(data: &[String]) -> Result<Vec<(&'static Asset, PathBuf)>> {
    let mut files: Vec<(&'static Asset, PathBuf)> = Vec::new();
    for entry in data {
        let symbols = ASSETS.each_ref().map(|asset| asset.symbol).join(", ");
        let (symbol, file) = entry.split_once('=').with_context(|| format!("--data {entry}: expected ASSET=FILE"))?;
        let asset = find(symbol).with_context(|| format!("--data {entry}: {symbol} is none of {symbols}"))?;
        if files.iter().any(|(other, _)| other.symbol == asset.symbol) {
            bail!("--data names {} twice", asset.symbol);
        }
        files.push((asset, PathBuf::from(file)));
    }
    ensure!(
        files.iter().any(|(asset, _)| !asset.is_stable),
        "--data names no volatile asset: nobody would have anything to lose"
    );
    Ok(files)
}

/// The SHA-256 of bytes, in hexadecimal.
pub fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The hash of files, one after the other.
pub fn hash_files<'a>(files: impl Iterator<Item = &'a PathBuf>) -> Result<String> {
    let mut digest = Sha256::new();
    for file in files {
        digest.update(std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?);
    }
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

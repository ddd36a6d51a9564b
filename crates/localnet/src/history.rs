//! The prices that the feeds follow: a stretch of history, or fixed ones.

use std::{collections::BTreeMap, path::PathBuf, str::FromStr};

use anyhow::{Context, Result, anyhow, bail, ensure};
use ballast_sim::{
    assets::{ASSETS, Asset, find},
    bars::Bar,
    grid::{Grid, Span},
    oracle::{confidence, path},
    windows::{FOLDER, Window, load},
};

/// Where prices come from.
#[derive(Clone, Debug)]
pub struct Source {
    /// The stretch of history.
    pub window: Window,
    /// The folder with the window's files.
    pub folder: PathBuf,
    /// Assets whose prices come from elsewhere.
    pub own: Vec<OwnPrices>,
    /// From a second, included, to a second, excluded.
    pub span: Span,
}

impl Default for Source {
    fn default() -> Self {
        Self { window: Window::October2025, folder: FOLDER.into(), own: Vec::new(), span: Span::ALL }
    }
}

/// One asset's own prices: `SOL=FILE` or `SOL=150.5`.
#[derive(Clone, Debug)]
pub struct OwnPrices {
    asset: &'static Asset,
    from: Own,
}

#[derive(Clone, Debug)]
enum Own {
    File(PathBuf),
    Dollars(f64),
}

impl FromStr for OwnPrices {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (symbol, from) = text.split_once('=').context("neither SYMBOL=FILE nor SYMBOL=USD")?;
        let symbols = || ASSETS.each_ref().map(|asset| asset.symbol).join(", ");
        let asset = find(symbol).with_context(|| format!("there is no {symbol}, only {}", symbols()))?;
        let from = match from.parse::<f64>() {
            Ok(dollars) => Own::Dollars(check(dollars)?),
            Err(_) => Own::File(from.into()),
        };
        Ok(Self { asset, from })
    }
}

/// A price that a feed can publish.
pub fn check(dollars: f64) -> Result<f64> {
    ensure!((1e-6..1e9).contains(&dollars), "a price of {dollars} USD is not between 0.000001 and a billion");
    Ok(dollars)
}

/// Prices over time, of a market's reserves in their order.
pub struct History {
    grid: Grid,
}

impl History {
    /// Reads the prices of a market's reserves, which are named after the demo's assets.
    pub fn read(source: &Source, reserves: &[String]) -> Result<Self> {
        let mut own = BTreeMap::new();
        for OwnPrices { asset, from } in &source.own {
            ensure!(own.insert(asset.symbol, from).is_none(), "--prices names {} twice", asset.symbol);
        }
        let mut files = source.window.files(&source.folder);
        files.retain(|(asset, _)| !own.contains_key(asset.symbol));
        files.extend(source.own.iter().filter_map(|own| match &own.from {
            Own::File(file) => Some((own.asset, file.clone())),
            Own::Dollars(_) => None,
        }));
        let mut grid = load(&files, source.span)?;
        for (asset, (low, high)) in grid.assets.iter().zip(grid.extremes()) {
            check(low).and(check(high)).context(asset.symbol)?;
        }
        for own in &source.own {
            if let Own::Dollars(dollars) = own.from {
                stand_still(&mut grid, own.asset, dollars);
            }
        }
        let window = source.window.title();
        let index = |name: &String| {
            let found = grid.assets.iter().position(|asset| asset.symbol == name);
            found.ok_or_else(|| anyhow!("{window} has no prices of {name}: add --prices {name}=FILE or {name}=USD"))
        };
        let order = reserves.iter().map(index).collect::<Result<Vec<_>>>()?;
        if grid.bars.is_empty() {
            bail!("{window} has no prices between --from and --to");
        }
        let bars = grid.bars.iter().map(|bars| order.iter().map(|&index| bars[index]).collect()).collect();
        let assets = order.iter().map(|&index| grid.assets[index]).collect();
        let is_played = order.iter().map(|&index| grid.is_played[index]).collect();
        Ok(Self { grid: Grid { assets, is_played, bars, interval: grid.interval } })
    }

    /// The bars, in the order of the reserves.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// The first second, and the one after the last.
    pub fn span(&self) -> Span {
        let time = |bars: Option<&Vec<Bar>>| bars.map_or(0, |bars| bars[0].time);
        Span { from: time(self.grid.bars.first()), to: time(self.grid.bars.last()) + self.grid.interval }
    }

    /// Each reserve's price and its confidence ÷ price at a time. In a hole of the data, and after the end, the last price
    /// stands.
    pub fn at(&self, time: i64) -> Vec<(f64, f64)> {
        let next = self.grid.bars.partition_point(|bars| bars[0].time <= time).max(1);
        let bars = &self.grid.bars[next - 1];
        let interval = self.grid.interval;
        bars.iter().map(|bar| (inside(bar, interval, time - bar.time), confidence(bar, interval))).collect()
    }
}

/// The price so many seconds after a bar's opening, on straight lines between the prices that the demo publishes in it.
fn inside(bar: &Bar, interval: i64, seconds: i64) -> f64 {
    let points = path(bar, interval);
    let next = points.partition_point(|point| point.0 <= seconds);
    let Some(&(end, to)) = points.get(next) else { return bar.close };
    let Some(&(start, from)) = next.checked_sub(1).and_then(|before| points.get(before)) else { return bar.open };
    from + (to - from) * (seconds - start) as f64 / (end - start) as f64
}

/// Lets an asset stand at one price.
fn stand_still(grid: &mut Grid, asset: &'static Asset, price: f64) {
    let index = grid.assets.iter().position(|listed| listed.symbol == asset.symbol).unwrap_or_else(|| {
        grid.assets.push(asset);
        grid.is_played.push(false);
        grid.assets.len() - 1
    });
    for bars in &mut grid.bars {
        let bar = Bar { time: bars[0].time, open: price, high: price, low: price, close: price, volume: 0.0 };
        if index < bars.len() { bars[index] = bar } else { bars.push(bar) }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn source(window: Window, own: &[&str]) -> Result<Source> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(FOLDER);
        let own = own.iter().map(|text| text.parse()).collect::<Result<_>>()?;
        Ok(Source { window, folder, own, span: Span::ALL })
    }

    fn read(window: Window, own: &[&str], names: &[&str]) -> Result<History> {
        let names: Vec<_> = names.iter().map(|name| name.to_string()).collect();
        History::read(&source(window, own)?, &names)
    }

    #[test]
    fn prices_come_in_the_order_of_the_reserves() -> Result<()> {
        let history = read(Window::October2025, &[], &["USDC", "BTC", "SOL"])?;
        let first = history.at(history.span().from);
        let [usdc, btc, sol] = [0, 1, 2].map(|index| first[index].0);
        assert!(usdc == 1.0 && (100_000.0..130_000.0).contains(&btc) && (150.0..300.0).contains(&sol), "{first:?}");
        Ok(())
    }

    #[test]
    fn a_bar_is_walked_through_its_extremes_without_jumps() -> Result<()> {
        let bar = Bar { time: 0, open: 100.0, high: 104.0, low: 80.0, close: 90.0, volume: 1.0 };
        let prices: Vec<_> = (0..300).map(|second| inside(&bar, 300, second)).collect();
        assert_eq!((prices[0], prices[50], prices[100], prices[200], prices[299]), (100.0, 102.0, 104.0, 80.0, 90.0));
        assert!(prices.windows(2).all(|pair| (pair[1] - pair[0]).abs() < 0.25));
        Ok(())
    }

    #[test]
    fn the_last_price_stands_after_the_end() -> Result<()> {
        let history = read(Window::October2025, &[], &["SOL"])?;
        let end = history.span().to;
        assert_eq!(history.at(end - 1)[0].0, history.grid().bars.last().expect("bars")[0].close);
        assert_eq!(history.at(end - 1), history.at(end + 86_400));
        Ok(())
    }

    #[test]
    fn an_asset_can_stand_still() -> Result<()> {
        let history = read(Window::March2020, &["SOL=150.5", "usdc=0.9"], &["SOL", "USDC", "BTC"])?;
        let span = history.span();
        for time in [span.from, (span.from + span.to) / 2, span.to] {
            let prices = history.at(time);
            assert_eq!((prices[0].0, prices[1].0), (150.5, 0.9));
        }
        assert_ne!(history.at(span.from)[2], history.at(span.to)[2]);
        Ok(())
    }

    #[test]
    fn what_has_no_price_is_named() {
        let error = |window, own: &[&str], names: &[&str]| match read(window, own, names) {
            Ok(_) => String::new(),
            Err(error) => format!("{error:#}"),
        };
        assert_eq!(
            error(Window::March2020, &[], &["SOL"]),
            "March 2020 has no prices of SOL: add --prices SOL=FILE or SOL=USD"
        );
        assert_eq!(error(Window::March2020, &["DOGE=1"], &["SOL"]), "there is no DOGE, only SOL, BTC, ETH, USDC, USDT");
        assert!(error(Window::March2020, &["SOL=no/such.csv"], &["SOL"]).starts_with("cannot open no/such.csv"));
        assert!(error(Window::March2020, &["SOL=-1"], &["SOL"]).contains("a price of -1 USD is not between"));
        assert_eq!(error(Window::March2020, &["SOL"], &["SOL"]), "neither SYMBOL=FILE nor SYMBOL=USD");
        assert_eq!(error(Window::March2020, &["SOL=1", "sol=2"], &["SOL"]), "--prices names SOL twice");
    }

    #[test]
    fn prices_that_cannot_be_published_are_refused() -> Result<()> {
        let file = std::env::temp_dir().join(format!("ballast-history-{}.csv", std::process::id()));
        let rows = (0..288).map(|hour| format!("{},2e-7,2e-7,2e-7,2e-7,1\n", 1_583_625_600 + hour * 3_600));
        std::fs::write(&file, "timestamp,open,high,low,close,volume\n".to_owned() + &rows.collect::<String>())?;
        let read = read(Window::March2020, &[&format!("SOL={}", file.display())], &["SOL"]);
        std::fs::remove_file(&file)?;
        let error = format!("{:#}", read.err().context("read")?);
        assert_eq!(error, "SOL: a price of 0.0000002 USD is not between 0.000001 and a billion");
        Ok(())
    }
}

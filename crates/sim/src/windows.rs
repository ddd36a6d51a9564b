//! The stretches of history that come with the repository (`data/README.md`).

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{
    assets::{Asset, find},
    bars,
    grid::{Grid, Span, join},
};

/// Where the repository keeps its prices.
pub const FOLDER: &str = "data/prices";

/// A stretch of history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Window {
    /// The first days of the pandemic: BTC and ETH lost half in two days (1 hour; SOL did not trade yet)
    #[cfg_attr(feature = "clap", value(name = "march-2020"))]
    March2020,
    /// Celsius stops withdrawals, Three Arrows Capital falls (30 minutes)
    #[cfg_attr(feature = "clap", value(name = "june-2022"))]
    June2022,
    /// FTX falls, and SOL with it: two thirds in ten days (30 minutes)
    #[cfg_attr(feature = "clap", value(name = "november-2022"))]
    November2022,
    /// Silicon Valley Bank falls: USDC trades at 0.874 USD (15 minutes)
    #[cfg_attr(feature = "clap", value(name = "march-2023"))]
    March2023,
    /// A calm month, to compare with (15 minutes)
    #[cfg_attr(feature = "clap", value(name = "september-2023"))]
    September2023,
    /// The yen carry trade unwinds (5 minutes)
    #[cfg_attr(feature = "clap", value(name = "august-2024"))]
    August2024,
    /// The largest day of liquidations so far (5 minutes)
    #[cfg_attr(feature = "clap", value(name = "october-2025"))]
    October2025,
}

impl Window {
    /// All, in order of time.
    pub const ALL: [Self; 7] = [
        Self::March2020,
        Self::June2022,
        Self::November2022,
        Self::March2023,
        Self::September2023,
        Self::August2024,
        Self::October2025,
    ];

    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Self::March2020 => "March 2020",
            Self::June2022 => "June 2022",
            Self::November2022 => "November 2022",
            Self::March2023 => "March 2023",
            Self::September2023 => "September 2023",
            Self::August2024 => "August 2024",
            Self::October2025 => "October 2025",
        }
    }

    /// Whether nothing happened in it.
    pub fn is_calm(self) -> bool {
        self == Self::September2023
    }

    /// Symbol and file name of each series.
    fn series(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::March2020 => {
                &[("BTC", "btc-usdt-2020-03-covid-1h.csv.gz"), ("ETH", "eth-usdt-2020-03-covid-1h.csv.gz")]
            }
            Self::June2022 => &[
                ("SOL", "sol-usdt-2022-06-celsius-30m.csv.gz"),
                ("BTC", "btc-usdt-2022-06-celsius-30m.csv.gz"),
                ("ETH", "eth-usdt-2022-06-celsius-30m.csv.gz"),
            ],
            Self::November2022 => &[
                ("SOL", "sol-usdt-2022-11-ftx-30m.csv.gz"),
                ("BTC", "btc-usdt-2022-11-ftx-30m.csv.gz"),
                ("ETH", "eth-usdt-2022-11-ftx-30m.csv.gz"),
            ],
            Self::March2023 => &[
                ("SOL", "sol-usdt-2023-03-svb-15m.csv.gz"),
                ("BTC", "btc-usdt-2023-03-svb-15m.csv.gz"),
                ("ETH", "eth-usdt-2023-03-svb-15m.csv.gz"),
                ("USDC", "usdc-usd-kraken-2023-03-svb-1m.csv.gz"),
            ],
            Self::September2023 => &[
                ("SOL", "sol-usdt-2023-09-calm-15m.csv.gz"),
                ("BTC", "btc-usdt-2023-09-calm-15m.csv.gz"),
                ("ETH", "eth-usdt-2023-09-calm-15m.csv.gz"),
            ],
            Self::August2024 => &[
                ("SOL", "sol-usdt-2024-08-yen-5m.csv.gz"),
                ("BTC", "btc-usdt-2024-08-yen-5m.csv.gz"),
                ("ETH", "eth-usdt-2024-08-yen-5m.csv.gz"),
            ],
            Self::October2025 => &[
                ("SOL", "sol-usdt-2025-10-liq-5m.csv.gz"),
                ("BTC", "btc-usdt-2025-10-liq-5m.csv.gz"),
                ("ETH", "eth-usdt-2025-10-liq-5m.csv.gz"),
            ],
        }
    }

    /// The file of each series in a folder.
    pub fn files(self, folder: &Path) -> Vec<(&'static Asset, PathBuf)> {
        self.series().iter().filter_map(|(symbol, file)| Some((find(symbol)?, folder.join(file)))).collect()
    }

    /// Reads and joins the window's series from the repository's folder.
    pub fn grid(self) -> Result<Grid> {
        load(&self.files(Path::new(FOLDER)), Span::ALL)
    }
}

/// Reads files and joins them. What was left out or not taken as it stands is told on standard error.
pub fn load(files: &[(&'static Asset, PathBuf)], span: Span) -> Result<Grid> {
    let mut series = Vec::new();
    for (asset, file) in files {
        let read = bars::read(file, asset.symbol)?;
        tell(&read.notes);
        series.push((*asset, read));
    }
    let (grid, notes) = join(series, span)?;
    tell(&notes);
    Ok(grid)
}

fn tell(notes: &[String]) {
    for note in notes {
        eprintln!("note: {note}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ballast_time::parse;

    /// Tests run in the crate's folder.
    fn grid(window: Window) -> Grid {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(FOLDER);
        load(&window.files(&folder), Span::ALL).expect("the repository's data")
    }

    #[test]
    fn every_window_loads_and_is_continuous() {
        let expected = [
            (Window::March2020, 288, 3_600),
            (Window::June2022, 480, 1_800),
            (Window::November2022, 480, 1_800),
            (Window::March2023, 672, 900),
            (Window::September2023, 2_880, 900),
            (Window::August2024, 2_592, 300),
            (Window::October2025, 2_016, 300),
        ];
        assert_eq!(expected.map(|(window, ..)| window), Window::ALL);
        for (window, bars, interval) in expected {
            let grid = grid(window);
            assert_eq!((grid.bars.len(), grid.interval), (bars, interval), "{window:?}");
            assert!(
                grid.daily_volumes().iter().zip(&grid.is_played).all(|(volume, played)| *played == (*volume > 0.0))
            );
            for pair in grid.bars.windows(2) {
                assert_eq!(pair[1][0].time - pair[0][0].time, interval, "{window:?}");
            }
        }
    }

    #[test]
    fn sol_is_listed_only_where_it_traded() {
        let symbols = |window| grid(window).assets.iter().map(|asset| asset.symbol).collect::<Vec<_>>();
        assert_eq!(symbols(Window::March2020), ["BTC", "ETH", "USDC", "USDT"]);
        assert_eq!(symbols(Window::March2023), ["SOL", "BTC", "ETH", "USDC", "USDT"]);
    }

    #[test]
    fn usdc_falls_to_874_in_the_bar_that_the_data_says() {
        let grid = grid(Window::March2023);
        let usdc = grid.assets.iter().position(|asset| asset.symbol == "USDC").expect("listed");
        let lowest = grid.bars.iter().map(|bars| bars[usdc]).min_by(|a, b| a.low.total_cmp(&b.low)).expect("bars");
        assert_eq!((lowest.low, Ok(lowest.time)), (0.874, parse("2023-03-11T07:15")));
        let highest = grid.bars.iter().map(|bars| bars[usdc].high).fold(0.0, f64::max);
        assert_eq!(highest, 1.0013);
        assert!(grid.is_played[usdc] && !grid.is_played[usdc + 1]);
    }
}

//! Series of several assets on one time grid.

use anyhow::{Result, bail, ensure};

use super::{
    assets::{ASSETS, Asset},
    bars::Bar,
    time::DAY,
};

/// A stretch of time: from a second, included, to a second, excluded.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// First second.
    pub from: i64,
    /// The second after the last.
    pub to: i64,
}

impl Span {
    /// Everything.
    pub const ALL: Self = Self { from: 0, to: i64::MAX };
}

/// Bars of all listed assets on one time grid.
pub struct Grid {
    /// What the market lists, in order of the reserves' indices: every asset with a series, and every stablecoin.
    pub assets: Vec<&'static Asset>,
    /// Whether the asset has a series; otherwise it stands at one dollar.
    pub is_played: Vec<bool>,
    /// For each time, the assets' bars in their order.
    pub bars: Vec<Vec<Bar>>,
    /// Seconds from one bar to the next.
    pub interval: i64,
}

impl Grid {
    /// What was traded of each asset in a day, on average, USD.
    pub fn daily_volumes(&self) -> Vec<f64> {
        let days = self.bars.len() as f64 * self.interval as f64 / DAY as f64;
        let traded = |index: usize| self.bars.iter().map(|bars| bars[index].volume * bars[index].close).sum::<f64>();
        (0..self.assets.len()).map(|index| traded(index) / days).collect()
    }
}

/// The shortest distance between bars, because holes make some longer; `None` with fewer than two.
fn interval(bars: &[Bar]) -> Option<i64> {
    bars.windows(2).map(|pair| pair[1].time - pair[0].time).min()
}

/// Bars summed up to a coarser grid, on which `aligned` is a time: open of the first, highest, lowest, close of the last,
/// all volume.
fn coarsen(bars: &[Bar], interval: i64, aligned: i64) -> Vec<Bar> {
    let start = |bar: &Bar| (bar.time - aligned).div_euclid(interval) * interval + aligned;
    let sum = |part: &[Bar]| {
        part.iter().fold(Bar { time: start(&part[0]), volume: 0.0, ..part[0] }, |sum, bar| Bar {
            high: sum.high.max(bar.high),
            low: sum.low.min(bar.low),
            close: bar.close,
            volume: sum.volume + bar.volume,
            ..sum
        })
    };
    bars.chunk_by(|a, b| start(a) == start(b)).map(sum).collect()
}

/// Joins the assets' bars inside a span.
///
/// The longest interval of them is the grid's; series of finer bars are summed up to it. All must then be on the same
/// times; a hole that all share is allowed.
pub fn join(mut series: Vec<(&'static Asset, Vec<Bar>)>, span: Span) -> Result<Grid> {
    // The order of the reserves must not depend on the order of the command line.
    series.sort_by_key(|(asset, _)| ASSETS.iter().position(|other| other.symbol == asset.symbol));
    let longest =
        series.iter().filter_map(|(_, bars)| Some((interval(bars)?, bars.first()?.time))).max_by_key(|of| of.0);
    for (_, bars) in &mut series {
        if let (Some(own), Some((longest, aligned))) = (interval(bars), longest)
            && longest > own
            && longest % own == 0
        {
            *bars = coarsen(bars, longest, aligned);
        }
        bars.retain(|bar| (span.from..span.to).contains(&bar.time));
    }
    let Some((first_asset, first)) = series.first() else { bail!("no price series") };
    let first_name = first_asset.symbol;
    let Some(interval) = interval(first) else {
        bail!("{first_name}: {} bars between --from and --to, at least 2 are needed", first.len())
    };
    for (asset, bars) in &series {
        let name = asset.symbol;
        if let Some((other, own)) = first.iter().zip(bars).find(|(other, own)| other.time != own.time) {
            bail!(
                "{name} has a bar at {} where {first_name} has one at {}: the series must share their times",
                own.time,
                other.time
            );
        }
        ensure!(
            bars.len() == first.len(),
            "{name} has {} bars and {first_name} {}: the series must share their times",
            bars.len(),
            first.len()
        );
    }
    ensure!(interval >= 4, "bars of {interval} s are too short: four prices are visited in each");

    let of = |asset: &Asset| series.iter().find(|(other, _)| other.symbol == asset.symbol).map(|(_, bars)| bars);
    let assets: Vec<_> = ASSETS.iter().filter(|asset| asset.is_stable || of(asset).is_some()).collect();
    let bars = (0..first.len())
        .map(|index| {
            let one = Bar { time: first[index].time, open: 1.0, high: 1.0, low: 1.0, close: 1.0, volume: 0.0 };
            assets.iter().map(|asset| of(asset).map_or(one, |bars| bars[index])).collect()
        })
        .collect();
    let is_played = assets.iter().map(|asset| of(asset).is_some()).collect();
    Ok(Grid { assets, is_played, bars, interval })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(time: i64) -> Bar {
        Bar { time, open: 2.0, high: 3.0, low: 1.0, close: 2.5, volume: 10.0 }
    }

    fn bars<const N: usize>(times: [i64; N]) -> Vec<Bar> {
        times.map(bar).to_vec()
    }

    #[test]
    fn series_join_on_the_span_and_must_share_their_times() -> Result<()> {
        let [sol, btc] = [&ASSETS[0], &ASSETS[1]];
        let span = Span { from: 300, to: 1_200 };
        let all = || bars([300, 600, 900, 1_200]);
        // Whatever the order, and with the two stablecoins at their dollar.
        let grid = join(vec![(btc, all()), (sol, all())], span)?;
        assert_eq!((grid.bars.len(), grid.bars[0].len(), grid.interval), (3, 4, 300));
        assert_eq!(grid.assets.iter().map(|asset| asset.symbol).collect::<Vec<_>>(), ["SOL", "BTC", "USDC", "USDT"]);
        assert_eq!((&grid.is_played[..], grid.bars[2][3].low), (&[true, true, false, false][..], 1.0));

        let error = |series, span| join(series, span).err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(
            error(vec![(sol, all()), (btc, bars([300, 700, 900]))], span),
            "BTC has a bar at 700 where SOL has one at 600: the series must share their times"
        );
        assert_eq!(
            error(vec![(sol, all()), (btc, bars([300, 600]))], span),
            "BTC has 2 bars and SOL 3: the series must share their times"
        );
        assert_eq!(
            error(vec![(sol, all())], Span { from: 0, to: 10 }),
            "SOL: 0 bars between --from and --to, at least 2 are needed"
        );
        Ok(())
    }

    #[test]
    fn finer_series_are_summed_up_to_the_coarsest() -> Result<()> {
        let minutes = (0..15).map(|minute| {
            let price = 1.0 - minute as f64 / 100.0;
            let (high, low, close) = (price + 0.5, price - 0.5, price - 0.001);
            Bar { time: 600 + minute * 60, open: price, high, low, close, volume: 2.0 }
        });
        let grid = join(
            vec![(&ASSETS[0], bars([300, 600, 900, 1_200])), (&ASSETS[3], minutes.collect())],
            Span { from: 600, to: 1_500 },
        )?;
        let usdc: Vec<_> = grid.bars.iter().map(|bars| bars[1]).collect();
        let (low, close) = (0.91 - 0.5, 0.91 - 0.001);
        assert_eq!(usdc[1], Bar { time: 900, open: 0.95, high: 1.45, low, close, volume: 10.0 });
        assert_eq!(usdc.iter().map(|bar| bar.time).collect::<Vec<_>>(), [600, 900, 1_200]);
        Ok(())
    }
}

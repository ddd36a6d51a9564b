//! Series of several assets on one time grid.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};

use super::{
    assets::{ASSETS, Asset},
    bars::{Bar, Series},
};
use ballast_time::{DAY, exact_label};

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

    /// What `--from` and `--to` say.
    pub fn new(from: Option<i64>, to: Option<i64>) -> Result<Self> {
        let span = Self { from: from.unwrap_or(Self::ALL.from), to: to.unwrap_or(Self::ALL.to) };
        ensure!(span.from < span.to, "--from must be before --to");
        Ok(span)
    }
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
    /// The lowest and the highest price of each asset, USD.
    pub fn extremes(&self) -> Vec<(f64, f64)> {
        let range = |index: usize| {
            self.bars
                .iter()
                .map(|bars| bars[index])
                .fold((f64::INFINITY, 0.0f64), |(low, high), bar| (low.min(bar.low), high.max(bar.high)))
        };
        (0..self.assets.len()).map(range).collect()
    }

    /// What was traded of each asset in a day, on average, USD.
    pub fn daily_volumes(&self) -> Vec<f64> {
        let days = self.bars.len() as f64 * self.interval as f64 / DAY as f64;
        let traded = |index: usize| self.bars.iter().map(|bars| bars[index].volume * bars[index].close).sum::<f64>();
        (0..self.assets.len()).map(|index| traded(index) / days).collect()
    }
}

/// Bars summed up to a coarser grid, on which `aligned` is a time: open of the first, highest, lowest, close of the
/// last, all volume. A sum at either end that begins before the bars do or ends after them is left out; the second
/// result counts the bars of those.
fn coarsen(series: &Series, interval: i64, aligned: i64) -> (Vec<Bar>, usize) {
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
    let bars = &series.bars;
    let (first, end) = (bars[0].time, bars[bars.len() - 1].time + series.interval);
    let is_whole = |part: &&[Bar]| first <= start(&part[0]) && start(&part[0]) + interval <= end;
    let parts = || bars.chunk_by(|a, b| start(a) == start(b)).filter(is_whole);
    (parts().map(sum).collect(), bars.len() - parts().map(<[Bar]>::len).sum::<usize>())
}

/// Brings all series to the interval of the coarsest.
fn bring_to_one_interval(series: &mut [(&'static Asset, Series)]) -> Result<Vec<String>> {
    let Some((coarsest, of)) = series.iter().max_by_key(|(_, of)| of.interval) else { bail!("no price series") };
    let (coarsest, longest, aligned) = (coarsest.symbol, of.interval, of.bars[0].time);
    let mut notes = Vec::new();
    for (asset, of) in series.iter_mut().filter(|(_, of)| of.interval < longest) {
        let (name, own) = (asset.symbol, of.interval);
        ensure!(
            longest % own == 0 && (aligned - of.bars[0].time) % own == 0,
            "{name} has bars of {own} s and {coarsest} of {longest} s: those of {name} do not add up to them"
        );
        let holes = (of.bars[of.bars.len() - 1].time - of.bars[0].time) / own + 1 - of.bars.len() as i64;
        if holes > 0 {
            notes.push(format!("{name}: {holes} bars of {own} s are missing from the sums over {longest} s"));
        }
        let (bars, left_out) = coarsen(of, longest, aligned);
        if left_out > 0 {
            notes.push(format!("{name}: {left_out} bars of {own} s at its ends fill no {longest} s, and are left out"));
        }
        *of = Series { bars, interval: longest, notes: Vec::new() };
    }
    Ok(notes)
}

/// The longest stretch in which all series have the same times, at least two.
fn common_stretch(series: &[(&'static Asset, Series)], interval: i64) -> Option<Span> {
    let mut counts = BTreeMap::new();
    for bar in series.iter().flat_map(|(_, of)| &of.bars) {
        *counts.entry(bar.time).or_insert(0) += 1;
    }
    let times: Vec<_> = counts.into_iter().map(|(time, count)| (time, count == series.len())).collect();
    let runs = times.chunk_by(|a, b| a.1 == b.1).filter(|run| run[0].1 && run.len() > 1);
    let run = runs.max_by_key(|run| run.len())?;
    let (from, last) = (run[0].0, run[run.len() - 1].0);
    let next = times.iter().map(|(time, _)| *time).find(|time| *time > last);
    Some(Span { from, to: next.map_or(last + interval, |next| next.min(last + interval)) })
}

/// Refuses series that do not share their times, with the stretch in which they do.
fn check_times(series: &[(&'static Asset, Series)], interval: i64) -> Result<()> {
    let times = |of: &Series| of.bars.iter().map(|bar| bar.time).collect::<Vec<_>>();
    let (first_asset, first) = &series[0];
    let Some((asset, other)) = series.iter().find(|(_, of)| times(of) != times(first)) else { return Ok(()) };
    let has = |of: &Series, time| of.bars.binary_search_by_key(&time, |bar| bar.time).is_ok();
    let lacks = |of: &Series, in_other: &Series| in_other.bars.iter().map(|bar| bar.time).find(|time| !has(of, *time));
    let missing = [(first_asset, asset, lacks(first, other)), (asset, first_asset, lacks(other, first))];
    let missing = missing.into_iter().filter_map(|(of, other, time)| Some((time?, of.symbol, other.symbol))).min();
    let (time, name, other) = missing.unwrap_or_default();
    let common = common_stretch(series, interval).map_or("they do in no stretch".into(), |Span { from, to }| {
        let [from, to] = [from, to].map(exact_label);
        format!("--from {from} --to {to} plays the longest stretch in which they do")
    });
    bail!(
        "{name} has no bar at {}, where {other} has one: the series must share their times: {common}",
        exact_label(time)
    )
}

/// A word on the times that all series lack.
fn holes(bars: &[Vec<Bar>], interval: i64) -> Option<String> {
    let holes = bars.windows(2).map(|pair| (pair[0][0].time, (pair[1][0].time - pair[0][0].time) / interval - 1));
    let holes: Vec<_> = holes.filter(|(_, missing)| *missing > 0).collect();
    let (after, missing) = (holes.first()?.0, holes.iter().map(|hole| hole.1).sum::<i64>());
    let count = holes.len();
    Some(format!(
        "{missing} bars are missing in {count} holes, the first after {}: time jumps there",
        exact_label(after)
    ))
}

/// Joins the assets' bars inside a span. With the grid come notes about what of the series is not in it.
///
/// The longest interval of them is the grid's; series of finer bars are summed up to it. All must then be on the same
/// times; a hole that all share is allowed, and noted.
pub fn join(mut series: Vec<(&'static Asset, Series)>, span: Span) -> Result<(Grid, Vec<String>)> {
    // The order of the reserves must not depend on the order of the command line.
    series.sort_by_key(|(asset, _)| ASSETS.iter().position(|other| other.symbol == asset.symbol));
    let mut notes = bring_to_one_interval(&mut series)?;
    let interval = series[0].1.interval;
    ensure!(interval >= 4, "bars of {interval} s are too short: four prices are visited in each");
    for (asset, of) in &mut series {
        let all = std::mem::take(&mut of.bars);
        of.bars = all.iter().filter(|bar| (span.from..span.to).contains(&bar.time)).copied().collect();
        let (name, count) = (asset.symbol, of.bars.len());
        let (from, to) = (all.first().map_or(0, |bar| bar.time), all.last().map_or(0, |bar| bar.time + interval));
        ensure!(count > 1 || count < all.len(), "{name}: {count} bars of {interval} s, at least 2 are needed");
        ensure!(
            count > 1,
            "{name}: {count} bars between --from and --to, at least 2 are needed: there are those from {} to {}",
            exact_label(from),
            exact_label(to)
        );
    }
    check_times(&series, interval)?;

    let first = &series[0].1.bars;
    let of = |asset: &Asset| series.iter().find(|(other, _)| other.symbol == asset.symbol).map(|(_, of)| &of.bars);
    let assets: Vec<_> = ASSETS.iter().filter(|asset| asset.is_stable || of(asset).is_some()).collect();
    let bars: Vec<Vec<_>> = (0..first.len())
        .map(|index| {
            let one = Bar { time: first[index].time, open: 1.0, high: 1.0, low: 1.0, close: 1.0, volume: 0.0 };
            assets.iter().map(|asset| of(asset).map_or(one, |bars| bars[index])).collect()
        })
        .collect();
    let is_played = assets.iter().map(|asset| of(asset).is_some()).collect();
    notes.extend(holes(&bars, interval));
    Ok((Grid { assets, is_played, bars, interval }, notes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ballast_time::parse;

    /// 10 October 2025, 20:00.
    const START: i64 = 1_760_126_400;

    fn bar(time: i64) -> Bar {
        Bar { time, open: 2.0, high: 3.0, low: 1.0, close: 2.5, volume: 10.0 }
    }

    /// Bars at these minutes after the start.
    fn series(interval: i64, minutes: impl IntoIterator<Item = i64>) -> Series {
        let bars = minutes.into_iter().map(|minute| bar(START + minute * 60)).collect();
        Series { bars, interval: interval * 60, notes: Vec::new() }
    }

    fn error(series: Vec<(&'static Asset, Series)>, span: Span) -> String {
        join(series, span).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn series_join_on_the_span_whatever_their_order() -> Result<()> {
        let [sol, btc] = [&ASSETS[0], &ASSETS[1]];
        let span = Span { from: START, to: START + 900 };
        let all = || series(5, [0, 5, 10, 15]);
        let (grid, notes) = join(vec![(btc, all()), (sol, all())], span)?;
        assert_eq!((grid.bars.len(), grid.bars[0].len(), grid.interval, notes.len()), (3, 4, 300, 0));
        // With the two stablecoins at their dollar.
        assert_eq!(grid.assets.iter().map(|asset| asset.symbol).collect::<Vec<_>>(), ["SOL", "BTC", "USDC", "USDT"]);
        assert_eq!((&grid.is_played[..], grid.bars[2][3].low), (&[true, true, false, false][..], 1.0));
        assert_eq!(grid.extremes()[1..3], [(1.0, 3.0), (1.0, 1.0)]);
        let elsewhere = Span { from: START + 900, to: START + 9_000 };
        assert_eq!(
            error(vec![(sol, all())], elsewhere),
            "SOL: 1 bars between --from and --to, at least 2 are needed: there are those from 2025-10-10T20:00Z to \
             2025-10-10T20:20Z"
        );
        Ok(())
    }

    #[test]
    fn of_series_that_do_not_share_their_times_the_common_stretch_can_be_played() -> Result<()> {
        let [sol, btc, eth] = [&ASSETS[0], &ASSETS[1], &ASSETS[2]];
        let every_five = |from: i64, to: i64| series(5, (from..to).step_by(5));
        // Another length at the end, at both ends, a hole, and finer bars.
        let cases = [
            (vec![every_five(0, 60), every_five(0, 45)], "BTC has no bar at 2025-10-10T20:45Z", 0, 45),
            (vec![every_five(0, 60), every_five(10, 90)], "BTC has no bar at 2025-10-10T20:00Z", 10, 60),
            (
                vec![every_five(0, 60), series(5, [0, 5, 10, 15, 25, 30, 35, 40, 45, 50, 55]), every_five(5, 60)],
                "BTC has no bar at 2025-10-10T20:20Z",
                25,
                60,
            ),
            (vec![every_five(0, 60), series(1, 7..60)], "BTC has no bar at 2025-10-10T20:00Z", 10, 60),
        ];
        for (each, missing, from, to) in cases {
            let each: Vec<_> = [sol, btc, eth].into_iter().zip(each).collect();
            let labels = [from, to].map(|minute| exact_label(START + minute * 60));
            let [first, end] = &labels;
            assert_eq!(
                error(each.clone(), Span::ALL),
                format!(
                    "{missing}, where SOL has one: the series must share their times: \
                     --from {first} --to {end} plays the longest stretch in which they do"
                )
            );
            let [first, end] = labels.map(|label| parse(&label).ok());
            let (grid, _) = join(each, Span::new(first, end)?)?;
            assert_eq!((grid.bars[0][0].time, grid.bars.len() as i64), (START + from * 60, (to - from) / 5));
        }
        let apart = vec![(sol, every_five(0, 60)), (btc, every_five(90, 120))];
        assert!(error(apart, Span::ALL).ends_with("the series must share their times: they do in no stretch"));
        Ok(())
    }

    #[test]
    fn a_hole_that_all_share_is_told() -> Result<()> {
        let holed = || series(5, [0, 5, 20, 25, 35]);
        let (grid, notes) = join(vec![(&ASSETS[0], holed()), (&ASSETS[1], holed())], Span::ALL)?;
        assert_eq!((grid.bars.len(), grid.interval), (5, 300));
        assert_eq!(notes, ["3 bars are missing in 2 holes, the first after 2025-10-10T20:05Z: time jumps there"]);
        let (_, notes) = join(vec![(&ASSETS[0], holed())], Span::new(Some(START), Some(START + 600))?)?;
        assert!(notes.is_empty(), "{notes:?}");
        Ok(())
    }

    #[test]
    fn finer_series_are_summed_up_to_the_coarsest() -> Result<()> {
        let minutes = |count: i64| {
            let bars = (0..count).map(|minute| {
                let price = 1.0 - minute as f64 / 100.0;
                let (high, low, close) = (price + 0.5, price - 0.5, price - 0.001);
                Bar { time: START + minute * 60, open: price, high, low, close, volume: 2.0 }
            });
            Series { bars: bars.collect(), interval: 60, notes: Vec::new() }
        };
        let coarse = || (&ASSETS[0], series(5, [0, 5, 10]));
        let (grid, notes) = join(vec![coarse(), (&ASSETS[3], minutes(15))], Span::ALL)?;
        let usdc: Vec<_> = grid.bars.iter().map(|bars| bars[1]).collect();
        let (low, close) = (0.91 - 0.5, 0.91 - 0.001);
        assert_eq!(usdc[1], Bar { time: START + 300, open: 0.95, high: 1.45, low, close, volume: 10.0 });
        assert_eq!(usdc.iter().map(|bar| bar.time - START).collect::<Vec<_>>(), [0, 300, 600]);
        assert!(notes.is_empty(), "{notes:?}");

        // What is not in the sums is told.
        let (grid, notes) = join(vec![coarse(), (&ASSETS[3], minutes(18))], Span::ALL)?;
        assert_eq!(
            (grid.bars.len(), notes),
            (3, vec!["USDC: 3 bars of 60 s at its ends fill no 300 s, and are left out".into()])
        );
        let mut holed = minutes(15);
        holed.bars.drain(6..8);
        let (grid, notes) = join(vec![coarse(), (&ASSETS[3], holed)], Span::ALL)?;
        assert_eq!(
            (grid.bars.len(), notes),
            (3, vec!["USDC: 2 bars of 60 s are missing from the sums over 300 s".into()])
        );
        Ok(())
    }

    #[test]
    fn bars_that_do_not_add_up_are_refused() {
        let wrong = |other: Series| error(vec![(&ASSETS[0], series(7, [0, 7, 14])), (&ASSETS[1], other)], Span::ALL);
        assert_eq!(
            wrong(series(5, [0, 5, 10])),
            "BTC has bars of 300 s and SOL of 420 s: those of BTC do not add up to them"
        );
        let shifted = Series { bars: [30, 90, 150].map(|second| bar(START + second)).to_vec(), ..series(1, []) };
        assert_eq!(wrong(shifted), "BTC has bars of 60 s and SOL of 420 s: those of BTC do not add up to them");
        let short =
            Series { bars: [0, 2, 4].map(|second| bar(START + second)).to_vec(), interval: 2, notes: Vec::new() };
        assert!(error(vec![(&ASSETS[0], short)], Span::ALL).starts_with("bars of 2 s are too short"));
    }
}

//! The reports of the demo, the comparison, the cascades, the vaults, the perps and the stress: headline numbers, plots, parameters, method.

mod cascade;
mod comparison;
mod html;
mod perps;
mod plots;
mod scatter;
mod stress;
mod tables;
mod vaults;

use std::ops::Range;

use anyhow::{Context, Result};
use ballast_sim::{
    assets::Asset,
    grid::Grid,
    oracle::path,
    replay::Setting,
    stats::{CLASS_NAMES, Frame, Record, thousands, usd},
};
use ballast_time::full_label;

use crate::{batch::Comparison, table::Table};
pub use cascade::render as cascade;
pub use comparison::render as compare;
use html::Page;
pub use perps::render as perps;
use plots::{Axes, Line, columns, lines, stacked};
pub use stress::render as stress;
pub use vaults::render as vaults;

/// Colours of the health classes, from liquidatable to comfortable.
const CLASS_COLOURS: [(u8, u8, u8); 5] =
    [(0xd6, 0x28, 0x28), (0xf0, 0x7c, 0x29), (0xf2, 0xb8, 0x34), (0x7f, 0xb8, 0x62), (0x3a, 0x86, 0x6f)];
/// Seconds that the close-up shows before and after the worst hour begins.
const CLOSE_UP: (i64, i64) = (3 * 3_600, 6 * 3_600);
/// Width of lines, pixels.
const WIDTH: u32 = 2;
/// Width of the columns of liquidations, seconds.
const HOUR: i64 = 3_600;

/// The report as HTML. It holds no time of day and no path: the same seed and data give the same bytes.
pub fn render(record: &Record, grid: &Grid, setting: Setting) -> Result<String> {
    let title = "Ballast demo: real prices on the program's bytecode";
    let first = record.frames.first().context("nothing was played")?;
    let last = record.frames.last().context("nothing was played")?;
    let time = first.time..last.time + grid.interval;
    let introduction = format!(
        "{} from {} to {} UTC, bar by bar, with {} traders and {} lenders under the {} policy. Every deposit, loan, \
         price and liquidation below is a transaction executed by the program's SBF bytecode. {} Seed {}.",
        played(grid),
        full_label(time.start),
        full_label(time.end),
        thousands(record.accounts.0 as u64),
        thousands(record.accounts.1 as u64),
        setting.policy.title(),
        setting.attendance(),
        setting.seed
    );
    let mut page = Page::new(title, &introduction);
    page.numbers(&headline(record));

    append_prices(&mut page, grid, &time)?;
    append_health(&mut page, record, &time)?;
    append_liquidations(&mut page, record, &time, grid.interval)?;
    append_rates(&mut page, record, &time)?;
    tables::append(&mut page, record, grid, setting.policy);
    Ok(page.finish(title))
}

fn append_prices(page: &mut Page, grid: &Grid, time: &Range<i64>) -> Result<()> {
    page.heading("Prices");
    let caption = "Every price visited, as a percentage of the first. Each bar is walked open, high, low, close (low \
        first if it rises), so the wicks reach the program too.";
    let played: Vec<_> = grid.assets.iter().zip(&grid.is_played).filter(|of| *of.1).map(|of| **of.0).collect();
    page.figure(&prices(grid, time)?, &assets(&played), caption);
    Ok(())
}

fn append_health(page: &mut Page, record: &Record, time: &Range<i64>) -> Result<()> {
    page.heading("How close everyone was to liquidation");
    let caption = "Debt by the health of the account that owes it (maintenance collateral ÷ debt), at the worst price \
        of each bar, before anyone is liquidated. Red is what liquidation must deal with at once.";
    page.figure(&health(record, time)?, &classes(), caption);
    page.figure(
        &health(record, &close_up(record, time))?,
        &classes(),
        "The same, around the hour in which most was liquidated.",
    );
    Ok(())
}

fn append_liquidations(page: &mut Page, record: &Record, time: &Range<i64>, interval: i64) -> Result<()> {
    page.heading("Liquidations");
    let caption = "Debt repaid in liquidations per hour, by the collateral that was seized for it.";
    page.figure(&liquidations(record, time, HOUR.max(interval))?, &assets(&record.assets), caption);
    let closer = liquidations(record, &close_up(record, time), interval)?;
    page.figure(&closer, &assets(&record.assets), "The same bar by bar, around the hour in which most was liquidated.");
    let caption = "Value of collateral ÷ debt at spot of the account closest to insolvency, before it is liquidated \
        (stablecoin carry left out unless a stablecoin's real price is played). Below the dashed line lenders would lose money.";
    page.figure(&thinnest(record, time)?, &[("thinnest account", CLASS_COLOURS[0])], caption);
    let legend = [("debt repaid in liquidations", CLASS_COLOURS[4]), ("bad debt", CLASS_COLOURS[0])];
    page.figure(&bad_debt(record, time)?, &legend, &bad_debt_caption(record));
    Ok(())
}

fn append_rates(page: &mut Page, record: &Record, time: &Range<i64>) -> Result<()> {
    page.heading("Utilisation and rates");
    let caption = "Share of each reserve that is lent out. In a fall borrowers stay and lenders leave: the curve's \
        answer is the next plot.";
    let utilisation = by_reserve(record, time, |frame, reserve| frame.utilisation[reserve])?;
    page.figure(&utilisation, &assets(&record.assets), caption);
    let caption = "What borrowers pay, per year. High rates bring lenders back.";
    let rates = by_reserve(record, time, |frame, reserve| frame.rates[reserve])?;
    page.figure(&rates, &assets(&record.assets), caption);
    let legend = [("deposits", CLASS_COLOURS[4]), ("debts", CLASS_COLOURS[1])];
    page.figure(&totals(record, time)?, &legend, "All deposits and all debts, in USD at spot.");
    Ok(())
}

fn headline(record: &Record) -> Vec<(String, &'static str)> {
    let bad_debt = if record.settled.0 == 0 { "none".into() } else { usd(record.settled.1) };
    let (thinnest, _) = record.thinnest();
    let highest = |of: fn(&Frame) -> &Vec<f64>| {
        record.frames.iter().flat_map(|frame| of(frame).iter().copied()).fold(0.0, f64::max)
    };
    let (utilisation, rate) = (highest(|frame| &frame.utilisation), highest(|frame| &frame.rates));
    vec![
        (thousands(record.liquidations), "liquidations"),
        (usd(record.repaid), "debt repaid in them"),
        (usd(record.seized - record.repaid), "penalties paid by borrowers"),
        (bad_debt, "bad debt"),
        (
            if thinnest.is_finite() { format!("{:.1} %", thinnest * 100.0) } else { "–".into() },
            "collateral ÷ debt of the thinnest account",
        ),
        (format!("{:.1} %", utilisation * 100.0), "highest utilisation of a reserve"),
        (format!("{:.0} %", rate * 100.0), "highest borrow rate, per year"),
        (
            format!("{} of {}", thousands(record.frames.len() as u64), thousands(record.frames.len() as u64)),
            "bars after which the books balanced",
        ),
    ]
}

/// `SOL, BTC and ETH`: the assets that have prices.
pub fn played(grid: &Grid) -> String {
    let symbols: Vec<_> = grid.assets.iter().zip(&grid.is_played).filter(|of| *of.1).map(|of| of.0.symbol).collect();
    match &symbols[..] {
        [] => String::new(),
        [one] => one.to_string(),
        [some @ .., last] => format!("{} and {last}", some.join(", ")),
    }
}

/// Begins a page about windows: headline numbers, and the table of all windows with what its columns mean.
fn begin_page(
    title: &str,
    introduction: &str,
    headline: &[(String, impl AsRef<str>)],
    table: &Table,
    legend: &str,
) -> Page {
    let mut page = Page::new(title, introduction);
    page.numbers(headline);
    page.heading("All windows");
    page.table(&table.header, &table.rows, table.numbers_from);
    page.paragraph(legend);
    page
}

/// Begins the part of a page about one window: its prices as they were, and its time.
fn begin_window<R>(page: &mut Page, comparison: &Comparison<R>) -> Result<Range<i64>> {
    let grid = &comparison.grid;
    let time = grid.bars[0][0].time..grid.bars[grid.bars.len() - 1][0].time + grid.interval;
    page.heading(comparison.window.title());
    page.paragraph(&format!(
        "{} to {} UTC, {} bars of {} minutes.",
        full_label(time.start),
        full_label(time.end),
        thousands(grid.bars.len() as u64),
        grid.interval / 60
    ));
    let played: Vec<_> = grid.assets.iter().zip(&grid.is_played).filter(|of| *of.1).map(|of| **of.0).collect();
    page.figure(&prices(grid, &time)?, &assets(&played), "Prices as they were, as a percentage of the first.");
    Ok(time)
}

fn assets(assets: &[Asset]) -> Vec<(&'static str, (u8, u8, u8))> {
    assets.iter().map(|asset| (asset.symbol, asset.colour)).collect()
}

fn classes() -> Vec<(&'static str, (u8, u8, u8))> {
    CLASS_NAMES.into_iter().zip(CLASS_COLOURS).collect()
}

/// The hours around the one in which most was liquidated, inside the period.
fn close_up(record: &Record, time: &Range<i64>) -> Range<i64> {
    let (worst, _) = record.worst_hour();
    (worst - CLOSE_UP.0).max(time.start)..(worst + CLOSE_UP.1).min(time.end)
}

fn percent(value: f64) -> String {
    format!("{:.0} %", value * 100.0)
}

fn short_usd(value: f64) -> String {
    match value.abs() {
        size if size >= 1e6 => format!("${:.1}M", value / 1e6),
        size if size >= 1e3 => format!("${:.0}k", value / 1e3),
        _ => format!("${value:.0}"),
    }
}

/// The range of values with a twentieth of room above and, unless it starts at zero, below.
fn spread(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (low, high) = values
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low > high {
        return 0.0..1.0;
    }
    let room = ((high - low) / 20.0).max(high.abs() / 200.0).max(1e-9);
    low - room..high + room
}

fn from_zero(values: impl Iterator<Item = f64>) -> Range<f64> {
    let high = values.filter(|value| value.is_finite()).fold(0.0, f64::max);
    0.0..if high > 0.0 { high * 1.05 } else { 1.0 }
}

fn prices(grid: &Grid, time: &Range<i64>) -> Result<String> {
    let lines_of: Vec<_> = (0..grid.assets.len())
        .filter(|index| grid.is_played[*index])
        .map(|index| {
            let first = grid.bars[0][index].open;
            let visited = grid.bars.iter().flat_map(|bars| {
                let bar = bars[index];
                path(&bar, grid.interval).into_iter().map(move |(offset, price)| (bar.time + offset, price / first))
            });
            Line { colour: grid.assets[index].colour, width: WIDTH, points: visited.collect() }
        })
        .collect();
    let values = spread(lines_of.iter().flat_map(|line| line.points.iter().map(|(_, value)| *value)));
    lines(&Axes { time: time.clone(), values, label: &percent }, &lines_of, Some(1.0))
}

fn series(record: &Record, value: impl Fn(&Frame) -> f64) -> Vec<(i64, f64)> {
    record.frames.iter().map(|frame| (frame.time, value(frame))).collect()
}

/// Sums since the start.
fn running(record: &Record, value: impl Fn(&Frame) -> f64) -> Vec<(i64, f64)> {
    let mut sum = 0.0;
    let mut points = series(record, value);
    for (_, value) in &mut points {
        sum += *value;
        *value = sum;
    }
    points
}

/// How a run of a comparison is drawn: colour and width, so that lines are seen where they are the same.
type Style = ((u8, u8, u8), u32);

/// The same of several runs.
fn beside(
    runs: impl Iterator<Item = Vec<(i64, f64)>>,
    styles: &[Style],
    time: &Range<i64>,
    label: &dyn Fn(f64) -> String,
    level: Option<f64>,
) -> Result<String> {
    let line = |(points, (colour, width)): (Vec<_>, &Style)| {
        let points = points.into_iter().filter(|(at, value): &(i64, f64)| time.contains(at) && value.is_finite());
        Line { colour: *colour, width: *width, points: points.collect() }
    };
    let lines_of: Vec<_> = runs.zip(styles).map(line).collect();
    let values = lines_of.iter().flat_map(|line| line.points.iter().map(|(_, value)| *value)).chain(level);
    lines(&Axes { time: time.clone(), values: spread(values), label }, &lines_of, level)
}

fn by_reserve(record: &Record, time: &Range<i64>, value: impl Fn(&Frame, usize) -> f64) -> Result<String> {
    let lines_of: Vec<_> = record
        .assets
        .iter()
        .enumerate()
        .map(|(index, asset)| Line {
            colour: asset.colour,
            width: WIDTH,
            points: series(record, |frame| value(frame, index)),
        })
        .collect();
    let values = from_zero(lines_of.iter().flat_map(|line| line.points.iter().map(|(_, value)| *value)));
    lines(&Axes { time: time.clone(), values, label: &percent }, &lines_of, None)
}

fn health(record: &Record, time: &Range<i64>) -> Result<String> {
    let shares = |frame: &Frame| {
        let total = frame.classes.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        frame.classes.iter().map(|debt| debt / total).collect()
    };
    let stacks: Vec<_> = record.frames.iter().map(|frame| (frame.time, shares(frame))).collect();
    stacked(&Axes { time: time.clone(), values: 0.0..1.0, label: &percent }, &CLASS_COLOURS, &stacks)
}

fn liquidations(record: &Record, time: &Range<i64>, width: i64) -> Result<String> {
    let mut stacks: Vec<(i64, Vec<f64>)> = Vec::new();
    for frame in record.frames.iter().filter(|frame| time.contains(&frame.time)) {
        let start = frame.time.div_euclid(width) * width;
        if stacks.last().is_none_or(|(at, _)| *at != start) {
            stacks.push((start, vec![0.0; record.assets.len()]));
        }
        if let Some((_, values)) = stacks.last_mut() {
            values.iter_mut().zip(&frame.liquidated).for_each(|(sum, value)| *sum += value);
        }
    }
    let values = from_zero(stacks.iter().map(|(_, values)| values.iter().sum()));
    let colours: Vec<_> = record.assets.iter().map(|asset| asset.colour).collect();
    columns(&Axes { time: time.clone(), values, label: &short_usd }, &colours, width, &stacks)
}

fn thinnest(record: &Record, time: &Range<i64>) -> Result<String> {
    let points: Vec<_> =
        series(record, |frame| frame.thinnest).into_iter().filter(|(_, value)| value.is_finite()).collect();
    let values = spread(points.iter().map(|(_, value)| *value).chain([1.0]));
    let line = Line { colour: CLASS_COLOURS[0], width: WIDTH, points };
    lines(&Axes { time: time.clone(), values, label: &percent }, &[line], Some(1.0))
}

fn bad_debt(record: &Record, time: &Range<i64>) -> Result<String> {
    let repaid = running(record, |frame| frame.liquidated.iter().sum());
    let lost = running(record, |frame| frame.bad_debt);
    let values = from_zero(repaid.iter().chain(&lost).map(|(_, value)| *value));
    let lines_of = [
        Line { colour: CLASS_COLOURS[4], width: WIDTH, points: repaid },
        Line { colour: CLASS_COLOURS[0], width: WIDTH, points: lost },
    ];
    lines(&Axes { time: time.clone(), values, label: &short_usd }, &lines_of, None)
}

fn bad_debt_caption(record: &Record) -> String {
    let told = "Debt repaid in liquidations and debt written off against lenders, both since the start.";
    if record.settled.0 == 0 { format!("{told} No debt had to be written off.") } else { told.into() }
}

fn totals(record: &Record, time: &Range<i64>) -> Result<String> {
    let lines_of = [
        Line { colour: CLASS_COLOURS[4], width: WIDTH, points: series(record, |frame| frame.deposits) },
        Line { colour: CLASS_COLOURS[1], width: WIDTH, points: series(record, |frame| frame.debts) },
    ];
    let values = from_zero(lines_of.iter().flat_map(|line| line.points.iter().map(|(_, value)| *value)));
    lines(&Axes { time: time.clone(), values, label: &short_usd }, &lines_of, None)
}

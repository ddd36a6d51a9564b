//! The report of the perps: the tables, and for each window what a share of the pool is worth, its cover, where its gains come from,
//! what is open and what funding costs.

use anyhow::{Context, Result};
use ballast_sim::{
    perps::{
        people,
        record::{PerpsFrame, PerpsRecord},
    },
    replay::Setting,
    stats::thousands,
};

use super::{Axes, lines, spread};
use super::{CLASS_COLOURS, Line, WIDTH, begin_page, begin_window, beside, html::Page, percent, short_usd, tables};
use crate::{
    batch::Comparison,
    perps::summary::{self, Attacks},
};

/// Cover above it is drawn at it.
const MOST_COVER: f64 = 10.0;
const COLOURS: [(u8, u8, u8); 3] = [CLASS_COLOURS[4], CLASS_COLOURS[0], CLASS_COLOURS[1]];

/// The report as HTML. It holds no time of day, no duration and no path: the same seed and data give the same bytes.
pub fn render(crowds: &[Comparison<PerpsRecord>], attacks: &Attacks, setting: Setting) -> Result<String> {
    let (_, first) = summary::worst(crowds).context("nothing was played")?;
    let title = "Ballast: perps against a pool";
    let introduction = format!(
        "Real prices, {} traders of perps and a pool with {} owners in a market with borrowers and lenders. Every price, trade, settlement, \
         liquidation, deposit and exit is a transaction executed by the program's SBF bytecode. After every bar the books balanced, every atom \
         that the pool gained or lost had a source, and no action on a perp had moved a lender's index. Seed {}.",
        thousands(first.people.0 as u64),
        first.people.1,
        setting.seed
    );
    let mut page = begin_page(title, &introduction, &headline(crowds), &summary::outcomes(crowds), summary::LEGEND);
    let sources = summary::sources(crowds);
    page.heading("Where the pool's gains came from, USD");
    page.table(&sources.header, &sources.rows, sources.numbers_from);
    if !attacks.is_empty() {
        append_attacks(&mut page, attacks);
    }
    for comparison in crowds {
        append_window(&mut page, comparison)?;
    }
    page.heading("Method");
    page.table(&["", ""], &method(), 2);
    Ok(page.finish(title))
}

/// The worst of all windows.
fn headline(crowds: &[Comparison<PerpsRecord>]) -> Vec<(String, String)> {
    let records: Vec<_> = crowds.iter().flat_map(|of| of.runs.iter().map(|run| &run.record)).collect();
    let highest = |of: fn(&PerpsRecord) -> f64| records.iter().map(|record| of(record)).fold(0.0, f64::max);
    let lowest = |of: fn(&PerpsRecord) -> f64| records.iter().map(|record| of(record)).fold(f64::INFINITY, f64::min);
    let mut numbers = Vec::new();
    if let Some((window, record)) = summary::worst(crowds) {
        numbers.push((
            format!("{:.2} %", 100.0 * record.gained()),
            format!("owners' return in the worst window, {window}"),
        ));
    }
    numbers.extend([
        (format!("{:.2} %", 100.0 * highest(PerpsRecord::drawdown)), "deepest fall of a share's value".into()),
        (format!("{:.2}", lowest(PerpsRecord::cover)), "lowest cover: low value ÷ buffer".into()),
        (format!("{:.3}", lowest(PerpsRecord::factor)), "least part of a gain that was paid".into()),
        (
            thousands(records.iter().map(|record| record.tally.actions).sum()),
            "actions on perps and pools, none of which moved a lender's index".into(),
        ),
    ]);
    numbers
}

fn append_attacks(page: &mut Page, attacks: &Attacks) {
    page.heading("A trader who sees the next seconds");
    let tables = [summary::sights, summary::charges, summary::leaks, summary::by_window].map(|table| table(attacks));
    for table in tables {
        page.table(&table.header, &table.rows, table.numbers_from.min(2));
    }
    page.paragraph(&format!(
        "{} {} trades of his were made by the bytecode too, with the same amounts.",
        summary::ATTACK_LEGEND,
        thousands(attacks.compared as u64)
    ));
}

fn append_window(page: &mut Page, comparison: &Comparison<PerpsRecord>) -> Result<()> {
    let time = begin_window(page, comparison)?;
    let Some(record) = comparison.runs.first().map(|run| &run.record) else { return Ok(()) };
    let series = |value: &dyn Fn(&PerpsFrame) -> f64| -> Vec<(i64, f64)> {
        record.frames.iter().map(|frame| (frame.time, value(frame))).collect()
    };
    let one = |value: &dyn Fn(&PerpsFrame) -> f64, label: &dyn Fn(f64) -> String, level| {
        beside([series(value)].into_iter(), &[(COLOURS[0], WIDTH)], &time, label, level)
    };
    let several = |values: &[&dyn Fn(&PerpsFrame) -> f64], label: &dyn Fn(f64) -> String| -> Result<String> {
        let lines_of: Vec<_> = values
            .iter()
            .zip(COLOURS)
            .map(|(value, colour)| Line { colour, width: WIDTH, points: series(*value) })
            .collect();
        let all = lines_of.iter().flat_map(|line| line.points.iter().map(|(_, value)| *value)).chain([0.0]);
        lines(&Axes { time: time.clone(), values: spread(all), label }, &lines_of, Some(0.0))
    };
    let share = one(&|frame| frame.share, &|value| format!("{:.1} %", 100.0 * value), Some(1.0))?;
    page.figure(
        &share,
        &[("a share", COLOURS[0])],
        "What a share of the pool is worth at last prices, of what it was worth at first.",
    );
    let cover = one(&|frame| frame.cover.min(MOST_COVER), &|value| format!("{value:.1}"), Some(1.0))?;
    page.figure(
        &cover,
        &[("cover", COLOURS[0])],
        "Cover: low value ÷ buffer at its lowest in each bar, drawn up to 10. Below 0.8 positions are deleveraged.",
    );
    let gained = several(&[&|frame| frame.gained.1, &|frame| frame.gained.0], &short_usd)?;
    page.figure(
        &gained,
        &[("fees, spread, funding, interest and all else", COLOURS[0]), ("price moves", COLOURS[1])],
        "What the pool has gained since the beginning, USD.",
    );
    let sides = several(&[&|frame| frame.sides.0, &|frame| frame.sides.1], &short_usd)?;
    page.figure(&sides, &[("longs", COLOURS[0]), ("shorts", COLOURS[1])], "What is open in all perps, USD.");
    let rate = |index: usize| move |frame: &PerpsFrame| frame.rates.get(index).copied().unwrap_or(0.0);
    let rates: Vec<_> = (0..record.perps.len()).map(rate).collect();
    let rates: Vec<&dyn Fn(&PerpsFrame) -> f64> =
        rates.iter().map(|rate| rate as &dyn Fn(&PerpsFrame) -> f64).collect();
    let legend: Vec<_> = record.perps.iter().copied().zip(COLOURS).collect();
    page.figure(&several(&rates, &percent)?, &legend, "Funding that longs pay a year; below zero shorts pay it.");
    Ok(())
}

fn method() -> Vec<Vec<String>> {
    let mut rows = vec![
        tables::row(
            "Pool and perps",
            "the pool begins with 10,000 USD for each trader. Margins of 5, 3 and 4 % (SOL, BTC, ETH) and half of that for maintenance; fees of 6, 5 and \
             5 bps or three deviations of a second; impact up to 50 bps, at a skew of a tenth of the pool; a hold of a minute; funding up to 100 % a year; a \
             tenth of the pool opens in a minute, a tenth leaves it in a day through one perp",
        ),
        tables::row(
            "Prices",
            "every second between a bar's open, extremes and close by a Brownian bridge whose variance is what the range implies, in bursts. \
             Prices are published every 100 seconds, at every extreme, and when the arbitrageur wants one",
        ),
    ];
    rows.extend(people::DESCRIPTION.iter().map(|(label, text)| tables::row(label, text)));
    rows.push(tables::row(
        "Keeper",
        "liquidates at every price, writes off what nobody pays, deleverages when it may, and has losses settled every six hours, and at once \
         where gains are paid in part",
    ));
    rows.push(tables::row(
        "Borrowers and lenders",
        "as many traders as trade perps, and their lenders, as in the demo under the fixed policy",
    ));
    rows.push(tables::row("Limits", tables::LIMITS));
    rows
}

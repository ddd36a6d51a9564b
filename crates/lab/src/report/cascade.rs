//! The report of the cascades: the table, and for each window what liquidations did to prices.

use std::ops::Range;

use anyhow::{Context, Result};
use ballast_sim::{
    liquidator,
    replay::Setting,
    stats::{Record, thousands},
};

use super::{CLOSE_UP, Style, begin_page, begin_window, beside, html::Page, running, series, short_usd, tables};
use crate::{
    batch::{Comparison, Run},
    cascade::{Books, scenario::Scenario, summary},
};

/// How the scenarios are drawn.
const STYLES: [Style; Scenario::ALL.len()] =
    [((0x8a, 0x93, 0xa6), 5), ((0xd6, 0x28, 0x28), 3), ((0x1b, 0x7f, 0x5c), 2)];

/// The scenarios' colours.
fn scenarios() -> Vec<(&'static str, (u8, u8, u8))> {
    Scenario::ALL.iter().zip(STYLES).map(|(scenario, (colour, _))| (scenario.title(), colour)).collect()
}

/// The report as HTML. It holds no time of day, no duration and no path: the same seed and data give the same bytes.
pub fn render(comparisons: &[Comparison], setting: Setting, books: Books) -> Result<String> {
    let first = comparisons.first().and_then(|comparison| comparison.runs.first()).context("nothing was played")?;
    let title = "Ballast: liquidations that move the price";
    let introduction = format!(
        "Real prices, and books of limited depth into which the liquidator sells what it seizes. The program is told what \
         that makes of the price. {} traders and {} lenders under the {} policy. Every deposit, loan, price and liquidation \
         is a transaction executed by the program's SBF bytecode; after every bar the books balanced. Seed {}.",
        thousands(first.record.accounts.0 as u64),
        thousands(first.record.accounts.1 as u64),
        setting.policy.title(),
        setting.seed
    );
    let table = summary::table(comparisons);
    let mut page = begin_page(title, &introduction, &headline(comparisons), &table, summary::LEGEND);
    for comparison in comparisons {
        append_window(&mut page, comparison)?;
    }
    page.heading("Assumptions");
    append_depths(&mut page, comparisons, books);
    page.table(&["", ""], &method(books), 2);
    Ok(page.finish(title))
}

/// The deepest fall of any asset: its index, the share and the time.
fn deepest(record: &Record) -> (usize, f64, i64) {
    let falls = record.deepest().into_iter().enumerate().map(|(asset, (fall, time))| (asset, fall, time));
    falls.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0, 0))
}

/// The worst or the sum of all windows, the scenarios beside each other.
fn headline(comparisons: &[Comparison]) -> Vec<(String, String)> {
    let beside = |text: &dyn Fn(&[&Run]) -> String| {
        let of =
            |scenario| comparisons.iter().filter_map(|comparison| comparison.runs.get(scenario)).collect::<Vec<_>>();
        (0..Scenario::ALL.len()).map(|scenario| text(&of(scenario))).collect::<Vec<_>>().join(" · ")
    };
    let sum =
        |value: fn(&Record) -> f64| move |runs: &[&Run]| short_usd(runs.iter().map(|run| value(&run.record)).sum());
    let fall =
        |runs: &[&Run]| format!("{:.1} %", 100.0 * runs.iter().map(|run| deepest(&run.record).1).fold(0.0, f64::max));
    let minutes = |runs: &[&Run]| thousands(runs.iter().map(|run| run.record.unhealthy_seconds as u64 / 60).sum());
    let titles = Scenario::ALL.map(Scenario::title).join(" · ");
    let numbers = [
        (beside(&fall), "deepest fall below the exogenous price"),
        (beside(&sum(|record| record.repaid)), "liquidated"),
        (beside(&sum(Record::bad_debt)), "bad debt"),
        (beside(&minutes), "account-minutes below maintenance"),
    ];
    numbers.map(|(number, label)| (number, format!("{label}, {titles}"))).to_vec()
}

fn append_window(page: &mut Page, comparison: &Comparison) -> Result<()> {
    let time = begin_window(page, comparison)?;
    append_prices(page, comparison, &time)?;
    let figure = |points: &dyn Fn(&Record) -> Vec<(i64, f64)>, label: &dyn Fn(f64) -> String| {
        beside(comparison.runs.iter().map(|run| points(&run.record)), &STYLES, &time, label, None)
    };
    let liquidated = figure(&|record| running(record, |frame| frame.liquidated.iter().sum()), &short_usd)?;
    page.figure(&liquidated, &scenarios(), "Debt repaid in liquidations since the start.");
    let unhealthy = figure(&|record| series(record, |frame| frame.unhealthy as f64), &|value| format!("{value:.0}"))?;
    page.figure(
        &unhealthy,
        &scenarios(),
        "Accounts that are still below maintenance after the liquidator looked at them: the most at any price of a bar.",
    );
    let lost = figure(&|record| running(record, |frame| frame.bad_debt), &short_usd)?;
    page.figure(&lost, &scenarios(), "Debt written off against lenders since the start.");
    Ok(())
}

/// What the program saw of each asset against the exogenous price, and the deepest fall close up.
fn append_prices(page: &mut Page, comparison: &Comparison, time: &Range<i64>) -> Result<()> {
    let prices =
        |asset: usize, value: fn(&(f64, f64)) -> f64, time: &Range<i64>, label: &dyn Fn(f64) -> String, level| {
            let of = |run: &Run| run.record.published.iter().map(|(at, prices)| (*at, value(&prices[asset]))).collect();
            beside(comparison.runs.iter().map(of), &STYLES, time, label, level)
        };
    for (asset, listed) in comparison.grid.assets.iter().enumerate().filter(|(_, asset)| !asset.is_stable) {
        let displacement = prices(asset, |price| price.1, time, &|value| format!("{:.1} %", 100.0 * value), Some(1.0))?;
        let caption = format!("{}: the price that the program saw, as a share of the exogenous one.", listed.symbol);
        page.figure(&displacement, &scenarios(), &caption);
    }
    let falls = comparison.runs.iter().map(|run| deepest(&run.record));
    let Some((asset, _, at)) = falls.max_by(|a, b| a.1.total_cmp(&b.1)).filter(|(_, fall, _)| *fall > 0.0) else {
        return Ok(());
    };
    let close_up = (at - CLOSE_UP.0).max(time.start)..(at + CLOSE_UP.1).min(time.end);
    let seen = prices(asset, |price| price.0, &close_up, &|value| format!("${value:.2}"), None)?;
    let symbol = comparison.grid.assets[asset].symbol;
    let caption = format!(
        "{symbol} around its deepest fall: the price that the program saw. Without feedback it is the exogenous one."
    );
    page.figure(&seen, &scenarios(), &caption);
    Ok(())
}

/// The books' depths.
fn append_depths(page: &mut Page, comparisons: &[Comparison], books: Books) {
    let mut rows = Vec::new();
    for comparison in comparisons {
        let grid = &comparison.grid;
        let depths = grid.assets.iter().zip(grid.daily_volumes().into_iter().zip(books.depths(grid)));
        rows.extend(depths.filter(|(asset, _)| !asset.is_stable).map(|(asset, (volume, depth))| {
            vec![comparison.window.title().into(), asset.symbol.into(), short_usd(volume), short_usd(depth)]
        }));
    }
    page.table(&["Window", "Asset", "Traded in a day", "Depth: moves the price by 1 %"], &rows, 2);
}

fn method(books: Books) -> Vec<Vec<String>> {
    let mut rows: Vec<_> = Scenario::ALL
        .iter()
        .map(|scenario| tables::row(&format!("Liquidation: {}", scenario.title()), scenario.description()))
        .collect();
    rows.push(tables::row(
        "Books",
        &format!(
            "a sale that fetches V dollars moves the price by the factor exp(−V ÷ 100 D), a purchase that costs V by \
             exp(V ÷ 100 D); the depth D is {} % of what was traded of the asset on an average day of the window. The \
             liquidator gets and pays every price on the way. Half of a displacement is gone after {} minutes. Stablecoins \
             have books without end",
            books.depth, books.half_life
        ),
    ));
    rows.push(tables::row(
        "Size",
        &format!("each account stands for {} alike: the books see so many times what is liquidated of it", books.scale),
    ));
    rows.push(tables::row(
        "Phased",
        &format!(
            "an hour's liquidations take no more of an asset than moves its price by {} % at once; accounts whose equity is \
             below {} % of their debt do not wait",
            books.phase,
            books.exempt as f64 / 100.0
        ),
    ));
    rows.push(tables::row("Prices", tables::WALK));
    rows.push(tables::row(
        "Feedback",
        "what is published is the exogenous price times the displacement; again every ten seconds while liquidations move it",
    ));
    rows.extend(tables::people());
    rows.push(tables::row("Liquidator", liquidator::DESCRIPTION));
    rows.push(tables::row(
        "Limits",
        "the program and the exogenous prices are real, the rest is a model. The exogenous price holds the cascades that \
         happened: the experiment adds one market's to them. Nobody but liquidators moves a price, depth does not shrink in \
         a fall, and the liquidator is never late and never out of money",
    ));
    rows
}

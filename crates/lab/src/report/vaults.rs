//! The report of the vaults: the table, and for each window coverage, queue, who is out, and yield over time.

use anyhow::{Context, Result};
use ballast_sim::{
    liquidator,
    replay::Setting,
    stats::thousands,
    vaults::{
        LENDERS, MARKETS, Rule,
        record::{FULL, VaultFrame, VaultRecord},
    },
};
use ballast_time::full_label;

use super::{Style, begin_page, begin_window, beside, html::Page, percent, tables};
use crate::{
    batch::Comparison,
    vaults::{arm::Arm, summary},
};

/// How the arms are drawn.
const STYLES: [Style; Arm::ALL.len()] = [((0x1f, 0xa0, 0x8f), 4), ((0xd6, 0x28, 0x28), 2)];
/// Coverage above it is drawn at it.
const MOST_COVERAGE: f64 = 3.0;
/// Seconds over which a yield is taken.
const DAY: i64 = 86_400;

/// The arms' colours.
fn arms() -> Vec<(&'static str, (u8, u8, u8))> {
    [("rule on", STYLES[0].0), ("rule off", STYLES[1].0)].to_vec()
}

/// The report as HTML. It holds no time of day, no duration and no path: the same seed and data give the same bytes.
pub fn render(comparisons: &[Comparison<VaultRecord>], setting: Setting, rule: Rule) -> Result<String> {
    let first = comparisons.first().and_then(|comparison| comparison.runs.first()).context("nothing was played")?;
    let title = "Ballast: a vault whose lenders run";
    let traders: usize = first.record.markets.iter().map(|market| market.accounts.0).sum();
    let introduction = format!(
        "Real prices, and a vault of {LENDERS} lenders over three markets with {} traders. Every deposit, loan, price, liquidation, move of the \
         vault and exit is a transaction executed by the program's SBF bytecode; after every bar the books of markets and vault balanced. \
         {} Seed {}.",
        thousands(traders as u64),
        setting.attendance(),
        setting.seed
    );
    let table = summary::table(comparisons);
    let mut page = begin_page(title, &introduction, &headline(comparisons), &table, summary::LEGEND);
    for comparison in comparisons {
        append_window(&mut page, comparison)?;
    }
    page.heading("Method");
    page.table(&["", ""], &method(rule), 2);
    Ok(page.finish(title))
}

/// The worst of all windows, the arms beside each other.
fn headline(comparisons: &[Comparison<VaultRecord>]) -> Vec<(String, String)> {
    let both = |text: &dyn Fn(&[&VaultRecord]) -> String| {
        let of = |arm: usize| {
            comparisons
                .iter()
                .filter_map(|comparison| comparison.runs.get(arm))
                .map(|run| &run.record)
                .filter(|record| record.run.is_some())
                .collect::<Vec<_>>()
        };
        (0..Arm::ALL.len()).map(|arm| text(&of(arm))).collect::<Vec<_>>().join(" · ")
    };
    let least = |seconds: i64| {
        move |records: &[&VaultRecord]| {
            let least = records.iter().filter_map(|record| record.out_within(seconds)).min_by(f64::total_cmp);
            least.map_or("–".into(), percent)
        }
    };
    let longest = |records: &[&VaultRecord]| {
        let longest = records.iter().filter_map(|record| record.waits()).map(|waits| waits.1).max();
        longest.map_or("–".into(), summary::wait)
    };
    let queue =
        |records: &[&VaultRecord]| percent(records.iter().map(|record| record.longest_queue().0).fold(0.0, f64::max));
    let mut numbers = vec![
        (both(&least(DAY)), "out within a day of those who wanted to, in the worst window, rule on · off".into()),
        (both(&longest), "longest wait, rule on · off".into()),
        (both(&queue), "longest queue, of the vault, rule on · off".into()),
    ];
    if let Some(price) = summary::price_of_liquidity(comparisons) {
        numbers.push((
            format!("{} bps", summary::bps(price)),
            "price of liquidity: yield given up a year in the calm month".into(),
        ));
    }
    numbers
}

fn append_window(page: &mut Page, comparison: &Comparison<VaultRecord>) -> Result<()> {
    let time = begin_window(page, comparison)?;
    let records = || comparison.runs.iter().map(|run| &run.record);
    page.paragraph(&match records().next().and_then(|record| record.run) {
        None => "Nobody runs.".to_string(),
        Some(run) => {
            let full = records().map(|record| record.full_after.map_or("never".into(), summary::wait));
            format!(
                "The run begins at {} UTC. All three markets are {:.1} % used after {} (rule on · off).",
                full_label(run),
                100.0 * FULL,
                full.collect::<Vec<_>>().join(" · ")
            )
        }
    });
    let figure = |value: fn(&VaultFrame) -> f64, label: &dyn Fn(f64) -> String, level| {
        let of = |record: &VaultRecord| record.measured().iter().map(|frame| (frame.time, value(frame))).collect();
        beside(records().map(of), &STYLES, &time, label, level)
    };
    let coverage = figure(|frame| frame.coverage.min(MOST_COVERAGE), &percent, Some(1.0))?;
    page.figure(&coverage, &arms(), "Coverage: liquid assets ÷ stressed outflow, drawn up to 300 %.");
    let queue = figure(
        |frame| frame.queued as f64 / frame.value.max(1) as f64,
        &|value| format!("{:.1} %", 100.0 * value),
        None,
    )?;
    page.figure(&queue, &arms(), "What waits in the queue, as a part of the vault.");
    if records().any(|record| record.run.is_some()) {
        let out = beside(records().map(out), &STYLES, &time, &percent, None)?;
        page.figure(&out, &arms(), "Of the shares whose lenders had wanted to leave by then, the part that had left.");
    }
    let used = figure(
        |frame| frame.utilisation.iter().sum::<f64>() / frame.utilisation.len().max(1) as f64,
        &percent,
        Some(1.0),
    )?;
    page.figure(&used, &arms(), "Utilisation of the vault's token, the mean of the three markets.");
    let yields = beside(
        records().map(|record| record.yields(DAY)),
        &STYLES,
        &time,
        &|value| format!("{:.1} %", 100.0 * value),
        None,
    )?;
    page.figure(&yields, &arms(), "Yield: what a share gained in a year, at the pace of the day before.");
    Ok(())
}

/// For each frame of a run, the part of those who had wanted to leave that had left.
fn out(record: &VaultRecord) -> Vec<(i64, f64)> {
    let frames = record.measured().iter();
    frames.filter_map(|frame| Some((frame.time, record.out_within(frame.time - record.run?)?))).collect()
}

fn method(rule: Rule) -> Vec<Vec<String>> {
    let mut rows = vec![
        tables::row(
            "Rule on",
            &format!(
                "coverage target {} %, below which nothing is lent on, anyone brings tokens back and exits pay a fee of up to {} %; {} % of \
                 the assets is not lent",
                rule.coverage as f64 / 100.0,
                rule.exit_fee as f64 / 100.0,
                rule.buffer as f64 / 100.0
            ),
        ),
        tables::row("Rule off", "no target, no fee, no buffer; all else is the same, and coverage is reckoned alike"),
        tables::row(
            "Vault",
            "lends USDC to three markets, at most half of it to one, a third of what their lenders bring. It takes its part over in the \
             first day of a window, which is not measured. The keeper makes the moves that the engine finds, and serves the queue, every \
             five minutes",
        ),
        tables::row(
            "Vault's lenders",
            "stand in line by chance, and want to leave by the measured curve: 14 % in the first day, 18 % by the second, 33 % by the \
             fourth; the others stay. Who wants to leave redeems what is liquid, whatever the fee, and waits in the queue for the rest. \
             Nobody comes",
        ),
        tables::row(
            "Markets' lenders in a run",
            "three fifths of the money that others lent runs: it takes out what cash there is evenly over 1.4 hours, and after that whatever comes \
             in, until it is gone, and does not come back. The others act as always",
        ),
        tables::row(
            "Beginning of a run",
            "before the hour in which the volatile assets fell most, on average: a run that a crash follows",
        ),
        tables::row(
            "Markets",
            &format!(
                "three of the demo's market under the fixed policy; {}, {} and {} % of the traders",
                MARKETS[0], MARKETS[1], MARKETS[2]
            ),
        ),
        tables::row("Prices", tables::WALK),
    ];
    rows.extend(tables::people());
    rows.push(tables::row("Liquidator", liquidator::DESCRIPTION));
    rows.push(tables::row("Venue", tables::VENUE));
    rows.push(tables::row("Limits", tables::LIMITS));
    rows
}

//! The report of a comparison: the table, and for each window how the policies fared over time.

use anyhow::{Context, Result};
use ballast_sim::{
    liquidator,
    policy::Policy,
    replay::Setting,
    stats::{Frame, thousands},
};

use super::{Style, begin_page, begin_window, beside, html::Page, percent, series, short_usd, tables};
use crate::{
    batch::{Comparison, Run},
    compare::{interest, summary},
};

/// How the policies are drawn.
const STYLES: [Style; Policy::ALL.len()] = [((0xf0, 0x7c, 0x29), 5), ((0x1f, 0xa0, 0x8f), 2)];

/// The policies' colours.
fn policies() -> Vec<(&'static str, (u8, u8, u8))> {
    Policy::ALL.iter().zip(STYLES).map(|(policy, (colour, _))| (policy.title(), colour)).collect()
}

/// The report as HTML. It holds no time of day, no duration and no path: the same seed and data give the same bytes.
pub fn render(comparisons: &[Comparison], setting: Setting) -> Result<String> {
    let first = comparisons.first().and_then(|comparison| comparison.runs.first()).context("nothing was played")?;
    let title = "Ballast: fixed and adaptive risk on the same history";
    let introduction = format!(
        "{} of real prices, each played under both policies with the same {} traders and {} lenders. Every deposit, \
         loan, price and liquidation is a transaction executed by the program's SBF bytecode; after every bar the \
         books balanced. {} Seed {}.",
        if comparisons.len() == 1 { "One stretch".into() } else { format!("{} stretches", comparisons.len()) },
        thousands(first.record.accounts.0 as u64),
        thousands(first.record.accounts.1 as u64),
        setting.attendance(),
        setting.seed
    );
    let table = summary::table(comparisons);
    let mut page = begin_page(title, &introduction, &headline(comparisons), &table, summary::LEGEND);
    for comparison in comparisons {
        append_window(&mut page, comparison)?;
    }
    append_interest(&mut page)?;
    page.heading("Method");
    page.table(&["", ""], &method(), 2);
    Ok(page.finish(title))
}

/// Sums over all windows, the policies beside each other.
fn headline(comparisons: &[Comparison]) -> Vec<(String, &'static str)> {
    let both = |value: &dyn Fn(&Run) -> f64, text: &dyn Fn(f64) -> String| {
        let of =
            |policy: usize| comparisons.iter().filter_map(|comparison| comparison.runs.get(policy)).map(value).sum();
        format!("{} · {}", text(of(0)), text(of(1)))
    };
    let windows = comparisons.len() as f64;
    vec![
        (both(&|run| run.record.bad_debt(), &short_usd), "bad debt, fixed · adaptive"),
        (
            both(&|run| run.record.locked_per_dollar(), &|sum| format!("${:.3}", sum / windows)),
            "collateral per dollar borrowed, mean of the windows, fixed · adaptive",
        ),
        (both(&|run| run.record.liquidations as f64, &|sum| thousands(sum as u64)), "liquidations, fixed · adaptive"),
        (both(&|run| run.record.repaid, &short_usd), "liquidated, fixed · adaptive"),
    ]
}

fn append_window(page: &mut Page, comparison: &Comparison) -> Result<()> {
    let time = begin_window(page, comparison)?;
    let by_policy = |value: fn(&Frame) -> f64, label: &dyn Fn(f64) -> String, level: Option<f64>| {
        beside(comparison.runs.iter().map(|run| series(&run.record, value)), &STYLES, &time, label, level)
    };
    let locked =
        by_policy(|frame| frame.locked_per_dollar().unwrap_or(f64::NAN), &|value| format!("${value:.2}"), None)?;
    page.figure(&locked, &policies(), "Collateral for each dollar borrowed, of all accounts with a debt, at spot.");
    let caption = "Value of collateral ÷ debt at spot of the account closest to insolvency, before it is liquidated. \
        Below the dashed line lenders would lose money.";
    page.figure(&by_policy(|frame| frame.thinnest, &percent, Some(1.0))?, &policies(), caption);
    Ok(())
}

fn append_interest(page: &mut Page) -> Result<()> {
    page.heading("Interest over thirty days");
    page.paragraph(
        "The USDC reserve on the engine alone, with the same borrowers: they want 95 % of it at 5 % a year and a point less \
         for each point above, and get there by a twentieth an hour. The adaptive policy's controller moves the curve until \
         utilisation rests at 80 %.",
    );
    let mut courses = Vec::new();
    for policy in Policy::ALL {
        courses.push(interest::thirty_days(policy)?);
    }
    let time = interest::START..interest::START + interest::HOURS * interest::HOUR;
    let by_policy = |value: fn(&(i64, f64, f64)) -> f64, level| {
        let of = |points: &Vec<(i64, f64, f64)>| points.iter().map(|point| (point.0, value(point))).collect();
        beside(courses.iter().map(of), &STYLES, &time, &percent, level)
    };
    let utilisation = by_policy(|point| point.1, Some(0.8))?;
    page.figure(&utilisation, &policies(), "Utilisation; the dashed line is the controller's target.");
    page.figure(&by_policy(|point| point.2, None)?, &policies(), "Borrow rate, per year.");
    Ok(())
}

fn method() -> Vec<Vec<String>> {
    let mut rows: Vec<_> = Policy::ALL
        .iter()
        .map(|policy| tables::row(&format!("Policy: {}", policy.title()), policy.description()))
        .collect();
    rows.push(tables::row(
        "The same people",
        "both policies meet the same traders with the same collateral, the same debt token and the same wish, which is \
         a share of what the policy lets them borrow, and the same lenders with the same money. What happens to a \
         person in a turn is drawn for that person and turn alone, so nobody's luck depends on what a policy made \
         others do",
    ));
    rows.push(tables::row("Prices", tables::WALK));
    rows.extend(tables::people());
    rows.push(tables::row("Liquidator", liquidator::DESCRIPTION));
    rows.push(tables::row("Venue", tables::VENUE));
    rows.push(tables::row("Limits", tables::LIMITS));
    rows
}

//! The table of a comparison, for three kinds of readers.

use super::{Comparison, Run};
use crate::demo::stats::thousands;

/// The columns that are the same for the same seed.
pub const HEADER: [&str; 8] = [
    "Window",
    "Policy",
    "Bad debt, USD",
    "Liquidations",
    "Liquidated, USD",
    "Collateral per dollar borrowed, USD",
    "Lowest collateral ÷ debt",
    "Accounts under water",
];
/// The first column of numbers.
pub const NUMBERS_FROM: usize = 2;

/// What the columns mean.
pub const LEGEND: &str = "Bad debt is what was written off against lenders and what was uncovered when the window \
    ended. Collateral per dollar borrowed, the price of safety, is that of all accounts with a debt, at spot, averaged \
    over the bars. Collateral ÷ debt is that of the thinnest account at any published price, at spot, before it is \
    liquidated; accounts below 100 % are under water.";

/// Whole dollars, and "under 1" for what is less but not nothing.
fn whole_usd(amount: f64) -> String {
    if 0.0 < amount && amount < 1.0 { "under 1".into() } else { thousands(amount.round() as u64) }
}

fn cells(comparison: &Comparison, run: &Run) -> Vec<String> {
    let record = &run.record;
    let (thinnest, _) = record.thinnest();
    vec![
        comparison.window.title().into(),
        run.policy.title().into(),
        whole_usd(record.bad_debt()),
        thousands(record.liquidations),
        whole_usd(record.repaid),
        format!("{:.3}", record.locked_per_dollar()),
        if thinnest.is_finite() { format!("{:.1} %", 100.0 * thinnest) } else { "no debts".into() },
        thousands(record.under_water.len() as u64),
    ]
}

/// The rows, one for each window and policy.
pub fn rows(comparisons: &[Comparison]) -> Vec<Vec<String>> {
    comparisons.iter().flat_map(|comparison| comparison.runs.iter().map(|run| cells(comparison, run))).collect()
}

/// For a terminal, with the time each run took.
pub fn plain(comparisons: &[Comparison]) -> String {
    let mut lines = vec![HEADER.map(String::from).to_vec()];
    lines[0].push("Time".into());
    let times = comparisons.iter().flat_map(|comparison| &comparison.runs);
    let times = times.map(|run| format!("{:.1} s", run.took.as_secs_f64()));
    lines.extend(rows(comparisons).into_iter().zip(times).map(|(mut row, time)| {
        row.push(time);
        row
    }));
    let widths: Vec<_> = (0..lines[0].len())
        .map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for line in &lines {
        let cells: Vec<_> = line
            .iter()
            .zip(&widths)
            .enumerate()
            .map(
                |(column, (cell, width))| {
                    if column < NUMBERS_FROM { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
                },
            )
            .collect();
        text += cells.join("  ").trim_end();
        text.push('\n');
    }
    text
}

/// For a README.
pub fn markdown(comparisons: &[Comparison]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rules = (0..HEADER.len()).map(|column| if column < NUMBERS_FROM { "---" } else { "---:" });
    let mut text = line(&HEADER.map(String::from));
    text += &format!("|{}|\n", rules.collect::<Vec<_>>().join("|"));
    for row in rows(comparisons) {
        text += &line(&row);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_is_never_written_as_none() {
        assert_eq!([0.0, 0.4, 1.2, 12_345.6].map(whole_usd), ["0", "under 1", "1", "12,346"]);
    }
}

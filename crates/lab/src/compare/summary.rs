//! What a comparison comes to.

use ballast_sim::{
    policy::Policy,
    stats::{thousands, whole_usd},
};

use crate::{
    batch::{Comparison, Run},
    table::Table,
};

/// What the columns mean.
pub const LEGEND: &str = "Bad debt is what was written off against lenders and what was uncovered when the window \
    ended. Collateral per dollar borrowed, the price of safety, is that of all accounts with a debt, at spot, averaged \
    over the bars. Collateral ÷ debt is that of the thinnest account at any published price, at spot, before it is \
    liquidated; accounts below 100 % are under water.";

fn row(comparison: &Comparison, policy: Policy, run: &Run) -> Vec<String> {
    let record = &run.record;
    let (thinnest, _) = record.thinnest();
    vec![
        comparison.window.title().into(),
        policy.title().into(),
        whole_usd(record.bad_debt()),
        thousands(record.liquidations),
        whole_usd(record.repaid),
        format!("{:.3}", record.locked_per_dollar()),
        if thinnest.is_finite() { format!("{:.1} %", 100.0 * thinnest) } else { "no debts".into() },
        thousands(record.under_water.len() as u64),
    ]
}

/// A row for each window and policy.
pub fn table(comparisons: &[Comparison]) -> Table {
    let header = vec![
        "Window",
        "Policy",
        "Bad debt, USD",
        "Liquidations",
        "Liquidated, USD",
        "Collateral per dollar borrowed, USD",
        "Lowest collateral ÷ debt",
        "Accounts under water",
    ];
    let rows = comparisons.iter().flat_map(|comparison| {
        Policy::ALL.iter().zip(&comparison.runs).map(|(policy, run)| row(comparison, *policy, run))
    });
    Table { header, rows: rows.collect(), numbers_from: 2 }
}

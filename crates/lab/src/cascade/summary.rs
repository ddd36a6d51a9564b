//! What the experiment comes to.

use ballast_sim::stats::{thousands, whole_usd};

use super::scenario::Scenario;
use crate::{
    batch::{Comparison, Run},
    table::Table,
};

/// What the columns mean.
pub const LEGEND: &str = "The deepest fall is how far below the exogenous price of the same second a price was published at \
    most. Amounts are those of the accounts played, not of the many that each stands for. Bad debt is what was written off \
    against lenders and what was uncovered when the window ended. Account-minutes below maintenance add up, over all \
    accounts, for how long they stayed unhealthy after the liquidator looked at them. An account is under water once its \
    debt is worth more than its collateral at spot. The liquidator's profit is after slippage and fees.";

/// The assets that have books, and the names of their columns.
const FALLS: [(&str, &str); 3] = [("SOL", "SOL's deepest fall"), ("BTC", "BTC's"), ("ETH", "ETH's")];

fn row(comparison: &Comparison, scenario: Scenario, run: &Run) -> Vec<String> {
    let record = &run.record;
    let deepest = record.deepest();
    let falls = FALLS.map(|(symbol, _)| {
        let listed = record.assets.iter().position(|asset| asset.symbol == symbol);
        listed.map_or("–".into(), |index| format!("{:.1} %", 100.0 * deepest[index].0))
    });
    let mut cells = vec![comparison.window.title().into(), scenario.title().into()];
    cells.extend(falls);
    cells.extend([
        thousands(record.liquidations),
        whole_usd(record.repaid),
        whole_usd(record.bad_debt()),
        thousands(record.unhealthy_seconds as u64 / 60),
        thousands(record.under_water.len() as u64),
        whole_usd(record.profit),
    ]);
    cells
}

/// A row for each window and scenario.
pub fn table(comparisons: &[Comparison]) -> Table {
    let mut header = vec!["Window", "Liquidation"];
    header.extend(FALLS.map(|(_, name)| name));
    header.extend([
        "Liquidations",
        "Liquidated, USD",
        "Bad debt, USD",
        "Account-minutes below maintenance",
        "Accounts under water",
        "Liquidator's profit, USD",
    ]);
    let rows = comparisons.iter().flat_map(|comparison| {
        Scenario::ALL.iter().zip(&comparison.runs).map(|(scenario, run)| row(comparison, *scenario, run))
    });
    Table { header, rows: rows.collect(), numbers_from: 2 }
}

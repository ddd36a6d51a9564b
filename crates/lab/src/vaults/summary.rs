//! What the experiment comes to.

use ballast_sim::{stats::whole_usd, vaults::record::VaultRecord};

use super::arm::Arm;
use crate::{
    batch::Comparison,
    table::{Table, signed},
};

/// Seconds after the beginning of a run at which it is asked who is out.
pub const TIMES: [(i64, &str); 3] =
    [(3_600, "Out within 1 h"), (86_400, "Out within 1 d"), (345_600, "Out within 4 d")];

/// What the columns mean.
pub const LEGEND: &str = "Out within 1 h, 1 d, 4 d: of the shares whose lenders had wanted to leave by so long after the run began, \
    the part that had left by then. A wait begins when a lender wants to leave and ends when the last share is paid; of who is not out, \
    when the window ends. Leavers' loss: fees and losses less what was earned while waiting, in basis points of what a lender had when \
    it came to want to leave; below zero, waiting earned more than it cost. Stayers' loss: the deepest fall of a share's price, in basis \
    points. Queue: the most that waited, as a part of the vault. Idle: what the vault did not lend, on average. Yield: what a share gained \
    in a year at the pace of the whole window, but its first day. Nobody runs in the calm month.";

/// Basis points of a share.
pub fn bps(share: f64) -> String {
    signed(format!("{:.1}", share * 1e4))
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// A wait: minutes below two hours, hours below two days, then days.
pub fn wait(seconds: i64) -> String {
    match seconds {
        ..7_200 => format!("{} min", (seconds + 30) / 60),
        7_200..172_800 => format!("{:.1} h", seconds as f64 / 3_600.0),
        _ => format!("{:.1} d", seconds as f64 / 86_400.0),
    }
}

fn row(window: &str, arm: Arm, record: &VaultRecord) -> Vec<String> {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "–".into());
    let mut cells = vec![window.into(), arm.title().into()];
    cells.extend(TIMES.map(|(seconds, _)| or_none(record.out_within(seconds).map(percent))));
    let waits = record.waits();
    cells.extend([
        or_none(waits.map(|(median, _)| wait(median))),
        or_none(waits.map(|(_, longest)| wait(longest))),
        or_none(record.run.map(|_| record.still_in().to_string())),
        or_none(record.leavers_loss().map(bps)),
        bps(record.stayers_loss()),
        whole_usd(record.token.tokens(record.fees())),
        percent(record.lowest_coverage()),
        percent(record.longest_queue().0),
        percent(record.idle()),
        signed(format!("{:.2} %", 100.0 * record.yearly())),
    ]);
    cells
}

/// A row for each window and arm.
pub fn table(comparisons: &[Comparison<VaultRecord>]) -> Table {
    let mut header = vec!["Window", "Rule"];
    header.extend(TIMES.map(|(_, name)| name));
    header.extend([
        "Median wait",
        "Longest wait",
        "Lenders not out at the end",
        "Leavers' loss, bps",
        "Stayers' loss, bps",
        "Exit fees, USD",
        "Lowest coverage",
        "Longest queue",
        "Idle",
        "Yield a year",
    ]);
    let rows = comparisons.iter().flat_map(|comparison| {
        let runs = Arm::ALL.iter().zip(&comparison.runs);
        runs.map(|(arm, run)| row(comparison.window.title(), *arm, &run.record))
    });
    Table { header, rows: rows.collect(), numbers_from: 2 }
}

/// The price of liquidity: what a share gained less in a year with the rule, as a share, where nobody ran.
pub fn price_of_liquidity(comparisons: &[Comparison<VaultRecord>]) -> Option<f64> {
    let calm = comparisons.iter().find(|comparison| comparison.window.is_calm())?;
    let [on, off] = calm.runs.as_slice() else { return None };
    Some(off.record.yearly() - on.record.yearly())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!([0.0123, -0.000_25, -1e-9].map(bps), ["123.0", "−2.5", "0.0"]);
        assert_eq!(["-0.00 %", "-0.10 %"].map(|text| signed(text.into())), ["0.00 %", "−0.10 %"]);
        assert_eq!([0, 300, 7_200, 200_000].map(wait), ["0 min", "5 min", "2.0 h", "2.3 d"]);
    }
}

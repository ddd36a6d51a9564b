//! What many runs come to.

use anyhow::{Result, ensure};
use ballast_sim::{
    stats::{thousands, whole_usd},
    stress::outcome::{FIGURES, Figure, Outcome},
};

use super::statistics::{Estimate, Losses, Measure, acerbi_szekely, kupiec};
use crate::table::Table;

/// The probability of the value at risk.
pub const VALUE_AT_RISK: f64 = 0.99;
/// The probability of the expected shortfall.
pub const SHORTFALL: f64 = 0.975;

/// What is summed up, what it is called, and how it is written.
pub const SHOWN: [(Figure, &str, Unit); 15] = [
    (Figure::BadDebt, "Bad debt", Unit::Usd),
    (Figure::Insurance, "borne by insurance", Unit::Usd),
    (Figure::Depositors, "borne by depositors and vaults", Unit::Usd),
    (Figure::Liquidated, "Liquidated", Unit::Usd),
    (Figure::Liquidations, "Liquidations", Unit::Count),
    (Figure::PeakHour, "Liquidations in the fullest hour", Unit::Count),
    (Figure::BorrowersLoss, "Borrowers' loss to penalties", Unit::Usd),
    (Figure::Impact, "Deepest impact on a price", Unit::Share),
    (Figure::Unserved, "Withdrawals not served at a time", Unit::Usd),
    (Figure::Outflow, "Lenders' outflow", Unit::Share),
    (Figure::FullHours, "Hours with a reserve fully lent", Unit::Number),
    (Figure::UnderWater, "Account-minutes under water", Unit::Count),
    (Figure::Unhealthy, "Account-minutes below maintenance", Unit::Count),
    (Figure::Fall, "Deepest fall of an asset", Unit::Share),
    (Figure::Attack, "Attacker's gain", Unit::Usd),
];

/// How a figure is written.
#[derive(Clone, Copy, Debug)]
pub enum Unit {
    /// Whole dollars.
    Usd,
    /// Whole numbers.
    Count,
    /// Per cent.
    Share,
    /// With two decimals.
    Number,
}

impl Unit {
    /// For people.
    pub fn write(self, value: f64) -> String {
        match self {
            Self::Usd => whole_usd(value),
            Self::Count => thousands(value.round() as u64),
            Self::Share => format!("{:.1} %", 100.0 * value),
            Self::Number => format!("{value:.2}"),
        }
    }
}

/// A figure over all runs.
#[derive(Clone, Copy, Debug)]
pub struct Summed {
    /// Which.
    pub figure: Figure,
    /// Its mean.
    pub mean: Estimate,
    /// What it exceeds in a hundredth of the runs.
    pub value_at_risk: Estimate,
    /// The mean of its worst fortieth.
    pub shortfall: Estimate,
    /// The worst.
    pub worst: f64,
}

/// One figure of all runs.
pub fn column(outcomes: &[Outcome], figure: Figure) -> Vec<f64> {
    outcomes.iter().map(|outcome| outcome[figure]).collect()
}

/// Sums a figure up.
pub fn sum(outcomes: &[Outcome], figure: Figure, seed: u64) -> Summed {
    let losses = Losses::new(column(outcomes, figure));
    let estimate = |measure| losses.estimate(measure, seed);
    Summed {
        figure,
        mean: estimate(Measure::Mean),
        value_at_risk: estimate(Measure::ValueAtRisk(VALUE_AT_RISK)),
        shortfall: estimate(Measure::Shortfall(SHORTFALL)),
        worst: losses.worst(),
    }
}

/// How the second half of the runs stands against the figures of the first: of bad debt the exceptions, Kupiec's test of their number,
/// and Acerbi and Szekely's of their size.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// Runs that were held out.
    pub cases: usize,
    /// Those beyond the first half's value at risk.
    pub exceptions: usize,
    /// Kupiec's likelihood ratio and p-value.
    pub kupiec: (f64, f64),
    /// Z₂ at the shortfall's probability; none where the first half has no shortfall.
    pub z2: Option<f64>,
}

/// Holds the second half against the first.
pub fn check(outcomes: &[Outcome]) -> Result<Check> {
    ensure!(outcomes.len() >= 2, "one run cannot be held against another");
    let (first, second) = outcomes.split_at(outcomes.len() / 2);
    let known = Losses::new(column(first, Figure::BadDebt));
    let losses = column(second, Figure::BadDebt);
    let of = |measure| known.of(measure);
    let limit = of(Measure::ValueAtRisk(VALUE_AT_RISK));
    let exceptions = losses.iter().filter(|loss| **loss > limit).count();
    let (beyond, shortfall) = (of(Measure::ValueAtRisk(SHORTFALL)), of(Measure::Shortfall(SHORTFALL)));
    Ok(Check {
        cases: losses.len(),
        exceptions,
        kupiec: kupiec(losses.len(), exceptions, 1.0 - VALUE_AT_RISK),
        z2: (shortfall > 0.0).then(|| acerbi_szekely(&losses, beyond, shortfall, SHORTFALL)),
    })
}

/// What the columns of [`table`] mean.
pub const LEGEND: &str = "Each row is a figure of one day, over all runs of a source. In brackets is the interval of 95 %, by resampling \
    the runs: it says how far chance may have moved the figure, and nothing of what the model leaves out. Bad debt is what was written off \
    and what was uncovered when the day ended. Amounts are those of the accounts played.";

/// A row for each source and figure.
pub fn table<'a>(sources: impl Iterator<Item = (&'a str, &'a [Summed])>) -> Table {
    let header = vec!["Source", "Figure", "Mean", "VaR 99 %", "ES 97.5 %", "Worst"];
    let rows = sources.flat_map(|(title, sums)| {
        sums.iter().zip(SHOWN).map(|(sum, (_, name, unit))| {
            let of = |estimate: Estimate| {
                let [value, low, high] =
                    [estimate.value, estimate.interval.0, estimate.interval.1].map(|value| unit.write(value));
                format!("{value} [{low}, {high}]")
            };
            let worst = unit.write(sum.worst);
            vec![title.into(), name.into(), of(sum.mean), of(sum.value_at_risk), of(sum.shortfall), worst]
        })
    });
    Table { header, rows: rows.collect(), numbers_from: 2 }
}

/// The name of a figure in files.
pub fn name(figure: Figure) -> &'static str {
    FIGURES[figure as usize]
}

//! What a run comes to, in figures.

use std::ops::{Index, IndexMut};

/// A figure of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Figure {
    /// How far the asset that falls deepest falls below its opening, without what liquidations do to it.
    Fall,
    /// Debt that collateral did not cover: written off, or left when the run ended. USD.
    BadDebt,
    /// What insurances bore of what was written off, USD.
    Insurance,
    /// What the protocol's fees bore of it, USD.
    Fees,
    /// What depositors bore of it, vaults among them, USD.
    Depositors,
    /// Debt repaid in liquidations, USD.
    Liquidated,
    /// Liquidations filled.
    Liquidations,
    /// Most of them within an hour of the clock.
    PeakHour,
    /// Accounts liquidated at least once.
    Accounts,
    /// Collateral seized above the debt repaid for it, USD.
    BorrowersLoss,
    /// How far below the exogenous price of its time any price was pushed.
    Impact,
    /// The most that lenders wanted out and did not get at a time, USD.
    Unserved,
    /// The same, times the hours for which they waited.
    UnservedHours,
    /// What lenders took out, as a share of what they had lent.
    Outflow,
    /// Hours for which at least one reserve was fully lent.
    FullHours,
    /// Minutes for which accounts owed more than they had, added up.
    UnderWater,
    /// Minutes for which accounts stayed below maintenance, added up.
    Unhealthy,
    /// Collateral of indebted accounts per dollar of debt, averaged over the bars.
    Locked,
    /// What the attacker gained, USD.
    Attack,
    /// Debts when the run began, USD.
    Debts,
}

/// Names of the figures, in their order, as files have them.
pub const FIGURES: [&str; Figure::Debts as usize + 1] = [
    "fall",
    "bad_debt",
    "insurance_loss",
    "fees_loss",
    "depositors_loss",
    "liquidated",
    "liquidations",
    "peak_hour",
    "liquidated_accounts",
    "borrowers_loss",
    "impact",
    "unserved",
    "unserved_hours",
    "outflow",
    "full_hours",
    "under_water_minutes",
    "unhealthy_minutes",
    "collateral_per_dollar",
    "attack_gain",
    "debts",
];

/// All figures of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outcome(pub [f64; FIGURES.len()]);

impl Index<Figure> for Outcome {
    type Output = f64;

    fn index(&self, figure: Figure) -> &f64 {
        &self.0[figure as usize]
    }
}

impl IndexMut<Figure> for Outcome {
    fn index_mut(&mut self, figure: Figure) -> &mut f64 {
        &mut self.0[figure as usize]
    }
}

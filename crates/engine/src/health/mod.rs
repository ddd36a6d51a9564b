//! Health: weighted collateral less weighted debt, in USD.

pub mod account;
pub mod perp;
pub mod position;
pub mod report;

use crate::{
    number::{
        math::is_below,
        units::{Bps, Usd},
    },
    price::policy::Use,
    state::{account::Side, exposure::Exposures, market::MarketConfig},
};

/// Two sums over an account's positions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Σ deposits × low reading × asset weight.
    pub collateral: Usd,
    /// Σ debts × high reading × liability weight.
    pub debt: Usd,
}

impl Health {
    /// Whether the collateral covers the debt.
    #[inline(always)]
    pub fn is_healthy(&self) -> bool {
        !is_below(self.collateral.0, self.debt.0)
    }

    /// Collateral less debt, 10^-8 USD.
    pub fn net(&self) -> i128 {
        // Both sums are below i128::MAX by the bound stated on `Usd`.
        self.collateral.0 as i128 - self.debt.0 as i128
    }

    /// Takes in what a position counts for.
    #[inline(always)]
    fn add(&mut self, value: Usd, side: Side) {
        match side {
            Side::Deposit => self.collateral = self.collateral + value,
            Side::Debt => self.debt = self.debt + value,
        }
    }

    /// Raises the debt until `collateral − debt` is no more than `assets − liabilities − value at risk`.
    fn require(&mut self, exposures: &Exposures, market: &MarketConfig) {
        let at_risk = exposures.value_at_risk(&market.value_at_risk);
        let required = (exposures.liabilities + at_risk + self.collateral).saturating_sub(exposures.assets);
        // An account without debts has nothing to lose but its own.
        if exposures.liabilities != Usd::ZERO && required > self.debt {
            self.debt = required;
        }
    }

    /// Debt above collateral, in basis points of the debt, rounded down.
    pub fn shortfall(&self) -> Bps {
        self.debt.saturating_sub(self.collateral).bps_of(self.debt)
    }
}

/// Which rule a health is computed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// Gates new risk: initial weights, readings biased by confidence, EMA and slow reference.
    Initial,
    /// Gates liquidation: maintenance weights, readings biased by confidence.
    Maintenance,
    /// Limits a deposit beyond the cap: like new risk, but at last prices in whatever condition, and without value at risk. So
    /// a deposit counts for what it will count for once its price is good again.
    Rescue,
}

impl Requirement {
    /// The use for which it reads the price of a deposit or of a debt.
    #[inline(always)]
    const fn use_of(self, side: Side) -> Use {
        match (self, side) {
            (Self::Initial, Side::Deposit) => Use::NewRiskCollateral,
            (Self::Initial, Side::Debt) => Use::NewRiskDebt,
            (Self::Maintenance, Side::Deposit) => Use::Collateral,
            (Self::Maintenance, Side::Debt) => Use::Debt,
            (Self::Rescue, _) => Use::Insolvency,
        }
    }
}

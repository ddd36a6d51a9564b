//! All three healths of an account, for whoever calls the program.

use crate::{
    error::{Error, Result},
    health::{
        Requirement,
        account::{HealthSums, health, proved},
    },
    number::{
        math::mul_div_wide_ceil,
        units::{ONE_BPS, Usd},
    },
    record::layout::{U128, record},
    state::{account::MarginAccount, market::MarketConfig, reserve::Reserve},
};

record! {
    /// All three healths of an account, as the program returns them to a caller. Values are 10^-8 USD.
    pub struct HealthReport: 96 {
        /// Collateral at initial weights.
        pub initial_collateral: U128,
        /// Debt at initial weights; `u128::MAX` while a price is not good enough for new risk, when nothing covers it.
        pub initial_debt: U128,
        /// Collateral at maintenance weights.
        pub maintenance_collateral: U128,
        /// Debt at maintenance weights.
        pub maintenance_debt: U128,
        /// Collateral at last spot prices.
        pub equity_collateral: U128,
        /// Debt at last spot prices.
        pub equity_debt: U128,
    }
}

impl HealthReport {
    /// Stands for the initial values in [`Self::require`].
    pub const INITIAL: u8 = 0;
    /// Stands for the maintenance values.
    pub const MAINTENANCE: u8 = 1;
    /// Stands for the values at last spot prices.
    pub const EQUITY: u8 = 2;

    /// Requires collateral ÷ debt of a requirement (0 to 2, see the constants) to be at least `min_ratio` basis points.
    pub fn require(&self, requirement: u8, min_ratio: u32) -> Result<()> {
        let (collateral, debt) = match requirement {
            Self::INITIAL => (self.initial_collateral, self.initial_debt),
            Self::MAINTENANCE => (self.maintenance_collateral, self.maintenance_debt),
            Self::EQUITY => (self.equity_collateral, self.equity_debt),
            _ => return Err(Error::RequirementOutOfRange),
        };
        require_ratio(Usd(collateral.get()), Usd(debt.get()), min_ratio)
    }

    /// Requires the same, and current prices that prove it. This must be the report of `account` at `now`. Maintenance reads old
    /// prices in the borrower's favour, and equity reads them as they are. So for these two, each debt needs a current price,
    /// and a deposit without one counts nothing. An account without debts passes.
    #[inline(never)]
    pub fn require_proved(
        &self,
        account: &MarginAccount,
        reserves: &[Reserve],
        now: i64,
        requirement: u8,
        min_ratio: u32,
    ) -> Result<()> {
        self.require(requirement, min_ratio)?;
        if requirement == Self::INITIAL || !account.has_debt() {
            return Ok(());
        }
        let Some(proved) = proved(account, reserves, now)? else { return Ok(()) };
        let HealthSums { maintenance, equity, .. } = HealthSums::of(&proved, reserves, Usd::ZERO, now)?;
        let health = if requirement == Self::MAINTENANCE { maintenance } else { equity };
        require_ratio(health.collateral, health.debt, min_ratio)
    }

    /// Computes all three.
    pub fn new(account: &MarginAccount, reserves: &[Reserve], market: &MarketConfig, now: i64) -> Result<Self> {
        let mut sums = HealthSums::of(account, reserves, market.dust(), now)?;
        if market.value_at_risk.is_asked_for() && sums.can_add_risk {
            // A second pass, because most markets use no value at risk and should not pay for it.
            sums.initial = health(account, reserves, market, now, Requirement::Initial)?;
        }
        let HealthSums { initial, maintenance, equity, can_add_risk } = sums;
        Ok(Self {
            initial_collateral: U128::new(initial.collateral.0),
            initial_debt: U128::new(if can_add_risk { initial.debt.0 } else { u128::MAX }),
            maintenance_collateral: U128::new(maintenance.collateral.0),
            maintenance_debt: U128::new(maintenance.debt.0),
            equity_collateral: U128::new(equity.collateral.0),
            equity_debt: U128::new(equity.debt.0),
        })
    }
}

/// Requires collateral ÷ debt to be at least `min_ratio` basis points.
fn require_ratio(collateral: Usd, debt: Usd, min_ratio: u32) -> Result<()> {
    let least = mul_div_wide_ceil(debt.0, min_ratio as u64, ONE_BPS as u64);
    if least.is_some_and(|least| collateral.0 >= least) { Ok(()) } else { Err(Error::HealthBelowMinimum) }
}

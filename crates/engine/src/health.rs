//! Health: weighted collateral less weighted debt, in USD.

use crate::{
    error::{Error, Result},
    layout::{U128, record},
    margin::{MarginAccount, Position},
    price::Reading,
    reserve::Reserve,
    units::{Bps, ONE_BPS, Usd},
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
    pub fn covers(&self) -> bool {
        self.collateral >= self.debt
    }

    /// Collateral less debt, 10^-8 USD.
    pub fn net(&self) -> i128 {
        // Both sums are below i128::MAX by the bound stated on `Usd`.
        self.collateral.0 as i128 - self.debt.0 as i128
    }

    /// Debt above collateral, in basis points of the debt, rounded down.
    pub fn shortfall(&self) -> Bps {
        let missing = self.debt.less(self.collateral);
        Bps(crate::math::mul_div_wide_floor(missing.0, ONE_BPS as u64, self.debt.0).unwrap_or(0) as u16)
    }
}

/// Which rule a health is computed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// Gates new risk: initial weights, readings biased by confidence and EMA. A stale or unsettled collateral price
    /// counts as zero, such a debt price is an error.
    Initial,
    /// Gates liquidation: maintenance weights, readings biased by confidence. A stale price is read far in the
    /// borrower's favour (see [`STALE_BIAS`]).
    Maintenance,
}

/// Maintenance health counts collateral whose price is stale at so many times its last reading, and such debt at so
/// many times less. A liquidator cannot profit from leaving a price old that has recovered, short of its doubling; and
/// a borrower cannot hide behind an atom of a token whose feed is dead.
const STALE_BIAS: u64 = 2;

#[derive(Clone, Copy)]
struct Terms {
    low: Reading,
    high: Reading,
    asset_weight: Bps,
    liability_weight: Bps,
}

impl Requirement {
    #[inline(always)]
    fn terms(self, reserve: &Reserve) -> Terms {
        let (price, config) = (&reserve.price, &reserve.config);
        match self {
            Self::Initial => Terms {
                low: price.low_initial,
                high: price.high_initial,
                asset_weight: config.initial_asset_weight,
                liability_weight: config.initial_liability_weight,
            },
            Self::Maintenance => Terms {
                low: price.low_maintenance,
                high: price.high_maintenance,
                asset_weight: config.maintenance_asset_weight,
                liability_weight: config.maintenance_liability_weight,
            },
        }
    }
}

/// The weighted value of one deposit or debt of `amount` atoms at the reserve's last price.
#[inline(always)]
pub fn weighted(reserve: &Reserve, amount: u64, is_debt: bool, requirement: Requirement) -> Usd {
    let terms = requirement.terms(reserve);
    if is_debt {
        reserve.price.value_ceil(amount, terms.high, terms.liability_weight)
    } else {
        reserve.price.value_floor(amount, terms.low, terms.asset_weight)
    }
}

/// The health of an account at `now` (unix seconds), interest until then included.
#[inline(always)]
pub fn health(account: &MarginAccount, reserves: &[Reserve], now: i64, requirement: Requirement) -> Result<Health> {
    let mut sum = Health::default();
    for position in account.positions() {
        let reserve = reserves.get(position.reserve as usize).ok_or(Error::ReserveIndexOutOfRange)?;
        let usable = is_usable(reserve, now, requirement);
        let amount = amount(reserve, position, now);
        let mut value = weighted(reserve, amount, position.is_debt(), requirement);
        match (requirement, position.is_debt()) {
            _ if usable.is_ok() => {}
            (Requirement::Initial, true) => usable?,
            (Requirement::Initial, false) => value = Usd::ZERO,
            // Collateral weights are at most one: twice a value stays within the bound of `Usd`.
            (Requirement::Maintenance, false) => value = Usd(value.0 * STALE_BIAS as u128),
            (Requirement::Maintenance, true) => value = Usd(value.0 / STALE_BIAS as u128),
        }
        if position.is_debt() {
            sum.debt = sum.debt.plus(value);
        } else {
            sum.collateral = sum.collateral.plus(value);
        }
    }
    Ok(sum)
}

/// The value of an account's deposits and debts at their last spot prices with weights of one: what insolvency is
/// judged by.
pub fn equity(account: &MarginAccount, reserves: &[Reserve], now: i64) -> Result<Health> {
    let mut sum = Health::default();
    for position in account.positions() {
        let reserve = reserves.get(position.reserve as usize).ok_or(Error::ReserveIndexOutOfRange)?;
        let amount = amount(reserve, position, now);
        if position.is_debt() {
            sum.debt = sum.debt.plus(reserve.price.value_ceil(amount, reserve.price.spot, Bps(ONE_BPS)));
        } else {
            sum.collateral = sum.collateral.plus(reserve.price.value_floor(amount, reserve.price.spot, Bps(ONE_BPS)));
        }
    }
    Ok(sum)
}

/// What a position is worth in atoms, interest until `now` included.
#[inline(always)]
fn amount(reserve: &Reserve, position: &Position, now: i64) -> u64 {
    if position.is_debt() {
        reserve.debt_index_at(now).amount_ceil(position.shares)
    } else {
        reserve.deposit_index_at(now).amount_floor(position.shares)
    }
}

/// Whether a reserve's price may be used for a requirement.
#[inline(always)]
pub fn is_usable(reserve: &Reserve, now: i64, requirement: Requirement) -> Result<()> {
    let oracle = &reserve.config.oracle;
    if !reserve.price.is_fresh(oracle, now) {
        return Err(Error::PriceStale);
    }
    if requirement == Requirement::Initial && !reserve.price.is_settled(oracle) {
        return Err(Error::PriceUnsettled);
    }
    Ok(())
}

record! {
    /// All three healths of an account, as the program returns them to a caller. Values are 10^-8 USD.
    pub struct HealthReport: 96 {
        /// Collateral at initial weights.
        pub initial_collateral: U128,
        /// Debt at initial weights.
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
    /// Computes all three. Refused like a borrow while the price of a debt is stale or unsettled.
    pub fn new(account: &MarginAccount, reserves: &[Reserve], now: i64) -> Result<Self> {
        let initial = health(account, reserves, now, Requirement::Initial)?;
        let maintenance = health(account, reserves, now, Requirement::Maintenance)?;
        let equity = equity(account, reserves, now)?;
        Ok(Self {
            initial_collateral: U128::new(initial.collateral.0),
            initial_debt: U128::new(initial.debt.0),
            maintenance_collateral: U128::new(maintenance.collateral.0),
            maintenance_debt: U128::new(maintenance.debt.0),
            equity_collateral: U128::new(equity.collateral.0),
            equity_debt: U128::new(equity.debt.0),
        })
    }
}

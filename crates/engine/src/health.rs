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

    #[inline(always)]
    fn add(&mut self, value: Usd, is_debt: bool) {
        if is_debt {
            self.debt = self.debt.plus(value);
        } else {
            self.collateral = self.collateral.plus(value);
        }
    }

    /// Debt above collateral, in basis points of the debt, rounded down.
    pub fn shortfall(&self) -> Bps {
        self.debt.less(self.collateral).bps_of(self.debt)
    }
}

/// Which rule a health is computed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// Gates new risk: initial weights, readings biased by confidence and EMA. A stale or unsettled collateral price
    /// counts as zero, such a debt price is an error.
    Initial,
    /// Gates liquidation: maintenance weights, readings biased by confidence. A stale price is read far in the
    /// borrower's favour (see [`STALE_SHIFT`]).
    Maintenance,
}

/// Maintenance health counts collateral whose price is stale at two (2^1) times its last reading, and such debt at
/// half. A liquidator cannot profit from leaving a price old that has recovered, short of its doubling; and
/// a borrower cannot hide behind an atom of a token whose feed is dead.
const STALE_SHIFT: u32 = 1;

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
    weighted_in_favour(reserve, amount, is_debt, requirement, 0)
}

/// The same, times 2^`favour` for a deposit and divided by it for a debt.
#[inline(always)]
fn weighted_in_favour(reserve: &Reserve, amount: u64, is_debt: bool, requirement: Requirement, favour: u32) -> Usd {
    let terms = requirement.terms(reserve);
    let price = &reserve.price;
    if is_debt {
        price.value_ceil_shifted(amount, terms.high, terms.liability_weight, price.shift + favour)
    } else {
        // A token never priced has no shift and no reading.
        price.value_floor_shifted(amount, terms.low, terms.asset_weight, price.shift.saturating_sub(favour))
    }
}

/// The health of an account at `now` (unix seconds), interest until then included.
#[inline(always)]
pub fn health(account: &MarginAccount, reserves: &[Reserve], now: i64, requirement: Requirement) -> Result<Health> {
    let mut sum = Health::default();
    for_each_position(account, reserves, |reserve, position| {
        let state = PriceState::of(reserve, now);
        // A collateral without a price that counts needs no amount either.
        if requirement == Requirement::Maintenance || state == PriceState::Settled || position.is_debt() {
            let amount = amount(reserve, position, now);
            sum.add(required(reserve, amount, position.is_debt(), state, requirement)?, position.is_debt());
        }
        Ok(())
    })?;
    Ok(sum)
}

/// The value of an account's deposits and debts at their last spot prices with weights of one: what insolvency is
/// judged by. A token never priced counts nothing.
pub fn equity(account: &MarginAccount, reserves: &[Reserve], now: i64) -> Result<Health> {
    let mut sum = Health::default();
    for_each_position(account, reserves, |reserve, position| {
        sum.add(spot_value(reserve, amount(reserve, position, now), position.is_debt()), position.is_debt());
        Ok(())
    })?;
    Ok(sum)
}

/// Maintenance health and [`equity`] in one pass.
#[inline(always)]
pub fn maintenance_and_equity(account: &MarginAccount, reserves: &[Reserve], now: i64) -> Result<(Health, Health)> {
    let (mut maintenance, mut equity) = (Health::default(), Health::default());
    for_each_position(account, reserves, |reserve, position| {
        let (amount, is_debt) = (amount(reserve, position, now), position.is_debt());
        let state = PriceState::of(reserve, now);
        maintenance.add(required(reserve, amount, is_debt, state, Requirement::Maintenance)?, is_debt);
        equity.add(spot_value(reserve, amount, is_debt), is_debt);
        Ok(())
    })?;
    Ok((maintenance, equity))
}

/// Calls `visit` for each position with its reserve.
#[inline(always)]
fn for_each_position(
    account: &MarginAccount,
    reserves: &[Reserve],
    mut visit: impl FnMut(&Reserve, &Position) -> Result<()>,
) -> Result<()> {
    for position in account.positions() {
        visit(reserves.get(position.reserve as usize).ok_or(Error::ReserveIndexOutOfRange)?, position)?;
    }
    Ok(())
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

/// What a position counts for under a requirement.
#[inline(always)]
fn required(reserve: &Reserve, amount: u64, is_debt: bool, state: PriceState, requirement: Requirement) -> Result<Usd> {
    let is_stale = requirement == Requirement::Maintenance && state == PriceState::Stale;
    match (requirement, is_debt) {
        (Requirement::Initial, true) => state.require(requirement)?,
        (Requirement::Initial, false) if state != PriceState::Settled => return Ok(Usd::ZERO),
        _ => {}
    }
    let shift = if is_stale { STALE_SHIFT } else { 0 };
    Ok(weighted_in_favour(reserve, amount, is_debt, requirement, shift))
}

/// An amount's value at the last spot price, rounded up or down.
#[inline(always)]
pub(crate) fn spot_value(reserve: &Reserve, amount: u64, round_up: bool) -> Usd {
    let (price, one) = (&reserve.price, Bps(ONE_BPS));
    if round_up { price.value_ceil(amount, price.spot, one) } else { price.value_floor(amount, price.spot, one) }
}

/// What a reserve's price is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriceState {
    /// Everything.
    Settled,
    /// Liquidation: fresh, but too uncertain or too far from its average to back new risk.
    Unsettled,
    /// Nothing but estimates: too old.
    Stale,
}

impl PriceState {
    /// The state of a reserve's price at `now`.
    #[inline(always)]
    pub fn of(reserve: &Reserve, now: i64) -> Self {
        let oracle = &reserve.config.oracle;
        if !reserve.price.is_fresh(oracle, now) {
            Self::Stale
        } else if reserve.price.is_settled(oracle) {
            Self::Settled
        } else {
            Self::Unsettled
        }
    }

    /// Refuses a state that a requirement cannot be judged by.
    #[inline(always)]
    pub fn require(self, requirement: Requirement) -> Result<()> {
        match (self, requirement) {
            (Self::Stale, _) => Err(Error::PriceStale),
            (Self::Unsettled, Requirement::Initial) => Err(Error::PriceUnsettled),
            _ => Ok(()),
        }
    }
}

record! {
    /// All three healths of an account, as the program returns them to a caller. Values are 10^-8 USD.
    pub struct HealthReport: 96 {
        /// Collateral at initial weights.
        pub initial_collateral: U128,
        /// Debt at initial weights; `u128::MAX` while the price of a debt is stale or unsettled, when nothing covers it.
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
    /// Computes all three.
    pub fn new(account: &MarginAccount, reserves: &[Reserve], now: i64) -> Result<Self> {
        let (mut initial, mut maintenance, mut equity) = (Health::default(), Health::default(), Health::default());
        let mut can_add_risk = true;
        for_each_position(account, reserves, |reserve, position| {
            let (amount, is_debt) = (amount(reserve, position, now), position.is_debt());
            let state = PriceState::of(reserve, now);
            match required(reserve, amount, is_debt, state, Requirement::Initial) {
                Ok(value) => initial.add(value, is_debt),
                Err(_) => can_add_risk = false,
            }
            maintenance.add(required(reserve, amount, is_debt, state, Requirement::Maintenance)?, is_debt);
            equity.add(spot_value(reserve, amount, is_debt), is_debt);
            Ok(())
        })?;
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

//! Health: weighted collateral less weighted debt, in USD.

use crate::{
    error::{Error, Result},
    exposure::Exposures,
    layout::{U128, record},
    margin::{MarginAccount, Mode, Position},
    market::MarketConfig,
    math::mul,
    reserve::Reserve,
    rules::{Condition, Treatment, Use},
    units::{Bps, ONE_BPS, Usd},
    weights::{Terms, Weights},
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

    /// Raises the debt until no more collateral is free than what the account owns exceeds its value at risk by.
    fn require(&mut self, exposures: &Exposures, market: &MarketConfig) {
        let at_risk = exposures.value_at_risk(&market.value_at_risk);
        let required = exposures.liabilities.plus(at_risk).plus(self.collateral).less(exposures.assets);
        // An account without debts has nothing to lose but its own.
        if exposures.liabilities != Usd::ZERO && required > self.debt {
            self.debt = required;
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
    /// Gates new risk: initial weights, readings biased by confidence, EMA and slow reference.
    Initial,
    /// Gates liquidation: maintenance weights, readings biased by confidence.
    Maintenance,
}

impl Requirement {
    /// What it reads a price for.
    #[inline(always)]
    const fn use_of(self, is_debt: bool) -> Use {
        match (self, is_debt) {
            (Self::Initial, false) => Use::NewRiskCollateral,
            (Self::Initial, true) => Use::NewRiskDebt,
            (Self::Maintenance, false) => Use::Collateral,
            (Self::Maintenance, true) => Use::Debt,
        }
    }
}

/// The powers of two by which [`Treatment::FavourBorrower`] reads a price.
const FAVOUR_SHIFT: u32 = 1;

/// Which terms an account's positions are on: those of its mode, or of the group that all its debts are in.
#[derive(Clone, Copy, Debug)]
pub struct AccountTerms {
    is_isolated: bool,
    debt_group: u8,
}

impl AccountTerms {
    /// The terms of an account.
    #[inline(always)]
    pub fn of(account: &MarginAccount) -> Self {
        Self { is_isolated: account.mode == Mode::Isolated as u8, debt_group: account.debt_group }
    }

    /// The weights that apply to one of its positions.
    #[inline(always)]
    pub fn of_position(self, reserve: &Reserve) -> Terms {
        if self.is_isolated {
            Terms::Isolated
        } else if self.debt_group != 0 && reserve.config.risk.group_id == self.debt_group {
            Terms::Group
        } else {
            Terms::Cross
        }
    }
}

/// The weighted value of one deposit or debt of `amount` atoms at the reserve's last price.
#[inline(always)]
pub fn weighted(reserve: &Reserve, amount: u64, is_debt: bool, terms: Terms, requirement: Requirement) -> Usd {
    weighted_in_favour(reserve, amount, is_debt, &reserve.risk.weights[terms as usize], requirement, 0)
}

/// The same, times 2^`favour` for a deposit and divided by it for a debt.
#[inline(always)]
fn weighted_in_favour(
    reserve: &Reserve,
    amount: u64,
    is_debt: bool,
    weights: &Weights,
    requirement: Requirement,
    favour: u32,
) -> Usd {
    let Reserve { price, risk, config, .. } = reserve;
    let is_initial = requirement == Requirement::Initial;
    if is_debt {
        let (reading, weight) = if is_initial {
            (price.high_initial, weights.initial_liability)
        } else {
            (price.high_maintenance, weights.maintenance_liability)
        };
        return price.value_ceil_shifted(amount, reading, weight, price.shift + favour);
    }
    let (reading, weight, depth) = if is_initial {
        (price.low_initial, weights.initial_asset, risk.initial_depth)
    } else {
        (price.low_maintenance, weights.maintenance_asset, risk.position_depth)
    };
    // A token never priced has no shift and no reading: nothing is left of it, whatever it wraps to.
    let shift = price.shift.wrapping_sub(favour);
    let value = price.value_floor_shifted(amount, reading, weight, shift);
    // Whole USD × basis points × 10^4: below 2^62.
    let at_depth = Usd(mul(mul(depth as u64, weight.0 as u64), ONE_BPS as u64) as u128);
    if depth == 0 || value <= at_depth {
        return value;
    }
    let most =
        if is_initial { config.risk.max_position_haircut.max(risk.position_haircut) } else { risk.position_haircut };
    let least = Bps(weight.0.saturating_sub(most.0));
    at_depth.max(price.value_floor_shifted(amount, reading, least, shift))
}

/// What the last atom of a deposit of this maintenance value counts for, as a weight.
///
/// A deposit worth more than the depth counts for no more than the depth would, but for its whole size at the weight less
/// the position haircut at least. So its value never falls when it grows.
#[inline(always)]
pub(crate) fn marginal_weight(reserve: &Reserve, amount: u64, terms: Terms) -> Bps {
    let Reserve { price, risk, .. } = reserve;
    let weight = risk.weights[terms as usize].maintenance_asset;
    if risk.position_depth == 0 {
        return weight;
    }
    let least = Bps(weight.0.saturating_sub(risk.position_haircut.0));
    let value = |weight| price.value_floor(amount, price.low_maintenance, weight);
    let at_depth = Usd(mul(mul(risk.position_depth as u64, weight.0 as u64), ONE_BPS as u64) as u128);
    if value(weight) <= at_depth {
        weight
    } else if value(least) <= at_depth {
        Bps(0)
    } else {
        least
    }
}

/// The health of an account at `now` (unix seconds), interest until then included.
///
/// For [`Requirement::Initial`], if the market asks for value at risk, the debt is at least what leaves no more than the
/// value at risk of what the account owns.
pub fn health(
    account: &MarginAccount,
    reserves: &[Reserve],
    market: &MarketConfig,
    now: i64,
    requirement: Requirement,
) -> Result<Health> {
    if requirement == Requirement::Initial && market.value_at_risk.is_asked_for() {
        let mut exposures = Exposures::default();
        let mut sum = sum_up(account, reserves, now, requirement, |reserve, amount, is_debt| {
            expose(&mut exposures, reserve, amount, is_debt)
        })?;
        sum.require(&exposures, market);
        return Ok(sum);
    }
    sum_up(account, reserves, now, requirement, |_, _, _| ())
}

/// The weighted sums, and a look at each position that counts: its reserve, amount and whether it is a debt.
#[inline(always)]
fn sum_up(
    account: &MarginAccount,
    reserves: &[Reserve],
    now: i64,
    requirement: Requirement,
    mut look: impl FnMut(&Reserve, u64, bool),
) -> Result<Health> {
    let mut sum = Health::default();
    let terms = AccountTerms::of(account);
    for_each_position(account, reserves, |reserve, position| {
        let is_debt = position.is_debt();
        let condition = reserve.price.condition(now);
        // What counts nothing needs no amount either.
        if requirement.use_of(is_debt).treatment(condition) != Treatment::CountNothing {
            let amount = amount(reserve, position, now);
            let weights = &reserve.risk.weights[terms.of_position(reserve) as usize];
            sum.add(treated(reserve, amount, is_debt, weights, requirement, condition)?, is_debt);
            look(reserve, amount, is_debt);
        }
        Ok(())
    })?;
    Ok(sum)
}

/// Takes a position into the exposures, at initial readings without weights.
#[inline(always)]
fn expose(exposures: &mut Exposures, reserve: &Reserve, amount: u64, is_debt: bool) {
    let (price, one) = (&reserve.price, Bps(ONE_BPS));
    let value = if is_debt {
        price.value_ceil(amount, price.high_initial, one)
    } else {
        price.value_floor(amount, price.low_initial, one)
    };
    exposures.add(reserve.config.risk.class, reserve.risk.volatility.annual, value, is_debt);
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

/// Maintenance health and [`equity`] in one pass, and the terms of the account.
#[inline(always)]
pub fn maintenance_and_equity(
    account: &MarginAccount,
    reserves: &[Reserve],
    now: i64,
) -> Result<(Health, Health, AccountTerms)> {
    let (mut maintenance, mut equity) = (Health::default(), Health::default());
    let terms = AccountTerms::of(account);
    for_each_position(account, reserves, |reserve, position| {
        let (amount, is_debt) = (amount(reserve, position, now), position.is_debt());
        let condition = reserve.price.condition(now);
        let weights = &reserve.risk.weights[terms.of_position(reserve) as usize];
        maintenance.add(treated(reserve, amount, is_debt, weights, Requirement::Maintenance, condition)?, is_debt);
        equity.add(spot_value(reserve, amount, is_debt), is_debt);
        Ok(())
    })?;
    Ok((maintenance, equity, terms))
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

/// What a position counts for under a requirement, its price read as the table of [`crate::rules`] says.
#[inline(always)]
fn treated(
    reserve: &Reserve,
    amount: u64,
    is_debt: bool,
    weights: &Weights,
    requirement: Requirement,
    condition: Condition,
) -> Result<Usd> {
    let treatment = requirement.use_of(is_debt).treatment(condition);
    treatment.allow()?;
    if treatment == Treatment::CountNothing {
        return Ok(Usd::ZERO);
    }
    let favour = if treatment == Treatment::FavourBorrower { FAVOUR_SHIFT } else { 0 };
    Ok(weighted_in_favour(reserve, amount, is_debt, weights, requirement, favour))
}

/// An amount's value at the last spot price, rounded up or down.
#[inline(always)]
pub(crate) fn spot_value(reserve: &Reserve, amount: u64, round_up: bool) -> Usd {
    let (price, one) = (&reserve.price, Bps(ONE_BPS));
    if round_up { price.value_ceil(amount, price.spot, one) } else { price.value_floor(amount, price.spot, one) }
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
    pub fn new(account: &MarginAccount, reserves: &[Reserve], market: &MarketConfig, now: i64) -> Result<Self> {
        let mut sums = Sums::of(account, reserves, now)?;
        if market.value_at_risk.is_asked_for() && sums.can_add_risk {
            // Once more: most markets do not ask, and should not pay.
            sums.initial = health(account, reserves, market, now, Requirement::Initial)?;
        }
        let Sums { initial, maintenance, equity, can_add_risk } = sums;
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

struct Sums {
    initial: Health,
    maintenance: Health,
    equity: Health,
    /// Whether the price of every debt is good enough for new risk.
    can_add_risk: bool,
}

impl Sums {
    #[inline(always)]
    fn of(account: &MarginAccount, reserves: &[Reserve], now: i64) -> Result<Self> {
        let (mut initial, mut maintenance, mut equity) = (Health::default(), Health::default(), Health::default());
        let mut can_add_risk = true;
        let terms = AccountTerms::of(account);
        for_each_position(account, reserves, |reserve, position| {
            let (amount, is_debt) = (amount(reserve, position, now), position.is_debt());
            let condition = reserve.price.condition(now);
            let weights = &reserve.risk.weights[terms.of_position(reserve) as usize];
            equity.add(spot_value(reserve, amount, is_debt), is_debt);
            maintenance.add(treated(reserve, amount, is_debt, weights, Requirement::Maintenance, condition)?, is_debt);
            match treated(reserve, amount, is_debt, weights, Requirement::Initial, condition) {
                Ok(value) => initial.add(value, is_debt),
                Err(_) => can_add_risk = false,
            }
            Ok(())
        })?;
        Ok(Self { initial, maintenance, equity, can_add_risk })
    }
}

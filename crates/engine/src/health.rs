//! Health: weighted collateral less weighted debt, in USD.

use core::cmp::Ordering;

use crate::{
    error::{Error, Result},
    exposure::Exposures,
    layout::{U128, record},
    margin::{MarginAccount, Mode, Position},
    market::MarketConfig,
    math::{is_below, mul, mul_div_wide_ceil},
    reading::{PriceCache, Reading},
    reserve::Reserve,
    rules::{Condition, Treatment, Use},
    units::{Bps, ONE_BPS, Shares, Usd},
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
        !is_below(self.collateral.0, self.debt.0)
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

    /// Raises the debt until `collateral − debt` is no more than `assets − liabilities − value at risk`.
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
///
/// A deposit worth more than the position depth counts for no more than the depth would, but for its whole size at the
/// weight less the position haircut at least. So its value never falls when it grows.
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
    let at_depth = value_of(depth, weight);
    if depth == 0 || !is_below(at_depth.0, value.0) {
        return value;
    }
    let most =
        if is_initial { config.risk.max_position_haircut.max(risk.position_haircut) } else { risk.position_haircut };
    let least = weight.less(most);
    // Less than two units below the product, and below it alone: more still never counts for less.
    let whole = if value.0 >> 50 == 0 {
        Usd((mul(value.0 as u64, least.0 as u64) / weight.0 as u64) as u128)
    } else {
        price.value_floor_shifted(amount, reading, least, shift)
    };
    if is_below(whole.0, at_depth.0) { at_depth } else { whole }
}

/// So many whole dollars at a weight.
#[inline(always)]
fn value_of(dollars: u32, weight: Bps) -> Usd {
    // × basis points × 10^4: below 2^62.
    Usd(mul(mul(dollars as u64, weight.0 as u64), ONE_BPS as u64) as u128)
}

/// What the last atom of a deposit counts for in maintenance, as a weight: all of it up to the depth, nothing while the
/// depth is what counts, and the weight less the position haircut beyond.
#[inline(always)]
pub(crate) fn marginal_weight(reserve: &Reserve, counted: &Counted, terms: Terms) -> Bps {
    let Reserve { price, risk, .. } = reserve;
    let weight = risk.weights[terms as usize].maintenance_asset;
    if risk.position_depth == 0 {
        return weight;
    }
    match counted.value.cmp(&value_of(risk.position_depth, weight)) {
        Ordering::Less => weight,
        Ordering::Greater => weight.less(risk.position_haircut),
        // The depth itself, or more that counts for no more than it.
        Ordering::Equal if price.value_floor(counted.amount, price.low_maintenance, weight) == counted.value => weight,
        Ordering::Equal => Bps(0),
    }
}

/// The health of an account at `now` (unix seconds), interest until then included.
///
/// For [`Requirement::Initial`], if the market asks for value at risk, the debt is raised until the collateral covers it only
/// if what the account owns, unweighted, exceeds what it owes by the value at risk.
pub fn health(
    account: &MarginAccount,
    reserves: &[Reserve],
    market: &MarketConfig,
    now: i64,
    requirement: Requirement,
) -> Result<Health> {
    let is_initial = requirement == Requirement::Initial;
    let mut exposures =
        if is_initial && market.value_at_risk.is_asked_for() { Some(Exposures::default()) } else { None };
    let mut sum = Health::default();
    for_each_position(account, reserves, now, |held| {
        // What counts nothing needs no amount either.
        if held.treatment(requirement) != Treatment::CountNothing {
            let amount = held.amount(now);
            sum.add(held.required(amount, requirement)?, held.is_debt);
            if let Some(exposures) = &mut exposures {
                expose(exposures, held.reserve, amount, held.is_debt);
            }
        }
        Ok(())
    })?;
    if let Some(exposures) = &exposures {
        sum.require(exposures, market);
    }
    Ok(sum)
}

/// Takes a position into the exposures, at initial readings without weights.
#[inline(always)]
fn expose(exposures: &mut Exposures, reserve: &Reserve, amount: u64, is_debt: bool) {
    let price = &reserve.price;
    let value = unweighted(price, amount, if is_debt { price.high_initial } else { price.low_initial }, is_debt);
    exposures.add(reserve.config.risk.class, reserve.risk.volatility.annual, value, is_debt);
}

/// The value of an account's deposits and debts at their last spot prices with weights of one: what insolvency is
/// judged by. A token never priced counts nothing.
pub fn equity(account: &MarginAccount, reserves: &[Reserve], now: i64) -> Result<Health> {
    // Last prices, whatever they are like: the table has nothing else for it.
    const { assert!(Use::Insolvency.reads_any()) };
    // The other sums do not fail either, and are not worth a loop without them.
    Ok(Sums::of(account, reserves, now)?.equity)
}

/// Maintenance health and [`equity`] in one pass.
pub fn maintenance_and_equity(account: &MarginAccount, reserves: &[Reserve], now: i64) -> Result<(Health, Health)> {
    let Judged { maintenance, equity, .. } = Judged::new(account, reserves, now, 0)?;
    Ok((maintenance, equity))
}

/// Whether the price of a position is read as it is when maintenance is judged.
pub(crate) fn is_recent(position: &Position, reserves: &[Reserve], now: i64) -> bool {
    let price_use = Requirement::Maintenance.use_of(position.is_debt());
    let reserve = reserves.get(position.reserve as usize);
    reserve.is_some_and(|reserve| price_use.treatment(reserve.price.condition(now)) == Treatment::Read)
}

/// What a liquidation is judged by.
pub(crate) struct Judged {
    pub maintenance: Health,
    pub equity: Health,
    /// The debt and the collateral asked for.
    pub debt: Counted,
    pub collateral: Counted,
}

/// A position's atoms, and what they count for in maintenance.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counted {
    pub amount: u64,
    pub value: Usd,
}

impl Judged {
    /// All positions of an account, and by themselves a debt and a deposit, whose slots are bits of `asked_for`.
    #[inline(always)]
    pub fn new(account: &MarginAccount, reserves: &[Reserve], now: i64, mut asked_for: u32) -> Result<Self> {
        let (mut maintenance, mut equity) = (Health::default(), Health::default());
        let (mut debt, mut collateral) = (Counted::default(), Counted::default());
        for_each_position(account, reserves, now, |held| {
            let amount = held.amount(now);
            let value = held.required(amount, Requirement::Maintenance)?;
            maintenance.add(value, held.is_debt);
            equity.add(held.at_spot(amount), held.is_debt);
            if asked_for & 1 != 0 {
                *(if held.is_debt { &mut debt } else { &mut collateral }) = Counted { amount, value };
            }
            asked_for >>= 1;
            Ok(())
        })?;
        Ok(Self { maintenance, equity, debt, collateral })
    }
}

/// A position with what its value depends on.
struct Held<'a> {
    reserve: &'a Reserve,
    shares: Shares,
    is_debt: bool,
    weights: &'a Weights,
    condition: Condition,
}

/// Calls `visit` for each position.
#[inline(always)]
fn for_each_position(
    account: &MarginAccount,
    reserves: &[Reserve],
    now: i64,
    mut visit: impl FnMut(&Held) -> Result<()>,
) -> Result<()> {
    let terms = AccountTerms::of(account);
    for position in account.positions() {
        let reserve = reserves.get(position.reserve as usize).ok_or(Error::ReserveIndexOutOfRange)?;
        visit(&Held {
            reserve,
            shares: position.shares,
            is_debt: position.is_debt(),
            weights: &reserve.risk.weights[terms.of_position(reserve) as usize],
            condition: reserve.price.condition(now),
        })?;
    }
    Ok(())
}

impl Held<'_> {
    /// What it is worth in atoms, interest until `now` included.
    #[inline(always)]
    fn amount(&self, now: i64) -> u64 {
        if self.is_debt {
            self.reserve.debt_index_at(now).amount_ceil(self.shares)
        } else {
            self.reserve.deposit_index_at(now).amount_floor(self.shares)
        }
    }

    /// How its price is read: see [`crate::rules`].
    #[inline(always)]
    fn treatment(&self, requirement: Requirement) -> Treatment {
        requirement.use_of(self.is_debt).treatment(self.condition)
    }

    /// What so many atoms of it count for under a requirement.
    #[inline(always)]
    fn required(&self, amount: u64, requirement: Requirement) -> Result<Usd> {
        let treatment = self.treatment(requirement);
        treatment.allow()?;
        if treatment == Treatment::CountNothing {
            return Ok(Usd::ZERO);
        }
        let favour = if treatment == Treatment::FavourBorrower { FAVOUR_SHIFT } else { 0 };
        Ok(weighted_in_favour(self.reserve, amount, self.is_debt, self.weights, requirement, favour))
    }

    /// The same at the last spot price without weights.
    #[inline(always)]
    fn at_spot(&self, amount: u64) -> Usd {
        spot_value(self.reserve, amount, self.is_debt)
    }
}

/// An amount's value at the last spot price, rounded up or down.
#[inline(always)]
pub(crate) fn spot_value(reserve: &Reserve, amount: u64, round_up: bool) -> Usd {
    unweighted(&reserve.price, amount, reserve.price.spot, round_up)
}

/// An amount's value at a reading, rounded up or down.
#[inline(always)]
fn unweighted(price: &PriceCache, amount: u64, reading: Reading, round_up: bool) -> Usd {
    let one = Bps(ONE_BPS);
    if round_up { price.value_ceil(amount, reading, one) } else { price.value_floor(amount, reading, one) }
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
        let least = mul_div_wide_ceil(debt.get(), min_ratio as u64, ONE_BPS as u64);
        if least.is_some_and(|least| collateral.get() >= least) { Ok(()) } else { Err(Error::HealthBelowMinimum) }
    }

    /// Requires the same, and prices that prove it: of the account that this is the report of, at the same `now`. Maintenance
    /// reads old prices in the borrower's favour, and equity reads them as they are, so for these an account with debts needs
    /// recent ones. One without debts passes.
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
        let is_proved = requirement == Self::INITIAL
            || !account.has_debt()
            || account.positions().iter().all(|position| is_recent(position, reserves, now));
        if is_proved { Ok(()) } else { Err(Error::PriceStale) }
    }

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
    #[inline(never)]
    fn of(account: &MarginAccount, reserves: &[Reserve], now: i64) -> Result<Self> {
        let (mut initial, mut maintenance, mut equity) = (Health::default(), Health::default(), Health::default());
        let mut can_add_risk = true;
        for_each_position(account, reserves, now, |held| {
            let amount = held.amount(now);
            equity.add(held.at_spot(amount), held.is_debt);
            maintenance.add(held.required(amount, Requirement::Maintenance)?, held.is_debt);
            match held.required(amount, Requirement::Initial) {
                Ok(value) => initial.add(value, held.is_debt),
                Err(_) => can_add_risk = false,
            }
            Ok(())
        })?;
        Ok(Self { initial, maintenance, equity, can_add_risk })
    }
}

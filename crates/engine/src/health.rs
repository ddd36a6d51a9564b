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
    pub fn is_healthy(&self) -> bool {
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
        let required = exposures.liabilities.plus(at_risk).plus(self.collateral).saturating_sub(exposures.assets);
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
    /// Limits a deposit beyond the cap: what new risk would ask for, but at last prices whatever they are like, and without value
    /// at risk. So nothing counts less than it would as soon as its price is good again.
    Rescue,
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
            (Self::Rescue, _) => Use::Insolvency,
        }
    }
}

/// The power of two by which a price is read in the borrower's favour ([`Treatment::FavourBorrower`]), and by which it is not.
const FAVOUR: u32 = 1;
const NO_FAVOUR: u32 = 0;

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
    weighted_in_favour(reserve, amount, is_debt, &reserve.risk.weights[terms as usize], requirement, NO_FAVOUR)
}

/// The same, read in the borrower's favour by a power of two.
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
    let is_initial = requirement != Requirement::Maintenance;
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
    let least = weight.saturating_sub(most);
    // Less than two units below the product, and below it alone: more still never counts for less.
    let whole = if value.0 >> 50 == 0 {
        Usd((mul_proved(value.0 as u64, least.0 as u64) / weight.0 as u64) as u128)
    } else {
        price.value_floor_shifted(amount, reading, least, shift)
    };
    if is_below(whole.0, at_depth.0) { at_depth } else { whole }
}

/// So many whole dollars at a weight.
#[inline(always)]
fn value_of(dollars: u32, weight: Bps) -> Usd {
    // × basis points × 10^4: below 2^62.
    Usd(mul_proved(mul_proved(dollars as u64, weight.0 as u64), ONE_BPS as u64) as u128)
}

/// What the last atom of a deposit counts for in maintenance, as a weight: all of it up to the depth, nothing while the
/// depth is what counts, and the weight less the position haircut beyond.
#[inline(always)]
pub(crate) fn marginal_weight(reserve: &Reserve, counted: &Valued, terms: Terms) -> Bps {
    let Reserve { price, risk, .. } = reserve;
    let weight = risk.weights[terms as usize].maintenance_asset;
    if risk.position_depth == 0 {
        return weight;
    }
    match counted.value.cmp(&value_of(risk.position_depth, weight)) {
        Ordering::Less => weight,
        Ordering::Greater => weight.saturating_sub(risk.position_haircut),
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
    let newest = newest_price(account, reserves);
    for_each_position(account, reserves, now, newest, |held| {
        // What counts nothing needs no amount either.
        if held.treatment(requirement) != Treatment::CountNothing {
            let amount = held.amount(now);
            let value = held.required(amount, requirement, market.dust())?;
            sum.add(value, held.is_debt);
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

/// When the newest feed of an account's positions published. Of a price of two feeds the newer one counts: if the older did, any
/// newer update of the other would pass beside prices of before it.
#[inline(always)]
pub(crate) fn newest_price(account: &MarginAccount, reserves: &[Reserve]) -> i64 {
    let mut newest = 0;
    for position in account.positions() {
        if let Some(reserve) = reserves.get(position.reserve as usize) {
            let published = reserve.price.newest_time();
            newest = if published > newest { published } else { newest };
        }
    }
    newest
}

/// An account as far as current prices prove what it has: without the deposits whose price is none, `None` if there are no such.
/// Debts without a current price are an error.
#[inline(never)]
pub fn proved(account: &MarginAccount, reserves: &[Reserve], now: i64) -> Result<Option<MarginAccount>> {
    let newest = newest_price(account, reserves);
    let mut proved = None;
    // From the end, since the last position takes the place of one that is taken out.
    for (slot, position) in account.positions().iter().enumerate().rev() {
        let reserve = reserves.get(position.reserve as usize).ok_or(Error::ReserveIndexOutOfRange)?;
        let condition = reserve.condition(now, newest);
        if condition.is_current() {
            continue;
        }
        if position.is_debt() {
            return Err(if condition == Condition::Skewed { Error::PricesSkewed } else { Error::PriceStale });
        }
        proved.get_or_insert(*account).remove(slot, position.shares);
    }
    Ok(proved)
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
    Ok(HealthSums::of(account, reserves, Usd::ZERO, now)?.equity)
}

/// Maintenance health and [`equity`] in one pass.
pub fn maintenance_and_equity(account: &MarginAccount, reserves: &[Reserve], now: i64) -> Result<(Health, Health)> {
    let MaintenanceAndEquity { maintenance, equity, .. } =
        MaintenanceAndEquity::new(account, reserves, now, newest_price(account, reserves), 0)?;
    Ok((maintenance, equity))
}

/// What a liquidation is judged by.
pub(crate) struct MaintenanceAndEquity {
    pub maintenance: Health,
    pub equity: Health,
    /// The debt and the collateral asked for.
    pub debt: Valued,
    pub collateral: Valued,
}

/// A position's atoms, and what they count for in maintenance.
#[derive(Clone, Copy, Default)]
pub(crate) struct Valued {
    pub amount: u64,
    pub value: Usd,
}

impl MaintenanceAndEquity {
    /// All positions of an account at the moment of its `newest` price, and by themselves a debt and a deposit, whose slots are bits
    /// of `asked_for`.
    #[inline(always)]
    pub fn new(
        account: &MarginAccount,
        reserves: &[Reserve],
        now: i64,
        newest: i64,
        mut asked_for: u32,
    ) -> Result<Self> {
        let (mut maintenance, mut equity) = (Health::default(), Health::default());
        let (mut debt, mut collateral) = (Valued::default(), Valued::default());
        for_each_position(account, reserves, now, newest, |held| {
            let amount = held.amount(now);
            let value = held.required(amount, Requirement::Maintenance, Usd::ZERO)?;
            maintenance.add(value, held.is_debt);
            equity.add(held.at_spot(amount), held.is_debt);
            if asked_for & 1 != 0 {
                *(if held.is_debt { &mut debt } else { &mut collateral }) = Valued { amount, value };
            }
            asked_for >>= 1;
            Ok(())
        })?;
        Ok(Self { maintenance, equity, debt, collateral })
    }
}

/// A position with what its value depends on.
struct PositionView<'a> {
    reserve: &'a Reserve,
    shares: Shares,
    is_debt: bool,
    weights: &'a Weights,
    condition: Condition,
}

/// Calls `visit` for each position, whose price is one of the moment of the `newest` or is not.
#[inline(always)]
fn for_each_position(
    account: &MarginAccount,
    reserves: &[Reserve],
    now: i64,
    newest: i64,
    mut visit: impl FnMut(&PositionView) -> Result<()>,
) -> Result<()> {
    let terms = AccountTerms::of(account);
    for position in account.positions() {
        let reserve = reserves.get(position.reserve as usize).ok_or(Error::ReserveIndexOutOfRange)?;
        visit(&PositionView {
            reserve,
            shares: position.shares,
            is_debt: position.is_debt(),
            weights: &reserve.risk.weights[terms.of_position(reserve) as usize],
            condition: reserve.condition(now, newest),
        })?;
    }
    Ok(())
}

impl PositionView<'_> {
    /// What it is worth in atoms, interest until `now` included.
    #[inline(always)]
    fn amount(&self, now: i64) -> u64 {
        if self.is_debt {
            self.reserve.debt_index_at(now).amount_ceil(self.shares)
        } else {
            self.reserve.deposit_index_at(now).amount_floor(self.shares)
        }
    }

    /// How its price is read: see [`crate::price::policy`].
    #[inline(always)]
    fn treatment(&self, requirement: Requirement) -> Treatment {
        requirement.use_of(self.is_debt).treatment(self.condition)
    }

    /// What so many atoms of it count for under a requirement. `dust` is the market's.
    #[inline(always)]
    fn required(&self, amount: u64, requirement: Requirement, dust: Usd) -> Result<Usd> {
        let treatment = self.treatment(requirement);
        if treatment == Treatment::Read {
            return Ok(self.in_favour(amount, requirement, NO_FAVOUR));
        }
        self.required_unless_refused(amount, requirement, dust, treatment)
    }

    #[cold]
    #[inline(never)]
    fn required_unless_refused(
        &self,
        amount: u64,
        requirement: Requirement,
        dust: Usd,
        treatment: Treatment,
    ) -> Result<Usd> {
        treatment.allow()?;
        match treatment {
            Treatment::CountNothing => Ok(Usd::ZERO),
            Treatment::RefuseUnlessDust if rare_spot_value(self.reserve, amount, false) < dust => Ok(Usd::ZERO),
            Treatment::RefuseUnlessDust => Err(Error::PriceStale),
            _ => Ok(self.in_favour(amount, requirement, FAVOUR)),
        }
    }

    #[inline(always)]
    fn in_favour(&self, amount: u64, requirement: Requirement, favour: u32) -> Usd {
        weighted_in_favour(self.reserve, amount, self.is_debt, self.weights, requirement, favour)
    }

    /// The same at the last spot price without weights.
    #[inline(always)]
    fn at_spot(&self, amount: u64) -> Usd {
        spot_value(self.reserve, amount, self.is_debt)
    }
}

/// What a position is worth in atoms, interest until `now` included, and at the last spot price: for what is done rarely, out of
/// line.
#[cold]
#[inline(never)]
pub(crate) fn worth(position: &Position, reserve: &Reserve, now: i64) -> (u64, Usd) {
    let amount = if position.is_debt() {
        reserve.debt_index_at(now).amount_ceil(position.shares)
    } else {
        reserve.deposit_index_at(now).amount_floor(position.shares)
    };
    (amount, rare_spot_value(reserve, amount, position.is_debt()))
}

/// [`spot_value`] likewise.
#[cold]
#[inline(never)]
pub(crate) fn rare_spot_value(reserve: &Reserve, amount: u64, round_up: bool) -> Usd {
    spot_value(reserve, amount, round_up)
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

    /// Requires the same, and prices that prove it: of the account that this is the report of, at the same `now`. Maintenance
    /// reads old prices in the borrower's favour, and equity reads them as they are, so for these the debts of an account need
    /// current ones, and deposits without count nothing. An account without debts passes.
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
            // Once more: most markets do not ask, and should not pay.
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

struct HealthSums {
    initial: Health,
    maintenance: Health,
    equity: Health,
    /// Whether all prices are good enough for new risk.
    can_add_risk: bool,
}

impl HealthSums {
    #[inline(never)]
    fn of(account: &MarginAccount, reserves: &[Reserve], dust: Usd, now: i64) -> Result<Self> {
        let (mut initial, mut maintenance, mut equity) = (Health::default(), Health::default(), Health::default());
        let mut can_add_risk = true;
        for_each_position(account, reserves, now, newest_price(account, reserves), |held| {
            let amount = held.amount(now);
            equity.add(held.at_spot(amount), held.is_debt);
            maintenance.add(held.required(amount, Requirement::Maintenance, dust)?, held.is_debt);
            match held.required(amount, Requirement::Initial, dust) {
                Ok(value) => initial.add(value, held.is_debt),
                Err(_) => can_add_risk = false,
            }
            Ok(())
        })?;
        // Who owes nothing takes no risk.
        Ok(Self { initial, maintenance, equity, can_add_risk: can_add_risk || equity.debt == Usd::ZERO })
    }
}

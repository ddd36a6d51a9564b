//! The health of an account: sums of what its positions count for.

use crate::{
    error::{Error, Result},
    health::{
        Health, Requirement, perp,
        position::{Valued, for_each_position, newest_price},
    },
    number::units::Usd,
    price::policy::{Condition, Treatment, Use},
    state::{
        account::{MarginAccount, Side},
        exposure::Exposures,
        market::MarketConfig,
        reserve::Reserve,
    },
};

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
            sum.add(value, held.side);
            if let Some(exposures) = &mut exposures {
                let risk = &held.reserve.risk;
                exposures.add(held.reserve.config.risk.class, risk.volatility.annual, held.exposed(amount), held.side);
            }
        }
        Ok(())
    })?;
    if let Some(exposures) = &exposures {
        sum.require(exposures, market);
    }
    if account.has_extras() {
        sum = perp::added(sum, account, reserves, now, newest, Some(requirement))?;
    }
    Ok(sum)
}

/// An account without the deposits that have no current price; `None` if all have one. A debt without a current price is an
/// error.
#[inline(never)]
pub fn proved(account: &MarginAccount, reserves: &[Reserve], now: i64) -> Result<Option<MarginAccount>> {
    let newest = newest_price(account, reserves);
    if account.has_extras() {
        perp::require_current(account, reserves, now, newest)?;
    }
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

/// The value of an account's deposits and debts at their last spot prices with weights of one. It decides on insolvency. A
/// token never priced counts nothing.
pub fn equity(account: &MarginAccount, reserves: &[Reserve], now: i64) -> Result<Health> {
    // Last prices, in whatever condition: the table of `price::policy` reads them all for insolvency.
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

/// What decides on a liquidation.
pub(crate) struct MaintenanceAndEquity {
    pub maintenance: Health,
    pub equity: Health,
    /// The debt and the collateral asked for.
    pub debt: Valued,
    pub collateral: Valued,
}

impl MaintenanceAndEquity {
    /// Adds up all positions of an account at the moment of its `newest` price, and keeps the debt and the deposit whose slots are
    /// the bits of `asked_for`.
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
            maintenance.add(value, held.side);
            equity.add(held.at_spot(amount), held.side);
            if asked_for & 1 != 0 {
                let valued = Valued { amount, value };
                match held.side {
                    Side::Deposit => collateral = valued,
                    Side::Debt => debt = valued,
                }
            }
            asked_for >>= 1;
            Ok(())
        })?;
        if account.has_extras() {
            maintenance = perp::added(maintenance, account, reserves, now, newest, Some(Requirement::Maintenance))?;
            equity = perp::added(equity, account, reserves, now, newest, None)?;
        }
        Ok(Self { maintenance, equity, debt, collateral })
    }
}

/// All three healths in one pass.
pub(crate) struct HealthSums {
    pub initial: Health,
    pub maintenance: Health,
    pub equity: Health,
    /// Whether all prices are good enough for new risk.
    pub can_add_risk: bool,
}

impl HealthSums {
    #[inline(never)]
    pub fn of(account: &MarginAccount, reserves: &[Reserve], dust: Usd, now: i64) -> Result<Self> {
        let (mut initial, mut maintenance, mut equity) = (Health::default(), Health::default(), Health::default());
        let mut can_add_risk = true;
        let newest = newest_price(account, reserves);
        for_each_position(account, reserves, now, newest, |held| {
            let amount = held.amount(now);
            equity.add(held.at_spot(amount), held.side);
            maintenance.add(held.required(amount, Requirement::Maintenance, dust)?, held.side);
            match held.required(amount, Requirement::Initial, dust) {
                Ok(value) => initial.add(value, held.side),
                Err(_) => can_add_risk = false,
            }
            Ok(())
        })?;
        let sums = Self { initial, maintenance, equity, can_add_risk };
        if account.has_extras() {
            return sums.with_perps(account, reserves, now, newest);
        }
        // Who owes nothing takes no risk.
        Ok(Self { can_add_risk: can_add_risk || equity.debt == Usd::ZERO, ..sums })
    }

    #[cold]
    #[inline(never)]
    fn with_perps(self, account: &MarginAccount, reserves: &[Reserve], now: i64, newest: i64) -> Result<Self> {
        let added = |health, requirement| perp::added(health, account, reserves, now, newest, requirement);
        let maintenance = added(self.maintenance, Some(Requirement::Maintenance))?;
        let equity = added(self.equity, None)?;
        let initial = added(self.initial, Some(Requirement::Initial));
        let can_add_risk = self.can_add_risk && initial.is_ok() || equity.debt == Usd::ZERO;
        Ok(Self { initial: initial.unwrap_or(self.initial), maintenance, equity, can_add_risk })
    }
}

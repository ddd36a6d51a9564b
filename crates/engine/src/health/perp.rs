//! What an account's positions in perps count for: losses and margins with its debts, gains with its deposits.

use crate::{
    error::{Error, Result},
    health::{Health, Requirement},
    number::units::{Bps, ONE_BPS, Part},
    price::policy::{Treatment, Use},
    state::{
        account::MarginAccount,
        perp::{Perp, Pool, book::Width, pricing::part_of, view::PerpView},
        reserve::Reserve,
    },
};

/// What positions in perps come to, atoms of the quote token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerpTotals {
    /// Losses at the prices at which they would be closed.
    pub losses: u64,
    /// Gains likewise, as far as the pool can pay them.
    pub gains: u64,
    /// What margins require.
    pub margins: u64,
}

/// What an account's perps come to under a requirement; `None`: at last spot prices, whatever they are worth.
pub(crate) fn totals(
    account: &MarginAccount,
    records: &[Reserve],
    now: i64,
    newest: i64,
    requirement: Option<Requirement>,
) -> Result<(PerpTotals, Option<u8>)> {
    let (mut sum, mut quote) = (PerpTotals::default(), None);
    for position in account.perps() {
        let width = if requirement == Some(Requirement::Initial) { Width::Initial } else { Width::Maintenance };
        let view = PerpView::new(records, position.perp, width, now)?;
        let config = &view.perp.config;
        let pool = Pool::of(records, config.pool)?;
        quote = Some(pool.config.quote);
        let base = match requirement {
            Some(Requirement::Maintenance) => config.maintenance_margin,
            _ => config.initial_margin,
        };
        if let Some(requirement) = requirement {
            let used = if requirement == Requirement::Maintenance { Use::Debt } else { Use::NewRiskDebt };
            // A final price is as good as it gets, and so is what is owed whatever the price.
            let is_priced = position.size != 0 && !view.perp.is_resolved() && requirement != Requirement::Rescue;
            let underlying = &records[config.price as usize];
            let treatment = if is_priced { used.treatment(underlying.condition(now, newest)) } else { Treatment::Read };
            treatment.allow()?;
            if treatment != Treatment::Read {
                // In the account's favour: nothing is lost, and nothing has to be kept.
                continue;
            }
            sum.margins = sum.margins.saturating_add(view.margin(position, base));
        }
        match view.gain(position) {
            loss @ ..0 => sum.losses = sum.losses.saturating_add(loss.unsigned_abs()),
            gain if requirement == Some(Requirement::Maintenance) || requirement.is_none() => {
                sum.gains = sum.gains.saturating_add(paid_part(gain as u64, pool.profit_factor));
            }
            // An open gain backs no new risk.
            _ => {}
        }
    }
    Ok((sum, quote))
}

/// The part of a gain that the pool pays, rounded down.
#[inline(always)]
pub(crate) fn paid_part(gain: u64, factor: Part) -> u64 {
    if factor == Part::WHOLE { gain } else { gain - part_of(gain, (1 << 32) - factor.0 as u64) }
}

/// A health with an account's perps. By value, so that the loops over deposits and debts keep their sums in registers.
#[cold]
#[inline(never)]
pub(crate) fn added(
    mut health: Health,
    account: &MarginAccount,
    records: &[Reserve],
    now: i64,
    newest: i64,
    requirement: Option<Requirement>,
) -> Result<Health> {
    let (sum, Some(quote)) = totals(account, records, now, newest, requirement)? else { return Ok(health) };
    let quote = records.get(quote as usize).ok_or(Error::ReserveIndexOutOfRange)?;
    let (price, one) = (&quote.price, Bps(ONE_BPS));
    let (low, high) = match requirement {
        Some(Requirement::Initial) => {
            Use::NewRiskDebt.require(quote.condition(now, newest))?;
            (price.low_initial, price.high_initial)
        }
        Some(_) => (price.low_maintenance, price.high_maintenance),
        None => (price.spot, price.spot),
    };
    let owed = sum.losses.saturating_add(sum.margins);
    health.debt = health.debt + price.rare_value_ceil(owed, high, one);
    health.collateral = health.collateral + price.rare_value_floor(sum.gains, low, one);
    Ok(health)
}

/// Requires current prices of all perps that an account has positions in: others are read in its favour.
#[cold]
#[inline(never)]
pub(crate) fn require_current(account: &MarginAccount, records: &[Reserve], now: i64, newest: i64) -> Result<()> {
    for position in account.perps().filter(|position| position.size != 0) {
        let perp = Perp::of(records, position.perp)?;
        let feed = records.get(perp.config.price as usize).ok_or(Error::ReserveIndexOutOfRange)?;
        if !perp.is_resolved() && !feed.condition(now, newest).is_current() {
            return Err(Error::PriceStale);
        }
    }
    Ok(())
}

/// When the newest feed of an account's perps published, unix seconds.
#[cold]
#[inline(never)]
pub(crate) fn newest_price(account: &MarginAccount, records: &[Reserve]) -> i64 {
    let published =
        |perp: &Perp| records.get(perp.config.price as usize).map_or(0, |reserve| reserve.price.newest_time());
    let perps = account.perps().filter_map(|position| Perp::of(records, position.perp).ok());
    perps.filter(|perp| !perp.is_resolved()).map(published).max().unwrap_or(0)
}

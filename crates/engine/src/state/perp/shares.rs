//! Shares of a pool, and what they are worth.

use crate::{
    error::{Error, Result},
    number::{
        math::{mul_div_floor, saturating_sub},
        units::Shares,
    },
    price::policy::Use,
    state::{
        perp::{
            Perp, Pool,
            book::{Standing, Width, high_value},
        },
        reserve::Reserve,
    },
};

/// Shares and atoms that count beside the real ones, so that nobody can make the first share dear.
pub(crate) const VIRTUAL: u64 = 1_000;
/// For how long shares may be taken once they are free, seconds.
pub const LEAVE_WINDOW: i64 = 172_800;

/// What the shares of a pool are worth to others than its owners' accounts: to a vault that holds some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShareValues {
    /// Its high value.
    entry: u64,
    /// Its low value.
    exit: u64,
    /// All shares.
    total: Shares,
}

impl ShareValues {
    /// At `now`. Fails where a reading that values the pool is not good enough for `used`. A loss that is reported in the quote reserve
    /// and not yet settled counts in the low value.
    pub fn at(records: &[Reserve], pool: u8, used: Use, now: i64) -> Result<Self> {
        let pool = Pool::of(records, pool)?;
        require_prices(pool, records, used, now)?;
        let quote = records.get(pool.config.quote as usize).ok_or(Error::ReserveIndexOutOfRange)?;
        let standing = Standing::of(pool, records, Width::Initial, now)?;
        let doubtful = saturating_sub(standing.cash, quote.exit_index_at(now).rare_amount_floor(pool.deposit));
        let exit = saturating_sub(u64::try_from(standing.low).unwrap_or(0), doubtful);
        let high = high_value(pool, records, Width::Initial, now)?;
        Ok(Self { entry: u64::try_from(high).unwrap_or(0).max(exit), exit, total: pool.shares })
    }

    /// What so many shares count for who enters what holds them, rounded down.
    pub fn entry(&self, shares: Shares) -> u64 {
        self.worth(self.entry, shares)
    }

    /// What they count for who leaves it.
    pub fn exit(&self, shares: Shares) -> u64 {
        self.worth(self.exit, shares)
    }

    fn worth(&self, value: u64, shares: Shares) -> u64 {
        worth(value, self.total, shares).min(value)
    }
}

/// What some shares of all are worth, rounded down.
pub(crate) fn worth(value: u64, total: Shares, shares: Shares) -> u64 {
    mul_div_floor(shares.0, value.saturating_add(VIRTUAL), total.0 + VIRTUAL).unwrap_or(u64::MAX)
}

/// Requires that all readings that value a pool are good enough.
pub(crate) fn require_prices(pool: &Pool, records: &[Reserve], used: Use, now: i64) -> Result<()> {
    for index in pool.perps() {
        let perp = Perp::of(records, *index)?;
        let is_open = perp.sides.iter().any(|side| side.size != 0);
        if is_open && !perp.is_resolved() {
            let feed = records.get(perp.config.price as usize).ok_or(Error::ReserveIndexOutOfRange)?;
            used.require(feed.price.condition(now))?;
        }
    }
    Ok(())
}

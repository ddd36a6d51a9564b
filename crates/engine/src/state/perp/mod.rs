//! Perps, and the pools behind them: records of a market beside its reserves, of the same size.
//!
//! Both look like a closed reserve to whoever takes them for one: no mint, no vault.

pub mod book;
pub mod config;
pub mod position;
pub mod pricing;
pub mod shares;
pub mod side;
pub mod view;

use bytemuck::{bytes_of, cast_mut, cast_ref};

pub use config::{PerpConfig, PoolConfig};
pub use position::{PerpPosition, PoolStake};
pub use pricing::{LotScale, Marks};
pub use side::Side;

use crate::{
    error::{Error, Result},
    number::units::{Part, Seconds, Shares},
    record::{
        layout::{Address, record},
        parameter::require_nothing_beside,
    },
    state::{
        perp::config::{PERP_PARAMETERS, POOL_PARAMETERS},
        reserve::{Kind, Reserve},
    },
};

/// Most perps of a pool.
pub const MAX_PERPS: usize = 16;

/// Of the two sides of a perp.
pub const LONG: usize = 0;
/// Of the two sides of a perp.
pub const SHORT: usize = 1;

record! {
    /// What flowed lately, as a leaky bucket.
    pub struct Flow: 16 {
        /// Atoms that have not drained yet.
        pub level: u64,
        /// Until when it has drained, unix seconds.
        pub updated: i64,
    }
}

impl Flow {
    /// Lets time pass: a limit drains in a period.
    pub(crate) fn drain(&mut self, limit: u64, period: u64, now: i64) {
        let elapsed = now.saturating_sub(self.updated).max(0) as u64;
        let drained = (limit as u128 * elapsed as u128 / period as u128).min(u64::MAX as u128) as u64;
        // Whole atoms: what is less stays until it makes one up.
        if drained != 0 || self.level == 0 {
            (self.level, self.updated) = (self.level.saturating_sub(drained), self.updated.max(now));
        }
    }
}

record! {
    /// A perpetual future priced by the oracle, against a pool.
    pub struct Perp: 1024 {
        /// None: it has no mint and no vault.
        pub absent: [Address; 3],
        /// Zero.
        pub absent_token: [u8; 3],
        /// 1: it is no reserve.
        pub closed: u8,
        /// See [`Kind`].
        pub kind: u8,
        /// Zero.
        pub padding: [u8; 3],
        /// What governance set.
        pub config: PerpConfig,
        /// What a lot is worth.
        pub lot: LotScale,
        /// Longs and shorts.
        pub sides: [Side; 2],
        /// What longs pay a year, 32 fractional bits; less than zero is what shorts pay.
        pub rate: i64,
        /// Until when funding is in the sides, unix seconds.
        pub last_accrual: i64,
        /// The price of a lot that was seen last, and when it was published.
        pub seen: u64,
        /// Unix seconds.
        pub seen_time: i64,
        /// The one before, likewise.
        pub previous: u64,
        /// Unix seconds.
        pub previous_time: i64,
        /// By how much positions grew lately, atoms of value.
        pub grown: Flow,
        /// What traders took out of the pool lately, atoms.
        pub paid: Flow,
        /// Deposit shares of the quote reserve that impacts have paid and rebates will take.
        pub fund: Shares,
        /// Deposit shares of the quote reserve that bear losses first.
        pub insurance: Shares,
        /// The price at which it is wound down; zero: it is not.
        pub final_price: u64,
        /// The pool's [`Pool::borrowed`] that is in the sides.
        pub borrowed: u64,
        /// Zero.
        pub reserved: [u8; 600],
    }
}

record! {
    /// What backs perps: a deposit in the reserve of their quote token, and who owns it.
    pub struct Pool: 1024 {
        /// None: it has no mint and no vault of its own.
        pub absent: [Address; 3],
        /// Zero.
        pub absent_token: [u8; 3],
        /// 1: it is no reserve.
        pub closed: u8,
        /// See [`Kind`].
        pub kind: u8,
        /// Its perps.
        pub perp_count: u8,
        /// Decimals of the quote token.
        pub quote_decimals: u8,
        /// Zero.
        pub padding: u8,
        /// What governance set.
        pub config: PoolConfig,
        /// Deposit shares of the quote reserve that are the pool's.
        pub deposit: Shares,
        /// Shares of the pool.
        pub shares: Shares,
        /// Records of its perps.
        pub perps: [u8; MAX_PERPS],
        /// What positions pay it a year, 32 fractional bits: by its use when it was traded last.
        pub borrow_rate: u64,
        /// That rate, added up over the seconds until `borrowed_until`, 28 fractional bits. So a change of the rate counts from then on for
        /// all perps.
        pub borrowed: u64,
        /// Unix seconds.
        pub borrowed_until: i64,
        /// The part of a gain that was paid when it was traded last: what gains count for in maintenance.
        pub profit_factor: Part,
        /// Zero.
        pub reserved: [u8; 812],
    }
}

const _: () = {
    use core::mem::offset_of;
    assert!(offset_of!(Perp, closed) == offset_of!(Reserve, closed));
    assert!(offset_of!(Pool, closed) == offset_of!(Reserve, closed));
    assert!(offset_of!(Perp, kind) == offset_of!(Reserve, kind) && offset_of!(Pool, kind) == offset_of!(Reserve, kind));
};

macro_rules! of_record {
    ($record:ident, $kind:ident, $error:ident) => {
        impl $record {
            /// The record at an index of a market.
            #[inline(always)]
            pub fn of(records: &[Reserve], index: u8) -> Result<&Self> {
                let record = records.get(index as usize).filter(|record| record.is(Kind::$kind));
                record.map(cast_ref).ok_or(Error::$error)
            }

            /// The same to change.
            #[inline(always)]
            pub fn of_mut(records: &mut [Reserve], index: u8) -> Result<&mut Self> {
                let record = records.get_mut(index as usize).filter(|record| record.is(Kind::$kind));
                record.map(cast_mut).ok_or(Error::$error)
            }

            /// As it lies in a market.
            pub fn as_record(&self) -> &Reserve {
                cast_ref(self)
            }
        }
    };
}
of_record!(Perp, Perp, NotPerp);
of_record!(Pool, Pool, NotPool);

impl Perp {
    /// A perp without positions, of a config that was checked.
    pub fn new(config: &PerpConfig, quote_decimals: u8, now: i64) -> Self {
        Self {
            closed: 1,
            kind: Kind::Perp as u8,
            config: *config,
            lot: LotScale::new(config.lot_digits, quote_decimals),
            sides: [Side::empty(); 2],
            last_accrual: now,
            ..Self::default()
        }
    }

    /// Refuses parameters that none may have.
    pub fn check(config: &PerpConfig) -> Result<()> {
        config.validate()?;
        require_nothing_beside(&PERP_PARAMETERS, bytes_of(config))
    }

    /// Takes over other parameters, or only sees whether it could. What is fixed at listing stays.
    pub fn set_config(&mut self, config: &PerpConfig, is_made: bool) -> Result<()> {
        config.validate()?;
        self.config.require_same_contract(config)?;
        if self.is_resolved() {
            return Err(Error::PerpResolved);
        }
        if is_made {
            self.config = *config;
        }
        Ok(())
    }

    /// Longs less shorts, whole lots.
    pub fn skew(&self) -> i64 {
        let [longs, shorts] = &self.sides;
        longs.lots(longs.size) as i64 - shorts.lots(shorts.size) as i64
    }

    /// Whether it is being wound down at its final price.
    #[inline(always)]
    pub fn is_resolved(&self) -> bool {
        self.final_price != 0
    }
}

impl Pool {
    /// A pool without perps, of a config that was checked.
    pub fn new(config: &PoolConfig, quote_decimals: u8, now: i64) -> Self {
        Self {
            closed: 1,
            kind: Kind::Pool as u8,
            quote_decimals,
            config: *config,
            profit_factor: Part::WHOLE,
            borrowed_until: now,
            ..Self::default()
        }
    }

    /// Refuses parameters that none may have.
    pub fn check(config: &PoolConfig) -> Result<()> {
        config.validate()?;
        require_nothing_beside(&POOL_PARAMETERS, bytes_of(config))
    }

    /// Takes over other parameters, or only sees whether it could. The token stays.
    pub fn set_config(&mut self, config: &PoolConfig, is_made: bool) -> Result<()> {
        config.validate()?;
        if config.quote != self.config.quote {
            return Err(Error::PerpFixed);
        }
        if is_made {
            self.config = *config;
        }
        Ok(())
    }

    /// Takes in a perp at an index of the market. Returns what borrowing has cost until `now`.
    pub(crate) fn add(&mut self, index: u8, now: i64) -> Result<u64> {
        let place = self.perps.get_mut(self.perp_count as usize).ok_or(Error::TooManyPerps)?;
        *place = index;
        self.perp_count += 1;
        Ok(self.borrowed_at(now))
    }

    /// [`Self::borrowed`] until `now`.
    #[inline(always)]
    pub fn borrowed_at(&self, now: i64) -> u64 {
        // Rounded up. Below 2^31 × 2^31, for a thousand years.
        let rate = (self.borrow_rate >> 4) + (self.borrow_rate & 15 != 0) as u64;
        self.borrowed.saturating_add(rate.saturating_mul(Seconds::between(self.borrowed_until, now).0))
    }

    /// The records of its perps.
    #[inline(always)]
    pub fn perps(&self) -> &[u8] {
        &self.perps[..(self.perp_count as usize).min(MAX_PERPS)]
    }
}

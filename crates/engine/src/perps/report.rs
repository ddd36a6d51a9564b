//! Figures of a pool and its perps, for whoever reads them.

use crate::{
    error::Result,
    health::perp::PerpView,
    number::units::{Bps, Part, Shares},
    perps::provide::VIRTUAL,
    record::layout::record,
    state::{
        perp::{
            MAX_PERPS, Pool,
            book::{Standing, Width, high_value},
        },
        reserve::Reserve,
    },
};

record! {
    /// What a perp does to its pool when the price of its underlying moves, atoms.
    pub struct Greeks: 56 {
        /// What longs are worth.
        pub longs: u64,
        /// What shorts are worth.
        pub shorts: u64,
        /// What the pool gains for each 100 % that the underlying rises: −n K V, of a skew K worth K V and a power n.
        pub delta: i64,
        /// By how much that changes for each 100 %: −n (n − 1) K V.
        pub gamma: i64,
        /// What the pool loses in the worse of the two moves that it must bear.
        pub buffer: u64,
        /// That move, 32 fractional bits.
        pub shock: u64,
        /// The perp's record.
        pub perp: u8,
        /// The reserve whose price it follows: deltas of perps on the same one add up.
        pub price: u8,
        /// Zero.
        pub padding: [u8; 6],
    }
}

record! {
    /// What a pool says of itself, as the program returns it to a caller: at last prices, without asking how old they are. Atoms of its
    /// token.
    pub struct PoolReport: 976 {
        /// What is there.
        pub cash: u64,
        /// What all sides that have gained could claim.
        pub claims: u64,
        /// Its value by the readings that decide on caps and deleveraging, worst for the pool.
        pub low: i64,
        /// What it loses in the worst of the moves that it must bear.
        pub buffer: u64,
        /// Its value for who enters.
        pub entry: i64,
        /// Its value for who leaves.
        pub exit: i64,
        /// Its shares.
        pub shares: Shares,
        /// The part of a gain that is paid now.
        pub profit_factor: Part,
        /// Low value ÷ buffer, basis points; `u32::MAX`: there is nothing to cover.
        pub cover: u32,
        /// Buffer ÷ low value.
        pub used: Bps,
        /// What positions pay it a year for that use.
        pub borrow_rate: Bps,
        /// Perps that follow.
        pub perp_count: u8,
        /// Zero.
        pub padding: [u8; 11],
        /// Of each of its perps.
        pub perps: [Greeks; MAX_PERPS],
    }
}

impl Greeks {
    /// Of a perp at `now`; of one that is being wound down nothing moves.
    pub fn new(records: &[Reserve], index: u8, now: i64) -> Result<Self> {
        let PerpView { perp, sides, marks } = PerpView::new(records, index, Width::Maintenance, now)?;
        let named = Self { perp: index, price: perp.config.price, ..Self::default() };
        if perp.is_resolved() {
            return Ok(named);
        }
        let annual = records[perp.config.price as usize].risk.volatility.annual;
        let [longs, shorts] = perp.values(&sides, marks.spot);
        let (skew, power) = (longs as i128 - shorts as i128, perp.config.power as i128);
        let atoms = |amount: i128| amount.clamp(i64::MIN as i128, i64::MAX as i128) as i64;
        Ok(Self {
            longs,
            shorts,
            delta: atoms(-power * skew),
            gamma: atoms(-power * (power - 1) * skew),
            buffer: perp.config.buffer(longs, shorts, annual),
            shock: perp.config.shock(annual),
            ..named
        })
    }
}

impl PoolReport {
    /// Of a pool at `now`.
    pub fn new(records: &[Reserve], index: u8, now: i64) -> Result<Self> {
        let pool = Pool::of(records, index)?;
        let standing = Standing::of(pool, records, Width::Maintenance, now)?;
        let chosen = Standing::of(pool, records, Width::Initial, now)?;
        let entry = high_value(pool, records, Width::Initial, now)?;
        let mut perps = [Greeks::default(); MAX_PERPS];
        for (place, perp) in perps.iter_mut().zip(pool.perps()) {
            *place = Greeks::new(records, *perp, now)?;
        }
        Ok(Self {
            cash: standing.cash,
            claims: standing.claims,
            low: standing.low,
            buffer: standing.buffer,
            entry,
            exit: chosen.low,
            shares: pool.shares,
            profit_factor: standing.profit_factor(),
            cover: standing.cover(),
            used: standing.used(),
            borrow_rate: pool.config.borrow_rate(standing.used()),
            perp_count: pool.perp_count,
            padding: [0; 11],
            perps,
        })
    }

    /// Of its perps.
    pub fn greeks(&self) -> &[Greeks] {
        &self.perps[..(self.perp_count as usize).min(MAX_PERPS)]
    }

    /// Atoms that a million shares cost who enters, rounded up; `None` while nobody can.
    pub fn entry_price(&self) -> Option<u64> {
        let value = u64::try_from(self.entry).ok().filter(|value| *value > 0 || self.shares == Shares::ZERO)?;
        price(value, self.shares).map(|(price, is_exact)| price + !is_exact as u64)
    }

    /// Atoms that a million shares are worth to who leaves, rounded down.
    pub fn exit_price(&self) -> Option<u64> {
        price(u64::try_from(self.exit).unwrap_or(0), self.shares).map(|(price, _)| price)
    }
}

/// Atoms of a million shares, rounded down, and whether that is exact.
fn price(value: u64, shares: Shares) -> Option<(u64, bool)> {
    let (value, shares) = ((value as u128 + VIRTUAL as u128) * 1_000_000, shares.0 as u128 + VIRTUAL as u128);
    u64::try_from(value / shares).ok().map(|price| (price, value % shares == 0))
}

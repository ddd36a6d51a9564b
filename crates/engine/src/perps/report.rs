//! Figures of a pool and its perps, for whoever reads them.

use crate::{
    error::{Error, Result},
    ledger::Ledger,
    number::units::{Bps, Part, Shares},
    record::layout::record,
    state::perp::view::PerpView,
    state::{
        account::MarginAccount,
        perp::{
            MAX_PERPS, Marks, Perp, PerpPosition, Pool, PoolConfig,
            book::{Standing, Width, beyond, entered, high_value},
            shares::{self, VIRTUAL},
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
        let PerpView { perp, sides, marks, annual } = PerpView::new(records, index, Width::Maintenance, now)?;
        let named = Self { perp: index, price: perp.config.price, ..Self::default() };
        if perp.is_resolved() {
            return Ok(named);
        }
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

    /// What so many shares are worth to who leaves, rounded down.
    pub fn worth(&self, shares: Shares) -> u64 {
        let exit = u64::try_from(self.exit).unwrap_or(0);
        shares::worth(exit, self.shares, shares).min(exit)
    }

    /// The most that exits can take now: what leaves the value so many times the buffer as the pool asks for.
    pub fn free(&self, config: &PoolConfig) -> u64 {
        beyond(self.exit, self.buffer, config.exit_cover)
    }

    /// The most that deposits can bring now. A pool that owes all that it has takes none.
    pub fn room(&self, config: &PoolConfig) -> u64 {
        let value = entered(self.entry, self.shares);
        value.filter(|_| config.reduce_only == 0).map_or(0, |value| config.max_value.saturating_sub(value))
    }

    /// Atoms that a million shares cost who enters, rounded up; `None` while nobody can.
    pub fn entry_price(&self) -> Option<u64> {
        let value = entered(self.entry, self.shares)?;
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

/// What may be done with a perp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PerpState {
    /// Everything.
    Open,
    /// Positions only shrink: governance said so.
    ReduceOnly,
    /// The pool covers too little of what it must bear: anyone may close a part of the side that it cannot bear.
    Deleveraging,
    /// Positions only close, at the final price.
    WoundDown,
}

/// A perp at a moment. Prices are of a lot, atoms with 32 fractional bits; rates are parts of the value in a year, 32 fractional bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerpReport {
    /// What may be done with it.
    pub state: PerpState,
    /// By the last price of the reserve that it follows.
    pub marks: Marks,
    /// What a trade gets: the worse of the last two prices.
    pub offered: Marks,
    /// Seconds since that price was published.
    pub age: u64,
    /// Whole lots of longs and of shorts.
    pub lots: [u64; 2],
    /// Longs less shorts, whole lots.
    pub skew: i64,
    /// What longs pay and shorts get, or the other way round if it is less than zero; without what a square pays for its variance.
    pub funding: i64,
    /// What both sides pay the pool.
    pub borrow: u64,
    /// Fee of a trade now, a part of its value, 32 fractional bits.
    pub fee: u64,
    /// What impacts paid and rebates take, atoms.
    pub fund: u64,
    /// What bears losses first, atoms.
    pub insurance: u64,
    /// What traders may still take out of the pool today, atoms; none: no limit.
    pub budget: Option<u64>,
    /// By how much positions may still grow at once, atoms of value; none: no limit.
    pub growth: Option<u64>,
    /// Its sides' values, delta, gamma and buffer.
    pub greeks: Greeks,
}

/// A position in a perp at a moment, atoms of the quote token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionReport {
    /// Whole lots, less than zero if it is short.
    pub lots: i64,
    /// Its value at the last price, rounded up.
    pub value: u64,
    /// What closing it now would realise, before fee and impact; funding and the borrow fee are in it. Less than zero: a loss. Of a
    /// closed one what it is owed, or owes.
    pub gain: i64,
    /// What of a gain would be paid now: nothing within the hold, no more than the factor and the day's budget leave.
    pub paid: u64,
    /// The price of a lot at which it has gained nothing, 32 fractional bits; none of a closed one.
    pub break_even: Option<u64>,
    /// The margin that it would need if it were new.
    pub initial_margin: u64,
    /// Below which it is closed by others.
    pub maintenance_margin: u64,
    /// Until when closing it pays no gain, unix seconds.
    pub held_until: i64,
}

impl Ledger<'_> {
    /// What a perp is at `now`. Brings it and its quote reserve up to then: to be asked of a copy.
    pub fn perp_report(&mut self, index: u8) -> Result<PerpReport> {
        let scene = self.enter_perp(index)?;
        let (greeks, standing) = (Greeks::new(self.reserves, index, self.now)?, self.standing(&scene)?);
        let room = self.room_in_budget(&scene)?;
        let pool = Pool::of(self.reserves, scene.pool)?;
        let perp = Perp::of(self.reserves, index)?;
        let state = match () {
            () if perp.is_resolved() => PerpState::WoundDown,
            () if !standing.covers(pool.config.deleverage_below) => PerpState::Deleveraging,
            () if perp.config.reduce_only != 0 => PerpState::ReduceOnly,
            () => PerpState::Open,
        };
        let index_of_quote = self.reserves[scene.quote as usize].deposit_index;
        let (mut grown, limit) = (perp.grown, perp.config.instant_flow);
        grown.drain(limit, 60, self.now);
        Ok(PerpReport {
            state,
            marks: scene.marks,
            offered: perp.worse(scene.marks),
            age: scene.age,
            lots: perp.sides.map(|side| side.lots(side.size)),
            skew: perp.skew(),
            funding: perp.rate,
            borrow: pool.borrow_rate,
            fee: perp.config.fee_at(scene.seen, scene.annual),
            fund: index_of_quote.rare_amount_floor(perp.fund),
            insurance: index_of_quote.rare_amount_floor(perp.insurance),
            budget: (perp.config.loss_budget != 0).then_some(room),
            growth: (limit != 0).then(|| limit.saturating_sub(grown.level)),
            greeks,
        })
    }

    /// What an account's position in a perp is at `now`. Brings the perp and its quote reserve up to then: to be asked of a copy.
    pub fn position_report(&mut self, account: &MarginAccount, index: u8) -> Result<PositionReport> {
        let scene = self.enter_perp(index)?;
        let position: PerpPosition = *account.perp(index).ok_or(Error::PositionNotFound)?;
        let view = PerpView::new(self.reserves, index, Width::Maintenance, self.now)?;
        let (perp, side) = (view.perp, &view.sides[position.side_index()]);
        let (config, prices) = (&perp.config, perp.worse(scene.marks));
        let price = if position.is_short != 0 { prices.high } else { prices.low };
        let closing = self.closing(&scene, &position, position.size, price)?;
        let signed = position.size as i128 * position.sign() as i128;
        let even = || {
            // What a lot must count for, and the price at which it does.
            let counted = ((position.cost as i128) << 32).div_euclid(signed) + side.offset as i128;
            u64::try_from((counted << 32).div_euclid(side.multiplier as i128)).unwrap_or(0)
        };
        Ok(PositionReport {
            lots: side.lots(position.size) as i64 * position.sign(),
            value: side.notional(position.size, scene.marks.spot),
            gain: closing.realised,
            paid: closing.gain,
            break_even: (signed != 0 && side.multiplier != 0).then(even),
            initial_margin: view.margin(&position, config.initial_margin),
            maintenance_margin: view.margin(&position, config.maintenance_margin),
            held_until: if position.size == 0 { 0 } else { position.grown_at as i64 + config.hold as i64 },
        })
    }
}

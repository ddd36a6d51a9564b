//! What a margin account holds of perps and of a pool: records behind its deposits and debts, from the last place down.

use bytemuck::{cast_mut, cast_ref};

use crate::{
    error::{Error, Result},
    number::units::Shares,
    record::layout::{LAYOUT_VERSION, record},
    state::{
        account::{EXTRA_PLACES as PLACES, MAX_POSITIONS, MarginAccount, Mode, Position},
        perp::{Perp, Pool},
        reserve::Reserve,
    },
};

/// The `side` of a [`PerpPosition`].
const PERP: u8 = 3;
/// The `side` of a [`PoolStake`].
const STAKE: u8 = 4;

record! {
    /// A position in a perp.
    pub struct PerpPosition: 32 {
        /// Lots of its side; zero: all closed, and `cost` is what is owed (less than zero: what is to be paid out).
        pub size: u64,
        /// The perp's record.
        pub perp: u8,
        /// 3: it is a perp.
        pub side: u8,
        /// 1 if it is short.
        pub is_short: u8,
        /// Zero.
        pub padding: u8,
        /// When it grew last, unix seconds.
        pub grown_at: u32,
        /// What it cost, atoms of the quote token.
        pub cost: i64,
        /// Zero.
        pub reserved: u64,
    }
}

record! {
    /// Shares of a pool.
    pub struct PoolStake: 32 {
        /// All of them, those asked for included.
        pub shares: Shares,
        /// The pool's record.
        pub pool: u8,
        /// 4: it is a stake.
        pub side: u8,
        /// Zero.
        pub padding: [u8; 2],
        /// When those asked for can be taken, unix seconds.
        pub free_from: u32,
        /// Those asked for.
        pub asked_for: Shares,
        /// Zero.
        pub reserved: u64,
    }
}

impl PerpPosition {
    /// Which of the perp's sides it is on.
    #[inline(always)]
    pub fn side_index(&self) -> usize {
        (self.is_short != 0) as usize
    }

    /// 1 if it is long, −1 if it is short.
    #[inline(always)]
    pub fn sign(&self) -> i64 {
        if self.is_short != 0 { -1 } else { 1 }
    }
}

type Pair = [Position; PLACES];

impl MarginAccount {
    /// Whether it holds more than deposits and debts.
    #[inline(always)]
    pub fn has_extras(&self) -> bool {
        self.extra_count != 0
    }

    /// The first place of its n-th extra.
    #[inline(always)]
    const fn place(n: usize) -> usize {
        MAX_POSITIONS - PLACES * (n + 1)
    }

    #[inline(always)]
    fn pair(&self, n: usize) -> &Pair {
        let at = Self::place(n.min(MAX_POSITIONS / PLACES - 1));
        // Two of them.
        self.positions[at..at + PLACES].first_chunk().unwrap_or(&NO_PAIR)
    }

    #[inline(always)]
    fn extras(&self) -> usize {
        (self.extra_count as usize).min(MAX_POSITIONS / PLACES)
    }

    /// Its positions in perps.
    pub fn perps(&self) -> impl Iterator<Item = &PerpPosition> {
        (0..self.extras())
            .map(|n| cast_ref::<Pair, PerpPosition>(self.pair(n)))
            .filter(|position| position.side == PERP)
    }

    /// Its stake in a pool, if it holds one.
    pub fn stake(&self) -> Option<&PoolStake> {
        (0..self.extras()).map(|n| cast_ref::<Pair, PoolStake>(self.pair(n))).find(|stake| stake.side == STAKE)
    }

    /// Its position in a perp.
    pub fn perp(&self, perp: u8) -> Option<&PerpPosition> {
        self.perps().find(|position| position.perp == perp)
    }

    /// Whether it owes anything, or holds a position that can lose.
    #[inline(always)]
    pub fn is_exposed(&self) -> bool {
        self.has_debt() || self.has_extras() && self.perps().next().is_some()
    }

    /// The account without its extras: what it lent and borrowed.
    pub(crate) fn lent_alone(&self) -> Self {
        Self { extra_count: 0, ..*self }
    }

    /// The places that its extras take.
    pub fn extra_places(&self) -> &[Position] {
        &self.positions[MAX_POSITIONS - PLACES * self.extras()..]
    }

    /// Whether it holds a position in a perp that is open, or is to be paid out.
    pub fn may_be_paid(&self) -> bool {
        self.has_extras() && self.perps().any(|position| position.size != 0 || position.cost < 0)
    }

    /// The account with positions in perps in place of all its extras, for whoever keeps accounts in another form: as many as its deposits
    /// and debts leave room for.
    pub fn with_perps(mut self, positions: &[PerpPosition]) -> Self {
        let room = (MAX_POSITIONS - self.positions().len()) / PLACES;
        self.extra_count = 0;
        for (n, position) in positions.iter().take(room).enumerate() {
            let at = Self::place(n);
            let pair: Pair = bytemuck::cast(PerpPosition { side: PERP, ..*position });
            self.positions[at..at + PLACES].copy_from_slice(&pair);
            self.extra_count += 1;
        }
        self
    }

    /// An account for one perp and a deposit of its quote token. The caller fills in addresses, id and bump.
    pub fn open_for_perp(quote: u8, perp: u8, records: &[Reserve]) -> Result<Self> {
        if quote != Pool::of(records, Perp::of(records, perp)?.config.pool)?.config.quote {
            return Err(Error::AccountModeInvalid);
        }
        let mode = Mode::Perp as u8;
        Ok(Self { version: LAYOUT_VERSION, mode, isolated_collateral: quote, isolated_debt: perp, ..Self::default() })
    }

    fn find_extra(&self, side: u8, record: u8) -> Option<usize> {
        (0..self.extras()).find(|n| self.pair(*n)[0].side == side && self.pair(*n)[0].reserve == record)
    }

    /// Refuses another extra where the account's mode or its other positions do.
    fn require_room(&self, side: u8, record: u8) -> Result<()> {
        let is_own = side == PERP && self.mode == Mode::Perp as u8 && self.isolated_debt == record;
        if self.mode != Mode::Cross as u8 && !is_own {
            return Err(Error::IsolatedAccount);
        }
        let used = self.position_count as usize + PLACES * (self.extras() + 1);
        if used > MAX_POSITIONS { Err(Error::TooManyPositions) } else { Ok(()) }
    }

    /// Refuses a position in a perp that the account cannot take.
    pub(crate) fn require_room_for_perp(&self, perp: u8) -> Result<()> {
        if self.find_extra(PERP, perp).is_some() { Ok(()) } else { self.require_room(PERP, perp) }
    }

    /// Changes an extra, of a kind and a record; makes one if there is none and there is room, and takes it away once it is empty.
    fn change_extra(&mut self, side: u8, record: u8, change: impl FnOnce(&mut Pair) -> bool) -> Result<()> {
        let n = match self.find_extra(side, record) {
            Some(n) => n,
            None => {
                self.require_room(side, record)?;
                let n = self.extras();
                self.extra_count += 1;
                let at = Self::place(n);
                self.positions[at] = Position { reserve: record, side, ..Position::default() };
                n
            }
        };
        let at = Self::place(n);
        let mut pair = *self.pair(n);
        let is_empty = change(&mut pair);
        self.positions[at..at + PLACES].copy_from_slice(&pair);
        if is_empty {
            let last = Self::place(self.extras() - 1);
            for offset in 0..PLACES {
                self.positions[at + offset] = self.positions[last + offset];
                self.positions[last + offset] = Position::default();
            }
            self.extra_count -= 1;
        }
        Ok(())
    }

    /// Changes its position in a perp, opening it if there is none.
    pub(crate) fn change_perp(&mut self, perp: u8, change: impl FnOnce(&mut PerpPosition)) -> Result<()> {
        self.change_extra(PERP, perp, |pair| {
            let position = cast_mut::<Pair, PerpPosition>(pair);
            change(position);
            position.size == 0 && position.cost == 0
        })
    }

    /// Changes its stake in a pool, opening it if there is none.
    pub(crate) fn change_stake(&mut self, pool: u8, change: impl FnOnce(&mut PoolStake)) -> Result<()> {
        self.change_extra(STAKE, pool, |pair| {
            let stake = cast_mut::<Pair, PoolStake>(pair);
            change(stake);
            stake.shares == Shares::ZERO
        })
    }
}

const NO_PAIR: Pair = [Position { shares: Shares::ZERO, reserve: 0, side: 0, padding: [0; 6] }; PLACES];

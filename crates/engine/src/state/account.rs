//! A margin account: a user's deposits and debts in one market.

use crate::{
    error::{Error, Result},
    number::{
        math::{add_proved, sub_proved},
        units::{Part, Seconds, Shares},
    },
    record::layout::{Address, LAYOUT_VERSION, record},
    state::{
        permission::{Action, State},
        reserve::Reserve,
    },
};

/// Most positions of a margin account.
pub const MAX_POSITIONS: usize = 16;

/// Places of the positions that a perp's position or a stake in a pool takes.
pub const EXTRA_PLACES: usize = 2;

/// What a position is. A position is never both, so no reserve is an account's collateral and debt at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Side {
    /// The account lent tokens to the reserve.
    Deposit = 1,
    /// The account owes tokens to the reserve.
    Debt = 2,
}

/// How an account's positions share risk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Mode {
    /// All collateral backs all debts.
    Cross = 0,
    /// One collateral backs one debt, both fixed at opening, on isolated terms.
    Isolated = 1,
    /// A deposit of the quote token backs one perp, both fixed at opening: `isolated_debt` is the perp's record.
    Perp = 2,
}

/// What an owner may grant a delegate: bits of [`MarginAccount::delegate_rights`].
pub mod rights {
    /// Withdrawing.
    pub const WITHDRAW: u8 = 1;
    /// Borrowing.
    pub const BORROW: u8 = 2;
    /// Paying out to anyone's token account. Without it only to one whose owner is the margin account's.
    pub const ANY_DESTINATION: u8 = 4;
    /// Trading perps, and moving deposits into a pool and out of it.
    pub const TRADE: u8 = 8;
}

record! {
    /// A deposit in or a debt to one reserve.
    pub struct Position: 16 {
        /// Shares of the reserve's deposits or debts, never zero in a used position.
        pub shares: Shares,
        /// Index of the reserve in the market.
        pub reserve: u8,
        /// 1: deposit, 2: debt, 0: unused.
        pub side: u8,
        /// Zero.
        pub padding: [u8; 6],
    }
}

impl Side {
    /// Whether amounts on this side are rounded up: what is owed is, what is owned is not.
    #[inline(always)]
    pub const fn rounds_up(self) -> bool {
        matches!(self, Self::Debt)
    }
}

impl Position {
    /// Which side of the reserve it is on.
    #[inline(always)]
    pub const fn side(&self) -> Side {
        if self.is_debt() { Side::Debt } else { Side::Deposit }
    }

    /// Whether this is a debt.
    #[inline(always)]
    pub const fn is_debt(&self) -> bool {
        self.side == Side::Debt as u8
    }
}

record! {
    /// An order that waits for a price which nobody knew when it was placed.
    pub struct RestingOrder: 32 {
        /// Whole lots to buy; less than zero: to sell; zero: there is no order.
        pub lots: i64,
        /// The worst price of a lot, as of a trade; zero: any.
        pub limit: u64,
        /// The first price that was published then or later fills it, unix seconds.
        pub fills_from: u32,
        /// The least part of a gain that is to be paid.
        pub min_factor: Part,
        /// What who fills it gets, lamports. The account holds them.
        pub tip: u32,
        /// The perp's record.
        pub perp: u8,
        /// 1 if the position may only shrink.
        pub reduce_only: u8,
        /// Zero.
        pub padding: [u8; 2],
    }
}

impl RestingOrder {
    /// Whether there is one.
    #[inline(always)]
    pub fn rests(&self) -> bool {
        self.lots != 0
    }
}

record! {
    /// A user's positions in one market.
    pub struct MarginAccount: 504 {
        /// Layout version.
        pub version: u8,
        /// Bump of the account's address.
        pub bump: u8,
        /// Which of its owner's accounts in the market this is.
        pub id: u16,
        /// Used positions; they come first.
        pub position_count: u8,
        /// How its positions share risk: see [`Mode`].
        pub mode: u8,
        /// Reserve of an isolated account's collateral.
        pub isolated_collateral: u8,
        /// Reserve of an isolated account's debt.
        pub isolated_debt: u8,
        /// The market.
        pub market: Address,
        /// Who may withdraw, borrow, close it and name a delegate.
        pub owner: Address,
        /// Deposits and debts, unordered.
        pub positions: [Position; MAX_POSITIONS],
        /// The risk group that all its debts are in; zero: none, or no debts. Only the owner and the delegate borrow, so nobody
        /// else changes it for worse.
        pub debt_group: u8,
        /// 1 from the beginning of a liquidation whose repayment is to follow until that comes, in one transaction.
        pub in_receivership: u8,
        /// The reserve that it is due to.
        pub due_reserve: u8,
        /// Zero.
        pub padding: [u8; 5],
        /// The repayment, atoms.
        pub due: u64,
        /// Since when the account is known to be liquidatable, unix seconds; zero: not known to be.
        pub liquidatable_since: i64,
        /// When it was last seen to be.
        pub liquidatable_seen: i64,
        /// Who else may act, within [`Self::delegate_rights`]; none if there is nobody.
        pub delegate: Address,
        /// When the delegate's rights end, unix seconds.
        pub delegate_until: i64,
        /// How often [`Self::advance_sequence`] has counted on.
        pub sequence: u64,
        /// What the delegate may do: see [`rights`].
        pub delegate_rights: u8,
        /// Positions in perps and stakes in a pool, each in [`EXTRA_PLACES`], from the last down: see [`crate::state::perp::position`].
        pub extra_count: u8,
        /// Zero.
        pub delegate_padding: [u8; 2],
        /// The part of each of its debts whose loss is reported and not yet settled; none if it has no debts.
        pub doubtful: Part,
        /// The order that rests.
        pub order: RestingOrder,
        /// Zero.
        pub reserved: [u8; 56],
    }
}

/// A place among an account's positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    index: usize,
    /// Whether the position is to be opened there.
    pub is_new: bool,
}

impl MarginAccount {
    /// First eight bytes of a margin account: of the SHA-256 of `account:MarginAccount`.
    pub const DISCRIMINATOR: [u8; 8] = [133, 220, 173, 213, 179, 211, 43, 238];

    /// An account without positions. The caller fills in addresses, id and bump.
    ///
    /// `mode` is that of [`Mode`]; a cross account names no reserves (both zero).
    pub fn open(mode: u8, collateral: u8, debt: u8, reserves: &[Reserve]) -> Result<Self> {
        let account = Self {
            version: LAYOUT_VERSION,
            mode,
            isolated_collateral: collateral,
            isolated_debt: debt,
            ..Self::default()
        };
        const CROSS: u8 = Mode::Cross as u8;
        const ISOLATED: u8 = Mode::Isolated as u8;
        match mode {
            CROSS if collateral == 0 && debt == 0 => Ok(account),
            ISOLATED if collateral != debt => {
                let reserve = |index: u8| reserves.get(index as usize).ok_or(Error::ReserveIndexOutOfRange);
                let (collateral, debt) = (&reserve(collateral)?.config, &reserve(debt)?.config);
                let is_offered = collateral.risk.isolated.maintenance_asset.0 > 0
                    && debt.risk.isolated.is_offered()
                    && debt.borrow_enabled == 1;
                if is_offered { Ok(account) } else { Err(Error::IsolationNotOffered) }
            }
            _ => Err(Error::AccountModeInvalid),
        }
    }

    /// Names a delegate in place of the one before: with rights (see [`rights`]; one of the uses at least) that end
    /// at `until`, unix seconds, later than `now`. The absent address without rights and expiry removes it. The caller has
    /// checked that the owner signs.
    pub fn set_delegate(&mut self, delegate: Address, rights: u8, until: i64, now: i64) -> Result<()> {
        const USES: u8 = rights::WITHDRAW | rights::BORROW | rights::TRADE;
        self.require_idle(Action::SetDelegate)?;
        let is_removal = delegate.is_none() && rights == 0 && until == 0;
        if !is_removal {
            if delegate.is_none() || rights & USES == 0 || rights & !(USES | rights::ANY_DESTINATION) != 0 {
                return Err(Error::DelegateRightsOutOfRange);
            }
            if until <= now {
                return Err(Error::DelegateExpiryInPast);
            }
        }
        (self.delegate, self.delegate_rights, self.delegate_until) = (delegate, rights, until);
        Ok(())
    }

    /// Requires a signer who is not the owner to be the delegate, with a right (zero: any) that has not ended, and `payee`,
    /// who owns the token account paid to, to be the account's owner unless the delegate may pay to anyone.
    #[cold]
    #[inline(never)]
    pub fn require_delegate(&self, signer: &Address, right: u8, payee: &Address, now: i64) -> Result<()> {
        if self.delegate.is_none() || self.delegate != *signer {
            return Err(Error::NotAccountOwner);
        }
        if now >= self.delegate_until {
            return Err(Error::DelegateExpired);
        }
        if self.delegate_rights & right != right {
            return Err(Error::DelegateRightMissing);
        }
        if self.delegate_rights & rights::ANY_DESTINATION == 0 && self.owner != *payee {
            return Err(Error::DestinationNotOwners);
        }
        Ok(())
    }

    /// Requires who opens a position by a deposit to be the owner or the delegate: an account has room for few, and each has to be
    /// priced. Others may add to one.
    #[cold]
    #[inline(never)]
    pub fn require_opener(&self, payer: &Address, now: i64) -> Result<()> {
        let is_allowed = self.owner == *payer || self.require_delegate(payer, 0, &self.owner, now).is_ok();
        if is_allowed { Ok(()) } else { Err(Error::PositionNotOpen) }
    }

    /// Counts the sequence number on if it is the one that the signer, the owner or the delegate, expects. A transaction that
    /// begins with it is applied once, and after the one that expects the number before.
    pub fn advance_sequence(&mut self, signer: &Address, expected: u64, now: i64) -> Result<()> {
        if self.owner != *signer {
            self.require_delegate(signer, 0, &self.owner, now)?;
        }
        self.require_idle(Action::AssertSequence)?;
        if self.sequence != expected {
            return Err(Error::SequenceMismatch);
        }
        // Wraps after 2^64 transactions.
        self.sequence = self.sequence.wrapping_add(1);
        Ok(())
    }

    /// Whether the account may hold a position.
    #[inline(always)]
    fn admits(&self, reserve: u8, side: Side) -> bool {
        let isolated = if side == Side::Debt { self.isolated_debt } else { self.isolated_collateral };
        self.mode == Mode::Cross as u8 || isolated == reserve
    }

    /// Finds the group of its debts again, after one was opened or closed. A reserve's group is fixed while it is in use.
    #[inline(never)]
    pub fn regroup(&mut self, reserves: &[Reserve]) {
        let mut group = None;
        for position in self.positions().iter().filter(|position| position.is_debt()) {
            let of_debt = reserves.get(position.reserve as usize).map_or(0, |reserve| reserve.config.risk.group_id);
            group = Some(if group.is_none_or(|group| group == of_debt) { of_debt } else { 0 });
        }
        self.debt_group = group.unwrap_or(0);
    }

    /// Since when the account counts as liquidatable: from `now` on if it was not seen to be for longer than an hour, since it may
    /// have recovered in between.
    #[inline(always)]
    fn liquidatable_since_at(&self, now: i64) -> i64 {
        const MOST_UNSEEN: Seconds = Seconds(3_600);
        let is_new = self.liquidatable_since == 0 || Seconds::between(self.liquidatable_seen, now) > MOST_UNSEEN;
        if is_new { now } else { self.liquidatable_since }
    }

    /// For how long an account that is liquidatable has been known to be.
    #[inline(always)]
    pub fn liquidatable_for(&self, now: i64) -> Seconds {
        Seconds::between(self.liquidatable_since_at(now), now)
    }

    /// Takes in that the account is liquidatable.
    #[inline(always)]
    pub fn record_liquidatable(&mut self, now: i64) {
        (self.liquidatable_since, self.liquidatable_seen) = (self.liquidatable_since_at(now), now);
    }

    /// Takes in that it is not, or no longer.
    #[inline(always)]
    pub fn clear_liquidatable(&mut self) {
        (self.liquidatable_since, self.liquidatable_seen) = (0, 0);
    }

    /// The used positions.
    #[inline(always)]
    pub fn positions(&self) -> &[Position] {
        &self.positions[..(self.position_count as usize).min(MAX_POSITIONS)]
    }

    /// Whether the account holds nothing.
    pub fn is_empty(&self) -> bool {
        self.position_count == 0 && self.extra_count == 0 && !self.order.rests()
    }

    /// Whether the account owes anything.
    pub fn has_debt(&self) -> bool {
        self.positions().iter().any(Position::is_debt)
    }

    /// The shares held in a reserve and their side.
    pub fn position(&self, reserve: u8) -> Option<&Position> {
        self.positions().iter().find(|position| position.reserve == reserve)
    }

    /// Where the position on one side of a reserve stands.
    #[inline(always)]
    pub fn find(&self, reserve: u8, side: Side) -> Result<usize> {
        let slot = self.positions().iter().position(|position| position.reserve == reserve);
        slot.filter(|slot| self.positions[*slot].side == side as u8).ok_or(Error::PositionNotFound)
    }

    /// The shares held on one side of a reserve.
    pub fn shares(&self, reserve: u8, side: Side) -> Result<Shares> {
        self.find(reserve, side).map(|slot| self.positions[slot].shares)
    }

    /// Where shares on one side of a reserve are to be added: in the position that there is, or in one to be opened.
    #[inline(always)]
    pub fn slot_for(&self, reserve: u8, side: Side) -> Result<Slot> {
        let count = self.position_count as usize;
        if let Some(slot) = self.positions.iter().take(count).position(|position| position.reserve == reserve) {
            let position = &self.positions[slot];
            if position.side != side as u8 {
                return Err(if position.is_debt() { Error::PositionIsDebt } else { Error::PositionIsDeposit });
            }
            return Ok(Slot { index: slot, is_new: false });
        }
        if !self.admits(reserve, side) {
            return Err(Error::IsolatedAccount);
        }
        // An order that rests keeps a place for its position.
        if count + EXTRA_PLACES * (self.extra_count as usize + self.order.rests() as usize) < MAX_POSITIONS {
            Ok(Slot { index: count, is_new: true })
        } else {
            Err(Error::TooManyPositions)
        }
    }

    /// Adds shares where [`Self::slot_for`] says, to a position that has not moved since.
    #[inline(always)]
    pub fn add_at(&mut self, slot: Slot, reserve: u8, side: Side, shares: Shares) {
        let position = &mut self.positions[slot.index];
        if slot.is_new {
            *position = Position { shares, reserve, side: side as u8, padding: [0; 6] };
            self.position_count += 1;
        } else {
            // A part of the reserve's total, which fits.
            position.shares.0 = add_proved(position.shares.0, shares.0);
        }
    }

    /// Adds shares, opening the position if there is none. Returns whether it was opened.
    pub fn add(&mut self, reserve: u8, side: Side, shares: Shares) -> Result<bool> {
        let slot = self.slot_for(reserve, side)?;
        self.add_at(slot, reserve, side, shares);
        Ok(slot.is_new)
    }

    /// Removes shares from the position that [`Self::find`] found, at most what it holds, and closes it when none are
    /// left. Returns whether it did.
    #[inline(always)]
    pub fn remove(&mut self, slot: usize, shares: Shares) -> bool {
        let last = self.positions().len() - 1;
        let position = &mut self.positions[slot];
        // At most what it holds.
        position.shares.0 = sub_proved(position.shares.0, shares.0);
        if position.shares == Shares::ZERO {
            self.positions[slot] = self.positions[last];
            self.positions[last] = Position::default();
            self.position_count -= 1;
            return true;
        }
        false
    }

    /// Refuses what the account's state refuses. Every instruction that changes an account calls it.
    #[inline(always)]
    pub fn require_idle(&self, action: Action) -> Result<()> {
        State::InReceivership.check(action, || self.in_receivership != 0)?;
        State::OrderRests.check(action, || self.order.rests())
    }
}

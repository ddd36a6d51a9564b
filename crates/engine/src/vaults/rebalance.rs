//! Where a vault's tokens go: one move at a time, found from the state alone. Whoever calls chooses nothing.
//!
//! Below the coverage target, or while those in the queue wait for more than is idle, the move is towards what is idle. Else it is
//! the one that earns most: from where a little less costs least to where a little more brings most, and as much as earns most
//! together. Yields are those after the move, and no higher than what was really earned since the last one: a rate of a moment attracts
//! nothing.

use crate::{
    error::{Error, Result},
    number::{
        index::Index,
        math::{div_narrow, mul_div_ceil, mul_div_floor, narrow, saturating_sub, wide},
        units::{Bps, ONE_BPS, Rate, Seconds, Shares},
    },
    state::{
        market::Market,
        permission::Action,
        reserve::Reserve,
        vault::{Allocation, MAX_ALLOCATIONS},
    },
    vaults::Vaults,
};

/// One move of a vault's tokens. `None` is what is idle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Move {
    /// Where the tokens come from.
    pub from: Option<u8>,
    /// Where they go.
    pub to: Option<u8>,
    /// Atoms.
    pub amount: u64,
    /// What it gains in a year, atoms, by the rates after it.
    pub gain: u64,
    /// Shares for whoever called.
    pub reward: Shares,
}

/// Atoms × rate: atoms a second with 64 fractional bits.
type Yield = u128;

/// What is read of a slot.
type Found<'m> = (&'m Market, &'m Reserve);

/// What a move has to know of a slot.
#[derive(Clone, Copy)]
struct Place<'a> {
    reserve: &'a Reserve,
    /// What the vault has there.
    value: u64,
    /// What it could take out.
    takeable: u64,
    /// What it may bring.
    room: u64,
    /// What a deposit really earned since the last move.
    earned: Rate,
}

impl Place<'_> {
    /// What the vault earns there.
    #[inline(never)]
    fn now(&self) -> Yield {
        wide(self.value, self.reserve.deposit_rate_after(0).0)
    }

    /// What it would earn more with more, no better than it did.
    #[inline(never)]
    fn more(&self, amount: u64) -> Yield {
        let rate = self.reserve.deposit_rate_after(amount as i64).min(self.earned);
        wide(self.value + amount, rate.0).saturating_sub(self.now())
    }

    /// What it would earn less with less, no worse than it did.
    #[inline(never)]
    fn less(&self, amount: u64) -> Yield {
        let given_up = wide(amount, self.earned.0);
        let rate = self.reserve.deposit_rate_after((amount as i64).wrapping_neg());
        self.now().saturating_sub(wide(self.value - amount, rate.0)).max(given_up)
    }
}

impl Vaults<'_> {
    /// Finds the move, and books what is the vault's part of it. Its allocations change when the markets do: first the one that the
    /// tokens come from ([`crate::ledger::Ledger::call_back`]), then the other ([`crate::ledger::Ledger::lend_out`]).
    pub fn rebalance<'m>(
        &mut self,
        mut read: impl FnMut(usize, u8) -> Option<(&'m Market, &'m Reserve)>,
    ) -> Result<Move> {
        let mut seen = [None; MAX_ALLOCATIONS];
        for slot in self.vault.open_slots() {
            seen[slot] = read(slot, self.vault.allocations[slot].reserve);
        }
        let mut places = [None; MAX_ALLOCATIONS];
        for (slot, place) in places.iter_mut().enumerate() {
            *place = seen[slot].map(|found| self.place(slot, found, &seen));
        }
        let found = match self.pull(&places) {
            Some(found) => found,
            None => self.best(&places)?,
        };
        self.vault.idle = match (found.from, found.to) {
            (None, _) => self.vault.idle - found.amount,
            (_, None) => self.vault.idle.saturating_add(found.amount),
            _ => self.vault.idle,
        };
        self.vault.shares.0 = self.vault.shares.0.saturating_add(found.reward.0);
        self.vault.rebalanced = self.now;
        for (allocation, place) in self.vault.allocations.iter_mut().zip(&places) {
            if let Some(place) = place {
                (allocation.index, allocation.since) = (place.reserve.deposit_index_at(self.now), self.now);
            }
        }
        Ok(found)
    }

    #[inline(never)]
    fn place<'m>(&self, slot: usize, (market, reserve): Found<'m>, seen: &[Option<Found>]) -> Place<'m> {
        let (allocation, amounts) = (&self.vault.allocations[slot], &self.valuation.allocations[slot]);
        let earned = earned(allocation, reserve.deposit_index_at(self.now), self.now);
        let room = match self.takes_more(slot, market, reserve) {
            true if reserve.config.repay_by != 0 => self.room(slot, reserve).min(self.room_until(reserve, seen)),
            true => self.room(slot, reserve),
            false => 0,
        };
        Place { reserve, value: amounts.exit, takeable: amounts.takeable, room, earned }
    }

    /// Whether anything may be lent to a slot at all: not to what is stopped, in trouble, of an old price, or nearly lent out.
    #[inline(never)]
    fn takes_more(&self, slot: usize, market: &Market, reserve: &Reserve) -> bool {
        let (config, now) = (&self.vault.config, self.now);
        let policy = &config.allocations[slot];
        policy.stopped == 0
            && policy.written_off == 0
            && market.reduce_only == 0
            && market.admit(Action::Deposit, now).is_ok()
            && reserve.admit(Action::Deposit, now).is_ok()
            && reserve.admit(Action::Borrow, now).is_ok()
            && reserve.config.borrow_enabled != 0
            && !reserve.halt.is_on(now)
            && reserve.price.condition(now).is_current()
            && !reserve.utilisation().exceeds(config.max_utilisation)
    }

    /// What may be lent until a reserve's term: what cannot be back by a date is at most what cannot leave before it, times a factor.
    /// Both change at the reserves' dates only to the worse, so these are looked at.
    #[cold]
    #[inline(never)]
    fn room_until(&self, reserve: &Reserve, seen: &[Option<Found>]) -> u64 {
        let dates = || seen.iter().map(|found| found.map_or(0, |(_, reserve)| reserve.config.repay_by as i64));
        let last = reserve.config.repay_by as i64;
        let mut room = u64::MAX;
        for date in dates().filter(|date| (1..=last).contains(date)) {
            let lent = dates().zip(&self.valuation.allocations).filter(|(until, _)| *until >= date);
            let lent = lent.fold(0u64, |sum, (_, amounts)| sum.saturating_add(amounts.exit));
            let locked = self.vault.rungs.iter().filter(|rung| rung.units != 0 && rung.maturity >= date);
            let locked = locked.fold(0u64, |sum, rung| sum.saturating_add(rung.shares.0));
            let locked = part_of(self.vault.worth(Shares(locked), &self.valuation), self.vault.config.maturity_factor);
            room = room.min(saturating_sub(locked, lent));
        }
        room
    }

    /// What the caps leave: the policy's and the reserve's.
    #[inline(never)]
    fn room(&self, slot: usize, reserve: &Reserve) -> u64 {
        let policy = &self.vault.config.allocations[slot];
        let value = self.valuation.allocations[slot].exit;
        let part = part_of(self.vault.base, policy.share_cap);
        let own = saturating_sub(policy.cap.min(part), value);
        // An atom less than fits: what comes in is rounded.
        let listed = saturating_sub(reserve.config.deposit_cap, reserve.deposits().saturating_add(1));
        own.min(listed)
    }

    /// A move towards what is idle, where that is needed.
    #[inline(never)]
    fn pull(&self, places: &[Option<Place>; MAX_ALLOCATIONS]) -> Option<Move> {
        let vault = &*self.vault;
        let coverage = vault.coverage(&self.valuation, self.now);
        let missing = saturating_sub(coverage.needed(vault.config.coverage_target), coverage.liquid);
        let waits = saturating_sub(vault.queued(&self.valuation), vault.idle);
        let slots = || (0u8..).zip(places).filter_map(|(slot, place)| place.map(|place| (slot, place)));
        // Of cash that is counted on in part, what is taken out counts whole.
        let hidden = |slot: u8| {
            let amounts = &self.valuation.allocations[slot as usize];
            amounts.takeable - amounts.liquid
        };
        let rest = ONE_BPS - vault.config.cash_share.0;
        let lift = mul_div_ceil(missing, ONE_BPS as u64, rest.max(1) as u64).unwrap_or(u64::MAX);
        let by_hidden =
            slots().filter(|(slot, _)| missing != 0 && hidden(*slot) != 0).max_by_key(|(slot, _)| hidden(*slot));
        let by_takeable =
            || slots().filter(|(_, place)| waits != 0 && place.takeable != 0).max_by_key(|(_, place)| place.takeable);
        let (slot, place, wanted) = match by_hidden {
            Some((slot, place)) => (slot, place, lift.max(waits)),
            None => by_takeable().map(|(slot, place)| (slot, place, waits))?,
        };
        Some(Move { from: Some(slot), amount: wanted.min(place.takeable), ..Move::default() })
    }

    /// The move that earns most.
    #[inline(never)]
    fn best(&self, places: &[Option<Place>; MAX_ALLOCATIONS]) -> Result<Move> {
        let vault = &*self.vault;
        let since = Seconds::between(vault.rebalanced, self.now);
        if since.0 < vault.config.interval as u64 {
            return Err(Error::RebalanceTooSoon);
        }
        let coverage = vault.coverage(&self.valuation, self.now);
        if !coverage.reaches(vault.config.coverage_target) {
            return Err(Error::NothingToRebalance);
        }
        let step = (self.valuation.exit / 32).max(1);
        let slots = || (0u8..).zip(places).filter_map(|(slot, place)| place.as_ref().map(|place| (slot, place)));
        let brings = |place: &Place| {
            let step = step.min(place.room);
            each(place.more(step), step).unwrap_or(0)
        };
        let costs = |place: &Place| {
            let step = step.min(place.takeable);
            each(place.less(step), step).unwrap_or(u64::MAX)
        };
        let (to, target) = slots().max_by_key(|(_, place)| brings(place)).ok_or(Error::NothingToRebalance)?;
        let kept = part_of(self.valuation.exit, vault.config.idle_buffer).max(vault.queued(&self.valuation));
        let spare = saturating_sub(vault.idle, kept);
        // What is idle earns nothing, so it goes first; it must be worth the trouble.
        let source = if spare >= step || spare >= target.room {
            None
        } else {
            slots().filter(|(slot, _)| *slot != to).min_by_key(|(_, place)| costs(place))
        };
        let (from, most) = match source {
            Some((slot, place)) if place.takeable > spare => (Some((slot, place)), place.takeable),
            _ => (None, spare),
        };
        let most = most.min(target.room).min(self.bearable(to, target, coverage.needed(vault.config.coverage_target)));
        let gain = |amount: u64| match from {
            Some((_, place)) => target.more(amount).saturating_sub(place.less(amount)),
            None => target.more(amount),
        };
        let (amount, gain) = peak(most, gain);
        let a_year = yearly(gain);
        if amount == 0 || a_year == 0 || a_year < part_of(self.valuation.exit, vault.config.min_gain) {
            return Err(Error::NothingToRebalance);
        }
        let reward = part_of(
            mul_div_floor(a_year, vault.config.interval as u64, Rate::YEAR).unwrap_or(0),
            vault.config.reward_share,
        );
        let reward = reward.min(vault.config.reward_cap);
        let reward = vault.shares_for(reward, &self.valuation).unwrap_or(Shares::ZERO);
        Ok(Move { from: from.map(|(slot, _)| slot), to: Some(to), amount, gain: a_year, reward })
    }

    /// The most that may go to a slot for the liquid assets to stay at `needed`: of what is lent, a part of the market's cash counts.
    #[inline(never)]
    fn bearable(&self, slot: u8, place: &Place, needed: u64) -> u64 {
        let share = self.vault.config.cash_share;
        let rest = (ONE_BPS - share.0) as u64;
        if rest == 0 {
            return u64::MAX;
        }
        let counted = part_of(place.reserve.cash, share);
        let liquid = self.valuation.allocations[slot as usize].liquid;
        let spare = saturating_sub(self.valuation.liquid, needed).saturating_add(counted - liquid.min(counted));
        let grown = |spare| mul_div_floor(spare, ONE_BPS as u64, rest).unwrap_or(u64::MAX);
        // As long as the vault's own part is the smaller one, all that comes counts.
        grown(spare).max(grown(saturating_sub(counted, place.takeable)))
    }
}

/// A part of a whole, rounded down; more than 100 % may exceed it.
fn part_of(whole: u64, part: Bps) -> u64 {
    mul_div_floor(whole, part.0 as u64, ONE_BPS as u64).unwrap_or(u64::MAX)
}

/// What each of so many atoms brings of a yield; `None` of none.
fn each(all: Yield, atoms: u64) -> Option<u64> {
    div_narrow(all, atoms).map(|(one, _)| one)
}

/// What a yield comes to in a year, atoms.
fn yearly(gain: Yield) -> u64 {
    // Below 2^104 × 2^-32 × 2^25.
    u64::try_from(((gain >> 32) * Rate::YEAR as u128) >> 32).unwrap_or(u64::MAX)
}

/// What a deposit earned a second since an allocation was looked at.
#[inline(never)]
fn earned(allocation: &Allocation, index: Index, now: i64) -> Rate {
    let (before, after) = (allocation.index.to_bits(), index.to_bits());
    let Seconds(elapsed) = Seconds::between(allocation.since, now);
    if after <= before || before >> 32 == 0 || elapsed == 0 {
        return Rate(0);
    }
    // The growth with 64 fractional bits, below one for any interval that is looked at.
    let growth = narrow(before >> 32).and_then(|whole| div_narrow((after - before) << 32, whole));
    Rate(growth.map_or(u64::MAX, |(growth, _)| growth) / elapsed)
}

/// The amount up to `most` that gains most, and the gain, where more gains more up to it and then less: by halves, and once between.
#[inline(never)]
fn peak(most: u64, gain: impl Fn(u64) -> Yield) -> (u64, Yield) {
    let mut best = (0, 0);
    let mut amount = most;
    for _ in 0..6 {
        let gained = gain(amount);
        if gained > best.1 {
            best = (amount, gained);
        } else if best.0 != 0 {
            break;
        }
        amount /= 2;
    }
    for amount in [best.0 - best.0 / 4, best.0.saturating_add(best.0 / 2).min(most)] {
        let gained = gain(amount);
        if gained > best.1 {
            best = (amount, gained);
        }
    }
    best
}

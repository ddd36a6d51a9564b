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
        units::{ONE_BPS, Rate, Seconds, Shares},
    },
    state::{
        market::Market,
        permission::Action,
        reserve::Reserve,
        vault::{Allocation, Amounts, MAX_ALLOCATIONS},
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
    /// Its deposit index.
    index: Index,
    /// What the vault has there.
    value: u64,
    /// What it could take out.
    takeable: u64,
    /// What it may bring: none below `least`.
    room: u64,
    /// What buys a share there.
    least: u64,
    /// What a deposit really earned a second since the last move.
    earned: Rate,
    /// What it earns now.
    rate: Rate,
}

impl Place<'_> {
    /// What the vault earns there.
    #[inline(never)]
    fn now(&self) -> Yield {
        wide(self.value, self.rate.0)
    }

    /// What it would earn more with more, at the rates that it really earned, if those of the moment are higher.
    #[inline(never)]
    fn more(&self, amount: u64) -> Yield {
        let Rate(after) = self.reserve.deposit_rate_after(amount as i64);
        let excess = saturating_sub(self.rate.0, self.earned.0);
        // Both are parts of the assets.
        wide(self.value + amount, after).saturating_sub(self.now()).saturating_sub(wide(amount, excess))
    }

    /// What it would earn less with less, where what is left earns more: at the rates that it really earned, if those of the moment
    /// are lower. Where they are much higher, leaving costs all that was earned: how much the rest would gain is not known then.
    #[inline(never)]
    fn less(&self, amount: u64) -> Yield {
        let Rate(after) = self.reserve.deposit_rate_after((amount as i64).wrapping_neg());
        let lost = self.now().saturating_sub(wide(self.value - amount, after));
        let (earned, now) = (self.earned.0, self.rate.0);
        if now > earned.saturating_add(earned / 8) {
            return lost.max(wide(amount, earned));
        }
        lost.saturating_add(wide(amount, saturating_sub(earned, now))).max(wide(amount, earned / 2))
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
        let mut found = match self.pull(&places) {
            Some(found) => found,
            None => self.best(&places)?,
        };
        self.vault.idle = match (found.from, found.to) {
            (None, _) => self.vault.idle - found.amount,
            (_, None) => self.vault.idle.saturating_add(found.amount),
            _ => self.vault.idle,
        };
        if found.to.is_none() {
            // The interval goes on: or a little that is pulled back would hold off every other move, and what was earned would be
            // what is earned in a moment.
            if found.from.is_some_and(|slot| self.vault.is_written_off(slot as usize)) {
                self.vault.locked = self.vault.locked.saturating_add(found.amount);
            }
            return Ok(found);
        }
        found.reward = self.vault.issue(found.reward);
        self.vault.rebalanced = self.now;
        for (allocation, place) in self.vault.allocations.iter_mut().zip(&places) {
            if let Some(place) = place {
                (allocation.index, allocation.since) = (place.index, self.now);
            }
        }
        Ok(found)
    }

    #[inline(never)]
    fn place<'m>(&self, slot: usize, (market, reserve): Found<'m>, seen: &[Option<Found>]) -> Place<'m> {
        let (allocation, amounts) = (&self.vault.allocations[slot], &self.valuation.allocations[slot]);
        // What its shares are worth, if there are any and nothing is reported lost.
        let is_known = allocation.shares != Shares::ZERO && reserve.doubtful == Shares::ZERO;
        let index = if is_known { amounts.index } else { reserve.deposit_index_at(self.now) };
        let earned = earned(allocation, index, self.now);
        let room = match self.takes_more(slot, market, reserve, index) {
            true if reserve.config.repay_by != 0 => self.room(slot, reserve, index).min(self.room_until(reserve, seen)),
            true => self.room(slot, reserve, index),
            false => 0,
        };
        let least = index.ceil();
        let room = if room < least { 0 } else { room };
        let rate = if room | amounts.takeable == 0 { Rate(0) } else { reserve.deposit_rate() };
        Place { reserve, index, value: amounts.exit, takeable: amounts.takeable, room, least, earned, rate }
    }

    /// Whether anything may be lent to a slot at all: not to what is stopped, in trouble, of an old price, nearly lent out, or new: what
    /// it earned in less than an interval was earned in a moment.
    #[inline(never)]
    fn takes_more(&self, slot: usize, market: &Market, reserve: &Reserve, index: Index) -> bool {
        let (config, now) = (&self.vault.config, self.now);
        let policy = &config.allocations[slot];
        let admits = |action| market.admit(action, now).is_ok() && reserve.admit(action, now).is_ok();
        policy.stopped == 0
            && policy.written_off == 0
            && market.reduce_only == 0
            && Seconds::between(self.vault.allocations[slot].since, now).0 >= config.interval as u64
            && admits(Action::Deposit)
            && admits(Action::Withdraw)
            && admits(Action::Borrow)
            // Most of it was lost once: its shares might be more than can be counted.
            && index.to_bits() >> 63 != 0
            // Part of it is reported lost.
            && reserve.doubtful == Shares::ZERO
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
        if self.valuation.unreadable != 0 {
            return 0;
        }
        let mut room = u64::MAX;
        for date in dates().filter(|date| (1..=last).contains(date)) {
            let lent = dates().zip(&self.valuation.allocations).filter(|(until, _)| *until >= date);
            let lent = lent.fold(0u64, |sum, (_, amounts)| sum.saturating_add(amounts.exit));
            let locked = self.vault.rungs.iter().filter(|rung| rung.units != 0 && rung.maturity >= date);
            let locked = locked.fold(0u64, |sum, rung| sum.saturating_add(rung.shares.0));
            let locked = self.vault.config.maturity_factor.of_floor(self.vault.worth(Shares(locked), &self.valuation));
            room = room.min(saturating_sub(locked, lent));
        }
        room
    }

    /// What the caps leave: the policy's and the reserve's.
    #[inline(never)]
    fn room(&self, slot: usize, reserve: &Reserve, index: Index) -> u64 {
        let policy = &self.vault.config.allocations[slot];
        let value = self.valuation.allocations[slot].entry;
        let part = policy.share_cap.of_floor(self.vault.base);
        let own = saturating_sub(policy.cap.min(part), value);
        // An atom less than fits: what comes in is rounded.
        let deposits = index.amount_ceil(reserve.deposit_shares).saturating_add(1);
        let listed = saturating_sub(reserve.config.deposit_cap, deposits);
        own.min(listed)
    }

    /// A move towards what is idle, where that is needed.
    #[inline(never)]
    fn pull(&self, places: &[Option<Place>; MAX_ALLOCATIONS]) -> Option<Move> {
        let vault = &*self.vault;
        // Nor does what came in this second ask for anything yet.
        let coverage = vault.coverage_without(vault.came, &self.valuation, self.now);
        let needed = coverage.needed(vault.config.coverage_target);
        let missing = saturating_sub(needed, coverage.liquid);
        // A thousandth is not worth a move, here and below: each second's interest takes an atom of it.
        let missing = if missing > needed >> 10 { missing } else { 0 };
        let queued = vault.queued(&self.valuation);
        let waits = saturating_sub(queued, vault.idle);
        let waits = if waits > queued >> 10 { waits } else { 0 };
        let slots = || (0u8..).zip(places).filter_map(|(slot, place)| place.as_ref().map(|place| (slot, place)));
        let is_lost = |slot: u8| vault.is_written_off(slot as usize);
        // What comes back of what was lost.
        let found = slots().find(|(slot, place)| is_lost(*slot) && place.takeable != 0);
        if let Some((slot, place)) = found {
            return Some(Move { from: Some(slot), amount: place.takeable, ..Move::default() });
        }
        let rest = (ONE_BPS - vault.config.cash_share.0).max(1) as u64;
        let whole = |part| mul_div_ceil(part, ONE_BPS as u64, rest).unwrap_or(u64::MAX);
        // Of cash that is counted on in part, what is taken out counts whole, until all the vault's own is counted on.
        let hidden = |slot: u8| {
            let amounts = &self.valuation.allocations[slot as usize];
            amounts.takeable - amounts.liquid
        };
        let by_hidden = || slots().filter(|(slot, _)| hidden(*slot) != 0).max_by_key(|(slot, _)| hidden(*slot));
        let by_takeable = || slots().filter(|(_, place)| place.takeable != 0).max_by_key(|(_, place)| place.takeable);
        let missing = if missing == 0 { 0 } else { saturating_sub(missing, self.out_for_a_moment(places)) };
        let found = if missing == 0 { None } else { by_hidden() };
        let (slot, place, wanted) = match found {
            Some((slot, place)) => (slot, place, whole(missing.min(hidden(slot))).max(waits)),
            None if waits == 0 => return None,
            None => by_takeable().map(|(slot, place)| (slot, place, waits))?,
        };
        Some(Move { from: Some(slot), amount: wanted.min(place.takeable), ..Move::default() })
    }

    /// Liquid assets that are not counted on because the market's cash came or went since this second began: it may be back at its end,
    /// and nobody is to move a vault with capital of an instant.
    #[cold]
    #[inline(never)]
    fn out_for_a_moment(&self, places: &[Option<Place>; MAX_ALLOCATIONS]) -> u64 {
        let share = self.vault.config.cash_share;
        let of = |(place, amounts): (&Option<Place>, &Amounts)| {
            let reserve = place.as_ref().map(|place| place.reserve).filter(|reserve| reserve.last_accrual == self.now);
            let cash = reserve.map_or(0, |reserve| share.of_floor(reserve.cash.max(reserve.standing_cash)));
            saturating_sub(cash.min(amounts.exit), amounts.liquid)
        };
        places.iter().zip(&self.valuation.allocations).map(of).fold(0, u64::saturating_add)
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
        let needed = coverage.needed(vault.config.coverage_target);
        if coverage.liquid < needed {
            return Err(Error::NothingToRebalance);
        }
        let step = (self.valuation.exit / 32).max(1);
        let slots = || (0u8..).zip(places).filter_map(|(slot, place)| place.as_ref().map(|place| (slot, place)));
        let (to, target, room) =
            self.target(places, step, coverage.liquid - needed).ok_or(Error::NothingToRebalance)?;
        let step = step.min(room);
        let brings = target.more(step);
        // What is idle earns nothing, so it goes first; it must be worth the trouble. What came in this second may leave again.
        let kept = vault.config.idle_buffer.of_floor(self.valuation.exit).max(vault.queued(&self.valuation));
        let spare = saturating_sub(saturating_sub(vault.idle, vault.came), kept);
        let gains = |place: &Place| {
            let (step, brings) = match place.takeable {
                takeable if takeable < step => (takeable, target.more(takeable)),
                _ => (step, brings),
            };
            brings.saturating_sub(place.less(step))
        };
        let source = if spare >= step {
            None
        } else {
            let others = slots().filter(|(slot, place)| *slot != to && place.takeable != 0);
            others.map(|(slot, place)| (slot, place, gains(place))).max_by_key(|(_, _, gain)| *gain)
        };
        let from = source.filter(|(_, _, gain)| *gain > target.more(spare.min(step)));
        let most = from.map_or(spare, |(_, place, _)| place.takeable).min(room);
        let gain = |amount: u64| match from {
            Some((_, place, _)) => target.more(amount).saturating_sub(place.less(amount)),
            None => target.more(amount),
        };
        let (amount, gain) = peak(most, gain);
        let a_year = yearly(gain);
        if amount < target.least || a_year == 0 || a_year < vault.config.min_gain.of_floor(self.valuation.exit) {
            return Err(Error::NothingToRebalance);
        }
        let of_interval = mul_div_floor(a_year, vault.config.interval as u64, Rate::YEAR).unwrap_or(0);
        let reward = vault.config.reward_share.of_floor(of_interval);
        let reward = reward.min(vault.config.reward_cap);
        let reward = vault.shares_for(reward, &self.valuation).unwrap_or(Shares::ZERO);
        Ok(Move { from: from.map(|(slot, ..)| slot), to: Some(to), amount, gain: a_year, reward })
    }

    /// Where a step, or what there is room for, brings most, and the room there: of its own, and for liquid assets to stay at the
    /// target, above which `spare` of them are.
    #[inline(never)]
    fn target<'m, 'p>(
        &self,
        places: &'p [Option<Place<'m>>; MAX_ALLOCATIONS],
        step: u64,
        spare: u64,
    ) -> Option<(u8, &'p Place<'m>, u64)> {
        let mut rooms = places.each_ref().map(|place| place.map_or(0, |place| place.room));
        let brings = |slot: usize, room: u64| match &places[slot] {
            Some(place) if room != 0 => place.more(step.min(room)),
            _ => 0,
        };
        let mut all = core::array::from_fn::<_, MAX_ALLOCATIONS, _>(|slot| brings(slot, rooms[slot]));
        // Each slot's room is cut once at most.
        for _ in 0..=MAX_ALLOCATIONS {
            let (slot, most) = (0..).zip(all).max_by_key(|(_, most)| *most)?;
            let place = places[slot].as_ref().filter(|_| most != 0)?;
            let room = rooms[slot].min(self.bearable(slot as u8, place, spare));
            if room >= step.min(rooms[slot]) {
                return Some((slot as u8, place, room));
            }
            (rooms[slot], all[slot]) = (room, brings(slot, room));
        }
        None
    }

    /// The most that may go to a slot if `spare` liquid assets may be lost by it: of what is lent, a part of the market's cash counts.
    #[inline(never)]
    fn bearable(&self, slot: u8, place: &Place, spare: u64) -> u64 {
        let share = self.vault.config.cash_share;
        let rest = (ONE_BPS - share.0) as u64;
        if rest == 0 {
            return u64::MAX;
        }
        let counted = share.of_floor(place.reserve.steady_cash(self.now));
        let liquid = self.valuation.allocations[slot as usize].liquid;
        let spare = spare.saturating_add(saturating_sub(counted, liquid));
        let grown = |spare| mul_div_floor(spare, ONE_BPS as u64, rest).unwrap_or(u64::MAX);
        // As long as the vault's own part is the smaller one, all that comes counts.
        grown(spare).max(grown(saturating_sub(counted, place.takeable)))
    }
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

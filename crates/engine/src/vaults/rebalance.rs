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
        math::{div_narrow, mul_div_ceil, mul_div_floor, narrow, saturating_sub},
        units::{ONE_BPS, Rate, Seconds, Shares},
    },
    state::{
        market::Market,
        permission::Action,
        reserve::Reserve,
        vault::{Allocation, Amounts, Coverage, Listing, MAX_ALLOCATIONS, Vault},
    },
    vaults::{
        Vaults,
        place::{Place, Yield},
        spread::{self, Flow, Yields},
    },
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

/// What is read of a slot.
type Found<'m> = (&'m Market, &'m Reserve);

/// What is read of all of them.
pub(super) type Seen<'m> = [Option<Found<'m>>; MAX_ALLOCATIONS];

impl Vault {
    /// The reserves that it lends to, by slot, each with its market. A pool is none: only the curator moves what is there.
    pub(super) fn lent_to<'m>(&self, mut read: impl FnMut(usize) -> Option<Listing<'m>>) -> Seen<'m> {
        let mut seen = [None; MAX_ALLOCATIONS];
        for slot in self.open_slots() {
            seen[slot] = read(slot).and_then(|(market, records)| {
                let reserve = records.get(self.allocations[slot].reserve as usize)?;
                reserve.is_reserve().then_some((market, reserve))
            });
        }
        seen
    }
}

impl Vaults<'_> {
    /// Finds the move, and books what is the vault's part of it. Its allocations change when the markets do: first the one that the
    /// tokens come from ([`crate::ledger::Ledger::call_back`]), then the other ([`crate::ledger::Ledger::lend_out`]).
    pub fn rebalance<'m>(&mut self, read: impl FnMut(usize) -> Option<Listing<'m>>) -> Result<Move> {
        let seen = self.vault.lent_to(read);
        // What came in this second asks for nothing yet.
        let without = self.vault.coverage_without(self.vault.came, &self.valuation, self.now);
        let queued = if self.vault.queue.shares == Shares::ZERO { 0 } else { self.vault.queued(&self.valuation) };
        let mut places = [None; MAX_ALLOCATIONS];
        let mut found = match self.pull(&without, queued, &seen) {
            Some(found) => found,
            None => self.best(without, queued, &seen, &mut places)?,
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
    fn place<'m>(&self, slot: usize, (market, reserve): Found<'m>, seen: &Seen, into: &mut Option<Place<'m>>) {
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
        let room = if room < index.ceil() { 0 } else { room };
        let rate = if room | amounts.takeable == 0 { Rate(0) } else { reserve.deposit_rate() };
        *into = Some(Place { reserve, index, value: amounts.exit, takeable: amounts.takeable, room, earned, rate });
    }

    /// Whether anything may be lent to a slot at all: not to what is stopped, in trouble, of an old price, or new: what
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
    }

    /// What may be lent until a reserve's term: what cannot be back by a date is at most what cannot leave before it, times a factor.
    /// Both change at the reserves' dates only to the worse, so these are looked at.
    #[cold]
    #[inline(never)]
    fn room_until(&self, reserve: &Reserve, seen: &Seen) -> u64 {
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

    /// What is missing of liquid assets to the coverage target, and of what is idle to what the queue waits for.
    #[inline(always)]
    pub(super) fn short_of(&self, coverage: &Coverage, queued: u64) -> (u64, u64) {
        let needed = coverage.needed(self.vault.config.coverage_target);
        let missing = saturating_sub(needed, coverage.liquid);
        let waits = saturating_sub(queued, self.vault.idle);
        // A thousandth is not worth a move: each second's interest takes an atom of it.
        (if missing > needed >> 10 { missing } else { 0 }, if waits > queued >> 10 { waits } else { 0 })
    }

    /// A move towards what is idle, where that is needed.
    #[inline(never)]
    fn pull(&self, coverage: &Coverage, queued: u64, seen: &Seen) -> Option<Move> {
        let vault = &*self.vault;
        let (missing, waits) = self.short_of(coverage, queued);
        // Of what cannot be read, nothing can be taken.
        let slots = || (0u8..).zip(&self.valuation.allocations);
        // What comes back of what was lost.
        let found = slots().find(|(slot, amounts)| amounts.takeable != 0 && vault.is_written_off(*slot as usize));
        if let Some((slot, amounts)) = found {
            return Some(Move { from: Some(slot), amount: amounts.takeable, ..Move::default() });
        }
        if missing | waits == 0 {
            return None;
        }
        let rest = (ONE_BPS - vault.config.cash_share.0).max(1) as u64;
        let whole = |part| mul_div_ceil(part, ONE_BPS as u64, rest).unwrap_or(u64::MAX);
        // Of cash that is counted on in part, what is taken out counts whole, until all the vault's own is counted on.
        let hidden = |amounts: &Amounts| amounts.takeable - amounts.liquid;
        let by_hidden =
            || slots().filter(|(_, amounts)| hidden(amounts) != 0).max_by_key(|(_, amounts)| hidden(amounts));
        let by_takeable =
            || slots().filter(|(_, amounts)| amounts.takeable != 0).max_by_key(|(_, amounts)| amounts.takeable);
        let missing = if missing == 0 { 0 } else { saturating_sub(missing, self.out_for_a_moment(seen)) };
        let found = if missing == 0 { None } else { by_hidden() };
        let (slot, amounts, wanted) = match found {
            Some((slot, amounts)) => (slot, amounts, whole(missing.min(hidden(amounts))).max(waits)),
            None if waits == 0 => return None,
            None => by_takeable().map(|(slot, amounts)| (slot, amounts, waits))?,
        };
        Some(Move { from: Some(slot), amount: wanted.min(amounts.takeable), ..Move::default() })
    }

    /// Liquid assets that are not counted on because the market's cash came or went since this second began: it may be back at its end,
    /// and nobody is to move a vault with capital of an instant.
    #[cold]
    #[inline(never)]
    fn out_for_a_moment(&self, seen: &Seen) -> u64 {
        let share = self.vault.config.cash_share;
        let of = |(found, amounts): (&Option<Found>, &Amounts)| {
            let reserve = found.map(|(_, reserve)| reserve).filter(|reserve| reserve.last_accrual == self.now);
            let cash = reserve.map_or(0, |reserve| share.of_floor(reserve.cash.max(reserve.standing_cash)));
            saturating_sub(cash.min(amounts.exit), amounts.liquid)
        };
        seen.iter().zip(&self.valuation.allocations).map(of).fold(0, u64::saturating_add)
    }

    /// The move that earns most.
    #[inline(never)]
    fn best<'m>(
        &self,
        without: Coverage,
        queued: u64,
        seen: &Seen<'m>,
        places: &mut [Option<Place<'m>>; MAX_ALLOCATIONS],
    ) -> Result<Move> {
        let vault = &*self.vault;
        let since = Seconds::between(vault.rebalanced, self.now);
        if since.0 < vault.config.interval as u64 {
            return Err(Error::RebalanceTooSoon);
        }
        let coverage = if vault.came == 0 { without } else { vault.coverage(&self.valuation, self.now) };
        let needed = coverage.needed(vault.config.coverage_target);
        if coverage.liquid < needed {
            return Err(Error::NothingToRebalance);
        }
        // What is idle must be worth the trouble, and what came in this second may leave again.
        let kept = vault.config.idle_buffer.of_floor(self.valuation.exit).max(queued);
        let spare = saturating_sub(saturating_sub(vault.idle, vault.came), kept);
        let takeable = self.valuation.allocations.iter().map(|amounts| amounts.takeable);
        let most = takeable.fold(spare, u64::max);
        let (shift, unneeded) = (spread::shift_for(most), coverage.liquid - needed);
        let mut yields = [Yields::default(); MAX_ALLOCATIONS];
        for slot in 0..MAX_ALLOCATIONS {
            let Some(found) = seen[slot] else { continue };
            self.place(slot, found, seen, &mut places[slot]);
            let Some(place) = &places[slot] else { continue };
            let mut room = place.room.min(most);
            if room > unneeded {
                room = room.min(self.bearable(slot, place, unneeded));
            }
            yields[slot].of(place, room, shift, vault.config.max_utilisation);
        }
        let places = &*places;
        let Flow { from, to, amount } = spread::flow(&yields, spare, shift).ok_or(Error::NothingToRebalance)?;
        let at = |slot: u8| places[slot as usize].as_ref().ok_or(Error::NothingToRebalance);
        let target = at(to)?;
        let gain = target.more(amount).saturating_sub(match from {
            Some(from) => at(from)?.less(amount),
            None => 0,
        });
        let a_year = yearly(gain);
        if amount < target.index.ceil() || a_year == 0 || a_year < vault.config.min_gain.of_floor(self.valuation.exit) {
            return Err(Error::NothingToRebalance);
        }
        let of_interval = mul_div_floor(a_year, vault.config.interval as u64, Rate::YEAR).unwrap_or(0);
        let reward = vault.config.reward_share.of_floor(of_interval);
        let reward = reward.min(vault.config.reward_cap);
        let reward = vault.shares_for(reward, &self.valuation).unwrap_or(Shares::ZERO);
        Ok(Move { from, to: Some(to), amount, gain: a_year, reward })
    }

    /// The most that may go to a slot if `spare` liquid assets may be lost by it: of what is lent, a part of the market's cash counts.
    #[inline(never)]
    fn bearable(&self, slot: usize, place: &Place, spare: u64) -> u64 {
        let share = self.vault.config.cash_share;
        let rest = (ONE_BPS - share.0) as u64;
        if rest == 0 {
            return u64::MAX;
        }
        let counted = share.of_floor(place.reserve.steady_cash(self.now));
        let liquid = self.valuation.allocations[slot].liquid;
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
    // Less than one with 64 fractional bits, for any interval that is looked at.
    let (growth, whole) = (after - before, before >> 32);
    let growth = if growth >> 64 == 0 && whole >> 48 == 0 {
        quotient_by_digits(growth as u64, whole as u64)
    } else {
        narrow(whole).and_then(|whole| div_narrow(growth << 32, whole)).map_or(u64::MAX, |(growth, _)| growth)
    };
    Rate(growth / elapsed)
}

/// `n × 2^32 ÷ d` for a `d` below 2^48, at most 2^64 − 1: in a digit of 32 bits and two of 16.
#[inline(always)]
fn quotient_by_digits(n: u64, d: u64) -> u64 {
    let (first, rest) = (n / d, n % d);
    if first >> 32 != 0 {
        return u64::MAX;
    }
    let (second, rest) = ((rest << 16) / d, (rest << 16) % d);
    (first << 32) | (second << 16) | ((rest << 16) / d)
}

//! What a vault's shares are worth, and what they cost.
//!
//! Two values: who enters pays the one without, who leaves gets the one with the deduction of losses that are reported and not yet
//! settled. Every conversion is rounded against the person acting.

use crate::{
    error::{Error, Result},
    number::{
        index::Index,
        math::{add_proved, mul_div_ceil, mul_div_floor, saturating_sub},
        units::{ONE_BPS, Rate, Shares},
    },
    price::policy::Use,
    state::{
        market::Market,
        perp::shares::ShareValues,
        reserve::Reserve,
        vault::{Allocation, Coverage, MAX_ALLOCATIONS, Vault},
    },
};

/// A market as it is read for a vault: with all its records.
pub type Listing<'m> = (&'m Market, &'m [Reserve]);

/// What one allocation comes to at a moment, atoms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// What it counts for who enters.
    pub entry: u64,
    /// What it counts for who leaves: less what is reported lost.
    pub exit: u64,
    /// What could be taken out now.
    pub takeable: u64,
    /// The part of that which this vault counts on.
    pub liquid: u64,
    /// Atoms per share when they are taken out.
    pub index: Index,
}

impl Amounts {
    /// Becomes what an allocation is in a market that lists its token at this reserve, from nothing.
    #[inline(never)]
    fn read(
        &mut self,
        allocation: &Allocation,
        market: &Market,
        reserve: &Reserve,
        vault: &Vault,
        now: i64,
        is_to_pay: bool,
    ) {
        let shares = allocation.shares;
        if shares == Shares::ZERO {
            return;
        }
        let index = reserve.deposit_index_at(now);
        self.entry = index.amount_floor(shares);
        let is_whole = reserve.doubtful == Shares::ZERO;
        self.index = if is_whole { index } else { reserve.exit_index_at(now) };
        self.exit = if is_whole { self.entry } else { self.index.amount_floor(shares) };
        if is_to_pay {
            self.takeable = market.takeable(reserve, now, self.exit);
            let counted = vault.config.cash_share.of_floor(reserve.steady_cash(now));
            self.liquid = if self.takeable < counted { self.takeable } else { counted };
        }
    }

    /// The same of a pool: its high value counts for who enters, its low one for who leaves. Nothing of it can be taken at once. Fails
    /// where prices that value it are too old to enter, or to leave, by.
    #[cold]
    #[inline(never)]
    fn read_pool(&mut self, allocation: &Allocation, records: &[Reserve], now: i64, is_to_pay: bool) -> Result<()> {
        if allocation.shares == Shares::ZERO {
            return Ok(());
        }
        let used = if is_to_pay { Use::PoolExit } else { Use::PoolEntry };
        let values = ShareValues::at(records, allocation.reserve, used, now)?;
        (self.entry, self.exit) = (values.entry(allocation.shares), values.exit(allocation.shares));
        Ok(())
    }
}

/// What a vault has at a moment, from its books and its markets, atoms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Valuation {
    /// Each allocation.
    pub allocations: [Amounts; MAX_ALLOCATIONS],
    /// Slots whose market could not be read, or whose pool's prices are too old, unless they are written off: they count for nothing.
    pub unreadable: u8,
    /// All that is the sharers', for who enters.
    pub entry: u64,
    /// The same for who leaves.
    pub exit: u64,
    /// What could be paid now.
    pub takeable: u64,
    /// What is counted on to be payable now.
    pub liquid: u64,
}

impl Valuation {
    /// Of a vault whose market in each slot is read by `read`: `None` if it cannot be. Only open allocations are asked for. What could
    /// be paid is counted only if something is to be.
    #[inline(always)]
    pub fn new<'a>(
        vault: &Vault,
        now: i64,
        is_to_pay: bool,
        mut read: impl FnMut(usize) -> Option<Listing<'a>>,
    ) -> Self {
        let mut valuation = Self::default();
        for slot in vault.open_slots() {
            let (allocation, amounts) = (&vault.allocations[slot], &mut valuation.allocations[slot]);
            let found = read(slot).and_then(|(market, records)| {
                let reserve = records.get(allocation.reserve as usize)?;
                if reserve.is_reserve() {
                    amounts.read(allocation, market, reserve, vault, now, is_to_pay);
                    return Some(());
                }
                amounts.read_pool(allocation, records, now, is_to_pay).ok()
            });
            if found.is_none() && !vault.is_written_off(slot) {
                valuation.unreadable |= 1 << slot;
            }
        }
        valuation.sum(vault);
        valuation
    }

    /// Adds up the allocations, and what is idle.
    #[inline(never)]
    pub fn sum(&mut self, vault: &Vault) {
        let idle = vault.idle;
        (self.entry, self.exit, self.takeable, self.liquid) = (idle, idle, idle, idle);
        // What counts for who enters is the most of all.
        let are_short = self.allocations.iter().fold(idle, |bits, amounts| bits | amounts.entry) >> 60 == 0;
        for (amounts, policy) in self.allocations.iter().zip(&vault.config.allocations) {
            // What counts for nothing pays for nothing: who leaves by it would make the rest worth more at once.
            if policy.written_off != 0 {
                continue;
            }
            if are_short {
                self.takeable = add_proved(self.takeable, amounts.takeable);
                self.liquid = add_proved(self.liquid, amounts.liquid);
                self.entry = add_proved(self.entry, amounts.entry);
                self.exit = add_proved(self.exit, amounts.exit);
            } else {
                self.takeable = self.takeable.saturating_add(amounts.takeable);
                self.liquid = self.liquid.saturating_add(amounts.liquid);
                self.entry = self.entry.saturating_add(amounts.entry);
                self.exit = self.exit.saturating_add(amounts.exit);
            }
        }
        self.entry = saturating_sub(self.entry, vault.locked);
        self.exit = saturating_sub(self.exit, vault.locked);
    }
}

impl Vault {
    /// First eight bytes of a vault's account: of the SHA-256 of `account:Vault`.
    pub const DISCRIMINATOR: [u8; 8] = [211, 8, 232, 43, 2, 152, 117, 119];
    /// Shares, and atoms, that the creator gives and nobody gets back: a share stays a share, whoever comes first.
    pub const SEED: u64 = 1_000;
    /// Atoms of a gain below which it waits for more before it is shared out.
    const SMALL_GAIN: u64 = 10_000;
    /// Seconds after which assets count in full where caps are parts of them.
    const SETTLES: u64 = 3_600;

    /// Slots with an open allocation.
    pub fn open_slots(&self) -> impl Iterator<Item = usize> + use<> {
        let mut open = 0u8;
        for (slot, allocation) in self.allocations.iter().enumerate() {
            open |= (allocation.is_open & 1) << slot;
        }
        (0..MAX_ALLOCATIONS).filter(move |slot| open >> slot & 1 != 0)
    }

    /// Whether an allocation counts for nothing.
    pub(crate) fn is_written_off(&self, slot: usize) -> bool {
        self.config.allocations[slot].written_off != 0
    }

    /// Makes as many of some shares as fit beside those there are.
    pub(crate) fn issue(&mut self, Shares(shares): Shares) -> Shares {
        let shares = shares.min(u64::MAX - self.shares.0);
        self.shares.0 += shares;
        Shares(shares)
    }

    /// Accounts for the time since it was touched last: fees, the larger part of terms, what exit fees have become the sharers', what
    /// was seen, and what caps are parts of. Every action begins with it.
    #[inline(never)]
    pub(crate) fn accrue(&mut self, valuation: &mut Valuation, now: i64) {
        if now > self.updated {
            let elapsed = now.abs_diff(self.updated);
            (self.updated, self.came) = (now, 0);
            self.runoff.fade(elapsed);
            let unlock = self.config.unlock as u64;
            let left = mul_div_floor(self.locked, saturating_sub(unlock, elapsed), unlock).unwrap_or(0);
            let freed = self.locked - left;
            self.locked = left;
            if valuation.exit == 0 {
                // After a loss more may be locked than there is.
                valuation.sum(self);
            } else {
                // Parts of what there is.
                (valuation.entry, valuation.exit) = (valuation.entry + freed, valuation.exit + freed);
            }
            self.take_fees(valuation.exit, elapsed, now);
            // At most all of it, an hour on.
            let rise = mul_div_floor(valuation.exit, elapsed.min(Self::SETTLES), Self::SETTLES).unwrap_or(0);
            self.base = self.base.saturating_add(rise);
        }
        self.base = self.base.min(valuation.exit);
    }

    /// Gives the fee collector shares for the time that has passed, and for what each share gained above its mark; and terms their
    /// larger part of the rest of that.
    #[inline(never)]
    fn take_fees(&mut self, assets: u64, elapsed: u64, now: i64) {
        // Of a year at most, and below a twentieth of the assets.
        let management = self.config.management_fee.0 as u64 * elapsed.min(Rate::YEAR);
        let management = mul_div_floor(assets, management, ONE_BPS as u64 * Rate::YEAR).unwrap_or(0);
        let mark = self.high_water.amount_ceil_saturating(self.shares);
        let gain = saturating_sub(assets - management, mark);
        // Rounding would take much of what a second earns: a hundredth of a percent that is few atoms waits for more.
        let gain = if gain < Self::SMALL_GAIN.min(assets / ONE_BPS as u64) { 0 } else { gain };
        let performance = self.config.performance_fee.of_floor(gain);
        let fee = management + performance;
        // Half of the gain and a twentieth of the assets at most: something is left.
        let rest = assets - fee;
        if gain != 0 {
            self.reward_terms(gain - performance, rest, now);
        }
        let shares = self.issue(Shares(mul_div_floor(fee, self.shares.0, rest).unwrap_or(0)));
        // A part of all.
        self.fee_shares.0 += shares.0;
        if gain != 0 {
            self.high_water = Index::quotient_ceil(assets, self.shares);
        }
    }

    /// Shares for a deposit, rounded down.
    #[inline(never)]
    pub fn shares_for(&self, amount: u64, valuation: &Valuation) -> Result<Shares> {
        if valuation.entry == 0 {
            return Err(Error::VaultWorthless);
        }
        match mul_div_floor(amount, self.shares.0, valuation.entry) {
            Some(0) => Err(Error::AmountTooSmall),
            shares => shares.map(Shares).ok_or(Error::AmountTooLarge),
        }
    }

    /// What so many new shares cost, rounded up.
    #[inline(never)]
    pub fn cost_of(&self, shares: Shares, valuation: &Valuation) -> Result<u64> {
        if valuation.entry == 0 {
            return Err(Error::VaultWorthless);
        }
        mul_div_ceil(shares.0, valuation.entry, self.shares.0).ok_or(Error::AmountTooLarge)
    }

    /// What shares are worth to who leaves, before the exit fee, rounded down.
    #[inline(never)]
    pub fn worth(&self, shares: Shares, valuation: &Valuation) -> u64 {
        // A part of all assets.
        mul_div_floor(shares.0, valuation.exit, self.shares.0).unwrap_or(0)
    }

    /// Shares that are worth an amount to who leaves, rounded up.
    #[inline(never)]
    pub fn shares_worth(&self, amount: u64, valuation: &Valuation) -> Result<Shares> {
        mul_div_ceil(amount, self.shares.0, valuation.exit).map(Shares).ok_or(Error::AmountTooLarge)
    }

    /// What waits in the queue, atoms.
    pub fn queued(&self, valuation: &Valuation) -> u64 {
        self.worth(self.queue.shares, valuation)
    }

    /// Liquid assets and stressed outflow.
    #[inline(never)]
    pub fn coverage(&self, valuation: &Valuation, now: i64) -> Coverage {
        self.coverage_without(0, valuation, now)
    }

    /// The same as if shares of so much worth asked for nothing.
    #[inline(never)]
    pub(crate) fn coverage_without(&self, newcomers: u64, valuation: &Valuation, now: i64) -> Coverage {
        let (later, ending) = self.term_shares(now, Coverage::HORIZON);
        let due = self.queue.shares.0.saturating_add(ending);
        let on_demand = saturating_sub(self.shares.0, later.saturating_add(due));
        let worth = |shares| self.worth(Shares(shares), valuation);
        // What came since this second began is no liquidity, and no credit for what left before: it may be gone at its end.
        let liquid = saturating_sub(valuation.liquid, self.came);
        let on_demand = saturating_sub(worth(on_demand), newcomers);
        Coverage::new(&self.config, liquid, self.runoff.seen_before(self.came), on_demand, worth(due))
    }
}

//! Windows: how much may flow in an hour or a day, as leaky buckets.
//!
//! A bucket holds what flowed lately, and drains by its limit in a period. So at any moment no more than the limit can flow at
//! once, and in any period no more than twice the limit, not counting what came in. What came in is credit, and a period leaves
//! little more than a third of it. A bucket drains whole units a second, which makes it slower by less than a hundredth. After
//! a period without flow it is empty.
//!
//! The market's window is the sum of the net outflows of its reserves. It fades as they do, by its own size in a period. If it
//! drained faster, it would hold less than their sum, and tokens that come in and go out again would fill it.

use crate::{
    number::{
        math::{mul_proved, saturating_sub},
        units::{Seconds, UsdE8},
    },
    record::layout::record,
};

/// Over which time a bucket drains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Period {
    /// 3,600 seconds.
    Hour = 3_600,
    /// 86,400 seconds.
    Day = 86_400,
}

/// Atoms as windows count them: 2^62 at most. Any limit that binds is below that, and two of them fit.
#[derive(Clone, Copy)]
pub struct CappedAtoms(i64);

impl CappedAtoms {
    /// So many atoms.
    #[inline(always)]
    pub fn new(amount: u64) -> Self {
        Self(amount.min(Outflow::MOST as u64) as i64)
    }
}

/// Most net outflow; zero: unlimited. In the unit of the window that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutflowLimits {
    /// In an hour.
    pub hour: u64,
    /// In a day.
    pub day: u64,
}

impl OutflowLimits {
    /// Whether nothing is limited.
    #[inline(always)]
    pub const fn are_off(&self) -> bool {
        self.hour | self.day == 0
    }
}

record! {
    /// What flowed out, less what flowed in, within ± 2^62: negative while more came than went.
    pub struct Outflow: 24 {
        /// Of the last hour.
        pub hour: i64,
        /// Of the last day.
        pub day: i64,
        /// Until when it has drained, unix seconds.
        pub updated: i64,
    }
}

record! {
    /// What flowed out of one reserve, less what flowed into it, in atoms: for the market's outflow, which is the sum of what left
    /// each reserve on balance. What comes in of one token is no credit for another: collateral costs nothing to mint.
    pub struct Balance: 24 {
        /// Of the last hour.
        pub hour: i64,
        /// Of the last day.
        pub day: i64,
        /// Until when it has faded, unix seconds.
        pub updated: i64,
    }
}

impl Balance {
    /// Lets time pass: what flowed fades by its own size a period, and an atom a second.
    #[inline(always)]
    pub(crate) fn fade(&mut self, now: i64) {
        if now <= self.updated {
            return;
        }
        let elapsed = now.wrapping_sub(self.updated) as u64;
        // By at least its size in a period: the market's window does not fade by more.
        self.hour = faded_signed(self.hour, Period::Hour as u64, elapsed);
        self.day = faded_signed(self.day, Period::Day as u64, elapsed);
        self.updated = now;
    }

    /// Takes in an inflow, and returns how much of the outflow of the last hour and day it brings back.
    #[inline(always)]
    pub fn pay_in(&mut self, amount: CappedAtoms, now: i64) -> (u64, u64) {
        self.fade(now);
        let come_back = |level: &mut i64| {
            let gone = (*level).max(0);
            *level = level.wrapping_sub(amount.0).max(-Outflow::MOST);
            gone.min(amount.0) as u64
        };
        (come_back(&mut self.hour), come_back(&mut self.day))
    }

    /// Takes in an outflow, and returns how much of it exceeds the inflow of the last hour and day.
    #[inline(always)]
    pub fn pay_out(&mut self, amount: CappedAtoms, now: i64) -> (u64, u64) {
        self.fade(now);
        let gone = |level: &mut i64| {
            let before = (*level).max(0);
            *level = level.wrapping_add(amount.0).min(Outflow::MOST);
            (*level).max(0).wrapping_sub(before) as u64
        };
        (gone(&mut self.hour), gone(&mut self.day))
    }
}

impl Outflow {
    /// No flow counts for more: any limit that binds is below it, and two of them fit.
    const MOST: i64 = 1 << 62;

    /// Takes in an inflow. It is credit for outflow, and expires like outflow. Without credit, tokens that come in and go out again
    /// would fill the window.
    #[inline(always)]
    pub fn pay_in(&mut self, limits: &OutflowLimits, amount: CappedAtoms, now: i64) {
        if limits.are_off() {
            return;
        }
        self.drain(limits, now);
        // Both levels are within ± 2^62.
        self.hour = self.hour.wrapping_sub(amount.0).max(-Self::MOST);
        self.day = self.day.wrapping_sub(amount.0).max(-Self::MOST);
    }

    /// Takes in an outflow, and returns whether it stays within the limits ([`Self::has_room`]).
    #[inline(always)]
    pub fn pay_out(&mut self, limits: &OutflowLimits, amount: CappedAtoms, now: i64) -> bool {
        if limits.are_off() {
            return true;
        }
        self.drain(limits, now);
        self.hour = self.hour.wrapping_add(amount.0).min(Self::MOST);
        self.day = self.day.wrapping_add(amount.0).min(Self::MOST);
        self.has_room(limits, false)
    }

    /// Takes in the net outflow of a reserve in the last hour and day ([`Balance::pay_out`]), and returns whether it stays within
    /// the limits ([`Self::has_room`]).
    #[inline(always)]
    pub fn add(&mut self, limits: &OutflowLimits, (hour, day): (UsdE8, UsdE8), now: i64) -> bool {
        self.fade(now);
        let added = |level: i64, more: UsdE8| level.wrapping_add(more.0.min(Self::MOST as u64) as i64).min(Self::MOST);
        (self.hour, self.day) = (added(self.hour, hour), added(self.day, day));
        self.has_room(limits, false)
    }

    /// Takes in what came back to a reserve ([`Balance::pay_in`]). It makes no credit.
    #[inline(always)]
    pub fn take_back(&mut self, (hour, day): (UsdE8, UsdE8), now: i64) {
        self.fade(now);
        let left = |level: i64, less: UsdE8| level.wrapping_sub(less.0.min(Self::MOST as u64) as i64).max(0);
        (self.hour, self.day) = (left(self.hour, hour), left(self.day, day));
    }

    /// Which limit is exceeded. Three quarters of each limit are for everyone, the last quarter for small deposits alone.
    #[inline(always)]
    pub fn exceeded(&self, limits: &OutflowLimits, is_small: bool) -> Option<Period> {
        let is_over = |level: i64, limit: u64| {
            let kept = if is_small { 0 } else { limit >> 2 };
            level > limit.wrapping_sub(kept) as i64 && limit != 0
        };
        if is_over(self.hour, limits.hour) {
            return Some(Period::Hour);
        }
        if is_over(self.day, limits.day) {
            return Some(Period::Day);
        }
        None
    }

    /// What may still go in the hour and in the day, for all but the small: see [`Self::exceeded`].
    pub(crate) fn room(&self, limits: &OutflowLimits) -> (u64, u64) {
        let room = |level: i64, limit: u64| match limit {
            0 => u64::MAX,
            limit => ((limit - (limit >> 2)) as i64).saturating_sub(level).max(0) as u64,
        };
        (room(self.hour, limits.hour), room(self.day, limits.day))
    }

    /// Whether so much more may go at any time from now on, unless something else flows out: levels that are above zero only fall.
    #[inline(always)]
    pub(crate) fn has_plenty(&self, limits: &OutflowLimits, more: u64) -> bool {
        let fits = |level: i64, limit: u64| {
            let level = if level > 0 { level as u64 } else { 0 };
            // Within 2^62 each.
            limit == 0 || level.wrapping_add(more) <= limit.wrapping_sub(limit >> 2)
        };
        more <= Self::MOST as u64 && fits(self.hour, limits.hour) && fits(self.day, limits.day)
    }

    /// Whether both limits hold: see [`Self::exceeded`].
    #[inline(always)]
    pub fn has_room(&self, limits: &OutflowLimits, is_small: bool) -> bool {
        self.exceeded(limits, is_small).is_none()
    }

    /// Lets time pass for a window that holds no credit.
    #[inline(always)]
    pub fn fade(&mut self, now: i64) {
        if now <= self.updated {
            return;
        }
        let elapsed = now.wrapping_sub(self.updated) as u64;
        self.hour = faded(self.hour as u64, 0, Period::Hour as u64, elapsed);
        self.day = faded(self.day as u64, 0, Period::Day as u64, elapsed);
        self.updated = now;
    }

    /// Lets time pass.
    #[inline(always)]
    pub fn drain(&mut self, limits: &OutflowLimits, now: i64) {
        if now <= self.updated {
            return;
        }
        let elapsed = now.wrapping_sub(self.updated) as u64;
        self.hour = towards_zero(self.hour, limits.hour, Period::Hour, elapsed);
        self.day = towards_zero(self.day, limits.day, Period::Day, elapsed);
        self.updated = now;
    }
}

/// What is left of a level of either sign that fades by its own size a period, and an atom a second.
#[inline(always)]
pub(crate) fn faded_signed(level: i64, period: u64, elapsed: u64) -> i64 {
    let rest = faded(level.unsigned_abs(), 1, period, elapsed);
    if level < 0 { rest.wrapping_neg() } else { rest }
}

/// What is left of a size that fades by its own size in a period, and by `more` each second in addition.
#[inline(always)]
fn faded(size: u64, more: u64, period: u64, elapsed: u64) -> i64 {
    if elapsed >= period {
        return 0;
    }
    // Below the size and a period's atoms.
    saturating_sub(size, mul_proved(size / period + more, elapsed)) as i64
}

/// What is left of a level; nothing if there is no limit. Outflow drains by the limit in a period, even if the limit was higher
/// before. Credit above the limit drains by its own size in a period, or it would last longer than one.
#[inline(always)]
fn towards_zero(level: i64, limit: u64, period: Period, elapsed: u64) -> i64 {
    if elapsed >= period as u64 || limit == 0 {
        return 0;
    }
    if level >= 0 {
        let level = (level as u64).min(limit);
        return saturating_sub(level, mul_proved(limit / period as u64, elapsed)) as i64;
    }
    let credit = level.unsigned_abs();
    let drains = mul_proved(credit.max(limit) / period as u64, elapsed);
    (saturating_sub(credit, drains) as i64).wrapping_neg()
}

record! {
    /// A flow in one direction.
    pub struct RateLimit: 16 {
        /// What flowed lately.
        pub used: UsdE8,
        /// Until when it has drained, unix seconds.
        pub updated: i64,
    }
}

impl RateLimit {
    /// What may still flow; all of it where the limit is zero.
    #[inline(always)]
    pub fn remaining(&mut self, limit: UsdE8, period: Period, now: i64) -> UsdE8 {
        if limit == UsdE8::ZERO {
            return UsdE8::MAX;
        }
        self.drain(limit, period, now);
        limit.saturating_sub(self.used)
    }

    /// Lets time pass. Exempt liquidations may have filled it beyond the limit. The excess does not make it drain for longer.
    #[inline(always)]
    pub fn drain(&mut self, limit: UsdE8, period: Period, now: i64) {
        let Seconds(elapsed) = Seconds::between(self.updated, now);
        if elapsed != 0 {
            let is_over = elapsed >= period as u64;
            let drains = if is_over { u64::MAX } else { mul_proved(limit.0 / period as u64, elapsed) };
            self.used = self.used.least(limit).saturating_sub(UsdE8(drains));
            self.updated = now;
        }
    }

    /// Takes in a flow, after [`Self::remaining`].
    #[inline(always)]
    pub fn add(&mut self, value: UsdE8) {
        self.used = self.used.saturating_add(value);
    }
}

//! Windows: how much may flow in an hour or a day, as leaky buckets.
//!
//! A bucket holds what flowed lately and drains, at its limit a period, towards nothing. So a limit bounds any moment's
//! burst, and any period's flow to twice the limit, beyond what came in: that is credit, of which a period leaves little more
//! than a third. It drains whole units a second, slower by less than a hundredth, and after a period without flow nothing is
//! left.

use crate::{
    layout::record,
    math::{less, mul, seconds_since},
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

impl Outflow {
    /// No flow counts for more: any limit that binds is below it, and two of them fit.
    const MOST: i64 = 1 << 62;

    /// Takes in what comes. It is credit for what goes, and expires like it: counted from zero instead, a round trip in and
    /// out would fill the window for nothing.
    #[inline(always)]
    pub fn pay_in(&mut self, limits: &OutflowLimits, amount: u64, now: i64) {
        if limits.are_off() {
            return;
        }
        self.drain(limits, now);
        let amount = amount.min(Self::MOST as u64) as i64;
        // Both levels are within ± 2^62.
        self.hour = self.hour.wrapping_sub(amount).max(-Self::MOST);
        self.day = self.day.wrapping_sub(amount).max(-Self::MOST);
    }

    /// Takes in what goes, and says whether there is [`Self::has_room`] for all.
    #[inline(always)]
    pub fn pay_out(&mut self, limits: &OutflowLimits, amount: u64, now: i64) -> bool {
        if limits.are_off() {
            return true;
        }
        self.drain(limits, now);
        let amount = amount.min(Self::MOST as u64) as i64;
        // A level that was let stand is within its limit, and that below 2^62.
        self.hour = self.hour.wrapping_add(amount);
        self.day = self.day.wrapping_add(amount);
        self.has_room(limits, false)
    }

    /// Whether the limits hold: three quarters of each, and the last for the small alone.
    #[inline(always)]
    pub fn has_room(&self, limits: &OutflowLimits, is_small: bool) -> bool {
        let holds = |level: i64, limit: u64| {
            let kept = if is_small { 0 } else { limit >> 2 };
            limit == 0 || level <= limit.wrapping_sub(kept) as i64
        };
        holds(self.hour, limits.hour) && holds(self.day, limits.day)
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

/// What is left of a level; nothing where there is no limit. What went drains by the limit a period, also where that was
/// higher before; credit above the limit by its own size a period, or it would outlast it.
#[inline(always)]
fn towards_zero(level: i64, limit: u64, period: Period, elapsed: u64) -> i64 {
    if elapsed >= period as u64 || limit == 0 {
        return 0;
    }
    if level >= 0 {
        let level = (level as u64).min(limit);
        return less(level, mul(limit / period as u64, elapsed)) as i64;
    }
    let credit = level.unsigned_abs();
    let drains = mul(credit.max(limit) / period as u64, elapsed);
    (less(credit, drains) as i64).wrapping_neg()
}

record! {
    /// A flow in one direction, 10^-8 USD.
    pub struct Throughput: 16 {
        /// What flowed lately.
        pub level: u64,
        /// Until when it has drained, unix seconds.
        pub updated: i64,
    }
}

impl Throughput {
    /// What may still flow; all of it where the limit is zero.
    #[inline(always)]
    pub fn room(&mut self, limit: u64, period: Period, now: i64) -> u64 {
        if limit == 0 {
            return u64::MAX;
        }
        self.drain(limit, period, now);
        less(limit, self.level)
    }

    /// Lets time pass. What was exempt may have filled it beyond the limit: that much does not count for longer.
    #[inline(always)]
    pub fn drain(&mut self, limit: u64, period: Period, now: i64) {
        let elapsed = seconds_since(self.updated, now);
        if elapsed != 0 {
            let is_over = elapsed >= period as u64;
            let drains = if is_over { u64::MAX } else { mul(limit / period as u64, elapsed) };
            self.level = less(self.level.min(limit), drains);
            self.updated = now;
        }
    }

    /// Takes in a flow, after [`Self::room`].
    #[inline(always)]
    pub fn add(&mut self, value: u64) {
        self.level = self.level.saturating_add(value);
    }
}

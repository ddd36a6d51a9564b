//! Whether a vault could pay those who may leave: liquid assets ÷ stressed outflow, and what leaving costs where it could not.

use crate::{
    number::{
        math::{mul_div_floor, saturating_sub},
        units::{Bps, ONE_BPS},
    },
    record::layout::record,
    state::{
        rate_limit::{Period, faded_signed},
        vault::VaultConfig,
    },
};

record! {
    /// What left a vault lately, less what came, atoms within ± 2^62. Each level fades by its own size a period.
    pub struct RunOff: 24 {
        /// Of the last hour.
        pub hour: i64,
        /// Of the last day.
        pub day: i64,
        /// Of the last four days.
        pub days: i64,
    }
}

impl RunOff {
    const MOST: i64 = 1 << 62;

    fn each(&mut self, change: impl Fn(i64, u64) -> i64) {
        self.hour = change(self.hour, Period::Hour as u64);
        self.day = change(self.day, Period::Day as u64);
        self.days = change(self.days, Coverage::HORIZON as u64);
    }

    /// Lets time pass.
    #[inline(never)]
    pub(super) fn fade(&mut self, elapsed: u64) {
        self.each(|level, period| faded_signed(level, period, elapsed));
    }

    /// Takes in what comes. It is credit, and fades like it: counted from zero instead, a deposit of an instant would raise what
    /// was seen.
    #[inline(never)]
    pub(crate) fn pay_in(&mut self, amount: u64) {
        let amount = amount.min(Self::MOST as u64) as i64;
        self.each(|level, _| level.saturating_sub(amount).max(-Self::MOST));
    }

    /// Takes in what goes.
    #[inline(never)]
    pub(crate) fn pay_out(&mut self, amount: u64) {
        let amount = amount.min(Self::MOST as u64) as i64;
        self.each(|level, _| level.saturating_add(amount).min(Self::MOST));
    }

    /// The most that left on balance, over any of the times.
    pub fn seen(&self) -> u64 {
        self.seen_before(0)
    }

    /// The same before so much came.
    pub(crate) fn seen_before(&self, came: u64) -> u64 {
        let came = came.min(Self::MOST as u64) as i64;
        self.hour.max(self.day).max(self.days).saturating_add(came).max(0) as u64
    }
}

/// Liquid assets and stressed outflow of a moment, atoms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// What could be paid at once.
    pub liquid: u64,
    /// What may be asked for: the most of what left lately and of what observed runs took of the shares on demand; the queue and
    /// the terms that end within four days on top.
    pub outflow: u64,
}

impl Coverage {
    /// Seconds over which runs are judged, and terms count as if they had ended: observed runs took four days.
    pub const HORIZON: i64 = 345_600;

    /// Of liquid assets, what left lately, the value on demand, and what is due: in the queue or by the end of a term.
    pub(crate) fn new(config: &VaultConfig, liquid: u64, seen: u64, on_demand: u64, due: u64) -> Self {
        let run = config.runoff_day.max(config.runoff_days).of_floor(on_demand);
        Self { liquid, outflow: run.max(seen).saturating_add(due) }
    }

    /// Liquid assets ÷ stressed outflow in basis points; the most there is where nothing could leave.
    #[inline(never)]
    pub fn bps(&self) -> u32 {
        let most = u32::MAX as u64;
        match self.outflow {
            0 => u32::MAX,
            outflow => mul_div_floor(self.liquid, ONE_BPS as u64, outflow).unwrap_or(most).min(most) as u32,
        }
    }

    /// Whether it is at least so much.
    pub fn reaches(&self, target: Bps) -> bool {
        self.liquid >= self.needed(target)
    }

    /// The liquid assets that reach a target.
    #[inline(never)]
    pub(crate) fn needed(&self, target: Bps) -> u64 {
        target.of_floor(self.outflow)
    }

    /// What leaving with so many atoms costs. The rate rises in proportion from nothing, where coverage is at the fee's level, to its
    /// most where nothing is liquid; an exit pays the rate of each atom it
    /// takes, so that parts of it pay no less together as long as the outflow is the same. Shares that have left ask for no more, so
    /// later parts meet a smaller one.
    #[inline(never)]
    pub fn exit_fee(&self, config: &VaultConfig, amount: u64) -> u64 {
        let enough = self.needed(config.exit_fee_coverage);
        let above = saturating_sub(self.liquid, enough);
        if amount <= above || config.max_exit_fee.0 == 0 {
            return 0;
        }
        let (below, missing) = (amount - above, saturating_sub(enough, self.liquid));
        // Until nothing is liquid the rate rises: its average is that of what is missing half way.
        let rising = below.min(enough - missing);
        let part = mul_div_floor(rising, missing + rising / 2, enough).unwrap_or(rising);
        config.max_exit_fee.of_floor(part + (below - rising))
    }
}

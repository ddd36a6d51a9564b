//! Breakers of one reserve: automatic restrictions that lift by themselves.

use crate::{
    error::{Error, Result},
    flow::{OutflowLimits, Period},
    layout::record,
    parameter::governed,
    reserve::MAX_LIQUIDITY,
    rules::Condition,
    units::{Bps, Usd},
};

governed! {
    /// What governance sets for a reserve's breakers. All are off at zero.
    pub struct BreakerConfig: 40 {
        /// Most net outflow in an hour, atoms: a hundred a second at least, so that whole ones drain the window in little more than
        /// its period.
        pub outflow_hour: u64 [Atoms, 100 * Period::Hour as u64..=MAX_LIQUIDITY / 4, AnyOrNone, OutflowLimitOutOfRange],
        /// Most net outflow in a day, atoms.
        pub outflow_day: u64 [Atoms, 100 * Period::Day as u64..=MAX_LIQUIDITY / 4, AnyOrNone, OutflowLimitOutOfRange],
        /// Deposits up to so many atoms may use the quarter of the outflow limits that is kept for the small.
        pub small_deposit: u64 [Atoms, 0..=1 << 61, Any, OutflowLimitOutOfRange],
        /// Most collateral that liquidations take in an hour, whole USD.
        pub liquidation_hour: u32 [Dollars, 0..=u32::MAX as u64, Any, LiquidationThrottled],
        /// Seconds that the first price halt of tier 1 lasts.
        pub halt_seconds: u16 [Seconds, 0..=14_400, Any, PriceTiersOutOfRange],
        /// Borrowed share of the liquidity above which nothing more is lent.
        pub max_utilisation: Bps [Bps, 1..=10_000, UpOrNone, UtilisationLimitOutOfRange],
        /// Distance of the price from its EMA or the slow reference above which each tier trips.
        pub tiers: [Bps; 3] [each Bps, Bps, 1..=65_535, AnyOrNone, PriceTiersOutOfRange],
        /// Zero.
        pub reserved: [u8; 2] [zero],
    }
}

impl BreakerConfig {
    /// Shortest first halt, seconds.
    const SHORTEST_HALT: u16 = 60;

    /// Refuses parameters that do not go together.
    pub fn validate(&self) -> Result<()> {
        let [first, second, third] = self.tiers.map(|tier| tier.0);
        let rise = (second == 0 || first < second) && (third == 0 || second < third);
        let complete = (first != 0 || second == 0) && (second != 0 || third == 0);
        if !rise || !complete || (first != 0) != (self.halt_seconds >= Self::SHORTEST_HALT) {
            return Err(Error::PriceTiersOutOfRange);
        }
        Ok(())
    }

    /// The outflow limits, in atoms.
    #[inline(always)]
    pub fn outflow(&self) -> OutflowLimits {
        OutflowLimits { hour: self.outflow_hour, day: self.outflow_day }
    }

    /// The limit of liquidations, 10^-8 USD.
    #[inline(always)]
    pub fn liquidations(&self) -> u64 {
        whole_dollars(self.liquidation_hour)
    }

    /// The tier that a distance trips: 0 (none) to 3.
    #[inline(always)]
    fn tier(&self, distance: Bps) -> u8 {
        self.tiers.iter().take_while(|tier| tier.0 != 0 && distance > **tier).count() as u8
    }
}

/// So many whole dollars in units of 10^-8.
#[inline(always)]
pub(crate) fn whole_dollars(dollars: u32) -> u64 {
    // Below 2^59.
    crate::number::math::mul_proved(dollars as u64, Usd::ONE.0 as u64)
}

record! {
    /// A reserve's price breaker: tier 1 stops new risk against it, tiers 2 and 3 freeze it but for repayments, deposits and
    /// liquidations.
    pub struct Halt: 24 {
        /// Until when it is tripped, unix seconds.
        pub until: i64,
        /// When it tripped last.
        pub tripped: i64,
        /// Tier, 1 to 3, that it is tripped at; 0: not, or until then and nobody has looked since.
        pub tier: u8,
        /// Trips in a row before the last, each within a day of the end of the one before.
        pub repetitions: u8,
        /// Zero.
        pub padding: [u8; 6],
    }
}

/// What became of a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerEvent {
    /// It tripped, or rose to a higher tier.
    Tripped,
    /// It lifted.
    Lifted,
}

impl Halt {
    /// The most that repetition lengthens a halt: 2^4.
    const MOST_REPETITIONS: u8 = 4;
    /// The longest halt, seconds.
    const LONGEST: i64 = 86_400;

    /// Whether the reserve is frozen.
    #[inline(always)]
    pub fn is_frozen(&self, now: i64) -> bool {
        self.tier >= 2 && now < self.until
    }

    /// Takes in how far a price is from its averages. A halt of tier 1 lasts what governance set, twice and four times that
    /// at tiers 2 and 3, and twice as long with each repetition within a day, up to sixteen times and a day.
    #[inline(always)]
    pub fn watch(&mut self, config: &BreakerConfig, distance: Bps, now: i64) -> Option<BreakerEvent> {
        let lifted = self.lift(now);
        let tier = config.tier(distance);
        if tier <= self.tier { lifted } else { Some(self.trip(config, tier, now)) }
    }

    /// Lifts the halt if its time is over.
    #[inline(always)]
    pub fn lift(&mut self, now: i64) -> Option<BreakerEvent> {
        if self.tier == 0 || now < self.until {
            return None;
        }
        self.tier = 0;
        Some(BreakerEvent::Lifted)
    }

    #[cold]
    #[inline(never)]
    fn trip(&mut self, config: &BreakerConfig, tier: u8, now: i64) -> BreakerEvent {
        // A step up is no repetition.
        if self.tier == 0 {
            let is_repeated = self.tripped != 0 && now.saturating_sub(self.until) < Self::LONGEST;
            self.repetitions =
                if is_repeated { self.repetitions.saturating_add(1).min(Self::MOST_REPETITIONS) } else { 0 };
        }
        // At most 65,535 × 4 × 16.
        let seconds = (config.halt_seconds as i64) << (tier - 1 + self.repetitions.min(Self::MOST_REPETITIONS));
        (self.tier, self.tripped) = (tier, now);
        self.until = self.until.max(now.saturating_add(seconds.min(Self::LONGEST)));
        BreakerEvent::Tripped
    }

    /// What a price in a condition is good for under the halt.
    #[inline(always)]
    pub fn worsen(&self, condition: Condition) -> Condition {
        match (self.tier, condition) {
            (0, condition) => condition,
            (1, Condition::Fresh) => Condition::Moving,
            (1, condition) => condition,
            _ => Condition::Halted,
        }
    }
}

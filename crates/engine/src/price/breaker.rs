//! A reserve's price breaker: an automatic restriction that lifts by itself.

use crate::{number::units::Bps, price::policy::Condition, record::layout::record};

record! {
    /// A reserve's price breaker. Tier 1 stops new risk against the token. Tiers 2 and 3 freeze the reserve, except for
    /// repayments, deposits and liquidations.
    pub struct Halt: 24 {
        /// Until when it is tripped, unix seconds.
        pub until: i64,
        /// When it tripped last.
        pub tripped: i64,
        /// Tier, 1 to 3, at which it tripped; 0: it is not tripped. After `until` it stays until the reserve is refreshed.
        pub tier: u8,
        /// Trips before the last one, each within a day after the end of the one before it.
        pub repetitions: u8,
        /// Zero.
        pub padding: [u8; 6],
    }
}

/// What trips a price breaker, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct PriceTiers<'a> {
    /// Distance of the price from its EMA or the slow reference above which each tier trips; zero: there is no such tier.
    pub distances: &'a [Bps; 3],
    /// Seconds that the first halt of tier 1 lasts.
    pub first_halt: u16,
}

impl PriceTiers<'_> {
    /// The tier that a distance trips: 0 (none) to 3.
    #[inline(always)]
    fn tripped_by(&self, distance: Bps) -> u8 {
        self.distances.iter().take_while(|tier| tier.0 != 0 && distance > **tier).count() as u8
    }
}

/// What a breaker did.
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

    /// Whether a halt is on, of any tier.
    pub fn is_on(&self, now: i64) -> bool {
        self.tier != 0 && now < self.until
    }

    /// Whether the reserve is frozen.
    #[inline(always)]
    pub fn is_frozen(&self, now: i64) -> bool {
        self.tier >= 2 && now < self.until
    }

    /// Takes in how far a price is from its averages. A halt of tier 1 lasts as long as governance set, one of tier 2 twice and
    /// one of tier 3 four times as long. Each repetition within a day doubles that, up to sixteen times, and to a day at most.
    #[inline(always)]
    pub fn watch(&mut self, tiers: &PriceTiers, distance: Bps, now: i64) -> Option<BreakerEvent> {
        let lifted = self.lift(now);
        let tier = tiers.tripped_by(distance);
        if tier <= self.tier { lifted } else { Some(self.trip(tiers, tier, now)) }
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
    fn trip(&mut self, tiers: &PriceTiers, tier: u8, now: i64) -> BreakerEvent {
        // A higher tier during a halt is no repetition.
        if self.tier == 0 {
            let is_repeated = self.tripped != 0 && now.saturating_sub(self.until) < Self::LONGEST;
            self.repetitions =
                if is_repeated { self.repetitions.saturating_add(1).min(Self::MOST_REPETITIONS) } else { 0 };
        }
        // At most 65,535 × 4 × 16.
        let seconds = (tiers.first_halt as i64) << (tier - 1 + self.repetitions.min(Self::MOST_REPETITIONS));
        (self.tier, self.tripped) = (tier, now);
        self.until = self.until.max(now.saturating_add(seconds.min(Self::LONGEST)));
        BreakerEvent::Tripped
    }

    /// The condition of a price under the halt.
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

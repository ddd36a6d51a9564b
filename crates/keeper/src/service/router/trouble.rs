//! What is wrong with the router, and when it is asked again.

use std::time::Duration;

/// What is wrong with a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It does not know who asks: the key is missing, wrong or used up.
    Unauthorized,
    /// It is asked too often.
    RateLimited,
    /// It answers that it does not work.
    Unavailable,
    /// It answers that something is wrong with the request, and not that there is no route.
    Rejected,
    /// It does not answer in time.
    TimedOut,
    /// It cannot be reached.
    Unreachable,
    /// Its answer cannot be used: no JSON, another shape, or another amount than it was asked about.
    Malformed,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Unauthorized,
        Self::RateLimited,
        Self::Unavailable,
        Self::Rejected,
        Self::TimedOut,
        Self::Unreachable,
        Self::Malformed,
    ];

    /// Its name in logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Rejected => "rejected",
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::Malformed => "malformed",
        }
    }

    /// Whether asking something else would fail too: then nothing is asked for a while.
    fn is_of_all(self) -> bool {
        self != Self::Rejected
    }

    /// Whether asking the same at once may help.
    pub fn is_brief(self) -> bool {
        matches!(self, Self::RateLimited | Self::Unavailable | Self::Unreachable)
    }
}

/// The first pause after a failure, milliseconds, and the longest.
const PAUSES: (u64, u64) = (1_000, 30_000);
/// The pause doubles so often, at most.
const MOST_DOUBLINGS: u32 = 5;
/// The longest pause that a router can ask for, milliseconds: a wrong answer must not stop all receiverships.
const LONGEST_WORD: u64 = 300_000;
/// Milliseconds in which one kind of trouble is warned of once.
const WARNED: u64 = 30_000;

/// What is to be logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Failures of this kind since the last warning, beside this one.
    pub others: u64,
    /// Milliseconds until the router is asked again.
    pub pause: u64,
}

/// Failures of a router in a row, and what follows. Times are milliseconds of the caller's clock.
///
/// After a failure the router is not asked for a while: a router that hangs would hold up every liquidation, also those that
/// need no router. Then one request is let through, and the others once it is answered.
#[derive(Clone, Debug, Default)]
pub struct Trouble {
    /// Failures in a row.
    failures: u32,
    not_before: u64,
    /// Until when the others wait for the one request that was let through.
    probe: u64,
    /// By kind: when it was warned of, and how often it was met since.
    warned: [(Option<u64>, u64); Kind::ALL.len()],
    is_told: bool,
}

impl Trouble {
    /// Whether a request that takes so long at most may be made now.
    pub fn admits(&mut self, now: u64, timeout: u64) -> bool {
        if self.failures == 0 {
            return true;
        }
        if now < self.not_before || now < self.probe {
            return false;
        }
        self.probe = now + timeout;
        true
    }

    /// Whether the last request was not answered.
    pub fn is_down(&self) -> bool {
        self.failures > 0
    }

    /// Takes in an answer. Returns whether trouble that was told of is over.
    pub fn answered(&mut self, now: u64) -> bool {
        // An answer to a request from before the failure does not end a pause that the router asked for.
        if now < self.not_before {
            return false;
        }
        (self.failures, self.probe) = (0, 0);
        std::mem::take(&mut self.is_told)
    }

    /// Takes in a failure, after which the router wants not to be asked for a while, if it says so. `jitter` is from
    /// 0 to 1.
    pub fn failed(&mut self, now: u64, kind: Kind, word: Option<Duration>, jitter: f64) -> Option<Warning> {
        let word = word.map_or(0, |word| u64::try_from(word.as_millis()).unwrap_or(u64::MAX).min(LONGEST_WORD));
        if kind.is_of_all() {
            self.probe = 0;
            // Requests made at the same time failed for the same reason, and count once.
            let is_first = now >= self.not_before;
            let doublings = self.failures.min(MOST_DOUBLINGS);
            let pause = ((PAUSES.0 << doublings) as f64 * (1.0 + jitter)) as u64;
            let pause = if is_first { pause.min(PAUSES.1) } else { 0 };
            self.failures = self.failures.saturating_add(is_first as u32);
            self.not_before = self.not_before.max(now + pause.max(word));
        }
        let (last, others) = &mut self.warned[kind as usize];
        if last.is_some_and(|last| now < last + WARNED) {
            *others += 1;
            return None;
        }
        *last = Some(now);
        self.is_told |= kind.is_of_all();
        Some(Warning { others: std::mem::take(others), pause: self.not_before.saturating_sub(now) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: u64 = 3_000;

    #[test]
    fn while_the_router_is_down_one_question_at_a_time_and_later_each_time() {
        let mut trouble = Trouble::default();
        let mut asked = Vec::new();
        for now in 0..600_000 {
            if trouble.admits(now, TIMEOUT) {
                assert!(!trouble.admits(now, TIMEOUT) || asked.is_empty(), "one");
                asked.push(now);
                trouble.failed(now, Kind::Unavailable, None, 0.0);
            }
        }
        assert_eq!(asked[..6], [0, 1_000, 3_000, 7_000, 15_000, 31_000]);
        assert_eq!(asked[6..9], [61_000, 91_000, 121_000], "half a minute at most");
        assert!(trouble.is_down() && trouble.admits(900_000, TIMEOUT) && trouble.answered(900_100));
        assert!(!trouble.is_down() && trouble.admits(900_100, TIMEOUT) && trouble.admits(900_100, TIMEOUT));
    }

    #[test]
    fn a_question_that_is_never_answered_is_not_waited_for_for_ever() {
        let mut trouble = Trouble::default();
        trouble.failed(0, Kind::TimedOut, None, 0.0);
        assert!(trouble.admits(1_000, TIMEOUT));
        assert_eq!([1_001, 3_999, 4_000].map(|now| trouble.admits(now, TIMEOUT)), [false, false, true]);
    }

    #[test]
    fn many_that_fail_together_are_one_failure() {
        let mut trouble = Trouble::default();
        for _ in 0..8 {
            trouble.failed(10, Kind::RateLimited, None, 0.0);
        }
        assert!(!trouble.admits(1_009, TIMEOUT) && trouble.admits(1_010, TIMEOUT));
    }

    #[test]
    fn the_routers_word_is_heeded_even_if_something_asked_before_is_answered() {
        let mut trouble = Trouble::default();
        trouble.failed(0, Kind::RateLimited, Some(Duration::from_secs(60)), 0.0);
        assert!(!trouble.answered(50), "it was asked before");
        assert!(!trouble.admits(59_999, TIMEOUT) && trouble.admits(60_000, TIMEOUT));
        // A longer word counts, also of one that failed at the same time; a day does not.
        trouble.failed(60_001, Kind::RateLimited, None, 0.0);
        trouble.failed(60_002, Kind::RateLimited, Some(Duration::from_secs(10)), 0.0);
        assert!(!trouble.admits(70_001, TIMEOUT) && trouble.admits(70_002, TIMEOUT));
        trouble.failed(70_003, Kind::Unavailable, Some(Duration::MAX), 0.0);
        assert!(!trouble.admits(370_002, TIMEOUT) && trouble.admits(370_003, TIMEOUT));
    }

    #[test]
    fn what_is_wrong_with_one_question_does_not_keep_others_back() {
        let mut trouble = Trouble::default();
        assert!(trouble.failed(0, Kind::Rejected, None, 0.0).is_some(), "it is told all the same");
        assert!(!trouble.is_down() && trouble.admits(0, TIMEOUT));
    }

    #[test]
    fn a_minute_of_trouble_is_a_few_lines() {
        let mut trouble = Trouble::default();
        let mut lines = Vec::new();
        for now in (0..60_000).step_by(10) {
            lines.extend(trouble.failed(now, Kind::Malformed, None, 0.0));
            lines.extend(trouble.failed(now, Kind::Rejected, None, 0.0));
            // It comes and goes.
            if now % 1_000 == 0 {
                trouble.answered(now + 5_000);
            }
        }
        assert_eq!(lines.len(), 4, "{lines:?}");
        assert_eq!(lines.iter().map(|warning| warning.others).collect::<Vec<_>>(), [0, 0, 2_999, 2_999]);
    }
}

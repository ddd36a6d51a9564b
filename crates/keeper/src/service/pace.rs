//! How often something is read: once at a time, for half of the time at most, and less often while it fails.

/// The pauses after readings that failed, milliseconds: the first, and the longest of all.
const PAUSES: (u64, u64) = (500, 30_000);
/// After so many doublings the pause is the longest.
const MOST_DOUBLINGS: u32 = 6;

/// The pace of one kind of reading. Times are milliseconds of the caller's clock.
///
/// If a reading is asked for while one is running, one more follows, because the running one may not show what was asked for.
/// However often it is asked for meanwhile, only one follows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    is_wanted: bool,
    /// Since when it is being read.
    begun: Option<u64>,
    not_before: u64,
    /// Failures in a row.
    failures: u32,
}

impl Pace {
    /// Asks for a reading.
    pub fn want(&mut self) {
        self.is_wanted = true;
    }

    /// Begins a reading if one is wanted, none is under way, and its time has come.
    pub fn begin(&mut self, now: u64) -> bool {
        let is_due = self.is_wanted && self.begun.is_none() && now >= self.not_before;
        if is_due {
            (self.is_wanted, self.begun) = (false, Some(now));
        }
        is_due
    }

    /// Ends a reading. `jitter` is a random number from 0 to 1, so that keepers which lost the same node do not come back
    /// together.
    ///
    /// A reading is followed by a pause as long as it took. So however large the market or slow the node, readings take no
    /// more than half of the time. A reading that failed is still wanted.
    pub fn end(&mut self, now: u64, is_ok: bool, jitter: f64) {
        let took = self.begun.take().map_or(0, |begun| now.saturating_sub(begun));
        self.failures = if is_ok { 0 } else { self.failures.saturating_add(1) };
        self.is_wanted |= !is_ok;
        let back_off = match self.failures {
            0 => 0,
            failures => ((PAUSES.0 << (failures - 1).min(MOST_DOUBLINGS)) as f64 * (1.0 + jitter)) as u64,
        };
        self.not_before = now + took.max(back_off).min(PAUSES.1);
    }

    /// Failures in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays so many milliseconds in which a reading is wanted every second and takes `took`. Returns how many there
    /// were, and how many were under way at a time.
    fn play(milliseconds: u64, took: u64, is_ok: bool) -> (usize, usize) {
        let (mut pace, mut under_way, mut count, mut most) = (Pace::default(), Vec::new(), 0, 0);
        for now in 0..milliseconds {
            if now % 1_000 == 0 {
                pace.want();
            }
            if pace.begin(now) {
                count += 1;
                under_way.push(now + took);
            }
            most = most.max(under_way.len());
            if under_way.first() == Some(&now) {
                under_way.remove(0);
                pace.end(now, is_ok, 0.0);
            }
        }
        (count, most)
    }

    #[test]
    fn a_quick_reading_is_made_as_often_as_it_is_wanted() {
        assert_eq!(play(60_000, 10, true), (60, 1));
    }

    #[test]
    fn a_slow_one_takes_half_of_the_time_at_most_and_never_runs_twice() {
        assert_eq!(play(60_000, 5_000, true), (6, 1));
        assert_eq!(play(600_000, 30_000, true), (10, 1));
    }

    #[test]
    fn what_fails_is_tried_less_and_less_often_up_to_half_a_minute() {
        let (in_a_minute, most) = play(60_000, 10, false);
        assert!((6..=9).contains(&in_a_minute) && most == 1, "{in_a_minute}");
        let (in_ten_minutes, _) = play(600_000, 10, false);
        assert!((20..=28).contains(&in_ten_minutes), "{in_ten_minutes}");
        // A request that times out after half a minute.
        assert_eq!(play(600_000, 30_000, false), (10, 1));
    }

    #[test]
    fn what_is_wanted_meanwhile_is_read_once_more() {
        let mut pace = Pace::default();
        assert!(!pace.begin(0), "nobody wants it");
        pace.want();
        assert!(pace.begin(0));
        for _ in 0..5 {
            pace.want();
            assert!(!pace.begin(1));
        }
        pace.end(2, true, 0.0);
        assert_eq!([3, 4, 5].map(|now| pace.begin(now)), [false, true, false]);
        pace.end(6, true, 0.0);
        assert!(!pace.begin(100), "that was all");
        // A failure is made good without being asked for, and forgotten by a success.
        pace.want();
        assert!(pace.begin(100));
        pace.end(101, false, 0.0);
        assert_eq!((pace.failures(), pace.begin(600), pace.begin(601)), (1, false, true));
        pace.end(602, true, 0.0);
        assert_eq!(pace.failures(), 0);
    }
}

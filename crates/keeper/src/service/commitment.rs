//! What running attempts will pay with, so that no two count on the same tokens.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Atoms by reserve that are held back for attempts.
#[derive(Debug, Default)]
pub struct Committed(Mutex<Vec<u64>>);

/// What is held back for an attempt until it ends.
#[derive(Debug)]
pub struct Commitment<'a> {
    committed: &'a Committed,
    reserve: usize,
    amount: u64,
}

impl Committed {
    fn lock(&self) -> MutexGuard<'_, Vec<u64>> {
        // A poisoned lock holds a sound value: no code that holds it can panic between two changes.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is held and not committed, atoms by reserve.
    pub fn free(&self, held: &[u64]) -> Vec<u64> {
        let committed = self.lock();
        let of = |(reserve, held): (usize, &u64)| held.saturating_sub(committed.get(reserve).copied().unwrap_or(0));
        held.iter().enumerate().map(of).collect()
    }

    /// Commits atoms of a reserve, of which so many are held, to an attempt; none if they are no longer there.
    pub fn commit(&self, held: u64, reserve: u8, amount: u64) -> Option<Commitment<'_>> {
        let reserve = reserve as usize;
        let mut amounts = self.lock();
        if amounts.len() <= reserve {
            amounts.resize(reserve + 1, 0);
        }
        amounts[reserve] = amounts[reserve].checked_add(amount).filter(|total| *total <= held)?;
        Some(Commitment { committed: self, reserve, amount })
    }
}

impl Drop for Commitment<'_> {
    fn drop(&mut self) {
        self.committed.lock()[self.reserve] -= self.amount;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_committed_is_free_again_when_the_attempt_has_ended() {
        let (committed, held) = (Committed::default(), [5, 10]);
        let first = committed.commit(held[1], 1, 7).expect("there are ten");
        assert!(committed.commit(held[1], 1, 4).is_none());
        assert_eq!(committed.free(&held), [5, 3]);
        let second = committed.commit(held[1], 1, 3).expect("three are left");
        assert_eq!(committed.free(&held), [5, 0]);
        drop(first);
        assert_eq!(committed.free(&held), [5, 7]);
        drop(second);
        assert_eq!(committed.free(&held), held);
    }
}

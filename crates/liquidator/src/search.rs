//! The size at which a concave function is highest, found with few evaluations.

/// A result that can be compared with others.
pub trait Rated {
    /// How good it is: larger is better.
    fn rating(&self) -> f64;
}

/// Evaluations of a search, at most.
pub const LOOKS: usize = 12;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Whole,
    SevenEighths,
    First,
    Left,
    Right,
    Done,
}

/// A search for the best result at sizes from 1 to `most`. Ask for [`Self::next`], evaluate that size, and give the result
/// to [`Self::answer`], until there is no next.
///
/// The function is concave. So if seven eighths of the size are no better than all of it, no smaller size is, and two
/// evaluations are enough. Otherwise it is the golden section search: each step needs one evaluation and leaves 62 % of the
/// range. A size without a result counts as the worst.
#[derive(Clone, Debug)]
pub struct Search<T> {
    most: u64,
    looks: usize,
    step: Step,
    low: f64,
    high: f64,
    left: Option<T>,
    right: Option<T>,
    top: Option<T>,
}

const GOLDEN: f64 = 0.618_033_988_749_894_9;

impl<T: Rated + Clone> Search<T> {
    /// A search among sizes from 1 to `most`.
    pub fn new(most: u64) -> Self {
        let (low, high) = (0.0, most as f64);
        Self { most, looks: 0, step: Step::Whole, low, high, left: None, right: None, top: None }
    }

    /// The size to evaluate next.
    pub fn next(&self) -> Option<u64> {
        let within = |part: f64| ((self.low + (self.high - self.low) * part).round() as u64).clamp(1, self.most.max(1));
        match self.step {
            Step::Whole => Some(self.most),
            Step::SevenEighths => Some(self.most - self.most / 8),
            Step::First | Step::Left => Some(within(1.0 - GOLDEN)),
            Step::Right => Some(within(GOLDEN)),
            Step::Done => None,
        }
    }

    /// Takes in what was found there.
    pub fn answer(&mut self, found: Option<T>) {
        self.looks += 1;
        let was_best = rating(&self.top);
        if rating(&found) > was_best {
            self.top.clone_from(&found);
        }
        self.step = match self.step {
            Step::Whole => Step::SevenEighths,
            Step::SevenEighths if was_best > f64::NEG_INFINITY && was_best >= rating(&found) => Step::Done,
            Step::SevenEighths => Step::First,
            Step::First => {
                self.left = found;
                Step::Right
            }
            Step::Left => {
                self.left = found;
                self.narrow()
            }
            Step::Right => {
                self.right = found;
                self.narrow()
            }
            Step::Done => Step::Done,
        };
    }

    /// Leaves out the part beyond the lower of the two.
    fn narrow(&mut self) -> Step {
        if self.looks >= LOOKS {
            return Step::Done;
        }
        let width = self.high - self.low;
        if rating(&self.left) >= rating(&self.right) {
            self.high = self.low + width * GOLDEN;
            self.right = self.left.take();
            Step::Left
        } else {
            self.low += width * (1.0 - GOLDEN);
            self.left = self.right.take();
            Step::Right
        }
    }

    /// The highest that was found.
    pub fn top(self) -> Option<T> {
        self.top
    }
}

fn rating<T: Rated>(found: &Option<T>) -> f64 {
    found.as_ref().map_or(f64::NEG_INFINITY, Rated::rating)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone)]
    struct Look(f64, u64);

    impl Rated for Look {
        fn rating(&self) -> f64 {
            self.0
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_search_finds_the_top_of_a_parabola(top in 1u64..1_000_000, most in 1u64..1_000_000) {
            let (mut search, mut looks) = (Search::new(most), 0);
            while let Some(size) = search.next() {
                looks += 1;
                search.answer(Some(Look(-(size as f64 - top as f64).powi(2), size)));
            }
            let found = search.top();
            let found = found.expect("something is found everywhere").1;
            let best = top.min(most);
            // Seven eighths below a top between them and all are as good as all.
            prop_assert!(found.abs_diff(best) as f64 <= (most as f64 * 0.07).max(1.0), "{found} for {best} of {most}");
            prop_assert!(looks <= LOOKS);
        }
    }
}

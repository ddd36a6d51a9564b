//! Reverse stress: how much larger all moves of a day must be for bad debt to reach an amount.

use anyhow::Result;
use indicatif::ProgressBar;
use rayon::prelude::*;

use ballast_sim::stress::outcome::Figure;

use super::runs::Stage;

/// The largest factor that is tried.
pub const MOST: f64 = 16.0;
/// Halvings: the factor is known to a 512th of the largest.
const STEPS: usize = 9;

/// A day that reaches the amount.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reached {
    /// The run.
    pub run: usize,
    /// The factor on all moves.
    pub factor: f64,
    /// The deepest fall of an asset then.
    pub fall: f64,
    /// The bad debt then, USD.
    pub bad_debt: f64,
}

/// For each of so many runs the least factor by which halving finds that bad debt reaches an amount, the smallest first; runs that never
/// reach it are left out. Bad debt need not grow with the factor everywhere: a larger fall can come before a larger rise. What is found is
/// a factor that reaches the amount, next to one that does not.
pub fn search(stage: &Stage, runs: usize, amount: f64, played: &ProgressBar) -> Result<Vec<Reached>> {
    let one = |run: usize| -> Result<Option<Reached>> {
        let at = |factor: f64| {
            let outcome = stage.play(run, factor)?;
            let (bad_debt, fall) = (outcome[Figure::BadDebt], outcome[Figure::Fall]);
            Ok::<_, anyhow::Error>((bad_debt >= amount).then_some(Reached { run, factor, fall, bad_debt }))
        };
        let mut found = at(MOST)?;
        let (mut low, mut high) = (0.0, MOST);
        for _ in 0..STEPS {
            if found.is_none() {
                break;
            }
            let middle = (low + high) / 2.0;
            match at(middle)? {
                Some(reached) => (found, high) = (Some(reached), middle),
                None => low = middle,
            }
        }
        played.inc(1);
        Ok(found)
    };
    let found = (0..runs).into_par_iter().map(one).collect::<Result<Vec<_>>>()?;
    let mut reached: Vec<_> = found.into_iter().flatten().collect();
    reached.sort_by(|one, other| one.factor.total_cmp(&other.factor));
    Ok(reached)
}

//! A run: when it begins, how the vault's lenders leave, and how the markets' other lenders take out what there is.
//!
//! Measured in April 2026 on the largest lending protocol: 14 % of what was lent left in a day, 18 % in two and 33 % in four, and the
//! market in question was fully used after 1.4 hours.

use anyhow::{Context, Result};
use ballast_client::{
    Address,
    engine::{ledger::EVERYTHING, state::account::Side},
};

use crate::{bars::Bar, crowd::Crowd, grid::Grid, population::Lender, world::World};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// Seconds since the run began, and the part of the vault that wants to have left by then; straight lines between.
pub const CURVE: [(i64, f64); 4] = [(0, 0.0), (DAY, 0.14), (2 * DAY, 0.18), (4 * DAY, 0.33)];
/// Seconds in which the markets' other lenders take out all their cash: 1.4 hours.
pub const USED_UP: i64 = 84 * 60;
/// The part of what the markets' other lenders brought that belongs to those who run, at least.
pub const RUNNING: f64 = 0.6;

/// When a lender wants to leave who stands at a place, from 0 to 1, in the line of all: seconds since the run began. Nobody
/// beyond the curve's end.
pub fn wish(place: f64) -> Option<i64> {
    let leg = CURVE.windows(2).find(|leg| place < leg[1].1)?;
    let [(from, before), (to, after)] = [leg[0], leg[1]];
    Some(from + ((to - from) as f64 * (place - before) / (after - before)) as i64)
}

/// When a run begins: so many seconds before the end of the hour in which the volatile assets fell most on average, of the hours for
/// which that is a day after the grid begins or later, and four days before it ends or earlier. None if the grid is too short.
pub fn beginning(grid: &Grid, lead: i64) -> Option<i64> {
    let span = (HOUR / grid.interval).max(1) as usize;
    let (first, last) = (grid.bars.first()?[0].time + DAY, grid.bars.last()?[0].time + grid.interval - 4 * DAY);
    let volatile: Vec<_> = (0..grid.assets.len()).filter(|index| !grid.assets[*index].is_stable).collect();
    let rise = |bars: &[Vec<Bar>]| {
        volatile.iter().map(|index| (bars[span - 1][*index].close / bars[0][*index].open).ln()).sum::<f64>()
    };
    let hours = grid.bars.windows(span).map(|bars| (bars[span - 1][0].time + grid.interval - lead, rise(bars)));
    let hours = hours.filter(|(start, _)| (first..=last).contains(start));
    hours.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(start, _)| start)
}

/// A run on the markets.
pub(crate) struct Run {
    /// When it begins, unix seconds.
    pub start: i64,
    /// Index of the token's reserve in each market.
    reserve: usize,
    /// In each market, who runs, and the cash when it began.
    markets: Vec<(Vec<usize>, Option<u64>)>,
}

impl Run {
    /// From a time on. Of each market's lenders the first run, and not the last, who is the vault's predecessor.
    pub fn new(start: i64, crowds: &[Crowd], reserve: usize) -> Self {
        let runners = |crowd: &Crowd| {
            let others = &crowd.population.lenders[..crowd.population.lenders.len() - 1];
            let brought = others.iter().enumerate().filter(|(_, lender)| lender.reserve == reserve);
            let all: f64 = brought.clone().map(|(_, lender)| lender.usd).sum();
            let mut sum = 0.0;
            let runs = |usd: f64| {
                let is_needed = sum < RUNNING * all;
                sum += usd;
                is_needed
            };
            let mut runs = runs;
            brought.filter(|(_, lender)| runs(lender.usd)).map(|(index, _)| index).collect()
        };
        Self { start, reserve, markets: crowds.iter().map(|crowd| (runners(crowd), None)).collect() }
    }

    /// Those who run take out what they can: all that is there goes evenly over [`USED_UP`], and later at once.
    pub fn markets_lenders_run(&mut self, world: &mut World, index: usize, crowd: &mut Crowd) -> Result<()> {
        let (runners, cash_before) = &mut self.markets[index];
        crowd.away.extend(runners.iter());
        world.market = crowd.market;
        let market = world.market()?;
        let cash = market.reserves[self.reserve].cash;
        let before = *cash_before.get_or_insert(cash);
        let left = (1.0 - (world.now - self.start) as f64 / USED_UP as f64).max(0.0);
        let out = cash.saturating_sub((before as f64 * left) as u64);
        let mut held = Vec::new();
        for runner in runners.iter() {
            held.push(lent(world, &crowd.population.lenders[*runner])?);
        }
        let all: u64 = held.iter().sum();
        for (runner, held) in runners.iter().zip(held).filter(|(_, held)| *held > 0) {
            // Each its part, and at most what it has.
            let part = (out.min(all) as u128 * held as u128 / all as u128) as u64;
            let lender = &crowd.population.lenders[*runner];
            withdraw_to(world, crowd.market, lender, held - part)?;
        }
        Ok(())
    }
}

/// Atoms that a lender has lent to the market at hand.
fn lent(world: &World, lender: &Lender) -> Result<u64> {
    let shares = world.margin_account(&lender.margin)?.shares(lender.reserve as u8, Side::Deposit);
    let index = world.market()?.reserves[lender.reserve].deposit_index_at(world.now);
    Ok(shares.map_or(0, |shares| index.amount_floor(shares)))
}

/// A lender takes out what a market has until so many atoms are left.
pub(crate) fn withdraw_to(world: &mut World, market: Address, lender: &Lender, left: u64) -> Result<()> {
    world.market = market;
    let lent = lent(world, lender)?;
    let view = world.market()?;
    let cash = view.reserves[lender.reserve].cash;
    let amount = if left == 0 && lent < cash { EVERYTHING } else { lent.saturating_sub(left).min(cash) };
    if lent > 0 && amount > 0 {
        let withdraw = view.withdraw(lender.owner, lender.margin, lender.wallet, lender.reserve as u8, amount)?;
        world.send("withdraw", withdraw).context("a lender leaves a market")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::windows::Window;
    use ballast_time::full_label;

    #[test]
    fn lenders_leave_by_the_measured_curve() {
        let left_by = |seconds: i64| {
            (0..10_000).filter(|place| wish(*place as f64 / 1e4).is_some_and(|wants| wants < seconds)).count()
        };
        assert_eq!([0, DAY, 2 * DAY, 4 * DAY, 100 * DAY].map(left_by), [0, 1_400, 1_800, 3_300, 3_300]);
        assert_eq!((wish(0.0), wish(0.07), wish(0.33), wish(1.0)), (Some(0), Some(DAY / 2), None, None));
    }

    #[test]
    fn a_run_begins_before_the_hardest_hour_and_has_four_days() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(crate::windows::FOLDER);
        let grid = |window: Window| {
            crate::windows::load(&window.files(&folder), crate::grid::Span::ALL).expect("the repository's data")
        };
        let label = |window, lead| beginning(&grid(window), lead).map(full_label);
        assert_eq!(label(Window::March2020, 0).as_deref(), Some("2020-03-12 11:00"));
        assert_eq!(label(Window::March2020, DAY).as_deref(), Some("2020-03-11 11:00"));
        assert_eq!(label(Window::October2025, 0).as_deref(), Some("2025-10-10 21:20"));
        let mut short = grid(Window::October2025);
        short.bars.truncate(5 * 288 - 1);
        assert_eq!(beginning(&short, 0), None);
    }
}

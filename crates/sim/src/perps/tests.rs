//! Needs the program: scripts/build.

use std::path::Path;

use super::{
    informed::{Charge, Desk, Habit, Trial, Trips},
    *,
};
use crate::{
    policy::Policy,
    replay::Phases,
    windows::{FOLDER, Window, load},
};

const SETTING: Setting = Setting {
    policy: Policy::Fixed,
    traders: 60,
    seed: 20_251_010,
    absence: 0,
    phases: Phases { hourly: [0; 5], near_insolvency: 0 },
};

fn bytecode() -> Vec<u8> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/deploy/ballast.so");
    std::fs::read(file).expect("the program")
}

/// Some hours of the week of October 2025, from so many hours after it begins.
fn october(from: i64, hours: i64) -> Grid {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(FOLDER);
    let files = Window::October2025.files(&folder);
    let all = load(&files, crate::grid::Span::ALL).expect("the repository's data");
    let start = all.bars[0][0].time + from * 3_600;
    load(&files, crate::grid::Span { from: start, to: start + hours * 3_600 }).expect("the repository's data")
}

/// The hours of the crash: of 10 October, 21:00 UTC.
fn crash() -> Grid {
    october(CRASH - 6, 10)
}

/// Hours from the first bar of the week to the crash.
const CRASH: i64 = 69;

/// In the crash the pool's gains have sources to the atom, books balance after each bar, and no action on a perp moves an index (all of
/// that is required while it is played).
#[test]
fn through_a_crash_all_that_the_pool_gains_has_a_source() {
    let record = play(&bytecode(), &crash(), SETTING, &|| {}).expect("it is played and its books balance");
    let sources = &record.tally.sources;
    assert!(record.tally.actions > 200, "{} actions", record.tally.actions);
    // Two roundings of an atom for each amount that an action moves.
    let most = (record.tally.actions as i128 * 8) << 32;
    assert!(sources.rounding.abs() < most, "{} atoms of {} actions", sources.rounding >> 32, record.tally.actions);
    assert!(
        sources.fees > 0 && sources.spread > 0 && sources.borrow > 0 && sources.funding >= 0 && sources.interest > 0
    );
    assert!(sources.forfeited >= 0 && sources.bad_debt <= 0);
    assert!(record.tally.counts.0 > 0, "somebody is liquidated");
    let layers = &record.tally.layers;
    assert_eq!((layers.pool as i128) << 32, -sources.bad_debt);
    assert_eq!(record.market.settled.0, 0, "no lender loses");
    // What prices gave is what the skew lost: within what spread and timing leave.
    assert!(record.frames.iter().all(|frame| frame.share > 0.0 && frame.value > 0.0));
}

#[test]
fn the_same_seed_plays_the_same_and_another_does_not() {
    let grid = october(CRASH - 2, 3);
    let figures = |seed: u64| {
        let record = play(&bytecode(), &grid, Setting { seed, ..SETTING }, &|| {}).expect("played");
        format!("{:?} {:?} {:?}", record.frames, record.tally, record.arbitrage)
    };
    let first = figures(1);
    // At the same time as another, on a thread of its own.
    let (again, other) = std::thread::scope(|scope| {
        let again = scope.spawn(|| figures(1));
        let other = scope.spawn(|| figures(2));
        (again.join().expect("played"), other.join().expect("played"))
    });
    assert!(first == again, "two runs of one seed differ");
    assert!(first != other, "two seeds are the same");
}

#[test]
fn a_pool_that_gained_from_nowhere_is_told() {
    let grid = october(CRASH, 1);
    let mut play = Play::set_up(&bytecode(), &grid, SETTING).expect("a market");
    play.bar(&grid.bars[0], grid.interval).expect("balanced");
    play.record.tally.sources.fees += 1;
    let error = play.bar(&grid.bars[1], grid.interval).expect_err("it does not balance").to_string();
    assert!(error.contains("what it gained and was given makes"), "{error}");
    play.record.tally.sources.fees -= 1;
    // A deposit of nobody that is counted.
    play.owners.pop();
    let error = play.bar(&grid.bars[2], grid.interval).expect_err("it does not balance").to_string();
    assert!(error.contains("owners hold"), "{error}");
}

/// What comes of trips with SOL.
fn trips(desk: &Desk, grid: &Grid, charge: Charge, ahead: usize, habit: Habit) -> Trips {
    let trial = Trial { ahead, habit, is_uncertain: true, charge, size: 1.0 };
    let all = desk.play(grid, desk.assets()[0], Clock::Bursts, 1, &[trial]).expect("played");
    Trips::joined(all.iter())
}

/// Who sees some seconds ahead, and picks the best moment of each minute, loses to the pool on average where the fee is for as many
/// seconds. With the least fee alone he gains. What he loses the pool gains to the atom: that is required of each trip.
#[test]
fn who_sees_ahead_loses_where_the_fee_is_for_as_much() {
    let grid = october(21, 48);
    let desk = Desk::new(&bytecode(), &grid, Policy::Fixed, 1e6).expect("a market");
    for ahead in informed::AHEAD {
        let must = |charge| trips(&desk, &grid, charge, ahead, Habit::Must(60)).mean();
        let (mean, error) = must(Charge { deviations: 30_000, lag: ahead as u16 });
        assert!(mean + 3.0 * error < 0.0, "who sees {ahead} s gains {mean} ± {error}");
        let (free, _) = must(Charge { deviations: 0, lag: 0 });
        assert!(free > mean, "the fee changes nothing for who sees {ahead} s: {free}");
    }
}

/// Who trades only where it pays does not lose by it: what the fee does is that he finds fewer moments.
#[test]
fn a_fee_for_more_seconds_leaves_fewer_moments_that_pay() {
    let grid = october(21, 48);
    let desk = Desk::new(&bytecode(), &grid, Policy::Fixed, 1e6).expect("a market");
    let may = |deviations, lag| trips(&desk, &grid, Charge { deviations, lag }, 10, Habit::May);
    let all = [may(0, 0), may(30_000, 1), may(30_000, 10)];
    let count = all.each_ref().map(Trips::a_day);
    assert!(count[0] > count[1] && count[1] > 2.0 * count[2], "{count:?} trips a day");
    let (dear, default) = (all[2].daily(1), all[1].daily(1));
    assert!(dear < 0.8 * default, "{dear} instead of {default} atoms a day");
    assert_eq!(may(30_000, 1).trips, all[1].trips, "the same seed gives the same trips");
    // He hardly loses where he need not trade.
    assert!(all[1].mean().0 > 0.0);
}

/// Trips with each asset through the crash are the same by the bytecode as by the engine; some are refused by both.
#[test]
fn each_of_his_trades_moves_the_same_on_the_bytecode() {
    let grid = october(CRASH - 20, 30);
    let (ahead, habit, charge) = (10, Habit::May, Charge::ALL[0]);
    let assets = Desk::new(&bytecode(), &grid, Policy::Fixed, 1e6).expect("a market").assets();
    for reserve in assets {
        let mut desk = Desk::new(&bytecode(), &grid, Policy::Fixed, 1e6).expect("a market");
        let trial = Trial { ahead, habit, is_uncertain: true, charge, size: 1.0 };
        let same = desk.check(&grid, reserve, 1, &trial, 12).expect("the same");
        assert!(same >= 16, "{same} trades");
    }
}

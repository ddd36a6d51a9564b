//! Runs under stress: on the engine as on the bytecode, whoever is looked at. Needs the program: scripts/build.

use std::path::Path;

use anyhow::Result;
use ballast_sim::{
    grid::{Grid, Span},
    policy::Policy,
    replay::Phases,
    stress::{
        Scenario,
        bots::BOTS,
        outcome::{Figure, Outcome},
        people::{Cast, Response},
        proof::prove,
        run::play,
    },
    windows::{FOLDER, Window, load},
};

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Some hours of the week of October 2025, from so many hours after it begins. The crash is in the seventieth.
fn october(from: i64, hours: i64) -> Result<Grid> {
    let files = Window::October2025.files(&root().join(FOLDER));
    let start = load(&files, Span::ALL)?.bars[0][0].time + from * 3_600;
    load(&files, Span { from: start, to: start + hours * 3_600 })
}

fn scenario(policy: Policy) -> Scenario {
    Scenario {
        policy,
        phases: Phases { hourly: [0, 0, 400_000, 0, 0], near_insolvency: 300 },
        traders: 80,
        response: Response { leverage: 1.0, never: 0.3, attention: 2.0, runners: 0.3, flight: 0.1 },
        whale: 0.2,
        insurance: 0.001,
        depths: vec![4_000.0, 40_000.0, 20_000.0, f64::INFINITY, f64::INFINITY],
        half_life: 1_800,
        floor: 0.1,
        bots: BOTS.to_vec(),
        delay: 5,
        outage: 600,
        attack: 50_000.0,
    }
}

/// Plays a run.
fn run(scenario: &Scenario, grid: &Grid, seed: u64) -> Result<Outcome> {
    let cast = Cast::new(scenario, grid, &grid.extremes(), 7, false)?;
    play(scenario, &cast, grid, seed).map(|run| run.0)
}

#[test]
fn a_run_passes_nobody_over_and_leaves_the_bytes_of_the_same_run_on_the_bytecode() -> Result<()> {
    let bytecode = std::fs::read(root().join("target/deploy/ballast.so"))?;
    let grid = october(66, 6)?;
    for policy in Policy::ALL {
        let (figures, compared) = prove(&bytecode, &scenario(policy), (&grid, &grid), &grid.extremes(), (7, 1))?;
        assert!(figures[Figure::Liquidations] > 10.0 && figures[Figure::Impact] > 0.01, "{figures:?}");
        assert!(figures[Figure::Insurance] > 0.0 && figures[Figure::Depositors] > 0.0, "{figures:?}");
        assert!(compared > 500, "{compared} actions");
    }
    Ok(())
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_another() -> Result<()> {
    let (grid, scenario) = (october(68, 3)?, scenario(Policy::Fixed));
    let [first, again, other] = [1, 1, 2].map(|seed| run(&scenario, &grid, seed));
    let first = first?;
    assert_eq!(first, again?);
    assert_ne!(first, other?);
    Ok(())
}

#[test]
fn without_a_move_nothing_is_lost_and_a_thinner_book_never_loses_less() -> Result<()> {
    let mut still = october(66, 3)?;
    let opens: Vec<_> = still.bars[0].iter().map(|bar| bar.open).collect();
    for bars in &mut still.bars {
        for (bar, price) in bars.iter_mut().zip(&opens) {
            (bar.open, bar.high, bar.low, bar.close) = (*price, *price, *price, *price);
        }
    }
    let calm = Scenario { attack: 0.0, outage: 0, ..scenario(Policy::Fixed) };
    let outcome = run(&calm, &still, 1)?;
    for figure in [Figure::Fall, Figure::BadDebt, Figure::Liquidated, Figure::UnderWater, Figure::Impact] {
        assert_eq!(outcome[figure], 0.0, "{figure:?}: {outcome:?}");
    }

    let grid = october(66, 6)?;
    let lost = |depth: f64| {
        let depths = calm.depths.iter().map(|whole| whole * depth).collect();
        run(&Scenario { depths, ..calm.clone() }, &grid, 1).map(|figures| figures[Figure::BadDebt])
    };
    let losses = [100.0, 10.0, 1.0, 0.3].map(lost).into_iter().collect::<Result<Vec<_>>>()?;
    assert!(losses.is_sorted() && losses[0] < losses[3], "{losses:?}");
    Ok(())
}

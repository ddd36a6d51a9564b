//! Liquidation in phases: so much at a time, and at a penalty that grows with time.

use crate::support::liquidation_scene::{LiquidationScene, assert_near, liquidated};
use ballast_client::{Event, LiquidatableMarked};
use ballast_engine::{Error, number::units::Bps};
use ballast_tests::{Outcome, SOL, Scene, USD, User};

/// 10^-8 USD in one USD.
const DOLLAR: u64 = 100_000_000;

/// Limits the sol that liquidations take in an hour, whole USD.
#[track_caller]
fn limit_reserve(scene: &mut LiquidationScene, dollars: u32) {
    let sol = scene.sol;
    scene.world.reconfigure(sol, |config| config.breakers.liquidation_hour = dollars).expect_ok();
}

#[track_caller]
fn limit_market(scene: &mut LiquidationScene, dollars: u32) {
    scene.world.reconfigure_market(|config| config.liquidation_hour = dollars).expect_ok();
}

/// A full window leaves no more than what rounding left of it: less than a cent.
#[track_caller]
fn assert_waits(outcome: Outcome) {
    match outcome.engine_error() {
        Some(Error::LiquidationThrottled | Error::LiquidationWorsensHealth | Error::AmountTooSmall) => {}
        _ => assert!(taken(liquidated(outcome).seized) < 0.01),
    }
}

/// USD that a liquidation takes at 115 USD.
fn taken(seized: u64) -> f64 {
    seized as f64 / SOL as f64 * 115.0
}

#[test]
fn a_liquidation_takes_what_the_window_has_room_for_and_the_next_waits() {
    for limit in [limit_reserve, limit_market] {
        let mut scene = LiquidationScene::new();
        limit(&mut scene, 1_000);
        let event = liquidated(scene.liquidate(u64::MAX));
        assert_near(taken(event.seized), 1_000.0);
        assert_near(event.repaid as f64 / USD as f64, 1_000.0 / (1.0 + event.penalty as f64 / 1e4));
        assert_waits(scene.liquidate(u64::MAX));
        // Half an hour later half of it has drained.
        scene.world.advance(1_800);
        scene.world.refresh_all();
        let event = liquidated(scene.liquidate(u64::MAX));
        assert!((499.0..501.0).contains(&taken(event.seized)), "{}", event.seized);
        scene.world.assert_conserved();
    }
}

#[test]
fn small_liquidations_fill_the_same_window() {
    let mut scene = LiquidationScene::new();
    limit_reserve(&mut scene, 1_000);
    let mut total = 0.0;
    for _ in 0..5 {
        total += taken(liquidated(scene.liquidate(200 * USD)).seized);
    }
    assert_waits(scene.liquidate(200 * USD));
    assert_near(total, 1_000.0);
    let level = scene.world.reserve(scene.sol).liquidated.used.0;
    assert!((999 * DOLLAR..=1_000 * DOLLAR).contains(&level), "{level}");
}

#[test]
fn the_windows_of_reserve_and_market_both_hold() {
    for (reserve, market) in [(500, 1_000), (1_000, 500)] {
        let mut scene = LiquidationScene::new();
        limit_reserve(&mut scene, reserve);
        limit_market(&mut scene, market);
        let event = liquidated(scene.liquidate(u64::MAX));
        assert_near(taken(event.seized), 500.0);
        let (one, other) = (scene.world.reserve(scene.sol).liquidated, scene.world.view().market.liquidated);
        assert_eq!(one, other, "both count it");
        assert_waits(scene.liquidate(u64::MAX));
    }
}

#[test]
fn the_window_of_the_market_is_shared_by_its_accounts() {
    let mut scene = Scene::new();
    let second = scene.world.user("second");
    scene.world.supply(second, scene.sol, 100 * SOL);
    scene.world.refresh_all();
    scene.world.borrow(second, scene.usd, 10_000 * USD).expect_ok();
    let mut scene = LiquidationScene::of(scene);
    limit_market(&mut scene, 1_000);
    liquidated(scene.liquidate(u64::MAX));
    let order = scene.order(u64::MAX);
    assert_waits(scene.world.liquidate(scene.liquidator, second.margin, order));
}

#[test]
fn in_two_halves_a_liquidation_waits_too() {
    let mut scene = LiquidationScene::new();
    limit_reserve(&mut scene, 1_000);
    let seized = scene.preview(u64::MAX).seized;
    let [begin, end] = scene.receivership(u64::MAX);
    let sale = scene.sell(seized, 114);
    let event = liquidated(scene.world.send(&[begin.clone(), sale, end.clone()]));
    assert_near(taken(event.seized), 1_000.0);
    scene.fund_liquidator(10_000 * USD);
    assert_waits(scene.world.send(&[begin, end]));
    scene.world.assert_conserved();
}

#[test]
fn near_insolvency_nothing_waits() {
    // The equity is 6 % and 4 % of the debt.
    for (dollars, is_exempt) in [(106.0, false), (104.0, true)] {
        let mut scene = LiquidationScene::new();
        scene.world.reconfigure_market(|config| config.near_insolvency = Bps(500)).expect_ok();
        limit_reserve(&mut scene, 1_000);
        scene.sol_at(dollars);
        let event = liquidated(scene.liquidate(u64::MAX));
        let taken = event.seized as f64 / SOL as f64 * dollars;
        assert_eq!(taken > 1_001.0, is_exempt, "{taken} USD at {dollars}");
        // It counts, so that those who are not near wait.
        let level = scene.world.reserve(scene.sol).liquidated.used.0;
        assert_near(level as f64 / DOLLAR as f64, taken);
        scene.world.assert_conserved();
    }
}

// The penalty and time.

/// Full penalty half an hour after the account is known to be liquidatable.
fn waiting() -> LiquidationScene {
    let mut scene = LiquidationScene::new();
    scene.world.reconfigure_market(|config| config.full_penalty_after = 1_800).expect_ok();
    // 300 bps at the line, and 700 more at a tenth short; 1.3 % are missing.
    scene.sol_at(122.0);
    scene
}

/// The penalty of a liquidation now.
#[track_caller]
fn penalty(scene: &LiquidationScene) -> u16 {
    scene.preview(100 * USD).penalty.0
}

#[track_caller]
fn mark(scene: &mut LiquidationScene) -> LiquidatableMarked {
    let margin = scene.trader.margin;
    let Event::LiquidatableMarked(event) = scene.world.mark_liquidatable(margin).expect_event() else {
        panic!("another event")
    };
    event
}

#[track_caller]
fn pass(scene: &mut LiquidationScene, seconds: i64) {
    scene.world.advance(seconds - 1);
    scene.world.refresh_all();
}

#[test]
fn the_penalty_grows_from_when_anyone_saw_the_account() {
    let mut scene = waiting();
    let at_first = penalty(&scene);
    assert!((380..=400).contains(&at_first), "{at_first}");
    let now = scene.world.now();
    let event = mark(&mut scene);
    assert_eq!((event.account, event.since), (scene.trader.margin, now));
    assert_eq!(scene.world.margin(&scene.trader.margin).liquidatable_since, now);
    for (seconds, more) in [(900, 350), (450, 525), (450, 700), (600, 700)] {
        pass(&mut scene, seconds);
        let grown = penalty(&scene);
        // 700 in 1,800 seconds, up to the maximum of 1,000.
        assert!(grown.abs_diff((at_first + more).min(1_000)) <= 2, "{grown} instead of {at_first} + {more}");
        assert!(grown <= 1_000);
    }
    let event = liquidated(scene.liquidate(100 * USD));
    assert_eq!(event.penalty, 1_000);
    scene.world.assert_conserved();
}

#[test]
fn a_liquidation_itself_is_the_first_sight() {
    let mut scene = waiting();
    let first = liquidated(scene.liquidate(100 * USD));
    assert_eq!(scene.world.margin(&scene.trader.margin).liquidatable_since, scene.world.now());
    pass(&mut scene, 900);
    let second = liquidated(scene.liquidate(100 * USD));
    assert!(second.penalty > first.penalty + 300, "{} after {}", second.penalty, first.penalty);
}

#[test]
fn unseen_accounts_start_at_the_beginning() {
    let mut scene = waiting();
    let at_first = penalty(&scene);
    mark(&mut scene);
    // It may have recovered since.
    pass(&mut scene, 3_700);
    assert!(penalty(&scene).abs_diff(at_first) <= 2);
    // Seen again and again, it has not.
    let since = mark(&mut scene).since;
    for _ in 0..3 {
        pass(&mut scene, 3_000);
        assert_eq!(mark(&mut scene).since, since);
    }
    assert_eq!(penalty(&scene), 1_000);
}

#[test]
fn who_recovers_starts_at_the_beginning() {
    let mut scene = waiting();
    let at_first = penalty(&scene);
    mark(&mut scene);
    scene.sol_at(150.0);
    assert_eq!(mark(&mut scene).since, 0);
    pass(&mut scene, 1_000);
    scene.sol_at(122.0);
    assert!(penalty(&scene).abs_diff(at_first) <= 2);
    // A liquidation to the target is a recovery.
    mark(&mut scene);
    liquidated(scene.liquidate(u64::MAX));
    assert_eq!(scene.world.margin(&scene.trader.margin).liquidatable_since, 0);
}

#[test]
fn marking_a_healthy_account_marks_nothing() {
    let mut scene = waiting();
    scene.sol_at(150.0);
    assert_eq!(mark(&mut scene).since, 0);
    scene.sol_at(122.0);
    let market = scene.world.create_market(1, ballast_tests::market_config());
    let mut wrong = scene.world.view().mark_liquidatable(scene.trader.margin);
    wrong.accounts[0].pubkey = market;
    scene.world.send_one(wrong).expect_error(Error::WrongMarket);
}

/// A price that nobody refreshes is read in the borrower's favour: it does not prove that the account has recovered.
#[test]
fn old_prices_do_not_start_the_clock_again() {
    let mut scene = waiting();
    let since = mark(&mut scene).since;
    scene.world.advance(61);
    assert_eq!(mark(&mut scene).since, since);
    scene.world.refresh_all();
    assert_eq!(scene.world.margin(&scene.trader.margin).liquidatable_since, since);
}

/// Collateral that comes and goes within a transaction does not either.
#[test]
fn a_passing_deposit_does_not_start_the_clock_again() {
    let mut scene = waiting();
    let since = mark(&mut scene).since;
    let LiquidationScene { world, sol, trader: User { key, margin }, .. } = &mut scene;
    let tokens = world.fund(key, *sol, 100 * SOL);
    let view = world.view();
    let deposit = view.deposit(*key, *margin, tokens, *sol, 100 * SOL).expect("listed");
    let mark = view.mark_liquidatable(*margin);
    let withdraw = view.withdraw(*key, *margin, tokens, *sol, 100 * SOL).expect("listed");
    world.send(&[deposit, mark, withdraw]).expect_error(Error::InitialHealthTooLow);
    assert_eq!(world.margin(margin).liquidatable_since, since);
}

#[test]
fn the_penalty_leaves_a_solvent_account_solvent_however_long_it_waited() {
    let mut scene = waiting();
    mark(&mut scene);
    pass(&mut scene, 1_800);
    // The equity is 6 %.
    scene.sol_at(106.0);
    let event = liquidated(scene.liquidate(100 * USD));
    assert!(event.penalty.abs_diff(600) <= 1, "{}", event.penalty);
}

/// The two restrictions together: a large account is taken in pieces, its penalty growing meanwhile.
#[test]
fn a_large_account_is_liquidated_piece_by_piece() {
    let mut scene = waiting();
    scene.sol_at(118.0);
    limit_reserve(&mut scene, 2_000);
    let mut penalties = Vec::new();
    while scene.maintenance() < 1.0 && penalties.len() < 40 {
        penalties.push(liquidated(scene.liquidate(u64::MAX)).penalty);
        pass(&mut scene, 600);
    }
    assert!(penalties.len() > 2 && penalties.is_sorted(), "{penalties:?}");
    scene.liquidate(u64::MAX).expect_error(Error::AccountIsHealthy);
    scene.world.assert_conserved();
}

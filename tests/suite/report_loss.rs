//! Reported losses: whoever leaves before they are settled bears his part, and no transaction escapes them.

use crate::support::insured_market::{COOLDOWN, insured_reserve_config, seize_all, staker};
use ballast_client::{Event, Instruction, LiquidationOrder, LossReported};
use ballast_engine::{
    Error,
    ledger::EVERYTHING,
    number::units::{Part, Shares},
};
use ballast_tests::{Quote, SOL, Scene, USD, User, World};

/// A second lender of 3,000,000 USD, and a trader who owes 10,000 USD on collateral worth 5,000.
fn lost(mut scene: Scene) -> (Scene, User) {
    let other = scene.world.user("other lender");
    scene.world.supply(other, scene.usd, 3_000_000 * USD);
    scene.world.refresh_all();
    scene.world.borrow(scene.trader, scene.usd, 10_000 * USD).expect_ok();
    scene.world.refresh_all();
    scene.world.set_price(scene.sol, Quote::dollars(50.0)).expect_ok();
    (scene, other)
}

/// The same with all collateral seized, and what is left reported.
fn seized(scene: Scene) -> (Scene, User) {
    let (mut scene, other) = lost(scene);
    seize_all(&mut scene.world, scene.trader, scene.usd, scene.sol);
    scene.world.report_loss(scene.trader.margin).expect_ok();
    (scene, other)
}

#[track_caller]
fn report(world: &mut World, user: User) -> LossReported {
    match world.report_loss(user.margin).expect_event() {
        Event::LossReported(event) => event,
        other => panic!("another event: {other:?}"),
    }
}

#[test]
fn anyone_reports_a_loss_and_it_is_logged() {
    let (Scene { mut world, usd, sol, trader, .. }, _) = lost(Scene::new());
    let before = world.view().market.events;
    let done = report(&mut world, trader);
    assert_eq!((done.number, done.account, done.before), (before + 1, trader.margin, 0));
    assert!((Part(done.after).to_f64() - 0.5).abs() < 1e-3, "{done:?}");
    let (margin, reserve) = (world.margin(&trader.margin), world.reserve(usd));
    assert_eq!(margin.doubtful, Part(done.after));
    assert_eq!(reserve.doubtful, Part(done.after).of(Shares(world.debt_shares(trader, usd))));
    world.report_loss(trader.margin).expect_error(Error::LossUnchanged);
    // Once the price is back, anyone takes it back.
    world.set_price(sol, Quote::dollars(150.0)).expect_ok();
    let cured = report(&mut world, trader);
    assert_eq!((cured.before, cured.after, world.reserve(usd).doubtful), (done.after, 0, Shares(0)));
    world.report_loss(trader.margin).expect_error(Error::LossNotProven);
    world.assert_conserved();
}

#[test]
fn a_lender_who_leaves_first_bears_what_he_would_bear_later() {
    for scene in Scene::both() {
        let (Scene { world, usd, trader, lender, .. }, other) = seized(scene);
        let (mut early, mut late) = (world.fork(), world);
        early.withdraw(lender, usd, EVERYTHING).expect_ok();
        early.settle(trader.margin, usd).expect_ok();
        early.withdraw(other, usd, EVERYTHING).expect_ok();
        late.settle(trader.margin, usd).expect_ok();
        late.withdraw(lender, usd, EVERYTHING).expect_ok();
        late.withdraw(other, usd, EVERYTHING).expect_ok();
        for user in [lender, other] {
            let (one, same) = (early.balance(&user.key, usd), late.balance(&user.key, usd));
            assert!(one.abs_diff(same) <= 1, "{one} and {same}");
        }
        let borne = 1_000_000 * USD - early.balance(&lender.key, usd);
        assert!(borne > 1_250 * USD, "a quarter of more than 5,000: {borne}");
        early.assert_conserved();
        late.assert_conserved();
    }
}

#[test]
fn a_staker_who_leaves_first_bears_the_loss_before_the_lenders_do() {
    let mut scene = Scene::configured(insured_reserve_config());
    let stakers = ["first", "second"].map(|name| staker(&mut scene.world, name, scene.usd, 20_000 * USD));
    for staker in stakers {
        scene.world.begin_unstake(staker, scene.usd, 10_000 * USD).expect_ok();
    }
    scene.world.advance(COOLDOWN);
    scene.world.refresh_all();
    let (Scene { world, usd, trader, lender, .. }, _) = seized(scene);
    let reserve = world.reserve(usd);
    assert_eq!(reserve.exit_index_at(world.now()), reserve.deposit_index_at(world.now()), "the lenders bear none");
    let (mut early, mut late) = (world.fork(), world);
    early.unstake(stakers[0], usd).expect_ok();
    early.settle(trader.margin, usd).expect_ok();
    late.settle(trader.margin, usd).expect_ok();
    late.unstake(stakers[0], usd).expect_ok();
    let [one, same] = [&early, &late].map(|world| world.balance(&stakers[0], usd));
    assert!(one.abs_diff(same) <= 1 && one < 9_000 * USD, "{one} and {same}");
    let worth = |world: &World| world.reserve(usd).insurance.worth(world.stake_of(&stakers[1], usd).shares);
    assert!(worth(&early).abs_diff(worth(&late)) <= 1);
    for mut world in [early, late] {
        world.withdraw(lender, usd, EVERYTHING).expect_ok();
        assert!(world.balance(&lender.key, usd) >= 1_000_000 * USD);
        world.assert_conserved();
    }
}

#[test]
fn who_would_leave_with_nothing_is_kept() {
    let mut scene = Scene::configured(insured_reserve_config());
    let staker = staker(&mut scene.world, "staker", scene.usd, 1_000 * USD);
    scene.world.begin_unstake(staker, scene.usd, 1_000 * USD).expect_ok();
    scene.world.advance(COOLDOWN);
    scene.world.refresh_all();
    let (Scene { mut world, usd, .. }, _) = seized(scene);
    world.unstake(staker, usd).expect_error(Error::LossPending);
    assert_eq!(world.stake_of(&staker, usd).shares.0, 1_000 * USD);
}

#[test]
fn new_risk_that_is_covered_takes_the_report_back() {
    let (Scene { mut world, usd, sol, trader, .. }, _) = lost(Scene::new());
    report(&mut world, trader);
    world.borrow(trader, usd, USD).expect_error(Error::InitialHealthTooLow);
    assert_ne!(world.reserve(usd).doubtful, Shares(0));
    world.set_price(sol, Quote::dollars(150.0)).expect_ok();
    for outcome in [world.fork().withdraw(trader, sol, SOL), world.borrow(trader, usd, USD)] {
        outcome.expect_ok();
    }
    assert_eq!((world.reserve(usd).doubtful, world.margin(&trader.margin).doubtful), (Shares(0), Part::ZERO));
}

/// Repaying atoms, liquidating, depositing, alone and with a report: in one transaction with leaving, none of it pays.
#[test]
fn nothing_in_the_same_transaction_escapes_a_report() {
    let (Scene { mut world, usd, sol, lender, trader }, _) = lost(Scene::new());
    report(&mut world, trader);
    world.fund(&lender.key, usd, 20_000 * USD);
    world.fund(&lender.key, sol, SOL);
    let (own_usd, own_sol) = (world.tokens(&lender.key, usd), world.tokens(&lender.key, sol));
    let view = world.view();
    let leave = view.withdraw(lender.key, lender.margin, own_usd, usd, EVERYTHING).expect("listed");
    let honest = {
        let mut world = world.fork();
        world.send(std::slice::from_ref(&leave)).expect_ok();
        world.balance(&lender.key, usd)
    };
    let report = view.report_loss(trader.margin);
    let repay = |atoms| view.repay(lender.key, trader.margin, own_usd, usd, atoms).expect("listed");
    let liquidate = |max_repay| {
        let order = LiquidationOrder { debt: usd, collateral: sol, max_repay, min_collateral: 0 };
        view.liquidate(lender.key, trader.margin, own_usd, own_sol, order).expect("listed")
    };
    let deposit = |lamports| view.deposit(lender.key, trader.margin, own_sol, sol, lamports).expect("listed");
    let attacks: [&[Instruction]; 7] = [
        &[repay(2)],
        &[repay(USD), report.clone()],
        &[deposit(1)],
        &[deposit(SOL), report.clone()],
        &[liquidate(USD)],
        &[liquidate(EVERYTHING)],
        &[repay(2), liquidate(1_000 * USD), repay(2), report.clone()],
    ];
    for (index, attack) in attacks.into_iter().enumerate() {
        let mut world = world.fork();
        let outcome = world.send(&[attack, std::slice::from_ref(&leave)].concat()).expect_ok();
        // What he seized, or gave, is worth 50 USD a SOL; the penalty is every liquidator's.
        let seized = (world.balance(&lender.key, sol) as i64 - SOL as i64) / 1_000 * 50;
        let penalty: i64 = outcome
            .events
            .iter()
            .map(|event| match event {
                Event::Liquidated(done) => (done.repaid * done.penalty as u64 / 10_000) as i64,
                _ => 0,
            })
            .sum();
        let left = world.balance(&lender.key, usd) as i64 + seized - penalty;
        assert!(left <= honest as i64 + 1_000, "attack {index}: {left} instead of {honest}");
    }
    world.send(&[report, leave]).expect_error(Error::LossUnchanged);
}

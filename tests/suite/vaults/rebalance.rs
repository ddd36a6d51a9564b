//! Moves, by the bytecode.

use ballast_client::IDLE;
use ballast_engine::{Error, number::units::Bps};
use ballast_tests::{USD, VaultScene, vault_config};

use super::{depositor, settle};

#[test]
fn two_calls_in_a_row_move_once() {
    let mut scene = VaultScene::new(3);
    let (_, keeper) = (depositor(&mut scene, "alice", 300_000), scene.world.key("keeper"));
    scene.pass(3_600);
    let found = scene.next_move().expect("a move");
    let reward = scene.shares(&keeper);
    let rebalance = scene.view().rebalance(&found, reward).expect("its markets");
    scene.world.send(std::slice::from_ref(&rebalance)).expect_ok();
    assert_eq!(scene.held(&keeper), found.reward.0);
    assert!(found.reward.0 > 0);
    scene.world.send(&[rebalance]).expect_error(Error::RebalanceTooSoon);
}

#[test]
fn the_caller_chooses_nothing() {
    let mut scene = VaultScene::new(3);
    let (_, keeper) = (depositor(&mut scene, "alice", 300_000), scene.world.key("keeper"));
    scene.pass(3_600);
    let found = scene.next_move().expect("a move");
    let right = found.to.expect("it is lent");
    let reward = scene.shares(&keeper);
    for slot in (0..3).filter(|slot| *slot != right) {
        let other = ballast_engine::vaults::rebalance::Move { to: Some(slot), ..found };
        let rebalance = scene.view().rebalance(&other, reward).expect("its markets");
        // The market that is to be paid is not writable, or its liquidity vault another.
        assert!(!scene.world.send(&[rebalance]).is_ok(), "{slot}");
        let other = ballast_engine::vaults::rebalance::Move { from: Some(slot), ..found };
        let rebalance = scene.view().rebalance(&other, reward).expect("its markets");
        scene.world.send(&[rebalance]).expect_error(Error::AnotherMove);
    }
}

/// Nothing goes to what is in trouble, and anyone brings back what coverage wants.
#[test]
fn vaults_v20_nothing_goes_to_a_market_in_trouble() {
    let mut scene = VaultScene::new(2);
    depositor(&mut scene, "alice", 300_000);
    scene.pass(3_600);
    let best = scene.next_move().expect("a move").to.expect("it is lent");
    // Its price is too old: nobody could be liquidated there.
    let market = scene.markets[best as usize];
    scene.world.advance(3_600);
    let others: Vec<_> = scene.markets.iter().copied().filter(|other| *other != market).collect();
    for other in others {
        scene.world.market = other;
        scene.world.refresh_all();
    }
    scene.world.market = scene.markets[0];
    let found = scene.next_move();
    assert!(found.is_ok_and(|found| found.to.is_some_and(|slot| slot != best)));
}

#[test]
fn below_coverage_anyone_pulls_back() {
    let mut config = vault_config();
    config.cash_share = Bps(2_000);
    let mut scene = VaultScene::with(2, config);
    let (_, keeper) = (depositor(&mut scene, "alice", 500_000), scene.world.key("keeper"));
    settle(&mut scene);
    let before = scene.report();
    assert!(before.coverage >= 10_000, "{before:?}");
    // Borrowers take most of the cash.
    for (slot, (_, trader)) in scene.users.clone().into_iter().enumerate() {
        scene.world.market = scene.markets[slot];
        let cash = scene.world.reserve(0).cash;
        scene.world.borrow(trader, 0, cash - 60_000 * USD).expect_ok();
    }
    scene.world.market = scene.markets[0];
    scene.pass(60);
    let after = scene.report();
    assert!(after.coverage < 10_000, "{after:?}");
    let mut pulled = 0;
    while let Ok(found) = scene.next_move() {
        assert_eq!(found.to, None, "nothing is lent");
        scene.rebalance(&keeper).expect_ok();
        pulled += 1;
        assert!(pulled < 10);
    }
    let restored = scene.report();
    assert!(pulled > 0 && restored.coverage > after.coverage, "{restored:?}");
    scene.assert_backed();
    let _ = IDLE;
}

#[test]
fn a_vault_at_rest_is_left_alone() {
    let mut scene = VaultScene::new(1);
    let (_, keeper) = (depositor(&mut scene, "alice", 100_000), scene.world.key("keeper"));
    settle(&mut scene);
    assert_eq!(scene.next_move().err(), Some(Error::NothingToRebalance));
    let reward = scene.shares(&keeper);
    let before = scene.vault();
    for (from, to) in [(None, Some(0)), (Some(0), None)] {
        let made_up = ballast_engine::vaults::rebalance::Move { from, to, ..Default::default() };
        let rebalance = scene.view().rebalance(&made_up, reward).expect("its market");
        scene.world.send(&[rebalance]).expect_error(Error::NothingToRebalance);
    }
    assert_eq!(scene.vault(), before);
}

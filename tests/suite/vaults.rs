//! Vaults: tokens in and out, lent and taken back, by the bytecode.

use ballast_client::{Address, IDLE};
use ballast_engine::{Error, number::units::Bps, state::vault::Vault};
use ballast_tests::{USD, VaultScene, vault_config};

/// A depositor with so many usd in the vault.
fn depositor(scene: &mut VaultScene, name: &str, dollars: u64) -> Address {
    let owner = scene.world.key(name);
    scene.deposit(owner, dollars * USD).expect_ok();
    owner
}

#[test]
fn what_goes_in_comes_out() {
    let mut scene = VaultScene::new(3);
    let alice = depositor(&mut scene, "alice", 1_000);
    assert_eq!(scene.held(&alice), 1_000 * USD, "a share is an atom at first");
    scene.assert_backed();
    let all = scene.held(&alice);
    scene.redeem(alice, all, 0).expect_ok();
    assert_eq!((scene.held(&alice), scene.balance(&alice)), (0, 1_000 * USD));
    assert_eq!((scene.vault().idle, scene.vault().shares.0), (Vault::SEED, Vault::SEED));
    scene.assert_backed();
}

#[test]
fn a_vault_lends_and_earns_and_pays_from_three_markets_at_once() {
    let mut scene = VaultScene::new(3);
    let (alice, keeper) = (depositor(&mut scene, "alice", 300_000), scene.world.key("keeper"));
    let mut lent = 0;
    for _ in 0..6 {
        scene.pass(3_600);
        if scene.next_move().is_err() {
            break;
        }
        let found = scene.next_move().expect("a move");
        println!("{found:?}");
        scene.rebalance(&keeper).expect_ok();
        scene.assert_backed();
        lent += 1;
        assert_eq!(scene.next_move().map(|_| ()), Err(Error::RebalanceTooSoon));
    }
    assert!(lent >= 2, "{lent} moves");
    let view = scene.view();
    println!("{:?}", view.report(scene.world.now()));
    scene.pass(86_400 * 30);
    let report = scene.report();
    assert!(report.exit > 300_000 * USD + 500 * USD, "{report:?}");
    assert_eq!(report, scene.view().report(scene.world.now()));
    // Everything that can be had.
    let from = scene.view().all_slots();
    let all = scene.held(&alice);
    let most = scene.view().at(scene.world.now()).max_redeem(ballast_engine::number::units::Shares(all), from).0;
    assert!(most > 0);
    let redeem = scene.redemption(alice, most, from);
    let outcome = scene.world.send(&[redeem]).expect_ok();
    println!("{} CU, {} left of {}", outcome.compute_units, all - most, all);
    scene.assert_backed();
}

#[test]
fn costs() {
    for markets in [1, 3, 8] {
        let mut scene = VaultScene::with(markets, vault_config());
        let alice = depositor(&mut scene, "alice", 300_000);
        let keeper = scene.world.key("keeper");
        for _ in 0..10 {
            scene.pass(3_600);
            if scene.next_move().is_err() {
                break;
            }
            let found = scene.next_move().expect("a move");
            let outcome = scene.rebalance(&keeper).expect_ok();
            println!("{markets} rebalance {:?}->{:?} {}", found.from, found.to, outcome.compute_units);
        }
        let outcome = scene.deposit(alice, 1_000 * USD).expect_ok();
        println!("{markets} deposit {}", outcome.compute_units);
        let outcome = scene.redeem(alice, 1_000 * USD, 0).expect_ok();
        println!("{markets} redeem from idle {}", outcome.compute_units);
        let idle = scene.vault().idle;
        let redeem = scene.redemption(alice, idle + 60_000 * USD, 0b111);
        let outcome = scene.world.send(&[redeem]);
        println!(
            "{markets} redeem through markets {} {} bytes {:?}",
            outcome.compute_units,
            outcome.transaction_bytes,
            outcome.engine_error()
        );
        let report = scene.view().read();
        println!("{markets} read {}", scene.world.send(&[report]).expect_ok().compute_units);
        let _ = (IDLE, Bps(1));
    }
}

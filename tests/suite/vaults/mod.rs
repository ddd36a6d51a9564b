//! Vaults, by the bytecode. What their figures must be is held on the host: crates/engine/tests/suite/vaults.

mod accounts;
mod attacks;
mod exchange;
mod govern;
mod limits;
mod pools;
mod queue;
mod rebalance;
mod sequences;
mod states;
mod terms;

use ballast_client::Address;
use ballast_tests::{USD, VaultScene};

/// A depositor with so many usd in the vault.
fn depositor(scene: &mut VaultScene, name: &str, dollars: u64) -> Address {
    let owner = scene.world.key(name);
    scene.deposit(owner, dollars * USD).expect_ok();
    owner
}

/// Rebalances until nothing is to be done, an interval apart. Returns how often.
pub fn settle(scene: &mut VaultScene) -> usize {
    let keeper = scene.world.key("keeper");
    for moves in 0..12 {
        scene.pass(3_600);
        if scene.next_move().is_err() {
            return moves;
        }
        scene.rebalance(&keeper).expect_ok();
        scene.assert_backed();
    }
    panic!("it never comes to rest");
}

/// The most shares of an owner that can be redeemed now, from all markets.
fn most_to_redeem(scene: &mut VaultScene, owner: &Address) -> u64 {
    let held = ballast_engine::number::units::Shares(scene.held(owner));
    let now = scene.world.now();
    let mut view = scene.view();
    let from = view.all_slots();
    view.at(now).max_redeem(held, from).0
}

//! What the keeper does about the queued changes of vaults, sent to the program's bytecode.

use ballast_client::{
    Address, Edits,
    engine::{
        number::units::Bps,
        state::{
            change::Change,
            vault::{VaultConfig, VaultRoles},
        },
    },
    to_engine,
};
use ballast_keeper::service::vault::work::Chore;
use ballast_tests::vault_config;

use crate::vaults::KeeperOfVaults;

const DELAY: i64 = 691_200;

/// Queues what makes one policy of another, by the curator. Returns the change's address.
fn queue(scene: &mut KeeperOfVaults, old: &VaultConfig, new: &VaultConfig) -> Address {
    let curator = scene.scene.world.key("curator");
    let (queue, change) = scene.scene.view().queue_change(curator, Edits::of_vault(old, new).waiting);
    scene.scene.world.send(&[queue]).expect_ok();
    change
}

fn is_there(scene: &KeeperOfVaults, change: &Address) -> bool {
    scene.scene.world.find_account(change).is_some_and(|account| account.lamports > 0)
}

#[test]
fn changes_of_a_vault_are_made_when_they_are_due_and_their_rent_goes_back() {
    let mut scene = KeeperOfVaults::new(2, vault_config());
    scene.depositor("alice", 1_000);
    let old = scene.scene.vault().config;
    let looser = VaultConfig { idle_buffer: Bps(100), ..old };
    // A fee is changed up to the second, however long nobody touched the vault.
    let dearer = VaultConfig { performance_fee: Bps(1_000), ..looser };
    let nominee = to_engine(&scene.scene.world.key("nominee"));
    let roles = VaultConfig { roles: VaultRoles { nominee, ..old.roles }, ..dearer };
    for (from, to) in [(&roles, &dearer), (&looser, &old), (&dearer, &looser)] {
        queue(&mut scene, to, from);
    }
    assert_eq!(scene.work(), []);
    scene.scene.pass(DELAY - 1);
    assert_eq!(scene.work(), [], "a second too early");
    scene.scene.pass(1);
    let curator = scene.scene.world.key("curator");
    let before = scene.scene.world.account(&curator).lamports;
    assert_eq!(scene.work(), [Chore::Execute, Chore::Execute]);
    assert_eq!(scene.scene.vault().config, dearer, "roles wait twice as long");
    let rent = scene.scene.world.svm.minimum_balance_for_rent_exemption(8 + size_of::<Change>());
    assert_eq!(scene.scene.world.account(&curator).lamports - before, 2 * rent);
    scene.scene.pass(DELAY);
    assert_eq!(scene.work(), [Chore::Execute]);
    assert_eq!(scene.scene.vault().config, roles);
}

#[test]
fn a_change_that_the_vault_refuses_holds_up_no_other_and_is_taken_away_when_it_has_expired() {
    let mut scene = KeeperOfVaults::new(2, vault_config());
    scene.depositor("alice", 100_000);
    // What is lent to the second market: its slot cannot be given to another one meanwhile.
    let other = scene.scene.world.key("another keeper");
    while scene.scene.vault().allocations[1].shares.0 == 0 {
        scene.scene.pass(3_600);
        scene.scene.rebalance(&other).expect_ok();
    }
    let old = scene.scene.vault().config;
    let mut moved = old;
    moved.allocations[1].market = to_engine(&scene.scene.world.key("no market"));
    let refused = queue(&mut scene, &old, &moved);
    let passes = queue(&mut scene, &old, &VaultConfig { idle_buffer: Bps(100), ..old });
    scene.scene.pass(DELAY);
    assert_eq!(scene.find(|snapshot, worth| snapshot.find(Chore::Cancel, worth)), None);
    assert!(scene.work().contains(&Chore::Execute));
    assert_eq!(scene.scene.vault().config.idle_buffer, Bps(100));
    assert_eq!((is_there(&scene, &refused), is_there(&scene, &passes)), (true, false));
    assert_eq!(scene.find(|snapshot, worth| snapshot.find(Chore::Execute, worth)), None);
    scene.scene.pass(Change::WINDOW + 1);
    assert!(scene.work().contains(&Chore::Cancel));
    assert!(!is_there(&scene, &refused));
    assert_eq!(scene.scene.vault().config.allocations, old.allocations);
}

#[test]
fn changes_of_a_vault_of_cents_are_left_to_its_curator() {
    let mut scene = KeeperOfVaults::new(1, vault_config());
    let old = scene.scene.vault().config;
    queue(&mut scene, &old, &VaultConfig { idle_buffer: Bps(100), ..old });
    scene.scene.pass(DELAY);
    assert_eq!(scene.first(), None);
    scene.depositor("alice", 10);
    assert_eq!(scene.first().map(|work| work.chore), Some(Chore::Execute));
}

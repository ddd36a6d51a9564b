//! Who sets a vault's policy, and when.

use ballast_client::{Address, TOKEN_PROGRAM, VaultView, edits_in, to_engine};
use ballast_engine::{
    Error,
    number::units::Bps,
    state::{
        change::OF_VAULT,
        vault::{AllocationConfig, Vault, VaultConfig, VaultRoles},
    },
};
use ballast_tests::{VaultScene, vault_config, with_account};

use super::{depositor, settle};

/// The edit that sets one field of the policy.
macro_rules! edit {
    ($field:ident = $value:expr) => {{
        let offset = std::mem::offset_of!(VaultConfig, $field) as u16;
        [offset.to_le_bytes().as_slice(), bytemuck::bytes_of(&$value)].concat()
    }};
}

fn set(scene: &mut VaultScene, signer: Address, edits: Vec<u8>) -> ballast_tests::Outcome {
    let set = scene.view().set_parameters(signer, edits);
    scene.world.send(&[set])
}

#[test]
fn looser_waits_and_tighter_does_not() {
    let mut scene = VaultScene::new(2);
    let [curator, sentinel, stranger] = ["curator", "sentinel", "stranger"].map(|name| scene.world.key(name));
    let (looser, tighter) = (edit!(idle_buffer = Bps(100)), edit!(idle_buffer = Bps(2_000)));
    for signer in [curator, sentinel] {
        set(&mut scene, signer, looser.clone()).expect_error(Error::AddsRisk);
    }
    set(&mut scene, stranger, tighter.clone()).expect_error(Error::NotCuratorOrSentinel);
    set(&mut scene, sentinel, tighter).expect_ok();
    assert_eq!(scene.vault().config.idle_buffer, Bps(2_000));

    let payer = scene.world.payer;
    let (queue, change) = scene.view().queue_change(payer, looser);
    scene.world.send(&[queue]).expect_ok();
    let execute = scene.view().execute_change(stranger, change, payer);
    scene.world.send(std::slice::from_ref(&execute)).expect_error(Error::ChangeNotDue);
    scene.world.advance(691_200);
    scene.world.send(&[execute]).expect_ok();
    assert_eq!(scene.vault().config.idle_buffer, Bps(100));
    assert!(edits_in(OF_VAULT, &edit!(interval = 600u32)).iter().any(|(info, _)| info.name == "interval"));
}

#[test]
fn the_sentinel_cancels_but_not_its_own_successor() {
    let mut scene = VaultScene::new(1);
    let [sentinel, stranger, other] = ["sentinel", "stranger", "other"].map(|name| scene.world.key(name));
    let payer = scene.world.payer;
    let (queue, change) = scene.view().queue_change(payer, edit!(performance_fee = Bps(5_000)));
    scene.world.send(&[queue]).expect_ok();
    let cancel = |scene: &VaultScene, signer, change| scene.view().cancel_change(signer, change, payer);
    let by_stranger = cancel(&scene, stranger, change);
    scene.world.send(&[by_stranger]).expect_error(Error::NotCuratorOrSentinel);
    let by_sentinel = cancel(&scene, sentinel, change);
    scene.world.send(&[by_sentinel]).expect_ok();
    let offset = std::mem::offset_of!(VaultRoles, sentinel) as u16;
    let replacement = [offset.to_le_bytes().as_slice(), &to_engine(&other).0].concat();
    let (queue, change) = scene.view().queue_change(payer, replacement);
    scene.world.send(&[queue]).expect_ok();
    let by_sentinel = cancel(&scene, sentinel, change);
    scene.world.send(&[by_sentinel]).expect_error(Error::GuardianCannotKeepOffice);
    scene.world.advance(2 * 691_200 - 1);
    let execute = scene.view().execute_change(stranger, change, payer);
    scene.world.send(std::slice::from_ref(&execute)).expect_error(Error::ChangeNotDue);
    scene.world.advance(1);
    scene.world.send(&[execute]).expect_ok();
    assert_eq!(scene.vault().config.roles.sentinel, to_engine(&other));
}

#[test]
fn another_curator_has_to_accept() {
    let mut scene = VaultScene::new(1);
    let [other, stranger] = ["other", "stranger"].map(|name| scene.world.key(name));
    let payer = scene.world.payer;
    let offset = std::mem::offset_of!(VaultRoles, nominee) as u16;
    let (queue, change) =
        scene.view().queue_change(payer, [offset.to_le_bytes().as_slice(), &to_engine(&other).0].concat());
    scene.world.send(&[queue]).expect_ok();
    scene.world.advance(2 * 691_200);
    let execute = scene.view().execute_change(stranger, change, payer);
    scene.world.send(&[execute]).expect_ok();
    let accept = |scene: &VaultScene, signer| scene.view().accept_curator(signer);
    let by_stranger = accept(&scene, stranger);
    scene.world.send(&[by_stranger]).expect_error(Error::NotNominee);
    let by_nominee = accept(&scene, other);
    scene.world.send(&[by_nominee]).expect_ok();
    assert_eq!(scene.vault().curator, to_engine(&other));
}

/// A slot is given another market only while it is empty; what is stopped gets nothing more.
#[test]
fn vaults_v21_a_slot_with_money_keeps_its_market() {
    let mut scene = VaultScene::new(2);
    let (alice, curator) = (depositor(&mut scene, "alice", 100_000), scene.world.key("curator"));
    settle(&mut scene);
    let used = scene.vault().allocations.iter().position(|allocation| allocation.shares.0 != 0).expect("lent");
    let at = |field: usize| (std::mem::offset_of!(VaultConfig, allocations) + 48 * used + field) as u16;
    let removal = [at(0).to_le_bytes().as_slice(), &[0; 32]].concat();
    set(&mut scene, curator, removal.clone()).expect_error(Error::AllocationInUse);
    let stop = [at(42).to_le_bytes().as_slice(), &[1]].concat();
    set(&mut scene, curator, stop).expect_ok();
    assert_eq!(scene.vault().config.allocations[used].stopped, 1);
    // Everything leaves, and the slot is free.
    let all = scene.held(&alice);
    let from = scene.view().all_slots();
    scene.redeem(alice, all, from).expect_ok();
    assert_eq!(scene.vault().allocations[used].shares.0, 0);
    set(&mut scene, curator, removal).expect_ok();
    assert_eq!(scene.vault().allocations[used].is_open, 0);
}

#[test]
fn a_policy_that_does_not_hold_together_is_refused() {
    let mut scene = VaultScene::new(2);
    let curator = scene.world.key("curator");
    let cases = [
        (edit!(max_exit_fee = Bps(501)), Error::VaultPolicyOutOfRange),
        (edit!(performance_fee = Bps(5_001)), Error::VaultFeeOutOfRange),
        (edit!(delay = 345_599u32), Error::VaultDelayOutOfRange),
        (edit!(term_spacing = 100_000u32), Error::VaultDelayOutOfRange),
        (edit!(launched = 0u8), Error::VaultLaunched),
        (edit!(deposit_cap = 1u64 << 62), Error::VaultCapOutOfRange),
    ];
    for (edits, error) in cases {
        let payer = scene.world.payer;
        let (queue, _) = scene.view().queue_change(payer, edits.clone());
        scene.world.send(&[queue]).expect_error(error);
        let outcome = set(&mut scene, curator, edits);
        assert!(outcome.engine_error() == Some(error) || outcome.engine_error() == Some(Error::AddsRisk));
    }
    // One market twice.
    let first = scene.vault().config.allocations[0].market;
    let offset = (std::mem::offset_of!(VaultConfig, allocations) + 48 * 5) as u16;
    let payer = scene.world.payer;
    let (queue, _) = scene.view().queue_change(payer, [offset.to_le_bytes().as_slice(), &first.0].concat());
    scene.world.send(&[queue]).expect_error(Error::AllocationTwice);
}

#[test]
fn only_the_curator_queues() {
    let mut scene = VaultScene::new(1);
    let payer = scene.world.payer;
    let (queue, _) = scene.view().queue_change(payer, edit!(performance_fee = Bps(5_000)));
    for name in ["sentinel", "collector", "stranger"] {
        let signer = scene.world.key(name);
        let by_another = with_account(queue.clone(), "authority", signer);
        scene.world.send(&[by_another]).expect_error(Error::NotCurator);
    }
    scene.world.send(&[queue]).expect_ok();
}

/// What was earned under the old fee is charged at the old fee.
#[test]
fn a_fee_changes_from_this_second_on() {
    let mut config = vault_config();
    (config.performance_fee, config.management_fee) = (Bps(1_000), Bps(200));
    let mut scene = VaultScene::with(1, config);
    depositor(&mut scene, "alice", 100_000);
    settle(&mut scene);
    let (sentinel, stranger) = (scene.world.key("sentinel"), scene.world.key("stranger"));
    scene.pass(86_400);
    let lower = edit!(management_fee = Bps(100));
    set(&mut scene, sentinel, lower.clone()).expect_error(Error::VaultNotAccrued);
    let before = scene.vault().fee_shares;
    let (read, lower) = (scene.view().read(), scene.view().set_parameters(sentinel, lower));
    scene.world.send(&[read, lower]).expect_ok();
    assert!(scene.vault().fee_shares > before, "the day was charged");
    assert_eq!(scene.vault().config.management_fee, Bps(100));
    // What waited is made up to the second too.
    let payer = scene.world.payer;
    let (queue, change) = scene.view().queue_change(payer, edit!(performance_fee = Bps(2_000)));
    scene.world.send(&[queue]).expect_ok();
    scene.world.advance(691_200);
    let execute = scene.view().execute_change(stranger, change, payer);
    scene.world.send(std::slice::from_ref(&execute)).expect_error(Error::VaultNotAccrued);
    scene.world.send(&[scene.view().read(), execute]).expect_ok();
    assert_eq!(scene.vault().config.performance_fee, Bps(2_000));
}

/// Before the launch the curator sets anything at once, and nobody enters.
#[test]
fn nobody_enters_before_the_launch() {
    let mut scene = VaultScene::new(1);
    let [curator, sentinel] = ["curator", "sentinel"].map(|name| scene.world.key(name));
    let (source, mint) = (scene.fund(&curator, 10 * Vault::SEED), scene.mint);
    let config = VaultConfig { launched: 0, ..scene.vault().config };
    let (create, vault) = VaultView::create(curator, 1, config, (mint, TOKEN_PROGRAM), source);
    scene.world.send(&[create]).expect_ok();
    let shares = scene.world.shares(&vault, &curator);
    let view = scene.world.vault(&vault);
    let deposit = view.deposit(curator, source, shares, 1_000, 0);
    scene.world.send(&[deposit]).expect_error(Error::VaultNotLaunched);
    let mint = view.mint(curator, source, shares, 1_000, u64::MAX);
    scene.world.send(&[mint]).expect_error(Error::VaultNotLaunched);
    let looser = view.set_parameters(sentinel, edit!(idle_buffer = Bps(0)));
    scene.world.send(&[looser]).expect_error(Error::AddsRisk);
    let looser = view.set_parameters(curator, edit!(idle_buffer = Bps(0)));
    scene.world.send(&[looser]).expect_ok();
    let launch = view.set_parameters(curator, edit!(launched = 1u8));
    scene.world.send(&[launch]).expect_ok();
    let deposit = view.deposit(curator, source, shares, 1_000, 0);
    scene.world.send(&[deposit]).expect_ok();
    let back = view.set_parameters(curator, edit!(launched = 0u8));
    scene.world.send(&[back]).expect_error(Error::VaultLaunched);
}

#[test]
fn what_is_written_off_stays_so_while_something_is_left() {
    let mut scene = VaultScene::new(1);
    let curator = scene.world.key("curator");
    depositor(&mut scene, "alice", 100_000);
    settle(&mut scene);
    let at = std::mem::offset_of!(VaultConfig, allocations) + std::mem::offset_of!(AllocationConfig, written_off);
    let written = |value: u8| [(at as u16).to_le_bytes().as_slice(), &[value]].concat();
    let payer = scene.world.payer;
    let (out_of_range, _) = scene.view().queue_change(payer, written(2));
    scene.world.send(&[out_of_range]).expect_error(Error::VaultSwitchOutOfRange);
    let (queue, change) = scene.view().queue_change(payer, written(1));
    scene.world.send(&[queue]).expect_ok();
    scene.world.advance(691_200);
    let execute = scene.view().execute_change(payer, change, payer);
    scene.world.send(&[execute]).expect_ok();
    set(&mut scene, curator, written(0)).expect_error(Error::AllocationWrittenOff);
}

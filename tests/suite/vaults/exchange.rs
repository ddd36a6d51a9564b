//! Tokens in and out.

use ballast_engine::{
    Error,
    number::units::Shares,
    state::vault::{AllocationConfig, Vault, VaultConfig},
};
use ballast_tests::{MAX_TRANSACTION, USD, VaultScene, vault_config};

use super::{depositor, most_to_redeem, settle};

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
fn a_vault_lends_and_earns_and_pays_three_payers_markets_at_once() {
    let mut scene = VaultScene::new(3);
    let alice = depositor(&mut scene, "alice", 300_000);
    assert!(settle(&mut scene) >= 2, "more than one market is worth it");
    let lent = scene.vault().allocations.iter().filter(|allocation| allocation.shares.0 != 0).count();
    assert!(lent >= 2, "{lent} markets");
    let before = scene.report();
    scene.pass(86_400 * 30);
    let report = scene.report();
    assert!(report.exit > before.exit + 500 * USD, "{} after {}", report.exit, before.exit);
    assert_eq!(report, scene.view().report(scene.world.now()), "the chain says what the engine says");
    let (all, from) = (scene.held(&alice), scene.view().all_slots());
    assert_eq!(most_to_redeem(&mut scene, &alice), all, "there is cash for everything");
    scene.redeem(alice, all, from).expect_ok();
    assert_eq!(scene.held(&alice), 0);
    assert!(scene.balance(&alice) > 300_000 * USD + 500 * USD);
    scene.assert_backed();
}

/// An exit from idle tokens and three markets, of a vault with eight, fits an ordinary transaction without a look-up table.
#[test]
fn an_exit_through_three_of_eight_markets_fits_one_transaction() {
    let mut scene = VaultScene::new(8);
    let alice = depositor(&mut scene, "alice", 2_000_000);
    settle(&mut scene);
    let vault = scene.vault();
    let lent: Vec<usize> = vault.open_slots().filter(|slot| vault.allocations[*slot].shares.0 != 0).collect();
    assert!(lent.len() >= 3, "{lent:?}");
    let from = lent[..3].iter().fold(0, |bits, slot| bits | 1 << slot);
    let (now, mut view) = (scene.world.now(), scene.view());
    let amount = {
        let vaults = view.at(now);
        let of = |slot: &usize| vaults.valuation.allocations[*slot].takeable;
        vaults.vault.idle + lent[..2].iter().map(of).sum::<u64>() + of(&lent[2]) / 2
    };
    let (shares, destination) = (scene.shares(&alice), scene.fund(&alice, 0));
    let before = scene.balance(&alice);
    let withdraw = scene.view().withdraw(alice, shares, destination, amount, u64::MAX, from);
    let outcome = scene.world.send_from(alice, &[withdraw]).expect_ok();
    assert_eq!(scene.balance(&alice), before + amount, "to the atom");
    assert!(outcome.transaction_bytes <= MAX_TRANSACTION, "{} bytes", outcome.transaction_bytes);
    assert!(outcome.compute_units <= 20_000, "{} units", outcome.compute_units);
    scene.assert_backed();
}

#[test]
fn exact_shares_and_exact_tokens_do_what_their_previews_say() {
    let mut scene = VaultScene::new(2);
    let alice = depositor(&mut scene, "alice", 10_000);
    settle(&mut scene);
    scene.pass(86_400);
    let bob = scene.world.key("bob");
    let (source, shares) = (scene.fund(&bob, 5_000 * USD), scene.shares(&bob));
    let (now, mut view) = (scene.world.now(), scene.view());
    let cost = view.at(now).preview(|vaults| vaults.mint(Shares(1_000 * USD), u64::MAX)).expect("open").amount;
    assert!(cost > 1_000 * USD, "shares have earned");
    let mint = |most| view.mint(bob, source, shares, 1_000 * USD, most);
    scene.world.send(&[mint(cost - 1)]).expect_error(Error::DearerThanOffered);
    scene.world.send(&[mint(cost)]).expect_ok();
    assert_eq!((scene.held(&bob), scene.balance(&bob)), (1_000 * USD, 5_000 * USD - cost));

    let view = scene.view();
    let from = view.all_slots();
    let withdraw = |most| view.withdraw(bob, shares, source, 500 * USD, most, from);
    let burned = view.clone().at(now).preview(|vaults| vaults.withdraw(500 * USD, Shares(u64::MAX), from));
    let burned = burned.expect("liquid").exchange.shares.0;
    scene.world.send(&[withdraw(burned - 1)]).expect_error(Error::DearerThanOffered);
    scene.world.send(&[withdraw(burned)]).expect_ok();
    assert_eq!((scene.held(&bob), scene.balance(&bob)), (1_000 * USD - burned, 5_500 * USD - cost));
    let redeem = |least| view.redeem(bob, shares, source, 100 * USD, least, from);
    scene.world.send(&[redeem(101 * USD)]).expect_error(Error::FewerThanAsked);
    let deposit = scene.view().deposit(bob, source, shares, 100 * USD, 100 * USD);
    scene.world.send(&[deposit]).expect_error(Error::FewerThanAsked);
    let _ = alice;
    scene.assert_backed();
}

#[test]
fn amounts_at_the_ends_are_refused() {
    let mut scene = VaultScene::new(1);
    let alice = depositor(&mut scene, "alice", 1_000);
    let (source, shares) = (scene.fund(&alice, 10 * USD), scene.shares(&alice));
    let view = scene.view();
    let cases = [
        (view.deposit(alice, source, shares, 0, 0), Error::AmountTooSmall),
        (view.deposit(alice, source, shares, u64::MAX, 0), Error::VaultCapExceeded),
        (view.mint(alice, source, shares, 0, u64::MAX), Error::AmountIsZero),
        (view.mint(alice, source, shares, u64::MAX, u64::MAX), Error::VaultCapExceeded),
        (view.redeem(alice, shares, source, 0, 0, 0), Error::AmountIsZero),
        (view.redeem(alice, shares, source, u64::MAX, 0, 0), Error::InsufficientShares),
        (view.withdraw(alice, shares, source, 0, u64::MAX, 0), Error::AmountIsZero),
        (view.withdraw(alice, shares, source, u64::MAX, u64::MAX, 0), Error::VaultIlliquid),
        (view.request_exit(alice, alice, shares, 0, 0), Error::AmountIsZero),
        (view.request_exit(alice, alice, shares, u64::MAX, 0), Error::InsufficientShares),
    ];
    for (instruction, error) in cases {
        scene.world.send(&[instruction]).expect_error(error);
    }
    // More than the owner has, but not than there is: the token program refuses it.
    let bob = depositor(&mut scene, "bob", 1_000);
    let redeem = scene.redemption(bob, 1_001 * USD, 0);
    assert!(!scene.world.send(&[redeem]).is_ok());
    assert_eq!(scene.held(&bob), 1_000 * USD, "nothing is clamped");
}

#[test]
fn less_than_the_minimum_is_refused() {
    let mut config = vault_config();
    config.min_amount = 10 * USD;
    let mut scene = VaultScene::with(1, config);
    let alice = scene.world.key("alice");
    scene.deposit(alice, 10 * USD - 1).expect_error(Error::BelowVaultMinimum);
    scene.deposit(alice, 10 * USD).expect_ok();
    let (source, shares, view) = (scene.fund(&alice, 10 * USD), scene.shares(&alice), scene.view());
    let mint = view.mint(alice, source, shares, 10 * USD - 1, u64::MAX);
    scene.world.send(&[mint]).expect_error(Error::BelowVaultMinimum);
    // Who leaves may leave with less.
    scene.redeem(alice, 1, 0).expect_ok();
}

/// Where all is lost, tokens buy no shares: those that are there would share them.
#[test]
fn a_vault_that_lost_everything_takes_nothing_in() {
    let mut scene = VaultScene::new(1);
    let alice = depositor(&mut scene, "alice", 100_000);
    settle(&mut scene);
    // What is idle leaves, and the allocation is written off.
    let (idle, destination, shares) = (scene.vault().idle, scene.fund(&alice, 0), scene.shares(&alice));
    let withdraw = scene.view().withdraw(alice, shares, destination, idle, u64::MAX, 0);
    scene.world.send(&[withdraw]).expect_ok();
    let at = std::mem::offset_of!(VaultConfig, allocations) + std::mem::offset_of!(AllocationConfig, written_off);
    let (payer, edit) = (scene.world.payer, [&(at as u16).to_le_bytes()[..], &[1]].concat());
    let (queue, change) = scene.view().queue_change(payer, edit);
    scene.world.send(&[queue]).expect_ok();
    scene.world.advance(691_200);
    let execute = scene.view().execute_change(payer, change, payer);
    scene.world.send(&[execute]).expect_ok();
    assert_eq!((scene.report().entry, scene.report().exit), (0, 0));
    let bob = scene.world.key("bob");
    scene.deposit(bob, 1_000 * USD).expect_error(Error::VaultWorthless);
    let (source, bobs, view) = (scene.fund(&bob, 0), scene.shares(&bob), scene.view());
    scene.world.send(&[view.mint(bob, source, bobs, USD, u64::MAX)]).expect_error(Error::VaultWorthless);
    scene.redeem(alice, USD, 1).expect_error(Error::AmountTooSmall);
    scene.assert_backed();
}

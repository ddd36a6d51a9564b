//! Shares for a term.

use ballast_client::Address;
use ballast_engine::{Error, number::units::Bps};
use ballast_tests::{START, USD, VaultScene, vault_config};

use super::{depositor, settle};

const DAY: i64 = 86_400;

fn scene() -> VaultScene {
    let mut config = vault_config();
    (config.term_spacing, config.term_premium) = (DAY as u32, Bps(1_000));
    VaultScene::with(2, config)
}

/// The end of the day after so many days.
fn maturity(scene: &VaultScene, days: i64) -> i64 {
    (scene.world.now() / DAY + days) * DAY
}

fn lock(scene: &mut VaultScene, owner: Address, id: u16, count: u64, maturity: i64) -> ballast_tests::Outcome {
    let (shares, payer) = (scene.shares(&owner), scene.world.payer);
    let lock = scene.view().lock_term(owner, payer, id, shares, count, maturity);
    scene.world.send(&[lock])
}

fn end(scene: &mut VaultScene, owner: Address, id: u16, early: bool) -> ballast_tests::Outcome {
    let shares = scene.shares(&owner);
    let end = scene.view().end_term(owner, id, shares, early, owner);
    scene.world.send(&[end])
}

#[test]
fn a_term_earns_more_and_ends_whole() {
    let mut scene = scene();
    let (alice, bob) = (depositor(&mut scene, "alice", 100_000), depositor(&mut scene, "bob", 100_000));
    settle(&mut scene);
    let (held, until) = (scene.held(&alice), maturity(&scene, 5));
    lock(&mut scene, alice, 7, held, until + 1).expect_error(Error::MaturityNotOffered);
    let too_late = maturity(&scene, 9);
    lock(&mut scene, alice, 7, held, too_late).expect_error(Error::MaturityNotOffered);
    lock(&mut scene, alice, 7, held, until).expect_ok();
    assert_eq!((scene.held(&alice), scene.term(&alice, 7).maturity), (0, until));
    scene.assert_backed();
    end(&mut scene, alice, 7, false).expect_error(Error::TermNotOver);
    for _ in 0..5 {
        scene.pass(DAY);
        scene.report();
    }
    // Anyone takes it off the ladder; the owner gets the shares.
    let free = scene.view().free_term(scene.view().term(&alice, 7));
    scene.world.send(std::slice::from_ref(&free)).expect_ok();
    scene.world.send(&[free]).expect_error(Error::NothingLocked);
    end(&mut scene, alice, 7, false).expect_ok();
    assert!(scene.held(&alice) > held, "it earned shares on top: {}", scene.held(&alice) - held);
    assert_eq!(scene.held(&bob), 100_000 * USD);
    scene.assert_backed();
    let address = scene.view().term(&alice, 7);
    assert!(scene.world.find_account(&address).is_none_or(|account| account.data.is_empty()));
}

#[test]
fn leaving_early_costs_more_than_was_gained() {
    let mut scene = scene();
    let (alice, bob) = (depositor(&mut scene, "alice", 100_000), depositor(&mut scene, "bob", 100_000));
    settle(&mut scene);
    let (held, until) = (scene.held(&alice), maturity(&scene, 8));
    lock(&mut scene, alice, 0, held, until).expect_ok();
    scene.pass(3 * DAY);
    end(&mut scene, alice, 0, true).expect_ok();
    assert_eq!(scene.held(&alice), held - held / 100, "what went in, less one percent");
    // Nobody gets it at once: it is locked, and becomes the sharers' in a day.
    let locked = scene.vault().locked;
    assert!(locked > 900 * USD, "{locked}");
    scene.pass(DAY);
    scene.report();
    assert_eq!(scene.vault().locked, 0);
    scene.assert_backed();
    let _ = (bob, START);
}

#[test]
fn a_vault_without_a_spacing_offers_no_terms() {
    let mut scene = VaultScene::new(1);
    let alice = depositor(&mut scene, "alice", 1_000);
    let until = maturity(&scene, 1);
    lock(&mut scene, alice, 0, USD, until).expect_error(Error::TermsNotOffered);
}

/// A rung is wanted for the next maturity, and anyone makes room there.
#[test]
fn a_full_ladder_waits_until_somebody_frees_what_is_over() {
    let mut scene = scene();
    let alice = depositor(&mut scene, "alice", 10_000);
    for day in 1..=8 {
        let until = maturity(&scene, day);
        lock(&mut scene, alice, day as u16, 100 * USD, until).expect_ok();
    }
    scene.pass(DAY);
    let until = maturity(&scene, 8);
    lock(&mut scene, alice, 9, 100 * USD, until).expect_error(Error::LadderFull);
    // One that is there takes more.
    let other = maturity(&scene, 7);
    lock(&mut scene, alice, 10, 100 * USD, other).expect_ok();
    let free = scene.view().free_term(scene.view().term(&alice, 1));
    scene.world.send(&[free]).expect_ok();
    lock(&mut scene, alice, 9, 100 * USD, until).expect_ok();
    scene.assert_backed();
}

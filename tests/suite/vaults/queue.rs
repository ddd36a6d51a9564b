//! Waiting for liquidity.

use ballast_client::Address;
use ballast_engine::{Error, state::vault::MAX_REQUESTS};
use ballast_tests::{USD, VaultScene};

use super::{depositor, settle};

/// Puts so many of an owner's shares in the queue.
fn request(scene: &mut VaultScene, owner: Address, count: u64, min_amount: u64) -> ballast_tests::Outcome {
    let (shares, payer) = (scene.shares(&owner), scene.world.payer);
    let request = scene.view().request_exit(owner, payer, shares, count, min_amount);
    scene.world.send(&[request])
}

fn serve(scene: &mut VaultScene, from: u8) -> ballast_tests::Outcome {
    let serve = scene.view().serve_exit(from).expect("somebody waits");
    scene.world.send(&[serve])
}

fn claim(scene: &mut VaultScene, owner: Address) -> ballast_tests::Outcome {
    let destination = scene.fund(&owner, 0);
    let claim = scene.view().claim_exit(owner, destination, owner);
    scene.world.send(&[claim])
}

/// A vault whose markets are lent out: the trader of each borrows what is left there.
fn dry(scene: &mut VaultScene) {
    for (slot, (_, trader)) in scene.users.clone().into_iter().enumerate() {
        scene.world.market = scene.markets[slot];
        let cash = scene.world.reserve(0).cash;
        scene.world.borrow(trader, 0, cash).expect_ok();
    }
    scene.world.market = scene.markets[0];
}

#[test]
fn requests_are_served_in_order_once_there_is_liquidity() {
    let mut scene = VaultScene::new(2);
    let (alice, bob) = (depositor(&mut scene, "alice", 100_000), depositor(&mut scene, "bob", 50_000));
    settle(&mut scene);
    dry(&mut scene);
    let all = scene.held(&alice);
    let from = scene.view().all_slots();
    scene.redeem(alice, all, from).expect_error(Error::VaultIlliquid);
    request(&mut scene, alice, all, 0).expect_ok();
    request(&mut scene, alice, 1, 0).instruction_error().expect("one at a time");
    let half = scene.held(&bob) / 2;
    request(&mut scene, bob, half, 0).expect_ok();
    assert_eq!((scene.held(&alice), scene.vault().queue.shares.0), (0, all + half));
    scene.assert_backed();

    // What is idle is the queue's: who comes later gets nothing of it.
    let idle = scene.vault().idle;
    assert!(idle > 1_000 * USD);
    scene.redeem(bob, 1_000 * USD, 0).expect_error(Error::OthersWaitForThis);
    // A part is served, by anyone, and can be claimed while the rest waits.
    serve(&mut scene, 0).expect_ok();
    let served = scene.request(&alice).claim;
    assert!(served > 0 && served <= idle);
    let before = scene.balance(&alice);
    claim(&mut scene, alice).expect_ok();
    assert_eq!(scene.balance(&alice), before + served);
    claim(&mut scene, alice).expect_error(Error::NothingToClaim);
    scene.assert_backed();

    // Loans are paid back, and the queue is served from there.
    for (slot, (_, trader)) in scene.users.clone().into_iter().enumerate() {
        scene.world.market = scene.markets[slot];
        scene.world.fund(&trader.key, 0, 400_000 * USD);
        scene.world.repay(trader, 0, 300_000 * USD).expect_ok();
    }
    scene.world.market = scene.markets[0];
    for _ in 0..40 {
        if scene.vault().queue.first().is_none() || !serve(&mut scene, from).is_ok() {
            break;
        }
    }
    assert_eq!(scene.vault().queue.first(), None, "all are served");
    assert_eq!(scene.vault().claims, scene.request(&alice).claim + scene.request(&bob).claim);
    let (request_of_alice, before) = (scene.view().exit_request(&alice), scene.balance(&alice));
    claim(&mut scene, alice).expect_ok();
    assert!(scene.balance(&alice) > before && scene.balance(&alice) > 99_000 * USD);
    assert!(scene.world.find_account(&request_of_alice).is_none_or(|account| account.data.is_empty()), "it is closed");
    claim(&mut scene, bob).expect_ok();
    assert_eq!(scene.vault().claims, 0);
    scene.assert_backed();
}

/// What is served is a claim that its owner pulls: neither a closed nor a frozen token account keeps the next one waiting.
#[test]
fn vaults_v8_no_recipient_keeps_others_waiting() {
    let mut scene = VaultScene::new(1);
    let (alice, bob) = (depositor(&mut scene, "alice", 10_000), depositor(&mut scene, "bob", 10_000));
    for owner in [alice, bob] {
        let all = scene.held(&owner);
        request(&mut scene, owner, all, 0).expect_ok();
    }
    // Alice's token account is frozen, and then gone.
    let (address, mut account) = {
        let address = scene.fund(&alice, 0);
        (address, scene.world.account(&address))
    };
    account.data[108] = 2;
    scene.world.set_account(address, account);
    for _ in 0..20 {
        if scene.vault().queue.first().is_none() {
            break;
        }
        serve(&mut scene, 0).expect_ok();
    }
    assert_eq!(scene.vault().queue.first(), None);
    let all = scene.vault().claims;
    assert_eq!(all, scene.request(&alice).claim + scene.request(&bob).claim);
    let frozen = scene.view().claim_exit(alice, address, alice);
    assert!(!scene.world.send(&[frozen]).is_ok());
    claim(&mut scene, bob).expect_ok();
    // And she takes hers to another account.
    let other = scene.world.key("another");
    let destination = scene.fund(&other, 0);
    let elsewhere = scene.view().claim_exit(alice, destination, alice);
    scene.world.send(&[elsewhere]).expect_ok();
    assert_eq!(scene.vault().claims, 0);
    scene.assert_backed();
}

#[test]
fn a_request_is_taken_back_whole_and_a_limit_takes_it_out() {
    let mut scene = VaultScene::new(1);
    let alice = depositor(&mut scene, "alice", 10_000);
    let all = scene.held(&alice);
    request(&mut scene, alice, all, 0).expect_ok();
    let (shares, view) = (scene.shares(&alice), scene.view());
    let bob = scene.world.key("bob");
    let foreign = view.cancel_exit(alice, shares, alice);
    scene.world.send(&[ballast_tests::with_account(foreign, "owner", bob)]).expect_error(Error::NotAccountOwner);
    scene.world.send(&[view.cancel_exit(alice, shares, alice)]).expect_ok();
    assert_eq!((scene.held(&alice), scene.vault().queue.shares.0), (all, 0));
    let address = view.exit_request(&alice);
    assert!(scene.world.find_account(&address).is_none_or(|account| account.data.is_empty()));
    // Nobody pays more than it is worth: it leaves the queue at its turn, and others go on.
    request(&mut scene, alice, all, 10_001 * USD).expect_ok();
    let carol = depositor(&mut scene, "carol", 1_000);
    let some = scene.held(&carol);
    request(&mut scene, carol, some, 0).expect_ok();
    serve(&mut scene, 0).expect_ok();
    assert_eq!(scene.request(&alice).returned.0, all);
    serve(&mut scene, 0).expect_ok();
    assert!(scene.request(&carol).claim > 0);
    scene.world.send(&[scene.view().cancel_exit(alice, shares, alice)]).expect_ok();
    assert_eq!(scene.held(&alice), all);
    scene.assert_backed();
}

#[test]
fn vaults_v9_a_full_queue_and_dust_are_refused() {
    let mut scene = VaultScene::new(1);
    let alice = depositor(&mut scene, "alice", 100_000);
    for nth in 0..MAX_REQUESTS {
        let owner = depositor(&mut scene, &format!("owner {nth}"), 1_000);
        request(&mut scene, owner, 1_000 * USD, 0).expect_ok();
    }
    request(&mut scene, alice, 1_000 * USD, 0).expect_error(Error::QueueFull);
    serve(&mut scene, 0).expect_ok();
    let first = scene.world.key("owner 0");
    assert!(scene.request(&first).claim > 0, "the first is served first");
    request(&mut scene, alice, 1_000 * USD, 0).expect_ok();
}

#[test]
fn another_than_the_first_is_not_served() {
    let mut scene = VaultScene::new(1);
    let (alice, bob) = (depositor(&mut scene, "alice", 10_000), depositor(&mut scene, "bob", 10_000));
    for owner in [alice, bob] {
        request(&mut scene, owner, 5_000 * USD, 0).expect_ok();
    }
    let serve = scene.view().serve_exit(0).expect("somebody waits");
    let of_bob = scene.view().exit_request(&bob);
    scene.world.send(&[ballast_tests::with_account(serve, "request", of_bob)]).expect_error(Error::NotFirstInQueue);
}

/// A request that was paid has no place any more, and its account is not taken for that of who has it now.
#[test]
fn a_request_without_a_place_is_not_served() {
    let mut scene = VaultScene::new(1);
    let (alice, bob) = (depositor(&mut scene, "alice", 10_000), depositor(&mut scene, "bob", 10_000));
    request(&mut scene, alice, 100 * USD, 0).expect_ok();
    serve(&mut scene, 0).expect_ok();
    assert_eq!(scene.request(&alice).shares.0, 0, "all of it was paid");
    request(&mut scene, bob, 100 * USD, 0).expect_ok();
    let serve_bob = scene.view().serve_exit(0).expect("somebody waits");
    let of_alice = scene.view().exit_request(&alice);
    let again = ballast_tests::with_account(serve_bob, "request", of_alice);
    scene.world.send(&[again]).expect_error(Error::WrongRequest);
    claim(&mut scene, alice).expect_ok();
    serve(&mut scene, 0).expect_ok();
    claim(&mut scene, bob).expect_ok();
    scene.assert_backed();
}

#[test]
fn nothing_is_served_from_nothing() {
    let mut scene = VaultScene::new(1);
    let (alice, bob) = (depositor(&mut scene, "alice", 100_000), depositor(&mut scene, "bob", 10_000));
    settle(&mut scene);
    let (idle, destination, shares) = (scene.vault().idle, scene.fund(&alice, 0), scene.shares(&alice));
    let withdraw = scene.view().withdraw(alice, shares, destination, idle, u64::MAX, 0);
    scene.world.send(&[withdraw]).expect_ok();
    request(&mut scene, bob, 10_000 * USD, 0).expect_ok();
    serve(&mut scene, 0).expect_error(Error::NothingToServe);
    serve(&mut scene, 1).expect_ok();
    assert!(scene.request(&bob).claim > 0);
    scene.assert_backed();
}

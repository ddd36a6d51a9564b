//! The attack classes of pooled vaults, by the bytecode.

use ballast_client::{Address, TOKEN_PROGRAM};
use ballast_engine::{Error, number::units::Bps};
use ballast_tests::{USD, VaultScene, vault_config};

use super::{depositor, settle};

/// What all of an owner's shares are worth to who leaves.
fn worth(scene: &mut VaultScene, owner: &Address) -> u64 {
    let held = ballast_engine::number::units::Shares(scene.held(owner));
    let (now, mut view) = (scene.world.now(), scene.view());
    let vaults = view.at(now);
    vaults.vault.worth(held, &vaults.valuation)
}

/// Tokens sent to a vault, or shares burned, are nobody's: the first in cannot make a share dear with them.
#[test]
fn vaults_v1_donations_do_not_move_the_price() {
    let mut scene = VaultScene::new(1);
    let mallory = depositor(&mut scene, "mallory", 1);
    let tokens = ballast_client::from_engine(&scene.vault().tokens);
    let mut account = scene.world.account(&tokens);
    let held = scene.world.token_balance(&tokens) + 1_000_000 * USD;
    account.data[64..72].copy_from_slice(&held.to_le_bytes());
    scene.world.set_account(tokens, account);
    // She burns all but one of her shares.
    let shares = scene.shares(&mallory);
    let mut burn_data = vec![8];
    burn_data.extend_from_slice(&(USD - 1).to_le_bytes());
    let burn = ballast_client::Instruction {
        program_id: TOKEN_PROGRAM,
        accounts: vec![
            ballast_client::AccountMeta::new(shares, false),
            ballast_client::AccountMeta::new(scene.view().share_mint(), false),
            ballast_client::AccountMeta::new_readonly(mallory, true),
        ],
        data: burn_data,
    };
    scene.world.send(&[burn]).expect_ok();
    let victim = depositor(&mut scene, "victim", 100);
    assert_eq!(scene.held(&victim), 100 * USD, "a share is still an atom");
    assert_eq!(worth(&mut scene, &victim), 100 * USD);
    assert_eq!(worth(&mut scene, &mallory), 1);
    scene.assert_backed();
}

/// A deposit into a reserve is the depositor's: nobody can raise what a vault has there.
#[test]
fn vaults_v2_deposits_of_others_are_not_the_vaults() {
    let mut scene = VaultScene::new(1);
    let alice = depositor(&mut scene, "alice", 100_000);
    settle(&mut scene);
    let before = worth(&mut scene, &alice);
    let (lender, _) = scene.users[0];
    scene.world.supply(lender, 0, 1_000_000 * USD);
    assert_eq!(worth(&mut scene, &alice), before);
}

/// What the market earned and lost is seen in the same transaction, with no refresh to leave out.
#[test]
fn vaults_v4_the_price_is_that_of_the_moment() {
    let mut scene = VaultScene::new(2);
    let alice = depositor(&mut scene, "alice", 100_000);
    settle(&mut scene);
    let before = worth(&mut scene, &alice);
    scene.world.advance(86_400);
    let after = worth(&mut scene, &alice);
    assert!(after > before, "interest until now, though nobody touched the market");
    let bob = depositor(&mut scene, "bob", 100_000);
    assert!(worth(&mut scene, &bob) <= 100_000 * USD, "who comes now gets nothing of it");
    assert!(worth(&mut scene, &alice) >= after);
}

/// One market that cannot be read stops deposits, and no exit from the others.
#[test]
fn vaults_v13_a_broken_market_stops_no_exit() {
    let mut scene = VaultScene::new(3);
    let alice = depositor(&mut scene, "alice", 300_000);
    settle(&mut scene);
    let lent: Vec<usize> = (0..3).filter(|slot| scene.vault().allocations[*slot].shares.0 != 0).collect();
    assert!(lent.len() >= 2);
    // Not the first, which the harness reads mints from.
    let slot = lent[lent.len() - 1];
    let broken = scene.markets[slot];
    let mut account = scene.world.account(&broken);
    account.data[0] ^= 1;
    scene.world.set_account(broken, account.clone());
    let bob = scene.world.key("bob");
    scene.deposit(bob, 1_000 * USD).expect_error(Error::MarketUnreadable);
    let report = scene.report();
    assert_eq!(report.unreadable, 1 << slot);
    let from = scene.view().all_slots();
    assert_eq!(from & 1 << slot, 0);
    scene.redeem(alice, 1_000 * USD, from).expect_ok();
    account.data[0] ^= 1;
    scene.world.set_account(broken, account);
    scene.deposit(bob, 1_000 * USD).expect_ok();
}

/// In and out in one transaction earns nothing, whatever was due to be accounted for.
#[test]
fn vaults_v7_a_deposit_of_an_instant_earns_nothing() {
    let mut scene = VaultScene::new(2);
    depositor(&mut scene, "alice", 100_000);
    settle(&mut scene);
    scene.world.advance(86_400 * 7);
    scene.refresh();
    let mallory = scene.world.key("mallory");
    let (source, shares) = (scene.fund(&mallory, 1_000_000 * USD), scene.shares(&mallory));
    let (now, mut view) = (scene.world.now(), scene.view());
    let bought = view.at(now).preview(|vaults| vaults.deposit(1_000_000 * USD, Default::default())).expect("open");
    let deposit = scene.view().deposit(mallory, source, shares, 1_000_000 * USD, 0);
    let redeem = scene.view().redeem(mallory, shares, source, bought.shares.0, 0, 0);
    scene.world.send(&[deposit, redeem]).expect_ok();
    assert!(scene.balance(&mallory) <= 1_000_000 * USD);
    assert_eq!(scene.held(&mallory), 0);
}

/// Who holds both sides of a market and rebalances between gains no more than the reward.
#[test]
fn vaults_v5_a_caller_who_moves_rates_attracts_nothing() {
    let mut scene = VaultScene::new(2);
    depositor(&mut scene, "alice", 300_000);
    scene.pass(3_600);
    let calm = scene.next_move().expect("a move");
    // In the same second the trader of the other market borrows nearly all of its cash.
    let other = 1 - calm.to.expect("it is lent") as usize;
    let (_, trader) = scene.users[other];
    scene.world.market = scene.markets[other];
    let cash = scene.world.reserve(0).cash;
    scene.world.borrow(trader, 0, cash / 2).expect_ok();
    scene.world.market = scene.markets[0];
    let found = scene.next_move().expect("a move");
    assert_eq!(found.to, calm.to, "a rate of a moment attracts nothing");
}

/// A large deposit of the same second makes an exit dear: its tokens are not liquid yet, and it may ask for a part of them. That costs
/// no more than the most that the policy asks, nothing if the exit names its fewest tokens, and it is over a second later.
#[test]
fn a_strangers_deposit_of_the_same_second_takes_no_more_of_an_exit_than_its_owner_allows() {
    let mut config = vault_config();
    (config.exit_fee_coverage, config.max_exit_fee) = (config.coverage_target, Bps(200));
    let mut scene = VaultScene::with(1, config);
    let alice = depositor(&mut scene, "alice", 100_000);
    settle(&mut scene);
    let count = 1_000 * USD;
    let (destination, shares) = (scene.fund(&alice, 0), scene.shares(&alice));
    let exit = |scene: &VaultScene, fewest| {
        let view = scene.view();
        view.redeem(alice, shares, destination, count, fewest, view.all_slots())
    };
    let paid = |scene: &VaultScene| scene.balance(&alice);
    let before = paid(&scene);
    let mut honest = scene.fork();
    honest.world.send(&[exit(&honest, 0)]).expect_ok();
    let fair = paid(&honest) - before;

    let mallory = depositor(&mut scene, "mallory", 10_000_000);
    let mut careless = scene.fork();
    careless.world.send(&[exit(&careless, 0)]).expect_ok();
    let dear = paid(&careless) - before;
    assert!(dear < fair && fair - dear <= fair / 50 + 1, "{dear} of {fair}");
    scene.world.send(&[exit(&scene, fair - fair / 1_000)]).expect_error(Error::FewerThanAsked);
    assert_eq!(paid(&scene), before, "nothing happened");
    // She pays as much herself if she leaves at once.
    let all = scene.held(&mallory);
    let mut flash = scene.fork();
    let start = flash.balance(&mallory);
    flash.redeem(mallory, all, flash.view().all_slots()).expect_ok();
    assert!(flash.balance(&mallory) - start < 10_000_000 * USD * 99 / 100);
    scene.pass(1);
    scene.world.send(&[exit(&scene, fair - fair / 1_000)]).expect_ok();
}

//! What shares cost and pay: nobody gains by coming first, by donations, loops or units.

use super::{
    ALL, DAY, ONE, Pool, Scene,
    conservation::{Step, act, eventful, size, step},
    policy,
};
use crate::common::{
    cases,
    rational::{int, ratio},
};
use ballast_engine::{
    Error,
    number::units::{Bps, Shares},
    state::vault::VaultConfig,
};
use proptest::prelude::*;

/// What an attacker does around others, at one instant.
#[derive(Clone, Copy, Debug)]
enum Attack {
    Vault(Step),
    /// Lends to the vault's market, on whosesoever behalf: as a gift.
    Donate(u64),
    /// Has the vault's idle tokens lent.
    Put,
}

fn attack() -> impl Strategy<Value = Attack> {
    let of = || prop_oneof![1u64..10_000, Just(10_000u64)];
    prop_oneof![
        4 => size(44).prop_map(|amount| Attack::Vault(Step::Deposit(0, amount))),
        2 => size(44).prop_map(|shares| Attack::Vault(Step::Mint(0, shares))),
        3 => of().prop_map(|of| Attack::Vault(Step::Redeem(0, of, ALL))),
        2 => of().prop_map(|of| Attack::Vault(Step::Withdraw(0, of, ALL))),
        1 => size(44).prop_map(Attack::Donate),
        1 => Just(Attack::Put),
    ]
}

fn strike(scene: &mut Scene, attack: Attack) {
    match attack {
        Attack::Vault(step) => run(scene, vec![step]),
        Attack::Donate(amount) => scene.lend(0, amount.max(2)),
        Attack::Put => run(scene, vec![Step::Put(0, 10_000)]),
    }
}

/// What is refused changes nothing.
fn run(scene: &mut Scene, steps: Vec<Step>) {
    for step in steps {
        let _ = step.take(scene);
    }
}

fn leave(scene: &mut Scene, who: usize) {
    let shares = scene.people[who].shares;
    if shares != 0 {
        let _ = scene.redeem(who, shares, ALL);
    }
}

proptest! {
    #![proptest_config(cases(500))]

    /// V1, V2.
    #[test]
    fn whoever_comes_first_gains_nothing_by_loops_and_gifts(
        before in prop::collection::vec(attack(), 0..12),
        amount in size(40),
        after in prop::collection::vec(attack(), 0..12),
    ) {
        let mut scene = Scene::plain(1, 2);
        before.into_iter().for_each(|attack| strike(&mut scene, attack));
        let price = scene.price();
        let bought = scene.deposit(1, amount);
        let lent = after.iter().filter(|attack| matches!(attack, Attack::Put)).count() as u64;
        after.into_iter().for_each(|attack| strike(&mut scene, attack));
        leave(&mut scene, 0);
        prop_assert!(scene.people[0].tokens <= 0, "gained {}", scene.people[0].tokens);
        if bought.is_ok() {
            let worth = scene.worth(1);
            // A share's price for what was bought, an atom for what it is worth, and what the market rounds when tokens are lent.
            let lost = int(amount) - int(worth);
            prop_assert!(lost <= price + int(1 + 2 * lent), "lost {lost} of {amount}");
        }
        leave(&mut scene, 1);
        prop_assert!(scene.people[0].tokens + scene.people[1].tokens <= 0);
    }

    /// V12: also by the smallest amounts, and by exits from markets.
    #[test]
    fn no_action_lowers_what_a_share_is_worth(
        steps in prop::collection::vec(prop_oneof![6 => act(30), 2 => step(30)], 1..80),
    ) {
        let mut config = VaultConfig { performance_fee: Bps(0), management_fee: Bps(0), reward_share: Bps(0), ..eventful() };
        config.term_premium = Bps(0);
        let mut scene = Scene::new(config, &[Pool::default(); 2], 3);
        scene.deposit(0, 1_000 * ONE).unwrap();
        for step in steps {
            if matches!(step, Step::Read(..)) {
                continue;
            }
            let loses = matches!(step, Step::Lose(..));
            // What markets keep of a move: less than an atom for each share they round, and one.
            let rounding = if matches!(step, Step::Rebalance | Step::Put(..)) { 6 } else { 0 };
            let (before, shares) = (scene.price(), scene.vault.shares.0);
            let _ = step.take(&mut scene);
            prop_assert!(loses || scene.price() >= before - ratio(rounding, shares), "{step:?}");
        }
    }

    #[test]
    fn what_is_said_to_be_possible_is_and_one_more_is_not(
        steps in prop::collection::vec(step(36), 0..30),
        min_amount in 1u64..50,
        from in prop_oneof![Just(ALL), any::<u8>()],
        cap in size(40),
    ) {
        let config = VaultConfig { min_amount, deposit_cap: cap.max(1_000), ..eventful() };
        let mut scene = Scene::new(config, &[Pool::default(); 2], 3);
        run(&mut scene, steps);
        let held = Shares(scene.people[0].shares);
        let (deposit, mint) = scene.look(|vaults| (vaults.max_deposit(), vaults.max_mint().0));
        let (redeem, withdraw) = scene.look(|vaults| (vaults.max_redeem(held, from).0, vaults.max_withdraw(held, from)));
        // An amount and one more: all up to it pass, but for the small.
        prop_assert!(deposit == 0 || scene.clone().deposit(0, deposit).is_ok());
        prop_assert!(mint == 0 || scene.clone().mint(0, mint).is_ok());
        prop_assert!(redeem == 0 || scene.clone().redeem(0, redeem, from).is_ok());
        prop_assert!(withdraw == 0 || scene.clone().withdraw(0, withdraw, from).is_ok());
        let small = [Error::BelowVaultMinimum, Error::AmountTooSmall];
        let refused = |done: Result<(), Error>, most: u64| match done {
            Ok(()) => false,
            Err(error) => most == 0 || !small.contains(&error),
        };
        prop_assert!(refused(scene.clone().deposit(0, deposit + 1).map(drop), deposit), "deposit {deposit}");
        prop_assert!(refused(scene.clone().mint(0, mint + 1).map(drop), mint), "mint {mint}");
        prop_assert!(refused(scene.clone().withdraw(0, withdraw + 1, from).map(drop), withdraw), "withdraw {withdraw}");
        if redeem < held.0 {
            prop_assert!(refused(scene.clone().redeem(0, redeem + 1, from).map(drop), redeem), "redeem {redeem}");
        }
    }

    #[test]
    fn a_preview_is_what_happens(steps in prop::collection::vec(step(36), 0..20), amount in size(36), from in any::<u8>()) {
        let mut scene = Scene::new(eventful(), &[Pool::default(); 2], 3);
        scene.deposit(0, 1 << 30).unwrap();
        run(&mut scene, steps);
        let shares = Shares(amount % scene.people[0].shares.max(1));
        let deposit = scene.look(|vaults| vaults.preview(|vaults| vaults.deposit(amount, Shares::ZERO)));
        prop_assert_eq!(deposit, scene.clone().deposit(1, amount));
        let redeem = scene.look(|vaults| vaults.preview(|vaults| vaults.redeem(shares, 0, from)));
        prop_assert_eq!(redeem, scene.clone().redeem(0, shares.0, from));
    }

    /// The two ways out differ by no more than the rounding of markets, and a fee that is found to 2^-30.
    #[test]
    fn withdrawing_and_redeeming_agree(
        idle in 0u64..10_001,
        of in 1u64..10_001,
        target in 0u16..60_000,
        max_fee in 0u16..500,
    ) {
        let config = VaultConfig { exit_fee_coverage: Bps(target), max_exit_fee: Bps(max_fee), ..policy(2) };
        let mut scene = Scene::new(config, &[Pool::default(); 2], 2);
        scene.deposit(0, 100_000 * ONE).unwrap();
        let lent = (100_000 * ONE) / 10_000 * (10_000 - idle);
        if lent != 0 {
            scene.put(0, lent / 2 + 1);
            scene.put(1, lent / 2 - 1);
        }
        scene.wait(1_000);
        let amount = (scene.worth(0) as u128 * of as u128 / 10_100) as u64;
        let exit = match scene.clone().withdraw(0, amount, ALL) {
            Ok(exit) => exit,
            Err(error) => {
                prop_assert_eq!(error, Error::InsufficientShares);
                return Ok(());
            }
        };
        prop_assert_eq!(exit.exchange.amount, amount);
        let redeemed = scene.redeem(0, exit.exchange.shares.0, ALL).unwrap();
        let difference = redeemed.exchange.amount.abs_diff(amount);
        prop_assert!(difference <= 12 + (amount >> 30), "{difference}");
    }
}

/// V18: nothing is clamped, and what is refused changes nothing.
#[test]
fn too_much_is_refused_and_not_cut() {
    let mut scene = Scene::plain(1, 2);
    scene.deposit(0, 1_000).unwrap();
    scene.deposit(1, 500).unwrap();
    let before = scene.vault;
    assert_eq!(scene.redeem(0, 1_001, ALL).map(drop), Err(Error::InsufficientShares));
    assert_eq!(scene.withdraw(0, 1_001, ALL).map(drop), Err(Error::DearerThanOffered));
    let redeem = |shares, least| scene.look(|vaults| vaults.redeem(Shares(shares), least, ALL).map(drop));
    assert_eq!(redeem(10, 11), Err(Error::FewerThanAsked));
    assert_eq!(redeem(0, 0), Err(Error::AmountIsZero));
    assert_eq!(redeem(2_501, 0), Err(Error::InsufficientShares));
    let withdraw = |amount| scene.look(|vaults| vaults.withdraw(amount, Shares(u64::MAX), ALL).map(drop));
    assert_eq!(withdraw(2_501), Err(Error::VaultIlliquid));
    assert_eq!(withdraw(u64::MAX), Err(Error::VaultIlliquid));
    assert_eq!(withdraw(0), Err(Error::AmountIsZero));
    let deposit = |amount, least| scene.look(|vaults| vaults.deposit(amount, Shares(least)).map(drop));
    assert_eq!(deposit(10, 11), Err(Error::FewerThanAsked));
    assert_eq!(deposit(0, 0), Err(Error::AmountTooSmall));
    assert_eq!(deposit(1 << 60, 0), Err(Error::VaultCapExceeded));
    let mint = |shares, most| scene.look(|vaults| vaults.mint(Shares(shares), most).map(drop));
    assert_eq!(mint(10, 9), Err(Error::DearerThanOffered));
    assert_eq!(mint(0, 9), Err(Error::AmountIsZero));
    assert_eq!(mint(u64::MAX, u64::MAX), Err(Error::VaultCapExceeded));
    assert_eq!(bytemuck::bytes_of(&scene.vault), bytemuck::bytes_of(&before));
}

#[test]
fn a_shut_vault_takes_nothing() {
    let mut scene = Scene::plain(1, 2);
    scene.deposit(0, 1_000).unwrap();
    let shut = |scene: &Scene, error: Error| {
        let (deposit, mint) = scene.look(|vaults| (vaults.max_deposit(), vaults.max_mint()));
        assert_eq!((deposit, mint), (0, Shares::ZERO));
        assert_eq!(scene.clone().deposit(0, 1_000).map(drop), Err(error));
    };
    let mut unlaunched = scene.clone();
    unlaunched.vault.config.launched = 0;
    shut(&unlaunched, Error::VaultNotLaunched);
    let mut unread = scene.clone();
    unread.unreadable = 1;
    shut(&unread, Error::MarketUnreadable);
    // What is written off need not be read.
    unread.vault.config.allocations[0].written_off = 1;
    assert!(unread.deposit(0, 1_000).is_ok());
    let mut full = scene.clone();
    full.vault.config.deposit_cap = 2_000;
    shut(&full, Error::VaultCapExceeded);
    scene.vault.config.min_amount = 1_001;
    assert_eq!(scene.deposit(0, 1_000).map(drop), Err(Error::BelowVaultMinimum));
    // All is lost.
    scene.vault.config.min_amount = 1;
    let idle = scene.vault.idle;
    scene.put(0, idle);
    scene.lose(0, 10_000);
    scene.wait(1);
    scene.vault.idle = 0;
    shut(&scene, Error::VaultWorthless);
}

/// A loss that leaves less than is locked: the rest is not counted twice while it unlocks.
#[test]
fn what_is_locked_is_never_more_than_what_there_is() {
    let mut scene = Scene::plain(1, 1);
    scene.deposit(0, 1_000_000).unwrap();
    scene.put(0, 1_000_000);
    scene.vault.locked = 900_000;
    scene.lose(0, 9_000);
    scene.wait(8_640);
    // A tenth of the time has passed.
    assert_eq!(scene.assets(), 0);
    scene.touch();
    assert_eq!(scene.vault.locked, 810_000);
    assert_eq!(scene.assets(), 0);
    scene.wait(DAY);
    let left = scene.lent(0) + scene.vault.idle;
    assert_eq!(scene.assets(), left);
}

/// Slots that are written off pay nobody: who left by them would raise what the rest are worth at once. What comes back all the
/// same unlocks slowly.
#[test]
fn what_comes_back_of_a_write_off_unlocks_slowly() {
    let mut scene = Scene::plain(2, 2);
    scene.deposit(0, 1_000 * ONE).unwrap();
    scene.put(0, 400 * ONE);
    scene.put(1, 500 * ONE);
    scene.wait(1);
    scene.vault.config.allocations[0].written_off = 1;
    let price = scene.price();
    assert!(price < ratio(61, 100), "{price}");
    let takeable = scene.look(|vaults| vaults.valuation.takeable);
    assert!(takeable <= 600 * ONE + 2_000);
    scene.deposit(1, 10_000 * ONE).unwrap();
    let found = scene.rebalance().unwrap();
    assert_eq!((found.from, found.to), (Some(0), None));
    assert!(found.amount >= 399 * ONE);
    // Nothing of it is the newcomer's now, and half of it after half the time.
    assert!(scene.worth(1) <= 10_000 * ONE);
    scene.check();
    scene.wait(43_200);
    let gained = scene.worth(1) as i128 - 10_000 * ONE as i128;
    assert!(gained > 180 * ONE as i128 && gained < 200 * ONE as i128, "{gained}");
}

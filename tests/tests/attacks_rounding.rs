//! Attacks that live on rounding, on tokens sent to a vault, and on doing everything in one transaction.

use ballast_client::{Instruction, from_engine};
use ballast_engine::{Error, number::units::Bps};
use ballast_tests::{Quote, SOL, Scene, USD, User, World};

/// A scene after two years of interest at 45 % and more, so that no index is near a round number.
fn scene() -> Scene {
    let mut scene = Scene::new();
    let Scene { world, usd, sol, trader, .. } = &mut scene;
    for reserve in [*usd, *sol] {
        let dear = |config: &mut ballast_engine::state::reserve::ReserveConfig| {
            config.curve.points[0].rate_bps = 4_500;
            config.curve.points[1].rate_bps = 5_000;
        };
        world.reconfigure(reserve, dear).expect_ok();
    }
    let counterpart = world.user("counterpart");
    world.supply(counterpart, *usd, 100_000 * USD);
    world.refresh_all();
    world.borrow(*trader, *usd, 4_000 * USD).expect_ok();
    world.borrow(counterpart, *sol, 50 * SOL).expect_ok();
    for _ in 0..2 {
        world.advance(86_400 * 365 + 12_345);
        // A deposit carries the interest over into the indices. Beside a debt it needs a price.
        world.refresh_all();
        world.supply(counterpart, *usd, USD);
        world.supply(*trader, *sol, SOL);
    }
    world.refresh_all();
    let indices = [*usd, *sol].map(|reserve| world.reserve(reserve).debt_index.to_bits());
    assert!(indices.iter().all(|bits| bits >> 64 >= 2), "{indices:?}");
    assert!(world.reserve(*sol).deposit_index.to_bits() & 0xffff_ffff != 0);
    scene
}

/// What an owner holds and could withdraw, less what he owes, of one reserve, in atoms.
fn worth(world: &World, user: User, reserve: u8) -> i128 {
    let record = world.reserve(reserve);
    let deposited =
        record.deposit_index.amount_floor(ballast_engine::number::units::Shares(world.deposit_shares(user, reserve)));
    let owed = record.debt_index.amount_ceil(ballast_engine::number::units::Shares(world.debt_shares(user, reserve)));
    world.balance(&user.key, reserve) as i128 + deposited as i128 - owed as i128
}

#[test]
fn rounding_c25_no_loop_of_small_deposits_and_withdrawals_gains_an_atom() {
    let Scene { mut world, usd, sol, .. } = scene();
    let thief = world.user("thief");
    for reserve in [usd, sol] {
        world.fund(&thief.key, reserve, 1_000_000);
        // An atom is worth less than a share: it would be taken for nothing, and opens no empty position.
        world.deposit(thief, reserve, 1).expect_error(Error::AmountTooSmall);
        let mut best = worth(&world, thief, reserve);
        for step in 0u64..120 {
            let _ = world.deposit(thief, reserve, 1 + step % 7);
            let after_deposit = worth(&world, thief, reserve);
            let _ = world.withdraw(thief, reserve, 1 + step % 3);
            let now = worth(&world, thief, reserve);
            assert!(after_deposit <= best && now <= after_deposit, "reserve {reserve}, step {step}");
            best = now;
        }
        let _ = world.withdraw(thief, reserve, u64::MAX);
        assert!(worth(&world, thief, reserve) <= best);
        assert!(world.balance(&thief.key, reserve) <= 1_000_000);
    }
    world.assert_conserved();
}

/// An atom borrowed costs a whole share, an atom repaid burns none: borrowing and repaying atoms never shrinks a debt
/// below what was taken.
#[test]
fn rounding_c25_no_loop_of_small_borrows_and_repayments_gains_an_atom() {
    let Scene { mut world, usd, trader, .. } = scene();
    world.fund(&trader.key, usd, 1_000);
    world.set_price(1, Quote::dollars(1_500.0)).expect_ok();
    world.refresh_all();
    let mut best = worth(&world, trader, usd);
    for step in 0u64..120 {
        world.borrow(trader, usd, 1 + step % 5).expect_ok();
        let after_borrow = worth(&world, trader, usd);
        let _ = world.repay(trader, usd, 1 + step % 4);
        let now = worth(&world, trader, usd);
        assert!(after_borrow <= best && now <= after_borrow, "step {step}");
        best = now;
    }
    // Two atoms of debt and more to a share: one atom buys nothing, and is not taken.
    world.repay(trader, usd, 1).expect_error(Error::AmountTooSmall);
    world.assert_conserved();
}

#[test]
fn rounding_c25_partial_withdrawals_add_up_to_no_more_than_one() {
    let Scene { mut world, sol, .. } = scene();
    let (patient, hasty) = (world.user("patient"), world.user("hasty"));
    for user in [patient, hasty] {
        world.supply(user, sol, 999_999);
    }
    world.withdraw(hasty, sol, u64::MAX).expect_ok();
    let mut amount = 7;
    while world.withdraw(patient, sol, amount).is_ok() {
        amount = amount * 3 / 2;
    }
    world.withdraw(patient, sol, u64::MAX).expect_ok();
    assert!(world.balance(&patient.key, sol) <= world.balance(&hasty.key, sol));
    assert!(world.balance(&hasty.key, sol) <= 999_999);
}

#[test]
fn donation_c26_tokens_sent_to_a_vault_are_nobodys() {
    let Scene { mut world, usd, sol, lender, trader } = scene();
    let market_before = world.account(&world.market).data;
    let healths = [lender, trader].map(|user| world.health(user.margin));
    for reserve in [usd, sol] {
        let vault = from_engine(&world.reserve(reserve).vault);
        let mut account = world.account(&vault);
        let held = world.vault_balance(reserve) + 1_000_000_000_000;
        account.data[64..72].copy_from_slice(&held.to_le_bytes());
        world.set_account(vault, account);
    }
    assert_eq!([lender, trader].map(|user| world.health(user.margin)), healths);
    world.refresh(&[usd, sol]).expect_ok();
    assert!(world.account(&world.market).data == market_before, "no byte of the books has changed");
    let user = world.user("after");
    world.supply(user, usd, 1_000 * USD);
    world.withdraw(user, usd, u64::MAX).expect_ok();
    assert!((1_000 * USD - 2..=1_000 * USD).contains(&world.balance(&user.key, usd)));
    // And it cannot be taken out by borrowing or as fees beyond the books.
    let cash = world.reserve(usd).cash;
    world.borrow(trader, usd, cash + 1).expect_error(Error::InsufficientLiquidity);
    world.assert_conserved();
}

/// The attack of every share-priced pool: one atom first, a donation, and the next depositor's shares round to none.
#[test]
fn first_depositor_c26_the_second_depositor_gets_what_he_paid_in() {
    let Scene { mut world, .. } = Scene::new();
    let fresh = world.list(ballast_tests::Token::new("FRESH", 6, 1.0), ballast_tests::reserve_config());
    let (thief, victim) = (world.user("thief"), world.user("victim"));
    world.supply(thief, fresh, 1);
    let vault = from_engine(&world.reserve(fresh).vault);
    let mut account = world.account(&vault);
    account.data[64..72].copy_from_slice(&(1_000_000 * USD).to_le_bytes());
    world.set_account(vault, account);
    let sink = world.user("sink");
    world.supply(sink, fresh, 1);
    for amount in [1, 999_999, 1_000_000 * USD] {
        world.supply(victim, fresh, amount);
        world.withdraw(victim, fresh, u64::MAX).expect_ok();
        assert_eq!(world.balance(&victim.key, fresh), amount);
        world.fund(&victim.key, fresh, 0);
        let spent = world.balance(&victim.key, fresh);
        // Away with it: into an account that holds some.
        world.deposit_for(victim.key, sink.margin, fresh, spent).expect_ok();
    }
    world.withdraw(thief, fresh, u64::MAX).expect_ok();
    assert_eq!(world.balance(&thief.key, fresh), 1, "the thief got none of it, and not his donation either");
}

/// Collateral that is there for one instruction only.
#[test]
fn flash_c19_collateral_of_the_same_transaction_does_not_outlive_its_debt() {
    let Scene { mut world, usd, sol, .. } = Scene::new();
    let thief = world.user("thief");
    let source = world.fund(&thief.key, sol, 1_000 * SOL);
    let out = world.fund(&thief.key, usd, 0);
    let view = world.view();
    let attack: Vec<Instruction> = [
        view.deposit(thief.key, thief.margin, source, sol, 1_000 * SOL),
        view.borrow(thief.key, thief.margin, out, usd, 100_000 * USD),
        view.withdraw(thief.key, thief.margin, source, sol, u64::MAX),
    ]
    .map(|instruction| instruction.expect("listed"))
    .to_vec();
    world.send(&attack).expect_error(Error::InitialHealthTooLow);
    // Nor with the withdrawal in front, through a second account, or by closing what owes.
    let close = view.close_account(thief.key, thief.margin, world.payer);
    world.send(&[attack[0].clone(), attack[1].clone(), close]).expect_error(Error::AccountNotEmpty);
    let second = world.open(thief.key, 1);
    let elsewhere = view.withdraw(thief.key, second, source, sol, u64::MAX).expect("listed");
    world.send(&[attack[0].clone(), attack[1].clone(), elsewhere]).expect_error(Error::PositionNotFound);
    assert_eq!((world.balance(&thief.key, sol), world.balance(&thief.key, usd)), (1_000 * SOL, 0));
}

#[test]
fn flash_c19_deposit_and_withdrawal_in_one_transaction_earn_nothing() {
    let Scene { mut world, sol, .. } = scene();
    let thief = world.user("thief");
    let source = world.fund(&thief.key, sol, 123_456_789);
    let view = world.view();
    let round = [
        view.deposit(thief.key, thief.margin, source, sol, 123_456_789).expect("listed"),
        view.withdraw(thief.key, thief.margin, source, sol, u64::MAX).expect("listed"),
    ];
    // Interest of the time before is not for who was not there.
    world.advance(50);
    world.send(&round).expect_ok();
    assert!(world.balance(&thief.key, sol) <= 123_456_789);
    world.assert_conserved();
}

/// Utilisation pushed up and taken back within a transaction changes no one's debt: rates act over time, and there was
/// none.
#[test]
fn interest_c30_utilisation_of_an_instant_costs_nobody_anything() {
    let Scene { mut world, usd, sol, lender, trader } = scene();
    let whale = world.user("whale");
    world.supply(whale, sol, 100_000 * SOL);
    world.refresh_all();
    let out = world.fund(&whale.key, usd, USD);
    world.supply(lender, usd, USD);
    let before = world.reserve(usd);
    let owed = before.debt_index.amount_ceil(ballast_engine::number::units::Shares(world.debt_shares(trader, usd)));
    let view = world.view();
    let push = [
        view.borrow(whale.key, whale.margin, out, usd, before.cash).expect("listed"),
        view.repay(whale.key, whale.margin, out, usd, u64::MAX).expect("listed"),
    ];
    world.send(&push).expect_ok();
    let after = world.reserve(usd);
    assert_eq!((after.debt_index, after.deposit_index), (before.debt_index, before.deposit_index));
    assert!(after.borrow_rate.0.abs_diff(before.borrow_rate.0) <= before.borrow_rate.0 >> 20);
    let owed_after =
        after.debt_index.amount_ceil(ballast_engine::number::units::Shares(world.debt_shares(trader, usd)));
    assert_eq!(owed_after, owed);
    world.assert_conserved();
}

#[test]
fn interest_c30_a_reserve_lent_out_whole_is_at_full_utilisation_and_no_further() {
    let Scene { mut world, usd, sol, lender, .. } = scene();
    let whale = world.user("whale");
    world.supply(whale, sol, 100_000 * SOL);
    world.refresh_all();
    // The quotient is rounded down.
    let full = |world: &World| (Bps(9_999)..=Bps(10_000)).contains(&world.reserve(usd).utilisation().bps());
    let cash = world.reserve(usd).cash;
    world.borrow(whale, usd, cash + 1).expect_error(Error::InsufficientLiquidity);
    world.borrow(whale, usd, cash).expect_ok();
    let reserve = world.reserve(usd);
    assert_eq!(reserve.cash, 0);
    assert!(full(&world), "{:?}", reserve.utilisation());
    world.withdraw(lender, usd, 1).expect_error(Error::InsufficientLiquidity);
    world.advance(86_400);
    world.refresh_all();
    assert!(full(&world));
    world.assert_conserved();
}

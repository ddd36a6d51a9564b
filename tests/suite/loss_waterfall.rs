//! Who bears a loss: the reserve's insurance, its unclaimed fees, its depositors; and nobody else.

use crate::support::insured_market::{
    COOLDOWN, earn, insured_reserve_config, insured_scene, leave, ruin, settle, staker,
};
use ballast_engine::{
    Error,
    number::units::{Bps, Shares},
    state::{
        insurance::Stake,
        reserve::{Reserve, ReserveConfig},
    },
};
use ballast_tests::{SOL, Scene, Token, USD, User, World};

/// What the debt of the trader is worth to the atom.
fn debt(world: &World, trader: User, reserve: u8) -> u64 {
    let shares = world.debt_shares(trader, reserve);
    world.reserve(reserve).debt_index_at(world.now()).amount_ceil(Shares(shares))
}

fn deposits(world: &World, user: User, reserve: u8) -> u64 {
    world.reserve(reserve).deposit_index.amount_floor(Shares(world.deposit_shares(user, reserve)))
}

/// A scene in which the trader's 10,000 usd are lost, with so much insurance.
fn ruined(insurance: u64, fees: u64) -> Scene {
    let Scene { mut world, usd, sol, lender, trader } = insured_scene();
    // Unclaimed fees are all of the reserve's: none of its penalties and fees go to the insurance.
    let alone =
        |config: &mut ReserveConfig| (config.insurance.fee_share, config.insurance.penalty_share) = (Bps(0), Bps(0));
    world.reconfigure(usd, alone).expect_ok();
    world.reconfigure_market(|config| config.loss_limit = u32::MAX).expect_ok();
    if insurance > 0 {
        staker(&mut world, "staker", usd, insurance);
    }
    if fees > 0 {
        earn(&mut world, usd, fees);
        // Fees are set aside once an hour.
        world.advance(3_600);
        world.refresh_reserve(usd).expect_ok();
    }
    world.refresh_all();
    ruin(&mut world, trader, usd, sol, 10_000 * USD);
    Scene { world, usd, sol, lender, trader }
}

#[test]
fn the_insurance_bears_a_loss_alone_if_it_can() {
    let Scene { mut world, usd, lender, trader, .. } = ruined(15_000 * USD, 500 * USD);
    let (owed, before) = (debt(&world, trader, usd), deposits(&world, lender, usd));
    let event = settle(&mut world, trader, usd);
    assert_eq!((event.insurance, event.fees, event.rest), (owed, 0, 0));
    assert!(!event.is_socialised && !event.market_reduce_only);
    let reserve = world.reserve(usd);
    assert_eq!(reserve.insurance.assets, 15_000 * USD - owed);
    assert_eq!(reserve.claimable, 500 * USD);
    assert!(deposits(&world, lender, usd) >= before);
    world.assert_conserved();
}

#[test]
fn then_unclaimed_fees_and_then_the_depositors() {
    let Scene { mut world, usd, lender, trader, .. } = ruined(3_000 * USD, 500 * USD);
    let (owed, before) = (debt(&world, trader, usd), deposits(&world, lender, usd));
    let event = settle(&mut world, trader, usd);
    assert_eq!((event.insurance, event.fees), (3_000 * USD, 500 * USD));
    assert_eq!(event.insurance + event.fees + event.rest, owed);
    assert!(event.is_socialised);
    let lost = before - deposits(&world, lender, usd);
    assert!(lost.abs_diff(event.rest) <= 1_000, "{lost} and {}", event.rest);
    let reserve = world.reserve(usd);
    assert_eq!((reserve.insurance.assets, reserve.insurance.shares, reserve.claimable), (0, 0, 0));
    assert_eq!(world.vault_balance(usd) as u128, reserve.vault_balance());
    world.withdraw(lender, usd, u64::MAX).expect_ok();
    world.assert_conserved();
}

#[test]
fn without_insurance_and_fees_the_depositors_bear_it() {
    let Scene { mut world, usd, trader, .. } = ruined(0, 0);
    let owed = debt(&world, trader, usd);
    let event = settle(&mut world, trader, usd);
    assert_eq!((event.insurance, event.fees, event.rest), (0, 0, owed));
    world.assert_conserved();
}

#[test]
fn anyone_settles_and_nobody_twice() {
    let Scene { mut world, usd, trader, .. } = ruined(15_000 * USD, 0);
    settle(&mut world, trader, usd);
    let after = world.reserve(usd);
    world.settle(trader.margin, usd).expect_error(Error::PositionNotFound);
    assert!(world.reserve(usd) == after);
}

/// Everything of the other reserve: books, indices, insurance, fees, tokens.
#[test]
fn a_loss_touches_no_other_reserve() {
    for insurance in [0, 3_000 * USD, 20_000 * USD] {
        let Scene { mut world, usd, sol, trader, .. } = ruined(insurance, 500 * USD);
        let saver = world.user("saver");
        world.supply(saver, sol, 50 * SOL);
        staker(&mut world, "sol staker", sol, 7 * SOL);
        earn(&mut world, sol, SOL / 10);
        world.refresh_reserve(sol).expect_ok();
        let (before, vault): (Reserve, u64) = (world.reserve(sol), world.vault_balance(sol));
        settle(&mut world, trader, usd);
        assert!(world.reserve(sol) == before);
        assert_eq!(world.vault_balance(sol), vault);
        assert_eq!(deposits(&world, saver, sol), 50 * SOL);
        world.withdraw(saver, sol, u64::MAX).expect_ok();
        assert_eq!(world.balance(&saver.key, sol), 50 * SOL);
        world.assert_conserved();
    }
}

// Slashing.

#[test]
fn stakers_are_slashed_in_proportion_those_who_cool_down_too() {
    let Scene { mut world, usd, sol, trader, .. } = insured_scene();
    world.reconfigure(usd, |config| config.insurance.penalty_share = Bps(0)).expect_ok();
    let leaving = staker(&mut world, "leaving", usd, 10_000 * USD);
    let staying = staker(&mut world, "staying", usd, 30_000 * USD);
    world.begin_unstake(leaving, usd, 10_000 * USD).expect_ok();
    world.advance(COOLDOWN - 60);
    world.refresh_all();
    ruin(&mut world, trader, usd, sol, 10_000 * USD);
    let event = settle(&mut world, trader, usd);
    assert_eq!(event.rest, 0);
    world.advance(60);
    let before = world.balance(&leaving, usd);
    world.unstake(leaving, usd).expect_ok();
    let paid = world.balance(&leaving, usd) - before;
    let kept = 10_000 * USD - event.insurance / 4;
    assert!(paid.abs_diff(kept) <= 1_000, "{paid} instead of {kept}");
    let rest = leave(&mut world, staying, usd);
    assert!(rest.abs_diff(3 * kept) <= 3_000, "{rest}");
    world.assert_conserved();
}

#[test]
fn who_staked_after_a_loss_bears_none_of_it() {
    let Scene { mut world, usd, trader, .. } = ruined(15_000 * USD, 0);
    settle(&mut world, trader, usd);
    let late = staker(&mut world, "late", usd, 1_000 * USD);
    let paid = leave(&mut world, late, usd);
    assert!(1_000 * USD - paid <= 1, "{paid}");
    world.assert_conserved();
}

/// Shares of an insurance that a loss consumed are worth nothing, whatever is staked later.
#[test]
fn a_drained_insurance_starts_over() {
    let Scene { mut world, usd, trader, .. } = ruined(3_000 * USD, 0);
    let early = world.key("staker");
    world.begin_unstake(early, usd, 3_000 * USD).expect_ok();
    settle(&mut world, trader, usd);
    assert_eq!(world.reserve(usd).insurance.generation, 1);
    let late = staker(&mut world, "late", usd, 1_000 * USD);
    world.advance(COOLDOWN);
    world.fork().unstake(early, usd).expect_error(Error::InsufficientStake);
    world.begin_unstake(early, usd, 1).expect_error(Error::InsufficientStake);
    let mut closing = world.fork();
    closing.close_stake(early, usd).expect_ok();
    closing.assert_conserved();
    // The old stake takes part again with what is put in now.
    world.fund(&early, usd, 1_000 * USD);
    world.stake(early, usd, 1_000 * USD).expect_ok();
    let stake: Stake = world.stake_of(&early, usd);
    assert_eq!((stake.shares.0, stake.asked_for.0, stake.generation), (1_000 * USD, 0, 1));
    assert_eq!([late, early].map(|owner| leave(&mut world, owner, usd)), [1_000 * USD; 2]);
    world.assert_conserved();
}

// The end of a reserve.

/// A reserve all of which was lent to the trader, and is lost but for what is staked.
#[track_caller]
fn lost(insurance: u64) -> (World, u8, User) {
    let Scene { mut world, sol, trader, .. } = insured_scene();
    world.reconfigure_market(|config| config.loss_limit = u32::MAX).expect_ok();
    let doomed = world.list(Token::new("doomed", 6, 2.0), insured_reserve_config());
    world.reconfigure(doomed, |config| config.insurance.penalty_share = Bps(0)).expect_ok();
    let unlucky = world.user("unlucky");
    world.supply(unlucky, doomed, 5_000 * USD);
    if insurance > 0 {
        staker(&mut world, "brave", doomed, insurance);
    }
    world.refresh_all();
    ruin(&mut world, trader, doomed, sol, 5_000 * USD);
    // What the seizure brought is all that there is to withdraw.
    let cash = world.reserve(doomed).cash;
    world.withdraw(unlucky, doomed, cash).expect_ok();
    assert_eq!(settle(&mut world, trader, doomed).insurance, insurance);
    world.assert_conserved();
    (world, doomed, unlucky)
}

#[test]
fn what_the_insurance_saves_is_left_to_the_depositors() {
    let (mut world, doomed, unlucky) = lost(1_000 * USD);
    assert!(!world.reserve(doomed).is_wiped_out());
    let before = world.balance(&unlucky.key, doomed);
    world.withdraw(unlucky, doomed, u64::MAX).expect_ok();
    let paid = world.balance(&unlucky.key, doomed) - before;
    assert!(1_000 * USD - paid <= 1, "{paid}");
    world.assert_conserved();
}

/// Nothing is owed to such a reserve any more, so that nothing can be paid to it later either.
#[test]
fn a_wiped_out_reserve_stays_closed() {
    let (mut world, doomed, unlucky) = lost(0);
    assert!(world.reserve(doomed).is_wiped_out());
    assert_eq!(world.reserve(doomed).debt_shares, Shares::ZERO);
    assert_closed(&mut world, doomed);
    // Not for what governance changes, nor for tokens sent to it, nor with time.
    world.reconfigure(doomed, |config| config.deposit_cap -= 1).expect_ok();
    world.advance(1_000_000);
    world.refresh_reserve(doomed).expect_ok();
    world.refresh_all();
    assert_closed(&mut world, doomed);
    // The lender's deposit is worth nothing and stands in no one's way.
    world.withdraw(unlucky, doomed, u64::MAX).expect_ok();
    assert_eq!(world.margin(&unlucky.margin).positions(), []);
    world.assert_conserved();
}

#[track_caller]
fn assert_closed(world: &mut World, reserve: u8) {
    let late = world.user("late");
    let mut world = world.fork();
    world.fund(&late.key, reserve, 1_000 * USD);
    world.deposit(late, reserve, 1_000 * USD).expect_error(Error::ReserveWipedOut);
    world.borrow(late, reserve, USD).expect_error(Error::ReserveWipedOut);
    let loan = world.flash_loan(late.key, reserve, USD);
    world.send(&loan).expect_error(Error::ReserveWipedOut);
    world.open_stake(late.key, reserve);
    world.stake(late.key, reserve, USD).expect_error(Error::ReserveWipedOut);
}

//! Insurance: stakes, cooldown, income, and losses by their order.

use crate::common::{World, cases, reserve_config};
use ballast_engine::{
    Error, Result,
    ledger::{EVERYTHING, Movement, settle::Settlement},
    number::{
        index::Index,
        units::{Bps, Shares, UsdE8},
    },
    state::insurance::{Insurance, InsuranceConfig, Stake},
};
use proptest::prelude::*;

const LENDER: usize = 0;
const BORROWER: usize = 1;
const USDC: u8 = 0;
const SOL: u8 = 1;
const ONE_USDC: u64 = 1_000_000;
const ONE_SOL: u64 = 1_000_000_000;
const COOLDOWN: i64 = 604_800;

fn put(world: &mut World, stake: &mut Stake, amount: u64) -> Result<Movement> {
    let mut copy = *stake;
    let moved = world.act(LENDER, |ledger, _| ledger.stake(&mut copy, amount))?;
    *stake = copy;
    Ok(moved)
}

fn ask(world: &mut World, stake: &mut Stake, shares: u64) -> Result<()> {
    let mut copy = *stake;
    world.act(LENDER, |ledger, _| ledger.begin_unstake(&mut copy, Shares(shares)))?;
    *stake = copy;
    Ok(())
}

fn take(world: &mut World, stake: &mut Stake) -> Result<Movement> {
    let mut copy = *stake;
    let moved = world.act(LENDER, |ledger, _| ledger.unstake(&mut copy))?;
    *stake = copy;
    Ok(moved)
}

fn insurance(world: &World) -> Insurance {
    world.reserves[USDC as usize].insurance
}

/// A lender of 100,000 USDC, and so many USDC lost by a borrower whose collateral is gone.
fn with_bad_debt(lost: u64) -> World {
    let mut world = World::new(2);
    world.deposit(LENDER, USDC, 100_000 * ONE_USDC);
    world.deposit(BORROWER, SOL, 1_000 * ONE_SOL);
    world.borrow(BORROWER, USDC, lost);
    world.reserves[SOL as usize].deposit_index = Index::ZERO;
    world
}

fn settle(world: &mut World) -> Result<Settlement> {
    world.act(BORROWER, |ledger, account| ledger.settle_bad_debt(account, USDC))
}

#[test]
fn a_stake_cools_down_and_is_free_for_two_days() {
    let (mut world, mut stake) = (World::new(1), Stake::default());
    assert_eq!(put(&mut world, &mut stake, 0), Err(Error::AmountIsZero));
    put(&mut world, &mut stake, 1_000).unwrap();
    assert_eq!(ask(&mut world, &mut stake, 1_001), Err(Error::InsufficientStake));
    assert_eq!(take(&mut world, &mut stake), Err(Error::InsufficientStake));
    ask(&mut world, &mut stake, 400).unwrap();
    world.now += COOLDOWN - 1;
    assert_eq!(take(&mut world, &mut stake), Err(Error::StakeNotFree));
    world.now += Stake::WINDOW + 2;
    assert_eq!(take(&mut world, &mut stake), Err(Error::StakeNotFree));
    // Asked for again, all of it cools down anew.
    ask(&mut world, &mut stake, 600).unwrap();
    world.now += COOLDOWN;
    assert_eq!(take(&mut world, &mut stake), Ok(Movement { amount: 600, shares: Shares(600) }));
    assert_eq!(take(&mut world, &mut stake), Err(Error::InsufficientStake));
    assert_eq!((stake.shares, insurance(&world).assets), (Shares(400), 400));
    // A request can be taken back.
    ask(&mut world, &mut stake, 400).unwrap();
    ask(&mut world, &mut stake, 0).unwrap();
    world.now += COOLDOWN;
    assert_eq!(take(&mut world, &mut stake), Err(Error::InsufficientStake));
}

#[test]
fn a_stake_begins_with_as_much_as_a_deposit() {
    let (mut world, mut stake) = (World::new(1), Stake::default());
    world.reserves[USDC as usize].config.min_deposit = 500;
    assert_eq!(put(&mut world, &mut stake, 499), Err(Error::DepositBelowMinimum));
    put(&mut world, &mut stake, 500).unwrap();
    put(&mut world, &mut stake, 1).unwrap();
}

#[test]
fn stakers_share_the_income_that_comes_after_them() {
    let (mut world, mut first, mut second) = (World::new(1), Stake::default(), Stake::default());
    // What came before anyone staked is the protocol's own stake.
    world.reserves[USDC as usize].insurance.earn(1_000);
    put(&mut world, &mut first, 1_000).unwrap();
    world.reserves[USDC as usize].insurance.earn(500);
    assert_eq!(insurance(&world).worth(first.shares), 1_250);
    put(&mut world, &mut second, 1_250).unwrap();
    assert_eq!(second.shares, first.shares);
    world.reserves[USDC as usize].insurance.earn(300);
    assert_eq!(insurance(&world).worth(first.shares), 1_350);
    assert_eq!(insurance(&world).worth(second.shares), 1_350);
}

#[test]
fn nothing_is_lost_to_a_share_that_became_dear() {
    let (mut world, mut first, mut second) = (World::new(1), Stake::default(), Stake::default());
    put(&mut world, &mut first, 1).unwrap();
    world.reserves[USDC as usize].insurance.earn(999_999);
    // A share is worth a million: who brings less gets none, who brings more pays for whole ones only.
    assert_eq!(put(&mut world, &mut second, 999_999), Err(Error::AmountTooSmall));
    assert_eq!(put(&mut world, &mut second, 1_999_999), Ok(Movement { amount: 1_000_000, shares: Shares(1) }));
    assert_eq!(insurance(&world).worth(second.shares), 1_000_000);
}

#[test]
fn interest_feeds_the_insurance_by_its_share() {
    let mut world = World::new(2);
    world.reserves[USDC as usize].config.insurance.fee_share = Bps(4_000);
    world.deposit(LENDER, USDC, 100_000 * ONE_USDC);
    world.deposit(BORROWER, SOL, 1_000 * ONE_SOL);
    world.borrow(BORROWER, USDC, 80_000 * ONE_USDC);
    world.now += 31_536_000;
    world.act(0, |ledger, _| ledger.refresh_reserve(USDC)).unwrap();
    let reserve = world.reserves[USDC as usize];
    let fees = reserve.insurance.assets + reserve.claimable;
    assert_eq!(reserve.insurance.assets, fees * 4_000 / 10_000);
    assert_eq!(reserve.fees() >> 64, 0);
    assert_eq!(world.act(0, |ledger, _| ledger.collect_fees(USDC)), Ok(reserve.claimable));
    assert_eq!(world.act(0, |ledger, _| ledger.collect_fees(USDC)), Err(Error::NoFees));
    assert_eq!(world.reserves[USDC as usize].insurance, reserve.insurance);
}

#[test]
fn losses_take_the_insurance_then_the_fees_then_the_deposits() {
    for (insured, claimable) in [(2_000, 0), (500, 2_000), (500, 300), (0, 0)] {
        let mut world = with_bad_debt(1_000 * ONE_USDC);
        let mut stake = Stake::default();
        if insured > 0 {
            put(&mut world, &mut stake, insured * ONE_USDC).unwrap();
        }
        world.reserves[USDC as usize].claimable = claimable * ONE_USDC;
        let done = settle(&mut world).unwrap();
        let by_insurance = insured.min(1_000);
        let by_fees = claimable.min(1_000 - by_insurance);
        let rest = 1_000 - by_insurance - by_fees;
        assert_eq!(done.loss.insurance, by_insurance * ONE_USDC);
        assert_eq!(done.loss.fees, by_fees * ONE_USDC);
        assert_eq!((done.loss.rest, done.loss.is_socialised()), (rest * ONE_USDC, rest > 0));
        let reserve = world.reserves[USDC as usize];
        assert!(reserve.deposits().abs_diff((100_000 - rest) * ONE_USDC) <= 1);
        assert_eq!(reserve.insurance.worth(stake.shares), (insured - by_insurance) * ONE_USDC);
    }
}

#[test]
fn stakes_of_a_drained_insurance_are_gone_and_new_ones_start_afresh() {
    let mut world = with_bad_debt(1_000 * ONE_USDC);
    let mut stake = Stake::default();
    put(&mut world, &mut stake, 700 * ONE_USDC).unwrap();
    ask(&mut world, &mut stake, 700 * ONE_USDC).unwrap();
    settle(&mut world).unwrap();
    assert_eq!((insurance(&world).shares, insurance(&world).generation), (0, 1));
    assert!(stake.is_empty(&insurance(&world)));
    // Shares that were asked for bear losses too.
    world.now += COOLDOWN;
    assert_eq!(take(&mut world, &mut stake), Err(Error::InsufficientStake));
    put(&mut world, &mut stake, 50).unwrap();
    assert_eq!((stake.shares, stake.generation, insurance(&world).worth(stake.shares)), (Shares(50), 1, 50));
}

#[test]
fn losses_beyond_the_limit_make_the_market_reduce_only() {
    let lose = |limit: u32, before: u64| {
        let mut world = with_bad_debt(1_000 * ONE_USDC);
        world.market.config.loss_limit = limit;
        (world.market.losses.used, world.market.losses.updated) = (UsdE8(before * 100_000_000), world.now);
        let done = settle(&mut world).unwrap();
        assert_eq!(world.market.reduce_only, done.tripped as u8);
        done.tripped
    };
    // Zero is no limit.
    assert!(!lose(0, 0) && lose(999, 0) && !lose(1_001, 0) && lose(1_500, 501) && !lose(1_502, 501));
    // What the fees bear does not count.
    let mut world = with_bad_debt(1_000 * ONE_USDC);
    world.reserves[USDC as usize].claimable = 1_001 * ONE_USDC;
    assert!(!settle(&mut world).unwrap().tripped);
}

#[test]
fn insurance_parameters_out_of_range_are_refused() {
    let refused = |insurance: InsuranceConfig| {
        let mut config = reserve_config(0);
        config.insurance = insurance;
        config.validate().unwrap_err()
    };
    let valid = reserve_config(0).insurance;
    for cooldown in [0, 86_399, 2_592_001] {
        assert_eq!(refused(InsuranceConfig { cooldown, ..valid }), Error::CooldownOutOfRange);
    }
    assert_eq!(refused(InsuranceConfig { fee_share: Bps(10_001), ..valid }), Error::InsuranceShareOutOfRange);
    assert_eq!(refused(InsuranceConfig { penalty_share: Bps(8_001), ..valid }), Error::InsuranceShareOutOfRange);
}

proptest! {
    #![proptest_config(cases(1_000))]

    /// Nobody takes out more than was put in, but income; and what is there is what all shares together are worth.
    #[test]
    fn stakes_are_backed_i16(steps in prop::collection::vec((0usize..3, 0u8..4, 1u64..1 << 40), 1..60)) {
        let mut world = World::new(1);
        world.reserves[USDC as usize].config.insurance.cooldown = 0;
        let mut stakes = [Stake::default(); 3];
        let mut balance = [0i128; 3];
        let mut income = 0i128;
        for (user, step, amount) in steps {
            let before = insurance(&world);
            match step {
                0 => if let Ok(moved) = put(&mut world, &mut stakes[user], amount) {
                    balance[user] -= moved.amount as i128;
                    // Shares never come cheaper than those that are there.
                    prop_assert!(before.shares == 0 || moved.amount as u128 * before.shares as u128 >= moved.shares.0 as u128 * before.assets as u128);
                },
                1 => {
                    let shares = amount.min(stakes[user].shares.0);
                    ask(&mut world, &mut stakes[user], shares).unwrap();
                    if let Ok(moved) = take(&mut world, &mut stakes[user]) {
                        balance[user] += moved.amount as i128;
                        prop_assert!(moved.amount as u128 * before.shares as u128 <= moved.shares.0 as u128 * before.assets as u128);
                    }
                }
                2 => {
                    let earned = amount % 1_000_000;
                    world.reserves[USDC as usize].insurance.earn(earned);
                    income += earned as i128;
                }
                _ => {
                    let shares = stakes[user].shares.0;
                    ask(&mut world, &mut stakes[user], shares).unwrap();
                    if let Ok(moved) = take(&mut world, &mut stakes[user]) {
                        balance[user] += moved.amount as i128;
                    }
                }
            }
            let insurance = insurance(&world);
            let staked: u128 = stakes.iter().map(|stake| stake.shares.0 as u128).sum();
            prop_assert!(staked <= insurance.shares as u128);
            prop_assert_eq!(insurance.assets as i128, income - balance.iter().sum::<i128>());
            prop_assert_eq!(insurance.shares == 0, insurance.assets == 0);
        }
    }
}

#[test]
fn everything_can_be_withdrawn_from_a_reserve_whose_insurance_is_full() {
    let mut world = World::new(1);
    world.deposit(LENDER, USDC, 5 * ONE_USDC);
    put(&mut world, &mut Stake::default(), 7 * ONE_USDC).unwrap();
    assert_eq!(world.reserves[USDC as usize].vault_balance(), 12_000_000);
    let left = world.act(LENDER, |ledger, account| ledger.withdraw(account, USDC, EVERYTHING)).unwrap();
    assert_eq!((left.amount, world.reserves[USDC as usize].vault_balance()), (5 * ONE_USDC, 7_000_000));
}

//! Reported losses: whoever leaves before a loss is settled bears of it what he would bear after, and nobody gains by a report.

use crate::common::{TOKENS, World, cases, lend, reserve_config, restricted_config, update};
use ballast_engine::{
    Error, Result,
    ledger::{EVERYTHING, report::Report},
    number::{
        index::Index,
        units::{Bps, Part, Shares},
    },
    state::{
        account::Side,
        reserve::{Reserve, ReserveConfig},
    },
};
use num_bigint::BigUint;
use proptest::prelude::*;

/// Lenders and stakers are the first three.
const LENDER: usize = 0;
const OTHER: usize = 1;
const BORROWER: usize = 3;
const SECOND: usize = 4;
const USERS: usize = 5;
const USDC: u8 = 0;
const SOL: u8 = 1;
const ETH: u8 = 2;
const ONE_USDC: u64 = 1_000_000;
const ONE_SOL: u64 = 1_000_000_000;

fn report(world: &mut World, user: usize) -> Result<Report> {
    world.act(user, |ledger, account| ledger.report_loss(account))
}

fn settle(world: &mut World, user: usize, reserve: u8) -> Result<()> {
    world.act(user, |ledger, account| ledger.settle_bad_debt(account, reserve)).map(drop)
}

fn withdraw(world: &mut World, user: usize, reserve: u8, amount: u64) -> Result<u64> {
    world.act(user, |ledger, account| ledger.withdraw(account, reserve, amount)).map(|moved| moved.amount)
}

fn repay(world: &mut World, user: usize, reserve: u8, amount: u64) -> Result<u64> {
    world.act(user, |ledger, account| ledger.repay(account, reserve, amount)).map(|moved| moved.amount)
}

fn unstake(world: &mut World, user: usize) -> Result<u64> {
    world.act_on_stake(user, USDC, |ledger, stake| ledger.unstake(stake)).map(|moved| moved.amount)
}

fn exit(world: &World, reserve: u8) -> u128 {
    world.reserves[reserve as usize].exit_index_at(world.now).to_bits()
}

fn full(world: &World, reserve: u8) -> u128 {
    world.reserves[reserve as usize].deposit_index_at(world.now).to_bits()
}

/// What a user's deposit pays out now.
fn leaves_with(world: &World, user: usize, reserve: u8) -> u64 {
    let shares = world.accounts[user].shares(reserve, Side::Deposit).unwrap_or_default();
    world.reserves[reserve as usize].exit_index_at(world.now).amount_floor(shares)
}

/// A lender of 60,000 USDC, one of 40,000, and a borrower of 900 USDC on 10 SOL, which fell from 150 to so many USD.
fn fallen(dollars: u64) -> World {
    let mut world = World::new(USERS);
    world.deposit(LENDER, USDC, 60_000 * ONE_USDC);
    world.deposit(OTHER, USDC, 40_000 * ONE_USDC);
    world.deposit(OTHER, SOL, 1_000 * ONE_SOL);
    world.deposit(BORROWER, SOL, 10 * ONE_SOL);
    world.borrow(BORROWER, USDC, 900 * ONE_USDC);
    world.set_price(SOL, TOKENS[SOL as usize].1 / 150 * dollars as i64);
    world.refresh_all();
    world
}

/// The same with the borrower's loss of two thirds reported.
fn reported() -> World {
    let mut world = fallen(30);
    report(&mut world, BORROWER).unwrap();
    world
}

#[test]
fn what_is_lost_is_reported_to_a_2_32nd() {
    let mut world = fallen(30);
    assert_eq!(report(&mut world, LENDER), Err(Error::LossNotProven));
    let third = (1u64 << 32) / 3;
    let done = report(&mut world, BORROWER).unwrap();
    assert_eq!(done.before, Part::ZERO);
    assert!((done.after.0 as u64).abs_diff(2 * third) < 100, "{done:?}");
    assert!((done.after.to_f64() - 2.0 / 3.0).abs() < 1e-7 && Part::WHOLE.to_f64() == 1.0);
    let debt = world.accounts[BORROWER].shares(USDC, Side::Debt).unwrap();
    assert_eq!(world.reserves[0].doubtful, done.after.of(debt));
    assert!(world.reserves[0].doubtful_debts().abs_diff(600 * ONE_USDC) < 10);
    assert_eq!(report(&mut world, BORROWER), Err(Error::LossUnchanged));
    // More is lost, then less, then nothing.
    world.set_price(SOL, TOKENS[SOL as usize].1 / 150);
    assert!(report(&mut world, BORROWER).unwrap().after > done.after);
    world.set_price(SOL, TOKENS[SOL as usize].1 / 150 * 89);
    assert!(report(&mut world, BORROWER).unwrap().after < done.after);
    world.set_price(SOL, TOKENS[SOL as usize].1);
    assert_eq!(report(&mut world, BORROWER).unwrap().after, Part::ZERO);
    assert_eq!((world.reserves[0].doubtful, world.accounts[BORROWER].doubtful), (Shares::ZERO, Part::ZERO));
    assert_eq!(exit(&world, USDC), full(&world, USDC));
    assert_eq!(report(&mut world, BORROWER), Err(Error::LossNotProven));
}

#[test]
fn a_lender_who_leaves_after_a_report_bears_his_part() {
    let mut world = reported();
    let lost = world.reserves[0].doubtful_debts();
    // 600 of 100,000, of which his part is 60 %.
    let left = withdraw(&mut world, LENDER, USDC, EVERYTHING).unwrap();
    assert!(left.abs_diff(60_000 * ONE_USDC - lost * 6 / 10) < 3, "{left}");
    assert!(leaves_with(&world, OTHER, USDC).abs_diff(40_000 * ONE_USDC - lost * 4 / 10) < 3);
    // An amount burns as many more shares.
    let mut world = reported();
    let index = world.reserves[0].exit_index_at(world.now);
    let moved = world.act(LENDER, |ledger, account| ledger.withdraw(account, USDC, ONE_USDC)).unwrap();
    assert_eq!(Some(moved.shares), index.shares_ceil(ONE_USDC));
    assert!(moved.shares.0 > ONE_USDC);
    let most = leaves_with(&world, LENDER, USDC);
    assert_eq!(withdraw(&mut world, LENDER, USDC, most + 1), Err(Error::InsufficientDeposit));
}

#[test]
fn a_deposit_buys_at_the_full_index_and_gains_nothing_by_a_report() {
    let mut world = reported();
    let before = leaves_with(&world, LENDER, USDC);
    let left = withdraw(&mut world, LENDER, USDC, EVERYTHING).unwrap();
    world.deposit(LENDER, USDC, left);
    assert!(leaves_with(&world, LENDER, USDC) < before);
    // Not beside a deposit of his own that stays either.
    let mut world = reported();
    let before = leaves_with(&world, LENDER, USDC);
    world.deposit(LENDER, USDC, 1_000_000 * ONE_USDC);
    assert!(leaves_with(&world, LENDER, USDC) - 1_000_000 * ONE_USDC < before);
}

/// Insurance of two stakers, who have waited for their tokens.
fn insured(world: &mut World, stakes: [u64; 2]) {
    for (user, amount) in stakes.into_iter().enumerate().filter(|(_, amount)| *amount > 0) {
        let moved = world.act_on_stake(user, USDC, |ledger, stake| ledger.stake(stake, amount)).unwrap();
        world.act_on_stake(user, USDC, |ledger, stake| ledger.begin_unstake(stake, moved.shares)).unwrap();
    }
    world.now += 604_800;
    world.refresh_all();
}

#[test]
fn a_staker_who_leaves_after_a_report_bears_his_part_and_the_lenders_bear_none() {
    let mut world = fallen(30);
    insured(&mut world, [3_000 * ONE_USDC, 1_000 * ONE_USDC]);
    report(&mut world, BORROWER).unwrap();
    let lost = world.reserves[0].doubtful_debts();
    assert_eq!(exit(&world, USDC), full(&world, USDC));
    let insurance = world.reserves[0].insurance.assets;
    let left = unstake(&mut world, LENDER).unwrap();
    assert!(left.abs_diff((insurance - lost) / 4 * 3) < 3);
    // The last leaves what the loss takes, as the protocol's own stake.
    let left = unstake(&mut world, OTHER).unwrap();
    assert!(left.abs_diff((insurance - lost) / 4) < 3);
    let insurance = world.reserves[0].insurance;
    assert!(insurance.assets.abs_diff(lost) < 3 && insurance.shares == insurance.assets && insurance.staked == 0);
}

#[test]
fn who_would_get_nothing_is_refused() {
    let mut world = fallen(30);
    insured(&mut world, [500 * ONE_USDC, 0]);
    report(&mut world, BORROWER).unwrap();
    assert_eq!(unstake(&mut world, LENDER), Err(Error::LossPending));
    // A reserve whose deposits are backed by a lost debt alone.
    let mut world = World::new(USERS);
    world.deposit(LENDER, USDC, 900 * ONE_USDC);
    world.deposit(BORROWER, SOL, 10 * ONE_SOL);
    world.borrow(BORROWER, USDC, 900 * ONE_USDC);
    world.reserves[SOL as usize].deposit_index = Index::ZERO;
    assert_eq!(report(&mut world, BORROWER).unwrap().after, Part::WHOLE);
    for amount in [1, EVERYTHING] {
        assert_eq!(withdraw(&mut world, LENDER, USDC, amount), Err(Error::LossPending));
    }
    // Once it is settled everyone may leave, with nothing.
    settle(&mut world, BORROWER, USDC).unwrap();
    assert_eq!(withdraw(&mut world, LENDER, USDC, EVERYTHING), Ok(0));
}

#[test]
fn fees_that_a_loss_would_take_are_neither_set_aside_nor_claimed() {
    let mut world = fallen(30);
    world.reserves[0].claimable = 700 * ONE_USDC;
    report(&mut world, BORROWER).unwrap();
    let lost = world.reserves[0].doubtful_debts();
    let claimed = world.clone().act(0, |ledger, _| ledger.collect_fees(USDC)).unwrap();
    assert!(claimed.abs_diff(700 * ONE_USDC - lost) < 3);
    // What a leaver forgives stays in the books while the others may need it.
    world.reserves[0].claimable = 100 * ONE_USDC;
    withdraw(&mut world, LENDER, USDC, EVERYTHING).unwrap();
    assert!(world.reserves[0].fees() >> 64 > 100);
    let (fees, cash) = (world.reserves[0].fees(), world.reserves[0].cash);
    world.act(0, |ledger, _| ledger.refresh_reserve(USDC)).unwrap();
    assert_eq!((world.reserves[0].fees(), world.reserves[0].cash), (fees, cash));
    assert_eq!(world.act(0, |ledger, _| ledger.collect_fees(USDC)), Err(Error::NoFees));
    // Once the loss is found covered, it is a fee like others: nobody who stayed gains by who left.
    world.set_price(SOL, TOKENS[SOL as usize].1);
    report(&mut world, BORROWER).unwrap();
    assert!(world.act(0, |ledger, _| ledger.collect_fees(USDC)).unwrap() > 100 * ONE_USDC);
}

#[test]
fn new_risk_that_is_covered_takes_the_report_back() {
    let cured = |action: fn(&mut World)| {
        let mut world = reported();
        world.set_price(SOL, TOKENS[SOL as usize].1);
        world.refresh_all();
        action(&mut world);
        assert_eq!((world.reserves[0].doubtful, world.accounts[BORROWER].doubtful), (Shares::ZERO, Part::ZERO));
    };
    cured(|world| world.borrow(BORROWER, USDC, 10 * ONE_USDC));
    cured(|world| assert!(withdraw(world, BORROWER, SOL, ONE_SOL / 10).is_ok()));
}

/// Two atoms are a repayment too, and so is what a liquidator pays who would leave.
#[test]
fn a_report_survives_a_repayment_of_atoms_and_a_liquidation() {
    let mut world = reported();
    let before = leaves_with(&world, LENDER, USDC);
    // Less than two is less than a share.
    repay(&mut world, BORROWER, USDC, 2).unwrap();
    assert!(leaves_with(&world, LENDER, USDC) - before <= 2);
    assert_eq!(report(&mut world, BORROWER).map(|done| done.after.0.abs_diff(done.before.0) < 10), Ok(true));
    // Each dollar that is seized repays less than one: more is lost than before, and all of it of what is left.
    for (most, is_in_two_parts) in [(ONE_USDC, false), (100 * ONE_USDC, true), (EVERYTHING, false), (EVERYTHING, true)]
    {
        let mut world = reported();
        let before = leaves_with(&world, LENDER, USDC);
        world
            .act(BORROWER, |ledger, account| {
                if is_in_two_parts {
                    ledger.begin_liquidation(account, USDC, SOL, most, 0)?;
                    assert_eq!(ledger.report_loss(account), Err(Error::AccountInReceivership));
                    ledger.end_liquidation(account)?;
                } else {
                    ledger.liquidate(account, USDC, SOL, most, 0)?;
                }
                Ok(())
            })
            .unwrap();
        let (left, after) = (world.accounts[BORROWER], leaves_with(&world, LENDER, USDC));
        assert!(after <= before, "{most}: {after} > {before}");
        if most == EVERYTHING {
            assert_eq!(left.doubtful, Part::WHOLE);
            settle(&mut world, BORROWER, USDC).unwrap();
            assert_eq!((world.reserves[0].doubtful, world.accounts[BORROWER].doubtful), (Shares::ZERO, Part::ZERO));
            assert!(leaves_with(&world, LENDER, USDC).abs_diff(after) <= 1);
        }
    }
    // A repayment of everything is none that is lost.
    let mut world = reported();
    repay(&mut world, BORROWER, USDC, EVERYTHING).unwrap();
    assert_eq!((world.reserves[0].doubtful, world.accounts[BORROWER].doubtful), (Shares::ZERO, Part::ZERO));
    assert_eq!(exit(&world, USDC), full(&world, USDC));
}

/// A liquidator who repays one of two debts whole leaves the loss to the other.
#[test]
fn a_liquidation_moves_a_report_to_the_debts_that_are_left() {
    let mut world = World::new(USERS);
    world.deposit(LENDER, USDC, 10_000 * ONE_USDC);
    world.deposit(OTHER, ETH, world.atoms(ETH, 100_000_000));
    world.deposit(BORROWER, SOL, 10 * ONE_SOL);
    world.borrow(BORROWER, USDC, 400 * ONE_USDC);
    world.borrow(BORROWER, ETH, world.atoms(ETH, 4_000_000));
    world.set_price(SOL, TOKENS[SOL as usize].1 / 150 * 45);
    world.refresh_all();
    let part = report(&mut world, BORROWER).unwrap().after;
    assert!(world.reserves[USDC as usize].doubtful.0 > 0 && world.reserves[ETH as usize].doubtful.0 > 0);
    world.act(BORROWER, |ledger, account| ledger.liquidate(account, USDC, SOL, EVERYTHING, 0)).unwrap();
    assert_eq!(world.accounts[BORROWER].shares(USDC, Side::Debt), Err(Error::PositionNotFound));
    assert_eq!(world.reserves[USDC as usize].doubtful, Shares::ZERO);
    let left = world.accounts[BORROWER];
    assert!(left.doubtful.0 as u64 > part.0 as u64 * 17 / 10, "{left:?}");
    assert_eq!(world.reserves[ETH as usize].doubtful, left.doubtful.of(left.shares(ETH, Side::Debt).unwrap()));
}

/// What is not known counts in the borrower's favour to raise a report, and proves nothing to lower it.
#[test]
fn an_old_price_proves_nothing() {
    // A deposit of an old price counts twice: 10 SOL of 40 USD, of 900.
    let mut world = fallen(40);
    world.now += 601;
    let renewed = update(USDC, TOKENS[0].1, world.now);
    world.publish(USDC, &renewed).unwrap();
    let part = report(&mut world, BORROWER).unwrap().after;
    assert!((part.to_f64() - 100.0 / 900.0).abs() < 1e-3, "{part:?}");
    let mut world = fallen(50);
    world.now += 601;
    world.publish(USDC, &update(USDC, TOKENS[0].1, world.now)).unwrap();
    assert_eq!(report(&mut world, BORROWER), Err(Error::LossNotProven));
    // A debt of an old price counts half.
    world.now += 601;
    world.publish(SOL, &update(SOL, TOKENS[SOL as usize].1 / 150 * 40, world.now)).unwrap();
    let part = report(&mut world, BORROWER).unwrap().after;
    assert!((part.to_f64() - 50.0 / 900.0).abs() < 1e-3, "{part:?}");
    // Neither lowers what is reported, whatever it was worth last.
    for stale in [USDC, SOL] {
        let mut world = reported();
        let (fresh, before) = (USDC + SOL - stale, world.accounts[BORROWER].doubtful);
        world.set_price(SOL, TOKENS[SOL as usize].1);
        world.now += 601;
        world.publish(fresh, &update(fresh, world.prices[fresh as usize], world.now)).unwrap();
        assert_eq!(report(&mut world, BORROWER), Err(Error::LossUnchanged));
        assert_eq!(world.accounts[BORROWER].doubtful, before);
    }
}

/// Prices of two moments, each of them recent, prove no more than old ones.
#[test]
fn a_price_of_another_moment_proves_nothing() {
    let mut world = fallen(50);
    for reserve in [USDC, SOL] {
        world.reserves[reserve as usize].config.oracle.max_skew = 10;
    }
    world.now += 11;
    world.publish(USDC, &update(USDC, TOKENS[0].1, world.now)).unwrap();
    assert_eq!(report(&mut world, BORROWER), Err(Error::LossNotProven));
    world.publish(SOL, &update(SOL, TOKENS[SOL as usize].1 / 150 * 50, world.now)).unwrap();
    let before = report(&mut world, BORROWER).unwrap().after;
    // Nor the other way: SOL is back, but USDC of another moment.
    world.now += 11;
    world.publish(SOL, &update(SOL, TOKENS[SOL as usize].1, world.now)).unwrap();
    assert_eq!(report(&mut world, BORROWER), Err(Error::LossUnchanged));
    assert_eq!(world.accounts[BORROWER].doubtful, before);
    world.publish(USDC, &update(USDC, TOKENS[0].1, world.now)).unwrap();
    assert_eq!(report(&mut world, BORROWER).unwrap().after, Part::ZERO);
}

/// A halt keeps nobody from reporting: it would keep the others from leaving alone.
#[test]
fn a_halted_price_is_a_price() {
    let mut world = World::with([0, 1, 2, 3].map(restricted_config), USERS);
    world.deposit(LENDER, USDC, 10_000 * ONE_USDC);
    world.deposit(BORROWER, SOL, 10 * ONE_SOL);
    world.now += 1;
    world.refresh_all();
    world.borrow(BORROWER, USDC, 900 * ONE_USDC);
    world.now += 60;
    let mut crash = update(SOL, TOKENS[SOL as usize].1 / 3, world.now);
    crash.ema_price = TOKENS[SOL as usize].1;
    world.publish(SOL, &crash).unwrap();
    assert!(world.reserves[SOL as usize].halt.is_frozen(world.now));
    world.publish(USDC, &update(USDC, TOKENS[0].1, world.now)).unwrap();
    report(&mut world, BORROWER).unwrap();
    assert!(exit(&world, USDC) < full(&world, USDC));
}

/// A borrower who reports himself pushes nobody out for his own gain: what leavers forgive is the protocol's if he pays after all.
#[test]
fn a_borrower_gains_nothing_by_his_own_report() {
    let mut world = fallen(30);
    // He is a lender of the reserve as well, by another account.
    let before = leaves_with(&world, OTHER, USDC);
    report(&mut world, BORROWER).unwrap();
    withdraw(&mut world, LENDER, USDC, EVERYTHING).unwrap();
    repay(&mut world, BORROWER, USDC, EVERYTHING).unwrap();
    assert_eq!(leaves_with(&world, OTHER, USDC), before);
}

/// Dust reports dust, and an account without debts nothing.
#[test]
fn reports_of_dust_do_no_harm() {
    let mut world = fallen(150);
    world.deposit(SECOND, SOL, 3 * ONE_SOL / 100);
    world.borrow(SECOND, USDC, 2 * ONE_USDC);
    repay(&mut world, SECOND, USDC, 2 * ONE_USDC - 3).unwrap();
    world.reserves[SOL as usize].deposit_index = Index::ZERO;
    assert_eq!(report(&mut world, SECOND).unwrap().after, Part::WHOLE);
    let left = world.accounts[SECOND].shares(USDC, Side::Debt).unwrap();
    assert!(left.0 < 5 && world.reserves[0].doubtful == left);
    assert!(full(&world, USDC) - exit(&world, USDC) < 1 << 34);
    assert_eq!(report(&mut world, OTHER), Err(Error::LossNotProven));
}

/// Every debt of an account is reported for the same part, and each reserve by itself.
#[test]
fn all_of_eight_debts_are_reported() {
    let mut world = World::new(2);
    let record = world.reserves[USDC as usize];
    let config = |reserve: u8| ReserveConfig { oracle: reserve_config(reserve).oracle, ..record.config };
    world.reserves = (0..9).map(|index| Reserve { config: config(index), ..record }).collect();
    world.prices = vec![TOKENS[0].1; 9];
    world.refresh_all();
    for debt in 0..8 {
        world.deposit(LENDER, debt, 10_000 * ONE_USDC);
    }
    world.deposit(1, 8, 1_500 * ONE_USDC);
    for debt in 0..8 {
        world.borrow(1, debt, 100 * ONE_USDC);
    }
    world.now += 1;
    world.prices[8] = TOKENS[0].1 / 10;
    world.refresh_all();
    let part = report(&mut world, 1).unwrap().after;
    assert!((part.to_f64() - 650.0 / 800.0).abs() < 1e-4, "{part:?}");
    for debt in 0..8 {
        let shares = world.accounts[1].shares(debt, Side::Debt).unwrap();
        assert_eq!(world.reserves[debt as usize].doubtful, part.of(shares));
    }
    for debt in 0..8 {
        repay(&mut world, 1, debt, EVERYTHING).unwrap();
        assert_eq!(world.reserves[debt as usize].doubtful, Shares::ZERO);
    }
    assert_eq!(world.accounts[1].doubtful, Part::ZERO);
}

/// A part is settled while the rest may yet be paid: the report falls by what is written off, and stays reported for nobody twice.
#[test]
fn a_settlement_takes_what_it_writes_off_from_the_report() {
    let mut world = fallen(40);
    world.now += 601;
    world.publish(USDC, &update(USDC, TOKENS[0].1, world.now)).unwrap();
    report(&mut world, BORROWER).unwrap();
    let before = leaves_with(&world, LENDER, USDC);
    settle(&mut world, BORROWER, USDC).unwrap();
    assert!(world.accounts[BORROWER].has_debt());
    assert!(world.reserves[0].doubtful_debts() < 2, "{}", world.reserves[0].doubtful_debts());
    assert!(leaves_with(&world, LENDER, USDC).abs_diff(before) <= 2);
}

/// Who leaves, and how: lenders with so many parts of 16 of their deposits, stakers with what they asked for, the protocol.
#[derive(Clone, Copy, Debug)]
enum Leaver {
    Lender(usize, u64),
    Staker(usize),
    Collector,
}

#[derive(Clone, Debug)]
struct Scene {
    deposits: [u64; 3],
    stakes: [u64; 2],
    claimable: u64,
    fee_share: u16,
    /// Of the deposits, in 1,000: what is lost, and what is lent beside it. More than a quarter of the cash is left when all
    /// have left, or fees would wait for it.
    lost: u64,
    lent: u64,
    seconds: i64,
    leavers: Vec<Leaver>,
}

fn scene() -> impl Strategy<Value = Scene> {
    let atoms = || prop_oneof![1_000u64..1_000_000, 1_000_000u64..1_000_000_000_000];
    // At the size of the loss, and around it.
    let cover = || prop_oneof![1 => Just(0u64), 3 => 1u64..1_200, 1 => 1_200u64..10_000];
    let leaver = prop_oneof![
        3 => (0usize..3, 1u64..=2).prop_map(|(user, part)| Leaver::Lender(user, part)),
        2 => (0usize..2).prop_map(Leaver::Staker),
        1 => Just(Leaver::Collector),
    ];
    (
        prop::array::uniform3(atoms()),
        prop::array::uniform2(cover()),
        cover(),
        0u16..=10_000,
        1u64..200,
        0u64..100,
        0i64..3_000_000,
        prop::collection::vec(leaver, 1..6),
    )
        .prop_map(|(deposits, stakes, claimable, fee_share, lost, lent, seconds, leavers)| {
            let loss = deposits.iter().sum::<u64>() * lost / 1_000;
            let of_loss = |part: u64| (loss as u128 * part as u128 / 1_000) as u64;
            Scene {
                deposits,
                stakes: stakes.map(of_loss),
                claimable: of_loss(claimable),
                fee_share,
                lost,
                lent,
                seconds,
                leavers,
            }
        })
}

impl Scene {
    /// Two borrowers, of whom one has lost his collateral; interest, fees and stakes.
    fn world(&self) -> World {
        let mut world = World::new(USERS);
        let config = &mut world.reserves[0].config;
        (config.insurance.fee_share, config.breakers.max_utilisation) = (Bps(self.fee_share), Bps(0));
        (world.market.config.min_debt_value, world.market.config.dust_value) = (1, 1);
        for (user, amount) in self.deposits.into_iter().enumerate() {
            world.deposit(user, USDC, amount);
        }
        let all: u64 = self.deposits.iter().sum();
        for (user, collateral, part) in [(BORROWER, SOL, self.lost), (SECOND, ETH, self.lent)] {
            world.deposit(user, collateral, 1 << 60);
            let _ = world.act(user, |ledger, account| ledger.borrow(account, USDC, all * part / 1_000));
        }
        world.reserves[0].claimable = self.claimable;
        world.now += self.seconds;
        insured(&mut world, self.stakes);
        world.reserves[SOL as usize].deposit_index = Index::ZERO;
        world
    }

    /// What each leaver gets, in order, and what everyone and the protocol have in the end.
    fn play(&self, world: &mut World) -> Vec<u64> {
        let mut paid = Vec::new();
        for leaver in &self.leavers {
            let got = match *leaver {
                Leaver::Lender(user, part) => {
                    let held = leaves_with(world, user, USDC);
                    let amount = (held as u128 * part as u128 / 16) as u64;
                    withdraw(world, user, USDC, amount)
                }
                Leaver::Staker(user) => unstake(world, user),
                Leaver::Collector => world.act(0, |ledger, _| ledger.collect_fees(USDC)),
            };
            paid.push(got.unwrap_or(0));
        }
        paid
    }
}

/// What everyone has in the end: lenders, stakers, and all that is the protocol's.
fn ends(world: &World) -> Vec<u64> {
    let reserve = &world.reserves[0];
    let mut ends: Vec<u64> = (0..3)
        .map(|user| {
            reserve.deposit_index.amount_floor(world.accounts[user].shares(USDC, Side::Deposit).unwrap_or_default())
        })
        .collect();
    for stakes in &world.stakes[..2] {
        let stake = &stakes[0];
        ends.push(if stake.is_empty(&reserve.insurance) { 0 } else { reserve.insurance.worth(stake.shares) });
    }
    ends.push((reserve.fees() >> 64) as u64 + reserve.claimable + reserve.insurance.assets);
    ends
}

proptest! {
    #![proptest_config(cases(1_500))]

    /// Leaving and then settling pays each leaver, and leaves everyone else, what settling and then leaving does.
    #[test]
    fn leaving_then_settling_is_settling_then_leaving_i18(scene in scene()) {
        let mut before = scene.world();
        let Ok(done) = report(&mut before, BORROWER) else { return Ok(()) };
        prop_assert_eq!(done.after, Part::WHOLE);
        let mut after = before.clone();
        let paid = scene.play(&mut before);
        settle(&mut before, BORROWER, USDC).unwrap();
        settle(&mut after, BORROWER, USDC).unwrap();
        prop_assert_eq!(after.reserves[0].doubtful, Shares::ZERO);
        let then = scene.play(&mut after);
        // An atom of rounding for each step that came before, and the settlement.
        let tolerance = 2 + scene.leavers.len() as u64;
        for (early, late) in paid.iter().zip(&then) {
            prop_assert!(early.abs_diff(*late) <= tolerance, "{paid:?} and {then:?}");
        }
        for (early, late) in ends(&before).iter().zip(ends(&after)) {
            prop_assert!(early.abs_diff(late) <= tolerance, "{:?} and {:?}", ends(&before), ends(&after));
        }
    }

    /// The same in the books alone, where any part of a debt may be in doubt and be settled.
    #[test]
    fn any_part_of_the_debts_may_be_in_doubt_i18(scene in scene(), part in 1u32.., leaving in prop::collection::vec(1u64..1 << 14, 1..5)) {
        let mut early = scene.world().reserves[0];
        early.accrue(early.last_accrual + 1);
        let doubtful = Part(part).of(early.debt_shares);
        let mut late = early;
        early.doubtful = doubtful;
        late.write_off(doubtful);
        let index = early.exit_index();
        prop_assert_eq!(index, late.deposit_index);
        let mut grain = index.amount_ceil(Shares(1)) + 1;
        for part in leaving {
            let shares = Shares(((early.deposit_shares.0 as u128 * part as u128) >> 16) as u64);
            let (one, other) = (early.exit_index().amount_floor(shares), late.deposit_index.amount_floor(shares));
            prop_assert!(one.abs_diff(other) <= grain);
            early.withdraw(one, shares).unwrap();
            late.withdraw(other, shares).unwrap();
            grain += 1;
        }
        early.write_off(doubtful);
        let left = |reserve: &Reserve| reserve.deposit_index.amount_floor(reserve.deposit_shares);
        prop_assert!(left(&early).abs_diff(left(&late)) <= grain, "{} and {}", left(&early), left(&late));
    }

    /// The part of shares is that of the rational, rounded up, and the whole is all.
    #[test]
    fn a_part_is_rounded_up(shares: u64, part: u32) {
        let exact = (BigUint::from(shares) * part + u32::MAX) >> 32u32;
        let expected = if part == u32::MAX { BigUint::from(shares) } else { exact };
        prop_assert_eq!(BigUint::from(Part(part).of(Shares(shares)).0), expected);
    }

    /// Nobody can leave with more because of what he does first: repays, liquidates, reports, adds to his deposit.
    #[test]
    fn nothing_done_before_leaving_pays_i18(
        dollars in 1u64..89, steps in prop::collection::vec((0u8..4, 1u64..2_000_000_000), 1..6),
    ) {
        let mut world = fallen(dollars);
        report(&mut world, BORROWER).unwrap();
        let honest = leaves_with(&world, LENDER, USDC);
        // What he spent on it, in atoms of USDC, at the price that everything is worth.
        let mut spent = 0i128;
        for (step, amount) in steps {
            match step {
                0 => spent += repay(&mut world, BORROWER, USDC, amount).unwrap_or(0) as i128,
                1 => if let Ok(done) = world.act(BORROWER, |ledger, account| ledger.liquidate(account, USDC, SOL, amount, 0)) {
                    spent += done.repaid as i128 - (done.seized as u128 * dollars as u128).div_ceil(1_000) as i128;
                    // A liquidator earns the penalty, report or not.
                    spent += (done.repaid as u128 * done.penalty.0 as u128 / 10_000) as i128;
                },
                2 => drop(report(&mut world, BORROWER)),
                _ => if world.act(LENDER, |ledger, account| lend(ledger, account, USDC, amount)).is_ok() {
                    spent += amount as i128;
                },
            }
        }
        let left = leaves_with(&world, LENDER, USDC);
        prop_assert!(left as i128 - spent <= honest as i128 + 10, "{left} for {spent} instead of {honest}");
    }
}

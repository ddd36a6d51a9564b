//! Every rule by example, and every reason for which the engine refuses.

mod common;

use ballast_engine::{
    Error,
    health::{Requirement, report::HealthReport},
    ledger::EVERYTHING,
    number::{
        index::Index,
        units::{Bps, Usd},
    },
    price::feed::{PriceUpdate, Source},
    record::layout::Address,
    state::{
        account::MAX_POSITIONS,
        market::{Market, MarketConfig, Roles},
        reserve::{Reserve, ReserveConfig},
    },
};
use common::{START, TOKENS, World, blank, feed, lend, market_config, reserve_config, update};

const LENDER: usize = 0;
const USER: usize = 1;
const USDC: u8 = 0;
const SOL: u8 = 1;
const ETH: u8 = 2;
const ONE_USDC: u64 = 1_000_000;
const ONE_SOL: u64 = 1_000_000_000;

/// A lender of 100,000 USDC and 1,000 SOL, and a user with 10 SOL (1,500 USD) who owes what is given in USDC.
fn indebted(owed: u64) -> World {
    let mut world = World::new(2);
    world.deposit(LENDER, USDC, 100_000 * ONE_USDC);
    world.deposit(LENDER, SOL, 1_000 * ONE_SOL);
    world.deposit(USER, SOL, 10 * ONE_SOL);
    if owed > 0 {
        world.borrow(USER, USDC, owed);
    }
    world
}

/// The same after SOL fell to so many basis points of 150 USD.
fn fallen(owed: u64, bps: i64) -> World {
    let mut world = indebted(owed);
    world.set_price(SOL, TOKENS[SOL as usize].1 / 10_000 * bps);
    world
}

fn deposit(world: &mut World, user: usize, reserve: u8, amount: u64) -> Result<u64, Error> {
    world.act(user, |ledger, account| lend(ledger, account, reserve, amount)).map(|moved| moved.amount)
}

fn withdraw(world: &mut World, user: usize, reserve: u8, amount: u64) -> Result<u64, Error> {
    world.act(user, |ledger, account| ledger.withdraw(account, reserve, amount)).map(|moved| moved.amount)
}

fn borrow(world: &mut World, user: usize, reserve: u8, amount: u64) -> Result<u64, Error> {
    world.act(user, |ledger, account| ledger.borrow(account, reserve, amount)).map(|moved| moved.amount)
}

fn repay(world: &mut World, user: usize, reserve: u8, amount: u64) -> Result<u64, Error> {
    world.act(user, |ledger, account| ledger.repay(account, reserve, amount)).map(|moved| moved.amount)
}

fn settle(world: &mut World, user: usize, reserve: u8) -> Result<u64, Error> {
    world.act(user, |ledger, account| ledger.settle_bad_debt(account, reserve)).map(|settled| settled.loss.whole())
}

fn liquidate(world: &mut World, most: u64) -> Result<ballast_engine::ledger::liquidation::Liquidation, Error> {
    world.act(USER, |ledger, account| ledger.liquidate(account, USDC, SOL, most, 0))
}

fn configure(world: &mut World, reserve: u8, change: impl FnOnce(&mut ReserveConfig)) -> Result<(), Error> {
    let mut config = world.reserves[reserve as usize].config;
    change(&mut config);
    world.act(LENDER, |ledger, _| common::configure(ledger, reserve, &config))
}

fn publish(world: &mut World, change: impl FnOnce(&mut PriceUpdate)) -> Result<bool, Error> {
    world.now += 1;
    let mut update = update(SOL, world.prices[SOL as usize], world.now);
    change(&mut update);
    world.publish(SOL, &update)
}

#[test]
fn amounts_that_make_no_sense_are_refused() {
    let mut world = indebted(500 * ONE_USDC);
    for refused in [
        deposit(&mut world, USER, SOL, 0),
        withdraw(&mut world, USER, SOL, 0),
        borrow(&mut world, USER, USDC, 0),
        repay(&mut world, USER, USDC, 0),
    ] {
        assert_eq!(refused, Err(Error::AmountIsZero));
    }
    assert_eq!(liquidate(&mut world, 0), Err(Error::AmountIsZero));
    assert_eq!(deposit(&mut world, USER, SOL, u64::MAX), Err(Error::AmountTooLarge));
    assert_eq!(deposit(&mut world, USER, 4, 1), Err(Error::ReserveIndexOutOfRange));
    assert_eq!(withdraw(&mut world, USER, SOL, 10 * ONE_SOL + 1), Err(Error::InsufficientDeposit));
    assert_eq!(withdraw(&mut world, USER, ETH, 1), Err(Error::PositionNotFound));
    assert_eq!(repay(&mut world, USER, ETH, 1), Err(Error::PositionNotFound));
    world.now += 31_536_000;
    world.refresh_all();
    // A share has come to cost more than an atom.
    assert_eq!(repay(&mut world, USER, USDC, 1), Err(Error::AmountTooSmall));
}

#[test]
fn a_reserve_is_an_accounts_collateral_or_debt_but_not_both() {
    let mut world = indebted(500 * ONE_USDC);
    assert_eq!(deposit(&mut world, USER, USDC, ONE_USDC), Err(Error::PositionIsDebt));
    assert_eq!(borrow(&mut world, USER, SOL, ONE_SOL), Err(Error::PositionIsDeposit));
}

#[test]
fn everything_leaves_no_dust() {
    let mut world = indebted(500 * ONE_USDC);
    world.now += 12_345_678;
    world.refresh_all();
    assert!(repay(&mut world, USER, USDC, EVERYTHING).unwrap() > 500 * ONE_USDC);
    withdraw(&mut world, USER, SOL, EVERYTHING).unwrap();
    assert_eq!(world.accounts[USER], blank(USER));
    assert_eq!(world.reserves[USDC as usize].debt_shares.0, 0);
    withdraw(&mut world, LENDER, USDC, EVERYTHING).unwrap();
    assert_eq!(world.reserves[USDC as usize].deposits(), 0);
}

#[test]
fn repaying_more_than_is_owed_takes_what_is_owed() {
    let mut world = indebted(500 * ONE_USDC);
    assert_eq!(repay(&mut world, USER, USDC, 501 * ONE_USDC), Ok(500 * ONE_USDC));
}

#[test]
fn repaying_needs_no_price_and_depositing_and_withdrawing_need_none_without_debt() {
    let mut world = indebted(500 * ONE_USDC);
    world.now += 10_000;
    assert_eq!(withdraw(&mut world, USER, SOL, 1), Err(Error::PriceStale));
    assert_eq!(deposit(&mut world, USER, SOL, 1), Err(Error::PriceStale));
    repay(&mut world, USER, USDC, EVERYTHING).unwrap();
    deposit(&mut world, USER, SOL, 1).unwrap();
    withdraw(&mut world, USER, SOL, EVERYTHING).unwrap();
}

#[test]
fn the_sixteenth_position_is_the_last() {
    let mut world = World::new(1);
    world.reserves = vec![world.reserves[0]; MAX_POSITIONS + 1];
    for reserve in 0..MAX_POSITIONS as u8 {
        deposit(&mut world, 0, reserve, 5).unwrap();
    }
    assert_eq!(deposit(&mut world, 0, MAX_POSITIONS as u8, 5), Err(Error::TooManyPositions));
    deposit(&mut world, 0, 3, 5).unwrap();
    withdraw(&mut world, 0, 3, EVERYTHING).unwrap();
    deposit(&mut world, 0, MAX_POSITIONS as u8, 5).unwrap();
}

#[test]
fn a_mint_has_eighteen_decimals_at_most() {
    assert!(Reserve::new(&reserve_config(0), 18, START).is_ok());
    assert_eq!(Reserve::new(&reserve_config(0), 19, START), Err(Error::MintDecimalsAboveCeiling));
}

#[test]
fn caps_and_minima_hold() {
    let mut world = indebted(500 * ONE_USDC);
    configure(&mut world, USDC, |config| {
        (config.deposit_cap, config.borrow_cap) = (100_001 * ONE_USDC, 600 * ONE_USDC)
    })
    .unwrap();
    configure(&mut world, SOL, |config| config.min_deposit = ONE_SOL).unwrap();
    assert_eq!(deposit(&mut world, LENDER, USDC, ONE_USDC + 1), Err(Error::DepositCapExceeded));
    deposit(&mut world, LENDER, USDC, ONE_USDC).unwrap();
    assert_eq!(borrow(&mut world, USER, USDC, 100 * ONE_USDC + 1), Err(Error::BorrowCapExceeded));
    borrow(&mut world, USER, USDC, 100 * ONE_USDC).unwrap();
    // The minimum is for opening a position only.
    deposit(&mut world, USER, SOL, 1).unwrap();
    world.accounts.push(blank(2));
    assert_eq!(deposit(&mut world, 2, SOL, ONE_SOL - 1), Err(Error::DepositBelowMinimum));
    deposit(&mut world, 2, SOL, ONE_SOL).unwrap();
    assert_eq!(borrow(&mut world, 2, USDC, 2 * ONE_USDC - 1), Err(Error::BorrowCapExceeded));
    repay(&mut world, USER, USDC, 100 * ONE_USDC).unwrap();
    assert_eq!(borrow(&mut world, 2, USDC, 2 * ONE_USDC - 1), Err(Error::DebtBelowMinimum));
    // Two dollars at a spot reading rounded down: an atom more.
    borrow(&mut world, 2, USDC, 2 * ONE_USDC + 1).unwrap();
    // Repaying may leave less. Then what is left of the collateral must cover the smallest debt, 2.2 USD at initial weights.
    repay(&mut world, 2, USDC, ONE_USDC).unwrap();
    // Nor may a withdrawal leave less than the minimum of a deposit beside a debt.
    assert_eq!(withdraw(&mut world, 2, SOL, 1), Err(Error::DepositBelowMinimum));
    deposit(&mut world, 2, SOL, 1).unwrap();
    withdraw(&mut world, 2, SOL, 1).unwrap();
    configure(&mut world, SOL, |config| config.min_deposit = 1).unwrap();
    let least = 2 * ONE_SOL * 10_000 / 7_500 / 150;
    assert_eq!(withdraw(&mut world, 2, SOL, ONE_SOL - least + 1), Err(Error::DebtBelowMinimum));
    withdraw(&mut world, 2, SOL, ONE_SOL - least - 1).unwrap();
}

#[test]
fn liquidity_bounds_what_leaves_a_reserve() {
    let mut world = indebted(0);
    world.deposit(USER, SOL, 4_000 * ONE_SOL);
    borrow(&mut world, USER, USDC, 100_000 * ONE_USDC).unwrap();
    assert_eq!(borrow(&mut world, USER, USDC, 1), Err(Error::InsufficientLiquidity));
    assert_eq!(withdraw(&mut world, LENDER, USDC, 1), Err(Error::InsufficientLiquidity));
}

#[test]
fn collateral_only_reserves_lend_nothing_and_borrow_only_ones_back_nothing() {
    let mut world = indebted(0);
    configure(&mut world, USDC, |config| config.borrow_enabled = 0).unwrap();
    assert_eq!(borrow(&mut world, USER, USDC, 2 * ONE_USDC), Err(Error::BorrowingDisabled));
    configure(&mut world, USDC, |config| config.borrow_enabled = 1).unwrap();
    let no_collateral = |config: &mut ReserveConfig| {
        (config.risk.cross.initial_asset, config.risk.cross.maintenance_asset) = (Bps(0), Bps(0));
    };
    configure(&mut world, SOL, no_collateral).unwrap();
    deposit(&mut world, USER, SOL, ONE_SOL).unwrap();
    assert_eq!(borrow(&mut world, USER, USDC, 2 * ONE_USDC), Err(Error::InitialHealthTooLow));
}

#[test]
fn new_risk_needs_fresh_and_settled_prices() {
    let mut world = indebted(100 * ONE_USDC);
    // Unsettled collateral counts for nothing, an unsettled debt stops everything.
    assert_eq!(publish(&mut world, |update| update.ema_price = update.price * 9 / 8), Ok(true));
    assert_eq!(borrow(&mut world, USER, USDC, ONE_USDC), Err(Error::InitialHealthTooLow));
    assert!(world.health(USER, Requirement::Maintenance).unwrap().is_healthy());
    assert_eq!(publish(&mut world, |update| update.confidence = update.price as u64 / 40), Ok(true));
    assert_eq!(borrow(&mut world, USER, USDC, ONE_USDC), Err(Error::InitialHealthTooLow));
    assert_eq!(publish(&mut world, |_| ()), Ok(true));
    borrow(&mut world, USER, USDC, ONE_USDC).unwrap();
    let unsettled = PriceUpdate { ema_price: world.prices[0] * 9 / 8, ..update(USDC, world.prices[0], world.now) };
    world.publish(USDC, &unsettled).unwrap();
    assert_eq!(borrow(&mut world, USER, USDC, ONE_USDC), Err(Error::PriceUnsettled));
    assert_eq!(withdraw(&mut world, USER, SOL, 1), Err(Error::PriceUnsettled));
    // A report says the same with a debt that nothing covers.
    let report = HealthReport::new(&world.accounts[USER], &world.reserves, &world.market.config, world.now).unwrap();
    assert_eq!((report.initial_debt.get(), report.maintenance_debt.get() < u128::MAX), (u128::MAX, true));
    configure(&mut world, USDC, |config| config.oracle.max_skew = 5).unwrap();
    world.now += 6;
    assert_eq!(publish(&mut world, |_| ()), Ok(true));
    assert_eq!(borrow(&mut world, USER, USDC, ONE_USDC), Err(Error::PricesSkewed));
    world.now += 601;
    assert_eq!(borrow(&mut world, USER, USDC, ONE_USDC), Err(Error::PriceStale));
}

#[test]
fn updates_that_cannot_be_trusted_are_refused() {
    let mut world = indebted(0);
    assert_eq!(publish(&mut world, |update| update.feed_id = feed(USDC).0), Err(Error::PriceFeedMismatch));
    assert_eq!(publish(&mut world, |update| update.price = 0), Err(Error::PriceNotPositive));
    assert_eq!(publish(&mut world, |update| update.ema_price = -1), Err(Error::PriceNotPositive));
    assert_eq!(publish(&mut world, |update| update.exponent = 1), Err(Error::PriceExponentOutOfRange));
    assert_eq!(publish(&mut world, |update| update.exponent = -19), Err(Error::PriceExponentOutOfRange));
    assert_eq!(publish(&mut world, |update| update.exponent = 0), Err(Error::PriceOutOfRange));
    assert_eq!(publish(&mut world, |update| update.publish_time += 1), Err(Error::PriceInFuture));
    // What is not newer changes nothing, whatever it says.
    for time in [START, START - 1, 0, -1, i64::MIN] {
        assert_eq!(publish(&mut world, |update| (update.publish_time, update.price) = (time, 1_000_000)), Ok(false));
    }
    world.now += 1;
    assert_eq!(
        publish(&mut world, |update| update.confidence = update.price as u64 / 9),
        Err(Error::PriceConfidenceTooWide)
    );
    configure(&mut world, SOL, |config| config.oracle.feed_account = Address([9; 32])).unwrap();
    assert_eq!(publish(&mut world, |_| ()), Err(Error::PriceAccountNotPinned));
    world.now += 1;
    let update = update(SOL, world.prices[SOL as usize], world.now);
    assert_eq!(
        world.act(LENDER, |ledger, _| ledger.refresh_price(SOL, &Source { address: Address([9; 32]), update }, None)),
        Ok(None)
    );
    assert_eq!(world.reserves[SOL as usize].price.publish_time, world.now);
    assert_eq!(PriceUpdate::parse(&[0; PriceUpdate::LEN]), Err(Error::PriceAccountMalformed));
    let mut data = update.to_bytes(Address::NONE);
    data[40] = 0;
    assert_eq!(PriceUpdate::parse(&data), Err(Error::PriceNotFullyVerified));
}

/// A new feed comes without a price. That is no reason to take what other collateral an account has.
#[test]
fn changing_the_feed_liquidates_no_one() {
    let mut world = indebted(900 * ONE_USDC);
    deposit(&mut world, USER, ETH, 1_000_000_000_000_000).unwrap();
    assert!(world.health(USER, Requirement::Maintenance).unwrap().is_healthy());
    configure(&mut world, SOL, |config| config.oracle.feed_id = Address([77; 32])).unwrap();
    assert_eq!(borrow(&mut world, USER, USDC, ONE_USDC), Err(Error::PriceStale));
    let taken = world.act(USER, |ledger, account| ledger.liquidate(account, USDC, ETH, EVERYTHING, 0));
    assert!(taken.is_err(), "liquidated for want of a price: {taken:?}");
    world.now += 1;
    let of_another = |update: &mut PriceUpdate| (update.feed_id, update.price) = ([77; 32], update.price / 2);
    assert_eq!(publish(&mut world, of_another), Err(Error::NewFeedFarFromOld));
}

/// What an account owes or holds in tokens without a fresh price counts in its favour, so that it can still be
/// liquidated, but not for the sake of an old price.
#[test]
fn a_dead_feed_protects_no_one_and_ruins_no_one() {
    let mut world = indebted(900 * ONE_USDC);
    deposit(&mut world, USER, ETH, 1).unwrap();
    world.now += 10_000;
    for reserve in [USDC, SOL] {
        let price = world.prices[reserve as usize] / if reserve == SOL { 2 } else { 1 };
        world.publish(reserve, &update(reserve, price, world.now)).unwrap();
    }
    assert!(world.act(USER, |ledger, account| ledger.liquidate(account, USDC, ETH, 1, 0)) == Err(Error::PriceStale));
    assert!(liquidate(&mut world, ONE_USDC).is_ok());
    let mut world = fallen(900 * ONE_USDC, 5_000);
    world.now += 601;
    assert_eq!(liquidate(&mut world, ONE_USDC), Err(Error::PriceStale));
}

#[test]
fn interest_is_counted_before_it_is_written() {
    let mut world = indebted(900 * ONE_USDC);
    let before = world.health(USER, Requirement::Maintenance).unwrap();
    world.now += 500;
    let after = world.health(USER, Requirement::Maintenance).unwrap();
    assert!(after.debt > before.debt && after.collateral == before.collateral);
}

#[test]
fn the_penalty_rises_from_minimum_to_maximum_with_the_shortfall() {
    // Maintenance: 1,500 × 82 % against 900 × 105 %. The line is at 76.83 % of the price, the full shortfall at 69.2 %.
    let penalty = |bps: i64| liquidate(&mut fallen(900 * ONE_USDC, bps), EVERYTHING).map(|done| done.penalty.0);
    assert_eq!(penalty(7_690), Err(Error::AccountIsHealthy));
    let at_the_line = penalty(7_680).unwrap();
    assert!((300..=306).contains(&at_the_line), "{at_the_line}");
    let half_way = penalty(7_299).unwrap();
    assert!((895..=905).contains(&half_way), "{half_way}");
    assert_eq!(penalty(6_910), Ok(1_500));
    // 1,500 × 64 % = 960: the equity of 60 affords 666 basis points of 900.
    assert_eq!(penalty(6_400), Ok(666));
    // Insolvent: the minimum remains.
    assert_eq!(penalty(5_000), Ok(300));
}

#[test]
fn a_liquidation_stops_at_the_target_or_where_it_is_told_to() {
    let mut world = fallen(900 * ONE_USDC, 7_500);
    let done = liquidate(&mut world, 10 * ONE_USDC).unwrap();
    assert_eq!(done.repaid, 10 * ONE_USDC);
    let done = liquidate(&mut world, EVERYTHING).unwrap();
    assert!(done.repaid < 890 * ONE_USDC);
    let target = done.after.debt.0 * 11 / 10;
    assert!(done.after.collateral.0.abs_diff(target) < Usd::ONE.0 / 1_000, "{:?}", done.after);
    assert_eq!(liquidate(&mut world, EVERYTHING), Err(Error::AccountIsHealthy));
    let refused = fallen(900 * ONE_USDC, 7_500)
        .act(USER, |ledger, account| ledger.liquidate(account, USDC, SOL, ONE_USDC, ONE_SOL));
    assert_eq!(refused, Err(Error::CollateralBelowMinimum));
}

#[test]
fn dust_is_closed_whole_and_never_left() {
    // A debt of 2 USD against 2.33 USD: the target is reached at a repayment of 1.78, so all may be repaid.
    let mut world = World::new(2);
    world.deposit(LENDER, USDC, 100 * ONE_USDC);
    world.deposit(USER, SOL, ONE_SOL / 45);
    world.borrow(USER, USDC, 2 * ONE_USDC + 1);
    world.set_price(SOL, TOKENS[SOL as usize].1 * 70 / 100);
    assert_eq!(liquidate(&mut world.clone(), ONE_USDC + ONE_USDC / 2), Err(Error::LiquidationLeavesDust));
    liquidate(&mut world, EVERYTHING).unwrap();
    assert!(!world.accounts[USER].has_debt());
}

/// Of three atoms one share of 1.9 is burned, and three atoms' worth of collateral would go.
#[test]
fn a_liquidation_too_small_to_help_is_refused() {
    let mut world = indebted(900 * ONE_USDC);
    world.reserves[USDC as usize].debt_index = Index::from_bits((1 << 64) * 19 / 10);
    assert_eq!(liquidate(&mut world, 3), Err(Error::LiquidationWorsensHealth));
    assert_eq!(liquidate(&mut world, 1), Err(Error::AmountTooSmall));
    assert!(liquidate(&mut world, ONE_USDC).is_ok());
}

#[test]
fn collateral_that_is_lent_out_cannot_be_seized() {
    let mut world = World::new(3);
    world.deposit(LENDER, USDC, 100_000 * ONE_USDC);
    world.deposit(USER, SOL, 10 * ONE_SOL);
    world.borrow(USER, USDC, 900 * ONE_USDC);
    world.deposit(2, USDC, 100_000 * ONE_USDC);
    world.borrow(2, SOL, 10 * ONE_SOL);
    world.set_price(SOL, TOKENS[SOL as usize].1 / 2);
    assert_eq!(liquidate(&mut world, EVERYTHING), Err(Error::InsufficientLiquidity));
}

#[test]
fn bad_debt_is_settled_only_when_nothing_is_left() {
    let mut world = fallen(900 * ONE_USDC, 1_000);
    assert_eq!(settle(&mut world, USER, USDC), Err(Error::BadDebtNotProven));
    assert_eq!(settle(&mut world, USER, SOL), Err(Error::PositionNotFound));
    liquidate(&mut world, EVERYTHING).unwrap();
    let (lent, left) = (world.reserves[0].deposits(), world.reserves[0].debts());
    assert_eq!(settle(&mut world, USER, USDC), Ok(left));
    assert!(lent - world.reserves[0].deposits() >= left - 1);
    assert_eq!(world.accounts[USER], blank(USER));
}

#[test]
fn a_reserve_wiped_out_takes_no_deposits_and_lets_everyone_leave() {
    let mut world = World::new(2);
    world.deposit(LENDER, USDC, 900 * ONE_USDC);
    world.deposit(USER, SOL, 10 * ONE_SOL);
    world.borrow(USER, USDC, 900 * ONE_USDC);
    // Nothing but this loan backs the deposits, and the collateral is worth nothing.
    world.reserves[SOL as usize].deposit_index = Index::ZERO;
    settle(&mut world, USER, USDC).unwrap();
    assert!(world.reserves[0].is_wiped_out());
    assert_eq!(deposit(&mut world, USER, USDC, ONE_USDC), Err(Error::ReserveWipedOut));
    assert_eq!(withdraw(&mut world, LENDER, USDC, 1), Err(Error::InsufficientDeposit));
    assert_eq!(withdraw(&mut world, LENDER, USDC, EVERYTHING), Ok(0));
    assert_eq!(world.accounts[LENDER], blank(LENDER));
}

#[test]
fn worthless_deposits_do_not_stand_in_the_way_of_a_settlement() {
    let mut world = fallen(900 * ONE_USDC, 1_000);
    deposit(&mut world, USER, ETH, 1_000_000).unwrap();
    world.reserves[ETH as usize].deposit_index = Index::ZERO;
    liquidate(&mut world, EVERYTHING).unwrap();
    let seized = world.act(USER, |ledger, account| ledger.liquidate(account, USDC, ETH, EVERYTHING, 0));
    assert_eq!(seized, Err(Error::PositionNotFound));
    assert!(settle(&mut world, USER, USDC).is_ok());
}

#[test]
fn fees_are_the_reserve_factors_share_of_interest() {
    let mut world = indebted(0);
    assert_eq!(world.act(0, |ledger, _| ledger.collect_fees(USDC)), Err(Error::NoFees));
    world.deposit(USER, SOL, 900 * ONE_SOL);
    world.borrow(USER, USDC, 80_000 * ONE_USDC);
    world.now += 31_536_000;
    world.reserves[0].accrue(world.now);
    // A year at 80 % utilisation and 20 %, continuously compounded: 80,000 × (e^0.2 − 1), of which 15 % are fees.
    let interest = world.reserves[0].debts() - 80_000 * ONE_USDC;
    assert!(interest.abs_diff((80_000.0 * 0.2f64.exp_m1() * 1e6) as u64) < 10, "{interest}");
    let fees = world.act(0, |ledger, _| ledger.collect_fees(USDC)).unwrap();
    // The depositors' share is kept to 29 bits or more, and what that leaves over goes to fees.
    let rounding = (interest >> 28) + 2;
    assert!((interest * 15 / 100..interest * 15 / 100 + rounding).contains(&fees), "{fees} of {interest}");
    let earned = world.reserves[0].deposits() - 100_000 * ONE_USDC;
    assert!((interest * 85 / 100 - rounding..interest * 85 / 100 + 2).contains(&earned), "{earned} of {interest}");
}

#[test]
fn a_market_needs_roles_and_a_receiver() {
    let (a, b, none) = (Address([1; 32]), Address([2; 32]), Address::NONE);
    let new = |authority, change: fn(&mut Roles)| {
        let mut config = market_config();
        change(&mut config.roles);
        Market::new(config, authority).err()
    };
    assert_eq!(new(a, |_| ()), None);
    assert_eq!(new(none, |_| ()), Some(Error::RoleMissing));
    assert_eq!(new(a, |roles| roles.fee_collector = Address::NONE), Some(Error::RoleMissing));
    assert_eq!(new(a, |roles| roles.guardian = Address::NONE), Some(Error::RoleMissing));
    assert_eq!(new(a, |roles| roles.price_receiver = Address::NONE), Some(Error::ReceiverMissing));
    let mut market = Market::new(market_config(), b).unwrap();
    market.config.roles.price_receiver = a;
    assert!(market.accepts_receiver(&a) && !market.accepts_receiver(&b) && !market.accepts_receiver(&none));
    assert_eq!([market.next_event(), market.next_event()], [1, 2]);
    let refused = |change: fn(&mut MarketConfig)| {
        let mut config = market_config();
        change(&mut config);
        config.validate().unwrap_err()
    };
    assert_eq!(refused(|config| config.target_health = Bps(10_049)), Error::TargetHealthOutOfRange);
    assert_eq!(refused(|config| config.full_penalty_shortfall = Bps(99)), Error::ShortfallOutOfRange);
    assert_eq!(refused(|config| config.dust_value = config.min_debt_value + 1), Error::DustValueOutOfRange);
}

#[test]
fn each_parameter_out_of_range_has_its_own_error() {
    type Change = fn(&mut ReserveConfig);
    let cases: [(Change, Error); 13] = [
        (|config| config.risk.cross.initial_asset = Bps(8_201), Error::MaintenanceTighterThanInitial),
        (|config| config.max_penalty = Bps(2_501), Error::PenaltyOutOfRange),
        (|config| config.reserve_factor = Bps(5_001), Error::ReserveFactorOutOfRange),
        (|config| config.deposit_cap = (1 << 63) + 1, Error::CapOutOfRange),
        (|config| config.min_deposit = 0, Error::MinimumDepositIsZero),
        (|config| config.oracle.max_age = 601, Error::OracleLimitOutOfRange),
        (|config| config.oracle.feed_id = Address::NONE, Error::FeedMissing),
        (
            |config| {
                config.borrow_enabled = 0;
                (config.risk.cross.initial_asset, config.risk.cross.maintenance_asset) = (Bps(0), Bps(0));
            },
            Error::ReserveHasNoUse,
        ),
        (|config| config.borrow_enabled = 2, Error::SwitchOutOfRange),
        (|config| config.curve.count = 1, Error::CurvePointCountOutOfRange),
        (|config| config.curve.count = 2, Error::CurveMustSpanAllUtilisation),
        (|config| config.curve.points[1].rate_bps = 30_001, Error::CurveMustRise),
        (|config| config.curve.points[2].rate_bps = 100_001, Error::CurveRateAboveCeiling),
    ];
    for (change, error) in cases {
        assert_eq!(configure(&mut indebted(0), SOL, change), Err(error));
    }
}

//! Phased liquidations, the penalty's time, receivership, flash loans.

use crate::common::{
    TOKENS, World,
    debtor::{LENDER, ONE_USDC, SOL, USDC, USER, configure, fallen, indebted, liquidate},
    lend,
};
use ballast_engine::{
    Error,
    ledger::EVERYTHING,
    number::units::{Bps, UsdE8},
    state::reserve::Reserve,
};

// Phased liquidation.

#[test]
fn a_limit_takes_as_much_as_there_is_room_for_and_the_rest_waits() {
    let mut world = fallen(110.0);
    let whole = liquidate(&mut world.clone(), EVERYTHING).unwrap();
    world.market.config.liquidation_hour = 1_000;
    let first = liquidate(&mut world, EVERYTHING).unwrap();
    let value = first.seized as f64 / 1e9 * 110.0;
    assert!(value <= 1_000.01 && value > 999.0, "{value}");
    assert!(first.seized < whole.seized && !first.after.is_healthy());
    // What rounding left of the room is cents, and then there is none.
    let mut taken = first.seized;
    let refused = loop {
        match liquidate(&mut world, EVERYTHING) {
            Ok(more) => taken += more.seized,
            Err(error) => break error,
        }
    };
    assert_eq!(refused, Error::LiquidationThrottled);
    assert!(taken as f64 / 1e9 * 110.0 <= 1_000.01);
    world.now += 1_800;
    world.refresh_all();
    let second = liquidate(&mut world, EVERYTHING).unwrap();
    let value = second.seized as f64 / 1e9 * 110.0;
    assert!(value <= 500.01 && value > 498.0, "{value}");
    // The reserve's own limit does the same.
    let mut world = fallen(110.0);
    world.reserves[SOL as usize].config.breakers.liquidation_hour = 1_000;
    assert_eq!(liquidate(&mut world, EVERYTHING).unwrap().seized, first.seized);
}

#[test]
fn an_account_near_insolvency_does_not_wait() {
    let mut world = fallen(95.0);
    (world.market.config.liquidation_hour, world.market.config.near_insolvency) = (100, Bps(500));
    // 9,500 for 9,000: 555 basis points of equity.
    assert!((liquidate(&mut world.clone(), EVERYTHING).unwrap().seized as f64) * 95e-9 <= 100.001);
    world.market.config.near_insolvency = Bps(600);
    assert!((liquidate(&mut world, EVERYTHING).unwrap().seized as f64) * 95e-9 > 5_000.0);
    // It counts all the same.
    assert!(world.market.liquidated.used > UsdE8::dollars(5_000));
}

#[test]
fn the_penalty_grows_with_the_time_an_account_is_known_to_be_liquidatable() {
    let mut world = fallen(114.0);
    world.market.config.full_penalty_after = 1_200;
    let mark = |world: &mut World| world.act(USER, |ledger, account| ledger.mark_liquidatable(account)).unwrap();
    let penalty = |world: &World| liquidate(&mut world.clone(), EVERYTHING).unwrap().penalty.0;
    let by_depth = penalty(&world);
    assert!((300..600).contains(&by_depth));
    assert!(mark(&mut world));
    world.now += 599;
    world.refresh_all();
    world.now += 1;
    assert_eq!(penalty(&world), by_depth + 600);
    world.now += 599;
    world.refresh_all();
    world.now += 1;
    assert_eq!(penalty(&world), 1_500);
    // Marked again it is the same since; unseen for more than an hour it starts over.
    assert!(mark(&mut world));
    assert_eq!(world.accounts[USER].liquidatable_since, world.now - 1_200);
    world.now += 3_601;
    world.refresh_all();
    assert_eq!(penalty(&world), by_depth);
    // Who recovers is marked healthy, by anyone, or by taking new risk.
    world.set_price(SOL, TOKENS[SOL as usize].1);
    let mut borrowed = world.clone();
    borrowed.borrow(USER, USDC, 10 * ONE_USDC);
    assert_eq!(borrowed.accounts[USER].liquidatable_since, 0);
    assert!(!mark(&mut world));
    assert_eq!(world.accounts[USER].liquidatable_since, 0);
}

#[test]
fn a_part_of_the_penalty_is_paid_to_the_insurance_of_the_repaid_reserve() {
    let mut world = fallen(110.0);
    let whole = liquidate(&mut world.clone(), EVERYTHING).unwrap();
    world.reserves[USDC as usize].config.insurance.penalty_share = Bps(4_000);
    let done = liquidate(&mut world.clone(), EVERYTHING).unwrap();
    assert_eq!((done.repaid, done.seized, done.penalty), (whole.repaid, whole.seized, whole.penalty));
    let share = done.repaid as u128 * done.penalty.0 as u128 * 4_000 / 100_000_000;
    assert!(share - done.insurance as u128 <= 1);
    assert_eq!(done.paid(), done.repaid + done.insurance);
    // What the liquidator is ready to pay covers both.
    for most in [ONE_USDC + 7, 500 * ONE_USDC, 1_234_567_890] {
        let mut world = world.clone();
        let done = liquidate(&mut world, most).unwrap();
        assert!(done.paid() <= most && most - done.paid() <= most / 500 + 2, "{done:?}");
        assert_eq!(world.reserves[USDC as usize].insurance.assets, done.insurance);
    }
}

// Receivership.

#[test]
fn a_receivership_is_a_liquidation_with_the_payment_to_follow() {
    let mut world = fallen(110.0);
    world.reserves[USDC as usize].config.insurance.penalty_share = Bps(4_000);
    let mut at_once = world.clone();
    let done = liquidate(&mut at_once, EVERYTHING).unwrap();
    let begun = world.act(USER, |ledger, account| ledger.begin_liquidation(account, USDC, SOL, EVERYTHING, 0)).unwrap();
    assert_eq!(begun, done);
    let refused = Err(Error::AccountInReceivership);
    let idle = world.clone();
    assert_eq!(world.act(USER, |ledger, account| lend(ledger, account, SOL, 1)).map(drop), refused);
    assert_eq!(world.act(USER, |ledger, account| ledger.withdraw(account, SOL, 1)).map(drop), refused);
    assert_eq!(world.act(USER, |ledger, account| ledger.borrow(account, USDC, 1)).map(drop), refused);
    assert_eq!(world.act(USER, |ledger, account| ledger.repay(account, USDC, 1)).map(drop), refused);
    assert_eq!(liquidate(&mut world, 1).map(drop), refused);
    assert_eq!(world.act(USER, |ledger, account| ledger.settle_bad_debt(account, USDC)).map(drop), refused);
    assert_eq!(world.act(USER, |ledger, account| ledger.mark_liquidatable(account)).map(drop), refused);
    assert_eq!(world.accounts, idle.accounts);
    let due = world.act(USER, |ledger, account| ledger.end_liquidation(account)).unwrap();
    assert_eq!(due, (USDC, done.paid()));
    assert_eq!((world.reserves, world.accounts, world.market), (at_once.reserves, at_once.accounts, at_once.market));
}

#[test]
fn only_what_is_open_can_be_ended() {
    let mut world = fallen(110.0);
    let ended = world.act(USER, |ledger, account| ledger.end_liquidation(account)).map(drop);
    assert_eq!(ended, Err(Error::AccountNotInReceivership));
    assert_eq!(world.act(0, |ledger, _| ledger.end_flash_loan(USDC)).map(drop), Err(Error::NoFlashLoan));
}

// Flash loans.

#[test]
fn a_flash_loan_leaves_rates_and_limits_where_they_are_and_its_fee_behind() {
    let mut world = indebted();
    let begin = |world: &mut World, amount| world.act(0, |ledger, _| ledger.begin_flash_loan(USDC, amount));
    assert_eq!(begin(&mut world, ONE_USDC), Err(Error::FlashLoansDisabled));
    configure(&mut world, USDC, |config| (config.flash_enabled, config.flash_fee) = (1, Bps(9))).unwrap();
    assert_eq!(begin(&mut world, 0), Err(Error::AmountIsZero));
    assert_eq!(begin(&mut world, 91_000 * ONE_USDC + 1), Err(Error::InsufficientLiquidity));
    let before = world.reserves[USDC as usize];
    let loan = begin(&mut world, 10_000 * ONE_USDC + 1).unwrap();
    assert_eq!((loan.amount, loan.fee), (10_000 * ONE_USDC + 1, 9 * ONE_USDC + 1));
    let open = world.reserves[USDC as usize];
    assert_eq!(Reserve { flash_loan: 0, flash_fee: 0, ..open }, before);
    assert_eq!(begin(&mut world, 1), Err(Error::FlashLoanOpen));
    let deposit = world.act(LENDER, |ledger, account| lend(ledger, account, USDC, 1)).map(drop);
    assert_eq!(deposit, Err(Error::FlashLoanOpen));
    // Governance cannot change what is due.
    configure(&mut world, USDC, |config| config.flash_fee = Bps(0)).unwrap();
    assert_eq!(world.act(0, |ledger, _| ledger.end_flash_loan(USDC)), Ok(loan));
    let after = world.reserves[USDC as usize];
    assert_eq!((after.cash, after.flash_loan), (before.cash + loan.fee, 0));
    assert_eq!(after.fees() - before.fees(), (loan.fee as u128) << 64);
}

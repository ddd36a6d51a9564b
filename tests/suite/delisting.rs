//! A reserve from reduce-only over a term for its debts to its end.

use ballast_client::{Event, LiquidationOrder, TOKEN_PROGRAM, from_engine, to_engine};
use ballast_engine::{Error, ledger::EVERYTHING, number::units::Bps, state::reserve::ReserveConfig};
use ballast_tests::{Quote, SOL, Scene, USD, World, with_account};

const DAY: i64 = 86_400;
const NOTICE: i64 = 7 * DAY;

/// Sets a reserve's parameters through the queue.
#[track_caller]
fn change(world: &mut World, reserve: u8, change: impl FnOnce(&mut ReserveConfig)) -> ballast_tests::Outcome {
    let edits = world.edits(reserve, change);
    let change = world.queue(reserve, edits.waiting);
    world.advance(change.earliest - world.now());
    let execute = world.view().execute_change(world.payer, &change);
    world.send(&[execute])
}

/// The trader owes 5,000 usd, at three times the collateral.
fn indebted() -> Scene {
    let mut scene = Scene::new();
    scene.world.borrow(scene.trader, scene.usd, 5_000 * USD).expect_ok();
    scene
}

/// A reserve may have a term while it is in use: it is a book of loans until a date.
#[test]
fn a_term_waits_and_needs_a_weeks_notice() {
    let Scene { mut world, usd, .. } = indebted();
    let now = world.now();
    let old = world.reserve(usd).config;
    let edits = ballast_client::Edits::of_reserve(&old, &ReserveConfig { repay_by: (now + 30 * DAY) as u32, ..old });
    assert!(edits.at_once.is_empty(), "a term waits like all that is not in borrowers' favour");
    // Notice runs from when the change is made.
    let made_at = now + 2 * DAY;
    let short = change(&mut world.fork(), usd, |config| config.repay_by = (made_at + NOTICE - 1) as u32);
    short.expect_error(Error::TermOutOfRange);
    change(&mut world.fork(), usd, |config| config.repay_by = 1).expect_error(Error::TermOutOfRange);
    change(&mut world, usd, |config| config.repay_by = (made_at + NOTICE) as u32).expect_ok();
    assert_eq!(world.reserve(usd).config.reduce_only, 0, "it goes on until then");
    // It stays while other parameters change, also after it has come.
    world.advance(NOTICE + DAY);
    change(&mut world, usd, |config| config.max_penalty = Bps(900)).expect_ok();
    // A later one needs notice again, and none at all needs none.
    let now = world.now();
    let soon = change(&mut world.fork(), usd, |config| config.repay_by = (now + 2 * DAY + NOTICE - 1) as u32);
    soon.expect_error(Error::TermOutOfRange);
    change(&mut world, usd, |config| config.repay_by = 0).expect_ok();
}

/// From its day on a reserve with a term is reduce-only, whatever its switch says, and its debts are anyone's to repay for collateral.
/// Not a second before.
#[test]
fn a_reserve_with_a_term_is_reduce_only_from_that_day_on() {
    let Scene { mut world, usd, sol, trader, lender } = indebted();
    let liquidator = world.key("liquidator");
    world.fund(&liquidator, usd, 100_000 * USD);
    let term = world.now() + 2 * DAY + NOTICE;
    change(&mut world, usd, |config| config.repay_by = term as u32).expect_ok();
    let order = LiquidationOrder { debt: usd, collateral: sol, max_repay: 100 * USD, min_collateral: 1 };
    world.set_time(term - 2);
    world.refresh_all();
    world.set_time(term - 1);
    world.borrow(trader, usd, 10 * USD).expect_ok();
    world.fund(&lender.key, usd, 100 * USD);
    world.deposit(lender, usd, 10 * USD).expect_ok();
    world.liquidate(liquidator, trader.margin, order).expect_error(Error::AccountIsHealthy);
    let early = world.receivership(liquidator, trader.margin, order);
    world.send(&early).expect_error(Error::AccountIsHealthy);
    world.set_time(term);
    assert_eq!(world.reserve(usd).config.reduce_only, 0);
    world.borrow(trader, usd, 10 * USD).expect_error(Error::ReserveReduceOnly);
    world.deposit(lender, usd, 10 * USD).expect_error(Error::ReserveReduceOnly);
    world.open_stake(lender.key, usd);
    world.stake(lender.key, usd, 10 * USD).expect_error(Error::ReserveReduceOnly);
    world.withdraw(lender, usd, 10 * USD).expect_ok();
    world.fund(&trader.key, usd, 10 * USD);
    world.repay(trader, usd, 10 * USD).expect_ok();
    world.liquidate(liquidator, trader.margin, order).expect_ok();
    let receivership = world.receivership(liquidator, trader.margin, order);
    world.send(&receivership).expect_ok();
    world.assert_conserved();
}

/// A reserve whose term is `NOTICE` from now.
fn with_term() -> Scene {
    let mut scene = indebted();
    let (world, usd) = (&mut scene.world, scene.usd);
    let old = world.reserve(usd).config;
    let reduce = ballast_client::Edits::of_reserve(&old, &ReserveConfig { reduce_only: 1, ..old });
    let set = world.view().set_parameters(world.authority, usd, reduce.at_once);
    world.send(&[set]).expect_ok();
    let term = world.now() + 2 * DAY + NOTICE;
    change(world, usd, |config| config.repay_by = term as u32).expect_ok();
    scene
}

#[test]
fn debts_are_repaid_by_anyone_once_the_term_has_come_at_the_lowest_penalty() {
    let Scene { mut world, usd, sol, trader, lender } = with_term();
    let liquidator = world.key("liquidator");
    world.fund(&liquidator, usd, 1_000_000 * USD);
    let order = |max_repay: u64| LiquidationOrder { debt: usd, collateral: sol, max_repay, min_collateral: 1 };
    let term = world.reserve(usd).config.repay_by as i64;
    world.set_time(term - 2);
    world.refresh_all();
    world.set_time(term - 1);
    world.liquidate(liquidator, trader.margin, order(1_000 * USD)).expect_error(Error::AccountIsHealthy);
    world.set_time(term);
    let outcome = world.liquidate(liquidator, trader.margin, order(1_000 * USD)).expect_ok();
    let Event::Liquidated(event) = outcome.expect_event() else { panic!("no liquidation") };
    assert_eq!(event.penalty, 300, "the least of the collateral's");
    // 1,000 USD and 3 %, at 150 USD.
    assert!(event.seized.abs_diff(6_866_666_666) < 2, "{}", event.seized);
    let account = world.margin(&trader.margin);
    assert_eq!((account.liquidatable_since, account.liquidatable_seen), (0, 0), "it is in no trouble");
    // The account is healthier for it, and other debts cannot be called.
    world.liquidate(liquidator, trader.margin, order(u64::MAX)).expect_ok();
    assert_eq!(world.debt_shares(trader, usd), 0);
    world.withdraw(trader, sol, EVERYTHING).expect_ok();
    world.withdraw(lender, usd, EVERYTHING).expect_ok();
    world.assert_conserved();
}

/// An account in no trouble is not called at prices of two moments: who brings the new price of one token alone would choose what
/// its collateral costs.
#[test]
fn a_debt_that_is_due_is_not_called_at_prices_of_two_moments() {
    let Scene { mut world, usd, sol, trader, .. } = with_term();
    let liquidator = world.key("liquidator");
    world.fund(&liquidator, usd, 1_000_000 * USD);
    let order = LiquidationOrder { debt: usd, collateral: sol, max_repay: 1_000 * USD, min_collateral: 1 };
    world.set_time(world.reserve(usd).config.repay_by as i64);
    world.refresh_all();
    for (ahead, behind) in [(usd, sol), (sol, usd)] {
        let mut world = world.fork();
        world.advance(11);
        let quote = |reserve: u8| Quote::dollars(if reserve == usd { 1.0 } else { 155.0 });
        world.set_price(ahead, quote(ahead)).expect_ok();
        world.liquidate(liquidator, trader.margin, order).expect_error(Error::PricesSkewed);
        world.publish(behind, quote(behind));
        world.refresh(&[behind]).expect_ok();
        world.liquidate(liquidator, trader.margin, order).expect_ok();
    }
}

#[test]
fn a_term_of_one_reserve_calls_no_debt_to_another() {
    let Scene { mut world, usd, sol, trader, lender } = Scene::new();
    let old = world.reserve(sol).config;
    world.reconfigure(sol, |config| *config = ReserveConfig { reduce_only: 1, ..old }).expect_ok();
    world.borrow(trader, usd, 5_000 * USD).expect_ok();
    let term = world.now() + NOTICE + 2 * DAY;
    change(&mut world, sol, |config| config.repay_by = term as u32).expect_ok();
    world.advance(NOTICE + DAY);
    world.refresh_all();
    let order = LiquidationOrder { debt: usd, collateral: sol, max_repay: USD, min_collateral: 1 };
    world.liquidate(lender.key, trader.margin, order).expect_error(Error::AccountIsHealthy);
}

#[test]
fn an_empty_reserve_is_closed_and_its_token_listed_anew() {
    let Scene { mut world, usd, trader, lender, .. } = with_term();
    let (collector, thief) = (world.key("collector"), world.key("thief"));
    let destination = world.fund(&collector, usd, 0);
    world.fund(&trader.key, usd, 100 * USD);
    let close = |world: &World| world.view().close_reserve(destination, usd).expect("listed");
    world.send(&[close(&world)]).expect_error(Error::ReserveInUse);
    world.repay(trader, usd, EVERYTHING).expect_ok();
    world.send(&[close(&world)]).expect_error(Error::ReserveInUse);
    world.withdraw(lender, usd, EVERYTHING).expect_ok();
    // Somebody sent tokens to the vault, and interest left fees.
    let record = world.reserve(usd);
    let (vault, mint) = (from_engine(&record.vault), from_engine(&record.mint));
    let held = world.vault_balance(usd);
    assert!(held > 0, "fees");
    let mut account = world.account(&vault);
    account.data[64..72].copy_from_slice(&(held + 77).to_le_bytes());
    world.set_account(vault, account);
    world.send(&[with_account(close(&world), "fee_collector", thief)]).expect_error(Error::NotFeeCollector);
    let rent = world.account(&vault).lamports;
    let lamports = world.account(&collector).lamports;
    let outcome = world.send(&[close(&world)]).expect_ok();
    let Event::ReserveClosed(event) = outcome.expect_event() else { panic!("not closed") };
    assert_eq!((event.amount, event.reserve), (held + 77, usd));
    assert_eq!(world.token_balance(&destination), held + 77);
    assert!(world.find_account(&vault).is_none());
    assert!(world.account(&collector).lamports > lamports + rent - 100_000, "the vault's rent, less the fee");
    let closed = world.reserve(usd);
    assert_eq!((closed.closed, closed.mint.is_none(), closed.vault_balance()), (1, true, 0));

    // Its index is taken for good: nothing works with it.
    world.send(&[close(&world)]).expect_error(Error::ReserveClosed);
    let key = world.key("late");
    let late = world.user("late");
    let token = world.mint("other", &ballast_tests::MintSpec::spl(6));
    let source = ballast_tests::associated_token_account(&key, &mint, &TOKEN_PROGRAM);
    let mut deposit = world.view().deposit(late.key, late.margin, source, usd, USD).expect("an index");
    for account in [mint, token] {
        deposit = with_account(deposit, "mint", account);
        assert!(!world.send(&[deposit.clone()]).is_ok());
    }
    let set = ballast_client::Edits::of_reserve(&closed.config, &ReserveConfig { borrow_cap: 1, ..closed.config });
    let set = world.view().set_parameters(world.authority, usd, set.at_once);
    world.send(&[set]).expect_error(Error::ReserveClosed);
    world.refresh_reserve(usd).expect_ok();

    // The token can come back under another index.
    let mut config = ballast_tests::reserve_config();
    config.oracle.feed_id = to_engine(&mint);
    world.send_listing(mint, TOKEN_PROGRAM, config).expect_ok();
    let again = world.view().reserves.len() as u8 - 1;
    world.set_price(again, Quote::dollars(1.0)).expect_ok();
    world.supply(late, again, 5 * USD);
    world.withdraw(late, again, EVERYTHING).expect_ok();
}

#[test]
fn stakers_keep_a_reserve_from_closing_and_the_protocols_own_stake_does_not() {
    let Scene { mut world, usd, trader, lender, .. } = with_term();
    world
        .reconfigure(usd, |config| (config.insurance.fee_share, config.insurance.cooldown) = (Bps(5_000), 604_800))
        .expect_ok();
    let collector = world.key("collector");
    let destination = world.fund(&collector, usd, 0);
    // Fees that come while nobody has staked are the protocol's stake.
    world.advance(DAY);
    world.refresh_reserve(usd).expect_ok();
    assert!(world.reserve(usd).insurance.shares > 0 && world.reserve(usd).insurance.staked == 0);
    let staker = world.key("staker");
    world.fund(&staker, usd, 100 * USD);
    world.open_stake(staker, usd);
    world.stake(staker, usd, 100 * USD).expect_error(Error::ReserveReduceOnly);
    world.reconfigure(usd, |config| (config.reduce_only, config.repay_by) = (0, 0)).expect_ok();
    world.stake(staker, usd, 100 * USD).expect_ok();
    world.reconfigure(usd, |config| config.reduce_only = 1).expect_ok();
    world.fund(&trader.key, usd, 100 * USD);
    world.repay(trader, usd, EVERYTHING).expect_ok();
    world.withdraw(lender, usd, EVERYTHING).expect_ok();
    let close = |world: &World| world.view().close_reserve(destination, usd).expect("listed");
    world.send(&[close(&world)]).expect_error(Error::ReserveInUse);
    let shares = world.stake_of(&staker, usd).shares.0;
    assert_eq!(world.reserve(usd).insurance.staked, shares);
    world.begin_unstake(staker, usd, shares).expect_ok();
    world.advance(7 * DAY);
    world.unstake(staker, usd).expect_ok();
    assert!(world.reserve(usd).insurance.assets > 0);
    world.send(&[close(&world)]).expect_ok();
    // An empty stake is closed like any.
    let close_stake = world.view().close_stake(staker, world.payer, usd);
    world.send(&[close_stake]).expect_ok();
}

#[test]
fn a_reserve_in_use_is_not_closed() {
    let Scene { mut world, usd, sol, .. } = Scene::new();
    let collector = world.key("collector");
    for reserve in [usd, sol] {
        let destination = world.fund(&collector, reserve, 0);
        let close = world.view().close_reserve(destination, reserve).expect("listed");
        world.send(&[close]).expect_error(Error::ReserveInUse);
    }
    let empty = world.list(ballast_tests::Token::new("empty", 6, 1.0), ballast_tests::reserve_config());
    let destination = world.fund(&collector, empty, 0);
    let close = world.view().close_reserve(destination, empty).expect("listed");
    world.send(std::slice::from_ref(&close)).expect_error(Error::ReserveInUse);
    world.reconfigure(empty, |config| config.reduce_only = 1).expect_ok();
    world.send(&[close]).expect_ok();
    assert_eq!(world.reserve(usd).cash, 1_000_000 * USD);
    assert_eq!(world.reserve(sol).cash, 100 * SOL);
}

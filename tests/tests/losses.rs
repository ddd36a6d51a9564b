//! Bad debt, who bears it, and what the protocol earns.

use ballast_client::{Address, BadDebtSettled, Event, FeesCollected, LiquidationOrder};
use ballast_engine::{Error, ledger::EVERYTHING, state::interest::RateCurve};
use ballast_tests::{Quote, SOL, Scene, Token, USD, User, World, reserve_config};
use solana_transaction::InstructionError;

/// Liquidates a deposit whole, by a liquidator with all it takes.
#[track_caller]
fn seize_all(world: &mut World, user: User, debt: u8, collateral: u8) {
    let liquidator: Address = world.key("liquidator");
    world.fund(&liquidator, debt, 1_000_000 * USD);
    let order = LiquidationOrder { debt, collateral, max_repay: u64::MAX, min_collateral: 0 };
    world.liquidate(liquidator, user.margin, order).expect_ok();
    assert_eq!(world.deposit_shares(user, collateral), 0, "all is seized");
}

/// The trader owes usd and has nothing left.
fn bad_debt(mut scene: Scene) -> Scene {
    scene.world.borrow(scene.trader, scene.usd, 10_000 * USD).expect_ok();
    scene.world.set_price(scene.sol, Quote::dollars(50.0)).expect_ok();
    seize_all(&mut scene.world, scene.trader, scene.usd, scene.sol);
    scene
}

#[test]
fn bad_debt_is_written_off_by_anyone_without_any_price_and_logged() {
    let Scene { mut world, usd, trader, .. } = bad_debt(Scene::new());
    world.advance(1_000_000);
    let (shares, before) = (world.debt_shares(trader, usd), world.reserve(usd));
    assert!(shares > 5_000 * USD);
    let Event::BadDebtSettled(event) = world.settle(trader.margin, usd).expect_event() else { panic!("another event") };
    let amount = before.debt_index_at(world.now()).amount_ceil(ballast_engine::number::units::Shares(shares));
    let (number, account) = (world.view().market.events, trader.margin);
    let BadDebtSettled { insurance, fees, rest, is_socialised, market_reduce_only, .. } = event;
    assert_eq!((event.number, event.account, event.shares, event.reserve), (number, account, shares, usd));
    assert_eq!((insurance, fees + rest), (0, amount), "a million seconds of interest left some fees");
    assert!(fees > 0 && is_socialised && market_reduce_only);
    assert_eq!(world.margin(&trader.margin).positions(), []);
    let after = world.reserve(usd);
    assert_eq!((after.cash, after.claimable, after.debt_shares.0), (before.cash, 0, 0));
    assert!(after.deposit_index.to_bits() < before.deposit_index.to_bits());
    world.settle(trader.margin, usd).expect_error(Error::PositionNotFound);
    world.assert_conserved();
}

#[test]
fn depositors_of_the_reserve_bear_a_loss_in_proportion_and_nobody_else_does() {
    let mut scene = Scene::new();
    let other = scene.world.user("other lender");
    scene.world.supply(other, scene.usd, 3_000_000 * USD);
    scene.world.supply(scene.lender, scene.sol, 10 * SOL);
    scene.world.refresh_all();
    let Scene { mut world, usd, sol, lender, trader } = bad_debt(scene);
    let sol_index = world.reserve(sol).deposit_index;
    let Event::BadDebtSettled(loss) = world.settle(trader.margin, usd).expect_event() else { panic!("another event") };
    world.withdraw(lender, usd, EVERYTHING).expect_ok();
    world.withdraw(other, usd, EVERYTHING).expect_ok();
    let lost = |user: User, had: u64| had * USD - world.balance(&user.key, usd);
    let (small, large) = (lost(lender, 1_000_000), lost(other, 3_000_000));
    assert!((small * 3).abs_diff(large) <= 4, "{small} and {large}");
    assert!((small + large).abs_diff(loss.rest) <= USD / 1_000, "a second's interest aside");
    assert_eq!(world.reserve(sol).deposit_index, sol_index);
    world.withdraw(lender, sol, EVERYTHING).expect_ok();
    assert_eq!(world.balance(&lender.key, sol), 10 * SOL);
    world.assert_conserved();
}

#[test]
fn debt_is_not_bad_while_there_is_collateral() {
    let Scene { mut world, usd, sol, trader, .. } = Scene::new();
    world.borrow(trader, usd, 10_000 * USD).expect_ok();
    world.settle(trader.margin, usd).expect_error(Error::BadDebtNotProven);
    world.set_price(sol, Quote::dollars(0.02)).expect_ok();
    world.settle(trader.margin, usd).expect_error(Error::BadDebtNotProven);
    world.settle(trader.margin, sol).expect_error(Error::PositionNotFound);
    let Scene { mut world, usd, trader, .. } = bad_debt(Scene::new());
    world.fork().settle(trader.margin, usd).expect_ok();
    let third = world.list(Token::new("third", 6, 1.0), reserve_config());
    world.supply(trader, third, USD + 1);
    world.settle(trader.margin, usd).expect_error(Error::BadDebtNotProven);
    world.withdraw(trader, third, EVERYTHING).expect_error(Error::InitialHealthTooLow);
}

#[test]
fn dust_does_not_keep_bad_debt_from_being_settled() {
    let Scene { mut world, usd, sol, trader, .. } = Scene::new();
    let dust = world.list(Token::new("dust", 6, 1.0), reserve_config());
    world.supply(trader, dust, 999_000); // 99.9 cents; dust is less than a dollar
    world.refresh_all();
    world.borrow(trader, usd, 10_000 * USD).expect_ok();
    world.set_price(sol, Quote::dollars(50.0)).expect_ok();
    seize_all(&mut world, trader, usd, sol);
    // However many atoms it is while its price is known,
    world.fork().settle(trader.margin, usd).expect_ok();
    world.reconfigure(dust, |config| config.min_deposit = 1_000_001).expect_ok();
    // but not while it is worth a dollar.
    let mut richer = world.fork();
    richer.supply(trader, dust, 1_000);
    richer.set_price(dust, Quote::dollars(1.01)).expect_ok();
    richer.settle(trader.margin, usd).expect_error(Error::BadDebtNotProven);
    // A dead feed does not matter.
    world.advance(1_000_000);
    world.settle(trader.margin, usd).expect_ok();
    assert_eq!(world.debt_shares(trader, usd), 0);
    // The dust stays with the account.
    world.withdraw(trader, dust, EVERYTHING).expect_ok();
    assert_eq!(world.balance(&trader.key, dust), 999_000);
    world.assert_conserved();
}

#[test]
fn a_small_debt_is_not_bad_while_dust_covers_it() {
    let Scene { mut world, usd, sol, trader, .. } = Scene::new();
    world.borrow(trader, usd, 11 * USD).expect_ok();
    world.withdraw(trader, sol, 99 * SOL).expect_ok();
    world.repay(trader, usd, 10_500_000).expect_ok();
    // 90 cents against 50, below the reserve's minimum.
    world.reconfigure(sol, |config| config.min_deposit = 2 * SOL).expect_ok();
    world.set_price(sol, Quote::dollars(0.9)).expect_ok();
    world.settle(trader.margin, usd).expect_error(Error::BadDebtNotProven);
    world.set_price(sol, Quote::dollars(0.4)).expect_ok();
    world.settle(trader.margin, usd).expect_ok();
    world.assert_conserved();
}

#[test]
fn a_reserve_that_a_loss_consumed_is_closed_for_good() {
    let Scene { mut world, usd, sol, trader, .. } = Scene::new();
    let mut config = reserve_config();
    config.curve = RateCurve::new(&[(0, 10_000), (10_000, 10_000)]).expect("two points");
    let doomed = world.list(Token::new("doomed", 6, 2.0), config);
    let unlucky = world.user("unlucky");
    world.supply(unlucky, doomed, 5_000 * USD);
    world.refresh_all();
    // The unlucky lender owes something against the deposit that is about to vanish.
    world.borrow(unlucky, usd, 1_000 * USD).expect_ok();
    world.borrow(trader, doomed, 5_000 * USD).expect_ok();
    // The collateral is worth a cent, which no liquidator comes for: nothing at all is paid back.
    world.reconfigure(sol, |config| config.min_deposit = 1_000 * SOL).expect_ok();
    world.set_price(sol, Quote::dollars(0.000_1)).expect_ok();
    world.settle(unlucky.margin, usd).expect_error(Error::BadDebtNotProven);
    world.settle(trader.margin, doomed).expect_ok();
    world.assert_conserved();

    let reserve = world.reserve(doomed);
    assert!(reserve.is_wiped_out());
    world.fund(&unlucky.key, doomed, USD);
    let late = world.user("late");
    world.fund(&late.key, doomed, USD);
    world.deposit(late, doomed, USD).expect_error(Error::ReserveWipedOut);
    world.deposit(unlucky, doomed, USD).expect_error(Error::ReserveWipedOut);
    // A deposit worth nothing stands in no one's way.
    world.fork().settle(unlucky.margin, usd).expect_ok();
    world.fund(&unlucky.key, usd, 1_000 * USD);
    world.repay(unlucky, usd, EVERYTHING).expect_ok();
    let tokens = world.balance(&unlucky.key, doomed);
    world.withdraw(unlucky, doomed, EVERYTHING).expect_ok();
    assert_eq!(world.balance(&unlucky.key, doomed), tokens);
    assert_eq!(world.margin(&unlucky.margin).positions(), []);
    world.assert_conserved();
}

#[test]
fn fees_bear_a_loss_before_depositors_do() {
    let Scene { mut world, sol, trader, .. } = Scene::new();
    let doomed = world.list(Token::new("doomed", 6, 2.0), reserve_config());
    let unlucky = world.user("unlucky");
    world.supply(unlucky, doomed, 5_000 * USD);
    world.refresh_all();
    world.borrow(trader, doomed, 5_000 * USD).expect_ok();
    world.advance(100 * 86_400);
    world.refresh_all();
    world.set_price(sol, Quote::dollars(0.1)).expect_ok();
    seize_all(&mut world, trader, doomed, sol);
    let repaid = world.reserve(doomed).cash;
    assert!(repaid > 0 && world.reserve(doomed).fees() >> 64 > repaid as u128, "less came back than the fees are");
    let Event::BadDebtSettled(loss) = world.settle(trader.margin, doomed).expect_event() else {
        panic!("another event")
    };
    assert_eq!((loss.insurance, loss.fees), (0, 0), "no cash had been there to set fees aside");
    world.collect_fees(doomed).expect_error(Error::NoFees);
    world.withdraw(unlucky, doomed, EVERYTHING).expect_ok();
    assert!(world.balance(&unlucky.key, doomed).abs_diff(repaid) <= 1, "all that came back is the depositor's");
    world.assert_conserved();
}

#[test]
fn fees_are_paid_to_the_collector_alone_and_logged() {
    for Scene { mut world, usd, trader, .. } in Scene::both() {
        world.collect_fees(usd).expect_error(Error::NoFees);
        world.borrow(trader, usd, 10_000 * USD).expect_ok();
        world.advance(365 * 86_400);
        let before = world.vault_balance(usd);
        let Event::FeesCollected(event) = world.collect_fees(usd).expect_event() else { panic!("another event") };
        let (number, market) = (world.view().market.events, world.market);
        assert_eq!(event, FeesCollected { number, market, amount: event.amount, reserve: usd });
        assert!(event.amount > 0);
        let collector = world.key("collector");
        assert_eq!(world.balance(&collector, usd), event.amount);
        assert_eq!(world.vault_balance(usd), before - event.amount);
        assert!(world.reserve(usd).fees() >> 64 == 0, "less than an atom is left");
        world.collect_fees(usd).expect_error(Error::NoFees);
        world.assert_conserved();
    }
}

#[test]
fn fees_wait_for_cash() {
    let Scene { mut world, usd, sol, lender, trader } = Scene::new();
    world.supply(trader, sol, 20_000 * SOL);
    world.refresh_all();
    world.borrow(trader, usd, 1_000_000 * USD).expect_ok();
    world.advance(30 * 86_400);
    world.collect_fees(usd).expect_error(Error::NoFees);
    world.repay(trader, usd, 5 * USD).expect_ok();
    let Event::FeesCollected(event) = world.collect_fees(usd).expect_event() else { panic!("another event") };
    assert_eq!(event.amount, 5 * USD, "as far as there is cash");
    assert_eq!(world.reserve(usd).cash, 0);
    world.withdraw(lender, usd, 1).expect_error(Error::InsufficientLiquidity);
    world.assert_conserved();
}

#[test]
fn only_the_fee_collector_collects() {
    let Scene { mut world, usd, trader, .. } = Scene::new();
    world.borrow(trader, usd, 10_000 * USD).expect_ok();
    world.advance(365 * 86_400);
    let destination = world.fund(&trader.key, usd, 0);
    let view = world.view();
    let mut instruction = view.collect_fees(destination, usd).expect("exists");
    instruction.accounts[0].pubkey = trader.key;
    world.send(&[instruction]).expect_error(Error::NotFeeCollector);
    let mut instruction = view.collect_fees(destination, usd).expect("exists");
    instruction.accounts[0].pubkey = world.authority;
    world.send(&[instruction]).expect_error(Error::NotFeeCollector);
    let mut instruction = view.collect_fees(destination, usd).expect("exists");
    instruction.accounts[0].is_signer = false;
    world.send(&[instruction]).expect_instruction_error(InstructionError::MissingRequiredSignature);
}

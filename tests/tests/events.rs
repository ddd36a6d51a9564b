//! Events: complete, numbered, and none for what did not happen.

use ballast_client::{Event, Instruction, LiquidationOrder};
use ballast_engine::ledger::EVERYTHING;
use ballast_tests::{Quote, Scene, USD};

/// Instructions that a transaction may run, those called by others included: each deposit calls the token program.
const MOST_INSTRUCTIONS: u64 = 64;
/// Bytes that fit in a transaction.
const PACKET: usize = 1_232;

#[test]
fn every_movement_of_money_logs_one_event_and_numbers_have_no_gaps() {
    let Scene { mut world, usd, sol, lender, trader } = Scene::new();
    let first = world.view().market.events;
    world.fund(&lender.key, usd, 100 * USD);
    let mut events = vec![
        world.deposit(lender, usd, 5 * USD).expect_event(),
        world.withdraw(lender, usd, USD).expect_event(),
        world.borrow(trader, usd, 10_000 * USD).expect_event(),
        world.repay(trader, usd, USD).expect_event(),
    ];
    world.advance(86_400);
    world.refresh_all();
    events.push(world.collect_fees(usd).expect_event());
    world.set_price(sol, Quote::dollars(50.0)).expect_ok();
    let liquidator = world.key("liquidator");
    world.fund(&liquidator, usd, 10_000 * USD);
    let order = LiquidationOrder { debt: usd, collateral: sol, max_repay: u64::MAX, min_collateral: 0 };
    events.push(world.liquidate(liquidator, trader.margin, order).expect_event());
    events.push(world.settle(trader.margin, usd).expect_event());
    let kinds = [
        matches!(events[0], Event::Deposited(_)),
        matches!(events[1], Event::Withdrawn(_)),
        matches!(events[2], Event::Borrowed(_)),
        matches!(events[3], Event::Repaid(_)),
        matches!(events[4], Event::FeesCollected(_)),
        matches!(events[5], Event::Liquidated(_)),
        matches!(events[6], Event::BadDebtSettled(_)),
    ];
    assert_eq!(kinds, [true; 7]);
    for (number, event) in (first + 1..).zip(&events) {
        assert_eq!(event.number(), number);
        match event {
            Event::FeesCollected(fees) => assert_eq!(fees.market, world.market),
            _ => assert!([lender.margin, trader.margin].map(Some).contains(&event.account())),
        }
    }
    assert_eq!(world.view().market.events, first + events.len() as u64);
}

#[test]
fn what_moves_no_money_logs_nothing() {
    let Scene { mut world, usd, trader, .. } = Scene::new();
    let before = world.view().market.events;
    let silent = [world.set_price(usd, Quote::dollars(1.0)), world.read_health(trader.margin)];
    for outcome in silent {
        assert_eq!(outcome.expect_ok().events, []);
    }
    world.open(trader.key, 1);
    assert_eq!(world.view().market.events, before);
}

#[test]
fn a_refused_instruction_uses_no_number() {
    let Scene { mut world, usd, lender, .. } = Scene::new();
    let before = world.view().market.events;
    assert!(!world.deposit(lender, usd, 1).is_ok());
    assert_eq!(world.view().market.events, before);
    world.fund(&lender.key, usd, 1);
    assert_eq!(world.deposit(lender, usd, 1).expect_event().number(), before + 1);
}

#[test]
fn an_events_figures_are_the_change_of_the_books() {
    let Scene { mut world, usd, lender, trader, .. } = Scene::new();
    world.borrow(trader, usd, 10_000 * USD).expect_ok();
    world.advance(100 * 86_400);
    world.fund(&lender.key, usd, 1_000 * USD);
    world.fund(&trader.key, usd, 1_000 * USD);
    world.refresh_all();
    for (amount, action) in [(777_777_777, 0), (333_333_333, 1), (55_555_555, 2), (44_444_444, 3), (EVERYTHING, 3)] {
        let (before, had) = (world.reserve(usd), world.vault_balance(usd));
        let event = match action {
            0 => world.deposit(lender, usd, amount),
            1 => world.withdraw(lender, usd, amount),
            2 => world.borrow(trader, usd, amount),
            _ => world.repay(trader, usd, amount),
        }
        .expect_event();
        let (after, has) = (world.reserve(usd), world.vault_balance(usd));
        let (Event::Deposited(moved) | Event::Withdrawn(moved) | Event::Borrowed(moved) | Event::Repaid(moved)) = event
        else {
            panic!("another event: {event:?}")
        };
        assert_eq!(moved.amount, had.abs_diff(has));
        assert_eq!(moved.amount, before.cash.abs_diff(after.cash));
        let shares = before.deposit_shares.0.abs_diff(after.deposit_shares.0)
            + before.debt_shares.0.abs_diff(after.debt_shares.0);
        assert_eq!(moved.shares, shares);
        assert!(amount == EVERYTHING || moved.amount == amount);
    }
    world.assert_conserved();
}

/// Log lines hold 10 KB a transaction: the densest one overflows them. Each of its instructions is complete when it
/// stands alone, and the market's counter says how many are missing here.
#[test]
fn the_densest_transaction_loses_log_lines_and_the_numbers_tell() {
    let Scene { mut world, usd, lender, .. } = Scene::new();
    let source = world.fund(&lender.key, usd, 1_000 * USD);
    let view = world.view();
    let instructions: Vec<Instruction> = (1..=MOST_INSTRUCTIONS / 2)
        .map(|amount| view.deposit(lender.key, lender.margin, source, usd, amount).expect("exists"))
        .collect();
    let before = world.view().market.events;
    let outcome = world.send(&instructions).expect_ok();
    assert!(outcome.transaction_bytes <= PACKET, "{} bytes", outcome.transaction_bytes);
    let happened = world.view().market.events - before;
    assert_eq!(happened, instructions.len() as u64);
    assert!(outcome.logs.iter().any(|line| line.contains("Log truncated")), "{}", outcome.describe());
    assert!((outcome.events.len() as u64) < happened);
    // What is there is in order from the first on, so the gap is at the end and its length is known.
    for (index, event) in (0u64..).zip(&outcome.events) {
        let Event::Deposited(moved) = event else { panic!("another event: {event:?}") };
        assert_eq!((moved.number, moved.amount), (before + 1 + index, 1 + index));
    }
}

#[test]
fn a_dozen_movements_in_one_transaction_are_logged_whole() {
    let Scene { mut world, usd, lender, .. } = Scene::new();
    let source = world.fund(&lender.key, usd, 1_000 * USD);
    let view = world.view();
    let instructions: Vec<_> =
        (1..=12).map(|amount| view.deposit(lender.key, lender.margin, source, usd, amount).expect("exists")).collect();
    let outcome = world.send(&instructions).expect_ok();
    assert_eq!(outcome.events.len(), 12);
}

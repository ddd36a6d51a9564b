//! Borrowing and repaying.

use ballast_client::{Event, Movement};
use ballast_engine::{
    Error,
    ledger::EVERYTHING,
    number::units::Bps,
    state::weights::{RiskConfig, Weights},
};
use ballast_tests::{MintSpec, Quote, SOL, Scene, USD, reserve_config};
use solana_transaction::InstructionError;

/// The most that the trader's 12,000 USD cover at the debt's weight of 110 %.
const MOST: u64 = 10_909_090_909;

#[test]
fn a_borrow_moves_tokens_and_books_and_logs_it() {
    for Scene { mut world, usd, trader, .. } in Scene::both() {
        let event = world.borrow(trader, usd, 2_000 * USD).expect_event();
        let reserve = world.reserve(usd);
        assert_eq!((reserve.cash, reserve.debt_shares.0), (998_000 * USD, 2_000 * USD));
        assert_eq!(world.vault_balance(usd), 998_000 * USD);
        assert_eq!(world.balance(&trader.key, usd), 2_000 * USD);
        assert_eq!(world.debt_shares(trader, usd), 2_000 * USD);
        let number = world.view().market.events;
        let (account, amount) = (trader.margin, 2_000 * USD);
        assert_eq!(event, Event::Borrowed(Movement { number, account, amount, shares: amount, reserve: usd }));
        world.assert_conserved();
    }
}

#[test]
fn a_repayment_moves_tokens_and_books_and_logs_it() {
    for Scene { mut world, usd, trader, .. } in Scene::both() {
        world.borrow(trader, usd, 2_000 * USD).expect_ok();
        let event = world.repay(trader, usd, 500 * USD).expect_event();
        let reserve = world.reserve(usd);
        assert_eq!((reserve.cash, reserve.debt_shares.0), (998_500 * USD, 1_500 * USD));
        assert_eq!(world.vault_balance(usd), 998_500 * USD);
        assert_eq!(world.balance(&trader.key, usd), 1_500 * USD);
        assert_eq!(world.debt_shares(trader, usd), 1_500 * USD);
        let number = world.view().market.events;
        let (account, amount) = (trader.margin, 500 * USD);
        assert_eq!(event, Event::Repaid(Movement { number, account, amount, shares: amount, reserve: usd }));
        world.assert_conserved();
    }
}

#[test]
fn an_account_borrows_to_the_last_atom_of_its_initial_health() {
    let Scene { mut world, usd, trader, .. } = Scene::new();
    world.fork().borrow(trader, usd, MOST + 1).expect_error(Error::InitialHealthTooLow);
    world.borrow(trader, usd, MOST).expect_ok();
    world.borrow(trader, usd, 1).expect_error(Error::InitialHealthTooLow);
    let report = world.health(trader.margin);
    assert!(report.initial_collateral.get() >= report.initial_debt.get());
    assert!(report.initial_collateral.get() - report.initial_debt.get() < 1_000, "10^-8 USD");
}

#[test]
fn new_risk_is_valued_at_the_worse_of_spot_and_average_and_two_confidence_intervals() {
    let Scene { mut world, usd, sol, trader, .. } = Scene::new();
    // Collateral at 150 − 2 × 1.5 USD, though the average is above.
    world.set_price(sol, Quote::dollars(150.0).confidence_bps(100).ema_dollars(155.0)).expect_ok();
    let most = MOST / 150 * 147;
    world.fork().borrow(trader, usd, most + USD).expect_error(Error::InitialHealthTooLow);
    world.fork().borrow(trader, usd, most - USD).expect_ok();
    // The average is below.
    world.set_price(sol, Quote::dollars(150.0).ema_dollars(144.0)).expect_ok();
    let most = MOST / 150 * 144;
    world.fork().borrow(trader, usd, most + USD).expect_error(Error::InitialHealthTooLow);
    world.fork().borrow(trader, usd, most - USD).expect_ok();
    // The debt's average is above its price.
    world.set_price(sol, Quote::dollars(150.0)).expect_ok();
    world.set_price(usd, Quote::dollars(1.0).ema_dollars(1.02)).expect_ok();
    let most = MOST / 102 * 100;
    world.fork().borrow(trader, usd, most + USD).expect_error(Error::InitialHealthTooLow);
    world.fork().borrow(trader, usd, most - USD).expect_ok();
}

#[test]
fn repaying_everything_leaves_no_dust_and_closes_the_position() {
    let Scene { mut world, usd, trader, .. } = Scene::new();
    world.borrow(trader, usd, 5_000 * USD).expect_ok();
    world.advance(7_654_321);
    world.fund(&trader.key, usd, 1_000 * USD);
    let Event::Repaid(paid) = world.repay(trader, usd, EVERYTHING).expect_event() else { panic!("another event") };
    assert!(paid.amount > 5_000 * USD);
    assert_eq!(paid.shares, 5_000 * USD);
    assert_eq!(world.balance(&trader.key, usd), 6_000 * USD - paid.amount);
    assert_eq!(world.margin(&trader.margin).positions().len(), 1);
    assert_eq!(world.reserve(usd).debt_shares.0, 0);
    world.assert_conserved();
}

#[test]
fn a_repayment_never_takes_more_than_is_owed() {
    let Scene { mut world, usd, trader, .. } = Scene::new();
    world.borrow(trader, usd, 5_000 * USD).expect_ok();
    world.fund(&trader.key, usd, 1_000 * USD);
    let Event::Repaid(paid) = world.repay(trader, usd, 5_500 * USD).expect_event() else { panic!("another event") };
    assert_eq!(paid.amount, 5_000 * USD);
    assert_eq!(world.balance(&trader.key, usd), 1_000 * USD);
    assert_eq!(world.debt_shares(trader, usd), 0);
}

#[test]
fn anyone_may_repay_for_anyone_without_any_price() {
    let Scene { mut world, usd, trader, .. } = Scene::new();
    world.borrow(trader, usd, 5_000 * USD).expect_ok();
    world.advance(1_000_000);
    let stranger = world.key("stranger");
    world.fund(&stranger, usd, 3_000 * USD);
    world.repay_for(stranger, trader.margin, usd, 3_000 * USD).expect_ok();
    assert_eq!(world.balance(&stranger, usd), 0);
    assert_eq!(world.balance(&trader.key, usd), 5_000 * USD);
    let left = world.debt_shares(trader, usd);
    assert!((2_000 * USD..2_001 * USD).contains(&left), "{left}: interest is paid first");
}

#[test]
fn interest_compounds_continuously_and_is_shared_between_lenders_and_fees() {
    let Scene { mut world, usd, lender, trader, .. } = Scene::new();
    // A flat rate of 10 %, so that utilisation does not matter.
    let curve = ballast_engine::state::interest::RateCurve::new(&[(0, 1_000), (10_000, 1_000)]).expect("two points");
    world.reconfigure(usd, |config| config.curve = curve).expect_ok();
    world.borrow(trader, usd, 10_000 * USD).expect_ok();
    world.advance(365 * 86_400);
    world.fund(&trader.key, usd, 100_000 * USD);
    let Event::Repaid(paid) = world.repay(trader, usd, EVERYTHING).expect_event() else { panic!("another event") };
    let interest = (paid.amount - 10_000 * USD) as f64;
    let expected = 10_000.0 * USD as f64 * (0.1f64.exp() - 1.0);
    assert!((interest / expected - 1.0).abs() < 1e-8, "{interest} instead of {expected}");
    let fees = world.reserve(usd).fees() as f64 / 2f64.powi(64);
    assert!((fees / interest - 0.1).abs() < 1e-6, "{fees} of {interest}");
    world.withdraw(lender, usd, EVERYTHING).expect_ok();
    let earned = (world.balance(&lender.key, usd) - 1_000_000 * USD) as f64;
    assert!((earned / interest - 0.9).abs() < 1e-6, "{earned} of {interest}");
    world.assert_conserved();
}

#[test]
fn untouched_reserves_count_with_their_interest() {
    let Scene { mut world, usd, sol, trader, .. } = Scene::new();
    let curve =
        ballast_engine::state::interest::RateCurve::new(&[(0, 100_000), (10_000, 100_000)]).expect("two points");
    world
        .reconfigure(usd, |config| {
            config.curve = curve;
            config.oracle.max_age = 600;
        })
        .expect_ok();
    world.reconfigure(sol, |config| config.oracle.max_age = 600).expect_ok();
    world.borrow(trader, usd, 10_000 * USD).expect_ok();
    let before = world.health(trader.margin);
    world.advance(600);
    let after = world.health(trader.margin);
    let growth = after.equity_debt.get() as f64 / before.equity_debt.get() as f64;
    assert!((growth.ln() / (10.0 * 600.0 / 31_536_000.0) - 1.0).abs() < 1e-4, "{growth}");
    assert_eq!(world.reserve(usd).debt_index, ballast_engine::number::index::Index::ONE, "nothing was written");
}

#[test]
fn interest_earned_on_collateral_counts_before_it_is_written() {
    let mut config = reserve_config();
    config.curve =
        ballast_engine::state::interest::RateCurve::new(&[(0, 100_000), (10_000, 100_000)]).expect("two points");
    config.oracle.max_age = 600;
    let Scene { mut world, sol, lender, trader, .. } = Scene::configured(config);
    let backing = world.list(ballast_tests::Token::new("backing", 6, 1.0), config);
    let other = world.user("other");
    world.supply(other, backing, 1_000_000 * USD);
    world.supply(lender, sol, 100 * SOL);
    world.refresh_all();
    world.borrow(other, sol, 180 * SOL).expect_ok();
    let before = world.health(trader.margin).equity_collateral.get();
    world.advance(600);
    let after = world.health(trader.margin).equity_collateral.get();
    // Nine tenths of the rate on nine tenths of the deposits.
    let growth = after as f64 / before as f64 - 1.0;
    let expected = 0.81 * ((10.0f64 * 600.0 / 31_536_000.0).exp() - 1.0);
    assert!((growth / expected - 1.0).abs() < 1e-3, "{growth} instead of {expected}");
    assert_eq!(world.reserve(sol).deposit_index, ballast_engine::number::index::Index::ONE, "nothing was written");
}

#[test]
fn refused_borrows() {
    let Scene { mut world, usd, sol, lender, trader } = Scene::new();
    world.borrow(trader, usd, 0).expect_error(Error::AmountIsZero);
    world.supply(lender, sol, 5 * SOL);
    world.borrow(trader, sol, 1).expect_error(Error::PositionIsDeposit);
    world.borrow(trader, usd, 1_000_001 * USD).expect_error(Error::InsufficientLiquidity);
    world.borrow(trader, usd, u64::MAX).expect_error(Error::InsufficientLiquidity);
    world.borrow(trader, usd, 10 * USD - 1).expect_error(Error::DebtBelowMinimum);
    let poor = world.user("poor");
    world.borrow(poor, usd, 20 * USD).expect_error(Error::InitialHealthTooLow);

    world.reconfigure(usd, |config| config.borrow_cap = 100 * USD).expect_ok();
    world.borrow(trader, usd, 100 * USD + 1).expect_error(Error::BorrowCapExceeded);
    world.borrow(trader, usd, 100 * USD).expect_ok();
    world.borrow(trader, usd, 1).expect_error(Error::BorrowCapExceeded);
    world.reconfigure(usd, |config| config.borrow_enabled = 0).expect_ok();
    world.borrow(trader, usd, 1).expect_error(Error::BorrowingDisabled);
    world.repay(trader, usd, USD).expect_ok();
}

#[test]
fn a_debt_may_grow_past_the_minimum_in_steps_but_not_start_below_it() {
    let Scene { mut world, usd, trader, .. } = Scene::new();
    world.borrow(trader, usd, 9 * USD).expect_error(Error::DebtBelowMinimum);
    world.borrow(trader, usd, 11 * USD).expect_ok();
    world.borrow(trader, usd, 1).expect_ok();
    world.repay(trader, usd, 10 * USD).expect_ok();
    world.borrow(trader, usd, 1).expect_error(Error::DebtBelowMinimum);
}

#[test]
fn an_account_owes_at_most_sixteen_positions() {
    let Scene { mut world, usd, trader, .. } = Scene::new();
    let lender = world.user("lender of all");
    for index in 0..16 {
        let token = ballast_tests::Token::new(&format!("token {index}"), 6, 1.0);
        let reserve = world.list(token, reserve_config());
        world.supply(lender, reserve, 100 * USD);
        world.refresh_all();
        let outcome = world.borrow(trader, reserve, 20 * USD);
        if index < 15 {
            outcome.expect_ok()
        } else {
            outcome.expect_error(Error::TooManyPositions)
        };
    }
    world.borrow(trader, usd, 20 * USD).expect_error(Error::TooManyPositions);
}

#[test]
fn borrowing_needs_fresh_and_settled_prices_of_debts() {
    let Scene { mut world, usd, sol, trader, .. } = Scene::new();
    world.borrow(trader, usd, 100 * USD).expect_ok();
    world.set_price(usd, Quote::dollars(1.0).confidence_bps(201)).expect_ok();
    world.borrow(trader, usd, USD).expect_error(Error::PriceUnsettled);
    world.set_price(usd, Quote::dollars(1.0).ema_dollars(0.94)).expect_ok();
    world.borrow(trader, usd, USD).expect_error(Error::PriceUnsettled);
    world.set_price(usd, Quote::dollars(1.0)).expect_ok();
    world.set_price(sol, Quote::dollars(150.0)).expect_ok();
    world.borrow(trader, usd, USD).expect_ok();
    world.advance(61);
    world.set_price(sol, Quote::dollars(150.0)).expect_ok();
    world.borrow(trader, usd, USD).expect_error(Error::PriceStale);
}

#[test]
fn collateral_with_a_stale_or_unsettled_price_backs_nothing() {
    let Scene { mut world, usd, sol, trader, .. } = Scene::new();
    world.set_price(sol, Quote::dollars(150.0).confidence_bps(201)).expect_ok();
    world.borrow(trader, usd, 20 * USD).expect_error(Error::InitialHealthTooLow);
    world.set_price(sol, Quote::dollars(150.0).ema_dollars(160.0)).expect_ok();
    world.borrow(trader, usd, 20 * USD).expect_error(Error::InitialHealthTooLow);
    world.set_price(sol, Quote::dollars(150.0)).expect_ok();
    world.advance(61);
    world.set_price(usd, Quote::dollars(1.0)).expect_ok();
    // Maintenance would count it.
    world.borrow(trader, usd, 20 * USD).expect_error(Error::PriceStale);
    world.set_price(sol, Quote::dollars(150.0)).expect_ok();
    world.borrow(trader, usd, 20 * USD).expect_ok();
    // A price of another moment than that of the debt backs nothing either.
    world.advance(12);
    world.set_price(usd, Quote::dollars(1.0)).expect_ok();
    world.borrow(trader, usd, 20 * USD).expect_error(Error::InitialHealthTooLow);
}

#[test]
fn a_price_may_be_used_for_its_whole_age_and_not_a_second_longer() {
    let Scene { mut world, usd, sol, trader, .. } = Scene::new();
    world.refresh_all();
    let published = world.reserve(usd).price.publish_time;
    assert_eq!(world.reserve(sol).price.publish_time, published);
    world.set_time(published + 60);
    world.borrow(trader, usd, 20 * USD).expect_ok();
    world.set_time(published + 61);
    world.borrow(trader, usd, 20 * USD).expect_error(Error::PriceStale);
}

#[test]
fn a_token_that_is_no_collateral_backs_nothing() {
    let Scene { mut world, usd, trader, .. } = Scene::new();
    let config = ballast_engine::state::reserve::ReserveConfig {
        risk: RiskConfig {
            cross: Weights { initial_asset: Bps(0), maintenance_asset: Bps(0), ..reserve_config().risk.cross },
            ..reserve_config().risk
        },
        ..reserve_config()
    };
    let plain = world.list(ballast_tests::Token::new("plain", 6, 1.0), config);
    let user = world.user("user");
    world.supply(user, plain, 1_000_000 * USD);
    world.refresh_all();
    world.borrow(user, usd, 20 * USD).expect_error(Error::InitialHealthTooLow);
    world.borrow(trader, plain, 20 * USD).expect_ok();
}

#[test]
fn refused_repayments() {
    let Scene { mut world, usd, sol, lender, trader } = Scene::new();
    world.borrow(trader, usd, 2_000 * USD).expect_ok();
    world.repay(trader, usd, 0).expect_error(Error::AmountIsZero);
    world.repay(trader, sol, 1).expect_error(Error::PositionNotFound);
    world.repay_for(trader.key, lender.margin, usd, 1).expect_error(Error::PositionNotFound);
    world.advance(1_000_000);
    world.repay(trader, usd, 1).expect_error(Error::AmountTooSmall);
    world.repay(trader, usd, 2).expect_ok();
    // Interest has made the debt larger than what was borrowed.
    world.repay(trader, usd, EVERYTHING).expect_custom(1);
}

#[test]
fn the_owner_signs_for_a_borrow_and_the_payer_for_a_repayment() {
    let Scene { mut world, usd, trader, .. } = Scene::new();
    let tokens = world.fund(&trader.key, usd, USD);
    let (view, thief) = (world.view(), world.key("thief"));
    let mut instruction = view.borrow(trader.key, trader.margin, tokens, usd, 20 * USD).expect("exists");
    instruction.accounts[0].is_signer = false;
    world.send(&[instruction]).expect_instruction_error(InstructionError::MissingRequiredSignature);
    let stolen = view.borrow(thief, trader.margin, tokens, usd, 20 * USD).expect("exists");
    world.send(&[stolen]).expect_error(Error::NotAccountOwner);
    world.borrow(trader, usd, 20 * USD).expect_ok();
    let mut instruction = view.repay(trader.key, trader.margin, tokens, usd, USD).expect("exists");
    instruction.accounts[0].is_signer = false;
    world.send(&[instruction]).expect_instruction_error(InstructionError::MissingRequiredSignature);
}

#[test]
fn an_unpriced_token_cannot_be_borrowed() {
    let Scene { mut world, lender, trader, .. } = Scene::new();
    let mint = world.mint("unpriced", &MintSpec::spl(6));
    world.send_listing(mint, ballast_client::TOKEN_PROGRAM, reserve_config()).expect_ok();
    world.supply(lender, 2, 1_000 * USD);
    world.borrow(trader, 2, 20 * USD).expect_error(Error::PriceStale);
}

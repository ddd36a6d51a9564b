//! Liquidation in two halves of one transaction: what a liquidator without tokens can do, and no one else.

use crate::support::introspection::forged_instructions;
use crate::support::liquidation_scene::{LISTED, LiquidationScene, assert_near, liquidated};
use ballast_client::{Event, Instruction, LiquidationOrder};
use ballast_engine::{
    Error,
    state::{
        permission::{Action, REFUSALS, State},
        reserve::ReserveConfig,
    },
};
use ballast_tests::{
    Quote, SOL, Scene, TEST_PROGRAM, USD, User, forward, is_of_perps, market_config, reserve_config, with_account,
};
use solana_transaction::InstructionError;

/// Errors of the token programs.
const INSUFFICIENT_FUNDS: u32 = 1;
const OWNER_MISMATCH: u32 = 4;

/// A funded liquidator and a receivership of a fifth of the debt.
fn small() -> (LiquidationScene, Instruction, Instruction) {
    let mut scene = LiquidationScene::new();
    scene.world.load_test_program();
    scene.fund_liquidator(1_000_000 * USD);
    let [begin, end] = scene.receivership(2_000 * USD);
    (scene, begin, end)
}

#[test]
fn a_liquidator_without_tokens_pays_from_what_it_seizes() {
    for mut scene in LiquidationScene::both() {
        let expected = scene.preview(u64::MAX);
        let [begin, end] = scene.receivership(u64::MAX);
        let sale = scene.sell(expected.seized, 114);
        assert_eq!(scene.world.balance(&scene.liquidator, scene.usd), 0);
        let outcome = scene.world.send(&[begin, sale, end]).expect_ok();
        let LiquidationScene { world, usd, sol, liquidator, .. } = &scene;
        let [Event::Liquidated(begun), Event::LiquidationEnded(ended)] = outcome.events[..] else {
            panic!("{}", outcome.describe())
        };
        assert!(begun.in_receivership);
        assert_eq!((begun.repaid, begun.seized), (expected.repaid, expected.seized));
        assert_eq!((ended.account, ended.reserve, ended.amount), (begun.account, *usd, expected.repaid));
        assert_eq!(ended.number, begun.number + 1);
        let proceeds = expected.seized / 1_000 * 114 + expected.seized % 1_000 * 114 / 1_000;
        assert_eq!(world.balance(liquidator, *usd), proceeds - expected.repaid, "the rest is the liquidator's");
        assert_eq!(world.balance(liquidator, *sol), 0);
        world.assert_conserved();
    }
}

#[test]
fn in_two_halves_it_leaves_what_it_leaves_in_one() {
    for max_repay in [100 * USD, 2_000 * USD, u64::MAX] {
        let mut halves = LiquidationScene::new();
        let mut whole = halves.fork();
        halves.fund_liquidator(1_000_000 * USD);
        let receivership = halves.receivership(max_repay);
        let begun = liquidated(halves.world.send(&receivership));
        let done = liquidated(whole.liquidate(max_repay));
        assert_eq!((begun.repaid, begun.seized, begun.penalty), (done.repaid, done.seized, done.penalty));
        assert!(halves.world.margin(&halves.trader.margin) == whole.world.margin(&whole.trader.margin));
        for reserve in [halves.usd, halves.sol] {
            assert!(halves.world.reserve(reserve) == whole.world.reserve(reserve));
            assert_eq!(halves.world.vault_balance(reserve), whole.world.vault_balance(reserve));
            let (one, other) = (&halves.world, &whole.world);
            assert_eq!(one.balance(&halves.liquidator, reserve), other.balance(&whole.liquidator, reserve));
        }
        halves.world.assert_conserved();
    }
}

#[test]
fn no_more_is_seized_than_the_repayment_and_its_penalty() {
    for (dollars, share) in [(123.0, 0), (115.0, 0), (115.0, 5_000), (106.0, 8_000)] {
        let mut scene = LiquidationScene::new();
        let usd = scene.usd;
        scene.world.reconfigure(usd, |config| config.insurance.penalty_share.0 = share).expect_ok();
        scene.sol_at(dollars);
        scene.fund_liquidator(1_000_000 * USD);
        let before = scene.maintenance();
        let receivership = scene.receivership(u64::MAX);
        let event = liquidated(scene.world.send(&receivership));
        let seized = event.seized as u128 * dollars as u128 * 10_000;
        let most = event.repaid as u128 * 1_000 * (10_000 + event.penalty as u128);
        assert!(seized <= most, "at {dollars}");
        let insured = event.repaid as u128 * event.penalty as u128 * share as u128 / 100_000_000;
        assert!(insured - event.insurance as u128 <= 1, "{} for the insurance, not {insured}", event.insurance);
        let paid = 1_000_000 * USD - scene.world.balance(&scene.liquidator, usd);
        assert_eq!(paid, event.repaid + event.insurance);
        assert_eq!(scene.world.reserve(usd).insurance.assets, event.insurance);
        let after = scene.maintenance();
        assert!(before < after && after < 1.05 * 1.000_01, "{before} to {after} at {dollars}");
        scene.world.assert_conserved();
    }
}

// What does not end it.

#[test]
fn a_begin_needs_an_end_behind_it() {
    let (mut scene, begin, end) = small();
    let world = &mut scene.world;
    world.send_one(begin.clone()).expect_error(Error::NoMatchingEnd);
    world.send(&[end.clone(), begin.clone()]).expect_error(Error::AccountNotInReceivership);
    world.send(&[begin.clone(), end.clone(), begin.clone()]).expect_error(Error::NoMatchingEnd);
    world.send(&[begin.clone(), end.clone(), end.clone()]).expect_error(Error::AccountNotInReceivership);
    world.send_one(end.clone()).expect_error(Error::AccountNotInReceivership);
    world.send(&[begin.clone(), end.clone(), begin, end]).expect_ok();
    world.assert_conserved();
}

#[test]
fn the_end_of_another_account_market_or_program_is_none() {
    let (mut scene, begin, end) = small();
    let other = scene.world.user("other");
    let market = scene.world.create_market(1, market_config());
    let of_other = with_account(end.clone(), "margin_account", other.margin);
    let mut named_too = of_other.clone();
    named_too.accounts.push(end.accounts[2].clone());
    let mut of_program = end.clone();
    of_program.program_id = TEST_PROGRAM;
    let mut of_tag = end.clone();
    of_tag.data = vec![8];
    let mut empty = end.clone();
    empty.data.clear();
    let mut short = end.clone();
    short.accounts.truncate(2);
    let world = &mut scene.world;
    for wrong in [of_other, named_too, of_program, of_tag, empty, short] {
        world.send(&[begin.clone(), wrong]).expect_error(Error::NoMatchingEnd);
    }
    let of_market = with_account(end.clone(), "market", market);
    world.send(&[begin.clone(), of_market]).expect_error(Error::WrongMarket);
    world.send(&[begin, end]).expect_ok();
}

#[test]
fn an_account_is_in_one_receivership_at_a_time() {
    let (mut scene, begin, end) = small();
    let world = &mut scene.world;
    let twice = [begin.clone(), begin.clone(), end.clone()];
    world.send(&twice).expect_error(Error::AccountInReceivership);
    let nested = [begin.clone(), begin.clone(), end.clone(), end.clone()];
    world.send(&nested).expect_error(Error::AccountInReceivership);
}

#[test]
fn two_accounts_may_be_in_receivership_at_once() {
    let mut scene = Scene::new();
    let second = scene.world.user("second");
    scene.world.supply(second, scene.sol, 100 * SOL);
    scene.world.refresh_all();
    scene.world.borrow(second, scene.usd, 10_000 * USD).expect_ok();
    let mut scene = LiquidationScene::of(scene);
    scene.fund_liquidator(100_000 * USD);
    let [begin, end] = scene.receivership(2_000 * USD);
    let order = scene.order(1_000 * USD);
    let [second_begin, second_end] = scene.world.receivership(scene.liquidator, second.margin, order);
    let world = &mut scene.world;
    let crossed = [begin.clone(), second_begin.clone(), end.clone(), second_end.clone()];
    world.fork().send(&crossed).expect_ok();
    let one_end = [begin.clone(), second_begin.clone(), end.clone()];
    world.send(&one_end).expect_error(Error::NoMatchingEnd);
    world.send(&[begin, second_begin, second_end, end]).expect_ok();
    assert_eq!(world.balance(&scene.liquidator, scene.usd), 97_000 * USD);
    world.assert_conserved();
}

#[test]
fn neither_half_can_be_called_by_a_program() {
    let (mut scene, begin, end) = small();
    let world = &mut scene.world;
    let (begin, end) = (&begin, &end);
    world.send(&[forward(begin.clone()), end.clone()]).expect_error(Error::CalledByProgram);
    world.send(&[forward(forward(begin.clone())), end.clone()]).expect_error(Error::CalledByProgram);
    world.send(&[begin.clone(), forward(end.clone())]).expect_error(Error::NoMatchingEnd);
    // Ended early, it is not there for the end that was found.
    let early = [begin.clone(), forward(end.clone()), end.clone()];
    world.send(&early).expect_error(Error::AccountNotInReceivership);
    let restarted = [begin.clone(), forward(end.clone()), forward(begin.clone()), end.clone()];
    world.send(&restarted).expect_error(Error::CalledByProgram);
}

#[test]
fn the_instructions_cannot_be_forged() {
    let (mut scene, begin, end) = small();
    let world = &mut scene.world;
    let forged = forged_instructions(world, &[begin.clone(), end]);
    let begin = with_account(begin, "instructions", forged);
    world.send(&[begin]).expect_instruction_error(InstructionError::UnsupportedSysvar);
}

// In between.

/// What anyone could try with an account in receivership.
fn interference(scene: &mut LiquidationScene) -> Vec<(Action, Instruction)> {
    let LiquidationScene { world, usd, sol, trader, liquidator, .. } = scene;
    let (usd, sol, User { key, margin }) = (*usd, *sol, *trader);
    world.fund(&key, usd, 1_000 * USD);
    world.fund(&key, sol, 1_000 * SOL);
    let order = LiquidationOrder { debt: usd, collateral: sol, max_repay: USD, min_collateral: 0 };
    let view = world.view();
    let tokens = |owner, reserve| world.tokens(owner, reserve);
    let liquidate = view.liquidate(*liquidator, margin, tokens(liquidator, usd), tokens(liquidator, sol), order);
    vec![
        (Action::Deposit, view.deposit(key, margin, tokens(&key, sol), sol, SOL).expect(LISTED)),
        (Action::Withdraw, view.withdraw(key, margin, tokens(&key, sol), sol, 1).expect(LISTED)),
        (Action::Withdraw, view.withdraw(key, margin, tokens(&key, sol), sol, u64::MAX).expect(LISTED)),
        (Action::Borrow, view.borrow(key, margin, tokens(&key, usd), usd, USD).expect(LISTED)),
        (Action::Repay, view.repay(key, margin, tokens(&key, usd), usd, USD).expect(LISTED)),
        (Action::Repay, view.repay(*liquidator, margin, tokens(liquidator, usd), usd, u64::MAX).expect(LISTED)),
        (Action::Liquidate, liquidate.expect(LISTED)),
        (Action::MarkLiquidatable, view.mark_liquidatable(margin)),
        (Action::SettleBadDebt, view.settle_bad_debt(margin, usd).expect(LISTED)),
        (Action::ReportLoss, view.report_loss(margin)),
        (Action::CloseAccount, view.close_account(key, margin, key)),
        (Action::SetDelegate, view.set_delegate(key, margin, *liquidator, 7, i64::MAX)),
        (Action::AssertSequence, view.assert_sequence(key, margin, 0)),
    ]
}

#[test]
fn an_account_in_receivership_refuses_everything_else() {
    let (mut scene, begin, end) = small();
    let attempts = interference(&mut scene);
    for (action, attempt) in &attempts {
        for attempt in [attempt.clone(), forward(attempt.clone())] {
            let outcome = scene.world.send(&[begin.clone(), attempt, end.clone()]);
            assert_eq!(outcome.engine_error(), Some(Error::AccountInReceivership), "{action:?}");
        }
    }
    let (state, _, refused) = REFUSALS[State::InReceivership as usize];
    assert_eq!(state, State::InReceivership);
    for action in refused.iter().filter(|action| !is_of_perps(**action)) {
        assert!(attempts.iter().any(|attempt| attempt.0 == *action), "{action:?} is not tried");
    }
    scene.world.assert_conserved();
}

#[test]
fn an_account_without_collateral_is_not_settled_and_closed_before_the_end() {
    let mut scene = Scene::new();
    let small = scene.world.user("small");
    scene.world.supply(small, scene.sol, SOL / 10);
    scene.world.refresh_all();
    scene.world.borrow(small, scene.usd, 10_500_000).expect_ok();
    let mut scene = LiquidationScene::of(scene);
    scene.fund_liquidator(100 * USD);
    scene.sol_at(105.0);
    let order = scene.order(u64::MAX);
    let [begin, end] = scene.world.receivership(scene.liquidator, small.margin, order);
    let world = &mut scene.world;
    let settle = world.view().settle_bad_debt(small.margin, scene.usd).expect(LISTED);
    let close = world.view().close_account(small.key, small.margin, small.key);
    for between in [&settle, &close] {
        let early = [&begin, between, &end].map(Clone::clone);
        world.send(&early).expect_error(Error::AccountInReceivership);
    }
    world.send(&[begin, end, settle, close]).expect_ok();
    assert_eq!(world.find_account(&small.margin), None);
    world.assert_conserved();
}

#[test]
fn prices_in_between_change_no_amount() {
    for dollars in [50.0, 100.0, 200.0] {
        let (mut scene, begin, end) = small();
        let world = &mut scene.world;
        world.advance(1);
        let mut calm = world.fork();
        world.publish(scene.sol, Quote::dollars(dollars));
        let refresh = world.refresh_instruction(&[scene.sol]);
        let event = liquidated(world.send(&[begin.clone(), refresh, end.clone()]));
        let same = liquidated(calm.send(&[begin, end]));
        assert_eq!((event.repaid, event.seized, event.penalty), (same.repaid, same.seized, same.penalty));
        for reserve in [scene.usd, scene.sol] {
            assert_eq!(world.balance(&scene.liquidator, reserve), calm.balance(&scene.liquidator, reserve));
        }
        assert!(world.margin(&scene.trader.margin) == calm.margin(&scene.trader.margin));
        world.assert_conserved();
    }
}

/// A reserve without a flash loan's fee would lend for nothing; in between, its loan is one like any other.
#[test]
fn a_flash_loan_in_between_pays_its_fee_and_changes_no_amount() {
    for of_debt in [true, false] {
        let (mut scene, begin, end) = small();
        let reserve = if of_debt { scene.usd } else { scene.sol };
        let flash = |config: &mut ReserveConfig| (config.flash_enabled, config.flash_fee.0) = (1, 10);
        scene.world.reconfigure(reserve, flash).expect_ok();
        let mut plain = scene.world.fork();
        let borrower = scene.world.key("borrower");
        scene.world.fund(&borrower, reserve, 1_000 * USD);
        let [take, give] = scene.world.flash_loan(borrower, reserve, 1_000_000);
        let world = &mut scene.world;
        for order in [[&begin, &take, &give, &end], [&take, &begin, &end, &give], [&begin, &take, &end, &give]] {
            let mut world = world.fork();
            let event = liquidated(world.send(&order.map(Clone::clone)));
            let same = liquidated(plain.fork().send(&[begin.clone(), end.clone()]));
            assert_eq!((event.repaid, event.seized), (same.repaid, same.seized));
            assert_eq!(world.balance(&borrower, reserve), 1_000 * USD - 1_000);
            world.assert_conserved();
        }
        liquidated(plain.send(&[begin.clone(), end.clone()]));
    }
}

#[test]
fn what_is_due_is_not_there_to_be_lent_before_it_comes() {
    let (mut scene, begin, end) = small();
    let usd = scene.usd;
    scene.world.reconfigure(usd, |config| config.flash_enabled = 1).expect_ok();
    let cash = scene.world.reserve(usd).cash;
    let borrower = scene.world.key("borrower");
    let world = &mut scene.world;
    // The books have the repayment from the beginning on, the token account has not.
    let [take, give] = world.flash_loan(borrower, usd, cash + 1);
    world.send(&[take.clone(), give.clone()]).expect_error(Error::InsufficientLiquidity);
    world.send(&[begin.clone(), take, give, end.clone()]).expect_custom(INSUFFICIENT_FUNDS);
    let [take, give] = world.flash_loan(borrower, usd, cash);
    world.send(&[begin, take, give, end]).expect_ok();
    world.assert_conserved();
}

// The payment.

#[test]
fn anyone_may_pay_the_end() {
    let (mut scene, begin, _) = small();
    let LiquidationScene { world, usd, lender, trader, liquidator, .. } = &mut scene;
    let source = world.fund(&lender.key, *usd, 5_000 * USD);
    let end = world.view().end_liquidation(lender.key, trader.margin, source, *usd).expect(LISTED);
    let event = liquidated(world.send(&[begin, end]));
    assert_eq!(world.balance(&lender.key, *usd), 5_000 * USD - event.repaid);
    assert_eq!(world.balance(liquidator, *usd), 1_000_000 * USD);
    world.assert_conserved();
}

#[test]
fn the_end_takes_all_that_is_due_or_nothing_happens() {
    let mut scene = LiquidationScene::new();
    let due = scene.preview(u64::MAX).paid();
    let [begin, end] = scene.receivership(u64::MAX);
    scene.fund_liquidator(due - 1);
    scene.world.send(&[begin.clone(), end.clone()]).expect_custom(INSUFFICIENT_FUNDS);
    // Sold for too little.
    let mut poor = scene.fork();
    let seized = poor.preview(u64::MAX).seized;
    poor.world.fund(&poor.liquidator, poor.usd, 0);
    let sale = poor.sell(seized, 0);
    poor.world.send(&[begin.clone(), sale, end.clone()]).expect_custom(INSUFFICIENT_FUNDS);
    scene.fund_liquidator(1);
    scene.world.send(&[begin, end]).expect_ok();
    assert_eq!(scene.world.balance(&scene.liquidator, scene.usd), 0);
    scene.world.assert_conserved();
}

#[test]
fn the_end_is_paid_with_the_payers_tokens_into_the_reserves_vault() {
    let (mut scene, begin, end) = small();
    let LiquidationScene { world, usd, lender, .. } = &mut scene;
    let theirs = world.fund(&lender.key, *usd, 10_000 * USD);
    let stolen = with_account(end.clone(), "source", theirs);
    world.send(&[begin.clone(), stolen]).expect_custom(OWNER_MISMATCH);
    let to_a_friend = with_account(end.clone(), "vault", theirs);
    world.send(&[begin.clone(), to_a_friend]).expect_error(Error::WrongVault);
    let sol_vault = begin.accounts[4].pubkey;
    let cheaper = with_account(end.clone(), "vault", sol_vault);
    world.send(&[begin.clone(), cheaper]).expect_error(Error::WrongVault);
    let fake = world.mint("fake", &ballast_tests::MintSpec::spl(6));
    world.send(&[begin.clone(), with_account(end.clone(), "mint", fake)]).expect_error(Error::WrongMint);
    let fake_program = with_account(end.clone(), "token_program", TEST_PROGRAM);
    world.send(&[begin.clone(), fake_program]).expect_error(Error::WrongTokenProgram);
    world.send(&[begin, end]).expect_ok();
    world.assert_conserved();
}

#[test]
fn the_beginning_is_a_liquidation_like_any_other() {
    let (mut scene, begin, end) = small();
    let mut short = begin.clone();
    short.accounts[0].is_signer = false;
    let lender = scene.lender.key;
    let paid_by_lender = {
        let source = scene.world.fund(&lender, scene.usd, 5_000 * USD);
        scene.world.view().end_liquidation(lender, scene.trader.margin, source, scene.usd).expect(LISTED)
    };
    let outcome = scene.world.send(&[short, paid_by_lender]);
    outcome.expect_instruction_error(InstructionError::MissingRequiredSignature);
    scene.sol_at(150.0);
    scene.world.send(&[begin.clone(), end.clone()]).expect_error(Error::AccountIsHealthy);
    scene.sol_at(115.0);
    scene.world.advance(61);
    scene.world.send(&[begin, end]).expect_error(Error::PriceStale);
    scene.world.refresh_all();
    for (max_repay, min_collateral, error) in
        [(0, 0, Error::AmountIsZero), (2_000 * USD, 100 * SOL, Error::CollateralBelowMinimum)]
    {
        let order = LiquidationOrder { min_collateral, ..scene.order(max_repay) };
        let [begin, end] = scene.world.receivership(scene.liquidator, scene.trader.margin, order);
        scene.world.send(&[begin, end]).expect_error(error);
    }
    let unused = scene.world.list(ballast_tests::Token::new("unused", 6, 1.0), reserve_config());
    let order = LiquidationOrder { debt: unused, ..scene.order(USD) };
    let [begin, end] = scene.world.receivership(scene.liquidator, scene.trader.margin, order);
    scene.world.send(&[begin, end]).expect_error(Error::PositionNotFound);
    assert_near(scene.maintenance(), 85.0 * 115.0 / 10_500.0);
}

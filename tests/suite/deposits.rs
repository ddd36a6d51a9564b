//! Lending tokens to a reserve and taking them back.

use ballast_client::{Event, Movement, from_engine};
use ballast_engine::{Error, ledger::EVERYTHING, number::units::MAX_LIQUIDITY, state::account::rights};
use ballast_tests::{MintSpec, SOL, Scene, Token, USD, World, reserve_config};
use solana_transaction::InstructionError;

/// Both token programs' "insufficient funds".
const INSUFFICIENT_FUNDS: u32 = 1;

#[test]
fn a_deposit_moves_tokens_and_books_and_logs_it() {
    for Scene { mut world, usd, trader, lender, .. } in Scene::both() {
        let (reserve, vault) = (world.reserve(usd), world.vault_balance(usd));
        world.fund(&trader.key, usd, 100 * USD);
        let event = world.deposit(trader, usd, 70 * USD).expect_event();
        let after = world.reserve(usd);
        assert_eq!(after.cash, reserve.cash + 70 * USD);
        assert_eq!(after.deposit_shares.0, reserve.deposit_shares.0 + 70 * USD);
        assert_eq!(world.vault_balance(usd), vault + 70 * USD);
        assert_eq!(world.balance(&trader.key, usd), 30 * USD);
        assert_eq!(world.deposit_shares(trader, usd), 70 * USD);
        assert_eq!(world.deposit_shares(lender, usd), 1_000_000 * USD);
        let number = world.view().market.events;
        let account = trader.margin;
        let moved = Movement { number, account, amount: 70 * USD, shares: 70 * USD, reserve: usd };
        assert_eq!(event, Event::Deposited(moved));
        world.assert_conserved();
    }
}

#[test]
fn a_withdrawal_moves_tokens_and_books_and_logs_it() {
    for Scene { mut world, usd, lender, .. } in Scene::both() {
        let event = world.withdraw(lender, usd, 400_000 * USD).expect_event();
        let after = world.reserve(usd);
        assert_eq!((after.cash, after.deposit_shares.0), (600_000 * USD, 600_000 * USD));
        assert_eq!(world.vault_balance(usd), 600_000 * USD);
        assert_eq!(world.balance(&lender.key, usd), 400_000 * USD);
        assert_eq!(world.deposit_shares(lender, usd), 600_000 * USD);
        let number = world.view().market.events;
        let (account, amount) = (lender.margin, 400_000 * USD);
        assert_eq!(event, Event::Withdrawn(Movement { number, account, amount, shares: amount, reserve: usd }));
        world.assert_conserved();
    }
}

#[test]
fn anyone_may_add_to_a_deposit_and_the_owner_or_delegate_opens_one() {
    let Scene { mut world, usd, trader, .. } = Scene::new();
    let [stranger, delegate] = ["stranger", "delegate"].map(|name| world.key(name));
    for payer in [stranger, delegate, trader.key] {
        world.fund(&payer, usd, 10 * USD);
    }
    let until = world.now() + 60;
    let named = world.view().set_delegate(trader.key, trader.margin, delegate, rights::BORROW, until);
    world.send(&[named]).expect_ok();
    world.deposit_for(stranger, trader.margin, usd, 5 * USD).expect_error(Error::PositionNotOpen);
    world.fork().deposit_for(delegate, trader.margin, usd, 5 * USD).expect_ok();
    let mut expired = world.fork();
    expired.advance(60);
    expired.deposit_for(delegate, trader.margin, usd, 5 * USD).expect_error(Error::PositionNotOpen);
    world.deposit_for(trader.key, trader.margin, usd, USD).expect_ok();
    world.deposit_for(stranger, trader.margin, usd, 5 * USD).expect_ok();
    assert_eq!((world.deposit_shares(trader, usd), world.balance(&stranger, usd)), (6 * USD, 5 * USD));
    // Once it is closed, nobody else opens it again.
    world.withdraw(trader, usd, EVERYTHING).expect_ok();
    world.deposit_for(stranger, trader.margin, usd, 5 * USD).expect_error(Error::PositionNotOpen);
}

#[test]
fn deposits_and_withdrawals_without_debt_need_no_price() {
    let Scene { mut world, sol, trader, .. } = Scene::new();
    world.advance(1_000_000);
    world.supply(trader, sol, SOL);
    world.withdraw(trader, sol, 2 * SOL).expect_ok();
    // A reserve that never had a price.
    let mint = world.mint("unpriced", &MintSpec::spl(6));
    world.send_listing(mint, ballast_client::TOKEN_PROGRAM, reserve_config()).expect_ok();
    world.supply(trader, 2, 50);
    world.withdraw(trader, 2, EVERYTHING).expect_ok();
    assert_eq!(world.balance(&trader.key, 2), 50);
}

#[test]
fn withdrawing_everything_leaves_no_dust_and_closes_the_position() {
    let Scene { mut world, usd, sol, lender, trader } = Scene::new();
    world.borrow(trader, usd, 10_000 * USD).expect_ok();
    world.advance(123_456_789);
    world.fund(&trader.key, usd, 100_000 * USD);
    world.repay(trader, usd, EVERYTHING).expect_ok();
    for (user, reserve) in [(lender, usd), (trader, sol)] {
        let before = world.margin(&user.margin).position_count;
        world.withdraw(user, reserve, EVERYTHING).expect_ok();
        assert_eq!(world.margin(&user.margin).position_count, before - 1);
        assert_eq!(world.deposit_shares(user, reserve), 0);
    }
    assert!(world.balance(&lender.key, usd) > 1_000_000 * USD, "the lender earned interest");
    assert_eq!(world.balance(&trader.key, sol), 100 * SOL, "nobody borrowed it");
    // What tokens are left are the protocol's.
    let reserve = world.reserve(usd);
    assert_eq!((reserve.fees() >> 64) as u64, reserve.cash);
    world.assert_conserved();
}

#[test]
fn shares_round_for_the_reserve() {
    let Scene { mut world, usd, lender, trader, .. } = Scene::new();
    world.borrow(trader, usd, 10_000 * USD).expect_ok();
    world.advance(400 * 86_400);
    // The index is above one: one atom buys no share, and costs one.
    world.fund(&lender.key, usd, 10);
    world.deposit(lender, usd, 1).expect_error(Error::AmountTooSmall);
    let before = world.deposit_shares(lender, usd);
    world.withdraw(lender, usd, 1).expect_ok();
    assert_eq!(world.deposit_shares(lender, usd), before - 1);
    world.deposit(lender, usd, 2).expect_ok();
    assert_eq!(world.deposit_shares(lender, usd), before, "two atoms buy one share");
    world.assert_conserved();
}

#[test]
fn tokens_sent_to_a_vault_change_nobodys_share() {
    let Scene { mut world, usd, lender, .. } = Scene::new();
    let (reserve, vault) = (world.reserve(usd), from_engine(&world.reserve(usd).vault));
    let mut account = world.account(&vault);
    account.data[64..72].copy_from_slice(&(5_000_000 * USD).to_le_bytes());
    world.set_account(vault, account);
    let late = world.user("late");
    world.supply(late, usd, 1);
    assert_eq!(world.deposit_shares(late, usd), 1, "an atom still buys a share");
    let after = world.reserve(usd);
    assert_eq!(after.deposit_index, reserve.deposit_index);
    assert_eq!(after.cash, reserve.cash + 1);
    world.withdraw(lender, usd, EVERYTHING).expect_ok();
    assert_eq!(world.balance(&lender.key, usd), 1_000_000 * USD);
    world.assert_conserved();
}

#[test]
fn refused_deposits() {
    let Scene { mut world, usd, sol, lender, trader } = Scene::new();
    world.borrow(trader, usd, 100 * USD).expect_ok();
    world.deposit(trader, usd, 0).expect_error(Error::AmountIsZero);
    world.deposit(trader, usd, USD).expect_error(Error::PositionIsDebt);
    world.deposit(lender, usd, 1).expect_custom(INSUFFICIENT_FUNDS);
    world.fund(&lender.key, usd, u64::MAX);
    let room = MAX_LIQUIDITY - 1_000_000 * USD;
    world.deposit(lender, usd, room + 1).expect_error(Error::AmountTooLarge);
    world.deposit(lender, usd, u64::MAX).expect_error(Error::AmountTooLarge);

    world.reconfigure(sol, |config| config.deposit_cap = 100 * SOL + 5).expect_ok();
    world.fund(&lender.key, sol, SOL);
    world.deposit(lender, sol, 6).expect_error(Error::DepositCapExceeded);
    world.deposit(lender, sol, 5).expect_ok();
}

#[test]
fn the_minimum_holds_for_the_deposit_that_opens_a_position() {
    let Scene { mut world, usd, lender, .. } = Scene::new();
    world.reconfigure(usd, |config| config.min_deposit = 10 * USD).expect_ok();
    let small = world.user("small");
    world.fund(&small.key, usd, 100 * USD);
    world.deposit(small, usd, 10 * USD - 1).expect_error(Error::DepositBelowMinimum);
    world.deposit(small, usd, 10 * USD).expect_ok();
    world.deposit(small, usd, 1).expect_ok();
    world.fund(&lender.key, usd, 1);
    world.deposit(lender, usd, 1).expect_ok();
}

#[test]
fn with_debts_a_withdrawal_leaves_nothing_or_the_minimum() {
    let Scene { mut world, usd, sol, trader, .. } = Scene::new();
    let third = world.list(Token::new("third", 6, 1.0), reserve_config());
    world.supply(trader, third, 100 * USD);
    world.reconfigure(third, |config| config.min_deposit = 10 * USD).expect_ok();
    world.refresh_all();
    world.borrow(trader, usd, 100 * USD).expect_ok();
    world.withdraw(trader, third, 90 * USD + 1).expect_error(Error::DepositBelowMinimum);
    world.withdraw(trader, third, 90 * USD).expect_ok();
    world.withdraw(trader, third, 1).expect_error(Error::DepositBelowMinimum);
    world.fork().withdraw(trader, third, EVERYTHING).expect_ok();
    world.fork().withdraw(trader, third, 10 * USD).expect_ok();
    world.repay(trader, usd, EVERYTHING).expect_ok();
    world.withdraw(trader, third, 10 * USD - 1).expect_ok();
    assert_eq!(world.deposit_shares(trader, sol), 100 * SOL);
}

#[test]
fn an_account_holds_sixteen_positions() {
    let mut world = World::new();
    let user = world.user("user");
    for index in 0..17 {
        let reserve = world.list(Token::new(&format!("token {index}"), 6, 1.0), reserve_config());
        world.fund(&user.key, reserve, USD);
        let outcome = world.deposit(user, reserve, USD);
        if index < 16 {
            outcome.expect_ok()
        } else {
            outcome.expect_error(Error::TooManyPositions)
        };
    }
    world.withdraw(user, 3, EVERYTHING).expect_ok();
    world.deposit(user, 16, USD).expect_ok();
    assert_eq!(world.margin(&user.margin).positions().len(), 16);
}

#[test]
fn refused_withdrawals() {
    let Scene { mut world, usd, sol, lender, trader } = Scene::new();
    world.withdraw(lender, usd, 0).expect_error(Error::AmountIsZero);
    world.withdraw(lender, sol, 1).expect_error(Error::PositionNotFound);
    world.withdraw(lender, usd, 1_000_000 * USD + 1).expect_error(Error::InsufficientDeposit);
    world.withdraw(lender, usd, u64::MAX - 1).expect_error(Error::InsufficientDeposit);
    world.borrow(trader, usd, 10_000 * USD).expect_ok();
    world.withdraw(trader, usd, 1).expect_error(Error::PositionNotFound);
    world.withdraw(lender, usd, EVERYTHING).expect_error(Error::InsufficientLiquidity);
    world.withdraw(lender, usd, 990_000 * USD + 1).expect_error(Error::InsufficientLiquidity);
    world.withdraw(lender, usd, 990_000 * USD).expect_ok();
}

#[test]
fn a_withdrawal_with_debt_must_leave_initial_health() {
    let Scene { mut world, usd, sol, trader, .. } = Scene::new();
    // 5,500 USD at the debt's weight of 110 %: 45 + 5/6 SOL at 80 % of 150 USD must stay.
    world.borrow(trader, usd, 5_000 * USD).expect_ok();
    let free = 100 * SOL - 45_833_333_334;
    world.withdraw(trader, sol, free + 1).expect_error(Error::InitialHealthTooLow);
    world.withdraw(trader, sol, EVERYTHING).expect_error(Error::InitialHealthTooLow);
    world.withdraw(trader, sol, free).expect_ok();
    world.advance(61);
    world.withdraw(trader, sol, 1).expect_error(Error::PriceStale);
}

#[test]
fn a_withdrawal_must_leave_collateral_for_the_smallest_debt() {
    let Scene { mut world, usd, sol, trader, .. } = Scene::new();
    world.borrow(trader, usd, 11 * USD).expect_ok();
    world.fund(&trader.key, usd, USD);
    world.repay(trader, usd, 9 * USD).expect_ok();
    // 2 USD are owed, and the smallest debt is 10: of SOL at 150 USD and 80 %, a twelfth has to stay.
    world.withdraw(trader, sol, 99 * SOL).expect_ok();
    world.withdraw(trader, sol, SOL * 11 / 12 + 1).expect_error(Error::DebtBelowMinimum);
    world.withdraw(trader, sol, SOL * 11 / 12 - 1).expect_ok();
    world.withdraw(trader, sol, EVERYTHING).expect_error(Error::InitialHealthTooLow);
    world.repay(trader, usd, EVERYTHING).expect_ok();
    world.withdraw(trader, sol, EVERYTHING).expect_ok();
}

#[test]
fn a_clock_that_steps_back_accrues_nothing_and_blocks_nothing() {
    let Scene { mut world, usd, sol, lender, trader } = Scene::new();
    world.borrow(trader, usd, 1_000 * USD).expect_ok();
    let before = world.reserve(usd);
    world.advance(-1_000);
    world.supply(lender, usd, 7 * USD);
    world.withdraw(lender, usd, 7 * USD).expect_ok();
    world.borrow(trader, usd, USD).expect_ok();
    world.withdraw(trader, sol, SOL).expect_ok();
    world.repay(trader, usd, USD).expect_ok();
    let after = world.reserve(usd);
    assert_eq!((after.debt_index, after.deposit_index), (before.debt_index, before.deposit_index));
    assert_eq!(after.last_accrual, before.last_accrual, "no second is paid for twice");
    world.assert_conserved();
}

#[test]
fn the_owner_chooses_where_a_withdrawal_goes() {
    let Scene { mut world, usd, lender, .. } = Scene::new();
    let friend = world.key("friend");
    let destination = world.fund(&friend, usd, 0);
    let instruction = world.view().withdraw(lender.key, lender.margin, destination, usd, 5 * USD).expect("exists");
    world.send(&[instruction]).expect_ok();
    assert_eq!((world.balance(&friend, usd), world.balance(&lender.key, usd)), (5 * USD, 0));
}

#[test]
fn the_owner_signs_for_a_withdrawal() {
    let Scene { mut world, usd, lender, .. } = Scene::new();
    let destination = world.fund(&lender.key, usd, 0);
    let view = world.view();
    let mut instruction = view.withdraw(lender.key, lender.margin, destination, usd, 1).expect("exists");
    instruction.accounts[0].is_signer = false;
    world.send(&[instruction]).expect_instruction_error(InstructionError::MissingRequiredSignature);
    let thief = world.key("thief");
    let instruction = view.withdraw(thief, lender.margin, destination, usd, 1).expect("exists");
    world.send(&[instruction]).expect_error(Error::NotAccountOwner);
}

#[test]
fn the_payer_signs_for_a_deposit() {
    let Scene { mut world, usd, lender, trader, .. } = Scene::new();
    world.fund(&lender.key, usd, USD);
    let source = world.tokens(&lender.key, usd);
    let view = world.view();
    let mut instruction = view.deposit(lender.key, trader.margin, source, usd, USD).expect("exists");
    instruction.accounts[0].is_signer = false;
    world.send(&[instruction]).expect_instruction_error(InstructionError::MissingRequiredSignature);
    // Another's tokens: the token program refuses.
    let instruction = view.deposit(trader.key, trader.margin, source, usd, USD).expect("exists");
    const OWNER_MISMATCH: u32 = 4;
    world.send(&[instruction]).expect_custom(OWNER_MISMATCH);
    assert_eq!(world.balance(&lender.key, usd), USD);
}

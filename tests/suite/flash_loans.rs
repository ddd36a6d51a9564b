//! Flash loans: what one pays, what it needs, what it is good for.

use crate::support::introspection::forged_instructions;
use ballast_client::{Address, Event, FlashLoanRepaid, Instruction};
use ballast_engine::{
    Error,
    number::units::Bps,
    state::{
        permission::{Action, REFUSALS, State},
        reserve::ReserveConfig,
    },
};
use ballast_tests::{
    SOL, Scene, Swap, TEST_PROGRAM, USD, User, World, forward, market_config, reserve_config, with_account,
};
use solana_transaction::InstructionError;

/// Errors of the token programs.
const INSUFFICIENT_FUNDS: u32 = 1;
const OWNER_MISMATCH: u32 = 4;
/// Why building an instruction cannot fail here.
const LISTED: &str = "the reserve is listed";

/// Flash loans for 9 basis points.
fn lending() -> ReserveConfig {
    ReserveConfig { flash_enabled: 1, flash_fee: Bps(9), ..reserve_config() }
}

fn scene() -> Scene {
    Scene::configured(lending())
}

/// Someone with 1,000 usd to pay fees with.
fn borrower(world: &mut World, usd: u8) -> Address {
    let borrower = world.key("borrower");
    world.fund(&borrower, usd, 1_000 * USD);
    borrower
}

#[test]
fn a_loan_comes_back_with_its_fee_which_is_the_reserves_income() {
    for mut scene in Scene::both() {
        let flash = |config: &mut ReserveConfig| (config.flash_enabled, config.flash_fee) = (1, Bps(9));
        scene.world.reconfigure(scene.usd, flash).expect_ok();
        let Scene { mut world, usd, .. } = scene;
        let borrower = borrower(&mut world, usd);
        let before = world.reserve(usd);
        let loan = world.flash_loan(borrower, usd, 900_000 * USD + 1);
        let Event::FlashLoanRepaid(event) = world.send(&loan).expect_event() else { panic!("another event") };
        let (number, market) = (world.view().market.events, world.market);
        // 9 basis points, rounded up.
        let (amount, fee) = (900_000 * USD + 1, 810 * USD + 1);
        assert_eq!(event, FlashLoanRepaid { number, market, amount, fee, reserve: usd });
        assert_eq!(world.balance(&borrower, usd), 1_000 * USD - fee);
        let after = world.reserve(usd);
        assert_eq!((after.cash, after.deposit_index), (before.cash + fee, before.deposit_index));
        assert_eq!((after.flash_loan, after.flash_fee), (0, 0));
        assert_eq!(after.fees() >> 64, fee as u128);
        let Event::FeesCollected(collected) = world.collect_fees(usd).expect_event() else { panic!("another event") };
        assert_eq!(collected.amount, fee);
        world.assert_conserved();
    }
}

#[test]
fn all_of_the_cash_can_be_lent_but_not_what_belongs_to_others() {
    let Scene { mut world, usd, lender, .. } = scene();
    let borrower = borrower(&mut world, usd);
    let staker = world.key("staker");
    world.fund(&staker, usd, 5_000 * USD);
    world.open_stake(staker, usd);
    world.stake(staker, usd, 5_000 * USD).expect_ok();
    let all = world.flash_loan(borrower, usd, 1_000_000 * USD);
    world.send(&all).expect_ok();
    // Neither the insurance, nor fees set aside: an hour after the stake, by which that was done last.
    world.advance(3_600);
    world.refresh_reserve(usd).expect_ok();
    let reserve = world.reserve(usd);
    assert_eq!((reserve.cash, reserve.claimable, reserve.insurance.assets), (1_000_000 * USD, 900 * USD, 5_000 * USD));
    let more = world.flash_loan(borrower, usd, 1_000_000 * USD + 1);
    world.send(&more).expect_error(Error::InsufficientLiquidity);
    world.withdraw(lender, usd, u64::MAX).expect_ok();
    let rest = world.flash_loan(borrower, usd, 1);
    world.send(&rest).expect_error(Error::InsufficientLiquidity);
    world.assert_conserved();
}

#[test]
fn no_loan_of_nothing_or_where_none_are_given() {
    let Scene { mut world, usd, sol, .. } = scene();
    let borrower = borrower(&mut world, usd);
    let nothing = world.flash_loan(borrower, usd, 0);
    world.send(&nothing).expect_error(Error::AmountIsZero);
    let loan = world.flash_loan(borrower, usd, USD);
    world.reconfigure(usd, |config| config.flash_enabled = 0).expect_ok();
    world.send(&loan).expect_error(Error::FlashLoansDisabled);
    let missing = world.flash_loan(borrower, sol, SOL).map(|mut instruction| {
        instruction.data[1] = 9;
        instruction
    });
    world.send(&missing).expect_error(Error::ReserveIndexOutOfRange);
}

#[test]
fn a_loan_is_free_where_governance_says_so() {
    let Scene { mut world, usd, .. } = scene();
    world.reconfigure(usd, |config| config.flash_fee = Bps(0)).expect_ok();
    let broke = world.key("broke");
    let loan = world.flash_loan(broke, usd, 1_000 * USD);
    world.send(&loan).expect_ok();
    world.assert_conserved();
}

// What does not end it.

#[test]
fn a_loan_needs_an_end_behind_it() {
    let Scene { mut world, usd, .. } = scene();
    let borrower = borrower(&mut world, usd);
    let [take, give] = world.flash_loan(borrower, usd, USD);
    world.send_one(take.clone()).expect_error(Error::NoMatchingEnd);
    world.send_one(give.clone()).expect_error(Error::NoFlashLoan);
    world.send(&[give.clone(), take.clone()]).expect_error(Error::NoFlashLoan);
    world.send(&[take.clone(), give.clone(), take.clone()]).expect_error(Error::NoMatchingEnd);
    world.send(&[take.clone(), give.clone(), give.clone()]).expect_error(Error::NoFlashLoan);
    world.send(&[take.clone(), give.clone(), take, give]).expect_ok();
    world.assert_conserved();
}

#[test]
fn the_end_of_another_reserve_market_or_program_is_none() {
    let Scene { mut world, usd, sol, .. } = scene();
    world.load_test_program();
    let borrower = borrower(&mut world, usd);
    let [take, give] = world.flash_loan(borrower, usd, USD);
    let [_, of_sol] = world.flash_loan(borrower, sol, SOL);
    let market = world.create_market(1, market_config());
    let of_market = with_account(give.clone(), "market", market);
    let mut of_program = give.clone();
    of_program.program_id = TEST_PROGRAM;
    let mut of_tag = give.clone();
    of_tag.data[0] = 8;
    let mut short = give.clone();
    short.data.truncate(1);
    for wrong in [of_sol, of_market, of_program, of_tag, short] {
        world.send(&[take.clone(), wrong]).expect_error(Error::NoMatchingEnd);
    }
    world.send(&[take, give]).expect_ok();
}

#[test]
fn a_reserve_has_one_loan_at_a_time() {
    let Scene { mut world, usd, sol, .. } = scene();
    let borrower = borrower(&mut world, usd);
    world.fund(&borrower, sol, SOL);
    let [take, give] = world.flash_loan(borrower, usd, USD);
    world.send(&[take.clone(), take.clone(), give.clone()]).expect_error(Error::FlashLoanOpen);
    let twice = [take.clone(), take.clone(), give.clone(), give.clone()];
    world.send(&twice).expect_error(Error::FlashLoanOpen);
    let [take_sol, give_sol] = world.flash_loan(borrower, sol, SOL);
    world.send(&[take.clone(), take_sol.clone(), give_sol.clone()]).expect_error(Error::NoMatchingEnd);
    world.send(&[take, take_sol, give, give_sol]).expect_ok();
    world.assert_conserved();
}

#[test]
fn neither_half_can_be_called_by_a_program() {
    let Scene { mut world, usd, .. } = scene();
    world.load_test_program();
    let borrower = borrower(&mut world, usd);
    let [take, give] = world.flash_loan(borrower, usd, USD);
    world.send(&[forward(take.clone()), give.clone()]).expect_error(Error::CalledByProgram);
    world.send(&[take.clone(), forward(give.clone())]).expect_error(Error::NoMatchingEnd);
    let early = [take.clone(), forward(give.clone()), give.clone()];
    world.send(&early).expect_error(Error::NoFlashLoan);
    let restarted = [take.clone(), forward(give.clone()), forward(take.clone()), give.clone()];
    world.send(&restarted).expect_error(Error::CalledByProgram);
    let forged = forged_instructions(&mut world, &[take.clone(), give]);
    let forged = with_account(take, "instructions", forged);
    world.send_one(forged).expect_instruction_error(InstructionError::UnsupportedSysvar);
}

#[test]
fn the_end_is_paid_whole_with_the_payers_tokens() {
    let Scene { mut world, usd, lender, .. } = scene();
    let (poor, friend) = (world.key("poor"), world.key("friend"));
    let [take, give] = world.flash_loan(poor, usd, 1_000 * USD);
    world.send(&[take.clone(), give.clone()]).expect_custom(INSUFFICIENT_FUNDS);
    world.fund(&poor, usd, 900_000 - 1);
    world.send(&[take.clone(), give.clone()]).expect_custom(INSUFFICIENT_FUNDS);
    let theirs = world.fund(&lender.key, usd, 10_000 * USD);
    let stolen = with_account(give.clone(), "source", theirs);
    world.send(&[take.clone(), stolen]).expect_custom(OWNER_MISMATCH);
    let elsewhere = with_account(give.clone(), "vault", theirs);
    world.send(&[take.clone(), elsewhere]).expect_error(Error::WrongVault);
    // Anyone may pay.
    let source = world.fund(&friend, usd, 2_000 * USD);
    let by_friend = world.view().end_flash_loan(friend, source, usd).expect(LISTED);
    world.fork().send(&[take.clone(), by_friend]).expect_ok();
    world.fund(&poor, usd, 1);
    world.send(&[take, give]).expect_ok();
    assert_eq!(world.balance(&poor, usd), 0);
    world.assert_conserved();
}

// While it is open.

/// What waits until the reserve's loan is back.
fn waiting(world: &mut World, reserve: u8, lender: User, staker: Address) -> Vec<(Action, Instruction)> {
    let tokens = [lender.key, staker].map(|owner| world.fund(&owner, reserve, 1_000 * USD));
    let collector = world.key("collector");
    let fees = world.fund(&collector, reserve, 0);
    let view = world.view();
    vec![
        (Action::Deposit, view.deposit(lender.key, lender.margin, tokens[0], reserve, USD).expect(LISTED)),
        (Action::BeginFlashLoan, view.begin_flash_loan(tokens[0], reserve, USD).expect(LISTED)),
        (Action::Stake, view.stake(staker, staker, tokens[1], reserve, USD).expect(LISTED)),
        (Action::CollectFees, view.collect_fees(fees, reserve).expect(LISTED)),
    ]
}

#[test]
fn while_a_loan_is_out_its_reserve_takes_no_deposit_stake_or_fees() {
    let Scene { mut world, usd, sol, lender, .. } = scene();
    let (borrower, staker) = (borrower(&mut world, usd), world.key("staker"));
    for reserve in [usd, sol] {
        world.open_stake(staker, reserve);
        let loan = world.flash_loan(borrower, reserve, 1_000_000);
        world.fund(&borrower, reserve, 1_000_000);
        world.send(&loan).expect_ok(); // Fees to collect.
    }
    let [take, give] = world.flash_loan(borrower, usd, 1_000_000);
    let attempts = waiting(&mut world, usd, lender, staker);
    let [(_, _, refused)] = REFUSALS.iter().filter(|row| row.0 == State::FlashLoanOpen).collect::<Vec<_>>()[..] else {
        panic!("one row")
    };
    assert_eq!(attempts.iter().map(|attempt| attempt.0).collect::<Vec<_>>(), *refused);
    for (action, attempt) in attempts {
        let outcome = world.send(&[take.clone(), attempt, give.clone()]);
        assert_eq!(outcome.engine_error(), Some(Error::FlashLoanOpen), "{action:?}");
    }
    for (action, attempt) in waiting(&mut world, sol, lender, staker) {
        if action != Action::BeginFlashLoan {
            world.fork().send(&[take.clone(), attempt, give.clone()]).expect_ok();
        }
    }
    world.assert_conserved();
}

/// What a loan leaves in the reserve is all that others can take; their books are untouched.
#[test]
fn withdrawals_during_a_loan_take_no_more_than_the_vault_has() {
    let Scene { mut world, usd, lender, .. } = scene();
    let borrower = borrower(&mut world, usd);
    let [take, give] = world.flash_loan(borrower, usd, 400_000 * USD);
    let destination = world.fund(&lender.key, usd, 0);
    let withdraw = |world: &World, amount| {
        world.view().withdraw(lender.key, lender.margin, destination, usd, amount).expect(LISTED)
    };
    let all = withdraw(&world, 600_000 * USD);
    world.fork().send(&[take.clone(), all, give.clone()]).expect_ok();
    let more = withdraw(&world, 600_000 * USD + 1);
    world.send(&[take, more, give]).expect_custom(INSUFFICIENT_FUNDS);
    world.assert_conserved();
}

// What it is good for.

/// Pools at the price of sol, 150 usd.
fn pools(world: &mut World, usd: u8, sol: u8) -> (Swap, Swap) {
    let buy = Swap::new(world, [usd, sol], [SOL, 150 * USD], 100_000 * SOL);
    let sell = Swap::new(world, [sol, usd], [150 * USD, SOL], 10_000_000 * USD);
    (buy, sell)
}

#[test]
fn leverage_is_built_in_one_transaction() {
    let Scene { mut world, usd, sol, trader, .. } = scene();
    let (buy, _) = pools(&mut world, usd, sol);
    // Three times 15,000 USD: 30,000 flash-lent, swapped, deposited, and borrowed to pay back.
    let lever = |world: &mut World, amount: u64| {
        let [take, give] = world.flash_loan(trader.key, usd, amount);
        let swap = buy.instruction(world, &trader.key, amount);
        let (view, [usd_tokens, sol_tokens]) =
            (world.view(), [usd, sol].map(|reserve| world.tokens(&trader.key, reserve)));
        let bought = buy.amount_out(amount);
        let deposit = view.deposit(trader.key, trader.margin, sol_tokens, sol, bought).expect(LISTED);
        let owed = amount + (amount * 9).div_ceil(10_000);
        let borrow = view.borrow(trader.key, trader.margin, usd_tokens, usd, owed).expect(LISTED);
        world.send(&[take, swap, deposit, borrow, give])
    };
    // (15,000 + x) × 80 % covers x × 110 % and its fee up to 39,868 USD.
    lever(&mut world, 39_900 * USD).expect_error(Error::InitialHealthTooLow);
    lever(&mut world, 30_000 * USD).expect_ok();
    assert_eq!(world.debt_shares(trader, usd), 30_027 * USD);
    assert_eq!(world.deposit_shares(trader, sol), 300 * SOL);
    assert_eq!(world.balance(&trader.key, usd), 0);
    world.assert_conserved();
}

#[test]
fn leverage_is_taken_down_in_one_transaction() {
    let Scene { mut world, usd, sol, trader, .. } = scene();
    let (_, sell) = pools(&mut world, usd, sol);
    // What was borrowed is spent: the trader has nothing but collateral.
    let spent = world.key("spent");
    let to = world.fund(&spent, usd, 0);
    let borrow = world.view().borrow(trader.key, trader.margin, to, usd, 10_500 * USD).expect(LISTED);
    world.send_one(borrow).expect_ok();
    let [take, give] = world.flash_loan(trader.key, usd, 10_501 * USD);
    let (view, sol_tokens) = (world.view(), world.fund(&trader.key, sol, 0));
    let usd_tokens = world.tokens(&trader.key, usd);
    let repay = view.repay(trader.key, trader.margin, usd_tokens, usd, u64::MAX).expect(LISTED);
    let withdraw = view.withdraw(trader.key, trader.margin, sol_tokens, sol, u64::MAX).expect(LISTED);
    let swap = sell.instruction(&mut world, &trader.key, 100 * SOL);
    world.send(&[take, repay, withdraw, swap, give]).expect_ok();
    assert_eq!(world.margin(&trader.margin).positions(), []);
    let left = world.balance(&trader.key, usd);
    assert!((4_490 * USD..4_491 * USD).contains(&left), "{left}: 4,500 less fee and a second's interest");
    world.assert_conserved();
}

#[test]
fn a_reserve_that_winds_down_or_is_paused_lends_nothing() {
    let Scene { mut world, usd, .. } = scene();
    let borrower = borrower(&mut world, usd);
    let loan = world.flash_loan(borrower, usd, USD);
    let mut reducing = world.fork();
    reducing.reconfigure(usd, |config| config.reduce_only = 1).expect_ok();
    reducing.send(&loan).expect_error(Error::ReserveReduceOnly);
    world.pause(&[Action::BeginFlashLoan]).expect_ok();
    world.send(&loan).expect_error(Error::Paused);
    world.advance(21_600);
    world.send(&loan).expect_ok();
    world.assert_conserved();
}

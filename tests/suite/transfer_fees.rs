//! Tokens whose transfers cost a fee, against Token-2022 itself: what arrives is credited, what is due arrives, what leaves
//! is charged, and the fee may change in between.

use crate::support::token_2022::{Fees, NOTICE, PROGRAM};
use ballast_client::{Event, from_engine};
use ballast_engine::{
    Error,
    ledger::EVERYTHING,
    number::units::Bps,
    state::{
        insurance::InsuranceConfig,
        reserve::ReserveConfig,
        token::{Mint, TransferFee},
    },
};
use ballast_tests::{Outcome, SOL, USD, read_program, reserve_config};
use spl_token_2022_interface::{
    extension::ExtensionType, extension::transfer_fee::instruction as fees, state::Account,
};

const fn fee(bps: u16, maximum: u64) -> TransferFee {
    TransferFee { bps, maximum }
}

const NONE: TransferFee = fee(0, 0);
/// An odd one, so that products do not come out even.
const ODD: TransferFee = fee(123, u64::MAX);
/// All that can be taken.
const ALL: TransferFee = fee(10_000, u64::MAX);
/// From nothing over what is usual to the edge of what can be paid.
const PAYABLE: [TransferFee; 6] = [NONE, fee(1, 3), ODD, fee(3_333, 7_000_000), fee(9_000, u64::MAX), fee(10_000, 5)];

/// Flash loans for 1 %, and half of fees and penalties to the insurance.
fn config() -> ReserveConfig {
    ReserveConfig {
        flash_enabled: 1,
        flash_fee: Bps(100),
        insurance: InsuranceConfig { fee_share: Bps(5_000), penalty_share: Bps(5_000), ..reserve_config().insurance },
        ..reserve_config()
    }
}

fn market(fee: TransferFee) -> Fees {
    Fees::new(fee, config())
}

/// The amount of the only event.
#[track_caller]
fn amount(outcome: Outcome) -> u64 {
    match outcome.expect_event() {
        Event::Deposited(moved) | Event::Withdrawn(moved) | Event::Borrowed(moved) | Event::Repaid(moved) => {
            moved.amount
        }
        Event::Staked(moved) | Event::Unstaked(moved) => moved.amount,
        other => panic!("{other:?}"),
    }
}

/// The repaid, the insured and the seized atoms of a liquidation.
#[track_caller]
fn liquidated(outcome: &Outcome) -> (u64, u64) {
    match outcome.events.first() {
        Some(Event::Liquidated(done)) => (done.repaid + done.insurance, done.seized),
        other => panic!("{other:?}: {}", outcome.describe()),
    }
}

#[test]
fn a_vault_has_the_extension_that_the_token_program_asks_for() {
    let Fees { world, usd, .. } = market(ODD);
    let reserve = world.reserve(usd);
    assert_eq!(reserve.transfers, 2);
    let vault = world.account(&from_engine(&reserve.vault));
    let extensions = [ExtensionType::TransferFeeAmount];
    assert_eq!(Ok(vault.data.len()), ExtensionType::try_calculate_account_len::<Account>(&extensions));
    let mint = Mint::read(&world.account(&from_engine(&reserve.mint)).data).expect("a mint");
    assert_eq!(mint.account_len(), vault.data.len());
    assert_eq!(mint.fee_at(0), ODD);
}

#[test]
fn a_deposit_counts_what_arrives() {
    for fee in PAYABLE {
        let mut market = market(fee);
        let Fees { usd, trader, lender, .. } = market;
        let (books, withheld) = (market.world.reserve(usd), market.withheld(usd));
        market.world.fund(&lender.key, usd, 1_000_003);
        for sent in [1_000_003, 10].map(|sent| sent.min(market.held(lender.key, usd))) {
            let before = market.held(lender.key, usd);
            let arriving = amount(market.world.deposit(lender, usd, sent));
            let paid = before - market.held(lender.key, usd);
            assert_eq!(Ok(arriving), fee.arriving(sent), "{fee:?}");
            // The least that brings as much.
            assert_eq!((Ok(arriving), Ok(paid)), (fee.arriving(paid), fee.sending(arriving)), "{fee:?}");
            assert!(paid <= sent);
            market.world.fund(&lender.key, usd, 11);
        }
        let credited = market.world.reserve(usd).cash - books.cash;
        assert_eq!(market.world.reserve(usd).deposit_shares.0 - books.deposit_shares.0, credited, "one atom a share");
        // The fee lies in the vault, and is nobody's there.
        assert_eq!(market.withheld(usd) > withheld, fee != NONE);
        market.assert_exact();
        assert!(!market.world.margin(&trader.margin).has_debt());
    }
}

#[test]
fn what_leaves_is_charged_and_the_receiver_bears_the_fee() {
    for fee in PAYABLE {
        let mut market = market(fee);
        let Fees { usd, sol, trader, .. } = market;
        let cash = market.world.reserve(usd).cash;
        assert_eq!(amount(market.world.borrow(trader, usd, 1_000 * USD)), 1_000 * USD);
        assert_eq!(market.world.reserve(usd).cash, cash - 1_000 * USD);
        assert_eq!(market.world.reserve(usd).debts(), 1_000 * USD);
        assert_eq!(Ok(market.held(trader.key, usd)), fee.arriving(1_000 * USD), "{fee:?}");
        let held = market.held(trader.key, sol);
        assert_eq!(amount(market.world.withdraw(trader, sol, SOL)), SOL);
        assert_eq!(Ok(market.held(trader.key, sol) - held), fee.arriving(SOL), "{fee:?}");
        market.assert_exact();
    }
}

#[test]
fn a_repayment_takes_no_more_than_its_amount_and_everything_what_it_takes() {
    for fee in PAYABLE {
        let mut market = market(fee);
        let Fees { usd, trader, .. } = market;
        market.world.borrow(trader, usd, 1_000 * USD).expect_ok();
        market.world.advance(86_400);
        market.world.fund(&trader.key, usd, 1_000_000 * USD);
        let before = market.held(trader.key, usd);
        let arriving = amount(market.world.repay(trader, usd, 100 * USD + 7));
        let paid = before - market.held(trader.key, usd);
        assert!(paid <= 100 * USD + 7);
        assert_eq!((Ok(arriving), Ok(paid)), (fee.arriving(100 * USD + 7), fee.sending(arriving)), "{fee:?}");
        market.assert_exact();

        let before = market.held(trader.key, usd);
        let due = amount(market.world.repay(trader, usd, EVERYTHING));
        assert_eq!(Ok(before - market.held(trader.key, usd)), fee.sending(due), "{fee:?}");
        assert_eq!(market.world.reserve(usd).debts(), 0);
        market.assert_exact();
    }
}

/// What arrives is what was asked for as a minimum, and what is sent stays below what was given as a maximum.
#[test]
fn a_liquidators_limits_are_those_of_his_own_tokens() {
    for fee in PAYABLE {
        let mut market = market(fee);
        market.make_unhealthy();
        let Fees { usd, sol, trader, liquidator, .. } = market;
        let most = 1_000 * USD + 1;
        let mut fork = market.fork();
        let before = fork.held(liquidator, usd);
        let outcome = fork.world.liquidate(liquidator, trader.margin, fork.order(most, 0)).expect_ok();
        let (due, seized) = liquidated(&outcome);
        let paid = before - fork.held(liquidator, usd);
        assert!(paid <= most, "{paid} of {most} at {fee:?}");
        assert_eq!(Ok(paid), fee.sending(due));
        assert_eq!(Ok(fork.held(liquidator, sol)), fee.arriving(seized));
        fork.assert_exact();

        // To the atom.
        let arriving = fork.held(liquidator, sol);
        let order = market.order(most, arriving + 1);
        market.world.liquidate(liquidator, trader.margin, order).expect_error(Error::CollateralBelowMinimum);
        let order = market.order(most, arriving);
        market.world.liquidate(liquidator, trader.margin, order).expect_ok();
        assert_eq!(market.held(liquidator, sol), arriving);
        market.assert_exact();
    }
}

/// `begin_liquidation` does not see the debt's mint: its maximum is what arrives, and the sender adds the fee.
#[test]
fn a_receivership_pays_out_what_leaves_and_takes_what_arrives() {
    for fee in PAYABLE {
        let mut market = market(fee);
        market.make_unhealthy();
        let Fees { usd, sol, trader, liquidator, .. } = market;
        let mut fork = market.fork();
        let [begin, end] = fork.world.receivership(liquidator, trader.margin, fork.order(1_000 * USD, 0));
        let before = fork.held(liquidator, usd);
        let outcome = fork.world.send(&[begin, end]).expect_ok();
        let (due, seized) = liquidated(&outcome);
        assert!(due <= 1_000 * USD);
        let Some(Event::LiquidationEnded(ended)) = outcome.events.last() else { panic!("{}", outcome.describe()) };
        assert_eq!(ended.amount, due);
        assert_eq!(Ok(before - fork.held(liquidator, usd)), fee.sending(due));
        assert_eq!(Ok(fork.held(liquidator, sol)), fee.arriving(seized));
        fork.assert_exact();

        let arriving = fork.held(liquidator, sol);
        let order = market.order(1_000 * USD, arriving + 1);
        let instructions = market.world.receivership(liquidator, trader.margin, order);
        market.world.send(&instructions).expect_error(Error::CollateralBelowMinimum);
        let instructions = market.world.receivership(liquidator, trader.margin, market.order(1_000 * USD, arriving));
        market.world.send(&instructions).expect_ok();
        market.assert_exact();
    }
}

#[test]
fn a_flash_loan_comes_back_whole_with_its_fee() {
    for fee in PAYABLE {
        let mut market = market(fee);
        let Fees { usd, liquidator, .. } = market;
        let (cash, before) = (market.world.reserve(usd).cash, market.held(liquidator, usd));
        let loan = market.world.flash_loan(liquidator, usd, 10_000 * USD);
        market.world.send(&loan).expect_ok();
        let (got, paid) = (fee.arriving(10_000 * USD), fee.sending(10_100 * USD));
        assert_eq!(Ok(before + got.expect("payable") - market.held(liquidator, usd)), paid, "{fee:?}");
        assert_eq!(market.world.reserve(usd).cash, cash + 100 * USD);
        market.assert_exact();
        market.world.collect_fees(usd).expect_ok();
        let collector = market.world.key("collector");
        assert_eq!(Ok(market.held(collector, usd)), fee.arriving(50 * USD), "the insurance has the other half");
        market.assert_exact();
    }
}

#[test]
fn a_stake_is_what_arrives_and_pays_out_what_leaves() {
    for fee in PAYABLE {
        let mut market = market(fee);
        let Fees { usd, liquidator: staker, .. } = market;
        market.world.open_stake(staker, usd);
        let before = market.held(staker, usd);
        let arriving = amount(market.world.stake(staker, usd, 1_000 * USD + 1));
        assert_eq!(Ok(arriving), fee.arriving(1_000 * USD + 1));
        assert_eq!(Ok(before - market.held(staker, usd)), fee.sending(arriving));
        assert_eq!(market.world.reserve(usd).insurance.assets, arriving);
        market.assert_exact();
        market.world.begin_unstake(staker, usd, arriving).expect_ok();
        market.world.advance(864_000);
        let before = market.held(staker, usd);
        assert_eq!(amount(market.world.unstake(staker, usd)), arriving);
        assert_eq!(Ok(market.held(staker, usd) - before), fee.arriving(arriving));
        market.assert_exact();
    }
}

/// Each step under another fee, each way; nothing that was credited before loses or gains by it.
#[test]
fn a_fee_may_change_between_any_two_steps() {
    for fees in [PAYABLE, {
        let mut back = PAYABLE;
        back.reverse();
        back
    }] {
        let mut market = market(ODD);
        let Fees { usd, sol, lender, trader, liquidator, .. } = market;
        let mut steps = fees.into_iter().cycle();
        let mut next = |market: &mut Fees| {
            market.set(steps.next().expect("a cycle"));
            market.assert_exact();
        };
        next(&mut market);
        market.world.fund(&lender.key, usd, 5_000 * USD);
        market.world.deposit(lender, usd, 5_000 * USD).expect_ok();
        next(&mut market);
        market.make_unhealthy();
        next(&mut market);
        let order = market.order(500 * USD, 0);
        market.world.liquidate(liquidator, trader.margin, order).expect_ok();
        next(&mut market);
        let instructions = market.world.receivership(liquidator, trader.margin, market.order(500 * USD, 0));
        market.world.send(&instructions).expect_ok();
        next(&mut market);
        let loan = market.world.flash_loan(liquidator, usd, 1_000 * USD);
        market.world.send(&loan).expect_ok();
        next(&mut market);
        market.world.open_stake(liquidator, usd);
        market.world.stake(liquidator, usd, 1_000 * USD).expect_ok();
        next(&mut market);
        market.world.fund(&trader.key, usd, 200_000 * USD);
        market.world.repay(trader, usd, EVERYTHING).expect_ok();
        next(&mut market);
        market.world.withdraw(trader, sol, EVERYTHING).expect_ok();
        next(&mut market);
        market.world.withdraw(lender, usd, EVERYTHING).expect_ok();
        market.assert_exact();
        for reserve in [usd, sol] {
            assert_eq!(market.world.reserve(reserve).deposit_shares.0, 0);
        }
    }
}

#[test]
fn a_new_fee_holds_from_its_epoch_on_and_not_before() {
    let mut market = market(ODD);
    let Fees { usd, lender, .. } = market;
    market.announce(fee(5_000, u64::MAX));
    for (epochs, bps) in [(0, 123), (NOTICE - 1, 123), (1, 5_000), (7, 5_000)] {
        market.world.set_epoch(market.world.epoch() + epochs);
        market.world.fund(&lender.key, usd, USD);
        assert_eq!(Ok(amount(market.world.deposit(lender, usd, USD))), fee(bps, u64::MAX).arriving(USD));
        market.assert_exact();
    }
}

/// Nothing can be paid in; what is there can be taken out, though nothing of it arrives.
#[test]
fn a_fee_of_everything_is_refused_with_a_word_and_locks_nothing_in() {
    let mut market = market(ODD);
    market.make_unhealthy();
    let Fees { usd, sol, lender, trader, liquidator, .. } = market;
    market.world.open_stake(liquidator, usd);
    market.set(ALL);
    market.world.fund(&lender.key, usd, 1_000 * USD);
    market.world.deposit(lender, usd, 1_000 * USD).expect_error(Error::TransferFeeTooHigh);
    market.world.deposit(lender, usd, 0).expect_error(Error::AmountIsZero);
    market.world.deposit(lender, usd, u64::MAX).expect_error(Error::AmountTooLarge);
    market.world.fund(&trader.key, usd, 1_000 * USD);
    market.world.repay(trader, usd, USD).expect_error(Error::TransferFeeTooHigh);
    market.world.repay(trader, usd, EVERYTHING).expect_error(Error::TransferFeeTooHigh);
    market.world.stake(liquidator, usd, USD).expect_error(Error::TransferFeeTooHigh);
    for (most, least) in [(USD, 0), (u64::MAX, 1), (u64::MAX, 0)] {
        let order = market.order(most, least);
        let outcome = market.world.liquidate(liquidator, trader.margin, order);
        outcome.expect_error(Error::TransferFeeTooHigh);
        let both = market.world.receivership(liquidator, trader.margin, order);
        market.world.send(&both).expect_error(Error::TransferFeeTooHigh);
    }
    let loan = market.world.flash_loan(liquidator, usd, USD);
    market.world.send(&loan).expect_error(Error::TransferFeeTooHigh);
    let held = market.held(lender.key, usd);
    market.world.withdraw(lender, usd, USD).expect_ok();
    assert_eq!(market.held(lender.key, usd), held);
    market.assert_exact();

    // It falls again, and all goes on.
    market.set(ODD);
    market.world.refresh_all();
    let order = market.order(u64::MAX, 1);
    market.world.liquidate(liquidator, trader.margin, order).expect_ok();
    assert!(market.held(liquidator, sol) > 0);
    market.assert_exact();
}

/// The mint's authority collects its fees from the vault, and anyone may move them to the mint: neither is the market's.
#[test]
fn withheld_fees_come_and_go_without_the_books() {
    let mut market = market(ODD);
    let Fees { usd, lender, .. } = market;
    let record = market.world.reserve(usd);
    let (mint, vault) = (from_engine(&record.mint), from_engine(&record.vault));
    assert!(market.withheld(usd) > 0);
    let harvest = fees::harvest_withheld_tokens_to_mint(&PROGRAM, &mint, &[&vault]).expect("valid");
    market.world.send(&[harvest]).expect_ok();
    assert_eq!(market.withheld(usd), 0);
    assert_eq!(market.world.reserve(usd), record);
    market.assert_exact();
    market.world.withdraw(lender, usd, EVERYTHING).expect_ok();
    market.assert_exact();
    assert_eq!(market.world.vault_balance(usd), 0);
}

/// What the books say to come is seen to come: here the token program is another one, which moves nothing.
#[test]
fn a_transfer_that_falls_short_is_undone() {
    let mut market = market(ODD);
    let Fees { usd, lender, trader, .. } = market;
    market.world.borrow(trader, usd, 100 * USD).expect_ok();
    market.world.fund(&lender.key, usd, 1_000 * USD);
    market.world.fund(&trader.key, usd, 1_000 * USD);
    let path = ballast_tests::program_path().with_file_name("test").join("test_program.so");
    let idle = read_program(&path, "scripts/build --test-program");
    market.world.svm.add_program(PROGRAM, &idle).expect("it loads");
    market.world.deposit(lender, usd, USD).expect_error(Error::TransferFellShort);
    market.world.repay(trader, usd, EVERYTHING).expect_error(Error::TransferFellShort);
}

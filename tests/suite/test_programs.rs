//! Ballast next to another program in one transaction, and called by one.

use std::collections::BTreeMap;

use crate::support::every_instruction_market::EveryInstructionMarket;
use ballast_client::{Address, ID, Instruction, TOKEN_PROGRAM, instruction};
use ballast_engine::Error;
use ballast_tests::{Outcome, SOL, Scene, Swap, USD, World, forward};
use solana_account::Account;
use solana_transaction::InstructionError;

const INSUFFICIENT_FUNDS: u32 = 1;

/// Everything that belongs to Ballast or to the token program.
fn state(world: &World) -> BTreeMap<Address, Account> {
    [ID, TOKEN_PROGRAM].iter().flat_map(|owner| world.svm.get_program_accounts(owner)).collect()
}

#[test]
fn a_swap_moves_exactly_the_computed_amounts() {
    for Scene { mut world, usd, sol, .. } in Scene::both() {
        let swap = Swap::new(&mut world, [usd, sol], [SOL, 150 * USD + 7], 1_000 * SOL);
        let user = world.key("user");
        world.fund(&user, usd, 100_000 * USD);
        let instruction = swap.instruction(&mut world, &user, 12_345_678_901);
        let authority = instruction.accounts[3].pubkey;
        world.send(&[instruction]).expect_ok();
        assert_eq!(swap.amount_out(12_345_678_901), 82_304_522_165);
        assert_eq!(world.balance(&user, usd), 100_000 * USD - 12_345_678_901);
        assert_eq!(world.balance(&user, sol), 82_304_522_165);
        assert_eq!(world.balance(&authority, usd), 12_345_678_901);
        assert_eq!(world.balance(&authority, sol), 1_000 * SOL - 82_304_522_165);
    }
}

#[test]
fn a_swap_without_the_users_signature_fails() {
    let Scene { mut world, usd, sol, .. } = Scene::new();
    let swap = Swap::new(&mut world, [usd, sol], [20, 3], 1_000 * SOL);
    let user = world.key("user");
    world.fund(&user, usd, 150 * USD);
    let mut instruction = swap.instruction(&mut world, &user, 150 * USD);
    instruction.accounts[0].is_signer = false;
    world.send(&[instruction]).expect_instruction_error(InstructionError::PrivilegeEscalation);
}

#[test]
fn a_swap_beyond_tokens_pool_or_arithmetic_fails() {
    let Scene { mut world, usd, sol, .. } = Scene::new();
    let swap = Swap::new(&mut world, [usd, sol], [20, 3], SOL);
    let user = world.key("user");
    world.fund(&user, usd, 300 * USD);
    let send = |world: &mut World, swap: Swap, amount_in| {
        let instruction = swap.instruction(world, &user, amount_in);
        world.send(&[instruction])
    };
    send(&mut world, swap, 301 * USD).expect_custom(INSUFFICIENT_FUNDS);
    send(&mut world, swap, 151 * USD).expect_custom(INSUFFICIENT_FUNDS);
    for broken in [Swap { numerator: u64::MAX, ..swap }, Swap { denominator: 0, ..swap }] {
        send(&mut world, broken, 150 * USD).expect_instruction_error(InstructionError::ArithmeticOverflow);
    }
    send(&mut world, swap, 150 * USD).expect_ok();
}

#[test]
fn a_deposit_called_by_a_program_is_the_deposit_itself() {
    for Scene { mut world, usd, trader, .. } in Scene::both() {
        world.load_test_program();
        let source = world.fund(&trader.key, usd, 100 * USD);
        let deposit = world.view().deposit(trader.key, trader.margin, source, usd, 70 * USD).expect("listed");
        let mut called = world.fork();
        let event = world.send_one(deposit.clone()).expect_event();
        assert_eq!(called.send_one(forward(deposit)).expect_event(), event);
        assert!(called.margin(&trader.margin) == world.margin(&trader.margin));
        assert!(called.reserve(usd) == world.reserve(usd));
        assert_eq!(called.balance(&trader.key, usd), 30 * USD);
        assert_eq!(called.vault_balance(usd), world.vault_balance(usd));
        called.assert_conserved();
    }
}

/// Called once or through two programs, an instruction leaves the bytes that it leaves by itself. Those that need another one
/// later in the transaction must stand in it themselves.
#[test]
fn every_instruction_can_be_called_by_a_program_but_those_that_look_at_the_transaction() {
    let mut market = EveryInstructionMarket::new();
    market.world.load_test_program();
    let run = |transaction: &[Instruction]| -> (Outcome, BTreeMap<Address, Account>) {
        let mut world = market.world.fork();
        let outcome = world.send(transaction);
        let state = state(&world);
        (outcome, state)
    };
    for (instruction, spec) in market.valid.iter().zip(instruction::ALL) {
        let (transaction, index) = market.transaction(instruction.clone());
        let (direct, expected) = run(&transaction);
        let direct = direct.expect_ok();
        for call in [forward(instruction.clone()), forward(forward(instruction.clone()))] {
            let mut transaction = transaction.clone();
            transaction[index] = call;
            let (called, state) = run(&transaction);
            if spec.name.starts_with("begin_") && spec.name != "begin_unstake" {
                called.expect_error(Error::CalledByProgram);
                continue;
            }
            if spec.name.starts_with("end_") && spec.name != "end_term" {
                called.expect_error(Error::NoMatchingEnd);
                continue;
            }
            let called = called.expect_ok();
            assert_eq!(called.events, direct.events, "{}", spec.name);
            assert_eq!(called.return_data, direct.return_data, "{}", spec.name);
            assert!(state == expected, "{} leaves other bytes", spec.name);
        }
    }
}

#[test]
fn a_program_that_calls_brings_no_signature_of_its_own() {
    let Scene { mut world, usd, lender, .. } = Scene::new();
    world.load_test_program();
    let destination = world.fund(&lender.key, usd, 0);
    let withdraw = world.view().withdraw(lender.key, lender.margin, destination, usd, USD).expect("listed");
    let mut unsigned = forward(withdraw.clone());
    let owner = unsigned.accounts.iter_mut().find(|meta| meta.pubkey == lender.key).expect("the owner");
    owner.is_signer = false;
    world.send(&[unsigned]).expect_instruction_error(InstructionError::MissingRequiredSignature);
    world.send_one(forward(withdraw)).expect_ok();
}

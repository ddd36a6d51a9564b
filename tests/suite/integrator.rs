//! The example of a program that uses Ballast (`programs/integrator`): what it does for its managers, and what nobody else
//! gets it to do.

mod perps;
mod vaults;

use ballast_client::{
    AccountMeta, Address, ID, Instruction, SYSTEM_PROGRAM, TOKEN_2022_PROGRAM, from_engine, to_engine, vault_authority,
};
use ballast_engine::{Error, health::report::HealthReport, ledger::EVERYTHING, record::layout::U128};
use ballast_tests::{Outcome, Quote, SOL, Scene, TEST_PROGRAM, USD, World};
use solana_transaction::InstructionError;

const INTEGRATOR: Address = Address::new_from_array(*b"the integrator of these tests...");

// First bytes of its data.
const OPEN: u8 = 0;
const DEPOSIT: u8 = 1;
const BORROW: u8 = 2;
const REPAY: u8 = 3;
const WITHDRAW: u8 = 4;
const CLOSE: u8 = 5;
const CHECK: u8 = 6;

/// What it asks for, where Ballast asks for 10,000.
const MIN_RATIO_BPS: u64 = 15_000;
/// `Custom`: the program's own ratio is not met.
const RATIO_BELOW_MINIMUM: u32 = 1;

/// A manager, and what the program holds for him.
#[derive(Clone, Copy)]
struct Managed {
    manager: Address,
    /// Owns the margin account and token accounts.
    owner: Address,
    bump: u8,
    margin: Address,
}

impl Managed {
    fn new(world: &mut World, name: &str) -> Self {
        let manager = world.key(name);
        let (owner, bump) = Address::find_program_address(&[b"owner", manager.as_ref()], &INTEGRATOR);
        Self { manager, owner, bump, margin: world.view().margin_account(&owner, 0) }
    }

    /// An instruction of the program, whose accounts begin with Ballast, the manager and the owner.
    fn instruction(&self, data: &[u8], accounts: &[AccountMeta]) -> Instruction {
        let first = [
            AccountMeta::new_readonly(ID, false),
            AccountMeta::new(self.manager, true),
            AccountMeta::new_readonly(self.owner, false),
        ];
        Instruction { program_id: INTEGRATOR, accounts: [&first, accounts].concat(), data: data.to_vec() }
    }

    fn open(&self, world: &World) -> Instruction {
        let accounts = [
            AccountMeta::new_readonly(world.market, false),
            AccountMeta::new(self.margin, false),
            AccountMeta::new_readonly(SYSTEM_PROGRAM, false),
        ];
        self.instruction(&[OPEN, self.bump, 0, 0], &accounts)
    }

    fn pay_in(&self, world: &World, what: u8, reserve: u8, amount: u64) -> Instruction {
        let record = world.reserve(reserve);
        let accounts = [
            AccountMeta::new(world.market, false),
            AccountMeta::new(self.margin, false),
            AccountMeta::new(world.tokens(&self.owner, reserve), false),
            AccountMeta::new(from_engine(&record.vault), false),
            AccountMeta::new_readonly(from_engine(&record.mint), false),
            AccountMeta::new_readonly(from_engine(&record.token_program), false),
        ];
        self.instruction(&order(what, self.bump, reserve, amount), &accounts)
    }

    /// To the manager's own tokens.
    fn pay_out(&self, world: &World, what: u8, reserve: u8, amount: u64) -> Instruction {
        let record = world.reserve(reserve);
        let accounts = [
            AccountMeta::new(world.market, false),
            AccountMeta::new(self.margin, false),
            AccountMeta::new(world.tokens(&self.manager, reserve), false),
            AccountMeta::new(from_engine(&record.vault), false),
            AccountMeta::new_readonly(vault_authority(&world.market).0, false),
            AccountMeta::new_readonly(from_engine(&record.mint), false),
            AccountMeta::new_readonly(from_engine(&record.token_program), false),
        ];
        self.instruction(&order(what, self.bump, reserve, amount), &accounts)
    }

    fn close(&self) -> Instruction {
        let accounts = [AccountMeta::new(self.margin, false), AccountMeta::new(self.manager, false)];
        self.instruction(&[CLOSE, self.bump], &accounts)
    }
}

fn order(what: u8, bump: u8, reserve: u8, amount: u64) -> Vec<u8> {
    [&[what, bump, reserve][..], &amount.to_le_bytes()].concat()
}

/// Asks through `program`, which should be Ballast, whether an account is as healthy as the integrator wants it.
fn check(program: Address, market: Address, margin: Address) -> Instruction {
    let accounts = [program, market, margin].map(|address| AccountMeta::new_readonly(address, false)).to_vec();
    Instruction { program_id: INTEGRATOR, accounts, data: vec![CHECK] }
}

/// A scene with the integrator, and a manager for whom it holds 100 sol and owes nothing.
fn scene(scene: Scene) -> (Scene, Managed) {
    let mut scene = scene;
    let Scene { world, usd, sol, .. } = &mut scene;
    world.load_program(INTEGRATOR, "integrator.so", "scripts/build --example");
    let managed = Managed::new(world, "manager");
    world.fund(&managed.owner, *sol, 100 * SOL);
    for key in [managed.owner, managed.manager] {
        world.fund(&key, *usd, 0);
        world.fund(&key, *sol, 0);
    }
    world.send(&[managed.open(world)]).expect_ok();
    world.send(&[managed.pay_in(world, DEPOSIT, *sol, 100 * SOL)]).expect_ok();
    (scene, managed)
}

#[test]
fn a_position_goes_from_opening_to_closing() {
    for one in Scene::both() {
        let (Scene { mut world, usd, sol, .. }, managed) = scene(one);
        assert_eq!(world.margin(&managed.margin).owner, to_engine(&managed.owner));
        world.send(&[managed.pay_out(&world, BORROW, usd, 1_000 * USD)]).expect_ok();
        assert_eq!(world.balance(&managed.manager, usd), 1_000 * USD);
        // Half of the loan comes back, the rest with it.
        world.fund(&managed.owner, usd, 1_010 * USD);
        world.send(&[managed.pay_in(&world, REPAY, usd, 500 * USD)]).expect_ok();
        world.send(&[managed.pay_out(&world, WITHDRAW, sol, 10 * SOL)]).expect_ok();
        assert_eq!(world.balance(&managed.manager, sol), 10 * SOL);
        world.send(&[managed.pay_in(&world, REPAY, usd, EVERYTHING)]).expect_ok();
        world.send(&[managed.pay_out(&world, WITHDRAW, sol, EVERYTHING)]).expect_ok();
        assert_eq!(world.balance(&managed.manager, sol), 100 * SOL);
        world.send(&[managed.close()]).expect_ok();
        assert!(world.find_account(&managed.margin).is_none());
        world.assert_conserved();
    }
}

/// Collateral of 12,000 USD at initial weight, against which Ballast lends so much, and the integrator two thirds of it.
#[test]
fn its_own_ratio_is_stricter_than_ballasts() {
    let (Scene { mut world, usd, sol, trader, .. }, managed) = scene(Scene::new());
    let weight = world.reserve(usd).config.risk.cross.initial_liability.0 as u64;
    let most = 12_000 * 10_000 / weight * USD;
    let own_most = most * 10_000 / MIN_RATIO_BPS;
    for amount in [own_most + USD, most - USD] {
        world.send(&[managed.pay_out(&world, BORROW, usd, amount)]).expect_custom(RATIO_BELOW_MINIMUM);
        assert_eq!(world.margin(&managed.margin).positions().len(), 1);
    }
    world.borrow(trader, usd, most - USD).expect_ok();
    world.send(&[managed.pay_out(&world, BORROW, usd, most + USD)]).expect_error(Error::InitialHealthTooLow);
    world.send(&[managed.pay_out(&world, BORROW, usd, own_most - USD)]).expect_ok();
    world.send(&[managed.pay_out(&world, WITHDRAW, sol, SOL)]).expect_custom(RATIO_BELOW_MINIMUM);
    world.send(&[check(ID, world.market, managed.margin)]).expect_ok();
    world.send(&[check(ID, world.market, trader.margin)]).expect_custom(RATIO_BELOW_MINIMUM);
    // Repaying asks for no ratio: it is what mends one.
    world.set_price(sol, Quote::dollars(140.0)).expect_ok();
    world.send(&[check(ID, world.market, managed.margin)]).expect_custom(RATIO_BELOW_MINIMUM);
    world.fund(&managed.owner, usd, 1_000 * USD);
    world.send(&[managed.pay_in(&world, REPAY, usd, 1_000 * USD)]).expect_ok();
    world.send(&[check(ID, world.market, managed.margin)]).expect_ok();
}

#[test]
fn old_prices_meet_no_ratio() {
    let (Scene { mut world, usd, .. }, managed) = scene(Scene::new());
    world.send(&[managed.pay_out(&world, BORROW, usd, 1_000 * USD)]).expect_ok();
    world.advance(3_600);
    world.send(&[check(ID, world.market, managed.margin)]).expect_custom(RATIO_BELOW_MINIMUM);
    world.refresh_all();
    world.send(&[check(ID, world.market, managed.margin)]).expect_ok();
}

// Attacks.

/// What a thief sends in a manager's place, all to the thief's own tokens.
fn thefts(world: &mut World, victim: Managed, usd: u8, sol: u8) -> (Address, Vec<Instruction>) {
    let thief = world.key("thief");
    let usurper = Managed { manager: thief, ..victim };
    for reserve in [usd, sol] {
        world.fund(&thief, reserve, 0);
    }
    let attacks = vec![
        usurper.pay_out(world, WITHDRAW, sol, SOL),
        usurper.pay_out(world, BORROW, usd, 100 * USD),
        usurper.pay_in(world, DEPOSIT, sol, 1),
        usurper.pay_in(world, REPAY, usd, 1),
        usurper.close(),
    ];
    (thief, attacks)
}

/// The owner's address comes from the manager who signs: for another the runtime takes no signature.
#[test]
fn a_stranger_does_not_drive_the_account_of_another_manager() {
    let (Scene { mut world, usd, sol, .. }, victim) = scene(Scene::new());
    world.send(&[victim.pay_out(&world, BORROW, usd, 1_000 * USD)]).expect_ok();
    let (thief, attacks) = thefts(&mut world, victim, usd, sol);
    // A bump that gives the thief an owner too: the signature is that one's, and not the victim's.
    let seeds = |bump: u8| [b"owner".to_vec(), thief.to_bytes().to_vec(), vec![bump]];
    let derives = |bump: &u8| {
        let seeds = seeds(*bump);
        Address::create_program_address(&seeds.each_ref().map(Vec::as_slice), &INTEGRATOR).is_ok()
    };
    let own = (0..=255).rev().find(derives).expect("about every second bump works");
    for attack in attacks {
        let with_bump = |bump| {
            let mut attack = attack.clone();
            attack.data[1] = bump;
            attack
        };
        world.send(&[with_bump(own)]).expect_instruction_error(InstructionError::PrivilegeEscalation);
        assert!(!world.send(&[with_bump(victim.bump)]).is_ok());
    }
}

/// The thief names the manager, who does not sign.
#[test]
fn a_manager_who_does_not_sign_moves_nothing() {
    let (Scene { mut world, usd, sol, .. }, victim) = scene(Scene::new());
    let (thief, _) = thefts(&mut world, victim, usd, sol);
    for mut attack in
        [victim.pay_out(&world, WITHDRAW, sol, SOL), victim.pay_in(&world, DEPOSIT, sol, 1), victim.close()]
    {
        attack.accounts[1].is_signer = false;
        let outcome = world.send_from(thief, &[attack]);
        outcome.expect_instruction_error(InstructionError::MissingRequiredSignature);
    }
}

/// The thief's own owner signs, for the victim's account: that is Ballast's to refuse.
#[test]
fn ones_own_owner_is_not_another_accounts() {
    let (Scene { mut world, usd, sol, .. }, victim) = scene(Scene::new());
    let thief = Managed::new(&mut world, "thief");
    for reserve in [usd, sol] {
        world.fund(&thief.manager, reserve, 0);
    }
    let attack = Managed { margin: victim.margin, ..thief };
    for instruction in
        [attack.pay_out(&world, WITHDRAW, sol, SOL), attack.pay_out(&world, BORROW, usd, 100 * USD), attack.close()]
    {
        world.send(&[instruction]).expect_error(Error::NotAccountOwner);
    }
}

/// A program in Ballast's place would hold the owner's signature, and could transfer the owner's tokens with it.
#[test]
fn the_owners_signature_goes_to_ballast_alone() {
    let (Scene { mut world, sol, .. }, managed) = scene(Scene::new());
    world.load_test_program();
    world.fund(&managed.owner, sol, SOL);
    for program in [TEST_PROGRAM, INTEGRATOR, TOKEN_2022_PROGRAM] {
        for mut instruction in [
            managed.open(&world),
            managed.pay_in(&world, DEPOSIT, sol, 1),
            managed.pay_out(&world, WITHDRAW, sol, SOL),
            managed.close(),
        ] {
            instruction.accounts[0].pubkey = program;
            world.send(&[instruction]).expect_instruction_error(InstructionError::IncorrectProgramId);
        }
    }
}

/// A report of great wealth, returned by another program.
#[test]
fn return_data_c35_those_of_another_program_are_not_ballasts() {
    let (Scene { mut world, usd, trader, .. }, _) = scene(Scene::new());
    world.load_test_program();
    world.borrow(trader, usd, 10_000 * USD).expect_ok();
    let report = HealthReport { initial_collateral: U128::new(u128::MAX >> 1), ..HealthReport::default() };
    let forged = world.key("forged report");
    world.write(forged, TEST_PROGRAM, bytemuck::bytes_of(&report).to_vec());
    // It is what the integrator would read.
    let says = Instruction {
        program_id: TEST_PROGRAM,
        accounts: vec![AccountMeta::new_readonly(forged, false)],
        data: vec![13],
    };
    let outcome: Outcome = world.send(&[says]).expect_ok();
    assert_eq!(ballast_client::decode_health(&outcome.return_data), Ok(report));

    let attack = check(TEST_PROGRAM, world.market, forged);
    world.send(&[attack]).expect_instruction_error(InstructionError::IncorrectProgramId);
    world.send(&[check(ID, world.market, trader.margin)]).expect_custom(RATIO_BELOW_MINIMUM);
    // What no program of the two calls returns is nothing.
    let nothing = check(TOKEN_2022_PROGRAM, world.market, trader.margin);
    assert!(!world.send(&[nothing]).is_ok());
}

#[test]
fn malformed_data_and_missing_accounts_are_refused() {
    let (Scene { mut world, sol, .. }, managed) = scene(Scene::new());
    let deposit = managed.pay_in(&world, DEPOSIT, sol, 1);
    for data in
        [&[][..], &[7], &[255, 0], &[DEPOSIT], &deposit.data[..10], &[&deposit.data[..], &[0]].concat(), &[CHECK, 0]]
    {
        let malformed = Instruction { data: data.to_vec(), ..deposit.clone() };
        world.send(&[malformed]).expect_instruction_error(InstructionError::InvalidInstructionData);
    }
    for mut short in [deposit, managed.open(&world), managed.close(), managed.pay_out(&world, BORROW, sol, 1)] {
        short.accounts.pop();
        let outcome = world.send(&[short]);
        assert!(!outcome.is_ok() && outcome.custom_code().is_none(), "{}", outcome.describe());
    }
}

//! What it does with vaults: the owner's tokens go in only where the vault can pay those who may leave.

use ballast_client::{
    AccountMeta, Address, ID, Instruction, TOKEN_2022_PROGRAM, VaultView, decode_vault_report, from_engine, to_engine,
};
use ballast_engine::{Error, number::units::Shares, state::vault::ExitRequest, vaults::report::VaultReport};
use ballast_tests::{Outcome, TEST_PROGRAM, USD, VaultScene};
use solana_transaction::InstructionError;

use super::{INTEGRATOR, Managed};

// First bytes of its data.
const VAULT_DEPOSIT: u8 = 7;
const VAULT_REDEEM: u8 = 8;
const VAULT_CHECK: u8 = 9;

/// What it asks for, basis points.
const MIN_COVERAGE: u32 = 15_000;
/// `Custom`: the vault has less.
const COVERAGE_BELOW_MINIMUM: u32 = 2;

impl Managed {
    /// An instruction of the program that hands its accounts through to one of Ballast's, whose first is the owner.
    fn through(&self, what: u8, called: Instruction) -> Instruction {
        let mut accounts = called.accounts;
        assert_eq!(accounts[0].pubkey, self.owner);
        accounts[0].is_signer = false;
        let first = [AccountMeta::new_readonly(ID, false), AccountMeta::new_readonly(self.manager, true)];
        let data = [&[what, self.bump], &called.data[1..]].concat();
        Instruction { program_id: INTEGRATOR, accounts: [&first, &accounts[..]].concat(), data }
    }

    /// The owner's usd, given to it before, for shares of its own.
    fn vault_deposit(&self, scene: &mut VaultScene, amount: u64, min_shares: u64) -> Instruction {
        let (source, shares) = (scene.fund(&self.owner, 0), scene.shares(&self.owner));
        self.through(VAULT_DEPOSIT, scene.view().deposit(self.owner, source, shares, amount, min_shares))
    }

    /// The owner's shares for usd of the manager's, from all slots.
    fn vault_redeem(&self, scene: &mut VaultScene, count: u64, min_amount: u64) -> Instruction {
        let (shares, destination) = (scene.shares(&self.owner), scene.fund(&self.manager, 0));
        let view = scene.view();
        let redeem = view.redeem(self.owner, shares, destination, count, min_amount, view.all_slots());
        self.through(VAULT_REDEEM, redeem)
    }
}

/// Asks through `program`, which should be Ballast, whether a vault is as liquid as the integrator wants it.
fn check(program: Address, view: &VaultView) -> Instruction {
    let accounts = [&[AccountMeta::new_readonly(program, false)], &view.read().accounts[..]].concat();
    Instruction { program_id: INTEGRATOR, accounts, data: vec![VAULT_CHECK] }
}

/// A vault over so many markets with 100,000 usd of alice's, the integrator, and a manager whose owner has 10,000 usd.
fn scene(markets: usize) -> (VaultScene, Managed, Address) {
    let mut scene = VaultScene::new(markets);
    scene.world.load_program(INTEGRATOR, "integrator.so", "scripts/build --example");
    let managed = Managed::new(&mut scene.world, "manager");
    scene.fund(&managed.owner, 10_000 * USD);
    let alice = scene.world.key("alice");
    scene.deposit(alice, 100_000 * USD).expect_ok();
    // What came this second counts for nothing.
    scene.pass(1);
    (scene, managed, alice)
}

/// Puts as many of an owner's shares into the queue as bring coverage to the least that is not below so many basis points, or to
/// the most that is. All is idle.
fn queue_until(scene: &mut VaultScene, owner: Address, coverage: u32, is_below: bool) {
    // Liquid ÷ (queued + run-off × (all − queued)), which falls with what is queued.
    let (held, now) = (scene.held(&owner), scene.world.now());
    let covered = |count: u64| {
        let (mut view, mut request) = (scene.view(), ExitRequest::default());
        view.at(now).request_exit(&mut request, to_engine(&owner), Shares(count), 0).expect("a place");
        view.report(now).coverage
    };
    let (mut above, mut below) = (1, held);
    assert!(covered(above) >= coverage && covered(below) < coverage);
    while below - above > 1 {
        let middle = (above + below) / 2;
        if covered(middle) >= coverage { above = middle } else { below = middle }
    }
    let shares = scene.shares(&owner);
    let request = scene.view().request_exit(owner, owner, shares, if is_below { below } else { above }, 0);
    scene.world.send(&[request]).expect_ok();
}

#[test]
fn shares_of_a_vault_go_from_deposit_to_redemption() {
    let (mut scene, managed, _) = scene(3);
    let deposit = managed.vault_deposit(&mut scene, 10_000 * USD, 10_000 * USD);
    scene.world.send(&[deposit]).expect_ok();
    assert_eq!((scene.held(&managed.owner), scene.balance(&managed.owner)), (10_000 * USD, 0));
    crate::vaults::settle(&mut scene);
    scene.pass(86_400 * 30);
    let too_much = managed.vault_redeem(&mut scene, 10_000 * USD, 11_000 * USD);
    scene.world.send(&[too_much]).expect_error(Error::FewerThanAsked);
    let redeem = managed.vault_redeem(&mut scene, 10_000 * USD, 10_010 * USD);
    scene.world.send(&[redeem]).expect_ok();
    assert_eq!(scene.held(&managed.owner), 0);
    assert!(scene.balance(&managed.manager) >= 10_010 * USD, "a month's interest came with it");
    scene.assert_backed();
}

/// Through all of eight markets at once: the most accounts that Ballast takes.
#[test]
fn a_redemption_draws_on_every_market() {
    let (mut scene, managed, _) = scene(8);
    let deposit = managed.vault_deposit(&mut scene, 10_000 * USD, 0);
    scene.world.send(&[deposit]).expect_ok();
    crate::vaults::settle(&mut scene);
    let redeem = managed.vault_redeem(&mut scene, 10_000 * USD, 1);
    assert_eq!(redeem.accounts.len(), 2 + 10 + 3 * 8);
    scene.world.send(&[redeem]).expect_ok();
    assert!(scene.balance(&managed.manager) >= 10_000 * USD - 20);
    scene.assert_backed();
}

/// What `read_vault` returns to it is what the client computes from the accounts.
#[test]
fn the_figures_returned_to_it_are_the_clients() {
    let (mut scene, ..) = scene(3);
    crate::vaults::settle(&mut scene);
    scene.pass(86_400);
    let (view, now) = (scene.view(), scene.world.now());
    let outcome: Outcome = scene.world.send(&[check(ID, &view)]).expect_ok();
    let report = decode_vault_report(&outcome.return_data).expect("a report");
    assert_eq!(report, view.report(now));
    assert!(report.coverage >= MIN_COVERAGE && report.capital_efficiency > 5_000 && report.exit > 100_000 * USD);
}

/// A request in the queue is due whole: more of it is less coverage. An atom's share decides.
#[test]
fn a_vault_below_its_coverage_gets_nothing() {
    let (above, managed, alice) = scene(1);
    let mut below = above.fork();
    for (mut scene, is_below) in [(above, false), (below.fork(), true)] {
        queue_until(&mut scene, alice, MIN_COVERAGE, is_below);
        let coverage = scene.report().coverage;
        assert_eq!(coverage, if is_below { MIN_COVERAGE - 1 } else { MIN_COVERAGE });
        let deposit = managed.vault_deposit(&mut scene, 10_000 * USD, 0);
        let (view, owner) = (scene.view(), managed.owner);
        if is_below {
            scene.world.send(&[deposit]).expect_custom(COVERAGE_BELOW_MINIMUM);
            scene.world.send(&[check(ID, &view)]).expect_custom(COVERAGE_BELOW_MINIMUM);
            assert_eq!((scene.held(&owner), scene.balance(&owner)), (0, 10_000 * USD));
            // Ballast itself takes deposits.
            let bob = scene.world.key("bob");
            scene.deposit(bob, 10_000 * USD).expect_ok();
        } else {
            scene.world.send(&[check(ID, &view)]).expect_ok();
            scene.world.send(&[deposit]).expect_ok();
            assert_eq!((scene.held(&owner), scene.balance(&owner)), (10_000 * USD, 0));
        }
    }
    // Who is in gets out also where coverage is lower than that.
    let deposit = managed.vault_deposit(&mut below, 10_000 * USD, 0);
    below.world.send(&[deposit]).expect_ok();
    queue_until(&mut below, alice, MIN_COVERAGE, true);
    let redeem = managed.vault_redeem(&mut below, 5_000 * USD, 5_000 * USD);
    below.world.send(&[redeem]).expect_ok();
}

/// Of what nobody has, nothing can be asked for.
#[test]
fn the_first_deposit_of_a_vault_is_covered() {
    let mut scene = VaultScene::new(1);
    scene.world.load_program(INTEGRATOR, "integrator.so", "scripts/build --example");
    let managed = Managed::new(&mut scene.world, "manager");
    scene.fund(&managed.owner, 10_000 * USD);
    let deposit = managed.vault_deposit(&mut scene, 10_000 * USD, 10_000 * USD);
    scene.world.send(&[deposit]).expect_ok();
}

// Attacks.

/// Tokens that came this second are no liquidity.
#[test]
fn tokens_that_come_for_an_instant_lift_no_coverage() {
    let (mut scene, managed, alice) = scene(1);
    queue_until(&mut scene, alice, MIN_COVERAGE, true);
    let mallory = scene.world.key("mallory");
    let (source, shares) = (scene.fund(&mallory, 1_000_000 * USD), scene.shares(&mallory));
    let lift = scene.view().deposit(mallory, source, shares, 1_000_000 * USD, 0);
    let deposit = managed.vault_deposit(&mut scene, 10_000 * USD, 0);
    scene.world.send(&[lift.clone(), deposit.clone()]).expect_custom(COVERAGE_BELOW_MINIMUM);
    scene.world.send(&[lift]).expect_ok();
    scene.world.send(std::slice::from_ref(&deposit)).expect_custom(COVERAGE_BELOW_MINIMUM);
    // A deposit that stays is another thing.
    scene.pass(1);
    scene.world.send(&[deposit]).expect_ok();
}

/// Nor does what came this second hide what left before.
#[test]
fn tokens_that_come_for_an_instant_hide_no_run() {
    let (mut scene, managed, alice) = scene(1);
    // What alice brought is no credit any more.
    scene.pass(86_400 * 30);
    scene.redeem(alice, 60_000 * USD, 1).expect_ok();
    scene.pass(1);
    // Of 40,000 that are left, 60,000 went.
    assert!(scene.report().coverage < 7_000, "{}", scene.report().coverage);
    let mallory = scene.world.key("mallory");
    scene.deposit(mallory, 60_000 * USD).expect_ok();
    let deposit = managed.vault_deposit(&mut scene, 10_000 * USD, 0);
    scene.world.send(std::slice::from_ref(&deposit)).expect_custom(COVERAGE_BELOW_MINIMUM);
    scene.pass(1);
    scene.world.send(&[deposit]).expect_ok();
}

/// The owner's address comes from the manager who signs, and an owner that is the thief's own has no right to the victim's shares.
#[test]
fn a_stranger_moves_neither_tokens_nor_shares_of_another_manager() {
    let (mut scene, victim, _) = scene(1);
    let deposit = victim.vault_deposit(&mut scene, 5_000 * USD, 0);
    scene.world.send(&[deposit]).expect_ok();
    let thief = Managed::new(&mut scene.world, "thief");
    let usurper = Managed { manager: thief.manager, ..victim };
    let redeem = usurper.vault_redeem(&mut scene, USD, 0);
    let deposit = usurper.vault_deposit(&mut scene, USD, 0);
    for attack in [redeem.clone(), deposit.clone()] {
        let mut with_own_bump = attack.clone();
        with_own_bump.data[1] = thief.bump;
        scene.world.send(&[with_own_bump]).expect_instruction_error(InstructionError::PrivilegeEscalation);
        assert!(!scene.world.send(&[attack]).is_ok());
    }
    // The thief's owner signs for the victim's accounts, which is the token program's to refuse.
    const OWNER_DOES_NOT_MATCH: u32 = 4;
    for mut attack in [redeem, deposit] {
        attack.data[1] = thief.bump;
        attack.accounts[2].pubkey = thief.owner;
        scene.world.send(&[attack]).expect_custom(OWNER_DOES_NOT_MATCH);
    }
    for mut unsigned in [victim.vault_redeem(&mut scene, USD, 0), victim.vault_deposit(&mut scene, USD, 0)] {
        unsigned.accounts[1].is_signer = false;
        let outcome = scene.world.send_from(thief.manager, &[unsigned]);
        outcome.expect_instruction_error(InstructionError::MissingRequiredSignature);
    }
}

/// A program in Ballast's place would hold the owner's signature, and could say of a vault what it likes.
#[test]
fn return_data_c35_figures_of_another_program_are_not_ballasts() {
    let (mut scene, managed, alice) = scene(1);
    scene.world.load_test_program();
    queue_until(&mut scene, alice, MIN_COVERAGE, true);
    let report = VaultReport { liquid: u64::MAX >> 1, coverage: u32::MAX, ..VaultReport::default() };
    let forged = scene.world.key("forged report");
    scene.world.write(forged, TEST_PROGRAM, bytemuck::bytes_of(&report).to_vec());
    let named = AccountMeta::new_readonly(forged, false);
    // It is what the integrator would read.
    let says = Instruction { program_id: TEST_PROGRAM, accounts: vec![named.clone()], data: vec![57] };
    let outcome = scene.world.send(&[says]).expect_ok();
    assert_eq!(decode_vault_report(&outcome.return_data), Ok(report));

    let view = scene.view();
    let mut attack = check(TEST_PROGRAM, &view);
    attack.accounts.truncate(2);
    attack.accounts.push(named.clone());
    scene.world.send(&[attack]).expect_instruction_error(InstructionError::IncorrectProgramId);
    for program in [TEST_PROGRAM, INTEGRATOR, TOKEN_2022_PROGRAM] {
        assert!(!scene.world.send(&[check(program, &view)]).is_ok());
        for mut attack in [managed.vault_deposit(&mut scene, USD, 0), managed.vault_redeem(&mut scene, USD, 0)] {
            attack.accounts[0].pubkey = program;
            assert!(!scene.world.send(&[attack]).is_ok());
        }
    }
    // The signature goes to Ballast alone.
    let mut redeem = managed.vault_redeem(&mut scene, USD, 0);
    redeem.accounts[0].pubkey = TEST_PROGRAM;
    scene.world.send(&[redeem]).expect_instruction_error(InstructionError::IncorrectProgramId);
}

/// A vault is what Ballast says is one, with all of its markets.
#[test]
fn other_accounts_are_no_vault() {
    let (mut scene, managed, _) = scene(2);
    let vault_program_account = scene.world.key("another program's vault");
    let bytes = scene.world.account(&scene.vault).data;
    scene.world.write(vault_program_account, TEST_PROGRAM, bytes);
    let view = scene.view();
    for address in [vault_program_account, scene.markets[0], from_engine(&view.vault.tokens)] {
        let mut deposit = managed.vault_deposit(&mut scene, USD, 0);
        deposit.accounts[3].pubkey = address;
        let mut attack = check(ID, &view);
        attack.accounts[1].pubkey = address;
        for instruction in [deposit, attack] {
            let outcome = scene.world.send(&[instruction]);
            assert!(
                !outcome.is_ok() && outcome.custom_code() != Some(COVERAGE_BELOW_MINIMUM),
                "{}",
                outcome.describe()
            );
        }
    }
    // A market that is left out could be the one that lacks liquidity.
    let mut short = check(ID, &view);
    short.accounts.pop();
    scene.world.send(&[short]).expect_error(Error::MarketMissing);
    let mut swapped = check(ID, &view);
    swapped.accounts.swap(2, 3);
    scene.world.send(&[swapped]).expect_error(Error::WrongMarket);
    let mut long = check(ID, &view);
    long.accounts.extend(vec![AccountMeta::new_readonly(scene.markets[0], false); 7]);
    scene.world.send(&[long]).expect_instruction_error(InstructionError::InvalidArgument);
}

#[test]
fn malformed_orders_of_vaults_are_refused() {
    let (mut scene, managed, _) = scene(1);
    let deposit = managed.vault_deposit(&mut scene, USD, 0);
    let redeem = managed.vault_redeem(&mut scene, USD, 0);
    for (instruction, length) in [(&deposit, 18), (&redeem, 19)] {
        assert_eq!(instruction.data.len(), length);
        for data in [
            &instruction.data[..1],
            &instruction.data[..2],
            &instruction.data[..length - 1],
            &[&instruction.data[..], &[0]].concat(),
            &[VAULT_CHECK, 0],
            &[10],
        ] {
            let malformed = Instruction { data: data.to_vec(), ..instruction.clone() };
            scene.world.send(&[malformed]).expect_instruction_error(InstructionError::InvalidInstructionData);
        }
        for count in 0..12 {
            let mut short = instruction.clone();
            short.accounts.truncate(count);
            assert!(!scene.world.send(&[short]).is_ok(), "{count} accounts");
        }
    }
    // Amounts at the ends are Ballast's to refuse.
    for (amount, error) in [(0, Error::AmountTooSmall), (u64::MAX, Error::VaultCapExceeded)] {
        let deposit = managed.vault_deposit(&mut scene, amount, 0);
        scene.world.send(&[deposit]).expect_error(error);
    }
    for (count, error) in [(0, Error::AmountIsZero), (u64::MAX, Error::InsufficientShares)] {
        let redeem = managed.vault_redeem(&mut scene, count, 0);
        scene.world.send(&[redeem]).expect_error(error);
    }
}

//! What nobody gets a multisig's signature by.

use std::slice::from_ref;

use crate::support::multisig_market::{multisig_as_authority, tighten, two_of_three};
use ballast_client::{AccountMeta, Instruction, LiquidationOrder, MarketView};
use ballast_engine::{Error, number::units::Bps};
use ballast_tests::{
    MULTISIG_PROGRAM, Multisig, Outcome, Proposal, Quote, Refusal, Scene, USD, World, market_config, with_account,
};
use solana_account::Account;
use solana_transaction::InstructionError;

trait Refused {
    fn expect_refusal(self, refusal: Refusal) -> Outcome;
}

impl Refused for Outcome {
    #[track_caller]
    fn expect_refusal(self, refusal: Refusal) -> Outcome {
        assert_eq!(self.custom_code(), Some(refusal as u32), "expected {refusal:?}, got {}", self.describe());
        self
    }
}

/// A market of a multisig, and a proposal of it that nobody has approved.
fn proposed() -> (World, Multisig, Proposal) {
    let (Scene { mut world, usd, .. }, multisig) = multisig_as_authority();
    let instruction = tighten(&world, multisig.vault(), usd);
    let proposal = multisig.propose(&mut world, &[instruction]);
    (world, multisig, proposal)
}

#[test]
fn below_the_threshold_nothing_is_signed() {
    let (mut world, multisig, proposal) = proposed();
    let execute = multisig.execution(&proposal);
    let approval = |member| multisig.approval(member, proposal.index);
    let [alice, bob, carol] = multisig.members[..] else { panic!("three") };
    let stranger = world.key("stranger");
    world.send(from_ref(&execute)).expect_refusal(Refusal::NotApproved);
    world.send(&[approval(alice)]).expect_ok();
    world.send(from_ref(&execute)).expect_refusal(Refusal::NotApproved);
    // One member counts once, and who is no member not at all.
    world.send(&[approval(alice)]).expect_refusal(Refusal::AlreadyApproved);
    world.send(&[approval(stranger)]).expect_refusal(Refusal::NotMember);
    let mut unsigned = approval(bob);
    unsigned.accounts[1].is_signer = false;
    world.send(&[unsigned]).expect_refusal(Refusal::NotMember);
    world.send(from_ref(&execute)).expect_refusal(Refusal::NotApproved);
    world.send(&[approval(bob)]).expect_ok();
    world.send(&[approval(carol)]).expect_refusal(Refusal::AlreadyApproved);
    let mut by_a_stranger = execute.clone();
    by_a_stranger.accounts[3].pubkey = stranger;
    world.send(&[by_a_stranger]).expect_refusal(Refusal::NotMember);
    world.send(&[execute]).expect_ok();
}

#[test]
fn before_the_time_lock_nothing_is_signed() {
    let (mut world, multisig, _) = proposed();
    let locked = Multisig::with(&mut world, "locked", &multisig.members, 2, 3_600);
    let create = MarketView::create(locked.vault(), 0, market_config()).0;
    let proposal = locked.propose(&mut world, &[create]);
    world.send(&[locked.approval(locked.members[0], proposal.index)]).expect_ok();
    // It runs from the approval that is enough.
    world.advance(3_600);
    world.send(&[locked.approval(locked.members[1], proposal.index)]).expect_ok();
    locked.execute(&mut world, &proposal).expect_refusal(Refusal::TimeLocked);
    world.advance(3_599);
    locked.execute(&mut world, &proposal).expect_refusal(Refusal::TimeLocked);
    world.advance(1);
    locked.execute(&mut world, &proposal).expect_ok();
}

/// Nor does the signature of all of them together, nor that of the multisig's own account, which never signs.
#[test]
fn a_members_signature_is_not_the_vaults() {
    let (Scene { mut world, usd, .. }, multisig) = multisig_as_authority();
    let carol = multisig.members[2];
    let by_carol = tighten(&world, carol, usd);
    world.send(from_ref(&by_carol)).expect_error(Error::NotAuthorityOrCouncil);
    multisig.run(&mut world, &[by_carol]).expect_error(Error::NotAuthorityOrCouncil);
    let mut unsigned = tighten(&world, multisig.vault(), usd);
    unsigned.accounts[0].is_signer = false;
    world.send(from_ref(&unsigned)).expect_instruction_error(InstructionError::MissingRequiredSignature);
    // The vault is the payer of the message, and signs whether or not the instruction says so.
    multisig.run(&mut world, &[unsigned]).expect_ok();
    let by_the_multisig = tighten(&world, multisig.address, usd);
    let proposal = multisig.propose(&mut world, &[by_the_multisig]);
    multisig.approve(&mut world, &proposal);
    let mut execute = multisig.execution(&proposal);
    let own = execute.accounts.iter_mut().skip(4).find(|meta| meta.pubkey == multisig.address);
    own.expect("a signer of the message").is_signer = false;
    world.send(&[execute]).expect_refusal(Refusal::WrongAccount);
}

#[test]
fn another_multisig_signs_for_its_own_vault_only() {
    let (Scene { mut world, usd, .. }, victim) = multisig_as_authority();
    let members = ["mallory", "trudy"].map(|name| world.key(name));
    let attackers = Multisig::with(&mut world, "attackers", &members, 1, 0);
    let own = tighten(&world, attackers.vault(), usd);
    attackers.run(&mut world, &[own]).expect_error(Error::NotAuthorityOrCouncil);
    // The victim's vault named in the attackers' message has not signed.
    let theirs = tighten(&world, victim.vault(), usd);
    let proposal = attackers.propose(&mut world, from_ref(&theirs));
    attackers.approve(&mut world, &proposal);
    let mut execute = attackers.execution(&proposal);
    for meta in &mut execute.accounts[4..] {
        meta.is_signer = false;
    }
    world.send(from_ref(&execute)).expect_refusal(Refusal::WrongAccount);
    // Nor does it help to show the victim's multisig, or its transaction, in place of one's own.
    let mut shown = execute.clone();
    shown.accounts[0].pubkey = victim.address;
    world.send(&[shown]).expect_refusal(Refusal::NotMember);
    let wanted = victim.propose(&mut world, &[theirs]);
    let mut mixed = victim.execution(&wanted);
    for place in [0, 1, 3] {
        mixed.accounts[place] = execute.accounts[place].clone();
    }
    world.send(&[mixed]).expect_refusal(Refusal::WrongAccount);
}

/// The approval of one proposal is none of another, of the same multisig either.
#[test]
fn an_approval_is_of_one_transaction() {
    let (mut world, multisig, approved) = proposed();
    multisig.approve(&mut world, &approved);
    let other = tighten(&world, multisig.vault(), 1);
    let other = multisig.propose(&mut world, &[other]);
    let mut execute = multisig.execution(&other);
    execute.accounts[1] = multisig.execution(&approved).accounts[1].clone();
    world.send(&[execute]).expect_refusal(Refusal::WrongAccount);
}

#[test]
fn what_was_executed_is_not_executed_again() {
    let (mut world, multisig, proposal) = proposed();
    multisig.approve(&mut world, &proposal);
    multisig.execute(&mut world, &proposal).expect_ok();
    multisig.execute(&mut world, &proposal).expect_refusal(Refusal::NotApproved);
    // Nor is it approved or created once more.
    world.send(&[multisig.approval(multisig.members[2], proposal.index)]).expect_refusal(Refusal::AlreadyApproved);
    // Nor within itself: a message that executes the transaction it stands in.
    let carol = multisig.members[2];
    let index = proposal.index + 1;
    let own = Proposal { index, ..proposal.clone() };
    let mut again = multisig.execution(&own);
    again.accounts.truncate(4);
    let nested = multisig.propose(&mut world, &[again]);
    assert_eq!((nested.index, multisig.members.last()), (index, Some(&carol)));
    multisig.approve(&mut world, &nested);
    multisig.execute(&mut world, &nested).expect_refusal(Refusal::ProtectedAccount);
}

/// What looks at the transaction must stand in it: a program that calls it would stand in its place.
#[test]
fn a_multisig_begins_no_liquidation_and_no_flash_loan() {
    let Scene { mut world, usd, sol, trader, .. } = Scene::new();
    let multisig = two_of_three(&mut world);
    let vault = multisig.vault();
    world.reconfigure(usd, |config| (config.flash_enabled, config.flash_fee) = (1, Bps(9))).expect_ok();
    world.borrow(trader, usd, 10_000 * USD).expect_ok();
    world.set_price(sol, Quote::dollars(110.0)).expect_ok();
    for reserve in [usd, sol] {
        world.fund(&vault, reserve, 1_000_000 * USD);
    }
    let order = LiquidationOrder { debt: usd, collateral: sol, max_repay: 100 * USD, min_collateral: 1 };
    let liquidation = world.receivership(vault, trader.margin, order);
    let loan = world.flash_loan(vault, usd, 100 * USD);
    for [begin, end] in [liquidation, loan] {
        // By the vault: the beginning alone, both halves, and the end behind it in the transaction.
        multisig.run(&mut world, from_ref(&begin)).expect_error(Error::CalledByProgram);
        multisig.run(&mut world, &[begin.clone(), end.clone()]).expect_error(Error::CalledByProgram);
        let proposal = multisig.propose(&mut world, &[begin]);
        multisig.approve(&mut world, &proposal);
        let payer = world.key("payer of the end");
        let end = with_account(with_account(end, "source", world.fund(&payer, usd, 1_000 * USD)), "payer", payer);
        world.send(&[multisig.execution(&proposal), end]).expect_error(Error::CalledByProgram);
    }
    // They are the beginning's refusals alone: a key does the same.
    let liquidator = world.key("liquidator");
    world.fund(&liquidator, usd, 1_000 * USD);
    world.fund(&liquidator, sol, 0);
    let liquidation = world.receivership(liquidator, trader.margin, order);
    world.send(&liquidation).expect_ok();
    let loan = world.flash_loan(liquidator, usd, 100 * USD);
    world.send(&loan).expect_ok();
}

#[test]
fn the_accounts_of_an_execution_are_those_that_were_approved() {
    let (mut world, multisig, proposal) = proposed();
    multisig.approve(&mut world, &proposal);
    let second = world.create_market(1, market_config());
    let good = multisig.execution(&proposal);
    let first = good.accounts[4..].to_vec();
    assert_eq!((first[0].pubkey, first[1].pubkey), (multisig.vault(), world.market));
    let with = |change: &dyn Fn(&mut Vec<AccountMeta>)| {
        let mut accounts = first.clone();
        change(&mut accounts);
        Instruction { accounts: [&good.accounts[..4], &accounts].concat(), ..good.clone() }
    };
    let stranger = world.key("stranger");
    let changed = [
        with(&|accounts| accounts.swap(0, 1)),
        with(&|accounts| accounts.swap(1, 2)),
        with(&|accounts| accounts[1].pubkey = second),
        with(&|accounts| accounts[1].is_writable = false),
        with(&|accounts| accounts[2].pubkey = MULTISIG_PROGRAM),
        with(&|accounts| _ = accounts.pop()),
        with(&|accounts| accounts.push(AccountMeta::new_readonly(stranger, false))),
    ];
    for instruction in changed {
        world.send(&[instruction]).expect_refusal(Refusal::WrongAccount);
    }
    // A proposal or a transaction that was written by somebody else.
    for place in [0, 1, 2] {
        let mut instruction = good.clone();
        let forged = world.key("forged");
        let copy = Account { owner: MULTISIG_PROGRAM, ..world.account(&good.accounts[place].pubkey) };
        world.set_account(forged, copy);
        instruction.accounts[place].pubkey = forged;
        world.send(&[instruction]).expect_refusal(Refusal::WrongAccount);
    }
    world.send(&[good]).expect_ok();
}

/// The multisig of the tests itself: it takes no nonsense.
#[test]
fn a_multisig_and_its_messages_must_make_sense() {
    let mut world = World::new();
    let [alice, bob] = ["alice", "bob"].map(|name| world.key(name));
    let multisig = Multisig::create(&mut world, &[alice, bob], 2);
    for (members, threshold) in [(vec![alice], 0), (vec![alice, bob], 3), (vec![alice, alice], 2), (vec![], 0)] {
        let (create, _) = Multisig::creation(&mut world, "other", &members, threshold, 0);
        world.send(&[create]).expect_refusal(Refusal::InvalidMultisig);
    }
    let (mut unsigned, _) = Multisig::creation(&mut world, "other", &[alice], 1, 0);
    unsigned.accounts[1].is_signer = false;
    world.send(&[unsigned]).expect_refusal(Refusal::InvalidMultisig);

    let launch = world.view().launch();
    let (proposal, message) = multisig.proposition(&world, &[launch]);
    // Behind discriminator, vault, ephemeral signers and length.
    const MESSAGE: usize = 8 + 2 + 4;
    let instructions = MESSAGE + 3 + 1 + 32 * message.account_keys.len() + 1;
    let last = proposal[0].data.len() - 2;
    // More signers than accounts, more writable signers than signers, more others, a program and an account beyond the list,
    // a look-up table.
    for (place, byte) in [(0, 9), (1, 3), (2, 9)].map(|(place, byte)| (MESSAGE + place, byte)) {
        let mut bad = proposal.clone();
        bad[0].data[place] = byte;
        world.send(&bad).expect_refusal(Refusal::InvalidMessage);
    }
    for (place, byte) in [(instructions, 9), (instructions + 2, 9), (last, 1), (9, 1)] {
        let mut bad = proposal.clone();
        bad[0].data[place] = byte;
        world.send(&bad).expect_refusal(Refusal::InvalidMessage);
    }
    world.send(&proposal).expect_ok();
}

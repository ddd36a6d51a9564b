//! A multisig that signs as Squads v4 does, so that the tests can give a market's roles to one: the same addresses from
//! seeds (under this program's id), the same instructions byte for byte but the first, the same rules of execution. What
//! Squads has beyond that is left out: permissions, rejection, spending limits, look-up tables, ephemeral signers.
//!
//! The multisig itself never signs. Its vaults do, by CPI, for the instructions of a message that enough members approved.

use bytemuck::{Pod, Zeroable};
use pinocchio::{
    AccountView, Address, ProgramResult,
    cpi::{Seed, Signer, invoke_signed, invoke_signed_with_slice},
    error::ProgramError,
    instruction::{InstructionAccount, InstructionView},
    sysvars::{Sysvar, clock::Clock, rent::Rent},
};

use crate::message::{Call, Message, Reader};

/// Our own: Squads' asks for its own configuration too.
const CREATE: [u8; 8] = *b"multisig";
const VAULT_TRANSACTION_CREATE: [u8; 8] = [48, 250, 78, 168, 208, 226, 218, 211];
const PROPOSAL_CREATE: [u8; 8] = [220, 60, 73, 224, 30, 108, 79, 159];
const PROPOSAL_APPROVE: [u8; 8] = [144, 37, 164, 136, 188, 216, 42, 248];
const VAULT_TRANSACTION_EXECUTE: [u8; 8] = [194, 8, 161, 87, 153, 164, 25, 171];

const PREFIX: &[u8] = b"multisig";
const MOST_MEMBERS: usize = 8;

/// Why the multisig refuses. The harness names the same codes.
#[derive(Clone, Copy)]
#[repr(u32)]
pub enum Refusal {
    InvalidMultisig = 100,
    InvalidMessage = 101,
    WrongAccount = 102,
    NotMember = 103,
    AlreadyApproved = 104,
    NotApproved = 105,
    TimeLocked = 106,
    ProtectedAccount = 107,
}

pub fn require(condition: bool, refusal: Refusal) -> ProgramResult {
    if condition { Ok(()) } else { Err(ProgramError::Custom(refusal as u32)) }
}

/// At `["multisig", "multisig", create_key]`.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Multisig {
    create_key: [u8; 32],
    /// How many there have been; the first has number 1.
    transactions: u64,
    /// Seconds from approval to execution.
    time_lock: u32,
    threshold: u16,
    member_count: u8,
    bump: u8,
    members: [[u8; 32]; MOST_MEMBERS],
}

impl Multisig {
    fn load(program: &Address, account: &AccountView) -> Result<Self, ProgramError> {
        let multisig: Self = load(account)?;
        check_address(program, account, &[PREFIX, PREFIX, &multisig.create_key], multisig.bump)?;
        Ok(multisig)
    }

    /// The index of a member who signed.
    fn member(&self, account: &AccountView) -> Result<usize, ProgramError> {
        let members = &self.members[..self.member_count as usize];
        let index = members.iter().position(|member| account.address().as_array() == member);
        index.filter(|_| account.is_signer()).ok_or(ProgramError::Custom(Refusal::NotMember as u32))
    }
}

/// At `["multisig", multisig, "transaction", index]`, the message behind it.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Transaction {
    index: u64,
    bump: u8,
    vault_index: u8,
    vault_bump: u8,
    padding: [u8; 5],
}

impl Transaction {
    /// With its message.
    fn load(program: &Address, multisig: &AccountView, account: &AccountView) -> Result<(Self, Vec<u8>), ProgramError> {
        let transaction: Self = load(account)?;
        let index = transaction.index.to_le_bytes();
        check_address(program, account, &transaction_seeds(multisig, &index), transaction.bump)?;
        Ok((transaction, account.try_borrow()?[size_of::<Self>()..].to_vec()))
    }
}

/// At `["multisig", multisig, "transaction", index, "proposal"]`.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Proposal {
    index: u64,
    /// Unix seconds; while the status is approved or executed.
    approved_at: i64,
    bump: u8,
    status: u8,
    /// By member.
    approvals: [u8; MOST_MEMBERS],
    padding: [u8; 6],
}

const ACTIVE: u8 = 0;
const APPROVED: u8 = 1;
const EXECUTED: u8 = 2;

impl Proposal {
    fn load(program: &Address, multisig: &AccountView, account: &AccountView) -> Result<Self, ProgramError> {
        let proposal: Self = load(account)?;
        let index = proposal.index.to_le_bytes();
        check_address(program, account, &proposal_seeds(multisig, &index), proposal.bump)?;
        Ok(proposal)
    }
}

fn transaction_seeds<'a>(multisig: &'a AccountView, index: &'a [u8; 8]) -> [&'a [u8]; 4] {
    [PREFIX, multisig.address().as_ref(), b"transaction", index]
}

fn proposal_seeds<'a>(multisig: &'a AccountView, index: &'a [u8; 8]) -> [&'a [u8]; 5] {
    [PREFIX, multisig.address().as_ref(), b"transaction", index, b"proposal"]
}

pub fn process(program: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    let mut arguments = Reader(data);
    match arguments.array()? {
        CREATE => create(program, accounts, arguments),
        VAULT_TRANSACTION_CREATE => create_transaction(program, accounts, arguments),
        PROPOSAL_CREATE => create_proposal(program, accounts, arguments),
        PROPOSAL_APPROVE => approve(program, accounts),
        VAULT_TRANSACTION_EXECUTE => execute(program, accounts),
        _ => Err(ProgramError::InvalidInstructionData),
    }
}

/// Data: threshold (`u16`), time lock (`u32`), the members.
fn create(program: &Address, accounts: &mut [AccountView], mut arguments: Reader) -> ProgramResult {
    let [multisig, create_key, creator, _system] = accounts else { return Err(ProgramError::NotEnoughAccountKeys) };
    require(create_key.is_signer(), Refusal::InvalidMultisig)?;
    let threshold = u16::from_le_bytes(arguments.array()?);
    let time_lock = u32::from_le_bytes(arguments.array()?);
    let listed = arguments.addresses()?;
    let is_unique = |(index, member): (usize, &[u8; 32])| !listed[..index].contains(member);
    let is_valid = listed.len() <= MOST_MEMBERS && (1..=listed.len()).contains(&(threshold as usize));
    require(is_valid && listed.iter().enumerate().all(is_unique), Refusal::InvalidMultisig)?;
    let mut members = [[0; 32]; MOST_MEMBERS];
    members[..listed.len()].copy_from_slice(listed);
    let (create_key, member_count) = (*create_key.address().as_array(), listed.len() as u8);
    let bump = create_account(program, creator, multisig, size_of::<Multisig>(), &[PREFIX, PREFIX, &create_key])?;
    store(multisig, Multisig { create_key, transactions: 0, time_lock, threshold, member_count, bump, members })
}

/// Data: index of the vault, number of ephemeral signers (none), the message behind its length (`u32`), memo (none).
fn create_transaction(program: &Address, accounts: &mut [AccountView], mut arguments: Reader) -> ProgramResult {
    let [multisig, transaction, creator, payer, _system] = accounts else {
        return Err(ProgramError::NotEnoughAccountKeys);
    };
    let mut state = Multisig::load(program, multisig)?;
    state.member(creator)?;
    let [vault_index, ephemeral_signers] = arguments.array()?;
    let length = u32::from_le_bytes(arguments.array()?);
    let message = arguments.take(length as usize)?;
    require(ephemeral_signers == 0, Refusal::InvalidMessage)?;
    Message::read(message)?;

    let vault_seeds = [PREFIX, multisig.address().as_ref(), b"vault", &[vault_index]];
    let (_, vault_bump) = Address::find_program_address(&vault_seeds, program);
    state.transactions += 1;
    let index = state.transactions;
    let space = size_of::<Transaction>() + message.len();
    let bump = create_account(program, payer, transaction, space, &transaction_seeds(multisig, &index.to_le_bytes()))?;
    store(transaction, Transaction { index, bump, vault_index, vault_bump, padding: [0; 5] })?;
    transaction.try_borrow_mut()?[size_of::<Transaction>()..].copy_from_slice(message);
    store(multisig, state)
}

/// Data: index of the transaction (`u64`), whether it is a draft (it is not).
fn create_proposal(program: &Address, accounts: &mut [AccountView], mut arguments: Reader) -> ProgramResult {
    let [multisig, proposal, creator, payer, _system] = accounts else {
        return Err(ProgramError::NotEnoughAccountKeys);
    };
    let state = Multisig::load(program, multisig)?;
    state.member(creator)?;
    let index = u64::from_le_bytes(arguments.array()?);
    require((1..=state.transactions).contains(&index), Refusal::InvalidMessage)?;
    let number = index.to_le_bytes();
    let bump = create_account(program, payer, proposal, size_of::<Proposal>(), &proposal_seeds(multisig, &number))?;
    store(proposal, Proposal { index, bump, status: ACTIVE, ..Proposal::zeroed() })
}

fn approve(program: &Address, accounts: &mut [AccountView]) -> ProgramResult {
    let [multisig, member, proposal] = accounts else { return Err(ProgramError::NotEnoughAccountKeys) };
    let state = Multisig::load(program, multisig)?;
    let member = state.member(member)?;
    let mut vote = Proposal::load(program, multisig, proposal)?;
    require(vote.status == ACTIVE && vote.approvals[member] == 0, Refusal::AlreadyApproved)?;
    vote.approvals[member] = 1;
    if vote.approvals.iter().filter(|approval| **approval != 0).count() >= state.threshold as usize {
        (vote.status, vote.approved_at) = (APPROVED, Clock::get()?.unix_timestamp);
    }
    store(proposal, vote)
}

/// Accounts: multisig, proposal, transaction, member, those of the message.
fn execute(program: &Address, accounts: &mut [AccountView]) -> ProgramResult {
    let [multisig, proposal, transaction, member, accounts @ ..] = accounts else {
        return Err(ProgramError::NotEnoughAccountKeys);
    };
    let state = Multisig::load(program, multisig)?;
    state.member(member)?;
    let mut vote = Proposal::load(program, multisig, proposal)?;
    let (transaction, message) = Transaction::load(program, multisig, transaction)?;
    require(vote.index == transaction.index, Refusal::WrongAccount)?;
    require(vote.status == APPROVED, Refusal::NotApproved)?;
    let waited = Clock::get()?.unix_timestamp - vote.approved_at;
    require(waited >= state.time_lock as i64, Refusal::TimeLocked)?;

    let (index, bump) = ([transaction.vault_index], [transaction.vault_bump]);
    let seeds = [PREFIX, multisig.address().as_ref(), b"vault", &index, &bump];
    let vault = Address::create_program_address(&seeds, program)?;
    let message = Message::read(&message)?;
    message.check(accounts, &vault)?;
    for call in &message.calls {
        sign(&message, call, accounts, proposal.address(), &seeds)?;
    }
    vote.status = EXECUTED;
    store(proposal, vote)
}

/// Calls one instruction of a message in the vault's name. The proposal is not given away for writing: its execution would
/// start over within itself.
fn sign(
    message: &Message,
    call: &Call,
    accounts: &[AccountView],
    proposal: &Address,
    seeds: &[&[u8]; 5],
) -> ProgramResult {
    let indices = || call.accounts.iter().map(|index| *index as usize);
    let metas: Vec<_> = indices()
        .map(|index| InstructionAccount {
            address: accounts[index].address(),
            is_signer: message.is_signer(index),
            is_writable: message.is_writable(index),
        })
        .collect();
    let gives_away = metas.iter().any(|meta| meta.is_writable && meta.address == proposal);
    require(!gives_away, Refusal::ProtectedAccount)?;
    let views: Vec<_> = indices().map(|index| accounts[index]).collect();
    let program_id = accounts[call.program].address();
    let instruction = InstructionView { program_id, data: call.data, accounts: &metas };
    invoke_signed_with_slice(&instruction, &views, &[Signer::from(&seeds.map(Seed::from))])
}

/// Requires an account to be at the address of seeds, where this program alone can have made one.
fn check_address(program: &Address, account: &AccountView, seeds: &[&[u8]], bump: u8) -> ProgramResult {
    let bump = [bump];
    let address = Address::create_program_address(&[seeds, &[&bump]].concat(), program);
    require(address.is_ok_and(|address| *account.address() == address), Refusal::WrongAccount)
}

/// Makes an account of this program at the address of seeds, and returns the bump.
fn create_account(
    program: &Address,
    payer: &AccountView,
    account: &AccountView,
    space: usize,
    seeds: &[&[u8]],
) -> Result<u8, ProgramError> {
    let (address, bump) = Address::find_program_address(seeds, program);
    require(*account.address() == address, Refusal::WrongAccount)?;
    let lamports = Rent::get()?.try_minimum_balance(space)?;
    // Tag 0 of four bytes, lamports, space, owner.
    let data = [&[0; 4], &lamports.to_le_bytes()[..], &(space as u64).to_le_bytes(), program.as_ref()].concat();
    let metas =
        [InstructionAccount::writable_signer(payer.address()), InstructionAccount::writable_signer(account.address())];
    let system = Address::default();
    let instruction = InstructionView { program_id: &system, data: &data, accounts: &metas };
    let bump_seed = [bump];
    let seeds: Vec<_> = seeds.iter().map(|seed| Seed::from(*seed)).chain([Seed::from(&bump_seed)]).collect();
    invoke_signed(&instruction, &[payer, account], &[Signer::from(seeds.as_slice())])?;
    Ok(bump)
}

/// The record at the front of an account.
fn load<T: Pod>(account: &AccountView) -> Result<T, ProgramError> {
    let data = account.try_borrow()?;
    let bytes = data.get(..size_of::<T>()).ok_or(ProgramError::UninitializedAccount)?;
    Ok(bytemuck::pod_read_unaligned(bytes))
}

fn store<T: Pod>(account: &mut AccountView, record: T) -> ProgramResult {
    account.try_borrow_mut()?[..size_of::<T>()].copy_from_slice(bytemuck::bytes_of(&record));
    Ok(())
}

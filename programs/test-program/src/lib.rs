//! The other program of the end-to-end tests, which Ballast is used together with, and called by. Never deployed.
//!
//! The first byte of the instruction data says what to do:
//!
//! - 0, swap: takes `amount_in` of one token from the user's token account, and gives the user
//!   `amount_in × numerator ÷ denominator`, rounded down, of another. Data: the three as little-endian `u64`, then the bump
//!   of the pool's authority, the address of `["authority"]`. Accounts: see [`swap`]. The price is the caller's word: whoever
//!   calls can empty the pool.
//! - 1, forward: calls the program that is the first account with the other accounts, which keep the signer and writable
//!   flags they came with, and the rest of the data.
//! - 12, idle: does nothing, in place of a token program that is told to transfer.
//! - 13 and 57, impersonate: the tags of Ballast's `read_health` and `read_vault`. Returns the data of its last account, whatever
//!   they are.
//! - Anything else is an instruction of the [`multisig`].

mod message;
mod multisig;

use ballast_engine::number::math::mul_div_floor;
use pinocchio::{
    AccountView, Address, ProgramResult,
    cpi::{Seed, Signer, invoke_signed, invoke_with_slice, set_return_data},
    entrypoint,
    error::ProgramError,
    instruction::{InstructionAccount, InstructionView},
};
#[cfg(target_arch = "bpf")]
use solana_compiler_builtins as _;

const SWAP: u8 = 0;
const FORWARD: u8 = 1;
/// A token program's `TransferChecked`.
const IDLE: u8 = 12;
const READ_HEALTH: u8 = 13;
const READ_VAULT: u8 = 57;

entrypoint!(process_instruction);

fn process_instruction(program: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    match data.split_first() {
        Some((&SWAP, arguments)) => swap(accounts, arguments),
        Some((&FORWARD, instruction)) => forward(accounts, instruction),
        Some((&IDLE, _)) => Ok(()),
        Some((&(READ_HEALTH | READ_VAULT), [])) => impersonate(accounts),
        _ => multisig::process(program, accounts, data),
    }
}

fn impersonate(accounts: &[AccountView]) -> ProgramResult {
    let last = accounts.last().ok_or(ProgramError::NotEnoughAccountKeys)?;
    set_return_data(&last.try_borrow()?);
    Ok(())
}

fn swap(accounts: &[AccountView], arguments: &[u8]) -> ProgramResult {
    let [user, source, destination, authority, pool_in, pool_out, token_program_in, token_program_out] = accounts
    else {
        return Err(ProgramError::NotEnoughAccountKeys);
    };
    let (&[amount_in, numerator, denominator], bump @ [_]) = arguments.as_chunks() else {
        return Err(ProgramError::InvalidInstructionData);
    };
    let [amount_in, numerator, denominator] = [amount_in, numerator, denominator].map(u64::from_le_bytes);
    let amount_out = mul_div_floor(amount_in, numerator, denominator).ok_or(ProgramError::ArithmeticOverflow)?;

    transfer(token_program_in, [source, pool_in, user], amount_in, &[])?;
    let seeds = [Seed::from(b"authority"), Seed::from(bump)];
    transfer(token_program_out, [pool_out, destination, authority], amount_out, &[Signer::from(&seeds)])
}

/// A plain transfer, between accounts in the token program's order: from, to, authority.
fn transfer(program: &AccountView, accounts: [&AccountView; 3], amount: u64, signers: &[Signer]) -> ProgramResult {
    const TRANSFER: u8 = 3;
    let mut data = [TRANSFER; 9];
    data[1..].copy_from_slice(&amount.to_le_bytes());
    let [from, to, authority] = accounts.map(AccountView::address);
    let instruction = InstructionView {
        program_id: program.address(),
        data: &data,
        accounts: &[
            InstructionAccount::writable(from),
            InstructionAccount::writable(to),
            InstructionAccount::readonly_signer(authority),
        ],
    };
    invoke_signed(&instruction, &accounts, signers)
}

fn forward(accounts: &[AccountView], data: &[u8]) -> ProgramResult {
    let (program, accounts) = accounts.split_first().ok_or(ProgramError::NotEnoughAccountKeys)?;
    let metas: Vec<InstructionAccount> = accounts.iter().map(InstructionAccount::from).collect();
    invoke_with_slice(&InstructionView { program_id: program.address(), data, accounts: &metas }, accounts)
}

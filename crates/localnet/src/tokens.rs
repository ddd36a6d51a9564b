//! Mints and token accounts as the token program writes them.

use ballast_client::{Address, Instruction, NATIVE_MINT, TOKEN_PROGRAM};
use solana_account::Account;
use spl_associated_token_account_interface::{
    address::get_associated_token_address_with_program_id, instruction::create_associated_token_account_idempotent,
};

use crate::chain::{account, rent};

/// Bytes of a token account.
const TOKEN_ACCOUNT_LEN: usize = 165;

/// A mint whose authority can mint as much again as is there.
pub fn mint(authority: &Address, decimals: u8) -> Account {
    let mut data = optional(Some(authority));
    data.extend((u64::MAX / 2).to_le_bytes());
    data.extend([decimals, 1]);
    data.extend(optional(None));
    account(TOKEN_PROGRAM, data)
}

/// A token account with a balance. One of wrapped SOL holds the lamports too.
pub fn token_account(mint: &Address, owner: &Address, amount: u64) -> Account {
    const INITIALISED: u8 = 1;
    let reserve = rent(TOKEN_ACCOUNT_LEN);
    let is_native = *mint == NATIVE_MINT;
    let mut data = [mint.as_ref(), owner.as_ref(), &amount.to_le_bytes()].concat();
    data.extend(optional(None));
    data.push(INITIALISED);
    data.extend(u32::from(is_native).to_le_bytes());
    data.extend(if is_native { reserve } else { 0 }.to_le_bytes());
    data.resize(TOKEN_ACCOUNT_LEN, 0);
    let lamports = reserve + if is_native { amount } else { 0 };
    Account { lamports, data, owner: TOKEN_PROGRAM, ..Account::default() }
}

/// An optional address as the token program stores it.
fn optional(address: Option<&Address>) -> Vec<u8> {
    let (tag, bytes) = address.map_or((0u32, [0; 32]), |address| (1, address.to_bytes()));
    [&tag.to_le_bytes()[..], &bytes].concat()
}

/// Where an owner keeps a token.
pub fn associated(owner: &Address, mint: &Address) -> Address {
    get_associated_token_address_with_program_id(owner, mint, &TOKEN_PROGRAM)
}

/// Creates [`associated`] at the owner's cost, unless it is there.
pub fn create_associated(owner: &Address, mint: &Address) -> Instruction {
    create_associated_token_account_idempotent(owner, owner, mint, &TOKEN_PROGRAM)
}

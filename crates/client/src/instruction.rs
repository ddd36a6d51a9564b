//! The program's instructions: one struct each, whose fields are the accounts and arguments by name, so that no
//! order can be got wrong. [`crate::MarketView`] fills them in. They are written from the program's IDL.
//!
//! Instruction data is one tag byte and the arguments, little endian, without padding.

use ballast_engine::state::{market::MarketConfig, vault::VaultConfig};
use solana_address::Address;
use solana_instruction::{AccountMeta, Instruction};

use crate::{
    address::ID,
    decode::DecodeError,
    wire::{Reader, Wire},
};

#[macro_use]
mod define;

/// An account as an instruction wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountSpec {
    /// Name in the IDL.
    pub name: &'static str,
    /// Whether it must sign.
    pub signer: bool,
    /// Whether it is written to.
    pub writable: bool,
}

/// What is known of an instruction without its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstructionSpec {
    /// Name in the IDL.
    pub name: &'static str,
    /// First byte of its data.
    pub tag: u8,
    /// Its accounts in order.
    pub accounts: &'static [AccountSpec],
    /// The names of its arguments in order.
    pub arguments: &'static [&'static str],
}

impl InstructionSpec {
    /// The instruction whose data begin with a tag.
    pub fn of_tag(tag: u8) -> Option<&'static Self> {
        ALL.iter().find(|spec| spec.tag == tag)
    }
}

mod generated;
pub use generated::*;

impl RefreshPrices {
    /// The instruction for `(reserve, price account)` pairs, one after the other where a reserve has two.
    pub fn with_prices(market: Address, prices: &[(u8, Address)]) -> Instruction {
        // The two price accounts of one reserve follow each other.
        let reserves = prices.chunk_by(|one, other| one.0 == other.0).map(|of_reserve| of_reserve[0].0).collect();
        let mut instruction = Self { market, reserves }.instruction();
        instruction.accounts.extend(prices.iter().map(|(_, price)| AccountMeta::new_readonly(*price, false)));
        instruction
    }
}

#[cfg(test)]
mod tests;

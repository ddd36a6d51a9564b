//! Proof that a later instruction of the same transaction ends what this one begins.

use {
    crate::error::OnChain,
    anchor_lang::prelude::*,
    ballast_engine::Error,
    pinocchio::sysvars::instructions::{Instructions, IntrospectedInstruction},
};

/// An instruction that must follow.
pub struct Ending<'a> {
    /// The first byte of its data.
    pub tag: u8,
    /// The bytes after that.
    pub data: &'a [u8],
    /// Which of its accounts must be which address.
    pub account: (usize, &'a Address),
}

impl Ending<'_> {
    /// Requires the current instruction to stand in the transaction itself, and an instruction that ends it to stand behind it
    /// there. The ending fails unless what it ends is open, and then the runtime undoes the whole transaction.
    ///
    /// An instruction called by a program is refused, because the transaction's list shows its caller in its place.
    pub fn require(&self, instructions: &AccountView) -> Result<()> {
        let list = Instructions::try_from(instructions)?;
        let current = list.load_current_index() as usize;
        if *list.load_instruction_at(current)?.get_program_id() != crate::ID {
            return Err(Error::CalledByProgram).on_chain();
        }
        for index in current + 1..list.num_instructions() {
            if self.is_at(&list.load_instruction_at(index)?) {
                return Ok(());
            }
        }
        Err(Error::NoMatchingEnd).on_chain()
    }

    fn is_at(&self, instruction: &IntrospectedInstruction) -> bool {
        let (index, address) = self.account;
        *instruction.get_program_id() == crate::ID
            && instruction
                .get_instruction_data()
                .split_first()
                .is_some_and(|(tag, rest)| *tag == self.tag && rest.starts_with(self.data))
            && instruction.get_instruction_account_at(index).is_ok_and(|account| account.key == *address)
    }
}

//! Shares that wait or are locked: the queue's instructions and those of terms.

use ballast_engine::{Error, Result};
use solana_address::Address;
use solana_instruction::Instruction;

use super::{Own, VaultView};
use crate::{
    address::{SYSTEM_PROGRAM, TOKEN_PROGRAM, from_engine},
    instruction as ix,
};

impl VaultView {
    /// Puts so many shares of an owner into the queue, signed by the owner and by who pays the rent.
    pub fn request_exit(
        &self,
        owner: Address,
        payer: Address,
        shares: Address,
        count: u64,
        min_amount: u64,
    ) -> Instruction {
        let accounts = ix::RequestExit {
            owner,
            payer,
            vault: self.address,
            request: self.exit_request(&owner),
            share_account: shares,
            share_mint: self.share_mint(),
            share_program: TOKEN_PROGRAM,
            system_program: SYSTEM_PROGRAM,
            shares: count,
            min_amount,
        };
        self.with_markets(accounts.instruction(), 0)
    }

    /// Pays the first request of the queue from what is idle and some slots.
    pub fn serve_exit(&self, from: u8) -> Result<Instruction> {
        let first = self.vault.queue.first().ok_or(Error::NothingToServe)?;
        let own = Own::of(self);
        let accounts = ix::ServeExit {
            vault: self.address,
            request: from_engine(&self.vault.queue.tickets[first as usize].request),
            tokens: own.tokens,
            authority: own.authority,
            mint: own.mint,
            token_program: own.token_program,
            from,
        };
        Ok(self.with_markets(accounts.instruction(), from))
    }

    /// Takes an owner's unpaid shares out of the queue; the rent goes to the recipient, if nothing is left to claim.
    pub fn cancel_exit(&self, owner: Address, shares: Address, recipient: Address) -> Instruction {
        let own = Own::of(self);
        let accounts = ix::CancelExit {
            owner,
            vault: self.address,
            request: self.exit_request(&owner),
            share_account: shares,
            share_mint: own.share_mint,
            authority: own.authority,
            share_program: TOKEN_PROGRAM,
            recipient,
        };
        accounts.instruction()
    }

    /// Takes what an owner's request was paid; the rent goes to the recipient, if no shares are left.
    pub fn claim_exit(&self, owner: Address, destination: Address, recipient: Address) -> Instruction {
        let own = Own::of(self);
        let accounts = ix::ClaimExit {
            owner,
            vault: self.address,
            request: self.exit_request(&owner),
            destination,
            tokens: own.tokens,
            authority: own.authority,
            mint: own.mint,
            token_program: own.token_program,
            recipient,
        };
        accounts.instruction()
    }

    /// Locks so many shares of an owner until a maturity, signed by the owner and by who pays the rent.
    pub fn lock_term(
        &self,
        owner: Address,
        payer: Address,
        id: u16,
        shares: Address,
        count: u64,
        maturity: i64,
    ) -> Instruction {
        let accounts = ix::LockTerm {
            owner,
            payer,
            vault: self.address,
            term: self.term(&owner, id),
            share_account: shares,
            share_mint: self.share_mint(),
            share_program: TOKEN_PROGRAM,
            system_program: SYSTEM_PROGRAM,
            id,
            shares: count,
            maturity,
        };
        self.with_markets(accounts.instruction(), 0)
    }

    /// Takes a term deposit that is over off the ladder.
    pub fn free_term(&self, term: Address) -> Instruction {
        self.with_markets(ix::FreeTerm { vault: self.address, term }.instruction(), 0)
    }

    /// Takes the shares of an owner's term deposit, before its end if `early`; the rent goes to the recipient.
    pub fn end_term(&self, owner: Address, id: u16, shares: Address, early: bool, recipient: Address) -> Instruction {
        let own = Own::of(self);
        let accounts = ix::EndTerm {
            owner,
            vault: self.address,
            term: self.term(&owner, id),
            share_account: shares,
            share_mint: own.share_mint,
            authority: own.authority,
            share_program: TOKEN_PROGRAM,
            recipient,
            early,
        };
        self.with_markets(accounts.instruction(), 0)
    }
}

//! Delegates, and guards that stand around the other instructions of a transaction.

use solana_address::Address;
use solana_instruction::Instruction;

use crate::{instruction as ix, market::MarketView};

impl MarketView {
    /// Lets `delegate` act for the owner until a time, unix seconds, in place of whoever could before. `granted` are bits of
    /// [`ballast_engine::state::account::rights`]. Signed by the owner.
    pub fn set_delegate(
        &self,
        owner: Address,
        margin_account: Address,
        delegate: Address,
        granted: u8,
        until: i64,
    ) -> Instruction {
        ix::SetDelegate { owner, market: self.address, margin_account, delegate, rights: granted, until }.instruction()
    }

    /// Takes the delegate's rights away, signed by the owner.
    pub fn remove_delegate(&self, owner: Address, margin_account: Address) -> Instruction {
        self.set_delegate(owner, margin_account, Address::default(), 0, 0)
    }

    /// Fails unless the account's collateral is at least `min_ratio_bps` of its debt, by a requirement of
    /// [`ballast_engine::health::report::HealthReport`]. For the end of a transaction, which then is undone. Nobody signs.
    pub fn assert_health(&self, margin_account: Address, requirement: u8, min_ratio_bps: u32) -> Instruction {
        ix::AssertHealth { market: self.address, margin_account, requirement, min_ratio_bps }.instruction()
    }

    /// Fails unless the account's sequence number is `expected`, and counts it on. For the beginning of a transaction that is
    /// to be applied once, and after the one before it. Signed by the owner or the delegate.
    pub fn assert_sequence(&self, signer: Address, margin_account: Address, expected: u64) -> Instruction {
        ix::AssertSequence { signer, margin_account, expected }.instruction()
    }
}

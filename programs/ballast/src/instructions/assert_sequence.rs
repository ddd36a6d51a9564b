use super::*;
use crate::{
    MarginAccount,
    state::{now, stored},
};

#[derive(Accounts)]
pub struct AssertSequence {
    /// The owner or the delegate.
    pub signer: Signer,
    #[account(mut)]
    pub margin_account: Record<MarginAccount>,
}

impl AssertSequence {
    pub fn assert(&mut self, expected: u64) -> Result<()> {
        self.margin_account.advance_sequence(&stored(self.signer.address()), expected, now()?).on_chain()
    }
}

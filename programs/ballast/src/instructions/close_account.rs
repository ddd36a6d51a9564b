use super::*;
use crate::MarginAccount;
use ballast_engine::state::permission::Action;

#[derive(Accounts)]
pub struct CloseAccount {
    pub owner: Signer,
    #[account(mut)]
    pub margin_account: Record<MarginAccount>,
    /// CHECK: receives the rent, of the owner's choice; may be the owner.
    #[account(unsafe(dup))]
    pub recipient: UncheckedAccount,
}

impl CloseAccount {
    pub fn close(&mut self) -> Result<()> {
        ensure(is_at(self.owner.address(), &self.margin_account.owner), Error::NotAccountOwner)?;
        self.margin_account.require_idle(Action::CloseAccount).on_chain()?;
        ensure(self.margin_account.is_empty(), Error::AccountNotEmpty)?;
        AccountClose::close(&mut self.margin_account, *self.recipient.account())
    }
}

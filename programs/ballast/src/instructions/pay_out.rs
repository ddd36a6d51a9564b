use super::*;
use crate::{
    MarginAccount,
    events::{Borrowed, Withdrawn, log_movement},
    state::now,
};

/// Tokens from a reserve to an account of the margin account's owner's choice.
#[derive(Accounts)]
pub struct PayOut {
    pub owner: Signer,
    #[account(mut)]
    pub market: Ledger,
    #[account(mut)]
    pub margin_account: Account<MarginAccount>,
    /// CHECK: the token program checks it.
    #[account(mut)]
    pub destination: UncheckedAccount,
    /// CHECK: must be the reserve's.
    #[account(mut)]
    pub vault: UncheckedAccount,
    /// CHECK: must be the market's.
    pub vault_authority: UncheckedAccount,
    /// CHECK: must be the reserve's.
    pub mint: UncheckedAccount,
    /// CHECK: must be the reserve's.
    pub token_program: UncheckedAccount,
}

impl PayOut {
    pub fn withdraw(&mut self, index: u8, amount: u64) -> Result<()> {
        let decimals = self.check(index)?;
        let moved = books(&mut self.market, now()?).withdraw(&mut self.margin_account, index, amount).on_chain()?;
        self.tokens().pay_out(&self.authority()?, moved.amount, decimals)?;
        log_movement!(Withdrawn, self, index, moved);
        Ok(())
    }

    pub fn borrow(&mut self, index: u8, amount: u64) -> Result<()> {
        let decimals = self.check(index)?;
        let moved = books(&mut self.market, now()?).borrow(&mut self.margin_account, index, amount).on_chain()?;
        self.tokens().pay_out(&self.authority()?, moved.amount, decimals)?;
        log_movement!(Borrowed, self, index, moved);
        Ok(())
    }

    /// Ties all accounts to the market and the reserve, and returns the decimals that a transfer checks.
    #[inline(always)]
    fn check(&self, index: u8) -> Result<Option<u8>> {
        ensure(is_at(self.owner.address(), &self.margin_account.owner), Error::NotAccountOwner)?;
        check_market(&self.margin_account.market, self.market.address())?;
        let reserve = reserve(&self.market, index)?;
        self.tokens().check(reserve)?;
        Ok(reserve.transfer_decimals())
    }

    #[inline(always)]
    fn authority(&self) -> Result<VaultAuthority<'_>> {
        VaultAuthority::new(self.vault_authority.account(), &self.market, self.market.address())
    }

    #[inline(always)]
    fn tokens(&self) -> TokenPath<'_> {
        TokenPath {
            vault: self.vault.account(),
            mint: self.mint.account(),
            program: self.token_program.account(),
            other: self.destination.account(),
        }
    }
}

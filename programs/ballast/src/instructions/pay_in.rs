use super::*;
use crate::{
    MarginAccount,
    events::{Deposited, Repaid, log_movement},
    state::now,
};

/// Tokens from anyone into a reserve, to the credit of any margin account.
#[derive(Accounts)]
pub struct PayIn {
    pub payer: Signer,
    #[account(mut)]
    pub market: Ledger,
    #[account(mut)]
    pub margin_account: Account<MarginAccount>,
    /// CHECK: the token program checks it.
    #[account(mut)]
    pub source: UncheckedAccount,
    /// CHECK: must be the reserve's.
    #[account(mut)]
    pub vault: UncheckedAccount,
    /// CHECK: must be the reserve's.
    pub mint: UncheckedAccount,
    /// CHECK: must be the reserve's.
    pub token_program: UncheckedAccount,
}

impl PayIn {
    pub fn deposit(&mut self, index: u8, amount: u64) -> Result<()> {
        let decimals = self.check(index)?;
        let moved = books(&mut self.market, now()?).deposit(&mut self.margin_account, index, amount).on_chain()?;
        self.tokens().pay_in(self.payer.account(), moved.amount, decimals)?;
        log_movement!(Deposited, self, index, moved);
        Ok(())
    }

    pub fn repay(&mut self, index: u8, amount: u64) -> Result<()> {
        let decimals = self.check(index)?;
        let moved = books(&mut self.market, now()?).repay(&mut self.margin_account, index, amount).on_chain()?;
        self.tokens().pay_in(self.payer.account(), moved.amount, decimals)?;
        log_movement!(Repaid, self, index, moved);
        Ok(())
    }

    /// Ties all accounts to the market and the reserve, and returns the decimals that a transfer checks.
    #[inline(always)]
    fn check(&self, index: u8) -> Result<Option<u8>> {
        check_market(&self.margin_account.market, self.market.address())?;
        let reserve = reserve(&self.market, index)?;
        self.tokens().check(reserve)?;
        Ok(reserve.transfer_decimals())
    }

    #[inline(always)]
    fn tokens(&self) -> TokenPath<'_> {
        TokenPath {
            vault: self.vault.account(),
            mint: self.mint.account(),
            program: self.token_program.account(),
            other: self.source.account(),
        }
    }
}

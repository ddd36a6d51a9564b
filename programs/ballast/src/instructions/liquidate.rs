use super::*;
use crate::{MarginAccount, events::log_liquidation, state::now};

#[derive(Accounts)]
pub struct Liquidate {
    pub liquidator: Signer,
    #[account(mut)]
    pub market: MarketAccount,
    #[account(mut)]
    pub margin_account: Record<MarginAccount>,
    /// CHECK: pays the debt; the token program checks it.
    #[account(mut)]
    pub source: UncheckedAccount,
    /// CHECK: must be the debt reserve's.
    #[account(mut)]
    pub debt_vault: UncheckedAccount,
    /// CHECK: must be the debt reserve's.
    pub debt_mint: UncheckedAccount,
    /// CHECK: must be the debt reserve's.
    pub debt_token_program: UncheckedAccount,
    /// CHECK: receives the collateral; the token program checks it.
    #[account(mut)]
    pub destination: UncheckedAccount,
    /// CHECK: must be the collateral reserve's.
    #[account(mut)]
    pub collateral_vault: UncheckedAccount,
    /// CHECK: must be the collateral reserve's.
    pub collateral_mint: UncheckedAccount,
    /// CHECK: must be the collateral reserve's.
    pub collateral_token_program: UncheckedAccount,
    /// CHECK: must be the market's.
    pub vault_authority: UncheckedAccount,
}

impl Liquidate {
    pub fn liquidate(&mut self, debt: u8, collateral: u8, max_repay: u64, min_collateral: u64) -> Result<()> {
        check_market(&self.margin_account.market, self.market.address())?;
        let (debt_tokens, collateral_tokens) = (self.debt_tokens(), self.collateral_tokens());
        let mut ledger = ledger(&mut self.market, now()?);
        let debt_terms = debt_tokens.check(ledger.reserves, debt)?;
        let collateral_terms = collateral_tokens.check(ledger.reserves, collateral)?;
        let max_repay = debt_tokens.arriving(max_repay, debt_terms)?;
        let min_collateral = collateral_tokens.sending(min_collateral, collateral_terms)?;
        let done = ledger.liquidate(&mut self.margin_account, debt, collateral, max_repay, min_collateral);
        let done = done.by_ref()?;

        let authority = VaultAuthority::new(*self.vault_authority.account(), &self.market)?;
        debt_tokens.pay_in(*self.liquidator.account(), done.paid(), debt_terms)?;
        collateral_tokens.pay_out(&authority, done.seized, collateral_terms)?;
        log_liquidation(
            &mut self.market,
            self.margin_account.address(),
            self.liquidator.address(),
            (debt, collateral),
            done,
            false,
        );
        Ok(())
    }

    #[inline(always)]
    fn debt_tokens(&self) -> TokenPath {
        TokenPath {
            vault: *self.debt_vault.account(),
            mint: *self.debt_mint.account(),
            program: *self.debt_token_program.account(),
            other: *self.source.account(),
        }
    }

    #[inline(always)]
    fn collateral_tokens(&self) -> TokenPath {
        TokenPath {
            vault: *self.collateral_vault.account(),
            mint: *self.collateral_mint.account(),
            program: *self.collateral_token_program.account(),
            other: *self.destination.account(),
        }
    }
}

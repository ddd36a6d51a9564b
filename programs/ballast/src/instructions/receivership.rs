use super::*;
use crate::{
    MarginAccount,
    events::{LiquidationEnded, discriminator, log_liquidation, log_movement},
    introspection::Ending,
    state::now,
};
use ballast_engine::{ledger::Movement, number::units::Shares};

/// Tag of `end_liquidation` and which of its accounts is the margin account.
const END: (u8, usize) = (crate::instruction::EndLiquidation::DISCRIMINATOR[0], 2);

/// The half of a liquidation that pays the collateral out; the other half is in [`PayIn`].
#[derive(Accounts)]
pub struct BeginLiquidation {
    pub liquidator: Signer,
    #[account(mut)]
    pub market: MarketAccount,
    #[account(mut)]
    pub margin_account: Record<MarginAccount>,
    /// CHECK: receives the collateral; the token program checks it.
    #[account(mut)]
    pub destination: UncheckedAccount,
    /// CHECK: must be the collateral reserve's.
    #[account(mut)]
    pub vault: UncheckedAccount,
    /// CHECK: must be the market's.
    pub vault_authority: UncheckedAccount,
    /// CHECK: must be the collateral reserve's.
    pub mint: UncheckedAccount,
    /// CHECK: must be the collateral reserve's.
    pub token_program: UncheckedAccount,
    /// CHECK: must be the instructions sysvar.
    pub instructions: UncheckedAccount,
}

impl BeginLiquidation {
    pub fn begin(&mut self, debt: u8, collateral: u8, max_repay: u64, min_collateral: u64) -> Result<()> {
        check_market(&self.margin_account.market, self.market.address())?;
        let account = *self.margin_account.address();
        Ending { tag: END.0, data: &[], account: (END.1, &account) }.require(self.instructions.account())?;
        let tokens = token_path!(self, destination);
        let mut ledger = ledger(&mut self.market, now()?);
        let terms = tokens.check(ledger.reserves, collateral)?;
        let min_collateral = tokens.sending(min_collateral, terms)?;
        let done = ledger.begin_liquidation(&mut self.margin_account, debt, collateral, max_repay, min_collateral);
        let done = done.by_ref()?;
        let authority = VaultAuthority::new(*self.vault_authority.account(), &self.market)?;
        tokens.pay_out(&authority, done.seized, terms)?;
        let liquidator = self.liquidator.address();
        log_liquidation(&mut self.market, &account, liquidator, (debt, collateral), done, true);
        Ok(())
    }
}

impl PayIn {
    pub fn end_liquidation(&mut self) -> Result<()> {
        check_market(&self.margin_account.market, self.market.address())?;
        let tokens = self.tokens();
        let ledger = ledger(&mut self.market, now()?);
        let (index, amount) = ledger.end_liquidation(&mut self.margin_account).on_chain()?;
        let terms = tokens.check(ledger.reserves, index)?;
        tokens.pay_in(*self.payer.account(), amount, terms)?;
        let moved = Movement { amount, shares: Shares::ZERO };
        let event = discriminator::<LiquidationEnded>();
        log_movement(event, &mut self.market, self.margin_account.address(), index, &moved);
        Ok(())
    }
}

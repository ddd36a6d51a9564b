use super::*;
use crate::state::stored;

#[derive(Accounts)]
pub struct CollectVaultFees {
    pub fee_collector: Signer,
    #[account(mut)]
    pub vault: Record<Vault>,
    /// CHECK: the token program checks it.
    #[account(mut)]
    pub share_account: UncheckedAccount,
    /// CHECK: must be the vault's.
    #[account(mut)]
    pub share_mint: UncheckedAccount,
    /// CHECK: must be the vault's.
    pub authority: UncheckedAccount,
    /// CHECK: must be SPL Token.
    pub share_program: UncheckedAccount,
}

impl CollectVaultFees {
    pub fn collect(&mut self) -> Result<()> {
        let share_mint = ShareMint::new(&self.vault, self.share_mint.account(), self.share_program.account())?;
        let shares = self.vault.collect_fees(&stored(self.fee_collector.address())).on_chain()?;
        share_mint.mint(&self.vault, self.authority.account(), self.share_account.account(), shares.0)?;
        let (event, account) = (discriminator::<VaultFeesCollected>(), self.share_account.address());
        log_vault(event, &mut self.vault, account, 0, shares.0, 0);
        Ok(())
    }
}

/// Anyone.
#[derive(Accounts)]
pub struct ReadVault {
    #[account(mut)]
    pub vault: Record<Vault>,
}

impl ReadVault {
    pub fn refresh(&mut self, markets: &[AccountView]) -> Result<()> {
        let markets = Markets::read(&self.vault, markets, 0)?;
        let report = valued(&mut self.vault, &markets)?.report(|slot| markets.view(slot));
        pinocchio::cpi::set_return_data(bytemuck::bytes_of(&report));
        Ok(())
    }
}

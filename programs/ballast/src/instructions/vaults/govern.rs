use super::*;
use crate::{
    Change,
    instructions::governance::{ChangeCancelled, ChangeExecuted, ChangeQueued, log_change, log_edit},
    state::stored,
};
use ballast_engine::{record::parameter::Edit, state::change};

/// What curator and sentinel do to a vault.
#[derive(Accounts)]
pub struct GovernVault {
    pub signer: Signer,
    #[account(mut)]
    pub vault: Record<Vault>,
}

impl GovernVault {
    pub fn set_parameters(&mut self, edits: &[u8]) -> Result<()> {
        let (signer, vault) = (stored(self.signer.address()), *self.vault.address());
        let log = &mut |number, edit: &Edit| log_edit(number, &vault, change::OF_VAULT, edit);
        self.vault.set_parameters(&signer, edits, now()?, log).on_chain()
    }

    pub fn accept_curator(&mut self) -> Result<()> {
        let (signer, vault) = (stored(self.signer.address()), *self.vault.address());
        let log = &mut |number, edit: &Edit| log_edit(number, &vault, change::OF_VAULT, edit);
        self.vault.accept_curator(&signer, log).on_chain()
    }
}

#[derive(Accounts)]
pub struct QueueVaultChange {
    pub curator: Signer,
    /// May be the curator: a signer holds no data that an alias could corrupt.
    #[account(unsafe(dup))]
    pub payer: Signer,
    #[account(mut)]
    pub vault: Record<Vault>,
    #[account(
        init,
        payer = payer,
        seeds = [b"change", vault.address().as_ref(), &vault.changes.to_le_bytes()],
        bump
    )]
    pub change: Record<Change>,
    pub system_program: Program<System>,
}

impl QueueVaultChange {
    pub fn queue(&mut self, data: &[u8], bumps: &QueueVaultChangeBumps) -> Result<()> {
        let (signer, vault) = (stored(self.curator.address()), stored(self.vault.address()));
        self.vault.queue_change(&signer, data, &mut self.change, now()?).on_chain()?;
        (self.change.bump, self.change.market, self.change.payer) = (bumps.change, vault, stored(self.payer.address()));
        log_change(discriminator::<ChangeQueued>(), self.vault.next_event(), &self.change);
        Ok(())
    }
}

/// Anyone may execute a change that is due; the curator, the sentinel, and once it has expired anyone, cancel it.
#[derive(Accounts)]
pub struct EndVaultChange {
    pub signer: Signer,
    #[account(mut)]
    pub vault: Record<Vault>,
    #[account(mut)]
    pub change: Record<Change>,
    /// CHECK: gets the change's rent; must be who paid it, and may be the signer.
    #[account(mut, unsafe(dup))]
    pub recipient: UncheckedAccount,
}

impl EndVaultChange {
    pub fn execute(&mut self) -> Result<()> {
        self.end(true)
    }

    pub fn cancel(&mut self) -> Result<()> {
        self.end(false)
    }

    /// Out of line: both instructions share it.
    #[inline(never)]
    fn end(&mut self, is_made: bool) -> Result<()> {
        check_change(&self.change, self.vault.address(), self.recipient.address())?;
        let now = now()?;
        let event = if is_made {
            let vault = *self.vault.address();
            let log = &mut |number, edit: &Edit| log_edit(number, &vault, change::OF_VAULT, edit);
            self.vault.execute_change(&self.change, now, log).on_chain()?;
            discriminator::<ChangeExecuted>()
        } else {
            let signer = stored(self.signer.address());
            self.vault.require_cancellable(&self.change, &signer, now).on_chain()?;
            discriminator::<ChangeCancelled>()
        };
        log_change(event, self.vault.next_event(), &self.change);
        AccountClose::close(&mut self.change, *self.recipient.account())
    }
}

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
        let report = valued(&mut self.vault, &markets)?.report(|slot, index| markets.view(slot, index));
        pinocchio::cpi::set_return_data(bytemuck::bytes_of(&report));
        Ok(())
    }
}

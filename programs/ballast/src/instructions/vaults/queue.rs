use super::*;
use crate::{ExitRequest, state::stored};
use ballast_engine::{number::units::Shares, record::layout::LAYOUT_VERSION, state::vault as records};

#[derive(Accounts)]
pub struct RequestExit {
    pub owner: Signer,
    /// May be the owner: a signer holds no data that an alias could corrupt.
    #[account(unsafe(dup))]
    pub payer: Signer,
    #[account(mut)]
    pub vault: Record<Vault>,
    #[account(
        init,
        payer = payer,
        seeds = [b"exit", vault.address().as_ref(), owner.address().as_ref()],
        bump
    )]
    pub request: Record<ExitRequest>,
    /// CHECK: the token program checks it.
    #[account(mut)]
    pub share_account: UncheckedAccount,
    /// CHECK: must be the vault's.
    #[account(mut)]
    pub share_mint: UncheckedAccount,
    /// CHECK: must be SPL Token.
    pub share_program: UncheckedAccount,
    pub system_program: Program<System>,
}

impl RequestExit {
    pub fn request(
        &mut self,
        shares: u64,
        min_amount: u64,
        bumps: &RequestExitBumps,
        markets: &[AccountView],
    ) -> Result<()> {
        let share_mint = ShareMint::new(&self.vault, self.share_mint.account(), self.share_program.account())?;
        ***self.request = records::ExitRequest {
            version: LAYOUT_VERSION,
            bump: bumps.request,
            vault: stored(self.vault.address()),
            owner: stored(self.owner.address()),
            ..records::ExitRequest::default()
        };
        let address = stored(self.request.address());
        let markets = Markets::read(&self.vault, markets, 0)?;
        let mut vaults = valued(&mut self.vault, &markets)?;
        vaults.request_exit(&mut self.request, address, Shares(shares), min_amount).on_chain()?;
        share_mint.burn(self.share_account.account(), self.owner.account(), shares)?;
        let (event, account) = (discriminator::<ExitRequested>(), self.request.address());
        log_vault(event, &mut self.vault, account, 0, shares, 0);
        Ok(())
    }
}

/// Anyone: what is served is the request's claim.
#[derive(Accounts)]
pub struct ServeExit {
    #[account(mut)]
    pub vault: Record<Vault>,
    #[account(mut)]
    pub request: Record<ExitRequest>,
    /// CHECK: must be the vault's.
    #[account(mut)]
    pub tokens: UncheckedAccount,
    /// CHECK: must be the vault's.
    pub authority: UncheckedAccount,
    /// CHECK: must be the vault's.
    pub mint: UncheckedAccount,
    /// CHECK: must be the vault's.
    pub token_program: UncheckedAccount,
}

impl ServeExit {
    pub fn serve(&mut self, from: u8, markets: &[AccountView]) -> Result<()> {
        check_vault(&self.request.vault, &self.vault)?;
        let Self { vault, tokens, authority, mint, token_program, .. } = self;
        let custody =
            Custody::new(vault, tokens.account(), authority.account(), mint.account(), token_program.account())?;
        let mut markets = Markets::read(vault, markets, from)?;
        let address = stored(self.request.address());
        let mut vaults = valued(&mut self.vault, &markets)?;
        let done = vaults.serve(&mut self.request, address, from).on_chain()?;
        markets.pay(&custody, &mut self.vault, &done.payment, custody.tokens)?;
        let (event, account) = (discriminator::<ExitServed>(), self.request.address());
        log_vault(event, &mut self.vault, account, done.exchange.amount, done.exchange.shares.0, done.fee);
        Ok(())
    }
}

#[derive(Accounts)]
pub struct CancelExit {
    pub owner: Signer,
    #[account(mut)]
    pub vault: Record<Vault>,
    #[account(mut)]
    pub request: Record<ExitRequest>,
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
    /// CHECK: receives the rent, of the owner's choice, if nothing is left to claim; may be the owner.
    #[account(mut, unsafe(dup))]
    pub recipient: UncheckedAccount,
}

impl CancelExit {
    pub fn cancel(&mut self) -> Result<()> {
        check_owner(self.owner.address(), &self.request.owner)?;
        check_vault(&self.request.vault, &self.vault)?;
        let share_mint = ShareMint::new(&self.vault, self.share_mint.account(), self.share_program.account())?;
        let address = stored(self.request.address());
        let shares = self.vault.cancel_exit(&mut self.request, address).on_chain()?;
        share_mint.mint(&self.vault, self.authority.account(), self.share_account.account(), shares.0)?;
        let (event, account) = (discriminator::<ExitCancelled>(), self.request.address());
        log_vault(event, &mut self.vault, account, 0, shares.0, 0);
        close_if_done(&mut self.request, self.recipient.account())
    }
}

#[derive(Accounts)]
pub struct ClaimExit {
    pub owner: Signer,
    #[account(mut)]
    pub vault: Record<Vault>,
    #[account(mut)]
    pub request: Record<ExitRequest>,
    /// CHECK: the token program checks it.
    #[account(mut)]
    pub destination: UncheckedAccount,
    /// CHECK: must be the vault's.
    #[account(mut)]
    pub tokens: UncheckedAccount,
    /// CHECK: must be the vault's.
    pub authority: UncheckedAccount,
    /// CHECK: must be the vault's.
    pub mint: UncheckedAccount,
    /// CHECK: must be the vault's.
    pub token_program: UncheckedAccount,
    /// CHECK: receives the rent, of the owner's choice, if no shares are left; may be the owner.
    #[account(mut, unsafe(dup))]
    pub recipient: UncheckedAccount,
}

impl ClaimExit {
    pub fn claim(&mut self) -> Result<()> {
        check_owner(self.owner.address(), &self.request.owner)?;
        check_vault(&self.request.vault, &self.vault)?;
        let Self { vault, tokens, authority, mint, token_program, .. } = self;
        let custody =
            Custody::new(vault, tokens.account(), authority.account(), mint.account(), token_program.account())?;
        let amount = self.vault.claim_exit(&mut self.request).on_chain()?;
        custody.pay_out(&self.vault, amount, *self.destination.account())?;
        let (event, account) = (discriminator::<ExitClaimed>(), self.request.address());
        log_vault(event, &mut self.vault, account, amount, 0, 0);
        close_if_done(&mut self.request, self.recipient.account())
    }
}

/// Gives the rent of a request back that holds nothing more.
fn close_if_done(request: &mut Record<ExitRequest>, recipient: &AccountView) -> Result<()> {
    if request.shares.0 | request.returned.0 | request.claim != 0 {
        return Ok(());
    }
    AccountClose::close(request, *recipient)
}

use super::*;
use ballast_engine::{number::units::Shares, vaults::exit::Exit};

/// Tokens from anyone for shares.
#[derive(Accounts)]
pub struct EnterVault {
    pub payer: Signer,
    #[account(mut)]
    pub vault: Record<Vault>,
    /// CHECK: the token program checks it.
    #[account(mut)]
    pub source: UncheckedAccount,
    /// CHECK: the token program checks it.
    #[account(mut)]
    pub share_account: UncheckedAccount,
    /// CHECK: must be the vault's.
    #[account(mut)]
    pub tokens: UncheckedAccount,
    /// CHECK: must be the vault's.
    #[account(mut)]
    pub share_mint: UncheckedAccount,
    /// CHECK: must be the vault's.
    pub authority: UncheckedAccount,
    /// CHECK: must be the vault's.
    pub mint: UncheckedAccount,
    /// CHECK: must be the vault's.
    pub token_program: UncheckedAccount,
    /// CHECK: must be SPL Token, also if that is the token's program.
    pub share_program: UncheckedAccount,
}

/// What is given exactly.
#[derive(Clone, Copy)]
enum Exactly {
    Tokens,
    Shares,
}

impl EnterVault {
    pub fn deposit(&mut self, amount: u64, min_shares: u64, markets: &[AccountView]) -> Result<()> {
        self.enter(Exactly::Tokens, amount, min_shares, markets)
    }

    pub fn mint(&mut self, shares: u64, max_amount: u64, markets: &[AccountView]) -> Result<()> {
        self.enter(Exactly::Shares, shares, max_amount, markets)
    }

    /// Out of line: both instructions share it.
    #[inline(never)]
    fn enter(&mut self, exactly: Exactly, given: u64, limit: u64, markets: &[AccountView]) -> Result<()> {
        let Self { vault, tokens, authority, mint, token_program, share_mint, share_program, .. } = self;
        let custody =
            Custody::new(vault, tokens.account(), authority.account(), mint.account(), token_program.account())?;
        let shares = ShareMint::new(vault, share_mint.account(), share_program.account())?;
        let markets = Markets::read(vault, markets, 0)?;
        let mut vaults = valued_to_enter(vault, &markets)?;
        let done = match exactly {
            Exactly::Tokens => vaults.deposit(given, Shares(limit)),
            Exactly::Shares => vaults.mint(Shares(given), limit),
        };
        let done = done.on_chain()?;
        custody.pay_in(*self.payer.account(), *self.source.account(), done.amount)?;
        shares.mint(&self.vault, self.authority.account(), self.share_account.account(), done.shares.0)?;
        let (event, account) = (discriminator::<VaultDeposited>(), self.share_account.address());
        log_vault(event, &mut self.vault, account, done.amount, done.shares.0, 0);
        Ok(())
    }
}

/// Shares of their owner for tokens.
#[derive(Accounts)]
pub struct ExitVault {
    pub owner: Signer,
    #[account(mut)]
    pub vault: Record<Vault>,
    /// CHECK: the token program checks it.
    #[account(mut)]
    pub share_account: UncheckedAccount,
    /// CHECK: the token program checks it.
    #[account(mut)]
    pub destination: UncheckedAccount,
    /// CHECK: must be the vault's.
    #[account(mut)]
    pub tokens: UncheckedAccount,
    /// CHECK: must be the vault's.
    #[account(mut)]
    pub share_mint: UncheckedAccount,
    /// CHECK: must be the vault's.
    pub authority: UncheckedAccount,
    /// CHECK: must be the vault's.
    pub mint: UncheckedAccount,
    /// CHECK: must be the vault's.
    pub token_program: UncheckedAccount,
    /// CHECK: must be SPL Token, also if that is the token's program.
    pub share_program: UncheckedAccount,
}

impl ExitVault {
    pub fn redeem(&mut self, shares: u64, min_amount: u64, from: u8, markets: &[AccountView]) -> Result<()> {
        self.exit(Exactly::Shares, shares, min_amount, from, markets)
    }

    pub fn withdraw(&mut self, amount: u64, max_shares: u64, from: u8, markets: &[AccountView]) -> Result<()> {
        self.exit(Exactly::Tokens, amount, max_shares, from, markets)
    }

    /// Out of line: both instructions share it.
    #[inline(never)]
    fn exit(&mut self, exactly: Exactly, given: u64, limit: u64, from: u8, markets: &[AccountView]) -> Result<()> {
        let Self { vault, tokens, authority, mint, token_program, share_mint, share_program, .. } = self;
        let custody =
            Custody::new(vault, tokens.account(), authority.account(), mint.account(), token_program.account())?;
        let shares = ShareMint::new(vault, share_mint.account(), share_program.account())?;
        let mut markets = Markets::read(vault, markets, from)?;
        let mut vaults = valued(vault, &markets)?;
        let done = match exactly {
            Exactly::Tokens => vaults.withdraw(given, Shares(limit), from),
            Exactly::Shares => vaults.redeem(Shares(given), limit, from),
        };
        let Exit { exchange, payment, fee } = done.on_chain()?;
        shares.burn(self.share_account.account(), self.owner.account(), exchange.shares.0)?;
        markets.pay(&custody, &mut self.vault, &payment, *self.destination.account())?;
        let (event, account) = (discriminator::<VaultRedeemed>(), self.share_account.address());
        log_vault(event, &mut self.vault, account, exchange.amount, exchange.shares.0, fee);
        Ok(())
    }
}

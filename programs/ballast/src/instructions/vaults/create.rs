// The framework repeats the instruction's arguments in a function that does not use them.
#![allow(unused_variables)]

use super::*;
use crate::{VaultConfig, state::stored, token::ListedMint};
use anchor_lang::create_account_with_signers;

/// Bytes of SPL Token's mint.
const MINT_LEN: usize = 82;

#[derive(Accounts)]
#[instruction(id: u16)]
pub struct CreateVault {
    #[account(mut)]
    pub creator: Signer,
    #[account(
        init,
        payer = creator,
        seeds = [b"vault", creator.address().as_ref(), &id.to_le_bytes()],
        bump
    )]
    pub vault: Record<Vault>,
    /// CHECK: signs for the vault's tokens and shares, never holds data.
    #[account(seeds = [VAULT_AUTHORITY_SEED, vault.address().as_ref()], bump)]
    pub authority: UncheckedAccount,
    /// CHECK: created here, at this address only.
    #[account(mut, seeds = [b"tokens", vault.address().as_ref()], bump)]
    pub tokens: UncheckedAccount,
    /// CHECK: created here, at this address only.
    #[account(mut, seeds = [b"shares", vault.address().as_ref()], bump)]
    pub share_mint: UncheckedAccount,
    /// CHECK: the token program checks it.
    #[account(mut)]
    pub source: UncheckedAccount,
    /// CHECK: owner, layout and extensions are checked.
    pub mint: UncheckedAccount,
    /// CHECK: the mint's owner, one of the two token programs.
    pub token_program: UncheckedAccount,
    /// CHECK: must be SPL Token, also if that is the mint's owner.
    pub share_program: UncheckedAccount,
    pub system_program: Program<System>,
}

impl CreateVault {
    pub fn create(&mut self, id: u16, config: VaultConfig, bumps: &CreateVaultBumps) -> Result<()> {
        let listed = ListedMint::read(self.mint.account(), self.token_program.account())?;
        let address = *self.vault.address();
        let creator = stored(self.creator.address());
        let vault = &mut *self.vault;
        (vault.bump, vault.authority_bump, vault.id) = (bumps.vault, bumps.authority, id);
        (vault.decimals, vault.transfers) = (listed.decimals, listed.transfers as u8);
        // Nobody gets a vault, or the office in one, without signing: another curator is the nominee.
        (vault.creator, vault.curator) = (creator, creator);
        (vault.mint, vault.token_program) = (stored(self.mint.address()), stored(self.token_program.address()));
        (vault.tokens, vault.share_mint) = (stored(self.tokens.address()), stored(self.share_mint.address()));
        vault.authority = stored(self.authority.address());
        vault.open(&config.get(), now()?).on_chain()?;
        let (payer, program) = (self.creator.account(), self.token_program.account());
        let seeds: &[&[u8]] = &[b"tokens", address.as_ref(), &[bumps.tokens]];
        let (tokens, mint) = (self.tokens.account(), self.mint.account());
        create_account_with_signers(payer, tokens, listed.account_len, program.address(), Some(seeds), None)?;
        token::initialize_account(program, tokens, mint, self.authority.address())?;
        let share_mint = self.share_mint.account();
        let shares = ShareMint::new(&self.vault, share_mint, self.share_program.account())?;
        let seeds: &[&[u8]] = &[b"shares", address.as_ref(), &[bumps.share_mint]];
        create_account_with_signers(payer, share_mint, MINT_LEN, shares.program.address(), Some(seeds), None)?;
        token::initialize_mint(&shares.program, share_mint, listed.decimals, self.authority.address())?;
        let custody = Custody::new(&self.vault, tokens, self.authority.account(), mint, program)?;
        custody.pay_in(*payer, *self.source.account(), vault::Vault::SEED)
    }
}

/// Anyone, once the policy names the market.
#[derive(Accounts)]
pub struct OpenAllocation {
    #[account(mut)]
    pub vault: Record<Vault>,
    pub market: MarketAccount,
}

impl OpenAllocation {
    pub fn open(&mut self, slot: u8) -> Result<()> {
        let market = stored(self.market.address());
        self.vault.open_allocation(slot, &market, self.market.as_slice(), now()?).on_chain().map(drop)
    }
}

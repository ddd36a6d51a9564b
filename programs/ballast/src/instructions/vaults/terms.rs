// The framework repeats the instruction's arguments in a function that does not use them.
#![allow(unused_variables)]

use super::*;
use crate::{TermDeposit, state::stored};
use ballast_engine::{number::units::Shares, record::layout::LAYOUT_VERSION, state::vault as records};

#[derive(Accounts)]
#[instruction(id: u16)]
pub struct LockTerm {
    pub owner: Signer,
    /// May be the owner: a signer holds no data that an alias could corrupt.
    #[account(unsafe(dup))]
    pub payer: Signer,
    #[account(mut)]
    pub vault: Record<Vault>,
    #[account(
        init,
        payer = payer,
        seeds = [b"term", vault.address().as_ref(), owner.address().as_ref(), &id.to_le_bytes()],
        bump
    )]
    pub term: Record<TermDeposit>,
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

impl LockTerm {
    pub fn lock(
        &mut self,
        id: u16,
        shares: u64,
        maturity: i64,
        bumps: &LockTermBumps,
        markets: &[AccountView],
    ) -> Result<()> {
        let share_mint = ShareMint::new(&self.vault, self.share_mint.account(), self.share_program.account())?;
        ***self.term = records::TermDeposit {
            version: LAYOUT_VERSION,
            bump: bumps.term,
            id,
            vault: stored(self.vault.address()),
            owner: stored(self.owner.address()),
            maturity,
            ..records::TermDeposit::default()
        };
        let markets = Markets::read(&self.vault, markets, 0)?;
        valued(&mut self.vault, &markets)?.lock(&mut self.term, Shares(shares)).on_chain()?;
        share_mint.burn(self.share_account.account(), self.owner.account(), shares)?;
        let (event, account) = (discriminator::<TermLocked>(), self.term.address());
        log_vault(event, &mut self.vault, account, 0, shares, 0);
        Ok(())
    }
}

/// Anyone, once the term is over.
#[derive(Accounts)]
pub struct FreeTerm {
    #[account(mut)]
    pub vault: Record<Vault>,
    #[account(mut)]
    pub term: Record<TermDeposit>,
}

impl FreeTerm {
    pub fn free(&mut self, markets: &[AccountView]) -> Result<()> {
        check_vault(&self.term.vault, &self.vault)?;
        let markets = Markets::read(&self.vault, markets, 0)?;
        let shares = valued(&mut self.vault, &markets)?.free(&mut self.term).on_chain()?;
        let (event, account) = (discriminator::<TermFreed>(), self.term.address());
        log_vault(event, &mut self.vault, account, 0, shares.0, 0);
        Ok(())
    }
}

#[derive(Accounts)]
pub struct EndTerm {
    pub owner: Signer,
    #[account(mut)]
    pub vault: Record<Vault>,
    #[account(mut)]
    pub term: Record<TermDeposit>,
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
    /// CHECK: receives the rent, of the owner's choice; may be the owner.
    #[account(mut, unsafe(dup))]
    pub recipient: UncheckedAccount,
}

impl EndTerm {
    /// Takes the shares, those of a term that is not over at a penalty if the owner allows it.
    pub fn end(&mut self, early: bool, markets: &[AccountView]) -> Result<()> {
        check_owner(self.owner.address(), &self.term.owner)?;
        check_vault(&self.term.vault, &self.vault)?;
        let share_mint = ShareMint::new(&self.vault, self.share_mint.account(), self.share_program.account())?;
        let mut penalty = 0;
        if self.term.units != 0 {
            let markets = Markets::read(&self.vault, markets, 0)?;
            let mut vaults = valued(&mut self.vault, &markets)?;
            if early && vaults.now < self.term.maturity {
                penalty = vaults.break_term(&mut self.term).on_chain()?.0;
            } else {
                vaults.free(&mut self.term).on_chain()?;
            }
        }
        let shares = core::mem::take(&mut self.term.free).0;
        share_mint.mint(&self.vault, self.authority.account(), self.share_account.account(), shares)?;
        let (event, account) = (discriminator::<TermEnded>(), self.term.address());
        log_vault(event, &mut self.vault, account, 0, shares, penalty);
        AccountClose::close(&mut self.term, *self.recipient.account())
    }
}

use super::*;
use crate::{
    ReserveConfig,
    state::{now, stored},
    token::{self, ListedMint},
};
use anchor_lang::create_account_with_signers;
use ballast_engine::actions::check_listing;

#[derive(Accounts)]
pub struct AddReserve {
    pub authority: Signer,
    /// May be the authority: a signer holds no data that an alias could corrupt.
    #[account(unsafe(dup))]
    pub payer: Signer,
    #[account(mut)]
    pub market: Ledger,
    /// CHECK: owner, layout and extensions are checked.
    pub mint: UncheckedAccount,
    /// CHECK: created here, at this address only.
    #[account(mut, seeds = [b"liquidity", market.address().as_ref(), mint.address().as_ref()], bump)]
    pub vault: UncheckedAccount,
    /// CHECK: owner of the vault.
    pub vault_authority: UncheckedAccount,
    /// CHECK: the mint's owner, one of the two token programs.
    pub token_program: UncheckedAccount,
    pub system_program: Program<System>,
}

impl AddReserve {
    pub fn add(&mut self, config: ReserveConfig, bumps: &AddReserveBumps) -> Result<()> {
        ensure(is_at(self.authority.address(), &self.market.authority), Error::NotMarketAuthority)?;
        ensure(is_at(self.vault_authority.address(), &self.market.vault_authority), Error::WrongVaultAuthority)?;
        let mint = stored(self.mint.address());
        check_listing(self.market.as_slice(), &mint).on_chain()?;
        let listed = ListedMint::read(self.mint.account(), self.token_program.account())?;
        let reserve = Reserve {
            mint,
            vault: stored(self.vault.address()),
            token_program: stored(self.token_program.address()),
            vault_bump: bumps.vault,
            transfers: listed.transfers as u8,
            ..Reserve::new(config.get(), listed.decimals, now()?).on_chain()?
        };

        let market = *self.market.address();
        let seeds: &[&[u8]] = &[b"liquidity", market.as_ref(), &mint.0, &[bumps.vault]];
        let (payer, vault, program) = (self.payer.account(), self.vault.account(), self.token_program.account());
        create_account_with_signers(payer, vault, listed.account_len, program.address(), Some(seeds), None)?;
        token::initialize_account(program, vault, self.mint.account(), self.vault_authority.address())?;

        let count = self.market.len() as u32 + 1;
        self.market.resize_to_capacity(count)?;
        self.market.top_up(payer)?;
        self.market.try_push(reserve)
    }
}

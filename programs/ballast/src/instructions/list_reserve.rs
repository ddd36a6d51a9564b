use super::*;
use crate::{
    Change,
    events::{discriminator, log_event},
    state::{now, stored},
    token::{self, ListedMint},
};
use anchor_lang::create_account_with_signers;

/// A reserve was listed.
#[event(bytemuck)]
pub struct ReserveListed {
    /// Number of the event in its market.
    pub number: u64,
    /// The market.
    pub market: Address,
    /// The token.
    pub mint: Address,
    /// Number of the change in its market.
    pub change: u64,
    /// Index of the reserve.
    pub reserve: u8,
    pub padding: [u8; 7],
}

/// Anyone may list a reserve once the change is due.
#[derive(Accounts)]
pub struct ListReserve {
    /// May be the recipient: a signer holds no data that an alias could corrupt.
    #[account(mut, unsafe(dup))]
    pub payer: Signer,
    #[account(mut)]
    pub market: MarketAccount,
    #[account(mut)]
    pub change: Record<Change>,
    /// CHECK: gets the change's rent; must be who paid it, and may be the payer.
    #[account(mut, unsafe(dup))]
    pub recipient: UncheckedAccount,
    /// CHECK: must be the mint of the listing; owner, layout and extensions are checked.
    pub mint: UncheckedAccount,
    /// CHECK: created here, at this address only.
    #[account(mut, seeds = [b"liquidity", market.address().as_ref(), mint.address().as_ref()], bump)]
    pub vault: UncheckedAccount,
    /// CHECK: owner of the reserve's token account.
    pub vault_authority: UncheckedAccount,
    /// CHECK: the mint's owner, one of the two token programs.
    pub token_program: UncheckedAccount,
    pub system_program: Program<System>,
}

impl ListReserve {
    pub fn list(&mut self, bumps: &ListReserveBumps) -> Result<()> {
        check_change(&self.change, self.market.address(), self.recipient.address())?;
        ensure(is_at(self.vault_authority.address(), &self.market.vault_authority), Error::WrongVaultAuthority)?;
        let listed = ListedMint::read(self.mint.account(), self.token_program.account())?;
        let (market, mint) = (*self.market.address(), *self.mint.address());
        let seeds: &[&[u8]] = &[b"liquidity", market.as_ref(), mint.as_ref(), &[bumps.vault]];
        let (payer, vault, program) = (self.payer.account(), self.vault.account(), self.token_program.account());
        create_account_with_signers(payer, vault, listed.account_len, program.address(), Some(seeds), None)?;
        token::initialize_account(program, vault, self.mint.account(), self.vault_authority.address())?;

        let index = add_record(&mut self.market, payer)?;
        let (address, token_program) = (stored(self.vault.address()), stored(program.address()));
        let mut ledger = ledger(&mut self.market, now()?);
        let reserve = ledger.list(&self.change, listed.decimals).on_chain()?;
        ensure(is_at(&mint, &reserve.mint), Error::WrongMint)?;
        (reserve.vault, reserve.token_program, reserve.vault_bump) = (address, token_program, bumps.vault);
        reserve.transfers = listed.transfers as u8;
        log_event!(
            discriminator::<ReserveListed>(),
            ReserveListed {
                number: self.market.next_event(),
                market,
                mint,
                change: self.change.number,
                reserve: index,
                padding: [0; 7],
            }
        );
        AccountClose::close(&mut self.change, *self.recipient.account())
    }
}

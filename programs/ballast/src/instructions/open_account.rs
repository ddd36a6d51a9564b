// The framework repeats the instruction's arguments in a function that does not use them.
#![allow(unused_variables)]

use super::*;
use crate::{MarginAccount, state::stored};
use ballast_engine::state::account;

#[derive(Accounts)]
#[instruction(id: u16)]
pub struct OpenAccount {
    pub owner: Signer,
    /// May be the owner: a signer holds no data that an alias could corrupt.
    #[account(unsafe(dup))]
    pub payer: Signer,
    pub market: MarketAccount,
    #[account(
        init,
        payer = payer,
        seeds = [b"margin", market.address().as_ref(), owner.address().as_ref(), &id.to_le_bytes()],
        bump
    )]
    pub margin_account: Record<MarginAccount>,
    pub system_program: Program<System>,
}

/// An account of a mode, without positions.
fn open(mode: u8, collateral: u8, debt: u8, records: &[Reserve]) -> ballast_engine::Result<account::MarginAccount> {
    if mode == account::Mode::Perp as u8 {
        account::MarginAccount::open_for_perp(collateral, debt, records)
    } else {
        account::MarginAccount::open(mode, collateral, debt, records)
    }
}

impl OpenAccount {
    pub fn open(&mut self, id: u16, mode: u8, collateral: u8, debt: u8, bumps: &OpenAccountBumps) -> Result<()> {
        ensure(self.market.config.launched != 0, Error::MarketNotLaunched)?;
        ***self.margin_account = account::MarginAccount {
            bump: bumps.margin_account,
            id,
            market: stored(self.market.address()),
            owner: stored(self.owner.address()),
            ..open(mode, collateral, debt, self.market.as_slice()).on_chain()?
        };
        Ok(())
    }
}

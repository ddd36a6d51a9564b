// The framework repeats the instruction's arguments in a function that does not use them.
#![allow(unused_variables)]

use super::*;
use crate::{
    MarketConfig,
    state::{MarketSlab, stored},
};
use ballast_engine::state::market;

#[derive(Accounts)]
#[instruction(id: u16)]
pub struct CreateMarket {
    #[account(mut)]
    pub creator: Signer,
    #[account(
        init,
        payer = creator,
        space = MarketSlab::space_for(0),
        seeds = [b"market", creator.address().as_ref(), &id.to_le_bytes()],
        bump
    )]
    pub market: MarketAccount,
    /// CHECK: signs for the reserves' token accounts, never holds data.
    #[account(seeds = [VAULT_AUTHORITY_SEED, market.address().as_ref()], bump)]
    pub vault_authority: UncheckedAccount,
    pub system_program: Program<System>,
}

impl CreateMarket {
    pub fn create(&mut self, id: u16, config: MarketConfig, bumps: &CreateMarketBumps) -> Result<()> {
        // Nobody becomes the authority of a market without signing. If the authority is to be somebody else, it is the nominee.
        let market = market::Market::new(config.get(), stored(self.creator.address())).on_chain()?;
        ***self.market = market::Market {
            bump: bumps.market,
            vault_authority_bump: bumps.vault_authority,
            id,
            creator: stored(self.creator.address()),
            vault_authority: stored(self.vault_authority.address()),
            ..market
        };
        Ok(())
    }
}

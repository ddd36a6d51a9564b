use super::*;
use crate::{ReserveConfig, state::now};

#[derive(Accounts)]
pub struct UpdateReserve {
    pub authority: Signer,
    #[account(mut)]
    pub market: Ledger,
}

impl UpdateReserve {
    pub fn update(&mut self, reserve: u8, config: ReserveConfig) -> Result<()> {
        ensure(is_at(self.authority.address(), &self.market.authority), Error::NotMarketAuthority)?;
        books(&mut self.market, now()?).set_config(reserve, config.get()).on_chain()
    }
}

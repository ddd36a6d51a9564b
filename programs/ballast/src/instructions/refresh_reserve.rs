use super::*;
use crate::{events::log_breaker, state::now};

#[derive(Accounts)]
pub struct RefreshReserve {
    #[account(mut)]
    pub market: MarketAccount,
}

impl RefreshReserve {
    pub fn refresh_reserve(&mut self, index: u8) -> Result<()> {
        let market = *self.market.view();
        let mut ledger = ledger(&mut self.market, now()?);
        if ledger.refresh_reserve(index).on_chain()?.is_some() {
            log_breaker(&mut ledger, market.address(), index);
        }
        Ok(())
    }
}

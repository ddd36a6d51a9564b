use super::*;
use crate::{events::log_breaker, state::now};

#[derive(Accounts)]
pub struct Poke {
    #[account(mut)]
    pub market: Ledger,
}

impl Poke {
    pub fn poke(&mut self, index: u8) -> Result<()> {
        let market = *self.market.view();
        let mut books = books(&mut self.market, now()?);
        if books.poke(index).on_chain()?.is_some() {
            log_breaker(&mut books, market.address(), index);
        }
        Ok(())
    }
}

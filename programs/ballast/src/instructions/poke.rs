use super::*;
use crate::{events::log_breaker, state::now};

#[derive(Accounts)]
pub struct Poke {
    #[account(mut)]
    pub market: Ledger,
}

impl Poke {
    pub fn poke(&mut self, index: u8) -> Result<()> {
        if books(&mut self.market, now()?).poke(index).on_chain()?.is_some() {
            log_breaker(&mut self.market, index);
        }
        Ok(())
    }
}

use super::*;
use crate::{
    MarginAccount,
    events::{LiquidatableMarked, discriminator, log_event},
    state::now,
};

#[derive(Accounts)]
pub struct MarkLiquidatable {
    #[account(mut)]
    pub market: Ledger,
    #[account(mut)]
    pub margin_account: Record<MarginAccount>,
}

impl MarkLiquidatable {
    pub fn mark(&mut self) -> Result<()> {
        check_market(&self.margin_account.market, self.market.address())?;
        books(&mut self.market, now()?).mark_liquidatable(&mut self.margin_account).on_chain()?;
        log_event!(
            discriminator::<LiquidatableMarked>(),
            LiquidatableMarked {
                number: self.market.next_event(),
                account: *self.margin_account.address(),
                since: self.margin_account.liquidatable_since,
            }
        );
        Ok(())
    }
}

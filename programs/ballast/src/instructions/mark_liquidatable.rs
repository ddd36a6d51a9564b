use super::*;
use crate::{
    MarginAccount,
    events::{discriminator, log_event},
    state::now,
};

/// An account was recorded as liquidatable, or as no longer liquidatable.
#[event(bytemuck)]
pub struct LiquidatableMarked {
    /// Number of the event in its market.
    pub number: u64,
    /// The margin account, of this market for good.
    pub account: Address,
    /// Since when it is known to be liquidatable, unix seconds; zero: it is not.
    pub since: i64,
}

#[derive(Accounts)]
pub struct MarkLiquidatable {
    #[account(mut)]
    pub market: MarketAccount,
    #[account(mut)]
    pub margin_account: Record<MarginAccount>,
}

impl MarkLiquidatable {
    pub fn mark(&mut self) -> Result<()> {
        check_market(&self.margin_account.market, self.market.address())?;
        ledger(&mut self.market, now()?).mark_liquidatable(&mut self.margin_account).on_chain()?;
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

use super::*;
use crate::{
    MarginAccount,
    events::{discriminator, log_event},
    state::now,
};

/// The loss of an account was reported: more of it, or less.
#[event(bytemuck)]
pub struct LossReported {
    /// Number of the event in its market.
    pub number: u64,
    /// The margin account, of this market for good.
    pub account: Address,
    /// The part of each of its debts that was reported before, 32 fractional bits; `u32::MAX`: all.
    pub before: u32,
    /// The part that is now.
    pub after: u32,
}

#[derive(Accounts)]
pub struct ReportLoss {
    #[account(mut)]
    pub market: MarketAccount,
    #[account(mut)]
    pub margin_account: Record<MarginAccount>,
}

impl ReportLoss {
    pub fn report(&mut self) -> Result<()> {
        check_market(&self.margin_account.market, self.market.address())?;
        let done = ledger(&mut self.market, now()?).report_loss(&mut self.margin_account).on_chain()?;
        log_event!(
            discriminator::<LossReported>(),
            LossReported {
                number: self.market.next_event(),
                account: *self.margin_account.address(),
                before: done.before.0,
                after: done.after.0,
            }
        );
        Ok(())
    }
}

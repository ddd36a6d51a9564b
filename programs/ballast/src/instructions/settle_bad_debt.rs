use super::*;
use crate::{
    MarginAccount,
    events::{BadDebtSettled, discriminator, log_event},
    state::now,
};

#[derive(Accounts)]
pub struct SettleBadDebt {
    #[account(mut)]
    pub market: Ledger,
    #[account(mut)]
    pub margin_account: Record<MarginAccount>,
}

impl SettleBadDebt {
    pub fn settle(&mut self, index: u8) -> Result<()> {
        check_market(&self.margin_account.market, self.market.address())?;
        let done = books(&mut self.market, now()?).settle_bad_debt(&mut self.margin_account, index).on_chain()?;
        log_event!(
            discriminator::<BadDebtSettled>(),
            BadDebtSettled {
                number: self.market.next_event(),
                account: *self.margin_account.address(),
                shares: done.shares.0,
                insurance: done.loss.insurance,
                fees: done.loss.fees,
                rest: done.loss.rest,
                reserve: index,
                is_socialised: done.loss.is_socialised() as u8,
                market_reduce_only: done.tripped as u8,
                padding: [0; 5],
            }
        );
        Ok(())
    }
}

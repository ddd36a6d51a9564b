use super::*;
use crate::{
    MarginAccount,
    events::{BadDebtSettled, discriminator, log_movement},
    state::now,
};

#[derive(Accounts)]
pub struct SettleBadDebt {
    #[account(mut)]
    pub market: Ledger,
    #[account(mut)]
    pub margin_account: Account<MarginAccount>,
}

impl SettleBadDebt {
    pub fn settle(&mut self, index: u8) -> Result<()> {
        check_market(&self.margin_account.market, self.market.address())?;
        let moved = books(&mut self.market, now()?).settle_bad_debt(&mut self.margin_account, index).on_chain()?;
        let event = discriminator::<BadDebtSettled>();
        log_movement(event, &mut self.market, self.margin_account.address(), index, &moved);
        Ok(())
    }
}

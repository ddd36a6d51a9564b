use super::*;
use crate::{
    MarginAccount,
    events::{BadDebtSettled, log_event},
    state::now,
};
use ballast_engine::actions::Movement;

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
        let Movement { amount, shares } =
            books(&mut self.market, now()?).settle_bad_debt(&mut self.margin_account, index).on_chain()?;
        log_event!(BadDebtSettled {
            number: self.market.next_event(),
            market: *self.market.address(),
            account: *self.margin_account.address(),
            amount,
            shares: shares.0,
            reserve: index,
            padding: [0; 7],
        });
        Ok(())
    }
}

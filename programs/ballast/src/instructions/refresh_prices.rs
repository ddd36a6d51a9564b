use super::*;
use crate::state::{now, stored};
use ballast_engine::price::PriceUpdate;

#[derive(Accounts)]
pub struct RefreshPrices {
    #[account(mut)]
    pub market: Ledger,
}

impl RefreshPrices {
    pub fn refresh(&mut self, reserves: &[u8], price_accounts: &[AccountView]) -> Result<()> {
        ensure(!reserves.is_empty() && reserves.len() == price_accounts.len(), Error::PriceAccountMissing)?;
        let now = now()?;
        for (reserve, account) in reserves.iter().zip(price_accounts) {
            // The owner decides what the data mean; it is checked before they are read.
            let owner = stored(account.owner());
            ensure(self.market.accepts_receiver(&owner), Error::PriceOwnerNotAllowed)?;
            let update = PriceUpdate::parse(&account.try_borrow()?).on_chain()?;
            let address = stored(account.address());
            books(&mut self.market, now).refresh_price(*reserve, &address, &update).on_chain()?;
        }
        Ok(())
    }
}

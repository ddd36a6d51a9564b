use super::*;
use crate::{
    events::log_breaker,
    state::{now, stored},
};
use ballast_engine::{
    market::Market,
    price::{PriceUpdate, Source},
};

#[derive(Accounts)]
pub struct RefreshPrices {
    #[account(mut)]
    pub market: Ledger,
}

impl RefreshPrices {
    pub fn refresh(&mut self, reserves: &[u8], price_accounts: &[AccountView]) -> Result<()> {
        ensure(!reserves.is_empty(), Error::PriceAccountMissing)?;
        let market = *self.market.view();
        let mut books = books(&mut self.market, now()?);
        let mut accounts = price_accounts.iter();
        for index in reserves {
            let has_base = !reserve(books.reserves, *index)?.config.oracle.base_feed_id.is_none();
            let first = source(books.market, accounts.next())?;
            let base = if has_base { Some(source(books.market, accounts.next())?) } else { None };
            if books.refresh_price(*index, &first, base.as_ref()).on_chain()?.is_some() {
                log_breaker(&mut books, market.address(), *index);
            }
        }
        ensure(accounts.next().is_none(), Error::PriceAccountMissing)
    }
}

#[inline(always)]
fn source(market: &Market, account: Option<&AccountView>) -> Result<Source> {
    let account = account.ok_or(Error::PriceAccountMissing).on_chain()?;
    // The owner decides what the data mean; it is checked before they are read.
    ensure(market.accepts_receiver(&stored(account.owner())), Error::PriceOwnerNotAllowed)?;
    let update = PriceUpdate::parse(&account.try_borrow()?).on_chain()?;
    Ok(Source { address: stored(account.address()), update })
}

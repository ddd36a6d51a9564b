use super::*;
use crate::{
    events::{log_breaker, log_passed_over},
    state::{now, stored},
};
use ballast_engine::{
    price::{
        breaker::BreakerEvent,
        feed::{PriceUpdate, Source},
    },
    state::market::Market,
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
        let mut next = || accounts.next().ok_or(Error::PriceAccountMissing).on_chain();
        for index in reserves {
            let has_base = !reserve(books.reserves, *index)?.config.oracle.base_feed_id.is_none();
            let (first, base) = (next()?, if has_base { Some(next()?) } else { None });
            match take_over(&mut books, *index, first, base) {
                Ok(None) => (),
                Ok(Some(_)) => log_breaker(&mut books, market.address(), *index),
                // One feed in trouble is no reason not to take over the others' prices.
                Err(error) if error.is_about_a_price() => log_passed_over(&mut books, market.address(), *index, error),
                Err(error) => return Err(error).on_chain(),
            }
        }
        ensure(accounts.next().is_none(), Error::PriceAccountMissing)
    }
}

#[inline(always)]
fn take_over(
    books: &mut actions::Ledger,
    index: u8,
    first: &AccountView,
    base: Option<&AccountView>,
) -> ballast_engine::Result<Option<Change>> {
    let first = source(books.market, first)?;
    let base = if let Some(base) = base { Some(source(books.market, base)?) } else { None };
    books.refresh_price(index, &first, base.as_ref())
}

#[inline(always)]
fn source(market: &Market, account: &AccountView) -> ballast_engine::Result<Source> {
    // The owner decides what the data mean; it is checked before they are read.
    if !market.accepts_receiver(&stored(account.owner())) {
        return Err(if account.data_len() == 0 { Error::PriceAccountClosed } else { Error::PriceOwnerNotAllowed });
    }
    let data = account.try_borrow().map_err(|_| Error::PriceAccountMalformed)?;
    Ok(Source { address: stored(account.address()), update: PriceUpdate::parse(&data)? })
}

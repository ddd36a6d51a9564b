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
    pub market: MarketAccount,
}

impl RefreshPrices {
    pub fn refresh(&mut self, reserves: &[u8], price_accounts: &[AccountView]) -> Result<()> {
        ensure(!reserves.is_empty(), Error::PriceAccountMissing)?;
        let market = *self.market.view();
        let mut ledger = ledger(&mut self.market, now()?);
        let mut accounts = price_accounts.iter();
        let mut next = || accounts.next().ok_or(Error::PriceAccountMissing).on_chain();
        for index in reserves {
            let has_base = !reserve(ledger.reserves, *index)?.config.oracle.base_feed_id.is_none();
            let (first, base) = (next()?, if has_base { Some(next()?) } else { None });
            match take_over(&mut ledger, *index, first, base) {
                Ok(None) => (),
                Ok(Some(_)) => log_breaker(&mut ledger, market.address(), *index),
                // One feed in trouble is no reason not to take over the others' prices.
                Err(error) if error.is_about_a_price() => log_passed_over(&mut ledger, market.address(), *index, error),
                Err(error) => return Err(error).on_chain(),
            }
        }
        ensure(accounts.next().is_none(), Error::PriceAccountMissing)
    }
}

#[inline(always)]
fn take_over(
    ledger: &mut ledger::Ledger,
    index: u8,
    first: &AccountView,
    base: Option<&AccountView>,
) -> ballast_engine::Result<Option<BreakerEvent>> {
    let first = source(ledger.market, first)?;
    let base = if let Some(base) = base { Some(source(ledger.market, base)?) } else { None };
    ledger.refresh_price(index, &first, base.as_ref())
}

/// What a price account of a receiver holds.
#[inline(always)]
pub(super) fn source(market: &Market, account: &AccountView) -> ballast_engine::Result<Source> {
    // The owner decides what the data mean; it is checked before they are read.
    if !market.accepts_receiver(&stored(account.owner())) {
        return Err(if account.data_len() == 0 { Error::PriceAccountClosed } else { Error::PriceOwnerNotAllowed });
    }
    let data = account.try_borrow().map_err(|_| Error::PriceAccountMalformed)?;
    Ok(Source { address: stored(account.address()), update: PriceUpdate::parse(&data)? })
}

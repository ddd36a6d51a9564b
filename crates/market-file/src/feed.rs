//! Warnings about a change of a reserve's feed: the program takes over the first price of the new feed only if it is near the
//! last price of the old one.

use std::collections::BTreeMap;

use ballast_client::{
    Address, MarketView,
    engine::{
        self, Error,
        number::units::Shares,
        price::feed::{OracleConfig, PriceUpdate, Quote, Source},
        state::reserve::Reserve,
    },
    pinned_accounts, to_engine,
};
use solana_account::Account;

use crate::value::{duration, fixed, percent, price};

/// The warning before a reserve in use gets this oracle, if its feed is another one. `accounts` are the accounts found at
/// [`pinned_accounts`].
pub fn warning(
    name: &str,
    view: &MarketView,
    reserve: &Reserve,
    wanted: &OracleConfig,
    accounts: &BTreeMap<[u8; 32], Account>,
    now: i64,
) -> Option<String> {
    let old = &reserve.config.oracle;
    let is_in_use = reserve.deposit_shares != Shares::ZERO || reserve.debt_shares != Shares::ZERO;
    let is_other = (wanted.feed_id, wanted.base_feed_id) != (old.feed_id, old.base_feed_id);
    if !is_in_use || !is_other || reserve.price.publish_time == 0 {
        return None;
    }
    let limit = percent(Reserve::MOST_APART.0.into());
    let found = match first_price(view, wanted, accounts, now) {
        None => "What the new one says is not known here: its account is not pinned".into(),
        Some(Err(error)) => format!("The new one says nothing that can be used now ({}: {error})", error.name()),
        Some(Ok(quote)) => {
            let distance = reserve.price.distance_of(&quote);
            let dollars = fixed(quote.price.into(), u8::try_from(-quote.exponent).unwrap_or(0));
            let far = if distance.0 == u16::MAX { "far".into() } else { percent(distance.0.into()) };
            let verdict = if distance <= Reserve::MOST_APART { "near enough" } else { "TOO FAR" };
            format!("The new one says {dollars} USD now, {far} away: {verdict}")
        }
    };
    let delay = duration(2 * i64::from(view.market.config.delay));
    Some(format!(
        "{name} gets another feed while it is in use. The first price of the new one must be within {limit} of the last \
         of the old one, {} USD. {found}. One that is farther away is passed over (NewFeedFarFromOld) until it is near, \
         for {delay} at most; so long {name} has no price, and with it there are no loans and no liquidations",
        price(reserve)
    ))
}

/// What the first price will be, if its accounts are pinned.
fn first_price(
    view: &MarketView,
    wanted: &OracleConfig,
    accounts: &BTreeMap<[u8; 32], Account>,
    now: i64,
) -> Option<engine::Result<Quote>> {
    let pinned = pinned_accounts(wanted);
    (!pinned.is_empty()).then(|| {
        let sources = pinned.iter().map(|address| source(view, *address, accounts.get(&address.to_bytes())));
        let sources = sources.collect::<engine::Result<Vec<Source>>>()?;
        let latest = now.saturating_add(view.market.config.max_clock_lag.into());
        Quote::new(&sources[0], sources.get(1), wanted, latest)
    })
}

/// What a price account says.
pub fn source(view: &MarketView, address: Address, account: Option<&Account>) -> engine::Result<Source> {
    let Some(account) = account else { return Err(Error::PriceAccountClosed) };
    if !view.market.accepts_receiver(&to_engine(&account.owner)) {
        return Err(if account.data.is_empty() { Error::PriceAccountClosed } else { Error::PriceOwnerNotAllowed });
    }
    Ok(Source { address: to_engine(&address), update: PriceUpdate::parse(&account.data)? })
}

/// Has the engine take over a reserve's price from its pinned accounts, of those that were found, as the program will. A price that it
/// refuses leaves the market as it was.
pub fn take_over(
    view: &mut MarketView,
    reserve: u8,
    accounts: &BTreeMap<[u8; 32], Account>,
    now: i64,
) -> engine::Result<()> {
    let pinned = pinned_accounts(&view.reserve(reserve)?.config.oracle);
    let sources = pinned.iter().map(|address| source(view, *address, accounts.get(&address.to_bytes())));
    let sources = sources.collect::<engine::Result<Vec<_>>>()?;
    let before = view.reserves[reserve as usize];
    let first = sources.first().ok_or(Error::PriceAccountMissing)?;
    let taken = view.ledger(now).refresh_price(reserve, first, sources.get(1));
    if taken.is_err() {
        view.reserves[reserve as usize] = before;
    }
    taken.map(drop)
}

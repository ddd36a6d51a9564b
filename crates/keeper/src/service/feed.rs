//! News of the chain: by subscription, by reading all, and by reading again.
//!
//! Subscriptions come first and a reading of everything after, so that nothing falls between them. While the socket is down
//! the watched accounts are polled. Whatever comes, comes with its slot.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use ballast_client::{Address, ID, engine::governance::Change};
use ballast_rpc::{Node, bytes_at, margin_filters};
use futures_util::{StreamExt, future::ready, stream::SelectAll};
use rand::Rng;
use solana_account_decoder_client_types::{UiAccount, UiAccountEncoding};
use solana_commitment_config::CommitmentConfig;
use solana_pubsub_client::nonblocking::pubsub_client::PubsubClient;
use solana_rpc_client_api::config::{RpcAccountInfoConfig, RpcProgramAccountsConfig};
use tokio::{
    sync::{mpsc, watch},
    time::{sleep, timeout},
};

use super::state::{News, changes};

/// Nothing heard for so long: the connection is as good as dead.
const SILENCE: Duration = Duration::from_secs(15);
/// The first pause before connecting again, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(30));

/// What the feed tells.
#[derive(Debug)]
pub enum Event {
    /// News, and how they came.
    News(News),
    /// Where the prices of a feed are published.
    Feed([u8; 32], Address),
    /// The socket is up: everything is to be read.
    Connected,
    /// It is down.
    Disconnected,
    /// The cluster's slot.
    Slot(u64),
    /// A reading failed.
    ReadFailed(String),
}

/// Where events go.
pub type Events = mpsc::Sender<Event>;

/// Subscribes, again and again, until told to stop.
pub async fn subscribe(
    url: String,
    market: Address,
    mut watched: watch::Receiver<Vec<Address>>,
    events: Events,
    mut stop: watch::Receiver<bool>,
) {
    let mut pause = PAUSES.0;
    loop {
        let session = session(&url, market, &mut watched, &events);
        let ended = tokio::select! {
            ended = session => ended,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        match ended {
            // Other accounts are to be watched.
            Ok(()) => pause = PAUSES.0,
            Err((lived, error)) => {
                tracing::warn!(error = format!("{error:#}"), "the socket is down");
                if events.send(Event::Disconnected).await.is_err() {
                    return;
                }
                pause = if lived { PAUSES.0 } else { (pause * 2).min(PAUSES.1) };
                let jitter = rand::rng().random_range(0.5..1.5);
                tokio::select! {
                    () = sleep(pause.mul_f64(jitter)) => (),
                    _ = stop.wait_for(|stop| *stop) => return,
                }
            }
        }
    }
}

/// One connection: ends well when other accounts are to be watched, and else with whether it had been up.
async fn session(
    url: &str,
    market: Address,
    watched: &mut watch::Receiver<Vec<Address>>,
    events: &Events,
) -> Result<(), (bool, anyhow::Error)> {
    let addresses = watched.borrow_and_update().clone();
    let client = timeout(SILENCE, PubsubClient::new(url)).await.context("connecting takes too long");
    let client = client.and_then(|client| Ok(client?)).map_err(|error| (false, error))?;
    let mut news = timeout(SILENCE, subscriptions(&client, market, &addresses))
        .await
        .context("subscribing takes too long")
        .and_then(|streams| streams)
        .map_err(|error| (false, error))?;
    let gone = || (true, anyhow::anyhow!("the keeper stops"));
    events.send(Event::Connected).await.map_err(|_| gone())?;
    loop {
        tokio::select! {
            changed = watched.changed() => {
                changed.map_err(|_| gone())?;
                return Ok(());
            }
            event = timeout(SILENCE, news.next()) => match event {
                Ok(Some(event)) => events.send(event).await.map_err(|_| gone())?,
                Ok(None) => return Err((true, anyhow::anyhow!("the connection was closed"))),
                Err(_) => return Err((true, anyhow::anyhow!("nothing heard for {} s", SILENCE.as_secs()))),
            }
        }
    }
}

type Streams<'a> = SelectAll<futures_util::stream::BoxStream<'a, Event>>;

async fn subscriptions<'a>(client: &'a PubsubClient, market: Address, addresses: &[Address]) -> Result<Streams<'a>> {
    let account_config = RpcAccountInfoConfig {
        encoding: Some(UiAccountEncoding::Base64),
        commitment: Some(CommitmentConfig::confirmed()),
        ..RpcAccountInfoConfig::default()
    };
    let program_config = RpcProgramAccountsConfig {
        filters: Some(margin_filters(market, None)),
        account_config: account_config.clone(),
        ..RpcProgramAccountsConfig::default()
    };
    let mut streams = SelectAll::new();
    let (margins, _) = client.program_subscribe(&ID, Some(program_config)).await?;
    streams.push(
        margins
            .filter_map(|update| {
                let address = update.value.pubkey.parse().ok();
                ready(address.and_then(|address| news(address, update.context.slot, &update.value.account)))
            })
            .boxed(),
    );
    for address in addresses.iter().copied() {
        let (updates, _) = client.account_subscribe(&address, Some(account_config.clone())).await?;
        let of_account = updates.filter_map(move |update| ready(news(address, update.context.slot, &update.value)));
        streams.push(of_account.boxed());
    }
    let (slots, _) = client.slot_subscribe().await?;
    streams.push(slots.map(|slot| Event::Slot(slot.slot)).boxed());
    Ok(streams)
}

/// What a notice says. An account that was closed is told as one without lamports.
fn news(address: Address, slot: u64, account: &UiAccount) -> Option<Event> {
    let account = account.to_account()?;
    let account = (account.lamports > 0).then_some(account);
    Some(Event::News(News::Account { address, slot, account }))
}

/// Reads some accounts, not older than a slot.
pub async fn read(node: Arc<Node>, addresses: Vec<Address>, not_before: u64, events: Events) {
    let reading = async {
        // A node that is behind is asked again until it is not.
        node.has_reached(not_before);
        for (address, (slot, account)) in addresses.iter().zip(node.accounts_at(&addresses).await?) {
            let news = News::Account { address: *address, slot, account };
            events.send(Event::News(news)).await.context("the keeper stops")?;
        }
        anyhow::Ok(())
    };
    if let Err(error) = reading.await {
        _ = events.send(Event::ReadFailed(format!("{error:#}"))).await;
    }
}

/// Reads everything: the market's margin accounts and changes, what is watched, mints, and where prices are published that are
/// not pinned.
pub async fn read_all(
    node: Arc<Node>,
    market: Address,
    watched: Vec<Address>,
    feeds: (Vec<[u8; 32]>, Vec<Address>),
    events: Events,
) {
    let reading = async {
        // The market first: accounts name its reserves.
        for (address, (slot, account)) in watched.iter().zip(node.accounts_at(&watched).await?) {
            events.send(Event::News(News::Account { address: *address, slot, account })).await?;
        }
        let (slot, accounts) = node.margin_accounts(market, None).await?;
        events.send(Event::News(News::Listing { slot, accounts })).await?;
        let change = std::mem::offset_of!(Change, market) + 8;
        let filters = vec![bytes_at(0, &Change::DISCRIMINATOR), bytes_at(change, market.as_ref())];
        let (_, queued) = node.program_accounts(ID, filters).await?;
        events.send(Event::News(News::Changes(changes(market, &queued)))).await?;
        let (feeds, receivers) = feeds;
        for feed in feeds {
            if let Some(address) = newest_price(&node, feed, &receivers).await? {
                events.send(Event::Feed(feed, address)).await?;
            }
        }
        anyhow::Ok(())
    };
    if let Err(error) = reading.await {
        _ = events.send(Event::ReadFailed(format!("{error:#}"))).await;
    }
}

/// The account of the receivers that has the newest price of a feed.
async fn newest_price(node: &Node, feed: [u8; 32], receivers: &[Address]) -> Result<Option<Address>> {
    const FEED: usize = 41;
    let mut newest = None;
    for receiver in receivers {
        let filters = vec![bytes_at(FEED, &feed)];
        let (_, accounts) = node.program_accounts(*receiver, filters).await?;
        for (address, account) in accounts {
            if let Ok(update) = ballast_client::engine::price::PriceUpdate::parse(&account.data)
                && newest.is_none_or(|(time, _)| update.publish_time > time)
            {
                newest = Some((update.publish_time, address));
            }
        }
    }
    Ok(newest.map(|(_, address)| address))
}

/// Fails unless a market is there.
pub async fn require_market(node: &Node, market: Address) -> Result<()> {
    match node.account(market).await? {
        Some(account) if account.owner == ID => Ok(()),
        Some(account) => bail!("--market {market}: the account belongs to {}, not to Ballast", account.owner),
        None => bail!("--market {market}: there is no such account"),
    }
}

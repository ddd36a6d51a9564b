//! News of the chain: by subscription, by reading all, and by reading again.
//!
//! Subscriptions come first and a reading of everything after, so that no change falls between them. While the socket is down,
//! the watched accounts are polled, and the others are read as often as the node bears. All news carries its slot.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use anyhow::{Result, bail};
use ballast_client::{
    Address, ID,
    engine::{price::feed::PriceUpdate, state::change::Change},
};
use ballast_rpc::{Node, bytes_at, margin_filters};
use futures_util::{
    StreamExt,
    future::{BoxFuture, ready},
    stream::{BoxStream, SelectAll},
};
use rand::Rng;
use solana_account_decoder_client_types::{UiAccount, UiAccountEncoding};
use solana_commitment_config::CommitmentConfig;
use solana_pubsub_client::nonblocking::pubsub_client::PubsubClient;
use solana_rpc_client_api::config::{RpcAccountInfoConfig, RpcProgramAccountsConfig};
use tokio::{
    sync::{mpsc, watch},
    time::{sleep, timeout},
};

use super::state::{News, changes, feeds::FeedId};

/// After so long without a message, the connection counts as dead.
const SILENCE: Duration = Duration::from_secs(15);
/// The first pause before connecting again, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(30));

/// What is read together. Each kind has a pace of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// The accounts that are watched by their addresses: few, and what health depends on.
    Watched,
    /// The market's margin accounts, which may be many, and the changes that are queued.
    Margins,
    /// The price accounts of feeds that are not pinned.
    Feeds,
    /// Accounts with two different states of the same slot.
    Doubts,
    /// Which vaults there are, and which of their terms are over.
    VaultList,
    /// Vaults, their markets and the heads of their queues.
    Vaults,
}

/// What the feed tells.
#[derive(Debug)]
pub enum Event {
    /// News, and whether a subscription or a reading brought it.
    News(News),
    /// The socket is up: everything is to be read.
    Connected,
    /// It is down.
    Disconnected,
    /// More accounts are watched now: they are to be read.
    Watching,
    /// The cluster's slot.
    Slot(u64),
    /// A reading has ended.
    Read(Reading, Result<(), String>),
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
        let (lived, error) = ended;
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

/// One connection: ends with whether it had been up, and why it is not any more.
async fn session(
    url: &str,
    market: Address,
    watched: &mut watch::Receiver<Vec<Address>>,
    events: &Events,
) -> (bool, anyhow::Error) {
    let gone = || (true, anyhow::anyhow!("the keeper stops"));
    let client = match timeout(SILENCE, PubsubClient::new(url)).await {
        Ok(Ok(client)) => client,
        Ok(Err(error)) => return (false, error.into()),
        Err(_) => return (false, anyhow::anyhow!("connecting takes too long")),
    };
    let addresses = watched.borrow_and_update().clone();
    let subscribing = async {
        let mut news = Subscriptions::to_all(&client, market).await?;
        news.watch(&client, &addresses).await?;
        anyhow::Ok(news)
    };
    let mut news = match timeout(SILENCE, subscribing).await {
        Ok(Ok(news)) => news,
        Ok(Err(error)) => return (false, error),
        Err(_) => return (false, anyhow::anyhow!("subscribing takes too long")),
    };
    if events.send(Event::Connected).await.is_err() {
        return gone();
    }
    loop {
        let event = tokio::select! {
            changed = watched.changed() => {
                let addresses = watched.borrow_and_update().clone();
                match timeout(SILENCE, news.watch(&client, &addresses)).await {
                    _ if changed.is_err() => return gone(),
                    Ok(Ok(())) => Event::Watching,
                    Ok(Err(error)) => return (true, error),
                    Err(_) => return (true, anyhow::anyhow!("subscribing takes too long")),
                }
            }
            event = timeout(SILENCE, news.streams.next()) => match event {
                Ok(Some(event)) => event,
                Ok(None) => return (true, anyhow::anyhow!("the connection was closed")),
                Err(_) => return (true, anyhow::anyhow!("nothing heard for {} s", SILENCE.as_secs())),
            }
        };
        if events.send(event).await.is_err() {
            return gone();
        }
    }
}

type Unsubscribe = Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>;

/// The subscriptions of a connection.
struct Subscriptions<'a> {
    streams: SelectAll<BoxStream<'a, Event>>,
    /// For each watched account, how to end its subscription.
    watched: HashMap<Address, Unsubscribe>,
}

fn account_config() -> RpcAccountInfoConfig {
    RpcAccountInfoConfig {
        encoding: Some(UiAccountEncoding::Base64),
        commitment: Some(CommitmentConfig::confirmed()),
        ..RpcAccountInfoConfig::default()
    }
}

impl<'a> Subscriptions<'a> {
    /// To the market's margin accounts and the slots.
    async fn to_all(client: &'a PubsubClient, market: Address) -> Result<Self> {
        let config = RpcProgramAccountsConfig {
            filters: Some(margin_filters(market, &[])),
            account_config: account_config(),
            ..RpcProgramAccountsConfig::default()
        };
        let mut streams = SelectAll::new();
        let (margins, _) = client.program_subscribe(&ID, Some(config)).await?;
        streams.push(
            margins
                .filter_map(|update| {
                    let address = update.value.pubkey.parse().ok();
                    ready(address.and_then(|address| news(address, update.context.slot, &update.value.account)))
                })
                .boxed(),
        );
        let (slots, _) = client.slot_subscribe().await?;
        streams.push(slots.map(|slot| Event::Slot(slot.slot)).boxed());
        Ok(Self { streams, watched: HashMap::new() })
    }

    /// Subscribes to these accounts, and ends the subscriptions of all others.
    async fn watch(&mut self, client: &'a PubsubClient, addresses: &[Address]) -> Result<()> {
        let wanted: HashSet<_> = addresses.iter().copied().collect();
        for address in wanted.iter().copied().filter(|address| !self.watched.contains_key(address)).collect::<Vec<_>>()
        {
            let (updates, unsubscribe) = client.account_subscribe(&address, Some(account_config())).await?;
            let of_account = updates.filter_map(move |update| ready(news(address, update.context.slot, &update.value)));
            self.streams.push(of_account.boxed());
            self.watched.insert(address, unsubscribe);
        }
        let others = self.watched.extract_if(|address, _| !wanted.contains(address));
        for (_, unsubscribe) in others.collect::<Vec<_>>() {
            unsubscribe().await;
        }
        Ok(())
    }
}

/// What a notice says. An account that was closed is told as one without lamports.
fn news(address: Address, slot: u64, account: &UiAccount) -> Option<Event> {
    let account = account.to_account()?;
    let account = (account.lamports > 0).then_some(account);
    Some(Event::News(News::Account { address, slot, account }))
}

/// Reads some accounts, not older than a slot.
pub async fn read(node: Arc<Node>, addresses: Vec<Address>, not_before: u64, events: Events) -> Result<()> {
    for (address, (slot, account)) in addresses.iter().zip(node.accounts_since(&addresses, not_before).await?) {
        events.send(Event::News(News::Account { address: *address, slot, account })).await?;
    }
    Ok(())
}

/// How often a part of a reading is tried.
const TRIES: usize = 3;

/// Reads the market's margin accounts, and the changes that are queued. A large market is read in 256 parts, by the first byte
/// of the owner's address. So no answer is too large for the node or for memory, and a failure costs only one part.
pub async fn read_margins(node: Arc<Node>, market: Address, in_parts: bool, events: Events) -> Result<()> {
    let owners: Vec<Vec<u8>> = if in_parts { (0..=u8::MAX).map(|byte| vec![byte]).collect() } else { vec![Vec::new()] };
    let (mut not_before, mut addresses) = (u64::MAX, HashSet::new());
    for owner in owners {
        let mut tries = 1;
        let (slot, accounts) = loop {
            match node.program_accounts(ID, margin_filters(market, &owner)).await {
                Err(_) if in_parts && tries < TRIES => tries += 1,
                answer => break answer?,
            }
        };
        not_before = not_before.min(slot);
        addresses.extend(accounts.iter().map(|(address, _)| *address));
        events.send(Event::News(News::Margins { slot, accounts })).await?;
    }
    events.send(Event::News(News::Listing { slot: not_before, addresses })).await?;
    let change = std::mem::offset_of!(Change, market) + 8;
    let filters = vec![bytes_at(0, &Change::DISCRIMINATOR), bytes_at(change, market.as_ref())];
    let (_, queued) = node.program_accounts(ID, filters).await?;
    events.send(Event::News(News::Changes(changes(market, &queued)))).await?;
    Ok(())
}

/// Reads the price accounts of feeds that are not pinned: for each feed the receivers' account with the newest price.
pub async fn read_feeds(
    node: Arc<Node>,
    feeds: BTreeSet<FeedId>,
    receivers: Vec<Address>,
    events: Events,
) -> Result<()> {
    const FEED: usize = 41;
    for feed in feeds {
        let mut newest = None;
        for receiver in &receivers {
            let (slot, accounts) = node.program_accounts(*receiver, vec![bytes_at(FEED, &feed)]).await?;
            for (address, account) in accounts {
                if let Ok(update) = PriceUpdate::parse(&account.data)
                    && newest.as_ref().is_none_or(|(time, _)| update.publish_time > *time)
                {
                    newest = Some((update.publish_time, News::Feed { feed, address, slot, account }));
                }
            }
        }
        if let Some((_, news)) = newest {
            events.send(Event::News(news)).await?;
        }
    }
    Ok(())
}

/// Fails unless a market is there.
pub async fn require_market(node: &Node, market: Address) -> Result<()> {
    match node.account(market).await? {
        Some(account) if account.owner == ID => Ok(()),
        Some(account) => bail!("--market {market}: the account belongs to {}, not to Ballast", account.owner),
        None => bail!("--market {market}: there is no such account"),
    }
}

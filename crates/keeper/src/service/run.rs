//! The loop that joins everything.

mod perps;
mod vaults;

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use ballast_client::{Address, from_engine};
use ballast_rpc::Node;
use rand::Rng;
use solana_keypair::Keypair;
use solana_signer::Signer;
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};

use super::{
    act::{Actor, Brief, SOL, View},
    config::Options,
    duty::{Attempts, Duty, Ended, Subject, Thresholds, duties},
    feed::{self, Event, Events, Reading},
    metrics::Metrics,
    pace::Pace,
    perps as perp_work,
    router::Router,
    state::{News, State},
};
use crate::account_index::Extent;

/// Events that can wait. If there are more, their sender waits, and with it the socket.
const QUEUE: usize = 65_536;
/// For how long a node that is behind or busy is asked again before a request is given up.
const PATIENCE: Duration = Duration::from_secs(15);
/// If the index holds more margin accounts than this, they are read in parts.
const MOST_AT_ONCE: usize = 20_000;
/// After so many failures to read them in one answer, they are read in parts.
const FAILURES_AT_ONCE: u32 = 2;
/// News within so long is evaluated together.
const TICK: Duration = Duration::from_millis(50);
/// Ratios of collateral to debt, at maintenance, that accounts are counted below.
const RATIOS: [f64; 4] = [1.0, 1.01, 1.05, 1.1];

/// Runs until told to stop, and then until what is under way has ended.
pub async fn run(options: Options) -> Result<()> {
    let (stop, stopped) = watch::channel(false);
    let metrics = Metrics::new()?;
    let address = metrics.clone().serve(options.metrics_address, stopped.clone()).await?;
    let keypair = read_keypair(&options)?;
    let router = options.router()?.map(|settings| Router::new(settings, metrics.clone())).transpose()?;
    let node = Arc::new(Node::with_patience(&options.rpc_url, PATIENCE));
    let keeper = keypair.pubkey();
    tracing::info!(%keeper, market = %options.market, metrics = %address, dry_run = options.dry_run, "starts");
    tokio::spawn(async move {
        signal().await;
        tracing::info!("stops when what is under way has ended");
        _ = stop.send(true);
    });
    wait_for_market(&node, options.market, &metrics, stopped.clone()).await?;
    let actor = Actor {
        node,
        router,
        keypair,
        options,
        metrics,
        committed: Default::default(),
        pledged: Default::default(),
        opening: Default::default(),
    };
    Keeper::new(actor, stopped)?.run().await
}

fn read_keypair(options: &Options) -> Result<Keypair> {
    let path = &options.keypair;
    let text = std::fs::read_to_string(path).with_context(|| format!("--keypair {}", path.display()))?;
    let bytes: Vec<u8> = serde_json::from_str(&text).with_context(|| format!("--keypair {}", path.display()))?;
    Keypair::try_from(bytes.as_slice()).map_err(|error| anyhow::anyhow!("--keypair {}: {error}", path.display()))
}

/// SIGTERM or SIGINT.
async fn signal() {
    let interrupt = tokio::signal::ctrl_c();
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = interrupt => (),
            _ = terminate.recv() => (),
        },
        Err(_) => _ = interrupt.await,
    }
}

/// Waits for a node that answers. If the address is no market, that is an error at once.
async fn wait_for_market(
    node: &Node,
    market: Address,
    metrics: &Metrics,
    mut stopped: watch::Receiver<bool>,
) -> Result<()> {
    let mut pause = Duration::from_millis(250);
    loop {
        match feed::require_market(node, market).await {
            Err(error) if error.is::<ballast_rpc::NodeError>() => {
                metrics.read_errors.inc();
                tracing::warn!(error = format!("{error:#}"), "the node does not answer");
            }
            done => return done,
        }
        tokio::select! {
            () = sleep(pause) => pause = (pause * 2).min(Duration::from_secs(10)),
            _ = stopped.wait_for(|stop| *stop) => return Ok(()),
        }
    }
}

struct Keeper {
    actor: Arc<Actor>,
    state: State,
    attempts: Attempts,
    thresholds: Thresholds,
    running: JoinSet<(Subject, Ended)>,
    events: (Events, mpsc::Receiver<Event>),
    watched: watch::Sender<Vec<Address>>,
    stopped: watch::Receiver<bool>,
    /// When it began: the clock of attempts.
    start: Instant,
    is_connected: bool,
    /// Whether news since the last evaluation changes something.
    is_dirty: bool,
    /// Accounts to read again, as of this slot or later, because there were two states of one slot.
    doubts: HashMap<Address, u64>,
    last_full: Option<Instant>,
    /// When what there is to do about vaults was last looked for.
    last_vaults: Option<Instant>,
    paces: Paces,
}

/// When each kind of reading is made.
#[derive(Default)]
struct Paces {
    watched: Pace,
    margins: Pace,
    feeds: Pace,
    doubts: Pace,
    vault_list: Pace,
    vaults: Pace,
}

impl Keeper {
    fn new(actor: Actor, stopped: watch::Receiver<bool>) -> Result<Self> {
        let state = State::new(actor.options.market, actor.keypair.pubkey());
        let state = state.with_margin_account(actor.options.margin_account);
        let (watched, _) = watch::channel(state.chain.watched());
        Ok(Self {
            thresholds: actor.options.thresholds()?,
            actor: Arc::new(actor),
            state,
            attempts: Attempts::default(),
            running: JoinSet::new(),
            events: mpsc::channel(QUEUE),
            watched,
            stopped,
            start: Instant::now(),
            is_connected: false,
            is_dirty: false,
            doubts: HashMap::new(),
            last_full: None,
            last_vaults: None,
            paces: Paces::default(),
        })
    }

    async fn run(mut self) -> Result<()> {
        let options = self.actor.options.clone();
        let subscriber = feed::subscribe(
            options.ws()?,
            options.market,
            self.watched.subscribe(),
            self.events.0.clone(),
            self.stopped.clone(),
        );
        tokio::spawn(subscriber);
        // The socket may be long in coming.
        self.want_all();
        let every = |period: Duration| {
            let mut ticks = interval(period.max(Duration::from_millis(10)));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        };
        let mut ticks = every(TICK);
        let mut polls = every(Duration::from_millis(options.poll));
        let mut resyncs = every(Duration::from_secs(options.resync));
        resyncs.reset();
        let mut vault_polls = every(Duration::from_secs(options.vault_poll));
        let mut stopped = self.stopped.clone();
        loop {
            tokio::select! {
                Some(event) = self.events.1.recv() => {
                    self.hear(event);
                    while let Ok(event) = self.events.1.try_recv() {
                        self.hear(event);
                    }
                }
                Some(ended) = self.running.join_next() => self.end(ended),
                _ = ticks.tick() => {
                    self.read();
                    self.look();
                }
                _ = polls.tick() => if !self.is_connected {
                    self.paces.watched.want();
                    self.paces.margins.want();
                },
                _ = resyncs.tick() => self.want_all(),
                _ = vault_polls.tick() => self.paces.vaults.want(),
                _ = stopped.wait_for(|stop| *stop) => break,
            }
        }
        self.finish(Duration::from_secs(options.grace)).await;
        Ok(())
    }

    /// Waits for what is under way.
    async fn finish(&mut self, grace: Duration) {
        let end = sleep(grace);
        tokio::pin!(end);
        loop {
            tokio::select! {
                ended = self.running.join_next() => match ended {
                    Some(ended) => self.end(ended),
                    None => break tracing::info!("stopped"),
                },
                () = &mut end => break tracing::warn!(left = self.running.len(), "stopped before all had ended"),
            }
        }
    }

    fn now(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }

    fn hear(&mut self, event: Event) {
        let metrics = &self.actor.metrics;
        match event {
            Event::News(news) => {
                metrics.hear();
                let (is_list, is_read) = (matches!(news, News::Vaults(_)), matches!(news, News::Snapshots(_)));
                if is_list || is_read {
                    self.state.hear(news);
                    return self.heard_of_vaults(is_list);
                }
                let update = self.state.hear(news);
                let count =
                    |became: &str, number: usize| metrics.news.with_label_values(&[became]).inc_by(number as u64);
                count("older", update.older);
                count("in_doubt", update.doubts.len());
                count(if update.changed { "changed" } else { "same" }, 1);
                self.is_dirty |= update.changed;
                for (address, slot) in update.doubts {
                    self.resolve(address, slot);
                }
                if update.watched {
                    self.watched.send_replace(self.state.chain.watched());
                    self.paces.watched.want();
                }
                if update.is_blind {
                    self.paces.feeds.want();
                }
            }
            Event::Watching => self.paces.watched.want(),
            Event::Connected => {
                self.is_connected = true;
                metrics.connected.set(1);
                self.want_all();
            }
            Event::Disconnected => {
                self.is_connected = false;
                metrics.connected.set(0);
                metrics.disconnects.inc();
            }
            Event::Slot(slot) => {
                metrics.hear();
                metrics.slot.set(slot as i64);
                // Time passes by the slot: prices age, terms come.
                self.is_dirty = true;
                self.actor.node.has_reached(slot.saturating_sub(SLOTS_BEHIND));
            }
            Event::Read(reading, ended) => self.end_reading(reading, ended),
        }
    }

    /// Has an account read again, as of a later slot.
    fn resolve(&mut self, address: Address, slot: u64) {
        let since = self.doubts.entry(address).or_default();
        *since = slot.saturating_add(1).max(*since);
        self.paces.doubts.want();
    }

    /// Asks for a reading of everything.
    fn want_all(&mut self) {
        self.actor.metrics.resyncs.inc();
        let Paces { watched, margins, feeds, vault_list, .. } = &mut self.paces;
        for pace in [watched, margins, feeds, vault_list] {
            pace.want();
        }
    }

    /// Begins the readings whose time has come.
    fn read(&mut self) {
        let (now, chain) = (self.now(), &self.state.chain);
        let (node, events) = (self.actor.node.clone(), self.events.0.clone());
        if self.paces.watched.begin(now) {
            let addresses = [chain.watched(), chain.unwatched()].concat();
            self.begin_reading(Reading::Watched, feed::read(node.clone(), addresses, 0, events.clone()));
        }
        if self.paces.doubts.begin(now) {
            let doubts = std::mem::take(&mut self.doubts);
            let since = doubts.values().copied().max().unwrap_or_default();
            let addresses = doubts.keys().copied().collect();
            self.begin_reading(Reading::Doubts, feed::read(node.clone(), addresses, since, events.clone()));
        }
        self.read_vaults();
        // Accounts name the market's reserves, and the market names feeds and receivers.
        let chain = &self.state.chain;
        let Some(market) = chain.market() else { return };
        let roles = &market.market.config.roles;
        if self.paces.margins.begin(now) {
            let in_parts =
                self.state.accounts.len() > MOST_AT_ONCE || self.paces.margins.failures() >= FAILURES_AT_ONCE;
            let market = self.actor.options.market;
            self.begin_reading(Reading::Margins, feed::read_margins(node.clone(), market, in_parts, events.clone()));
        }
        if self.paces.feeds.begin(now) {
            let receivers = [roles.price_receiver, roles.second_price_receiver];
            let receivers = receivers.into_iter().filter(|one| !one.is_none()).map(|one| from_engine(&one)).collect();
            let feeds = self.state.chain.unpinned_feeds();
            self.begin_reading(Reading::Feeds, feed::read_feeds(node, feeds, receivers, events));
        }
    }

    /// Begins a reading. An event tells when it ends, even if it panics.
    fn begin_reading(&self, reading: Reading, task: impl Future<Output = Result<()>> + Send + 'static) {
        let (task, events) = (tokio::spawn(task), self.events.0.clone());
        tokio::spawn(async move {
            let ended = match task.await {
                Ok(ended) => ended.map_err(|error| format!("{error:#}")),
                Err(error) => Err(error.to_string()),
            };
            _ = events.send(Event::Read(reading, ended)).await;
        });
    }

    fn end_reading(&mut self, reading: Reading, ended: Result<(), String>) {
        let now = self.now();
        let pace = match reading {
            Reading::Watched => &mut self.paces.watched,
            Reading::Margins => &mut self.paces.margins,
            Reading::Feeds => &mut self.paces.feeds,
            Reading::Doubts => &mut self.paces.doubts,
            Reading::VaultList => &mut self.paces.vault_list,
            Reading::Vaults => &mut self.paces.vaults,
        };
        pace.end(now, ended.is_ok(), rand::rng().random());
        if let Err(error) = ended {
            self.actor.metrics.read_errors.inc();
            tracing::warn!(what = ?reading, error, "reading failed");
        }
    }

    fn end(&mut self, ended: Result<(Subject, Ended), tokio::task::JoinError>) {
        match ended {
            Ok((subject, ended)) => {
                let jitter = rand::rng().random();
                self.attempts.end(subject, ended, self.now(), jitter);
                self.read_again(subject);
                self.is_dirty = true;
            }
            Err(error) => tracing::error!(%error, "an attempt broke off"),
        }
        self.actor.metrics.running.set(self.running.len() as i64);
    }

    /// Finds what there is to do, and begins it.
    fn look(&mut self) {
        let full = Duration::from_secs(self.actor.options.full_scan);
        let is_full = self.last_full.is_none_or(|last| last.elapsed() >= full);
        if !self.is_dirty && !is_full {
            return;
        }
        let Some(mut predicted) = self.state.chain.predict(u64::MAX) else { return };
        self.is_dirty = false;
        let extent = if is_full { Extent::Full } else { Extent::Moved };
        let start = Instant::now();
        // A million accounts take longer than a task may block its thread.
        let (now, attempts) = (self.now(), &self.attempts);
        let is_free = |subject: &Subject| attempts.is_free(subject, now);
        let Ok(terms) = self.actor.perp_terms(&self.state.chain, &predicted.market) else { return };
        let (mut duties, found) = tokio::task::block_in_place(|| {
            let (mut all, found) = duties(&mut self.state, &mut predicted, extent, &self.thresholds, is_free);
            all.extend(perp_work::duties(&mut self.state, &predicted, extent, &terms, is_free));
            (all, found)
        });
        let metrics = &self.actor.metrics;
        metrics.evaluation.observe(start.elapsed().as_secs_f64());
        metrics.liquidatable.set(found.len() as i64);
        if is_full {
            self.last_full = Some(start);
            self.measure();
            self.measure_perps(&predicted);
            let now = self.now();
            self.attempts.forget(now);
        }
        let view = View {
            held: self.state.chain.held(),
            fees: self.state.chain.fees(),
            rents: self.state.chain.rents(),
            own: self.state.accounts.account(&self.state.chain.margin),
            chain: self.state.chain.clone(),
            predicted,
        };
        duties.extend(self.vault_duties(&view));
        self.begin(duties, view);
    }

    fn measure(&self) {
        let (metrics, index) = (&self.actor.metrics, &self.state.accounts);
        metrics.accounts.set(index.len() as i64);
        metrics.account_index_bytes.set(index.memory() as i64);
        metrics.sol.set(self.state.chain.lamports() as f64 / SOL);
        for (ratio, count) in RATIOS.iter().zip(index.below(RATIOS)) {
            metrics.near.with_label_values(&[&ratio.to_string()]).set(count as i64);
        }
    }

    fn begin(&mut self, duties: Vec<Duty>, view: View) {
        let view = Arc::new(view);
        let mut ranked: Vec<_> = duties.into_iter().map(|duty| self.rank(duty, &view)).collect();
        ranked.sort_by(|one, other| other.0.total_cmp(&one.0));
        for (_, duty, account) in ranked {
            if self.running.len() >= self.actor.options.parallel.max(1) {
                // The duties left are found again when an attempt has ended.
                break;
            }
            let subject = duty.subject();
            let Some(unlanded) = self.attempts.begin(subject, self.now()) else { continue };
            let (actor, view) = (self.actor.clone(), view.clone());
            let vault = match &duty {
                Duty::Vault(vault, ..) => self.state.vaults.find(vault).cloned().map(Box::new),
                _ => None,
            };
            let brief = Brief { duty, unlanded, account, vault };
            self.running.spawn(async move {
                let jitter = rand::rng().random_range(0..=actor.options.jitter);
                sleep(Duration::from_millis(jitter)).await;
                (subject, actor.act(&brief, &view).await)
            });
        }
        self.actor.metrics.running.set(self.running.len() as i64);
    }

    /// What a duty may earn, USD, to order duties by: prices go first, then liquidations by profit, then the rest.
    fn rank(
        &self,
        duty: Duty,
        view: &View,
    ) -> (f64, Duty, Option<ballast_client::engine::state::account::MarginAccount>) {
        let account = match &duty {
            Duty::Liquidate(address) | Duty::Report(address) => self.state.accounts.account(address),
            _ => None,
        };
        let worth = match (&duty, &account) {
            (Duty::Refresh(_), _) => f64::INFINITY,
            // Those who leave do not wait, and neither do pools; but what is liquidated is not lost.
            (Duty::Report(_), _) => 0.0,
            (Duty::Vault(_, _, profit), _) => *profit,
            (Duty::Liquidate(_), Some(account)) => {
                let (market, now) = (&view.predicted.market, view.predicted.now);
                let case =
                    ballast_liquidator::Case { market, now, account, held: &view.held, fees: &view.fees, rents: &[] };
                let terms = self.actor.perp_terms(&view.chain, market).ok();
                let perps = terms.and_then(|terms| view.desk(terms).estimate(account));
                case.estimate().unwrap_or(0.0).max(perps.unwrap_or(0.0))
            }
            (Duty::Perp(work), _) => work.profit.max(0.0),
            _ => -1.0,
        };
        (worth, duty, account)
    }
}

/// How far a node behind a balancer may be behind another: no older answers are taken.
const SLOTS_BEHIND: u64 = 32;

//! The loop that joins everything.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
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
    feed::{self, Event, Events},
    metrics::Metrics,
    router::Router,
    state::State,
};
use crate::book::Extent;

/// Events that wait. Whoever sends more waits too, and so does the socket.
const QUEUE: usize = 65_536;
/// What came within so long is looked at together.
const TICK: Duration = Duration::from_millis(50);
/// Ratios of collateral to debt, at maintenance, that accounts are counted below.
const RATIOS: [f64; 4] = [1.0, 1.01, 1.05, 1.1];

/// Runs until told to stop, and then until what is under way has ended.
pub async fn run(options: Options) -> Result<()> {
    let (stop, stopped) = watch::channel(false);
    let metrics = Metrics::new()?;
    let address = metrics.clone().serve(options.metrics_address, stopped.clone()).await?;
    let keypair = read_keypair(&options)?;
    let node = Arc::new(Node::new(&options.rpc_url));
    let keeper = keypair.pubkey();
    tracing::info!(%keeper, market = %options.market, metrics = %address, dry_run = options.dry_run, "starts");
    tokio::spawn(async move {
        signal().await;
        tracing::info!("stops when what is under way has ended");
        _ = stop.send(true);
    });
    wait_for_market(&node, options.market, &metrics, stopped.clone()).await?;
    let router = (options.router_url != "none")
        .then(|| Router::new(&options.router_url, options.swap_accounts, options.swap_slippage_bps()?));
    let actor = Actor { node, router: router.transpose()?, keypair, options, metrics, committed: Mutex::default() };
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

/// Waits for a node that answers; a market that is none is an error at once.
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
    /// What was heard since the last evaluation changes something.
    is_dirty: bool,
    /// Read again that two states of one slot were heard of.
    doubts: HashSet<(Address, u64)>,
    last_full: Option<Instant>,
    /// Whether everything is being read.
    is_reading: Arc<AtomicBool>,
    /// Whether it is to be read again after that: what was asked for meanwhile may not be in it.
    wants_reading: bool,
}

impl Keeper {
    fn new(actor: Actor, stopped: watch::Receiver<bool>) -> Result<Self> {
        let state = State::new(actor.options.market, actor.keypair.pubkey());
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
            doubts: HashSet::new(),
            last_full: None,
            is_reading: Arc::default(),
            wants_reading: false,
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
        self.read_all();
        let every = |period: Duration| {
            let mut ticks = interval(period.max(Duration::from_millis(10)));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        };
        let mut ticks = every(TICK);
        let mut polls = every(Duration::from_millis(options.poll));
        let mut resyncs = every(Duration::from_secs(options.resync));
        resyncs.reset();
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
                _ = ticks.tick() => self.look(),
                _ = polls.tick() => if !self.is_connected { self.read_all() },
                _ = resyncs.tick() => self.read_all(),
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
                let heard = self.state.hear(news);
                let count =
                    |became: &str, number: usize| metrics.news.with_label_values(&[became]).inc_by(number as u64);
                count("older", heard.older);
                count("in_doubt", heard.doubts.len());
                count(if heard.changed { "changed" } else { "same" }, 1);
                self.is_dirty |= heard.changed;
                for (address, slot) in heard.doubts {
                    self.resolve(address, slot);
                }
                if heard.watched {
                    self.watch_more();
                }
            }
            Event::Feed(feed, address) => {
                if !self.state.chain.watched().contains(&address) {
                    self.state.chain.name_feed(feed, address);
                    self.watch_more();
                }
            }
            Event::Connected => {
                self.is_connected = true;
                metrics.connected.set(1);
                self.read_all();
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
            Event::ReadFailed(error) => {
                metrics.read_errors.inc();
                tracing::warn!(error, "reading failed");
            }
        }
    }

    /// Reads an account again, as of a later slot.
    fn resolve(&mut self, address: Address, slot: u64) {
        if self.doubts.len() > QUEUE {
            self.doubts.clear();
        }
        if self.doubts.insert((address, slot)) {
            tokio::spawn(feed::read(self.actor.node.clone(), vec![address], slot + 1, self.events.0.clone()));
        }
    }

    fn watch_more(&mut self) {
        let watched = self.state.chain.watched();
        self.watched.send_replace(watched);
        self.read_watched();
        // Where prices are published that are not pinned is asked for there.
        self.wants_reading = true;
    }

    fn read_watched(&self) {
        let mut addresses = self.state.chain.watched();
        addresses.extend(self.state.chain.mints());
        tokio::spawn(feed::read(self.actor.node.clone(), addresses, 0, self.events.0.clone()));
    }

    fn read_all(&mut self) {
        // A slow node is not asked again before it has answered.
        self.wants_reading = self.is_reading.swap(true, Ordering::Relaxed);
        if self.wants_reading {
            return;
        }
        self.actor.metrics.resyncs.inc();
        let chain = &self.state.chain;
        let mut watched = chain.watched();
        watched.extend(chain.mints());
        let receivers = chain.market().map(|market| {
            let roles = &market.market.config.roles;
            [roles.price_receiver, roles.second_price_receiver]
        });
        let receivers = receivers.into_iter().flatten().filter(|one| !one.is_none()).map(|one| from_engine(&one));
        let feeds = (chain.unpinned_feeds(), receivers.collect());
        let (node, market) = (self.actor.node.clone(), self.actor.options.market);
        let reading = feed::read_all(node, market, watched, feeds, self.events.0.clone());
        let is_reading = self.is_reading.clone();
        tokio::spawn(async move {
            reading.await;
            is_reading.store(false, Ordering::Relaxed);
        });
    }

    fn end(&mut self, ended: Result<(Subject, Ended), tokio::task::JoinError>) {
        match ended {
            Ok((subject, ended)) => {
                let jitter = rand::rng().random();
                self.attempts.end(subject, ended, self.now(), jitter);
                self.is_dirty = true;
            }
            Err(error) => tracing::error!(%error, "an attempt broke off"),
        }
        self.actor.metrics.running.set(self.running.len() as i64);
    }

    /// Finds what there is to do, and begins it.
    fn look(&mut self) {
        if self.wants_reading {
            self.read_all();
        }
        let full = Duration::from_secs(self.actor.options.full_scan);
        let is_full = self.last_full.is_none_or(|last| last.elapsed() >= full);
        if !self.is_dirty && !is_full {
            return;
        }
        let Some(mut predicted) = self.state.chain.predict(u64::MAX) else { return };
        self.is_dirty = false;
        let extent = if is_full { Extent::Full } else { Extent::Moved };
        let start = Instant::now();
        // A million accounts take longer than a task should.
        let (now, attempts) = (self.now(), &self.attempts);
        let is_free = |subject: &Subject| attempts.is_free(subject, now);
        let (duties, found) =
            tokio::task::block_in_place(|| duties(&mut self.state, &mut predicted, extent, &self.thresholds, is_free));
        let metrics = &self.actor.metrics;
        metrics.evaluation.observe(start.elapsed().as_secs_f64());
        metrics.liquidatable.set(found.len() as i64);
        if is_full {
            self.last_full = Some(start);
            self.measure();
            let now = self.now();
            self.attempts.forget(now);
        }
        self.begin(
            duties,
            View {
                held: self.state.chain.held(),
                fees: self.state.chain.fees(),
                chain: self.state.chain.clone(),
                predicted,
            },
        );
    }

    fn measure(&self) {
        let (metrics, book) = (&self.actor.metrics, &self.state.book);
        metrics.accounts.set(book.len() as i64);
        metrics.book_bytes.set(book.memory() as i64);
        metrics.sol.set(self.state.chain.lamports() as f64 / SOL);
        for (ratio, count) in RATIOS.iter().zip(book.below(RATIOS)) {
            metrics.near.with_label_values(&[&ratio.to_string()]).set(count as i64);
        }
    }

    fn begin(&mut self, duties: Vec<Duty>, view: View) {
        let view = Arc::new(view);
        let mut ranked: Vec<_> = duties.into_iter().map(|duty| self.rank(duty, &view)).collect();
        ranked.sort_by(|one, other| other.0.total_cmp(&one.0));
        for (_, duty, account) in ranked {
            if self.running.len() >= self.actor.options.parallel.max(1) {
                // What is left is found again when one has ended.
                break;
            }
            let subject = duty.subject();
            let Some(unlanded) = self.attempts.begin(subject, self.now()) else { continue };
            let (actor, view) = (self.actor.clone(), view.clone());
            let brief = Brief { duty, unlanded, account };
            self.running.spawn(async move {
                let jitter = rand::rng().random_range(0..=actor.options.jitter);
                sleep(Duration::from_millis(jitter)).await;
                (subject, actor.act(&brief, &view).await)
            });
        }
        self.actor.metrics.running.set(self.running.len() as i64);
    }

    /// What a duty may earn: prices go before everything, the most profitable liquidation before others, and the rest last.
    fn rank(&self, duty: Duty, view: &View) -> (f64, Duty, Option<ballast_client::engine::margin::MarginAccount>) {
        let account = match &duty {
            Duty::Liquidate(address) => self.state.book.account(address),
            _ => None,
        };
        let worth = match (&duty, &account) {
            (Duty::Refresh(_), _) => f64::INFINITY,
            (Duty::Liquidate(_), Some(account)) => {
                let (market, now) = (&view.predicted.market, view.predicted.now);
                let case = crate::profit::Case { market, now, account, held: &view.held, fees: &view.fees };
                case.estimate().unwrap_or(0.0)
            }
            _ => -1.0,
        };
        (worth, duty, account)
    }
}

/// How far a node behind a balancer may be behind another: no older answers are taken.
const SLOTS_BEHIND: u64 = 32;

//! The price publisher: writes the market's price accounts as history goes on, and drives the chain's clock.
//!
//! # Time
//!
//! The clock that programs read goes as fast as history does: at speed 60 a second on the wall is a minute on the chain, so
//! that interest, averages, ramps and limits per hour work as they did in that hour. While prices stand still (speed 0, or
//! the end of history) the clock goes with the wall. It starts at the wall's time and never goes back. Slots and blockhashes
//! do not depend on it: a block comes every slot of the wall's time, and a blockhash lives for 150 of them.
//!
//! A price is published with the clock's second, at most once a second of the clock. All accounts of one tick are written
//! between the same two transactions.

use std::{
    sync::{Arc, RwLock, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, ensure};
use ballast_client::{Address, CLOCK_SYSVAR, PYTH_RECEIVERS, engine::price::feed::PriceUpdate, to_engine};
use ballast_sim::oracle::Oracle;
use solana_account::Account;
use solana_clock::Clock;
use surfpool_core::surfnet::svm::SurfnetSvm;

use crate::{
    chain::{Handle, Shared, account, write},
    history::{History, check},
    market::Reserve,
};

/// Between two looks at the wall's clock: the pace of Pyth's own publishers.
const TICK: Duration = Duration::from_millis(400);
/// Confidence ÷ price of a price that was set by hand.
const CONFIDENCE: f64 = 0.000_2;
/// The fastest that history may go: a tick is then a minute.
pub const MAX_SPEED: u32 = 150;

/// What was published last.
#[derive(Clone, Debug, Default)]
pub struct Published {
    /// Dollars per token of each reserve.
    pub prices: Vec<f64>,
    /// The slot it was published in.
    pub slot: u64,
    /// Unix seconds on the chain.
    pub chain_time: i64,
    /// Unix seconds in history.
    pub history_time: i64,
    /// Seconds of history in a second; 0 while prices stand still.
    pub speed: u32,
}

/// The publisher's remote control.
#[derive(Clone)]
pub struct Remote {
    orders: mpsc::Sender<(Order, mpsc::Sender<Result<()>>)>,
    published: Shared<Published>,
}

enum Order {
    Speed(u32),
    Prices(Vec<(usize, Option<f64>)>),
    Step(i64),
    Stop,
}

/// The publisher's thread. Stops when it is dropped.
pub struct Feed {
    remote: Remote,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Feed {
    /// Publishes the first prices, and goes on once it is given a speed.
    pub fn start(chain: Handle, history: History, reserves: &[Reserve]) -> Result<Self> {
        let (orders, received) = mpsc::channel();
        let published = Shared::default();
        let start_ms = chain.with(|svm| svm.updated_at as i64);
        let mut publisher = Publisher {
            chain,
            accounts: reserves.iter().map(|reserve| (reserve.price_account, reserve.feed_id)).collect(),
            own: vec![None; reserves.len()],
            position_ms: history.span().from * 1_000,
            history,
            oracle: Oracle::default(),
            clock_ms: start_ms,
            looked: Instant::now(),
            speed: 0,
            published: Arc::clone(&published),
        };
        publisher.publish(true)?;
        let thread = std::thread::Builder::new().name("feed".into()).spawn(move || publisher.run(&received))?;
        Ok(Self { remote: Remote { orders, published }, thread: Some(thread) })
    }

    /// For other threads.
    pub fn remote(&self) -> Remote {
        self.remote.clone()
    }

    /// Stops. Returns the error that ended it before, if one did.
    pub fn stop(&mut self) -> Result<()> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        // One that has ended already takes no order.
        _ = self.remote.order(Order::Stop);
        thread.join().map_err(|_| anyhow!("the price feed broke down"))?
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        _ = self.stop();
    }
}

impl Remote {
    fn order(&self, order: Order) -> Result<()> {
        let (reply, replied) = mpsc::channel();
        let gone = "the price feed has ended";
        self.orders.send((order, reply)).map_err(|_| anyhow!(gone))?;
        replied.recv().context(gone)?
    }

    /// Sets the speed: seconds of history in a second, at most [`MAX_SPEED`]; 0 lets prices stand still.
    pub fn set_speed(&self, speed: u32) -> Result<()> {
        ensure!(speed <= MAX_SPEED, "a speed of {speed} is above {MAX_SPEED}");
        self.order(Order::Speed(speed))
    }

    /// Sets the prices of reserves by their indices, in dollars, until they are given back to history by `None`. They have
    /// been published, all at once, when this returns; if one is wrong, none is.
    pub fn set_prices(&self, prices: Vec<(usize, Option<f64>)>) -> Result<()> {
        for (_, dollars) in &prices {
            dollars.map(check).transpose()?;
        }
        self.order(Order::Prices(prices))
    }

    /// Lets so many seconds of history pass at once, on the chain's clock too. The prices have been published when this
    /// returns.
    pub fn step(&self, seconds: i64) -> Result<()> {
        const YEAR: i64 = 31_536_000;
        ensure!((1..=YEAR).contains(&seconds), "a step of {seconds} s is not between a second and a year");
        self.order(Order::Step(seconds))
    }

    /// What was published last.
    pub fn published(&self) -> Published {
        self.published.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

struct Publisher {
    chain: Handle,
    /// Each reserve's price account and feed.
    accounts: Vec<(Address, [u8; 32])>,
    history: History,
    /// Prices set by hand.
    own: Vec<Option<f64>>,
    /// Where history stands, unix milliseconds.
    position_ms: i64,
    oracle: Oracle,
    /// Where the chain's clock should stand, unix milliseconds.
    clock_ms: i64,
    /// When the wall's clock was looked at.
    looked: Instant,
    speed: u32,
    published: Arc<RwLock<Published>>,
}

impl Publisher {
    fn run(mut self, orders: &mpsc::Receiver<(Order, mpsc::Sender<Result<()>>)>) -> Result<()> {
        loop {
            let received = orders.recv_timeout(TICK.saturating_sub(self.looked.elapsed()));
            self.look();
            match received {
                Ok((Order::Stop, reply)) => {
                    _ = reply.send(Ok(()));
                    return Ok(());
                }
                // The reply is lost only on who does not wait for it.
                Ok((order, reply)) => _ = reply.send(self.obey(order)),
                Err(mpsc::RecvTimeoutError::Timeout) => self.publish(false)?,
                Err(mpsc::RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }

    /// Takes the time since the last look into account.
    fn look(&mut self) {
        let now = Instant::now();
        let passed = (now - self.looked).as_millis() as i64;
        // What is less than a millisecond counts the next time.
        self.looked += Duration::from_millis(passed as u64);
        let is_over = self.position_ms >= self.history.span().to * 1_000;
        let speed = if is_over { 0 } else { i64::from(self.speed) };
        self.position_ms += passed * speed;
        self.clock_ms += passed * speed.max(1);
    }

    fn obey(&mut self, order: Order) -> Result<()> {
        match order {
            Order::Speed(speed) => self.speed = speed,
            Order::Prices(prices) => {
                let unknown = prices.iter().find(|(reserve, _)| *reserve >= self.own.len());
                ensure!(unknown.is_none(), "there is no reserve {unknown:?}");
                prices.into_iter().for_each(|(reserve, price)| self.own[reserve] = price);
            }
            Order::Step(seconds) => {
                self.position_ms += seconds * 1_000;
                self.clock_ms += seconds * 1_000;
            }
            Order::Stop => {}
        }
        self.publish(true)
    }

    /// Publishes what is due; anything new in a second of its own, so that nobody takes it for what they have read.
    fn publish(&mut self, is_new: bool) -> Result<()> {
        let last = self.published.read().unwrap_or_else(std::sync::PoisonError::into_inner).chain_time;
        if is_new {
            self.clock_ms = self.clock_ms.max((last + 1) * 1_000);
        }
        let history_time = self.position_ms / 1_000;
        let readings = self.history.at(history_time);
        let own = |(of, (price, confidence)): (&Option<f64>, (f64, f64))| {
            of.map_or((price, confidence), |own| (own, CONFIDENCE))
        };
        let (prices, confidences): (Vec<_>, Vec<_>) = self.own.iter().zip(readings).map(own).unzip();
        let (clock_ms, accounts, oracle) = (self.clock_ms, &self.accounts, std::sync::Mutex::new(&mut self.oracle));
        let published = self.chain.with(|svm| -> Result<_> {
            let now = set_clock(svm, clock_ms);
            if now <= last {
                return Ok(None);
            }
            let mut oracle = oracle.lock().map_err(|_| anyhow!("the averages are lost"))?;
            let updates = oracle.updates(&prices, &confidences, now);
            let updates = updates.into_iter().zip(accounts);
            write(svm, updates.map(|(update, (address, feed_id))| (*address, price(update, *feed_id))).collect())?;
            Ok(Some((now, svm.latest_epoch_info.absolute_slot)))
        })?;
        let mut state = self.published.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        (state.speed, state.history_time) = (self.speed, history_time);
        if let Some((chain_time, slot)) = published {
            *state = Published { prices, slot, chain_time, ..*state };
        }
        Ok(())
    }
}

/// Moves the clock on, tells who watches it, and returns its second. Blocks move it too, by a slot each: it may be ahead.
fn set_clock(svm: &mut SurfnetSvm, unix_ms: i64) -> i64 {
    svm.updated_at = svm.updated_at.max(unix_ms as u64);
    let unix_timestamp = svm.updated_at as i64 / 1_000;
    let clock = Clock { unix_timestamp, ..svm.inner.get_sysvar() };
    svm.inner.set_sysvar(&clock);
    if let Ok(Some(account)) = svm.get_account(&CLOCK_SYSVAR) {
        svm.notify_account_subscribers(&CLOCK_SYSVAR, &account);
    }
    unix_timestamp
}

/// A price account as Pyth's receiver program writes it.
fn price(update: PriceUpdate, feed_id: [u8; 32]) -> Account {
    let update = PriceUpdate { feed_id, ..update };
    account(PYTH_RECEIVERS[0], update.to_bytes(to_engine(&Address::default())).to_vec())
}

//! A crash over real RPC: two keepers, hundreds of accounts, and everything that goes wrong on such a day. Needs
//! `ballast-keeper` beside this test: `scripts/test --e2e` builds both.

mod support;

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::Ordering::Relaxed,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use ballast_client::{
    Address, LiquidationOrder, MarketView, decode_margin_account,
    engine::{
        health::Requirement,
        price::feed::{PriceUpdate, Source},
        state::{
            account::{MarginAccount, Position},
            token::balance,
        },
    },
    from_engine, to_engine,
};
use ballast_localnet::{Localnet, Options, chain::Handle, history, keys};
use ballast_sim::grid::Span;
use solana_account::Account;
use support::{beside, key_file, proxy::Proxy, text, until};

/// Traders with debts, most of them.
const TRADERS: u16 = 600;
/// Blocks within which an account that has become liquidatable is dealt with. A machine that has other work besides needs several times
/// what an idle one does, and still forgets nobody.
const MOST_BLOCKS: u64 = 150;
/// Milliseconds of a block.
const BLOCK: u64 = 200;
/// Seconds of history in one.
const SPEED: u32 = 30;

/// A keeper's process, and the proxies that it reaches the network by.
struct Keeper {
    name: &'static str,
    rpc: Proxy,
    ws: Proxy,
    arguments: Vec<String>,
    metrics: String,
    log: PathBuf,
    process: Child,
}

impl Keeper {
    fn start(network: &Localnet, folder: &Path, name: &'static str, more: &[&str]) -> Result<Self> {
        let port = |url: &str| url.rsplit(':').next().and_then(|port| port.parse::<u16>().ok()).context("a port");
        let manifest = network.manifest();
        let (rpc, ws) = (Proxy::of_bytes(port(&manifest.rpc_url)?), Proxy::of_web_socket(port(&manifest.ws_url)?));
        // Taken and given back: nobody else asks for one here.
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let key = key_file(folder, name)?;
        let arguments = [
            ("--rpc-url", format!("http://127.0.0.1:{}", rpc.port)),
            ("--ws-url", format!("ws://127.0.0.1:{}", ws.port)),
            ("--router-url", manifest.router_url.clone()),
            ("--keypair", key.display().to_string()),
            ("--market", manifest.market.clone()),
            ("--metrics-address", free.to_string()),
            // A cent of profit is enough: everybody is to be dealt with.
            ("--min-profit", "0".into()),
            ("--jitter", "50".into()),
            ("--parallel", "32".into()),
        ];
        let arguments = arguments.into_iter().flat_map(|(name, value)| [name.to_owned(), value]);
        let arguments: Vec<String> = arguments.chain(more.iter().map(|one| (*one).to_owned())).collect();
        let log = folder.join(format!("{name}.log"));
        let process = spawn(&arguments, &log)?;
        let keeper = Self { name, rpc, ws, arguments, metrics: format!("http://{free}"), log, process };
        keeper.is_up()?;
        Ok(keeper)
    }

    /// Waits until it knows the market.
    fn is_up(&self) -> Result<()> {
        until(&format!("{}, see {}", self.name, self.log.display()), || {
            self.metric("ballast_keeper_accounts").is_some_and(|accounts| accounts > 0.0)
        })
    }

    /// The sum of a metric over its labels; none if it is not served.
    fn metric(&self, name: &str) -> Option<f64> {
        self.metric_of(name, "")
    }

    fn metric_of(&self, name: &str, label: &str) -> Option<f64> {
        let text = text(&format!("{}/metrics", self.metrics)).ok()?;
        let of = |line: &&str| line.starts_with(name) && line.contains(label);
        let values = text.lines().filter(of).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        Some(values.sum())
    }

    /// Ends it without a word.
    fn kill(&mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    fn restart(&mut self) -> Result<()> {
        self.process = spawn(&self.arguments, &self.log)?;
        Ok(())
    }

    /// Asks it to stop, and returns its exit code.
    fn stop(&mut self) -> Result<Option<i32>> {
        Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status()?;
        Ok(self.process.wait()?.code())
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

fn spawn(arguments: &[String], log: &Path) -> Result<Child> {
    let log = std::fs::File::options().create(true).append(true).open(log)?;
    Command::new(beside("ballast-keeper")?)
        .args(arguments)
        .env("RUST_LOG", "info,ballast_keeper=debug")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("ballast-keeper")
}

/// What the chain says at a moment, between two transactions.
struct Moment {
    slot: u64,
    now: i64,
    market: MarketView,
    accounts: Vec<(Address, MarginAccount)>,
}

/// Somebody who looks at everything, without RPC.
struct Observer {
    chain: Handle,
    market: Address,
    price_accounts: Vec<Address>,
    traders: Vec<Address>,
}

impl Observer {
    fn new(network: &Localnet) -> Self {
        let trader = |index| {
            let owner = keys::address(&format!("trader {index}"));
            ballast_client::margin_address(&network.market(), &owner, 0).0
        };
        let price_accounts = network.reserves().iter().map(|reserve| reserve.price_account).collect();
        let traders = (0..TRADERS).map(trader).collect();
        Self { chain: network.chain(), market: network.market(), price_accounts, traders }
    }

    /// Everything at once, with published prices taken over as the program would.
    fn look(&self) -> Result<Moment> {
        let (market, prices, traders) = (self.market, self.price_accounts.clone(), self.traders.clone());
        let (slot, market, prices, accounts) = self.chain.with(move |svm| -> Result<_> {
            let read = |address: &Address| -> Result<Account> { svm.get_account(address)?.context("no account") };
            let found = MarketView::decode(market, &read(&market)?.data)?;
            let prices =
                prices.iter().map(|address| Ok((*address, read(address)?.data))).collect::<Result<Vec<_>>>()?;
            let accounts = traders.iter().map(|address| Ok((*address, read(address)?.data)));
            let accounts = accounts.collect::<Result<Vec<_>>>()?;
            Ok((svm.latest_epoch_info.absolute_slot, found, prices, accounts))
        })?;
        let (now, mut market) = (self.chain.now(), market);
        for (reserve, (address, data)) in prices.into_iter().enumerate() {
            let update = PriceUpdate::parse(&data).map_err(|error| anyhow::anyhow!(error.message()))?;
            let before = market.reserves[reserve];
            let source = Source { address: to_engine(&address), update };
            if market.ledger(now).refresh_price(reserve as u8, &source, None).is_err() {
                market.reserves[reserve] = before;
            }
        }
        let decode = |(address, data): (Address, Vec<u8>)| Ok((address, decode_margin_account(&data)?));
        let accounts = accounts.into_iter().map(decode).collect::<Result<_>>()?;
        Ok(Moment { slot, now, market, accounts })
    }
}

impl Moment {
    /// Who may be liquidated.
    fn liquidatable(&self) -> Result<Vec<Address>> {
        let mut found = Vec::new();
        for (address, account) in &self.accounts {
            let health = self.market.health(account, self.now, Requirement::Maintenance);
            if !health.map_err(|error| anyhow::anyhow!(error.message()))?.is_healthy() {
                found.push(*address);
            }
        }
        Ok(found)
    }
}

impl Moment {
    /// What every order against an account would move, or be refused with.
    fn explain(&self, address: &Address) -> String {
        let Some((_, account)) = self.accounts.iter().find(|(other, _)| other == address) else { return String::new() };
        let (debts, deposits): (Vec<&Position>, Vec<_>) = account.positions().iter().partition(|one| one.is_debt());
        let pairs = debts.iter().flat_map(|debt| deposits.iter().map(|deposit| (debt.reserve, deposit.reserve)));
        let told = pairs.map(|(debt, collateral)| {
            let order = LiquidationOrder { debt, collateral, max_repay: u64::MAX, min_collateral: 1 };
            let preview = self.market.preview_liquidation(account, order, self.now);
            format!("{debt} for {collateral}: {preview:?}")
        });
        told.collect::<Vec<_>>().join("; ")
    }
}

/// How long accounts have been liquidatable.
#[derive(Default)]
struct Episodes {
    since: BTreeMap<Address, u64>,
    ended: Vec<u64>,
    longest: u64,
}

impl Episodes {
    fn take_in(&mut self, moment: &Moment) -> Result<()> {
        let found = moment.liquidatable()?;
        let slot = moment.slot;
        let over: Vec<_> = self.since.keys().filter(|address| !found.contains(address)).copied().collect();
        for address in over {
            let blocks = slot - self.since.remove(&address).unwrap_or(slot);
            self.longest = self.longest.max(blocks);
            self.ended.push(blocks);
        }
        for address in found {
            self.since.entry(address).or_insert(slot);
        }
        for (address, since) in &self.since {
            let blocks = slot - since;
            ensure!(blocks <= MOST_BLOCKS, "{address}, liquidatable for {blocks} blocks: {}", moment.explain(address));
        }
        Ok(())
    }
}

/// What happens to the keepers, in seconds of the test.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Trouble {
    CutSockets,
    RefuseSockets,
    AllowSockets,
    RefuseRpc,
    AllowRpc,
    Kill,
    Restart,
}

const TROUBLES: [(u64, Trouble); 9] = [
    (8, Trouble::CutSockets),
    (12, Trouble::RefuseSockets),
    (16, Trouble::Kill),
    (20, Trouble::AllowSockets),
    (24, Trouble::Restart),
    (34, Trouble::RefuseRpc),
    (42, Trouble::AllowRpc),
    (50, Trouble::Kill),
    (56, Trouble::Restart),
];
/// When the replay ends, seconds of the test: from 21:05 to 21:45 of the tenth of October 2025.
const END: u64 = 80;

#[test]
fn two_keepers_bring_hundreds_of_accounts_through_a_crash_and_lose_nothing() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("ballast-crash-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let span = Span { from: 1_760_130_300, to: 1_760_132_700 };
    let options = Options::on_free_ports();
    let source = history::Source { span, ..options.source };
    let mut network = Localnet::start(&Options { source, accounts: TRADERS, slot_ms: BLOCK, ..options })?;
    let observer = Observer::new(&network);
    let borrowers = network.counts().borrowers;
    ensure!(borrowers >= 500, "{borrowers} accounts have debts");
    let start = |name, more: &[&str]| Keeper::start(&network, &folder, name, more);
    let mut keepers = [start("keeper", &[])?, start("second keeper", &[])?];
    // Has tokens of its own, and only says what it would do.
    let watcher = start("liquidator", &["--dry-run"])?;
    let purse = lamports(&network, "liquidator")?;
    let before = books(&observer.look()?);
    for keeper in &keepers {
        keeper.ws.faults.duplicates.store(5, Relaxed);
        keeper.ws.faults.swaps.store(7, Relaxed);
    }

    network.feed().set_speed(SPEED)?;
    let (start, mut episodes, mut troubles) = (Instant::now(), Episodes::default(), TROUBLES.into_iter().peekable());
    while start.elapsed() < Duration::from_secs(END) {
        episodes.take_in(&observer.look()?)?;
        if let Some((_, trouble)) = troubles.next_if(|(at, _)| start.elapsed() >= Duration::from_secs(*at)) {
            meet(trouble, &mut keepers)?;
        }
        sleep(Duration::from_millis(BLOCK / 2));
    }
    ensure!(troubles.next().is_none(), "not everything happened");
    network.feed().set_speed(0)?;
    until("the last liquidation", || {
        observer.look().and_then(|moment| episodes.take_in(&moment)).is_ok() && episodes.since.is_empty()
    })?;

    report(&episodes, &keepers);
    ensure!(episodes.ended.len() >= 30, "{} liquidations are no crash", episodes.ended.len());
    holds(&network, &observer, &before)?;
    let would = watcher.metric_of("ballast_keeper_attempts_total", "dry_run").context("metrics")?;
    ensure!(would > 0.0 && lamports(&network, "liquidator")? == purse, "a dry run sends nothing: {would}");
    for keeper in &mut keepers {
        let faults = &keeper.ws.faults;
        ensure!(faults.duplicated.load(Relaxed) > 0 && faults.overtaken.load(Relaxed) > 0, "no fault was felt");
        // The restarted one too has found everybody again.
        keeper.is_up()?;
        let known = keeper.metric("ballast_keeper_accounts").context("metrics")?;
        ensure!(known >= f64::from(TRADERS), "{} knows {known} accounts", keeper.name);
        let landed = keeper.metric_of("ballast_keeper_attempts_total", "landed").context("metrics")?;
        ensure!(landed > 0.0, "{} did nothing", keeper.name);
        ensure!(keeper.stop()? == Some(0), "{} did not stop as asked: {}", keeper.name, keeper.log.display());
    }
    network.stop()?;
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

/// The first keeper dies twice, the second loses its node, and when prices begin to fall both are without sockets.
fn meet(trouble: Trouble, keepers: &mut [Keeper; 2]) -> Result<()> {
    let refuse_sockets = |refuses| {
        for keeper in keepers.iter() {
            keeper.ws.faults.refuses.store(refuses, Relaxed);
            keeper.ws.cut();
        }
    };
    match trouble {
        Trouble::CutSockets | Trouble::AllowSockets => refuse_sockets(false),
        Trouble::RefuseSockets => refuse_sockets(true),
        Trouble::Kill => keepers[0].kill()?,
        Trouble::Restart => keepers[0].restart()?,
        Trouble::RefuseRpc => {
            keepers[1].rpc.faults.refuses.store(true, Relaxed);
            keepers[1].rpc.cut();
        }
        Trouble::AllowRpc => keepers[1].rpc.faults.refuses.store(false, Relaxed),
    }
    Ok(())
}

fn lamports(network: &Localnet, name: &str) -> Result<u64> {
    Ok(network.chain().account(&keys::address(name))?.context("no wallet")?.lamports)
}

/// Atoms that belong to somebody in each reserve: cash, insurance, fees.
fn books(moment: &Moment) -> Vec<u128> {
    moment.market.reserves.iter().map(|reserve| reserve.vault_balance()).collect()
}

/// The books are sound, and the reserves' token accounts hold what they say: no bad debt, no depositor lost, no repayment due.
fn holds(network: &Localnet, observer: &Observer, before: &[u128]) -> Result<()> {
    let moment = observer.look()?;
    // Pools and perps hold no tokens of their own.
    let reserves = moment.market.reserves.iter().enumerate().filter(|(_, reserve)| reserve.closed == 0);
    for (index, reserve) in reserves {
        let vault = network.chain().account(&from_engine(&reserve.vault))?.context("no vault")?;
        let held = balance(&vault.data).context("no balance")?;
        ensure!(u128::from(held) == reserve.vault_balance(), "vault {index} holds {held}");
        let (assets, deposits) = reserve.assets_and_deposits();
        ensure!(assets >= deposits, "reserve {index} owes more than it has");
        ensure!(!reserve.is_wiped_out(), "reserve {index} was lost");
    }
    ensure!(moment.market.market.losses.used.0 == 0, "depositors or insurances lost");
    ensure!(moment.accounts.iter().all(|(_, account)| account.in_receivership == 0), "a repayment is due");
    ensure!(books(&moment) != before, "nothing happened");
    Ok(())
}

fn report(episodes: &Episodes, keepers: &[Keeper; 2]) {
    let mut blocks = episodes.ended.clone();
    blocks.sort_unstable();
    let median = blocks.get(blocks.len() / 2).copied().unwrap_or(0);
    println!(
        "{} times an account was liquidatable: {median} blocks in the middle, {} at most",
        blocks.len(),
        episodes.longest
    );
    for keeper in keepers {
        let text = text(&format!("{}/metrics", keeper.metrics)).unwrap_or_default();
        let told = |line: &&str| {
            ["attempts_total", "profit_usd", "disconnects", "resyncs", "news"].iter().any(|name| line.contains(name))
                && !line.starts_with('#')
        };
        println!("{}:\n  {}", keeper.name, text.lines().filter(told).collect::<Vec<_>>().join("\n  "));
    }
}

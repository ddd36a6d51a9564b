//! An embedded Solana network with a Ballast market, for development and tests: JSON-RPC and WebSocket on ports of this
//! machine, the program's bytecode, mints, price feeds that follow history, a venue to sell on, funded keys, accounts with debts,
//! a vault with depositors, and a perp with a pool. Nothing leaves the machine, and nothing is left when it stops.
//!
//! ```no_run
//! use ballast_localnet::{Localnet, Options};
//!
//! # fn main() -> anyhow::Result<()> {
//! let mut network = Localnet::start(&Options::on_free_ports())?;
//! println!("{}", network.manifest());
//! network.feed().set_prices(vec![(0, Some(120.0))])?;
//! network.stop()?;
//! # Ok(())
//! # }
//! ```
//!
//! [`feed`] says how time passes, [`front`] what is different from Surfpool's own WebSocket, [`router`] what the venue gives,
//! [`web`] what the page finds beside it, [`keys`] whose the keys are: everybody's.

pub mod chain;
pub mod control;
pub mod feed;
pub mod front;
pub mod guard;
pub mod history;
pub mod keys;
pub mod manifest;
pub mod market;
pub mod perps;
pub mod population;
pub mod quote;
pub mod router;
pub mod services;
pub mod tokens;
pub mod vault;
pub mod web;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result, ensure};
use axum::Router;
use ballast_client::{Address, ID};

use chain::{Chain, listen};
use control::Panel;
use feed::{Feed, Remote};
use front::Inner;
use history::{History, Source};
use manifest::{Manifest, fund, holding};
use market::Reserve;
use population::Counts;
use router::{Token, Venue};
use services::Services;
use web::Page;

/// What a network is to be like.
#[derive(Clone, Debug)]
pub struct Options {
    /// JSON-RPC; 0 is any free port, here and below.
    pub rpc_port: u16,
    /// WebSocket.
    pub ws_port: u16,
    /// The router, the remote control and the page.
    pub router_port: u16,
    /// The built page's folder; without one no page is served.
    pub web: Option<PathBuf>,
    /// The program's bytecode.
    pub program: PathBuf,
    /// The bytecode of the venue's pools.
    pub swap_program: PathBuf,
    /// The market's file; without one the crate's own, [`market::FILE`].
    pub market: Option<PathBuf>,
    /// Where prices come from.
    pub source: Source,
    /// Seconds of history in a second; 0 lets prices stand at their first until told.
    pub speed: u32,
    /// Milliseconds from block to block.
    pub slot_ms: u64,
    /// Traders with margin accounts of their own; the lenders they need come on top.
    pub accounts: u16,
    /// Seed of the traders.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            rpc_port: 8_899,
            ws_port: 8_900,
            router_port: 8_901,
            web: None,
            program: "target/deploy/ballast.so".into(),
            swap_program: "target/deploy/test/test_program.so".into(),
            market: None,
            source: Source::default(),
            speed: 1,
            slot_ms: 200,
            accounts: 0,
            seed: 20_251_010,
        }
    }
}

impl Options {
    /// On ports that are free, with prices that stand still, and files of the repository that this crate was built in: for
    /// tests, which run in the crate's folder.
    pub fn on_free_ports() -> Self {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let defaults = Self::default();
        Self {
            rpc_port: 0,
            ws_port: 0,
            router_port: 0,
            program: repository.join(&defaults.program),
            swap_program: repository.join(&defaults.swap_program),
            source: Source { folder: repository.join(&defaults.source.folder), ..defaults.source },
            speed: 0,
            ..defaults
        }
    }
}

/// A running network. Stops when it is dropped.
///
/// All of its functions block for a moment, and may be called from anywhere, async code included.
pub struct Localnet {
    // In the order in which they stop.
    services: Services,
    feed: Feed,
    chain: Chain,
    manifest: Manifest,
    market: Address,
    vault: Option<Address>,
    reserves: Vec<Reserve>,
    counts: Counts,
}

impl Localnet {
    /// Starts a network, and returns once all of it is there.
    pub fn start(options: &Options) -> Result<Self> {
        ensure!((20..=10_000).contains(&options.slot_ms), "a slot of {} ms is not from 20 ms to 10 s", options.slot_ms);
        // What can be wrong with files is said before anything starts.
        let program = read(&options.program, "scripts/build makes it")?;
        let swap_program = read(&options.swap_program, "scripts/build --test-program makes it")?;
        let page = options.web.as_deref().map(Page::open).transpose()?;
        let (desired, reserves) = market::read(options.market.as_deref()).context("the market's file")?;
        let names: Vec<_> = reserves.iter().map(|reserve| reserve.symbol.clone()).collect();
        let [history, players] = [(); 2].map(|()| History::read(&options.source, &names));
        let ws = listen(options.ws_port, "--ws-port")?;
        let http = listen(options.router_port, "--router-port")?;

        let chain = Chain::start(options.rpc_port, options.slot_ms)?;
        let handle = chain.handle();
        handle.deploy(ID, &program)?;
        handle.deploy(router::program(), &swap_program)?;
        let feed = Feed::start(chain.handle(), history?, &reserves)?;
        let wallets = fund(&handle, &reserves, &feed.remote().published().prices)?;
        let pool = |(reserve, price)| holding(&router::authority().0, reserve, (POOL / price) as u64);
        handle.write(reserves.iter().zip(&feed.remote().published().prices).map(pool).collect())?;
        market::create(&handle, &desired, &reserves)?;
        let market = desired.address();
        let view = market::view(&handle, market)?;
        handle.send(&[view.refresh_prices(&view.pinned_prices())?], &[&keys::keypair("authority")])?;
        let traders = options.accounts as usize;
        let counts = population::open(&handle, &feed.remote(), market, &players?, &reserves, traders, options.seed)?;
        if options.market.is_none() {
            perps::open(&handle, &desired, &reserves).context("the pool and the perp")?;
        }
        let vault = vault::create(&handle, market, &reserves).context("the vault")?;
        feed.remote().set_speed(options.speed)?;

        let ports = [chain.rpc_port, ws.local_addr()?.port(), http.local_addr()?.port()];
        let token = |reserve: &Reserve| Token { mint: reserve.mint, asset: reserve.asset };
        let venue = Venue { tokens: reserves.iter().map(token).collect(), feed: feed.remote() };
        let panel = Panel { symbols: names, feed: feed.remote() };
        let inner = Inner { port: chain.inner_ws_port, chain: handle.clone() };
        let mut manifest = Manifest::new(ports, market, vault, &reserves, perps::entries(&desired, &view), wallets);
        let mut app = router::routes(Arc::new(venue)).merge(control::routes(Arc::new(panel)));
        if let Some(page) = page {
            let config = web::config(&manifest, handle.genesis_hash(), &program);
            app = app.merge(page.routes(config, &manifest.rpc_url, inner.clone())?);
            manifest.page_url = Some(format!("{}/", manifest.router_url));
        }
        let socket = Router::new().fallback(front::connect).with_state(inner);
        let services = Services::start([(ws, socket), (http, app)])?;
        Ok(Self { services, feed, chain, manifest, market, vault, reserves, counts })
    }

    /// Addresses and URLs.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The market's address.
    pub fn market(&self) -> Address {
        self.market
    }

    /// The vault's address; none if the market is not the one of its file.
    pub fn vault(&self) -> Option<Address> {
        self.vault
    }

    /// The market's reserves.
    pub fn reserves(&self) -> &[Reserve] {
        &self.reserves
    }

    /// Who came at the start.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Prices and time.
    pub fn feed(&self) -> Remote {
        self.feed.remote()
    }

    /// The chain, reached without RPC.
    pub fn chain(&self) -> chain::Handle {
        self.chain.handle()
    }

    /// Stops, and returns once all ports are free. Returns what went wrong meanwhile, if anything did.
    pub fn stop(&mut self) -> Result<()> {
        let results = [self.services.stop(), self.feed.stop(), self.chain.stop()];
        results.into_iter().collect()
    }
}

/// Dollars of each token in the venue's pools.
const POOL: f64 = 1e10;

/// Reads a file, or says what makes it.
fn read(path: &Path, remedy: &str) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}: {remedy}", path.display()))
}

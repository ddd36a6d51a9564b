//! `ballast-localnet`, which `ballast localnet` runs.

use std::{path::PathBuf, process::ExitCode, time::Instant};

use anyhow::{Context, Result};
use ballast_localnet::{
    Localnet, Options,
    feed::MAX_SPEED,
    history::{OwnPrices, Source},
    manifest::Files,
    web,
};
use ballast_sim::{grid::Span, windows::Window};
use ballast_time as time;
use clap::Parser;

/// Starts a Solana network of one's own with a Ballast market: JSON-RPC, WebSocket, price feeds that follow history, a swap
/// router, funded wallets. Stops on Ctrl-C or SIGTERM, and leaves nothing behind. Its keys are public.
#[derive(Parser)]
// What is said again holds, so that scripts and aliases can have options.
#[command(name = "ballast-localnet", version, args_override_self = true)]
struct Arguments {
    /// JSON-RPC port; 0 takes a free one, here and below
    #[arg(long, default_value_t = Options::default().rpc_port)]
    rpc_port: u16,

    /// WebSocket port
    #[arg(long, default_value_t = Options::default().ws_port)]
    ws_port: u16,

    /// Port of the swap router (/swap/v1, as Jupiter's), the remote control (/localnet) and the page
    #[arg(long, default_value_t = Options::default().router_port)]
    router_port: u16,

    /// Serves the page, of the folder that `scripts/build --web` makes or of another, with JSON-RPC (/rpc) and WebSocket (/ws)
    #[arg(long, value_name = "FOLDER", num_args = 0..=1, default_missing_value = web::FOLDER)]
    web: Option<PathBuf>,

    /// The program's bytecode
    #[arg(long, value_name = "FILE", default_value_os_t = Options::default().program)]
    program: PathBuf,

    /// The bytecode of the venue's pools
    #[arg(long, value_name = "FILE", default_value_os_t = Options::default().swap_program)]
    swap_program: PathBuf,

    /// The market, as `ballast market apply` takes it, of this network's keys; without one the built-in
    #[arg(long, value_name = "FILE")]
    market: Option<PathBuf>,

    /// The stretch of history that prices follow
    #[arg(long, value_name = "NAME", default_value = "october-2025")]
    window: Window,

    /// The folder with the stretches of history
    #[arg(long, value_name = "FOLDER", default_value_os_t = Source::default().folder)]
    data: PathBuf,

    /// Prices of one's own: a file of bars, as `ballast-lab demo --data` takes it, or dollars to stand at; once for each asset
    #[arg(long, value_name = "SYMBOL=FILE|USD")]
    prices: Vec<OwnPrices>,

    /// Where history begins: a date or time (2025-10-10, 2025-10-10T21:15Z; UTC if it names no zone), or unix time
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    from: Option<i64>,

    /// Where it ends, excluded, in the same forms; the last prices stand
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    to: Option<i64>,

    /// Seconds of history, and of the chain's clock, in a second; 0 lets prices stand at their first until told
    #[arg(long, default_value_t = Options::default().speed, value_parser = clap::value_parser!(u32).range(..=i64::from(MAX_SPEED)))]
    speed: u32,

    /// The same as --speed 0
    #[arg(long, conflicts_with = "speed")]
    paused: bool,

    /// Milliseconds from block to block
    #[arg(long, default_value_t = Options::default().slot_ms, value_parser = clap::value_parser!(u64).range(20..=10_000))]
    slot_ms: u64,

    /// Traders with margin accounts of their own, opened at the start; lenders come on top
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=20_000))]
    accounts: u16,

    /// Seed of the traders: the same seed draws the same
    #[arg(long, default_value_t = Options::default().seed)]
    seed: u64,

    /// Where the manifest goes, with the wallets' keys beside it; removed when the network stops
    #[arg(long, value_name = "FILE", default_value = "target/localnet/manifest.json")]
    out: PathBuf,

    /// Prints the manifest as JSON
    #[arg(long)]
    json: bool,
}

impl Arguments {
    fn options(&self) -> Result<Options> {
        let span = Span::new(self.from, self.to)?;
        let source = Source { window: self.window, folder: self.data.clone(), own: self.prices.clone(), span };
        Ok(Options {
            rpc_port: self.rpc_port,
            ws_port: self.ws_port,
            router_port: self.router_port,
            web: self.web.clone(),
            program: self.program.clone(),
            swap_program: self.swap_program.clone(),
            market: self.market.clone(),
            source,
            speed: if self.paused { 0 } else { self.speed },
            slot_ms: self.slot_ms,
            accounts: self.accounts,
            seed: self.seed,
        })
    }
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let options = arguments.options()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Before anything is there to be left behind.
    let signals = runtime.block_on(async { Signals::listen() })?;
    let start = Instant::now();
    let mut network = Localnet::start(&options)?;
    let mut manifest = network.manifest().clone();
    let files = Files::write(&mut manifest, &arguments.out)?;
    if arguments.json {
        println!("{}", serde_json::to_string(&manifest)?);
    } else {
        println!("{manifest}\n");
        let counts = network.counts();
        if arguments.accounts > 0 {
            println!("{} borrowers, {} lenders", counts.borrowers, counts.lenders + counts.without_debt);
        }
        println!("{} is the same as JSON", arguments.out.display());
        println!("ready after {:.1} s; Ctrl-C stops", start.elapsed().as_secs_f64());
    }
    runtime.block_on(signals.first());
    drop(files);
    network.stop()
}

/// What asks a program to stop.
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    fn listen() -> Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    async fn first(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

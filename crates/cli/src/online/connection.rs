//! Where to, as whom, and how: the options that all commands share which reach a cluster.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, anyhow, ensure};
use ballast_client::Address;
use ballast_rpc::Bid;
use clap::Args;
use solana_cli_config::Config;
use solana_keypair::{Keypair, read_keypair_file};
use solana_signer::Signer;

use super::{
    cluster::{Cluster, Rpc},
    session::{Mode, Session},
};

/// Where to send, and as whom.
#[derive(Args, Clone, Debug)]
pub struct Connection {
    /// A node's JSON-RPC, or mainnet-beta, testnet, devnet or localhost; without, what the Solana CLI is set to.
    #[arg(long, short, global = true)]
    url: Option<String>,
    /// Key that signs, as `solana-keygen` writes it; without, the Solana CLI's.
    #[arg(long, short, global = true)]
    keypair: Option<PathBuf>,
    /// Key that pays fees and rents; without, the one that signs.
    #[arg(long, global = true)]
    payer: Option<PathBuf>,
    /// The Solana CLI's configuration.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Sends nothing: says what would be sent, and what it would cost.
    #[arg(long, global = true)]
    dry_run: bool,
    /// Sends nothing, and prints the instructions as JSON to be proposed in a multisig, which pays.
    #[arg(long, global = true, conflicts_with_all = ["keypair", "dry_run"])]
    multisig: bool,
    /// Who signs in the multisig: its vault.
    #[arg(long, global = true, requires = "multisig", value_name = "ADDRESS")]
    vault: Option<Address>,
    /// Prints JSON, one object a line.
    #[arg(long, global = true)]
    pub json: bool,
    /// Micro-lamports to pay for each compute unit; without, what three quarters of recent slots took, and at most 5,000,000.
    #[arg(long, global = true, value_name = "MICROLAMPORTS")]
    priority_fee: Option<u64>,
    /// Sends to mainnet.
    #[arg(long, global = true)]
    yes: bool,
}

impl Connection {
    /// Runs a command on the cluster. The exit code is 3 when it leaves something to do.
    pub fn run(&self, act: impl FnOnce(&mut Session) -> Result<bool>) -> Result<ExitCode> {
        let config = self.config()?;
        let url = normalise(self.url.as_ref().unwrap_or(&config.json_rpc_url));
        let keys = self.keys(&config)?;
        let bid = self.priority_fee.map_or_else(Bid::default, Bid::Exactly);
        let mode = match (self.multisig, self.dry_run) {
            (true, _) => Mode::Multisig,
            (_, true) => Mode::DryRun,
            _ => Mode::Send { is_mainnet_meant: self.yes },
        };
        let (mut cluster, mut out) = (Rpc::new(&url, bid)?, std::io::stdout().lock());
        let mut session = Session::new(&mut cluster, keys, mode, self.json, &mut out);
        let is_done = act(&mut session)?;
        Ok(if is_done { ExitCode::SUCCESS } else { ExitCode::from(super::exit::LEFT_TO_DO) })
    }

    fn config(&self) -> Result<Config> {
        let default = solana_cli_config::CONFIG_FILE.as_deref();
        match (&self.config, default) {
            (Some(file), _) => read_config(file),
            (None, Some(file)) if Path::new(file).exists() => read_config(Path::new(file)),
            _ => Ok(Config { json_rpc_url: "localhost".into(), ..Config::default() }),
        }
    }

    /// What is named must be there; the configured key need not.
    fn keys(&self, config: &Config) -> Result<Keys> {
        let read = |path: &Path| {
            read_keypair_file(path).map_err(|error| anyhow!("cannot read the key {}: {error}", path.display()))
        };
        let configured = Path::new(&config.keypair_path);
        let signer = match &self.keypair {
            Some(path) => Some(read(path)?),
            None if configured.exists() && !self.multisig => Some(read(configured)?),
            None => None,
        };
        let payer = self.payer.as_deref().map(read).transpose()?;
        ensure!(signer.is_some() || payer.is_none(), "--payer is given, and no key that signs");
        Ok(Keys { keys: [payer, signer].into_iter().flatten().collect(), vault: self.vault })
    }
}

fn read_config(file: &Path) -> Result<Config> {
    let path = file.to_str().with_context(|| format!("{} is no text", file.display()))?;
    Config::load(path).with_context(|| format!("cannot read the configuration {}", file.display()))
}

/// The URL of a cluster that is named, as the Solana CLI names them.
fn normalise(url_or_name: &str) -> String {
    match url_or_name {
        "mainnet-beta" | "mainnet" | "m" => "https://api.mainnet-beta.solana.com",
        "testnet" | "t" => "https://api.testnet.solana.com",
        "devnet" | "d" => "https://api.devnet.solana.com",
        "localhost" | "l" => "http://127.0.0.1:8899",
        url => url,
    }
    .into()
}

/// The keys at hand; the first pays, the last signs.
#[derive(Default)]
pub struct Keys {
    /// All of them.
    pub keys: Vec<Keypair>,
    /// Who signs and pays elsewhere: then there are none here.
    pub vault: Option<Address>,
}

impl Keys {
    /// Who pays.
    pub fn payer(&self) -> Option<Address> {
        self.keys.first().map(Signer::pubkey).or(self.vault)
    }

    /// Who signs.
    pub fn signer(&self) -> Option<Address> {
        self.keys.last().map(Signer::pubkey).or(self.vault)
    }

    /// Whether somebody's key is here.
    pub fn has(&self, address: Address) -> bool {
        self.keys.iter().any(|key| key.pubkey() == address)
    }

    /// To sign with.
    pub fn all(&self) -> Vec<&Keypair> {
        self.keys.iter().collect()
    }
}

/// Whether a cluster is mainnet, where tokens are worth something.
pub fn is_mainnet(cluster: &mut dyn Cluster) -> Result<bool> {
    const MAINNET: &str = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d";
    Ok(cluster.genesis_hash()? == MAINNET)
}

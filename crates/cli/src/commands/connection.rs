//! The options that all commands which reach a cluster share: where to send, as whom, and how.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, ensure};
use ballast_client::Address;
use ballast_rpc::{Bid, Cluster, Rpc};
use clap::{ArgMatches, Args, FromArgMatches};
use solana_cli_config::Config;

use super::{
    exit::Misused,
    keys::{self, Keys},
    session::{Invocation, Mode, Session},
};

/// Where to send, and as whom.
#[derive(Args, Clone, Debug, Default)]
pub struct Connection {
    /// A node's JSON-RPC, or mainnet-beta, testnet, devnet or localhost; without, what the Solana CLI is set to.
    #[arg(long, short, global = true)]
    url: Option<String>,
    /// Key that signs: a file as `solana-keygen` writes it, stdin:, or usb://ledger; without, the Solana CLI's.
    #[arg(long, short, global = true)]
    keypair: Option<String>,
    /// Key that pays fees and rents; without, the one that signs.
    #[arg(long, global = true, value_name = "KEYPAIR")]
    payer: Option<String>,
    /// The market: its address, or the file it was made from, whose names for reserves then can be used; without, what
    /// BALLAST_MARKET says.
    #[arg(long, short, global = true)]
    market: Option<String>,
    /// The vault: its address, or the file it was made from; without, what BALLAST_VAULT says.
    #[arg(long, global = true)]
    vault: Option<String>,
    /// The Solana CLI's configuration.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Sends nothing: says what would be sent, and what it would cost.
    #[arg(long, global = true)]
    dry_run: bool,
    /// Sends nothing, and prints the instructions as JSON to be proposed in a multisig, which pays.
    #[arg(long, global = true)]
    multisig: bool,
    /// Who signs in the multisig.
    #[arg(long, global = true, value_name = "ADDRESS")]
    signer: Option<Address>,
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

/// The same options before the group of commands.
#[derive(Clone, Debug, Default)]
pub struct Before(pub Connection);

impl Args for Before {
    fn augment_args(command: clap::Command) -> clap::Command {
        let options = Connection::augment_args(clap::Command::new("options"));
        // Global here, they would be options of commands that reach no cluster too.
        command.args(options.get_arguments().map(|option| option.clone().global(false)))
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Before {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Connection::from_arg_matches(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches(matches)
    }
}

impl Connection {
    /// These options, completed by those that stood before the group of commands.
    pub fn with(&self, before: &Self) -> Self {
        let Self { url, keypair, payer, market, vault, config, signer, priority_fee, .. } = self.clone();
        Self {
            url: url.or_else(|| before.url.clone()),
            keypair: keypair.or_else(|| before.keypair.clone()),
            payer: payer.or_else(|| before.payer.clone()),
            market: market.or_else(|| before.market.clone()),
            config: config.or_else(|| before.config.clone()),
            vault: vault.or_else(|| before.vault.clone()),
            signer: signer.or(before.signer),
            priority_fee: priority_fee.or(before.priority_fee),
            dry_run: self.dry_run | before.dry_run,
            multisig: self.multisig | before.multisig,
            json: self.json | before.json,
            yes: self.yes | before.yes,
        }
    }

    /// Refuses options that do not go together, wherever they stood.
    fn check(&self) -> Result<()> {
        ensure!(
            !self.multisig || self.keypair.is_none(),
            Misused("--multisig sends nothing, so no --keypair signs: --signer names who signs there".into())
        );
        ensure!(
            !(self.multisig && self.dry_run),
            Misused("--multisig and --dry-run both send nothing: say one".into())
        );
        ensure!(self.multisig || self.signer.is_none(), Misused("--signer is who signs in a --multisig".into()));
        Ok(())
    }

    /// Refuses options that a command without a cluster cannot follow. Options that say where and as whom are ignored: an alias
    /// may set them for all commands.
    pub fn check_offline(&self) -> Result<()> {
        for (is_given, option) in [(self.json, "--json"), (self.dry_run, "--dry-run"), (self.multisig, "--multisig")] {
            ensure!(
                !is_given,
                Misused(format!("{option} is for commands that reach a cluster, and this one does not"))
            );
        }
        Ok(())
    }

    /// The options that say where and as whom, for another command that is suggested.
    fn repeated(&self) -> Vec<String> {
        let options = [
            ("--url", &self.url),
            ("--keypair", &self.keypair),
            ("--payer", &self.payer),
            ("--market", &self.market),
            ("--vault", &self.vault),
            ("--config", &self.config.as_ref().map(|file| file.display().to_string())),
            ("--priority-fee", &self.priority_fee.map(|price| price.to_string())),
            ("--signer", &self.signer.map(|signer| signer.to_string())),
        ];
        let mut repeated: Vec<_> =
            options.into_iter().filter_map(|(name, value)| Some([name.into(), value.clone()?])).flatten().collect();
        for (is_given, option) in
            [(self.dry_run, "--dry-run"), (self.multisig, "--multisig"), (self.json, "--json"), (self.yes, "--yes")]
        {
            repeated.extend(is_given.then(|| option.to_owned()));
        }
        repeated
    }

    /// Runs a command on the cluster. The exit code is 3 when it leaves something to do.
    pub fn run(&self, act: impl FnOnce(&mut Session) -> Result<bool>) -> Result<ExitCode> {
        self.check()?;
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
        session.invocation = Invocation {
            market: self.market.clone().or_else(|| from_environment("BALLAST_MARKET")),
            vault: self.vault.clone().or_else(|| from_environment("BALLAST_VAULT")),
            given: (self.market.is_some(), self.vault.is_some()),
            options: self.repeated(),
        };
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

    fn keys(&self, config: &Config) -> Result<Keys> {
        let (signer, missing) = match &self.keypair {
            Some(name) => (Some(keys::read(name)?), None),
            None if self.multisig => (None, None),
            None => match keys::configured(&config.keypair_path) {
                Ok(signer) => (signer, None),
                Err(why) => (None, Some(why)),
            },
        };
        let payer = self.payer.as_deref().map(keys::read).transpose()?;
        let keys = Keys { keys: Vec::new(), elsewhere: self.signer, missing };
        ensure!(signer.is_some() || payer.is_none(), "--payer is given, and no key that signs: {}", keys.remedy());
        Ok(Keys { keys: [payer, signer].into_iter().flatten().collect(), ..keys })
    }
}

/// What a variable of the environment names.
fn from_environment(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|name| !name.is_empty())
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

/// Whether a cluster is mainnet, where tokens are worth something.
pub fn is_mainnet(cluster: &mut dyn Cluster) -> Result<bool> {
    const MAINNET: &str = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d";
    Ok(cluster.genesis_hash()? == MAINNET)
}

//! Options: on the command line, or in a file by the same names.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::{Context, Result, ensure};
use ballast_client::{Address, market_address};
use clap::{CommandFactory, FromArgMatches, Parser, ValueEnum};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::{
    bid::Bidding,
    duty::Thresholds,
    perps,
    router::{self, Settings},
};
use ballast_liquidator::Demands;

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Which vaults are looked after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// All that lend to the market.
    All,
    /// None.
    None,
    /// Those of these that lend to the market.
    These(Vec<Address>),
}

/// A secret, which is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl core::str::FromStr for Secret {
    type Err = core::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.trim().into()))
    }
}

impl core::fmt::Debug for Secret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("***")
    }
}

/// Liquidates, and turns the cranks of a Ballast market.
///
/// `ballast-keeper bench` times the evaluation of many accounts instead.
#[derive(Clone, Debug, Parser)]
#[command(version, args_override_self = true)]
pub struct Options {
    /// TOML file of these options by their long names. Options on the command line go before it.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The node's JSON-RPC.
    #[arg(long, value_name = "URL")]
    pub rpc_url: String,
    /// The node's WebSocket; default: the RPC's URL with `ws` for `http`, and its port plus one if it names one.
    #[arg(long, value_name = "URL")]
    pub ws_url: Option<String>,
    /// A swap router in the shape of Jupiter's Swap API v1, or `none`: then liquidations are paid with what the keeper has.
    #[arg(long, value_name = "URL", default_value = "none")]
    pub router_url: String,
    /// The key of the router's API, sent as `x-api-key`. In the file of options or the environment alone: the command
    /// line shows in `ps`.
    #[arg(long, value_name = "KEY", env = "BALLAST_ROUTER_API_KEY", hide_env_values = true)]
    pub router_api_key: Option<Secret>,
    /// A header that is sent to the router. May be given several times; in the environment, one a line. A secret
    /// belongs into the file of options or the environment: the command line shows in `ps`.
    #[arg(
        long,
        value_name = "NAME: VALUE",
        env = "BALLAST_ROUTER_HEADER",
        hide_env_values = true,
        value_delimiter = '\n'
    )]
    pub router_header: Vec<Secret>,
    /// The keeper's key, as the Solana command line writes it. It pays fees, and its token accounts pay and receive.
    #[arg(long, value_name = "FILE")]
    pub keypair: PathBuf,
    /// The market: its address, or the file it was made from, as the `ballast` command takes it.
    #[arg(long, value_name = "ADDRESS|FILE", env = "BALLAST_MARKET", value_parser = market)]
    pub market: Address,
    /// Where `/metrics` and `/healthz` are served.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9464")]
    pub metrics_address: SocketAddr,
    /// Do everything but send.
    #[arg(long)]
    pub dry_run: bool,
    /// How logs are written. The environment's RUST_LOG says which.
    #[arg(long, value_enum, default_value = "text")]
    pub log_format: LogFormat,
    /// Least profit of a liquidation after all fees, USD.
    #[arg(long, value_name = "USD", default_value_t = Demands::DEFAULT.min_profit)]
    pub min_profit: f64,
    /// Most of a liquidation's profit that may be paid for priority, percent.
    #[arg(long, value_name = "PERCENT", default_value_t = percent(Demands::DEFAULT.priority_share_bps))]
    pub priority_share: f64,
    /// Percentage of recent slots that the first bid for priority would have been enough for.
    #[arg(long, value_name = "PERCENT", default_value_t = 75)]
    pub priority_percentile: u8,
    /// Least bid for priority, micro-lamports for each compute unit.
    #[arg(long, value_name = "MICRO-LAMPORTS", default_value_t = 1_000)]
    pub priority_least: u64,
    /// By how much a bid rises after each attempt that did not land, percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 50)]
    pub priority_raise: u32,
    /// Most that a transaction without profit (prices, refreshes, bad debts, changes) may pay for priority, lamports.
    #[arg(long, value_name = "LAMPORTS", default_value_t = 20_000)]
    pub crank_priority: u64,
    /// Price of SOL for what fees cost, USD, where the market lists no wrapped SOL.
    #[arg(long, value_name = "USD", default_value_t = 200.0)]
    pub sol_price: f64,
    /// What is taken off the value of collateral that is kept, percent: what selling it later will cost.
    #[arg(long, value_name = "PERCENT", default_value_t = percent(Demands::DEFAULT.hold_discount_bps))]
    pub hold_discount: f64,
    /// Most of a penalty that slippage may take, percent, below 100.
    #[arg(long, value_name = "PERCENT", default_value_t = percent(Demands::DEFAULT.max_slippage_share_bps))]
    pub max_slippage_share: f64,
    /// Slippage between quote and swap that the router allows, percent. What the order can bear is checked in addition.
    #[arg(long, value_name = "PERCENT", default_value_t = 0.5)]
    pub swap_slippage: f64,
    /// Accounts of a swap, at most.
    #[arg(long, value_name = "NUMBER", default_value_t = 24)]
    pub swap_accounts: u16,
    /// Refresh a price once it has this share of the age that its reserve accepts, percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 50.0)]
    pub refresh_age: f64,
    /// Refresh a price once it is this far from the chain's, percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 0.5)]
    pub refresh_deviation: f64,
    /// Refresh a reserve once fees of so much wait for its insurance, USD.
    #[arg(long, value_name = "USD", default_value_t = 100.0)]
    pub refresh_fees: f64,
    /// A vault to look after, or `all` that lend to the market, or `none`. May be given several times.
    #[arg(long, value_name = "ADDRESS|all|none", default_value = "all")]
    pub vault: Vec<String>,
    /// Read vaults, their markets and queues so often, seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub vault_poll: u64,
    /// Do for a vault what pays nothing only if it is about so much, USD.
    #[arg(long, value_name = "USD", default_value_t = 1.0)]
    pub vault_least: f64,
    /// What is done about perps: everything that anyone may do, only what pays, or nothing.
    #[arg(long, value_enum, default_value = "all")]
    pub perps: perps::Choice,
    /// Do for perps what pays nothing only if it is about so much, USD; what a pool needs, for a tenth of it.
    #[arg(long, value_name = "USD", default_value_t = 10.0)]
    pub perp_least: f64,
    /// Number of the keeper's own margin account, whose deposits get rewards and pay others' losses. It is opened when it is needed first.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub margin_account: u16,
    /// Wait up to so long before a transaction, at random, milliseconds: for several keepers of one operator.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    pub jitter: u64,
    /// Bid anew for a transaction that has not landed after so long, seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 15)]
    pub landing: u64,
    /// Transactions under way at a time.
    #[arg(long, value_name = "NUMBER", default_value_t = 8)]
    pub parallel: usize,
    /// Read everything again so often, seconds. What was missed is found then at the latest.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub resync: u64,
    /// Poll so often while the WebSocket is down, milliseconds.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 1_000)]
    pub poll: u64,
    /// Evaluate all accounts so often, seconds; in between those that prices may have made liquidatable.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub full_scan: u64,
    /// On SIGTERM or SIGINT, wait so long for transactions under way, seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub grace: u64,
}

/// A market by its address, or by its file, which names the creator and the id.
fn market(text: &str) -> Result<Address> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let file = std::fs::read_to_string(text);
    let file = file.with_context(|| format!("`{text}` is neither an address nor a market's file"))?;
    let file: toml::Table = file.parse().with_context(|| format!("{text} is no market's file"))?;
    let creator = file.get("creator").and_then(|creator| creator.as_str()?.parse().ok());
    let creator = creator.with_context(|| format!("{text} names no creator: it is no market's file"))?;
    let id = file.get("id").and_then(|id| u16::try_from(id.as_integer()?).ok());
    Ok(market_address(&creator, id.with_context(|| format!("{text} has no id from 0 to 65535"))?).0)
}

/// Basis points in percent.
fn percent(bps: u16) -> f64 {
    f64::from(bps) / 100.0
}

/// Percent in basis points.
fn bps(percent: f64, name: &str, most: f64) -> Result<u16> {
    ensure!((0.0..=most).contains(&percent), "--{name} is {percent} percent: 0 to {most} are possible");
    Ok((percent * 100.0).round() as u16)
}

/// The arguments that a file of options stands for.
fn arguments_of(text: &str) -> Result<Vec<String>> {
    // The parser's own words show the line, which may hold a key.
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        anyhow::anyhow!("line {}: {}", before.matches('\n').count() + 1, error.message())
    })?;
    let mut arguments = Vec::new();
    for (name, value) in table {
        ensure!(name != "config", "a file of options names no other");
        let values = match value {
            toml::Value::Array(values) => values,
            value => vec![value],
        };
        for value in values {
            arguments.extend(argument_of(&name, value)?);
        }
    }
    Ok(arguments)
}

/// The argument that a value in a file of options stands for.
fn argument_of(name: &str, value: toml::Value) -> Result<Option<String>> {
    let value = match value {
        toml::Value::Boolean(true) => return Ok(Some(format!("--{name}"))),
        toml::Value::Boolean(false) => return Ok(None),
        toml::Value::String(text) => text,
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Float(number) => number.to_string(),
        other => anyhow::bail!("{name}: {} is no option's value", other.type_str()),
    };
    Ok(Some(format!("--{name}={value}")))
}

impl Options {
    /// Reads the command line, and the file that it names.
    pub fn parse_with_file(arguments: Vec<String>) -> Result<Self> {
        let file = arguments.iter().enumerate().find_map(|(index, argument)| match argument.strip_prefix("--config") {
            Some("") => arguments.get(index + 1).cloned(),
            Some(rest) => rest.strip_prefix('=').map(str::to_owned),
            None => None,
        });
        let is_key = |argument: &&String| argument.split('=').next() == Some("--router-api-key");
        ensure!(
            !arguments.iter().any(|argument| is_key(&argument)),
            "--router-api-key is not for the command line, which everybody on this machine can read with `ps`: give the key in \
             the environment's BALLAST_ROUTER_API_KEY, or as router-api-key in the file of --config"
        );
        let mut all: Vec<String> = arguments.first().cloned().into_iter().collect();
        if let Some(file) = file {
            let text = std::fs::read_to_string(&file).with_context(|| format!("--config {file}"))?;
            all.extend(arguments_of(&text).with_context(|| format!("--config {file}"))?);
        }
        all.extend(arguments.into_iter().skip(1));
        let options = Self::from_arg_matches(&Self::command().try_get_matches_from(all)?)?;
        options.demands(0.0)?;
        options.thresholds()?;
        options.router_headers()?;
        options.vaults()?;
        for (name, least) in [("vault-least", options.vault_least), ("perp-least", options.perp_least)] {
            ensure!(least >= 0.0, "--{name} is {least}: no sum of money");
        }
        Ok(options)
    }

    /// What liquidations must earn, if a transaction costs so much, USD.
    pub fn demands(&self, base_cost: f64) -> Result<Demands> {
        ensure!(self.min_profit >= 0.0, "--min-profit is negative: liquidations would be paid for");
        ensure!(self.sol_price > 0.0, "--sol-price must be positive");
        Ok(Demands {
            min_profit: self.min_profit,
            hold_discount_bps: bps(self.hold_discount, "hold-discount", 100.0)?,
            max_slippage_share_bps: bps(self.max_slippage_share, "max-slippage-share", 99.0)?,
            priority_share_bps: bps(self.priority_share, "priority-share", 100.0)?,
            base_cost,
        })
    }

    /// When a crank is worth a transaction.
    pub fn thresholds(&self) -> Result<Thresholds> {
        Ok(Thresholds {
            refresh_age_bps: bps(self.refresh_age, "refresh-age", 100.0)?,
            refresh_deviation_bps: bps(self.refresh_deviation, "refresh-deviation", 100.0)?,
            refresh_fees: self.refresh_fees,
        })
    }

    /// Which vaults are looked after.
    pub fn vaults(&self) -> Result<Choice> {
        let named: Vec<&str> = self.vault.iter().map(String::as_str).collect();
        Ok(match named[..] {
            ["all"] => Choice::All,
            ["none"] => Choice::None,
            _ => {
                let parsed = named.iter().map(|text| {
                    let address = text.parse().ok();
                    address.with_context(|| format!("--vault {text}: give addresses, or `all` or `none` alone"))
                });
                Choice::These(parsed.collect::<Result<_>>()?)
            }
        })
    }

    /// How bids rise.
    pub fn bidding(&self) -> Bidding {
        Bidding { percentile: self.priority_percentile, least: self.priority_least, raise_percent: self.priority_raise }
    }

    /// What is sent to the router with every request. No error repeats a value.
    fn router_headers(&self) -> Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        let mut add = |name: HeaderName, value: &str, option: &str| {
            let mut value =
                HeaderValue::from_str(value).ok().with_context(|| format!("{option}: the value is no header's"))?;
            value.set_sensitive(true);
            headers.insert(name, value);
            anyhow::Ok(())
        };
        for (Secret(header), number) in self.router_header.iter().zip(1..).filter(|(header, _)| !header.0.is_empty()) {
            let option = format!("--router-header, the {number}.");
            let (name, value) = header.split_once(':').with_context(|| format!("{option}: write `name: value`"))?;
            let name = name.trim().parse().ok().with_context(|| format!("{option}: the name is no header's"))?;
            add(name, value.trim(), &option)?;
        }
        if let Some(Secret(key)) = self.router_api_key.as_ref().filter(|key| !key.0.is_empty()) {
            add(HeaderName::from_static("x-api-key"), key, "--router-api-key")?;
        }
        Ok(headers)
    }

    /// How the router is asked, if there is one.
    pub fn router(&self) -> Result<Option<Settings>> {
        if self.router_url == "none" {
            return Ok(None);
        }
        Ok(Some(Settings {
            url: self.router_url.clone(),
            headers: self.router_headers()?,
            max_accounts: self.swap_accounts,
            slippage_bps: bps(self.swap_slippage, "swap-slippage", 100.0)?,
            timeout: router::TIMEOUT,
        }))
    }

    /// The WebSocket's URL.
    pub fn ws(&self) -> Result<String> {
        if let Some(url) = &self.ws_url {
            return Ok(url.clone());
        }
        let mut url = reqwest::Url::parse(&self.rpc_url).context("--rpc-url")?;
        let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
        if let Some(port) = url.port() {
            let next = port.checked_add(1).context("--rpc-url: there is no port after 65,535: give --ws-url")?;
            url.set_port(Some(next)).ok().context("--rpc-url")?;
        }
        url.set_scheme(scheme).ok().context("--rpc-url")?;
        Ok(url.into())
    }
}

#[cfg(test)]
mod tests;

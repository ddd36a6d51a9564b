//! What the network tells its users: addresses and URLs, as a table, as JSON and as files.

use std::{
    fmt::{self, Display, Formatter},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use ballast_client::{Address, ID};
use serde::Serialize;
use solana_account::Account;

use crate::{
    chain::Handle,
    keys,
    market::Reserve,
    tokens::{associated, token_account},
};

/// Everything about a running network.
#[derive(Clone, Debug, Serialize)]
pub struct Manifest {
    /// JSON-RPC.
    pub rpc_url: String,
    /// WebSocket.
    pub ws_url: String,
    /// The swap router, as Jupiter's `/swap/v1`; `/localnet` of the same port is the remote control.
    pub router_url: String,
    /// The page; none if none is served.
    pub page_url: Option<String>,
    /// The program.
    pub program: String,
    /// The market.
    pub market: String,
    /// The vault that lends to it; none if the market is not the built-in one.
    pub vault: Option<String>,
    /// The market's reserves.
    pub reserves: Vec<ReserveEntry>,
    /// The market's perps.
    pub perps: Vec<PerpEntry>,
    /// Funded keys. They are public.
    pub wallets: Vec<Wallet>,
}

/// A reserve.
#[derive(Clone, Debug, Serialize)]
pub struct ReserveEntry {
    /// What instructions name it by.
    pub index: usize,
    /// Ticker.
    pub symbol: String,
    /// The token.
    pub mint: String,
    /// Its decimals.
    pub decimals: u8,
    /// Where its price is published.
    pub price_account: String,
    /// The feed's id in hex.
    pub feed_id: String,
}

/// A perp.
#[derive(Clone, Debug, Serialize)]
pub struct PerpEntry {
    /// What instructions name it by.
    pub index: u8,
    /// What the market's file calls it.
    pub name: String,
    /// Its pool, likewise.
    pub pool: String,
    /// What instructions name that by.
    pub pool_index: u8,
}

/// A key with money.
#[derive(Clone, Debug, Serialize)]
pub struct Wallet {
    /// What the key is made from.
    pub name: String,
    /// Its address.
    pub address: String,
    /// The key's file, once written.
    pub keypair: Option<PathBuf>,
    /// Whole SOL, for fees.
    pub sol: u64,
    /// Whole tokens in its associated token accounts.
    pub tokens: Vec<Balance>,
}

/// Tokens.
#[derive(Clone, Debug, Serialize)]
pub struct Balance {
    /// Ticker.
    pub symbol: String,
    /// Whole tokens.
    pub amount: u64,
}

/// The keys that there are, and the dollars each has of every token. Keepers have none: they sell what they seize.
/// The curator brings the first atoms of the vault.
const WALLETS: [(&str, f64); 13] = [
    ("authority", 0.0),
    ("guardian", 0.0),
    ("council", 0.0),
    ("collector", 0.0),
    ("curator", 1_000.0),
    ("sentinel", 0.0),
    ("faucet", 0.0),
    ("trader", 1_000_000.0),
    ("lender", 10_000_000.0),
    ("liquidator", 5_000_000.0),
    ("keeper", 0.0),
    ("second keeper", 0.0),
    ("staker", 100_000.0),
];
/// Whole SOL of each for fees.
const PURSE: u64 = 10_000;
const LAMPORTS_PER_SOL: u64 = 1_000_000_000;

/// Funds the wallets, at these prices in dollars.
pub fn fund(chain: &Handle, reserves: &[Reserve], prices: &[f64]) -> Result<Vec<Wallet>> {
    let mut wallets = Vec::new();
    for (name, dollars) in WALLETS {
        let owner = keys::address(name);
        let mut accounts = vec![(owner, Account { lamports: PURSE * LAMPORTS_PER_SOL, ..Account::default() })];
        let mut tokens = Vec::new();
        for (reserve, price) in reserves.iter().zip(prices) {
            let (amount, most) = ((dollars / price) as u64, u64::MAX / reserve.asset.unit());
            let symbol = &reserve.symbol;
            ensure!(
                amount <= most,
                "{symbol}: at {price} USD a wallet holds {most} tokens, which are not {dollars} USD"
            );
            accounts.push(holding(&owner, reserve, amount));
            if amount > 0 {
                tokens.push(Balance { symbol: reserve.symbol.clone(), amount });
            }
        }
        chain.write(accounts)?;
        wallets.push(Wallet { name: name.into(), address: owner.to_string(), keypair: None, sol: PURSE, tokens });
    }
    Ok(wallets)
}

/// An owner's associated token account with so many whole tokens.
pub fn holding(owner: &Address, reserve: &Reserve, amount: u64) -> (Address, Account) {
    let atoms = amount * reserve.asset.unit();
    (associated(owner, &reserve.mint), token_account(&reserve.mint, owner, atoms))
}

impl Manifest {
    /// Of a network that listens on these ports.
    pub fn new(
        ports: [u16; 3],
        market: Address,
        vault: Option<Address>,
        reserves: &[Reserve],
        perps: Vec<PerpEntry>,
        wallets: Vec<Wallet>,
    ) -> Self {
        let [rpc, ws, router] = ports;
        let entry = |(index, reserve): (usize, &Reserve)| ReserveEntry {
            index,
            symbol: reserve.symbol.clone(),
            mint: reserve.mint.to_string(),
            decimals: reserve.decimals,
            price_account: reserve.price_account.to_string(),
            feed_id: reserve.feed_id.iter().map(|byte| format!("{byte:02x}")).collect(),
        };
        Self {
            rpc_url: format!("http://127.0.0.1:{rpc}"),
            ws_url: format!("ws://127.0.0.1:{ws}"),
            router_url: format!("http://127.0.0.1:{router}"),
            page_url: None,
            program: ID.to_string(),
            market: market.to_string(),
            vault: vault.map(|vault| vault.to_string()),
            reserves: reserves.iter().enumerate().map(entry).collect(),
            perps,
            wallets,
        }
    }
}

/// The files of a manifest. They are removed when this is dropped: who finds them finds a network.
pub struct Files(Vec<PathBuf>);

impl Files {
    /// Writes the manifest, and beside it each wallet's key as `solana-keygen` would.
    pub fn write(manifest: &mut Manifest, path: &Path) -> Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let mut files = Self(Vec::new());
        for wallet in &mut manifest.wallets {
            let file = folder.join(format!("{}.json", wallet.name.replace(' ', "-")));
            let bytes = keys::keypair(&wallet.name).to_bytes();
            files.add(&file, &serde_json::to_string(&bytes[..])?)?;
            wallet.keypair = Some(file);
        }
        files.add(path, &serde_json::to_string_pretty(manifest)?)?;
        Ok(files)
    }

    fn add(&mut self, file: &Path, text: &str) -> Result<()> {
        fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
        self.0.push(file.into());
        Ok(())
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        for file in &self.0 {
            // Somebody may have removed it already.
            _ = fs::remove_file(file);
        }
    }
}

impl Display for Manifest {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { rpc_url, ws_url, router_url, page_url, program, market, vault, reserves, perps, wallets } = self;
        writeln!(f, "JSON-RPC   {rpc_url}\nWebSocket  {ws_url}\nrouter     {router_url}")?;
        if let Some(page) = page_url {
            writeln!(f, "page       {page}")?;
        }
        writeln!(f, "program    {program}\nmarket     {market}")?;
        if let Some(vault) = vault {
            writeln!(f, "vault      {vault}")?;
        }
        writeln!(f, "\nreserve    {:44}  price account", "mint")?;
        for ReserveEntry { index, symbol, mint, price_account, .. } in reserves {
            writeln!(f, "{index:>2} {symbol:7} {mint:44}  {price_account}")?;
        }
        for PerpEntry { index, name, pool, pool_index } in perps {
            writeln!(f, "{index:>2} {name}, against {pool} ({pool_index})")?;
        }
        writeln!(f, "\n{:14} {:44}  tokens", "wallet", "address")?;
        for Wallet { name, address, tokens, .. } in wallets {
            let tokens: Vec<_> = tokens.iter().map(|Balance { symbol, amount }| format!("{amount} {symbol}")).collect();
            writeln!(f, "{name:14} {address:44}  {}", tokens.join(", "))?;
        }
        write!(f, "\nAll keys are public: they are for this network alone.")
    }
}

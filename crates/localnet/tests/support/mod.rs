//! A client of the network, over its ports alone.

#![allow(dead_code, reason = "each suite takes what it needs")]

pub mod proxy;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use ballast_client::{
    AccountMeta, Address, Instruction, MarketView,
    engine::{price::feed::PriceUpdate, state::token},
};
use ballast_localnet::{Localnet, keys, tokens};
use ballast_rpc::{Bid, Cluster, Rpc};
use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

/// The longest that anything here may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A network's JSON-RPC.
pub fn rpc(network: &Localnet) -> Result<Rpc> {
    Rpc::new(&network.manifest().rpc_url, Bid::default())
}

/// A token balance, as RPC says.
pub fn balance(rpc: &mut Rpc, owner: &Address, mint: &Address) -> Result<u64> {
    let account = rpc.accounts(&[tokens::associated(owner, mint)])?.pop().flatten().context("no token account")?;
    token::balance(&account.data).context("no token account")
}

/// A network's market, as RPC says.
pub fn market(rpc: &mut Rpc, network: &Localnet) -> Result<MarketView> {
    let account = rpc.accounts(&[network.market()])?.pop().flatten().context("no market")?;
    Ok(MarketView::decode(network.market(), &account.data)?)
}

/// Another program of the workspace, built beside this test.
pub fn beside(name: &str) -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let program = test.ancestors().nth(2).context("a folder of programs")?.join(name);
    ensure!(program.exists(), "{}: cargo build -p ballast-cli -p ballast-keeper makes it", program.display());
    Ok(program)
}

/// Writes a named key as `solana-keygen` would, and returns its file.
pub fn key_file(folder: &Path, name: &str) -> Result<PathBuf> {
    let file = folder.join(format!("{name}.json"));
    std::fs::write(&file, serde_json::to_string(&keys::keypair(name).to_bytes()[..])?)?;
    Ok(file)
}

/// The JSON that a URL answers with, and its status.
pub fn get(url: &str) -> Result<(u16, Value)> {
    answer(|client| client.get(url))
}

/// The same, asked with JSON.
pub fn post(url: &str, body: &Value) -> Result<(u16, Value)> {
    answer(|client| client.post(url).json(body))
}

/// What a URL answers with, as text.
pub fn text(url: &str) -> Result<String> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(async { Ok(reqwest::Client::new().get(url).timeout(PATIENCE).send().await?.text().await?) })
}

fn answer(request: impl FnOnce(reqwest::Client) -> reqwest::RequestBuilder) -> Result<(u16, Value)> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let response = request(reqwest::Client::new()).timeout(PATIENCE).send().await?;
        Ok((response.status().as_u16(), response.json().await?))
    })
}

/// An instruction in Jupiter's JSON.
pub fn instruction(value: &Value) -> Result<Instruction> {
    let address =
        |value: &Value| -> Result<Address> { value.as_str().and_then(|text| text.parse().ok()).context("no address") };
    let accounts = value["accounts"].as_array().context("no accounts")?.iter().map(|meta| {
        let (is_signer, is_writable) = (meta["isSigner"] == true, meta["isWritable"] == true);
        Ok(AccountMeta { pubkey: address(&meta["pubkey"])?, is_signer, is_writable })
    });
    Ok(Instruction {
        program_id: address(&value["programId"])?,
        accounts: accounts.collect::<Result<_>>()?,
        data: BASE64_STANDARD.decode(value["data"].as_str().context("no data")?)?,
    })
}

/// Waits until something holds.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) -> Result<()> {
    let start = Instant::now();
    while !holds() {
        ensure!(start.elapsed() < PATIENCE, "{what} did not come");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// A subscriber.
pub struct Subscriber(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Subscriber {
    /// Connects.
    pub async fn connect(url: &str) -> Result<Self> {
        Ok(Self(connect_async(url).await?.0))
    }

    /// Subscribes, and returns the subscription's number.
    pub async fn subscribe(&mut self, method: &str, address: &Address) -> Result<u64> {
        let config = json!({ "encoding": "base64", "commitment": "processed" });
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": [address.to_string(), config] });
        self.0.send(Message::text(request.to_string())).await?;
        let answer = self.next().await?;
        answer["result"].as_u64().with_context(|| answer.to_string())
    }

    /// The next message.
    pub async fn next(&mut self) -> Result<Value> {
        loop {
            let message =
                tokio::time::timeout(PATIENCE, self.0.next()).await?.context("the connection is closed")??;
            if let Message::Text(text) = message {
                return Ok(serde_json::from_str(&text)?);
            }
        }
    }

    /// The next price that is heard of: whether by an account's subscription or a program's, its slot and the price.
    pub async fn next_price(&mut self) -> Result<(u64, PriceUpdate)> {
        let notification = self.next().await?;
        let result = &notification["params"]["result"];
        let value = &result["value"];
        let account = value.get("account").unwrap_or(value);
        let data = BASE64_STANDARD.decode(account["data"][0].as_str().with_context(|| notification.to_string())?)?;
        let update = PriceUpdate::parse(&data).map_err(|error| anyhow::anyhow!(error.message()))?;
        Ok((result["context"]["slot"].as_u64().context("no slot")?, update))
    }
}

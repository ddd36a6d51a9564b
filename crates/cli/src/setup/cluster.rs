//! What a command needs of a cluster, and a cluster reached by JSON-RPC.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use ballast_client::{Address, Instruction, describe_error};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use solana_account::Account;
use solana_keypair::Keypair;
use solana_message::Message;
use solana_signer::Signer;

/// A cluster.
pub trait Cluster {
    /// Accounts, as confirmed and no older than what was sent last.
    fn accounts(&mut self, addresses: &[Address]) -> Result<Vec<Option<Account>>>;
    /// The hash of its first block, which names it.
    fn genesis_hash(&mut self) -> Result<String>;
    /// Simulates a transaction of one instruction, sends it and waits until it is confirmed. The first signer pays; signers
    /// that the instruction does not need are left out. Returns its signature.
    fn send(&mut self, instruction: &Instruction, signers: &[&Keypair]) -> Result<String>;
}

/// Unix seconds, of the clock that the program will read.
pub fn now(cluster: &mut dyn Cluster) -> Result<i64> {
    const CLOCK: Address = Address::from_str_const("SysvarC1ock11111111111111111111111111111111");
    const UNIX_TIMESTAMP: usize = 32;
    let account = cluster.accounts(&[CLOCK])?.pop().flatten().context("the cluster has no clock")?;
    let bytes = account.data.get(UNIX_TIMESTAMP..UNIX_TIMESTAMP + 8).context("the clock's account is cut short")?;
    Ok(i64::from_le_bytes(bytes.try_into()?))
}

/// A node's JSON-RPC.
pub struct Rpc {
    agent: ureq::Agent,
    url: String,
    /// The slot that answers may not be older than: behind a balancer, the next node may not have seen what was sent.
    slot: u64,
}

/// What a node answers that is behind the slot asked for.
const BEHIND: i64 = -32_016;
/// For how long a blockhash is good is 150 slots; this is longer.
const PATIENCE: Duration = Duration::from_secs(90);
const PAUSE: Duration = Duration::from_millis(500);
/// Most accounts of one request.
const BATCH: usize = 100;

impl Rpc {
    /// At a URL.
    pub fn new(url: &str) -> Self {
        let config = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(30)));
        // An error's body says what is wrong.
        let agent = config.http_status_as_error(false).build().into();
        Self { agent, url: url.into(), slot: 0 }
    }

    fn call(&self, method: &str, params: Value) -> Result<Value> {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
        let start = Instant::now();
        loop {
            let post = self.agent.post(&self.url).header("content-type", "application/json");
            let mut response = post.send(&request).with_context(|| method.to_owned())?;
            let text = response.body_mut().read_to_string().with_context(|| method.to_owned())?;
            let mut answer: Value =
                serde_json::from_str(&text).with_context(|| format!("{method}: {}, and no JSON", response.status()))?;
            match answer.get("error") {
                None => return Ok(answer["result"].take()),
                Some(error) if error["code"] == BEHIND && start.elapsed() < PATIENCE => sleep(PAUSE),
                Some(error) => bail!("{method}: {error}"),
            }
        }
    }

    fn config(&self) -> Value {
        json!({ "commitment": "confirmed", "encoding": "base64", "minContextSlot": self.slot })
    }
}

impl Cluster for Rpc {
    fn accounts(&mut self, addresses: &[Address]) -> Result<Vec<Option<Account>>> {
        let mut accounts = Vec::new();
        for batch in addresses.chunks(BATCH) {
            let keys: Vec<_> = batch.iter().map(Address::to_string).collect();
            let answer = self.call("getMultipleAccounts", json!([keys, self.config()]))?;
            let values = answer["value"].as_array().context("getMultipleAccounts: no accounts")?;
            ensure!(values.len() == batch.len(), "getMultipleAccounts: not as many as asked for");
            for value in values {
                accounts.push(if value.is_null() { None } else { Some(account(value)?) });
            }
        }
        Ok(accounts)
    }

    fn genesis_hash(&mut self) -> Result<String> {
        let hash = self.call("getGenesisHash", json!([]))?;
        Ok(hash.as_str().context("getGenesisHash: no text")?.to_owned())
    }

    fn send(&mut self, instruction: &Instruction, signers: &[&Keypair]) -> Result<String> {
        let latest =
            self.call("getLatestBlockhash", json!([{ "commitment": "confirmed", "minContextSlot": self.slot }]))?;
        let hash = latest["value"]["blockhash"].as_str().context("getLatestBlockhash: no hash")?;
        let payer = signers.first().context("nobody signs")?.pubkey();
        let mut message = Message::new(std::slice::from_ref(instruction), Some(&payer));
        message.recent_blockhash = hash.parse().map_err(|error| anyhow!("the blockhash `{hash}`: {error}"))?;
        let (signature, bytes) = sign(&message, signers)?;
        let transaction = BASE64_STANDARD.encode(bytes);

        let mut config = self.config();
        config["sigVerify"] = true.into();
        let simulated = self.call("simulateTransaction", json!([transaction, config]))?;
        let outcome = &simulated["value"];
        if !outcome["err"].is_null() {
            let logs = outcome["logs"].as_array().map(Vec::as_slice).unwrap_or_default();
            let logs: Vec<_> = logs.iter().filter_map(Value::as_str).collect();
            bail!("in simulation: {}\n  {}", reason(&outcome["err"]), logs.join("\n  "));
        }
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            // Again and again: a leader may drop it, and a second copy does nothing.
            let config = json!({ "encoding": "base64", "skipPreflight": true });
            self.call("sendTransaction", json!([transaction, config]))?;
            let statuses = self.call("getSignatureStatuses", json!([[signature]]))?;
            let status = &statuses["value"][0];
            if !status["err"].is_null() {
                bail!("{signature}: {}", reason(&status["err"]));
            }
            if matches!(status["confirmationStatus"].as_str(), Some("confirmed" | "finalized")) {
                self.slot = self.slot.max(status["slot"].as_u64().unwrap_or_default());
                return Ok(signature);
            }
            sleep(PAUSE);
        }
        bail!("{signature} was not confirmed in {} s: look it up before sending it again", PATIENCE.as_secs())
    }
}

/// Signs with the keys that a message asks for. Returns the first signature, which names the transaction, and its bytes.
pub fn sign(message: &Message, signers: &[&Keypair]) -> Result<(String, Vec<u8>)> {
    let (serialized, count) = (message.serialize(), message.header.num_required_signatures);
    // The count is a byte for up to 127.
    let mut bytes = vec![count];
    let mut first = None;
    for address in &message.account_keys[..count as usize] {
        let signer = signers.iter().find(|signer| signer.pubkey() == *address);
        let signature = signer.with_context(|| format!("{address} must sign"))?.sign_message(&serialized);
        bytes.extend(signature.as_ref());
        first.get_or_insert(signature);
    }
    bytes.extend(serialized);
    Ok((first.context("nobody signs")?.to_string(), bytes))
}

fn account(value: &Value) -> Result<Account> {
    let data = BASE64_STANDARD.decode(value["data"][0].as_str().context("an account without data")?)?;
    let owner = value["owner"].as_str().context("an account without an owner")?;
    let owner = owner.parse().map_err(|error| anyhow!("the owner `{owner}`: {error}"))?;
    let lamports = value["lamports"].as_u64().context("an account without lamports")?;
    Ok(Account { lamports, data, owner, ..Account::default() })
}

/// The program's own words for its errors.
fn reason(error: &Value) -> String {
    let code = error["InstructionError"][1]["Custom"].as_u64().and_then(|code| u32::try_from(code).ok());
    code.map_or_else(|| error.to_string(), describe_error)
}

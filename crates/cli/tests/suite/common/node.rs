//! A node that answers as JSON-RPC from a virtual machine.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};

use ballast_client::{Address, ID, MarketView, TOKEN_PROGRAM, market_address};
use base64::{Engine, prelude::BASE64_STANDARD};
use litesvm::LiteSVM;
use serde_json::{Value, json};
use solana_account::Account;
use solana_clock::Clock;
use solana_instruction::error::InstructionError;
use solana_keypair::{Keypair, write_keypair_file};
use solana_signer::Signer;
use solana_transaction::versioned::VersionedTransaction;
use solana_transaction_error::TransactionError;

use super::{command_with_home, folder, run_with_home};

const EXAMPLE: &str = include_str!("../../../../../migrations/market.toml");
/// The pool and the perp that the example has commented out at its end, and the same to be used.
pub fn pool_and_perp() -> (&'static str, String) {
    let commented = &EXAMPLE[EXAMPLE.find("# [[pools]]").expect("an example")..];
    let lines = commented.lines().map(|line| line.strip_prefix('#').unwrap_or(line).trim_start());
    (commented, lines.collect::<Vec<_>>().join("\n"))
}

/// The hash of mainnet's first block.
pub const MAINNET: &str = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d";
/// That of the node, unless a test says otherwise.
const GENESIS: &str = "4uhcVJyU9pJkvQyS88uRDiswHXSCkY3zQawwpjk2NsNY";

/// A node, its clients' folder, and what it was asked.
pub struct Node {
    inner: Arc<Mutex<Inner>>,
    /// Where it listens.
    pub url: String,
    /// Its clients' files.
    pub folder: PathBuf,
}

/// The chain and what was asked.
pub struct Inner {
    /// The chain.
    pub svm: LiteSVM,
    /// The hash of its first block.
    pub genesis: &'static str,
    /// The methods called, in order.
    pub calls: Vec<String>,
    /// How many requests to answer as a node that is behind.
    pub behind: usize,
    /// What every slot of late took for priority.
    pub fee: u64,
    /// Whether transactions that it takes get lost.
    pub loses: bool,
    /// What was written, for questions about a program's accounts.
    written: BTreeSet<[u8; 32]>,
    /// How many transactions landed.
    landed: usize,
    /// The last of them.
    pub last: Option<VersionedTransaction>,
    /// The bytes of each.
    pub sizes: Vec<usize>,
}

impl Node {
    /// A node with the example's mints, and three keys with lamports.
    pub fn start(name: &str) -> Self {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/deploy/ballast.so");
        let mut svm = LiteSVM::new();
        svm.add_program(ID, &std::fs::read(program).expect("run scripts/build first")).expect("loads");
        for (mint, decimals) in [
            ("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", 6),
            ("So11111111111111111111111111111111111111112", 9),
            ("cbbtcf3aa214zXHbiAZQwf4122FBYbraNdFqgw4iMij", 8),
        ] {
            let mut data = vec![0; 82];
            (data[44], data[45]) = (decimals, 1);
            let account = Account { lamports: 1 << 40, data, owner: TOKEN_PROGRAM, ..Account::default() };
            svm.set_account(mint.parse().expect("an address"), account).expect("no sysvar");
        }
        let folder = folder(name);
        for key in ["poor", "collector"] {
            write_keypair_file(&keypair(key), folder.join(key)).expect("written");
        }
        let inner = Arc::new(Mutex::new(Inner {
            svm,
            genesis: GENESIS,
            calls: Vec::new(),
            behind: 0,
            fee: 0,
            loses: false,
            written: BTreeSet::new(),
            landed: 0,
            last: None,
            sizes: Vec::new(),
        }));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let node = Self { inner: inner.clone(), url, folder };
        // Ends with the test's process.
        std::thread::spawn(move || listener.incoming().for_each(|stream| serve(stream.expect("a client"), &inner)));
        for name in ["creator", "guardian", "stranger", "lender", "trader"] {
            node.comes(name);
        }
        node
    }

    /// Somebody comes, with a key and 100 SOL.
    pub fn comes(&self, name: &str) {
        self.lock().svm.airdrop(&keypair(name).pubkey(), 100_000_000_000).expect("lamports");
        write_keypair_file(&keypair(name), self.folder.join(name)).expect("written");
    }

    /// The chain and what was asked.
    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no panic in the server")
    }

    /// Writes a file with the test's keys in place of the example's; the creator keeps the market.
    pub fn file(&self, changes: &[(&str, &str)]) -> String {
        let [creator, guardian] = ["creator", "guardian"].map(|name| keypair(name).pubkey().to_string());
        let mut text = EXAMPLE.replace("Creator1111111111111111111111111111111111111", &creator);
        text = text.replace("Authority11111111111111111111111111111111111", &creator);
        text = text.replace("Guardian111111111111111111111111111111111111", &guardian);
        for (old, new) in changes {
            assert!(text.contains(old), "{old}");
            text = text.replacen(old, new, 1);
        }
        let path = self.folder.join("market.toml");
        std::fs::write(&path, text).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    }

    /// Runs `ballast`: exit code, and what it prints.
    pub fn ballast(&self, arguments: &[&str], key: Option<&str>) -> (i32, String) {
        let keypair = key.map(|name| self.folder.join(name).to_str().expect("UTF-8").to_owned());
        let key: Vec<_> = keypair.iter().flat_map(|path| ["--keypair", path.as_str()]).collect();
        let output = run_with_home(&self.folder, &[arguments, &["--url", &self.url], &key].concat());
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        (output.status.code().expect("ended by itself"), text)
    }

    /// Runs `ballast` with nothing but these arguments and variables of the environment: exit code, and what it prints.
    pub fn raw<T: AsRef<str>>(&self, arguments: &[T], environment: &[(&str, &str)]) -> (i32, String) {
        let arguments: Vec<_> = arguments.iter().map(AsRef::as_ref).collect();
        let output = command_with_home(&self.folder, &arguments).envs(environment.iter().copied()).output();
        let output = output.expect("the command starts");
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        (output.status.code().expect("ended by itself"), text)
    }

    /// How many different transactions landed.
    pub fn sent(&self) -> usize {
        self.lock().landed
    }

    /// Lets time pass.
    pub fn advance(&self, seconds: i64) {
        let svm = &mut self.lock().svm;
        let clock: Clock = svm.get_sysvar();
        svm.set_sysvar(&Clock { unix_timestamp: clock.unix_timestamp + seconds, ..clock });
    }

    /// The market of [`Self::file`].
    pub fn market(&self) -> MarketView {
        self.market_of(0)
    }

    /// The creator's market of a number.
    pub fn market_of(&self, id: u16) -> MarketView {
        let (address, _) = market_address(&keypair("creator").pubkey(), id);
        let account = self.lock().svm.get_account(&address).expect("a market");
        MarketView::decode(address, &account.data).expect("decodes")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A key by its name.
pub fn keypair(name: &str) -> Keypair {
    let mut seed = [5; 32];
    seed[..name.len()].copy_from_slice(name.as_bytes());
    Keypair::new_from_array(seed)
}

/// Answers one request.
fn serve(mut stream: TcpStream, inner: &Mutex<Inner>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line).is_ok_and(|count| count > 2) {
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a number");
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    let request: Value = serde_json::from_slice(&body).expect("JSON");
    let method = request["method"].as_str().expect("a method");
    let inner = &mut *inner.lock().expect("no panic before");
    inner.calls.push(method.into());
    let answer = match inner.answer(method, &request["params"]) {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": 1, "result": result }),
        Err(error) => json!({ "jsonrpc": "2.0", "id": 1, "error": error }),
    };
    let body = answer.to_string();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    stream.write_all((head + &body).as_bytes()).expect("answered");
}

impl Inner {
    fn answer(&mut self, method: &str, params: &Value) -> Result<Value, Value> {
        if method == "getMultipleAccounts" && self.behind > 0 {
            self.behind -= 1;
            return Err(json!({ "code": -32_016, "message": "Minimum context slot has not been reached" }));
        }
        let value = match method {
            "getGenesisHash" => return Ok(self.genesis.into()),
            "getSlot" => return Ok(7.into()),
            // Time goes on with every question.
            "getEpochInfo" => {
                return Ok(json!({
                    "epoch": 0, "slotIndex": 7, "slotsInEpoch": 432_000, "absoluteSlot": 7,
                    "blockHeight": self.calls.len(), "transactionCount": 0,
                }));
            }
            "getRecentPrioritizationFees" => {
                return Ok(
                    json!([{ "slot": 6, "prioritizationFee": self.fee }, { "slot": 7, "prioritizationFee": self.fee }]),
                );
            }
            "getProgramAccounts" => return Ok(self.program_accounts(&params[1]["filters"])),
            "getMultipleAccounts" => {
                let keys = params[0].as_array().expect("keys").iter();
                keys.map(|key| self.account(&key.as_str().expect("a key").parse().expect("an address"))).collect()
            }
            "getLatestBlockhash" => {
                let last = self.calls.len() + 20;
                json!({ "blockhash": self.svm.latest_blockhash().to_string(), "lastValidBlockHeight": last })
            }
            "simulateTransaction" => match self.svm.simulate_transaction(transaction(params)) {
                Ok(done) => {
                    json!({ "err": null, "logs": done.meta.logs, "unitsConsumed": done.meta.compute_units_consumed })
                }
                Err(failed) => json!({ "err": error(&failed.err), "logs": failed.meta.logs }),
            },
            "sendTransaction" => {
                let transaction = transaction(params);
                let signature = transaction.signatures[0].to_string();
                if !self.loses && self.svm.get_transaction(&transaction.signatures[0]).is_none() {
                    self.written.extend(transaction.message.static_account_keys().iter().map(Address::to_bytes));
                    self.landed += 1;
                    self.sizes.push(wincode::serialize(&transaction).expect("a transaction").len());
                    self.last = Some(transaction.clone());
                    self.svm.send_transaction(transaction).expect("it was simulated");
                    self.svm.expire_blockhash();
                }
                return Ok(signature.into());
            }
            "getSignatureStatuses" => {
                let signature = params[0][0].as_str().expect("a signature").parse().expect("in base58");
                let found = self.svm.get_transaction(&signature).is_some();
                let status = || json!({ "slot": 7, "confirmations": 1, "err": null, "status": { "Ok": null }, "confirmationStatus": "confirmed" });
                json!([found.then(status)])
            }
            other => panic!("the node does not know {other}"),
        };
        Ok(json!({ "context": { "slot": 7 }, "value": value }))
    }

    fn program_accounts(&self, filters: &Value) -> Value {
        let filters = filters.as_array().expect("filters");
        let matches = |data: &[u8]| {
            filters.iter().all(|filter| {
                let at = filter["memcmp"]["offset"].as_u64().expect("an offset") as usize;
                let bytes = filter["memcmp"]["bytes"].as_array().expect("bytes").iter();
                let bytes: Vec<_> = bytes.map(|byte| byte.as_u64().expect("a byte") as u8).collect();
                data.get(at..at + bytes.len()) == Some(&bytes)
            })
        };
        let addresses = self.written.iter().copied().map(Address::new_from_array);
        let found = addresses.filter(|address| {
            self.svm.get_account(address).is_some_and(|account| account.owner == ID && matches(&account.data))
        });
        found.map(|address| json!({ "pubkey": address.to_string(), "account": self.account(&address) })).collect()
    }

    fn account(&self, address: &Address) -> Value {
        let account = self.svm.get_account(address).filter(|account| account.lamports > 0);
        account.map_or(Value::Null, |account| {
            let size = account.data.len();
            let data = BASE64_STANDARD.encode(account.data);
            json!({
                "data": [data, "base64"],
                "owner": account.owner.to_string(),
                "lamports": account.lamports,
                "executable": account.executable,
                "rentEpoch": 0,
                "space": size,
            })
        })
    }
}

fn transaction(params: &Value) -> VersionedTransaction {
    let bytes = BASE64_STANDARD.decode(params[0].as_str().expect("text")).expect("base64");
    wincode::deserialize(&bytes).expect("a transaction")
}

fn error(error: &TransactionError) -> Value {
    match error {
        TransactionError::InstructionError(index, InstructionError::Custom(code)) => {
            json!({ "InstructionError": [index, { "Custom": code }] })
        }
        other => json!(format!("{other:?}")),
    }
}

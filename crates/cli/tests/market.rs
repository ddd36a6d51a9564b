//! `ballast market` against a node that answers as JSON-RPC from a virtual machine. Needs the program: scripts/build.

mod common;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};

use ballast_client::{Address, ID, MarketView, TOKEN_PROGRAM, market_address, to_engine};
use base64::{Engine, prelude::BASE64_STANDARD};
use common::{folder, run};
use litesvm::LiteSVM;
use serde_json::{Value, json};
use solana_account::Account;
use solana_clock::Clock;
use solana_instruction::error::InstructionError;
use solana_keypair::{Keypair, write_keypair_file};
use solana_signer::Signer;
use solana_transaction::versioned::VersionedTransaction;
use solana_transaction_error::TransactionError;

const EXAMPLE: &str = include_str!("../../../migrations/market.toml");
const MAINNET: &str = "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdpKuc147dw2N9d";

/// A node, its clients' folder, and what it was asked.
struct Node {
    inner: Arc<Mutex<Inner>>,
    url: String,
    folder: PathBuf,
}

struct Inner {
    svm: LiteSVM,
    genesis: &'static str,
    /// How often each method was called, in order.
    calls: Vec<String>,
    /// How many requests to answer as a node that is behind.
    behind: usize,
}

impl Node {
    fn start(name: &str) -> Self {
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
        for key in ["creator", "guardian", "stranger"] {
            let keypair = keypair(key);
            svm.airdrop(&keypair.pubkey(), 100_000_000_000).expect("lamports");
            write_keypair_file(&keypair, folder.join(key)).expect("written");
        }
        let inner = Arc::new(Mutex::new(Inner { svm, genesis: "a test's", calls: Vec::new(), behind: 0 }));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let node = Self { inner: inner.clone(), url, folder };
        // Ends with the test's process.
        std::thread::spawn(move || listener.incoming().for_each(|stream| serve(stream.expect("a client"), &inner)));
        node
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no panic in the server")
    }

    /// Writes a file with the test's keys in place of the example's; the creator keeps the market.
    fn file(&self, changes: &[(&str, &str)]) -> String {
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

    /// Runs `ballast market`: exit code, and what it prints.
    fn ballast(&self, arguments: &[&str], key: Option<&str>) -> (i32, String) {
        let keypair = key.map(|name| self.folder.join(name).to_str().expect("UTF-8").to_owned());
        let key: Vec<_> = keypair.iter().flat_map(|path| ["--keypair", path.as_str()]).collect();
        let output = run("market", &[arguments, &["--url", &self.url], &key].concat());
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        (output.status.code().expect("ended by itself"), text)
    }

    fn sent(&self) -> usize {
        self.lock().calls.iter().filter(|method| *method == "sendTransaction").count()
    }

    fn advance(&self, seconds: i64) {
        let svm = &mut self.lock().svm;
        let clock: Clock = svm.get_sysvar();
        svm.set_sysvar(&Clock { unix_timestamp: clock.unix_timestamp + seconds, ..clock });
    }

    fn market(&self) -> MarketView {
        let (address, _) = market_address(&keypair("creator").pubkey(), 0);
        let account = self.lock().svm.get_account(&address).expect("a market");
        MarketView::decode(address, &account.data).expect("decodes")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn keypair(name: &str) -> Keypair {
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
            "getMultipleAccounts" => {
                let keys = params[0].as_array().expect("keys").iter();
                keys.map(|key| self.account(key.as_str().expect("a key"))).collect()
            }
            "getLatestBlockhash" => json!({ "blockhash": self.svm.latest_blockhash().to_string() }),
            "simulateTransaction" => match self.svm.simulate_transaction(transaction(params)) {
                Ok(_) => json!({ "err": null, "logs": [] }),
                Err(failed) => json!({ "err": error(&failed.err), "logs": failed.meta.logs }),
            },
            "sendTransaction" => {
                let signature = transaction(params).signatures[0].to_string();
                self.svm.send_transaction(transaction(params)).expect("it was simulated");
                self.svm.expire_blockhash();
                return Ok(signature.into());
            }
            "getSignatureStatuses" => {
                let signature = params[0][0].as_str().expect("a signature").parse().expect("in base58");
                let found = self.svm.get_transaction(&signature).is_some();
                json!([found.then(|| json!({ "slot": 7, "err": null, "confirmationStatus": "confirmed" }))])
            }
            other => panic!("the node does not know {other}"),
        };
        Ok(json!({ "context": { "slot": 7 }, "value": value }))
    }

    fn account(&self, key: &str) -> Value {
        let address: Address = key.parse().expect("an address");
        let account = self.svm.get_account(&address).filter(|account| account.lamports > 0);
        account.map_or(Value::Null, |account| {
            let data = BASE64_STANDARD.encode(account.data);
            json!({ "data": [data, "base64"], "owner": account.owner.to_string(), "lamports": account.lamports })
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

#[test]
fn a_market_from_nothing_by_the_command() {
    let node = Node::start("market-apply");
    let file = node.file(&[]);
    let (code, printed) = node.ballast(&["apply", &file, "--dry-run"], None);
    assert!(code == 3 && node.sent() == 0 && printed.contains("8  now               launch"), "{printed}");
    let (code, printed) = node.ballast(&["apply", &file], Some("stranger"));
    assert!(code == 3 && node.sent() == 0 && printed.contains("must sign the next step"), "{printed}");

    node.lock().behind = 2;
    let (code, printed) = node.ballast(&["apply", &file], Some("creator"));
    assert!(code == 0 && printed.ends_with("nothing to do\n"), "{printed}");
    assert_eq!((node.sent(), node.market().market.config.launched, node.market().reserves.len()), (8, 1, 3));
    let (code, printed) = node.ballast(&["apply", &file], Some("creator"));
    assert!(code == 0 && node.sent() == 8 && printed.contains("nothing to do"), "{printed}");

    let changes = [("\"75 %\"", "\"70 %\""), ("reserve_factor = \"10 %\"", "reserve_factor = \"12 %\"")];
    let file = node.file(&changes);
    let (code, printed) = node.ballast(&["apply", &file], Some("creator"));
    assert!(code == 3 && printed.contains("wait: change 5 is due in 2 d: raise reserve_factor of cbBTC"), "{printed}");
    node.advance(172_800);
    let (code, printed) = node.ballast(&["apply", &file], Some("stranger"));
    assert_eq!((code, node.sent()), (0, 15), "{printed}");
}

#[test]
fn files_and_clusters_that_will_not_do_are_refused() {
    let node = Node::start("market-refused");
    let wrong = node.file(&[("\"75 %\"", "\"175 %\"")]);
    let (code, printed) = node.ballast(&["apply", &wrong], Some("creator"));
    let reason = "SOL.risk.cross.initial_asset is 175 %, but must be from 0 % to 100 %";
    assert!(code == 1 && printed.contains(reason), "{printed}");
    let file = node.file(&[]);
    assert_eq!(node.ballast(&["apply", "none.toml"], Some("creator")).0, 1);
    assert!(node.ballast(&["apply", &file], Some("none")).1.contains("cannot read the key"));
    assert!(node.ballast(&["apply", &file], None).1.contains("--keypair is missing"));
    node.lock().genesis = MAINNET;
    let (code, printed) = node.ballast(&["apply", &file], Some("creator"));
    assert!(code == 1 && printed.contains("this is mainnet") && node.sent() == 0, "{printed}");
    assert_eq!(node.ballast(&["apply", &file, "--dry-run"], None).0, 3, "nothing is sent");
    assert_eq!(node.ballast(&["apply", &file, "--yes"], Some("creator")).0, 0);
}

#[test]
fn instructions_are_printed_for_a_multisig() {
    let node = Node::start("market-multisig");
    let file = node.file(&[]);
    let (code, printed) = node.ballast(&["apply", &file, "--multisig"], None);
    let printed: Value = serde_json::from_str(&printed).expect("JSON");
    let list = printed["instructions"].as_array().expect("instructions");
    assert_eq!((code, list.len(), node.sent()), (3, 8, 0));
    let (create, creator) = (&list[0], keypair("creator").pubkey().to_string());
    assert_eq!((&create["programId"], &create["signer"]), (&json!(ID.to_string()), &json!(creator)));
    assert_eq!(create["accounts"][0], json!({ "pubkey": creator, "isSigner": true, "isWritable": true }));
    let data = BASE64_STANDARD.decode(create["data"].as_str().expect("text")).expect("base64");
    assert_eq!((data.len(), &data[..3]), (1 + 2 + 32 + 304, &[0, 0, 0][..]));
}

#[test]
fn an_incident_is_handled_by_the_command() {
    let node = Node::start("market-incident");
    let file = node.file(&[]);
    assert_eq!(node.ballast(&["apply", &file], Some("creator")).0, 0);
    let market = node.market().address.to_string();
    let (code, printed) = node.ballast(&["pause", &market, "withdraw", "flash-loan"], Some("creator"));
    assert!(code == 3 && printed.contains("must sign the next step"), "{printed}");
    assert_eq!(node.ballast(&["pause", &market, "withdraw", "flash-loan"], Some("guardian")).0, 0);
    assert_eq!(node.market().market.pause.actions, 5);
    assert_eq!(node.ballast(&["resume", &market], Some("guardian")).0, 0);
    assert_eq!(node.market().market.pause.actions, 0);
    let (code, printed) = node.ballast(&["resume", &market], Some("guardian"));
    assert!(code == 1 && printed.contains("in simulation: NothingToLift"), "{printed}");

    let looser = node.file(&[("loss_limit = \"50_000 USD\"", "loss_limit = \"90_000 USD\"")]);
    assert_eq!(node.ballast(&["apply", &looser], Some("creator")).0, 3);
    let number = (node.market().market.changes - 1).to_string();
    assert_eq!(node.ballast(&["cancel", &market, &number], Some("guardian")).0, 0);
    assert!(node.ballast(&["cancel", &market, &number], Some("guardian")).1.contains("there is no change"));
    assert_eq!(node.market().market.config.roles.guardian, to_engine(&keypair("guardian").pubkey()));
    let (code, printed) = node.ballast(&["migrate", &market], Some("stranger"));
    assert!(code == 0 && printed.contains("nothing to do"), "{printed}");
    let (code, printed) = node.ballast(&["close", &market, "1", &market], Some("creator"));
    assert!(code == 3 && printed.contains("FeeCoLLector"), "{printed}");
    let (code, printed) = node.ballast(&["pause", &market, "borrow", "--multisig"], None);
    assert!(code == 0 && printed.contains(&keypair("guardian").pubkey().to_string()), "{printed}");
}

/// Accounts that the program of layout 1 left, with the rent for what a market grows by.
#[test]
fn old_accounts_are_migrated_by_the_command() {
    let node = Node::start("market-migrate");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/layout-1.json");
    let fixture: Value = serde_json::from_slice(&std::fs::read(path).expect("the fixture")).expect("JSON");
    let mut arguments = vec!["migrate"];
    for stored in fixture["accounts"].as_array().expect("accounts") {
        let text = |key: &str| stored[key].as_str().expect("text");
        let (address, owner) = (text("address").parse().expect("one"), text("owner").parse().expect("one"));
        let data = BASE64_STANDARD.decode(text("data")).expect("base64");
        let account = Account { lamports: 1 << 40, data, owner, ..Account::default() };
        node.lock().svm.set_account(address, account).expect("no sysvar");
        arguments.push(text("address"));
    }
    let market = fixture["market"].as_str().expect("text").parse().expect("an address");
    let (code, printed) = node.ballast(&arguments, Some("stranger"));
    // A market, three margin accounts and a stake; vaults are none of ours.
    assert_eq!((code, node.sent()), (0, 5), "{printed}");
    let account = node.lock().svm.get_account(&market).expect("a market");
    assert_eq!(MarketView::decode(market, &account.data).expect("decodes").reserves.len(), 2);
    assert_eq!((node.ballast(&arguments, Some("stranger")).0, node.sent()), (0, 5), "once");
}

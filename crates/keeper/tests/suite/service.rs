//! The keeper's process against a node and a router of a test: what it asks, sends, counts and logs when they are in
//! trouble.

use std::{
    collections::HashMap,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use crate::node::{Reply, Stub, in_order};
use axum::{
    Json,
    extract::Query,
    http::StatusCode,
    response::IntoResponse,
    routing::{get, post},
};
use ballast_client::{Address, CLOCK_SYSVAR, ID, from_engine};
use ballast_keeper::service::{
    feed::{Event, read_margins},
    state::{News, RENT_SYSVAR},
};
use ballast_rpc::Node;
use ballast_tests::{Quote, SOL, Token, USD, World, price_account, reserve_config};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use solana_account::Account;
use solana_keypair::Keypair;
use solana_signer::Signer;
use tokio::{net::TcpListener, sync::mpsc, time::sleep};

/// The slot that everything is of.
pub(crate) const SLOT: u64 = 100;

/// The keeper's.
pub(crate) fn key() -> Keypair {
    Keypair::new_from_array([9; 32])
}

/// A market as a node has it: two accounts that cannot pay, and a keeper with dollars.
pub(crate) struct Snapshot {
    pub(crate) market: Address,
    pub(crate) accounts: HashMap<Address, Account>,
}

impl Snapshot {
    pub(crate) fn new() -> Self {
        let mut world = World::new();
        let usd = world.list(Token::new("USD", 6, 1.0), reserve_config());
        let sol = world.list(Token::new("SOL", 9, 150.0), reserve_config());
        let lender = world.user("lender");
        world.supply(lender, usd, 1_000_000 * USD);
        for name in ["one", "other"] {
            let trader = world.user(name);
            world.supply(trader, sol, 100 * SOL);
            world.refresh_all();
            world.borrow(trader, usd, 10_500 * USD).expect_ok();
        }
        world.fund(&key().pubkey(), usd, 100_000 * USD);
        world.advance(5);
        world.publish(usd, Quote::dollars(1.0));
        world.publish(sol, Quote::dollars(115.0));
        Self::of(&mut world)
    }

    /// Of a world, with a keeper that has a SOL, and the tokens that the world gave it.
    pub(crate) fn of(world: &mut World) -> Self {
        let keeper = key().pubkey();
        world.set_account(keeper, Account { lamports: 1_000_000_000, ..Account::default() });
        let view = world.view();
        let mut addresses = vec![world.market, CLOCK_SYSVAR, RENT_SYSVAR, keeper];
        for (index, reserve) in (0..).zip(&view.reserves).filter(|(_, record)| record.is_reserve()) {
            addresses.extend([price_account(&reserve.config.oracle.feed_id.0), from_engine(&reserve.mint)]);
            addresses.push(world.tokens(&keeper, index));
        }
        let mut accounts: HashMap<_, _> =
            addresses.into_iter().filter_map(|address| Some((address, world.find_account(&address)?))).collect();
        accounts.extend(world.svm.get_program_accounts(&ID));
        Self { market: world.market, accounts }
    }

    fn account(&self, address: &str) -> Value {
        let account = self.accounts.get(&address.parse::<Address>().expect("an address"));
        account.map_or(Value::Null, |account| {
            json!({ "data": [BASE64_STANDARD.encode(&account.data), "base64"], "owner": account.owner.to_string(),
                "lamports": account.lamports, "executable": false, "rentEpoch": 0, "space": account.data.len() })
        })
    }

    /// What a node answers that has it.
    pub(crate) fn answer(&self, method: &str, params: &Value) -> Reply {
        match method {
            "getMultipleAccounts" => {
                let keys = params[0].as_array().expect("keys").iter();
                Reply::At(SLOT, keys.map(|key| self.account(key.as_str().expect("text"))).collect())
            }
            "getProgramAccounts" => {
                let owner: Address = params[0].as_str().expect("text").parse().expect("an address");
                let filters = params[1]["filters"].as_array().expect("filters");
                let passes = |data: &[u8]| {
                    filters.iter().all(|filter| {
                        let at = filter["memcmp"]["offset"].as_u64().expect("an offset") as usize;
                        let bytes = filter["memcmp"]["bytes"].as_array().expect("bytes").iter();
                        let bytes: Vec<_> = bytes.map(|byte| byte.as_u64().expect("a byte") as u8).collect();
                        data.get(at..at + bytes.len()) == Some(&bytes)
                    })
                };
                let found = self.accounts.iter().filter(|(_, one)| one.owner == owner && passes(&one.data));
                let found = found.map(|(address, _)| address.to_string());
                Reply::At(SLOT, found.map(|key| json!({ "pubkey": key, "account": self.account(&key) })).collect())
            }
            method => in_order(method, SLOT),
        }
    }
}

/// A keeper's process that sends nothing, and what it logs.
pub(crate) struct Keeper {
    process: Child,
    folder: PathBuf,
    metrics: String,
}

impl Keeper {
    pub(crate) async fn start(name: &str, market: Address, node: &Stub, more: &[&str]) -> Self {
        let folder = std::env::temp_dir().join(format!("ballast-keeper-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let file = folder.join("keeper.json");
        std::fs::write(&file, format!("{:?}", key().to_bytes())).expect("written");
        // Taken and given back: nobody else asks for one here.
        let free = |listener: std::net::TcpListener| listener.local_addr().expect("bound").to_string();
        let [metrics, nobody] = [(); 2].map(|()| free(std::net::TcpListener::bind("127.0.0.1:0").expect("a port")));
        let log = std::fs::File::create(folder.join("log")).expect("a log");
        let process = Command::new(env!("CARGO_BIN_EXE_ballast-keeper"))
            .args(["--rpc-url", &node.url, "--market", &market.to_string(), "--metrics-address", &metrics])
            .args(["--ws-url", &format!("ws://{nobody}"), "--keypair"])
            .arg(file)
            .args(["--dry-run", "--jitter", "0"])
            .args(more)
            .env("RUST_LOG", "info")
            .env_remove("NO_COLOR")
            .env("BALLAST_ROUTER_API_KEY", "hunter2")
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .expect("starts");
        Self { process, folder, metrics: format!("http://{metrics}/metrics") }
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).expect("a log")
    }

    /// The sum of a metric over its labels.
    pub(crate) async fn metric(&self, name: &str, label: &str) -> f64 {
        let Ok(answer) = reqwest::get(&self.metrics).await else { return 0.0 };
        let text = answer.text().await.expect("text");
        let lines =
            text.lines().filter(|line| line.starts_with(&format!("ballast_keeper_{name}")) && line.contains(label));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    pub(crate) async fn until(&self, what: &str, is_so: impl AsyncFn(&Self) -> bool) {
        let start = Instant::now();
        while !is_so(self).await {
            assert!(start.elapsed() < Duration::from_secs(30), "{what}:\n{}", self.log());
            sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
        _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// What is wrong with a router.
#[derive(Clone, Copy)]
enum Broken {
    /// It answers everything with a status.
    Status(u16),
    /// It does not answer.
    Hangs,
    /// It quotes well, and has no swaps.
    NoSwap,
    /// It quotes well, and its swaps fail.
    BadSwap,
}

/// A program that fails whatever it is asked.
const STRANGER: Address = Address::new_from_array([77; 32]);

async fn broken_router(broken: Broken) -> String {
    let quote = async move |Query(query): Query<HashMap<String, String>>| {
        let amount: u64 = query["amount"].parse().expect("a number");
        // More than a lamport of SOL is worth, in atoms of a dollar.
        let out = (amount / 8).to_string();
        let answer = json!({ "inAmount": amount.to_string(), "outAmount": out, "otherAmountThreshold": out });
        match broken {
            Broken::Status(status) => (StatusCode::from_u16(status).expect("a status"), "Unauthorized").into_response(),
            Broken::Hangs => std::future::pending().await,
            Broken::NoSwap | Broken::BadSwap => Json(answer).into_response(),
        }
    };
    let swap = async move || match broken {
        Broken::BadSwap => {
            let swap = json!({ "programId": STRANGER.to_string(), "accounts": [], "data": "AQ==" });
            Json(json!({ "swapInstruction": swap })).into_response()
        }
        _ => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    };
    let app = axum::Router::new().route("/quote", get(quote)).route("/swap-instructions", post(swap));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

/// Refuses transactions that call the stranger.
fn simulate(params: &Value) -> Reply {
    let bytes = BASE64_STANDARD.decode(params[0].as_str().expect("text")).expect("base64");
    if !bytes.windows(32).any(|bytes| bytes == STRANGER.to_bytes()) {
        return in_order("simulateTransaction", SLOT);
    }
    // The code is one that Ballast has for what somebody else has done already.
    let logs = [format!("Program {STRANGER} failed: custom program error: 0x17d3")];
    Reply::At(SLOT, json!({ "err": { "InstructionError": [6, { "Custom": 6099 }] }, "logs": logs }))
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_router_is_down_liquidations_go_by_inventory_and_the_log_says_why_in_a_few_lines() {
    let snapshot = Arc::new(Snapshot::new());
    for (broken, kind) in [
        (Broken::Status(401), Some("unauthorized")),
        (Broken::Status(503), Some("unavailable")),
        (Broken::Hangs, Some("timed_out")),
        (Broken::NoSwap, Some("unavailable")),
        (Broken::BadSwap, None),
    ] {
        let served = snapshot.clone();
        let stub = Stub::start(move |method, params, _| match method {
            "simulateTransaction" => simulate(params),
            method => served.answer(method, params),
        })
        .await;
        let router = broken_router(broken).await;
        let keeper = Keeper::start("inventory", snapshot.market, &stub, &["--router-url", &router]).await;
        // Not the number of attempts: a price that grew old meanwhile is refreshed, which is one as well.
        let by_inventory = |one: &Keeper| one.log().matches("funding=\"inventory\"").count();
        keeper.until("both accounts", async |one| by_inventory(one) >= 2).await;
        let log = keeper.log();
        assert_eq!(by_inventory(&keeper), 2, "{log}");
        assert!(!log.contains('\u{1b}'), "no colour in a file");
        assert!(!log.contains("hunter2"), "{log}");
        let of_router = |line: &&str| line.contains(" WARN ") && line.contains("the router fails");
        let warnings: Vec<_> = log.lines().filter(of_router).collect();
        let Some(kind) = kind else {
            assert!(warnings.is_empty() && log.contains(&format!("program {STRANGER}: error 6099")), "{log}");
            assert!(!log.contains("somebody else was first"), "{log}");
            continue;
        };
        assert!((1..=2).contains(&warnings.len()) && warnings[0].contains(kind), "{log}");
        assert!(keeper.metric("router_failures_total", kind).await >= 1.0);
        assert_eq!(keeper.metric("router_up", "").await, 0.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_router_could_pay_for_ends_as_that() {
    let snapshot = Arc::new({
        let mut snapshot = Snapshot::new();
        // Without dollars.
        let own = |account: &Account| account.data.len() == 165;
        snapshot.accounts.retain(|_, account| !own(account));
        snapshot
    });
    let (market, served) = (snapshot.market, snapshot.clone());
    let stub = Stub::start(move |method, params, _| served.answer(method, params)).await;
    let router = broken_router(Broken::Status(401)).await;
    let keeper = Keeper::start("no-quote", market, &stub, &["--router-url", &router]).await;
    keeper.until("no quote", async |one| one.metric("attempts_total", "no_quote").await >= 2.0).await;
    assert_eq!(keeper.metric("attempts_total", "not_worth").await, 0.0, "that would be the router's word");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_lags_is_no_refusal() {
    let snapshot = Arc::new(Snapshot::new());
    let (market, served) = (snapshot.market, snapshot.clone());
    let stub = Stub::start(move |method, params, _| match method {
        "simulateTransaction" => Reply::Error(-32_602, "this node is out of order", Value::Null),
        method => served.answer(method, params),
    })
    .await;
    let keeper = Keeper::start("lags", market, &stub, &[]).await;
    keeper.until("node failed", async |one| one.metric("attempts_total", "node_failed").await >= 2.0).await;
    assert_eq!(keeper.metric("attempts_total", "refused").await, 0.0, "{}", keeper.log());
}

/// Runs a keeper without a socket for a while, against a node that takes so long for all accounts, and ends with
/// `last`.
async fn readings(name: &str, run: Duration, last: fn() -> Option<Reply>) -> Stub {
    let snapshot = Arc::new(Snapshot::new());
    let (market, served) = (snapshot.market, snapshot.clone());
    let stub = Stub::start(move |method, params, _| {
        let reply = served.answer(method, params);
        let is_margins = method == "getProgramAccounts" && params[0] == ID.to_string();
        if is_margins { Reply::Late(Duration::from_millis(600), Box::new(last().unwrap_or(reply))) } else { reply }
    })
    .await;
    // Vaults are a reading of their own.
    let options = ["--poll", "100", "--full-scan", "3600", "--vault", "none"];
    let keeper = Keeper::start(name, market, &stub, &options).await;
    keeper
        .until("it is up", async |one| one.metric("slot", "").await >= 0.0 && one.metric("resyncs", "").await > 0.0)
        .await;
    sleep(run).await;
    stub
}

/// Whether a program's accounts are asked for by a market where margin accounts have it.
fn is_of_margins(params: &Value) -> bool {
    params[0] == ID.to_string() && params[1]["filters"][1]["memcmp"]["offset"] == 16
}

/// Requests for margin accounts.
fn listings(stub: &Stub) -> usize {
    stub.params("getProgramAccounts").iter().filter(|params| is_of_margins(params)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn readings_of_a_large_market_do_not_pile_up_and_prices_do_not_wait_for_them() {
    // All accounts take 600 ms, and changes as much: 1.2 s to read, and as long a pause.
    let stub = readings("slow", Duration::from_secs(6), || None).await;
    let listings = listings(&stub);
    assert!((1..=4).contains(&listings), "{listings} in six seconds");
    assert_eq!(stub.most_running("getProgramAccounts", &ID.to_string()), 1);
    let prices = stub.count("getMultipleAccounts");
    assert!(prices >= 4 * listings, "every tenth of a second, or as the machine can: {prices}");
}

#[tokio::test(flavor = "multi_thread")]
async fn readings_that_fail_are_tried_less_and_less_often() {
    let stub =
        readings("fails", Duration::from_secs(8), || Some(Reply::Error(-32_000, "too many accounts", Value::Null)))
            .await;
    let listings = listings(&stub);
    assert!((2..=9).contains(&listings), "{listings} in eight seconds");
    assert!(stub.count("getMultipleAccounts") > 10, "what is watched is read all the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_market_that_is_too_large_for_one_answer_is_read_in_parts() {
    let snapshot = Arc::new(Snapshot::new());
    let (market, served) = (snapshot.market, snapshot.clone());
    let stub = Stub::start(move |method, params, _| match (method, params[1]["filters"].as_array()) {
        ("getProgramAccounts", Some(filters)) if is_of_margins(params) && filters.len() == 2 => {
            Reply::Error(-32_000, "more than fits an answer", Value::Null)
        }
        (method, _) => served.answer(method, params),
    })
    .await;
    let keeper = Keeper::start("parts", market, &stub, &[]).await;
    keeper.until("all accounts", async |one| one.metric("accounts", "").await >= 3.0).await;
}

#[tokio::test]
async fn a_market_in_parts_is_the_whole_market() {
    let snapshot = Arc::new(Snapshot::new());
    let (market, served) = (snapshot.market, snapshot.clone());
    let stub = Stub::start(move |method, params, before| match method {
        // The node is late now and then, and an older one answers one part.
        "getProgramAccounts" if before % 50 == 9 => Reply::Error(-32_000, "it is late", Value::Null),
        "getSlot" if before == 200 => Reply::Plain(json!(90)),
        "getProgramAccounts" => match served.answer(method, params) {
            Reply::At(_, value) => Reply::At(params[1]["minContextSlot"].as_u64().expect("a slot"), value),
            other => other,
        },
        method => served.answer(method, params),
    })
    .await;
    let mut read = Vec::new();
    for in_parts in [false, true] {
        let (events, mut heard) = mpsc::channel(10_000);
        let node = Arc::new(Node::with_patience(&stub.url, Duration::from_secs(1)));
        read_margins(node, market, in_parts, events).await.expect("read");
        let (mut margins, mut listing) = (Vec::new(), None);
        while let Some(event) = heard.recv().await {
            match event {
                Event::News(News::Margins { accounts, .. }) => {
                    assert!(listing.is_none(), "the list comes last");
                    margins.extend(accounts);
                }
                Event::News(News::Listing { slot, addresses }) => listing = Some((slot, addresses)),
                Event::News(News::Changes(changes)) => assert!(changes.is_empty()),
                other => panic!("{other:?}"),
            }
        }
        let (slot, addresses) = listing.expect("a list");
        assert_eq!(slot, if in_parts { 90 } else { SLOT }, "of the oldest answer: nothing newer is taken for gone");
        assert_eq!(addresses.len(), margins.len());
        margins.sort_by_key(|(address, _)| *address);
        read.push(margins);
    }
    assert_eq!((read[0].len(), &read[0]), (3, &read[1]));
}

//! The keeper's process and vaults, against a node of a test: what it reads of them, how often, and what it would send.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    node::{Reply, Stub, in_order},
    service::{Keeper, SLOT, Snapshot, key},
};
use ballast_client::{
    Address, CLOCK_SYSVAR, Edits, ID,
    engine::{
        number::units::Bps,
        state::{
            change::Change,
            vault::{TermDeposit, Vault, VaultConfig},
        },
    },
    from_engine,
};
use ballast_keeper::service::{
    config::Choice,
    feed::Event,
    state::{News, RENT_SYSVAR},
    vault::feed::{list, snapshots},
};
use ballast_rpc::Node;
use ballast_tests::{USD, VaultScene, price_account, vault_config};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use solana_account::Account;
use solana_signer::Signer;
use tokio::{sync::mpsc, time::sleep};

const DAY: i64 = 86_400;

/// A vault in which two wait, a term is over, and a change is due.
fn scene() -> VaultScene {
    let mut config = vault_config();
    (config.term_spacing, config.term_premium) = (DAY as u32, Bps(1_000));
    let mut scene = VaultScene::with(2, config);
    let (curator, old) = (scene.world.key("curator"), scene.vault().config);
    let new = VaultConfig { idle_buffer: Bps(100), ..old };
    let (queue, _) = scene.view().queue_change(curator, Edits::of_vault(&old, &new).waiting);
    scene.world.send(&[queue]).expect_ok();
    for name in ["alice", "bob"] {
        let owner = scene.world.key(name);
        scene.deposit(owner, 10_000 * USD).expect_ok();
        let (shares, payer) = (scene.shares(&owner), scene.world.payer);
        let until = (scene.world.now() / DAY + 1) * DAY;
        let lock = scene.view().lock_term(owner, payer, 3, shares, 5_000 * USD, until);
        let request = scene.view().request_exit(owner, payer, shares, 5_000 * USD, 0);
        scene.world.send(&[lock, request]).expect_ok();
    }
    scene.pass(8 * DAY);
    scene
}

/// Takes out what could pay the queue.
fn dry(scene: &mut VaultScene) {
    let mut account = scene.world.account(&scene.vault);
    let mut vault = scene.vault();
    vault.idle = 0;
    account.data[8..].copy_from_slice(bytemuck::bytes_of(&vault));
    scene.world.set_account(scene.vault, account);
}

/// Takes out what there is to do beside the queue.
fn leave_the_queue(snapshot: &mut Snapshot) {
    let beside = [TermDeposit::DISCRIMINATOR, Change::DISCRIMINATOR];
    snapshot.accounts.retain(|_, account| !beside.iter().any(|kind| account.data.starts_with(kind)));
}

/// What a node has of it.
fn snapshot(scene: &VaultScene) -> Snapshot {
    let world = &scene.world;
    let mut addresses = vec![CLOCK_SYSVAR, RENT_SYSVAR];
    for reserve in &world.view().reserves {
        addresses.extend([price_account(&reserve.config.oracle.feed_id.0), from_engine(&reserve.mint)]);
    }
    let found = addresses.into_iter().filter_map(|address| Some((address, world.find_account(&address)?)));
    let mut accounts: std::collections::HashMap<_, _> = found.collect();
    accounts.insert(key().pubkey(), Account { lamports: 1_000_000_000, ..Account::default() });
    accounts.extend(world.svm.get_program_accounts(&ID));
    Snapshot { market: scene.markets[0], accounts }
}

/// Whether a node is asked for all vaults.
fn is_list(params: &Value) -> bool {
    params[0] == ID.to_string() && params[1]["filters"][0]["memcmp"]["bytes"] == json!(Vault::DISCRIMINATOR)
}

/// Requests that name an account.
fn readings(stub: &Stub, address: &Address) -> usize {
    let names = |params: &&Value| params[0].as_array().is_some_and(|all| all.contains(&json!(address.to_string())));
    stub.params("getMultipleAccounts").iter().filter(names).count()
}

/// Simulated transactions that name an account.
fn simulated(stub: &Stub, address: &Address) -> usize {
    let names = |params: &&Value| {
        let bytes = BASE64_STANDARD.decode(params[0].as_str().expect("text")).expect("base64");
        bytes.windows(32).any(|bytes| bytes == address.to_bytes())
    };
    stub.params("simulateTransaction").iter().filter(names).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_is_served_a_change_made_and_a_term_freed_by_the_running_keeper() {
    let scene = scene();
    let (vault, snapshot) = (scene.vault, Arc::new(snapshot(&scene)));
    let (market, served) = (snapshot.market, snapshot.clone());
    let stub = Stub::start(move |method, params, _| served.answer(method, params)).await;
    let keeper = Keeper::start("vaults", market, &stub, &["--vault-poll", "1"]).await;
    for duty in ["serve_exit", "execute_change", "free_term"] {
        let of_duty = format!("duty=\"{duty}\"");
        let ended =
            async |one: &Keeper| one.metric("attempts_total", &of_duty).await >= 1.0 && one.log().contains(&of_duty);
        keeper.until(duty, ended).await;
    }
    assert!(keeper.log().contains(&format!("vault={vault}")), "{}", keeper.log());
    let label = format!("vault=\"{vault}\"");
    assert_eq!(keeper.metric("vaults", "").await - keeper.metric("vaults_", "").await, 1.0);
    let queued = keeper.metric("vault_queued_usd", &label).await;
    assert!((9_990.0..10_010.0).contains(&queued), "{queued}");
    let coverage = keeper.metric("vault_coverage", &label).await;
    assert!(coverage > 0.0 && coverage < 100.0, "{coverage}");
    assert_eq!(keeper.metric("vault_unreadable_markets", &label).await, 0.0);
    assert_eq!(stub.count("sendTransaction"), 0, "it runs dry");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_cannot_be_served_now_makes_the_keeper_neither_spin_nor_spend() {
    let mut scene = scene();
    dry(&mut scene);
    let (vault, mut snapshot) = (scene.vault, snapshot(&scene));
    leave_the_queue(&mut snapshot);
    let (market, served) = (snapshot.market, Arc::new(snapshot));
    let stub = Stub::start(move |method, params, _| served.answer(method, params)).await;
    let keeper = Keeper::start("dry", market, &stub, &["--vault-poll", "1"]).await;
    keeper.until("it is read", async |_| readings(&stub, &vault) >= 2).await;
    let (start, before) = (Instant::now(), readings(&stub, &vault));
    sleep(Duration::from_secs(4)).await;
    let most = start.elapsed().as_secs() as usize + 2;
    let after = readings(&stub, &vault) - before;
    assert!(after <= most, "{after} readings in {most} s");
    assert_eq!(simulated(&stub, &vault), 0);
    assert!(keeper.metric("vault_queued_usd", "").await > 0.0 || keeper.metric("vaults", "").await >= 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_chain_refuses_is_tried_less_and_less_often_and_never_sent() {
    let scene = scene();
    let (vault, mut snapshot) = (scene.vault, snapshot(&scene));
    leave_the_queue(&mut snapshot);
    let (market, served) = (snapshot.market, Arc::new(snapshot));
    let stub = Stub::start(move |method, params, _| match method {
        "simulateTransaction" => {
            let logs = [format!("Program {ID} failed: custom program error: 0x1770")];
            Reply::At(SLOT, json!({ "err": { "InstructionError": [3, { "Custom": 6000 }] }, "logs": logs }))
        }
        "getSlot" => in_order(method, SLOT),
        method => served.answer(method, params),
    })
    .await;
    let keeper = Keeper::start("refused", market, &stub, &["--vault-poll", "1"]).await;
    keeper.until("it is tried", async |_| simulated(&stub, &vault) >= 1).await;
    sleep(Duration::from_secs(7)).await;
    // Again after two to four seconds, and after four to eight.
    let tried = simulated(&stub, &vault);
    assert!((1..=4).contains(&tried), "{tried} in seven seconds: {}", keeper.log());
    assert_eq!(stub.count("sendTransaction"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn vaults_are_those_that_are_named_or_none() {
    let scene = scene();
    let (vault, stranger) = (scene.vault.to_string(), Address::new_from_array([5; 32]).to_string());
    let snapshot = Arc::new(snapshot(&scene));
    for (name, options, is_followed) in
        [("none", &["--vault", "none"][..], false), ("named", &["--vault", &vault, "--vault", &stranger], true)]
    {
        let served = snapshot.clone();
        let stub = Stub::start(move |method, params, _| served.answer(method, params)).await;
        let keeper = Keeper::start(name, snapshot.market, &stub, &[options, &["--vault-poll", "1"]].concat()).await;
        let is_done = async |one: &Keeper| match is_followed {
            true => one.metric("attempts_total", "serve_exit").await >= 1.0,
            false => one.metric("accounts", "").await > 0.0,
        };
        keeper.until(name, is_done).await;
        if !is_followed {
            sleep(Duration::from_secs(2)).await;
            assert_eq!(readings(&stub, &scene.vault), 0);
        }
        assert!(!stub.params("getProgramAccounts").iter().any(is_list), "{name}: nobody asked for all");
        let warning = keeper.log().lines().filter(|line| line.contains("--vault") && line.contains(&stranger)).count();
        assert_eq!(warning != 0, is_followed, "{}", keeper.log());
    }
}

/// A node that does not give vaults, or takes its time: accounts are liquidated all the same.
#[tokio::test(flavor = "multi_thread")]
async fn vaults_that_cannot_be_read_hold_up_no_liquidation() {
    let snapshot = Arc::new(Snapshot::new());
    let (market, served) = (snapshot.market, snapshot.clone());
    let stub = Stub::start(move |method, params, _| match method {
        "getProgramAccounts" if is_list(params) => {
            let error = Reply::Error(-32_000, "too many accounts", Value::Null);
            Reply::Late(Duration::from_millis(500), Box::new(error))
        }
        method => served.answer(method, params),
    })
    .await;
    let keeper = Keeper::start("no-vaults", market, &stub, &[]).await;
    keeper.until("both accounts", async |one| one.log().matches("funding=\"inventory\"").count() >= 2).await;
    keeper.until("it is told", async |one| one.log().contains("what=VaultList")).await;
    assert!(keeper.metric("read_errors_total", "").await >= 1.0);
    // Half a second for each, and as long a pause at least, that doubles.
    let lists = || stub.params("getProgramAccounts").iter().filter(|params| is_list(params)).count();
    let before = lists();
    sleep(Duration::from_secs(5)).await;
    assert!(lists() - before <= 4, "{} in five seconds", lists() - before);
}

/// The first of the queue is read with its vault, also if others were first when it was listed.
#[tokio::test]
async fn what_is_read_of_a_vault_fits_together() {
    let mut scene = scene();
    let before = Arc::new(snapshot(&scene));
    let keeper = key().pubkey();
    let view = scene.world.view();
    let now = scene.world.now();
    // After the list was made, the first one is paid and the other one is first.
    while scene.vault().queue.tickets.iter().filter(|ticket| !ticket.request.is_none()).count() == 2 {
        let serve = scene.view().serve_exit(scene.view().all_slots()).expect("somebody waits");
        scene.world.send(&[serve]).expect_ok();
    }
    let after = Arc::new(snapshot(&scene));
    let served = before.clone();
    let stub = Stub::start(move |method, params, _| served.answer(method, params)).await;
    let (events, mut heard) = mpsc::channel(10);
    let node = Arc::new(Node::with_patience(&stub.url, Duration::from_secs(1)));
    list(node, Choice::All, view, now, events).await.expect("listed");
    let Some(Event::News(News::Vaults(listed))) = heard.recv().await else { panic!("no list") };
    assert_eq!((listed.len(), listed[0].terms.len()), (1, 2), "both terms are over");
    assert_eq!(listed[0].changes.len(), 1, "and a change is due");
    let served = after.clone();
    let stub = Stub::start(move |method, params, _| served.answer(method, params)).await;
    let node = Node::with_patience(&stub.url, Duration::from_secs(1));
    let (clock, read) = snapshots(&node, listed.clone(), &keeper).await.expect("read");
    assert_eq!((clock, read.len(), stub.count("getMultipleAccounts")), (scene.world.now(), 1, 2));
    let first = scene.vault().queue.first().expect("one waits") as usize;
    let head = read[0].head.as_ref().map(|(address, _)| *address);
    assert_eq!(head, Some(from_engine(&scene.vault().queue.tickets[first].request)));
    // One whose account is not there is looked for once, and the vault is told all the same.
    let mut gone = snapshot(&scene);
    gone.accounts.remove(&head.expect("read"));
    let stub = Stub::start(move |method, params, _| gone.answer(method, params)).await;
    let node = Node::with_patience(&stub.url, Duration::from_secs(1));
    let (_, read) = snapshots(&node, listed, &keeper).await.expect("read");
    assert!(read.len() == 1 && read[0].head.is_none() && stub.count("getMultipleAccounts") == 2);
}

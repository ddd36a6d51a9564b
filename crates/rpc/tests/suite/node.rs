//! What a node that lags, is busy or is out of order makes of reading, preparing and landing.

use std::time::{Duration, Instant, SystemTime};

use crate::support::{Reply, Stub, in_order};
use ballast_client::{Address, ID, Instruction};
use ballast_rpc::{Bid, Node, Prepared, SendError};
use serde_json::{Value, json};
use solana_keypair::Keypair;
use solana_transaction_error::TransactionError;

const STRANGER: &str = "JUP6LkbZbjS1jKKwapdHNy74zcZ3tLUZoi5QNyVTaV4";
/// How long a node is waited for here.
const PATIENCE: Duration = Duration::from_millis(1_500);

fn key() -> Keypair {
    Keypair::new_from_array([3; 32])
}

async fn prepare(node: &Node) -> Result<Prepared, SendError> {
    prepare_for(node, ID).await
}

async fn prepare_for(node: &Node, program_id: Address) -> Result<Prepared, SendError> {
    let instruction = Instruction { program_id, accounts: Vec::new(), data: vec![1] };
    node.prepare(&[instruction], &[&key()], &[], Bid::Exactly(1)).await
}

fn node(stub: &Stub) -> Node {
    Node::with_patience(&stub.url, PATIENCE)
}

/// What came of an error, and that it keeps the key in the URL to itself.
#[track_caller]
fn said(error: &SendError) -> String {
    let text = format!("{error} {error:?}");
    assert!(!text.contains("hunter2"), "{text}");
    error.to_string()
}

#[tokio::test]
async fn a_node_that_does_not_know_the_blockhash_yet_is_asked_again_with_the_slot_it_is_of() {
    // One node behind the balancer knows slot 100, another is at 90 for two questions.
    let stub = Stub::start(|method, params, before| match method {
        "simulateTransaction" if before == 0 => Reply::Error(-32_016, "not reached", json!({ "contextSlot": 90 })),
        // One that passes the least slot over.
        "simulateTransaction" if before == 1 => Reply::At(90, json!({ "err": "BlockhashNotFound", "logs": [] })),
        "simulateTransaction" => {
            assert_eq!(params[1]["minContextSlot"], 100);
            in_order(method, 100)
        }
        method => in_order(method, 100),
    })
    .await;
    let prepared = prepare(&node(&stub)).await.expect("the third answer is good");
    assert_eq!((prepared.slot, stub.count("simulateTransaction")), (100, 3));
}

#[tokio::test]
async fn a_blockhash_that_ran_out_meanwhile_is_asked_for_anew() {
    let stub = Stub::start(|method, _, before| match method {
        "simulateTransaction" if before < 2 => Reply::At(100, json!({ "err": "BlockhashNotFound", "logs": [] })),
        method => in_order(method, 100),
    })
    .await;
    prepare(&node(&stub)).await.expect("the third is good");
    assert_eq!(stub.count("getLatestBlockhash"), 3);
}

#[tokio::test]
async fn a_node_that_goes_on_lagging_is_told_as_that_and_never_as_a_programs_refusal() {
    for (name, reply) in [
        (
            "behind",
            (|| Reply::Error(-32_016, "Minimum context slot has not been reached", Value::Null)) as fn() -> Reply,
        ),
        ("unhealthy", || Reply::Error(-32_005, "Node is behind by 42 slots", json!({ "numSlotsBehind": 42 }))),
        ("old", || Reply::At(3, json!({ "err": null, "logs": [], "unitsConsumed": 1 }))),
        ("blockhash", || Reply::At(100, json!({ "err": "BlockhashNotFound", "logs": [] }))),
        ("cache", || Reply::At(100, json!({ "err": "ProgramCacheHitMaxLimit", "logs": [] }))),
    ] {
        let stub = Stub::start(move |method, _, _| match method {
            "simulateTransaction" => reply(),
            method => in_order(method, 100),
        })
        .await;
        let error = prepare(&node(&stub)).await.expect_err(name);
        assert!(matches!(error, SendError::Lagging(_)) && error.failure().is_none(), "{name}: {error:?}");
        assert!(said(&error).contains("lags behind"), "{name}: {error}");
        assert!(stub.count("simulateTransaction") > 2, "{name}: it was asked again");
    }
}

#[tokio::test]
async fn an_old_blockhash_and_old_accounts_are_no_answers() {
    let stub = Stub::start(|method, params, before| match method {
        "getLatestBlockhash" if before == 0 => in_order(method, 40),
        "getMultipleAccounts" => {
            assert_eq!(params[1]["minContextSlot"], 50);
            Reply::At(if before == 0 { 49 } else { 51 }, json!([null]))
        }
        method => in_order(method, 60),
    })
    .await;
    let node = node(&stub);
    node.has_reached(50);
    assert_eq!(prepare(&node).await.expect("the second is new enough").slot, 60);
    assert_eq!(stub.params("getLatestBlockhash")[0][0]["minContextSlot"], 50);
    assert_eq!(node.accounts_at(&[ID]).await.expect("likewise"), [(51, None)]);
    assert_eq!(node.accounts_since(&[ID], 40).await.expect("likewise"), [(51, None)]);
}

#[tokio::test]
async fn an_account_of_ones_own_making_that_is_not_known_yet_is_waited_for() {
    let stub = Stub::start(|method, _, before| match method {
        // The first transaction lands in slot 80, which the node that simulates the second has not seen.
        "sendTransaction" => Reply::Error(-32_603, "taken all the same", Value::Null),
        "getSignatureStatuses" => Reply::At(80, json!([landed_in(80)])),
        "simulateTransaction" if (1..3).contains(&before) => {
            Reply::At(70, json!({ "err": "AccountNotFound", "logs": [] }))
        }
        "simulateTransaction" if before > 2 => in_order(method, 81),
        method => in_order(method, 70),
    })
    .await;
    let node = node(&stub);
    node.land(&prepare(&node).await.expect("prepared")).await.expect("landed");
    assert_eq!(node.slot(), 80);
    // No blockhash of before either: this node never comes so far.
    let error = prepare(&node).await.expect_err("behind");
    assert!(matches!(error, SendError::Lagging(_)), "{error:?}");
}

fn landed_in(slot: u64) -> Value {
    json!({ "slot": slot, "confirmations": 1, "err": null, "status": { "Ok": null }, "confirmationStatus": "confirmed" })
}

#[tokio::test]
async fn who_has_no_lamports_is_told_at_once_and_no_program_is_blamed() {
    let stub = Stub::start(|method, _, _| match method {
        "simulateTransaction" => Reply::At(100, json!({ "err": "AccountNotFound", "logs": [] })),
        method => in_order(method, 100),
    })
    .await;
    let error = prepare(&node(&stub)).await.expect_err("no payer");
    assert!(matches!(error, SendError::NotBegun(TransactionError::AccountNotFound)), "{error:?}");
    assert_eq!((stub.count("simulateTransaction"), error.failure()), (1, None));
}

#[tokio::test]
async fn a_programs_refusal_is_told_at_once_and_as_that_programs() {
    for (logs, expected, code) in [
        (json!([format!("Program {ID} failed: custom program error: 0x1771")]), "(6001)", Some(6001)),
        (json!([format!("Program {STRANGER} failed: custom program error: 0x1771")]), STRANGER, None),
        (Value::Null, "(6001)", Some(6001)),
    ] {
        // The fourth instruction is the caller's: before it are the budget's.
        let error = json!({ "InstructionError": [3, { "Custom": 6001 }] });
        let stub = Stub::start(move |method, _, _| match method {
            "simulateTransaction" => Reply::At(100, json!({ "err": error, "logs": logs })),
            method => in_order(method, 100),
        })
        .await;
        let error = prepare(&node(&stub)).await.expect_err("refused");
        assert!(said(&error).contains(expected), "{error}");
        assert_eq!(error.failure().and_then(|failure| failure.code()), code);
        assert_eq!(stub.count("simulateTransaction"), 1, "not asked again");
    }
}

#[tokio::test]
async fn a_busy_node_is_asked_again_as_late_as_it_says() {
    for status in [429, 503] {
        for is_date in [false, true] {
            let stub = Stub::start(move |method, _, before| match method {
                "getMultipleAccounts" if before == 0 => {
                    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(2));
                    let header = if is_date { date } else { "1".into() };
                    Reply::Http(status, vec![("retry-after", header)], "<html>busy</html>")
                }
                _ => Reply::At(1, json!([null])),
            })
            .await;
            let node = Node::with_patience(&stub.url, Duration::from_secs(5));
            let start = Instant::now();
            node.account(ID).await.expect("the second answer");
            // A date is of whole seconds.
            assert!(start.elapsed() >= Duration::from_millis(900), "{status}: {:?}", start.elapsed());
            assert_eq!(stub.count("getMultipleAccounts"), 2);
        }
    }
}

#[tokio::test]
async fn a_node_that_stays_busy_or_refuses_is_told_without_its_url() {
    for (status, header, least) in
        [(429, None, 3), (502, None, 3), (429, Some("86400"), 1), (401, None, 1), (404, None, 1), (304, None, 1)]
    {
        let stub = Stub::start(move |_, _, _| {
            let headers = header.map(|value: &str| ("retry-after", value.to_owned()));
            Reply::Http(status, headers.into_iter().collect(), "")
        })
        .await;
        let start = Instant::now();
        let error = SendError::from(node(&stub).account(ID).await.expect_err("no answer"));
        assert!(said(&error).contains(&status.to_string()), "{error}");
        assert!(stub.count("getMultipleAccounts") >= least, "{status}");
        assert!(start.elapsed() < PATIENCE * 4, "nobody waits a day");
        assert!(status == 429 || status == 502 || stub.count("getMultipleAccounts") == 1, "{status}: once");
    }
    for body in ["<html>200</html>", "\"text\"", "{\"result\":"] {
        let stub = Stub::start(move |_, _, _| Reply::Http(200, Vec::new(), body)).await;
        said(&SendError::from(node(&stub).account(ID).await.expect_err("no JSON-RPC")));
    }
    let nobody = Node::with_patience("http://127.0.0.1:1/?api-key=hunter2", PATIENCE);
    said(&SendError::from(nobody.account(ID).await.expect_err("nobody listens")));
}

#[tokio::test]
async fn a_programs_accounts_are_of_the_slot_that_is_said_or_asked_for() {
    let account = json!({ "pubkey": ID.to_string(), "account": {
        "data": ["", "base64"], "owner": STRANGER, "lamports": 1, "executable": false, "rentEpoch": 0, "space": 0,
    }});
    let stub = Stub::start(move |method, params, before| match method {
        "getSlot" => Reply::Plain(json!(100)),
        _ => {
            assert_eq!(params[1]["minContextSlot"], 100, "another node may be asked");
            match before {
                0 => Reply::At(99, json!([])),
                1 => Reply::At(103, json!([account])),
                _ => Reply::Plain(json!([account])),
            }
        }
    })
    .await;
    let node = node(&stub);
    for slot in [103, 100] {
        let (read, accounts) = node.program_accounts(ID, Vec::new()).await.expect("read");
        assert_eq!((read, accounts[0].0), (slot, ID));
    }
}

/// A prepared transaction and the answers of `answer` from then on.
async fn landing(
    program: Address,
    answer: impl Fn(&str, &Value, usize) -> Option<Reply> + Send + Sync + 'static,
) -> (Stub, Result<ballast_rpc::Landed, SendError>) {
    let stub = Stub::start(move |method, params, before| {
        answer(method, params, before).unwrap_or_else(|| in_order(method, 100))
    })
    .await;
    let node = node(&stub);
    let prepared = prepare_for(&node, program).await.expect("prepared");
    let landed = node.land(&prepared).await;
    (stub, landed)
}

#[tokio::test]
async fn a_transaction_is_sent_to_no_node_that_does_not_know_its_blockhash() {
    let (stub, landed) = landing(ID, |method, params, before| match method {
        "sendTransaction" if before == 0 => {
            assert_eq!(params[1]["minContextSlot"], 100);
            Some(Reply::Error(-32_016, "not reached", Value::Null))
        }
        // One that simulates all the same, and does not know the blockhash.
        "sendTransaction" if before == 1 => {
            let data = json!({ "err": "BlockhashNotFound", "logs": [] });
            Some(Reply::Error(-32_002, "Transaction simulation failed: Blockhash not found", data))
        }
        "getSignatureStatuses" if before >= 2 => Some(Reply::At(101, json!([landed_in(101)]))),
        _ => None,
    })
    .await;
    assert_eq!(landed.expect("in the end").slot, 101);
    assert!(stub.count("sendTransaction") >= 3);
}

#[tokio::test]
async fn a_node_that_simulates_unasked_tells_who_refused() {
    let (stub, landed) = landing(ID, |method, _, _| match method {
        "sendTransaction" => {
            let logs = [format!("Program {STRANGER} failed: custom program error: 0x1771")];
            let data = json!({ "err": { "InstructionError": [3, { "Custom": 6001 }] }, "logs": logs });
            Some(Reply::Error(-32_002, "Transaction simulation failed", data))
        }
        _ => None,
    })
    .await;
    let error = landed.expect_err("refused");
    let failure = error.failure().expect("a program's");
    assert_eq!((failure.code(), failure.to_string()), (None, format!("program {STRANGER}: error 6001")));
    assert_eq!(stub.count("sendTransaction"), 1, "not for two minutes");
}

#[tokio::test]
async fn what_a_node_never_takes_is_told_at_once() {
    for (code, status) in [(-32_003, None), (-32_602, None), (0, Some(401)), (0, Some(413))] {
        let (stub, landed) = landing(ID, move |method, _, _| match (method, status) {
            ("sendTransaction", Some(status)) => Some(Reply::Http(status, Vec::new(), "no")),
            ("sendTransaction", None) => Some(Reply::Error(code, "no", Value::Null)),
            _ => None,
        })
        .await;
        assert!(matches!(landed, Err(SendError::Node(_))), "{code} {status:?}: {landed:?}");
        assert_eq!(stub.count("sendTransaction"), 1);
    }
}

#[tokio::test]
async fn a_gateway_that_gave_up_may_have_passed_it_on_and_the_chain_decides() {
    let (_, landed) = landing(ID, |method, _, before| match method {
        "sendTransaction" => Some(Reply::Http(504, Vec::new(), "")),
        "getSignatureStatuses" if before == 0 => Some(Reply::At(101, json!([landed_in(101)]))),
        _ => None,
    })
    .await;
    assert_eq!(landed.expect("it was").slot, 101);
}

#[tokio::test]
async fn a_transaction_is_over_when_a_node_that_has_come_so_far_does_not_know_it() {
    let epoch = |height: u64| {
        Some(Reply::Plain(json!({
            "epoch": 0, "slotIndex": 0, "slotsInEpoch": 1, "absoluteSlot": 300, "blockHeight": height, "transactionCount": 1,
        })))
    };
    // The node that knows no such transaction is at slot 120; the next is at 300 and knows it.
    let (_, landed) = landing(ID, move |method, _, before| match method {
        "sendTransaction" => None,
        "getEpochInfo" => epoch(151),
        "getSignatureStatuses" if before < 2 => Some(Reply::At(120, json!([null]))),
        "getSignatureStatuses" => Some(Reply::At(300, json!([landed_in(119)]))),
        _ => None,
    })
    .await;
    assert_eq!(landed.expect("it did land").slot, 119);
    let (_, landed) = landing(ID, move |method, _, before| match method {
        "getEpochInfo" => epoch(if before == 0 { 150 } else { 151 }),
        "getSignatureStatuses" => Some(Reply::At(300, json!([null]))),
        _ => None,
    })
    .await;
    assert!(matches!(landed, Err(SendError::Expired(_))), "{landed:?}");
}

#[tokio::test]
async fn what_failed_on_the_chain_is_told_as_the_failing_programs() {
    let program = STRANGER.parse().expect("an address");
    let failing = json!([{ "slot": 101, "confirmations": 1, "err": { "InstructionError": [3, { "Custom": 6001 }] },
        "status": { "Err": { "InstructionError": [3, { "Custom": 6001 }] } }, "confirmationStatus": "confirmed" }]);
    let inner = format!("Program {ID} failed: custom program error: 0x1771");
    // With the logs that the node keeps: Ballast, which the stranger called. Without: nobody knows.
    for (logs, code, expected) in [(Some(inner), Some(6001), "(6001)"), (None, None, STRANGER)] {
        let failing = failing.clone();
        let (_, landed) = landing(program, move |method, _, _| match method {
            "getSignatureStatuses" => Some(Reply::At(101, failing.clone())),
            "getTransaction" => Some(match &logs {
                None => Reply::Plain(Value::Null),
                Some(line) => Reply::Plain(json!({
                    "slot": 101, "blockTime": null, "version": 0, "transaction": ["", "base64"],
                    "meta": { "err": null, "status": { "Ok": null }, "fee": 5_000, "preBalances": [], "postBalances": [],
                        "innerInstructions": [], "logMessages": [line], "preTokenBalances": [], "postTokenBalances": [],
                        "rewards": [], "loadedAddresses": { "writable": [], "readonly": [] }, "computeUnitsConsumed": 1 },
                })),
            }),
            _ => None,
        })
        .await;
        let error = landed.expect_err("it failed");
        assert!(matches!(error, SendError::Failed { .. }) && error.to_string().contains(expected), "{error}");
        assert_eq!(error.failure().and_then(|failure| failure.code()), code, "{error}");
    }
}

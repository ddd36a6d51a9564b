//! `ballast market` against a node that answers as JSON-RPC from a virtual machine. Needs the program: scripts/build.

mod common;

use ballast_client::{ID, to_engine};
use base64::{Engine, prelude::BASE64_STANDARD};
use common::node::{MAINNET, Node, keypair};
use serde_json::{Value, json};
use solana_signer::Signer;

#[test]
fn a_market_from_nothing_by_the_command() {
    let node = Node::start("market-apply");
    let file = node.file(&[]);
    let (code, printed) = node.ballast(&["market", "apply", &file, "--dry-run"], None);
    assert!(code == 3 && node.sent() == 0 && printed.contains("8  now               launch"), "{printed}");
    let (code, printed) = node.ballast(&["market", "apply", &file], Some("stranger"));
    assert!(code == 3 && node.sent() == 0 && printed.contains("must sign the next step"), "{printed}");

    node.lock().behind = 2;
    let (code, printed) = node.ballast(&["market", "apply", &file], Some("creator"));
    assert!(code == 0 && printed.ends_with("nothing to do\n"), "{printed}");
    assert_eq!((node.sent(), node.market().market.config.launched, node.market().reserves.len()), (8, 1, 3));
    let (code, printed) = node.ballast(&["market", "apply", &file], Some("creator"));
    assert!(code == 0 && node.sent() == 8 && printed.contains("nothing to do"), "{printed}");

    let changes = [("\"75 %\"", "\"70 %\""), ("reserve_factor = \"10 %\"", "reserve_factor = \"12 %\"")];
    let file = node.file(&changes);
    let (code, printed) = node.ballast(&["market", "apply", &file], Some("creator"));
    assert!(code == 3 && printed.contains("wait: change 5 is due in 2 d: raise reserve_factor of cbBTC"), "{printed}");
    node.advance(172_800);
    let (code, printed) = node.ballast(&["market", "apply", &file], Some("stranger"));
    assert_eq!((code, node.sent()), (0, 15), "{printed}");
}

#[test]
fn files_and_clusters_that_will_not_do_are_refused() {
    let node = Node::start("market-refused");
    let wrong = node.file(&[("\"75 %\"", "\"175 %\"")]);
    let (code, printed) = node.ballast(&["market", "apply", &wrong], Some("creator"));
    let reason = "SOL.risk.cross.initial_asset is 175 %, but must be from 0 % to 100 %";
    assert!(code == 1 && printed.contains(reason), "{printed}");
    let file = node.file(&[]);
    assert_eq!(node.ballast(&["market", "apply", "none.toml"], Some("creator")).0, 1);
    assert!(node.ballast(&["market", "apply", &file], Some("none")).1.contains("cannot read the key"));
    assert!(node.ballast(&["market", "apply", &file], None).1.contains("--keypair is missing"));
    node.lock().genesis = MAINNET;
    let (code, printed) = node.ballast(&["market", "apply", &file], Some("creator"));
    assert!(code == 1 && printed.contains("this is mainnet") && node.sent() == 0, "{printed}");
    assert_eq!(node.ballast(&["market", "apply", &file, "--dry-run"], None).0, 3, "nothing is sent");
    assert_eq!(node.ballast(&["market", "apply", &file, "--yes"], Some("creator")).0, 0);
}

#[test]
fn instructions_are_printed_for_a_multisig() {
    let node = Node::start("market-multisig");
    let file = node.file(&[]);
    let (code, printed) = node.ballast(&["market", "apply", &file, "--multisig"], None);
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
    assert_eq!(node.ballast(&["market", "apply", &file], Some("creator")).0, 0);
    let market = node.market().address.to_string();
    let (code, printed) = node.ballast(&["market", "pause", &market, "withdraw", "flash-loan"], Some("creator"));
    assert!(code == 3 && printed.contains("must sign the next step"), "{printed}");
    assert_eq!(node.ballast(&["market", "pause", &market, "withdraw", "flash-loan"], Some("guardian")).0, 0);
    assert_eq!(node.market().market.pause.actions, 5);
    assert_eq!(node.ballast(&["market", "resume", &market], Some("guardian")).0, 0);
    assert_eq!(node.market().market.pause.actions, 0);
    let (code, printed) = node.ballast(&["market", "resume", &market], Some("guardian"));
    assert!(code == 4 && printed.contains("in simulation: NothingToLift"), "{printed}");

    let looser = node.file(&[("loss_limit = \"50_000 USD\"", "loss_limit = \"90_000 USD\"")]);
    assert_eq!(node.ballast(&["market", "apply", &looser], Some("creator")).0, 3);
    let number = (node.market().market.changes - 1).to_string();
    assert_eq!(node.ballast(&["market", "cancel", &market, &number], Some("guardian")).0, 0);
    assert!(node.ballast(&["market", "cancel", &market, &number], Some("guardian")).1.contains("there is no change"));
    assert_eq!(node.market().market.config.roles.guardian, to_engine(&keypair("guardian").pubkey()));
    let (code, printed) = node.ballast(&["market", "close", &market, "1", &market], Some("creator"));
    assert!(code == 3 && printed.contains("FeeCoLLector"), "{printed}");
    let (code, printed) = node.ballast(&["market", "pause", &market, "borrow", "--multisig"], None);
    assert!(code == 0 && printed.contains(&keypair("guardian").pubkey().to_string()), "{printed}");
}

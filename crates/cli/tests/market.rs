//! `ballast market` against a node that answers as JSON-RPC from a virtual machine. Needs the program: scripts/build.

mod common;

use ballast_client::{
    Address, ID,
    engine::{price::feed::PriceUpdate, state::market::MarketConfig},
    to_engine,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use common::{
    node::{MAINNET, Node, keypair},
    town::{Town, price_account, price_of},
};
use serde_json::{Value, json};
use solana_account::Account;
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
    assert_eq!((data.len(), &data[..3]), (1 + 2 + size_of::<MarketConfig>(), &[0, 0, 0][..]));
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

/// The feed of SOL, and another.
const FEED: &str = "ef0d8b6fda2ceba41da15d4095d1da392a0d2f8ed0c6c7bc0f4cfac8c280b56d";
const OTHER: [u8; 32] = [0xab; 32];

/// The town's file with SOL on the other feed, from an account that may have a price.
fn on_the_other_feed(town: &Town, dollars: Option<f64>, is_pinned: bool) -> String {
    let (account, old) = (Address::new_from_array([77; 32]), price_account(1));
    let text = std::fs::read_to_string(&town.file).expect("a file");
    let text = text.replace(FEED, &"ab".repeat(32));
    let pin = if is_pinned { format!("feed_account = \"{account}\"") } else { String::new() };
    let text = text.replace(&format!("feed_account = \"{old}\""), &pin);
    let update = dollars.map(|dollars| PriceUpdate { feed_id: OTHER, ..town.update(1, dollars) });
    town.write(account, update.map_or_else(Account::default, price_of));
    let file = town.node.folder.join("other.toml");
    std::fs::write(&file, text).expect("written");
    file.to_str().expect("UTF-8").into()
}

#[test]
fn a_feed_that_changes_under_a_reserve_in_use_is_warned_of_with_both_prices() {
    let town = Town::with_a_debt("other-feed");
    let head = "note: SOL gets another feed while it is in use. The first price of the new one must be within 5 % of the \
                last of the old one, 150 USD.";
    let tail = "One that is farther away is passed over (NewFeedFarFromOld) until it is near, for 4 d at most";
    for (dollars, is_pinned, words) in [
        (Some(1.2), true, "The new one says 1.2 USD now, 99.2 % away: TOO FAR"),
        (Some(151.5), true, "The new one says 151.5 USD now, 1 % away: near enough"),
        (None, true, "The new one says nothing that can be used now (PriceAccountClosed: "),
        (Some(150.0), false, "What the new one says is not known here: its account is not pinned"),
    ] {
        let file = on_the_other_feed(&town, dollars, is_pinned);
        let (code, printed) = town.node.ballast(&["market", "apply", &file, "--dry-run"], None);
        assert!(code == 3 && printed.contains(head) && printed.contains(tail), "{printed}");
        assert!(printed.contains(words), "{words}: {printed}");
    }
    let file = on_the_other_feed(&town, Some(1.2), true);
    // As it is meant, for programs, and for who signs elsewhere.
    let (_, printed) = town.node.ballast(&["market", "apply", &file, "--dry-run", "--json"], None);
    let left: Value = serde_json::from_str(printed.lines().last().expect("a line")).expect("JSON");
    assert!(left["notes"][0].as_str().is_some_and(|note| note.contains("TOO FAR")), "{left}");
    let (_, printed) = town.node.ballast(&["market", "apply", &file, "--multisig"], None);
    assert!(printed.contains("TOO FAR"), "{printed}");

    // A change by itself is told of as well, when it is queued and when it is made; and then it is as was told.
    let (feed, account) = ("ab".repeat(32), Address::new_from_array([77; 32]));
    let edits = [format!("oracle.feed_id={feed}"), format!("oracle.feed_account={account}")];
    let queue = ["change", "queue", "--reserve", "SOL", &edits[0], &edits[1]];
    assert!(town.ok(&queue, "creator").contains("TOO FAR"));
    town.advance(172_800, [1.0, 150.0, 60_000.0]);
    on_the_other_feed(&town, Some(1.2), true);
    let number = (town.node.market().market.changes - 1).to_string();
    assert!(town.ok(&["change", "execute", &number], "stranger").contains("TOO FAR"));
    let error = "no price can be taken over: SOL is left as it is: NewFeedFarFromOld";
    town.refused(1, &["prices", "refresh", "SOL"], "stranger", error);
    on_the_other_feed(&town, Some(151.0), true);
    town.ok(&["prices", "refresh", "SOL"], "stranger");
    town.ok(&["account", "borrow", "USDC", "1"], "trader");
}

#[test]
fn a_feed_of_a_reserve_that_nobody_uses_changes_without_a_word() {
    let town = Town::new("other-feed-unused");
    let file = on_the_other_feed(&town, Some(1.2), true);
    let (code, printed) = town.node.ballast(&["market", "apply", &file, "--dry-run"], None);
    assert!(
        code == 3 && printed.contains("queue: set oracle.feed_id of SOL") && !printed.contains("note:"),
        "{printed}"
    );
}

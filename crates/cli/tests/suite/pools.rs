//! `ballast pool` against a node that answers as JSON-RPC from a virtual machine. Needs the program: scripts/build.

use crate::common::town::{Town, USDC};
use serde_json::{Value, json};

const PRICES: [f64; 3] = [1.0, 150.0, 60_000.0];
const DAY: i64 = 86_400;

fn shares(town: &Town) -> Value {
    town.json(&["account", "show"], "provider")["poolShares"].clone()
}

fn atoms(value: &Value) -> i64 {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{value}"))
}

#[test]
fn a_deposit_makes_shares_and_is_shown() {
    let town = Town::with_a_perp("pool-deposit", &[]);
    assert_eq!(shares(&town), Value::Null);
    let dry = town.ok(&["pool", "deposit", "USDC-POOL", "60_000", "--dry-run"], "provider");
    assert!(dry.contains("move 60_000 USDC into USDC-POOL for 60_000 shares") && dry.contains("would land"), "{dry}");
    town.ok(&["pool", "deposit", "USDC", "60_000"], "provider");
    let held = shares(&town);
    assert_eq!(
        (&held["name"], &held["shares"], &held["asked"]),
        (&json!("USDC-POOL"), &json!("60000000000"), &json!("0"))
    );
    assert!(atoms(&held["worth"]) >= 59_999_999_999, "{held}");
    let text = town.ok(&["account", "show"], "provider");
    assert!(text.contains("USDC-POOL") && text.contains("60_000"), "{text}");
    // All that is left.
    town.ok(&["pool", "deposit", "3", "all"], "provider");
    town.ok(&["perp", "trade", "SOL-PERP", "buy", "20"], "trader");
    let shown = town.json(&["pool", "show", "USDC-POOL"], "stranger");
    assert_eq!(town.json(&["pool", "list"], "stranger")["pools"][0]["cash"], shown["cash"]);
    for (name, value) in [
        ("index", json!(3)),
        ("quote", json!(0)),
        ("decimals", json!(6)),
        ("state", json!("open")),
        ("buffer", json!("450000001")),
        ("factor", json!(1.0)),
        ("perps", json!([4])),
        ("greeks", json!([{ "reserve": 1, "delta": "-3000000000", "gamma": "0" }])),
    ] {
        assert_eq!(shown[name], value, "{name}");
    }
    let (entry, exit) = (atoms(&shown["entry"]), atoms(&shown["exit"]));
    assert!(entry >= exit && exit > 99_999_000_000, "{shown}");
    assert_eq!(atoms(&shown["free"]), exit - 540_000_002, "1.2 times what it must bear stays");
    assert!(shown["coverBps"].as_i64().is_some_and(|bps| bps > 2_200_000), "{shown}");
    assert_eq!(shown["parameters"]["exit_cover"], "120 %");
    let text = town.ok(&["pool", "show", "USDC-POOL"], "stranger");
    for words in ["USDC-POOL (#3)", "to who enters", "must bear", "450.000001 USDC", "for each 100 % of", "-3_000 USDC"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(town.ok(&["pool", "list"], "stranger").contains("USDC-POOL"));
}

#[test]
fn shares_are_asked_for_waited_for_and_taken() {
    let town = Town::with_a_pool("pool-leave", &[]);
    town.refused(1, &["pool", "withdraw", "USDC-POOL"], "provider", "It asked for none: `ballast pool request` does");
    let printed = town.ok(&["pool", "request", "USDC-POOL", "40_000"], "provider");
    assert!(printed.contains("ask 40_000 shares of USDC-POOL back, to be taken in 1 d"), "{printed}");
    let from = town.now() + DAY;
    assert_eq!((&shares(&town)["asked"], &shares(&town)["freeFrom"]), (&json!("40000000000"), &json!(from)));
    let shown = town.json(&["pool", "show", "USDC-POOL", "--requests"], "stranger")["requests"].clone();
    assert_eq!((shown.as_array().map(Vec::len), &shown[0]["shares"]), (Some(1), &json!("40000000000")), "{shown}");
    assert_eq!((&shown[0]["from"], &shown[0]["until"]), (&json!(from), &json!(from + 2 * DAY)));
    assert!(town.ok(&["pool", "show", "USDC-POOL", "--requests"], "stranger").contains("40_000  "));
    assert_eq!(town.json(&["pool", "show", "USDC-POOL"], "stranger")["requests"], Value::Null, "not asked for");
    town.refused(1, &["pool", "withdraw", "USDC-POOL"], "provider", "PoolSharesNotFree");
    let (_, printed) = town.run(&["pool", "withdraw", "USDC-POOL"], "provider");
    assert!(printed.contains("They can be taken from 2026-"), "{printed}");
    // Asking anew begins anew, and none takes it back.
    town.ok(&["pool", "request", "USDC-POOL", "none"], "provider");
    assert_eq!(shares(&town)["freeFrom"], Value::Null);
    let text = town.ok(&["pool", "show", "USDC-POOL", "--requests"], "stranger");
    assert!(text.contains("nobody has asked for shares"), "{text}");
    town.ok(&["pool", "request", "USDC-POOL", "all"], "provider");
    town.advance(DAY, PRICES);
    let printed = town.ok(&["pool", "withdraw", "USDC-POOL"], "provider");
    assert!(printed.contains("take 100_000") && printed.contains("out of USDC-POOL for 100_000 shares"), "{printed}");
    assert_eq!(shares(&town), Value::Null);
    town.ok(&["account", "withdraw", "USDC", "all"], "provider");
    assert!(town.tokens("provider", USDC).is_some_and(|atoms| atoms >= 99_999_999_999));
    town.refused(1, &["pool", "request", "USDC-POOL", "1"], "provider", "has no shares of USDC-POOL");
    // The window closes after two days.
    town.ok(&["account", "deposit", "USDC", "1_000"], "provider");
    town.ok(&["pool", "deposit", "USDC-POOL", "1_000"], "provider");
    town.ok(&["pool", "request", "USDC-POOL", "all"], "provider");
    town.advance(3 * DAY + 1, PRICES);
    town.refused(1, &["pool", "withdraw", "USDC-POOL"], "provider", "PoolSharesNotFree");
}

#[test]
fn a_pool_keeps_what_its_positions_need() {
    let town = Town::with_a_perp("pool-cover", &[]);
    town.ok(&["pool", "deposit", "USDC-POOL", "2_000"], "provider");
    town.ok(&["perp", "trade", "SOL-PERP", "buy", "10"], "trader");
    town.ok(&["pool", "request", "USDC-POOL", "all"], "provider");
    town.advance(DAY, PRICES);
    let printed = town.ok(&["pool", "withdraw", "USDC-POOL"], "provider");
    // 1.2 × 15 % of 1,500.
    assert!(printed.contains("note: 269.9") && printed.contains("stay: the pool needs its cover"), "{printed}");
    town.refused(1, &["pool", "withdraw", "USDC-POOL"], "provider", "PoolNeedsItsCover");
    town.ok(&["perp", "close", "SOL-PERP"], "trader");
    town.ok(&["pool", "withdraw", "USDC-POOL"], "provider");
    assert_eq!(shares(&town), Value::Null);
}

#[test]
fn what_a_pool_does_not_take_is_refused_in_words() {
    let town =
        Town::with_a_perp("pool-refused", &[("max_value = \"5_000_000 tokens\"", "max_value = \"50_000 tokens\"")]);
    town.refused(1, &["pool", "deposit", "USDC-POOL", "60_000"], "provider", "50_000 USDC is the most now");
    town.refused(1, &["pool", "deposit", "USDC-POOL", "150_000"], "provider", "PoolReduceOnly");
    town.refused(1, &["pool", "deposit", "USDC-POOL", "1_001"], "trader", "InsufficientDeposit");
    let (_, printed) = town.run(&["pool", "deposit", "USDC-POOL", "1_001"], "trader");
    assert!(printed.contains("It has 999.99999") || printed.contains("It has 1_000 USDC"), "{printed}");
    town.refused(2, &["pool", "deposit", "USDC-POOL", "0"], "provider", "the amount is zero");
    town.refused(1, &["pool", "deposit", "SOL", "1"], "provider", "`SOL` is no pool: there is USDC-POOL");
    town.refused(1, &["pool", "show", "SOL-PERP"], "provider", "SOL-PERP is no pool");
    town.ok(&["pool", "deposit", "USDC-POOL", "10_000"], "provider");
    town.refused(1, &["pool", "request", "USDC-POOL", "10_001"], "provider", "has 10_000 shares of USDC-POOL");
    town.refused(2, &["pool", "request", "USDC-POOL", "some"], "provider", "`some` is no amount");
    // Open positions make its value depend on a price, which nobody publishes.
    town.node.advance(90);
    let (code, printed) = town.run(&["pool", "deposit", "USDC-POOL", "1"], "provider");
    assert_eq!(code, 0, "no position is open: {printed}");
    town.publish(PRICES);
    // An account of perps owns no part of a pool, and an owner of one trades none.
    town.ok(&["perp", "trade", "SOL-PERP", "buy", "1"], "trader");
    town.refused(1, &["pool", "deposit", "USDC-POOL", "100"], "trader", "PoolNeedsItsOwnAccount");
    town.refused(1, &["perp", "trade", "SOL-PERP", "buy", "1"], "provider", "PoolNeedsItsOwnAccount");
    town.node.advance(90);
    let reason = "The price of SOL is 1 min 30 s old (its feed has published no newer one): wait for its price";
    town.refused(1, &["pool", "deposit", "USDC-POOL", "1"], "provider", reason);
    town.refused(1, &["account", "close"], "provider", "withdraw and repay all first");
    town.ok(&["account", "withdraw", "USDC", "all"], "provider");
    town.refused(1, &["account", "close"], "provider", "has perps or shares of a pool");
}

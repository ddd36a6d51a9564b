//! `ballast vault pool`, and a vault with a part in a pool, against a node that answers as JSON-RPC from a virtual machine. Needs the
//! program: scripts/build.

use crate::common::{
    town::{Town, USDC},
    village::Village,
};
use serde_json::{Value, json};

const PRICES: [f64; 3] = [1.0, 150.0, 60_000.0];
const DAY: i64 = 86_400;

/// A vault whose only allocation is the example's pool, with 10,000 USDC of the lender in it, in a market with a trader.
fn bare(name: &str, changes: &[(&str, &str)]) -> Village {
    let changes = [&[("pool = 0", "pool = 3")], changes].concat();
    let village = Village::of(Town::with_a_perp(name, &[]), &changes);
    let printed = village.ok(&["create"], "creator");
    assert!(printed.contains("open allocation 0, pool #3 of market "), "{printed}");
    village.ok(&["deposit", "10_000"], "lender");
    village.pass(3_700);
    village
}

/// The same with 5,000 in the pool, and a position of the trader.
fn with_a_part(name: &str, changes: &[(&str, &str)]) -> Village {
    let village = bare(name, changes);
    village.town.ok(&["pool", "deposit", "USDC-POOL", "20_000"], "provider");
    village.ok(&["pool", "deposit", "0", "5_000"], "creator");
    village.town.ok(&["perp", "trade", "SOL-PERP", "buy", "20"], "trader");
    village
}

fn part(village: &Village) -> Value {
    village.json(&["show"], "stranger")["allocations"][0].clone()
}

fn atoms(value: &Value) -> i64 {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{value}"))
}

#[test]
fn a_part_of_a_pool_is_moved_there_and_shown() {
    let village = bare("vault-pool-in", &[]);
    let market = village.town.node.market().address;
    let place = format!("allocation 0 (pool #3 of market {market})");
    let dry = village.ok(&["pool", "deposit", "0", "5_000", "--dry-run"], "creator");
    assert!(dry.contains(&format!("move 5_000 USDC into {place} for 5_000 shares of the pool")), "{dry}");
    assert!(dry.contains("would land"), "{dry}");
    village.refused(3, &["pool", "deposit", "0", "5_000"], "guardian", "must sign the next step");
    village.refused(2, &["pool", "deposit", "0", "0"], "creator", "the amount is zero");
    for amount in ["9_990", "10_000", "18446744073709551615atoms"] {
        village.refused(1, &["pool", "deposit", "0", amount], "creator", "USDC is the most now");
    }
    for slot in ["1", "7", "8", "255"] {
        village.refused(1, &["pool", "deposit", slot, "1"], "creator", &format!("the vault has no allocation {slot}"));
    }
    village.refused(2, &["pool", "deposit", "256", "1"], "creator", "256");
    village.ok(&["pool", "deposit", "0", "5_000"], "creator");
    village.town.ok(&["perp", "trade", "SOL-PERP", "buy", "2"], "trader");
    village.pass(1);
    let shown = part(&village);
    let pool = &shown["pool"];
    for (name, value) in [
        ("index", json!(3)),
        ("name", json!("pool #3")),
        ("shares", json!("5000000000")),
        ("asked", json!("0")),
        ("freeFrom", Value::Null),
        ("until", Value::Null),
    ] {
        assert_eq!(pool[name], value, "{name}");
    }
    assert_eq!(
        (&shown["reserve"], &shown["depositYield"], &shown["takeable"]),
        (&Value::Null, &Value::Null, &json!("0"))
    );
    assert_eq!((&shown["state"], &shown["value"]), (&json!("open"), &pool["exit"]));
    assert!(atoms(&pool["entry"]) >= atoms(&pool["exit"]) && atoms(&pool["exit"]) > 4_999_000_000, "{shown}");
    let text = village.ok(&["show"], "stranger");
    for words in ["value to enter", "asked for", "can be taken, UTC", "pool #3", "5_000"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    // By the market's file it has a name.
    let text = village.ok(&["show", "--market", &village.town.file], "stranger");
    assert!(text.contains("USDC-POOL"), "{text}");
    // What is left of what may go there.
    village.ok(&["pool", "deposit", "0", "all"], "creator");
    assert!(atoms(&part(&village)["pool"]["shares"]) > 5_000_000_000);
    village.refused(1, &["pool", "deposit", "0", "all"], "creator", "VaultNeedsLiquidity");
    village.ok(&["set", "allocations.0.stopped=true"], "guardian");
    village.refused(1, &["pool", "deposit", "0", "1"], "creator", "AllocationStopped");
    let list = village.town.node.ballast(&["vault", "list", "--json"], None).1;
    let listed: Value = serde_json::from_str(&list).expect("JSON");
    let figures = village.json(&["show"], "stranger")["figures"].clone();
    assert_eq!(listed["vaults"][0]["figures"]["exit"], figures["exit"]);
    assert!(atoms(&figures["exit"]) > 9_990_000_000, "the pool counts: {figures}");
}

#[test]
fn a_slot_that_lends_has_no_pool() {
    let village = Village::with("vault-pool-none", &[]);
    for words in [&["pool", "deposit", "0", "1"][..], &["pool", "request", "0", "all"], &["pool", "withdraw", "0"]] {
        village.refused(1, words, "creator", "lends to a reserve and has no pool");
    }
    assert_eq!(part(&village)["pool"], Value::Null);
    assert!(!village.ok(&["show"], "stranger").contains("can be taken, UTC"));
}

#[test]
fn shares_of_a_pool_are_asked_for_and_brought_back() {
    let village = with_a_part("vault-pool-out", &[]);
    village.refused(1, &["pool", "withdraw", "0"], "creator", "It asked for none: `ballast vault pool request` does");
    village.refused(1, &["pool", "request", "0", "5_001"], "creator", "has 5_000 shares");
    village.refused(2, &["pool", "request", "0", "many"], "creator", "many");
    village.refused(1, &["pool", "request", "0", "all"], "stranger", "NotCuratorOrSentinel");
    village.refused(1, &["pool", "request", "0", "all"], "stranger", "while coverage is below its target");
    let printed = village.ok(&["pool", "request", "0", "2_000"], "guardian");
    assert!(printed.contains("ask 2_000 shares of allocation 0 (pool #3 of market "), "{printed}");
    assert!(printed.contains("back, to be taken in 1 d"), "{printed}");
    let (shown, from) = (part(&village)["pool"].clone(), village.town.now() + DAY);
    assert_eq!((&shown["asked"], &shown["freeFrom"]), (&json!("2000000000"), &json!(from)));
    assert_eq!(shown["until"], json!(from + 2 * DAY));
    assert!(village.ok(&["show"], "stranger").contains(" to 2026-"));
    village.refused(1, &["pool", "withdraw", "0"], "creator", "They can be taken from 2026-");
    village.ok(&["pool", "request", "0", "none"], "creator");
    assert_eq!(part(&village)["pool"]["freeFrom"], Value::Null);
    village.ok(&["pool", "request", "0", "all"], "creator");
    // The prices of the market are a day old: they come along.
    village.town.advance(DAY, PRICES);
    village.refused(1, &["pool", "withdraw", "0"], "stranger", "NotCuratorOrSentinel");
    let printed = village.ok(&["pool", "withdraw", "0"], "guardian");
    assert!(printed.contains("bring ") && printed.contains(" for 5_000 shares of the pool"), "{printed}");
    let shown = part(&village);
    assert_eq!((&shown["pool"]["shares"], &shown["value"]), (&json!("0"), &json!("0")));
    assert!(village.view().vault.idle > 9_990_000_000);
    // Too late is like never asked.
    village.ok(&["pool", "deposit", "0", "1_000"], "creator");
    village.ok(&["pool", "request", "0", "all"], "creator");
    village.town.advance(3 * DAY + 1, PRICES);
    assert!(village.ok(&["show"], "stranger").contains("was till 2026-"));
    village.refused(1, &["pool", "withdraw", "0"], "creator", "PoolSharesNotFree");
}

#[test]
fn what_the_pool_needs_stays_asked_for() {
    let village = bare("vault-pool-cover", &[]);
    village.ok(&["pool", "deposit", "0", "5_000"], "creator");
    village.town.ok(&["perp", "trade", "SOL-PERP", "buy", "20"], "trader");
    village.ok(&["pool", "request", "0", "all"], "creator");
    village.town.advance(DAY, PRICES);
    let printed = village.ok(&["pool", "withdraw", "0"], "creator");
    assert!(printed.contains("of those asked for stay: the pool needs its cover"), "{printed}");
    village.refused(1, &["pool", "withdraw", "0"], "creator", "PoolNeedsItsCover");
    village.town.ok(&["perp", "close", "SOL-PERP"], "trader");
    village.ok(&["pool", "withdraw", "0"], "creator");
    assert_eq!(part(&village)["pool"]["shares"], "0");
}

/// Whoever comes or goes brings the prices that value the pool in the same transaction; where there are none they say so.
#[test]
fn prices_that_value_a_pool_come_along() {
    let village = with_a_part("vault-pool-prices", &[]);
    village.town.give("lender", USDC, 1_000_000_000);
    let later = || village.town.advance(300, PRICES);
    later();
    village.refused(1, &["deposit", "1"], "lender", "BelowVaultMinimum");
    village.ok(&["deposit", "100"], "lender");
    later();
    village.ok(&["deposit", "--shares", "100"], "lender");
    later();
    village.ok(&["pool", "deposit", "0", "100"], "creator");
    later();
    let before = village.town.tokens("lender", USDC).expect("some");
    village.ok(&["redeem", "1_000"], "lender");
    let got = village.town.tokens("lender", USDC).expect("some") - before;
    assert!(got > 998_000_000, "{got}: its part of the pool counts");
    later();
    village.ok(&["withdraw", "1_000"], "lender");
    later();
    village.ok(&["queue", "request", "1_000"], "lender");
    later();
    village.ok(&["queue", "serve"], "stranger");
    village.ok(&["claim"], "lender");
    later();
    village.ok(&["term", "lock", "1_000", "1"], "lender");
    later();
    village.ok(&["term", "end", "0", "--early"], "lender");
    later();
    let value = atoms(&part(&village)["value"]);
    assert!(value > 5_090_000_000, "{value}: shown as a transaction finds it");

    // The feed has ended.
    village.town.node.advance(300);
    village.refused(1, &["deposit", "100"], "lender", "The price of SOL is 5 min old");
    village.refused(1, &["deposit", "--shares", "100"], "lender", "MarketUnreadable");
    village.refused(1, &["pool", "deposit", "0", "10"], "creator", "MarketUnreadable");
    assert_eq!(part(&village)["state"], "old prices");
    let printed = village.ok(&["redeem", "100"], "lender");
    assert!(printed.contains("note: what counts for nothing now: allocation 0 (pool #3"), "{printed}");
    assert!(printed.contains("its feed has published no newer one"), "{printed}");
}

/// While the queue waits anyone asks for what is short, and takes it.
#[test]
fn anyone_brings_back_what_the_queue_waits_for() {
    let village = with_a_part("vault-pool-short", &[]);
    village.ok(&["queue", "request", "all"], "lender");
    village.refused(1, &["pool", "request", "0", "1"], "stranger", "What is short is more: `all` asks for that");
    let printed = village.ok(&["pool", "request", "0", "all"], "stranger");
    assert!(printed.contains("ask 4_99") || printed.contains("ask 5_000 shares"), "{printed}");
    village.refused(1, &["pool", "request", "0", "all"], "stranger", "NotCuratorOrSentinel");
    village.town.advance(DAY, PRICES);
    village.ok(&["pool", "withdraw", "0"], "stranger");
    village.ok(&["queue", "serve"], "stranger");
    village.ok(&["claim"], "lender");
    assert!(village.town.tokens("lender", USDC).is_some_and(|atoms| atoms > 9_900_000_000));
}

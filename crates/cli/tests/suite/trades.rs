//! `ballast perp` against a node that answers as JSON-RPC from a virtual machine. Needs the program: scripts/build.

use crate::common::{
    node::keypair,
    town::{Town, USDC},
};
use ballast_client::{decode_margin_account, engine::state::account::MarginAccount};
use serde_json::{Value, json};
use solana_signer::Signer;

const USD: u64 = 1_000_000;
const DELAY: i64 = 172_800;
/// Its record in the market, behind three reserves and the pool.
const PERP: u8 = 4;

/// The prices of the town with another of SOL.
fn at(sol: f64) -> [f64; 3] {
    [1.0, sol, 60_000.0]
}

/// Lets time pass until another price of SOL.
fn move_to(town: &Town, seconds: i64, sol: f64) {
    town.advance(seconds, at(sol));
}

fn account(town: &Town, name: &str) -> MarginAccount {
    let address = town.node.market().margin_account(&keypair(name).pubkey(), 0);
    let found = town.node.lock().svm.get_account(&address).expect("an account");
    decode_margin_account(&found.data).expect("decodes")
}

/// What the trader holds in the perp, by `account show`.
fn position(town: &Town) -> Value {
    let shown = town.json(&["account", "show"], "trader");
    assert!(shown["perps"].as_array().is_some_and(|all| all.len() <= 1), "{shown}");
    shown["perps"][0].clone()
}

/// The objects that a command prints, one a line.
fn lines(printed: &str) -> Vec<Value> {
    printed.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// The keys of an object, in order.
fn keys(object: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = object.as_object().expect("an object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

fn atoms(value: &Value) -> i64 {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{value}"))
}

#[test]
fn perps_are_listed_and_shown() {
    let town = Town::with_a_pool("perp-shown", &[]);
    town.ok(&["perp", "trade", "SOL-PERP", "buy", "10"], "trader");
    let listed = town.json(&["perp", "list"], "stranger");
    let text = town.ok(&["perp", "list"], "stranger");
    assert!(text.contains("SOL-PERP") && text.contains("150 USDC") && text.contains("10 SOL"), "{text}");
    let shown = town.json(&["perp", "show", "SOL-PERP"], "stranger");
    for (name, value) in [
        ("index", json!(PERP)),
        ("name", json!("SOL-PERP")),
        ("follows", json!(1)),
        ("quote", json!(0)),
        ("pool", json!(3)),
        ("power", json!(1)),
        ("state", json!("open")),
        ("price", json!("150")),
        ("longLots", json!("1000000")),
        ("shortLots", json!("0")),
        ("skewLots", json!("1000000")),
        ("longs", json!("1500000000")),
        ("maxSide", json!("2000000000000")),
        ("lotAtoms", json!("10000")),
        ("budget", json!("500000000000")),
    ] {
        assert_eq!((&listed["perps"][0][name], &shown[name]), (&value, &value), "{name}");
    }
    assert_eq!(shown["parameters"]["initial_margin"], "5 %");
    // 15 % of 1,500.
    assert_eq!(shown["buffer"], "225000001");
    let text = town.ok(&["perp", "show", "SOL-PERP"], "stranger");
    for words in
        ["SOL-PERP (#4)", "SOL, in lots of 0.00001 SOL", "USDC-POOL", "10 SOL, worth 1_500 USDC of 2_000_000 USDC"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    // By its index, and by what it follows.
    for name in ["4", "#4", "sol-perp", "SOL"] {
        assert_eq!(town.json(&["perp", "show", name], "stranger")["index"], PERP, "{name}");
    }
    town.refused(1, &["perp", "show", "DOGE-PERP"], "stranger", "`DOGE-PERP` is no perp: there is SOL-PERP");
    town.refused(1, &["perp", "show", "USDC"], "stranger", "`USDC` is no perp: there is SOL-PERP");
    town.refused(1, &["perp", "show", "USDC-POOL"], "stranger", "USDC-POOL is no perp");
    town.refused(1, &["reserve", "show", "SOL-PERP"], "stranger", "SOL-PERP is no reserve");
    town.refused(1, &["perp", "show", "9"], "stranger", "`9` is no perp");
    // Longs alone pay, more each day.
    move_to(&town, 86_400, 150.0);
    let shown = town.json(&["perp", "show", "SOL-PERP"], "stranger");
    assert!(
        shown["funding"].as_f64().is_some_and(|rate| rate > 0.000_001) && shown["borrow"].as_f64() > Some(0.001),
        "{shown}"
    );
    assert!(town.ok(&["perp", "list"], "stranger").contains("longs pay"));
    // A market is shown with them.
    let market = town.json(&["market", "show", &town.file], "stranger");
    assert_eq!((&market["perps"][0]["name"], &market["pools"][0]["name"]), (&json!("SOL-PERP"), &json!("USDC-POOL")));
    assert!(town.ok(&["market", "show", &town.file], "stranger").contains("SOL-PERP"));
}

#[test]
fn a_market_without_perps_says_so() {
    let town = Town::new("perp-none");
    assert!(town.ok(&["perp", "list"], "stranger").contains("no perps"));
    assert!(town.ok(&["pool", "list"], "stranger").contains("no pools"));
    town.refused(1, &["perp", "show", "SOL"], "stranger", "the market has no perps");
    assert_eq!(town.json(&["market", "show", &town.file], "stranger")["perps"], json!([]));
}

#[test]
fn a_position_is_opened_grown_and_closed() {
    let town = Town::with_a_pool("perp-trade", &[]);
    let dry = town.ok(&["perp", "trade", "SOL-PERP", "buy", "10", "--dry-run"], "trader");
    for words in
        ["150.0038 USDC a SOL, at most 151.5038", "0.750001 USDC", "long 10 SOL, worth 1_500 USDC", "would land"]
    {
        assert!(dry.contains(words), "{words}: {dry}");
    }
    assert_eq!(account(&town, "trader").extra_count, 0);
    let printed = town.ok(&["perp", "trade", "SOL-PERP", "buy", "10"], "trader");
    assert!(printed.contains("done: buy 10 SOL of SOL-PERP at 150.0038 USDC"), "{printed}");
    let held = position(&town);
    assert_eq!(
        keys(&held),
        [
            "breakEven",
            "gain",
            "heldUntil",
            "initialMargin",
            "liquidationPrice",
            "lots",
            "maintenanceMargin",
            "name",
            "paidIfClosed",
            "perp",
            "side",
            "size",
            "value"
        ]
    );
    assert_eq!((&held["side"], &held["size"], &held["lots"]), (&json!("long"), &json!("10"), &json!("1000000")));
    assert_eq!((&held["value"], &held["breakEven"]), (&json!("1500000000"), &json!("150")));
    assert!(held["heldUntil"].as_i64().is_some_and(|until| until == town.now() + 60), "{held}");
    let price: f64 = held["liquidationPrice"].as_str().expect("a price").parse().expect("a number");
    assert!((50.0..90.0).contains(&price), "1,000 less weights against 1,500: {price}");
    assert_eq!(town.json(&["account", "health"], "trader")["perps"][0], held);

    // By a sign, in lots; short by a turn.
    town.ok(&["perp", "trade", "SOL-PERP", "5"], "trader");
    town.ok(&["perp", "trade", "SOL", "sell", "500000lots"], "trader");
    assert_eq!(position(&town)["size"], "10");
    let printed = town.ok(&["perp", "trade", "4", "-12.5"], "trader");
    assert!(printed.contains("sell 12.5 SOL of SOL-PERP"), "{printed}");
    assert_eq!((&position(&town)["side"], &position(&town)["size"]), (&json!("short"), &json!("2.5")));

    move_to(&town, 61, 140.0);
    let text = town.ok(&["account", "show"], "trader");
    assert!(text.contains("SOL-PERP  short   2.5"), "{text}");
    let held = position(&town);
    // Of the last price that the chain knows.
    assert_eq!(held["heldUntil"], Value::Null);
    let before = atoms(&town.json(&["account", "show"], "trader")["positions"][0]["atoms"]);
    let printed = town.ok(&["perp", "close", "SOL-PERP"], "trader");
    assert!(printed.contains("a gain of 2") && printed.contains("are paid, by a factor of 100 %"), "{printed}");
    assert!(printed.contains("position then  none") && printed.contains("paid back for less skew"), "{printed}");
    assert!(printed.contains("done: buy 2.5 SOL of SOL-PERP at 139.9991 USDC"), "{printed}");
    assert_eq!(position(&town), Value::Null);
    let gained = atoms(&town.json(&["account", "show"], "trader")["positions"][0]["atoms"]) - before;
    assert!((24_700_000..25_000_000).contains(&gained), "2.5 × 10 less a fee: {gained}");
    town.refused(1, &["perp", "close", "SOL-PERP"], "trader", "has no position in SOL-PERP");
}

#[test]
fn a_preview_is_what_the_trade_does() {
    let town = Town::with_a_pool("perp-preview", &[]);
    town.ok(&["perp", "trade", "SOL-PERP", "sell", "8"], "trader");
    move_to(&town, 61, 130.0);
    let (code, printed) = town.run(&["perp", "trade", "SOL-PERP", "buy", "3", "--json"], "trader");
    let lines = lines(&printed);
    let preview = &lines[0]["preview"];
    assert_eq!((code, lines.len()), (0, 2), "{printed}");
    assert!(lines[1]["sent"]["signature"].is_string());
    assert_eq!(
        keys(preview),
        [
            "factor",
            "fee",
            "gainPaid",
            "impact",
            "initialRatioBps",
            "limit",
            "liquidationPrice",
            "lots",
            "lotsAfter",
            "maintenanceRatioBps",
            "paidIn",
            "paidOut",
            "perp",
            "price",
            "realised"
        ]
    );
    // The short gained 20 USD a SOL; less skew gives a part of what impacts paid back.
    assert!((59_900_000..60_000_000).contains(&atoms(&preview["realised"])), "{preview}");
    assert_eq!((&preview["gainPaid"], &preview["factor"]), (&preview["realised"], &json!(1.0)));
    assert!(atoms(&preview["impact"]) < 0 && atoms(&preview["paidOut"]) > 59_000_000, "{preview}");
    assert_eq!((&preview["lots"], &preview["lotsAfter"]), (&json!("300000"), &json!("-500000")));
    let health = town.json(&["account", "health"], "trader");
    assert_eq!(preview["initialRatioBps"], health["initial"]["ratioBps"]);
    assert_eq!(preview["maintenanceRatioBps"], health["maintenance"]["ratioBps"]);
    assert_eq!(preview["liquidationPrice"], position(&town)["liquidationPrice"]);
}

#[test]
fn a_gain_within_the_hold_is_said_to_be_lost() {
    let town = Town::with_a_pool("perp-hold", &[]);
    town.ok(&["perp", "trade", "SOL-PERP", "buy", "10"], "trader");
    // The worse of the last two prices counts: both have to be higher.
    move_to(&town, 20, 153.0);
    town.ok(&["perp", "trade", "SOL-PERP", "buy", "1"], "lender");
    move_to(&town, 20, 154.0);
    let printed = town.ok(&["perp", "close", "SOL-PERP", "--dry-run"], "trader");
    assert!(printed.contains("a gain of 29.9") && printed.contains("none is paid within the hold"), "{printed}");
    let held = position(&town);
    assert!(held["paidIfClosed"] == "0" && held["heldUntil"].is_i64(), "{held}");
}

#[test]
fn bad_orders_are_refused_before_anything_is_sent() {
    let town = Town::with_a_pool("perp-refused", &[]);
    let trade = |words: &[&'static str]| [&["perp", "trade"], words].concat();
    for (code, words, reason) in [
        (2, &["SOL-PERP", "buy", "0"][..], "the amount is zero"),
        (2, &["SOL-PERP", "buy", "0lots"], "the amount is zero"),
        (2, &["SOL-PERP", "buy", "0.000001"], "is finer than a lot, which is 0.00001 SOL"),
        (2, &["SOL-PERP", "hold", "1"], "`hold 1` is no order: write `buy 2.5` or `sell 2.5`"),
        (2, &["SOL-PERP", "sell", "ten"], "`ten` is no amount"),
        (2, &["SOL-PERP", "sell", "all"], "`ballast perp close` closes a position"),
        (1, &["DOGE", "buy", "1"], "`DOGE` is no perp: there is SOL-PERP"),
        (2, &["SOL-PERP", "buy", "1", "--limit", "cheap"], "`cheap` is no price: write 207.5, of one SOL in USDC"),
        (2, &["SOL-PERP", "buy", "1", "--min-factor", "2"], "`2` is no part"),
        (1, &["SOL-PERP", "buy", "0.01"], "PositionTooSmall"),
        (
            1,
            &["SOL-PERP", "buy", "1", "--limit", "149"],
            "LimitPriceCrossed: The price, its impact included, is worse than the limit. It was 150.0004 USDC a SOL",
        ),
        (1, &["SOL-PERP", "sell", "1", "--limit", "150.5"], "LimitPriceCrossed"),
        (1, &["SOL-PERP", "buy", "1", "--reduce-only"], "PerpNotReducing"),
        (1, &["SOL-PERP", "buy", "200"], "InitialHealthTooLow"),
        (1, &["SOL-PERP", "sell", "1", "--account", "7"], "there is no margin account"),
    ] {
        town.refused(code, &trade(words), "trader", reason);
    }
    // How much would pass is said, and it does.
    let (_, printed) = town.run(&trade(&["SOL-PERP", "buy", "200"]), "trader");
    let most = printed.split_once(" SOL is the most to buy now").map(|(before, _)| before);
    let most = most.and_then(|before| before.rsplit(' ').next()).unwrap_or_else(|| panic!("{printed}")).to_owned();
    assert!(
        (100.0..120.0).contains(&most.parse::<f64>().expect("a number")),
        "900 of 1,000 against 5 % and fees: {most}"
    );
    town.ok(&["perp", "trade", "SOL-PERP", "buy", &most, "--dry-run"], "trader");

    // An account that is growing may not turn by a reduction.
    town.ok(&["perp", "trade", "SOL-PERP", "buy", "2"], "trader");
    town.refused(1, &trade(&["SOL-PERP", "buy", "1", "--reduce-only"]), "trader", "PerpNotReducing");
    town.ok(&["perp", "trade", "SOL-PERP", "sell", "5", "--reduce-only"], "trader");
    assert_eq!(position(&town), Value::Null, "to nothing, and no further");
    // Nobody else trades for him.
    let address = town.account();
    let order = ["perp", "trade", "SOL-PERP", "buy", "1", "--account", &address];
    town.refused(4, &order, "stranger", "NotAccountOwner");
}

#[test]
fn an_empty_pool_bears_nothing() {
    let town = Town::with_a_perp("perp-empty", &[]);
    town.refused(1, &["perp", "trade", "SOL-PERP", "buy", "1"], "trader", "SkewTooLarge");
    town.ok(&["pool", "deposit", "USDC-POOL", "1_000"], "provider");
    town.refused(1, &["perp", "trade", "SOL-PERP", "buy", "6"], "trader", "SkewTooLarge");
    let (_, printed) = town.run(&["perp", "trade", "SOL-PERP", "buy", "6"], "trader");
    assert!(printed.contains(" SOL is the most to buy now"), "{printed}");
    town.ok(&["perp", "trade", "SOL-PERP", "buy", "5"], "trader");
}

#[test]
fn a_price_that_nobody_publishes_is_named() {
    let town = Town::with_a_pool("perp-stale", &[]);
    town.node.advance(30);
    let reason = "TradePriceTooOld";
    town.refused(1, &["perp", "trade", "SOL-PERP", "buy", "1"], "trader", reason);
    town.node.advance(60);
    let reason = "The price of SOL is 1 min 30 s old (its feed has published no newer one): wait for its price";
    town.refused(1, &["perp", "trade", "SOL-PERP", "buy", "1"], "trader", reason);
}

#[test]
fn an_account_of_one_perp_trades_that_alone() {
    let town = Town::with_a_pool("perp-alone", &[]);
    let printed = town.ok(&["account", "open", "--number", "1", "--perp", "SOL-PERP"], "trader");
    assert!(printed.contains("open account 1 of SOL-PERP alone"), "{printed}");
    town.ok(&["account", "deposit", "USDC", "500", "--account", "1"], "trader");
    town.advance(1, at(150.0));
    town.ok(&["perp", "trade", "SOL-PERP", "sell", "3", "--account", "1"], "trader");
    let listed = town.ok(&["account", "list"], "trader");
    assert!(listed.contains("one perp") && listed.contains("cross"), "{listed}");
    let (code, printed) = town.run(&["account", "deposit", "SOL", "1", "--account", "1"], "trader");
    assert!(code == 4 && printed.contains("IsolatedAccount"), "{printed}");
    town.refused(1, &["account", "close", "1"], "trader", "withdraw and repay all first");
    town.refused(
        2,
        &["account", "open", "--perp", "SOL-PERP", "--isolated", "SOL", "USDC"],
        "trader",
        "cannot be used",
    );
    town.refused(1, &["account", "open", "--perp", "BTC", "--number", "2"], "trader", "`BTC` is no perp");
}

#[test]
fn losses_are_settled_by_anyone() {
    let town = Town::with_a_pool("perp-settle", &[]);
    let account = town.account();
    town.refused(1, &["perp", "settle", "--account", &account], "stranger", "has no position there");
    town.ok(&["perp", "trade", "SOL-PERP", "buy", "10"], "trader");
    move_to(&town, 10, 160.0);
    town.refused(1, &["perp", "settle", "--account", &account], "stranger", "NothingToSettle");
    move_to(&town, 10, 140.0);
    let printed = town.ok(&["perp", "settle", "--account", &account], "stranger");
    let words = format!("settle SOL-PERP of {account}: 100.0");
    assert!(printed.contains(&words) && printed.contains("USDC to the pool"), "{printed}");
    town.refused(1, &["perp", "settle", "SOL-PERP", "--account", &account], "stranger", "NothingToSettle");
}

#[test]
fn an_unhealthy_position_is_liquidated_for_a_reward() {
    let town = Town::with_a_pool("perp-liquidate", &[]);
    let account = town.account();
    town.ok(&["account", "withdraw", "USDC", "880"], "trader");
    town.ok(&["perp", "trade", "SOL-PERP", "buy", "10"], "trader");
    let liquidate = ["perp", "liquidate", account.as_str()];
    town.refused(1, &liquidate, "stranger", "there is no margin account");
    town.refused(1, &liquidate, "lender", "AccountIsHealthy");
    town.refused(2, &["perp", "liquidate", &account], "trader", "an account does not liquidate itself");
    move_to(&town, 30, 142.0);
    let before = atoms(&town.json(&["account", "show"], "lender")["positions"][0]["atoms"]);
    let dry = town.ok(&["perp", "liquidate", &account, "--dry-run"], "lender");
    assert!(dry.contains(&format!("liquidate {account}: close ")) && dry.contains("would land"), "{dry}");
    town.ok(&liquidate, "lender");
    let reward = atoms(&town.json(&["account", "show"], "lender")["positions"][0]["atoms"]) - before;
    assert!(reward > 100_000, "half a per cent of what was closed: {reward}");
    // The price that it had then does not close any more of it.
    assert!(position(&town)["lots"].is_string());
}

#[test]
fn a_loss_beyond_the_deposit_is_covered_for_other_collateral() {
    let town = Town::with_a_pool("perp-cover", &[]);
    let account = town.account();
    town.ok(&["account", "deposit", "SOL", "10"], "trader");
    town.ok(&["account", "withdraw", "USDC", "990"], "trader");
    town.ok(&["perp", "trade", "SOL-PERP", "buy", "10"], "trader");
    let cover = ["perp", "cover", account.as_str(), "SOL"];
    town.refused(1, &cover, "lender", "NothingToCover");
    move_to(&town, 30, 130.0);
    town.refused(1, &["perp", "cover", &account, "USDC"], "lender", "NothingToCover");
    town.refused(2, &["perp", "cover", &account, "SOL"], "trader", "an account does not pay for itself");
    let printed = town.ok(&["perp", "cover", &account, "SOL", "--max", "50"], "lender");
    assert!(printed.contains(&format!("pay 50 USDC of what {account} lost in SOL-PERP, for 0.39")), "{printed}");
    town.ok(&cover, "lender");
    town.refused(1, &cover, "lender", "NothingToCover");
    let held = town.json(&["account", "show"], "lender");
    assert!(held["positions"].as_array().is_some_and(|all| all.iter().any(|one| one["name"] == "SOL")), "{held}");
}

#[test]
fn what_nobody_can_pay_is_written_off() {
    let town = Town::with_a_pool("perp-write-off", &[]);
    let account = town.account();
    town.ok(&["account", "withdraw", "USDC", "880"], "trader");
    town.ok(&["perp", "trade", "SOL-PERP", "buy", "10"], "trader");
    town.refused(1, &["perp", "write-off", &account], "stranger", "NotBankrupt");
    move_to(&town, 30, 120.0);
    town.ok(&["perp", "liquidate", &account], "lender");
    let owes = "the position in SOL-PERP is closed, and owes ";
    town.refused(1, &["perp", "close", "SOL-PERP"], "trader", owes);
    let printed = town.ok(&["perp", "write-off", &account], "stranger");
    assert!(
        printed.contains(&format!("that {account} owes of SOL-PERP: ")) && printed.contains("of the perp's insurance"),
        "{printed}"
    );
    assert_eq!(self::account(&town, "trader").extra_count, 0);
    town.refused(1, &["perp", "write-off", &account], "stranger", "holds no perps");
}

#[test]
fn a_pool_that_bears_too_much_is_deleveraged() {
    let town = Town::with_a_perp("perp-deleverage", &[("max_skew = \"80 %\"", "max_skew = \"600 %\"")]);
    town.ok(&["pool", "deposit", "USDC-POOL", "1_000"], "provider");
    town.refused(1, &["perp", "deleverage", "SOL-PERP"], "stranger", "NoDeleveraging");
    town.ok(&["perp", "trade", "SOL-PERP", "buy", "30"], "trader");
    move_to(&town, 30, 165.0);
    assert_eq!(town.json(&["perp", "list"], "stranger")["perps"][0]["state"], "to be deleveraged");
    let printed = town.ok(&["perp", "deleverage", "SOL-PERP"], "stranger");
    assert!(
        printed.contains("deleverage SOL-PERP: close ") && printed.contains("of all longs at 165 USDC"),
        "{printed}"
    );
    let left: f64 = position(&town)["size"].as_str().expect("a size").parse().expect("a number");
    assert!((10.0..30.0).contains(&left), "{left}");
    town.refused(1, &["perp", "deleverage", "SOL-PERP"], "stranger", "NoDeleveraging");
}

#[test]
fn a_perp_is_wound_down_by_its_authority_once_a_change_waited() {
    let town = Town::with_a_pool("perp-resolve", &[]);
    town.ok(&["perp", "trade", "SOL-PERP", "buy", "10"], "trader");
    town.refused(1, &["perp", "resolve", "SOL-PERP"], "creator", "WindDownNotAllowed");
    town.ok(&["change", "queue", "--reserve", "SOL-PERP", "wind_down=true"], "creator");
    move_to(&town, DELAY, 160.0);
    town.ok(&["change", "execute", &(town.node.market().market.changes - 1).to_string()], "stranger");
    town.refused(3, &["perp", "resolve", "SOL-PERP"], "stranger", "must sign the next step");
    let printed = town.ok(&["perp", "resolve", "SOL-PERP"], "creator");
    assert!(printed.contains("wind SOL-PERP down at 160 USDC"), "{printed}");
    assert_eq!(town.json(&["perp", "show", "SOL-PERP"], "stranger")["state"], "wound down");
    town.refused(1, &["perp", "trade", "SOL-PERP", "buy", "1"], "trader", "PerpReduceOnly");
    move_to(&town, 600, 10.0);
    let printed = town.ok(&["perp", "close", "SOL-PERP"], "trader");
    assert!(printed.contains("at 160 USDC"), "{printed}");
    // What the file says of it no longer matters, and is said.
    let text = std::fs::read_to_string(&town.file).expect("a file");
    std::fs::write(&town.file, text.replace("hold = \"60 s\"", "hold = \"30 s\"")).expect("written");
    let printed = town.ok(&["market", "apply", &town.file, "--dry-run"], "creator");
    assert!(printed.contains("SOL-PERP is being wound down: its parameters stay"), "{printed}");
}

#[test]
fn what_a_closed_position_is_owed_is_taken_later() {
    let town = Town::with_a_pool("perp-owed", &[("loss_budget = \"500_000 tokens\"", "loss_budget = \"100 tokens\"")]);
    town.ok(&["perp", "trade", "SOL-PERP", "buy", "10"], "trader");
    move_to(&town, 61, 170.0);
    let printed = town.ok(&["perp", "close", "SOL-PERP"], "trader");
    assert!(printed.contains("a gain of 199.9") && printed.contains("of which 100 USDC are paid"), "{printed}");
    let held = position(&town);
    assert_eq!(
        (&held["side"], &held["paidIfClosed"], &held["breakEven"]),
        (&json!("closed"), &json!("0"), &Value::Null)
    );
    assert!((99_900_000..100_000_000).contains(&atoms(&held["gain"])), "{held}");
    town.refused(1, &["perp", "close", "SOL-PERP"], "trader", "NothingToSettle");
    town.refused(1, &["account", "close"], "trader", "withdraw and repay all first");
    move_to(&town, 86_400, 170.0);
    let printed = town.ok(&["perp", "close", "SOL-PERP"], "trader");
    assert!(printed.contains("take 99.9") && printed.contains("that SOL-PERP owes"), "{printed}");
    assert_eq!(position(&town), Value::Null);
}

#[test]
fn a_trade_is_printed_for_a_multisig() {
    let town = Town::with_a_pool("perp-multisig", &[]);
    let owner = keypair("trader").pubkey().to_string();
    let words = ["perp", "trade", "SOL-PERP", "buy", "1", "--market", &town.file, "--multisig", "--signer", &owner];
    let (code, printed) = town.node.ballast(&words, None);
    let printed: Value = serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"));
    let list = printed["instructions"].as_array().expect("instructions");
    assert_eq!((code, list.len()), (0, 2), "prices and the trade: {printed}");
    assert_eq!((&list[1]["signer"], &list[1]["accounts"][0]["pubkey"]), (&json!(owner), &json!(owner)));
    assert_eq!(list[1]["accounts"].as_array().map(Vec::len), Some(3));
}

#[test]
fn collateral_of_any_kind_backs_a_trade() {
    let town = Town::with_a_pool("perp-collateral", &[]);
    town.ok(&["account", "deposit", "SOL", "20"], "trader");
    town.ok(&["account", "withdraw", "USDC", "900"], "trader");
    town.ok(&["perp", "trade", "SOL-PERP", "sell", "30"], "trader");
    let shown = town.json(&["account", "show"], "trader");
    assert_eq!((shown["positions"].as_array().map(Vec::len), &shown["perps"][0]["size"]), (Some(2), &json!("30")));
    assert!(town.tokens("trader", USDC).is_some_and(|atoms| atoms > 19_000 * USD), "no token has moved");
}

/// An order rests, is listed, holds what backs it, is filled by anyone at its price, and another is cleared once it is over.
#[test]
fn an_order_rests_until_its_price() {
    let town = Town::with_a_pool("perp-orders", &[]);
    let address = town.node.market().margin_account(&keypair("trader").pubkey(), 0).to_string();
    assert!(town.ok(&["perp", "orders"], "stranger").contains("no order rests"));
    let dry = town.ok(&["perp", "trade", "SOL-PERP", "buy", "10", "--rest", "--dry-run"], "trader");
    assert!(dry.contains("or later fills it: these figures are of now"), "{dry}");
    let printed = town.ok(&["perp", "trade", "SOL-PERP", "buy", "10", "--rest", "--tip", "20000"], "trader");
    assert!(printed.contains("done: rest an order to buy 10 SOL of SOL-PERP at 150"), "{printed}");
    let order = town.json(&["perp", "orders"], "stranger")["orders"][0].clone();
    assert_eq!(
        [&order["account"], &order["state"], &order["tip"], &order["reduceOnly"], &order["limit"]],
        [&json!(address), &json!("waits"), &json!(20_000), &json!(false), &json!("151.5038")]
    );
    assert!(town.ok(&["perp", "orders"], "stranger").contains("buy 10 SOL"));
    town.refused(4, &["account", "withdraw", "USDC", "1"], "trader", "An order of the account rests");
    town.refused(1, &["perp", "trade", "SOL-PERP", "buy", "1"], "trader", "An order of the account rests");
    town.refused(1, &["perp", "trade", "SOL-PERP", "buy", "1", "--rest"], "trader", "An order of the account rests");
    town.refused(1, &["perp", "cancel"], "trader", "It can be cancelled after ");
    town.refused(4, &["perp", "fill", &address], "stranger", "Only the first price");
    town.refused(1, &["perp", "cancel"], "provider", "no order of ");
    move_to(&town, 5, 149.0);
    let printed = town.ok(&["perp", "fill", &address], "stranger");
    assert!(printed.contains("fill the order to buy 10 SOL of SOL-PERP"), "{printed}");
    let held = account(&town, "trader");
    assert!(held.perp(PERP).is_some_and(|held| held.cost > 1_489 * USD as i64 && held.cost < 1_492 * USD as i64));

    town.ok(&["perp", "close", "SOL-PERP", "--rest"], "trader");
    move_to(&town, 30, 149.0);
    assert_eq!(town.json(&["perp", "orders"], "stranger")["orders"][0]["state"], "over");
    // Another takes its place.
    town.ok(&["perp", "trade", "SOL-PERP", "sell", "2", "--reduce-only", "--rest"], "trader");
    move_to(&town, 30, 149.0);
    let printed = town.ok(&["perp", "cancel", &address], "stranger");
    assert!(printed.contains("cancel the order to sell 2 SOL of SOL-PERP"), "{printed}");
    assert!(!account(&town, "trader").order.rests());
}

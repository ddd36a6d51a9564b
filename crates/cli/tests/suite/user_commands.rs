//! The commands of users, against a node that answers as JSON-RPC from a virtual machine. Needs the program: scripts/build.

use crate::common::{
    node::{MAINNET, keypair},
    run_with_home,
    town::{SOL, Town, USDC},
};
use serde_json::Value;
use solana_signer::Signer;

const UNIT: u64 = 1_000_000_000;

#[test]
fn a_user_goes_all_the_way_in_and_out_with_native_tokens() {
    let town = Town::new("round");
    let start = town.lamports("trader");
    let printed = town.ok(&["account", "open"], "trader");
    assert!(printed.contains("done: open account 0 at "), "{printed}");
    town.ok(&["account", "deposit", "sol", "10"], "trader");
    assert_eq!(town.tokens("trader", SOL), Some(0), "what was wrapped went in");
    town.ok(&["account", "borrow", "USDC", "500"], "trader");
    assert_eq!(town.tokens("trader", USDC), Some(500_000_000));

    let shown = town.json(&["account", "show"], "trader");
    assert_eq!(
        (&shown["equity"]["collateral"], &shown["equity"]["debt"]),
        (&"1499.99".into(), &"500.00".into()),
        "cut, as the chain does"
    );
    assert_eq!((&shown["positions"][0]["name"], &shown["positions"][1]["side"]), (&"SOL".into(), &"debt".into()));
    assert_eq!(shown["liquidatable"], false);
    let at: f64 = shown["positions"][0]["liquidationPrice"].as_str().expect("a price").parse().expect("a number");
    assert!((50.0..70.0).contains(&at), "{at}: 500 × 1.02 ÷ (10 × 0.82) and a little");
    let text = town.ok(&["account", "show"], "trader");
    assert!(text.contains("SOL") && text.contains("maintenance: below 100 % it is liquidated"), "{text}");

    town.ok(&["account", "withdraw", "SOL", "1"], "trader");
    // Nothing was wrapped before, so it came as lamports, less rents and fees.
    assert!(
        town.lamports("trader") > start - 9 * UNIT - UNIT / 50
            && town.tokens("trader", SOL).is_none_or(|left| left == 0)
    );
    town.advance(86_400, [1.0, 150.0, 60_000.0]);
    town.give("trader", USDC, 600_000_000);
    town.ok(&["account", "repay", "USDC", "all"], "trader");
    let left = town.tokens("trader", USDC).expect("some");
    assert!(left < 100_000_000 && left > 99_000_000, "{left}: a day's interest on 500");
    town.ok(&["account", "withdraw", "SOL", "all"], "trader");
    town.ok(&["account", "close"], "trader");
    assert!(town.lamports("trader") > start - UNIT / 50, "all but fees and rents");
    town.refused(1, &["account", "show"], "trader", "there is no margin account");
}

#[test]
fn native_debts_are_repaid_from_lamports() {
    let town = Town::new("native");
    town.ok(&["account", "deposit", "SOL", "5", "--account", "0"], "lender");
    town.advance(1, [1.0, 150.0, 60_000.0]);
    town.ok(&["account", "open", "--number", "7"], "trader");
    town.give("trader", USDC, 2_000_000_000);
    town.ok(&["account", "deposit", "USDC", "2000", "--account", "7"], "trader");
    town.ok(&["account", "borrow", "SOL", "2", "--account", "7"], "trader");
    town.advance(3_600, [1.0, 150.0, 60_000.0]);
    town.ok(&["account", "repay", "SOL", "all", "--account", "7"], "trader");
    assert!(town.tokens("trader", SOL).is_none_or(|left| left == 0), "what was wrapped for interest is unwrapped");
    town.ok(&["prices", "refresh"], "trader");
    let shown = town.json(&["account", "show", "7"], "trader");
    assert_eq!(shown["positions"].as_array().map(Vec::len), Some(1), "{shown}");
    let listed = town.json(&["account", "list"], "trader");
    assert_eq!(listed["accounts"][0]["number"], 7);
    let other = keypair("lender").pubkey().to_string();
    assert_eq!(town.json(&["account", "list", "--owner", &other], "trader")["accounts"][0]["owner"], other);
}

#[test]
fn what_a_program_refuses_is_told_in_words_and_not_sent() {
    let town = Town::with_a_debt("refused");
    town.refused(4, &["account", "borrow", "USDC", "2_000"], "trader", "in simulation: InitialHealthTooLow");
    town.refused(4, &["account", "deposit", "USDC", "1"], "trader", "PositionIsDebt");
    // 10 SOL at 150 USD weigh 75 % of that, less what is owed already.
    town.refused(4, &["account", "borrow", "USDC", "2_000"], "trader", "USDC is the most now");
    town.node.advance(60);
    let insufficient = "the token program: Insufficient funds";
    town.refused(4, &["account", "repay", "USDC", "500.000001"], "trader", insufficient);
    town.publish([1.0, 150.0, 60_000.0]);
    let (code, printed) = town.run(&["account", "borrow", "USDC", "2_000", "--json"], "trader");
    let error: Value = serde_json::from_str(printed.trim()).expect("JSON");
    assert_eq!((code, &error["error"]["program"]["name"]), (4, &"InitialHealthTooLow".into()), "{printed}");
    assert_eq!(error["error"]["exitCode"], 4);

    town.refused(1, &["account", "borrow", "DOGE", "1"], "trader", "`DOGE` is no reserve");
    town.refused(1, &["account", "borrow", "9", "1"], "trader", "there is no reserve 9: the market has 3");
    town.refused(
        1,
        &["account", "borrow", "USDC", "0.0000001"],
        "trader",
        "finer than the token, which has 6 decimals",
    );
    town.refused(1, &["account", "deposit", "SOL", "all"], "trader", "say how much: fees and rents");
    town.refused(1, &["account", "deposit", "cbBTC", "all"], "trader", "holds none of it");
    town.refused(1, &["account", "repay", "SOL", "1"], "trader", "the account owes no SOL");
    town.refused(1, &["account", "close"], "trader", "has 2 positions");
    town.refused(2, &["account", "borrow", "USDC", "ten"], "trader", "is no amount");
    town.refused(2, &["account", "show", "nobody"], "trader", "neither an account's address nor a number");
    let market = town.node.market().address.to_string();
    town.refused(1, &["account", "show", &market], "trader", "discriminator is another account's");
    // A stranger has no say in it.
    let account = town.node.market().margin_account(&keypair("trader").pubkey(), 0).to_string();
    town.refused(4, &["account", "withdraw", "SOL", "1", "--account", &account], "stranger", "NotAccountOwner");
    town.refused(1, &["account", "close", &account], "stranger", "positions");
    town.node.advance(3_600);
    town.refused(4, &["account", "borrow", "USDC", "1"], "trader", "PriceStale");
}

#[test]
fn the_limit_and_the_fee_follow_simulation_and_market() {
    let town = Town::with_a_debt("fees");
    town.node.lock().fee = 40_000;
    let dry = town.ok(&["account", "borrow", "USDC", "10", "--dry-run"], "trader");
    assert!(dry.contains("would land: ") && dry.contains("lamports for priority"), "{dry}");
    town.ok(&["account", "borrow", "USDC", "10"], "trader");
    let budget = |town: &Town| {
        let last = town.node.lock().last.clone().expect("sent");
        let data = last.message.instructions().iter().map(|instruction| instruction.data.clone()).collect::<Vec<_>>();
        let limit = u32::from_le_bytes(data[0][1..5].try_into().expect("four bytes"));
        (limit, u64::from_le_bytes(data[1][1..9].try_into().expect("eight bytes")))
    };
    let (limit, price) = budget(&town);
    assert_eq!(price, 40_000);
    assert!((5_000..20_000).contains(&limit), "{limit}: a borrow, a refresh of two prices, and a tenth more");
    town.node.lock().fee = 4_000_000_000;
    town.ok(&["account", "borrow", "USDC", "10"], "trader");
    assert_eq!(budget(&town).1, 5_000_000, "no more, whatever a node says");
    town.ok(&["account", "borrow", "USDC", "10", "--priority-fee", "7"], "trader");
    assert_eq!(budget(&town).1, 7);
}

#[test]
fn a_transaction_that_gets_lost_is_said_to_be() {
    let town = Town::new("lost");
    town.node.lock().loses = true;
    town.refused(1, &["account", "open", "--number", "3"], "lender", "can be sent anew");
}

#[test]
fn the_solana_clis_configuration_is_respected() {
    let town = Town::with_a_debt("config");
    let folder = town.node.folder.join(".config/solana/cli");
    std::fs::create_dir_all(&folder).expect("a folder");
    let key = town.node.folder.join("trader");
    let config = format!(
        "json_rpc_url: \"{}\"\nwebsocket_url: ''\nkeypair_path: {}\naddress_labels: {{}}\ncommitment: confirmed\n",
        town.node.url,
        key.display()
    );
    std::fs::write(folder.join("config.yml"), config).expect("written");
    let show = ["account", "show", "--market", &town.file];
    let output = run_with_home(&town.node.folder, &show);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && printed.contains(&keypair("trader").pubkey().to_string()), "{output:?}");
    let nowhere = run_with_home(&town.node.folder.join("nowhere"), &[&show[..], &["--url", &town.node.url]].concat());
    let printed = String::from_utf8_lossy(&nowhere.stderr).into_owned();
    assert!(nowhere.status.code() == Some(1) && printed.contains("no key"), "{printed}");
}

#[test]
fn mainnet_is_meant_or_refused() {
    let town = Town::with_a_debt("mainnet");
    town.node.lock().genesis = MAINNET;
    town.refused(1, &["account", "borrow", "USDC", "1"], "trader", "this is mainnet");
    town.ok(&["account", "health"], "trader");
    town.ok(&["account", "borrow", "USDC", "1", "--yes"], "trader");
}

#[test]
fn an_account_below_the_line_is_liquidated_by_whoever_has_the_tokens() {
    let town = Town::with_a_debt("liquidate");
    let account = town.node.market().margin_account(&keypair("trader").pubkey(), 0).to_string();
    town.refused(1, &["liquidate", &account], "lender", "cannot be liquidated: ");
    for dollars in [130.0, 110.0, 90.0, 75.0, 62.0] {
        town.advance(600, [1.0, dollars, 60_000.0]);
        let printed = town.ok(&["prices", "refresh"], "stranger");
        assert!(printed.contains("done: refresh USDC, SOL, cbBTC"), "{printed}");
    }
    assert_eq!(town.json(&["account", "health", &account], "stranger")["liquidatable"], true);
    let before = town.tokens("lender", USDC).expect("some");
    let printed = town.ok(&["liquidate", &account, "--debt", "USDC", "--collateral", "SOL"], "lender");
    assert!(printed.contains("for ") && printed.contains("SOL (penalty "), "{printed}");
    assert!(town.tokens("lender", USDC).expect("some") < before);
    assert_eq!(town.json(&["account", "health", &account], "stranger")["liquidatable"], false);
    town.refused(1, &["liquidate", &account], "stranger", "cannot be liquidated: ");
    town.refused(1, &["prices", "refresh", "DOGE"], "stranger", "`DOGE` is no reserve");
}

#[test]
fn markets_reserves_and_rates_are_shown() {
    let town = Town::with_a_debt("shown");
    let shown = town.json(&["market", "show", &town.file], "stranger");
    assert_eq!((&shown["state"], shown["reserves"].as_array().map(Vec::len)), (&"open".into(), Some(3)));
    assert_eq!(shown["reserves"][0]["deposits"], "50000000000");
    assert!(town.ok(&["market", "show", shown["market"].as_str().expect("text")], "stranger").contains("USDC"));
    town.refused(1, &["market", "create", &town.file], "creator", "is there already");
    let list = town.ok(&["reserve", "list"], "stranger");
    assert!(list.contains("cbBTC") && list.contains("50_000") && list.contains("fresh"), "{list}");
    let rates = town.json(&["reserve", "rates"], "stranger");
    let at = rates["rates"][0]["at"].as_array().expect("a list");
    assert!(at[5]["borrowYield"].as_f64() > at[0]["borrowYield"].as_f64(), "{rates}");
    let one = town.json(&["reserve", "show", "SOL"], "stranger");
    assert_eq!((&one["parameters"]["risk.cross.initial_asset"], &one["index"]), (&"75 %".into(), &1.into()));
    let by_mint = town.json(&["reserve", "show", &SOL.to_string()], "stranger");
    assert_eq!(by_mint["index"], 1);

    // What came in a day ago is no credit any more.
    town.advance(86_400, [1.0, 150.0, 60_000.0]);
    town.ok(&["account", "borrow", "USDC", "100"], "trader");
    town.ok(&["market", "pause", &town.file, "withdraw"], "guardian");
    let status = town.json(&["breaker", "status"], "stranger");
    assert_eq!(status["paused"], serde_json::json!(["Withdraw", "PoolWithdraw"]));
    assert_eq!(status["outflowHourUsd"], serde_json::json!({ "level": "99.99", "limit": "2000000.00" }));
    let text = town.ok(&["breaker", "status"], "stranger");
    assert!(text.contains("Withdraw for 6 h") && text.contains("of 1_000_000"), "{text}");
}

#[test]
fn a_change_waits_is_listed_and_made_or_cancelled() {
    let town = Town::new("changes");
    assert!(town.ok(&["change", "list"], "stranger").contains("no change is queued"));
    let queue = ["change", "queue", "--reserve", "SOL", "max_penalty=9 %", "deposit_cap=200_000 tokens"];
    let printed = town.ok(&queue, "creator");
    assert!(printed.contains("max_penalty to 9 %; deposit_cap to 200_000 tokens"), "{printed}");
    town.ok(&["change", "queue", "delay=3 days"], "creator");
    let listed = town.json(&["change", "list"], "stranger");
    let (number, second) = (listed["changes"][0]["number"].to_string(), listed["changes"][1]["number"].to_string());
    assert_eq!(
        (&listed["changes"][0]["state"], &listed["changes"][1]["target"]),
        (&"waits".into(), &"the market".into())
    );
    town.refused(1, &["change", "execute", &number], "stranger", "is due ");
    town.refused(1, &["change", "queue", "no_such=1"], "creator", "`no_such` is no parameter");
    town.refused(1, &["change", "queue", "delay=1 h"], "creator", "but must be from 1 d to 30 d");
    town.refused(1, &["change", "queue", "delay"], "creator", "is not NAME=VALUE");
    town.refused(3, &["change", "queue", "delay=4 days"], "stranger", "must sign the next step");
    town.advance(172_800, [1.0, 150.0, 60_000.0]);
    assert!(town.ok(&["change", "list"], "stranger").contains("due"));
    town.ok(&["change", "execute", &number], "stranger");
    assert_eq!(town.json(&["reserve", "show", "SOL"], "stranger")["parameters"]["max_penalty"], "9 %");
    town.ok(&["change", "cancel", &second], "guardian");
    town.refused(1, &["change", "cancel", &second], "guardian", "there is no change");
}

#[test]
fn a_stake_is_made_asked_back_and_taken_after_the_cooldown() {
    let town = Town::new("stake");
    town.ok(&["insurance", "stake", "USDC", "100"], "lender");
    assert_eq!(town.json(&["insurance", "show", "USDC"], "lender")["stake"], "100000000");
    town.refused(1, &["insurance", "unstake", "USDC", "101"], "lender", "the stake is worth 100 USDC");
    let (code, printed) = town.run(&["insurance", "unstake", "USDC", "40"], "lender");
    assert!(code == 3 && printed.contains("to be taken in 10 d"), "{printed}");
    town.refused(1, &["insurance", "unstake", "USDC"], "lender", "asked back already");
    assert_eq!(town.json(&["insurance", "show", "USDC"], "lender")["asked"], "40000000");
    let before = town.tokens("lender", USDC).expect("some");
    town.advance(864_000, [1.0, 150.0, 60_000.0]);
    town.ok(&["insurance", "unstake", "USDC"], "lender");
    assert_eq!(town.tokens("lender", USDC), Some(before + 40_000_000));
    town.refused(1, &["insurance", "unstake", "SOL"], "lender", "has no stake in SOL");
}

#[test]
fn a_watch_shows_again_and_again() {
    let town = Town::with_a_debt("watch");
    let printed = town.ok(&["watch", "--count", "2", "--every", "0.1", "--json"], "stranger");
    let lines: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((lines.len(), &lines[1]["reserves"][0]["name"]), (2, &"USDC".into()));
    let text = town.ok(&["watch", "--count", "1", "--account", "0"], "trader");
    assert!(text.contains("liquidated at USD"), "{text}");
    town.refused(2, &["watch", "--every", "0"], "stranger", "from 0.1 to 3600");
    town.refused(1, &["watch", "--count", "1", "--account", "9"], "stranger", "there is no margin account");
}

#[test]
fn for_a_multisig_a_users_instructions_are_printed() {
    let town = Town::new("multisig");
    let vault = keypair("lender").pubkey().to_string();
    let withdraw = ["account", "withdraw", "USDC", "5", "--market", &town.file, "--multisig"];
    let (code, printed) = town.node.ballast(&withdraw, None);
    assert!(code == 1 && printed.contains("name it with --signer"), "{printed}");
    let (code, printed) = town.node.ballast(&[&withdraw[..], &["--signer", &vault]].concat(), None);
    let printed: Value = serde_json::from_str(&printed).expect("JSON");
    assert_eq!((code, &printed["instructions"][0]["signer"]), (0, &vault.into()));
    assert_eq!(printed["instructions"][0]["words"][0], "withdraw 5 USDC");
    let (code, printed) = town.node.ballast(&["prices", "refresh", "--market", &town.file, "--multisig"], None);
    let printed: Value = serde_json::from_str(&printed).expect("JSON");
    assert_eq!((code, printed["instructions"][0]["accounts"].as_array().map(Vec::len)), (0, Some(4)));
}

/// What the owner lets another key do, that key does, and no more; not any longer once it was taken back.
#[test]
fn a_delegate_does_what_it_was_let_do() {
    let town = Town::new("delegate");
    town.ok(&["account", "open"], "trader");
    town.ok(&["account", "deposit", "SOL", "10"], "trader");
    let bot = keypair("liquidator").pubkey().to_string();
    let refused = |code: i32, args: &[&str], words: &str| {
        town.refused(code, &[&["account", "delegate"], args].concat(), "trader", words);
    };
    refused(1, &[&bot], "--may");
    refused(1, &[&bot, "--may", "borrow"], "--until");
    refused(1, &["none"], "has no delegate");
    refused(1, &["none", "--may", "borrow"], "has no rights");
    refused(2, &["nobody", "--may", "borrow", "--until", "2090-01-31"], "is no address");
    refused(2, &[&bot, "--may", "everything", "--until", "2090-01-31"], "everything");
    // What the program refuses is simulated, and not sent.
    refused(4, &[&bot, "--may", "any-destination", "--until", "2090-01-31"], "at least one use among them");
    refused(4, &[&bot, "--may", "borrow", "--until", "2019-01-31"], "must end in the future");
    town.ok(&["account", "delegate", &bot, "--may", "borrow,trade", "--until", "2090-01-31"], "trader");
    let shown = town.json(&["account", "show"], "trader");
    assert_eq!(shown["delegate"]["address"], bot.as_str());
    assert_eq!(shown["delegate"]["may"], serde_json::json!(["borrow", "trade"]));
    let text = town.ok(&["account", "show"], "trader");
    assert!(text.contains(&format!("{bot}: borrow, trade, until 2090-01-31")), "{text}");
    town.ok(&["account", "delegate", "none"], "trader");
    assert_eq!(town.json(&["account", "show"], "trader")["delegate"], Value::Null);
    // Nobody but the owner names one.
    let account = shown["account"].as_str().expect("an address");
    let by_another = ["account", "delegate", &bot, "--may", "borrow", "--until", "2090-01-31", "--account", account];
    town.refused(3, &by_another, "lender", "must sign");
}

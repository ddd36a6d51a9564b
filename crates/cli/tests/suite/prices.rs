//! The prices that commands bring along, against a node that answers as JSON-RPC from a virtual machine. Needs the
//! program: scripts/build.

use std::collections::BTreeSet;

use crate::common::{
    node::keypair,
    town::{SOL, Town, USDC, price_account, price_of},
};
use ballast_client::{
    Address, TOKEN_PROGRAM,
    engine::{
        number::units::UsdE8,
        state::{market::Market, rate_limit::RateLimit},
    },
};
use solana_account::Account;
use solana_signer::Signer;

const BTC: Address = Address::from_str_const("cbbtcf3aa214zXHbiAZQwf4122FBYbraNdFqgw4iMij");
/// What feeds can do wrong, by the index of their price account.
type Kill = fn(&Town, usize);
const DEATHS: [(&str, Kill); 6] = [
    ("closed", |town, index| town.write(price_account(index), Account::default())),
    ("silent", |_, _| ()),
    ("uncertain", |town, index| {
        let update = town.update(index, 60_000.0);
        town.write(
            price_account(index),
            price_of(ballast_client::engine::price::feed::PriceUpdate { confidence: 1 << 42, ..update }),
        );
    }),
    // What the program takes for a mistake of who names the account, and fails the whole transaction for.
    ("sold", |town, index| {
        let data = vec![7; 40];
        town.write(
            price_account(index),
            Account { lamports: 1 << 30, data, owner: TOKEN_PROGRAM, ..Account::default() },
        );
    }),
    ("cut short", |town, index| {
        let account = price_of(town.update(index, 60_000.0));
        town.write(price_account(index), Account { data: account.data[..100].to_vec(), ..account });
    }),
    ("another feed's", |town, index| town.write(price_account(index), price_of(town.update(1, 150.0)))),
];

/// The trader with 10 SOL against 500 USDC, and so many tokens of BTC at 60,000 USD.
fn with_btc(name: &str, tokens: &str) -> Town {
    let town = Town::with_a_debt(name);
    town.give("trader", BTC, 100_000_000);
    // Into an account with debts, whose price nobody has brought yet.
    town.ok(&["account", "deposit", "cbBTC", tokens], "trader");
    town
}

/// Five minutes on, with prices of all but BTC.
fn without_btc(town: &Town, kill: Kill) {
    town.node.advance(300);
    for (index, dollars) in [(0, 1.0), (1, 150.0)] {
        town.write(price_account(index), price_of(town.update(index, dollars)));
    }
    kill(town, 2);
}

#[test]
fn dust_of_a_token_whose_feed_is_dead_stops_nobody() {
    for (name, kill) in DEATHS {
        let town = with_btc(&format!("dust-{}", name.replace([' ', '\''], "-")), "0.00005");
        without_btc(&town, kill);
        town.ok(&["account", "borrow", "USDC", "10"], "trader");
        town.ok(&["account", "withdraw", "SOL", "0.1"], "trader");
        town.ok(&["account", "borrow", "USDC", "all"], "trader");
        town.ok(&["account", "repay", "USDC", "100"], "trader");
        town.ok(&["account", "withdraw", "cbBTC", "all"], "trader");
    }
}

/// The command that stands between the first backticks.
fn quoted(printed: &str) -> Vec<String> {
    let command = printed.split('`').nth(1).unwrap_or_else(|| panic!("no command: {printed}"));
    let words = shlex::split(command).expect("as a shell takes it");
    assert_eq!(words[0], "ballast", "{printed}");
    words[1..].to_vec()
}

#[test]
fn a_stale_deposit_worth_something_is_named_with_the_way_out() {
    for (name, kill) in DEATHS {
        let town = with_btc(&format!("stale-{}", name.replace([' ', '\''], "-")), "0.001");
        without_btc(&town, kill);
        for refused in [["account", "borrow", "USDC", "10"], ["account", "withdraw", "SOL", "0.1"]] {
            let (code, printed) = town.run(&refused, "trader");
            for words in [
                "in simulation: PriceStale",
                "The price of cbBTC is 5 min old",
                "59.99 USD of cbBTC",
                "withdraw that first",
            ] {
                assert!(code == 4 && printed.contains(words), "{name}: {code}: {words}: {printed}");
            }
        }
        let (_, printed) = town.run(&["account", "borrow", "USDC", "all"], "trader");
        assert!(printed.contains("the account can borrow no USDC now: PriceStale"), "{printed}");
        // As it is told.
        let (code, printed) = town.node.raw(&quoted(&printed), &[]);
        assert!(code == 0 && printed.contains("done: withdraw all cbBTC"), "{printed}");
        town.ok(&["account", "borrow", "USDC", "10"], "trader");
    }
}

#[test]
fn a_debt_or_a_deposit_without_a_price_is_named() {
    let town = Town::with_a_debt("debt-stale");
    town.give("lender", BTC, 100_000_000);
    town.ok(&["account", "deposit", "cbBTC", "1"], "lender");
    town.advance(1, [1.0, 150.0, 60_000.0]);
    town.ok(&["account", "borrow", "cbBTC", "0.001"], "trader");
    without_btc(&town, DEATHS[0].1);
    let (code, printed) = town.run(&["account", "borrow", "USDC", "10"], "trader");
    let words = "The price of cbBTC is 5 min old (The price account holds nothing: the feed is not published there any \
                 more), and the account owes cbBTC: repay it, or wait for its price";
    assert!(code == 4 && printed.contains(words), "{printed}");
    // Prices of two moments: the feed publishes again, but late.
    let update = town.update(2, 60_000.0);
    let late = ballast_client::engine::price::feed::PriceUpdate { publish_time: update.publish_time - 20, ..update };
    town.write(price_account(2), price_of(late));
    let (code, printed) = town.run(&["account", "borrow", "USDC", "10"], "trader");
    let words = "The price of cbBTC is 20 s older than the newest of the account's, where 10 s are allowed";
    assert!(code == 4 && printed.contains("PricesSkewed") && printed.contains(words), "{printed}");

    // Added collateral needs a price too.
    let town = Town::with_a_debt("deposit-stale");
    town.give("trader", BTC, 100_000_000);
    without_btc(&town, DEATHS[0].1);
    let (code, printed) = town.run(&["account", "deposit", "cbBTC", "0.001"], "trader");
    assert!(
        code == 4
            && printed.contains("cbBTC never had a price")
            && printed.contains(": wait for its price, or deposit"),
        "{printed}"
    );
}

#[test]
fn all_is_planned_on_the_prices_that_the_transaction_brings() {
    // An hour later what the market holds is too old to plan anything by.
    let town = Town::with_a_debt("all-later");
    town.advance(3_600, [1.0, 150.0, 60_000.0]);
    let most = |town: &Town| {
        let shown = town.json(&["account", "show"], "trader");
        shown["positions"][1]["mostToTake"].as_str().expect("text").parse::<u64>().expect("a number")
    };
    assert!(most(&town) > 500_000_000, "what a borrow would give, not what the prices of an hour ago do");
    town.ok(&["account", "borrow", "USDC", "all"], "trader");
    let borrowed = town.tokens("trader", USDC).expect("some");
    // 10 × 150 × 75 % ÷ 105 %, less a thousandth of what was left.
    assert!((1_070_000_000..1_071_500_000).contains(&borrowed), "{borrowed}");

    // Just fallen: the market holds a price by which more could be borrowed.
    let town = Town::with_a_debt("all-fallen");
    town.advance(5, [1.0, 147.0, 60_000.0]);
    town.ok(&["account", "borrow", "USDC", "all"], "trader");
    let borrowed = town.tokens("trader", USDC).expect("some");
    assert!((1_048_500_000..1_050_000_000).contains(&borrowed), "{borrowed}: 10 × 147 × 75 % ÷ 105 %");

    // By the price of an hour ago nothing could be withdrawn of what backs debts, and by that before the fall too much.
    let town = Town::with_a_debt("all-withdrawn");
    town.advance(5, [1.0, 147.0, 60_000.0]);
    let (code, printed) = town.run(&["account", "withdraw", "SOL", "all"], "trader");
    assert!(code == 1 && printed.contains(" of 10 SOL is the most to withdraw now: InitialHealthTooLow"), "{printed}");
    let (code, printed) = town.node.raw(&quoted(&printed), &[]);
    // 10 − 500 × 105 % ÷ (147 × 75 %)
    assert!(code == 0 && printed.contains("done: withdraw 5.2"), "{printed}");
}

#[test]
fn a_liquidation_is_planned_on_the_prices_that_it_brings() {
    let town = Town::with_a_debt("liquidate-fresh");
    let account = town.node.market().margin_account(&keypair("trader").pubkey(), 0).to_string();
    for dollars in [130.0, 110.0, 90.0, 75.0] {
        town.advance(600, [1.0, dollars, 60_000.0]);
        town.ok(&["prices", "refresh"], "stranger");
    }
    // By the price that the market holds nobody is liquidatable, by the newest it is.
    town.advance(60, [1.0, 62.0, 60_000.0]);
    assert_eq!(town.json(&["account", "health", &account], "stranger")["liquidatable"], false);
    let printed = town.ok(&["liquidate", &account], "lender");
    assert!(printed.contains("SOL (penalty "), "{printed}");

    // And the other way round, where a liquidation would only be refused.
    town.advance(60, [1.0, 50.0, 60_000.0]);
    town.ok(&["prices", "refresh"], "stranger");
    assert_eq!(town.json(&["account", "health", &account], "stranger")["liquidatable"], true);
    town.advance(5, [1.0, 140.0, 60_000.0]);
    town.refused(1, &["liquidate", &account], "lender", "cannot be liquidated: The account is not liquidatable");

    // Without a price of this moment it says which is missing.
    town.node.advance(300);
    town.write(price_account(0), price_of(town.update(0, 1.0)));
    town.refused(
        1,
        &["liquidate", &account],
        "lender",
        "The price of SOL is 5 min old (its feed has published no newer one)",
    );
}

#[test]
fn a_liquidation_that_must_wait_is_told_what_there_is_room_for() {
    let town = Town::with_a_debt("liquidate-throttled");
    for dollars in [130.0, 110.0, 90.0, 75.0] {
        town.advance(600, [1.0, dollars, 60_000.0]);
        town.ok(&["prices", "refresh"], "stranger");
    }
    town.advance(60, [1.0, 62.0, 60_000.0]);
    // Others took all of the hour's 1,800 USD a second ago: what drained since is less than is worth taking.
    let mut view = town.node.market();
    view.market.config.liquidation_hour = 1_800;
    view.market.liquidated = RateLimit { used: UsdE8::dollars(1_800), updated: town.now() - 1 };
    let market = town.node.lock().svm.get_account(&view.address).expect("a market");
    let mut data = market.data.clone();
    data[8..8 + size_of::<Market>()].copy_from_slice(bytemuck::bytes_of(&view.market));
    town.write(view.address, Account { data, ..market });
    let reason = "The hourly limit of liquidations is reached: wait; accounts near insolvency are exempt. \
                  0.50 USD of SOL may be seized now";
    town.refused(1, &["liquidate", &town.account()], "lender", reason);
}

#[test]
fn a_native_debt_is_liquidated_with_lamports() {
    let town = Town::new("liquidate-native");
    town.ok(&["account", "deposit", "SOL", "50"], "lender");
    town.advance(1, [1.0, 150.0, 60_000.0]);
    town.give("trader", USDC, 2_000_000_000);
    town.ok(&["account", "open"], "trader");
    town.ok(&["account", "deposit", "USDC", "2000"], "trader");
    town.ok(&["account", "borrow", "SOL", "9"], "trader");
    let account = town.node.market().margin_account(&keypair("trader").pubkey(), 0).to_string();
    town.refused(1, &["liquidate", &account], "stranger", "cannot be liquidated: The account is not liquidatable");
    for dollars in [158.0, 166.0, 174.0, 182.0] {
        town.advance(600, [1.0, dollars, 60_000.0]);
        town.ok(&["prices", "refresh"], "stranger");
    }
    town.advance(60, [1.0, 191.0, 60_000.0]);
    let before = town.lamports("stranger");
    let printed = town.ok(&["liquidate", &account, "--debt", "SOL"], "stranger");
    assert!(printed.contains("SOL for ") && printed.contains(" USDC (penalty "), "{printed}");
    assert!(town.tokens("stranger", USDC).expect("the collateral") > 0);
    let after = town.lamports("stranger");
    assert!(before - after > 100_000_000, "{before} {after}");
    assert!(town.tokens("stranger", SOL).is_none(), "what was not paid is unwrapped");

    // Who has little repays what they have, and keeps what fees and rents take.
    town.advance(600, [1.0, 205.0, 60_000.0]);
    let poor = keypair("poor").pubkey();
    town.node.lock().svm.airdrop(&poor, 100_000_000).expect("lamports");
    town.ok(&["liquidate", &account, "--debt", "SOL"], "poor");
    let left = town.lamports("poor");
    assert!((10_000_000..20_100_000).contains(&left), "{left}");
    town.refused(1, &["liquidate", &account, "--debt", "SOL"], "poor", "has no SOL to repay with");
}

#[test]
fn who_has_none_of_the_debts_token_is_told_so() {
    let town = Town::with_a_debt("liquidate-without");
    let account = town.node.market().margin_account(&keypair("trader").pubkey(), 0).to_string();
    for dollars in [130.0, 110.0, 90.0, 75.0, 62.0] {
        town.advance(600, [1.0, dollars, 60_000.0]);
        town.ok(&["prices", "refresh"], "stranger");
    }
    let words = format!("{} has no USDC to repay with", keypair("stranger").pubkey());
    town.refused(1, &["liquidate", &account], "stranger", &words);
    // More than there is, is as much as there is.
    town.give("stranger", USDC, 5_000_000);
    town.ok(&["liquidate", &account, "--max-repay", "500"], "stranger");
    assert!(town.tokens("stranger", USDC).expect("some") < 1_000_000);
}

#[test]
fn a_refresh_says_what_it_leaves_as_it_is() {
    for (name, kill) in DEATHS {
        let town = Town::new(&format!("refresh-{}", name.replace([' ', '\''], "-")));
        without_btc(&town, kill);
        let printed = town.ok(&["prices", "refresh"], "stranger");
        assert!(name == "silent" || printed.contains("; cbBTC is left as it is: Price"), "{name}: {printed}");
        assert_eq!(town.node.market().reserves[1].price.publish_time, town.now(), "{name}");
        if name != "silent" {
            town.refused(1, &["prices", "refresh", "cbBTC"], "stranger", "no price can be taken over: cbBTC is left");
        }
    }
}

/// A market of 40 more reserves, each with a price account and every second with another.
fn large(name: &str) -> (Town, Vec<String>) {
    let town = Town::new(name);
    let text = std::fs::read_to_string(&town.file).expect("a file");
    let (_, btc) = text.rsplit_once("[[reserves]]").expect("cbBTC is the last");
    let (mut more, mut names) = (String::new(), Vec::new());
    for nth in 0..16u8 {
        let mint = Address::new_from_array([50 + nth; 32]);
        let mut data = vec![0; 82];
        (data[44], data[45]) = (8, 1);
        town.write(mint, Account { lamports: 1 << 40, data, owner: TOKEN_PROGRAM, ..Account::default() });
        let (feed, account) = (format!("{:02x}", 150 + nth).repeat(32), Address::new_from_array([150 + nth; 32]));
        let base = Address::new_from_array([200 + nth; 32]);
        let oracle = format!(
            "feed_id = \"{feed}\"\nfeed_account = \"{account}\"\nbase_feed_id = \"{}\"\n\
             base_feed_account = \"{base}\"\n",
            format!("{:02x}", 200 + nth).repeat(32)
        );
        let (before, rest) = btc.split_once("[reserves.oracle]\n").expect("an oracle");
        let (_, rest) = rest.split_once("\n\n").expect("its end");
        let before = before.replace("cbBTC", &format!("T{nth}")).replace(&BTC.to_string(), &mint.to_string());
        more += &format!("[[reserves]]{before}[reserves.oracle]\n{oracle}\n{rest}");
        names.push(format!("T{nth}"));
    }
    let file = town.node.folder.join("large.toml");
    std::fs::write(&file, text.replace("\nid = 0\n", "\nid = 1\n") + &more).expect("written");
    let town = Town { file: file.to_str().expect("UTF-8").into(), ..town };
    town.ok(&["market", "create", &town.file], "creator");
    (town, names)
}

/// Publishes what the reserves of [`large`] cost: 1.5 times 100 USD.
fn publish_large(town: &Town) {
    town.publish([1.0, 150.0, 60_000.0]);
    for nth in 0..16u8 {
        for (byte, dollars) in [(150 + nth, 1.5), (200 + nth, 100.0)] {
            let update = town.update(0, dollars);
            let update = ballast_client::engine::price::feed::PriceUpdate { feed_id: [byte; 32], ..update };
            town.write(Address::new_from_array([byte; 32]), price_of(update));
        }
    }
}

#[test]
fn what_does_not_fit_into_one_transaction_is_split_by_its_bytes() {
    let (town, names) = large("large");
    publish_large(&town);
    let sent = town.node.sent();
    let printed = town.ok(&["prices", "refresh"], "stranger");
    // 3 + 16 × 2 accounts.
    assert_eq!((town.node.sent() - sent, printed.lines().count()), (2, 2), "{printed}");
    let market = |town: &Town| town.node.market_of(1);
    assert!(market(&town).reserves.iter().all(|reserve| reserve.price.publish_time == town.now()));

    town.give("lender", USDC, 60_000_000_000);
    town.ok(&["account", "open"], "lender");
    town.ok(&["account", "deposit", "USDC", "50_000"], "lender");
    town.ok(&["account", "open"], "trader");
    for (nth, name) in names.iter().take(15).enumerate() {
        town.give("trader", Address::new_from_array([50 + nth as u8; 32]), 100_000_000);
        town.ok(&["account", "deposit", name, "1"], "trader");
    }
    // None of these prices is good any more: all of them are brought, by two transactions.
    town.node.advance(600);
    publish_large(&town);
    let sent = town.node.sent();
    let printed = town.ok(&["account", "borrow", "USDC", "500"], "trader");
    assert_eq!(town.node.sent() - sent, 2, "{printed}");
    assert!(printed.contains("done: refresh T0, ") && printed.contains("done: borrow 500 USDC"), "{printed}");
    let refreshed = market(&town).reserves.iter().filter(|reserve| reserve.price.publish_time == town.now()).count();
    assert_eq!(refreshed, 16, "those of the account and of the debt, and no others");
    town.node.advance(600);
    publish_large(&town);
    town.ok(&["account", "withdraw", "T3", "all"], "trader");

    let sizes: BTreeSet<_> = town.node.lock().sizes.iter().copied().collect();
    assert!(sizes.iter().all(|size| *size <= 1_232), "{sizes:?}");
    assert!(sizes.last().is_some_and(|most| *most > 1_150), "as many as fit: {sizes:?}");
}

#[test]
fn a_closed_reserve_is_left_out() {
    let town = Town::new("closed-reserve");
    let text = std::fs::read_to_string(&town.file).expect("a file");
    let reduced = text.replace("name = \"cbBTC\"\n", "name = \"cbBTC\"\nreduce_only = true\n");
    let collector = keypair("collector").pubkey();
    town.node.lock().svm.airdrop(&collector, 1 << 30).expect("lamports");
    let reduced = reduced.replace("FeeCoLLector11111111111111111111111111111111", &collector.to_string());
    std::fs::write(&town.file, reduced).expect("written");
    for _ in 0..2 {
        // Roles wait twice the delay.
        town.ok_or_left(&["market", "apply", &town.file], "creator");
        town.node.advance(345_600);
    }
    town.give("collector", BTC, 0);
    let destination = spl_associated_token_account_interface::address::get_associated_token_address(&collector, &BTC);
    town.ok(&["market", "close", &town.file, "cbBTC", &destination.to_string()], "collector");
    town.write(price_account(2), Account::default());
    town.node.advance(60);
    for (index, dollars) in [(0, 1.0), (1, 150.0)] {
        town.write(price_account(index), price_of(town.update(index, dollars)));
    }
    let printed = town.ok(&["prices", "refresh"], "stranger");
    assert!(printed.contains("done: refresh USDC, SOL (") && !printed.contains("cbBTC"), "{printed}");
    town.refused(1, &["prices", "refresh", "2"], "stranger", "#2 is closed: it has no price any more");
}

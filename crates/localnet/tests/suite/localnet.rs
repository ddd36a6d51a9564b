//! The network, as its users meet it.

use std::net::{Ipv4Addr, TcpListener};

use crate::support::{self, *};
use anyhow::{Context, Result};
use ballast_client::{
    Address, PYTH_RECEIVERS, decode_margin_account,
    engine::{health::Requirement, ledger::EVERYTHING},
};
use ballast_localnet::{Localnet, Options, history::Source, keys, market, perps, vault};
use ballast_market_file::{State, plan};
use ballast_rpc::{Cluster, now};
use serde_json::json;

/// Indices in the built-in market.
const SOL: usize = 0;
const USDC: usize = 3;

fn start() -> Result<Localnet> {
    Localnet::start(&Options::on_free_ports())
}

#[test]
fn the_market_is_what_its_file_says() -> Result<()> {
    let mut network = start()?;
    let (desired, reserves) = market::read(None)?;
    assert_eq!(network.market(), desired.address());
    let left = plan(&desired, State::read(&mut rpc(&network)?, &desired)?, None)?.steps;
    assert_eq!(left, [], "nothing is left to do");

    let view = support::market(&mut rpc(&network)?, &network)?;
    let records = reserves.len() + desired.pools.len() + desired.perps.len();
    assert_eq!((view.market.config.launched, view.reserves.len()), (1, records));
    for (index, (reserve, listed)) in view.reserves.iter().zip(&reserves).enumerate() {
        assert_eq!(Address::new_from_array(reserve.mint.0), listed.mint);
        assert!(reserve.price.price > 0, "{}", listed.symbol);
        let entry = &network.manifest().reserves[index];
        assert_eq!((&entry.symbol, entry.index, &entry.mint), (&listed.symbol, index, &listed.mint.to_string()));
    }

    // A perp with a pool that somebody owns, and a long and a short against it.
    let perp = network.manifest().perps[0].clone();
    assert_eq!((perp.name.as_str(), perp.pool.as_str()), ("SOL-PERP", "USDC-POOL"));
    assert!(network.manifest().to_string().contains("6 SOL-PERP, against USDC-POOL (5)"));
    let time = now(&mut rpc(&network)?)?;
    let shown = view.preview(time, |ledger| ledger.perp_report(perp.index))?;
    let dollars = perps::TRADERS.map(|(_, dollars)| dollars.unsigned_abs() * 1_000_000);
    for (shown, dollars) in [shown.greeks.longs, shown.greeks.shorts].into_iter().zip(dollars) {
        assert!(shown.abs_diff(dollars) < dollars / 100, "{shown} {dollars}");
    }
    let pool = view.pool_report(perp.pool_index, time)?;
    assert!(pool.low > 9_900_000_000 && pool.buffer > 0, "{pool:?}");
    network.stop()
}

#[test]
fn the_files_addresses_are_those_of_the_named_keys() -> Result<()> {
    let (desired, reserves) = market::read(None)?;
    let roles = &desired.config.roles;
    for (name, role) in
        [("guardian", roles.guardian), ("council", roles.risk_council), ("collector", roles.fee_collector)]
    {
        assert_eq!(keys::address(name).to_bytes(), role.0, "{name}");
    }
    let lender = vault::read()?;
    assert_eq!([lender.creator, lender.curator], [keys::address("curator"); 2]);
    assert_eq!(lender.token.mint, keys::mint("USDC"));
    let roles = &lender.config.roles;
    for (name, role) in [("sentinel", roles.sentinel), ("collector", roles.fee_collector)] {
        assert_eq!(keys::address(name).to_bytes(), role.0, "{name}");
    }
    for reserve in &reserves {
        assert_eq!(reserve.mint, keys::mint(&reserve.symbol), "{}", reserve.symbol);
        assert_eq!(reserve.price_account, keys::price_account(&reserve.symbol), "{}", reserve.symbol);
    }
    Ok(())
}

#[test]
fn subscribers_hear_of_every_price_in_its_slot() -> Result<()> {
    let network = start()?;
    let feed = network.feed();
    let sol = network.reserves()[SOL].price_account;
    tokio::runtime::Runtime::new()?.block_on(async {
        let url = &network.manifest().ws_url;
        let (mut account, mut program) = (Subscriber::connect(url).await?, Subscriber::connect(url).await?);
        account.subscribe("accountSubscribe", &sol).await?;
        program.subscribe("programSubscribe", &PYTH_RECEIVERS[0]).await?;
        let feed_id = network.reserves()[SOL].feed_id;
        let mut last = 0;
        for dollars in [123.0, 45.0] {
            feed.set_prices(vec![(SOL, Some(dollars))])?;
            let published = feed.published();
            for subscriber in [&mut account, &mut program] {
                loop {
                    let (slot, update) = subscriber.next_price().await?;
                    if update.feed_id == feed_id && update.price == (dollars * 1e8) as i64 {
                        assert!(update.publish_time >= published.chain_time && slot >= published.slot && slot > last);
                        break;
                    }
                }
            }
            last = published.slot;
            support::until("a block", || feed.published().slot > last)?;
        }
        Ok(())
    })
}

#[test]
fn a_user_deposits_borrows_and_repays() -> Result<()> {
    let network = start()?;
    let rpc = &mut rpc(&network)?;
    let [sol, usdc] = [SOL, USDC].map(|index| network.reserves()[index].mint);
    let mut wallet = |name: &str, mint: &Address| balance(rpc, &keys::address(name), mint);
    let before = [wallet("trader", &sol)?, wallet("trader", &usdc)?];
    let view = support::market(rpc, &network)?;
    let account = |name: &str, mint: &Address| ballast_localnet::tokens::associated(&keys::address(name), mint);

    for (name, mint, reserve, amount) in
        [("lender", usdc, USDC, 1_000_000_000_000), ("trader", sol, SOL, 100_000_000_000)]
    {
        let (key, owner) = (keys::keypair(name), keys::address(name));
        let margin = view.margin_account(&owner, 0);
        rpc.send(&[view.open_account(owner, owner, 0)], &[&key])?;
        rpc.send(&[view.deposit(owner, margin, account(name, &mint), reserve as u8, amount)?], &[&key])?;
    }
    let (key, owner) = (keys::keypair("trader"), keys::address("trader"));
    let margin = view.margin_account(&owner, 0);
    let to = account("trader", &usdc);
    rpc.send(&[view.refresh_prices(&view.pinned_prices())?], &[&key])?;
    rpc.send(&[view.borrow(owner, margin, to, USDC as u8, 1_000_000_000)?], &[&key])?;
    assert_eq!(balance(rpc, &owner, &sol)?, before[0] - 100_000_000_000);
    assert_eq!(balance(rpc, &owner, &usdc)?, before[1] + 1_000_000_000);
    // A hundred thousand times as much is refused, in the program's words.
    let refused =
        rpc.send(&[view.borrow(owner, margin, to, USDC as u8, 900_000_000_000)?], &[&key]).expect_err("too much");
    assert!(refused.to_string().contains("InitialHealthTooLow"), "{refused}");

    rpc.send(&[view.repay(owner, margin, to, USDC as u8, EVERYTHING)?], &[&key])?;
    let data = rpc.accounts(&[margin])?.pop().flatten().context("no margin account")?.data;
    let debts =
        support::market(rpc, &network)?.health(&decode_margin_account(&data)?, now(rpc)?, Requirement::Maintenance)?;
    assert_eq!(debts.debt.0, 0);
    assert!(balance(rpc, &owner, &usdc)? <= before[1]);
    Ok(())
}

#[test]
fn the_router_gives_what_it_quotes() -> Result<()> {
    let network = start()?;
    let rpc = &mut rpc(&network)?;
    let feed = network.feed();
    feed.set_prices(vec![(SOL, Some(200.0)), (USDC, Some(1.0))])?;
    let [sol, usdc] = [SOL, USDC].map(|index| network.reserves()[index].mint);
    let (key, user) = (keys::keypair("liquidator"), keys::address("liquidator"));
    let url = format!("{}/swap/v1", network.manifest().router_url);
    let ask = format!("{url}/quote?inputMint={sol}&outputMint={usdc}&amount=10000000000&slippageBps=100");

    let (status, quote) = get(&ask)?;
    assert_eq!(status, 200, "{quote}");
    let amount = |name: &str| quote[name].as_str().and_then(|text| text.parse::<u64>().ok()).context(name.to_owned());
    let (out, least) = (amount("outAmount")?, amount("otherAmountThreshold")?);
    // 2,000 USD less a fifth of a percent, and a little impact.
    assert!((1_995_900_000..1_996_000_000).contains(&out) && least == out * 99 / 100, "{quote}");
    assert_eq!((amount("inAmount")?, &quote["swapMode"]), (10_000_000_000, &json!("ExactIn")));
    assert_eq!(quote["routePlan"][0]["swapInfo"]["outAmount"], quote["outAmount"]);

    let before = [balance(rpc, &user, &sol)?, balance(rpc, &user, &usdc)?];
    let body = json!({ "quoteResponse": quote, "userPublicKey": user.to_string(), "wrapAndUnwrapSol": false });
    let (status, answer) = post(&format!("{url}/swap-instructions"), &body)?;
    assert_eq!(status, 200, "{answer}");
    for setup in answer["setupInstructions"].as_array().context("no setup")? {
        rpc.send(&[instruction(setup)?], &[&key])?;
    }
    rpc.send(&[instruction(&answer["swapInstruction"])?], &[&key])?;
    assert_eq!(balance(rpc, &user, &sol)?, before[0] - 10_000_000_000);
    assert_eq!(balance(rpc, &user, &usdc)?, before[1] + out);

    // A price that has fallen by more than the slippage is noticed.
    feed.set_prices(vec![(SOL, Some(190.0))])?;
    let (status, refused) = post(&format!("{url}/swap-instructions"), &body)?;
    assert_eq!((status, &refused["errorCode"]), (400, &json!("SLIPPAGE_TOLERANCE_EXCEEDED")));
    Ok(())
}

#[test]
fn the_router_refuses_with_words() -> Result<()> {
    let network = start()?;
    let url = &network.manifest().router_url;
    let [sol, usdc] = [SOL, USDC].map(|index| network.reserves()[index].mint);
    let refused = [
        (format!("inputMint={sol}&outputMint={}&amount=5", network.market()), "TOKEN_NOT_TRADABLE"),
        (format!("inputMint={sol}&outputMint={usdc}&amount=0"), "COULD_NOT_FIND_ANY_ROUTE"),
        (format!("inputMint={sol}&outputMint={sol}&amount=5"), "COULD_NOT_FIND_ANY_ROUTE"),
        (format!("inputMint={sol}&outputMint={usdc}&amount=-1"), "INVALID_REQUEST"),
        (format!("inputMint={sol}&outputMint={usdc}&amount=1000000000&slippageBps=10001"), "INVALID_REQUEST"),
        (format!("inputMint={sol}&outputMint={usdc}&amount=5&swapMode=ExactOut"), "INVALID_REQUEST"),
        (format!("inputMint=sol&outputMint={usdc}&amount=5"), "INVALID_REQUEST"),
    ];
    for (query, code) in refused {
        let (status, answer) = get(&format!("{url}/quote?{query}"))?;
        assert_eq!((status, &answer["errorCode"]), (400, &json!(code)), "{query}: {answer}");
        assert!(answer["error"].as_str().is_some_and(|error| !error.is_empty()));
    }
    // Native SOL would have to be wrapped.
    let (_, quote) = get(&format!("{url}/quote?inputMint={sol}&outputMint={usdc}&amount=1000000000"))?;
    let body = json!({ "quoteResponse": quote, "userPublicKey": keys::address("trader").to_string() });
    let (status, answer) = post(&format!("{url}/swap-instructions"), &body)?;
    assert!(
        status == 400 && answer["error"].as_str().is_some_and(|error| error.contains("wrapAndUnwrapSol")),
        "{answer}"
    );
    Ok(())
}

#[test]
fn history_and_the_clock_go_at_the_speed_that_is_asked_for() -> Result<()> {
    let network = start()?;
    let rpc = &mut rpc(&network)?;
    let url = format!("{}/localnet", network.manifest().router_url);
    let seconds = |state: &serde_json::Value, name: &str| state[name].as_i64().unwrap_or_default();
    let (_, first) = get(&url)?;
    assert_eq!(first["speed"], 0);

    let (status, fast) = post(&format!("{url}/speed"), &json!({ "speed": 100 }))?;
    assert_eq!((status, &fast["speed"]), (200, &json!(100)));
    until("a minute", || {
        get(&url).is_ok_and(|(_, state)| seconds(&state, "history_time") >= seconds(&first, "history_time") + 60)
    })?;
    let (_, paused) = post(&format!("{url}/speed"), &json!({ "speed": 0 }))?;
    let [history, chain] = ["history_time", "chain_time"].map(|name| seconds(&paused, name) - seconds(&first, name));
    assert!((history - chain).abs() <= 5, "{history} s of history, {chain} s on the chain");
    assert_ne!(paused["prices"], first["prices"]);

    // A blockhash outlives any step of the clock.
    let (_, stepped) = post(&format!("{url}/step"), &json!({ "seconds": 86_400 }))?;
    assert_eq!(seconds(&stepped, "history_time") - seconds(&paused, "history_time"), 86_400);
    assert!((86_400..86_420).contains(&(seconds(&stepped, "chain_time") - seconds(&paused, "chain_time"))));
    assert!(now(rpc)? >= seconds(&stepped, "chain_time"));
    let view = support::market(rpc, &network)?;
    rpc.send(&[view.refresh_prices(&view.pinned_prices())?], &[&keys::keypair("keeper")])?;
    let price = &support::market(rpc, &network)?.reserves[SOL].price;
    assert!(price.publish_time >= seconds(&stepped, "chain_time"));

    for (path, body) in [
        ("speed", json!({ "speed": 151 })),
        ("step", json!({ "seconds": 0 })),
        ("prices", json!({ "SOL": -1.0 })),
        ("prices", json!({ "BTC": 5.0, "DOGE": 1.0 })),
    ] {
        let (status, answer) = post(&format!("{url}/{path}"), &body)?;
        assert!(status == 400 && answer["error"].is_string(), "{path} {body}: {answer}");
    }
    assert_eq!(get(&url)?.1["prices"], stepped["prices"], "a refused order changes nothing");
    Ok(())
}

#[test]
fn prices_come_back_to_history() -> Result<()> {
    let network = start()?;
    let feed = network.feed();
    let history = feed.published().prices;
    feed.set_prices(vec![(SOL, Some(1.5)), (USDC, Some(0.5))])?;
    assert_eq!((feed.published().prices[SOL], feed.published().prices[USDC]), (1.5, 0.5));
    feed.set_prices(vec![(SOL, None), (USDC, None)])?;
    assert_eq!(feed.published().prices, history);
    Ok(())
}

#[test]
fn accounts_come_with_debts_and_are_the_same_for_a_seed() -> Result<()> {
    let options = Options { accounts: 30, ..Options::on_free_ports() };
    let (network, again) = (Localnet::start(&options)?, Localnet::start(&options)?);
    let counts = network.counts();
    assert_eq!((counts.borrowers + counts.without_debt, counts), (30, again.counts()));
    assert!(counts.borrowers >= 25 && counts.lenders >= 5, "{counts:?}");
    let mut debts = Vec::new();
    for network in [&network, &again] {
        let rpc = &mut rpc(network)?;
        let view = support::market(rpc, network)?;
        let accounts: Vec<_> =
            (0..30).map(|index| view.margin_account(&keys::address(&format!("trader {index}")), 0)).collect();
        let time = now(rpc)?;
        let mut owed = Vec::new();
        for account in rpc.accounts(&accounts)? {
            let account = decode_margin_account(&account.context("an account is missing")?.data)?;
            assert!(view.health(&account, time, Requirement::Maintenance)?.is_healthy());
            owed.push(view.health(&account, time, Requirement::Maintenance)?.debt.to_f64());
        }
        debts.push(owed);
    }
    let differ = |(a, b): (&f64, &f64)| (a - b).abs() > 0.01 * a.max(1.0);
    assert!(!debts[0].iter().zip(&debts[1]).any(differ), "{debts:?}");
    Ok(())
}

#[test]
fn two_networks_do_not_meet_and_stopping_frees_the_ports() -> Result<()> {
    let (mut one, other) = (start()?, start()?);
    one.feed().set_prices(vec![(SOL, Some(11.0))])?;
    assert_ne!(other.feed().published().prices[SOL], 11.0);
    let manifest = one.manifest().clone();
    one.stop()?;
    for url in [&manifest.rpc_url, &manifest.ws_url, &manifest.router_url] {
        let port: u16 = url.rsplit(':').next().context("a port")?.parse()?;
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).with_context(|| format!("{url} is still taken"))?;
    }
    one.stop()?;
    assert!(support::market(&mut rpc(&other)?, &other).is_ok());
    Ok(())
}

#[test]
fn what_is_wrong_is_said_before_anything_starts() -> Result<()> {
    let free = Options::on_free_ports;
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = taken.local_addr()?.port();
    let folder = std::env::temp_dir().join(format!("ballast-localnet-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let broken = folder.join("market.toml");
    let repository = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");
    let file = market::FILE.replace(&keys::address("authority").to_string(), &keys::address("trader").to_string());
    std::fs::write(&broken, file.replace("../../", repository))?;
    let own = |text: &str| -> Result<_> { Ok(vec![text.parse()?]) };
    let source = free().source;
    let wrong = [
        (Options { program: "no/such.so".into(), ..free() }, "cannot read no/such.so: scripts/build makes it"),
        (Options { swap_program: "no/such.so".into(), ..free() }, "scripts/build --test-program makes it"),
        (Options { market: Some("no/such.toml".into()), ..free() }, "cannot read no/such.toml"),
        (
            Options { web: Some("no/such".into()), ..free() },
            "cannot read no/such/index.html: scripts/build --web makes",
        ),
        // A folder without a page.
        (Options { web: Some(folder.clone()), ..free() }, "index.html: scripts/build --web makes the page"),
        (Options { market: Some(broken), ..free() }, "is not the development key"),
        (Options { rpc_port: port, ..free() }, "choose another with --rpc-port"),
        (Options { ws_port: port, ..free() }, "choose another with --ws-port"),
        (Options { router_port: port, ..free() }, "choose another with --router-port"),
        (Options { slot_ms: 5, ..free() }, "a slot of 5 ms is not from 20 ms to 10 s"),
        (Options { source: Source { folder: "no/such".into(), ..source.clone() }, ..free() }, "cannot open no/such/"),
        (Options { source: Source { own: own("SOL=no/such.csv")?, ..source }, ..free() }, "cannot open no/such.csv"),
    ];
    for (options, words) in wrong {
        let error = Localnet::start(&options).err().map(|error| format!("{error:#}")).unwrap_or_default();
        assert!(error.contains(words), "{words}: {error}");
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

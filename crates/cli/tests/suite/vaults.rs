//! `ballast vault` against a node that answers as JSON-RPC from a virtual machine. Needs the program: scripts/build.

use crate::common::{node::keypair, town::USDC, village::Village};
use ballast_client::{change_address, engine::state::vault::MAX_REQUESTS};
use serde_json::Value;
use solana_signer::Signer;

/// The keys of an object, in order.
fn keys(object: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = object.as_object().expect("an object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn a_vault_from_nothing_by_its_file() {
    let village = Village::bare("vault-create", &[]);
    let (code, printed) = village.run(&["create", "--dry-run"], "creator");
    assert!(code == 3 && printed.contains("create vault") && printed.contains("launch"), "{printed}");
    village.refused(1, &["show"], "lender", "there is no vault ");
    village.refused(3, &["create"], "stranger", "must sign the next step");
    let (code, printed) = village.run(&["create", "--multisig"], "creator");
    assert!(code == 2, "{printed}");
    let words = village.words(&["create", "--multisig"]);
    let (code, printed) = village.town.node.ballast(&words, None);
    let printed: Value = serde_json::from_str(&printed).expect("JSON");
    assert_eq!((code, printed["instructions"].as_array().map(Vec::len)), (3, Some(3)), "{printed}");
    assert!(
        printed["notes"][0].as_str().is_some_and(|note| note.contains("in one transaction, and open the proposal"))
    );

    let printed = village.ok(&["create"], "creator");
    assert!(printed.contains("open allocation 0") && printed.ends_with("nothing to do\n"), "{printed}");
    let vault = village.view().vault;
    assert_eq!((vault.config.launched, vault.allocations[0].is_open, vault.idle), (1, 1, 1_000));
    village.refused(1, &["create"], "creator", "is there already, as its file says");
    let text = std::fs::read_to_string(&village.file)
        .expect("a file")
        .replace("idle_buffer = \"5 %\"", "idle_buffer = \"6 %\"");
    std::fs::write(&village.file, text).expect("written");
    village.refused(1, &["create"], "creator", "differs from its file: idle_buffer is 5 %, and 6 % in the file");
}

#[test]
fn a_vault_whose_curator_is_another_is_handed_over_before_it_is_launched() {
    let trader = keypair("trader").pubkey().to_string();
    let curator = format!("curator = \"{}\"", keypair("creator").pubkey());
    let village = Village::bare("vault-heir", &[(&curator, &format!("curator = \"{trader}\""))]);
    let (code, printed) = village.run(&["create"], "creator");
    assert!(code == 3 && printed.contains(&format!("{trader} must sign the next step")), "{printed}");
    assert_eq!(village.view().vault.config.launched, 0);
    village.refused(1, &["deposit", "1_000"], "lender", "VaultNotLaunched");
    village.ok(&["create"], "trader");
    assert_eq!(
        (village.view().vault.curator.0, village.view().vault.config.launched),
        (keypair("trader").pubkey().to_bytes(), 1)
    );
    village.refused(1, &["accept"], "trader", "nobody is nominated");
    // Who is nominated later accepts by a command of its own.
    let stranger = format!("roles.nominee={}", keypair("stranger").pubkey());
    village.ok(&["change", "queue", &stranger], "trader");
    village.pass(16 * 86_400);
    village.ok(&["change", "execute", "0"], "lender");
    village.refused(3, &["accept"], "trader", "must sign the next step");
    village.ok(&["accept"], "stranger");
    assert_eq!(village.view().vault.curator.0, keypair("stranger").pubkey().to_bytes());
}

#[test]
fn files_that_make_no_vault_are_refused_before_anything_is_sent() {
    let village = Village::bare("vault-files", &[]);
    let market = village.town.node.market().address.to_string();
    let text = std::fs::read_to_string(&village.file).expect("a file");
    for (old, new, reason) in [
        (&*market, "Market1111111111111111111111111111111111111", "allocation 0: there is no market Market1"),
        (&market, &village.town.account(), "another kind of account"),
        ("decimals = 6", "decimals = 9", "has 6 decimals, not 9"),
        ("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", &market, "belongs to the program"),
        ("\"token\" ", "\"token-2022\" ", "belongs to the program"),
        ("share_cap = \"90 %\"", "share_cap = \"190 %\"", "but must be from 0 % to 100 %"),
    ] {
        assert!(text.contains(old), "{old}");
        std::fs::write(&village.file, text.replacen(old, new, 1)).expect("written");
        village.refused(1, &["create"], "creator", reason);
    }
    std::fs::write(&village.file, text).expect("written");
    village.town.give("creator", USDC, 999);
    village.refused(1, &["create"], "creator", "brings the vault's first 0.001 USDC, and has 0.000999");
    let address = ["vault", "create", &market];
    let (code, printed) = village.town.node.ballast(&address, Some("creator"));
    assert!(code == 1 && printed.contains("does not say what the vault should be"), "{printed}");
}

#[test]
fn a_vault_is_shown_with_all_its_figures() {
    let village = Village::with("vault-shown", &[]);
    village.lend();
    let shown = village.json(&["show"], "stranger");
    assert_eq!(
        keys(&shown),
        [
            "allocations",
            "changesQueued",
            "claims",
            "curator",
            "decimals",
            "feeCollector",
            "feeShares",
            "figures",
            "locked",
            "mint",
            "next",
            "nominee",
            "now",
            "parameters",
            "queue",
            "sentinel",
            "shareMint",
            "sharePrice",
            "state",
            "terms",
            "token",
            "vault"
        ]
    );
    let report = village.view().report(village.town.now());
    let figures = &shown["figures"];
    for (name, value) in [
        ("entry", report.entry),
        ("exit", report.exit),
        ("shares", report.shares.0),
        ("idle", report.idle),
        ("takeable", report.takeable),
        ("liquid", report.liquid),
        ("outflow", report.outflow),
        ("queued", report.queued),
    ] {
        assert_eq!(figures[name], value.to_string(), "{name}");
    }
    for (name, value) in [
        ("coverageBps", u64::from(report.coverage)),
        ("netStableFundingBps", report.net_stable_funding.into()),
        ("assetMaturitySeconds", report.asset_maturity),
        ("liabilityMaturitySeconds", report.liability_maturity),
        ("velocityBps", report.velocity.into()),
        ("capitalEfficiencyBps", report.capital_efficiency.into()),
    ] {
        assert_eq!(figures[name], value, "{name}");
    }
    assert_eq!(figures["durationGapSeconds"], report.duration_gap);
    assert_eq!((&shown["token"], &shown["state"]), (&"USDC".into(), &"open".into()));
    let allocation = &shown["allocations"][0];
    assert_eq!(
        keys(allocation),
        ["cap", "depositYield", "market", "pool", "reserve", "shareCapBps", "slot", "state", "takeable", "value"]
    );
    assert!(allocation["value"].as_str().is_some_and(|atoms| atoms.len() > 9), "{allocation}");
    assert_eq!(shown["parameters"]["allocations.0.share_cap"], "90 %");
    assert!(shown["parameters"].get("allocations.1.market").is_none(), "no market has that slot");
    let text = village.ok(&["show"], "stranger");
    for word in [
        "coverage",
        "net stable funding",
        "duration gap",
        "collateral velocity",
        "capital efficiency",
        "next move",
        "nobody waits",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let address = village.view().address.to_string();
    let (code, by_address) = village.town.node.ballast(&["vault", "show", &address, "--json"], None);
    let by_address: Value = serde_json::from_str(&by_address).expect("JSON");
    assert_eq!((code, &by_address["token"]), (0, &"USDC".into()), "everybody's name for it");

    let list = |words: &[&str]| {
        let (code, printed) = village.town.node.ballast(&[&["vault", "list", "--json"], words].concat(), None);
        assert_eq!(code, 0, "{printed}");
        serde_json::from_str::<Value>(&printed).expect("JSON")["vaults"].clone()
    };
    let all = list(&[]);
    assert_eq!((all.as_array().map(Vec::len), &all[0]["vault"]), (Some(1), &address.into()));
    assert_eq!(
        keys(&all[0]),
        ["allocations", "curator", "decimals", "figures", "mint", "sharePrice", "state", "token", "vault"]
    );
    assert_eq!(list(&["--token", "USDC", "--market", &village.town.file]), all);
    assert_eq!(list(&["--token", "SOL"]).as_array().map(Vec::len), Some(0));
    let other = keypair("lender").pubkey().to_string();
    assert_eq!(list(&["--market", &other]).as_array().map(Vec::len), Some(0));
}

#[test]
fn a_lender_goes_in_and_out_by_tokens_and_by_shares() {
    let village = Village::with(
        "vault-round",
        &[("max_exit_fee = \"2 %\"", "max_exit_fee = \"0 %\""), ("management_fee = \"50 bps\"", "management_fee = 0")],
    );
    let start = village.town.tokens("lender", USDC).expect("some");
    assert_eq!(village.shares("lender"), 10_000_000_000, "a share for an atom at first");
    let dry = village.ok(&["deposit", "100", "--dry-run"], "lender");
    assert!(dry.contains("deposit 100 USDC for 100 shares") && dry.contains("would land"), "{dry}");
    village.ok(&["deposit", "--shares", "50"], "lender");
    assert_eq!(
        (village.shares("lender"), village.town.tokens("lender", USDC)),
        (10_050_000_000, Some(start - 50_000_000))
    );
    let printed = village.ok(&["redeem", "25"], "lender");
    assert!(printed.contains("redeem 25 shares for 25 USDC"), "{printed}");
    let sent = village.json(&["withdraw", "25.5"], "lender");
    assert_eq!(keys(&sent["sent"]), ["signature", "words"]);
    assert_eq!((village.shares("lender"), village.town.tokens("lender", USDC)), (9_999_500_000, Some(start + 500_000)));

    // Once it is lent it comes from the market, in the same transaction.
    village.lend();
    assert!(village.view().vault.idle < 6_000_000_000);
    village.ok(&["withdraw", "7_000"], "lender");
    village.ok(&["redeem", "all"], "lender");
    assert_eq!(village.shares("lender"), 0);
    let end = village.town.tokens("lender", USDC).expect("some");
    assert!(end > start + 9_999_000_000, "{end}: all of it, and some interest");
}

#[test]
fn amounts_that_cannot_pass_are_refused_with_the_most_that_does() {
    let village =
        Village::with("vault-amounts", &[("deposit_cap = \"20_000_000 tokens\"", "deposit_cap = \"12_000 tokens\"")]);
    village.refused(2, &["deposit", "0"], "lender", "the amount is zero");
    village.refused(2, &["redeem", "0"], "lender", "the amount is zero");
    village.refused(1, &["withdraw", "0.0000001"], "lender", "finer than the token");
    village.refused(1, &["deposit", "3_000"], "lender", "VaultCapExceeded");
    village.refused(1, &["deposit", "3_000"], "lender", "1_999.999 USDC is the most now");
    village.refused(1, &["deposit", "--shares", "3_000"], "lender", "1_999.999 shares is the most now");
    village.refused(1, &["deposit", "9"], "lender", "BelowVaultMinimum");
    village.refused(1, &["deposit", "18446744073709551615atoms"], "lender", "AmountTooLarge");
    village.refused(1, &["deposit", "100", "--min-shares", "101"], "lender", "it buys 100 shares now");
    village.refused(1, &["deposit", "--shares", "100", "--max", "99"], "lender", "they cost 100 USDC now");
    village.refused(2, &["deposit"], "lender", "required");
    village.refused(1, &["deposit", "100"], "stranger", "has 0 USDC");
    village.refused(1, &["deposit", "all"], "stranger", "holds none of it");
    village.refused(1, &["redeem", "1"], "stranger", "has no shares of the vault");
    village.refused(1, &["redeem", "10_001"], "lender", "has 10_000 shares");
    village.refused(1, &["redeem", "1", "--min", "2"], "lender", "they bring 0.999999 USDC now");
    village.refused(1, &["withdraw", "1", "--max-shares", "0.5"], "lender", "it takes 1.000001 shares now");
    village.refused(1, &["withdraw", "10_001"], "lender", "is the most to withdraw now: VaultIlliquid");
    // A vault that is none.
    let market = village.town.node.market().address.to_string();
    for (vault, reason) in [
        (&*market, "another kind of account"),
        ("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", "is no account of the program"),
        ("nothing.toml", "neither an address nor a vault's file"),
        (&village.town.file, "vault is missing"),
    ] {
        let (code, printed) = village.town.node.ballast(&["vault", "deposit", "5", "--vault", vault], Some("lender"));
        assert!(code == 1 && printed.contains(reason), "{vault}: {printed}");
    }
    let (code, printed) = village.town.node.ballast(&["vault", "deposit", "5"], Some("lender"));
    assert!(code == 1 && printed.contains("which vault? Give --vault or set BALLAST_VAULT"), "{printed}");
}

/// A vault that has lent most, in a market that has little left.
fn dry(name: &str) -> Village {
    let village = Village::with(name, &[("coverage_target = \"120 %\"", "coverage_target = \"0 %\"")]);
    village.lend();
    village.town.ok(&["account", "borrow", "USDC", "4_500"], "trader");
    village.town.ok(&["account", "withdraw", "USDC", "4_700"], "lender");
    village
}

#[test]
fn what_liquidity_lacks_waits_in_the_queue_and_is_claimed() {
    let village = dry("vault-queue");
    village.refused(1, &["queue", "serve"], "stranger", "nobody waits");
    village.refused(1, &["claim"], "lender", "has asked this vault for nothing");
    village.refused(1, &["queue", "cancel"], "lender", "has asked this vault for nothing");
    assert_eq!(village.json(&["queue", "list"], "stranger")["queue"], Value::Array(Vec::new()));
    let (code, printed) = village.run(&["redeem", "all"], "lender");
    assert!(code == 1 && printed.contains("is the most to redeem now: VaultIlliquid"), "{printed}");
    assert!(printed.contains("To queue the rest: `ballast vault queue request "), "{printed}");
    // The command that is named works as it stands there.
    let most =
        printed.split("`ballast vault redeem ").nth(1).and_then(|rest| rest.split(' ').next()).expect("a command");
    let rest = printed.split("`ballast vault queue request ").nth(1).and_then(|rest| rest.split(' ').next());
    let note = village.ok(&["redeem", most], "lender");
    assert!(note.contains("note: leaving costs ") && note.contains("which stay with the vault"), "{note}");
    village.refused(1, &["queue", "request", "1atoms"], "lender", "BelowVaultMinimum");
    village.ok(&["queue", "request", rest.expect("a command")], "lender");
    assert_eq!(village.shares("lender"), 0);
    village.refused(1, &["queue", "request", "1"], "lender", "has no shares of the vault");
    let queue = village.json(&["queue", "list"], "stranger")["queue"].clone();
    assert_eq!(keys(&queue[0]), ["claim", "maxFeeBps", "min", "owner", "request", "shares", "since", "worth"]);
    assert!(village.ok(&["queue", "list"], "stranger").contains(&keypair("lender").pubkey().to_string()));
    village.refused(1, &["claim"], "lender", "it is first");

    village.town.ok(&["account", "repay", "USDC", "6_000"], "trader");
    village.pass(60);
    let served = village.ok(&["queue", "serve"], "stranger");
    assert!(served.contains("serve ") && served.contains(" USDC"), "{served}");
    let before = village.town.tokens("lender", USDC).expect("some");
    village.ok(&["claim"], "lender");
    assert!(village.town.tokens("lender", USDC).expect("some") > before + 1_000_000_000);
}

#[test]
fn a_full_queue_is_refused_in_words_and_advised_to_nobody() {
    let village = dry("vault-full");
    let names: Vec<_> = (0..MAX_REQUESTS).map(|number| format!("waits-{number}")).collect();
    // The lender hands shares on.
    let (share_mint, each) = (village.view().share_mint(), 100_000_000);
    village.town.give("lender", share_mint, village.shares("lender") - each * names.len() as u64);
    for name in &names {
        village.town.node.comes(name);
        village.town.give(name, share_mint, each);
        village.ok(&["queue", "request", "all"], name);
    }
    assert_eq!(village.json(&["queue", "list"], "stranger")["queue"].as_array().map(Vec::len), Some(MAX_REQUESTS));
    let refusal = "QueueFull: All places in the queue are taken: wait, or leave with what is liquid";
    village.refused(1, &["queue", "request", "100"], "lender", refusal);
    let (_, printed) = village.run(&["queue", "request", "100"], "lender");
    assert!(!printed.contains("at least now"), "its value is enough: {printed}");
    let (code, printed) = village.run(&["redeem", "all"], "lender");
    assert!(code == 1 && printed.contains("The queue is full: all 32 places are taken"), "{printed}");
    assert!(!printed.contains("queue request"), "{printed}");
    // Who leaves makes room.
    village.ok(&["queue", "cancel"], &names[20]);
    village.ok(&["queue", "request", "100"], "lender");
}

#[test]
fn a_request_is_taken_back_whole() {
    let village = Village::with("vault-cancel", &[]);
    village.ok(&["queue", "request", "4_000", "--min", "1"], "lender");
    village.refused(1, &["queue", "request", "1_000"], "lender", "has a request already: `vault queue cancel` ends it");
    assert_eq!(village.json(&["show"], "lender")["queue"][0]["min"], "1000000");
    village.ok(&["queue", "cancel"], "lender");
    assert_eq!(village.shares("lender"), 10_000_000_000);
    village.refused(1, &["queue", "cancel"], "lender", "has asked this vault for nothing");
}

#[test]
fn a_move_is_shown_and_made_once() {
    let village = Village::with("vault-move", &[]);
    village.refused(1, &["rebalance"], "stranger", "NothingToRebalance");
    village.pass(3_700);
    let dry = village.ok(&["rebalance", "--dry-run"], "stranger");
    assert!(dry.contains("lend ") && dry.contains(" USDC to allocation 0") && dry.contains("gains "), "{dry}");
    let next = village.json(&["show"], "stranger")["next"].clone();
    assert_eq!(keys(&next), ["amount", "from", "gain", "reward", "to"]);
    village.ok(&["rebalance"], "stranger");
    assert!(village.view().vault.allocations[0].shares.0 > 0);
    let (code, printed) = village.run(&["rebalance"], "stranger");
    assert_eq!(code, 1, "{printed}");
    assert!(village.json(&["show"], "stranger")["next"]["refusal"].is_string());
}

#[test]
fn fees_become_shares_of_the_fee_collector_up_to_now() {
    let trader = keypair("trader").pubkey().to_string();
    let village = Village::with("vault-fees", &[("FeeCoLLector11111111111111111111111111111111", &trader)]);
    // Nobody touches the vault for a month: 50 basis points a year of 10,000 USDC are nowhere on the chain yet.
    village.ok(&["collect"], "trader");
    let before = village.shares("trader");
    village.refused(1, &["collect"], "trader", "NoFees");
    village.pass(30 * 86_400);
    assert_eq!(village.view().vault.fee_shares.0, 0);
    let shown = village.json(&["show"], "stranger")["feeShares"].clone();
    let (code, printed) = village.run(&["collect"], "stranger");
    assert!(code == 3 && printed.contains(&format!("{trader} must sign the next step")), "{printed}");
    let printed = village.ok(&["collect"], "trader");
    assert!(printed.contains("collect fees: 4.1") && printed.contains(" USDC now"), "{printed}");
    let month = village.shares("trader") - before;
    assert!((4_100_000..4_120_000).contains(&month), "{month}");
    assert_eq!(shown, month.to_string());
    village.ok(&["redeem", "all"], "trader");
    assert_eq!(village.shares("trader"), 0);
}

#[test]
fn what_adds_risk_is_queued_and_what_takes_it_away_is_set() {
    let village = Village::with("vault-set", &[]);
    village.ok(&["set", "idle_buffer=20 %", "performance_fee=5 %"], "creator");
    assert_eq!(village.view().vault.config.idle_buffer.0, 2_000);
    village.ok(&["set", "allocations.0.stopped=true"], "guardian");
    village.refused(3, &["set", "allocations.0.cap=1 tokens"], "stranger", "must sign the next step");
    let queue = "To queue it, as the curator: `ballast change queue 'idle_buffer=1 %'";
    village.refused(1, &["set", "idle_buffer=1 %"], "creator", queue);
    village.refused(1, &["set", "idle_buffer=101 %"], "creator", "but must be from 0 % to 100 %");
    village.refused(1, &["set", "colour=1"], "creator", "`colour` is no parameter");
    village.refused(1, &["set", "idle_buffer"], "creator", "is not NAME=VALUE");
    village.refused(1, &["set", "launched=0"], "creator", "VaultLaunched");

    assert!(village.ok(&["change", "list"], "stranger").contains("no change is queued"));
    let printed = village.ok(&["change", "queue", "idle_buffer=1 %", "performance_fee=8 %"], "creator");
    assert!(
        printed.contains("note: it is due ") && printed.contains("change 0 of the vault: idle_buffer to 1 %"),
        "{printed}"
    );
    village.ok(&["change", "queue", "deposit_cap=30_000_000 tokens"], "creator");
    village.refused(3, &["change", "queue", "idle_buffer=2 %"], "stranger", "must sign the next step");
    village.refused(
        2,
        &["change", "queue", "--reserve", "SOL", "idle_buffer=2 %"],
        "creator",
        "a vault has no --reserve",
    );
    let listed = village.json(&["change", "list"], "stranger")["changes"].clone();
    assert_eq!((&listed[0]["target"], &listed[0]["state"]), (&"the vault".into(), &"waits".into()));
    assert_eq!(listed[0]["sets"], serde_json::json!(["idle_buffer to 1 %", "performance_fee to 8 %"]));
    village.refused(1, &["change", "execute", "0"], "stranger", "is due ");
    village.ok(&["change", "cancel", "1"], "guardian");
    village.refused(1, &["change", "cancel", "1"], "guardian", "there is no change 1");
    let (address, _) = change_address(&village.view().address, 0);
    assert!(village.town.node.lock().svm.get_account(&address).is_some());
    village.pass(8 * 86_400);
    village.ok(&["change", "execute", "0"], "stranger");
    let config = village.view().vault.config;
    assert_eq!((config.idle_buffer.0, config.performance_fee.0), (100, 800));
    let both = ["change", "list", "--market", &village.town.file];
    village.refused(2, &both, "stranger", "say --market or --vault");
}

#[test]
fn a_term_is_locked_listed_ended_early_and_freed() {
    let village = Village::with("vault-term", &[]);
    village.refused(1, &["term", "lock", "1_000", "9"], "lender", "the maturities that are offered are 1 to 8");
    village.refused(
        1,
        &["term", "lock", "1_000", "2030-01-01 01:00"],
        "lender",
        "is none of the maturities that are offered",
    );
    village.refused(1, &["term", "lock", "1", "1"], "lender", "BelowVaultMinimum");
    village.refused(1, &["term", "end", "0"], "lender", "has no term 0 in the vault");
    assert!(village.ok(&["term", "list"], "lender").contains("no terms"));
    village.ok(&["term", "lock", "1_000", "2"], "lender");
    let printed = village.ok(&["term", "lock", "2_000", "8"], "lender");
    assert!(printed.contains("lock 2_000 shares until ") && printed.contains(" as term 1"), "{printed}");
    assert_eq!(village.shares("lender"), 7_000_000_000);
    let terms = village.json(&["term", "list"], "lender")["terms"].clone();
    assert_eq!(keys(&terms[0]), ["early", "locked", "maturity", "number", "state", "term", "worth"]);
    assert_eq!((&terms[1]["early"], &terms[1]["state"]), (&"1980000000".into(), &"locked".into()), "a hundredth less");
    assert_eq!(village.json(&["show"], "lender")["terms"]["locked"].as_array().map(Vec::len), Some(2));

    let cost = "to end it now costs 20 shares, worth 19.99";
    village.refused(1, &["term", "end", "1"], "lender", cost);
    village.refused(1, &["term", "end", "1"], "lender", "`ballast vault term end 1 --early ");
    let printed = village.ok(&["term", "end", "1", "--early"], "lender");
    assert!(printed.contains("note: ending term 1 early costs 20 shares"), "{printed}");
    assert_eq!(village.shares("lender"), 8_980_000_000);

    let term = terms[0]["term"].as_str().expect("an address");
    village.refused(1, &["term", "free", term], "stranger", "TermNotOver");
    village.pass(2 * 86_400);
    village.ok(&["term", "free", term], "stranger");
    village.refused(1, &["term", "free", term], "stranger", "NothingLocked");
    assert_eq!(village.json(&["term", "list"], "lender")["terms"][0]["state"], "free");
    village.ok(&["term", "end", "0"], "lender");
    assert!(village.shares("lender") >= 9_980_000_000);
    let owner = keypair("lender").pubkey().to_string();
    assert_eq!(village.json(&["term", "list", "--owner", &owner], "stranger")["terms"], Value::Array(Vec::new()));
}

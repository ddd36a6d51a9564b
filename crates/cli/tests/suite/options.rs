//! Where options may stand, which market is meant, and whose key: against a node that answers as JSON-RPC from a
//! virtual machine. Needs the program: scripts/build.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use crate::common::{
    self, command_with_home,
    node::{Node, keypair},
    town::Town,
    village::Village,
};
use solana_signer::Signer;

/// The path of somebody's key.
fn key(node: &Node, name: &str) -> String {
    node.folder.join(name).to_str().expect("UTF-8").to_owned()
}

#[test]
fn options_stand_before_the_group_behind_it_and_behind_the_command() {
    let town = Town::with_a_debt("options");
    let (url, trader) = (town.node.url.clone(), key(&town.node, "trader"));
    let options = ["-u", &url, "-k", &trader, "--market", &town.file, "--json"];
    let expected = town.json(&["account", "health"], "trader").to_string();
    for (before, between) in [(0, 0), (2, 2), (2, 4), (2, 6), (4, 6), (6, 6), (7, 7), (0, 7), (0, 2)] {
        let [first, second, third] = [&options[..before], &options[before..between], &options[between..]];
        let arguments = [first, &["account"], second, &["health"], third].concat();
        let (code, printed) = town.node.raw(&arguments, &[]);
        assert_eq!((code, printed.trim()), (0, &*expected), "{arguments:?}");
    }
    // What stands nearer to the command holds: an alias can be overruled.
    let nowhere = "http://127.0.0.1:1";
    let arguments =
        ["-u", nowhere, "-k", "no-such-key", "account", "-u", &url, "health", "-k", &trader, "-m", &town.file];
    assert_eq!(town.node.raw(&arguments, &[]).0, 0);
    // Commands of one word too.
    let arguments = ["-u", &url, "--json", "watch", "--count", "1", "-m", &town.file];
    assert_eq!(town.node.raw(&arguments, &[]).0, 0);
    // Sending is meant wherever that is said.
    town.node.lock().genesis = common::node::MAINNET;
    let borrow = ["account", "borrow", "USDC", "1", "-u", &url, "-k", &trader, "-m", &town.file];
    assert!(town.node.raw(&borrow, &[]).1.contains("this is mainnet"));
    assert_eq!(town.node.raw(&[&["--yes"], &borrow[..]].concat(), &[]).0, 0);
}

#[test]
fn options_that_do_not_go_together_are_refused_wherever_they_stand() {
    let town = Town::new("apart");
    let vault = keypair("lender").pubkey().to_string();
    let withdraw = ["account", "withdraw", "USDC", "5", "-m", &town.file, "-u", &town.node.url];
    let alone = key(&town.node, "lender");
    for (before, after, words) in [
        (["--multisig", "--dry-run"], ["--signer", &*vault], "--multisig and --dry-run both send nothing"),
        (["-k", &alone], ["--multisig", "--json"], "--multisig sends nothing, so no --keypair signs"),
        (["--signer", &vault], ["-k", &alone], "--signer is who signs in a --multisig"),
    ] {
        for arguments in [[&before[..], &withdraw, &after].concat(), [&after[..], &withdraw, &before].concat()] {
            let (code, printed) = town.node.raw(&arguments, &[]);
            assert!(code == 2 && printed.contains(words), "{arguments:?}: {code}: {printed}");
        }
    }
    let (code, printed) = town.node.raw(&[&["--multisig"], &withdraw[..], &["--signer", &vault]].concat(), &[]);
    assert!(code == 0 && printed.contains("\"instructions\""), "{printed}");
    // An alias may say where and as whom; what is promised and not done is refused.
    let (code, printed) = town.node.raw(&["-u", "localhost", "--dry-run", "localnet", "--help"], &[]);
    assert!(code == 2 && printed.contains("--dry-run is for commands that reach a cluster"), "{printed}");
}

#[test]
fn every_command_takes_its_market_from_the_environment() {
    let town = Town::with_a_debt("environment");
    let address = town.node.market().address.to_string();
    for market in [&town.file, &address] {
        let run = |arguments: &[&str], name: &str| {
            let options = ["-u", &town.node.url, "-k", &key(&town.node, name)];
            town.node.raw(&[arguments, &options].concat(), &[("BALLAST_MARKET", market)])
        };
        let usdc = if *market == town.file { "USDC" } else { "0" };
        for (name, command) in [
            ("stranger", &["market", "show"][..]),
            ("guardian", &["market", "pause", "withdraw", "flash-loan"]),
            ("guardian", &["market", "resume"]),
            ("stranger", &["reserve", "list"]),
            ("stranger", &["reserve", "show", usdc]),
            ("stranger", &["reserve", "rates"]),
            ("trader", &["account", "show"]),
            ("trader", &["account", "list"]),
            ("trader", &["account", "borrow", usdc, "1"]),
            ("stranger", &["prices", "refresh"]),
            ("creator", &["change", "queue", "delay=3 days"]),
            ("stranger", &["change", "list"]),
            ("stranger", &["breaker", "status"]),
            ("stranger", &["insurance", "show", usdc]),
            ("stranger", &["watch", "--count", "1"]),
        ] {
            let (code, printed) = run(command, name);
            assert_eq!(code, 0, "{command:?}: {printed}");
        }
        let number = (town.node.market().market.changes - 1).to_string();
        assert_eq!(run(&["market", "cancel", &number], "guardian").0, 0);
        let (code, printed) = run(&["market", "close", usdc, &address], "creator");
        assert!(code == 3 && printed.contains("FeeCoLLector"), "{printed}");
        let (code, printed) = run(&["liquidate", &town.account()], "lender");
        assert!(code == 1 && printed.contains("cannot be liquidated"), "{printed}");
    }
    // A market that is named goes before it, where it stood and stands.
    town.ok(&["change", "queue", "delay=3 days"], "creator");
    let number = (town.node.market().market.changes - 1).to_string();
    let run = |arguments: &[&str]| {
        let options = ["-u", &town.node.url, "-k", &key(&town.node, "guardian")];
        town.node.raw(&[arguments, &options].concat(), &[("BALLAST_MARKET", "no-such.toml")])
    };
    for arguments in [
        &["market", "show", &address][..],
        &["market", "show", "-m", &address],
        &["--market", &town.file, "market", "show"],
        &["market", "pause", &address, "withdraw"],
        &["market", "resume", &town.file],
        &["-m", &address, "market", "cancel", &number],
    ] {
        let (code, printed) = run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {printed}");
    }
    let (code, printed) = run(&["market", "show"]);
    assert!(code == 1 && printed.contains("`no-such.toml` is neither an address nor a market's file"), "{printed}");
    for (arguments, words) in [
        (
            &["market", "pause", "-m", &address, "withdrw"][..],
            "`withdrw` cannot be stopped, but withdraw, borrow, flash-loan",
        ),
        (&["market", "pause", &address, "withdraw", "flsh"], "`flsh` cannot be stopped"),
        (&["market", "cancel", &address, "seven"], "`seven` is no change's number"),
        (&["market", "close", "0", "nowhere"], "`nowhere` is no address"),
    ] {
        let (code, printed) = run(arguments);
        assert!(code == 2 && printed.contains(words), "{arguments:?}: {code}: {printed}");
    }
    let nothing = town.node.raw(&["market", "show", "-u", &town.node.url], &[("BALLAST_MARKET", "")]);
    assert!(nothing.0 == 1 && nothing.1.contains("which market?"), "{}", nothing.1);
}

#[test]
fn every_command_about_a_vault_takes_it_from_the_environment() {
    let village = Village::with("vault-environment", &[]);
    let (node, market) = (&village.town.node, &village.town.file);
    let address = village.view().address.to_string();
    let run = |arguments: &[&str], name: &str, environment: &[(&str, &str)]| {
        node.raw(&[arguments, &["-u", &node.url, "-k", &key(node, name)]].concat(), environment)
    };
    for vault in [&village.file, &address] {
        for (name, command) in [
            ("stranger", &["vault", "show"][..]),
            ("lender", &["vault", "deposit", "20"]),
            ("lender", &["vault", "withdraw", "20"]),
            ("lender", &["vault", "redeem", "20"]),
            ("lender", &["vault", "queue", "request", "20"]),
            ("stranger", &["vault", "queue", "list"]),
            ("stranger", &["vault", "queue", "serve"]),
            ("lender", &["vault", "claim"]),
            ("lender", &["vault", "term", "list"]),
            ("guardian", &["vault", "set", "idle_buffer=20 %"]),
            ("creator", &["change", "queue", "idle_buffer=19 %"]),
        ] {
            let (code, printed) = run(command, name, &[("BALLAST_VAULT", vault)]);
            assert_eq!(code, 0, "{command:?}: {printed}");
        }
        let (code, printed) = run(&["change", "list"], "stranger", &[("BALLAST_VAULT", vault)]);
        assert!(code == 0 && printed.contains("the vault"), "{printed}");
        // Of a market too the environment speaks, and of the market a change is unless an option says otherwise.
        let both = [("BALLAST_VAULT", vault.as_str()), ("BALLAST_MARKET", market)];
        let (code, printed) = run(&["change", "list"], "stranger", &both);
        assert!(code == 0 && printed.contains("no change is queued"), "{printed}");
        let (code, printed) = run(&["change", "list", "--vault", vault], "stranger", &both);
        assert!(code == 0 && printed.contains("the vault"), "{printed}");
    }
    let wrong = [("BALLAST_VAULT", "no-such.toml")];
    assert_eq!(run(&["vault", "show", "--vault", &address], "stranger", &wrong).0, 0, "an option goes before it");
    assert_eq!(run(&["vault", "show", &address], "stranger", &wrong).0, 0, "and so does a word");
    let (code, printed) = run(&["vault", "show"], "stranger", &wrong);
    assert!(code == 1 && printed.contains("`no-such.toml` is neither an address nor a vault's file"), "{printed}");
    let (code, printed) = run(&["vault", "show"], "stranger", &[("BALLAST_VAULT", "")]);
    assert!(code == 1 && printed.contains("which vault? Give --vault or set BALLAST_VAULT"), "{printed}");
    let (code, printed) = run(&["vault", "create"], "creator", &[("BALLAST_VAULT", &village.file)]);
    assert!(code == 1 && printed.contains("is there already, and differs from its file"), "{printed}");
    let (code, printed) = run(&["vault", "create"], "creator", &[("BALLAST_VAULT", &address)]);
    assert!(code == 1 && printed.contains("is an address, which does not say what the vault should be"), "{printed}");
}

#[test]
fn a_markets_file_can_come_from_the_environment_too() {
    let node = Node::start("file-from-environment");
    let file = node.file(&[]);
    let run = |arguments: &[&str], market: &str| {
        let options = ["-u", &node.url, "-k", &key(&node, "creator")];
        node.raw(&[arguments, &options].concat(), &[("BALLAST_MARKET", market)])
    };
    assert_eq!(run(&["market", "create"], &file).0, 0);
    assert!(run(&["market", "apply"], &file).1.contains("nothing to do"));
    let address = node.market().address.to_string();
    let (code, printed) = run(&["market", "apply"], &address);
    assert!(code == 1 && printed.contains("is an address, which does not say what the market should be"), "{printed}");
}

#[test]
fn keys_are_taken_from_where_the_solana_cli_takes_them_or_the_way_is_told() {
    let town = Town::with_a_debt("signers");
    let trader = key(&town.node, "trader");
    let borrow = |keypair: &str| {
        let arguments = ["account", "borrow", "USDC", "1", "-u", &town.node.url, "-m", &town.file, "-k", keypair];
        town.node.raw(&arguments, &[])
    };
    assert_eq!(borrow(&format!("file:{trader}")).0, 0);
    assert_eq!(borrow(&format!("file://{trader}")).0, 0);
    let sent = town.node.sent();
    let address = keypair("trader").pubkey().to_string();
    let elsewhere = "`--multisig --signer ADDRESS` prints the instructions, to be signed where the key is";
    for (name, words) in [
        ("prompt:", "prompt: asks for a seed phrase, which `ballast` does not: `solana-keygen recover"),
        ("prompt:?key=0/0", "asks for a seed phrase"),
        ("ASK", "asks for a seed phrase"),
        (&*address, "is an address and no key"),
        ("no-such.json", "cannot read the key no-such.json: "),
    ] {
        let (code, printed) = borrow(name);
        assert!(code == 1 && printed.contains(words), "{name}: {printed}");
        assert!(name == "no-such.json" || printed.contains(elsewhere), "{printed}");
    }
    let (code, printed) = borrow("usb://ledger");
    // A machine that runs tests has no device.
    let words = if cfg!(feature = "hardware-wallets") { "no device found" } else { "without hardware wallets" };
    assert!(code == 1 && printed.contains("cannot use the key usb://ledger: ") && printed.contains(words), "{printed}");
    assert!(cfg!(feature = "hardware-wallets") || printed.contains(elsewhere), "{printed}");
    assert_eq!(town.node.sent(), sent);
}

#[test]
fn a_key_is_read_from_standard_input() {
    let town = Town::with_a_debt("stdin");
    let text = std::fs::read(key(&town.node, "trader")).expect("a key");
    for name in ["stdin:", "-"] {
        let borrow = ["account", "borrow", "USDC", "1", "-u", &town.node.url, "-m", &town.file, "-k", name];
        let mut command = command_with_home(&town.node.folder, &borrow);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("starts");
        child.stdin.take().expect("its input").write_all(&text).expect("read");
        assert!(child.wait().expect("ends").success(), "{name}");
    }
}

#[test]
fn what_the_solana_clis_configuration_names_is_never_passed_over_in_silence() {
    let town = Town::with_a_debt("configured");
    let config = town.node.folder.join("config.yml");
    for (name, words) in [
        ("usb://ledger?key=1", "the Solana CLI's configuration names usb://ledger?key=1: cannot use the key"),
        ("prompt:", "the Solana CLI's configuration names prompt:: prompt: asks for a seed phrase"),
        ("stdin:", "the Solana CLI's configuration names stdin:: say `--keypair stdin:` to have it read from there"),
    ] {
        let text = format!(
            "json_rpc_url: \"{}\"\nwebsocket_url: ''\nkeypair_path: \"{name}\"\naddress_labels: {{}}\n\
             commitment: confirmed\n",
            town.node.url
        );
        std::fs::write(&config, text).expect("written");
        let config = config.to_str().expect("UTF-8");
        let run =
            |arguments: &[&str]| town.node.raw(&[arguments, &["--config", config, "-m", &town.file]].concat(), &[]);
        for command in [&["account", "borrow", "USDC", "1"][..], &["account", "open"], &["prices", "refresh"]] {
            let (code, printed) = run(command);
            assert!(code == 1 && printed.contains(words), "{name}: {command:?}: {code}: {printed}");
        }
        // What needs no key needs none.
        assert_eq!(run(&["market", "show"]).0, 0, "{name}");
        assert_eq!(run(&["account", "show", &town.account()]).0, 0, "{name}");
        // And one that is named goes before it.
        assert_eq!(run(&["account", "show", "-k", &key(&town.node, "trader")]).0, 0, "{name}");
    }
}

/// Runs the command at a terminal, and types an answer: exit code, and what it prints.
fn at_a_terminal(town: &Town, arguments: &[&str], answer: &str) -> (i32, String) {
    let binary = env!("CARGO_BIN_EXE_ballast");
    let command = shlex::try_join([&[binary], arguments].concat()).expect("no zero bytes");
    let mut child = Command::new("script")
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .env("HOME", &town.node.folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script, of util-linux");
    child.stdin.take().expect("its input").write_all(answer.as_bytes()).expect("typed");
    let output = child.wait_with_output().expect("ends");
    (output.status.code().expect("ended by itself"), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// 10,000 of the lender's 50,000 USDC are lent.
fn lent(name: &str) -> Town {
    let town = Town::new(name);
    town.ok(&["account", "open"], "trader");
    town.ok(&["account", "deposit", "SOL", "95"], "trader");
    town.ok(&["account", "borrow", "USDC", "10_000"], "trader");
    town
}

/// The command that stands between the first backticks.
fn quoted(printed: &str) -> Vec<String> {
    let command = printed.split('`').nth(1).unwrap_or_else(|| panic!("no command: {printed}"));
    shlex::split(command).expect("as a shell takes it").split_off(1)
}

#[test]
fn of_all_that_is_not_there_the_most_is_named_with_the_command_for_it() {
    let town = lent("part");
    let (code, printed) = town.run(&["account", "withdraw", "USDC", "all"], "lender");
    let words = "40_000 of 50_000 USDC is the most to withdraw now: InsufficientLiquidity: The reserve holds too few";
    assert!(code == 1 && printed.contains(words), "{code}: {printed}");
    let (code, printed) = town.node.raw(&quoted(&printed), &[]);
    assert!(code == 0 && printed.contains("done: withdraw 40_000 USDC"), "{printed}");
    // Of nothing the program says why.
    town.refused(4, &["account", "withdraw", "USDC", "all"], "lender", "InsufficientLiquidity");

    // Limited by health: a little less than the edge, which moves.
    let (code, printed) = town.run(&["account", "withdraw", "SOL", "all"], "trader");
    assert!(code == 1 && printed.contains(" of 95 SOL is the most to withdraw now: InitialHealthTooLow"), "{printed}");
    town.node.advance(2);
    let (code, printed) = town.node.raw(&quoted(&printed), &[]);
    assert!(code == 0 && printed.contains("done: withdraw 1.6"), "{printed}");

    // And by the wallet.
    town.give("trader", common::town::USDC, 4_000_000_000);
    let (code, printed) = town.run(&["account", "repay", "USDC", "all"], "trader");
    assert!(code == 1 && printed.contains("4_000 of 10_000.0") && printed.contains("has no more"), "{printed}");
    assert_eq!(town.node.raw(&quoted(&printed), &[]).0, 0);
    let (code, printed) = town.run(&["account", "repay", "USDC", "all"], "trader");
    assert!(code == 1 && printed.contains("there is no USDC to repay"), "{printed}");
}

#[test]
fn the_outflow_limit_leaves_a_part() {
    let town = Town::new("outflow-part");
    town.give("lender", common::town::USDC, 3_000_000_000_000);
    town.ok(&["account", "deposit", "USDC", "2_000_000"], "lender");
    town.node.advance(172_800);
    let (code, printed) = town.run(&["account", "withdraw", "USDC", "all"], "lender");
    assert!(code == 1 && printed.contains("OutflowLimitReached"), "{printed}");
    let (code, printed) = town.node.raw(&quoted(&printed), &[]);
    assert!(code == 0 && printed.contains("done: withdraw "), "{printed}");
}

#[test]
fn somebody_at_a_terminal_is_asked() {
    let town = lent("asked");
    let lender = key(&town.node, "lender");
    let withdraw = ["account", "withdraw", "USDC", "all", "-u", &town.node.url, "-m", &town.file, "-k", &lender];
    let (code, printed) = at_a_terminal(&town, &withdraw, "n\n");
    assert!(code == 1 && printed.contains("withdraw 40_000 USDC? [y/N]"), "{code}: {printed}");
    assert!(printed.contains("To withdraw that: `ballast account withdraw USDC 40_000"), "{printed}");
    let sent = town.node.sent();
    let (code, printed) = at_a_terminal(&town, &[&withdraw[..], &["--dry-run"]].concat(), "y\n");
    assert!(code == 1 && !printed.contains("[y/N]") && town.node.sent() == sent, "{printed}");
    let (code, printed) = at_a_terminal(&town, &withdraw, "y\n");
    assert!(code == 0 && printed.contains("done: withdraw 40_000 USDC"), "{code}: {printed}");
}

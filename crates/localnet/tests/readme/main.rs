//! The terminals of README.md and docs/command-line.md, word for word: every command is run in a shell as it stands
//! there, on a network that the first of them starts, and must print what stands below it. Needs the ports that stand
//! there, and `ballast` and `ballast-keeper` beside this test: `scripts/test --e2e` builds all three.

mod terminal;

use std::{
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use terminal::{Terminal, blocks, commands, is_like};

/// The ports of the network that the documents start.
const PORTS: [u16; 3] = [8_899, 8_900, 8_901];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The fenced blocks of a language in the sections of a document that begin so.
fn sections(document: &str, titles: &[&str], language: &str) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(root().join(document))?;
    let chosen = text.split("\n## ").filter(|section| titles.iter().any(|title| section.starts_with(title)));
    Ok(chosen.flat_map(|section| blocks(section, language)).collect())
}

fn are_free() -> Result<()> {
    for port in PORTS {
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).with_context(|| {
            format!("port {port} is taken, perhaps by a network of yours: the documents' commands need it")
        })?;
    }
    Ok(())
}

#[test]
fn the_session_of_the_readme_runs_as_it_stands_there() -> Result<()> {
    are_free()?;
    for program in ["ballast", "ballast-keeper", "ballast-localnet"] {
        ensure!(root().join("target/debug").join(program).exists(), "target/debug/{program} is missing: see above");
    }
    let home = std::env::temp_dir().join(format!("ballast-readme-{}", std::process::id()));
    std::fs::create_dir_all(&home)?;
    let titles = ["A network of one's own", "Keeper\n"];
    let preparations = sections("README.md", &titles, "sh")?;
    // What is said once of every terminal. Building is done already.
    let exports: Vec<_> = preparations.iter().filter(|block| block.starts_with("export ")).collect();
    ensure!(exports.len() == 1, "README.md: one block of exports, not {}", exports.len());
    let terminal = || -> Result<Terminal> {
        let mut terminal = Terminal::open(&root(), &home)?;
        terminal.prepare(exports[0])?;
        Ok(terminal)
    };

    let sessions = sections("README.md", &titles, "console")?;
    let [network, user, keeper] = &sessions[..] else {
        anyhow::bail!("README.md: three terminals, not {}", sessions.len());
    };
    let mut first = terminal()?;
    first.starts(&commands(network)?)?;
    let mut second = terminal()?;
    let more = sections("docs/command-line.md", &["Vaults", "Perps", "JSON"], "console")?;
    let [lender, curator, perps, as_json] = &more[..] else {
        anyhow::bail!("docs/command-line.md: four sessions, not {}", more.len());
    };
    for session in [user, lender, curator, perps, as_json] {
        for command in commands(session)? {
            second.runs(&command)?;
        }
    }
    let mut third = terminal()?;
    third.starts(&commands(keeper)?)?;

    third.interrupt()?;
    first.interrupt()?;
    are_free().context("the network has not given its ports back")?;
    ensure!(!root().join("target/localnet/manifest.json").exists(), "the network has left its manifest behind");
    std::fs::remove_dir_all(&home)?;
    Ok(())
}

#[test]
fn only_what_must_differ_may_differ() {
    let signature = |letter: &str| letter.repeat(88);
    let account = "2nJboawtbStmWCKgiF1zrJv1nx6dkUh5hjP9686SqhZL";
    let log = |time: &str, address: &str, profit: &str| {
        format!("{time}  INFO act: liquidates address={address} debt=3 profit_usd={profit} funding=\"receivership\"")
    };
    let now = "2026-11-21T18:27:42.771522Z";
    for (document, printed) in [
        (format!("done: deposit 100 SOL ({})", signature("4")), format!("done: deposit 100 SOL ({})", signature("5"))),
        ("SOL  deposit  100  20_722.99  80 %".into(), "SOL deposit 100.000000001 9_871.5 80 %".into()),
        ("{\"debt\":\"5000.00\",\"ratioBps\":41445}".into(), "{\"debt\":\"5000.01\",\"ratioBps\":9871}".into()),
        ("it is due 2026-12-06 03:36 UTC".into(), "it is due 2027-01-12 23:59 UTC".into()),
        (log(now, account, "22.3"), log("2027-01-02T03:04:05.6Z", &account.replace("2n", "3n"), "0.041")),
    ] {
        assert!(is_like(&document, &printed), "{document}\n{printed}");
    }
    for (document, printed) in [
        ("done: deposit 100 SOL", "done: deposit 90 SOL"),
        ("exit code 4", "exit code 1"),
        (
            "account  2nJboawtbStmWCKgiF1zrJv1nx6dkUh5hjP9686SqhZL",
            "account  3nJboawtbStmWCKgiF1zrJv1nx6dkUh5hjP9686SqhZL",
        ),
        ("borrow 5_000 USDC", "borrow 5_000 USDT"),
        ("since 2026-12-06 UTC", "since 2026-12 UTC"),
        ("a b", "a b c"),
        ("InitialHealthTooLow (6098)", "InitialHealthTooLow (6101)"),
    ] {
        assert!(!is_like(document, printed), "{document}\n{printed}");
    }
}

//! `ballast-localnet` as a process.

use std::{
    io::{BufRead, BufReader},
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result};
use ballast_rpc::{Bid, Cluster, Rpc};
use serde_json::Value;

/// The command in the repository's folder.
fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ballast-localnet"));
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")).args(arguments);
    command
}

/// Sends a signal that the program may answer.
fn signal(child: &Child, name: &str) -> Result<()> {
    Command::new("kill").args([name, &child.id().to_string()]).status().map(|_| ()).context("kill")
}

#[test]
fn it_writes_a_manifest_and_leaves_nothing_behind() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("ballast-localnet-command-{}", std::process::id()));
    let out = folder.join("manifest.json");
    let ports = ["--rpc-port", "0", "--ws-port", "0", "--router-port", "0"];
    let out_text = out.display().to_string();
    for name in ["-TERM", "-INT"] {
        let arguments = [&ports[..], &["--json", "--paused", "--out", &out_text]].concat();
        let mut child = command(&arguments).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("its output")?).read_line(&mut line)?;
        let printed: Value = serde_json::from_str(&line)?;
        let written: Value = serde_json::from_str(&std::fs::read_to_string(&out)?)?;
        assert_eq!(printed, written);
        let text = |value: &Value| value.as_str().map(str::to_owned).context("text");
        assert!(!Rpc::new(&text(&printed["rpc_url"])?, Bid::default())?.genesis_hash()?.is_empty());
        let keeper = printed["wallets"].as_array().context("wallets")?.iter().find(|wallet| wallet["name"] == "keeper");
        let keeper = keeper.context("a keeper")?;
        let key =
            solana_keypair::read_keypair_file(text(&keeper["keypair"])?).map_err(|error| anyhow::anyhow!("{error}"))?;
        assert_eq!(solana_signer::Signer::pubkey(&key).to_string(), text(&keeper["address"])?);

        signal(&child, name)?;
        assert_eq!(child.wait()?.code(), Some(0), "{name}");
        for url in ["rpc_url", "ws_url", "router_url"] {
            let port: u16 = text(&printed[url])?.rsplit(':').next().context("a port")?.parse()?;
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).with_context(|| format!("{url} is still taken"))?;
        }
        assert_eq!(std::fs::read_dir(&folder)?.count(), 0);
    }
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

#[test]
fn wrong_options_are_refused_with_words() -> Result<()> {
    let wrong: [(&[&str], &str); 7] = [
        (&["--window", "july-1929"], "possible values: march-2020"),
        (&["--program", "no/such.so"], "cannot read no/such.so: scripts/build makes it"),
        (&["--web", "no/such", "--paused"], "cannot read no/such/index.html: scripts/build --web makes the page"),
        (&["--prices", "DOGE=1"], "there is no DOGE"),
        (&["--from", "2025-10-11", "--to", "2025-10-10"], "--from must be before --to"),
        (&["--speed", "151"], "151 is not in 0..=150"),
        (&["--speed", "5", "--paused"], "cannot be used with"),
    ];
    for (arguments, words) in wrong {
        let output = command(arguments).output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(words), "{arguments:?}: {said}");
    }
    Ok(())
}

#[test]
fn the_page_is_looked_for_where_it_is_built_and_the_last_word_holds() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("ballast-localnet-no-page-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let options = ballast_localnet::Options::on_free_ports();
    let output = command(&["--paused", "--web", "no/such", "--web", "--program"])
        .arg(&options.program)
        .arg("--swap-program")
        .arg(&options.swap_program)
        .current_dir(&folder)
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("cannot read app/web/dist/index.html"), "{said}");
    assert_eq!(std::fs::read_dir(&folder)?.count(), 0);
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

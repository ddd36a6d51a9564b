//! The vault, as lenders and keepers meet it.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::support::{self, *};
use anyhow::{Context, Result, ensure};
use ballast_client::{VaultView, engine::state::vault::VaultConfig};
use ballast_localnet::{Localnet, Options, keys, market, vault};
use ballast_market_file::{
    state::find_vault,
    vault::{Seed, VaultState, plan_vault},
};
use ballast_rpc::Rpc;
use serde_json::{Value, json};

/// In USDC.
const UNIT: u64 = 1_000_000;

/// The network's vault, as RPC says.
fn view(rpc: &mut Rpc, network: &Localnet) -> Result<VaultView> {
    find_vault(rpc, network.vault().context("the network has no vault")?)?.context("no vault")
}

#[test]
fn the_vault_is_what_its_file_says_and_has_depositors() -> Result<()> {
    let network = Localnet::start(&Options::on_free_ports())?;
    let (rpc, desired) = (&mut rpc(&network)?, vault::read()?);
    assert_eq!(network.vault(), Some(desired.address()));
    assert_eq!(network.manifest().vault, Some(desired.address().to_string()));
    assert!(network.manifest().to_string().contains(&format!("\nvault      {}\n", desired.address())));

    let state = VaultState::read(rpc, &desired)?;
    let plan = plan_vault(&desired, &state, &Seed { source: desired.creator, before: Vec::new() })?;
    assert_eq!((plan.steps, plan.warnings), (vec![], vec![]), "nothing is left to do");
    let vault = view(rpc, &network)?.vault;
    assert_eq!(vault.config, VaultConfig { launched: 1, ..desired.config });

    // Nothing is lent yet, and nobody was paid.
    let brought: u64 = vault::DEPOSITS.iter().sum();
    assert!((brought * UNIT..brought * UNIT + UNIT).contains(&vault.idle), "{}", vault.idle);
    let half = |index: usize| vault::DEPOSITS[index] * UNIT / 2;
    let shares = view(rpc, &network)?.share_mint();
    for index in 0..vault::DEPOSITS.len() {
        let held = balance(rpc, &keys::address(&vault::name(index)), &shares)?;
        let stayed = if index == vault::LOCKED.0 || index == vault::WAITING { half(index) } else { 2 * half(index) };
        assert!(held.abs_diff(stayed) <= 1, "depositor {index} has {held} shares");
    }
    assert!(vault.queue.first().is_some(), "nobody waits");
    Ok(())
}

#[test]
fn a_market_of_ones_own_has_no_vault() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("ballast-localnet-other-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("market.toml");
    let repository = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");
    std::fs::write(&file, market::FILE.replace("\nid = 0\n", "\nid = 1\n").replace("../../", repository))?;
    let network = Localnet::start(&Options { market: Some(file), ..Options::on_free_ports() })?;
    assert_eq!((network.vault(), &network.manifest().vault), (None, &None));
    assert!(!network.manifest().to_string().contains("vault"));
    assert_eq!(serde_json::to_value(network.manifest())?["vault"], Value::Null);
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

/// Runs `ballast` with JSON on a network, and returns what it printed, an object a line.
fn ballast(network: &Localnet, arguments: &[&str]) -> Result<Vec<Value>> {
    let output = Command::new(beside("ballast")?)
        .args(["-u", &network.manifest().rpc_url, "--json"])
        .args(["--market", &network.manifest().market])
        .args(arguments)
        .env_remove("BALLAST_VAULT")
        .output()?;
    ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout)?.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

/// A keeper's process, which ends with this.
struct Keeper(Child);

impl Keeper {
    fn start(network: &Localnet, folder: &Path) -> Result<Self> {
        let manifest = network.manifest();
        let child = Command::new(beside("ballast-keeper")?)
            .args(["--rpc-url", &manifest.rpc_url, "--ws-url", &manifest.ws_url, "--router-url", &manifest.router_url])
            .args(["--market", &manifest.market, "--metrics-address", "127.0.0.1:0", "--vault-poll", "1"])
            // Rewards here are of cents.
            .args(["--min-profit", "0", "--keypair"])
            .arg(key_file(folder, "keeper")?)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Self(child))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

#[test]
fn lenders_come_and_go_by_the_command_and_a_keeper_looks_after_the_vault() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("ballast-localnet-vault-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let network = Localnet::start(&Options { accounts: 20, ..Options::on_free_ports() })?;
    let rpc = &mut rpc(&network)?;
    let address = network.vault().context("a vault")?.to_string();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/vault.toml");

    let shown = ballast(&network, &["vault", "show", &address])?;
    let by_file = ballast(&network, &["vault", "show", "--vault", file])?;
    for shown in [&shown, &by_file] {
        assert_eq!(shown[0]["vault"], json!(address));
    }
    let listed = ballast(&network, &["vault", "list"])?;
    assert!(listed[0].to_string().contains(&address), "{listed:?}");

    let lender = key_file(&folder, "lender")?.display().to_string();
    let (usdc, shares) = (keys::mint("USDC"), view(rpc, &network)?.share_mint());
    let owner = keys::address("lender");
    let before = support::balance(rpc, &owner, &usdc)?;
    ballast(&network, &["vault", "deposit", "1_000", "--vault", file, "-k", &lender])?;
    assert_eq!(support::balance(rpc, &owner, &usdc)?, before - 1_000 * UNIT);
    assert!(support::balance(rpc, &owner, &shares)?.abs_diff(1_000 * UNIT) < UNIT);
    // What came in this second is no liquidity yet, and as long as nothing else is there, leaving costs a fee.
    network.feed().step(1)?;
    ballast(&network, &["vault", "redeem", "all", "--vault", &address, "-k", &lender])?;
    let lost = before - support::balance(rpc, &owner, &usdc)?;
    assert!(lost < UNIT, "no more than rounding is lost: {lost}");
    assert_eq!(support::balance(rpc, &owner, &shares)?, 0);

    // The queue has one who waits. An hour on, what was brought may be lent.
    network.feed().step(3_600)?;
    let _keeper = Keeper::start(&network, &folder)?;
    until("the queue's turn", || view(rpc, &network).is_ok_and(|view| view.vault.queue.first().is_none()))?;
    until("the first loan", || view(rpc, &network).is_ok_and(|view| view.vault.allocations[0].shares.0 > 0))?;
    let reward = support::balance(rpc, &keys::address("keeper"), &shares)?;
    assert!(reward > 0, "the keeper has its reward");
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

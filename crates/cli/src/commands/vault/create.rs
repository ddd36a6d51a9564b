//! A vault from its file.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use ballast_client::{Address, engine::state::vault::Vault};
use ballast_market_file::{
    DesiredVault, Plan,
    vault::{Seed, VaultState, plan_vault},
};
use ballast_time::full_label;
use serde_json::json;

use crate::commands::{format::tokens, session::Session, tokens::Wallet};

/// A vault's file: the one given, or the one of --vault or BALLAST_VAULT.
fn read(session: &Session, given: Option<&str>) -> Result<DesiredVault> {
    let file = given.or(session.invocation.vault.as_deref());
    let file = file.context("which file? Give the vault's file, --vault FILE, or set BALLAST_VAULT")?;
    let path = Path::new(file);
    ensure!(
        path.exists() || file.parse::<Address>().is_err(),
        "{file} is an address, which does not say what the vault should be: give its file"
    );
    DesiredVault::read(path).with_context(|| file.to_owned())
}

/// Plans what is left, and returns whether the vault is there, and when that was.
fn plan(session: &mut Session, desired: &DesiredVault) -> Result<(Plan, bool, i64)> {
    let state = VaultState::read(session.cluster, desired)?;
    let token = &desired.token;
    let wallet = Wallet::of(session, desired.creator, token.mint, token.program)?;
    let seed = Seed { source: wallet.address, before: wallet.before_paying(desired.creator, Vault::SEED)? };
    let plan = plan_vault(desired, &state, &seed)?;
    if state.vault.is_none() {
        let [seed, there] = [Vault::SEED, wallet.spendable()].map(|atoms| tokens(atoms, token.decimals));
        ensure!(
            wallet.spendable() >= Vault::SEED,
            "{} brings the vault's first {seed} {}, and has {there}",
            desired.creator,
            token.name
        );
    }
    Ok((plan, state.vault.is_some(), state.now))
}

/// Makes it, as far as the keys at hand can.
pub fn create(session: &mut Session, file: Option<&str>) -> Result<bool> {
    let desired = read(session, file)?;
    let address = desired.address().to_string();
    let (mut first, is_there, now) = plan(session, &desired)?;
    if first.steps.is_empty() {
        let differs = match &first.warnings[..] {
            [] => ", as its file says".into(),
            warnings => format!(", and differs from its file: {}", warnings.join("; ")),
        };
        bail!(
            "the vault {address} is there already{differs}. `ballast vault set` and `ballast change queue` change it"
        );
    }
    if session.is_for_multisig() {
        if !is_there {
            let words = "create_vault is longer than other instructions: store its message in one transaction, and open \
                         the proposal in the next";
            first.warnings.push(words.into());
        }
        session.print_instructions(&first)?;
        return Ok(false);
    }
    session.show(json!({ "vault": address, "now": now }), &format!("vault {address}, {} UTC", full_label(now)))?;
    session.table(&first)?;
    if !session.is_sending() {
        return Ok(false);
    }
    session.require_permission()?;
    if session.carry_out(&first.steps)? == 0 {
        return Ok(false);
    }
    let (left, _, _) = plan(session, &desired)?;
    session.say("left to do:")?;
    session.table(&left)?;
    Ok(left.steps.is_empty())
}

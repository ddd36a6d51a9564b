//! What the curator and the sentinel do at once.

use anyhow::{Result, ensure};
use ballast_client::{
    edits_in,
    engine::{Error, state::change::OF_VAULT},
    from_engine, to_engine,
};

use super::name::refusal;
use crate::commands::{change::edits, session::Session};

/// Changes parameters at once.
pub fn set(session: &mut Session, values: &[String]) -> Result<bool> {
    let (named, now) = (session.vault(None)?, session.now()?);
    let (vault, view) = (&named.view.vault, &named.view);
    let (data, words) = edits(OF_VAULT, named.decimals(), values)?;
    let curator = from_engine(&vault.curator);
    let may = [vault.curator, vault.config.roles.sentinel];
    // Somebody else's key shows who must sign.
    let signer = session.keys.signer().filter(|signer| may.contains(&to_engine(signer))).unwrap_or(curator);
    let played =
        view.preview(now, |vaults| vaults.vault.set_parameters(&to_engine(&signer), &data, now, &mut |_, _| ()));
    if played == Err(Error::AddsRisk) {
        let config = bytemuck::bytes_of(&vault.config);
        let risky = edits_in(OF_VAULT, &data).into_iter();
        let risky = risky.filter(|(info, new)| info.parameter.adds_risk(info.parameter.of(config), new));
        let names: Vec<_> = risky.map(|(info, _)| info.name).collect();
        let queue: Vec<_> = ["change", "queue"].into_iter().chain(values.iter().map(String::as_str)).collect();
        ensure!(
            false,
            "{}: that adds risk, and waits. To queue it, as the curator: `{}`",
            names.join(", "),
            session.invocation.command_of_vault(&queue, view.address)
        );
    }
    played.map_err(refusal)?;
    // A change of a fee needs the vault to be accrued in the same second.
    let instructions = vec![view.read(), view.set_parameters(signer, data)];
    session.one(format!("set {}", words.join("; ")), signer, instructions)
}

/// Becomes the curator.
pub fn accept(session: &mut Session) -> Result<bool> {
    let named = session.vault(None)?;
    let nominee = named.view.vault.config.roles.nominee;
    ensure!(!nominee.is_none(), "nobody is nominated: the curator queues `roles.nominee`");
    let nominee = from_engine(&nominee);
    let words = format!("accept the office of curator, as {nominee}");
    session.one(words, nominee, vec![named.view.accept_curator(nominee)])
}

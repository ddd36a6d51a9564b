//! What curator, sentinel and fee collector do at once.

use anyhow::{Result, ensure};
use ballast_client::{
    TOKEN_PROGRAM, edits_in,
    engine::{Error, state::change::OF_VAULT},
    from_engine, to_engine,
};

use super::name::refusal;
use crate::commands::{change::edits, session::Session, tokens::Wallet};

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
    named.send(session, format!("set {}", words.join("; ")), signer, instructions)
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

/// Has the shares made that fees came to, up to now.
pub fn collect(session: &mut Session) -> Result<bool> {
    let (named, now) = (session.vault(None)?, session.now()?);
    let view = &named.view;
    let stored = view.vault.config.roles.fee_collector;
    let collected = view.preview(now, |vaults| {
        let shares = vaults.vault.collect_fees(&stored)?;
        Ok((shares, vaults.vault.worth(shares, &vaults.valuation)))
    });
    let (shares, worth) = collected.map_err(refusal)?;
    let collector = from_engine(&stored);
    let wallet = Wallet::of(session, collector, view.share_mint(), TOKEN_PROGRAM)?;
    let payer = session.keys.payer().unwrap_or(collector);
    // The vault is read first, which takes the fees of the time since it was last touched.
    let collect = [view.read(), view.collect_fees(collector, wallet.address)];
    let instructions = wallet.create(payer).into_iter().chain(collect).collect();
    let words = format!("collect fees: {}, worth {} now", named.shares(shares), named.tokens(worth));
    named.send(session, words, collector, instructions)
}

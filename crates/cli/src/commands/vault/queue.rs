//! Waiting for a vault's liquidity.

use anyhow::{Context, Result, anyhow, bail, ensure};
use ballast_client::{
    Address, decode_exit_request,
    engine::{
        Error,
        number::units::Shares,
        state::vault::{ExitRequest, Ticket},
        vaults::exit::Exit,
    },
    from_engine, to_engine,
};
use ballast_market_file::value::percent;
use ballast_time::full_label;
use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    Scene,
    name::{NamedVault, refusal},
};
use crate::commands::{
    exit::Misused,
    format::{Amount, Tokens, table, tokens},
    session::Session,
};

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Puts shares into the queue. They earn and lose like others until they are paid.
    Request {
        /// How many shares: 2.5, 250atoms or all.
        shares: Tokens,
        /// Fewest tokens to accept for them; below that they leave the queue unpaid.
        #[arg(long)]
        min: Option<Tokens>,
    },
    /// Who waits, in order.
    List,
    /// Pays whoever is first, as anyone, from what is idle and what the markets can pay.
    Serve,
    /// Takes one's own shares back that were not paid.
    Cancel,
}

impl Command {
    /// Runs it.
    pub fn run(&self, session: &mut Session) -> Result<bool> {
        match self {
            Self::Request { shares, min } => request(session, shares, min.as_ref()),
            Self::List => list(session),
            Self::Serve => serve(session),
            Self::Cancel => cancel(session),
        }
    }
}

/// The places that are taken, in the order of their turns.
pub(super) fn waiting(named: &NamedVault) -> Vec<Ticket> {
    let mut tickets: Vec<_> =
        named.view.vault.queue.tickets.iter().filter(|ticket| !ticket.request.is_none()).copied().collect();
    tickets.sort_by_key(|ticket| ticket.number);
    tickets
}

/// A request's account.
fn read(session: &mut Session, address: Address) -> Result<Option<ExitRequest>> {
    let account = session.cluster.account(address)?;
    account.map(|account| decode_exit_request(&account.data)).transpose().context("the request")
}

/// The user's own request.
fn own(session: &mut Session, scene: &Scene) -> Result<ExitRequest> {
    let found = read(session, scene.named.view.exit_request(&scene.user))?;
    found.with_context(|| format!("{} has asked this vault for nothing: `vault queue request` does", scene.user))
}

fn request(session: &mut Session, shares: &Tokens, min: Option<&Tokens>) -> Result<bool> {
    let scene = Scene::read(session)?;
    let (named, count) = (&scene.named, scene.shares_of(shares)?);
    let address = named.view.exit_request(&scene.user);
    if let Some(request) = read(session, address)? {
        let verb = if request.claim > 0 { "claim" } else { "queue cancel" };
        bail!("{} has a request already: `vault {verb}` ends it", scene.user);
    }
    let min = match min.map(|min| min.atoms(named.decimals())).transpose()? {
        Some(Amount::Atoms(atoms)) => atoms,
        Some(Amount::All) => return Err(Misused("--min is a number, not `all`".into()).into()),
        None => 0,
    };
    let mut copy = named.view.clone();
    let vaults = copy.at(scene.now);
    let asked = vaults.preview(|vaults| {
        let mut request = ExitRequest::default();
        vaults.request_exit(&mut request, to_engine(&address), count, min).map(|()| request.max_fee)
    });
    let max_fee = asked.map_err(|error| match error {
        Error::BelowVaultMinimum => {
            let least = named.tokens(vaults.least_to_join());
            anyhow!("{}: {} (a request is worth {least} at least now)", error.name(), error.message())
        }
        _ => refusal(error),
    })?;
    let worth = vaults.vault.worth(count, &vaults.valuation);
    let words = format!(
        "queue {}, worth {} now, for a fee of {} at most",
        named.shares(count),
        named.tokens(worth),
        percent(max_fee.0.into())
    );
    let request = named.view.request_exit(scene.user, scene.payer, scene.shares.address, count.0, min);
    named.send(session, words, scene.user, vec![request])
}

/// The queue, for programs: atoms as texts.
pub(super) fn objects(session: &mut Session, named: &NamedVault, now: i64) -> Result<Vec<Value>> {
    let mut copy = named.view.clone();
    let vaults = copy.at(now);
    let mut objects = Vec::new();
    for ticket in waiting(named) {
        let address = from_engine(&ticket.request);
        let request = read(session, address)?.with_context(|| format!("there is no request {address}"))?;
        objects.push(json!({
            "request": address.to_string(),
            "owner": from_engine(&request.owner).to_string(),
            "shares": ticket.shares.0.to_string(),
            "worth": vaults.vault.worth(ticket.shares, &vaults.valuation).to_string(),
            "min": request.min_amount.to_string(),
            "claim": request.claim.to_string(),
            "since": request.since,
            "maxFeeBps": request.max_fee.0,
        }));
    }
    Ok(objects)
}

/// The same for people.
pub(super) fn text(named: &NamedVault, objects: &[Value]) -> String {
    if objects.is_empty() {
        return "nobody waits".into();
    }
    let number = |value: &Value| {
        let atoms = value.as_str().and_then(|text| text.parse().ok()).unwrap_or(0);
        tokens(atoms, named.decimals())
    };
    let row = |(place, one): (usize, &Value)| {
        vec![
            (place + 1).to_string(),
            one["owner"].as_str().unwrap_or("").to_owned(),
            number(&one["shares"]),
            number(&one["worth"]),
            number(&one["min"]),
            number(&one["claim"]),
            full_label(one["since"].as_i64().unwrap_or(0)),
        ]
    };
    let header = ["turn", "owner", "shares", "worth", "at least", "paid", "since, UTC"];
    table(&header, objects.iter().enumerate().map(row).collect())
}

fn list(session: &mut Session) -> Result<bool> {
    let (named, now) = (session.vault(None)?, session.now()?);
    let objects = objects(session, &named, now)?;
    let text = text(&named, &objects);
    session.show(json!({ "queue": objects }), &text)?;
    Ok(true)
}

fn serve(session: &mut Session) -> Result<bool> {
    let scene = Scene::read(session)?;
    let named = &scene.named;
    let first = waiting(named).into_iter().next();
    let Some(first) = first else { bail!("nobody waits in this vault's queue") };
    let address = from_engine(&first.request);
    let request = read(session, address)?.with_context(|| format!("there is no request {address}"))?;
    let mut copy = named.view.clone();
    let vaults = copy.at(scene.now);
    let sources = scene.sources(|from| named.view.serve_exit(from).unwrap_or_else(|_| named.view.read()))?;
    let serve = |from| vaults.preview(|vaults| vaults.serve(&mut request.clone(), first.request, from));
    // As much as there is room for, from no more markets than that takes.
    let best = sources.iter().filter_map(|from| serve(*from).ok().map(|exit| (*from, exit)));
    let best = best.reduce(|best, next| if next.1.exchange.amount > best.1.exchange.amount { next } else { best });
    let Some((from, Exit { exchange, fee, .. })) = best else {
        let refused = sources.last().map(|from| serve(*from)).and_then(Result::err);
        let in_words = |error| named.refused(error, &vaults.valuation);
        return Err(refused.map_or_else(|| anyhow!("nothing can be served"), in_words));
    };
    let owner = from_engine(&request.owner);
    let words = if exchange.shares == Shares::ZERO {
        format!(
            "take {} of {owner} out of the queue unpaid: their price is below the owner's limit",
            named.shares(first.shares)
        )
    } else {
        let fee = if fee > 0 { format!(", at a fee of {}", named.tokens(fee)) } else { String::new() };
        format!("serve {owner}: {} for {}{fee}", named.shares(exchange.shares), named.tokens(exchange.amount))
    };
    let serve = named.view.serve_exit(from).map_err(refusal)?;
    named.send(session, words, scene.user, vec![serve])
}

fn cancel(session: &mut Session) -> Result<bool> {
    let scene = Scene::read(session)?;
    let request = own(session, &scene)?;
    let shares = Shares(request.shares.0.saturating_add(request.returned.0));
    ensure!(shares != Shares::ZERO, "no shares are left in the request: `vault claim` takes what it was paid");
    let cancel = scene.named.view.cancel_exit(scene.user, scene.shares.address, scene.user);
    let words = format!("take {} out of the queue", scene.named.shares(shares));
    let before = scene.shares.create(scene.payer).into_iter().collect();
    session.one(words, scene.user, [before, vec![cancel]].concat())
}

/// Takes what was served.
pub fn claim(session: &mut Session) -> Result<bool> {
    let scene = Scene::read(session)?;
    let (named, request) = (&scene.named, own(session, &scene)?);
    if request.claim == 0 {
        let own = named.view.exit_request(&scene.user);
        let ahead = waiting(named).iter().position(|ticket| from_engine(&ticket.request) == own);
        match ahead {
            Some(0) => {
                bail!("nothing was paid yet: it is first, and `vault queue serve` pays it when there is liquidity")
            }
            Some(ahead) => bail!("nothing was paid yet: {ahead} wait before it"),
            None => bail!("it left the queue unpaid: `vault queue cancel` returns the shares"),
        }
    }
    let (before, behind) = scene.wallet.around_receiving(scene.payer)?;
    let claim = named.view.claim_exit(scene.user, scene.wallet.address, scene.user);
    session.one(format!("claim {}", named.tokens(request.claim)), scene.user, [before, vec![claim], behind].concat())
}

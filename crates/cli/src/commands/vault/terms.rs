//! Shares locked for a term.

use anyhow::{Context, Result, anyhow, bail, ensure};
use ballast_client::{
    Address, VaultView, decode_term_deposit,
    engine::{
        Error,
        number::units::Shares,
        state::vault::{Rung, TermDeposit},
    },
    from_engine, to_engine,
};
use ballast_market_file::Plan;
use ballast_time::full_label;
use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    Scene,
    name::{NamedVault, refusal},
};
use crate::commands::{
    format::{Tokens, table, tokens},
    session::Session,
};

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Locks shares until a maturity, for a larger part of the yield.
    Lock {
        /// How many shares: 2.5, 250atoms or all.
        shares: Tokens,
        /// Until when: which of the next eight maturities, 1 to 8, or its date.
        until: String,
    },
    /// The terms of an owner.
    List {
        /// Whose; without, the key's own.
        #[arg(long)]
        owner: Option<Address>,
    },
    /// Takes the shares of a term that is over, or, at a penalty, of one that is not.
    End {
        /// The term's number.
        number: u16,
        /// Before its end.
        #[arg(long)]
        early: bool,
    },
    /// Takes a term that is over off the ladder, as anyone.
    Free {
        /// The term's address, or the number of one of the key's own.
        term: String,
    },
}

impl Command {
    /// Runs it.
    pub fn run(&self, session: &mut Session) -> Result<bool> {
        match self {
            Self::Lock { shares, until } => lock(session, shares, until),
            Self::List { owner } => list(session, *owner),
            Self::End { number, early } => end(session, *number, *early),
            Self::Free { term } => free(session, term),
        }
    }
}

/// The maturity that somebody means.
fn maturity(view: &VaultView, until: &str, now: i64) -> Result<i64> {
    let all = view.maturities(now);
    ensure!(!all.is_empty(), refusal(Error::TermsNotOffered));
    // No date is so short.
    if let Ok(nth @ 0..100) = until.parse::<usize>() {
        let found = nth.checked_sub(1).and_then(|nth| all.get(nth)).copied();
        return found.with_context(|| format!("the maturities that are offered are 1 to {}", Rung::COUNT));
    }
    let time = ballast_time::parse(until).map_err(|error| anyhow!(error))?;
    let labels: Vec<_> = all.iter().map(|time| full_label(*time)).collect();
    ensure!(all.contains(&time), "`{until}` is none of the maturities that are offered, UTC: {}", labels.join(", "));
    Ok(time)
}

/// A term's account.
fn read(session: &mut Session, address: Address) -> Result<Option<TermDeposit>> {
    let account = session.cluster.account(address)?;
    account.map(|account| decode_term_deposit(&account.data)).transpose().with_context(|| format!("term {address}"))
}

/// The first number of an owner's term that is free.
fn free_number(session: &mut Session, named: &NamedVault, owner: &Address) -> Result<u16> {
    const AT_ONCE: usize = 64;
    let numbers: Vec<_> = (0..=u16::MAX).collect();
    for some in numbers.chunks(AT_ONCE) {
        let addresses: Vec<_> = some.iter().map(|number| named.view.term(owner, *number)).collect();
        let accounts = session.cluster.accounts(&addresses)?;
        if let Some((number, _)) = some.iter().zip(accounts).find(|(_, account)| account.is_none()) {
            return Ok(*number);
        }
    }
    bail!("{owner} has {} terms in the vault, which are all that there can be", numbers.len())
}

fn lock(session: &mut Session, shares: &Tokens, until: &str) -> Result<bool> {
    let scene = Scene::read(session)?;
    let named = &scene.named;
    let maturity = maturity(&named.view, until, scene.now)?;
    let count = scene.shares_of(shares)?;
    let mut term = TermDeposit { maturity, ..TermDeposit::default() };
    named.view.preview(scene.now, |vaults| vaults.lock(&mut term, count)).map_err(refusal)?;
    let number = free_number(session, named, &scene.user)?;
    let lock = named.view.lock_term(scene.user, scene.payer, number, scene.shares.address, count.0, maturity);
    let words = format!("lock {} until {} UTC as term {number}", named.shares(count), full_label(maturity));
    named.send(session, words, scene.user, vec![lock])
}

fn list(session: &mut Session, owner: Option<Address>) -> Result<bool> {
    const VAULT: usize = 8 + std::mem::offset_of!(TermDeposit, vault);
    const OWNER: usize = 8 + std::mem::offset_of!(TermDeposit, owner);
    let (named, now) = (session.vault(None)?, session.now()?);
    let owner = owner.map_or_else(|| session.user(), Ok)?;
    let wanted = [(0, &TermDeposit::DISCRIMINATOR[..]), (VAULT, named.view.address.as_ref()), (OWNER, owner.as_ref())];
    let mut terms = Vec::new();
    for (address, account) in session.cluster.accounts_with(&wanted)? {
        terms.push((address, decode_term_deposit(&account.data).with_context(|| format!("term {address}"))?));
    }
    terms.sort_by_key(|(_, term)| term.id);
    let mut copy = named.view.clone();
    let vaults = copy.at(now);
    let (mut objects, mut rows) = (Vec::new(), Vec::new());
    for (address, term) in terms {
        let state = match term {
            _ if term.units == 0 => "free",
            _ if now >= term.maturity => "over",
            _ => "locked",
        };
        let worth = term.worth(vaults.vault);
        let early = vaults.preview(|vaults| {
            let mut term = term;
            vaults.break_term(&mut term).map(|_| term.free)
        });
        let early = early.ok().filter(|_| state == "locked");
        objects.push(json!({
            "number": term.id,
            "term": address.to_string(),
            "maturity": term.maturity,
            "state": state,
            "locked": term.principal.0.to_string(),
            "worth": worth.0.to_string(),
            "early": early.map(|shares| shares.0.to_string()),
        }));
        let number = |Shares(shares)| tokens(shares, named.decimals());
        rows.push(vec![
            term.id.to_string(),
            full_label(term.maturity),
            state.into(),
            number(term.principal),
            number(worth),
            early.map_or("-".into(), number),
            address.to_string(),
        ]);
    }
    let text = if rows.is_empty() {
        "no terms".into()
    } else {
        table(&["#", "until, UTC", "state", "shares locked", "shares now", "shares if ended early", "term"], rows)
    };
    session.show(json!({ "terms": objects }), &text)?;
    Ok(true)
}

fn end(session: &mut Session, number: u16, early: bool) -> Result<bool> {
    let scene = Scene::read(session)?;
    let named = &scene.named;
    let term = read(session, named.view.term(&scene.user, number))?;
    let term = term.with_context(|| format!("{} has no term {number} in the vault", scene.user))?;
    let mut copy = named.view.clone();
    let vaults = copy.at(scene.now);
    let is_early = term.units != 0 && scene.now < term.maturity;
    let (shares, cost) = vaults
        .preview(|vaults| {
            let mut term = term;
            let before = term.worth(vaults.vault);
            if term.units != 0 {
                vaults.break_term(&mut term)?;
            }
            Ok((term.free, Shares(before.0.saturating_sub(term.free.0))))
        })
        .map_err(refusal)?;
    let penalty = named.shares(cost);
    let worth = named.tokens(vaults.vault.worth(cost, &vaults.valuation));
    ensure!(
        early || !is_early,
        "term {number} ends {} UTC: to end it now costs {penalty}, worth {worth}: `{}`",
        full_label(term.maturity),
        session.invocation.command(&["vault", "term", "end", &number.to_string(), "--early"])
    );
    let words = format!("end term {number}: {}", named.shares(shares));
    let note = is_early.then(|| format!("ending term {number} early costs {penalty}, worth {worth}"));
    let end = named.view.end_term(scene.user, number, scene.shares.address, early, scene.user);
    let instructions = scene.shares.create(scene.payer).into_iter().chain([end]).collect();
    let steps = named.steps(session, scene.user, vec![words], instructions);
    session.noted(Plan { steps, warnings: note.into_iter().collect() })
}

fn free(session: &mut Session, text: &str) -> Result<bool> {
    let (named, now) = (session.vault(None)?, session.now()?);
    let user = session.user()?;
    let address = match text.parse::<u16>() {
        Ok(number) => named.view.term(&user, number),
        Err(_) => text.parse().map_err(|_| anyhow!("`{text}` is neither a term's address nor a number"))?,
    };
    let term = read(session, address)?.with_context(|| format!("there is no term {address}"))?;
    ensure!(term.vault == to_engine(&named.view.address), "{address} is a term of another vault");
    let freed = named.view.preview(now, |vaults| vaults.free(&mut term.clone()));
    let freed = freed.map_err(|error| match error {
        Error::TermNotOver => refusal(error).context(format!("term {address} ends {} UTC", full_label(term.maturity))),
        _ => refusal(error),
    })?;
    let words = format!("free {} of {}", named.shares(freed), from_engine(&term.owner));
    let free = named.view.free_term(address);
    named.send(session, words, user, vec![free])
}

/// The ladder, for programs and for people.
pub(super) fn ladder(named: &NamedVault, now: i64) -> (Value, String) {
    let mut rungs: Vec<_> = named.view.vault.rungs.iter().filter(|rung| rung.units != 0).collect();
    rungs.sort_by_key(|rung| rung.maturity);
    let object = |rung: &&Rung| json!({ "maturity": rung.maturity, "shares": rung.shares.0.to_string() });
    let objects: Vec<_> = rungs.iter().map(object).collect();
    let offered = named.view.maturities(now);
    let row = |rung: &&Rung| {
        let state = if rung.maturity <= now { "over" } else { "locked" };
        vec![full_label(rung.maturity), tokens(rung.shares.0, named.decimals()), state.into()]
    };
    let text = match (rungs.is_empty(), offered.first().zip(offered.last())) {
        (false, _) => table(&["until, UTC", "shares", "state"], rungs.iter().map(row).collect()),
        (_, Some((first, last))) => {
            format!("none is locked; offered {} to {} UTC", full_label(*first), full_label(*last))
        }
        _ => "none are offered".into(),
    };
    (json!({ "locked": objects, "offered": offered }), text)
}

//! Reading vaults.

use std::{collections::HashMap, sync::Arc};

use anyhow::Result;
use ballast_client::{
    Address, CLOCK_SYSVAR, ID, MarketView, decode_change, decode_clock, decode_term_deposit, decode_vault,
    engine::state::{
        change::{Change, OF_VAULT},
        vault::{TermDeposit, Vault},
    },
    from_engine,
};
use ballast_rpc::{Node, bytes_at};
use solana_account::Account;

use super::{Listed, MOST_CHANGES, MOST_TERMS, Snapshot, of_market};
use crate::service::{
    config::Choice,
    feed::{Event, Events},
    state::News,
};

/// Reads which vaults there are for a market, and which of their terms are over and of their changes due at `now`. All vaults of the program are asked
/// for in one request: a node looks through all accounts for each, and a market may stand in any of eight places.
pub async fn list(node: Arc<Node>, choice: Choice, market: MarketView, now: i64, events: Events) -> Result<()> {
    let read: Vec<(Address, Option<Account>)> = match &choice {
        Choice::None => Vec::new(),
        Choice::All => {
            let (_, accounts) = node.program_accounts(ID, vec![bytes_at(0, &Vault::DISCRIMINATOR)]).await?;
            accounts.into_iter().map(|(address, account)| (address, Some(account))).collect()
        }
        Choice::These(vaults) => vaults.iter().copied().zip(node.accounts(vaults).await?).collect(),
    };
    let decode = |(address, account): (Address, Option<Account>)| {
        let account = account.filter(|account| account.owner == ID)?;
        Some((address, decode_vault(&account.data).ok()?))
    };
    let vaults = of_market(read.into_iter().filter_map(decode).collect(), &market, now);
    if let Choice::These(named) = &choice {
        for vault in named.iter().filter(|vault| !vaults.iter().any(|(found, _)| found == *vault)) {
            tracing::warn!(%vault, "--vault: there is no such vault, or its policy does not name the market");
        }
    }
    let mut due = if vaults.is_empty() { HashMap::new() } else { due(&node, now).await? };
    let mut listed = Vec::new();
    for (address, vault) in vaults {
        let terms = over(&node, address, &vault, now).await?;
        listed.push(Listed { address, vault, terms, changes: due.remove(&address).unwrap_or_default() });
    }
    events.send(Event::News(News::Vaults(listed))).await?;
    Ok(())
}

/// The term deposits on the rungs of a vault that are over. Only for these is the node asked.
async fn over(node: &Node, address: Address, vault: &Vault, now: i64) -> Result<Vec<Address>> {
    const VAULT: usize = 8 + std::mem::offset_of!(TermDeposit, vault);
    const MATURITY: usize = 8 + std::mem::offset_of!(TermDeposit, maturity);
    let mut terms = Vec::new();
    for rung in vault.rungs.iter().filter(|rung| rung.units != 0 && rung.maturity <= now) {
        let filters = vec![
            bytes_at(0, &TermDeposit::DISCRIMINATOR),
            bytes_at(VAULT, address.as_ref()),
            bytes_at(MATURITY, &rung.maturity.to_le_bytes()),
        ];
        let (_, accounts) = node.program_accounts(ID, filters).await?;
        let locked = accounts.into_iter().filter_map(|(address, account)| {
            let term = decode_term_deposit(&account.data).ok()?;
            (term.units != 0).then_some((term.units, address))
        });
        terms.extend(locked);
    }
    terms.sort_by_key(|(units, _)| std::cmp::Reverse(*units));
    Ok(terms.into_iter().take(MOST_TERMS).map(|(_, address)| address).collect())
}

/// The queued changes of all vaults that are due, those first that have been for longest, by vault.
async fn due(node: &Node, now: i64) -> Result<HashMap<Address, Vec<Address>>> {
    const TARGET: usize = 8 + std::mem::offset_of!(Change, target);
    let filters = vec![bytes_at(0, &Change::DISCRIMINATOR), bytes_at(TARGET, &[OF_VAULT])];
    let (_, accounts) = node.program_accounts(ID, filters).await?;
    let decode = |(address, account): (Address, Account)| Some((address, decode_change(&account.data).ok()?));
    let mut changes: Vec<_> = accounts.into_iter().filter_map(decode).collect();
    changes.retain(|(_, change)| now >= change.earliest);
    changes.sort_by_key(|(_, change)| (change.earliest, change.number));
    let mut by_vault: HashMap<_, Vec<_>> = HashMap::new();
    for (address, change) in changes {
        let of_vault = by_vault.entry(from_engine(&change.market)).or_default();
        if of_vault.len() < MOST_CHANGES {
            of_vault.push(address);
        }
    }
    Ok(by_vault)
}

/// Reads the vaults that are followed.
pub async fn read(node: Arc<Node>, listed: Vec<Listed>, keeper: Address, events: Events) -> Result<()> {
    let (_, snapshots) = snapshots(&node, listed, &keeper).await?;
    events.send(Event::News(News::Snapshots(snapshots))).await?;
    Ok(())
}

/// The cluster's time, and snapshots of vaults, with all that they share read once.
pub async fn snapshots(node: &Node, mut listed: Vec<Listed>, keeper: &Address) -> Result<(i64, Vec<Snapshot>)> {
    let mut is_again = false;
    loop {
        let mut addresses: Vec<Address> = listed.iter().flat_map(|one| one.accounts(keeper)).collect();
        addresses.push(CLOCK_SYSVAR);
        addresses.sort();
        addresses.dedup();
        let read: HashMap<_, _> = addresses.iter().copied().zip(node.accounts(&addresses).await?).collect();
        let find = |address: &Address| read.get(address).and_then(Option::as_ref);
        let clock = find(&CLOCK_SYSVAR).and_then(|account| decode_clock(&account.data).ok());
        let clock = clock.ok_or_else(|| anyhow::anyhow!("the node has no clock"))?;
        let snapshots: Vec<Snapshot> = listed.iter().filter_map(|one| one.snapshot(keeper, find)).collect();
        // Who is first is known only once the vault is read. Where others were meanwhile, they are read too, once.
        let moved_on = |one: &Listed| {
            let snapshot = snapshots.iter().find(|snapshot| snapshot.view.address == one.address);
            snapshot.filter(|snapshot| !snapshot.knows_head() && one.vault.queue != snapshot.view.vault.queue)
        };
        let changed: Vec<(usize, Vault)> = (0..)
            .zip(&listed)
            .filter_map(|(index, one)| moved_on(one).map(|snapshot| (index, snapshot.view.vault)))
            .collect();
        if changed.is_empty() || is_again {
            return Ok((clock.now, snapshots));
        }
        for (index, vault) in changed {
            listed[index].vault = vault;
        }
        is_again = true;
    }
}

//! `ballast prices`.

use anyhow::{Result, anyhow, ensure};
use ballast_client::{Address, Instruction, MarketView};
use clap::Subcommand;

use super::{
    names::InMarket,
    session::{Session, Step},
};

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Takes over the prices of reserves from their pinned accounts, as anyone.
    Refresh {
        /// The reserves: indices, mints or names of the market's file; without, all.
        reserves: Vec<String>,
        #[command(flatten)]
        market: InMarket,
    },
}

/// Price accounts that fit one transaction with what stands around them.
const FIT: usize = 16;

impl Command {
    /// Runs it.
    pub fn run(&self, session: &mut Session) -> Result<bool> {
        let Self::Refresh { reserves, market } = self;
        let named = market.read(session)?;
        let wanted: Vec<_> = reserves.iter().map(|name| named.find(name)).collect::<Result<_>>()?;
        let pinned = named.view.pinned_prices();
        for index in &wanted {
            let is_pinned = pinned.iter().any(|(reserve, _)| reserve == index);
            ensure!(
                is_pinned,
                "{} takes a price from any account of its feed: there is none to refresh by",
                named.name(*index)
            );
        }
        let chosen: Vec<_> =
            pinned.into_iter().filter(|(index, _)| wanted.is_empty() || wanted.contains(index)).collect();
        ensure!(!chosen.is_empty(), "no reserve of this market has a pinned price account");
        let payer = session.keys.payer().unwrap_or_default();
        let mut steps = Vec::new();
        for batch in batches(&chosen) {
            let mut names: Vec<_> = batch.iter().map(|(index, _)| named.name(*index)).collect();
            names.dedup();
            let words = vec![format!("refresh {}", names.join(", "))];
            let instruction = named.view.refresh_prices(batch).map_err(|error| anyhow!(error.message()))?;
            steps.push(Step { words, signer: payer, from: None, instructions: vec![instruction] });
        }
        session.all(steps)
    }
}

/// Pairs that fit one transaction each; the two accounts of a reserve stay together.
fn batches(pairs: &[(u8, Address)]) -> Vec<&[(u8, Address)]> {
    let (mut batches, mut start) = (Vec::new(), 0);
    while start < pairs.len() {
        let mut end = (start + FIT).min(pairs.len());
        if end < pairs.len() && pairs[end].0 == pairs[end - 1].0 {
            end -= 1;
        }
        batches.push(&pairs[start..end]);
        start = end;
    }
    batches
}

/// The prices of some reserves, those whose accounts are pinned.
pub fn refresh(view: &MarketView, reserves: impl Iterator<Item = u8>) -> Result<Vec<Instruction>> {
    let wanted: Vec<_> = reserves.collect();
    let pairs: Vec<_> = view.pinned_prices().into_iter().filter(|(index, _)| wanted.contains(index)).collect();
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    Ok(vec![view.refresh_prices(&pairs).map_err(|error| anyhow!(error.message()))?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_fit_and_keep_both_accounts_of_a_reserve_together() {
        let pairs: Vec<_> =
            (0..20u8).flat_map(|index| vec![(index, Address::default()); if index == 15 { 2 } else { 1 }]).collect();
        let batches = batches(&pairs);
        assert_eq!(batches.iter().map(|batch| batch.len()).collect::<Vec<_>>(), [15, 6]);
        assert_eq!(batches.concat(), pairs);
    }
}

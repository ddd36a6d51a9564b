//! How people name a vault.

use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use ballast_client::{
    Address, Instruction, VaultView,
    engine::{Error, number::units::Shares, state::vault::Valuation},
    from_engine,
};
use ballast_market_file::{DesiredVault, PlannedTransaction, state::find_vault};
use ballast_rpc::fits;

use crate::commands::{format::tokens, names::Named, perp::refused_with, prices::Fresh, session::Session};

/// A vault by its address, or by its file, which also names its token.
#[derive(Clone, Debug)]
pub struct VaultName {
    /// Its address.
    pub address: Address,
    token: Option<String>,
}

impl core::str::FromStr for VaultName {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Ok(address) = text.parse() {
            return Ok(Self { address, token: None });
        }
        let path = Path::new(text);
        ensure!(path.exists(), "`{text}` is neither an address nor a vault's file");
        let desired = DesiredVault::read(path).with_context(|| text.to_owned())?;
        Ok(Self { address: desired.address(), token: Some(desired.token.name) })
    }
}

/// A vault with its markets and the name of its token.
#[derive(Clone)]
pub struct NamedVault {
    /// What the chain says, once the prices that value its pools are taken over.
    pub view: VaultView,
    /// What people call its token.
    pub token: String,
    /// The markets of its pools, by slot, with these prices.
    pools: Vec<(usize, Fresh)>,
}

impl NamedVault {
    /// Reads a vault.
    pub fn read(session: &mut Session, name: &VaultName) -> Result<Self> {
        let view = find_vault(session.cluster, name.address)?;
        let view = view.with_context(|| format!("there is no vault {}", name.address))?;
        let token = name.token.clone().unwrap_or_else(|| session.token_name(from_engine(&view.vault.mint)));
        Self::of(session, view, token)
    }

    /// A vault that was read, with the prices that value its pools.
    pub fn of(session: &mut Session, mut view: VaultView, token: String) -> Result<Self> {
        let (mut pools, name) = (Vec::new(), session.market_name(None).ok());
        for slot in 0..view.markets.len() {
            let Some((market, pool)) = view.pool_of(slot) else { continue };
            let priced = market.pool_prices(pool);
            let fresh = Fresh::read(session, &Named::of(market.clone(), name.clone()), priced)?;
            view.markets[slot] = Some(fresh.named.view.clone());
            pools.push((slot, fresh));
        }
        Ok(Self { view, token, pools })
    }

    /// The steps of instructions that value the vault, behind the prices of its pools: one, or more if a transaction has no room for all.
    pub fn steps(
        &self,
        session: &Session,
        signer: Address,
        words: Vec<String>,
        rest: Vec<Instruction>,
    ) -> Vec<PlannedTransaction> {
        let mut steps = vec![PlannedTransaction { words, signer, from: None, instructions: rest }];
        for (_, fresh) in &self.pools {
            let PlannedTransaction { words, instructions, .. } = steps.remove(0);
            steps.splice(0..0, fresh.steps(session, signer, words, instructions));
        }
        steps
    }

    /// Sends such instructions, or shows them.
    pub fn send(
        &self,
        session: &mut Session,
        words: String,
        signer: Address,
        instructions: Vec<Instruction>,
    ) -> Result<bool> {
        let steps = self.steps(session, signer, vec![words], instructions);
        session.all(steps)
    }

    /// Whether one transaction holds such instructions, behind these prices.
    pub fn fits(&self, payer: &Address, rest: &[Instruction]) -> bool {
        let prices = self.pools.iter().filter_map(|(_, fresh)| fresh.refresh());
        fits(payer, &prices.chain(rest.iter().cloned()).collect::<Vec<_>>())
    }

    /// Why a slot's pool has no value now, where its prices are too old.
    pub fn old_prices(&self, slot: usize) -> Vec<String> {
        self.pools.iter().filter(|(of, _)| *of == slot).flat_map(|(_, fresh)| fresh.old()).collect()
    }

    /// Which slots count for nothing though something is there, and why.
    pub fn unreadable(&self, valuation: &Valuation) -> Vec<String> {
        let slots = (0..self.view.markets.len()).filter(|slot| valuation.unreadable >> slot & 1 != 0);
        let reason = |slot: usize| {
            let place = self.place(u8::try_from(slot).ok());
            match self.old_prices(slot) {
                why if !why.is_empty() => format!("{place}: {}", why.join(". ")),
                _ if self.view.pool_of(slot).is_some() => format!("{place}: a price that values it is not good enough"),
                _ => format!("{place}: its market cannot be read"),
            }
        };
        slots.map(reason).collect()
    }

    /// What the engine refused, with what cannot be read where it is that.
    pub fn refused(&self, error: Error, valuation: &Valuation) -> anyhow::Error {
        let reasons = if error == Error::MarketUnreadable { self.unreadable(valuation) } else { Vec::new() };
        refused_with(error, reasons)
    }

    /// The pool of a slot, by the name that its market's file gives it.
    pub fn pool(&self, slot: usize) -> Option<(u8, String)> {
        let (_, index) = self.view.pool_of(slot)?;
        let (_, fresh) = self.pools.iter().find(|(of, _)| *of == slot)?;
        Some((index, fresh.named.name(index)))
    }

    /// Decimals of its token and of its shares.
    pub fn decimals(&self) -> u8 {
        self.view.vault.decimals
    }

    /// Atoms in words: `2.5 USDC`.
    pub fn tokens(&self, atoms: u64) -> String {
        format!("{} {}", tokens(atoms, self.decimals()), self.token)
    }

    /// Shares in words: `2.5 shares`.
    pub fn shares(&self, Shares(shares): Shares) -> String {
        format!("{} shares", tokens(shares, self.decimals()))
    }

    /// A place of its tokens in words: a slot with its market, or none for what is idle.
    pub fn place(&self, slot: Option<u8>) -> String {
        let policy = slot.and_then(|slot| self.view.vault.config.allocations.get(usize::from(slot)));
        match (slot, policy) {
            (Some(slot), Some(policy)) => {
                let pool = self.pool(slot.into()).map_or(String::new(), |(_, name)| format!("{name} of "));
                format!("allocation {slot} ({pool}market {})", from_engine(&policy.market))
            }
            _ => "idle".into(),
        }
    }
}

/// What the engine refused, by its name and in words.
pub fn refusal(error: Error) -> anyhow::Error {
    anyhow!("{}: {}", error.name(), error.message())
}

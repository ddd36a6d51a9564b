//! How people name a vault.

use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use ballast_client::{
    Address, VaultView,
    engine::{Error, number::units::Shares},
    from_engine,
};
use ballast_market_file::{DesiredVault, state::find_vault};

use crate::commands::{format::tokens, session::Session};

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
    /// What the chain says.
    pub view: VaultView,
    /// What people call its token.
    pub token: String,
}

impl NamedVault {
    /// Reads a vault.
    pub fn read(session: &mut Session, name: &VaultName) -> Result<Self> {
        let view = find_vault(session.cluster, name.address)?;
        let view = view.with_context(|| format!("there is no vault {}", name.address))?;
        let token = name.token.clone().unwrap_or_else(|| session.token_name(from_engine(&view.vault.mint)));
        Ok(Self { view, token })
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
        let market = slot.and_then(|slot| self.view.vault.config.allocations.get(usize::from(slot)));
        match (slot, market) {
            (Some(slot), Some(policy)) => format!("allocation {slot} (market {})", from_engine(&policy.market)),
            _ => "idle".into(),
        }
    }
}

/// What the engine refused, by its name and in words.
pub fn refusal(error: Error) -> anyhow::Error {
    anyhow!("{}: {}", error.name(), error.message())
}

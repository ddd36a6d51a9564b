//! The market of the network: made from a file as `ballast market apply` makes one on any other.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use ballast_client::{
    Address, ID, Instruction, MarketView, NATIVE_MINT, PYTH_RECEIVERS, TOKEN_PROGRAM, decode_margin_account,
    from_engine, to_engine,
};
use ballast_market_file::{Desired, State, file::Token, plan};
use ballast_rpc::{Cluster, Estimate};
use ballast_sim::assets::{Asset, find};
use solana_account::Account;
use solana_signer::Signer;

use crate::{chain::Handle, keys, tokens};

/// The development market: what [`crate::Options::market`] is if no file is named.
pub const FILE: &str = include_str!("../market.toml");
/// The file that it extends.
const BASE: &str = include_str!("../../../migrations/market.toml");

/// A reserve, as users of the network see it.
#[derive(Clone, Debug)]
pub struct Reserve {
    /// Ticker.
    pub symbol: String,
    /// The token.
    pub mint: Address,
    /// Its decimals.
    pub decimals: u8,
    /// Where its price is published.
    pub price_account: Address,
    /// The feed that this is.
    pub feed_id: [u8; 32],
    /// What its prices and its book on the venue are called.
    pub asset: &'static Asset,
}

/// Reads a market's file, or without one [`FILE`]. It must be one that this network can make.
pub fn read(file: Option<&Path>) -> Result<(Desired, Vec<Reserve>)> {
    let desired = file.map_or_else(|| Desired::parse(FILE, BASE), Desired::read)?;
    let authority = keys::address("authority");
    for (role, address) in [("creator", desired.creator), ("authority", desired.authority)] {
        ensure!(
            address == authority,
            "{role}: {address} is not the development key {authority}, nobody here can sign for it"
        );
    }
    let receivers = &desired.config.roles;
    let is_known = [receivers.price_receiver, receivers.second_price_receiver].contains(&to_engine(&PYTH_RECEIVERS[0]));
    ensure!(
        is_known,
        "market.roles: neither price receiver is {}, whose price accounts there are here",
        PYTH_RECEIVERS[0]
    );
    let reserves = desired.reserves.iter().map(|listed| {
        let Token { name, mint, program, decimals } = &listed.token;
        let asset = find(name).with_context(|| format!("{name}: this network has no prices of it"))?;
        ensure!(
            asset.symbol == name && asset.decimals == *decimals,
            "{name}: is {} of {} decimals here",
            asset.symbol,
            asset.decimals
        );
        ensure!(*program == TOKEN_PROGRAM, "{name}.token_program: only token is offered here");
        let oracle = &listed.config.oracle;
        let price_account = from_engine(&oracle.feed_account);
        ensure!(
            price_account != Address::default(),
            "{name}.oracle.feed_account is missing: its price must be pinned here"
        );
        ensure!(oracle.base_feed_id.is_none(), "{name}.oracle.base_feed_id: exchange rates are not offered here");
        let (symbol, feed_id) = (name.clone(), oracle.feed_id.0);
        Ok(Reserve { symbol, mint: *mint, decimals: *decimals, price_account, feed_id, asset })
    });
    let reserves = reserves.collect::<Result<_>>()?;
    Ok((desired, reserves))
}

/// Makes the mints and the market, whole.
pub fn create(chain: &Handle, desired: &Desired, reserves: &[Reserve]) -> Result<()> {
    let faucet = keys::address("faucet");
    let own = reserves.iter().filter(|reserve| reserve.mint != NATIVE_MINT);
    chain.write(own.map(|reserve| (reserve.mint, tokens::mint(&faucet, reserve.decimals))).collect())?;
    let (cluster, authority) = (&mut Local(chain), keys::keypair("authority"));
    for step in plan(desired, State::read(cluster, desired)?, None)?.steps {
        cluster.send(&step.instructions, &[&authority]).with_context(|| step.words.join("; "))?;
    }
    let left = plan(desired, State::read(cluster, desired)?, None)?.steps;
    let words: Vec<_> = left.into_iter().flat_map(|step| step.words).collect();
    ensure!(words.is_empty(), "the market cannot be made at once: {}", words.join("; "));
    Ok(())
}

/// The market as it is.
pub fn view(chain: &Handle, address: Address) -> Result<MarketView> {
    let account = chain.account(&address)?.with_context(|| format!("there is no market {address}"))?;
    MarketView::decode(address, &account.data).with_context(|| format!("market {address}"))
}

/// The network, reached without RPC.
pub struct Local<'a>(pub &'a Handle);

impl Cluster for Local<'_> {
    fn accounts(&mut self, addresses: &[Address]) -> Result<Vec<Option<Account>>> {
        addresses.iter().map(|address| self.0.account(address)).collect()
    }

    fn margin_accounts(&mut self, market: Address, owner: Option<Address>) -> Result<Vec<(Address, Account)>> {
        let is_asked_for = |account: &Account| {
            decode_margin_account(&account.data).is_ok_and(|margin| {
                margin.market == to_engine(&market) && owner.is_none_or(|owner| margin.owner == to_engine(&owner))
            })
        };
        Ok(self.0.program_accounts(ID)?.into_iter().filter(|(_, account)| is_asked_for(account)).collect())
    }

    fn accounts_with(&mut self, bytes: &[(usize, &[u8])]) -> Result<Vec<(Address, Account)>> {
        let has = |data: &[u8], (offset, bytes): &(usize, &[u8])| {
            data.get(*offset..).is_some_and(|rest| rest.starts_with(bytes))
        };
        let is_asked_for = |account: &Account| bytes.iter().all(|one| has(&account.data, one));
        Ok(self.0.program_accounts(ID)?.into_iter().filter(|(_, account)| is_asked_for(account)).collect())
    }

    fn genesis_hash(&mut self) -> Result<String> {
        Ok(self.0.genesis_hash())
    }

    fn simulate(&mut self, instructions: &[Instruction], signers: &[&dyn Signer]) -> Result<Estimate> {
        Ok(Estimate { units: self.0.simulate(instructions, signers)?, priority_fee: 0 })
    }

    fn send(&mut self, instructions: &[Instruction], signers: &[&dyn Signer]) -> Result<String> {
        self.0.send(instructions, signers)
    }
}

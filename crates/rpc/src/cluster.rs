//! A cluster for who waits for its answers: what a command needs of one, and one reached by JSON-RPC.

use anyhow::{Context, Result};
use ballast_client::{Address, CLOCK_SYSVAR, ID, Instruction, decode_clock};
use solana_account::Account;
use solana_signer::Signer;
use tokio::runtime::Runtime;

use crate::{Bid, Estimate, Node, NodeError, bytes_at};

/// A cluster.
pub trait Cluster {
    /// Accounts, as confirmed and no older than what was sent last.
    fn accounts(&mut self, addresses: &[Address]) -> Result<Vec<Option<Account>>>;
    /// The margin accounts of a market, or of one of its owners.
    fn margin_accounts(&mut self, market: Address, owner: Option<Address>) -> Result<Vec<(Address, Account)>>;
    /// The program's accounts that have these bytes in these places.
    fn accounts_with(&mut self, bytes: &[(usize, &[u8])]) -> Result<Vec<(Address, Account)>>;
    /// The hash of its first block, which names it.
    fn genesis_hash(&mut self) -> Result<String>;
    /// Simulates a transaction. The first signer pays; signers that the instructions do not need are left out.
    fn simulate(&mut self, instructions: &[Instruction], signers: &[&dyn Signer]) -> Result<Estimate>;
    /// Simulates a transaction, sends it and waits until it is confirmed. Returns its signature.
    fn send(&mut self, instructions: &[Instruction], signers: &[&dyn Signer]) -> Result<String>;

    /// An account.
    fn account(&mut self, address: Address) -> Result<Option<Account>> {
        Ok(self.accounts(&[address])?.pop().flatten())
    }
}

/// Unix seconds, of the clock that the program will read.
pub fn now(cluster: &mut dyn Cluster) -> Result<i64> {
    let account = cluster.account(CLOCK_SYSVAR)?.context("the cluster has no clock")?;
    Ok(decode_clock(&account.data).context("the clock")?.now)
}

/// A node's JSON-RPC, waited for.
pub struct Rpc {
    runtime: Runtime,
    node: Node,
    bid: Bid,
}

impl Rpc {
    /// At a URL, bidding for priority.
    pub fn new(url: &str, bid: Bid) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
        Ok(Self { runtime, node: Node::new(url), bid })
    }

    fn wait<T>(&self, ask: impl Future<Output = Result<T, NodeError>>) -> Result<T> {
        self.runtime.block_on(ask).context("the node does not answer as it should")
    }
}

impl Cluster for Rpc {
    fn accounts(&mut self, addresses: &[Address]) -> Result<Vec<Option<Account>>> {
        self.wait(self.node.accounts(addresses))
    }

    fn margin_accounts(&mut self, market: Address, owner: Option<Address>) -> Result<Vec<(Address, Account)>> {
        Ok(self.wait(self.node.margin_accounts(market, owner))?.1)
    }

    fn accounts_with(&mut self, bytes: &[(usize, &[u8])]) -> Result<Vec<(Address, Account)>> {
        let filters = bytes.iter().map(|(offset, bytes)| bytes_at(*offset, bytes)).collect();
        Ok(self.wait(self.node.program_accounts(ID, filters))?.1)
    }

    fn genesis_hash(&mut self) -> Result<String> {
        Ok(self.wait(self.node.client().get_genesis_hash())?.to_string())
    }

    fn simulate(&mut self, instructions: &[Instruction], signers: &[&dyn Signer]) -> Result<Estimate> {
        Ok(self.runtime.block_on(self.node.estimate(instructions, signers, self.bid))?)
    }

    fn send(&mut self, instructions: &[Instruction], signers: &[&dyn Signer]) -> Result<String> {
        Ok(self.runtime.block_on(self.node.send(instructions, signers, self.bid))?.signature.to_string())
    }
}

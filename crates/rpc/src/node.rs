//! Reading.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use ballast_client::{Address, ID, engine::state::account::MarginAccount};
use serde_json::json;
use solana_account::Account;
use solana_account_decoder_client_types::UiAccountEncoding;
use solana_commitment_config::CommitmentConfig;
use solana_rpc_client::{nonblocking::rpc_client::RpcClient, rpc_client::RpcClientConfig};
use solana_rpc_client_api::{
    client_error::{Error, ErrorKind, Result},
    config::{RpcAccountInfoConfig, RpcProgramAccountsConfig},
    custom_error::{JSON_RPC_SERVER_ERROR_MIN_CONTEXT_SLOT_NOT_REACHED, JSON_RPC_SERVER_ERROR_NODE_UNHEALTHY},
    filter::{Memcmp, RpcFilterType},
    request::{RpcError, RpcRequest, RpcResponseErrorData},
    response::{OptionalContext, Response, RpcKeyedAccount},
};
use tokio::time::sleep;

use crate::http::Sender;

/// Most accounts of one request.
const BATCH: usize = 100;
/// For how long a node is asked again that is behind, unless told otherwise.
const PATIENCE: Duration = Duration::from_secs(90);
/// And one that is busy.
const BUSY_PATIENCE: Duration = Duration::from_secs(30);
pub(crate) const PAUSE: Duration = Duration::from_millis(400);

/// A node, asked for what is confirmed.
///
/// Behind a balancer every answer may be another node's. Whatever it says of a slot before the one asked for is no
/// answer, whether the node refuses it or passes the least slot over: it is asked again.
pub struct Node {
    client: RpcClient,
    patience: Duration,
    /// The slot that answers may not be older than: behind a balancer, the next node may not have seen what was sent.
    slot: AtomicU64,
}

impl Node {
    /// At a URL.
    pub fn new(url: &str) -> Self {
        Self::with_patience(url, PATIENCE)
    }

    /// At a URL, asked again for so long while it is behind or busy.
    pub fn with_patience(url: &str, patience: Duration) -> Self {
        let sender = Sender::new(url, patience.min(BUSY_PATIENCE));
        let config = RpcClientConfig::with_commitment(CommitmentConfig::confirmed());
        Self { client: RpcClient::new_sender(sender, config), patience, slot: AtomicU64::new(0) }
    }

    /// For what this crate has no words for.
    pub fn client(&self) -> &RpcClient {
        &self.client
    }

    /// For how long it is asked again.
    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    /// The slot that answers may not be older than.
    pub fn slot(&self) -> u64 {
        self.slot.load(Ordering::Relaxed)
    }

    /// Answers may not be older than this slot any more.
    pub fn has_reached(&self, slot: u64) {
        self.slot.fetch_max(slot, Ordering::Relaxed);
    }

    fn account_config(&self, not_before: u64) -> RpcAccountInfoConfig {
        RpcAccountInfoConfig {
            encoding: Some(UiAccountEncoding::Base64),
            commitment: Some(self.client.commitment()),
            min_context_slot: Some(not_before),
            ..RpcAccountInfoConfig::default()
        }
    }

    /// Accounts, none where there is none, each with the slot it was read at, which is not before another.
    pub async fn accounts_since(&self, addresses: &[Address], not_before: u64) -> Result<Vec<(u64, Option<Account>)>> {
        let not_before = not_before.max(self.slot());
        let mut accounts = Vec::with_capacity(addresses.len());
        for batch in addresses.chunks(BATCH) {
            let config = self.account_config(not_before);
            let read = || self.client.get_multiple_ui_accounts_with_config(batch, config.clone());
            let answer = self.unless_behind(not_before, read).await?;
            if answer.value.len() != batch.len() {
                return Err(custom("getMultipleAccounts: not as many accounts as asked for"));
            }
            for account in answer.value {
                let decoded =
                    account.map(|account| account.to_account().ok_or_else(|| custom("an account is no base64")));
                accounts.push((answer.context.slot, decoded.transpose()?));
            }
        }
        Ok(accounts)
    }

    /// Accounts, none where there is none, each with the slot it was read at.
    pub async fn accounts_at(&self, addresses: &[Address]) -> Result<Vec<(u64, Option<Account>)>> {
        self.accounts_since(addresses, 0).await
    }

    /// Accounts, none where there is none.
    pub async fn accounts(&self, addresses: &[Address]) -> Result<Vec<Option<Account>>> {
        Ok(self.accounts_at(addresses).await?.into_iter().map(|(_, account)| account).collect())
    }

    /// An account, none if there is none.
    pub async fn account(&self, address: Address) -> Result<Option<Account>> {
        Ok(self.accounts(&[address]).await?.pop().flatten())
    }

    /// All margin accounts of a market, or those of one owner, and the slot they were read at.
    pub async fn margin_accounts(
        &self,
        market: Address,
        owner: Option<Address>,
    ) -> Result<(u64, Vec<(Address, Account)>)> {
        let filters = margin_filters(market, owner.as_ref().map_or(&[], |owner| owner.as_ref()));
        self.program_accounts(ID, filters).await
    }

    /// The accounts of a program that pass filters, and a slot that they are not older than.
    pub async fn program_accounts(
        &self,
        program: Address,
        filters: Vec<RpcFilterType>,
    ) -> Result<(u64, Vec<(Address, Account)>)> {
        // A node that does not say which slot it answers of answers at least of this one, even if it is another node.
        let not_before = self.client.get_slot().await?.max(self.slot());
        let config = RpcProgramAccountsConfig {
            filters: Some(filters),
            account_config: self.account_config(not_before),
            with_context: Some(true),
            ..RpcProgramAccountsConfig::default()
        };
        let params = json!([program.to_string(), config]);
        let read = || self.client.send(RpcRequest::GetProgramAccounts, params.clone());
        let answer: OptionalContext<Vec<RpcKeyedAccount>> = self.unless_behind(not_before, read).await?;
        let (slot, accounts) = match answer {
            OptionalContext::Context(Response { context, value }) => (context.slot, value),
            OptionalContext::NoContext(accounts) => (not_before, accounts),
        };
        let decoded = accounts.into_iter().map(|RpcKeyedAccount { pubkey, account }| {
            let address = pubkey.parse().map_err(|_| custom("an account's address is none"))?;
            Ok((address, account.to_account().ok_or_else(|| custom("an account is no base64"))?))
        });
        Ok((slot, decoded.collect::<Result<_>>()?))
    }

    /// Asks again while the node is behind a slot, or says that it is behind.
    pub(crate) async fn unless_behind<T: Answer, F: Future<Output = Result<T>>>(
        &self,
        not_before: u64,
        ask: impl Fn() -> F,
    ) -> Result<T> {
        let start = Instant::now();
        loop {
            let answer = match ask().await {
                Ok(answer) => match answer.slot() {
                    Some(slot) if slot < not_before => Err(behind(slot, not_before)),
                    _ => return Ok(answer),
                },
                Err(error) if is_behind(&error) => Err(error),
                Err(error) => return Err(error),
            };
            if start.elapsed() > self.patience {
                return answer;
            }
            sleep(PAUSE).await;
        }
    }
}

/// An answer that says which slot it is of.
pub(crate) trait Answer {
    /// The slot, if it is said.
    fn slot(&self) -> Option<u64>;
}

impl<T> Answer for Response<T> {
    fn slot(&self) -> Option<u64> {
        Some(self.context.slot)
    }
}

impl<T> Answer for OptionalContext<T> {
    fn slot(&self) -> Option<u64> {
        match self {
            Self::Context(response) => response.slot(),
            Self::NoContext(_) => None,
        }
    }
}

/// Whether a node says that it has not seen the slot asked for, or that the cluster is ahead of it.
pub(crate) fn is_behind(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::RpcError(RpcError::RpcResponseError {
            code: JSON_RPC_SERVER_ERROR_MIN_CONTEXT_SLOT_NOT_REACHED | JSON_RPC_SERVER_ERROR_NODE_UNHEALTHY,
            ..
        })
    )
}

/// What a node should have said that passes the least slot over.
fn behind(slot: u64, not_before: u64) -> Error {
    ErrorKind::RpcError(RpcError::RpcResponseError {
        code: JSON_RPC_SERVER_ERROR_MIN_CONTEXT_SLOT_NOT_REACHED,
        message: format!("the node answers as of slot {slot}, and slot {not_before} was asked for"),
        data: RpcResponseErrorData::Empty,
    })
    .into()
}

/// What a margin account of a market passes, and nothing else; with the beginning of an owner's address, one of such
/// owners.
pub fn margin_filters(market: Address, owner: &[u8]) -> Vec<RpcFilterType> {
    const MARKET: usize = 8 + std::mem::offset_of!(MarginAccount, market);
    const OWNER: usize = 8 + std::mem::offset_of!(MarginAccount, owner);
    let mut filters = vec![bytes_at(0, &MarginAccount::DISCRIMINATOR), bytes_at(MARKET, market.as_ref())];
    if !owner.is_empty() {
        filters.push(bytes_at(OWNER, owner));
    }
    filters
}

/// What an account with these bytes in that place passes.
pub fn bytes_at(offset: usize, bytes: &[u8]) -> RpcFilterType {
    RpcFilterType::Memcmp(Memcmp::new_raw_bytes(offset, bytes.to_vec()))
}

fn custom(text: &str) -> Error {
    ErrorKind::Custom(text.into()).into()
}

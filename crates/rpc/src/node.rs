//! Reading.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use ballast_client::{Address, ID, engine::margin::MarginAccount};
use solana_account::Account;
use solana_account_decoder_client_types::UiAccountEncoding;
use solana_commitment_config::CommitmentConfig;
use solana_rpc_client::nonblocking::rpc_client::RpcClient;
use solana_rpc_client_api::{
    client_error::{Error, ErrorKind, Result},
    config::{RpcAccountInfoConfig, RpcProgramAccountsConfig},
    filter::{Memcmp, RpcFilterType},
    request::RpcError,
};
use tokio::time::sleep;

/// Most accounts of one request.
const BATCH: usize = 100;
/// What a node answers that is behind the slot asked for.
const BEHIND: i64 = -32_016;
/// For how long such a node is asked again.
const PATIENCE: Duration = Duration::from_secs(90);
pub(crate) const PAUSE: Duration = Duration::from_millis(400);
/// For one request.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A node, asked for what is confirmed.
pub struct Node {
    client: RpcClient,
    /// The slot that answers may not be older than: behind a balancer, the next node may not have seen what was sent.
    slot: AtomicU64,
}

impl Node {
    /// At a URL.
    pub fn new(url: &str) -> Self {
        let client = RpcClient::new_with_timeout_and_commitment(url.into(), TIMEOUT, CommitmentConfig::confirmed());
        Self { client, slot: AtomicU64::new(0) }
    }

    /// For what this crate has no words for.
    pub fn client(&self) -> &RpcClient {
        &self.client
    }

    /// The slot that answers may not be older than.
    pub fn slot(&self) -> u64 {
        self.slot.load(Ordering::Relaxed)
    }

    /// Answers may not be older than this slot any more.
    pub fn has_reached(&self, slot: u64) {
        self.slot.fetch_max(slot, Ordering::Relaxed);
    }

    fn account_config(&self) -> RpcAccountInfoConfig {
        RpcAccountInfoConfig {
            encoding: Some(UiAccountEncoding::Base64),
            commitment: Some(self.client.commitment()),
            min_context_slot: Some(self.slot()),
            ..RpcAccountInfoConfig::default()
        }
    }

    /// Accounts, none where there is none, each with the slot it was read at.
    pub async fn accounts_at(&self, addresses: &[Address]) -> Result<Vec<(u64, Option<Account>)>> {
        let mut accounts = Vec::with_capacity(addresses.len());
        for batch in addresses.chunks(BATCH) {
            let read = || self.client.get_multiple_ui_accounts_with_config(batch, self.account_config());
            let answer = unless_behind(read).await?;
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
        let filters = margin_filters(market, owner);
        self.program_accounts(ID, filters).await
    }

    /// The accounts of a program that pass filters, and a slot that they are not older than.
    pub async fn program_accounts(
        &self,
        program: Address,
        filters: Vec<RpcFilterType>,
    ) -> Result<(u64, Vec<(Address, Account)>)> {
        let slot = self.client.get_slot().await?;
        let read = || {
            let config = RpcProgramAccountsConfig {
                filters: Some(filters.clone()),
                account_config: self.account_config(),
                ..RpcProgramAccountsConfig::default()
            };
            self.client.get_program_ui_accounts_with_config(&program, config)
        };
        let accounts = unless_behind(read).await?.into_iter().map(|(address, account)| {
            let account = account.to_account().ok_or_else(|| custom("an account is no base64"))?;
            Ok((address, account))
        });
        Ok((slot, accounts.collect::<Result<_>>()?))
    }
}

/// What a margin account of a market passes, and nothing else; with an owner, one of that owner's.
pub fn margin_filters(market: Address, owner: Option<Address>) -> Vec<RpcFilterType> {
    const MARKET: usize = 8 + std::mem::offset_of!(MarginAccount, market);
    const OWNER: usize = 8 + std::mem::offset_of!(MarginAccount, owner);
    let mut filters = vec![bytes_at(0, &MarginAccount::DISCRIMINATOR), bytes_at(MARKET, market.as_ref())];
    filters.extend(owner.map(|owner| bytes_at(OWNER, owner.as_ref())));
    filters
}

/// What an account with these bytes in that place passes.
pub fn bytes_at(offset: usize, bytes: &[u8]) -> RpcFilterType {
    RpcFilterType::Memcmp(Memcmp::new_raw_bytes(offset, bytes.to_vec()))
}

/// Asks again while the node is behind.
pub(crate) async fn unless_behind<T, F: Future<Output = Result<T>>>(ask: impl Fn() -> F) -> Result<T> {
    let start = Instant::now();
    loop {
        let answer = ask().await;
        let is_behind = answer.as_ref().is_err_and(|error| {
            matches!(error.kind(), ErrorKind::RpcError(RpcError::RpcResponseError { code: BEHIND, .. }))
        });
        if !is_behind || start.elapsed() > PATIENCE {
            return answer;
        }
        sleep(PAUSE).await;
    }
}

fn custom(text: &str) -> Error {
    ErrorKind::Custom(text.into()).into()
}

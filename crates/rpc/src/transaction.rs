//! Sending.

use std::time::{Duration, Instant};

use ballast_client::{Address, Instruction};
use http::StatusCode;
use serde_json::json;
use solana_commitment_config::CommitmentConfig;
use solana_compute_budget_interface::ComputeBudgetInstruction;
use solana_hash::Hash;
use solana_keypair::Keypair;
use solana_message::{AddressLookupTableAccount, VersionedMessage, v0};
use solana_rpc_client_api::{
    client_error::{Error as NodeError, ErrorKind},
    config::{
        RpcContextConfig, RpcSendTransactionConfig, RpcSimulateTransactionConfig, RpcTransactionConfig,
        UiTransactionEncoding,
    },
    request::{RpcError, RpcRequest, RpcResponseErrorData},
    response::{Response, RpcBlockhash, RpcSimulateTransactionResult},
};
use solana_signature::Signature;
use solana_signer::Signer;
use solana_transaction::versioned::VersionedTransaction;
use solana_transaction_error::TransactionError;
use tokio::time::sleep;

use crate::{
    Bid, Failure, Node, SendError,
    failure::is_the_nodes,
    node::{PAUSE, is_behind},
};

/// Bytes of a packet.
const MOST_BYTES: usize = 1_232;
/// Compute units of a transaction at most.
const MOST_UNITS: u32 = 1_400_000;
/// Bytes of accounts that a transaction may load at most.
const MOST_LOADED: u32 = 64 << 20;
/// What is left to the state that the transaction will meet, as a share of what it used in simulation.
const SLACK: u32 = 10;
/// Compute units beside the share: what interest, volatility and breakers cost when their time has come.
const LEAST_SLACK: u32 = 1_000;
/// What a JSON-RPC server says that is out of order.
const INTERNAL_ERROR: i64 = -32_603;
/// Without a sign of the chain, a transaction's fate is not waited for any longer. A blockhash is good for about a minute.
const PATIENCE: Duration = Duration::from_secs(120);

/// A signed transaction that would have landed when it was simulated.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// To be sent.
    pub transaction: VersionedTransaction,
    /// Compute units that the simulation used.
    pub units: u64,
    /// What it may use.
    pub limit: u32,
    /// Micro-lamports for each unit of the limit.
    pub price: u64,
    /// The slot that its blockhash is known since, at the latest: a node that has not come so far cannot judge it.
    pub slot: u64,
    /// The last block height at which it can land.
    pub last_height: u64,
    /// What the programs logged.
    pub logs: Vec<String>,
}

impl Prepared {
    /// Its name.
    pub fn signature(&self) -> Signature {
        self.transaction.signatures[0]
    }

    /// What it pays for priority, lamports, rounded up as the runtime does.
    pub fn priority_fee(&self) -> u64 {
        (u128::from(self.limit) * u128::from(self.price)).div_ceil(1_000_000) as u64
    }
}

/// A blockhash, the last block height that it is good for, and a slot in which it is known.
struct Recent {
    hash: Hash,
    last_height: u64,
    slot: u64,
}

/// What a node that did not answer a sending well has done with the transaction.
enum Fate {
    /// Perhaps it was passed on.
    Sent,
    /// It was not; another time it may be.
    Later,
    /// It was not, and never is.
    Never,
    /// The node simulated it, unasked, and did not pass it on.
    Refused(TransactionError, Vec<String>),
}

impl Fate {
    fn of(error: &NodeError) -> Self {
        match error.kind() {
            ErrorKind::RpcError(RpcError::RpcResponseError { code, data, .. }) => match data {
                RpcResponseErrorData::SendTransactionPreflightFailure(result) => {
                    match result.err.clone().map(TransactionError::from) {
                        Some(TransactionError::AlreadyProcessed) => Self::Sent,
                        Some(error) if !is_the_nodes(&error) => {
                            Self::Refused(error, result.logs.clone().unwrap_or_default())
                        }
                        _ => Self::Later,
                    }
                }
                _ if is_behind(error) || *code == INTERNAL_ERROR => Self::Later,
                _ => Self::Never,
            },
            ErrorKind::Reqwest(error) if error.is_connect() => Self::Later,
            ErrorKind::Reqwest(error) => match error.status() {
                Some(StatusCode::TOO_MANY_REQUESTS) => Self::Later,
                Some(status) if status.is_client_error() => Self::Never,
                // A gateway that gave up, an answer that broke off, or none in time.
                _ => Self::Sent,
            },
            _ => Self::Sent,
        }
    }
}

/// A transaction that is confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Landed {
    /// Its name.
    pub signature: Signature,
    /// Where it landed.
    pub slot: u64,
}

impl Node {
    /// Simulates instructions, and signs the transaction of them with what the simulation says it needs. The first signer
    /// pays; signers that nobody asks for are left out.
    pub async fn prepare(
        &self,
        instructions: &[Instruction],
        signers: &[&Keypair],
        tables: &[AddressLookupTableAccount],
        bid: Bid,
    ) -> Result<Prepared, SendError> {
        let payer = signers.first().ok_or_else(|| SendError::Malformed("nobody signs".into()))?.pubkey();
        let compile = |hash: Hash, limit: u32, price: u64, loaded: u32| {
            let budget = [
                ComputeBudgetInstruction::set_compute_unit_limit(limit),
                ComputeBudgetInstruction::set_compute_unit_price(price),
                ComputeBudgetInstruction::set_loaded_accounts_data_size_limit(loaded),
            ];
            let all = [budget.as_slice(), instructions].concat();
            let message = v0::Message::try_compile(&payer, &all, tables, hash);
            message.map_err(|error| SendError::Malformed(error.to_string()))
        };
        let start = Instant::now();
        let (recent, writable, outcome) = loop {
            let recent = self.recent().await?;
            let widest = compile(recent.hash, MOST_UNITS, 0, MOST_LOADED)?;
            let writable = writable(&widest);
            let transaction = sign(widest, signers)?;
            let outcome = self.simulate(&transaction, recent.slot).await?;
            match outcome.err.clone().map(TransactionError::from) {
                None => break (recent, writable, outcome),
                // A blockhash may also have run out while the node was waited for: it is asked for anew.
                Some(error) if is_the_nodes(&error) => {
                    if start.elapsed() > self.patience() {
                        return Err(SendError::Lagging(format!("in simulation: {error}")));
                    }
                    sleep(PAUSE).await;
                }
                Some(error) => {
                    let logs = outcome.logs.unwrap_or_default();
                    return Err(SendError::of_simulation(&transaction.message, error, logs));
                }
            }
        };
        let logs = outcome.logs.unwrap_or_default();
        let units = outcome.units_consumed.unwrap_or(MOST_UNITS.into());
        let used = u32::try_from(units).unwrap_or(MOST_UNITS).min(MOST_UNITS);
        let limit = (used + used / SLACK + LEAST_SLACK).min(MOST_UNITS);
        // A node of an older version does not say.
        let loaded = outcome.loaded_accounts_data_size.filter(|bytes| *bytes > 0).unwrap_or(MOST_LOADED);
        let loaded = (loaded + loaded / SLACK).min(MOST_LOADED);
        let price = self.price(bid, &writable, limit).await?;
        let transaction = sign(compile(recent.hash, limit, price, loaded)?, signers)?;
        Ok(Prepared { transaction, units, limit, price, slot: recent.slot, last_height: recent.last_height, logs })
    }

    /// A recent blockhash.
    async fn recent(&self) -> Result<Recent, NodeError> {
        let not_before = self.slot();
        let config =
            RpcContextConfig { commitment: Some(CommitmentConfig::confirmed()), min_context_slot: Some(not_before) };
        let ask = || self.client().send(RpcRequest::GetLatestBlockhash, json!([config]));
        let Response { context, value }: Response<RpcBlockhash> = self.unless_behind(not_before, ask).await?;
        let hash = value.blockhash.parse();
        let hash = hash.map_err(|_| ErrorKind::Custom(format!("{} is no blockhash", value.blockhash)))?;
        Ok(Recent { hash, last_height: value.last_valid_block_height, slot: context.slot.max(not_before) })
    }

    /// A simulation by a node that knows a slot.
    async fn simulate(
        &self,
        transaction: &VersionedTransaction,
        not_before: u64,
    ) -> Result<RpcSimulateTransactionResult, NodeError> {
        let config = RpcSimulateTransactionConfig {
            sig_verify: true,
            commitment: Some(CommitmentConfig::confirmed()),
            min_context_slot: Some(not_before),
            ..RpcSimulateTransactionConfig::default()
        };
        let ask = || self.client().simulate_transaction_with_config(transaction, config.clone());
        Ok(self.unless_behind(not_before, ask).await?.value)
    }

    /// Sends, again and again, until the transaction is confirmed or cannot land any more.
    pub async fn land(&self, prepared: &Prepared) -> Result<Landed, SendError> {
        let signature = prepared.signature();
        // Simulated already. A leader may drop it, and a second copy does nothing.
        let config = RpcSendTransactionConfig {
            skip_preflight: true,
            max_retries: Some(0),
            min_context_slot: Some(prepared.slot),
            ..RpcSendTransactionConfig::default()
        };
        let start = Instant::now();
        let (mut was_sent, mut last_error) = (false, None);
        while start.elapsed() < PATIENCE {
            match self.client().send_transaction_with_config(&prepared.transaction, config).await {
                Ok(_) => was_sent = true,
                Err(error) => match Fate::of(&error) {
                    Fate::Sent => was_sent = true,
                    Fate::Later => last_error = Some(error),
                    Fate::Never if was_sent => (),
                    Fate::Never => return Err(error.into()),
                    Fate::Refused(..) if was_sent => (),
                    Fate::Refused(error, logs) => {
                        return Err(SendError::of_simulation(&prepared.transaction.message, error, logs));
                    }
                },
            }
            if let Some(fate) = self.fate(prepared).await {
                return fate;
            }
            sleep(PAUSE).await;
        }
        match last_error {
            Some(error) if !was_sent => Err(error.into()),
            _ => Err(SendError::Unknown(signature)),
        }
    }

    /// What became of a transaction, as far as it is known.
    async fn fate(&self, prepared: &Prepared) -> Option<Result<Landed, SendError>> {
        let signature = prepared.signature();
        // Asked before the state, so that what landed in between is seen.
        let epoch = self.client().get_epoch_info().await;
        let statuses = self.client().get_signature_statuses(&[signature]).await.ok()?;
        let Some(Some(status)) = statuses.value.into_iter().next() else {
            // Behind a balancer, the node that has not seen it may be one that has not come so far.
            let is_over = epoch.is_ok_and(|epoch| {
                epoch.block_height > prepared.last_height && statuses.context.slot >= epoch.absolute_slot
            });
            return is_over.then_some(Err(SendError::Expired(signature)));
        };
        if let Some(error) = status.err {
            let logs = self.logs(&signature).await.unwrap_or_default();
            let failure = Box::new(Failure::of(&prepared.transaction.message, error, logs));
            return Some(Err(SendError::Failed { signature, failure }));
        }
        if !status.satisfies_commitment(CommitmentConfig::confirmed()) {
            return None;
        }
        self.has_reached(status.slot);
        Some(Ok(Landed { signature, slot: status.slot }))
    }

    /// What programs logged in a transaction that landed, if the node knows it.
    async fn logs(&self, signature: &Signature) -> Option<Vec<String>> {
        let config = RpcTransactionConfig {
            encoding: Some(UiTransactionEncoding::Base64),
            commitment: Some(CommitmentConfig::confirmed()),
            max_supported_transaction_version: Some(0),
        };
        let found = self.client().get_transaction_with_config(signature, config).await.ok()?;
        found.transaction.meta?.log_messages.into()
    }

    /// Prepares and lands.
    pub async fn send(
        &self,
        instructions: &[Instruction],
        signers: &[&Keypair],
        bid: Bid,
    ) -> Result<Landed, SendError> {
        let prepared = self.prepare(instructions, signers, &[], bid).await?;
        self.land(&prepared).await
    }
}

/// The accounts that a message writes and names itself.
fn writable(message: &v0::Message) -> Vec<Address> {
    let header = &message.header;
    let (count, signed) = (message.account_keys.len(), header.num_required_signatures as usize);
    let signed_writable = signed - header.num_readonly_signed_accounts as usize;
    let unsigned_writable = count - header.num_readonly_unsigned_accounts as usize;
    message.account_keys[..signed_writable]
        .iter()
        .chain(&message.account_keys[signed..unsigned_writable])
        .copied()
        .collect()
}

fn sign(message: v0::Message, signers: &[&Keypair]) -> Result<VersionedTransaction, SendError> {
    let count = message.header.num_required_signatures as usize;
    let keys: Vec<_> = message.account_keys[..count].to_vec();
    let message = VersionedMessage::V0(message);
    let bytes = message.serialize();
    let signature = |key: &Address| {
        let signer = signers.iter().find(|signer| signer.pubkey() == *key).ok_or(SendError::Unsigned(*key))?;
        Ok(signer.sign_message(&bytes))
    };
    let signatures: Vec<_> = keys.iter().map(signature).collect::<Result<_, SendError>>()?;
    // One byte for the number of signatures.
    let size = 1 + 64 * count + bytes.len();
    if size > MOST_BYTES {
        return Err(SendError::TooLarge(size));
    }
    Ok(VersionedTransaction { signatures, message })
}

#[cfg(test)]
mod tests {
    use solana_instruction::AccountMeta;

    use super::*;

    fn key(byte: u8) -> Keypair {
        Keypair::new_from_array([byte; 32])
    }

    fn message(metas: Vec<AccountMeta>, data: usize) -> v0::Message {
        let instruction = Instruction { program_id: key(9).pubkey(), accounts: metas, data: vec![0; data] };
        v0::Message::try_compile(&key(1).pubkey(), &[instruction], &[], Default::default()).expect("compiles")
    }

    #[test]
    fn only_written_accounts_count_for_the_fee() {
        let [signer, reader, written, read] = [2, 3, 4, 5].map(|byte| key(byte).pubkey());
        let message = message(
            vec![
                AccountMeta::new(signer, true),
                AccountMeta::new_readonly(reader, true),
                AccountMeta::new(written, false),
                AccountMeta::new_readonly(read, false),
            ],
            0,
        );
        let mut expected = [key(1).pubkey(), signer, written];
        let mut found = writable(&message);
        expected.sort();
        found.sort();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_missing_key_and_too_many_bytes_are_said() {
        let needs = message(vec![AccountMeta::new(key(2).pubkey(), true)], 0);
        assert!(
            matches!(sign(needs.clone(), &[&key(1)]), Err(SendError::Unsigned(address)) if address == key(2).pubkey())
        );
        let signed = sign(needs, &[&key(3), &key(2), &key(1)]).expect("all keys are there");
        let bytes = signed.message.serialize();
        let expected = [1, 2].map(|byte| key(byte).sign_message(&bytes));
        assert_eq!(signed.signatures, expected, "in the order of the message");
        assert!(matches!(sign(message(Vec::new(), 1_232), &[&key(1)]), Err(SendError::TooLarge(_))));
    }

    #[test]
    fn the_priority_fee_is_rounded_up() {
        let transaction = sign(message(Vec::new(), 0), &[&key(1)]).expect("signed");
        let prepared =
            Prepared { transaction, units: 0, limit: 3_001, price: 1_000, slot: 0, last_height: 0, logs: Vec::new() };
        assert_eq!(prepared.priority_fee(), 4);
        assert_eq!(Prepared { price: u64::MAX, limit: 1, ..prepared }.priority_fee(), 18_446_744_073_710);
    }
}

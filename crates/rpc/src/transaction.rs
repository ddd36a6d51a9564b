//! Sending.

use std::time::{Duration, Instant};

use ballast_client::{Address, Instruction};
use http::StatusCode;
use serde_json::json;
use solana_commitment_config::CommitmentConfig;
use solana_compute_budget_interface::ComputeBudgetInstruction;
use solana_hash::Hash;
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

    /// What it pays for priority, lamports.
    pub fn priority_fee(&self) -> u64 {
        priority_fee(self.limit, self.price)
    }
}

/// Lamports for so many compute units at micro-lamports each, rounded up as the runtime does.
fn priority_fee(limit: u32, price: u64) -> u64 {
    (u128::from(limit) * u128::from(price)).div_ceil(1_000_000) as u64
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

/// A transaction that would land, before it is signed.
struct Draft {
    message: v0::Message,
    estimate: Estimate,
    limit: u32,
    price: u64,
    recent: Recent,
    logs: Vec<String>,
}

/// What a transaction would cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// Compute units used in simulation.
    pub units: u64,
    /// Lamports paid for priority.
    pub priority_fee: u64,
}

/// Whether a packet holds a transaction of these instructions, with what [`Node::prepare`] puts before them.
pub fn fits(payer: &Address, instructions: &[Instruction]) -> bool {
    let message = compile(payer, instructions, &[], Hash::default(), Budget::WIDEST);
    message.is_ok_and(|message| size(&VersionedMessage::V0(message)) <= MOST_BYTES)
}

/// Bytes of a transaction, its signatures included.
fn size(message: &VersionedMessage) -> usize {
    // One byte for the number of signatures.
    1 + 64 * message.header().num_required_signatures as usize + message.serialize().len()
}

/// What a transaction may use, and bids for it.
#[derive(Clone, Copy)]
struct Budget {
    units: u32,
    price: u64,
    loaded: u32,
}

impl Budget {
    const WIDEST: Self = Self { units: MOST_UNITS, price: 0, loaded: MOST_LOADED };
}

fn compile(
    payer: &Address,
    instructions: &[Instruction],
    tables: &[AddressLookupTableAccount],
    hash: Hash,
    Budget { units, price, loaded }: Budget,
) -> Result<v0::Message, SendError> {
    let budget = [
        ComputeBudgetInstruction::set_compute_unit_limit(units),
        ComputeBudgetInstruction::set_compute_unit_price(price),
        ComputeBudgetInstruction::set_loaded_accounts_data_size_limit(loaded),
    ];
    let all = [budget.as_slice(), instructions].concat();
    let message = v0::Message::try_compile(payer, &all, tables, hash);
    message.map_err(|error| SendError::Malformed(error.to_string()))
}

impl Node {
    /// Simulates instructions, and signs the transaction of them with what the simulation says it needs. The first signer
    /// pays; signers that nobody asks for are left out. Who has to be asked for a signature is asked once.
    pub async fn prepare<S: Signer + ?Sized>(
        &self,
        instructions: &[Instruction],
        signers: &[&S],
        tables: &[AddressLookupTableAccount],
        bid: Bid,
    ) -> Result<Prepared, SendError> {
        let Draft { message, estimate, limit, price, recent, logs } =
            self.draft(instructions, signers, tables, bid).await?;
        let transaction = sign(message, signers, true)?;
        let (slot, last_height) = (recent.slot, recent.last_height);
        Ok(Prepared { transaction, units: estimate.units, limit, price, slot, last_height, logs })
    }

    /// What a transaction of these instructions would cost, if it would land. Nobody is asked for a signature.
    pub async fn estimate<S: Signer + ?Sized>(
        &self,
        instructions: &[Instruction],
        signers: &[&S],
        bid: Bid,
    ) -> Result<Estimate, SendError> {
        Ok(self.draft(instructions, signers, &[], bid).await?.estimate)
    }

    async fn draft<S: Signer + ?Sized>(
        &self,
        instructions: &[Instruction],
        signers: &[&S],
        tables: &[AddressLookupTableAccount],
        bid: Bid,
    ) -> Result<Draft, SendError> {
        let payer = signers.first().ok_or_else(|| SendError::Malformed("nobody signs".into()))?.pubkey();
        // A simulation does without the signature of a device, which would have to be asked for twice.
        let is_signed = !signers.iter().any(|signer| signer.is_interactive());
        let start = Instant::now();
        let (recent, writable, outcome) = loop {
            let recent = self.recent().await?;
            let widest = compile(&payer, instructions, tables, recent.hash, Budget::WIDEST)?;
            let writable = writable(&widest);
            let transaction = sign(widest, signers, false)?;
            let outcome = self.simulate(&transaction, recent.slot, is_signed).await?;
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
        let message = compile(&payer, instructions, tables, recent.hash, Budget { units: limit, price, loaded })?;
        let estimate = Estimate { units, priority_fee: priority_fee(limit, price) };
        Ok(Draft { message, estimate, limit, price, recent, logs })
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
        is_signed: bool,
    ) -> Result<RpcSimulateTransactionResult, NodeError> {
        let config = RpcSimulateTransactionConfig {
            sig_verify: is_signed,
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
    pub async fn send<S: Signer + ?Sized>(
        &self,
        instructions: &[Instruction],
        signers: &[&S],
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

/// Signs a message; `asks` says whether signers are asked that somebody has to confirm. Else there is room for theirs.
fn sign<S: Signer + ?Sized>(
    message: v0::Message,
    signers: &[&S],
    asks: bool,
) -> Result<VersionedTransaction, SendError> {
    let count = message.header.num_required_signatures as usize;
    let keys: Vec<_> = message.account_keys[..count].to_vec();
    let message = VersionedMessage::V0(message);
    let size = size(&message);
    if size > MOST_BYTES {
        return Err(SendError::TooLarge(size));
    }
    let bytes = message.serialize();
    let signature = |key: &Address| {
        let signer = signers.iter().find(|signer| signer.pubkey() == *key).ok_or(SendError::Unsigned(*key))?;
        if signer.is_interactive() && !asks {
            return Ok(Signature::default());
        }
        signer.try_sign_message(&bytes).map_err(|error| SendError::NotSigned(*key, error.to_string()))
    };
    let signatures: Vec<_> = keys.iter().map(signature).collect::<Result<_, SendError>>()?;
    Ok(VersionedTransaction { signatures, message })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use solana_instruction::AccountMeta;
    use solana_keypair::Keypair;
    use solana_signer::SignerError;

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
        let unsigned = sign(needs.clone(), &[&key(1)], true);
        assert!(matches!(unsigned, Err(SendError::Unsigned(address)) if address == key(2).pubkey()));
        let signed = sign(needs, &[&key(3), &key(2), &key(1)], true).expect("all keys are there");
        let bytes = signed.message.serialize();
        let expected = [1, 2].map(|byte| key(byte).sign_message(&bytes));
        assert_eq!(signed.signatures, expected, "in the order of the message");
        assert!(matches!(sign(message(Vec::new(), 1_232), &[&key(1)], true), Err(SendError::TooLarge(_))));
    }

    #[test]
    fn the_priority_fee_is_rounded_up() {
        let transaction = sign(message(Vec::new(), 0), &[&key(1)], true).expect("signed");
        let prepared =
            Prepared { transaction, units: 0, limit: 3_001, price: 1_000, slot: 0, last_height: 0, logs: Vec::new() };
        assert_eq!(prepared.priority_fee(), 4);
        assert_eq!(Prepared { price: u64::MAX, limit: 1, ..prepared }.priority_fee(), 18_446_744_073_710);
    }

    /// A key behind a button.
    struct Device {
        key: Keypair,
        asked: Cell<usize>,
        refuses: bool,
    }

    impl Signer for Device {
        fn try_pubkey(&self) -> Result<Address, SignerError> {
            self.key.try_pubkey()
        }

        fn try_sign_message(&self, message: &[u8]) -> Result<Signature, SignerError> {
            self.asked.set(self.asked.get() + 1);
            if self.refuses { Err(SignerError::UserCancel("no".into())) } else { self.key.try_sign_message(message) }
        }

        fn is_interactive(&self) -> bool {
            true
        }
    }

    #[test]
    fn a_device_is_asked_for_what_is_sent_and_not_for_what_is_simulated() {
        let device = Device { key: key(2), asked: Cell::new(0), refuses: false };
        let (payer, needs) = (key(1), message(vec![AccountMeta::new(device.pubkey(), true)], 0));
        let signers: [&dyn Signer; 2] = [&payer, &device];
        let simulated = sign(needs.clone(), &signers, false).expect("room for a signature");
        assert_eq!((simulated.signatures[1], device.asked.get()), (Signature::default(), 0));
        let sent = sign(needs.clone(), &signers, true).expect("signed");
        assert_eq!((sent.signatures[1], device.asked.get()), (key(2).sign_message(&sent.message.serialize()), 1));
        let refusing = Device { refuses: true, ..device };
        let refused = sign::<dyn Signer>(needs, &[&payer, &refusing], true);
        assert!(matches!(refused, Err(SendError::NotSigned(address, _)) if address == refusing.pubkey()));
    }

    #[test]
    fn what_fits_is_what_can_be_sent() {
        let payer = key(1);
        let of = |count: u8, bytes: usize| {
            let accounts =
                (100..100 + count).map(|byte| AccountMeta::new_readonly(key(byte).pubkey(), false)).collect();
            [Instruction { program_id: key(9).pubkey(), accounts, data: vec![0; bytes] }]
        };
        for count in [0, 10, 25] {
            let most = (0..1_200).rev().find(|bytes| fits(&payer.pubkey(), &of(count, *bytes))).expect("none does");
            for (bytes, is_expected) in [(most, true), (most + 1, false)] {
                let message = compile(&payer.pubkey(), &of(count, bytes), &[], Hash::default(), Budget::WIDEST);
                let signed = sign(message.expect("compiles"), &[&payer], true);
                assert_eq!(signed.is_ok(), is_expected, "{count} accounts, {bytes} bytes");
            }
        }
    }
}

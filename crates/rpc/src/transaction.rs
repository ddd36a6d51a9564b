//! Sending.

use std::time::{Duration, Instant};

use ballast_client::{Address, Instruction};
use solana_commitment_config::CommitmentConfig;
use solana_compute_budget_interface::ComputeBudgetInstruction;
use solana_keypair::Keypair;
use solana_message::{AddressLookupTableAccount, VersionedMessage, v0};
use solana_rpc_client_api::config::{RpcSendTransactionConfig, RpcSimulateTransactionConfig};
use solana_signature::Signature;
use solana_signer::Signer;
use solana_transaction::versioned::VersionedTransaction;
use solana_transaction_error::TransactionError;
use tokio::time::sleep;

use crate::{
    Bid, Failure, Node, SendError,
    node::{PAUSE, unless_behind},
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
        let (hash, last_height) =
            self.client().get_latest_blockhash_with_commitment(CommitmentConfig::confirmed()).await?;
        let compile = |limit: u32, price: u64, loaded: u32| {
            let budget = [
                ComputeBudgetInstruction::set_compute_unit_limit(limit),
                ComputeBudgetInstruction::set_compute_unit_price(price),
                ComputeBudgetInstruction::set_loaded_accounts_data_size_limit(loaded),
            ];
            let all = [budget.as_slice(), instructions].concat();
            let message = v0::Message::try_compile(&payer, &all, tables, hash);
            message.map_err(|error| SendError::Malformed(error.to_string()))
        };
        let widest = compile(MOST_UNITS, 0, MOST_LOADED)?;
        let writable = writable(&widest);
        let transaction = sign(widest, signers)?;
        let config = RpcSimulateTransactionConfig {
            sig_verify: true,
            commitment: Some(CommitmentConfig::confirmed()),
            min_context_slot: Some(self.slot()),
            ..RpcSimulateTransactionConfig::default()
        };
        let outcome =
            unless_behind(|| self.client().simulate_transaction_with_config(&transaction, config.clone())).await?.value;
        let logs = outcome.logs.unwrap_or_default();
        if let Some(error) = outcome.err {
            return Err(SendError::Refused(Box::new(Failure::new(TransactionError::from(error), logs))));
        }
        let units = outcome.units_consumed.unwrap_or(MOST_UNITS.into());
        let used = u32::try_from(units).unwrap_or(MOST_UNITS).min(MOST_UNITS);
        let limit = (used + used / SLACK + LEAST_SLACK).min(MOST_UNITS);
        // A node of an older version does not say.
        let loaded = outcome.loaded_accounts_data_size.filter(|bytes| *bytes > 0).unwrap_or(MOST_LOADED);
        let loaded = (loaded + loaded / SLACK).min(MOST_LOADED);
        let price = self.price(bid, &writable, limit).await?;
        let transaction = sign(compile(limit, price, loaded)?, signers)?;
        Ok(Prepared { transaction, units, limit, price, last_height, logs })
    }

    /// Sends, again and again, until the transaction is confirmed or cannot land any more.
    pub async fn land(&self, prepared: &Prepared) -> Result<Landed, SendError> {
        let signature = prepared.signature();
        // Simulated already. A leader may drop it, and a second copy does nothing.
        let config = RpcSendTransactionConfig {
            skip_preflight: true,
            max_retries: Some(0),
            ..RpcSendTransactionConfig::default()
        };
        let start = Instant::now();
        let (mut was_sent, mut last_error) = (false, None);
        while start.elapsed() < PATIENCE {
            match self.client().send_transaction_with_config(&prepared.transaction, config).await {
                Ok(_) => was_sent = true,
                Err(error) => last_error = Some(error),
            }
            // Asked before the state, so that what landed in between is seen.
            let height = self.client().get_block_height().await;
            match self.client().get_signature_statuses(&[signature]).await.map(|answer| answer.value.into_iter().next())
            {
                Ok(Some(Some(status))) => {
                    if let Some(error) = status.err {
                        return Err(SendError::Failed {
                            signature,
                            failure: Box::new(Failure::new(error, Vec::new())),
                        });
                    }
                    if status.satisfies_commitment(CommitmentConfig::confirmed()) {
                        self.has_reached(status.slot);
                        return Ok(Landed { signature, slot: status.slot });
                    }
                }
                Ok(_) if height.is_ok_and(|height| height > prepared.last_height) => {
                    return Err(SendError::Expired(signature));
                }
                _ => (),
            }
            sleep(PAUSE).await;
        }
        match last_error {
            Some(error) if !was_sent => Err(error.into()),
            _ => Err(SendError::Unknown(signature)),
        }
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
        let prepared = Prepared { transaction, units: 0, limit: 3_001, price: 1_000, last_height: 0, logs: Vec::new() };
        assert_eq!(prepared.priority_fee(), 4);
        assert_eq!(Prepared { price: u64::MAX, limit: 1, ..prepared }.priority_fee(), 18_446_744_073_710);
    }
}

//! Why a transaction did not do what it was to do.

use ballast_client::{Address, ID, TOKEN_2022_PROGRAM, TOKEN_PROGRAM, describe_error};
use solana_instruction::error::InstructionError;
use solana_rpc_client_api::client_error;
use solana_signature::Signature;
use solana_system_interface::error::SystemError;
use solana_transaction_error::TransactionError;
use spl_token_interface::error::TokenError;

/// A transaction that failed, or would.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// What the runtime says.
    pub error: TransactionError,
    /// Who said no: the program that failed first, which may have been called by another. Known from logs alone.
    pub program: Option<Address>,
    /// What the programs logged.
    pub logs: Vec<String>,
}

impl Failure {
    /// Of an error and the logs that came with it.
    pub fn new(error: TransactionError, logs: Vec<String>) -> Self {
        // The innermost program fails first, and what it fails with passes through its callers.
        let program = logs.iter().find_map(|line| failed_program(line));
        Self { error, program, logs }
    }

    /// The code of an error that Ballast failed with itself.
    pub fn code(&self) -> Option<u32> {
        let is_ours = self.program.is_none_or(|program| program == ID);
        self.custom().filter(|_| is_ours)
    }

    fn custom(&self) -> Option<u32> {
        match self.error {
            TransactionError::InstructionError(_, InstructionError::Custom(code)) => Some(code),
            _ => None,
        }
    }
}

fn failed_program(line: &str) -> Option<Address> {
    let (program, rest) = line.strip_prefix("Program ")?.split_once(' ')?;
    rest.starts_with("failed: ").then(|| program.parse().ok())?
}

impl core::fmt::Display for Failure {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Some(code) = self.custom() else { return write!(f, "{}", self.error) };
        match self.program {
            None | Some(ID) => f.write_str(&describe_error(code)),
            Some(TOKEN_PROGRAM | TOKEN_2022_PROGRAM) => match TokenError::try_from(code) {
                Ok(error) => write!(f, "the token program: {error}"),
                Err(_) => write!(f, "the token program: error {code}"),
            },
            Some(ballast_client::SYSTEM_PROGRAM) => {
                write!(f, "the system program: {}", SystemError::from(u64::from(code)))
            }
            Some(program) => write!(f, "program {program}: error {code}"),
        }
    }
}

/// Why a transaction was not sent, or is not known to have landed.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The node did not answer, or not as it should.
    #[error("the node: {0}")]
    Node(#[from] Box<client_error::Error>),
    /// It would fail, and was not sent.
    #[error("in simulation: {0}")]
    Refused(Box<Failure>),
    /// It landed and failed. Its fee is spent.
    #[error("{signature}: {failure}")]
    Failed {
        /// The transaction.
        signature: Signature,
        /// Why.
        failure: Box<Failure>,
    },
    /// Its blockhash ran out before it was seen: it did not land, and never will.
    #[error("{0} was not confirmed before its blockhash ran out: it can be sent anew")]
    Expired(Signature),
    /// Nothing was heard of it. Look it up before sending anything like it again.
    #[error("{0} may have landed, the node does not say: look it up before sending it again")]
    Unknown(Signature),
    /// More bytes than a packet holds.
    #[error("the transaction has {0} bytes, of which a packet holds 1,232")]
    TooLarge(usize),
    /// A key is missing.
    #[error("{0} must sign")]
    Unsigned(Address),
    /// It cannot be written as a transaction.
    #[error("no transaction: {0}")]
    Malformed(String),
}

impl From<client_error::Error> for SendError {
    fn from(error: client_error::Error) -> Self {
        Self::Node(Box::new(error))
    }
}

impl SendError {
    /// What the programs said, if one of them did.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Refused(failure) | Self::Failed { failure, .. } => Some(failure),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: u32, logs: &[&str]) -> Failure {
        let error = TransactionError::InstructionError(1, InstructionError::Custom(code));
        Failure::new(error, logs.iter().map(|line| (*line).to_owned()).collect())
    }

    #[test]
    fn a_code_is_told_in_the_words_of_the_program_that_failed_first() {
        let outer = format!("Program {ID} failed: custom program error: 0x1");
        let token = format!("Program {TOKEN_PROGRAM} failed: custom program error: 0x1");
        let ours = failure(6000, &[&outer]);
        assert_eq!(ours.to_string(), "AmountIsZero (6000): The amount is zero: give at least one atom");
        assert_eq!(ours.code(), Some(6000));
        let theirs = failure(1, &[&token, &outer]);
        assert_eq!((theirs.to_string().as_str(), theirs.code()), ("the token program: Insufficient funds", None));
        let system = failure(1, &["Program 11111111111111111111111111111111 failed: custom program error: 0x1"]);
        assert!(system.to_string().starts_with("the system program: "), "{system}");
        let stranger = failure(7, &["Program Stake11111111111111111111111111111111111111 failed: x"]);
        assert_eq!(stranger.to_string(), "program Stake11111111111111111111111111111111111111: error 7");
        assert_eq!(failure(6000, &[]).code(), Some(6000), "without logs the caller's own instruction is meant");
    }

    #[test]
    fn what_is_no_code_is_told_by_the_runtime() {
        let failure = Failure::new(TransactionError::InsufficientFundsForFee, Vec::new());
        assert_eq!((failure.to_string().as_str(), failure.code()), ("Insufficient funds for fee", None));
        assert_eq!(failed_program("Program log: Program x failed: y"), None);
    }
}

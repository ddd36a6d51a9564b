//! Why a transaction did not do what it was to do.

use ballast_client::{
    Address, ID, ProgramError, SYSTEM_PROGRAM, TOKEN_2022_PROGRAM, TOKEN_PROGRAM, describe_error, error_name,
};
use solana_instruction::error::InstructionError;
use solana_message::VersionedMessage;
use solana_rpc_client_api::client_error;
use solana_signature::Signature;
use solana_system_interface::error::SystemError;
use solana_transaction_error::TransactionError;
use spl_token_interface::error::TokenError;

use crate::node::is_behind;

/// A transaction that failed, or would.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// What the runtime says.
    pub error: TransactionError,
    /// Who said no: the program that failed first, which may have been called by another. Known from logs alone.
    pub program: Option<Address>,
    /// The program of the instruction that failed. It, or one that it called, said no.
    pub called: Option<Address>,
    /// What the programs logged.
    pub logs: Vec<String>,
}

impl Failure {
    /// Of an error and the logs that came with it.
    pub fn new(error: TransactionError, logs: Vec<String>) -> Self {
        // The innermost program fails first, and what it fails with passes through its callers.
        let program = logs.iter().find_map(|line| failed_program(line));
        Self { error, program, called: None, logs }
    }

    /// Of a message's error and the logs that came with it, which may be missing, or cut short before the failure.
    pub fn of(message: &VersionedMessage, error: TransactionError, logs: Vec<String>) -> Self {
        let called = match error {
            TransactionError::InstructionError(index, _) => message.instructions().get(index as usize),
            _ => None,
        };
        let called = called
            .and_then(|instruction| message.static_account_keys().get(instruction.program_id_index as usize).copied());
        Self { called, ..Self::new(error, logs) }
    }

    /// The code of an error that Ballast failed with itself.
    pub fn code(&self) -> Option<u32> {
        self.custom().filter(|code| match (self.program, self.called) {
            (Some(program), _) => program == ID,
            // What Ballast calls is the token programs and the system program, which have none of its codes.
            (None, Some(called)) => called == ID && error_name(*code).is_some(),
            (None, None) => false,
        })
    }

    /// The protocol's own error, or the framework's, that Ballast failed with.
    pub fn program_error(&self) -> Option<ProgramError> {
        self.code().and_then(ProgramError::from_code)
    }

    /// The code of an error that this program failed with itself.
    pub fn code_of(&self, program: Address) -> Option<u32> {
        self.custom().filter(|_| self.program == Some(program))
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

/// What a program is called in a sentence.
fn name(program: Address) -> String {
    match program {
        ID => "Ballast".into(),
        TOKEN_PROGRAM | TOKEN_2022_PROGRAM => "the token program".into(),
        SYSTEM_PROGRAM => "the system program".into(),
        program => format!("program {program}"),
    }
}

/// A program's code in its own words, as far as they are known here.
fn words(program: Address, code: u32) -> String {
    let known = match program {
        ID if error_name(code).is_some() => return describe_error(code),
        TOKEN_PROGRAM | TOKEN_2022_PROGRAM => TokenError::try_from(code).ok().map(|error| error.to_string()),
        SYSTEM_PROGRAM => SystemError::try_from(code).ok().map(|error| error.to_string()),
        _ => None,
    };
    format!("{}: {}", name(program), known.unwrap_or_else(|| format!("error {code}")))
}

impl core::fmt::Display for Failure {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let TransactionError::InstructionError(_, inner) = &self.error else { return write!(f, "{}", self.error) };
        match (inner, self.program, self.called) {
            (InstructionError::Custom(code), Some(program), _) => f.write_str(&words(program, *code)),
            (InstructionError::Custom(code), None, Some(ID)) if self.code().is_some() => f.write_str(&words(ID, *code)),
            (inner, Some(program), _) => write!(f, "{}: {inner}", name(program)),
            (InstructionError::Custom(code), None, Some(called)) => {
                write!(f, "{}, or a program that it called: error {code}", name(called))
            }
            (inner, None, Some(called)) => write!(f, "{}, or a program that it called: {inner}", name(called)),
            (InstructionError::Custom(code), None, None) => write!(f, "error {code} of a program that is not known"),
            (_, None, None) => write!(f, "{}", self.error),
        }
    }
}

/// Why a transaction was not sent, or is not known to have landed.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The node did not answer, or not as it should.
    #[error("the node: {0}")]
    Node(Box<client_error::Error>),
    /// The node does not know what others of the cluster do, and did not come to know it while it was waited for.
    /// Nothing was sent.
    #[error("the node lags behind the cluster: {0}. Try again, or another node")]
    Lagging(String),
    /// The runtime would not begin with it, so that no program was asked, and it was not sent.
    #[error("in simulation: {0}")]
    NotBegun(TransactionError),
    /// A program would refuse it, and it was not sent.
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
    /// Who was asked did not sign. Nothing was sent.
    #[error("{0} did not sign: {1}")]
    NotSigned(Address, String),
    /// It cannot be written as a transaction.
    #[error("no transaction: {0}")]
    Malformed(String),
}

impl From<client_error::Error> for SendError {
    fn from(error: client_error::Error) -> Self {
        if is_behind(&error) { Self::Lagging(error.to_string()) } else { Self::Node(Box::new(error)) }
    }
}

impl SendError {
    /// Of what a simulation failed with.
    pub(crate) fn of_simulation(message: &VersionedMessage, error: TransactionError, logs: Vec<String>) -> Self {
        match error {
            TransactionError::InstructionError(..) => Self::Refused(Box::new(Failure::of(message, error, logs))),
            error => Self::NotBegun(error),
        }
    }

    /// What the programs said, if one of them did.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Refused(failure) | Self::Failed { failure, .. } => Some(failure),
            _ => None,
        }
    }
}

/// Whether a node says this of itself: another, or the same one later, says otherwise. Not of the transaction.
pub(crate) fn is_the_nodes(error: &TransactionError) -> bool {
    matches!(
        error,
        TransactionError::BlockhashNotFound
            | TransactionError::AccountInUse
            | TransactionError::ClusterMaintenance
            | TransactionError::ProgramCacheHitMaxLimit
            | TransactionError::ResanitizationNeeded
            | TransactionError::CommitCancelled
    )
}

#[cfg(test)]
mod tests {
    use solana_instruction::Instruction;
    use solana_message::v0;

    use super::*;

    const STRANGER: Address = Address::from_str_const("JUP6LkbZbjS1jKKwapdHNy74zcZ3tLUZoi5QNyVTaV4");

    fn custom(code: u32) -> TransactionError {
        TransactionError::InstructionError(1, InstructionError::Custom(code))
    }

    fn lines(logs: &[&str]) -> Vec<String> {
        logs.iter().map(|line| (*line).to_owned()).collect()
    }

    fn failure(code: u32, logs: &[&str]) -> Failure {
        Failure::new(custom(code), lines(logs))
    }

    /// A message whose second instruction is this program's.
    fn message(program_id: Address) -> VersionedMessage {
        let instruction = |program_id| Instruction { program_id, accounts: Vec::new(), data: Vec::new() };
        let all = [instruction(SYSTEM_PROGRAM), instruction(program_id)];
        let payer = Address::new_from_array([7; 32]);
        VersionedMessage::V0(v0::Message::try_compile(&payer, &all, &[], Default::default()).expect("compiles"))
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
        assert_eq!(theirs.code_of(TOKEN_PROGRAM), Some(1));
        let system = failure(1, &["Program 11111111111111111111111111111111 failed: custom program error: 0x1"]);
        assert!(system.to_string().starts_with("the system program: account does not have"), "{system}");
    }

    #[test]
    fn another_programs_code_is_never_told_in_our_words() {
        let stranger = format!("Program {STRANGER} failed: custom program error: 0x1771");
        let expected = format!("program {STRANGER}: error 6001");
        // By a swap between the halves of a receivership, by itself or called by somebody; with logs and without.
        let logged = Failure::of(&message(STRANGER), custom(6001), lines(&[&stranger]));
        assert_eq!((logged.to_string(), logged.code()), (expected.clone(), None));
        let inner = Failure::of(&message(ID), custom(6001), lines(&[&stranger]));
        assert_eq!((inner.to_string(), inner.code()), (expected, None));
        for logs in [&[][..], &["Program JUP6LkbZbjS1jKKwapdHNy74zcZ3tLUZoi5QNyVTaV4 invoke [1]", "Log truncated"]] {
            let silent = Failure::of(&message(STRANGER), custom(6001), lines(logs));
            let expected = format!("program {STRANGER}, or a program that it called: error 6001");
            assert_eq!((silent.to_string(), silent.code(), silent.program_error()), (expected, None, None));
        }
        // Nothing is known of who it was.
        assert_eq!(failure(6001, &[]).code(), None);
        assert_eq!(failure(6001, &[]).to_string(), "error 6001 of a program that is not known");
        // What a program logs names nobody else, and codes that nobody has do no harm.
        let forged = format!("Program log: Program {ID} failed: custom program error: 0x1770");
        assert_eq!(failure(6000, &[&forged, &stranger]).code(), None);
        let system = failure(99, &["Program 11111111111111111111111111111111 failed: custom program error: 0x63"]);
        assert_eq!(system.to_string(), "the system program: error 99");
        let token = failure(6001, &[&format!("Program {TOKEN_2022_PROGRAM} failed: custom program error: 0x1771")]);
        assert_eq!(token.to_string(), "the token program: error 6001");
    }

    #[test]
    fn without_logs_ballasts_own_codes_are_known_by_its_instruction() {
        for logs in [&[][..], &["Log truncated"]] {
            let ours = Failure::of(&message(ID), custom(6000), lines(logs));
            assert_eq!(ours.to_string(), "AmountIsZero (6000): The amount is zero: give at least one atom");
            assert_eq!(ours.code(), Some(6000));
            // The token program's, which Ballast calls.
            let inner = Failure::of(&message(ID), custom(1), lines(logs));
            assert_eq!(inner.to_string(), "Ballast, or a program that it called: error 1");
            assert_eq!(inner.code(), None);
        }
    }

    #[test]
    fn what_is_no_code_is_told_by_the_runtime_and_with_who_it_was() {
        let failure = Failure::of(&message(ID), TransactionError::InsufficientFundsForFee, Vec::new());
        assert_eq!((failure.to_string().as_str(), failure.code()), ("Insufficient funds for fee", None));
        let error = || TransactionError::InstructionError(1, InstructionError::InvalidAccountOwner);
        let failed = format!("Program {STRANGER} failed: Invalid account owner");
        let known = Failure::of(&message(ID), error(), lines(&[&failed]));
        assert_eq!(known.to_string(), format!("program {STRANGER}: Invalid account owner"));
        let silent = Failure::of(&message(ID), error(), Vec::new());
        assert_eq!(silent.to_string(), "Ballast, or a program that it called: Invalid account owner");
        assert_eq!(failed_program("Program log: Program x failed: y"), None);
        // An index that the message does not have names nobody.
        let far = TransactionError::InstructionError(9, InstructionError::Custom(6000));
        assert_eq!(Failure::of(&message(ID), far, Vec::new()).code(), None);
    }
}

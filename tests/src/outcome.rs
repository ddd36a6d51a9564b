//! What a transaction did.

use ballast_client::{Event, describe_error};
use ballast_engine::Error;
use litesvm::types::{TransactionMetadata, TransactionResult};
use solana_transaction::{InstructionError, TransactionError};

/// The result of a transaction.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Compute units of the whole transaction.
    pub compute_units: u64,
    /// Serialised size, signatures included.
    pub transaction_bytes: usize,
    /// Log lines.
    pub logs: Vec<String>,
    /// The program's events among them. Events of a failed transaction did not happen.
    pub events: Vec<Event>,
    /// Return data.
    pub return_data: Vec<u8>,
    /// Why it failed.
    pub error: Option<TransactionError>,
}

impl Outcome {
    pub(crate) fn new(result: TransactionResult, transaction_bytes: usize) -> Self {
        let (meta, error): (TransactionMetadata, _) = match result {
            Ok(meta) => (meta, None),
            Err(failed) => (failed.meta, Some(failed.err)),
        };
        Self {
            compute_units: meta.compute_units_consumed,
            transaction_bytes,
            events: Event::from_logs(&meta.logs),
            return_data: meta.return_data.data,
            logs: meta.logs,
            error,
        }
    }

    /// The error of the instruction that failed.
    pub fn instruction_error(&self) -> Option<&InstructionError> {
        match &self.error {
            Some(TransactionError::InstructionError(_, error)) => Some(error),
            _ => None,
        }
    }

    /// The code of a custom error.
    pub fn custom_code(&self) -> Option<u32> {
        match self.instruction_error() {
            Some(InstructionError::Custom(code)) => Some(*code),
            _ => None,
        }
    }

    /// The protocol's error, if that is why it failed.
    pub fn engine_error(&self) -> Option<Error> {
        self.custom_code().and_then(Error::from_code)
    }

    /// Whether it succeeded.
    pub fn is_ok(&self) -> bool {
        self.error.is_none()
    }

    /// Requires success.
    #[track_caller]
    pub fn expect_ok(self) -> Self {
        assert!(self.is_ok(), "expected success, got {}", self.describe());
        self
    }

    /// Requires one of the protocol's errors.
    #[track_caller]
    pub fn expect_error(self, error: Error) -> Self {
        assert_eq!(self.engine_error(), Some(error), "expected {}, got {}", error.name(), self.describe());
        self
    }

    /// Requires success with a price that was passed over for a reason, and nothing else.
    #[track_caller]
    pub fn expect_passed_over(self, error: Error) {
        let described = self.describe();
        let Event::PricePassedOver(passed) = self.expect_event() else {
            panic!("no price was passed over: {described}")
        };
        assert_eq!(Error::from_code(passed.error), Some(error), "{described}");
    }

    /// Requires `Custom(code)`: an error of the framework or of another program.
    #[track_caller]
    pub fn expect_custom(self, code: u32) -> Self {
        assert_eq!(self.custom_code(), Some(code), "expected {}, got {}", describe_error(code), self.describe());
        self
    }

    /// Requires a builtin error of an instruction.
    #[track_caller]
    pub fn expect_instruction_error(self, error: InstructionError) -> Self {
        assert_eq!(self.instruction_error(), Some(&error), "expected {error:?}, got {}", self.describe());
        self
    }

    /// Requires success with exactly one event.
    #[track_caller]
    pub fn expect_event(self) -> Event {
        let outcome = self.expect_ok();
        assert_eq!(outcome.events.len(), 1, "expected one event, got {}", outcome.describe());
        outcome.events[0]
    }

    /// Result and log, for people.
    pub fn describe(&self) -> String {
        let result = match (self.custom_code(), &self.error) {
            (Some(code), _) => describe_error(code),
            (None, Some(error)) => format!("{error:?}"),
            (None, None) => "success".into(),
        };
        format!("{result}\n  {}", self.logs.join("\n  "))
    }
}

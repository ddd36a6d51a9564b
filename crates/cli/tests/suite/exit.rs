//! What the exit code says of a transaction that did not land.

use ballast_cli::commands::exit;
use ballast_client::{Address, ID};
use ballast_rpc::{Failure, SendError};
use solana_instruction::error::InstructionError;
use solana_transaction_error::TransactionError;

fn refused_by(program: Address) -> SendError {
    let error = TransactionError::InstructionError(0, InstructionError::Custom(6001));
    let logs = vec![format!("Program {program} failed: custom program error: 0x1771")];
    SendError::Refused(Box::new(Failure::new(error, logs)))
}

#[test]
fn only_a_programs_refusal_counts_as_one() {
    for (error, expected) in [
        (refused_by(ID), exit::REFUSED),
        (refused_by(Address::new_from_array([7; 32])), exit::REFUSED),
        (SendError::Lagging("Blockhash not found".into()), exit::FAILED),
        (SendError::NotBegun(TransactionError::AccountNotFound), exit::FAILED),
        (SendError::TooLarge(1_300), exit::FAILED),
    ] {
        let error = anyhow::Error::from(error);
        assert_eq!(exit::of(&error), expected, "{error}");
    }
}

#[test]
fn a_programs_error_is_named_in_json_if_it_is_ballasts() {
    let named = exit::program_error(&refused_by(ID).into()).expect("a name");
    assert_eq!(named["code"], 6001);
    assert_eq!(exit::program_error(&refused_by(Address::new_from_array([7; 32])).into()), None);
}

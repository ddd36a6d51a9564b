//! A forged list of instructions.

use ballast_client::{Address, Instruction};
use ballast_tests::{TEST_PROGRAM, World};

/// An account of another program with what the instructions sysvar would hold of these instructions.
#[track_caller]
pub fn forged_instructions(world: &mut World, instructions: &[Instruction]) -> Address {
    let mut offsets = Vec::new();
    let mut records = Vec::new();
    let start = 2 + 2 * instructions.len();
    for instruction in instructions {
        offsets.extend(((start + records.len()) as u16).to_le_bytes());
        records.extend(record(instruction));
    }
    let count = (instructions.len() as u16).to_le_bytes();
    const FIRST: [u8; 2] = [0; 2];
    let forged = world.key("forged");
    world.write(forged, TEST_PROGRAM, [&count[..], &offsets, &records, &FIRST].concat());
    forged
}

fn record(instruction: &Instruction) -> Vec<u8> {
    let mut record = (instruction.accounts.len() as u16).to_le_bytes().to_vec();
    for meta in &instruction.accounts {
        record.push(meta.is_signer as u8 | (meta.is_writable as u8) << 1);
        record.extend(meta.pubkey.as_ref());
    }
    record.extend(instruction.program_id.as_ref());
    record.extend((instruction.data.len() as u16).to_le_bytes());
    record.extend(&instruction.data);
    record
}

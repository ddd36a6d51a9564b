//! The memory that passes between JavaScript and the engine.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

use crate::{Answer, Failure};

/// Bytes of the input: a market of 64 reserves takes 66,144, a margin account 512, and a vault 3,080 with up to eight markets.
pub const INPUT_SIZE: usize = 9 << 16;
/// Words of the output: the longest answer is of a scan, with 13 for each account.
pub const OUTPUT_WORDS: usize = 1 << 13;

/// Where the accounts' bytes are put.
pub static INPUT: [AtomicU8; INPUT_SIZE] = [const { AtomicU8::new(0) }; INPUT_SIZE];
/// Where answers are.
pub static OUTPUT: [AtomicU64; OUTPUT_WORDS] = [const { AtomicU64::new(0) }; OUTPUT_WORDS];

/// The first so many bytes, and so many behind them.
pub fn read(first: u32, second: u32) -> Result<(Vec<u8>, Vec<u8>), Failure> {
    let (first, second) = (first as usize, second as usize);
    if first.saturating_add(second) > INPUT_SIZE {
        let message = "the accounts are larger than the largest that there are".into();
        return Err(Failure { code: 0, message });
    }
    let copy = |bytes: &[AtomicU8]| bytes.iter().map(|byte| byte.load(Relaxed)).collect();
    Ok((copy(&INPUT[..first]), copy(&INPUT[first..first + second])))
}

/// Puts bytes into the input, in place of as many that were read from there.
pub fn replace(at: u32, bytes: &[u8]) {
    INPUT.iter().skip(at as usize).zip(bytes).for_each(|(place, byte)| place.store(*byte, Relaxed));
}

/// Stores an answer and returns its status.
pub fn write(answer: Answer) -> i32 {
    match answer {
        Ok(words) => put(&words) as i32,
        Err(Failure { code, message }) => {
            let (bytes, room) = (message.as_bytes(), 8 * (OUTPUT_WORDS - 1));
            let bytes = &bytes[..bytes.len().min(room)];
            let word = |chunk: &[u8]| chunk.iter().rev().fold(0, |word, byte| word << 8 | *byte as u64);
            let words: Vec<u64> = std::iter::once(code as u64).chain(bytes.chunks(8).map(word)).collect();
            put(&words);
            -(bytes.len() as i32)
        }
    }
}

fn put(words: &[u64]) -> usize {
    OUTPUT.iter().zip(words).map(|(place, word)| place.store(*word, Relaxed)).count()
}

/// The error that a status below zero stands for.
#[cfg(test)]
pub fn error(status: i32) -> Failure {
    let word = |index: usize| OUTPUT[index].load(Relaxed);
    let bytes: Vec<u8> = (1..OUTPUT_WORDS).flat_map(|index| word(index).to_le_bytes()).collect();
    let message = String::from_utf8(bytes[..-status as usize].to_vec()).expect("UTF-8");
    Failure { code: word(0) as u32, message }
}

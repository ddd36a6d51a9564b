//! What JavaScript sees. `market`, `margin` and `vault` are the lengths of the accounts' bytes in the input, `markets` is that of all
//! that follows a vault, `now` is unix seconds, reserves are indices, and `from` has a bit for each slot that may pay. Each question returns the status that the crate's page describes.
#![allow(unsafe_code, reason = "an export is `no_mangle`, which counts as unsafe: two could have one name")]

use std::sync::atomic::{AtomicU8, AtomicU64};

use ballast_client::{LiquidationOrder, engine::Error};

use crate::{
    ask, buffers, index, market as decode,
    vault::{ask_vault, words},
};

/// Where the accounts' bytes are to be put.
#[unsafe(no_mangle)]
pub extern "C" fn input() -> *const AtomicU8 {
    buffers::INPUT.as_ptr()
}

/// Bytes that fit there.
#[unsafe(no_mangle)]
pub extern "C" fn input_size() -> u32 {
    buffers::INPUT_SIZE as u32
}

/// Where answers are.
#[unsafe(no_mangle)]
pub extern "C" fn output() -> *const AtomicU64 {
    buffers::OUTPUT.as_ptr()
}

/// Collateral and debt by initial, maintenance and equity values: two words each, the lower first. 10^-8 USD.
#[unsafe(no_mangle)]
pub extern "C" fn health(market: u32, margin: u32, now: i64) -> i32 {
    ask(market, margin, now, |subject| subject.health())
}

/// For each position: reserve, 1 of a debt or 0, atoms.
#[unsafe(no_mangle)]
pub extern "C" fn positions(market: u32, margin: u32, now: i64) -> i32 {
    ask(market, margin, now, |subject| subject.positions())
}

/// Atoms, and the code of what one more is refused with.
#[unsafe(no_mangle)]
pub extern "C" fn max_borrow(market: u32, margin: u32, now: i64, reserve: u32) -> i32 {
    ask(market, margin, now, |subject| subject.max_borrow(index(reserve)?))
}

/// Atoms, and the code of what one more is refused with; zero if there is no more.
#[unsafe(no_mangle)]
pub extern "C" fn max_withdraw(market: u32, margin: u32, now: i64, reserve: u32) -> i32 {
    ask(market, margin, now, |subject| subject.max_withdraw(index(reserve)?))
}

/// Price, its exponent, 1 of a deposit or 0; no words if no price of the reserve makes the difference.
#[unsafe(no_mangle)]
pub extern "C" fn liquidation_price(market: u32, margin: u32, now: i64, reserve: u32) -> i32 {
    ask(market, margin, now, |subject| subject.liquidation_price(index(reserve)?))
}

/// Atoms repaid, atoms for the insurance on top, atoms seized, penalty in basis points.
#[unsafe(no_mangle)]
pub extern "C" fn preview_liquidation(
    market: u32,
    margin: u32,
    now: i64,
    debt: u32,
    collateral: u32,
    max_repay: u64,
    min_collateral: u64,
) -> i32 {
    ask(market, margin, now, |subject| {
        let (debt, collateral) = (index(debt)?, index(collateral)?);
        subject.preview_liquidation(LiquidationOrder { debt, collateral, max_repay, min_collateral })
    })
}

/// Annual rates of borrowers and depositors, and utilisation: floats, 1.0 is 100 %.
#[unsafe(no_mangle)]
pub extern "C" fn rates(market: u32, reserve: u32) -> i32 {
    buffers::write(buffers::read(market, 0).and_then(|(bytes, _)| {
        let rates = decode(&bytes)?.rates(index(reserve)?)?;
        Ok([rates.borrow, rates.deposit, rates.utilisation].map(f64::to_bits).to_vec())
    }))
}

/// The figures of a pool: the words of [`ballast_client::engine::perps::report::PoolReport`].
#[unsafe(no_mangle)]
pub extern "C" fn pool_report(market: u32, pool: u32, now: i64) -> i32 {
    buffers::write(buffers::read(market, 0).and_then(|(bytes, _)| {
        let pool = u8::try_from(pool).map_err(|_| Error::NotPool)?;
        let report = decode(&bytes)?.pool_report(pool, now)?;
        Ok(words(&report))
    }))
}

/// The figures of a vault: the words of [`ballast_client::engine::vaults::report::VaultReport`].
#[unsafe(no_mangle)]
pub extern "C" fn vault_report(vault: u32, markets: u32, now: i64) -> i32 {
    ask_vault(vault, markets, now, |subject| Ok(subject.report()))
}

/// Atoms that a whole share costs, and that it is worth to who leaves, before fees.
#[unsafe(no_mangle)]
pub extern "C" fn share_price(vault: u32, markets: u32, now: i64) -> i32 {
    ask_vault(vault, markets, now, |subject| subject.share_price())
}

/// Atoms and shares of a deposit.
#[unsafe(no_mangle)]
pub extern "C" fn preview_vault_deposit(vault: u32, markets: u32, now: i64, amount: u64) -> i32 {
    ask_vault(vault, markets, now, |subject| subject.preview_deposit(amount))
}

/// Atoms, shares, exit fee, and what rounding in the markets takes, of a redemption.
#[unsafe(no_mangle)]
pub extern "C" fn preview_vault_redeem(vault: u32, markets: u32, now: i64, shares: u64, from: u32) -> i32 {
    ask_vault(vault, markets, now, |subject| subject.preview_redeem(shares, from))
}

/// The same of a withdrawal.
#[unsafe(no_mangle)]
pub extern "C" fn preview_vault_withdraw(vault: u32, markets: u32, now: i64, amount: u64, from: u32) -> i32 {
    ask_vault(vault, markets, now, |subject| subject.preview_withdraw(amount, from))
}

/// The most atoms that can be deposited.
#[unsafe(no_mangle)]
pub extern "C" fn max_vault_deposit(vault: u32, markets: u32, now: i64) -> i32 {
    ask_vault(vault, markets, now, |subject| Ok(subject.max_deposit()))
}

/// The most shares, of so many, that can be redeemed.
#[unsafe(no_mangle)]
pub extern "C" fn max_vault_redeem(vault: u32, markets: u32, now: i64, held: u64, from: u32) -> i32 {
    ask_vault(vault, markets, now, |subject| subject.max_redeem(held, from))
}

/// The most atoms that can be withdrawn for so many shares.
#[unsafe(no_mangle)]
pub extern "C" fn max_vault_withdraw(vault: u32, markets: u32, now: i64, held: u64, from: u32) -> i32 {
    ask_vault(vault, markets, now, |subject| subject.max_withdraw(held, from))
}

/// The move that a rebalance would make: slot it comes from, slot it goes to (255: what is idle), atoms, what they gain in a year,
/// shares for the caller.
#[unsafe(no_mangle)]
pub extern "C" fn next_move(vault: u32, markets: u32, now: i64) -> i32 {
    ask_vault(vault, markets, now, |subject| subject.next_move())
}

//! What JavaScript sees. `market`, `margin` and `vault` are the lengths of the accounts' bytes in the input, `markets` is that of all
//! that follows a vault, `now` is unix seconds, reserves are indices, and `from` has a bit for each slot that may pay. Each question returns the status that the crate's page describes.
#![allow(unsafe_code, reason = "an export is `no_mangle`, which counts as unsafe: two could have one name")]

use std::sync::atomic::{AtomicU8, AtomicU64};

use ballast_client::{
    LiquidationOrder,
    engine::{
        number::units::{Part, Shares},
        perps::trade::Order,
    },
};

use crate::{
    ask, buffers, index, market as decode,
    play::{self, Opening, change_market, play},
    report,
    vault::{ask_vault, words},
};

/// The index of a record that is no reserve. One that is out of range names none, like the last that there is.
fn index_of(record: u32) -> u8 {
    u8::try_from(record).unwrap_or(u8::MAX)
}

fn order(perp: u32, lots: i64, limit: u64, min_factor: u32, reduce_only: u32) -> Order {
    Order { perp: index_of(perp), lots, limit, min_factor: Part(min_factor), reduce_only: reduce_only != 0 }
}

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
    ask(market, margin, now, &|subject| subject.health())
}

/// For each position: reserve, 1 of a debt or 0, atoms.
#[unsafe(no_mangle)]
pub extern "C" fn positions(market: u32, margin: u32, now: i64) -> i32 {
    ask(market, margin, now, &|subject| subject.positions())
}

/// Atoms, and the code of what one more is refused with.
#[unsafe(no_mangle)]
pub extern "C" fn max_borrow(market: u32, margin: u32, now: i64, reserve: u32) -> i32 {
    ask(market, margin, now, &|subject| subject.max_borrow(index(reserve)?))
}

/// Atoms, and the code of what one more is refused with; zero if there is no more.
#[unsafe(no_mangle)]
pub extern "C" fn max_withdraw(market: u32, margin: u32, now: i64, reserve: u32) -> i32 {
    ask(market, margin, now, &|subject| subject.max_withdraw(index(reserve)?))
}

/// Atoms, and the code of what one more is refused with; zero if there is no more.
#[unsafe(no_mangle)]
pub extern "C" fn max_deposit(market: u32, margin: u32, now: i64, reserve: u32) -> i32 {
    ask(market, margin, now, &|subject| subject.max_deposit(index(reserve)?))
}

/// Lots, and the code of what one more is refused with; zero if there is no more. Of `lots` only the sign counts.
#[unsafe(no_mangle)]
#[rustfmt::skip]
pub extern "C" fn max_trade(
    market: u32, margin: u32, now: i64, perp: u32, lots: i64, limit: u64, min_factor: u32, reduce_only: u32,
) -> i32 {
    ask(market, margin, now, &|subject| subject.max_trade(&order(perp, lots, limit, min_factor, reduce_only)))
}

/// Price, its exponent, 1 of a deposit or 0; no words if no price of the reserve makes the difference.
#[unsafe(no_mangle)]
pub extern "C" fn liquidation_price(market: u32, margin: u32, now: i64, reserve: u32) -> i32 {
    ask(market, margin, now, &|subject| subject.liquidation_price(index(reserve)?))
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
    ask(market, margin, now, &|subject| {
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

/// Of so many accounts behind each other, 512 bytes each: the code of what refuses an answer, or zero and the words of [`health`]. Of
/// accounts that are none the message says which, counted from `first`.
#[unsafe(no_mangle)]
pub extern "C" fn scan(market: u32, accounts: u32, now: i64, first: u32) -> i32 {
    buffers::write(
        buffers::read(market, accounts)
            .and_then(|(market, accounts)| report::scan(&decode(&market)?, &accounts, now, first)),
    )
}

/// The figures of a perp: the words of `report::perp`.
#[unsafe(no_mangle)]
pub extern "C" fn perp_report(market: u32, perp: u32, now: i64) -> i32 {
    buffers::write(buffers::read(market, 0).and_then(|(bytes, _)| report::perp(&decode(&bytes)?, index_of(perp), now)))
}

/// The figures of a position in a perp: the words of `report::position`.
#[unsafe(no_mangle)]
pub extern "C" fn position_report(market: u32, margin: u32, now: i64, perp: u32) -> i32 {
    ask(market, margin, now, &|subject| report::position(subject, index_of(perp)))
}

/// The figures of a pool: the words of [`ballast_client::engine::perps::report::PoolReport`].
#[unsafe(no_mangle)]
pub extern "C" fn pool_report(market: u32, pool: u32, now: i64) -> i32 {
    buffers::write(buffers::read(market, 0).and_then(|(bytes, _)| {
        let report = decode(&bytes)?.pool_report(index_of(pool), now)?;
        Ok(words(&report))
    }))
}

/// What exits can take from a pool now, what deposits can bring, and what a million of its shares cost who enters and are worth to who
/// leaves, two words each.
#[unsafe(no_mangle)]
pub extern "C" fn pool_prices(market: u32, pool: u32, now: i64) -> i32 {
    buffers::write(
        buffers::read(market, 0).and_then(|(bytes, _)| report::pool_prices(&decode(&bytes)?, index_of(pool), now)),
    )
}

/// An account without positions, put behind the market: `play::open`. No words.
#[unsafe(no_mangle)]
pub extern "C" fn open_account(market: u32, addresses: u32, id: u32, mode: u32, collateral: u32, debt: u32) -> i32 {
    play::open(market, addresses, &Opening { id, mode, collateral, debt })
}

// Actions: see [`crate::play`]. Each returns what moved.

/// Atoms, shares.
#[unsafe(no_mangle)]
pub extern "C" fn deposit(market: u32, margin: u32, now: i64, reserve: u32, amount: u64) -> i32 {
    play(market, margin, now, &|subject| {
        let (reserve, owner) = (index(reserve)?, subject.account.owner);
        subject.lend(|ledger, account| ledger.deposit(account, &owner, reserve, amount))
    })
}

/// Atoms, shares.
#[unsafe(no_mangle)]
pub extern "C" fn withdraw(market: u32, margin: u32, now: i64, reserve: u32, amount: u64) -> i32 {
    play(market, margin, now, &|subject| {
        let reserve = index(reserve)?;
        subject.lend(|ledger, account| ledger.withdraw(account, reserve, amount))
    })
}

/// Atoms, shares.
#[unsafe(no_mangle)]
pub extern "C" fn borrow(market: u32, margin: u32, now: i64, reserve: u32, amount: u64) -> i32 {
    play(market, margin, now, &|subject| {
        let reserve = index(reserve)?;
        subject.lend(|ledger, account| ledger.borrow(account, reserve, amount))
    })
}

/// Atoms, shares.
#[unsafe(no_mangle)]
pub extern "C" fn repay(market: u32, margin: u32, now: i64, reserve: u32, amount: u64) -> i32 {
    play(market, margin, now, &|subject| {
        let reserve = index(reserve)?;
        subject.lend(|ledger, account| ledger.repay(account, reserve, amount))
    })
}

/// Lots, price of one with impact and rebate, what was realised, the part of a gain that is paid, gain, loss, rebate, impact, fee.
#[unsafe(no_mangle)]
#[rustfmt::skip]
pub extern "C" fn trade(
    market: u32, margin: u32, now: i64, perp: u32, lots: i64, limit: u64, min_factor: u32, reduce_only: u32,
) -> i32 {
    play(market, margin, now, &|subject| subject.trade(&order(perp, lots, limit, min_factor, reduce_only)))
}

/// Atoms that the account's deposit grew by, and that it fell by.
#[unsafe(no_mangle)]
pub extern "C" fn settle_perp(market: u32, margin: u32, now: i64, perp: u32) -> i32 {
    play(market, margin, now, &|subject| {
        let perp = index_of(perp);
        let receipt = subject.market.ledger(now).settle_perp(&mut subject.account, perp)?;
        Ok(vec![receipt.paid_out, receipt.paid_in])
    })
}

/// Atoms, shares of the pool.
#[unsafe(no_mangle)]
pub extern "C" fn pool_deposit(market: u32, margin: u32, now: i64, pool: u32, amount: u64) -> i32 {
    play(market, margin, now, &|subject| {
        let pool = index_of(pool);
        subject.provide(|ledger, account| ledger.provide(account, pool, amount))
    })
}

/// No words.
#[unsafe(no_mangle)]
pub extern "C" fn pool_request(market: u32, margin: u32, now: i64, pool: u32, shares: u64) -> i32 {
    play(market, margin, now, &|subject| {
        let pool = index_of(pool);
        subject.market.ledger(now).ask_to_leave(&mut subject.account, pool, Shares(shares))?;
        Ok(Vec::new())
    })
}

/// Atoms, shares of the pool.
#[unsafe(no_mangle)]
pub extern "C" fn pool_withdraw(market: u32, margin: u32, now: i64, pool: u32) -> i32 {
    play(market, margin, now, &|subject| {
        let pool = index_of(pool);
        subject.provide(|ledger, account| ledger.leave(account, pool))
    })
}

/// Puts the market with the prices that follow it in its place: `play::with_prices`.
#[unsafe(no_mangle)]
pub extern "C" fn with_prices(market: u32, prices: u32, now: i64) -> i32 {
    change_market(market, prices, |view, prices| play::with_prices(view, prices, now))
}

/// Puts the market with the change that follows it in its place: `play::with_change`. When it is due, and when all has ramped.
#[unsafe(no_mangle)]
pub extern "C" fn with_change(market: u32, change: u32, now: i64, stage: u32) -> i32 {
    change_market(market, change, |view, change| play::with_change(view, change, now, stage))
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

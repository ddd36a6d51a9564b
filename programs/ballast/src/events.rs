//! Every movement of money, as `Program data:` log lines of fixed layout.
//!
//! A log line costs 304 compute units and a call of the program to itself 946 before it does anything, but the runtime
//! drops lines beyond 10 KB a transaction. So each event carries its number in the market: a reader that sees a gap knows
//! what it missed and reads the accounts.

use anchor_lang::prelude::*;

/// Logs an event from the stack: Anchor's `emit!` builds it on the heap.
macro_rules! log_event {
    ($event:ident { $($field:tt)* }) => {{
        const DISCRIMINATOR: &[u8] = <$event as Discriminator>::DISCRIMINATOR;
        let mut line = [0; DISCRIMINATOR.len() + size_of::<$event>()];
        line[..DISCRIMINATOR.len()].copy_from_slice(DISCRIMINATOR);
        line[DISCRIMINATOR.len()..].copy_from_slice(bytemuck::bytes_of(&$event { $($field)* }));
        sol_log_data(&[&line]);
    }};
}
pub(crate) use log_event;

/// Logs what an engine action moved between a margin account and a reserve.
macro_rules! log_movement {
    ($event:ident, $accounts:ident, $reserve:expr, $moved:expr) => {
        $crate::events::log_event!($event {
            number: $accounts.market.next_event(),
            market: *$accounts.market.address(),
            account: *$accounts.margin_account.address(),
            amount: $moved.amount,
            shares: $moved.shares.0,
            reserve: $reserve,
            padding: [0; 7],
        })
    };
}
pub(crate) use log_movement;

macro_rules! movement {
    ($($(#[$meta:meta])* $name:ident;)*) => {$(
        $(#[$meta])*
        #[event(bytemuck)]
        pub struct $name {
            /// Number of the event in its market.
            pub number: u64,
            pub market: Address,
            pub account: Address,
            /// Atoms moved.
            pub amount: u64,
            /// Shares bought or given up.
            pub shares: u64,
            /// Index of the reserve.
            pub reserve: u8,
            pub padding: [u8; 7],
        }
    )*};
}

movement! {
    /// Tokens were lent to a reserve.
    Deposited;
    /// Lent tokens were taken back.
    Withdrawn;
    /// Tokens were borrowed.
    Borrowed;
    /// A debt was paid back.
    Repaid;
    /// A debt without collateral was written off against the reserve's depositors.
    BadDebtSettled;
}

/// A debt was repaid for collateral.
#[event(bytemuck)]
pub struct Liquidated {
    /// Number of the event in its market.
    pub number: u64,
    pub market: Address,
    pub account: Address,
    pub liquidator: Address,
    /// Atoms of the debt's token paid in.
    pub repaid: u64,
    pub debt_shares: u64,
    /// Atoms of the collateral's token paid out.
    pub seized: u64,
    pub collateral_shares: u64,
    /// Basis points.
    pub penalty: u16,
    pub debt_reserve: u8,
    pub collateral_reserve: u8,
    pub padding: [u8; 4],
}

/// Protocol fees were paid out.
#[event(bytemuck)]
pub struct FeesCollected {
    /// Number of the event in its market.
    pub number: u64,
    pub market: Address,
    pub amount: u64,
    pub reserve: u8,
    pub padding: [u8; 7],
}

//! Every movement of money, as `Program data:` log lines of fixed layout.
//!
//! A log line costs 304 compute units and a call of the program to itself 946 before it does anything, but the runtime
//! drops lines beyond 10 KB a transaction. So each event carries its number in the market: a reader that sees a gap knows
//! what it missed and reads the accounts.

use {crate::state::Market, anchor_lang::prelude::*, ballast_engine::actions::Movement};

/// Logs an event, under a discriminator, from the stack: Anchor's `emit!` builds it on the heap.
macro_rules! log_event {
    ($discriminator:expr, $event:ident { $($field:tt)* }) => {{
        #[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
        #[repr(C)]
        struct Line {
            discriminator: [u8; 8],
            event: $event,
        }
        let line = Line { discriminator: $discriminator, event: $event { $($field)* } };
        sol_log_data(&[bytemuck::bytes_of(&line)]);
    }};
}
pub(crate) use log_event;

/// The first bytes of an event's line.
#[inline(always)]
pub fn discriminator<E: Discriminator>() -> [u8; 8] {
    const {
        match E::DISCRIMINATOR.first_chunk() {
            Some(discriminator) => *discriminator,
            None => panic!("Anchor's discriminators have eight bytes"),
        }
    }
}

/// Logs what an engine action moved between a margin account and a reserve. The events of a movement differ by their
/// discriminator alone.
#[inline(always)]
pub fn log_movement(discriminator: [u8; 8], market: &mut Market, account: &Address, reserve: u8, moved: &Movement) {
    log_event!(
        discriminator,
        Deposited {
            number: market.next_event(),
            account: *account,
            amount: moved.amount,
            shares: moved.shares.0,
            reserve,
            padding: [0; 7],
        }
    );
}

macro_rules! movement {
    ($($(#[$meta:meta])* $name:ident;)*) => {$(
        $(#[$meta])*
        #[event(bytemuck)]
        pub struct $name {
            /// Number of the event in its market.
            pub number: u64,
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

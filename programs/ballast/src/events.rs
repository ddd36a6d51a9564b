//! Every movement of money, as `Program data:` log lines of fixed layout.
//!
//! A log line costs 304 compute units and a call of the program to itself 946 before it does anything, but the runtime
//! drops lines beyond 10 KB a transaction. So each event carries its number in the market: a reader that sees a gap knows
//! what it missed and reads the accounts.

use {
    crate::state::Market,
    anchor_lang::prelude::*,
    ballast_engine::{
        Error,
        ledger::{Ledger as Books, Movement, liquidation::Liquidation},
    },
};

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
    /// The repayment of a liquidation came. Its shares are in that event.
    LiquidationEnded;
    /// Tokens were put into a reserve's insurance; the account is the stake.
    Staked;
    /// Tokens were taken out of a reserve's insurance; the account is the stake.
    Unstaked;
    /// Shares of a stake were asked for; the account is the stake.
    UnstakeBegun;
}

/// A debt without collateral was written off.
#[event(bytemuck)]
pub struct BadDebtSettled {
    /// Number of the event in its market.
    pub number: u64,
    pub account: Address,
    /// Shares of the debt.
    pub shares: u64,
    /// Atoms that the insurance bore.
    pub insurance: u64,
    /// Atoms that unclaimed fees bore.
    pub fees: u64,
    /// Atoms that were left for the fees in the books and the depositors.
    pub rest: u64,
    /// Index of the reserve.
    pub reserve: u8,
    /// 1 if the depositors bore some of it.
    pub is_socialised: u8,
    /// 1 if the market became reduce-only by it.
    pub market_reduce_only: u8,
    pub padding: [u8; 5],
}

/// A debt was repaid for collateral.
#[event(bytemuck)]
pub struct Liquidated {
    /// Number of the event in its market.
    pub number: u64,
    pub account: Address,
    pub liquidator: Address,
    /// Atoms of the debt repaid.
    pub repaid: u64,
    /// Atoms of the debt's token for its reserve's insurance.
    pub insurance: u64,
    pub debt_shares: u64,
    /// Atoms of the collateral's token paid out.
    pub seized: u64,
    pub collateral_shares: u64,
    /// Basis points.
    pub penalty: u16,
    pub debt_reserve: u8,
    pub collateral_reserve: u8,
    /// 1 if the repayment is to follow in the same transaction.
    pub in_receivership: u8,
    pub padding: [u8; 3],
}

macro_rules! payouts {
    ($($(#[$meta:meta])* $name:ident;)*) => {$(
        $(#[$meta])*
        #[event(bytemuck)]
        pub struct $name {
            /// Number of the event in its market.
            pub number: u64,
            pub market: Address,
            pub amount: u64,
            pub reserve: u8,
            pub padding: [u8; 7],
        }
    )*};
}

payouts! {
    /// Protocol fees were paid out.
    FeesCollected;
    /// A reserve was closed, and what was left in its vault paid out.
    ReserveClosed;
}

/// A parameter was set.
#[event(bytemuck)]
pub struct ParameterSet {
    /// Number of the event in its market.
    pub number: u64,
    pub market: Address,
    /// Its bytes before, zeros behind them.
    pub old: [u8; 32],
    /// Its bytes now.
    pub new: [u8; 32],
    /// Which parameter: bytes from the start of the record; 65,535: the market's authority.
    pub offset: u16,
    /// Index of the reserve; 255: the market.
    pub target: u8,
    pub padding: [u8; 5],
}

macro_rules! changes {
    ($($(#[$meta:meta])* $name:ident;)*) => {$(
        $(#[$meta])*
        #[event(bytemuck)]
        pub struct $name {
            /// Number of the event in its market.
            pub number: u64,
            pub market: Address,
            /// Number of the change in its market.
            pub change: u64,
            /// From when it can be executed, unix seconds.
            pub earliest: i64,
            /// Until when.
            pub latest: i64,
            /// Index of the reserve; 254: a listing; 255: the market.
            pub target: u8,
            pub padding: [u8; 7],
        }
    )*};
}

changes! {
    /// A change was queued.
    ChangeQueued;
    /// The edits of a change were made; a `ParameterSet` for each came before.
    ChangeExecuted;
    /// A change was cancelled.
    ChangeCancelled;
}

/// A reserve was listed.
#[event(bytemuck)]
pub struct ReserveListed {
    /// Number of the event in its market.
    pub number: u64,
    pub market: Address,
    pub mint: Address,
    /// Number of the change in its market.
    pub change: u64,
    /// Index of the reserve.
    pub reserve: u8,
    pub padding: [u8; 7],
}

/// An account was seen to be liquidatable, or not to be.
#[event(bytemuck)]
pub struct LiquidatableMarked {
    /// Number of the event in its market.
    pub number: u64,
    pub account: Address,
    /// Since when it is known to be, unix seconds; zero: it is not.
    pub since: i64,
}

/// A flash loan was paid back.
#[event(bytemuck)]
pub struct FlashLoanRepaid {
    /// Number of the event in its market.
    pub number: u64,
    pub market: Address,
    pub amount: u64,
    /// Atoms paid on top.
    pub fee: u64,
    pub reserve: u8,
    pub padding: [u8; 7],
}

/// A reserve's price breaker tripped, rose or lifted.
#[event(bytemuck)]
pub struct PriceBreaker {
    /// Number of the event in its market.
    pub number: u64,
    pub market: Address,
    /// Until when, unix seconds.
    pub until: i64,
    pub reserve: u8,
    /// 1 to 3; 0: it lifted.
    pub tier: u8,
    pub padding: [u8; 6],
}

/// A price could not be taken over, and the reserve's stays what it was.
#[event(bytemuck)]
pub struct PricePassedOver {
    /// Number of the event in its market.
    pub number: u64,
    pub market: Address,
    /// Why: the code of an error.
    pub error: u32,
    pub reserve: u8,
    pub padding: [u8; 3],
}

/// The guardian paused actions, or a restriction was lifted.
#[event(bytemuck)]
pub struct Restricted {
    /// Number of the event in its market.
    pub number: u64,
    pub market: Address,
    /// Until when, unix seconds; zero: lifted.
    pub until: i64,
    /// The paused actions.
    pub actions: u8,
    /// 1 while the market is reduce-only.
    pub reduce_only: u8,
    pub padding: [u8; 6],
}

/// The owner of an account named a delegate, or removed the one there was.
#[event(bytemuck)]
pub struct DelegateSet {
    /// Number of the event in its market.
    pub number: u64,
    pub account: Address,
    /// All zero: nobody.
    pub delegate: Address,
    /// When the rights end, unix seconds.
    pub until: i64,
    /// Withdraw (1), borrow (2), any destination (4).
    pub rights: u8,
    pub padding: [u8; 7],
}

/// Logs what became of a reserve's price breaker.
#[cold]
#[inline(never)]
pub fn log_breaker(books: &mut Books, market: &Address, index: u8) {
    let Some(halt) = books.reserves.get(index as usize).map(|reserve| reserve.halt) else { return };
    log_event!(
        discriminator::<PriceBreaker>(),
        PriceBreaker {
            number: books.market.next_event(),
            market: *market,
            until: halt.until,
            reserve: index,
            tier: halt.tier,
            padding: [0; 6],
        }
    );
}

/// Logs why a reserve's price stays what it was.
#[cold]
#[inline(never)]
pub fn log_passed_over(books: &mut Books, market: &Address, index: u8, error: Error) {
    log_event!(
        discriminator::<PricePassedOver>(),
        PricePassedOver {
            number: books.market.next_event(),
            market: *market,
            error: error.code(),
            reserve: index,
            padding: [0; 3],
        }
    );
}

/// Logs a liquidation of a debt reserve for a collateral reserve.
#[inline(never)]
pub fn log_liquidation(
    market: &mut Market,
    account: &Address,
    liquidator: &Address,
    (debt, collateral): (u8, u8),
    done: &Liquidation,
    in_receivership: bool,
) {
    log_event!(
        discriminator::<Liquidated>(),
        Liquidated {
            number: market.next_event(),
            account: *account,
            liquidator: *liquidator,
            repaid: done.repaid,
            insurance: done.insurance,
            debt_shares: done.debt_shares.0,
            seized: done.seized,
            collateral_shares: done.collateral_shares.0,
            penalty: done.penalty.0,
            debt_reserve: debt,
            collateral_reserve: collateral,
            in_receivership: in_receivership as u8,
            padding: [0; 3],
        }
    );
}

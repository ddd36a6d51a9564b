//! How events are logged, as `Program data:` lines of fixed layout, and the events that several instructions share. An event
//! of one instruction is in the file of that instruction.
//!
//! A log line costs 304 compute units. A call of the program to itself would cost 946 before it does anything. But the
//! runtime drops log lines beyond 10 KB a transaction. So each event carries its number in the market: a reader who sees a
//! gap has missed events, and reads the accounts.

use {
    crate::state::Market,
    anchor_lang::prelude::*,
    ballast_engine::{
        Error,
        ledger::{Ledger, Movement, liquidation::Liquidation},
    },
};

/// Logs an event under a discriminator. The line is built on the stack: Anchor's `emit!` builds it on the heap.
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

/// Defines events that have one layout, and differ in their discriminators.
macro_rules! events {
    ($layout:tt $($(#[$meta:meta])* $name:ident;)*) => {$(
        $(#[$meta])*
        #[event(bytemuck)]
        pub struct $name $layout
    )*};
}
pub(crate) use events;

/// Logs what an engine action moved between a margin account and a reserve. These events differ only in their discriminator.
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

events! {
    {
        /// Number of the event in its market.
        pub number: u64,
        /// The margin account or stake, of this market for good.
        pub account: Address,
        /// Atoms moved.
        pub amount: u64,
        /// Shares bought, given up or asked for.
        pub shares: u64,
        /// Index of the reserve.
        pub reserve: u8,
        pub padding: [u8; 7],
    }
    /// Tokens were lent to a reserve.
    Deposited;
    /// Lent tokens were taken back.
    Withdrawn;
    /// Tokens were borrowed.
    Borrowed;
    /// A debt was paid back.
    Repaid;
    /// The repayment of a liquidation was paid. Its shares are in the event of the liquidation.
    LiquidationEnded;
    /// Tokens were put into a reserve's insurance; the account is the stake.
    Staked;
    /// Tokens were taken out of a reserve's insurance; the account is the stake.
    Unstaked;
    /// Shares of a stake were asked for; the account is the stake.
    UnstakeBegun;
}

/// A debt was repaid for collateral.
#[event(bytemuck)]
pub struct Liquidated {
    /// Number of the event in its market.
    pub number: u64,
    /// The margin account, of this market for good.
    pub account: Address,
    /// Who paid and was paid.
    pub liquidator: Address,
    /// Atoms of the debt repaid.
    pub repaid: u64,
    /// Atoms of the debt's token paid on top, to its reserve's insurance.
    pub insurance: u64,
    /// Debt shares burned.
    pub debt_shares: u64,
    /// Atoms of the collateral's token paid out.
    pub seized: u64,
    /// Deposit shares burned.
    pub collateral_shares: u64,
    /// Penalty on top of the repaid value, basis points.
    pub penalty: u16,
    /// Index of the reserve of the debt.
    pub debt_reserve: u8,
    /// Index of the reserve of the collateral.
    pub collateral_reserve: u8,
    /// Whether the repayment follows later in the same transaction.
    pub in_receivership: PodBool,
    pub padding: [u8; 3],
}

/// A reserve's price breaker tripped, rose or lifted.
#[event(bytemuck)]
pub struct PriceBreaker {
    /// Number of the event in its market.
    pub number: u64,
    /// The market.
    pub market: Address,
    /// Until when, unix seconds.
    pub until: i64,
    /// Index of the reserve.
    pub reserve: u8,
    /// The tier, 1 to 3; 0: the halt was lifted.
    pub tier: u8,
    pub padding: [u8; 6],
}

/// A price could not be taken over. The reserve's price stays what it was.
#[event(bytemuck)]
pub struct PricePassedOver {
    /// Number of the event in its market.
    pub number: u64,
    /// The market.
    pub market: Address,
    /// Why: the code of an error.
    pub error: u32,
    /// Index of the reserve.
    pub reserve: u8,
    pub padding: [u8; 3],
}

/// Logs that a reserve's price breaker tripped, rose or lifted.
#[cold]
#[inline(never)]
pub fn log_breaker(ledger: &mut Ledger, market: &Address, index: u8) {
    let Some(halt) = ledger.reserves.get(index as usize).map(|reserve| reserve.halt) else { return };
    log_event!(
        discriminator::<PriceBreaker>(),
        PriceBreaker {
            number: ledger.market.next_event(),
            market: *market,
            until: halt.until,
            reserve: index,
            tier: halt.tier,
            padding: [0; 6],
        }
    );
}

/// Logs why a price was not taken over.
#[cold]
#[inline(never)]
pub fn log_passed_over(ledger: &mut Ledger, market: &Address, index: u8, error: Error) {
    log_event!(
        discriminator::<PricePassedOver>(),
        PricePassedOver {
            number: ledger.market.next_event(),
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
            in_receivership: in_receivership.into(),
            padding: [0; 3],
        }
    );
}

//! Perps and their pools. They move no token: what is paid are deposit shares within the market, so an instruction takes the market and
//! the margin accounts, and nothing else.

mod list;
mod order;
mod pool;
mod relief;
mod trade;

use super::common::*;
pub use {list::*, order::*, pool::*, relief::*, trade::*};

use crate::{
    MarginAccount,
    events::{discriminator, events, log_event},
    state::{Market, now, stored},
};
use ballast_engine::perps::{
    bill::{Bill, Receipt},
    trade::Fill,
};

// A position was traded, settled, covered, liquidated or written off. One layout for all of them.
events! {
    {
        /// Number of the event in its market.
        pub number: u64,
        /// The margin account, of this market for good.
        pub account: Address,
        /// Who else was paid or paid: the margin account of a liquidator, or of who covered a loss; else zero.
        pub other: Address,
        /// Lots that were closed, before the side's multiplier.
        pub closed: u64,
        /// Lots that were opened, likewise.
        pub opened: u64,
        /// Price of a lot, atoms with 32 fractional bits.
        pub price: u64,
        /// What the closed lots gained, atoms; less than zero: lost.
        pub realised: i64,
        /// Gain that the pool paid, atoms.
        pub gain: u64,
        /// Rebate for lessening the skew, atoms.
        pub rebate: u64,
        /// Impact on the skew, atoms.
        pub impact: u64,
        /// Fee, and penalty but for the liquidator's part, atoms.
        pub fee: u64,
        /// The liquidator's part, or what who covered a loss was paid in collateral, atoms.
        pub reward: u64,
        /// What the account's deposit grew by, atoms.
        pub paid_out: u64,
        /// What it fell by, atoms.
        pub paid_in: u64,
        /// What it could not pay and still owes, atoms; of a write-off what was forgiven.
        pub short: u64,
        /// Index of the perp.
        pub perp: u8,
        /// 1 if what was opened, or closed, is short.
        pub is_short: u8,
        pub padding: [u8; 6],
    }
    /// A position was opened, changed or closed by its owner or delegate.
    PerpTraded;
    /// The same by an order that rested.
    PerpOrderFilled;
    /// A loss was paid out of the account's deposit, or what was owed to it was paid out.
    PerpSettled;
    /// A loss was paid by another account, for collateral.
    PerpLossCovered;
    /// A position was closed by a liquidator.
    PerpLiquidated;
    /// What a closed position owed was written off. `reward` is what the perp's insurance bore, `impact` what its fund did.
    PerpWrittenOff;
}

/// What [`log_perp`] tells of a position.
#[derive(Default)]
struct Told {
    other: Address,
    closed: u64,
    opened: u64,
    price: u64,
    realised: i64,
    bill: Bill,
    receipt: Receipt,
    is_short: bool,
}

impl Told {
    /// Of a trade of so many lots by whose position was short or not.
    fn of_fill(fill: &Fill, lots: i64, was_short: bool) -> Self {
        Self {
            closed: fill.closed,
            opened: fill.opened,
            price: fill.price,
            realised: fill.realised,
            bill: fill.bill,
            receipt: fill.receipt,
            is_short: if fill.opened != 0 { lots < 0 } else { was_short },
            ..Self::default()
        }
    }
}

/// Logs what became of a position. The events differ by their discriminator alone.
#[inline(never)]
fn log_perp(event: [u8; 8], market: &mut Market, account: &Address, perp: u8, told: &Told) {
    let Told { bill, receipt, .. } = told;
    log_event!(
        event,
        PerpTraded {
            number: market.next_event(),
            account: *account,
            other: told.other,
            closed: told.closed,
            opened: told.opened,
            price: told.price,
            realised: told.realised,
            gain: bill.gain,
            rebate: bill.rebate,
            impact: bill.impact,
            fee: bill.fee,
            reward: bill.reward,
            paid_out: receipt.paid_out,
            paid_in: receipt.paid_in,
            short: receipt.short,
            perp,
            is_short: told.is_short as u8,
            padding: [0; 6],
        }
    );
}

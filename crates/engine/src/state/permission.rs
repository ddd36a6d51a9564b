//! Which actions which states refuse: the matrix action × state, as data.

use crate::error::{Error, Result};

/// What an instruction does to an account or a reserve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Action {
    /// Lends to a reserve.
    Deposit,
    /// Takes lent tokens back.
    Withdraw,
    /// Borrows.
    Borrow,
    /// Pays a debt back.
    Repay,
    /// Repays a debt for collateral, now or with the repayment later in the transaction ([`Self::EndLiquidation`]). No state of
    /// either reserve and no breaker may keep a debt from being paid back.
    Liquidate,
    /// Brings the repayment of a liquidation.
    EndLiquidation,
    /// Records since when an account has been liquidatable.
    MarkLiquidatable,
    /// Writes a debt without collateral off.
    SettleBadDebt,
    /// Reports what of an account's debts is lost before it can be settled, or that it is not. It moves nothing, so no state of a
    /// reserve refuses it: whoever could leave before it must not gain by that state.
    ReportLoss,
    /// Closes an empty account.
    CloseAccount,
    /// Takes a flash loan.
    BeginFlashLoan,
    /// Pays it back.
    EndFlashLoan,
    /// Puts tokens into a reserve's insurance.
    Stake,
    /// Takes them out again.
    Unstake,
    /// Takes the protocol's fees.
    CollectFees,
    /// Names who may act for an account's owner.
    SetDelegate,
    /// Raises an account's sequence number by one.
    AssertSequence,
    /// Opens a position in a perp, lets it grow or turns it, or rests an order that would. The states are its quote reserve's.
    GrowPerp,
    /// Closes a part of one, settles it or writes off what it owes, or rests, fills or clears an order.
    ReducePerp,
    /// Closes a part of an unhealthy account's position, or pays its loss for collateral.
    LiquidatePerp,
    /// Moves a deposit into a pool.
    PoolDeposit,
    /// Asks for shares of a pool.
    PoolRequest,
    /// Takes them out of it.
    PoolWithdraw,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Self::Deposit,
        Self::Withdraw,
        Self::Borrow,
        Self::Repay,
        Self::Liquidate,
        Self::EndLiquidation,
        Self::MarkLiquidatable,
        Self::SettleBadDebt,
        Self::ReportLoss,
        Self::CloseAccount,
        Self::BeginFlashLoan,
        Self::EndFlashLoan,
        Self::Stake,
        Self::Unstake,
        Self::CollectFees,
        Self::SetDelegate,
        Self::AssertSequence,
        Self::GrowPerp,
        Self::ReducePerp,
        Self::LiquidatePerp,
        Self::PoolDeposit,
        Self::PoolRequest,
        Self::PoolWithdraw,
    ];

    /// The guardian's bit for it, zero for what nobody can pause: repaying, depositing collateral, liquidating, and closing positions.
    pub const fn pause_bit(self) -> u8 {
        match self {
            Self::Withdraw | Self::PoolWithdraw => 1,
            Self::Borrow | Self::GrowPerp => 2,
            Self::BeginFlashLoan => 4,
            Self::Unstake => 8,
            _ => 0,
        }
    }

    /// All pause bits.
    pub const PAUSABLE: u8 = {
        let (mut bits, mut index) = (0, 0);
        while index < Self::ALL.len() {
            bits |= Self::ALL[index].pause_bit();
            index += 1;
        }
        bits
    };
}

/// A state that refuses actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// The account's collateral was taken, and its repayment follows later in the same transaction.
    InReceivership,
    /// The reserve has a flash loan out.
    FlashLoanOpen,
    /// Governance winds the reserve down.
    ReserveReduceOnly,
    /// A loss consumed the reserve's deposits.
    ReserveWipedOut,
    /// The reserve's price moved too far: tier 2 or 3.
    ReserveHalted,
    /// Losses of the market passed their limit.
    MarketReduceOnly,
    /// The account has an order that rests. What backs it stays, or its owner could see the price first and then keep it from being
    /// filled.
    OrderRests,
}

use Action::*;

/// What each state refuses, and with which error. Pauses are in [`Action::pause_bit`]; a price in tier 1 is a condition of
/// [`crate::price::policy`], outflow and utilisation limits depend on the amount.
pub const REFUSALS: [(State, Error, &[Action]); 7] = [
    (
        State::InReceivership,
        Error::AccountInReceivership,
        &[
            Deposit,
            Withdraw,
            Borrow,
            Repay,
            Liquidate,
            MarkLiquidatable,
            SettleBadDebt,
            ReportLoss,
            CloseAccount,
            SetDelegate,
            AssertSequence,
            GrowPerp,
            ReducePerp,
            LiquidatePerp,
            PoolDeposit,
            PoolRequest,
            PoolWithdraw,
        ],
    ),
    // The lent tokens could come back as a deposit.
    (State::FlashLoanOpen, Error::FlashLoanOpen, &[Deposit, BeginFlashLoan, Stake, CollectFees]),
    (State::ReserveReduceOnly, Error::ReserveReduceOnly, &[Deposit, Borrow, BeginFlashLoan, Stake, GrowPerp]),
    (State::ReserveWipedOut, Error::ReserveWipedOut, &[Deposit, Borrow, BeginFlashLoan, Stake, GrowPerp]),
    (
        State::ReserveHalted,
        Error::ReserveHalted,
        &[Withdraw, Borrow, BeginFlashLoan, Stake, Unstake, CollectFees, GrowPerp],
    ),
    (State::MarketReduceOnly, Error::MarketReduceOnly, &[Borrow, BeginFlashLoan, GrowPerp]),
    (State::OrderRests, Error::OrderRests, &[Withdraw, Borrow, CloseAccount, GrowPerp, PoolRequest, PoolWithdraw]),
];

impl State {
    /// Whether an action is refused in this state.
    pub const fn refuses(self, action: Action) -> bool {
        let refused = REFUSALS[self as usize].2;
        let mut index = 0;
        while index < refused.len() {
            if refused[index] as u8 == action as u8 {
                return true;
            }
            index += 1;
        }
        false
    }

    /// Refuses an action that this state refuses. Whether the state holds is computed only if the table needs it.
    #[inline(always)]
    pub(crate) fn check(self, action: Action, holds: impl FnOnce() -> bool) -> Result<()> {
        if self.refuses(action) && holds() { Err(REFUSALS[self as usize].1) } else { Ok(()) }
    }
}

const _: () = {
    let mut index = 0;
    while index < REFUSALS.len() {
        assert!(REFUSALS[index].0 as usize == index, "rows in the order of State");
        index += 1;
    }
};

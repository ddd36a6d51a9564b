//! The program's instructions: one struct each, whose fields are the accounts and arguments by name, so that no
//! order can be got wrong. [`crate::MarketView`] fills them in.
//!
//! Instruction data is one tag byte and the arguments, little endian, without padding.

use ballast_engine::state::market::MarketConfig;
use solana_address::Address;
use solana_instruction::{AccountMeta, Instruction};

use crate::address::ID;

#[macro_use]
mod define;
use define::Argument;

/// An account as an instruction wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountSpec {
    /// Name in the IDL.
    pub name: &'static str,
    /// Whether it must sign.
    pub signer: bool,
    /// Whether it is written to.
    pub writable: bool,
}

/// What is known of an instruction without its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstructionSpec {
    /// Name in the IDL.
    pub name: &'static str,
    /// First byte of its data.
    pub tag: u8,
    /// Its accounts in order.
    pub accounts: &'static [AccountSpec],
    /// The names of its arguments in order.
    pub arguments: &'static [&'static str],
}

impl InstructionSpec {
    /// The instruction whose data begin with a tag.
    pub fn of_tag(tag: u8) -> Option<&'static Self> {
        ALL.iter().find(|spec| spec.tag == tag)
    }
}

instructions! {
    /// Creates a market without reserves. Anyone may.
    CreateMarket = 0 "create_market" {
        creator: signer payer,
        market: writable,
        vault_authority: readonly,
        system_program: readonly,
    } (
        /// Which of the creator's markets this is.
        id: u16,
        /// The market's parameters.
        config: MarketConfig,
    )
    /// Lists the mint of a change that is due. Anyone may.
    ListReserve = 1 "list_reserve" {
        payer: signer payer,
        market: writable,
        change: writable,
        recipient: writable,
        mint: readonly,
        vault: writable,
        vault_authority: readonly,
        token_program: readonly,
        system_program: readonly,
    } ()
    /// Changes parameters at once, by the authority or the risk council.
    SetParameters = 2 "set_parameters" {
        signer: signer,
        market: writable,
    } (
        /// Index of the reserve; 255: the market.
        target: u8,
        /// Each a parameter's offset (`u16`) and its bytes.
        edits: Vec<u8>,
    )
    /// Opens a margin account.
    OpenAccount = 3 "open_account" {
        owner: signer,
        payer: signer payer,
        market: readonly,
        margin_account: writable,
        system_program: readonly,
    } (
        /// Which of the owner's accounts in the market this is.
        id: u16,
        /// 0: cross, 1: isolated.
        mode: u8,
        /// Reserve of an isolated account's collateral, else zero.
        collateral: u8,
        /// Reserve of an isolated account's debt, else zero.
        debt: u8,
    )
    /// Closes an empty margin account and sends its rent to the recipient.
    CloseAccount = 4 "close_account" {
        owner: signer,
        margin_account: writable,
        recipient: writable,
    } ()
    /// Lends tokens to a reserve for a margin account. Anyone may pay.
    Deposit = 5 "deposit" {
        payer: signer,
        market: writable,
        margin_account: writable,
        source: writable,
        vault: writable,
        mint: readonly,
        token_program: readonly,
    } (
        /// Index of the reserve.
        reserve: u8,
        /// Atoms.
        amount: u64,
    )
    /// Takes lent tokens back. The signer is the owner, or a delegate with that right.
    Withdraw = 6 "withdraw" {
        owner: signer,
        market: writable,
        margin_account: writable,
        destination: writable,
        vault: writable,
        vault_authority: readonly,
        mint: readonly,
        token_program: readonly,
    } (
        /// Index of the reserve.
        reserve: u8,
        /// Atoms; `u64::MAX` takes all.
        amount: u64,
    )
    /// Borrows tokens against the account's deposits. The signer is the owner, or a delegate with that right.
    Borrow = 7 "borrow" {
        owner: signer,
        market: writable,
        margin_account: writable,
        destination: writable,
        vault: writable,
        vault_authority: readonly,
        mint: readonly,
        token_program: readonly,
    } (
        /// Index of the reserve.
        reserve: u8,
        /// Atoms.
        amount: u64,
    )
    /// Pays a debt back. Anyone may.
    Repay = 8 "repay" {
        payer: signer,
        market: writable,
        margin_account: writable,
        source: writable,
        vault: writable,
        mint: readonly,
        token_program: readonly,
    } (
        /// Index of the reserve.
        reserve: u8,
        /// Atoms; no more is taken than is owed, and `u64::MAX` pays all.
        amount: u64,
    )
    /// Takes over prices. [`Self::with_prices`] appends the price accounts.
    RefreshPrices = 9 "refresh_prices" {
        market: writable,
    } (
        /// Indices of the reserves.
        reserves: Vec<u8>,
    )
    /// Repays an unhealthy account's debt for its collateral. Anyone may.
    Liquidate = 10 "liquidate" {
        liquidator: signer,
        market: writable,
        margin_account: writable,
        source: writable,
        debt_vault: writable,
        debt_mint: readonly,
        debt_token_program: readonly,
        destination: writable,
        collateral_vault: writable,
        collateral_mint: readonly,
        collateral_token_program: readonly,
        vault_authority: readonly,
    } (
        /// Index of the reserve to repay.
        debt: u8,
        /// Index of the reserve to seize from.
        collateral: u8,
        /// Most atoms to pay.
        max_repay: u64,
        /// Fewest atoms of collateral to accept.
        min_collateral: u64,
    )
    /// Writes off the debt of an account without collateral. Anyone may.
    SettleBadDebt = 11 "settle_bad_debt" {
        market: writable,
        margin_account: writable,
    } (
        /// Index of the reserve.
        reserve: u8,
    )
    /// Pays the protocol's fees out, by the market's fee collector.
    CollectFees = 12 "collect_fees" {
        fee_collector: signer payer,
        market: writable,
        destination: writable,
        vault: writable,
        vault_authority: readonly,
        mint: readonly,
        token_program: readonly,
    } (
        /// Index of the reserve.
        reserve: u8,
    )
    /// Returns an account's healths: [`crate::decode_health`] reads the return data.
    ReadHealth = 13 "read_health" {
        market: readonly,
        margin_account: readonly,
    } ()
    /// Makes the signer, the nominee, the market's authority.
    AcceptAuthority = 14 "accept_authority" {
        signer: signer,
        market: writable,
    } ()
    /// Liquidates with the repayment to follow: [`EndLiquidation`] must stand later in the same transaction.
    BeginLiquidation = 15 "begin_liquidation" {
        liquidator: signer,
        market: writable,
        margin_account: writable,
        destination: writable,
        vault: writable,
        vault_authority: readonly,
        mint: readonly,
        token_program: readonly,
        instructions: readonly,
    } (
        /// Index of the reserve to repay.
        debt: u8,
        /// Index of the reserve to seize from.
        collateral: u8,
        /// Most atoms to pay.
        max_repay: u64,
        /// Fewest atoms of collateral to accept.
        min_collateral: u64,
    )
    /// Pays what a [`BeginLiquidation`] left due.
    EndLiquidation = 16 "end_liquidation" {
        payer: signer,
        market: writable,
        margin_account: writable,
        source: writable,
        vault: writable,
        mint: readonly,
        token_program: readonly,
    } ()
    /// Records since when an account has been liquidatable, or that it is not. Anyone may.
    MarkLiquidatable = 17 "mark_liquidatable" {
        market: writable,
        margin_account: writable,
    } ()
    /// Takes a flash loan: [`EndFlashLoan`] must stand later in the same transaction. Anyone may.
    BeginFlashLoan = 18 "begin_flash_loan" {
        market: writable,
        destination: writable,
        vault: writable,
        vault_authority: readonly,
        mint: readonly,
        token_program: readonly,
        instructions: readonly,
    } (
        /// Index of the reserve.
        reserve: u8,
        /// Atoms.
        amount: u64,
    )
    /// Pays a flash loan back, with its fee.
    EndFlashLoan = 19 "end_flash_loan" {
        payer: signer,
        market: writable,
        source: writable,
        vault: writable,
        mint: readonly,
        token_program: readonly,
    } (
        /// Index of the reserve.
        reserve: u8,
    )
    /// Opens a stake in a reserve's insurance.
    OpenStake = 20 "open_stake" {
        owner: signer,
        payer: signer payer,
        market: readonly,
        stake: writable,
        system_program: readonly,
    } (
        /// Index of the reserve.
        reserve: u8,
    )
    /// Puts tokens into a stake. Anyone may pay.
    Stake = 21 "stake" {
        payer: signer,
        market: writable,
        stake: writable,
        source: writable,
        vault: writable,
        mint: readonly,
        token_program: readonly,
    } (
        /// Most atoms to pay.
        amount: u64,
    )
    /// Asks for shares of a stake; the cooldown starts.
    BeginUnstake = 22 "begin_unstake" {
        owner: signer,
        market: writable,
        stake: writable,
    } (
        /// Shares, in place of what was asked for before.
        shares: u64,
    )
    /// Takes what was asked for, within two days after the cooldown.
    Unstake = 23 "unstake" {
        owner: signer,
        market: writable,
        stake: writable,
        destination: writable,
        vault: writable,
        vault_authority: readonly,
        mint: readonly,
        token_program: readonly,
    } ()
    /// Closes an empty stake and sends its rent to the recipient.
    CloseStake = 24 "close_stake" {
        owner: signer,
        market: readonly,
        stake: writable,
        recipient: writable,
    } ()
    /// Stops actions for six hours, by the market's guardian.
    Pause = 25 "pause" {
        signer: signer,
        market: writable,
    } (
        /// The sum of withdraw (1), borrow (2), flash loan (4), unstake (8).
        actions: u8,
    )
    /// Lifts a pause, by the guardian or the authority; and by the authority, the restriction to reducing after a loss.
    Resume = 26 "resume" {
        signer: signer,
        market: writable,
    } ()
    /// Brings a reserve's interest, insurance, windows and breaker up to date. Anyone may.
    RefreshReserve = 27 "refresh_reserve" {
        market: writable,
    } (
        /// Index of the reserve.
        reserve: u8,
    )
    /// Queues a change, by the authority.
    QueueChange = 28 "queue_change" {
        authority: signer,
        payer: signer payer,
        market: writable,
        change: writable,
        system_program: readonly,
    } (
        /// Index of the reserve; 254: a listing; 255: the market.
        target: u8,
        /// Edits as in [`SetParameters`], or the listing.
        data: Vec<u8>,
    )
    /// Makes the edits of a change that is due. Anyone may.
    ExecuteChange = 29 "execute_change" {
        signer: signer,
        market: writable,
        change: writable,
        recipient: writable,
    } ()
    /// Cancels a change, by the authority or the guardian; once it has expired, by anyone.
    CancelChange = 30 "cancel_change" {
        signer: signer,
        market: writable,
        change: writable,
        recipient: writable,
    } ()
    /// Closes an empty, reduce-only reserve for good, by the fee collector, who gets what is left.
    CloseReserve = 31 "close_reserve" {
        fee_collector: signer payer,
        market: writable,
        destination: writable,
        vault: writable,
        vault_authority: readonly,
        mint: readonly,
        token_program: readonly,
    } (
        /// Index of the reserve.
        reserve: u8,
    )
    /// Names who may act for the owner, in place of whoever could before; all zero: nobody.
    SetDelegate = 32 "set_delegate" {
        owner: signer,
        market: writable,
        margin_account: writable,
    } (
        /// Who may act.
        delegate: Address,
        /// Bits of [`ballast_engine::state::account::rights`].
        rights: u8,
        /// When the rights end, unix seconds.
        until: i64,
    )
    /// Fails unless the account's collateral is at least so much of its debt.
    AssertHealth = 33 "assert_health" {
        market: readonly,
        margin_account: readonly,
    } (
        /// By which values: see [`ballast_engine::health::report::HealthReport`].
        requirement: u8,
        /// Basis points.
        min_ratio_bps: u32,
    )
    /// Fails unless the account's sequence number is the expected one, and counts it on.
    AssertSequence = 34 "assert_sequence" {
        signer: signer,
        margin_account: writable,
    } (
        /// The sequence number.
        expected: u64,
    )
}

impl RefreshPrices {
    /// The instruction for `(reserve, price account)` pairs, one after the other where a reserve has two.
    pub fn with_prices(market: Address, prices: &[(u8, Address)]) -> Instruction {
        // The two price accounts of one reserve follow each other.
        let reserves = prices.chunk_by(|one, other| one.0 == other.0).map(|of_reserve| of_reserve[0].0).collect();
        let mut instruction = Self { market, reserves }.instruction();
        instruction.accounts.extend(prices.iter().map(|(_, price)| AccountMeta::new_readonly(*price, false)));
        instruction
    }
}

#[cfg(test)]
mod tests;

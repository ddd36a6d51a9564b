//! The program's instructions: one struct each, whose fields are the accounts and arguments by name, so that no
//! order can be got wrong. [`crate::MarketView`] fills them in.
//!
//! Instruction data is one tag byte and the arguments, little endian, without padding.

use ballast_engine::{market::MarketConfig, reserve::ReserveConfig};
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
        /// Who sets parameters.
        authority: Address,
        /// Who may take the protocol's fees.
        fee_collector: Address,
        /// Who may pause.
        guardian: Address,
        /// Programs whose price accounts are accepted; all zero: none.
        price_receivers: [Address; 2],
        /// The market's parameters.
        config: MarketConfig,
    )
    /// Lists a mint, by the market's authority.
    AddReserve = 1 "add_reserve" {
        authority: signer,
        payer: signer payer,
        market: writable,
        mint: readonly,
        vault: writable,
        vault_authority: readonly,
        token_program: readonly,
        system_program: readonly,
    } (
        /// The reserve's parameters.
        config: ReserveConfig,
    )
    /// Replaces a reserve's parameters, by the market's authority.
    UpdateReserve = 2 "update_reserve" {
        authority: signer,
        market: writable,
    } (
        /// Index of the reserve.
        reserve: u8,
        /// The reserve's parameters.
        config: ReserveConfig,
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
    /// Takes lent tokens back.
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
    /// Borrows tokens against the account's deposits.
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
        fee_collector: signer,
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
    /// Replaces the parameters that all reserves share, by the market's authority.
    UpdateMarket = 14 "update_market" {
        authority: signer,
        market: writable,
    } (
        /// The market's parameters.
        config: MarketConfig,
    )
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
    Poke = 27 "poke" {
        market: writable,
    } (
        /// Index of the reserve.
        reserve: u8,
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
mod tests {
    use super::*;

    fn address(byte: u8) -> Address {
        Address::new_from_array([byte; 32])
    }

    #[test]
    fn tags_are_the_positions_in_the_list() {
        for (index, spec) in ALL.iter().enumerate() {
            assert_eq!(spec.tag as usize, index, "{}", spec.name);
        }
    }

    #[test]
    fn data_is_the_tag_and_the_arguments_in_little_endian() {
        let deposit = Deposit {
            payer: address(1),
            market: address(2),
            margin_account: address(3),
            source: address(4),
            vault: address(5),
            mint: address(6),
            token_program: address(7),
            reserve: 9,
            amount: 0x0102,
        };
        let instruction = deposit.instruction();
        assert_eq!(instruction.data, [5, 9, 2, 1, 0, 0, 0, 0, 0, 0]);
        let accounts: Vec<_> =
            instruction.accounts.iter().map(|meta| (meta.pubkey, meta.is_signer, meta.is_writable)).collect();
        let flags =
            [(true, false), (false, true), (false, true), (false, true), (false, true), (false, false), (false, false)];
        for (index, (signer, writable)) in flags.into_iter().enumerate() {
            assert_eq!(accounts[index], (address(index as u8 + 1), signer, writable));
        }
        assert_eq!(accounts.len(), flags.len());
    }

    #[test]
    fn records_are_passed_as_their_bytes() {
        let config = MarketConfig { dust_value: 77, ..MarketConfig::default() };
        let create = CreateMarket {
            creator: address(1),
            market: address(2),
            vault_authority: address(3),
            system_program: address(0),
            id: 0x0304,
            authority: address(4),
            fee_collector: address(5),
            guardian: address(8),
            price_receivers: [address(6), address(0)],
            config,
        };
        let data = create.instruction().data;
        assert_eq!(data.len(), 1 + 2 + 5 * 32 + 112);
        assert_eq!(data[..3], [0, 4, 3]);
        assert_eq!(data[3..35], [4; 32]);
        assert_eq!(data[163..], *bytemuck::bytes_of(&config));
        let update = UpdateReserve {
            authority: address(1),
            market: address(2),
            reserve: 3,
            config: ReserveConfig { deposit_cap: 5, ..ReserveConfig::default() },
        };
        let data = update.instruction().data;
        assert_eq!((data.len(), data[..4].to_vec()), (386, vec![2, 3, 5, 0]));
    }

    #[test]
    fn a_refresh_lists_one_price_account_for_each_reserve() {
        let instruction = RefreshPrices::with_prices(address(1), &[(4, address(2)), (0, address(3))]);
        assert_eq!(instruction.data, [9, 2, 0, 0, 0, 4, 0]);
        let accounts: Vec<_> = instruction.accounts.iter().map(|meta| (meta.pubkey, meta.is_writable)).collect();
        assert_eq!(accounts, [(address(1), true), (address(2), false), (address(3), false)]);
        assert!(instruction.accounts.iter().all(|meta| !meta.is_signer));
    }
}

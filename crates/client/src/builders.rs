//! The instructions of a market, with all accounts filled in that it knows. They fail only for a reserve index that it does
//! not have.

use ballast_engine::{
    Result,
    record::layout,
    state::{account::Mode, permission::Action, reserve::Reserve},
};
use solana_address::Address;
use solana_instruction::Instruction;

use crate::{
    address::{INSTRUCTIONS_SYSVAR, SYSTEM_PROGRAM, from_engine, stake_address},
    instruction as ix,
    market::{LiquidationOrder, MarketView},
};

impl MarketView {
    pub(crate) fn vault_authority(&self) -> Address {
        from_engine(&self.market.vault_authority)
    }

    /// Opens the owner's cross margin account of a number, signed by the owner and by who pays the rent.
    pub fn open_account(&self, owner: Address, payer: Address, id: u16) -> Instruction {
        self.open(owner, payer, id, Mode::Cross, (0, 0))
    }

    /// Opens an isolated margin account, for one collateral and one debt reserve, signed like a cross one.
    pub fn open_isolated_account(
        &self,
        owner: Address,
        payer: Address,
        id: u16,
        collateral: u8,
        debt: u8,
    ) -> Result<Instruction> {
        self.reserve(collateral)?;
        self.reserve(debt)?;
        Ok(self.open(owner, payer, id, Mode::Isolated, (collateral, debt)))
    }

    pub(crate) fn open(
        &self,
        owner: Address,
        payer: Address,
        id: u16,
        mode: Mode,
        (collateral, debt): (u8, u8),
    ) -> Instruction {
        let accounts = ix::OpenAccount {
            owner,
            payer,
            market: self.address,
            margin_account: self.margin_account(&owner, id),
            system_program: SYSTEM_PROGRAM,
            id,
            mode: mode as u8,
            collateral,
            debt,
        };
        accounts.instruction()
    }

    /// Closes an empty margin account, signed by its owner; its rent goes to the recipient.
    pub fn close_account(&self, owner: Address, margin_account: Address, recipient: Address) -> Instruction {
        ix::CloseAccount { owner, margin_account, recipient }.instruction()
    }

    /// Lends `amount` atoms, or what a transfer fee leaves of them, for a margin account, signed by `payer`, the owner of the
    /// `source` tokens.
    pub fn deposit(
        &self,
        payer: Address,
        margin_account: Address,
        source: Address,
        reserve: u8,
        amount: u64,
    ) -> Result<Instruction> {
        let record = Addresses::of(self.reserve(reserve)?);
        let accounts = ix::Deposit {
            payer,
            market: self.address,
            margin_account,
            source,
            vault: record.vault,
            mint: record.mint,
            token_program: record.token_program,
            reserve,
            amount,
        };
        Ok(accounts.instruction())
    }

    /// Takes `amount` atoms, or everything with `u64::MAX`, back, signed by the margin account's owner or its delegate.
    pub fn withdraw(
        &self,
        owner: Address,
        margin_account: Address,
        destination: Address,
        reserve: u8,
        amount: u64,
    ) -> Result<Instruction> {
        let record = Addresses::of(self.reserve(reserve)?);
        let accounts = ix::Withdraw {
            owner,
            market: self.address,
            margin_account,
            destination,
            vault: record.vault,
            vault_authority: self.vault_authority(),
            mint: record.mint,
            token_program: record.token_program,
            reserve,
            amount,
        };
        Ok(accounts.instruction())
    }

    /// Borrows `amount` atoms, signed by the margin account's owner or its delegate.
    pub fn borrow(
        &self,
        owner: Address,
        margin_account: Address,
        destination: Address,
        reserve: u8,
        amount: u64,
    ) -> Result<Instruction> {
        let record = Addresses::of(self.reserve(reserve)?);
        let accounts = ix::Borrow {
            owner,
            market: self.address,
            margin_account,
            destination,
            vault: record.vault,
            vault_authority: self.vault_authority(),
            mint: record.mint,
            token_program: record.token_program,
            reserve,
            amount,
        };
        Ok(accounts.instruction())
    }

    /// Pays up to `amount` atoms, or everything with `u64::MAX`, of a margin account's debt, signed by `payer`, the
    /// owner of the `source` tokens. A transfer fee comes out of the amount, but on top of everything.
    pub fn repay(
        &self,
        payer: Address,
        margin_account: Address,
        source: Address,
        reserve: u8,
        amount: u64,
    ) -> Result<Instruction> {
        let record = Addresses::of(self.reserve(reserve)?);
        let accounts = ix::Repay {
            payer,
            market: self.address,
            margin_account,
            source,
            vault: record.vault,
            mint: record.mint,
            token_program: record.token_program,
            reserve,
            amount,
        };
        Ok(accounts.instruction())
    }

    /// Liquidates, signed by the liquidator, who owns the `source` tokens (of the debt's mint); the collateral goes to
    /// `destination`.
    pub fn liquidate(
        &self,
        liquidator: Address,
        margin_account: Address,
        source: Address,
        destination: Address,
        order: LiquidationOrder,
    ) -> Result<Instruction> {
        let debt = Addresses::of(self.reserve(order.debt)?);
        let collateral = Addresses::of(self.reserve(order.collateral)?);
        let accounts = ix::Liquidate {
            liquidator,
            market: self.address,
            margin_account,
            source,
            debt_vault: debt.vault,
            debt_mint: debt.mint,
            debt_token_program: debt.token_program,
            destination,
            collateral_vault: collateral.vault,
            collateral_mint: collateral.mint,
            collateral_token_program: collateral.token_program,
            vault_authority: self.vault_authority(),
            debt: order.debt,
            collateral: order.collateral,
            max_repay: order.max_repay,
            min_collateral: order.min_collateral,
        };
        Ok(accounts.instruction())
    }

    /// Writes off a margin account's debt once it has no collateral. Nobody signs.
    pub fn settle_bad_debt(&self, margin_account: Address, reserve: u8) -> Result<Instruction> {
        self.reserve(reserve)?;
        Ok(ix::SettleBadDebt { market: self.address, margin_account, reserve }.instruction())
    }

    /// Pays a reserve's fees to `destination`, signed by the market's fee collector.
    pub fn collect_fees(&self, destination: Address, reserve: u8) -> Result<Instruction> {
        let record = Addresses::of(self.reserve(reserve)?);
        let accounts = ix::CollectFees {
            fee_collector: from_engine(&self.market.config.roles.fee_collector),
            market: self.address,
            destination,
            vault: record.vault,
            vault_authority: self.vault_authority(),
            mint: record.mint,
            token_program: record.token_program,
            reserve,
        };
        Ok(accounts.instruction())
    }

    /// Has the program compute a margin account's healths. Nobody signs.
    pub fn read_health(&self, margin_account: Address) -> Instruction {
        ix::ReadHealth { market: self.address, margin_account }.instruction()
    }

    /// Liquidates with the repayment to follow: takes the collateral to `destination` now, signed by the liquidator, and needs
    /// [`Self::end_liquidation`] later in the same transaction.
    pub fn begin_liquidation(
        &self,
        liquidator: Address,
        margin_account: Address,
        destination: Address,
        order: LiquidationOrder,
    ) -> Result<Instruction> {
        self.reserve(order.debt)?;
        let record = Addresses::of(self.reserve(order.collateral)?);
        let accounts = ix::BeginLiquidation {
            liquidator,
            market: self.address,
            margin_account,
            destination,
            vault: record.vault,
            vault_authority: self.vault_authority(),
            mint: record.mint,
            token_program: record.token_program,
            instructions: INSTRUCTIONS_SYSVAR,
            debt: order.debt,
            collateral: order.collateral,
            max_repay: order.max_repay,
            min_collateral: order.min_collateral,
        };
        Ok(accounts.instruction())
    }

    /// Pays the repayment of [`Self::begin_liquidation`], signed by `payer`, the owner of the `source` tokens (of the debt's
    /// mint).
    pub fn end_liquidation(
        &self,
        payer: Address,
        margin_account: Address,
        source: Address,
        debt: u8,
    ) -> Result<Instruction> {
        let record = Addresses::of(self.reserve(debt)?);
        let accounts = ix::EndLiquidation {
            payer,
            market: self.address,
            margin_account,
            source,
            vault: record.vault,
            mint: record.mint,
            token_program: record.token_program,
        };
        Ok(accounts.instruction())
    }

    /// Records since when a margin account has been liquidatable. Nobody signs.
    pub fn mark_liquidatable(&self, margin_account: Address) -> Instruction {
        ix::MarkLiquidatable { market: self.address, margin_account }.instruction()
    }

    /// Reports which part of a margin account's debts is lost, or that less is than was reported. Nobody signs.
    pub fn report_loss(&self, margin_account: Address) -> Instruction {
        ix::ReportLoss { market: self.address, margin_account }.instruction()
    }

    /// Takes a flash loan of `amount` atoms to `destination`, which needs [`Self::end_flash_loan`] later in the same
    /// transaction. Nobody signs.
    pub fn begin_flash_loan(&self, destination: Address, reserve: u8, amount: u64) -> Result<Instruction> {
        let record = Addresses::of(self.reserve(reserve)?);
        let accounts = ix::BeginFlashLoan {
            market: self.address,
            destination,
            vault: record.vault,
            vault_authority: self.vault_authority(),
            mint: record.mint,
            token_program: record.token_program,
            instructions: INSTRUCTIONS_SYSVAR,
            reserve,
            amount,
        };
        Ok(accounts.instruction())
    }

    /// Pays a flash loan back with its fee, signed by `payer`, the owner of the `source` tokens.
    pub fn end_flash_loan(&self, payer: Address, source: Address, reserve: u8) -> Result<Instruction> {
        let record = Addresses::of(self.reserve(reserve)?);
        let accounts = ix::EndFlashLoan {
            payer,
            market: self.address,
            source,
            vault: record.vault,
            mint: record.mint,
            token_program: record.token_program,
            reserve,
        };
        Ok(accounts.instruction())
    }

    /// Opens the owner's stake in a reserve's insurance, signed by the owner and by who pays the rent.
    pub fn open_stake(&self, owner: Address, payer: Address, reserve: u8) -> Result<Instruction> {
        self.reserve(reserve)?;
        let stake = stake_address(&self.address, &owner, reserve).0;
        let system_program = SYSTEM_PROGRAM;
        Ok(ix::OpenStake { owner, payer, market: self.address, stake, system_program, reserve }.instruction())
    }

    /// Puts up to `amount` atoms into an owner's stake, signed by `payer`, the owner of the `source` tokens.
    pub fn stake(
        &self,
        payer: Address,
        owner: Address,
        source: Address,
        reserve: u8,
        amount: u64,
    ) -> Result<Instruction> {
        let record = Addresses::of(self.reserve(reserve)?);
        let accounts = ix::Stake {
            payer,
            market: self.address,
            stake: stake_address(&self.address, &owner, reserve).0,
            source,
            vault: record.vault,
            mint: record.mint,
            token_program: record.token_program,
            amount,
        };
        Ok(accounts.instruction())
    }

    /// Asks for shares of the owner's stake, in place of what was asked for before; signed by the owner.
    pub fn begin_unstake(&self, owner: Address, reserve: u8, shares: u64) -> Instruction {
        let stake = stake_address(&self.address, &owner, reserve).0;
        ix::BeginUnstake { owner, market: self.address, stake, shares }.instruction()
    }

    /// Takes the shares asked for to `destination`, signed by the stake's owner.
    pub fn unstake(&self, owner: Address, destination: Address, reserve: u8) -> Result<Instruction> {
        let record = Addresses::of(self.reserve(reserve)?);
        let accounts = ix::Unstake {
            owner,
            market: self.address,
            stake: stake_address(&self.address, &owner, reserve).0,
            destination,
            vault: record.vault,
            vault_authority: self.vault_authority(),
            mint: record.mint,
            token_program: record.token_program,
        };
        Ok(accounts.instruction())
    }

    /// Closes the owner's empty stake, signed by the owner; its rent goes to the recipient.
    pub fn close_stake(&self, owner: Address, recipient: Address, reserve: u8) -> Instruction {
        let stake = stake_address(&self.address, &owner, reserve).0;
        ix::CloseStake { owner, market: self.address, stake, recipient }.instruction()
    }

    /// Pauses actions, by their [`Action::pause_bit`], signed by the market's guardian.
    pub fn pause(&self, actions: &[Action]) -> Instruction {
        let actions = actions.iter().fold(0, |bits, action| bits | action.pause_bit());
        ix::Pause { signer: from_engine(&self.market.config.roles.guardian), market: self.address, actions }
            .instruction()
    }

    /// Lifts a pause and, for the authority, the restriction to reducing; signed by the guardian or the authority.
    pub fn resume(&self, signer: Address) -> Instruction {
        ix::Resume { signer, market: self.address }.instruction()
    }

    /// Brings a reserve's interest, insurance, windows and breaker up to date. Nobody signs.
    pub fn refresh_reserve(&self, reserve: u8) -> Result<Instruction> {
        self.reserve(reserve)?;
        Ok(ix::RefreshReserve { market: self.address, reserve }.instruction())
    }
}

/// The accounts that a reserve names.
pub(crate) struct Addresses {
    pub(crate) mint: Address,
    pub(crate) vault: Address,
    pub(crate) token_program: Address,
}

impl Addresses {
    pub(crate) fn of(reserve: &Reserve) -> Self {
        let [mint, vault, token_program]: [Address; 3] =
            [reserve.mint, reserve.vault, reserve.token_program].map(|address: layout::Address| from_engine(&address));
        Self { mint, vault, token_program }
    }
}

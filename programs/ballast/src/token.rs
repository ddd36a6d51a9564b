//! Token transfers through the stack: `anchor-spl`'s helper builds the call on the heap, at 7,000 compute units.

use {
    crate::error::OnChain,
    anchor_lang::prelude::*,
    ballast_engine::{
        Error,
        ledger::EVERYTHING,
        record::layout,
        state::{
            reserve::Reserve,
            token::{self, Mint, TransferFee, Transfers},
            vault::Vault,
        },
    },
    pinocchio::{
        cpi::{Signer, invoke_signed},
        instruction::{InstructionAccount, InstructionView},
    },
};

/// How a reserve's token moves.
#[derive(Clone, Copy)]
pub struct Terms {
    /// [`Transfers`].
    transfers: u8,
    /// Of the mint.
    decimals: u8,
}

impl Terms {
    #[inline(always)]
    pub fn of(reserve: &Reserve) -> Self {
        Self { transfers: reserve.transfers, decimals: reserve.decimals }
    }

    #[inline(always)]
    pub fn of_vault(vault: &Vault) -> Self {
        Self { transfers: vault.transfers, decimals: vault.decimals }
    }

    /// Whether less may arrive than is sent.
    #[inline(always)]
    pub fn have_fee(&self) -> bool {
        self.transfers == Transfers::WithFee as u8
    }
}

/// A transfer of SPL Token, or one of Token-2022, which checks mint and decimals.
pub struct Transfer {
    pub program: AccountView,
    pub from: AccountView,
    pub mint: AccountView,
    pub to: AccountView,
    pub authority: AccountView,
    /// Atoms that leave the books, or that have to come into them.
    pub amount: u64,
    pub terms: Terms,
}

impl Transfer {
    /// Moves the tokens; nothing for an amount of zero. Out of line: all instructions share it.
    #[inline(never)]
    pub fn invoke(&self, signers: &[Signer]) -> Result<()> {
        const TRANSFER: u8 = 3;
        if self.amount == 0 {
            return Ok(());
        }
        if self.terms.transfers != Transfers::Plain as u8 {
            return self.invoke_token_2022(signers);
        }
        // The reserve's account is of its mint, and the other account must have the same.
        let mut data = [TRANSFER; 9];
        data[1..].copy_from_slice(&self.amount.to_le_bytes());
        let instruction = InstructionView {
            program_id: self.program.address(),
            data: &data,
            accounts: &[
                InstructionAccount::writable(self.from.address()),
                InstructionAccount::writable(self.to.address()),
                InstructionAccount::readonly_signer(self.authority.address()),
            ],
        };
        invoke_signed(&instruction, &[&self.from, &self.to, &self.authority], signers)
    }

    /// If the market signs, the amount leaves the reserve, and the receiver bears the fee. If a user signs, the amount has to
    /// arrive in the reserve.
    #[cold]
    #[inline(never)]
    fn invoke_token_2022(&self, signers: &[Signer]) -> Result<()> {
        if !self.terms.have_fee() || !signers.is_empty() {
            return self.invoke_checked(self.amount, signers);
        }
        let held = balance(&self.to)?;
        self.invoke_checked(sending(&self.mint, self.amount)?, signers)?;
        if balance(&self.to)?.saturating_sub(held) < self.amount {
            return Err(Error::TransferFellShort).on_chain();
        }
        Ok(())
    }

    fn invoke_checked(&self, amount: u64, signers: &[Signer]) -> Result<()> {
        const TRANSFER_CHECKED: u8 = 12;
        let mut data = [TRANSFER_CHECKED; 10];
        data[1..9].copy_from_slice(&amount.to_le_bytes());
        data[9] = self.terms.decimals;
        let instruction = InstructionView {
            program_id: self.program.address(),
            data: &data,
            accounts: &[
                InstructionAccount::writable(self.from.address()),
                InstructionAccount::readonly(self.mint.address()),
                InstructionAccount::writable(self.to.address()),
                InstructionAccount::readonly_signer(self.authority.address()),
            ],
        };
        invoke_signed(&instruction, &[&self.from, &self.mint, &self.to, &self.authority], signers)
    }
}

/// What arrives of what is sent, atoms, for a mint with a fee. `u64::MAX` stands for everything and is returned as it is.
#[cold]
#[inline(never)]
pub fn arriving(mint: &AccountView, sent: u64) -> Result<u64> {
    if sent == EVERYTHING { Ok(sent) } else { fee(mint)?.arriving(sent).on_chain() }
}

/// What must be sent for an amount to arrive, atoms, for a mint with a fee.
#[cold]
#[inline(never)]
pub fn sending(mint: &AccountView, due: u64) -> Result<u64> {
    fee(mint)?.sending(due).on_chain()
}

/// The fee of a mint today.
fn fee(mint: &AccountView) -> Result<TransferFee> {
    use anchor_lang::solana_program::sysvar::Sysvar;
    let epoch = Clock::get()?.epoch;
    Ok(Mint::read(&mint.try_borrow()?).on_chain()?.fee_at(epoch))
}

/// Atoms in a token account.
pub fn balance(account: &AccountView) -> Result<u64> {
    token::balance(&account.try_borrow()?).ok_or(ProgramError::InvalidAccountData)
}

/// Turns a new account of the token program into a token account: `InitializeAccount3`.
pub fn initialize_account(
    program: &AccountView,
    account: &AccountView,
    mint: &AccountView,
    owner: &Address,
) -> Result<()> {
    const INITIALIZE_ACCOUNT_3: u8 = 18;
    let mut data = [0; 33];
    data[0] = INITIALIZE_ACCOUNT_3;
    data[1..].copy_from_slice(owner.as_ref());
    let instruction = InstructionView {
        program_id: program.address(),
        data: &data,
        accounts: &[InstructionAccount::writable(account.address()), InstructionAccount::readonly(mint.address())],
    };
    invoke_signed(&instruction, &[account, mint], &[])
}

/// Turns a new account of SPL Token into a mint that nobody can freeze: `InitializeMint2`.
pub fn initialize_mint(program: &AccountView, mint: &AccountView, decimals: u8, authority: &Address) -> Result<()> {
    const INITIALIZE_MINT_2: u8 = 20;
    let mut data = [0; 35];
    (data[0], data[1]) = (INITIALIZE_MINT_2, decimals);
    data[2..34].copy_from_slice(authority.as_ref());
    let accounts = [InstructionAccount::writable(mint.address())];
    let instruction = InstructionView { program_id: program.address(), data: &data, accounts: &accounts };
    invoke_signed(&instruction, &[mint], &[])
}

/// Makes tokens; none for an amount of zero.
#[inline(never)]
pub fn mint_to(
    program: &AccountView,
    mint: &AccountView,
    to: &AccountView,
    authority: &AccountView,
    amount: u64,
    signers: &[Signer],
) -> Result<()> {
    const MINT_TO: u8 = 7;
    change_supply(program, MINT_TO, [mint, to, authority], amount, signers)
}

/// Destroys tokens of an owner who signs.
#[inline(never)]
pub fn burn(
    program: &AccountView,
    from: &AccountView,
    mint: &AccountView,
    owner: &AccountView,
    amount: u64,
) -> Result<()> {
    const BURN: u8 = 8;
    change_supply(program, BURN, [from, mint, owner], amount, &[])
}

fn change_supply(
    program: &AccountView,
    tag: u8,
    [first, second, authority]: [&AccountView; 3],
    amount: u64,
    signers: &[Signer],
) -> Result<()> {
    if amount == 0 {
        return Ok(());
    }
    let mut data = [tag; 9];
    data[1..].copy_from_slice(&amount.to_le_bytes());
    let instruction = InstructionView {
        program_id: program.address(),
        data: &data,
        accounts: &[
            InstructionAccount::writable(first.address()),
            InstructionAccount::writable(second.address()),
            InstructionAccount::readonly_signer(authority.address()),
        ],
    };
    invoke_signed(&instruction, &[first, second, authority], signers)
}

/// Closes an empty token account: its rent goes to the recipient.
pub fn close_account(
    program: &AccountView,
    account: &AccountView,
    recipient: &AccountView,
    authority: &AccountView,
    signers: &[Signer],
) -> Result<()> {
    const CLOSE_ACCOUNT: u8 = 9;
    let instruction = InstructionView {
        program_id: program.address(),
        data: &[CLOSE_ACCOUNT],
        accounts: &[
            InstructionAccount::writable(account.address()),
            InstructionAccount::writable(recipient.address()),
            InstructionAccount::readonly_signer(authority.address()),
        ],
    };
    invoke_signed(&instruction, &[account, recipient, authority], signers)
}

/// The owner that a token account names; none if the account is too short. Whether it is a token account, the token program
/// checks: it writes to no other.
pub fn token_account_owner(account: &AccountView) -> Result<layout::Address> {
    let data = account.try_borrow()?;
    let owner = data.get(32..).and_then(|rest| rest.first_chunk());
    Ok(owner.map_or(layout::Address::NONE, |owner| layout::Address(*owner)))
}

/// What the program needs to know of a mint it lists.
pub struct ListedMint {
    pub decimals: u8,
    pub transfers: Transfers,
    /// Bytes of a token account of it.
    pub account_len: usize,
}

impl ListedMint {
    /// Reads a mint, and refuses what is not a mint of one of the token programs or has a refused extension.
    pub fn read(mint: &AccountView, program: &AccountView) -> Result<Self> {
        let is_token_2022 = *program.address() == <Token2022 as Id>::id();
        let known = is_token_2022 || *program.address() == <Token as Id>::id();
        if !known || !mint.owned_by(program.address()) {
            return Err(Error::MintNotOwnedByTokenProgram).on_chain();
        }
        let mint = Mint::read(&mint.try_borrow()?).on_chain()?;
        let transfers = match (is_token_2022, mint.fees) {
            (false, _) => Transfers::Plain,
            (true, None) => Transfers::Checked,
            (true, Some(_)) => Transfers::WithFee,
        };
        Ok(Self { decimals: mint.decimals, transfers, account_len: mint.account_len() })
    }
}

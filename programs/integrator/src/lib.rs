//! An example of a program that uses Ballast: it holds deposits, debts, perps and vaults' shares for each of its managers, and is stricter
//! than Ballast.
//!
//! The margin account belongs to an address derived from the manager's, for which this program alone can sign, and does so
//! only where that manager has signed. Whatever borrows or withdraws must leave collateral at initial weights of
//! [`MIN_RATIO_BPS`] of the debt, by the health that Ballast returns. What is deposited in a vault finds a coverage of
//! [`MIN_COVERAGE_BPS`], and a position in a perp grows only where its pool has [`MIN_POOL_COVER_BPS`] left, by the figures that
//! Ballast returns.
//!
//! Ballast's instructions are one tag byte and the arguments, little endian; its IDL lists them with their accounts in
//! order. Data of this program are likewise one byte of [`Instruction`], the bump of the owner's address ([`owner_seeds`]) but
//! for the two checks, and the arguments. Prices are to be refreshed before, in the same transaction; of vaults those of their pools.
//!
//! | instruction | arguments | accounts, after Ballast's program |
//! |---|---|---|
//! | open | id `u16` | manager (signs, pays the rent), owner, market, margin account, system program |
//! | deposit, repay | reserve `u8`, amount `u64` | manager (signs), owner, market, margin account, source, vault, mint, token program |
//! | borrow, withdraw | reserve `u8`, amount `u64` | manager (signs), owner, market, margin account, destination, vault, vault authority, mint, token program |
//! | close | none | manager (signs), owner, margin account, recipient of the rent |
//! | check | none | market, margin account |
//! | vault deposit | amount `u64`, least shares `u64` | manager (signs), then Ballast's of `vault_deposit`, with the owner as payer |
//! | vault redeem | shares `u64`, least amount `u64`, paying slots `u8` | manager (signs), then Ballast's of `vault_redeem` |
//! | vault check | none | vault, the market of each of its open allocations |
//! | trade perp | pool `u8`, then those of `trade_perp` | manager (signs), owner, market, margin account |
//!
//! Tokens are paid in from a token account of the owner's, to which anyone may send them, and out to the manager's choice.

mod perp;
mod vault;

use ballast_engine::health::report::HealthReport;
use bytemuck::AnyBitPattern;
pub use perp::{MIN_POOL_COVER_BPS, POOL_COVER_BELOW_MINIMUM};
use pinocchio::{
    AccountView, ProgramResult,
    cpi::{Seed, Signer, get_return_data, invoke_signed_with_bounds, invoke_with_bounds},
    entrypoint,
    error::ProgramError,
    instruction::{InstructionAccount, InstructionView},
};
use solana_address::Address;
#[cfg(target_arch = "bpf")]
use solana_compiler_builtins as _;
use std::array::from_fn;
pub use vault::{COVERAGE_BELOW_MINIMUM, MIN_COVERAGE_BPS};

/// Ballast's program.
pub const BALLAST: Address = Address::from_str_const("BaLLastVpFhaENTd1dhUmmz3tMc9UC4fpXqkjqckcNbp");

/// Collateral at initial weights that borrowing and withdrawing must leave, basis points of the debt. Ballast asks for 10,000.
pub const MIN_RATIO_BPS: u32 = 15_000;

/// `Custom(1)`: the position would be below [`MIN_RATIO_BPS`].
pub const RATIO_BELOW_MINIMUM: u32 = 1;

/// First byte of this program's data.
#[repr(u8)]
pub enum Instruction {
    Open,
    Deposit,
    Borrow,
    Repay,
    Withdraw,
    Close,
    Check,
    VaultDeposit,
    VaultRedeem,
    VaultCheck,
    TradePerp,
}

/// Ballast's tags.
mod tag {
    pub const OPEN_ACCOUNT: u8 = 3;
    pub const CLOSE_ACCOUNT: u8 = 4;
    pub const DEPOSIT: u8 = 5;
    pub const WITHDRAW: u8 = 6;
    pub const BORROW: u8 = 7;
    pub const REPAY: u8 = 8;
    pub const READ_HEALTH: u8 = 13;
    pub const VAULT_DEPOSIT: u8 = 37;
    pub const VAULT_REDEEM: u8 = 39;
    pub const READ_VAULT: u8 = 57;
    pub const TRADE_PERP: u8 = 61;
    pub const READ_POOL: u8 = 74;
}

entrypoint!(process_instruction);

fn process_instruction(_: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    const OPEN: u8 = Instruction::Open as u8;
    const DEPOSIT: u8 = Instruction::Deposit as u8;
    const BORROW: u8 = Instruction::Borrow as u8;
    const REPAY: u8 = Instruction::Repay as u8;
    const WITHDRAW: u8 = Instruction::Withdraw as u8;
    const CLOSE: u8 = Instruction::Close as u8;
    const CHECK: u8 = Instruction::Check as u8;
    const VAULT_DEPOSIT: u8 = Instruction::VaultDeposit as u8;
    const VAULT_REDEEM: u8 = Instruction::VaultRedeem as u8;
    const VAULT_CHECK: u8 = Instruction::VaultCheck as u8;
    const TRADE_PERP: u8 = Instruction::TradePerp as u8;
    match data {
        [OPEN, bump, id @ ..] => open(accounts, *bump, id),
        [DEPOSIT, bump, order @ ..] => pay_in(accounts, *bump, tag::DEPOSIT, order),
        [REPAY, bump, order @ ..] => pay_in(accounts, *bump, tag::REPAY, order),
        [BORROW, bump, order @ ..] => pay_out(accounts, *bump, tag::BORROW, order),
        [WITHDRAW, bump, order @ ..] => pay_out(accounts, *bump, tag::WITHDRAW, order),
        [CLOSE, bump] => close(accounts, *bump),
        [CHECK] => check(accounts),
        [VAULT_DEPOSIT, bump, order @ ..] => vault::deposit(accounts, *bump, order),
        [VAULT_REDEEM, bump, order @ ..] => vault::redeem(accounts, *bump, order),
        [VAULT_CHECK] => vault::check(accounts),
        [TRADE_PERP, bump, order @ ..] => perp::trade(accounts, *bump, order),
        _ => Err(ProgramError::InvalidInstructionData),
    }
}

fn open(accounts: &[AccountView], bump: u8, id: &[u8]) -> ProgramResult {
    let [ballast, manager, owner, market, margin_account, system_program] = accounts else {
        return Err(ProgramError::NotEnoughAccountKeys);
    };
    let &[low, high] = id else { return Err(ProgramError::InvalidInstructionData) };
    let owner = Owner::of(manager, owner, bump)?;
    // A cross account, which names no reserves.
    let data = [tag::OPEN_ACCOUNT, low, high, 0, 0, 0];
    owner.call(ballast, &data, [owner.view, manager, market, margin_account, system_program])
}

/// Deposits or repays.
fn pay_in(accounts: &[AccountView], bump: u8, tag: u8, order: &[u8]) -> ProgramResult {
    let [ballast, manager, owner, market, margin_account, source, vault, mint, token_program] = accounts else {
        return Err(ProgramError::NotEnoughAccountKeys);
    };
    let owner = Owner::of(manager, owner, bump)?;
    let accounts = [owner.view, market, margin_account, source, vault, mint, token_program];
    owner.call(ballast, &with_order::<10>(tag, order)?, accounts)
}

/// Borrows or withdraws, and looks at what that leaves.
fn pay_out(accounts: &[AccountView], bump: u8, tag: u8, order: &[u8]) -> ProgramResult {
    let [ballast, manager, owner, market, margin_account, destination, vault, vault_authority, mint, token_program] =
        accounts
    else {
        return Err(ProgramError::NotEnoughAccountKeys);
    };
    let owner = Owner::of(manager, owner, bump)?;
    let accounts = [owner.view, market, margin_account, destination, vault, vault_authority, mint, token_program];
    owner.call(ballast, &with_order::<10>(tag, order)?, accounts)?;
    require_ratio(ballast, market, margin_account)
}

fn close(accounts: &[AccountView], bump: u8) -> ProgramResult {
    let [ballast, manager, owner, margin_account, recipient] = accounts else {
        return Err(ProgramError::NotEnoughAccountKeys);
    };
    let owner = Owner::of(manager, owner, bump)?;
    owner.call(ballast, &[tag::CLOSE_ACCOUNT], [owner.view, margin_account, recipient])
}

/// Fails unless a margin account, anyone's, is as healthy as this program asks for.
fn check(accounts: &[AccountView]) -> ProgramResult {
    let [ballast, market, margin_account] = accounts else { return Err(ProgramError::NotEnoughAccountKeys) };
    require_ratio(ballast, market, margin_account)
}

/// Ballast's data: a tag, and arguments that take up the rest.
fn with_order<const N: usize>(tag: u8, order: &[u8]) -> Result<[u8; N], ProgramError> {
    let mut data = [tag; N];
    if order.len() != N - 1 {
        return Err(ProgramError::InvalidInstructionData);
    }
    data[1..].copy_from_slice(order);
    Ok(data)
}

/// The seeds of the address that owns a manager's margin account, before its bump.
pub const fn owner_seeds(manager: &Address) -> [&[u8]; 2] {
    [b"owner", manager.as_array()]
}

/// The address that owns a manager's margin account and token accounts.
struct Owner<'a> {
    view: &'a AccountView,
    manager: &'a Address,
    bump: [u8; 1],
}

impl<'a> Owner<'a> {
    fn of(manager: &'a AccountView, view: &'a AccountView, bump: u8) -> Result<Self, ProgramError> {
        if !manager.is_signer() {
            return Err(ProgramError::MissingRequiredSignature);
        }
        Ok(Self { view, manager: manager.address(), bump: [bump] })
    }

    /// Calls Ballast with the owner's signature.
    fn call<const N: usize>(&self, ballast: &AccountView, data: &[u8], accounts: [&AccountView; N]) -> ProgramResult {
        self.call_with::<N, _>(ballast, data, &accounts)
    }

    /// The same with at most so many accounts. They keep the flags that they came with.
    ///
    /// If the owner is not this manager's, the seeds derive another address, and the runtime does not let it sign. And whoever is
    /// called holds the signature for as long, so it must be Ballast.
    fn call_with<const MOST: usize, A: AsRef<AccountView>>(
        &self,
        ballast: &AccountView,
        data: &[u8],
        accounts: &[A],
    ) -> ProgramResult {
        if *ballast.address() != BALLAST {
            return Err(ProgramError::IncorrectProgramId);
        }
        let metas: [_; MOST] = from_fn(|index| {
            let account = accounts.get(index).map_or(self.view, AsRef::as_ref);
            let is_signer = account.is_signer() || account.address() == self.view.address();
            InstructionAccount::new(account.address(), account.is_writable(), is_signer)
        });
        let metas = metas.get(..accounts.len()).ok_or(ProgramError::InvalidArgument)?;
        let [prefix, manager] = owner_seeds(self.manager);
        let seeds = [Seed::from(prefix), Seed::from(manager), Seed::from(&self.bump)];
        let instruction = InstructionView { program_id: &BALLAST, data, accounts: metas };
        invoke_signed_with_bounds::<MOST, _>(&instruction, accounts, &[Signer::from(&seeds)])
    }
}

/// Refuses a margin account below this program's ratio. Initial values are the safe ones to look at: of an old price they count
/// no collateral, and without a good price of each debt nothing covers it.
fn require_ratio(ballast: &AccountView, market: &AccountView, margin_account: &AccountView) -> ProgramResult {
    let health = read_health(ballast, market, margin_account)?;
    let required = health.require(HealthReport::INITIAL, MIN_RATIO_BPS);
    required.map_err(|_| ProgramError::Custom(RATIO_BELOW_MINIMUM))
}

/// A margin account's healths, as Ballast returns them.
fn read_health(
    ballast: &AccountView,
    market: &AccountView,
    margin_account: &AccountView,
) -> Result<HealthReport, ProgramError> {
    read::<2, _>(ballast, &[tag::READ_HEALTH], &[market, margin_account])
}

/// What Ballast returns about at most so many accounts.
///
/// No signature goes with this call. What matters is who gave the answer: return data are those of whoever set them last.
#[inline(never)]
fn read<const MOST: usize, T: AnyBitPattern>(
    ballast: &AccountView,
    data: &[u8],
    accounts: &[&AccountView],
) -> Result<T, ProgramError> {
    let metas: [_; MOST] = from_fn(|index| {
        let account = accounts.get(index).copied().unwrap_or(ballast);
        InstructionAccount::new(account.address(), account.is_writable(), false)
    });
    let metas = metas.get(..accounts.len()).ok_or(ProgramError::InvalidArgument)?;
    let instruction = InstructionView { program_id: ballast.address(), data, accounts: metas };
    invoke_with_bounds::<MOST, _>(&instruction, accounts)?;
    let returned = get_return_data().ok_or(ProgramError::InvalidAccountData)?;
    if *returned.program_id() != BALLAST {
        return Err(ProgramError::IncorrectProgramId);
    }
    bytemuck::try_pod_read_unaligned(returned.as_slice()).map_err(|_| ProgramError::InvalidAccountData)
}

//! Shares of vaults: what the owner deposits, and what it gets back.
//!
//! Ballast takes the market of each of a vault's open allocations behind an instruction's own accounts, and of each slot that pays the
//! reserve's liquidity vault and the vault authority. They are handed through as they come.

use ballast_engine::{state::vault::MAX_ALLOCATIONS, vaults::report::VaultReport};
use pinocchio::{AccountView, ProgramResult, error::ProgramError};

use crate::{Owner, read, tag, with_order};

/// Liquid assets that a vault must have for this program to deposit, basis points of its stressed outflow.
pub const MIN_COVERAGE_BPS: u32 = 15_000;

/// `Custom(2)`: the vault has less than [`MIN_COVERAGE_BPS`].
pub const COVERAGE_BELOW_MINIMUM: u32 = 2;

/// Accounts of `vault_deposit` and `vault_redeem` before the markets.
const OWN: usize = 10;
/// With those of all markets.
const MOST: usize = OWN + 3 * MAX_ALLOCATIONS;

/// Brings the owner's tokens, if the vault can pay those who may leave. It is looked at before, since the tokens themselves would
/// count as liquid.
pub fn deposit(accounts: &[AccountView], bump: u8, order: &[u8]) -> ProgramResult {
    let [ballast, manager, called @ ..] = accounts else { return Err(ProgramError::NotEnoughAccountKeys) };
    let ([owner, vault, ..], Some(markets)) = (called, called.get(OWN..)) else {
        return Err(ProgramError::NotEnoughAccountKeys);
    };
    let owner = Owner::of(manager, owner, bump)?;
    require_coverage(ballast, vault, markets)?;
    owner.call_with::<MOST, _>(ballast, &with_order::<17>(tag::VAULT_DEPOSIT, order)?, called)
}

/// Gives shares of the owner's back. No coverage is asked for: it is when there is little that one wants to leave.
pub fn redeem(accounts: &[AccountView], bump: u8, order: &[u8]) -> ProgramResult {
    let [ballast, manager, called @ ..] = accounts else { return Err(ProgramError::NotEnoughAccountKeys) };
    let owner = Owner::of(manager, called.first().ok_or(ProgramError::NotEnoughAccountKeys)?, bump)?;
    owner.call_with::<MOST, _>(ballast, &with_order::<18>(tag::VAULT_REDEEM, order)?, called)
}

/// Fails unless a vault is as liquid as this program asks for.
pub fn check(accounts: &[AccountView]) -> ProgramResult {
    let [ballast, vault, markets @ ..] = accounts else { return Err(ProgramError::NotEnoughAccountKeys) };
    require_coverage(ballast, vault, markets)
}

/// Refuses a vault below this program's coverage. Tokens that came this very second are not counted as liquid by Ballast: so nobody
/// lifts a vault above the minimum with capital of an instant.
fn require_coverage(ballast: &AccountView, vault: &AccountView, markets: &[AccountView]) -> ProgramResult {
    let mut accounts = [vault; 1 + MAX_ALLOCATIONS];
    let accounts = accounts.get_mut(..1 + markets.len()).ok_or(ProgramError::InvalidArgument)?;
    accounts[1..].iter_mut().zip(markets).for_each(|(place, market)| *place = market);
    let report: VaultReport = read::<{ 1 + MAX_ALLOCATIONS }, _>(ballast, &[tag::READ_VAULT], accounts)?;
    if report.coverage < MIN_COVERAGE_BPS { Err(ProgramError::Custom(COVERAGE_BELOW_MINIMUM)) } else { Ok(()) }
}

//! Positions in perps: the owner's margin account trades, and grows a position only against a pool that can bear it.

use ballast_engine::perps::report::PoolReport;
use pinocchio::{AccountView, ProgramResult, error::ProgramError};

use crate::{Owner, read, require_ratio, tag, with_order};

/// What a pool must have after a position grew, basis points of what it loses in the worst of the moves that it must bear. Ballast asks for
/// 10,000.
pub const MIN_POOL_COVER_BPS: u32 = 20_000;

/// `Custom(3)`: the pool has less than [`MIN_POOL_COVER_BPS`].
pub const POOL_COVER_BELOW_MINIMUM: u32 = 3;

/// Trades with `trade_perp`. If the order may grow a position, pool and account are looked at once it has: the position itself takes a part of
/// what covers it. An order that only reduces is asked for nothing, since it is in trouble that one wants to close.
#[inline(never)]
pub fn trade(accounts: &[AccountView], bump: u8, order: &[u8]) -> ProgramResult {
    let [ballast, manager, owner, market, margin_account] = accounts else {
        return Err(ProgramError::NotEnoughAccountKeys);
    };
    let [pool, order @ ..] = order else { return Err(ProgramError::InvalidInstructionData) };
    let data = with_order::<23>(tag::TRADE_PERP, order)?;
    let (perp, reduce_only) = (data[1], data[22]);
    Owner::of(manager, owner, bump)?.call(ballast, &data, [owner, market, margin_account])?;
    if reduce_only != 0 {
        return Ok(());
    }
    require_cover(ballast, market, *pool, perp)?;
    require_ratio(ballast, market, margin_account)
}

/// Refuses a pool below this program's cover, and one that is not the perp's. In a frame of its own: the report is a quarter of one.
#[inline(never)]
fn require_cover(ballast: &AccountView, market: &AccountView, pool: u8, perp: u8) -> ProgramResult {
    let report: PoolReport = read::<1, _>(ballast, &[tag::READ_POOL, pool], &[market])?;
    let perps = report.perps.get(..report.perp_count as usize).ok_or(ProgramError::InvalidAccountData)?;
    if !perps.iter().any(|one| one.perp == perp) {
        return Err(ProgramError::InvalidArgument);
    }
    if report.cover < MIN_POOL_COVER_BPS { Err(ProgramError::Custom(POOL_COVER_BELOW_MINIMUM)) } else { Ok(()) }
}

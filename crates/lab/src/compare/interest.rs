//! Thirty days of one reserve's interest on the engine, with and without the controller: the same borrowers, who want
//! 95 % of it at 5 % a year and a point less for each point above, and get there by a twentieth an hour.

use anyhow::{Context, Result};
use ballast_client::engine::state::reserve::Reserve;

use ballast_sim::{assets, policy::Policy};

/// Hours that are simulated.
pub const HOURS: i64 = 720;
/// Seconds of an hour.
pub const HOUR: i64 = 3_600;
/// When they begin, unix seconds: 1 January 2026, for the axis alone.
pub const START: i64 = 1_767_225_600;

/// Plays the thirty days under a policy, on the USDC reserve that it lists: time, utilisation and annual borrow rate at the
/// end of each hour.
pub fn thirty_days(policy: Policy) -> Result<Vec<(i64, f64, f64)>> {
    let usdc = assets::find("USDC").context("USDC is listed")?;
    let mut reserve = Reserve::new(&policy.reserve(usdc, 0), usdc.decimals, START)?;
    reserve.deposit(1_000_000 * usdc.unit())?;
    let mut points = Vec::new();
    for hour in 1..=HOURS {
        let time = START + hour * HOUR;
        reserve.accrue(time);
        reserve.update_rates();
        let (owed, rate) = (reserve.debts(), reserve.borrow_rate.per_year_f64());
        points.push((time, reserve.utilisation().to_f64(), rate));
        let wanted = (0.95 - (rate - 0.05).max(0.0)).max(0.0) * reserve.deposits() as f64;
        let change = (wanted - owed as f64) / 20.0;
        if change > 0.0 {
            reserve.borrow((change as u64).min(reserve.cash))?;
        } else if let Some(shares) = reserve.debt_index.shares_floor((-change) as u64) {
            reserve.repay(reserve.debt_index.amount_ceil(shares), shares);
        }
    }
    Ok(points)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_controller_brings_the_reserve_nearer_to_its_target() {
        let distance = |policy| {
            let points = thirty_days(policy).expect("a valid policy");
            let last = &points[600..];
            last.iter().map(|(_, utilisation, _)| (utilisation - 0.8).abs()).sum::<f64>() / last.len() as f64
        };
        let (fixed, adaptive) = (distance(Policy::Fixed), distance(Policy::Adaptive));
        assert!(adaptive < fixed / 2.0, "{adaptive} against {fixed}");
    }
}

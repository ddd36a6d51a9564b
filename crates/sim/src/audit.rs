//! The conservation check: after every bar the books must balance to the last fraction of an atom.

use anyhow::{Result, ensure};
use ballast_client::{
    MarketView,
    engine::{health::report::HealthReport, number::units::Shares, state::account::MarginAccount},
    from_engine,
};

use super::world::World;

/// What a vault of lenders, or a pool behind perps, has in a market.
#[derive(Clone, Copy, Debug)]
pub struct Entrusted {
    /// The reserve that it lends to.
    pub reserve: usize,
    /// Shares of its deposits.
    pub shares: Shares,
}

impl Entrusted {
    /// Nothing: there is neither.
    pub const NONE: Self = Self { reserve: 0, shares: Shares::ZERO };
}

/// Checks, for each reserve:
///
/// - cash + debts cover the deposits, in 2^-64 atoms;
/// - its token account holds exactly the cash of the books, with insurance and fees set aside (nobody in the demo sends tokens there);
/// - the shares of all margin accounts, and what is entrusted, add up to the reserve's.
pub fn check(world: &World, market: &MarketView, accounts: &[&MarginAccount], entrusted: Entrusted) -> Result<()> {
    let (mut deposits, mut debts) = (vec![0u128; world.assets.len()], vec![0u128; world.assets.len()]);
    deposits[entrusted.reserve] += entrusted.shares.0 as u128;
    for position in accounts.iter().flat_map(|account| account.positions()) {
        let side = if position.is_debt() { &mut debts } else { &mut deposits };
        side[position.reserve as usize] += position.shares.0 as u128;
    }
    for (index, (asset, reserve)) in world.assets.iter().zip(&market.reserves).enumerate() {
        let symbol = asset.symbol;
        let (assets, owned) = reserve.assets_and_deposits();
        ensure!(assets >= owned, "{symbol}: cash and debts do not cover the deposits: {reserve:?}");
        let vault = world.tokens(&from_engine(&reserve.vault));
        let owned = reserve.vault_balance();
        ensure!(vault as u128 == owned, "{symbol}: the token account holds {vault} atoms, the books say {owned}");
        let shares = (reserve.deposit_shares.0 as u128, reserve.debt_shares.0 as u128);
        ensure!(
            (deposits[index], debts[index]) == shares,
            "{symbol}: accounts hold {} and {} shares, the reserve says {} and {}",
            deposits[index],
            debts[index],
            shares.0,
            shares.1
        );
    }
    Ok(())
}

/// Requires the program's own healths of an account to be the client's.
pub fn check_health(computed: &HealthReport, returned: &HealthReport) -> Result<()> {
    ensure!(computed == returned, "the client computes {computed:?}, the program {returned:?}");
    Ok(())
}

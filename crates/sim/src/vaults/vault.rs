//! The vault: its policy, and the audit of its books.

use anyhow::{Result, ensure};
use ballast_client::{
    Address, VaultView,
    engine::{
        number::units::{Bps, MAX_LIQUIDITY},
        state::vault::{AllocationConfig, Vault, VaultConfig, VaultRoles},
    },
    from_engine, to_engine,
};

use super::lenders::{Keeper, Lender};
use crate::{assets::Asset, world::World};

/// What keeps a vault liquid, basis points; nothing of it where all is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Coverage below which nothing is lent, tokens are brought back, and exits pay a fee.
    pub coverage: u16,
    /// Exit fee where nothing is liquid.
    pub exit_fee: u16,
    /// Part of the assets that is not lent.
    pub buffer: u16,
}

impl Rule {
    /// None: what is idle is lent, and nobody pays for leaving.
    pub const OFF: Self = Self { coverage: 0, exit_fee: 0, buffer: 0 };
}

/// Most of the vault in one market: half, so that three have room for all.
const SHARE_CAP: u16 = 5_000;

/// Who sets the policy.
pub(super) struct Curator {
    pub rule: Rule,
    pub token: Asset,
}

impl Curator {
    /// The policy over some markets. Coverage is reckoned alike with every rule: by the run-off of 14 % in a day and 33 % in four, with
    /// half of the markets' cash.
    pub fn config(&self, markets: &[Address]) -> VaultConfig {
        let Rule { coverage, exit_fee, buffer } = self.rule;
        let mut config = VaultConfig {
            roles: VaultRoles {
                fee_collector: to_engine(&Address::new_from_array(*b"ballast demo vault fee collector")),
                ..VaultRoles::default()
            },
            deposit_cap: MAX_LIQUIDITY / 4,
            min_amount: self.token.unit(),
            reward_cap: 10 * self.token.unit(),
            delay: VaultConfig::LEAST_DELAY,
            interval: 3_600,
            unlock: 86_400,
            coverage_target: Bps(coverage),
            exit_fee_coverage: Bps(coverage),
            max_exit_fee: Bps(exit_fee),
            runoff_day: Bps(1_400),
            runoff_days: Bps(3_300),
            cash_share: Bps(5_000),
            idle_buffer: Bps(buffer),
            max_utilisation: Bps(9_500),
            maturity_factor: Bps(10_000),
            min_gain: Bps(1),
            reward_share: Bps(1_000),
            round_share: Bps(2_500),
            early_penalty: Bps(100),
            launched: 1,
            ..VaultConfig::default()
        };
        for (allocation, market) in config.allocations.iter_mut().zip(markets) {
            *allocation = AllocationConfig {
                market: to_engine(market),
                cap: MAX_LIQUIDITY,
                share_cap: Bps(SHARE_CAP),
                ..AllocationConfig::default()
            };
        }
        config
    }
}

/// Checks a vault's books, to the atom:
///
/// - its token account holds what is idle and what waits to be claimed (nobody sends tokens to it);
/// - what it is worth is what is idle and lent, less locked exit fees; the claims are those of the requests;
/// - its shares are those of the mint, of the queue and the seed; the lenders and the keeper hold all of the mint, and the requests all of
///   the queue.
pub(super) fn audit(world: &World, view: &VaultView, lenders: &[Lender], keeper: &Keeper) -> Result<()> {
    let vault = &view.vault;
    let held = world.tokens(&from_engine(&vault.tokens));
    ensure!(
        held == vault.idle + vault.claims,
        "the vault holds {held} atoms, the books say {} and {}",
        vault.idle,
        vault.claims
    );
    let mut copy = view.clone();
    let vaults = copy.at(world.now);
    let lent: u64 = vaults.valuation.allocations.iter().map(|amounts| amounts.exit).sum();
    let (exit, locked) = (vaults.valuation.exit, vaults.vault.locked);
    ensure!(
        exit + locked == vault.idle + lent,
        "the vault is worth {exit} with {locked} locked: {} idle and {lent} lent",
        vault.idle
    );
    let (mut waiting, mut claims, mut shares) = (0, 0, world.tokens(&keeper.shares));
    for lender in lenders {
        shares += world.tokens(&lender.shares);
        if let Some(request) = lender.request(world, view)? {
            waiting += request.shares.0;
            claims += request.claim;
        }
    }
    let supply = world.supply(&view.share_mint())?;
    let known = supply + vault.queue.shares.0 + vault.fee_shares.0 + Vault::SEED;
    ensure!(known == vault.shares.0, "{known} shares are known, the vault says {}", vault.shares.0);
    ensure!(shares == supply, "lenders and keeper hold {shares} shares, there are {supply}");
    ensure!(
        (waiting, claims) == (vault.queue.shares.0, vault.claims),
        "requests have {waiting} shares and {claims} atoms, the vault says {} and {}",
        vault.queue.shares.0,
        vault.claims
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assets::find;

    #[test]
    fn the_policy_is_accepted_by_the_engine() -> Result<()> {
        let token = *find(crate::vaults::TOKEN).expect("listed");
        for rule in [Rule::OFF, Rule { coverage: 10_000, exit_fee: 100, buffer: 500 }] {
            let markets = [1, 2, 3].map(|byte| Address::new_from_array([byte; 32]));
            Curator { rule, token }.config(&markets).validate()?;
        }
        Ok(())
    }
}

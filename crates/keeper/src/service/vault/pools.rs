//! A vault's parts in pools of perps: what they are worth by the prices at hand, and bringing them back while liquidity is short.

use std::borrow::Cow;

use ballast_client::{Instruction, engine::number::math::mul_div_floor};

use super::{
    Snapshot,
    work::{Chore, Work, Worth},
};

impl Snapshot {
    /// The slot of a pool in the keeper's market that the vault has shares of.
    fn own_pool(&self, worth: &Worth) -> Option<(usize, u8)> {
        let allocations = self.view.vault.allocations.iter().enumerate();
        let mut held = allocations.filter(|(_, allocation)| allocation.shares.0 != 0);
        held.find_map(|(slot, _)| {
            let (market, pool) = self.view.pool_of(slot)?;
            (market.address == worth.market.address).then_some((slot, pool))
        })
    }

    /// The vault as transactions find it that bring the prices at hand. Those of other markets their own keepers bring.
    pub(super) fn priced(&self, worth: &Worth) -> Cow<'_, Self> {
        let Some((slot, _)) = self.own_pool(worth) else { return Cow::Borrowed(self) };
        let mut priced = self.clone();
        priced.view.markets[slot] = Some(worth.market.clone());
        Cow::Owned(priced)
    }

    /// Instructions that value the vault, behind the prices of its pool that the chain does not have.
    pub(super) fn behind_prices(&self, worth: &Worth, rest: impl IntoIterator<Item = Instruction>) -> Vec<Instruction> {
        let priced = self.own_pool(worth).map_or_else(Vec::new, |(_, pool)| worth.market.pool_prices(pool));
        let fresher: Vec<_> = worth.fresher.iter().filter(|(reserve, _)| priced.contains(reserve)).copied().collect();
        let refresh = if fresher.is_empty() { None } else { worth.market.refresh_prices(&fresher).ok() };
        refresh.into_iter().chain(rest).collect()
    }

    /// Takes what was asked for of the first pool that gives something, for nothing. The engine lets the keeper while liquidity is short.
    pub(super) fn pool_withdraw(&self, worth: &Worth) -> Option<Work> {
        let slots = (0..self.view.markets.len() as u8).filter(|slot| self.view.pool_of((*slot).into()).is_some());
        let mut taken = slots.filter_map(|slot| {
            let left = self.view.preview_pool_withdraw(&worth.keeper, slot, worth.now).ok()?;
            self.is_worth(left.amount, worth).then_some((slot, left.amount))
        });
        let (slot, amount) = taken.next()?;
        let instructions = self.behind_prices(worth, [self.view.pool_withdraw(worth.keeper, slot)]);
        Some(Work { chore: Chore::PoolWithdraw, instructions, amount, profit: 0.0 })
    }

    /// Asks for what is short of the first pool of which nothing is asked for. What markets can pay comes first: it is there at once.
    pub(super) fn pool_request(&self, worth: &Worth) -> Option<Work> {
        if self.pull_back(worth).is_some() {
            return None;
        }
        let values = self.view.preview(worth.now, |vaults| vaults.valuation.allocations.map(|amounts| amounts.exit));
        let slots = (0..self.view.markets.len() as u8).filter(|slot| self.view.pool_of((*slot).into()).is_some());
        let mut asked = slots.filter_map(|slot| {
            let (shares, _) = self.view.preview_pool_request(&worth.keeper, slot, u64::MAX, worth.now).ok()?;
            let held = self.view.vault.allocations[slot as usize].shares;
            let amount = mul_div_floor(values[slot as usize], shares.0, held.0)?;
            self.is_worth(amount, worth).then_some((slot, amount))
        });
        let (slot, amount) = asked.next()?;
        let instructions = self.behind_prices(worth, [self.view.pool_request(worth.keeper, slot, u64::MAX)]);
        Some(Work { chore: Chore::PoolRequest, instructions, amount, profit: 0.0 })
    }
}

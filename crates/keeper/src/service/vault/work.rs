//! What there is to do about a vault: a function of a snapshot.

use ballast_client::{
    Address, Instruction, MarketView, TOKEN_PROGRAM,
    engine::{
        number::units::Shares,
        state::{change::Change, vault::Vault},
    },
    from_engine, to_engine,
};
use ballast_liquidator::{Demands, value};
use ballast_rpc::fits;
use spl_associated_token_account_interface::instruction::create_associated_token_account_idempotent;

use super::{Snapshot, own_shares};

/// What can be done about a vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Chore {
    /// Pay who is first in the queue.
    Serve,
    /// Bring tokens back, for coverage, for the queue, or from what was written off.
    PullBack,
    /// Take what was asked for of a pool, while liquidity is short.
    PoolWithdraw,
    /// Ask for what is short of a pool.
    PoolRequest,
    /// Make a queued change of the policy that is due.
    Execute,
    /// Make the move that earns most, for its reward.
    Rebalance,
    /// Take terms that are over off the ladder.
    Free,
    /// Open the allocation that the policy names in the keeper's market.
    Open,
    /// Take away a change that has expired.
    Cancel,
}

impl Chore {
    /// All of them, the most urgent first.
    pub const ALL: [Self; 9] = [
        Self::Serve,
        Self::PullBack,
        Self::PoolWithdraw,
        Self::PoolRequest,
        Self::Execute,
        Self::Rebalance,
        Self::Free,
        Self::Open,
        Self::Cancel,
    ];

    /// Its name in logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Serve => "serve_exit",
            Self::PullBack => "pull_back",
            Self::PoolWithdraw => "vault_pool_withdraw",
            Self::PoolRequest => "vault_pool_request",
            Self::Execute => "execute_change",
            Self::Rebalance => "rebalance_vault",
            Self::Free => "free_term",
            Self::Open => "open_allocation",
            Self::Cancel => "cancel_change",
        }
    }
}

/// When something is worth doing.
#[derive(Clone, Debug)]
pub struct Worth<'a> {
    /// The keeper.
    pub keeper: Address,
    /// Its market, with the prices at hand: the vault's token counts at its price here.
    pub market: &'a MarketView,
    /// The price accounts of reserves there whose prices the chain does not have, each with its reserve.
    pub fresher: Vec<(u8, Address)>,
    /// Unix seconds.
    pub now: i64,
    /// What a move with a reward must earn.
    pub demands: Demands,
    /// What making an account of shares costs, USD.
    pub rent: f64,
    /// Least value of what is moved for nothing, and of a vault that is looked after, USD. It keeps dust from costing fees.
    pub least: f64,
}

/// Something to do, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    /// What is done.
    pub chore: Chore,
    /// The instructions of one transaction.
    pub instructions: Vec<Instruction>,
    /// Atoms that it is about.
    pub amount: u64,
    /// What it earns after the base fee and rents, USD; nothing unless it has a reward.
    pub profit: f64,
}

impl Work {
    /// Most that may be paid for priority, lamports that cost so many USD each; `crank` is the most for what earns nothing.
    ///
    /// What shares are worth is the word of markets that anyone may have made. So a reward never has more paid for priority than
    /// what earns nothing.
    pub fn priority(&self, demands: &Demands, lamport: f64, crank: u64) -> u64 {
        match self.chore {
            Chore::Rebalance => ((demands.priority(self.profit) / lamport) as u64).min(crank),
            _ => crank,
        }
    }
}

/// The reserve of a vault's token in a market.
pub(super) fn listed(market: &MarketView, vault: &Vault) -> Option<u8> {
    let is_it =
        |reserve: &ballast_client::engine::state::reserve::Reserve| reserve.closed == 0 && reserve.mint == vault.mint;
    market.reserves.iter().position(is_it).map(|index| index as u8)
}

impl Worth<'_> {
    /// What atoms of a vault's token are worth, USD; nothing where the market does not list it.
    pub fn value(&self, vault: &Vault, atoms: u64) -> f64 {
        listed(self.market, vault).map_or(0.0, |reserve| value(self.market, reserve, atoms))
    }
}

impl Snapshot {
    /// The most urgent thing to do of those that are free to be tried.
    pub fn first(&self, worth: &Worth, is_free: impl Fn(Chore) -> bool) -> Option<Work> {
        let this = self.priced(worth);
        Chore::ALL.into_iter().filter(|chore| is_free(*chore)).find_map(|chore| this.look_for(chore, worth))
    }

    /// What there is to do of one kind; none if nothing is, or if it is not worth it.
    pub fn find(&self, chore: Chore, worth: &Worth) -> Option<Work> {
        self.priced(worth).look_for(chore, worth)
    }

    fn look_for(&self, chore: Chore, worth: &Worth) -> Option<Work> {
        match chore {
            Chore::Serve => self.serve(worth),
            Chore::PullBack => self.pull_back(worth),
            Chore::PoolWithdraw => self.pool_withdraw(worth),
            Chore::PoolRequest => self.pool_request(worth),
            Chore::Execute => self.execute(worth),
            Chore::Rebalance => self.rebalance(worth),
            Chore::Free => self.free(worth),
            Chore::Open => self.open(worth),
            Chore::Cancel => self.cancel(worth),
        }
    }

    pub(super) fn is_worth(&self, amount: u64, worth: &Worth) -> bool {
        worth.value(&self.view.vault, amount) >= worth.least
    }

    /// What all shares are worth to who leaves, atoms.
    fn assets(&self, now: i64) -> u64 {
        self.view.preview(now, |vaults| vaults.valuation.exit)
    }

    /// Pays the head of the queue from what is idle and the fewest markets that pay it most, as many as a transaction has room
    /// for. That a head is done with is worth all that waits behind it: a small one is served too, if it keeps others waiting.
    fn serve(&self, worth: &Worth) -> Option<Work> {
        let (view, now) = (&self.view, worth.now);
        let (address, request) = self.head.as_ref().filter(|_| self.knows_head())?;
        let address = to_engine(address);
        let queued = view.preview(now, |vaults| vaults.vault.queued(&vaults.valuation));
        // Whether it is paid, and what that is worth.
        let outcome = |from| {
            view.preview(now, |vaults| {
                let mut request = *request;
                let returned = request.returned;
                let exit = vaults.serve(&mut request, address, from).ok()?;
                let amount = if request.shares == Shares::ZERO { queued } else { exit.exchange.amount };
                Some((request.returned == returned, amount))
            })
        };
        let (mut from, mut best) = (0u8, None);
        for payer in [None].into_iter().chain(view.payers(now).into_iter().map(Some)) {
            from |= payer.map_or(0, |slot| 1 << slot);
            let instructions = self.behind_prices(worth, [view.serve_exit(from).ok()?]);
            if !fits(&worth.keeper, &instructions) {
                break;
            }
            // One that its owner's limit takes out of the queue unpaid is not taken out by the keeper's choice of markets.
            let outcome = outcome(from);
            if outcome > best.as_ref().map(|(outcome, _)| *outcome) {
                best = outcome.map(|outcome| (outcome, instructions));
            }
            if outcome == Some((true, queued)) {
                break;
            }
        }
        let ((_, amount), instructions) = best?;
        self.is_worth(amount, worth).then_some(Work { chore: Chore::Serve, instructions, amount, profit: 0.0 })
    }

    /// Brings tokens back. Nobody is paid for it.
    pub(super) fn pull_back(&self, worth: &Worth) -> Option<Work> {
        let (view, keeper) = (&self.view, &worth.keeper);
        let found = view.next_move(worth.now).ok().filter(|found| found.to.is_none())?;
        // The account for a reward is named, and need not be there.
        let pull = view.rebalance(&found, own_shares(keeper, &view.vault)).ok()?;
        let (instructions, amount) = (self.behind_prices(worth, [pull]), found.amount);
        self.is_worth(amount, worth).then_some(Work { chore: Chore::PullBack, instructions, amount, profit: 0.0 })
    }

    /// Makes a move if its reward pays. The reward are shares, which the keeper keeps.
    fn rebalance(&self, worth: &Worth) -> Option<Work> {
        let (view, keeper, demands) = (&self.view, &worth.keeper, &worth.demands);
        let found = view.next_move(worth.now).ok().filter(|found| found.to.is_some())?;
        let reward = view.preview(worth.now, |vaults| vaults.vault.worth(found.reward, &vaults.valuation));
        let rent = if self.has_shares { 0.0 } else { worth.rent };
        let profit = demands.kept(worth.value(&view.vault, reward)) - demands.base_cost - rent;
        if !demands.are_met_by(profit) {
            return None;
        }
        let mint = view.share_mint();
        let create = || create_associated_token_account_idempotent(keeper, keeper, &mint, &TOKEN_PROGRAM);
        let rebalance = view.rebalance(&found, own_shares(keeper, &view.vault)).ok()?;
        let instructions = (!self.has_shares).then(create).into_iter().chain([rebalance]);
        let instructions = self.behind_prices(worth, instructions);
        Some(Work { chore: Chore::Rebalance, instructions, amount: found.amount, profit })
    }

    /// Frees as many terms that are over as a transaction has room for, the largest first.
    fn free(&self, worth: &Worth) -> Option<Work> {
        let mut over: Vec<_> =
            self.terms.iter().filter(|(_, term)| term.units != 0 && worth.now >= term.maturity).collect();
        over.sort_by_key(|(_, term)| std::cmp::Reverse(term.units));
        let mut instructions = self.behind_prices(worth, []);
        let prices = instructions.len();
        for (address, _) in over {
            instructions.push(self.view.free_term(*address));
            if !fits(&worth.keeper, &instructions) {
                instructions.pop();
                break;
            }
        }
        if instructions.len() == prices {
            return None;
        }
        self.about_all(Chore::Free, instructions, worth)
    }

    /// Opens the allocation in the keeper's market: those in others are left to their keepers.
    fn open(&self, worth: &Worth) -> Option<Work> {
        let vault = &self.view.vault;
        let named = to_engine(&worth.market.address);
        let slot = vault.config.allocations.iter().position(|policy| policy.market == named)?;
        let is_due =
            vault.allocations[slot].is_open == 0 && vault.config.launched != 0 && listed(worth.market, vault).is_some();
        if !is_due {
            return None;
        }
        self.about_all(Chore::Open, vec![self.view.open_allocation(slot as u8).ok()?], worth)
    }

    /// Makes the first change that is due and that the vault takes now: one that it refuses holds up no other.
    fn execute(&self, worth: &Worth) -> Option<Work> {
        let (view, now) = (&self.view, worth.now);
        let passes = |change: &Change| {
            view.preview(now, |vaults| vaults.vault.execute_change(change, now, &mut |_, _| ())).is_ok()
        };
        let (address, change) = self.changes.iter().find(|(_, change)| passes(change))?;
        // A change of a fee needs the vault to be accrued in the same second.
        let execute = view.execute_change(worth.keeper, *address, from_engine(&change.payer));
        self.about_all(Chore::Execute, self.behind_prices(worth, [view.read(), execute]), worth)
    }

    /// Takes away the first change that nobody can make any more. Its rent goes back to who paid it.
    fn cancel(&self, worth: &Worth) -> Option<Work> {
        let launched = self.view.vault.config.launched;
        let (address, change) = self.changes.iter().find(|(_, change)| change.has_expired(launched, worth.now))?;
        let cancel = self.view.cancel_change(worth.keeper, *address, from_engine(&change.payer));
        self.about_all(Chore::Cancel, vec![cancel], worth)
    }

    /// What is about the vault as a whole, if there is enough in it.
    fn about_all(&self, chore: Chore, instructions: Vec<Instruction>, worth: &Worth) -> Option<Work> {
        let amount = self.assets(worth.now);
        self.is_worth(amount, worth).then_some(Work { chore, instructions, amount, profit: 0.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_reward_has_more_paid_for_priority_than_what_earns_nothing() {
        let most = |chore, profit| {
            let work = Work { chore, instructions: Vec::new(), amount: 1, profit };
            work.priority(&Demands::DEFAULT, 200e-9, 20_000)
        };
        assert_eq!(most(Chore::PullBack, 0.0), 20_000);
        // Half of the profit.
        assert_eq!(most(Chore::Rebalance, 0.002), 5_000);
        assert_eq!(most(Chore::Rebalance, 0.0), 0);
        for profit in [1.0, 1e9, f64::MAX] {
            assert_eq!(most(Chore::Rebalance, profit), 20_000, "{profit}");
        }
    }
}

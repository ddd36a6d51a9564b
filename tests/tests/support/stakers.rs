//! Stakers of all reserves' insurances.

use super::{actors::Actors, transaction::Step};
use ballast_client::{Address, SYSTEM_PROGRAM, from_engine, instruction as ix, stake_address, vault_authority};
use ballast_engine::{number::units::Shares, state::insurance::Stake};
use rand::{Rng, seq::IndexedRandom};

/// A stake as the accounts of an instruction name it.
#[derive(Clone, Copy)]
struct Place {
    stake: Address,
    owner: Address,
    reserve: u8,
}

impl Actors {
    /// Whether someone could take a stake out now.
    pub fn a_stake_is_free(&self) -> bool {
        self.model.stakes.values().any(|stake| self.is_free(stake))
    }

    fn is_free(&self, stake: &Stake) -> bool {
        let since = self.model.now - stake.free_from;
        stake.asked_for > Shares::ZERO && (0..=Stake::WINDOW).contains(&since)
    }

    /// Mostly an open stake of this kind, then any open one, sometimes one that is not.
    fn staker(&mut self, wanted: impl Fn(&Self, &Stake) -> bool) -> Place {
        let open = || self.model.stakes.iter();
        let (fitting, all): (Vec<_>, Vec<_>) =
            (open().filter(|(_, stake)| wanted(self, stake)).collect(), open().collect());
        let stakes = if fitting.is_empty() || self.rng.random_bool(0.1) { all } else { fitting };
        match stakes.choose(&mut self.rng) {
            Some((address, stake)) if self.rng.random_bool(0.9) => {
                Place { stake: **address, owner: from_engine(&stake.owner), reserve: stake.reserve }
            }
            _ => {
                let (owner, reserve) = (self.user(), self.reserve());
                let reserve = self.nearest(reserve);
                Place { stake: stake_address(&self.world.market, &owner, reserve).0, owner, reserve }
            }
        }
    }

    /// The owner, or once in a while someone who would like to be.
    fn signer(&mut self, owner: Address) -> Address {
        if self.rng.random_bool(0.95) { owner } else { self.user() }
    }

    pub fn open_stake(&mut self) -> Step {
        let (owner, reserve) = (self.user(), self.reserve());
        let instruction = ix::OpenStake {
            owner,
            payer: self.world.payer,
            market: self.world.market,
            stake: stake_address(&self.world.market, &owner, reserve).0,
            system_program: SYSTEM_PROGRAM,
            reserve,
        };
        Step::new(instruction, move |model| model.open_stake(owner, reserve))
    }

    pub fn stake(&mut self) -> Step {
        let Place { stake, reserve, .. } = self.staker(|_, _| true);
        let payer = self.user();
        let source = self.wallet(&payer, reserve);
        let amount = self.amount(self.model.balances[&source] / 100);
        let instruction = ix::Stake {
            payer,
            market: self.world.market,
            stake,
            source,
            vault: self.vault(reserve),
            mint: self.mint(reserve),
            token_program: self.token_program(reserve),
            amount,
        };
        Step::new(instruction, move |model| model.stake(stake, source, amount))
    }

    pub fn begin_unstake(&mut self) -> Step {
        let Place { stake, owner, .. } = self.staker(|_, stake| stake.shares > stake.asked_for);
        let owner = self.signer(owner);
        let held = self.model.stakes.get(&stake).map_or(0, |stake| stake.shares.0);
        let shares = if self.rng.random_bool(0.3) { held } else { self.amount(held) };
        let instruction = ix::BeginUnstake { owner, market: self.world.market, stake, shares };
        Step::new(instruction, move |model| model.begin_unstake(owner, stake, shares))
    }

    pub fn unstake(&mut self) -> Step {
        let Place { stake, owner, reserve } = self.staker(Self::is_free);
        let owner = self.signer(owner);
        let (market, destination) = (self.world.market, self.wallet(&owner, reserve));
        let instruction = ix::Unstake {
            owner,
            market,
            stake,
            destination,
            vault: self.vault(reserve),
            vault_authority: vault_authority(&market).0,
            mint: self.mint(reserve),
            token_program: self.token_program(reserve),
        };
        Step::new(instruction, move |model| model.unstake(owner, stake, destination))
    }

    pub fn close_stake(&mut self) -> Step {
        let Place { stake, owner, .. } = self.staker(|_, stake| stake.shares == Shares::ZERO);
        let owner = self.signer(owner);
        let instruction = ix::CloseStake { owner, market: self.world.market, stake, recipient: self.fee_collector };
        Step::new(instruction, move |model| model.close_stake(owner, stake))
    }
}

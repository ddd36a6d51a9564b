//! The model's receiverships, flash loans, stakes and pauses.

use super::{
    model::{Answer, Liquidation, Model, Refusal, engine, refused},
    transaction::Ending,
};
use ballast_client::{Address, from_engine, stake_address, to_engine};
use ballast_engine::{
    Error, ledger::Ledger, number::units::Shares, record::layout::LAYOUT_VERSION, state::insurance::Stake,
};

impl Model {
    // What ends in the transaction in which it began.

    fn require_following(&self, ending: Ending) -> Answer {
        if self.following.contains(&ending) { Ok(()) } else { Err(refused(Error::NoMatchingEnd)) }
    }

    pub fn begin_liquidation(&mut self, order: Liquidation) -> Answer {
        let Liquidation { account, destination, debt, collateral, max_repay, min_collateral, .. } = order;
        self.require_open(account)?;
        self.require_following(Ending::Liquidation(account))?;
        self.require_reserve(collateral)?;
        let min_collateral = self.sending(collateral, min_collateral)?;
        let done = self.act(account, |ledger, account| {
            ledger.begin_liquidation(account, debt, collateral, max_repay, min_collateral)
        })?;
        assert!(done.after.net() >= done.before.net(), "a liquidation must not worsen health");
        self.pay_out(collateral, destination, done.seized)?;
        self.market.next_event();
        Ok(())
    }

    /// `pay` is the reserve whose token account and mint come with it.
    pub fn end_liquidation(&mut self, account: Address, source: Address, pay: u8) -> Answer {
        self.require_open(account)?;
        let (reserve, due) = self.act(account, |ledger, account| ledger.end_liquidation(account))?;
        if reserve != pay {
            // A closed reserve names its token account still, which one of the same token may have, and no mint.
            let is_same_vault = self.vault(reserve) == self.vault(pay);
            return Err(refused(if is_same_vault { Error::WrongMint } else { Error::WrongVault }));
        }
        self.pay_in(source, reserve, due)?;
        self.market.next_event();
        Ok(())
    }

    pub fn begin_flash_loan(&mut self, to: Address, reserve: u8, amount: u64) -> Answer {
        self.require_following(Ending::FlashLoan(reserve))?;
        self.require_reserve(reserve)?;
        let loan = engine(self.ledger().begin_flash_loan(reserve, amount))?;
        self.pay_out(reserve, to, loan.amount)
    }

    pub fn end_flash_loan(&mut self, source: Address, reserve: u8) -> Answer {
        self.require_reserve(reserve)?;
        let loan = engine(self.ledger().end_flash_loan(reserve))?;
        self.pay_in(source, reserve, loan.amount + loan.fee)?;
        self.market.next_event();
        Ok(())
    }

    // Stakes.

    /// A stake account's data.
    pub fn stake_bytes(stake: &Stake) -> Vec<u8> {
        [&Stake::DISCRIMINATOR, bytemuck::bytes_of(stake)].concat()
    }

    fn require_stake(&self, stake: Address) -> Answer<u8> {
        self.stakes.get(&stake).map(|stake| stake.reserve).ok_or(Refusal::AccountDataTooSmall)
    }

    fn require_staker(&self, stake: Address, signer: Address) -> Answer<u8> {
        let reserve = self.require_stake(stake)?;
        let is_owner = from_engine(&self.stakes[&stake].owner) == signer;
        if is_owner { Ok(reserve) } else { Err(refused(Error::NotAccountOwner)) }
    }

    fn act_on_stake<T>(
        &mut self,
        address: Address,
        action: impl FnOnce(&mut Ledger<'_>, &mut Stake) -> ballast_engine::Result<T>,
    ) -> Answer<T> {
        let mut stake = self.stakes[&address];
        let answer = engine(action(&mut self.ledger(), &mut stake))?;
        self.stakes.insert(address, stake);
        self.market.next_event();
        Ok(answer)
    }

    pub fn open_stake(&mut self, owner: Address, reserve: u8) -> Answer {
        let (address, bump) = stake_address(&self.address, &owner, reserve);
        if self.stakes.contains_key(&address) {
            return Err(Refusal::Custom(0));
        }
        self.require_launched()?;
        self.require_reserve(reserve)?;
        let stake = Stake {
            version: LAYOUT_VERSION,
            bump,
            reserve,
            generation: self.reserves[reserve as usize].insurance.generation,
            market: to_engine(&self.address),
            owner: to_engine(&owner),
            ..Stake::default()
        };
        self.stakes.insert(address, stake);
        Ok(())
    }

    pub fn stake(&mut self, stake: Address, source: Address, amount: u64) -> Answer {
        let reserve = self.require_stake(stake)?;
        let amount = self.arriving(reserve, amount)?;
        let moved = self.act_on_stake(stake, |ledger, stake| ledger.stake(stake, amount))?;
        self.pay_in(source, reserve, moved.amount)
    }

    pub fn begin_unstake(&mut self, signer: Address, stake: Address, shares: u64) -> Answer {
        self.require_staker(stake, signer)?;
        self.act_on_stake(stake, |ledger, stake| ledger.begin_unstake(stake, Shares(shares)))
    }

    pub fn unstake(&mut self, signer: Address, stake: Address, to: Address) -> Answer {
        let reserve = self.require_staker(stake, signer)?;
        let moved = self.act_on_stake(stake, |ledger, stake| ledger.unstake(stake))?;
        self.pay_out(reserve, to, moved.amount)
    }

    pub fn close_stake(&mut self, signer: Address, stake: Address) -> Answer {
        let reserve = self.require_staker(stake, signer)?;
        if !self.stakes[&stake].is_empty(&self.reserves[reserve as usize].insurance) {
            return Err(refused(Error::StakeNotEmpty));
        }
        self.stakes.remove(&stake);
        Ok(())
    }

    // Restrictions.

    pub fn mark_liquidatable(&mut self, account: Address) -> Answer {
        self.require_open(account)?;
        self.act(account, |ledger, account| ledger.mark_liquidatable(account))?;
        self.market.next_event();
        Ok(())
    }

    pub fn pause(&mut self, signer: Address, actions: u8) -> Answer {
        if self.market.config.roles.guardian != to_engine(&signer) {
            return Err(refused(Error::NotGuardian));
        }
        engine(self.market.pause.begin(actions, self.now))?;
        self.market.next_event();
        Ok(())
    }

    pub fn resume(&mut self, signer: Address) -> Answer {
        let is_authority = self.market.authority == to_engine(&signer);
        if !is_authority && self.market.config.roles.guardian != to_engine(&signer) {
            return Err(refused(Error::NotGuardian));
        }
        engine(self.market.resume(is_authority, self.now))?;
        self.market.next_event();
        Ok(())
    }

    pub fn refresh_reserve(&mut self, reserve: u8) -> Answer {
        if engine(self.ledger().refresh_reserve(reserve))?.is_some() {
            self.market.next_event();
        }
        Ok(())
    }

    // The invariants of all this.

    /// Nothing is open between transactions, and the insurance has every share of a stake, and what it is worth.
    pub fn check_restrictions(&self) {
        assert!(self.accounts.values().all(|account| account.in_receivership == 0), "no receivership is open");
        for (index, reserve) in self.reserves.iter().enumerate() {
            let insurance = &reserve.insurance;
            assert_eq!((reserve.flash_loan, reserve.flash_fee), (0, 0), "no flash loan is out");
            let stakes: Vec<_> = self
                .stakes
                .values()
                .filter(|stake| stake.reserve as usize == index && !stake.is_empty(insurance))
                .map(|stake| (stake.shares.0 as u128, insurance.worth(stake.shares) as u128))
                .collect();
            let shares: u128 = stakes.iter().map(|stake| stake.0).sum();
            let worth: u128 = stakes.iter().map(|stake| stake.1).sum();
            assert!(shares <= insurance.shares as u128, "reserve {index}: stakes have shares that there are");
            assert_eq!(shares, insurance.staked as u128, "reserve {index}: stakers' shares");
            assert!(worth <= insurance.assets as u128, "reserve {index}: stakes are backed");
        }
    }
}

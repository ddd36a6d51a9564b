//! Stakes in a reserve's insurance, and the protocol's fees.

use crate::{
    error::{Error, Result},
    ledger::{Ledger, Movement},
    number::units::Shares,
    state::{insurance::Stake, permission::Action},
};

impl Ledger<'_> {
    /// Puts up to `amount` atoms into a reserve's insurance; the first time no less than opens a deposit, so that not an atom
    /// takes the income that others do not share.
    #[inline(never)]
    pub fn stake(&mut self, stake: &mut Stake, amount: u64) -> Result<Movement> {
        if amount == 0 {
            return Err(Error::AmountIsZero);
        }
        let (_, reserve) = self.admit_and_accrue(Action::Stake, stake.reserve)?;
        reserve.set_some_fees_aside();
        stake.renew(&reserve.insurance);
        if stake.shares == Shares::ZERO && amount < reserve.config.min_deposit {
            return Err(Error::DepositBelowMinimum);
        }
        // Income until now belongs to those who staked before.
        let pending = reserve.insurance_fees();
        let (amount, shares) = reserve.insurance.buy(amount, pending)?;
        stake.shares.0 = stake.shares.0.checked_add(shares.0).ok_or(Error::AmountTooLarge)?;
        Ok(Movement { amount, shares })
    }

    /// Asks for staked shares; the cooldown starts, also for those asked for before. Zero takes the request back.
    pub fn begin_unstake(&mut self, stake: &mut Stake, shares: Shares) -> Result<()> {
        let now = self.now;
        let reserve = self.reserve_mut(stake.reserve)?;
        stake.renew(&reserve.insurance);
        if shares > stake.shares {
            return Err(Error::InsufficientStake);
        }
        stake.asked_for = shares;
        stake.free_from = now.saturating_add(reserve.config.insurance.cooldown as i64);
        Ok(())
    }

    /// Pays out what was asked for and has cooled down, less its part of a reported loss.
    pub fn unstake(&mut self, stake: &mut Stake) -> Result<Movement> {
        let now = self.now;
        let (_, reserve) = self.admit_and_accrue(Action::Unstake, stake.reserve)?;
        reserve.set_some_fees_aside();
        stake.renew(&reserve.insurance);
        let shares = stake.asked_for;
        // Neither is ever less than what was asked for.
        let most = stake.shares.0.min(reserve.insurance.staked).min(reserve.insurance.shares);
        if shares == Shares::ZERO || shares.0 > most {
            return Err(Error::InsufficientStake);
        }
        if now < stake.free_from || now.saturating_sub(stake.free_from) > Stake::WINDOW {
            return Err(Error::StakeNotFree);
        }
        let amount = reserve.exit_worth(shares);
        if amount == 0 && reserve.doubtful != Shares::ZERO {
            return Err(Error::LossPending);
        }
        reserve.insurance.sell(shares, amount);
        (stake.shares.0, stake.asked_for) = (stake.shares.0 - shares.0, Shares::ZERO);
        Ok(Movement { amount, shares })
    }

    /// Takes a reserve's fees: see `Reserve::collect_fees`.
    pub fn collect_fees(&mut self, reserve_index: u8) -> Result<u64> {
        self.admit_and_accrue(Action::CollectFees, reserve_index)?.1.collect_fees()
    }
}

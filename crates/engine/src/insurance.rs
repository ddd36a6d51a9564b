//! A reserve's insurance: tokens that bear its losses before its depositors do, from stakers and from the reserve's income.
//!
//! They lie in the reserve's vault beside its cash, under an account of their own: what the protocol owns is what its books
//! say, and neither a penalty nor a loss has to move tokens.

use crate::{
    actions::{Ledger, Movement},
    error::{Error, Result},
    gate::Action,
    index::{ExactAtoms, Index},
    layout::{Address, record},
    math::{div_ceil, mul_div_ceil, mul_div_floor},
    parameter::governed,
    reserve::{MAX_LIQUIDITY, Reserve},
    units::{Bps, ONE_BPS, Shares},
};

governed! {
    /// What governance sets for a reserve's insurance.
    pub struct InsuranceConfig: 8 {
        /// Seconds between asking for staked tokens and taking them: a week at least, so that who asks again and again can leave
        /// at once for two days of nine at most.
        pub cooldown: u32 [Seconds, 604_800..=2_592_000, Any, CooldownOutOfRange],
        /// Share of the reserve's fees that goes to the insurance.
        pub fee_share: Bps [Bps, 0..=10_000, Any, InsuranceShareOutOfRange],
        /// Share of a liquidation's penalty that goes to the insurance of the repaid reserve. The rest is what liquidators come
        /// for.
        pub penalty_share: Bps [Bps, 0..=8_000, Any, InsuranceShareOutOfRange],
    }
}

record! {
    /// A reserve's insurance.
    pub struct Insurance: 32 {
        /// Atoms.
        pub assets: u64,
        /// Shares in them, those of the protocol included.
        pub shares: u64,
        /// Shares of stakers.
        pub staked: u64,
        /// How often a loss took everything. Stakes of an earlier generation are worth nothing.
        pub generation: u32,
        /// Zero.
        pub padding: [u8; 4],
    }
}

impl Insurance {
    /// Takes in income. While nobody has staked, it is the protocol's own stake, so that the first staker does not get it.
    #[inline(always)]
    pub fn earn(&mut self, atoms: u64) {
        if self.shares == 0 {
            self.shares = atoms;
        }
        // Both are atoms of the reserve's vault, which holds fewer than 2^64.
        self.assets = self.assets.saturating_add(atoms);
    }

    /// Buys shares for up to `amount` atoms: as many as it pays for whole, at what they cost. So nothing is lost to
    /// rounding, whatever a share is worth. `pending` is income that is earned but not yet here: it belongs to the shares that
    /// there are.
    fn buy(&mut self, amount: u64, pending: u64) -> Result<(u64, Shares)> {
        let assets = self.assets.checked_add(pending).ok_or(Error::AmountTooLarge)?;
        if self.shares == 0 {
            // The protocol's own stake: see [`Self::earn`].
            self.shares = assets;
        }
        let (shares, cost) = if self.shares == 0 {
            (amount, amount)
        } else {
            let shares = mul_div_floor(amount, self.shares, assets).ok_or(Error::AmountTooLarge)?;
            (shares, mul_div_ceil(shares, assets, self.shares).ok_or(Error::AmountTooLarge)?)
        };
        if shares == 0 {
            return Err(Error::AmountTooSmall);
        }
        self.assets =
            self.assets.checked_add(cost).filter(|assets| *assets <= MAX_LIQUIDITY).ok_or(Error::AmountTooLarge)?;
        self.shares = self.shares.checked_add(shares).ok_or(Error::AmountTooLarge)?;
        // A part of all shares.
        self.staked = self.staked.saturating_add(shares);
        Ok((cost, Shares(shares)))
    }

    /// What shares are worth, rounded down.
    pub fn worth(&self, shares: Shares) -> u64 {
        // At most all of them.
        if self.shares == 0 { 0 } else { mul_div_floor(shares.0, self.assets, self.shares).unwrap_or(0) }
    }

    /// Pays shares out.
    fn sell(&mut self, shares: Shares) -> u64 {
        let amount = self.worth(shares);
        // All shares are worth all of it: none are left over without the other.
        (self.assets, self.shares) = (self.assets - amount, self.shares - shares.0);
        self.staked -= shares.0;
        amount
    }

    /// Gives up to so many atoms for a loss.
    fn cover(&mut self, loss: u64) -> u64 {
        let covered = loss.min(self.assets);
        self.assets -= covered;
        if self.assets == 0 && self.shares != 0 {
            (self.shares, self.staked) = (0, 0);
            self.generation = self.generation.wrapping_add(1);
        }
        covered
    }
}

record! {
    /// A staker's share of one reserve's insurance.
    pub struct Stake: 144 {
        /// Layout version.
        pub version: u8,
        /// Bump of the account's address.
        pub bump: u8,
        /// Index of the reserve.
        pub reserve: u8,
        /// Zero.
        pub padding: u8,
        /// The generation of the insurance that the shares are of.
        pub generation: u32,
        /// The market.
        pub market: Address,
        /// Who may take the tokens.
        pub owner: Address,
        /// All shares, those asked for included. They bear losses until they are paid out.
        pub shares: Shares,
        /// Shares that were asked for.
        pub asked_for: Shares,
        /// When these can be taken, unix seconds.
        pub free_from: i64,
        /// Zero.
        pub reserved: [u8; 48],
    }
}

impl Stake {
    /// First eight bytes of a stake account: of the SHA-256 of `account:Stake`.
    pub const DISCRIMINATOR: [u8; 8] = [150, 197, 176, 29, 55, 132, 112, 149];
    /// For how long shares may be taken once they are free; then they must be asked for again. Who asks for ever could leave
    /// before any loss.
    pub const WINDOW: i64 = 172_800;

    /// Shares of a generation that a loss consumed are gone.
    fn renew(&mut self, insurance: &Insurance) {
        if self.generation != insurance.generation {
            (self.generation, self.shares, self.asked_for) = (insurance.generation, Shares::ZERO, Shares::ZERO);
        }
    }

    /// Whether the account holds nothing.
    pub fn is_empty(&self, insurance: &Insurance) -> bool {
        self.shares == Shares::ZERO || self.generation != insurance.generation
    }
}

/// Who bore a loss, in atoms; together the loss, rounded up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    /// The insurance.
    pub insurance: u64,
    /// Fees set aside and not yet claimed.
    pub fees: u64,
    /// Fees that were still in the books, and the depositors.
    pub rest: u64,
    /// The depositors' part of that, rounded up.
    pub depositors: u64,
}

impl Loss {
    /// Whether the depositors' index fell.
    pub fn is_socialised(&self) -> bool {
        self.depositors != 0
    }

    /// All of it.
    pub fn whole(&self) -> u64 {
        self.insurance + self.fees + self.rest
    }
}

impl Ledger<'_> {
    /// Puts up to `amount` atoms into a reserve's insurance; the first time no less than opens a deposit, so that not an atom
    /// takes the income that others do not share.
    #[inline(never)]
    pub fn stake(&mut self, stake: &mut Stake, amount: u64) -> Result<Movement> {
        if amount == 0 {
            return Err(Error::AmountIsZero);
        }
        let (_, record) = self.admit_and_accrue(Action::Stake, stake.reserve)?;
        record.set_some_fees_aside();
        stake.renew(&record.insurance);
        if stake.shares == Shares::ZERO && amount < record.config.min_deposit {
            return Err(Error::DepositBelowMinimum);
        }
        // Income until now belongs to those who staked before.
        let pending = record.insurance_fees();
        let (amount, shares) = record.insurance.buy(amount, pending)?;
        stake.shares.0 = stake.shares.0.checked_add(shares.0).ok_or(Error::AmountTooLarge)?;
        Ok(Movement { amount, shares })
    }

    /// Asks for staked shares; the cooldown starts, also for those asked for before. Zero takes the request back.
    pub fn begin_unstake(&mut self, stake: &mut Stake, shares: Shares) -> Result<()> {
        let record = self.reserves.get(stake.reserve as usize).ok_or(Error::ReserveIndexOutOfRange)?;
        stake.renew(&record.insurance);
        if shares > stake.shares {
            return Err(Error::InsufficientStake);
        }
        stake.asked_for = shares;
        stake.free_from = self.now.saturating_add(record.config.insurance.cooldown as i64);
        Ok(())
    }

    /// Pays out what was asked for and has cooled down.
    pub fn unstake(&mut self, stake: &mut Stake) -> Result<Movement> {
        let now = self.now;
        let (_, record) = self.admit_and_accrue(Action::Unstake, stake.reserve)?;
        record.set_some_fees_aside();
        stake.renew(&record.insurance);
        let shares = stake.asked_for;
        // Neither is ever less than what was asked for.
        let most = stake.shares.0.min(record.insurance.staked).min(record.insurance.shares);
        if shares == Shares::ZERO || shares.0 > most {
            return Err(Error::InsufficientStake);
        }
        if now < stake.free_from || now.saturating_sub(stake.free_from) > Stake::WINDOW {
            return Err(Error::StakeNotFree);
        }
        let amount = record.insurance.sell(shares);
        (stake.shares.0, stake.asked_for) = (stake.shares.0 - shares.0, Shares::ZERO);
        Ok(Movement { amount, shares })
    }
}

impl Reserve {
    /// [`Self::set_fees_aside`] at anyone's call: once an hour, and no more than a quarter of the cash, which lenders want too.
    /// That is the cash as of when this second began; where less is left, nothing is set aside until it is back.
    pub(crate) fn set_some_fees_aside(&mut self) {
        const HOUR: i64 = 3_600;
        let most = self.standing_cash / 4;
        let now = self.last_accrual;
        if now.saturating_sub(self.fees_set_aside as i64) >= HOUR && most <= self.cash {
            self.set_fees_aside(most);
            self.fees_set_aside = now.clamp(0, u32::MAX as i64) as u32;
        } else {
            self.update_rates();
        }
    }

    /// The insurance's share of the fees that are still in the books, whole atoms.
    fn insurance_fees(&self) -> u64 {
        let fees = (self.fees() >> 64) as u64;
        // A part of them.
        mul_div_floor(fees, self.config.insurance.fee_share.0 as u64, ONE_BPS as u64).unwrap_or(0)
    }

    /// Takes the whole atoms of fees out of the books, as far as so much cash goes: the insurance's share, and what may be
    /// claimed.
    pub fn set_fees_aside(&mut self, most: u64) {
        let amount = ((self.fees() >> 64) as u64).min(most).min(self.cash);
        if amount != 0 {
            self.cash -= amount;
            // A part of the amount.
            let share = mul_div_floor(amount, self.config.insurance.fee_share.0 as u64, ONE_BPS as u64).unwrap_or(0);
            self.insurance.earn(share);
            self.claimable = self.claimable.saturating_add(amount - share);
        }
        // Also where there was nothing: at the edge of the books interest stops before it is accrued a second time.
        self.update_rates();
    }

    /// Forgives `shares` of debt: at the expense of the insurance, then of unclaimed fees, then of the depositors, through
    /// their index. Returns who bore how much.
    pub fn write_off(&mut self, shares: Shares) -> Loss {
        self.set_some_fees_aside();
        let loss = self.debt_index.exact(shares);
        self.debt_shares.0 -= shares.0;
        // A debt is below 2^64 atoms.
        let whole = div_ceil(loss, 1 << 64) as u64;
        let insurance = self.insurance.cover(whole);
        let fees = (whole - insurance).min(self.claimable);
        self.claimable -= fees;
        // What was a debt is cash now: the sum of both does not grow by more than rounding up.
        self.cash += insurance + fees;
        let (assets, deposits) = self.assets_and_deposits();
        let missing = deposits.saturating_sub(assets);
        if missing != 0 {
            self.deposit_index = self.index_for(assets);
        }
        self.update_rates();
        // Of deposits below 2^64 atoms.
        let depositors = div_ceil(missing, 1 << 64) as u64;
        Loss { insurance, fees, rest: whole - insurance - fees, depositors }
    }

    /// The deposit index at which the deposits are worth no more than so much.
    fn index_for(&self, assets: ExactAtoms) -> Index {
        match assets {
            0 => Index::ZERO,
            _ if self.deposit_shares == Shares::ZERO => self.deposit_index,
            _ => Index::from_bits(assets / self.deposit_shares.0 as u128),
        }
    }

    /// Tokens that the vault holds by the books.
    pub fn vault_balance(&self) -> u128 {
        self.cash as u128 + self.claimable as u128 + self.insurance.assets as u128
    }

    /// Takes what was set aside for the protocol.
    pub fn collect_fees(&mut self) -> Result<u64> {
        self.set_fees_aside(self.cash);
        match core::mem::take(&mut self.claimable) {
            0 => Err(Error::NoFees),
            amount => Ok(amount),
        }
    }
}

//! A reserve's insurance: tokens that bear its losses before its depositors do, from stakers and from the reserve's income.
//!
//! They lie in the reserve's token account beside its cash, under an account of their own: what the protocol owns is what its books
//! say, and neither a penalty nor a loss has to move tokens.

use crate::{
    error::{Error, Result},
    number::{
        math::{mul_div_ceil, mul_div_floor},
        units::{Bps, MAX_LIQUIDITY, Shares},
    },
    record::{
        layout::{Address, record},
        parameter::governed,
    },
};

governed! {
    /// What governance sets for a reserve's insurance.
    pub struct InsuranceConfig: 8 {
        /// Seconds between asking for staked tokens and taking them, at least a week. A staker who asks again each time can leave
        /// at once on two days of nine at most.
        pub cooldown: u32 [Seconds, 604_800..=2_592_000, Any, CooldownOutOfRange],
        /// Share of the reserve's fees that goes to the insurance.
        pub fee_share: Bps [Bps, 0..=10_000, Any, InsuranceShareOutOfRange],
        /// Share of a liquidation's penalty that goes to the insurance of the repaid reserve. The rest is the liquidator's.
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
    /// Takes in income. While nobody has staked, the income is the protocol's own stake, so that the first staker does not get it.
    #[inline(always)]
    pub fn earn(&mut self, atoms: u64) {
        if self.shares == 0 {
            self.shares = atoms;
        }
        // Both are atoms of the reserve's token account, which holds fewer than 2^64.
        self.assets = self.assets.saturating_add(atoms);
    }

    /// Buys as many whole shares as `amount` atoms pay for, and takes only what they cost. So nothing is lost to rounding, whatever
    /// a share is worth. `pending` is income that is earned but not taken in yet, atoms: it belongs to the shares there are already.
    pub(crate) fn buy(&mut self, amount: u64, pending: u64) -> Result<(u64, Shares)> {
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

    /// Pays shares out, for what they are worth at most.
    pub(crate) fn sell(&mut self, shares: Shares, amount: u64) {
        (self.assets, self.shares) = (self.assets - amount, self.shares - shares.0);
        self.staked -= shares.0;
        if self.shares == 0 {
            // All shares are worth all of it. What the last left for a loss is the protocol's own stake.
            self.shares = self.assets;
        }
    }

    /// Pays for a loss of `loss` atoms as far as it can. Returns the atoms paid.
    pub(crate) fn cover(&mut self, loss: u64) -> u64 {
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
    /// For how long shares may be taken once they are free, seconds. Then they must be asked for again. If a request never ended,
    /// a staker could always leave just before a loss.
    pub const WINDOW: i64 = 172_800;

    /// Shares of a generation that a loss consumed are gone.
    pub(crate) fn renew(&mut self, insurance: &Insurance) {
        if self.generation != insurance.generation {
            (self.generation, self.shares, self.asked_for) = (insurance.generation, Shares::ZERO, Shares::ZERO);
        }
    }

    /// Whether the account holds nothing.
    pub fn is_empty(&self, insurance: &Insurance) -> bool {
        self.shares == Shares::ZERO || self.generation != insurance.generation
    }
}

/// Who bore a loss, in atoms. The sum is the loss, rounded up.
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

//! What a reserve earns beside its depositors, and who bears its losses.

use crate::{
    error::{Error, Result},
    number::{
        index::{ExactAtoms, Index, exact},
        math::div_ceil,
        units::Shares,
    },
    state::{insurance::Loss, reserve::Reserve},
};

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
    pub(crate) fn insurance_fees(&self) -> u64 {
        let fees = (self.fees() >> 64) as u64;
        self.config.insurance.fee_share.of_floor(fees)
    }

    /// Takes the whole atoms of fees out of the books, as far as so much cash goes: the insurance's share, and what may be
    /// claimed. Nothing while a reported loss reaches the depositors: all of it is theirs then, and so is the cash.
    pub fn set_fees_aside(&mut self, most: u64) {
        let is_held = self.doubtful != Shares::ZERO && self.doubt_reaches_depositors();
        let fees = if is_held { 0 } else { (self.fees() >> 64) as u64 };
        let amount = fees.min(most).min(self.cash);
        if amount != 0 {
            self.cash -= amount;
            let share = self.config.insurance.fee_share.of_floor(amount);
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

    /// Whether the depositors would bear a part of what is doubtful.
    #[cold]
    #[inline(never)]
    fn doubt_reaches_depositors(&self) -> bool {
        // A loss is below 2^64 atoms.
        let aside = self.insurance.assets.saturating_add(self.claimable);
        self.debt_index.exact(self.doubtful).saturating_sub(exact(aside)) > self.fees()
    }

    /// The reserve as it would be if all that is doubtful were written off. Interest is accrued.
    #[cold]
    #[inline(never)]
    fn without_doubt(&self) -> Self {
        let mut settled = *self;
        settled.write_off(self.doubtful);
        settled.doubtful = Shares::ZERO;
        settled
    }

    /// What a withdrawal is paid by: the deposit index as it would be if what is doubtful were written off. Whoever leaves before
    /// the loss is settled bears the same of it as whoever stays. Interest is accrued.
    #[inline(always)]
    pub fn exit_index(&self) -> Index {
        if self.doubtful == Shares::ZERO { self.deposit_index } else { self.exit_index_in_doubt() }
    }

    #[cold]
    #[inline(never)]
    fn exit_index_in_doubt(&self) -> Index {
        self.without_doubt().deposit_index
    }

    /// [`Self::exit_index`] after [`Self::accrue`] at `now`, unix seconds.
    pub fn exit_index_at(&self, now: i64) -> Index {
        if self.doubtful == Shares::ZERO {
            return self.deposit_index_at(now);
        }
        let mut accrued = *self;
        accrued.accrue(now);
        accrued.exit_index_in_doubt()
    }

    /// What shares of the insurance are paid out with, likewise, in atoms.
    pub fn exit_worth(&self, shares: Shares) -> u64 {
        if self.doubtful == Shares::ZERO { self.insurance.worth(shares) } else { self.exit_worth_in_doubt(shares) }
    }

    #[cold]
    #[inline(never)]
    fn exit_worth_in_doubt(&self, shares: Shares) -> u64 {
        self.without_doubt().insurance.worth(shares).min(self.insurance.worth(shares))
    }

    /// What is doubtful, rounded up to atoms, at the interest of the last accrual.
    pub fn doubtful_debts(&self) -> u64 {
        self.debt_index.amount_ceil(self.doubtful)
    }

    /// The deposit index at which the deposits are worth no more than so much.
    fn index_for(&self, assets: ExactAtoms) -> Index {
        match assets {
            0 => Index::ZERO,
            _ if self.deposit_shares == Shares::ZERO => self.deposit_index,
            _ => Index::from_bits(assets / self.deposit_shares.0 as u128),
        }
    }

    /// Tokens that the reserve's token account holds by the books.
    pub fn vault_balance(&self) -> u128 {
        self.cash as u128 + self.claimable as u128 + self.insurance.assets as u128
    }

    /// Takes what was set aside for the protocol, but what a reported loss would take of it.
    pub fn collect_fees(&mut self) -> Result<u64> {
        self.set_fees_aside(self.cash);
        let amount = if self.doubtful == Shares::ZERO { self.claimable } else { self.claimable_in_doubt() };
        if amount == 0 {
            return Err(Error::NoFees);
        }
        self.claimable -= amount;
        Ok(amount)
    }

    /// No more than is claimable: the write-off finds no fees to set aside after [`Self::collect_fees`] has.
    #[cold]
    #[inline(never)]
    fn claimable_in_doubt(&self) -> u64 {
        self.without_doubt().claimable.min(self.claimable)
    }
}

//! Locking shares for a term.

use crate::{
    error::{Error, Result},
    number::units::Shares,
    state::vault::TermDeposit,
    vaults::Vaults,
};

impl Vaults<'_> {
    /// Locks shares, which the caller takes from their owner, until the term deposit's maturity.
    #[inline(never)]
    pub fn lock(&mut self, term: &mut TermDeposit, shares: Shares) -> Result<()> {
        if shares == Shares::ZERO {
            return Err(Error::AmountIsZero);
        }
        if shares > self.vault.shares {
            return Err(Error::InsufficientShares);
        }
        if self.vault.worth(shares, &self.valuation) < self.vault.config.min_amount {
            return Err(Error::BelowVaultMinimum);
        }
        self.vault.lock(term, shares, self.now)
    }

    /// Frees a term deposit that is over; anyone may. Returns its shares, which wait for their owner.
    pub fn free(&mut self, term: &mut TermDeposit) -> Result<Shares> {
        self.vault.free(term, self.now)
    }

    /// Frees a term deposit before its end, at a penalty. Returns the shares that this costs: none of one that is over.
    #[inline(never)]
    pub fn break_term(&mut self, term: &mut TermDeposit) -> Result<Shares> {
        if self.now >= term.maturity {
            return self.vault.free(term, self.now).map(|_| Shares::ZERO);
        }
        self.vault.break_term(term, self.valuation.exit)
    }
}

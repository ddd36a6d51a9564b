//! Tokens into a vault.

use crate::{
    error::{Error, Result},
    number::{
        math::{largest, saturating_sub},
        units::Shares,
    },
    vaults::{Exchange, Vaults},
};

impl Vaults<'_> {
    /// Takes in an amount for as many shares as it buys, but no fewer than asked for.
    #[inline(never)]
    pub fn deposit(&mut self, amount: u64, min_shares: Shares) -> Result<Exchange> {
        let shares = self.vault.shares_for(amount, &self.valuation)?;
        if shares < min_shares {
            return Err(Error::FewerThanAsked);
        }
        self.take_in(Exchange { amount, shares })
    }

    /// Makes so many shares for what they cost, but no more than offered.
    #[inline(never)]
    pub fn mint(&mut self, shares: Shares, max_amount: u64) -> Result<Exchange> {
        if shares == Shares::ZERO {
            return Err(Error::AmountIsZero);
        }
        let amount = self.vault.cost_of(shares, &self.valuation)?;
        if amount > max_amount {
            return Err(Error::DearerThanOffered);
        }
        self.take_in(Exchange { amount, shares })
    }

    #[inline(never)]
    fn take_in(&mut self, exchange: Exchange) -> Result<Exchange> {
        let Exchange { amount, shares } = exchange;
        let Self { vault, valuation, .. } = self;
        if vault.config.launched == 0 {
            return Err(Error::VaultNotLaunched);
        }
        // What cannot be read counts for nothing, and would be had for nothing.
        if valuation.unreadable != 0 {
            return Err(Error::MarketUnreadable);
        }
        if amount < vault.config.min_amount {
            return Err(Error::BelowVaultMinimum);
        }
        if amount > saturating_sub(vault.config.deposit_cap, valuation.entry) {
            return Err(Error::VaultCapExceeded);
        }
        vault.shares.0 = vault.shares.0.checked_add(shares.0).ok_or(Error::AmountTooLarge)?;
        vault.idle = vault.idle.checked_add(amount).ok_or(Error::AmountTooLarge)?;
        // A part of what is idle, or was.
        vault.came = vault.came.saturating_add(amount);
        vault.runoff.pay_in(amount);
        Ok(exchange)
    }

    /// The most atoms that a deposit takes now; zero where there is none.
    pub fn max_deposit(&self) -> u64 {
        let most = saturating_sub(self.vault.config.deposit_cap, self.valuation.entry);
        let deposit = |amount| self.preview(|vaults| vaults.deposit(amount, Shares::ZERO)).map(drop);
        let amount = largest(most, |amount| fits(deposit(amount)));
        if deposit(amount).is_ok() { amount } else { 0 }
    }

    /// The most shares that can be made now.
    pub fn max_mint(&self) -> Shares {
        let mint = |shares| self.preview(|vaults| vaults.mint(Shares(shares), u64::MAX)).map(drop);
        let shares = largest(u64::MAX, |shares| fits(mint(shares)));
        if mint(shares).is_ok() { Shares(shares) } else { Shares::ZERO }
    }
}

/// Whether no more is wrong with an amount than that it is small.
fn fits(done: Result<()>) -> bool {
    matches!(done, Ok(()) | Err(Error::BelowVaultMinimum | Error::AmountTooSmall))
}

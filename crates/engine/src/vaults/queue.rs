//! Waiting for liquidity.

use crate::{
    error::{Error, Result},
    number::{
        math::{mul_div_ceil, mul_div_floor, saturating_sub},
        units::{ONE_BPS, Shares},
    },
    record::layout::Address,
    state::vault::{ExitRequest, Vault},
    vaults::{
        Exchange, Vaults,
        exit::{Exit, Sum},
    },
};

impl Vaults<'_> {
    /// Gives a request for so many shares, which the caller takes from their owner, a place in the queue. `address` is that of the
    /// request's account.
    #[inline(never)]
    pub fn request_exit(
        &mut self,
        request: &mut ExitRequest,
        address: Address,
        shares: Shares,
        min_amount: u64,
    ) -> Result<()> {
        if request.shares != Shares::ZERO {
            return Err(Error::RequestOpen);
        }
        if shares == Shares::ZERO || shares > self.vault.shares {
            return Err(if shares == Shares::ZERO { Error::AmountIsZero } else { Error::InsufficientShares });
        }
        if self.vault.worth(shares, &self.valuation) < self.least_request() {
            return Err(Error::BelowVaultMinimum);
        }
        request.place = self.vault.queue.join(address, shares)?;
        (request.shares, request.min_amount, request.since) = (shares, min_amount, self.now);
        Ok(())
    }

    /// The least value of a request: the policy's minimum, but no more than a thousandth of the assets, so that a small holder of a
    /// small vault gets in line too.
    #[inline(never)]
    pub fn least_request(&self) -> u64 {
        self.vault.config.min_amount.min(self.valuation.exit / 1_000).max(1)
    }

    /// Pays the first request, or its part of a round, from what is idle and from some allocations. The atoms are the request's claim.
    /// Where that is less than the owner's limit, the request leaves the queue unpaid: it keeps nobody waiting.
    #[inline(never)]
    pub fn serve(&mut self, request: &mut ExitRequest, address: Address, from: u8) -> Result<Exit> {
        let place = request.place;
        let waiting = self.vault.queue.of(place, &address)?.shares;
        if self.vault.queue.first() != Some(place) {
            return Err(Error::NotFirstInQueue);
        }
        let (worth, least) = (self.vault.worth(waiting, &self.valuation), self.least_request());
        let round = mul_div_floor(self.valuation.takeable, self.vault.config.round_share.0 as u64, ONE_BPS as u64);
        let round = round.unwrap_or(0).max(least);
        let at_hand = self.at_hand(from);
        let gross = worth.min(round).min(at_hand);
        // What is worth nothing is done with at once; else parts are no smaller than requests.
        if gross < worth.min(least) {
            return Err(Error::NothingToServe);
        }
        let shares =
            if gross == worth { waiting } else { self.vault.shares_worth(gross, &self.valuation)?.min(waiting) };
        let fee = self.exit_fee(gross);
        let payment = self.pay(Sum::Gross(gross - fee), from)?;
        let min_amount = mul_div_ceil(request.min_amount, shares.0, waiting.0).unwrap_or(u64::MAX);
        if payment.amount < min_amount {
            self.vault.queue.take(place, waiting, false);
            (request.shares, request.returned) = (Shares::ZERO, Shares(request.returned.0.saturating_add(waiting.0)));
            return Ok(Exit::default());
        }
        let exit = Exit { exchange: Exchange { amount: payment.amount, shares }, payment, fee };
        self.book(&exit);
        let vault = &mut *self.vault;
        request.min_amount = saturating_sub(request.min_amount, min_amount);
        vault.queue.take(place, shares, gross < worth && gross == round);
        vault.claims += payment.amount;
        // Parts of the vault's tokens.
        request.shares.0 -= shares.0;
        request.claim += payment.amount;
        Ok(exit)
    }

    /// What is idle, and what some allocations could pay after rounding.
    fn at_hand(&self, from: u8) -> u64 {
        let drawn = self.vault.open_slots().filter(|slot| from >> slot & 1 != 0);
        drawn.fold(self.vault.idle, |sum, slot| sum.saturating_add(self.valuation.allocations[slot].takeable))
    }
}

impl Vault {
    /// Takes a request back. Returns the shares, which the caller gives back to their owner: they earned and lost like others.
    #[inline(never)]
    pub fn cancel_exit(&mut self, request: &mut ExitRequest, address: Address) -> Result<Shares> {
        let mut shares = core::mem::take(&mut request.returned);
        if request.shares != Shares::ZERO {
            let waiting = self.queue.of(request.place, &address)?.shares;
            self.queue.take(request.place, waiting, false);
            // Parts of the vault's shares.
            shares.0 += waiting.0;
        }
        (request.shares, request.min_amount) = (Shares::ZERO, 0);
        if shares == Shares::ZERO { Err(Error::NothingToClaim) } else { Ok(shares) }
    }

    /// Pays out what was served.
    #[inline(never)]
    pub fn claim_exit(&mut self, request: &mut ExitRequest) -> Result<u64> {
        if request.claim == 0 {
            return Err(Error::NothingToClaim);
        }
        self.claims = saturating_sub(self.claims, request.claim);
        Ok(core::mem::take(&mut request.claim))
    }
}

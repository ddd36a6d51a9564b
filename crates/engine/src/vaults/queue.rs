//! Waiting for liquidity.

use crate::{
    error::{Error, Result},
    number::{
        math::{mul_div_ceil, saturating_sub},
        units::{Bps, ONE_BPS, Shares},
    },
    record::layout::Address,
    state::vault::{ExitRequest, MAX_REQUESTS, Vault},
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
        let worth = self.vault.worth(shares, &self.valuation);
        if worth < self.least_to_join() {
            return Err(Error::BelowVaultMinimum);
        }
        // At most `max_exit_fee`, and one more.
        let max_fee = mul_div_ceil(self.exit_fee(worth), ONE_BPS as u64, worth).unwrap_or(0);
        request.place = self.vault.queue.join(address, shares)?;
        (request.shares, request.min_amount, request.since) = (shares, min_amount, self.now);
        request.max_fee = Bps(max_fee.min(ONE_BPS as u64) as u16);
        Ok(())
    }

    /// The least value of a request now. The last half of the places is for large ones: so it takes a part of the vault to keep
    /// others out.
    #[inline(never)]
    pub fn least_to_join(&self) -> u64 {
        let is_half_full = self.vault.queue.length() >= MAX_REQUESTS / 2;
        let least = self.least_request();
        if is_half_full { least.max(self.valuation.exit / Self::LARGEST_LEAST) } else { least }
    }

    /// A request for so great a part of the assets is always large enough.
    const LARGEST_LEAST: u64 = 1_000;

    /// The least value of a request: the policy's minimum, but no more than a thousandth of the assets, so that a small holder of a
    /// small vault gets in line too.
    #[inline(never)]
    pub fn least_request(&self) -> u64 {
        self.vault.config.min_amount.min(self.valuation.exit / Self::LARGEST_LEAST).max(1)
    }

    /// Pays the first request, or its part of a round, from what is idle and from some allocations. The atoms are the request's claim.
    /// Where that is less than the owner's limit, the request leaves the queue unpaid: it keeps nobody waiting. While a market cannot be
    /// read nobody is paid by another's choice: what a share is worth is not known.
    #[inline(never)]
    pub fn serve(&mut self, request: &mut ExitRequest, address: Address, from: u8) -> Result<Exit> {
        let place = request.place;
        let waiting = self.vault.queue.of(place, &address)?.shares;
        if self.vault.queue.first() != Some(place) {
            return Err(Error::NotFirstInQueue);
        }
        if self.valuation.unreadable != 0 {
            return Err(Error::MarketUnreadable);
        }
        let (worth, least) = (self.vault.worth(waiting, &self.valuation), self.least_request());
        // Where nobody else waits, there are no turns.
        let is_alone = self.vault.queue.shares == waiting;
        let round = self.vault.config.round_share.of_floor(self.valuation.takeable).max(least);
        let round = if is_alone { u64::MAX } else { round };
        let at_hand = self.at_hand(from);
        let gross = worth.min(round).min(at_hand);
        // What is worth nothing is done with at once; else parts are no smaller than requests.
        if gross < worth.min(least) {
            return Err(Error::NothingToServe);
        }
        // One that is more than its share of all assets takes turns. A smaller one keeps its place also where a round is small: or
        // whoever serves it while little is liquid would send it to the end.
        let is_large = worth > self.vault.config.round_share.of_floor(self.valuation.exit);
        let shares =
            if gross == worth { waiting } else { self.vault.shares_worth(gross, &self.valuation)?.min(waiting) };
        // A part of it.
        let most = request.max_fee.of_ceil(gross);
        let fee = self.exit_fee(gross).min(most);
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
        vault.queue.take(place, shares, is_large && gross < worth && gross == round);
        vault.claims += payment.amount;
        // Parts of the vault's tokens.
        request.shares.0 -= shares.0;
        request.claim += payment.amount;
        Ok(exit)
    }

    /// What is idle, and what some allocations could pay after rounding.
    fn at_hand(&self, from: u8) -> u64 {
        self.drawn(from)
            .fold(self.vault.idle, |sum, slot| sum.saturating_add(self.valuation.allocations[slot].takeable))
    }
}

impl Vault {
    /// Takes a request back. Returns the shares, which the caller gives back to their owner: they earned and lost like others.
    #[inline(never)]
    pub fn cancel_exit(&mut self, request: &mut ExitRequest, address: Address) -> Result<Shares> {
        let mut shares = request.returned;
        if request.shares != Shares::ZERO {
            let waiting = self.queue.of(request.place, &address)?.shares;
            self.queue.take(request.place, waiting, false);
            // Parts of the vault's shares.
            shares.0 += waiting.0;
        }
        (request.shares, request.returned, request.min_amount) = (Shares::ZERO, Shares::ZERO, 0);
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

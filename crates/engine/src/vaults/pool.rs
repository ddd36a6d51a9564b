//! What a vault has in pools of perps. A pool has no rate that a rebalance could compare, so the curator decides what goes there, within
//! the caps and what coverage spares. Shares are asked for first and come back after the pool's delay.

use crate::{
    error::{Error, Result},
    number::{
        math::{mul_div_ceil, saturating_sub},
        units::Shares,
    },
    record::layout::Address,
    state::{
        perp::{Pool, shares::LEAVE_WINDOW},
        vault::{Listing, MAX_ALLOCATIONS, Vault},
    },
    vaults::Vaults,
};

impl Vaults<'_> {
    /// Takes atoms out of what is idle, by the curator, for the pool of a slot: [`crate::ledger::Ledger::provide_for_vault`]. As of a
    /// rebalance, what is left must cover what may be asked for: nothing of a pool is liquid.
    #[inline(never)]
    pub fn provide(&mut self, signer: &Address, slot: u8, amount: u64) -> Result<()> {
        if *signer != self.vault.curator {
            return Err(Error::NotCurator);
        }
        if amount == 0 {
            return Err(Error::AmountIsZero);
        }
        let slot = self.vault.pool_slot(slot)?;
        let (config, valuation) = (&self.vault.config, &self.valuation);
        let policy = &config.allocations[slot];
        if policy.stopped != 0 || policy.written_off != 0 {
            return Err(Error::AllocationStopped);
        }
        if valuation.unreadable != 0 {
            return Err(Error::MarketUnreadable);
        }
        let most = policy.cap.min(policy.share_cap.of_floor(self.vault.base));
        if amount > saturating_sub(most, valuation.allocations[slot].entry) {
            return Err(Error::AllocationCapExceeded);
        }
        let coverage = self.vault.coverage(valuation, self.now);
        let unneeded = saturating_sub(coverage.liquid, coverage.needed(config.coverage_target));
        let kept = config.idle_buffer.of_floor(valuation.exit).max(self.vault.queued(valuation));
        let spare = saturating_sub(saturating_sub(self.vault.idle, self.vault.came), kept);
        if amount > spare.min(unneeded) {
            return Err(Error::VaultNeedsLiquidity);
        }
        // A part of it.
        self.vault.idle -= amount;
        Ok(())
    }

    /// Asks for so many shares in all of a slot's pool, by the curator or the sentinel. While liquidity is short anyone may ask for what is
    /// short, and for that alone: `shares` is then no fewer, and more change nothing.
    #[inline(never)]
    pub fn ask_to_leave(&mut self, signer: &Address, slot: u8, shares: Shares, (_, records): Listing) -> Result<()> {
        let index = self.vault.pool_slot(slot)?;
        let allocation = self.vault.allocations[index];
        let delay = Pool::of(records, allocation.reserve)?.config.leave_delay;
        let shares = if self.is_officer(signer) {
            if shares > allocation.shares {
                return Err(Error::InsufficientShares);
            }
            shares
        } else {
            // Asking anew begins anew: nobody else may put off what comes.
            let is_over = self.now > allocation.free_from as i64 + LEAVE_WINDOW;
            if self.vault.asked_for[index] != Shares::ZERO && !is_over {
                return Err(Error::NotCuratorOrSentinel);
            }
            let (short, worth) = (self.shortage(), self.valuation.allocations[index].exit);
            let needed = mul_div_ceil(allocation.shares.0, short.min(worth), worth.max(1)).map_or(Shares::ZERO, Shares);
            if needed == Shares::ZERO {
                return Err(Error::NotCuratorOrSentinel);
            }
            if shares < needed {
                return Err(Error::AnotherMove);
            }
            needed
        };
        self.vault.asked_for[index] = shares;
        self.vault.allocations[index].free_from =
            self.now.saturating_add(delay as i64).clamp(0, u32::MAX as i64) as u32;
        Ok(())
    }

    /// Requires that a signer may take shares of a pool that are free: [`crate::ledger::Ledger::leave_for_vault`]. The price is that of the
    /// moment, so others choose it only while liquidity is short.
    #[inline(never)]
    pub fn require_puller(&self, signer: &Address) -> Result<()> {
        if self.is_officer(signer) || self.shortage() != 0 { Ok(()) } else { Err(Error::NotCuratorOrSentinel) }
    }

    /// What is short of liquidity.
    #[inline(never)]
    pub fn shortage(&self) -> u64 {
        let queued = if self.vault.queue.shares == Shares::ZERO { 0 } else { self.vault.queued(&self.valuation) };
        let coverage = self.vault.coverage_without(self.vault.came, &self.valuation, self.now);
        let (missing, waits) = self.short_of(&coverage, queued);
        missing.max(waits)
    }

    fn is_officer(&self, signer: &Address) -> bool {
        *signer == self.vault.curator || (*signer == self.vault.config.roles.sentinel && !signer.is_none())
    }
}

impl Vault {
    /// The slot of an open allocation that is a pool.
    pub fn pool_slot(&self, slot: u8) -> Result<usize> {
        let index = slot as usize;
        if index >= MAX_ALLOCATIONS {
            return Err(Error::WrongSlot);
        }
        let is_pool = self.config.allocations[index].pool != 0 && self.allocations[index].is_open != 0;
        if is_pool { Ok(index) } else { Err(Error::NotPool) }
    }

    /// Books what a slot's pool paid: like what comes back from a reserve of a slot that counts for nothing, it is the sharers' slowly.
    pub fn take_back(&mut self, slot: u8, amount: u64) -> Result<()> {
        self.idle = self.idle.checked_add(amount).ok_or(Error::AmountTooLarge)?;
        if self.is_written_off(self.pool_slot(slot)?) {
            self.locked = self.locked.saturating_add(amount);
        }
        Ok(())
    }
}

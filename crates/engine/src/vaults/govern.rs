//! The policy of a vault: its curator loosens after the delay, its sentinel tightens at once. Before the launch nothing waits.

use bytemuck::{bytes_of, bytes_of_mut};

use crate::{
    error::{Error, Result},
    number::{index::Index, units::Shares},
    record::{
        layout::{Address, LAYOUT_VERSION},
        parameter::{self, Edit, Edited, Made},
    },
    state::{
        change::{Change, OF_VAULT, Offices},
        market::AUTHORITY,
        perp::Pool,
        reserve::Reserve,
        token::Transfers,
        vault::{Allocation, PARAMETERS, Vault, VaultConfig, VaultRoles},
    },
};

impl Vault {
    /// Makes one that is all zero, but for addresses, id and bumps, a vault that nobody has entered; the caller brings [`Self::SEED`]
    /// atoms.
    pub fn open(&mut self, config: &VaultConfig, now: i64) -> Result<()> {
        config.validate()?;
        parameter::require_nothing_beside(&PARAMETERS, bytes_of(config))?;
        if self.curator.is_none() {
            return Err(Error::RoleMissing);
        }
        if self.transfers == Transfers::WithFee as u8 {
            return Err(Error::VaultTokenHasFee);
        }
        self.version = LAYOUT_VERSION;
        self.config = *config;
        (self.idle, self.shares) = (Self::SEED, Shares(Self::SEED));
        (self.high_water, self.updated) = (Index::ONE, now);
        Ok(())
    }

    /// Changes the policy at once: by the curator or the sentinel, after the launch only what adds no risk.
    #[inline(never)]
    pub fn set_parameters(&mut self, signer: &Address, edits: &[u8], now: i64, made: &mut Made) -> Result<()> {
        let is_curator = *signer == self.curator;
        if !is_curator && (*signer != self.config.roles.sentinel || signer.is_none()) {
            return Err(Error::NotCuratorOrSentinel);
        }
        let nothing_waits = self.config.launched == 0 && is_curator;
        let (config, edited) = self.edited(edits, made)?;
        if edited.adds_risk && !nothing_waits {
            return Err(Error::AddsRisk);
        }
        if config.launched != self.config.launched && !is_curator {
            return Err(Error::NotCurator);
        }
        self.adopt(config, now)
    }

    /// The policy after some edits.
    #[inline(never)]
    fn edited(&mut self, edits: &[u8], made: &mut Made) -> Result<(VaultConfig, Edited)> {
        let mut config = self.config;
        let edited = parameter::edit(
            &PARAMETERS,
            bytes_of(&self.config),
            bytes_of_mut(&mut config),
            edits,
            &mut self.events,
            made,
        )?;
        config.validate()?;
        if config.launched < self.config.launched {
            return Err(Error::VaultLaunched);
        }
        Ok((config, edited))
    }

    /// Replaces the policy.
    #[inline(never)]
    fn adopt(&mut self, config: VaultConfig, now: i64) -> Result<()> {
        let of_time_passed = |config: &VaultConfig| {
            let fees = (config.performance_fee, config.management_fee);
            (fees, config.term_premium, config.term_spacing, config.unlock)
        };
        if of_time_passed(&config) != of_time_passed(&self.config) && self.updated < now {
            return Err(Error::VaultNotAccrued);
        }
        // With the spacing lowered before, terms of the old one may run longer than eight of the new one.
        if config.delay < self.config.delay && (config.delay as u64) < self.longest_term(now) {
            return Err(Error::VaultDelayOutOfRange);
        }
        let slots = self.allocations.iter_mut().zip(self.config.allocations.iter().zip(&config.allocations));
        for (allocation, (old, new)) in slots {
            if old.written_off > new.written_off && allocation.shares != Shares::ZERO {
                return Err(Error::AllocationWrittenOff);
            }
            if (old.market, old.pool) == (new.market, new.pool) {
                continue;
            }
            if allocation.shares != Shares::ZERO {
                return Err(Error::AllocationInUse);
            }
            *allocation = Allocation::default();
        }
        self.config = config;
        Ok(())
    }

    /// Queues edits by the curator, such that they could be made now. Fills in a change that is all zero, but for addresses and bump.
    #[inline(never)]
    pub fn queue_change(&mut self, signer: &Address, data: &[u8], change: &mut Change, now: i64) -> Result<()> {
        if *signer != self.curator {
            return Err(Error::NotCurator);
        }
        change.fill(OF_VAULT, data)?;
        let (mut touches_roles, events) = (false, self.events);
        let watch = &mut |_, edit: &Edit| touches_roles |= (edit.offset as usize) < size_of::<VaultRoles>();
        self.edited(data, watch)?;
        self.events = events;
        let delay = self.config.delay as i64 * if touches_roles { 2 } else { 1 };
        change.wait(self.config.launched, self.changes, delay, now);
        self.changes += 1;
        Ok(())
    }

    /// Makes the edits of a change that is due.
    #[inline(never)]
    pub fn execute_change(&mut self, change: &Change, now: i64, made: &mut Made) -> Result<()> {
        change.require_due(self.config.launched, now)?;
        if change.target != OF_VAULT {
            return Err(Error::WrongChange);
        }
        let (config, _) = self.edited(change.data(), made)?;
        self.adopt(config, now)
    }

    /// Requires that a signer may cancel a change: the curator, the sentinel, and once it has expired anyone.
    pub fn require_cancellable(&self, change: &Change, signer: &Address, now: i64) -> Result<()> {
        let offices = Offices {
            chief: self.curator,
            guard: self.config.roles.sentinel,
            launched: self.config.launched,
            target: OF_VAULT,
            guards_role: core::mem::offset_of!(VaultRoles, sentinel),
            refusal: Error::NotCuratorOrSentinel,
        };
        change.require_canceller(signer, &offices, now)
    }

    /// Makes the nominee the curator. `made` is told of it, by the name [`AUTHORITY`].
    pub fn accept_curator(&mut self, signer: &Address, made: &mut Made) -> Result<()> {
        let nominee = &mut self.config.roles.nominee;
        if nominee.is_none() || signer != nominee {
            return Err(Error::NotNominee);
        }
        let edit = Edit { offset: AUTHORITY, old: self.curator, new: core::mem::take(nominee) };
        self.curator = edit.new;
        let number = self.next_event();
        made(number, &edit);
        Ok(())
    }

    /// Opens the allocation of a slot, whose market is the policy's, at the reserve that lists the vault's token, or at the policy's pool
    /// of that. Anyone may.
    #[inline(never)]
    pub fn open_allocation(&mut self, slot: u8, market: &Address, reserves: &[Reserve], now: i64) -> Result<u8> {
        let policy = self.config.allocations.get(slot as usize).ok_or(Error::WrongSlot)?;
        if policy.market != *market || market.is_none() {
            return Err(Error::WrongMarket);
        }
        if self.allocations[slot as usize].is_open != 0 {
            return Err(Error::AllocationOpen);
        }
        let listed = |reserve: &Reserve| reserve.mint == self.mint && reserve.closed == 0;
        let index = reserves.iter().position(listed).ok_or(Error::TokenNotListed)? as u8;
        let opened = match policy.pool {
            0 => index,
            pool if Pool::of(reserves, pool)?.config.quote == index => pool,
            _ => return Err(Error::TokenNotListed),
        };
        let allocation = &mut self.allocations[slot as usize];
        (allocation.reserve, allocation.is_open) = (opened, 1);
        (allocation.index, allocation.since) = (reserves[index as usize].deposit_index_at(now), now);
        Ok(opened)
    }

    /// Takes the shares that fees came to: the caller makes them for the collector.
    pub fn collect_fees(&mut self, signer: &Address) -> Result<Shares> {
        if *signer != self.config.roles.fee_collector {
            return Err(Error::NotFeeCollector);
        }
        match core::mem::take(&mut self.fee_shares) {
            Shares::ZERO => Err(Error::NoFees),
            shares => Ok(shares),
        }
    }

    /// The number of the next event.
    #[inline(always)]
    pub fn next_event(&mut self) -> u64 {
        self.events = self.events.wrapping_add(1);
        self.events
    }
}

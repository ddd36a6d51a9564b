//! Changes of parameters: at once where they take risk away, after a delay where they add it.
//!
//! Before the launch of a market nobody has anything in it to lose, so nothing waits.

use bytemuck::{bytes_of, bytes_of_mut};

use crate::{
    error::{Error, Result},
    ledger::Ledger,
    record::{
        layout::Address,
        parameter::{self, Edit, Edited, Made},
    },
    state::{
        change::{Change, Listing, OF_LISTING, OF_MARKET},
        market::{self, Roles},
        reserve::{self, Reserve},
        token::Transfers,
    },
};

/// How edits are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edits {
    /// Made and taken back, to see whether they are allowed.
    OnTrial,
    /// Made for good, at once or after the market's delay.
    Made {
        /// Whether they waited for the delay, or need not wait.
        have_waited: bool,
    },
}

impl Ledger<'_> {
    /// Most changes of the risk council to one record in a day.
    pub const COUNCIL_QUOTA: u8 = 3;
    /// Most USD that may be borrowed against a collateral just listed.
    pub const NEW_LISTING_CAP: u32 = 1_000_000;

    /// Changes parameters at once: by the authority, or, in small steps, by the risk council. After the launch only what adds
    /// no risk. `made` is told each edit and its number.
    pub fn set_parameters(&mut self, signer: &Address, target: u8, edits: &[u8], made: &mut Made) -> Result<()> {
        let is_council = *signer == self.market.config.roles.risk_council && !signer.is_none();
        let is_authority = *signer == self.market.authority;
        if !is_authority && !is_council {
            return Err(Error::NotAuthorityOrCouncil);
        }
        let nothing_waits = self.market.config.launched == 0;
        let edited = self.edit(target, edits, made, Edits::Made { have_waited: nothing_waits })?;
        if edited.adds_risk && (self.market.config.launched != 0 || !is_authority) {
            return Err(Error::AddsRisk);
        }
        if !is_authority {
            if edited.is_large {
                return Err(Error::CouncilStepTooLarge);
            }
            let now = self.now;
            let quota = match self.reserves.get_mut(target as usize) {
                Some(reserve) => &mut reserve.council,
                None => &mut self.market.council,
            };
            quota.take(Self::COUNCIL_QUOTA, now)?;
        }
        Ok(())
    }

    /// Makes edits to the parameters of the market or of a reserve. If they are on trial, it takes them back.
    #[inline(never)]
    fn edit(&mut self, target: u8, edits: &[u8], made: &mut Made, how: Edits) -> Result<Edited> {
        let (market, now) = (&mut *self.market, self.now);
        if target == OF_MARKET {
            let (before, mut config, events) = (bytes_of(&market.config), market.config, &mut market.events);
            let edited = parameter::edit(&market::PARAMETERS, before, bytes_of_mut(&mut config), edits, events, made)?;
            config.validate()?;
            if config.launched < market.config.launched {
                return Err(Error::MarketLaunched);
            }
            if how != Edits::OnTrial {
                market.config = config;
            }
            return Ok(edited);
        }
        let reserve = self.reserves.get_mut(target as usize).ok_or(Error::ReserveIndexOutOfRange)?;
        let (before, mut config, events) = (bytes_of(&reserve.config), reserve.config, &mut market.events);
        let edited = parameter::edit(&reserve::PARAMETERS, before, bytes_of_mut(&mut config), edits, events, made)?;
        match how {
            Edits::OnTrial => config.validate()?,
            Edits::Made { have_waited } => reserve.set_config(&config, now, market.config.delay, have_waited)?,
        }
        Ok(edited)
    }

    /// Queues a change by the market's authority: edits of the market or of a reserve, or a listing. Refuses a change that could
    /// not be executed now. Fills in `change`, which must be all zero, except for addresses and bump.
    pub fn queue_change(&mut self, signer: &Address, target: u8, data: &[u8], change: &mut Change) -> Result<()> {
        if *signer != self.market.authority {
            return Err(Error::NotMarketAuthority);
        }
        change.fill(target, data)?;
        let mut delay = self.market.config.delay as i64;
        if target == OF_LISTING {
            self.check_new(change.listing()?)?;
        } else {
            let mut touches_roles = false;
            let events = self.market.events;
            let watch = &mut |_, edit: &Edit| touches_roles |= (edit.offset as usize) < size_of::<Roles>();
            self.edit(target, data, watch, Edits::OnTrial)?;
            self.market.events = events;
            if target == OF_MARKET && touches_roles {
                delay *= 2;
            }
        }
        change.wait(self.market.config.launched, self.market.changes, delay, self.now);
        self.market.changes += 1;
        Ok(())
    }

    /// Makes the edits of a change that is due.
    pub fn execute_change(&mut self, change: &Change, made: &mut Made) -> Result<()> {
        change.require_due(self.market.config.launched, self.now)?;
        if change.target == OF_LISTING {
            return Err(Error::WrongChange);
        }
        self.edit(change.target, change.data(), made, Edits::Made { have_waited: true }).map(drop)
    }

    /// Fills in the last reserve, which must be all zero, from a listing that is due. The caller fills in addresses and bump.
    pub fn list(&mut self, change: &Change, decimals: u8) -> Result<&mut Reserve> {
        change.require_due(self.market.config.launched, self.now)?;
        let listing = change.listing()?;
        self.check_new(listing)?;
        if self.market.config.launched != 0 {
            if self.now.saturating_sub(self.market.listed_at) < self.market.config.delay as i64 {
                return Err(Error::ListingTooSoon);
            }
            self.market.listed_at = self.now;
        }
        let reserve = self.reserves.last_mut().ok_or(Error::ReserveIndexOutOfRange)?;
        reserve.open(&listing.config, decimals, self.now)?;
        reserve.mint = listing.mint;
        Ok(reserve)
    }

    /// Refuses a listing whose reserve could not be created now.
    fn check_new(&self, listing: &Listing) -> Result<()> {
        listing.config.validate()?;
        parameter::require_nothing_beside(&reserve::PARAMETERS, bytes_of(&listing.config))?;
        if self.reserves.iter().any(|reserve| reserve.mint == listing.mint) {
            return Err(Error::DuplicateReserve);
        }
        let is_collateral = listing.config.risk.highest_asset_weight().0 != 0;
        let is_capped = (1..=Self::NEW_LISTING_CAP).contains(&listing.config.risk.borrowing_cap);
        if self.market.config.launched != 0 && is_collateral && !is_capped {
            return Err(Error::NewListingUncapped);
        }
        Ok(())
    }

    /// Closes an empty reserve for good. Its index is not used again. The tokens left in it are the protocol's: fees, the
    /// protocol's stake, and what anyone sent there.
    pub fn close_reserve(&mut self, index: u8) -> Result<()> {
        let reserve = self.accrue_reserve(index)?;
        if reserve.closed != 0 {
            return Err(Error::ReserveClosed);
        }
        let is_in_use =
            reserve.deposit_shares.0 | reserve.debt_shares.0 | reserve.insurance.staked | reserve.flash_loan != 0;
        if reserve.config.reduce_only == 0 || is_in_use {
            return Err(Error::ReserveInUse);
        }
        (reserve.cash, reserve.claimable) = (0, 0);
        (reserve.insurance.assets, reserve.insurance.shares) = (0, 0);
        (reserve.closed, reserve.mint, reserve.transfers) = (1, Address::NONE, Transfers::Plain as u8);
        reserve.update_rates();
        Ok(())
    }
}

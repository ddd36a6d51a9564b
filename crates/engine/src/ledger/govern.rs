//! Changes of parameters: at once where they take risk away, after a delay where they add it.
//!
//! Before the launch of a market nobody has anything in it to lose, so nothing waits.

use bytemuck::{bytes_of, bytes_of_mut};

use crate::{
    error::{Error, Result},
    ledger::Ledger,
    price::policy::Use,
    record::{
        layout::Address,
        parameter::{self, Edit, Edited, Made},
    },
    state::{
        change::{Change, Listing, OF_LISTING, OF_MARKET, OF_PERP, OF_POOL},
        market::{self, Roles},
        perp::{
            Perp, PerpConfig, Pool, PoolConfig,
            book::Width,
            config::{PERP_PARAMETERS, POOL_PARAMETERS},
        },
        reserve::{self, Kind, Reserve},
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

/// What a lot may be worth at listing: 16 to 16,384 atoms, 32 fractional bits.
const LOT_VALUES: core::ops::RangeInclusive<u64> = 1 << 36..=1 << 46;

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
                Some(reserve) if reserve.is_reserve() => &mut reserve.council,
                _ => &mut self.market.council,
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
        if !reserve.is_reserve() {
            return edit_perp_or_pool(reserve, edits, &mut market.events, made, how != Edits::OnTrial);
        }
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
        } else if target == OF_POOL {
            Pool::check(&read(change.data())?)?;
        } else if target == OF_PERP {
            Perp::check(&read(change.data())?)?;
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
        if matches!(change.target, OF_LISTING | OF_POOL | OF_PERP) {
            return Err(Error::WrongChange);
        }
        self.edit(change.target, change.data(), made, Edits::Made { have_waited: true }).map(drop)
    }

    /// Fills in the last reserve, which must be all zero, from a listing that is due. The caller fills in addresses and bump.
    pub fn list(&mut self, change: &Change, decimals: u8) -> Result<&mut Reserve> {
        change.require_due(self.market.config.launched, self.now)?;
        let listing = change.listing()?;
        self.check_new(listing)?;
        self.take_listing()?;
        let reserve = self.reserves.last_mut().ok_or(Error::ReserveIndexOutOfRange)?;
        reserve.open(&listing.config, decimals, self.now)?;
        reserve.mint = listing.mint;
        Ok(reserve)
    }

    /// Counts a listing: one in each delay.
    fn take_listing(&mut self) -> Result<()> {
        if self.market.config.launched != 0 {
            if self.now.saturating_sub(self.market.listed_at) < self.market.config.delay as i64 {
                return Err(Error::ListingTooSoon);
            }
            self.market.listed_at = self.now;
        }
        Ok(())
    }

    /// Makes the last record, which must be all zero, the pool or the perp of a change that is due.
    pub fn list_perp_or_pool(&mut self, change: &Change) -> Result<()> {
        change.require_due(self.market.config.launched, self.now)?;
        self.take_listing()?;
        let index = self.reserves.len().wrapping_sub(1) as u8;
        let record = match change.target {
            OF_POOL => *self.new_pool(&read(change.data())?)?.as_record(),
            OF_PERP => *self.new_perp(&read(change.data())?, index)?.as_record(),
            _ => return Err(Error::WrongChange),
        };
        *self.reserves.last_mut().ok_or(Error::ReserveIndexOutOfRange)? = record;
        Ok(())
    }

    /// A pool in the token of a reserve.
    fn new_pool(&self, config: &PoolConfig) -> Result<Pool> {
        Pool::check(config)?;
        let quote = self.reserves.get(config.quote as usize).filter(|reserve| reserve.closed == 0);
        Ok(Pool::new(config, quote.ok_or(Error::ReserveIndexOutOfRange)?.decimals, self.now))
    }

    /// A perp at an index of the market, which its pool takes in. Its price must be good, and its lot of a useful size.
    fn new_perp(&mut self, config: &PerpConfig, index: u8) -> Result<Perp> {
        Perp::check(config)?;
        let now = self.now;
        let feed = self.reserves.get(config.price as usize).filter(|reserve| reserve.closed == 0);
        let price = feed.ok_or(Error::ReserveIndexOutOfRange)?.price;
        Use::NewRiskDebt.require(price.condition(now))?;
        let pool = Pool::of_mut(self.reserves, config.pool)?;
        let mut perp = Perp::new(config, pool.quote_decimals, now);
        let spot = perp.marks(&price, Width::Maintenance).spot;
        if !LOT_VALUES.contains(&spot) {
            return Err(Error::LotTooSmallOrLarge);
        }
        perp.borrowed = pool.add(index, now)?;
        Ok(perp)
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

/// Edits the parameters of a perp or a pool.
#[cold]
#[inline(never)]
fn edit_perp_or_pool(
    record: &mut Reserve,
    edits: &[u8],
    events: &mut u64,
    made: &mut Made,
    is_made: bool,
) -> Result<Edited> {
    if record.is(Kind::Pool) {
        let pool: &mut Pool = bytemuck::cast_mut(record);
        let mut config = pool.config;
        let edited =
            parameter::edit(&POOL_PARAMETERS, bytes_of(&pool.config), bytes_of_mut(&mut config), edits, events, made)?;
        pool.set_config(&config, is_made)?;
        return Ok(edited);
    }
    let perp: &mut Perp = bytemuck::cast_mut(record);
    let mut config = perp.config;
    let edited =
        parameter::edit(&PERP_PARAMETERS, bytes_of(&perp.config), bytes_of_mut(&mut config), edits, events, made)?;
    perp.set_config(&config, is_made)?;
    Ok(edited)
}

/// A record from the bytes of a change.
fn read<T: bytemuck::AnyBitPattern>(data: &[u8]) -> Result<T> {
    bytemuck::try_pod_read_unaligned(data).map_err(|_| Error::WrongChange)
}

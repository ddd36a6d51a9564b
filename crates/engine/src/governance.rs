//! Changes of parameters: at once where they take risk away, after a delay where they add it.
//!
//! Before the launch of a market nobody can lose by it, and nothing waits.

use bytemuck::{bytes_of, bytes_of_mut};

use crate::{
    actions::Ledger,
    error::{Error, Result},
    layout::{Address, record},
    market::{Market, Roles},
    parameter::{self, Edit, Edited, Made},
    reserve::{Reserve, ReserveConfig},
    token::Transfers,
};

/// Stands for the market where a change names a reserve.
pub const OF_MARKET: u8 = 255;
/// Stands for a new reserve where a change names one.
pub const OF_LISTING: u8 = 254;
/// Stands for the authority where an event names a parameter.
pub const AUTHORITY: u16 = u16::MAX;

record! {
    /// How often something was done in a day.
    pub struct Quota: 16 {
        /// When the day began, unix seconds.
        pub day: i64,
        /// How often since.
        pub count: u8,
        /// Zero.
        pub padding: [u8; 7],
    }
}

impl Quota {
    /// Counts once more, unless that is more often than so many times a day.
    fn take(&mut self, most: u8, now: i64) -> Result<()> {
        const DAY: i64 = 86_400;
        if now.saturating_sub(self.day) >= DAY {
            (self.day, self.count) = (now, 0);
        }
        if self.count >= most {
            return Err(Error::CouncilQuotaSpent);
        }
        self.count += 1;
        Ok(())
    }
}

/// Most bytes of a change: a listing.
pub const MAX_CHANGE: usize = size_of::<Listing>();

record! {
    /// A token to be listed.
    pub struct Listing: 416 {
        /// The token.
        pub mint: Address,
        /// The reserve's parameters.
        pub config: ReserveConfig,
    }
}

record! {
    /// A change that waits.
    pub struct Change: 544 {
        /// Layout version.
        pub version: u8,
        /// Bump of the change's address.
        pub bump: u8,
        /// Index of the reserve, [`OF_LISTING`] or [`OF_MARKET`].
        pub target: u8,
        /// 1 if the market had been launched when it was queued. Else it expires with the launch.
        pub launched: u8,
        /// Bytes of `data` in use.
        pub length: u16,
        /// Zero.
        pub padding: [u8; 2],
        /// Which of the market's changes this is.
        pub number: u64,
        /// The market.
        pub market: Address,
        /// Who gets the rent back.
        pub payer: Address,
        /// From when it can be executed, unix seconds.
        pub earliest: i64,
        /// Until when.
        pub latest: i64,
        /// Edits, as of [`parameter::edit`], or a [`Listing`].
        pub data: [u8; MAX_CHANGE],
        /// Zero.
        pub reserved: [u8; 32],
    }
}

impl Change {
    /// First eight bytes of a change account: of the SHA-256 of `account:Change`.
    pub const DISCRIMINATOR: [u8; 8] = [93, 222, 240, 145, 239, 181, 231, 51];
    /// For how long it can be executed once it is due. What nobody executes is not left for a bad day.
    pub const WINDOW: i64 = 604_800;

    /// The bytes in use.
    pub fn data(&self) -> &[u8] {
        &self.data[..(self.length as usize).min(MAX_CHANGE)]
    }

    /// The listing in it.
    pub fn listing(&self) -> Result<&Listing> {
        let is_listing = self.target == OF_LISTING;
        let listing = is_listing.then(|| bytemuck::try_from_bytes(self.data()).ok()).flatten();
        listing.ok_or(Error::WrongChange)
    }

    /// Requires that it may be executed.
    fn require_due(&self, market: &Market, now: i64) -> Result<()> {
        match () {
            () if now < self.earliest => Err(Error::ChangeNotDue),
            () if self.has_expired(market, now) => Err(Error::ChangeExpired),
            () => Ok(()),
        }
    }

    /// Whether nobody may execute it any more. What was queued while nothing waited is void once somebody can lose by it.
    pub fn has_expired(&self, market: &Market, now: i64) -> bool {
        now > self.latest || self.launched != market.config.launched
    }

    /// Whether it replaces the guardian and does nothing else.
    fn replaces_the_guardian_alone(&self) -> bool {
        let data = self.data();
        self.target == OF_MARKET
            && data.len() == 2 + size_of::<Address>()
            && data[..2] == (core::mem::offset_of!(Roles, guardian) as u16).to_le_bytes()
    }

    /// Requires that a signer may cancel it: the authority, the guardian, and once it has expired anyone. Not the guardian
    /// its own replacement: a stolen guardian's key would stay in office for good.
    pub fn require_cancellable(&self, market: &Market, signer: &Address, now: i64) -> Result<()> {
        let is_guardian = *signer == market.config.roles.guardian;
        if *signer == market.authority || self.has_expired(market, now) {
            return Ok(());
        }
        if !is_guardian {
            return Err(Error::NotAuthorityOrGuardian);
        }
        if self.replaces_the_guardian_alone() { Err(Error::GuardianCannotKeepOffice) } else { Ok(()) }
    }
}

/// How edits are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edits {
    /// To see whether they could be.
    OnTrial,
    /// For good: at once, or after the market's delay.
    Made {
        /// Whether they waited, or nothing has to.
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

    /// Makes edits to the market's parameters or a reserve's; on trial, it takes them back.
    #[inline(never)]
    fn edit(&mut self, target: u8, edits: &[u8], made: &mut Made, how: Edits) -> Result<Edited> {
        let (market, now) = (&mut *self.market, self.now);
        if target == OF_MARKET {
            let (before, mut config, events) = (bytes_of(&market.config), market.config, &mut market.events);
            let edited = parameter::edit(&parameter::MARKET, before, bytes_of_mut(&mut config), edits, events, made)?;
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
        let edited = parameter::edit(&parameter::RESERVE, before, bytes_of_mut(&mut config), edits, events, made)?;
        match how {
            Edits::OnTrial => config.validate()?,
            Edits::Made { have_waited } => reserve.set_config(&config, now, market.config.delay, have_waited)?,
        }
        Ok(edited)
    }

    /// Queues a change by the market's authority: edits of the market or of a reserve, or a listing. It must be such that it
    /// could be executed now. Fills in a change that is all zero, but for addresses and bump.
    pub fn queue_change(&mut self, signer: &Address, target: u8, data: &[u8], change: &mut Change) -> Result<()> {
        if *signer != self.market.authority {
            return Err(Error::NotMarketAuthority);
        }
        change.target = target;
        change.data.get_mut(..data.len()).ok_or(Error::ChangeTooLong)?.copy_from_slice(data);
        change.length = data.len() as u16;
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
        if self.market.config.launched == 0 {
            delay = 0;
        }
        change.version = crate::record::layout::LAYOUT_VERSION;
        change.launched = self.market.config.launched;
        change.number = self.market.changes;
        change.earliest = self.now.saturating_add(delay);
        change.latest = change.earliest.saturating_add(Change::WINDOW);
        self.market.changes += 1;
        Ok(())
    }

    /// Makes the edits of a change that is due.
    pub fn execute_change(&mut self, change: &Change, made: &mut Made) -> Result<()> {
        change.require_due(self.market, self.now)?;
        if change.target == OF_LISTING {
            return Err(Error::WrongChange);
        }
        self.edit(change.target, change.data(), made, Edits::Made { have_waited: true }).map(drop)
    }

    /// Makes the last reserve, all zero, that of a listing that is due. The caller fills in addresses and bump.
    pub fn list(&mut self, change: &Change, decimals: u8) -> Result<&mut Reserve> {
        change.require_due(self.market, self.now)?;
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

    /// Refuses a listing that is not acceptable.
    fn check_new(&self, listing: &Listing) -> Result<()> {
        listing.config.validate()?;
        parameter::require_nothing_beside(&parameter::RESERVE, bytes_of(&listing.config))?;
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

    /// Closes an empty reserve for good; its index stays its own. What is left in its vault is the protocol's: fees, its own
    /// stake, and what was sent there.
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

impl Market {
    /// Makes the nominee the authority. `made` is told of it, by the name [`AUTHORITY`].
    pub fn accept_authority(&mut self, signer: &Address, made: &mut Made) -> Result<()> {
        let nominee = &mut self.config.roles.nominee;
        if nominee.is_none() || signer != nominee {
            return Err(Error::NotNominee);
        }
        let edit = Edit { offset: AUTHORITY, old: self.authority, new: core::mem::take(nominee) };
        self.authority = edit.new;
        made(self.next_event(), &edit);
        Ok(())
    }
}

impl Reserve {
    /// Whether its debts must be repaid, because it closes.
    #[inline(always)]
    pub fn is_due(&self, now: i64) -> bool {
        self.config.repay_by != 0 && now >= self.config.repay_by as i64
    }
}

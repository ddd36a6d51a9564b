//! Changes of parameters that wait, and tokens that wait to be listed.

use crate::{
    error::{Error, Result},
    record::layout::{Address, record},
    state::{
        market::{Market, Roles},
        reserve::ReserveConfig,
    },
};

/// Stands for the market where a change names a reserve.
pub const OF_MARKET: u8 = 255;
/// Stands for a new reserve where a change names one.
pub const OF_LISTING: u8 = 254;
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
        /// Edits, as of [`crate::record::parameter::edit`], or a [`Listing`].
        pub data: [u8; MAX_CHANGE],
        /// Zero.
        pub reserved: [u8; 32],
    }
}

impl Change {
    /// First eight bytes of a change account: of the SHA-256 of `account:Change`.
    pub const DISCRIMINATOR: [u8; 8] = [93, 222, 240, 145, 239, 181, 231, 51];
    /// For how long it can be executed once it is due. So a change that nobody wants any more cannot be executed much later.
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
    pub(crate) fn require_due(&self, market: &Market, now: i64) -> Result<()> {
        match () {
            () if now < self.earliest => Err(Error::ChangeNotDue),
            () if self.has_expired(market, now) => Err(Error::ChangeExpired),
            () => Ok(()),
        }
    }

    /// Whether nobody may execute it any more. A change queued before the launch, when nothing had to wait, expires with the
    /// launch.
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

    /// Requires that a signer may cancel it: the authority, the guardian, and once it has expired anyone. But the guardian may not
    /// cancel its own replacement, or a stolen guardian's key could never be replaced.
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

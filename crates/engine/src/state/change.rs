//! Changes of parameters that wait, and tokens that wait to be listed.

use crate::{
    error::{Error, Result},
    record::layout::{Address, LAYOUT_VERSION, record},
    state::{
        market::{Market, Roles},
        reserve::ReserveConfig,
    },
};

/// Stands for the market where a change names a reserve.
pub const OF_MARKET: u8 = 255;
/// Stands for a new reserve where a change names one.
pub const OF_LISTING: u8 = 254;
/// Stands for a new pool where a change names a reserve.
pub const OF_POOL: u8 = 252;
/// Stands for a new perp where a change names a reserve.
pub const OF_PERP: u8 = 251;
/// Stands for a vault, whose address is in the place of the market's.
pub const OF_VAULT: u8 = 253;
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
        /// Index of the reserve, perp or pool, or what the constants beside this stand for.
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

/// Who may cancel a change.
pub(crate) struct Offices {
    /// Who queues changes.
    pub(crate) chief: Address,
    /// Who guards against them.
    pub(crate) guard: Address,
    /// Whether the market or vault has been launched.
    pub(crate) launched: u8,
    /// What the guard's role is a parameter of.
    pub(crate) target: u8,
    /// Where it is there.
    pub(crate) guards_role: usize,
    /// What others are refused with.
    pub(crate) refusal: Error,
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

    /// Makes one that is all zero, but for addresses and bump, wait for so many seconds; not at all before the launch. `number` is
    /// how many there were before.
    pub(crate) fn wait(&mut self, launched: u8, number: u64, delay: i64, now: i64) {
        self.version = LAYOUT_VERSION;
        (self.launched, self.number) = (launched, number);
        self.earliest = now.saturating_add(if launched == 0 { 0 } else { delay });
        self.latest = self.earliest.saturating_add(Self::WINDOW);
    }

    /// Takes in its data.
    pub(crate) fn fill(&mut self, target: u8, data: &[u8]) -> Result<()> {
        self.target = target;
        self.data.get_mut(..data.len()).ok_or(Error::ChangeTooLong)?.copy_from_slice(data);
        self.length = data.len() as u16;
        Ok(())
    }

    /// Requires that it may be executed. `launched` is that of its market or vault.
    pub(crate) fn require_due(&self, launched: u8, now: i64) -> Result<()> {
        match () {
            () if now < self.earliest => Err(Error::ChangeNotDue),
            () if self.has_expired(launched, now) => Err(Error::ChangeExpired),
            () => Ok(()),
        }
    }

    /// Whether nobody may execute it any more. A change queued before the launch, when nothing had to wait, expires with the
    /// launch.
    pub fn has_expired(&self, launched: u8, now: i64) -> bool {
        now > self.latest || self.launched != launched
    }

    /// Whether it replaces who holds one role and does nothing else.
    fn replaces_alone(&self, role: usize) -> bool {
        let data = self.data();
        data.len() == 2 + size_of::<Address>() && data[..2] == (role as u16).to_le_bytes()
    }

    /// Requires that a signer may cancel it: whoever queues such changes, whoever guards against them, and once it has expired anyone.
    /// But who guards may not cancel its own replacement, or a stolen key could never be replaced.
    pub(crate) fn require_canceller(&self, signer: &Address, offices: &Offices, now: i64) -> Result<()> {
        if *signer == offices.chief || self.has_expired(offices.launched, now) {
            return Ok(());
        }
        if *signer != offices.guard || signer.is_none() {
            return Err(offices.refusal);
        }
        if self.target == offices.target && self.replaces_alone(offices.guards_role) {
            return Err(Error::GuardianCannotKeepOffice);
        }
        Ok(())
    }

    /// The same for a change of a market: by its authority or its guardian.
    pub fn require_cancellable(&self, market: &Market, signer: &Address, now: i64) -> Result<()> {
        let offices = Offices {
            chief: market.authority,
            guard: market.config.roles.guardian,
            launched: market.config.launched,
            target: OF_MARKET,
            guards_role: core::mem::offset_of!(Roles, guardian),
            refusal: Error::NotAuthorityOrGuardian,
        };
        self.require_canceller(signer, &offices, now)
    }
}

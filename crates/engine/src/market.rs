//! The market: settings that all its reserves share.

use crate::{
    error::{Error, Result},
    exposure::ValueAtRiskConfig,
    layout::{Address, record},
    units::{Bps, ONE_BPS, Usd},
};

/// Most reserves of a market.
pub const MAX_RESERVES: usize = 64;

record! {
    /// What governance sets for a whole market.
    pub struct MarketConfig: 96 {
        /// Maintenance collateral ÷ maintenance debt to which a liquidation returns an account.
        pub target_health: Bps,
        /// Shortfall of maintenance health (in its debt) at which the penalty reaches its maximum.
        pub full_penalty_shortfall: Bps,
        /// Zero.
        pub padding: [u8; 4],
        /// Positions worth less may be closed whole, and no liquidation may leave one. 10^-8 USD.
        pub dust_value: u64,
        /// Smallest debt that a borrow or withdrawal may leave. 10^-8 USD.
        pub min_debt_value: u64,
        /// What concentration in assets that fall together costs new risk.
        pub value_at_risk: ValueAtRiskConfig,
        /// Zero.
        pub reserved: [u8; 8],
    }
}

impl MarketConfig {
    /// Hard ceiling of the dust value and the minimum debt: 1,000 USD.
    pub const MAX_MINIMUM: u64 = 1_000 * Usd::ONE.0 as u64;
    /// Hard floor of the dust value: one cent.
    pub const MIN_DUST: u64 = Usd::ONE.0 as u64 / 100;

    /// Refuses parameters outside their ranges.
    pub fn validate(&self) -> Result<()> {
        if !(ONE_BPS + 50..=ONE_BPS + 5_000).contains(&self.target_health.0) {
            return Err(Error::TargetHealthOutOfRange);
        }
        if !(100..=5_000).contains(&self.full_penalty_shortfall.0) {
            return Err(Error::ShortfallOutOfRange);
        }
        let ordered = Self::MIN_DUST <= self.dust_value
            && self.dust_value <= self.min_debt_value
            && self.min_debt_value <= Self::MAX_MINIMUM;
        if !ordered {
            return Err(Error::DustValueOutOfRange);
        }
        self.value_at_risk.validate()
    }

    /// [`Self::dust_value`] as a quantity.
    pub fn dust(&self) -> Usd {
        Usd(self.dust_value as u128)
    }

    /// [`Self::min_debt_value`] as a quantity.
    pub fn min_debt(&self) -> Usd {
        Usd(self.min_debt_value as u128)
    }
}

record! {
    /// The head of the market account; the reserves follow it.
    pub struct Market: 504 {
        /// Layout version.
        pub version: u8,
        /// Bump of the market's address.
        pub bump: u8,
        /// Bump of the vault authority's address.
        pub vault_authority_bump: u8,
        /// Zero.
        pub padding: [u8; 3],
        /// Which of its creator's markets this is.
        pub id: u16,
        /// Who created it; part of its address.
        pub creator: Address,
        /// Who sets parameters.
        pub authority: Address,
        /// Who may take the protocol's fees.
        pub fee_collector: Address,
        /// Owner of all vaults: an address of the market that signs transfers, so that they never carry the ledger.
        pub vault_authority: Address,
        /// Programs whose price accounts are accepted; unused entries are none.
        pub price_receivers: [Address; 2],
        /// What governance set.
        pub config: MarketConfig,
        /// Events emitted so far. Each carries its number, so that a reader of truncated logs sees the gap.
        pub events: u64,
        /// Zero.
        pub reserved: [u8; 200],
    }
}

/// The layout version that this code reads and writes.
pub const LAYOUT_VERSION: u8 = 1;

impl Market {
    /// First eight bytes of a market account: of the SHA-256 of `account:Market`.
    pub const DISCRIMINATOR: [u8; 8] = [219, 190, 213, 55, 0, 227, 198, 154];

    /// A market without reserves. The caller fills in addresses and bumps.
    pub fn new(
        config: MarketConfig,
        authority: Address,
        fee_collector: Address,
        price_receivers: [Address; 2],
    ) -> Result<Self> {
        config.validate()?;
        if authority.is_none() || fee_collector.is_none() {
            return Err(Error::RoleMissing);
        }
        if price_receivers[0].is_none() {
            return Err(Error::ReceiverMissing);
        }
        Ok(Self { version: LAYOUT_VERSION, config, authority, fee_collector, price_receivers, ..Self::default() })
    }

    /// Whether a program may own the market's price accounts.
    #[inline(always)]
    pub fn accepts_receiver(&self, program: &Address) -> bool {
        // The absent entry is the system program's address, which owns accounts that anyone can fund.
        !program.is_none() && (self.price_receivers[0] == *program || self.price_receivers[1] == *program)
    }

    /// The number of the next event.
    #[inline(always)]
    pub fn next_event(&mut self) -> u64 {
        // One a nanosecond would take five centuries to wrap.
        self.events = self.events.wrapping_add(1);
        self.events
    }
}

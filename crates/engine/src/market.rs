//! The market: settings that all its reserves share.

use crate::{
    breaker::whole_dollars,
    error::{Error, Result},
    exposure::ValueAtRiskConfig,
    flow::{Outflow, OutflowLimits, Throughput},
    layout::{Address, record},
    pause::Pause,
    units::{Bps, ONE_BPS, Usd},
};

/// Most reserves of a market.
pub const MAX_RESERVES: usize = 64;

record! {
    /// What governance sets for a whole market.
    pub struct MarketConfig: 112 {
        /// Maintenance collateral ÷ maintenance debt to which a liquidation returns an account.
        pub target_health: Bps,
        /// Shortfall of maintenance health (in its debt) at which the penalty reaches its maximum.
        pub full_penalty_shortfall: Bps,
        /// Equity, in its debt, below which an account is near insolvency and no limit delays its liquidation.
        pub near_insolvency: Bps,
        /// Zero.
        pub padding: [u8; 2],
        /// Positions worth less may be closed whole, and no liquidation may leave one. 10^-8 USD.
        pub dust_value: u64,
        /// Smallest debt that a borrow or withdrawal may leave. 10^-8 USD.
        pub min_debt_value: u64,
        /// What concentration in assets that fall together costs new risk.
        pub value_at_risk: ValueAtRiskConfig,
        /// Seconds after which the penalty of an account known to be liquidatable reaches its maximum; zero: time adds nothing.
        pub full_penalty_after: u32,
        /// Most collateral that liquidations take in an hour, whole USD; zero: unlimited.
        pub liquidation_hour: u32,
        /// Most net outflow in an hour, whole USD; zero: unlimited.
        pub outflow_hour: u32,
        /// Most net outflow in a day, whole USD; zero: unlimited.
        pub outflow_day: u32,
        /// Losses of insurances and depositors in a day above which the market is reduce-only, whole USD.
        pub loss_limit: u32,
        /// Zero.
        pub reserved: [u8; 4],
    }
}

impl MarketConfig {
    /// Hard ceiling of the dust value and the minimum debt: 1,000 USD.
    pub const MAX_MINIMUM: u64 = 1_000 * Usd::ONE.0 as u64;
    /// Hard ceiling of what counts as near insolvency.
    pub const MAX_NEAR_INSOLVENCY: Bps = Bps(2_000);
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
        if self.near_insolvency > Self::MAX_NEAR_INSOLVENCY {
            return Err(Error::NearInsolvencyOutOfRange);
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

    /// The limits of net outflow, 10^-8 USD.
    #[inline(always)]
    pub fn outflow(&self) -> OutflowLimits {
        OutflowLimits { hour: whole_dollars(self.outflow_hour), day: whole_dollars(self.outflow_day) }
    }

    /// The limit of liquidations, 10^-8 USD.
    #[inline(always)]
    pub fn liquidations(&self) -> u64 {
        whole_dollars(self.liquidation_hour)
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
        /// Who may pause.
        pub guardian: Address,
        /// Owner of all vaults: an address of the market that signs transfers, so that they never carry the ledger.
        pub vault_authority: Address,
        /// Programs whose price accounts are accepted; unused entries are none.
        pub price_receivers: [Address; 2],
        /// What governance set.
        pub config: MarketConfig,
        /// Events emitted so far. Each carries its number, so that a reader of truncated logs sees the gap.
        pub events: u64,
        /// What left all reserves lately, 10^-8 USD.
        pub outflow: Outflow,
        /// Collateral that liquidations took lately.
        pub liquidated: Throughput,
        /// What insurances and depositors lost lately.
        pub losses: Throughput,
        /// What the guardian stopped.
        pub pause: Pause,
        /// 1 since losses passed their limit, until governance lifts it.
        pub reduce_only: u8,
        /// Zero.
        pub padding_2: [u8; 7],
        /// Zero.
        pub reserved: [u8; 64],
    }
}

/// Who may do what in a market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// Sets parameters.
    pub authority: Address,
    /// Takes the protocol's fees.
    pub fee_collector: Address,
    /// Pauses.
    pub guardian: Address,
}

/// The layout version that this code reads and writes.
pub const LAYOUT_VERSION: u8 = 1;

impl Market {
    /// First eight bytes of a market account: of the SHA-256 of `account:Market`.
    pub const DISCRIMINATOR: [u8; 8] = [219, 190, 213, 55, 0, 227, 198, 154];

    /// A market without reserves. The caller fills in addresses and bumps.
    pub fn new(config: MarketConfig, roles: Roles, price_receivers: [Address; 2]) -> Result<Self> {
        config.validate()?;
        let Roles { authority, fee_collector, guardian } = roles;
        if authority.is_none() || fee_collector.is_none() || guardian.is_none() {
            return Err(Error::RoleMissing);
        }
        if price_receivers[0].is_none() {
            return Err(Error::ReceiverMissing);
        }
        Ok(Self {
            version: LAYOUT_VERSION,
            config,
            authority,
            fee_collector,
            guardian,
            price_receivers,
            ..Self::default()
        })
    }

    /// Whether a program may own the market's price accounts.
    #[inline(always)]
    pub fn accepts_receiver(&self, program: &Address) -> bool {
        // The absent entry is the system program's address, which owns accounts that anyone can fund.
        !program.is_none() && (self.price_receivers[0] == *program || self.price_receivers[1] == *program)
    }

    /// Lifts a pause, and, for governance, the restriction to reducing after a loss; the losses so far count no more.
    pub fn resume(&mut self, is_governance: bool, now: i64) -> Result<()> {
        let is_paused = self.pause.actions != 0 && now < self.pause.until;
        let is_reduced = is_governance && self.reduce_only != 0;
        if !is_paused && !is_reduced {
            return Err(Error::NothingToLift);
        }
        self.pause.end();
        if is_reduced {
            (self.reduce_only, self.losses.level) = (0, 0);
        }
        Ok(())
    }

    /// The number of the next event.
    #[inline(always)]
    pub fn next_event(&mut self) -> u64 {
        // One a nanosecond would take five centuries to wrap.
        self.events = self.events.wrapping_add(1);
        self.events
    }
}

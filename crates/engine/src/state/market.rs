//! The market: settings that all its reserves share.

use crate::{
    error::{Error, Result},
    number::{
        math::saturating_sub,
        units::{Bps, Shares, Usd, UsdE8},
    },
    record::{
        layout::{Address, LAYOUT_VERSION, record},
        parameter::{self, Edit, Governed, Made, Parameter, governed},
        quota::Quota,
    },
    state::{
        exposure::ValueAtRiskConfig,
        pause::Pause,
        permission::{Action, State},
        rate_limit::{CappedAtoms, Outflow, OutflowLimits, Period, RateLimit},
        reserve::Reserve,
    },
};

/// Most reserves of a market.
pub const MAX_RESERVES: usize = 64;

/// Stands for the authority where an event names a parameter.
pub const AUTHORITY: u16 = u16::MAX;

/// Stands for "no deposit" where tokens leave as a loan.
pub(crate) const NO_DEPOSIT: Shares = Shares(u64::MAX);

governed! {
    /// Who may do what, beside the authority. Each is any key, including one that a program signs for.
    pub struct Roles: 192 {
        /// Who may become the authority, by accepting.
        pub nominee: Address [Account, 0..=0, AnyoneNew, RoleMissing],
        /// Who may take the protocol's fees.
        pub fee_collector: Address [Account, 1..=1, Any, RoleMissing],
        /// Who may pause, and cancel changes.
        pub guardian: Address [Account, 1..=1, Any, RoleMissing],
        /// Who may take risk away within bounds; none: nobody.
        pub risk_council: Address [Account, 0..=0, AnyoneNew, RoleMissing],
        /// The program whose price accounts are accepted.
        pub price_receiver: Address [Account, 1..=1, Any, ReceiverMissing],
        /// Another; none: only the first.
        pub second_price_receiver: Address [Account, 0..=0, Any, ReceiverMissing],
    }
}

governed! {
    /// What governance sets for a whole market.
    pub struct MarketConfig: 312 {
        /// Who may do what.
        pub roles: Roles [part],
        /// Ratio of maintenance collateral to maintenance debt to which a liquidation returns an account.
        pub target_health: Bps [Bps, 10_050..=15_000, Any, TargetHealthOutOfRange],
        /// Shortfall of maintenance health (in its debt) at which the penalty reaches its maximum.
        pub full_penalty_shortfall: Bps [Bps, 100..=5_000, Any, ShortfallOutOfRange],
        /// Equity, in its debt, below which an account is near insolvency and no limit delays its liquidation.
        pub near_insolvency: Bps [Bps, 0..=2_000, Any, NearInsolvencyOutOfRange],
        /// 1 once accounts may be opened: from then on what adds risk waits. It stays 1.
        pub launched: u8 [Id, 0..=1, Down, MarketLaunched],
        /// Zero.
        pub padding: u8 [zero],
        /// Positions worth less may be closed whole, and no liquidation may leave one. 10^-8 USD.
        pub dust_value: u64 [DollarsE8, Self::MIN_DUST..=Self::MAX_MINIMUM, Any, DustValueOutOfRange],
        /// Smallest debt that a borrow or withdrawal may leave. 10^-8 USD.
        pub min_debt_value: u64 [DollarsE8, Self::MIN_DUST..=Self::MAX_MINIMUM, Any, DustValueOutOfRange],
        /// What concentration in assets that fall together costs new risk.
        pub value_at_risk: ValueAtRiskConfig [part],
        /// Seconds after which the penalty of an account known to be liquidatable reaches its maximum; zero: time adds nothing.
        pub full_penalty_after: u32 [Seconds, 0..=u32::MAX as u64, Any, ShortfallOutOfRange],
        /// Most collateral that liquidations take in an hour, whole USD; zero: unlimited.
        pub liquidation_hour: u32 [Dollars, 0..=u32::MAX as u64, Any, LiquidationThrottled],
        /// Most net outflow in an hour, whole USD; zero: unlimited.
        pub outflow_hour: u32 [Dollars, 1..=u32::MAX as u64, AnyOrNone, OutflowLimitOutOfRange],
        /// Most net outflow in a day, whole USD; zero: unlimited.
        pub outflow_day: u32 [Dollars, 1..=u32::MAX as u64, AnyOrNone, OutflowLimitOutOfRange],
        /// Losses of insurances and depositors in a day above which the market is reduce-only, whole USD; zero: unlimited.
        pub loss_limit: u32 [Dollars, 1..=u32::MAX as u64, UpOrNone, OutflowLimitOutOfRange],
        /// Seconds that a change which adds risk waits. A change of roles waits twice as long.
        pub delay: u32 [Seconds, 86_400..=2_592_000, Down, DelayOutOfRange],
        /// Seconds by which a price may be published after the chain's clock, which can be behind.
        pub max_clock_lag: u32 [Seconds, 0..=3_600, Any, OracleLimitOutOfRange],
        /// Zero.
        pub reserved: [u8; 4] [zero],
    }
}

/// The parameters of a market, in order.
pub static PARAMETERS: [Parameter; parameter::count(MarketConfig::NODES)] = parameter::table::<MarketConfig, _>();

impl MarketConfig {
    /// Hard ceiling of the dust value and the minimum debt: 1,000 USD.
    const MAX_MINIMUM: u64 = 1_000 * Usd::ONE.0 as u64;
    /// Hard floor of the dust value: one cent.
    const MIN_DUST: u64 = Usd::ONE.0 as u64 / 100;

    /// Refuses parameters outside their ranges, or that do not go together.
    pub fn validate(&self) -> Result<()> {
        parameter::validate(&PARAMETERS, bytemuck::bytes_of(self))?;
        if self.dust_value > self.min_debt_value {
            return Err(Error::DustValueOutOfRange);
        }
        self.value_at_risk.validate()
    }

    /// [`Self::dust_value`] as a quantity.
    pub fn dust(&self) -> Usd {
        Usd(self.dust_value as u128)
    }

    /// [`Self::dust_value`] in 64 bits.
    #[inline(always)]
    pub(crate) fn dust_e8(&self) -> UsdE8 {
        UsdE8(self.dust_value)
    }

    /// [`Self::min_debt_value`] as a quantity.
    pub fn min_debt(&self) -> Usd {
        Usd(self.min_debt_value as u128)
    }

    /// The limits of net outflow, 10^-8 USD.
    #[inline(always)]
    pub fn outflow(&self) -> OutflowLimits {
        OutflowLimits { hour: UsdE8::dollars(self.outflow_hour).0, day: UsdE8::dollars(self.outflow_day).0 }
    }

    /// The limit of liquidations.
    #[inline(always)]
    pub fn liquidations(&self) -> UsdE8 {
        UsdE8::dollars(self.liquidation_hour)
    }
}

record! {
    /// The head of the market account; the reserves follow it.
    pub struct Market: 592 {
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
        /// Owner of the reserves' token accounts: an address of the market that signs transfers, so that they never carry the ledger.
        pub vault_authority: Address,
        /// What governance set.
        pub config: MarketConfig,
        /// Events emitted so far. Each carries its number, so that a reader of truncated logs sees the gap.
        pub events: u64,
        /// Changes queued so far. Each carries its number, which is part of its address.
        pub changes: u64,
        /// When a reserve was listed last since the launch, unix seconds.
        pub listed_at: i64,
        /// What the risk council did to the market's parameters lately.
        pub council: Quota,
        /// What left all reserves lately, 10^-8 USD.
        pub outflow: Outflow,
        /// Collateral that liquidations took lately.
        pub liquidated: RateLimit,
        /// What insurances and depositors lost lately.
        pub losses: RateLimit,
        /// What the guardian stopped.
        pub pause: Pause,
        /// 1 since losses passed their limit, until governance lifts it.
        pub reduce_only: u8,
        /// Zero.
        pub padding_2: [u8; 7],
        /// Zero.
        pub reserved: [u8; 48],
    }
}

impl Market {
    /// First eight bytes of a market account: of the SHA-256 of `account:Market`. Each layout has its own, so that an
    /// instruction finds an account of another one to be of another type.
    pub const DISCRIMINATOR: [u8; 8] = [219, 190, 213, 55, 0, 227, 198, 154];

    /// A market without reserves. The caller fills in addresses and bumps.
    pub fn new(config: MarketConfig, authority: Address) -> Result<Self> {
        config.validate()?;
        parameter::require_nothing_beside(&PARAMETERS, bytemuck::bytes_of(&config))?;
        if authority.is_none() {
            return Err(Error::RoleMissing);
        }
        Ok(Self { version: LAYOUT_VERSION, config, authority, ..Self::default() })
    }

    /// Takes in tokens that come to a reserve.
    #[inline(never)]
    pub(crate) fn flow_in(&mut self, reserve: &mut Reserve, amount: u64, now: i64) {
        let (amount, limits) = (CappedAtoms::new(amount), self.config.outflow());
        if !limits.are_off() {
            let (hour, day) = reserve.balance.pay_in(amount, now);
            if hour | day != 0 {
                self.outflow.take_back(reserve.price.roughly_both(hour, day), now);
            }
        }
        reserve.outflow.pay_in(&reserve.config.breakers.outflow(), amount, now);
    }

    /// Takes in tokens that leave a reserve, of a deposit of so many shares or of [`NO_DEPOSIT`], or refuses it.
    #[inline(never)]
    pub(crate) fn flow_out(&mut self, reserve: &mut Reserve, amount: u64, deposit: Shares, now: i64) -> Result<()> {
        let amount = CappedAtoms::new(amount);
        let has_room = reserve.outflow.pay_out(&reserve.config.breakers.outflow(), amount, now);
        let limits = self.config.outflow();
        if limits.are_off() {
            return if has_room { Ok(()) } else { self.require_small(reserve, deposit) };
        }
        let (hour, day) = reserve.balance.pay_out(amount, now);
        let is_open = self.outflow.add(&limits, reserve.price.roughly_both(hour, day), now);
        if has_room && is_open { Ok(()) } else { self.require_small(reserve, deposit) }
    }

    /// How much of the atoms that are `wanted` could be taken out of a reserve at `now` by the withdrawal of a large deposit: none where
    /// that is refused, else what there is of them in cash, within the outflow limits.
    #[inline(never)]
    pub fn takeable(&self, reserve: &Reserve, now: i64, wanted: u64) -> u64 {
        if self.admit(Action::Withdraw, now).is_err() || reserve.admit(Action::Withdraw, now).is_err() {
            return 0;
        }
        let mut most = reserve.cash.min(wanted);
        let limits = reserve.config.breakers.outflow();
        if !limits.are_off() && !reserve.outflow.has_plenty(&limits, most) {
            most = most.min(Self::room_of(reserve, &limits, now));
        }
        let limits = self.config.outflow();
        if !limits.are_off() && !self.outflow.has_plenty(&limits, reserve.price.at_least_worth(most)) {
            most = most.min(self.room(reserve, &limits, now));
        }
        most
    }

    /// What a reserve's own outflow limits leave it, atoms.
    #[inline(never)]
    fn room_of(reserve: &Reserve, limits: &OutflowLimits, now: i64) -> u64 {
        let mut outflow = reserve.outflow;
        outflow.drain(limits, now);
        let (hour, day) = outflow.room(limits);
        hour.min(day)
    }

    /// What the market's outflow limits leave a reserve, atoms.
    #[inline(never)]
    fn room(&self, reserve: &Reserve, limits: &OutflowLimits, now: i64) -> u64 {
        let (mut outflow, mut balance) = (self.outflow, reserve.balance);
        outflow.fade(now);
        balance.fade(now);
        let (hour, day) = outflow.room(limits);
        // What came in is let out again without counting. Dollars are counted right to 2^-18.
        let atoms = |room: u64, came: i64| {
            let atoms = reserve.price.atoms_floor(Usd(room as u128), reserve.price.spot);
            saturating_sub(atoms, (atoms >> 16) + 1).saturating_add(came.min(0).unsigned_abs())
        };
        atoms(hour, balance.hour).min(atoms(day, balance.day))
    }

    /// Whether the last quarter of the outflow limits is open to a deposit: it is if the whole deposit was small.
    #[cold]
    #[inline(never)]
    fn require_small(&self, reserve: &Reserve, deposit: Shares) -> Result<()> {
        let breakers = &reserve.config.breakers;
        let is_small = deposit != NO_DEPOSIT && reserve.deposit_index.amount_floor(deposit) <= breakers.small_deposit;
        let of_reserve = reserve.outflow.exceeded(&breakers.outflow(), is_small);
        match (of_reserve, self.outflow.exceeded(&self.config.outflow(), is_small)) {
            (None, None) => Ok(()),
            (Some(Period::Hour), _) => Err(Error::HourlyOutflowLimitReached),
            (Some(Period::Day), _) => Err(Error::DailyOutflowLimitReached),
            (None, Some(Period::Hour)) => Err(Error::MarketHourlyOutflowLimitReached),
            (None, Some(Period::Day)) => Err(Error::MarketDailyOutflowLimitReached),
        }
    }

    /// Whether a program may own the market's price accounts.
    #[inline(always)]
    pub fn accepts_receiver(&self, program: &Address) -> bool {
        // A receiver that is not set has the system program's address, which owns accounts that anyone can fund.
        let roles = &self.config.roles;
        roles.price_receiver == *program || roles.second_price_receiver == *program && !program.is_none()
    }

    /// Lifts a pause. For governance it also ends the reduce-only state after losses, and the losses so far no longer count.
    pub fn resume(&mut self, is_governance: bool, now: i64) -> Result<()> {
        let is_paused = self.pause.actions != 0 && now < self.pause.until;
        let is_reduced = is_governance && self.reduce_only != 0;
        if !is_paused && !is_reduced {
            return Err(Error::NothingToLift);
        }
        self.pause.end(now);
        if is_reduced {
            (self.reduce_only, self.losses.used) = (0, UsdE8::ZERO);
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

    /// Makes the nominee the authority. `made` is told of it as an edit of [`AUTHORITY`].
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

    /// Refuses an action that the market's state or the guardian stops.
    #[inline(always)]
    pub fn admit(&self, action: Action, now: i64) -> Result<()> {
        State::MarketReduceOnly.check(action, || self.reduce_only != 0)?;
        if action.pause_bit() != 0 && self.pause.stops(action.pause_bit(), now) {
            return Err(Error::Paused);
        }
        Ok(())
    }
}

//! A reserve: the lending pool of one mint, and its books.
//!
//! Debts and deposits are shares × index, exactly, to the 2^-64 of an atom. What is there above the deposits, `cash +
//! debts − deposits`, belongs to the protocol: the reserve factor's share of interest and what every conversion leaves
//! over. It is not stored, so nothing can be lost or made, and it is never negative (invariant 1).

mod books;
mod fees;
mod pricing;

use crate::{
    error::{Error, Result},
    number::{
        index::Index,
        units::{Bps, Fraction, MAX_LIQUIDITY, ONE_BPS, Rate, Shares, Usd},
    },
    price::{breaker::Halt, cache::PriceCache, feed::OracleConfig},
    record::{
        layout::{Address, record},
        parameter::{self, Governed, Parameter, governed},
        quota::Quota,
    },
    state::{
        breakers::BreakerConfig,
        insurance::{Insurance, InsuranceConfig},
        interest::{Controller, ControllerConfig, RateCurve},
        permission::{Action, State},
        rate_limit::{Balance, Outflow, RateLimit},
        weights::{RiskConfig, RiskState, highest},
    },
};

governed! {
    /// What governance sets for a reserve.
    pub struct ReserveConfig: 384 {
        /// Most atoms of deposits.
        pub deposit_cap: u64 [Atoms, 0..=MAX_LIQUIDITY, Up, CapOutOfRange],
        /// Most atoms of debts.
        pub borrow_cap: u64 [Atoms, 0..=MAX_LIQUIDITY, Up, CapOutOfRange],
        /// Fewest atoms that open a deposit position, so that strangers cannot fill an account's slots for free.
        pub min_deposit: u64 [Atoms, 1..=MAX_LIQUIDITY, Any, MinimumDepositIsZero],
        /// Where the price comes from.
        pub oracle: OracleConfig [part],
        /// What deposits and debts count for.
        pub risk: RiskConfig [part],
        /// What borrowers pay.
        pub curve: RateCurve [part],
        /// How that moves with the market.
        pub controller: ControllerConfig [part],
        /// When it is restricted by itself.
        pub breakers: BreakerConfig [part],
        /// Who bears its losses first.
        pub insurance: InsuranceConfig [part],
        /// Liquidation penalty on this collateral just below the maintenance line.
        pub min_penalty: Bps [Bps, 0..=2_500, Any, PenaltyOutOfRange],
        /// Liquidation penalty on this collateral at the market's full shortfall.
        pub max_penalty: Bps [Bps, 0..=2_500, Any, PenaltyOutOfRange],
        /// Share of interest kept as protocol fees.
        pub reserve_factor: Bps [Bps, 0..=5_000, Any, ReserveFactorOutOfRange],
        /// 1 if the reserve can be borrowed from.
        pub borrow_enabled: u8 [Switch, 0..=1, Up, SwitchOutOfRange],
        /// 1 if nothing new may be deposited or borrowed.
        pub reduce_only: u8 [Switch, 0..=1, Down, SwitchOutOfRange],
        /// 1 if flash loans are given.
        pub flash_enabled: u8 [Switch, 0..=1, Up, SwitchOutOfRange],
        /// Zero.
        pub padding: u8 [zero],
        /// Fee of a flash loan.
        pub flash_fee: Bps [Bps, 0..=500, Any, SwitchOutOfRange],
        /// When the reserve becomes reduce-only, and anyone may have its debts repaid for collateral; zero: never. So a reserve may
        /// close, or be a book of loans for a term.
        pub repay_by: u32 [Time, 0..=u32::MAX as u64, Any, TermOutOfRange],
    }
}

/// The parameters of a reserve, in order.
pub static PARAMETERS: [Parameter; parameter::count(ReserveConfig::NODES)] = parameter::table::<ReserveConfig, _>();

impl ReserveConfig {
    /// Most seconds for which a price may be used in a risk group, whose weights leave room for little.
    const MAX_GROUP_AGE: u32 = 60;

    /// Refuses parameters outside their ranges, or that do not go together.
    pub fn validate(&self) -> Result<()> {
        parameter::validate(&PARAMETERS, bytemuck::bytes_of(self))?;
        self.oracle.validate()?;
        self.risk.validate()?;
        self.curve.validate()?;
        self.controller.validate()?;
        self.breakers.validate()?;
        if self.risk.group_id != 0 && self.oracle.max_age > Self::MAX_GROUP_AGE {
            return Err(Error::GroupPriceTooOld);
        }
        let collateral_weight = self.risk.highest_asset_weight();
        if self.borrow_enabled == 0 && collateral_weight.0 == 0 && self.reduce_only == 0 {
            return Err(Error::ReserveHasNoUse);
        }
        if self.min_penalty > self.max_penalty {
            return Err(Error::PenaltyOutOfRange);
        }
        self.require_improvement(collateral_weight)
    }

    /// Seizing (1 + penalty) of collateral for one of debt improves health only while weight × (1 + penalty) < 1.
    fn require_improvement(&self, weight: Bps) -> Result<()> {
        let seized = weight.0 as u32 * (ONE_BPS + self.max_penalty.0) as u32;
        if seized < ONE_BPS as u32 * ONE_BPS as u32 { Ok(()) } else { Err(Error::PenaltyOutOfRange) }
    }
}

/// What a record of a market is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A reserve.
    Reserve = 0,
    /// A perp.
    Perp = 1,
    /// A pool behind perps.
    Pool = 2,
}

record! {
    /// A reserve's record in the market account.
    pub struct Reserve: 1024 {
        /// The token.
        pub mint: Address,
        /// Token account that holds the cash.
        pub vault: Address,
        /// SPL Token or Token-2022.
        pub token_program: Address,
        /// The mint's decimals.
        pub decimals: u8,
        /// Bump of that token account's address.
        pub vault_bump: u8,
        /// How the token moves, [`crate::state::token::Transfers`]: 0 plain, 1 checked (Token-2022), 2 checked and with a transfer fee.
        pub transfers: u8,
        /// 1 once it is closed: it has no token account and holds its index only.
        pub closed: u8,
        /// 0: a reserve; see [`Kind`].
        pub kind: u8,
        /// Zero.
        pub padding: [u8; 3],
        /// What governance set.
        pub config: ReserveConfig,
        /// Unlent atoms.
        pub cash: u64,
        /// Shares of all deposits.
        pub deposit_shares: Shares,
        /// Shares of all debts.
        pub debt_shares: Shares,
        /// Atoms per deposit share.
        pub deposit_index: Index,
        /// Atoms per debt share.
        pub debt_index: Index,
        /// Until when interest is in the indices.
        pub last_accrual: i64,
        /// What borrowers pay since then.
        pub borrow_rate: Rate,
        /// Growth of the deposit index ÷ growth of the debt index since then.
        pub deposit_growth: Fraction,
        /// The last usable price.
        pub price: PriceCache,
        /// What the risk parameters come to.
        pub risk: RiskState,
        /// Where the controller has moved the curve to.
        pub controller: Controller,
        /// Debt shares whose loss is reported and not yet settled: the sum over all accounts of their parts of their debts here.
        pub doubtful: Shares,
        /// What left it lately, atoms.
        pub outflow: Outflow,
        /// Collateral of it that liquidations took lately.
        pub liquidated: RateLimit,
        /// Its price breaker.
        pub halt: Halt,
        /// What bears its losses first.
        pub insurance: Insurance,
        /// Fees set aside for the protocol, atoms; beside the cash.
        pub claimable: u64,
        /// A flash loan, due in this transaction, atoms.
        pub flash_loan: u64,
        /// Its fee, atoms.
        pub flash_fee: u64,
        /// Atoms withdrawn less those deposited since `last_accrual`: at the end of the transaction either may be undone.
        pub leaving: i64,
        /// The cash at `last_accrual`, likewise.
        pub standing_cash: u64,
        /// What left it on balance, for the market's outflow.
        pub balance: Balance,
        /// When fees were last set aside at anyone's call, unix seconds.
        pub fees_set_aside: u32,
        /// Until when the first price of a new feed is taken over only if it is near the last of the old one, unix seconds; zero:
        /// there is no new feed.
        pub feed_trial_until: u32,
        /// What the risk council did to its parameters lately.
        pub council: Quota,
        /// Initial asset weights as they were last waited for, in the order of [`crate::state::weights::Terms`].
        pub waited_weights: [Bps; 3],
        /// Zero.
        pub reserved: [u8; 2],
    }
}

impl Reserve {
    /// Whether the record is of a kind.
    #[inline(always)]
    pub const fn is(&self, kind: Kind) -> bool {
        self.kind == kind as u8
    }

    /// Whether it is a reserve, and no perp or pool.
    #[inline(always)]
    pub const fn is_reserve(&self) -> bool {
        self.is(Kind::Reserve)
    }

    /// A reserve without deposits. `now` is unix seconds.
    pub fn new(config: &ReserveConfig, decimals: u8, now: i64) -> Result<Self> {
        let mut reserve = Self::default();
        reserve.open(config, decimals, now)?;
        Ok(reserve)
    }

    /// Makes a record that is all zero one.
    pub(crate) fn open(&mut self, config: &ReserveConfig, decimals: u8, now: i64) -> Result<()> {
        if decimals > 18 {
            return Err(Error::MintDecimalsAboveCeiling);
        }
        config.validate()?;
        (self.config, self.decimals, self.last_accrual) = (*config, decimals, now);
        self.risk = RiskState::new(&config.risk, config.oracle.confidence_multiple, config.deposit_cap, now);
        self.waited_weights = config.risk.initial_asset_weights();
        self.controller = Controller::new(&config.controller);
        (self.deposit_index, self.debt_index) = (Index::ONE, Index::ONE);
        self.update_rates();
        Ok(())
    }

    /// Seconds before which a term must be known.
    pub const NOTICE: i64 = 604_800;

    /// Replaces the configuration from `now` on; interest and fees until then follow the old one, and maintenance the ramp. `delay`
    /// is what changes of the market wait, seconds, and `has_waited` whether this one did.
    pub fn set_config(&mut self, config: &ReserveConfig, now: i64, delay: u32, has_waited: bool) -> Result<()> {
        if self.closed != 0 {
            return Err(Error::ReserveClosed);
        }
        config.validate()?;
        let is_new_term = config.repay_by != 0 && config.repay_by != self.config.repay_by;
        if is_new_term && (config.repay_by as i64) < now.saturating_add(Self::NOTICE) {
            return Err(Error::TermOutOfRange);
        }
        let is_empty = self.deposit_shares == Shares::ZERO && self.debt_shares == Shares::ZERO;
        if config.risk.group_id != self.config.risk.group_id && !is_empty {
            return Err(Error::GroupInUse);
        }
        if self.config.risk.isolated.is_offered() && !config.risk.isolated.is_offered() {
            return Err(Error::IsolatedWeightsWithdrawn);
        }
        self.accrue(now);
        // By the shares that were in force while they were earned.
        self.set_some_fees_aside();
        self.ramp(now);
        // A higher penalty waits until the weights in force leave room for it.
        config.require_improvement(self.risk.highest_asset_weight())?;
        let (old, new) = (&self.config.oracle, &config.oracle);
        if (new.feed_id, new.base_feed_id) != (old.feed_id, old.base_feed_id) {
            // The old readings stay, too old from now on: they back no new risk, liquidation reads them in the borrower's
            // favour, and any price of the new feed is newer.
            self.price.await_another_feed(now);
            self.risk.volatility.restart();
            if !is_empty {
                self.feed_trial_until = now.saturating_add(2 * delay as i64).clamp(0, u32::MAX as i64) as u32;
            }
        }
        self.price.change_age(old, new);
        if has_waited {
            self.remember(config);
        }
        let worth = self.price.value_ceil(self.deposits(), self.price.spot, Bps(ONE_BPS)).0.div_ceil(Usd::ONE.0);
        self.risk.adopt(&config.risk, &self.config.risk, worth.min(u32::MAX as u128) as u32, now);
        self.config = *config;
        self.judge_price();
        self.follow_volatility();
        self.reassess(true, now);
        self.controller.clamp(&config.controller);
        self.update_rates();
        Ok(())
    }

    /// Remembers what a change that waited says of the deposit cap and the initial weights. What divides a cap or makes a haircut
    /// must be of these: lowered at once, a deposit cap would let the borrowing cap allow a higher weight, and the highest weight the
    /// haircut leave the others more. It is not enough that some change waits in between.
    fn remember(&mut self, config: &ReserveConfig) {
        if config.deposit_cap != self.config.deposit_cap {
            self.risk.ceiling_cap = config.deposit_cap;
        }
        let changes = self.config.risk.initial_asset_weights().into_iter().zip(config.risk.initial_asset_weights());
        for (waited, (old, new)) in self.waited_weights.iter_mut().zip(changes) {
            if new != old {
                *waited = new;
            }
        }
        self.risk.haircut_weight = highest(self.waited_weights);
    }

    /// Refuses what the reserve's state refuses.
    #[inline(always)]
    pub fn admit(&self, action: Action, now: i64) -> Result<()> {
        State::FlashLoanOpen.check(action, || self.flash_loan != 0)?;
        State::ReserveReduceOnly.check(action, || self.config.reduce_only != 0 || self.is_due(now))?;
        State::ReserveWipedOut.check(action, || self.is_wiped_out())?;
        State::ReserveHalted.check(action, || self.halt.is_frozen(now))
    }

    /// Whether its debts must be repaid, because its term is over.
    #[inline(always)]
    pub fn is_due(&self, now: i64) -> bool {
        self.config.repay_by != 0 && now >= self.config.repay_by as i64
    }
}

//! A reserve: the lending pool of one mint, and its books.
//!
//! Debts and deposits are shares × index, exactly, to the 2^-64 of an atom. What is there above the deposits, `cash +
//! debts − deposits`, belongs to the protocol: the reserve factor's share of interest and what every conversion leaves
//! over. It is not stored, so nothing can be lost or made, and it is never negative (invariant 1).

use crate::{
    breaker::{BreakerConfig, Change, Halt},
    error::{Error, Result},
    flow::{Balance, Outflow, RateLimit},
    governance::Quota,
    index::{ExactAtoms, Index, exact, growth},
    insurance::{Insurance, InsuranceConfig},
    interest::{Controller, ControllerConfig, RateCurve, Utilisation},
    layout::{Address, record},
    math::{add, excess_over_32_bits, less, mul, mul_shift32_floor, ratio32, sub},
    parameter::{self, governed},
    price::{OracleConfig, Quote},
    reading::PriceCache,
    rules::Condition,
    units::{Bps, Fraction, ONE_BPS, Rate, Shares, Usd},
    weights::{Deposits, RiskConfig, RiskState, Turn, highest},
};

/// The most atoms a reserve accounts for: lent and unlent together.
pub const MAX_LIQUIDITY: u64 = 1 << 63;
/// Interest stops on debts above this, and on liquidity above [`MAX_LIQUIDITY`], so that one accrual, which doubles the
/// debts at most, leaves all totals below 2^64 atoms (invariant 2).
const MAX_GROWING_DEBT: u64 = MAX_LIQUIDITY / 2;

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
        /// When anyone may have the debts of a reduce-only reserve repaid for collateral, to close it; zero: never.
        pub repay_by: u32 [Time, 0..=u32::MAX as u64, Any, TermOutOfRange],
    }
}

impl ReserveConfig {
    /// Most seconds for which a price may be used in a risk group, whose weights leave room for little.
    const MAX_GROUP_AGE: u32 = 60;

    /// Refuses parameters outside their ranges, or that do not go together.
    pub fn validate(&self) -> Result<()> {
        parameter::validate(&parameter::RESERVE, bytemuck::bytes_of(self))?;
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
        self.require_improvement(collateral_weight)?;
        if self.repay_by != 0 && self.reduce_only == 0 {
            return Err(Error::TermOutOfRange);
        }
        Ok(())
    }

    /// Seizing (1 + penalty) of collateral for one of debt improves health only while weight × (1 + penalty) < 1.
    fn require_improvement(&self, weight: Bps) -> Result<()> {
        let seized = weight.0 as u32 * (ONE_BPS + self.max_penalty.0) as u32;
        if seized < ONE_BPS as u32 * ONE_BPS as u32 { Ok(()) } else { Err(Error::PenaltyOutOfRange) }
    }
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
        /// Bump of the vault's address.
        pub vault_bump: u8,
        /// How the token moves, [`crate::state::token::Transfers`]: 0 plain, 1 checked (Token-2022), 2 checked and with a transfer fee.
        pub transfers: u8,
        /// 1 once it is closed: it has no vault and holds its index only.
        pub closed: u8,
        /// Zero.
        pub padding: [u8; 4],
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
        self.price.judge(&self.config.oracle, &self.halt);
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

    /// Takes over a price; one that the reserve has already changes nothing. Returns what became of the price breaker.
    #[inline(never)]
    pub fn refresh(&mut self, quote: &Quote, now: i64) -> Result<Option<BreakerEvent>> {
        if self.feed_trial_until != 0 {
            self.require_near(quote, now)?;
        }
        let (oracle, risk) = (&self.config.oracle, &mut self.risk);
        let (last, exponent) = (self.price.publish_time, self.price.exponent);
        if !self.price.update(quote, oracle, risk.confidence_multiple, self.decimals, now)? {
            return Ok(None);
        }
        self.feed_trial_until = 0;
        if quote.exponent != exponent {
            risk.volatility.rescale(exponent - quote.exponent);
        }
        let (price, published) = (quote.price, self.price.publish_time);
        let turn = risk.take_turn(&self.config.risk, oracle.confidence_multiple, (price, published), last, now);
        let change = self.watch(now);
        if turn == Turn::Sample {
            self.follow_volatility();
        }
        let has_ramped = turn == Turn::Ramp;
        if has_ramped || self.config.risk.follows_the_market() {
            self.reassess(has_ramped, now);
        }
        Ok(change)
    }

    /// How far the first price of a new feed may be from the last of the old one. Nobody sets it: what new risk allows can be
    /// lowered at once, and would keep any price out.
    pub const MOST_APART: Bps = Bps(500);

    /// Refuses the first price of a new feed while it is far from the last of the old one, until somebody has had the time to
    /// queue another: one of the two is wrong, and the accounts that hold the token must not be liquidated by it.
    #[cold]
    #[inline(never)]
    fn require_near(&self, quote: &Quote, now: i64) -> Result<()> {
        let is_near = self.price.distance_of(quote) <= Self::MOST_APART;
        if !is_near && now < self.feed_trial_until as i64 && self.price.publish_time != 0 {
            return Err(Error::NewFeedFarFromOld);
        }
        Ok(())
    }

    /// Moves maintenance without a price.
    #[inline(never)]
    pub fn ramp(&mut self, now: i64) {
        let has_ramped = self.risk.step(&self.config.risk, self.config.oracle.confidence_multiple, now);
        if has_ramped || self.risk.is_held_back() {
            self.reassess(has_ramped, now);
        }
    }

    /// Has the price breaker look at the price, as long as that is recent, and judges the price by it.
    #[inline(always)]
    pub fn watch(&mut self, now: i64) -> Option<BreakerEvent> {
        let breakers = &self.config.breakers;
        let is_watched = breakers.tiers[0].0 != 0 && now <= self.price.fresh_until;
        let change =
            if is_watched { self.halt.watch(breakers, self.price.distance(), now) } else { self.halt.lift(now) };
        self.price.judge(&self.config.oracle, &self.halt);
        change
    }

    /// Brings what volatility costs up to its estimate.
    #[inline(always)]
    fn follow_volatility(&mut self) {
        let excess = self.config.risk.excess_volatility(self.risk.volatility.annual);
        self.risk.volatility_haircut = self.config.risk.volatility_haircut(excess);
        self.controller.set_premium(&self.config.controller, excess);
    }

    /// Brings depths and haircuts up to the price at hand, and to maintenance if that has ramped.
    #[inline(never)]
    fn reassess(&mut self, has_ramped: bool, now: i64) {
        let deposits = self.deposits_roughly();
        // A refresh does not accrue.
        let leaving = if now == self.last_accrual { self.leaving } else { 0 };
        let deposits = Deposits { at_present: deposits, standing: Some(standing(deposits, leaving)) };
        let price = &self.price;
        let reciprocal = price.reciprocal();
        self.risk.reprice(&self.config.risk, deposits, has_ramped, now, |usd| price.atoms_of(usd, reciprocal));
    }

    /// Growth of debts since the last accrual.
    #[inline(always)]
    fn debt_growth(&self, now: i64) -> Fraction {
        if now <= self.last_accrual || self.borrow_rate.0 == 0 {
            return Fraction(0);
        }
        growth(self.borrow_rate, now.abs_diff(self.last_accrual))
    }

    /// Growth of deposits for a growth of debts.
    #[inline(always)]
    fn deposit_growth(&self, debt_growth: Fraction) -> Fraction {
        // It has 32 fractional bits, or all: see [`Self::set_rates`].
        Fraction(mul_shift32_floor(debt_growth.0, self.deposit_growth.0 >> 32))
    }

    /// The debt index as [`Self::accrue`] at `now` would write it.
    #[inline(always)]
    pub fn debt_index_at(&self, now: i64) -> Index {
        match self.debt_growth(now) {
            Fraction(0) => self.debt_index,
            growth => self.debt_index.grown_ceil(growth),
        }
    }

    /// The deposit index as [`Self::accrue`] at `now` would write it.
    #[inline(always)]
    pub fn deposit_index_at(&self, now: i64) -> Index {
        match self.debt_growth(now) {
            Fraction(0) => self.deposit_index,
            growth => self.deposit_index.grown_floor(self.deposit_growth(growth)),
        }
    }

    /// Writes interest until `now` into the indices. A clock that steps back accrues nothing.
    pub fn accrue(&mut self, now: i64) {
        let growth = self.debt_growth(now);
        if growth.0 != 0 {
            // Depositors get no more than borrowers pay: `deposit_growth` is rounded down from debts ÷ deposits.
            self.deposit_index = self.deposit_index.grown_floor(self.deposit_growth(growth));
            self.debt_index = self.debt_index.grown_ceil(growth);
        }
        if now > self.last_accrual {
            self.controller.step(&self.config.controller, now.abs_diff(self.last_accrual));
            (self.last_accrual, self.standing_cash) = (now, self.cash);
            self.leaving = 0;
        }
    }

    /// What the price is good for at `now` beside others of a `moment`. One of a feed that is older, or newer, by more than the limit
    /// is of another moment.
    #[inline(always)]
    pub fn condition(&self, now: i64, moment: i64) -> Condition {
        let condition = self.price.condition(now);
        let most = self.config.oracle.max_skew as i64;
        // None is before the epoch.
        if moment.wrapping_sub(self.price.publish_time) > most || self.price.newest_time().wrapping_sub(moment) > most {
            return self.skewed(condition);
        }
        condition
    }

    #[cold]
    #[inline(never)]
    fn skewed(&self, condition: Condition) -> Condition {
        if condition.is_current() { Condition::Skewed } else { condition }
    }

    /// Sets the rates that hold until the books change again.
    pub fn update_rates(&mut self) {
        self.set_rates(self.debt_index.amount_roughly(self.debt_shares), self.deposits_roughly());
    }

    /// What depositors own, rounded up: right to some atoms and 2^-32 of itself.
    #[inline(always)]
    fn deposits_roughly(&self) -> u64 {
        self.deposit_index.amount_roughly(self.deposit_shares).0
    }

    /// [`Self::update_rates`] for debts, rounded up and down, and deposits, rounded up, that are known already.
    fn set_rates(&mut self, (debt, lent): (u64, u64), deposits: u64) {
        let liquidity = add(self.cash, debt);
        // One cut for both quotients: deposits are the liquidity less fees.
        let shift = excess_over_32_bits(liquidity);
        let at_the_edge =
            debt > MAX_GROWING_DEBT || liquidity > MAX_LIQUIDITY || self.debt_index.may_pass_its_maximum();
        let utilisation = Utilisation::cut(debt, liquidity, shift);
        self.controller.utilisation = utilisation.to_bits();
        self.borrow_rate =
            if at_the_edge { Rate(0) } else { self.controller.rate(self.config.curve.rate(utilisation)) };
        // Debts rounded down, deposits up: depositors never earn more than borrowers pay. Their share falls short by less
        // than 2^-29 of one, unless fees are most of the liquidity; what they do not get goes to fees like every remainder.
        let lent = if lent < deposits { ratio32(lent, deposits, shift) } else { (deposits != 0) as u64 * (1 << 32) };
        let kept = mul_proved(lent, sub_proved(ONE_BPS as u64, self.config.reserve_factor.0 as u64)) / ONE_BPS as u64;
        self.deposit_growth = Fraction(if kept >> 32 == 0 { kept << 32 } else { u64::MAX });
    }

    /// What depositors own, rounded up to atoms.
    pub fn deposits(&self) -> u64 {
        self.deposit_index.amount_ceil(self.deposit_shares)
    }

    /// What borrowers owe, rounded up to atoms.
    pub fn debts(&self) -> u64 {
        self.debt_index.amount_ceil(self.debt_shares)
    }

    /// Borrowed share of the liquidity.
    pub fn utilisation(&self) -> Utilisation {
        Utilisation::new(self.cash, self.debts())
    }

    /// Whether a loss consumed all deposits.
    pub fn is_wiped_out(&self) -> bool {
        self.deposit_index.is_zero()
    }

    /// Takes in `amount` and returns the shares it buys, rounded down.
    pub fn deposit(&mut self, amount: u64) -> Result<Shares> {
        self.deposit_up_to(self.config.deposit_cap, amount)
    }

    /// The same, with another cap.
    #[inline(always)]
    pub(crate) fn deposit_up_to(&mut self, most: u64, amount: u64) -> Result<Shares> {
        let shares = self.deposit_index.shares_floor(amount).ok_or(Error::AmountTooLarge)?;
        if shares == Shares::ZERO {
            return Err(Error::AmountTooSmall);
        }
        let cash = self.cash.checked_add(amount).ok_or(Error::AmountTooLarge)?;
        let debts = self.debt_index.amount_bounds(self.debt_shares);
        if cash > MAX_LIQUIDITY.saturating_sub(debts.0) {
            return Err(Error::AmountTooLarge);
        }
        let deposit_shares = Shares(self.deposit_shares.0.checked_add(shares.0).ok_or(Error::AmountTooLarge)?);
        let deposits = self.deposit_index.amount_ceil(deposit_shares);
        if deposits > most {
            return Err(Error::DepositCapExceeded);
        }
        (self.cash, self.deposit_shares) = (cash, deposit_shares);
        // Both are parts of the liquidity, which is 2^63 atoms at most.
        self.leaving = self.leaving.wrapping_sub(amount as i64);
        self.resize(deposits, Some(standing(deposits, self.leaving)));
        self.set_rates(debts, deposits);
        Ok(shares)
    }

    /// Takes in the total of deposits.
    #[inline(always)]
    fn resize(&mut self, at_present: u64, standing: Option<u64>) {
        let Self { config, risk, last_accrual, .. } = self;
        let deposits = Deposits { at_present, standing };
        risk.resize(&config.risk, config.oracle.confidence_multiple, deposits, *last_accrual);
    }

    /// Pays `amount` out for `shares` of deposits that are worth at least that.
    #[inline(always)]
    pub fn withdraw(&mut self, amount: u64, shares: Shares) -> Result<()> {
        self.cash = self.cash.checked_sub(amount).ok_or(Error::InsufficientLiquidity)?;
        let has_come = self.leaving < 0;
        self.leaving = self.leaving.wrapping_add(amount as i64);
        // A part of them.
        self.deposit_shares.0 = sub(self.deposit_shares.0, shares.0);
        let deposits = self.deposits_roughly();
        self.resize(deposits, has_come.then(|| standing(deposits, self.leaving)));
        self.set_rates(self.debt_index.amount_roughly(self.debt_shares), deposits);
        Ok(())
    }

    /// Lends `amount` out and returns the debt shares it costs, rounded up.
    #[inline(always)]
    pub fn borrow(&mut self, amount: u64) -> Result<Shares> {
        if self.config.borrow_enabled == 0 {
            return Err(Error::BorrowingDisabled);
        }
        let cash = self.cash.checked_sub(amount).ok_or(Error::InsufficientLiquidity)?;
        // The debt index is at least one: no more shares than atoms, and both below the liquidity.
        let shares = self.debt_index.shares_ceil(amount).ok_or(Error::AmountTooLarge)?;
        let debt_shares = Shares(add(self.debt_shares.0, shares.0));
        let debts = self.debt_index.amount_bounds(debt_shares);
        if debts.0 > self.config.borrow_cap {
            return Err(Error::BorrowCapExceeded);
        }
        (self.cash, self.debt_shares) = (cash, debt_shares);
        self.set_rates(debts, self.deposits_roughly());
        let most = self.config.breakers.max_utilisation;
        // Tokens lent here for the length of the transaction are no liquidity.
        let came = self.leaving.min(0).unsigned_abs();
        if most.0 != 0 && Utilisation::new(saturating_sub(cash, came), debts.0).exceeds(most) {
            return Err(Error::UtilisationTooHigh);
        }
        Ok(shares)
    }

    /// Takes in `amount` for `shares` of debt that are worth at most that.
    #[inline(always)]
    pub fn repay(&mut self, amount: u64, shares: Shares) {
        // Debts become cash: their sum, and with it each, stays in range.
        self.cash = add(self.cash, amount);
        self.debt_shares.0 -= shares.0;
        self.update_rates();
    }

    /// What the reserve has, `cash + debts`, and what its depositors own, which is never more (invariant 1).
    pub fn books(&self) -> (ExactAtoms, ExactAtoms) {
        let assets = exact(self.cash) + self.debt_index.exact(self.debt_shares);
        (assets, self.deposit_index.exact(self.deposit_shares))
    }

    /// What belongs to the protocol: what is there above the deposits.
    pub fn fees(&self) -> ExactAtoms {
        let (assets, deposits) = self.assets_and_deposits();
        assets.saturating_sub(deposits)
    }
}

/// Deposits with what went since this second began: both were there then, and below 2^63 atoms together, but for interest.
#[inline(always)]
const fn standing(deposits: u64, leaving: i64) -> u64 {
    if leaving > 0 { add_proved(deposits, leaving as u64) } else { deposits }
}

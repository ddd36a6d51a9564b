//! A reserve: the lending pool of one mint, and its books.
//!
//! Debts and deposits are shares × index, exactly, to the 2^-64 of an atom. What is there above the deposits, `cash +
//! debts − deposits`, belongs to the protocol: the reserve factor's share of interest and what every conversion leaves
//! over. It is not stored, so nothing can be lost or made, and it is never negative (invariant 1).

use crate::{
    breaker::{BreakerConfig, Change, Halt},
    error::{Error, Result},
    flow::{Outflow, Throughput},
    governance::Quota,
    index::{ExactAtoms, Index, exact, growth},
    insurance::{Insurance, InsuranceConfig},
    interest::{Controller, ControllerConfig, RateCurve, Utilisation},
    layout::{Address, record},
    math::{add, excess_over_32_bits, less, mul, mul_shift32_floor, ratio32, seconds_since},
    parameter::{self, governed},
    price::{OracleConfig, Quote},
    reading::{PriceCache, Reading, roughly},
    units::{Bps, Fraction, ONE_BPS, Rate, Shares, Usd},
    weights::{RiskConfig, RiskState, Turn},
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
    /// Refuses parameters outside their ranges, or that do not go together.
    pub fn validate(&self) -> Result<()> {
        parameter::validate(&parameter::RESERVE, bytemuck::bytes_of(self))?;
        self.oracle.validate()?;
        self.risk.validate()?;
        self.curve.validate()?;
        self.controller.validate()?;
        self.breakers.validate()?;
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
        /// How the token moves, [`crate::token::Transfers`]: 0 plain, 1 checked (Token-2022), 2 checked and with a transfer fee.
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
        pub liquidated: Throughput,
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
        /// Atoms deposited since `last_accrual`, which may be gone at the end of the transaction.
        pub passing: u64,
        /// What an atom counted for in the market's outflow at `last_accrual`: the spot price, or nothing if that was old. It
        /// stands for that second, so that the same tokens in and out again count the same.
        pub flow_reading: Reading,
        /// Its binary exponent.
        pub flow_shift: u32,
        /// Zero.
        pub padding_2: [u8; 4],
        /// What the risk council did to its parameters lately.
        pub council: Quota,
        /// Zero.
        pub reserved: [u8; 32],
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
        self.risk = RiskState::new(&config.risk, config.oracle.confidence_multiple, now);
        self.controller = Controller::new(&config.controller);
        (self.deposit_index, self.debt_index) = (Index::ONE, Index::ONE);
        self.update_rates();
        Ok(())
    }

    /// Seconds before which a term must be known.
    pub const NOTICE: i64 = 604_800;

    /// Replaces the configuration from `now` on; interest until then follows the old one, and maintenance the ramp.
    pub fn set_config(&mut self, config: &ReserveConfig, now: i64) -> Result<()> {
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
        self.ramp(now);
        // A higher penalty waits until the weights in force leave room for it.
        config.require_improvement(self.risk.highest_asset_weight())?;
        let (old, new) = (&self.config.oracle, &config.oracle);
        if (new.feed_id, new.base_feed_id) != (old.feed_id, old.base_feed_id) {
            // The old readings stay, as old as can be: they back no new risk, liquidation reads them in the borrower's
            // favour, and any price of the new feed is newer.
            self.price.publish_time = self.price.publish_time.min(1);
            self.price.reference = 0;
            self.risk.volatility.restart();
        }
        let worth = self.price.value_ceil(self.deposits(), self.price.spot, Bps(ONE_BPS)).0.div_ceil(Usd::ONE.0);
        self.risk.adopt(&config.risk, &self.config.risk, worth.min(u32::MAX as u128) as u32);
        self.config = *config;
        self.price.judge(&self.config.oracle, &self.halt);
        self.follow_volatility();
        self.reassess(true);
        self.controller.clamp(&config.controller);
        self.update_rates();
        Ok(())
    }

    /// Takes over a price; one that the reserve has already changes nothing. Returns what became of the price breaker.
    #[inline(always)]
    pub fn refresh(&mut self, quote: &Quote, now: i64) -> Result<Option<Change>> {
        let (oracle, risk) = (&self.config.oracle, &mut self.risk);
        let (last, is_rescaled) = (self.price.publish_time, quote.exponent != self.price.exponent);
        if !self.price.update(quote, oracle, risk.confidence_multiple, self.decimals)? {
            return Ok(None);
        }
        if is_rescaled {
            risk.volatility.restart();
        }
        let turn = risk.take_turn(&self.config.risk, oracle.confidence_multiple, quote, last, now);
        let change = self.watch(now);
        if turn == Turn::Sample {
            self.follow_volatility();
        }
        let has_ramped = turn == Turn::Ramp;
        if has_ramped || self.config.risk.follows_the_market() {
            self.reassess(has_ramped);
        }
        Ok(change)
    }

    /// Moves maintenance without a price.
    #[inline(never)]
    pub fn ramp(&mut self, now: i64) {
        if self.risk.step(&self.config.risk, self.config.oracle.confidence_multiple, now) {
            self.reassess(true);
        }
    }

    /// Has the price breaker look at the price, as long as that is recent, and judges the price by it.
    #[inline(always)]
    pub fn watch(&mut self, now: i64) -> Option<Change> {
        let breakers = &self.config.breakers;
        let age = seconds_since(self.price.publish_time, now);
        let is_watched = breakers.tiers[0].0 != 0 && age <= self.config.oracle.max_age as u64;
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
    fn reassess(&mut self, has_ramped: bool) {
        let deposits = self.deposits_roughly();
        let price = &self.price;
        let reciprocal = price.reciprocal();
        self.risk.reprice(&self.config.risk, deposits, self.config.deposit_cap, has_ramped, |usd| {
            price.atoms_of(usd, reciprocal)
        });
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
            (self.last_accrual, self.passing) = (now, 0);
            let is_recent = now <= self.price.fresh_until;
            (self.flow_reading, self.flow_shift) =
                (if is_recent { self.price.spot } else { Reading(0) }, self.price.shift);
        }
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
        let kept = mul(lent, (ONE_BPS - self.config.reserve_factor.0) as u64) / ONE_BPS as u64;
        self.deposit_growth = Fraction(if kept >> 32 == 0 { kept << 32 } else { u64::MAX });
    }

    /// What an amount counts for in the market's outflow, 10^-8 USD; after [`Self::accrue`].
    #[inline(always)]
    pub fn flow_value(&self, amount: u64) -> u64 {
        roughly(amount, self.flow_reading, self.flow_shift)
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
    #[inline(always)]
    pub fn deposit(&mut self, amount: u64) -> Result<Shares> {
        let shares = self.deposit_index.shares_floor(amount).ok_or(Error::AmountTooLarge)?;
        if shares == Shares::ZERO {
            return Err(Error::AmountTooSmall);
        }
        let cash = self.cash.checked_add(amount).ok_or(Error::AmountTooLarge)?;
        let debts = self.debt_index.amount_bounds(self.debt_shares);
        if cash > less(MAX_LIQUIDITY, debts.0) {
            return Err(Error::AmountTooLarge);
        }
        let deposit_shares = Shares(self.deposit_shares.0.checked_add(shares.0).ok_or(Error::AmountTooLarge)?);
        let deposits = self.deposit_index.amount_ceil(deposit_shares);
        if deposits > self.config.deposit_cap {
            return Err(Error::DepositCapExceeded);
        }
        (self.cash, self.deposit_shares) = (cash, deposit_shares);
        // No more than the cash, but for what was borrowed since.
        self.passing = self.passing.saturating_add(amount);
        self.risk.resize(&self.config.risk, deposits);
        self.set_rates(debts, deposits);
        Ok(shares)
    }

    /// Pays `amount` out for `shares` of deposits that are worth at least that.
    #[inline(always)]
    pub fn withdraw(&mut self, amount: u64, shares: Shares) -> Result<()> {
        self.cash = self.cash.checked_sub(amount).ok_or(Error::InsufficientLiquidity)?;
        if self.passing != 0 {
            self.passing = less(self.passing, amount);
        }
        self.deposit_shares.0 -= shares.0;
        let deposits = self.deposits_roughly();
        self.risk.resize(&self.config.risk, deposits);
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
        // Tokens lent elsewhere for the length of the transaction are no liquidity.
        if most.0 != 0 && Utilisation::new(less(cash, self.passing), debts.0).exceeds(most) {
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
        let (assets, deposits) = self.books();
        assets.saturating_sub(deposits)
    }
}

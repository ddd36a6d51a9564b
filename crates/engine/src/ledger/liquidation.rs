//! What a liquidation repays and seizes. Nothing here changes anything.

use crate::{
    error::{Error, Result},
    health::{
        Health, Requirement,
        account::MaintenanceAndEquity,
        position::{AccountTerms, Valued, marginal_weight, newest_price, spot_value, weighted},
    },
    ledger::{Ledger, Movement, lend::repayment},
    number::{
        math::{
            add_wide_proved, is_below, mul_div_floor, mul_div_wide_ceil, mul_proved, mul_shift_floor, ratio30,
            saturating_sub_wide, scaled_quotient, wide,
        },
        units::{Bps, ONE_BPS, Seconds, Shares, Usd, UsdE8},
    },
    price::policy::Use,
    state::{
        account::{MarginAccount, Side},
        market::MarketConfig,
        rate_limit::{Period, RateLimit},
        reserve::{Reserve, ReserveConfig},
        weights::Terms,
    },
};

/// What a liquidation moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Liquidation {
    /// Atoms of the debt that are repaid.
    pub repaid: u64,
    /// Atoms of the debt's token that the liquidator pays on top: the insurance's share of the penalty.
    pub insurance: u64,
    /// Debt shares burned.
    pub debt_shares: Shares,
    /// Atoms of the collateral's token that the liquidator gets.
    pub seized: u64,
    /// Deposit shares burned.
    pub collateral_shares: Shares,
    /// Penalty on top of the repaid value.
    pub penalty: Bps,
    /// Maintenance health before.
    pub before: Health,
    /// Maintenance health after.
    pub after: Health,
}

impl Liquidation {
    /// What the liquidator pays.
    #[inline(always)]
    pub fn paid(&self) -> u64 {
        // At most the `max_repay` of the call.
        self.repaid.saturating_add(self.insurance)
    }
}

/// What a liquidation will move, and how full the limits of liquidations are after it.
pub(super) struct Calculation {
    pub liquidation: Liquidation,
    pub debt_slot: usize,
    pub collateral_slot: usize,
    pub market_limit: RateLimit,
    pub collateral_limit: RateLimit,
}

impl Ledger<'_> {
    /// Calculates a liquidation by which the liquidator pays up to `max_repay` atoms. Both reserves are accrued.
    #[inline(always)]
    pub(super) fn calculate_liquidation(
        &self,
        account: &MarginAccount,
        debt: u8,
        collateral: u8,
        mut max_repay: u64,
    ) -> Result<Calculation> {
        let debt_slot = account.find(debt, Side::Debt)?;
        let owed = account.positions[debt_slot].shares;
        let collateral_slot = account.find(collateral, Side::Deposit)?;
        let held = account.positions[collateral_slot].shares;
        let moment = self.moment(account, debt, collateral);
        for (reserve, purpose) in [(debt, Use::RepaidDebt), (collateral, Use::SeizedCollateral)] {
            purpose.require(self.reserves[reserve as usize].condition(self.now, moment))?;
        }
        // By reference: a copy would cost more than the check.
        let judged = &self.judge(account, moment, debt_slot, collateral_slot);
        let &MaintenanceAndEquity {
            maintenance: ref before,
            equity: ref worth,
            debt: owed_valued,
            collateral: held_valued,
        } = judged.as_ref().map_err(|error| *error)?;
        let is_due = self.reserves[debt as usize].is_due(self.now);
        let waited = if before.is_healthy() {
            max_repay = max_repay.min(self.max_forced_repayment(debt, collateral, is_due)?);
            Seconds(0)
        } else {
            account.liquidatable_for(self.now)
        };
        let (debt_reserve, collateral_reserve) = (&self.reserves[debt as usize], &self.reserves[collateral as usize]);
        let terms = AccountTerms::of(account);
        let pair = Pair {
            debt: debt_reserve,
            collateral: collateral_reserve,
            debt_terms: terms.of_position(debt_reserve),
            collateral_terms: terms.of_position(collateral_reserve),
            owed,
            held,
            // Both reserves are accrued and recent: what was counted is what they are worth.
            owed_valued,
            held_valued,
            is_due,
        };
        let market = &self.market.config;
        let equity = worth.collateral.saturating_sub(worth.debt).bps_of(worth.debt);
        let penalty = penalty(&pair.collateral.config, market, before, equity, waited);
        let insured = insured_share(penalty, pair.debt.config.insurance.penalty_share);
        let most = max_repay - mul_shift_floor(max_repay, insured);
        let (mut market_limit, mut collateral_limit) = (self.market.liquidated, pair.collateral.liquidated);
        let limits = (market.liquidations(), pair.collateral.config.breakers.liquidations());
        let room = market_limit.remaining(limits.0, Period::Hour, self.now);
        let room = room.least(collateral_limit.remaining(limits.1, Period::Hour, self.now));
        let most = if equity > market.near_insolvency {
            pair.cap_to_limit(room, market.dust_e8(), penalty, most)?
        } else {
            most
        };
        let exchange = pair.exchange(market, before, penalty, most)?;
        let value = pair.collateral.price.roughly(exchange.seized.amount);
        market_limit.add(value);
        collateral_limit.add(value);
        let after = pair.health_after(before, &exchange)?;
        let liquidation = Liquidation {
            repaid: exchange.burned.amount,
            // Of no more than `most`: with it, it is no more than `max_repay`.
            insurance: mul_shift_floor(exchange.burned.amount, insured),
            debt_shares: exchange.burned.shares,
            seized: exchange.seized.amount,
            collateral_shares: exchange.seized.shares,
            penalty,
            before: *before,
            after,
        };
        Ok(Calculation { liquidation, debt_slot, collateral_slot, market_limit, collateral_limit })
    }

    /// How much of a healthy account's debt a liquidator may repay, because the debt is due. It can wait for prices that are good
    /// enough for new risk: the borrower is in no trouble, and a delisted token is often thinly traded. Half of what liquidations
    /// may take in an hour is kept for unhealthy accounts.
    #[cold]
    #[inline(never)]
    fn max_forced_repayment(&self, debt: u8, collateral: u8, is_due: bool) -> Result<u64> {
        if !is_due {
            return Err(Error::AccountIsHealthy);
        }
        for reserve in [debt, collateral] {
            Use::NewRiskDebt.require(self.reserves[reserve as usize].price.condition(self.now))?;
        }
        let (price, collateral) = (&self.reserves[debt as usize].price, &self.reserves[collateral as usize]);
        let half = |mut window: RateLimit, limit: UsdE8| match limit {
            UsdE8::ZERO => UsdE8::MAX,
            _ => window.remaining(limit, Period::Hour, self.now).saturating_sub(UsdE8(limit.0 / 2)),
        };
        let room = half(self.market.liquidated, self.market.config.liquidations())
            .min(half(collateral.liquidated, collateral.config.breakers.liquidations()));
        // A penalty is a quarter at most.
        match price.atoms_floor(Usd((room.0 - room.0 / 4) as u128), price.spot) {
            _ if room == UsdE8::MAX => Ok(u64::MAX),
            0 => Err(Error::LiquidationThrottled),
            most => Ok(most),
        }
    }

    /// The moment that a liquidation's prices must be of: that of the account's newest price. If that price is ahead of the chain's
    /// clock, the moment is now, or that of the pair's newer price if it is later. So a feed that is ahead stops no liquidation of
    /// other tokens.
    #[inline(always)]
    fn moment(&self, account: &MarginAccount, debt: u8, collateral: u8) -> i64 {
        let newest = newest_price(account, self.reserves);
        if newest <= self.now {
            return newest;
        }
        let published = |reserve: u8| self.reserves[reserve as usize].price.newest_time();
        published(debt).max(published(collateral)).max(self.now)
    }

    /// Out of line, so that its loop has the registers to itself.
    #[inline(never)]
    fn judge(
        &self,
        account: &MarginAccount,
        moment: i64,
        debt_slot: usize,
        collateral_slot: usize,
    ) -> Result<MaintenanceAndEquity> {
        MaintenanceAndEquity::new(account, self.reserves, self.now, moment, 1 << debt_slot | 1 << collateral_slot)
    }
}

/// The penalty rises linearly from the collateral's minimum, at the maintenance line, to its maximum, at the market's full
/// shortfall. It also rises with the time that the account has been known to be liquidatable; both add up. While the account is
/// solvent, the penalty is no more than its equity can pay, so that a liquidation does not itself make it insolvent. It is never
/// below the minimum, or nobody would liquidate.
#[inline(always)]
fn penalty(collateral: &ReserveConfig, market: &MarketConfig, health: &Health, equity: Bps, waited: Seconds) -> Bps {
    let range = (collateral.max_penalty.0 - collateral.min_penalty.0) as u64;
    let depth = health.shortfall().0.min(market.full_penalty_shortfall.0) as u64;
    let mut above = mul_proved(range, depth) / market.full_penalty_shortfall.0 as u64;
    if market.full_penalty_after != 0 {
        let after = market.full_penalty_after as u64;
        above = range.min(above + mul_proved(range, waited.0.min(after)) / after);
    }
    Bps((collateral.min_penalty.0 + above as u16).min(equity.0.max(collateral.min_penalty.0)))
}

/// The part of a repayment that goes to the insurance on top, with 64 fractional bits: penalty × share.
#[inline(always)]
fn insured_share(penalty: Bps, share: Bps) -> u64 {
    const ONE_PART: u64 = ((1u128 << 64) / (ONE_BPS as u128 * ONE_BPS as u128)) as u64;
    // At most 2,500 × 8,000 parts of 10^8.
    mul_proved(mul_proved(penalty.0 as u64, share.0 as u64), ONE_PART)
}

/// The two positions that a liquidation changes. Both reserves are accrued.
struct Pair<'a> {
    debt: &'a Reserve,
    collateral: &'a Reserve,
    debt_terms: Terms,
    collateral_terms: Terms,
    owed: Shares,
    held: Shares,
    /// The two before.
    owed_valued: Valued,
    held_valued: Valued,
    /// Whether all of the debt must be repaid, because its reserve closes.
    is_due: bool,
}

/// What is repaid and what is seized.
struct Exchange {
    burned: Movement,
    seized: Movement,
}

impl Pair<'_> {
    /// How much is repaid and seized.
    #[inline(always)]
    fn exchange(&self, market: &MarketConfig, health: &Health, penalty: Bps, max_repay: u64) -> Result<Exchange> {
        let (owed, held) = (self.owed_valued.amount, self.held_valued.amount);
        let allowed = self.allowed_repayment(market, health, penalty);
        let mut repaid =
            if allowed <= max_repay { self.whole_shares(allowed, owed).amount.min(max_repay) } else { max_repay };
        let mut seized = self.seized_for(repaid, penalty);
        let available = held.min(self.collateral.cash);
        let burned = if seized >= available {
            if available == 0 {
                return Err(if held == 0 { Error::PositionNotFound } else { Error::InsufficientLiquidity });
            }
            seized = available;
            repaid = repaid.min(self.repaid_for(available, penalty));
            self.whole_shares(repaid, owed)
        } else {
            repayment(self.debt, self.owed, repaid)?
        };
        if burned.amount > max_repay {
            return Err(Error::AmountTooSmall);
        }
        let taken = if seized == held {
            Movement { amount: held, shares: self.held }
        } else {
            // Of `seized` < held atoms: no more than the shares held.
            let shares = self.collateral.deposit_index.shares_ceil(seized).ok_or(Error::AmountTooLarge)?;
            Movement { amount: seized, shares }
        };
        let left = |amount: u64, reserve: &Reserve| amount > 0 && reserve.price.roughly(amount) < market.dust_e8();
        if repaid < allowed
            && seized < available
            && (left(owed - burned.amount, self.debt) || left(held - seized, self.collateral))
        {
            return Err(Error::LiquidationLeavesDust);
        }
        Ok(Exchange { burned, seized: taken })
    }

    /// The most that may be repaid, atoms, while limits leave room for `room` of collateral. Room for less than dust is none.
    #[inline(always)]
    fn cap_to_limit(&self, room: UsdE8, dust: UsdE8, penalty: Bps, max_repay: u64) -> Result<u64> {
        let most = max_repay.min(self.owed_valued.amount);
        // A penalty is a quarter at most: what is seized for three quarters of the room fits it.
        let value = self.debt.price.roughly(most);
        if value.0 <= room.0 - room.0 / 4 {
            return Ok(max_repay);
        }
        if room < dust { Err(Error::LiquidationThrottled) } else { self.scale_to_limit(room, penalty, most, value) }
    }

    #[cold]
    #[inline(never)]
    fn scale_to_limit(&self, room: UsdE8, penalty: Bps, most: u64, value: UsdE8) -> Result<u64> {
        let penalty = mul_div_floor(value.0, penalty.0 as u64, ONE_BPS as u64).unwrap_or(u64::MAX);
        let seized = value.saturating_add(UsdE8(penalty));
        if seized <= room {
            return Ok(most);
        }
        mul_div_floor(most, room.0, seized.0).filter(|most| *most > 0).ok_or(Error::LiquidationThrottled)
    }

    /// The repayment that brings the account to the target health, or all of the debt if less than dust would be left.
    ///
    /// An atom repaid takes a = liability weight × high of the debt from the weighted debt D, and b = asset weight × low ÷
    /// spot of the collateral × (1 + penalty) × spot of the debt from the weighted collateral C. (C − x b) = T (D − x a)
    /// at x = (T D − C) ÷ (T a − b) atoms.
    #[inline(always)]
    fn allowed_repayment(&self, market: &MarketConfig, health: &Health, penalty: Bps) -> u64 {
        const ONE: u64 = ONE_BPS as u64;
        /// Bits cut off the denominator, which is below 2^78.
        const CUT: u32 = 16;
        let (debt, collateral) = (&self.debt.price, &self.collateral.price);
        let owed = self.owed_valued.amount;
        let target = market.target_health.0 as u64;
        // Both sums fit with four digits more, up to 10^25 USD.
        if self.is_due || (health.debt.0 | health.collateral.0) >> 112 != 0 {
            return owed;
        }
        let missing = saturating_sub_wide(times(health.debt.0, target), times(health.collateral.0, ONE));
        // Reading < 2^48 + 3 and liability weight × target < 2^16 × 2^14.
        let liability_weight = self.debt.risk.weights[self.debt_terms as usize].maintenance_liability;
        let relieved = wide(mul_proved(debt.high_maintenance.0, liability_weight.0 as u64), target);
        // The low reading is at most the spot, the asset weight and the penalty below 2^14 each.
        // Beyond the position's depth the first atoms taken weigh less than the last: this falls short of the target then.
        let asset_weight = marginal_weight(self.collateral, &self.held_valued, self.collateral_terms);
        let weighted = mul_proved(ratio30(collateral.low_maintenance.0, collateral.spot.0), asset_weight.0 as u64);
        let taken = wide(mul_proved(debt.spot.0, ONE + penalty.0 as u64), weighted) >> 30;
        // Weight × (1 + penalty) < 1 ≤ liability weight: the denominator is positive.
        let net = ((saturating_sub_wide(relieved, taken) >> CUT) as u64).max(1);
        let needed = if debt.shift < CUT {
            scaled_quotient(missing >> (CUT - debt.shift), 0, net, true)
        } else {
            scaled_quotient(missing, debt.shift - CUT, net, true)
        };
        if needed < owed && debt.roughly(owed - needed) >= market.dust_e8() { needed } else { owed }
    }

    /// A repayment rounded up to whole shares, at most all that is owed. Without this, a repayment of less than a share would
    /// round to none, and the last atoms of collateral could not be taken.
    fn whole_shares(&self, repaid: u64, owed: u64) -> Movement {
        match self.debt.debt_index.shares_ceil(repaid) {
            Some(shares) if shares < self.owed => Movement { amount: self.debt.debt_index.amount_ceil(shares), shares },
            _ => Movement { amount: owed, shares: self.owed },
        }
    }

    /// Collateral for a repayment, rounded down.
    fn seized_for(&self, repaid: u64, penalty: Bps) -> u64 {
        let value = self.debt.price.value_floor(repaid, self.debt.price.spot, Bps(ONE_BPS + penalty.0));
        self.collateral.price.atoms_floor(value, self.collateral.price.spot)
    }

    /// Repayment for a seizure, rounded up.
    fn repaid_for(&self, seized: u64, penalty: Bps) -> u64 {
        let value = spot_value(self.collateral, seized, true);
        let value =
            mul_div_wide_ceil(value.0, ONE_BPS as u64, (ONE_BPS + penalty.0) as u64).map_or(Usd(u128::MAX), Usd);
        self.debt.price.atoms_ceil(value, self.debt.price.spot).max(1)
    }

    /// Maintenance health with the two positions changed; an error if it is not at least what it was.
    #[inline(always)]
    fn health_after(&self, before: &Health, exchange: &Exchange) -> Result<Health> {
        let debt = |amount| weighted(self.debt, amount, Side::Debt, self.debt_terms, Requirement::Maintenance);
        let collateral =
            |amount| weighted(self.collateral, amount, Side::Deposit, self.collateral_terms, Requirement::Maintenance);
        let left = self.debt.debt_index.amount_ceil(Shares(self.owed.0 - exchange.burned.shares.0));
        let relieved = self.owed_valued.value.saturating_sub(debt(left));
        let left = self.collateral.deposit_index.amount_floor(Shares(self.held.0 - exchange.seized.shares.0));
        let taken = self.held_valued.value.saturating_sub(collateral(left));
        if is_below(relieved.0, taken.0) {
            return Err(Error::LiquidationWorsensHealth);
        }
        Ok(Health { collateral: before.collateral.saturating_sub(taken), debt: before.debt.saturating_sub(relieved) })
    }
}

/// A value below 2^112 times basis points.
#[inline(always)]
fn times(value: u128, bps: u64) -> u128 {
    add_wide_proved(wide(value as u64, bps), (mul_proved((value >> 64) as u64, bps) as u128) << 64)
}

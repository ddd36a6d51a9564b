//! Liquidation: just enough debt repaid, for collateral at a penalty that grows with the shortfall.

use crate::{
    actions::{Ledger, Movement, repayment, whole_debt, whole_deposit},
    error::{Error, Result},
    health::{Health, PriceState, Requirement, maintenance_and_equity, spot_value, weighted},
    margin::{MarginAccount, Side},
    market::MarketConfig,
    math::{div_narrow, mul, mul_div_wide_ceil},
    price::Reading,
    reserve::{Reserve, ReserveConfig},
    units::{Bps, ONE_BPS, Shares, Usd},
};

/// What a liquidation moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Liquidation {
    /// Atoms of the debt's token that the liquidator pays.
    pub repaid: u64,
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

impl Ledger<'_> {
    /// Repays up to `max_repay` atoms of an unhealthy account's debt for its collateral.
    ///
    /// Never more is repaid than returns the account to the market's target health, unless the position would be left
    /// as dust; what exceeds that is not taken. Fails if less than `min_collateral` atoms would be paid out.
    pub fn liquidate(
        &mut self,
        account: &mut MarginAccount,
        debt: u8,
        collateral: u8,
        max_repay: u64,
        min_collateral: u64,
    ) -> Result<Liquidation> {
        if max_repay == 0 {
            return Err(Error::AmountIsZero);
        }
        self.accrued(debt)?;
        self.accrued(collateral)?;
        let owed = account.shares(debt, Side::Debt)?;
        let held = account.shares(collateral, Side::Deposit)?;
        for reserve in [debt, collateral] {
            PriceState::of(&self.reserves[reserve as usize], self.now).require(Requirement::Maintenance)?;
        }
        let (before, worth) = maintenance_and_equity(account, self.reserves, self.now)?;
        if before.covers() {
            return Err(Error::AccountIsHealthy);
        }
        let pair =
            Pair { debt: &self.reserves[debt as usize], collateral: &self.reserves[collateral as usize], owed, held };
        let penalty = penalty(&pair.collateral.config, &self.config, &before, &worth);
        let terms = pair.terms(&self.config, &before, penalty, max_repay)?;
        let after = pair.health_after(&before, &terms)?;
        if terms.seized.amount < min_collateral {
            return Err(Error::CollateralBelowMinimum);
        }

        let record = &mut self.reserves[debt as usize];
        record.repay(terms.burned.amount, terms.burned.shares, terms.burned.rest);
        let record = &mut self.reserves[collateral as usize];
        record.withdraw(terms.seized.amount, terms.seized.shares, terms.seized.rest)?;
        account.remove(account.find(debt, Side::Debt)?, terms.burned.shares);
        account.remove(account.find(collateral, Side::Deposit)?, terms.seized.shares);
        Ok(Liquidation {
            repaid: terms.burned.amount,
            debt_shares: terms.burned.shares,
            seized: terms.seized.amount,
            collateral_shares: terms.seized.shares,
            penalty,
            before,
            after,
        })
    }
}

/// The penalty rises linearly from the collateral's minimum, at the maintenance line, to its maximum, at the market's
/// full shortfall. While the account is solvent it is no more than what its equity can pay, so that a liquidation
/// does not itself make it insolvent; the minimum always remains, or nobody would come.
fn penalty(collateral: &ReserveConfig, market: &MarketConfig, health: &Health, equity: &Health) -> Bps {
    let depth = health.shortfall().0.min(market.full_penalty_shortfall.0) as u64;
    let range = (collateral.max_penalty.0 - collateral.min_penalty.0) as u64;
    let by_depth = collateral.min_penalty.0 + (range * depth / market.full_penalty_shortfall.0 as u64) as u16;
    let affordable = equity.collateral.less(equity.debt).bps_of(equity.debt).0;
    Bps(by_depth.min(affordable.max(collateral.min_penalty.0)))
}

/// The two positions a liquidation changes; both reserves are accrued.
struct Pair<'a> {
    debt: &'a Reserve,
    collateral: &'a Reserve,
    owed: Shares,
    held: Shares,
}

struct Terms {
    burned: Movement,
    seized: Movement,
}

impl Pair<'_> {
    /// How much is repaid and seized.
    fn terms(&self, market: &MarketConfig, health: &Health, penalty: Bps, max_repay: u64) -> Result<Terms> {
        let owed = self.debt.debt_index.amount_ceil(self.owed);
        let held = self.collateral.deposit_index.amount_floor(self.held);
        let allowed = self.allowed_repayment(market, health, penalty, owed);
        let mut repaid = allowed.min(max_repay);
        let mut seized = self.seized_for(repaid, penalty);
        let available = held.min(self.collateral.cash);
        let burned = if seized >= available {
            if available == 0 {
                return Err(if held == 0 { Error::PositionNotFound } else { Error::InsufficientLiquidity });
            }
            seized = available;
            repaid = repaid.min(self.repaid_for(available, penalty));
            self.whole_shares(repaid)?
        } else {
            repayment(self.debt, self.owed, repaid)?
        };
        if burned.amount > max_repay {
            return Err(Error::AmountTooSmall);
        }
        let taken = if seized == held {
            whole_deposit(self.collateral, self.held)
        } else {
            // Of `seized` < held atoms: no more than the shares held.
            let (shares, rest) = self.collateral.deposit_index.shares_ceil(seized).ok_or(Error::AmountTooLarge)?;
            Movement { amount: seized, shares, rest }
        };
        let left = |amount: u64, reserve: &Reserve| amount > 0 && spot_value(reserve, amount, false) < market.dust();
        if repaid < allowed
            && seized < available
            && (left(owed - burned.amount, self.debt) || left(held - seized, self.collateral))
        {
            return Err(Error::LiquidationLeavesDust);
        }
        Ok(Terms { burned, seized: taken })
    }

    /// The repayment that brings the account to the target health, or all of the debt if less than dust would be left.
    ///
    /// A repayment of value r takes r × a from the weighted debt D and r × b from the weighted collateral C, where a is
    /// the liability weight × high ÷ spot of the debt and b the asset weight × low ÷ spot of the collateral × (1 +
    /// penalty). (C − r b) = T (D − r a) at r = (T D − C) ÷ (T a − b).
    fn allowed_repayment(&self, market: &MarketConfig, health: &Health, penalty: Bps, owed: u64) -> u64 {
        let one = ONE_BPS as u64;
        let (debt, collateral) = (&self.debt.price, &self.collateral.price);
        let value = spot_value(self.debt, owed, true);
        // Weight × reading ÷ spot with 32 fractional bits: the bias at most doubles a price and weights are at most
        // 50,000, so below 2^49; times the target health or one plus the penalty, below 2^14: fits.
        let ratio = |reading: Reading, weight: Bps, spot: Reading| {
            div_narrow((mul(reading.0, weight.0 as u64) as u128) << 32, spot.0.max(1))
                .map_or(u64::MAX >> 15, |(ratio, _)| ratio)
        };
        let (debt_weight, collateral_weight) =
            (self.debt.config.maintenance_liability_weight, self.collateral.config.maintenance_asset_weight);
        let relieved = mul(ratio(debt.high_maintenance, debt_weight, debt.spot), market.target_health.0 as u64);
        let taken = mul(ratio(collateral.low_maintenance, collateral_weight, collateral.spot), one + penalty.0 as u64);
        // Weight × (1 + penalty) < 1 ≤ liability weight: the denominator is positive.
        let net = relieved.saturating_sub(taken).max(1);
        let missing = mul_div_wide_ceil(health.debt.0, market.target_health.0 as u64, one)
            .map(|target| target.saturating_sub(health.collateral.0));
        let needed = missing.and_then(|missing| mul_div_wide_ceil(missing, mul(one, one) << 32, net));
        match needed.map(Usd) {
            Some(needed) if value > market.dust() && value.less(needed) >= market.dust() => {
                // In whole shares, or a repayment of less than one would round to none.
                let shares = self.debt.debt_index.shares_ceil(debt.atoms_ceil(needed, debt.spot));
                shares.map_or(owed, |(shares, _)| self.debt.debt_index.amount_ceil(shares.min(self.owed)))
            }
            _ => owed,
        }
    }

    /// A repayment rounded up to whole shares, so that the last atoms of collateral, however little they are worth, can
    /// be taken and the rest of the debt settled.
    fn whole_shares(&self, repaid: u64) -> Result<Movement> {
        let (shares, _) = self.debt.debt_index.shares_ceil(repaid).ok_or(Error::AmountTooLarge)?;
        Ok(whole_debt(self.debt, shares.min(self.owed)))
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
    fn health_after(&self, before: &Health, terms: &Terms) -> Result<Health> {
        let change = |reserve: &Reserve, old: u64, new: u64, is_debt| {
            let value = |amount| weighted(reserve, amount, is_debt, Requirement::Maintenance);
            Usd(value(old).0.saturating_sub(value(new).0))
        };
        let owed = |shares| self.debt.debt_index.amount_ceil(shares);
        let held = |shares| self.collateral.deposit_index.amount_floor(shares);
        let relieved = change(self.debt, owed(self.owed), owed(Shares(self.owed.0 - terms.burned.shares.0)), true);
        let taken = change(self.collateral, held(self.held), held(Shares(self.held.0 - terms.seized.shares.0)), false);
        if taken > relieved {
            return Err(Error::LiquidationWorsensHealth);
        }
        Ok(Health { collateral: before.collateral.less(taken), debt: before.debt.less(relieved) })
    }
}

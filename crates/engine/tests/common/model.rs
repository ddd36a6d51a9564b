//! An independent model of the protocol in exact rationals, written from its documentation: no shares, no indices, no
//! rounding. A user's deposit and debt are numbers that grow.

use super::rational::{Rational, cut, exp_minus_one, int, ratio, ten_to, zero};
use ballast_engine::state::reserve::{Reserve, ReserveConfig};

/// Seconds of a year.
const YEAR: i64 = 31_536_000;

/// A lending pool.
#[derive(Clone, Debug)]
pub struct Pool {
    pub config: ReserveConfig,
    pub decimals: u8,
    pub cash: Rational,
    pub deposits: Vec<Rational>,
    pub debts: Vec<Rational>,
    /// All that is not the depositors', whether set aside or not.
    pub fees: Rational,
    /// Fees set aside: no part of the cash.
    pub claimable: Rational,
    /// Interest ever charged.
    pub interest: Rational,
    /// What interest would have been at a utilisation of one, on debts and deposits alike: what an error of the
    /// utilisation or of the depositors' share is multiplied by.
    pub exposure: Rational,
    pub last: i64,
    /// Published spot, EMA and confidence, USD per whole token.
    pub spot: Rational,
    pub ema: Rational,
    pub confidence: Rational,
}

impl Pool {
    pub fn new(config: ReserveConfig, decimals: u8, users: usize, now: i64) -> Self {
        let nothing = vec![zero(); users];
        Self {
            config,
            decimals,
            cash: zero(),
            deposits: nothing.clone(),
            debts: nothing,
            fees: zero(),
            claimable: zero(),
            interest: zero(),
            exposure: zero(),
            last: now,
            spot: zero(),
            ema: zero(),
            confidence: zero(),
        }
    }

    pub fn total_deposits(&self) -> Rational {
        self.deposits.iter().fold(zero(), |sum, deposit| sum + deposit)
    }

    pub fn total_debts(&self) -> Rational {
        self.debts.iter().fold(zero(), |sum, debt| sum + debt)
    }

    /// Annual rate at the present utilisation, by the curve through its points, linear between them, and its slope.
    fn annual_rate(&self) -> (Rational, Rational) {
        let debts = self.total_debts();
        // A debt paid off but for a share is a little below nothing here.
        if debts <= zero() {
            return (zero(), zero());
        }
        let utilisation = &debts / (&debts + &self.cash) * int(10_000);
        let points = self.config.curve.points();
        let after = points.iter().skip(1).position(|point| utilisation <= int(point.utilisation.0)).unwrap();
        let (low, high) = (&points[after], &points[after + 1]);
        let slope = ratio(high.rate_bps - low.rate_bps, high.utilisation.0 - low.utilisation.0);
        ((int(low.rate_bps) + (utilisation - int(low.utilisation.0)) * &slope) / int(10_000), slope)
    }

    /// Interest on the debts since the pool last changed, at the rate that its utilisation then gave, continuously
    /// compounded and at most doubling them. Depositors get it on what of their deposits is lent, less the factor.
    pub fn grow(&mut self, now: i64) {
        let ln_two = ratio(0xb172_17f7_d1cf_79abu64, 1u128 << 64);
        let (rate, slope) = self.annual_rate();
        let years = ratio(now - self.last, YEAR);
        let exponent = (rate * &years).min(ln_two);
        self.last = now;
        let growth = exp_minus_one(&cut(&exponent));
        let (debts, deposits) = (self.total_debts(), self.total_deposits());
        let interest = &debts * &growth;
        self.exposure = cut(&(&self.exposure + (&growth + slope * years) * (&debts + &deposits)));
        let lent = if deposits == zero() { zero() } else { (&debts / &deposits).min(int(1)) };
        let earned = &growth * lent * ratio(10_000 - self.config.reserve_factor.0, 10_000);
        for debt in &mut self.debts {
            *debt = cut(&(&*debt * (int(1) + &growth)));
        }
        for deposit in &mut self.deposits {
            *deposit = cut(&(&*deposit * (int(1) + &earned)));
        }
        self.fees = cut(&(&self.fees + &interest - deposits * earned));
        self.interest = cut(&(&self.interest + interest));
    }

    /// A loss is borne by the fees, and by the depositors in proportion.
    pub fn forgive(&mut self, user: usize) {
        let loss = std::mem::replace(&mut self.debts[user], zero());
        let deposits = self.total_deposits();
        if loss <= self.fees {
            self.fees -= loss;
            return;
        }
        let loss = loss - std::mem::replace(&mut self.fees, zero());
        let left = if loss >= deposits { zero() } else { (&deposits - loss) / deposits };
        self.deposits.iter_mut().for_each(|deposit| *deposit = cut(&(&*deposit * &left)));
    }

    /// Takes over how the engine splits what is not lent out: cash, and fees set aside, which are out of the rates.
    pub fn set_aside(&mut self, reserve: &Reserve) {
        let aside = int(reserve.claimable);
        self.cash = &self.cash + &self.claimable - &aside;
        self.claimable = aside;
    }

    fn bias(&self) -> Rational {
        &self.confidence * ratio(self.config.oracle.confidence_multiple.0, 10_000)
    }

    /// Whether the price stands so close to a limit that the engine's ratios, cut and rounded up, may say otherwise.
    pub fn is_on_the_edge(&self) -> bool {
        let oracle = &self.config.oracle;
        let distance = super::rational::abs(&self.spot - &self.ema) / &self.ema;
        let near = |value: Rational, limit: u16| {
            super::rational::abs(value - ratio(limit, 10_000)) <= super::rational::two_to(-30)
        };
        near(&self.confidence / &self.spot, oracle.max_confidence_initial.0)
            || near(distance, oracle.max_ema_divergence.0)
    }

    /// Whether the price backs new risk: tight, and near its average.
    pub fn is_settled(&self) -> bool {
        let oracle = &self.config.oracle;
        let distance = super::rational::abs(&self.spot - &self.ema) / &self.ema;
        &self.confidence / &self.spot <= ratio(oracle.max_confidence_initial.0, 10_000)
            && distance <= ratio(oracle.max_ema_divergence.0, 10_000)
    }

    /// What an atom of collateral is worth and an atom of debt costs, weighted, in 10^-8 USD.
    pub fn weighted(&self, initial: bool) -> (Rational, Rational) {
        let (mut low, mut high) = (self.spot.clone(), self.spot.clone());
        if initial {
            (low, high) = (low.min(self.ema.clone()), high.max(self.ema.clone()));
        }
        let config = &self.config;
        let (asset, liability) = if initial {
            (config.risk.cross.initial_asset, config.risk.cross.initial_liability)
        } else {
            (config.risk.cross.maintenance_asset, config.risk.cross.maintenance_liability)
        };
        let unit = ten_to(8 - self.decimals as i32);
        let low = (low - self.bias()).max(zero());
        (low * ratio(asset.0, 10_000) * &unit, (high + self.bias()) * ratio(liability.0, 10_000) * unit)
    }

    /// What an atom is worth at spot, in 10^-8 USD.
    pub fn atom(&self) -> Rational {
        &self.spot * ten_to(8 - self.decimals as i32)
    }
}

/// Weighted collateral and debt of a user whose balances are given, in 10^-8 USD.
pub fn health(pools: &[Pool], balances: &[(Rational, Rational)], initial: bool) -> (Rational, Rational) {
    let mut sum = (zero(), zero());
    for (pool, (deposit, debt)) in pools.iter().zip(balances) {
        let (low, high) = pool.weighted(initial);
        if !initial || pool.is_settled() {
            sum.0 += deposit * low;
        }
        sum.1 += debt * high;
    }
    sum
}

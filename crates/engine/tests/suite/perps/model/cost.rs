//! What trading costs, what margins are, and what the pool must bear.

use super::*;
use ballast_engine::{number::units::Bps, state::perp::pricing};

/// Deviations × σ × √(time ÷ year). The root is compared with that of a floating-point number, and taken from the engine: it has 16
/// fractional bits.
pub fn deviation(deviations: u16, annual: u16, seconds: u64) -> Rational {
    let engine = pricing::deviation(Bps(deviations), Bps(annual), seconds);
    let exact = deviations as f64 / 1e4 * annual as f64 / 1e4 * (seconds as f64 / YEAR as f64).sqrt();
    let error = (exact - engine as f64 / 2f64.powi(32)).abs();
    let least = 1.0 / 65_536.0 / (seconds.max(1) as f64).sqrt() + 1e-6;
    assert!(error <= exact * least + 2f64.powi(-31), "{deviations} of {annual} over {seconds}: {exact}, {engine}");
    fixed(engine as u128, 32)
}

impl Contract {
    /// Of the value of a trade.
    pub fn fee_rate(&self, world: &World) -> Rational {
        let age = (world.now - feed(world, &self.config).price.publish_time).max(0) as u64;
        let config = &self.config;
        let moved = deviation(config.fee_deviations.0, annual(world, config), age + config.fee_lag as u64);
        bps(config.fee.0).max(moved * int(config.power)).min(int(1))
    }

    /// `∫ min(|K| ÷ scale, most) dK` from no skew to this.
    fn potential(&self, skew: Rational) -> Rational {
        let (scale, most) = (int(self.config.skew_scale), bps(self.config.max_impact.0));
        let (skew, bend) = (crate::common::rational::abs(skew), &scale * &most);
        let below = skew.clone().min(bend);
        &below * &below / (int(2) * scale) + (skew - below) * most
    }

    /// What moving the skew by so many lots costs; less than zero is got.
    pub fn impact(&self, skew: &Rational, lots: &Rational, price: &Rational) -> Rational {
        (self.potential(skew + lots) - self.potential(skew.clone())) * price
    }

    /// Of a position, at the maintenance or the initial base.
    pub fn margin(&self, holding: &Holding, high: &Rational, base: u16) -> Rational {
        if self.is_resolved {
            return zero();
        }
        let lots = holding.lots();
        let impact = (&lots / int(self.config.skew_scale)).min(bps(self.config.max_impact.0));
        lots * high * (bps(base) + bps(self.config.fee.0) + impact)
    }

    pub fn shock(&self, world: &World) -> Rational {
        let config = &self.config;
        let moved = deviation(config.shock_deviations.0, annual(world, config), config.shock_horizon as u64);
        bps(config.least_shock.0).max(moved).min(bps(9_500))
    }

    /// By how much the price of a lot rises, or falls, when that of the underlying does.
    fn moves(&self, world: &World) -> [Rational; 2] {
        let shock = self.shock(world);
        let power = self.config.power as i32;
        [(int(1) + &shock).pow(power) - int(1), int(1) - (int(1) - shock).pow(power)]
    }

    /// What the pool loses when longs win and when shorts do: the winners' gain, less what losers pay out of their margins.
    pub fn losses(&self, world: &World) -> [Rational; 2] {
        let spot = prices(world, self.index, Width::Maintenance).spot;
        let [longs, shorts] = [false, true].map(|is_short| self.lots(is_short) * &spot);
        let margin = bps(self.config.maintenance_margin.0);
        let [rise, fall] = self.moves(world);
        [
            &longs * &rise - &shorts * rise.clone().min(margin.clone()),
            &shorts * &fall - &longs * fall.clone().min(margin),
        ]
    }

    pub fn buffer(&self, world: &World) -> Rational {
        if self.is_resolved {
            return zero();
        }
        let [rise, fall] = self.losses(world);
        rise.max(fall).max(zero())
    }

    /// The part of the side that loses most that must go for that loss to be less by `relief`: of shorts or not, and how much.
    pub fn excess(&self, world: &World, relief: &Rational) -> (bool, Rational) {
        let spot = prices(world, self.index, Width::Maintenance).spot;
        let [rise, fall] = self.losses(world);
        let of_shorts = fall > rise;
        let whole = self.lots(of_shorts) * spot * &self.moves(world)[of_shorts as usize];
        (of_shorts, if whole == zero() { int(1) } else { relief.clone().min(whole.clone()) / whole })
    }
}

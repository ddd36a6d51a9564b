//! What governance sets for a perp and for the pool behind it.

use crate::{
    error::{Error, Result},
    number::units::{Bps, MAX_LIQUIDITY},
    record::parameter::{self, Governed, Parameter, governed},
};

governed! {
    /// What governance sets for a perp.
    pub struct PerpConfig: 112 {
        /// Most value of one side, atoms of the quote token.
        pub max_side: u64 [Atoms, 0..=MAX_LIQUIDITY / 16, Up, PerpCapOutOfRange],
        /// Most that traders take out of the pool through this perp in a day, atoms; what is beyond stays owed to them. Zero: unlimited.
        pub loss_budget: u64 [Atoms, 1..=MAX_LIQUIDITY / 16, UpOrNone, PerpCapOutOfRange],
        /// Most value by which positions grow at once, atoms; it comes back over a minute. Zero: unlimited.
        pub instant_flow: u64 [Atoms, 1..=MAX_LIQUIDITY / 16, UpOrNone, PerpCapOutOfRange],
        /// Least value that a trade may leave in a position, atoms.
        pub min_value: u64 [Atoms, 1..=MAX_LIQUIDITY / 16, Any, PerpCapOutOfRange],
        /// Skew at which the price moves by all of itself, lots: the impact of a skew K is K ÷ this.
        pub skew_scale: u64 [Count, 1..=1 << 48, Any, PerpCapOutOfRange],
        /// Over how many seconds the pool must bear a move of the price.
        pub shock_horizon: u32 [Seconds, 60..=604_800, Any, PerpShockOutOfRange],
        /// Margin that a new position needs, beside the cost of closing it.
        pub initial_margin: Bps [Bps, 100..=10_000, Down, PerpMarginOutOfRange],
        /// Margin below which it is closed by others, likewise. It waits both ways, like all that could close positions at once.
        pub maintenance_margin: Bps [Bps, 50..=10_000, Any, PerpMarginOutOfRange],
        /// Least fee of a trade.
        pub fee: Bps [Bps, 1..=500, Any, PerpFeeOutOfRange],
        /// Standard deviations of the price, over its age and `fee_lag`, that a trade pays at least.
        pub fee_deviations: Bps [Bps, 0..=60_000, Any, PerpFeeOutOfRange],
        /// Seconds that a trader is taken to see ahead.
        pub fee_lag: u16 [Seconds, 0..=60, Any, PerpFeeOutOfRange],
        /// Most impact.
        pub max_impact: Bps [Bps, 0..=1_000, Any, PerpFeeOutOfRange],
        /// Part of fees and penalties that goes to the perp's insurance.
        pub insurance_share: Bps [Bps, 0..=10_000, Down, PerpFeeOutOfRange],
        /// Penalty of a liquidation.
        pub penalty: Bps [Bps, 1..=1_000, Any, PerpFeeOutOfRange],
        /// Part of the penalty that the liquidator gets.
        pub liquidator_share: Bps [Bps, 1..=10_000, Any, PerpFeeOutOfRange],
        /// Most funding in a year.
        pub max_funding: Bps [BpsPerYear, 0..=60_000, Any, PerpFundingOutOfRange],
        /// By how much the yearly funding moves in a day at full skew.
        pub funding_speed: Bps [BpsPerDay, 0..=60_000, Any, PerpFundingOutOfRange],
        /// Least move of the price that the pool must bear.
        pub least_shock: Bps [Bps, 100..=9_000, Any, PerpShockOutOfRange],
        /// Standard deviations over `shock_horizon` that it must bear.
        pub shock_deviations: Bps [Bps, 10_000..=60_000, Any, PerpShockOutOfRange],
        /// Seconds after a position grew before which closing it pays no profit.
        pub hold: u16 [Seconds, 1..=3_600, Any, PerpFeeOutOfRange],
        /// Most seconds since a price was published at which positions grow.
        pub max_trade_age: u16 [Seconds, 1..=60, Up, PerpFeeOutOfRange],
        /// The record of the pool.
        pub pool: u8 [Id, 0..=63, Any, PerpFixed],
        /// The reserve whose price it follows.
        pub price: u8 [Id, 0..=63, Any, PerpFixed],
        /// 1: the price; 2: its square.
        pub power: u8 [Count, 1..=2, Any, PerpFixed],
        /// 1 if positions only shrink.
        pub reduce_only: u8 [Switch, 0..=1, Down, PerpSwitchOutOfRange],
        /// A lot in atoms of that reserve's token: 10 to this.
        pub lot_digits: u8 [Count, 0..=18, Any, PerpFixed],
        /// 1 if the authority may wind it down, at the price of that moment.
        pub wind_down: u8 [Switch, 0..=1, Any, PerpSwitchOutOfRange],
        /// Of a square: the value of a lot at which it is worth the price itself; 32 fractional bits.
        pub norm: u64 [Count, 0..=1 << 46, Any, PerpFixed],
        /// Seconds after an order was placed from which a price fills it: more than the chain's clock may be behind.
        pub order_lag: u16 [Seconds, 1..=60, Down, PerpFeeOutOfRange],
        /// Zero.
        pub reserved: [u8; 22] [zero],
    }
}

/// The parameters of a perp, in order.
pub static PERP_PARAMETERS: [Parameter; parameter::count(PerpConfig::NODES)] = parameter::table::<PerpConfig, _>();

impl PerpConfig {
    /// Refuses parameters outside their ranges, or that do not go together.
    pub fn validate(&self) -> Result<()> {
        parameter::validate(&PERP_PARAMETERS, bytemuck::bytes_of(self))?;
        // What is left below maintenance pays the penalty.
        if self.maintenance_margin > self.initial_margin || self.penalty >= self.maintenance_margin {
            return Err(Error::PerpMarginOutOfRange);
        }
        if (self.power == 2) != (self.norm != 0) {
            return Err(Error::PerpFixed);
        }
        // Leaving by liquidation is no cheaper than a trade.
        if self.penalty < self.fee { Err(Error::PerpFeeOutOfRange) } else { Ok(()) }
    }

    /// Refuses a change of what is fixed at listing.
    pub fn require_same_contract(&self, new: &Self) -> Result<()> {
        let fixed = |config: &Self| (config.pool, config.price, config.power, config.lot_digits, config.norm);
        if fixed(self) == fixed(new) { Ok(()) } else { Err(Error::PerpFixed) }
    }
}

governed! {
    /// What governance sets for a pool.
    pub struct PoolConfig: 48 {
        /// Most atoms that deposits may lead to.
        pub max_value: u64 [Atoms, 0..=MAX_LIQUIDITY / 16, Up, PerpCapOutOfRange],
        /// Seconds between asking to leave and leaving.
        pub leave_delay: u32 [Seconds, 3_600..=2_592_000, Any, PoolOutOfRange],
        /// Most skew of one perp, as a part of the pool's low value.
        pub max_skew: Bps [Bps, 0..=60_000, Up, PoolOutOfRange],
        /// Low value ÷ buffer that an exit must leave.
        pub exit_cover: Bps [Bps, 10_000..=60_000, Any, PoolOutOfRange],
        /// Low value ÷ buffer below which positions are deleveraged.
        pub deleverage_below: Bps [Bps, 1_000..=10_000, Any, PoolOutOfRange],
        /// To which.
        pub deleverage_to: Bps [Bps, 1_000..=20_000, Any, PoolOutOfRange],
        /// What positions pay for the pool a year while none of it is used.
        pub borrow_base: Bps [BpsPerYear, 0..=20_000, Any, PoolOutOfRange],
        /// The same at full use.
        pub borrow_full: Bps [BpsPerYear, 0..=60_000, Any, PoolOutOfRange],
        /// The same at `borrow_kink`.
        pub borrow_at_kink: Bps [BpsPerYear, 0..=60_000, Any, PoolOutOfRange],
        /// Use (buffer ÷ low value) from which they pay by the steeper slope.
        pub borrow_kink: Bps [Bps, 1..=9_999, Any, PoolOutOfRange],
        /// The reserve of its token.
        pub quote: u8 [Id, 0..=63, Any, PerpFixed],
        /// 1 if nothing more comes in.
        pub reduce_only: u8 [Switch, 0..=1, Down, PerpSwitchOutOfRange],
        /// Zero.
        pub reserved: [u8; 18] [zero],
    }
}

/// The parameters of a pool, in order.
pub static POOL_PARAMETERS: [Parameter; parameter::count(PoolConfig::NODES)] = parameter::table::<PoolConfig, _>();

impl PoolConfig {
    /// Refuses parameters outside their ranges, or that do not go together.
    pub fn validate(&self) -> Result<()> {
        parameter::validate(&POOL_PARAMETERS, bytemuck::bytes_of(self))?;
        let rises = self.borrow_base <= self.borrow_at_kink && self.borrow_at_kink <= self.borrow_full;
        if rises && self.deleverage_below <= self.deleverage_to { Ok(()) } else { Err(Error::PoolOutOfRange) }
    }

    /// What positions pay a year at a use of the pool, basis points.
    pub fn borrow_rate(&self, used: Bps) -> Bps {
        let line = |from: Bps, to: Bps, part: u16, whole: u16| {
            Bps(from.0 + ((to.0 - from.0) as u64 * part as u64 / whole as u64) as u16)
        };
        let (kink, used) = (self.borrow_kink.0, used.0.min(10_000));
        if used <= kink {
            line(self.borrow_base, self.borrow_at_kink, used, kink)
        } else {
            line(self.borrow_at_kink, self.borrow_full, used - kink, 10_000 - kink)
        }
    }
}

//! Lanes: what a share of a reserve counts for, by side and terms.

use ballast_client::engine::{
    health::{Requirement, account::health},
    number::units::Shares,
    state::{
        account::{MarginAccount, Mode, Position, Side},
        market::{MAX_RESERVES, MarketConfig},
        reserve::Reserve,
        weights::Terms,
    },
};

/// Lanes of one reserve: a deposit and a debt on each of the three terms.
const OF_RESERVE: usize = 6;
/// Entries of a table: a power of two, so that a masked index needs no check.
const ENTRIES: usize = 512;
const _: () = assert!(MAX_RESERVES * OF_RESERVE < ENTRIES);

/// A reserve × terms × side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane(u16);

impl Lane {
    /// Of an unused position: it counts nothing.
    pub const UNUSED: Self = Self((ENTRIES - 1) as u16);

    /// Of a position in a reserve, whose index is below [`MAX_RESERVES`].
    pub fn new(reserve: u8, terms: Terms, is_debt: bool) -> Self {
        Self(reserve as u16 * OF_RESERVE as u16 + terms as u16 * 2 + is_debt as u16)
    }

    /// The reserve.
    pub fn reserve(self) -> u8 {
        (self.0 / OF_RESERVE as u16) as u8
    }

    /// Whether it is of debts.
    pub fn is_debt(self) -> bool {
        self.0 & 1 == 1
    }
}

/// What so many shares of a lane count for, never more than what the engine says: `max(min(v, ceiling), v × beyond)` for
/// `v = shares × factor − slack`, in 10^-8 USD, negative for debts.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Value {
    /// Of a share.
    factor: f64,
    /// What the engine's roundings may take from a position.
    slack: f64,
    /// What a deposit counts for at the reserve's position depth.
    ceiling: f64,
    /// The part of a deposit that counts beyond it, at least.
    beyond: f64,
}

impl Value {
    const NOTHING: Self = Self { factor: 0.0, slack: 0.0, ceiling: f64::INFINITY, beyond: 1.0 };

    /// The value and its magnitude: a change of the factor and the slack by a part of themselves changes the value by no more
    /// than that part of the magnitude. For a share of `v` that counts never grows with v, and `v` itself moves by that part
    /// of `v` and of twice the slack.
    #[inline(always)]
    fn of(&self, shares: u64) -> (f64, f64) {
        let whole = shares as f64 * self.factor - self.slack;
        // One instruction each, as nothing here is not a number.
        let capped = if whole < self.ceiling { whole } else { self.ceiling };
        let most = whole * self.beyond;
        let value = if capped > most { capped } else { most };
        (value, value.abs() + 2.0 * self.slack)
    }
}

/// By how much every factor errs, for an account to be found rather than missed. A term is a product of seven roundings (two
/// of the factor's quotient, its bias, the shares, the product, the slack, the part beyond a depth with its own factor's
/// two), and a sum of sixteen has fifteen more, each of 2^-53 of the terms' magnitudes: 24 in all, of 64.
const BIAS: f64 = 64.0 / (1u64 << 53) as f64;

/// The values of all lanes at a moment.
#[derive(Clone, Debug)]
pub struct Lanes {
    values: Box<[Value; ENTRIES]>,
}

impl Default for Lanes {
    /// All lanes count nothing.
    fn default() -> Self {
        Self { values: Box::new([Value::NOTHING; ENTRIES]) }
    }
}

impl Lanes {
    /// Of a market's reserves at `now`, unix seconds, interest until then included.
    pub fn new(reserves: &[Reserve], market: &MarketConfig, now: i64) -> Self {
        let mut lanes = Self::default();
        let mut probe = Probe::new(reserves, market, now);
        for index in 0..reserves.len().min(MAX_RESERVES) {
            for terms in [Terms::Cross, Terms::Group, Terms::Isolated] {
                for side in [Side::Deposit, Side::Debt] {
                    let lane = Lane::new(index as u8, terms, side == Side::Debt);
                    lanes.values[lane.0 as usize] = probe.value(index, terms, side);
                }
            }
        }
        lanes
    }

    /// What shares of a lane count for, and the magnitude that it is a part of.
    #[inline(always)]
    pub fn value(&self, lane: Lane, shares: u64) -> (f64, f64) {
        self.values[lane.0 as usize & (ENTRIES - 1)].of(shares)
    }

    /// Takes over the values of some reserves, as bits.
    pub fn take(&mut self, other: &Self, reserves: u64) {
        for reserve in (0..MAX_RESERVES).filter(|reserve| reserves >> reserve & 1 == 1) {
            let lanes = reserve * OF_RESERVE..(reserve + 1) * OF_RESERVE;
            self.values[lanes.clone()].copy_from_slice(&other.values[lanes]);
        }
    }

    /// The reserves, as bits, of which some lane's values differ by more than a part of them.
    pub fn moved_by(&self, other: &Self, part: f64) -> u64 {
        (0..MAX_RESERVES).fold(0, |moved, reserve| {
            let lanes = reserve * OF_RESERVE..(reserve + 1) * OF_RESERVE;
            let differs = self.values[lanes.clone()].iter().zip(&other.values[lanes]).any(|(one, other)| {
                let far = |one: f64, other: f64| (one - other).abs() > other.abs() * part;
                let bent = (one.ceiling, one.beyond) != (other.ceiling, other.beyond);
                bent || far(one.factor, other.factor) || far(one.slack, other.slack)
            });
            moved | (differs as u64) << reserve
        })
    }
}

/// Asks the engine for the health of accounts with a single large position.
struct Probe<'a> {
    reserves: &'a [Reserve],
    /// The same, without what makes a value bend.
    straight: Vec<Reserve>,
    market: &'a MarketConfig,
    now: i64,
}

impl<'a> Probe<'a> {
    fn new(reserves: &'a [Reserve], market: &'a MarketConfig, now: i64) -> Self {
        let mut straight = reserves.to_vec();
        straight.iter_mut().for_each(|reserve| reserve.risk.position_depth = 0);
        Self { reserves, straight, market, now }
    }

    fn value(&mut self, index: usize, terms: Terms, side: Side) -> Value {
        let reserve = &self.reserves[index];
        let is_debt = side == Side::Debt;
        // As many as the books may hold: then what the engine rounds is no part of the whole.
        let of = if is_debt { reserve.debt_index_at(self.now) } else { reserve.deposit_index_at(self.now) };
        let shares = of.shares_floor(u64::MAX).unwrap_or(Shares(u64::MAX));
        let amount = of.amount_floor(shares) as f64;
        let whole = self.ask(index, terms, side, shares);
        if whole == 0.0 {
            // Less than a unit of value, however many.
            return if is_debt { Value::NOTHING } else { Value { slack: 1.0, ..Value::NOTHING } };
        }
        let factor = whole / shares.0 as f64;
        // The engine rounds an amount by up to an atom, its value by up to a unit, and two beyond the depth.
        let slack = ((whole + 1.0) / amount + 3.0) * (1.0 + BIAS) * 2.0;
        if is_debt {
            return Value { factor: -factor * (1.0 + BIAS), slack, ..Value::NOTHING };
        }
        let factor = factor * (1.0 - BIAS);
        let (depth, haircut) = (reserve.risk.position_depth, reserve.risk.position_haircut);
        if depth == 0 {
            return Value { factor, slack, ..Value::NOTHING };
        }
        let weight = reserve.risk.weights[terms as usize].maintenance_asset;
        let ceiling = depth as f64 * weight.0 as f64 * 1e4;
        let beyond = weight.less(haircut).0 as f64 / (weight.0 as f64).max(1.0);
        Value { factor, slack, ceiling: ceiling - 1.0, beyond: beyond * (1.0 - BIAS) }
    }

    /// What the engine counts shares for, as the only position of an account on these terms.
    fn ask(&self, index: usize, terms: Terms, side: Side, shares: Shares) -> f64 {
        let mut account = MarginAccount { position_count: 1, ..MarginAccount::default() };
        account.positions[0] = Position { shares, reserve: index as u8, side: side as u8, padding: [0; 6] };
        match terms {
            Terms::Cross => (),
            Terms::Group => account.debt_group = self.reserves[index].config.risk.group_id,
            Terms::Isolated => account.mode = Mode::Isolated as u8,
        }
        // Maintenance refuses nothing but a reserve that does not exist.
        let health = health(&account, &self.straight, self.market, self.now, Requirement::Maintenance);
        health.map_or(0.0, |health| if side == Side::Debt { health.debt.0 as f64 } else { health.collateral.0 as f64 })
    }
}

//! ValuationTable: what a share of a reserve counts for, by side and terms, and a lot of a perp, by side.

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

use super::perp_values::{Counted, HeldPerp, OF_PERP, PERP_ENTRIES, PerpValue};

/// ValuationTable of one reserve: a deposit and a debt on each of the three terms.
const OF_RESERVE: usize = 6;
/// Entries of a table: a power of two, so that a masked index needs no check.
const ENTRIES: usize = 512;
const _: () = assert!(MAX_RESERVES * OF_RESERVE < ENTRIES);

/// What decides on the value of a share: reserve × terms × side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionKind(u16);

impl PositionKind {
    /// Of an unused position, which counts for nothing.
    pub const UNUSED: Self = Self((ENTRIES - 1) as u16);

    /// Of a position in a reserve, whose index is below [`MAX_RESERVES`].
    pub fn new(reserve: u8, terms: Terms, is_debt: bool) -> Self {
        Self(reserve as u16 * OF_RESERVE as u16 + terms as u16 * 2 + is_debt as u16)
    }

    /// The reserve.
    pub fn reserve(self) -> u8 {
        (self.0 / OF_RESERVE as u16) as u8
    }

    /// Whether positions of this kind are debts.
    pub fn is_debt(self) -> bool {
        self.0 & 1 == 1
    }
}

/// What shares of one kind count for: `max(min(v, ceiling), v × beyond)` for `v = shares × factor − slack`, in 10^-8 USD,
/// negative for debts. It is never more than what the engine says.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Value {
    /// The value of a share.
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

    /// The value and its magnitude. If factor and slack change by a part of themselves, the value changes by no more than that
    /// part of the magnitude. For `v` changes by no more than that part of `v` and of twice the slack, and a larger part of a
    /// larger `v` never counts.
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

/// The part by which every factor is set too low, so that the roundings of floats hide no liquidatable account. A term has up
/// to nine roundings (two of the factor's quotient, its bias, the shares, the product, the slack, the part beyond a depth
/// with its own factor's two), and a sum of sixteen terms has fifteen more. Each is 2^-53 of the terms' magnitudes: 24 in
/// all, and the part is 64.
pub const BIAS: f64 = 64.0 / (1u64 << 53) as f64;

/// The values of all position kinds at a moment.
#[derive(Clone, Debug)]
pub struct ValuationTable {
    values: Box<[Value; ENTRIES]>,
    perps: Box<[PerpValue; PERP_ENTRIES]>,
}

impl Default for ValuationTable {
    /// Nothing counts.
    fn default() -> Self {
        Self { values: Box::new([Value::NOTHING; ENTRIES]), perps: Box::new([PerpValue::NOTHING; PERP_ENTRIES]) }
    }
}

impl ValuationTable {
    /// The values in a market at `now`, unix seconds, with interest until then.
    pub fn new(reserves: &[Reserve], market: &MarketConfig, now: i64) -> Self {
        let mut table = Self::default();
        let mut probe = Probe::new(reserves, market, now);
        let priced = reserves.iter().filter(|record| record.is_reserve());
        let latest = priced.map(|reserve| reserve.price.newest_time()).max().unwrap_or_default();
        for index in 0..reserves.len().min(MAX_RESERVES) {
            if let Some(values) = PerpValue::of_perp(reserves, index as u8, latest, now) {
                table.perps[index * OF_PERP..][..OF_PERP].copy_from_slice(&values);
            }
        }
        for index in (0..reserves.len().min(MAX_RESERVES)).filter(|index| reserves[*index].is_reserve()) {
            for terms in [Terms::Cross, Terms::Group, Terms::Isolated] {
                for side in [Side::Deposit, Side::Debt] {
                    let kind = PositionKind::new(index as u8, terms, side == Side::Debt);
                    table.values[kind.0 as usize] = probe.value(index, terms, side);
                }
            }
        }
        table
    }

    /// What shares of a kind count for, 10^-8 USD, and the magnitude that bounds its changes ([`Value::of`]).
    #[inline(always)]
    pub fn value(&self, kind: PositionKind, shares: u64) -> (f64, f64) {
        self.values[kind.0 as usize & (ENTRIES - 1)].of(shares)
    }

    /// What a position in a perp counts for.
    #[inline(always)]
    pub fn perp(&self, held: &HeldPerp) -> Counted {
        self.perps[held.kind.entry() & (PERP_ENTRIES - 1)].of(held)
    }

    /// What lots of a position's kind count for.
    pub fn of_perp(&self, held: &HeldPerp) -> &PerpValue {
        &self.perps[held.kind.entry() & (PERP_ENTRIES - 1)]
    }

    /// Takes over the values of some records, given as bits.
    pub fn take(&mut self, other: &Self, records: u64) {
        for record in (0..MAX_RESERVES).filter(|record| records >> record & 1 == 1) {
            let of_reserve = record * OF_RESERVE..(record + 1) * OF_RESERVE;
            self.values[of_reserve.clone()].copy_from_slice(&other.values[of_reserve]);
            let of_perp = record * OF_PERP..(record + 1) * OF_PERP;
            self.perps[of_perp.clone()].copy_from_slice(&other.perps[of_perp]);
        }
    }

    /// The reserves and perps, as bits, that have a kind whose values differ by more than `part` of themselves.
    pub fn moved_by(&self, other: &Self, part: f64) -> u64 {
        (0..MAX_RESERVES).fold(0, |moved, reserve| {
            let of_reserve = reserve * OF_RESERVE..(reserve + 1) * OF_RESERVE;
            let differs = self.values[of_reserve.clone()].iter().zip(&other.values[of_reserve]).any(|(one, other)| {
                let far = |one: f64, other: f64| (one - other).abs() > other.abs() * part;
                let bent = (one.ceiling, one.beyond) != (other.ceiling, other.beyond);
                bent || far(one.factor, other.factor) || far(one.slack, other.slack)
            });
            let of_perp = reserve * OF_PERP..(reserve + 1) * OF_PERP;
            let mut perps = self.perps[of_perp.clone()].iter().zip(&other.perps[of_perp]);
            let differs = differs || perps.any(|(one, other)| one.is_far(other, part));
            moved | (differs as u64) << reserve
        })
    }
}

/// Asks the engine what a single large position counts for.
struct Probe<'a> {
    reserves: &'a [Reserve],
    /// The same without position depths, so that values are straight lines.
    straight: Vec<Reserve>,
    market: &'a MarketConfig,
    now: i64,
}

impl<'a> Probe<'a> {
    fn new(reserves: &'a [Reserve], market: &'a MarketConfig, now: i64) -> Self {
        let mut straight = reserves.to_vec();
        straight.iter_mut().filter(|record| record.is_reserve()).for_each(|reserve| reserve.risk.position_depth = 0);
        Self { reserves, straight, market, now }
    }

    fn value(&mut self, index: usize, terms: Terms, side: Side) -> Value {
        let reserve = &self.reserves[index];
        let is_debt = side == Side::Debt;
        // As many as the books may hold, so that the engine's rounding is too small a part of the whole to matter.
        let of = if is_debt { reserve.debt_index_at(self.now) } else { reserve.deposit_index_at(self.now) };
        let shares = of.shares_floor(u64::MAX).unwrap_or(Shares(u64::MAX));
        let amount = of.amount_floor(shares) as f64;
        let whole = self.ask(index, terms, side, shares);
        if whole == 0.0 {
            // Even all shares are worth less than a unit.
            return if is_debt { Value::NOTHING } else { Value { slack: 1.0, ..Value::NOTHING } };
        }
        let factor = whole / shares.0 as f64;
        // The engine rounds an amount by up to an atom, its value by up to a unit, and beyond the depth by two more.
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
        let beyond = weight.saturating_sub(haircut).0 as f64 / (weight.0 as f64).max(1.0);
        Value { factor, slack, ceiling: ceiling - 1.0, beyond: beyond * (1.0 - BIAS) }
    }

    /// What the engine counts for shares that are the only position of an account on these terms.
    fn ask(&self, index: usize, terms: Terms, side: Side, shares: Shares) -> f64 {
        let mut account = MarginAccount { position_count: 1, ..MarginAccount::default() };
        account.positions[0] = Position { shares, reserve: index as u8, side: side as u8, padding: [0; 6] };
        match terms {
            Terms::Cross => (),
            Terms::Group => account.debt_group = self.reserves[index].config.risk.group_id,
            Terms::Isolated => account.mode = Mode::Isolated as u8,
        }
        // Maintenance health fails only for a reserve that does not exist.
        let health = health(&account, &self.straight, self.market, self.now, Requirement::Maintenance);
        health.map_or(0.0, |health| if side == Side::Debt { health.debt.0 as f64 } else { health.collateral.0 as f64 })
    }
}

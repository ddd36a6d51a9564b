//! What positions in perps count for, by perp and side: the part of the valuation table that is about them.

use ballast_client::engine::{
    number::units::{Bps, ONE_BPS, Part},
    price::policy::{Treatment, Use},
    state::perp::view::PerpView,
    state::{
        market::MAX_RESERVES,
        perp::{PerpPosition, Pool, book::Width},
        reserve::Reserve,
    },
};

use super::valuation_table::BIAS;

/// Values of one perp: of its longs, of its shorts, and of what is closed and not yet paid.
pub const OF_PERP: usize = 3;
/// Entries of a table: a power of two, so that a masked index needs no check.
pub const PERP_ENTRIES: usize = 256;
const _: () = assert!(MAX_RESERVES * OF_PERP < PERP_ENTRIES);

/// What decides on the value of a lot: perp × side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerpKind(u8);

impl PerpKind {
    /// Of an unused place, which counts for nothing.
    pub const UNUSED: Self = Self((PERP_ENTRIES - 1) as u8);

    /// Of a position in a perp, whose index is below [`MAX_RESERVES`].
    pub fn new(position: &PerpPosition) -> Self {
        let side = if position.size == 0 { 2 } else { position.side_index() };
        Self(position.perp * OF_PERP as u8 + side as u8)
    }

    /// The perp's record.
    pub fn perp(self) -> u8 {
        self.0 / OF_PERP as u8
    }

    /// Its place in a table.
    #[inline(always)]
    pub fn entry(self) -> usize {
        self.0 as usize
    }
}

/// A position, as the index keeps it.
#[derive(Clone, Copy, Debug)]
pub struct HeldPerp {
    size: u64,
    cost: i64,
    grown_at: u32,
    /// What decides on its value.
    pub kind: PerpKind,
    is_short: bool,
}

impl HeldPerp {
    /// An unused place.
    pub const UNUSED: Self = Self { size: 0, cost: 0, grown_at: 0, kind: PerpKind::UNUSED, is_short: false };

    /// Of an account's position.
    pub fn new(position: &PerpPosition) -> Self {
        let PerpPosition { size, cost, grown_at, is_short, .. } = *position;
        Self { size, cost, grown_at, kind: PerpKind::new(position), is_short: is_short != 0 }
    }

    /// Whether nothing is left of it but what is owed.
    pub fn is_closed(&self) -> bool {
        self.size == 0
    }

    /// The position as the account has it.
    pub fn position(&self) -> PerpPosition {
        PerpPosition {
            size: self.size,
            perp: self.kind.perp(),
            is_short: self.is_short as u8,
            grown_at: self.grown_at,
            cost: self.cost,
            ..PerpPosition::default()
        }
    }
}

/// What lots of one kind count for, in 10^-8 USD. A position of `size` lots that cost `cost` has gained `size × worth − cost × atom`. It
/// counts for the part of that which is paid, or for all that is lost, less its margin `size × (margin + min(size × impact, most))`.
/// That is never more than what the engine says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PerpValue {
    /// What a lot is worth at the price that closes it: negative for a short.
    worth: f64,
    /// An atom of the quote token.
    atom: f64,
    /// The part of a gain that counts.
    paid: f64,
    /// What gains count for at most.
    most_gain: f64,
    /// The margin of a lot that moves no price,
    margin: f64,
    /// what each further lot adds to it,
    impact: f64,
    /// and that at most.
    most_impact: f64,
    /// What the engine's roundings may take from a position.
    slack: f64,
    /// What a position counts for at most: nothing, where some account may have the price read in its favour.
    ceiling: f64,
    /// What a lot is worth at the last price, atoms.
    spot: f64,
    /// What an atom is worth at the last price.
    spot_atom: f64,
    /// The reserve of the quote token.
    pub quote: u8,
}

/// What a position counts for, 10^-8 USD.
pub struct Counted {
    /// All of it.
    pub value: f64,
    /// What of it counts as collateral.
    pub gain: f64,
    /// If factors change by a part of themselves, the value changes by no more than that part of this.
    pub magnitude: f64,
}

impl PerpValue {
    /// Of positions that count for nothing.
    pub const NOTHING: Self = Self {
        worth: 0.0,
        atom: 0.0,
        paid: 0.0,
        most_gain: 0.0,
        margin: 0.0,
        impact: 0.0,
        most_impact: 0.0,
        slack: 0.0,
        ceiling: f64::INFINITY,
        spot: 0.0,
        spot_atom: 0.0,
        quote: MAX_RESERVES as u8,
    };

    /// What a position counts for.
    ///
    /// The magnitude has twice the two sides of the gain: once for the change of each, once for that of the part that is paid. The same
    /// part of it covers the roundings of floats, as these are sums of few terms.
    #[inline(always)]
    pub fn of(&self, held: &HeldPerp) -> Counted {
        let size = held.size as f64;
        let (whole, cost) = (size * self.worth, held.cost as f64 * self.atom);
        let gained = whole - cost;
        let gain = if gained > 0.0 { (gained * self.paid).min(self.most_gain) } else { 0.0 };
        let owed = size * (self.margin + (size * self.impact).min(self.most_impact)) + self.slack;
        let magnitude = 2.0 * (whole.abs() + cost.abs()) + owed;
        let value = gain + gained.min(0.0) - owed - BIAS * magnitude;
        Counted { value: value.min(self.ceiling), gain, magnitude }
    }

    /// What a position has gained at the last price: less than zero is lost.
    pub fn gained(&self, held: &HeldPerp) -> f64 {
        (held.size as f64 * self.spot - held.cost as f64) * self.spot_atom
    }

    /// Whether it differs from another by more than `part` of that.
    pub fn is_far(&self, other: &Self, part: f64) -> bool {
        let factors =
            |of: &Self| [of.worth, of.atom, of.paid, of.most_gain, of.margin, of.impact, of.most_impact, of.slack];
        let mut both = factors(self).into_iter().zip(factors(other));
        self.ceiling != other.ceiling || both.any(|(one, other)| (one - other).abs() > other.abs() * part)
    }

    /// Of the longs, the shorts and the closed positions of a perp at `now`, unix seconds. No price in the market was published after
    /// `latest`. None if the market does not have all that it depends on.
    pub fn of_perp(records: &[Reserve], index: u8, latest: i64, now: i64) -> Option<[Self; OF_PERP]> {
        let view = PerpView::new(records, index, Width::Maintenance, now).ok()?;
        let config = &view.perp.config;
        let pool = Pool::of(records, config.pool).ok()?;
        let quote = &records.get(pool.config.quote as usize)?.price;
        let underlying = records.get(config.price as usize)?;
        let one = Bps(ONE_BPS);
        let low = quote.value_floor(WHOLE, quote.low_maintenance, one).0 as f64 / WHOLE as f64;
        let high = quote.value_ceil(WHOLE, quote.high_maintenance, one).0 as f64 / WHOLE as f64;
        let counted =
            if pool.profit_factor == Part::WHOLE { low } else { low * f64::from(pool.profit_factor.0) / UNIT };
        let closed = Self {
            atom: high,
            paid: if high > 0.0 { counted / high * (1.0 - BIAS) } else { 0.0 },
            most_gain: counted * MOST_GAIN,
            slack: ATOMS * high + 4.0,
            quote: pool.config.quote,
            spot_atom: quote.value_floor(WHOLE, quote.spot, one).0 as f64 / WHOLE as f64,
            ..Self::NOTHING
        };
        let of_side = |is_short: bool| {
            let lot = PerpPosition { size: 1, is_short: is_short as u8, ..PerpPosition::default() };
            let side = &view.sides[lot.side_index()];
            let worth = |price| view.gain_at(&lot, price) as f64 / UNIT;
            // Of the value of a lot, 32 fractional bits.
            let value = side.scaled(view.marks.high) as f64 / UNIT * high;
            let required = |lots| config.requirement(lots, WHOLE, config.maintenance_margin) as f64 / WHOLE as f64;
            let (least, most) = (required(0), required(u64::MAX));
            let is_resolved = view.perp.is_resolved();
            let is_skipped =
                |moment| !is_resolved && Use::Debt.treatment(underlying.condition(now, moment)) != Treatment::Read;
            // The account's own moment is between these two.
            if is_skipped(underlying.price.newest_time()) {
                return Self::NOTHING;
            }
            let margin = if is_resolved { 0.0 } else { value };
            Self {
                worth: worth(if is_short { view.marks.high } else { view.marks.low }) * high,
                margin: margin * least,
                impact: margin * side.scaled(1 << 32) as f64 / UNIT / config.skew_scale.max(1) as f64,
                most_impact: margin * (most - least),
                ceiling: if is_skipped(latest) { 0.0 } else { f64::INFINITY },
                spot: worth(view.marks.spot),
                ..closed
            }
        };
        Some([of_side(false), of_side(true), closed])
    }
}

/// 32 fractional bits.
const UNIT: f64 = (1u64 << 32) as f64;
/// An amount of which the engine's rounding is too small a part to matter.
const WHOLE: u64 = 1 << 60;
/// Gains count for no more than these atoms: eight of them fit into 64 bits.
const MOST_GAIN: f64 = (1u64 << 60) as f64;
/// Atoms that the engine's roundings may take from a position: of its gain, of the part that is paid, of its value, of its margin.
const ATOMS: f64 = 5.0;

//! A perp at a moment, and what a position in it comes to.

use crate::{
    error::{Error, Result},
    number::units::Bps,
    state::{
        perp::{
            Marks, Perp, PerpPosition, Pool, Side,
            side::{Gain, gain},
        },
        reserve::Reserve,
    },
};

/// Which readings of a price count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// Spot, EMA and slow reference, whichever is worse, and the confidence: for what may be chosen.
    Initial,
    /// Spot and its confidence.
    Maintenance,
}

/// A perp at a moment: its sides with funding until then, and its prices.
pub struct PerpView<'a> {
    /// Its record.
    pub perp: &'a Perp,
    /// Its sides.
    pub sides: [Side; 2],
    /// Its prices.
    pub marks: Marks,
    /// The volatility measured of what it follows.
    pub annual: Bps,
}

impl<'a> PerpView<'a> {
    /// Of the perp at an index of a market's records.
    #[inline(never)]
    pub fn new(records: &'a [Reserve], index: u8, width: Width, now: i64) -> Result<Self> {
        let perp = Perp::of(records, index)?;
        let pool = Pool::of(records, perp.config.pool)?;
        Self::read(perp, records, width, pool.borrowed_at(now), now)
    }

    /// The same of a perp whose pool's `borrowed` at `now` is known.
    #[inline(always)]
    pub(crate) fn read(perp: &'a Perp, records: &'a [Reserve], width: Width, borrowed: u64, now: i64) -> Result<Self> {
        let underlying = records.get(perp.config.price as usize).ok_or(Error::ReserveIndexOutOfRange)?;
        let (marks, annual) = (perp.marks(&underlying.price, width), underlying.risk.volatility.annual);
        let (sides, _) = perp.accrued(marks.spot, annual, borrowed, now);
        Ok(Self { perp, sides, marks, annual })
    }

    /// What a position has gained at a price, atoms with 32 fractional bits.
    pub fn gain_at(&self, position: &PerpPosition, price: u64) -> Gain {
        let value = self.sides[position.side_index()].lot_value(price);
        gain(position.size as i64 * position.sign(), value) - ((position.cost as Gain) << 32)
    }

    /// The same at the price that the position would be closed at, whole atoms rounded down.
    #[inline(never)]
    pub fn gain(&self, position: &PerpPosition) -> i64 {
        let price = if position.is_short != 0 { self.marks.high } else { self.marks.low };
        (self.gain_at(position, price) >> 32).clamp(i64::MIN as Gain + 1, i64::MAX as Gain) as i64
    }

    /// The margin that it needs, atoms.
    #[inline(never)]
    pub fn margin(&self, position: &PerpPosition, base: Bps) -> u64 {
        let side = &self.sides[position.side_index()];
        if self.perp.is_resolved() || position.size == 0 {
            return 0;
        }
        let value = side.notional(position.size, self.marks.high);
        self.perp.config.requirement(side.lots(position.size), value, base)
    }
}

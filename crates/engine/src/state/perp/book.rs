//! What a pool has and owes at a moment, and funding until then.

use crate::{
    error::{Error, Result},
    number::{
        math::{div_narrow, mul_div_floor, wide},
        units::{Bps, Part, Seconds, Shares, Usd},
    },
    price::cache::PriceCache,
    state::{
        perp::{
            LONG, Marks, Perp, Pool, SHORT, Side,
            pricing::{ONE, funding, part},
            side::{Gain, MAX_PRICE},
            view::PerpView,
        },
        reserve::Reserve,
    },
};

pub use crate::state::perp::view::Width;

/// Longer without a trade counts as an hour for the change of the rate.
const MOST_SECONDS: u64 = 3_600;

impl Perp {
    /// The prices of a lot by the reserve that it follows.
    #[inline(never)]
    pub fn marks(&self, price: &PriceCache, width: Width) -> Marks {
        if self.is_resolved() {
            return Marks::all(self.final_price);
        }
        let (low, high) = match width {
            Width::Initial => (price.low_initial, price.high_initial),
            Width::Maintenance => (price.low_maintenance, price.high_maintenance),
        };
        let at = |reading| self.config.payoff(self.lot.price(price, reading));
        Marks { low: at(low), spot: at(price.spot), high: (at(high) + 1).min(MAX_PRICE - 1) }
    }

    /// Its sides with funding and the borrow fee until `now`, and the rate from then on, as an accrual would write them. `borrowed`
    /// is the pool's at `now`.
    #[inline(never)]
    pub fn accrued(&self, price: u64, annual: Bps, borrowed: u64, now: i64) -> ([Side; 2], i64) {
        let mut sides = self.sides;
        let seconds = Seconds::between(self.last_accrual, now).0;
        if seconds == 0 || self.is_resolved() {
            return (sides, self.rate);
        }
        let most = part(self.config.max_funding) as i64;
        let scale = self.config.skew_scale as i64;
        let skew = self.skew().clamp(-scale, scale);
        // What the rate moves by at full skew: below 2^35 × 2^12.
        let most_change = part(self.config.funding_speed) * seconds.min(MOST_SECONDS) / 86_400;
        let change = mul_div_floor(skew.unsigned_abs(), most_change, self.config.skew_scale).unwrap_or(0) as i64;
        let change = if skew < 0 { -change } else { change };
        let after = (self.rate + change).clamp(-most, most);
        // The mean of a rate that moves evenly; a square also pays for its variance: σ² a year.
        let carry = if self.config.power == 2 { (wide(part(annual), part(annual)) >> 32) as u64 } else { 0 };
        let rate = (self.rate + after) / 2 + carry.min(ONE * 8) as i64;
        let charges = funding(&sides, price, seconds, rate, borrowed.saturating_sub(self.borrowed));
        for (side, sign) in [(LONG, 1), (SHORT, -1)] {
            if !sides[side].charge(sign, charges[side]) {
                // At the end of the scale nobody pays: what one side did not pay the other must not get.
                return (self.sides, after);
            }
        }
        (sides, after)
    }

    /// Writes funding until `now` into its sides, and takes in a price of some time.
    #[inline(never)]
    pub(crate) fn accrue(&mut self, price: u64, published: i64, annual: Bps, borrowed: u64, now: i64) {
        (self.sides, self.rate) = self.accrued(price, annual, borrowed, now);
        self.borrowed = borrowed;
        self.last_accrual = self.last_accrual.max(now);
        if published > self.seen_time {
            (self.previous, self.previous_time) = (self.seen, self.seen_time);
            (self.seen, self.seen_time) = (price, published);
        }
    }

    /// The prices that a trader gets: the worse of the last two that were seen, if they are no further apart than a hold.
    pub(crate) fn worse(&self, marks: Marks) -> Marks {
        if self.previous == 0 || self.is_resolved() || self.seen_time - self.previous_time > self.config.hold as i64 {
            return marks;
        }
        Marks { low: marks.low.min(self.previous), high: marks.high.max(self.previous), ..marks }
    }

    /// What its sides are worth at a price, atoms rounded up.
    #[inline(never)]
    pub fn values(&self, sides: &[Side; 2], price: u64) -> [u64; 2] {
        [LONG, SHORT].map(|side| sides[side].notional(sides[side].size, price))
    }
}

/// What perps make their pool owe at a moment, and what it must bear for them. The sum of all is a pool's; a trade changes its own perp's
/// alone, so the others' are added up once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Owed {
    /// To sides that have gained at the prices worst for the pool.
    worst: Gain,
    /// The same at spot prices.
    claims: Gain,
    /// What it loses in the worst of the moves that it must bear.
    buffer: u64,
}

impl Owed {
    /// For the perps of a pool, but for one.
    #[inline(never)]
    pub fn by(pool: &Pool, records: &[Reserve], width: Width, now: i64, but: Option<u8>) -> Result<Self> {
        let (mut sum, borrowed) = (Self::default(), pool.borrowed_at(now));
        for index in pool.perps().iter().filter(|index| but != Some(**index)) {
            sum.add(Perp::of(records, *index)?, records, width, borrowed, now)?;
        }
        Ok(sum)
    }

    /// With one perp more. `borrowed` is the pool's at `now`.
    #[inline(never)]
    pub fn add(&mut self, perp: &Perp, records: &[Reserve], width: Width, borrowed: u64, now: i64) -> Result<()> {
        if perp.sides.iter().all(|side| side.size == 0 && side.cost() == 0) {
            return Ok(());
        }
        let PerpView { sides, marks, annual, .. } = PerpView::read(perp, records, width, borrowed, now)?;
        let [longs, shorts] = &sides;
        self.worst += longs.gain(1, marks.high).max(0) + shorts.gain(-1, marks.low).max(0);
        self.claims += longs.gain(1, marks.spot).max(0) + shorts.gain(-1, marks.spot).max(0);
        if !perp.is_resolved() {
            let [longs, shorts] = perp.values(&sides, marks.spot);
            self.buffer = self.buffer.saturating_add(perp.config.buffer(longs, shorts, annual));
        }
        Ok(())
    }
}

/// What a pool has and owes at a moment, atoms of its token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// What is there.
    pub cash: u64,
    /// What all sides that have gained could claim at spot prices.
    pub claims: u64,
    /// Cash less what is owed at the prices and gains worst for the pool: for who leaves, and for caps. Less than zero: it is short.
    pub low: i64,
    /// What it loses in the worst of the moves that it must bear.
    pub buffer: u64,
}

/// What there is of a pool, atoms.
pub(crate) fn cash_of(pool: &Pool, records: &[Reserve], now: i64) -> Result<u64> {
    let quote = records.get(pool.config.quote as usize).ok_or(Error::ReserveIndexOutOfRange)?;
    Ok(quote.deposit_index_at(now).rare_amount_floor(pool.deposit))
}

/// What of a value lies beyond so many times a buffer, atoms: what those who leave can take.
pub(crate) fn beyond(value: i64, buffer: u64, times: Bps) -> u64 {
    let kept = (buffer as u128 * times.0 as u128).div_ceil(10_000).min(u64::MAX as u128) as u64;
    u64::try_from(value).unwrap_or(0).saturating_sub(kept)
}

/// The value that who enters a pool with so many shares pays by; none where they are worth nothing.
pub(crate) fn entered(high: i64, shares: Shares) -> Option<u64> {
    u64::try_from(high).ok().filter(|high| *high > 0 || shares == Shares::ZERO)
}

/// Whole atoms, rounded down.
fn whole(gain: Gain) -> i64 {
    (gain >> 32).clamp(i64::MIN as Gain, i64::MAX as Gain) as i64
}

/// A pool's value for who enters, atoms: cash less what it owes, and with what it is owed, at the prices best for it.
#[inline(never)]
pub fn high_value(pool: &Pool, records: &[Reserve], width: Width, now: i64) -> Result<i64> {
    let (mut high, borrowed) = ((cash_of(pool, records, now)? as Gain) << 32, pool.borrowed_at(now));
    for index in pool.perps() {
        let PerpView { sides: [longs, shorts], marks, .. } =
            PerpView::read(Perp::of(records, *index)?, records, width, borrowed, now)?;
        high -= longs.gain(1, marks.low) + shorts.gain(-1, marks.high);
    }
    Ok(whole(high))
}

impl Standing {
    /// Of a pool at last prices. `width` is which readings count.
    pub fn of(pool: &Pool, records: &[Reserve], width: Width, now: i64) -> Result<Self> {
        Ok(Self::new(cash_of(pool, records, now)?, &Owed::by(pool, records, width, now, None)?))
    }

    /// Of a pool with so much cash.
    pub(crate) fn new(cash: u64, owed: &Owed) -> Self {
        let claims = (owed.claims + u32::MAX as Gain) >> 32;
        let low = whole(((cash as Gain) << 32) - owed.worst);
        Self { cash, claims: claims.min(u64::MAX as Gain) as u64, low, buffer: owed.buffer }
    }

    /// The part of a gain that is paid: what is there ÷ what is claimed, one at most. It is the same for whoever asks first.
    #[inline(never)]
    pub fn profit_factor(&self) -> Part {
        if self.cash >= self.claims {
            return Part::WHOLE;
        }
        // Below one.
        div_narrow((self.cash as u128) << 32, self.claims)
            .map_or(Part::WHOLE, |(part, _)| Part(part.min(u32::MAX as u64 - 1) as u32))
    }

    /// Buffer ÷ low value: all of it where nothing is left.
    pub fn used(&self) -> Bps {
        match u64::try_from(self.low) {
            Ok(low) if low > 0 => Usd(self.buffer as u128).bps_of(Usd(low as u128)),
            _ if self.buffer == 0 => Bps(0),
            _ => Bps(10_000),
        }
    }

    /// Low value ÷ buffer, basis points: none where nothing is left, and `u32::MAX` where there is nothing to cover.
    pub fn cover(&self) -> u32 {
        let ratio = (self.low.max(0) as u128 * 10_000).checked_div(self.buffer as u128);
        ratio.map_or(u32::MAX, |ratio| ratio.min(u32::MAX as u128) as u32)
    }

    /// Whether the low value covers the buffer so many times.
    pub fn covers(&self, times: Bps) -> bool {
        self.low >= 0 && self.low as u128 * 10_000 >= self.buffer as u128 * times.0 as u128
    }
}

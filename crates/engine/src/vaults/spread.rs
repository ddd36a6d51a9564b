//! How a vault's tokens are best spread: so that the last of them earns as much in each place that it may still be brought to or taken
//! from. What the last token earns, and how that falls with more, is computed on the piece of each place's curve where it is, and on
//! the next one below. That finds the move; what the move gains, [`crate::vaults::rebalance`] computes exactly.

use crate::{
    number::{
        math::{
            add_proved, bit_length, excess_over_32_bits, mul_proved, mul_shift32_floor, saturating_sub, sub_proved,
        },
        units::{Bps, ONE_BPS, Rate},
    },
    state::{
        interest::{RatePoint, Utilisation},
        reserve::Reserve,
        vault::MAX_ALLOCATIONS,
    },
    vaults::place::Place,
};

/// What the last token earns: a [`Rate`] without its last 13 bits, within ± 2^30. Below zero where one token more takes more from the
/// vault's others than it earns. Sums of four, and products with numbers of tokens, fit.
type Marginal = i64;

const MOST: u64 = (1 << 30) - 1;
const LIMIT: Marginal = MOST as Marginal;
/// One, where 32 bits are fractional.
const ONE: u64 = 1 << 32;
/// Halvings of the level: to a 128th of the highest yield.
const HALVINGS: usize = 7;

#[inline(always)]
fn marginal(rate: u64) -> Marginal {
    let short = rate >> 13;
    (if short < MOST { short } else { MOST }) as Marginal
}

/// So many tokens, below 2^30, and what the first and the last of them earn.
#[derive(Clone, Copy, Default)]
struct Line {
    length: u64,
    first: Marginal,
    last: Marginal,
}

impl Line {
    /// Tokens until the yield has come down to a level.
    #[inline(always)]
    fn until(&self, level: Marginal) -> u64 {
        if level >= self.first {
            return 0;
        }
        if level <= self.last {
            return self.length;
        }
        self.length.wrapping_mul(self.first.wrapping_sub(level) as u64) / self.first.wrapping_sub(self.last) as u64
    }

    /// Tokens until the yield has come up to a level; all of them where it falls.
    #[inline(always)]
    fn up_to(&self, level: Marginal) -> u64 {
        if level <= self.first {
            return 0;
        }
        if level >= self.last {
            return self.length;
        }
        self.length.wrapping_mul(level.wrapping_sub(self.first) as u64) / self.last.wrapping_sub(self.first) as u64
    }

    /// Twice what the first so many, all of them or those until a level, earn above it.
    #[inline(always)]
    fn above(&self, tokens: u64, level: Marginal) -> i64 {
        let last = if tokens == self.length { self.last } else { level };
        (tokens as i64).wrapping_mul(self.first.wrapping_add(last).wrapping_sub(level).wrapping_sub(level))
    }
}

/// What more and fewer tokens earn in one place.
#[derive(Clone, Copy, Default)]
pub(super) struct Yields {
    /// More tokens: until the curve bends, and from there.
    more: [Line; 2],
    /// Those that are there, from the last one back: what they earn falls away with them.
    less: Line,
}

impl Yields {
    /// Of a place to which at most so many tokens may come, none where more than a part is borrowed; all counted without their last
    /// `shift` bits.
    #[inline(never)]
    pub fn of(&mut self, place: &Place, room: u64, shift: u32, max_utilisation: Bps) {
        if (room | place.takeable) >> shift == 0 {
            return;
        }
        let pool = Pool::of(place.reserve, place.value);
        let used = pool.used(pool.liquidity);
        let piece = pool.piece(used);
        let now = pool.on(piece, pool.liquidity);
        let (rate, earned) = (place.rate.0, place.earned.0);
        let (room, more) = (room >> shift, room >> pool.cut);
        if room != 0 && rate != 0 && !Utilisation::from_bits(used).exceeds(max_utilisation) {
            // What a rate of the moment adds attracts nothing.
            let excess = marginal(saturating_sub(rate, earned));
            let line = |length, first: Marginal, last: Marginal| {
                let (first, last) = (first.wrapping_sub(excess), last.wrapping_sub(excess));
                Line { length, first: first.max(-LIMIT), last: last.max(-LIMIT) }
            };
            // Of a small pool no more than 2^32 atoms, or twice of what is there, at a time.
            let more = if more < ONE { more } else { ONE - 1 };
            let until = pool.until(&pool.points()[piece]);
            if until >= more {
                self.more[0] = line((more << pool.cut) >> shift, now.at, now.after(more));
            } else {
                let (from, rest) =
                    (pool.on(piece.wrapping_sub(1), add_proved(pool.liquidity, until)), sub_proved(more, until));
                self.more = [
                    line((until << pool.cut) >> shift, now.at, now.after(until)),
                    line((rest << pool.cut) >> shift, from.at, from.after(rest)),
                ];
            }
        }
        let takeable = place.takeable >> shift;
        if takeable != 0 {
            // As in [`Place::less`].
            let (added, least) = if rate > earned.saturating_add(earned >> 3) {
                (0, earned)
            } else {
                (saturating_sub(earned, rate), earned >> 1)
            };
            let (added, least) = (marginal(added), marginal(least));
            let lost = |yields: Marginal| yields.wrapping_add(added).max(least).min(LIMIT);
            let before = now.before(place.takeable >> pool.cut);
            self.less = Line { length: takeable, first: lost(now.at), last: lost(before) };
        }
    }

    /// The highest that a token brought here earns.
    #[inline(always)]
    fn highest(&self) -> Marginal {
        self.more[0].first.max(self.more[1].first)
    }

    /// How many tokens more earn at least a level. Where the yield rises again behind the bend, they stop before it or pass it,
    /// whichever earns more.
    #[inline(always)]
    fn wants(&self, level: Marginal) -> u64 {
        let first = self.more[0].until(level);
        if level >= self.more[1].first { first } else { self.wants_behind_the_bend(first, level) }
    }

    #[inline(never)]
    fn wants_behind_the_bend(&self, first: u64, level: Marginal) -> u64 {
        let [until, from] = &self.more;
        let second = from.until(level);
        let whole = until.above(until.length, level).wrapping_add(from.above(second, level));
        if whole > until.above(first, level) { add_proved(until.length, second) } else { first }
    }

    /// Twice what so many more earn above a level.
    #[inline(always)]
    fn gains(&self, tokens: u64, level: Marginal) -> u64 {
        let [until, from] = &self.more;
        let gains = if tokens <= until.length {
            until.above(tokens, level)
        } else {
            until.above(until.length, level).wrapping_add(from.above(sub_proved(tokens, until.length), level))
        };
        gains.max(0) as u64
    }

    /// Twice what a level gains over so many fewer.
    #[inline(always)]
    fn saves(&self, tokens: u64, level: Marginal) -> u64 {
        self.less.above(tokens, level).wrapping_neg().max(0) as u64
    }
}

/// What the last token earns at some liquidity, and how fast that falls.
#[derive(Clone, Copy, Default)]
struct Tangent {
    at: Marginal,
    /// Half of what it falls by over the liquidity, were it to fall evenly: below 2^31.
    steep: u64,
    liquidity: u64,
}

impl Tangent {
    /// After so many more, below 2^32: right to the second order where borrowers pay one rate, so that it falls with the square.
    #[inline(always)]
    fn after(&self, more: u64) -> Marginal {
        let over = add_proved(self.liquidity, add_proved(more, more >> 1));
        self.at.wrapping_sub(((mul_proved(self.steep, more) / over) << 1) as i64)
    }

    /// Before so many of those that are there came.
    #[inline(always)]
    fn before(&self, fewer: u64) -> Marginal {
        self.at.wrapping_add(((mul_proved(self.steep, fewer) / self.liquidity) << 1) as i64)
    }
}

/// A reserve as far as its curve goes. Atoms are counted without the last `cut` bits, so that the liquidity fits 32.
struct Pool<'a> {
    reserve: &'a Reserve,
    cut: u32,
    liquidity: u64,
    debts: u64,
    /// What others than the vault have in it.
    others: u64,
}

impl<'a> Pool<'a> {
    #[inline(always)]
    fn of(reserve: &'a Reserve, value: u64) -> Self {
        let (debts, deposits) = reserve.debts_and_deposits_roughly();
        let liquidity = add_proved(reserve.cash, debts);
        let cut = excess_over_32_bits(liquidity);
        let others = saturating_sub(deposits, value) >> cut;
        // Of nothing, one: it is divided by.
        Self { reserve, cut, liquidity: (liquidity >> cut) | (liquidity == 0) as u64, debts: debts >> cut, others }
    }

    #[inline(always)]
    fn points(&self) -> &'a [RatePoint] {
        &self.reserve.config.curve.points
    }

    /// The borrowed part, 32 fractional bits.
    #[inline(always)]
    fn used(&self, liquidity: u64) -> u64 {
        (self.debts << 32) / liquidity
    }

    /// The piece of the curve that has a utilisation: the number of the point at its lower end.
    #[inline(always)]
    fn piece(&self, used: u64) -> usize {
        let at_most = add_proved(mul_proved(used, ONE_BPS as u64), u32::MAX as u64) >> 32;
        self.points()[1..].iter().position(|high| at_most <= high.utilisation.0 as u64).unwrap_or(0)
    }

    /// How much more brings the utilisation down to a point of the curve: no end to it at the first one.
    #[inline(always)]
    fn until(&self, point: &RatePoint) -> u64 {
        match point.utilisation.0 {
            0 => u64::MAX,
            part => saturating_sub(mul_proved(self.debts, ONE_BPS as u64) / part as u64, self.liquidity),
        }
    }

    /// What the vault's last token earns at so much liquidity, all else equal. For a utilisation u, the part o of the deposits that is
    /// others', and a borrow rate c of the slope c′: u × (o × c − (1 − o) × u × c′), less the reserve factor. It falls with the
    /// liquidity by twice of that and of o × u² × c′ together.
    #[inline(never)]
    fn on(&self, piece: usize, liquidity: u64) -> Tangent {
        /// The rate of a basis point a year, without the last 13 bits and with 8 others.
        const BPS: u64 = (1u128 << 59).div_ceil(ONE_BPS as u128 * Rate::YEAR as u128) as u64;
        let Some([low, high]) = self.points().get(piece..piece.wrapping_add(2)) else { return Tangent::default() };
        let Reserve { controller, config, .. } = self.reserve;
        // 2^17 × 2^21, and × 2^19.
        let scaled = |bps: u32| mul_proved(mul_proved(bps as u64, BPS) >> 8, controller.multiplier >> 32) >> 16;
        let (from, rise) = (scaled(low.rate_bps), scaled(high.rate_bps.wrapping_sub(low.rate_bps)));
        let width = (high.utilisation.0 as u64).wrapping_sub(low.utilisation.0 as u64);
        if width == 0 {
            return Tangent::default();
        }
        let used = self.used(liquidity);
        let above = saturating_sub(mul_proved(used, ONE_BPS as u64), (low.utilisation.0 as u64) << 32);
        // Both products: 2^33 × 2^30.
        let rate = add_proved(from, (mul_proved(rise, above >> 17) / width) >> 15);
        let rate = add_proved(rate, controller.premium.0 >> 13).min(MOST);
        let slope = mul_shift32_floor(mul_proved(rise, used >> 3) / width, ONE_BPS as u64) << 3;
        let slope = if slope < MOST { slope } else { MOST };
        let theirs = (self.others << 32) / liquidity;
        let theirs = if theirs < ONE { theirs } else { ONE };
        let factor = mul_proved(used, sub_proved(ONE_BPS as u64, config.reserve_factor.0 as u64)) / ONE_BPS as u64;
        let lost = mul_proved(slope, sub_proved(ONE, theirs)) >> 32;
        let gross = (mul_proved(rate, theirs) >> 32).wrapping_sub(lost) as i64;
        let at = gross.wrapping_mul(factor as i64) >> 32;
        let steep = at.wrapping_add((mul_proved(mul_proved(slope, theirs) >> 32, factor) >> 32) as i64);
        Tangent { at, steep: steep.max(0) as u64, liquidity }
    }
}

/// A move.
pub(super) struct Flow {
    /// `None` is what is idle.
    pub from: Option<u8>,
    pub to: u8,
    pub amount: u64,
}

/// The bits that amounts of so much at most are counted without.
pub(super) fn shift_for(most: u64) -> u32 {
    bit_length(most).saturating_sub(30)
}

/// The move that matters most of those that lead to where tokens belong: of `spare` idle ones, which earn nothing, and of those in
/// places. Of the moves that matter half as much, it is the one to where the first token earns most.
#[inline(never)]
pub(super) fn flow(places: &[Yields; MAX_ALLOCATIONS], spare: u64, shift: u32) -> Option<Flow> {
    let spare = spare >> shift;
    let (mut low, mut high) = (0, places.iter().map(Yields::highest).max()?);
    if high <= 0 {
        return None;
    }
    let mut level = high >> 1;
    for _ in 0..HALVINGS {
        let mut left = spare as i64;
        for place in places {
            let wants = place.wants(level);
            left = if wants != 0 {
                left.wrapping_sub(wants as i64)
            } else {
                left.wrapping_add(place.less.up_to(level) as i64)
            };
        }
        if left < 0 {
            low = level
        } else {
            high = level
        }
        level = low.wrapping_add(high) >> 1;
    }
    let (wants, mut gains, mut best) = (places.each_ref().map(|place| place.wants(low)), [0; MAX_ALLOCATIONS], 0);
    for ((place, wants), gains) in places.iter().zip(wants).zip(&mut gains) {
        if wants != 0 {
            *gains = place.gains(wants, low);
            best = best.max(*gains);
        }
    }
    let (mut to, mut highest) = (None, 0);
    for (slot, gains) in (0u8..).zip(gains) {
        let first = places[slot as usize].highest();
        if gains > best >> 1 && first > highest {
            (to, highest) = (Some(slot), first);
        }
    }
    let to = to?;
    let wanted = wants[to as usize];
    // Of what there is only as much counts as is wanted.
    let counts = |tokens: u64, saves: u64| if tokens <= wanted { saves } else { mul_proved(saves / tokens, wanted) };
    let idle = mul_proved(spare, (level as u64) << 1);
    let (mut from, mut given, mut most) = (None, spare, counts(spare, idle));
    for (slot, place) in (0u8..).zip(places) {
        let tokens = if wants[slot as usize] == 0 { place.less.up_to(high) } else { 0 };
        if tokens != 0 {
            let saves = counts(tokens, place.saves(tokens, high));
            if saves > most {
                (from, given, most) = (Some(slot), tokens, saves);
            }
        }
    }
    Some(Flow { from, to, amount: wanted.min(given) << shift })
}

//! Where what a pool gains or loses comes from, to the atom.
//!
//! What a pool is worth at last prices is its deposit less what all positions have gained. It changes when time passes (interest, funding,
//! the borrow fee), when a price is published, and when somebody acts. Of an action it is known from its event what it must have
//! changed; what is beyond that is rounding, and has no other place to go to.

use anyhow::{Result, ensure};
use ballast_client::{
    Event, MarketView, PerpLiquidated,
    engine::{
        number::{index::Index, units::Shares},
        state::perp::{
            Side,
            book::Width,
            pricing::{ONE, part, part_of},
            side::Gain,
        },
    },
};

use super::market::Place;

/// What a pool gained, by source: atoms with 32 fractional bits, less than zero where it lost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sources {
    /// What traders lost by prices, less what they gained.
    pub prices: Gain,
    /// What trades at the high and the low price, or at the one before, cost them.
    pub spread: Gain,
    /// Fees and penalties, less the part of the insurance.
    pub fees: Gain,
    /// What one side paid in funding and the other did not get.
    pub funding: Gain,
    /// What positions paid for the pool.
    pub borrow: Gain,
    /// What its deposit earned in the reserve.
    pub interest: Gain,
    /// Gains that were not paid: within the hold, or by the factor.
    pub forfeited: Gain,
    /// Losses that nobody paid, less what insurance and fund bore.
    pub bad_debt: Gain,
    /// All that is not explained.
    pub rounding: Gain,
    /// What owners brought, less what they took.
    pub provided: Gain,
}

impl Sources {
    /// What the owners gained.
    pub fn gained(&self) -> Gain {
        self.named().iter().map(|(_, gain)| gain).sum()
    }

    /// All but what the owners moved, with names for people.
    pub fn named(&self) -> [(&'static str, Gain); 9] {
        [
            ("price moves", self.prices),
            ("spread", self.spread),
            ("fees", self.fees),
            ("funding", self.funding),
            ("borrow fee", self.borrow),
            ("interest", self.interest),
            ("forfeited gains", self.forfeited),
            ("bad debt", self.bad_debt),
            ("rounding", self.rounding),
        ]
    }
}

/// Who bore traders' losses, atoms.
#[derive(Clone, Copy, Debug, Default)]
pub struct Layers {
    /// Their own deposits.
    pub deposits: u64,
    /// Other collateral of theirs, sold for them.
    pub collateral: u64,
    /// The perp's insurance.
    pub insurance: u64,
    /// Its fund.
    pub fund: u64,
    /// The pool.
    pub pool: u64,
}

/// Everything that is counted.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// The pool's.
    pub sources: Sources,
    /// Who bore losses.
    pub layers: Layers,
    /// What was paid in funding, by whichever side, atoms.
    pub funding_paid: Gain,
    /// Value of what was opened, closed by traders, by liquidators, and by deleveraging, atoms.
    pub opened: u64,
    /// See [`Self::opened`].
    pub closed: u64,
    /// See [`Self::opened`].
    pub liquidated: u64,
    /// See [`Self::opened`].
    pub deleveraged: u64,
    /// How often positions were liquidated, and a side deleveraged.
    pub counts: (u64, u64),
    /// Actions of which [`Sources::rounding`] is the sum.
    pub actions: u64,
}

/// What a pool is worth at last prices, at `now`: atoms with 32 fractional bits.
pub fn value(place: &Place, market: &MarketView, now: i64) -> Result<Gain> {
    let pool = market.pool(place.pool)?;
    let mut value = (place.atoms(market, pool.deposit, now) as Gain) << 32;
    for (reserve, perp) in &place.perps {
        let spot = place.price(market, *perp)?;
        let [longs, shorts] = sides(market, *reserve, *perp, spot, pool.borrowed_at(now), now)?;
        value -= longs.gain(1, spot) + shorts.gain(-1, spot);
    }
    Ok(value)
}

/// A perp's sides with funding, and the borrow fee up to what the pool had charged.
fn sides(market: &MarketView, reserve: usize, perp: u8, spot: u64, borrowed: u64, now: i64) -> Result<[Side; 2]> {
    let annual = market.reserves[reserve].risk.volatility.annual;
    Ok(market.perp(perp)?.accrued(spot, annual, borrowed, now).0)
}

/// What a lot's offset grew by, for all of a side.
fn paid(before: &Side, after: &Side, sign: i64) -> Gain {
    before.size as Gain * ((after.offset - before.offset) as Gain * sign as Gain)
}

/// What changed of a market that somebody acted on.
pub struct Change<'a> {
    /// Before.
    pub before: &'a MarketView,
    /// After.
    pub after: &'a MarketView,
    /// When.
    pub now: i64,
}

impl Tally {
    /// Time passed, and nothing else.
    pub fn time(&mut self, place: &Place, market: &MarketView, from: i64, to: i64) -> Result<()> {
        let pool = market.pool(place.pool)?;
        let cash = |now| (place.atoms(market, pool.deposit, now) as Gain) << 32;
        self.sources.interest += cash(to) - cash(from);
        for (reserve, perp) in &place.perps {
            let (record, spot) = (market.perp(*perp)?, place.price(market, *perp)?);
            let at = |borrowed, now| sides(market, *reserve, *perp, spot, borrowed, now);
            // With what is charged already, only funding moves.
            let alone = |now| at(record.borrowed, now);
            let (funded, both) =
                ([alone(from)?, alone(to)?], [at(pool.borrowed_at(from), from)?, at(pool.borrowed_at(to), to)?]);
            let of = |[before, after]: &[[Side; 2]; 2]| {
                [0, 1].map(|side: usize| paid(&before[side], &after[side], [1, -1][side]))
            };
            let (funding, all) = (of(&funded), of(&both));
            self.funding_paid += funding.iter().map(|paid| (*paid).max(0)).sum::<Gain>();
            let funding: Gain = funding.iter().sum();
            self.sources.funding += funding;
            self.sources.borrow += all.iter().sum::<Gain>() - funding;
        }
        Ok(())
    }

    /// Prices were published.
    pub fn prices(&mut self, place: &Place, change: &Change) -> Result<()> {
        self.sources.prices += change.value(place)?;
        Ok(())
    }

    /// Something happened to what is lent.
    pub fn lending(&mut self, place: &Place, change: &Change) -> Result<()> {
        self.sources.interest += change.value(place)?;
        Ok(())
    }

    /// Somebody acted on a perp or the pool, and logged events.
    pub fn action(&mut self, place: &Place, change: &Change, events: &[Event]) -> Result<()> {
        change.require_indices()?;
        self.actions += 1;
        let mut rest = change.value(place)?;
        let mut is_forfeited = false;
        for event in events {
            let explained = match event {
                Event::PerpTraded(event) => {
                    is_forfeited |= event.realised > 0 && (event.gain as i64) < event.realised;
                    self.trade(change, event, false)?
                }
                Event::PerpLiquidated(event) => {
                    is_forfeited |= event.realised > 0 && (event.gain as i64) < event.realised;
                    self.trade(change, event, true)?
                }
                Event::PerpSettled(event) => {
                    self.layers.deposits += event.paid_in;
                    0
                }
                Event::PerpLossCovered(event) => {
                    self.layers.collateral += event.paid_in;
                    0
                }
                Event::PerpWrittenOff(event) => {
                    let pool = event.short - event.reward - event.impact;
                    self.layers.insurance += event.reward;
                    self.layers.fund += event.impact;
                    self.layers.pool += pool;
                    self.sources.bad_debt -= (pool as Gain) << 32;
                    -((pool as Gain) << 32)
                }
                Event::PerpDeleveraged(event) => {
                    let side = &change.before.perp(event.perp)?.sides[event.is_short as usize];
                    self.deleveraged += part_of(side.notional(side.size, event.price), event.part.min(ONE));
                    self.counts.1 += 1;
                    0
                }
                Event::PoolDeposited(event) => self.provide(event.amount as Gain),
                Event::PoolWithdrawn(event) => self.provide(-(event.amount as Gain)),
                _ => 0,
            };
            rest -= explained;
        }
        *(if is_forfeited { &mut self.sources.forfeited } else { &mut self.sources.rounding }) += rest;
        Ok(())
    }

    fn provide(&mut self, atoms: Gain) -> Gain {
        self.sources.provided += atoms << 32;
        atoms << 32
    }

    /// A trade or a liquidation: what it must have brought the pool.
    fn trade(&mut self, change: &Change, event: &PerpLiquidated, is_liquidation: bool) -> Result<Gain> {
        let record = change.before.perp(event.perp)?;
        let feed = &change.before.reserves[record.config.price as usize].price;
        let spot = record.marks(feed, Width::Maintenance).spot;
        // Of a position that is turned, what was closed was on the other side.
        let opened_side = event.is_short as usize;
        let closed_side = if event.opened != 0 { 1 - opened_side } else { opened_side };
        let each = [(closed_side, event.closed), (opened_side, event.opened)];
        let spread = each.iter().map(|(side, size)| {
            let side = &record.sides[*side];
            *size as Gain * side.scaled(event.price).abs_diff(side.scaled(spot)) as Gain
        });
        let spread: Gain = spread.sum();
        let values = each.map(|(side, size)| record.sides[side].notional(size, event.price));
        self.opened += values[1];
        if is_liquidation {
            self.liquidated += values[0];
            self.counts.0 += 1;
        } else {
            self.closed += values[0];
        }
        // What is not paid stays owed to the pool: the loss first.
        let loss = (-event.realised).max(0) as u64;
        let due = loss + event.impact + event.fee + event.reward;
        let mut left = due - event.short;
        let mut pay = |part: u64| {
            let paid = part.min(left);
            left -= paid;
            paid
        };
        self.layers.deposits += pay(loss);
        let (impact, fee, reward) = (pay(event.impact), pay(event.fee), pay(event.reward));
        let insured = part_of(fee, part(record.config.insurance_share)).min(fee);
        let kept = (event.impact - impact) + (event.fee - insured) + (event.reward - reward);
        let fees = (kept as Gain) << 32;
        self.sources.spread += spread;
        self.sources.fees += fees;
        Ok(spread + fees)
    }
}

impl Change<'_> {
    /// By how much the pool is worth more.
    fn value(&self, place: &Place) -> Result<Gain> {
        Ok(value(place, self.after, self.now)? - value(place, self.before, self.now)?)
    }

    /// No action on a perp or a pool moves what lenders have, or owe: not by a fraction of an atom.
    fn require_indices(&self) -> Result<()> {
        let indices = |market: &MarketView| -> Vec<(Index, Shares, Shares)> {
            let reserves = market.reserves.iter().filter(|record| record.is_reserve());
            reserves.map(|of| (of.deposit_index_at(self.now), of.deposit_shares, of.debt_shares)).collect()
        };
        let (before, after) = (indices(self.before), indices(self.after));
        ensure!(before == after, "an action on a perp moves a lender's index: {before:?} and {after:?}");
        Ok(())
    }
}

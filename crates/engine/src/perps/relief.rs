//! What relieves a pool that cannot bear its positions, and how a perp ends.

use crate::{
    error::{Error, Result},
    ledger::Ledger,
    number::math::mul_shift32_floor,
    price::policy::Use,
    record::layout::Address,
    state::perp::{LONG, Perp, Pool, SHORT, pricing::ONE},
};

/// What deleveraging did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deleveraging {
    /// Whether it was the longs' side.
    pub of_longs: bool,
    /// The part of each of the side's positions that was closed, 32 fractional bits.
    pub part: u64,
    /// At which price of a lot.
    pub price: u64,
}

impl Ledger<'_> {
    /// Closes the same part of every position of the side that the pool cannot bear, at the last price, and no more than covers the
    /// buffer so many times as the pool asks for. Gains so far are kept, as what is owed to the positions. Anyone may, once the cover is
    /// below the pool's limit. There is no queue, and nobody is chosen.
    pub fn deleverage_perp(&mut self, index: u8) -> Result<Deleveraging> {
        let scene = self.enter_perp(index)?;
        let feed = &self.reserves[scene.underlying as usize].price;
        Use::PerpClosing.require(feed.condition(self.now))?;
        let pool = Pool::of(self.reserves, scene.pool)?;
        let (below, to) = (pool.config.deleverage_below, pool.config.deleverage_to);
        let standing = self.standing(&scene)?;
        let perp = Perp::of(self.reserves, index)?;
        if standing.covers(below) || perp.is_resolved() {
            return Err(Error::NoDeleveraging);
        }
        // The buffer that what is there covers, and by how much this one is larger.
        let most = (standing.low.max(0) as u128 * 10_000 / to.0 as u128) as u64;
        let [longs, shorts] = perp.values(&perp.sides, scene.marks.spot);
        let own = perp.config.buffer(longs, shorts, scene.annual);
        let relief = standing.buffer.saturating_sub(most).min(own);
        if relief == 0 {
            return Err(Error::NoDeleveraging);
        }
        let (of_longs, part) = perp.config.excess(longs, shorts, scene.annual, relief);
        let (perp, ..) = self.records_of(&scene)?;
        let side = &mut perp.sides[if of_longs { LONG } else { SHORT }];
        let multiplier = mul_shift32_floor(side.multiplier, ONE - part.min(ONE)).max((part < ONE) as u64);
        *side = side.shrink(multiplier, scene.marks.spot).ok_or(Error::PerpToBeResolved)?;
        self.update_pool(&scene)?;
        Ok(Deleveraging { of_longs, part, price: scene.marks.spot })
    }

    /// Winds a perp down at its last price: positions only close from now on, at that price and free of charge. By the market's authority,
    /// once a change that waited allows it (`wind_down`).
    pub fn resolve_perp(&mut self, signer: &Address, index: u8) -> Result<u64> {
        if *signer != self.market.authority {
            return Err(Error::NotMarketAuthority);
        }
        let scene = self.enter_perp(index)?;
        let (perp, ..) = self.records_of(&scene)?;
        if perp.config.wind_down == 0 {
            return Err(Error::WindDownNotAllowed);
        }
        if perp.is_resolved() {
            return Err(Error::PerpResolved);
        }
        perp.final_price = scene.marks.spot;
        self.update_pool(&scene)?;
        Ok(scene.marks.spot)
    }
}

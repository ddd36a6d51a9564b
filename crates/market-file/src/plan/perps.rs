//! Steps that list pools and perps.

use anyhow::{Result, anyhow};
use ballast_client::{
    Instruction, MarketView,
    engine::{
        self, Error,
        state::{
            change::{Change, OF_PERP, OF_POOL},
            perp::{Perp, PerpConfig},
            reserve::Reserve,
        },
    },
    to_engine,
};

use super::{PlannedTransaction, Planner};
use crate::feed;

/// What is to be listed: [`OF_POOL`] or [`OF_PERP`], and its place in the file.
pub(super) type Place = (u8, u16);

impl Planner<'_> {
    /// What the file calls a place.
    pub(super) fn place_name(&self, (target, nth): Place) -> String {
        let desired = self.desired;
        match target {
            OF_POOL => format!("pool {}", desired.pools[nth as usize].name),
            _ => format!("perp {}", desired.perps[nth as usize].name),
        }
    }

    /// The bytes of what is listed at a place; none while what it names is not there.
    fn wanted_at(&self, (target, nth): Place) -> Option<Vec<u8>> {
        let (desired, view, nth) = (self.desired, &self.view, nth as usize);
        match target {
            OF_POOL => desired.pool_config(view, nth).map(|config| bytemuck::bytes_of(&config).to_vec()),
            _ => desired.perp_config(view, nth).map(|config| bytemuck::bytes_of(&config).to_vec()),
        }
    }

    fn is_there(&self, (target, nth): Place) -> bool {
        let (desired, view, nth) = (self.desired, &self.view, nth as usize);
        let index = if target == OF_POOL { desired.pool_index(view, nth) } else { desired.perp_index(view, nth) };
        index.is_some()
    }

    fn places(&self) -> impl Iterator<Item = Place> + use<> {
        let counts = [(OF_POOL, self.desired.pools.len()), (OF_PERP, self.desired.perps.len())];
        counts.into_iter().flat_map(|(target, count)| (0..count as u16).map(move |nth| (target, nth)))
    }

    /// Whether all of the file's pools and perps are there.
    pub(super) fn has_all_perps(&self) -> bool {
        self.places().all(|place| self.is_there(place))
    }

    /// The place of what a change would list, with the file's own parameters.
    pub(super) fn place_of(&self, change: &Change) -> Option<Place> {
        let is_wanted = |place: &Place| self.wanted_at(*place).is_some_and(|wanted| wanted == change.data());
        // Of several that are alike, the first that is not there.
        let mut alike = self.places().filter(|(target, _)| *target == change.target).filter(is_wanted);
        alike.find(|place| !self.is_there(*place) && !self.waiting.contains(place))
    }

    /// Queues what is not there, in the file's order, and before the launch lists it.
    pub(super) fn list_pools_and_perps(&mut self) -> Result<()> {
        for place in self.places() {
            if self.is_there(place) || self.waiting.contains(&place) {
                continue;
            }
            let name = self.place_name(place);
            let Some(wanted) = self.wanted_at(place) else {
                self.warn(format!("{name} is queued once what it names is listed: run this again then"));
                continue;
            };
            let mut change = self.queue(place.0, wanted, vec![format!("queue: list {name}")])?;
            if self.view.market.config.launched == 0 {
                change.payer = to_engine(&self.payer());
                self.list_now(&change, place).map_err(|error| anyhow!("{name}: {}", error.message()))?;
            }
        }
        Ok(())
    }

    /// Lists what a change that is due brings. A perp needs a good price, which comes along; without one it waits.
    pub(super) fn list_now(&mut self, change: &Change, place: Place) -> engine::Result<()> {
        let name = self.place_name(place);
        let followed = followed(change);
        let why = followed.and_then(|price| feed::take_over(&mut self.view, price, &self.prices, self.now).err());
        let instructions = self.listing(change);
        let (signer, mut copy) = (self.payer(), self.view.clone());
        copy.reserves.push(Reserve::default());
        let (words, from) = match copy.ledger(self.now).list_perp_or_pool(change) {
            Ok(()) => {
                let index = copy.reserves.len() - 1;
                self.view = copy;
                (format!("list {name} as record {index}"), None)
            }
            Err(error) if followed.is_some() && is_about_its_price(error) => {
                self.waiting.insert(place);
                let error = why.unwrap_or(error);
                let token = followed.map_or_else(String::new, |price| self.reserve_name(price));
                (
                    format!("wait: {name} is listed once {token} has a good price ({}: {error})", error.name()),
                    Some(self.now),
                )
            }
            Err(error) => return Err(error),
        };
        self.plan.steps.push(PlannedTransaction { words: vec![words], signer, from, instructions });
        Ok(())
    }

    /// The instructions that list what a change brings, the price of what a perp follows before them.
    pub(super) fn listing(&self, change: &Change) -> Vec<Instruction> {
        listing(&self.view, change, self.payer())
    }

    /// What the file calls a reserve.
    fn reserve_name(&self, index: u8) -> String {
        let mint = self.view.reserves[index as usize].mint;
        let listed = self.desired.reserves.iter().find(|listed| to_engine(&listed.token.mint) == mint);
        listed.map_or_else(|| format!("reserve {index}"), |listed| listed.token.name.clone())
    }

    /// Whether a record is a perp that is being wound down: nothing of it is changed any more.
    pub(super) fn is_wound_down(&self, index: u8) -> bool {
        Perp::of(&self.view.reserves, index).is_ok_and(Perp::is_resolved)
    }
}

/// Whether a perp may be listed at another time, when the price of what it follows is good.
fn is_about_its_price(refusal: Error) -> bool {
    matches!(refusal, Error::PriceStale | Error::PricesSkewed | Error::PriceUnsettled | Error::ReserveHalted)
}

/// The reserve whose price a perp that a change brings follows.
pub fn followed(change: &Change) -> Option<u8> {
    if change.target != OF_PERP || change.data().len() != size_of::<PerpConfig>() {
        return None;
    }
    Some(bytemuck::pod_read_unaligned::<PerpConfig>(change.data()).price)
}

/// The instructions that list the pool or the perp of a change that is due. The price that a perp needs comes before them, where its
/// account is pinned.
fn listing(view: &MarketView, change: &Change, payer: ballast_client::Address) -> Vec<Instruction> {
    let list = vec![view.list_perp(payer, change)];
    // Two price accounts at most: they fit.
    view.refresh_pinned_prices(followed(change), list, |_| true).concat()
}

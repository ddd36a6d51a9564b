//! Every margin account of a market, in a form made for scanning.
//!
//! - **A lane** is a reserve × terms × side; a table says what a share of each counts for (`lanes`). An account is its
//!   (lane, shares) pairs, and its health their sum, in 64-bit floats that err towards finding it.
//! - **The engine decides**: who is found by the sum is asked about there, so what [`Book::evaluate`] returns is what the
//!   engine calls liquidatable, neither more nor fewer. The proof: no term is above what the engine counts by more than it
//!   rounds (`lanes` says by how much a factor errs), so an account that the engine finds short has a sum below zero.
//! - **A moved price** concerns the accounts that hold the reserve, which are marked in one bitmap a reserve, and those near
//!   the line. A reserve counts as moved once a share of it counts for [`PART`] more or less than when all its holders were
//!   evaluated last: by its price, its weights, its age or its interest. Everyone else's health has changed by no more than
//!   twice that part of collateral and debt together, and whose is within three times of it is evaluated every time. So
//!   interest needs no timer, and small moves cost nothing.
//! - **Slots** order what is heard of an account: what is older than what is held changes nothing.

mod lanes;
mod slab;

use std::hash::BuildHasher;

use ballast_client::{
    Address, MarketView,
    engine::{
        health::Health,
        state::{
            account::{MAX_POSITIONS, MarginAccount},
            market::MAX_RESERVES,
            reserve::Reserve,
        },
    },
};
use ballast_liquidator::is_bad_debt;
use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

use lanes::Lanes;
use slab::{Losses, Prices, Row, Rows, Slab};

/// By which part a share's value may differ from what its holders were last evaluated at.
pub const PART: f64 = 1.0 / 2048.0;
/// Whose health is below this part of what it is made from is evaluated every time.
const NEAR: f64 = 3.0 * PART;

/// A liquidatable account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its address.
    pub address: Address,
    /// Its maintenance health.
    pub health: Health,
}

/// What became of news of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It is held now.
    Changed,
    /// It is what was held.
    Same,
    /// It is older than what is held, and changed nothing.
    Older,
    /// It is of the same slot as what was held, and another. It is held now, but which came first must be asked for.
    InDoubt,
    /// It names a reserve that no market has: it is no account of the program.
    Refused,
}

/// Which accounts to evaluate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All.
    Full,
    /// Those that what has moved since may have made liquidatable.
    Moved,
}

/// Where an account is: the slab's number in the first two bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place(u32);

impl Place {
    const INDEX_BITS: u32 = 30;

    fn new(slab: usize, index: u32) -> Self {
        Self((slab as u32) << Self::INDEX_BITS | index)
    }

    fn slab(self) -> usize {
        (self.0 >> Self::INDEX_BITS) as usize
    }

    fn index(self) -> u32 {
        self.0 & ((1 << Self::INDEX_BITS) - 1)
    }

    /// The slab of accounts with so many positions.
    fn slab_for(positions: usize) -> usize {
        match positions {
            0..=2 => 0,
            3..=4 => 1,
            5..=8 => 2,
            _ => 3,
        }
    }
}

/// The accounts of a market.
pub struct Book {
    slabs: [Box<dyn Rows>; 4],
    places: HashTable<Place>,
    hasher: DefaultHashBuilder,
    /// Accounts that were removed, and as of which slot.
    removed: HashMap<Address, u64>,
    /// What the holders of each reserve were evaluated at last, as a whole.
    evaluated: Lanes,
    /// The reserves' risk groups that the lanes were chosen by.
    groups: [u8; MAX_RESERVES],
}

impl Default for Book {
    /// Of no accounts.
    fn default() -> Self {
        let [two, four, eight]: [Box<dyn Rows>; 3] =
            [Box::new(Slab::<2>::default()), Box::new(Slab::<4>::default()), Box::new(Slab::<8>::default())];
        Self {
            slabs: [two, four, eight, Box::new(Slab::<MAX_POSITIONS>::default())],
            places: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            removed: HashMap::new(),
            evaluated: Lanes::default(),
            groups: [0; MAX_RESERVES],
        }
    }
}

impl Book {
    /// How many accounts there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    fn find(&self, address: &Address) -> Option<Place> {
        let hash = self.hasher.hash_one(address.to_bytes());
        self.places.find(hash, |place| self.row(*place).address == address.to_bytes()).copied()
    }

    fn row(&self, place: Place) -> &Row {
        &self.slabs[place.slab()].rows()[place.index() as usize]
    }

    /// An account, as far as health and liquidations depend on it: no owner, no delegate, no sequence.
    pub fn account(&self, address: &Address) -> Option<MarginAccount> {
        let place = self.find(address)?;
        Some(self.slabs[place.slab()].account(place.index()))
    }

    /// The slot that an account is known as of.
    pub fn slot(&self, address: &Address) -> Option<u64> {
        self.find(address).map(|place| self.row(place).slot)
    }

    /// Takes in an account as of a slot. `reserves` are the market's, as far as known.
    pub fn apply(&mut self, address: &Address, account: &MarginAccount, slot: u64, reserves: &[Reserve]) -> Applied {
        let positions = account.positions();
        if positions.iter().any(|position| position.reserve as usize >= MAX_RESERVES) {
            return Applied::Refused;
        }
        // Closed and opened again in one slot, or the other way round.
        let was_removed = self.removed.get(address).copied();
        if was_removed.is_some_and(|removed| slot < removed) {
            return Applied::Older;
        }
        let (held, applied) = match self.find(address) {
            None if was_removed == Some(slot) => (None, Applied::InDoubt),
            None => (None, Applied::Changed),
            Some(place) => {
                let before = self.row(place).slot;
                if slot < before {
                    return Applied::Older;
                }
                if self.is_same(place, account) {
                    self.slabs[place.slab()].confirm(place.index(), slot);
                    return Applied::Same;
                }
                (Some(place), if slot == before { Applied::InDoubt } else { Applied::Changed })
            }
        };
        self.removed.remove(address);
        let slab = Place::slab_for(positions.len());
        let place = match held {
            Some(place) if place.slab() == slab => place,
            held => {
                if let Some(place) = held {
                    self.take_out(place);
                }
                let place = Place::new(slab, self.slabs[slab].take());
                self.put_in(place, address);
                place
            }
        };
        self.slabs[slab].write(place.index(), address, slot, account, reserves);
        applied
    }

    fn is_same(&self, place: Place, account: &MarginAccount) -> bool {
        let held = self.slabs[place.slab()].account(place.index());
        let key = |one: &MarginAccount| {
            (one.mode, one.debt_group, one.in_receivership, one.liquidatable_since, one.liquidatable_seen)
        };
        key(&held) == key(account) && held.positions() == account.positions()
    }

    /// Takes in that there is no such account as of a slot.
    pub fn remove(&mut self, address: &Address, slot: u64) -> Applied {
        let Some(place) = self.find(address) else {
            let removed = self.removed.get_mut(address);
            if let Some(removed) = removed {
                *removed = slot.max(*removed);
            }
            return Applied::Same;
        };
        let before = self.row(place).slot;
        if slot < before {
            return Applied::Older;
        }
        self.take_out(place);
        self.removed.insert(*address, slot);
        if slot == before { Applied::InDoubt } else { Applied::Changed }
    }

    /// The accounts known as of `slot` or before and not among those `listed` then: what a list of all accounts as of that slot
    /// says is gone, for certain where it was known as of a slot before.
    pub fn missing(&self, listed: &std::collections::HashSet<Address>, slot: u64) -> Vec<Address> {
        let is_gone = |row: &&Row| row.slot <= slot && !listed.contains(&row.key());
        self.rows().filter(is_gone).map(Row::key).collect()
    }

    /// Forgets removals up to a slot, of which nothing more is to be heard.
    pub fn forget_removed(&mut self, slot: u64) {
        self.removed.retain(|_, removed| *removed > slot);
    }

    fn rows(&self) -> impl Iterator<Item = &Row> {
        self.slabs.iter().flat_map(|slab| slab.rows()).filter(|row| row.is_used())
    }

    fn put_in(&mut self, place: Place, address: &Address) {
        let Self { slabs, places, hasher, .. } = self;
        let of_place = |place: &Place| hasher.hash_one(slabs[place.slab()].rows()[place.index() as usize].address);
        places.insert_unique(hasher.hash_one(address.to_bytes()), place, of_place);
    }

    fn take_out(&mut self, place: Place) {
        let hash = self.hasher.hash_one(self.row(place).address);
        if let Ok(entry) = self.places.find_entry(hash, |one| *one == place) {
            entry.remove();
        }
        self.slabs[place.slab()].give_back(place.index());
    }

    /// The accounts that the engine calls liquidatable at `now`, unix seconds, in no order. In parallel, on the pool of the
    /// caller.
    pub fn evaluate(&mut self, market: &MarketView, now: i64, extent: Extent) -> Vec<Found> {
        self.regroup(&market.reserves);
        let lanes = Lanes::new(&market.reserves, &market.market.config, now);
        let moved = match extent {
            Extent::Full => None,
            Extent::Moved => Some(lanes.moved_by(&self.evaluated, PART)),
        };
        let prices = Prices { reserves: &market.reserves, config: &market.market.config, now, lanes: &lanes };
        let found = self.slabs.iter_mut().flat_map(|slab| slab.evaluate(&prices, moved, NEAR)).collect();
        match moved {
            None => self.evaluated = lanes,
            Some(moved) => self.evaluated.take(&lanes, moved),
        }
        found
    }

    /// A reserve joins a group only while nobody holds it, but news come in any order.
    fn regroup(&mut self, reserves: &[Reserve]) {
        for (index, reserve) in reserves.iter().enumerate().take(MAX_RESERVES) {
            let group = reserve.config.risk.group_id;
            if std::mem::replace(&mut self.groups[index], group) != group {
                self.slabs.iter_mut().for_each(|slab| slab.regroup(index as u8, reserves));
            }
        }
    }

    /// The accounts with a debt to a reserve whose term has come, and the reserve: each may be repaid, however healthy.
    pub fn due(&self, reserves: &[Reserve], now: i64) -> Vec<(Address, u8)> {
        let is_due = |index: &u8| reserves.get(*index as usize).is_some_and(|reserve| reserve.is_due(now));
        let of_slab = |(slab, reserve): (&dyn Rows, u8)| {
            let is_debtor = |index: &u32| slab.account(*index).position(reserve).is_some_and(|held| held.is_debt());
            let debtors = slab.holders_of(reserve).into_iter().filter(is_debtor);
            let addresses = debtors.map(|index| slab.rows()[index as usize].key()).collect::<Vec<_>>();
            addresses.into_iter().map(move |address| (address, reserve))
        };
        let reserves = (0..MAX_RESERVES as u8).filter(is_due);
        reserves
            .flat_map(|reserve| self.slabs.iter().map(move |slab| (slab.as_ref(), reserve)))
            .flat_map(of_slab)
            .collect()
    }

    /// The accounts whose debts can be written off, by the engine's word. Whose deposits could be taken for more than dust is passed
    /// over, and who is neither in trouble nor has dust alone.
    pub fn bad_debts(&self, market: &mut MarketView, now: i64) -> Vec<Address> {
        let (config, lanes) = (market.market.config, Lanes::new(&market.reserves, &market.market.config, now));
        let shares = |reserve: &Reserve, amount: u64| {
            reserve.deposit_index_at(now).shares_ceil(amount).map_or(u64::MAX, |shares| shares.0)
        };
        // From how many shares on a deposit is none below the minimum, and from how many it could be taken for dust or more.
        // With a current price it hides nothing, however large.
        let enough = market.reserves.iter().map(|reserve| {
            let is_current = reserve.price.condition(now).is_current();
            if is_current { u64::MAX } else { shares(reserve, reserve.config.min_deposit) }
        });
        let takeable = market.reserves.iter().map(|reserve| {
            let dust = reserve.price.atoms_ceil(config.dust(), reserve.price.spot);
            let can_be = reserve.price.condition(now).is_current() && dust <= reserve.cash;
            if can_be { shares(reserve, dust) } else { u64::MAX }
        });
        let limits = Losses { enough: enough.collect(), takeable: takeable.collect(), lanes };
        let ledger = market.ledger(now);
        let of_slab = |slab: &dyn Rows| {
            let rows = (0..).zip(slab.rows()).filter(|(_, row)| row.is_used());
            let bad = rows
                .filter(|(index, _)| slab.may_be_lost(*index, &limits) && is_bad_debt(&ledger, &slab.account(*index)));
            bad.map(|(_, row)| row.key()).collect::<Vec<_>>()
        };
        self.slabs.iter().map(AsRef::as_ref).flat_map(of_slab).collect()
    }

    /// How many accounts have a position in a reserve.
    pub fn holders(&self, reserve: u8) -> usize {
        self.slabs.iter().map(|slab| slab.holders_of(reserve).len()).sum()
    }

    /// How many accounts have a ratio of collateral to debt below each of some, at their last evaluation.
    pub fn below<const N: usize>(&self, ratios: [f64; N]) -> [usize; N] {
        ratios
            .map(|ratio| self.slabs.iter().flat_map(|slab| slab.ratios()).filter(|one| f64::from(*one) < ratio).count())
    }

    /// Bytes set aside.
    pub fn memory(&self) -> usize {
        let slabs = self.slabs.iter().map(|slab| slab.memory()).sum::<usize>();
        slabs + self.places.allocation_size() + self.removed.allocation_size()
    }
}

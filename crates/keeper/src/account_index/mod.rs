//! Every margin account of a market, in a form made for scanning.
//!
//! - **A position kind** is a reserve × terms × side. A table says what a share of each kind counts for
//!   (`valuation_table`). An account is its (kind, shares) pairs (`account_columns`). Its health is their sum, in 64-bit
//!   floats that err on the low side.
//! - **The engine decides.** It is asked about each account whose sum is below zero. So [`AccountIndex::evaluate`] returns
//!   exactly the accounts that the engine calls liquidatable. The proof: no term is above what the engine counts for it
//!   (`valuation_table` says by how much a factor errs), so an account that the engine finds short has a sum below zero.
//! - **A moved price** concerns the accounts that hold the reserve, and those near the line. One bitmap for each reserve
//!   marks its holders. A reserve has moved once a share of it counts for [`PART`] more or less than at the last evaluation
//!   of all its holders, whether by its price, weights, age or interest. The health of every other account has changed by no
//!   more than twice that part of its collateral and debt together. An account whose health is within three times that part
//!   is evaluated every time. So interest needs no timer, and small moves cost nothing.
//! - **Perps** are kept in the same form, beside the deposits and debts of the accounts that have any: a position is what decides on its
//!   value (perp × side), its lots, and what they cost. It counts for its gain less its margin, again for no more than the engine says
//!   (`perp_values`), and a perp's holders are looked at when a lot counts for more or less. Accounts without perps lie apart, and
//!   cost what they did.
//! - **Slots** order the news of an account: a state older than the one held changes nothing.

mod account_columns;
mod perp_values;
mod valuation_table;

use std::hash::BuildHasher;

use ballast_client::{
    Address, MarketView,
    engine::{
        health::Health,
        state::{
            account::{EXTRA_PLACES, MAX_POSITIONS, MarginAccount},
            market::MAX_RESERVES,
            reserve::Reserve,
        },
    },
};
use ballast_liquidator::is_bad_debt;
use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

use account_columns::{AccountColumns, Losses, Prices, Row, Rows};
use valuation_table::ValuationTable;

/// The part by which a share's value may differ from the one that its holders were last evaluated at.
pub const PART: f64 = 1.0 / 2048.0;
/// Positions in perps of an account, at most.
const MAX_PERPS: usize = MAX_POSITIONS / EXTRA_PLACES;
/// An account is evaluated every time if its health is below this part of its collateral and debt together.
const NEAR: f64 = 3.0 * PART;

/// A liquidatable account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its address.
    pub address: Address,
    /// Its maintenance health.
    pub health: Health,
}

/// A position in a perp with a loss that can be paid, or a closed one that owes or is owed something.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unsettled {
    /// The account's address.
    pub address: Address,
    /// The perp's record.
    pub perp: u8,
    /// How much that is at the last price, USD.
    pub value: f64,
    /// About how much of it can be paid out of what is there, USD.
    pub payable: f64,
}

/// What the index did with news of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The index holds the new state.
    Changed,
    /// The state is the one that was held.
    Same,
    /// The state is older than the one held, and changed nothing.
    Older,
    /// The state differs from the one held, and is of the same slot. The index holds the new one. Which of the two is the
    /// later one is unknown: the account must be read again.
    InDoubt,
    /// The state names a record that no market has, so it is no account of the program.
    Refused,
}

/// Which accounts to evaluate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All.
    Full,
    /// Those that may have become liquidatable since, because a reserve has moved.
    Moved,
}

/// Where an account is: its size class in the first three bits, then its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place(u32);

impl Place {
    const INDEX_BITS: u32 = 29;

    fn new(size_class: usize, index: u32) -> Self {
        Self((size_class as u32) << Self::INDEX_BITS | index)
    }

    fn size_class(self) -> usize {
        (self.0 >> Self::INDEX_BITS) as usize
    }

    fn index(self) -> u32 {
        self.0 & ((1 << Self::INDEX_BITS) - 1)
    }

    /// The size class of an account.
    fn size_class_for(account: &MarginAccount) -> usize {
        match (account.positions().len(), account.perps().count()) {
            (0..=2, 0) => 0,
            (3..=4, 0) => 1,
            (5..=8, 0) => 2,
            (_, 0) => 3,
            (0..=2, 1) => 4,
            (0..=4, 1..=2) => 5,
            (0..=8, 1..=4) => 6,
            _ => 7,
        }
    }
}

/// The accounts of a market.
pub struct AccountIndex {
    /// By size class: accounts of up to 2, 4, 8 and [`MAX_POSITIONS`] deposits and debts, without and with perps.
    columns: [Box<dyn Rows>; 8],
    places: HashTable<Place>,
    hasher: DefaultHashBuilder,
    /// The removed accounts, and the slots as of which they were removed.
    removed: HashMap<Address, u64>,
    /// For each reserve, the values at the last evaluation of all its holders.
    evaluated: ValuationTable,
    /// The risk groups of the reserves when the position kinds were chosen.
    groups: [u8; MAX_RESERVES],
}

impl Default for AccountIndex {
    /// Of no accounts.
    fn default() -> Self {
        Self {
            columns: [
                Box::new(AccountColumns::<2, 0>::default()),
                Box::new(AccountColumns::<4, 0>::default()),
                Box::new(AccountColumns::<8, 0>::default()),
                Box::new(AccountColumns::<MAX_POSITIONS, 0>::default()),
                Box::new(AccountColumns::<2, 1>::default()),
                Box::new(AccountColumns::<4, 2>::default()),
                Box::new(AccountColumns::<8, 4>::default()),
                Box::new(AccountColumns::<MAX_POSITIONS, MAX_PERPS>::default()),
            ],
            places: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            removed: HashMap::new(),
            evaluated: ValuationTable::default(),
            groups: [0; MAX_RESERVES],
        }
    }
}

impl AccountIndex {
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
        &self.columns[place.size_class()].rows()[place.index() as usize]
    }

    /// An account, without what neither health nor liquidations depend on: owner, delegate and sequence are empty, and a stake in a pool
    /// is left out.
    pub fn account(&self, address: &Address) -> Option<MarginAccount> {
        let place = self.find(address)?;
        Some(self.columns[place.size_class()].account(place.index()))
    }

    /// The slot that an account is known as of.
    pub fn slot(&self, address: &Address) -> Option<u64> {
        self.find(address).map(|place| self.row(place).slot)
    }

    /// Takes in the state of an account as of a slot. `reserves` are the market's; there may be none yet.
    pub fn apply(&mut self, address: &Address, account: &MarginAccount, slot: u64, reserves: &[Reserve]) -> Applied {
        let mut records = account.positions().iter().map(|position| position.reserve);
        let mut perps = account.perps().map(|position| position.perp);
        if records.any(|record| record as usize >= MAX_RESERVES) || perps.any(|perp| perp as usize >= MAX_RESERVES) {
            return Applied::Refused;
        }
        // An account may be closed and opened again in one slot, or opened and closed.
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
                    self.columns[place.size_class()].confirm(place.index(), slot);
                    return Applied::Same;
                }
                (Some(place), if slot == before { Applied::InDoubt } else { Applied::Changed })
            }
        };
        self.removed.remove(address);
        let size_class = Place::size_class_for(account);
        let place = match held {
            Some(place) if place.size_class() == size_class => place,
            held => {
                if let Some(place) = held {
                    self.take_out(place);
                }
                let place = Place::new(size_class, self.columns[size_class].take());
                self.put_in(place, address);
                place
            }
        };
        self.columns[size_class].write(place.index(), address, slot, account, reserves);
        applied
    }

    fn is_same(&self, place: Place, account: &MarginAccount) -> bool {
        let held = self.columns[place.size_class()].account(place.index());
        let key = |one: &MarginAccount| {
            let clock = (one.liquidatable_since, one.liquidatable_seen);
            (one.mode, one.debt_group, one.in_receivership, clock, one.doubtful)
        };
        key(&held) == key(account) && held.positions() == account.positions() && held.perps().eq(account.perps())
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

    /// The accounts held as of `slot` or before that are not `listed`, where `listed` are all accounts as of `slot`. Those held
    /// as of a slot before it are gone for certain.
    pub fn missing(&self, listed: &std::collections::HashSet<Address>, slot: u64) -> Vec<Address> {
        let is_gone = |row: &&Row| row.slot <= slot && !listed.contains(&row.key());
        self.rows().filter(is_gone).map(Row::key).collect()
    }

    /// Forgets removals up to a slot: no news from before them is expected any more.
    pub fn forget_removed(&mut self, slot: u64) {
        self.removed.retain(|_, removed| *removed > slot);
    }

    fn rows(&self) -> impl Iterator<Item = &Row> {
        self.columns.iter().flat_map(|columns| columns.rows()).filter(|row| row.is_used())
    }

    fn put_in(&mut self, place: Place, address: &Address) {
        let Self { columns, places, hasher, .. } = self;
        let of_place =
            |place: &Place| hasher.hash_one(columns[place.size_class()].rows()[place.index() as usize].address);
        places.insert_unique(hasher.hash_one(address.to_bytes()), place, of_place);
    }

    fn take_out(&mut self, place: Place) {
        let hash = self.hasher.hash_one(self.row(place).address);
        if let Ok(entry) = self.places.find_entry(hash, |one| *one == place) {
            entry.remove();
        }
        self.columns[place.size_class()].give_back(place.index());
    }

    /// The accounts that the engine calls liquidatable at `now`, unix seconds, in no order. Runs in parallel, on the caller's
    /// pool of threads.
    pub fn evaluate(&mut self, market: &MarketView, now: i64, extent: Extent) -> Vec<Found> {
        self.regroup(&market.reserves);
        let table = ValuationTable::new(&market.reserves, &market.market.config, now);
        let moved = match extent {
            Extent::Full => None,
            Extent::Moved => Some(table.moved_by(&self.evaluated, PART)),
        };
        let prices = Prices { reserves: &market.reserves, config: &market.market.config, now, table: &table };
        let found = self.columns.iter_mut().flat_map(|columns| columns.evaluate(&prices, moved, NEAR)).collect();
        match moved {
            None => self.evaluated = table,
            Some(moved) => self.evaluated.take(&table, moved),
        }
        found
    }

    /// Chooses the position kinds again where a reserve's group has changed. On the chain a reserve joins a group only while
    /// nobody holds it, but news comes in any order.
    fn regroup(&mut self, reserves: &[Reserve]) {
        for (index, reserve) in reserves.iter().enumerate().take(MAX_RESERVES).filter(|(_, record)| record.is_reserve())
        {
            let group = reserve.config.risk.group_id;
            if std::mem::replace(&mut self.groups[index], group) != group {
                self.columns.iter_mut().for_each(|columns| columns.regroup(index as u8, reserves));
            }
        }
    }

    /// The debts whose term has come, as account and reserve. Anyone may repay them, however healthy the account is.
    pub fn due(&self, reserves: &[Reserve], now: i64) -> Vec<(Address, u8)> {
        let is_due =
            |index: &u8| reserves.get(*index as usize).is_some_and(|record| record.is_reserve() && record.is_due(now));
        let of_columns = |(columns, reserve): (&dyn Rows, u8)| {
            let is_debtor = |index: &u32| columns.account(*index).position(reserve).is_some_and(|held| held.is_debt());
            let debtors = columns.holders_of(reserve).into_iter().filter(is_debtor);
            let addresses = debtors.map(|index| columns.rows()[index as usize].key()).collect::<Vec<_>>();
            addresses.into_iter().map(move |address| (address, reserve))
        };
        let reserves = (0..MAX_RESERVES as u8).filter(is_due);
        reserves
            .flat_map(|reserve| self.columns.iter().map(move |columns| (columns.as_ref(), reserve)))
            .flat_map(of_columns)
            .collect()
    }

    /// The accounts whose debts the engine would write off. It is asked only about accounts none of whose deposits could be taken
    /// for dust or more, and that are short of collateral or have no deposit above the minimum.
    pub fn bad_debts(&self, market: &mut MarketView, now: i64) -> Vec<Address> {
        let (config, table) = (market.market.config, ValuationTable::new(&market.reserves, &market.market.config, now));
        let shares = |reserve: &Reserve, amount: u64| {
            reserve.deposit_index_at(now).shares_ceil(amount).map_or(u64::MAX, |shares| shares.0)
        };
        // The shares at which a deposit reaches the minimum. While the price is current, the minimum does not matter.
        let enough = market.reserves.iter().map(|reserve| {
            let is_current = !reserve.is_reserve() || reserve.price.condition(now).is_current();
            if is_current { u64::MAX } else { shares(reserve, reserve.config.min_deposit) }
        });
        // The shares at which a liquidator could take a deposit for dust or more.
        let takeable = market.reserves.iter().map(|reserve| {
            if !reserve.is_reserve() {
                return u64::MAX;
            }
            let dust = reserve.price.atoms_ceil(config.dust(), reserve.price.spot);
            let can_be = reserve.price.condition(now).is_current() && dust <= reserve.cash;
            if can_be { shares(reserve, dust) } else { u64::MAX }
        });
        let limits = Losses { enough: enough.collect(), takeable: takeable.collect(), table };
        let ledger = market.ledger(now);
        let of_columns = |columns: &dyn Rows| {
            let rows = (0..).zip(columns.rows()).filter(|(_, row)| row.is_used());
            let bad = rows.filter(|(index, _)| {
                columns.may_be_lost(*index, &limits) && is_bad_debt(&ledger, &columns.account(*index))
            });
            bad.map(|(_, row)| row.key()).collect::<Vec<_>>()
        };
        self.columns.iter().map(AsRef::as_ref).flat_map(of_columns).collect()
    }

    /// The accounts of which a loss is reported.
    pub fn reported(&self) -> Vec<Address> {
        self.rows().filter(|row| row.is_reported()).map(Row::key).collect()
    }

    /// The positions in perps of which `least`, USD, or more is to be settled: what they have lost at the last price, or what closed
    /// ones owe or are owed. Those of which most can be paid come first.
    pub fn unsettled(&self, market: &MarketView, now: i64, least: f64) -> Vec<Unsettled> {
        let table = ValuationTable::new(&market.reserves, &market.market.config, now);
        let found = self.columns.iter().flat_map(|columns| columns.unsettled(&table, least * 1e8));
        let mut found: Vec<_> = found.collect();
        found.sort_by(|one, other| other.payable.total_cmp(&one.payable).then(other.value.total_cmp(&one.value)));
        found
    }

    /// How many accounts have a position in a reserve or a perp.
    pub fn holders(&self, record: u8) -> usize {
        self.columns.iter().map(|columns| columns.holders_of(record).len()).sum()
    }

    /// For each of some ratios, how many accounts had less collateral for their debt at their last evaluation.
    pub fn below<const N: usize>(&self, ratios: [f64; N]) -> [usize; N] {
        ratios.map(|ratio| {
            self.columns.iter().flat_map(|columns| columns.ratios()).filter(|one| f64::from(*one) < ratio).count()
        })
    }

    /// Bytes set aside.
    pub fn memory(&self) -> usize {
        let columns = self.columns.iter().map(|columns| columns.memory()).sum::<usize>();
        columns + self.places.allocation_size() + self.removed.allocation_size()
    }
}

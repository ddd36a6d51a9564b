//! What the keeper knows of the chain. It takes news in any order, and answers what the chain's state is and will be.
//!
//! Nothing here waits, reads a clock or talks to a node.

pub mod feeds;
mod prices;

use std::collections::{BTreeMap, HashSet, btree_map::Entry};

use ballast_client::{
    Address, CLOCK_SYSVAR, ClockTime, ID, MarketView, TOKEN_2022_PROGRAM, decode_change, decode_clock,
    decode_margin_account,
    engine::state::{
        account::{MarginAccount, RestingOrder},
        change::Change,
        reserve::Reserve,
        token::{ACCOUNT_LEN, Mint, TransferFee, balance},
    },
    from_engine, margin_address, to_engine,
};
use solana_account::Account;
use spl_associated_token_account_interface::address::get_associated_token_address_with_program_id;

use super::vault::{Listed, Snapshot, Vaults};
use crate::account_index::{AccountIndex, Applied, Unsettled};
use feeds::{FeedId, Feeds};
use prices::Price;

/// Slots after which no more news is expected of an account that is gone.
const FORGOTTEN_AFTER: u64 = 2_000;
/// The sysvar that says how much rent keeps an account alive.
pub const RENT_SYSVAR: Address = Address::from_str_const("SysvarRent111111111111111111111111111111111");
/// Bytes for which an account pays rent beside its data.
const ACCOUNT_OVERHEAD: usize = 128;
/// Lamports that keep a byte alive, until the sysvar is read.
const USUAL_RENT: f64 = 6_960.0;

/// Something read of the chain.
#[derive(Clone, Debug)]
pub enum News {
    /// An account as of a slot, or that there is none.
    Account {
        /// Its address.
        address: Address,
        /// The slot.
        slot: u64,
        /// The account.
        account: Option<Account>,
    },
    /// Some margin accounts of the market, none older than a slot.
    Margins {
        /// The slot.
        slot: u64,
        /// The accounts.
        accounts: Vec<(Address, Account)>,
    },
    /// The addresses of all margin accounts of the market, as of a slot or later: there are no others.
    Listing {
        /// The slot.
        slot: u64,
        /// The addresses.
        addresses: HashSet<Address>,
    },
    /// The account that has the newest price of a feed that is not pinned.
    Feed {
        /// The feed.
        feed: FeedId,
        /// The account's address.
        address: Address,
        /// The slot.
        slot: u64,
        /// The account.
        account: Account,
    },
    /// All changes that are queued.
    Changes(Vec<Change>),
    /// The vaults that are followed: there are no others.
    Vaults(Vec<Listed>),
    /// Some of them as they are now.
    Snapshots(Vec<Snapshot>),
}

/// What news changed in what the keeper knows of the chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChainUpdate {
    /// Whether anything is different now.
    pub changed: bool,
    /// How many of the accounts were older than the state held.
    pub older: usize,
    /// Accounts to read again, as of a later slot than this, because there were two states of one slot.
    pub doubts: Vec<(Address, u64)>,
    /// Whether the accounts to watch are others now.
    pub watched: bool,
    /// Whether a feed that is not pinned has no price any more, or not yet. Then accounts that have one must be looked for.
    pub is_blind: bool,
}

/// A value as of a slot.
#[derive(Clone, Debug)]
struct Held<T> {
    slot: u64,
    value: T,
}

/// Takes over a value if it is newer.
fn offer<T: PartialEq>(held: &mut Option<Held<T>>, slot: u64, value: T) -> Applied {
    match held {
        Some(held) if slot < held.slot => Applied::Older,
        Some(held) if held.value == value => {
            held.slot = slot;
            Applied::Same
        }
        other => {
            let applied = match other {
                Some(held) if held.slot == slot => Applied::InDoubt,
                _ => Applied::Changed,
            };
            *other = Some(Held { slot, value });
            applied
        }
    }
}

/// The market as it will be once published prices are taken over.
#[derive(Clone, Debug)]
pub struct Predicted {
    /// The market.
    pub market: MarketView,
    /// Unix seconds.
    pub now: i64,
    /// Reserves, as bits, that have another price there than on the chain.
    pub fresher: u64,
}

/// What is known.
pub struct State {
    /// The market's margin accounts.
    pub accounts: AccountIndex,
    /// Positions in perps that had something to settle when all were looked at last, the largest first.
    pub unsettled: Vec<Unsettled>,
    /// Orders that rest in margin accounts, and whose they are.
    pub orders: BTreeMap<Address, (RestingOrder, Address)>,
    /// The vaults that lend to it.
    pub vaults: Vaults,
    /// All the rest.
    pub chain: Chain,
}

/// What is known beside margin accounts.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The market's address.
    pub address: Address,
    /// The keeper's.
    pub keeper: Address,
    /// The number of the keeper's margin account.
    pub margin_id: u16,
    /// Its address.
    pub margin: Address,
    /// Queued changes.
    pub changes: Vec<Change>,
    market: Option<Held<MarketView>>,
    clock: Option<Held<ClockTime>>,
    prices: BTreeMap<Address, Option<Held<Price>>>,
    feeds: Feeds,
    tokens: BTreeMap<Address, Option<Held<Option<u64>>>>,
    lamports: Option<Held<u64>>,
    mints: BTreeMap<Address, Mint>,
    /// Lamports that keep a byte of an account alive.
    rent: f64,
}

impl State {
    /// Of a market, before anything was read. The keeper's margin account has the number zero.
    pub fn new(address: Address, keeper: Address) -> Self {
        let chain = Chain {
            address,
            keeper,
            margin_id: 0,
            margin: margin_address(&address, &keeper, 0).0,
            changes: Vec::new(),
            market: None,
            clock: None,
            prices: BTreeMap::new(),
            feeds: Feeds::default(),
            tokens: BTreeMap::new(),
            lamports: None,
            mints: BTreeMap::new(),
            rent: USUAL_RENT,
        };
        let (accounts, vaults) = (AccountIndex::default(), Vaults::default());
        Self { accounts, unsettled: Vec::new(), orders: BTreeMap::new(), vaults, chain }
    }

    /// The same with another margin account of the keeper's, by its number.
    pub fn with_margin_account(mut self, id: u16) -> Self {
        let Chain { address, keeper, margin_id, margin, .. } = &mut self.chain;
        (*margin_id, *margin) = (id, margin_address(address, keeper, id).0);
        self
    }

    /// Takes news in.
    pub fn hear(&mut self, news: News) -> ChainUpdate {
        let mut update = ChainUpdate::default();
        match news {
            News::Account { address, slot, account } => self.hear_account(address, slot, account, &mut update),
            News::Margins { slot, accounts } => {
                for (address, account) in accounts {
                    self.hear_account(address, slot, Some(account), &mut update);
                }
            }
            News::Listing { slot, addresses } => {
                for address in self.accounts.missing(&addresses, slot) {
                    let applied = self.accounts.remove(&address, slot);
                    let applied = self.keep_order(address, None, applied);
                    update.changed |= applied == Applied::Changed;
                }
                self.accounts.forget_removed(slot.saturating_sub(FORGOTTEN_AFTER));
            }
            News::Feed { feed, address, slot, account } => {
                self.chain.hear_feed(feed, address, &account, &mut update);
                if self.chain.prices.contains_key(&address) {
                    self.hear_account(address, slot, Some(account), &mut update);
                }
            }
            News::Changes(changes) => {
                update.changed |= changes != self.chain.changes;
                self.chain.changes = changes;
            }
            News::Vaults(listed) => self.vaults.list(listed),
            News::Snapshots(snapshots) => self.vaults.hear(snapshots),
        }
        update
    }

    fn hear_account(&mut self, address: Address, slot: u64, account: Option<Account>, update: &mut ChainUpdate) {
        let applied = match account {
            account if self.chain.names(&address) => self.chain.hear(address, slot, account, update),
            Some(account) if address == RENT_SYSVAR => self.chain.hear_rent(&account.data),
            Some(account) if account.owner == ID => match decode_margin_account(&account.data) {
                Ok(margin) if margin.market == to_engine(&self.chain.address) => {
                    let reserves = self.chain.market().map_or(&[][..], |market| &market.reserves);
                    let applied = self.accounts.apply(&address, &margin, slot, reserves);
                    self.keep_order(address, Some((margin.order, from_engine(&margin.owner))), applied)
                }
                _ => Applied::Refused,
            },
            Some(account) => match Mint::read(&account.data) {
                Ok(mint) if self.chain.mints.insert(address, mint) != Some(mint) => Applied::Changed,
                _ => Applied::Same,
            },
            // A closed margin account is gone. Any other address changes nothing here.
            None => {
                let applied = self.accounts.remove(&address, slot);
                self.keep_order(address, None, applied)
            }
        };
        update.take(applied, address, slot);
    }

    /// Takes in the order of an account that was heard of: the index does not keep it.
    fn keep_order(&mut self, address: Address, order: Option<(RestingOrder, Address)>, applied: Applied) -> Applied {
        if !matches!(applied, Applied::Changed | Applied::Same) {
            return applied;
        }
        let order = order.filter(|(order, _)| order.rests());
        let before = match order {
            Some(order) => self.orders.insert(address, order),
            None => self.orders.remove(&address),
        };
        if before == order { applied } else { Applied::Changed }
    }
}

impl ChainUpdate {
    fn take(&mut self, applied: Applied, address: Address, slot: u64) {
        self.changed |= matches!(applied, Applied::Changed | Applied::InDoubt);
        self.older += (applied == Applied::Older) as usize;
        if applied == Applied::InDoubt {
            self.doubts.push((address, slot));
        }
    }
}

impl Chain {
    /// The market as the chain has it.
    pub fn market(&self) -> Option<&MarketView> {
        self.market.as_ref().map(|held| &held.value)
    }

    /// The cluster's clock.
    pub fn clock(&self) -> Option<ClockTime> {
        self.clock.as_ref().map(|held| held.value)
    }

    /// Lamports of the keeper.
    pub fn lamports(&self) -> u64 {
        self.lamports.as_ref().map_or(0, |held| held.value)
    }

    /// The accounts to subscribe to, apart from margin accounts.
    pub fn watched(&self) -> Vec<Address> {
        let mut watched = vec![self.address, CLOCK_SYSVAR, self.keeper];
        watched.extend(self.prices.keys().chain(self.tokens.keys()));
        watched
    }

    /// The accounts to read from time to time: the mints, for their transfer fees, and the rent sysvar.
    pub fn unwatched(&self) -> Vec<Address> {
        let mints = self.open_reserves().map(|reserve| from_engine(&reserve.mint));
        mints.chain([RENT_SYSVAR]).collect()
    }

    fn open_reserves(&self) -> impl Iterator<Item = &Reserve> {
        let reserves = self.market().map_or(&[][..], |market| &market.reserves);
        reserves.iter().filter(|reserve| reserve.closed == 0)
    }

    /// Whether an account is watched by its address.
    fn names(&self, address: &Address) -> bool {
        [self.address, CLOCK_SYSVAR, self.keeper].contains(address)
            || self.prices.contains_key(address)
            || self.tokens.contains_key(address)
    }

    fn hear(&mut self, address: Address, slot: u64, account: Option<Account>, update: &mut ChainUpdate) -> Applied {
        if address == self.address {
            return self.hear_market(slot, account, update);
        }
        if address == CLOCK_SYSVAR {
            return self.hear_clock(slot, account);
        }
        if address == self.keeper {
            return offer(&mut self.lamports, slot, account.map_or(0, |account| account.lamports));
        }
        if self.prices.contains_key(&address) {
            return self.hear_price(address, slot, account.as_ref(), update);
        }
        let amount = account.and_then(|account| balance(&account.data));
        self.tokens.get_mut(&address).map_or(Applied::Refused, |held| offer(held, slot, amount))
    }

    fn hear_market(&mut self, slot: u64, account: Option<Account>, update: &mut ChainUpdate) -> Applied {
        let decoded = account.filter(|account| account.owner == ID);
        let Some(Ok(market)) = decoded.map(|account| MarketView::decode(self.address, &account.data)) else {
            return Applied::Refused;
        };
        let feeds = self.unpinned_feeds();
        let applied = offer(&mut self.market, slot, market);
        if !matches!(applied, Applied::Changed | Applied::InDoubt) {
            return applied;
        }
        update.watched |= self.watch_prices();
        update.is_blind |= !self.unpinned_feeds().is_subset(&feeds);
        let Some(Held { value: market, .. }) = &self.market else { return applied };
        for reserve in market.reserves.iter().filter(|reserve| reserve.closed == 0) {
            let own = get_associated_token_address_with_program_id(
                &self.keeper,
                &from_engine(&reserve.mint),
                &from_engine(&reserve.token_program),
            );
            if let Entry::Vacant(entry) = self.tokens.entry(own) {
                entry.insert(None);
                update.watched = true;
            }
        }
        applied
    }

    fn hear_clock(&mut self, slot: u64, account: Option<Account>) -> Applied {
        let clock = account.and_then(|account| decode_clock(&account.data).ok());
        clock.map_or(Applied::Refused, |clock| offer(&mut self.clock, slot, clock))
    }

    /// The market as it will be once the prices of some reserves, given as bits, are taken over. A price that the engine refuses
    /// changes nothing.
    pub fn predict(&self, reserves: u64) -> Option<Predicted> {
        let (mut market, now) = (self.market()?.clone(), self.clock()?.now);
        let mut fresher = 0;
        for reserve in (0..market.reserves.len() as u8).filter(|reserve| reserves >> reserve & 1 == 1) {
            if market.reserves[reserve as usize].closed != 0 {
                continue;
            }
            let Some(sources) = self.sources(&market, reserve) else { continue };
            let before = market.reserves[reserve as usize];
            match market.ledger(now).refresh_price(reserve, &sources[0], sources.get(1)) {
                Ok(_) if market.reserves[reserve as usize].price != before.price => {
                    fresher |= 1 << reserve;
                }
                // What failed may have changed the copy.
                _ => market.reserves[reserve as usize] = before,
            }
        }
        Some(Predicted { market, now, fresher })
    }

    /// The keeper's token account of a reserve, and what it holds; none if there is no such account.
    pub fn own_tokens(&self, reserve: u8) -> Option<(Address, Option<u64>)> {
        let reserve = self.market()?.reserves.get(reserve as usize)?;
        let own = get_associated_token_address_with_program_id(
            &self.keeper,
            &from_engine(&reserve.mint),
            &from_engine(&reserve.token_program),
        );
        Some((own, self.tokens.get(&own).and_then(|held| held.as_ref()?.value)))
    }

    fn hear_rent(&mut self, data: &[u8]) -> Applied {
        // Lamports for a byte and a year, and for how many years.
        let words = [data.get(..8), data.get(8..16)].map(|word| word.and_then(|word| word.try_into().ok()));
        let [Some(lamports), Some(years)] = words else { return Applied::Refused };
        let rent = u64::from_le_bytes(lamports) as f64 * f64::from_le_bytes(years);
        if !rent.is_finite() || rent < 0.0 {
            return Applied::Refused;
        }
        let applied = if rent == self.rent { Applied::Same } else { Applied::Changed };
        self.rent = rent;
        applied
    }

    /// What making the keeper's token account of each reserve would cost, lamports: nothing where there is one.
    pub fn rents(&self) -> Vec<u64> {
        let reserves = self.market().map_or(&[][..], |market| &market.reserves);
        let rent = |(index, reserve): (u8, &Reserve)| {
            if self.own_tokens(index).is_some_and(|(_, held)| held.is_some()) {
                return 0;
            }
            let mint = self.mints.get(&from_engine(&reserve.mint));
            let bytes = mint.map_or(ACCOUNT_LEN, Mint::account_len);
            // Token-2022 marks associated accounts as such: number and length of an extension, and the account's type
            // first.
            let is_extended = from_engine(&reserve.token_program) == TOKEN_2022_PROGRAM;
            let bytes = if is_extended { bytes.max(ACCOUNT_LEN + 1) + 4 } else { bytes };
            self.rent_of(bytes)
        };
        (0u8..).zip(reserves).map(rent).collect()
    }

    /// Lamports that keep an account of so many bytes alive.
    fn rent_of(&self, bytes: usize) -> u64 {
        ((ACCOUNT_OVERHEAD + bytes) as f64 * self.rent).ceil() as u64
    }

    /// What opening a margin account costs, lamports.
    pub fn margin_rent(&self) -> u64 {
        self.rent_of(MarginAccount::DISCRIMINATOR.len() + size_of::<MarginAccount>())
    }

    /// What making an account of a vault's shares would cost, lamports: they are of SPL Token.
    pub fn shares_rent(&self) -> u64 {
        self.rent_of(ACCOUNT_LEN)
    }

    /// What the keeper has of each reserve's token.
    pub fn held(&self) -> Vec<u64> {
        let reserves = self.market().map_or(0, |market| market.reserves.len()) as u8;
        (0..reserves).map(|reserve| self.own_tokens(reserve).and_then(|(_, held)| held).unwrap_or(0)).collect()
    }

    /// What a transfer of each reserve's token costs.
    pub fn fees(&self) -> Vec<TransferFee> {
        let epoch = self.clock().unwrap_or_default().epoch;
        let reserves = self.market().map_or(&[][..], |market| &market.reserves);
        let fee = |mint| self.mints.get(&mint).map_or(TransferFee::default(), |mint: &Mint| mint.fee_at(epoch));
        reserves.iter().map(|reserve| fee(from_engine(&reserve.mint))).collect()
    }
}

/// Changes among a program's accounts, of one market.
pub fn changes(market: Address, accounts: &[(Address, Account)]) -> Vec<Change> {
    let decoded = accounts.iter().filter_map(|(_, account)| decode_change(&account.data).ok());
    let mut changes: Vec<_> = decoded.filter(|change| change.market == to_engine(&market)).collect();
    changes.sort_by_key(|change| change.number);
    changes
}

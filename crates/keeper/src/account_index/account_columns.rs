//! Accounts of up to `N` deposits and debts and up to `P` positions in perps, in arrays, so that what a scan reads lies together.

use ballast_client::{
    Address,
    engine::{
        health::{Health, Requirement, account::health, position::AccountTerms},
        number::units::{Part, Shares},
        state::{
            account::{MarginAccount, Position, Side},
            market::{MAX_RESERVES, MarketConfig},
            reserve::Reserve,
        },
    },
};
use rayon::prelude::*;

use super::{
    Found, Unsettled,
    perp_values::{HeldPerp, PerpKind},
    valuation_table::{PositionKind, ValuationTable},
};

/// Accounts of a block: one for each bit of a word.
const BLOCK: usize = 64;
/// Blocks that one thread takes at a time.
const TILE: usize = 64;

/// What is kept of an account beside its positions.
#[derive(Clone, Copy, Debug, Default)]
pub struct Row {
    /// Its address.
    pub address: [u8; 32],
    /// The slot that it is known as of.
    pub slot: u64,
    since: i64,
    seen: i64,
    debt_group: u8,
    mode: u8,
    in_receivership: u8,
    isolated_collateral: u8,
    doubtful: Part,
}

impl Row {
    /// Whether a loss of it is reported.
    pub fn is_reported(&self) -> bool {
        self.doubtful != Part::ZERO
    }

    /// Whether an account is in it.
    pub fn is_used(&self) -> bool {
        self.address != [0; 32]
    }

    /// The account's address.
    pub fn key(&self) -> Address {
        Address::new_from_array(self.address)
    }
}

/// What a scan needs of a market.
pub struct Prices<'a> {
    /// Its reserves.
    pub reserves: &'a [Reserve],
    /// Its settings.
    pub config: &'a MarketConfig,
    /// Unix seconds.
    pub now: i64,
    /// What its position kinds count for.
    pub table: &'a ValuationTable,
}

/// What a scan reads of [`BLOCK`] accounts: on the same pages, from the beginning of a cache line on.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
struct Block<const N: usize, const P: usize> {
    shares: [[u64; N]; BLOCK],
    kinds: [[PositionKind; N]; BLOCK],
    perps: [[HeldPerp; P]; BLOCK],
    /// Collateral ÷ debt at the last evaluation.
    ratios: [f32; BLOCK],
}

impl<const N: usize, const P: usize> Block<N, P> {
    const FREE: Self = Self {
        shares: [[0; N]; BLOCK],
        kinds: [[PositionKind::UNUSED; N]; BLOCK],
        perps: [[HeldPerp::UNUSED; P]; BLOCK],
        ratios: [f32::NAN; BLOCK],
    };

    /// The positions of an account in perps.
    fn perps(&self, at: usize) -> impl DoubleEndedIterator<Item = &HeldPerp> {
        self.perps[at].iter().filter(|held| held.kind != PerpKind::UNUSED)
    }

    /// What the table says of an account.
    #[inline(always)]
    fn sum(&self, at: usize, table: &ValuationTable) -> Sum {
        let mut sum = Sum::of(&self.shares[at], &self.kinds[at], table);
        for held in &self.perps[at] {
            let counted = table.perp(held);
            sum.net += counted.value;
            sum.collateral += counted.gain;
            sum.gross += counted.magnitude;
        }
        sum
    }

    fn rebuild(&self, at: usize, row: &Row) -> MarginAccount {
        let perps = self.perps[at].map(|held| held.position());
        rebuild(row, &self.kinds[at], &self.shares[at]).with_perps(&perps[..self.perps(at).count()])
    }
}

/// Accounts of up to `N` deposits and debts and up to `P` positions in perps. Rows come in whole blocks; a free one has no positions.
#[derive(Clone, Debug)]
pub struct AccountColumns<const N: usize, const P: usize> {
    blocks: Vec<Block<N, P>>,
    /// A bit for each account that every evaluation looks at.
    near: Vec<u64>,
    /// By reserve and by perp: a bit for each account with a position in it.
    holders: Vec<Vec<u64>>,
    rows: Vec<Row>,
    free: Vec<u32>,
}

impl<const N: usize, const P: usize> Default for AccountColumns<N, P> {
    fn default() -> Self {
        Self {
            blocks: Vec::new(),
            near: Vec::new(),
            holders: vec![Vec::new(); MAX_RESERVES],
            rows: Vec::new(),
            free: Vec::new(),
        }
    }
}

/// What a search for lost debts needs of a market.
pub struct Losses {
    /// By reserve, the shares at which a deposit reaches the minimum.
    pub enough: Vec<u64>,
    /// By reserve, the shares at which a liquidator could take a deposit for dust or more.
    pub takeable: Vec<u64>,
    /// What shares count for.
    pub table: ValuationTable,
}

/// What the index asks of [`AccountColumns`], whatever the number of positions.
pub trait Rows: Send + Sync {
    /// A free row.
    fn take(&mut self) -> u32;
    /// Gives a row back.
    fn give_back(&mut self, index: u32);
    /// Fills a row in; the next evaluation looks at it.
    fn write(&mut self, index: u32, address: &Address, slot: u64, account: &MarginAccount, reserves: &[Reserve]);
    /// Takes in that an account is still the same as of a slot.
    fn confirm(&mut self, index: u32, slot: u64);
    /// Chooses the kinds of all positions of a reserve's holders again, because the reserve's group has changed.
    fn regroup(&mut self, reserve: u8, reserves: &[Reserve]);
    /// The rows with a position in a reserve or a perp.
    fn holders_of(&self, record: u8) -> Vec<u32>;
    /// All rows; a free one has no address.
    fn rows(&self) -> &[Row];
    /// The account, as far as health and liquidations depend on it.
    fn account(&self, index: u32) -> MarginAccount;
    /// Whether an account may have lost debts, in whole or in part. May be wrong about an account that has none, never about
    /// one that has.
    fn may_be_lost(&self, index: u32, limits: &Losses) -> bool;
    /// Collateral ÷ debt at the last evaluation: infinite without debts, not a number without positions.
    fn ratios(&self) -> Box<dyn Iterator<Item = f32> + '_>;
    /// Evaluates all accounts, or only the holders of the `moved` reserves and perps (as bits) and the accounts near the line. From
    /// now on an account is near if its health is below the part `near` of its collateral and debt together. Returns the accounts that
    /// the engine calls liquidatable.
    fn evaluate(&mut self, prices: &Prices, moved: Option<u64>, near: f64) -> Vec<Found>;
    /// The positions in perps that have lost so much at their last price, 10^-8 USD, or are closed and owe or are owed as much.
    fn unsettled(&self, table: &ValuationTable, least: f64) -> Vec<Unsettled>;
    /// Bytes set aside.
    fn memory(&self) -> usize;
}

impl<const N: usize, const P: usize> AccountColumns<N, P> {
    /// The block that a row is in, and its place there.
    fn block(&self, index: u32) -> (&Block<N, P>, usize) {
        (&self.blocks[index as usize / BLOCK], index as usize % BLOCK)
    }

    fn clear(&mut self, index: u32) {
        let (at, bit) = (index as usize, !(1 << (index as usize % BLOCK)));
        let block = &mut self.blocks[at / BLOCK];
        for kind in block.kinds[at % BLOCK] {
            if kind != PositionKind::UNUSED {
                self.holders[kind.reserve() as usize][at / BLOCK] &= bit;
            }
        }
        for held in block.perps(at % BLOCK) {
            self.holders[held.kind.perp() as usize][at / BLOCK] &= bit;
        }
        (block.kinds[at % BLOCK], block.shares[at % BLOCK]) = ([PositionKind::UNUSED; N], [0; N]);
        block.perps[at % BLOCK] = [HeldPerp::UNUSED; P];
        self.near[at / BLOCK] &= bit;
    }
}

impl<const N: usize, const P: usize> Rows for AccountColumns<N, P> {
    fn take(&mut self) -> u32 {
        if self.free.is_empty() {
            let first = self.rows.len();
            self.rows.resize(first + BLOCK, Row::default());
            self.blocks.push(Block::FREE);
            self.near.push(0);
            self.holders.iter_mut().for_each(|holders| holders.push(0));
            self.free.extend((first as u32..(first + BLOCK) as u32).rev());
        }
        self.free.pop().unwrap_or_default()
    }

    fn give_back(&mut self, index: u32) {
        self.clear(index);
        self.rows[index as usize] = Row::default();
        self.blocks[index as usize / BLOCK].ratios[index as usize % BLOCK] = f32::NAN;
        self.free.push(index);
    }

    fn write(&mut self, index: u32, address: &Address, slot: u64, account: &MarginAccount, reserves: &[Reserve]) {
        self.clear(index);
        let at = index as usize;
        self.rows[at] = Row {
            address: address.to_bytes(),
            slot,
            since: account.liquidatable_since,
            seen: account.liquidatable_seen,
            debt_group: account.debt_group,
            mode: account.mode,
            in_receivership: account.in_receivership,
            isolated_collateral: account.isolated_collateral,
            doubtful: account.doubtful,
        };
        let terms = AccountTerms::of(account);
        for (place, position) in account.positions().iter().enumerate() {
            let unlisted = Reserve::default();
            let reserve = reserves.get(position.reserve as usize).unwrap_or(&unlisted);
            let block = &mut self.blocks[at / BLOCK];
            block.kinds[at % BLOCK][place] =
                PositionKind::new(position.reserve, terms.of_position(reserve), position.is_debt());
            block.shares[at % BLOCK][place] = position.shares.0;
            self.holders[position.reserve as usize][at / BLOCK] |= 1 << (at % BLOCK);
        }
        for (place, position) in account.perps().take(P).enumerate() {
            self.blocks[at / BLOCK].perps[at % BLOCK][place] = HeldPerp::new(position);
            self.holders[position.perp as usize][at / BLOCK] |= 1 << (at % BLOCK);
        }
        self.near[at / BLOCK] |= 1 << (at % BLOCK);
    }

    fn regroup(&mut self, reserve: u8, reserves: &[Reserve]) {
        for index in self.holders_of(reserve) {
            let (row, account) = (self.rows[index as usize], self.account(index));
            self.write(index, &row.key(), row.slot, &account, reserves);
        }
    }

    fn holders_of(&self, record: u8) -> Vec<u32> {
        let words = self.holders[record as usize].iter().enumerate();
        words.flat_map(|(block, word)| Bits(*word).map(move |bit| (block * BLOCK) as u32 + bit)).collect()
    }

    fn rows(&self) -> &[Row] {
        &self.rows
    }

    fn confirm(&mut self, index: u32, slot: u64) {
        self.rows[index as usize].slot = slot;
    }

    fn account(&self, index: u32) -> MarginAccount {
        let (block, at) = self.block(index);
        block.rebuild(at, &self.rows[index as usize])
    }

    fn may_be_lost(&self, index: u32, limits: &Losses) -> bool {
        let (block, at) = self.block(index);
        let (kinds, shares) = (&block.kinds[at], &block.shares[at]);
        let has_debt = kinds.iter().any(|kind| *kind != PositionKind::UNUSED && kind.is_debt());
        let all_below = |least: &[u64]| {
            kinds.iter().zip(shares).all(|(kind, shares)| {
                *kind == PositionKind::UNUSED
                    || kind.is_debt()
                    || least.get(kind.reserve() as usize).is_some_and(|least| shares < least)
            })
        };
        // Old deposits count for twice their worth at most. So a debt above twice the deposits leaves the account short.
        has_debt
            && all_below(&limits.takeable)
            && (all_below(&limits.enough) || Sum::of(shares, kinds, &limits.table).net < 0.0)
    }

    fn ratios(&self) -> Box<dyn Iterator<Item = f32> + '_> {
        Box::new(self.blocks.iter().flat_map(|block| block.ratios))
    }

    fn memory(&self) -> usize {
        let words = self.near.capacity() + self.holders.iter().map(Vec::capacity).sum::<usize>();
        self.rows.capacity() * size_of::<Row>()
            + self.blocks.capacity() * size_of::<Block<N, P>>()
            + words * size_of::<u64>()
            + self.free.capacity() * size_of::<u32>()
    }

    fn evaluate(&mut self, prices: &Prices, moved: Option<u64>, near: f64) -> Vec<Found> {
        let Self { blocks, rows, holders, near: near_words, .. } = self;
        let rows = &*rows;
        let moved: Option<Vec<&Vec<u64>>> =
            moved.map(|moved| Bits(moved).map(|reserve| &holders[reserve as usize]).collect());
        let mut found = Vec::new();
        let tiles = near_words.par_chunks_mut(TILE).zip(blocks.par_chunks_mut(TILE)).enumerate();
        let of_tiles = tiles.map(|(tile, (near_words, blocks))| {
            let mut found = Vec::new();
            for (place, (near_word, block)) in near_words.iter_mut().zip(blocks).enumerate() {
                let number = tile * TILE + place;
                let word = match &moved {
                    Some(holders) => holders.iter().fold(*near_word, |word, holders| word | holders[number]),
                    None => u64::MAX,
                };
                for bit in Bits(word) {
                    // Below 64: this spares a check.
                    let at = bit as usize % BLOCK;
                    let Sum { net, collateral, gross } = block.sum(at, prices.table);
                    block.ratios[at] = (collateral / (collateral - net)) as f32;
                    *near_word = (*near_word & !(1 << bit)) | ((net < near * gross) as u64) << bit;
                    let index = number * BLOCK + at;
                    if net < 0.0 {
                        found.extend(confirm(&rows[index], block, at, prices));
                    }
                }
            }
            found
        });
        found.par_extend(of_tiles.flatten_iter());
        found
    }

    fn unsettled(&self, table: &ValuationTable, least: f64) -> Vec<Unsettled> {
        if P == 0 {
            return Vec::new();
        }
        let of_block = |(block, rows): (&Block<N, P>, &[Row])| {
            let mut found = Vec::new();
            for (at, row) in rows.iter().enumerate() {
                for held in block.perps(at) {
                    let of_perp = table.of_perp(held);
                    let gained = of_perp.gained(held);
                    if -gained < least && !(held.is_closed() && gained >= least) {
                        continue;
                    }
                    // A loss is paid out of the deposit of the quote token, what is owed by the pool.
                    let is_quote = |(kind, _): &(&PositionKind, &u64)| {
                        **kind != PositionKind::UNUSED && !kind.is_debt() && kind.reserve() == of_perp.quote
                    };
                    let mut deposits = block.kinds[at].iter().zip(&block.shares[at]).filter(is_quote);
                    let deposit = deposits.next().map_or(0.0, |(kind, shares)| table.value(*kind, *shares).0);
                    let payable = if gained < 0.0 { deposit.clamp(0.0, -gained) } else { gained } / 1e8;
                    let (address, perp, value) = (row.key(), held.kind.perp(), gained.abs() / 1e8);
                    found.push(Unsettled { address, perp, value, payable });
                }
            }
            found
        };
        self.blocks.par_iter().zip(self.rows.par_chunks(BLOCK)).flat_map_iter(of_block).collect()
    }
}

/// What the table says of an account, 10^-8 USD.
struct Sum {
    /// Collateral less debt.
    net: f64,
    collateral: f64,
    /// The sum of the magnitudes: if all values change by a part, the sum changes by no more than that part of it.
    gross: f64,
}

impl Sum {
    #[inline(always)]
    fn of<const N: usize>(shares: &[u64; N], kinds: &[PositionKind; N], table: &ValuationTable) -> Self {
        let mut sum = Self { net: 0.0, collateral: 0.0, gross: 0.0 };
        for (shares, kind) in shares.iter().zip(kinds) {
            let (value, magnitude) = table.value(*kind, *shares);
            sum.net += value;
            sum.collateral += if value > 0.0 { value } else { 0.0 };
            sum.gross += magnitude;
        }
        sum
    }
}

/// Asks the engine whether an account is liquidatable. One that owes nothing and has no position cannot be.
#[cold]
fn confirm<const N: usize, const P: usize>(
    row: &Row,
    block: &Block<N, P>,
    at: usize,
    prices: &Prices,
) -> Option<Found> {
    let has_debt = block.kinds[at].iter().any(|kind| *kind != PositionKind::UNUSED && kind.is_debt());
    if !has_debt && block.perps(at).next().is_none() {
        return None;
    }
    let health = maintenance(&block.rebuild(at, row), prices)?;
    (!health.is_healthy()).then(|| Found { address: row.key(), health })
}

/// It fails for a record that the market does not have: then the account was read before its market.
fn maintenance(account: &MarginAccount, prices: &Prices) -> Option<Health> {
    health(account, prices.reserves, prices.config, prices.now, Requirement::Maintenance).ok()
}

fn rebuild<const N: usize>(row: &Row, kinds: &[PositionKind; N], shares: &[u64; N]) -> MarginAccount {
    let mut account = MarginAccount {
        version: ballast_client::engine::record::layout::LAYOUT_VERSION,
        position_count: kinds.iter().filter(|kind| **kind != PositionKind::UNUSED).count() as u8,
        mode: row.mode,
        isolated_collateral: row.isolated_collateral,
        debt_group: row.debt_group,
        in_receivership: row.in_receivership,
        liquidatable_since: row.since,
        liquidatable_seen: row.seen,
        doubtful: row.doubtful,
        ..MarginAccount::default()
    };
    for (position, (kind, shares)) in account.positions.iter_mut().zip(kinds.iter().zip(shares)) {
        if *kind != PositionKind::UNUSED {
            let side = if kind.is_debt() { Side::Debt } else { Side::Deposit };
            *position =
                Position { shares: Shares(*shares), reserve: kind.reserve(), side: side as u8, ..Position::default() };
        }
    }
    account
}

/// The numbers of the bits that are set.
struct Bits(u64);

impl Iterator for Bits {
    type Item = u32;

    #[inline(always)]
    fn next(&mut self) -> Option<u32> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros();
        self.0 &= self.0 - 1;
        Some(bit)
    }
}

//! An independent model of a pool and its perps in exact rationals, written from the definitions.
//!
//! Each position is a list of what was bought at which price, what it has paid in funding, and what it is owed. There are no sums of
//! sides, no multipliers, no offsets, no shares and no rounding. Taken from the engine are what defines the contract: prices of a lot,
//! readings of prices, the volatility measured, and the index that deposits of the quote reserve grow by.

mod cost;
mod deal;
mod pool;

pub use deal::{Done, Gate};
pub use pool::Standing;

use super::scene::{POOL, QUOTE};
use crate::common::{
    World,
    rational::{Rational, cut, fixed, int, ratio, two_to, zero},
};
use ballast_engine::state::{
    perp::{Perp, PerpConfig, PoolConfig, book::Width},
    reserve::Reserve,
};

const YEAR: i64 = 31_536_000;

/// Basis points as a part of one.
pub fn bps(number: u16) -> Rational {
    ratio(number, 10_000)
}

/// A price of a lot, atoms.
pub fn price(bits: u64) -> Rational {
    fixed(bits as u128, 32)
}

pub fn sum(numbers: impl IntoIterator<Item = Rational>) -> Rational {
    numbers.into_iter().fold(zero(), |sum, number| sum + number)
}

/// Low, spot and high of a lot.
#[derive(Clone, Debug)]
pub struct Prices {
    pub low: Rational,
    pub spot: Rational,
    pub high: Rational,
}

/// One person's position in a perp.
#[derive(Clone, Debug)]
pub struct Holding {
    pub is_short: bool,
    /// Lots, and the price that each of them was entered at.
    pub entries: Vec<(Rational, Rational)>,
    /// What those lots have paid in funding and for the pool, less what they got.
    pub paid: Rational,
    /// What is owed to it, whatever the price: less than zero is what it owes.
    pub owed: Rational,
    pub grown_at: i64,
}

impl Holding {
    fn empty() -> Self {
        Self { is_short: false, entries: vec![], paid: zero(), owed: zero(), grown_at: 0 }
    }

    pub fn lots(&self) -> Rational {
        sum(self.entries.iter().map(|entry| entry.0.clone()))
    }

    fn signed(&self, number: Rational) -> Rational {
        if self.is_short { -number } else { number }
    }

    /// What its lots have gained by the price alone.
    fn moved(&self, price: &Rational) -> Rational {
        self.signed(sum(self.entries.iter().map(|(lots, entry)| lots * (price - entry))))
    }

    pub fn gain(&self, price: &Rational) -> Rational {
        self.moved(price) - &self.paid + &self.owed
    }

    /// At the price that it would be closed at.
    pub fn gain_to_close(&self, prices: &Prices) -> Rational {
        self.gain(if self.is_short { &prices.high } else { &prices.low })
    }

    fn keep_lots(&mut self, left: &Rational) {
        self.entries.iter_mut().for_each(|entry| entry.0 = cut(&(&entry.0 * left)));
        self.entries.retain(|entry| entry.0 > zero());
    }

    /// Closes a part of everything, and returns what that has gained.
    fn close(&mut self, part: &Rational, price: &Rational) -> Rational {
        let (gain, left) = (self.gain(price) * part, int(1) - part);
        self.keep_lots(&left);
        (self.paid, self.owed) = (cut(&(&self.paid * &left)), cut(&(&self.owed * &left)));
        gain
    }

    /// Closes a part of its lots, and keeps what they have gained by the price as what is owed to it.
    fn deleverage(&mut self, part: &Rational, price: &Rational) {
        self.owed = cut(&(&self.owed + self.moved(price) * part));
        self.keep_lots(&(int(1) - part));
    }
}

/// What flowed lately.
#[derive(Clone, Debug)]
pub struct Bucket {
    pub level: Rational,
    updated: i64,
}

impl Bucket {
    fn drain(&mut self, limit: u64, period: i64, now: i64) {
        let drained = int(limit) * ratio((now - self.updated).max(0), period);
        (self.level, self.updated) = (cut(&(&self.level - drained).max(zero())), self.updated.max(now));
    }
}

#[derive(Clone, Debug)]
pub struct Contract {
    pub index: u8,
    pub config: PerpConfig,
    /// By user.
    pub holdings: Vec<Holding>,
    /// What deleveraging left of what the engine counts as a lot, of longs and shorts: to read its sizes.
    pub left: [Rational; 2],
    pub rate: Rational,
    last: i64,
    borrowed: Rational,
    /// The last prices that it was touched at, and when they were published: newest first.
    seen: [(Rational, i64); 2],
    pub grown: Bucket,
    pub paid: Bucket,
    pub fund: Rational,
    pub insurance: Rational,
    pub is_resolved: bool,
    /// By how much the gains of all its positions may differ from the engine's, for roundings of funding: a few units of 2^-32 for each
    /// lot and time that it was written, and of the rate.
    pub drift: Rational,
}

impl Contract {
    pub fn side(&self, is_short: bool) -> impl Iterator<Item = &Holding> {
        self.holdings.iter().filter(move |holding| holding.is_short == is_short)
    }

    pub fn lots(&self, is_short: bool) -> Rational {
        sum(self.side(is_short).map(Holding::lots))
    }

    pub fn skew(&self) -> Rational {
        self.lots(false) - self.lots(true)
    }

    fn gain(&self, is_short: bool, price: &Rational) -> Rational {
        sum(self.side(is_short).map(|holding| holding.gain(price)))
    }

    /// Lots of both sides as the engine counts them.
    fn raw(&self) -> Rational {
        self.lots(false) / &self.left[0] + self.lots(true) / &self.left[1]
    }

    /// Longs pay the rate on the value of their lots to shorts, who get it on theirs, as far as longs paid it; or the other way round.
    /// The rate moves with the skew, for an hour at most at a time; its mean counts. All pay for the pool.
    pub fn accrue(&mut self, world: &World, borrowed: &Rational) {
        let borrow = borrowed - &self.borrowed;
        self.borrowed = borrowed.clone();
        let seconds = world.now - self.last;
        if seconds <= 0 || self.is_resolved {
            self.last = self.last.max(world.now);
            return;
        }
        self.last = world.now;
        let spot = prices(world, self.index, Width::Maintenance).spot;
        let years = ratio(seconds, YEAR);
        let skew = (self.skew() / int(self.config.skew_scale)).clamp(int(-1), int(1));
        let most = bps(self.config.max_funding.0);
        let change = skew * bps(self.config.funding_speed.0) * ratio(seconds.min(3_600), 86_400);
        let after = (&self.rate + change).clamp(-&most, most);
        let mut mean = (&self.rate + &after) / int(2);
        if self.config.power == 2 {
            let annual = bps(annual(world, &self.config));
            mean += (&annual * &annual).min(int(8));
        }
        self.rate = after;
        let raw = self.raw();
        let value = (self.lots(false) + self.lots(true)) * &spot;
        self.drift = cut(&(&self.drift + (raw * int(6) + value * int(60) * &years) * two_to(-32)));
        let of_lot = &spot * &years;
        let payer_is_short = mean < zero();
        let rate = if payer_is_short { -mean } else { mean };
        let total = self.lots(payer_is_short) * &of_lot * &rate;
        let receivers = self.lots(!payer_is_short);
        let got = if receivers == zero() { zero() } else { (&of_lot * &rate).min(total / receivers) };
        for holding in &mut self.holdings {
            let of_lot_paid =
                if holding.is_short == payer_is_short { &of_lot * &rate } else { -&got } + &spot * &borrow;
            holding.paid = cut(&(&holding.paid + holding.lots() * of_lot_paid));
        }
    }

    /// Brings it up to the second, and takes in the price.
    fn enter(&mut self, world: &World, borrowed: &Rational) {
        self.accrue(world, borrowed);
        let published = feed(world, &self.config).price.publish_time;
        if published > self.seen[0].1 {
            let spot = prices(world, self.index, Width::Maintenance).spot;
            self.seen.swap(0, 1);
            self.seen[0] = (spot, published);
        }
    }

    /// What a trade gets: the worse of the last two prices seen, unless they are further apart than the hold.
    fn traded(&self, world: &World) -> Prices {
        let now = prices(world, self.index, Width::Maintenance);
        let [(_, last), (before, first)] = &self.seen;
        if self.is_resolved || *before == zero() || last - first > self.config.hold as i64 {
            return now;
        }
        Prices { low: now.low.min(before.clone()), high: now.high.max(before.clone()), spot: now.spot }
    }
}

pub fn feed<'a>(world: &'a World, config: &PerpConfig) -> &'a Reserve {
    &world.reserves[config.price as usize]
}

pub fn annual(world: &World, config: &PerpConfig) -> u16 {
    feed(world, config).risk.volatility.annual.0
}

/// Prices of a lot: what the contract is defined by.
pub fn prices(world: &World, perp: u8, width: Width) -> Prices {
    let perp = Perp::of(&world.reserves, perp).unwrap();
    let marks = perp.marks(&feed(world, &perp.config).price, width);
    Prices { low: price(marks.low), spot: price(marks.spot), high: price(marks.high) }
}

/// The pool, its perps, and what users have in the quote reserve.
#[derive(Clone, Debug)]
pub struct Model {
    pub config: PoolConfig,
    pub deposits: Vec<Rational>,
    pub cash: Rational,
    pub shares: u64,
    pub stakes: Vec<u64>,
    pub perps: Vec<Contract>,
    /// What positions pay the pool a year, and the part of a gain that is paid, as the pool wrote them last: whole basis points, and 32
    /// fractional bits. Both are compared with the definition when they are written.
    pub borrow: Rational,
    /// That rate, added up until a time.
    pub borrowed: Rational,
    pub borrowed_until: i64,
    pub factor: Rational,
    /// The quote reserve's deposit index at the last look.
    index: Rational,
    /// Atoms by which a balance may differ.
    pub slack: Rational,
    /// Atoms by which a user may be better off than here, beside the drift.
    pub favour: Rational,
}

impl Model {
    pub fn new(world: &World, perps: &[u8]) -> Self {
        let users = world.accounts.len();
        let contract = |index: &u8| {
            let record = Perp::of(&world.reserves, *index).unwrap();
            Contract {
                index: *index,
                config: record.config,
                holdings: vec![Holding::empty(); users],
                left: [int(1), int(1)],
                rate: zero(),
                last: record.last_accrual,
                borrowed: zero(),
                seen: [(zero(), 0), (zero(), 0)],
                grown: Bucket { level: zero(), updated: 0 },
                paid: Bucket { level: zero(), updated: 0 },
                fund: zero(),
                insurance: zero(),
                is_resolved: false,
                drift: zero(),
            }
        };
        let pool = ballast_engine::state::perp::Pool::of(&world.reserves, POOL).unwrap();
        let atoms = |shares| int(world.reserves[QUOTE as usize].deposit_index_at(world.now).amount_floor(shares));
        let deposit = |account: &ballast_engine::state::account::MarginAccount| {
            atoms(account.shares(QUOTE, ballast_engine::state::account::Side::Deposit).unwrap_or_default())
        };
        Self {
            config: pool.config,
            deposits: world.accounts.iter().map(deposit).collect(),
            cash: atoms(pool.deposit),
            shares: pool.shares.0,
            stakes: world.accounts.iter().map(|account| account.stake().map_or(0, |stake| stake.shares.0)).collect(),
            perps: perps.iter().map(contract).collect(),
            borrow: fixed(pool.borrow_rate as u128, 32),
            borrowed: zero(),
            borrowed_until: world.now,
            factor: int(1),
            index: quote_index(world),
            slack: int(4),
            favour: int(1),
        }
    }

    pub fn perp(&self, index: u8) -> &Contract {
        self.perps.iter().find(|perp| perp.index == index).unwrap()
    }

    pub fn perp_mut(&mut self, index: u8) -> &mut Contract {
        self.perps.iter_mut().find(|perp| perp.index == index).unwrap()
    }

    /// Deposits grow by the index of the quote reserve.
    pub fn grow(&mut self, world: &World) {
        let index = quote_index(world);
        if index == self.index {
            return;
        }
        let growth = &index / &self.index;
        self.index = index;
        let funds = self.perps.iter_mut().flat_map(|perp| [&mut perp.fund, &mut perp.insurance]);
        let own = [&mut self.cash, &mut self.slack, &mut self.favour];
        for amount in self.deposits.iter_mut().chain(own).chain(funds) {
            *amount = cut(&(&*amount * &growth));
        }
    }

    /// What a value of one has paid the pool until now, since the model began.
    pub fn borrowed_at(&self, world: &World) -> Rational {
        &self.borrowed + &self.borrow * ratio(world.now - self.borrowed_until, YEAR)
    }

    /// The same with all funding until now, as far as it is not written.
    pub fn accrued(&self, world: &World) -> Self {
        let mut now = self.clone();
        now.grow(world);
        let borrowed = self.borrowed_at(world);
        now.perps.iter_mut().for_each(|perp| perp.accrue(world, &borrowed));
        now
    }

    /// All drift of funding, and what reading a deleveraged side at a price cuts off.
    pub fn drift(&self) -> Rational {
        sum(self.perps.iter().map(|perp| &perp.drift + perp.raw() * two_to(-30)))
    }

    /// Atoms by which any one balance or gain may differ from the engine's.
    pub fn tolerance(&self) -> Rational {
        &self.slack + self.drift()
    }

    /// An action rounds to a share and to an atom a few times, and rates are of 32 bits.
    pub fn round(&mut self, value: &Rational) {
        let share = self.index.ceil() + int(1);
        self.slack = cut(&(&self.slack + share * int(4) + value * two_to(-29)));
    }
}

fn quote_index(world: &World) -> Rational {
    fixed(world.reserves[QUOTE as usize].deposit_index_at(world.now).to_bits(), 64)
}

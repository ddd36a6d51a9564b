//! A vault over up to eight markets, people who hold its shares, and what they do.

mod caps;
mod conservation;
mod coverage;
mod fees;
mod governance;
mod lenders;
mod optimum;
mod pools;
mod queue;
mod rebalance;
mod shares;
mod terms;

use crate::common::{
    START, World, lend,
    rational::{Rational, ratio},
    reserve_config,
};
use ballast_engine::{
    Error, Result,
    ledger::Movement,
    number::units::{Bps, Shares},
    record::layout::Address,
    state::{
        interest::RateCurve,
        vault::{AllocationConfig, ExitRequest, Listing, TermDeposit, Vault, VaultConfig, VaultRoles},
    },
    vaults::{
        Exchange, Vaults,
        exit::{Exit, Payment},
        rebalance::Move,
    },
};

pub const CURATOR: Address = Address([51; 32]);
pub const SENTINEL: Address = Address([52; 32]);
pub const COLLECTOR: Address = Address([53; 32]);
/// The vault's token, which each market lists first.
pub const MINT: Address = Address([54; 32]);
/// Atoms of one token.
pub const ONE: u64 = 1_000_000;
pub const DAY: i64 = 86_400;
pub const YEAR: i64 = 31_536_000;
/// All allocations.
pub const ALL: u8 = 255;
/// Who lends to a market beside the vault, and who borrows.
const LENDER: usize = 0;
const BORROWER: usize = 1;

/// The market of a slot.
pub fn market(slot: usize) -> Address {
    Address([200 + slot as u8; 32])
}

/// A policy without fees, terms, buffers and limits that bind.
pub fn policy(markets: usize) -> VaultConfig {
    let mut config = VaultConfig {
        roles: VaultRoles { fee_collector: COLLECTOR, sentinel: SENTINEL, ..VaultRoles::default() },
        deposit_cap: 1 << 59,
        min_amount: 1,
        reward_cap: 1 << 59,
        delay: 800_000,
        interval: 3_600,
        unlock: 86_400,
        runoff_day: Bps(1_400),
        runoff_days: Bps(3_300),
        cash_share: Bps(10_000),
        max_utilisation: Bps(9_500),
        maturity_factor: Bps(10_000),
        round_share: Bps(10_000),
        early_penalty: Bps(100),
        launched: 1,
        ..VaultConfig::default()
    };
    for slot in 0..markets {
        config.allocations[slot] = AllocationConfig {
            market: market(slot),
            cap: 1 << 60,
            share_cap: Bps(10_000),
            ..AllocationConfig::default()
        };
    }
    config
}

/// A market in which others lend and borrow the vault's token.
#[derive(Clone, Copy, Debug)]
pub struct Pool {
    /// Atoms that others lend.
    pub lent: u64,
    /// Atoms that are borrowed, of every 10,000 of those.
    pub used: u64,
    /// Where the curve bends, and its rates there and at the end, basis points.
    pub curve: (u16, u32, u32),
}

impl Default for Pool {
    fn default() -> Self {
        Self { lent: 1_000_000 * ONE, used: 6_000, curve: (8_000, 1_000, 10_000) }
    }
}

impl Pool {
    pub fn world(&self) -> World {
        let mut configs = [0, 1, 2, 3].map(reserve_config);
        let (bend, middle, last) = self.curve;
        configs[0].curve = RateCurve::new(&[(0, 0), (bend, middle), (10_000, last)]).unwrap();
        let mut world = World::with(configs, 4);
        world.reserves[0].mint = MINT;
        if self.lent != 0 {
            world.deposit(LENDER, 0, self.lent);
        }
        let debt = (self.lent as u128 * self.used as u128 / 10_000) as u64;
        if debt != 0 {
            // Of SOL, twice what is needed.
            let collateral = (debt as u128 * 1_000 / 150 * 4) as u64;
            world.deposit(BORROWER, 1, collateral);
            world.borrow(BORROWER, 0, debt);
        }
        world
    }
}

/// Who holds shares, and what they brought and took.
#[derive(Clone, Debug, Default)]
pub struct Person {
    pub shares: u64,
    /// Atoms taken less those brought.
    pub tokens: i128,
    pub request: ExitRequest,
    pub terms: Vec<TermDeposit>,
}

#[derive(Clone, Debug)]
pub struct Scene {
    pub vault: Vault,
    pub markets: Vec<World>,
    pub people: Vec<Person>,
    /// Slots whose market cannot be read.
    pub unreadable: u8,
    /// Tokens of the vault's account.
    pub tokens: i128,
    /// Shares that callers of rebalances and the fee collector got.
    pub rewards: u64,
    pub collected: u64,
    pub now: i64,
}

pub fn address(person: usize) -> Address {
    Address([1 + person as u8; 32])
}

impl Scene {
    pub fn new(config: VaultConfig, pools: &[Pool], people: usize) -> Self {
        let mut vault = opened(config, CURATOR, 6, 0, START).unwrap();
        vault.mint = MINT;
        let markets: Vec<World> = pools.iter().map(Pool::world).collect();
        for (slot, world) in markets.iter().enumerate() {
            vault.open_allocation(slot as u8, &market(slot), &world.reserves, START).unwrap();
        }
        let mut scene = Self {
            vault,
            markets,
            people: vec![Person::default(); people],
            unreadable: 0,
            tokens: Vault::SEED as i128,
            rewards: 0,
            collected: 0,
            now: START,
        };
        scene.wait(1);
        scene
    }

    /// The same with markets like the standard one.
    pub fn plain(markets: usize, people: usize) -> Self {
        Self::new(policy(markets), &vec![Pool::default(); markets], people)
    }

    /// Time passes, and prices are published.
    pub fn wait(&mut self, seconds: i64) {
        self.now += seconds;
        for world in &mut self.markets {
            world.now = self.now;
            world.refresh_all();
        }
    }

    /// The same, and everybody's interest is written.
    pub fn calm(&mut self, seconds: i64) {
        self.wait(seconds);
        for world in &mut self.markets {
            world.act(0, |ledger, _| ledger.refresh_reserve(0)).unwrap();
        }
    }

    /// Tries something on a copy of the vault, with its value.
    pub fn look<T>(&self, action: impl FnOnce(&mut Vaults) -> T) -> T {
        let mut vault = self.vault;
        let mut vaults = Vaults::open(&mut vault, self.now, |slot| self.read(slot));
        action(&mut vaults)
    }

    fn read(&self, slot: usize) -> Option<Listing<'_>> {
        let world = self.markets.get(slot).filter(|_| self.unreadable >> slot & 1 == 0)?;
        Some((&world.market, &world.reserves))
    }

    /// Does something that moves no tokens of markets, or nothing.
    pub fn act<T>(&mut self, action: impl FnOnce(&mut Vaults) -> Result<T>) -> Result<T> {
        let mut vault = self.vault;
        let mut vaults = Vaults::open(&mut vault, self.now, |slot| self.read(slot));
        let done = action(&mut vaults)?;
        self.vault = vault;
        Ok(done)
    }

    /// Accrues alone.
    pub fn touch(&mut self) {
        self.act(|_| Ok(())).unwrap();
    }

    /// All of a transaction, or nothing.
    pub fn whole<T>(&mut self, action: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let mut copy = self.clone();
        let done = action(&mut copy)?;
        *self = copy;
        Ok(done)
    }

    pub fn deposit(&mut self, who: usize, amount: u64) -> Result<Exchange> {
        let done = self.act(|vaults| vaults.deposit(amount, Shares::ZERO))?;
        self.entered(who, done);
        Ok(done)
    }

    pub fn mint(&mut self, who: usize, shares: u64) -> Result<Exchange> {
        let done = self.act(|vaults| vaults.mint(Shares(shares), u64::MAX))?;
        self.entered(who, done);
        Ok(done)
    }

    fn entered(&mut self, who: usize, done: Exchange) {
        self.people[who].shares += done.shares.0;
        self.people[who].tokens -= done.amount as i128;
        self.tokens += done.amount as i128;
    }

    pub fn redeem(&mut self, who: usize, shares: u64, from: u8) -> Result<Exit> {
        if shares > self.people[who].shares {
            return Err(Error::InsufficientShares);
        }
        self.whole(|scene| {
            let exit = scene.act(|vaults| vaults.redeem(Shares(shares), 0, from))?;
            scene.left(who, exit)
        })
    }

    pub fn withdraw(&mut self, who: usize, amount: u64, from: u8) -> Result<Exit> {
        let held = Shares(self.people[who].shares);
        self.whole(|scene| {
            let exit = scene.act(|vaults| vaults.withdraw(amount, held, from))?;
            scene.left(who, exit)
        })
    }

    fn left(&mut self, who: usize, exit: Exit) -> Result<Exit> {
        self.people[who].shares -= exit.exchange.shares.0;
        self.collect(&exit.payment);
        self.people[who].tokens += exit.exchange.amount as i128;
        self.tokens -= exit.exchange.amount as i128;
        Ok(exit)
    }

    /// The markets pay what a payment says, without fail.
    fn collect(&mut self, payment: &Payment) {
        assert_eq!(payment.amount, payment.idle + payment.draws.iter().sum::<u64>());
        let before = self.look(|vaults| vaults.valuation);
        for (slot, draw) in payment.draws.into_iter().enumerate().filter(|(_, draw)| *draw != 0) {
            self.call_back(slot, draw).expect("what could be taken is paid");
            let index = before.allocations[slot].index;
            let value = self.look(|vaults| vaults.valuation.allocations[slot].exit);
            let lost = before.allocations[slot].exit - value - draw;
            assert!(lost as u128 <= (index.to_bits() >> 64) + 1, "rounding took {lost}");
        }
    }

    pub fn call_back(&mut self, slot: usize, amount: u64) -> Result<Movement> {
        let mut allocation = self.vault.allocations[slot];
        let done = self.markets[slot].act(0, |ledger, _| ledger.call_back(&mut allocation, amount))?;
        self.vault.allocations[slot] = allocation;
        self.tokens += amount as i128;
        Ok(done)
    }

    pub fn lend_out(&mut self, slot: usize, amount: u64) -> Result<Movement> {
        let mut allocation = self.vault.allocations[slot];
        let done = self.markets[slot].act(0, |ledger, _| ledger.lend_out(&mut allocation, amount))?;
        self.vault.allocations[slot] = allocation;
        self.tokens -= amount as i128;
        Ok(done)
    }

    /// Puts idle tokens into a market past all rules of rebalances.
    pub fn put(&mut self, slot: usize, amount: u64) {
        self.vault.idle -= amount;
        self.lend_out(slot, amount).unwrap();
    }

    pub fn rebalance(&mut self) -> Result<Move> {
        self.whole(|scene| {
            let mut vault = scene.vault;
            let mut vaults = Vaults::open(&mut vault, scene.now, |slot| scene.read(slot));
            let found = vaults.rebalance(|slot| scene.read(slot))?;
            scene.vault = vault;
            if let Some(slot) = found.from {
                scene.call_back(slot as usize, found.amount).expect("what could be taken is paid");
            }
            if let Some(slot) = found.to {
                scene.lend_out(slot as usize, found.amount).expect("what there was room for is taken");
            }
            scene.rewards += found.reward.0;
            Ok(found)
        })
    }

    pub fn request(&mut self, who: usize, shares: u64, min_amount: u64) -> Result<()> {
        if shares > self.people[who].shares {
            return Err(Error::InsufficientShares);
        }
        let mut request = self.people[who].request;
        self.act(|vaults| vaults.request_exit(&mut request, address(who), Shares(shares), min_amount))?;
        self.people[who].request = request;
        self.people[who].shares -= shares;
        Ok(())
    }

    /// Whose turn it is.
    pub fn first(&self) -> Option<usize> {
        let place = self.vault.queue.first()?;
        Some(self.vault.queue.tickets[place as usize].request.0[0] as usize - 1)
    }

    pub fn serve(&mut self, who: usize, from: u8) -> Result<Exit> {
        self.whole(|scene| {
            let mut request = scene.people[who].request;
            let exit = scene.act(|vaults| vaults.serve(&mut request, address(who), from))?;
            scene.people[who].request = request;
            scene.collect(&exit.payment);
            Ok(exit)
        })
    }

    pub fn cancel(&mut self, who: usize) -> Result<Shares> {
        let mut request = self.people[who].request;
        let shares = self.act(|vaults| vaults.vault.cancel_exit(&mut request, address(who)))?;
        self.people[who].request = request;
        self.people[who].shares += shares.0;
        Ok(shares)
    }

    pub fn claim(&mut self, who: usize) -> Result<u64> {
        let mut request = self.people[who].request;
        let amount = self.act(|vaults| vaults.vault.claim_exit(&mut request))?;
        self.people[who].request = request;
        self.people[who].tokens += amount as i128;
        self.tokens -= amount as i128;
        Ok(amount)
    }

    pub fn lock(&mut self, who: usize, shares: u64, maturity: i64) -> Result<()> {
        if shares > self.people[who].shares {
            return Err(Error::InsufficientShares);
        }
        let terms = &self.people[who].terms;
        let place = terms.iter().position(|term| term.maturity == maturity);
        let mut term = place.map_or(TermDeposit { maturity, ..TermDeposit::default() }, |place| terms[place]);
        self.act(|vaults| vaults.lock(&mut term, Shares(shares)))?;
        self.people[who].shares -= shares;
        match place {
            Some(place) => self.people[who].terms[place] = term,
            None => self.people[who].terms.push(term),
        }
        Ok(())
    }

    fn on_term<T>(
        &mut self,
        who: usize,
        maturity: i64,
        action: impl FnOnce(&mut Vaults, &mut TermDeposit) -> Result<T>,
    ) -> Result<T> {
        let place = self.people[who].terms.iter().position(|term| term.maturity == maturity).unwrap();
        let mut term = self.people[who].terms[place];
        let done = self.act(|vaults| action(vaults, &mut term))?;
        self.people[who].terms[place] = term;
        Ok(done)
    }

    pub fn free(&mut self, who: usize, maturity: i64) -> Result<Shares> {
        self.on_term(who, maturity, |vaults, term| vaults.free(term))
    }

    pub fn break_term(&mut self, who: usize, maturity: i64) -> Result<Shares> {
        self.on_term(who, maturity, |vaults, term| vaults.break_term(term))
    }

    /// Gives a term's owner the shares that are free in it, as the program does.
    pub fn take_free(&mut self, who: usize, maturity: i64) -> Shares {
        let person = &mut self.people[who];
        let term = person.terms.iter_mut().find(|term| term.maturity == maturity).unwrap();
        let shares = core::mem::take(&mut term.free);
        person.shares += shares.0;
        shares
    }

    /// The next maturity that is offered, so many spacings on.
    pub fn maturity(&self, nth: i64) -> i64 {
        let spacing = self.vault.config.term_spacing.max(1) as i64;
        (self.now / spacing + nth) * spacing
    }

    /// What all shares are worth to who leaves.
    pub fn assets(&self) -> u64 {
        self.look(|vaults| vaults.valuation.exit)
    }

    /// Atoms per share, exactly.
    pub fn price(&self) -> Rational {
        self.look(|vaults| ratio(vaults.valuation.exit, vaults.vault.shares.0))
    }

    /// What a person's free shares are worth to who leaves.
    pub fn worth(&self, who: usize) -> u64 {
        self.look(|vaults| vaults.vault.worth(Shares(self.people[who].shares), &vaults.valuation))
    }

    pub fn lent(&self, slot: usize) -> u64 {
        self.look(|vaults| vaults.valuation.allocations[slot].exit)
    }

    /// All shares are somebody's, and all tokens are accounted for.
    pub fn check(&self) {
        let vault = &self.vault;
        let mut sum = Vault::SEED as u128 + vault.fee_shares.0 as u128 + (self.rewards + self.collected) as u128;
        let (mut waiting, mut claims) = (0, 0);
        let mut units = [0u128; 8];
        for person in &self.people {
            sum += person.shares as u128 + person.request.returned.0 as u128;
            waiting += person.request.shares.0;
            claims += person.request.claim;
            for term in &person.terms {
                sum += term.free.0 as u128;
                if term.units != 0 {
                    units[term.rung as usize] += term.units as u128;
                    assert_eq!(vault.rungs[term.rung as usize].maturity, term.maturity);
                }
            }
        }
        let tickets: u64 = vault.queue.tickets.iter().map(|ticket| ticket.shares.0).sum();
        assert_eq!((waiting, waiting), (vault.queue.shares.0, tickets));
        assert_eq!(units, vault.rungs.map(|rung| rung.units as u128));
        sum += waiting as u128 + vault.rungs.iter().map(|rung| rung.shares.0 as u128).sum::<u128>();
        assert_eq!(sum, vault.shares.0 as u128, "shares");
        assert_eq!(claims, vault.claims);
        assert_eq!(vault.idle as i128 + vault.claims as i128, self.tokens, "tokens");
        for (slot, world) in self.markets.iter().enumerate() {
            let held = vault.allocations[slot].shares.0;
            let others: u64 = world
                .accounts
                .iter()
                .filter_map(|account| {
                    account.shares(0, ballast_engine::state::account::Side::Deposit).ok().map(|shares| shares.0)
                })
                .sum();
            assert_eq!(held + others, world.reserves[0].deposit_shares.0, "a market's shares");
        }
    }

    /// Somebody lends to a market, beside the vault.
    pub fn lend(&mut self, slot: usize, amount: u64) {
        self.markets[slot].act(LENDER, |ledger, account| lend(ledger, account, 0, amount)).unwrap();
    }

    /// Somebody takes so many tokens out of a market.
    pub fn drain(&mut self, slot: usize, amount: u64) {
        self.markets[slot].act(LENDER, |ledger, account| ledger.withdraw(account, 0, amount)).unwrap();
    }

    /// A market loses a part of its deposits, in 10,000.
    pub fn lose(&mut self, slot: usize, part: u128) {
        let reserve = &mut self.markets[slot].reserves[0];
        reserve.accrue(self.now);
        let bits = reserve.deposit_index.to_bits();
        reserve.deposit_index = ballast_engine::number::index::Index::from_bits(bits - bits / 10_000 * part);
        reserve.update_rates();
    }
}

/// A vault of a policy.
pub fn opened(config: VaultConfig, curator: Address, decimals: u8, transfers: u8, now: i64) -> Result<Vault> {
    let mut vault = Vault { curator, decimals, transfers, ..Vault::default() };
    vault.open(&config, now)?;
    Ok(vault)
}

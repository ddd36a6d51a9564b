//! Random sequences of all that is done with a vault, on the bytecode against the engine: after every step the bytes of the vault, of
//! its markets, requests, terms and waiting changes and all token balances are those that the engine says. `BALLAST_SEED` chooses the sequence,
//! `BALLAST_STEPS` its length.

mod governance;
mod pools;

use std::collections::BTreeMap;

use ballast_client::{
    Address, ID, Instruction, LiquidationOrder, TOKEN_PROGRAM, VaultView, decode_change, decode_exit_request,
    decode_market, decode_term_deposit, entrusted_address, exit_address, from_engine, share_mint, term_address,
    to_engine, vault_authority, vault_tokens,
};
use ballast_engine::{
    Error,
    ledger::Ledger,
    number::units::{Bps, Shares},
    record::layout::LAYOUT_VERSION,
    state::{
        change::Change,
        market::Market,
        reserve::Reserve,
        vault::{ExitRequest, Listing, TermDeposit, Vault, VaultConfig},
    },
    vaults::{Vaults, exit::Payment, rebalance::Move},
};
use ballast_tests::{Quote, SOL, USD, VaultScene, vault_config};
use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use solana_transaction::InstructionError;

const DAY: i64 = 86_400;
const OWNERS: [&str; 6] = ["alice", "bob", "carol", "dave", "eve", "frank"];
const LENDERS_RESERVE: u8 = 0;

type Answer<T = ()> = Result<T, InstructionError>;

fn engine<T>(result: ballast_engine::Result<T>) -> Answer<T> {
    result.map_err(|error| InstructionError::Custom(error.code()))
}

/// Everything that a step may change.
#[derive(Clone, PartialEq)]
struct Model {
    address: Address,
    vault: Vault,
    markets: Vec<(Market, Vec<Reserve>)>,
    requests: BTreeMap<Address, ExitRequest>,
    terms: BTreeMap<Address, TermDeposit>,
    changes: BTreeMap<Address, Change>,
    /// Of token accounts, and what there is of a mint.
    balances: BTreeMap<Address, u64>,
    now: i64,
}

impl Model {
    fn read(scene: &VaultScene) -> Self {
        let world = &scene.world;
        let of_program = world.svm.get_program_accounts(&ID);
        let held = world.svm.get_program_accounts(&TOKEN_PROGRAM).into_iter().map(|(address, account)| {
            let at = if account.data.len() == 82 { 36 } else { 64 };
            (address, u64::from_le_bytes(account.data[at..at + 8].try_into().expect("eight bytes")))
        });
        let request = |(address, account): &(Address, solana_account::Account)| {
            Some((*address, decode_exit_request(&account.data).ok()?))
        };
        let term = |(address, account): &(Address, solana_account::Account)| {
            Some((*address, decode_term_deposit(&account.data).ok()?))
        };
        let change = |(address, account): &(Address, solana_account::Account)| {
            Some((*address, decode_change(&account.data).ok()?))
        };
        Self {
            address: scene.vault,
            vault: scene.vault(),
            markets: scene
                .markets
                .iter()
                .map(|market| decode_market(*market, &world.account(market).data).expect("a market"))
                .map(|view| (view.market, view.reserves))
                .collect(),
            requests: of_program.iter().filter_map(request).collect(),
            terms: of_program.iter().filter_map(term).collect(),
            changes: of_program.iter().filter_map(change).collect(),
            balances: held.collect(),
            now: world.now(),
        }
    }

    /// Where two differ, in words.
    fn assert_is(&self, expected: &Self, step: &str) {
        assert!(self.vault == expected.vault, "{step}: the vault is {:?}, not {:?}", self.vault, expected.vault);
        for (slot, (is, should)) in self.markets.iter().zip(&expected.markets).enumerate() {
            assert!(is == should, "{step}: market {slot} differs");
        }
        assert_eq!(self.requests, expected.requests, "{step}");
        assert_eq!(self.terms, expected.terms, "{step}");
        assert!(self.changes == expected.changes, "{step}: the changes that wait differ");
        assert_eq!(self.balances, expected.balances, "{step}");
    }

    /// Acts on the vault with its value, which the markets say.
    fn act<T>(&mut self, action: impl FnOnce(&mut Vaults, &[(Market, Vec<Reserve>)]) -> T) -> T {
        let markets = &self.markets;
        let mut vaults = Vaults::open(&mut self.vault, self.now, |slot| read(markets, slot));
        action(&mut vaults, markets)
    }

    fn transfer(&mut self, from: Address, to: Address, amount: u64) -> Answer {
        // The token program's code for insufficient funds.
        let left = self.balances[&from].checked_sub(amount).ok_or(InstructionError::Custom(1))?;
        self.balances.insert(from, left);
        *self.balances.get_mut(&to).expect("a token account") += amount;
        Ok(())
    }

    fn mint(&mut self, to: Address, shares: Shares) {
        let mint = from_engine(&self.vault.share_mint);
        for address in [mint, to] {
            *self.balances.get_mut(&address).expect("it is there") += shares.0;
        }
    }

    fn burn(&mut self, from: Address, shares: Shares) -> Answer {
        let mint = from_engine(&self.vault.share_mint);
        for address in [from, mint] {
            let left = self.balances[&address].checked_sub(shares.0).ok_or(InstructionError::Custom(1))?;
            self.balances.insert(address, left);
        }
        Ok(())
    }

    fn tokens(&self) -> Address {
        from_engine(&self.vault.tokens)
    }

    /// A market pays.
    fn call_back(&mut self, slot: usize, amount: u64, to: Address) -> Answer {
        let (market, reserves) = &mut self.markets[slot];
        let allocation = &mut self.vault.allocations[slot];
        let from = from_engine(&reserves[allocation.reserve as usize].vault);
        engine(Ledger { market, reserves, now: self.now }.call_back(allocation, amount))?;
        self.transfer(from, to, amount)
    }

    fn pay(&mut self, payment: &Payment, to: Address) -> Answer {
        for slot in 0..self.markets.len() {
            if payment.draws[slot] != 0 {
                self.call_back(slot, payment.draws[slot], to)?;
            }
        }
        self.transfer(self.tokens(), to, payment.idle)
    }

    fn enter(&mut self, exact: Exact, from: Address, to: Address) -> Answer {
        let done = self.act(|vaults, _| match exact {
            Exact::Tokens(amount, least) => vaults.deposit(amount, Shares(least)),
            Exact::Shares(shares, most) => vaults.mint(Shares(shares), most),
        });
        let done = engine(done)?;
        self.transfer(from, self.tokens(), done.amount)?;
        self.mint(to, done.shares);
        self.vault.next_event();
        Ok(())
    }

    fn leave(&mut self, exact: Exact, slots: u8, from: Address, to: Address) -> Answer {
        let done = self.act(|vaults, _| match exact {
            Exact::Tokens(amount, most) => vaults.withdraw(amount, Shares(most), slots),
            Exact::Shares(shares, least) => vaults.redeem(Shares(shares), least, slots),
        });
        let done = engine(done)?;
        self.burn(from, done.exchange.shares)?;
        self.pay(&done.payment, to)?;
        self.vault.next_event();
        Ok(())
    }

    fn rebalance(&mut self, reward: Address) -> Answer {
        let done = self.act(|vaults, markets| vaults.rebalance(|slot| read(markets, slot)));
        let done = engine(done)?;
        let to = done.to.map_or(self.tokens(), |slot| {
            let reserve = self.vault.allocations[slot as usize].reserve;
            from_engine(&self.markets[slot as usize].1[reserve as usize].vault)
        });
        match done.from {
            Some(slot) => self.call_back(slot as usize, done.amount, to)?,
            None => self.transfer(self.tokens(), to, done.amount)?,
        }
        if let Some(slot) = done.to {
            let (market, reserves) = &mut self.markets[slot as usize];
            let allocation = &mut self.vault.allocations[slot as usize];
            engine(Ledger { market, reserves, now: self.now }.lend_out(allocation, done.amount))?;
        }
        self.mint(reward, done.reward);
        self.vault.next_event();
        Ok(())
    }

    fn request(&mut self, owner: Address, from: Address, shares: u64, min_amount: u64) -> Answer {
        let (address, bump) = exit_address(&self.address, &owner);
        let (vault, owner) = (to_engine(&self.address), to_engine(&owner));
        let mut request = ExitRequest { version: LAYOUT_VERSION, bump, vault, owner, ..ExitRequest::default() };
        engine(
            self.act(|vaults, _| vaults.request_exit(&mut request, to_engine(&address), Shares(shares), min_amount)),
        )?;
        self.burn(from, Shares(shares))?;
        self.requests.insert(address, request);
        self.vault.next_event();
        Ok(())
    }

    fn serve(&mut self, address: Address, slots: u8) -> Answer {
        let mut request = self.requests[&address];
        let done = engine(self.act(|vaults, _| vaults.serve(&mut request, to_engine(&address), slots)))?;
        self.pay(&done.payment, self.tokens())?;
        self.requests.insert(address, request);
        self.vault.next_event();
        Ok(())
    }

    fn close_if_done(&mut self, address: Address, request: ExitRequest) {
        if request.shares.0 | request.returned.0 | request.claim == 0 {
            self.requests.remove(&address);
        } else {
            self.requests.insert(address, request);
        }
        self.vault.next_event();
    }

    fn cancel(&mut self, address: Address, to: Address) -> Answer {
        let mut request = self.requests[&address];
        let shares = engine(self.vault.cancel_exit(&mut request, to_engine(&address)))?;
        self.mint(to, shares);
        self.close_if_done(address, request);
        Ok(())
    }

    fn claim(&mut self, address: Address, to: Address) -> Answer {
        let mut request = self.requests[&address];
        let amount = engine(self.vault.claim_exit(&mut request))?;
        self.transfer(self.tokens(), to, amount)?;
        self.close_if_done(address, request);
        Ok(())
    }

    fn lock(&mut self, owner: Address, id: u16, from: Address, shares: u64, maturity: i64) -> Answer {
        let (address, bump) = term_address(&self.address, &owner, id);
        let (vault, owner) = (to_engine(&self.address), to_engine(&owner));
        let version = LAYOUT_VERSION;
        let mut term = TermDeposit { version, bump, id, vault, owner, maturity, ..TermDeposit::default() };
        engine(self.act(|vaults, _| vaults.lock(&mut term, Shares(shares))))?;
        self.burn(from, Shares(shares))?;
        self.terms.insert(address, term);
        self.vault.next_event();
        Ok(())
    }

    fn free(&mut self, address: Address) -> Answer {
        let mut term = self.terms[&address];
        engine(self.act(|vaults, _| vaults.free(&mut term)))?;
        self.terms.insert(address, term);
        self.vault.next_event();
        Ok(())
    }

    fn end(&mut self, address: Address, to: Address, early: bool) -> Answer {
        let mut term = self.terms[&address];
        // One that was freed before needs no value.
        if term.units != 0 {
            let is_early = early && self.now < term.maturity;
            let freed =
                self.act(|vaults, _| if is_early { vaults.break_term(&mut term) } else { vaults.free(&mut term) });
            engine(freed)?;
        }
        self.mint(to, term.free);
        self.terms.remove(&address);
        self.vault.next_event();
        Ok(())
    }

    fn collect(&mut self, signer: Address, to: Address) -> Answer {
        let shares = engine(self.vault.collect_fees(&to_engine(&signer)))?;
        self.mint(to, shares);
        self.vault.next_event();
        Ok(())
    }

    fn report(&mut self) -> Vec<u8> {
        let report = self.act(|vaults, markets| vaults.report(|slot| read(markets, slot)));
        bytemuck::bytes_of(&report).to_vec()
    }
}

fn read(markets: &[(Market, Vec<Reserve>)], slot: usize) -> Option<Listing<'_>> {
    markets.get(slot).map(|(market, reserves)| (market, reserves.as_slice()))
}

/// What is given or taken exactly, and the limit of the other.
#[derive(Clone, Copy, Debug)]
enum Exact {
    Tokens(u64, u64),
    Shares(u64, u64),
}

struct Sequence {
    scene: VaultScene,
    rng: ChaCha8Rng,
    owners: Vec<Address>,
    /// The policy at first.
    first: VaultConfig,
    /// How often each kind of step had each result.
    seen: BTreeMap<(&'static str, String), usize>,
    /// Markets that have had a loss.
    lost: Vec<usize>,
}

impl Sequence {
    fn new(seed: u64) -> Self {
        let mut policy = VaultConfig {
            exit_fee_coverage: Bps(20_000),
            max_exit_fee: Bps(200),
            performance_fee: Bps(1_000),
            management_fee: Bps(100),
            term_spacing: DAY as u32,
            term_premium: Bps(500),
            round_share: Bps(2_000),
            min_amount: USD,
            coverage_target: Bps(5_000),
            ..vault_config()
        };
        policy.allocations[pools::SLOT].pool = pools::POOL;
        let mut scene = VaultScene::with(1 + pools::SLOT, policy);
        for market in scene.markets.clone() {
            scene.world.market = market;
            // Two go on after a loss.
            if market != scene.markets[0] {
                scene.world.reconfigure_market(|config| config.loss_limit = 0).expect_ok();
            }
        }
        scene.world.market = scene.markets[0];
        let owners: Vec<Address> = OWNERS.iter().map(|name| scene.world.key(name)).collect();
        for owner in &owners {
            scene.fund(owner, 1_000_000 * USD);
            scene.shares(owner);
        }
        let collector = scene.world.key("collector");
        scene.shares(&collector);
        let first = scene.vault().config;
        for name in governance::CURATORS.into_iter().chain(governance::SENTINELS) {
            scene.world.key(name);
        }
        Self { first, scene, rng: ChaCha8Rng::seed_from_u64(seed), owners, seen: BTreeMap::new(), lost: Vec::new() }
    }

    fn owner(&mut self) -> Address {
        *self.owners.choose(&mut self.rng).expect("owners")
    }

    /// A part of what there is, now and then nothing, all, or more.
    fn part(&mut self, of: u64) -> u64 {
        match self.rng.random_range(0..20) {
            0 => 0,
            1 => of,
            2 => of.saturating_add(1),
            3 => u64::MAX,
            4 => 1,
            5 => self.rng.random_range(0..=of.min(USD)),
            _ => of / self.rng.random_range(2..40) + self.rng.random_range(0..1_000),
        }
    }

    fn slots(&mut self) -> u8 {
        let slots = *[0, 1, 2, 4, 3, 6, 7, 8, 14, 30].choose(&mut self.rng).expect("some");
        slots & self.scene.view().all_slots()
    }

    /// Sends an instruction, and requires what the engine says of it.
    fn run(&mut self, name: &'static str, instruction: Instruction, act: impl FnOnce(&mut Model) -> Answer) {
        self.run_returning(name, instruction, |model| act(model).map(|()| Vec::new()));
    }

    /// The same of one that returns something.
    fn run_returning(
        &mut self,
        name: &'static str,
        instruction: Instruction,
        act: impl FnOnce(&mut Model) -> Answer<Vec<u8>>,
    ) {
        let mut expected = Model::read(&self.scene);
        let events = expected.vault.events;
        let answer = act(&mut expected);
        let outcome = self.scene.world.send(std::slice::from_ref(&instruction));
        let result = match answer {
            Ok(returned) => {
                let outcome = outcome.expect_ok();
                assert_eq!(outcome.return_data, returned, "{name}");
                assert_eq!(outcome.events.len() as u64, expected.vault.events - events, "{name}");
                Model::read(&self.scene).assert_is(&expected, name);
                "ok".into()
            }
            Err(error) => {
                assert_eq!(outcome.instruction_error(), Some(&error), "{name}: {}", outcome.describe());
                outcome.engine_error().map_or(format!("{error:?}"), |error| error.name().into())
            }
        };
        *self.seen.entry((name, result)).or_default() += 1;
        self.scene.assert_backed();
    }

    fn step(&mut self) {
        match self.rng.random_range(0..100) {
            0..12 => self.enter(),
            12..24 => self.leave(),
            24..36 => self.rebalance(),
            36..44 => self.request(),
            44..51 => self.serve(),
            51..58 => self.take_back(),
            58..64 => self.lock(),
            64..68 => self.free(),
            68..74 => self.end(),
            74..77 => self.collect(),
            77..80 => self.report(),
            80..86 => self.govern(),
            86..91 => self.move_pool(),
            _ => self.elsewhere(),
        }
    }

    fn enter(&mut self) {
        let (owner, view) = (self.owner(), self.scene.view());
        let (from, to) = (self.scene.world.tokens(&owner, LENDERS_RESERVE), self.scene.shares(&owner));
        let held = self.scene.balance(&owner);
        let amount = self.part(held);
        let limit = if self.rng.random_bool(0.1) { amount } else { 0 };
        if self.rng.random_bool(0.5) {
            let deposit = view.deposit(owner, from, to, amount, limit);
            let exact = Exact::Tokens(amount, limit);
            self.run("vault_deposit", deposit, |model| model.enter(exact, from, to));
        } else {
            let most = if limit == 0 { u64::MAX } else { limit };
            let mint = view.mint(owner, from, to, amount, most);
            let exact = Exact::Shares(amount, most);
            self.run("vault_mint", mint, |model| model.enter(exact, from, to));
        }
    }

    fn leave(&mut self) {
        let (owner, view, slots) = (self.owner(), self.scene.view(), self.slots());
        let (from, to) = (self.scene.shares(&owner), self.scene.world.tokens(&owner, LENDERS_RESERVE));
        let held = self.scene.held(&owner);
        let count = self.part(held);
        let limit = if self.rng.random_bool(0.1) { count } else { 0 };
        if self.rng.random_bool(0.5) {
            let redeem = view.redeem(owner, from, to, count, limit, slots);
            let exact = Exact::Shares(count, limit);
            self.run("vault_redeem", redeem, |model| model.leave(exact, slots, from, to));
        } else {
            let most = if limit == 0 { u64::MAX } else { limit };
            let withdraw = view.withdraw(owner, from, to, count, most, slots);
            let exact = Exact::Tokens(count, most);
            self.run("vault_withdraw", withdraw, |model| model.leave(exact, slots, from, to));
        }
    }

    fn rebalance(&mut self) {
        // Mostly when one may be due.
        if self.rng.random_bool(0.7) {
            self.scene.pass(self.rng.random_range(3_600..8_000));
        }
        let (owner, view) = (self.owner(), self.scene.view());
        let reward = self.scene.shares(&owner);
        // Where none is due, one that is made up: it is refused for what the engine says.
        let made_up = Move { to: Some(self.rng.random_range(0..3)), ..Move::default() };
        let found = view.next_move(self.scene.world.now()).unwrap_or(made_up);
        let rebalance = view.rebalance(&found, reward).expect("its markets");
        self.run("rebalance_vault", rebalance, |model| model.rebalance(reward));
    }

    fn request(&mut self) {
        let (owner, view, payer) = (self.owner(), self.scene.view(), self.scene.world.payer);
        if self.scene.world.find_account(&view.exit_request(&owner)).is_some() {
            // The system program does not create it twice.
            return self.take_back();
        }
        let (from, held) = (self.scene.shares(&owner), self.scene.held(&owner));
        let count = if self.rng.random_bool(0.3) { held / 2 } else { self.part(held) };
        let least = if self.rng.random_bool(0.2) { count.saturating_add(count / 10) } else { count / 2 };
        let request = view.request_exit(owner, payer, from, count, least);
        self.run("request_exit", request, |model| model.request(owner, from, count, least));
    }

    fn serve(&mut self) {
        let (view, slots) = (self.scene.view(), self.slots());
        let requests: Vec<Address> = Model::read(&self.scene).requests.into_keys().collect();
        let Ok(mut serve) = view.serve_exit(slots) else { return };
        // Mostly the first.
        if self.rng.random_bool(0.1) {
            serve.accounts[1].pubkey = *requests.choose(&mut self.rng).expect("somebody waits");
        }
        let address = serve.accounts[1].pubkey;
        self.run("serve_exit", serve, |model| model.serve(address, slots));
    }

    /// Takes a request back, or what it was paid.
    fn take_back(&mut self) {
        let (view, payer) = (self.scene.view(), self.scene.world.payer);
        let waiting = |owner: &Address| self.scene.world.find_account(&view.exit_request(owner)).is_some();
        let owners: Vec<Address> = self.owners.iter().copied().filter(waiting).collect();
        let Some(owner) = owners.choose(&mut self.rng).copied() else { return };
        let address = view.exit_request(&owner);
        if self.rng.random_bool(0.3) {
            let to = self.scene.shares(&owner);
            let cancel = view.cancel_exit(owner, to, payer);
            self.run("cancel_exit", cancel, |model| model.cancel(address, to));
        } else {
            let to = self.scene.world.tokens(&owner, LENDERS_RESERVE);
            let claim = view.claim_exit(owner, to, payer);
            self.run("claim_exit", claim, |model| model.claim(address, to));
        }
    }

    fn lock(&mut self) {
        let (owner, view, payer) = (self.owner(), self.scene.view(), self.scene.world.payer);
        let id = self.rng.random_range(0..3);
        if self.scene.world.find_account(&view.term(&owner, id)).is_some() {
            return self.end();
        }
        let (from, held) = (self.scene.shares(&owner), self.scene.held(&owner));
        let count = self.part(held);
        let until = (self.scene.world.now() / DAY + self.rng.random_range(0..10)) * DAY;
        let until = until + if self.rng.random_bool(0.05) { 1 } else { 0 };
        let lock = view.lock_term(owner, payer, id, from, count, until);
        self.run("lock_term", lock, |model| model.lock(owner, id, from, count, until));
    }

    /// Somebody's term deposit.
    fn term(&mut self) -> Option<(Address, TermDeposit)> {
        let terms: Vec<_> = Model::read(&self.scene).terms.into_iter().collect();
        terms.choose(&mut self.rng).copied()
    }

    fn free(&mut self) {
        let Some((address, _)) = self.term() else { return };
        let free = self.scene.view().free_term(address);
        self.run("free_term", free, |model| model.free(address));
    }

    fn end(&mut self) {
        let Some((address, term)) = self.term() else { return };
        let (owner, payer, early) = (from_engine(&term.owner), self.scene.world.payer, self.rng.random_bool(0.4));
        let to = self.scene.shares(&owner);
        let end = self.scene.view().end_term(owner, term.id, to, early, payer);
        self.run("end_term", end, |model| model.end(address, to, early));
    }

    fn collect(&mut self) {
        let collector = self.scene.world.key("collector");
        let signer = if self.rng.random_bool(0.1) { self.owner() } else { collector };
        let to = self.scene.shares(&collector);
        let collect = self.scene.view().collect_fees(signer, to);
        self.run("collect_vault_fees", collect, |model| model.collect(signer, to));
    }

    fn report(&mut self) {
        let read = self.scene.view().read();
        self.run_returning("read_vault", read, |model| Ok(model.report()));
    }

    /// Time, prices, and what others do in the markets.
    fn elsewhere(&mut self) {
        match self.rng.random_range(0..20) {
            0..4 => self.scene.world.advance(self.rng.random_range(1..600)),
            4..11 => self.scene.pass(self.rng.random_range(3_600..20_000)),
            11 => self.scene.pass(self.rng.random_range(DAY..3 * DAY)),
            12 => self.lose(),
            13..15 => self.trade(),
            _ => self.borrow_or_repay(),
        }
    }

    fn borrow_or_repay(&mut self) {
        let slot = self.rng.random_range(0..3);
        let (lender, trader) = self.scene.users[slot];
        self.scene.refresh();
        let world = &mut self.scene.world;
        world.market = self.scene.markets[slot];
        let cash = world.reserve(LENDERS_RESERVE).cash;
        let amount = cash / self.rng.random_range(1..8);
        // What is refused (for health, or because nothing is owed) changes nothing.
        _ = match self.rng.random_range(0..5) {
            0 => world.borrow(trader, LENDERS_RESERVE, amount),
            1 | 2 => {
                world.fund(&trader.key, LENDERS_RESERVE, 500_000 * USD);
                world.repay(trader, LENDERS_RESERVE, self.rng.random_range(1..500_000 * USD))
            }
            3 => {
                world.fund(&lender.key, LENDERS_RESERVE, 200_000 * USD);
                world.deposit(lender, LENDERS_RESERVE, self.rng.random_range(1..200_000 * USD))
            }
            _ => world.withdraw(lender, LENDERS_RESERVE, amount / 4),
        };
        world.market = self.scene.markets[0];
    }

    /// In one market the collateral loses most of its worth, is seized, and what is left of the debt is written off. Once in each.
    fn lose(&mut self) {
        let slot = self.rng.random_range(0..3);
        if self.lost.contains(&slot) || self.rng.random_bool(0.5) {
            return;
        }
        self.lost.push(slot);
        let (_, trader) = self.scene.users[slot];
        let world = &mut self.scene.world;
        world.market = self.scene.markets[slot];
        let liquidator = world.key("liquidator");
        world.fund(&liquidator, LENDERS_RESERVE, 10_000_000 * USD);
        world.fund(&liquidator, 1, 0);
        world.refresh_all();
        world.set_price(1, Quote::dollars(20.0)).expect_ok();
        let order = LiquidationOrder { debt: LENDERS_RESERVE, collateral: 1, max_repay: u64::MAX, min_collateral: 1 };
        // A trader who owes little is not liquidated, and loses nobody's money.
        let lost = world.liquidate(liquidator, trader.margin, order).is_ok()
            && world.settle(trader.margin, LENDERS_RESERVE).is_ok();
        *self.seen.entry(("loss", lost.to_string())).or_default() += 1;
        world.set_price(1, Quote::dollars(150.0)).expect_ok();
        world.supply(trader, 1, 20_000 * SOL);
        world.market = self.scene.markets[0];
        self.scene.refresh();
    }

    fn count(&self, name: &str, result: &str) -> usize {
        self.seen.iter().filter(|((kind, of), _)| *kind == name && of == result).map(|(_, count)| count).sum()
    }
}

fn from_env(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect("a whole number"))
}

/// So many successes of each kind must be among 12,000 steps, or the sequence does not test what it says.
const LEAST: [(&str, usize); 14] = [
    ("vault_deposit", 100),
    ("vault_mint", 100),
    ("vault_redeem", 200),
    ("vault_withdraw", 200),
    ("rebalance_vault", 20),
    ("request_exit", 200),
    ("serve_exit", 200),
    ("cancel_exit", 80),
    ("claim_exit", 100),
    ("lock_term", 150),
    ("free_term", 5),
    ("end_term", 150),
    ("collect_vault_fees", 100),
    ("read_vault", 300),
];

/// What must have been refused among them.
const REFUSED: [Error; 11] = [
    Error::BelowVaultMinimum,
    Error::VaultIlliquid,
    Error::FewerThanAsked,
    Error::DearerThanOffered,
    Error::InsufficientShares,
    Error::NotFirstInQueue,
    Error::NothingToClaim,
    Error::MaturityNotOffered,
    Error::TermNotOver,
    Error::RebalanceTooSoon,
    Error::NothingToRebalance,
];

#[test]
fn every_step_leaves_the_bytes_the_engine_says() {
    let (seed, steps) = (from_env("BALLAST_SEED", 20_261_129), from_env("BALLAST_STEPS", 12_000));
    println!("BALLAST_SEED={seed} BALLAST_STEPS={steps}");
    let mut sequence = Sequence::new(seed);
    for _ in 0..steps {
        sequence.step();
    }
    for ((name, result), count) in &sequence.seen {
        println!("{name:<20} {count:>5} {result}");
    }
    if steps >= 12_000 {
        for (name, least) in LEAST.into_iter().chain(governance::LEAST).chain(pools::LEAST) {
            let count = sequence.count(name, "ok");
            assert!(count >= least, "{name} succeeded {count} times only");
        }
        for error in REFUSED.into_iter().chain(governance::REFUSED).chain(pools::REFUSED) {
            let came_up = sequence.seen.keys().any(|(_, result)| result == error.name());
            assert!(came_up, "{} never came up", error.name());
        }
        assert!(sequence.count("loss", "true") > 0, "nothing was ever lost");
    }
}

/// The beginning of a vault: what the engine opens, byte by byte.
#[test]
fn a_new_vault_is_what_the_engine_opens() {
    let mut scene = VaultScene::new(1);
    let (curator, mint) = (scene.world.key("curator"), scene.mint);
    let source = scene.fund(&curator, Vault::SEED);
    let config = scene.vault().config;
    let (create, address) = VaultView::create(curator, 9, config, (mint, TOKEN_PROGRAM), source);
    scene.world.send(&[create]).expect_ok();
    let (authority, authority_bump) = vault_authority(&address);
    let mut expected = Vault {
        bump: entrusted_address(&curator, 9).1,
        authority_bump,
        id: 9,
        decimals: 6,
        creator: to_engine(&curator),
        curator: to_engine(&curator),
        authority: to_engine(&authority),
        mint: to_engine(&mint),
        token_program: to_engine(&TOKEN_PROGRAM),
        share_mint: to_engine(&share_mint(&address).0),
        tokens: to_engine(&vault_tokens(&address).0),
        ..Vault::default()
    };
    expected.transfers = scene.vault().transfers;
    expected.open(&config, scene.world.now()).expect("a policy");
    assert_eq!(scene.world.vault(&address).vault, expected);
    scene.world.advance(77);
    let (now, reserves) = (scene.world.now(), scene.world.view().reserves);
    scene.world.send(&[scene.world.vault(&address).open_allocation(0).expect("a slot")]).expect_ok();
    expected.open_allocation(0, &to_engine(&scene.markets[0]), &reserves, now).expect("it lists usd");
    assert_eq!(scene.world.vault(&address).vault, expected);
}

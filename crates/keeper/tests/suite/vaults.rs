//! What the keeper does about vaults, sent to the program's bytecode.

use std::collections::BTreeMap;

use ballast_client::{
    Address, ID, MarketView, ProgramError, decode_vault,
    engine::{
        number::units::Bps,
        price::feed::{PriceUpdate, Source},
        state::{
            change::Change,
            vault::{TermDeposit, Vault, VaultConfig},
        },
    },
    to_engine,
};
use ballast_keeper::service::{
    act::failed,
    duty::Ended,
    vault::{
        Listed, MOST_VAULTS, Snapshot, of_market, own_shares,
        work::{Chore, Work, Worth},
    },
};
use ballast_liquidator::Demands;
use ballast_rpc::{Failure, fits};
use ballast_tests::{SOL, USD, VaultScene, price_account, vault_config};

/// What an account of shares costs, USD.
const RENT: f64 = 0.3;
const DEMANDS: Demands = Demands { base_cost: 0.001, min_profit: 0.01, hold_discount_bps: 0, ..Demands::DEFAULT };

/// Half of an interval's gain to whoever moves.
fn generous() -> VaultConfig {
    VaultConfig { reward_share: Bps(5_000), ..vault_config() }
}

/// A scene, and a keeper of one of its markets.
pub struct KeeperOfVaults {
    /// The chain.
    pub scene: VaultScene,
    /// Its key.
    pub keeper: Address,
    market: Address,
    least: f64,
    /// Reserves whose prices it has at hand, and brings.
    pub brings: Vec<u8>,
}

impl KeeperOfVaults {
    /// With so many markets; it watches the first.
    pub fn new(markets: usize, config: VaultConfig) -> Self {
        let mut scene = VaultScene::with(markets, config);
        let (keeper, market) = (scene.world.key("keeper"), scene.markets[0]);
        Self { scene, keeper, market, least: 1.0, brings: Vec::new() }
    }

    /// Somebody comes with dollars for shares.
    pub fn depositor(&mut self, name: &str, dollars: u64) -> Address {
        let owner = self.scene.world.key(name);
        self.scene.deposit(owner, dollars * USD).expect_ok();
        owner
    }

    fn request(&mut self, owner: Address, count: u64, min_amount: u64) {
        let (shares, payer) = (self.scene.shares(&owner), self.scene.world.payer);
        let request = self.scene.view().request_exit(owner, payer, shares, count, min_amount);
        self.scene.world.send(&[request]).expect_ok();
    }

    /// An owner puts all shares into the queue.
    pub fn request_all(&mut self, owner: Address) {
        let all = self.scene.held(&owner);
        self.request(owner, all, 0);
    }

    /// Lends out or pays back what is in the markets, but for so much.
    fn leave_cash(&mut self, dollars: u64) {
        for (slot, (_, trader)) in self.scene.users.clone().into_iter().enumerate() {
            self.scene.world.market = self.scene.markets[slot];
            let (cash, wanted) = (self.scene.world.reserve(0).cash, dollars * USD);
            if cash > wanted {
                self.scene.world.borrow(trader, 0, cash - wanted).expect_ok();
            } else {
                self.scene.world.fund(&trader.key, 0, wanted - cash);
                self.scene.world.repay(trader, 0, wanted - cash).expect_ok();
            }
        }
        self.scene.world.market = self.scene.markets[0];
    }

    /// As a node reads it for the keeper of a market.
    fn listed_by(&self, market: &Address) -> Vec<Listed> {
        let (world, now) = (&self.scene.world, self.scene.world.now());
        let market = MarketView::decode(*market, &world.account(market).data).expect("a market");
        let accounts = world.svm.get_program_accounts(&ID);
        let decode = |(address, account): &(Address, _)| {
            let account: &solana_account::Account = account;
            Some((*address, decode_vault(&account.data).ok()?))
        };
        let vaults = of_market(accounts.iter().filter_map(decode).collect(), &market, now);
        let all = |kind: [u8; 8]| -> Vec<Address> {
            accounts.iter().filter(|(_, one)| one.data.starts_with(&kind)).map(|(address, _)| *address).collect()
        };
        let (terms, changes) = (all(TermDeposit::DISCRIMINATOR), all(Change::DISCRIMINATOR));
        let list = |(address, vault)| Listed { address, vault, terms: terms.clone(), changes: changes.clone() };
        vaults.into_iter().map(list).collect()
    }

    fn snapshot(&self) -> Snapshot {
        let listed = self.listed_by(&self.market).pop().expect("it names the market");
        let accounts: BTreeMap<_, _> = listed
            .accounts(&self.keeper)
            .into_iter()
            .filter_map(|address| Some((address, self.scene.world.find_account(&address)?)))
            .collect();
        listed.snapshot(&self.keeper, |address| accounts.get(address)).expect("a vault")
    }

    fn market(&self) -> MarketView {
        MarketView::decode(self.market, &self.scene.world.account(&self.market).data).expect("a market")
    }

    /// The most urgent thing to do.
    pub fn first(&self) -> Option<Work> {
        self.find(|snapshot, worth| snapshot.first(worth, |_| true))
    }

    /// What is to be found in a snapshot of now.
    pub fn find<T>(&self, find: impl Fn(&Snapshot, &Worth) -> T) -> T {
        let (mut market, now) = (self.market(), self.scene.world.now());
        let mut fresher = Vec::new();
        for reserve in &self.brings {
            let address = price_account(&market.reserves[*reserve as usize].config.oracle.feed_id.0);
            let update = PriceUpdate::parse(&self.scene.world.account(&address).data).expect("a price");
            let source = Source { address: to_engine(&address), update };
            market.ledger(now).refresh_price(*reserve, &source, None).expect("a good price");
            fresher.push((*reserve, address));
        }
        let worth = Worth {
            keeper: self.keeper,
            market: &market,
            fresher,
            now,
            demands: DEMANDS,
            rent: RENT,
            least: self.least,
        };
        find(&self.snapshot(), &worth)
    }

    /// Until nothing is left to do. Returns what was done.
    pub fn work(&mut self) -> Vec<Chore> {
        let mut done = Vec::new();
        while let Some(work) = self.first() {
            assert!(fits(&self.keeper, &work.instructions), "{work:?}");
            self.scene.world.send_from(self.keeper, &work.instructions).expect_ok();
            self.scene.assert_backed();
            done.push(work.chore);
            assert!(done.len() < 100, "there is always something to do: {done:?}");
        }
        done
    }

    /// Rebalances until nothing is to be done, whether it pays or not, an interval apart.
    fn settle(&mut self) {
        let other = self.scene.world.key("another keeper");
        for _ in 0..12 {
            self.scene.pass(3_600);
            if self.scene.next_move().is_err() {
                return;
            }
            self.scene.rebalance(&other).expect_ok();
        }
    }
}

#[test]
fn a_queue_that_waits_is_served_in_order_as_soon_as_something_is_liquid() {
    let mut scene = KeeperOfVaults::new(3, vault_config());
    let (alice, bob) = (scene.depositor("alice", 100_000), scene.depositor("bob", 50_000));
    scene.settle();
    assert_eq!(scene.work(), [], "nobody waits");
    scene.leave_cash(0);
    scene.request_all(alice);
    scene.request_all(bob);
    let idle = scene.scene.vault().idle;
    let done = scene.work();
    // What is idle goes to them in turns, of a quarter of what is left, until a turn is less than a dollar.
    assert!(!done.is_empty() && done.iter().all(|chore| *chore == Chore::Serve), "{done:?}");
    let claims = [alice, bob].map(|owner| scene.scene.request(&owner).claim);
    assert!(idle - claims.iter().sum::<u64>() < 4 * USD, "{idle} {claims:?}");
    assert!(scene.scene.vault().queue.first().is_some());
    // Loans are paid back, in some markets.
    scene.leave_cash(30_000);
    let done = scene.work();
    assert!(done.contains(&Chore::Serve), "{done:?}");
    scene.leave_cash(100_000);
    scene.work();
    assert_eq!(scene.scene.vault().queue.first(), None, "all are served");
    let claims = [alice, bob].map(|owner| scene.scene.request(&owner).claim);
    assert!(claims[0] > 99_900 * USD && claims[1] > 49_900 * USD, "{claims:?}");
    assert_eq!(scene.scene.vault().claims, claims[0] + claims[1]);
}

#[test]
fn a_head_that_cannot_be_served_costs_nothing_until_it_can() {
    let mut scene = KeeperOfVaults::new(2, vault_config());
    let alice = scene.depositor("alice", 100_000);
    scene.settle();
    scene.leave_cash(0);
    scene.request_all(alice);
    scene.work();
    // What the markets earn and pay back a second is dust.
    for seconds in [1, 60, 3_600] {
        scene.scene.pass(seconds);
        assert_eq!(scene.first(), None, "after {seconds} s");
    }
    // Ten cents come free, and then two dollars.
    let trader = scene.scene.users[0].1;
    for (atoms, is_served) in [(USD / 10, false), (2 * USD, true)] {
        scene.scene.world.fund(&trader.key, 0, atoms);
        scene.scene.world.repay(trader, 0, atoms).expect_ok();
        assert_eq!(scene.first().map(|work| work.chore), is_served.then_some(Chore::Serve), "{atoms}");
    }
}

/// Ten requests of cents do not keep the large one behind them waiting, and alone they are nobody's business.
#[test]
fn small_requests_are_served_where_large_ones_wait_behind_them() {
    let mut scene = KeeperOfVaults::new(1, vault_config());
    let large = scene.depositor("large", 10);
    for number in 0..10 {
        let small = scene.depositor(&format!("small {number}"), 1);
        scene.request(small, USD / 20, 0);
    }
    assert_eq!(scene.first(), None, "half a dollar waits");
    scene.request_all(large);
    let done = scene.work();
    assert!(done.len() >= 11 && scene.scene.vault().queue.first().is_none(), "{done:?}");
}

#[test]
fn a_request_is_not_put_out_of_the_queue_by_the_keepers_choice_of_markets() {
    let mut scene = KeeperOfVaults::new(3, vault_config());
    let alice = scene.depositor("alice", 90_000);
    scene.settle();
    // Two atoms are lost by the rounding of each market that pays.
    let (all, now) = (scene.scene.held(&alice), scene.scene.world.now());
    let worth = scene.scene.view().preview(now, |vaults| {
        vaults.vault.worth(ballast_client::engine::number::units::Shares(all), &vaults.valuation)
    });
    scene.request(alice, all, worth - 10);
    let work = scene.find(|snapshot, worth| snapshot.find(Chore::Serve, worth)).expect("it is liquid");
    scene.scene.world.send_from(scene.keeper, &work.instructions).expect_ok();
    let request = scene.scene.request(&alice);
    assert_eq!((request.returned.0, request.shares.0), (0, 0), "{request:?}");
    assert!(request.claim >= worth - 10);
    // Whom no market can pay enough leaves unpaid, and keeps nobody waiting.
    let bob = scene.depositor("bob", 1_000);
    scene.request(bob, 1_000, u64::MAX);
    let carol = scene.depositor("carol", 1_000);
    scene.request_all(carol);
    scene.work();
    assert_eq!((scene.scene.request(&bob).returned.0, scene.scene.vault().queue.first()), (1_000, None));
    assert!(scene.scene.request(&carol).claim > 990 * USD);
}

#[test]
fn a_vault_below_coverage_is_pulled_back_for_nothing() {
    let mut config = vault_config();
    (config.cash_share, config.reward_share) = (Bps(2_000), Bps(0));
    let mut scene = KeeperOfVaults::new(2, config);
    scene.depositor("alice", 500_000);
    scene.settle();
    assert_eq!(scene.work(), []);
    scene.leave_cash(60_000);
    scene.scene.pass(60);
    let before = scene.scene.report();
    assert!(before.coverage < 10_000, "{before:?}");
    let done = scene.work();
    assert!(!done.is_empty() && done.iter().all(|chore| *chore == Chore::PullBack), "{done:?}");
    let after = scene.scene.report();
    assert!(after.coverage > before.coverage && after.idle > before.idle, "{after:?}");
    let shares = own_shares(&scene.keeper, &scene.scene.vault());
    assert!(scene.scene.world.find_account(&shares).is_none(), "no account was made for no reward");
}

#[test]
fn a_move_that_pays_is_made_and_one_that_does_not_is_left() {
    // The reward is a tenth of an hour's gain: cents for the first move of 300,000.
    let mut scene = KeeperOfVaults::new(3, vault_config());
    scene.depositor("alice", 300_000);
    scene.scene.pass(3_600);
    let found = scene.scene.next_move().expect("a move");
    assert!(found.to.is_some() && found.reward.0 > 0 && found.reward.0 < (RENT * USD as f64) as u64, "{found:?}");
    assert_eq!(scene.first(), None, "an account of shares costs more than the reward");
    // With an account it pays.
    scene.scene.shares(&scene.keeper.clone());
    let work = scene.first().expect("it pays");
    assert_eq!((work.chore, work.instructions.len(), work.amount), (Chore::Rebalance, 1, found.amount));
    let expected = found.reward.0 as f64 / USD as f64 - DEMANDS.base_cost;
    assert!((work.profit - expected).abs() < 1e-4, "{} {expected}", work.profit);
    scene.scene.world.send_from(scene.keeper, &work.instructions).expect_ok();
    assert_eq!(scene.scene.held(&scene.keeper.clone()), found.reward.0);
    assert_eq!(scene.first(), None, "the interval is not over");

    // Five times as much, of three times as many tokens, pays for the account too.
    let mut scene = KeeperOfVaults::new(3, generous());
    scene.depositor("alice", 900_000);
    scene.scene.pass(3_600);
    let work = scene.first().expect("it pays");
    assert_eq!((work.chore, work.instructions.len()), (Chore::Rebalance, 2));
    let lamports = |scene: &KeeperOfVaults| scene.scene.world.account(&scene.keeper).lamports;
    let before = lamports(&scene);
    scene.scene.world.send_from(scene.keeper, &work.instructions).expect_ok();
    let rent = before - lamports(&scene) - 5_000;
    assert!((2_000_000..2_100_000).contains(&rent), "{rent}");
    assert!(scene.scene.held(&scene.keeper.clone()) > 0);

    // Nobody works for nothing, however much the vault would gain.
    let mut config = vault_config();
    config.reward_share = Bps(0);
    let mut scene = KeeperOfVaults::new(3, config);
    scene.depositor("alice", 3_000_000);
    scene.scene.pass(3_600);
    scene.scene.shares(&scene.keeper.clone());
    assert!(scene.scene.next_move().is_ok_and(|found| found.to.is_some() && found.reward.0 == 0));
    assert_eq!(scene.first(), None);
}

#[test]
fn terms_that_are_over_are_freed_and_no_others() {
    const DAY: i64 = 86_400;
    let mut config = vault_config();
    (config.term_spacing, config.term_premium, config.reward_share) = (DAY as u32, Bps(1_000), Bps(0));
    let mut scene = KeeperOfVaults::new(2, config);
    let day = |scene: &KeeperOfVaults, days: i64| (scene.scene.world.now() / DAY + days) * DAY;
    let (soon, later) = (day(&scene, 2), day(&scene, 5));
    let alice = scene.depositor("alice", 100_000);
    let lock = |scene: &mut KeeperOfVaults, id: u16, until| {
        let (shares, payer) = (scene.scene.shares(&alice), scene.scene.world.payer);
        let lock = scene.scene.view().lock_term(alice, payer, id, shares, 1_000 * USD, until);
        scene.scene.world.send(&[lock]).expect_ok();
    };
    // More than a transaction has room for.
    for id in 0..24 {
        lock(&mut scene, id, soon);
    }
    lock(&mut scene, 99, later);
    assert_eq!(scene.first().map(|work| work.chore), None, "none is over");
    scene.scene.pass(3 * DAY);
    let done = scene.work();
    let freed = done.iter().filter(|chore| **chore == Chore::Free).count();
    assert!((2..=8).contains(&freed), "several at once: {done:?}");
    for id in 0..24 {
        assert_eq!(scene.scene.term(&alice, id).units, 0, "{id}");
    }
    assert_eq!(scene.scene.term(&alice, 99).principal.0, 1_000 * USD);
    // Its owner takes the shares, and somebody else's transaction comes too late.
    assert_eq!(scene.first(), None);
}

#[test]
fn an_allocation_that_the_policy_names_is_opened_by_the_keeper_of_its_market() {
    let mut scene = KeeperOfVaults::new(2, vault_config());
    scene.depositor("alice", 1_000);
    // As if the slot had never been opened.
    let mut account = scene.scene.world.account(&scene.scene.vault);
    let mut vault = scene.scene.vault();
    vault.allocations[1] = Default::default();
    account.data[8..].copy_from_slice(bytemuck::bytes_of(&vault));
    scene.scene.world.set_account(scene.scene.vault, account);
    assert_eq!(scene.work(), [], "it is another market's");
    scene.market = scene.scene.markets[1];
    assert_eq!(scene.work(), [Chore::Open]);
    assert_eq!(scene.scene.vault().allocations[1].is_open, 1);
}

#[test]
fn a_market_that_cannot_be_read_stops_nothing_else() {
    let mut config = vault_config();
    config.cash_share = Bps(2_000);
    let mut scene = KeeperOfVaults::new(3, config);
    let alice = scene.depositor("alice", 500_000);
    scene.settle();
    scene.leave_cash(60_000);
    scene.scene.pass(60);
    scene.request(alice, 1_000 * USD, 0);
    let broken = scene.scene.markets[2];
    let mut account = scene.scene.world.account(&broken);
    account.data[0] ^= 1;
    scene.scene.world.set_account(broken, account.clone());
    let snapshot = scene.snapshot();
    assert_eq!(snapshot.view.report(scene.scene.world.now()).unreadable, 1 << 2);
    // Nobody knows what a share is worth, so nobody is paid; what can be brought back is.
    assert_eq!(scene.find(|snapshot, worth| snapshot.find(Chore::Serve, worth)), None);
    let work = scene.first().expect("it is below coverage");
    assert_eq!(work.chore, Chore::PullBack);
    scene.scene.world.send_from(scene.keeper, &work.instructions).expect_ok();
    account.data[0] ^= 1;
    scene.scene.world.set_account(broken, account);
    assert_eq!(scene.first().map(|work| work.chore), Some(Chore::Serve));
}

/// The keepers of two markets of one vault see the same, and only the first is paid for it. The other one's transaction fails
/// where it costs nothing, and what it reads then leaves nothing to do.
#[test]
fn keepers_of_two_markets_of_a_vault_do_each_other_no_harm() {
    let mut scene = KeeperOfVaults::new(2, generous());
    scene.depositor("alice", 900_000);
    let bob = scene.depositor("bob", 100_000);
    let other = scene.scene.world.key("other keeper");
    let race = |scene: &mut KeeperOfVaults| {
        let mut works = Vec::new();
        for (keeper, market) in [(scene.keeper, scene.scene.markets[0]), (other, scene.scene.markets[1])] {
            let before = (scene.keeper, scene.market);
            (scene.keeper, scene.market) = (keeper, market);
            works.push((keeper, scene.first().expect("something to do")));
            (scene.keeper, scene.market) = before;
        }
        assert_eq!(works[0].1.chore, works[1].1.chore);
        scene.scene.world.send_from(works[0].0, &works[0].1.instructions).expect_ok();
        let late = scene.scene.world.send_from(works[1].0, &works[1].1.instructions);
        let code = late.custom_code().expect("it comes too late");
        let error = serde_json::json!({ "InstructionError": [works[1].1.instructions.len() - 1, { "Custom": code }] });
        let logs = vec![format!("Program {ID} failed: custom program error: 0x{code:x}")];
        let failure = Failure::new(serde_json::from_value(error).expect("an error"), logs);
        assert_eq!(failed(&failure), Ended::LostRace, "{:?}", ProgramError::from_code(code));
        works[0].1.chore
    };
    scene.scene.pass(3_600);
    assert_eq!(race(&mut scene), Chore::Rebalance);
    scene.request_all(bob);
    assert_eq!(race(&mut scene), Chore::Serve);
    assert_eq!(scene.scene.vault().queue.first(), None);
}

/// Eight markets: what is built always fits a packet.
#[test]
fn orders_about_a_vault_with_eight_markets_fit_a_transaction() {
    let mut scene = KeeperOfVaults::new(8, generous());
    let alice = scene.depositor("alice", 3_000_000);
    for _ in 0..10 {
        scene.scene.pass(3_600);
        scene.work();
    }
    let lent = scene.scene.vault().allocations.iter().filter(|one| one.shares.0 != 0).count();
    assert!(lent >= 6, "{lent}");
    scene.leave_cash(100_000);
    scene.request_all(alice);
    let work = scene.first().expect("she can be paid");
    // Six accounts of its own, the markets, and two for each that pays.
    let payers = (work.instructions[0].accounts.len() - 6 - 8) / 2;
    let (done, claims) = (scene.work(), scene.scene.vault().claims);
    assert!(payers > 3 && claims > 600_000 * USD, "{payers} {claims} {done:?}");
}

#[test]
fn a_vault_of_dust_and_an_empty_one_are_left_alone() {
    let mut scene = KeeperOfVaults::new(2, vault_config());
    scene.scene.pass(3_600);
    assert_eq!(scene.first(), None, "it has its seed alone");
    // One with all numbers at their end is no reason to stop.
    let mut account = scene.scene.world.account(&scene.scene.vault);
    let mut vault = scene.scene.vault();
    (vault.idle, vault.shares.0, vault.rebalanced, vault.updated) = (u64::MAX, u64::MAX, i64::MIN, i64::MIN);
    vault.queue.tickets[31] =
        ballast_client::engine::state::vault::Ticket { request: vault.mint, number: 0, shares: vault.shares };
    vault.queue.shares = vault.shares;
    account.data[8..].copy_from_slice(bytemuck::bytes_of(&vault));
    scene.scene.world.set_account(scene.scene.vault, account);
    let work = scene.first();
    assert!(work.is_none_or(|work| work.chore != Chore::Serve), "its head is no request");
}

#[test]
fn vaults_of_other_markets_are_not_followed_and_of_many_those_with_the_most() {
    let mut scene = KeeperOfVaults::new(2, vault_config());
    scene.depositor("alice", 1_000);
    assert_eq!(scene.listed_by(&scene.scene.markets[1]).len(), 1);
    let (market, now, vault) = (scene.market(), scene.scene.world.now(), scene.scene.vault());
    let named = |count: usize, of: fn(&mut Vault, u64)| -> Vec<(Address, Vault)> {
        let one = |number: usize| {
            let mut vault = vault;
            of(&mut vault, number as u64);
            (Address::new_from_array([number as u8; 32]), vault)
        };
        (0..count).map(one).collect()
    };
    let foreign = named(3, |vault, _| vault.config.allocations = Default::default());
    assert_eq!(of_market(foreign, &market, now), []);
    let unlisted = named(3, |vault, _| vault.mint = vault.creator);
    assert_eq!(of_market(unlisted, &market, now), []);
    let many = of_market(named(200, |vault, number| vault.idle = number * SOL), &market, now);
    assert_eq!(many.len(), MOST_VAULTS);
    assert_eq!(many.iter().map(|(_, vault)| vault.idle / SOL).min(), Some(200 - MOST_VAULTS as u64));
}

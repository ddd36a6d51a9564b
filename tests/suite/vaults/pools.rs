//! A vault with a part in a pool of perps: what it counts for, who moves it, and how it comes back.

use ballast_client::Address;
use ballast_engine::{
    Error,
    ledger::EVERYTHING,
    number::units::{Bps, Part, Shares},
    perps::{report::PoolReport, trade::Order},
    state::{
        account::Side,
        perp::{Perp, book::Width},
        vault::{AllocationConfig, MAX_ALLOCATIONS, VaultConfig},
    },
};
use ballast_tests::{Outcome, Quote, USD, User, VaultScene, vault_config, with_account};

use super::depositor;

const POOL: u8 = 2;
const PERP: u8 = 3;
/// The slot that lends to a reserve, and the one that is a pool.
const RESERVE_SLOT: u8 = 0;
const SLOT: u8 = 1;
/// The pool's delay.
const DELAY: i64 = 3_600;

/// A vault of alice's 400,000 usd, of which nothing is lent yet, and a trader with 50,000 usd in the pool's market.
struct Pools {
    scene: VaultScene,
    alice: Address,
    curator: Address,
    sentinel: Address,
    stranger: Address,
    trader: User,
}

impl Pools {
    fn new() -> Self {
        Self::with(vault_config())
    }

    fn with(mut config: VaultConfig) -> Self {
        config.allocations[SLOT as usize].pool = POOL;
        let mut scene = VaultScene::with(2, config);
        let alice = depositor(&mut scene, "alice", 400_000);
        // What came in is somebody's to ask for at once: an hour later it counts in caps.
        scene.pass(3_600);
        let [curator, sentinel, stranger] = ["curator", "sentinel", "stranger"].map(|name| scene.world.key(name));
        let trader = Self::in_market(&mut scene, |world| world.user("perp trader"));
        let mut pools = Self { scene, alice, curator, sentinel, stranger, trader };
        pools.touch();
        pools
    }

    /// Brings the vault up to now, as anyone may.
    fn touch(&mut self) {
        let read = self.scene.view().read();
        self.scene.world.send(&[read]).expect_ok();
    }

    fn in_market<T>(scene: &mut VaultScene, act: impl FnOnce(&mut ballast_tests::World) -> T) -> T {
        scene.world.market = scene.markets[SLOT as usize];
        let done = act(&mut scene.world);
        scene.world.market = scene.markets[0];
        done
    }

    fn market<T>(&mut self, act: impl FnOnce(&mut ballast_tests::World) -> T) -> T {
        Self::in_market(&mut self.scene, act)
    }

    fn deposit(&mut self, signer: Address, slot: u8, amount: u64) -> Outcome {
        let deposit = self.scene.view().pool_deposit(signer, slot, amount);
        self.scene.world.send(&[deposit])
    }

    fn request(&mut self, signer: Address, shares: u64) -> Outcome {
        let request = self.scene.view().pool_request(signer, SLOT, shares);
        self.scene.world.send(&[request])
    }

    fn withdraw(&mut self, signer: Address) -> Outcome {
        let withdraw = self.scene.view().pool_withdraw(signer, SLOT);
        self.scene.world.send(&[withdraw])
    }

    /// The trader buys so many dollars of the perp; less than zero: sells.
    fn trade(&mut self, dollars: i64) -> Outcome {
        let lots = self.market(|world| {
            let view = world.view();
            let perp = Perp::of(&view.reserves, PERP).expect("a perp");
            let price = perp.marks(&view.reserves[1].price, Width::Maintenance).spot;
            ((dollars as i128 * USD as i128) << 32).checked_div(price as i128).expect("a price") as i64
        });
        self.trade_lots(lots, false)
    }

    fn trade_lots(&mut self, lots: i64, reduce_only: bool) -> Outcome {
        let trader = self.trader;
        self.market(|world| {
            let order = Order { perp: PERP, lots, limit: 0, min_factor: Part::ZERO, reduce_only };
            let trade = world.view().trade_perp(trader.key, trader.margin, &order).expect("a perp");
            world.send(&[trade])
        })
    }

    /// The sol's price and its average move to so many dollars; all else is published again.
    fn price(&mut self, dollars: f64) {
        self.scene.refresh();
        self.market(|world| world.set_price(1, Quote::dollars(dollars).ema_dollars(dollars))).expect_ok();
    }

    fn pool(&mut self) -> PoolReport {
        self.market(|world| world.view().pool_report(POOL, world.now()).expect("a pool"))
    }

    fn shares(&self) -> u64 {
        self.scene.vault().allocations[SLOT as usize].shares.0
    }

    /// What the vault's part of the pool counts for who enters and for who leaves.
    fn counts(&self) -> (u64, u64) {
        let now = self.scene.world.now();
        let amounts = self.scene.view().at(now).valuation.allocations[SLOT as usize];
        assert_eq!((amounts.takeable, amounts.liquid), (0, 0), "nothing of a pool can be taken at once");
        (amounts.entry, amounts.exit)
    }
}

/// Part of a sum, as a person would reckon: to the atom or two that rounding takes.
fn assert_part(is: u64, of: i64, part: u64, whole: u64) {
    let expected = of as f64 * part as f64 / whole as f64;
    assert!((is as f64 - expected).abs() <= 3.0 + expected * 1e-6, "{is} is not {expected}");
}

#[test]
fn who_enters_pays_the_pools_high_value_and_who_leaves_gets_its_low_one() {
    let mut pools = Pools::new();
    pools.deposit(pools.curator, SLOT, 100_000 * USD).expect_ok();
    pools.scene.assert_backed();
    pools.market(|world| world.assert_conserved());
    assert_eq!(pools.scene.vault().idle, 300_000 * USD + 1_000);
    let (entry, exit) = pools.counts();
    assert!(entry >= exit && exit >= 100_000 * USD - 10, "{entry} and {exit}");

    // A trader's gain takes from the pool what a loss brings it, and the readings are as far apart as the price's confidence.
    pools.trade(40_000).expect_ok();
    for dollars in [165.0, 120.0, 150.0] {
        pools.price(dollars);
        pools
            .market(|world| world.set_price(1, Quote::dollars(dollars).ema_dollars(dollars).confidence_bps(50)))
            .expect_ok();
        let (report, shares) = (pools.pool(), pools.shares());
        assert!(report.entry > report.exit, "a wide price has two values");
        let (entry, exit) = pools.counts();
        assert_part(entry, report.entry, shares, report.shares.0);
        assert_part(exit, report.exit, shares, report.shares.0);
        let vault = pools.scene.report();
        assert!(vault.entry > vault.exit, "and so has the vault: {} and {}", vault.entry, vault.exit);
        // Whoever comes and goes at once pays for that.
        let mut fork = Pools { scene: pools.scene.fork(), ..pools };
        let bob = depositor(&mut fork.scene, "bob", 50_000);
        let held = fork.scene.held(&bob);
        let before = fork.scene.balance(&bob);
        fork.scene.redeem(bob, held, 0).expect_ok();
        assert!(fork.scene.balance(&bob) - before <= 50_000 * USD);
    }
}

#[test]
fn only_the_curator_moves_idle_tokens_within_caps_and_what_coverage_spares() {
    let mut pools = Pools::new();
    let (curator, sentinel, stranger) = (pools.curator, pools.sentinel, pools.stranger);
    for signer in [sentinel, stranger] {
        pools.deposit(signer, SLOT, USD).expect_error(Error::NotCurator);
    }
    pools.deposit(curator, SLOT, 0).expect_error(Error::AmountIsZero);
    pools.deposit(curator, RESERVE_SLOT, USD).expect_error(Error::NotPool);
    pools.deposit(curator, 2, USD).expect_error(Error::NotPool);
    pools.deposit(curator, MAX_ALLOCATIONS as u8, USD).expect_error(Error::WrongSlot);
    pools.deposit(curator, 255, USD).expect_error(Error::WrongSlot);
    for amount in [u64::MAX, 1 << 61] {
        pools.deposit(curator, SLOT, amount).expect_error(Error::AllocationCapExceeded);
    }
    // 33 % of what may be asked for is to stay liquid, and nothing in a pool is.
    let all = pools.scene.vault().idle;
    let kept = (all as f64 * 0.33) as u64;
    pools.deposit(curator, SLOT, all - kept + USD).expect_error(Error::VaultNeedsLiquidity);
    pools.deposit(curator, SLOT, all - kept - USD).expect_ok();
    pools.deposit(curator, SLOT, 2 * USD).expect_error(Error::VaultNeedsLiquidity);

    let limited = |change: fn(&mut AllocationConfig)| {
        let mut pools = Pools::new();
        let mut config = pools.scene.vault().config;
        let old = config;
        change(&mut config.allocations[SLOT as usize]);
        let edits = ballast_client::Edits::of_vault(&old, &config).at_once;
        let set = pools.scene.view().set_parameters(pools.sentinel, edits);
        pools.scene.world.send(&[set]).expect_ok();
        pools
    };
    let mut capped = limited(|slot| slot.cap = 1_000 * USD);
    capped.deposit(curator, SLOT, 1_001 * USD).expect_error(Error::AllocationCapExceeded);
    capped.deposit(curator, SLOT, 1_000 * USD).expect_ok();
    let mut parted = limited(|slot| slot.share_cap = Bps(1_000));
    parted.deposit(curator, SLOT, 40_002 * USD).expect_error(Error::AllocationCapExceeded);
    // A deposit of an instant widens no cap.
    depositor(&mut parted.scene, "bob", 400_000);
    parted.deposit(curator, SLOT, 40_002 * USD).expect_error(Error::AllocationCapExceeded);
    parted.deposit(curator, SLOT, 39_990 * USD).expect_ok();
    let mut stopped = limited(|slot| slot.stopped = 1);
    stopped.deposit(curator, SLOT, USD).expect_error(Error::AllocationStopped);
}

#[test]
fn a_foreign_account_in_place_of_the_pools_is_refused() {
    let mut pools = Pools::new();
    let view = pools.scene.view();
    let deposit = view.pool_deposit(pools.curator, SLOT, USD);
    let own = pools.scene.world.reserve(0).vault;
    let count = deposit.accounts.len();
    let mut wrong = deposit.clone();
    // Of the other market's reserve.
    wrong.accounts[count - 2].pubkey = ballast_client::from_engine(&own);
    pools.scene.world.send(&[wrong]).expect_error(Error::WrongVault);
    let mut short = deposit.clone();
    short.accounts.pop();
    pools.scene.world.send(&[short]).expect_error(Error::MarketMissing);
    let stranger = pools.scene.fund(&pools.stranger.clone(), USD);
    let theirs = with_account(deposit, "tokens", stranger);
    pools.scene.world.send(&[theirs]).expect_error(Error::WrongVault);
}

#[test]
fn what_is_in_a_pool_comes_back_after_its_delay() {
    let mut pools = Pools::new();
    let (curator, sentinel, stranger) = (pools.curator, pools.sentinel, pools.stranger);
    pools.request(curator, 1).expect_error(Error::InsufficientShares);
    pools.deposit(curator, SLOT, 100_000 * USD).expect_ok();
    pools.trade(20_000).expect_ok();
    let shares = pools.shares();
    pools.request(stranger, shares).expect_error(Error::NotCuratorOrSentinel);
    pools.request(sentinel, shares + 1).expect_error(Error::InsufficientShares);
    pools.withdraw(sentinel).expect_error(Error::PoolSharesNotFree);
    pools.request(sentinel, shares / 2).expect_ok();
    pools.withdraw(sentinel).expect_error(Error::PoolSharesNotFree);
    pools.scene.pass(DELAY - 10);
    pools.withdraw(curator).expect_error(Error::PoolSharesNotFree);
    pools.scene.pass(20);
    // The moment is not a stranger's to choose.
    pools.withdraw(stranger).expect_error(Error::NotCuratorOrSentinel);
    let (_, before) = pools.counts();
    let idle = pools.scene.vault().idle;
    pools.withdraw(curator).expect_ok();
    let came = pools.scene.vault().idle - idle;
    assert_part(came, before as i64, 1, 2);
    assert_eq!(pools.shares(), shares - shares / 2);
    assert_eq!(pools.scene.vault().asked_for[SLOT as usize], Shares::ZERO);
    pools.withdraw(curator).expect_error(Error::PoolSharesNotFree);
    pools.scene.assert_backed();
    pools.market(|world| world.assert_conserved());
    // Too late is like never asked.
    pools.request(curator, 1_000).expect_ok();
    pools.scene.pass(DELAY + 172_801);
    pools.withdraw(curator).expect_error(Error::PoolSharesNotFree);
}

/// Below coverage, or while the queue waits, anyone brings back what is short: that, and no more, and nobody puts it off.
#[test]
fn anyone_brings_a_pool_back_while_liquidity_is_short() {
    let mut pools = Pools::new();
    let (curator, stranger) = (pools.curator, pools.stranger);
    pools.deposit(curator, SLOT, 200_000 * USD).expect_ok();
    let held = pools.scene.held(&pools.alice);
    let (shares, payer) = (pools.scene.shares(&pools.alice.clone()), pools.scene.world.payer);
    let exit = pools.scene.view().request_exit(pools.alice, payer, shares, held, 0);
    pools.scene.world.send(&[exit]).expect_ok();
    // She waits for 400,000 usd, of which 200,000 are idle.
    let all = pools.shares();
    pools.request(stranger, all / 2).expect_error(Error::AnotherMove);
    pools.request(stranger, EVERYTHING).expect_ok();
    let asked = pools.scene.vault().asked_for[SLOT as usize].0;
    assert_part(asked, all as i64, 1, 1);
    pools.request(stranger, EVERYTHING).expect_error(Error::NotCuratorOrSentinel);
    pools.scene.pass(DELAY);
    pools.withdraw(stranger).expect_ok();
    let serve = pools.scene.view().serve_exit(0).expect("she waits");
    pools.scene.world.send(&[serve]).expect_ok();
    let claim = pools.scene.request(&pools.alice).claim;
    assert!(claim >= 399_990 * USD, "{claim} of what she gave");
    pools.scene.assert_backed();

    // A window that passed is as if nobody had asked.
    let mut pools = Pools::new();
    pools.deposit(curator, SLOT, 200_000 * USD).expect_ok();
    pools.request(curator, 1).expect_ok();
    let shares = pools.scene.shares(&pools.alice.clone());
    let exit = pools.scene.view().request_exit(pools.alice, payer, shares, held, 0);
    pools.scene.world.send(&[exit]).expect_ok();
    pools.request(stranger, EVERYTHING).expect_error(Error::NotCuratorOrSentinel);
    pools.scene.pass(DELAY + 172_801);
    pools.request(stranger, EVERYTHING).expect_ok();
}

/// Prices that value the pool count only while they are recent: nobody enters at an old one, and who leaves without a refresh leaves
/// without the pool.
#[test]
fn old_prices_of_a_pool_let_nobody_in() {
    let mut pools = Pools::new();
    pools.deposit(pools.curator, SLOT, 100_000 * USD).expect_ok();
    pools.trade(20_000).expect_ok();
    pools.scene.world.advance(100);
    pools.scene.deposit(pools.stranger, 1_000 * USD).expect_error(Error::MarketUnreadable);
    let (alice, held) = (pools.alice, pools.scene.held(&pools.alice.clone()) / 100);
    let fair = 4_000 * USD - 20 * USD;
    let (destination, shares) = (pools.scene.fund(&alice, 0), pools.scene.shares(&alice));
    let careful = pools.scene.view().redeem(alice, shares, destination, held, fair, 0);
    pools.scene.world.send(std::slice::from_ref(&careful)).expect_error(Error::FewerThanAsked);
    // With a refresh in front all is as ever.
    pools.market(|world| {
        for (reserve, dollars) in [(0, 1.0), (1, 150.0)] {
            world.publish(reserve, Quote::dollars(dollars).ema_dollars(dollars));
        }
    });
    let refresh = pools.market(|world| world.refresh_instruction(&[0, 1]));
    pools.scene.world.send(&[refresh, careful]).expect_ok();
}

/// P10, V3: whoever trades against the pool and holds the vault's shares takes nothing out of both together.
#[test]
fn a_trader_who_holds_the_vaults_shares_gains_nothing() {
    for dollars in [30_000, -30_000] {
        for (before, after) in [(150.0, 140.0), (150.0, 160.0)] {
            let mut pools = Pools::new();
            pools.deposit(pools.curator, SLOT, 150_000 * USD).expect_ok();
            pools.price(before);
            let (trader, key) = (pools.trader, pools.trader.key);
            let wealth = |pools: &mut Pools| {
                let margin = pools.market(|world| world.margin(&trader.margin));
                let index = pools.market(|world| world.reserve(0).deposit_index);
                let lent = index.amount_floor(margin.shares(0, Side::Deposit).unwrap_or(Shares::ZERO));
                lent + pools.scene.balance(&key)
            };
            pools.scene.fund(&key, 300_000 * USD);
            let start = wealth(&mut pools);
            pools.trade(dollars).expect_ok();
            // She enters before her own loss or gain is known, and leaves after it.
            let (source, shares) = (pools.scene.fund(&key, 0), pools.scene.shares(&key));
            let enter = pools.scene.view().deposit(key, source, shares, 300_000 * USD, 0);
            pools.scene.world.send(&[enter]).expect_ok();
            pools.price(after);
            pools.scene.world.advance(61);
            pools.price(after);
            pools.trade_lots(-dollars.signum() << 47, true).expect_ok();
            let held = pools.scene.held(&key);
            pools.scene.redeem(key, held, 0).expect_ok();
            let end = wealth(&mut pools);
            let won = (after - before) / before * dollars as f64 * USD as f64;
            // What the price alone gave her, less fees: holding the vault's shares gave her back a part of a loss, which
            // she would have as an owner of the pool, and took as much of a gain.
            let part = pools.shares() as f64 / pools.pool().shares.0 as f64;
            let without_shares = won * (1.0 - part * 300.0 / 700.0);
            assert!(
                (end as f64 - start as f64) < without_shares + 2.0 * USD as f64,
                "{end} of {start}, {without_shares}"
            );
        }
    }
}

/// A slot becomes a pool, or a reserve again, only while it is empty, and by a change that waits.
#[test]
fn a_slot_becomes_a_pool_only_while_it_is_empty() {
    let mut pools = Pools::new();
    let (curator, payer) = (pools.curator, pools.scene.world.payer);
    let offset = std::mem::offset_of!(VaultConfig, allocations) + size_of::<AllocationConfig>() * SLOT as usize;
    let edit = |pool: u8| {
        let offset = (offset + std::mem::offset_of!(AllocationConfig, pool)) as u16;
        [&offset.to_le_bytes()[..], &[pool]].concat()
    };
    for pool in [0, 3] {
        let at_once = pools.scene.view().set_parameters(curator, edit(pool));
        pools.scene.world.send(&[at_once]).expect_error(Error::AddsRisk);
    }
    let (out_of_range, _) = pools.scene.view().queue_change(payer, edit(64));
    pools.scene.world.send(&[out_of_range]).expect_error(Error::NotPool);
    let (queue, change) = pools.scene.view().queue_change(payer, edit(0));
    pools.scene.world.send(&[queue]).expect_ok();
    pools.scene.pass(691_200);
    pools.deposit(curator, SLOT, 50_000 * USD).expect_ok();
    let execute = pools.scene.view().execute_change(curator, change, payer);
    pools.scene.world.send(std::slice::from_ref(&execute)).expect_error(Error::AllocationInUse);
    pools.request(curator, pools.shares()).expect_ok();
    pools.scene.pass(DELAY);
    pools.withdraw(curator).expect_ok();
    pools.scene.world.send(&[execute]).expect_ok();
    assert_eq!(pools.scene.vault().allocations[SLOT as usize].is_open, 0);
    let open = pools.scene.view().open_allocation(SLOT).expect("a slot");
    pools.scene.world.send(&[open]).expect_ok();
    assert_eq!(pools.scene.vault().allocations[SLOT as usize].reserve, 0, "the reserve of the vault's token");
    pools.deposit(curator, SLOT, USD).expect_error(Error::NotPool);

    // A record that is no pool, or one of another token, cannot be opened.
    for (pool, error) in [(1, Error::NotPool), (3, Error::NotPool), (50, Error::NotPool)] {
        let mut config = vault_config();
        config.allocations[SLOT as usize].pool = POOL;
        let mut fork = Pools { scene: VaultScene::with(2, config), ..Pools::new() };
        let (queue, change) = fork.scene.view().queue_change(payer, edit(pool));
        fork.scene.world.send(&[queue]).expect_ok();
        fork.scene.pass(691_200);
        let execute = fork.scene.view().execute_change(curator, change, payer);
        fork.scene.world.send(&[execute]).expect_ok();
        let open = fork.scene.view().open_allocation(SLOT).expect("a slot");
        fork.scene.world.send(&[open]).expect_error(error);
    }
}

/// What comes back of a pool that was written off is not the sharers' at once.
#[test]
fn what_comes_back_of_a_written_off_pool_is_locked_first() {
    let mut pools = Pools::new();
    let (curator, payer) = (pools.curator, pools.scene.world.payer);
    let old = pools.scene.vault().config;
    let mut config = old;
    config.allocations[SLOT as usize].written_off = 1;
    let edits = ballast_client::Edits::of_vault(&old, &config).waiting;
    let (queue, change) = pools.scene.view().queue_change(payer, edits);
    pools.scene.world.send(&[queue]).expect_ok();
    pools.scene.pass(691_200);
    pools.touch();
    pools.deposit(curator, SLOT, 100_000 * USD).expect_ok();
    let execute = pools.scene.view().execute_change(curator, change, payer);
    pools.scene.world.send(&[execute]).expect_ok();
    let lost = pools.scene.report().exit;
    assert!(lost < 300_010 * USD);
    pools.request(curator, pools.shares()).expect_ok();
    pools.scene.pass(DELAY);
    pools.withdraw(curator).expect_ok();
    let vault = pools.scene.vault();
    assert!(vault.locked > 99_990 * USD, "{}", vault.locked);
    assert!(pools.scene.report().exit < lost + 20 * USD);
    pools.deposit(curator, SLOT, USD).expect_error(Error::AllocationStopped);
}

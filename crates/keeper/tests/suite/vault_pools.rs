//! What the keeper does about vaults with a part in a pool, sent to the program's bytecode.

use ballast_client::{
    Address, ID,
    engine::{
        Error,
        number::units::{Bps, Part},
        perps::trade::Order,
        state::vault::VaultConfig,
    },
};
use ballast_keeper::service::{
    act::failed,
    duty::Ended,
    vault::work::{Chore, Work, Worth},
};
use ballast_rpc::Failure;
use ballast_tests::{Quote, USD, World, vault_config};

use crate::vaults::KeeperOfVaults;

/// In the records of a market that has them.
const POOL: u8 = 2;
const PERP: u8 = 3;
/// The pool's delay.
const DELAY: i64 = 3_600;

/// The keeper of the first of some markets, and a vault of alice's 400,000 usd with half of it in the pool of a slot and nothing lent.
struct Scene {
    keeper: KeeperOfVaults,
    alice: Address,
    slot: u8,
}

impl Scene {
    fn new(markets: usize, slot: u8) -> Self {
        let mut config = VaultConfig { reward_share: Bps(0), ..vault_config() };
        config.allocations[slot as usize].pool = POOL;
        let mut keeper = KeeperOfVaults::new(markets, config);
        let alice = keeper.depositor("alice", 400_000);
        // What came in counts in caps an hour later.
        keeper.scene.pass(3_600);
        let curator = keeper.scene.world.key("curator");
        let deposit = keeper.scene.view().pool_deposit(curator, slot, 200_000 * USD);
        keeper.scene.world.send(&[deposit]).expect_ok();
        Self { keeper, alice, slot }
    }

    /// With all of alice's shares in the queue.
    fn short(markets: usize, slot: u8) -> Self {
        let mut scene = Self::new(markets, slot);
        scene.keeper.request_all(scene.alice);
        scene
    }

    fn in_market<T>(&mut self, act: impl FnOnce(&mut World) -> T) -> T {
        let scene = &mut self.keeper.scene;
        scene.world.market = scene.markets[self.slot as usize];
        let done = act(&mut scene.world);
        scene.world.market = scene.markets[0];
        done
    }

    /// Opens a position, so that the pool's value needs a price.
    fn trade(&mut self) {
        self.in_market(|world| {
            let trader = world.user("another trader");
            world.supply(trader, 0, 50_000 * USD);
            let order = Order { perp: PERP, lots: 10_000, limit: 0, min_factor: Part::ZERO, reduce_only: false };
            let trade = world.view().trade_perp(trader.key, trader.margin, &order).expect("a perp");
            world.send(&[trade]).expect_ok();
        });
    }

    fn publish(&mut self, reserve: u8, dollars: f64) {
        self.in_market(|world| world.publish(reserve, Quote::dollars(dollars).ema_dollars(dollars)));
    }

    fn look_for(&self, chore: Chore) -> Option<Work> {
        self.keeper.find(|snapshot, worth| snapshot.find(chore, worth))
    }

    fn send(&mut self, work: &Work) {
        self.keeper.scene.world.send_from(self.keeper.keeper, &work.instructions).expect_ok();
    }

    fn asked_for(&self) -> u64 {
        self.keeper.scene.vault().asked_for[self.slot as usize].0
    }

    fn held(&self) -> u64 {
        self.keeper.scene.vault().allocations[self.slot as usize].shares.0
    }
}

#[test]
fn what_is_short_is_asked_of_a_pool_and_taken_when_it_is_free() {
    let mut scene = Scene::new(1, 0);
    assert_eq!(scene.keeper.work(), [], "nothing is short");
    scene.keeper.request_all(scene.alice);
    let done = scene.keeper.work();
    assert_eq!(done.iter().filter(|chore| **chore == Chore::PoolRequest).count(), 1, "{done:?}");
    assert!(done.iter().all(|chore| matches!(chore, Chore::Serve | Chore::PoolRequest)), "{done:?}");
    let (asked, held) = (scene.asked_for(), scene.held());
    assert!(asked > held / 2 && asked <= held, "{asked} of {held}");
    // It is not asked for anew, which would put it off.
    scene.keeper.scene.pass(DELAY - 60);
    assert_eq!(scene.keeper.work(), []);
    assert_eq!(scene.asked_for(), asked);
    scene.keeper.scene.pass(60);
    let done = scene.keeper.work();
    assert_eq!(done.first(), Some(&Chore::PoolWithdraw), "{done:?}");
    assert!(done[1..].iter().all(|chore| *chore == Chore::Serve), "{done:?}");
    assert_eq!(scene.keeper.scene.vault().queue.first(), None, "all are served");
    assert!(scene.keeper.scene.request(&scene.alice).claim > 399_000 * USD);
}

/// What others asked for is left to come, and what nobody took in time is asked for again.
#[test]
fn a_window_that_passed_is_asked_for_again() {
    let mut scene = Scene::new(1, 0);
    let curator = scene.keeper.scene.world.key("curator");
    let request = scene.keeper.scene.view().pool_request(curator, 0, 1_000 * USD);
    scene.keeper.scene.world.send(&[request]).expect_ok();
    scene.keeper.request_all(scene.alice);
    let done = scene.keeper.work();
    assert!(done.iter().all(|chore| *chore == Chore::Serve), "the curator asked for a part: {done:?}");
    assert_eq!(scene.asked_for(), 1_000 * USD);
    scene.keeper.scene.pass(DELAY + 172_801);
    let done = scene.keeper.work();
    assert!(done.contains(&Chore::PoolRequest), "{done:?}");
    assert!(scene.asked_for() > 100_000 * USD);
}

/// A pool's price that is too old comes in front, where the keeper has a newer one. Else nothing is tried that would fail.
#[test]
fn old_prices_of_a_pool_come_in_front() {
    let mut scene = Scene::new(1, 0);
    scene.trade();
    scene.keeper.request_all(scene.alice);
    scene.keeper.scene.world.advance(100);
    assert_eq!(scene.look_for(Chore::Serve), None, "nobody knows what a share is worth");
    scene.publish(1, 150.0);
    scene.keeper.brings = vec![1];
    let work = scene.look_for(Chore::Serve).expect("it can be served");
    assert_eq!(work.instructions.len(), 2, "with one price in front");
    scene.keeper.scene.world.send(&work.instructions[1..]).expect_error(Error::MarketUnreadable);
    scene.send(&work);
    // Prices of other reserves do not come along.
    scene.keeper.scene.world.advance(100);
    scene.publish(0, 1.0);
    scene.publish(1, 150.0);
    scene.keeper.brings = vec![0, 1];
    let work = scene.look_for(Chore::PoolRequest).expect("it is short");
    assert_eq!(work.instructions[0].accounts.len(), 2, "the market, and one price: {work:?}");
    scene.send(&work);
    assert!(scene.asked_for() > 0);
    scene.keeper.scene.world.advance(DELAY);
    scene.publish(1, 150.0);
    scene.keeper.brings = vec![1];
    let work = scene.look_for(Chore::PoolWithdraw).expect("it is free");
    // The pool counts for nothing then, and so does what waits for it.
    let without = scene.keeper.scene.world.send_from(scene.keeper.keeper, &work.instructions[1..]);
    without.expect_error(Error::NotCuratorOrSentinel);
    scene.send(&work);
    assert_eq!(scene.asked_for(), 0);
}

/// Of another market the keeper has no prices, and works by those that the chain has.
#[test]
fn a_pool_of_another_market_is_asked_by_the_prices_there() {
    let mut scene = Scene::new(2, 1);
    scene.trade();
    scene.keeper.request_all(scene.alice);
    let work = scene.look_for(Chore::PoolRequest).expect("it is short");
    assert_eq!(work.instructions.len(), 1);
    scene.send(&work);
    assert!(scene.asked_for() > 0);
    scene.keeper.scene.pass(DELAY);
    let work = scene.look_for(Chore::PoolWithdraw).expect("it is free");
    scene.send(&work);
}

/// What reserves can pay is there at once, so it comes first; and dust is left.
#[test]
fn a_pool_is_asked_for_what_reserves_cannot_pay_and_not_for_dust() {
    let mut scene = Scene::new(2, 0);
    scene.keeper.scene.pass(3_600);
    let other = scene.keeper.scene.world.key("another keeper");
    // A little is lent to the second market, as much as coverage spares.
    let lent = scene.keeper.scene.rebalance(&other);
    lent.expect_ok();
    scene.keeper.scene.pass(1);
    scene.keeper.request_all(scene.alice);
    assert!(scene.look_for(Chore::PullBack).is_some_and(|work| work.amount > 10_000 * USD));
    assert_eq!(scene.look_for(Chore::PoolRequest), None, "the reserve pays first");
    let done = scene.keeper.work();
    assert_eq!(done.last(), Some(&Chore::PoolRequest), "{done:?}");
    assert!(scene.keeper.scene.vault().allocations[1].shares.0 < 10, "all that was lent has come first");

    let scene = Scene::short(1, 0);
    let asks = |least: f64| {
        scene
            .keeper
            .find(|snapshot, worth| snapshot.find(Chore::PoolRequest, &Worth { least, ..worth.clone() }).is_some())
    };
    assert!(asks(150_000.0) && !asks(250_000.0), "--vault-least");
}

#[test]
fn what_was_done_already_is_a_lost_race() {
    for error in [
        Error::NothingToServe,
        Error::AnotherMove,
        Error::NothingLocked,
        Error::RebalanceTooSoon,
        Error::NotCuratorOrSentinel,
        Error::PoolSharesNotFree,
    ] {
        let json = serde_json::json!({ "InstructionError": [0, { "Custom": error.code() }] });
        let logs = vec![format!("Program {ID} failed: custom program error: 0x{:x}", error.code())];
        let failure = Failure::new(serde_json::from_value(json).expect("an error"), logs);
        assert_eq!(failed(&failure), Ended::LostRace, "{error:?}");
    }
}

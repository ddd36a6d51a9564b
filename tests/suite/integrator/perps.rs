//! What it does with perps: a position grows only where its pool can bear it, and closes always.

use ballast_client::{AccountMeta, Instruction};
use ballast_engine::{
    Error,
    ledger::EVERYTHING,
    number::units::{Bps, Part},
    perps::trade::Order,
    state::{change::OF_POOL, perp::PoolConfig},
};
use ballast_tests::{PerpScene, TEST_PROGRAM, USD, perp_config, pool_config};
use solana_transaction::InstructionError;

use super::{DEPOSIT, INTEGRATOR, Managed, RATIO_BELOW_MINIMUM, WITHDRAW};

// First byte of its data.
const TRADE_PERP: u8 = 10;

/// `Custom`: the pool has less than twice what it must bear.
const POOL_COVER_BELOW_MINIMUM: u32 = 3;

/// More lots than any position has.
const ALL: i64 = 1 << 47;

impl Managed {
    fn trade(&self, scene: &PerpScene, pool: u8, lots: i64, reduce_only: bool) -> Instruction {
        let order = Order { perp: scene.perp, lots, limit: 0, min_factor: Part::ZERO, reduce_only };
        let trade = scene.view().trade_perp(self.owner, self.margin, &order).expect("a perp");
        let accounts = [AccountMeta::new(scene.world.market, false), AccountMeta::new(self.margin, false)];
        self.instruction(&[&[TRADE_PERP, self.bump, pool][..], &trade.data[1..]].concat(), &accounts)
    }

    /// Buys so many dollars of the perp.
    fn buy(&self, scene: &PerpScene, dollars: i64) -> Instruction {
        self.trade(scene, scene.pool, scene.lots(scene.perp, dollars), false)
    }

    fn close_perp(&self, scene: &PerpScene) -> Instruction {
        self.trade(scene, scene.pool, -ALL, true)
    }
}

/// A scene of perps with the integrator, and a manager for whom it holds 10,000 usd.
fn scene(pool: &PoolConfig) -> (PerpScene, Managed) {
    let mut scene = PerpScene::with(pool, &[perp_config()]);
    let world = &mut scene.world;
    world.load_program(INTEGRATOR, "integrator.so", "scripts/build --example");
    let managed = Managed::new(world, "manager");
    world.fund(&managed.owner, scene.usd, 10_000 * USD);
    world.fund(&managed.manager, scene.usd, 0);
    world.send(&[managed.open(world)]).expect_ok();
    world.send(&[managed.pay_in(world, DEPOSIT, scene.usd, 10_000 * USD)]).expect_ok();
    world.refresh_all();
    (scene, managed)
}

fn held(scene: &PerpScene, managed: &Managed) -> u64 {
    scene.world.margin(&managed.margin).perp(scene.perp).map_or(0, |position| position.size)
}

#[test]
fn a_perp_is_opened_and_closed() {
    let (mut scene, managed) = scene(&pool_config());
    let buy = managed.buy(&scene, 20_000);
    scene.world.send(&[buy]).expect_ok();
    assert!(held(&scene, &managed) > 0);
    let sell = managed.trade(&scene, scene.pool, -scene.lots(scene.perp, 5_000), true);
    scene.world.send(&[sell]).expect_ok();
    scene.world.advance(61);
    scene.world.refresh_all();
    let close = managed.close_perp(&scene);
    scene.world.send(&[close]).expect_ok();
    assert_eq!(held(&scene, &managed), 0);
    let withdraw = managed.pay_out(&scene.world, WITHDRAW, scene.usd, EVERYTHING);
    scene.world.send(&[withdraw]).expect_ok();
    let back = scene.world.balance(&managed.manager, scene.usd);
    assert!((9_900 * USD..10_000 * USD).contains(&back), "{back}: less fees and impact");
    scene.world.send(&[managed.close()]).expect_ok();
    scene.world.assert_conserved();
}

#[test]
fn its_own_ratio_counts_perps_too() {
    let (mut scene, managed) = scene(&pool_config());
    let order = Order {
        perp: scene.perp,
        lots: scene.lots(scene.perp, 75_000),
        limit: 0,
        min_factor: Part::ZERO,
        reduce_only: false,
    };
    let account = scene.world.margin(&managed.margin);
    assert!(scene.view().preview_trade(&account, &order, scene.world.now()).is_ok(), "Ballast lets it");
    let buy = managed.buy(&scene, 75_000);
    scene.world.send(&[buy]).expect_custom(RATIO_BELOW_MINIMUM);
    assert_eq!(held(&scene, &managed), 0, "nothing is left of it");
    let buy = managed.buy(&scene, 40_000);
    scene.world.send(&[buy]).expect_ok();
    // Withdrawing what the position needs is refused by the same ratio.
    let withdraw = managed.pay_out(&scene.world, WITHDRAW, scene.usd, 4_000 * USD);
    scene.world.send(&[withdraw]).expect_custom(RATIO_BELOW_MINIMUM);
}

#[test]
fn a_pool_that_covers_little_is_only_left() {
    let (mut scene, managed) = scene(&PoolConfig { max_skew: Bps(50_000), ..pool_config() });
    let buy = managed.buy(&scene, 10_000);
    scene.world.send(&[buy]).expect_ok();
    let (trader, usd) = (scene.trader, scene.usd);
    scene.world.supply(trader, usd, 100_000 * USD);
    scene.world.refresh_all();
    scene.trade(trader, 700_000).expect_ok();
    let report = scene.view().pool_report(scene.pool, scene.world.now()).expect("a pool");
    assert!((10_000..20_000).contains(&report.cover), "{}: enough for Ballast", report.cover);
    let more = managed.buy(&scene, 100);
    scene.world.send(&[more]).expect_custom(POOL_COVER_BELOW_MINIMUM);
    scene.world.advance(61);
    scene.world.refresh_all();
    // Another pool, which has nothing to bear, is not the perp's.
    let other = scene.world.list_record(OF_POOL, bytemuck::bytes_of(&pool_config())).expect("a pool");
    scene.world.refresh_all();
    let lots = scene.lots(scene.perp, 100);
    let attack = managed.trade(&scene, other, lots, false);
    scene.world.send(&[attack]).expect_instruction_error(InstructionError::InvalidArgument);
    for none in [scene.perp, scene.usd, 63, 255] {
        let attack = managed.trade(&scene, none, lots, false);
        assert!(!scene.world.send(&[attack]).is_ok(), "{none} is no pool");
    }
    let close = managed.close_perp(&scene);
    scene.world.send(&[close]).expect_ok();
    assert_eq!(held(&scene, &managed), 0);
}

/// Another manager, no signature, another account, another program in Ballast's place, and data that are cut.
#[test]
fn nobody_else_trades_for_a_manager() {
    let (mut scene, managed) = scene(&pool_config());
    scene.world.load_test_program();
    let thief = Managed::new(&mut scene.world, "thief");
    let usurper = Managed { manager: thief.manager, ..managed };
    let attack = usurper.buy(&scene, 10_000);
    assert!(!scene.world.send(&[attack]).is_ok(), "seeds of another manager");
    let foreign = Managed { margin: managed.margin, ..thief };
    let attack = foreign.buy(&scene, 10_000);
    scene.world.send(&[attack]).expect_error(Error::NotAccountOwner);
    let buy = managed.buy(&scene, 10_000);
    let mut unsigned = buy.clone();
    unsigned.accounts[1].is_signer = false;
    scene
        .world
        .send_from(thief.manager, &[unsigned])
        .expect_instruction_error(InstructionError::MissingRequiredSignature);
    let mut elsewhere = buy.clone();
    elsewhere.accounts[0].pubkey = TEST_PROGRAM;
    scene.world.send(&[elsewhere]).expect_instruction_error(InstructionError::IncorrectProgramId);
    for length in [2, 3, buy.data.len() - 1] {
        let cut = Instruction { data: buy.data[..length].to_vec(), ..buy.clone() };
        scene.world.send(&[cut]).expect_instruction_error(InstructionError::InvalidInstructionData);
    }
    let mut short = buy.clone();
    short.accounts.pop();
    let outcome = scene.world.send(&[short]);
    assert!(!outcome.is_ok() && outcome.custom_code().is_none(), "{}", outcome.describe());
    assert_eq!(held(&scene, &managed), 0);
    scene.world.send(&[buy]).expect_ok();
}

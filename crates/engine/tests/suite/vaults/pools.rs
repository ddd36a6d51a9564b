//! A vault with a part in a pool of perps, over random worlds: prices that jump, traders on both sides, people who come and go.

use super::{CURATOR, DAY, MINT, SENTINEL, market, opened, policy};
use crate::{
    common::cases,
    perps::{PERPS, POOL, QUOTE, Scene, USD},
};
use ballast_engine::{
    Error, Result,
    ledger::Ledger,
    number::units::{Bps, Shares},
    perps::provide::PoolMovement,
    record::layout::Address,
    state::{
        perp::book::Width,
        vault::{Amounts, Vault, VaultConfig},
    },
    vaults::{Vaults, report::VaultReport},
};
use proptest::prelude::*;

const STRANGER: Address = Address([70; 32]);
/// Owns a part of the pool beside the vault.
const OWNER: usize = 0;
const TRADERS: [usize; 2] = [1, 2];

/// The market with its pool, and a vault whose only allocation that is.
#[derive(Clone)]
struct Entrusted {
    scene: Scene,
    vault: Vault,
}

impl Entrusted {
    /// With a million usd of somebody in the vault since an hour ago.
    fn with(mut config: VaultConfig) -> Self {
        let mut scene = Scene::new(2, 4, 200_000, 50_000);
        scene.world.reserves[QUOTE as usize].mint = MINT;
        config.allocations[0].pool = POOL;
        let mut vault = opened(config, CURATOR, 6, 0, scene.world.now).unwrap();
        vault.mint = MINT;
        vault.open_allocation(0, &market(0), &scene.world.reserves, scene.world.now).unwrap();
        let mut this = Self { scene, vault };
        this.act(|vaults| vaults.deposit(1_000_000 * USD, Shares::ZERO)).unwrap();
        this.scene.pass(3_600);
        this.act(|_| Ok(())).unwrap();
        this
    }

    fn act<T>(&mut self, action: impl FnOnce(&mut Vaults) -> Result<T>) -> Result<T> {
        let (mut vault, world) = (self.vault, &self.scene.world);
        let done = action(&mut Vaults::open(&mut vault, world.now, |_| Some((&world.market, &world.reserves))))?;
        self.vault = vault;
        Ok(done)
    }

    fn look<T>(&self, action: impl FnOnce(&mut Vaults) -> T) -> T {
        let (mut vault, world) = (self.vault, &self.scene.world);
        action(&mut Vaults::open(&mut vault, world.now, |_| Some((&world.market, &world.reserves))))
    }

    fn report(&self) -> VaultReport {
        let world = &self.scene.world;
        self.look(|vaults| vaults.report(|_| Some((&world.market, &world.reserves))))
    }

    fn counts(&self) -> Amounts {
        self.look(|vaults| vaults.valuation.allocations[0])
    }

    /// The curator's move, whole or not at all.
    fn provide(&mut self, amount: u64) -> Result<PoolMovement> {
        let before = self.clone();
        let moved = self.act(|vaults| vaults.provide(&CURATOR, 0, amount)).and_then(|()| {
            let mut allocation = self.vault.allocations[0];
            let moved = self.ledger(|ledger| ledger.provide_for_vault(&mut allocation, amount))?;
            self.vault.allocations[0] = allocation;
            Ok(moved)
        });
        if moved.is_err() {
            *self = before;
        }
        moved
    }

    fn ask(&mut self, shares: u64) -> Result<()> {
        let world = self.scene.world.clone();
        self.act(|vaults| vaults.ask_to_leave(&SENTINEL, 0, Shares(shares), (&world.market, &world.reserves)))
    }

    fn take(&mut self) -> Result<PoolMovement> {
        let (mut allocation, mut asked_for) = (self.vault.allocations[0], self.vault.asked_for[0]);
        let moved = self.ledger(|ledger| ledger.leave_for_vault(&mut allocation, &mut asked_for))?;
        (self.vault.allocations[0], self.vault.asked_for[0]) = (allocation, asked_for);
        self.vault.take_back(0, moved.amount)?;
        Ok(moved)
    }

    fn ledger<T>(&mut self, action: impl FnOnce(&mut Ledger) -> Result<T>) -> Result<T> {
        self.scene.act(OWNER, |ledger, _| action(ledger))
    }

    /// All shares of the pool are somebody's, and what entering costs is never below what leaving pays.
    fn check(&self) {
        let stakes = self.scene.world.accounts.iter().filter_map(|account| account.stake());
        let held: u64 = stakes.map(|stake| stake.shares.0).sum::<u64>() + self.vault.allocations[0].shares.0;
        assert_eq!(held, self.scene.pool().shares.0);
        assert!(self.vault.asked_for[0] <= self.vault.allocations[0].shares);
        let (counts, report) = (self.counts(), self.report());
        assert!(counts.entry >= counts.exit && report.entry >= report.exit);
        assert_eq!((counts.takeable, counts.liquid), (0, 0));
        assert!(counts.exit as i64 <= self.scene.standing(Width::Initial).low.max(0));
    }

    /// Who comes and goes at once takes no more than he brought, though what the vault holds has two values.
    fn check_round_trip(&self, amount: u64) {
        let mut copy = self.clone();
        let Ok(bought) = copy.act(|vaults| vaults.deposit(amount, Shares::ZERO)) else { return };
        if let Ok(exit) = copy.act(|vaults| vaults.redeem(bought.shares, 0, 0)) {
            assert!(exit.exchange.amount <= amount, "{} for {amount}", exit.exchange.amount);
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Provide(u64),
    Ask(u64),
    Take,
    OwnerLeaves(u64),
    Trade(usize, u8, i64),
    Close(usize, u8),
    Settle(usize, u8),
    Price(u8, i64),
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let trader = 0..TRADERS.len();
    prop_oneof![
        2 => (0..700_000u64).prop_map(Step::Provide),
        2 => (1..100u64).prop_map(Step::Ask),
        2 => Just(Step::Take),
        1 => (1..100u64).prop_map(Step::OwnerLeaves),
        4 => (trader.clone(), 0..2u8, -60_000..60_000i64).prop_map(|(who, perp, usd)| Step::Trade(who, perp, usd)),
        2 => (trader.clone(), 0..2u8).prop_map(|(who, perp)| Step::Close(who, perp)),
        1 => (trader, 0..2u8).prop_map(|(who, perp)| Step::Settle(who, perp)),
        4 => (1..3u8, -4_000..4_000i64).prop_map(|(reserve, bps)| Step::Price(reserve, bps)),
        3 => (1..8_000i64).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn a_pools_shares_are_somebodys_and_two_values_gain_nobody_anything(
        steps in prop::collection::vec(step(), 1..40),
        amount in 1..300_000 * USD,
    ) {
        let mut world = Entrusted::with(policy(1));
        world.provide(100_000 * USD).unwrap();
        for step in steps {
            let held = world.vault.allocations[0].shares.0;
            // What is refused changes nothing.
            _ = match step {
                Step::Provide(usd) => world.provide(usd * USD).map(drop),
                Step::Ask(part) => world.ask((held as u128 * part as u128 / 100) as u64),
                Step::Take => world.take().map(drop),
                Step::OwnerLeaves(part) => {
                    let shares = world.scene.world.accounts[OWNER].stake().map_or(0, |stake| stake.shares.0);
                    let asked = world.scene.ask(OWNER, (shares as u128 * part as u128 / 100) as u64);
                    world.scene.pass(3_600);
                    asked.and_then(|()| world.scene.leave(OWNER).map(drop))
                }
                Step::Trade(who, perp, usd) => world.scene.trade(TRADERS[who], PERPS[perp as usize], usd * USD as i64).map(drop),
                Step::Close(who, perp) => world.scene.close(TRADERS[who], PERPS[perp as usize]).map(drop),
                Step::Settle(who, perp) => world.scene.settle(TRADERS[who], PERPS[perp as usize]).map(drop),
                Step::Price(reserve, bps) => { world.scene.shift(reserve, bps); Ok(()) }
                Step::Wait(seconds) => { world.scene.pass(seconds); Ok(()) }
            };
            world.check();
            world.check_round_trip(amount);
        }
    }

    /// A vault gets of a pool what an account with as many shares would.
    #[test]
    fn a_vault_leaves_a_pool_like_an_owner(usd in -60_000..60_000i64, bps in -2_000..2_000i64, part in 1..=100u64) {
        let mut world = Entrusted::with(policy(1));
        // As much as the owner's.
        world.provide(200_000 * USD).unwrap();
        _ = world.scene.trade(TRADERS[0], PERPS[0], usd * USD as i64);
        world.scene.shift(1, bps);
        let shares = world.vault.allocations[0].shares.0.min(200_000 * USD) * part / 100;
        world.ask(shares).unwrap();
        world.scene.ask(OWNER, shares).unwrap();
        world.scene.pass(3_600);
        let mut other = world.clone();
        match (world.take(), other.scene.leave(OWNER)) {
            (Ok(vaults), Ok(owners)) => {
                prop_assert_eq!(vaults.shares, owners.shares);
                // Its deposit is taken out whole: an atom may be rounded off.
                prop_assert!(owners.amount - vaults.amount <= 2, "{} and {}", vaults.amount, owners.amount);
            }
            (vaults, owners) => prop_assert_eq!(vaults.map(drop), owners.map(drop)),
        }
    }
}

#[test]
fn what_goes_to_a_pool_is_within_caps_and_what_coverage_spares() {
    let mut world = Entrusted::with(policy(1));
    assert_eq!(world.act(|vaults| vaults.provide(&STRANGER, 0, 1)), Err(Error::NotCurator));
    assert_eq!(world.act(|vaults| vaults.provide(&CURATOR, 0, 0)), Err(Error::AmountIsZero));
    assert_eq!(world.act(|vaults| vaults.provide(&CURATOR, 1, 1)), Err(Error::NotPool));
    assert_eq!(world.act(|vaults| vaults.provide(&CURATOR, 8, 1)), Err(Error::WrongSlot));
    let mut stopped = world.clone();
    stopped.vault.config.allocations[0].stopped = 1;
    assert_eq!(stopped.provide(USD), Err(Error::AllocationStopped));
    let mut capped = world.clone();
    capped.vault.config.allocations[0].share_cap = Bps(1_000);
    assert_eq!(capped.provide(100_001 * USD), Err(Error::AllocationCapExceeded));
    assert!(capped.provide(100_000 * USD).is_ok());
    let mut covered = world.clone();
    covered.vault.config.coverage_target = Bps(10_000);
    // A third of the vault could be asked for in four days.
    assert_eq!(covered.provide(671_000 * USD), Err(Error::VaultNeedsLiquidity));
    assert!(covered.provide(669_000 * USD).is_ok());
}

/// A loss that is reported in the quote reserve, and not yet settled, is borne by who leaves the vault too.
#[test]
fn a_reported_loss_counts_in_the_low_value_alone() {
    let mut world = Entrusted::with(policy(1));
    world.provide(100_000 * USD).unwrap();
    world.scene.pass(DAY);
    let before = world.counts();
    let quote = &mut world.scene.world.reserves[QUOTE as usize];
    let debts = quote.debt_index.shares_floor(20_000 * USD).unwrap();
    (quote.debt_shares.0, quote.doubtful.0, quote.cash) =
        (quote.debt_shares.0 + debts.0, debts.0, quote.cash - 20_000 * USD);
    let after = world.counts();
    assert!(after.exit < before.exit - 1_000 * USD, "{} and {}", after.exit, before.exit);
    assert!(after.entry >= before.entry - 2);
}

//! Whatever people do in whatever order, each share is somebody's and each token is accounted for; and no error is a panic.

use super::{ALL, DAY, ONE, Pool, Scene, policy};
use crate::common::cases;
use ballast_engine::{Error, Result, number::units::Bps, state::vault::VaultConfig};
use proptest::prelude::*;

/// What may happen. Parts are of 10,000 of what there is.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Deposit(usize, u64),
    Mint(usize, u64),
    Redeem(usize, u64, u8),
    Withdraw(usize, u64, u8),
    Request(usize, u64, u64),
    Serve(u8),
    Cancel(usize),
    Claim(usize),
    Lock(usize, u64, i64),
    Break(usize),
    Free(usize),
    Take(usize),
    Rebalance,
    Put(usize, u64),
    Wait(i64),
    /// Of a market, its part.
    Lose(usize, u64),
    /// Lenders of a market take a part of its cash, or bring as much again.
    Drain(usize, u64),
    Fill(usize, u64),
    /// A market can be read, or not.
    Read(usize, bool),
    WriteOff(usize),
    CollectFees,
}

fn part(whole: u64, part: u64) -> u64 {
    (whole as u128 * part as u128 / 10_000) as u64
}

impl Step {
    pub fn take(self, scene: &mut Scene) -> Result<()> {
        let held = |scene: &Scene, who: usize, of: u64| part(scene.people[who].shares, of).max(1);
        let maturity = |scene: &Scene, who: usize| {
            scene.people[who].terms.iter().find(|term| term.units != 0 || term.free.0 != 0).map(|term| term.maturity)
        };
        match self {
            Self::Deposit(who, amount) => scene.deposit(who, amount).map(drop),
            Self::Mint(who, shares) => scene.mint(who, shares).map(drop),
            Self::Redeem(who, of, from) => scene.redeem(who, held(scene, who, of), from).map(drop),
            Self::Withdraw(who, of, from) => {
                let amount = part(scene.worth(who), of).max(1);
                scene.withdraw(who, amount, from).map(drop)
            }
            Self::Request(who, of, limit) => {
                let shares = held(scene, who, of);
                let worth = scene.look(|vaults| {
                    vaults.vault.worth(ballast_engine::number::units::Shares(shares), &vaults.valuation)
                });
                scene.request(who, shares, part(worth, limit))
            }
            Self::Serve(from) => match scene.first() {
                Some(who) => scene.serve(who, from).map(drop),
                None => Ok(()),
            },
            Self::Cancel(who) => scene.cancel(who).map(drop),
            Self::Claim(who) => scene.claim(who).map(drop),
            Self::Lock(who, of, nth) => {
                let (shares, maturity) = (held(scene, who, of), scene.maturity(nth));
                scene.lock(who, shares, maturity)
            }
            Self::Break(who) => maturity(scene, who).map_or(Ok(()), |at| scene.break_term(who, at).map(drop)),
            Self::Free(who) => maturity(scene, who).map_or(Ok(()), |at| scene.free(who, at).map(drop)),
            Self::Take(who) => {
                if let Some(at) = maturity(scene, who) {
                    scene.take_free(who, at);
                }
                Ok(())
            }
            Self::Rebalance => scene.rebalance().map(drop),
            Self::Put(slot, of) => {
                let amount = part(scene.vault.idle, of);
                scene.whole(|scene| {
                    scene.vault.idle -= amount;
                    scene.lend_out(slot, amount).map(drop)
                })
            }
            Self::Wait(seconds) => {
                scene.wait(seconds);
                Ok(())
            }
            Self::Lose(slot, of) => {
                scene.lose(slot, of as u128);
                Ok(())
            }
            Self::Drain(slot, of) => {
                let amount = part(scene.markets[slot].reserves[0].cash, of);
                scene.markets[slot].act(0, |ledger, account| ledger.withdraw(account, 0, amount)).map(drop)
            }
            Self::Fill(slot, of) => {
                let amount = part(scene.markets[slot].reserves[0].cash, of).max(1);
                scene.markets[slot].act(0, |ledger, account| crate::common::lend(ledger, account, 0, amount)).map(drop)
            }
            Self::Read(slot, can) => {
                scene.unreadable = if can { 0 } else { scene.unreadable | 1 << slot };
                Ok(())
            }
            Self::WriteOff(slot) => {
                scene.vault.config.allocations[slot].written_off = 1;
                Ok(())
            }
            Self::CollectFees => {
                let shares = scene.act(|vaults| vaults.vault.collect_fees(&super::COLLECTOR))?;
                scene.collected += shares.0;
                Ok(())
            }
        }
    }
}

/// Any size up to one of so many bits.
pub fn size(bits: u32) -> impl Strategy<Value = u64> + Clone {
    prop_oneof![1 => 1u64..4, 6 => (any::<u64>(), 64 - bits..64).prop_map(|(number, shift)| number >> shift)]
}

/// What people do at one instant, three of them, with two markets.
pub fn act(bits: u32) -> impl Strategy<Value = Step> {
    let who = || 0usize..3;
    let of = || prop_oneof![1 => Just(0u64), 4 => 1u64..10_000, 3 => Just(10_000u64)];
    let from = || prop_oneof![4 => Just(ALL), 1 => any::<u8>()];
    prop_oneof![
        5 => (who(), size(bits)).prop_map(|(who, amount)| Step::Deposit(who, amount)),
        2 => (who(), size(bits)).prop_map(|(who, amount)| Step::Mint(who, amount)),
        3 => (who(), of(), from()).prop_map(|(who, of, from)| Step::Redeem(who, of, from)),
        3 => (who(), of(), from()).prop_map(|(who, of, from)| Step::Withdraw(who, of, from)),
        3 => (who(), of(), 0u64..12_000).prop_map(|(who, of, limit)| Step::Request(who, of, limit)),
        4 => from().prop_map(Step::Serve),
        1 => who().prop_map(Step::Cancel),
        2 => who().prop_map(Step::Claim),
        3 => (who(), of(), 0i64..10).prop_map(|(who, of, nth)| Step::Lock(who, of, nth)),
        1 => who().prop_map(Step::Break),
        2 => who().prop_map(Step::Free),
        2 => who().prop_map(Step::Take),
    ]
}

pub fn step(bits: u32) -> impl Strategy<Value = Step> {
    let slot = || 0usize..2;
    let seconds =
        prop_oneof![3 => 1i64..20, 3 => 1i64..5_000, 3 => 3_600i64..DAY, 1 => DAY..30 * DAY, 1 => Just(400 * DAY)];
    prop_oneof![
        12 => act(bits),
        4 => Just(Step::Rebalance),
        2 => (slot(), 0u64..10_001).prop_map(|(slot, of)| Step::Put(slot, of)),
        6 => seconds.prop_map(Step::Wait),
        1 => (slot(), prop_oneof![3 => 0u64..2_000, 1 => Just(10_000u64)]).prop_map(|(slot, of)| Step::Lose(slot, of)),
        2 => (slot(), 0u64..10_001).prop_map(|(slot, of)| Step::Drain(slot, of)),
        1 => (slot(), 0u64..10_001).prop_map(|(slot, of)| Step::Fill(slot, of)),
        1 => (slot(), prop::bool::weighted(0.8)).prop_map(|(slot, can)| Step::Read(slot, can)),
        1 => Just(Step::CollectFees),
    ]
}

/// A policy in which everything happens.
pub fn eventful() -> VaultConfig {
    VaultConfig {
        min_amount: 3,
        term_spacing: 90_000,
        coverage_target: Bps(10_000),
        exit_fee_coverage: Bps(20_000),
        max_exit_fee: Bps(300),
        cash_share: Bps(5_000),
        idle_buffer: Bps(500),
        reward_share: Bps(2_000),
        performance_fee: Bps(1_000),
        management_fee: Bps(200),
        round_share: Bps(3_000),
        term_premium: Bps(500),
        ..policy(2)
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn shares_and_tokens_add_up(
        steps in prop::collection::vec(step(40), 1..60),
        late in prop::collection::vec(prop_oneof![1 => (0usize..2).prop_map(Step::WriteOff), 6 => step(40)], 0..20),
    ) {
        let mut scene = Scene::new(eventful(), &[Pool::default(), Pool { lent: 50_000 * ONE, ..Pool::default() }], 3);
        for step in steps.into_iter().chain(late) {
            let before = scene.clone();
            if let Err(error) = step.take(&mut scene) {
                prop_assert!(Error::ALL.contains(&error));
                prop_assert_eq!(bytemuck::bytes_of(&scene.vault), bytemuck::bytes_of(&before.vault));
            }
            scene.check();
            let valuation = scene.look(|vaults| vaults.valuation);
            prop_assert!(valuation.entry >= valuation.exit && valuation.takeable >= valuation.liquid);
            prop_assert!(scene.look(|vaults| vaults.vault.base) <= valuation.exit);
        }
    }

    /// Of the largest assets, and of any price of a share.
    #[test]
    fn nothing_overflows(steps in prop::collection::vec(step(59), 1..60), lost in 0u64..10_001) {
        let mut scene = Scene::new(eventful(), &[Pool { lent: 1 << 55, ..Pool::default() }, Pool { lent: 1 << 58, used: 9_000, ..Pool::default() }], 3);
        scene.deposit(0, 1 << 57).unwrap();
        let _ = Step::Put(0, 9_999).take(&mut scene);
        scene.lose(0, lost as u128);
        scene.wait(1);
        for step in steps {
            if let Err(error) = step.take(&mut scene) {
                prop_assert!(Error::ALL.contains(&error));
            }
            scene.check();
            scene.look(|vaults| (vaults.max_deposit(), vaults.max_mint()));
        }
    }
}

#[test]
fn to_account_twice_in_a_moment_is_to_account_once() {
    let mut scene = Scene::new(eventful(), &[Pool::default(); 2], 2);
    scene.deposit(0, 1_000 * ONE).unwrap();
    scene.put(0, 900 * ONE);
    scene.wait(10 * DAY);
    scene.touch();
    let once = scene.vault;
    scene.touch();
    assert_eq!(bytemuck::bytes_of(&scene.vault), bytemuck::bytes_of(&once));
    // A clock that steps back changes nothing either, but for what caps are parts of.
    scene.now -= 5;
    scene.touch();
    scene.vault.base = once.base;
    assert_eq!(bytemuck::bytes_of(&scene.vault), bytemuck::bytes_of(&once));
}

//! Shares locked for a term: what they earn on top, what leaving early costs, and the ladder.

use super::{DAY, ONE, Pool, Scene, policy};
use crate::common::{
    cases,
    rational::{abs, int, ratio},
};
use ballast_engine::{
    Error,
    number::units::{Bps, Shares},
    state::vault::VaultConfig,
};
use proptest::prelude::*;

fn config(premium: u16, spacing: i64) -> VaultConfig {
    VaultConfig { term_premium: Bps(premium), term_spacing: spacing as u32, ..policy(1) }
}

fn scene(premium: u16) -> Scene {
    let mut scene = Scene::new(config(premium, DAY), &[Pool::default()], 4);
    for who in 0..4 {
        scene.deposit(who, 25_000 * ONE).unwrap();
    }
    scene.put(0, 90_000 * ONE);
    scene
}

proptest! {
    #![proptest_config(cases(300))]

    /// A share in a term earns (1 + e) times the gain of one on demand: e is the premium for each maturity that it is away.
    #[test]
    fn terms_earn_their_premium_on_top(
        premium in 0u16..2_500,
        nth in (1i64..9, 1i64..9),
        locked in (1u64..25_000, 1u64..25_000),
        seconds in 3_600i64..8 * DAY,
        fees in (0u16..5_000, 0u16..500),
    ) {
        let mut scene = scene(premium);
        (scene.vault.config.performance_fee, scene.vault.config.management_fee) = (Bps(fees.0), Bps(fees.1));
        let maturities = [scene.maturity(nth.0), scene.maturity(nth.1)];
        for (who, (shares, maturity)) in [locked.0, locked.1].into_iter().zip(maturities).enumerate() {
            scene.lock(who, shares * ONE, maturity).unwrap();
        }
        let before = scene.price();
        scene.wait(seconds);
        scene.touch();
        let gain = scene.price() - &before;
        if gain < ratio(1, 100_000) {
            return Ok(());
        }
        for (who, (shares, maturity)) in [locked.0, locked.1].into_iter().zip(maturities).enumerate() {
            let has = int(scene.people[who].terms[0].worth(&scene.vault).0) * scene.price();
            let got = has / int(shares * ONE) - &before;
            // How many maturities it is away when the gain is shared out; nothing once it is over.
            let away = (maturity - scene.now).max(0) as u64;
            let extra = ratio(premium as u64 * away.div_ceil(DAY as u64).min(8), 10_000);
            let due = &gain * (int(1) + extra);
            prop_assert!(abs(got - &due) < due / int(10_000) + ratio(2, shares * ONE), "{who}");
        }
        scene.check();
    }

    /// Breaking a term pays less than a share on demand, whatever was earned and lost.
    #[test]
    fn breaking_a_term_never_pays(
        premium in 0u16..2_500,
        penalty in 10u16..1_000,
        steps in prop::collection::vec((0u8..4, 1i64..2 * DAY, 0u128..500), 0..12),
    ) {
        let mut scene = scene(premium);
        scene.vault.config.early_penalty = Bps(penalty);
        let last = scene.maturity(8);
        scene.lock(0, 1_000 * ONE, last).unwrap();
        for (kind, seconds, part) in steps {
            match kind {
                0 => scene.lose(0, part),
                1 => scene.lock(0, 100 * ONE, last).unwrap_or(()),
                _ => scene.wait(seconds.min(last - 1 - scene.now).max(0)),
            }
        }
        let principal = scene.people[0].terms[0].principal.0;
        let before = scene.price();
        scene.break_term(0, last).unwrap();
        let least = ((principal as u128 * penalty as u128).div_ceil(10_000)) as u64;
        prop_assert!(scene.people[0].terms[0].free.0 <= principal - least);
        // What it lost is nobody's at once.
        prop_assert!(scene.price() >= before && scene.price() - before < ratio(1, 1u64 << 32));
        scene.check();
    }
}

/// A term that is over costs nothing to leave, by whichever name.
#[test]
fn a_term_that_is_over_is_not_broken() {
    let mut scene = scene(500);
    let first = scene.maturity(1);
    scene.lock(0, 1_000 * ONE, first).unwrap();
    assert_eq!(scene.free(0, first), Err(Error::TermNotOver));
    let seconds = first - scene.now;
    scene.wait(seconds - 1);
    let cost = scene.clone().break_term(0, first).unwrap();
    assert!(cost.0 >= 10 * ONE);
    scene.wait(1);
    assert_eq!(scene.break_term(0, first), Ok(Shares(0)));
    assert!(scene.take_free(0, first).0 >= 1_000 * ONE);
    assert_eq!(scene.free(0, first), Err(Error::NothingLocked));
    assert_eq!(scene.break_term(0, first), Err(Error::NothingLocked));
    scene.check();
}

#[test]
fn a_ladder_has_eight_places_and_anyone_frees_them() {
    let mut scene = scene(100);
    let first = scene.maturity(1);
    for nth in 1..9 {
        let maturity = scene.maturity(nth);
        scene.lock(0, 100 * ONE, maturity).unwrap();
        scene.lock(1, 100 * ONE, maturity).unwrap();
    }
    for (wrong, error) in [
        (scene.maturity(0), Error::MaturityNotOffered),
        (scene.maturity(9), Error::MaturityNotOffered),
        (first + 1, Error::MaturityNotOffered),
        (i64::MAX, Error::MaturityNotOffered),
        (i64::MIN, Error::MaturityNotOffered),
    ] {
        assert_eq!(scene.lock(2, ONE, wrong), Err(error));
    }
    scene.wait(DAY);
    let new = scene.maturity(8);
    assert_eq!(scene.lock(2, ONE, new), Err(Error::LadderFull));
    scene.free(0, first).unwrap();
    assert_eq!(scene.lock(2, ONE, new), Err(Error::LadderFull), "one is still there");
    scene.free(1, first).unwrap();
    scene.lock(2, ONE, new).unwrap();
    scene.check();
    // Another spacing offers other maturities; what runs, runs.
    for (who, nth) in [(0, 2), (1, 2)] {
        let maturity = first + (nth - 1) * DAY;
        scene.wait((maturity - scene.now).max(0));
        scene.free(who, maturity).unwrap();
    }
    scene.vault.config.term_spacing = 100_000;
    let other = scene.maturity(3);
    assert_eq!(scene.lock(3, ONE, new), Err(Error::MaturityNotOffered));
    scene.lock(3, ONE, other).unwrap();
    scene.check();
    scene.vault.config.term_spacing = 0;
    assert_eq!(scene.act(|vaults| vaults.vault.offers_term(other, vaults.now)), Err(Error::TermsNotOffered));
    assert_eq!(scene.lock(3, ONE, other), Err(Error::TermsNotOffered));
    for who in 0..4 {
        for term in scene.people[who].terms.clone().iter().filter(|term| term.units != 0) {
            let seconds = term.maturity - scene.now;
            scene.wait(seconds.max(0));
            scene.free(who, term.maturity).unwrap();
            scene.take_free(who, term.maturity);
        }
    }
    assert!(scene.vault.rungs.iter().all(|rung| rung.units == 0 && rung.shares == Shares::ZERO));
    scene.check();
}

#[test]
fn little_is_not_locked() {
    let mut scene = scene(100);
    scene.vault.config.min_amount = ONE;
    let maturity = scene.maturity(3);
    assert_eq!(scene.lock(0, ONE / 2, maturity), Err(Error::BelowVaultMinimum));
    assert_eq!(scene.lock(0, 0, maturity), Err(Error::AmountIsZero));
    let all = scene.vault.shares.0;
    let mut term = ballast_engine::state::vault::TermDeposit { maturity, ..Default::default() };
    assert_eq!(scene.act(|vaults| vaults.lock(&mut term, Shares(all + 1))), Err(Error::InsufficientShares));
}

//! Who sets what, and when: what adds risk waits, what takes it away does not, and each parameter matters (V16, V19).

use super::{ALL, COLLECTOR, CURATOR, DAY, MINT, ONE, Pool, SENTINEL, Scene, market, opened, policy};
use crate::common::START;
use ballast_engine::{
    Error, Result,
    number::units::{Bps, Shares},
    record::{
        layout::Address,
        parameter::{Direction, Parameter, Unit},
    },
    state::{
        change::{Change, OF_VAULT},
        vault::{AllocationConfig, PARAMETERS, Vault, VaultConfig, VaultRoles},
    },
};
use core::mem::{offset_of, size_of};

/// An edit of a parameter, by its offset.
pub fn edit(offset: usize, value: &[u8]) -> Vec<u8> {
    [&(offset as u16).to_le_bytes()[..], value].concat()
}

fn number(parameter: &Parameter, value: u64) -> Vec<u8> {
    edit(parameter.offset as usize, &value.to_le_bytes()[..parameter.width as usize])
}

/// A launched vault somewhere inside all ranges.
fn vault() -> Vault {
    let mut config = VaultConfig {
        deposit_cap: 1 << 50,
        min_amount: 100,
        reward_cap: 1 << 30,
        delay: 4_000_000,
        interval: 7_200,
        unlock: 90_000,
        term_spacing: 300_000,
        coverage_target: Bps(10_000),
        exit_fee_coverage: Bps(9_000),
        max_exit_fee: Bps(100),
        cash_share: Bps(5_000),
        idle_buffer: Bps(500),
        max_utilisation: Bps(9_000),
        maturity_factor: Bps(10_000),
        min_gain: Bps(10),
        reward_share: Bps(1_000),
        performance_fee: Bps(1_000),
        management_fee: Bps(100),
        round_share: Bps(2_500),
        term_premium: Bps(500),
        early_penalty: Bps(200),
        ..policy(2)
    };
    config.roles.nominee = Address([60; 32]);
    config.allocations[0].share_cap = Bps(5_000);
    opened(config, CURATOR, 6, 0, START).unwrap()
}

fn set(vault: &mut Vault, signer: &Address, edits: &[u8]) -> Result<()> {
    let mut copy = *vault;
    copy.set_parameters(signer, edits, START, &mut |_, _| ())?;
    *vault = copy;
    Ok(())
}

fn queue(vault: &mut Vault, edits: &[u8]) -> Result<Change> {
    let mut change = Change::default();
    vault.queue_change(&CURATOR, edits, &mut change, START)?;
    Ok(change)
}

fn execute(vault: &Vault, change: &Change, now: i64) -> Result<Vault> {
    let mut copy = *vault;
    copy.updated = now;
    copy.execute_change(change, now, &mut |_, _| ())?;
    Ok(copy)
}

fn is_role(parameter: &Parameter) -> bool {
    (parameter.offset as usize) < size_of::<VaultRoles>()
}

/// V16, parameter by parameter.
#[test]
fn looser_waits_and_tighter_does_not() {
    let vault = vault();
    let delay = vault.config.delay as i64;
    let (mut loose, mut tight) = (0, 0);
    for parameter in PARAMETERS.iter().filter(|parameter| parameter.unit != Unit::Account) {
        let old = parameter.value(bytemuck::bytes_of(&vault.config));
        let is_launch = parameter.offset as usize == offset_of!(VaultConfig, launched);
        for new in [old.wrapping_sub(1), old + 1, parameter.min, parameter.max] {
            let edits = number(parameter, new);
            if new == old || !(parameter.min..=parameter.max).contains(&new) {
                continue;
            }
            // What does not go together is refused either way.
            let mut config = vault.config;
            bytemuck::bytes_of_mut(&mut config)[parameter.offset as usize..][..parameter.width as usize]
                .copy_from_slice(&edits[2..]);
            if let Err(error) = config.validate() {
                assert_eq!(set(&mut vault.clone(), &CURATOR, &edits), Err(error));
                assert_eq!(queue(&mut vault.clone(), &edits).map(drop), Err(error));
                continue;
            }
            if is_launch {
                assert_eq!(queue(&mut vault.clone(), &edits).map(drop), Err(Error::VaultLaunched));
                continue;
            }
            let adds = match parameter.direction {
                Direction::Up => new > old,
                Direction::Down => new < old,
                Direction::Any | Direction::AnyOrNone => true,
                other => panic!("{other:?} is not used here"),
            };
            for signer in [CURATOR, SENTINEL] {
                let done = set(&mut vault.clone(), &signer, &edits);
                assert_eq!(done, if adds { Err(Error::AddsRisk) } else { Ok(()) }, "{} to {new}", parameter.offset);
            }
            assert_eq!(set(&mut vault.clone(), &COLLECTOR, &edits), Err(Error::NotCuratorOrSentinel));
            (loose, tight) = (loose + adds as u32, tight + !adds as u32);
            let mut waiting = vault;
            let change = queue(&mut waiting, &edits).unwrap();
            assert_eq!(execute(&waiting, &change, START + delay - 1).map(drop), Err(Error::ChangeNotDue));
            let changed = execute(&waiting, &change, START + delay).unwrap();
            assert_eq!(parameter.value(bytemuck::bytes_of(&changed.config)), new);
            assert_eq!(
                execute(&waiting, &change, START + delay + Change::WINDOW + 1).map(drop),
                Err(Error::ChangeExpired)
            );
        }
        for new in [parameter.min.wrapping_sub(1), parameter.max.wrapping_add(1)] {
            let fits = parameter.width == 8 || new >> (8 * parameter.width) == 0;
            let is_none = new == 0 && parameter.direction == Direction::AnyOrNone;
            if fits && !(parameter.min..=parameter.max).contains(&new) && !is_none {
                let edits = number(parameter, new);
                assert_eq!(set(&mut vault.clone(), &CURATOR, &edits), Err(parameter.error));
                assert_eq!(queue(&mut vault.clone(), &edits).map(drop), Err(parameter.error));
            }
        }
    }
    assert!(loose > 60 && tight > 20, "{loose} {tight}");
}

/// What could hold deposits back waits both ways: these set what leaving costs, or how long it takes.
#[test]
fn nobody_raises_the_price_of_leaving_at_once() {
    let vault = vault();
    for offset in [
        offset_of!(VaultConfig, runoff_day),
        offset_of!(VaultConfig, runoff_days),
        offset_of!(VaultConfig, cash_share),
        offset_of!(VaultConfig, exit_fee_coverage),
        offset_of!(VaultConfig, max_exit_fee),
        offset_of!(VaultConfig, early_penalty),
        offset_of!(VaultConfig, round_share),
        offset_of!(VaultConfig, min_amount),
        offset_of!(VaultConfig, unlock),
        offset_of!(VaultConfig, delay),
    ] {
        let parameter = PARAMETERS.iter().find(|parameter| parameter.offset as usize == offset).unwrap();
        assert_eq!(parameter.direction, Direction::Any, "{offset}");
        assert_eq!(set(&mut vault.clone(), &SENTINEL, &number(parameter, parameter.max)), Err(Error::AddsRisk));
    }
}

#[test]
fn roles_wait_twice() {
    let mut vault = vault();
    let delay = vault.config.delay as i64;
    let new = Address([77; 32]);
    for (place, parameter) in PARAMETERS.iter().filter(|parameter| is_role(parameter)).enumerate() {
        let edits = edit(parameter.offset as usize, &new.0);
        assert_eq!(set(&mut vault, &CURATOR, &edits), Err(Error::AddsRisk));
        // Also with something else beside it.
        for edits in [edits.clone(), [edits, number(&PARAMETERS[PARAMETERS.len() - 2], 150)].concat()] {
            let change = queue(&mut vault, &edits).unwrap();
            assert_eq!(change.earliest, START + 2 * delay, "{place}");
            assert_eq!(execute(&vault, &change, START + 2 * delay - 1).map(drop), Err(Error::ChangeNotDue));
            let changed = execute(&vault, &change, START + 2 * delay).unwrap();
            assert_eq!(parameter.of(bytemuck::bytes_of(&changed.config)), new.0);
        }
    }
    // A market in an empty slot is a new risk, and waits; none is not.
    let slot = offset_of!(VaultConfig, allocations) + 2 * size_of::<AllocationConfig>();
    assert_eq!(set(&mut vault, &CURATOR, &edit(slot, &market(3).0)), Err(Error::AddsRisk));
    let change = queue(&mut vault, &edit(slot, &market(3).0)).unwrap();
    assert_eq!(change.earliest, START + delay);
    let first = offset_of!(VaultConfig, allocations);
    assert_eq!(set(&mut vault, &SENTINEL, &edit(first, &[0; 32])), Ok(()));
    // A collector there must be.
    let collector = offset_of!(VaultRoles, fee_collector);
    assert_eq!(queue(&mut vault, &edit(collector, &[0; 32])).map(drop), Err(Error::RoleMissing));
    assert_eq!(set(&mut vault, &SENTINEL, &edit(offset_of!(VaultRoles, sentinel), &[0; 32])), Ok(()), "it may resign");
    assert_eq!(set(&mut vault, &Address::NONE, &edit(first, &[0; 32])), Err(Error::NotCuratorOrSentinel));
}

#[test]
fn the_sentinel_cancels_all_but_its_own_replacement() {
    let mut vault = vault();
    let own = edit(offset_of!(VaultRoles, sentinel), &[78; 32]);
    let cap = number(
        PARAMETERS.iter().find(|row| row.offset as usize == offset_of!(VaultConfig, deposit_cap)).unwrap(),
        1 << 51,
    );
    let alone = queue(&mut vault, &own).unwrap();
    let with_more = queue(&mut vault, &[own, cap.clone()].concat()).unwrap();
    let other = queue(&mut vault, &cap).unwrap();
    assert_eq!((alone.number, with_more.number, other.number), (0, 1, 2));
    assert_eq!(alone.target, OF_VAULT);
    assert_eq!(vault.require_cancellable(&alone, &SENTINEL, START), Err(Error::GuardianCannotKeepOffice));
    for change in [&with_more, &other] {
        assert_eq!(vault.require_cancellable(change, &SENTINEL, START), Ok(()));
    }
    for change in [&alone, &with_more, &other] {
        assert_eq!(vault.require_cancellable(change, &CURATOR, START), Ok(()));
        assert_eq!(vault.require_cancellable(change, &COLLECTOR, START), Err(Error::NotCuratorOrSentinel));
        assert_eq!(vault.require_cancellable(change, &Address::NONE, START), Err(Error::NotCuratorOrSentinel));
        assert_eq!(vault.require_cancellable(change, &COLLECTOR, change.latest + 1), Ok(()));
    }
    let mut change = Change::default();
    assert_eq!(vault.queue_change(&SENTINEL, &cap, &mut change, START), Err(Error::NotCurator));
    assert_eq!(execute(&vault, &Change { target: 0, ..other }, other.earliest).map(drop), Err(Error::WrongChange));
    // Who accepts is the curator.
    assert_eq!(vault.accept_curator(&CURATOR, &mut |_, _| ()), Err(Error::NotNominee));
    assert_eq!(vault.accept_curator(&Address([60; 32]), &mut |_, _| ()), Ok(()));
    assert_eq!(vault.curator, Address([60; 32]));
    assert_eq!(vault.accept_curator(&Address::NONE, &mut |_, _| ()), Err(Error::NotNominee));
}

#[test]
fn before_the_launch_nothing_waits_for_the_curator_alone() {
    let mut vault = vault();
    vault.config.launched = 0;
    let row = |offset: usize| PARAMETERS.iter().find(|row| row.offset as usize == offset).unwrap();
    let cap = number(row(offset_of!(VaultConfig, deposit_cap)), 1 << 51);
    let launch = number(row(offset_of!(VaultConfig, launched)), 1);
    assert_eq!(set(&mut vault, &SENTINEL, &cap), Err(Error::AddsRisk));
    assert_eq!(set(&mut vault, &SENTINEL, &launch), Err(Error::NotCurator), "the curator says when");
    assert_eq!(set(&mut vault, &CURATOR, &cap), Ok(()));
    let early = queue(&mut vault, &cap).unwrap();
    assert_eq!(early.earliest, START);
    assert_eq!(set(&mut vault, &CURATOR, &launch), Ok(()));
    assert_eq!(execute(&vault, &early, START).map(drop), Err(Error::ChangeExpired));
    assert_eq!(
        set(&mut vault, &CURATOR, &number(row(offset_of!(VaultConfig, launched)), 0)),
        Err(Error::VaultLaunched)
    );
    assert_eq!(set(&mut vault, &CURATOR, &[]), Err(Error::NothingToChange));
    assert_eq!(set(&mut vault, &CURATOR, &edit(9_999, &[1])), Err(Error::ParameterUnknown));
}

#[test]
fn what_time_earned_is_earned_by_the_terms_of_that_time() {
    let mut scene = Scene::new(VaultConfig { launched: 0, term_spacing: 86_400, ..policy(1) }, &[Pool::default()], 1);
    scene.wait(DAY);
    for (offset, width, value) in [
        (offset_of!(VaultConfig, performance_fee), 2, 77u64),
        (offset_of!(VaultConfig, management_fee), 2, 77),
        (offset_of!(VaultConfig, term_premium), 2, 77),
        (offset_of!(VaultConfig, term_spacing), 4, 90_000),
        (offset_of!(VaultConfig, unlock), 4, 90_000),
    ] {
        let edits = edit(offset, &value.to_le_bytes()[..width]);
        let change = |scene: &mut Scene| {
            let mut copy = scene.vault;
            copy.set_parameters(&CURATOR, &edits, scene.now, &mut |_, _| ())?;
            scene.vault = copy;
            Ok(())
        };
        assert_eq!(change(&mut scene), Err(Error::VaultNotAccrued));
        let mut touched = scene.clone();
        touched.touch();
        assert_eq!(change(&mut touched), Ok(()));
    }
}

/// The delay is as long as the longest term: eight spacings, and what is left of terms of an older spacing.
#[test]
fn nobody_is_locked_in_longer_than_changes_wait() {
    let mut config = policy(1);
    (config.delay, config.term_spacing) = (691_200, 86_400);
    assert_eq!(config.validate(), Ok(()));
    config.term_spacing = 86_401;
    assert_eq!(config.validate(), Err(Error::VaultDelayOutOfRange));
    let mut scene =
        Scene::new(VaultConfig { delay: 7_776_000, term_spacing: 972_000, ..policy(1) }, &[Pool::default()], 1);
    scene.deposit(0, 1_000 * ONE).unwrap();
    let both = [
        edit(offset_of!(VaultConfig, delay), &691_200u32.to_le_bytes()),
        edit(offset_of!(VaultConfig, term_spacing), &86_400u32.to_le_bytes()),
    ];
    let mut change = Change::default();
    scene.vault.queue_change(&CURATOR, &both.concat(), &mut change, scene.now).unwrap();
    scene.wait(7_776_000);
    let last = scene.maturity(8);
    scene.lock(0, 100 * ONE, last).unwrap();
    assert_eq!(execute(&scene.vault, &change, scene.now).map(drop), Err(Error::VaultDelayOutOfRange));
    scene.break_term(0, last).unwrap();
    assert!(execute(&scene.vault, &change, scene.now).is_ok());
}

/// What is written off stays so while anything is left, or who knows of it beforehand buys cheap.
#[test]
fn a_write_off_is_for_good() {
    let mut scene = Scene::plain(1, 1);
    scene.deposit(0, 1_000 * ONE).unwrap();
    scene.put(0, 500 * ONE);
    scene.vault.config.allocations[0].written_off = 1;
    let offset = offset_of!(VaultConfig, allocations) + offset_of!(AllocationConfig, written_off);
    let now = scene.now;
    let lift = |vault: &mut Vault| vault.set_parameters(&CURATOR, &edit(offset, &[0]), now, &mut |_, _| ());
    assert_eq!(lift(&mut scene.vault.clone()), Err(Error::AllocationWrittenOff));
    scene.wait(1);
    while scene.vault.allocations[0].shares != Shares::ZERO {
        scene.rebalance().unwrap();
    }
    assert_eq!(lift(&mut scene.vault), Ok(()));
}

#[test]
fn a_vault_starts_within_its_ranges() {
    let new = |config, curator, transfers| opened(config, curator, 6, transfers, START).map(drop);
    assert_eq!(new(policy(8), CURATOR, 0), Ok(()));
    assert_eq!(new(policy(8), Address::NONE, 0), Err(Error::RoleMissing));
    assert_eq!(new(policy(8), CURATOR, 2), Err(Error::VaultTokenHasFee));
    let mut twice = policy(2);
    twice.allocations[5] = twice.allocations[1];
    assert_eq!(new(twice, CURATOR, 0), Err(Error::AllocationTwice));
    let mut beside = policy(2);
    beside.padding[3] = 1;
    assert_eq!(new(beside, CURATOR, 0), Err(Error::ParameterUnknown));
    for (change, error) in [
        ((|config| config.deposit_cap = (1 << 61) + 1) as fn(&mut VaultConfig), Error::VaultCapOutOfRange),
        (|config| config.interval = 59, Error::VaultPolicyOutOfRange),
        (|config| config.performance_fee = Bps(5_001), Error::VaultFeeOutOfRange),
        (|config| config.allocations[7].stopped = 2, Error::VaultSwitchOutOfRange),
        (|config| config.min_amount = 0, Error::MinimumDepositIsZero),
    ] {
        let mut config = policy(1);
        change(&mut config);
        assert_eq!(new(config, CURATOR, 0), Err(error));
    }
}

/// Numbers of one life of a vault under a policy.
fn life(config: VaultConfig) -> Vec<u64> {
    let code = |error: Error| error.code() as u64;
    let pools = [
        Pool { lent: 300_000 * ONE, used: 7_500, ..Pool::default() },
        Pool { lent: 300_000 * ONE, used: 6_500, ..Pool::default() },
    ];
    let mut scene = Scene::new(config, &pools, 4);
    let dated = scene.now + 3 * config.term_spacing as i64;
    let mut seen = vec![scene.look(|vaults| vaults.max_deposit())];
    seen.push(scene.deposit(0, 999).map_or_else(code, |done| done.shares.0));
    seen.push(scene.deposit(0, 100_000 * ONE).unwrap().shares.0);
    let maturity = scene.maturity(4);
    seen.push(scene.lock(0, 20_000 * ONE, maturity).map_or_else(code, |()| maturity as u64));
    scene.markets[1].reserves[0].config.repay_by = dated as u32;
    let look = |scene: &Scene, seen: &mut Vec<u64>| {
        seen.extend(scene.look(|vaults| {
            let coverage = vaults.vault.coverage(&vaults.valuation, vaults.now);
            [coverage.liquid, coverage.outflow, vaults.valuation.entry, vaults.valuation.exit, vaults.least_request()]
        }));
        let vault = &scene.vault;
        seen.extend([vault.idle, vault.locked, vault.shares.0, vault.fee_shares.0, scene.lent(0), scene.lent(1)]);
    };
    for seconds in [config.interval.max(3_600) as i64, 3_599, 40_000, 100_000] {
        scene.calm(seconds);
        let done = scene.rebalance();
        seen.extend(done.map_or_else(|error| [code(error), 0, 0], |found| [found.amount, found.gain, found.reward.0]));
        look(&scene, &mut seen);
    }
    seen.push(scene.redeem(0, 30_000 * ONE, ALL).map_or_else(code, |exit| exit.exchange.amount));
    seen.push(scene.request(0, 40_000 * ONE, 0).map_or_else(code, |()| 0));
    // Somebody else waits too, or there would be no turns.
    seen.push(scene.deposit(1, 1_000 * ONE).map_or_else(code, |done| done.shares.0));
    seen.push(scene.request(1, 500 * ONE, 0).map_or_else(code, |()| 0));
    seen.push(scene.serve(0, ALL).map_or_else(code, |exit| exit.exchange.amount));
    seen.push(scene.break_term(0, maturity).map_or_else(code, |lost| lost.0));
    scene.calm(10_000);
    scene.touch();
    look(&scene, &mut seen);
    scene.check();
    seen
}

/// V19: a parameter that is declared and not used would be a promise.
#[test]
fn each_parameter_matters() {
    let mut base = VaultConfig {
        deposit_cap: 1_000_000 * ONE,
        min_amount: 1_000,
        reward_cap: 500,
        delay: 800_000,
        interval: 3_600,
        unlock: 20_000,
        term_spacing: 100_000,
        coverage_target: Bps(12_000),
        exit_fee_coverage: Bps(30_000),
        max_exit_fee: Bps(100),
        runoff_day: Bps(3_000),
        runoff_days: Bps(2_900),
        cash_share: Bps(800),
        idle_buffer: Bps(4_000),
        max_utilisation: Bps(7_600),
        maturity_factor: Bps(2_000),
        min_gain: Bps(1),
        reward_share: Bps(1_000),
        performance_fee: Bps(1_000),
        management_fee: Bps(10),
        round_share: Bps(3_000),
        term_premium: Bps(500),
        early_penalty: Bps(200),
        ..policy(2)
    };
    base.allocations[0].cap = 15_000 * ONE;
    base.allocations[1].share_cap = Bps(9_000);
    let plain = life(base);
    let mut unused = Vec::new();
    type Change = (&'static str, fn(&mut VaultConfig));
    let changes: [Change; 28] = [
        ("cap", |config| config.allocations[0].cap = 14_000 * ONE),
        ("share_cap", |config| config.allocations[1].share_cap = Bps(100)),
        ("stopped", |config| config.allocations[1].stopped = 1),
        ("written_off", |config| config.allocations[1].written_off = 1),
        ("deposit_cap", |config| config.deposit_cap += 1),
        ("min_amount", |config| config.min_amount = 999),
        ("reward_cap", |config| config.reward_cap = 1),
        ("interval", |config| config.interval = 3_599),
        ("unlock", |config| config.unlock = 30_000),
        ("term_spacing", |config| config.term_spacing = 90_000),
        ("coverage_target", |config| config.coverage_target = Bps(60_000)),
        ("exit_fee_coverage", |config| config.exit_fee_coverage = Bps(40_000)),
        ("max_exit_fee", |config| config.max_exit_fee = Bps(200)),
        ("runoff_day", |config| config.runoff_day = Bps(3_001)),
        ("runoff_days", |config| config.runoff_days = Bps(3_001)),
        ("cash_share", |config| config.cash_share = Bps(810)),
        ("idle_buffer", |config| config.idle_buffer = Bps(9_000)),
        ("max_utilisation", |config| config.max_utilisation = Bps(7_000)),
        ("maturity_factor", |config| config.maturity_factor = Bps(2_100)),
        ("min_gain", |config| config.min_gain = Bps(1_000)),
        ("reward_share", |config| config.reward_share = Bps(0)),
        ("performance_fee", |config| config.performance_fee = Bps(1_100)),
        ("management_fee", |config| config.management_fee = Bps(20)),
        ("round_share", |config| config.round_share = Bps(2_000)),
        ("term_premium", |config| config.term_premium = Bps(600)),
        ("early_penalty", |config| config.early_penalty = Bps(300)),
        ("market", |config| config.allocations[1].market = Address([99; 32])),
        ("pool", |config| config.allocations[1].pool = 3),
    ];
    for (name, change) in changes {
        let mut config = base;
        change(&mut config);
        if name == "market" {
            let mut vault = opened(config, CURATOR, 6, 0, START).unwrap();
            assert_eq!(vault.open_allocation(1, &market(1), &[], START), Err(Error::WrongMarket));
            continue;
        }
        if name == "pool" {
            let mut vault = opened(config, CURATOR, 6, 0, START).unwrap();
            vault.mint = MINT;
            let world = Pool::default().world();
            assert_eq!(vault.open_allocation(1, &market(1), &world.reserves, START), Err(Error::NotPool));
            continue;
        }
        if life(config) == plain {
            unused.push(name);
        }
    }
    assert!(unused.is_empty(), "{unused:?} {plain:?}");
    // Delay, launch and roles have tests of their own; with those, these are all.
    let others = 3 + 1 + 1;
    let of_slots = 6 * 8;
    assert_eq!(PARAMETERS.len(), changes.len() - 6 + of_slots + others);
}

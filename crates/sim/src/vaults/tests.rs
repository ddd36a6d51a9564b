//! Needs the program: scripts/build. Prices stand still, so that all that moves is people.

use std::path::Path;

use super::*;
use crate::{assets::ASSETS, policy::Policy, replay::Phases};

const DAY: i64 = 86_400;
const START: i64 = 1_760_000_400;
const RULE: Rule = Rule { coverage: 10_000, exit_fee: 100, buffer: 500 };
const SETTING: Setting = Setting {
    policy: Policy::Fixed,
    traders: 90,
    seed: 3,
    absence: 0,
    phases: Phases { hourly: [0; 5], near_insolvency: 0 },
};

fn bytecode() -> Vec<u8> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/deploy/ballast.so");
    std::fs::read(file).expect("the program")
}

/// So many hours of the same prices.
fn grid(hours: i64) -> Grid {
    let prices = [150.0, 100_000.0, 4_000.0, 1.0, 1.0];
    let bar = |index: i64, price| Bar {
        time: START + index * 300,
        open: price,
        high: price,
        low: price,
        close: price,
        volume: 1.0,
    };
    let bars = (0..hours * 12).map(|index| prices.map(|price| bar(index, price)).to_vec());
    Grid {
        assets: ASSETS.iter().collect(),
        is_played: vec![true, true, true, false, false],
        bars: bars.collect(),
        interval: 300,
    }
}

fn play_all(hours: i64, rule: Rule, run: Option<i64>) -> VaultRecord {
    play(&bytecode(), &grid(hours), SETTING, rule, run, &|| {}).expect("it is played and its books balance")
}

#[test]
fn in_calm_nobody_leaves_and_what_is_kept_idle_earns_nothing() {
    let [on, off] = [RULE, Rule::OFF].map(|rule| play_all(48, rule, None));
    for record in [&on, &off] {
        assert!(record.leavers.is_empty() && record.waits().is_none() && record.out_within(DAY).is_none());
        assert_eq!((record.fees(), record.longest_queue(), record.full_after), (0, (0.0, 0), None));
        assert_eq!(record.stayers_loss(), 0.0);
    }
    assert!(on.idle() > 0.04 && off.idle() < 0.01, "{} and {}", on.idle(), off.idle());
    assert!(0.0 < on.yearly() && on.yearly() < off.yearly(), "{} and {}", on.yearly(), off.yearly());
}

#[test]
fn in_a_run_the_markets_are_used_up_in_time_and_the_rule_pays_sooner() {
    let run = START + DAY;
    let [on, off] = [RULE, Rule::OFF].map(|rule| play_all(40, rule, Some(run)));
    let wanted =
        |record: &VaultRecord| record.leavers.iter().map(|leaver| (leaver.since, leaver.shares)).collect::<Vec<_>>();
    assert_eq!(wanted(&on), wanted(&off), "the same lenders want the same");
    for record in [&on, &off] {
        assert!(record.full_after.is_some_and(|seconds| seconds <= run::USED_UP + 300), "{:?}", record.full_after);
        let vault: u64 = record.measured()[0].value;
        let left = record.leavers.iter().map(|leaver| leaver.worth).sum::<u64>() as f64 / vault as f64;
        assert!((0.09..0.12).contains(&left), "{left} of the vault want to leave in two thirds of a day");
    }
    for hours in [1, 4, 16] {
        let out = [&on, &off].map(|record| record.out_within(hours * 3_600).expect("somebody wants to leave"));
        assert!(out[0] >= out[1], "{out:?} in {hours} hours");
    }
    let waits = [&on, &off].map(|record| record.waits().expect("somebody waits").1);
    assert!(waits[0] < waits[1] && on.still_in() == 0, "{waits:?}");
    // Who leaves pays for it, and for that nobody else loses.
    assert!(on.fees() > 0 && off.fees() == 0 && on.stayers_loss() == 0.0);
    assert!(on.leavers_loss() > off.leavers_loss());
}

#[test]
fn books_that_do_not_balance_are_told() {
    let error = |spoil: &dyn Fn(&mut Play)| {
        let grid = grid(1);
        let mut play = Play::set_up(&bytecode(), &grid, SETTING, RULE, None).expect("a market");
        play.bar(&grid.bars[0], grid.interval).expect("balanced");
        spoil(&mut play);
        let failed = play.bar(&grid.bars[1], grid.interval).expect_err("it does not balance");
        failed.to_string()
    };
    let vault_tokens = error(&|play| {
        let view = play.stage.world.vault(&play.vault).expect("a vault");
        let [tokens, authority] =
            [view.vault.tokens, view.vault.authority].map(|key| ballast_client::from_engine(&key));
        let held = play.stage.world.tokens(&tokens);
        play.stage.world.set_tokens(tokens, play.reserve, authority, held + 1).expect("written");
    });
    assert!(vault_tokens.contains("the vault holds") && vault_tokens.contains("the books say"), "{vault_tokens}");
    let lost_shares = error(&|play| {
        let view = play.stage.world.vault(&play.vault).expect("a vault");
        play.stage.world.open_shares(&view, play.lenders[0].shares, Address::default()).expect("written");
    });
    assert!(lost_shares.contains("lenders and keeper hold"), "{lost_shares}");
}

#[test]
fn one_trader_is_enough_for_three_markets() {
    let setting = Setting { traders: 1, ..SETTING };
    let record = play(&bytecode(), &grid(2), setting, RULE, Some(START), &|| {}).expect("played");
    assert_eq!(record.markets.iter().map(|market| market.accounts.0).collect::<Vec<_>>(), [1, 1, 1]);
}

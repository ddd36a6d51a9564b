use ballast_client::engine::{number::units::Bps, state::vault::MAX_ALLOCATIONS};

use super::*;

const EXAMPLE: &str = include_str!("../../../../migrations/vault.toml");

fn refusal(old: &str, new: &str) -> String {
    assert!(EXAMPLE.contains(old), "{old}");
    let read = DesiredVault::parse(&EXAMPLE.replacen(old, new, 1), "");
    format!("{:#}", read.expect_err(new))
}

#[test]
fn the_example_names_every_parameter_of_a_vault_in_its_unit() {
    let desired = DesiredVault::parse(EXAMPLE, "").expect("the example");
    let config = &desired.config;
    assert_eq!((config.deposit_cap, config.delay, config.management_fee), (20_000_000_000_000, 691_200, Bps(50)));
    assert_eq!((config.allocations[1].cap, config.allocations[1].share_cap), (5_000_000_000_000, Bps(4_000)));
    assert!(config.allocations[2..].iter().all(|slot| slot.market.is_none()));
    assert!(config.allocations.iter().all(|slot| slot.pool == 0));
    let of_pool = DesiredVault::parse(&EXAMPLE.replacen("pool = 0", "pool = 3", 1), "").expect("an index");
    assert_eq!(of_pool.config.allocations.map(|slot| slot.pool)[..2], [3, 0]);
    assert!(config.launched == 0 && config.roles.nominee.is_none(), "they follow from the steps");
    for info in parameters(OF_VAULT) {
        let (name, slot) = (info.name.as_str(), info.name.strip_prefix("allocations."));
        if ["launched", "roles.nominee", "roles.sentinel"].contains(&name)
            || slot.is_some_and(|rest| !rest.starts_with('0'))
        {
            continue;
        }
        // Each line that gives a value is needed.
        let key = name.rsplit('.').next().expect("a name");
        let line = EXAMPLE.lines().find(|line| line.split('=').next().is_some_and(|word| word.trim() == key));
        let line = line.unwrap_or_else(|| panic!("{name} is not in the example"));
        let refused = refusal(line, "");
        assert!(refused.contains(name), "{name}: {refused}");
    }
}

#[test]
fn what_cannot_be_a_vault_is_refused_with_a_word() {
    let slot = EXAMPLE.split("[[vault.allocations]]").nth(1).expect("a slot");
    let header = "[[vault.allocations]]";
    let many = format!("{}{header}", format!("{header}{slot}").repeat(MAX_ALLOCATIONS - 1));
    for (old, new, words) in [
        ("max_exit_fee = \"2 %\"", "max_exit_fee = \"6 %\"", "vault.max_exit_fee is 6 %, but must be from 0 % to 5 %"),
        ("share_cap = \"70 %\"", "share_cap = \"101 %\"", "vault.allocations.0.share_cap is 101 %"),
        ("pool = 0", "pool = 64", "vault.allocations.0.pool is 64, but must be from 0 to 63"),
        ("pool = 0", "pool = \"USDC-POOL\"", "vault.allocations.0.pool"),
        ("idle_buffer", "idle_bufer", "vault: missing: idle_buffer\nvault.idle_bufer is no parameter"),
        ("delay = \"8 days\"", "delay = \"7 days\"", "vault: VaultDelayOutOfRange"),
        ("[vault.roles]", "launched = true\n[vault.roles]", "vault.launched follows from `launch`"),
        ("fee_collector", "nominee", "vault.roles.nominee follows from `curator`"),
        ("decimals = 6", "decimals = 19", "USDC.decimals: from 0 to 18"),
        ("decimals = 6", "decimals = 6\ncolour = 1", "token: unknown: colour"),
        ("id = 0", "id = 65536", "id: from 0 to 65535"),
        ("id = 0", "id = 0\nauthority = \"x\"", "unknown: authority"),
        ("[token]", "[tokens]", "token is missing"),
        ("[[vault.allocations]]", &many, "vault.allocations: 9 of them, at most 8"),
        (
            "Market2222222222222222222222222222222222222",
            "11111111111111111111111111111111",
            "vault.allocations.1.market: no market",
        ),
        (
            "Market2222222222222222222222222222222222222",
            "Market1111111111111111111111111111111111111",
            "vault: AllocationTwice",
        ),
    ] {
        let refused = refusal(old, new);
        assert!(refused.contains(words), "{old} → {new}: {refused}");
    }
}

#[test]
fn a_file_is_laid_over_another_and_has_its_own_token() {
    let own = "creator = \"Creator1111111111111111111111111111111111111\"\nid = 3\n\
               curator = \"Curator1111111111111111111111111111111111111\"\nlaunch = false\n\
               token = { name = \"EURC\", mint = \"So11111111111111111111111111111111111111112\", \
               token_program = \"token\", decimals = 2 }\n[vault]\nidle_buffer = \"7 %\"\n";
    let desired = DesiredVault::parse(own, EXAMPLE).expect("both");
    assert_eq!((desired.id, desired.launch, desired.config.idle_buffer), (3, false, Bps(700)));
    assert_eq!((desired.config.min_amount, desired.token.name.as_str()), (1_000, "EURC"), "by its own decimals");
    let error = DesiredVault::parse("[vault]", EXAMPLE).expect_err("not the other's token");
    assert!(format!("{error:#}").contains("token is missing"), "{error:#}");
}

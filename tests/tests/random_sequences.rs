//! Random sequences of all instructions by many users on the bytecode against the engine's model, compared byte by
//! byte after every step. `BALLAST_SEED` chooses the sequence, `BALLAST_STEPS` its length.

#[path = "support/actors.rs"]
mod actors;
#[path = "support/instructions.rs"]
mod instructions;
#[path = "support/model.rs"]
mod model;

use actors::{Actors, KINDS};

fn from_env(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect("a whole number"))
}

/// So many successes of each kind must be among 10,000 steps, or the sequence does not test what it says.
const LEAST: [(&str, usize); KINDS.len()] = [
    ("create_market", 3),
    ("add_reserve", 1),
    ("update_reserve", 50),
    ("open_account", 15),
    ("close_account", 10),
    ("deposit", 300),
    ("withdraw", 200),
    ("borrow", 100),
    ("repay", 200),
    ("refresh_prices", 500),
    ("liquidate", 25),
    ("settle_bad_debt", 1),
    ("collect_fees", 50),
    ("read_health", 100),
    ("update_market", 10),
];

#[test]
fn every_instruction_leaves_the_bytes_the_engine_says() {
    let (seed, steps) = (from_env("BALLAST_SEED", 20_261_121), from_env("BALLAST_STEPS", 10_000));
    println!("BALLAST_SEED={seed} BALLAST_STEPS={steps}");
    let mut actors = Actors::new(seed);
    for step in 0..steps {
        actors.step(step);
    }
    println!("{}", actors.summary());
    if steps >= 10_000 {
        for (kind, least) in LEAST {
            assert!(actors.successes(kind) >= least, "{kind} succeeded {} times only", actors.successes(kind));
        }
    }
}

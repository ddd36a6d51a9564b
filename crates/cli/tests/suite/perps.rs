//! What the commands make of a market that has perps. Needs the program: scripts/build.

use crate::common::{node::keypair, town::Town};
use ballast_client::{
    Instruction, change_address, decode_change,
    engine::{
        number::units::Bps,
        state::{
            change::Change,
            perp::{PerpConfig, PoolConfig},
        },
    },
};
use solana_message::Message;
use solana_signer::Signer;
use solana_transaction::Transaction;

const DELAY: i64 = 172_800;
const PRICES: [f64; 3] = [1.0, 150.0, 60_000.0];
const USD: u64 = 1_000_000;
/// Records behind the three reserves.
const POOL: u8 = 3;
/// The same.
const PERP: u8 = 4;

/// As the market's creator, who governs it.
fn send(town: &Town, instruction: Instruction) {
    let creator = keypair("creator");
    let svm = &mut town.node.lock().svm;
    svm.expire_blockhash();
    let message = Message::new(&[instruction], Some(&creator.pubkey()));
    let transaction = Transaction::new(&[&creator], message, svm.latest_blockhash());
    svm.send_transaction(transaction).expect("it is due");
}

/// The change that was queued last.
fn queued(town: &Town) -> Change {
    let view = town.node.market();
    let (address, _) = change_address(&view.address, view.market.changes - 1);
    let account = town.node.lock().svm.get_account(&address).expect("a change");
    decode_change(&account.data).expect("decodes")
}

fn pool() -> PoolConfig {
    PoolConfig {
        max_value: 100_000_000 * USD,
        leave_delay: 3_600,
        max_skew: Bps(10_000),
        exit_cover: Bps(12_000),
        deleverage_below: Bps(8_000),
        deleverage_to: Bps(11_000),
        borrow_full: Bps(10_000),
        borrow_at_kink: Bps(3_000),
        borrow_kink: Bps(8_000),
        ..PoolConfig::default()
    }
}

/// Of SOL, in lots of 0.00001 of it.
fn perp() -> PerpConfig {
    PerpConfig {
        max_side: 50_000_000 * USD,
        min_value: USD,
        skew_scale: 20_000_000_000,
        initial_margin: Bps(1_000),
        maintenance_margin: Bps(500),
        fee: Bps(5),
        insurance_share: Bps(2_000),
        penalty: Bps(100),
        liquidator_share: Bps(5_000),
        least_shock: Bps(1_500),
        shock_deviations: Bps(40_000),
        shock_horizon: 3_600,
        hold: 60,
        max_trade_age: 5,
        pool: POOL,
        price: 1,
        power: 1,
        lot_digits: 4,
        ..PerpConfig::default()
    }
}

#[test]
fn perps_and_pools_stand_beside_the_reserves() {
    let (town, creator) = (Town::new("perps"), keypair("creator").pubkey());
    for name in ["pool", "perp"] {
        let view = town.node.market();
        let queue = if name == "pool" { view.queue_pool(creator, &pool()) } else { view.queue_perp(creator, &perp()) };
        send(&town, queue);
        let number = queued(&town).number.to_string();
        let listed = town.json(&["change", "list"], "stranger")["changes"][0].clone();
        assert_eq!(listed["target"], format!("a new {name}"));
        assert_eq!(listed["sets"], serde_json::json!([format!("list a {name}")]));
        town.refused(1, &["change", "execute", &number], "stranger", "is due ");
        let file = ["market", "apply", &town.file, "--dry-run"];
        assert!(town.ok(&file, "creator").contains(&format!("is not the file's, and left alone: list a {name}")));
        town.advance(DELAY, PRICES);
        let reason = format!("lists a {name}: the instruction `list_perp` does that");
        town.refused(1, &["change", "execute", &number], "stranger", &reason);
        town.ok(&["prices", "refresh"], "stranger");
        send(&town, view.list_perp(creator, &queued(&town)));
    }
    let view = town.node.market();
    assert_eq!(
        (view.pool(POOL).map(|pool| pool.perp_count), view.perp(PERP).map(|perp| perp.config.price)),
        (Ok(1), Ok(1))
    );

    // Reserves are three, as before.
    let reserves = town.json(&["reserve", "list"], "stranger")["reserves"].as_array().map(Vec::len);
    assert_eq!(reserves, Some(3));
    assert!(!town.ok(&["breaker", "status"], "stranger").contains('#'));
    assert!(town.ok(&["market", "apply", &town.file, "--dry-run"], "creator").contains("nothing to do"));
    town.ok(&["prices", "refresh"], "stranger");
    town.refused(1, &["reserve", "show", "4"], "stranger", "perp #4 is no reserve");
    town.refused(1, &["account", "borrow", "#3", "1"], "trader", "pool #3 is no reserve");
    town.refused(1, &["reserve", "show", "9"], "stranger", "there is no reserve 9: the market has 3");
}

#[test]
fn parameters_of_perps_and_pools_are_changed() {
    let (town, creator) = (Town::new("perp-changes"), keypair("creator").pubkey());
    for record in [POOL, PERP] {
        let view = town.node.market();
        let queue = if record == POOL { view.queue_pool(creator, &pool()) } else { view.queue_perp(creator, &perp()) };
        send(&town, queue);
        town.advance(DELAY, PRICES);
        town.ok(&["prices", "refresh"], "stranger");
        send(&town, view.list_perp(creator, &queued(&town)));
    }
    let printed = town.ok(&["change", "queue", "--reserve", "3", "max_value=200_000_000 tokens"], "creator");
    assert!(printed.contains("of pool #3: max_value to 200_000_000 tokens"), "{printed}");
    let printed =
        town.ok(&["change", "queue", "--reserve", "#4", "hold=30 s", "max_side=60_000_000 tokens"], "creator");
    assert!(printed.contains("of perp #4: hold to 30 s; max_side to 60_000_000 tokens"), "{printed}");
    town.refused(
        1,
        &["change", "queue", "--reserve", "4", "deposit_cap=1 tokens"],
        "creator",
        "`deposit_cap` is no parameter",
    );
    town.refused(1, &["change", "queue", "--reserve", "4", "hold=2 h"], "creator", "but must be from 1 s to 1 h");
    let listed = town.json(&["change", "list"], "stranger");
    assert_eq!(listed["changes"][1]["sets"], serde_json::json!(["hold to 30 s", "max_side to 60_000_000 tokens"]));
    town.advance(DELAY, PRICES);
    let last = queued(&town).number;
    for number in [last - 1, last] {
        town.ok(&["change", "execute", &number.to_string()], "stranger");
    }
    let view = town.node.market();
    assert_eq!(view.pool(POOL).map(|pool| pool.config.max_value), Ok(200_000_000 * USD));
    assert_eq!(view.perp(PERP).map(|perp| (perp.config.hold, perp.config.max_side)), Ok((30, 60_000_000 * USD)));
}

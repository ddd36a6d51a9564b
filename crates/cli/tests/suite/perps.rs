//! What the commands make of a market that has perps. Needs the program: scripts/build.

use crate::common::{
    node::{keypair, pool_and_perp},
    town::Town,
};
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
        order_lag: 5,
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
        // A perp needs a price, which comes along.
        let printed = town.ok(&["change", "execute", &number], "stranger");
        assert!(printed.contains(&format!("execute change {number}: list a {name}")), "{printed}");
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
    let printed = town.ok(&["market", "apply", &town.file, "--dry-run"], "creator");
    assert!(
        printed.contains("nothing to do") && printed.contains("perp #4 is not in the file, and left alone"),
        "{printed}"
    );
    town.ok(&["prices", "refresh"], "stranger");
    town.refused(1, &["reserve", "show", "4"], "stranger", "perp #4 is no reserve");
    town.refused(1, &["account", "borrow", "#3", "1"], "trader", "pool #3 is no reserve");
    town.refused(1, &["reserve", "show", "9"], "stranger", "there is no reserve 9: the market has 3");
}

/// The file of a town, with the example's pool and perp in it.
fn with_a_perp(town: &Town) -> String {
    let (commented, listed) = pool_and_perp();
    let text = std::fs::read_to_string(&town.file).expect("a file");
    assert!(text.contains(commented));
    text.replace(commented, &listed)
}

#[test]
fn a_launched_market_gets_a_pool_and_a_perp_by_its_file() {
    let town = Town::new("perps-launched");
    std::fs::write(&town.file, with_a_perp(&town)).expect("written");
    let apply = ["market", "apply", &town.file];
    let (code, printed) = town.run(&apply, "creator");
    assert!(code == 3 && printed.contains("queue: list pool USDC-POOL"), "{printed}");
    assert!(printed.contains("note: perp SOL-PERP is queued once what it names is listed"), "{printed}");
    let (code, printed) = town.run(&apply, "creator");
    assert!(code == 3 && printed.contains("wait: change 3 is due in 2 d: list pool USDC-POOL"), "{printed}");
    town.advance(DELAY, PRICES);
    let (code, printed) = town.run(&apply, "creator");
    assert!(code == 3 && printed.contains("list pool USDC-POOL as record 3"), "{printed}");
    assert!(printed.contains("queue: list perp SOL-PERP") && printed.contains("wait: change 4"), "{printed}");
    // It is due, and nobody publishes a price.
    town.node.advance(DELAY);
    let (code, printed) = town.run(&apply, "stranger");
    let reason = "wait: perp SOL-PERP is listed once SOL has a good price";
    assert!(code == 3 && printed.contains(reason), "{printed}");
    town.publish(PRICES);
    let printed = town.ok(&apply, "stranger");
    assert!(printed.contains("list perp SOL-PERP as record 4") && printed.ends_with("nothing to do\n"), "{printed}");
    let view = town.node.market();
    assert_eq!(view.perp(PERP).map(|perp| (perp.config.price, perp.config.pool)), Ok((1, POOL)));

    // Their parameters follow the file: what takes risk away at once, all else waits.
    let text = std::fs::read_to_string(&town.file).expect("a file");
    let text = text.replace("max_side = \"2_000_000 tokens\"", "max_side = \"1_000_000 tokens\"");
    let text = text.replace("max_value = \"5_000_000 tokens\"", "max_value = \"6_000_000 tokens\"");
    std::fs::write(&town.file, text.replace("\nfee = \"5 bps\"", "\nfee = \"6 bps\"")).expect("written");
    let (code, printed) = town.run(&apply, "creator");
    for words in [
        "lower max_side of SOL-PERP from 2_000_000 tokens to 1_000_000 tokens, at once",
        "queue: raise fee of SOL-PERP from 0.05 % to 0.06 %",
        "queue: raise max_value of USDC-POOL from 5_000_000 tokens to 6_000_000 tokens",
    ] {
        assert!(code == 3 && printed.contains(words), "{words}: {printed}");
    }
    town.advance(DELAY, PRICES);
    town.ok(&apply, "stranger");
    let view = town.node.market();
    assert_eq!(view.perp(PERP).map(|perp| (perp.config.fee, perp.config.max_side)), Ok((Bps(6), 1_000_000 * USD)));
    assert_eq!(view.pool(POOL).map(|pool| pool.config.max_value), Ok(6_000_000 * USD));
}

#[test]
fn a_new_market_with_a_perp_is_launched_once_its_price_is_there() {
    let town = Town::new("perps-new");
    // Another market of the same creator, before any feed has published.
    let text = with_a_perp(&town).replace("\nid = 0\n", "\nid = 1\n");
    std::fs::write(&town.file, text).expect("written");
    town.node.advance(600);
    let apply = ["market", "create", &town.file];
    let (code, printed) = town.run(&apply, "creator");
    let reason = "wait: perp SOL-PERP is listed once SOL has a good price (PriceStale";
    assert!(code == 3 && printed.contains(reason), "{printed}");
    assert_eq!(town.node.market_of(1).market.config.launched, 0, "not without its perp");
    town.publish(PRICES);
    let printed = town.ok(&["market", "apply", &town.file], "creator");
    assert!(printed.contains("list perp SOL-PERP as record 4") && printed.contains("launch"), "{printed}");
    assert_eq!(town.node.market_of(1).market.config.launched, 1);
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

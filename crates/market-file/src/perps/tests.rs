use ballast_client::engine::number::units::Bps;

use super::*;

const EXAMPLE: &str = include_str!("../../../../migrations/market.toml");

/// The example with the pool and the perp that its last lines have commented out.
fn example() -> String {
    let (before, commented) = EXAMPLE.split_at(EXAMPLE.find("# [[pools]]").expect("an example"));
    let lines = commented.lines().map(|line| line.strip_prefix('#').unwrap_or(line).trim_start());
    before.to_owned() + &lines.collect::<Vec<_>>().join("\n")
}

/// With something else in place of what must be there.
fn changed(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(example(), |file, (old, new)| {
        assert!(file.contains(old), "{old}");
        file.replacen(old, new, 1)
    })
}

fn refused(file: &str) -> String {
    format!("{:#}", Desired::parse(file, "").expect_err("refused"))
}

/// A market with the example's reserves, in another order than the file's, and with records.
fn market(records: &[&ballast_client::engine::state::reserve::Reserve]) -> MarketView {
    let desired = Desired::parse(&example(), "").expect("a good file");
    let reserve = |nth: usize| ballast_client::engine::state::reserve::Reserve {
        mint: ballast_client::to_engine(&desired.reserves[nth].token.mint),
        ..Default::default()
    };
    let mut reserves = vec![reserve(1), reserve(0)];
    reserves.extend(records.iter().map(|record| **record));
    MarketView { address: desired.address(), market: Default::default(), reserves }
}

#[test]
fn the_example_of_the_example_is_a_good_one() {
    let desired = Desired::parse(&example(), "").expect("a good file");
    let (pool, perp) = (&desired.pools[0], &desired.perps[0]);
    assert_eq!((pool.name.as_str(), perp.name.as_str()), ("USDC-POOL", "SOL-PERP"));
    let view = market(&[Pool::new(&desired.pool_config(&market(&[]), 0).expect("listed"), 6, 0).as_record()]);
    let config = desired.perp_config(&view, 0).expect("its pool is there");
    assert_eq!((config.pool, config.price, config.power), (2, 0, 1), "indices are the market's");
    assert_eq!(desired.pool_config(&view, 0).map(|config| config.quote), Some(1));
    assert_eq!((config.max_side, config.min_value), (2_000_000_000_000, 10_000_000), "amounts are of the pool's token");
    assert_eq!((config.initial_margin, config.fee, config.hold), (Bps(500), Bps(5), 60), "the defaults hold");
    assert!(Perp::check(&config).is_ok() && Pool::check(&pool.config).is_ok());
}

#[test]
fn a_file_without_perps_is_as_good_as_before() {
    // Without the tables of defaults too.
    let [start, end] =
        ["# What every pool behind perps has", "# Reserves, in the order"].map(|it| EXAMPLE.find(it).expect(it));
    for file in [EXAMPLE.to_owned(), [&EXAMPLE[..start], &EXAMPLE[end..]].concat()] {
        let desired = Desired::parse(&file, "").expect("a good file");
        assert_eq!((desired.pools.len(), desired.perps.len(), desired.reserves.len()), (0, 0, 3));
    }
}

#[test]
fn records_are_known_by_their_token_and_their_contract() {
    let twice =
        changed(&[("[[perps]]", "[[pools]]\nname = \"OTHER-POOL\"\nquote = \"USDC\"\nmax_value = 0\n\n[[perps]]")]);
    let perp = twice[twice.find("[[perps]]").expect("a perp")..].to_owned();
    let others = [("SOL-PERP", "COARSE"), ("lot_digits = 4", "lot_digits = 5")];
    let other = others.iter().fold(perp.clone(), |text, (old, new)| text.replacen(old, new, 1));
    let again = perp.replacen("SOL-PERP", "AGAIN", 1);
    let desired = Desired::parse(&[twice, other, again].join("\n"), "").expect("a good file");
    let pool = |quote| *Pool::new(&PoolConfig { quote, ..Default::default() }, 6, 0).as_record();
    let (sol, first, second) = (pool(0), pool(1), pool(1));
    let view = market(&[&sol, &first, &second]);
    assert_eq!(
        [0, 1].map(|nth| desired.pool_index(&view, nth)),
        [Some(3), Some(4)],
        "alike, in order; not that of SOL"
    );
    let config = |nth| desired.perp_config(&view, nth).expect("its pool is there");
    let perp = |config: PerpConfig| *Perp::new(&config, 6, 0).as_record();
    let (coarse, fine) = (perp(config(1)), perp(PerpConfig { max_side: 7, fee: Bps(9), ..config(0) }));
    let view = market(&[&sol, &first, &second, &coarse, &fine]);
    assert_eq!([0, 1, 2].map(|nth| desired.perp_index(&view, nth)), [Some(6), Some(5), None], "whatever may change");
    assert_eq!(
        [3, 5, 6, 2].map(|index| desired.record_name(&view, index)),
        [Some("USDC-POOL"), Some("COARSE"), Some("SOL-PERP"), None]
    );
    assert_eq!(desired.perp_config(&market(&[]), 0), None, "no pool yet");
}

#[test]
fn mistakes_about_perps_are_told() {
    for (old, new, reason) in [
        ("pool = \"USDC-POOL\"", "pool = \"POOL\"", "perp 0: SOL-PERP.pool: the file has no `POOL`"),
        ("price = \"SOL\"", "price = \"USD\"", "perp 0: SOL-PERP.price: the file has no `USD`"),
        ("quote = \"USDC\"", "", "pool 0: USDC-POOL: quote is missing"),
        ("name = \"USDC-POOL\"", "name = \"SOL\"", "the file has no `USDC-POOL`"),
        ("name = \"SOL-PERP\"", "name = \"cbBTC\"", "cbBTC: its name is another's too"),
        ("lot_digits = 4", "lot_digit = 4", "SOL-PERP: missing: lot_digits"),
        ("lot_digits = 4", "lot_digits = 19", "SOL-PERP.lot_digits is 19, but must be from 0 to 18"),
        ("max_side = \"2_000_000 tokens\"", "max_side = \"0.0000001 tokens\"", "finer"),
        ("maintenance_margin = \"2.5 %\"", "maintenance_margin = \"6 %\"", "SOL-PERP: PerpMarginOutOfRange"),
        ("borrow_full = \"130 %\"", "borrow_full = \"40 %\"", "USDC-POOL: PoolOutOfRange"),
        ("min_value = \"10 tokens\"", "", "SOL-PERP: missing: min_value"),
        ("[perp_defaults]", "[perp_defaults]\npool = \"USDC-POOL\"", "SOL-PERP.pool: each has its own"),
        ("[[pools]]", "[pools]", "pools: not [[pools]]"),
        ("[perp_defaults]", "[perps_default]", "unknown: perps_default"),
    ] {
        let told = refused(&changed(&[(old, new)]));
        assert!(told.contains(reason), "{reason}: {told}");
    }
    // All at once, with those of the reserves.
    let told = refused(&changed(&[
        ("\nfee = \"5 bps\"", "\nfee = \"6 %\""),
        ("hold = \"60 s\"", "hold = \"2 h\""),
        ("delay = \"2 days\"", "delay = \"2 h\""),
    ]));
    for reason in ["SOL-PERP.fee is 6 %", "SOL-PERP.hold is 2 h", "market.delay is 2 h"] {
        assert!(told.contains(reason), "{reason}: {told}");
    }
}

//! Options, as they are given and refused.

use super::*;

const MARKET: &str = "BaLLastVpFhaENTd1dhUmmz3tMc9UC4fpXqkjqckcNbp";

fn parse(more: &[&str]) -> Result<Options> {
    let market = format!("--market={MARKET}");
    let least = ["ballast-keeper", "--rpc-url", "http://localhost:8899", "--keypair", "k.json", &market];
    Options::parse_with_file(least.iter().chain(more).map(|text| (*text).to_owned()).collect())
}

#[test]
fn the_command_is_well_formed() {
    Options::command().debug_assert();
}

#[test]
fn a_market_is_named_by_its_address_or_by_its_file() -> Result<()> {
    let (creator, file) = ("Creator1111111111111111111111111111111111111", "../../migrations/market.toml");
    assert_eq!(market(MARKET)?.to_string(), MARKET);
    assert_eq!(market(file)?, market_address(&creator.parse()?, 0).0);
    assert_eq!(parse(&["--market", file])?.market, market(file)?, "the last one holds");
    let other = std::env::temp_dir().join(format!("ballast-keeper-market-{}.toml", std::process::id()));
    for (text, words) in [
        ("id = 0", "names no creator"),
        ("creator = 'Creator1111111111111111111111111111111111111'\nid = 65536", "has no id"),
        ("[market", "is no market's file"),
    ] {
        std::fs::write(&other, text)?;
        let error = format!("{:#}", market(&other.display().to_string()).expect_err(words));
        assert!(error.contains(words), "{error}");
    }
    std::fs::remove_file(&other)?;
    let error = format!("{:#}", parse(&["--market", "no-such.toml"]).expect_err("no such file"));
    assert!(error.contains("`no-such.toml` is neither an address nor a market's file"), "{error}");
    Ok(())
}

#[test]
fn the_command_line_goes_before_the_file() -> Result<()> {
    let file = std::env::temp_dir().join(format!("ballast-keeper-options-{}.toml", std::process::id()));
    std::fs::write(&file, "min-profit = 2.5\nparallel = 3\ndry-run = true\nrouter-url = 'http://router'\n")?;
    let config = format!("--config={}", file.display());
    let options = parse(&[&config, "--parallel", "5"])?;
    assert_eq!((options.min_profit, options.parallel, options.dry_run), (2.5, 5, true));
    assert_eq!(options.router_url, "http://router");
    std::fs::write(&file, "profit = 1")?;
    let error = format!("{:#}", parse(&[&config]).expect_err("no such option"));
    assert!(error.contains("--profit"), "{error}");
    std::fs::remove_file(&file)?;
    assert!(parse(&[&config]).is_err(), "a file that is not there");
    Ok(())
}

#[test]
fn the_routers_key_and_headers_are_kept_secret_and_off_the_command_line() -> Result<()> {
    let file = std::env::temp_dir().join(format!("ballast-keeper-secrets-{}.toml", std::process::id()));
    let config = format!("--config={}", file.display());
    let headers = |options: &Options| {
        let headers = options.router_headers().expect("good ones");
        let text = |value: &HeaderValue| value.to_str().expect("text").to_owned();
        headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect::<Vec<_>>()
    };
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    std::fs::write(&file, "router-url = 'http://router'\nrouter-api-key = ' hunter2 '\n")?;
    let options = parse(&[&config, "--router-header", "X-Client: keeper", "--router-header=x-team:a:b"])?;
    let expected = [pair("x-client", "keeper"), pair("x-team", "a:b"), pair("x-api-key", "hunter2")];
    assert_eq!(headers(&options), expected);
    let settings = options.router()?.context("a router")?;
    assert!(!format!("{options:?} {settings:?}").contains("hunter2"));
    std::fs::write(&file, "router-header = ['authorization: Bearer hunter2', 'x-client: keeper']\n")?;
    let options = parse(&[&config])?;
    assert_eq!(headers(&options), [pair("authorization", "Bearer hunter2"), pair("x-client", "keeper")]);
    assert!(options.router()?.is_none() && !format!("{options:?}").contains("hunter2"));
    for bad in ["router-header = 'hunter2", "\nrouter-header = ['a: hunter2"] {
        std::fs::write(&file, bad)?;
        let error = format!("{:#}", parse(&[&config]).expect_err(bad));
        assert!(error.contains("line ") && !error.contains("hunter2"), "{error}");
    }
    for bad in ["router-header = 'hunter2'", "router-header = 'a b: hunter2'", "router-api-key = 'hunter2\\u0007'"] {
        std::fs::write(&file, bad.replace('\'', "\""))?;
        let error = format!("{:#}", parse(&[&config]).expect_err(bad));
        assert!(error.contains("--router-") && !error.contains("hunter2"), "{error}");
    }
    std::fs::remove_file(&file)?;
    for arguments in [&["--router-api-key", "hunter2"][..], &["--router-api-key=hunter2"]] {
        let error = parse(arguments).expect_err("it would show").to_string();
        assert!(error.contains("BALLAST_ROUTER_API_KEY") && !error.contains("hunter2"), "{error}");
    }
    Ok(())
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    for (option, value) in
        [("priority-share", "101"), ("max-slippage-share", "100"), ("min-profit", "-1"), ("refresh-age", "NaN")]
    {
        let error = parse(&[&format!("--{option}={value}")]).expect_err(option).to_string();
        assert!(error.contains(option), "{error}");
    }
}

#[test]
fn vaults_are_all_or_none_or_named_by_their_addresses() -> Result<()> {
    let address: Address = MARKET.parse()?;
    assert_eq!(parse(&[])?.vaults()?, Choice::All);
    assert_eq!(parse(&["--vault=none"])?.vaults()?, Choice::None);
    let two = parse(&["--vault", MARKET, "--vault", MARKET])?;
    assert_eq!(two.vaults()?, Choice::These(vec![address, address]));
    for bad in [&["--vault=some"][..], &["--vault=all", "--vault", MARKET], &["--vault="]] {
        let error = parse(bad).expect_err("no address").to_string();
        assert!(error.contains("--vault") && error.contains("alone"), "{error}");
    }
    Ok(())
}

#[test]
fn perps_are_looked_after_as_far_as_is_said() -> Result<()> {
    let options = parse(&[])?;
    assert_eq!((options.perps, options.perp_least, options.margin_account), (perps::Choice::All, 10.0, 0));
    let options = parse(&["--perps", "paid", "--perp-least=0.5", "--margin-account=7"])?;
    assert_eq!((options.perps, options.perp_least, options.margin_account), (perps::Choice::Paid, 0.5, 7));
    for bad in ["--perps=some", "--margin-account=65536"] {
        assert!(parse(&[bad]).is_err(), "{bad}");
    }
    Ok(())
}

#[test]
fn what_is_done_for_nothing_is_about_a_sum_of_money() {
    for (option, bad) in ["--vault-least", "--perp-least"].iter().flat_map(|one| [(one, "-1"), (one, "NaN")]) {
        let error = parse(&[&format!("{option}={bad}")]).expect_err(bad).to_string();
        assert!(error.contains(option), "{error}");
    }
}

#[test]
fn the_web_socket_is_next_to_the_rpc() -> Result<()> {
    assert_eq!(parse(&[])?.ws()?, "ws://localhost:8900/");
    assert_eq!(parse(&["--rpc-url", "https://node.example/key"])?.ws()?, "wss://node.example/key");
    assert_eq!(parse(&["--ws-url", "ws://other"])?.ws()?, "ws://other");
    Ok(())
}

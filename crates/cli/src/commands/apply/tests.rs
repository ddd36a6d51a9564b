//! The example's market from nothing on, on the bytecode. Needs the program: scripts/build.

use std::{collections::HashMap, path::Path};

use anyhow::{Context, anyhow};
use ballast_client::{
    Address, ID, Instruction, MarketView, TOKEN_PROGRAM,
    engine::{self, state::market::MarketConfig},
    to_engine,
};
use ballast_rpc::{Cluster, Estimate};
use clap::Parser;
use litesvm::LiteSVM;
use solana_account::Account;
use solana_clock::Clock;
use solana_keypair::Keypair;
use solana_message::{Message, VersionedMessage};
use solana_signer::Signer;
use solana_transaction::versioned::VersionedTransaction;

use super::*;
use crate::commands::{keys::Keys, market::Command, session::Mode};

const EXAMPLE: &str = include_str!("../../../../../migrations/market.toml");
const START: i64 = 1_780_000_000;
const DAY: i64 = 86_400;

/// A cluster in this process.
struct Svm {
    svm: LiteSVM,
    sent: usize,
}

impl Cluster for Svm {
    fn accounts(&mut self, addresses: &[Address]) -> Result<Vec<Option<Account>>> {
        let find = |address| self.svm.get_account(address).filter(|account| account.lamports > 0);
        Ok(addresses.iter().map(find).collect())
    }

    fn genesis_hash(&mut self) -> Result<String> {
        Ok("a test's".into())
    }

    fn margin_accounts(&mut self, _: Address, _: Option<Address>) -> Result<Vec<(Address, Account)>> {
        unreachable!("nothing here asks for them")
    }

    fn accounts_with(&mut self, _: &[(usize, &[u8])]) -> Result<Vec<(Address, Account)>> {
        unreachable!("nothing here asks for them")
    }

    fn simulate(&mut self, _: &[Instruction], _: &[&dyn Signer]) -> Result<Estimate> {
        unreachable!("a run without keys simulates nothing")
    }

    fn send(&mut self, instructions: &[Instruction], signers: &[&dyn Signer]) -> Result<String> {
        let payer = signers.first().context("nobody signs")?.pubkey();
        let message = Message::new_with_blockhash(instructions, Some(&payer), &self.svm.latest_blockhash());
        let needed = &message.account_keys[..message.header.num_required_signatures.into()];
        let signers: Vec<_> = signers.iter().filter(|signer| needed.contains(&signer.pubkey())).copied().collect();
        let transaction = VersionedTransaction::try_new(VersionedMessage::Legacy(message.clone()), &signers)?;
        let signature = transaction.signatures[0].to_string();
        let result = self.svm.send_transaction(transaction);
        result.map_err(|failed| anyhow!("{:?}\n{}", failed.err, failed.meta.logs.join("\n")))?;
        self.svm.expire_blockhash();
        self.sent += 1;
        Ok(signature)
    }
}

impl Svm {
    /// The program, the example's mints, and keys with lamports.
    fn new() -> Self {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/deploy/ballast.so");
        let bytes = std::fs::read(program).expect("run scripts/build first");
        let mut svm = Self { svm: LiteSVM::new(), sent: 0 };
        svm.svm.add_program(ID, &bytes).expect("loads");
        for listed in desired(EXAMPLE).reserves {
            svm.mint(listed.token.mint, listed.token.decimals);
        }
        for name in ["creator", "authority", "guardian", "collector", "stranger"] {
            svm.svm.airdrop(&key(name).pubkey(), 100_000_000_000).expect("lamports");
        }
        let clock: Clock = svm.svm.get_sysvar();
        svm.svm.set_sysvar(&Clock { unix_timestamp: START, ..clock });
        svm
    }

    fn mint(&mut self, address: Address, decimals: u8) {
        let mut data = vec![0; 82];
        (data[44], data[45]) = (decimals, 1);
        let account = Account { lamports: 1 << 40, data, owner: TOKEN_PROGRAM, ..Account::default() };
        self.svm.set_account(address, account).expect("no sysvar");
    }

    fn advance(&mut self, seconds: i64) {
        let clock: Clock = self.svm.get_sysvar();
        self.svm.set_sysvar(&Clock { unix_timestamp: clock.unix_timestamp + seconds, ..clock });
    }

    /// Runs something with keys; what it prints, and whether nothing is left to do.
    fn session<T>(&mut self, keys: &[&str], act: impl FnOnce(&mut Session) -> Result<T>) -> Result<(String, T)> {
        let keys = Keys::from(keys.iter().map(|name| key(name)).collect::<Vec<_>>());
        let mut out = Vec::new();
        let mode = if keys.keys.is_empty() { Mode::DryRun } else { Mode::Send { is_mainnet_meant: false } };
        let result = act(&mut Session::new(self, keys, mode, false, &mut out));
        result.map(|result| (String::from_utf8(out).expect("text"), result))
    }

    fn apply(&mut self, file: &str, keys: &[&str]) -> (String, bool) {
        let desired = desired(file);
        self.session(keys, |session| session.apply(&desired)).expect("applied")
    }

    fn view(&mut self) -> MarketView {
        let address = desired(EXAMPLE).address();
        let found = self.session(&[], |session| session.find_market(address)).expect("read");
        found.1.expect("a market")
    }
}

fn key(name: &str) -> Keypair {
    let mut seed = [7; 32];
    seed[..name.len()].copy_from_slice(name.as_bytes());
    Keypair::new_from_array(seed)
}

/// A file with the test's keys in place of the example's.
fn with_keys(file: &str) -> String {
    let places = HashMap::from([
        ("Creator1111111111111111111111111111111111111", "creator"),
        ("Authority11111111111111111111111111111111111", "authority"),
        ("Guardian111111111111111111111111111111111111", "guardian"),
        ("FeeCoLLector11111111111111111111111111111111", "collector"),
    ]);
    places.iter().fold(file.to_owned(), |file, (place, name)| file.replace(place, &key(name).pubkey().to_string()))
}

fn desired(file: &str) -> Desired {
    Desired::parse(&with_keys(file), "").expect("a good file")
}

/// The example with something else in place of what must be there.
fn changed(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(EXAMPLE.to_owned(), |file, (old, new)| {
        assert!(file.contains(old), "{old}");
        file.replacen(old, new, 1)
    })
}

/// A launched market of the example.
fn launched() -> Svm {
    let mut svm = Svm::new();
    assert!(svm.apply(EXAMPLE, &["creator"]).0.contains("must sign the next step"));
    assert!(svm.apply(EXAMPLE, &["authority"]).1);
    svm
}

#[test]
fn from_nothing_to_a_launched_market_and_no_further() {
    let mut svm = Svm::new();
    let (printed, done) = svm.apply(EXAMPLE, &[]);
    assert!(!done && svm.sent == 0 && printed.contains("create market") && printed.contains("list cbBTC as reserve 2"));
    assert!(printed.contains("accept authority") && printed.contains("launch"));

    // The creator sets everything up, the authority accepts and launches.
    let (_, done) = svm.apply(EXAMPLE, &["creator"]);
    assert!(!done && svm.sent == 7 && svm.view().market.config.launched == 0);
    let (_, done) = svm.apply(EXAMPLE, &["stranger"]);
    assert!(!done && svm.sent == 7, "a stranger has nothing to sign");
    let (printed, done) = svm.apply(EXAMPLE, &["stranger", "authority"]);
    assert!(done && svm.sent == 9 && printed.contains("nothing to do"), "{printed}");

    let (view, file) = (svm.view(), desired(EXAMPLE));
    assert_eq!(view.market.config, MarketConfig { launched: 1, ..file.config });
    assert_eq!(view.market.authority, to_engine(&file.authority));
    assert_eq!(view.reserves.len(), file.reserves.len());
    for (reserve, listed) in view.reserves.iter().zip(&file.reserves) {
        assert_eq!((reserve.mint, reserve.config), (to_engine(&listed.token.mint), listed.config));
    }
    let (printed, done) = svm.apply(EXAMPLE, &["authority"]);
    assert!(done && svm.sent == 9 && printed.contains("nothing to do"));
}

#[test]
fn what_was_begun_is_taken_up_where_it_stopped() {
    let (mut svm, file) = (Svm::new(), desired(EXAMPLE));
    loop {
        // One step, and then the connection breaks.
        let step = svm.session(&["creator"], |session| {
            let (state, payer) = (State::read(session.cluster, &file)?, session.keys.payer());
            let first = plan(&file, state, payer)?.steps.swap_remove(0);
            session.carry_out(&[first])
        });
        if step.expect("sent").1 == 0 {
            break;
        }
    }
    assert_eq!(svm.sent, 7);
    assert!(svm.apply(EXAMPLE, &["authority"]).1);
    assert_eq!(svm.sent, 9);
}

#[test]
fn a_changed_file_tightens_at_once_queues_the_rest_and_makes_it_when_due() {
    let mut svm = launched();
    let file = changed(&[
        ("initial_asset = \"75 %\"", "initial_asset = \"70 %\""),
        ("deposit_cap = \"100_000 tokens\"", "deposit_cap = \"200_000 tokens\""),
        ("delay = \"2 days\"", "delay = \"3 days\""),
        ("loss_limit = \"50_000 USD\"", "loss_limit = \"60_000 USD\""),
        ("Guardian111111111111111111111111111111111111", "CounciL1111111111111111111111111111111111111"),
    ]);
    let sent = svm.sent;
    let (printed, done) = svm.apply(&file, &["authority"]);
    for words in [
        "lower risk.cross.initial_asset of SOL from 75 % to 70 %, at once",
        "raise delay of the market from 2 d to 3 d, at once",
        "queue: raise deposit_cap of SOL from 100_000 tokens to 200_000 tokens",
        "queue: raise loss_limit of the market from 50_000 USD to 60_000 USD",
        "queue: set roles.guardian of the market",
        "due 2026-05-31 20:26 UTC",
        "wait: change 3 is due in 6 d: set roles.guardian",
        "wait: change 4 is due in 3 d: raise loss_limit",
    ] {
        assert!(printed.contains(words), "{words}: {printed}");
    }
    assert_eq!((done, svm.sent - sent), (false, 5));
    // Asked again it waits, and queues nothing twice.
    let (_, done) = svm.apply(&file, &["authority"]);
    assert_eq!((done, svm.sent - sent), (false, 5));

    svm.advance(3 * DAY);
    let (printed, done) = svm.apply(&file, &["stranger"]);
    assert!(printed.contains("execute change 5, due: raise deposit_cap of SOL"), "{printed}");
    assert_eq!((done, svm.sent - sent), (false, 7));
    svm.advance(3 * DAY);
    assert!(svm.apply(&file, &["stranger"]).1, "anyone may");
    let (view, file) = (svm.view(), desired(&file));
    assert_eq!(view.market.config, MarketConfig { launched: 1, ..file.config });
    assert_eq!(view.reserves[1].config, file.reserves[1].config);
}

/// No longer lending a token takes risk away, but a token that is no collateral either has no use, and what makes it collateral
/// waits.
#[test]
fn what_cannot_be_made_alone_is_queued_together() {
    let weights = "cross = { initial_asset = \"75 %\", maintenance_asset = \"82 %\"";
    let debt = changed(&[(weights, "cross = { initial_asset = 0, maintenance_asset = 0")]);
    let least = "min_deposit = \"0.0001 tokens\"";
    let collateral = changed(&[(least, &format!("{least}\nborrow_enabled = false"))]);
    let mut svm = Svm::new();
    svm.apply(&debt, &["creator"]);
    assert!(svm.apply(&debt, &["authority"]).1);
    let (printed, _) = svm.apply(&collateral, &["authority"]);
    let words = "queue: set borrow_enabled of SOL from";
    assert!(printed.contains(words) && !printed.contains("at once"), "{printed}");
    svm.advance(2 * DAY);
    assert!(svm.apply(&collateral, &["stranger"]).1);
    assert_eq!(svm.view().reserves[1].config, desired(&collateral).reserves[1].config);
}

/// A stolen guardian's key could cancel its replacement together with anything else.
#[test]
fn a_guardian_is_replaced_by_a_change_of_its_own_and_authority_passes_when_it_is_accepted() {
    let mut svm = launched();
    let stranger = key("stranger").pubkey().to_string();
    let file = changed(&[
        ("Authority11111111111111111111111111111111111", &stranger),
        ("Guardian111111111111111111111111111111111111", &stranger),
        ("CounciL1111111111111111111111111111111111111", &stranger),
    ]);
    let (printed, _) = svm.apply(&file, &["authority"]);
    assert!(printed.contains("queue: set roles.nominee of the market from none"), "{printed}");
    let address = svm.view().address;
    let cancel = |svm: &mut Svm, number: u64| {
        let cancel = Command::Cancel { words: vec![address.to_string(), number.to_string()] };
        svm.session(&["guardian"], |session| cancel.run(session)).map_err(|error| format!("{error:#}"))
    };
    let own = format!("Custom({})", engine::Error::GuardianCannotKeepOffice.code());
    assert!(cancel(&mut svm, 3).expect_err("its own").contains(&own));
    svm.advance(4 * DAY);
    let (printed, done) = svm.apply(&file, &["creator"]);
    assert!(!done && printed.contains(&format!("accept authority, as {stranger}")), "{printed}");
    assert!(svm.apply(&file, &["stranger"]).1);
    let (market, config) = (svm.view().market, desired(&file).config);
    assert_eq!(market.authority, config.roles.guardian);
    assert_eq!(market.config, MarketConfig { launched: 1, ..config });
}

#[test]
fn new_reserves_wait_are_capped_and_come_one_at_a_time() {
    let mut svm = launched();
    let start = EXAMPLE.find("[[reserves]]").expect("USDC");
    let usdc = &EXAMPLE[start..EXAMPLE.find("[[reserves]]\nname = \"SOL\"").expect("the next")];
    let new = |svm: &mut Svm, name: &str, more: &str| {
        let mint = Address::new_from_array([name.len() as u8; 32]);
        svm.mint(mint, 6);
        let new = usdc.replace("USDC", name).replace("class = 0\n", more);
        new.replace("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", &mint.to_string())
    };
    let uncapped = format!("{EXAMPLE}{}", new(&mut svm, "A", "class = 0\n"));
    let refused = svm.session(&["authority"], |session| session.apply(&desired(&uncapped))).expect_err("uncapped");
    assert!(refused.to_string().contains("queue: list A"), "{refused:#}");
    let capped = "class = 0\nborrowing_cap = 500_000\n";
    let file = [EXAMPLE, &new(&mut svm, "A", capped), &new(&mut svm, "BB", capped)].concat();
    assert!(!svm.apply(&file, &["authority"]).1);
    svm.advance(2 * DAY);
    let (printed, done) = svm.apply(&file, &["stranger"]);
    assert!(!done && printed.contains("execute change 3, due: list A"), "{printed}");
    assert!(printed.contains("wait: change 4 is due in 2 d: list BB") && svm.view().reserves.len() == 4, "{printed}");
    svm.advance(2 * DAY);
    assert!(svm.apply(&file, &["stranger"]).1);
    assert_eq!(svm.view().reserves.len(), 5);
}

/// The runbook's way: reduce-only, a term, and the end.
#[test]
fn a_reserve_that_leaves_the_file_is_closed_and_not_listed_anew() {
    let (mut svm, name) = (launched(), "name = \"cbBTC\"\n");
    let reduced = changed(&[(name, "name = \"cbBTC\"\nreduce_only = true\n")]);
    assert!(svm.apply(&reduced, &["authority"]).1, "at once");
    let ending = changed(&[(name, "name = \"cbBTC\"\nreduce_only = true\nrepay_by = \"2026-07-01 12:00\"\n")]);
    assert!(!svm.apply(&ending, &["authority"]).1);
    svm.advance(2 * DAY);
    assert!(svm.apply(&ending, &["stranger"]).1);

    let (without, _) = EXAMPLE.rsplit_once("[[reserves]]").expect("cbBTC is the last");
    let (printed, done) = svm.apply(without, &["authority"]);
    assert!(done && printed.contains("reserve 2, cbbtcf3aa"), "{printed}");
    let (destination, mut data) = (Address::new_from_array([8; 32]), vec![0; 165]);
    data[..32].copy_from_slice(desired(EXAMPLE).reserves[2].token.mint.as_ref());
    data[108] = 1;
    let account = Account { lamports: 1 << 40, data, owner: TOKEN_PROGRAM, ..Account::default() };
    svm.svm.set_account(destination, account).expect("no sysvar");
    let words = [svm.view().address.to_string(), "2".into(), destination.to_string()];
    let close = Command::Close { words: words.into() };
    svm.session(&["collector"], |session| close.run(session)).expect("closed");
    assert_eq!(svm.view().reserves[2].closed, 1);
    let (printed, done) = svm.apply(without, &["authority"]);
    assert!(done && !printed.contains("note"), "{printed}");
}

#[test]
fn others_changes_are_shown_and_left_alone() {
    let mut svm = launched();
    let once = changed(&[("deposit_cap = \"100_000 tokens\"", "deposit_cap = \"150_000 tokens\"")]);
    assert!(!svm.apply(&once, &["authority"]).1);
    // The file says something else now: nothing to do about it, but to be seen.
    let (printed, done) = svm.apply(EXAMPLE, &["authority"]);
    let words = "change 3, due 2026-05-30 20:26 UTC, is not the file's, and left alone: raise deposit_cap of SOL";
    assert!(done && printed.contains(words), "{printed}");
    svm.advance(2 * DAY);
    assert!(svm.apply(EXAMPLE, &["authority"]).1);
    svm.advance(8 * DAY);
    let (printed, _) = svm.apply(&once, &["authority"]);
    assert!(
        printed.contains("change 3 has expired") && printed.contains("queue: raise deposit_cap of SOL"),
        "{printed}"
    );
    let address = svm.view().address;
    let cancel = Command::Cancel { words: vec![address.to_string(), "3".into()] };
    svm.session(&["stranger"], |session| cancel.run(session)).expect("expired");
    assert!(!svm.apply(&once, &["authority"]).0.contains("expired"));
}

#[test]
fn a_change_that_would_be_refused_is_not_sent() {
    let mut svm = launched();
    let looser = changed(&[("initial_asset = \"75 %\"", "initial_asset = \"81 %\"")]);
    assert!(!svm.apply(&looser, &["authority"]).1);
    svm.advance(2 * DAY);
    // Meanwhile maintenance came down below it.
    let tight = changed(&[("maintenance_asset = \"82 %\"", "maintenance_asset = \"80 %\"")]);
    assert!(svm.apply(&tight, &["authority"]).1);
    let sent = svm.sent;
    let file = changed(&[
        ("initial_asset = \"75 %\"", "initial_asset = \"81 %\""),
        ("maintenance_asset = \"82 %\"", "maintenance_asset = \"82.5 %\""),
    ]);
    let (printed, done) = svm.apply(&file, &["authority"]);
    assert!(printed.contains("change 3 is due, but would be refused"), "{printed}");
    assert_eq!((done, svm.sent - sent), (false, 1), "maintenance is queued: {printed}");
}

#[test]
fn a_mint_that_is_not_the_files_is_refused() {
    let refuse = |svm: &mut Svm, reason: &str| {
        let refused = svm.session(&["creator"], |session| session.apply(&desired(EXAMPLE))).expect_err(reason);
        assert!(refused.to_string().contains(reason), "{refused:#}");
        assert_eq!(svm.sent, 0);
    };
    let (mut svm, usdc) = (Svm::new(), desired(EXAMPLE).reserves[0].token.mint);
    svm.mint(usdc, 8);
    refuse(&mut svm, "has 8 decimals, not 6");
    svm.svm.set_account(usdc, Account { lamports: 1, ..Account::default() }).expect("no sysvar");
    refuse(&mut svm, "belongs to the program 1111");
    svm.svm.set_account(usdc, Account::default()).expect("no sysvar");
    refuse(&mut svm, "there is no mint");
}

#[test]
fn a_file_with_mistakes_is_refused_with_all_of_them() {
    let file = changed(&[
        ("initial_asset = \"75 %\"", "initial_asset = \"101 %\""),
        ("loss_limit = \"50_000 USD\"", ""),
        ("speed = \"30 %\"", "sped = \"30 %\""),
        ("delay = \"2 days\"", "delay = \"2 h\""),
        ("name = \"SOL\"", "name = \"USDC\""),
        ("price_receiver = ", "nominee = "),
    ]);
    let refused = Desired::parse(&with_keys(&file), "").expect_err("mistakes").to_string();
    for words in [
        "market.delay is 2 h, but must be from 1 d to 30 d",
        "market: missing: roles.price_receiver, loss_limit",
        "market.roles.nominee follows from `authority`",
        "USDC.risk.cross.initial_asset is 101 %, but must be from 0 % to 100 %",
        "cbBTC: missing: controller.speed",
        "cbBTC.controller.sped is no parameter",
        "its name or its mint is another reserve's too",
    ] {
        assert!(refused.contains(words), "{words}: {refused}");
    }
    for (old, new, reason) in [
        ("launch = true", "launch = true\nlunch = true", "unknown: lunch"),
        ("launch = true", "", "launch is missing"),
        ("id = 0", "id = 70_000", "id: from 0 to 65535"),
        ("token_program = \"token\"", "token_program = \"spl\"", "neither token nor token-2022"),
        ("min_penalty = \"2 %\"", "min_penalty = \"9 %\"", "PenaltyOutOfRange"),
        ("[market]", "[market", "not TOML"),
    ] {
        let refused = Desired::parse(&with_keys(&changed(&[(old, new)])), "").expect_err(reason);
        assert!(format!("{refused:#}").contains(reason), "{refused:#}");
    }
}

#[test]
fn a_file_has_the_parameters_of_the_one_that_it_extends() -> Result<()> {
    let example = Desired::read(Path::new("../../migrations/market.toml"))?;
    let path = Path::new("../localnet/market.toml");
    let local = Desired::read(path)?;
    assert_eq!(local.config.target_health, example.config.target_health, "it says nothing of it");
    assert_ne!(local.config.loss_limit, example.config.loss_limit, "it has its own");
    let names: Vec<_> = local.reserves.iter().map(|listed| listed.token.name.as_str()).collect();
    assert_eq!(names, ["SOL", "BTC", "ETH", "USDC", "USDT"], "reserves are its own");

    let own = std::fs::read_to_string(path)?;
    assert_eq!(Desired::parse(&own, EXAMPLE)?.config, local.config);
    let refused = |text: &str, base: &str| format!("{:#}", Desired::parse(text, base).expect_err("refused"));
    assert!(refused(&own, &own).contains("itself extends another"));
    assert_eq!(refused(&own.replace("id = 0\n", ""), EXAMPLE), "id is missing", "which market it is");
    assert!(refused(&own, "").contains("missing: "));

    let folder = std::env::temp_dir().join(format!("ballast-extends-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let moved = folder.join("market.toml");
    for (extends, words) in [("\"no-such.toml\"", "extends: cannot read"), ("7", "extends: not the path of a file")] {
        std::fs::write(&moved, own.replace("\"../../migrations/market.toml\"", extends))?;
        let error = format!("{:#}", Desired::read(&moved).expect_err(words));
        assert!(error.contains(words), "{error}");
    }
    Ok(std::fs::remove_dir_all(&folder)?)
}

/// Their places stand for addresses, and their files are not read.
#[test]
fn the_commands_of_the_documents_are_understood() {
    let documents = [
        include_str!("../../../../../docs/command-line.md"),
        include_str!("../../../../../docs/runbook.md"),
        include_str!("../../../../../migrations/README.md"),
    ];
    let lines = documents.iter().flat_map(|text| text.lines()).map(str::trim);
    let commands: Vec<_> = lines.filter(|line| line.starts_with("ballast ")).collect();
    assert!(commands.len() > 40);
    for command in commands {
        let words = command.split_whitespace().take_while(|word| !["#", "|", ">"].contains(word));
        // Tests run in the crate's folder.
        let words = words.map(|word| match word {
            _ if word.starts_with('$') => "11111111111111111111111111111111",
            "migrations/market.toml" => "../../migrations/market.toml",
            word => word,
        });
        crate::Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{command}: {error}"));
    }
}

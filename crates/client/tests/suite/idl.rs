//! The client against the committed IDL: what the program says of itself is what the client builds and decodes.

use ballast_client::{ID, engine, error_name, instruction};
use serde_json::Value;

fn idl() -> Value {
    serde_json::from_str(include_str!("../../../../idl/ballast.json")).expect("the IDL is JSON")
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map(Vec::as_slice).unwrap_or_default()
}

#[test]
fn the_program_id_is_the_programs() {
    assert_eq!(idl()["address"], ID.to_string());
}

#[test]
fn every_instruction_has_the_programs_tag_accounts_and_arguments() {
    let idl = idl();
    let instructions = list(&idl, "instructions");
    assert_eq!(instructions.len(), instruction::ALL.len());
    for spec in instruction::ALL {
        let of_program = instructions.iter().find(|candidate| candidate["name"] == spec.name);
        let of_program = of_program.unwrap_or_else(|| panic!("{} is not in the IDL", spec.name));
        assert_eq!(of_program["discriminator"], serde_json::json!([spec.tag]), "{}", spec.name);
        let accounts: Vec<_> = list(of_program, "accounts")
            .iter()
            .map(|account| (account["name"].as_str(), account["signer"] == true, account["writable"] == true))
            .collect();
        let expected: Vec<_> =
            spec.accounts.iter().map(|account| (Some(account.name), account.signer, account.writable)).collect();
        assert_eq!(accounts, expected, "{}", spec.name);
        let arguments: Vec<_> = list(of_program, "args").iter().map(|argument| argument["name"].as_str()).collect();
        let expected: Vec<_> = spec.arguments.iter().map(|name| Some(*name)).collect();
        assert_eq!(arguments, expected, "{}", spec.name);
    }
}

#[test]
fn every_error_has_the_programs_name() {
    let idl = idl();
    let errors = list(&idl, "errors");
    assert_eq!(errors.len(), engine::Error::ALL.len());
    for error in errors {
        let code = error["code"].as_u64().and_then(|code| u32::try_from(code).ok()).expect("a code");
        assert_eq!(error_name(code), error["name"].as_str(), "{code}");
    }
}

#[test]
fn accounts_have_the_programs_discriminators() {
    let idl = idl();
    let discriminator = |name: &str| {
        let account = list(&idl, "accounts").iter().find(|account| account["name"] == name);
        account.expect("an account of the program")["discriminator"].clone()
    };
    assert_eq!(discriminator("Market"), serde_json::json!(engine::state::market::Market::DISCRIMINATOR));
    assert_eq!(discriminator("MarginAccount"), serde_json::json!(engine::state::account::MarginAccount::DISCRIMINATOR));
    assert_eq!(discriminator("Stake"), serde_json::json!(engine::state::insurance::Stake::DISCRIMINATOR));
    assert_eq!(discriminator("Change"), serde_json::json!(engine::state::change::Change::DISCRIMINATOR));
    assert_eq!(discriminator("Vault"), serde_json::json!(engine::state::vault::Vault::DISCRIMINATOR));
    assert_eq!(discriminator("ExitRequest"), serde_json::json!(engine::state::vault::ExitRequest::DISCRIMINATOR));
    assert_eq!(discriminator("TermDeposit"), serde_json::json!(engine::state::vault::TermDeposit::DISCRIMINATOR));
    assert_eq!(list(&idl, "accounts").len(), 7);
}

#[test]
fn events_have_the_programs_discriminators_and_sizes() {
    let idl = idl();
    for event in list(&idl, "events") {
        let name = event["name"].as_str().expect("a name");
        let definition = list(&idl, "types").iter().find(|candidate| candidate["name"] == name).expect("its type");
        let size: usize = list(&definition["type"], "fields").iter().map(|field| size_of_type(&field["type"])).sum();
        let mut bytes: Vec<u8> =
            list(event, "discriminator").iter().filter_map(Value::as_u64).map(|byte| byte as u8).collect();
        bytes.resize(8 + size, 0);
        let decoded = ballast_client::Event::decode(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(format!("{decoded:?}").starts_with(name), "{name} decodes to {decoded:?}");
    }
}

fn size_of_type(ty: &Value) -> usize {
    match ty.as_str() {
        Some("u8" | "bool") => 1,
        Some("u16") => 2,
        Some("u32") => 4,
        Some("u64" | "i64") => 8,
        Some("pubkey") => 32,
        Some(other) => panic!("unexpected type {other}"),
        None => {
            let array = list(ty, "array");
            size_of_type(&array[0]) * array[1].as_u64().expect("a length") as usize
        }
    }
}

/// What CONTRIBUTING lists under a heading: the path that each number begins with.
fn by_hand(heading: &str) -> Vec<String> {
    let text = include_str!("../../../../CONTRIBUTING.md");
    let (_, section) = text.split_once(&format!("\n## {heading}\n")).expect("the heading");
    let section = section.split("\n## ").next().expect("text");
    let items = section.lines().filter(|line| line.starts_with(|first: char| first.is_ascii_digit()));
    let path = |item: &str| item.split('`').nth(1).expect("a path").to_owned();
    items.map(path).collect()
}

#[test]
fn what_has_to_be_written_by_hand_is_little_and_where_contributors_are_told() {
    for (heading, most) in [("A new parameter", 3), ("A new instruction", 8)] {
        let paths = by_hand(heading);
        assert!((1..=most).contains(&paths.len()), "{heading}: {paths:?}");
        for path in paths {
            let there = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(&path).exists();
            assert!(there, "{heading}: there is no {path}");
        }
    }
}

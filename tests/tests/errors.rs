//! Every error of the protocol is produced on the bytecode by some test.

use std::{collections::BTreeSet, fs, path::Path};

use ballast_engine::Error;

/// Errors that no instruction can return, with the reason.
const UNREACHABLE: &[(&str, &str)] =
    &[("RecipientIsAccount", "the framework refuses an account given twice, one of them writable, with Custom(2040)")];

/// The names in `Error::Name` in a text.
fn named(text: &str) -> BTreeSet<String> {
    text.split("Error::").skip(1).map(|rest| rest.chars().take_while(char::is_ascii_alphanumeric).collect()).collect()
}

#[test]
fn every_error_is_produced_by_a_test_on_the_bytecode() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut tested = BTreeSet::new();
    for entry in fs::read_dir(directory).expect("the tests are there") {
        let path = entry.expect("readable").path();
        if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("errors.rs") {
            tested.extend(named(&fs::read_to_string(path).expect("text")));
        }
    }
    let names: Vec<_> = Error::ALL.iter().map(|error| error.name()).collect();
    let excused: Vec<_> = UNREACHABLE.iter().map(|(name, _)| *name).collect();
    let missing: Vec<_> = names.iter().filter(|name| !tested.contains(**name) && !excused.contains(name)).collect();
    assert!(missing.is_empty(), "no test expects {missing:?}");
    let needless: Vec<_> = excused.iter().filter(|name| tested.contains(**name) || !names.contains(name)).collect();
    assert!(needless.is_empty(), "tested after all, or no longer an error: {needless:?}");
}

//! Every error of the protocol is produced on the bytecode by some test.

use std::{collections::BTreeSet, fs, path::Path};

use ballast_engine::Error;

/// The names in `Error::Name` in a text.
fn named(text: &str) -> BTreeSet<String> {
    text.split("Error::").skip(1).map(|rest| rest.chars().take_while(char::is_ascii_alphanumeric).collect()).collect()
}

#[test]
fn every_error_is_produced_by_a_test_on_the_bytecode() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("suite");
    let mut tested = BTreeSet::new();
    for entry in fs::read_dir(directory).expect("the tests are there") {
        let path = entry.expect("readable").path();
        if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("errors.rs") {
            tested.extend(named(&fs::read_to_string(path).expect("text")));
        }
    }
    let missing: Vec<_> = Error::ALL.iter().map(|error| error.name()).filter(|name| !tested.contains(*name)).collect();
    assert!(missing.is_empty(), "no test expects {missing:?}");
}

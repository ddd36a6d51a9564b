//! Every error of the protocol is produced on the bytecode by some test.

use std::collections::BTreeSet;

use crate::support::sources::sources;
use ballast_engine::Error;

/// Errors of the engine that the program never gets to, and why.
const UNREACHABLE: [(Error, &str); 1] =
    [(Error::RequestOpen, "the account of a request is there as long as the request, and is not created twice")];

/// The names in `Error::Name` in a text.
fn named(text: &str) -> BTreeSet<String> {
    text.split("Error::").skip(1).map(|rest| rest.chars().take_while(char::is_ascii_alphanumeric).collect()).collect()
}

#[test]
fn every_error_is_produced_by_a_test_on_the_bytecode() {
    let tested = named(&sources("errors.rs"));
    let missing: Vec<_> = Error::ALL.iter().map(|error| error.name()).filter(|name| !tested.contains(*name)).collect();
    let unreachable = UNREACHABLE.map(|(error, _)| error.name());
    assert_eq!(missing, unreachable, "errors that no test expects");
}

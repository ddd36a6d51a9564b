//! The text of the suites.

use std::{fs, path::Path};

/// The text of every suite and of every folder in it, but for the files of a name.
pub fn sources(without: &str) -> String {
    let mut text = String::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("suite"), without, &mut text);
    text
}

/// The text of every suite here, and of the engine's.
pub fn sources_of_all_tests() -> String {
    let mut text = sources("none");
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/engine/tests/suite"), "none", &mut text);
    text
}

fn read(folder: &Path, without: &str, text: &mut String) {
    for entry in fs::read_dir(folder).expect("the suites are there") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            read(&path, without, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with(without) {
            text.push_str(&fs::read_to_string(path).expect("text"));
        }
    }
}

//! Whom to tell of a vulnerability stands in both builds of the program, where explorers look for it.

use std::path::Path;

use ballast_tests::{program_path, read_program};
use solana_security_txt::{Contact, SECURITY_TXT_BEGIN, SECURITY_TXT_END, find_and_parse};

/// Where a text stands in a file.
fn places(bytes: &[u8], text: &str) -> Vec<usize> {
    let is_there = |at: &usize| bytes[*at..].starts_with(text.as_bytes());
    (0..bytes.len()).filter(is_there).collect()
}

#[test]
fn both_builds_say_where_to_report_a_vulnerability() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let v0 = root.join("target/deploy/v0/ballast.so");
    let policy = std::fs::read_to_string(root.join("SECURITY.md")).expect("the policy");
    for (path, command) in [(program_path(), "scripts/build"), (v0, "scripts/build --arch v0")] {
        let bytes = read_program(&path, command);
        let (begin, end) = (places(&bytes, SECURITY_TXT_BEGIN), places(&bytes, SECURITY_TXT_END));
        assert_eq!((begin.len(), end.len()), (1, 1), "{}", path.display());
        assert!(begin[0] < end[0] && end[0] - begin[0] < 1_000);
        let text = find_and_parse(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(text.name, "Ballast");
        assert!(text.project_url.starts_with("https://"), "{}", text.project_url);
        assert!(text.policy.starts_with("SECURITY.md") || text.policy.starts_with("https://"), "{}", text.policy);
        assert!(!text.contacts.is_empty());
        for contact in &text.contacts {
            // What is no address is a way that the policy describes.
            if let Contact::Other(way) = contact {
                assert!(policy.contains(way.as_str()), "SECURITY.md does not say: {way}");
            }
        }
    }
}

#[test]
fn without_its_markers_nothing_is_found() {
    let mut bytes = read_program(&program_path(), "scripts/build");
    let [begin] = places(&bytes, SECURITY_TXT_BEGIN)[..] else { panic!("one beginning") };
    bytes[begin] ^= 1;
    assert!(find_and_parse(&bytes).is_err());
}

//! `benchmarks/compute-units.json`.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

/// One measurement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    pub operation: String,
    pub positions: u8,
    pub compute_units: u64,
    pub transaction_bytes: usize,
}

/// The repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn path() -> PathBuf {
    root().join("benchmarks/compute-units.json")
}

/// The committed measurements.
pub fn read() -> Vec<Row> {
    let text = std::fs::read_to_string(path()).unwrap_or_else(|error| panic!("{}: {error}", path().display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path().display()))
}

/// Writes measurements, one to a line.
pub fn write(rows: &[Row]) {
    let lines: Vec<_> = rows.iter().map(|row| format!("  {}", serde_json::to_string(row).expect("plain"))).collect();
    std::fs::write(path(), format!("[\n{}\n]\n", lines.join(",\n"))).expect("benchmarks/ is writable");
}

/// What differs, for people; empty if nothing does.
pub fn differences(committed: &[Row], measured: &[Row]) -> String {
    let key = |row: &Row| (row.operation.clone(), row.positions);
    let cell = |row: Option<&Row>| {
        row.map_or("-".into(), |row| format!("{} CU {} B", row.compute_units, row.transaction_bytes))
    };
    let old: BTreeMap<_, _> = committed.iter().map(|row| (key(row), row)).collect();
    let new: BTreeMap<_, _> = measured.iter().map(|row| (key(row), row)).collect();
    let mut lines = Vec::new();
    for key in old.keys().chain(new.keys().filter(|key| !old.contains_key(*key))) {
        let (before, after) = (old.get(key).copied(), new.get(key).copied());
        if before != after {
            lines.push(format!("{:<20} {:>2}: {:>18} -> {}", key.0, key.1, cell(before), cell(after)));
        }
    }
    lines.join("\n")
}

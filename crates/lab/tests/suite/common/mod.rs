//! `ballast-lab` from outside. Needs the program: scripts/build.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// Runs an experiment in the repository's folder.
pub fn run(experiment: &str, arguments: &[&str]) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut command = Command::new(env!("CARGO_BIN_EXE_ballast-lab"));
    command.current_dir(root).arg(experiment).args(arguments).output().expect("the command starts")
}

/// What it prints when it succeeds.
pub fn success(experiment: &str, arguments: &[&str]) -> String {
    let output = run(experiment, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What it says when it refuses.
pub fn failure(experiment: &str, arguments: &[&str]) -> String {
    let output = run(experiment, arguments);
    assert!(!output.status.success() && output.stdout.is_empty(), "{arguments:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A folder for the files of a test.
pub fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("ballast-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for temporary files");
    folder
}

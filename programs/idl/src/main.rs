//! `ballast-idl <program folder> <output file> [cargo argument]…`
//!
//! Writes the program's IDL as indented JSON. The file is left alone when nothing changed.
use std::{env, error::Error, fs, path::PathBuf};

use anchor_lang_idl::build::IdlBuilder;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let (Some(program), Some(output)) = (args.next(), args.next()) else {
        return Err("usage: ballast-idl <program folder> <output file> [cargo argument]…".into());
    };

    let mut idl = IdlBuilder::new()
        .program_path(PathBuf::from(program))
        .cargo_args(args.collect())
        .build()?;
    // The one list that the builder leaves in the order in which the test threads finished.
    idl.errors.sort_by_key(|error| error.code);

    let json = serde_json::to_string_pretty(&idl)? + "\n";
    if fs::read_to_string(&output).is_ok_and(|old| old == json) {
        return Ok(());
    }
    if let Some(folder) = PathBuf::from(&output).parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(output, json)?;
    Ok(())
}

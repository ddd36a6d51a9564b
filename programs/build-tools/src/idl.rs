//! Writes the program's IDL as indented JSON.

use std::{error::Error, path::Path};

use anchor_lang_idl::{build::IdlBuilder, types::IdlTypeDefTy};

/// Writes the IDL of the program in a folder; the arguments are for the `cargo test` that collects it.
pub fn write(program: &Path, output: &Path, cargo_args: &[String]) -> Result<(), Box<dyn Error>> {
    let mut idl = IdlBuilder::new().program_path(program.into()).cargo_args(cargo_args.to_vec()).build()?;
    // The one list that the builder leaves in the order in which the test threads finished.
    idl.errors.sort_by_key(|error| error.code);
    // Aliases of the framework's types, which no field refers to and Codama cannot read.
    idl.types.retain(|definition| !matches!(definition.ty, IdlTypeDefTy::Type { .. }));

    crate::put(output, &(serde_json::to_string_pretty(&idl)? + "\n"))
}

//! `benchmarks/multisig.json`: what it costs to sign by a multisig.

use std::path::PathBuf;

use ballast_client::{ID, Instruction, instruction::InstructionSpec};
use ballast_tests::{MAX_TRANSACTION, Multisig, Proposal, World};
use serde::Serialize;

/// One measurement.
#[derive(Serialize)]
struct Row {
    operation: String,
    /// Of the transaction that executes.
    compute_units: u64,
    /// The program's part of that.
    of_ballast: u64,
    propose_bytes: usize,
    execute_bytes: usize,
}

#[derive(Default)]
pub struct Costs {
    rows: Vec<Row>,
    /// Which were run, by name.
    pub instructions: Vec<&'static str>,
}

impl Costs {
    /// Runs one instruction through a multisig, which must succeed, and measures it.
    #[track_caller]
    pub fn run(&mut self, operation: &str, multisig: &Multisig, world: &mut World, instruction: Instruction) {
        let proposal = multisig.propose(world, std::slice::from_ref(&instruction));
        self.approve_and_execute(operation, multisig, world, &instruction, proposal);
    }

    /// The same of one that is too long to be stored and proposed in one transaction.
    #[track_caller]
    pub fn run_apart(&mut self, operation: &str, multisig: &Multisig, world: &mut World, instruction: Instruction) {
        let proposal = multisig.propose_apart(world, std::slice::from_ref(&instruction));
        self.approve_and_execute(operation, multisig, world, &instruction, proposal);
    }

    #[track_caller]
    fn approve_and_execute(
        &mut self,
        operation: &str,
        multisig: &Multisig,
        world: &mut World,
        instruction: &Instruction,
        proposal: Proposal,
    ) {
        let name = InstructionSpec::of_tag(instruction.data[0]).expect("an instruction of the program").name;
        if !self.instructions.contains(&name) {
            self.instructions.push(name);
        }
        multisig.approve(world, &proposal);
        let executed = multisig.execute(world, &proposal).expect_ok();
        let (propose_bytes, execute_bytes) = (proposal.outcome.transaction_bytes, executed.transaction_bytes);
        assert!(propose_bytes.max(execute_bytes) <= MAX_TRANSACTION, "{operation}: {propose_bytes}, {execute_bytes}");
        let of_ballast = consumed(&executed.logs);
        let row = Row {
            operation: operation.into(),
            compute_units: executed.compute_units,
            of_ballast,
            propose_bytes,
            execute_bytes,
        };
        self.rows.push(row);
    }

    /// Requires the committed figures, and the table in the README, to be these; or writes both.
    #[track_caller]
    pub fn compare(&self) {
        let benchmarks = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../benchmarks");
        let lines: Vec<_> =
            self.rows.iter().map(|row| format!("  {}", serde_json::to_string(row).expect("plain"))).collect();
        let measured = format!("[\n{}\n]\n", lines.join(",\n"));
        let path = benchmarks.join("multisig.json");
        let readme = benchmarks.join("README.md");
        let page = std::fs::read_to_string(&readme).expect("it is there");
        let updated = self.rows.iter().fold(page.clone(), |page, row| row.write_into(&page));
        if std::env::var_os("BALLAST_UPDATE_BENCHMARKS").is_some() {
            std::fs::write(&path, &measured).expect("benchmarks/ is writable");
            return std::fs::write(&readme, &updated).expect("benchmarks/ is writable");
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let other = measured.lines().filter(|line| !committed.lines().any(|old| old == *line));
        let other: Vec<_> = other.collect();
        assert!(committed == measured, "benchmarks/multisig.json is not what was measured:\n{}", other.join("\n"));

        assert!(page == updated, "the table in benchmarks/README.md is not what was measured");
    }
}

impl Row {
    /// A page with this row in place of the line of its operation.
    fn write_into(&self, page: &str) -> String {
        let Self { operation, compute_units, of_ballast, propose_bytes, execute_bytes } = self;
        let start = format!("| `{operation}` |");
        let line = format!("{start} {compute_units} | {of_ballast} | {propose_bytes} | {execute_bytes} |");
        assert!(page.contains(&start), "benchmarks/README.md has no line of {operation}");
        page.lines().map(|old| if old.starts_with(&start) { &line } else { old }.to_owned() + "\n").collect()
    }
}

/// What the program consumed, by the runtime's own log.
fn consumed(logs: &[String]) -> u64 {
    let start = format!("Program {ID} consumed ");
    let lines = logs.iter().filter_map(|line| line.strip_prefix(&start));
    let units = lines.map(|rest| rest.split(' ').next().and_then(|units| units.parse::<u64>().ok()).expect("a number"));
    units.sum()
}

//! The measurements for people, as a table in Markdown.

use super::Measured;

/// Prints a row for each number and a column for each size.
pub fn print(measured: &[Measured], threads: usize) {
    let rule = "|---:".repeat(measured.len());
    row("", measured, |one| group(one.accounts));
    println!("|---{rule}|");
    row("deposits and debts", measured, |one| group(one.positions));
    row("positions in perps", measured, |one| group(one.perps));
    row("liquidatable, all found", measured, |one| group(one.liquidatable));
    row("full, 1 thread, ms", measured, |one| format!("{:.2}", one.full_one_thread_ms));
    row("full, 1 thread, million accounts a second", measured, |one| rate(one, one.full_one_thread_ms));
    row(&format!("full, {threads} threads, ms"), measured, |one| format!("{:.2}", one.full_parallel_ms));
    row(&format!("full, {threads} threads, million accounts a second"), measured, |one| {
        rate(one, one.full_parallel_ms)
    });
    row("holders of the moved reserve", measured, |one| group(one.holders));
    row("one reserve moved, 1 thread, ms", measured, |one| format!("{:.2}", one.moved_one_thread_ms));
    row(&format!("one reserve moved, {threads} threads, ms"), measured, |one| format!("{:.2}", one.moved_parallel_ms));
    row("building the index, s", measured, |one| format!("{:.2}", one.build_seconds));
    row("index, bytes an account", measured, |one| (one.account_index_bytes / one.accounts.max(1)).to_string());
    row("index, MB", measured, |one| format!("{:.1}", one.account_index_bytes as f64 / 1e6));
    row("resident memory it adds, MB", measured, |one| format!("{:.1}", one.resident_bytes as f64 / 1e6));
}

fn row(name: &str, measured: &[Measured], cell: impl Fn(&Measured) -> String) {
    let cells: String = measured.iter().map(|one| format!(" {} |", cell(one))).collect();
    println!("| {name} |{cells}");
}

fn rate(one: &Measured, milliseconds: f64) -> String {
    format!("{:.1}", one.accounts as f64 / milliseconds / 1e3)
}

/// A number with its digits in groups of three.
fn group(number: usize) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let (head, tail) = digits.split_at(first);
    let groups = tail.as_bytes().chunks(3).map(|group| String::from_utf8_lossy(group).into_owned());
    let all: Vec<_> = (!head.is_empty()).then(|| head.to_owned()).into_iter().chain(groups).collect();
    all.join(",")
}

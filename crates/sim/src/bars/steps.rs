//! From rows to a series: their order, the grid that they are on, and what is off it.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};

use super::{Bar, Series, exact_label};

/// Puts rows, each with its line, in order of time on the grid of their most frequent step.
///
/// Rows may run either way, but one way. A last row that is off the grid is a bar that was not over when the file was
/// written: it is left out with a note. Any other is refused.
pub fn series(mut rows: Vec<(usize, Bar)>) -> Result<Series> {
    let mut notes = Vec::new();
    ensure!(!rows.is_empty(), "no bars: the file has no line below its header");
    ensure!(rows.len() > 1, "only one bar: at least two are needed to tell how long they are");
    let falls = rows[1].1.time < rows[0].1.time;
    for pair in rows.windows(2) {
        let ([(_, before), (line, bar)], time) = ([pair[0], pair[1]], exact_label(pair[1].1.time));
        if bar.time == before.time {
            bail!("line {line}: {time} repeats the time of the row above");
        }
        let (order, first) = if falls { ("after", "latest") } else { ("before", "earliest") };
        ensure!(
            (bar.time < before.time) == falls,
            "line {line}: {time} is {order} {} in the row above, though the file begins with the {first}",
            exact_label(before.time)
        );
    }
    if falls {
        rows.reverse();
        notes.push("begins with the latest bar, and is read from its end".into());
    }

    let interval = interval(&rows)?;
    let phases = count(rows.iter().map(|(_, bar)| bar.time.rem_euclid(interval)));
    // Of two halves the first is on the grid.
    let first = rows[0].1.time.rem_euclid(interval);
    let phase = phases.into_iter().max_by_key(|(phase, count)| (*count, *phase == first)).map_or(first, |most| most.0);
    let is_off = |bar: &Bar| bar.time.rem_euclid(interval) != phase;
    if let Some((line, bar)) = rows.pop_if(|(_, bar)| is_off(bar)) {
        let time = exact_label(bar.time);
        notes.push(format!(
            "line {line}: the last bar, of {time}, is left out: it is off the grid of {interval} s, unfinished"
        ));
    }
    if let Some((line, bar)) = rows.iter().find(|(_, bar)| is_off(bar)) {
        let time = exact_label(bar.time);
        bail!("line {line}: {time} is off the grid of {interval} s that most rows are on");
    }
    Ok(Series { bars: rows.into_iter().map(|(_, bar)| bar).collect(), interval, notes })
}

/// The most frequent distance between rows in order of time. Of several the one that the others are multiples of: they
/// are holes.
fn interval(rows: &[(usize, Bar)]) -> Result<i64> {
    let counts = count(rows.windows(2).map(|pair| pair[1].1.time - pair[0].1.time));
    let most = counts.values().max().copied().unwrap_or_default();
    let mut frequent = counts.into_iter().filter(|(_, count)| *count == most).map(|(step, _)| step);
    let shortest = frequent.next().unwrap_or_default();
    if let Some(other) = frequent.find(|step| step % shortest != 0) {
        bail!("rows are {shortest} s apart as often as {other} s: how long a bar is cannot be told");
    }
    Ok(shortest)
}

fn count(numbers: impl Iterator<Item = i64>) -> BTreeMap<i64, usize> {
    let mut counts = BTreeMap::new();
    numbers.for_each(|number| *counts.entry(number).or_default() += 1);
    counts
}

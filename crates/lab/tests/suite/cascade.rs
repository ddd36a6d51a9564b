//! `ballast-lab cascade`.

use std::path::Path;

use crate::common::{failure, folder, success};

/// The columns of the table that the tests read.
const SOL_FALL: usize = 2;
const LIQUIDATED: usize = 6;

/// Plays a market of a few large accounts; the report, and the rows of the table.
fn play(folder: &Path, name: &str, arguments: &[&str]) -> (String, Vec<Vec<String>>) {
    let [html, markdown] = ["html", "md"].map(|kind| folder.join(format!("{name}.{kind}")));
    let paths = [&html, &markdown].map(|path| path.to_str().expect("a path in UTF-8"));
    let market = ["--accounts", "60", "--scale", "300", "--out", paths[0], "--markdown", paths[1]];
    let printed = success("cascade", &[&market[..], arguments].concat());
    assert!(printed.contains(paths[0]) && printed.contains(paths[1]), "the paths are printed: {printed}");
    let table = std::fs::read_to_string(&markdown).expect("written");
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_string()).collect();
    (std::fs::read_to_string(&html).expect("written"), table.lines().skip(2).map(cells).collect())
}

fn number(cell: &str) -> f64 {
    cell.trim_end_matches(" %").replace(',', "").parse().expect("a number")
}

#[test]
fn the_same_seed_gives_the_same_report_and_table_of_both_windows() {
    let folder = folder("cascade-seed");
    let of = |name: &str, seed: &str| play(&folder, name, &["--seed", seed]);
    let (first, again, other) = (of("a", "1"), of("b", "1"), of("c", "2"));
    let figures = std::fs::read_to_string(folder.join("a.json")).expect("written beside the report");
    assert_eq!(figures, std::fs::read_to_string(folder.join("b.json")).expect("written"));
    let figures: serde_json::Value = serde_json::from_str(&figures).expect("JSON");
    std::fs::remove_dir_all(&folder).expect("removed");
    assert!(first == again, "two runs of one seed differ");
    assert!(first != other, "two seeds give the same report");
    let (html, rows) = first;
    assert!(html.matches("<svg").count() >= 16 && !html.contains("NaN") && !html.contains("inf "));
    let names: Vec<_> = rows.iter().map(|row| [row[0].as_str(), row[1].as_str()]).collect();
    assert_eq!((&figures["experiment"], &figures["seed"]), (&"cascade".into(), &1.into()));
    let runs = figures["windows"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|window| window["runs"].as_array().into_iter().flatten());
    let liquidated: Vec<_> = runs.filter_map(|run| run["liquidated_usd"].as_f64()).collect();
    assert_eq!(liquidated.len(), rows.len());
    assert!(liquidated.iter().zip(&rows).all(|(usd, row)| (usd - number(&row[LIQUIDATED])).abs() <= 0.5));
    let expected = ["November 2022", "October 2025"]
        .map(|window| [[window, "no feedback"], [window, "unlimited"], [window, "phased"]]);
    assert_eq!(names, expected.concat());
    assert!(rows.iter().all(|row| number(&row[LIQUIDATED]) > 0.0));
}

#[test]
fn books_without_end_are_no_feedback_and_a_shallower_book_falls_deeper() {
    let folder = folder("cascade-depth");
    let of = |depth: &str| play(&folder, depth, &["--window", "november-2022", "--depth", depth]).1;
    let [endless, deep, shallow] = ["inf", "0.5", "0.1"].map(of);
    std::fs::remove_dir_all(&folder).expect("removed");
    assert_eq!(endless[0][2..], endless[1][2..]);
    let fall = |rows: &[Vec<String>], scenario: usize| number(&rows[scenario][SOL_FALL]);
    assert_eq!([fall(&endless, 1), fall(&deep, 0), fall(&shallow, 0)], [0.0; 3]);
    let (deep_fall, shallow_fall) = (fall(&deep, 1), fall(&shallow, 1));
    assert!(0.0 < deep_fall && deep_fall < shallow_fall, "{deep_fall} and {shallow_fall}");
    assert!(number(&deep[0][LIQUIDATED]) < number(&deep[1][LIQUIDATED]), "a fall by liquidations makes more of them");
}

#[test]
fn what_cannot_be_played_is_refused() {
    for wrong in ["0", "-1", "NaN", "deep"] {
        let message = failure("cascade", &[&format!("--depth={wrong}")]);
        assert!(message.contains(wrong) && message.contains("--depth <PERCENT>': not a number above 0"), "{message}");
    }
    assert!(failure("cascade", &["--scale", "0"]).contains("--scale <FACTOR>': not a number above 0"));
    assert!(failure("cascade", &["--half-life", "0"]).contains("1..=10080"));
    assert!(failure("cascade", &["--window", "may-2021"]).contains("november-2022"));
    assert!(failure("cascade", &["--program", "none.so"]).contains("cannot read the program none.so"));
}

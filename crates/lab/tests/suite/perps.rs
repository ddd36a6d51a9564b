//! `ballast-lab perps`.

use std::sync::LazyLock;

use serde_json::Value;

use crate::common::{failure, folder, success};

/// What the command writes.
struct Played {
    html: String,
    markdown: String,
    json: String,
}

/// Plays the stretch with fewest bars.
fn play(name: &str, arguments: &[&str]) -> Played {
    let folder = folder(&format!("perps-{name}"));
    let [html, markdown, json] = ["perps.html", "perps.md", "perps.json"].map(|file| folder.join(file));
    let paths = [&html, &markdown, &json].map(|path| path.to_str().expect("a path in Unicode"));
    let market = ["--window", "march-2020", "--accounts", "30", "--out", paths[0], "--markdown", paths[1]];
    let printed = success("perps", &[&market[..], arguments].concat());
    assert!(paths.iter().all(|path| printed.contains(path)), "the paths are printed: {printed}");
    let [html, markdown, json] = [html, markdown, json].map(|path| std::fs::read_to_string(path).expect("written"));
    std::fs::remove_dir_all(&folder).expect("removed");
    Played { html, markdown, json }
}

static FIRST: LazyLock<Played> = LazyLock::new(|| play("first", &["--seed", "1"]));

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn figures() -> Value {
    serde_json::from_str(&FIRST.json).expect("JSON")
}

#[test]
fn the_same_seed_gives_the_same_report_tables_and_figures() {
    let crowd = |name: &str, seed: &str| play(name, &["--crowd-only", "--seed", seed]);
    let (once, again, other) = (crowd("once", "1"), crowd("again", "1"), crowd("other", "2"));
    let all = |played: &Played| [played.html.clone(), played.markdown.clone(), played.json.clone()];
    assert!(all(&once) == all(&again), "two runs of one seed differ");
    assert!(all(&once).iter().zip(all(&other)).all(|(first, other)| *first != other), "two seeds are the same");
    assert!(once.html.matches("<svg").count() >= 6);
    for played in [&once, &FIRST] {
        assert!(!played.html.contains("NaN") && !played.html.contains("inf "));
        assert!(played.markdown.contains("| March 2020 | ") && played.html.contains("worst window, March 2020"));
    }
    assert!(!once.markdown.contains("sees the next seconds") && FIRST.markdown.contains("sees the next seconds"));
    let crowds = |played: &Played| serde_json::from_str::<Value>(&played.json).expect("JSON")["windows"].clone();
    assert_eq!(crowds(&once), crowds(&FIRST), "who sees the next seconds changes nothing for the crowd");
}

#[test]
fn what_the_pool_gained_is_what_its_owners_have_beyond_what_they_brought() {
    let all = figures();
    let window = &all["windows"][0];
    let sources = window["sources"].as_object().expect("sources");
    let gained: f64 = sources.values().map(number).sum();
    let expected = number(&window["worth"]) - number(&window["provided"]);
    assert!((gained - expected).abs() < 0.01, "{gained} and {expected}");
    assert!(number(&sources["rounding"]).abs() < 1.0, "{}", sources["rounding"]);
    assert!(number(&window["closed"]) > 0.0 && number(&window["drawdown"]) > 0.0);
    assert!(number(&window["losses"]["deposits"]) > 0.0 && number(&window["lenders_lost_to_borrowers"]) == 0.0);
}

#[test]
fn who_sees_farther_gains_more() {
    let all = figures();
    assert!(number(&all["trades_compared"]) >= 20.0, "{}", all["trades_compared"]);
    for clock in all["informed"].as_array().expect("clocks") {
        let trials = clock["trials"].as_array().expect("trials");
        let gain = |ahead: u64| {
            let is_default = |trial: &&Value| {
                trial["ahead"] == ahead
                    && trial["must_within"] == 600
                    && trial["with_confidence"] == true
                    && trial["lag"] == 1
                    && number(&trial["size"]) == 1.0
            };
            let trial = trials.iter().find(is_default).expect("a trial");
            assert!(number(&trial["trips"]) > 100.0, "{trial}");
            number(&trial["gain"])
        };
        assert!(gain(1) < gain(3) && gain(3) < gain(10));
    }
}

#[test]
fn what_cannot_be_played_is_refused() {
    assert!(failure("perps", &["--window", "may-2021"]).contains("october-2025"));
    assert!(failure("perps", &["--program", "none.so"]).contains("cannot read the program none.so"));
    assert!(failure("perps", &["--accounts", "0"]).contains("1..=20000"));
}

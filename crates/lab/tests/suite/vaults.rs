//! `ballast-lab vaults`.

use std::sync::LazyLock;

use serde_json::Value;

use crate::common::{failure, folder, success};

/// What a small market comes to: report, table and figures.
struct Played {
    html: String,
    markdown: String,
    json: String,
}

fn play(name: &str, arguments: &[&str]) -> Played {
    let folder = folder(&format!("vaults-{name}"));
    let [html, markdown, json] = ["html", "md", "json"].map(|kind| folder.join(format!("report.{kind}")));
    let paths = [&html, &markdown, &json].map(|path| path.to_str().expect("a path in UTF-8"));
    let market = ["--window", "march-2023", "--accounts", "90", "--out", paths[0], "--markdown", paths[1]];
    let printed = success("vaults", &[&market[..], arguments].concat());
    assert!(paths.iter().all(|path| printed.contains(path)), "the paths are printed: {printed}");
    let [html, markdown, json] = [html, markdown, json].map(|path| std::fs::read_to_string(path).expect("written"));
    std::fs::remove_dir_all(&folder).expect("removed");
    Played { html, markdown, json }
}

static FIRST: LazyLock<Played> = LazyLock::new(|| play("first", &["--seed", "1"]));

/// The figures of the window with the rule on, and off.
fn runs(played: &Played) -> [Value; 2] {
    let all: Value = serde_json::from_str(&played.json).expect("JSON");
    let runs = all["windows"][0]["runs"].as_array().expect("runs").clone();
    let runs: [Value; 2] = runs.try_into().expect("two runs");
    assert_eq!([&runs[0]["rule"], &runs[1]["rule"]], ["on", "off"]);
    runs
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn the_same_seed_gives_the_same_report_table_and_figures() {
    let (again, other) = (play("again", &["--seed", "1"]), play("other", &["--seed", "2"]));
    let all = |played: &Played| [played.html.clone(), played.markdown.clone(), played.json.clone()];
    assert!(all(&FIRST) == all(&again), "two runs of one seed differ");
    assert!(all(&FIRST).iter().zip(all(&other)).all(|(first, other)| *first != other), "two seeds are the same");
    assert!(FIRST.html.matches("<svg").count() >= 6 && !FIRST.html.contains("NaN") && !FIRST.html.contains("inf "));
    for rule in ["on", "off"] {
        assert!(FIRST.markdown.contains(&format!("| March 2023 | {rule} | ")), "{}", FIRST.markdown);
    }
}

#[test]
fn lenders_who_run_get_out_no_slower_with_the_rule() {
    let [on, off] = runs(&FIRST);
    for time in 0..3 {
        let [with, without] = [&on, &off].map(|run| number(&run["out_within"][time]["part"]));
        assert!(with >= without && (0.0..=1.0).contains(&without), "{with} and {without}");
    }
    let waits = |name: &str| [&on, &off].map(|run| number(&run[name]));
    let ([median, longer], [longest, longest_without]) = (waits("median_wait"), waits("longest_wait"));
    assert!(median <= longer && longest < longest_without, "{longest} and {longest_without} seconds");
    assert!(number(&on["still_in"]) <= number(&off["still_in"]));
    assert!(number(&on["lowest_coverage"]) > number(&off["lowest_coverage"]));
}

#[test]
fn nobody_gets_more_or_less_than_his_shares() {
    for run in runs(&FIRST) {
        let leavers = run["leavers"].as_array().expect("leavers");
        assert!(leavers.len() > 20, "{} want to leave", leavers.len());
        let mut fees = 0.0;
        for leaver in leavers {
            let payments = leaver["payments"].as_array().expect("payments");
            let sum = |name: &str| payments.iter().map(|payment| number(&payment[name])).sum::<f64>();
            assert!(sum("shares") <= number(&leaver["shares"]));
            assert_eq!(sum("shares") == number(&leaver["shares"]), number(&leaver["left"]) == 0.0);
            // What was paid, stayed as a fee and is left is what there was, and a little interest; rounding takes some atoms.
            let all = (sum("amount") + sum("fee") + number(&leaver["left"])) / number(&leaver["worth"]);
            assert!((0.999_999..1.03).contains(&all), "{all} of what a lender had");
            fees += sum("fee");
        }
        assert_eq!(fees, number(&run["exit_fees"]));
    }
}

#[test]
fn what_cannot_be_played_is_refused() {
    assert!(failure("vaults", &["--window", "may-2021"]).contains("october-2025"));
    assert!(failure("vaults", &["--program", "none.so"]).contains("cannot read the program none.so"));
    assert!(failure("vaults", &["--coverage", "0"]).contains("1..=60000"));
    assert!(failure("vaults", &["--exit-fee", "501"]).contains("0..=500"));
    assert!(failure("vaults", &["--buffer", "10001"]).contains("0..=10000"));
    assert!(failure("vaults", &["--lead", "241"]).contains("0..=240"));
    assert!(failure("vaults", &["--accounts", "0"]).contains("1..=20000"));
    // Ten days before any hour of a week there are no prices.
    let message = failure("vaults", &["--window", "october-2025", "--lead", "240"]);
    assert!(
        message.contains("October 2025: no run 240 h before a fall has a day before it and four after it"),
        "{message}"
    );
}

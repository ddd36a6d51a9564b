//! `ballast-lab stress`.

use std::path::Path;

use serde_json::Value;

use crate::common::{failure, folder, success};

/// Few runs of a few accounts; report and figures.
fn play(folder: &Path, name: &str, arguments: &[&str]) -> (String, String) {
    let html = folder.join(format!("{name}.html"));
    let out = html.to_str().expect("a path in UTF-8");
    let printed = success("stress", &[&["--accounts", "40", "--scale", "400", "--out", out], arguments].concat());
    assert!(printed.contains(out), "the path is printed: {printed}");
    let read = |kind: &str| std::fs::read_to_string(html.with_extension(kind)).expect("written");
    (read("html"), read("json"))
}

fn parsed(figures: &str) -> Value {
    serde_json::from_str(figures).expect("JSON")
}

#[test]
fn threads_and_interruptions_change_no_byte_and_another_seed_does() {
    let folder = folder("stress-seed");
    let shock = ["--runs", "20", "--shock", "3", "--generator", "filtered", "--sensitivity", "4", "--reverse", "1000"];
    let small = [&shock[..], &["--reverse-runs", "4"]].concat();
    let of = |name: &str, more: &[&str]| play(&folder, name, &[&small[..], more].concat());
    let (one, four) = (of("one", &["--threads", "1"]), of("four", &["--threads", "4"]));
    assert!(one == four, "the number of threads changes the report");
    let file = folder.join("runs.csv");
    let file = ["--runs-file", file.to_str().expect("a path in UTF-8")];
    play(&folder, "half", &[&["--runs", "7", "--shock", "3", "--generator", "filtered"][..], &file].concat());
    assert!(of("whole", &file) == one, "runs that are taken from a file change the report");
    let refused = failure("stress", &[&["--accounts", "41", "--runs", "7"][..], &file].concat());
    assert!(refused.contains("holds no runs of these settings"), "{refused}");
    assert!(of("other", &["--seed", "5"]) != one, "two seeds give the same report");
    std::fs::remove_dir_all(&folder).expect("removed");

    let (html, figures) = (one.0, parsed(&one.1));
    assert!(html.matches("<svg").count() == 2 && !html.contains("NaN") && !html.contains(">inf"), "{html}");
    let run = &figures["windows"][0]["runs"][0];
    assert_eq!((&figures["experiment"], &figures["traders"]), (&Value::from("stress"), &Value::from(40)));
    assert_eq!(run["outcomes"]["rows"].as_array().map(Vec::len), Some(20));
    assert_eq!(run["sensitivity"]["changes"].as_array().map(Vec::len), Some(22));
    assert!(run["figures"]["liquidated"]["worst"].as_f64() > Some(0.0), "{}", run["figures"]);
    assert!(run["reverse"]["reached"].as_array().is_some_and(|reached| !reached.is_empty()));
    for hash in ["data", "program", "settings"] {
        assert_eq!(figures["hashes"][hash].as_str().map(str::len), Some(64), "{hash}");
    }
}

#[test]
fn days_of_every_window_are_replayed_and_proved_on_the_bytecode() {
    let folder = folder("stress-replay");
    let (_, figures) = play(&folder, "replay", &["--generator", "replay", "--runs", "2", "--prove", "1"]);
    std::fs::remove_dir_all(&folder).expect("removed");
    let figures = parsed(&figures);
    let windows = figures["windows"].as_array().expect("windows");
    assert_eq!(windows.len(), 7);
    for window in windows {
        let proved = window["runs"][0]["actions_proved_on_the_bytecode"].as_u64();
        assert!(proved > Some(500), "{}: {proved:?}", window["window"]);
    }
}

#[test]
fn a_larger_shock_loses_more_and_a_dollar_that_breaks_is_found() {
    let folder = folder("stress-shock");
    let mean = |name: &str, more: &[&str]| {
        let arguments = [&["--runs", "12"][..], more].concat();
        let figures = parsed(&play(&folder, name, &arguments).1);
        ["bad_debt", "liquidated"].map(|figure| {
            let mean = &figures["windows"][0]["runs"][0]["figures"][figure]["mean"]["value"];
            mean.as_f64().expect("a number")
        })
    };
    for figure in 0..2 {
        let losses = ["1", "3", "9"].map(|shock| mean(shock, &["--shock", shock])[figure]);
        assert!(losses.is_sorted() && losses[2] > losses[0], "{losses:?}");
    }
    let (whole, broken) = (mean("whole", &[]), mean("broken", &["--break", "USDC=0.4"]));
    assert!(broken[0] > whole[0] && broken[1] > whole[1], "{broken:?} and {whole:?}");
    std::fs::remove_dir_all(&folder).expect("removed");
}

#[test]
fn what_cannot_be_played_is_refused() {
    let refused = |arguments: &[&str], expected: &str| {
        let message = failure("stress", arguments);
        assert!(message.contains(expected), "{arguments:?}: {message}");
    };
    refused(&["--runs", "1"], "2..=1000000");
    refused(&["--never", "1.5"], "not a share from 0 to 1");
    refused(&["--shock", "NaN"], "not a number above 0");
    refused(&["--floor", "0"], "not a share above 0");
    refused(&["--delay", "60"], "0..=50");
    refused(&["--break", "DOGE=0.5"], "DOGE is not listed; SOL, BTC, ETH, USDC, USDT are");
    refused(&["--break", "USDC=1.5"], "not a share from 0.001 to below 1");
    refused(&["--break", "USDC"], "expected ASSET=SHARE");
    refused(&["--window", "march-2020"], "--window goes with --generator replay");
    refused(&["--data", "sol"], "expected ASSET=FILE");
    refused(&["--data", "doge=x.csv"], "doge is none of SOL, BTC, ETH, USDC, USDT");
    refused(&["--data", "usdc=x.csv"], "names no volatile asset");
    refused(&["--data", "sol=none.csv"], "cannot open none.csv");
    refused(&["--leverage", "0.000001", "--accounts", "10", "--runs", "2", "--whale", "0"], "nobody borrows");
    let [hourly, fine] = ["btc-usdt-2020-03-covid-1h.csv.gz", "sol-usdt-2025-10-liq-5m.csv.gz"]
        .map(|file| format!("data/prices/{file}"));
    refused(
        &["--data", &format!("btc={hourly}"), "--data", &format!("sol={fine}")],
        "the series must share their times",
    );
    refused(&["--data", &format!("btc={hourly}"), "--to", "2020-03-08T12:00Z"], "are no day");
    refused(
        &["--data", &format!("btc={hourly}"), "--generator", "filtered"],
        "are too few for a tail: of its twentieth there must be thirty",
    );
}

//! `ballast demo`.

mod common;

use common::{failure, folder, success};

#[test]
fn the_same_seed_gives_the_same_report_and_another_seed_another() {
    let folder = folder("demo-seed");
    let report = |name: &str, seed: &str| {
        let file = folder.join(name);
        let path = file.to_str().expect("a path in UTF-8");
        let hours = ["--from", "2025-10-10T20:00", "--to", "2025-10-10T23:00"];
        let summary = success("demo", &[&["--accounts", "60", "--seed", seed, "--out", path], &hours[..]].concat());
        assert!(summary.contains(path), "the report's path is printed");
        std::fs::read_to_string(file).expect("the report")
    };
    let (first, again, other) = (report("a.html", "1"), report("b.html", "1"), report("c.html", "2"));
    std::fs::remove_dir_all(&folder).expect("removed");
    assert!(first == again, "two runs of one seed differ");
    assert!(first != other, "two seeds give the same report");
    assert!(first.matches("<svg").count() >= 8);
    assert!(!first.contains("NaN") && !first.contains("inf"));
}

#[test]
fn a_broken_file_is_refused_with_file_and_line() {
    let folder = folder("demo-broken");
    let header = "timestamp,open,high,low,close,volume\n";
    let good = format!("{header}300,2,3,1,2,0\n600,2,3,1,2,0\n");
    for asset in ["sol", "eth"] {
        std::fs::write(folder.join(format!("{asset}-x.csv")), &good).expect("written");
    }
    std::fs::write(folder.join("btc-x.csv"), format!("{header}300,2,3,1,2,0\n600,2,1,3,2,0\n")).expect("written");
    let message = failure("demo", &["--data", folder.to_str().expect("a path in UTF-8")]);
    std::fs::remove_dir_all(&folder).expect("removed");
    assert!(message.contains("btc-x.csv: line 3: the low of 3 is above the high of 1"), "{message}");
}

#[test]
fn a_fall_deeper_than_the_weights_leaves_bad_debt_and_balanced_books() {
    let folder = folder("demo-fall");
    for (asset, price) in [("sol", 200.0), ("btc", 100_000.0), ("eth", 4_000.0)] {
        let mut csv = String::from("timestamp,open,high,low,close,volume\n");
        for bar in 0..24 {
            let low = if bar == 12 { price * 0.3 } else { price };
            csv += &format!("{},{price},{price},{low},{price},1\n", 1_760_000_100 + bar * 300);
        }
        std::fs::write(folder.join(format!("{asset}-x.csv")), csv).expect("written");
    }
    let report = folder.join("report.html");
    let paths = [&folder, &report].map(|path| path.to_str().expect("a path in UTF-8"));
    let summary = success("demo", &["--data", paths[0], "--out", paths[1], "--accounts", "120"]);
    std::fs::remove_dir_all(&folder).expect("removed");
    let bad_debt = summary.lines().find(|line| line.starts_with("Bad debt ")).expect("in the summary");
    assert!(bad_debt.contains("USD in "), "{summary}");
    assert!(summary.contains("balanced to 2^-64 of an atom"), "{summary}");
}

#[test]
fn missing_files_are_named() {
    assert!(failure("demo", &["--data", "no/such/folder"]).contains("no/such/folder"));
    assert!(failure("demo", &["--data", "sol=none.csv"]).contains("--data names no file for BTC"));
    assert!(
        failure("demo", &["--program", "none.so"])
            .contains("cannot read the program none.so: build it with scripts/build")
    );
}

#[test]
fn an_empty_window_is_refused() {
    assert!(failure("demo", &["--from", "2025-10-12", "--to", "2025-10-11"]).contains("--from must be before --to"));
    assert!(failure("demo", &["--from", "2030-01-01"]).contains("0 bars between --from and --to"));
    assert!(failure("demo", &["--from", "soon"]).contains("neither a date"));
}

#[test]
fn every_window_is_played_from_the_repository() {
    let folder = folder("demo-windows");
    let report = folder.join("report.html");
    let path = report.to_str().expect("a path in UTF-8");
    let hours = [
        ("march-2020", "2020-03-12T08:00", "2020-03-12T16:00"),
        ("june-2022", "2022-06-13T00:00", "2022-06-13T04:00"),
        ("november-2022", "2022-11-09T00:00", "2022-11-09T04:00"),
        ("march-2023", "2023-03-11T06:00", "2023-03-11T09:00"),
        ("september-2023", "2023-09-11T18:00", "2023-09-11T21:00"),
        ("august-2024", "2024-08-05T01:00", "2024-08-05T02:00"),
        ("october-2025", "2025-10-10T21:00", "2025-10-10T22:00"),
    ];
    for (window, from, to) in hours {
        let summary =
            success("demo", &["--window", window, "--from", from, "--to", to, "--accounts", "20", "--out", path]);
        assert!(summary.contains("balanced to 2^-64 of an atom"), "{window}: {summary}");
    }
    std::fs::remove_dir_all(&folder).expect("removed");
}

#[test]
fn bars_of_any_interval_are_played_without_prices_growing_too_old() {
    let folder = folder("demo-interval");
    for (asset, price, interval, bars) in
        [("sol", 200.0, 14_400, 3), ("btc", 100_000.0, 14_400, 3), ("eth", 4_000.0, 14_400, 3), ("usdc", 1.0, 60, 720)]
    {
        let mut csv = String::from("timestamp,open,high,low,close,volume\n");
        for bar in 0..bars {
            let time = 1_760_054_400 + bar * interval;
            // A third down and back within four hours: only prices in between let liquidators act in time.
            let low = if asset == "usdc" || bar != 1 { price } else { price * 0.67 };
            csv += &format!("{time},{price},{price},{low},{price},1\n");
        }
        std::fs::write(folder.join(format!("{asset}-x.csv")), csv).expect("written");
    }
    let report = folder.join("report.html");
    let paths = [&folder, &report].map(|path| path.to_str().expect("a path in UTF-8"));
    let summary = success("demo", &["--data", paths[0], "--out", paths[1], "--accounts", "60"]);
    std::fs::remove_dir_all(&folder).expect("removed");
    let line = |label: &str| summary.lines().find(|line| line.starts_with(label)).expect("in the summary").to_string();
    assert!(line("Bad debt ").ends_with("none"), "{summary}");
    assert!(!line("Liquidations  ").contains(" 0, of"), "{summary}");
}

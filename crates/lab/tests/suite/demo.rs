//! `ballast-lab demo`.

use crate::common::{self, failure, folder, success};

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
    let good = format!("{header}1760126400,2,3,1,2,0\n1760126700,2,3,1,2,0\n");
    for asset in ["sol", "eth"] {
        std::fs::write(folder.join(format!("{asset}-x.csv")), &good).expect("written");
    }
    std::fs::write(folder.join("btc-x.csv"), good.replace("700,2,3,1", "700,2,1,3")).expect("written");
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

/// A folder with files of the same fall of SOL, at a scale of its own and written in a way of its own.
fn files_of_a_fall(name: &str, scale: f64, write: impl Fn(i64, [f64; 4]) -> String) -> std::path::PathBuf {
    let folder = folder(name);
    for (asset, price) in [("sol", 200.0 * scale), ("btc", 100_000.0), ("eth", 4_000.0)] {
        let falls = asset == "sol";
        let bar = |index: i64| {
            let low = if falls && index == 12 { price * 0.5 } else { price };
            write(1_760_126_400 + index * 300, [price, price, low, price])
        };
        let text = "Time;Open;High;Low;Close;Volume;Note\r\n".to_owned() + &(0..24).map(bar).collect::<String>();
        std::fs::write(folder.join(format!("{asset}-x.csv")), text).expect("written");
    }
    folder
}

fn row(time: impl std::fmt::Display, prices: [f64; 4]) -> String {
    let [open, high, low, close] = prices;
    format!("{time};{open};{high};{low};{close};1;\r\n")
}

/// The summary of a folder's prices, without the report's path.
fn summary(folder: &std::path::Path) -> Vec<String> {
    let report = folder.join("report.html");
    let paths = [folder, &report].map(|path| path.to_str().expect("a path in UTF-8"));
    let summary = success("demo", &["--data", paths[0], "--out", paths[1], "--accounts", "80"]);
    std::fs::remove_dir_all(folder).expect("removed");
    summary.lines().filter(|line| !line.starts_with("Report")).map(str::to_owned).collect()
}

#[test]
fn a_token_of_millionths_of_a_dollar_is_played_as_one_of_hundreds() {
    let play = |name, scale| summary(&files_of_a_fall(name, scale, row));
    let (dear, cheap) = (play("demo-dear", 1.0), play("demo-cheap", 7e-6 / 200.0));
    assert!(dear.iter().any(|line| line.starts_with("Bad debt") && line.contains(" USD in ")), "{dear:#?}");
    let same = |line: &&String| ["Liquidations  ", "Bad debt", "Books"].iter().any(|of| line.starts_with(of));
    let [dear, cheap] = [&dear, &cheap].map(|summary| summary.iter().filter(same).collect::<Vec<_>>());
    assert!(dear == cheap && dear.len() == 3, "{dear:#?}\n{cheap:#?}");
    let dearest = play("demo-dearest", 1e9 / 200.0);
    assert!(dearest.contains(dear[0]), "{dearest:#?}");
}

#[test]
fn a_year_of_milliseconds_is_the_year_that_was_meant() {
    let folder = files_of_a_fall("demo-milliseconds", 1.0, |time, prices| row(time * 1_000, prices));
    assert!(summary(&folder)[0].contains("2025-10-10 20:00 to 2025-10-10 21:55 UTC, 24 bars"));
}

#[test]
fn what_is_left_out_is_told() {
    let unfinished = |time: i64, prices| row(if time == 1_760_133_300 { time - 259 } else { time }, prices);
    let folder = files_of_a_fall("demo-unfinished", 1.0, unfinished);
    let report = folder.join("report.html");
    let paths = [&folder, &report].map(|path| path.to_str().expect("a path in UTF-8"));
    let output = common::run("demo", &["--data", paths[0], "--out", paths[1], "--accounts", "20"]);
    std::fs::remove_dir_all(&folder).expect("removed");
    let (summary, notes) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(summary.contains("UTC, 23 bars"), "{summary}{notes}");
    for asset in ["sol", "btc", "eth"] {
        let note = format!(
            "{asset}-x.csv: line 25: the last bar, of 2025-10-10T21:50:41Z, is left out: it is off the grid of 300 s"
        );
        assert!(notes.lines().any(|line| line.starts_with("note: ") && line.contains(&note)), "{notes}");
    }
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

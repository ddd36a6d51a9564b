//! `ballast-lab compare`.

use crate::common::{failure, folder, success};

#[test]
fn the_same_seed_gives_the_same_report_and_table() {
    let folder = folder("compare-seed");
    let play = |name: &str, seed: &str| {
        let [html, markdown] = ["html", "md"].map(|kind| folder.join(format!("{name}.{kind}")));
        let paths = [&html, &markdown].map(|path| path.to_str().expect("a path in UTF-8"));
        let setting = ["--window", "march-2023", "--accounts", "30", "--seed", seed];
        let printed = success("compare", &[&setting[..], &["--out", paths[0], "--markdown", paths[1]]].concat());
        assert!(printed.contains(paths[0]) && printed.contains(paths[1]), "the paths are printed: {printed}");
        [html, markdown].map(|path| std::fs::read_to_string(path).expect("written"))
    };
    let (first, again, other) = (play("a", "1"), play("b", "1"), play("c", "2"));
    std::fs::remove_dir_all(&folder).expect("removed");
    assert!(first == again, "two runs of one seed differ");
    assert!(first != other, "two seeds give the same report");
    let [html, markdown] = first;
    assert!(html.matches("<svg").count() >= 3 && !html.contains("NaN") && !html.contains("inf"));
    for policy in ["fixed", "adaptive"] {
        assert!(markdown.contains(&format!("| March 2023 | {policy} | ")), "{markdown}");
    }
}

#[test]
fn a_window_without_sol_is_played() {
    let folder = folder("compare-no-sol");
    let report = folder.join("report.html");
    let path = report.to_str().expect("a path in UTF-8");
    success("compare", &["--window", "march-2020", "--accounts", "10", "--out", path]);
    let html = std::fs::read_to_string(&report).expect("written");
    std::fs::remove_dir_all(&folder).expect("removed");
    assert!(html.contains("</i>BTC") && html.contains("</i>ETH") && !html.contains("</i>SOL"));
}

#[test]
fn what_cannot_be_played_is_refused() {
    assert!(failure("compare", &["--window", "may-2021"]).contains("october-2025"));
    assert!(failure("compare", &["--program", "none.so"]).contains("cannot read the program none.so"));
    assert!(failure("compare", &["--accounts", "0"]).contains("1..=20000"));
}

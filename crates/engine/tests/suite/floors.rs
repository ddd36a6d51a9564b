//! The engine has floors, and a module uses what stands on its own or below it alone, without a circle: read from the
//! modules' paths.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// From the ground up.
const FLOORS: [&str; 9] = ["error", "number", "record", "price", "state", "health", "ledger", "perps", "vaults"];

/// `number::math`, of `src/number/math.rs`; `state::reserve`, of `src/state/reserve/mod.rs`.
fn modules() -> BTreeMap<String, PathBuf> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { collect(&path, found) } else { found.push(path) }
        }
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&source, &mut files);
    let named = files.into_iter().map(|path| {
        let name = path.strip_prefix(&source).unwrap().with_extension("").to_str().unwrap().replace('/', "::");
        (name.strip_suffix("::mod").unwrap_or(&name).to_string(), path)
    });
    named.filter(|(name, _)| name != "lib").collect()
}

/// The paths of a use tree: `a::{b, c::d}` names `a::b` and `a::c::d`.
fn paths(tree: &str, before: &str, found: &mut Vec<String>) {
    let (mut depth, mut start) = (0, 0);
    let mut parts = Vec::new();
    for (at, sign) in tree.char_indices() {
        match sign {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&tree[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&tree[start..]);
    for part in parts.into_iter().map(str::trim).filter(|part| !part.is_empty()) {
        match part.split_once('{') {
            Some((path, inner)) => paths(inner.trim_end().trim_end_matches('}'), &format!("{before}{path}"), found),
            None => found.push(format!("{before}{part}")),
        }
    }
}

/// What follows each `crate::` of a module's code, also in macros.
fn used(source: &str) -> Vec<String> {
    let code: String = source.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    for rest in code.split("crate::").skip(1) {
        let (mut depth, mut end) = (0, rest.len());
        for (at, sign) in rest.char_indices() {
            match sign {
                '{' if depth > 0 || rest[..at].ends_with("::") || at == 0 => depth += 1,
                '}' if depth > 1 => depth -= 1,
                '}' if depth == 1 => {
                    end = at + 1;
                    break;
                }
                sign if depth == 0 && sign != ':' && sign != '_' && !sign.is_alphanumeric() => {
                    end = at;
                    break;
                }
                _ => {}
            }
        }
        paths(&rest[..end], "", &mut found);
    }
    found
}

/// Module → modules that it uses.
fn arrows() -> BTreeMap<String, BTreeSet<String>> {
    let modules = modules();
    let owner = |path: &str| {
        let mut name = path;
        loop {
            if modules.contains_key(name) {
                return Some(name.to_string());
            }
            name = name.rsplit_once("::")?.0;
        }
    };
    modules
        .iter()
        .map(|(name, path)| {
            let used = used(&fs::read_to_string(path).unwrap());
            let mut to: BTreeSet<_> = used.iter().filter_map(|path| owner(path)).collect();
            to.remove(name);
            (name.clone(), to)
        })
        .collect()
}

fn floor(module: &str) -> usize {
    let name = module.split("::").next().unwrap();
    FLOORS.iter().position(|floor| *floor == name).unwrap_or_else(|| panic!("{module} stands on no floor"))
}

#[test]
fn no_module_uses_what_stands_above_it() {
    let arrows = arrows();
    assert!(arrows.values().map(BTreeSet::len).sum::<usize>() > 100, "the paths are not read: {arrows:?}");
    for (from, to) in arrows {
        for to in to {
            assert!(floor(&to) <= floor(&from), "{from} uses {to}, which stands above it");
        }
    }
}

#[test]
fn no_modules_use_each_other_in_a_circle() {
    let mut left = arrows();
    while !left.is_empty() {
        let done: Vec<_> = left
            .iter()
            .filter(|(_, to)| to.iter().all(|to| !left.contains_key(to)))
            .map(|(name, _)| name.clone())
            .collect();
        assert!(!done.is_empty(), "in a circle, or above one: {left:#?}");
        left.retain(|name, _| !done.contains(name));
    }
}

#[test]
fn paths_are_read_as_the_compiler_reads_them() {
    let source = "use crate::{\n    error::{Error, Result},\n    number::math,\n};\nfn f() -> u8 { crate::price::cache::x({ 1 }) }\n// crate::no\n";
    assert_eq!(used(source), ["error::Error", "error::Result", "number::math", "price::cache::x"]);
}

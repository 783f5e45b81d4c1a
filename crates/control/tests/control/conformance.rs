//! That every test which the crate's table of conformance names is there.

use std::collections::BTreeSet;

const TABLE: &str = include_str!("../../CONFORMANCE.md");

fn rows() -> impl Iterator<Item = &'static str> {
    let head = |line: &str| ["| Public test ", "| Behaviour "].iter().any(|head| line.starts_with(head));
    TABLE.lines().filter(move |line| line.starts_with("| ") && !head(line))
}

/// The tests that the table names: "file::function".
fn named() -> Vec<&'static str> {
    rows().flat_map(|row| row.split('`').skip(1).step_by(2)).filter(|name| name.contains("::")).collect()
}

#[test]
fn every_named_test_is_there() {
    let named = named();
    assert!(named.len() > 150, "the table's rows are found");
    for name in named {
        let (file, function) = name.split_once("::").expect("it was found by it");
        let path = format!("{}/tests/control/{file}.rs", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {path}: {error}"));
        let (plain, asked) = (format!("fn {function}()"), format!("fn {function}("));
        assert!(text.contains(&plain) || text.contains(&asked), "{name} is in the table and not in {path}");
    }
}

#[test]
fn every_row_is_shown_or_explained_and_there_once() {
    let mut seen = BTreeSet::new();
    for row in rows() {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        assert!(cells.len() == 2 && !cells[1].is_empty(), "{row}");
        assert!(seen.insert(cells[0]), "twice: {}", cells[0]);
    }
}

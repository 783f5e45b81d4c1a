//! Files that are no scenarios, told apart.

use std::fs;
use std::path::PathBuf;

use groundhog_stage::diagnostic::Diagnostics;
use groundhog_stage::scenario::{FILE_BYTES_MAX, Scenario};

use crate::catalogue;

/// A path of its own for each test.
fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("stage-{name}"))
}

fn load(name: &str, bytes: &[u8]) -> Diagnostics {
    let path = path(name);
    fs::write(&path, bytes).expect("the target folder can be written");
    Scenario::load(&path, catalogue::ALL).expect_err("this is no scenario")
}

#[track_caller]
fn check(diagnostics: &Diagnostics, code: &str, position: Option<(usize, usize)>) {
    let shown = diagnostics.render(false);
    let [diagnostic] = diagnostics.list.as_slice() else { panic!("more than one mistake:\n{shown}") };
    assert_eq!(diagnostic.code, code, "\n{shown}");
    assert_eq!(diagnostics.position(diagnostic), position, "\n{shown}");
    assert!(shown.contains(&diagnostics.file), "\n{shown}");
}

#[test]
fn a_good_file_is_loaded() {
    let path = path("good.toml");
    fs::write(&path, "about = \"quiet\"\nduration = \"1m\"\n").expect("the target folder can be written");
    assert_eq!(Scenario::load(&path, catalogue::ALL).map(|scenario| scenario.about), Ok("quiet".to_owned()));
}

#[test]
fn an_empty_file() {
    check(&load("empty.toml", b""), "empty-file", None);
    check(&load("remark.toml", b"\n# nothing yet\n\n"), "empty-file", None);
}

#[test]
fn a_binary_file() {
    check(&load("binary.toml", b"\x7fELF\x02\x01\x01\0\0\0"), "binary-file", None);
}

#[test]
fn text_that_is_not_utf8() {
    let diagnostics = load("latin1.toml", b"duration = \"1m\"\nabout = \"\xc3\xa9 caf\xe9\"\n");
    check(&diagnostics, "not-utf8", Some((2, 15)));
}

#[test]
fn a_file_that_is_too_big() {
    check(&load("big.toml", &vec![b'#'; 10_000_000]), "file-too-big", None);
    let limit = usize::try_from(FILE_BYTES_MAX).expect("the limit is small");
    check(&load("full.toml", &vec![b'#'; limit]), "empty-file", None);
    check(&load("over.toml", &vec![b'#'; limit + 1]), "file-too-big", None);
}

#[test]
fn a_file_without_an_end_is_not_read_to_its_end() {
    let endless = PathBuf::from("/dev/zero");
    if endless.exists() {
        check(&Scenario::load(&endless, &[]).expect_err("this is no scenario"), "file-too-big", None);
    }
}

#[test]
fn a_directory_and_nothing_at_all() {
    let here = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    check(&Scenario::load(&here, &[]).expect_err("this is no scenario"), "is-a-directory", None);
    check(&Scenario::load(&path("missing.toml"), &[]).expect_err("there is nothing"), "not-found", None);
}

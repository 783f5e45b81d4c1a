//! Starts that come to nothing: what is told, and what is left behind.

use std::{net::TcpListener, path::Path};

use clap::Parser;
use groundhog_serve::{
    Error, Exit,
    arguments::{AgentArguments, ControlArguments, ProvisionerArguments},
};

#[derive(Parser)]
struct Control {
    #[command(flatten)]
    arguments: ControlArguments,
}

#[derive(Parser)]
struct Provisioner {
    #[command(flatten)]
    arguments: ProvisionerArguments,
}

#[derive(Parser)]
struct Agent {
    #[command(flatten)]
    arguments: AgentArguments,
}

/// Starts a control plane on `database` that can't run.
fn control(database: &Path, more: &[&str]) -> Error {
    let database = database.display().to_string();
    let first = ["control", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--database", &database];
    let parsed = Control::try_parse_from(first.into_iter().chain(more.iter().copied())).expect("it is understood");
    groundhog_serve::control::run(&parsed.arguments, "test").expect_err("it can't run")
}

fn assert_told(error: &Error, exit: Exit, words: &[&str]) {
    assert_eq!(error.exit(), exit, "{error}");
    for word in words {
        assert!(error.to_string().contains(word), "{word}: {error}");
    }
}

#[test]
fn a_port_that_is_taken_is_told_and_no_database_is_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("c.sqlite");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = taken.local_addr().unwrap().to_string();
    for flag in ["--listen", "--http"] {
        let listen = ["control", "--database", database.to_str().unwrap(), "--admin-token", "a"];
        let other = if flag == "--listen" { "--http" } else { "--listen" };
        let places = [flag, &place, other, "127.0.0.1:0"];
        let parsed = Control::try_parse_from(listen.into_iter().chain(places)).expect("it is understood");
        let error = groundhog_serve::control::run(&parsed.arguments, "test").expect_err("it can't run");
        assert_told(&error, Exit::Broken, &[&place, flag]);
    }
    assert!(!database.exists());
}

#[test]
fn a_new_database_needs_an_administrator_and_is_not_made_without() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("c.sqlite");
    let error = control(&database, &["--provisioner-key", "k"]);
    assert_told(&error, Exit::BadArguments, &["c.sqlite", "GROUNDHOG_ADMIN_TOKEN", "--admin-token-file"]);
    assert!(!database.exists());
}

#[test]
fn a_file_that_is_no_database_is_told_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("letter.txt");
    let letter = "Dear Sir or Madam, ".repeat(100);
    std::fs::write(&file, &letter).unwrap();
    assert_told(&control(&file, &["--admin-token", "a"]), Exit::Broken, &["letter.txt", "not a database"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), letter);
    let nowhere = folder.path().join("no/such/folder/c.sqlite");
    assert_told(&control(&nowhere, &["--admin-token", "a"]), Exit::Broken, &["can't be made", "--database"]);
}

#[test]
fn a_secret_that_is_missing_is_told_with_the_ways_to_give_it() {
    let parsed = Provisioner::try_parse_from(["provisioner", "--name", "p"]).expect("it is understood");
    let error = groundhog_serve::provisioner::run(&parsed.arguments, "test").expect_err("it has no key");
    assert_told(&error, Exit::BadArguments, &["GROUNDHOG_PROVISIONER_KEY", "--key-file"]);
    let parsed = Agent::try_parse_from(["agent"]).expect("it is understood");
    let error = groundhog_serve::agent::run(&parsed.arguments, "test").expect_err("it has no token");
    assert_told(&error, Exit::BadArguments, &["GROUNDHOG_AGENT_TOKEN", "--token-file"]);
}

#[test]
fn a_daemon_can_not_be_called_anything() {
    let parsed =
        Provisioner::try_parse_from(["provisioner", "--name", "Büro 1", "--key", "k"]).expect("it is understood");
    let error = groundhog_serve::provisioner::run(&parsed.arguments, "test").expect_err("it can't be called that");
    assert_told(&error, Exit::BadArguments, &["--name", "Büro 1", "a-z"]);
}

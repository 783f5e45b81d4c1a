//! The command line: what is understood, and what is not.

use clap::{CommandFactory, Parser};
use groundhog_serve::arguments::{Component, ServeArguments};

#[derive(Debug, Parser)]
struct Program {
    #[command(flatten)]
    serve: ServeArguments,
}

fn parse(line: &str) -> Result<ServeArguments, String> {
    let words = std::iter::once("serve").chain(line.split_whitespace());
    Program::try_parse_from(words).map(|program| program.serve).map_err(|error| error.to_string())
}

#[test]
fn the_command_line_is_consistent() {
    Program::command().debug_assert();
}

#[test]
fn what_is_not_understood_is_told_with_what_was_expected() {
    for (line, expected) in [
        ("", "Usage"),
        ("plane", "unrecognized subcommand"),
        ("control --listen 7080", "such as 127.0.0.1:7080"),
        ("control --listen example.org:7080", "such as 127.0.0.1:7080"),
        ("control --http 127.0.0.1:99999", "such as 127.0.0.1:7080"),
        ("control --access-address 127.0.0.1", "NAME:PORT"),
        ("control --job-hung-after 0s", "above zero"),
        ("control --job-hung-after soon", "such as 90s"),
        ("control --reaper-interval=-5m", "above zero"),
        ("control --job-log-bytes many", "invalid digit"),
        ("provisioner --slots 0", "non-zero"),
        ("provisioner --tag region", "such as region=eu"),
        ("provisioner --tag =eu", "such as region=eu"),
        ("provisioner --control nowhere", "NAME:PORT"),
        ("machine create", "required"),
        ("machine mend dev.main", "possible values"),
        ("tools --chat mine", "a UUID"),
        ("tools --calls 0", "non-zero"),
        ("agent --log-level loud", "possible values"),
    ] {
        let error = parse(line).expect_err(line);
        assert!(error.contains(expected), "{line}: {error}");
    }
}

#[test]
fn what_is_left_out_is_what_one_machine_needs() {
    let Component::Control(control) = parse("control").unwrap().component else { panic!("another component") };
    assert_eq!(control.listen.to_string(), "127.0.0.1:7080");
    assert_eq!(control.http.to_string(), "127.0.0.1:7081");
    let Component::Provisioner(daemon) = parse("provisioner --tag a=b --tag c=d=e").unwrap().component else {
        panic!("another component")
    };
    assert_eq!(daemon.tags, [("a", "b"), ("c", "d=e")].map(|(key, value)| (key.to_owned(), value.to_owned())));
    assert_eq!(daemon.call.control.iter().map(ToString::to_string).collect::<Vec<_>>(), ["127.0.0.1:7080"]);
    assert!(daemon.http.is_none());
}

#[test]
fn replicas_are_told_apart_by_commas_or_by_flags() {
    for line in ["agent --control a:1,b:2", "agent --control a:1 --control b:2"] {
        let Component::Agent(agent) = parse(line).unwrap().component else { panic!("another component") };
        assert_eq!(agent.call.control.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a:1", "b:2"]);
    }
}

#[test]
fn a_name_for_this_machine_and_any_free_port_can_be_listened_at() {
    let Component::Control(control) = parse("control --listen localhost:0 --http [::1]:0").unwrap().component else {
        panic!("another component")
    };
    assert_eq!((control.listen.to_string(), control.http.to_string()), ("127.0.0.1:0".into(), "[::1]:0".into()));
}

#[test]
fn a_secret_shows_neither_in_the_arguments_nor_in_the_help() {
    let arguments = parse("control --admin-token open-sesame --provisioner-key hush").unwrap();
    let shown = format!("{arguments:?}");
    assert!(!shown.contains("sesame") && !shown.contains("hush"), "{shown}");
    let help = parse("control --help").expect_err("help is an answer");
    assert!(help.contains("GROUNDHOG_ADMIN_TOKEN]"), "{help}");
}

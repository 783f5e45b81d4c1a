//! What is to be done so that there is the machine that is wanted.

use std::path::PathBuf;

use groundhog_serve::machine::{
    folder::Folder,
    name::MachineName,
    plan::{Step, Wanted, next_step},
};
use groundhog_wire::Secret;

fn name(name: &str) -> MachineName {
    MachineName::new("alice", name).expect("a name")
}

fn token(text: &str) -> Secret {
    Secret::new(text).expect("a token")
}

/// A machine: its name, its token, and of "dismissed" and "running" what is so.
fn there(called: &str, with: &str, state: &str) -> Folder {
    Folder {
        path: PathBuf::from(called),
        name: name(called),
        token: token(with),
        dismissed: state.contains("dismissed"),
        running: state.contains("running"),
    }
}

#[test]
fn the_next_step_follows_from_what_is_there() {
    let (wanted, its_token) = (name("dev.main"), token("t"));
    let make = Wanted::Machine { name: &wanted, token: &its_token };
    let none = Wanted::None { name: &wanted };
    let check = |machines: &[Folder], making: Step, deleting: Step| {
        assert_eq!(next_step(machines, &make), making, "making: {machines:?}");
        assert_eq!(next_step(machines, &none), deleting, "deleting: {machines:?}");
    };
    check(&[], Step::Make, Step::Nothing);
    check(&[there("dev.main", "t", "running")], Step::Nothing, Step::Dismiss(0));
    check(&[there("dev.main", "t", "")], Step::Start(0), Step::Dismiss(0));
    check(&[there("dev.main", "t", "dismissed running")], Step::End(0), Step::End(0));
    check(&[there("dev.main", "t", "dismissed")], Step::End(0), Step::End(0));
    check(&[there("dev.main", "u", "running")], Step::Dismiss(0), Step::Dismiss(0));
    check(&[there("dev.main", "u", "dismissed running")], Step::End(0), Step::End(0));
    // Somebody else's is nobody's business.
    check(&[there("ops.main", "u", "running")], Step::Make, Step::Nothing);
    check(&[there("ops.main", "u", "dismissed running")], Step::Make, Step::Nothing);
    let others = Folder { name: MachineName::new("bob", "dev.main").unwrap(), ..there("dev.main", "u", "running") };
    check(&[others], Step::Make, Step::Nothing);
    // It was called otherwise before it was claimed, and there may be one that was called so before.
    check(&[there("prebuilt.main", "t", "running")], Step::Rename(0), Step::Nothing);
    check(
        &[there("dev.main", "u", "running"), there("prebuilt.main", "t", "running")],
        Step::Dismiss(0),
        Step::Dismiss(0),
    );
    check(&[there("dev.main", "u", "dismissed"), there("dev.main", "t", "running")], Step::End(0), Step::Dismiss(1));
}

#[test]
fn a_machine_is_called_what_a_folder_can_be() {
    for good in ["dev.main", "Dev-1.main-2", "a", "x_y.z"] {
        assert!(MachineName::new("alice", good).is_ok(), "{good}");
    }
    for bad in ["", ".", "..", ".dev", "../dev", "dev/main", "dev main", "dev\n", "büro.main", &"x".repeat(200)] {
        assert!(MachineName::new("alice", bad).is_err(), "{bad:?}");
    }
    for owner in ["", "alice", "Alice B. / ../ ünïcode"] {
        assert!(MachineName::new(owner, "dev.main").is_ok(), "{owner:?}");
    }
}

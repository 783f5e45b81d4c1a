//! What a start does with what it is given, by what the database knows.

use std::{
    path::Path,
    sync::atomic::{AtomicU8, Ordering},
};

use groundhog_control::{
    BringUpError, BroughtUp, DaemonKeySetup, Database, GroupSetup, OrganizationSetup, OtherSecret, Role, Setup, Store,
    StoreConfig, StoreError, UserSetup,
    bring_up::{Action, Known, decide},
    store::{daemons, organizations, settings, users},
};
use groundhog_host::{
    Host, Random,
    live::{LiveConfig, LiveMachine},
};
use groundhog_wire::Secret;
use tempfile::TempDir;

fn secret(text: &str) -> Secret {
    Secret::new(text).expect("a token")
}

fn user(name: &str, token: &str, role: Role) -> UserSetup {
    UserSetup { name: name.to_owned(), token: secret(token), role, token_expires_at_ms: None }
}

fn given(users: &[UserSetup], keys: &[(&str, &str)]) -> Setup {
    let keys = keys.iter().map(|(name, key)| DaemonKeySetup { name: (*name).to_owned(), key: secret(key) });
    Setup { users: users.to_vec(), daemon_keys: keys.collect(), ..Setup::default() }
}

fn admin(token: &str) -> UserSetup {
    user("admin", token, Role::Admin)
}

/// A start on the database at `path`, each a program of its own: it opens the file anew.
fn start(path: &Path, setup: &Setup, other: OtherSecret) -> Result<BroughtUp, BringUpError> {
    let database = Database::open(path).expect("the file can be opened");
    database.bring_up(setup, other, &mut Random::from_seed(seed()), 1_000)
}

/// Another one for each start, as a machine gives it.
fn seed() -> [u8; 32] {
    static STARTS: AtomicU8 = AtomicU8::new(0);
    [STARTS.fetch_add(1, Ordering::Relaxed); 32]
}

struct File {
    folder: TempDir,
}

impl File {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn start(&self, setup: &Setup) -> Result<BroughtUp, String> {
        start(&self.folder.path().join("c.sqlite"), setup, OtherSecret::Refused).map_err(|error| error.to_string())
    }

    fn replace(&self, setup: &Setup) -> Result<BroughtUp, String> {
        start(&self.folder.path().join("c.sqlite"), setup, OtherSecret::Replaces).map_err(|error| error.to_string())
    }

    /// Looks into the database.
    fn look<T>(&self, work: impl FnOnce(&groundhog_control::store::Tx<'_>) -> Result<T, StoreError>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let machine = LiveMachine::new("desk", LiveConfig::new(self.folder.path())).expect("a machine");
            let host: Host = machine.host();
            let database = Database::open(self.folder.path().join("c.sqlite")).expect("the file can be opened");
            Store::new(&host, database, StoreConfig::default()).transact("look", work).await.expect("it can be read")
        })
    }
}

#[test]
fn what_is_done_about_somebody_follows_from_what_is_known() {
    use OtherSecret::{Refused, Replaces};
    for (known, other, expected) in [
        (Known::Not, Refused, Action::Add),
        (Known::Not, Replaces, Action::Add),
        (Known::ByIt, Refused, Action::Leave),
        (Known::ByIt, Replaces, Action::Leave),
        (Known::ByAnother, Refused, Action::RefuseOther),
        (Known::ByAnother, Replaces, Action::Replace),
        (Known::TakenBack, Refused, Action::RefuseTakenBack),
        (Known::TakenBack, Replaces, Action::RefuseTakenBack),
    ] {
        assert_eq!(decide(known, other), expected, "{known:?} {other:?}");
    }
}

#[test]
fn the_first_start_writes_and_a_later_one_finds_it() {
    let file = File::new();
    let all = given(&[admin("a")], &[("default", "k")]);
    let first = file.start(&all).expect("it is new");
    assert_eq!(first.added, [r#"user "admin""#, r#"daemon key "default""#]);
    // The same again, without the key, and with nothing at all: nothing is done, and nothing is lost.
    for again in [all.clone(), given(&[admin("a")], &[]), Setup::default(), all.clone()] {
        assert_eq!(file.start(&again).expect("it is known"), BroughtUp::default());
    }
    assert!(file.look(|tx| users::by_name(tx, "admin")).is_some());
}

#[test]
fn a_database_without_an_administrator_is_of_no_use_and_nothing_is_written() {
    let file = File::new();
    for setup in [
        Setup::default(),
        given(&[], &[("default", "k")]),
        given(&[user("alice", "a", Role::Member)], &[]),
        given(&[user("alice", "a", Role::TemplateAdmin)], &[]),
    ] {
        let error = file.start(&setup).expect_err("nobody looks after it");
        assert!(error.contains("no administrator"), "{error}");
    }
    assert_eq!(file.look(|tx| users::by_name(tx, "alice")), None);
    assert!(file.look(|tx| daemons::key_by_name(tx, "default")).is_none());
}

#[test]
fn another_secret_is_refused_as_a_whole_unless_it_is_to_replace() {
    let file = File::new();
    file.start(&given(&[admin("a")], &[("default", "k")])).expect("it is new");
    for setup in
        [given(&[admin("b")], &[("second", "k2")]), given(&[admin("a")], &[("second", "k2"), ("default", "l")])]
    {
        let error = file.start(&setup).expect_err("the secret is another one");
        assert!(error.contains("another secret"), "{error}");
        assert!(file.look(|tx| daemons::key_by_name(tx, "second")).is_none(), "all or nothing");
    }

    let replaced = file.replace(&given(&[admin("b")], &[("default", "l")])).expect("it may replace");
    assert_eq!(replaced.replaced, [r#"user "admin""#, r#"daemon key "default""#]);
    assert_eq!(replaced.added, Vec::<String>::new());
    // From now on it is the other way round, and who replaces what is there replaces nothing.
    assert!(file.start(&given(&[admin("a")], &[])).is_err());
    assert!(file.start(&given(&[], &[("default", "k")])).is_err());
    assert_eq!(file.replace(&given(&[admin("b")], &[("default", "l")])), Ok(BroughtUp::default()));
}

#[test]
fn a_secret_of_somebody_else_is_refused() {
    let file = File::new();
    file.start(&given(&[admin("a"), user("alice", "b", Role::Member)], &[])).expect("it is new");
    assert!(file.start(&given(&[user("alice", "a", Role::Member)], &[])).is_err());
    let error = file.replace(&given(&[user("alice", "a", Role::Member)], &[])).expect_err("it is the administrator's");
    assert!(error.contains("used twice"), "{error}");
}

#[test]
fn nobody_gets_another_role_by_a_start() {
    let file = File::new();
    file.start(&given(&[admin("a"), user("alice", "b", Role::Member)], &[])).expect("it is new");
    let error = file.replace(&given(&[user("alice", "b", Role::Admin)], &[])).expect_err("she is a member");
    assert!(error.contains("has the role member"), "{error}");
}

#[test]
fn a_key_that_was_taken_back_stays_so() {
    let file = File::new();
    file.start(&given(&[admin("a")], &[("default", "k")])).expect("it is new");
    file.look(|tx| {
        let key = daemons::key_by_name(tx, "default")?.expect("it was set up");
        daemons::delete_key(tx, key.id)
    });
    for setup in [given(&[], &[("default", "k")]), given(&[], &[("default", "l")])] {
        assert!(file.start(&setup).expect_err("it was taken back").contains("taken back"));
        assert!(file.replace(&setup).expect_err("it was taken back").contains("taken back"));
    }
    assert!(file.start(&Setup::default()).is_ok(), "who does not give it may start");
    assert_eq!(file.start(&given(&[], &[("second", "l")])).expect("it is new").added, [r#"daemon key "second""#]);
}

#[test]
fn organizations_and_groups_are_added_and_only_people_who_are_new_are_added_to_old_ones() {
    let file = File::new();
    let organization = |members: &[&str]| OrganizationSetup {
        name: "research".to_owned(),
        members: members.iter().map(|&name| name.to_owned()).collect(),
        closed: false,
    };
    let group = |members: &[&str]| GroupSetup {
        name: "team".to_owned(),
        organization: "research".to_owned(),
        budget: 10,
        members: members.iter().map(|&name| name.to_owned()).collect(),
    };
    let people = [admin("a"), user("alice", "b", Role::Member)];
    let first =
        Setup { organizations: vec![organization(&["alice"])], groups: vec![group(&["alice"])], ..given(&people, &[]) };
    let added = file.start(&first).expect("it is new").added;
    assert_eq!(added, [r#"user "admin""#, r#"user "alice""#, r#"organization "research""#, r#"group "team""#]);
    let id = file.look(|tx| organizations::by_name(tx, "research")).expect("it was set up").id;
    let is_member =
        |name: &str| file.look(|tx| users::by_name(tx, name)).is_some_and(|one| one.organizations.contains(&id));
    assert!(is_member("alice") && !is_member("admin"));

    // The administrator, who is known and was not in it, is not put into it by a later start; who is new is.
    let bob = user("bob", "c", Role::Member);
    let later = Setup {
        organizations: vec![organization(&["alice", "admin", "bob"])],
        groups: vec![group(&["alice", "bob"])],
        ..given(&[people[0].clone(), people[1].clone(), bob], &[])
    };
    assert_eq!(file.start(&later).expect("one is new").added, [r#"user "bob""#]);
    assert!(is_member("bob") && !is_member("admin"));

    let stranger = Setup { groups: vec![group(&["nobody"])], ..Setup::default() };
    assert!(file.start(&stranger).expect_err("there is no such person").contains("nobody"));
}

#[test]
fn what_was_committed_is_there_at_the_next_start() {
    let file = File::new();
    file.start(&given(&[admin("a")], &[])).expect("it is new");
    assert!(!file.look(settings::is_paused));
    file.look(|tx| settings::set_paused(tx, true));
    file.start(&given(&[admin("a")], &[])).expect("it is known");
    assert!(file.look(settings::is_paused));
}

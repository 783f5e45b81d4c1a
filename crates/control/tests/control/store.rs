//! The store: pool, latency, rollback, the file, and the setup.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use groundhog_control::{
    Database, SetupError, Store, StoreConfig, StoreError,
    build_reason::BuildReason,
    refusal::{CallError, Refusal},
    store::{
        Tx, builds, users,
        workspaces::{self, Life},
    },
};
use groundhog_host::Random;
use groundhog_wire::{
    id::{UserId, WorkspaceId},
    v1::JobStatus,
};
use tonic::{Code, Status};
use uuid::Uuid;

use crate::support::{
    World,
    chats::for_chat,
    machine::TestMachine,
    world::{setup, success},
};

fn millis(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn a_refused_transaction_leaves_and_tells_nothing() {
    let world = World::new();
    let told = Arc::new(AtomicU32::new(0));
    let effect = told.clone();
    let refused = world.by_user("alice", move |tx, user| {
        let template = groundhog_control::store::templates::by_name(tx, "plain")?.expect("it was set up");
        let id = WorkspaceId(Uuid::from_u128(1));
        workspaces::insert(
            tx,
            &workspaces::NewWorkspace { id, owner: user.id, template, name: "dev", life: Life::default() },
        )?;
        assert!(workspaces::live_by_name(tx, user.id, "dev")?.is_some());
        tx.after_commit(move || {
            effect.fetch_add(1, Relaxed);
        });
        Err::<(), _>(Refusal::State("no".to_owned()).into())
    });
    assert!(refused.is_err());
    let found = world.by_user("alice", |tx, user| Ok(workspaces::live_by_name(tx, user.id, "dev")?));
    assert_eq!((found.expect("works"), told.load(Relaxed)), (None, 0));
}

#[test]
fn half_of_the_latency_comes_before_the_work_and_half_after() {
    let config = StoreConfig { latency_min: millis(10), latency_max: millis(10), ..StoreConfig::default() };
    let world = World::with_store(config);
    let progress = Arc::new(AtomicU32::new(0));
    let (at_work, at_end, store) = (progress.clone(), progress.clone(), world.store.clone());
    let task = async move {
        let work = |_: &Tx<'_>| {
            at_work.store(1, Relaxed);
            Ok::<_, StoreError>(())
        };
        store.transact("test", work).await.expect("works");
        at_end.store(2, Relaxed);
    };
    world.host.spawn("test", task).detach();
    let expected = [(4, 0), (1, 1), (4, 1), (1, 2)];
    for (ms, step) in expected {
        world.advance(millis(ms));
        assert_eq!(progress.load(Relaxed), step);
    }
}

#[test]
fn every_statement_takes_its_time() {
    let config = StoreConfig { latency_min: millis(10), latency_max: millis(10), ..StoreConfig::default() };
    let world = World::with_store(config);
    let done = Arc::new(AtomicU32::new(0));
    let (at_end, store) = (done.clone(), world.store.clone());
    let task = async move {
        let work = |tx: &Tx<'_>| {
            for _ in 0..5 {
                workspaces::live_by_name(tx, UserId(tx.new_id("user")), "dev")?;
            }
            Ok::<_, StoreError>(())
        };
        store.transact("test", work).await.expect("works");
        at_end.store(1, Relaxed);
    };
    world.host.spawn("test", task).detach();
    // Half of the first before the work, all of the rest after it.
    for (ms, expected) in [(5, 0), (44, 0), (1, 1)] {
        world.advance(millis(ms));
        assert_eq!(done.load(Relaxed), expected);
    }
}

#[test]
fn who_finds_no_connection_waits_in_turn() {
    let config = StoreConfig { connections: 1, latency_min: millis(10), latency_max: millis(10) };
    let world = World::with_store(config);
    let order = Arc::new(Mutex::new(Vec::new()));
    for n in 0..3 {
        let (order, store) = (order.clone(), world.store.clone());
        let task = async move {
            let work = |_: &Tx<'_>| Ok::<_, StoreError>(());
            store.transact("test", work).await.expect("works");
            order.lock().expect("no panic").push(n);
        };
        world.host.spawn("test", task).detach();
    }
    for served in 0..=3_usize {
        assert_eq!(*order.lock().expect("no panic"), (0..served).collect::<Vec<_>>());
        world.advance(millis(5));
        world.advance(millis(5));
    }
}

#[test]
fn who_stops_waiting_before_the_instant_did_nothing_and_after_it_everything() {
    let config = StoreConfig { latency_min: millis(10), latency_max: millis(10), ..StoreConfig::default() };
    for (ms, expected) in [(4, 0), (6, 1)] {
        let world = World::with_store(config);
        let told = Arc::new(AtomicU32::new(0));
        let (effect, store) = (told.clone(), world.store.clone());
        let task = async move {
            let work = |tx: &Tx<'_>| {
                tx.after_commit(move || {
                    effect.fetch_add(1, Relaxed);
                });
                Ok::<_, StoreError>(())
            };
            store.transact("test", work).await.expect("works");
        };
        let task = world.host.spawn("test", task);
        world.machine.settle();
        world.advance(millis(ms));
        task.abort();
        world.advance(millis(100));
        assert_eq!(told.load(Relaxed), expected, "after {ms} ms");
    }
}

#[test]
fn a_control_plane_that_is_started_again_finds_everything() {
    let world = World::new();
    let job = world.running("alice", "dev", "prov-1");
    // Another store over the same database: what a restart makes.
    let (machine, host) = TestMachine::new();
    let store = Store::new(&host, world.database.clone(), StoreConfig::default());
    let restarted = World { machine, host, store, ..world };
    assert_eq!(restarted.latest("alice", "dev").status(), JobStatus::Running);
    restarted.complete("prov-1", &success(job, b"s")).expect("the worker is still the same");
}

#[test]
fn a_file_keeps_what_was_committed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("control.db");
    let database = Database::open(&path).expect("it can be made");
    database.set_up(&setup(), &mut Random::from_seed([1; 32]), 0).expect("sound");
    drop(database);
    let world = World { database: Database::open(&path).expect("it is there"), ..World::new() };
    let world = World { store: Store::new(&world.host, world.database.clone(), StoreConfig::default()), ..world };
    world.create("alice", "dev", "plain").expect("everything was set up");
    // Another process writes: the caller is told to come again.
    let other = rusqlite::Connection::open(&path).expect("it is there");
    other.execute_batch("BEGIN EXCLUSIVE").expect("nobody else writes");
    let error = world.create("alice", "two", "plain").expect_err("the file is locked");
    assert!(matches!(error, CallError::Store(StoreError::Sql { transaction: "test", .. })), "{error:?}");
    assert_eq!(Status::from(error).code(), Code::Unavailable);
    other.execute_batch("COMMIT").expect("it began");
    world.create("alice", "two", "plain").expect("the file is free");
}

#[test]
fn a_newer_database_is_not_touched() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("control.db");
    drop(Database::open(&path).expect("it can be made"));
    let other = rusqlite::Connection::open(&path).expect("it is there");
    other.execute("INSERT INTO schema_migrations (version) VALUES (99)", []).expect("it has the table");
    assert!(matches!(Database::open(&path), Err(StoreError::SchemaIsNewer { found: 99, known: 5 })));
}

#[test]
fn no_secret_is_in_the_database() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("control.db");
    let database = Database::open(&path).expect("it can be made");
    database.set_up(&setup(), &mut Random::from_seed([1; 32]), 0).expect("sound");
    drop(database);
    let bytes = std::fs::read(&path).expect("it was written");
    let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(has("alice") && !has("alice-token") && !has("daemon-key"));
}

#[test]
fn a_setup_that_contradicts_itself_is_refused_as_a_whole() {
    let database = Database::in_memory().expect("works");
    let mut random = Random::from_seed([1; 32]);
    let mut stranger = setup();
    stranger.groups[0].members.push("carol".to_owned());
    assert!(matches!(
        database.set_up(&stranger, &mut random, 0),
        Err(SetupError::UnknownMember { member, .. }) if member == "carol"
    ));
    let mut twice = setup();
    twice.users[1].token = twice.users[0].token.clone();
    assert!(matches!(
        database.set_up(&twice, &mut random, 0),
        Err(SetupError::Refused { kind: "user", name, .. }) if name == "bob"
    ));
    database.set_up(&setup(), &mut random, 0).expect("nothing of the others is left");
}

#[test]
fn the_last_version_of_a_template_is_the_active_one() {
    let world = World::new();
    let database = Database::in_memory().expect("works");
    let mut versions = setup();
    let mut second = versions.templates[0].clone();
    second.version = "v2".to_owned();
    second.source = b"newer".to_vec();
    versions.templates.push(second);
    database.set_up(&versions, &mut Random::from_seed([1; 32]), 0).expect("sound");
    let store = Store::new(&world.host, database.clone(), StoreConfig::default());
    let world = World { database, store, ..world };
    world.create("alice", "dev", "plain").expect("free");
    let message = world.acquire("prov-1").expect("it waits").message;
    assert_eq!(message.template_source, b"newer");
}

#[test]
fn the_tables_themselves_refuse_what_must_not_be() {
    let world = World::new();
    let build = world.create("alice", "dev", "plain").expect("free");
    let id = build.build_id.parse().expect("an id");
    // The same number twice, and the same name twice among live workspaces.
    let twice = world.tx(|tx| {
        let build = builds::by_id(tx, id)?.expect("it was just made");
        let builds::Build { workspace, version, job, number, transition, daily_cost, ref asked, .. } = build;
        let id = groundhog_wire::id::BuildId(Uuid::from_u128(9));
        let (preset, reason, orphan) = (None, BuildReason::Initiator, false);
        let again = builds::NewBuild {
            id,
            workspace,
            version,
            job,
            number,
            transition,
            daily_cost,
            asked,
            preset,
            reason,
            orphan,
        };
        Ok(builds::insert(tx, &again)?)
    });
    assert!(matches!(twice, Err(CallError::Store(_))));
    let twice = world.by_user("alice", |tx, user| {
        let template = groundhog_control::store::templates::by_name(tx, "plain")?.expect("it was set up");
        let id = WorkspaceId(Uuid::from_u128(9));
        Ok(workspaces::insert(
            tx,
            &workspaces::NewWorkspace { id, owner: user.id, template, name: "Dev", life: Life::default() },
        )?)
    });
    assert!(matches!(twice, Err(CallError::Store(_))));
    // A reference to nobody.
    let nobody = world.tx(|tx| {
        let group = groundhog_wire::id::GroupId(Uuid::from_u128(9));
        Ok(users::insert_member(tx, group, groundhog_wire::id::UserId(Uuid::from_u128(9)))?)
    });
    assert!(matches!(nobody, Err(CallError::Store(_))));
}

#[test]
fn a_database_in_memory_is_what_a_new_file_is() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("control.db");
    drop(Database::open(&path).expect("it can be made"));
    let file = rusqlite::Connection::open(&path).expect("it is there");
    let tables: i64 = file.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get(0)).expect("it has some");
    assert!(tables > 40);
    // Two of them share nothing, although they begin as one image.
    let (one, two) = (Database::in_memory().expect("works"), Database::in_memory().expect("works"));
    one.set_up(&setup(), &mut Random::from_seed([1; 32]), 0).expect("sound");
    two.set_up(&setup(), &mut Random::from_seed([1; 32]), 0).expect("nothing of the other is in it");
}

/// The columns of every table.
fn columns(connection: &rusqlite::Connection) -> Vec<(String, String, String, bool, Option<String>)> {
    let sql =
        "SELECT t.name, c.name, c.type, c.\"notnull\", c.dflt_value FROM sqlite_schema t, pragma_table_info(t.name) c
               WHERE t.type = 'table' ORDER BY t.name, c.name";
    let mut statement = connection.prepare(sql).expect("sound");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)));
    rows.expect("works").collect::<Result<_, _>>().expect("works")
}

#[test]
fn a_database_from_before_there_were_chats_is_brought_up_to_date() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("control.db");
    let database = Database::open(&path).expect("it can be made");
    database.set_up(&setup(), &mut Random::from_seed([1; 32]), 0).expect("sound");
    drop(database);
    let other = rusqlite::Connection::open(&path).expect("it is there");
    let (new, before) = (columns(&other), "DROP TABLE chat_workspaces; DROP TABLE chats; DROP TABLE chat_settings;
         ALTER TABLE template_versions DROP COLUMN has_external_agents; DELETE FROM schema_migrations WHERE version = 5");
    other.execute_batch(before).expect("it is what the fifth migration made");
    assert_ne!(columns(&other), new);
    let world = World::new();
    let store = Store::new(&world.host, Database::open(&path).expect("it is older"), StoreConfig::default());
    assert_eq!(columns(&other), new);
    let mut world = world;
    world.through(&store, |world| {
        let chat = world.chat("alice");
        let build = world.create_with("alice", &for_chat(&chat, "dev", 1, None)).expect("everything was set up");
        assert_eq!(world.get_chat("alice", &chat).expect("hers").workspace_id, build.workspace_id);
        let settings = world.tx(groundhog_control::operations::chat::settings).expect("works");
        assert_eq!(settings.workspace_ttl, "");
    });
    let twice = "INSERT INTO chat_workspaces (chat_id, workspace_id, bound_at)
                 SELECT chat_id, workspace_id, 1 FROM chat_workspaces";
    assert!(other.execute(twice, []).is_err(), "a chat has one workspace, whoever writes");
    other.execute("UPDATE chat_workspaces SET released_at = 1", []).expect("it is released");
    assert_eq!(other.execute(twice, []).expect("it has none any more"), 1);
}

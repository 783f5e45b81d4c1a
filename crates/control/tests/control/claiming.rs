//! People ask for workspaces, and are given what was built ahead.

use std::{collections::BTreeSet, time::Duration};

use groundhog_control::{
    PrebuildsConfig,
    job_status::JobStatus,
    operations::{
        create::{self, Creation},
        template, workspace_view,
    },
    prebuilds::snapshot,
    refusal::CallError,
    store::{claims, organizations, users},
    transition::Transition,
};
use groundhog_wire::{id::WorkspaceId, v1};
use tonic::Code;

use crate::support::{
    World,
    pools::{Site, preset},
    world::{assert_refused, imported, job_id, new_version, new_workspace},
};

/// For how long an agent counts as there of which nothing is heard: none of these requests is about one.
const INACTIVE_AFTER: Duration = Duration::from_secs(30);

fn parameter(name: &str, value: &str) -> v1::ParameterValue {
    v1::ParameterValue { name: name.to_owned(), value: value.to_owned() }
}

fn with_size(preset: v1::Preset, size: &str) -> v1::Preset {
    v1::Preset { parameters: vec![parameter("size", size)], ..preset }
}

/// A request of this name for this preset of the template "pool".
fn asking(name: &str, preset: &str) -> v1::CreateWorkspaceRequest {
    v1::CreateWorkspaceRequest { preset: preset.to_owned(), ..new_workspace(name, "pool") }
}

/// A pool with two presets, each of which two workspaces are built ahead for, in the default organisation or another one,
/// of which alice is a member too. All four run, and are ready if so.
fn pool(organization: Option<&str>, ready: bool) -> Site {
    let site = Site::new();
    filled(&site, organization, ready);
    site
}

fn filled(site: &Site, organization: Option<&str>, ready: bool) {
    let presets = vec![with_size(preset("one", 2), "1"), with_size(preset("two", 2), "2")];
    if let Some(name) = organization {
        let id = site.organization(name, false);
        let join = |tx: &groundhog_control::store::Tx<'_>| {
            let alice = users::by_name(tx, "alice")?.expect("she is there").id;
            Ok(organizations::insert_member(tx, id, alice)?)
        };
        assert!(site.world.tx(join).expect("works"), "she was none");
    }
    publish(&site.world, organization, presets);
    site.reconcile();
    for workspace in site.unclaimed() {
        site.bring(workspace.id, JobStatus::Succeeded);
        if ready {
            site.ready(workspace.id);
        }
    }
    assert_eq!(runs(site), 4);
}

/// Publishes a version "v1" of the template "pool" that has the parameters "size" and "color".
fn publish(world: &World, organization: Option<&str>, presets: Vec<v1::Preset>) {
    let organization = organization.unwrap_or_default().to_owned();
    world.create_version("root", &v1::CreateVersionRequest { organization, ..new_version("pool", "v1") }).expect("may");
    let declared = |name: &str| v1::TemplateParameter {
        name: name.to_owned(),
        r#type: "string".to_owned(),
        default_value: "0".to_owned(),
        ..v1::TemplateParameter::default()
    };
    let parameters = vec![declared("size"), declared("color")];
    let found = v1::CompletedTemplateImport { parameters, presets, ..v1::CompletedTemplateImport::default() };
    let job = world.acquire("importer").expect("it waits").job;
    world.complete("importer", &imported(job, found)).expect("it runs");
}

fn runs(site: &Site) -> usize {
    let runs = |one: &&groundhog_control::store::pools::Unclaimed| {
        one.transition == Transition::Start && one.status == JobStatus::Succeeded
    };
    site.unclaimed().iter().filter(runs).count()
}

fn shown(world: &World, user: &str, name: &str) -> v1::Workspace {
    let request = v1::GetWorkspaceRequest { workspace: name.to_owned(), ..v1::GetWorkspaceRequest::default() };
    world.by_user(user, |tx, user| workspace_view::get(tx, user, &request)).expect("it is theirs")
}

/// The workspaces that would be given for a request; none if it was answered with a new one.
fn candidates(site: &Site, user: &str, request: &v1::CreateWorkspaceRequest) -> Vec<WorkspaceId> {
    match site
        .world
        .by_user(user, |tx, user| create::workspace(tx, user, request, INACTIVE_AFTER))
        .expect("it can be met")
    {
        Creation::Candidates(candidates) => candidates,
        Creation::Queued(_) => Vec::new(),
    }
}

#[test]
fn with_none_that_is_ready_a_new_workspace_is_made() {
    for organization in [None, Some("second")] {
        let site = pool(organization, false);
        site.world.record.take();
        let build = site.world.create_with("alice", &asking("mine", "one")).expect("a new one");
        assert_eq!((build.number, build.initiator.as_str(), build.reason.as_str()), (1, "alice", "initiator"));
        assert_eq!(runs(&site), 4, "nothing was taken");
        let told = site.world.record.take();
        assert!(told.contains(&"prebuild.none_claimable preset=pool/one owner=alice".to_owned()), "{told:?}");
        assert!(!told.iter().any(|line| line.starts_with("workspace.claimed")), "{told:?}");
        let shown = shown(&site.world, "alice", "mine");
        assert_eq!((shown.owner.as_str(), shown.preset.as_str()), ("alice", "one"));
    }
}

#[test]
fn one_that_is_ready_is_given_and_its_place_is_filled_and_a_restart_takes_no_other() {
    for organization in [None, Some("second")] {
        let site = pool(organization, true);
        let ids: BTreeSet<_> = site.unclaimed().into_iter().map(|one| one.id.to_string()).collect();
        let build = site.world.create_with("alice", &asking("mine", "one")).expect("it is given");
        assert!(ids.contains(&build.workspace_id));
        assert_eq!((build.number, build.initiator.as_str()), (2, "alice"));
        assert_eq!(runs(&site), 3);
        let acquired = site.world.acquire("prov-1").expect("it waits");
        assert_eq!((acquired.job, acquired.message.initiator.as_str()), (job_id(&build), "alice"));
        site.succeed(acquired.job);
        let shown = shown(&site.world, "alice", "mine");
        assert_eq!((shown.owner.as_str(), shown.preset.as_str()), ("alice", "one"));
        site.reconcile();
        assert_eq!(site.work(|_| false), 1, "what was taken is built again");
        assert_eq!(runs(&site), 4);
        for transition in [v1::Transition::Stop, v1::Transition::Start] {
            let build = site.world.build("alice", "mine", transition).expect("none is active");
            assert_eq!(build.workspace_id, shown.workspace_id);
            site.work(|_| false);
        }
        assert_eq!(runs(&site), 4, "a restart takes none");
    }
}

#[test]
fn who_loses_all_that_could_be_given_is_given_a_new_one() {
    for organization in [None, Some("second")] {
        let site = pool(organization, true);
        let request = asking("mine", "one");
        let found = candidates(&site, "alice", &request);
        assert_eq!(found.len(), 2);
        site.claim("alice", found[0]).expect("it is free");
        site.rebuild(found[1], Transition::Destroy);
        site.world.record.take();
        let build = site
            .world
            .by_user("alice", |tx, user| create::from_candidates(tx, user, &request, INACTIVE_AFTER, &found))
            .expect("a new one");
        assert_eq!((build.number, build.initiator.as_str()), (1, "alice"));
        let told = site.world.record.take();
        let lost = told.iter().filter(|line| *line == "prebuild.candidate_lost ws=ws owner=alice").count();
        assert_eq!(lost, 2, "{told:?}");
        assert_eq!(site.latest(found[1]).transition, Transition::Destroy, "nobody was given what is being deleted");
    }
}

#[test]
fn of_a_preset_for_which_nothing_is_built_ahead_a_new_one_is_made() {
    let site = Site::new();
    site.publish("pool", "v1", vec![v1::Preset { prebuild: None, ..preset("plain", 0) }], true);
    site.world.record.take();
    let build = site.world.create_with("alice", &asking("mine", "plain")).expect("a new one");
    assert_eq!((build.number, build.initiator.as_str()), (1, "alice"));
    assert!(!site.world.record.take().iter().any(|line| line.starts_with("prebuild.")));
}

/// If anything after the change of hands fails, nothing has changed hands (public issue 21862).
#[test]
fn a_claim_that_fails_halfway_takes_everything_back() {
    for (table, organization) in
        [("claims", None), ("builds", None), ("jobs", Some("second")), ("builds", Some("second"))]
    {
        let (world, file) = World::in_file();
        let site = Site::over(world, PrebuildsConfig::default());
        filled(&site, organization, true);
        let before = site.unclaimed();
        let request = asking("mine", "one");
        let found = candidates(&site, "alice", &request);
        let refuse = format!("CREATE TRIGGER no BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'no'); END");
        file.connect().execute_batch(&refuse).expect("it can be made");
        let take = || {
            site.world.by_user("alice", |tx, user| create::from_candidates(tx, user, &request, INACTIVE_AFTER, &found))
        };
        assert!(matches!(take(), Err(CallError::Store(_))), "{table}");
        assert_eq!(site.unclaimed(), before, "{table}");
        file.connect().execute_batch("DROP TRIGGER no").expect("it is there");
        let build = take().expect("it is given now");
        assert_eq!((build.number, build.workspace_id), (2, found[0].to_string()), "{table}");
    }
}

#[test]
fn a_name_that_is_taken_is_refused_before_anything_is_given() {
    let site = pool(None, true);
    site.world.create("alice", "Mine", "plain").expect("free");
    let text = "A workspace named \"mine\" already exists.";
    assert_refused(site.world.create_with("alice", &asking("mine", "one")), Code::AlreadyExists, text);
    assert_refused(site.world.create_with("alice", &asking("mine", "nothing")), Code::AlreadyExists, text);
    // The same in between: the name was free when what could be given was found.
    let request = asking("other", "one");
    let found = candidates(&site, "alice", &request);
    site.world.create("alice", "other", "plain").expect("free");
    let late =
        site.world.by_user("alice", |tx, user| create::from_candidates(tx, user, &request, INACTIVE_AFTER, &found));
    assert_refused(late, Code::AlreadyExists, "A workspace named \"other\" already exists.");
    assert_eq!(runs(&site), 4);
    site.world.create_with("bob", &asking("mine", "one")).expect("it is another person's");
    assert_eq!(runs(&site), 3);
}

#[test]
fn the_oldest_is_given_first_and_of_those_of_one_age_the_one_with_the_first_id() {
    let site = Site::new();
    site.publish("pool", "v1", vec![preset("one", 5)], true);
    let preset = site.preset("pool", "v1", "one").id;
    for _ in 0..3 {
        // Two at the same time, three times.
        for _ in 0..2 {
            let workspace = site.build_ahead(preset, "pool");
            site.bring(workspace, JobStatus::Succeeded);
            site.ready(workspace);
        }
        site.world.machine.jump(Duration::from_secs(1));
    }
    let expected: Vec<_> = site.unclaimed().into_iter().map(|one| one.id).collect();
    assert_eq!(candidates(&site, "alice", &asking("mine", "one")), expected);
    for (at, expected) in expected.into_iter().enumerate() {
        let build = site.world.create_with("alice", &asking(&format!("mine-{at}"), "one")).expect("it is given");
        assert_eq!((build.workspace_id, build.number), (expected.to_string(), 2), "{at}");
    }
    let build = site.world.create_with("alice", &asking("new", "one")).expect("a new one");
    assert_eq!(build.number, 1, "there are no more");
}

/// Has the clock jump until the workspaces, which are all of one age, are that old.
fn jump_to_age(site: &Site, age: Duration) {
    let now = site.world.tx(|tx| Ok(tx.now_ms())).expect("works");
    let ages: BTreeSet<_> = site.unclaimed().iter().map(|one| now - one.created_at).collect();
    assert_eq!(ages.len(), 1, "of one age");
    let passed = Duration::from_millis(ages.first().expect("there are some").unsigned_abs());
    site.world.machine.jump(age - passed);
}

/// P7 and P16: whatever is wrong with it, it is neither counted nor given; and what is counted is what is given.
#[test]
fn what_is_counted_as_eligible_is_what_is_given() {
    type Change = (&'static str, fn(&Site), usize);
    let changes: [Change; 8] = [
        ("as it is", |_| {}, 2),
        ("as old as it may be", |site| jump_to_age(site, Duration::from_secs(3_600)), 2),
        ("too old", |site| jump_to_age(site, Duration::from_millis(3_600_001)), 0),
        (
            "invalidated",
            |site| {
                site.world.machine.jump(Duration::from_millis(1));
                let request = v1::InvalidatePrebuildsRequest { template: "pool".to_owned() };
                let answer = site.world.by_user("tess", |tx, user| template::invalidate(tx, user, &request));
                assert_eq!(answer.expect("she may").presets, ["one"]);
            },
            0,
        ),
        ("one is stopped", |site| site.rebuild(site.unclaimed()[0].id, Transition::Stop), 1),
        (
            "one was stopped and started, and its agent is not ready",
            |site| {
                let first = site.unclaimed()[0].id;
                for transition in [Transition::Stop, Transition::Start] {
                    site.rebuild(first, transition);
                    site.bring(first, JobStatus::Succeeded);
                }
            },
            1,
        ),
        (
            "one was started again and that failed",
            |site| {
                let first = site.unclaimed()[0].id;
                site.rebuild(first, Transition::Start);
                site.bring(first, JobStatus::Failed);
            },
            1,
        ),
        ("another version is active", |site| site.publish("pool", "v2", vec![preset("one", 2)], true), 0),
    ];
    for (about, change, expected) in changes {
        let site = Site::new();
        let prebuild = v1::Prebuild { instances: 2, expires_after_s: 3_600, ..v1::Prebuild::default() };
        site.publish("pool", "v1", vec![v1::Preset { prebuild: Some(prebuild), ..preset("one", 2) }], true);
        site.settle();
        change(&site);
        let config = site.config;
        let snapshot = site.world.tx(|tx| Ok(snapshot::take(tx, &config)?)).expect("works");
        let counted: u64 =
            snapshot.pools.iter().map(|pool| groundhog_prebuilds::state(&pool.pool, snapshot.now_ms).eligible).sum();
        assert_eq!(counted, expected as u64, "{about}: counted");
        let request = v1::CreateWorkspaceRequest { version: "v1".to_owned(), ..asking("mine", "one") };
        assert_eq!(candidates(&site, "alice", &request).len(), expected, "{about}: given");
    }
}

#[test]
fn a_workspace_that_is_given_lives_by_its_owners_clock_from_now_on() {
    let site = pool(None, true);
    let id = candidates(&site, "alice", &asking("mine", "one"))[0];
    let by_id = v1::GetWorkspaceRequest { workspace_id: id.to_string(), ..v1::GetWorkspaceRequest::default() };
    let before = site.world.by_user("tess", |tx, user| workspace_view::get(tx, user, &by_id)).expect("she may");
    assert_eq!((before.autostart.as_str(), before.next_start_at_ms, before.ttl_ms), ("", None, 0));
    assert_refused(
        site.world.by_user("alice", |tx, user| workspace_view::get(tx, user, &by_id)),
        Code::NotFound,
        &format!("there is no workspace {id}"),
    );
    site.world.machine.jump(Duration::from_secs(500));
    let now = site.world.tx(|tx| Ok(tx.now_ms())).expect("works");
    let request = v1::CreateWorkspaceRequest {
        autostart: "CRON_TZ=Europe/Berlin 0 9 * * 1-5".to_owned(),
        ttl_ms: Some(3_600_000),
        ..asking("mine", "one")
    };
    assert_eq!(site.world.create_with("alice", &request).expect("it is given").workspace_id, id.to_string());
    let after = shown(&site.world, "alice", "mine");
    assert_eq!((after.autostart.as_str(), after.ttl_ms), (request.autostart.as_str(), 3_600_000));
    assert!(after.next_start_at_ms.is_some_and(|next| next > now));
    assert_eq!((after.dormant_at_ms, after.deleting_at_ms), (None, None));
    assert_eq!((after.created_at_ms, after.last_used_at_ms), (before.created_at_ms, now));
    let odd = v1::CreateWorkspaceRequest { ttl_ms: Some(1), ..asking("odd", "one") };
    assert!(matches!(site.world.create_with("alice", &odd), Err(CallError::Refused(_))), "out of bounds");
}

#[test]
fn a_workspace_that_is_handed_over_lives_as_its_template_has_it() {
    let site = pool(None, true);
    let request = v1::UpdateTemplateRequest {
        template: "pool".to_owned(),
        default_ttl_ms: Some(3_600_000),
        ..v1::UpdateTemplateRequest::default()
    };
    site.world.by_user("tess", |tx, _| template::update(tx, &request)).expect("within bounds");
    let workspace = site.unclaimed()[0].id;
    let name = site.claim("alice", workspace).expect("it is free").workspace_name;
    let given = shown(&site.world, "alice", &name);
    assert_eq!((given.ttl_ms, given.autostart.as_str(), given.next_start_at_ms), (3_600_000, "", None));
    site.world.create_with("alice", &asking("mine", "one")).expect("it is given");
    assert_eq!(shown(&site.world, "alice", "mine").ttl_ms, 3_600_000, "so does one about which nothing was said");
    let never = v1::CreateWorkspaceRequest { ttl_ms: Some(0), ..asking("never", "one") };
    site.world.create_with("alice", &never).expect("it is given");
    assert_eq!(shown(&site.world, "alice", "never").ttl_ms, 0);
}

#[test]
fn the_presets_parameters_come_first_and_others_are_added() {
    let site = pool(None, true);
    let parameters = vec![parameter("size", "9"), parameter("color", "red")];
    let request = v1::CreateWorkspaceRequest { parameters, ..asking("mine", "one") };
    let build = site.world.create_with("alice", &request).expect("it is given");
    assert_eq!(build.number, 2);
    match site.world.acquire("prov-1").expect("it waits").message.kind {
        Some(v1::job::Kind::WorkspaceBuild(build)) => {
            assert_eq!(build.parameter_values, [parameter("size", "1"), parameter("color", "red")]);
            assert_eq!(build.state, b"state");
        }
        other => panic!("expected a build, got {other:?}"),
    }
}

/// Which preset is meant where none is named, and whether something built ahead is given for it.
#[test]
fn a_preset_is_meant_whose_parameters_are_all_given() {
    let (none, red): (&[(&str, &str)], &[_]) = (&[], &[("color", "red")]);
    let (size, both): (&[(&str, &str)], &[_]) = (&[("size", "1")], &[("size", "1"), ("color", "red")]);
    let declared = |name: &str, parameters: &[(&str, &str)]| {
        let parameters = parameters.iter().map(|(name, value)| parameter(name, value)).collect();
        v1::Preset { parameters, ..preset(name, 1) }
    };
    for (about, presets, given, named, expected) in [
        ("no presets", vec![], size, "", None),
        ("one without parameters", vec![declared("any", none)], none, "", Some("any")),
        ("one without parameters, some given", vec![declared("any", none)], size, "", Some("any")),
        ("one with parameters, as given", vec![declared("one", size)], size, "", Some("one")),
        ("one with parameters, others given", vec![declared("one", size)], red, "", None),
        ("one with parameters, none given", vec![declared("one", size)], none, "", None),
        (
            "the one with the most",
            vec![declared("any", none), declared("s", size), declared("b", both)],
            both,
            "",
            Some("b"),
        ),
        ("of as many the first by name", vec![declared("z", size), declared("c", red)], both, "", Some("c")),
        (
            "the one that is named",
            vec![declared("any", none), declared("s", size), declared("b", both)],
            both,
            "s",
            Some("s"),
        ),
    ] {
        let site = Site::new();
        publish(&site.world, None, presets);
        site.settle();
        let before = runs(&site);
        let parameters = given.iter().map(|(name, value)| parameter(name, value)).collect();
        let request = v1::CreateWorkspaceRequest { parameters, ..asking("mine", named) };
        let build = site.world.create_with("alice", &request).expect("it can be met");
        let shown = shown(&site.world, "alice", "mine");
        assert_eq!(shown.preset, expected.unwrap_or_default(), "{about}");
        assert_eq!(build.number, if expected.is_some() { 2 } else { 1 }, "{about}");
        assert_eq!(runs(&site), before - usize::from(expected.is_some()), "{about}");
    }
    let site = pool(None, true);
    let text = "The version \"v1\" of the template \"pool\" has no preset \"three\".";
    assert_refused(site.world.create_with("alice", &asking("mine", "three")), Code::NotFound, text);
}

#[test]
fn to_who_is_no_member_a_template_does_not_exist() {
    let site = pool(Some("second"), true);
    let nothing = "Template \"pool\" doesn't exist.";
    assert_refused(site.world.create_with("bob", &asking("mine", "one")), Code::NotFound, nothing);
    let versioned = v1::CreateWorkspaceRequest { version: "v1".to_owned(), ..asking("mine", "one") };
    let text = "Template \"pool\" has no version \"v1\".";
    assert_refused(site.world.create_with("bob", &versioned), Code::NotFound, text);
    let presets = v1::ListPresetsRequest { version: crate::support::world::version_of("pool", "") };
    let list = |user: &str| site.world.by_user(user, |tx, user| template::presets(tx, user, &presets));
    assert_refused(list("bob"), Code::NotFound, nothing);
    assert_eq!(list("alice").expect("a member").presets.len(), 2);
    // Who looks after templates sees all, and has workspaces where they are a member.
    assert_eq!(list("tess").expect("she looks after it").presets.len(), 2);
    let text = "You are no member of the organization of the template \"pool\": ask for membership.";
    assert_refused(site.world.create_with("tess", &asking("mine", "one")), Code::PermissionDenied, text);
    let bob = site.claim("bob", site.unclaimed()[0].id);
    assert_refused(bob, Code::FailedPrecondition, "\"bob\" is no member of the organization of the template \"pool\"");
    assert_eq!(runs(&site), 4);
    site.world.create_with("root", &asking("mine", "one")).expect("an administrator may");
}

#[test]
fn the_account_that_builds_ahead_is_given_nothing() {
    let site = pool(None, true);
    let build = site.world.create_with("ahead", &asking("mine", "one")).expect("a new one");
    assert_eq!(build.number, 1);
    let claimed = site.world.tx(|tx| Ok(claims::facts(tx, build.workspace_id.parse().expect("an id"))?));
    assert!(claimed.expect("works").expect("it is there").claim.is_none());
}

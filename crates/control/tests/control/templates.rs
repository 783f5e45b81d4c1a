//! Versions of templates: their import, what it finds, and who builds from them; dry runs.

use groundhog_control::{
    limits,
    operations::{dry_run, version},
    refusal::CallError,
};
use groundhog_wire::{
    id::JobId,
    v1::{self, JobStatus, Transition},
};
use tonic::Code;

use crate::support::{
    World,
    world::{
        assert_refused, failure, imported, map, new_version, new_workspace, resource, success, tried, update,
        version_of, want,
    },
};

fn given(name: &str, value: &str) -> v1::VariableValue {
    v1::VariableValue { name: name.to_owned(), value: value.to_owned(), sensitive: false }
}

fn variable(name: &str, default: Option<&str>) -> v1::TemplateVariable {
    v1::TemplateVariable {
        name: name.to_owned(),
        r#type: "string".to_owned(),
        default_value: default.unwrap_or_default().to_owned(),
        required: default.is_none(),
        ..v1::TemplateVariable::default()
    }
}

fn declare(job: JobId, declared: v1::Declarations) -> v1::UpdateJobRequest {
    v1::UpdateJobRequest { declarations: Some(declared), ..update(job) }
}

fn variables(variables: Vec<v1::TemplateVariable>) -> v1::Declarations {
    v1::Declarations { variables, ..v1::Declarations::default() }
}

/// A world in which the import of new/v1 runs on prov-1.
fn importing(request: &v1::CreateVersionRequest) -> (World, JobId) {
    let world = World::new();
    world.create_version("root", request).expect("an administrator may");
    let job = world.acquire("prov-1").expect("it waits").job;
    (world, job)
}

fn activate(world: &World, template: &str, version: &str) -> Result<v1::TemplateVersion, CallError> {
    let request = v1::ActivateVersionRequest { version: version_of(template, version) };
    world.by_user("root", |tx, user| version::activate(tx, user, &request))
}

#[test]
fn an_import_is_sent_with_all_that_a_worker_needs() {
    let world = World::new();
    let request = v1::CreateVersionRequest { variable_values: vec![given("region", "eu")], ..new_version("new", "v1") };
    let version = world.create_version("root", &request).expect("an administrator may");
    assert_eq!(
        world.record.take(),
        ["version.queued version=version template=new name=v1 job=job"],
        "and nothing is active yet"
    );
    let import = version.import.expect("it is imported");
    assert_eq!((import.status(), version.active), (JobStatus::Pending, false));
    let message = world.acquire("prov-1").expect("it waits").message;
    let expected = v1::Job {
        job_id: import.job_id,
        created_at_ms: crate::support::machine::START_MS,
        provisioner_type: "scripted".to_owned(),
        initiator: "root".to_owned(),
        template_source: b"source of new v1".to_vec(),
        kind: Some(v1::job::Kind::TemplateImport(v1::TemplateImport {
            template_name: "new".to_owned(),
            template_version: "v1".to_owned(),
            user_variable_values: vec![given("region", "eu")],
        })),
    };
    assert_eq!(message, expected);
}

#[test]
fn a_version_is_usable_once_it_is_imported_and_the_first_one_is_active_from_then_on() {
    let (world, job) = importing(&new_version("new", "v1"));
    let text = "The version \"v1\" of the template \"new\" is not imported yet: wait for its import.";
    assert_refused(world.create("alice", "dev", "new"), Code::FailedPrecondition, text);
    assert_refused(world.dry_run("root", "new"), Code::FailedPrecondition, text);
    assert_refused(activate(&world, "new", "v1"), Code::FailedPrecondition, text);
    world.record.take();
    world.complete("prov-1", &imported(job, v1::CompletedTemplateImport::default())).expect("it runs");
    assert_eq!(
        world.record.take(),
        [
            "job.completed job=job by=prov-1 status=succeeded",
            "version.imported version=version template=new name=v1",
            "version.activated version=version template=new name=v1",
        ]
    );
    assert!(world.version("new", "").active);
    world.create("alice", "dev", "new").expect("it is usable");
}

#[test]
fn a_later_version_becomes_active_when_it_is_to() {
    let world = World::new();
    world.import(&new_version("new", "v1"));
    assert!(!world.import(&new_version("new", "v2")).active);
    assert!(world.version("new", "v1").active);
    let third = v1::CreateVersionRequest { activate: true, ..new_version("new", "v3") };
    assert!(world.import(&third).active);
    assert!(!world.version("new", "v1").active);
    world.record.take();
    assert!(activate(&world, "new", "v2").expect("it is usable").active);
    assert_eq!(world.record.take(), ["version.activated version=version template=new name=v2"]);
    activate(&world, "new", "v2").expect("it is so already");
    assert_eq!(world.record.take(), [""; 0]);
}

#[test]
fn a_version_whose_import_failed_is_not_usable_and_the_next_one_takes_its_place() {
    let (world, job) = importing(&new_version("new", "v1"));
    world.fail("prov-1", &failure(job, "run parse: no such file", None)).expect("it runs");
    let version = world.version("new", "v1");
    let import = version.import.expect("it was imported");
    assert_eq!((import.status(), import.error.as_str()), (JobStatus::Failed, "run parse: no such file"));
    let text = "The import of the version \"v1\" of the template \"new\" did not succeed: see why, and add another \
                version.";
    assert_refused(world.create("alice", "dev", "new"), Code::FailedPrecondition, text);
    assert!(world.import(&new_version("new", "v2")).active, "the template has no other one");
}

#[test]
fn an_import_that_was_cancelled_makes_nothing_usable() {
    let (world, job) = importing(&new_version("new", "v1"));
    world.cancel_job("root", job, JobStatus::Running).expect("it runs");
    world.record.take();
    world.complete("prov-1", &imported(job, v1::CompletedTemplateImport::default())).expect("it runs");
    assert_eq!(world.record.take(), ["job.completed job=job by=prov-1 status=canceled"]);
    assert!(world.create("alice", "dev", "new").is_err());
    world.create_version("root", &new_version("new", "v2")).expect("an administrator may");
    let pending = world.version("new", "v2").import.expect("it is imported").job_id.parse().expect("an id");
    let canceled = world.cancel_job("root", pending, JobStatus::Pending).expect("it waits");
    assert_eq!(canceled.status(), JobStatus::Canceled);
    assert!(world.acquire("prov-1").is_none(), "J12");
}

#[test]
fn what_cannot_be_a_version_is_refused() {
    let world = World::new();
    let check = |request: v1::CreateVersionRequest, code, text: &str| match world.create_version("root", &request) {
        Err(CallError::Refused(refusal)) => {
            assert_eq!(refusal.code(), code);
            assert!(refusal.to_string().contains(text), "{refusal}");
        }
        other => panic!("expected {text:?}, got {other:?}"),
    };
    let new = || new_version("new", "v1");
    check(new_version("a template", "v1"), Code::InvalidArgument, "can't be a template's name");
    check(new_version("new", "v1.0"), Code::InvalidArgument, "can't be a version's name");
    check(new_version("plain", "v1"), Code::AlreadyExists, "has a version \"v1\" already: choose another name");
    check(
        v1::CreateVersionRequest { provisioner_type: String::new(), ..new() },
        Code::InvalidArgument,
        "expected a provisioner type",
    );
    let tags = (0..33).map(|n| (n.to_string(), String::new())).collect();
    check(v1::CreateVersionRequest { tags, ..new() }, Code::InvalidArgument, "33 tags were given");
    let twice = vec![given("a", "1"), given("a", "2")];
    check(
        v1::CreateVersionRequest { variable_values: twice, ..new() },
        Code::InvalidArgument,
        "variable value \"a\": there are two of this name",
    );
    let large = vec![given("a", &"x".repeat(limits::VALUE_BYTES_MAX + 1))];
    check(v1::CreateVersionRequest { variable_values: large, ..new() }, Code::InvalidArgument, "at most 65536 fit");
    let none = world.by_user("root", |tx, user| {
        version::get(tx, user, &v1::GetVersionRequest { version: version_of("new", "v1") })
    });
    assert_refused(none, Code::NotFound, "Template \"new\" has no version \"v1\".");
}

#[test]
fn declared_variables_get_the_authors_values_or_their_defaults() {
    let values = vec![given("region", "eu"), given("unknown", "x")];
    let (world, job) = importing(&v1::CreateVersionRequest { variable_values: values, ..new_version("new", "v1") });
    let secret = v1::TemplateVariable { sensitive: true, ..variable("token", Some("hush")) };
    let declared = variables(vec![variable("region", None), variable("zone", Some("a")), secret]);
    let answer = world.update_with("prov-1", declare(job, declared.clone())).expect("it runs");
    let hushed = v1::VariableValue { sensitive: true, ..given("token", "hush") };
    let expected = vec![given("region", "eu"), given("zone", "a"), hushed];
    assert_eq!((answer.canceled, &answer.variable_values), (false, &expected));
    let again = world.update_with("prov-1", declare(job, declared)).expect("it runs");
    assert_eq!(again, answer, "the answer may have been lost");
    let shown = world.version("new", "v1").variables;
    assert_eq!(shown.iter().map(|variable| variable.default_value.as_str()).collect::<Vec<_>>(), ["", "a", ""]);

    // Builds and dry runs are sent the same values.
    world.complete("prov-1", &imported(job, v1::CompletedTemplateImport::default())).expect("it runs");
    world.create("alice", "dev", "new").expect("it is usable");
    let build = world.acquire("prov-1").expect("it waits");
    let Some(v1::job::Kind::WorkspaceBuild(message)) = build.message.kind else { panic!("a build waited") };
    assert_eq!(message.variable_values, expected);
    world.dry_run("root", "new").expect("it is usable");
    let dry_run = world.acquire("prov-1").expect("it waits");
    let Some(v1::job::Kind::TemplateDryRun(message)) = dry_run.message.kind else { panic!("a dry run waited") };
    assert_eq!(message.variable_values, expected);
}

#[test]
fn missing_values_are_named_and_the_declarations_kept() {
    let values = vec![given("empty", "")];
    let (world, job) = importing(&v1::CreateVersionRequest { variable_values: values, ..new_version("new", "v1") });
    let declared = variables(vec![variable("b", None), variable("zone", Some("x")), variable("empty", None)]);
    let text = "required template variables need values: b, empty";
    for _ in 0..2 {
        world.advance(std::time::Duration::from_secs(1));
        let refused = world.update_with("prov-1", declare(job, declared.clone()));
        assert_refused(refused, Code::InvalidArgument, text);
        assert_eq!(world.job(job).updated_at, world.host.wall().as_millisecond(), "it was heard of nevertheless");
    }
    assert_eq!(world.version("new", "v1").variables.len(), 3);
}

#[test]
fn the_readme_is_kept_and_cut() {
    let (world, job) = importing(&new_version("new", "v1"));
    let readme = "é".repeat(limits::README_BYTES_MAX);
    let declared = v1::Declarations { readme, ..v1::Declarations::default() };
    world.update_with("prov-1", declare(job, declared)).expect("it runs");
    assert_eq!(world.version("new", "v1").readme, "é".repeat(limits::README_BYTES_MAX / 2));
}

#[test]
fn workspace_tags_are_asked_of_the_builds_daemons() {
    let request = v1::CreateVersionRequest { tags: map(&[("arch", "arm"), ("zone", "a")]), ..new_version("new", "v1") };
    let world = World::new();
    world.create_version("root", &request).expect("an administrator may");
    assert!(world.acquire("prov-1").is_none(), "the import asks for the version's tags");
    let job = world.acquire_with("prov-1", &want(&[("arch", "arm"), ("zone", "a")])).expect("it waits").job;
    let workspace_tags = map(&[("gpu", "yes"), ("zone", "b")]);
    let declared = v1::Declarations { workspace_tags, ..v1::Declarations::default() };
    world.update_with("prov-1", declare(job, declared)).expect("it runs");
    world.complete("prov-1", &imported(job, v1::CompletedTemplateImport::default())).expect("it runs");
    world.create("alice", "dev", "new").expect("it is usable");
    assert!(world.acquire_with("prov-1", &want(&[("arch", "arm"), ("zone", "a"), ("gpu", "yes")])).is_none());
    assert!(world.acquire_with("prov-1", &want(&[("arch", "arm"), ("zone", "b"), ("gpu", "yes")])).is_some());
}

#[test]
fn declarations_are_bounded_and_for_imports_only() {
    let (world, job) = importing(&new_version("new", "v1"));
    let refused = |declared| match world.update_with("prov-1", declare(job, declared)) {
        Err(CallError::Refused(refusal)) => refusal.to_string(),
        other => panic!("expected a refusal, got {other:?}"),
    };
    let twice = variables(vec![variable("a", None), variable("a", None)]);
    assert_eq!(refused(twice), "variable \"a\": there are two of this name");
    let odd = variables(vec![v1::TemplateVariable { r#type: "map".to_owned(), ..variable("a", None) }]);
    assert_eq!(refused(odd), "variable \"a\": unsupported type \"map\", expected string, number or bool");
    let many = (0..=limits::ENTRIES_MAX).map(|n| variable(&n.to_string(), None)).collect();
    assert_eq!(refused(variables(many)), "1001 variables: at most 1000 are taken");
    let large = (0..9).map(|n| variable(&n.to_string(), Some(&"x".repeat(limits::VALUE_BYTES_MAX)))).collect();
    assert!(refused(variables(large)).starts_with("declarations too big"));
    let workspace_tags = (0..33).map(|n| (n.to_string(), String::new())).collect();
    let tagged = v1::Declarations { workspace_tags, ..v1::Declarations::default() };
    assert_eq!(refused(tagged), "workspace tags: 33 tags were given: at most 32 are allowed");
    assert_eq!(world.version("new", "v1").variables, [], "nothing of those was kept");

    let build = world.running("alice", "dev", "prov-1");
    let refused = world.update_with("prov-1", declare(build, variables(vec![])));
    let text = format!("declarations are for a template import, and the job {build} is a workspace_build");
    assert_refused(refused, Code::InvalidArgument, &text);
}

fn found() -> v1::CompletedTemplateImport {
    let parameter = v1::TemplateParameter {
        name: "size".to_owned(),
        r#type: "string".to_owned(),
        form_type: "dropdown".to_owned(),
        ..v1::TemplateParameter::default()
    };
    let schedules = vec![v1::PrebuildSchedule { cron: "* 9-18 * * 1-5".to_owned(), instances: 2 }];
    let prebuild = v1::Prebuild { instances: 1, expires_after_s: 60, timezone: "UTC".to_owned(), schedules };
    let preset = v1::Preset {
        name: "large".to_owned(),
        parameters: vec![v1::ParameterValue { name: "size".to_owned(), value: "xl".to_owned() }],
        default: true,
        prebuild: Some(prebuild),
    };
    v1::CompletedTemplateImport {
        start_resources: vec![resource("vm", &["main"]), resource("disk", &[])],
        stop_resources: vec![resource("disk", &[])],
        parameters: vec![parameter],
        presets: vec![preset],
        external_auth_providers: vec![],
    }
}

#[test]
fn all_that_an_import_found_is_shown() {
    let (world, job) = importing(&new_version("new", "v1"));
    world.complete("prov-1", &imported(job, found())).expect("it runs");
    world.complete("prov-1", &imported(job, found())).expect("J10");
    let version = world.version("new", "v1");
    let shown = v1::CompletedTemplateImport {
        start_resources: version.start_resources,
        stop_resources: version.stop_resources,
        parameters: version.parameters,
        presets: version.presets,
        external_auth_providers: version.external_auth_providers,
    };
    assert_eq!(shown, found());
}

#[test]
fn what_an_import_cannot_have_found_is_refused_and_nothing_of_it_kept() {
    let (world, job) = importing(&new_version("new", "v1"));
    let check = |change: &dyn Fn(&mut v1::CompletedTemplateImport), text: &str| {
        let mut found = found();
        change(&mut found);
        match world.complete("prov-1", &imported(job, found)) {
            Err(CallError::Refused(refusal)) => {
                assert_eq!(refusal.code(), Code::InvalidArgument);
                assert!(refusal.to_string().contains(text), "{refusal}");
            }
            other => panic!("expected {text:?}, got {other:?}"),
        }
    };
    check(&|found| found.parameters[0].form_type = "hologram".to_owned(), "parameter \"size\": unsupported form type");
    check(&|found| found.parameters.push(found.parameters[0].clone()), "parameter \"size\": there are two");
    check(&|found| found.presets[0].name.clear(), "preset \"\": expected a name");
    check(
        &|found| found.presets.push(v1::Preset { name: "b".to_owned(), default: true, ..v1::Preset::default() }),
        "more than one",
    );
    check(
        &|found| found.presets[0].prebuild.as_mut().expect("it has one").schedules[0].instances = -1,
        "a number below zero",
    );
    check(&|found| found.start_resources.push(resource("other", &["MAIN"])), "agent name \"MAIN\" is there twice");
    check(&|found| found.stop_resources.push(resource("other", &["my agent"])), "agent name \"my agent\" is invalid");
    check(&|found| found.start_resources = vec![resource("vm", &[]); 1_001], "1001 resources");
    check(&|found| found.presets[0].parameters[0].value = "x".repeat(70_000), "at most 65536 fit");
    assert_eq!(world.version("new", "v1").parameters, []);
    world.complete("prov-1", &imported(job, found())).expect("the job is as it was");
}

#[test]
fn an_external_auth_provider_that_is_not_configured_fails_the_import() {
    let provider = |id: &str| v1::ExternalAuthProvider { id: id.to_owned(), optional: false };
    let found = || v1::CompletedTemplateImport { external_auth_providers: vec![provider("github")], ..found() };
    let (world, job) = importing(&new_version("new", "v1"));
    world.record.take();
    world.complete("prov-1", &imported(job, found())).expect("the worker did what it was asked");
    let error = "external auth provider \"github\" is not configured";
    assert_eq!(world.record.take(), [format!("job.failed job=job by=control error={error} code=")]);
    let import = world.version("new", "v1").import.expect("it was imported");
    assert_eq!((import.status(), import.error.as_str()), (JobStatus::Failed, error));
    world.complete("prov-1", &imported(job, found())).expect("J10");

    let (mut world, job) = importing(&new_version("new", "v1"));
    world.config.external_auth.insert("github".to_owned());
    world.complete("prov-1", &imported(job, found())).expect("it runs");
    assert_eq!(world.version("new", "v1").external_auth_providers, [provider("github")]);
}

#[test]
fn the_payload_must_be_that_of_the_jobs_kind() {
    let (world, job) = importing(&new_version("new", "v1"));
    let text = "unknown job type \"workspace_build\"; ensure coderd and provisionerd versions match";
    assert_refused(world.complete("prov-1", &success(job, b"")), Code::InvalidArgument, text);
    let none = v1::CompleteJobRequest { job_id: job.to_string(), kind: None };
    assert_refused(world.complete("prov-1", &none), Code::InvalidArgument, "type payload must be provided");
    let build = world.running("alice", "dev", "prov-1");
    let text = "unknown job type \"template_dry_run\"; ensure coderd and provisionerd versions match";
    let wrong = tried(build, v1::CompletedTemplateDryRun::default());
    assert_refused(world.complete("prov-1", &wrong), Code::InvalidArgument, text);
    // A failure counts whatever else the message says.
    world.fail("prov-1", &failure(job, "broken", Some(b"state"))).expect("it runs");
    assert_eq!(world.job(job).error, "broken");
}

#[test]
fn a_dry_run_from_beginning_to_end() {
    let world = World::new();
    let parameters = vec![v1::ParameterValue { name: "size".to_owned(), value: "xl".to_owned() }];
    let request = v1::CreateDryRunRequest {
        version: version_of("plain", "v1"),
        workspace_name: "trial".to_owned(),
        parameters: parameters.clone(),
    };
    let dry_run = world.by_user("root", |tx, user| dry_run::create(tx, user, &request)).expect("it is usable");
    assert_eq!(world.record.take(), ["dry_run.queued dry_run=dry_run version=version job=job"]);
    let acquired = world.acquire("prov-1").expect("it waits");
    let expected = v1::TemplateDryRun {
        template_name: "plain".to_owned(),
        template_version: "v1".to_owned(),
        variable_values: vec![],
        parameter_values: parameters,
        workspace_name: "trial".to_owned(),
    };
    assert_eq!(acquired.message.kind, Some(v1::job::Kind::TemplateDryRun(expected)));
    let found = v1::CompletedTemplateDryRun { resources: vec![resource("vm", &["main"])] };
    for _ in 0..2 {
        world.complete("prov-1", &tried(acquired.job, found.clone())).expect("it runs, and J10");
    }
    let get = v1::GetDryRunRequest { dry_run_id: dry_run.dry_run_id };
    let shown = world.by_user("root", |tx, user| dry_run::get(tx, user, &get)).expect("it is root's");
    assert_eq!(shown.resources, found.resources);
    assert_eq!(shown.job.map(|job| job.status()), Some(JobStatus::Succeeded));
    let other = world.by_user("bob", |tx, user| dry_run::get(tx, user, &get)).err();
    assert!(matches!(other, Some(CallError::Refused(refusal)) if refusal.code() == Code::NotFound));
    assert!(world.audit().is_empty(), "the trail is about workspaces");
}

#[test]
fn what_an_owner_chooses_stays_with_the_workspace() {
    let world = World::new();
    let parameters = vec![v1::ParameterValue { name: "size".to_owned(), value: "xl".to_owned() }];
    let request = v1::CreateWorkspaceRequest {
        parameters: parameters.clone(),
        log_level: v1::LogLevel::Warn.into(),
        ..new_workspace("dev", "plain")
    };
    let create = |request: &v1::CreateWorkspaceRequest| world.create_with("alice", request);
    let odd = v1::CreateWorkspaceRequest { log_level: 99, ..request.clone() };
    assert_refused(create(&odd), Code::InvalidArgument, "there is no log level 99");
    let twice =
        v1::CreateWorkspaceRequest { parameters: [&parameters[..], &parameters[..]].concat(), ..request.clone() };
    assert_refused(create(&twice), Code::InvalidArgument, "parameter \"size\": there are two of this name");
    create(&request).expect("free");
    let sent = |acquired: groundhog_control::operations::acquire::Acquired| match acquired.message.kind {
        Some(v1::job::Kind::WorkspaceBuild(build)) => (build.parameter_values, build.log_level),
        other => panic!("expected a build, got {other:?}"),
    };
    let acquired = world.acquire("prov-1").expect("it waits");
    let job = acquired.job;
    assert_eq!(sent(acquired), (parameters.clone(), v1::LogLevel::Warn.into()));
    world.complete("prov-1", &success(job, b"s")).expect("it runs");
    world.build("alice", "dev", Transition::Stop).expect("nothing runs");
    assert_eq!(sent(world.acquire("prov-1").expect("it waits")), (parameters, 0), "the level is the build's own");
}

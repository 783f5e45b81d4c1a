//! Files that are right, and what they mean.

use std::collections::BTreeMap;
use std::time::Duration;

use groundhog_stage::expect::{Count, Expectation, Pattern, Window};
use groundhog_stage::invariants::Bounds;
use groundhog_stage::scenario::units::DurationRange;
use groundhog_stage::scenario::{
    Action, ClockStep, ExpectStatus, FaultKind, LogLevel, Logs, Misbehaviour, OnCancel, Role, Scenario, SuspendedClock,
    Transition, User,
};

use crate::catalogue;

fn parse(text: &str) -> Scenario {
    match Scenario::parse("good.toml", text, catalogue::ALL) {
        Ok(scenario) => scenario,
        Err(diagnostics) => panic!("{diagnostics}"),
    }
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn pair(a: &str, b: &str) -> (String, String) {
    (a.to_owned(), b.to_owned())
}

/// The example by which the scenario file was designed.
const EXAMPLE: &str = r#"
about = "A build that ignores cancel is failed once the force-cancel interval has passed."
duration = "30m"

[[template]]
name  = "slow-vm"
plan  = { takes = "10s" }
apply = { takes = "2h", on_cancel = "ignore" }

[[provisioner]]
name = "prov-1"

[[step]]
at = "1s"
create_workspace = { name = "dev", owner = "alice", template = "slow-vm" }

[[step]]
at = "1m"
cancel_build = { workspace = "dev" }

[[fault]]
at = "90s"
for = "30s"
cut = ["prov-1", "control"]

[[expect]]
event = "job.failed"
with  = { error = "Cancel timed out" }
between = ["11m", "13m"]
"#;

#[test]
fn the_example_means_what_it_says() {
    let scenario = parse(EXAMPLE);
    assert_eq!(scenario.about, "A build that ignores cancel is failed once the force-cancel interval has passed.");
    assert_eq!((scenario.seed, scenario.duration, scenario.settle), (0, secs(1_800), secs(1_200)));
    assert_eq!((&scenario.issue, &scenario.version), (&None, &None));
    assert_eq!(
        scenario.network.latency,
        DurationRange { min: Duration::from_millis(1), max: Duration::from_millis(5) }
    );
    assert_eq!((scenario.network.loss, scenario.network.bandwidth), (0.0, None));
    assert_eq!((scenario.control.connections, scenario.control.log_bytes_max), (10, 1 << 20));
    assert_eq!(scenario.users.keys().collect::<Vec<_>>(), ["alice"]);
    assert_eq!(scenario.hosts().collect::<Vec<_>>(), ["control", "users", "prov-1"]);

    let template = &scenario.templates[0];
    assert_eq!((template.plan.takes, template.plan.on_cancel), (secs(10), OnCancel::Obey { takes: secs(0) }));
    assert_eq!((template.apply.takes, template.apply.on_cancel), (secs(7_200), OnCancel::Ignore));
    let provisioner = &scenario.provisioners[0];
    assert_eq!((provisioner.start, provisioner.update_interval), (secs(0), secs(5)));
    assert_eq!(provisioner.force_cancel_interval, secs(600));

    assert_eq!((scenario.steps[0].at, scenario.steps[0].line), (secs(1), 13));
    assert_eq!(
        scenario.steps[0].action,
        Action::CreateWorkspace {
            name: "dev".into(),
            owner: "alice".into(),
            template: "slow-vm".into(),
            parameters: BTreeMap::new(),
            log_level: None,
        }
    );
    assert_eq!(
        scenario.steps[1].action,
        Action::CancelBuild { workspace: "dev".into(), owner: "alice".into(), by: "alice".into(), expect_status: None }
    );
    let fault = &scenario.faults[0];
    assert_eq!((fault.at, fault.lasts, fault.ends_at()), (secs(90), Some(secs(30)), Some(secs(120))));
    assert_eq!(fault.kind, FaultKind::Cut { between: pair("prov-1", "control") });
    assert_eq!(
        scenario.expectations,
        [Expectation {
            line: 26,
            pattern: Pattern {
                event: "job.failed".into(),
                with: BTreeMap::from([("error".to_owned(), "Cancel timed out".to_owned())]),
                host: None,
            },
            between: Some(Window { start: secs(660), end: secs(780) }),
            count: Count::AtLeastOnce,
            before: None,
            after: None,
            always: false,
        }]
    );
    assert_eq!(Bounds::of(&scenario).force_cancel_interval, secs(600));
}

/// Every key that there is, once.
pub(crate) const EVERYTHING: &str = r#"
about = "everything"
issue = "14433"
version = "2.20"
seed = 7
duration = "1h"
settle = "5m"
allow_errors = ["disk full"]

[network]
latency = "3ms"
loss = 0.01
bandwidth = 1_000_000

[control]
connections = 1
statement_latency = "1ms..1s"
log_bytes_max = 1024
replicas = 3
notices = { latency = "1ms..2s", loss = 0.25 }
external_auth = ["github"]

[[link]]
between = ["prov-2", "control"]
latency = "50ms..80ms"
loss = 0

[[group]]
name = "team"
budget = 40
members = ["alice", "bob"]

[[user]]
name = "carol"
role = "admin"
[[user]]
name = "robot"
role = "prebuilds"
token_expires = "5m"

[[template]]
name = "vm"
[template.plan]
daily_cost = 20
fails = "no plan"
logs = { every = "1s", line = "planning {n}", count = 3, level = "warn" }
[template.apply]
hangs = true
on_cancel = "obey"
cancel_takes = "2s"
state = "left over"

[[template]]
name = "declares"
set_up = false
readme = "Read me."
parse = { takes = "1s", misbehaves = "closes" }
plan = { misbehaves = "wrong_answer", replacements = [{ resource = "disk", paths = ["size"] }, { resource = "vm" }] }
stop = { plan = { misbehaves = "answers_twice" } }
destroy = { apply = { misbehaves = "answers_early" } }
variables = [
    { name = "region", default = "eu" },
    { name = "key", type = "number", required = true, sensitive = true },
]
parameters = [
    { name = "cpus", type = "list(string)", form_type = "radio", default = 2, mutable = true },
    { name = "disk", required = true },
]
presets = [
    { name = "small", parameters = { cpus = 1 }, default = true, prebuilds = { instances = 2, expires_after = "1d", timezone = "UTC", schedules = [{ cron = "* 9-18 * * 1-5", instances = 5 }] } },
    { name = "large" },
]
external_auth = [{ id = "github", optional = true }, { id = "gitlab" }]

[[provisioner]]
name = "prov-1"
tags = { zone = "eu" }
[[provisioner]]
name = "prov-2"
start = "10s"
slots = 2
control = "control-3"
key = "far-away"
refuses_sessions = "no room"
update_interval = "30s"
force_cancel_interval = "1m"

[[step]]
at = "40s"
shutdown_provisioner = { name = "prov-1", job = "is_dropped" }
[[step]]
at = "1s"
create_workspace = { name = "dev", owner = "alice", template = "vm" }
[[step]]
at = "1s"
create_workspace = { name = "dev", owner = "dave", template = "vm", parameters = { cpus = 4 }, log_level = "debug" }
[[step]]
at = "20s"
build_workspace = { workspace = "dev", owner = "dave", transition = "destroy" }
[[step]]
at = "30s"
cancel_build = { workspace = "dev", owner = "dave", by = "mallory", expect_status = "running" }
[[step]]
at = "50s"
import_template = { template = "new", version = "v1", like = "declares", variables = { key = 5 }, activate = false }
[[step]]
at = "51s"
cancel_import = { template = "new", version = "v1", by = "mallory" }
[[step]]
at = "52s"
dry_run = { template = "new", parameters = { cpus = true } }
[[step]]
at = "53s"
cancel_dry_run = { template = "new" }
[[step]]
at = "54s"
follow_logs = { workspace = "dev", owner = "dave", by = "carol" }
[[step]]
at = "55s"
delete_key = { key = "far-away" }

[[fault]]
at = "10m"
cut_one_way = ["prov-1", "control"]
[[fault]]
at = "1s"
hold = ["users", "control"]
[[fault]]
at = "2s"
slow = { between = ["users", "control"], factor = 10 }
[[fault]]
at = "3s"
lossy = { between = ["users", "control"], probability = 0.5 }
[[fault]]
at = "4s"
reset = ["users", "control"]
[[fault]]
at = "10s"
for = "5s"
kill = "prov-2"
[[fault]]
at = "11s"
power_loss = "control-2"
[[fault]]
at = "12s"
for = "1m"
suspend = { host = "prov-1", clock = "stops" }
[[fault]]
at = "13s"
step_clock = { host = "control", by = "-5m" }
[[fault]]
at = "14s"
for = "1m"
drift = { host = "control", ppm = -200 }

[[expect]]
event = "quota.committed"
with = { cost = 20, ok = true }
times = "1..3"
host = "control"
before = { event = "runner.started", host = "prov-1" }
[[expect]]
event = "job.failed"
times = 2
after = { event = "runner.started", with = { job = "job#1" } }
[[expect]]
event = "control.started"
host = "-"
never = true
always = true

[swarm]
faults = "1..3"
kinds = { kill = 2, cut = 0.5 }
lasts = "1s..1m"
within = "20m"
settings = false

[workload]
workspaces = 2
builds = "0..4"
cancels = 0
shutdowns = "1..1"
imports = 1
dry_runs = "0..2"
follows = 3
"#;

#[test]
fn everything_can_be_said() {
    let scenario = parse(EVERYTHING);
    assert_eq!((scenario.issue.as_deref(), scenario.version.as_deref()), (Some("14433"), Some("2.20")));
    assert_eq!((scenario.seed, scenario.allow_errors.as_slice()), (7, ["disk full".to_owned()].as_slice()));
    assert_eq!(scenario.network.bandwidth, Some(1_000_000));
    assert_eq!(scenario.control.statement_latency.max, secs(1));
    let control = &scenario.control;
    assert_eq!((control.replicas, control.notices.loss, control.notices.latency.max), (3, 0.25, secs(2)));
    assert_eq!(scenario.replicas().collect::<Vec<_>>(), ["control", "control-2", "control-3"]);
    assert_eq!(scenario.users["robot"], User { role: Role::Prebuilds, token_expires: Some(secs(300)) });
    let declares = &scenario.templates[1];
    assert!(!declares.set_up && declares.variables[1].sensitive && declares.parameters[0].mutable);
    assert_eq!(declares.phases(Transition::Stop).0.misbehaves, Some(Misbehaviour::AnswersTwice));
    assert_eq!(declares.phases(Transition::Stop).1, &declares.apply);
    assert_eq!(declares.phases(Transition::Destroy).0, &declares.plan);
    let far = &scenario.provisioners[1];
    assert_eq!((far.slots, far.control.as_deref(), far.key.as_str()), (2, Some("control-3"), "far-away"));
    let path = scenario.links[0].path;
    assert_eq!((path.latency.max, path.loss, path.bandwidth), (Duration::from_millis(80), 0.0, Some(1_000_000)));
    assert_eq!(scenario.users.keys().collect::<Vec<_>>(), ["alice", "bob", "carol", "dave", "mallory", "robot"]);
    let (plan, apply) = (&scenario.templates[0].plan, &scenario.templates[0].apply);
    assert_eq!((plan.daily_cost, plan.fails.as_deref()), (20, Some("no plan")));
    assert_eq!(
        plan.logs,
        Some(Logs { every: secs(1), line: "planning {n}".into(), count: Some(3), level: LogLevel::Warn })
    );
    assert_eq!((apply.hangs, apply.on_cancel), (true, OnCancel::Obey { takes: secs(2) }));
    assert_eq!(apply.state.as_deref(), Some("left over"));

    let order: Vec<u64> = scenario.steps.iter().map(|step| step.at.as_secs()).collect();
    assert_eq!(order, [1, 1, 20, 30, 40, 50, 51, 52, 53, 54, 55], "the order of time");
    assert_eq!(
        scenario.steps[2].action,
        Action::BuildWorkspace { workspace: "dev".into(), owner: "dave".into(), transition: Transition::Destroy }
    );
    assert_eq!(
        scenario.steps[3].action,
        Action::CancelBuild {
            workspace: "dev".into(),
            owner: "dave".into(),
            by: "mallory".into(),
            expect_status: Some(ExpectStatus::Running)
        }
    );
    assert_eq!(
        scenario.steps[5].action,
        Action::ImportTemplate {
            template: "new".into(),
            version: "v1".into(),
            by: "carol".into(),
            like: "declares".into(),
            variables: BTreeMap::from([("key".to_owned(), "5".to_owned())]),
            activate: false,
        }
    );
    assert_eq!(scenario.steps[10].action, Action::DeleteKey { key: "far-away".into(), by: "carol".into() });
    let kinds: Vec<&FaultKind> = scenario.faults.iter().map(|fault| &fault.kind).collect();
    assert_eq!(kinds.len(), 10);
    assert_eq!(*kinds[1], FaultKind::Slow { between: pair("users", "control"), factor: 10.0 });
    assert_eq!(*kinds[6], FaultKind::Suspend { host: "prov-1".into(), clock: SuspendedClock::Stops });
    assert_eq!(*kinds[7], FaultKind::StepClock { host: "control".into(), by: ClockStep::Back(secs(300)) });
    assert_eq!(*kinds[9], FaultKind::CutOneWay { from: "prov-1".into(), to: "control".into() });
    assert_eq!((scenario.faults[3].ends_at(), scenario.faults[5].ends_at()), (Some(secs(4)), None));

    let expectations = &scenario.expectations;
    assert_eq!(expectations[0].count, Count::Times { min: 1, max: 3 });
    assert_eq!(expectations[0].pattern.with["cost"], "20");
    assert_eq!(expectations[0].pattern.with["ok"], "true");
    assert_eq!(expectations[1].count, Count::Times { min: 2, max: 2 });
    assert_eq!(expectations[2].count, Count::Never);
    let bounds = Bounds::of(&scenario);
    assert_eq!((bounds.update_interval, bounds.force_cancel_interval), (secs(30), secs(600)));
}

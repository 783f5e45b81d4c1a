//! Files that are right, and what they mean.

use std::collections::BTreeMap;
use std::time::Duration;

use groundhog_stage::expect::{Count, Expectation, Pattern, Window};
use groundhog_stage::invariants::Bounds;
use groundhog_stage::scenario::units::DurationRange;
use groundhog_stage::scenario::{
    Action, AppFailure, ClockStep, ExpectStatus, FaultKind, LogLevel, Logs, Misbehaviour, OnCancel, OnSignal, Pipe,
    Prints, Role, Scenario, SuspendedClock, Transition, Tunnel, TunnelApplication, User,
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
            preset: String::new(),
            version: String::new(),
            autostart: String::new(),
            ttl: None,
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
relays = true
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

[[template]]
name = "works"
agents = [
    { name = "main", directory = "~/code", environment = { LEVEL = 5 }, boots = "3s", connection_timeout = "1m", keeps_token = false, scripts = [
        { name = "install", runs = "setup --all; echo done", on = ["start"], timeout = "1m30s" },
        { name = "greet", runs = "echo hello", on = ["start", "stop"], after = ["install"] },
        { name = "tidy", runs = "true", cron = "*/5 * * * * *", after_completion = ["install", "greet"] },
    ], metadata = [{ key = "load", runs = "setup", interval = "2s", timeout = "5s" }, { key = "version", runs = "true" }], apps = [
        { slug = "web", port = 8080, interval = "5s", threshold = 1 },
        { slug = "docs", port = 8081 },
    ] },
    { name = "many", count = 3 },
]

[[program]]
name = "setup"
takes = "10s"
exit = 3
prints = { every = "10ms", line = "step {n}", count = 500, to = "error" }
prints_bytes = [255, 0]
on_signal = { ends_after = "2s" }
leaves_pipe_open = "20s"
fails_first = 2
[[program]]
name = "stuck"
hangs = true
on_signal = "ignores"
prints = {}

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
[[step]]
at = "56s"
create_workspace = { name = "ahead", owner = "robot", template = "works" }
[[step]]
at = "57s"
open_terminal = { workspace = "ahead", agent = "many-2", by = "carol", session = "both", command = "setup", sends = ["echo hi"], stays = "1m", reads = false }
[[step]]
at = "58s"
app_outage = { workspace = "ahead", agent = "main", app = "web", for = "30s", how = "500" }
[[step]]
at = "59s"
claim_workspace = { workspace = "ahead", for = "eve" }
[[step]]
at = "60s"
list_agents = { workspace = "ahead", owner = "eve", by = "carol" }
[[step]]
at = "61s"
open_tunnel = { name = "page", workspace = "ahead", owner = "eve", agent = "main", port = 8080, every = "2s", autostart = false, stays = "5m" }
[[step]]
at = "62s"
open_tunnel = { name = "shell", workspace = "ahead", owner = "eve", by = "carol", app = "terminal", session = "both", sends = ["env"], wait_for_scripts = false }
[[step]]
at = "63s"
interrupt_tunnel = { name = "shell" }
[[step]]
at = "64s"
build_workspace = { workspace = "ahead", owner = "eve", transition = "start", update = true }

[[fault]]
at = "15s"
for = "1m"
cut = ["ahead.many-3", "control"]
[[fault]]
at = "16s"
kill = "shell"
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
[[fault]]
at = "11m"
for = "30s"
database = "unavailable"

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
terminals = "0..2"
outages = 1
claims = 0
tunnels = "0..1"
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
    assert_eq!(scenario.users.keys().collect::<Vec<_>>(), ["alice", "bob", "carol", "dave", "eve", "mallory", "robot"]);
    let (plan, apply) = (&scenario.templates[0].plan, &scenario.templates[0].apply);
    assert_eq!((plan.daily_cost, plan.fails.as_deref()), (20, Some("no plan")));
    assert_eq!(
        plan.logs,
        Some(Logs { every: secs(1), line: "planning {n}".into(), count: Some(3), level: LogLevel::Warn })
    );
    assert_eq!((apply.hangs, apply.on_cancel), (true, OnCancel::Obey { takes: secs(2) }));
    assert_eq!(apply.state.as_deref(), Some("left over"));

    let order: Vec<u64> = scenario.steps.iter().map(|step| step.at.as_secs()).collect();
    assert_eq!(
        order,
        [1, 1, 20, 30, 40, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64],
        "the order of time"
    );
    assert_eq!(
        scenario.steps[2].action,
        Action::BuildWorkspace {
            workspace: "dev".into(),
            owner: "dave".into(),
            by: "dave".into(),
            transition: Transition::Destroy,
            update: false,
            orphan: false,
        }
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
    assert_eq!(kinds.len(), 13);
    assert_eq!(*kinds[10], FaultKind::Kill { host: "shell".into() });
    assert_eq!(*kinds[1], FaultKind::Slow { between: pair("users", "control"), factor: 10.0 });
    assert_eq!(*kinds[6], FaultKind::Suspend { host: "prov-1".into(), clock: SuspendedClock::Stops });
    assert_eq!(*kinds[7], FaultKind::StepClock { host: "control".into(), by: ClockStep::Back(secs(300)) });
    assert_eq!(*kinds[11], FaultKind::CutOneWay { from: "prov-1".into(), to: "control".into() });
    assert_eq!(*kinds[12], FaultKind::Database);
    assert_eq!((scenario.faults[3].ends_at(), scenario.faults[5].ends_at()), (Some(secs(4)), None));

    assert_eq!(*kinds[9], FaultKind::Cut { between: pair("ahead.many-3", "control") });

    let agents = &scenario.templates[2].agents;
    assert_eq!(agents[1].names().collect::<Vec<_>>(), ["many-1", "many-2", "many-3"]);
    assert_eq!((agents[0].boots, agents[1].boots, agents[1].keeps_token), (secs(3), secs(1), true));
    let [install, greet, tidy] = agents[0].scripts.as_slice() else { panic!("three scripts") };
    assert_eq!((install.on_start, install.on_stop, install.timeout), (true, false, Some(secs(90))));
    assert_eq!((greet.on_stop, greet.after.as_slice()), (true, ["install".to_owned()].as_slice()));
    assert_eq!((tidy.cron.as_deref(), tidy.after_completion.len()), (Some("*/5 * * * * *"), 2));
    assert_eq!((agents[0].metadata[1].interval, agents[0].apps[1].interval), (secs(0), None));
    let [setup, stuck] = scenario.programs.as_slice() else { panic!("two programs") };
    let prints =
        Prints { every: Duration::from_millis(10), line: "step {n}".into(), count: Some(500), to: Pipe::Error };
    assert_eq!((setup.prints.as_ref(), setup.prints_bytes.as_slice()), (Some(&prints), [255, 0].as_slice()));
    assert_eq!((setup.on_signal, setup.fails_first), (OnSignal::EndsAfter(secs(2)), 2));
    assert_eq!((stuck.on_signal, stuck.prints.as_ref().map(|prints| prints.every)), (OnSignal::Ignores, Some(secs(1))));
    assert_eq!(
        scenario.steps[13].action,
        Action::AppOutage {
            workspace: "ahead".into(),
            agent: "main".into(),
            app: "web".into(),
            lasts: secs(30),
            how: AppFailure::AnswersBroken,
        }
    );
    assert_eq!(
        scenario.steps[14].action,
        Action::ClaimWorkspace {
            workspace: "ahead".into(),
            owner: "robot".into(),
            by: "robot".into(),
            person: "eve".into()
        }
    );
    assert_eq!(
        scenario.steps[16].action,
        Action::OpenTunnel(Tunnel {
            name: "page".into(),
            workspace: "ahead".into(),
            owner: "eve".into(),
            by: "eve".into(),
            agent: "main".into(),
            application: TunnelApplication::Forward { port: 8080, every: secs(2) },
            autostart: false,
            wait_for_scripts: true,
            stays: Some(secs(300)),
        })
    );
    assert_eq!(scenario.steps[16].ends_at(), secs(361));
    let Action::OpenTunnel(shell) = &scenario.steps[17].action else { panic!("a tunnel") };
    let terminal = TunnelApplication::Terminal { session: "both".into(), sends: vec!["env".into()] };
    assert_eq!((shell.by.as_str(), &shell.application), ("carol", &terminal));
    assert_eq!((shell.agent.as_str(), shell.autostart, shell.wait_for_scripts, shell.stays), ("", true, false, None));
    assert_eq!(scenario.steps[18].action, Action::InterruptTunnel { name: "shell".into() });
    assert!(matches!(scenario.steps[19].action, Action::BuildWorkspace { update: true, .. }));
    assert!(scenario.hosts().any(|host| host == "page"));
    assert!(control.relays);
    let machines: Vec<String> = scenario.machines().into_keys().collect();
    assert_eq!(machines, ["ahead.main", "ahead.many-1", "ahead.many-2", "ahead.many-3"]);

    let expectations = &scenario.expectations;
    assert_eq!(expectations[0].count, Count::Times { min: 1, max: 3 });
    assert_eq!(expectations[0].pattern.with["cost"], "20");
    assert_eq!(expectations[0].pattern.with["ok"], "true");
    assert_eq!(expectations[1].count, Count::Times { min: 2, max: 2 });
    assert_eq!(expectations[2].count, Count::Never);
    let bounds = Bounds::of(&scenario);
    assert_eq!((bounds.update_interval, bounds.force_cancel_interval), (secs(30), secs(600)));
}

#[test]
fn a_story_for_a_real_machine_can_ask_for_less_patience() {
    let text = "about = \"x\"\nduration = \"2m\"\nlive = true\n[network]\nlatency = \"1ms\"\n\
                [control]\nhung_after = \"5s\"\nreaper_interval = \"2s\"\n";
    let scenario = parse(text);
    assert!(scenario.live);
    assert_eq!((scenario.control.hung_after, scenario.control.reaper_interval), (secs(5), secs(2)));
    let bounds = Bounds::of(&scenario);
    assert_eq!((bounds.hung_after, bounds.reaper_interval), (secs(5), secs(2)));
    let real = bounds.clone().in_real_time();
    assert!(real.machine > bounds.machine && real.hung_after == bounds.hung_after);
    assert_eq!(parse(&scenario.to_toml()), scenario);
    let usual = parse("about = \"x\"\nduration = \"2m\"");
    assert_eq!((usual.live, usual.control.hung_after), (false, secs(300)));
}

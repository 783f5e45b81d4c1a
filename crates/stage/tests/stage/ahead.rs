//! What the platform does by itself, as files say it.

use std::{collections::BTreeSet, time::Duration};

use groundhog_sim::campaign::Plan;
use groundhog_stage::scenario::{Action, Lifecycle, Role, Scenario, Transition};

use crate::{
    campaign::{assert_reads_back, family},
    catalogue,
    mistakes::{HEAD, admin, body, check},
};

fn parse(text: &str) -> Scenario {
    match Scenario::parse("ahead.toml", text, catalogue::ALL) {
        Ok(scenario) => scenario,
        Err(diagnostics) => panic!("{diagnostics}"),
    }
}

/// A right beginning, with nothing said of what the platform does by itself.
const PLAIN: &str = "about = \"a test\"\nduration = \"30m\"\n[[provisioner]]\nname = \"prov-1\"\n";

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

const EVERYTHING: &str = r#"
about = "Everything that there is to say of what is built ahead."
duration = "2h"
starts_at = "2026-03-29T00:30:00+01:00"

[control]
connections = "1..10"
prebuilds = { interval = "15s..1m", backoff_interval = "30s", backoff_lookback = "30m", failure_hard_limit = "2..3", concurrency_max = 2, lingering_kept = "5m", lease = "20s", machines = 8 }
autobuild = { interval = "30s" }

[[organization]]
name = "research"
members = ["alice", "root"]
closed = true

[[group]]
name = "engineers"
budget = 40
members = ["alice"]
organization = "research"

[[user]]
name = "root"
role = "admin"
[[user]]
name = "tim"
role = "template_admin"

[[template]]
name = "vm"
organization = "research"
default_ttl = "1h"
dormant_after = "1d"
deleted_after = "2d"
agents = [{ name = "main" }]
presets = [
    { name = "p{n}", count = 3, parameters = { cpus = "{n}" }, prebuilds = { instances = "1..2", schedules = [{ cron = "* 9-18 * * *", instances = 0 }] } },
    { name = "large", count = 2 },
]

[[provisioner]]
name = "prov-1"

[[step]]
at = "1s"
create_workspace = { name = "dev", owner = "alice", template = "vm", preset = "p2", version = "v2", autostart = "CRON_TZ=Europe/Berlin 0 9 * * 1-5", ttl = "0s" }
[[step]]
at = "2s"
import_template = { template = "vm", version = "v2", activate = false }
[[step]]
at = "3s"
activate_version = { template = "vm", version = "v2", by = "tim" }
[[step]]
at = "4s"
deprecate_template = { template = "vm", message = "use the new one" }
[[step]]
at = "5s"
deprecate_template = { template = "vm", message = "" }
[[step]]
at = "6s"
invalidate_prebuilds = { template = "vm" }
[[step]]
at = "7s"
pause_prebuilds = {}
[[step]]
at = "8s"
resume_prebuilds = { by = "tim" }
[[step]]
at = "9s"
build_workspace = { workspace = "prebuild-1", transition = "destroy", orphan = true }
[[step]]
at = "10s"
set_lifecycle = { workspace = "prebuild-2", ttl = "1h", dormant = true, extend = "30m", autostart = "" }
[[step]]
at = "11s"
set_lifecycle = { workspace = "dev", dormant = false }
[[step]]
at = "12s"
read_metrics = { prefix = "coderd" }
[[step]]
at = "13s"
list_presets = { template = "vm", version = "v1" }
[[step]]
at = "14s"
delete_template = { template = "vm" }
[[step]]
at = "15s"
build_workspace = { workspace = "dev", by = "root", transition = "stop" }
[[step]]
at = "16s"
list_agents = { workspace = "prebuild-1", by = "alice" }
[[step]]
at = "17s"
claim_workspace = { workspace = "prebuild-3", for = "alice" }

[[fault]]
at = "1m"
for = "1m"
cut = ["prebuild-4.main", "control"]

[workload]
claims = 1
promotions = "0..2"
invalidations = 1
pauses = 2
retirements = 3
lifecycles = 4
"#;

#[test]
fn everything_that_is_said_is_read() {
    let scenario = parse(EVERYTHING);
    assert_eq!(scenario.starts_at.to_string(), "2026-03-28T23:30:00Z");
    let control = &scenario.control;
    assert_eq!((control.connections, control.ahead_machines), (1, 8));
    let ahead = &control.prebuilds;
    assert!(ahead.enabled && control.autobuild.enabled);
    assert_eq!((ahead.interval, ahead.backoff_interval), (secs(15), secs(30)));
    assert_eq!((ahead.backoff_lookback, ahead.lingering_kept, ahead.lease), (secs(1_800), secs(300), secs(20)));
    assert_eq!((ahead.failure_hard_limit, ahead.concurrency_max), (2, 2));
    assert_eq!(control.autobuild.interval, secs(30));

    let research = &scenario.organizations[0];
    assert_eq!((research.name.as_str(), research.closed), ("research", true));
    assert_eq!(research.members, ["alice", "root"]);
    assert_eq!(scenario.groups[0].organization.as_deref(), Some("research"));
    assert_eq!(scenario.users["tim"].role, Role::TemplateAdmin);

    let template = &scenario.templates[0];
    assert_eq!(template.organization.as_deref(), Some("research"));
    let spans = [template.default_ttl, template.dormant_after, template.deleted_after];
    assert_eq!(spans, [3_600, 86_400, 172_800].map(|s| Some(secs(s))));
    let names: Vec<&str> = template.presets.iter().map(|preset| preset.name.as_str()).collect();
    assert_eq!(names, ["p1", "p2", "p3", "large-1", "large-2"]);
    assert_eq!(template.presets[2].parameters["cpus"], "3");
    assert_eq!(template.presets[1].prebuilds.as_ref().map(|ahead| ahead.instances), Some(1));

    let action = |index: usize| &scenario.steps[index].action;
    let Action::CreateWorkspace { preset, version, autostart, ttl, .. } = action(0) else { panic!("{:?}", action(0)) };
    assert_eq!((preset.as_str(), version.as_str()), ("p2", "v2"));
    assert_eq!((autostart.as_str(), *ttl), ("CRON_TZ=Europe/Berlin 0 9 * * 1-5", Some(secs(0))));
    assert_eq!(*action(6), Action::PausePrebuilds { by: "root".into(), paused: true });
    assert_eq!(*action(7), Action::PausePrebuilds { by: "tim".into(), paused: false });
    let destroy = Action::BuildWorkspace {
        workspace: "prebuild-1".into(),
        owner: "prebuilds".into(),
        by: "root".into(),
        transition: Transition::Destroy,
        update: false,
        orphan: true,
    };
    assert_eq!(*action(8), destroy);
    let lifecycle = Lifecycle {
        autostart: Some(String::new()),
        ttl: Some(secs(3_600)),
        dormant: Some(true),
        extend: Some(secs(1_800)),
    };
    let (workspace, owner, by) = ("prebuild-2".into(), "prebuilds".into(), "root".into());
    assert_eq!(*action(9), Action::SetLifecycle { workspace, owner, by, lifecycle });
    // Nobody who is no person comes into being by being named.
    assert_eq!(scenario.users.keys().collect::<Vec<_>>(), ["alice", "root", "tim"]);
}

#[test]
fn what_is_written_is_read_back() {
    let off = EVERYTHING.replace("autobuild = { interval", "autobuild = { enabled = false, interval");
    let said = "[control]\nprebuilds = true\nautobuild = true\n";
    for text in
        [EVERYTHING, &off, PLAIN, &format!("{PLAIN}{said}"), &format!("{PLAIN}{}", said.replace("true", "false"))]
    {
        let scenario = parse(text);
        let again = parse(&scenario.to_toml());
        // Lines are where the file has them.
        let lineless = |mut scenario: Scenario| {
            scenario.steps.iter_mut().for_each(|step| step.line = 0);
            scenario.faults.iter_mut().for_each(|fault| fault.line = 0);
            scenario.expectations.iter_mut().for_each(|expectation| expectation.line = 0);
            scenario
        };
        assert_eq!(lineless(scenario.clone()), lineless(again), "{}", scenario.to_toml());
    }
}

#[test]
fn what_the_platform_does_by_itself_is_off_where_nothing_asks_for_it() {
    let on = |text: &str| {
        let control = parse(&format!("{PLAIN}{text}")).control;
        (control.prebuilds.enabled, control.autobuild.enabled)
    };
    let preset = "[[template]]\nname = \"vm\"\npresets = [{ name = \"p\", prebuilds = { instances = 1 } }]\n";
    assert_eq!(on(""), (false, false));
    assert_eq!(on("[[template]]\nname = \"vm\"\npresets = [{ name = \"p\" }]"), (false, false));
    assert_eq!(on(preset), (true, false));
    assert_eq!(on(&format!("{preset}[control]\nprebuilds = false")), (false, false));
    assert_eq!(on(&format!("{preset}[control]\nprebuilds = {{ enabled = false, interval = \"1s\" }}")), (false, false));
    assert_eq!(on("[[template]]\nname = \"vm\"\ndormant_after = \"1d\""), (false, true));
    assert_eq!(on("[[template]]\nname = \"vm\"\ndormant_after = \"1d\"\n[control]\nautobuild = false"), (false, false));
    let create = |more: &str| {
        format!(
            "[[template]]\nname = \"vm\"\n[[step]]\nat = \"1s\"\ncreate_workspace = {{ name = \"dev\", owner = \"alice\", template = \"vm\"{more} }}"
        )
    };
    assert_eq!(on(&create("")), (false, false));
    assert_eq!(on(&create(", autostart = \"0 9 * * *\"")), (false, true));
    assert_eq!(on(&create(", ttl = \"1h\"")), (false, true));
}

#[test]
fn times_of_day() {
    let begins = |text: &str| format!("about = \"x\"\nduration = \"1m\"\nstarts_at = {text}");
    check(&begins("\"tomorrow\""), "bad-time", 3, 13, "2026-03-23T09:00:00+01:00");
    check(&begins("\"2026-03-23T09:00:00\""), "bad-time", 3, 13, "distance from UTC");
    check(&begins("\"1999-12-31T23:59:59Z\""), "out-of-range", 3, 13, "from the year 2000 to 2099");
    check(&begins("\"2100-01-01T00:00:00Z\""), "out-of-range", 3, 13, "from the year 2000 to 2099");
    check(&begins("5"), "wrong-type", 3, 13, "expected a string");
}

#[test]
fn settings_of_what_the_platform_does_by_itself() {
    body("[control]\nprebuilds = \"yes\"", "wrong-type", 2, 13, "true, false or a table");
    body("[control]\nprebuilds = { intervall = \"1m\" }", "unknown-key", 2, 15, "did you mean `interval`?");
    body("[control]\nprebuilds = { interval = \"0s\" }", "out-of-range", 2, 26, "expected a span of time");
    body("[control]\nprebuilds = { concurrency_max = 0 }", "out-of-range", 2, 33, "from 1 to");
    body("[control]\nprebuilds = { failure_hard_limit = -1 }", "bad-range", 2, 36, "a number such as 2");
    body("[control]\nprebuilds = { machines = 0 }", "out-of-range", 2, 26, "from 1 to");
    body("[control]\nautobuild = { enabled = 1 }", "wrong-type", 2, 25, "a boolean");
    let many = "[[template]]\nname = \"t\"\nagents = [{ name = \"a\" }]\n\
                presets = [{ name = \"p\", count = 7, prebuilds = { instances = 2, schedules = [{ cron = \"* * * * *\", instances = 3 }] } }]";
    body(many, "too-few-machines", 2, 8, "machines = N");
    body("[[organization]]\nname = \"a\"\nmembers = [\"b\", \"b\"]", "duplicate-name", 3, 17, "another name");
    body("[[organization]]\nname = \"a\"\n[[organization]]\nname = \"a\"", "duplicate-name", 4, 8, "another name");
    body(
        "[[template]]\nname = \"t\"\norganization = \"defualt\"",
        "unknown-organization",
        3,
        16,
        "did you mean `default`?",
    );
    let group = "[[group]]\nname = \"g\"\nbudget = 1\nmembers = []\norganization = \"x\"";
    body(group, "unknown-organization", 5, 16, "`default`");
    let presets = |text: &str| format!("[[template]]\nname = \"t\"\npresets = [{text}]");
    body(&presets("{ name = \"p\", count = 0 }"), "out-of-range", 3, 34, "from 1 to");
    body(&presets("{ name = \"p\", count = 2, default = true }"), "contradiction", 3, 34, "leave out");
    body(&presets("{ name = \"p{n}\", count = 2 }, { name = \"p2\" }"), "duplicate-name", 3, 51, "another name");
}

/// A right beginning with an administrator and a template of which workspaces are built ahead.
fn built_ahead(text: &str) -> String {
    let preset = "[[template]]\nname = \"pool\"\npresets = [{ name = \"small\", prebuilds = { instances = 1 } }]\n";
    format!("{preset}{text}")
}

#[test]
fn steps_with_what_the_platform_does_by_itself() {
    let step = |text: &str| built_ahead(&format!("[[step]]\nat = \"1m\"\n{text}"));
    let line = 6;
    admin(&step("activate_version = { template = \"vm\", version = \"v2\" }"), "unknown-version", line, 49, "`v1`");
    admin(&step("list_presets = { template = \"vn\" }"), "unknown-template", line, 29, "did you mean `vm`?");
    let create = |more: &str| {
        step(&format!("create_workspace = {{ name = \"x\", owner = \"bob\", template = \"pool\", {more} }}"))
    };
    admin(&create("preset = \"smal\""), "unknown-preset", line, 77, "did you mean `small`?");
    admin(&create("version = \"v9\""), "unknown-version", line, 78, "`v1`");
    admin(
        &step("set_lifecycle = { workspace = \"dev\" }"),
        "nothing-to-do",
        line,
        17,
        "`autostart`, `ttl`, `dormant`, `extend`",
    );
    admin(
        &step("build_workspace = { workspace = \"dev\", transition = \"stop\", orphan = true }"),
        "contradiction",
        line,
        33,
        "\"destroy\"",
    );
    admin(&step("follow_logs = { workspace = \"prebuild-1\" }"), "nobodys-workspace", line, 29, "has claimed it");
    admin(
        &step("list_agents = { workspace = \"prebuild-1\", owner = \"alice\" }"),
        "unknown-workspace",
        line,
        51,
        "leave out `owner`",
    );
    admin(
        &step("create_workspace = { name = \"prebuild-3\", owner = \"bob\", template = \"vm\" }"),
        "reserved-name",
        line,
        29,
        "another name",
    );
    admin(&built_ahead("[[user]]\nname = \"prebuilds\""), "reserved-name", 5, 8, "another name");
    // Where nothing is built ahead, both are names like others.
    body("[[step]]\nat = \"1m\"\nlist_agents = { workspace = \"prebuild-1\" }", "unknown-workspace", 3, 29, "`dev`");
    parse(&format!("{HEAD}[[user]]\nname = \"prebuilds\"\nrole = \"prebuilds\""));
    body(&step("list_agents = { workspace = \"prebuild-1\" }"), "unknown-administrator", line, 29, "role = \"admin\"");
}

#[test]
fn machines_of_what_is_built_ahead_are_hosts() {
    let file = |machine: &str| {
        let agents = "[[template]]\nname = \"pool\"\nagents = [{ name = \"main\" }]\n\
                      presets = [{ name = \"small\", prebuilds = { instances = 1 } }]\n";
        format!("{agents}[[fault]]\nat = \"1m\"\nkill = \"{machine}\"")
    };
    parse(&format!("{HEAD}{}", file("prebuild-20.main")));
    body(&file("prebuild-21.main"), "unknown-host", 7, 8, "prebuild-");
}

/// Where the platform builds ahead, and workspaces go by the clock.
const AHEAD: &str = r#"
about = "Workspaces are built ahead."
duration = "12m"
starts_at = "2026-03-29T00:30:00Z"
[control]
connections = "1..10"
prebuilds = { interval = "15s..1m", failure_hard_limit = "2..3", machines = 8 }
[[organization]]
name = "research"
members = ["alice"]
[[group]]
name = "few"
budget = 4
members = ["alice"]
organization = "research"
[[template]]
name = "vm"
organization = "research"
default_ttl = "1h"
apply = { takes = "1s..20s" }
agents = [{ name = "main" }]
presets = [{ name = "p{n}", count = 2, prebuilds = { instances = "1..2", expires_after = "5m..1h", schedules = [{ cron = "* 3 * * *", instances = 0 }] } }]
[[template]]
name = "broken"
set_up = false
apply = { fails = "no" }
[[provisioner]]
name = "prov"
[[step]]
at = "1s"
create_workspace = { name = "dev", owner = "alice", template = "vm", preset = "p2" }
[[step]]
at = "2m"
build_workspace = { workspace = "prebuild-2", transition = "destroy", orphan = true, by = "alice" }
[workload]
imports = "0..2"
claims = "0..3"
promotions = "0..2"
invalidations = "0..1"
pauses = "0..1"
retirements = "0..2"
lifecycles = "0..2"
"#;

#[test]
fn what_the_platform_does_by_itself_is_drawn_and_can_be_left_out() {
    let family = family(AHEAD);
    let plans: Vec<Scenario> = (0..60).map(|seed| family.plan(seed)).collect();
    let connections: BTreeSet<u32> = plans.iter().map(|plan| plan.control.connections).collect();
    assert!(connections.len() > 5, "{connections:?}");
    let has = |is: &dyn Fn(&Action) -> bool| plans.iter().flat_map(|plan| &plan.steps).any(|step| is(&step.action));
    assert!(has(&|action| matches!(action, Action::CreateWorkspace { name, ttl: Some(_), .. } if name == "mine-1")));
    assert!(has(
        &|action| matches!(action, Action::ImportTemplate { like, template, .. } if like == "broken" && template == "vm")
    ));
    assert!(has(&|action| matches!(action, Action::ActivateVersion { .. })));
    assert!(has(&|action| matches!(action, Action::InvalidatePrebuilds { .. })));
    assert!(has(&|action| matches!(action, Action::PausePrebuilds { paused: false, .. })));
    assert!(has(&|action| matches!(action, Action::DeprecateTemplate { message, .. } if message.is_empty())));
    assert!(has(&|action| matches!(action, Action::DeleteTemplate { .. })));
    assert!(has(&|action| matches!(action, Action::SetLifecycle { workspace, .. } if workspace == "dev")));
    assert!(has(&|action| matches!(action, Action::SetLifecycle { owner, .. } if owner == "prebuilds")));
    let mut hosts = plans.iter().flat_map(|plan| &plan.faults).flat_map(|fault| fault.kind.hosts());
    assert!(hosts.any(|host| host.starts_with("prebuild-")));
    for mut plan in plans.into_iter().take(15) {
        assert_reads_back(&plan);
        for part in 0..plan.parts() {
            if let Some(smaller) = plan.without(part..part + 1) {
                assert_reads_back(&smaller);
            }
        }
        let mut rounds = 0;
        while let Some(simpler) = plan.simpler().into_iter().next() {
            plan = simpler;
            rounds += 1;
            assert!(rounds < 1_000, "it goes round in circles:\n{}", plan.to_toml());
        }
        assert_reads_back(&plan);
    }
}

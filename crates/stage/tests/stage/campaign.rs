//! Plans: what is drawn of a file, how it is written down, and how it is made smaller.

use std::{collections::BTreeSet, path::Path, time::Duration};

use groundhog_sim::campaign::{Outcome, Plan, Signature};
use groundhog_stage::{
    campaign,
    case::{Failure, Verdict, replay},
    catalogue,
    run::run,
    scenario::{Action, FaultName, Scenario, ScenarioFile, Step, TunnelApplication},
    suite,
};

use crate::good::EVERYTHING;

fn file(text: &str) -> ScenarioFile {
    ScenarioFile::parse("family.toml", text, &catalogue::lists())
        .unwrap_or_else(|diagnostics| panic!("{}\n{text}", diagnostics.render(false)))
}

/// Draws plans.
pub(crate) struct Family(ScenarioFile);

impl Family {
    pub(crate) fn plan(&self, seed: u64) -> Scenario {
        campaign::plan(&self.0, seed)
    }
}

pub(crate) fn family(text: &str) -> Family {
    Family(file(text))
}

/// Everything but the places in the file.
fn without_lines(mut scenario: Scenario) -> Scenario {
    scenario.steps.iter_mut().for_each(|step| step.line = 0);
    scenario.faults.iter_mut().for_each(|fault| fault.line = 0);
    scenario.expectations.iter_mut().for_each(|expectation| expectation.line = 0);
    scenario
}

/// A plan that is written down and read again is the same plan.
#[track_caller]
pub(crate) fn assert_reads_back(plan: &Scenario) {
    let text = plan.to_toml();
    assert_eq!(without_lines(file(&text).scenario), without_lines(plan.clone()), "\n{text}");
}

/// All scenarios of the project.
fn scenarios() -> Vec<(String, ScenarioFile)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let entries = suite::find(&folder).expect("the folder can be read");
    let load = |entry: suite::Entry| {
        let file = ScenarioFile::load(&entry.path, &catalogue::lists()).expect("the project's scenarios are right");
        (entry.name, file)
    };
    entries.into_iter().map(load).collect()
}

const FLEET: &str = r#"
about = "Several daemons and several people."
duration = "30m"
[[template]]
name = "vm"
plan = { takes = "1s..20s" }
apply = { takes = "1m..5m" }
[[template]]
name = "endless"
apply = { hangs = true }
[[provisioner]]
name = "prov"
count = "1..4"
start = "0s..30s"
[[step]]
at = "31s..2m"
create_workspace = { name = "dev", owner = "alice", template = "vm" }
[[step]]
at = "3m"
create_workspace = { name = "stuck", owner = "bob", template = "endless" }
[[fault]]
at = "5m..6m"
power_loss = "prov-1"
"#;

#[test]
fn everything_that_can_be_said_is_written_and_read_again() {
    // Its events are of another catalogue.
    let parse = |text: &str| {
        Scenario::parse("all.toml", text, crate::catalogue::ALL)
            .unwrap_or_else(|diagnostics| panic!("{}\n{text}", diagnostics.render(false)))
    };
    let scenario = parse(EVERYTHING);
    let written = scenario.to_toml();
    assert_eq!(without_lines(parse(&written)), without_lines(scenario), "\n{written}");
}

#[test]
fn a_plan_follows_from_its_seed_and_is_a_file_that_a_person_can_read() {
    for (name, file) in scenarios() {
        assert_reads_back(&file.scenario);
        let family = Family(file);
        for seed in 0..40 {
            let plan = family.plan(seed);
            assert_eq!(plan, family.plan(seed), "{name}");
            assert_eq!(plan.seed, seed);
            assert_reads_back(&plan);
        }
    }
}

#[test]
fn a_file_by_itself_is_the_least_of_its_ranges_and_a_plan_lies_within_them() {
    let base = file(FLEET).scenario;
    let names: Vec<_> = base.provisioners.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["prov-1"]);
    assert_eq!((base.templates[0].apply.takes, base.steps[0].at), (Duration::from_mins(1), Duration::from_secs(31)));
    let family = family(FLEET);
    let plans: Vec<Scenario> = (0..200).map(|seed| family.plan(seed)).collect();
    let sizes: BTreeSet<usize> = plans.iter().map(|plan| plan.provisioners.len()).collect();
    assert_eq!(sizes, (1..=4).collect());
    let takes: BTreeSet<Duration> = plans.iter().map(|plan| plan.templates[0].apply.takes).collect();
    assert!(takes.iter().all(|takes| (60..=300).contains(&takes.as_secs())) && takes.len() > 150, "{takes:?}");
    let kept = plans.iter().filter(|plan| plan.faults.iter().any(|fault| fault.line > 0)).count();
    assert!((70..130).contains(&kept), "the file's own faults are in half of the plans: {kept}");
}

#[test]
fn each_plan_leaves_some_kinds_of_faults_out_and_no_two_are_alike() {
    let family = family(FLEET);
    let mut together = BTreeSet::new();
    let mut counts = BTreeSet::new();
    for seed in 0..300 {
        let plan = family.plan(seed);
        let kinds: BTreeSet<_> =
            plan.faults.iter().filter(|fault| fault.line == 0).map(|fault| fault.kind.name()).collect();
        counts.insert(plan.faults.iter().filter(|fault| fault.line == 0).count());
        together.insert(kinds);
    }
    assert_eq!(counts, (0..=5).collect());
    assert!(together.len() > 100, "{}", together.len());
    let seen: BTreeSet<_> = together.iter().flatten().copied().collect();
    assert_eq!(seen.len(), 11, "{seen:?}");
}

#[test]
fn a_swarm_is_what_the_file_says() {
    let family = family(&format!(
        "{FLEET}\n[swarm]\nfaults = \"3..4\"\nkinds = {{ kill = 1, cut = 1, hold = 0 }}\nlasts = \"1s..2s\"\nwithin = \"9m\"\n\
         settings = false\n[workload]\nworkspaces = 2\nbuilds = 0\ncancels = 0\nshutdowns = 0\n"
    ));
    let mut without_any = 0;
    for seed in 0..100 {
        let plan = family.plan(seed);
        let drawn: Vec<_> = plan.faults.iter().filter(|fault| fault.line == 0).collect();
        without_any += usize::from(drawn.is_empty());
        assert!(drawn.is_empty() || (3..=4).contains(&drawn.len()));
        for fault in drawn {
            assert!(matches!(fault.kind.name().as_str(), "kill" | "cut"), "{fault:?}");
            assert!((1000..=2000).contains(&fault.lasts.expect("it ends").as_millis()), "{fault:?}");
            assert!(fault.at <= Duration::from_mins(11), "{fault:?}");
        }
        let made = plan.steps.iter().filter(|step| matches!(step.action, Action::CreateWorkspace { .. })).count();
        assert_eq!(made, 4);
        assert_eq!(plan.network, file(FLEET).scenario.network);
    }
    assert!((10..45).contains(&without_any), "both kinds are left out in a quarter of the plans: {without_any}");
}

#[test]
fn tunnels_are_drawn_with_what_ends_them_and_what_cuts_them_off() {
    let family = family(
        r#"
about = "A tunnel."
duration = "5m"
[[template]]
name = "vm"
agents = [{ name = "main", apps = [{ slug = "web", port = 8080 }] }]
[[provisioner]]
name = "prov"
[[step]]
at = "1s"
create_workspace = { name = "dev", owner = "alice", template = "vm" }
[swarm]
faults = 4
[workload]
builds = 3
tunnels = "1..3"
"#,
    );
    let (mut sizes, mut terminals, mut interrupted, mut updates) = (BTreeSet::new(), 0, 0, 0);
    let (mut cut_off, mut broken) = (BTreeSet::new(), BTreeSet::new());
    for seed in 0..200 {
        let plan = family.plan(seed);
        let tunnels: Vec<_> = plan.tunnels().collect();
        sizes.insert(tunnels.len());
        terminals += tunnels.iter().filter(|one| matches!(one.application, TunnelApplication::Terminal { .. })).count();
        let opened = |name: &str| {
            let is_it = |step: &&Step| matches!(&step.action, Action::OpenTunnel(tunnel) if tunnel.name == name);
            plan.steps.iter().find(is_it).map(|step| step.at)
        };
        for step in &plan.steps {
            match &step.action {
                Action::InterruptTunnel { name } => {
                    assert!(opened(name).is_some_and(|opened| opened <= step.at), "seed {seed}");
                    interrupted += 1;
                }
                Action::BuildWorkspace { update, .. } => updates += usize::from(*update),
                _ => {}
            }
        }
        for fault in plan.faults.iter().filter(|fault| fault.kind.hosts()[0].starts_with("laptop-")) {
            match fault.kind.hosts().as_slice() {
                [_, other] => drop(cut_off.insert((*other).to_owned())),
                _ => drop(broken.insert(fault.kind.name())),
            }
        }
    }
    assert_eq!(sizes, (1..=3).collect());
    assert!((80..160).contains(&terminals), "{terminals}");
    assert!((120..200).contains(&interrupted), "{interrupted}");
    assert!(updates > 20, "{updates}");
    assert!(cut_off.is_superset(&["control".to_owned(), "dev.main".to_owned()].into()), "{cut_off:?}");
    assert!(broken.contains(&FaultName::Kill) && broken.contains(&FaultName::Suspend), "{broken:?}");
}

#[test]
fn every_fault_ends_and_what_would_never_end_is_canceled_when_all_is_calm() {
    let family = family(FLEET);
    for seed in 0..100 {
        let plan = family.plan(seed);
        let calm = plan.faults.iter().map(|fault| fault.ends_at().expect("it ends")).max().unwrap_or_default();
        let canceled = plan.steps.iter().any(|step| {
            matches!(&step.action, Action::CancelBuild { workspace, .. } if workspace == "stuck") && step.at > calm
        });
        assert!(canceled, "seed {seed}");
        assert!(plan.duration > calm + plan.settle);
    }
}

#[test]
fn expectations_are_judged_only_if_they_always_hold() {
    let text = format!(
        "{FLEET}\n[[expect]]\nevent = \"job.completed\"\n[[expect]]\nevent = \"user.gave_up\"\nnever = true\nalways = true\n"
    );
    let plan = family(&text).plan(1);
    assert_eq!(plan.expectations.len(), 1);
    assert_eq!(plan.expectations[0].pattern.event, "user.gave_up");
}

#[test]
fn whatever_is_left_out_of_a_plan_leaves_a_plan() {
    let family = family(FLEET);
    for seed in 0..15 {
        let plan = family.plan(seed);
        for part in 0..plan.parts() {
            for size in 1..=plan.parts() - part {
                if let Some(smaller) = plan.without(part..part + size) {
                    assert!(smaller.parts() < plan.parts());
                    assert_reads_back(&smaller);
                }
            }
        }
        assert_eq!(plan.without(0..0).map(|same| same.parts()), Some(plan.parts()));
    }
}

#[test]
fn whoever_simplifies_again_and_again_comes_to_an_end() {
    let family = family(FLEET);
    for seed in 0..10 {
        for choice in [0, 1, 5] {
            let mut plan = family.plan(seed);
            let mut rounds = 0;
            loop {
                let mut simpler = plan.simpler();
                if simpler.is_empty() {
                    break;
                }
                plan = simpler.swap_remove(choice.min(simpler.len() - 1));
                assert_reads_back(&plan);
                rounds += 1;
                assert!(rounds < 1_000, "seed {seed} goes round in circles:\n{}", plan.to_toml());
            }
        }
    }
}

#[test]
fn a_plan_is_never_made_to_fail_for_want_of_time() {
    // What hangs is canceled at the end; without the cancel it would never end, and that proves nothing.
    let plan = family(FLEET).plan(3);
    let cancels = |plan: &Scenario| {
        plan.steps
            .iter()
            .any(|step| matches!(&step.action, Action::CancelBuild { workspace, .. } if workspace == "stuck"))
    };
    let hangs = |plan: &Scenario| {
        plan.steps.iter().any(|step| matches!(&step.action, Action::CreateWorkspace { name, .. } if name == "stuck"))
    };
    assert!(hangs(&plan) && cancels(&plan));
    for part in 0..plan.parts() {
        if let Some(smaller) = plan.without(part..part + 1) {
            assert!(
                !hangs(&smaller) || cancels(&smaller) || !smaller.templates[0].apply.hangs,
                "{}",
                smaller.to_toml()
            );
        }
    }
}

fn failing() -> (Scenario, Outcome) {
    let text = format!("{FLEET}\n[[expect]]\nevent = \"job.completed\"\nnever = true\n");
    let plan = file(&text).scenario;
    let report = run(&plan, plan.seed);
    let outcome = Outcome {
        violations: report.violations,
        log_digest: report.log_digest,
        trace_digest: report.trace_digest,
        ..Outcome::default()
    };
    (plan, outcome)
}

#[test]
fn a_case_is_replayed_and_says_what_became_of_it() {
    let (plan, outcome) = failing();
    let signature = outcome.signature().expect("it fails");
    let failure = Failure { plan: &plan, outcome: &outcome, signature: &signature, version: "1.2.3", found: None };
    let text = failure.to_toml("a.toml");
    let read = file(&text);
    let case = read.case.clone().expect("it is a case");
    assert_eq!(case, failure.case());
    assert_eq!(case.message, read.scenario.about);
    assert_eq!(replay(&read.scenario, &case).0, Verdict::StillFails { is_same_run: true });

    // In another way, by the same expectation's name: here it is the place that differs.
    let other = text.replace("never = true", "times = 7");
    let read = file(&other);
    let (verdict, _) = replay(&read.scenario, &case);
    assert!(matches!(&verdict, Verdict::FailsOtherwise(signatures) if signatures.len() == 1), "{verdict:?}");

    let mended = text.replace("never = true", "times = \"0..9\"");
    assert_eq!(replay(&file(&mended).scenario, &case).0, Verdict::NoLongerFails);

    let elsewhere = groundhog_stage::scenario::Case { trace_digest: "0".to_owned(), ..case };
    assert_eq!(replay(&file(&text).scenario, &elsewhere).0, Verdict::StillFails { is_same_run: false });
    assert_eq!(Signature::from(failure.case().signature), signature);
}

/// A family of everything that a campaign may draw only where a file asks for it.
const MIXED: &str = r#"
about = "Imports, dry runs and followed logs at several replicas."
duration = "10m"
[control]
replicas = "1..3"
notices = { loss = 0.1 }
[[user]]
name = "root"
role = "admin"
[[template]]
name = "vm"
parse = { takes = "1s..5s" }
variables = [{ name = "region", required = true }]
parameters = [{ name = "cpus", required = true }]
[[template]]
name = "endless"
parse = { hangs = true }
plan = { hangs = true }
[[provisioner]]
name = "prov"
count = "1..3"
slots = "1..2"
[[step]]
at = "1s..2m"
create_workspace = { name = "dev", owner = "alice", template = "vm" }
[[step]]
at = "1m"
import_template = { template = "vm", version = "v2", like = "endless" }
[[step]]
at = "2m"
dry_run = { template = "endless" }
[workload]
imports = "0..3"
dry_runs = "0..3"
follows = "0..2"
cancels = "0..4"
"#;

#[test]
fn what_a_file_asks_for_is_drawn_and_can_end() {
    let family = family(MIXED);
    let plans: Vec<Scenario> = (0..100).map(|seed| family.plan(seed)).collect();
    let replicas: BTreeSet<u32> = plans.iter().map(|plan| plan.control.replicas).collect();
    let slots: BTreeSet<u32> = plans.iter().flat_map(|plan| &plan.provisioners).map(|one| one.slots).collect();
    assert_eq!((replicas, slots), ((1..=3).collect(), (1..=2).collect()));
    let hosts: BTreeSet<&str> =
        plans.iter().flat_map(|plan| &plan.faults).flat_map(|fault| fault.kind.hosts()).collect();
    assert!(["control", "control-2", "control-3"].iter().all(|host| hosts.contains(host)), "{hosts:?}");
    let has = |is: &dyn Fn(&Action) -> bool| plans.iter().flat_map(|plan| &plan.steps).any(|step| is(&step.action));
    assert!(has(&|action| matches!(action, Action::ImportTemplate { template, .. } if template == "vm-x")));
    assert!(has(&|action| matches!(action, Action::FollowLogs { .. })));
    for plan in &plans {
        assert_reads_back(plan);
        // What hangs while it is read or tried out is canceled when all is calm, after the last fault.
        let calm = plan.faults.iter().filter_map(|fault| fault.ends_at()).max().unwrap_or_default();
        let late = |is: &dyn Fn(&Action) -> bool| plan.steps.iter().any(|step| step.at > calm && is(&step.action));
        assert!(late(&|action| matches!(action, Action::CancelImport { version, .. } if version == "v2")));
        assert!(late(&|action| matches!(action, Action::CancelDryRun { template, .. } if template == "endless")));
    }
}

#[test]
fn replicas_slots_and_imports_can_be_left_out() {
    let family = family(MIXED);
    for seed in 0..30 {
        let mut plan = family.plan(seed);
        let mut rounds = 0;
        while let Some(simpler) = plan.simpler().into_iter().next() {
            plan = simpler;
            rounds += 1;
            assert!(rounds < 1_000, "seed {seed} goes round in circles:\n{}", plan.to_toml());
        }
        assert_reads_back(&plan);
        assert_eq!(plan.control.replicas, 1, "\n{}", plan.to_toml());
        assert!(plan.provisioners.iter().all(|one| one.slots == 1));
        for part in 0..plan.parts() {
            if let Some(smaller) = plan.without(part..part + 1) {
                assert_reads_back(&smaller);
            }
        }
    }
}

#[test]
fn a_family_that_asks_for_nothing_further_has_nothing_further() {
    let family = family(FLEET);
    for seed in 0..100 {
        let plan = family.plan(seed);
        assert_eq!(plan.control.replicas, 1);
        let usual = |action: &Action| {
            !matches!(
                action,
                Action::ImportTemplate { .. }
                    | Action::DryRun { .. }
                    | Action::FollowLogs { .. }
                    | Action::DeleteKey { .. }
            )
        };
        assert!(plan.steps.iter().all(|step| usual(&step.action)));
    }
}

const AGENTS: &str = r#"
about = "Workspaces with agents."
duration = "30m"
[[user]]
name = "robot"
role = "prebuilds"
[[template]]
name = "vm"
agents = [
    { name = "main", boots = "1s..9s", count = "2..4", scripts = [
        { name = "install", runs = "install", on = ["start"] },
        { name = "greet", runs = "echo hello", on = ["start"], after = ["install"] },
    ], apps = [{ slug = "web", port = 80, interval = "5s" }] },
]
[[program]]
name = "install"
takes = "1s..1m"
[[provisioner]]
name = "prov"
[[step]]
at = "1s"
create_workspace = { name = "dev", owner = "alice", template = "vm" }
[[step]]
at = "1s"
create_workspace = { name = "ahead", owner = "robot", template = "vm" }
[workload]
terminals = "1..3"
outages = "1..3"
claims = 1
[swarm]
faults = "3..6"
"#;

#[test]
fn plans_have_doings_with_agents_and_faults_on_their_machines() {
    let family = family(AGENTS);
    let plans: Vec<Scenario> = (0..100).map(|seed| family.plan(seed)).collect();
    let counts: BTreeSet<usize> = plans.iter().map(|plan| plan.machines().len()).collect();
    assert!(counts.contains(&4) && counts.contains(&8), "{counts:?}");
    let programs: BTreeSet<Duration> = plans.iter().map(|plan| plan.programs[0].takes).collect();
    assert!(programs.len() > 10);
    let mut seen = BTreeSet::new();
    for plan in &plans {
        assert_reads_back(plan);
        seen.extend(plan.steps.iter().filter_map(|step| match &step.action {
            Action::OpenTerminal { reads, .. } => Some(if *reads { "terminal" } else { "terminal, looking away" }),
            Action::AppOutage { how, .. } => Some(how.as_str()),
            Action::ClaimWorkspace { person, .. } => Some(if person == "alice" { "claim" } else { "claim, others" }),
            _ => None,
        }));
        let on_machines = plan.faults.iter().flat_map(|fault| fault.kind.hosts()).filter(|host| host.contains('.'));
        seen.extend(on_machines.map(|_| "fault"));
    }
    let expected = ["500", "claim", "fault", "hangs", "refuses", "terminal", "terminal, looking away"];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn what_is_made_smaller_still_says_something_sound() {
    let family = family(AGENTS);
    for seed in 0..20 {
        let plan = family.plan(seed);
        for smaller in plan.simpler() {
            assert_reads_back(&smaller);
        }
        for part in 0..plan.parts() {
            if let Some(smaller) = plan.without(part..part + 1) {
                assert_reads_back(&smaller);
            }
        }
    }
}

#[test]
fn a_plan_without_agents_is_drawn_as_if_there_were_none_anywhere() {
    let agents = "[[program]]\nname = \"idle\"\n[[template]]\nname = \"zzz\"\nset_up = false\n";
    let with = family(&format!("{FLEET}{agents}[workload]\nworkspaces = 0\nterminals = 5\noutages = 5"));
    let without = family(&format!("{FLEET}{agents}[workload]\nworkspaces = 0"));
    for seed in 0..40 {
        assert_eq!(with.plan(seed), without.plan(seed));
    }
}

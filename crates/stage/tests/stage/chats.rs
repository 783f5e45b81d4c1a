//! Whatever happens around them, chats have one workspace each and calls of their tools end (C1, C2).
//!
//! A property over whole runs: two assistants call tools for two chats, at once and one after another, while builds fail,
//! hang and are cancelled, agents are late or die, replicas of the control plane and assistants are started again, and
//! the database goes away.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    time::Duration,
};

use groundhog_chattool::timing::CALL_MAX;
use groundhog_sim::Record;
use groundhog_stage::{
    campaign, catalogue,
    run::{Report, run},
    scenario::{Action, ChatTool, FaultKind, Scenario, ToolArguments},
};
use proptest::{prelude::*, sample::select, test_runner::RngSeed};

use crate::campaign::{assert_reads_back, family};

/// What there is besides the calls. A template for each thing that can become of a build.
const WORLD: &str = r#"
about = "Two assistants, two chats, and trouble."
duration = "3h"
settle = "2h"
ends_at_rest = true

[[chat]]
name = "c1"
owner = "alice"
workspaces = 8

[[chat]]
name = "c2"
owner = "alice"
workspaces = 8

[[assistant]]
name = "bot-1"

[[assistant]]
name = "bot-2"

[[template]]
name = "vm"
apply = { takes = "5s" }
agents = [{ name = "main", boots = "1s" }]

[[template]]
name = "slow"
apply = { takes = "2m" }
agents = [{ name = "main", boots = "20s", connection_timeout = "10s" }]

[[template]]
name = "fails"
apply = { takes = "5s", fails = "the cloud is full" }

[[template]]
name = "hangs"
apply = { hangs = true }

[[template]]
name = "bare"
apply = { takes = "1s" }

[[provisioner]]
name = "prov-1"
slots = 3

"#;

/// When builds that hang are cancelled, in seconds: nobody asks for another one by then. The last call comes after four
/// minutes, trouble may hold it up for two, and it decides in four and waits for a build that is under way for ten.
const CANCELED_AT: u64 = 22 * 60;

/// A call of a tool.
#[derive(Clone, Debug)]
struct Call {
    at_ms: u64,
    tool: &'static str,
    chat: &'static str,
    on: &'static str,
    template: &'static str,
    name: &'static str,
}

/// Something that goes wrong, or that its owner does to a chat's workspace.
#[derive(Clone, Debug)]
struct Trouble {
    at_ms: u64,
    lasts_ms: u64,
    what: &'static str,
}

fn call() -> impl Strategy<Value = Call> {
    let tools = ["create_workspace", "create_workspace", "create_workspace", "start_workspace", "stop_workspace"];
    let templates = ["vm", "vm", "slow", "fails", "hangs", "bare"];
    // Many at the same instants: what is to be arbitrated comes together.
    let at_ms = prop_oneof![select(vec![10_000, 10_005, 40_000]), 1_000_u64..240_000];
    let places = (select(vec!["c1", "c1", "c2"]), select(vec!["bot-1", "bot-2"]));
    let what = (select(tools.to_vec()), select(templates.to_vec()), select(vec!["", "dev"]));
    (at_ms, places, what).prop_map(|(at_ms, (chat, on), (tool, template, name))| Call {
        at_ms,
        tool,
        chat,
        on,
        template,
        name,
    })
}

fn trouble() -> impl Strategy<Value = Trouble> {
    let what = [
        "[[fault]]\n{at}{for}database = \"unavailable\"\n",
        "[[fault]]\n{at}{for}database = \"unavailable\"\n",
        "[[fault]]\n{at}{for}kill = \"control\"\n",
        "[[fault]]\n{at}{for}kill = \"control-2\"\n",
        "[[fault]]\n{at}{for}kill = \"bot-1\"\n",
        "[[fault]]\n{at}{for}suspend = { host = \"bot-2\", clock = \"runs\" }\n",
        "[[fault]]\n{at}{for}cut = [\"bot-1\", \"control\"]\n",
        "[[fault]]\n{at}{for}kill = \"c1-1.main\"\n",
        "[[fault]]\n{at}{for}cut = [\"c1-1.main\", \"control\"]\n",
        "[[step]]\n{at}cancel_build = { workspace = \"c1-1\", owner = \"alice\" }\n",
        "[[step]]\n{at}build_workspace = { workspace = \"c1-1\", owner = \"alice\", transition = \"stop\" }\n",
        "[[step]]\n{at}build_workspace = { workspace = \"c1-1\", owner = \"alice\", transition = \"destroy\" }\n",
    ];
    (5_000_u64..240_000, prop_oneof![10_u64..2_000, 2_000_u64..120_000], select(what.to_vec()))
        .prop_map(|(at_ms, lasts_ms, what)| Trouble { at_ms, lasts_ms, what })
}

fn story(replicas: u32, connections: u32, calls: &[Call], troubles: &[Trouble]) -> String {
    let created =
        |chat: &'static str| calls.iter().filter(move |call| call.chat == chat && call.tool == "create_workspace");
    let mut text = WORLD.to_owned();
    let _ = writeln!(text, "[control]\nreplicas = {replicas}\nconnections = {connections}");
    for Call { at_ms, tool, chat, on, template, name } in calls {
        let _ = write!(
            text,
            "[[step]]\nat = \"{at_ms}ms\"\ncall_tool = {{ tool = \"{tool}\", chat = \"{chat}\", on = \"{on}\""
        );
        if *tool == "create_workspace" {
            let _ = write!(text, ", template = \"{template}\"");
            if !name.is_empty() {
                let _ = write!(text, ", name = \"{name}\"");
            }
        }
        text.push_str(" }\n");
    }
    for Trouble { at_ms, lasts_ms, what } in troubles {
        // Nobody can mean what is not there, or was not asked for yet.
        let asked_for = created("c1").any(|call| call.at_ms <= *at_ms);
        if (replicas == 1 && what.contains("control-2")) || (what.starts_with("[[step]]") && !asked_for) {
            continue;
        }
        let at = format!("at = \"{at_ms}ms\"\n");
        text.push_str(&what.replace("{at}", &at).replace("{for}", &format!("for = \"{lasts_ms}ms\"\n")));
    }
    // Where nothing hangs the world comes to rest much sooner.
    let hangs = |chat: &&'static str| created(chat).any(|call| call.template == "hangs");
    for chat in ["c1", "c2"].into_iter().filter(hangs) {
        for number in 1..=8 {
            let cancel = format!("cancel_build = {{ workspace = \"{chat}-{number}\", owner = \"alice\" }}");
            let _ = writeln!(text, "[[step]]\nat = \"{CANCELED_AT}s\"\n{cancel}");
        }
    }
    text
}

fn play(text: &str) -> Report {
    match Scenario::parse("story.toml", text, &catalogue::lists()) {
        Ok(scenario) => run(&scenario, scenario.seed),
        Err(diagnostics) => panic!("{}\n{text}", diagnostics.render(false)),
    }
}

/// The most workspaces that a chat has at once, as its log tells it: apart from what the invariants make of it.
fn most_at_once(records: &[Record]) -> usize {
    let (mut has, mut most): (BTreeMap<&str, BTreeSet<&str>>, usize) = (BTreeMap::new(), 0);
    for record in records {
        let (Some(chat), Some(ws)) = (record.field("chat"), record.field("ws")) else { continue };
        let has = has.entry(chat).or_default();
        match record.event.as_str() {
            "chat.bound" => drop(has.insert(ws)),
            "chat.released" => drop(has.remove(ws)),
            _ => {}
        }
        most = most.max(has.len());
    }
    most
}

/// How long the calls took that were answered, and how many were not although their runtime lived on.
fn calls(records: &[Record]) -> (Vec<Duration>, usize) {
    let mut open: BTreeMap<(&str, &str), Duration> = BTreeMap::new();
    let mut took = Vec::new();
    for record in records {
        if record.event == "host.killed" {
            open.retain(|(host, _), _| Some(*host) != record.field("host"));
        }
        let Some(call) = record.field("call") else { continue };
        let key = (record.host.as_str(), call);
        match record.event.as_str() {
            "tool.called" => drop(open.insert(key, record.at)),
            "tool.answered" => took.extend(open.remove(&key).map(|called| record.at.saturating_sub(called))),
            _ => {}
        }
    }
    (took, open.len())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 80, failure_persistence: None, rng_seed: RngSeed::Fixed(8), max_shrink_iters: 200,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_chat_has_one_workspace_and_every_call_ends(
        (replicas, connections) in (1_u32..=2, select(vec![1_u32, 2, 10])),
        called in prop::collection::vec(call(), 1..6),
        troubles in prop::collection::vec(trouble(), 0..5),
    ) {
        let text = story(replicas, connections, &called, &troubles);
        let report = play(&text);
        prop_assert_eq!(&report.violations, &[], "{}", text);
        prop_assert!(most_at_once(&report.records) <= 1, "{}", text);
        let (took, unanswered) = calls(&report.records);
        prop_assert_eq!(unanswered, 0, "{}", text);
        // One that slept through its time-outs is late by as long.
        let slept = troubles.iter().filter(|trouble| trouble.what.contains("suspend")).map(|trouble| trouble.lasts_ms);
        let most = CALL_MAX + Duration::from_secs(1) + Duration::from_millis(slept.sum());
        prop_assert!(took.iter().all(|took| *took <= most), "{:?} {}", took, text);
    }
}

const FAMILY: &str = r#"
about = "Chats in a campaign."
duration = "5m"
[[chat]]
name = "c1"
owner = "alice"
workspaces = 3
[[chat]]
name = "c2"
owner = "bob"
workspaces = 3
[[assistant]]
name = "bot-1"
[[assistant]]
name = "bot-2"
[[template]]
name = "vm"
agents = [{ name = "main" }]
presets = [{ name = "small" }, { name = "large" }]
[[template]]
name = "endless"
apply = { hangs = true }
[[provisioner]]
name = "prov-1"
[[step]]
at = "5s"
create_workspace = { name = "mine", owner = "alice", template = "vm" }
[workload]
tool_calls = "1..6"
attaches = "0..1"
interventions = "0..2"
"#;

#[test]
fn a_campaign_draws_calls_of_all_tools_and_what_people_do_meanwhile() {
    let family = family(FAMILY);
    let (mut tools, mut at_once, mut presets, mut attached, mut meddled) = (BTreeSet::new(), 0, 0, 0, 0);
    let (mut outages, mut on_assistants, mut on_machines) = (0, 0, 0);
    for seed in 0..150 {
        let plan = family.plan(seed);
        assert_eq!(plan, family.plan(seed));
        assert_reads_back(&plan);
        let mut before = BTreeSet::new();
        for step in &plan.steps {
            match &step.action {
                Action::CallTool(call) => {
                    tools.insert(call.tool);
                    at_once += usize::from(!before.insert((step.at, call.chat.clone())));
                    let ToolArguments::Said(said) = &call.arguments else { panic!("nothing raw is drawn") };
                    presets += usize::from(!said.preset.is_empty());
                    assert_eq!(
                        call.tool == ChatTool::CreateWorkspace,
                        !said.template.is_empty() || !said.template_id.is_empty()
                    );
                }
                Action::AttachWorkspace { chat, owner, .. } => {
                    assert_eq!(owner == "alice", chat == "c1", "it is the chat's owner's");
                    attached += 1;
                }
                Action::BuildWorkspace { workspace, .. } => meddled += usize::from(workspace != "mine"),
                _ => {}
            }
        }
        for fault in &plan.faults {
            outages += usize::from(fault.kind == FaultKind::Database);
            on_assistants += usize::from(fault.kind.hosts().iter().any(|host| host.starts_with("bot-")));
            on_machines += usize::from(fault.kind.hosts().iter().any(|host| host.starts_with("c1-")));
        }
    }
    assert_eq!(tools.len(), 4, "{tools:?}");
    assert!(at_once > 50 && presets > 50, "{at_once} {presets}");
    assert!(attached > 30 && meddled > 30, "{attached} {meddled}");
    assert!(outages > 10 && on_assistants > 50 && on_machines > 30, "{outages} {on_assistants} {on_machines}");
}

#[test]
fn what_a_chats_tools_make_is_canceled_at_the_end_if_it_would_never_end() {
    let family = family(FAMILY);
    for seed in 0..60 {
        let plan = family.plan(seed);
        let calls = plan.steps.iter().filter_map(|step| match &step.action {
            Action::CallTool(call) => Some((step.at, call)),
            _ => None,
        });
        let endless = |said: &ToolArguments| matches!(said, ToolArguments::Said(said) if said.template == "endless");
        let chats: BTreeSet<&str> =
            calls.clone().filter(|(_, call)| endless(&call.arguments)).map(|(_, call)| call.chat.as_str()).collect();
        let last = calls.map(|(at, _)| at).max().unwrap_or_default();
        for chat in chats {
            for number in 1..=3 {
                let name = format!("{chat}-{number}");
                let canceled = plan.steps.iter().any(|step| {
                    let is_it = matches!(&step.action, Action::CancelBuild { workspace, .. } if *workspace == name);
                    is_it && step.at >= last + Duration::from_mins(13)
                });
                assert!(canceled, "seed {seed}: {name}");
            }
        }
        assert!(plan.settle >= CALL_MAX);
    }
}

#[test]
fn the_database_is_away_in_campaigns_of_chats_alone_unless_a_file_asks_for_it() {
    let without_chats = "about = \"a test\"\nduration = \"5m\"\n[[template]]\nname = \"vm\"\n[[provisioner]]\nname = \"prov-1\"\n\
                         [[step]]\nat = \"1s\"\ncreate_workspace = { name = \"dev\", owner = \"alice\", template = \"vm\" }\n";
    let outages = |text: &str| {
        let family = family(text);
        let faults = (0..100).flat_map(|seed| family.plan(seed).faults);
        faults.filter(|fault| fault.kind == FaultKind::Database).count()
    };
    assert_eq!(outages(without_chats), 0);
    assert!(outages(&format!("{without_chats}[swarm]\nkinds = {{ database = 1, kill = 1 }}\n")) > 20);
    assert!(outages(FAMILY) > 10);
}

#[test]
fn nobody_can_do_anything_while_the_database_is_away_and_everything_goes_on_afterwards() {
    let text = "about = \"a test\"\nduration = \"10m\"\n[[template]]\nname = \"vm\"\napply = { takes = \"30s\" }\n\
                [[provisioner]]\nname = \"prov-1\"\n\
                [[step]]\nat = \"10s\"\ncreate_workspace = { name = \"dev\", owner = \"alice\", template = \"vm\" }\n\
                [[step]]\nat = \"20s\"\ncreate_workspace = { name = \"box\", owner = \"alice\", template = \"vm\" }\n\
                [[fault]]\nat = \"15s\"\nfor = \"1m\"\ndatabase = \"unavailable\"\n";
    let report = play(text);
    assert_eq!(report.violations, []);
    let at = |event: &str, field: (&str, &str)| {
        let mut all = report.records.iter().filter(|record| record.event == event);
        all.find(|record| record.field(field.0) == Some(field.1)).map(|record| record.at.as_secs())
    };
    assert_eq!(at("fault.outage", ("what", "database")), Some(15));
    assert_eq!(at("fault.outage_healed", ("what", "database")), Some(75));
    assert!(at("workspace.created", ("name", "box")).is_some_and(|at| (75..120).contains(&at)));
    let committed = |record: &&Record| record.host.starts_with("control") && (16..75).contains(&record.at.as_secs());
    let meanwhile: Vec<_> = report.log().filter(committed).map(|record| record.event.as_str()).collect();
    assert_eq!(meanwhile, [""; 0], "nothing is committed");
}

/// The plans of files without chats are what they were before there were any.
#[test]
fn a_family_without_chats_is_as_it_was() {
    let text = "about = \"a test\"\nduration = \"5m\"\n[[template]]\nname = \"vm\"\n[[provisioner]]\nname = \"prov-1\"\n\
                [[step]]\nat = \"1s\"\ncreate_workspace = { name = \"dev\", owner = \"alice\", template = \"vm\" }\n";
    let file = |more: &str| {
        let text = format!("{text}{more}");
        groundhog_stage::scenario::ScenarioFile::parse("family.toml", &text, &catalogue::lists())
            .unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
    };
    // Asking for what needs chats changes nothing either.
    let (plain, asking) = (file(""), file("[workload]\ntool_calls = \"1..5\"\nattaches = 3\ninterventions = 2\n"));
    for seed in 0..50 {
        assert_eq!(campaign::plan(&plain, seed), campaign::plan(&asking, seed));
    }
}

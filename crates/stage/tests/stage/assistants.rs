//! Chats and assistants in files, and what assistants do in runs.

use std::collections::BTreeMap;

use groundhog_sim::{Record, campaign::Plan};
use groundhog_stage::run::{Report, run};
use groundhog_stage::scenario::{
    Action, Assistant, Chat, ChatTool, Said, Scenario, ToolArguments, ToolCall, chat_workspace,
};

use crate::campaign::{assert_reads_back, family};
use crate::catalogue;
use crate::mistakes::check;

/// A world in which people have chats. Its steps are those of the tests.
const WORLD: &str = r#"
about = "Chats."
duration = "40m"
[[user]]
name = "root"
role = "admin"
[[template]]
name = "vm"
apply = { takes = "5s" }
agents = [
    { name = "main", boots = "2s", apps = [{ slug = "web", port = 8080 }] },
    { name = "theirs", external = true, display_order = -2 },
]
presets = [{ name = "big" }]
[[provisioner]]
name = "prov-1"
[[chat]]
name = "c1"
owner = "alice"
workspaces = 2
"#;

/// The line on which what follows [`WORLD`] begins.
const BODY: usize = 21;

fn parse(text: &str) -> Scenario {
    Scenario::parse("chats.toml", text, catalogue::ALL).unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
}

fn world(steps: &str) -> Scenario {
    parse(&format!("{WORLD}{steps}"))
}

fn step(at: &str, action: &str) -> String {
    format!("[[step]]\nat = \"{at}\"\n{action}\n")
}

/// Has tools called, a minute after one another.
fn calls(calls: &[&str]) -> String {
    let one = |(minute, call): (usize, &&str)| step(&format!("{}m", minute + 1), &format!("call_tool = {call}"));
    calls.iter().enumerate().map(one).collect()
}

const CREATE: &str = r#"{ tool = "create_workspace", chat = "c1", template = "vm" }"#;

#[test]
fn a_chat_has_an_assistant_and_machines() {
    let scenario = world("");
    let chat = Chat { name: "c1".to_owned(), owner: "alice".to_owned(), organization: None, workspaces: 2 };
    assert_eq!(scenario.chats, [chat]);
    assert_eq!(scenario.assistants, [Assistant::new("assistant")]);
    let hosts: Vec<String> = scenario.hosts().collect();
    // No machine for an agent that is somebody else's.
    assert_eq!(hosts, ["control", "users", "prov-1", "assistant", "c1-1.main", "c1-2.main"]);
    assert!(scenario.users.contains_key("alice"));
}

#[test]
fn machines_are_of_the_chats_own_organisation() {
    let text = "[[organization]]\nname = \"lab\"\nmembers = [\"bob\"]\n\
                [[template]]\nname = \"lab-vm\"\norganization = \"lab\"\nagents = [{ name = \"box\" }]\n\
                [[chat]]\nname = \"c2\"\nowner = \"bob\"\norganization = \"lab\"\nworkspaces = 1\n";
    let hosts: Vec<String> = world(text).hosts().filter(|host| host.contains('.')).collect();
    assert_eq!(hosts, ["c1-1.main", "c1-2.main", "c2-1.box"]);
}

#[test]
fn what_is_said_of_chats_means_what_it_says() {
    let steps = "[[assistant]]\nname = \"one\"\nallowed_templates = [\"vm\"]\ndials = false\n\
                 [[assistant]]\nname = \"two\"\ncontrol = \"control\"\n"
        .to_owned()
        + &step(
            "1m",
            r#"call_tool = { tool = "create_workspace", chat = "c1", on = "two", template = "vm", name = "dev", preset = "big", parameters = { cpu = 4 } }"#,
        )
        + &step("2m", r#"call_tool = { tool = "stop_workspace", chat = "c1", on = "one", arguments = "nonsense" }"#)
        + &step("3m", r#"attach_workspace = { chat = "c1", workspace = "c1-2" }"#)
        + &step("4m", r#"set_chat_ttl = { ttl = "2h" }"#);
    let scenario = world(&steps);
    let one = Assistant { allowed_templates: vec!["vm".to_owned()], dials: false, ..Assistant::new("one") };
    let two = Assistant { control: Some("control".to_owned()), ..Assistant::new("two") };
    assert_eq!(scenario.assistants, [one, two]);
    let said = Said {
        template: "vm".to_owned(),
        name: "dev".to_owned(),
        preset: "big".to_owned(),
        parameters: BTreeMap::from([("cpu".to_owned(), "4".to_owned())]),
        ..Said::default()
    };
    let call = |tool, on: &str, arguments| {
        Action::CallTool(ToolCall { tool, chat: "c1".to_owned(), on: on.to_owned(), arguments })
    };
    let text = |text: &str| text.to_owned();
    let expected = [
        call(ChatTool::CreateWorkspace, "two", ToolArguments::Said(said)),
        call(ChatTool::StopWorkspace, "one", ToolArguments::Raw(text("nonsense"))),
        Action::AttachWorkspace {
            chat: text("c1"),
            workspace: chat_workspace("c1", 2),
            owner: text("alice"),
            by: text("alice"),
        },
        Action::SetChatTtl { ttl: text("2h"), by: text("root") },
    ];
    assert_eq!(scenario.steps.iter().map(|step| step.action.clone()).collect::<Vec<_>>(), expected);
    // Written and read again it is the same, but for the lines on which things stand.
    let mut again = parse(&scenario.to_toml());
    for (step, before) in again.steps.iter_mut().zip(&scenario.steps) {
        step.line = before.line;
    }
    assert_eq!(again, scenario, "\n{}", scenario.to_toml());
}

/// What follows [`WORLD`] has one mistake; the line counts from there.
#[track_caller]
fn body(text: &str, code: &str, line: usize, column: usize, help: &str) {
    check(&format!("{WORLD}{text}"), code, BODY + line - 1, column, help);
}

#[test]
fn mistakes_about_chats_and_assistants() {
    body("[[chat]]\nname = \"c1\"\nowner = \"bob\"", "duplicate-name", 2, 8, "another name");
    body("[[chat]]\nname = \"prebuild\"\nowner = \"bob\"", "reserved-name", 2, 8, "another name");
    body("[[chat]]\nname = \"c 2\"\nowner = \"bob\"", "bad-name", 2, 8, "hyphens");
    body("[[chat]]\nname = \"c2\"\nowner = \"bob\"\norganization = \"lab\"", "unknown-organization", 4, 16, "default");
    body("[[chat]]\nname = \"c2\"\nowner = \"bob\"\nworkspaces = 0", "out-of-range", 4, 14, "1 to 100");
    body("[[chat]]\nname = \"c2\"", "missing-key", 1, 1, "");
    body("[[assistant]]\nname = \"prov-1\"", "reserved-name", 2, 8, "no other host has");
    body("[[assistant]]\nname = \"a\"\ncontrol = \"control-2\"", "unknown-replica", 3, 11, "control");
    body("[[assistant]]\nname = \"a\"\nallowed_templates = [\"wm\"]", "unknown-template", 3, 22, "did you mean `vm`?");
    body("[[assistant]]\nname = \"a\"\nallowed_templates = []", "contradiction", 3, 21, "leave it out");
    // The host that a file with chats has anyway.
    let taken = WORLD.replace("name = \"prov-1\"", "name = \"assistant\"");
    check(&taken, "reserved-name", 18, 8, "[[assistant]]");
}

/// As [`body`], for one step; `place` is the last text in it that the mistake begins with.
#[track_caller]
fn one(action: &str, code: &str, place: &str, help: &str) {
    let column = action.rfind(place).map(|index| index + 1).expect("the place is there");
    body(&step("1m", action), code, 3, column, help);
}

#[track_caller]
fn call(rest: &str, code: &str, place: &str, help: &str) {
    one(&format!("call_tool = {{ {rest} }}"), code, place, help);
}

#[test]
fn mistakes_about_what_is_done_in_chats() {
    call(r#"tool = "stop_workspace", chat = "c2""#, "unknown-chat", "\"c2", "did you mean `c1`?");
    call(r#"tool = "stop_workspaec", chat = "c1""#, "unknown-value", "\"stop", "did you mean `stop_workspace`?");
    call(r#"tool = "stop_workspace", chat = "c1", on = "b""#, "unknown-assistant", "\"b", "`assistant`");
    let create = r#"tool = "create_workspace", chat = "c1", "#;
    call(&format!(r#"{create}template = "wm""#), "unknown-template", "\"wm", "did you mean `vm`?");
    call(&format!(r#"{create}template = "vm", preset = "bug""#), "unknown-preset", "\"bug", "did you mean `big`?");
    call(&format!(r#"{create}preset = "big""#), "missing-key", "\"big", "`preset_id`");
    call(&format!(r#"{create}template = "vm", template_id = "x""#), "contradiction", "\"x", "leave out one");
    call(&format!(r#"{create}name = "x", arguments = "{{}}""#), "contradiction", "\"x", "leave it out");
    call(r#"tool = "start_workspace", chat = "c1", name = "x""#, "contradiction", "\"x", "`arguments`");
    let attach = r#"attach_workspace = { chat = "c1", workspace = "c1-1" }"#;
    one(attach, "unknown-workspace", "\"c1-1", "`create_workspace`");
    one(r#"set_chat_ttl = { tll = "2h" }"#, "unknown-key", "tll", "did you mean `ttl`?");
    // Nobody but the chat's tools makes a workspace that is called so, and only so many.
    let named = r#"create_workspace = { name = "c1-1", owner = "alice", template = "vm" }"#;
    one(named, "reserved-name", "\"c1-1", "another name");
    let third = calls(&[CREATE]) + &step("5m", r#"list_agents = { workspace = "c1-3" }"#);
    body(&third, "unknown-workspace", 6, 29, "did you mean `c1-1`?");
    // Two people's workspaces of one name would have the same machines.
    let others = step("1m", r#"create_workspace = { name = "dev", owner = "bob", template = "vm" }"#)
        + &step("2m", r#"call_tool = { name = "dev", tool = "create_workspace", chat = "c1", template = "vm" }"#);
    body(&others, "ambiguous-machine", 6, 22, "another name");
    // Whose turn it is has to be said where there are several.
    let several = "[[assistant]]\nname = \"a\"\n[[assistant]]\nname = \"b\"\n".to_owned() + &calls(&[CREATE]);
    body(&several, "ambiguous-assistant", 7, 49, "`on`: a, b");
    // An assistant is no provisioner.
    one(r#"shutdown_provisioner = { name = "assistant" }"#, "unknown-provisioner", "\"assistant", "prov-1");
}

fn played(steps: &str) -> Report {
    let report = run(&world(steps), 3);
    assert!(report.passed(), "{:?}\n{}", report.violations, log(&report));
    report
}

fn log(report: &Report) -> String {
    report.log().map(|record| format!("{} {} {:?}\n", record.host, record.event, record.fields)).collect()
}

fn of<'a>(report: &'a Report, event: &'a str) -> impl Iterator<Item = &'a Record> {
    report.records.iter().filter(move |record| record.event == event)
}

/// The fields `name` of the records of an event.
fn fields<'a>(report: &'a Report, event: &'a str, name: &'a str) -> Vec<&'a str> {
    of(report, event).filter_map(|record| record.field(name)).collect()
}

#[test]
fn an_assistant_gets_its_chat_a_workspace_and_finds_it_again() {
    // The external agent comes first, and nobody makes workspaces of such a template.
    let text = WORLD.replace("    { name = \"theirs\", external = true, display_order = -2 },\n", "");
    let steps = calls(&[CREATE, CREATE]) + &step("4m", r#"list_agents = { workspace = "c1-1" }"#);
    let report = run(&parse(&(text + &steps)), 3);
    assert!(report.passed(), "{:?}\n{}", report.violations, log(&report));
    let log = log(&report);
    assert_eq!(
        fields(&report, "tool.answered", "tool"),
        ["list_templates", "create_workspace", "create_workspace"],
        "it knows the template by the second time\n{log}"
    );
    let answers = fields(&report, "tool.answered", "answer");
    assert!(answers[1].contains("created=true workspace_name=alice/vm-"), "{log}");
    assert!(answers[2].contains("created=false"), "{log}");
    assert_eq!(fields(&report, "machine.created", "machine"), ["c1-1.main"], "{log}");
    assert_eq!(fields(&report, "user.saw_agents", "agents"), ["main=connected/ready"], "{log}");
    assert_eq!(fields(&report, "user.chat", "name"), ["c1"]);
}

#[test]
fn an_external_agent_is_seen_and_has_no_machine() {
    let steps = calls(&[CREATE])
        + &step("3m", r#"create_workspace = { name = "dev", owner = "alice", template = "vm" }"#)
        + &step("4m", r#"build_workspace = { workspace = "dev", transition = "stop" }"#);
    let report = played(&steps);
    let refusal = fields(&report, "tool.answered", "answer").pop().unwrap_or_default();
    assert!(refusal.contains("externally managed agents"), "{refusal}");
    assert_eq!(fields(&report, "machine.created", "machine"), ["dev.main"]);
    assert_eq!(fields(&report, "agent.registered", "name"), ["main", "theirs"]);
    assert_eq!(fields(&report, "machine.deleted", "machine"), ["dev.main"]);
}

#[test]
fn what_an_assistant_does_not_find_it_sends_as_it_is() {
    let delete = step("30s", r#"delete_template = { template = "vm" }"#);
    let report = played(&(delete + &calls(&[CREATE])));
    let answer = fields(&report, "tool.answered", "answer").pop().unwrap_or_default();
    assert_eq!(answer, "invalid template_id: \"vm\" is not a UUID");
}

#[test]
fn the_call_of_an_assistant_that_dies_is_gone_with_it() {
    let text = WORLD.replace("    { name = \"theirs\", external = true, display_order = -2 },\n", "");
    let steps = calls(&[CREATE]) + "[[fault]]\nat = \"1m2s\"\nfor = \"10s\"\nkill = \"assistant\"\n";
    let again = step("3m", &format!("call_tool = {CREATE}"));
    let report = run(&parse(&(text + &steps + &again)), 3);
    assert!(report.passed(), "{:?}\n{}", report.violations, log(&report));
    let tools: Vec<_> = of(&report, "tool.called").map(|record| (record.field("tool"), record.field("call"))).collect();
    let (list, create) = (Some("list_templates"), Some("create_workspace"));
    // The next runtime counts from the beginning, and the chat remembers the template.
    assert_eq!(tools, [(list, Some("1")), (create, Some("2")), (create, Some("1"))]);
    let answers = fields(&report, "tool.answered", "answer");
    assert_eq!(answers.len(), 2, "{}", log(&report));
    assert!(answers[1].contains("created=false"), "{}", log(&report));
    assert_eq!(fields(&report, "chat.bound", "how"), ["created"], "one workspace");
}

#[test]
fn only_allowed_templates_are_used() {
    let text = WORLD.replace("    { name = \"theirs\", external = true, display_order = -2 },\n", "");
    let others = "[[template]]\nname = \"other\"\n\
                  [[assistant]]\nname = \"one\"\nallowed_templates = [\"other\"]\n\
                  [[assistant]]\nname = \"two\"\n";
    let create = |on: &str, template: &str| {
        format!(r#"{{ tool = "create_workspace", chat = "c1", on = "{on}", template = "{template}" }}"#)
    };
    // The second one tells the chat the id of a template that the first one may not use.
    let read = r#"{ tool = "read_template", chat = "c1", on = "two", template = "vm" }"#;
    let steps = calls(&[read, &create("one", "vm"), &create("one", "other")]);
    let report = run(&parse(&(text + others + &steps)), 3);
    assert!(report.passed(), "{:?}\n{}", report.violations, log(&report));
    let creates: Vec<&str> = of(&report, "tool.answered")
        .filter(|record| record.field("tool") == Some("create_workspace"))
        .filter_map(|record| record.field("answer"))
        .collect();
    assert!(creates[0].contains("not available for chat workspaces"), "{creates:?}");
    assert!(creates[1].contains("created=true"), "{creates:?}");
}

#[test]
fn hosts_of_which_nothing_is_left_are_used_again() {
    let text = WORLD.replace("    { name = \"theirs\", external = true, display_order = -2 },\n", "");
    let mut steps = String::new();
    for number in 1..=3 {
        steps += &step(&format!("{}m", 4 * number), &format!("call_tool = {CREATE}"));
        if number < 3 {
            let destroy = format!("build_workspace = {{ workspace = \"c1-{number}\", transition = \"destroy\" }}");
            steps += &step(&format!("{}m", 4 * number + 2), &destroy);
        }
    }
    let report = run(&parse(&(text + &steps)), 3);
    assert!(report.passed(), "{:?}\n{}", report.violations, log(&report));
    assert_eq!(fields(&report, "machine.created", "machine"), ["c1-1.main", "c1-2.main", "c1-1.main"]);
}

#[test]
fn plans_with_chats_are_made_smaller_and_stay_plans() {
    let text = WORLD.to_owned()
        + "[[assistant]]\nname = \"one\"\nallowed_templates = [\"vm\"]\n[[assistant]]\nname = \"two\"\ncontrol = \"control\"\n"
        + &step(
            "1m",
            r#"call_tool = { tool = "create_workspace", chat = "c1", on = "one", template = "vm", name = "dev" }"#,
        )
        + &step("3m", r#"build_workspace = { workspace = "c1-1", transition = "stop" }"#)
        + &step("4m", r#"open_terminal = { workspace = "c1-2" }"#)
        + &step("5m", r#"create_workspace = { name = "own", owner = "alice", template = "vm" }"#)
        + &step("6m", r#"attach_workspace = { chat = "c1", workspace = "own" }"#)
        + "[[fault]]\nat = \"2m\"\nfor = \"5s\"\nkill = \"c1-2.main\"\n\
           [[fault]]\nat = \"2m\"\nfor = \"5s\"\ncut = [\"one\", \"control\"]\n";
    let plan = family(&text).plan(1);
    assert!(plan.parts() > 10);
    for part in 0..plan.parts() {
        for size in 1..=plan.parts() - part {
            if let Some(smaller) = plan.without(part..part + size) {
                assert_reads_back(&smaller);
                assert!(smaller.chats.is_empty() == smaller.assistants.is_empty());
            }
        }
    }
    let (mut simple, mut rounds) = (plan, 0);
    while let Some(simpler) = simple.simpler().pop() {
        assert_reads_back(&simpler);
        (simple, rounds) = (simpler, rounds + 1);
        assert!(rounds < 1_000, "it goes round in circles:\n{}", simple.to_toml());
    }
    assert!(simple.assistants.iter().all(|one| *one == Assistant::new(&one.name)));
}

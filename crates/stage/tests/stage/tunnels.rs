//! Stories with tunnels: what their users see, and what becomes of them.

use groundhog_stage::{
    catalogue,
    run::{Report, run},
    scenario::Scenario,
};

/// A workspace with an agent that has a web page, and what else is said.
fn play(more: &str) -> Report {
    let text = format!(
        r#"
about = "A tunnel."
duration = "6m"
settle = "3m"
[control]
relays = true
[[template]]
name = "vm"
apply = {{ takes = "2s" }}
agents = [{{ name = "main", apps = [{{ slug = "web", port = 8080 }}] }}]
[[provisioner]]
name = "prov"
[[step]]
at = "1s"
create_workspace = {{ name = "dev", owner = "alice", template = "vm" }}
{more}"#
    );
    let report = match Scenario::parse("story.toml", &text, &catalogue::lists()) {
        Ok(scenario) => run(&scenario, scenario.seed),
        Err(diagnostics) => panic!("{}", diagnostics.render(false)),
    };
    assert!(report.passed(), "{:#?}\n{}", report.violations, shown(&report).join("\n"));
    report
}

fn step(at: &str, action: &str) -> String {
    format!("[[step]]\nat = \"{at}\"\n{action}\n")
}

/// What tunnels and their users tell.
fn shown(report: &Report) -> Vec<String> {
    let told = report.log().filter(|one| one.event.starts_with("tunnel.") || one.event.starts_with("user."));
    let fields = |one: &groundhog_stage::Record| {
        one.fields.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
    };
    told.map(|one| format!("{} {} {} {}", one.at.as_secs(), one.host, one.event, fields(one))).collect()
}

/// How often a line contains all of these.
fn count(report: &Report, parts: &[&str]) -> usize {
    shown(report).iter().filter(|line| parts.iter().all(|part| line.contains(part))).count()
}

/// Lines that contain these come in this order.
#[track_caller]
fn in_order(report: &Report, parts: &[&str]) {
    let lines = shown(report);
    let mut rest = lines.iter();
    for part in parts {
        assert!(rest.any(|line| line.contains(part)), "{part:?} does not come in its turn:\n{}", lines.join("\n"));
    }
}

#[test]
fn a_page_is_seen_over_a_tunnel_until_its_user_has_had_enough() {
    let open = "open_tunnel = { name = \"page\", workspace = \"dev\", every = \"5s\" }";
    let report = play(&(step("2s", open) + &step("2m", "interrupt_tunnel = { name = \"page\" }")));
    in_order(
        &report,
        &[
            "page tunnel.opened tunnel=tunnel#1 workspace=dev agent_name=",
            "page tunnel.network_up tunnel=tunnel#1 agent=agent#1 path=direct",
            "page tunnel.app_up",
            "page user.tunnel_answer name=page answer=200",
            "120 page tunnel.shutdown_asked tunnel=tunnel#1 why=interrupted",
            "page tunnel.app_down",
            "page tunnel.network_down",
            "page tunnel.ended tunnel=tunnel#1 why=interrupted",
        ],
    );
    assert_eq!(count(&report, &["user.tunnel_answer"]), 1, "{:#?}", shown(&report));
    let used = report.records.iter().filter(|record| record.event == "user.used_tunnel").count();
    assert!((15..30).contains(&used), "{used}");
}

#[test]
fn a_broken_page_is_another_answer() {
    let open = "open_tunnel = { name = \"page\", workspace = \"dev\", every = \"5s\", stays = \"3m\" }";
    let broken = "app_outage = { workspace = \"dev\", app = \"web\", for = \"30s\", how = \"500\" }";
    let report = play(&(step("2s", open) + &step("1m", broken)));
    in_order(&report, &["answer=200", "answer=500", "answer=200", "182 page tunnel.shutdown_asked", "tunnel.ended"]);
}

#[test]
fn a_tunnel_of_a_laptop_that_dies_is_gone() {
    let open = "open_tunnel = { name = \"page\", workspace = \"dev\" }";
    let killed = "[[fault]]\nat = \"1m\"\nfor = \"10s\"\nkill = \"page\"\n";
    let report = play(&(step("2s", open) + &step("3m", "interrupt_tunnel = { name = \"page\" }") + killed));
    assert_eq!(count(&report, &["tunnel.opened"]), 1);
    assert_eq!(count(&report, &["tunnel.app_up"]), 1);
    assert_eq!(count(&report, &["tunnel.shutdown_asked"]), 0, "{:#?}", shown(&report));
    // A laptop that is down opens nothing.
    let killed = "[[fault]]\nat = \"1s\"\nfor = \"10s\"\nkill = \"page\"\n";
    assert_eq!(count(&play(&(step("2s", open) + killed)), &["tunnel."]), 0);
}

#[test]
fn a_terminal_is_seen_over_a_tunnel_by_whoever_may() {
    let open = "open_tunnel = { name = \"shell\", workspace = \"dev\", by = \"root\", app = \"terminal\", \
                session = \"one\", sends = [\"echo hello\"], stays = \"1m\" }";
    let report = play(&(step("10s", open) + "[[user]]\nname = \"root\"\nrole = \"admin\"\n"));
    in_order(&report, &["tunnel.app_up", "tunnel.shutdown_asked", "user.terminal_seen by=root session=one"]);
    assert_eq!(count(&report, &["user.terminal_seen", "hello", "sent_away=false"]), 1, "{:#?}", shown(&report));
    // Who may not is told so, by name or not.
    let stranger = open.replace("root", "mallory");
    let report = play(&step("10s", &stranger));
    in_order(&report, &["tunnel.opened", "tunnel.ended"]);
    assert_eq!(count(&report, &["user.terminal_seen"]), 0);
}

#[test]
fn a_stopped_workspace_is_started_unless_nobody_wants_that() {
    let stop = step("10s", "build_workspace = { workspace = \"dev\", transition = \"stop\" }");
    let open = "open_tunnel = { name = \"page\", workspace = \"dev\", stays = \"2m\" }";
    let report = play(&(stop.clone() + &step("30s", open)));
    in_order(&report, &["tunnel.start_asked tunnel=tunnel#1 after=2", "tunnel.start_answered", "answer=200"]);
    let open = open.replace("stays", "autostart = false, stays");
    let report = play(&(stop + &step("30s", &open)));
    assert_eq!(count(&report, &["tunnel.start_asked"]), 0);
    in_order(&report, &["tunnel.opened", "tunnel.ended"]);
}

#[test]
fn what_cannot_go_straight_goes_over_a_relay() {
    let open = "open_tunnel = { name = \"page\", workspace = \"dev\", every = \"5s\", stays = \"4m\" }";
    let cut = "[[fault]]\nat = \"1m\"\nfor = \"2m\"\ncut = [\"page\", \"dev.main\"]\n";
    let report = play(&(step("2s", open) + cut));
    in_order(&report, &["path=direct", "answer=200", "path=relay", "path=direct", "tunnel.ended"]);
    assert_eq!(count(&report, &["user.tunnel_answer"]), 1, "nobody but the path has changed: {:#?}", shown(&report));
}

#[test]
fn a_dial_is_not_waited_for() {
    let open = step("40s", "open_tunnel = { name = \"page\", workspace = \"dev\" }");
    let interrupt = step("50s", "interrupt_tunnel = { name = \"page\" }");
    let dark = "[[fault]]\nat = \"30s\"\npower_loss = \"dev.main\"\n";
    let report = play(&(open + &interrupt + dark));
    in_order(
        &report,
        &["to=establishTailnet", "50 page tunnel.shutdown_asked", "page tunnel.dial_canceled", "page tunnel.ended"],
    );
    assert_eq!(count(&report, &["50 page tunnel.ended"]), 1, "{:#?}", shown(&report));
}

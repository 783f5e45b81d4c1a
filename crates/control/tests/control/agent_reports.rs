//! What agents report of themselves: merged with what they reported before, and bounded.

use groundhog_control::{
    agent_report,
    operations::agent::{manifest, reports, view},
    refusal::CallError,
    store::{Tx, agent_connections, agents::Agent},
};
use groundhog_wire::v1::{
    self, AppHealth,
    report_connection_request::Action,
    script_completed_request::{Stage, Status},
};
use tonic::Code;

use crate::support::{World, agents::agent, world::assert_refused};

struct Site {
    world: World,
    session: String,
}

impl Site {
    fn new() -> Self {
        let world = World::new();
        world.started("dev", vec![agent("token-1")]);
        let session = world.session("token-1").expect("known");
        world.record.take();
        Self { world, session }
    }

    fn tell<T>(&self, work: impl FnOnce(&Tx<'_>, &Agent) -> Result<T, CallError>) -> Result<T, CallError> {
        self.world.by_agent(&self.session, work)
    }

    fn seen(&self) -> v1::AgentView {
        let workspace = Some(v1::list_agents_request::Workspace::Name("dev".to_owned()));
        let request = v1::ListAgentsRequest { workspace };
        let config = &self.world.config.agents;
        let listed = self.world.by_user("alice", |tx, user| view::list(tx, user, &request, config));
        listed.expect("it is alice's").agents.remove(0)
    }

    fn metadata(&self, values: &[(&str, &str)]) -> Result<(), CallError> {
        let value = |(key, value): &(&str, &str)| v1::AgentMetadataValue {
            key: (*key).to_owned(),
            value: (*value).to_owned(),
            ..v1::AgentMetadataValue::default()
        };
        let request = v1::UpdateMetadataRequest { values: values.iter().map(value).collect() };
        self.tell(|tx, agent| reports::metadata(tx, agent, request))
    }

    fn health(&self, updates: &[(&str, i32)]) -> Result<(), CallError> {
        let update = |(app, health): &(&str, i32)| v1::AppHealthUpdate { app: (*app).to_owned(), health: *health };
        let updates: Vec<_> = updates.iter().map(update).collect();
        self.tell(|tx, agent| reports::app_healths(tx, agent, &updates))
    }
}

#[test]
fn the_last_value_of_each_key_stays_and_unknown_keys_are_passed_over() {
    let site = Site::new();
    site.metadata(&[("load", "0.5"), ("disk", "10%")]).expect("let in");
    site.metadata(&[("load", "0.7"), ("gone", "?")]).expect("let in");
    let seen: Vec<_> = site.seen().metadata.into_iter().map(|value| (value.key, value.value)).collect();
    assert_eq!(seen, [("disk".to_owned(), "10%".to_owned()), ("load".to_owned(), "0.7".to_owned())]);
    assert_eq!(
        site.world.record.take(),
        ["agent.metadata_stored agent=agent values=2", "agent.metadata_stored agent=agent values=1"]
    );
}

#[test]
fn a_metadata_value_that_is_too_long_is_cut_and_says_so() {
    let site = Site::new();
    let long = "é".repeat(6_000);
    site.metadata(&[("load", &long)]).expect("a refusal would only have it sent again");
    let value = site.seen().metadata.remove(0);
    assert_eq!(
        (value.value.len(), value.error.as_str()),
        (agent_report::METADATA_VALUE_BYTES_MAX, "the value of 12000 bytes was cut at 10240")
    );
}

#[test]
fn stats_are_summed_and_what_is_no_sum_is_the_last_word() {
    let site = Site::new();
    let stats = |received_bytes, median_latency_ms, session_count_pty| v1::AgentStats {
        connections_by_protocol: [("pty".to_owned(), 2)].into(),
        connection_count: 2,
        received_bytes,
        median_latency_ms,
        session_count_pty,
        ..v1::AgentStats::default()
    };
    for report in [stats(10, 3.0, 2), stats(u64::MAX, -1.0, 1)] {
        site.tell(|tx, agent| reports::stats(tx, agent, &report)).expect("let in");
    }
    let total = site.seen().stats.expect("there are some");
    assert_eq!(total.connections_by_protocol["pty"], 4);
    assert_eq!((total.connection_count, total.received_bytes), (4, u64::MAX));
    assert_eq!((total.median_latency_ms, total.session_count_pty), (-1.0, 1));
}

#[test]
fn an_apps_health_is_told_when_it_changes() {
    let site = Site::new();
    let apps =
        |site: &Site| site.seen().apps.into_iter().map(|app| (app.slug.clone(), app.health())).collect::<Vec<_>>();
    let (web, docs) = ("web".to_owned(), "docs".to_owned());
    assert_eq!(apps(&site), [(web.clone(), AppHealth::Initializing), (docs.clone(), AppHealth::Disabled)]);
    for _ in 0..2 {
        site.health(&[("web", AppHealth::Healthy.into())]).expect("let in");
    }
    assert_eq!(apps(&site), [(web, AppHealth::Healthy), (docs, AppHealth::Disabled)]);
    assert_eq!(site.world.record.take(), ["agent.app_health agent=agent app=web health=healthy"]);
    let unknown = site.health(&[("web", AppHealth::Unhealthy.into()), ("api", 3)]);
    assert_refused(unknown, Code::InvalidArgument, "the agent has no app \"api\"");
    assert_refused(site.health(&[("web", 9)]), Code::InvalidArgument, "there is no app health 9");
    assert_eq!(site.seen().apps[0].health(), AppHealth::Healthy, "nothing of a refused report is kept");
}

#[test]
fn of_a_scripts_starts_the_first_is_kept_and_of_its_cron_runs_the_last() {
    let site = Site::new();
    let config = &site.world.config.agents;
    let manifest = site.tell(|tx, agent| manifest::get(tx, agent, config)).expect("let in");
    let script_id = manifest.scripts[0].script_id.clone();
    let run = |stage: Stage, status: Status, ended_at_ms| v1::ScriptCompletedRequest {
        script_id: script_id.clone(),
        stage: stage.into(),
        status: status.into(),
        ended_at_ms,
        ..v1::ScriptCompletedRequest::default()
    };
    for report in [
        run(Stage::Start, Status::Ok, 1),
        run(Stage::Start, Status::TimedOut, 2),
        run(Stage::Cron, Status::ExitFailure, 3),
        run(Stage::Cron, Status::Ok, 4),
    ] {
        site.tell(|tx, agent| reports::script(tx, agent, &report)).expect("let in");
    }
    let kept: Vec<_> = site.seen().script_timings.iter().map(|timing| (timing.stage(), timing.ended_at_ms)).collect();
    assert_eq!(kept, [(Stage::Start, 1), (Stage::Cron, 4)], "F14: what the start took does not change");
    let told = site.world.record.take();
    assert_eq!(told.len(), 4);
    assert_eq!(told[1], "agent.script_reported agent=agent script=install stage=start status=timed_out");
    let foreign = v1::ScriptCompletedRequest { script_id: "x".to_owned(), ..run(Stage::Stop, Status::Ok, 5) };
    let foreign = site.tell(|tx, agent| reports::script(tx, agent, &foreign));
    assert_refused(foreign, Code::InvalidArgument, "the agent has no script \"x\"");
    let vague = site.tell(|tx, agent| reports::script(tx, agent, &run(Stage::Start, Status::Unspecified, 6)));
    assert_refused(vague, Code::InvalidArgument, "expected a stage and a status of the script's run");
}

#[test]
fn a_connections_begin_and_end_are_one_row_and_an_address_is_an_address() {
    let site = Site::new();
    let report = |action: Action, ip: &str| v1::ReportConnectionRequest {
        connection_id: "00000000-0000-4000-8000-000000000001".to_owned(),
        action: action.into(),
        r#type: "reconnecting_pty".to_owned(),
        ip: ip.to_owned(),
        ..v1::ReportConnectionRequest::default()
    };
    let tell = |report: &v1::ReportConnectionRequest| site.tell(|tx, agent| reports::connection(tx, agent, report));
    let count = || site.tell(|tx, agent| Ok(agent_connections::count(tx, agent.number)?)).expect("let in");
    tell(&report(Action::Connect, "::1")).expect("let in");
    assert_eq!(count(), (1, 1));
    for _ in 0..2 {
        tell(&report(Action::Disconnect, "")).expect("it is not known any more");
    }
    assert_eq!(count(), (1, 0));
    let named = tell(&report(Action::Connect, "localhost"));
    assert_refused(named, Code::InvalidArgument, "\"localhost\" is not an IP address");
    let nameless = v1::ReportConnectionRequest { r#type: String::new(), ..report(Action::Connect, "") };
    let text = "expected what the connection is for, in 1 to 64 bytes";
    assert_refused(tell(&nameless), Code::InvalidArgument, text);
    let vague = tell(&report(Action::Unspecified, ""));
    assert_refused(vague, Code::InvalidArgument, "expected an action: connect or disconnect");
    assert_eq!(
        site.world.record.take()[0],
        "agent.connection_reported agent=agent connection=connection action=connect kind=reconnecting_pty"
    );
}

#[test]
fn of_many_connections_the_newest_are_kept() {
    let site = Site::new();
    for number in 0..1_003_u128 {
        let report = v1::ReportConnectionRequest {
            connection_id: uuid::Uuid::from_u128(number).to_string(),
            action: Action::Connect.into(),
            r#type: "ssh".to_owned(),
            ..v1::ReportConnectionRequest::default()
        };
        site.tell(|tx, agent| reports::connection(tx, agent, &report)).expect("let in");
    }
    assert_eq!(site.tell(|tx, agent| Ok(agent_connections::count(tx, agent.number)?)).expect("let in"), (1_000, 1_000));
}

#[test]
fn what_an_agent_has_found_out_about_its_machine_is_seen() {
    let site = Site::new();
    let startup = |version: &str| v1::UpdateStartupRequest {
        version: version.to_owned(),
        expanded_directory: "/home/me/work".to_owned(),
        subsystems: vec![],
    };
    site.tell(|tx, agent| manifest::startup(tx, agent, &startup("1.2"))).expect("let in");
    let seen = site.seen();
    assert_eq!((seen.version.as_str(), seen.expanded_directory.as_str()), ("1.2", "/home/me/work"));
    let long = site.tell(|tx, agent| manifest::startup(tx, agent, &startup(&"x".repeat(129))));
    assert_refused(long, Code::InvalidArgument, "the agent's version is too big: 129 > 128");
}

//! Agents' log lines: each number once (A8), up to a limit, and as people read and follow them.

use std::time::Duration;

use groundhog_control::{operations::agent::logs, refusal::CallError};
use groundhog_wire::v1::{self, Transition};
use tonic::Code;

use crate::support::{
    World,
    agents::agent,
    replica::{Replica, by},
    world::{assert_refused, success},
};

const SOURCE: &str = "00000000-0000-4000-8000-000000000001";
const OTHER: &str = "00000000-0000-4000-8000-000000000002";

fn lines(from: u64, outputs: &[&str]) -> Vec<v1::AgentLogLine> {
    let line = |(sequence, output): (u64, &&str)| v1::AgentLogLine {
        sequence,
        created_at_ms: 5,
        level: v1::LogLevel::Info.into(),
        output: (*output).to_owned(),
    };
    (from..).zip(outputs).map(line).collect()
}

struct Site {
    world: World,
    session: String,
    agent: String,
}

impl Site {
    fn new() -> Self {
        let world = World::new();
        world.started("dev", vec![agent("token-1")]);
        let opened = world.by_token("token-1", groundhog_control::operations::agent::session::open).expect("known");
        world.record.take();
        Self { world, session: opened.session_token, agent: opened.agent_id }
    }

    fn send(&self, source: &str, process: &str, lines: Vec<v1::AgentLogLine>) -> Result<bool, CallError> {
        let request = v1::CreateLogsRequest { source_id: source.to_owned(), process_id: process.to_owned(), lines };
        let limits = &self.world.config.agents.logs;
        let answer = self.world.by_agent(&self.session, |tx, agent| logs::store(tx, agent, request, limits))?;
        Ok(answer.limit_exceeded)
    }

    fn page(&self, after_id: u64) -> Vec<v1::StoredAgentLogLine> {
        let limits = &self.world.config.agents.logs;
        self.world
            .by_agent(&self.session, |tx, agent| logs::page(tx, agent.number, after_id, limits))
            .expect("let in")
            .lines
    }

    fn outputs(&self) -> Vec<String> {
        self.page(0).into_iter().filter_map(|line| line.line).map(|line| line.output).collect()
    }
}

#[test]
fn each_number_of_a_source_and_process_is_stored_once() {
    let site = Site::new();
    site.send(SOURCE, OTHER, lines(1, &["a", "b"])).expect("let in");
    // The answer was lost, and the next report has more.
    site.send(SOURCE, OTHER, lines(1, &["a", "b", "c"])).expect("let in");
    site.send(SOURCE, OTHER, lines(2, &["b"])).expect("let in");
    site.send(OTHER, OTHER, lines(1, &["x"])).expect("another source");
    site.send(SOURCE, SOURCE, lines(1, &["anew"])).expect("another start of the process");
    assert_eq!(site.outputs(), ["a", "b", "c", "x", "anew"]);
    let told = site.world.record.take();
    let line = |source: &str, first: u64, last: u64, count: u64| {
        format!("agent.logs_stored agent=agent process=process source={source} first={first} last={last} lines={count}")
    };
    let expected = [line(SOURCE, 1, 2, 2), line(SOURCE, 3, 3, 1), line(OTHER, 1, 1, 1), line(SOURCE, 1, 1, 1)];
    assert_eq!(told, expected);
}

#[test]
fn a_loss_of_the_agents_is_no_reason_to_refuse_the_rest() {
    let site = Site::new();
    site.send(SOURCE, OTHER, lines(1, &["a"])).expect("let in");
    site.send(SOURCE, OTHER, lines(7, &["g"])).expect("the numbers between are lost for good");
    assert_eq!(site.outputs(), ["a", "g"]);
}

#[test]
fn what_can_not_be_meant_is_refused_and_nothing_of_it_kept() {
    let site = Site::new();
    let mut swapped = lines(1, &["a", "b"]);
    swapped.reverse();
    let cases = [
        (
            SOURCE,
            lines(0, &["zero"]),
            "log line number 0 after 0: expected growing ones, from 1 to 9223372036854775807",
        ),
        (SOURCE, swapped, "log line number 1 after 2: expected growing ones, from 1 to 9223372036854775807"),
        (SOURCE, lines(1, &["fine", "a\0b"]), "log line number 2 has a NUL in it: replace it"),
        ("main", lines(1, &["a"]), "the log's source id is not one: expected a UUID"),
    ];
    for (source, lines, text) in cases {
        assert_refused(site.send(source, OTHER, lines), Code::InvalidArgument, text);
    }
    assert_refused(
        site.send(SOURCE, "x", vec![]),
        Code::InvalidArgument,
        "the log's process id is not one: expected a UUID",
    );
    assert_eq!(site.outputs(), [""; 0]);
}

#[test]
fn exactly_a_mebibyte_fits_and_then_nothing_more_ever() {
    let site = Site::new();
    let half = "x".repeat(1 << 19);
    assert!(!site.send(SOURCE, OTHER, lines(1, &[&half, &half])).expect("let in"));
    assert!(!site.send(SOURCE, OTHER, lines(3, &[""])).expect("let in"), "an empty line takes up no byte");
    site.world.record.take();
    assert!(site.send(OTHER, OTHER, lines(1, &["", "y", ""])).expect("let in"));
    let told = site.world.record.take();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].ends_with("first=1 last=1 lines=1"));
    assert_eq!(told[1], "agent.logs_overflowed agent=agent");
    assert!(site.send(SOURCE, OTHER, lines(4, &[""])).expect("let in"));
    assert_eq!((site.world.record.take().len(), site.outputs().len()), (0, 4));
}

#[test]
fn lines_are_bounded_too() {
    let mut site = Site::new();
    site.world.config.agents.logs.lines_max = 3;
    assert!(!site.send(SOURCE, OTHER, lines(1, &["", "", ""])).expect("let in"));
    assert!(site.send(SOURCE, OTHER, lines(4, &[""])).expect("let in"));
}

#[test]
fn a_log_is_read_in_pages_that_fit_a_message() {
    let mut site = Site::new();
    site.world.config.agents.logs.bytes_max = u64::MAX;
    let big = "x".repeat(1 << 20);
    for at in 0..5 {
        site.send(SOURCE, OTHER, lines(at * 3 + 1, &["", &big, ""])).expect("let in");
    }
    let (mut after, mut seen) = (0, Vec::new());
    loop {
        let page = site.page(after);
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 8, "two mebibytes");
        after = last.id;
        seen.extend(page.iter().map(|line| line.id));
    }
    assert_eq!(seen, (1..=15).collect::<Vec<_>>());
    site.world.config.agents.logs.page_lines_max = 2;
    assert_eq!(site.page(1).iter().map(|line| line.id).collect::<Vec<_>>(), [2, 3], "from within a report");
}

#[test]
fn a_follower_is_told_what_is_there_what_comes_and_the_end() {
    let site = Site::new();
    let replica = Replica::new(&site.world, |_| {});
    site.send(SOURCE, OTHER, lines(1, &["a"])).expect("let in");
    let request = v1::ListAgentLogsRequest { agent_id: site.agent.clone(), after_id: 0 };
    let mut people = replica.people();
    let follow = people.follow_agent_logs(by("alice-token", request.clone()));
    let mut pages = site.world.machine.block_on(follow).expect("it is alice's").into_inner();
    let next = |pages: &mut tonic::Streaming<v1::ListAgentLogsResponse>| {
        let page = site.world.next(pages)?.expect("all is well");
        Some(page.lines.into_iter().filter_map(|line| line.line).map(|line| line.output).collect::<Vec<_>>())
    };
    assert_eq!(next(&mut pages), Some(vec!["a".to_owned()]));
    site.send(SOURCE, OTHER, lines(2, &["b"])).expect("let in");
    assert_eq!(next(&mut pages), Some(vec!["b".to_owned()]), "word came from another replica");
    let job = site.world.rebuilding("dev", Transition::Destroy);
    site.send(SOURCE, OTHER, lines(3, &["bye"])).expect("its stop scripts write");
    site.world.complete("prov-1", &success(job, b"")).expect("it runs");
    assert_eq!(next(&mut pages), Some(vec!["bye".to_owned()]));
    site.world.advance(Duration::from_secs(30));
    assert!(site.world.is_over(&mut pages));
    assert_eq!(replica.followers.count(), 0);
    let list = people.list_agent_logs(by("bob-token", request));
    assert_eq!(site.world.machine.block_on(list).expect_err("it is alice's").code(), Code::NotFound);
}

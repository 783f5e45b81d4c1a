//! An agent's presence, by its Connect call, and what people see of it.

use std::time::Duration;

use groundhog_wire::v1::{self, AgentStatus, Transition};
use tokio::sync::mpsc;
use tonic::{Code, Streaming};

use crate::support::{
    World,
    agents::agent,
    replica::{Replica, by, requests},
    world::success,
};

const SECOND: Duration = Duration::from_secs(1);

struct Site {
    world: World,
    replica: Replica,
}

/// One Connect call.
struct Connection {
    requests: mpsc::Sender<v1::ConnectRequest>,
    answers: Streaming<v1::ConnectResponse>,
}

impl Site {
    fn new() -> Self {
        let world = World::new();
        let replica = Replica::new(&world, |_| {});
        world.started("dev", vec![agent("token-1")]);
        Self { world, replica }
    }

    fn session(&self) -> String {
        let request = by("token-1", v1::OpenSessionRequest {});
        let opened = self.world.machine.block_on(self.replica.agents().open_session(request));
        opened.expect("it is known").into_inner().session_token
    }

    fn connect(&self, session: &str) -> Connection {
        let (sender, stream) = requests();
        sender.try_send(v1::ConnectRequest { beat: false }).expect("there is room");
        let answers = self.world.machine.block_on(self.replica.agents().connect(by(session, stream)));
        let mut answers = answers.expect("it is let in").into_inner();
        let first = self.world.next(&mut answers).expect("there is one").expect("all is well");
        assert_eq!(first.beat_interval_ms, 15_000);
        Connection { requests: sender, answers }
    }

    fn beat(&self, connection: &Connection) {
        connection.requests.try_send(v1::ConnectRequest { beat: true }).expect("the call is open");
        self.world.machine.settle();
    }

    /// How the call ended.
    fn end(&self, connection: &mut Connection) -> (Code, String) {
        let status = self.world.next(&mut connection.answers).expect("it ended").expect_err("with an error");
        (status.code(), status.message().to_owned())
    }

    fn seen(&self) -> v1::AgentView {
        let workspace = Some(v1::list_agents_request::Workspace::Name("dev".to_owned()));
        let request = by("alice-token", v1::ListAgentsRequest { workspace });
        let listed = self.world.machine.block_on(self.replica.people().list_agents(request));
        listed.expect("it is alice's").into_inner().agents.remove(0)
    }

    fn status(&self) -> AgentStatus {
        self.seen().status()
    }

    fn told(&self) -> Vec<String> {
        self.world.record.take().into_iter().filter(|line| line.starts_with("agent.")).collect()
    }
}

#[test]
fn an_agent_connects_beats_and_falls_silent() {
    let site = Site::new();
    assert_eq!(site.status(), AgentStatus::Connecting);
    let mut connection = site.connect(&site.session());
    site.told();
    for _ in 0..4 {
        site.world.advance(44 * SECOND);
        assert_eq!(site.status(), AgentStatus::Connected);
        site.beat(&connection);
        assert_eq!(site.told(), ["agent.beat agent=agent"]);
    }
    site.world.advance(45 * SECOND);
    assert_eq!(site.status(), AgentStatus::Disconnected);
    assert_eq!(site.told(), ["agent.offline agent=agent why=nothing was heard of the agent"]);
    assert_eq!(site.end(&mut connection).0, Code::DeadlineExceeded);
    let _back = site.connect(&site.session());
    assert_eq!(site.status(), AgentStatus::Connected);
}

#[test]
fn an_agent_that_never_connects_is_given_up_in_time_and_welcome_later() {
    let site = Site::new();
    site.world.machine.jump(120 * SECOND);
    assert_eq!(site.status(), AgentStatus::Connecting);
    site.world.machine.jump(Duration::from_millis(1));
    assert_eq!(site.status(), AgentStatus::TimedOut);
    let _late = site.connect(&site.session());
    assert_eq!(site.status(), AgentStatus::Connected);
}

#[test]
fn a_hang_up_is_noticed_at_once() {
    let site = Site::new();
    let connection = site.connect(&site.session());
    drop(connection);
    site.world.machine.settle();
    assert_eq!(site.status(), AgentStatus::Disconnected);
    assert!(site.seen().disconnected_at_ms.is_some());
    assert_eq!(site.told().last().expect("told"), "agent.offline agent=agent why=the agent hung up");
}

#[test]
fn a_newer_connection_takes_over_and_the_older_ones_end_changes_nothing() {
    let site = Site::new();
    let session = site.session();
    let mut older = site.connect(&session);
    let newer = site.connect(&session);
    site.told();
    site.beat(&older);
    let text = "a newer connection of this agent has taken over".to_owned();
    assert_eq!(site.end(&mut older), (Code::Aborted, text));
    assert_eq!((site.status(), site.told().len()), (AgentStatus::Connected, 0));
    drop(newer);
    site.world.machine.settle();
    assert_eq!(site.status(), AgentStatus::Disconnected);
}

#[test]
fn the_agent_of_an_outdated_build_is_sent_away_with_its_next_beat_and_its_other_calls_with_it() {
    let site = Site::new();
    let session = site.session();
    let mut connection = site.connect(&session);
    let mut agents = site.replica.agents();
    let relays = agents.watch_relay_map(by(&session, v1::WatchRelayMapRequest {}));
    let mut relays = site.world.machine.block_on(relays).expect("it is let in").into_inner();
    assert!(site.world.next(&mut relays).expect("at once").is_ok());
    let job = site.world.rebuilding("dev", Transition::Stop);
    site.beat(&connection);
    assert!(site.world.next(&mut connection.answers).is_none(), "a stop runs");
    site.world.complete("prov-1", &success(job, b"")).expect("it runs");
    site.beat(&connection);
    let outdated = (Code::Unauthenticated, "build is outdated".to_owned());
    assert_eq!(site.end(&mut connection), outdated);
    let status = site.world.next(&mut relays).expect("it ended").expect_err("with an error");
    assert_eq!((status.code(), status.message().to_owned()), outdated);
    assert!(site.told().contains(&"agent.offline agent=agent why=its build is outdated".to_owned()));
    assert_eq!(site.replica.followers.count(), 0);
}

#[test]
fn a_control_plane_that_stops_says_so() {
    let site = Site::new();
    let mut connection = site.connect(&site.session());
    site.replica.stop.cancel();
    assert_eq!(site.end(&mut connection).0, Code::Unavailable);
}

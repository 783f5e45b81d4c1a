//! A workspace on a real machine: the components that scenarios simulate, on sockets, processes, files and the clock.

#![allow(clippy::disallowed_methods, reason = "this test is the program that makes machines and starts a runtime")]

use std::{net::Ipv4Addr, path::Path, sync::Arc, time::Duration};

use groundhog_agent::AgentConfig;
use groundhog_control::{Config, DaemonKeySetup, Database, Role, Setup, TemplateSetup, UserSetup};
use groundhog_host::{
    Address, Command, Host, Listener, Stream,
    live::{Directory, LiveConfig, LiveMachine},
};
use groundhog_provisioner::{Daemon, DaemonConfig, Scripted, scripted};
use groundhog_tunnel::{Ending, PortForward, Tunnel, TunnelConfig, Workspace};
use groundhog_wire::{
    Channel, ChannelConfig, DaemonName, Identity, Limited, Secret,
    chunks::{ChunkPath, chunks},
    resumable::open_over,
    terminal::{Init, Input},
    v1::{
        self, coordinate_request::Kind, jobs_client::JobsClient, workspace_agents_client::WorkspaceAgentsClient,
        workspaces_client::WorkspacesClient,
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::{mpsc, oneshot},
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// A template whose agent runs one script when it starts, and one when it stops.
const TEMPLATE: &str = r#"{ "agents": [{ "name": "main", "scripts": [
    { "name": "set-up", "script": "echo prepared; echo made > made", "run_on_start": true },
    { "name": "tear-down", "script": "echo cleaned > cleaned", "run_on_stop": true } ] }] }"#;

/// The control plane is this relay.
const RELAY: u32 = 1;

/// How long anything here may take: a machine that is busy with other tests is slow, and one that hangs hangs for ever.
const PATIENCE: Duration = Duration::from_mins(1);

/// Machines of one test, each with a loopback address of its own, so that the platform's ports are free on each.
struct Machines {
    directory: Directory,
    folder: tempfile::TempDir,
    made: u8,
}

impl Machines {
    fn make(&mut self, name: &str) -> LiveMachine {
        self.made += 1;
        // Other processes may run the same test at the same time.
        let [low, high, ..] = std::process::id().to_le_bytes();
        let mut config = LiveConfig::new(self.folder.path().join(name));
        config.bind = Ipv4Addr::new(127, 100 + (high & 0x3f), low, self.made).into();
        config.directory = self.directory.clone();
        LiveMachine::new(name, config).expect("a machine")
    }
}

/// Writes the program that "makes" a machine: it notes the token for the test, which plays the cloud.
async fn install_cloud(host: &Host, folder: &Path) -> String {
    let program = folder.join("machine");
    let text = format!("#!/bin/sh\nprintf %s \"$AGENT_TOKEN\" > {}/$2.$1\n", folder.display());
    // By another process: see the provisioner's tests of sessions.
    let install = r#"printf %s "$0" > "$1" && chmod 755 "$1""#;
    let command = Command::new("sh").argument("-c").argument(install).argument(text);
    let mut installer = host.start(command.argument(program.display().to_string())).await.expect("a shell");
    assert!(installer.wait().await.is_ok_and(|exit| exit.success()));
    program.display().to_string()
}

fn setup(session: &Secret, key: &Secret) -> Setup {
    Setup {
        users: vec![UserSetup {
            name: "alice".to_owned(),
            token: session.clone(),
            role: Role::Member,
            token_expires_at_ms: None,
        }],
        groups: vec![],
        templates: vec![TemplateSetup {
            name: "vm".to_owned(),
            version: "v1".to_owned(),
            provisioner_type: scripted::TYPE.to_owned(),
            source: TEMPLATE.into(),
            ..TemplateSetup::default()
        }],
        daemon_keys: vec![DaemonKeySetup { name: "key".to_owned(), key: key.clone() }],
        ..Setup::default()
    }
}

/// What Alice has in hand.
struct Alice {
    host: Host,
    channel: Channel,
}

impl Alice {
    fn agents(&self) -> WorkspaceAgentsClient<Channel> {
        WorkspaceAgentsClient::new(self.channel.clone()).limited()
    }

    /// Makes a workspace, and waits until its build has ended.
    async fn create_workspace(&self) {
        let request =
            v1::CreateWorkspaceRequest { name: "dev".to_owned(), template: "vm".to_owned(), ..Default::default() };
        let mut workspaces = WorkspacesClient::new(self.channel.clone()).limited();
        let job_id = workspaces.create_workspace(request).await.expect("a workspace").into_inner().job_id;
        let mut jobs = JobsClient::new(self.channel.clone()).limited();
        let request = v1::FollowLogsRequest { job_id: job_id.clone(), after_id: 0 };
        let mut pages = jobs.follow_logs(request).await.expect("a log").into_inner();
        while pages.message().await.expect("a log").is_some_and(|page| !page.end_of_logs) {}
        let job = jobs.get_job(v1::GetJobRequest { job_id }).await.expect("a job").into_inner();
        assert_eq!((job.status(), job.error.as_str()), (v1::JobStatus::Succeeded, ""));
    }

    async fn agent(&self) -> v1::AgentView {
        let workspace = Some(v1::list_agents_request::Workspace::Name("dev".to_owned()));
        let list = self.agents().list_agents(v1::ListAgentsRequest { workspace }).await.expect("a list").into_inner();
        list.agents.into_iter().next().expect("an agent")
    }

    /// The agent, once it has come to `state`.
    async fn agent_in(&self, state: v1::AgentLifecycle) -> v1::AgentView {
        loop {
            let agent = self.agent().await;
            if agent.lifecycle() == state {
                return agent;
            }
            self.host.sleep(Duration::from_millis(20)).await;
        }
    }

    /// The first lines of the agent's log.
    async fn log(&self, agent: &v1::AgentView) -> Vec<String> {
        let request = v1::ListAgentLogsRequest { agent_id: agent.agent_id.clone(), after_id: 0 };
        let mut pages = self.agents().follow_agent_logs(request).await.expect("a log").into_inner();
        loop {
            let page = pages.message().await.expect("a log").expect("a page");
            if !page.lines.is_empty() {
                return page.lines.into_iter().filter_map(|line| Some(line.line?.output)).collect();
            }
        }
    }

    /// Where the agent is, and what to say to it; good as long as what is given besides is kept.
    async fn tunnel(&self, agent: &v1::AgentView) -> (Address, v1::PeerHello, Kept) {
        let peer_id = Uuid::from_u128(7).to_string();
        let (requests, receiver) = mpsc::channel(4);
        let introduce = Kind::Introduce(v1::Introduce { peer_id: peer_id.clone() });
        let tunnel = Kind::AddTunnel(v1::AddTunnel { agent_id: agent.agent_id.clone() });
        for kind in [introduce, tunnel] {
            requests.send(v1::CoordinateRequest { kind: Some(kind) }).await.expect("room for two");
        }
        let answers = self.agents().coordinate_client(ReceiverStream::new(receiver)).await;
        let mut answers = answers.expect("coordination").into_inner();
        loop {
            let answer = answers.message().await.expect("an answer").expect("an answer");
            for update in answer.updates {
                // Until it listens at the relay too it has not said all of where it is.
                if let (v1::peer_update::Kind::Node, Some(node)) = (update.kind(), &update.node)
                    && node.relay == RELAY
                {
                    let address = node.endpoints[0].parse().expect("an address");
                    let port = groundhog_wire::agent_port::TERMINAL;
                    let kept = Kept { _requests: requests, _answers: answers };
                    return (
                        address,
                        v1::PeerHello { peer_id, secret: update.secret, port, ..Default::default() },
                        kept,
                    );
                }
            }
        }
    }
}

impl Alice {
    /// A path to the agent that does not go straight to it, but over the control plane.
    async fn relayed(&self, agent: &v1::AgentView, hello: &v1::PeerHello) -> Stream {
        let map = self.agents().get_relay_map(v1::GetRelayMapRequest {}).await.expect("a map").into_inner();
        assert_eq!(map.relays.iter().map(|relay| relay.id).collect::<Vec<_>>(), [RELAY]);
        let visit = v1::VisitAgent { peer_id: hello.peer_id.clone(), agent_id: agent.agent_id.clone() };
        let (chunks, writer) = chunks(v1::relay_chunk::Kind::Visit(visit));
        let answer = self.agents().visit_agent(chunks).await.expect("a relay").into_inner();
        Stream::new(ChunkPath::new(writer, answer), "relay")
    }
}

/// Alice's end of coordination, which she leaves by dropping it.
struct Kept {
    _requests: mpsc::Sender<v1::CoordinateRequest>,
    _answers: tonic::Streaming<v1::CoordinateResponse>,
}

/// A terminal, with all that was seen in it.
struct Terminal {
    stream: Stream,
    seen: String,
}

impl Terminal {
    async fn open(host: &Host, to: &Address, hello: &v1::PeerHello) -> Self {
        let path = host.connect(to).await.expect("the agent listens");
        Self::over(host, path, to, hello).await
    }

    async fn over(host: &Host, path: Stream, to: &Address, hello: &v1::PeerHello) -> Self {
        let stream = open_over(host, path, hello.clone()).await.expect("the agent knows of the tunnel");
        let mut stream = Stream::new(stream, to.host.clone());
        let init = Init { id: Uuid::from_u128(1), height: 24, width: 80, command: String::new() };
        init.write(&mut stream).await.expect("the agent is there");
        Self { stream, seen: String::new() }
    }

    async fn type_line(&mut self, line: &str) {
        let input = Input { data: format!("{line}\n"), ..Input::default() };
        input.write(&mut self.stream).await.expect("the agent is there");
    }

    /// Reads until `text` was seen; false if the terminal ended before.
    async fn sees(&mut self, text: &str) -> bool {
        let mut buffer = [0; 1_024];
        while !self.seen.contains(text) {
            match self.stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return false,
                Ok(count) => self.seen.push_str(&String::from_utf8_lossy(&buffer[..count])),
            }
        }
        true
    }
}

#[test]
fn an_agent_on_a_real_machine_runs_its_scripts_shows_its_terminal_again_and_is_reached_by_a_tunnel() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        tokio::time::timeout(PATIENCE, story()).await.expect("a story that ends");
    });
}

/// Gives the next one who comes everything back.
async fn echo_once(mut listener: Listener) {
    let stream = listener.accept().await.expect("somebody comes");
    let (mut from, mut to) = tokio::io::split(stream);
    tokio::io::copy(&mut from, &mut to).await.expect("both ends are there");
    to.shutdown().await.expect("both ends are there");
}

async fn story() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut machines = Machines { directory: Directory::new(), folder, made: 0 };
    let folder = machines.folder.path().to_owned();
    let [control, builder, workspace, desk] = ["control", "prov-1", "dev.main", "desk"].map(|name| machines.make(name));
    let secret = |number: u128| Secret::new(Uuid::from_u128(number).to_string()).expect("a token");
    let (session, key) = (secret(2), secret(3));

    // The control plane over a database in a file, and a daemon.
    let database = Database::open(folder.join("control.sqlite")).expect("a database");
    database.set_up(&setup(&session, &key), &mut control.host().random("set-up"), 0).expect("a set-up");
    let (shutdown, host) = (CancellationToken::new(), control.host());
    let stop = shutdown.clone();
    let endpoints = vec![format!("control:{}", groundhog_control::config::PORT)];
    let mut config = Config::default();
    config.agents.relay = RELAY;
    config.agents.relays = vec![v1::Relay { id: RELAY, name: "control".to_owned(), endpoints }];
    let serving = control.host().spawn("control", async move {
        groundhog_control::run(host, database, config, stop).await.expect("the port is free");
    });
    let address = Address::new("control", groundhog_control::config::PORT);
    let machine = Some(install_cloud(&builder.host(), &folder).await);
    let daemon = DaemonConfig::new(DaemonName::new("prov-1").expect("a name"), address.clone(), key);
    let daemon = Daemon::start(&builder.host(), daemon, Arc::new(Scripted { machine, refuses: None }));

    let channel =
        Channel::new(&desk.host(), address.clone(), Identity::user(session.clone()), ChannelConfig::default());
    let alice = Alice { host: desk.host(), channel };
    alice.create_workspace().await;

    // The machine that the build has asked for, with the agent on it.
    let token = std::fs::read_to_string(folder.join("dev.main.create")).expect("a machine was made");
    let home = folder.join("home");
    std::fs::create_dir(&home).expect("a home");
    let config = AgentConfig {
        process_environment: std::env::vars().filter(|(name, _)| name == "PATH").collect(),
        ..AgentConfig::new(address.clone(), Secret::new(token).expect("a token"), home.display().to_string())
    };
    let (off, host) = (CancellationToken::new(), workspace.host());
    let (stop, (gone, is_gone)) = (off.clone(), oneshot::channel());
    let running = workspace.host().spawn("agent", async move {
        groundhog_agent::run(host, config, stop).await;
        // The test waits for it; if it has gone, nobody does.
        let _ = gone.send(());
    });

    let agent = alice.agent_in(v1::AgentLifecycle::Ready).await;
    assert_eq!(agent.status(), v1::AgentStatus::Connected);
    assert_eq!(std::fs::read_to_string(home.join("made")).expect("a file"), "made\n");
    assert_eq!(alice.log(&agent).await, ["prepared"]);

    // A real terminal: what the shell answers is not what was typed.
    let (to, hello, coordination) = alice.tunnel(&agent).await;
    let mut terminal = Terminal::open(&alice.host, &to, &hello).await;
    terminal.type_line("stty size; echo answer-$((40 + 2))").await;
    assert!(terminal.sees("answer-42").await, "{:?}", terminal.seen);
    assert!(terminal.seen.contains("24 80"), "{:?}", terminal.seen);
    drop(terminal);

    // Whoever comes back sees what was there, and the same shell.
    let mut terminal = Terminal::open(&alice.host, &to, &hello).await;
    assert!(terminal.sees("answer-42").await, "{:?}", terminal.seen);
    terminal.type_line("exit").await;
    assert!(!terminal.sees("never seen").await, "the session ended with its shell");

    // Nobody has to reach the machine for it: the control plane passes on what is said.
    let path = alice.relayed(&agent, &hello).await;
    let mut terminal = Terminal::over(&alice.host, path, &to, &hello).await;
    terminal.type_line("echo answer-$((40 + 3))").await;
    assert!(terminal.sees("answer-43").await, "{:?}", terminal.seen);
    terminal.type_line("exit").await;
    assert!(!terminal.sees("never seen").await, "the session ended with its shell");

    // All of that is done by a tunnel: a port of the desk is one of the machine's.
    let echo = workspace.host().listen(0).await.expect("a port");
    let forward = Arc::new(PortForward::new(&alice.host, 0, echo.port()));
    let config = TunnelConfig::new(address, session, Workspace::Name("dev".to_owned()));
    let tunnel = Tunnel::open(&alice.host, config, forward.clone());
    let echoing = workspace.host().spawn("echo", echo_once(echo));
    let mut stream = loop {
        // Once the tunnel is up there is something to connect to.
        match forward.local_port() {
            Some(port) => break alice.host.connect(&Address::new("desk", port)).await.expect("the forward listens"),
            None => alice.host.sleep(Duration::from_millis(20)).await,
        }
    };
    stream.write_all(b"there and back").await.expect("the tunnel is up");
    stream.shutdown().await.expect("the tunnel is up");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("the tunnel is up");
    assert_eq!(answer, "there and back");
    echoing.await;
    tunnel.shut_down(PATIENCE).await.expect("it ends in time");
    assert_eq!(tunnel.ended().await, Ending::Interrupted);

    // And without a tunnel nobody is let in.
    let stranger = alice.host.connect(&to).await.expect("the agent listens");
    let lie = v1::PeerHello { secret: "a guess".to_owned(), ..hello };
    assert!(open_over(&alice.host, stranger, lie).await.is_err());
    drop(coordination);

    off.cancel();
    is_gone.await.expect("the agent closes");
    assert_eq!(std::fs::read_to_string(home.join("cleaned")).expect("a file"), "cleaned\n");
    let told: Vec<_> = alice.agent().await.lifecycles.iter().map(v1::UpdateLifecycleRequest::state).collect();
    let expected = [
        v1::AgentLifecycle::Starting,
        v1::AgentLifecycle::Ready,
        v1::AgentLifecycle::ShuttingDown,
        v1::AgentLifecycle::Off,
    ];
    assert_eq!(told, expected);

    daemon.shutdown(false).await;
    shutdown.cancel();
    running.await;
    serving.await;
    for machine in [desk, workspace, builder, control] {
        machine.stop().await;
    }
}

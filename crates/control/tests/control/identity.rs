//! Every call of every service, by who makes it.
//!
//! The calls are made as bytes, by the path that a client would use, so that one table has them all, streams included.
//! The list of calls is held against the protocol's own: a call that is added there and not here fails the test.

use std::collections::BTreeSet;

use bytes::{BufMut, Bytes, BytesMut};
use groundhog_control::{
    AcquireConfig,
    followers::Followers,
    metrics::Metrics,
    operations::{agent::session, chat},
    server::routes,
    store::templates,
};
use groundhog_wire::{Routes, id::JobId, v1};
use http_body_util::Full;
use prost::Message;
use tokio_util::sync::CancellationToken;
use tonic::{Code, body::Body};

use crate::support::{
    World,
    agents::agent,
    machine::START_MS,
    world::{by_name, failure, new_build, new_workspace, success},
};

/// Who calls.
#[derive(Clone, Copy, Debug)]
struct Who {
    about: &'static str,
    token: Option<&'static str>,
    daemon: Option<&'static str>,
}

const fn who(about: &'static str, token: Option<&'static str>, daemon: Option<&'static str>) -> Who {
    Who { about, token, daemon }
}

/// What a call asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum For {
    /// A daemon.
    Daemons,
    /// The daemon that has the job.
    JobsDaemon,
    /// Anybody with a session.
    People,
    /// The workspace's owner; its name means nothing to others, an administrator included.
    Owner,
    /// The chat's owner; an administrator sees it, and does not say what its workspace is.
    ChatsOwner,
    /// Who asked for the job or owns its workspace, and administrators.
    JobsOwner,
    /// Who asked for the dry run, and administrators.
    Asker,
    /// Administrators.
    Admins,
    /// Whoever looks after templates.
    TemplateAdmins,
    /// The account that builds ahead, and administrators.
    Claimers,
    /// The workspace's owner, and administrators.
    OwnerOrAdmins,
    /// An agent, by its own token.
    Agents,
    /// An agent, by its session.
    AgentSessions,
}

struct Call {
    path: &'static str,
    who: For,
    message: Vec<u8>,
}

fn call(path: &'static str, who: For, message: &impl Message) -> Call {
    Call { path, who, message: message.encode_to_vec() }
}

/// The ids of what calls are about.
#[derive(Clone, Copy, Debug)]
struct Things<'a> {
    dry_run: &'a str,
    /// alice's workspace "lab", which has an agent.
    workspace: &'a str,
    agent: &'a str,
    /// A workspace that was built ahead.
    ahead: &'a str,
    /// alice's.
    chat: &'a str,
    template: &'a str,
}

/// Every call, about things of alice's: a workspace "dev" whose build `job` the daemon prov-1 has, and a workspace
/// "lab" that has an agent; and about a workspace that was built ahead.
fn calls(job: JobId, things: &Things<'_>) -> Vec<Call> {
    let Things { dry_run, workspace, agent, ahead, chat, template } = *things;
    let job_id = job.to_string();
    let version = Some(v1::VersionSelector { template: "plain".to_owned(), version: "v1".to_owned() });
    let want = v1::Want { provisioner_types: vec!["scripted".to_owned()], tags: [].into() };
    let want = v1::AcquireJobRequest { kind: Some(v1::acquire_job_request::Kind::Want(want)) };
    let new_version = v1::CreateVersionRequest {
        template: "new".to_owned(),
        version: "v1".to_owned(),
        provisioner_type: "scripted".to_owned(),
        ..v1::CreateVersionRequest::default()
    };
    let dry_run_of = v1::CreateDryRunRequest { version: version.clone(), ..v1::CreateDryRunRequest::default() };
    let logs = v1::ListBuildLogsRequest { build: by_name("dev"), after_id: 0, limit: 0 };
    let get = v1::GetWorkspaceRequest { workspace: "dev".to_owned(), ..v1::GetWorkspaceRequest::default() };
    let of_alice = v1::ListWorkspacesRequest { owner: "alice".to_owned() };
    let mut calls = vec![
        call("ProvisionerDaemons/AcquireJob", For::Daemons, &want),
        call("ProvisionerDaemons/UpdateJob", For::JobsDaemon, &crate::support::world::update(job)),
        call(
            "ProvisionerDaemons/CommitQuota",
            For::JobsDaemon,
            &v1::CommitQuotaRequest { job_id: job_id.clone(), daily_cost: 1 },
        ),
        call("ProvisionerDaemons/FailJob", For::JobsDaemon, &failure(job, "x", None)),
        call("ProvisionerDaemons/CompleteJob", For::JobsDaemon, &success(job, b"")),
        call("Workspaces/CreateWorkspace", For::People, &new_workspace("another", "plain")),
        call("Workspaces/CreateBuild", For::Owner, &new_build("dev", v1::Transition::Stop)),
        call("Workspaces/CancelBuild", For::Owner, &v1::CancelBuildRequest { build: by_name("dev"), expect_status: 0 }),
        call("Workspaces/GetBuild", For::Owner, &v1::GetBuildRequest { build: by_name("dev") }),
        call("Workspaces/ListBuildLogs", For::Owner, &logs),
        call("Workspaces/GetWorkspace", For::Owner, &get),
        call("Workspaces/ListWorkspaces", For::OwnerOrAdmins, &of_alice),
        call("Templates/CreateVersion", For::TemplateAdmins, &new_version),
        call("Templates/GetVersion", For::People, &v1::GetVersionRequest { version: version.clone() }),
        call("Templates/ActivateVersion", For::TemplateAdmins, &v1::ActivateVersionRequest { version }),
        call("Templates/CreateDryRun", For::TemplateAdmins, &dry_run_of),
        call("Templates/GetDryRun", For::Asker, &v1::GetDryRunRequest { dry_run_id: dry_run.to_owned() }),
        call(
            "Templates/UpdateTemplate",
            For::TemplateAdmins,
            &v1::UpdateTemplateRequest { template: "plain".to_owned(), ..v1::UpdateTemplateRequest::default() },
        ),
        call(
            "Templates/DeprecateTemplate",
            For::TemplateAdmins,
            &v1::DeprecateTemplateRequest { template: "gpu".to_owned(), message: "old".to_owned() },
        ),
        call(
            "Templates/DeleteTemplate",
            For::TemplateAdmins,
            &v1::DeleteTemplateRequest { template: "huge".to_owned() },
        ),
        call(
            "Templates/InvalidatePrebuilds",
            For::TemplateAdmins,
            &v1::InvalidatePrebuildsRequest { template: "plain".to_owned() },
        ),
        call(
            "Templates/ListPresets",
            For::People,
            &v1::ListPresetsRequest {
                version: Some(v1::VersionSelector { template: "plain".to_owned(), version: "v1".to_owned() }),
            },
        ),
        call("Templates/ListNotifications", For::People, &v1::ListNotificationsRequest { after_id: 0, limit: 0 }),
        call("Jobs/GetJob", For::JobsOwner, &v1::GetJobRequest { job_id: job_id.clone() }),
        call("Jobs/CancelJob", For::JobsOwner, &v1::CancelJobRequest { job_id: job_id.clone(), expect_status: 0 }),
        call("Jobs/FollowLogs", For::JobsOwner, &v1::FollowLogsRequest { job_id, after_id: 0 }),
        call("Administration/ListDaemons", For::Admins, &v1::ListDaemonsRequest {}),
        call("Administration/DeleteDaemonKey", For::Admins, &v1::DeleteDaemonKeyRequest { key: "shared".to_owned() }),
        call("Administration/ListUsers", For::Admins, &v1::ListUsersRequest::default()),
        call("Administration/GetPrebuildsSettings", For::Admins, &v1::GetPrebuildsSettingsRequest {}),
        call("Administration/SetPrebuildsSettings", For::Admins, &v1::PrebuildsSettings { paused: true }),
        call("Administration/ListAuditEntries", For::Admins, &v1::ListAuditEntriesRequest { after_id: 0, limit: 0 }),
        call("Administration/GetMetrics", For::Admins, &v1::GetMetricsRequest { prefix: "none".to_owned() }),
    ];
    calls.extend(calls_about_agents(agent, ahead));
    calls.extend(calls_about_the_clock(workspace));
    calls.extend(calls_about_chats(workspace, chat, template));
    calls
}

fn calls_about_agents(agent: &str, ahead: &str) -> Vec<Call> {
    let claim = v1::ClaimWorkspaceRequest {
        workspace_id: ahead.to_owned(),
        owner: "bob".to_owned(),
        ..v1::ClaimWorkspaceRequest::default()
    };
    let lab = v1::list_agents_request::Workspace::Name("lab".to_owned());
    let watched = v1::watch_connection_request::Workspace::Name("lab".to_owned());
    let watch = v1::WatchConnectionRequest { workspace: Some(watched), agent_name: String::new() };
    let logs = v1::ListAgentLogsRequest { agent_id: agent.to_owned(), after_id: 0 };
    let uuid = "00000000-0000-4000-8000-000000000001".to_owned();
    let introduce = v1::coordinate_request::Kind::Introduce(v1::Introduce { peer_id: uuid.clone() });
    let node = v1::coordinate_request::Kind::UpdateSelf(v1::Node::default());
    let lines = v1::CreateLogsRequest { source_id: uuid.clone(), process_id: uuid.clone(), lines: vec![] };
    let starting = v1::UpdateLifecycleRequest { state: v1::AgentLifecycle::Starting.into(), changed_at_ms: 1 };
    let connection = v1::ReportConnectionRequest {
        connection_id: uuid,
        action: v1::report_connection_request::Action::Connect.into(),
        r#type: "reconnecting_pty".to_owned(),
        ..v1::ReportConnectionRequest::default()
    };
    let session = For::AgentSessions;
    vec![
        call("Workspaces/ClaimWorkspace", For::Claimers, &claim),
        call("WorkspaceAgents/ListAgents", For::Owner, &v1::ListAgentsRequest { workspace: Some(lab) }),
        call("WorkspaceAgents/GetAgent", For::OwnerOrAdmins, &v1::GetAgentRequest { agent_id: agent.to_owned() }),
        call("WorkspaceAgents/ListAgentLogs", For::OwnerOrAdmins, &logs),
        call("WorkspaceAgents/FollowAgentLogs", For::OwnerOrAdmins, &logs),
        call("WorkspaceAgents/CoordinateClient", For::People, &v1::CoordinateRequest { kind: Some(introduce) }),
        call("WorkspaceAgents/GetRelayMap", For::People, &v1::GetRelayMapRequest {}),
        call("WorkspaceAgents/VisitAgent", For::People, &v1::RelayChunk { kind: None }),
        call("WorkspaceAgents/WatchConnection", For::Owner, &watch),
        call("Agents/OpenSession", For::Agents, &v1::OpenSessionRequest {}),
        call("Agents/Connect", session, &v1::ConnectRequest { beat: false }),
        call("Agents/GetManifest", session, &v1::GetManifestRequest {}),
        call("Agents/UpdateStartup", session, &v1::UpdateStartupRequest::default()),
        call("Agents/UpdateLifecycle", session, &starting),
        call("Agents/CreateLogs", session, &lines),
        call("Agents/UpdateMetadata", session, &v1::UpdateMetadataRequest::default()),
        call("Agents/GetBanners", session, &v1::GetBannersRequest {}),
        call("Agents/UpdateStats", session, &v1::UpdateStatsRequest::default()),
        call("Agents/UpdateAppHealths", session, &v1::UpdateAppHealthsRequest::default()),
        call("Agents/ReportConnection", session, &connection),
        call("Agents/ScriptCompleted", session, &v1::ScriptCompletedRequest::default()),
        call("Agents/CoordinateAgent", session, &v1::CoordinateRequest { kind: Some(node) }),
        call("Agents/WatchRelayMap", session, &v1::WatchRelayMapRequest {}),
        call("Agents/ListenRelay", session, &v1::ListenRelayRequest {}),
        call("Agents/AcceptRelayVisit", session, &v1::RelayChunk { kind: None }),
        call("Agents/WatchReinitialization", session, &v1::WatchReinitializationRequest {}),
    ]
}

fn calls_about_the_clock(workspace: &str) -> Vec<Call> {
    let (workspace_id, who) = (workspace.to_owned(), For::OwnerOrAdmins);
    let autostart = v1::SetAutostartRequest { workspace_id: workspace_id.clone(), autostart: "0 9 * * *".to_owned() };
    let ttl = v1::SetTtlRequest { workspace_id: workspace_id.clone(), ttl_ms: 60_000 };
    let dormancy = v1::SetDormancyRequest { workspace_id: workspace_id.clone(), dormant: true };
    let deadline = v1::ExtendDeadlineRequest { workspace_id, deadline_at_ms: START_MS + 3_600_000 };
    vec![
        call("Workspaces/SetAutostart", who, &autostart),
        call("Workspaces/SetTtl", who, &ttl),
        // It has a deadline by now.
        call("Workspaces/ExtendDeadline", who, &deadline),
        call("Workspaces/SetDormancy", who, &dormancy),
    ]
}

fn calls_about_chats(workspace: &str, chat: &str, template: &str) -> Vec<Call> {
    let (chat_id, template_id) = (chat.to_owned(), template.to_owned());
    let bind = v1::BindChatRequest {
        chat_id: chat_id.clone(),
        workspace_id: workspace.to_owned(),
        attach: true,
        ..v1::BindChatRequest::default()
    };
    let template = v1::GetTemplateRequest { template_id: template_id.clone() };
    vec![
        call("Chats/CreateChat", For::People, &v1::CreateChatRequest::default()),
        call("Chats/GetChat", For::OwnerOrAdmins, &v1::GetChatRequest { chat_id }),
        call("Chats/BindChat", For::ChatsOwner, &bind),
        call("Chats/GetChatSettings", For::People, &v1::GetChatSettingsRequest {}),
        call("Chats/SetChatSettings", For::Admins, &v1::ChatSettings { workspace_ttl: "2h".to_owned() }),
        call("Workspaces/GetQuota", For::People, &v1::GetQuotaRequest::default()),
        call("Templates/ListTemplates", For::People, &v1::ListTemplatesRequest::default()),
        call("Templates/GetTemplate", For::People, &template),
        call("Templates/GetChoices", For::People, &v1::GetChoicesRequest { template_id }),
    ]
}

/// The calls that the protocol has: "Service/Method".
fn declared() -> BTreeSet<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../wire/proto/groundhog/v1");
    let mut calls = BTreeSet::new();
    for file in std::fs::read_dir(folder).expect("the protocol is there") {
        let text = std::fs::read_to_string(file.expect("it can be listed").path()).expect("it is text");
        let mut service = String::new();
        for line in text.lines().map(str::trim) {
            if let Some(rest) = line.strip_prefix("service ") {
                service = rest.split([' ', '{']).next().unwrap_or_default().to_owned();
            }
            if let Some(rest) = line.strip_prefix("rpc ") {
                calls.insert(format!("{service}/{}", rest.split('(').next().unwrap_or_default()));
            }
        }
    }
    calls
}

struct Site {
    world: World,
    routes: Routes,
    calls: Vec<Call>,
    /// The session of lab's agent.
    session: &'static str,
    stop: CancellationToken,
}

const AGENT_TOKEN: &str = "agent-token";

impl Site {
    fn new() -> Self {
        let world = World::new();
        let ahead = world.running("ahead", "pool", "prov-1");
        world.complete("prov-1", &success(ahead, b"")).expect("it runs");
        let ahead = world.latest("ahead", "pool").workspace_id;
        world.started("lab", vec![agent(AGENT_TOKEN)]);
        let opened = world.by_token(AGENT_TOKEN, session::open).expect("it is known");
        let job = world.running("alice", "dev", "prov-1");
        let dry_run = world.dry_run("root", "plain").expect("it is usable");
        let acquirer = world.acquirer(AcquireConfig::default());
        let stop = CancellationToken::new();
        let mut config = world.config.clone();
        config.agents.relay = 1;
        let routes =
            routes(&world.host, &world.store, &acquirer, &Followers::new(), &Metrics::default(), config, &stop);
        let lab = world.latest("alice", "lab").workspace_id;
        let chat = world.by_user("alice", |tx, user| chat::create(tx, user, &v1::CreateChatRequest::default()));
        let template = world.tx(|tx| Ok(templates::by_name(tx, "plain")?)).expect("works").expect("it was set up");
        let things = Things {
            dry_run: &dry_run.dry_run_id,
            workspace: &lab,
            agent: &opened.agent_id,
            ahead: &ahead,
            chat: &chat.expect("she may").chat_id,
            template: &template.to_string(),
        };
        let calls = calls(job, &things);
        Self { world, routes, calls, session: opened.session_token.leak(), stop }
    }

    /// The answer to a call, whose messages are still to come if it is a stream.
    fn answer(&self, call: &Call, who: Who) -> http::Response<Body> {
        let mut frame = BytesMut::new();
        frame.put_u8(0);
        frame.put_u32(u32::try_from(call.message.len()).expect("short"));
        frame.put_slice(&call.message);
        let mut request = http::Request::post(format!("/groundhog.v1.{}", call.path))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        if let Some(token) = who.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(daemon) = who.daemon {
            request = request.header("x-daemon-name", daemon);
        }
        let request = request.body(Body::new(Full::<Bytes>::new(frame.freeze()))).expect("sound");
        self.world.machine.block_on(self.routes.call(request))
    }

    /// The code that a call is answered with, before any of a stream's messages.
    fn code(&self, call: &Call, who: Who) -> Code {
        let response = self.answer(call, who);
        tonic::Status::from_header_map(response.headers()).map_or(Code::Ok, |status| status.code())
    }

    #[track_caller]
    fn check(&self, who: Who, expected: impl Fn(For) -> Code) {
        for call in &self.calls {
            self.world.record.take();
            let code = self.code(call, who);
            assert_eq!(code, expected(call.who), "{} by {}", call.path, who.about);
            let told = self.world.record.take();
            let refused = format!("rpc.refused method={} caller=", call.path.split('/').next_back().expect("a path"));
            assert_eq!(
                told.iter().any(|line| line.starts_with(&refused)),
                code != Code::Ok,
                "{} by {}: {told:?}",
                call.path,
                who.about
            );
        }
    }
}

const fn is_for_daemons(who: For) -> bool {
    matches!(who, For::Daemons | For::JobsDaemon)
}

const fn is_for_agents(who: For) -> bool {
    matches!(who, For::Agents | For::AgentSessions)
}

#[test]
fn the_table_has_every_call_of_the_protocol() {
    let site = Site::new();
    let listed: BTreeSet<_> = site.calls.iter().map(|call| call.path.to_owned()).collect();
    assert_eq!((listed.len(), &listed), (site.calls.len(), &declared()));
}

#[test]
fn nobody_and_strangers_are_refused_every_call() {
    let site = Site::new();
    for who in [
        who("nobody", None, None),
        who("a nameless nobody", None, Some("prov-1")),
        who("a stranger", Some("unknown"), None),
        who("a strange daemon", Some("unknown"), Some("prov-1")),
    ] {
        site.check(who, |_| Code::Unauthenticated);
    }
}

#[test]
fn an_expired_session_is_refused_every_call() {
    let site = Site::new();
    site.check(who("late", Some("late-token"), None), |call| {
        if is_for_daemons(call) || is_for_agents(call) { Code::PermissionDenied } else { Code::Unauthenticated }
    });
}

#[test]
fn a_token_of_the_wrong_kind_is_refused_every_call() {
    let site = Site::new();
    for who in [who("a daemon", Some("daemon-key"), Some("prov-1")), who("a key", Some("daemon-key"), None)] {
        let nameless = who.daemon.is_none();
        for call in site.calls.iter().filter(|call| nameless || !is_for_daemons(call.who)) {
            let expected = if is_for_daemons(call.who) { Code::Unauthenticated } else { Code::PermissionDenied };
            assert_eq!(site.code(call, who), expected, "{} by {}", call.path, who.about);
        }
    }
    for who in
        [who("a person", Some("root-token"), None), who("a person in disguise", Some("root-token"), Some("prov-1"))]
    {
        for call in site.calls.iter().filter(|call| is_for_daemons(call.who) || is_for_agents(call.who)) {
            assert_eq!(site.code(call, who), Code::PermissionDenied, "{} by {}", call.path, who.about);
        }
    }
    for name in [None, Some("prov-1")] {
        for call in &site.calls {
            let (token, session) =
                (who("an agent", Some(AGENT_TOKEN), name), who("an agent's session", Some(site.session), name));
            if call.who != For::Agents {
                assert_eq!(site.code(call, token), Code::PermissionDenied, "{} by {}", call.path, token.about);
            }
            if call.who != For::AgentSessions {
                assert_eq!(site.code(call, session), Code::PermissionDenied, "{} by {}", call.path, session.about);
            }
        }
    }
}

#[test]
fn what_is_anothers_is_refused() {
    let site = Site::new();
    for other in [who("bob", Some("bob-token"), None), who("the account that builds ahead", Some("ahead-token"), None)]
    {
        for call in site.calls.iter().filter(|call| !is_for_daemons(call.who)) {
            let expected = match call.who {
                For::Owner | For::ChatsOwner | For::JobsOwner | For::Asker | For::OwnerOrAdmins => Code::NotFound,
                For::Admins | For::TemplateAdmins => Code::PermissionDenied,
                For::Claimers if other.about == "bob" => Code::PermissionDenied,
                For::People | For::Claimers => Code::Ok,
                For::Daemons | For::JobsDaemon | For::Agents | For::AgentSessions => continue,
            };
            assert_eq!(site.code(call, other), expected, "{} by {}", call.path, other.about);
        }
    }
    let other = who("another daemon", Some("daemon-key"), Some("prov-2"));
    for call in site.calls.iter().filter(|call| is_for_daemons(call.who)) {
        let expected = if call.who == For::Daemons { Code::Ok } else { Code::PermissionDenied };
        assert_eq!(site.code(call, other), expected, "{} by {}", call.path, other.about);
    }
}

#[test]
fn a_deleted_key_is_refused_but_for_the_job_that_runs() {
    let site = Site::new();
    site.world.delete_key("shared");
    let (own, other) = (
        who("its daemon", Some("daemon-key"), Some("prov-1")),
        who("another daemon", Some("daemon-key"), Some("prov-2")),
    );
    for call in site.calls.iter().filter(|call| is_for_daemons(call.who)) {
        assert_eq!(site.code(call, other), Code::Unauthenticated, "{} by {}", call.path, other.about);
        let code = site.code(call, own);
        let expected = match call.path {
            "ProvisionerDaemons/AcquireJob" => Code::Unauthenticated,
            // After FailJob, which is just before it in the table.
            "ProvisionerDaemons/CompleteJob" => Code::FailedPrecondition,
            _ => Code::Ok,
        };
        assert_eq!(code, expected, "{} by {}", call.path, own.about);
    }
}

#[test]
fn who_may_is_let_through() {
    let site = Site::new();
    let (alice, root) = (who("alice", Some("alice-token"), None), who("root", Some("root-token"), None));
    let daemon = who("its daemon", Some("daemon-key"), Some("prov-1"));
    let tess = who("a template administrator", Some("tess-token"), None);
    for call in &site.calls {
        let (allowed, refused) = match call.who {
            For::Daemons | For::JobsDaemon => (daemon, None),
            For::Agents => (who("its agent", Some(AGENT_TOKEN), None), None),
            For::AgentSessions => (who("its agent", Some(site.session), None), None),
            For::Owner => (alice, Some(Code::NotFound)),
            For::ChatsOwner => (alice, Some(Code::PermissionDenied)),
            For::People | For::JobsOwner | For::OwnerOrAdmins => (alice, None),
            For::TemplateAdmins => (tess, None),
            For::Asker | For::Admins | For::Claimers => (root, None),
        };
        if let Some(code) = refused {
            assert_eq!(site.code(call, root), code, "{} by an administrator", call.path);
        }
        let code = site.code(call, allowed);
        // What alice has stands in its own way: the name is used, the build runs, and it ended by then.
        let busy = [Code::AlreadyExists, Code::FailedPrecondition].contains(&code);
        // It has reported nothing, which is what is wrong with it.
        let empty = call.path == "Agents/ScriptCompleted" && code == Code::InvalidArgument;
        assert!(code == Code::Ok || busy || empty, "{} by {}: {code:?}", call.path, allowed.about);
    }
}

#[test]
fn a_refusal_says_who_was_refused() {
    let site = Site::new();
    let get = site.calls.iter().find(|call| call.path == "Workspaces/GetBuild").expect("it is there");
    site.world.record.take();
    assert_eq!(site.code(get, who("bob", Some("bob-token"), None)), Code::NotFound);
    let expected = "rpc.refused method=GetBuild caller=bob reason=there is no workspace \"dev\"";
    assert_eq!(site.world.record.take(), [expected]);
}

#[test]
fn no_token_is_printed() {
    let world = World::new();
    world.create("alice", "dev", "plain").expect("free");
    let acquired = world.acquire("prov-1").expect("it waits");
    let token = crate::support::world::session_token(&acquired.message);
    assert!(!format!("{acquired:?}").contains(&token));
}

#[test]
fn a_daemon_that_waits_for_a_job_is_noted_as_seen_until_the_shutdown() {
    let site = Site::new();
    site.world.acquire("prov-3").expect("the dry run waits; now nothing does");
    let acquire = site.calls.iter().find(|call| call.path == "ProvisionerDaemons/AcquireJob").expect("it is there");
    let answer = site.answer(acquire, who("a daemon", Some("daemon-key"), Some("prov-2")));
    site.world.record.take();
    let minute = std::time::Duration::from_secs(60);
    for _ in 0..3 {
        site.world.advance(minute);
        assert_eq!(site.world.record.take(), ["daemon.beat worker=prov-2"]);
    }
    site.stop.cancel();
    site.world.advance(3 * minute);
    assert_eq!(site.world.record.take(), [""; 0], "and nothing is said of a beat that was cut off");
    drop(answer);
}

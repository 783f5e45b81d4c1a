//! The service in which people look at the agents of their workspaces, and find the way to them.

use groundhog_wire::{
    Caller,
    v1::{self, watch_connection_request, workspace_agents_server::WorkspaceAgents},
};
use tonic::{Request, Response, Status, Streaming};

use crate::{
    connection_watcher::{METHOD, Watching},
    coordination::{Coordination, Site},
    followers::Topic,
    identity, limits,
    messages::{Messages, stopping},
    operations::{
        agent::{manifest, view},
        view::{self as build_view, Named},
    },
    refusal::CallError,
    relay::{
        Side, check_is_relay,
        visiting::{self, Visiting},
    },
    rpc::{answer_user, told},
    store::{Tx, users::User},
    watch::{Look, Seen, Watch},
};

/// The service in which people look at agents. Each call is one transaction, which begins by finding out who calls; a
/// log that is followed is one for each page.
#[derive(Clone, Debug)]
pub struct WorkspaceAgentsService {
    site: Site,
}

impl WorkspaceAgentsService {
    pub(crate) fn new(site: Site) -> Self {
        Self { site }
    }
}

#[tonic::async_trait]
impl WorkspaceAgents for WorkspaceAgentsService {
    type FollowAgentLogsStream = Messages<v1::ListAgentLogsResponse>;
    type CoordinateClientStream = Messages<v1::CoordinateResponse>;
    type VisitAgentStream = Messages<v1::RelayChunk>;
    type WatchConnectionStream = Messages<v1::ConnectionNews>;

    async fn get_agent(&self, request: Request<v1::GetAgentRequest>) -> Result<Response<v1::AgentView>, Status> {
        let config = &self.site.config.agents;
        let work = |tx: &Tx<'_>, user: &User| view::get(tx, user, request.get_ref(), config);
        answer_user(&self.site.store, "GetAgent", request.metadata(), work).await.map(Response::new)
    }

    async fn list_agents(
        &self,
        request: Request<v1::ListAgentsRequest>,
    ) -> Result<Response<v1::ListAgentsResponse>, Status> {
        let config = &self.site.config.agents;
        let work = |tx: &Tx<'_>, user: &User| view::list(tx, user, request.get_ref(), config);
        answer_user(&self.site.store, "ListAgents", request.metadata(), work).await.map(Response::new)
    }

    async fn list_agent_logs(
        &self,
        request: Request<v1::ListAgentLogsRequest>,
    ) -> Result<Response<v1::ListAgentLogsResponse>, Status> {
        let config = &self.site.config.agents;
        let work = |tx: &Tx<'_>, user: &User| Ok(view::log(tx, user, request.get_ref(), config)?.0);
        answer_user(&self.site.store, "ListAgentLogs", request.metadata(), work).await.map(Response::new)
    }

    async fn follow_agent_logs(
        &self,
        request: Request<v1::ListAgentLogsRequest>,
    ) -> Result<Response<Self::FollowAgentLogsStream>, Status> {
        let Site { host, store, followers, config, shutdown, .. } = self.site.clone();
        let work =
            |tx: &Tx<'_>, user: &User| Ok((user.name.clone(), view::named(tx, user, &request.get_ref().agent_id)?.id));
        let (name, agent) = answer_user(&store, "FollowAgentLogs", request.metadata(), work).await?;
        let Some(mut follower) = followers.join(Topic::AgentLogs(agent), config.agents.logs.followers_max) else {
            return Err(Status::unavailable("too many logs are followed: try again"));
        };
        follower.also(Topic::Agent(agent));
        let caller = Caller::from_metadata(request.metadata())?;
        let (messages, answer) = Messages::new();
        let poll = Some(config.agents.logs.follow_poll);
        let look = Following { site: self.site.clone(), caller, name, request: request.into_inner() };
        let watch = Watch { host: host.clone(), look, follower, messages, poll, shutdown };
        host.spawn("follow an agent's log", watch.run()).detach();
        Ok(Response::new(answer))
    }

    async fn get_relay_map(&self, request: Request<v1::GetRelayMapRequest>) -> Result<Response<v1::RelayMap>, Status> {
        let work = |_: &Tx<'_>, _: &User| Ok(manifest::relay_map(&self.site.config.agents));
        answer_user(&self.site.store, "GetRelayMap", request.metadata(), work).await.map(Response::new)
    }

    async fn visit_agent(
        &self,
        request: Request<Streaming<v1::RelayChunk>>,
    ) -> Result<Response<Self::VisitAgentStream>, Status> {
        let site = self.site.clone();
        let work = |_: &Tx<'_>, user: &User| {
            check_is_relay(&site)?;
            Ok(user.name.clone())
        };
        let name = answer_user(&site.store, visiting::VISIT, request.metadata(), work).await?;
        let caller = Caller::from_metadata(request.metadata())?;
        let (answers, answer) = Messages::new();
        let side = Side { chunks: request.into_inner(), answers: Some(answers) };
        let (host, relay) = (site.host.clone(), site.relay.clone());
        host.spawn("visit an agent", Visiting { site, relay, caller, name, side }.run()).detach();
        Ok(Response::new(answer))
    }

    async fn watch_connection(
        &self,
        request: Request<v1::WatchConnectionRequest>,
    ) -> Result<Response<Self::WatchConnectionStream>, Status> {
        let Site { host, store, followers, config, shutdown, .. } = self.site.clone();
        if shutdown.is_cancelled() {
            return Err(stopping());
        }
        let named = request.get_ref().workspace.as_ref().map(|workspace| match workspace {
            watch_connection_request::Workspace::Name(name) => Named::Name(name),
            watch_connection_request::Workspace::WorkspaceId(id) => Named::Id(id),
        });
        // The name is looked up once: from then on it is this workspace that is watched, whatever it is called, also
        // when it has been destroyed and its name is free again.
        let work = |tx: &Tx<'_>, user: &User| {
            limits::check_asked_agent(&request.get_ref().agent_name)?;
            Ok((user.name.clone(), build_view::workspace(tx, user, named)?))
        };
        let (name, workspace) = answer_user(&store, METHOD, request.metadata(), work).await?;
        let watches = config.agents.watches;
        let Some(follower) = followers.join(Topic::Connection(workspace), watches.watches_max) else {
            return Err(Status::unavailable("too many workspaces are watched: try again"));
        };
        let caller = Caller::from_metadata(request.metadata())?;
        let (messages, answer) = Messages::new();
        let look = Watching::new(self.site.clone(), caller, name, workspace, request.into_inner().agent_name);
        let watch = Watch { host: host.clone(), look, follower, messages, poll: Some(watches.poll), shutdown };
        host.spawn("watch a workspace", watch.run()).detach();
        Ok(Response::new(answer))
    }

    async fn coordinate_client(
        &self,
        request: Request<Streaming<v1::CoordinateRequest>>,
    ) -> Result<Response<Self::CoordinateClientStream>, Status> {
        let (site, method) = (self.site.clone(), "CoordinateClient");
        let work = |_: &Tx<'_>, user: &User| Ok(user.name.clone());
        let name = answer_user(&site.store, method, request.metadata(), work).await?;
        let caller = Caller::from_metadata(request.metadata())?;
        let (answers, answer) = Messages::new();
        let host = site.host.clone();
        let coordination = Coordination { site, method, caller, name, requests: request.into_inner(), answers };
        host.spawn("coordinate a client", coordination.run_client()).detach();
        Ok(Response::new(answer))
    }
}

/// One FollowAgentLogs call of somebody who may see the agent.
struct Following {
    site: Site,
    caller: Caller,
    /// The caller's.
    name: String,
    request: v1::ListAgentLogsRequest,
}

impl Look for Following {
    type Message = v1::ListAgentLogsResponse;

    async fn look(&mut self) -> Seen<v1::ListAgentLogsResponse> {
        let page = self.site.store.transact("follow an agent's log", |tx| {
            let user = identity::user(tx, &self.caller)?;
            view::log(tx, &user, &self.request, &self.site.config.agents)
        });
        match page.await.map_err(|error: CallError| told("FollowAgentLogs", &self.name, error)) {
            Err(status) => Seen::End(status),
            Ok((page, outdated)) => match page.lines.last() {
                Some(last) => {
                    self.request.after_id = last.id;
                    Seen::More(page)
                }
                None if outdated => Seen::Over,
                None => Seen::Nothing,
            },
        }
    }
}

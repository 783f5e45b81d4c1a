//! The service that workspace agents call.

use std::sync::Arc;

use groundhog_wire::{
    Caller,
    id::JobId,
    v1::{self, agents_server::Agents},
};
use tonic::{Request, Response, Status, Streaming, metadata::MetadataMap};

use crate::{
    claim_state::ClaimState,
    config::Config,
    coordination::{Coordination, Site},
    followers::Topic,
    identity,
    messages::Messages,
    operations::{
        agent::{life, logs, manifest, presence, reports, session},
        claim,
    },
    presence::Presence,
    refusal::Refusal,
    relay::{
        Side, check_is_relay,
        listening::{self, Listening},
        visiting,
    },
    rpc::{answer, answer_agent, told},
    store::{Store, Tx, agents::Agent},
    watch::{Look, Seen, Watch},
};

/// Why an agent is to begin anew: the word that agents of such platforms know.
const CLAIMED: &str = "prebuild_claimed";

/// The service that workspace agents call. Each call is one transaction, which begins by finding out who calls.
#[derive(Clone, Debug)]
pub struct AgentsService {
    site: Site,
}

impl AgentsService {
    pub(crate) fn new(site: Site) -> Self {
        Self { site }
    }
}

#[tonic::async_trait]
impl Agents for AgentsService {
    type ConnectStream = Messages<v1::ConnectResponse>;
    type CoordinateAgentStream = Messages<v1::CoordinateResponse>;
    type WatchRelayMapStream = Messages<v1::RelayMap>;
    type WatchReinitializationStream = Messages<v1::Reinitialization>;
    type ListenRelayStream = Messages<v1::RelayNews>;
    type AcceptRelayVisitStream = Messages<v1::RelayChunk>;

    async fn open_session(
        &self,
        request: Request<v1::OpenSessionRequest>,
    ) -> Result<Response<v1::OpenSessionResponse>, Status> {
        let caller = Caller::from_metadata(request.metadata());
        let work = |tx: &Tx<'_>, caller: &Caller, name: &mut String| {
            let agent = identity::agent_by_token(tx, caller, name)?;
            session::open(tx, &agent)
        };
        answer(&self.site.store, "OpenSession", caller, work).await.map(Response::new)
    }

    async fn connect(
        &self,
        request: Request<Streaming<v1::ConnectRequest>>,
    ) -> Result<Response<Self::ConnectStream>, Status> {
        let config = &self.site.config.agents;
        let work = |tx: &Tx<'_>, agent: &Agent| Ok((agent.clone(), presence::connect(tx, agent)?));
        let connected = answer_agent(&self.site.store, "Connect", request.metadata(), config, work).await?;
        let requests = request.into_inner();
        let (presence, messages) = Presence::new(&self.site, connected, requests);
        self.site.host.spawn("an agent's presence", presence.run()).detach();
        Ok(Response::new(messages))
    }

    async fn get_manifest(
        &self,
        request: Request<v1::GetManifestRequest>,
    ) -> Result<Response<v1::AgentManifest>, Status> {
        let config = &self.site.config.agents;
        let work = |tx: &Tx<'_>, agent: &Agent| manifest::get(tx, agent, config);
        answer_agent(&self.site.store, "GetManifest", request.metadata(), config, work).await.map(Response::new)
    }

    async fn update_startup(
        &self,
        request: Request<v1::UpdateStartupRequest>,
    ) -> Result<Response<v1::UpdateStartupResponse>, Status> {
        let work = |tx: &Tx<'_>, agent: &Agent| manifest::startup(tx, agent, request.get_ref());
        answer_agent(&self.site.store, "UpdateStartup", request.metadata(), &self.site.config.agents, work).await?;
        Ok(Response::new(v1::UpdateStartupResponse {}))
    }

    async fn update_lifecycle(
        &self,
        request: Request<v1::UpdateLifecycleRequest>,
    ) -> Result<Response<v1::UpdateLifecycleResponse>, Status> {
        let work = |tx: &Tx<'_>, agent: &Agent| life::step(tx, agent, request.get_ref());
        answer_agent(&self.site.store, "UpdateLifecycle", request.metadata(), &self.site.config.agents, work).await?;
        Ok(Response::new(v1::UpdateLifecycleResponse {}))
    }

    async fn create_logs(
        &self,
        request: Request<v1::CreateLogsRequest>,
    ) -> Result<Response<v1::CreateLogsResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        let config = &self.site.config.agents;
        let work = |tx: &Tx<'_>, agent: &Agent| logs::store(tx, agent, message, &config.logs);
        answer_agent(&self.site.store, "CreateLogs", &metadata, config, work).await.map(Response::new)
    }

    async fn update_metadata(
        &self,
        request: Request<v1::UpdateMetadataRequest>,
    ) -> Result<Response<v1::UpdateMetadataResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        let work = |tx: &Tx<'_>, agent: &Agent| reports::metadata(tx, agent, message);
        answer_agent(&self.site.store, "UpdateMetadata", &metadata, &self.site.config.agents, work).await?;
        Ok(Response::new(v1::UpdateMetadataResponse {}))
    }

    async fn get_banners(
        &self,
        request: Request<v1::GetBannersRequest>,
    ) -> Result<Response<v1::GetBannersResponse>, Status> {
        let config = &self.site.config.agents;
        let work = |_: &Tx<'_>, _: &Agent| Ok(v1::GetBannersResponse { banners: config.banners.clone() });
        answer_agent(&self.site.store, "GetBanners", request.metadata(), config, work).await.map(Response::new)
    }

    async fn update_stats(
        &self,
        request: Request<v1::UpdateStatsRequest>,
    ) -> Result<Response<v1::UpdateStatsResponse>, Status> {
        let config = &self.site.config.agents;
        let work = |tx: &Tx<'_>, agent: &Agent| match &request.get_ref().stats {
            Some(stats) => reports::stats(tx, agent, stats),
            None => Ok(()),
        };
        answer_agent(&self.site.store, "UpdateStats", request.metadata(), config, work).await?;
        let report_interval_ms = u32::try_from(config.stats_interval.as_millis()).unwrap_or(u32::MAX);
        Ok(Response::new(v1::UpdateStatsResponse { report_interval_ms }))
    }

    async fn update_app_healths(
        &self,
        request: Request<v1::UpdateAppHealthsRequest>,
    ) -> Result<Response<v1::UpdateAppHealthsResponse>, Status> {
        let work = |tx: &Tx<'_>, agent: &Agent| reports::app_healths(tx, agent, &request.get_ref().updates);
        answer_agent(&self.site.store, "UpdateAppHealths", request.metadata(), &self.site.config.agents, work).await?;
        Ok(Response::new(v1::UpdateAppHealthsResponse {}))
    }

    async fn report_connection(
        &self,
        request: Request<v1::ReportConnectionRequest>,
    ) -> Result<Response<v1::ReportConnectionResponse>, Status> {
        let work = |tx: &Tx<'_>, agent: &Agent| reports::connection(tx, agent, request.get_ref());
        answer_agent(&self.site.store, "ReportConnection", request.metadata(), &self.site.config.agents, work).await?;
        Ok(Response::new(v1::ReportConnectionResponse {}))
    }

    async fn script_completed(
        &self,
        request: Request<v1::ScriptCompletedRequest>,
    ) -> Result<Response<v1::ScriptCompletedResponse>, Status> {
        let work = |tx: &Tx<'_>, agent: &Agent| reports::script(tx, agent, request.get_ref());
        answer_agent(&self.site.store, "ScriptCompleted", request.metadata(), &self.site.config.agents, work).await?;
        Ok(Response::new(v1::ScriptCompletedResponse {}))
    }

    async fn coordinate_agent(
        &self,
        request: Request<Streaming<v1::CoordinateRequest>>,
    ) -> Result<Response<Self::CoordinateAgentStream>, Status> {
        let (site, method) = (self.site.clone(), "CoordinateAgent");
        let work = |_: &Tx<'_>, agent: &Agent| Ok(agent.name.clone());
        let name = answer_agent(&site.store, method, request.metadata(), &site.config.agents, work).await?;
        let caller = Caller::from_metadata(request.metadata())?;
        let (answers, answer) = Messages::new();
        let host = site.host.clone();
        let coordination = Coordination { site, method, caller, name, requests: request.into_inner(), answers };
        host.spawn("coordinate an agent", coordination.run_agent()).detach();
        Ok(Response::new(answer))
    }

    async fn watch_relay_map(
        &self,
        request: Request<v1::WatchRelayMapRequest>,
    ) -> Result<Response<Self::WatchRelayMapStream>, Status> {
        let look = |session| Relays { session, told: false };
        self.watch("WatchRelayMap", request.metadata(), look).await
    }

    async fn listen_relay(
        &self,
        request: Request<v1::ListenRelayRequest>,
    ) -> Result<Response<Self::ListenRelayStream>, Status> {
        let site = self.site.clone();
        let work = |_: &Tx<'_>, agent: &Agent| {
            check_is_relay(&site)?;
            Ok(agent.clone())
        };
        let agent = answer_agent(&site.store, listening::METHOD, request.metadata(), &site.config.agents, work).await?;
        // Their number is bounded by that of connections and calls.
        let Some(follower) = site.followers.join(Topic::Agent(agent.id), usize::MAX) else {
            return Err(Status::unavailable("too many calls are open: try again"));
        };
        let caller = Caller::from_metadata(request.metadata())?;
        let (answers, answer) = Messages::new();
        let (host, listener) = (site.host.clone(), site.relay.listen(agent.id));
        let listening = Listening { site, caller, name: agent.name, listener, follower, answers };
        host.spawn("an agent listens", listening.run()).detach();
        Ok(Response::new(answer))
    }

    async fn accept_relay_visit(
        &self,
        request: Request<Streaming<v1::RelayChunk>>,
    ) -> Result<Response<Self::AcceptRelayVisitStream>, Status> {
        let site = self.site.clone();
        let work = |_: &Tx<'_>, agent: &Agent| {
            check_is_relay(&site)?;
            Ok(agent.id)
        };
        let agent = answer_agent(&site.store, visiting::ACCEPT, request.metadata(), &site.config.agents, work).await?;
        let (answers, answer) = Messages::new();
        let side = Side { chunks: request.into_inner(), answers: Some(answers) };
        let (host, relay) = (site.host.clone(), site.relay.clone());
        host.spawn("an agent takes a visit", visiting::accept(site, relay, agent, side)).detach();
        Ok(Response::new(answer))
    }

    async fn watch_reinitialization(
        &self,
        request: Request<v1::WatchReinitializationRequest>,
    ) -> Result<Response<Self::WatchReinitializationStream>, Status> {
        let look = |session| Claims { session, told: false, awaited: None };
        self.watch("WatchReinitialization", request.metadata(), look).await
    }
}

impl AgentsService {
    /// Answers a call that grows, of an agent that is let in.
    async fn watch<L: Look + 'static>(
        &self,
        method: &'static str,
        metadata: &MetadataMap,
        look: impl FnOnce(Session) -> L,
    ) -> Result<Response<Messages<L::Message>>, Status> {
        let Site { host, store, followers, config, shutdown, .. } = self.site.clone();
        let agent = answer_agent(&store, method, metadata, &config.agents, |_, agent| Ok(agent.clone())).await?;
        // Their number is bounded by that of connections and calls.
        let Some(mut follower) = followers.join(Topic::Agent(agent.id), usize::MAX) else {
            return Err(Status::unavailable("too many calls are open: try again"));
        };
        follower.also(Topic::Workspace(agent.workspace));
        let caller = Caller::from_metadata(metadata)?;
        let look = look(Session { store, config, method, caller, agent });
        let (messages, answer) = Messages::new();
        let watch = Watch { host: host.clone(), look, follower, messages, poll: None, shutdown };
        host.spawn("an agent watches", watch.run()).detach();
        Ok(Response::new(answer))
    }
}

/// Who calls, in a call that grows.
struct Session {
    store: Store,
    config: Arc<Config>,
    method: &'static str,
    caller: Caller,
    agent: Agent,
}

impl Session {
    /// Nothing, or the end if the agent is no longer let in.
    async fn look<T>(&self) -> Seen<T> {
        let lifetime = self.config.agents.session_lifetime;
        let look = |tx: &Tx<'_>| identity::agent(tx, &self.caller, lifetime, &mut String::new());
        match self.store.transact("an agent watches", look).await {
            Ok(_) => Seen::Nothing,
            Err(error) => Seen::End(told(self.method, &self.agent.name, error)),
        }
    }
}

/// One WatchRelayMap call. The relays are the configuration's, which does not change while the control plane runs.
struct Relays {
    session: Session,
    told: bool,
}

impl Look for Relays {
    type Message = v1::RelayMap;

    async fn look(&mut self) -> Seen<v1::RelayMap> {
        if std::mem::replace(&mut self.told, true) {
            return self.session.look().await;
        }
        Seen::More(manifest::relay_map(&self.session.config.agents))
    }
}

/// One WatchReinitialization call. What it is told is told once a call.
struct Claims {
    session: Session,
    told: bool,
    /// The job of the claim's build, whose end is waited for.
    awaited: Option<JobId>,
}

impl Look for Claims {
    type Message = v1::Reinitialization;

    async fn look(&mut self) -> Seen<v1::Reinitialization> {
        if self.told {
            return self.session.look().await;
        }
        // First the claim: the build that makes it good outdates the agent too, which is to learn why.
        let Session { store, agent, method, .. } = &self.session;
        match store.transact("an agent watches", |tx| claim::state(tx, agent.workspace)).await {
            Err(error) => Seen::End(told(method, &agent.name, error.into())),
            Ok(ClaimState::Claimed(owner)) => {
                self.told = true;
                Seen::More(v1::Reinitialization { reason: CLAIMED.to_owned(), owner_id: owner.to_string() })
            }
            Ok(ClaimState::Failed) => {
                let refusal = Refusal::State("nothing comes of the workspace's claim: its build failed".to_owned());
                Seen::End(told(method, &agent.name, refusal.into()))
            }
            Ok(ClaimState::Building(job)) if self.awaited.replace(job) != Some(job) => Seen::Until(Topic::Job(job)),
            Ok(ClaimState::Building(_) | ClaimState::Waiting | ClaimState::Never) => self.session.look().await,
        }
    }
}

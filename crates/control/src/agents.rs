//! The service that workspace agents call.

use std::sync::Arc;

use groundhog_host::Host;
use groundhog_wire::{
    Caller,
    v1::{self, agents_server::Agents},
};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use crate::{
    config::Config,
    identity,
    messages::Messages,
    operations::agent::{life, logs, manifest, presence, reports, session},
    presence::Presence,
    rpc::{answer, answer_agent},
    store::{Store, Tx, agents::Agent},
};

/// The service that workspace agents call. Each call is one transaction, which begins by finding out who calls.
#[derive(Clone, Debug)]
pub struct AgentsService {
    host: Host,
    store: Store,
    config: Arc<Config>,
    shutdown: CancellationToken,
}

impl AgentsService {
    /// A service over `store` whose streams end with `shutdown`.
    pub fn new(host: &Host, store: Store, config: Arc<Config>, shutdown: CancellationToken) -> Self {
        Self { host: host.clone(), store, config, shutdown }
    }
}

#[tonic::async_trait]
impl Agents for AgentsService {
    type ConnectStream = Messages<v1::ConnectResponse>;
    type CoordinateAgentStream = Messages<v1::CoordinateResponse>;
    type WatchRelayMapStream = Messages<v1::RelayMap>;
    type WatchReinitializationStream = Messages<v1::Reinitialization>;

    async fn open_session(
        &self,
        request: Request<v1::OpenSessionRequest>,
    ) -> Result<Response<v1::OpenSessionResponse>, Status> {
        let caller = Caller::from_metadata(request.metadata());
        let work = |tx: &Tx<'_>, caller: &Caller, name: &mut String| {
            let agent = identity::agent_by_token(tx, caller, name)?;
            session::open(tx, &agent)
        };
        answer(&self.store, "OpenSession", caller, work).await.map(Response::new)
    }

    async fn connect(
        &self,
        request: Request<Streaming<v1::ConnectRequest>>,
    ) -> Result<Response<Self::ConnectStream>, Status> {
        let config = &self.config.agents;
        let work = |tx: &Tx<'_>, agent: &Agent| Ok((agent.clone(), presence::connect(tx, agent)?));
        let connected = answer_agent(&self.store, "Connect", request.metadata(), config, work).await?;
        let requests = request.into_inner();
        let (presence, messages) = Presence::new(&self.host, &self.store, connected, requests, config, &self.shutdown);
        self.host.spawn("an agent's presence", presence.run()).detach();
        Ok(Response::new(messages))
    }

    async fn get_manifest(
        &self,
        request: Request<v1::GetManifestRequest>,
    ) -> Result<Response<v1::AgentManifest>, Status> {
        let config = &self.config.agents;
        let work = |tx: &Tx<'_>, agent: &Agent| manifest::get(tx, agent, config);
        answer_agent(&self.store, "GetManifest", request.metadata(), config, work).await.map(Response::new)
    }

    async fn update_startup(
        &self,
        request: Request<v1::UpdateStartupRequest>,
    ) -> Result<Response<v1::UpdateStartupResponse>, Status> {
        let work = |tx: &Tx<'_>, agent: &Agent| manifest::startup(tx, agent, request.get_ref());
        answer_agent(&self.store, "UpdateStartup", request.metadata(), &self.config.agents, work).await?;
        Ok(Response::new(v1::UpdateStartupResponse {}))
    }

    async fn update_lifecycle(
        &self,
        request: Request<v1::UpdateLifecycleRequest>,
    ) -> Result<Response<v1::UpdateLifecycleResponse>, Status> {
        let work = |tx: &Tx<'_>, agent: &Agent| life::step(tx, agent, request.get_ref());
        answer_agent(&self.store, "UpdateLifecycle", request.metadata(), &self.config.agents, work).await?;
        Ok(Response::new(v1::UpdateLifecycleResponse {}))
    }

    async fn create_logs(
        &self,
        request: Request<v1::CreateLogsRequest>,
    ) -> Result<Response<v1::CreateLogsResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        let config = &self.config.agents;
        let work = |tx: &Tx<'_>, agent: &Agent| logs::store(tx, agent, message, &config.logs);
        answer_agent(&self.store, "CreateLogs", &metadata, config, work).await.map(Response::new)
    }

    async fn update_metadata(
        &self,
        request: Request<v1::UpdateMetadataRequest>,
    ) -> Result<Response<v1::UpdateMetadataResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        let work = |tx: &Tx<'_>, agent: &Agent| reports::metadata(tx, agent, message);
        answer_agent(&self.store, "UpdateMetadata", &metadata, &self.config.agents, work).await?;
        Ok(Response::new(v1::UpdateMetadataResponse {}))
    }

    async fn get_banners(
        &self,
        request: Request<v1::GetBannersRequest>,
    ) -> Result<Response<v1::GetBannersResponse>, Status> {
        let config = &self.config.agents;
        let work = |_: &Tx<'_>, _: &Agent| Ok(v1::GetBannersResponse { banners: config.banners.clone() });
        answer_agent(&self.store, "GetBanners", request.metadata(), config, work).await.map(Response::new)
    }

    async fn update_stats(
        &self,
        request: Request<v1::UpdateStatsRequest>,
    ) -> Result<Response<v1::UpdateStatsResponse>, Status> {
        let config = &self.config.agents;
        let work = |tx: &Tx<'_>, agent: &Agent| match &request.get_ref().stats {
            Some(stats) => reports::stats(tx, agent, stats),
            None => Ok(()),
        };
        answer_agent(&self.store, "UpdateStats", request.metadata(), config, work).await?;
        let report_interval_ms = u32::try_from(config.stats_interval.as_millis()).unwrap_or(u32::MAX);
        Ok(Response::new(v1::UpdateStatsResponse { report_interval_ms }))
    }

    async fn update_app_healths(
        &self,
        request: Request<v1::UpdateAppHealthsRequest>,
    ) -> Result<Response<v1::UpdateAppHealthsResponse>, Status> {
        let work = |tx: &Tx<'_>, agent: &Agent| reports::app_healths(tx, agent, &request.get_ref().updates);
        answer_agent(&self.store, "UpdateAppHealths", request.metadata(), &self.config.agents, work).await?;
        Ok(Response::new(v1::UpdateAppHealthsResponse {}))
    }

    async fn report_connection(
        &self,
        request: Request<v1::ReportConnectionRequest>,
    ) -> Result<Response<v1::ReportConnectionResponse>, Status> {
        let work = |tx: &Tx<'_>, agent: &Agent| reports::connection(tx, agent, request.get_ref());
        answer_agent(&self.store, "ReportConnection", request.metadata(), &self.config.agents, work).await?;
        Ok(Response::new(v1::ReportConnectionResponse {}))
    }

    async fn script_completed(
        &self,
        request: Request<v1::ScriptCompletedRequest>,
    ) -> Result<Response<v1::ScriptCompletedResponse>, Status> {
        let work = |tx: &Tx<'_>, agent: &Agent| reports::script(tx, agent, request.get_ref());
        answer_agent(&self.store, "ScriptCompleted", request.metadata(), &self.config.agents, work).await?;
        Ok(Response::new(v1::ScriptCompletedResponse {}))
    }

    async fn coordinate_agent(
        &self,
        _: Request<Streaming<v1::CoordinateRequest>>,
    ) -> Result<Response<Self::CoordinateAgentStream>, Status> {
        Err(Status::unimplemented("coordination"))
    }

    async fn watch_relay_map(
        &self,
        _: Request<v1::WatchRelayMapRequest>,
    ) -> Result<Response<Self::WatchRelayMapStream>, Status> {
        Err(Status::unimplemented("relays"))
    }

    async fn watch_reinitialization(
        &self,
        _: Request<v1::WatchReinitializationRequest>,
    ) -> Result<Response<Self::WatchReinitializationStream>, Status> {
        Err(Status::unimplemented("claims"))
    }
}

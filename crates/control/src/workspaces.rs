//! The service that people call.

use std::sync::Arc;

use groundhog_wire::v1::{self, workspaces_server::Workspaces};
use tonic::{Request, Response, Status};

use crate::{
    config::Config,
    operations::{
        cancel, claim, clock,
        create::{self, Creation},
        quota, view, workspace, workspace_view,
    },
    rpc::answer_user,
    store::{Store, Tx, users::User},
};

/// The service that people call. Each call is one transaction, which begins by finding out who calls; only who asks for
/// what was built ahead is answered in two: see [`create`].
#[derive(Clone, Debug)]
pub struct WorkspacesService {
    store: Store,
    config: Arc<Config>,
}

impl WorkspacesService {
    /// A service over `store`.
    pub fn new(store: Store, config: Arc<Config>) -> Self {
        Self { store, config }
    }
}

#[tonic::async_trait]
impl Workspaces for WorkspacesService {
    async fn create_workspace(
        &self,
        request: Request<v1::CreateWorkspaceRequest>,
    ) -> Result<Response<v1::Build>, Status> {
        let (metadata, asked) = (request.metadata(), request.get_ref());
        let inactive_after = self.config.agents.inactive_after;
        let work = |tx: &Tx<'_>, user: &User| create::workspace(tx, user, asked, inactive_after);
        let candidates = match answer_user(&self.store, "CreateWorkspace", metadata, work).await? {
            Creation::Queued(build) => return Ok(Response::new(*build)),
            Creation::Candidates(candidates) => candidates,
        };
        let work = |tx: &Tx<'_>, user: &User| create::from_candidates(tx, user, asked, inactive_after, &candidates);
        answer_user(&self.store, "CreateWorkspace", metadata, work).await.map(Response::new)
    }

    async fn create_build(&self, request: Request<v1::CreateBuildRequest>) -> Result<Response<v1::Build>, Status> {
        let daemons = &self.config.daemons;
        let work = |tx: &Tx<'_>, user: &User| workspace::create_build(tx, user, request.get_ref(), daemons);
        answer_user(&self.store, "CreateBuild", request.metadata(), work).await.map(Response::new)
    }

    async fn claim_workspace(
        &self,
        request: Request<v1::ClaimWorkspaceRequest>,
    ) -> Result<Response<v1::Build>, Status> {
        let work = |tx: &Tx<'_>, user: &User| claim::claim(tx, user, request.get_ref());
        answer_user(&self.store, "ClaimWorkspace", request.metadata(), work).await.map(Response::new)
    }

    async fn cancel_build(&self, request: Request<v1::CancelBuildRequest>) -> Result<Response<v1::Build>, Status> {
        let work = |tx: &Tx<'_>, user: &User| cancel::cancel_build(tx, user, request.get_ref());
        answer_user(&self.store, "CancelBuild", request.metadata(), work).await.map(Response::new)
    }

    async fn get_build(&self, request: Request<v1::GetBuildRequest>) -> Result<Response<v1::Build>, Status> {
        let work = |tx: &Tx<'_>, user: &User| {
            let build = view::select(tx, user, request.get_ref().build.as_ref())?;
            view::build(tx, &build)
        };
        answer_user(&self.store, "GetBuild", request.metadata(), work).await.map(Response::new)
    }

    async fn list_build_logs(
        &self,
        request: Request<v1::ListBuildLogsRequest>,
    ) -> Result<Response<v1::ListBuildLogsResponse>, Status> {
        let limits = &self.config.logs;
        let work = |tx: &Tx<'_>, user: &User| view::log(tx, user, request.get_ref(), limits);
        answer_user(&self.store, "ListBuildLogs", request.metadata(), work).await.map(Response::new)
    }

    async fn get_workspace(
        &self,
        request: Request<v1::GetWorkspaceRequest>,
    ) -> Result<Response<v1::Workspace>, Status> {
        let work = |tx: &Tx<'_>, user: &User| workspace_view::get(tx, user, request.get_ref());
        answer_user(&self.store, "GetWorkspace", request.metadata(), work).await.map(Response::new)
    }

    async fn list_workspaces(
        &self,
        request: Request<v1::ListWorkspacesRequest>,
    ) -> Result<Response<v1::ListWorkspacesResponse>, Status> {
        let work = |tx: &Tx<'_>, user: &User| workspace_view::list(tx, user, request.get_ref());
        answer_user(&self.store, "ListWorkspaces", request.metadata(), work).await.map(Response::new)
    }

    async fn set_autostart(
        &self,
        request: Request<v1::SetAutostartRequest>,
    ) -> Result<Response<v1::Workspace>, Status> {
        let work = |tx: &Tx<'_>, user: &User| clock::set_autostart(tx, user, request.get_ref());
        answer_user(&self.store, "SetAutostart", request.metadata(), work).await.map(Response::new)
    }

    async fn set_ttl(&self, request: Request<v1::SetTtlRequest>) -> Result<Response<v1::Workspace>, Status> {
        let work = |tx: &Tx<'_>, user: &User| clock::set_ttl(tx, user, request.get_ref());
        answer_user(&self.store, "SetTtl", request.metadata(), work).await.map(Response::new)
    }

    async fn set_dormancy(&self, request: Request<v1::SetDormancyRequest>) -> Result<Response<v1::Workspace>, Status> {
        let work = |tx: &Tx<'_>, user: &User| clock::set_dormancy(tx, user, request.get_ref());
        answer_user(&self.store, "SetDormancy", request.metadata(), work).await.map(Response::new)
    }

    async fn extend_deadline(
        &self,
        request: Request<v1::ExtendDeadlineRequest>,
    ) -> Result<Response<v1::Workspace>, Status> {
        let work = |tx: &Tx<'_>, user: &User| clock::extend_deadline(tx, user, request.get_ref());
        answer_user(&self.store, "ExtendDeadline", request.metadata(), work).await.map(Response::new)
    }

    async fn get_quota(&self, request: Request<v1::GetQuotaRequest>) -> Result<Response<v1::Quota>, Status> {
        let work = |tx: &Tx<'_>, user: &User| quota::get(tx, user, request.get_ref());
        answer_user(&self.store, "GetQuota", request.metadata(), work).await.map(Response::new)
    }
}

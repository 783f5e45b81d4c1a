//! The service that people call.

use std::sync::Arc;

use groundhog_wire::{
    Caller,
    v1::{self, workspaces_server::Workspaces},
};
use tonic::{Request, Response, Status, metadata::MetadataMap};

use crate::{
    acquirer::Acquirer,
    config::Config,
    identity,
    operations::{
        cancel, view,
        workspace::{self, Queued},
    },
    refusal::CallError,
    rpc::answer,
    store::{Store, Tx, users::User},
};

/// The service that people call. Each call is one transaction, which begins by finding out who calls.
#[derive(Clone, Debug)]
pub struct WorkspacesService {
    store: Store,
    acquirer: Acquirer,
    config: Arc<Config>,
}

impl WorkspacesService {
    /// A service over `store` that tells `acquirer` of the jobs it queues.
    pub fn new(store: Store, acquirer: Acquirer, config: Arc<Config>) -> Self {
        Self { store, acquirer, config }
    }

    async fn answer<T>(
        &self,
        method: &'static str,
        metadata: &MetadataMap,
        work: impl FnOnce(&Tx<'_>, &User) -> Result<T, CallError>,
    ) -> Result<T, Status> {
        answer(&self.store, method, Caller::from_metadata(metadata), |tx, caller, name| {
            let user = identity::user(tx, caller)?;
            name.clone_from(&user.name);
            work(tx, &user)
        })
        .await
    }

    /// Leaves the posting of a queued job for the commit (J14): before it, daemons would look and find nothing.
    fn post(&self, tx: &Tx<'_>, queued: Queued) -> v1::Build {
        let (acquirer, Queued { build, posting }) = (self.acquirer.clone(), queued);
        tx.after_commit(move || acquirer.post(posting));
        build
    }
}

#[tonic::async_trait]
impl Workspaces for WorkspacesService {
    async fn create_workspace(
        &self,
        request: Request<v1::CreateWorkspaceRequest>,
    ) -> Result<Response<v1::Build>, Status> {
        let work = |tx: &Tx<'_>, user: &User| {
            workspace::create_workspace(tx, user, request.get_ref()).map(|queued| self.post(tx, queued))
        };
        self.answer("CreateWorkspace", request.metadata(), work).await.map(Response::new)
    }

    async fn create_build(&self, request: Request<v1::CreateBuildRequest>) -> Result<Response<v1::Build>, Status> {
        let work = |tx: &Tx<'_>, user: &User| {
            workspace::create_build(tx, user, request.get_ref()).map(|queued| self.post(tx, queued))
        };
        self.answer("CreateBuild", request.metadata(), work).await.map(Response::new)
    }

    async fn cancel_build(&self, request: Request<v1::CancelBuildRequest>) -> Result<Response<v1::Build>, Status> {
        let work = |tx: &Tx<'_>, user: &User| cancel::cancel(tx, user, request.get_ref());
        self.answer("CancelBuild", request.metadata(), work).await.map(Response::new)
    }

    async fn get_build(&self, request: Request<v1::GetBuildRequest>) -> Result<Response<v1::Build>, Status> {
        let work = |tx: &Tx<'_>, user: &User| {
            let build = view::select(tx, user, request.get_ref().build.as_ref())?;
            view::build(tx, &build)
        };
        self.answer("GetBuild", request.metadata(), work).await.map(Response::new)
    }

    async fn list_build_logs(
        &self,
        request: Request<v1::ListBuildLogsRequest>,
    ) -> Result<Response<v1::ListBuildLogsResponse>, Status> {
        let limits = &self.config.logs;
        let work = |tx: &Tx<'_>, user: &User| view::log(tx, user, request.get_ref(), limits);
        self.answer("ListBuildLogs", request.metadata(), work).await.map(Response::new)
    }
}

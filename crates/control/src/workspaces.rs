//! The service that people call.

use std::sync::Arc;

use groundhog_wire::{
    Caller,
    v1::{self, workspaces_server::Workspaces},
};
use tonic::{Request, Response, Status, metadata::MetadataMap};

use crate::{
    config::Config,
    identity,
    operations::{cancel, view, workspace},
    refusal::CallError,
    rpc::answer,
    store::{Store, Tx, users::User},
};

/// The service that people call. Each call is one transaction, which begins by finding out who calls.
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
}

#[tonic::async_trait]
impl Workspaces for WorkspacesService {
    async fn create_workspace(
        &self,
        request: Request<v1::CreateWorkspaceRequest>,
    ) -> Result<Response<v1::Build>, Status> {
        let work = |tx: &Tx<'_>, user: &User| workspace::create_workspace(tx, user, request.get_ref());
        self.answer("CreateWorkspace", request.metadata(), work).await.map(Response::new)
    }

    async fn create_build(&self, request: Request<v1::CreateBuildRequest>) -> Result<Response<v1::Build>, Status> {
        let work = |tx: &Tx<'_>, user: &User| workspace::create_build(tx, user, request.get_ref());
        self.answer("CreateBuild", request.metadata(), work).await.map(Response::new)
    }

    async fn cancel_build(&self, request: Request<v1::CancelBuildRequest>) -> Result<Response<v1::Build>, Status> {
        let work = |tx: &Tx<'_>, user: &User| cancel::cancel_build(tx, user, request.get_ref());
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

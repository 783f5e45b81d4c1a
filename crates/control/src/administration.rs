//! The service that administrators call.

use std::sync::Arc;

use groundhog_wire::v1::{self, administration_server::Administration};
use tonic::{Request, Response, Status};

use crate::{
    config::Config,
    metrics::Metrics,
    operations::{administration, metrics},
    rpc::answer_admin,
    store::{Store, Tx, users::User},
};

/// The service that administrators call. Each call is one transaction, which begins by finding out who calls.
#[derive(Clone, Debug)]
pub struct AdministrationService {
    store: Store,
    metrics: Metrics,
    config: Arc<Config>,
}

impl AdministrationService {
    /// A service over `store`, which tells what `metrics` have measured.
    pub fn new(store: Store, metrics: Metrics, config: Arc<Config>) -> Self {
        Self { store, metrics, config }
    }
}

#[tonic::async_trait]
impl Administration for AdministrationService {
    async fn list_daemons(
        &self,
        request: Request<v1::ListDaemonsRequest>,
    ) -> Result<Response<v1::ListDaemonsResponse>, Status> {
        let work = |tx: &Tx<'_>, _: &User| administration::list_daemons(tx, &self.config.daemons);
        answer_admin(&self.store, "ListDaemons", request.metadata(), work).await.map(Response::new)
    }

    async fn delete_daemon_key(
        &self,
        request: Request<v1::DeleteDaemonKeyRequest>,
    ) -> Result<Response<v1::DeleteDaemonKeyResponse>, Status> {
        let work = |tx: &Tx<'_>, admin: &User| administration::delete_key(tx, admin, request.get_ref());
        answer_admin(&self.store, "DeleteDaemonKey", request.metadata(), work).await.map(Response::new)
    }

    async fn list_audit_entries(
        &self,
        request: Request<v1::ListAuditEntriesRequest>,
    ) -> Result<Response<v1::ListAuditEntriesResponse>, Status> {
        let work = |tx: &Tx<'_>, _: &User| administration::list(tx, request.get_ref());
        answer_admin(&self.store, "ListAuditEntries", request.metadata(), work).await.map(Response::new)
    }

    async fn list_users(
        &self,
        request: Request<v1::ListUsersRequest>,
    ) -> Result<Response<v1::ListUsersResponse>, Status> {
        let work = |tx: &Tx<'_>, _: &User| administration::list_users(tx, request.get_ref());
        answer_admin(&self.store, "ListUsers", request.metadata(), work).await.map(Response::new)
    }

    async fn get_prebuilds_settings(
        &self,
        request: Request<v1::GetPrebuildsSettingsRequest>,
    ) -> Result<Response<v1::PrebuildsSettings>, Status> {
        let work = |tx: &Tx<'_>, _: &User| administration::prebuilds_settings(tx);
        answer_admin(&self.store, "GetPrebuildsSettings", request.metadata(), work).await.map(Response::new)
    }

    async fn set_prebuilds_settings(
        &self,
        request: Request<v1::PrebuildsSettings>,
    ) -> Result<Response<v1::PrebuildsSettings>, Status> {
        let work = |tx: &Tx<'_>, admin: &User| administration::set_prebuilds_settings(tx, admin, *request.get_ref());
        answer_admin(&self.store, "SetPrebuildsSettings", request.metadata(), work).await.map(Response::new)
    }

    async fn get_metrics(
        &self,
        request: Request<v1::GetMetricsRequest>,
    ) -> Result<Response<v1::GetMetricsResponse>, Status> {
        let work = |tx: &Tx<'_>, _: &User| metrics::get(tx, request.get_ref(), &self.metrics, &self.config.prebuilds);
        answer_admin(&self.store, "GetMetrics", request.metadata(), work).await.map(Response::new)
    }
}

//! The service in which administrators make templates, and everybody looks at them.

use groundhog_wire::v1::{self, templates_server::Templates};
use tonic::{Request, Response, Status};

use crate::{
    operations::{dry_run, version},
    rpc::{answer_admin, answer_user},
    store::{Store, Tx, users::User},
};

/// The service about templates. Each call is one transaction, which begins by finding out who calls.
#[derive(Clone, Debug)]
pub struct TemplatesService {
    store: Store,
}

impl TemplatesService {
    /// A service over `store`.
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

#[tonic::async_trait]
impl Templates for TemplatesService {
    async fn create_version(
        &self,
        request: Request<v1::CreateVersionRequest>,
    ) -> Result<Response<v1::TemplateVersion>, Status> {
        let work = |tx: &Tx<'_>, admin: &User| version::create(tx, admin, request.get_ref());
        answer_admin(&self.store, "CreateVersion", request.metadata(), work).await.map(Response::new)
    }

    async fn get_version(
        &self,
        request: Request<v1::GetVersionRequest>,
    ) -> Result<Response<v1::TemplateVersion>, Status> {
        let work = |tx: &Tx<'_>, _: &User| version::get(tx, request.get_ref());
        answer_user(&self.store, "GetVersion", request.metadata(), work).await.map(Response::new)
    }

    async fn activate_version(
        &self,
        request: Request<v1::ActivateVersionRequest>,
    ) -> Result<Response<v1::TemplateVersion>, Status> {
        let work = |tx: &Tx<'_>, _: &User| version::activate(tx, request.get_ref());
        answer_admin(&self.store, "ActivateVersion", request.metadata(), work).await.map(Response::new)
    }

    async fn create_dry_run(&self, request: Request<v1::CreateDryRunRequest>) -> Result<Response<v1::DryRun>, Status> {
        let work = |tx: &Tx<'_>, admin: &User| dry_run::create(tx, admin, request.get_ref());
        answer_admin(&self.store, "CreateDryRun", request.metadata(), work).await.map(Response::new)
    }

    async fn get_dry_run(&self, request: Request<v1::GetDryRunRequest>) -> Result<Response<v1::DryRun>, Status> {
        let work = |tx: &Tx<'_>, user: &User| dry_run::get(tx, user, request.get_ref());
        answer_user(&self.store, "GetDryRun", request.metadata(), work).await.map(Response::new)
    }
}

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

    async fn update_template(&self, _: Request<v1::UpdateTemplateRequest>) -> Result<Response<v1::Template>, Status> {
        Err(Status::unimplemented("update_template"))
    }

    async fn deprecate_template(
        &self,
        _: Request<v1::DeprecateTemplateRequest>,
    ) -> Result<Response<v1::Template>, Status> {
        Err(Status::unimplemented("deprecate_template"))
    }

    async fn delete_template(
        &self,
        _: Request<v1::DeleteTemplateRequest>,
    ) -> Result<Response<v1::DeleteTemplateResponse>, Status> {
        Err(Status::unimplemented("delete_template"))
    }

    async fn list_presets(
        &self,
        _: Request<v1::ListPresetsRequest>,
    ) -> Result<Response<v1::ListPresetsResponse>, Status> {
        Err(Status::unimplemented("list_presets"))
    }

    async fn invalidate_prebuilds(
        &self,
        _: Request<v1::InvalidatePrebuildsRequest>,
    ) -> Result<Response<v1::InvalidatePrebuildsResponse>, Status> {
        Err(Status::unimplemented("invalidate_prebuilds"))
    }

    async fn list_notifications(
        &self,
        _: Request<v1::ListNotificationsRequest>,
    ) -> Result<Response<v1::ListNotificationsResponse>, Status> {
        Err(Status::unimplemented("list_notifications"))
    }
}

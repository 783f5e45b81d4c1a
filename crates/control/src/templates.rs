//! The service in which template administrators make templates, and everybody looks at them.

use groundhog_wire::v1::{self, templates_server::Templates};
use tonic::{Request, Response, Status};

use crate::{
    operations::{dry_run, notify, template, template_view, version},
    rpc::{answer_template_admin, answer_user},
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
        answer_template_admin(&self.store, "CreateVersion", request.metadata(), work).await.map(Response::new)
    }

    async fn get_version(
        &self,
        request: Request<v1::GetVersionRequest>,
    ) -> Result<Response<v1::TemplateVersion>, Status> {
        let work = |tx: &Tx<'_>, user: &User| version::get(tx, user, request.get_ref());
        answer_user(&self.store, "GetVersion", request.metadata(), work).await.map(Response::new)
    }

    async fn activate_version(
        &self,
        request: Request<v1::ActivateVersionRequest>,
    ) -> Result<Response<v1::TemplateVersion>, Status> {
        let work = |tx: &Tx<'_>, admin: &User| version::activate(tx, admin, request.get_ref());
        answer_template_admin(&self.store, "ActivateVersion", request.metadata(), work).await.map(Response::new)
    }

    async fn create_dry_run(&self, request: Request<v1::CreateDryRunRequest>) -> Result<Response<v1::DryRun>, Status> {
        let work = |tx: &Tx<'_>, admin: &User| dry_run::create(tx, admin, request.get_ref());
        answer_template_admin(&self.store, "CreateDryRun", request.metadata(), work).await.map(Response::new)
    }

    async fn get_dry_run(&self, request: Request<v1::GetDryRunRequest>) -> Result<Response<v1::DryRun>, Status> {
        let work = |tx: &Tx<'_>, user: &User| dry_run::get(tx, user, request.get_ref());
        answer_user(&self.store, "GetDryRun", request.metadata(), work).await.map(Response::new)
    }

    async fn update_template(
        &self,
        request: Request<v1::UpdateTemplateRequest>,
    ) -> Result<Response<v1::Template>, Status> {
        let work = |tx: &Tx<'_>, _: &User| template::update(tx, request.get_ref());
        answer_template_admin(&self.store, "UpdateTemplate", request.metadata(), work).await.map(Response::new)
    }

    async fn deprecate_template(
        &self,
        request: Request<v1::DeprecateTemplateRequest>,
    ) -> Result<Response<v1::Template>, Status> {
        let work = |tx: &Tx<'_>, _: &User| template::deprecate(tx, request.get_ref());
        answer_template_admin(&self.store, "DeprecateTemplate", request.metadata(), work).await.map(Response::new)
    }

    async fn delete_template(
        &self,
        request: Request<v1::DeleteTemplateRequest>,
    ) -> Result<Response<v1::DeleteTemplateResponse>, Status> {
        let work = |tx: &Tx<'_>, _: &User| template::delete(tx, request.get_ref());
        answer_template_admin(&self.store, "DeleteTemplate", request.metadata(), work).await.map(Response::new)
    }

    async fn list_presets(
        &self,
        request: Request<v1::ListPresetsRequest>,
    ) -> Result<Response<v1::ListPresetsResponse>, Status> {
        let work = |tx: &Tx<'_>, user: &User| template::presets(tx, user, request.get_ref());
        answer_user(&self.store, "ListPresets", request.metadata(), work).await.map(Response::new)
    }

    async fn list_templates(
        &self,
        request: Request<v1::ListTemplatesRequest>,
    ) -> Result<Response<v1::ListTemplatesResponse>, Status> {
        let work = |tx: &Tx<'_>, user: &User| template_view::list(tx, user, request.get_ref());
        answer_user(&self.store, "ListTemplates", request.metadata(), work).await.map(Response::new)
    }

    async fn get_template(&self, request: Request<v1::GetTemplateRequest>) -> Result<Response<v1::Template>, Status> {
        let work = |tx: &Tx<'_>, user: &User| template_view::get(tx, user, request.get_ref());
        answer_user(&self.store, "GetTemplate", request.metadata(), work).await.map(Response::new)
    }

    async fn get_choices(&self, request: Request<v1::GetChoicesRequest>) -> Result<Response<v1::Choices>, Status> {
        let work = |tx: &Tx<'_>, user: &User| template_view::choices(tx, user, request.get_ref());
        answer_user(&self.store, "GetChoices", request.metadata(), work).await.map(Response::new)
    }

    async fn invalidate_prebuilds(
        &self,
        request: Request<v1::InvalidatePrebuildsRequest>,
    ) -> Result<Response<v1::InvalidatePrebuildsResponse>, Status> {
        let work = |tx: &Tx<'_>, admin: &User| template::invalidate(tx, admin, request.get_ref());
        answer_template_admin(&self.store, "InvalidatePrebuilds", request.metadata(), work).await.map(Response::new)
    }

    async fn list_notifications(
        &self,
        request: Request<v1::ListNotificationsRequest>,
    ) -> Result<Response<v1::ListNotificationsResponse>, Status> {
        let work = |tx: &Tx<'_>, user: &User| notify::list(tx, user, request.get_ref());
        answer_user(&self.store, "ListNotifications", request.metadata(), work).await.map(Response::new)
    }
}

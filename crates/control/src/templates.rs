//! The service in which administrators make templates, and everybody looks at them.

use groundhog_wire::{
    Caller,
    v1::{self, templates_server::Templates},
};
use tonic::{Request, Response, Status, metadata::MetadataMap};

use crate::{
    identity,
    operations::{dry_run, version},
    refusal::CallError,
    rpc::answer,
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

    async fn answer_admin<T>(
        &self,
        method: &'static str,
        metadata: &MetadataMap,
        work: impl FnOnce(&Tx<'_>, &User) -> Result<T, CallError>,
    ) -> Result<T, Status> {
        self.answer(method, metadata, |tx, user| {
            identity::check_admin(user)?;
            work(tx, user)
        })
        .await
    }
}

#[tonic::async_trait]
impl Templates for TemplatesService {
    async fn create_version(
        &self,
        request: Request<v1::CreateVersionRequest>,
    ) -> Result<Response<v1::TemplateVersion>, Status> {
        let work = |tx: &Tx<'_>, admin: &User| version::create(tx, admin, request.get_ref());
        self.answer_admin("CreateVersion", request.metadata(), work).await.map(Response::new)
    }

    async fn get_version(
        &self,
        request: Request<v1::GetVersionRequest>,
    ) -> Result<Response<v1::TemplateVersion>, Status> {
        let work = |tx: &Tx<'_>, _: &User| version::get(tx, request.get_ref());
        self.answer("GetVersion", request.metadata(), work).await.map(Response::new)
    }

    async fn activate_version(
        &self,
        request: Request<v1::ActivateVersionRequest>,
    ) -> Result<Response<v1::TemplateVersion>, Status> {
        let work = |tx: &Tx<'_>, _: &User| version::activate(tx, request.get_ref());
        self.answer_admin("ActivateVersion", request.metadata(), work).await.map(Response::new)
    }

    async fn create_dry_run(&self, request: Request<v1::CreateDryRunRequest>) -> Result<Response<v1::DryRun>, Status> {
        let work = |tx: &Tx<'_>, admin: &User| dry_run::create(tx, admin, request.get_ref());
        self.answer_admin("CreateDryRun", request.metadata(), work).await.map(Response::new)
    }

    async fn get_dry_run(&self, request: Request<v1::GetDryRunRequest>) -> Result<Response<v1::DryRun>, Status> {
        let work = |tx: &Tx<'_>, user: &User| dry_run::get(tx, user, request.get_ref());
        self.answer("GetDryRun", request.metadata(), work).await.map(Response::new)
    }
}

//! The service that assistants call about chats, as the people whose chats they are.

use groundhog_wire::v1::{self, chats_server::Chats};
use tonic::{Request, Response, Status};

use crate::{
    operations::chat,
    rpc::{answer_admin, answer_user},
    store::{Store, Tx, users::User},
};

/// The service of chats. Each call is one transaction, which begins by finding out who calls.
#[derive(Clone, Debug)]
pub struct ChatsService {
    store: Store,
}

impl ChatsService {
    /// A service over `store`.
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

#[tonic::async_trait]
impl Chats for ChatsService {
    async fn create_chat(&self, request: Request<v1::CreateChatRequest>) -> Result<Response<v1::Chat>, Status> {
        let work = |tx: &Tx<'_>, user: &User| chat::create(tx, user, request.get_ref());
        answer_user(&self.store, "CreateChat", request.metadata(), work).await.map(Response::new)
    }

    async fn get_chat(&self, request: Request<v1::GetChatRequest>) -> Result<Response<v1::Chat>, Status> {
        let work = |tx: &Tx<'_>, user: &User| chat::get(tx, user, request.get_ref());
        answer_user(&self.store, "GetChat", request.metadata(), work).await.map(Response::new)
    }

    async fn bind_chat(&self, request: Request<v1::BindChatRequest>) -> Result<Response<v1::Chat>, Status> {
        let work = |tx: &Tx<'_>, user: &User| chat::bind(tx, user, request.get_ref());
        answer_user(&self.store, "BindChat", request.metadata(), work).await.map(Response::new)
    }

    async fn get_chat_settings(
        &self,
        request: Request<v1::GetChatSettingsRequest>,
    ) -> Result<Response<v1::ChatSettings>, Status> {
        let work = |tx: &Tx<'_>, _: &User| chat::settings(tx);
        answer_user(&self.store, "GetChatSettings", request.metadata(), work).await.map(Response::new)
    }

    async fn set_chat_settings(
        &self,
        request: Request<v1::ChatSettings>,
    ) -> Result<Response<v1::ChatSettings>, Status> {
        let work = |tx: &Tx<'_>, _: &User| chat::set_settings(tx, request.get_ref());
        answer_admin(&self.store, "SetChatSettings", request.metadata(), work).await.map(Response::new)
    }
}

//! The service that assistants call about chats, as the people whose chats they are.

use groundhog_wire::v1::{self, chats_server::Chats};
use tonic::{Request, Response, Status};

use crate::store::Store;

/// The service of chats. Each call is one transaction, which begins by finding out who calls.
#[derive(Clone, Debug)]
pub struct ChatsService {
    #[expect(dead_code, reason = "the skeleton")]
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
    async fn create_chat(&self, _: Request<v1::CreateChatRequest>) -> Result<Response<v1::Chat>, Status> {
        Err(Status::unimplemented("CreateChat"))
    }

    async fn get_chat(&self, _: Request<v1::GetChatRequest>) -> Result<Response<v1::Chat>, Status> {
        Err(Status::unimplemented("GetChat"))
    }

    async fn bind_chat(&self, _: Request<v1::BindChatRequest>) -> Result<Response<v1::Chat>, Status> {
        Err(Status::unimplemented("BindChat"))
    }

    async fn get_chat_settings(
        &self,
        _: Request<v1::GetChatSettingsRequest>,
    ) -> Result<Response<v1::ChatSettings>, Status> {
        Err(Status::unimplemented("GetChatSettings"))
    }

    async fn set_chat_settings(&self, _: Request<v1::ChatSettings>) -> Result<Response<v1::ChatSettings>, Status> {
        Err(Status::unimplemented("SetChatSettings"))
    }
}

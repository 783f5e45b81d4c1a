//! `groundhog user chat`.

use groundhog_wire::{
    Limited,
    v1::{self, Chat, chats_client::ChatsClient},
};

use super::{
    arguments::{CreateChatArguments, ShowChatArguments},
    caller::Caller,
    failure::Failure,
    show, tell,
};
use crate::{arguments::Format, exit::Exit};

/// Makes a chat.
pub(super) async fn create(caller: &Caller, arguments: &CreateChatArguments) -> Result<Exit, Failure> {
    let request = v1::CreateChatRequest {
        // Drawn here, so that a chat whose making is asked for twice, by whatever passes the call on, is made once.
        chat_id: caller.host.new_id("chat").to_string(),
        organization: arguments.organization.clone().unwrap_or_default(),
    };
    let made = caller
        .ask(request, |channel, request| async move { ChatsClient::new(channel).limited().create_chat(request).await });
    told(caller, &made.await?)
}

/// Shows a chat.
pub(super) async fn show(caller: &Caller, arguments: &ShowChatArguments) -> Result<Exit, Failure> {
    let request = v1::GetChatRequest { chat_id: arguments.chat.to_string() };
    let found = caller
        .ask(request, |channel, request| async move { ChatsClient::new(channel).limited().get_chat(request).await });
    told(caller, &found.await?)
}

fn told(caller: &Caller, chat: &Chat) -> Result<Exit, Failure> {
    match caller.format {
        Format::Text => show::chat(chat)?,
        Format::Json => tell::line("chat", tell::chat(chat))?,
    }
    Ok(Exit::Good)
}

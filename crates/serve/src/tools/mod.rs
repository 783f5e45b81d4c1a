//! The tools by which an assistant gets a chat a workspace, for a runtime that is another program: a line of JSON a call.
//!
//! [`lines`]: calls side by side, over an input and an output. `dialer`: how the tools reach agents.

mod dialer;
pub mod lines;

use std::{net::SocketAddr, path::Path, sync::Arc};

use groundhog_chattool::{Answer, Toolbox, ToolboxConfig, interface};
use groundhog_wire::id::ChatId;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use self::dialer::Dials;
use crate::{
    Error,
    arguments::ToolsArguments,
    place::{machine, run_on_one_thread},
    secret,
    signals::Signals,
};

/// Serves the tools until the input ends.
pub fn run(arguments: &ToolsArguments) -> Result<(), Error> {
    run_on_one_thread(serve(arguments))
}

async fn serve(arguments: &ToolsArguments) -> Result<(), Error> {
    let mut signals = Signals::new()?;
    let token = secret::need(&secret::USER_TOKEN, arguments.token.as_ref(), arguments.token_file.as_deref())?;
    let machine = machine("tools", SocketAddr::from(([127, 0, 0, 1], 0)), Path::new("."))?;
    let host = machine.host();
    let control = arguments.call.endpoints();
    let config = ToolboxConfig {
        control: Some(control.clone()),
        allowed_templates: arguments.templates.iter().copied().collect(),
        dialer: Some(Arc::new(Dials { host: host.clone(), control })),
        ..ToolboxConfig::default()
    };
    let (toolbox, enough) = (Toolbox::new(&host, config), CancellationToken::new());
    let call = |line: String| {
        let (toolbox, token) = (&toolbox, &token);
        async move {
            match addressed(line, arguments.chat) {
                Ok(line) => toolbox.call_json(token, &line).await,
                Err(answer) => answer,
            }
        }
    };
    let (input, output) = (tokio::io::stdin(), tokio::io::stdout());
    let serving = lines::serve(input, output, arguments.calls.get(), call, &enough);
    let mut serving = std::pin::pin!(serving);
    let ended = tokio::select! {
        biased;
        // The calls first: what is answered is answered.
        ended = &mut serving => Some(ended),
        signal = signals.next() => {
            tracing::info!(signal, "no further call is taken; another signal ends the program at once");
            None
        }
    };
    enough.cancel();
    let ended = match ended {
        Some(ended) => ended,
        None => tokio::select! {
            biased;
            // As above.
            ended = &mut serving => ended,
            _ = signals.next() => return Err(Error::EndedAtOnce),
        },
    };
    machine.stop().await;
    ended.map_err(|source| Error::Machine { doing: "answering calls".to_owned(), source })
}

/// The call as a toolbox takes it, with the chat that it is of; or the answer to one that is of another chat than `chat`.
pub fn addressed(line: String, chat: Option<ChatId>) -> Result<String, String> {
    let Some(chat) = chat else { return Ok(line) };
    // What is no object is answered by the toolbox, which says what is wrong with it.
    let Ok(mut call) = serde_json::from_str::<Map<String, Value>>(&line) else { return Ok(line) };
    match call.get("chat_id") {
        None | Some(Value::Null) => {
            call.insert("chat_id".to_owned(), Value::from(chat.to_string()));
            Ok(Value::Object(call).to_string())
        }
        Some(Value::String(text)) if text.trim().parse() == Ok(chat) => Ok(line),
        Some(_) => {
            let refused = Answer::Error(format!("invalid request: this runtime is for the chat {chat} alone"));
            Err(interface::write(call.get("id").filter(|id| id.is_string() || id.is_number()), &refused))
        }
    }
}

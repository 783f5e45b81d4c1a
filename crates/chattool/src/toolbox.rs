//! The tools of one runtime.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use groundhog_host::{Elapsed, Host};
use groundhog_wire::{Secret, id::ChatId};

use crate::{
    Answer, ToolboxConfig,
    arguments::Call,
    budget::Budgets,
    control_plane::ControlPlane,
    create::create_workspace,
    errand::Errand,
    events, interface,
    start::start_workspace,
    stop::stop_workspace,
    templates::{list_templates, read_template},
    texts, timing, told,
    tool::Tool,
    turns::Turns,
};

/// On whose behalf, and in which chat, a tool is called.
#[derive(Clone, Debug)]
pub struct Session {
    /// The chat.
    pub chat: ChatId,
    /// The session token of the person whose chat it is.
    pub token: Secret,
}

/// The tools of one runtime, for all of its chats. Cheap to clone; every clone is the same.
#[derive(Clone, Debug)]
pub struct Toolbox {
    host: Host,
    config: ToolboxConfig,
    turns: Turns,
    calls: Arc<AtomicU64>,
}

impl Toolbox {
    /// The tools, on `host`.
    pub fn new(host: &Host, config: ToolboxConfig) -> Self {
        Self { host: host.clone(), config, turns: Turns::default(), calls: Arc::default() }
    }

    /// Calls a tool with its arguments, a JSON object as text. Ends within [`CALL_MAX`](crate::timing::CALL_MAX).
    ///
    /// Dropping the future ends the call. What it has asked for by then may still be done, and the next call of the chat
    /// finds it.
    pub async fn call(&self, session: &Session, tool: &str, arguments: &str) -> Answer {
        let (began, number) = (self.host.now(), self.calls.fetch_add(1, Ordering::Relaxed) + 1);
        let chat = session.chat.event();
        let (name, answer) = match Tool::named(tool) {
            Ok(tool) => {
                events::called(tool.name(), chat, number);
                // Each of the call's waits is bounded; that they are no more than they should be is made sure of here.
                let carried_out = self.carry_out(session, tool, arguments, number);
                let answer = match self.host.timeout(timing::CALL_MAX, carried_out).await {
                    Ok(answer) => answer,
                    Err(Elapsed) => Answer::Error(texts::NO_DECISION.to_owned()),
                };
                (tool.name(), answer)
            }
            Err(error) => {
                // A name that somebody made up is not for the log.
                events::called("unknown", chat, number);
                ("unknown", Answer::Error(error.to_string()))
            }
        };
        let took_ms = u64::try_from((self.host.now() - began).as_millis()).unwrap_or(u64::MAX);
        let (outcome, readiness, shown) = (told::outcome(&answer), told::readiness(&answer), told::shown(&answer));
        events::answered(number, chat, name, outcome, readiness, &shown, answer.is_error(), took_ms);
        answer
    }

    /// Calls a tool by a line of JSON, and answers with one: see [`crate::interface`].
    pub async fn call_json(&self, token: &Secret, request: &str) -> String {
        match interface::read(request) {
            Ok(request) => {
                let session = Session { chat: request.chat, token: token.clone() };
                let answer = self.call(&session, &request.tool, &request.arguments).await;
                interface::write(request.id.as_ref(), &answer)
            }
            Err(error) => error.answer(),
        }
    }

    async fn carry_out(&self, session: &Session, tool: Tool, arguments: &str, number: u64) -> Answer {
        let Some(control) = self.config.control.clone() else {
            return Answer::Error(texts::NOT_CONFIGURED.to_owned());
        };
        let call = match Call::read(tool, arguments) {
            Ok(call) => call,
            Err(error) => return Answer::Error(error.to_string()),
        };
        let mut errand = Errand {
            host: &self.host,
            config: &self.config,
            turns: &self.turns,
            control: ControlPlane::new(&self.host, control, &session.token, self.config.channel.clone()),
            session,
            number,
            budgets: Budgets::whole(),
        };
        match call {
            Call::CreateWorkspace(arguments) => create_workspace(&mut errand, &arguments).await,
            Call::StartWorkspace => start_workspace(&mut errand).await,
            Call::StopWorkspace => stop_workspace(&mut errand).await,
            Call::ListTemplates => list_templates(&errand).await,
            Call::ReadTemplate(arguments) => read_template(&errand, &arguments).await,
        }
    }
}

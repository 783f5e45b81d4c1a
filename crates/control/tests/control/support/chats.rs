//! People's chats, and requests for workspaces that are to be theirs.

use groundhog_control::{
    operations::{agent::view as agent_view, chat, workspace_view},
    refusal::CallError,
};
use groundhog_wire::v1;
use uuid::Uuid;

use super::world::{World, new_workspace};

/// A request for a workspace of "plain" that is to be a chat's; requests with the same number are the same one.
pub(crate) fn for_chat(
    chat: &str,
    name: &str,
    request: u128,
    replaces: Option<v1::DeadWorkspace>,
) -> v1::CreateWorkspaceRequest {
    let request_id = Uuid::from_u128(request).to_string();
    let chat = v1::ForChat { chat_id: chat.to_owned(), request_id, replaces };
    v1::CreateWorkspaceRequest { chat: Some(chat), ..new_workspace(name, "plain") }
}

/// A workspace that is said to be dead, as of its build of this number, by an agent if one is named.
pub(crate) fn dead(workspace: &str, build_number: u32, agent: &str) -> Option<v1::DeadWorkspace> {
    let (workspace_id, agent_id) = (workspace.to_owned(), agent.to_owned());
    Some(v1::DeadWorkspace { workspace_id, build_number, agent_id })
}

/// A request that tells a chat with which build and agent it goes on, be the workspace its own so far or not.
pub(crate) fn bind(chat: &str, workspace: &str, build: &str, agent: &str) -> v1::BindChatRequest {
    v1::BindChatRequest {
        chat_id: chat.to_owned(),
        workspace_id: workspace.to_owned(),
        build_id: build.to_owned(),
        agent_id: agent.to_owned(),
        attach: true,
    }
}

impl World {
    /// A new chat of a person's.
    pub(crate) fn chat(&self, user: &str) -> String {
        let made = self.by_user(user, |tx, user| chat::create(tx, user, &v1::CreateChatRequest::default()));
        made.expect("everybody may").chat_id
    }

    pub(crate) fn get_chat(&self, user: &str, chat: &str) -> Result<v1::Chat, CallError> {
        let request = v1::GetChatRequest { chat_id: chat.to_owned() };
        self.by_user(user, |tx, user| chat::get(tx, user, &request))
    }

    pub(crate) fn bind(&self, user: &str, request: &v1::BindChatRequest) -> Result<v1::Chat, CallError> {
        self.by_user(user, |tx, user| chat::bind(tx, user, request))
    }

    /// A workspace of alice's, as she sees it.
    pub(crate) fn seen(&self, workspace: &str) -> v1::Workspace {
        let request =
            v1::GetWorkspaceRequest { workspace_id: workspace.to_owned(), ..v1::GetWorkspaceRequest::default() };
        self.by_user("alice", |tx, user| workspace_view::get(tx, user, &request)).expect("it is hers")
    }

    /// The agents of its latest build, as she sees them.
    pub(crate) fn agents(&self, workspace: &str) -> Vec<v1::AgentView> {
        let id = v1::list_agents_request::Workspace::WorkspaceId(workspace.to_owned());
        let request = v1::ListAgentsRequest { workspace: Some(id) };
        let config = &self.config.agents;
        self.by_user("alice", |tx, user| agent_view::list(tx, user, &request, config)).expect("it is hers").agents
    }

    /// How many live workspaces alice has.
    pub(crate) fn alices(&self) -> usize {
        let request = v1::ListWorkspacesRequest::default();
        let listed = self.by_user("alice", |tx, user| workspace_view::list(tx, user, &request));
        listed.expect("the database works").workspaces.len()
    }
}

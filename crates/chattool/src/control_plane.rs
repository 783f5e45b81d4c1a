//! What a call asks of the control plane: each request is bounded, and sent again while that may help.

use std::{future::Future, time::Duration};

use groundhog_host::{Host, Instant};
use groundhog_wire::{
    Channel, ChannelConfig, Endpoints, Identity, Limited, Secret, call,
    id::{AgentId, BuildId, ChatId, TemplateId, WorkspaceId},
    retryable,
    v1::{
        self, build_selector, chats_client::ChatsClient, list_agents_request, templates_client::TemplatesClient,
        workspace_agents_client::WorkspaceAgentsClient, workspaces_client::WorkspacesClient,
    },
};
use tonic::{Response, Status};

use crate::timing;

/// The control plane, as one person sees it. It has a connection of its own, which ends with it: a runtime keeps nobody's
/// token for longer than a call.
#[derive(Clone, Debug)]
pub(crate) struct ControlPlane {
    host: Host,
    channel: Channel,
}

impl ControlPlane {
    /// The one at `control`, as the person whose session `token` is.
    pub(crate) fn new(host: &Host, control: Endpoints, token: &Secret, config: ChannelConfig) -> Self {
        let channel = Channel::new(host, control, Identity::user(token.clone()), config);
        Self { host: host.clone(), channel }
    }

    /// A chat as it stands.
    pub(crate) async fn chat(&self, chat: ChatId, until: Instant) -> Result<v1::Chat, Status> {
        let request = v1::GetChatRequest { chat_id: chat.to_string() };
        self.ask(until, request, |channel, request| async move {
            ChatsClient::new(channel).limited().get_chat(request).await
        })
        .await
    }

    /// Says with which build and agent a chat goes on.
    pub(crate) async fn bind_chat(&self, request: v1::BindChatRequest, until: Instant) -> Result<v1::Chat, Status> {
        self.ask(until, request, |channel, request| async move {
            ChatsClient::new(channel).limited().bind_chat(request).await
        })
        .await
    }

    /// What administrators have set for all chats.
    pub(crate) async fn chat_settings(&self, until: Instant) -> Result<v1::ChatSettings, Status> {
        self.ask(until, v1::GetChatSettingsRequest {}, |channel, request| async move {
            ChatsClient::new(channel).limited().get_chat_settings(request).await
        })
        .await
    }

    /// A workspace as it stands, whether or not it was destroyed.
    pub(crate) async fn workspace(&self, workspace: WorkspaceId, until: Instant) -> Result<v1::Workspace, Status> {
        let request = v1::GetWorkspaceRequest { workspace_id: workspace.to_string(), ..Default::default() };
        self.ask(until, request, |channel, request| async move {
            WorkspacesClient::new(channel).limited().get_workspace(request).await
        })
        .await
    }

    /// The same, asked once.
    pub(crate) async fn workspace_once(&self, workspace: WorkspaceId, until: Instant) -> Result<v1::Workspace, Status> {
        let request = v1::GetWorkspaceRequest { workspace_id: workspace.to_string(), ..Default::default() };
        let mut client = WorkspacesClient::new(self.channel.clone()).limited();
        self.once(until, client.get_workspace(request)).await
    }

    /// A build as it stands.
    pub(crate) async fn build(&self, build: BuildId, until: Instant) -> Result<v1::Build, Status> {
        let selector = v1::BuildSelector { kind: Some(build_selector::Kind::BuildId(build.to_string())) };
        let request = v1::GetBuildRequest { build: Some(selector) };
        self.ask(until, request, |channel, request| async move {
            WorkspacesClient::new(channel).limited().get_build(request).await
        })
        .await
    }

    /// Asks for a workspace. Safe to be sent again, by the id that its chat's part has.
    pub(crate) async fn create_workspace(
        &self,
        request: v1::CreateWorkspaceRequest,
        until: Instant,
    ) -> Result<v1::Build, Status> {
        self.ask(until, request, |channel, request| async move {
            WorkspacesClient::new(channel).limited().create_workspace(request).await
        })
        .await
    }

    /// Asks for a build. Safe to be sent again, by the number of the build that it is to follow.
    pub(crate) async fn create_build(
        &self,
        request: v1::CreateBuildRequest,
        until: Instant,
    ) -> Result<v1::Build, Status> {
        self.ask(until, request, |channel, request| async move {
            WorkspacesClient::new(channel).limited().create_build(request).await
        })
        .await
    }

    /// What the person's workspaces cost in an organisation, and what they may.
    pub(crate) async fn quota(&self, organization: &str, until: Instant) -> Result<v1::Quota, Status> {
        let request = v1::GetQuotaRequest { organization: organization.to_owned() };
        self.ask(until, request, |channel, request| async move {
            WorkspacesClient::new(channel).limited().get_quota(request).await
        })
        .await
    }

    /// The agents of a workspace's latest build.
    pub(crate) async fn agents(&self, workspace: WorkspaceId, until: Instant) -> Result<Vec<v1::AgentView>, Status> {
        let workspace = list_agents_request::Workspace::WorkspaceId(workspace.to_string());
        let request = v1::ListAgentsRequest { workspace: Some(workspace) };
        let listed = self.ask(until, request, |channel, request| async move {
            WorkspaceAgentsClient::new(channel).limited().list_agents(request).await
        });
        Ok(listed.await?.agents)
    }

    /// An agent as it stands. Asked once: whoever waits for it asks again anyway.
    pub(crate) async fn agent_once(&self, agent: AgentId, until: Instant) -> Result<v1::AgentView, Status> {
        let request = v1::GetAgentRequest { agent_id: agent.to_string() };
        let mut client = WorkspaceAgentsClient::new(self.channel.clone()).limited();
        self.once(until, client.get_agent(request)).await
    }

    /// A template.
    pub(crate) async fn template(&self, template: TemplateId, until: Instant) -> Result<v1::Template, Status> {
        let request = v1::GetTemplateRequest { template_id: template.to_string() };
        self.ask(until, request, |channel, request| async move {
            TemplatesClient::new(channel).limited().get_template(request).await
        })
        .await
    }

    /// What whoever makes a workspace of a template can choose.
    pub(crate) async fn choices(&self, template: TemplateId, until: Instant) -> Result<v1::Choices, Status> {
        let request = v1::GetChoicesRequest { template_id: template.to_string() };
        self.ask(until, request, |channel, request| async move {
            TemplatesClient::new(channel).limited().get_choices(request).await
        })
        .await
    }

    /// An organisation's templates, by name.
    pub(crate) async fn templates(&self, organization: &str, until: Instant) -> Result<Vec<v1::Template>, Status> {
        let request = v1::ListTemplatesRequest { organization: organization.to_owned() };
        let listed = self.ask(until, request, |channel, request| async move {
            TemplatesClient::new(channel).limited().list_templates(request).await
        });
        Ok(listed.await?.templates)
    }

    /// Sends a request until it is answered, or until asking again does not help, or for
    /// [`timing::REQUEST_PATIENCE`], but not beyond `until`.
    async fn ask<Q: Clone, T, F>(&self, until: Instant, request: Q, send: impl Fn(Channel, Q) -> F) -> Result<T, Status>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let give_up = until.min(self.host.now() + timing::REQUEST_PATIENCE);
        loop {
            match self.once(give_up, send(self.channel.clone(), request.clone())).await {
                Err(status) if retryable(&status) && self.host.now() + timing::REQUEST_RETRY_INTERVAL < give_up => {
                    self.host.sleep(timing::REQUEST_RETRY_INTERVAL).await;
                }
                answer => return answer,
            }
        }
    }

    /// One try of a request, for [`timing::REQUEST_TIMEOUT`], but not beyond `until`. Nothing is sent once that has come.
    async fn once<T>(
        &self,
        until: Instant,
        request: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, Status> {
        let left = until.since(self.host.now());
        if left == Duration::ZERO {
            return Err(Status::deadline_exceeded("there is no time left to ask the control plane"));
        }
        call(&self.host, timing::REQUEST_TIMEOUT.min(left), request).await.map(Response::into_inner)
    }
}

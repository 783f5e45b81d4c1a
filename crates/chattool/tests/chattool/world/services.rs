//! The control plane's services, as far as tools ask for them.

use std::pin::Pin;

use groundhog_wire::v1::{
    self, build_selector, chats_server::Chats, list_agents_request, templates_server::Templates,
    workspace_agents_server::WorkspaceAgents, workspaces_server::Workspaces,
};
use tokio_stream::Stream;
use tonic::{Request, Response, Status, Streaming, async_trait};

use super::control::{Service, open, unasked};

type AnswerStream<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[async_trait]
impl Chats for Service {
    async fn create_chat(&self, _: Request<v1::CreateChatRequest>) -> Result<Response<v1::Chat>, Status> {
        unasked()
    }

    async fn get_chat(&self, request: Request<v1::GetChatRequest>) -> Result<Response<v1::Chat>, Status> {
        let id = open(request)?.chat_id;
        let unknown = || Status::not_found(format!("there is no chat {id}"));
        self.answer("get_chat", |state| state.chats.get(&id).cloned().ok_or_else(unknown)).await
    }

    async fn bind_chat(&self, request: Request<v1::BindChatRequest>) -> Result<Response<v1::Chat>, Status> {
        let request = open(request)?;
        self.answer("bind_chat", |state| {
            state.binds.push(request.clone());
            let unknown = || Status::not_found("there is no chat");
            let chat = state.chats.get_mut(&request.chat_id).ok_or_else(unknown)?;
            if chat.workspace_id != request.workspace_id {
                return Err(Status::aborted("the chat has another workspace"));
            }
            chat.build_id = request.build_id;
            chat.agent_id = request.agent_id;
            Ok(chat.clone())
        })
        .await
    }

    async fn get_chat_settings(
        &self,
        request: Request<v1::GetChatSettingsRequest>,
    ) -> Result<Response<v1::ChatSettings>, Status> {
        open(request)?;
        self.answer("get_chat_settings", |state| Ok(state.settings.clone())).await
    }

    async fn set_chat_settings(&self, _: Request<v1::ChatSettings>) -> Result<Response<v1::ChatSettings>, Status> {
        unasked()
    }
}

#[async_trait]
impl Workspaces for Service {
    async fn get_quota(&self, request: Request<v1::GetQuotaRequest>) -> Result<Response<v1::Quota>, Status> {
        assert_eq!(open(request)?.organization, "default");
        self.answer("get_quota", |state| Ok(state.quota)).await
    }

    async fn create_build(&self, request: Request<v1::CreateBuildRequest>) -> Result<Response<v1::Build>, Status> {
        let request = open(request)?;
        self.answer("create_build", |state| state.build(&request)).await
    }

    async fn create_workspace(
        &self,
        request: Request<v1::CreateWorkspaceRequest>,
    ) -> Result<Response<v1::Build>, Status> {
        let request = open(request)?;
        self.answer("create_workspace", |state| state.create(&request)).await
    }

    async fn cancel_build(&self, _: Request<v1::CancelBuildRequest>) -> Result<Response<v1::Build>, Status> {
        unasked()
    }

    async fn claim_workspace(&self, _: Request<v1::ClaimWorkspaceRequest>) -> Result<Response<v1::Build>, Status> {
        unasked()
    }

    async fn get_workspace(
        &self,
        request: Request<v1::GetWorkspaceRequest>,
    ) -> Result<Response<v1::Workspace>, Status> {
        let id = open(request)?.workspace_id;
        self.answer("get_workspace", |state| {
            let unknown = || Status::not_found(format!("there is no workspace {id}"));
            let workspace = state.workspaces.get(&id).ok_or_else(unknown)?;
            Ok(v1::Workspace {
                workspace_id: id.clone(),
                name: workspace.name.clone(),
                owner: "alice".to_owned(),
                latest_build: Some(workspace.latest.clone()),
                ..v1::Workspace::default()
            })
        })
        .await
    }

    async fn list_workspaces(
        &self,
        _: Request<v1::ListWorkspacesRequest>,
    ) -> Result<Response<v1::ListWorkspacesResponse>, Status> {
        unasked()
    }

    async fn set_autostart(&self, _: Request<v1::SetAutostartRequest>) -> Result<Response<v1::Workspace>, Status> {
        unasked()
    }

    async fn set_ttl(&self, _: Request<v1::SetTtlRequest>) -> Result<Response<v1::Workspace>, Status> {
        unasked()
    }

    async fn set_dormancy(&self, _: Request<v1::SetDormancyRequest>) -> Result<Response<v1::Workspace>, Status> {
        unasked()
    }

    async fn extend_deadline(&self, _: Request<v1::ExtendDeadlineRequest>) -> Result<Response<v1::Workspace>, Status> {
        unasked()
    }

    async fn get_build(&self, request: Request<v1::GetBuildRequest>) -> Result<Response<v1::Build>, Status> {
        let Some(build_selector::Kind::BuildId(id)) = open(request)?.build.and_then(|build| build.kind) else {
            return unasked();
        };
        self.answer("get_build", |state| {
            let latest = state.workspaces.values().map(|workspace| &workspace.latest);
            let unknown = || Status::not_found(format!("there is no build {id}"));
            latest.into_iter().find(|build| build.build_id == id).cloned().ok_or_else(unknown)
        })
        .await
    }

    async fn list_build_logs(
        &self,
        _: Request<v1::ListBuildLogsRequest>,
    ) -> Result<Response<v1::ListBuildLogsResponse>, Status> {
        unasked()
    }
}

#[async_trait]
impl Templates for Service {
    async fn create_version(
        &self,
        _: Request<v1::CreateVersionRequest>,
    ) -> Result<Response<v1::TemplateVersion>, Status> {
        unasked()
    }

    async fn get_version(&self, _: Request<v1::GetVersionRequest>) -> Result<Response<v1::TemplateVersion>, Status> {
        unasked()
    }

    async fn activate_version(
        &self,
        _: Request<v1::ActivateVersionRequest>,
    ) -> Result<Response<v1::TemplateVersion>, Status> {
        unasked()
    }

    async fn create_dry_run(&self, _: Request<v1::CreateDryRunRequest>) -> Result<Response<v1::DryRun>, Status> {
        unasked()
    }

    async fn get_dry_run(&self, _: Request<v1::GetDryRunRequest>) -> Result<Response<v1::DryRun>, Status> {
        unasked()
    }

    async fn update_template(&self, _: Request<v1::UpdateTemplateRequest>) -> Result<Response<v1::Template>, Status> {
        unasked()
    }

    async fn deprecate_template(
        &self,
        _: Request<v1::DeprecateTemplateRequest>,
    ) -> Result<Response<v1::Template>, Status> {
        unasked()
    }

    async fn delete_template(
        &self,
        _: Request<v1::DeleteTemplateRequest>,
    ) -> Result<Response<v1::DeleteTemplateResponse>, Status> {
        unasked()
    }

    async fn list_presets(
        &self,
        _: Request<v1::ListPresetsRequest>,
    ) -> Result<Response<v1::ListPresetsResponse>, Status> {
        unasked()
    }

    async fn invalidate_prebuilds(
        &self,
        _: Request<v1::InvalidatePrebuildsRequest>,
    ) -> Result<Response<v1::InvalidatePrebuildsResponse>, Status> {
        unasked()
    }

    async fn list_templates(
        &self,
        request: Request<v1::ListTemplatesRequest>,
    ) -> Result<Response<v1::ListTemplatesResponse>, Status> {
        let organization = open(request)?.organization;
        self.answer("list_templates", |state| {
            let all = state.templates.values().map(|(template, _)| template);
            let templates = all.filter(|template| template.organization == organization).cloned().collect();
            Ok(v1::ListTemplatesResponse { templates })
        })
        .await
    }

    async fn get_template(&self, request: Request<v1::GetTemplateRequest>) -> Result<Response<v1::Template>, Status> {
        let id = open(request)?.template_id;
        self.answer("get_template", |state| {
            let unknown = || Status::not_found(format!("there is no template {id}"));
            state.templates.get(&id).map(|(template, _)| template.clone()).ok_or_else(unknown)
        })
        .await
    }

    async fn get_choices(&self, request: Request<v1::GetChoicesRequest>) -> Result<Response<v1::Choices>, Status> {
        let id = open(request)?.template_id;
        self.answer("get_choices", |state| {
            let unknown = || Status::not_found(format!("there is no template {id}"));
            state.templates.get(&id).map(|(_, choices)| choices.clone()).ok_or_else(unknown)
        })
        .await
    }

    async fn list_notifications(
        &self,
        _: Request<v1::ListNotificationsRequest>,
    ) -> Result<Response<v1::ListNotificationsResponse>, Status> {
        unasked()
    }
}

#[async_trait]
impl WorkspaceAgents for Service {
    type FollowAgentLogsStream = AnswerStream<v1::ListAgentLogsResponse>;
    type CoordinateClientStream = AnswerStream<v1::CoordinateResponse>;
    type VisitAgentStream = AnswerStream<v1::RelayChunk>;
    type WatchConnectionStream = AnswerStream<v1::ConnectionNews>;

    async fn list_agents(
        &self,
        request: Request<v1::ListAgentsRequest>,
    ) -> Result<Response<v1::ListAgentsResponse>, Status> {
        let Some(list_agents_request::Workspace::WorkspaceId(id)) = open(request)?.workspace else {
            return unasked();
        };
        self.answer("list_agents", |state| {
            let unknown = || Status::not_found(format!("there is no workspace {id}"));
            let agents = state.workspaces.get(&id).ok_or_else(unknown)?.agents.clone();
            Ok(v1::ListAgentsResponse { agents })
        })
        .await
    }

    async fn get_agent(&self, request: Request<v1::GetAgentRequest>) -> Result<Response<v1::AgentView>, Status> {
        let id = open(request)?.agent_id;
        self.answer("get_agent", |state| {
            let mut all = state.workspaces.values().flat_map(|workspace| &workspace.agents);
            let unknown = || Status::not_found(format!("there is no agent {id}"));
            all.find(|agent| agent.agent_id == id).cloned().ok_or_else(unknown)
        })
        .await
    }

    async fn list_agent_logs(
        &self,
        _: Request<v1::ListAgentLogsRequest>,
    ) -> Result<Response<v1::ListAgentLogsResponse>, Status> {
        unasked()
    }

    async fn follow_agent_logs(
        &self,
        _: Request<v1::ListAgentLogsRequest>,
    ) -> Result<Response<Self::FollowAgentLogsStream>, Status> {
        unasked()
    }

    async fn coordinate_client(
        &self,
        _: Request<Streaming<v1::CoordinateRequest>>,
    ) -> Result<Response<Self::CoordinateClientStream>, Status> {
        unasked()
    }

    async fn get_relay_map(&self, _: Request<v1::GetRelayMapRequest>) -> Result<Response<v1::RelayMap>, Status> {
        unasked()
    }

    async fn visit_agent(
        &self,
        _: Request<Streaming<v1::RelayChunk>>,
    ) -> Result<Response<Self::VisitAgentStream>, Status> {
        unasked()
    }

    async fn watch_connection(
        &self,
        _: Request<v1::WatchConnectionRequest>,
    ) -> Result<Response<Self::WatchConnectionStream>, Status> {
        unasked()
    }
}

//! A call that a person makes, again and again until it is answered.

use std::{collections::BTreeMap, time::Duration};

use groundhog_host::Host;
use groundhog_provisioner::scripted;
use groundhog_wire::{
    call, retryable,
    v1::{
        ActivateVersionRequest, BuildSelector, CancelBuildRequest, CancelJobRequest, ChatSettings, CreateBuildRequest,
        CreateDryRunRequest, CreateVersionRequest, CreateWorkspaceRequest, DeleteDaemonKeyRequest,
        DeleteTemplateRequest, DeprecateTemplateRequest, GetVersionRequest, InvalidatePrebuildsRequest, JobStatus,
        LogLevel, ParameterValue, PrebuildsSettings, Transition, UpdateTemplateRequest, VariableValue, VersionSelector,
        build_selector,
    },
};
use tonic::{Code, Status};

use super::{CALL_TIMEOUT, Clients, PATIENCE, RETRY_WAIT, Shared, answered, gave_up, refused};
use crate::scenario::{self, Action, ExpectStatus};

/// A call that a person makes.
pub(super) struct Request {
    by: String,
    call: Call,
}

enum Call {
    CreateWorkspace(CreateWorkspaceRequest),
    CreateBuild(CreateBuildRequest),
    CancelBuild(CancelBuildRequest),
    /// With how long its workspaces live, which is said of a template once it is there.
    CreateVersion(CreateVersionRequest, Option<UpdateTemplateRequest>),
    CancelImport(VersionSelector),
    CreateDryRun(CreateDryRunRequest),
    /// The template's latest one.
    CancelDryRun(String),
    DeleteKey(DeleteDaemonKeyRequest),
    ActivateVersion(VersionSelector),
    DeprecateTemplate(DeprecateTemplateRequest),
    DeleteTemplate(DeleteTemplateRequest),
    InvalidatePrebuilds(InvalidatePrebuildsRequest),
    PausePrebuilds(PrebuildsSettings),
    SetChatTtl(ChatSettings),
}

impl Request {
    /// What a step asks for; none if it asks the control plane for nothing.
    pub(super) fn of(action: &Action, people: &Shared) -> Option<Self> {
        let (by, call) = match action {
            Action::CreateWorkspace {
                name,
                owner,
                template,
                parameters,
                log_level,
                preset,
                version,
                autostart,
                ttl,
            } => {
                let request = CreateWorkspaceRequest {
                    name: name.clone(),
                    template: template.clone(),
                    parameters: parameter_values(parameters),
                    log_level: log_level.map_or(LogLevel::Unspecified, wire_level).into(),
                    preset: preset.clone(),
                    version: version.clone(),
                    autostart: autostart.clone(),
                    ttl_ms: ttl.map(whole_millis),
                    ..CreateWorkspaceRequest::default()
                };
                (owner, Call::CreateWorkspace(request))
            }
            // Somebody else calls it by its id: see `wish`.
            Action::BuildWorkspace { owner, by, .. } if owner != by => return None,
            Action::BuildWorkspace { workspace, owner: _, by, transition, update, orphan } => {
                let request = CreateBuildRequest {
                    workspace: workspace.clone(),
                    transition: wire_transition(*transition).into(),
                    update: *update,
                    orphan: *orphan,
                    ..CreateBuildRequest::default()
                };
                (by, Call::CreateBuild(request))
            }
            Action::CancelBuild { workspace, owner: _, by, expect_status } => {
                let build = BuildSelector { kind: Some(build_selector::Kind::Workspace(workspace.clone())) };
                let request = CancelBuildRequest { build: Some(build), expect_status: expected(*expect_status).into() };
                (by, Call::CancelBuild(request))
            }
            Action::ImportTemplate { template, version, by, like, variables, activate } => {
                let source = people.sources.get(like)?;
                let variable = |(name, value): (&String, &String)| VariableValue {
                    name: name.clone(),
                    value: value.clone(),
                    sensitive: source.secrets.contains(name),
                };
                let request = CreateVersionRequest {
                    template: template.clone(),
                    version: version.clone(),
                    provisioner_type: scripted::TYPE.to_owned(),
                    source: source.text.clone(),
                    tags: source.tags.clone().into_iter().collect(),
                    variable_values: variables.iter().map(variable).collect(),
                    activate: *activate,
                    organization: source.organization.clone(),
                };
                let lifetimes = people.lifetimes.get(template).cloned();
                (by, Call::CreateVersion(request, lifetimes))
            }
            Action::CancelImport { template, version, by } => (by, Call::CancelImport(selector(template, version))),
            Action::DryRun { template, by, parameters } => {
                let request = CreateDryRunRequest {
                    version: Some(selector(template, "")),
                    workspace_name: String::new(),
                    parameters: parameter_values(parameters),
                };
                (by, Call::CreateDryRun(request))
            }
            Action::CancelDryRun { template, by } => (by, Call::CancelDryRun(template.clone())),
            Action::DeleteKey { key, by } => (by, Call::DeleteKey(DeleteDaemonKeyRequest { key: key.clone() })),
            Action::ActivateVersion { template, version, by } => {
                (by, Call::ActivateVersion(selector(template, version)))
            }
            Action::DeprecateTemplate { template, message, by } => {
                let request = DeprecateTemplateRequest { template: template.clone(), message: message.clone() };
                (by, Call::DeprecateTemplate(request))
            }
            Action::DeleteTemplate { template, by } => {
                (by, Call::DeleteTemplate(DeleteTemplateRequest { template: template.clone() }))
            }
            Action::InvalidatePrebuilds { template, by } => {
                (by, Call::InvalidatePrebuilds(InvalidatePrebuildsRequest { template: template.clone() }))
            }
            Action::PausePrebuilds { by, paused } => (by, Call::PausePrebuilds(PrebuildsSettings { paused: *paused })),
            Action::SetChatTtl { ttl, by } => (by, Call::SetChatTtl(ChatSettings { workspace_ttl: ttl.clone() })),
            Action::FollowLogs { .. }
            | Action::ShutdownProvisioner { .. }
            | Action::OpenTerminal { .. }
            | Action::AppOutage { .. }
            | Action::ClaimWorkspace { .. }
            | Action::ListAgents { .. }
            | Action::SetLifecycle { .. }
            | Action::ReadMetrics { .. }
            | Action::ListPresets { .. }
            | Action::OpenTunnel(_)
            | Action::CallTool(_)
            | Action::AttachWorkspace { .. }
            | Action::InterruptTunnel { .. } => return None,
        };
        Some(Self { by: by.clone(), call })
    }

    fn name(&self) -> &'static str {
        match &self.call {
            Call::CreateWorkspace(_) => "create_workspace",
            Call::CreateBuild(_) => "build_workspace",
            Call::CancelBuild(_) => "cancel_build",
            Call::CreateVersion(..) => "import_template",
            Call::CancelImport(_) => "cancel_import",
            Call::CreateDryRun(_) => "dry_run",
            Call::CancelDryRun(_) => "cancel_dry_run",
            Call::DeleteKey(_) => "delete_key",
            Call::ActivateVersion(_) => "activate_version",
            Call::DeprecateTemplate(_) => "deprecate_template",
            Call::DeleteTemplate(_) => "delete_template",
            Call::InvalidatePrebuilds(_) => "invalidate_prebuilds",
            Call::PausePrebuilds(settings) if settings.paused => "pause_prebuilds",
            Call::PausePrebuilds(_) => "resume_prebuilds",
            Call::SetChatTtl(_) => "set_chat_ttl",
        }
    }

    /// Asks until there is an answer, or patience ends.
    pub(super) async fn make(self, host: &Host, people: &Shared) {
        let unborn = match &self.call {
            Call::CreateWorkspace(request) => Some((self.by.clone(), request.name.clone())),
            _ => None,
        };
        people.unborn().extend(unborn.clone());
        self.ask(host, people).await;
        if let Some(unborn) = unborn {
            people.unborn().remove(&unborn);
        }
    }

    async fn ask(&self, host: &Host, people: &Shared) {
        let Some(mut clients) = people.clients(host, &self.by) else { return };
        let until = host.now() + PATIENCE;
        let mut tried = false;
        loop {
            match call(host, CALL_TIMEOUT, self.once(&mut clients, people)).await {
                Ok(()) => return answered(&self.by, self.name()),
                Err(status) if !retryable(&status) => {
                    // What an earlier try did unseen is what was asked for.
                    return if tried && self.is_done(&status) {
                        answered(&self.by, self.name());
                    } else {
                        refused(&self.by, self.name(), &format!("{:?}", status.code()), status.message());
                    };
                }
                Err(status) if host.now() >= until => return gave_up(&self.by, self.name(), status.message()),
                Err(_) => tried = true,
            }
            host.sleep(RETRY_WAIT).await;
        }
    }

    async fn once(&self, clients: &mut Clients, people: &Shared) -> Result<(), Status> {
        match &self.call {
            Call::CreateWorkspace(request) => clients.workspaces.create_workspace(request.clone()).await.map(drop),
            Call::CreateBuild(request) => clients.workspaces.create_build(request.clone()).await.map(drop),
            Call::CancelBuild(request) => clients.workspaces.cancel_build(request.clone()).await.map(drop),
            Call::CreateVersion(request, lifetimes) => {
                clients.templates.create_version(request.clone()).await?;
                match lifetimes {
                    Some(lifetimes) => clients.templates.update_template(lifetimes.clone()).await.map(drop),
                    None => Ok(()),
                }
            }
            Call::CancelImport(version) => {
                let request = GetVersionRequest { version: Some(version.clone()) };
                let version = clients.templates.get_version(request).await?.into_inner();
                let import = version.import.ok_or_else(|| Status::not_found("the version was never imported"))?;
                cancel(clients, import.job_id).await
            }
            Call::CreateDryRun(request) => {
                let template = request.version.as_ref().map(|version| version.template.clone()).unwrap_or_default();
                let job = clients.templates.create_dry_run(request.clone()).await?.into_inner().job;
                people.dry_runs().insert(template, job.unwrap_or_default().job_id);
                Ok(())
            }
            Call::CancelDryRun(template) => {
                let job = people.dry_runs().get(template).cloned();
                // Whoever asked for it may still be waiting for the answer.
                let job = job.ok_or_else(|| Status::unavailable("nobody knows of a dry run"))?;
                cancel(clients, job).await
            }
            Call::DeleteKey(request) => clients.administration.delete_daemon_key(request.clone()).await.map(drop),
            Call::ActivateVersion(version) => {
                let request = ActivateVersionRequest { version: Some(version.clone()) };
                clients.templates.activate_version(request).await.map(drop)
            }
            Call::DeprecateTemplate(request) => clients.templates.deprecate_template(request.clone()).await.map(drop),
            Call::DeleteTemplate(request) => clients.templates.delete_template(request.clone()).await.map(drop),
            Call::InvalidatePrebuilds(request) => {
                clients.templates.invalidate_prebuilds(request.clone()).await.map(drop)
            }
            Call::SetChatTtl(settings) => clients.chats.set_chat_settings(settings.clone()).await.map(drop),
            Call::PausePrebuilds(settings) => clients.administration.set_prebuilds_settings(*settings).await.map(drop),
        }
    }

    /// Whether a refusal says that what is asked for has been done.
    fn is_done(&self, status: &Status) -> bool {
        match self.call {
            Call::CreateWorkspace(_) | Call::CreateVersion(..) => status.code() == Code::AlreadyExists,
            // The build that is in the way, or the cancel that came before, is one's own.
            Call::CreateBuild(_) | Call::CancelBuild(_) | Call::CancelImport(_) | Call::CancelDryRun(_) => {
                status.code() == Code::FailedPrecondition
            }
            Call::DeleteKey(_) | Call::DeleteTemplate(_) => status.code() == Code::NotFound,
            // A second one is another one, or comes to the same, and is not refused.
            Call::CreateDryRun(_)
            | Call::ActivateVersion(_)
            | Call::DeprecateTemplate(_)
            | Call::InvalidatePrebuilds(_)
            | Call::PausePrebuilds(_)
            | Call::SetChatTtl(_) => false,
        }
    }
}

async fn cancel(clients: &mut Clients, job_id: String) -> Result<(), Status> {
    let request = CancelJobRequest { job_id, expect_status: JobStatus::Unspecified.into() };
    clients.jobs.cancel_job(request).await.map(drop)
}

pub(super) fn wire_transition(transition: scenario::Transition) -> Transition {
    match transition {
        scenario::Transition::Start => Transition::Start,
        scenario::Transition::Stop => Transition::Stop,
        scenario::Transition::Destroy => Transition::Destroy,
    }
}

/// The status that a build is to have that is cancelled.
pub(super) fn expected(status: Option<ExpectStatus>) -> JobStatus {
    match status {
        None => JobStatus::Unspecified,
        Some(ExpectStatus::Pending) => JobStatus::Pending,
        Some(ExpectStatus::Running) => JobStatus::Running,
    }
}

pub(super) fn whole_millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

pub(super) fn selector(template: &str, version: &str) -> VersionSelector {
    VersionSelector { template: template.to_owned(), version: version.to_owned() }
}

fn parameter_values(parameters: &BTreeMap<String, String>) -> Vec<ParameterValue> {
    let value = |(name, value): (&String, &String)| ParameterValue { name: name.clone(), value: value.clone() };
    parameters.iter().map(value).collect()
}

fn wire_level(level: scenario::LogLevel) -> LogLevel {
    match level {
        scenario::LogLevel::Trace => LogLevel::Trace,
        scenario::LogLevel::Debug => LogLevel::Debug,
        scenario::LogLevel::Info => LogLevel::Info,
        scenario::LogLevel::Warn => LogLevel::Warn,
        scenario::LogLevel::Error => LogLevel::Error,
    }
}

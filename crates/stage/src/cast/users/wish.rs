//! What people want of a workspace that they call by its id: a build of it or that build's end, when it starts, stops and
//! goes by itself, and that it is a chat's.
//!
//! One wish may take several calls, which are made one after another; one that is refused keeps the others from nothing.

use groundhog_host::Host;
use groundhog_wire::{
    call,
    id::ChatId,
    retryable,
    v1::{
        BindChatRequest, BuildSelector, CancelBuildRequest, CreateBuildRequest, ExtendDeadlineRequest, JobStatus,
        SetAutostartRequest, SetDormancyRequest, SetTtlRequest, build_selector,
    },
};
use tonic::{Code, Status};

use super::{
    CALL_TIMEOUT, PATIENCE, RETRY_WAIT, Shared,
    agents::{Asked, Circle, latest_build},
    answered, gave_up, refused,
    request::{expected, whole_millis, wire_transition},
};
use crate::scenario::{Action, Lifecycle, Transition};

/// What somebody wants of a workspace.
pub(super) struct Wish {
    asked: Asked,
    calls: Vec<Call>,
}

enum Call {
    Build {
        transition: Transition,
        update: bool,
        orphan: bool,
    },
    /// The end of its latest build, if that has this status.
    Cancel(JobStatus),
    /// It is to be this chat's.
    Attach(ChatId),
    Autostart(String),
    /// In milliseconds.
    Ttl(i64),
    Dormant(bool),
    /// So many milliseconds from now.
    Extend(i64),
}

impl Wish {
    /// What a step wants, if it does. `id` is the workspace's, if it is known.
    pub(super) fn of(action: &Action, id: Option<&String>, people: &Shared) -> Option<Self> {
        let asked = |workspace: &String, owner: &String, by: &String| Asked {
            by: by.clone(),
            owner: owner.clone(),
            workspace: workspace.clone(),
            id: id.cloned(),
        };
        match action {
            Action::BuildWorkspace { workspace, owner, by, transition, update, orphan }
                if owner != by || id.is_some() =>
            {
                let build = Call::Build { transition: *transition, update: *update, orphan: *orphan };
                Some(Self { asked: asked(workspace, owner, by), calls: vec![build] })
            }
            Action::CancelBuild { workspace, owner, by, expect_status } if id.is_some() => {
                let cancel = Call::Cancel(expected(*expect_status));
                Some(Self { asked: asked(workspace, owner, by), calls: vec![cancel] })
            }
            Action::AttachWorkspace { chat, workspace, owner, by } => {
                let attach = Call::Attach(*people.chats.get(chat)?);
                Some(Self { asked: asked(workspace, owner, by), calls: vec![attach] })
            }
            Action::SetLifecycle { workspace, owner, by, lifecycle } => {
                Some(Self { asked: asked(workspace, owner, by), calls: calls(lifecycle) })
            }
            _ => None,
        }
    }

    /// Makes every call until it is answered, or patience ends.
    pub(super) async fn fulfil(self, host: &Host, people: &Shared) {
        let Some(mut circle) = Circle::of(host, people, &self.asked) else { return };
        for call in &self.calls {
            self.make(host, &mut circle, call).await;
        }
    }

    async fn make(&self, host: &Host, circle: &mut Circle, wanted: &Call) {
        let by = &self.asked.by;
        let until = host.now() + PATIENCE;
        let mut tried = false;
        loop {
            match call(host, CALL_TIMEOUT, once(host, circle, wanted)).await {
                Ok(()) => return answered(by, wanted.name()),
                Err(status) if !retryable(&status) => {
                    // The build that is in the way is one's own, or the cancel that came before.
                    let is_own = matches!(wanted, Call::Build { .. } | Call::Cancel(_));
                    let is_done = tried && is_own && status.code() == Code::FailedPrecondition;
                    return if is_done {
                        answered(by, wanted.name());
                    } else {
                        refused(by, wanted.name(), &format!("{:?}", status.code()), status.message());
                    };
                }
                Err(status) if host.now() >= until => return gave_up(by, wanted.name(), status.message()),
                Err(_) => tried = true,
            }
            host.sleep(RETRY_WAIT).await;
        }
    }
}

fn calls(lifecycle: &Lifecycle) -> Vec<Call> {
    let Lifecycle { autostart, ttl, dormant, extend } = lifecycle;
    let autostart = autostart.clone().map(Call::Autostart);
    let ttl = ttl.map(|ttl| Call::Ttl(whole_millis(ttl)));
    let extend = extend.map(|extend| Call::Extend(whole_millis(extend)));
    [autostart, ttl, dormant.map(Call::Dormant), extend].into_iter().flatten().collect()
}

impl Call {
    /// The name of the step that it is, or is a part of, as events have it.
    fn name(&self) -> &'static str {
        match self {
            Self::Build { .. } => "build_workspace",
            Self::Cancel(_) => "cancel_build",
            Self::Attach(_) => "attach_workspace",
            Self::Autostart(_) => "set_autostart",
            Self::Ttl(_) => "set_ttl",
            Self::Dormant(_) => "set_dormancy",
            Self::Extend(_) => "extend_deadline",
        }
    }
}

async fn once(host: &Host, circle: &mut Circle, wanted: &Call) -> Result<(), Status> {
    let workspace_id = circle.workspace_id(host).await?;
    let workspaces = &mut circle.asking.workspaces;
    match wanted {
        Call::Cancel(expected) => {
            let build_id = latest_build(host, &mut circle.asking, &workspace_id).await?.build_id;
            let build = BuildSelector { kind: Some(build_selector::Kind::BuildId(build_id)) };
            let request = CancelBuildRequest { build: Some(build), expect_status: (*expected).into() };
            circle.asking.workspaces.cancel_build(request).await.map(drop)
        }
        Call::Attach(chat) => {
            let request =
                BindChatRequest { chat_id: chat.to_string(), workspace_id, attach: true, ..BindChatRequest::default() };
            circle.asking.chats.bind_chat(request).await.map(drop)
        }
        Call::Build { transition, update, orphan } => {
            let request = CreateBuildRequest {
                workspace_id,
                transition: wire_transition(*transition).into(),
                update: *update,
                orphan: *orphan,
                ..CreateBuildRequest::default()
            };
            workspaces.create_build(request).await.map(drop)
        }
        Call::Autostart(autostart) => {
            let request = SetAutostartRequest { workspace_id, autostart: autostart.clone() };
            workspaces.set_autostart(request).await.map(drop)
        }
        Call::Ttl(ttl_ms) => {
            let request = SetTtlRequest { workspace_id, ttl_ms: *ttl_ms };
            workspaces.set_ttl(request).await.map(drop)
        }
        Call::Dormant(dormant) => {
            let request = SetDormancyRequest { workspace_id, dormant: *dormant };
            workspaces.set_dormancy(request).await.map(drop)
        }
        Call::Extend(extend_ms) => {
            let deadline_at_ms = host.wall().as_millisecond().saturating_add(*extend_ms);
            let request = ExtendDeadlineRequest { workspace_id, deadline_at_ms };
            workspaces.extend_deadline(request).await.map(drop)
        }
    }
}

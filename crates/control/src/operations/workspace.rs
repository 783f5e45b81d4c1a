//! Making builds of workspaces.

use groundhog_wire::{
    id::{BuildId, JobId, PresetId, WorkspaceId},
    v1,
};

use super::{Posting, clock, orphan, version, view};
use crate::{
    build_reason::BuildReason,
    config::DaemonsConfig,
    events,
    job_kind::JobKind,
    permission::{self, Whose},
    refusal::{CallError, Refusal},
    store::{
        Tx,
        builds::{self, Build, NewBuild},
        jobs::{self, NewJob},
        notices::Notice,
        templates::{self, Version},
        users::{self, User},
    },
    tags::Tags,
    transition::Transition,
};

/// Queues a build of a workspace with the parameters that it was last built with: `user`'s own, named by its name, or
/// any that they may see, by its id. It is of the version that the workspace was last built from, or of the template's
/// active one if the workspace is to be updated.
///
/// Refused while another build of it has not ended; and before that, if the caller says after which build this one is
/// to come, once there is a newer one. So a request that is repeated because its answer was lost makes no second build.
///
/// `daemons` says how long a daemon counts as there that is not heard of: see [`orphan`].
pub fn create_build(
    tx: &Tx<'_>,
    user: &User,
    request: &v1::CreateBuildRequest,
    daemons: &DaemonsConfig,
) -> Result<v1::Build, CallError> {
    let Some(transition) = Transition::from_wire(request.transition) else {
        return Err(Refusal::Invalid("expected a transition: start, stop or destroy".to_owned()).into());
    };
    let orphan = request.orphan;
    if orphan && transition != Transition::Destroy {
        return Err(Refusal::Invalid("only a destroy leaves behind what a workspace has".to_owned()).into());
    }
    let log_level = check_log_level(request.log_level)?;
    let (latest, whose) = match (request.workspace.as_str(), request.workspace_id.as_str()) {
        (name, "") => (view::latest_build(tx, user, name)?, Whose::Own),
        ("", id) => view::latest_build_by_id(tx, user, id)?,
        (_, _) => {
            return Err(Refusal::Invalid("expected a workspace's name or its id, and got both".to_owned()).into());
        }
    };
    if !permission::builds_workspace(user.role, whose, transition, orphan) {
        let text = match whose {
            Whose::BuiltAhead if transition != Transition::Destroy => {
                "nobody has claimed the workspace: until then it can only be deleted, or started and stopped by \
                 administrators"
            }
            Whose::Own | Whose::Anothers | Whose::BuiltAhead => {
                "only who looks after templates may leave behind what a workspace has: leave \"orphan\" out"
            }
        };
        return Err(Refusal::Denied(text.to_owned()).into());
    }
    if request.after_build != 0 && latest.number > request.after_build {
        let (number, after) = (latest.number, request.after_build);
        let text = format!("The workspace has a build {number}, which is newer than build {after}: look at it first.");
        return Err(Refusal::Overtaken(text).into());
    }
    let job = jobs::by_id(tx, latest.job)?.ok_or_else(|| view::no_job(&latest))?;
    if job.completed_at.is_none() {
        return Err(Refusal::State("A workspace build is already active.".to_owned()).into());
    }
    let mut version = templates::version(tx, latest.version)?
        .ok_or_else(|| Refusal::State("the version that the workspace was built from is gone".to_owned()))?;
    if request.update {
        version = version::active_beside(tx, &version)?;
    }
    clock::before_build(tx, &latest, transition)?;
    let owner = if latest.owner == user.id { user.name.clone() } else { owner_name(tx, &latest)? };
    if orphan {
        return orphan::destroy(tx, user, &owner, &version, &latest, daemons);
    }
    let place = Place::after(&latest, transition);
    queue(tx, user, &owner, &version, place, asked(latest.asked.parameter_values, log_level))
}

/// Where a build belongs, and what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Of which workspace it is.
    pub workspace: WorkspaceId,
    /// One more than the workspace's latest.
    pub number: u32,
    /// What it does.
    pub transition: Transition,
    /// What the workspace costs until the build's own cost is known, in credits a day.
    pub daily_cost: i32,
    /// The preset that it is of, if it is a workspace's first one, or a claim's.
    pub preset: Option<PresetId>,
    /// Why it is asked for.
    pub reason: BuildReason,
    /// What the workspace has is left behind.
    pub orphan: bool,
}

impl Place {
    /// The first build of a workspace: it costs nothing yet.
    pub const fn first(workspace: WorkspaceId, preset: Option<PresetId>) -> Self {
        let (reason, transition) = (BuildReason::Initiator, Transition::Start);
        Self { workspace, number: 1, transition, daily_cost: 0, preset, reason, orphan: false }
    }

    /// The build after `latest`.
    ///
    /// Until its own cost is known, the workspace costs what it cost: were it nothing, another workspace could be
    /// granted those credits, and then both would run.
    pub const fn after(latest: &Build, transition: Transition) -> Self {
        Self {
            workspace: latest.workspace,
            number: latest.number.saturating_add(1),
            transition,
            daily_cost: latest.daily_cost,
            preset: None,
            reason: BuildReason::Initiator,
            orphan: false,
        }
    }
}

/// Queues a build that `user` asks for, of a workspace that belongs to the person called `owner`. Daemons are told of
/// it after the commit.
pub fn queue(
    tx: &Tx<'_>,
    user: &User,
    owner: &str,
    version: &Version,
    place: Place,
    asked: v1::WorkspaceBuild,
) -> Result<v1::Build, CallError> {
    let Place { workspace, number, transition, daily_cost, preset, reason, orphan } = place;
    let tags = Tags::for_job(&version.tags, owner).map_err(|error| Refusal::State(error.to_string()))?;
    let job = JobId(tx.new_id("job"));
    let provisioner_type = version.provisioner_type.as_str();
    let kind = JobKind::WorkspaceBuild;
    jobs::insert(tx, &NewJob { id: job, kind, provisioner_type, initiator: user, tags: &tags })?;
    let id = BuildId(tx.new_id("build"));
    let (version_id, asked) = (version.id, &asked);
    builds::insert(
        tx,
        &NewBuild {
            id,
            workspace,
            version: version_id,
            job,
            number,
            transition,
            daily_cost,
            asked,
            preset,
            reason,
            orphan,
        },
    )?;
    tx.after_commit(move || {
        events::build_queued(id.event(), workspace.event(), number, transition.as_str(), job.event());
    });
    tx.notify(Notice::JobPosted(Posting { provisioner_type: version.provisioner_type.clone(), tags }));
    tx.notify(Notice::WorkspaceChanged { workspace });
    let build = builds::by_id(tx, id)?.ok_or_else(|| Refusal::NotFound(format!("there is no build {id}")))?;
    view::build(tx, &build)
}

/// The name of the person whose workspace a build is of. Which daemons may carry it out depends on the owner, whoever
/// asks for it.
fn owner_name(tx: &Tx<'_>, build: &Build) -> Result<String, CallError> {
    let name = users::name(tx, build.owner)?;
    // People are never deleted, so only a damaged database gets here.
    name.ok_or_else(|| Refusal::NotFound(format!("the owner of the workspace {} is gone", build.workspace)).into())
}

/// What an owner chose, as it is kept.
pub(super) fn asked(parameter_values: Vec<v1::ParameterValue>, log_level: v1::LogLevel) -> v1::WorkspaceBuild {
    v1::WorkspaceBuild { parameter_values, log_level: log_level.into(), ..v1::WorkspaceBuild::default() }
}

pub(super) fn check_log_level(number: i32) -> Result<v1::LogLevel, Refusal> {
    v1::LogLevel::try_from(number).map_err(|_| Refusal::Invalid(format!("there is no log level {number}")))
}

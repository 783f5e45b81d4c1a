//! What a worker is sent with a job.

use std::time::Duration;

use groundhog_wire::{Secret, id::JobId, v1};
use prost::Message;

use crate::{
    job_kind::JobKind,
    millis::millis,
    secret_hash::SecretHash,
    store::{
        StoreError, Tx,
        builds::{self, Build},
        dry_runs,
        jobs::{self, Job},
        templates::{self, Version},
        users,
    },
    transition::Transition,
    variables,
};

/// On what terms jobs are handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The largest message, in bytes; a job above it is failed.
    pub job_bytes_max: usize,
    /// How long the token is good by which a started workspace calls as its owner.
    pub session_lifetime: Duration,
}

/// Why no message can be made of a job.
enum Flaw {
    /// Something that belongs to the job is missing or can't be used.
    Reason(String),
    /// The database failed.
    Store(StoreError),
}

impl From<StoreError> for Flaw {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What the job's worker is sent, or why that can't be made: every error but a failure of the database itself is a
/// reason, because repeating it would not help.
///
/// The session of a start's owner is made with it, and ended with a stop's or a destroy's.
pub(super) fn make(tx: &Tx<'_>, id: JobId, terms: &Terms) -> Result<Result<v1::Job, String>, StoreError> {
    match attempt(tx, id, terms) {
        Ok(message) => Ok(Ok(message)),
        Err(Flaw::Reason(reason)) => Ok(Err(reason)),
        Err(Flaw::Store(error)) if error.is_damage() => Ok(Err(format!("the database is damaged: {error}"))),
        Err(Flaw::Store(error)) => Err(error),
    }
}

fn attempt(tx: &Tx<'_>, id: JobId, terms: &Terms) -> Result<v1::Job, Flaw> {
    let job = found("get job", jobs::by_id(tx, id))?;
    let initiator = found("get user", users::name(tx, job.initiator))?;
    let (template_source, kind, build) = match job.kind {
        JobKind::WorkspaceBuild => {
            let build = found("get workspace build", builds::by_job(tx, id))?;
            let (source, message) = of_build(tx, &build)?;
            (source, v1::job::Kind::WorkspaceBuild(message), Some(build))
        }
        JobKind::TemplateImport => {
            let (source, message) = of_import(tx, &job)?;
            (source, v1::job::Kind::TemplateImport(message), None)
        }
        JobKind::TemplateDryRun => {
            let (source, message) = of_dry_run(tx, &job)?;
            (source, v1::job::Kind::TemplateDryRun(message), None)
        }
    };
    let mut message = v1::Job {
        job_id: id.to_string(),
        created_at_ms: job.created_at,
        provisioner_type: job.provisioner_type,
        initiator,
        template_source,
        kind: Some(kind),
    };
    // The token is made last, so that a job that can't be sent leaves the workspace the one it has; its room is
    // reckoned with before.
    let bytes = message.encoded_len() + TOKEN_BYTES;
    if bytes > terms.job_bytes_max {
        let bytes_max = terms.job_bytes_max;
        return Err(Flaw::Reason(format!("payload was too big: {bytes} > {bytes_max}")));
    }
    if let (Some(build), Some(v1::job::Kind::WorkspaceBuild(payload))) = (build, &mut message.kind) {
        payload.owner_session_token = session(tx, &build, terms)?;
    }
    Ok(message)
}

/// What a token adds to a message: itself, and the tags and lengths around it.
const TOKEN_BYTES: usize = 80;

fn found<T>(step: &str, found: Result<Option<T>, StoreError>) -> Result<T, Flaw> {
    match found {
        Ok(Some(found)) => Ok(found),
        Ok(None) => Err(Flaw::Reason(step.to_owned())),
        Err(error) if error.is_damage() => Err(Flaw::Reason(format!("{step}: {error}"))),
        Err(error) => Err(Flaw::Store(error)),
    }
}

fn of_build(tx: &Tx<'_>, build: &Build) -> Result<(Vec<u8>, v1::WorkspaceBuild), Flaw> {
    let names = found("get template version", builds::names(tx, build.id))?;
    let message = v1::WorkspaceBuild {
        build_id: build.id.to_string(),
        workspace_id: build.workspace.to_string(),
        workspace_name: build.workspace_name.clone(),
        workspace_owner: names.owner,
        template_name: names.template,
        template_version: names.version,
        transition: build.transition.to_wire().into(),
        // With no state its provisioner finds nothing to destroy.
        state: if build.orphan { Vec::new() } else { builds::state_before(tx, build)? },
        variable_values: variables::values(&names.declared.variables, &names.given.user_variable_values),
        parameter_values: build.asked.parameter_values.clone(),
        owner_session_token: String::new(),
        log_level: build.asked.log_level,
    };
    Ok((names.source, message))
}

fn of_import(tx: &Tx<'_>, job: &Job) -> Result<(Vec<u8>, v1::TemplateImport), Flaw> {
    let version = found("get template version", templates::version_by_import(tx, job.id))?;
    let source = found("get template version", templates::source(tx, version.id))?;
    let Version { template, name, given, .. } = version;
    let user_variable_values = given.user_variable_values;
    Ok((source, v1::TemplateImport { template_name: template, template_version: name, user_variable_values }))
}

fn of_dry_run(tx: &Tx<'_>, job: &Job) -> Result<(Vec<u8>, v1::TemplateDryRun), Flaw> {
    let dry_run = found("get dry run", dry_runs::by_job(tx, job.id))?;
    let version = found("get template version", templates::version(tx, dry_run.version))?;
    let source = found("get template version", templates::source(tx, version.id))?;
    let variable_values = variables::values(&version.declared.variables, &version.given.user_variable_values);
    let Version { template, name, .. } = version;
    let asked = dry_run.asked;
    Ok((source, v1::TemplateDryRun { template_name: template, template_version: name, variable_values, ..asked }))
}

/// The token by which the workspace calls as its owner: a new one for a start, in place of any it had; none for a stop
/// or a destroy, after which nothing is left to call. Only its hash is kept.
fn session(tx: &Tx<'_>, build: &Build, terms: &Terms) -> Result<String, Flaw> {
    match build.transition {
        Transition::Stop | Transition::Destroy => {
            users::end_workspace_session(tx, build.workspace)?;
            Ok(String::new())
        }
        Transition::Start => {
            let text = tx.new_secret("session token");
            let token =
                Secret::new(&text).map_err(|error| Flaw::Reason(format!("regenerate session token: {error}")))?;
            let expires_at = tx.now_ms().saturating_add(millis(terms.session_lifetime));
            users::renew_workspace_session(tx, build.workspace, &SecretHash::of(&token), expires_at)?;
            Ok(text)
        }
    }
}

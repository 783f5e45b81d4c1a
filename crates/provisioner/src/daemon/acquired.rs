//! What the daemon's own log says of a job that has come.

use std::fmt;

use groundhog_wire::v1::{Job, VariableValue, job};

use crate::{metrics::transition_name, session::Variable};

/// A job as the daemon's log shows it: what it is about, and what it was given. The values of sensitive variables
/// read `*redacted*`; tokens, states and sources are not shown at all.
pub(super) struct Acquired<'a>(pub(super) &'a Job);

impl fmt::Display for Acquired<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(job) = self;
        write!(f, "job_id={} provisioner={}", job.job_id, job.provisioner_type)?;
        match &job.kind {
            Some(job::Kind::WorkspaceBuild(build)) => {
                write!(f, " template_name={}", build.template_name)?;
                write!(f, " template_version={}", build.template_version)?;
                write!(f, " workspace_build_id={}", build.build_id)?;
                write!(f, " workspace_id={}", build.workspace_id)?;
                write!(f, " workspace_name={}", build.workspace_name)?;
                write!(f, " workspace_owner={}", build.workspace_owner)?;
                write!(f, " workspace_transition={}", transition_name(build.transition()))?;
                write!(f, " variable_values={:?}", shown(&build.variable_values))?;
                write!(f, " parameter_values={:?}", build.parameter_values)
            }
            Some(job::Kind::TemplateImport(import)) => {
                write!(f, " user_variable_values={:?}", shown(&import.user_variable_values))
            }
            Some(job::Kind::TemplateDryRun(run)) => {
                write!(f, " variable_values={:?}", shown(&run.variable_values))?;
                write!(f, " parameter_values={:?}", run.parameter_values)
            }
            None => Ok(()),
        }
    }
}

fn shown(values: &[VariableValue]) -> Vec<Variable> {
    values.iter().cloned().map(Variable::from).collect()
}

#[cfg(test)]
mod tests {
    use groundhog_wire::v1::{ParameterValue, TemplateDryRun, TemplateImport, Transition, WorkspaceBuild};

    use super::*;

    #[test]
    fn secrets_are_not_logged() {
        let value =
            |name: &str, sensitive| VariableValue { name: name.to_owned(), value: format!("{name}-value"), sensitive };
        let variables = || vec![value("region", false), value("password", true)];
        let parameter_values = vec![ParameterValue { name: "cpu".to_owned(), value: "4".to_owned() }];
        let build = WorkspaceBuild {
            transition: Transition::Destroy.into(),
            workspace_name: "dev".to_owned(),
            variable_values: variables(),
            parameter_values: parameter_values.clone(),
            owner_session_token: "token-value".to_owned(),
            state: b"state-value".to_vec(),
            ..WorkspaceBuild::default()
        };
        let run = TemplateDryRun { variable_values: variables(), parameter_values, ..TemplateDryRun::default() };
        let import = TemplateImport { user_variable_values: variables(), ..TemplateImport::default() };
        for (kind, shows) in [
            (job::Kind::WorkspaceBuild(build), "workspace_name=dev workspace_owner= workspace_transition=destroy"),
            (job::Kind::TemplateDryRun(run), " variable_values=[region=region-value, password=*redacted*] parameter"),
            (job::Kind::TemplateImport(import), " user_variable_values=[region=region-value, password=*redacted*]"),
        ] {
            let kind = Some(kind);
            let source = b"source-value".to_vec();
            let job = Job { job_id: "j".to_owned(), template_source: source, kind, ..Job::default() };
            let text = Acquired(&job).to_string();
            assert!(text.contains(shows) && text.contains("password=*redacted*"), "{text}");
            assert!(text.starts_with("job_id=j ") && !text.contains("password-value"), "{text}");
            for secret in ["token-value", "state-value", "source-value"] {
                assert!(!text.contains(secret) && !text.contains(&format!("{:?}", secret.as_bytes())), "{text}");
            }
            if !text.contains("user_variable_values") {
                // What an owner chooses is no secret.
                assert!(text.contains("name: \"cpu\", value: \"4\""), "{text}");
            }
        }
    }
}

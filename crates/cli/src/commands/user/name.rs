//! What things are called on a command line.

use std::{fmt, str::FromStr};

use groundhog_wire::id::JobId;

/// A workspace: `NAME` if it is one's own, `OWNER/NAME` whoever's it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkspaceName {
    /// Whose it is; none if it is one's own.
    pub owner: Option<String>,
    /// What its owner calls it.
    pub name: String,
}

/// An agent: `WORKSPACE.AGENT`, or `WORKSPACE` alone where there is only one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentName {
    /// The workspace.
    pub workspace: WorkspaceName,
    /// What its template calls it.
    pub agent: Option<String>,
}

/// Whose log is meant. A name has at most 32 characters and an id, as it is written here, 36: none is taken for the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogsOf {
    /// That of a job.
    Job(JobId),
    /// That of the latest build of a workspace.
    Workspace(WorkspaceName),
}

/// The characters of an id: 32 hexadecimal digits in five groups.
const ID_CHARS: usize = 36;

/// The text names nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub struct NameError {
    expected: &'static str,
}

impl FromStr for WorkspaceName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (owner, name) = match text.split_once('/') {
            Some((owner, name)) => (Some(owner), name),
            None => (None, text),
        };
        if owner == Some("") || name.is_empty() || name.contains('/') {
            return Err(NameError { expected: "a workspace: NAME or OWNER/NAME" });
        }
        Ok(Self { owner: owner.map(str::to_owned), name: name.to_owned() })
    }
}

impl FromStr for AgentName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (workspace, agent) = match text.split_once('.') {
            Some((workspace, agent)) => (workspace, Some(agent)),
            None => (text, None),
        };
        let expected = NameError { expected: "an agent: WORKSPACE or WORKSPACE.AGENT" };
        if agent == Some("") {
            return Err(expected);
        }
        Ok(Self { workspace: workspace.parse().map_err(|_| expected)?, agent: agent.map(str::to_owned) })
    }
}

impl FromStr for LogsOf {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.parse() {
            Ok(job) if text.len() == ID_CHARS => Ok(Self::Job(job)),
            Ok(_) | Err(_) => text.parse().map(Self::Workspace),
        }
    }
}

impl fmt::Display for WorkspaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.owner {
            Some(owner) => write!(f, "{owner}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written() {
        let own = WorkspaceName { owner: None, name: "dev".to_owned() };
        let alices = WorkspaceName { owner: Some("alice".to_owned()), ..own.clone() };
        assert_eq!("dev".parse(), Ok(own.clone()));
        assert_eq!("alice/dev".parse(), Ok(alices.clone()));
        assert_eq!(["dev", "alice/dev"], [&own, &alices].map(ToString::to_string).each_ref().map(String::as_str));
        for bad in ["", "/", "/dev", "alice/", "alice/dev/x"] {
            assert!(bad.parse::<WorkspaceName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_agent_may_be_left_out() {
        let agent = |text: &str| text.parse::<AgentName>().map(|name| (name.workspace.to_string(), name.agent));
        assert_eq!(agent("dev"), Ok(("dev".to_owned(), None)));
        assert_eq!(agent("alice/dev.main"), Ok(("alice/dev".to_owned(), Some("main".to_owned()))));
        for bad in ["", ".", ".main", "dev.", "a/b/c.main"] {
            assert!(agent(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_job_is_told_from_a_workspace() {
        let id = "7b2f5a9c-2d7b-4b3c-9a51-0c8f3a1f2e4d";
        assert_eq!(id.parse(), Ok(LogsOf::Job(id.parse().expect("it is an id"))));
        for name in ["7b2f5a9c-2d7b".to_owned(), id.replace('-', "")] {
            assert!(matches!(name.parse(), Ok(LogsOf::Workspace(_))), "{name}");
        }
    }
}

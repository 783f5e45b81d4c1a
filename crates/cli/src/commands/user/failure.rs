//! Why a command was not carried out, and how that is told.

use std::io;

use groundhog_stage::diagnostic::Diagnostics;
use groundhog_wire::{Fault, retryable, v1::RefusalDetails};
use serde_json::{Value, json};
use tonic::{Code, Status};

use super::tell;
use crate::{arguments::Format, commands::scenarios, exit::Exit};

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The command line, a file or the token was not understood. Nothing was asked.
    #[error("{0}")]
    BadInput(String),
    /// A template's file has mistakes. Nothing was asked.
    #[error("{}", .0.render(false))]
    Mistakes(Box<Diagnostics>),
    /// The control plane said no, or nothing that could be understood.
    #[error("{}", words(.0))]
    Status(Box<Status>),
    /// What was asked for is not there, by what the control plane said.
    #[error("{0}")]
    Missing(String),
    /// What there is to say can't be written.
    #[error(transparent)]
    Output(#[from] io::Error),
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::Status(Box::new(status))
    }
}

impl Failure {
    /// How the program ends.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::BadInput(_) | Self::Mistakes(_) => Exit::BadInput,
            Self::Status(status) if retryable(status) => Exit::Broken,
            Self::Status(_) | Self::Missing(_) => Exit::Failed,
            Self::Output(_) => Exit::Broken,
        }
    }
}

impl Failure {
    /// Tells people, and a program if one reads.
    pub(super) fn tell(&self, format: Format) -> io::Result<()> {
        if let Self::Mistakes(diagnostics) = self {
            return scenarios::tell(diagnostics, format);
        }
        anstream::eprintln!("groundhog: {self}");
        match format {
            Format::Text => Ok(()),
            Format::Json => tell::line("error", self.value()),
        }
    }

    fn value(&self) -> Value {
        let Self::Status(status) = self else { return json!({ "message": self.to_string(), "code": null }) };
        let details = RefusalDetails::of(status).unwrap_or_default();
        let validations = details.validations.iter();
        let validations = validations.map(|one| json!({ "field": one.field, "detail": one.detail }));
        json!({
            "message": status.message(),
            "code": format!("{:?}", status.code()),
            "detail": details.detail,
            "validations": validations.collect::<Vec<_>>(),
        })
    }
}

/// What a status says, and what to do about it.
fn words(status: &Status) -> String {
    let mut text = match status.message() {
        "" => format!("the control plane refused, and said only {:?}", status.code()),
        message => message.to_owned(),
    };
    if let Some(details) = RefusalDetails::of(status) {
        if !details.detail.is_empty() {
            text += &format!("\n  {}", details.detail);
        }
        // A refusal because of one field often says nothing else about it.
        for violation in details.validations.iter().filter(|violation| violation.detail != status.message()) {
            text += &format!("\n  {}: {}", violation.field, violation.detail);
        }
    }
    let hint = match Fault::of(status) {
        Some(Fault::Connect(_)) => {
            "is the control plane running there? `--control HOST:PORT` or GROUNDHOG_CONTROL says where it is"
        }
        Some(_) => "nobody knows whether the control plane has done what it was asked: look before you ask again",
        None if status.code() == Code::Unauthenticated => {
            "GROUNDHOG_TOKEN or the file that `--token-file` names must have a session token of this platform"
        }
        None => return text,
    };
    format!("{text}\n  {hint}")
}

#[cfg(test)]
mod tests {
    use groundhog_wire::v1::FieldViolation;

    use super::*;

    #[test]
    fn a_refusal_is_told_with_what_programs_are_told() {
        let field = |field: &str, detail: &str| FieldViolation { field: field.to_owned(), detail: detail.to_owned() };
        let validations = vec![field("name", "too long"), field("size", "no such size")];
        let details = RefusalDetails { detail: "see the template".to_owned(), validations };
        let failure = Failure::from(details.status(Code::InvalidArgument, "too long"));
        assert_eq!(
            failure.to_string(),
            "too long\n  see the template\n  size: no such size",
            "what the message says is not said twice: {failure:?}"
        );
        assert_eq!(failure.exit(), Exit::Failed);
    }

    #[test]
    fn a_control_plane_that_can_not_answer_is_no_refusal() {
        let busy = Failure::from(Status::unavailable("try again"));
        assert_eq!((busy.exit(), busy.to_string().as_str()), (Exit::Broken, "try again"));
        let deadline = Failure::from(Status::from(Fault::Deadline { after: std::time::Duration::from_secs(30) }));
        assert!(deadline.to_string().contains("look before you ask again"), "{deadline}");
        assert_eq!(deadline.exit(), Exit::Broken);
    }
}

//! How a call ends that is not carried out.

use groundhog_wire::v1;
use tonic::{Code, Status};

use crate::store::StoreError;

/// A call was not carried out, and nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Refused for good: the same call would be refused again.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// The database failed: the same call may succeed later.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a call was refused: the text is what the caller is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The caller did not say who it is, or nobody here is that.
    #[error("{0}")]
    Unauthenticated(String),
    /// The caller is known and may not do this.
    #[error("{0}")]
    Denied(String),
    /// There is no such thing, or it is another person's: the two can't be told apart.
    #[error("{0}")]
    NotFound(String),
    /// There is one already.
    #[error("{0}")]
    Exists(String),
    /// The call can't be meant so.
    #[error("{0}")]
    Invalid(String),
    /// The thing's state does not allow it.
    #[error("{0}")]
    State(String),
    /// The caller decided on something that is no longer the newest.
    #[error("{0}")]
    Overtaken(String),
    /// Refused as one of the others, because of a field of the request.
    #[error("{0}")]
    Field(Box<FieldRefusal>),
}

/// A refusal because of a field of the request, which programs are told of too.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{refusal}")]
pub struct FieldRefusal {
    /// What people are told.
    refusal: Refusal,
    /// The field; of a parameter, its own name.
    field: String,
    /// What is wrong with it.
    detail: String,
}

impl Refusal {
    /// The refusal of a daemon whose key was taken back.
    pub fn key_deleted() -> Self {
        Self::Unauthenticated("provisioner key was deleted".to_owned())
    }

    /// The refusal of an agent whose workspace was built anew since.
    pub fn outdated() -> Self {
        Self::Unauthenticated("build is outdated".to_owned())
    }
}

impl Refusal {
    /// The same refusal, because of a field of the request, with which this is wrong. One that is because of a field
    /// already stays so.
    pub fn about(self, field: impl Into<String>, detail: impl Into<String>) -> Self {
        if let Self::Field(_) = self {
            return self;
        }
        Self::Field(Box::new(FieldRefusal { refusal: self, field: field.into(), detail: detail.into() }))
    }

    /// The same refusal, because of a field of the request; what is wrong with it is what the refusal says.
    pub fn about_itself(self, field: impl Into<String>) -> Self {
        let detail = self.to_string();
        self.about(field, detail)
    }

    /// What programs are told of the refusal; none if it is because of no field.
    pub fn details(&self) -> Option<v1::RefusalDetails> {
        let Self::Field(refusal) = self else { return None };
        let FieldRefusal { field, detail, .. } = &**refusal;
        let violation = v1::FieldViolation { field: field.clone(), detail: detail.clone() };
        Some(v1::RefusalDetails { detail: String::new(), validations: vec![violation] })
    }

    /// The gRPC code of this kind of refusal.
    pub fn code(&self) -> Code {
        match self {
            Self::Unauthenticated(_) => Code::Unauthenticated,
            Self::Denied(_) => Code::PermissionDenied,
            Self::NotFound(_) => Code::NotFound,
            Self::Exists(_) => Code::AlreadyExists,
            Self::Invalid(_) => Code::InvalidArgument,
            Self::State(_) => Code::FailedPrecondition,
            Self::Overtaken(_) => Code::Aborted,
            Self::Field(refusal) => refusal.refusal.code(),
        }
    }
}

impl CallError {
    /// The same error; if it is a refusal, it is because of a field of the request.
    pub fn about(self, field: &str) -> Self {
        match self {
            Self::Refused(refusal) => Self::Refused(refusal.about_itself(field)),
            Self::Store(error) => Self::Store(error),
        }
    }
}

impl From<CallError> for Status {
    /// A database's failure is `UNAVAILABLE`, which callers take as "try again"; its text stays in the log.
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused(refusal) => match refusal.details() {
                Some(details) => details.status(refusal.code(), refusal.to_string()),
                None => Self::new(refusal.code(), refusal.to_string()),
            },
            CallError::Store(_) => Self::unavailable("the control plane's database is unavailable: try again"),
        }
    }
}

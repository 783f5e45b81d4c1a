//! What programs are told of a refusal, beside its code and the text for people: which field of the request is wrong.
//!
//! It travels in the status's details, which the server alone writes: a status that this side made of a failure of its
//! own has none.

use prost::Message;
use tonic::{Code, Status};

use crate::v1::RefusalDetails;

/// The largest details that are sent, in bytes, encoded: they travel in a header in base 64, and an end that is sent more
/// of headers than it takes breaks the connection off. A refusal with more of them is sent without.
pub const DETAILS_BYTES_MAX: usize = 4 << 10;

impl RefusalDetails {
    /// A status with this code and text that carries these details, if they are not too large.
    pub fn status(&self, code: Code, text: impl Into<String>) -> Status {
        let encoded = self.encode_to_vec();
        if encoded.len() > DETAILS_BYTES_MAX {
            return Status::new(code, text);
        }
        Status::with_details(code, text, encoded.into())
    }

    /// The details that a status carries; none if there are none, or they can't be read.
    pub fn of(status: &Status) -> Option<Self> {
        if status.details().is_empty() {
            return None;
        }
        Self::decode(status.details()).ok()
    }
}

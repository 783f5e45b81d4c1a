//! What programs are told of a refusal, beside its code and the text for people: which field of the request is wrong.
//!
//! It travels in a header of this protocol's own. gRPC has one for such things (`grpc-status-details-bin`), but tonic
//! panics on one that is not base64, so a [`Channel`](crate::Channel) takes it off every answer: a server must not be
//! able to cause that. A status that this side made of a failure of its own carries nothing.

use bytes::Bytes;
use prost::Message;
use tonic::{
    Code, Status,
    metadata::{BinaryMetadataValue, MetadataMap},
};

use crate::v1::RefusalDetails;

/// The header; by the end of its name, what is in it is binary.
const KEY: &str = "refusal-details-bin";

/// The largest details that are sent, in bytes, encoded: they travel in base 64 beside the text, and an end that is sent
/// more of headers than it takes gives up the call. A refusal with larger ones is sent without them.
pub const DETAILS_BYTES_MAX: usize = 4 << 10;

impl RefusalDetails {
    /// A status with this code and text that carries these details, if they are not too large.
    pub fn status(&self, code: Code, text: impl Into<String>) -> Status {
        let encoded = self.encode_to_vec();
        if encoded.len() > DETAILS_BYTES_MAX {
            return Status::new(code, text);
        }
        let mut metadata = MetadataMap::new();
        metadata.insert_bin(KEY, BinaryMetadataValue::from_bytes(&encoded));
        Status::with_metadata(code, text, metadata)
    }

    /// The details that a status carries; none if there are none, or they can't be read.
    ///
    /// A status that never was on its way may have them where gRPC has them, too.
    pub fn of(status: &Status) -> Option<Self> {
        let carried = match status.metadata().get_bin(KEY) {
            Some(value) => value.to_bytes().ok()?,
            None => Bytes::copy_from_slice(status.details()),
        };
        if carried.is_empty() {
            return None;
        }
        Self::decode(carried).ok()
    }
}

//! Streams to an agent that outlive their paths.

mod stream;

pub use self::stream::ResumableStream;

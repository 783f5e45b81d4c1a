//! Streams to an agent that outlive their paths.
//!
//! A path is anything that reads and writes bytes: a direct stream between two hosts, or a call over a relay. It begins
//! with a hello, which names the stream. When it breaks, the stream waits, and goes on over the next one where it was:
//! no byte is lost and none comes twice.
//!
//! - `core`: one end of a stream, as a pure value: what is kept, counted and said next.
//! - [`hello`]: how a path begins. `frame`: what is said on it then.
//! - `driver`: an end on a path.
//! - [`ResumableStream`] and [`StreamHandle`]: an end as an application sees it, and as whoever finds its paths does.
//! - [`open_over`]: a stream over one path, for those who have no other.

mod core;
mod driver;
mod frame;
pub mod hello;
mod single;
mod stream;

pub use self::{
    core::{Violation, WINDOW_BYTES},
    driver::{Attachment, PathEnd},
    frame::DATA_BYTES_MAX,
    hello::{HelloError, Refused},
    single::open_over,
    stream::{ResumableStream, StreamHandle, Turn},
};

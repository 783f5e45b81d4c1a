//! What comes in with a call.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use tonic::Status;

use crate::fault::Chain;

/// A request's body whose breaking is told as that.
///
/// A caller that drops a call resets its stream with the reason "cancel", and hyper and tonic take that, of a request,
/// for its proper end. Then a daemon that has gone would read as one that has its job and closes its side.
#[derive(Debug)]
pub(super) struct CallBody(pub(super) Incoming);

impl HttpBody for CallBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match ready!(Pin::new(&mut self.0).poll_frame(context)) {
            Some(frame) => Poll::Ready(Some(frame.map_err(|error| broken(&Chain(&error))))),
            None if self.0.is_end_stream() => Poll::Ready(None),
            None => Poll::Ready(Some(Err(broken(&"its caller has dropped it")))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

fn broken(why: &dyn fmt::Display) -> Status {
    Status::aborted(format!("the call broke: {why}"))
}

//! What is watched while a request goes out and an answer comes in.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use groundhog_host::Address;
use http::{Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::sync::OwnedSemaphorePermit;
use tonic::{Status, body::Body};

use crate::fault::Fault;

const STATUS_KEY: &str = "grpc-status";

/// Not used by this protocol; and tonic panics on one that is not base64, which a server must not be able to
/// cause. So it is taken off every answer.
const DETAILS_KEY: &str = "grpc-status-details-bin";

/// Why this side could not produce its request: a message above the limit. HTTP/2 drops that reason and resets
/// the stream, which would look like a broken connection and be tried again for ever; so it is kept here.
#[derive(Clone, Debug, Default)]
pub(super) struct Refusal(Arc<Mutex<Option<Status>>>);

impl Refusal {
    fn keep(&self, status: Status) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(status);
    }

    pub(super) fn take(&self) -> Option<Status> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A request's body, whose failure is noted before HTTP/2 sees it.
#[derive(Debug)]
pub(super) struct RequestBody {
    inner: Body,
    refusal: Refusal,
}

impl RequestBody {
    pub(super) fn new(inner: Body, refusal: Refusal) -> Self {
        Self { inner, refusal }
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(context));
        if let Some(Err(status)) = &frame {
            self.refusal.keep(status.clone());
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// An answer's body: its failures become [`Fault`]s, an end without a verdict is one, and the call counts as in
/// flight until here.
#[derive(Debug)]
pub(super) struct ResponseBody {
    inner: Incoming,
    to: Address,
    refusal: Refusal,
    /// A verdict is still to come, and its absence would be a fault.
    owes_verdict: bool,
    /// Absent once the answer has ended.
    permit: Option<OwnedSemaphorePermit>,
}

impl ResponseBody {
    pub(super) fn wrap(
        mut response: Response<Incoming>,
        to: Address,
        refusal: Refusal,
        permit: OwnedSemaphorePermit,
    ) -> Response<Body> {
        response.headers_mut().remove(DETAILS_KEY);
        // An answer that is not 200 comes from something that does not speak gRPC: tonic reads its number.
        let owes_verdict = response.status() == StatusCode::OK && !response.headers().contains_key(STATUS_KEY);
        response.map(|inner| Body::new(Self { inner, to, refusal, owes_verdict, permit: Some(permit) }))
    }

    fn end(&mut self) {
        self.owes_verdict = false;
        self.permit = None;
    }
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.permit.is_none() {
            return Poll::Ready(None);
        }
        let result = match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
            Some(Ok(mut frame)) => {
                if let Some(trailers) = frame.trailers_mut() {
                    trailers.remove(DETAILS_KEY);
                    // Nothing follows trailers, and whoever reads them need not ask again. That they tell a
                    // verdict is tonic's to check: whoever sends trailers was not cut short.
                    self.end();
                }
                return Poll::Ready(Some(Ok(frame)));
            }
            Some(Err(error)) => {
                let broken = || Fault::Broken { to: self.to.clone(), source: Arc::new(error) };
                Some(Err(self.refusal.take().unwrap_or_else(|| broken().into())))
            }
            None if self.owes_verdict => {
                let cut = || Fault::CutShort { to: self.to.clone() };
                Some(Err(self.refusal.take().unwrap_or_else(|| cut().into())))
            }
            None => None,
        };
        self.end();
        Poll::Ready(result)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream() && !self.owes_verdict
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

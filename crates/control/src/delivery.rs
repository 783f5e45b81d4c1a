//! Bringing a job to the daemon that waits for it, and noticing when it does not arrive.
//!
//! Between locking a job and the daemon's first word about it the job belongs to nobody who works on it. If the
//! delivery fails in between, the job is put back at once (J11) instead of waiting for the reaper. The signs of
//! failure, in the order in which they can show:
//!
//! - the daemon no longer waits when the job is locked;
//! - the answer's stream is dropped before the transport has taken the job;
//! - the connection breaks while the daemon's side of the call is still open. A daemon that has its job closes that
//!   side, which takes a round trip on a sound connection, so a call that ends cleanly has been answered.
//!
//! The last sign can be wrong: the connection may break just after the job arrived. Then the daemon may have said
//! something about the job on another connection, and nothing is put back; or it says it later, and is refused.
//! A job ends once either way.

use std::{
    collections::BTreeSet,
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use groundhog_wire::v1::{self, acquire_job_request::Kind};
use tokio::{
    select,
    sync::{mpsc, oneshot},
};
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use crate::{
    acquirer::{Acquirer, Unavailable},
    events,
    limits::PROVISIONER_TYPE_BYTES_MAX,
    operations::acquire::{Acquired, Want},
    refusal::{CallError, Refusal},
    store::daemons::Worker,
    tags::Tags,
};

/// Provisioner types that a daemon may name; it has one or two.
const PROVISIONER_TYPES_MAX: usize = 16;

const HUNG_UP: &str = "the daemon hung up";
const BROKEN: &str = "connection to provisioner daemon broken";

/// The answer to one AcquireJob call.
#[derive(Debug)]
pub struct Answers {
    messages: mpsc::Receiver<Result<v1::AcquireJobResponse, Status>>,
    /// Told when the transport asks for more after the last message: by then it has taken that one.
    taken: Option<oneshot::Sender<()>>,
}

impl Stream for Answers {
    type Item = Result<v1::AcquireJobResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let message = ready!(self.messages.poll_recv(context));
        if message.is_none()
            && let Some(taken) = self.taken.take()
        {
            // Nobody listens if there was no job.
            let _ = taken.send(());
        }
        Poll::Ready(message)
    }
}

/// One AcquireJob call of a daemon that was admitted.
pub(crate) struct Delivery {
    acquirer: Acquirer,
    worker: Worker,
    requests: Streaming<v1::AcquireJobRequest>,
    answers: mpsc::Sender<Result<v1::AcquireJobResponse, Status>>,
    taken: oneshot::Receiver<()>,
    shutdown: CancellationToken,
}

/// How waiting for a job ended.
enum Waited {
    Job(Box<Acquired>),
    Canceled,
    Refused(Refusal),
    Unavailable(Unavailable),
    Gone,
}

impl Delivery {
    /// The call's task, still to be run, and the answer that it gives.
    pub(crate) fn new(
        acquirer: Acquirer,
        worker: Worker,
        requests: Streaming<v1::AcquireJobRequest>,
        shutdown: CancellationToken,
    ) -> (Self, Answers) {
        // One answer is all there is.
        let (answers, messages) = mpsc::channel(1);
        let (took, taken) = oneshot::channel();
        (Self { acquirer, worker, requests, answers, taken, shutdown }, Answers { messages, taken: Some(took) })
    }

    /// Waits for a job and delivers it. While it waits, `beats` notes the daemon as seen.
    pub(crate) async fn run(mut self, beats: impl Future<Output = Infallible>) {
        let mut requests_open = true;
        let waited = select! {
            biased;
            // First the wait, which the beats only accompany. They end with it.
            waited = self.wait(&mut requests_open) => waited,
            never = beats => match never {},
        };
        let answer = match waited {
            Waited::Job(acquired) => return self.deliver(*acquired, requests_open).await,
            Waited::Gone => return,
            Waited::Canceled => Ok(v1::AcquireJobResponse { job: None }),
            Waited::Unavailable(Unavailable::KeyDeleted) => {
                let refusal = Refusal::key_deleted();
                events::rpc_refused("AcquireJob", &self.worker.name, &refusal.to_string());
                Err(CallError::from(refusal).into())
            }
            Waited::Unavailable(reason) => Err(Status::unavailable(reason.to_string())),
            Waited::Refused(refusal) => {
                events::rpc_refused("AcquireJob", &self.worker.name, &refusal.to_string());
                Err(CallError::from(refusal).into())
            }
        };
        // If the daemon is gone it needs no answer.
        let _ = self.answers.send(answer).await;
    }

    async fn wait(&mut self, requests_open: &mut bool) -> Waited {
        let want = match self.first_request().await {
            Ok(want) => want,
            Err(ended) => return ended,
        };
        let mut place = match self.acquirer.wait(self.worker.clone(), want) {
            Ok(place) => place,
            Err(unavailable) => return Waited::Unavailable(unavailable),
        };
        loop {
            select! {
                biased;
                // First the job: once locked it is sent, even if the cancel came in the same instant. The daemon
                // can hand it back or run it; here it would only be lost time.
                job = place.job() => return match job {
                    Ok(acquired) => Waited::Job(Box::new(acquired)),
                    Err(unavailable) => Waited::Unavailable(unavailable),
                },
                // Then the hang-up, which makes the daemon's last words moot.
                () = self.answers.closed() => return Waited::Gone,
                request = self.requests.message(), if *requests_open => match request.map(kind) {
                    Ok(Some(Kind::Cancel(_))) => return Waited::Canceled,
                    Ok(Some(Kind::Want(_))) => return Waited::Refused(invalid("expected one want, and got another")),
                    // The daemon has nothing more to say, and may still wait.
                    Ok(None) => *requests_open = false,
                    Err(_) => return Waited::Gone,
                },
                // The shutdown last: it can wait for what is ready.
                () = self.shutdown.cancelled() => return Waited::Unavailable(Unavailable::Stopping),
            }
        }
    }

    async fn first_request(&mut self) -> Result<Want, Waited> {
        let request = select! {
            biased;
            // First what the daemon says; a hang-up and a shutdown end the wait for it.
            request = self.requests.message() => request,
            () = self.answers.closed() => return Err(Waited::Gone),
            () = self.shutdown.cancelled() => return Err(Waited::Unavailable(Unavailable::Stopping)),
        };
        match request.map(kind) {
            Ok(Some(Kind::Want(request))) => want(&request).map_err(Waited::Refused),
            Ok(Some(Kind::Cancel(_))) => Err(Waited::Canceled),
            Ok(None) => Err(Waited::Refused(invalid("expected a want, and the call has none"))),
            Err(_) => Err(Waited::Gone),
        }
    }

    async fn deliver(self, acquired: Acquired, requests_open: bool) {
        let Self { acquirer, worker, mut requests, answers, taken, shutdown } = self;
        let job = acquired.job;
        let answer = v1::AcquireJobResponse { job: Some(acquired.message) };
        if answers.send(Ok(answer)).await.is_err() {
            return acquirer.put_back(job, worker, HUNG_UP);
        }
        // The job is the whole answer.
        drop(answers);
        if taken.await.is_err() {
            return acquirer.put_back(job, worker, HUNG_UP);
        }
        if !requests_open {
            return;
        }
        loop {
            let request = select! {
                biased;
                // First the requests: how they end is what is waited for.
                request = requests.message() => request,
                // A control plane that stops closes its connections itself, which says nothing of the delivery.
                () = shutdown.cancelled() => return,
            };
            match request {
                // A cancel that crossed the job. The daemon has to deal with the job that it got.
                Ok(Some(_)) => {}
                Ok(None) => return,
                Err(_) => return acquirer.put_back(job, worker, BROKEN),
            }
        }
    }
}

/// A message without a kind, from a newer daemon, is taken for the cancel: the daemon then asks anew or not at all.
fn kind(request: Option<v1::AcquireJobRequest>) -> Option<Kind> {
    request.map(|request| request.kind.unwrap_or(Kind::Cancel(v1::CancelAcquire {})))
}

fn want(request: &v1::Want) -> Result<Want, Refusal> {
    let provisioner_types: BTreeSet<String> = request.provisioner_types.iter().cloned().collect();
    let legal = |name: &String| (1..=PROVISIONER_TYPE_BYTES_MAX).contains(&name.len());
    if !(1..=PROVISIONER_TYPES_MAX).contains(&provisioner_types.len()) || !provisioner_types.iter().all(legal) {
        return Err(invalid(&format!(
            "expected 1 to {PROVISIONER_TYPES_MAX} provisioner types, each of 1 to {PROVISIONER_TYPE_BYTES_MAX} bytes"
        )));
    }
    let tags = Tags::for_daemon(&request.tags).map_err(|error| invalid(&error.to_string()))?;
    Ok(Want { provisioner_types, tags })
}

fn invalid(text: &str) -> Refusal {
    Refusal::Invalid(text.to_owned())
}

//! Asking the control plane for a job, and taking the question back.

use std::pin::pin;

use groundhog_host::until;
use groundhog_wire::{
    Channel, Fault,
    v1::{
        AcquireJobRequest, AcquireJobResponse, CancelAcquire, Job, Want, acquire_job_request::Kind,
        provisioner_daemons_client::ProvisionerDaemonsClient,
    },
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

use super::Life;

/// What became of asking for a job.
pub(super) enum Acquired {
    /// There is one, to be run.
    Job(Box<Job>),
    /// The daemon was told to stop meanwhile, and there is no job.
    TakenBack,
    /// There is no job, for this reason; worth asking again.
    Failed(String),
    /// The control plane does not let this daemon in, or has no place for what it asks.
    Refused(String),
}

impl Life {
    /// Asks for a job and waits for one. A shutdown takes the question back; the answer may still be a job, which
    /// then has to be run (J16). A close drops the question.
    pub(super) async fn acquire(&self, client: &mut ProvisionerDaemonsClient<Channel>, channel: &Channel) -> Acquired {
        let orders = &self.shared.orders;
        // Room for both messages there can be, so that neither ever waits.
        let (sender, receiver) = mpsc::channel(2);
        say(
            &sender,
            Kind::Want(Want {
                provisioner_types: self.config.provisioner_types.clone(),
                tags: self.config.tags.clone(),
            }),
        );
        let mut call = pin!(async {
            let mut answers = client.acquire_job(ReceiverStream::new(receiver)).await?.into_inner();
            let answer = answers.message().await?;
            Ok((answer, answers))
        });
        let mut give_up_at = None;
        let answer = loop {
            tokio::select! {
                biased;
                // The close first: what it drops is put back by the control plane.
                () = orders.close.cancelled() => return Acquired::TakenBack,
                // An answer before the shutdown: a job that has come is run.
                answer = &mut call => break answer,
                () = orders.shutdown.cancelled(), if give_up_at.is_none() => {
                    if !channel.is_open() {
                        // The control plane has not heard the question, or knows that nobody hears the answer.
                        return Acquired::TakenBack;
                    }
                    say(&sender, Kind::Cancel(CancelAcquire {}));
                    give_up_at = Some(self.host.now() + self.config.acquire_cancel_timeout);
                }
                () = until(&self.host, give_up_at) => return Acquired::TakenBack,
            }
        };
        match answer {
            Ok((Some(AcquireJobResponse { job: Some(job) }), mut rest)) => {
                // Closing this side is how the control plane learns that the job has arrived, so it comes before
                // the call is dropped, which could read as the opposite. What the rest of the answer is, its end
                // or a broken connection, makes no difference: the job is here.
                drop(sender);
                tokio::select! {
                    biased;
                    // The close first: it must not wait for a control plane that is stuck.
                    () = orders.close.cancelled() => {}
                    _ = rest.message() => {}
                    () = self.host.sleep(self.config.acquire_cancel_timeout) => {}
                }
                Acquired::Job(Box::new(job))
            }
            Ok((Some(AcquireJobResponse { job: None }), _)) if give_up_at.is_some() => Acquired::TakenBack,
            Ok((Some(AcquireJobResponse { job: None }), _)) => {
                Acquired::Failed("the control plane has no job".to_owned())
            }
            Ok((None, _)) => Acquired::Failed("the control plane ended the call without an answer".to_owned()),
            Err(status) if is_refusal(&status) => Acquired::Refused(status.message().to_owned()),
            Err(status) => Acquired::Failed(status.message().to_owned()),
        }
    }
}

fn say(sender: &mpsc::Sender<AcquireJobRequest>, kind: Kind) {
    // A call that has ended hears nothing, and says so itself.
    let _ = sender.try_send(AcquireJobRequest { kind: Some(kind) });
}

/// Whether the control plane itself says that this daemon may not ask, or not for this: asking again would be
/// answered alike.
fn is_refusal(status: &Status) -> bool {
    let refuses = matches!(status.code(), Code::Unauthenticated | Code::PermissionDenied | Code::InvalidArgument);
    refuses && Fault::of(status).is_none()
}

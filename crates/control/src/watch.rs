//! A call whose answer grows: what there is, at once, and what comes, when it is heard of.

use std::time::Duration;

use groundhog_host::Host;
use tokio::{select, sync::mpsc};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::{
    followers::{Follower, Topic},
    messages::stopping,
};

/// What is seen by looking.
pub(crate) enum Seen<T> {
    /// Nothing new.
    Nothing,
    /// Nothing new, and news of this counts too from now on.
    Until(Topic),
    /// A message, and perhaps more.
    More(T),
    /// The last message.
    Last(T),
    /// The call is over, and all is well.
    Over,
    /// The call is over.
    End(Status),
}

/// Who knows what a call is answered with.
pub(crate) trait Look: Send {
    /// The call's messages.
    type Message: Send + 'static;

    /// What there is since the last look. It looks up anew who calls: one who may no longer see it is told no more.
    fn look(&mut self) -> impl Future<Output = Seen<Self::Message>> + Send;

    /// The last message of a call that the control plane's stop ends.
    fn stopping(&self) -> Result<Self::Message, Status> {
        Err(stopping())
    }
}

/// One such call.
pub(crate) struct Watch<L: Look> {
    pub(crate) host: Host,
    pub(crate) look: L,
    pub(crate) follower: Follower,
    pub(crate) messages: mpsc::Sender<Result<L::Message, Status>>,
    /// How often to look even though nothing was heard; none for never.
    pub(crate) poll: Option<Duration>,
    pub(crate) shutdown: CancellationToken,
}

impl<L: Look> Watch<L> {
    /// Looks and tells until the end, which the caller, the shutdown, or what is seen brings about.
    pub(crate) async fn run(mut self) {
        loop {
            let (message, last) = match self.look.look().await {
                Seen::More(message) => (Ok(message), false),
                Seen::Last(message) => (Ok(message), true),
                Seen::Until(topic) => {
                    self.follower.also(topic);
                    // What was said of it between the look and now was not heard.
                    continue;
                }
                Seen::Over => return,
                Seen::End(status) => (Err(status), true),
                Seen::Nothing => {
                    select! {
                        biased;
                        // First the hang-up and the shutdown, after which nobody is told anything more.
                        () = self.messages.closed() => return,
                        () = self.shutdown.cancelled() => {
                            // If there is no room, the caller has not read the last message and will see the stream
                            // end.
                            let _ = self.messages.try_send(self.look.stopping());
                            return;
                        }
                        () = self.follower.heard() => {}
                        () = self.host.sleep(self.poll.unwrap_or_default()), if self.poll.is_some() => {}
                    }
                    continue;
                }
            };
            let told = select! {
                biased;
                // First who reads; a hang-up ends this too.
                told = self.messages.send(message) => told.is_ok(),
                () = self.shutdown.cancelled() => false,
            };
            if last || !told {
                return;
            }
        }
    }
}

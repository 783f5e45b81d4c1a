//! Values that an agent finds out again and again.
//!
//! - [`core`]: which are due, and what is to be sent.
//! - [`collect`]: finding one out.
//! - The routine (here).

mod collect;
pub(crate) mod core;

use groundhog_host::{Instant, until};
use groundhog_wire::v1::UpdateMetadataRequest;

use self::core::Core;
use crate::{
    connection::{Connection, Failure, refused_for_good},
    manifest::Manifest,
    optional::Optional,
    several::Several,
    unsent::Unsent,
};

impl Connection<'_> {
    /// Collects what is due and sends what is new. Sleeps for nothing: an agent without metadata does nothing here.
    pub(crate) async fn report_metadata(&self, manifest: &Manifest) -> Failure {
        let (shared, descriptions) = (self.shared, &manifest.metadata);
        shared.metadata().keep(descriptions);
        let tick = shared.config().metadata_interval;
        let mut core = Core::new(descriptions, tick, shared.host.now());
        let mut optional = Optional::new("update_metadata");
        let give_back = |values| shared.metadata().give_back(values);
        let (mut collecting, mut sending) = (Several::new(), Several::new());
        let mut send_at: Option<Instant> = None;
        loop {
            let now = shared.host.now();
            for index in core.begin(now) {
                let description = &descriptions[index];
                collecting
                    .add(async move { (index, self.collect(description, core::timeout(description, tick)).await) });
            }
            // What an earlier connection left goes with the first.
            if send_at.is_none() && !shared.metadata().is_empty() {
                send_at = Some(now);
            }
            if sending.is_empty() && send_at.is_some_and(|at| at <= now) {
                send_at = None;
                let values = shared.metadata().take();
                let request = UpdateMetadataRequest { values: values.clone() };
                let unsent = Unsent::new(values, &give_back);
                sending.add(async move {
                    let call = self.call(|mut client| async move { client.update_metadata(request).await });
                    (call.await, unsent)
                });
            }
            tokio::select! {
                biased;
                // What has been found out first, so that it goes with what is sent now.
                (index, value) = collecting.next() => {
                    core.collected(index);
                    shared.metadata().add(value);
                    send_at.get_or_insert(core.tick_after(shared.host.now()));
                }
                (result, unsent) = sending.next() => match result {
                    Ok(_) => {
                        optional.succeeded();
                        unsent.sent();
                    }
                    Err(status) => {
                        let wait = optional.failed(&status).max(tick);
                        // What is refused for good would be refused again, and everything with it.
                        if refused_for_good(&status) {
                            unsent.sent();
                        } else {
                            drop(unsent);
                        }
                        send_at = Some(shared.host.now() + wait);
                    }
                },
                () = until(&shared.host, core.next_due()) => {}
                () = until(&shared.host, send_at), if sending.is_empty() => {}
            }
        }
    }
}

//! Notices from other replicas, on their way to this one.
//!
//! What [`crate::store::notices`] keeps in a mailbox arrives here after a while, in the order in which it was put in,
//! unless it is lost: as between processes that are told of each other's commits over a network. How long, and
//! whether at all, is drawn by the replica that is told.

use std::{collections::VecDeque, time::Duration};

use groundhog_host::{Host, Instant, Random};
use tokio::select;
use tokio_util::sync::CancellationToken;

use crate::{
    config::NoticeConfig,
    events,
    store::{
        Store, drawn,
        notices::{Heard, Mailbox},
    },
};

/// Passes what `mailbox` is given to the store's listeners, until `shutdown`.
pub async fn run(host: Host, store: Store, mailbox: Mailbox, config: NoticeConfig, shutdown: CancellationToken) {
    let mut way = Way { random: host.random("notices"), config, under_way: VecDeque::new() };
    loop {
        for heard in way.arrived(host.now()) {
            store.hear(&heard);
        }
        let next = way.under_way.front().map(|(due, _)| *due);
        let room = way.under_way.len() < way.config.queue_max;
        select! {
            biased;
            // First the shutdown: nothing is begun after it.
            () = shutdown.cancelled() => return,
            // Then what is due, so that it does not wait for what comes after it.
            () = host.sleep_until(next.unwrap_or(host.now())), if next.is_some() => {}
            // What finds no room stays in the mailbox, which is bounded.
            () = mailbox.changed(), if room => {
                let now = host.now();
                mailbox.take().into_iter().for_each(|heard| way.send(now, heard));
            }
        }
    }
}

struct Way {
    random: Random,
    config: NoticeConfig,
    /// When each one is due; never before the one that came before it.
    under_way: VecDeque<(Instant, Heard)>,
}

impl Way {
    fn send(&mut self, now: Instant, heard: Heard) {
        if let Heard::Notice(notice) = &heard
            && self.config.loss > 0.0
            && self.random.chance(self.config.loss.min(1.0))
        {
            return events::notice_lost(notice.kind());
        }
        let due = now + self.latency();
        let due = self.under_way.back().map_or(due, |(before, _)| due.max(*before));
        self.under_way.push_back((due, heard));
    }

    fn latency(&mut self) -> Duration {
        let NoticeConfig { latency_min, latency_max, .. } = self.config;
        if latency_max <= latency_min {
            return latency_min;
        }
        drawn(&mut self.random, latency_min, latency_max)
    }

    fn arrived(&mut self, now: Instant) -> Vec<Heard> {
        let count = self.under_way.iter().take_while(|(due, _)| *due <= now).count();
        self.under_way.drain(..count).map(|(_, heard)| heard).collect()
    }
}

//! Whether the apps of a workspace are well.
//!
//! - [`core`]: what is known of them.
//! - [`probe`]: asking one.
//! - The routine (here).

pub(crate) mod core;
mod probe;

use std::sync::{Mutex, MutexGuard, PoisonError};

use groundhog_wire::v1::UpdateAppHealthsRequest;
use tokio::sync::Notify;

use self::core::{Check, Health, updates};
use crate::{
    connection::{Connection, Failure, refused_for_good},
    manifest::Manifest,
    optional::Optional,
    several::Several,
};

impl Connection<'_> {
    /// Asks the apps that have a check how they are, and tells of what has changed. Sleeps for nothing: an agent without
    /// such apps does nothing here.
    pub(crate) async fn watch_apps(&self, manifest: &Manifest) -> Failure {
        let checks = Check::of(&manifest.apps);
        let health = Watched { health: Mutex::new(Health::new(&checks)), changed: Notify::new() };
        let mut routines = Several::new().with(self.tell_healths(&health));
        for check in &checks {
            routines.add(self.check_app(check, &health));
        }
        routines.next().await
    }

    async fn check_app(&self, check: &Check, watched: &Watched) -> Failure {
        let host = &self.shared.host;
        let mut ticks = host.interval(check.interval);
        loop {
            ticks.tick().await;
            let well = match host.timeout(check.timeout(), probe::ask(host, &check.url)).await {
                Ok(Ok(status)) => status < 500,
                Ok(Err(error)) => {
                    tracing::debug!(app = check.slug, %error, "an app did not answer");
                    false
                }
                Err(_) => false,
            };
            watched.health().checked(&check.slug, well);
            watched.changed.notify_waiters();
        }
    }

    async fn tell_healths(&self, watched: &Watched) -> Failure {
        let mut optional = Optional::new("update_app_healths");
        loop {
            let changed = watched.changed.notified();
            let Some(news) = watched.health().news() else {
                changed.await;
                continue;
            };
            let request = UpdateAppHealthsRequest { updates: updates(&news) };
            match self.call(|mut client| async move { client.update_app_healths(request).await }).await {
                Ok(_) => {
                    optional.succeeded();
                    watched.health().told(news);
                }
                Err(status) => {
                    let wait = optional.failed(&status);
                    if refused_for_good(&status) {
                        watched.health().told(news);
                    } else {
                        self.shared.host.sleep(wait).await;
                    }
                }
            }
        }
    }
}

/// What is known of the apps, and what wakes who tells of it.
#[derive(Debug)]
struct Watched {
    health: Mutex<Health>,
    changed: Notify,
}

impl Watched {
    fn health(&self) -> MutexGuard<'_, Health> {
        // Never left half changed: a panic in here would have to be one of the allocator's.
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

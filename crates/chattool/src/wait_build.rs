//! Waiting for a build.

use groundhog_host::Instant;
use groundhog_wire::{id::BuildId, retryable, v1};

use crate::{
    Answer,
    answers::{self, FailedBuild},
    build::{self, Failure, Progress},
    errand::Errand,
    events, timing,
};

/// What came of waiting for a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Waited {
    /// It succeeded.
    Done,
    /// It ended, and nothing came of it.
    Ended(Failure),
    /// It can't be told what comes of it.
    GivenUp(Failure),
}

impl Waited {
    /// Why it can't be said that the build succeeded, if it can't.
    pub(crate) fn success(self) -> Result<(), Failure> {
        match self {
            Self::Done => Ok(()),
            Self::Ended(failure) | Self::GivenUp(failure) => Err(failure),
        }
    }
}

/// Waits until a build has ended, as long as the call may still wait for builds.
pub(crate) async fn wait(errand: &mut Errand<'_>, build: BuildId) -> Waited {
    events::waiting(errand.number, errand.chat(), "build", build.event());
    let began = errand.host.now();
    let waited = poll(errand, build, errand.budgets.build.until(began)).await;
    errand.budgets.build.spend(began, errand.host.now());
    waited
}

/// Waits for a build that keeps the call from what it is for. However the build ends, what is there is read anew then.
pub(crate) async fn wait_for_end(errand: &mut Errand<'_>, build: BuildId) -> Result<(), Answer> {
    match wait(errand, build).await {
        Waited::Done | Waited::Ended(_) => Ok(()),
        Waited::GivenUp(failure) => Err(answers::build_failed(FailedBuild::Existing, &failure.text, build)),
    }
}

/// Looks at the build again and again until it has ended, or it is `until`.
async fn poll(errand: &Errand<'_>, build: BuildId, until: Instant) -> Waited {
    loop {
        let asked = errand.host.now();
        match errand.control.build(build, until).await.map(|build| build::progress(&build)) {
            Ok(Progress::Wait) => {}
            Ok(Progress::Done) => return Waited::Done,
            Ok(Progress::Failed(failure)) => return Waited::Ended(failure),
            // What was cut short was not the control plane's time but the build's.
            Err(status) if retryable(&status) && until < asked + timing::REQUEST_PATIENCE => {
                return Waited::GivenUp(Failure::timed_out());
            }
            Err(status) => return Waited::GivenUp(Failure::unread(&status)),
        }
        errand.host.sleep_until(until.min(errand.host.now() + timing::BUILD_POLL_INTERVAL)).await;
        if errand.host.now() >= until {
            return Waited::GivenUp(Failure::timed_out());
        }
    }
}

/// The answer if nothing came of a build.
pub(crate) async fn failed(
    errand: &mut Errand<'_>,
    chat: &v1::Chat,
    of: FailedBuild,
    build: BuildId,
    failure: &Failure,
) -> Answer {
    if !failure.insufficient_quota {
        return answers::build_failed(of, &failure.text, build);
    }
    let quota = errand.quota(chat, failure).await;
    answers::quota(of, &failure.text, build, quota.as_ref())
}

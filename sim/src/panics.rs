//! What a task that panicked had to say.
//!
//! A panic in a task is a finding, to be reported with the run, not noise on the standard error of a campaign
//! with a thousand runs. So while a task runs, the panic hook keeps the message and the place instead of
//! printing them.

use std::{
    cell::RefCell,
    panic::{self, PanicHookInfo},
    sync::Once,
};

use crate::journal;

thread_local! {
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

static INSTALL: Once = Once::new();

/// Puts the hook in front of whatever hook there is, once per process. Panics outside of tasks, and on threads
/// without a run, go to the hook behind it.
pub(crate) fn install_hook() {
    INSTALL.call_once(|| {
        let behind = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let in_task = journal::with(journal::Journal::runs_a_host).unwrap_or(false);
            if in_task {
                LAST.with(|last| *last.borrow_mut() = Some(describe(info)));
            } else {
                behind(info);
            }
        }));
    });
}

fn describe(info: &PanicHookInfo<'_>) -> String {
    let message = info.payload_as_str().unwrap_or("(no message)");
    match info.location() {
        Some(place) => format!("at {}:{}: {message}", place.file(), place.line()),
        None => message.to_owned(),
    }
}

/// What the last panic on this thread said.
pub(crate) fn take_last() -> String {
    LAST.with(|last| last.borrow_mut().take()).unwrap_or_else(|| "(no message)".to_owned())
}

//! Who decides for a chat: one call at a time (C2).
//!
//! Two calls that looked at the same time would both find that there is no workspace, and both ask for one. The store
//! would refuse the second, and does when the two are in different runtimes; within one runtime the second call waits
//! for the first to have decided and asked, and finds what it has made.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use groundhog_host::{Elapsed, Host};
use groundhog_wire::id::ChatId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The turns of all chats of a runtime. Cheap to clone; every clone is the same. It knows the chats only that somebody
/// decides for, or waits to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turns {
    chats: Arc<Mutex<BTreeMap<ChatId, Line>>>,
}

/// Who waits for a chat.
#[derive(Debug)]
struct Line {
    /// Has one permit, given in the order in which it was asked for.
    turn: Arc<Semaphore>,
    /// How many hold a place in it: whoever has the turn, and whoever waits.
    places: usize,
}

/// The right to decide for a chat, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    // Before the place: the next one has its turn when the line may be forgotten.
    _permit: OwnedSemaphorePermit,
    _place: Place,
}

/// A place in a chat's line.
#[derive(Debug)]
struct Place {
    turns: Turns,
    chat: ChatId,
}

impl Turns {
    /// Waits for the turn to decide for `chat`, for `timeout` at most. First come, first served. Cancel safe.
    pub(crate) async fn take(&self, host: &Host, chat: ChatId, timeout: Duration) -> Result<Turn, Elapsed> {
        let (place, turn) = self.enter(chat);
        let permit = host.timeout(timeout, turn.acquire_owned()).await?;
        let permit = permit.expect("a line's semaphore is never closed");
        Ok(Turn { _permit: permit, _place: place })
    }

    fn enter(&self, chat: ChatId) -> (Place, Arc<Semaphore>) {
        let mut chats = self.chats();
        let line = chats.entry(chat).or_insert_with(|| Line { turn: Arc::new(Semaphore::new(1)), places: 0 });
        line.places += 1;
        (Place { turns: self.clone(), chat }, line.turn.clone())
    }

    fn chats(&self) -> MutexGuard<'_, BTreeMap<ChatId, Line>> {
        self.chats.lock().expect("nobody panics while holding it")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut chats = self.turns.chats();
        let Some(line) = chats.get_mut(&self.chat) else { return };
        line.places -= 1;
        if line.places == 0 {
            chats.remove(&self.chat);
        }
    }
}

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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use groundhog_sim::{Config, simulate};
    use uuid::Uuid;

    use super::*;

    fn chat(number: u128) -> ChatId {
        ChatId(Uuid::from_u128(number))
    }

    /// Plays a story on a simulated host; it has to come to its end.
    fn play<F: Future<Output = ()> + Send + 'static>(story: impl FnOnce(Host, Turns) -> F + Send) {
        simulate(Config::new(7), |world| {
            let (turns, ended) = (Turns::default(), Arc::new(Mutex::new(false)));
            world.host("runtime", |_| std::future::pending());
            let host = world.handle("runtime").expect("the host is there");
            let (story, end) = (story(host.clone(), turns.clone()), ended.clone());
            host.spawn("story", async move {
                story.await;
                *end.lock().expect("nobody panics while holding it") = true;
            })
            .detach();
            world.run_for(Duration::from_mins(10));
            assert_eq!(world.violations(), []);
            assert!(*ended.lock().expect("nobody panics while holding it"), "the story came to its end");
            assert!(turns.chats().is_empty(), "a chat that nobody decides for is forgotten");
        });
    }

    const PATIENCE: Duration = Duration::from_secs(60);

    #[test]
    fn a_chat_has_one_turn_at_a_time_in_order() {
        play(|host, turns| async move {
            let (order, began): (Arc<Mutex<Vec<u64>>>, _) = (Arc::default(), host.now());
            for number in 0..5 {
                let (own, turns, order) = (host.clone(), turns.clone(), order.clone());
                let waiting = async move {
                    own.sleep(Duration::from_millis(number)).await;
                    let turn = turns.take(&own, chat(1), PATIENCE).await.expect("it comes in time");
                    assert_eq!(own.now().since(began).as_secs(), number, "a second each");
                    order.lock().expect("nobody panics while holding it").push(number);
                    own.sleep(Duration::from_secs(1)).await;
                    drop(turn);
                };
                host.spawn("waiting", waiting).detach();
            }
            host.sleep(Duration::from_secs(10)).await;
            assert_eq!(*order.lock().expect("nobody panics while holding it"), [0, 1, 2, 3, 4]);
        });
    }

    #[test]
    fn a_chat_does_not_wait_for_another() {
        play(|host, turns| async move {
            let first = turns.take(&host, chat(1), PATIENCE).await.expect("nobody else is there");
            let asked = host.now();
            let second = turns.take(&host, chat(2), PATIENCE).await.expect("nobody else is there");
            assert_eq!((host.now(), turns.chats().len()), (asked, 2));
            drop((first, second));
        });
    }

    #[test]
    fn who_waits_for_too_long_or_goes_is_in_nobodys_way() {
        play(|host, turns| async move {
            let turn = turns.take(&host, chat(1), PATIENCE).await.expect("nobody else is there");
            let asked = host.now();
            assert!(turns.take(&host, chat(1), PATIENCE).await.is_err(), "it is not given up");
            assert_eq!(host.now().since(asked), PATIENCE);
            // One that is dropped while it waits.
            assert!(host.timeout(Duration::from_secs(1), turns.take(&host, chat(1), PATIENCE)).await.is_err());
            drop(turn);
            let asked = host.now();
            let turn = turns.take(&host, chat(1), Duration::ZERO).await.expect("nobody else is there");
            assert_eq!(host.now(), asked);
            drop(turn);
        });
    }
}

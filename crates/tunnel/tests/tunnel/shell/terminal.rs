//! A terminal session.

use std::sync::{Arc, Mutex};

use groundhog_host::{Host, TerminalSize};
use groundhog_tunnel::{Application, TerminalSession};
use uuid::Uuid;

use super::{
    play::{OPEN, Play, play},
    probe::Probe,
};

/// A person at the terminal: the session, and what they have seen.
#[derive(Clone, Default)]
struct Person {
    session: Arc<Mutex<Option<Arc<TerminalSession>>>>,
    seen: Arc<Mutex<String>>,
}

impl Person {
    fn sit_down(&self, host: &Host) -> Arc<dyn Application> {
        let size = TerminalSize { rows: 24, columns: 80 };
        let session = Arc::new(TerminalSession::new(host, Uuid::from_u128(9), size, "sh"));
        *self.session.lock().expect("nobody panics while holding it") = Some(session.clone());
        let (looked_at, seen) = (session.clone(), self.seen.clone());
        let look = async move {
            loop {
                let bytes = looked_at.shown().await;
                let text = String::from_utf8(bytes).expect("text");
                let mut seen = seen.lock().expect("nobody panics while holding it");
                if text.is_empty() {
                    return seen.push_str("[end]");
                }
                seen.push_str(&text);
            }
        };
        host.spawn("look", look).detach();
        session
    }

    fn types(&self, play: &mut Play<'_>, text: &'static str) {
        let session = self.session.lock().expect("nobody panics while holding it").clone().expect("they sit there");
        play.act("laptop", |_| async move { session.type_text(text).await.expect("the session is up") });
    }

    fn seen(&self) -> String {
        self.seen.lock().expect("nobody panics while holding it").clone()
    }
}

fn open(play: &mut Play<'_>) -> Person {
    let person = Person::default();
    let sits = person.clone();
    play.open_with(OPEN, move |host| sits.sit_down(host));
    play.run(5);
    assert_eq!(play.events("tunnel.app_up"), 1);
    person
}

/// F23: what was typed before the close is answered, and the answer is seen.
#[test]
fn what_was_typed_before_the_close_is_shown() {
    play(Probe::default(), |play| {
        let person = open(play);
        person.types(play, "one\n");
        play.run(3);
        assert_eq!(person.seen(), "sh 24x80\nsaw one\n");
        person.types(play, "two\n");
        play.shut_down(60, 10);
        assert_eq!(person.seen(), "sh 24x80\nsaw one\nsaw two\n[end]");
        let (result, took_ms) = play.handle().shutdown.clone().expect("it is down");
        assert_eq!(result, Ok(()));
        assert!(took_ms < 3_000, "it took {took_ms} ms");
    });
}

/// T7: the session is over, and so is the tunnel.
#[test]
fn a_session_that_ends_takes_the_tunnel_down() {
    play(Probe::default(), |play| {
        let person = open(play);
        person.types(play, "exit\n");
        play.run(10);
        assert_eq!(play.ended(), "the application has ended: the tunnel ends (the session is over)");
        assert_eq!(person.seen(), "sh 24x80\n[end]");
    });
}

#[test]
fn nobody_types_into_a_session_that_is_not_up() {
    play(Probe::default(), |play| {
        let person = Person::default();
        let host = play.world.handle("laptop").expect("the host is there");
        person.sit_down(&host);
        let session = person.session.lock().expect("nobody panics while holding it").clone().expect("they sit there");
        play.act("laptop", |_| async move {
            let error = session.type_text("one\n").await.expect_err("it is not up");
            assert_eq!(error.kind(), std::io::ErrorKind::NotConnected);
        });
        play.run(1);
    });
}

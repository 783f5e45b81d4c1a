//! Somebody at a terminal that a tunnel leads to.

use std::sync::Arc;

use groundhog_host::{Host, TerminalSize};
use groundhog_tunnel::{Application, TerminalSession};

use super::application::Up;
use crate::cast::users::{Screen, WINDOW, session_id, terminal_seen};

/// See the module.
pub(super) struct Typist {
    terminal: Arc<TerminalSession>,
    session: String,
    sends: Vec<String>,
    screen: Screen,
    /// They were there.
    came: bool,
    /// The session was over before they left.
    sent_away: bool,
}

/// A terminal, and who sits at it.
pub(super) fn application(host: &Host, session: &str, sends: &[String]) -> (Arc<dyn Application>, Typist) {
    let (rows, columns) = WINDOW;
    let terminal = Arc::new(TerminalSession::new(host, session_id(session), TerminalSize { rows, columns }, ""));
    let typist = Typist {
        terminal: terminal.clone(),
        session: session.to_owned(),
        sends: sends.to_vec(),
        screen: Screen::default(),
        came: false,
        sent_away: false,
    };
    (terminal, typist)
}

impl Typist {
    /// Types what there is to type, and looks at what comes.
    pub(super) async fn types(&mut self, up: Up) {
        up.came().await;
        self.came = true;
        for line in &self.sends {
            // A session that is over shows that.
            if self.terminal.type_text(&format!("{line}\n")).await.is_err() {
                break;
            }
        }
        loop {
            let shown = self.terminal.shown().await;
            if shown.is_empty() {
                self.sent_away = up.is_up();
                break;
            }
            self.screen.take(&shown);
        }
        // The tunnel finds out for itself that there is nothing more to see.
        std::future::pending().await
    }

    pub(super) fn tells(&self, by: &str) {
        if self.came {
            terminal_seen(by, &self.session, self.screen.bytes, &self.screen.tail(), self.sent_away);
        }
    }
}

//! Simulated terminals: what a process sees of its own, and what stands between it and the keys.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
};

use groundhog_host::{TerminalSize, process::Signal};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::pipe::{PipeReader, PipeWriter};

/// The longest line that is typed before its end, in bytes, as Linux has it. What is typed beyond is lost.
const LINE_BYTES_MAX: usize = 4_095;

/// A terminal as the process sees it that has one.
pub struct TerminalEnd {
    shared: Arc<Mutex<Size>>,
    /// How many changes of the size it has been told of.
    seen: u64,
}

struct Size {
    size: TerminalSize,
    changes: u64,
    waiting: Option<Waker>,
}

impl TerminalEnd {
    /// How large the terminal is now.
    pub fn size(&self) -> TerminalSize {
        lock(&self.shared).size
    }

    /// Waits for the next change of the size: of several that came meanwhile it tells the last. Cancel safe.
    pub async fn resized(&mut self) -> TerminalSize {
        std::future::poll_fn(|context| {
            let mut state = lock(&self.shared);
            if state.changes == self.seen {
                state.waiting = Some(context.waker().clone());
                return Poll::Pending;
            }
            self.seen = state.changes;
            Poll::Ready(state.size)
        })
        .await
    }
}

impl fmt::Debug for TerminalEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TerminalEnd").field("size", &self.size()).finish_non_exhaustive()
    }
}

/// What changes a terminal's size.
pub(crate) struct Resizer(Arc<Mutex<Size>>);

impl Resizer {
    pub(crate) fn resize(&self, size: TerminalSize) {
        let mut state = lock(&self.0);
        if std::mem::replace(&mut state.size, size) == size {
            return;
        }
        state.changes += 1;
        if let Some(waiting) = state.waiting.take() {
            waiting.wake();
        }
    }
}

fn lock(size: &Mutex<Size>) -> MutexGuard<'_, Size> {
    size.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A terminal's size, from both sides.
pub(crate) fn sized(size: TerminalSize) -> (Resizer, TerminalEnd) {
    let shared = Arc::new(Mutex::new(Size { size, changes: 0, waiting: None }));
    (Resizer(shared.clone()), TerminalEnd { shared, seen: 0 })
}

/// What a key does.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Effect {
    /// These bytes are shown.
    Echo(Vec<u8>),
    /// What was typed since the last line goes to the process.
    Line(Vec<u8>),
    /// The process's input ends.
    End,
    /// The process is interrupted.
    Interrupt,
}

/// The line that is being typed. As on a real terminal at first, but without a key that takes a letter back.
#[derive(Debug, Default)]
struct Line {
    typed: Vec<u8>,
}

impl Line {
    fn key(&mut self, byte: u8) -> Vec<Effect> {
        match byte {
            // The key at a line's end sends a carriage return, which is taken for a line feed.
            b'\n' | b'\r' => {
                let mut line = std::mem::take(&mut self.typed);
                line.push(b'\n');
                vec![Effect::Echo(vec![b'\n']), Effect::Line(line)]
            }
            3 => {
                self.typed.clear();
                vec![Effect::Echo(b"^C".to_vec()), Effect::Interrupt]
            }
            4 if self.typed.is_empty() => vec![Effect::End],
            4 => vec![Effect::Line(std::mem::take(&mut self.typed))],
            _ if self.typed.len() >= LINE_BYTES_MAX => vec![],
            _ => {
                self.typed.push(byte);
                let is_shown_by_name = byte < b' ' && byte != b'\t';
                vec![Effect::Echo(if is_shown_by_name { vec![b'^', byte + b'@'] } else { vec![byte] })]
            }
        }
    }
}

/// Stands between the keys and a process for as long as that lives: echoes, gathers lines, and calls `signal` for the
/// key that interrupts.
pub(crate) async fn discipline(
    mut keys: PipeReader,
    mut screen: PipeWriter,
    lines: PipeWriter,
    signal: impl Fn(Signal) + Send,
) {
    let mut line = Line::default();
    let mut lines = Some(lines);
    let mut typed = [0; 1_024];
    while let Ok(count @ 1..) = keys.read(&mut typed).await {
        for effect in typed[..count].iter().flat_map(|byte| line.key(*byte)).collect::<Vec<_>>() {
            match (effect, &mut lines) {
                // Errors mean that the process no longer reads, or has ended: there is nobody to tell.
                (Effect::Echo(shown), _) => drop(screen.write_all(&shown).await),
                (Effect::Line(line), Some(lines)) => drop(lines.write_all(&line).await),
                (Effect::Line(_), None) => {}
                (Effect::End, lines) => *lines = None,
                (Effect::Interrupt, _) => signal(Signal::Interrupt),
            }
        }
    }
    // That nobody types any more is no end of the input: a key was that, if at all.
    std::future::pending::<()>().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &[u8]) -> (String, Vec<Effect>) {
        let mut line = Line::default();
        let mut shown = Vec::new();
        let mut rest = Vec::new();
        for effect in text.iter().flat_map(|byte| line.key(*byte)) {
            match effect {
                Effect::Echo(bytes) => shown.extend(bytes),
                other => rest.push(other),
            }
        }
        (String::from_utf8_lossy(&shown).into_owned(), rest)
    }

    fn line(text: &str) -> Effect {
        Effect::Line(text.as_bytes().to_vec())
    }

    #[test]
    fn keys_do_what_they_do_on_a_terminal() {
        let check = |text: &str, shown: &str, effects: &[Effect]| {
            assert_eq!(typed(text.as_bytes()), (shown.to_owned(), effects.to_vec()), "{text:?}");
        };
        check("ab", "ab", &[]);
        check("ab\ncd\r", "ab\ncd\n", &[line("ab\n"), line("cd\n")]);
        check("\n\n", "\n\n", &[line("\n"), line("\n")]);
        check("ab\x04", "ab", &[line("ab")]);
        check("ab\x04\x04", "ab", &[line("ab"), Effect::End]);
        check("\x04", "", &[Effect::End]);
        check("ab\x03c\n", "ab^Cc\n", &[Effect::Interrupt, line("c\n")]);
        check("\x1b[A\t\n", "^[[A\t\n", &[line("\x1b[A\t\n")]);
    }

    #[test]
    fn a_line_without_end_is_bounded() {
        let mut text = vec![b'x'; 10_000];
        text.push(b'\n');
        let (shown, effects) = typed(&text);
        assert_eq!(shown.len(), LINE_BYTES_MAX + 1);
        assert_eq!(effects, [line(&("x".repeat(LINE_BYTES_MAX) + "\n"))]);
    }
}

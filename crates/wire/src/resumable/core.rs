//! One end of a stream, as a pure value: what was written and not yet consumed, what came and was not yet read, and
//! what is to be said next.
//!
//! A direction is a sequence of bytes, and its end counts as one more of them. Each end keeps what it has written until
//! the other one says that it was consumed, and counts what it has received. So a path may break anywhere: on the next
//! one both ends say how much they have received, and each goes on from there.

use std::collections::VecDeque;

use super::frame::{DATA_BYTES_MAX, Frame};

/// How much of a direction may be under way or kept for a reader, in bytes: 256 KiB. It is what each end of a stream may
/// have to keep for each direction, and it fills a path of 20 Mbit/s over 100 ms.
pub const WINDOW_BYTES: usize = 256 << 10;

/// How much is read before the other end is told of it: it never stands still for want of a word.
const TELL_BYTES: u64 = WINDOW_BYTES as u64 / 4;

/// The longest reason of a reset that is kept, in characters. It is the other end's text.
const REASON_CHARS_MAX: usize = 200;

/// The other end has done what it must not. The stream can't go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A piece of data is larger than any may be.
    #[error("{bytes} bytes of data in a frame: at most {DATA_BYTES_MAX} are allowed")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// More data came than there is room for.
    #[error("more than {WINDOW_BYTES} bytes are under way")]
    WindowExceeded,
    /// Something came after the end.
    #[error("something came after the end of the stream")]
    AfterEnd,
    /// The end came at the wrong place.
    #[error("the stream was to end after {said} bytes, but {received} have come")]
    WrongEnd {
        /// How many bytes there should be.
        said: u64,
        /// How many came.
        received: u64,
    },
    /// It has got or consumed what was never sent, or no longer has what it had.
    #[error("the other end is at byte {said} of the stream: expected {least} to {most}")]
    WrongCount {
        /// What it says.
        said: u64,
        /// What it has confirmed before.
        least: u64,
        /// What was sent.
        most: u64,
    },
}

/// Why a stream ended before its time.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Reset {
    reason: String,
    /// It was said to the other end, or came from there.
    told: bool,
}

/// What there is to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// So many bytes were taken.
    Bytes(usize),
    /// All was read, and the other end has finished.
    End,
    /// Nothing yet.
    Nothing,
    /// The stream was reset, for this reason.
    Reset(String),
}

/// What became of a piece that is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// So many bytes were taken.
    Bytes(usize),
    /// There is no room.
    Nothing,
    /// The end was written before.
    Finished,
    /// The stream was reset, for this reason.
    Reset(String),
}

/// What is to be said to the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Reset,
    Pong,
    Ping,
    Consumed,
    Data,
    Finished,
}

/// One end of a stream.
#[derive(Clone, Debug, Default)]
pub(super) struct Core {
    /// The bytes that were written and not consumed.
    kept: VecDeque<u8>,
    /// How many bytes were written before those.
    kept_from: u64,
    /// How much the other end has consumed, as far as it has said.
    consumed_there: u64,
    /// How much was sent: all before this was, on this path or received on an earlier one.
    sent: u64,
    /// The most that `sent` ever was.
    sent_most: u64,
    /// The end was written.
    finished: bool,
    /// What came and was not read.
    unread: VecDeque<u8>,
    /// How much came.
    received: u64,
    /// The end came.
    ended: bool,
    /// How much of what was read the other end was told, on this path.
    consumed_told: u64,
    /// Nobody reads any more: what comes counts as read.
    discards: bool,
    reset: Option<Reset>,
    ping: bool,
    pong: bool,
}

impl Core {
    /// Writes as much of `bytes` as there is room for.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Written {
        if let Some(reset) = &self.reset {
            return Written::Reset(reset.reason.clone());
        }
        if self.finished {
            return Written::Finished;
        }
        let room = WINDOW_BYTES - self.kept.len();
        let count = room.min(bytes.len());
        if count == 0 && !bytes.is_empty() {
            return Written::Nothing;
        }
        self.kept.extend(&bytes[..count]);
        Written::Bytes(count)
    }

    /// Writes the end. More than once is as good as once.
    pub(super) fn finish(&mut self) {
        self.finished = true;
        self.settle();
    }

    /// Reads into `buffer`, which must not be empty.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Read {
        if self.unread.is_empty() {
            return match &self.reset {
                _ if self.ended => Read::End,
                Some(reset) => Read::Reset(reset.reason.clone()),
                None => Read::Nothing,
            };
        }
        let count = buffer.len().min(self.unread.len());
        for (to, from) in buffer.iter_mut().zip(self.unread.drain(..count)) {
            *to = from;
        }
        Read::Bytes(count)
    }

    /// Ends the stream for this reason, unless it has ended.
    pub(super) fn reset(&mut self, reason: &str) {
        self.end_by(reason, false);
    }

    /// Whoever read and wrote has gone: a stream that they did not finish is reset; one that they did goes on until all
    /// has arrived.
    pub(super) fn abandon(&mut self) {
        if !self.finished {
            return self.reset("it was dropped");
        }
        self.discards = true;
        self.unread.clear();
        self.settle();
    }

    /// Asks the other end for a sign of life, on this path.
    pub(super) fn ping(&mut self) {
        self.ping = true;
    }

    /// How much came: what is said in a hello or a welcome.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// Goes on over another path, to an end that has received so much.
    pub(super) fn attach(&mut self, received_there: u64) -> Result<(), Violation> {
        let (least, most) = (self.consumed_there, self.sent_most);
        if !(least..=most).contains(&received_there) {
            return Err(Violation::WrongCount { said: received_there, least, most });
        }
        self.sent = received_there;
        self.consumed_told = 0;
        (self.ping, self.pong) = (false, false);
        Ok(())
    }

    /// A frame has come.
    pub(super) fn receive(&mut self, frame: Frame) -> Result<(), Violation> {
        match frame {
            Frame::Data(bytes) => self.receive_data(&bytes)?,
            Frame::Consumed(count) => self.receive_consumed(count)?,
            Frame::Finished(said) if self.ended => return Err(self.wrong_end(said)),
            Frame::Finished(said) if said != self.received => return Err(self.wrong_end(said)),
            Frame::Finished(_) => {
                self.ended = true;
                self.received += 1;
            }
            Frame::Reset(reason) => {
                let reason: String = reason.chars().take(REASON_CHARS_MAX).collect();
                self.end_by(&reason, true);
            }
            Frame::Ping => self.pong = true,
            Frame::Pong => {}
        }
        self.settle();
        Ok(())
    }

    /// What is to be said next, which then counts as said.
    pub(super) fn next_frame(&mut self) -> Option<Frame> {
        Some(match self.due()? {
            Due::Reset => {
                let reset = self.reset.as_mut()?;
                reset.told = true;
                Frame::Reset(reset.reason.clone())
            }
            Due::Pong => {
                self.pong = false;
                Frame::Pong
            }
            Due::Ping => {
                self.ping = false;
                Frame::Ping
            }
            Due::Consumed => {
                self.consumed_told = self.consumed();
                Frame::Consumed(self.consumed_told)
            }
            Due::Data => {
                // It lies within the window: what was sent is not below what was consumed.
                let from = self.sent.saturating_sub(self.kept_from) as usize;
                let count = (self.kept.len() - from).min(DATA_BYTES_MAX);
                let bytes: Vec<u8> = self.kept.range(from..from + count).copied().collect();
                self.has_sent(count as u64);
                Frame::Data(bytes.into())
            }
            Due::Finished => {
                self.has_sent(1);
                Frame::Finished(self.written())
            }
        })
    }

    /// What kind of thing is to be said next. Short words come first: they must not wait for data.
    pub(super) fn due(&self) -> Option<Due> {
        if let Some(reset) = &self.reset {
            return (!reset.told).then_some(Due::Reset);
        }
        let consumed = self.consumed();
        let is_last = self.ended && self.unread.is_empty();
        match () {
            () if self.pong => Some(Due::Pong),
            () if self.ping => Some(Due::Ping),
            () if consumed - self.consumed_told >= TELL_BYTES => Some(Due::Consumed),
            () if is_last && consumed > self.consumed_told => Some(Due::Consumed),
            () if self.sent < self.written() => Some(Due::Data),
            () if self.finished && self.sent == self.written() => Some(Due::Finished),
            () => None,
        }
    }

    /// Whether a read comes to anything.
    pub(super) fn is_readable(&self) -> bool {
        !self.unread.is_empty() || self.ended || self.reset.is_some()
    }

    /// Whether a write comes to anything.
    pub(super) fn is_writable(&self) -> bool {
        self.kept.len() < WINDOW_BYTES || self.finished || self.reset.is_some()
    }

    /// Whether the stream has ended, and all is said of it.
    pub(super) fn is_over(&self) -> bool {
        match &self.reset {
            Some(reset) => reset.told,
            None => {
                self.all_consumed_there() && self.ended && self.unread.is_empty() && self.consumed_told == self.received
            }
        }
    }

    /// Why it was reset, if it was.
    pub(super) fn reset_reason(&self) -> Option<&str> {
        self.reset.as_ref().map(|reset| reset.reason.as_str())
    }

    /// Whether both directions are as good as done: all that was to come has come, all that was to be sent was.
    pub(super) fn is_complete(&self) -> bool {
        self.reset.is_none() && self.ended && self.finished && self.sent_most > self.written()
    }

    fn receive_data(&mut self, bytes: &[u8]) -> Result<(), Violation> {
        if bytes.len() > DATA_BYTES_MAX {
            return Err(Violation::TooLarge { bytes: bytes.len() });
        }
        if self.ended {
            return Err(Violation::AfterEnd);
        }
        if self.unread.len() + bytes.len() > WINDOW_BYTES {
            return Err(Violation::WindowExceeded);
        }
        self.received += bytes.len() as u64;
        // What comes after a reset that the other end has not heard of is nobody's.
        if !self.discards && self.reset.is_none() {
            self.unread.extend(bytes);
        }
        Ok(())
    }

    fn receive_consumed(&mut self, count: u64) -> Result<(), Violation> {
        if count > self.sent {
            return Err(Violation::WrongCount { said: count, least: self.consumed_there, most: self.sent });
        }
        // Less than before is only late.
        if count > self.consumed_there {
            self.consumed_there = count;
            // Within the window; and the end, which counts, is not kept.
            let gone = (count - self.kept_from).min(self.kept.len() as u64);
            self.kept.drain(..gone as usize);
            self.kept_from += gone;
        }
        Ok(())
    }

    fn wrong_end(&self, said: u64) -> Violation {
        if self.ended { Violation::AfterEnd } else { Violation::WrongEnd { said, received: self.received } }
    }

    fn has_sent(&mut self, count: u64) {
        self.sent += count;
        self.sent_most = self.sent_most.max(self.sent);
    }

    /// Nobody reads, and all that was written has arrived: the other end is not to go on writing for nothing.
    fn settle(&mut self) {
        if self.discards && !self.ended && self.all_consumed_there() {
            self.reset("nobody reads any more");
        }
    }

    fn end_by(&mut self, reason: &str, told: bool) {
        if self.is_over() {
            return;
        }
        let reset = self.reset.get_or_insert_with(|| Reset { reason: reason.to_owned(), told });
        // Both ends may end it at the same time: then neither has to be told.
        reset.told |= told;
        self.kept.clear();
    }

    /// How much was read here. The end is, once everything before it was.
    fn consumed(&self) -> u64 {
        let unread = self.unread.len() as u64;
        if unread > 0 { self.received - u64::from(self.ended) - unread } else { self.received }
    }

    /// How many bytes were written.
    fn written(&self) -> u64 {
        self.kept_from + self.kept.len() as u64
    }

    fn all_consumed_there(&self) -> bool {
        self.finished && self.consumed_there > self.written()
    }
}

#[cfg(test)]
mod tests;

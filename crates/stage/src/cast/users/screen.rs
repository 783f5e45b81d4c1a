//! What people see at a terminal.

use uuid::Uuid;

/// How large people's windows are: rows and columns.
pub(in crate::cast) const WINDOW: (u16, u16) = (24, 80);

/// How much of the end of what was seen is told, in characters.
const TAIL_CHARS: usize = 100;

/// What somebody has seen.
#[derive(Default)]
pub(in crate::cast) struct Screen {
    pub(in crate::cast) bytes: u64,
    /// The last of it.
    end: Vec<u8>,
}

impl Screen {
    pub(in crate::cast) fn take(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.end.extend_from_slice(bytes);
        // A character has four bytes at most.
        let surplus = self.end.len().saturating_sub(TAIL_CHARS * 4);
        self.end.drain(..surplus);
    }

    /// The last characters, the lines of which are joined by `|`.
    pub(in crate::cast) fn tail(&self) -> String {
        let text = String::from_utf8_lossy(&self.end).replace("\r\n", "\n").replace(['\n', '\r'], "|");
        let skipped = text.chars().count().saturating_sub(TAIL_CHARS);
        text.chars().skip(skipped).collect()
    }
}

/// The id of the session that people call by a name: the name's letters, so that it is the same for everybody.
pub(in crate::cast) fn session_id(name: &str) -> Uuid {
    let mut bytes = [0_u8; 16];
    for (index, byte) in name.bytes().enumerate() {
        let place = &mut bytes[index % 16];
        *place = place.rotate_left(1) ^ byte;
    }
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

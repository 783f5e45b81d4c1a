//! Finding a value out (A6).

use std::time::Duration;

use groundhog_host::{Elapsed, process::Output};
use groundhog_wire::v1::{AgentMetadataDescription, AgentMetadataValue};
use tokio::io::AsyncReadExt;

use crate::{connection::Connection, logs::text, several::Several};

/// How much of a script's output is a value, in bytes: 10 KiB.
const VALUE_BYTES_MAX: usize = 10 << 10;

impl Connection<'_> {
    /// Runs a description's script, for so long at most. Whatever it has written is the value; what went wrong is told
    /// beside it.
    pub(super) async fn collect(
        &self,
        description: &AgentMetadataDescription,
        timeout: Duration,
    ) -> AgentMetadataValue {
        let host = &self.shared.host;
        let collected_at_ms = host.wall().as_millisecond();
        let mut value = Value::default();
        let ended = match host.timeout(timeout, self.run_for_value(&description.script, &mut value)).await {
            Ok(ended) => ended,
            Err(Elapsed) => Err(format!("run cmd: it took longer than {timeout:?}")),
        };
        let error = ended.and(value.complete());
        AgentMetadataValue {
            key: description.key.clone(),
            collected_at_ms,
            age_s: 0,
            value: text::clean(&value.bytes),
            error: error.err().unwrap_or_default(),
        }
    }

    /// Runs a script and takes what it writes. Dropping this ends the script.
    async fn run_for_value(&self, script: &str, value: &mut Value) -> Result<(), String> {
        let failed = |error: &dyn std::fmt::Display| format!("run cmd: {error}");
        let command = self.shared.surroundings.shell(script).await.map_err(|error| failed(&error))?;
        let mut process = self.shared.host.start(command).await.map_err(|error| failed(&error))?;
        // It gets no input, and is to know it.
        drop(process.input.take());
        let mut pipes = Several::new();
        for pipe in [process.output.take(), process.error.take()].into_iter().flatten() {
            pipes.add(read(pipe));
        }
        while !pipes.is_empty() {
            // Both pipes into one value, in the order in which they give something.
            if let (Some(bytes), pipe) = pipes.next().await {
                value.add(&bytes);
                pipes.add(read(pipe));
            }
        }
        match process.wait().await {
            Ok(exit) if exit.success() => Ok(()),
            Ok(exit) => Err(failed(&exit)),
            Err(error) => Err(failed(&error)),
        }
    }
}

/// The next piece of a pipe; none at its end.
async fn read(mut pipe: Output) -> (Option<Vec<u8>>, Output) {
    let mut buffer = vec![0; 1024];
    match pipe.read(&mut buffer).await {
        Ok(0) | Err(_) => (None, pipe),
        Ok(bytes) => {
            buffer.truncate(bytes);
            (Some(buffer), pipe)
        }
    }
}

/// What a script has written.
#[derive(Debug, Default)]
struct Value {
    bytes: Vec<u8>,
    /// How much it was, kept or not.
    written: usize,
}

impl Value {
    fn add(&mut self, piece: &[u8]) {
        self.written += piece.len();
        let room = VALUE_BYTES_MAX - self.bytes.len();
        self.bytes.extend_from_slice(&piece[..piece.len().min(room)]);
    }

    /// An error if it is not all there.
    fn complete(&self) -> Result<(), String> {
        match self.written {
            written if written == self.bytes.len() => Ok(()),
            written => Err(format!("output truncated from {written} to {VALUE_BYTES_MAX} bytes")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_its_bound() {
        let mut value = Value::default();
        value.add(&[b'x'; VALUE_BYTES_MAX - 1]);
        assert_eq!(value.complete(), Ok(()));
        value.add(b"yz");
        value.add(b"more");
        assert_eq!(value.bytes.len(), VALUE_BYTES_MAX);
        assert_eq!(value.complete(), Err("output truncated from 10245 to 10240 bytes".to_owned()));
    }
}

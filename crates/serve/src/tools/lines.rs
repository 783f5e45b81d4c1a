//! Calls by lines, several at once: each line of the input is a call, and is answered by a line of the output.

use std::{future::Future, io, pin::pin};

use futures_util::{StreamExt, stream::FuturesUnordered};
use groundhog_chattool::interface::REQUEST_BYTES_MAX;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio_util::sync::CancellationToken;

/// Takes calls from `input` until it ends, or until `enough`, and answers them to `output`, each as soon as `call` has
/// done it. At most `calls_max` are under way; no further line is read meanwhile. Returns once all are answered.
///
/// Lines without anything in them are passed over. A line that is too long to be a call is given to `call` nevertheless,
/// cut, so that it is answered as what it is.
///
/// Fails when the input can't be read or the output not be written: then nobody is there to answer to, and the calls that
/// are under way are given up.
pub async fn serve<F>(
    input: impl AsyncRead,
    output: impl AsyncWrite,
    calls_max: usize,
    call: impl Fn(String) -> F,
    enough: &CancellationToken,
) -> io::Result<()>
where
    F: Future<Output = String>,
{
    let (mut input, mut output) = (pin!(BufReader::new(input)), pin!(output));
    let (mut line, mut calls, mut open) = (Line::default(), FuturesUnordered::new(), true);
    while open || !calls.is_empty() {
        tokio::select! {
            biased;
            // Answers first: they make room.
            Some(answer) = calls.next() => {
                let text: String = answer;
                output.write_all(text.as_bytes()).await?;
                output.write_all(b"\n").await?;
                output.flush().await?;
            }
            () = enough.cancelled(), if open => open = false,
            read = line.read(&mut input), if open && calls.len() < calls_max => match read? {
                Some(text) if text.trim().is_empty() => {}
                Some(text) => calls.push(call(text)),
                None => open = false,
            },
        }
    }
    Ok(())
}

/// A line that is being read. What has come of it stays when the reading is broken off.
#[derive(Debug, Default)]
struct Line {
    bytes: Vec<u8>,
}

impl Line {
    /// The next line, without its end; none at the end of the input. Of a line that is too long, as much as shows that.
    /// Cancel safe.
    async fn read(&mut self, input: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<String>> {
        loop {
            let available = input.fill_buf().await?;
            if available.is_empty() {
                return Ok((!self.bytes.is_empty()).then(|| self.take()));
            }
            let end = available.iter().position(|byte| *byte == b'\n');
            let content = &available[..end.unwrap_or(available.len())];
            let room = (REQUEST_BYTES_MAX + 1).saturating_sub(self.bytes.len());
            self.bytes.extend_from_slice(&content[..content.len().min(room)]);
            let used = content.len() + usize::from(end.is_some());
            input.consume(used);
            if end.is_some() {
                return Ok(Some(self.take()));
            }
        }
    }

    fn take(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.bytes)).into_owned()
    }
}

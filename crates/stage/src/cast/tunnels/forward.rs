//! Somebody who asks for a page over a forwarded port, again and again.

use std::{io, sync::Arc, time::Duration};

use groundhog_host::{Address, Host};
use groundhog_tunnel::{Application, PortForward};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{application::Up, tunnel_answer, used_tunnel};

/// The laptop's port. Each laptop has one tunnel.
const LOCAL_PORT: u16 = 8_000;

/// How long they wait for a page: as for any answer.
const PAGE_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest answer that is read, in bytes: its first line is what matters.
const ANSWER_BYTES_MAX: usize = 8 << 10;

/// What they ask.
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

/// See the module.
pub(super) struct Visitor {
    tunnel: String,
    every: Duration,
    last: String,
}

/// A forwarded port, and who uses it.
pub(super) fn application(host: &Host, tunnel: &str, port: u16, every: Duration) -> (Arc<dyn Application>, Visitor) {
    let visitor = Visitor { tunnel: tunnel.to_owned(), every, last: String::new() };
    (Arc::new(PortForward::new(host, LOCAL_PORT, port)), visitor)
}

impl Visitor {
    /// Asks while the port is forwarded.
    pub(super) async fn visits(&mut self, host: &Host, up: Up) {
        up.came().await;
        while up.is_up() {
            let began = host.now();
            let answer = answer(host).await;
            let took_ms = u64::try_from((host.now() - began).as_millis()).unwrap_or(u64::MAX);
            // What breaks off because the tunnel is going down is no answer.
            if up.is_up() {
                used_tunnel(&self.tunnel, &answer, took_ms);
                if answer != self.last {
                    tunnel_answer(&self.tunnel, &answer);
                    self.last = answer;
                }
            }
            host.sleep(self.every).await;
        }
        // It is for the tunnel's end to come.
        std::future::pending().await
    }
}

async fn answer(host: &Host) -> String {
    match host.timeout(PAGE_TIMEOUT, status(host)).await {
        Ok(Ok(Some(status))) => status,
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => "refused".to_owned(),
        Ok(Ok(None) | Err(_)) => "closed".to_owned(),
        Err(_) => "no answer".to_owned(),
    }
}

/// The status with which a request is answered; none if it is not.
async fn status(host: &Host) -> io::Result<Option<String>> {
    let mut stream = host.connect(&Address::new(host.name(), LOCAL_PORT)).await?;
    stream.write_all(REQUEST).await?;
    let mut answer = Vec::new();
    while answer.len() < ANSWER_BYTES_MAX && stream.read_buf(&mut answer).await? > 0 {}
    let text = String::from_utf8_lossy(&answer);
    let mut words = text.lines().next().unwrap_or_default().split(' ');
    Ok(words.next().filter(|version| version.starts_with("HTTP/")).and(words.next()).map(str::to_owned))
}

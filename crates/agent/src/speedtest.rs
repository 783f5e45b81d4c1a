//! Measuring the path to whoever asks.

use std::{io, time::Duration};

use groundhog_host::{Host, Stream};
use groundhog_wire::speedtest::{DURATION_MAX, Direction, Request, receive, send};

/// How much longer than asked for a measurement may take: a path that is cut does not end it.
const GRACE: Duration = Duration::from_secs(20);

/// Takes part in one measurement on `stream`. Returns once it is over, after [`DURATION_MAX`] and a grace of 20 s at the
/// latest.
pub async fn serve(host: &Host, mut stream: Stream) {
    match host.timeout(DURATION_MAX + GRACE, measure(host, &mut stream)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a measurement broke off"),
        Err(_) => tracing::debug!("a measurement took too long"),
    }
}

async fn measure(host: &Host, stream: &mut Stream) -> io::Result<()> {
    let request = Request::read(stream).await?;
    let lasts = Duration::from_millis(request.duration_ms);
    if lasts > DURATION_MAX {
        let text = format!("a measurement of {lasts:?}: at most {DURATION_MAX:?} are taken part in");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    match request.direction {
        Direction::Down => {
            send(host, stream, lasts).await?;
            // Until the other side has closed too: what is on its way arrives so.
            receive(host, stream, host.now()).await.map(drop)
        }
        Direction::Up => {
            let report = receive(host, stream, host.now()).await?;
            report.write(stream).await
        }
    }
}

//! How a stream is opened.

use std::{io, sync::Arc, time::Duration};

use groundhog_host::{Address, Stream};
use turmoil::net::TcpStream;

use super::{machine::pause, station::Station, stream};

/// How often the opening of a connection is tried again, as Linux's `tcp_syn_retries`: two minutes in all.
const RETRIES_MAX: u32 = 6;

/// The time after which an unanswered opening is tried again, for the first time; doubled each time.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// Opens a stream from the host that runs.
///
/// turmoil refuses a call of which a message was lost on the way, at once, as if nobody listened there. A call to a machine
/// without power must not hear so: it hangs, and is tried again as TCP does. A call over a path that holds its messages
/// hangs by itself.
pub(crate) async fn open(station: &Arc<Station>, to: &Address) -> io::Result<Stream> {
    let whole = FIRST_RETRY * (1 << (RETRIES_MAX + 1)) - FIRST_RETRY;
    #[allow(clippy::disallowed_methods, reason = "here the runtime's timer is the host's")]
    match tokio::time::timeout(whole, try_and_try(station, to)).await {
        Ok(opened) => opened,
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, format!("{to} has not answered for {whole:?}"))),
    }
}

async fn try_and_try(station: &Arc<Station>, to: &Address) -> io::Result<Stream> {
    let network = &station.network;
    let mut wait = FIRST_RETRY;
    loop {
        let losses = network.losses(&to.host);
        let tried = TcpStream::connect((to.host.as_str(), to.port)).await;
        let was_lost = network.is_dark(&to.host) || network.losses(&to.host) != losses;
        match tried {
            Ok(io) => return stream::new(station, io),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused && was_lost => {}
            Err(error) => return Err(io::Error::new(error.kind(), format!("{to} can't be connected to: {error}"))),
        }
        pause(wait).await;
        wait *= 2;
    }
}

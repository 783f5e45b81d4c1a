//! Showing pages at a place of their own, or not at all.

use std::{net::SocketAddr, path::Path, sync::Arc};

use groundhog_host::{Listener, live::LiveMachine};

use super::{Pages, serve};
use crate::{
    Error,
    place::{listen, machine},
};

/// Where a program's pages are shown, if they are. On a machine of their own: it is at another address, and they are to
/// be seen until the end.
pub(crate) struct Shown {
    place: Option<(LiveMachine, Listener, SocketAddr)>,
}

/// The machine of pages that are shown, and what is said of their place.
pub(crate) struct Showing(Option<LiveMachine>);

impl Shown {
    /// Listens at `place`, which is another one than that of the component.
    pub(crate) async fn begin(place: Option<SocketAddr>) -> Result<Self, Error> {
        let Some(place) = place else { return Ok(Self { place: None }) };
        let machine = machine("pages", place, Path::new("."))?;
        let (listener, at) = listen(&machine, place, "--http").await?;
        Ok(Self { place: Some((machine, listener, at)) })
    }

    /// Shows `pages` from now on. Gives the place, as it is told at the end of a line; nothing if they are not shown.
    pub(crate) fn show(self, pages: impl Pages) -> (Showing, String) {
        let Some((machine, listener, at)) = self.place else { return (Showing(None), String::new()) };
        let host = machine.host();
        host.spawn("pages", serve(host.clone(), listener, Arc::new(pages))).detach();
        (Showing(Some(machine)), format!(", http {at}"))
    }
}

impl Showing {
    /// Shows them no more.
    pub(crate) async fn stop(self) {
        if let Some(machine) = self.0 {
            machine.stop().await;
        }
    }
}

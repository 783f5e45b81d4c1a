//! `groundhog user daemon`.

use groundhog_wire::{
    Limited,
    v1::{self, administration_client::AdministrationClient},
};

use super::{caller::Caller, failure::Failure, show, tell};
use crate::{arguments::Format, exit::Exit};

/// Lists the provisioner daemons.
pub(super) async fn list(caller: &Caller) -> Result<Exit, Failure> {
    let listed = caller.ask(v1::ListDaemonsRequest {}, |channel, request| async move {
        AdministrationClient::new(channel).limited().list_daemons(request).await
    });
    let daemons = listed.await?.daemons;
    match caller.format {
        Format::Text => show::daemons(&daemons)?,
        Format::Json => {
            for daemon in &daemons {
                tell::line("daemon", tell::daemon(daemon))?;
            }
        }
    }
    Ok(Exit::Good)
}

//! The bounds that both ends of a call keep.

use crate::{
    channel::Channel,
    v1::{
        administration_client::AdministrationClient, administration_server::AdministrationServer,
        agents_client::AgentsClient, agents_server::AgentsServer, chats_client::ChatsClient, chats_server::ChatsServer,
        jobs_client::JobsClient, jobs_server::JobsServer, provisioner_daemons_client::ProvisionerDaemonsClient,
        provisioner_daemons_server::ProvisionerDaemonsServer, templates_client::TemplatesClient,
        templates_server::TemplatesServer, workspace_agents_client::WorkspaceAgentsClient,
        workspace_agents_server::WorkspaceAgentsServer, workspaces_client::WorkspacesClient,
        workspaces_server::WorkspacesServer,
    },
};

/// The largest message, in bytes, that either end sends or accepts: 4 MiB.
///
/// It is gRPC's customary bound on what is received. Sending has none by custom; here it has the same, so that
/// the sender of a message that is too large learns it at once and by itself. Whoever fills messages from data
/// without a bound (a build's log, a state) splits or refuses it well below.
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The largest list of headers of one call, in bytes as HTTP/2 counts them: 16 KiB. What the calls here carry is
/// below 1 KiB; the rest is room for metadata.
pub const HEADER_LIST_BYTES_MAX: u32 = 16 * 1024;

/// Applies [`MESSAGE_BYTES_MAX`] in both directions to a generated client or server. The generated code can't
/// be told once and for all, so every construction says it:
///
/// ```
/// use groundhog_wire::{Channel, Limited, v1::provisioner_daemons_client::ProvisionerDaemonsClient};
///
/// fn client(channel: &Channel) -> ProvisionerDaemonsClient<Channel> {
///     ProvisionerDaemonsClient::new(channel.clone()).limited()
/// }
/// ```
///
/// A message above the bound fails with `OUT_OF_RANGE` (tonic's code for it), on the side that saw it first.
/// That is not [retryable](crate::fault::retryable).
pub trait Limited: Sized {
    /// The same client or server, with the bounds.
    #[must_use]
    fn limited(self) -> Self;
}

macro_rules! limited {
    ($($client:ident $server:ident)*) => {
        $(
            impl Limited for $client<Channel> {
                fn limited(self) -> Self {
                    self.max_decoding_message_size(MESSAGE_BYTES_MAX).max_encoding_message_size(MESSAGE_BYTES_MAX)
                }
            }

            impl<T> Limited for $server<T> {
                fn limited(self) -> Self {
                    self.max_decoding_message_size(MESSAGE_BYTES_MAX).max_encoding_message_size(MESSAGE_BYTES_MAX)
                }
            }
        )*
    };
}

limited! {
    AdministrationClient AdministrationServer
    AgentsClient AgentsServer
    ChatsClient ChatsServer
    JobsClient JobsServer
    ProvisionerDaemonsClient ProvisionerDaemonsServer
    TemplatesClient TemplatesServer
    WorkspaceAgentsClient WorkspaceAgentsServer
    WorkspacesClient WorkspacesServer
}

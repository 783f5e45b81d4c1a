//! A stream over one path.

use groundhog_host::Host;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{
    hello::{self, HelloError},
    stream::{ResumableStream, StreamHandle},
};
use crate::v1::PeerHello;

/// Says hello on a path to an agent, and begins a stream that ends with the path. The stream's id is drawn; of `hello`
/// count who comes and what for.
pub async fn open_over(
    host: &Host,
    mut path: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    hello: PeerHello,
) -> Result<ResumableStream, HelloError> {
    let hello = PeerHello { stream_id: host.new_id("stream").to_string(), resumes: false, ..hello };
    let (handle, stream) = StreamHandle::new();
    let attachment = hello::join(host, &mut path, &handle, hello).await?;
    let driven = host.clone();
    let drive = async move {
        let end = attachment.drive(&driven, path).await;
        handle.reset(&format!("the path has ended: {end}"));
    };
    host.spawn("stream to an agent", drive).detach();
    Ok(stream)
}

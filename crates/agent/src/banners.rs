//! What whoever comes to the workspace is to read first.

use groundhog_wire::v1::GetBannersRequest;

use crate::{
    connection::{Connection, Failure},
    optional::Optional,
};

impl Connection<'_> {
    /// Asks for the banners, at once and from time to time.
    pub(crate) async fn fetch_banners(&self) -> Failure {
        let shared = self.shared;
        let mut optional = Optional::new("get_banners");
        loop {
            match self.call(|mut client| async move { client.get_banners(GetBannersRequest {}).await }).await {
                Ok(answer) => {
                    optional.succeeded();
                    shared.set_banners(answer.banners);
                    shared.host.sleep(shared.config().banner_interval).await;
                }
                Err(status) => shared.host.sleep(optional.failed(&status)).await,
            }
        }
    }
}

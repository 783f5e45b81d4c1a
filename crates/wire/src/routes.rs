//! Which service answers a call: by the path's first part, as generated code names it.

use std::{collections::BTreeMap, convert::Infallible, fmt, future::poll_fn, sync::Arc};

use groundhog_host::machine::BoxFuture;
use http::{Request, Response};
use tonic::{Status, body::Body, server::NamedService};
use tower_service::Service;

/// How much of an unknown service's name is repeated in the answer, in characters. The name is the caller's, and
/// the answer travels in a header.
const NAME_CHARS_MAX: usize = 100;

/// The services of a server, by name. Cheap to clone.
#[derive(Clone, Default)]
pub struct Routes {
    services: Arc<BTreeMap<&'static str, Arc<dyn Route>>>,
}

impl Routes {
    /// No services yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a generated server: `Routes::new().add(XServer::new(service).limited())`. One of the same name takes
    /// the earlier one's place.
    #[must_use]
    #[allow(clippy::should_implement_trait, reason = "routes are not summed: a service is added to them")]
    pub fn add<S>(mut self, service: S) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
    {
        Arc::make_mut(&mut self.services).insert(S::NAME, Arc::new(service));
        self
    }

    /// Answers one call; a service that is not here with `UNIMPLEMENTED`.
    pub async fn call(&self, request: Request<Body>) -> Response<Body> {
        // The path of a call is "/package.Service/Method".
        let name = request.uri().path().split('/').nth(1).unwrap_or_default();
        match self.services.get(name) {
            Some(service) => service.call(request).await,
            None => {
                let name: String = name.chars().take(NAME_CHARS_MAX).collect();
                Status::unimplemented(format!("there is no service {name:?} here")).into_http()
            }
        }
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.services.keys()).finish()
    }
}

/// A service without its type.
trait Route: Send + Sync {
    fn call(&self, request: Request<Body>) -> BoxFuture<'static, Response<Body>>;
}

impl<S> Route for S
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
{
    fn call(&self, request: Request<Body>) -> BoxFuture<'static, Response<Body>> {
        let mut service = self.clone();
        Box::pin(async move {
            let Ok(()) = poll_fn(|context| service.poll_ready(context)).await;
            let Ok(response) = Service::call(&mut service, request).await;
            response
        })
    }
}

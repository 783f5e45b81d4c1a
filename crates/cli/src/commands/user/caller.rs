//! How the control plane is asked.

use std::{env, fs::File, future::Future, io::Read, path::Path, time::Duration};

use groundhog_host::Host;
use groundhog_wire::{Channel, ChannelConfig, Endpoints, Fault, Identity, Secret, call};
use tonic::{Response, Status};

use super::{arguments::ConnectionArguments, failure::Failure};
use crate::arguments::Format;

/// How long an answer may take: above what a busy database needs, below what a person takes for a hang.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// The variable with the session token.
const TOKEN_VARIABLE: &str = "GROUNDHOG_TOKEN";

/// The largest file that is read for a token, in bytes: a token and what an editor puts around it.
const TOKEN_FILE_BYTES_MAX: u64 = 4 << 10;

/// Somebody with a session, on a machine.
pub(super) struct Caller {
    pub(super) host: Host,
    pub(super) channel: Channel,
    pub(super) format: Format,
    /// How many control planes there are to try.
    addresses: usize,
}

impl Caller {
    /// Reads the token. Connects to nothing yet.
    pub(super) fn new(host: Host, arguments: &ConnectionArguments) -> Result<Self, Failure> {
        let token = token(arguments.token_file.as_deref())?;
        let mut addresses = arguments.control.iter().cloned();
        let first = addresses.next().ok_or_else(|| Failure::BadInput("no control plane was named".to_owned()))?;
        let endpoints = Endpoints::new(first, addresses.collect());
        let channel = Channel::new(&host, endpoints, Identity::user(token), ChannelConfig::default());
        Ok(Self { host, channel, format: arguments.format, addresses: arguments.control.len() })
    }

    /// Asks until some control plane was reached, each once. What is asked may change something: so whatever got so far
    /// that it may have been heard is not asked again.
    pub(super) async fn ask<Q: Clone, T, F>(&self, request: Q, send: impl Fn(Channel, Q) -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let mut left = self.addresses;
        loop {
            left = left.saturating_sub(1);
            match call(&self.host, CALL_TIMEOUT, send(self.channel.clone(), request.clone())).await {
                Ok(answer) => return Ok(answer.into_inner()),
                Err(status) if left > 0 && matches!(Fault::of(&status), Some(Fault::Connect(_))) => {}
                Err(status) => return Err(status.into()),
            }
        }
    }
}

/// The session token. No error says anything of what was read.
fn token(file: Option<&Path>) -> Result<Secret, Failure> {
    let (text, from) = match file {
        Some(file) => {
            let mut text = String::new();
            File::open(file)
                .and_then(|open| open.take(TOKEN_FILE_BYTES_MAX).read_to_string(&mut text))
                .map_err(|error| Failure::BadInput(format!("the token file {}: {error}", file.display())))?;
            (text, format!("the token file {}", file.display()))
        }
        None => {
            let text = env::var(TOKEN_VARIABLE).ok().filter(|text| !text.is_empty()).ok_or_else(|| {
                let what = "set it to your session token, or name a file with `--token-file`";
                Failure::BadInput(format!("{TOKEN_VARIABLE} is not set: {what}"))
            })?;
            (text, TOKEN_VARIABLE.to_owned())
        }
    };
    Secret::new(text.trim()).map_err(|error| Failure::BadInput(format!("{from}: {error}")))
}

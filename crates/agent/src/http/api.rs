//! What an agent tells the workspace's people over HTTP.
//!
//! | path | answer |
//! |---|---|
//! | `/api/v0/listening-ports` | `{"ports":[{"network":"tcp","port":8080}]}`, by their number |

use groundhog_host::{Host, Stream};
use serde_json::json;

use super::{Answer, Asked, json, not_found, only_get, ports};

/// Serves one request on `stream`, within a minute. `own_port` is the agent's listener, which is none of the
/// workspace's.
pub async fn serve(host: &Host, own_port: u16, stream: Stream) {
    super::serve(host, stream, |asked| respond(host, own_port, asked)).await;
}

async fn respond(host: &Host, own_port: u16, asked: Asked) -> Answer {
    if let Some(refused) = only_get(&asked) {
        return refused;
    }
    match asked.path.as_str() {
        "/api/v0/listening-ports" => {
            let ports = ports::listening(host).await.into_iter().filter(|port| *port != own_port);
            let ports: Vec<_> = ports.map(|port| json!({ "network": "tcp", "port": port })).collect();
            json(&json!({ "ports": ports }))
        }
        _ => not_found(&asked),
    }
}

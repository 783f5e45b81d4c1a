//! Telling the control plane who has come to the workspace, and has gone.

use std::net::IpAddr;

use groundhog_host::Host;
use groundhog_wire::v1::{ReportConnectionRequest, report_connection_request::Action};

use crate::{
    connection::{Connection, Failure},
    outbox::Outbox,
};

/// How many wait to be told; more are dropped.
const REPORTS_MAX: usize = 2_048;

/// What the control plane has not been told of yet. It outlives every connection.
#[derive(Debug)]
pub(crate) struct Connections {
    host: Host,
    outbox: Outbox<ReportConnectionRequest>,
}

/// Somebody who is there. Dropping it tells that they have gone.
#[derive(Debug)]
pub(crate) struct Visit<'a> {
    connections: &'a Connections,
    report: ReportConnectionRequest,
}

impl Connections {
    pub(crate) fn new(host: &Host) -> Self {
        Self { host: host.clone(), outbox: Outbox::new(REPORTS_MAX) }
    }

    /// Somebody has come, from the host `from`, for what is called `kind`.
    pub(crate) fn begin(&self, kind: &str, from: &str) -> Visit<'_> {
        let report = ReportConnectionRequest {
            connection_id: self.host.new_id("connection").to_string(),
            r#type: kind.to_owned(),
            ip: ip(from),
            ..ReportConnectionRequest::default()
        };
        self.add(ReportConnectionRequest { action: Action::Connect.into(), ..report.clone() });
        Visit { connections: self, report }
    }

    /// Waits until none waits to be told any more. Cancel safe.
    pub(crate) async fn drained(&self) {
        self.outbox.drained().await;
    }

    fn add(&self, report: ReportConnectionRequest) {
        let at_ms = self.host.wall().as_millisecond();
        if !self.outbox.add(ReportConnectionRequest { at_ms, ..report }) {
            tracing::warn!("a connection is not told of: too many wait to be");
        }
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        let report = std::mem::take(&mut self.report);
        self.connections.add(ReportConnectionRequest { action: Action::Disconnect.into(), ..report });
    }
}

/// `host` as an IP address: empty if it is a name, of which the control plane takes none (F5).
fn ip(host: &str) -> String {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    match host {
        "localhost" => "127.0.0.1".to_owned(),
        host => host.parse::<IpAddr>().map_or_else(|_| String::new(), |ip| ip.to_string()),
    }
}

impl Connection<'_> {
    /// Tells of them, one after the other, as they come and go.
    pub(crate) async fn report_connections(&self) -> Failure {
        let send = |report| self.call(|mut client| async move { client.report_connection(report).await });
        self.deliver(&self.shared.connections.outbox, "report_connection", send).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_no_address() {
        let check = |host: &str, expected: &str| assert_eq!(ip(host), expected);
        check("localhost", "127.0.0.1");
        check("10.0.0.7", "10.0.0.7");
        check("::1", "::1");
        check("[::1]", "::1");
        check("alice", "");
        check("", "");
    }
}

//! Which ports of a machine are listened on, by the kernel's tables.

use std::collections::BTreeSet;

use groundhog_host::Host;

/// The state of a socket that listens, in the kernel's numbers.
const LISTENS: &str = "0A";

/// The lowest port that is told: below it are services of the last century that nobody would forward.
const PORT_MIN: u16 = 9;

/// The ports that something on the machine listens on by TCP, in order. A table that can't be read has none: not every
/// machine has one.
pub(super) async fn listening(host: &Host) -> Vec<u16> {
    let tables = host.files("/proc/net");
    let mut ports = BTreeSet::new();
    for table in ["tcp", "tcp6"] {
        match tables.read(table).await {
            Ok(content) => ports.extend(listed(&String::from_utf8_lossy(&content))),
            Err(error) => tracing::debug!(%error, "a table of sockets can't be read"),
        }
    }
    ports.into_iter().collect()
}

/// The ports that a table lists. A line that is not understood, as its first, is left out.
fn listed(table: &str) -> impl Iterator<Item = u16> {
    table.lines().filter_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        // Number, local address, remote address, state.
        let (_, local, _, state) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let (_, port) = local.rsplit_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        (state == LISTENS && port >= PORT_MIN).then_some(port)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_lists_what_listens() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1 1 0 100 0 0 10 0
   1: 0100007F:1F91 0100007F:C001 01 00000000:00000000 00:00000000 00000000  1000        0 2 1 0 100 0 0 10 0
   2: 00000000:0007 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3 1 0 100 0 0 10 0
   3: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 0 0
   4: broken
   5: 0100007F:XYZ 00000000:0000 0A
";
        assert_eq!(listed(table).collect::<Vec<_>>(), [8_080, 22]);
    }
}

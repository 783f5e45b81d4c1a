//! Addresses for the hosts of one run.
//!
//! Every host has an address of its own, so that the ports that components are set to are free on each. Linux takes all
//! of `127.0.0.0/8` for loopback. A run takes the `127.x.0.0/16` of an `x` that no other run on this machine has: which
//! one that is, it shows to the others by listening in it.

use std::{
    io,
    net::{Ipv4Addr, SocketAddrV4, TcpListener},
};

/// The numbers that a run's network can have. Below and above are others' addresses: `127.0.0.1` is what everybody
/// listens on who wants no other.
const NETWORKS: std::ops::Range<u8> = 16..100;

/// Where a run listens that has taken a network: its last address but one, on a port that no component is set to.
const TAKEN: (u8, u8, u16) = (255, 254, 4_999);

/// How many hosts there are at most for each value of an address's third number.
const HOSTS_PER_BLOCK: usize = 250;

/// The network of one run. Others can have it once this is dropped.
#[derive(Debug)]
pub(super) struct Loopback {
    number: u8,
    given: usize,
    _taken: TcpListener,
}

impl Loopback {
    /// Takes a network that nobody has. Fails when there is none, and on a system that has one loopback address only.
    pub(super) fn take() -> io::Result<Self> {
        let count = NETWORKS.len();
        // Where to begin differs from process to process, so that most find a free one at once.
        let first = std::process::id() as usize % count;
        let mut failure = None;
        for number in NETWORKS.cycle().skip(first).take(count) {
            let (third, fourth, port) = TAKEN;
            match TcpListener::bind(SocketAddrV4::new(Ipv4Addr::new(127, number, third, fourth), port)) {
                Ok(taken) => return Ok(Self { number, given: 0, _taken: taken }),
                Err(error) => failure = Some(error),
            }
        }
        let failure = failure.unwrap_or_else(|| io::ErrorKind::AddrInUse.into());
        let text = format!(
            "no loopback network is left for a live run: of 127.{}.0.0 to 127.{}.0.0 each is taken, or this system has \
             only one loopback address, which takes Linux to be otherwise: {failure}",
            NETWORKS.start,
            NETWORKS.end - 1
        );
        Err(io::Error::new(failure.kind(), text))
    }

    /// The address at which the proxy takes connections: no host's.
    pub(super) fn proxy(&self) -> Ipv4Addr {
        Ipv4Addr::new(127, self.number, 0, 1)
    }

    /// An address for one more host. None once there are tens of thousands.
    pub(super) fn next_address(&mut self) -> Option<Ipv4Addr> {
        let third = u8::try_from(self.given / HOSTS_PER_BLOCK).ok().filter(|third| *third < TAKEN.0)?;
        let fourth = u8::try_from(self.given % HOSTS_PER_BLOCK + 2).ok()?;
        self.given += 1;
        Some(Ipv4Addr::new(127, self.number, third, fourth))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_runs_share_no_address() {
        let mut runs = [Loopback::take().expect("one is left"), Loopback::take().expect("another one is left")];
        let addresses: Vec<_> =
            runs.iter_mut().flat_map(|run| [run.proxy(), run.next_address().expect("it is new")]).collect();
        let mut different = addresses.clone();
        different.sort_unstable();
        different.dedup();
        assert_eq!(different.len(), addresses.len(), "{addresses:?}");
    }

    #[test]
    fn hosts_have_addresses_of_their_own_up_to_a_bound() {
        let mut run = Loopback::take().expect("one is left");
        let mut given: Vec<Ipv4Addr> = std::iter::from_fn(|| run.next_address()).collect();
        let (count, proxy) = (given.len(), run.proxy());
        assert_eq!(count, 255 * HOSTS_PER_BLOCK);
        given.push(proxy);
        given.sort_unstable();
        given.dedup();
        assert_eq!(given.len(), count + 1);
    }
}

//! Datagrams.

use std::{io, time::Duration};

use super::{Case, Machines, answer, case};
use crate::{Address, DatagramSocket, Host, net::DATAGRAM_BYTES_MAX};

pub(super) const CASES: &[Case] = &[
    case!(a_datagram_round_trip, "A datagram arrives whole, and its sender's address can be answered."),
    case!(the_largest_datagram_goes_through, "A datagram of the largest size, and an empty one, is sent and arrives."),
    case!(a_datagram_too_large_is_refused, "A datagram above the limit fails with InvalidInput."),
    case!(a_datagram_to_nobody_is_fine, "Sending to a port that nobody has bound succeeds, again and again."),
    case!(
        a_datagram_port_is_bound_once,
        "Binding a datagram port that is taken fails with AddrInUse, until it is free."
    ),
];

async fn any_socket(host: &Host) -> (DatagramSocket, Address) {
    let socket = host.bind_datagram(0).await.expect("a free port can be bound");
    let address = Address::new(host.name(), socket.port());
    assert_ne!(socket.port(), 0, "a datagram socket does not tell its port");
    (socket, address)
}

/// Sends until something comes back, because any datagram may be lost.
async fn call(host: &Host, socket: &DatagramSocket, bytes: &[u8], to: &Address) -> (Vec<u8>, Address) {
    loop {
        socket.send(bytes, to).await.expect("a datagram within the limit can be sent");
        if let Ok(received) = host.timeout(Duration::from_millis(50), socket.receive()).await {
            return received.expect("a bound socket receives");
        }
    }
}

async fn a_datagram_round_trip(machines: Machines) {
    let (server, to) = any_socket(&machines.a).await;
    let (client, from) = any_socket(&machines.b).await;
    let caller = from.port;
    let echo = machines.a.spawn("echo", async move {
        loop {
            let (mut bytes, sender) = server.receive().await.expect("a bound socket receives");
            assert_eq!(sender.port, caller, "the sender's port is told wrongly");
            bytes.reverse();
            server.send(&bytes, &sender).await.expect("a sender can be answered");
        }
    });
    let (bytes, sender) = call(&machines.b, &client, b"stressed", &to).await;
    assert_eq!((bytes.as_slice(), sender.port), (b"desserts".as_slice(), to.port));
    echo.abort();
    echo.await;
}

async fn the_largest_datagram_goes_through(machines: Machines) {
    for length in [DATAGRAM_BYTES_MAX, 0] {
        let (server, to) = any_socket(&machines.a).await;
        let (client, _) = any_socket(&machines.b).await;
        let received = answer(&machines.a, "receive", async move {
            let received = server.receive().await;
            if let Ok((_, sender)) = &received {
                server.send(b"thanks", sender).await.expect("a sender can be answered");
            }
            received
        });
        // The answer may be lost and the server gone by then, so this ends with whatever comes first.
        let host = machines.b.clone();
        let sender = machines.b.spawn("send", async move {
            call(&host, &client, &vec![7; length], &to).await;
        });
        let (bytes, _) = received.get().await.expect("a bound socket receives");
        sender.abort();
        assert_eq!(bytes, vec![7; length]);
    }
}

async fn a_datagram_too_large_is_refused(machines: Machines) {
    let (_server, to) = any_socket(&machines.a).await;
    let (client, _) = any_socket(&machines.b).await;
    let error = client.send(&vec![0; DATAGRAM_BYTES_MAX + 1], &to).await.expect_err("it is above the limit");
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{error}");
}

async fn a_datagram_to_nobody_is_fine(machines: Machines) {
    let (unused, to) = any_socket(&machines.a).await;
    drop(unused);
    let (client, _) = any_socket(&machines.b).await;
    // More than once: some systems tell a socket about an earlier datagram's fate with a later call.
    for _ in 0..3 {
        client.send(b"anybody?", &to).await.expect("a datagram to nobody is lost, which is no error");
        let received = machines.b.timeout(Duration::from_millis(5), client.receive()).await;
        assert!(received.is_err(), "something came back from nobody: {received:?}");
    }
}

async fn a_datagram_port_is_bound_once(machines: Machines) {
    let (socket, address) = any_socket(&machines.a).await;
    let error = machines.a.bind_datagram(address.port).await.expect_err("the port is taken");
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse, "{error}");
    drop(socket);
    machines.a.bind_datagram(address.port).await.expect("the port is free again");
}

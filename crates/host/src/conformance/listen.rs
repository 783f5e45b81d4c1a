//! Listening and connecting.

use std::{io, time::Duration};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Case, Machines, answer, case, stream_pair};
use crate::{Address, Host, Listener};

pub(super) const CASES: &[Case] = &[
    case!(connect_and_echo, "A stream carries bytes there and back."),
    case!(a_connection_without_listener_is_refused, "Connecting to a port where nobody listens is refused."),
    case!(port_zero_is_any_free_port, "Listening on port 0 gives a port that is free, another one each time."),
    case!(a_port_has_one_listener, "Listening on a port that is taken fails with AddrInUse."),
    case!(a_dropped_listener_frees_its_port, "A port can be listened on again once its listener is dropped."),
    case!(a_dropped_listener_refuses, "Connecting to a port whose listener was dropped is refused."),
    case!(a_dropped_listener_closes_what_nobody_accepted, "A stream that nobody accepted ends with its listener."),
    case!(accepted_streams_outlive_their_listener, "A stream that was accepted goes on without its listener."),
    case!(connecting_does_not_wait_for_accept, "A connection is made before anybody accepts it."),
    case!(streams_are_accepted_in_order, "Streams are accepted in the order in which they were opened."),
    case!(giving_up_on_accept_loses_nothing, "A listener that was not waited for to the end accepts the next time."),
];

async fn any_listener(host: &Host) -> (Listener, Address) {
    let listener = host.listen(0).await.expect("a free port can be listened on");
    let address = Address::new(host.name(), listener.port());
    (listener, address)
}

async fn connect_and_echo(machines: Machines) {
    let (mut listener, to) = any_listener(&machines.a).await;
    let server = answer(&machines.a, "echo", async move {
        let mut stream = listener.accept().await?;
        let mut word = [0; 5];
        stream.read_exact(&mut word).await?;
        stream.write_all(&word).await?;
        stream.flush().await
    });
    let mut stream = machines.b.connect(&to).await.expect("a listener can be connected to");
    stream.write_all(b"hello").await.expect("an open stream takes bytes");
    let mut word = [0; 5];
    stream.read_exact(&mut word).await.expect("the echo comes back");
    assert_eq!(&word, b"hello");
    server.get().await.expect("the server saw no failure");
}

async fn a_connection_without_listener_is_refused(machines: Machines) {
    // A port that was free a moment ago: no number is known to be free on every real machine.
    let (listener, to) = any_listener(&machines.a).await;
    drop(listener);
    let error = machines.b.connect(&to).await.expect_err("nobody listens there");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused, "{error}");
    let error = machines.a.connect(&to).await.expect_err("nobody listens there, from the machine itself either");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused, "{error}");
}

async fn port_zero_is_any_free_port(machines: Machines) {
    let (first, _) = any_listener(&machines.a).await;
    let (second, _) = any_listener(&machines.a).await;
    assert!(first.port() != 0 && second.port() != 0, "a listener does not tell its port");
    assert_ne!(first.port(), second.port());
}

async fn a_port_has_one_listener(machines: Machines) {
    let (listener, _) = any_listener(&machines.a).await;
    let error = machines.a.listen(listener.port()).await.expect_err("the port is taken");
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse, "{error}");
}

async fn a_dropped_listener_frees_its_port(machines: Machines) {
    let (mut listener, to) = any_listener(&machines.a).await;
    let kept = machines.b.connect(&to).await.expect("a listener can be connected to");
    let accepted = listener.accept().await.expect("a stream that was opened can be accepted");
    drop(listener);
    // Even while streams of the port's last listener are open.
    let mut listener = machines.a.listen(to.port).await.expect("the port is free again");
    assert_eq!(listener.port(), to.port);
    let _opened = machines.b.connect(&to).await.expect("the new listener can be connected to");
    listener.accept().await.expect("the new listener accepts");
    drop((kept, accepted));
}

async fn a_dropped_listener_refuses(machines: Machines) {
    let (listener, to) = any_listener(&machines.a).await;
    let _opened = machines.b.connect(&to).await.expect("a listener can be connected to");
    drop(listener);
    let error = machines.b.connect(&to).await.expect_err("the listener is gone");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused, "{error}");
}

async fn a_dropped_listener_closes_what_nobody_accepted(machines: Machines) {
    let (listener, to) = any_listener(&machines.a).await;
    let mut stream = machines.b.connect(&to).await.expect("a connection is made before it is accepted");
    drop(listener);
    // A reset, or an end without a byte: either tells the caller.
    if let Ok(count) = stream.read(&mut [0; 16]).await {
        assert_eq!(count, 0, "bytes came from a listener that accepted nothing");
    }
}

async fn accepted_streams_outlive_their_listener(machines: Machines) {
    // The pair's listener is dropped with the task that accepted.
    let (mut server, mut client) = stream_pair(&machines).await;
    client.write_all(b"still here").await.expect("an open stream takes bytes");
    let mut text = [0; 10];
    server.read_exact(&mut text).await.expect("an open stream gives bytes");
    assert_eq!(&text, b"still here");
}

async fn connecting_does_not_wait_for_accept(machines: Machines) {
    let (mut listener, to) = any_listener(&machines.a).await;
    let mut client = machines.b.connect(&to).await.expect("a connection is made before it is accepted");
    client.write_all(b"early").await.expect("bytes can be sent before that too");
    let mut server = listener.accept().await.expect("a stream that was opened can be accepted");
    let mut text = [0; 5];
    server.read_exact(&mut text).await.expect("what was sent early has arrived");
    assert_eq!(&text, b"early");
}

async fn streams_are_accepted_in_order(machines: Machines) {
    let (mut listener, to) = any_listener(&machines.a).await;
    let mut clients = Vec::new();
    for index in 0..8 {
        let mut client = machines.b.connect(&to).await.expect("a listener can be connected to");
        client.write_all(&[index]).await.expect("an open stream takes bytes");
        clients.push(client);
    }
    for index in 0..8 {
        let mut server = listener.accept().await.expect("a stream that was opened can be accepted");
        assert_eq!(server.read_u8().await.expect("every client has sent its number"), index);
    }
}

async fn giving_up_on_accept_loses_nothing(machines: Machines) {
    let (mut listener, to) = any_listener(&machines.a).await;
    for _ in 0..3 {
        assert!(machines.a.timeout(Duration::from_millis(2), listener.accept()).await.is_err(), "nobody called");
    }
    let mut client = machines.b.connect(&to).await.expect("a listener can be connected to");
    let mut server = listener.accept().await.expect("a stream that was opened can be accepted");
    client.write_u8(7).await.expect("an open stream takes bytes");
    assert_eq!(server.read_u8().await.expect("an open stream gives bytes"), 7);
}

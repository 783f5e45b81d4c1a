//! How streams end.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Case, Machines, assert_pattern, case, pattern_bytes, stream_pair};

pub(super) const CASES: &[Case] = &[
    case!(shutting_down_leaves_the_other_way_open, "After a shutdown the peer reads the end, and can still answer."),
    case!(dropping_a_stream_ends_it_for_the_peer, "The peer of a stream that was dropped reads an end or a reset."),
    case!(what_was_written_before_the_end_arrives, "Bytes that were written before a stream was dropped arrive first."),
    case!(writing_to_a_dropped_stream_fails, "Writing to a peer that has dropped the stream fails before long."),
    case!(dropping_a_stream_unread_ends_it_too, "A stream that is dropped with bytes unread ends for the peer."),
    case!(the_end_stays_the_end, "Reading again at the end of a stream gives the end again."),
];

async fn shutting_down_leaves_the_other_way_open(machines: Machines) {
    let (mut server, mut client) = stream_pair(&machines).await;
    client.write_all(b"question").await.expect("an open stream takes bytes");
    client.shutdown().await.expect("an open stream can be shut down");
    let mut question = Vec::new();
    server.read_to_end(&mut question).await.expect("a shutdown is a clean end");
    assert_eq!(question, b"question");
    server.write_all(b"answer").await.expect("the other way is open");
    server.shutdown().await.expect("the other way can be shut down as well");
    let mut reply = Vec::new();
    client.read_to_end(&mut reply).await.expect("the answer arrives, with a clean end");
    assert_eq!(reply, b"answer");
}

async fn dropping_a_stream_ends_it_for_the_peer(machines: Machines) {
    let (server, mut client) = stream_pair(&machines).await;
    drop(server);
    if let Ok(count) = client.read(&mut [0; 16]).await {
        assert_eq!(count, 0, "bytes came from a stream on which none were sent");
    }
}

async fn what_was_written_before_the_end_arrives(machines: Machines) {
    const LENGTH: usize = 20_000;
    let (mut server, mut client) = stream_pair(&machines).await;
    client.write_all(&pattern_bytes(LENGTH)).await.expect("an open stream takes bytes");
    client.flush().await.expect("an open stream can be flushed");
    drop(client);
    let mut received = Vec::new();
    server.read_to_end(&mut received).await.expect("a drop with nothing unread is a clean end");
    assert_pattern(&received, LENGTH);
}

async fn writing_to_a_dropped_stream_fails(machines: Machines) {
    let (server, mut client) = stream_pair(&machines).await;
    drop(server);
    // The first writes may go well: the news takes a trip to arrive.
    while client.write_all(b"anybody?").await.is_ok() {
        machines.b.sleep(Duration::from_millis(2)).await;
    }
}

async fn dropping_a_stream_unread_ends_it_too(machines: Machines) {
    let (mut server, mut client) = stream_pair(&machines).await;
    client.write_all(b"one two").await.expect("an open stream takes bytes");
    assert_eq!(server.read_u8().await.expect("the bytes arrive"), b'o');
    drop(server);
    // Real networks reset such a stream, because the sender should know that its bytes were not read.
    if let Ok(count) = client.read(&mut [0; 16]).await {
        assert_eq!(count, 0, "bytes came from a stream on which none were sent");
    }
}

async fn the_end_stays_the_end(machines: Machines) {
    let (mut server, mut client) = stream_pair(&machines).await;
    client.shutdown().await.expect("an open stream can be shut down");
    for _ in 0..3 {
        assert_eq!(server.read(&mut [0; 16]).await.expect("a shutdown is a clean end"), 0);
    }
}

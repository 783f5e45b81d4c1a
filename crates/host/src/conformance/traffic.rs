//! Many bytes and many streams.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{Case, Machines, answer, assert_pattern, case, pattern_bytes, stream_pair};
use crate::{Address, Host, Stream};

pub(super) const CASES: &[Case] = &[
    case!(bytes_arrive_in_order, "Bytes arrive once and in order, however they are cut up on either side."),
    case!(both_ways_at_once, "Both ends can send much at once, each at its own pace."),
    case!(a_writer_waits_for_its_reader, "A writer stops when nobody reads, and goes on when somebody does."),
    case!(many_streams_at_once, "Many streams between two machines do not mix."),
];

const LENGTH: usize = 300_000;

/// Writes the pattern in pieces whose sizes have nothing to do with any buffer's.
async fn write_in_pieces(stream: &mut (impl AsyncWrite + Unpin)) {
    let bytes = pattern_bytes(LENGTH);
    let mut rest = bytes.as_slice();
    for size in [1, 4_093, 7, 65_537, 1_000, 3, 20_011].into_iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, later) = rest.split_at(size.min(rest.len()));
        stream.write_all(piece).await.expect("an open stream takes bytes");
        rest = later;
    }
    stream.shutdown().await.expect("an open stream can be shut down");
}

/// Reads to the end, in other pieces.
async fn read_in_pieces(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut received = Vec::new();
    let mut buffer = vec![0; 40_000];
    for size in [40_000, 1, 513, 9_999, 2].into_iter().cycle() {
        match stream.read(&mut buffer[..size]).await.expect("an open stream gives bytes") {
            0 => break,
            count => received.extend_from_slice(&buffer[..count]),
        }
    }
    received
}

async fn bytes_arrive_in_order(machines: Machines) {
    let (mut server, mut client) = stream_pair(&machines).await;
    let received = answer(&machines.a, "read", async move { read_in_pieces(&mut server).await });
    write_in_pieces(&mut client).await;
    assert_pattern(&received.get().await, LENGTH);
}

async fn both_ways_at_once(machines: Machines) {
    let (server, client) = stream_pair(&machines).await;
    let exchange = |host: &Host, stream: Stream| {
        let (mut read, mut write) = tokio::io::split(stream);
        let wrote = answer(host, "write", async move { write_in_pieces(&mut write).await });
        let received = answer(host, "read", async move { read_in_pieces(&mut read).await });
        (wrote, received)
    };
    for (wrote, received) in [exchange(&machines.a, server), exchange(&machines.b, client)] {
        wrote.get().await;
        assert_pattern(&received.get().await, LENGTH);
    }
}

/// Far above the buffers between two machines, real ones included, where they grow to some megabytes.
const UNREAD_BYTES_MAX: usize = 64 << 20;

async fn a_writer_waits_for_its_reader(machines: Machines) {
    let (mut server, mut client) = stream_pair(&machines).await;
    let written = Arc::new(AtomicUsize::new(0));
    let enough = Arc::new(AtomicBool::new(false));
    let (count, is_enough) = (written.clone(), enough.clone());
    let writer = answer(&machines.b, "write", async move {
        let piece = vec![7; 64 << 10];
        while !is_enough.load(Ordering::SeqCst) && count.load(Ordering::SeqCst) < UNREAD_BYTES_MAX {
            client.write_all(&piece).await.expect("an open stream takes bytes, in time");
            count.fetch_add(piece.len(), Ordering::SeqCst);
        }
    });

    // It has stopped when it made no progress for a while.
    let mut stopped_at = usize::MAX;
    while written.load(Ordering::SeqCst) != stopped_at {
        stopped_at = written.load(Ordering::SeqCst);
        machines.a.sleep(Duration::from_millis(20)).await;
    }
    assert!(stopped_at < UNREAD_BYTES_MAX, "{stopped_at} bytes were written that nobody read");

    // Reading past what was written by then shows that it went on; then it may end.
    let mut read = 0;
    let mut buffer = vec![0; 64 << 10];
    loop {
        match server.read(&mut buffer).await.expect("an open stream gives bytes") {
            0 => break,
            bytes => read += bytes,
        }
        if read > stopped_at + (1 << 20) {
            enough.store(true, Ordering::SeqCst);
        }
    }
    writer.get().await;
    assert_eq!(read, written.load(Ordering::SeqCst), "not as many bytes arrived as were sent");
    assert!(read > stopped_at, "the writer did not go on");
}

async fn many_streams_at_once(machines: Machines) {
    const STREAMS: u32 = 64;
    let mut listener = machines.a.listen(0).await.expect("a free port can be listened on");
    let to = Address::new(machines.a.name(), listener.port());
    let host = machines.a.clone();
    let server = machines.a.spawn("serve", async move {
        while let Ok(mut stream) = listener.accept().await {
            let echo = async move {
                while let Ok(number) = stream.read_u32().await {
                    stream.write_u32(number).await.expect("a client waits for its answer");
                }
            };
            host.spawn("echo", echo).detach();
        }
    });
    let clients: Vec<_> = (0..STREAMS)
        .map(|client| {
            let (host, to) = (machines.b.clone(), to.clone());
            answer(&machines.b, "call", async move {
                let mut stream = host.connect(&to).await.expect("a listener can be connected to");
                for round in 0..5 {
                    let number = client * 1_000 + round;
                    stream.write_u32(number).await.expect("an open stream takes bytes");
                    assert_eq!(stream.read_u32().await.expect("the server answers"), number);
                }
            })
        })
        .collect();
    for client in clients {
        client.get().await;
    }
    server.abort();
    server.await;
}

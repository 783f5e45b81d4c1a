//! Calls by lines, several at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use groundhog_chattool::interface::REQUEST_BYTES_MAX;
use groundhog_serve::tools::{addressed, lines};
use groundhog_wire::id::ChatId;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines},
    sync::Notify,
};
use tokio_util::sync::CancellationToken;

/// Longer than any of these tests takes.
const PATIENCE: Duration = Duration::from_secs(30);

fn story(story: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(PATIENCE, story).await.expect("a story that ends") });
}

/// A runtime's two ends.
fn ends() -> (DuplexStream, Lines<BufReader<DuplexStream>>, DuplexStream, DuplexStream) {
    let (asks, input) = tokio::io::duplex(64 << 10);
    let (output, hears) = tokio::io::duplex(64 << 10);
    (asks, BufReader::new(hears).lines(), input, output)
}

#[test]
fn calls_are_answered_as_they_are_done_and_all_before_the_end() {
    story(async {
        let (mut asks, mut hears, input, output) = ends();
        let (gate, never) = (Notify::new(), CancellationToken::new());
        let call = |line: String| {
            let gate = &gate;
            async move {
                if line == "slow" {
                    gate.notified().await;
                }
                format!("<{line}>")
            }
        };
        let serving = lines::serve(input, output, 4, call, &never);
        let asking = async {
            asks.write_all(b"slow\n\n  \nquick\nlast").await.unwrap();
            // The input ends while calls are under way, and in the middle of a line.
            drop(asks);
            assert_eq!(hears.next_line().await.unwrap().unwrap(), "<quick>");
            assert_eq!(hears.next_line().await.unwrap().unwrap(), "<last>");
            gate.notify_one();
            assert_eq!(hears.next_line().await.unwrap().unwrap(), "<slow>");
            assert_eq!(hears.next_line().await.unwrap(), None);
        };
        let (served, ()) = tokio::join!(serving, asking);
        served.unwrap();
    });
}

#[test]
fn no_more_calls_are_under_way_than_may_be() {
    story(async {
        let (mut asks, mut hears, input, output) = ends();
        let (at_once, most, never) =
            (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), CancellationToken::new());
        let call = |line: String| {
            let (at_once, most) = (at_once.clone(), most.clone());
            async move {
                most.fetch_max(at_once.fetch_add(1, SeqCst) + 1, SeqCst);
                for _ in 0..10 {
                    tokio::task::yield_now().await;
                }
                at_once.fetch_sub(1, SeqCst);
                line
            }
        };
        let serving = lines::serve(input, output, 3, call, &never);
        let asking = async {
            for number in 0..20 {
                asks.write_all(format!("{number}\n").as_bytes()).await.unwrap();
            }
            drop(asks);
            let mut count = 0;
            while hears.next_line().await.unwrap().is_some() {
                count += 1;
            }
            assert_eq!(count, 20);
        };
        let (served, ()) = tokio::join!(serving, asking);
        served.unwrap();
        assert_eq!(most.load(SeqCst), 3);
    });
}

#[test]
fn a_line_without_an_end_is_bounded() {
    story(async {
        let (mut asks, mut hears, input, output) = ends();
        let never = CancellationToken::new();
        let serving = lines::serve(input, output, 1, |line| async move { line.len().to_string() }, &never);
        let asking = async {
            asks.write_all(&vec![b'x'; 3 * REQUEST_BYTES_MAX]).await.unwrap();
            asks.write_all(b"\nshort\n").await.unwrap();
            drop(asks);
            assert_eq!(hears.next_line().await.unwrap().unwrap(), (REQUEST_BYTES_MAX + 1).to_string());
            assert_eq!(hears.next_line().await.unwrap().unwrap(), "5");
        };
        let (served, ()) = tokio::join!(serving, asking);
        served.unwrap();
    });
}

#[test]
fn a_signal_is_as_the_end_of_the_input() {
    story(async {
        let (mut asks, mut hears, input, output) = ends();
        let (gate, enough) = (Notify::new(), CancellationToken::new());
        let call = |line: String| {
            let gate = &gate;
            async move {
                gate.notified().await;
                line
            }
        };
        let serving = lines::serve(input, output, 4, call, &enough);
        let asking = async {
            asks.write_all(b"one\n").await.unwrap();
            while !gate_is_awaited(&gate, &enough).await {}
            gate.notify_one();
            assert_eq!(hears.next_line().await.unwrap().unwrap(), "one");
        };
        let (served, ()) = tokio::join!(serving, asking);
        served.unwrap();
        // It is open still.
        asks.write_all(b"two\n").await.unwrap_err();
    });
}

/// Lets the call come to its gate, and then says that it is enough.
async fn gate_is_awaited(_: &Notify, enough: &CancellationToken) -> bool {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    enough.cancel();
    true
}

#[test]
fn a_call_is_of_the_chat_that_the_runtime_is_for() {
    let chat: ChatId = "018f3c3e-2f7b-7c4e-8d52-6a1f0b9c4d21".parse().expect("an id");
    let whole = json!({ "id": 1, "tool": "stop_workspace", "chat_id": chat.to_string() }).to_string();
    assert_eq!(addressed(whole.clone(), Some(chat)), Ok(whole.clone()));
    assert_eq!(addressed(whole.clone(), None), Ok(whole.clone()));
    let said = addressed(json!({ "id": 1, "tool": "stop_workspace" }).to_string(), Some(chat)).expect("it is ours");
    assert_eq!(serde_json::from_str::<Value>(&said).unwrap(), serde_json::from_str::<Value>(&whole).unwrap());
    for other in [json!("018f3c3e-2f7b-7c4e-8d52-6a1f0b9c4d22"), json!("mine"), json!(7)] {
        let call = json!({ "id": "x", "tool": "stop_workspace", "chat_id": other }).to_string();
        let answer = addressed(call, Some(chat)).expect_err("it is another one");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!((&answer["id"], &answer["is_error"]), (&json!("x"), &json!(true)));
    }
    // What is no call is for the tools to answer.
    assert_eq!(addressed("no json".to_owned(), Some(chat)), Ok("no json".to_owned()));
}

//! Health and metrics: what is answered to what.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use groundhog_host::{
    Address, Host,
    live::{LiveConfig, LiveMachine},
};
use groundhog_serve::pages::{Pages, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Stand {
    ready: AtomicBool,
}

struct Shared(Arc<Stand>);

#[tonic::async_trait]
impl Pages for Shared {
    async fn not_ready(&self) -> Option<String> {
        (!self.0.ready.load(SeqCst)).then(|| "not yet".to_owned())
    }

    async fn metrics(&self) -> Result<String, String> {
        if self.0.ready.load(SeqCst) { Ok("# EOF\n".to_owned()) } else { Err("nothing is counted".to_owned()) }
    }
}

/// What comes back of `request`, until the other end closes.
async fn ask(host: &Host, to: &Address, request: &[u8]) -> String {
    let mut stream = host.connect(to).await.expect("it listens");
    stream.write_all(request).await.expect("it reads");
    let mut answer = Vec::new();
    // One who has said enough may close without having read all.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).expect("text")
}

fn story(story: impl AsyncFnOnce(&Host, &Address, &Stand)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        let machine = LiveMachine::new("pages", LiveConfig::new(folder.path())).expect("a machine");
        let host = machine.host();
        let listener = host.listen(0).await.expect("any port");
        let (to, stand) = (Address::new("pages", listener.port()), Arc::new(Stand::default()));
        host.spawn("pages", serve(host.clone(), listener, Arc::new(Shared(stand.clone())))).detach();
        tokio::time::timeout(PATIENCE, story(&host, &to, &stand)).await.expect("a story that ends");
    });
}

#[test]
fn each_path_and_method_has_its_answer() {
    story(async |host, to, stand| {
        let check = async |ready: bool, asked: &str, status: &str, body: &str| {
            stand.ready.store(ready, SeqCst);
            let answer = ask(host, to, format!("{asked} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await;
            let (head, content) = answer.split_once("\r\n\r\n").expect("an answer");
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{asked}: {head}");
            assert_eq!(content, body, "{asked}");
        };
        check(false, "GET /healthz", "200", "alive\n").await;
        check(true, "GET /healthz", "200", "alive\n").await;
        check(false, "GET /readyz", "503", "not ready: not yet\n").await;
        check(true, "GET /readyz", "200", "ready\n").await;
        check(true, "GET /readyz?verbose", "200", "ready\n").await;
        check(false, "GET /metrics", "503", "nothing is counted\n").await;
        check(true, "GET /metrics", "200", "# EOF\n").await;
        check(true, "HEAD /healthz", "200", "").await;
        check(true, "HEAD /metrics", "200", "").await;
        let refused = "only GET and HEAD are answered\n";
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
            check(true, &format!("{method} /readyz"), "405", refused).await;
        }
        let nothing = "nothing is here; there are /healthz, /readyz and /metrics\n";
        for path in ["/", "/health", "/healthz/", "//healthz", "/metrics/x"] {
            check(true, &format!("GET {path}"), "404", nothing).await;
        }
        check(true, "POST /", "404", nothing).await;
    });
}

#[test]
fn a_head_that_is_too_long_or_no_http_does_no_harm() {
    story(async |host, to, _| {
        let long = format!("GET /healthz HTTP/1.1\r\nHost: x\r\nCookie: {}\r\n\r\n", "x".repeat(100 << 10));
        let answer = ask(host, to, long.as_bytes()).await;
        assert!(!answer.contains("200"), "{answer}");
        let answer = ask(host, to, b"\x16\x03\x01 not for you\r\n\r\n").await;
        assert!(!answer.contains("200"), "{answer}");
        let answer = ask(host, to, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(answer.contains("alive"), "{answer}");
    });
}

#[test]
fn who_says_nothing_keeps_nobody_else_from_looking() {
    story(async |host, to, _| {
        let mut silent = Vec::new();
        for _ in 0..10 {
            silent.push(host.connect(to).await.expect("it listens"));
        }
        let answer = ask(host, to, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(answer.contains("alive"), "{answer}");
    });
}

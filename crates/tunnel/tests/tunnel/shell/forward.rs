//! A forwarded port.

use std::sync::{Arc, Mutex};

use groundhog_host::{Address, Host};
use groundhog_tunnel::PortForward;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{
    agent::{ENDLESS, SHOUTING},
    play::{OPEN, Play, play},
    probe::Probe,
};

const LOCAL: u16 = 5_000;

fn forward(play: &mut Play<'_>, remote_port: u16) {
    play.open_with(OPEN, move |host| Arc::new(PortForward::new(host, LOCAL, remote_port)));
    play.run(5);
    assert_eq!(play.events("tunnel.app_up"), 1);
}

/// Sends this to the local port, and then nothing; what comes back until the end, or until it broke.
async fn ask(host: &Host, text: &str) -> Result<String, String> {
    let mut stream = host.connect(&Address::new("laptop", LOCAL)).await.map_err(|error| error.to_string())?;
    let mut said = Vec::new();
    let asked = async {
        stream.write_all(text.as_bytes()).await?;
        stream.shutdown().await?;
        stream.read_to_end(&mut said).await
    };
    let asked = asked.await;
    let said = String::from_utf8(said).expect("text");
    asked.map(|_| said.clone()).map_err(|_| said)
}

type Answers = Arc<Mutex<Vec<Result<String, String>>>>;

/// Somebody on the laptop asks.
fn ask_there(play: &mut Play<'_>, text: &'static str, answers: &Answers) {
    let answers = answers.clone();
    play.act("laptop", move |host| async move {
        let answer = ask(&host, text).await;
        answers.lock().expect("nobody panics while holding it").push(answer);
    });
}

fn taken(answers: &Answers) -> Vec<Result<String, String>> {
    std::mem::take(&mut answers.lock().expect("nobody panics while holding it"))
}

#[test]
fn what_listens_there_is_reached_here() {
    play(Probe::default(), |play| {
        forward(play, SHOUTING);
        let answers = Answers::default();
        ask_there(play, "hello", &answers);
        ask_there(play, "hello", &answers);
        play.run(3);
        assert_eq!(taken(&answers), vec![Ok("HELLO".to_owned()); 2]);
        play.shut_down(60, 10);
        assert!(play.handle().shutdown.clone().expect("it is down").1 < 1_000);
        // Nobody listens any more.
        ask_there(play, "hello", &answers);
        play.run(3);
        assert!(taken(&answers)[0].is_err());
    });
}

/// F23: what is under way may finish; what does not is reset.
#[test]
fn a_close_waits_for_what_is_under_way_but_not_for_ever() {
    play(Probe::default(), |play| {
        forward(play, ENDLESS);
        let answers = Answers::default();
        ask_there(play, "hello", &answers);
        play.run(1);
        play.shut_down(60, 10);
        let (result, took_ms) = play.handle().shutdown.clone().expect("it is down");
        assert_eq!(result, Ok(()));
        assert!((5_000..6_500).contains(&took_ms), "it took {took_ms} ms");
        let answers = taken(&answers);
        let [Ok(said) | Err(said)] = &answers[..] else { panic!("{answers:?}") };
        assert_eq!(said, "HELLO", "what came before the end was passed on");
    });
}

#[test]
fn a_port_that_is_taken_is_told() {
    play(Probe::default(), |play| {
        play.act("laptop", |host| async move {
            let _listener = host.listen(LOCAL).await.expect("the port is free");
            std::future::pending().await
        });
        play.open_with(OPEN, move |host| Arc::new(PortForward::new(host, LOCAL, SHOUTING)));
        play.run(10);
        assert!(play.ended().starts_with("the application could not be started"), "{}", play.ended());
    });
}

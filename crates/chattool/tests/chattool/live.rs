//! The same on a real machine: real sockets, and a line of JSON.

use groundhog_chattool::{Toolbox, ToolboxConfig};
use groundhog_host::{
    Address,
    live::{LiveConfig, LiveMachine},
};
use groundhog_wire::Secret;
use serde_json::{Value, json};

use crate::world::{Control, TOKEN, chat_id};

#[tokio::test]
async fn a_line_of_json_goes_to_a_real_control_plane_and_back() {
    let machine = LiveMachine::new("127.0.0.1", LiveConfig::new("unused")).expect("there is a runtime");
    let host = machine.host();
    let listener = host.listen(0).await.expect("a free port can be listened on");
    let control = Address::new("127.0.0.1", listener.port());
    host.spawn("control", Control::default().serve(host.clone(), listener)).detach();
    let toolbox = Toolbox::new(&host, ToolboxConfig { control: Some(control.into()), ..ToolboxConfig::default() });
    let token = Secret::new(TOKEN).expect("a token");
    let request = json!({ "id": "a", "chat_id": chat_id(1), "tool": "list_templates", "arguments": {} });
    let answer: Value = serde_json::from_str(&toolbox.call_json(&token, &request.to_string()).await).expect("JSON");
    assert_eq!((&answer["id"], &answer["is_error"]), (&json!("a"), &json!(false)));
    assert!(answer["content"].as_str().is_some_and(|content| content.contains("docker")), "{answer}");
    machine.stop().await;
}

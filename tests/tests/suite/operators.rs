//! What operators say on the command line of services.

use std::time::Duration;

use exuvia_tests::{Client, Folder, Program, Served, echo_table, exuvia, fake_table};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_port_can_be_named_alone() {
    let folder = Folder::new(&format!("[listen]\nmcp = '127.0.0.2:1'\n{}", echo_table()));
    let arguments = ["serve", "--config", &folder.text("exuvia.toml"), "--port", "0"];
    let mut program = Program::start(&arguments, &[]);
    let told = program.wait_for_stderr("/readyz");
    assert!(told.contains("MCP at http://127.0.0.2:") && !told.contains("127.0.0.2:1/"), "{told}");
    let both = exuvia(&["serve", "--port", "1", "--listen", "127.0.0.1:1"], "");
    assert_eq!(both.status, Some(2), "{both:?}");
    // One that is taken is told so, and who has nothing to serve.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let second = exuvia(&["serve", "--port", &port], "");
    assert!(second.status == Some(2) && second.stderr.contains("address already in use"), "{second:?}");
    assert!(second.stderr.contains("no servers configured"), "{second:?}");
}

#[test]
fn a_client_over_stdio_sees_the_profile_that_is_named() {
    let fake = fake_table("fake", 1);
    let folder = Folder::new(&format!("{}{fake}[profiles.few]\ndirect = ['echo']\n", echo_table()));
    let file = folder.text("exuvia.toml");
    let names = |client: &mut Client| {
        let answer = client.request("tools/list", json!({}));
        let tools = answer["result"]["tools"].as_array().expect("tools").clone();
        tools.iter().map(|tool| tool["name"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    let mut few = Client::modern(&["--config", &file, "--profile", "few"]);
    let found = names(&mut few);
    assert!(found.contains(&"echo__sleep".to_owned()) && !found.contains(&"executeToolCode".to_owned()), "{found:?}");
    let mut all = Client::modern(&["--config", &file]);
    assert_eq!(names(&mut all).len(), 4);
    let none = exuvia(&["stdio", "--config", &file, "--profile", "fwe"], "");
    assert!(none.status == Some(2) && none.stderr.contains("configured profiles: few"), "{none:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_over_http_can_be_named_on_the_command_line() {
    let served = Served::plain().await;
    let server = format!("far=http://{}/mcp", served.address);
    let ended =
        tokio::task::spawn_blocking(move || exuvia(&["run", "--server", &server, "-c", "result = len(dir(far))"], ""));
    let ended = tokio::time::timeout(Duration::from_secs(60), ended).await.expect("in time").expect("no panic");
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(0), "4\n"), "{ended:?}");
    served.end().await;
}

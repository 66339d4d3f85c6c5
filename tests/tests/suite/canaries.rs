//! What servers, clients and scripts say is not in the log, at any level and in either form. Each text of theirs here holds a
//! word that stands nowhere else.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use exuvia_tests::{Folder, HttpClient, built, here};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const WORD: &str = "kanarie";
const CODE: &str = "# kanarie-source\nimport sys\nprint('kanarie-print')\nprint('kanarie-stderr', file=sys.stderr)\n\
    for tool in ['fine', 'error', 'failure', 'status', 'type', 'garbage', 'stream', 'gone']:\n    try:\n        \
    getattr(works, tool)(text='kanarie-argument')\n    except Exception as e:\n        print(e)\n\
    try:\n    getattr(works, 'hid' + 'den')(text='kanarie-denied')\nexcept Exception as e:\n    pass\nraise ValueError('kanarie-raise')";

const TOOLS: [&str; 9] = ["fine", "error", "failure", "status", "type", "garbage", "stream", "gone", "hidden"];

/// Servers of several kinds on one port, by their paths.
async fn servers() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

async fn serve(mut stream: TcpStream) {
    let (mut read, mut answered) = (Vec::new(), String::new());
    while answered.is_empty() {
        if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
            return;
        }
        let text = String::from_utf8_lossy(&read);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .to_ascii_lowercase()
            .split("content-length: ")
            .nth(1)
            .map_or(0, |rest| rest.split("\r\n").next().and_then(|number| number.parse().ok()).unwrap_or(0));
        if body.len() >= length {
            answered = answer(head.split(' ').nth(1).unwrap_or_default(), body);
        }
    }
    let _ = stream.write_all(answered.as_bytes()).await;
    let _ = stream.shutdown().await;
}

fn http(status: &str, content_type: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nX-Answer: kanarie-header\r\nMcp-Session-Id: kanarie-session\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn answer(target: &str, body: &str) -> String {
    let message: Value = serde_json::from_str(body).unwrap_or_default();
    let (id, method) = (&message["id"], message["method"].as_str().unwrap_or_default());
    let error = json!({"code": -32000, "message": "login refused for password kanarie-error", "data": "kanarie-data"});
    let refused = |status: &str| {
        http(status, "application/json", &json!({"jsonrpc": "2.0", "id": id, "error": error}).to_string())
    };
    let result = |result: Value| {
        let message = json!({"jsonrpc": "2.0", "id": id, "result": result});
        http("200 OK", "application/json", &message.to_string())
    };
    let path = target.split('?').next().unwrap_or_default();
    match (path, method) {
        ("/refuses", _) => refused("200 OK"),
        ("/status", _) => http("503 kanarie-reason", "text/plain", "kanarie-body"),
        ("/type", _) => http("200 OK", "text/kanarie-type", "kanarie-body"),
        ("/hello", _) => "kanarie is no HTTP\r\n\r\n".to_owned(),
        (_, _) if id.is_null() => http("202 Accepted", "application/json", ""),
        (_, "initialize") => result(json!({
            "protocolVersion": "2025-11-25", "capabilities": {"tools": {}, "resources": {}, "prompts": {}},
            "serverInfo": {"name": "kanarie-name", "version": "kanarie-version"}, "instructions": "kanarie-instructions",
        })),
        ("/unlisted", "tools/list") => refused("200 OK"),
        (_, "tools/list") => result(json!({"tools": TOOLS.map(tool)})),
        (_, "resources/list") => refused("400 Bad Request"),
        (_, "resources/templates/list") => http("500 A", "text/plain", "kanarie-body"),
        (_, "prompts/list") => result(json!({"prompts": [{"name": ["kanarie-prompt"]}, "kanarie-prompt"]})),
        (_, "tools/call") => called(message["params"]["name"].as_str().unwrap_or_default(), &refused, &result),
        _ => refused("400 Bad Request"),
    }
}

fn tool(name: &str) -> Value {
    let schema = json!({"type": "object", "properties": {"text": {"type": "string", "description": "kanarie-schema"}}});
    json!({"name": name, "description": "kanarie-description", "inputSchema": schema})
}

fn called(tool: &str, refused: &dyn Fn(&str) -> String, result: &dyn Fn(Value) -> String) -> String {
    let content =
        |is_error: bool| json!({"content": [{"type": "text", "text": "kanarie-result"}], "isError": is_error});
    match tool {
        "error" => refused("200 OK"),
        "failure" => result(content(true)),
        "status" => http("500 kanarie-reason", "text/plain", "kanarie-body"),
        "type" => http("200 OK", "application/kanarie", "kanarie-body"),
        "garbage" => http("200 OK", "application/json", "{\"jsonrpc\": \"2.0\", \"kanarie\": "),
        "stream" => http(
            "200 OK",
            "text/event-stream",
            "event: kanarie\nid: kanarie\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"kanarie/said\",\"params\":{\"a\":\"kanarie\"}}\n\n\
             data: {\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"kanarie/asked\"}\n\ndata: kanarie\n\n",
        ),
        "gone" => {
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{\"kanarie".to_owned()
        }
        _ => result(content(false)),
    }
}

fn configuration(servers: SocketAddr) -> String {
    let fake = exuvia_fake_upstream::program();
    let mut text = String::new();
    for (name, path) in [("works", "/works"), ("refuses", "/refuses"), ("status", "/status"), ("type", "/type")]
        .into_iter()
        .chain([("hello", "/hello"), ("unlisted", "/unlisted"), ("shown", "/shown")])
    {
        let mode = if name == "shown" { "mode = 'direct'\n" } else { "" };
        text.push_str(&format!(
            "[servers.{name}]\nurl = 'http://{servers}{path}?key=kanarie-url'\nauto_execute = ['*']\n{mode}\
             headers = {{ X-Key = 'kanarie-key' }}\ncall_timeout_ms = 1000\ndeny = ['hidden']\n"
        ));
    }
    let fake = fake.display();
    text + &format!("[servers.fake]\ncommand = '{fake}'\nenv = {{ KEY = 'kanarie-variable' }}\nauto_execute = ['*']\n")
}

/// Everything that clients do, and scripts.
async fn use_it(address: SocketAddr) {
    let mut client = HttpClient::connect(address).await;
    let begun = Instant::now();
    while client.send("GET", "/readyz", &[], "").await.status != 200 {
        assert!(begun.elapsed() < Duration::from_secs(60), "not ready");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let answer = client.execute(CODE).await;
    assert!(answer.contains("kanarie-raise"), "{answer}");
    client.execute("fake.echo(value='kanarie-argument')\nfake.fail()").await;
    client.execute("kanarie syntax error (").await;
    for method in ["resources/list", "resources/templates/list", "prompts/list", "kanarie/method"] {
        client.ask("/mcp", method, json!({"kanarie": "kanarie-parameter"}), json!({"kanarie": {}})).await;
    }
    let call = json!({"name": "shown__error", "arguments": {"text": "kanarie-argument"}});
    client.ask("/mcp", "tools/call", call, json!({})).await;
    for (method, path, headers, body) in [
        ("POST", "/mcp", &[("mcp-session-id", "kanarie-session")][..], "{\"kanarie"),
        ("GET", "/kanarie-path?kanarie", &[("x-kanarie", "kanarie")], ""),
        ("POST", "/mcp", &[("origin", "http://kanarie.example")], "{}"),
        ("POST", "/mcp", &[("mcp-protocol-version", "kanarie")], "[\"kanarie\"]"),
    ] {
        let _ = HttpClient::connect(address).await.try_send(method, path, headers, body).await;
    }
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    stream.write_all(b"kanarie is no HTTP\r\n\r\n").await.expect("written");
    let _ = tokio::time::timeout(Duration::from_secs(1), stream.read(&mut [0; 100])).await;
}

/// What the log holds after all that.
async fn told(folder: &Folder, level: &str, format: &str) -> String {
    let address = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let log = folder.path(&format!("{level}.{format}"));
    let mut command = Command::new(built("exuvia"));
    command.args(["serve", "--listen", &address.to_string(), "--config", &folder.text("exuvia.toml")]);
    command.env("XDG_CONFIG_HOME", here()).env("EXUVIA_LOG", level).env("EXUVIA_LOG_FORMAT", format);
    let mut daemon =
        command.stdin(Stdio::null()).stderr(File::create(&log).expect("a file")).spawn().expect("it starts");
    while TcpStream::connect(address).await.is_err() {
        assert!(daemon.try_wait().expect("a child").is_none(), "{:?}", fs::read_to_string(&log));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    use_it(address).await;
    kill(Pid::from_raw(i32::try_from(daemon.id()).expect("an id")), Signal::SIGTERM).expect("it runs");
    tokio::task::spawn_blocking(move || ended(&mut daemon)).await.expect("it ends");
    fs::read_to_string(log).expect("a log")
}

fn ended(daemon: &mut Child) {
    let begun = Instant::now();
    while daemon.try_wait().expect("a child").is_none() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_others_say_is_in_the_log() {
    let folder = Folder::new(&configuration(servers().await));
    let mut lengths = Vec::new();
    for format in ["text", "json"] {
        for level in ["error", "warn", "info", "debug", "trace"] {
            let told = told(&folder, level, format).await;
            let found: Vec<&str> = told.lines().filter(|line| line.contains(WORD)).collect();
            assert!(found.is_empty(), "{level} {format}: {}", found.join("\n"));
            lengths.push(told.len());
        }
    }
    // There is a log.
    assert!(lengths[2] > 1000 && lengths[3] > lengths[2] && lengths[7] > 1000, "{lengths:?}");
}

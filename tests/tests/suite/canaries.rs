//! What servers, clients and scripts say is not in the log, at any level and in either form. Each text of theirs here holds a
//! word that stands nowhere else.

mod servers;

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use exuvia_tests::{Folder, HttpClient, built, here};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use servers::servers;

const WORD: &str = "kanarie";
/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
const CODE: &str = "# kanarie-source\nimport sys\nprint('kanarie-print')\nprint('kanarie-stderr', file=sys.stderr)\n\
    for tool in ['fine', 'error', 'failure', 'status', 'type', 'garbage', 'stream', 'gone']:\n    try:\n        \
    getattr(works, tool)(text='kanarie-argument')\n    except Exception as e:\n        print(e)\n\
    try:\n    getattr(works, 'hid' + 'den')(text='kanarie-denied')\nexcept Exception as e:\n    pass\nraise ValueError('kanarie-raise')";

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
    text.push_str(&format!("[servers.login]\nurl = 'http://{servers}/login'\noauth = {{ client_id = 'c' }}\n"));
    let fake = fake.display();
    text + &format!("[servers.fake]\ncommand = '{fake}'\nenv = {{ KEY = 'kanarie-variable' }}\nauto_execute = ['*']\n")
}

/// Everything that clients do over HTTP, and scripts.
async fn use_it(address: SocketAddr) {
    let mut client = HttpClient::connect(address).await;
    let begun = Instant::now();
    while client.send("GET", "/readyz", &[], "").await.status != 200 {
        assert!(begun.elapsed() < PATIENCE, "not ready");
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

/// A user with a configuration, who has logged in nowhere.
struct User {
    folder: Folder,
}

impl User {
    async fn new() -> Self {
        Self { folder: Folder::new(&configuration(servers().await)) }
    }

    /// The program, whose log and messages are in a file, and that file.
    fn command(&self, arguments: &[&str], level: &str, format: &str) -> (Command, PathBuf) {
        let log = self.folder.path(&format!("{level}.{format}"));
        let mut command = Command::new(built("exuvia"));
        command.args(arguments).env("XDG_CONFIG_HOME", here()).env("XDG_DATA_HOME", self.folder.path("data"));
        command.env("EXUVIA_LOG", level).env("EXUVIA_LOG_FORMAT", format);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log).expect("a file"));
        (command, log)
    }

    /// Logs in as a browser does that was sent back.
    async fn logs_in(&self, level: &str, format: &str) -> String {
        let file = self.folder.text("exuvia.toml");
        let (mut command, log) = self.command(&["login", "login", "--no-browser", "--config", &file], level, format);
        let mut login = command.spawn().expect("it starts");
        let begun = Instant::now();
        let page = loop {
            let told = fs::read_to_string(&log).expect("a log");
            let page = told.split_whitespace().find(|word| word.contains("/authorize?")).map(str::to_owned);
            match page {
                Some(page) if told.ends_with('\n') => break page,
                _ => assert!(begun.elapsed() < PATIENCE, "no page: {told}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let of = |name: &str| page.split(['?', '&']).find_map(|part| part.strip_prefix(name)).expect("it is there");
        let port = of("redirect_uri=http%3A%2F%2F127.0.0.1%3A").split('%').next().expect("a port");
        let address = format!("127.0.0.1:{port}");
        for query in ["code=kanarie-code&state=kanarie".to_owned(), format!("code=kanarie-code&state={}", of("state="))]
        {
            let mut browser = TcpStream::connect(&address).await.expect("it listens");
            let request = format!("GET /callback?{query} HTTP/1.1\r\nHost: {address}\r\nX-A: kanarie\r\n\r\n");
            browser.write_all(request.as_bytes()).await.expect("written");
            let _ = tokio::time::timeout(PATIENCE, browser.read(&mut [0; 100])).await;
        }
        let status = tokio::task::spawn_blocking(move || ended(&mut login)).await.expect("it ends");
        let told = fs::read_to_string(log).expect("a log");
        assert!(status.success(), "{told}");
        told
    }

    /// What the log of a daemon holds that was used in every way.
    async fn serves(&self, level: &str, format: &str) -> String {
        let address = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
        let (listen, file) = (address.to_string(), self.folder.text("exuvia.toml"));
        let (mut command, log) = self.command(&["serve", "--listen", &listen, "--config", &file], level, format);
        let mut daemon = command.spawn().expect("it starts");
        while TcpStream::connect(address).await.is_err() {
            assert!(daemon.try_wait().expect("a child").is_none(), "{:?}", fs::read_to_string(&log));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        use_it(address).await;
        kill(Pid::from_raw(i32::try_from(daemon.id()).expect("an id")), Signal::SIGTERM).expect("it runs");
        tokio::task::spawn_blocking(move || ended(&mut daemon)).await.expect("it ends");
        fs::read_to_string(log).expect("a log")
    }

    /// The same of `exuvia stdio`.
    fn talks(&self, level: &str, format: &str) -> String {
        let file = self.folder.text("exuvia.toml");
        let (mut command, log) = self.command(&["stdio", "--config", &file], level, format);
        let mut server = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut input = server.stdin.take().expect("piped");
        let mut answers = BufReader::new(server.stdout.take().expect("piped")).lines().map_while(Result::ok);
        let mut said = |message: Value| {
            writeln!(input, "{message}").expect("it reads");
            let id = &message["id"];
            if id.is_null() {
                return Value::Null;
            }
            let answer =
                answers.find_map(|line| serde_json::from_str::<Value>(&line).ok().filter(|answer| answer["id"] == *id));
            answer.unwrap_or_else(|| panic!("no answer to {message}"))
        };
        let request = |id: &str, method: &str, params: Value| json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        let hello = json!({"protocolVersion": "2025-11-25", "capabilities": {"kanarie": {}},
            "clientInfo": {"name": "tests", "version": "1", "title": "kanarie-title"}});
        said(request("kanarie-id", "initialize", hello));
        said(json!({"jsonrpc": "2.0", "method": "notifications/initialized", "params": {"kanarie": "kanarie"}}));
        let script = |code: &str| json!({"name": "executeToolCode", "arguments": {"code": code}});
        let answer = said(request("kanarie-1", "tools/call", script(CODE)));
        assert!(answer.to_string().contains("kanarie-raise"), "{answer}");
        said(request("kanarie-2", "tools/call", script("fake.echo(value='kanarie-argument')\nfake.fail()")));
        said(request("kanarie-3", "tools/call", script("kanarie syntax error (")));
        said(request("kanarie-4", "tools/call", json!({"name": "shown__error", "arguments": {"text": "kanarie"}})));
        said(request("kanarie-5", "tools/call", json!({"name": "kanarie-tool", "arguments": "kanarie"})));
        for (n, method) in
            ["resources/list", "resources/templates/list", "prompts/list", "kanarie/method"].iter().enumerate()
        {
            said(request(&format!("kanarie-list-{n}"), method, json!({"kanarie": "kanarie-parameter"})));
        }
        said(json!({"jsonrpc": "kanarie", "id": "kanarie-6", "method": "kanarie"}));
        for line in [
            "kanarie is no JSON",
            "{\"kanarie",
            "[\"kanarie\"]",
            "\"kanarie\"",
            r#"{"jsonrpc": "2.0", "method": "notifications/kanarie", "params": "kanarie"}"#,
            r#"{"jsonrpc": "2.0", "id": ["kanarie"], "method": "kanarie"}"#,
            r#"{"jsonrpc": "2.0", "id": "kanarie", "result": "kanarie"}"#,
            r#"{"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "kanarie", "reason": "kanarie"}}"#,
        ] {
            writeln!(input, "{line}").expect("it reads");
        }
        drop(input);
        answers.for_each(drop);
        ended(&mut server);
        fs::read_to_string(log).expect("a log")
    }

    /// What `exuvia run` says beside its report, which is on standard output.
    fn runs(&self, level: &str, format: &str) -> String {
        let file = self.folder.text("exuvia.toml");
        let (mut command, log) = self.command(&["run", "--json", "--config", &file, "-c", CODE], level, format);
        ended(&mut command.spawn().expect("it starts"));
        fs::read_to_string(log).expect("a log")
    }
}

fn ended(child: &mut Child) -> ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a child") {
            return status;
        }
        assert!(begun.elapsed() < PATIENCE, "it does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Looks for the word in the log of one way to use the program, at every level and in both forms. Gives how long the logs are.
async fn is_silent<F: Future<Output = String>>(of: impl Fn(&'static str, &'static str) -> F) -> Vec<usize> {
    let mut lengths = Vec::new();
    for format in ["text", "json"] {
        for level in ["error", "warn", "info", "debug", "trace"] {
            let told = of(level, format).await;
            let found: Vec<&str> = told.lines().filter(|line| line.contains(WORD)).collect();
            assert!(found.is_empty(), "{level} {format}: {}", found.join("\n"));
            lengths.push(told.len());
        }
    }
    lengths
}

/// There is a log, and more of it the more was asked for.
fn is_there(lengths: &[usize]) {
    assert!(lengths[3] > lengths[0] && lengths[8] > lengths[5], "{lengths:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_others_say_is_in_the_log_of_a_daemon() {
    let user = User::new().await;
    user.logs_in("error", "text").await;
    is_there(&is_silent(|level, format| user.serves(level, format)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_others_say_is_in_the_log_over_standard_input_and_output() {
    let user = User::new().await;
    user.logs_in("error", "text").await;
    is_there(&is_silent(async |level, format| tokio::task::block_in_place(|| user.talks(level, format))).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_others_say_is_in_the_log_of_a_single_run() {
    let user = User::new().await;
    user.logs_in("error", "text").await;
    is_there(&is_silent(async |level, format| tokio::task::block_in_place(|| user.runs(level, format))).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_others_say_is_in_the_log_of_a_login() {
    let user = User::new().await;
    let lengths = is_silent(|level, format| user.logs_in(level, format)).await;
    assert!(lengths.iter().all(|&length| length > 0), "{lengths:?}");
}

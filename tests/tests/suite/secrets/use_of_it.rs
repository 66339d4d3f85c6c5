//! What clients do, right and wrong, and what is done to the daemon meanwhile.

use exuvia_tests::{Daemon, HttpClient, KeyClient};
use serde_json::{Value, json};

use super::world::World;
use super::{Leaks, world};

/// Calls every server, in every way that goes wrong.
const SCRIPT: &str = "told = []\ndef tried(call):\n    try:\n        told.append(str(call())[:200])\n    except BaseException as error:\n        \
    told.append(repr(error))\n\
    tried(lambda: pipe.echo(value=1))\ntried(lambda: pipe.error(error={'code': -32000, 'message': 'no'}))\n\
    tried(lambda: pipe.exit(code=3))\ntried(lambda: pipe.echo(value=2))\n\
    tried(lambda: web.echo(value=3))\ntried(lambda: web.http(status=500, body='x'))\n\
    tried(lambda: fails.t())\ntried(lambda: commanded.echo(value=4))\ntried(lambda: oa.t())\ntried(lambda: cc.t())\n\
    for name in ['gone', 'refuses', 'broken', 'cd', 'shown']:\n    tried(lambda: getattr(mcp, name).t())\n\
    tried(lambda: help())\ntried(lambda: dir())\nimport os, sys\ntold.append(repr(os.environ) + repr(sys.argv))\n'\\n'.join(told)";

/// What a key is answered that is wrong; the second after many wrong ones.
const NOT_LET_IN: [u16; 2] = [401, 429];

impl World {
    /// Everything that clients do.
    pub(super) async fn is_used(&self, daemon: &Daemon, leaks: &mut Leaks) {
        for name in ["ada", "bob"] {
            let mut client = KeyClient::of(daemon.address(), self.key(name)).await;
            self.uses(&mut client).await;
            leaks.look("answers", client.seen());
        }
        self.logs_in(leaks).await;
        let mut ada = KeyClient::of(daemon.address(), self.key("ada")).await;
        let told = ada.run("oa.t()").await;
        assert!(told.contains("ok"), "the login holds: {told}");
        self.server.revoke();
        for name in ["ada", "bob"] {
            let mut client = KeyClient::of(daemon.address(), self.key(name)).await;
            client.run("tried = 0\nfor s in (oa, cc):\n    try:\n        s.t()\n    except Exception as e:\n        print(e)").await;
            leaks.look("answers", client.seen());
        }
        self.is_not_let_in(daemon, leaks).await;
        self.users(daemon, leaks).await;
        let issued = self.issues(daemon, leaks).await;
        leaks.search.add("issued key", &issued[0]);
        leaks.search.add("rotated key", &issued[1]);
        let mut monitor = KeyClient::of(daemon.address(), self.key("mon")).await;
        for path in ["/metrics", "/readyz", "/healthz"] {
            let answer = monitor.send("GET", path, &[], "").await;
            leaks.look("metrics", format!("{:?}{}", answer.headers, answer.text));
        }
    }

    async fn uses(&self, client: &mut KeyClient) {
        let told = client.run(SCRIPT).await;
        assert!(told.contains("value") && told.contains("500"), "it calls what works and what does not: {told}");
        for (tool, arguments) in [
            ("listToolFiles", json!({})),
            ("readToolFile", json!({"file": "web.pyi"})),
            ("getToolDocs", json!({"tool": "pipe.echo"})),
            ("executeToolCode", json!({"code": "nothing ("})),
        ] {
            client.call(tool, arguments).await;
        }
        for (method, params) in [
            ("tools/list", json!({})),
            ("resources/list", json!({})),
            ("resources/read", json!({"uri": "test://any"})),
            ("prompts/list", json!({})),
            ("tools/call", json!({"name": "shown__echo", "arguments": {"value": 7}})),
            ("tools/call", json!({"name": "shown__http", "arguments": {"status": 503, "body": "x"}})),
            ("tools/call", json!({"name": "shown__none", "arguments": {}})),
            ("no/method", json!({})),
        ] {
            client.ask(method, params).await;
        }
        let session = client.session().await;
        client.in_session(&session, &json!({"jsonrpc": "2.0", "id": 4, "method": "tools/list"})).await;
    }

    /// Logs in for a key, as its operator does.
    async fn logs_in(&self, leaks: &mut Leaks) {
        let config = self.folder.text("exuvia.toml");
        let mut command = self.command();
        command.args(["login", "oa", "--key", "ada", "--no-browser", "--config", &config]);
        let told = crate::role_credentials::logged_in(command).await;
        leaks.look("log of a login", told);
    }

    /// Secrets that are wrong, and right ones in wrong places.
    async fn is_not_let_in(&self, daemon: &Daemon, leaks: &mut Leaks) {
        let ada = self.key("ada");
        let wrong = world::secret("text where a hash belongs");
        let mistyped = ada.replace(&ada[10..11], if &ada[10..11] == "a" { "b" } else { "a" });
        leaks.search.add("mistyped key", &mistyped);
        let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).to_string();
        let json = ("content-type", "application/json");
        for (headers, path) in [
            (vec![("authorization", format!("Bearer {wrong}"))], "/mcp"),
            (vec![("authorization", format!("Bearer {mistyped}"))], "/mcp"),
            (vec![("authorization", format!("Basic {ada}"))], "/mcp"),
            (vec![("authorization", ada.to_owned())], "/mcp"),
            (vec![("authorization", format!("Bearer {ada}")), ("authorization", format!("Bearer {ada}"))], "/mcp"),
            (vec![("x-api-key", ada.to_owned())], "/mcp"),
            (vec![("mcp-session-id", ada.to_owned())], "/mcp"),
            (vec![("authorization", format!("Bearer {wrong}")), ("origin", format!("http://{ada}.example"))], "/mcp"),
            (vec![("authorization", format!("Bearer {ada}")), ("mcp-session-id", ada.to_owned())], "/mcp"),
            (vec![("authorization", format!("Bearer {ada}"))], "/mcp/nowhere"),
        ] {
            let mut http = HttpClient::connect(daemon.address()).await;
            let headers: Vec<(&str, &str)> =
                [json].into_iter().chain(headers.iter().map(|(name, value)| (*name, value.as_str()))).collect();
            let answer = http.send("POST", path, &headers, &list).await;
            leaks.look("answers", format!("{:?}{}", answer.headers, answer.text));
        }
        // In the address, where secrets do not belong and end up all the same.
        for path in
            [format!("/mcp?key={ada}"), format!("/mcp/{ada}"), format!("/{ada}"), format!("/metrics?token={ada}")]
        {
            let mut http = HttpClient::connect(daemon.address()).await;
            let answer = http.send("GET", &path, &[], "").await;
            leaks.look("answers", format!("{:?}{}", answer.headers, answer.text));
        }
    }

    /// Users with right and wrong tokens, and with a provider that is not there.
    async fn users(&self, daemon: &Daemon, leaks: &mut Leaks) {
        let statuses = async |leaks: &mut Leaks| {
            let mut statuses = Vec::new();
            for (_, token) in &self.tokens {
                let mut client = KeyClient::of(daemon.address(), token).await;
                statuses.push(client.ask("tools/list", json!({})).await.status);
                client
                    .ask("tools/call", json!({"name": "executeToolCode", "arguments": {"code": "web.echo(value=1)"}}))
                    .await;
                leaks.look("answers", client.seen());
            }
            statuses
        };
        assert_eq!(statuses(leaks).await, [200, 401, 401, 403, 401, 401]);
        self.provider.disconnect(true);
        tokio::time::sleep(std::time::Duration::from_secs(11)).await;
        assert_eq!(statuses(leaks).await[5], 503, "the key set is not there");
        self.provider.disconnect(false);
    }

    /// Issues, rotates and revokes a key. Its secrets.
    async fn issues(&self, daemon: &Daemon, leaks: &mut Leaks) -> [String; 2] {
        let config = self.folder.text("exuvia.toml");
        let created = self.does(&["keys", "create", "ci", "--role", "red", "--config", &config], "").await;
        let first = created.stdout.trim().to_owned();
        assert!(first.starts_with("exv_"), "{created:?}");
        let mut client = KeyClient::of(daemon.address(), &first).await;
        assert_eq!(client.ask("tools/list", json!({})).await.status, 200);
        client.run("pipe.echo(value=1)").await;
        let rotated = self.does(&["keys", "rotate", "ci", "--json", "--config", &config], "").await;
        let second = rotated.json()["secret"].as_str().expect("a secret").to_owned();
        assert!(NOT_LET_IN.contains(&client.ask("tools/list", json!({})).await.status));
        let mut other = KeyClient::of(daemon.address(), &second).await;
        assert_eq!(other.ask("tools/list", json!({})).await.status, 200);
        let revoked = self.does(&["keys", "revoke", "ci", "--config", &config], "").await;
        assert!(NOT_LET_IN.contains(&other.ask("tools/list", json!({})).await.status));
        for seen in [client.seen(), other.seen(), &created.stderr, &rotated.stderr, &revoked.stderr, &revoked.stdout] {
            leaks.look("answers", seen);
        }
        [first, second]
    }

    /// Configurations that are wrong where a secret stands.
    pub(super) async fn is_misconfigured(&self, daemon: &Daemon) {
        for (number, text) in wrong_configurations().into_iter().enumerate() {
            self.folder.write("exuvia.toml", &text);
            daemon.says("reload failed, nothing changed", number + 1).await;
        }
    }

    /// All that the record says, decrypted.
    pub(super) async fn exports(&self, leaks: &mut Leaks) {
        for arguments in
            [&["runs", "export"][..], &["runs", "list", "--json"], &["runs", "stats"], &["audit", "verify"]]
        {
            let ended = self.does(arguments, "").await;
            assert_eq!(ended.status, Some(0), "{ended:?}");
            if arguments[1] == "export" {
                let runs: Vec<Value> =
                    ended.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
                assert!(
                    runs.len() > 8 && ended.stdout.contains("executeToolCode") | ended.stdout.contains("tried"),
                    "{runs:?}"
                );
                leaks.look("exported runs", &ended.stdout);
            }
            leaks.look("log of a command", ended.stdout + &ended.stderr);
        }
    }
}

/// Files with something wrong in or beside a secret.
pub(super) fn wrong_configurations() -> Vec<String> {
    let text = toml::Value::from(world::secret("text where a hash belongs")).to_string();
    vec![
        format!("[servers.a]\ncommand = 'a'\nenv = {{ TOKEN = {text}\n"),
        format!("[servers.a]\ncommand = 'a'\nenv = {{ TOKEN = [{text}] }}\n"),
        format!("[servers.a]\ncommand = 'a'\nenv = {text}\n"),
        format!("[servers.a]\nurl = 'http://far.example'\nheaders = {{ Authorization = {text} }}\n"),
        format!("[servers.a]\nurl = 'https://far.example'\nheaders = {{ 'No Header' = {text} }}\n"),
        format!("[servers.a]\nurl = 'https://far.example'\ntokn = {text}\n"),
        format!("[servers.a]\nurl = 'https://far.example'\noauth = {{ client_secret = {text} }}\n"),
        format!("[roles.r]\n[keys.k]\nrole = 'r'\nhash = {text}\n"),
        format!("[roles.r]\n[keys.k]\nrole = 'r'\nsecret = {text}\n"),
        format!("[roles.r.credentials.a]\nenv = {{ A = {text} }}\n"),
        format!("[servers.a]\ncommand = 'a'\n[roles.r.credentials.a]\nenv = {{ A = 7 }}\nheaders = {text}\n"),
    ]
}

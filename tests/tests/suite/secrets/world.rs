//! A configuration in which a secret stands wherever one can, and the servers behind it.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use exuvia_access::{Secret, secret_hash};
use exuvia_tests::identity_provider::{IdentityProvider, SigningKey};
use exuvia_tests::{
    Authorizing, Daemon, DataHome, Ended, Folder, Program, SecretSearch, WebServer, built, children, here,
};
use serde_json::{Value, json};

use super::Leaks;
use super::echoing::echoing;
use crate::telemetry::{Received, collector};

/// How long anything may take that is waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// What tokens of users are for.
pub(super) const AUDIENCE: &str = "https://exuvia.example/mcp";

/// Secrets that stand in the configuration, by what they are for: a text that base64, JSON and URLs write in other ways.
const WRITTEN: [&str; 14] = [
    "environment",
    "environment of a role",
    "environment of a server that does not start",
    "header",
    "header of a role",
    "URL",
    "header of a server that refuses",
    "header of a server that fails",
    "environment of a command",
    "header of a command",
    "output of a broken command",
    "oauth client",
    "client that is refused",
    "text where a hash belongs",
];

/// Everything that a daemon needs.
pub(super) struct World {
    pub(super) folder: Folder,
    pub(super) data: DataHome,
    pub(super) server: Authorizing,
    pub(super) provider: IdentityProvider,
    pub(super) signing: SigningKey,
    pub(super) others: SigningKey,
    pub(super) keys: Vec<(&'static str, String)>,
    pub(super) tokens: Vec<(&'static str, String)>,
    temporary: DataHome,
    format: String,
    web: WebServer,
    asking: WebServer,
    echoing: SocketAddr,
    collector: (String, Received),
}

/// The secret for this.
pub(super) fn secret(what: &str) -> String {
    let number = WRITTEN.iter().position(|written| *written == what).expect("a secret");
    format!("k4narie{number}+/\"Zq9?=&~{}>>", what.replace(' ', "_"))
}

fn hash(secret: &str) -> String {
    secret_hash(secret).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A text as TOML has it.
fn toml(text: &str) -> String {
    toml::Value::from(text).to_string()
}

impl World {
    pub(super) async fn new(format: &str) -> Self {
        let generated = |name| (name, Secret::generate().expect("randomness").expose().to_owned());
        let keys = [generated("ada"), generated("mon"), ("bob", "k4narie+/\"of=bob&s?~key".to_owned())];
        let (signing, others) = (SigningKey::new("k1", "ES256"), SigningKey::new("k2", "ES256"));
        let folder = Folder::new("");
        let asked = folder.path("asked");
        fs::write(&asked, secret("header of a command")).expect("a file");
        let world = Self {
            data: DataHome::shared(),
            server: Authorizing::start(Duration::from_secs(3600)).await,
            provider: IdentityProvider::start(&[&signing]),
            temporary: DataHome::shared(),
            format: format.to_owned(),
            web: WebServer::start(&[]),
            asking: WebServer::start(&["--token-file", &asked.display().to_string()]),
            echoing: echoing().await,
            collector: collector(200).await,
            tokens: Vec::new(),
            keys: keys.into(),
            folder,
            signing,
            others,
        };
        world.folder.write("exuvia.toml", &world.configuration());
        world.has_logged_in();
        world.with_tokens()
    }

    /// Tokens of users: one that lets in, and those that do not.
    fn with_tokens(mut self) -> Self {
        let claims = |changed: Value| {
            let mut claims = self.provider.claims(AUDIENCE);
            claims.as_object_mut().expect("an object").extend(changed.as_object().cloned().unwrap_or_default());
            claims
        };
        let by = |key: &SigningKey, changed: Value| key.token(&claims(changed));
        self.tokens = vec![
            ("valid", by(&self.signing, json!({}))),
            ("expired", by(&self.signing, json!({"exp": 1_000_000}))),
            ("for another audience", by(&self.signing, json!({"aud": "https://other.example"}))),
            ("without a role", by(&self.signing, json!({"sub": "nobody"}))),
            ("of an unknown issuer", by(&self.signing, json!({"iss": "https://other.example"}))),
            ("of an unknown key", by(&self.others, json!({}))),
        ];
        self
    }

    /// The file of the gateway's own login.
    fn has_logged_in(&self) {
        let tokens = self.data.as_path().join("exuvia/tokens");
        fs::create_dir_all(&tokens).expect("a folder");
        let file = tokens.join("oa.json");
        fs::write(&file, self.server.expired_login()).expect("a file");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("a mode");
    }

    fn configuration(&self) -> String {
        let fake = toml(&built("exuvia-fake-upstream").display().to_string());
        let given = |what: &str| toml(&secret(what));
        let (header, broken) = (self.folder.path("header"), self.folder.path("broken"));
        fs::write(&header, format!("Authorization: Bearer {}\n", secret("header of a command"))).expect("a file");
        fs::write(&broken, secret("output of a broken command")).expect("a file");
        let url = |base: &str| toml(&format!("{base}?key={}", secret("URL").replace(['"', '>', '&', '?'], "")));
        let (web, asking, echoing) = (self.web.url(), self.asking.url(), self.echoing);
        let key = |(name, secret): &(&str, String), role: &str| {
            format!("[keys.{name}]\nrole = '{role}'\nhash = 'sha256:{}'\n", hash(secret))
        };
        let keys = [("red", 0), ("monitor", 1), ("blue", 2)].map(|(role, at)| key(&self.keys[at], role)).concat();
        let cat =
            |file: &Path| format!("['/bin/sh', '-c', 'read -r text < \"$0\"; echo \"$text\"', '{}']", file.display());
        format!(
            "auto_execute = ['*.*']\n[telemetry]\notlp = '{collector}'\n\
             [servers.pipe]\ncommand = {fake}\nenv = {{ TOKEN = {env} }}\n\
             [servers.gone]\ncommand = {fake}\nargs = ['--exit-at', 'start']\nenv = {{ TOKEN = {gone} }}\n\
             [servers.web]\nurl = {web_url}\nheaders = {{ Authorization = {header_value}, X-Key = {header_value} }}\n\
             [servers.shown]\nurl = {web_url}\nmode = 'direct'\nheaders = {{ Authorization = {header_value} }}\n\
             [servers.refuses]\nurl = 'http://{echoing}/denies'\nheaders = {{ Authorization = {refused} }}\n\
             [servers.fails]\nurl = 'http://{echoing}/fails'\nheaders = {{ X-Key = {failing} }}\n\
             [servers.commanded]\nurl = '{asking}'\nheaders_command = {good}\nenv = {{ KEY = {command_env} }}\n\
             [servers.broken]\nurl = '{asking}'\nheaders_command = {bad}\nenv = {{ KEY = {command_env} }}\n\
             [servers.oa]\nurl = '{oa}'\noauth = {{ client_id = 'c' }}\n\
             [servers.cc]\nurl = '{oa}'\noauth = {{ grant = 'client-credentials', client_id = 'c', client_secret = {client} }}\n\
             [servers.cd]\nurl = 'http://{echoing}/login'\n\
             oauth = {{ grant = 'client-credentials', client_id = 'c', client_secret = {refused_client} }}\n\
             [roles.red]\n[roles.red.credentials.pipe]\nenv = {{ TOKEN = {role_env} }}\n\
             [roles.red.credentials.web]\nheaders = {{ Authorization = {role_header} }}\n\
             [roles.red.credentials.oa]\noauth = true\n\
             [roles.blue]\n[roles.monitor]\ntools = []\nmetrics = true\n{keys}\
             [budgets.day]\neach = 'key'\nroles = ['red', 'blue']\nperiod = 'day'\ncalls = 10_000\n\
             [identity_providers.okta]\nissuer = '{issuer}'\naudience = '{AUDIENCE}'\n\
             roles = [{{ claim = 'sub', value = 'ada', role = 'blue' }}]\n",
            collector = self.collector.0,
            env = given("environment"),
            gone = given("environment of a server that does not start"),
            web_url = url(web),
            header_value = given("header"),
            refused = given("header of a server that refuses"),
            failing = given("header of a server that fails"),
            good = cat(&header),
            bad = cat(&broken),
            command_env = given("environment of a command"),
            oa = self.server.url(),
            client = given("oauth client"),
            refused_client = given("client that is refused"),
            role_env = given("environment of a role"),
            role_header = given("header of a role"),
            issuer = self.provider.issuer(),
        )
    }

    /// What must not be found.
    pub(super) fn search(&self) -> SecretSearch {
        let mut search = SecretSearch::new(WRITTEN.map(|what| (what, secret(what))));
        search.add("URL", &secret("URL").replace(['"', '>', '&', '?'], ""));
        search.add("oauth token", "-of-authorizing");
        for (name, secret) in &self.keys {
            search.add(&format!("key {name}"), secret);
        }
        for (name, token) in &self.tokens {
            search.add(&format!("token {name}"), token);
            search.add(&format!("signature of the token {name}"), token.rsplit('.').next().expect("a signature"));
        }
        search
    }

    pub(super) fn key(&self, name: &str) -> &str {
        &self.keys.iter().find(|(other, _)| *other == name).expect("a key").1
    }

    /// The program with the same files, whose log is as long as it gets.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(built("exuvia"));
        command.envs(self.variables()).env("XDG_CONFIG_HOME", here());
        command
    }

    fn variables(&self) -> Vec<(&'static str, String)> {
        let text = |home: &DataHome| home.as_path().display().to_string();
        vec![
            ("XDG_DATA_HOME", text(&self.data)),
            ("TMPDIR", text(&self.temporary)),
            ("EXUVIA_LOG", "trace".to_owned()),
            ("EXUVIA_LOG_FORMAT", self.format.clone()),
        ]
    }

    /// Runs the program to its end.
    pub(super) async fn does(&self, arguments: &[&str], input: &str) -> Ended {
        let variables = self.variables();
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let input = input.to_owned();
        let work = move || {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let mut program = Program::start(&arguments, &variables);
            program.write(&input);
            program.end()
        };
        tokio::task::spawn_blocking(work).await.expect("no panic")
    }

    pub(super) async fn serves(&self) -> Daemon {
        let daemon = Daemon::start_by(self.command(), &["--config", &self.folder.text("exuvia.toml")]);
        daemon.ready().await;
        daemon
    }

    /// What the collector was sent.
    pub(super) fn spans(&self) -> Vec<u8> {
        self.collector.1.bytes()
    }

    /// Command lines and names of the daemon, of its threads and of what it started; and environments of servers, which have their own.
    pub(super) fn look_at_process(&self, daemon: &Daemon, leaks: &mut Leaks) {
        let read = |path: &Path| fs::read(path).unwrap_or_default();
        // The system cuts names of processes and threads off after 15 bytes.
        let heads = leaks.search.of_heads();
        let look = |leaks: &mut Leaks, bytes: Vec<u8>| {
            leaks.found.extend(heads.found_in(&bytes).into_iter().map(|found| format!("process: {found}")));
            leaks.look("process", bytes);
        };
        for id in [daemon.id()].into_iter().chain(children(daemon.id())) {
            let place = Path::new("/proc").join(id.to_string());
            look(leaks, [read(&place.join("cmdline")), read(&place.join("comm"))].concat());
            for thread in fs::read_dir(place.join("task")).into_iter().flatten().flatten() {
                look(leaks, read(&thread.path().join("comm")));
            }
            leaks.look_but("environment of a process", read(&place.join("environ")), "environment");
        }
    }

    /// Every file that the daemon has written, and its name. Tokens are in the files that are for them.
    pub(super) fn look_at_files(&self, leaks: &mut Leaks) {
        for root in [self.data.as_path(), self.temporary.as_path()] {
            look_below(root, root, leaks);
        }
    }
}

fn look_below(root: &Path, folder: &Path, leaks: &mut Leaks) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        let name = path.strip_prefix(root).expect("below").display().to_string();
        leaks.look("name of a file", &name);
        if path.is_dir() {
            look_below(root, &path, leaks);
            continue;
        }
        // One that is removed meanwhile has nothing.
        let bytes = fs::read(&path).unwrap_or_default();
        let allowed = if name.contains("/tokens/") { "oauth" } else { "no secret" };
        leaks.look_but(&format!("file {name}"), bytes, allowed);
    }
}

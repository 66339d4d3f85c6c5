//! A PostgreSQL server for tests: one that they start, or that `EXUVIA_TEST_POSTGRES` names.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tokio_postgres::NoTls;

/// The URL of a server, by a user who may create databases.
const URL: &str = "EXUVIA_TEST_POSTGRES";

/// How long a killed server takes to be gone, at most.
const GONE: Duration = Duration::from_secs(10);

/// Runs a server in a folder of its own for as long as the input is open, and starts it again when it ends, unless there is a file `away`.
const RUN: &str = r#"
umask 077
dir=$(mktemp -d) && initdb -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$dir/initdb" 2>&1 || exit 1
printf %s "$CERTIFICATE" >"$dir/data/server.crt"
printf %s "$KEY" >"$dir/data/server.key"
while [ -d "$dir" ]; do
    if [ ! -e "$dir/away" ]; then
        postgres -D "$dir/data" -k "$dir" -c fsync=off $OPTIONS >>"$dir/log" 2>&1
    fi
    sleep 0.05
done &
echo "$dir"
cat >/dev/null
touch "$dir/away"
kill -QUIT "$(head -n 1 "$dir/data/postmaster.pid")"
rm -rf "$dir"
"#;

/// A running server.
pub enum Server {
    /// Somebody else's.
    Given(String),
    /// One that ends with this process.
    Own {
        /// Its folder.
        dir: PathBuf,
        /// The port on the loopback interface, if it listens there.
        port: Option<u16>,
        /// It ends when this is closed.
        _input: ChildStdin,
        /// Its shell.
        _child: Child,
    },
}

impl Server {
    /// The server of all tests of this process. None: there is none, which is said once.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Server>> = OnceLock::new();
        SHARED.get_or_init(|| std::env::var(URL).ok().map(Self::Given).or_else(Self::own)).as_ref()
    }

    /// A server for one test, which may do with it what it likes. None: none can be started, which is said.
    #[must_use]
    pub fn own() -> Option<Self> {
        Self::started(None)
    }

    /// A server for one test that listens on the loopback interface as well, with TLS by this certificate and key in PEM. None: as
    /// [`own`](Self::own).
    #[must_use]
    pub fn with_tls(certificate: &str, key: &str) -> Option<Self> {
        Self::started(Some((certificate, key)))
    }

    fn started(tls: Option<(&str, &str)>) -> Option<Self> {
        let started = Self::start(tls);
        if started.is_none() {
            // Not by a macro, whose output is captured.
            let said =
                "\nSKIPPED: the tests with PostgreSQL, because no `initdb` and `postgres` were found that run here\n";
            std::io::stderr().write_all(said.as_bytes()).expect("an error output");
        }
        started
    }

    fn start(tls: Option<(&str, &str)>) -> Option<Self> {
        let port = tls.map(|_| free_port());
        let options = match port {
            Some(port) => format!("-c listen_addresses=127.0.0.1,127.0.0.2 -c port={port} -c ssl=on"),
            None => "-c listen_addresses=".to_owned(),
        };
        let (certificate, key) = tls.unwrap_or_default();
        let path = format!("{}:{}", programs()?.display(), std::env::var("PATH").unwrap_or_default());
        let mut child = as_user()
            .args(["sh", "-c", RUN])
            .envs([("PATH", path.as_str()), ("OPTIONS", &options), ("CERTIFICATE", certificate), ("KEY", key)])
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut dir = String::new();
        BufReader::new(child.stdout.take()?).read_line(&mut dir).ok()?;
        let dir = PathBuf::from(dir.trim());
        let server = Self::Own { dir: dir.clone(), port, _input: child.stdin.take()?, _child: child };
        (dir.is_absolute() && server.is_up(Duration::from_secs(20))).then_some(server)
    }

    /// The port on the loopback interface. 0: it does not listen there.
    #[must_use]
    pub fn port(&self) -> u16 {
        match self {
            Self::Own { port: Some(port), .. } => *port,
            _ => 0,
        }
    }

    /// The URL of a database, for this machine.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        match self {
            Self::Given(url) => {
                let (before, after) = url
                    .split_once('?')
                    .map_or((url.as_str(), String::new()), |(before, after)| (before, format!("?{after}")));
                let server =
                    before.find("://").and_then(|at| before[at + 3..].find('/').map(|end| &before[..at + 3 + end]));
                format!("{}/{database}{after}", server.unwrap_or(before))
            }
            Self::Own { dir, port, .. } => {
                let (dir, port) = (dir.display().to_string().replace('/', "%2F"), port.unwrap_or(5432));
                format!("postgres://postgres@{dir}:{port}/{database}")
            }
        }
    }

    /// Makes a database: a copy of another one, or an empty one. Returns its URL.
    ///
    /// # Panics
    ///
    /// It cannot be made.
    #[must_use]
    pub fn create(&self, copy_of: Option<&str>) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("exuvia_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let template = copy_of.and_then(|url| url.rsplit('/').next()).unwrap_or("template0");
        let admin = self.url("postgres");
        let create = format!("CREATE DATABASE {name} TEMPLATE {template} ENCODING UTF8");
        // A connection to the template may still be closing.
        let begun = Instant::now();
        while let Err(error) = query(&admin, &create) {
            assert!(begun.elapsed() < Duration::from_secs(10), "no database: {error}");
            std::thread::sleep(Duration::from_millis(50));
        }
        self.url(&name)
    }

    /// Kills the server in a way, waits until it is gone, and keeps it from being started again.
    ///
    /// # Panics
    ///
    /// It does not run.
    pub fn kill(&self, signal: &str) {
        let Self::Own { dir, .. } = self else { return };
        std::fs::write(dir.join("away"), "").expect("written");
        signal_postmaster(dir, signal);
        let begun = Instant::now();
        // After SIGKILL its processes go on until they see that it is gone, and may answer a query before.
        while matches!(signal, "-QUIT" | "-KILL" | "-INT") && has_processes(dir) && begun.elapsed() < GONE {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends a signal to the server and its processes.
    ///
    /// # Panics
    ///
    /// It does not run.
    pub fn signal_all(&self, signal: &str) {
        let Self::Own { dir, .. } = self else { return };
        let arguments = [signal, "--parent", &postmaster(dir)];
        Command::new("pkill").args(arguments).status().expect("pkill");
        signal_postmaster(dir, signal);
    }

    /// Lets it start again, and waits until it answers.
    ///
    /// # Panics
    ///
    /// It does not.
    pub fn back(&self) {
        let Self::Own { dir, .. } = self else { return };
        std::fs::remove_file(dir.join("away")).expect("removed");
        assert!(self.is_up(Duration::from_secs(20)), "the server does not start again");
    }

    fn is_up(&self, within: Duration) -> bool {
        let attempts = within.as_millis() / 20;
        (0..attempts).any(|_| {
            let is_up = query(&self.url("postgres"), "SELECT 1").is_ok();
            if !is_up {
                std::thread::sleep(Duration::from_millis(20));
            }
            is_up
        })
    }
}

fn postmaster(dir: &Path) -> String {
    let file = std::fs::read_to_string(dir.join("data/postmaster.pid")).expect("a running server");
    file.lines().next().expect("its process").to_owned()
}

/// Whether a process of the server still runs: each of them works in the folder of its data.
fn has_processes(dir: &Path) -> bool {
    let data = dir.join("data").canonicalize().expect("its folder");
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.filter_map(|process| std::fs::read_link(process.path().join("cwd")).ok()).any(|folder| folder == data)
}

fn signal_postmaster(dir: &Path, signal: &str) {
    let status = Command::new("kill").args([signal, &postmaster(dir)]).status();
    assert!(status.is_ok_and(|status| status.success()), "kill {signal}");
}

/// The folder with the programs, of the newest version.
fn programs() -> Option<PathBuf> {
    let debian =
        std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|file| file.path().join("bin"));
    let path = std::env::var("PATH").unwrap_or_default();
    let mut found: Vec<PathBuf> = std::env::split_paths(&path).chain(debian).collect();
    found.retain(|dir| dir.join("initdb").exists() && dir.join("postgres").exists());
    found.pop()
}

/// A port that nobody listens on.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

/// A command as a user that the server runs as: it refuses root.
fn as_user() -> Command {
    if is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]);
        return command;
    }
    Command::new("env")
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

/// Removes a database, if its server still runs.
///
/// # Panics
///
/// The URL names none.
pub fn remove(url: &str) {
    let (before, name) = url.rsplit_once('/').expect("a URL");
    let _ = query(&format!("{before}/postgres"), &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
}

/// Executes statements in a database, on a thread of their own. Returns the first column of the last row.
///
/// # Errors
///
/// The server cannot be reached, or refuses.
///
/// # Panics
///
/// This machine gives no thread.
pub fn query(url: &str, statements: &str) -> Result<Option<String>, tokio_postgres::Error> {
    let work = async {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
        let connection = tokio::spawn(connection);
        let messages = client.simple_query(statements).await?;
        drop(client);
        connection.await.expect("ended")?;
        Ok(messages.iter().rev().find_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        }))
    };
    std::thread::scope(|scope| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        scope.spawn(move || runtime.block_on(work)).join().expect("no panic")
    })
}

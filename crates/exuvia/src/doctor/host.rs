//! The machine: memory, files, journal, port.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;
use std::{fs, io};

use exuvia_config::{Config, JournalStore, Paths};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::finding::Finding;
use crate::journal::open_archives;
use crate::machine::{Memory, Of, engine, smaller_limit};

/// Where `exuvia serve` listens if nothing is configured.
const ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8420);
/// How long another process on the port has to say what it is.
const ANSWER: Duration = Duration::from_secs(2);
/// What `/readyz` says of it.
const STATES: [&str; 3] = ["ready", "starting", "shutting_down"];
const ANSWER_BYTES: u64 = 64 << 10;
const MIB: u64 = 1 << 20;
/// Nobody else may read it.
const OTHERS: u32 = 0o077;
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// Whether the limits fit into the memory that there is.
pub(super) fn memory(config: &Config) -> Finding {
    let memory = Memory::here();
    let engine = engine(config, memory);
    let bound = engine.runs_memory_bytes;
    let mib = |bytes: u64| format!("{} MiB", bytes / MIB);
    match memory {
        _ if smaller_limit(config, &engine).is_some() => {
            let message = smaller_limit(config, &engine).unwrap_or_default();
            Finding::warning("memory", message, "raise runs.memory_bytes, or lower limits.memory_bytes")
        }
        Some(memory) if bound > memory.bytes => {
            let whose = if memory.of == Of::Cgroup { "the control group" } else { "this machine" };
            let message =
                format!("scripts may take {} together, more than the {} of {whose}", mib(bound), mib(memory.bytes));
            Finding::failed("memory", message, "lower runs.memory_bytes, or leave it out")
        }
        Some(memory) => {
            Finding::ok("memory", format!("scripts may take {} of {} together", mib(bound), mib(memory.bytes)))
        }
        None => {
            Finding::ok("memory", format!("scripts may take {} together; the machine's memory is unknown", mib(bound)))
        }
    }
}

/// Whether others can read what is secret, or put something in its place.
pub(super) fn files(config: &Config) -> Vec<Finding> {
    let paths = Paths::of_user();
    let private = paths.token_dir.iter().chain(&paths.setup_dir).chain(&paths.journal_dir);
    let mut findings: Vec<Finding> = private.filter_map(|folder| opened_up(folder, OTHERS)).collect();
    findings.extend(paths.pin_dir.iter().filter_map(|folder| opened_up(folder, WRITABLE_BY_OTHERS)));
    for file in config.files.iter().filter(|file| file.extension().is_some_and(|end| end == "toml")) {
        if holds_values(config) {
            findings.extend(opened_up(file, OTHERS));
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok("files", "nobody else can read or replace what is stored"));
    }
    findings
}

/// Whether a server is given something that stands in the configuration.
fn holds_values(config: &Config) -> bool {
    config.servers.iter().any(|server| match &server.config.transport {
        exuvia_config::Transport::Stdio(stdio) => {
            stdio.env.keys().any(|name| !exuvia_config::PASSED_VARIABLES.contains(&name.as_str()))
        }
        exuvia_config::Transport::Http(http) => !http.headers.is_empty(),
    })
}

fn opened_up(path: &Path, mask: u32) -> Option<Finding> {
    let mode = fs::metadata(path).ok()?.mode();
    let how = if mask == OTHERS { "read" } else { "replaced" };
    (mode & mask != 0).then(|| {
        let fix = format!("chmod {} {}", if mask == OTHERS { "go-rwx" } else { "go-w" }, path.display());
        Finding::warning("files", format!("can be {how} by others (mode {:o})", mode & 0o777), fix)
            .named(path.display().to_string())
    })
}

/// Whether what was recorded can be read; `verify` is the command that says more. Blocks.
pub(super) fn journal(config: &Config, verify: &str) -> Finding {
    if matches!(config.journal.store, JournalStore::Memory) {
        return Finding::ok("journal", "is kept in memory");
    }
    let folder = crate::admin::folder(&config.journal);
    if matches!(config.journal.store, JournalStore::Sqlite(_))
        && !folder
            .iter()
            .flat_map(|folder| folder.read_dir())
            .flatten()
            .flatten()
            .any(|entry| crate::journal::has_journal(&entry.path()) || entry.file_name() == "journal.db")
    {
        return match folder.as_deref().map(writable) {
            Some(Err(error)) => Finding::failed(
                "journal",
                format!("nothing is recorded yet, and nothing can be: {error}"),
                "make the folder writable, or set `path` in [journal]",
            ),
            None => Finding::failed("journal", "there is no home directory", "set HOME, or `path` in [journal]"),
            Some(Ok(())) => Finding::ok("journal", "nothing is recorded yet"),
        };
    }
    match open_archives(&config.journal) {
        Ok(_) => Finding::ok("journal", "can be read"),
        Err(error) => Finding::failed("journal", format!("{error:#}"), format!("{verify} says what is wrong with it")),
    }
}

/// Whether something can be created in a folder, or in the nearest one above it that is there.
pub(super) fn writable(folder: &Path) -> io::Result<()> {
    let there = folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(folder);
    tempfile::Builder::new().prefix(".exuvia-doctor-").tempfile_in(there).map(drop)
}

/// Whether `exuvia serve` could listen, or does.
pub(super) async fn port(config: &Config) -> Finding {
    let address = config.listen.unwrap_or(ADDRESS);
    let name = address.to_string();
    match TcpListener::bind(address) {
        Ok(_) => Finding::ok("port", "is free for `exuvia serve`").named(name),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => in_use(address, config).await.named(name),
        Err(error) => Finding::warning(
            "port",
            format!("`exuvia serve` cannot listen: {error}"),
            "set another address as listen.mcp; `exuvia stdio` does not need it",
        )
        .named(name),
    }
}

async fn in_use(address: SocketAddr, config: &Config) -> Finding {
    if config.tls.is_some() {
        return Finding::ok("port", "is in use, by `exuvia serve` if that is running");
    }
    match tokio::time::timeout(ANSWER, readiness(address)).await {
        Ok(Ok(answer)) if STATES.iter().any(|state| answer.contains(&format!("{{\"status\":\"{state}\""))) => {
            Finding::ok("port", "`exuvia serve` is running")
        }
        _ => Finding::warning(
            "port",
            "another program listens there",
            "set another port as listen.mcp, or pass --port; `exuvia stdio` does not need it",
        ),
    }
}

/// What the process on this port says of itself.
async fn readiness(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: localhost:{}\r\nConnection: close\r\n\r\n", address.port());
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

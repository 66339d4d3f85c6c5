//! What serves MCP over HTTP: its bounds, and where its certificate lies.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

/// Files that everybody on the machine can read.
const WORLD_READABLE: u32 = 0o004;

/// What a server over HTTP bounds.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// Browser origins whose pages may send requests, such as `https://inspector.example:443`, beside the server's own.
    /// Requests of pages from elsewhere are refused; what is no browser sends no origin. Default: none.
    pub origins: Vec<String>,
    /// Names under which clients may ask for this server, as `NAME` or `NAME:PORT`, beside the machine's own. Default: none.
    pub hosts: Vec<String>,
    /// Proxies whose word on the addresses of clients counts. Default: none.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether other machines may reach it: clients authenticate, and what they send is encrypted, here or by a trusted proxy. Default: no.
    pub is_exposable: bool,
    /// Requests of one address in a minute, of which those of 10 s may come at once. Further ones are rejected with 429. This machine is not
    /// counted, and without keys nobody is. Default 60,000.
    pub requests_per_minute: u32,
    /// Connections at the same time, of which one address of another machine and one principal with a key have half at most. 16 further ones are answered for health and metrics and rejected with 503 otherwise; those
    /// beyond are rejected with 503, where there is no TLS, and closed. Default 1,024.
    pub connections: usize,
    /// Sessions of clients up to 2025-11-25 at the same time, of which one principal with a key has half at most. For a further one the session ends that was idle longest, with no
    /// stream and nothing in flight; if there is none, it is rejected with 503. Default 1,024.
    pub sessions: usize,
    /// How long the client of a session that lost its last stream may take to come back. Then what it asked for is cancelled, and
    /// the session makes room for another one where that is needed. Default 5 s, longer than clients are asked to wait before they
    /// come back.
    pub session_grace: Duration,
    /// How long a session lives in which nothing happens. Default 30 min. Never shorter than what a script may take.
    pub session_idle: Duration,
    /// The longest body of a request, in bytes. A longer one is answered with 413. Default 16 MiB. Without a session, and where the header
    /// names no version that has none, 64 KiB: a longer one is answered with 400. What holds too many values outside the arguments of a
    /// call is answered with 413 as well.
    pub body_bytes: usize,
    /// Bodies of more than 32 KiB, in bytes, of all requests that are not answered yet. Further ones are answered with 503. Never less than
    /// one body. Default 64 MiB.
    pub all_bodies_bytes: usize,
    /// How long the head of a request may take, how long a connection may wait for the next one, and how long a TLS handshake
    /// may take. Default 30 s.
    pub header_timeout: Duration,
    /// How long the body of a request may take. Default 30 s.
    pub body_timeout: Duration,
    /// How long a client may leave what it is sent unread. Then its connection is closed. Default 60 s.
    pub unread_timeout: Duration,
    /// How long requests may take after the stop was asked for. What is left is cancelled. Default 25 s.
    pub drain: Duration,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            origins: Vec::new(),
            hosts: Vec::new(),
            trusted_proxies: Vec::new(),
            is_exposable: false,
            requests_per_minute: 60_000,
            connections: 1_024,
            sessions: 1_024,
            session_grace: Duration::from_secs(5),
            session_idle: Duration::from_secs(30 * 60),
            body_bytes: 16 << 20,
            all_bodies_bytes: 64 << 20,
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
            unread_timeout: Duration::from_secs(60),
            drain: Duration::from_secs(25),
        }
    }
}

/// Where a certificate and its key lie, both in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, followed by those that lead to the authority that clients trust.
    pub certificate: PathBuf,
    /// Its private key, in PKCS#8, PKCS#1 or SEC1, without a passphrase.
    pub key: PathBuf,
}

impl TlsFiles {
    /// What an operator should know of files that can be used all the same.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let mode = fs::metadata(&self.key).ok()?.permissions().mode();
        let key = self.key.display();
        (mode & WORLD_READABLE != 0).then(|| format!("{key}: this private key is world-readable; chmod o-r {key}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_everybody_can_read_is_warned_of() {
        let folder = tempfile::tempdir().unwrap();
        let files = TlsFiles { certificate: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
        fs::write(&files.key, "").unwrap();
        for (mode, warns) in [(0o600, false), (0o640, false), (0o644, true), (0o604, true)] {
            fs::set_permissions(&files.key, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(files.warning().is_some(), warns, "{mode:o}");
        }
    }
}

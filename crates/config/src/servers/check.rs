//! Validation of a server's entry, whichever file it is in. No message contains the value that it is about.

use std::path::{Path, PathBuf};

use exuvia_tool::Principal;
use http::{HeaderName, HeaderValue};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use sha2::{Digest as _, Sha256};
use url::{Host, Url};

use crate::{CodeGrant, Grant, Http, OAuth};

/// How long the name of a server may be, in bytes.
pub(crate) const SERVER_NAME_BYTES: usize = 64;

/// Headers that the transport sets.
const OWN_HEADERS: &[&str] = &[
    "accept",
    "connection",
    "content-length",
    "content-type",
    "host",
    "last-event-id",
    "mcp-method",
    "mcp-name",
    "mcp-protocol-version",
    "mcp-session-id",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Checks the name of a server.
///
/// # Errors
///
/// What is wrong with it.
pub(crate) fn server_name(name: &str) -> Result<(), String> {
    if name.is_empty() {
        Err("the server name must not be empty".to_owned())
    } else if name.len() > SERVER_NAME_BYTES {
        Err(format!("the server name must be at most {SERVER_NAME_BYTES} bytes"))
    } else if name.contains(char::is_control) {
        Err("the server name must not contain control characters".to_owned())
    } else if !exuvia_text::is_plain_name(name) {
        Err("the server name must not contain invisible characters".to_owned())
    } else {
        Ok(())
    }
}

/// Checks the name of a variable of the environment.
///
/// # Errors
///
/// What is wrong with it.
pub(crate) fn variable_name(name: &str) -> Result<(), String> {
    if name.is_empty() || name.contains('=') || name.contains(char::is_control) {
        return Err(format!("`{}` is not a valid variable name", name.escape_debug()));
    }
    Ok(())
}

/// Reads the address of a server.
///
/// # Errors
///
/// What is wrong with it.
pub(crate) fn server_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("{error}; write https://HOST/PATH"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must begin with https:// or http://".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not contain credentials; send an `Authorization` header instead".to_owned());
    }
    if url.fragment().is_some() {
        return Err("must not have a fragment; remove # and what follows".to_owned());
    }
    Ok(url)
}

/// Reads a header. `None` for one that the transport sets.
///
/// # Errors
///
/// What is wrong with it.
pub(crate) fn header(name: &str, value: &str) -> Result<Option<(HeaderName, HeaderValue)>, String> {
    let name =
        HeaderName::try_from(name).map_err(|_| format!("`{}` is not a valid header name", name.escape_debug()))?;
    let value = HeaderValue::from_str(value)
        .map_err(|_| "contains a line break or another character that is invalid in a header".to_owned())?;
    Ok((!OWN_HEADERS.contains(&name.as_str())).then_some((name, value)))
}

/// Reads certificates in PEM.
///
/// # Errors
///
/// There is none, or one of them is no certificate that can be trusted.
pub(crate) fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let certificates: Vec<CertificateDer<'static>> = certificates.map_err(|error| error.to_string())?;
    if certificates.is_empty() {
        return Err("contains no PEM certificate (BEGIN CERTIFICATE)".to_owned());
    }
    let mut roots = RootCertStore::empty();
    for (index, certificate) in certificates.iter().enumerate() {
        roots.add(certificate.clone()).map_err(|error| format!("certificate {}: {error}", index + 1))?;
    }
    Ok(certificates)
}

/// Checks one scope.
///
/// # Errors
///
/// What is wrong with it.
pub(crate) fn scope(text: &str) -> Result<(), String> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\') {
        return Err("a scope is one word of ASCII, without quotes or backslashes".to_owned());
    }
    Ok(())
}

/// The longest name of a file, in bytes, that leaves room for what stands beside it.
const FILE_NAME_BYTES: usize = 200;

/// The file for the tokens of a server. Different servers have different files, also where a file system takes `CRM` and
/// `crm` for the same.
pub(crate) fn token_file(token_dir: &Path, server: &str) -> PathBuf {
    token_dir.join(file_name(server) + ".json")
}

/// The file for the tokens that a principal has for a server: in a folder beside the server's own file, whose name no server's file has.
pub(crate) fn own_token_file(token_file: &Path, principal: &Principal) -> PathBuf {
    let mut name = file_name(&principal.to_string());
    if name.len() > FILE_NAME_BYTES {
        let hash = Sha256::digest(name.as_bytes());
        name = hash.iter().fold("%sha256-".to_owned(), |name, byte| format!("{name}{byte:02x}"));
    }
    token_file.with_extension("logins").join(name + ".json")
}

/// A text as the name of a file. Different texts have different ones, also where a file system ignores case.
fn file_name(text: &str) -> String {
    let mut name = String::with_capacity(text.len() + 5);
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => name.push(char::from(byte)),
            _ => name.push_str(&format!("%{byte:02x}")),
        }
    }
    name
}

impl Http {
    /// Refuses to send credentials to another machine where everybody on the way can read them.
    ///
    /// # Errors
    ///
    /// What to write instead.
    pub fn check_secrecy(&self) -> Result<(), String> {
        let has_credentials = !self.headers.is_empty() || self.header_command.is_some() || self.oauth.is_some();
        if has_credentials && !self.is_private() {
            return Err("headers and tokens would be sent unencrypted; use https://".to_owned());
        }
        Ok(())
    }

    /// Refuses a proxy for a server on this machine.
    ///
    /// # Errors
    ///
    /// What to write instead.
    pub fn check_proxy(&self) -> Result<(), String> {
        if self.proxy.is_some() && is_loopback(&self.url) {
            return Err("cannot be used with a server on this machine; remove it".to_owned());
        }
        Ok(())
    }

    /// Lets the user log in with a browser, as clients do when nothing in an entry says who they are.
    pub fn allow_login(&mut self, token_file: PathBuf) {
        let is_known = self.header_command.is_some() || self.headers.contains_key(http::header::AUTHORIZATION);
        if self.oauth.is_none() && !is_known && self.is_private() {
            let grant = Grant::Code(CodeGrant::default());
            self.oauth = Some(OAuth { grant, scopes: Vec::new(), token_file, principal: None });
        }
    }

    /// Nobody on the way can read along.
    pub(crate) fn is_private(&self) -> bool {
        self.url.scheme() == "https" || self.proxy.is_none() && is_loopback(&self.url)
    }
}

/// Whether a URL names this machine.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_hold_credentials_or_lead_elsewhere_are_refused_without_being_quoted() {
        assert!(server_url("https://x.example/mcp?a=b").is_ok());
        let wrong =
            ["x", "ftp://x", "https://s3cret@x/mcp", "https://u:s3cret@x/", "http://x/#s3cret", "http://", "unix:///s"];
        for text in wrong {
            let message = server_url(text).unwrap_err();
            assert!(!message.contains("s3cret"), "{message}");
        }
    }

    #[test]
    fn credentials_go_in_clear_to_this_machine_alone() {
        let checked = |url: &str| {
            let mut http = Http::new(server_url(url).unwrap());
            assert!(http.check_secrecy().is_ok(), "nothing is secret yet");
            let (name, value) = header("X-Key", "s3cret").unwrap().unwrap();
            http.add_header(name, value);
            http.check_secrecy().is_ok()
        };
        for url in
            ["https://x.example", "http://localhost:1", "http://a.localhost", "http://127.0.0.2", "http://[::1]/"]
        {
            assert!(checked(url), "{url}");
        }
        for url in ["http://x.example", "http://localhost.example", "http://10.0.0.1", "http://[::2]", "http://0.0.0.0"]
        {
            assert!(!checked(url), "{url}");
        }
    }

    #[test]
    fn login_is_for_servers_that_have_no_other_credentials() {
        let with_header = |url: &str, name: &str| {
            let mut http = Http::new(server_url(url).unwrap());
            let (name, value) = header(name, "x").unwrap().unwrap();
            http.add_header(name, value);
            http.allow_login("tokens/x.json".into());
            http.oauth.is_some()
        };
        assert!(with_header("https://x.example", "X-Tenant"));
        assert!(!with_header("https://x.example", "Authorization"));
        assert!(!with_header("http://x.example", "X-Tenant"), "a token would cross the network in clear");
    }

    #[test]
    fn headers_are_checked_and_those_of_the_transport_fall_away() {
        assert!(header("X-Key", "a b").unwrap().is_some());
        assert!(header("Content-Type", "application/json").unwrap().is_none());
        assert_eq!(header("a b", "x").unwrap_err(), "`a b` is not a valid header name");
        for value in ["s3cret\r\nHost: evil", "s3cret\n"] {
            assert!(!header("X-Key", value).unwrap_err().contains("s3cr"));
        }
    }

    #[test]
    fn every_server_has_a_token_file_of_its_own_inside_the_directory() {
        let file = |name: &str| token_file(Path::new("/d"), name);
        assert_eq!(file("crm-2_x"), Path::new("/d/crm-2_x.json"));
        assert_eq!(file("../Crm"), Path::new("/d/%2e%2e%2f%43rm.json"));
        assert_ne!(file("a%2f"), file("a/"));
        let longest = file(&"\u{e9}".repeat(SERVER_NAME_BYTES / 2));
        assert!(longest.file_name().unwrap().len() < 255);
    }

    #[test]
    fn every_principal_has_a_token_file_of_its_own_for_each_server() {
        let file = |server: &str, principal: &str| {
            own_token_file(&token_file(Path::new("/d"), server), &principal.parse().unwrap())
        };
        assert_eq!(file("crm", "key:ci"), Path::new("/d/crm.logins/key%3aci.json"));
        assert_eq!(file("crm.logins/x", "key:../Ci"), Path::new("/d/crm%2elogins%2fx.logins/key%3a%2e%2e%2f%43i.json"));
        let long = |last: &str| file("crm", &format!("key:{}{last}", "/".repeat(256)));
        assert_ne!(long("a"), long("b"));
        let names = [long("a"), file("crm", &format!("key:{}", "a".repeat(195)))];
        assert!(names.iter().all(|file| file.file_name().unwrap().len() <= FILE_NAME_BYTES + 5));
    }

    #[test]
    fn names_are_bounded_and_hold_nothing_that_commands_a_terminal() {
        assert!(server_name("Übersicht 2").is_ok());
        for name in ["", "a\u{1b}[2J", "a\nb", &"x".repeat(65)] {
            assert!(server_name(name).is_err(), "{name:?}");
        }
        for name in ["", "A=B", "A\0", "A\n"] {
            assert!(variable_name(name).is_err(), "{name:?}");
        }
        for text in ["", "a b", "a\"", "a\\", "é"] {
            assert!(scope(text).is_err(), "{text:?}");
        }
        assert!(scope("crm:read").is_ok());
    }
}

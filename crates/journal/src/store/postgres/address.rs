//! Where a journal in PostgreSQL is: read from its URL, of which no error shows anything.

use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

use crate::{JournalError, JournalErrorKind};

/// How long connecting may take, to one host: unless the URL has another `connect_timeout`.
const CONNECT: Duration = Duration::from_secs(5);
/// The schema that has the tables, where the URL names none.
const SCHEMA: &str = "exuvia";
/// The longest name that PostgreSQL does not cut, in bytes.
const MAX_NAME_BYTES: usize = 63;

/// Where a journal is.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) config: Config,
    /// The schema that has the tables: lower-case letters, digits and `_`.
    pub(crate) schema: String,
}

impl Address {
    /// Reads a URL.
    ///
    /// # Errors
    ///
    /// It is malformed, or its `search_path` is no plain name.
    pub(crate) fn parse(url: &str) -> Result<Self, JournalError> {
        let mut config: Config = url.parse().map_err(|_| {
            refused(
                "the URL of the journal is malformed: write postgres://USER:PASSWORD@HOST:PORT/DATABASE, special characters as %XX; \
                 `sslmode` may be `disable` or `require`",
            )
        })?;
        let schema = schema(config.get_options().unwrap_or_default())?;
        if config.get_ssl_mode() == SslMode::Prefer {
            config.ssl_mode(if config.get_hosts().iter().all(is_local) { SslMode::Disable } else { SslMode::Require });
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        if config.get_application_name().is_none() {
            config.application_name("exuvia");
        }
        Ok(Self { config, schema })
    }

    /// The same, but of several servers only one that can be written.
    pub(crate) fn for_writing(mut self) -> Self {
        self.config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        self
    }
}

/// Whether the way there leaves this machine never: TLS protects nothing then.
fn is_local(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback()),
        Host::Unix(_) => true,
    }
}

/// The `search_path` of the options, a `-c search_path=NAME`.
fn schema(options: &str) -> Result<String, JournalError> {
    let name = options.split_once("search_path=").map_or(SCHEMA, |(_, rest)| rest);
    let name = name.split_ascii_whitespace().next().unwrap_or_default();
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.chars().all(is_plain) || name.starts_with("pg_") {
        return Err(refused(
            "the `search_path` in the URL of the journal is one name of lower-case letters, digits and `_`",
        ));
    }
    Ok(name.to_owned())
}

fn refused(cause: &str) -> JournalError {
    JournalError::new(JournalErrorKind::Malformed).caused_by(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Address {
        Address::parse(url).expect("address")
    }

    #[test]
    fn the_schema_is_that_of_the_search_path() {
        assert_eq!(parse("postgres://db/x").schema, "exuvia");
        assert_eq!(parse("postgres://db/x?options=-c%20search_path%3Daudit_2").schema, "audit_2");
        assert_eq!(parse("postgres://db/x?options=-c%20search_path=a%20-c%20geqo=off").schema, "a");
        for name in ["", "a,b", "\"a\"", "A", "pg_x", &"a".repeat(64)] {
            let url = format!("postgres://db/x?options=-csearch_path={name}");
            assert!(Address::parse(&url).is_err(), "{name}");
        }
    }

    #[test]
    fn what_leaves_the_machine_is_encrypted_unless_the_url_says_otherwise() {
        for (url, expected) in [
            ("postgres://db/x", SslMode::Require),
            ("postgres://localhost,db/x", SslMode::Require),
            ("postgres://db/x?sslmode=prefer", SslMode::Require),
            ("postgres://db/x?sslmode=disable", SslMode::Disable),
            ("postgres://localhost/x", SslMode::Disable),
            ("postgres://127.0.0.1/x?sslmode=require", SslMode::Require),
            ("postgres://%2Frun%2Fpostgresql/x", SslMode::Disable),
        ] {
            assert_eq!(parse(url).config.get_ssl_mode(), expected, "{url}");
        }
    }

    #[test]
    fn an_error_shows_nothing_of_the_url() {
        for url in [
            "postgres://u:secret@db:port/x",
            "postgres://u:secret@db/x?sslmode=verify-full",
            "postgres://u:secret@db/x?secret=1",
            "secret",
        ] {
            let error = format!("{:#}", Address::parse(url).err().expect("refused"));
            assert!(!error.contains("secret"), "{error}");
        }
    }
}

//! The host names that this server accepts.

use std::fmt;
use std::net::SocketAddr;

use http::uri::Authority;
use http::{HeaderMap, Uri, header};

use super::Tls;

/// How clients ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    /// That of a server with or without TLS.
    pub(super) fn of(tls: Option<&Tls>) -> Self {
        if tls.is_some() { Self::Https } else { Self::Http }
    }

    /// The default port.
    fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

/// The names and addresses under which a server is asked for: those of this machine alone, and the configured `hosts`. A page in a browser that had its own name
/// point here (DNS rebinding) would ask for another.
pub(super) fn is_ours(uri: &Uri, headers: &HeaderMap, scheme: Scheme, address: SocketAddr, names: &[String]) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Some(host) = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()) else { return false };
    let is_ours = |authority: &Authority| {
        let name = authority.host().trim_start_matches('[').trim_end_matches(']');
        let is_local = name.eq_ignore_ascii_case("localhost")
            || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        let port = authority.port_u16().unwrap_or(scheme.port());
        let is_local = is_local && port == address.port();
        let is_named = |host: &String| match host.parse::<Authority>() {
            Ok(host) if host.port().is_some() => host == *authority,
            Ok(host) => host.host().eq_ignore_ascii_case(authority.host()),
            Err(_) => false,
        };
        (is_local || names.iter().any(is_named)) && !authority.as_str().contains('@')
    };
    is_ours(&host) && uri.authority().is_none_or(is_ours)
}

/// Whether a request names this machine's loopback interface and the port of `address`, over plain HTTP. A page in a browser that had its own
/// name point there would name another host.
#[must_use]
pub fn is_own_host(uri: &Uri, headers: &HeaderMap, address: SocketAddr) -> bool {
    is_ours(uri, headers, Scheme::Http, address, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_with_the_right_port_are_answered() {
        let address = "127.0.0.1:8420".parse().unwrap();
        let asked = |hosts: &[&str], uri: &str| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(header::HOST, host.parse().unwrap());
            }
            is_ours(&uri.parse().unwrap(), &headers, Scheme::Http, address, &[])
        };
        for host in ["localhost:8420", "LOCALHOST:8420", "127.0.0.1:8420", "[::1]:8420", "127.1.2.3:8420"] {
            assert!(asked(&[host], "/mcp"), "{host}");
        }
        for host in [
            "evil.example:8420",
            "localhost",
            "localhost:80",
            "127.0.0.1.evil.example:8420",
            "a@localhost:8420",
            "",
            "::1",
        ] {
            assert!(!asked(&[host], "/mcp"), "{host}");
        }
        assert!(!asked(&[], "/mcp") && !asked(&["localhost:8420", "localhost:8420"], "/mcp"));
        assert!(!asked(&["localhost:8420"], "http://evil.example/mcp"));
        assert!(asked(&["localhost:8420"], "http://127.0.0.1:8420/mcp"));
    }

    #[test]
    fn a_host_without_a_port_means_the_port_of_the_scheme() {
        let headers = HeaderMap::from_iter([(header::HOST, "localhost".parse().unwrap())]);
        for (scheme, port, expected) in [
            (Scheme::Http, 80, true),
            (Scheme::Http, 443, false),
            (Scheme::Https, 443, true),
            (Scheme::Https, 80, false),
        ] {
            let address = SocketAddr::from(([127, 0, 0, 1], port));
            assert_eq!(is_ours(&"/mcp".parse().unwrap(), &headers, scheme, address, &[]), expected, "{scheme} {port}");
        }
    }

    #[test]
    fn configured_names_are_answered_with_their_ports_or_with_any() {
        let hosts = ["exuvia.example".to_owned(), "other.example:8443".to_owned()];
        let address = "10.0.0.1:8420".parse().unwrap();
        for (host, expected) in [
            ("exuvia.example", true),
            ("EXUVIA.example:443", true),
            ("other.example:8443", true),
            ("other.example", false),
            ("other.example:1", false),
            ("x.exuvia.example", false),
            ("a@exuvia.example", false),
            ("10.0.0.1:8420", false),
        ] {
            let headers = HeaderMap::from_iter([(header::HOST, host.parse().unwrap())]);
            assert_eq!(is_ours(&"/mcp".parse().unwrap(), &headers, Scheme::Https, address, &hosts), expected, "{host}");
        }
    }
}

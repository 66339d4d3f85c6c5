//! Where metadata may lead: a server names its authorization server, and that one its endpoints, and each of them may try to
//! make the gateway send requests into its own network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use exuvia_config::{Proxy, is_loopback};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::lookup_host;
use url::{Host, Url};

/// The addresses that may be contacted on behalf of one server.
///
/// Everything goes over TLS, but for servers on loopback and what they name on loopback. Public addresses are always
/// allowed, the server's own host as well. Private ones are allowed when the server's own host is private: an intranet has
/// its authorization server inside. Link-local and reserved addresses never are: clouds hand out credentials there.
///
/// A proxy resolves names itself. So through a proxy, literal addresses are checked and names are not, except those of the
/// proxy's own machine; the proxy has to reject names that it resolves into its network.
#[derive(Debug, Clone)]
pub(crate) struct Reach {
    server: Arc<str>,
    loopback: bool,
    /// The host of the proxy.
    proxy: Option<Arc<str>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Public,
    Private,
    Loopback,
    Forbidden,
}

impl Reach {
    pub(crate) fn of(server: &Url) -> Self {
        let loopback = is_loopback(server);
        Self { server: server.host_str().unwrap_or_default().into(), loopback, proxy: None }
    }

    /// The same through a proxy: the only place that is connected to.
    pub(crate) fn through(self, proxy: Option<&Proxy>) -> Self {
        let Some(proxy) = proxy else { return self };
        let host = proxy.url().host_str().unwrap_or_default();
        Self { loopback: false, proxy: Some(host.into()), ..self }
    }

    /// Whether requests to this URL, or a browser sent there, are allowed as far as the URL shows.
    pub(crate) fn check(&self, url: &Url) -> Result<(), String> {
        let place = url.origin().ascii_serialization();
        if !(url.scheme() == "https" || url.scheme() == "http" && self.loopback && is_loopback(url)) {
            return Err(format!("{place} is not an https URL"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(format!("a URL at {place} contains credentials"));
        }
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(name)) if self.proxy.is_some() && is_local(name) => {
                return Err(format!("{place} is the host of the proxy"));
            }
            _ => return Ok(()),
        };
        let own = url.host_str() == Some(&self.server);
        let allowed = own || class(address) == Class::Public || class(address) == Class::Loopback && self.loopback;
        if allowed { Ok(()) } else { Err(format!("{place} is in a private network")) }
    }

    async fn resolve(self, name: String) -> Result<Vec<SocketAddr>, std::io::Error> {
        let found: Vec<SocketAddr> = lookup_host((name.as_str(), 0)).await?.collect();
        let trusted = self.proxy.as_ref().unwrap_or(&self.server);
        if name.eq_ignore_ascii_case(trusted) {
            return Ok(found);
        }
        let mut allowed = Vec::new();
        for place in found {
            let fits = match class(place.ip()) {
                Class::Public => true,
                Class::Loopback => self.loopback,
                Class::Private => self.server_is_private().await,
                Class::Forbidden => false,
            };
            if fits {
                allowed.push(place);
            }
        }
        if allowed.is_empty() {
            let message = format!("{name} is in a private network");
            return Err(std::io::Error::new(std::io::ErrorKind::PermissionDenied, message));
        }
        Ok(allowed)
    }

    async fn server_is_private(&self) -> bool {
        let host = self.server.trim_start_matches('[').trim_end_matches(']');
        match lookup_host((host, 0)).await {
            Ok(mut found) => found.any(|place| class(place.ip()) == Class::Private),
            Err(_) => false,
        }
    }
}

/// A name of whichever machine looks it up.
fn is_local(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name == "localhost" || name.ends_with(".localhost")
}

impl Resolve for Reach {
    fn resolve(&self, name: Name) -> Resolving {
        let (reach, name) = (self.clone(), name.as_str().to_owned());
        Box::pin(async move { Ok(Box::new(Self::resolve(reach, name).await?.into_iter()) as Addrs) })
    }
}

fn class(address: IpAddr) -> Class {
    match address {
        IpAddr::V4(address) => class_v4(address),
        IpAddr::V6(address) => class_v6(address),
    }
}

fn class_v4(address: Ipv4Addr) -> Class {
    let [a, b, ..] = address.octets();
    if address.is_loopback() {
        Class::Loopback
    } else if address.is_private() || a == 100 && (64..128).contains(&b) {
        Class::Private
    } else if address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        || a == 198 && (b == 18 || b == 19)
    {
        Class::Forbidden
    } else {
        Class::Public
    }
}

fn class_v6(address: Ipv6Addr) -> Class {
    let segments = address.segments();
    let embedded = || Ipv4Addr::from((u32::from(segments[6]) << 16) | u32::from(segments[7]));
    if address.is_loopback() {
        Class::Loopback
    } else if segments[..6] == [0, 0, 0, 0, 0, 0xffff] || segments[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
        class_v4(embedded())
    } else if address.is_unique_local() {
        Class::Private
    } else if segments[0] & 0xe000 != 0x2000 || segments[0] == 0x2002 || segments[..2] == [0x2001, 0] {
        // Outside of what is assigned to the world, or a tunnel to who knows where.
        Class::Forbidden
    } else {
        Class::Public
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(server: &str, url: &str) -> bool {
        Reach::of(&server.parse().unwrap()).check(&url.parse().unwrap()).is_ok()
    }

    #[test]
    fn only_loopback_does_without_tls_and_only_for_servers_on_loopback() {
        assert!(allowed("https://mcp.example.com/mcp", "https://as.example.com/token"));
        assert!(!allowed("https://mcp.example.com/mcp", "http://as.example.com/token"));
        assert!(!allowed("https://mcp.example.com/mcp", "http://127.0.0.1/token"));
        assert!(!allowed("https://mcp.example.com/mcp", "https://127.0.0.1/token"));
        assert!(allowed("http://127.0.0.1:1/mcp", "http://localhost:2/token"));
        assert!(!allowed("http://127.0.0.1:1/mcp", "http://as.example.com/token"));
        for url in ["file:///etc/passwd", "javascript:alert(1)", "https://user:pass@as.example.com/"] {
            assert!(!allowed("http://127.0.0.1:1/mcp", url), "{url}");
        }
    }

    #[test]
    fn a_public_server_leads_into_no_private_network() {
        for host in ["10.0.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "0.0.0.0", "[::1]", "[fd00::1]"]
            .into_iter()
            .chain(["[::ffff:10.0.0.1]", "[64:ff9b::a9fe:a9fe]", "[fe80::1]", "[2002:a00:1::1]"])
        {
            assert!(!allowed("https://mcp.example.com/", &format!("https://{host}/token")), "{host}");
        }
        assert!(allowed("https://10.0.0.1/mcp", "https://10.0.0.1/token"));
        assert!(allowed("https://mcp.example.com/", "https://[2606:4700::1]/token"));
    }

    #[test]
    fn a_proxy_is_asked_for_nothing_inside_its_network_that_an_address_names() {
        let proxy = Proxy::parse("http://proxy.corp:3128").unwrap();
        let reach = |server: &str| Reach::of(&server.parse().unwrap()).through(Some(&proxy));
        let allowed = |server: &str, url: &str| reach(server).check(&url.parse().unwrap()).is_ok();
        assert!(allowed("https://mcp.example.com/", "https://as.example.com/token"));
        assert!(allowed("https://10.0.0.1/mcp", "https://10.0.0.1/token"));
        for host in ["10.0.0.1", "127.0.0.1", "169.254.169.254", "[::1]", "localhost", "a.localhost", "localhost."] {
            for server in ["https://mcp.example.com/", "http://127.0.0.1:1/mcp", "http://localhost/mcp"] {
                let is_own = server.contains(&format!("//{host}:")) || server.contains(&format!("//{host}/"));
                assert!(is_own || !allowed(server, &format!("https://{host}/token")), "{server} {host}");
            }
        }
        assert!(
            !allowed("http://127.0.0.1:1/mcp", "http://127.0.0.1:2/token"),
            "in clear, and the proxy's own machine"
        );
    }

    #[tokio::test]
    async fn the_proxy_alone_may_be_anywhere() {
        let proxy = Proxy::parse("http://localhost:3128").unwrap();
        let resolve = |name: &str| {
            let reach = Reach::of(&"https://mcp.example.com/".parse().unwrap()).through(Some(&proxy));
            reach.resolve(name.to_owned())
        };
        assert!(resolve("localhost").await.is_ok());
        assert!(resolve("127.0.0.1").await.is_err());
    }

    #[tokio::test]
    async fn a_name_that_stands_for_a_forbidden_address_is_not_found() {
        let resolve = |server: &str, name: &str| Reach::of(&server.parse().unwrap()).resolve(name.to_owned());
        assert!(resolve("https://mcp.example.com/", "127.0.0.1").await.is_err());
        assert!(resolve("https://mcp.example.com/", "localhost").await.is_err());
        assert!(resolve("https://10.0.0.1/", "10.0.0.2").await.is_ok());
        assert!(resolve("https://10.0.0.1/", "169.254.169.254").await.is_err());
        assert!(resolve("http://localhost/", "127.0.0.1").await.is_ok());
        assert!(resolve("https://8.8.8.8/", "10.0.0.2").await.is_err());
    }
}

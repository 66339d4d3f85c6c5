//! The proxy of a server over HTTP.

use std::fmt;

use url::Url;

const ESCAPED: &str = "; in a user or a password write % @ : / ? # as %25 %40 %3A %2F %3F %23";

/// An HTTP proxy, through which everything for one server goes, or nothing. Its user and password are secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy(Url);

impl Proxy {
    /// Parses the URL of a proxy. No error contains it.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("{error}; write http://HOST:PORT{ESCAPED}"))?;
        match url.scheme() {
            "http" | "https" => {}
            scheme if scheme.starts_with("socks") => {
                return Err("SOCKS proxies are not supported; write the http:// or https:// address of an HTTP proxy"
                    .to_owned());
            }
            _ => return Err("must begin with http:// or https://".to_owned()),
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(format!("must not have a path or a query{ESCAPED}"));
        }
        // What the client library could not read it would pass over, and connect directly.
        let uri = url.as_str().parse::<http::Uri>().ok();
        if uri.and_then(|uri| uri.host().map(str::to_owned)).as_deref() != url.host_str() {
            return Err(
                "contains a character that is invalid in a URL; in a user or a password write it as %XX".to_owned()
            );
        }
        Ok(Self(url))
    }

    /// Where it is: nothing of it that is secret.
    #[must_use]
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }

    /// The whole URL, with credentials, for connecting.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// Whether a user or a password is shown to it.
    fn has_user(&self) -> bool {
        !self.0.username().is_empty() || self.0.password().is_some()
    }

    /// What to know of a request that did not get through it. `refuses` who we are: that is what it answered.
    #[must_use]
    pub fn hint(&self, refuses: bool) -> String {
        let origin = self.origin();
        match (refuses, self.has_user()) {
            (true, false) => format!(
                "its proxy {origin} requires credentials (HTTP 407); set them in `proxy`: http://USER:PASSWORD@HOST:PORT"
            ),
            (true, true) => format!("its proxy {origin} rejects the credentials in `proxy` (HTTP 407)"),
            (false, _) => format!("the connection goes through its proxy {origin}"),
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Proxy").field(&self.origin()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_a_host_a_port_and_perhaps_a_user() {
        for (text, origin) in [
            ("http://proxy.example:3128", "http://proxy.example:3128"),
            ("https://gate:s3cret@proxy.example/", "https://proxy.example"),
            ("http://s3cret@[::1]:1", "http://[::1]:1"),
            ("http://a:s3c%40%2Fr!$&'()*+,;=et@10.0.0.1:8080", "http://10.0.0.1:8080"),
        ] {
            let proxy = Proxy::parse(text).unwrap();
            assert_eq!((proxy.origin().as_str(), format!("{proxy:?}").contains("s3c")), (origin, false), "{text}");
        }
    }

    #[test]
    fn an_invalid_proxy_is_an_error_that_does_not_quote_it() {
        for (text, said) in [
            ("", "write http://"),
            ("http://", "write http://"),
            ("s3cret:3128", "must begin"),
            ("u:s3cret@proxy.example:1", "must begin"),
            ("socks5://u:s3cret@x:1", "SOCKS"),
            ("socks5h://s3cret", "SOCKS"),
            ("http://u:s3c/ret@proxy.example:1", "%2F"),
            ("http://proxy.example:1/s3cret", "must not have a path or a query"),
            ("http://proxy.example:1?s3cret", "must not have a path or a query"),
            ("http://proxy.example:1#s3cret", "must not have a path or a query"),
            ("http://proxy.example:99999", "write http://"),
        ] {
            let message = Proxy::parse(text).unwrap_err();
            assert!(message.contains(said) && !message.contains("s3c"), "{text}: {message}");
        }
    }
}

//! Who sends a request.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use exuvia_access::{Access, Identity, NotAuthenticated};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use ipnet::IpNet;

use super::HttpConfig;
use super::host::Scheme;
use super::request_rate::RequestRate;
use super::tracked_body::{TrackedBody, later, line, with_body};
use crate::client::Peer;

/// The header in which proxies pass on whom they speak for.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// Finds out who sends requests.
pub(super) struct Authenticator {
    access: Arc<Access>,
    /// Whose word on addresses counts.
    trusted_proxies: Vec<IpNet>,
    /// Whether nothing but a trusted proxy encrypts what other machines send.
    is_plain: bool,
    rate: RequestRate,
}

impl Authenticator {
    pub(super) fn new(access: Arc<Access>, config: &HttpConfig, scheme: Scheme) -> Self {
        Self {
            access,
            trusted_proxies: config.trusted_proxies.clone(),
            is_plain: scheme == Scheme::Http,
            rate: RequestRate::new(config.requests_per_minute),
        }
    }

    /// Puts the identity of whoever sends the request into its extensions. The token goes no further than this.
    ///
    /// # Errors
    ///
    /// There is none: with the answer to that.
    pub(super) async fn identify(&self, head: &mut Parts) -> Result<Arc<Identity>, Response<TrackedBody>> {
        let found = self.found(head).await;
        head.headers.remove(header::AUTHORIZATION);
        let identity = found?;
        head.extensions.insert(Arc::clone(&identity));
        Ok(identity)
    }

    async fn found(&self, head: &Parts) -> Result<Arc<Identity>, Response<TrackedBody>> {
        if self.access.is_open() {
            return Ok(Identity::operator());
        }
        let (peer, address) = (peer(head), self.address(head));
        if self.is_plain && !peer.is_loopback() && !self.is_trusted(peer) {
            return Err(line(StatusCode::FORBIDDEN, "this server accepts requests of its proxy only\n"));
        }
        if let Err(retry_after) = self.rate.take(address) {
            return Err(too_many("too many requests from this address, retry\n".into(), retry_after));
        }
        self.access.authenticate(token(&head.headers), address).await.map_err(|why| refusal(&why))
    }

    /// Whether whoever sends the request may read metrics and the state of servers.
    ///
    /// # Errors
    ///
    /// No: with the answer to that.
    pub(super) async fn reads_metrics(&self, head: &mut Parts) -> Result<(), Response<TrackedBody>> {
        let identity = self.identify(head).await?;
        if self.access.reads_metrics(&identity) { Ok(()) } else { Err(forbidden()) }
    }

    fn is_trusted(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|net| net.contains(&address))
    }

    /// The address that a request comes from: that of the connection, or what a trusted proxy says.
    fn address(&self, head: &Parts) -> IpAddr {
        let said = head.headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
        let chain: Vec<&str> = said.flat_map(|value| value.split(',')).map(str::trim).collect();
        let mut address = peer(head);
        for hop in chain.into_iter().rev() {
            let (true, Ok(before)) = (self.is_trusted(address), hop.parse::<IpAddr>()) else { break };
            address = before.to_canonical();
        }
        address
    }
}

/// The address at the other end of the connection.
fn peer(head: &Parts) -> IpAddr {
    let unknown = IpAddr::from([0, 0, 0, 0]);
    head.extensions.get::<Peer>().map_or(unknown, |peer| peer.address.ip().to_canonical())
}

/// The token of a request, if it brings exactly one.
fn token(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    Some(token.trim()).filter(|token| scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
}

/// The answer to somebody who is not let in.
fn refusal(why: &NotAuthenticated) -> Response<TrackedBody> {
    let status = match why {
        NotAuthenticated::InsufficientScope(_) => StatusCode::FORBIDDEN,
        NotAuthenticated::TooManyFailures { retry_after } => return too_many(format!("{why}\n").into(), *retry_after),
        NotAuthenticated::Unavailable => return later("keys cannot be checked at the moment, retry\n"),
        _ => StatusCode::UNAUTHORIZED,
    };
    let mut response = with_body(status, "text/plain; charset=utf-8", format!("{why}\n").into());
    let headers = response.headers_mut();
    match why {
        NotAuthenticated::Missing => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        _ => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"invalid_token\""));
        }
    }
    response
}

/// The answer to an address that asks too often.
fn too_many(why: Bytes, retry_after: Duration) -> Response<TrackedBody> {
    let mut response = with_body(StatusCode::TOO_MANY_REQUESTS, "text/plain; charset=utf-8", why);
    let seconds = retry_after.as_millis().div_ceil(1_000).max(1);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(u64::try_from(seconds).unwrap_or(u64::MAX)));
    response
}

/// The answer to somebody whose role does not let them read what they ask for.
fn forbidden() -> Response<TrackedBody> {
    line(StatusCode::FORBIDDEN, "the role of this key may not read this; set `metrics = true` in the role\n")
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use http::Request;

    use super::*;

    fn head(headers: &[(&str, &str)]) -> Parts {
        let request = headers.iter().fold(Request::builder(), |request, (name, value)| request.header(*name, *value));
        let mut head = request.body(()).unwrap().into_parts().0;
        head.extensions.insert(Peer::new(SocketAddr::from(([127, 0, 0, 1], 9))));
        head
    }

    #[test]
    fn one_bearer_token_counts_and_nothing_else() {
        for (headers, expected) in [
            (&[("authorization", "Bearer abc")][..], Some("abc")),
            (&[("authorization", "bearer  abc ")], Some("abc")),
            (&[("authorization", "Basic abc")], None),
            (&[("authorization", "Bearer ")], None),
            (&[("authorization", "abc")], None),
            (&[], None),
            (&[("authorization", "Bearer a"), ("authorization", "Bearer b")], None),
        ] {
            assert_eq!(token(&head(headers).headers), expected, "{headers:?}");
        }
    }

    #[test]
    fn addresses_are_believed_as_far_as_trusted_proxies_vouch_for_them() {
        let address = |trusted: &[&str], said: &str| {
            let trusted_proxies = trusted.iter().map(|net| net.parse().unwrap()).collect();
            let config = HttpConfig { trusted_proxies, ..HttpConfig::default() };
            let authenticator = Authenticator::new(Access::open(), &config, Scheme::Http);
            authenticator.address(&head(&[("x-forwarded-for", said)])).to_string()
        };
        assert_eq!(address(&[], "1.2.3.4"), "127.0.0.1", "nobody is trusted");
        assert_eq!(address(&["127.0.0.1/32"], "1.2.3.4"), "1.2.3.4");
        assert_eq!(address(&["127.0.0.1/32"], "6.6.6.6, 1.2.3.4"), "1.2.3.4", "a client says what it likes");
        assert_eq!(address(&["127.0.0.1/32", "10.0.0.0/8"], "6.6.6.6, 1.2.3.4, 10.1.1.1"), "1.2.3.4");
        assert_eq!(address(&["127.0.0.1/32"], "what"), "127.0.0.1");
    }
}

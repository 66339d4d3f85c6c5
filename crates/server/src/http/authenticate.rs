//! Who sends a request.

use std::net::IpAddr;
use std::sync::Arc;

use exuvia_access::{Access, Identity, NotAuthenticated};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use ipnet::IpNet;

use super::tracked_body::{TrackedBody, later, line, with_body};
use crate::client::Peer;

/// The header in which proxies pass on whom they speak for.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// Finds out who sends requests.
pub(super) struct Authenticator {
    access: Arc<Access>,
    /// Whose word on addresses counts.
    trusted_proxies: Vec<IpNet>,
}

impl Authenticator {
    pub(super) fn new(access: Arc<Access>, trusted_proxies: Vec<IpNet>) -> Self {
        Self { access, trusted_proxies }
    }

    pub(super) fn access(&self) -> &Access {
        &self.access
    }

    /// Puts the identity of whoever sends the request into its extensions. The token goes no further than this.
    ///
    /// # Errors
    ///
    /// There is none: with the answer to that.
    pub(super) async fn identify(&self, head: &mut Parts) -> Result<Arc<Identity>, Response<TrackedBody>> {
        let found = self.access.authenticate(token(&head.headers), self.address(head)).await;
        head.headers.remove(header::AUTHORIZATION);
        match found {
            Ok(identity) => {
                head.extensions.insert(Arc::clone(&identity));
                Ok(identity)
            }
            Err(why) => Err(refusal(&why)),
        }
    }

    /// The address that a request comes from: that of the connection, or what a trusted proxy says.
    fn address(&self, head: &Parts) -> IpAddr {
        let unknown = IpAddr::from([0, 0, 0, 0]);
        let peer = head.extensions.get::<Peer>().map_or(unknown, |peer| peer.address.ip().to_canonical());
        let is_trusted = |address: IpAddr| self.trusted_proxies.iter().any(|net| net.contains(&address));
        let said = head.headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
        let chain: Vec<&str> = said.flat_map(|value| value.split(',')).map(str::trim).collect();
        let mut address = peer;
        for hop in chain.into_iter().rev() {
            let (true, Ok(before)) = (is_trusted(address), hop.parse::<IpAddr>()) else { break };
            address = before.to_canonical();
        }
        address
    }
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
        NotAuthenticated::TooManyFailures { .. } => StatusCode::TOO_MANY_REQUESTS,
        NotAuthenticated::Unavailable => return later("keys cannot be checked at the moment, retry\n"),
        _ => StatusCode::UNAUTHORIZED,
    };
    let mut response = with_body(status, "text/plain; charset=utf-8", format!("{why}\n").into());
    let headers = response.headers_mut();
    match why {
        NotAuthenticated::TooManyFailures { retry_after } => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(retry_after.as_secs().max(1)));
        }
        NotAuthenticated::Missing => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        _ => {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"invalid_token\""));
        }
    }
    response
}

/// The answer to somebody whose role does not let them read what they ask for.
pub(super) fn forbidden() -> Response<TrackedBody> {
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
            let trusted = trusted.iter().map(|net| net.parse().unwrap()).collect();
            Authenticator::new(Access::open(), trusted).address(&head(&[("x-forwarded-for", said)])).to_string()
        };
        assert_eq!(address(&[], "1.2.3.4"), "127.0.0.1", "nobody is trusted");
        assert_eq!(address(&["127.0.0.1/32"], "1.2.3.4"), "1.2.3.4");
        assert_eq!(address(&["127.0.0.1/32"], "6.6.6.6, 1.2.3.4"), "1.2.3.4", "a client says what it likes");
        assert_eq!(address(&["127.0.0.1/32", "10.0.0.0/8"], "6.6.6.6, 1.2.3.4, 10.1.1.1"), "1.2.3.4");
        assert_eq!(address(&["127.0.0.1/32"], "what"), "127.0.0.1");
    }
}

//! Who asks, and by what proof.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use exuvia_tool::{Principal, RunId};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, header};

use crate::admin::Admin;
use crate::answer::ApiError;
use crate::sessions::{Scope, Session};

/// What repeats a session's value, which only pages of this listener's origin can read: a cookie goes to every port of the machine.
pub(crate) const CSRF: &str = "x-exuvia-csrf";
/// The longest credential that is looked at, in bytes.
const LONGEST: usize = 512;

/// Who is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Whoever reaches the listener: logging in.
    Anybody,
    /// Sessions of a link as well, for what belongs to their run.
    Approvers,
    /// The socket, the token, and sessions of the console.
    Operators,
    /// The socket and the token: no browser.
    Programs,
}

/// Where a connection came in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Channel {
    /// The Unix socket: the kernel says that the other end is this user, or root.
    Socket,
    /// The loopback address.
    Loopback(SocketAddr),
}

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) channel: Channel,
    pub(crate) proof: Proof,
}

/// By what it is known who asks.
#[derive(Debug, Clone)]
pub(crate) enum Proof {
    /// Nobody is known.
    Nothing,
    /// The kernel.
    Socket,
    /// The token.
    Token,
    /// A session of the console, with its cookie.
    Session(String, Session),
}

impl Caller {
    /// Who acts: whoever is let in is the operator.
    pub(crate) fn principal(&self) -> Principal {
        Principal::Operator
    }

    /// By which way an answer came: `cli`, `api` or `page`.
    pub(crate) fn way(&self) -> &'static str {
        match self.proof {
            Proof::Socket => "cli",
            Proof::Token | Proof::Nothing => "api",
            Proof::Session(..) => "page",
        }
    }

    /// The run that it is confined to. None: it is not.
    pub(crate) fn only_run(&self) -> Option<&RunId> {
        match &self.proof {
            Proof::Session(_, Session { scope: Scope::Run(run), .. }) => Some(run),
            _ => None,
        }
    }

    /// The address that failed logins are counted for.
    pub(crate) fn address(&self) -> IpAddr {
        match self.channel {
            Channel::Loopback(address) => address.ip(),
            Channel::Socket => IpAddr::from([127, 0, 0, 1]),
        }
    }
}

/// Who sends this request, if it may.
pub(crate) fn identify(
    admin: &Arc<Admin>,
    head: &Parts,
    channel: Channel,
    audience: Audience,
) -> Result<Caller, ApiError> {
    if let Channel::Socket = channel {
        return Ok(Caller { channel, proof: Proof::Socket });
    }
    let caller = Caller { channel, proof: proof(admin, head, channel)? };
    match (&caller.proof, audience) {
        (_, Audience::Anybody) | (Proof::Token | Proof::Socket, _) => Ok(caller),
        (Proof::Nothing, _) => Err(unauthorized("log in: `exuvia console` opens a page that is logged in")),
        (Proof::Session(..), Audience::Programs) => Err(forbidden("not for the console: use the token or the socket")),
        (Proof::Session(_, session), Audience::Approvers | Audience::Operators) => {
            if session.scope != Scope::All && audience != Audience::Approvers {
                return Err(forbidden("this link leads to the approvals of one run alone"));
            }
            Ok(caller)
        }
    }
}

fn proof(admin: &Admin, head: &Parts, channel: Channel) -> Result<Proof, ApiError> {
    if let Some(value) = single(&head.headers, header::AUTHORIZATION)? {
        let token = value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        return match token {
            Some((_, token)) if admin.token().is(token.trim()) => Ok(Proof::Token),
            _ => Err(failed(admin, channel)),
        };
    }
    let Some(cookie) = cookie(&head.headers, &admin.cookie_name()) else { return Ok(Proof::Nothing) };
    let Some(session) = admin.sessions().get(cookie) else { return Ok(Proof::Nothing) };
    let repeats = session.has_csrf(single(&head.headers, CSRF)?.unwrap_or_default());
    match repeats {
        true => Ok(Proof::Session(cookie.to_owned(), session)),
        // The cookie alone shows nothing: whoever serves another port of this machine may have it.
        false if is_safe(&head.method) => Ok(Proof::Nothing),
        false => Err(forbidden("the header X-Exuvia-CSRF must repeat the value that the login gave")),
    }
}

/// A wrong credential, which is counted.
pub(crate) fn failed(admin: &Admin, channel: Channel) -> ApiError {
    let caller = Caller { channel, proof: Proof::Nothing };
    match admin.failed_logins().failed(caller.address()) {
        Ok(()) => unauthorized("wrong credential"),
        Err(wait) => {
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too-many-failures", "too many failed logins").after(wait)
        }
    }
}

fn unauthorized(message: &str) -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
}

fn forbidden(message: &str) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "forbidden", message)
}

/// Whether a method changes nothing.
pub(crate) fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// A header that is there once.
fn single(headers: &HeaderMap, name: impl header::AsHeaderName) -> Result<Option<&str>, ApiError> {
    let mut all = headers.get_all(name).iter();
    match (all.next(), all.next()) {
        (None, _) => Ok(None),
        (Some(value), None) if value.len() <= LONGEST => {
            value.to_str().map(Some).map_err(|_| ApiError::bad_request("a header is no text"))
        }
        _ => Err(ApiError::bad_request("a credential is too long, or there more than once")),
    }
}

/// The value of the session's cookie.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = pairs.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(other, value)| *other == name && value.len() <= LONGEST).map(|(_, value)| value)
}

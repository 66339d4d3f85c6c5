//! On whose behalf a call is made, and for what.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{CredentialId, Deadline, RunId};

/// How a key's name begins where a principal is written as text.
const KEY: &str = "key:";
/// How the name of an identity provider's user begins there.
const USER: &str = "user:";
/// How the operator is written.
const OPERATOR: &str = "operator";

/// Who acts. Written as text it is `operator`, `key:` and a key's name, or `user:` and the name of an identity provider, `/` and that of
/// its user.
///
/// ```
/// use exuvia_tool::Principal;
///
/// assert_eq!(Principal::Operator.to_string(), "operator");
/// assert_eq!("key:ci".parse(), Ok(Principal::Key("ci".into())));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Principal {
    /// Whoever runs the gateway, and every client where there are no keys.
    Operator,
    /// The holder of the key of this name.
    Key(Arc<str>),
    /// A user of an identity provider: `PROVIDER/SUBJECT`, where the subject is percent-encoded.
    User(Arc<str>),
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator => f.write_str(OPERATOR),
            Self::Key(name) => write!(f, "{KEY}{name}"),
            Self::User(name) => write!(f, "{USER}{name}"),
        }
    }
}

/// A text that names no principal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownPrincipal;

impl fmt::Display for UnknownPrincipal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a principal is `{OPERATOR}`, `{KEY}NAME` or `{USER}PROVIDER/SUBJECT`")
    }
}

impl std::error::Error for UnknownPrincipal {}

impl FromStr for Principal {
    type Err = UnknownPrincipal;

    fn from_str(text: &str) -> Result<Self, UnknownPrincipal> {
        match (text.strip_prefix(KEY), text.strip_prefix(USER)) {
            (Some(name), _) if !name.is_empty() => Ok(Self::Key(name.into())),
            (_, Some(name))
                if name
                    .split_once('/')
                    .is_some_and(|(provider, subject)| !provider.is_empty() && !subject.is_empty()) =>
            {
                Ok(Self::User(name.into()))
            }
            _ if text == OPERATOR => Ok(Self::Operator),
            _ => Err(UnknownPrincipal),
        }
    }
}

impl Serialize for Principal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Principal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Names one call that a client makes itself: a ULID, unique over restarts and processes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DirectCallId(String);

impl DirectCallId {
    /// The call of this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DirectCallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a call is made for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Origin {
    /// A script: its run.
    Run(RunId),
    /// A client that makes the call itself.
    Direct(DirectCallId),
}

impl Origin {
    /// The run, if it is one.
    #[must_use]
    pub fn run(&self) -> Option<&RunId> {
        match self {
            Self::Run(run) => Some(run),
            Self::Direct(_) => None,
        }
    }

    /// The client's own call, if it is one.
    #[must_use]
    pub fn direct(&self) -> Option<&DirectCallId> {
        match self {
            Self::Direct(call) => Some(call),
            Self::Run(_) => None,
        }
    }
}

/// A place in a trace, as the W3C's `traceparent` and `tracestate` name it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TraceContext {
    /// The trace.
    pub trace_id: [u8; 16],
    /// The span in it that is above what goes on here.
    pub span_id: [u8; 8],
    /// Whether it is sampled, and the other flags of `traceparent`.
    pub flags: u8,
    /// What tracing systems tell each other; none where that is nothing.
    pub state: Option<Arc<str>>,
}

/// The context of a call, from the client's request to the provider that answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallContext {
    /// Who acts.
    pub principal: Principal,
    /// What the call is made for.
    pub origin: Origin,
    /// The client, as the gateway identifies clients; none if the gateway itself asks. On a connection that several clients
    /// have used, a server's questions are forwarded to none.
    pub client: Option<Arc<str>>,
    /// Under which name the caller's own credentials are found. None: the caller has none, and uses those of the servers.
    pub credential: Option<CredentialId>,
    /// The call's deadline, for everything that waits on its behalf. None: the provider has its own limit.
    pub deadline: Option<Deadline>,
    /// The most bytes that its value may have, as JSON text.
    pub result_bytes: u64,
    /// The call's place in a trace. None: tracing is off.
    pub trace: Option<TraceContext>,
}

impl CallContext {
    /// A call by `principal` for `origin`, of no client, without bounds.
    #[must_use]
    pub fn new(principal: Principal, origin: Origin) -> Self {
        Self { principal, origin, client: None, credential: None, deadline: None, result_bytes: u64::MAX, trace: None }
    }

    /// The same, of this client.
    #[must_use]
    pub fn of_client(self, client: Arc<str>) -> Self {
        Self { client: Some(client), ..self }
    }

    /// The same, with the credentials of this name where the configuration has some for the server.
    #[must_use]
    pub fn with_credential(self, credential: Option<CredentialId>) -> Self {
        Self { credential, ..self }
    }

    /// The same, for a value of no more than so many bytes.
    #[must_use]
    pub fn bounded(self, result_bytes: u64) -> Self {
        Self { result_bytes, ..self }
    }

    /// The same, below this place in a trace.
    #[must_use]
    pub fn below(self, trace: Option<TraceContext>) -> Self {
        Self { trace, ..self }
    }

    /// The same, with this deadline.
    #[must_use]
    pub fn until(self, deadline: Deadline) -> Self {
        Self { deadline: Some(deadline), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_principal_is_one_text_and_back() {
        let user = || Principal::User("okta/ada%40x".into());
        let key = || Principal::Key("ci:2".into());
        for (principal, text) in [(Principal::Operator, "operator"), (key(), "key:ci:2"), (user(), "user:okta/ada%40x")]
        {
            assert_eq!(principal.to_string(), text);
            assert_eq!(text.parse(), Ok(principal.clone()));
            let written = serde_json::to_string(&principal).expect("JSON");
            assert_eq!(written, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<Principal>(&written).expect("the same"), principal);
        }
        for text in ["", "key:", "user:", "user:okta", "user:/ada", "user:okta/", "Operator", "operator ", "ci"] {
            assert_eq!(text.parse::<Principal>(), Err(UnknownPrincipal), "{text}");
        }
    }
}

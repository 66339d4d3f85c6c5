//! Why somebody is not let in, or no longer.

use std::fmt;
use std::time::Duration;

use crate::jwt::{InvalidToken, TokenError};
use crate::keys::NoStanding;

/// Why a request has no identity. `Display` is for the client: it does not say whether there is such a key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotAuthenticated {
    /// The request brings no token.
    Missing,
    /// The token is none that is known, or no longer valid.
    Invalid,
    /// The token of an identity provider is not accepted. It is the client's own, which may know why.
    Token(TokenError),
    /// Too many wrong tokens came from the address.
    TooManyFailures {
        /// When the next one is looked at.
        retry_after: Duration,
    },
    /// It cannot be checked now.
    Unavailable,
}

impl fmt::Display for NotAuthenticated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("authentication required: send `Authorization: Bearer KEY`"),
            Self::Invalid => f.write_str("the key or token is not valid; ask the operator for a new one"),
            Self::Token(why) => why.fmt(f),
            Self::TooManyFailures { retry_after } => {
                write!(f, "too many failed logins from this address: retry in {} s", retry_after.as_secs().max(1))
            }
            Self::Unavailable => f.write_str("keys cannot be checked at the moment, retry"),
        }
    }
}

impl std::error::Error for NotAuthenticated {}

impl NotAuthenticated {
    /// Whether somebody shows what was never theirs. What has expired, or was signed by a key that its provider has replaced, is shown
    /// by those who do not know that yet: each is answered so, however many come from one address.
    #[must_use]
    pub(crate) fn is_failed_login(&self) -> bool {
        match self {
            Self::Invalid => true,
            Self::Token(TokenError::Invalid(what)) => !matches!(what, InvalidToken::Key | InvalidToken::NotYetValid),
            _ => false,
        }
    }
}

impl From<TokenError> for NotAuthenticated {
    fn from(why: TokenError) -> Self {
        match why {
            TokenError::Unavailable => Self::Unavailable,
            why => Self::Token(why),
        }
    }
}

/// Why somebody who was let in may no longer act. `Display` is for the script and the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoLonger {
    /// The key was revoked, or its secret replaced.
    Revoked,
    /// The key or the token has expired.
    Expired,
    /// The role is not configured any more.
    NoRole,
    /// It cannot be checked now.
    Unavailable,
}

impl NoLonger {
    /// The same as a word, for records and metrics.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Revoked => "key-revoked",
            Self::Expired => "key-expired",
            Self::NoRole => "role-missing",
            Self::Unavailable => "key-unchecked",
        }
    }
}

impl fmt::Display for NoLonger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Revoked => "the key was revoked",
            Self::Expired => "the key has expired",
            Self::NoRole => "the role of the key is no longer configured",
            Self::Unavailable => "the key cannot be checked at the moment",
        })
    }
}

impl std::error::Error for NoLonger {}

impl From<TokenError> for NoLonger {
    fn from(why: TokenError) -> Self {
        match why {
            TokenError::Expired => Self::Expired,
            TokenError::NoRole => Self::NoRole,
            TokenError::Unavailable => Self::Unavailable,
            // Its key or its provider is gone, or more is asked of it than before.
            TokenError::Invalid(_) | TokenError::InsufficientScope(_) => Self::Revoked,
        }
    }
}

impl From<NoStanding> for NoLonger {
    fn from(why: NoStanding) -> Self {
        match why {
            NoStanding::Expired => Self::Expired,
            NoStanding::Unavailable => Self::Unavailable,
            NoStanding::Unknown | NoStanding::Revoked | NoStanding::Replaced => Self::Revoked,
        }
    }
}

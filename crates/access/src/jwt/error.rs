//! Why a token is rejected.

use std::fmt;
use std::sync::Arc;

/// Why a token gives no access. No text of it repeats anything of the token.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenError {
    /// It is no access token for this gateway: HTTP 401, `invalid_token`.
    Invalid(InvalidToken),
    /// It was one: HTTP 401, `invalid_token`.
    Expired,
    /// It has not all of these scopes: HTTP 403, `insufficient_scope`.
    InsufficientScope(Arc<[String]>),
    /// Its claims give no role: HTTP 403. Another token of the same user does not help.
    NoRole,
    /// The keys of its provider are not known at the moment: HTTP 503.
    Unavailable,
}

/// What is wrong with a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidToken {
    /// It is longer than tokens may be.
    TooLong,
    /// It is no signed JWT, or its header has a parameter that must be understood and is not.
    Malformed,
    /// It is a JWT of another kind, such as an ID token.
    Type,
    /// It is signed by an algorithm that the provider's tokens may not have.
    Algorithm,
    /// It names no provider that is configured.
    Issuer,
    /// Its provider has no such key, or several that it could mean.
    Key,
    /// The signature is not that of the key.
    Signature,
    /// A claim that it must have is missing, there twice, or of another type.
    Claims,
    /// It is meant for another service.
    Audience,
    /// It is not valid yet.
    NotYetValid,
    /// It is bound to a key of its client (`cnf`), of which the gateway asks no proof.
    SenderConstrained,
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invalid(what) => return what.fmt(f),
            Self::Expired => "the token has expired",
            Self::InsufficientScope(_) => "the token lacks a required scope",
            Self::NoRole => "no role is configured for this user",
            Self::Unavailable => "the identity provider's keys are not available",
        })
    }
}

impl fmt::Display for InvalidToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the token is too long",
            Self::Malformed => "the token is not a signed JWT that can be understood",
            Self::Type => "the token is not an access token",
            Self::Algorithm => "the token is signed by an algorithm that is not allowed",
            Self::Issuer => "the token is from an unknown issuer",
            Self::Key => "the token is signed by an unknown key",
            Self::Signature => "the signature of the token is wrong",
            Self::Claims => "a required claim of the token is missing or malformed",
            Self::Audience => "the token is for another audience",
            Self::NotYetValid => "the token is not valid yet",
            Self::SenderConstrained => "the token is bound to a key of its client, which is not supported",
        })
    }
}

impl std::error::Error for TokenError {}

impl From<InvalidToken> for TokenError {
    fn from(what: InvalidToken) -> Self {
        Self::Invalid(what)
    }
}

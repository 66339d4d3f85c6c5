//! Errors of OAuth.

use std::fmt;

use crate::authorization::Unauthorized;
use crate::scopes;

/// Why there is no token. Texts are for the operator, hold no secret and no control character, and are bounded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OAuthError {
    /// Only the user's consent helps.
    Login(String),
    /// There was consent, and the authorization server does not know of it any more.
    Revoked,
    /// Consent to these scopes is missing.
    Scopes(Vec<String>),
    /// Something has to be mended: the configuration, a file, the server.
    Mend(String),
    /// Temporary: may succeed later.
    Passing(String),
}

impl OAuthError {
    /// The problem as the operator reads it while the gateway works. `login` is what `exuvia login` is to be given.
    pub(crate) fn unauthorized(&self, server: &str, login: &str) -> Unauthorized {
        let message = match self {
            Self::Login(_) | Self::Revoked => format!("server {server}: {self}; run `exuvia login {login}`"),
            Self::Scopes(wanted) => match scopes::quoted(wanted) {
                Some(quoted) => {
                    format!(
                        "server {server}: it requires the scopes {quoted}; run `exuvia login {login} --scope {quoted}`"
                    )
                }
                None => format!("server {server}: it requires further scopes; run `exuvia login {login}`"),
            },
            Self::Mend(what) | Self::Passing(what) => format!("server {server}: {what}"),
        };
        Unauthorized { message }
    }
}

impl fmt::Display for OAuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Login(text) | Self::Mend(text) | Self::Passing(text) => f.write_str(text),
            Self::Revoked => f.write_str("the authorization was revoked or has expired"),
            Self::Scopes(_) => f.write_str("further scopes are required"),
        }
    }
}

/// Foreign text made fit to be shown: one line, no characters that are not seen, at most 300 characters.
pub(crate) fn shown(text: &str) -> String {
    exuvia_text::one_line(text, 300)
}

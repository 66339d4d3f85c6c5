//! Access tokens of identity providers: the gateway as an OAuth 2.1 resource server.
//!
//! [`IdentityProviders`] holds what is configured, one for a process until a reload. A token is a JWT (RFC 9068): its signature
//! is verified by a key of the provider that it names, then what it claims is held against the configuration. A [`ValidToken`] says
//! whose it is; [`IdentityProviders::role_of`] says whether that still holds, without its text.
//!
//! - A **key set** (`key_set`) belongs to one provider. It is fetched in the background, and again when a token names a key
//!   that is not in it, at most once in [some seconds](KeySetTiming) whatever tokens say.
//! - A **verified token** (`verified_tokens`) is remembered by its hash, for as long as it and its key are valid.
//!
//! The form of tokens and keys is that of the library `jsonwebtoken`, the arithmetic is ring's (`ring_provider`). The claims
//! are checked here (`checks`).

mod checks;
mod claims;
mod discovery;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod header;
mod identity_providers;
mod jwks;
mod key_set;
mod provider;
mod ring_provider;
mod subject;
mod token;
mod verified_tokens;

pub use error::{InvalidToken, TokenError};
pub use identity_providers::{IdentityProviders, looks_like_jwt};
pub use key_set::KeySetTiming;
pub use token::ValidToken;

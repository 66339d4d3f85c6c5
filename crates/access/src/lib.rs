//! Who acts, and what they may do and spend: virtual keys, roles, identity providers, budgets.

mod keys;
mod logins;
mod secret;

pub use keys::{IssuedKeys, KeyError, KeyErrorKind, KeyIssuer, KeyStanding, NewKey, NoStanding, Rotation};
pub use logins::FailedLogins;
pub use secret::{SECRET_PREFIX, Secret, is_secret, secret_hash};

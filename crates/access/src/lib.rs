//! Who acts: virtual keys and their roles.
//!
//! [`Access`] turns what a request brings (a bearer token) into an [`Identity`], which goes with everything that is done for the request. What
//! the identity may do is asked anew for each request and each call ([`Access::role_of`]), so that a revoked key stops at its next call.
//! Where no key is configured, every client is the operator.
//!
//! ```
//! use std::collections::BTreeMap;
//! use std::net::{IpAddr, Ipv4Addr};
//!
//! use exuvia_access::{Access, NotAuthenticated, secret_hash};
//! use exuvia_config::{AccessConfig, KeyConfig, RoleConfig};
//!
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let key = KeyConfig { role: "support".into(), hash: secret_hash("s3cret"), expires_ms: None, labels: BTreeMap::new() };
//! let config = AccessConfig {
//!     roles: [("support".to_owned(), RoleConfig::default())].into(),
//!     keys: [("ci".to_owned(), key)].into(),
//!     ..AccessConfig::default()
//! };
//! let access = Access::new(config, || 1_764_385_200_000);
//! let from = IpAddr::V4(Ipv4Addr::LOCALHOST);
//! let identity = access.authenticate(Some("s3cret"), from).await.unwrap();
//! assert_eq!(identity.principal().to_string(), "key:ci");
//! assert_eq!(access.role_of(&identity).unwrap().as_deref(), Some("support"));
//! assert_eq!(access.authenticate(None, from).await.unwrap_err(), NotAuthenticated::Missing);
//! assert_eq!(access.authenticate(Some("guess"), from).await.unwrap_err(), NotAuthenticated::Invalid);
//!
//! // The key is taken out of the configuration.
//! access.reconfigure(AccessConfig { roles: [("support".to_owned(), RoleConfig::default())].into(), ..AccessConfig::default() });
//! assert!(access.role_of(&identity).is_err());
//! # });
//! ```

mod access;
mod error;
mod identity;
mod keys;
mod logins;
mod secret;
mod static_keys;

pub use access::{Access, Clock, Roles};
pub use error::{NoLonger, NotAuthenticated};
pub use identity::{Identity, Labels};
pub use keys::{IssuedKeys, KeyError, KeyErrorKind, KeyIssuer, KeyStanding, NewKey, NoStanding, Rotation};
pub use logins::FailedLogins;
pub use secret::{SECRET_PREFIX, Secret, is_secret, secret_hash};

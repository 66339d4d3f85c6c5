//! OAuth 2.1 with servers over HTTP.
//!
//! The protocol itself is rmcp's ([`rmcp::transport::auth`]): discovery, PKCE, the checks of issuer and resource. Here is what
//! stands around it: one guarded HTTP client ([`client`]), tokens in files that belong to one server each ([`file`],
//! [`record`]), renewal that happens once whoever asks ([`source`],
//! [`renewal`]) and loses nothing on its way ([`room`], [`unsaved`]), and the consent of a user ([`login`]).
//!
//! What a server or an authorization server says is untrusted. None of it leads anywhere but where [`reach`] allows, and
//! none of it is quoted but error codes and scopes that have their proper form.

mod answer;
mod callback;
mod challenge;
mod client;
mod discovery;
mod file;
mod grant;
mod lock;
pub mod login;
mod problem;
mod reach;
mod record;
mod renewal;
mod room;
mod scopes;
mod source;
mod unsaved;

pub(crate) use source::TokenSource;
pub use unsaved::renewals_settled;

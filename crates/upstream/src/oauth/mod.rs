//! OAuth 2.1 with servers over HTTP.
//!
//! The protocol itself is rmcp's ([`rmcp::transport::auth`]): discovery, PKCE, the checks of issuer and resource. Here is what
//! stands around it: one guarded HTTP client ([`client`]), tokens in files that belong to one server each ([`file`],
//! [`record`]), renewal that happens once whoever asks ([`source`]), and the consent of a user ([`login`]).
//!
//! What a server or an authorisation server says is untrusted. None of it leads anywhere but where [`reach`] allows, and
//! none of it is quoted but error codes and scopes that have their proper form.

mod answer;
mod callback;
mod challenge;
mod client;
mod discovery;
mod file;
mod grant;
pub mod login;
mod problem;
mod reach;
mod record;
mod scopes;
mod source;

pub(crate) use source::TokenSource;

//! OAuth 2.1 for MCP servers over HTTP: the login of a user, tokens in files, and their renewal.
//!
//! [`login`] obtains a token, for `exuvia login`; a [`TokenSource`] gives the headers of each request to one server, and renews
//! the token behind them when that is due. Requests ask for their headers through [`Authorization`], which other kinds of
//! credentials implement as well.
//!
//! # Nouns
//!
//! - A **token file** holds what one server's login brought: its tokens and what they are bound to. One per server, and one per server
//!   and principal for logins of their own ([`OAuth::of_principal`](exuvia_config::OAuth::of_principal)), shared by all processes that
//!   are configured alike, readable by its owner alone.
//! - A **source** is one per server and program. Whoever needs a renewed token at the same time, here or in another process, shares
//!   one renewal: a refresh token is spent once. What cannot be written is used from memory until it can be, and
//!   [`renewals_settled`] waits for that at the end of the process.
//! - A **login** lives until the user has consented in a browser, 5 minutes at most, and listens on loopback meanwhile.
//!
//! The protocol itself is rmcp's ([`rmcp::transport::auth`]): discovery, PKCE, the checks of issuer and resource. Here is what
//! stands around it: one guarded HTTP client (`client.rs`), tokens in files that belong to one server each (`file.rs`,
//! `record.rs`), renewal that happens once whoever asks (`source.rs`, `renewal.rs`) and loses nothing in between (`reservation.rs`,
//! `unsaved_tokens.rs`), and the consent of a user ([`login`]).
//!
//! What a server or an authorization server says is untrusted. None of it leads anywhere but where `reach.rs` allows, and
//! none of it is quoted but error codes and scopes that have their proper form.
//!
//! ```no_run
//! use exuvia_config::{Http, OAuth};
//! use exuvia_oauth::login::{LoginError, begin};
//! use exuvia_oauth::{Authorization, TokenSource};
//!
//! # async fn example(http: &Http, oauth: &OAuth) -> Result<(), LoginError> {
//! let login = begin(http, oauth, &[]).await?;
//! println!("open {} in a browser", login.url());
//! println!("the token is in {}", login.finish().await?.token_file.display());
//!
//! let source = TokenSource::new("crm", http, oauth);
//! match source.headers().await {
//!     Ok(headers) => println!("each request has {} headers of it", headers.len()),
//!     Err(unauthorized) => println!("{}", unauthorized.message),
//! }
//! # Ok(())
//! # }
//! ```

mod answer;
mod authorization;
mod callback;
mod challenge;
mod client;
mod discovery;
mod error;
mod file;
mod grant;
pub mod http;
mod lock;
pub mod login;
mod reach;
mod record;
mod renewal;
mod reservation;
mod scopes;
mod source;
mod unsaved_tokens;

pub use authorization::{AuthRejection, Authorization, Unauthorized};
pub use source::{TokenSource, login_arguments};
pub use unsaved_tokens::{LostToken, renewals_settled};

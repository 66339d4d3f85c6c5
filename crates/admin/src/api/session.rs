//! Sessions of the console.

use std::time::Duration;

use exuvia_tool::Principal;
use http::{HeaderMap, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::page::Done;
use crate::answer::{ApiError, header_value};
use crate::caller::{Proof, failed};
use crate::operation::{Ask, Nothing};
use crate::sessions::{Scope, Session};

/// Who asks.
#[derive(Serialize, JsonSchema)]
pub(super) struct SessionView {
    /// On whose behalf everything is done.
    #[schemars(with = "String")]
    principal: Principal,
    /// What requests of a session repeat in the header `X-Exuvia-CSRF`. Null: not needed.
    csrf: Option<String>,
    /// The version of the program.
    version: &'static str,
    /// What the session may do.
    scope: ScopeView,
}

/// What a session may do.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum ScopeView {
    /// Everything.
    All,
    /// See and answer the approvals of this run.
    Run(String),
}

/// A login.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Login {
    /// A one-time code, the token of a link, or the token of the API.
    #[schemars(length(max = 512))]
    code: String,
}

/// A one-time code.
#[derive(Serialize, JsonSchema)]
pub(super) struct Code {
    /// It logs in once, within a minute.
    code: String,
    /// The page that logs in with it. Null: there is no address for browsers.
    url: Option<String>,
}

impl SessionView {
    fn of(session: Option<&Session>) -> Self {
        let scope = match session.map(|session| &session.scope) {
            Some(Scope::Run(run)) => ScopeView::Run(run.to_string()),
            Some(Scope::All) | None => ScopeView::All,
        };
        let csrf = session.map(|session| session.csrf.clone());
        Self { principal: Principal::Operator, csrf, version: env!("CARGO_PKG_VERSION"), scope }
    }
}

pub(super) async fn show(ask: Ask) -> Result<SessionView, ApiError> {
    Ok(match &ask.caller.proof {
        Proof::Session(_, session) => SessionView::of(Some(session)),
        Proof::Nothing | Proof::Socket | Proof::Token => SessionView::of(None),
    })
}

pub(super) async fn log_in(ask: Ask<Nothing, Nothing, Login>) -> Result<(SessionView, HeaderMap), ApiError> {
    let (admin, code) = (&ask.admin, &ask.body.code);
    let scope = match admin.token().run_of_link(code) {
        Some(run) => Scope::Run(run),
        None if admin.sessions().take_code(code) || admin.token().is(code) => Scope::All,
        // Who has the code gets in, whatever others have tried.
        None => {
            admin.failed_logins().check(ask.caller.address()).map_err(too_many)?;
            return Err(failed(admin, ask.caller.channel));
        }
    };
    admin.record(&ask.caller, "session.open", "").await?.done();
    let opened = admin.sessions().open(scope);
    let (cookie, session) = opened.map_err(|error| ApiError::unavailable(error.to_string()))?;
    let cookie = format!("{}={cookie}; HttpOnly; SameSite=Strict; Path=/", admin.cookie_name());
    Ok((SessionView::of(Some(&session)), HeaderMap::from_iter([(header::SET_COOKIE, header_value(&cookie)?)])))
}

fn too_many(wait: Duration) -> ApiError {
    ApiError::new(http::StatusCode::TOO_MANY_REQUESTS, "too-many-failures", "too many failed logins").after(wait)
}

pub(super) async fn log_out(ask: Ask) -> Result<(Done, HeaderMap), ApiError> {
    if let Proof::Session(cookie, _) = &ask.caller.proof {
        ask.admin.sessions().close(cookie);
    }
    let cookie = format!("{}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0", ask.admin.cookie_name());
    Ok((Done::DONE, HeaderMap::from_iter([(header::SET_COOKIE, header_value(&cookie)?)])))
}

pub(super) async fn code(ask: Ask) -> Result<Code, ApiError> {
    let made = ask.admin.sessions().code();
    let code = made.map_err(|error| ApiError::unavailable(error.to_string()))?;
    let url = ask.admin.handle().origin().map(|origin| format!("{origin}/#code={code}"));
    Ok(Code { code, url })
}

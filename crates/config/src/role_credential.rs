//! What those who have a role show a server instead of what the gateway shows it.

use std::collections::BTreeMap;
use std::fmt;

use exuvia_tool::Principal;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::{Grant, Http, ServerConfig, Transport};

/// The credential of a role for one server.
///
/// Over HTTP it takes the place of everything that the server's own entry says of credentials: neither its headers nor what its command
/// prints nor its token go along. A process has the environment of the entry, with the variables that are named here.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RoleCredential {
    /// Headers that go with every request.
    pub headers: HeaderMap,
    /// Variables of the server's process.
    pub env: BTreeMap<String, String>,
    /// Each principal shows the token of a login of its own.
    pub oauth: bool,
}

/// A part of a [`RoleCredential`] that a server can do nothing with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusableCredential {
    /// The key; empty for all of it.
    pub key: &'static str,
    /// What is wrong.
    pub message: String,
}

impl RoleCredential {
    /// The server as `principal` reaches it who has this credential.
    #[must_use]
    pub fn applied_to(&self, server: &ServerConfig, principal: &Principal) -> ServerConfig {
        let mut server = ServerConfig { credentials: BTreeMap::new(), ..server.clone() };
        match &mut server.transport {
            Transport::Stdio(stdio) => stdio.env.extend(self.env.clone()),
            Transport::Http(http) => {
                let oauth = http.oauth.take().filter(|_| self.oauth);
                http.oauth = oauth.map(|oauth| oauth.of_principal(principal.clone()));
                http.header_command = None;
                http.headers.clone_from(&self.headers);
                http.headers.values_mut().for_each(|value| value.set_sensitive(true));
            }
        }
        server
    }

    /// What of it this server can do nothing with.
    #[must_use]
    pub fn check(&self, server: &ServerConfig) -> Vec<UnusableCredential> {
        let mut wrong = Vec::new();
        let mut error = |key, message: &str| wrong.push(UnusableCredential { key, message: message.to_owned() });
        if *self == Self::default() {
            error("", "requires `headers`, `env` or `oauth`");
        }
        match &server.transport {
            Transport::Stdio(_) => {
                if !self.headers.is_empty() {
                    error("headers", "the server runs over stdio; set `env`");
                }
                if self.oauth {
                    error("oauth", "the server runs over stdio; set `env`");
                }
            }
            Transport::Http(http) => {
                if !self.env.is_empty() {
                    error("env", "the server is reached over HTTP; set `headers` or `oauth`");
                }
                if self.oauth && !has_login(http) {
                    error("oauth", "the server has no `oauth` with the code grant");
                }
                if self.oauth && self.headers.contains_key(AUTHORIZATION) {
                    error("headers", "Authorization conflicts with `oauth`; remove one");
                }
                if !(self.headers.is_empty() && !self.oauth || http.is_private()) {
                    error("", "headers and tokens would be sent unencrypted; the server's `url` must be https://");
                }
            }
        }
        wrong
    }
}

fn has_login(http: &Http) -> bool {
    http.oauth.as_ref().is_some_and(|oauth| matches!(oauth.grant, Grant::Code(_)))
}

/// Its values are secrets.
impl fmt::Debug for RoleCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoleCredential").field("oauth", &self.oauth).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;
    use crate::{CodeGrant, HeaderCommand, OAuth, Stdio};

    fn http(url: &str) -> Http {
        let mut http = Http::new(url.parse().unwrap());
        http.allow_login("/tokens/crm.json".into());
        http
    }

    fn header(name: &'static str) -> RoleCredential {
        let headers = [(HeaderName::from_static(name), HeaderValue::from_static("s3cret"))].into_iter().collect();
        RoleCredential { headers, ..RoleCredential::default() }
    }

    fn login() -> RoleCredential {
        RoleCredential { oauth: true, ..RoleCredential::default() }
    }

    #[test]
    fn nothing_of_the_servers_own_credentials_goes_along() {
        let mut http = http("https://crm.example/mcp");
        http.add_header(HeaderName::from_static("x-key"), HeaderValue::from_static("operators"));
        http.header_command = Some(HeaderCommand { command: "x".into(), args: Vec::new(), env: BTreeMap::new() });
        let server = ServerConfig::new("crm", Transport::Http(http));
        let ci = Principal::Key("ci".into());
        let Transport::Http(applied) = header("authorization").applied_to(&server, &ci).transport else { panic!() };
        assert_eq!((applied.headers, applied.oauth), (header("authorization").headers, None));
        assert!(applied.header_command.is_none());
        let Transport::Http(applied) = login().applied_to(&server, &ci).transport else { panic!() };
        let oauth = OAuth {
            grant: Grant::Code(CodeGrant::default()),
            scopes: Vec::new(),
            token_file: "/tokens/crm.logins/key%3aci.json".into(),
            principal: Some(ci),
        };
        assert_eq!((applied.headers.len(), applied.oauth), (0, Some(oauth)));
    }

    #[test]
    fn a_process_has_the_variables_of_the_role_in_place_of_its_own() {
        let mut stdio = Stdio::new("crm", [], &|_| None);
        stdio.env = [("TOKEN", "operators"), ("REGION", "eu")].map(|(name, value)| (name.into(), value.into())).into();
        let server = ServerConfig::new("crm", Transport::Stdio(stdio));
        let credential = RoleCredential { env: [("TOKEN".into(), "s3cret".into())].into(), ..Default::default() };
        let Transport::Stdio(applied) = credential.applied_to(&server, &Principal::Operator).transport else {
            panic!()
        };
        let env: Vec<_> = applied.env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(env, [("REGION", "eu"), ("TOKEN", "s3cret")]);
        assert!(!format!("{credential:?}").contains("s3cret"));
    }

    #[test]
    fn a_credential_that_its_server_cannot_take_is_an_error_at_its_key() {
        let keys = |credential: RoleCredential, server: ServerConfig| -> Vec<&str> {
            credential.check(&server).iter().map(|wrong| wrong.key).collect()
        };
        let stdio = || ServerConfig::stdio("crm", "crm", [], &|_| None);
        let over = |url: &str| ServerConfig::new("crm", Transport::Http(http(url)));
        let env = || RoleCredential { env: [("A".into(), "b".into())].into(), ..Default::default() };
        assert_eq!(keys(env(), stdio()), [""; 0]);
        assert_eq!(keys(header("x-key"), stdio()), ["headers"]);
        assert_eq!(keys(login(), stdio()), ["oauth"]);
        assert_eq!(keys(RoleCredential::default(), stdio()), [""]);
        assert_eq!(keys(header("x-key"), over("https://crm.example")), [""; 0]);
        assert_eq!(keys(header("x-key"), over("http://crm.example")), [""]);
        assert_eq!(keys(header("x-key"), over("http://127.0.0.1:1")), [""; 0]);
        assert_eq!(keys(env(), over("https://crm.example")), ["env"]);
        assert_eq!(keys(login(), over("https://crm.example")), [""; 0]);
        let both = RoleCredential { oauth: true, ..header("authorization") };
        assert_eq!(keys(both, over("https://crm.example")), ["headers"]);
        let mut known = Http::new("https://crm.example".parse().unwrap());
        known.add_header(AUTHORIZATION, HeaderValue::from_static("operators"));
        assert_eq!(keys(login(), ServerConfig::new("crm", Transport::Http(known))), ["oauth"]);
    }
}

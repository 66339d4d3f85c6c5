//! Stored logins of servers: the operator's, and those of keys whose role shows one of its own.

use std::time::SystemTime;

use exuvia_config::{Config, Http, OAuth, Transport};
use exuvia_oauth::login::{LoggedIn, LoginError, stored};
use exuvia_tool::{CredentialId, Principal};

use super::commands::Commands;
use super::finding::Finding;

pub(super) async fn logins(config: &Config, commands: &Commands) -> Vec<Finding> {
    let mut findings = Vec::new();
    for server in &config.servers {
        let Transport::Http(http) = &server.config.transport else { continue };
        let Some(oauth) = &http.oauth else { continue };
        let name = &server.config.name;
        // Without it the server does not start, which is reported there.
        if let Some(login) = stored(http, oauth).await.transpose() {
            findings.push(finding(login, commands.login(name, &[])).named(name));
        }
        for (key, role) in config.access.keys.iter().map(|(key, found)| (key, &found.role)) {
            let credential = server.config.credentials.get(&CredentialId::of_role(role.as_str().into()));
            if credential.is_some_and(|credential| credential.oauth) {
                let again = commands.login(name, &["--key", key]);
                findings.push(of_key(http, oauth, key, again).await.named(format!("{name} of key {key}")));
            }
        }
    }
    findings
}

async fn of_key(http: &Http, oauth: &OAuth, key: &str, again: String) -> Finding {
    match stored(http, &oauth.of_principal(Principal::Key(key.into()))).await.transpose() {
        None => Finding::failed("login", "is not logged in", again),
        Some(login) => finding(login, again),
    }
}

fn finding(login: Result<LoggedIn, LoginError>, again: String) -> Finding {
    let login = match login {
        Ok(login) => login,
        Err(error) => return Finding::failed("login", error.to_string(), again),
    };
    match login.expires_at {
        Some(end) if end <= SystemTime::now() && !login.is_renewed => {
            Finding::failed("login", "its token has expired, and cannot be renewed", again)
        }
        Some(end) if !login.is_renewed => {
            let left = end.duration_since(SystemTime::now()).unwrap_or_default().as_secs() / 60;
            Finding::warning("login", format!("its token expires in {left} min, and cannot be renewed"), again)
        }
        _ => Finding::ok("login", "its token is stored, and is renewed when it expires"),
    }
}

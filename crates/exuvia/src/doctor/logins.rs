//! Stored logins of servers.

use std::time::SystemTime;

use exuvia_config::{Config, Transport};
use exuvia_oauth::login::stored;

use super::finding::Finding;

pub(super) async fn logins(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    for server in &config.servers {
        let Transport::Http(http) = &server.config.transport else { continue };
        let Some(oauth) = &http.oauth else { continue };
        let name = &server.config.name;
        let again = format!("exuvia login {name}");
        let finding = match stored(http, oauth).await {
            Ok(None) => continue,
            Err(error) => Finding::failed("login", error.to_string(), again),
            Ok(Some(login)) => match login.expires_at {
                Some(end) if end <= SystemTime::now() && !login.is_renewed => {
                    Finding::failed("login", "its token has expired, and cannot be renewed", again)
                }
                Some(end) if !login.is_renewed => {
                    let left = end.duration_since(SystemTime::now()).unwrap_or_default().as_secs() / 60;
                    Finding::warning("login", format!("its token expires in {left} min, and cannot be renewed"), again)
                }
                _ => Finding::ok("login", "its token is stored, and is renewed when it expires"),
            },
        };
        findings.push(finding.named(name));
    }
    findings
}

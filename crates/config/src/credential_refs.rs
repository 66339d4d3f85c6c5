//! The credentials of roles as they are written, put where they are used once all servers are known.

use std::collections::BTreeMap;

use exuvia_tool::CredentialId;

use crate::{Config, ConfigError, RoleCredential};

/// A credential that a role has for a server.
pub(crate) struct CredentialRef {
    pub(crate) role: String,
    pub(crate) server: String,
    pub(crate) credential: RoleCredential,
    /// Where each of its keys is written, as an error without a message; the empty key is all of it.
    pub(crate) places: BTreeMap<&'static str, ConfigError>,
}

impl CredentialRef {
    fn error(&self, key: &str, message: String) -> Option<ConfigError> {
        let place = self.places.get(key).cloned()?;
        Some(ConfigError { message, ..place })
    }
}

/// Gives each server the credentials that roles have for it. `named` are the names of all servers, right or wrong.
pub(crate) fn resolve(
    credentials: Vec<CredentialRef>,
    named: &[String],
    config: &mut Config,
    errors: &mut Vec<ConfigError>,
) {
    for own in credentials {
        let server = config.servers.iter_mut().find(|server| server.config.name == own.server);
        let Some(server) = server else {
            // What is wrong with a server is reported where it is.
            if !named.contains(&own.server) {
                errors.extend(own.error("", "unknown server".to_owned()));
            }
            continue;
        };
        let wrong = own.credential.check(&server.config);
        errors.extend(wrong.into_iter().filter_map(|wrong| own.error(wrong.key, wrong.message)));
        server.config.credentials.insert(CredentialId::of_role(own.role.into()), own.credential);
    }
}

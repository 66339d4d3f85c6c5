//! `[roles.NAME.credentials.SERVER]`, resolved.

use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue};

use super::access_types::Credential;
use super::document::below;
use super::file_types;
use super::resolve::Resolver;
use crate::RoleCredential;
use crate::credential_refs::CredentialRef;
use crate::servers::check;

impl Resolver<'_> {
    /// The credentials of all roles. Whether their servers are there, and can use them, is known at the end.
    pub(super) fn role_credentials(&mut self, written: &file_types::File) -> Vec<CredentialRef> {
        let mut credentials = Vec::new();
        for (role, written) in &written.roles {
            let pointer = below(&below("/roles", role), "credentials");
            for (server, written) in &written.credentials {
                let pointer = below(&pointer, server);
                let credential = self.role_credential(written, &pointer);
                let place = |key: &'static str| {
                    let pointer = if key.is_empty() { pointer.clone() } else { below(&pointer, key) };
                    (key, self.document.error(&pointer, ""))
                };
                let places = ["", "headers", "env", "oauth"].map(place).into();
                credentials.push(CredentialRef { role: role.clone(), server: server.clone(), credential, places });
            }
        }
        credentials
    }

    fn role_credential(&mut self, written: &Credential, pointer: &str) -> RoleCredential {
        let headers = self.header_values(&written.headers, &below(pointer, "headers")).into_iter().collect();
        let at_env = below(pointer, "env");
        let mut env = BTreeMap::new();
        for (name, value) in &written.env {
            let pointer = below(&at_env, name);
            if let Err(message) = check::variable_name(name) {
                self.error(&pointer, message);
            }
            env.insert(name.clone(), self.text(value, &pointer));
        }
        RoleCredential { headers, env, oauth: written.oauth }
    }

    /// Headers as written, without those that the transport sets.
    pub(super) fn header_values(
        &mut self,
        written: &BTreeMap<String, String>,
        pointer: &str,
    ) -> Vec<(HeaderName, HeaderValue)> {
        let mut headers = Vec::new();
        for (name, value) in written {
            let pointer = below(pointer, name);
            let value = self.text(value, &pointer);
            match check::header(name, &value) {
                Ok(Some(header)) => headers.push(header),
                Ok(None) => self.error(&pointer, "is set by the transport; remove it"),
                Err(message) => self.error(&pointer, message),
            }
        }
        headers
    }
}

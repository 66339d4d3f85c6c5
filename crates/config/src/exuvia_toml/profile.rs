//! `[profiles.NAME]`, resolved.

use super::document::{Document, below};
use super::file_types;
use crate::server_refs::ServerRef;
use crate::{ConfigError, Mode};

/// The longest name: it is a part of an address.
const NAME_BYTES: usize = 64;

/// The profiles of a file. Errors within it are reported where they are.
pub(super) fn of_file(
    written: &file_types::File,
    document: &Document,
    errors: &mut Vec<ConfigError>,
) -> Vec<ServerRef> {
    let mut mentions: Vec<ServerRef> = Vec::new();
    for (name, profile) in &written.profiles {
        let pointer = below("/profiles", name);
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > NAME_BYTES || !name.chars().all(is_plain) {
            let message =
                format!("must be at most {NAME_BYTES} letters, digits, '-', '_' and '.': it is part of a URL");
            errors.push(document.error(&pointer, message));
        }
        let lists = [
            ("servers", None, &profile.servers),
            ("code", Some(Mode::Code), &profile.code),
            ("direct", Some(Mode::Direct), &profile.direct),
        ];
        for (key, mode, servers) in lists {
            for (index, server) in servers.iter().enumerate() {
                let place = format!("{}/{index}", below(&pointer, key));
                if mentions.iter().any(|other| other.profile == *name && other.server == *server) {
                    errors.push(document.error(&place, "is already in this profile"));
                    continue;
                }
                let unknown = document.error(&place, "unknown server");
                let has_bare_names = profile.prefix == Some(false);
                let (profile, server) = (name.clone(), server.clone());
                mentions.push(ServerRef { profile, server, mode, has_bare_names, unknown });
            }
        }
        if lists.iter().all(|(_, _, servers)| servers.is_empty()) {
            errors.push(document.error(&pointer, "lists no servers"));
        }
    }
    mentions
}

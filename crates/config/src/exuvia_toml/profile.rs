//! `[profiles.NAME]`, resolved.

use std::collections::{BTreeMap, BTreeSet};

use super::document::{Document, below};
use super::file_types;
use crate::{Config, ConfigError, Mode, Profile};

/// The longest name: it is a part of an address.
const NAME_BYTES: usize = 64;

/// A server that a profile names.
pub(crate) struct ServerRef {
    profile: String,
    server: String,
    /// None: the server's own.
    mode: Option<Mode>,
    /// Of its profile.
    has_bare_names: bool,
    /// The error for an unknown server: which servers there are is known at the end.
    unknown: ConfigError,
}

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

/// The profiles, over all servers there are, which learn whether clients speak with them.
pub(crate) fn whole(mentions: Vec<ServerRef>, config: &mut Config, errors: &mut Vec<ConfigError>) {
    let mut profiles: BTreeMap<String, Vec<(String, Mode)>> = BTreeMap::new();
    let bare: BTreeSet<String> =
        mentions.iter().filter(|mention| mention.has_bare_names).map(|mention| mention.profile.clone()).collect();
    for mention in mentions {
        match config.servers.iter().find(|server| server.config.name == mention.server) {
            Some(server) => {
                let mode = mention.mode.unwrap_or(server.mode);
                profiles.entry(mention.profile).or_default().push((mention.server, mode));
            }
            None => errors.push(mention.unknown),
        }
    }
    let profile = |(name, servers)| {
        let profile = Profile::new(servers);
        let profile = if bare.contains(&name) { profile.with_bare_names() } else { profile };
        (name, profile)
    };
    config.profiles = profiles.into_iter().map(profile).collect();
    for server in &mut config.servers {
        let is_direct = |profile: &Profile| profile.mode(&server.config.name) == Some(Mode::Direct);
        server.config.direct = server.mode == Mode::Direct || config.profiles.values().any(is_direct);
    }
}

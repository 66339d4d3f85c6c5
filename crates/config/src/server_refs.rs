//! Servers as profiles name them, and the profiles once all servers are known.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Config, ConfigError, Mode, Profile};

/// A server that a profile names.
pub(crate) struct ServerRef {
    pub(crate) profile: String,
    pub(crate) server: String,
    /// None: the server's own.
    pub(crate) mode: Option<Mode>,
    /// Of its profile.
    pub(crate) has_bare_names: bool,
    /// The error for an unknown server: which servers there are is known at the end.
    pub(crate) unknown: ConfigError,
}

/// The profiles, over all servers there are, which learn whether clients speak with them.
pub(crate) fn resolve(mentions: Vec<ServerRef>, config: &mut Config, errors: &mut Vec<ConfigError>) {
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

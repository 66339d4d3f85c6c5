//! Which servers a client meets, and how.

use std::collections::BTreeMap;

/// Who calls a server's tools.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// Scripts.
    #[default]
    Code,
    /// Clients, which see the tools as they are.
    Direct,
}

/// Servers, each with its mode, in the order in which clients are shown them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile(Vec<(String, Mode)>);

impl Profile {
    /// A profile of these servers. Of two with one name the first counts.
    #[must_use]
    pub fn new(servers: impl IntoIterator<Item = (String, Mode)>) -> Self {
        let mut profile = Self::default();
        for (name, mode) in servers {
            if profile.mode(&name).is_none() {
                profile.0.push((name, mode));
            }
        }
        profile
    }

    /// Every server and its mode.
    #[must_use]
    pub fn servers(&self) -> &[(String, Mode)] {
        &self.0
    }

    /// The mode of a server, if it belongs to the profile.
    #[must_use]
    pub fn mode(&self, server: &str) -> Option<Mode> {
        self.0.iter().find(|(name, _)| name == server).map(|&(_, mode)| mode)
    }

    /// Whether clients are given the four meta-tools: unless all there is to call is direct.
    #[must_use]
    pub fn has_scripts(&self) -> bool {
        self.0.is_empty() || self.0.iter().any(|&(_, mode)| mode == Mode::Code)
    }

    /// Whether clients see tools as they are.
    #[must_use]
    pub fn has_direct(&self) -> bool {
        self.0.iter().any(|&(_, mode)| mode == Mode::Direct)
    }

    /// How a client names a tool or a prompt of a direct server.
    pub(crate) fn exposed(&self, server: &str, name: &str) -> String {
        match self.0.as_slice() {
            [_] => name.to_owned(),
            _ => format!("{server}__{name}"),
        }
    }
}

/// The profiles of a gateway: one for clients that name none, and those with names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profiles {
    /// For clients that name none.
    pub default: Profile,
    /// By name.
    pub named: BTreeMap<String, Profile>,
}

impl Profiles {
    /// The profile of this name; without a name, the one for clients that name none.
    #[must_use]
    pub fn get(&self, name: Option<&str>) -> Option<&Profile> {
        match name {
            None => Some(&self.default),
            Some(name) => self.named.get(name),
        }
    }

    /// Every server in code mode, for clients that name no profile.
    #[must_use]
    pub fn scripts(servers: impl IntoIterator<Item = String>) -> Self {
        Self { default: Profile::new(servers.into_iter().map(|name| (name, Mode::Code))), named: BTreeMap::new() }
    }
}

//! Profiles: which servers a client sees, and in which mode.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::choices::values_only;

/// Who calls a server's tools.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(transform = values_only)]
pub enum Mode {
    /// Scripts.
    #[default]
    Code,
    /// Clients, which see the tools as they are.
    Direct,
}

/// Servers, each with its mode, in the order in which clients are shown them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    servers: Vec<(String, Mode)>,
    has_bare_names: bool,
    files: Option<FileAccess>,
    has_sessions: bool,
    /// The name of the server that functions are seen as.
    functions: Option<String>,
    offers_functions: bool,
}

/// What scripts may do with the files of their workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileAccess {
    /// Read them.
    ReadOnly,
    /// Read and change them.
    ReadWrite,
}

impl Profile {
    /// A profile of these servers. Of two with one name the first counts.
    #[must_use]
    pub fn new(servers: impl IntoIterator<Item = (String, Mode)>) -> Self {
        let mut profile = Self::default();
        for (name, mode) in servers {
            if profile.mode(&name).is_none() {
                profile.servers.push((name, mode));
            }
        }
        profile
    }

    /// The same, whose tools of direct servers have the names that their servers give them, and not `SERVER__NAME`. Prompts have
    /// them where there is one direct server.
    #[must_use]
    pub fn with_bare_names(mut self) -> Self {
        self.has_bare_names = true;
        self
    }

    /// The same, whose scripts have these files.
    #[must_use]
    pub fn with_files(mut self, files: Option<FileAccess>) -> Self {
        self.files = files;
        self
    }

    /// What scripts may do with files. None: they have none.
    #[must_use]
    pub fn files(&self) -> Option<FileAccess> {
        self.files
    }

    /// The same, whose scripts may go on where earlier ones stopped, or may not.
    #[must_use]
    pub fn with_sessions(mut self, has_sessions: bool) -> Self {
        self.has_sessions = has_sessions;
        self
    }

    /// Whether scripts may go on where earlier ones stopped.
    #[must_use]
    pub fn has_sessions(&self) -> bool {
        self.has_sessions
    }

    /// The same, whose scripts see functions too, as those of a server of this name; and whose clients are offered them as tools and skills, if
    /// `is_offered`. Where all there is to call is direct, there are no scripts to see them.
    #[must_use]
    pub fn with_functions(mut self, server: &str, is_offered: bool) -> Self {
        if self.has_scripts() {
            self.servers.push((server.to_owned(), Mode::Code));
            self.functions = Some(server.to_owned());
            self.offers_functions = is_offered;
        }
        self
    }

    /// Whether clients are offered functions as tools and skills.
    #[must_use]
    pub fn offers_functions(&self) -> bool {
        self.offers_functions
    }

    /// The same with those servers alone for which `shows` holds.
    #[must_use]
    pub fn narrowed(&self, shows: impl Fn(&str) -> bool) -> Self {
        let servers = self.servers.iter().filter(|(name, _)| shows(name)).cloned().collect();
        Self { servers, ..self.clone() }
    }

    /// Whether it is one of those.
    #[must_use]
    pub fn has_bare_names(&self) -> bool {
        self.has_bare_names
    }

    /// Every server and its mode.
    #[must_use]
    pub fn servers(&self) -> &[(String, Mode)] {
        &self.servers
    }

    /// Whether it has a server beside functions, which are in every profile: who sees those alone sees nothing of this one.
    #[must_use]
    pub fn has_servers(&self) -> bool {
        self.servers.iter().any(|(name, _)| self.functions.as_ref() != Some(name))
    }

    /// The mode of a server, if it belongs to the profile.
    #[must_use]
    pub fn mode(&self, server: &str) -> Option<Mode> {
        self.servers.iter().find(|(name, _)| name == server).map(|&(_, mode)| mode)
    }

    /// Whether clients are given the four meta-tools: unless all there is to call is direct.
    #[must_use]
    pub fn has_scripts(&self) -> bool {
        self.servers.is_empty() || self.servers.iter().any(|&(_, mode)| mode == Mode::Code)
    }

    /// Whether clients see tools as they are.
    #[must_use]
    pub fn has_direct(&self) -> bool {
        self.servers.iter().any(|&(_, mode)| mode == Mode::Direct)
    }

    /// Whether prompts have the names that their servers give them: nothing else would tell whose one is.
    #[must_use]
    pub fn has_bare_prompts(&self) -> bool {
        self.has_bare_names && self.servers.iter().filter(|&&(_, mode)| mode == Mode::Direct).count() == 1
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

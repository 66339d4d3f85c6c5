//! The sources of a configuration: files and flags.

use std::env;
use std::path::{Path, PathBuf};

use crate::builder::{ConfigBuilder, ServerDecl};
use crate::paths::{self, Contents, Paths, read};
use crate::{
    AccessConfig, Config, ConfigError, ConfigErrors, Environment, JournalConfig, KnownClient, exuvia_toml, flag,
    import, mcp_file,
};

/// Where an administrator keeps what Claude Code has to hold to.
pub(crate) const SYSTEM: &str =
    if cfg!(target_os = "macos") { "/Library/Application Support/ClaudeCode" } else { "/etc/claude-code" };

/// The table of the journal.
const JOURNAL: &str = "journal";
/// The tables of roles and keys.
const ACCESS: [&str; 2] = ["roles", "keys"];

/// Where a configuration comes from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// An `exuvia.toml`.
    pub config: Option<PathBuf>,
    /// Files with an `mcpServers` object, in the format of Claude Desktop, Claude Code, Cursor and VS Code.
    pub mcp_configs: Vec<PathBuf>,
    /// Servers, each as `NAME=COMMAND` or `NAME=URL`.
    pub servers: Vec<String>,
    /// Clients of this user whose servers are imported.
    pub imports: Vec<KnownClient>,
    /// Whether imports start what the current folder brings along.
    pub import_project: bool,
    /// Patterns of tools that run without asking, beside those of the file.
    pub auto_execute: Vec<String>,
}

impl Sources {
    /// Whether no server and no file is named.
    #[must_use]
    pub fn names_nothing(&self) -> bool {
        self.config.is_none() && self.mcp_configs.is_empty() && self.servers.is_empty() && self.imports.is_empty()
    }

    /// What they say together, and the default file where they [name nothing](Self::names_nothing). Reads files, which may block
    /// for as long as a file system does not answer.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with all of it.
    pub fn load(&self, paths: &Paths) -> Result<Config, ConfigErrors> {
        self.loaded(paths, None)
    }

    /// The same, with this text in the place of the `exuvia.toml`: what would hold if the file were changed.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with all of it.
    pub fn load_with(&self, text: &str, paths: &Paths) -> Result<Config, ConfigErrors> {
        self.loaded(paths, Some(text))
    }

    fn loaded(&self, paths: &Paths, text: Option<&str>) -> Result<Config, ConfigErrors> {
        let environment = Environment { variable: &paths::variable, token_dir: paths.token_dir.as_deref() };
        let names_nothing = self.names_nothing();
        let default_file = paths.default_file.as_deref().filter(|file| names_nothing && file.exists());
        if let Some(file) = default_file {
            tracing::info!(file = %file.display(), "using the default configuration file");
        }
        let mut builder = ConfigBuilder::default();
        builder.files.extend(paths.default_file.clone().filter(|_| names_nothing));
        builder.files.extend(self.config.iter().chain(&self.mcp_configs).cloned());
        match (text, self.config.as_deref().or(default_file)) {
            (Some(text), file) => config_text(text, file, environment, &mut builder),
            (None, Some(file)) => read_config(file, environment, &mut builder),
            (None, None) => {}
        }
        for file in &self.mcp_configs {
            let name = file.display().to_string();
            match read(file) {
                Ok(Contents { text, doubts }) => {
                    builder.doubt(&name, doubts);
                    mcp_file::add(&text, file, environment, &mut builder);
                }
                Err(message) => builder.errors.push(ConfigError::of_file(name, message)),
            }
        }
        for server in &self.servers {
            match flag::server(server, environment) {
                Ok(server) => {
                    let (name, file) = (server.name.clone(), flag::place(&server.name));
                    builder.named.push(ServerDecl { name, file, line: None, key: String::new() });
                    builder.flagged.insert(server.name.clone());
                    builder.config.servers.push(server.into());
                }
                Err(error) => builder.errors.push(error),
            }
        }
        if !self.imports.is_empty() {
            let folder = current_folder();
            let places = import::Places {
                environment,
                config_dir: paths.config_dir.as_deref(),
                folder: &folder,
                system: Path::new(SYSTEM),
                starts_project: self.import_project,
            };
            self.imports.iter().for_each(|client| import::import(*client, &places, &mut builder));
        }
        builder.finish(&self.auto_execute)
    }

    /// What the configuration file says of the journal, whatever is wrong with the rest of it: what was recorded can be read where the
    /// servers cannot be started.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with that part, or with the file as a whole.
    pub fn journal(&self, paths: &Paths) -> Result<JournalConfig, ConfigErrors> {
        self.access(paths).0
    }

    /// The same, and what the configuration file says of roles and keys, whatever is wrong with the rest of it: a key can be revoked where the
    /// servers cannot be started.
    ///
    /// The policies of roles are not compiled.
    pub fn access(&self, paths: &Paths) -> (Result<JournalConfig, ConfigErrors>, Result<AccessConfig, ConfigErrors>) {
        let environment = Environment { variable: &paths::variable, token_dir: paths.token_dir.as_deref() };
        let default_file = paths.default_file.as_deref().filter(|file| self.names_nothing() && file.exists());
        let mut builder = ConfigBuilder::default();
        if let Some(file) = self.config.as_deref().or(default_file) {
            read_config(file, environment, &mut builder);
        }
        let ConfigBuilder { config, errors, files, .. } = builder;
        let errors_of = |tables: &[&str]| {
            let is_of = |error: &&ConfigError| {
                let table = error.key.split('.').next().unwrap_or_default();
                table.is_empty() || tables.contains(&table)
            };
            let errors: Vec<_> = errors.iter().filter(is_of).cloned().collect();
            if errors.is_empty() { Ok(()) } else { Err(ConfigErrors { errors, files: files.clone() }) }
        };
        let (journal, access) = (errors_of(&[JOURNAL]), errors_of(&ACCESS));
        (journal.map(|()| config.journal), access.map(|()| config.access))
    }
}

/// The folder that this program was started in, by the name that clients know it under.
fn current_folder() -> PathBuf {
    env::current_dir().unwrap_or_default()
}

fn read_config(file: &Path, environment: Environment<'_>, builder: &mut ConfigBuilder) {
    let name = file.display().to_string();
    match (read(file), std::path::absolute(file)) {
        (Ok(Contents { text, doubts }), Ok(place)) => {
            builder.doubt(&name, doubts);
            exuvia_toml::file(&text, &name, place.parent().unwrap_or(&place), environment, builder);
        }
        (Err(message), _) => builder.errors.push(ConfigError::of_file(name, message)),
        (_, Err(error)) => builder.errors.push(ConfigError::of_file(name, error.to_string())),
    }
}

/// What is written in place of a file: relative paths start where they do in the file, or else in the current folder.
fn config_text(text: &str, file: Option<&Path>, environment: Environment<'_>, builder: &mut ConfigBuilder) {
    let place = file.and_then(|file| std::path::absolute(file).ok()?.parent().map(Path::to_owned));
    exuvia_toml::file(text, "exuvia.toml", &place.unwrap_or_else(current_folder), environment, builder);
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::JournalStore;

    #[test]
    fn the_journal_is_found_whatever_is_wrong_with_the_servers() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("exuvia.toml");
        let sources = Sources { config: Some(file.clone()), ..Sources::default() };
        let journal = |text: &str| {
            fs::write(&file, text).expect("written");
            sources.journal(&Paths::default())
        };
        let found =
            journal("nonsense = 1\n[servers.a]\ncommand = '${UNSET_HERE}'\n[journal]\npath = 'j'\nkeep_days = 7\n")
                .expect("read");
        assert_eq!((found.store, found.keep_days), (JournalStore::Sqlite(Some(folder.path().join("j"))), 7));
        let wrong = journal("[journal]\nkeep_days = 0\nurl = 'x'\nredact = { patterns = ['('] }\n").expect_err("wrong");
        let keys: Vec<_> = wrong.errors.iter().map(|error| error.key.as_str()).collect();
        assert_eq!(keys, ["journal.keep_days", "journal.url", "journal.redact.patterns[0]"]);
        assert!(journal("[journal\n").is_err());
    }

    #[test]
    fn another_text_stands_in_place_of_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("exuvia.toml");
        fs::write(&file, "[limits]\nwall_ms = 5_000\n").expect("written");
        let sources = Sources { config: Some(file), ..Sources::default() };
        let wall_ms = |text: &str| Ok::<_, ConfigErrors>(sources.load_with(text, &Paths::default())?.limits.wall_ms);
        assert_eq!(wall_ms("[limits]\nwall_ms = 6_000\n").expect("read"), 6_000);
        let config = sources.load_with("[journal]\npath = 'j'\n", &Paths::default()).expect("read");
        assert_eq!(config.journal.store, JournalStore::Sqlite(Some(folder.path().join("j"))));
        assert!(wall_ms("[limits]\nwall_ms = 0\n").is_err());
        assert_eq!(sources.load(&Paths::default()).expect("read").limits.wall_ms, 5_000);
    }

    #[test]
    fn roles_and_keys_are_found_whatever_is_wrong_with_the_servers() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("exuvia.toml");
        let sources = Sources { config: Some(file.clone()), ..Sources::default() };
        let access = |text: &str| {
            fs::write(&file, text).expect("written");
            sources.access(&Paths::default())
        };
        let (journal, found) = access("nonsense = 1\n[servers.a]\ncommand = '${UNSET_HERE}'\n[roles.support]\n");
        assert!(journal.is_ok() && found.expect("read").roles.contains_key("support"));
        let (journal, found) =
            access("[roles.support]\nnonsense = 1\n[keys.a]\nrole = 'none'\nhash = 'x'\n[keys.b]\nhash = 7\n");
        assert!(journal.is_ok());
        let wrong = found.expect_err("wrong").errors;
        assert!(wrong.iter().any(|error| error.key == "roles.support.nonsense"), "{wrong:?}");
        assert!(wrong.iter().any(|error| error.key == "keys.a.role"), "{wrong:?}");
        let (journal, found) = access("[journal]\nkeep_days = 0\n[roles.support]\n");
        assert!(journal.is_err() && found.is_ok());
    }
}

//! The sources of a configuration: files and flags.

use std::env;
use std::path::{Path, PathBuf};

use exuvia_config::{ConfigError, Environment};

use super::found::{Found, Named};
use super::paths::{self, Contents, Paths, read};
use super::{Config, ConfigErrors, flag, import, mcp_file, resolve};
use crate::args::ServerArgs;

/// Where an administrator keeps what Claude Code has to hold to.
const SYSTEM: &str =
    if cfg!(target_os = "macos") { "/Library/Application Support/ClaudeCode" } else { "/etc/claude-code" };

/// What the command line says, with the files that it names; the default file where it names no server. `auto_execute` are
/// patterns of tools that run without asking, beside those of the file.
///
/// # Errors
///
/// Everything that is wrong with all of it.
pub(crate) fn load(args: &ServerArgs, auto_execute: &[String], paths: &Paths) -> Result<Config, ConfigErrors> {
    let environment = Environment { variable: &paths::variable, token_dir: paths.token_dir.as_deref() };
    let names_nothing = args.names_nothing();
    let default_file = paths.default_file.as_deref().filter(|file| names_nothing && file.exists());
    if let Some(file) = default_file {
        tracing::info!(file = %file.display(), "using the default configuration file");
    }
    let mut found = Found::default();
    found.files.extend(paths.default_file.clone().filter(|_| names_nothing));
    found.files.extend(args.config.iter().chain(&args.mcp_configs).cloned());
    if let Some(file) = args.config.as_deref().or(default_file) {
        read_config(file, environment, &mut found);
    }
    for file in &args.mcp_configs {
        let name = file.display().to_string();
        match read(file) {
            Ok(Contents { text, doubts }) => {
                found.doubt(&name, doubts);
                mcp_file::add(&text, file, environment, &mut found);
            }
            Err(message) => found.errors.push(ConfigError::of_file(name, message)),
        }
    }
    for server in &args.servers {
        match flag::server(server, environment) {
            Ok(server) => {
                let (name, file) = (server.name.clone(), flag::place(&server.name));
                found.named.push(Named { name, file, line: None, key: String::new() });
                found.config.servers.push(server.into());
            }
            Err(error) => found.errors.push(error),
        }
    }
    if !args.imports.is_empty() {
        let folder = current_folder();
        let places = import::Places {
            environment,
            config_dir: paths.config_dir.as_deref(),
            folder: &folder,
            system: Path::new(SYSTEM),
            starts_project: args.import_project,
        };
        args.imports.iter().for_each(|client| import::import(*client, &places, &mut found));
    }
    found.finish(auto_execute)
}

/// The folder that this program was started in, by the name that clients know it under.
fn current_folder() -> PathBuf {
    env::current_dir().unwrap_or_default()
}

fn read_config(file: &Path, environment: Environment<'_>, found: &mut Found) {
    let name = file.display().to_string();
    match (read(file), std::path::absolute(file)) {
        (Ok(Contents { text, doubts }), Ok(place)) => {
            found.doubt(&name, doubts);
            resolve::file(&text, &name, place.parent().unwrap_or(&place), environment, found);
        }
        (Err(message), _) => found.errors.push(ConfigError::of_file(name, message)),
        (_, Err(error)) => found.errors.push(ConfigError::of_file(name, error.to_string())),
    }
}

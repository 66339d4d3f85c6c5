//! Files and flags together.

use std::path::Path;

use exuvia_upstream::{ConfigError, Environment, parse_mcp_servers};

use super::found::{Found, Named};
use super::paths::{self, Contents, Paths, read};
use super::{Config, ConfigErrors, flag, import, resolve};
use crate::args::ServerArgs;

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
        tracing::info!(file = %file.display(), "no server is named: this file is used");
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
                found.add(parse_mcp_servers(&text, &name, environment), &name);
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
    for client in &args.imports {
        import::import(*client, paths.config_dir.as_deref(), environment, &mut found);
    }
    found.finish(auto_execute)
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

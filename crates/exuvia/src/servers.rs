//! From the command line to the servers to start.

use std::path::Path;
use std::{env, fs};

use anyhow::{Result, anyhow, bail};
use exuvia_upstream::{ServerConfig, parse_mcp_servers};

use crate::args::ServerArgs;

/// The servers that the command line names, in its order. What is configured but not supported is told to `warn`.
pub(crate) fn configured(args: &ServerArgs, warn: &mut dyn FnMut(String)) -> Result<Vec<ServerConfig>> {
    let mut servers = Vec::new();
    let mut errors = Vec::new();
    for file in &args.mcp_configs {
        match from_file(file, warn) {
            Ok(found) => servers.extend(found),
            Err(found) => errors.extend(found),
        }
    }
    for server in &args.servers {
        match from_flag(server) {
            Ok(server) => servers.push(server),
            Err(error) => errors.push(error.to_string()),
        }
    }
    errors.extend(twice(&servers));
    if errors.is_empty() { Ok(servers) } else { bail!("{}", errors.join("\n")) }
}

fn from_file(file: &Path, warn: &mut dyn FnMut(String)) -> Result<Vec<ServerConfig>, Vec<String>> {
    let name = file.display().to_string();
    let text = fs::read_to_string(file).map_err(|error| vec![format!("{name}: {error}")])?;
    let found = parse_mcp_servers(&text, &name, &variable)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    for entry in found.unsupported {
        warn(entry.to_string());
    }
    Ok(found.servers)
}

fn from_flag(flag: &str) -> Result<ServerConfig> {
    let wrong = || anyhow!("--server {flag}: write NAME=COMMAND, for example --server 'crm=crm-mcp --readonly'");
    let (name, command) = flag.split_once('=').ok_or_else(wrong)?;
    let words = shlex::split(command).ok_or_else(|| anyhow!("--server {flag}: a quote is not closed"))?;
    let mut words = words.into_iter();
    let program = words.next().filter(|_| !name.is_empty()).ok_or_else(wrong)?;
    Ok(ServerConfig::stdio(name, program, words, &variable))
}

fn twice(servers: &[ServerConfig]) -> Vec<String> {
    let mut names: Vec<_> = servers.iter().map(|server| server.name.as_str()).collect();
    names.sort_unstable();
    let mut twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    twice.dedup();
    twice.iter().map(|name| format!("two servers are named {name}: rename one")).collect()
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}

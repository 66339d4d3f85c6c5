//! `--server NAME=COMMAND`, and `--server NAME=URL`.

use crate::paths::from_home;
use crate::servers::check;
use crate::{ConfigError, Environment, Http, ServerConfig, Transport};

/// Reads the flag's value. Errors hold nothing of the command or the address: there may be a secret in them.
pub(super) fn server(flag: &str, environment: Environment<'_>) -> Result<ServerConfig, ConfigError> {
    let (name, server) = flag.split_once('=').unwrap_or((flag, ""));
    let error = |message: String| ConfigError::of_file(place(name), message);
    let config = match is_address(server) {
        true => over_http(name, server.trim(), environment),
        false => over_stdio(name, server, environment),
    };
    let config = config.map_err(error)?;
    check::server_name(name).map_err(error)?;
    Ok(config)
}

fn is_address(text: &str) -> bool {
    let scheme = text.trim().split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    scheme.is_some_and(|scheme| scheme == "http" || scheme == "https")
}

fn over_stdio(name: &str, command: &str, environment: Environment<'_>) -> Result<ServerConfig, String> {
    let wrong = || {
        "write NAME=COMMAND or NAME=URL, for example --server 'crm=crm-mcp --readonly' or \
         --server tracker=https://tracker.example/mcp"
            .to_owned()
    };
    let mut words = shlex::split(command).ok_or("unclosed quote")?.into_iter();
    let program = words.next().filter(|program| !program.is_empty()).ok_or_else(wrong)?;
    // A shell that quotes the command leaves this to us.
    let program = from_home(program.into()).into_os_string().into_string();
    let program = program.map_err(|_| "the path of its program is not UTF-8")?;
    Ok(ServerConfig::stdio(name, program, words, environment.variable))
}

fn over_http(name: &str, address: &str, environment: Environment<'_>) -> Result<ServerConfig, String> {
    if address.contains(char::is_whitespace) {
        return Err("a URL must not contain spaces; set headers in a configuration file".to_owned());
    }
    let mut http = Http::new(check::server_url(address)?);
    if let Some(dir) = environment.token_dir {
        http.allow_login(check::token_file(dir, name));
    }
    Ok(ServerConfig::new(name, Transport::Http(http)))
}

/// Where such a server is configured, for messages.
pub(super) fn place(name: &str) -> String {
    format!("--server {}", name.escape_debug())
}

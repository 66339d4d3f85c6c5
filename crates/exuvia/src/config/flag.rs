//! `--server NAME=COMMAND`.

use exuvia_upstream::{ConfigError, Environment, ServerConfig, check};

use super::paths::from_home;

/// Reads the flag's value. Errors hold nothing of the command: it may have a secret among its arguments.
pub(super) fn server(flag: &str, environment: Environment<'_>) -> Result<ServerConfig, ConfigError> {
    let (name, command) = flag.split_once('=').unwrap_or((flag, ""));
    let error = |message: String| ConfigError::of_file(place(name), message);
    let wrong = || error("write NAME=COMMAND, for example --server 'crm=crm-mcp --readonly'".to_owned());
    let words = shlex::split(command).ok_or_else(|| error("a quote is not closed".to_owned()))?;
    let mut words = words.into_iter();
    let program = words.next().filter(|program| !program.is_empty()).ok_or_else(wrong)?;
    check::server_name(name).map_err(error)?;
    // A shell that quotes the command leaves this to us.
    let program = from_home(program.into()).into_os_string().into_string();
    let program = program.map_err(|_| error("the path of its program is no UTF-8".to_owned()))?;
    Ok(ServerConfig::stdio(name, program, words, environment.variable))
}

/// Where such a server is configured, for messages.
pub(super) fn place(name: &str) -> String {
    format!("--server {}", name.escape_debug())
}

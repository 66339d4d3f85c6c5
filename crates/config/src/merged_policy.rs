//! The policy that the configuration file and the command line state together.

use exuvia_policy::{Policy, PolicyError, PolicySource};

use crate::ConfigError;

/// The whole policy: that of the file, for the servers that are left, and the patterns of the command line.
pub(crate) fn merged(
    mut source: PolicySource,
    flags: &[String],
    servers: &[&str],
    errors: &mut Vec<ConfigError>,
) -> Policy {
    let of_flags =
        PolicySource { groups: source.groups.clone(), auto_execute: flags.to_vec(), ..PolicySource::default() };
    if let Err(wrong) = Policy::compile(of_flags, servers.iter().copied()) {
        let of_flags = wrong.into_iter().filter(|error| error.key.parts() == ["auto_execute"]);
        errors.extend(of_flags.map(|error| ConfigError::of_file("--auto-execute", error.message)));
    }
    source.servers.retain(|name, _| servers.contains(&name.as_str()));
    source.auto_execute.extend_from_slice(flags);
    Policy::compile(source, servers.iter().copied()).unwrap_or_else(|wrong| {
        // Most errors in it were reported already, where they are. In any case nothing starts.
        if errors.is_empty() {
            let told =
                |error: PolicyError| ConfigError::of_file("the policy", error.message).at_key(error.key.to_string());
            errors.extend(wrong.into_iter().map(told));
        }
        Policy::default()
    })
}

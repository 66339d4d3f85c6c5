//! The policy that a file states.

use std::collections::BTreeMap;

use exuvia_policy::{Policy, PolicyError, PolicySource, ServerRules};

use super::document::{Document, below};
use super::file_types;
use crate::{AccessConfig, ConfigError};

/// The policy of a file. Errors are reported where they are.
pub(super) fn of_file(
    written: &file_types::File,
    access: &AccessConfig,
    document: &Document,
    errors: &mut Vec<ConfigError>,
) -> PolicySource {
    let servers: BTreeMap<String, ServerRules> =
        written.servers.iter().map(|(name, server)| (name.clone(), rules(server))).collect();
    let groups = written.groups.iter().map(|(name, group)| (name.clone(), group.tools.clone())).collect();
    let (auto_execute, deny, repeatable) =
        (written.auto_execute.clone(), written.deny.clone(), written.repeatable.clone());
    let source = PolicySource { servers, groups, auto_execute, deny, repeatable };
    let names: Vec<&str> = source.servers.keys().map(String::as_str).collect();
    let compiled = Policy::compile(source.clone(), names).and_then(|policy| {
        let roles = access.roles.values().filter_map(|role| policy.for_role(role.rules.clone()).err());
        let wrong: Vec<PolicyError> = roles.flatten().collect();
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    });
    if let Err(wrong) = compiled {
        let told: Vec<String> = errors.iter().map(|error| error.key.clone()).collect();
        for error in wrong {
            let error = document.error(&pointer(&error), error.message);
            // Where a part was wrong it was taken out: what is missing now is not missing in the file.
            if !told.iter().any(|key| key.strip_prefix(&error.key).is_some_and(|rest| rest.starts_with('.'))) {
                errors.push(error);
            }
        }
    }
    source
}

fn rules(written: &file_types::Server) -> ServerRules {
    let default = ServerRules::default();
    ServerRules {
        tools: written.tools.clone().unwrap_or(default.tools),
        auto_execute: written.auto_execute.clone(),
        deny: written.deny.clone(),
        repeatable: written.repeatable.clone(),
        retries: written.retries,
        on_unlisted: written.on_unlisted.unwrap_or(default.on_unlisted),
        constraints: written.constraints.clone(),
        calls_per_run: written.calls_per_run,
        calls_per_minute: written.calls_per_minute,
    }
}

fn pointer(error: &PolicyError) -> String {
    error.key.parts().iter().fold(String::new(), |pointer, part| below(&pointer, part))
}

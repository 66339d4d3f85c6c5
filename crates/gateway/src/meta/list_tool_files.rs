//! Which tools fit a query, or which stub files there are.

use exuvia_config::{Mode, Profile};
use serde::Deserialize;
use serde_json::json;

use super::MetaTool;
use super::request::MetaRequest;
use super::texts::Texts;
use super::tool::{Answering, object};

/// The space for the names of servers in the description, in bytes: about 300 tokens.
const MAX_SERVERS_BYTES: usize = 1_000;

/// `listToolFiles`
pub static LIST_TOOL_FILES: MetaTool = MetaTool {
    name: "listToolFiles",
    description: "Finds signatures by what tools do. Without a query: the files.",
    schema: || {
        let query = json!({"type": "string", "description": "e.g. create calendar event; send mail"});
        object(json!({"query": query}), &[])
    },
    handler: answer,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    query: Option<Texts>,
}

fn answer(request: MetaRequest<'_>) -> Answering<'_> {
    Box::pin(async move {
        let Arguments { query } = request.arguments()?;
        let query = query.map(|queries| queries.joined("; "));
        request.rendered(move |shown| Ok(shown.stubs.list(query.as_deref(), shown.max_bytes))).await
    })
}

/// ` Servers: crm, git.`: those that scripts of a profile can call, whether they are there yet or not, so that a list of tools
/// changes only where the configuration does. Beyond [`MAX_SERVERS_BYTES`] they are counted.
pub(super) fn servers(profile: &Profile) -> String {
    let in_scripts = profile.servers().iter().filter(|(_, mode)| *mode == Mode::Code);
    let names: Vec<&str> = in_scripts.map(|(name, _)| name.as_str()).collect();
    let names = exuvia_catalog::server_names(&names);
    let mut listed = String::new();
    for (index, name) in names.iter().enumerate() {
        if listed.len() + name.len() > MAX_SERVERS_BYTES {
            listed.push_str(&format!("{} more", names.len() - index));
            break;
        }
        listed.push_str(name);
        if index + 1 < names.len() {
            listed.push_str(", ");
        }
    }
    if listed.is_empty() { listed } else { format!(" Servers: {listed}.") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(servers: Vec<(String, Mode)>) -> String {
        super::servers(&Profile::new(servers))
    }

    #[test]
    fn the_servers_of_scripts_are_named_as_scripts_name_them() {
        let servers = [("crm", Mode::Code), ("git-hub", Mode::Code), ("files", Mode::Direct)];
        let told = told(servers.map(|(name, mode)| (name.to_owned(), mode)).into());
        assert_eq!(told, " Servers: crm, git_hub.");
        assert_eq!(super::servers(&Profile::default()), "");
    }

    #[test]
    fn many_servers_are_counted() {
        let told = told((0..1_000).map(|n| (format!("server{n}"), Mode::Code)).collect());
        assert!(told.len() < MAX_SERVERS_BYTES + 100 && told.ends_with(" more."), "{told}");
    }
}

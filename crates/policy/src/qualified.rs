//! Entries of the form `SERVER.TOOL`. Both names may hold dots, so that an entry can be read in several ways.

use crate::glob::{Glob, literal};

/// What an entry does for the tools that it names: which way it is read where it can be read in several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It gives. Where it begins with the name of a server it means that server, the longest such, and no other.
    Allows,
    /// It takes: it holds for every server that it can mean.
    Restricts,
}

/// The parts of `text` that are patterns for tools of `server`: none if it is not about that server. `servers` are all that are
/// configured.
///
/// # Errors
///
/// It is not of the form, or the server's part is no pattern.
pub(crate) fn tools_of<'a>(
    text: &'a str,
    server: &str,
    servers: &[&str],
    effect: Effect,
) -> Result<Vec<&'a str>, String> {
    let named = named(text, servers);
    if let (Some((named, tool)), Effect::Allows) = (named, effect) {
        return Ok(if named == server { vec![tool] } else { Vec::new() });
    }
    let splits = text.match_indices('.').map(|(at, _)| (&text[..at], &text[at + 1..]));
    let readings = match effect {
        Effect::Allows => 1,
        Effect::Restricts => usize::MAX,
    };
    let mut tools = Vec::new();
    for (reading, (of_server, tool)) in splits.take(readings).enumerate() {
        let about_it = match Glob::new(of_server) {
            Ok(glob) => of_server == server || glob.matches(server),
            Err(error) if reading == 0 && named.is_none() => return Err(error),
            Err(_) => of_server == server,
        };
        if about_it {
            tools.push(tool);
        }
    }
    if text.contains('.') { Ok(tools) } else { Err(unqualified(text)) }
}

/// A pattern that allows this tool of this server and no other.
pub(crate) fn only(server: &str, tool: &str, servers: &[&str]) -> String {
    let text = format!("{server}.{}", literal(tool));
    match named(&text, servers) {
        Some((named, _)) if named != server => format!("{server}.{}", literal(tool).replace('.', "[.]")),
        _ => text,
    }
}

/// What is wrong with a text that names no server.
pub(crate) fn unqualified(text: &str) -> String {
    format!("{text:?}: write SERVER.TOOL, for example \"crm.get_*\"")
}

/// The longest name of a server that `text` begins with, and what follows.
fn named<'a, 'b>(text: &'a str, servers: &[&'b str]) -> Option<(&'b str, &'a str)> {
    let after = |server: &'b str| Some((server, text.strip_prefix(server)?.strip_prefix('.')?));
    servers.iter().filter_map(|&server| after(server)).max_by_key(|(server, _)| server.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an entry says of each of these servers.
    fn read(text: &str, servers: &[&str], effect: Effect) -> Vec<String> {
        let of = |server: &&str| {
            let tools = tools_of(text, server, servers, effect).unwrap();
            tools.into_iter().map(|tool| format!("{server}:{tool}")).collect::<Vec<_>>()
        };
        servers.iter().flat_map(of).collect()
    }

    #[test]
    fn an_entry_that_allows_means_one_server_and_one_that_denies_all_that_it_can_mean() {
        for (text, servers, allows, restricts) in [
            ("a.b.get", &["a", "a.b"][..], &["a.b:get"][..], &["a:b.get", "a.b:get"][..]),
            ("a.b.get", &["a"], &["a:b.get"], &["a:b.get"]),
            ("a.b.get", &["a.b", "a", "a.b.c"], &["a.b:get"], &["a.b:get", "a:b.get"]),
            ("a.b.c.get", &["a.b", "a", "a.b.c"], &["a.b.c:get"], &["a.b:c.get", "a:b.c.get", "a.b.c:get"]),
            ("*.get", &["a", "a.b"], &["a:get", "a.b:get"], &["a:get", "a.b:get"]),
            ("*.b.get", &["a", "a.b"], &["a:b.get", "a.b:b.get"], &["a:b.get", "a.b:b.get", "a.b:get"]),
            ("a*.get", &["a", "b", "ab"], &["a:get", "ab:get"], &["a:get", "ab:get"]),
            ("a.", &["a"], &["a:"], &["a:"]),
            ("[x].get", &["[x]", "x"], &["[x]:get"], &["[x]:get", "x:get"]),
            ("[x.get", &["[x", "x"], &["[x:get"], &["[x:get"]),
            ("a.[x.get", &["a.[x", "b"], &["a.[x:get"], &["a.[x:get"]),
            ("c.get", &["a", "b"], &[], &[]),
        ] {
            assert_eq!(read(text, servers, Effect::Allows), allows, "{text} allows");
            assert_eq!(read(text, servers, Effect::Restricts), restricts, "{text} restricts");
        }
    }

    #[test]
    fn an_invalid_entry_is_an_error() {
        for effect in [Effect::Allows, Effect::Restricts] {
            let said = |text| tools_of(text, "a", &["a", "b"], effect).unwrap_err();
            assert_eq!(said("get"), "\"get\": write SERVER.TOOL, for example \"crm.get_*\"");
            assert!(said("[a.get").contains("unclosed character class"));
            assert!(tools_of("a.[a.get", "a", &["a"], effect).is_ok());
            assert!(tools_of("c.[a.get", "a", &["a"], effect).is_ok());
        }
    }

    #[test]
    fn the_pattern_for_one_tool_means_its_server() {
        for (server, tool, expected) in [
            ("a", "b.get", "a.b[.]get"),
            ("a", "get", "a.get"),
            ("a.b", "get", "a.b.get"),
            ("a", "c.d", "a.c.d"),
            ("c", "b.get", "c.b.get"),
            ("a", "@b", "a.[@]b"),
        ] {
            let servers = ["a", "a.b", "c"];
            let pattern = only(server, tool, &servers);
            assert_eq!(pattern, expected);
            assert_eq!(read(&pattern, &servers, Effect::Allows).len(), 1);
            assert!(read(&pattern, &servers, Effect::Allows)[0].starts_with(&format!("{server}:")));
        }
    }
}

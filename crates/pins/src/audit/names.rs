//! Names that are the same, or look the same.

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization as _;
use unicode_security::{RestrictionLevel, RestrictionLevelDetection as _};

use super::{AuditedServer, Finding, Rule};

/// A name and whose it is: a tool of a server, or a server.
struct Named<'a> {
    server: &'a str,
    tool: Option<&'a str>,
    name: &'a str,
}

impl Named<'_> {
    fn finding(&self, rule: Rule, others: Vec<String>) -> Finding {
        let tool = self.tool.map(str::to_owned);
        Finding {
            rule,
            server: self.server.to_owned(),
            tool,
            place: "name".to_owned(),
            text: self.name.to_owned(),
            others,
        }
    }

    fn shown(&self) -> String {
        match self.tool {
            Some(tool) => format!("{}.{tool}", self.server),
            None => self.server.to_owned(),
        }
    }
}

/// What there is to say of the names of servers and tools. `own`: the names of the gateway's own tools.
pub(super) fn names(servers: &[AuditedServer<'_>], own: &[&str]) -> Vec<Finding> {
    let mut tools = Vec::new();
    for server in servers {
        tools.extend(server.tools.iter().map(|tool| Named {
            server: server.name,
            tool: Some(&tool.name),
            name: &tool.name,
        }));
    }
    let all: Vec<Named<'_>> =
        servers.iter().map(|server| Named { server: server.name, tool: None, name: server.name }).collect();
    let mut found = alike(&tools);
    found.extend(alike(&all));
    let mixed = tools.iter().filter(|named| is_mixed(named.name));
    found.extend(mixed.map(|named| named.finding(Rule::MixedScriptName, Vec::new())));
    let gateway: Vec<String> = own.iter().map(|name| bare(name)).collect();
    let like_ours = tools.iter().filter(|named| gateway.contains(&bare(named.name)));
    found.extend(like_ours.map(|named| named.finding(Rule::GatewayName, Vec::new())));
    found
}

/// Names that are the same, that look the same, and that differ by little.
fn alike(all: &[Named<'_>]) -> Vec<Finding> {
    let mut found = Vec::new();
    for group in groups(all, |name| name.to_owned()) {
        found.push(group[0].finding(Rule::SameName, others(&group)));
    }
    for group in groups(all, skeleton) {
        let odd = group.iter().find(|named| !named.name.is_ascii());
        if differ(&group) {
            let rule = if odd.is_some() { Rule::LookAlikeName } else { Rule::SimilarName };
            let first = odd.unwrap_or(&group[0]);
            let others = group.iter().filter(|named| named.name != first.name).map(|named| named.shown()).collect();
            found.push(first.finding(rule, others));
        }
    }
    for group in groups(all, bare) {
        let is_known = group.iter().all(|named| skeleton(named.name) == skeleton(group[0].name));
        if differ(&group) && !is_known {
            found.push(group[0].finding(Rule::SimilarName, others(&group)));
        }
    }
    found
}

/// Those that come to the same, where there are several.
fn groups<'a, 'n>(all: &'a [Named<'n>], key: impl Fn(&str) -> String) -> Vec<Vec<&'a Named<'n>>> {
    let mut by_key: BTreeMap<String, Vec<&Named<'n>>> = BTreeMap::new();
    for named in all {
        by_key.entry(key(named.name)).or_default().push(named);
    }
    by_key.into_values().filter(|group| group.len() > 1).collect()
}

fn differ(group: &[&Named<'_>]) -> bool {
    group.iter().any(|named| named.name != group[0].name)
}

fn others(group: &[&Named<'_>]) -> Vec<String> {
    group[1..].iter().map(|named| named.shown()).collect()
}

/// What a name looks like, by Unicode's table of confusable characters (UTS 39).
fn skeleton(name: &str) -> String {
    unicode_security::skeleton(&name.nfkc().collect::<String>()).collect()
}

/// The letters and digits of a name, in small letters.
fn bare(name: &str) -> String {
    name.nfkc().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Whether the letters of a name are of alphabets that nobody mixes, as Latin and Cyrillic. Latin beside Chinese, Japanese or Korean
/// is honest.
fn is_mixed(name: &str) -> bool {
    let letters: String = name.nfkc().filter(|c| c.is_alphanumeric()).collect();
    !letters.is_ascii() && letters.detect_restriction_level() > RestrictionLevel::ModeratelyRestrictive
}

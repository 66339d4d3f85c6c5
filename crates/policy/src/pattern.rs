//! Lists of names, globs and groups.

use std::fmt;

use globset::{GlobBuilder, GlobMatcher};

use crate::PolicyError;
use crate::key::Key;
use crate::source::PolicySource;

/// One entry of a policy, and where it stands: what an operator is shown as the reason of a decision.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// The key that it stands under, for example `servers.crm.auto_execute`.
    pub key: Key,
    /// The entry as written.
    pub text: String,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.key, self.text)
    }
}

/// A compiled list. The first entry that matches counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Patterns {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    /// A name is also meant literally: tools may be called `a[b]`.
    literal: String,
    glob: GlobMatcher,
    rule: Rule,
}

impl Entry {
    fn matches(&self, name: &str) -> bool {
        self.literal == name || self.glob.is_match(name)
    }
}

impl Patterns {
    /// The entry that matches this name.
    pub(crate) fn find(&self, name: &str) -> Option<&Rule> {
        self.entries.iter().find(|entry| entry.matches(name)).map(|entry| &entry.rule)
    }

    /// Each entry's rule, and whether the entry matches one of these names.
    pub(crate) fn uses(&self, names: &[&str]) -> impl Iterator<Item = (Rule, bool)> {
        self.entries.iter().map(|entry| (entry.rule.clone(), names.iter().any(|name| entry.matches(name))))
    }

    pub(crate) fn push(&mut self, pattern: &str, rule: Rule) -> Result<(), PolicyError> {
        let glob = matcher(pattern, &rule.key)?;
        self.entries.push(Entry { literal: pattern.to_owned(), glob, rule });
        Ok(())
    }

    /// A server's list: names and globs of its tools, and groups.
    pub(crate) fn of_server(
        server: &str,
        key: &Key,
        texts: &[String],
        source: &PolicySource,
        errors: &mut Vec<PolicyError>,
    ) -> Self {
        let mut patterns = Self::default();
        for text in texts {
            let rule = Rule { key: key.clone(), text: text.clone() };
            patterns.add(server, text, text.starts_with('@'), rule, source, errors);
        }
        patterns
    }

    /// Adds those of `texts` that are about this server: `SERVER.TOOL`, where both may be globs, and groups.
    pub(crate) fn add_qualified(
        &mut self,
        server: &str,
        key: &Key,
        texts: &[String],
        source: &PolicySource,
        errors: &mut Vec<PolicyError>,
    ) {
        for text in texts {
            self.add(server, text, true, Rule { key: key.clone(), text: text.clone() }, source, errors);
        }
    }

    fn add(
        &mut self,
        server: &str,
        text: &str,
        qualified: bool,
        rule: Rule,
        source: &PolicySource,
        errors: &mut Vec<PolicyError>,
    ) {
        if let Some(group) = text.strip_prefix('@') {
            let Some(members) = source.groups.get(group) else {
                return errors.push(PolicyError::new(&rule.key, format!("there is no group {group:?}")));
            };
            for member in members.iter().filter(|member| !member.starts_with('@')) {
                // What is wrong with it is told of the group.
                self.add(server, member, true, rule.clone(), source, &mut Vec::new());
            }
            return;
        }
        let pattern = if qualified { qualified_for(server, text, &rule, errors) } else { Some(text) };
        if let Some(pattern) = pattern
            && let Err(error) = self.push(pattern, rule)
        {
            errors.push(error);
        }
    }
}

/// Everything that is wrong with the groups, whether they are used or not.
pub(crate) fn check_groups(source: &PolicySource, errors: &mut Vec<PolicyError>) {
    for (group, members) in &source.groups {
        let key = Key::of("groups").below(group).below("tools");
        for member in members {
            // A group inside a group could go round in a circle, and says nothing that its patterns cannot.
            if member.starts_with('@') {
                errors.push(PolicyError::new(&key, format!("{member:?}: write its patterns out")));
                continue;
            }
            match member.split_once('.') {
                Some((server, tool)) => {
                    errors.extend([server, tool].iter().filter_map(|part| matcher(part, &key).err()))
                }
                None => errors.push(unqualified(member, &key)),
            }
        }
    }
}

fn matcher(pattern: &str, key: &Key) -> Result<GlobMatcher, PolicyError> {
    let glob = GlobBuilder::new(pattern).literal_separator(false).backslash_escape(true).build();
    let glob = glob.map_err(|error| PolicyError::new(key, format!("{pattern:?}: {}", error.kind())))?;
    Ok(glob.compile_matcher())
}

fn unqualified(text: &str, key: &Key) -> PolicyError {
    PolicyError::new(key, format!("{text:?}: write SERVER.TOOL, for example \"crm.get_*\""))
}

/// The tool's part of `SERVER.TOOL`, if the server's part means this server.
fn qualified_for<'a>(server: &str, text: &'a str, rule: &Rule, errors: &mut Vec<PolicyError>) -> Option<&'a str> {
    // A server's name may hold dots itself.
    if let Some(tool) = text.strip_prefix(server).and_then(|rest| rest.strip_prefix('.')) {
        return Some(tool);
    }
    let Some((of_server, tool)) = text.split_once('.') else {
        errors.push(unqualified(text, &rule.key));
        return None;
    };
    let mut servers = Patterns::default();
    if let Err(error) = servers.push(of_server, rule.clone()) {
        errors.push(error);
        return None;
    }
    servers.find(server).map(|_| tool)
}

/// A tool's name as a pattern that means it alone.
pub(crate) fn literal(name: &str) -> String {
    // A group begins with this sign: as the glob of one sign it begins none.
    match name.strip_prefix('@') {
        Some(rest) => format!("[@]{}", globset::escape(rest)),
        None => globset::escape(name),
    }
}

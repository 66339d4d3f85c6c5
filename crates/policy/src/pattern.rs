//! Lists of names, globs and groups.

use std::fmt;

use crate::error::PolicyError;
use crate::glob::{Glob, escapes};
use crate::key::Key;
use crate::qualified::{Effect, tools_of, unqualified};
use crate::source::PolicySource;

/// What the rules of a server are compiled against.
pub(crate) struct Context<'a> {
    /// Whose rules they are.
    pub(crate) server: &'a str,
    /// All configured servers.
    pub(crate) servers: &'a [&'a str],
    pub(crate) source: &'a PolicySource,
    pub(crate) errors: &'a mut Vec<PolicyError>,
}

/// One entry of a policy, and where it stands: what an operator is shown as the reason of a decision.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
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
#[derive(Debug, Clone)]
pub(crate) struct Patterns {
    effect: Effect,
    entries: Vec<PatternEntry>,
}

#[derive(Debug, Clone)]
struct PatternEntry {
    /// A name is also meant literally: tools may be called `a[b]`.
    literal: Option<String>,
    glob: Glob,
    rule: Rule,
}

impl PatternEntry {
    fn matches(&self, name: &str) -> bool {
        self.literal.as_deref() == Some(name) || self.glob.matches(name)
    }
}

impl Patterns {
    /// A server's list: names and globs of its tools, and groups.
    pub(crate) fn of_server(key: &Key, texts: &[String], effect: Effect, context: &mut Context<'_>) -> Self {
        let mut patterns = Self { effect, entries: Vec::new() };
        for text in texts {
            patterns.add(text, text.starts_with('@'), &rule(key, text), context);
        }
        patterns
    }

    /// The part of a list for all servers that is about this one.
    pub(crate) fn qualified(key: &Key, texts: &[String], effect: Effect, context: &mut Context<'_>) -> Self {
        let mut patterns = Self { effect, entries: Vec::new() };
        patterns.add_qualified(key, texts, context);
        patterns
    }

    /// Adds those of `texts` that are about the server: `SERVER.TOOL`, where both may be globs, and groups.
    pub(crate) fn add_qualified(&mut self, key: &Key, texts: &[String], context: &mut Context<'_>) {
        for text in texts {
            self.add(text, true, &rule(key, text), context);
        }
    }

    /// Whether it has no entry.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entry that matches this name.
    pub(crate) fn find(&self, name: &str) -> Option<&Rule> {
        self.entries.iter().find(|entry| entry.matches(name)).map(|entry| &entry.rule)
    }

    /// Each entry's rule, and whether the entry matches one of these names.
    pub(crate) fn uses(&self, names: &[&str]) -> impl Iterator<Item = (Rule, bool)> {
        self.entries.iter().map(|entry| (entry.rule.clone(), names.iter().any(|name| entry.matches(name))))
    }

    fn add(&mut self, text: &str, qualified: bool, rule: &Rule, context: &mut Context<'_>) {
        let Some(group) = text.strip_prefix('@') else { return self.add_tools(text, qualified, rule, context) };
        let Some(members) = context.source.groups.get(group) else {
            return context.errors.push(PolicyError::new(&rule.key, format!("unknown group {group:?}")));
        };
        // An error in a member is reported for the group.
        let mut untold = Vec::new();
        let mut context = Context { errors: &mut untold, ..*context };
        for member in members.iter().filter(|member| !member.starts_with('@')) {
            self.add_tools(member, true, rule, &mut context);
        }
    }

    fn add_tools(&mut self, text: &str, qualified: bool, rule: &Rule, context: &mut Context<'_>) {
        let patterns =
            if qualified { tools_of(text, context.server, context.servers, self.effect) } else { Ok(vec![text]) };
        let added = patterns.and_then(|patterns| patterns.into_iter().try_for_each(|text| self.push(text, rule)));
        if let Err(message) = added {
            context.errors.push(PolicyError::new(&rule.key, message));
        }
    }

    fn push(&mut self, pattern: &str, rule: &Rule) -> Result<(), String> {
        let is_name = self.effect == Effect::Restricts || !escapes(pattern);
        let literal = is_name.then(|| pattern.to_owned());
        self.entries.push(PatternEntry { literal, glob: Glob::new(pattern)?, rule: rule.clone() });
        Ok(())
    }
}

fn rule(key: &Key, text: &str) -> Rule {
    Rule { key: key.clone(), text: text.to_owned() }
}

/// Everything that is wrong with the groups, whether they are used or not.
pub(crate) fn check_groups(source: &PolicySource, errors: &mut Vec<PolicyError>) {
    for (group, members) in &source.groups {
        let key = Key::of("groups").below(group).below("tools");
        for member in members {
            let wrong = match member.split_once('.') {
                // A group inside a group could go round in a circle, and says nothing that its patterns cannot.
                _ if member.starts_with('@') => vec![format!("{member:?}: groups cannot be nested; list its patterns")],
                Some((server, tool)) => [server, tool].iter().filter_map(|part| Glob::new(part).err()).collect(),
                None => vec![unqualified(member)],
            };
            errors.extend(wrong.into_iter().map(|message| PolicyError::new(&key, message)));
        }
    }
}

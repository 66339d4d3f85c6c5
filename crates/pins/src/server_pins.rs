//! The pins of one server's tools, and what a list is against them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::definition::{Definition, Part};
use crate::digest::Digest;

/// The most tools of a server that are pinned: as many as a server may list.
const MAX_TOOLS: usize = 10_000;
/// The texts that are kept of one server's definitions, in bytes. What is beyond has digests alone.
const MAX_TEXT_BYTES: usize = 4 << 20;

/// The pins of the tools that a server lists to one credential.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ServerPins {
    /// The server's name in the configuration.
    pub server: String,
    /// Whose credential it was asked with. Empty: the one that everybody shares.
    pub credential: String,
    pub(crate) tools: BTreeMap<String, ToolPin>,
}

/// One tool, as it was accepted and as it is listed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct ToolPin {
    /// None: it came to a known server whose pins are enforced, and nobody accepted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pinned: Option<Pinned>,
    /// What the server lists, where that is something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    listed: Option<Definition>,
    /// The change that was reported last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reported: Option<Digest>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Pinned {
    /// When it was pinned, in milliseconds since 1970.
    at_ms: u64,
    definition: Definition,
}

/// A tool as its server lists it.
#[derive(Debug, Clone)]
pub struct Listed<'a> {
    /// Its name.
    pub name: &'a str,
    /// What the server says of it.
    pub definition: Definition,
}

/// Why a tool is not as it was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deviation {
    /// These parts of it are others.
    Changed(Vec<Part>),
    /// It was not there when its server was first seen.
    New,
    /// Its server has more tools than are pinned.
    NoRoom,
}

/// How a tool is against its pin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// As it was pinned, at this time in milliseconds since 1970.
    Pinned(u64),
    /// Otherwise.
    Deviates(Deviation),
    /// It is not pinned, and would be now.
    Unknown,
}

/// What came of [checking](ServerPins::check) a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// The tools that are not as they were accepted, by name.
    pub deviations: BTreeMap<String, Deviation>,
    /// Those of them that were not reported before. A tool for which there is no room is always among them.
    pub new: BTreeSet<String>,
    /// The tools that were pinned now, beside others that were pinned before.
    pub added: Vec<String>,
    /// Whether the pins are others than before, and have to be stored.
    pub is_other: bool,
}

/// A tool that was accepted as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The tool.
    pub tool: String,
    /// What was accepted.
    pub deviation: Deviation,
    /// The digest of its definition.
    pub digest: Digest,
}

impl ServerPins {
    /// No pins of a server.
    #[must_use]
    pub fn new(server: &str, credential: &str) -> Self {
        Self { server: server.to_owned(), credential: credential.to_owned(), tools: BTreeMap::new() }
    }

    /// Holds a list against the pins. Tools of a server that was never seen are pinned; `is_first` says that it was not. Of another
    /// one, those that are new are pinned unless pins are enforced. A tool that is not listed keeps its pin.
    ///
    /// A change that was reported, went away and came back is not reported again.
    pub fn check(&mut self, listed: &[Listed<'_>], is_first: bool, is_enforced: bool, now_ms: u64) -> Checked {
        let mut checked = Checked { is_other: is_first, ..Checked::default() };
        let names: BTreeSet<&str> = listed.iter().map(|tool| tool.name).collect();
        // First, so that there is room: a server cannot fill the file with names that it lists once.
        let before = self.tools.len();
        self.tools.retain(|name, pin| pin.pinned.is_some() || names.contains(name.as_str()));
        checked.is_other |= self.tools.len() != before;
        for (name, pin) in &mut self.tools {
            if !names.contains(name.as_str()) {
                checked.is_other |= pin.listed.take().is_some();
            }
        }
        for Listed { name, definition } in listed {
            let name = *name;
            let takes_new = is_first || !is_enforced;
            let has_room = self.tools.len() < MAX_TOOLS;
            if let Some(pin) = self.tools.get_mut(name) {
                pin.check(name, definition, takes_new, now_ms, &mut checked);
            } else if has_room {
                let mut pin = ToolPin::default();
                pin.check(name, definition, takes_new, now_ms, &mut checked);
                if takes_new && !is_first {
                    checked.added.push(name.to_owned());
                }
                self.tools.insert(name.to_owned(), pin);
            } else {
                checked.deviations.insert(name.to_owned(), Deviation::NoRoom);
                checked.new.insert(name.to_owned());
            }
        }
        self.bound_texts();
        checked
    }

    /// How a tool is against its pin, of which nothing is changed.
    #[must_use]
    pub fn standing(&self, tool: &Listed<'_>) -> Standing {
        match self.tools.get(tool.name) {
            None => Standing::Unknown,
            Some(ToolPin { pinned: None, .. }) => Standing::Deviates(Deviation::New),
            Some(ToolPin { pinned: Some(pinned), .. }) => match pinned.definition.changed_parts(&tool.definition) {
                changed if changed.is_empty() => Standing::Pinned(pinned.at_ms),
                changed => Standing::Deviates(Deviation::Changed(changed)),
            },
        }
    }

    /// What a tool was accepted as, in canonical JSON. None: it was not, or the text was too long to be kept.
    #[must_use]
    pub fn accepted_text(&self, tool: &str) -> Option<&str> {
        self.tools.get(tool)?.pinned.as_ref()?.definition.text()
    }

    /// The tools that were accepted, by name, and when that was, in milliseconds since 1970.
    pub fn accepted(&self) -> impl Iterator<Item = (&str, u64)> {
        self.tools.iter().filter_map(|(name, pin)| Some((name.as_str(), pin.pinned.as_ref()?.at_ms)))
    }

    /// Accepts the tools for which this holds as they were listed last. With `digest`, which may be the beginning of one in
    /// hexadecimal: only where the definition has it.
    pub fn accept(&mut self, is_chosen: impl Fn(&str) -> bool, digest: Option<&str>, now_ms: u64) -> Vec<Accepted> {
        let mut accepted = Vec::new();
        for (name, pin) in self.tools.iter_mut().filter(|(name, _)| is_chosen(name)) {
            let is_meant = |listed: &&Definition| digest.is_none_or(|digest| listed.digest().begins_with(digest));
            let Some(listed) = pin.listed.as_ref().filter(is_meant).cloned() else { continue };
            let deviation = match &pin.pinned {
                Some(pinned) => Deviation::Changed(pinned.definition.changed_parts(&listed)),
                None => Deviation::New,
            };
            accepted.push(Accepted { tool: name.clone(), deviation, digest: listed.digest() });
            *pin = ToolPin { pinned: Some(Pinned { at_ms: now_ms, definition: listed }), ..ToolPin::default() };
        }
        accepted
    }

    /// Forgets the tools for which this holds. How many those were.
    pub fn forget(&mut self, is_chosen: impl Fn(&str) -> bool) -> usize {
        let before = self.tools.len();
        self.tools.retain(|name, _| !is_chosen(name));
        before - self.tools.len()
    }

    /// What was pinned first keeps its text.
    fn bound_texts(&mut self) {
        let mut bytes = 0;
        for pin in self.tools.values_mut() {
            let definitions =
                pin.pinned.as_mut().map(|pinned| &mut pinned.definition).into_iter().chain(&mut pin.listed);
            for definition in definitions {
                bytes += definition.text().map_or(0, str::len);
                if bytes > MAX_TEXT_BYTES {
                    definition.forget_text();
                }
            }
        }
    }
}

impl ToolPin {
    fn check(&mut self, name: &str, definition: &Definition, takes_new: bool, now_ms: u64, checked: &mut Checked) {
        let Some(pinned) = &mut self.pinned else {
            if takes_new {
                let definition = definition.clone();
                *self = Self { pinned: Some(Pinned { at_ms: now_ms, definition }), ..Self::default() };
                checked.is_other = true;
            } else {
                self.deviates(name, Deviation::New, definition, checked);
            }
            return;
        };
        let changed = pinned.definition.changed_parts(definition);
        if changed.is_empty() {
            checked.is_other |= pinned.definition.adopt_other(definition);
            checked.is_other |= self.listed.take().is_some();
        } else {
            self.deviates(name, Deviation::Changed(changed), definition, checked);
        }
    }

    fn deviates(&mut self, name: &str, deviation: Deviation, definition: &Definition, checked: &mut Checked) {
        let digest = definition.digest();
        if self.listed.as_ref().map(Definition::digest) != Some(digest) {
            self.listed = Some(definition.clone());
            checked.is_other = true;
        }
        if self.reported.replace(digest) != Some(digest) {
            checked.new.insert(name.to_owned());
            checked.is_other = true;
        }
        checked.deviations.insert(name.to_owned(), deviation);
    }
}

#[cfg(test)]
mod tests {
    use exuvia_tool::{ToolAnnotations, ToolDescriptor};
    use serde_json::json;

    use super::*;

    const FIRST: (bool, bool) = (true, true);
    const ENFORCED: (bool, bool) = (false, true);
    const RECORDED: (bool, bool) = (false, false);

    fn definition(description: &str) -> Definition {
        Definition::of(
            &ToolDescriptor {
                name: String::new(),
                title: None,
                description: Some(description.to_owned()),
                input_schema: json!({"type": "object"}),
                output_schema: None,
                annotations: ToolAnnotations::default(),
            },
            None,
        )
    }

    /// What deviates, with a `!` where that is new, and whether anything is to be stored.
    fn check(pins: &mut ServerPins, how: (bool, bool), tools: &[(&str, &str)]) -> (Vec<String>, bool) {
        let listed: Vec<_> = tools.iter().map(|&(name, text)| Listed { name, definition: definition(text) }).collect();
        let checked = pins.check(&listed, how.0, how.1, 7);
        let shown = |(name, deviation): (&String, &Deviation)| {
            let mark = if checked.new.contains(name) { "!" } else { "" };
            let what = match deviation {
                Deviation::Changed(parts) => format!("{parts:?}"),
                other => format!("{other:?}"),
            };
            format!("{name}{mark} {what}")
        };
        (checked.deviations.iter().map(shown).collect(), checked.is_other)
    }

    fn none() -> Vec<String> {
        Vec::new()
    }

    #[test]
    fn tools_are_pinned_at_first_sight_and_a_change_is_reported_once() {
        let mut pins = ServerPins::new("crm", "");
        assert_eq!(check(&mut pins, FIRST, &[("a", "1"), ("b", "1")]), (none(), true));
        assert_eq!(check(&mut pins, RECORDED, &[("b", "1"), ("a", "1")]), (none(), false));
        let changed = |mark: &str| vec![format!("a{mark} [Description]")];
        assert_eq!(check(&mut pins, RECORDED, &[("a", "2"), ("b", "1")]), (changed("!"), true));
        assert_eq!(check(&mut pins, RECORDED, &[("a", "2"), ("b", "1")]), (changed(""), false));
        // It goes away and comes back, which is not another change; another one is.
        assert_eq!(check(&mut pins, ENFORCED, &[("a", "1"), ("b", "1")]), (none(), true));
        assert_eq!(check(&mut pins, ENFORCED, &[("a", "2"), ("b", "1")]), (changed(""), true));
        assert_eq!(check(&mut pins, ENFORCED, &[("a", "3"), ("b", "1")]), (changed("!"), true));
    }

    #[test]
    fn a_tool_that_was_away_keeps_its_pin() {
        let mut pins = ServerPins::new("crm", "");
        check(&mut pins, FIRST, &[("a", "1"), ("b", "1")]);
        assert_eq!(check(&mut pins, ENFORCED, &[("b", "1")]), (none(), false));
        assert_eq!(check(&mut pins, ENFORCED, &[("a", "1"), ("b", "1")]), (none(), false));
        assert_eq!(check(&mut pins, ENFORCED, &[]), (none(), false));
        assert_eq!(check(&mut pins, ENFORCED, &[("a", "2")]).0, ["a! [Description]"]);
        // What is not listed cannot be accepted.
        check(&mut pins, ENFORCED, &[]);
        assert_eq!(pins.accept(|_| true, None, 8), []);
    }

    #[test]
    fn a_new_tool_of_a_known_server_is_pinned_unless_pins_are_enforced() {
        let mut pins = ServerPins::new("crm", "");
        check(&mut pins, FIRST, &[("a", "1")]);
        assert_eq!(check(&mut pins, ENFORCED, &[("a", "1"), ("b", "1")]), (vec!["b! New".to_owned()], true));
        assert_eq!(check(&mut pins, ENFORCED, &[("a", "1"), ("b", "1")]), (vec!["b New".to_owned()], false));
        // One that nobody accepted and nobody lists any more takes no room.
        assert_eq!(check(&mut pins, ENFORCED, &[("a", "1")]), (none(), true));
        assert_eq!(pins.tools.len(), 1);
        check(&mut pins, ENFORCED, &[("a", "1"), ("b", "1")]);
        assert_eq!(check(&mut pins, RECORDED, &[("a", "1"), ("b", "1")]), (none(), true));
        assert_eq!(check(&mut pins, ENFORCED, &[("a", "1"), ("b", "2")]).0, ["b! [Description]"]);
        // A server that listed nothing at first was seen all the same.
        let mut pins = ServerPins::new("late", "");
        assert_eq!(check(&mut pins, FIRST, &[]), (none(), true));
        assert_eq!(check(&mut pins, ENFORCED, &[("a", "1")]).0, ["a! New"]);
    }

    #[test]
    fn what_is_accepted_is_what_was_listed_last() {
        let mut pins = ServerPins::new("crm", "");
        check(&mut pins, FIRST, &[("a", "1"), ("b", "1"), ("c", "1")]);
        check(&mut pins, ENFORCED, &[("a", "2"), ("b", "2"), ("c", "1"), ("d", "1")]);
        let digest = definition("2").digest().hex();
        assert_eq!(pins.accept(|name| name == "a", Some("00"), 8), []);
        let accepted = pins.accept(|name| name == "a", Some(&digest[..8]), 8);
        assert_eq!(accepted.len(), 1);
        assert_eq!(
            (accepted[0].tool.as_str(), &accepted[0].deviation),
            ("a", &Deviation::Changed(vec![Part::Description]))
        );
        assert_eq!(check(&mut pins, ENFORCED, &[("a", "2"), ("b", "2"), ("c", "1")]).0, ["b [Description]"]);
        check(&mut pins, ENFORCED, &[("a", "2"), ("b", "2"), ("c", "1"), ("d", "1")]);
        let accepted: Vec<String> = pins.accept(|_| true, None, 9).into_iter().map(|one| one.tool).collect();
        assert_eq!(accepted, ["b", "d"]);
        assert_eq!(check(&mut pins, ENFORCED, &[("a", "2"), ("b", "2"), ("c", "1"), ("d", "1")]), (none(), false));
        assert_eq!(
            check(&mut pins, ENFORCED, &[("a", "1")]).0,
            ["a! [Description]"],
            "what it was before is a change now"
        );
    }

    #[test]
    fn the_number_of_pins_and_their_texts_are_bounded() {
        let names: Vec<String> = (0..MAX_TOOLS + 2).map(|number| format!("t{number}")).collect();
        let text = "x".repeat(1_000);
        let all: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), text.as_str())).collect();
        let mut pins = ServerPins::new("crm", "");
        assert_eq!(check(&mut pins, FIRST, &all).0, ["t10000! NoRoom", "t10001! NoRoom"]);
        let bytes: usize = pins.tools.keys().filter_map(|name| pins.accepted_text(name)).map(str::len).sum();
        assert!((MAX_TEXT_BYTES - 2_000..=MAX_TEXT_BYTES).contains(&bytes), "{bytes}");
        assert_eq!(pins.forget(|name| name.starts_with("t1")), 1_111);
        assert_eq!(check(&mut pins, RECORDED, &all[10_000..]).0, none());
    }

    #[test]
    fn how_a_tool_stands_changes_nothing() {
        let mut pins = ServerPins::new("crm", "");
        check(&mut pins, FIRST, &[("a", "1")]);
        check(&mut pins, ENFORCED, &[("a", "1"), ("b", "1")]);
        let standing = |name: &str, text: &str| pins.standing(&Listed { name, definition: definition(text) });
        assert_eq!(standing("a", "1"), Standing::Pinned(7));
        assert_eq!(standing("a", "2"), Standing::Deviates(Deviation::Changed(vec![Part::Description])));
        assert_eq!(standing("b", "1"), Standing::Deviates(Deviation::New));
        assert_eq!(standing("c", "1"), Standing::Unknown);
        assert_eq!(pins.accepted().collect::<Vec<_>>(), [("a", 7)]);
    }
}

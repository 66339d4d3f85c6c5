//! What a conversation has shown so far.

/// What the user said, and what a model read since, in order.
#[derive(Debug, Default)]
pub(super) struct Seen {
    texts: Vec<String>,
    prompt: String,
}

impl Seen {
    /// What the user said is known from the start.
    pub(super) fn of(prompt: &str) -> Self {
        Self { texts: Vec::new(), prompt: prompt.to_owned() }
    }

    pub(super) fn add(&mut self, text: impl Into<String>) {
        self.texts.push(text.into());
    }

    /// Whether this word stands somewhere in what was read, as a word of its own.
    pub(super) fn has_word(&self, word: &str) -> bool {
        self.texts.iter().any(|text| has_word(text, word))
    }

    /// Whether this stands somewhere as a key or a field, in quotes, before a colon or between commas; or, as a word, in what the user said.
    pub(super) fn has_key(&self, key: &str) -> bool {
        has_word(&self.prompt, key) || self.texts.iter().any(|text| has_key(text, key))
    }

    /// Whether this text stands somewhere, in any case.
    pub(super) fn has_text(&self, text: &str) -> bool {
        let wanted = text.to_lowercase();
        self.texts.iter().chain([&self.prompt]).any(|seen| seen.to_lowercase().contains(&wanted))
    }

    /// The parameters of a tool, and its result's type, as far as a signature of it was shown by a text about its server.
    pub(super) fn signature(&self, server: &str, tool: &str) -> Option<Signature<'_>> {
        let about = self.texts.iter().filter(|text| has_word(text, server));
        about.filter_map(|text| signature(text, server, tool)).next_back()
    }

    /// The line of the latest text that names both, where tools were listed.
    pub(super) fn line(&self, server: &str, tool: &str) -> Option<&str> {
        let lines = self.texts.iter().rev().flat_map(|text| text.lines());
        lines.into_iter().find(|line| has_word(line, server) && has_word(line, tool))
    }
}

/// A tool as it was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Signature<'a> {
    parameters: &'a str,
    result: &'a str,
}

impl Signature<'_> {
    /// Whether it has a parameter of this name.
    pub(super) fn has(&self, parameter: &str) -> bool {
        has_word(self.parameters, parameter)
    }

    /// Whether it says of which type the result is, in a way that more documentation could explain.
    pub(super) fn has_type(&self) -> bool {
        let result = self.result.trim_start();
        result.starts_with("->")
            && !["-> Any", "-> str", "-> dict", "-> None"].iter().any(|vague| result.starts_with(vague))
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn places<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    text.match_indices(word).map(|(place, _)| place).filter(move |&place| {
        let before = text[..place].chars().next_back();
        let after = text[place + word.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

fn has_word(text: &str, word: &str) -> bool {
    !word.is_empty() && places(text, word).next().is_some()
}

fn has_key(text: &str, key: &str) -> bool {
    !key.is_empty()
        && places(text, key).any(|place| {
            let quoted = text[..place].ends_with(['"', '\'']);
            let after = &text[place + key.len()..];
            // As a column stands in the head of a table of commas.
            let before = &text[..place];
            let in_row =
                (before.ends_with([',', '\n']) || before.ends_with("columns ")) && after.starts_with([',', '\n']);
            quoted || in_row || after.trim_start().starts_with(':')
        })
}

/// `tool(...) -> ...`, as a stub, a list of hits or documentation shows it.
fn signature<'a>(text: &'a str, server: &str, tool: &str) -> Option<Signature<'a>> {
    let found = places(text, tool).filter_map(|place| {
        // A tool of this name of another server is another tool.
        if let Some(before) = text[..place].strip_suffix('.') {
            before.ends_with(server).then_some(())?;
        }
        let rest = &text[place + tool.len()..];
        let inner = rest.strip_prefix('(')?;
        let end = closing(inner)?;
        // An example of a call is no signature: parameters have types.
        let parameters = &inner[..end];
        let is_declared = parameters.trim().is_empty() || parameters.contains(':');
        let result = inner[end + 1..].lines().next().unwrap_or_default();
        is_declared.then_some(Signature { parameters, result })
    });
    let found: Vec<Signature<'a>> = found.collect();
    found.into_iter().max_by_key(|signature| signature.parameters.len())
}

/// Where the parenthesis that was opened before `text` closes.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (place, c) in text.char_indices() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' if depth == 0 => return Some(place),
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> Seen {
        let mut seen = Seen::default();
        seen.add(text);
        seen
    }

    #[test]
    fn words_stand_alone() {
        let seen = seen("crm.get_orders lists orders");
        assert!(seen.has_word("orders") && seen.has_word("get_orders") && seen.has_word("crm"));
        assert!(!seen.has_word("get") && !seen.has_word("order"));
    }

    #[test]
    fn keys_are_shown_by_code_not_by_prose() {
        for text in [
            r#"{"total": 1}"#,
            "{'total': 1}",
            "class Page:\n    total: int",
            "id,total,date\n1,2,3",
            "[3 objects, columns total,date:\n1,2",
            r#"-> {"total": int}"#,
        ] {
            assert!(seen(text).has_key("total"), "{text}");
        }
        assert!(!seen("the total of all items").has_key("total"));
        assert!(Seen::of("the total of all items").has_key("total"), "the user's own word");
    }

    #[test]
    fn a_signature_has_its_parameters_in_stubs_and_in_hits() {
        for text in [
            "# 1 tool. Call crm.NAME(...).\ndef find(name: str, kind: Literal[\"a\", \"b\"] = ...) -> Any:\n",
            "crm.find(name: str, kind: str = \"a\") -> Any  # no schema\nFor example crm.find(name=\"x\")",
        ] {
            let seen = seen(text);
            let found = seen.signature("crm", "find").unwrap();
            assert!(found.has("name") && found.has("kind") && !found.has("limit"), "{found:?}");
            assert!(!found.has_type());
        }
        assert_eq!(seen("crm.pyi find: finds (quickly)").signature("crm", "find"), None);
        assert_eq!(seen("def find(name: str) -> Hit:").signature("crm", "find"), None, "of another server");
        let two = seen("crm.list() -> Any\nmail.find(text: str) -> Any");
        assert_eq!(two.signature("crm", "find"), None, "of another server in the same answer");
        assert!(seen("crm\ndef find(name: str) -> Hit:").signature("crm", "find").unwrap().has_type());
    }
}

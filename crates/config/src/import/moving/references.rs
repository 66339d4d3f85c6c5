//! References to variables in entries of other clients, kept while the entries are read as what they come to.

use std::collections::BTreeMap;

/// What stands in place of a reference while entries are read: valid in every part of an address or a header.
const MARK: (&str, &str) = ("zexuviaref", "z");
/// References that are replaced by what they stand for: they hold for the folder of the client.
const RESOLVED: [&str; 5] = ["userHome", "pathSeparator", "/", "workspaceFolder", "workspaceFolderBasename"];
/// The variable that holds what the client asks its user for: `${input:ID}`.
const INPUT: &str = "EXUVIA_INPUT_";

/// The references of a text, in the order of their marks.
pub(super) struct References(Vec<String>);

impl References {
    /// The text with a mark in place of each reference that is kept.
    pub(super) fn mark(text: &str) -> (String, Self) {
        let (mut out, mut rest, mut found) = (String::with_capacity(text.len()), text, Vec::new());
        while let Some(start) = rest.find("${") {
            out.push_str(&rest[..start]);
            rest = &rest[start..];
            let Some(length) = rest.find('}') else { break };
            match kept(&rest[2..length]) {
                Some(body) => {
                    out.push_str(&format!("{}{}{}", MARK.0, found.len(), MARK.1));
                    found.push(body);
                }
                None => out.push_str(&rest[..=length]),
            }
            rest = &rest[length + 1..];
        }
        out.push_str(rest);
        (out, Self(found))
    }

    /// The text with references as `exuvia.toml` has them, and which variables those are.
    pub(super) fn unmark(&self, text: &str, variables: &mut BTreeMap<String, String>) -> String {
        self.replaced(text, |body| {
            let (name, default) = body.split_once(":-").unwrap_or((body, ""));
            let name = match name.strip_prefix("input:") {
                Some(id) => input_variable(id),
                None => name.strip_prefix("env:").unwrap_or(name).to_owned(),
            };
            let reference = format!("${{{name}:-{default}}}");
            variables.insert(name, format!("${{{body}}}"));
            reference
        })
    }

    /// The text as it was.
    pub(super) fn written(&self, text: &str) -> String {
        self.replaced(text, |body| format!("${{{body}}}"))
    }

    fn replaced(&self, text: &str, mut reference: impl FnMut(&str) -> String) -> String {
        let (mut out, mut rest) = (String::with_capacity(text.len()), text);
        while let Some(start) = rest.find(MARK.0) {
            out.push_str(&rest[..start]);
            rest = &rest[start + MARK.0.len()..];
            let end = rest.find(MARK.1).unwrap_or(rest.len());
            let Some(body) = rest[..end].parse().ok().and_then(|index: usize| self.0.get(index)) else {
                out.push_str(MARK.0);
                continue;
            };
            rest = rest.get(end + MARK.1.len()..).unwrap_or_default();
            out.push_str(&reference(body));
        }
        out.push_str(rest);
        out
    }
}

/// `${input:api-key}` is handed on as `EXUVIA_INPUT_API_KEY`.
fn input_variable(id: &str) -> String {
    let name = id.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' });
    INPUT.chars().chain(name).collect()
}

/// What is between the braces, as a part of a text of JSON, of a reference to a variable or an input. None: it is another one, and is
/// replaced by what it stands for.
fn kept(body: &str) -> Option<String> {
    let body: String = serde_json::from_str(&format!("\"{body}\"")).ok()?;
    let name = body.split(":-").next().unwrap_or_default();
    let name = name.strip_prefix("env:").or_else(|| name.strip_prefix("input:").map(|_| "input")).unwrap_or(name);
    let is_variable = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (is_variable && !RESOLVED.contains(&body.as_str())).then_some(body)
}

/// The text without what a client asks its user for.
pub(super) fn without_inputs(text: &str) -> String {
    let mut parts = text.split("${input:");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('}').map_or(part, |(_, rest)| rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(text: &str) -> (String, Vec<String>) {
        let (marked, references) = References::mark(text);
        assert!(!marked.contains("${A"), "{marked}");
        let mut variables = BTreeMap::new();
        let written = references.unmark(&marked, &mut variables);
        assert!(references.written(&marked) == text || text.contains('\\'), "{text}");
        (written, variables.into_iter().map(|(name, reference)| format!("{name}={reference}")).collect())
    }

    #[test]
    fn references_are_kept_with_their_defaults_and_what_stands_around_them() {
        for (text, written, variables) in [
            ("x${A}y", "x${A:-}y", &["A=${A}"][..]),
            ("${env:A}${A:-b}", "${A:-}${A:-b}", &["A=${A:-b}"]),
            (r#"${A:-a \"b\"}"#, r#"${A:-a "b"}"#, &[r#"A=${A:-a "b"}"#]),
            ("${input:my-key}", "${EXUVIA_INPUT_MY_KEY:-}", &["EXUVIA_INPUT_MY_KEY=${input:my-key}"]),
            ("${workspaceFolder}/${x%%.*} $A ${command:a} ${", "${workspaceFolder}/${x%%.*} $A ${command:a} ${", &[]),
        ] {
            assert_eq!(
                round(text),
                (written.to_owned(), variables.iter().map(|&text| text.to_owned()).collect()),
                "{text}"
            );
        }
    }

    #[test]
    fn inputs_come_to_nothing() {
        assert_eq!(without_inputs("a ${input:x y} b ${A}${input:z}"), "a  b ${A}");
    }
}

//! What a docstring says: of the function, and of each of its parameters.

use std::collections::BTreeMap;

/// The longest description, in bytes.
const MAX_BYTES: usize = 4_000;
/// How sections are headed that describe parameters.
const PARAMETERS: [&str; 3] = ["Args:", "Arguments:", "Parameters:"];

/// A docstring, taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Docstring {
    /// All but the section on parameters.
    pub(crate) description: String,
    /// By the name of a parameter.
    pub(crate) parameters: BTreeMap<String, String>,
}

impl Docstring {
    pub(crate) fn read(text: &str) -> Self {
        let text = dedented(text);
        let (mut description, mut parameters) = (Vec::new(), BTreeMap::<String, String>::new());
        // How far the entries of the section are indented, once the first one is met.
        let mut section: Option<Option<usize>> = None;
        let mut latest: Option<String> = None;
        for line in text.lines() {
            let indent = line.len() - line.trim_start().len();
            let trimmed = line.trim();
            match section {
                None if PARAMETERS.contains(&trimmed) => section = Some(None),
                None => description.push(line),
                Some(_) if indent == 0 && !trimmed.is_empty() => {
                    section = None;
                    description.push(line);
                }
                Some(_) if trimmed.is_empty() => {}
                Some(depth) if depth.is_none_or(|depth| indent <= depth) => {
                    section = Some(Some(indent));
                    latest = entry(trimmed).map(|(name, text)| {
                        parameters.insert(name.clone(), text);
                        name
                    });
                }
                Some(_) => {
                    if let Some(text) = latest.as_ref().and_then(|name| parameters.get_mut(name)) {
                        *text = format!("{text} {trimmed}");
                    }
                }
            }
        }
        parameters.values_mut().for_each(bound);
        let mut description = description.join("\n").trim().to_owned();
        bound(&mut description);
        Self { description, parameters }
    }
}

/// `name: text` or `name (type): text`.
fn entry(line: &str) -> Option<(String, String)> {
    let (name, text) = line.split_once(':')?;
    let name = name.split(['(', ' ']).next()?.trim_start_matches('*');
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    is_name.then(|| (name.to_owned(), text.trim().to_owned()))
}

fn bound(text: &mut String) {
    text.truncate(text.floor_char_boundary(MAX_BYTES));
}

/// Without the indentation that all lines but the first have.
fn dedented(text: &str) -> String {
    let rest = || text.lines().skip(1).filter(|line| !line.trim().is_empty());
    let indent = rest().map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    let lines = text.lines().enumerate().map(|(number, line)| match number {
        0 => line.trim(),
        _ => line.get(indent..).unwrap_or("").trim_end(),
    });
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_on_parameters_is_taken_out() {
        let text = "Counts orders.\n\n    More of it.\n\n    Args:\n        region (str): where,\n            or everywhere\n        days: since\n\
                    \n    Returns:\n        a number\n    ";
        let Docstring { description, parameters } = Docstring::read(text);
        assert_eq!(description, "Counts orders.\n\nMore of it.\n\nReturns:\n    a number");
        let expected = [("region", "where, or everywhere"), ("days", "since")];
        assert_eq!(parameters, expected.map(|(name, text)| (name.to_owned(), text.to_owned())).into());
    }

    #[test]
    fn odd_docstrings_are_descriptions() {
        assert_eq!(Docstring::read("").description, "");
        assert_eq!(Docstring::read("  One line.  ").description, "One line.");
        assert_eq!(Docstring::read("A\n  é\nb").description, "A\n  é\nb");
        assert!(Docstring::read(&"ä".repeat(9_000)).description.len() <= MAX_BYTES);
    }
}

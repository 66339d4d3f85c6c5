//! The names of functions.

use std::fmt;
use std::str::FromStr;

use crate::{FunctionError, PROPOSE};

/// The longest part of a name, in bytes.
const PART_BYTES: usize = 64;

/// The name of a function: `report`, or in a namespace, such as that of a team, `sales.report`. As a tool it has this name; scripts write
/// `functions.report(...)` and `functions.sales_report(...)`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FunctionName {
    namespace: Option<String>,
    name: String,
}

impl FunctionName {
    /// The namespace. None: it is in none.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// The name of the `def`.
    #[must_use]
    pub fn function(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for FunctionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

impl FromStr for FunctionName {
    type Err = FunctionError;

    fn from_str(text: &str) -> Result<Self, FunctionError> {
        let (namespace, name) = match text.split_once('.') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, text),
        };
        if !namespace.into_iter().chain([name]).all(is_part) {
            let message = "a function's name is NAME or NAMESPACE.NAME, each of at most 64 lower-case letters, digits and `_`, \
                           and beginning with a letter";
            return Err(FunctionError::new(message));
        }
        if text == PROPOSE || RESERVED.contains(&name) {
            return Err(FunctionError::new(format!("`{name}` is taken: choose another name")));
        }
        Ok(Self { namespace: namespace.map(str::to_owned), name: name.to_owned() })
    }
}

/// Keywords of Python that could pass for a name.
const RESERVED: [&str; 32] = [
    "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif", "else", "except",
    "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise",
    "return", "try", "while", "with", "yield",
];

fn is_part(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    text.len() <= PART_BYTES && text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_at_most_one_namespace_and_is_an_identifier() {
        for name in ["report", "sales.report", "a1_b"] {
            assert_eq!(name.parse::<FunctionName>().expect("a name").to_string(), name);
        }
        let long = "a".repeat(65);
        for wrong in
            ["", ".", "a.", ".a", "a.b.c", "A", "_a", "1a", "a-b", "é", "for", "a.if", "propose", "../a", &long]
        {
            assert!(wrong.parse::<FunctionName>().is_err(), "{wrong}");
        }
        assert!("sales.propose".parse::<FunctionName>().is_ok());
    }
}

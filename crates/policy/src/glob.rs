//! Globs of names.

use globset::GlobBuilder;
use regex::bytes::{Regex, RegexBuilder};

/// How long a pattern may be.
const PATTERN_BYTES: usize = 1_024;

/// Signs that mean something in a glob, each of which stands for itself in brackets.
const SIGNS: [&str; 8] = ["[?]", "[*]", "[[]", "[]]", "[{]", "[}]", "[@]", "[.]"];

/// A compiled pattern for names. `*` matches every character; case matters.
#[derive(Debug, Clone)]
pub(crate) struct Glob(Regex);

impl Glob {
    /// Compiles a pattern.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(crate) fn new(pattern: &str) -> Result<Self, String> {
        if pattern.len() > PATTERN_BYTES {
            return Err(format!("a pattern must be at most {PATTERN_BYTES} bytes"));
        }
        let glob = GlobBuilder::new(pattern).literal_separator(false).backslash_escape(true).build();
        let glob = glob.map_err(|error| format!("{pattern:?}: {}", error.kind()))?;
        // globset's own matcher panics where the expression is too large or nests too deep.
        let regex = RegexBuilder::new(glob.regex()).dot_matches_new_line(true).build();
        Ok(Self(regex.map_err(|_| format!("{pattern:?}: nests too deep"))?))
    }

    pub(crate) fn matches(&self, name: &str) -> bool {
        self.0.is_match(name.as_bytes())
    }
}

/// Whether a pattern writes a sign in brackets so that it stands for itself: then it is no name of its own.
pub(crate) fn escapes(pattern: &str) -> bool {
    SIGNS.iter().any(|sign| pattern.contains(sign))
}

/// A tool's name as a pattern that means it alone.
#[must_use]
pub fn literal(name: &str) -> String {
    // A group begins with this sign: as the glob of one sign it begins none.
    match name.strip_prefix('@') {
        Some(rest) => format!("[@]{}", globset::escape(rest)),
        None => globset::escape(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_goes_over_every_sign_and_capitals_count() {
        let matches = |pattern: &str, name: &str| Glob::new(pattern).unwrap().matches(name);
        for (pattern, name) in [
            ("a*", "a/b/c"),
            ("*", ""),
            ("*", "a\nb"),
            ("a?c", "a/c"),
            ("{a,b{c,d}}x", "bdx"),
            ("[!a]x", "bx"),
            ("a\\*", "a*"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("a*", "A/b"), ("a*", "ba"), ("a", "ab"), ("[!a]x", "ax"), ("a\\*", "ab"), ("", "a")] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_that_does_not_compile_is_an_error() {
        assert!(Glob::new(&"a".repeat(1_024)).is_ok());
        assert_eq!(Glob::new(&"a".repeat(1_025)).unwrap_err(), "a pattern must be at most 1024 bytes");
        let nested = format!("{}a{}", "{".repeat(400), "}".repeat(400));
        assert!(Glob::new(&nested).unwrap_err().ends_with("nests too deep"));
        assert_eq!(Glob::new("[a").unwrap_err(), "\"[a\": unclosed character class; missing ']'");
    }

    #[test]
    fn only_what_escapes_is_no_name() {
        for pattern in ["a[*]", "[?]", "[[]x[]]", "[{]", "[}]", "[@]a", "a[.]b"] {
            assert!(escapes(pattern), "{pattern}");
        }
        for pattern in ["a*", "a[b]", "[]", "{a,b}", "a", "[*", "a.b"] {
            assert!(!escapes(pattern), "{pattern}");
        }
        for name in ["@a", "a[b]", "*", "a?", "{x}", "plain", "a@b"] {
            assert!(Glob::new(&literal(name)).unwrap().matches(name) && !literal(name).starts_with('@'), "{name}");
        }
        assert_eq!(literal("a@b"), "a@b");
    }
}

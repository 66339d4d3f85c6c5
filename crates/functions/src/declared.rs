//! The tools that a file says its function calls.

use crate::FunctionError;

/// How a line begins that names tools.
const HEADER: &str = "# tools:";
/// The most patterns of one file.
const MAX_PATTERNS: usize = 100;
/// The longest pattern, in bytes.
const MAX_PATTERN_BYTES: usize = 256;

/// The patterns of the header, `# tools: crm.get_*, billing.list_invoices`, in the comments that the file begins with. None: it says nothing.
pub(crate) fn patterns(source: &str) -> Result<Option<Vec<String>>, FunctionError> {
    let mut found: Option<Vec<String>> = None;
    for (number, line) in (1..).zip(source.trim_start_matches('\u{feff}').lines()) {
        let line = line.trim();
        if !line.is_empty() && !line.starts_with('#') {
            break;
        }
        let Some(listed) = line.strip_prefix(HEADER) else { continue };
        let patterns = found.get_or_insert_default();
        for pattern in listed.split([',', ' ']).filter(|pattern| !pattern.is_empty()) {
            if !pattern.contains('.') || pattern.len() > MAX_PATTERN_BYTES {
                return Err(FunctionError::at(
                    number,
                    "write `# tools: SERVER.TOOL, ...`, for example `# tools: crm.get_*`",
                ));
            }
            patterns.push(pattern.to_owned());
        }
        if patterns.len() > MAX_PATTERNS {
            return Err(FunctionError::at(number, format!("a function names at most {MAX_PATTERNS} tools")));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_comments_at_the_beginning_name_tools() {
        let of = |source| patterns(source).expect("a header");
        assert_eq!(of("def a(): ..."), None);
        assert_eq!(of("# tools:\ndef a(): ..."), Some(vec![]));
        let named = ["crm.get_*", "billing.x", "a.b"].map(str::to_owned).to_vec();
        assert_eq!(of("# About it.\n\n# tools: crm.get_*, billing.x\n# tools: a.b\nx = 1\n# tools: c.d"), Some(named));
        assert!(patterns("# tools: crm").is_err());
    }
}

//! Gemini CLI takes `$NAME` for a variable, as shells do.

/// The text with `${NAME}` in place of `$NAME`.
pub(super) fn translated(config: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(config.len()), config);
    while let Some(start) = rest.find('$') {
        let after = &rest[start + 1..];
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let length = after.find(|c: char| !is_of_name(c)).unwrap_or(after.len());
        out.push_str(&rest[..start]);
        match after.starts_with(|c: char| is_of_name(c) && !c.is_ascii_digit()) {
            true => out.push_str(&format!("${{{}}}", &after[..length])),
            false => out.push_str(&rest[start..=start + length]),
        }
        rest = &after[length..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_references_and_nothing_else_does() {
        let text = r#"{"$schema": 1, "A": "$KEY", "B": "Bearer ${KEY}", "C": "5$ or $5", "D": "$A$B_2-x$"}"#;
        let read = r#"{"${schema}": 1, "A": "${KEY}", "B": "Bearer ${KEY}", "C": "5$ or $5", "D": "${A}${B_2}-x$"}"#;
        assert_eq!(translated(text), read);
    }
}

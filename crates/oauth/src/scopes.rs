//! Scopes: what a token may be used for.

/// Scopes of one server. Further ones are not taken notice of.
const MOST: usize = 64;
/// The longest scope that is taken notice of.
const SCOPE_BYTES: usize = 256;

/// The scopes in a list as servers write it. What has not the form of a scope (RFC 6749, 3.3) is left out.
pub(crate) fn parse(list: &str) -> Vec<String> {
    let words = list.split_ascii_whitespace().filter(|word| word.len() <= SCOPE_BYTES && word.bytes().all(is_allowed));
    union(&[], words)
}

fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'"' && byte != b'\\'
}

/// The first list, and what the second has besides.
pub(crate) fn union<'a>(first: &[String], second: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut all = first.to_vec();
    for scope in second {
        if all.len() < MOST && !all.iter().any(|known| known == scope) {
            all.push(scope.to_owned());
        }
    }
    all
}

/// [`union`] of two lists.
pub(crate) fn both(first: &[String], second: &[String]) -> Vec<String> {
    union(first, second.iter().map(String::as_str))
}

/// Whether everything that is wanted is granted.
pub(crate) fn cover(granted: &[String], wanted: &[String]) -> bool {
    wanted.iter().all(|scope| granted.contains(scope))
}

/// The scopes as one word of a command line, if it is certain that no shell finds more in it: a server chose them, and
/// somebody will copy the line.
pub(crate) fn quoted(scopes: &[String]) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/+,@=~".contains(&byte);
    (!scopes.is_empty() && scopes.iter().all(|scope| scope.bytes().all(plain)))
        .then(|| format!("\"{}\"", scopes.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_bounded_and_hold_only_scopes() {
        assert_eq!(parse("read  write read"), ["read", "write"]);
        assert_eq!(parse("a\u{7f} b\"c d\\e \u{e9} ok"), ["ok"]);
        assert!(parse(&"x".repeat(SCOPE_BYTES + 1)).is_empty());
        let many: Vec<String> = (0..1000).map(|n| n.to_string()).collect();
        assert_eq!(parse(&many.join(" ")).len(), MOST);
    }

    #[test]
    fn a_command_line_holds_no_scope_that_a_shell_would_read() {
        assert_eq!(
            quoted(&parse("tools:read https://example.com/a")),
            Some(r#""tools:read https://example.com/a""#.into())
        );
        for scope in ["$(reboot)", "`reboot`", "a;b", "a!b", "a$b"] {
            assert_eq!(quoted(&parse(scope)), None, "{scope}");
        }
    }
}

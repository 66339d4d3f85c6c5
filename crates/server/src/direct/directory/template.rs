//! Templates of addresses (RFC 6570), read backwards: whether an address can be what one expands to.

/// The most expressions of a template. One with more matches nothing.
const EXPRESSIONS: usize = 16;

/// A template that begins with the scheme of its addresses. One that does not could stand for all addresses of all servers, and
/// is none here.
#[derive(Debug)]
pub(super) struct Template(Vec<Part>);

#[derive(Debug, PartialEq, Eq)]
enum Part {
    /// What stands there in every address.
    Literal(String),
    /// What an expression becomes.
    Expression {
        /// What it begins with, where it becomes anything.
        first: Option<u8>,
        /// What it does not go over.
        ends_at: &'static [u8],
    },
}

impl Template {
    /// `None`: it is none that addresses are held against.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (mut parts, mut rest, mut expressions) = (Vec::new(), text, 0);
        while let Some((literal, after)) = rest.split_once('{') {
            let (expression, after) = after.split_once('}')?;
            expressions += 1;
            if expressions > EXPRESSIONS {
                return None;
            }
            parts.push(Part::Literal(literal.to_owned()));
            parts.push(of_expression(expression)?);
            rest = after;
        }
        parts.push(Part::Literal(rest.to_owned()));
        let has_scheme = matches!(parts.first(), Some(Part::Literal(literal)) if literal.contains(':'));
        (has_scheme && expressions > 0).then_some(Self(parts))
    }

    /// Whether an address can be one of its own. Takes as many steps as the address is long, for each part.
    pub(super) fn matches(&self, address: &str) -> bool {
        let text = address.as_bytes();
        // The places in the address that the parts so far can end at.
        let mut places = vec![false; text.len() + 1];
        places[0] = true;
        for part in &self.0 {
            places = match part {
                Part::Literal(literal) => after_literal(text, &places, literal.as_bytes()),
                Part::Expression { first, ends_at } => after_expression(text, &places, *first, ends_at),
            };
            if !places.contains(&true) {
                return false;
            }
        }
        places.last() == Some(&true)
    }
}

/// What an expression stands for, by its operator. What servers and clients leave unencoded in values varies: they go as far as
/// the next sign that parts an address.
fn of_expression(expression: &str) -> Option<Part> {
    let (first, ends_at): (Option<u8>, &[u8]) = match expression.as_bytes().first()? {
        b'+' => (None, b""),
        b'#' => (Some(b'#'), b""),
        b'.' => (Some(b'.'), b"/?#"),
        b'/' => (Some(b'/'), b"?#"),
        b';' => (Some(b';'), b"/?#"),
        b'?' => (Some(b'?'), b"#"),
        b'&' => (Some(b'&'), b"#"),
        letter if letter.is_ascii_alphanumeric() || matches!(letter, b'_' | b'%') => (None, b"/?#"),
        _ => return None,
    };
    Some(Part::Expression { first, ends_at })
}

fn after_literal(text: &[u8], places: &[bool], literal: &[u8]) -> Vec<bool> {
    let mut after = vec![false; places.len()];
    for (place, _) in places.iter().enumerate().filter(|&(_, &is_one)| is_one) {
        if text[place..].starts_with(literal) {
            after[place + literal.len()] = true;
        }
    }
    after
}

fn after_expression(text: &[u8], places: &[bool], first: Option<u8>, ends_at: &[u8]) -> Vec<bool> {
    // It may become nothing.
    let mut after = places.to_vec();
    let mut goes_on = false;
    for place in 0..text.len() {
        let begins = places[place] && first.is_none_or(|first| text[place] == first);
        let is_end = ends_at.contains(&text[place]);
        goes_on = match first {
            Some(_) => begins || goes_on && !is_end,
            None => (begins || goes_on) && !is_end,
        };
        after[place + 1] |= goes_on;
    }
    after
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_matches_the_templates_that_can_become_it() {
        for (template, matches, others) in [
            ("x://{b}", &["x://b", "x://a:b@c", "x://"][..], &["x://a/b", "x://a?b", "y://b", "x:/b", ""][..]),
            ("x://{a}/{b}", &["x://1/2", "x:///"], &["x://1", "x://1/2/3"]),
            ("x://{+path}", &["x://a/b?c#d", "x://"], &["x:/a"]),
            (
                "repo://{owner}/{repo}/contents{/path*}",
                &["repo://o/r/contents", "repo://o/r/contents/a/b"],
                &["repo://o/r/contentsa", "repo://o/r"],
            ),
            ("x://a{?q,r}", &["x://a", "x://a?q=1&r=/2"], &["x://ab", "x://a?q#f"]),
            ("x://a{;p}{#f}", &["x://a;p=1#f/g", "x://a#f", "x://a"], &["x://a/f"]),
            ("x://{a}.json", &["x://a.json", "x://a.json.json"], &["x://a.jso", "x://a.json5"]),
            ("größe:{a}", &["größe:ä"], &["große:ä"]),
        ] {
            let parsed = Template::parse(template).unwrap_or_else(|| panic!("{template}"));
            for address in matches {
                assert!(parsed.matches(address), "{template} {address}");
            }
            for address in others {
                assert!(!parsed.matches(address), "{template} {address}");
            }
        }
    }

    #[test]
    fn an_invalid_or_too_general_template_matches_nothing() {
        let many = format!("x:{}", "{a}".repeat(EXPRESSIONS + 1));
        for text in ["{+all}", "{scheme}://x", "x://a", "x://{", "x://{}", "x://{!a}", "{a}:", &many] {
            assert!(Template::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn the_work_of_a_match_is_bounded_by_the_lengths() {
        let template = Template::parse(&format!("x:{}!", "{+a}a".repeat(EXPRESSIONS))).expect("a template");
        let begun = std::time::Instant::now();
        assert!(!template.matches(&format!("x:{}", "a".repeat(4_096))));
        assert!(begun.elapsed() < std::time::Duration::from_secs(2));
    }
}

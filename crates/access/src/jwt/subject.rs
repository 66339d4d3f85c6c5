//! The names of identity providers' users.

use exuvia_tool::Principal;

/// The longest subject, percent-encoded, in bytes: it is a part of records, metrics and spans.
const SUBJECT_BYTES: usize = 256;

/// A provider's user. Whatever is not unreserved in a URL (RFC 3986, 2.3) is percent-encoded, so that different users have different
/// names, none of which has anything in it that a log, a path or a terminal obeys. None: the subject is empty or too long.
pub(super) fn user(provider: &str, subject: &str) -> Option<Principal> {
    let mut name = format!("{provider}/");
    let before = name.len();
    for byte in subject.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => name.push(char::from(byte)),
            _ => name.push_str(&format!("%{byte:02X}")),
        }
        if name.len() - before > SUBJECT_BYTES {
            return None;
        }
    }
    (name.len() > before).then(|| Principal::User(name.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_the_provider_and_the_subject_and_no_two_are_one() {
        let text = |subject: &str| user("okta", subject).map(|user| user.to_string());
        assert_eq!(text("ada").as_deref(), Some("user:okta/ada"));
        assert_eq!(text("auth0|5/ada").as_deref(), Some("user:okta/auth0%7C5%2Fada"));
        assert_ne!(text("a%2Fb"), text("a/b"));
        assert_eq!(text("\u{e9}\n\u{1b}[2J").as_deref(), Some("user:okta/%C3%A9%0A%1B%5B2J"));
        assert_eq!(text(""), None);
        assert!(text(&"x".repeat(SUBJECT_BYTES)).is_some());
        assert_eq!(text(&"x".repeat(SUBJECT_BYTES + 1)), None);
        assert_eq!(text(&"/".repeat(SUBJECT_BYTES / 3 + 1)), None);
    }
}

//! The cookies of one connection, by which load balancers find the machine that has its session.
//!
//! They go back to the origin that set them, over the connection that got them, and are gone with it.

use std::fmt;
use std::sync::Mutex;

use exuvia_tool::locked;
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};

/// As many are kept of one connection. Further ones are lost.
const COOKIES: usize = 16;
/// The longest one, its attributes included.
const COOKIE_BYTES: usize = 4 * 1024;

/// Cookies, by name.
#[derive(Default)]
pub(super) struct Cookies(Mutex<Vec<(String, String)>>);

impl Cookies {
    /// Keeps what an answer sets and forgets what it takes back. Without TLS no cookie counts that is for TLS alone.
    pub(super) fn learn(&self, headers: &HeaderMap, is_secure: bool) {
        for set in headers.get_all(SET_COOKIE).iter().filter(|set| set.len() <= COOKIE_BYTES) {
            let mut parts = set.to_str().unwrap_or_default().split(';').map(str::trim);
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { continue };
            let (mut is_kept, mut counts) = (true, !name.trim().is_empty());
            for attribute in parts.map(str::to_ascii_lowercase) {
                let age = attribute.strip_prefix("max-age=").and_then(|age| age.parse::<i64>().ok());
                is_kept &= age.is_none_or(|age| age > 0);
                counts &= is_secure || attribute != "secure";
            }
            if !counts {
                continue;
            }
            let mut cookies = locked(&self.0);
            cookies.retain(|(other, _)| other != name.trim());
            if is_kept && cookies.len() < COOKIES {
                cookies.push((name.trim().to_owned(), value.trim().to_owned()));
            }
        }
    }

    /// What goes with the next request.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        let cookies = locked(&self.0);
        let pairs: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut header = HeaderValue::from_str(&pairs.join("; ")).ok().filter(|header| !header.is_empty())?;
        header.set_sensitive(true);
        Some(header)
    }
}

/// Their values are the server's secrets.
impl fmt::Debug for Cookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cookies({})", locked(&self.0).len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(answers: &[&[&str]], is_secure: bool) -> String {
        let cookies = Cookies::default();
        for answer in answers {
            let headers = answer.iter().map(|set| (SET_COOKIE, HeaderValue::from_str(set).unwrap())).collect();
            cookies.learn(&headers, is_secure);
        }
        cookies.header().map_or_else(String::new, |header| header.to_str().unwrap().to_owned())
    }

    #[test]
    fn cookies_go_back_until_they_are_taken_back() {
        let set: &[&str] = &["lb=a; Path=/; HttpOnly", " route = b=c ;Max-Age=60"];
        assert_eq!(after(&[set], false), "lb=a; route=b=c");
        assert_eq!(after(&[set, &["lb=d"]], false), "route=b=c; lb=d");
        assert_eq!(after(&[set, &["lb=; Max-Age=0"]], false), "route=b=c");
        assert_eq!(after(&[&["s=1; Secure"]], true), "s=1");
        for none in ["s=1; Secure", "nothing", "=x", ""] {
            assert_eq!(after(&[&[none]], false), "", "{none}");
        }
    }

    #[test]
    fn cookies_are_bounded() {
        let many: Vec<String> = (0..100).map(|n| format!("c{n}=1")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(after(&[&many], false).split("; ").count(), COOKIES);
        assert_eq!(after(&[&[&format!("c={}", "x".repeat(COOKIE_BYTES))]], false), "");
    }
}

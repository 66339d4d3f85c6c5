//! Tells the operator who has to log in.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use exuvia_oauth::login_arguments;
use exuvia_tool::{Principal, locked};

/// How long nothing more is said of one principal.
const PAUSE: Duration = Duration::from_secs(600);
/// The principals of which something is said in that time. More of them are told of at a lower level alone.
const PRINCIPALS: usize = 64;

/// The principals without a login to one server, and when the operator was told.
#[derive(Debug, Default)]
pub(crate) struct MissingLogins(Mutex<HashMap<Principal, Instant>>);

impl MissingLogins {
    /// A call was not made because this principal has no login.
    pub(crate) fn report(&self, server: &str, principal: &Principal) {
        let login = login_arguments(server, Some(principal));
        match self.is_news(principal, Instant::now()) {
            true => {
                tracing::warn!(server.name = %server, %principal, "not logged in; run `exuvia login {login}`");
            }
            false => tracing::debug!(server.name = %server, %principal, "not logged in"),
        }
    }

    fn is_news(&self, principal: &Principal, now: Instant) -> bool {
        let mut told = locked(&self.0);
        told.retain(|_, at| now.saturating_duration_since(*at) < PAUSE);
        let is_news = !told.contains_key(principal) && told.len() < PRINCIPALS;
        if is_news {
            told.insert(principal.clone(), now);
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_principal_is_news_once_in_ten_minutes_and_not_too_many_are() {
        let (missing, now) = (MissingLogins::default(), Instant::now());
        let key = |n: usize| Principal::Key(n.to_string().into());
        assert!(missing.is_news(&key(0), now) && !missing.is_news(&key(0), now));
        let more = (1..2 * PRINCIPALS).filter(|n| missing.is_news(&key(*n), now)).count();
        assert_eq!(more, PRINCIPALS - 1);
        assert!(missing.is_news(&key(0), now + PAUSE));
        assert_eq!(locked(&missing.0).len(), 1);
    }
}

//! Sessions of the console: one-time codes, cookies, and what each session may do.

use std::collections::HashMap;
use std::io;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use exuvia_tool::{RunId, locked};
use subtle::ConstantTimeEq as _;

use crate::credential::random;

/// What the cookie of a session of the console is called, before the port of its listener.
const COOKIE: &str = "exuvia_console_";
/// How long a code can be used.
const CODE: Duration = Duration::from_secs(60);
/// How long a session lasts that is not used.
const IDLE: Duration = Duration::from_secs(8 * 3600);
/// How long a session lasts at most.
const LIFE: Duration = Duration::from_secs(24 * 3600);
/// Codes, and sessions, at a time. A further one takes the place of the oldest.
const MOST: usize = 64;

/// What a session may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Everything.
    All,
    /// See and answer the approvals of this run.
    Run(RunId),
}

/// A session of the console.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    /// What requests repeat in a header: a page of another origin, another port among them, cannot read it.
    pub(crate) csrf: String,
    pub(crate) scope: Scope,
    begun: Instant,
    used: Instant,
}

/// Codes and sessions, in memory alone: a restart ends all of them.
#[derive(Default)]
pub(crate) struct Sessions {
    codes: Mutex<Vec<(String, Instant)>>,
    open: Mutex<HashMap<String, Session>>,
}

/// The name of the cookie of a listener on this port: consoles of several daemons in one browser leave each other's alone.
pub(crate) fn cookie_name(port: u16) -> String {
    format!("{COOKIE}{port}")
}

impl Sessions {
    /// A code that can be exchanged for a session once, within a minute.
    ///
    /// # Errors
    ///
    /// The system has no randomness.
    pub(crate) fn code(&self) -> io::Result<String> {
        let code = random()?;
        let mut codes = locked(&self.codes);
        codes.retain(|(_, made)| made.elapsed() < CODE);
        if codes.len() >= MOST {
            codes.remove(0);
        }
        codes.push((code.clone(), Instant::now()));
        Ok(code)
    }

    /// Whether this is a code that nobody has used, which is used then.
    pub(crate) fn take_code(&self, code: &str) -> bool {
        let mut codes = locked(&self.codes);
        codes.retain(|(_, made)| made.elapsed() < CODE);
        let place = codes.iter().position(|(known, _)| bool::from(known.as_bytes().ct_eq(code.as_bytes())));
        place.map(|place| codes.remove(place)).is_some()
    }

    /// Opens a session. Returns the value of its cookie with it.
    ///
    /// # Errors
    ///
    /// The system has no randomness.
    pub(crate) fn open(&self, scope: Scope) -> io::Result<(String, Session)> {
        let (cookie, now) = (random()?, Instant::now());
        let session = Session { csrf: random()?, scope, begun: now, used: now };
        let mut open = locked(&self.open);
        open.retain(|_, session| session.holds());
        // Those of links end no other ones.
        let is_whole = matches!(session.scope, Scope::All);
        let is_alike = |other: &Session| matches!(other.scope, Scope::All) == is_whole;
        if open.values().filter(|session| is_alike(session)).count() >= MOST {
            let alike = open.iter().filter(|(_, session)| is_alike(session));
            let oldest = alike.min_by_key(|(_, session)| session.used).map(|(cookie, _)| cookie.clone());
            oldest.map(|oldest| open.remove(&oldest));
        }
        open.insert(cookie.clone(), session.clone());
        Ok((cookie, session))
    }

    /// The session with this cookie, which is used now.
    pub(crate) fn get(&self, cookie: &str) -> Option<Session> {
        let mut open = locked(&self.open);
        let session = open.get_mut(cookie).filter(|session| session.holds())?;
        session.used = Instant::now();
        Some(session.clone())
    }

    /// Ends a session.
    pub(crate) fn close(&self, cookie: &str) {
        locked(&self.open).remove(cookie);
    }
}

impl Session {
    fn holds(&self) -> bool {
        self.used.elapsed() < IDLE && self.begun.elapsed() < LIFE
    }

    /// Whether this is the value that requests repeat.
    pub(crate) fn has_csrf(&self, value: &str) -> bool {
        self.csrf.as_bytes().ct_eq(value.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_used_once_and_sessions_are_bounded() {
        let sessions = Sessions::default();
        let code = sessions.code().expect("a code");
        assert!(!sessions.take_code("guess") && sessions.take_code(&code) && !sessions.take_code(&code));
        let (first, session) = sessions.open(Scope::All).expect("a session");
        assert!(sessions.get(&first).is_some() && session.has_csrf(&session.csrf) && !session.has_csrf(""));
        for _ in 0..=MOST {
            sessions.open(Scope::Run(RunId::new("01"))).expect("a session");
        }
        assert!(sessions.get(&first).is_some(), "those of links end no other ones");
        assert_eq!(locked(&sessions.open).len(), MOST + 1);
        for _ in 0..MOST {
            sessions.open(Scope::All).expect("a session");
        }
        assert!(sessions.get(&first).is_none());
        assert_eq!(locked(&sessions.open).len(), 2 * MOST);
        let (last, _) = sessions.open(Scope::All).expect("a session");
        sessions.close(&last);
        assert!(sessions.get(&last).is_none());
    }

    #[test]
    fn codes_and_sessions_end_by_time() {
        let sessions = Sessions::default();
        let ago = |time: Duration| Instant::now().checked_sub(time);
        // A machine that has just started has no earlier time.
        let Some(long_ago) = ago(CODE) else { return };
        let code = sessions.code().expect("a code");
        locked(&sessions.codes)[0].1 = long_ago;
        assert!(!sessions.take_code(&code));
        for (begun, used, holds) in [(IDLE, IDLE, false), (LIFE, Duration::ZERO, false), (IDLE, Duration::ZERO, true)] {
            let (Some(begun), Some(used)) = (ago(begun), ago(used)) else { continue };
            let (cookie, _) = sessions.open(Scope::All).expect("a session");
            let mut open = locked(&sessions.open);
            let session = open.get_mut(&cookie).expect("it is there");
            (session.begun, session.used) = (begun, used);
            drop(open);
            assert_eq!(sessions.get(&cookie).is_some(), holds, "{begun:?} {used:?}");
        }
    }
}

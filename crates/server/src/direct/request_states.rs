//! The `requestState` of servers of the modern era, as clients get it.
//!
//! A server puts into it what it needs when the client comes back with an answer, and knows clients by nothing else: where many share its
//! connection, whoever has or guesses the state of another one could answer in its place. So clients get the state signed with a key of
//! this process, principal and profile, and bound to what was asked for. None is kept.

use std::fmt;

use exuvia_tool::ToolName;
use rmcp::model::RequestStateCodec;

/// What they begin with.
const PREFIX: &str = "exuvia-state-";
/// The longest state that is looked at, as a server or as a client sends it, in bytes.
const STATE_BYTES: usize = 1 << 20;

/// A codec with a new key, which nobody else has. None: the system has no randomness.
pub(super) fn new_codec() -> Option<RequestStateCodec> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).ok().and_then(|()| RequestStateCodec::try_new(key).ok())
}

/// The states of one endpoint.
pub(super) struct RequestStates(Option<RequestStateCodec>);

impl Default for RequestStates {
    /// With a new key. Where the system has no randomness there are none.
    fn default() -> Self {
        Self(new_codec())
    }
}

impl fmt::Debug for RequestStates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestStates")
    }
}

impl RequestStates {
    /// The state of a request for a tool or method of a server, as its client gets it. `None`: it is too long, or there is no randomness.
    pub(super) fn seal(&self, of: &ToolName, state: &str) -> Option<String> {
        let codec = self.0.as_ref().filter(|_| state.len() <= STATE_BYTES)?;
        Some(format!("{PREFIX}{}", codec.seal_json(&(&of.server, &of.tool, state)).ok()?))
    }

    /// The state that was given to a client. `None`: it is no such state, or of another request.
    pub(super) fn open(&self, of: &ToolName, sealed: &str) -> Option<String> {
        // Base64, and a little more.
        let sealed = sealed.strip_prefix(PREFIX).filter(|sealed| sealed.len() <= 2 * STATE_BYTES)?;
        let (server, tool, state): (String, String, String) = self.0.as_ref()?.open_json(sealed).ok()?;
        (server == of.server && tool == of.tool).then_some(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_of_use_to_its_endpoint_and_for_its_request_alone() {
        let (states, get) = (RequestStates::default(), ToolName::new("crm", "get"));
        let sealed = states.seal(&get, "s").unwrap();
        assert!(sealed.starts_with(PREFIX) && !sealed.contains("\"crm\""), "{sealed}");
        assert_eq!(states.open(&get, &sealed).as_deref(), Some("s"));
        for other in [ToolName::new("crm", "put"), ToolName::new("billing", "get")] {
            assert_eq!(states.open(&other, &sealed), None, "{other}");
        }
        assert_eq!(RequestStates::default().open(&get, &sealed), None, "another endpoint");
        for forged in ["s", "", PREFIX, &sealed[..sealed.len() - 1], &sealed[PREFIX.len()..]] {
            assert_eq!(states.open(&get, forged), None, "{forged}");
        }
    }

    #[test]
    fn a_state_may_be_long_and_has_a_bound() {
        let (states, get) = (RequestStates::default(), ToolName::new("crm", "get"));
        let long = "\u{1}".repeat(STATE_BYTES);
        let sealed = states.seal(&get, &long[..100_000]).unwrap();
        assert_eq!(states.open(&get, &sealed).map(|state| state.len()), Some(100_000));
        assert!(states.seal(&get, &"x".repeat(STATE_BYTES)).is_some_and(|sealed| states.open(&get, &sealed).is_some()));
        assert!(states.seal(&get, &"x".repeat(STATE_BYTES + 1)).is_none());
    }
}

//! Messages of clients before rmcp parses them: large arguments are taken out, or the message is rejected.
//!
//! rmcp makes several trees of a message, and a tree takes many times its text. So the arguments of a call go past it, as text,
//! and of everything else there is a bound.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use exuvia_tool::{Extent, Json, raw};
use rmcp::model::RequestId;

/// A message up to this length is read as it is: all the trees of it take some MiB.
pub(crate) const SMALL_BYTES: usize = 32 * 1024;
/// The memory that a tree of what rmcp reads may take beyond its text.
const TREE_BYTES: usize = 4 << 20;
/// The longest argument that rmcp sees of arguments that go past it, and all of these together: some are repeated in headers.
const ARGUMENT_BYTES: usize = 4 * 1024;
const ARGUMENTS_BYTES: usize = 16 * 1024;

/// The arguments of a call, as the client wrote them.
#[derive(Debug, Clone)]
pub(crate) struct Arguments(pub(crate) Arc<Json>);

/// Arguments kept until the request that they belong to arrives, over a pipe, where nothing else connects the two.
#[derive(Debug, Default)]
pub(crate) struct BypassedArguments(Mutex<HashMap<RequestId, Arguments>>);

/// The most that may be kept, in bytes: a request takes its own as soon as rmcp has read it.
const ON_THEIR_WAY_BYTES: usize = 64 << 20;

impl BypassedArguments {
    /// Puts the arguments of a request there. Whether that was possible: there is room, and no other request of this name.
    #[must_use]
    pub(crate) fn put(&self, request: RequestId, arguments: Arguments) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: usize = all.values().map(|Arguments(arguments)| arguments.size_bytes()).sum();
        let is_possible = bytes + arguments.0.size_bytes() <= ON_THEIR_WAY_BYTES && !all.contains_key(&request);
        if is_possible {
            all.insert(request, arguments);
        }
        is_possible
    }

    /// Takes the arguments of a request out.
    pub(crate) fn take(&self, request: &RequestId) -> Option<Arguments> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(request)
    }
}

/// A message in its two parts.
#[derive(Debug)]
pub(crate) struct SplitMessage {
    /// What rmcp reads.
    pub(crate) message: Vec<u8>,
    /// What goes past it, if that is worth it.
    pub(crate) arguments: Option<Arguments>,
}

/// Why a message is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It is no text, or its arguments are no JSON.
    NoJson,
    /// A tree of it would take too much memory, or nest too deep.
    TooManyValues,
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoJson => "no JSON",
            Self::TooManyValues => "it nests too deep, or has too many values outside the arguments of a call",
        })
    }
}

/// Takes a message apart. It is read twice at most, and no tree is built.
///
/// # Errors
///
/// rmcp must not see it.
pub(crate) fn split_message(message: Vec<u8>) -> Result<SplitMessage, Unread> {
    if message.len() <= SMALL_BYTES {
        return Ok(SplitMessage { message, arguments: None });
    }
    let text = std::str::from_utf8(&message).map_err(|_| Unread::NoJson)?;
    let Some(arguments) = arguments(text) else {
        bounded(text)?;
        return Ok(SplitMessage { message, arguments: None });
    };
    let place = raw::place(text, arguments);
    let (before, after) = (&text[..place.start], &text[place.end..]);
    let outline = outline(arguments);
    let rest = [before, &outline, after].concat();
    bounded(&rest)?;
    let arguments = Json::parse(arguments).map_err(|_| match Extent::of(arguments) {
        Ok(_) => Unread::NoJson,
        Err(_) => Unread::TooManyValues,
    })?;
    Ok(SplitMessage { message: rest.into_bytes(), arguments: Some(Arguments(Arc::new(arguments))) })
}

/// The arguments of the call that a message is, if they are long.
fn arguments(text: &str) -> Option<&str> {
    let (mut is_call, mut params) = (false, None);
    for (name, value) in raw::members(text) {
        match name.as_str() {
            "method" => is_call = value == "\"tools/call\"",
            "params" => params = Some(value),
            _ => {}
        }
    }
    let arguments = raw::member(params.filter(|_| is_call)?, "arguments")?;
    Some(arguments).filter(|arguments| arguments.len() > SMALL_BYTES && arguments.starts_with('{'))
}

/// The short ones among the arguments, as an object.
fn outline(arguments: &str) -> String {
    let member = |(name, value): (String, &str)| format!("{}:{value}", serde_json::Value::from(name));
    let short = raw::short_members(arguments, ARGUMENT_BYTES, ARGUMENTS_BYTES).map(member);
    format!("{{{}}}", short.collect::<Vec<_>>().join(","))
}

fn bounded(text: &str) -> Result<(), Unread> {
    match Extent::of(text) {
        Ok(extent) if extent.tree_bytes <= text.len() + TREE_BYTES => Ok(()),
        _ => Err(Unread::TooManyValues),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sifted(message: &str) -> Result<(String, Option<String>), Unread> {
        let SplitMessage { message, arguments } = split_message(message.as_bytes().to_vec())?;
        let arguments = arguments.map(|Arguments(arguments)| arguments.as_str().to_owned());
        Ok((String::from_utf8(message).unwrap_or_default(), arguments))
    }

    fn call(arguments: &str) -> String {
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"params":{{"name":"t","arguments":{arguments},"_meta":{{}}}},"method":"tools/call"}}"#
        )
    }

    #[test]
    fn short_messages_are_left_as_they_are() {
        let message = call(r#"{"a":[1,1,1]}"#);
        assert_eq!(sifted(&message), Ok((message, None)));
    }

    #[test]
    fn long_arguments_go_past_as_they_were_written() {
        let arguments = format!(r#"{{"id" : 12345678901234567890, "list":[{}1.50]}}"#, "1,".repeat(5_000_000));
        let (message, past) = sifted(&call(&arguments)).unwrap();
        assert_eq!(message, call(r#"{"id":12345678901234567890}"#));
        assert_eq!(past.as_deref(), Some(&*arguments));
    }

    #[test]
    fn everything_but_the_arguments_is_bounded() {
        let ones = format!("[{}1]", "1,".repeat(100_000));
        let texts = format!("\"{}\"", "1,".repeat(100_000));
        for refused in [
            ones.clone(),
            format!(r#"{{"method":"tools/call","params":{{"_meta":{ones}}}}}"#),
            format!(r#"{{"method":"tools/call","params":{{"arguments":{ones}}}}}"#),
            format!(r#"{{"method":"tools/call","params":{{"arguments":{{"a":{texts}}},"arguments":{ones}}}}}"#),
            format!(r#"{{"method":"prompts/get","params":{{"arguments":{{"a":{ones}}}}}}}"#),
            call(&format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000))),
            format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)),
            format!("[{}", "[],".repeat(100_000)),
        ] {
            assert_eq!(sifted(&refused), Err(Unread::TooManyValues), "{}", &refused[..80]);
        }
        assert_eq!(split_message([texts.as_bytes(), b"\xff"].concat()).unwrap_err(), Unread::NoJson);
        let long = format!(r#"{{"method":"prompts/get","params":{{"arguments":{{"a":{texts}}}}}}}"#);
        assert_eq!(sifted(&long), Ok((long, None)));
    }
}

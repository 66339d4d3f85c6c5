//! Conditions on paths.

use std::sync::{Arc, OnceLock};

use exuvia_policy::{Condition, Grants, Policy, PolicySource, ServerRules, decide};
use exuvia_tool::{Arguments, CallId, ToolCall, ToolName};
use serde_json::json;

pub(super) const SCRAPS: &[&str] = &[
    "/exports",
    "/exports/",
    "/",
    "//",
    "\\",
    ".",
    "..",
    "/..",
    "../",
    "%2e",
    "%2F",
    "%5c",
    "%25",
    "%252e",
    "%00",
    "~",
    "?",
    "#",
    ";",
    ":",
    "C:",
    "file:",
    "\u{ff0e}",
    "\u{2025}",
    "\u{ff0f}",
    "\u{2215}",
    "\0",
    " ",
    "\n",
    "exports",
];

/// How often a server may decode what it is sent.
const ROUNDS: usize = 4;

/// A path that is let through lies below its base for servers that decode it up to four times, and split it at slashes or at
/// backslashes as well.
pub(super) fn path(data: &[u8]) {
    let Ok(path) = std::str::from_utf8(data) else { return };
    for (tool, is_absolute) in [("absolute", true), ("relative", false)] {
        if is_allowed(tool, path) {
            let out = readings(path).into_iter().find(|reading| !is_inside(reading, is_absolute));
            assert_eq!(out, None, "{path:?} is let through as {tool}");
        }
    }
}

fn is_allowed(tool: &str, path: &str) -> bool {
    let name = ToolName::new("files", tool);
    let arguments = Arguments::from_tree(json!({"path": path}));
    let call = ToolCall { id: CallId(1), name: name.clone(), arguments, line: None };
    decide(call, &Grants::of([name]), policy()).is_ok()
}

fn policy() -> &'static Arc<Policy> {
    static POLICY: OnceLock<Arc<Policy>> = OnceLock::new();
    POLICY.get_or_init(|| {
        let under = |base: &str| {
            let condition = Condition { under: Some(base.to_owned()), ..Condition::default() };
            [("path".to_owned(), condition)].into()
        };
        let constraints = [("absolute".to_owned(), under("/exports")), ("relative".to_owned(), under("."))].into();
        let rules = ServerRules { constraints, ..ServerRules::default() };
        let source = PolicySource { servers: [("files".to_owned(), rules)].into(), ..PolicySource::default() };
        Arc::new(Policy::compile(source, ["files"]).expect("a policy"))
    })
}

/// The path as servers may take it.
fn readings(path: &str) -> Vec<Vec<u8>> {
    let mut bytes = path.as_bytes().to_vec();
    let mut all = Vec::new();
    for _ in 0..=ROUNDS {
        all.push(bytes.iter().map(|&byte| if byte == b'\\' { b'/' } else { byte }).collect());
        let next = decoded(&bytes);
        all.push(std::mem::replace(&mut bytes, next));
    }
    all
}

fn decoded(bytes: &[u8]) -> Vec<u8> {
    let digit = |at: usize| bytes.get(at).and_then(|&byte| char::from(byte).to_digit(16));
    let (mut decoded, mut at) = (Vec::new(), 0);
    while let Some(&byte) = bytes.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                at += 3;
            }
            _ => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    decoded
}

/// Whether what remains of the path, `..` resolved, lies at or below the base: `/exports`, or the folder that relative paths
/// start at.
fn is_inside(path: &[u8], is_absolute: bool) -> bool {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|&byte| byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." if parts.pop().is_none() && !is_absolute => return false,
            b".." => {}
            part => parts.push(part),
        }
    }
    match is_absolute {
        true => path.starts_with(b"/") && parts.first() == Some(&&b"exports"[..]),
        false => !path.starts_with(b"/"),
    }
}

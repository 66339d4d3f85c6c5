//! An MCP server over stdio or HTTP that misbehaves on demand, for tests of whatever talks to MCP servers.
//!
//! Raw lines and raw HTTP, no MCP library: it can send what a library would not let through. The command line ([`Options`])
//! says how it starts, lists and ends, and may give it other tools with their answers; its own tools say what happens in a
//! call:
//!
//! | tool | arguments | what it does |
//! |---|---|---|
//! | `echo` | `value` | answers `{"value": ..}` as structured content and as text |
//! | `answer` | `result` | answers with this result, as given |
//! | `error` | `error` | answers with this JSON-RPC error, as given |
//! | `lines` | `lines`, `open` | writes these lines as they are, `$ID` replaced by the request's id and `$TOKEN` by its progress token; with `open` the answer may still come |
//! | `long` | `bytes`, `id_last` | answers with a text of this length; the id stands first or last in the line |
//! | `endless` | `id_last` | begins an answer that never ends; with `id_last` nothing tells what it answers |
//! | `not_utf8` | | answers with a text that is not UTF-8 |
//! | `hang` | | never answers |
//! | `exit` | `code` | ends |
//! | `half` | | writes half an answer and ends |
//! | `ask` | `method`, `params`, `times` | sends a request of its own, waits for the answer to it, then fails with that; with `times` it asks so often, one after the other, over stdio or SSE only |
//! | `flood` | `notifications`, `stderr_bytes` | sends that much, then answers |
//! | `change` | | changes the list of tools and notifies |
//! | `touch` | `uri`, `times` | tells so often that this resource has changed, to who is subscribed; listed with `--subscribe` |
//! | `seen` | | what it was sent: methods, with the names of tasks, and the ids of cancelled requests; over HTTP also `gone ID` for a request whose connection was closed before its answer |
//! | `process` | | its process id and its child's |
//! | `request` | | the headers of this very request; over HTTP only |
//! | `http` | `bytes`, `repeat`, `times`, `pause_ms`, `then` | writes `bytes` instead of an HTTP response, then `repeat` so many times (or for ever) with pauses, then hangs (`then` is `hang`) or closes; over HTTP only |
//! | `environment` | | its environment, arguments and working directory |

mod call;
mod contract;
mod http;
mod list;
mod options;
mod out;
mod questions;
mod record;
mod server;
mod stdio;
mod subscriptions;
mod web;

use std::path::PathBuf;

pub use options::Options;
pub use web::WebServer;

/// Runs the server on this process's arguments, stdin and stdout. Gives the exit code.
pub fn main() -> u8 {
    match Options::parse(std::env::args().skip(1)) {
        Ok(options) if options.http => http::run(options),
        Ok(options) => stdio::run(options),
        Err(message) => {
            let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{message}\n").as_bytes());
            2
        }
    }
}

/// The server's executable, for tests of other packages: beside the test that asks, as an example of its package or as this
/// package's own binary.
///
/// # Panics
///
/// It was not built.
#[must_use]
pub fn program() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its executable");
    let beside = test.ancestors().skip(1).take(2);
    let candidates = beside.flat_map(|dir| [dir.join("examples/fake-upstream"), dir.join("exuvia-fake-upstream")]);
    let newest = candidates
        .filter_map(|path| Some((path.metadata().ok()?.modified().ok()?, path)))
        .max_by_key(|(modified, _)| *modified);
    newest.expect("build the package exuvia-fake-upstream first").1
}

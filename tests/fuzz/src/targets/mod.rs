//! The targets. To add one, write its function beside these and put it into [`TARGETS`].

mod analysis;
mod answers;
mod config;
mod json;
mod passes;
mod pins;
mod policy;
mod shapes;

use crate::Target;

/// All of them.
pub static TARGETS: [Target; 15] = [
    Target {
        name: "analysis_text",
        run: analysis::text,
        corpus: &["corpus/analysis_text", "../data/scripts", "../data/evasions.jsonl"],
        scraps: analysis::SCRAPS,
    },
    Target { name: "analysis_programs", run: analysis::program, corpus: &["corpus/analysis_programs"], scraps: &[] },
    Target { name: "policy_path", run: policy::path, corpus: &["corpus/policy_path"], scraps: policy::SCRAPS },
    Target {
        name: "config",
        run: exuvia_config::fuzzing::configuration,
        corpus: &["../data/config", "../../crates/exuvia/example.toml"],
        scraps: config::SCRAPS,
    },
    Target { name: "answers", run: answers::result, corpus: &["corpus/json"], scraps: json::SCRAPS },
    Target { name: "shapes", run: shapes::answers, corpus: &["corpus/shapes", "corpus/json"], scraps: json::SCRAPS },
    Target { name: "pins", run: pins::tools, corpus: &["corpus/pins", "corpus/json"], scraps: pins::SCRAPS },
    Target { name: "json", run: json::text, corpus: &["corpus/json"], scraps: json::SCRAPS },
    Target { name: "meter", run: passes::metered, corpus: &["corpus/meter", "corpus/analysis_programs"], scraps: &[] },
    Target { name: "merge", run: passes::merged, corpus: &["corpus/merge"], scraps: passes::SCRAPS },
    Target {
        name: "event_stream",
        run: exuvia_mcp_client::fuzzing::event_stream,
        corpus: &["corpus/event_stream"],
        scraps: &["data:", "data: ", "event: ", "id: ", "retry: ", ": ", "\n", "\r", "\r\n", "\n\n", "\u{feff}", "\0"],
    },
    Target {
        name: "server_lines",
        run: exuvia_mcp_client::fuzzing::lines,
        corpus: &["corpus/lines"],
        scraps: LINE_SCRAPS,
    },
    Target {
        name: "tokens",
        run: exuvia_access::jwt::fuzzing::token,
        corpus: &["corpus/tokens"],
        scraps: TOKEN_SCRAPS,
    },
    Target {
        name: "key_sets",
        run: exuvia_access::jwt::fuzzing::document,
        corpus: &["corpus/key_sets"],
        scraps: &[
            "\"kty\":\"EC\"",
            "\"crv\":\"P-384\"",
            "\"use\":\"enc\"",
            "\"alg\":\"ES256\"",
            "\"key_ops\":[\"sign\"]",
            "AQAB",
            "{}",
            ",",
            "null",
        ],
    },
    Target { name: "client_lines", run: exuvia_server::fuzzing::lines, corpus: &["corpus/lines"], scraps: LINE_SCRAPS },
];

const TOKEN_SCRAPS: &[&str] = &[
    "\n",
    "{\"alg\":\"RS256\"}",
    "\"crit\":[]",
    "\"aud\":\"audience\"",
    "\"groups\":\"a\"",
    "\"sub\":\"\"",
    "\\u0000",
    "1e400",
    "-0",
    "[",
    "null",
];

const LINE_SCRAPS: &[&str] = &[
    "\n",
    "\r\n",
    "{\"id\":",
    ",\"id\":7",
    ",\"id\":\"7\"}",
    ",\"jsonrpc\":\"2.0\"}",
    "\"method\":\"m\",",
    "}",
    "\\u0000",
];

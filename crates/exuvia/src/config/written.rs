//! `exuvia.toml` as it is written. The doc comments here are what editors show: they are descriptions in the schema.
//!
//! No type here has a `Debug` form: values may be secrets.

use std::collections::BTreeMap;

use exuvia_policy::{Condition, OnUnlisted};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::bytes::Bytes;

/// A day.
const LONGEST_MS: u64 = 24 * 60 * 60 * 1_000;
const GIB: u64 = 1 << 30;
/// What the shortest script needs: less would stop every run.
pub(crate) const LEAST_FUEL: u64 = 1_000_000;
pub(crate) const LEAST_WALL_MS: u64 = 100;
pub(crate) const LEAST_MEMORY_BYTES: u64 = 40 << 20;

/// exuvia.toml: which MCP servers stand behind the gateway, and what scripts may use.
///
/// Strings may hold `${NAME}` and `${NAME:-default}` for variables of the environment, but for those that say who may call
/// what. Relative paths start at the file's
/// own folder, `~/` at the home directory. To have an editor check the file, write the output of `exuvia config schema`
/// beside it as `exuvia.schema.json` and begin it with the line `#:schema ./exuvia.schema.json`.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "exuvia.toml")]
pub(super) struct File {
    /// `mcpServers` files whose servers are added: JSON as Claude Desktop, Claude Code, Cursor and VS Code write it,
    /// unchanged. For example `["~/.cursor/mcp.json"]`.
    pub(super) include: Vec<String>,
    /// The servers, by the names under which scripts see them.
    #[schemars(with = "BTreeMap<String, Server>")]
    pub(super) servers: IndexMap<String, Server>,
    /// Tools that run without asking, as `SERVER.TOOL`: names and globs (`crm.get_*`), and groups (`@name`). Added to the
    /// servers' own lists; the way to list tools of servers that are included. An entry that begins with the name of a server means
    /// that server, the longest such where names hold dots. Default: none.
    pub(super) auto_execute: Vec<String>,
    /// Tools that are never called, whatever else allows them, written like `auto_execute`. Where names hold dots, an entry
    /// holds for every server that it can mean. Default: none.
    pub(super) deny: Vec<String>,
    /// Named sets of tools, for use as `@name`.
    pub(super) groups: BTreeMap<String, Group>,
    /// What clients meet at `/mcp/NAME`. At `/mcp` they meet every server in its own mode.
    pub(super) profiles: BTreeMap<String, Profile>,
    /// What every run may use.
    pub(super) limits: Limits,
    /// What every server may send, and what is asked of one at a time.
    pub(super) server_limits: ServerLimits,
    /// How many scripts may be on their way.
    pub(super) runs: Runs,
    /// Where the gateway listens, and how many it listens to.
    pub(super) listen: Listen,
    /// Who is told what the gateway does.
    pub(super) telemetry: Telemetry,
}

/// Servers that clients meet together, each in one list.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Profile {
    /// Servers in their own modes.
    pub(super) servers: Vec<String>,
    /// Servers whose tools scripts call, whatever their mode.
    pub(super) code: Vec<String>,
    /// Servers whose tools clients call themselves, whatever their mode.
    pub(super) direct: Vec<String>,
    /// Whether clients meet tools and prompts of direct servers as `SERVER__NAME`, as they do at `/mcp`; else as their servers
    /// name them. Names of tools are at most 64 letters, digits, `_` and `-`: other characters become `_`, and what is too long, or
    /// would be another tool's name, ends with a mark of its own. Default: true.
    pub(super) prefix: Option<bool>,
}

/// One MCP server: a program that is started, by `command`, or a server over HTTP, by `url`.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend(
    "oneOf" = [{"required": ["command"]}, {"required": ["url"]}],
    "dependentRequired" = {
        "args": ["command"], "cwd": ["command"],
        "protocol": ["url"], "headers": ["url"], "ca": ["url"], "headers_command": ["url"], "proxy": ["url"],
        "oauth": ["url"],
    },
))]
pub(super) struct Server {
    /// The program to start; it speaks MCP on its standard input and output. A path, or a name to look for on the `PATH`.
    #[schemars(length(min = 1))]
    pub(super) command: Option<String>,
    /// Its arguments. No shell reads them.
    pub(super) args: Vec<String>,
    /// Variables of its environment, for example `{ CRM_TOKEN = "${CRM_TOKEN}" }`; an unset variable is an error. Besides
    /// these it gets HOME, LANG, LC_ALL, LC_CTYPE, LOGNAME, PATH, SHELL, TERM, TMPDIR, TZ and USER, and `env_pass`. With
    /// `url`, the environment of `headers_command`.
    pub(super) env: BTreeMap<String, String>,
    /// Further variables of the gateway's environment that it gets as they are, where they are set.
    pub(super) env_pass: Vec<String>,
    /// Its working directory. Default: the gateway's own.
    #[schemars(length(min = 1))]
    pub(super) cwd: Option<String>,
    /// Where the server listens, for example `https://crm.example/mcp`. Holds no user, password or fragment. `http://` to
    /// another machine only without headers and tokens.
    #[schemars(length(min = 1))]
    pub(super) url: Option<String>,
    /// Its transport: `streamable` HTTP, `sse` (HTTP+SSE, of 2024-11-05), or `auto`, the first that it knows.
    /// Default: auto.
    pub(super) protocol: Option<Protocol>,
    /// The era of MCP that it speaks: `modern` (2026-07-28 and later), `legacy` (up to 2025-11-25, `initialize`), or `auto`, the
    /// first that it knows: a legacy server that does not answer what it does not know takes 10 s longer to start. Default: auto.
    pub(super) era: Option<Era>,
    /// Headers that go with every request, for example `{ Authorization = "Bearer ${CRM_TOKEN}" }`.
    pub(super) headers: BTreeMap<String, String>,
    /// A program with its arguments that prints further headers: one JSON object of strings, or a line `Name: value` for
    /// each. It runs before a connection is made and again when the server answers 401, for at most 10 s.
    #[schemars(length(min = 1))]
    pub(super) headers_command: Option<Vec<String>>,
    /// A file with certificates in PEM, one of which must have signed the server's, instead of those that the system trusts:
    /// for servers of your own.
    #[schemars(length(min = 1))]
    pub(super) ca: Option<String>,
    /// An HTTP proxy for all requests to it and to who issues its tokens, for example
    /// `"http://gate:${PROXY_PASSWORD}@proxy.example:3128"`. The environment names none. Default: none.
    #[schemars(length(min = 1))]
    pub(super) proxy: Option<String>,
    /// How tokens for it are obtained. Without it, and without an `Authorization` header or a `headers_command`, the user
    /// can log in with `exuvia login SERVER`.
    pub(super) oauth: Option<OAuth>,
    /// `code`: scripts call its tools. `direct`: clients call them, and see them as they are; `exuvia run` and `exuvia tools`
    /// have them for scripts all the same. Default: code.
    pub(super) mode: Option<Mode>,
    /// How its stubs are cut into files: one for the `server`, or one for each `tool`, for servers with very many tools.
    /// Default: server.
    pub(super) stubs: Option<Stubs>,
    /// Who shares a connection to it: `all`, all runs of one virtual `key`, or nobody, so that every `run` has its own.
    /// Default: all.
    pub(super) share: Option<Share>,
    /// Which of its tools exist for scripts and clients: names, globs (`get_*`), groups (`@name`). What clients ask of a direct
    /// server beside calls stands in this list and the next two by its method: `resources/read`, `prompts/get`,
    /// `completion/complete`, `tasks/get`, `tasks/update`, `tasks/cancel`, `resources/subscribe`. Default: `["*"]`.
    pub(super) tools: Option<Vec<String>>,
    /// Which of them a client's script calls without asking. What a tool says of itself, such as that it only reads, allows
    /// nothing. Default: none.
    pub(super) auto_execute: Vec<String>,
    /// Which are never called, whatever else allows them; they can still be seen. Default: none.
    pub(super) deny: Vec<String>,
    /// What becomes of a script that needs a tool that is in neither list. Default: ask-before.
    pub(super) on_unlisted: Option<OnUnlisted>,
    /// What the arguments of a tool must be, by the tool's name or glob and the argument's name:
    /// `export.path = { under = "/exports" }`.
    pub(super) constraints: BTreeMap<String, BTreeMap<String, Condition>>,
    /// The most calls to it in one run. Default: `tool_calls` of `[limits]`.
    #[schemars(range(min = 1))]
    pub(super) calls_per_run: Option<u64>,
    /// The most calls to it in any 60 s, of all runs together. Default: no such bound.
    #[schemars(range(min = 1))]
    pub(super) calls_per_minute: Option<u32>,
    /// How long it may take to start and to list its tools, in milliseconds. Default 30,000. At the limit it has failed;
    /// the others work.
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub(super) start_timeout_ms: Option<u64>,
    /// How long one call may take, in milliseconds; `call_timeout_ms` in `[limits]` counts as well, the shorter one wins.
    /// Default 3,600,000. At the limit the script meets a `TimeoutError`.
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub(super) call_timeout_ms: Option<u64>,
    /// Where the server tells of its progress: each time, a call gets as much time again as it had, but no more than this in all,
    /// in milliseconds. Default: progress gives no time.
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub(super) max_call_timeout_ms: Option<u64>,
    /// How long a client may take to answer what the server asks its user in the middle of a call, in milliseconds. Default
    /// 60,000. At the limit the server hears that the user made no choice; a client of the newer protocol has to call anew.
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub(super) question_timeout_ms: Option<u64>,
    /// The longest time between two looks at its list of tools, in milliseconds. Default 600,000.
    #[schemars(range(min = 1_000, max = LONGEST_MS))]
    pub(super) refresh_ms: Option<u64>,
    /// Leaves the server out. Default: false.
    pub(super) disabled: bool,
}

/// A named set of tools.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Group {
    /// Its tools, as `SERVER.TOOL`: names and globs, for example `["crm.get_*"]`.
    pub(super) tools: Vec<String>,
}

/// OAuth 2.1 with one server over HTTP. Tokens are kept in files that only their owner can read, in `exuvia/tokens` in
/// the data directory of the user.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("dependentRequired" = {"client_secret": ["client_id"]}))]
pub(super) struct OAuth {
    /// `code`: the user consents once in a browser, in `exuvia login SERVER`. `client-credentials`: the gateway itself is
    /// the one who is authorized, by `client_id` and `client_secret`. Default: code.
    pub(super) grant: Option<Grant>,
    /// The client that the authorization server knows. Default with `code`: the gateway registers itself.
    #[schemars(length(min = 1))]
    pub(super) client_id: Option<String>,
    /// The client's secret, for example `"${CRM_CLIENT_SECRET}"`.
    #[schemars(length(min = 1))]
    pub(super) client_secret: Option<String>,
    /// What is asked for. Default: what the server says it needs.
    pub(super) scopes: Vec<String>,
    /// The port on this machine that the browser is sent back to. Default 0: any.
    pub(super) callback_port: Option<u16>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Protocol {
    Auto,
    Streamable,
    Sse,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Era {
    Auto,
    Modern,
    Legacy,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mode {
    Code,
    Direct,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Stubs {
    Server,
    Tool,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Share {
    All,
    Key,
    Run,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Grant {
    Code,
    ClientCredentials,
}

/// What every run may use. Sizes are numbers of bytes, or strings with a unit: `"512 KiB"`, `"256 MiB"`, `"1 GiB"`.
/// Nothing is unlimited: what is not written has its default.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Limits {
    /// Work, in units of fuel: about one per WebAssembly instruction. At the limit the run is stopped.
    #[schemars(range(min = LEAST_FUEL, max = i64::MAX))]
    pub(super) fuel: Option<u64>,
    /// Time from the start of a script to its end, in milliseconds, waiting for tools included. At the limit the run is
    /// stopped.
    #[schemars(range(min = LEAST_WALL_MS, max = LONGEST_MS))]
    pub(super) wall_ms: Option<u64>,
    /// Memory, the interpreter's own included. At the limit the script meets a `MemoryError`.
    pub(super) memory_bytes: Option<Bytes<LEAST_MEMORY_BYTES, { 4 * GIB }>>,
    /// Calls of tools. At the limit the run is stopped.
    #[schemars(range(max = 10_000_000))]
    pub(super) tool_calls: Option<u64>,
    /// Calls that are with their tools at the same time. Further ones wait their turn.
    #[schemars(range(min = 1, max = 10_000))]
    pub(super) concurrent_calls: Option<usize>,
    /// How long one call may take, in milliseconds. At the limit the script meets a `TimeoutError`.
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub(super) call_timeout_ms: Option<u64>,
    /// The arguments of one call, as JSON. A call with larger ones fails.
    pub(super) call_arguments_bytes: Option<Bytes<1, GIB>>,
    /// The answer of one call, as JSON. A call with a larger one fails.
    pub(super) call_result_bytes: Option<Bytes<1, GIB>>,
    /// Arguments of calls that have no answer yet and answers that the script has not taken, together. A call that goes
    /// over it fails.
    pub(super) buffered_bytes: Option<Bytes<1, { 4 * GIB }>>,
    /// What a script prints. At the limit the log is cut.
    pub(super) log_bytes: Option<Bytes<0, GIB>>,
    /// The result, as JSON. With a larger one the run is stopped.
    pub(super) result_bytes: Option<Bytes<1, GIB>>,
    /// The script. A larger one is refused.
    pub(super) source_bytes: Option<Bytes<1, { 64 << 20 }>>,
    /// The most that a model is shown of one answer. What goes over it is cut, with a mark.
    pub(super) answer_bytes: Option<Bytes<1_000, { 16 << 20 }>>,
}

/// What every server may send, and what is asked of one at a time.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ServerLimits {
    /// The longest message of a server. A longer answer fails. Grows with `call_result_bytes`: at least twice that, if it
    /// is not written.
    pub(super) message_bytes: Option<Bytes<65_536, { 4 * GIB }>>,
    /// Calls over one connection at a time. Further ones wait, within their timeouts.
    #[schemars(range(min = 1, max = 10_000))]
    pub(super) calls_in_flight: Option<usize>,
    /// Connections to one server that belong to keys or to runs (`share`), or to clients that it asks. When all are in use, a
    /// call fails.
    #[schemars(range(min = 1, max = 10_000))]
    pub(super) connections: Option<usize>,
    /// How long the connection of a key stays open with nothing to do, in milliseconds.
    #[schemars(range(min = 1_000, max = LONGEST_MS))]
    pub(super) key_idle_ms: Option<u64>,
    /// Tools of one server. Further ones are left out, with a warning.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(super) tools: Option<usize>,
    /// Pages of one list of tools. What follows is left out, with a warning.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(super) list_pages: Option<usize>,
    /// All pages of one list of tools together, and half of the memory that its tools take. What follows is left out, with a
    /// warning.
    pub(super) list_bytes: Option<Bytes<65_536, { 4 * GIB }>>,
}

/// How many scripts may be on their way.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Runs {
    /// Scripts that execute at the same time. Each reserves about 4 GiB of address space from the start, and takes memory only
    /// while it executes.
    #[schemars(range(min = 1, max = 1_000))]
    pub(super) concurrent: Option<u32>,
    /// Memory of all scripts together that execute: what their interpreters grow to, and 33 MiB of stack for each. What would go
    /// over it waits until another script is over, and a script whose `memory_bytes` is more has this for its limit. Default: four
    /// fifths of the control group's limit, or half of the machine's memory, after 128 MiB for the program.
    pub(super) memory_bytes: Option<Bytes<{ 96 << 20 }, { 16 << 40 }>>,
    /// Scripts that wait for their turn. Further ones are answered at once, with when to send them again.
    #[schemars(range(max = 1_000_000))]
    pub(super) waiting: Option<usize>,
    /// Scripts of one client, executing and waiting.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(super) per_client: Option<usize>,
    /// Whether a script is cancelled when its client disconnects without cancelling it. A client's own calls are always cancelled. Over
    /// HTTP a client up to 2025-11-25 is gone when its session has lost its last stream for `session_grace_ms` of `[listen]`.
    pub(super) on_disconnect: Option<OnDisconnect>,
}

/// What becomes of a script whose client goes away.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum OnDisconnect {
    /// It is cancelled, and its calls are.
    Cancel,
    /// It goes on to its end. Clients of the newer era cancel over HTTP by going away, so there nobody can cancel it. Over stdio
    /// a signal to the program, which some clients send 2 s after they closed its input, cancels it.
    Finish,
}

/// Where the gateway listens, and how many it listens to: `exuvia serve`.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Listen {
    /// The address and port for MCP over Streamable HTTP. An address of this machine alone: without keys nothing would tell
    /// clients from elsewhere apart. Default: 127.0.0.1:8420.
    pub(super) mcp: Option<String>,
    /// Speaks HTTPS, with this certificate, and no plain HTTP. Default: plain HTTP.
    pub(super) tls: Option<Tls>,
    /// Browser origins whose pages may send requests, for example `["http://localhost:6274"]`. Default: none; what is no
    /// browser sends no origin.
    pub(super) origins: Vec<String>,
    /// Connections at the same time. Further ones are told 503.
    #[schemars(range(min = 1, max = 100_000))]
    pub(super) connections: Option<usize>,
    /// Sessions of clients up to 2025-11-25 at the same time. For a further one the session ends that was idle longest, with no
    /// stream and nothing on its way; if there is none, it is rejected with 503.
    #[schemars(range(min = 1, max = 100_000))]
    pub(super) sessions: Option<usize>,
    /// How long the client of a session that lost its last stream may take to come back, in milliseconds. Then it is gone: see
    /// `on_disconnect` in `[runs]`. Clients are asked to reconnect after 3 s (the `retry` field of event streams).
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub(super) session_grace_ms: Option<u64>,
    /// How long requests may take after SIGTERM, in milliseconds. What is left is cancelled, and its clients are told.
    #[schemars(range(max = LONGEST_MS))]
    pub(super) drain_ms: Option<u64>,
}

/// The certificate that clients are shown, for example `{ certificate = "cert.pem", key = "key.pem" }`.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("dependentRequired" = {"certificate": ["key"], "key": ["certificate"]}))]
pub(super) struct Tls {
    /// A file in PEM: the certificate, followed by those that lead to the authority that clients trust.
    #[schemars(length(min = 1))]
    pub(super) certificate: Option<String>,
    /// A file in PEM: its private key, without a passphrase.
    #[schemars(length(min = 1))]
    pub(super) key: Option<String>,
}

/// Who is told what the gateway does: requests, scripts and calls as OpenTelemetry spans, without arguments and results.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Telemetry {
    /// A collector that takes OTLP over HTTP, for example `http://localhost:4318`; spans go to `/v1/traces` there. Default:
    /// what OTEL_EXPORTER_OTLP_ENDPOINT says, else none. The other variables of OpenTelemetry hold as well, such as
    /// OTEL_EXPORTER_OTLP_HEADERS and OTEL_TRACES_SAMPLER.
    #[schemars(length(min = 1))]
    pub(super) otlp: Option<String>,
}

//! `exuvia.toml` as it is written. The doc comments here are what editors show: they are descriptions in the schema.
//!
//! No type here has a `Debug` form: values may be secrets.

use std::collections::BTreeMap;

use exuvia_policy::{Condition, OnUnlisted};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::access_types::{Key, Role};
use super::admin_types::Admin;
use super::approvals_types::Approvals;
use super::budget_types::{Budget, Price};
use super::bytes::Bytes;
use super::functions_types::Functions;
use super::identity_provider_types::IdentityProvider;
use super::limits::{LONGEST_MS, Limits, ServerLimits};
use super::session_types::Sessions;
use super::workspace_types::Workspace;
use crate::{HttpProtocol, Mode, OnDisconnect, PinMode, Share};

/// exuvia.toml: which MCP servers stand behind the gateway, and what scripts may use.
///
/// Strings may hold `${NAME}` and `${NAME:-default}` for variables of the environment, but for those that say who may
/// call what. Relative paths start at the file's own folder, `~/` at the home directory. To have an editor check the
/// file, write the output of `exuvia config schema` beside it as `exuvia.schema.json` and begin it with the line
/// `#:schema ./exuvia.schema.json`.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "exuvia.toml")]
pub(super) struct File {
    /// `mcpServers` files whose servers are added: JSON as Claude Desktop, Claude Code, Cursor and VS Code write it,
    /// unchanged. For example `["~/.cursor/mcp.json"]`.
    pub(super) include: Vec<String>,
    /// MCP servers, by the names that scripts use.
    #[schemars(with = "BTreeMap<String, Server>")]
    pub(super) servers: IndexMap<String, Server>,
    /// Tools that scripts may call without approval, as `SERVER.TOOL`: names, globs (`crm.get_*`) and groups (`@name`).
    /// Added to the lists of the servers; use it for included servers. An entry that begins with a server name applies
    /// to that server, the longest match where names contain dots. Default: none.
    pub(super) auto_execute: Vec<String>,
    /// Tools that may never be called; overrides every allowlist. Same syntax as `auto_execute`. Where names contain
    /// dots, an entry applies to every server it can mean. Default: none.
    pub(super) deny: Vec<String>,
    /// Tools whose calls do no harm when they are made twice. A call is made again after a failure that passes, and made
    /// before its record is on disk, which is faster; after a crash of the gateway, the record may lack the last of them.
    /// Same syntax as `auto_execute`. Default: none.
    pub(super) repeatable: Vec<String>,
    /// Named sets of tools, for use as `@name`.
    pub(super) groups: BTreeMap<String, Group>,
    /// Endpoints at `/mcp/NAME`, each with its own servers. `/mcp` serves every server in its own mode.
    pub(super) profiles: BTreeMap<String, Profile>,
    /// Directories in which scripts keep files, by the names under which they are given out.
    pub(super) workspaces: BTreeMap<String, Workspace>,
    /// The workspace of all scripts whose role and profile name none. Default: scripts have no files.
    pub(super) workspace: Option<String>,
    /// Saved functions. Default: none.
    pub(super) functions: Option<Functions>,
    /// What keys and users may do. With at least one role, every client of `exuvia serve` must authenticate.
    pub(super) roles: BTreeMap<String, Role>,
    /// Virtual keys, by name. Clients send the secret of one as `Authorization: Bearer SECRET`.
    pub(super) keys: BTreeMap<String, Key>,
    /// Authorization servers whose users may use the gateway, by the names that stand before their users'.
    pub(super) identity_providers: BTreeMap<String, IdentityProvider>,
    /// What keys, users and roles may use in a period of the calendar.
    pub(super) budgets: BTreeMap<String, Budget>,
    /// Whether the stubs of tools without an output schema show the keys and types of earlier answers. They are kept in
    /// `exuvia/shapes.json` in the user's data directory, never with values. Default: true.
    pub(super) learn_shapes: Option<bool>,
    /// Whether the stubs of well-known servers (atlassian, github, notion, sqlite) show what their documentation says of answers, where
    /// a server is certainly one of these by the tools that it lists. Default: true.
    pub(super) shipped_shapes: Option<bool>,
    /// What comes of tools whose definitions (title, description, schemas, annotations) are not as they were first seen.
    /// `off`: they are not looked at. `record`: changes are logged and listed by `exuvia tools list`. `enforce`: a tool
    /// that changed, and one that is new on a known server, is also withheld until `exuvia tools accept`. What was first
    /// seen is kept in `exuvia/pins` in the user's data directory. Default: record; for servers of `--server` off.
    pub(super) pin: Option<PinMode>,
    /// Limits of every run.
    pub(super) limits: Limits,
    /// Limits of every server.
    pub(super) server_limits: ServerLimits,
    /// Concurrency and queueing of runs.
    pub(super) runs: Runs,
    /// The HTTP listener and its limits.
    pub(super) listen: Listen,
    /// Export of OpenTelemetry spans.
    pub(super) telemetry: Telemetry,
    /// The record of runs and calls.
    pub(super) journal: Journal,
    /// The admin API and the console.
    pub(super) admin: Admin,
    /// How people learn that approvals wait.
    pub(super) approvals: Approvals,
    /// Scripts that go on where earlier ones stopped. Default: there are none.
    pub(super) sessions: Option<Sessions>,
}

/// The servers of an endpoint. Each server is in one of the lists.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Profile {
    /// Servers in their configured modes.
    pub(super) servers: Vec<String>,
    /// Servers in code mode, whatever their configured mode.
    pub(super) code: Vec<String>,
    /// Servers in direct mode, whatever their configured mode.
    pub(super) direct: Vec<String>,
    /// Whether tools and prompts of direct servers are named `SERVER__NAME`, as at `/mcp`. With `false` they keep the
    /// names of their servers. Tool names are at most 64 letters, digits, `_` and `-`: other characters become `_`, and
    /// names that are too long or not unique get a suffix. Default: true.
    pub(super) prefix: Option<bool>,
    /// The workspace of its scripts, unless their role names one. Default: the top-level one.
    pub(super) workspace: Option<String>,
}

/// One MCP server: a process (`command`) or an HTTP endpoint (`url`).
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
    /// The program to start, which speaks MCP over stdio. A path, or a name that is looked up on the `PATH`.
    #[schemars(length(min = 1))]
    pub(super) command: Option<String>,
    /// Its arguments, passed without a shell.
    pub(super) args: Vec<String>,
    /// Environment variables, for example `{ CRM_TOKEN = "${CRM_TOKEN}" }`; an unset variable is an error. In addition
    /// it gets HOME, LANG, LC_ALL, LC_CTYPE, LOGNAME, PATH, SHELL, TERM, TMPDIR, TZ, USER and `env_pass`. With `url`,
    /// the environment of `headers_command`.
    pub(super) env: BTreeMap<String, String>,
    /// Variables that are passed on from the gateway's environment if they are set.
    pub(super) env_pass: Vec<String>,
    /// Its working directory. Default: the gateway's own.
    #[schemars(length(min = 1))]
    pub(super) cwd: Option<String>,
    /// The endpoint, for example `https://crm.example/mcp`, without credentials or fragment. `http://` to another
    /// machine is allowed only without headers and tokens.
    #[schemars(length(min = 1))]
    pub(super) url: Option<String>,
    /// The transport: `streamable` HTTP, `sse` (HTTP+SSE, of 2024-11-05), or `auto`, which tries both in this order.
    /// Default: auto.
    pub(super) protocol: Option<HttpProtocol>,
    /// The protocol era: `modern` (2026-07-28 and later), `legacy` (up to 2025-11-25, `initialize`), or `auto`, which
    /// tries both. With `auto`, a legacy server that ignores unknown requests takes 10 s longer to start. Default:
    /// auto.
    pub(super) era: Option<Era>,
    /// Headers of every request, for example `{ Authorization = "Bearer ${CRM_TOKEN}" }`.
    pub(super) headers: BTreeMap<String, String>,
    /// A program with its arguments that prints more headers: one JSON object of strings, or a line `Name: value` for
    /// each. It runs before each connection and again after a 401, for at most 10 s.
    #[schemars(length(min = 1))]
    pub(super) headers_command: Option<Vec<String>>,
    /// A PEM file of certificate authorities that replace those of the system, for private servers.
    #[schemars(length(min = 1))]
    pub(super) ca: Option<String>,
    /// An HTTP proxy for all requests to the server and its authorization server, for example
    /// `"http://gate:${PROXY_PASSWORD}@proxy.example:3128"`. Proxies from the environment are ignored. Default: none.
    #[schemars(length(min = 1))]
    pub(super) proxy: Option<String>,
    /// OAuth settings. Without them, and without an `Authorization` header or a `headers_command`, the user can still
    /// log in with `exuvia login SERVER`.
    pub(super) oauth: Option<OAuth>,
    /// `code`: scripts call its tools. `direct`: clients see and call its tools themselves; `exuvia run` and `exuvia
    /// tools` use them from scripts all the same. Default: code.
    pub(super) mode: Option<Mode>,
    /// Stub files: one for the `server`, or one for each `tool`, for servers with very many tools. Default: server.
    pub(super) stubs: Option<Stubs>,
    /// What models are to read of its data before they write a script, such as the tables of a database or the names of projects:
    /// a look less for each task. At most 2,000 bytes. Shown to all who see the server, where its tools are found or read.
    #[schemars(length(min = 1, max = 2_000))]
    pub(super) notes: Option<String>,
    /// What comes of its tools that are not as they were first seen: see the top-level key. Default: that.
    pub(super) pin: Option<PinMode>,
    /// Who shares a connection: `all`, the runs of one virtual `key`, or nobody, so that every `run` has its own.
    /// Default: all.
    pub(super) share: Option<Share>,
    /// Tools that are visible to scripts and clients: names, globs (`get_*`), groups (`@name`). In this list and the
    /// next two, requests of clients to a direct server are named by their method: `resources/read`, `prompts/get`,
    /// `completion/complete`, `tasks/get`, `tasks/update`, `tasks/cancel`, `resources/subscribe`. Default: `["*"]`.
    pub(super) tools: Option<Vec<String>>,
    /// Tools that scripts may call without approval. Annotations of a tool, such as `readOnlyHint`, are never trusted.
    /// Default: none.
    pub(super) auto_execute: Vec<String>,
    /// Tools that may never be called; they stay visible. Default: none.
    pub(super) deny: Vec<String>,
    /// Tools whose calls do no harm when they are made twice, for example `["get_*"]`: see the top-level key. Tools that the
    /// server declares read-only or idempotent are made again as well. Default: none.
    pub(super) repeatable: Vec<String>,
    /// How often a call of such a tool is made again after status 429 or 503, a rate limit or a lost connection; 0
    /// disables retries. Default: 3.
    #[schemars(range(max = 10))]
    pub(super) retries: Option<u32>,
    /// What happens when a script needs a tool that is in neither list. Default: ask-before.
    pub(super) on_unlisted: Option<OnUnlisted>,
    /// Conditions on arguments, by the tool's name or glob and the argument's name: `export.path = { under = "/exports"
    /// }`.
    pub(super) constraints: BTreeMap<String, BTreeMap<String, Condition>>,
    /// Maximum calls in one run. Default: `tool_calls` of `[limits]`.
    #[schemars(range(min = 1))]
    pub(super) calls_per_run: Option<u64>,
    /// Maximum calls in any 60 s, over all runs. Default: no such limit.
    #[schemars(range(min = 1))]
    pub(super) calls_per_minute: Option<u32>,
    /// What a call costs, in any unit, with at most six decimals: for the `cost` of budgets, and recorded. Requests of
    /// clients to a direct server are calls as well. Default: 0.
    pub(super) cost_per_call: Option<Price>,
    /// What a call of a tool costs, by its name or a glob: `{ "export_*" = 0.05 }`. An entry that is the name applies
    /// before globs, and of globs the highest. Default: `cost_per_call`.
    pub(super) costs: BTreeMap<String, Price>,
    /// Timeout for starting and listing tools, in milliseconds. When it expires, the server has failed; the others
    /// work. Default: 30,000.
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub(super) start_timeout_ms: Option<u64>,
    /// Timeout of one call, in milliseconds; the shorter of this and `call_timeout_ms` in `[limits]` applies. When it
    /// expires, the script gets a `TimeoutError`. Default: 3,600,000.
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub(super) call_timeout_ms: Option<u64>,
    /// Each progress notification restarts the timeout of its call, up to this total, in milliseconds. Default:
    /// progress does not extend calls.
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub(super) max_call_timeout_ms: Option<u64>,
    /// Timeout for the user's answer to a question of the server, in milliseconds. When it expires, the server receives
    /// the answer `cancel`, and a client of the modern era has to repeat the call. Default: 60,000.
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub(super) question_timeout_ms: Option<u64>,
    /// Maximum interval between refreshes of its tool list, in milliseconds. Default: 600,000.
    #[schemars(range(min = 1_000, max = LONGEST_MS))]
    pub(super) refresh_ms: Option<u64>,
    /// Disables the server. Default: false.
    pub(super) disabled: bool,
}

/// A named set of tools.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Group {
    /// Its tools, as `SERVER.TOOL`: names and globs, for example `["crm.get_*"]`.
    pub(super) tools: Vec<String>,
}

/// OAuth 2.1 for one HTTP server. Tokens are stored in `exuvia/tokens` in the data directory of the user, readable by
/// their owner only.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("dependentRequired" = {"client_secret": ["client_id"]}))]
pub(super) struct OAuth {
    /// `code`: the user authorizes access once in a browser, in `exuvia login SERVER`. `client-credentials`: the
    /// gateway itself is authorized, by `client_id` and `client_secret`. Default: code.
    pub(super) grant: Option<Grant>,
    /// The client id registered with the authorization server. Default with `code`: dynamic registration.
    #[schemars(length(min = 1))]
    pub(super) client_id: Option<String>,
    /// The client secret, for example `"${CRM_CLIENT_SECRET}"`.
    #[schemars(length(min = 1))]
    pub(super) client_secret: Option<String>,
    /// The scopes to request. Default: those that the server requires.
    pub(super) scopes: Vec<String>,
    /// The local port of the redirect URI. Default 0: any.
    pub(super) callback_port: Option<u16>,
}

// Three choices that are not the types of the resolved configuration. Their comments would be descriptions in the
// schema. `crate::Era` is also what a connected server speaks, so it has no `auto`.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Era {
    Auto,
    Modern,
    Legacy,
}

// `exuvia_catalog::files::Layout` belongs to a crate that reads no files and has no schema.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Stubs {
    Server,
    Tool,
}

// `crate::Grant` holds the values of the other keys, which are checked first.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Grant {
    Code,
    ClientCredentials,
}

/// Concurrency and queueing of runs.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Runs {
    /// Runs that execute concurrently. Each reserves about 4 GiB of address space, and takes memory only while it
    /// executes.
    #[schemars(range(min = 1, max = 1_000))]
    pub(super) concurrent: Option<u32>,
    /// Memory of all executing runs: their interpreters, and 33 MiB of stack for each. A run that does not fit waits,
    /// and a larger `memory_bytes` of a run is lowered to this. Default: four fifths of the control group's limit, or
    /// half of the machine's memory, after 128 MiB for the program.
    pub(super) memory_bytes: Option<Bytes<{ 96 << 20 }, { 16 << 40 }>>,
    /// Queued runs. Further runs are rejected at once with a time to retry after.
    #[schemars(range(max = 1_000_000))]
    pub(super) waiting: Option<usize>,
    /// Runs of one client, executing and queued.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(super) per_client: Option<usize>,
    /// What happens to a run when its client disconnects without cancelling it. A client's own calls are always
    /// cancelled. Over HTTP a client up to 2025-11-25 has disconnected when its session has had no stream for
    /// `session_grace_ms` of `[listen]`.
    pub(super) on_disconnect: Option<OnDisconnect>,
    /// How old a run may be that a repaired script takes the answers of, in minutes: what it read grows stale. 0 turns
    /// repairs off, and stored results with them.
    #[schemars(range(max = 10_000))]
    pub(super) repair_minutes: Option<u64>,
}

/// The HTTP listener of `exuvia serve` and its limits.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Listen {
    /// The address and port for MCP over Streamable HTTP. Loopback only, unless clients authenticate (`[roles]`) and what
    /// they send is encrypted, by `tls` or by one of `trusted_proxies`. Default: 127.0.0.1:8420.
    pub(super) mcp: Option<String>,
    /// Where clients reach the listener, if that is not its own address: for example `https://exuvia.example` behind a
    /// proxy. The metadata for clients of identity providers names it. Default: the host that a client asks for.
    #[schemars(length(min = 1))]
    pub(super) public_url: Option<String>,
    /// Serves HTTPS with this certificate, and no plain HTTP. Default: plain HTTP.
    pub(super) tls: Option<Tls>,
    /// Host names under which clients may ask for this server, for example `["exuvia.example"]`, beside `localhost` and
    /// loopback addresses. A name without a port allows every port. Default: none.
    pub(super) hosts: Vec<String>,
    /// Addresses or networks of proxies in front, for example `["10.0.0.0/8"]`. Their `X-Forwarded-For` says who the
    /// client is, and what reaches them is taken to be encrypted. Default: none.
    pub(super) trusted_proxies: Vec<String>,
    /// Browser origins that may send requests, for example `["http://localhost:6274"]`. Requests without an origin do
    /// not come from browsers and are accepted. Default: none.
    pub(super) origins: Vec<String>,
    /// Requests of one address in a minute, where clients authenticate. A sixth of them may come at once; further ones are
    /// rejected with 429. This machine is not counted. Default: 60,000.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub(super) requests_per_minute: Option<u32>,
    /// Open connections. Further ones are rejected with 503. One key, and one address of another machine that is no trusted
    /// proxy, has half of them at most.
    #[schemars(range(min = 1, max = 100_000))]
    pub(super) connections: Option<usize>,
    /// Open sessions of clients up to 2025-11-25. At the limit a new session replaces the one that has been idle
    /// longest, without a stream or a request in flight; if there is none, it is rejected with 503. One key has half of them
    /// at most.
    #[schemars(range(min = 1, max = 100_000))]
    pub(super) sessions: Option<usize>,
    /// How long the client of a session without a stream may take to reconnect, in milliseconds. After that it has
    /// disconnected: see `on_disconnect` in `[runs]`. Clients are asked to reconnect after 3 s (the `retry` field of
    /// event streams).
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub(super) session_grace_ms: Option<u64>,
    /// How long requests may take after SIGTERM, in milliseconds. The remaining ones are then cancelled.
    #[schemars(range(max = LONGEST_MS))]
    pub(super) drain_ms: Option<u64>,
}

/// The server certificate, for example `{ certificate = "cert.pem", key = "key.pem" }`.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("dependentRequired" = {"certificate": ["key"], "key": ["certificate"]}))]
pub(super) struct Tls {
    /// A PEM file: the certificate, followed by its chain.
    #[schemars(length(min = 1))]
    pub(super) certificate: Option<String>,
    /// A PEM file: its private key, not encrypted.
    #[schemars(length(min = 1))]
    pub(super) key: Option<String>,
}

/// OpenTelemetry spans of requests, runs and calls, without arguments and results.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Telemetry {
    /// A collector of OTLP over HTTP, for example `http://localhost:4318`; spans are sent to `/v1/traces` there.
    /// Default: OTEL_EXPORTER_OTLP_ENDPOINT, else none. The other OpenTelemetry variables apply as well, such as
    /// OTEL_EXPORTER_OTLP_HEADERS and OTEL_TRACES_SAMPLER.
    #[schemars(length(min = 1))]
    pub(super) otlp: Option<String>,
}

/// The record of runs and their calls, which `exuvia runs`, `exuvia audit` and `exuvia replay` read. A script starts,
/// and a call is sent, only when that is recorded.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Journal {
    /// `sqlite`: in a folder, encrypted with a key for each run. `memory`: for as long as the process lives, without
    /// a replay. Default: sqlite; where the default folder cannot be created, memory with a warning.
    pub(super) store: Option<Store>,
    /// The folder. One process at a time writes to it. Default: `exuvia/journal` in the user's data directory; where another process
    /// writes to that, `journal-2` to `journal-16` beside it. With `url`: the folder of this process for the signing key `journal.key`,
    /// which all processes share, and its newest checkpoint. Default then: `exuvia/journal-postgres`.
    #[schemars(length(min = 1))]
    pub(super) path: Option<String>,
    /// A PostgreSQL database, for several replicas: `"postgres://exuvia:${DB_PASSWORD}@db.example/exuvia"`. The connection is encrypted,
    /// unless it says `?sslmode=disable` or stays on the machine. The tables are in the schema `exuvia`, or in that of
    /// `?options=-c%20search_path%3DNAME`.
    #[schemars(length(min = 1))]
    pub(super) url: Option<String>,
    /// How old a run may become, in days. Scripts, arguments, answers, results, logs and errors of older ones are
    /// removed. The public part of each record stays, about 400 bytes, so that the log can be verified.
    #[schemars(range(min = 1, max = 36_500))]
    pub(super) keep_days: Option<u64>,
    /// How much content of runs is kept. At the limit the oldest runs are removed, as by `keep_days`. The public parts, which stay, are not
    /// counted.
    pub(super) keep_bytes: Option<Bytes<{ 1 << 20 }, { 16 << 40 }>>,
    /// What is hidden wherever a recorded run is shown or exported. What is stored is not changed, because a replay
    /// needs it.
    pub(super) redact: Redact,
    /// A second file for the newest signed checkpoint, best on another machine: what it covers cannot be cut off
    /// without a trace. Default: none.
    #[schemars(length(min = 1))]
    pub(super) checkpoint_copy: Option<String>,
}

// `crate::JournalStore` holds the values of the other keys, which are checked first.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Store {
    Sqlite,
    Memory,
}

/// Rules that hide parts of what is shown as `[redacted]`.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Redact {
    /// JSON paths (RFC 9535) in arguments, answers and results, for example `["$..password"]`.
    pub(super) paths: Vec<String>,
    /// Regular expressions for parts of scripts, values, logs and errors, for example `["sk-[A-Za-z0-9]{20,}"]`.
    pub(super) patterns: Vec<String>,
}

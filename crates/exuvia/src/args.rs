//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser as _};
use clap::{Args, Parser, Subcommand, value_parser};
use exuvia_config::{KnownClient, LEAST_FUEL, LEAST_MEMORY_BYTES, LEAST_WALL_MS, Sources, from_home};
use tokio::signal::unix::SignalKind;
use tracing::level_filters::LevelFilter;

use crate::admin_args::{ConsoleArgs, ServersArgs};
use crate::approvals_args::ApprovalsArgs;
use crate::functions_args::FunctionsArgs;
use crate::guest_args::GuestArgs;
use crate::journal_args::{AuditArgs, ReplayArgs, RunsArgs};
use crate::keys_args::KeysArgs;
use crate::logs::LogFormat;
use crate::session_args::SessionArgs;
use crate::setup_args::{SetupArgs, known_client};
use crate::suite_args::{BenchArgs, TokensArgs};
use crate::version;
use crate::workspace_args::WorkspaceArgs;

/// Python scripts in a WebAssembly sandbox that call MCP tools as functions.
#[derive(Debug, Parser)]
#[command(name = "exuvia", version, long_version = version::long(), max_term_width = 100)]
pub(crate) struct Cli {
    /// Log format on standard error. Default: EXUVIA_LOG_FORMAT, or text. EXUVIA_LOG sets the log filter
    #[arg(long, global = true, value_enum, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the bundled demo: one script, 5,000 calls to sample servers, and the tokens it saves
    Demo,
    /// Run a script with every tool of the given servers granted
    #[command(
        after_help = "Exit status: 0 returned or sys.exit(0), 1 raised, 2 usage or configuration error, 3 stopped by a limit, \
        4 denied or awaiting approval, 5 internal error, 130 cancelled."
    )]
    Run(RunArgs),
    /// Analyze a script without running it: tools, errors, whether it needs approval
    #[command(after_help = "Exit status: 0 allowed, 1 invalid, 2 usage or configuration error, 3 too large, \
        4 denied or needs approval.")]
    Check(CheckArgs),
    /// Serve one client over MCP on standard input and output. Its scripts may call the tools that --auto-execute or the
    /// configuration lists
    Stdio(StdioArgs),
    /// Serve many clients over MCP on Streamable HTTP. On other addresses than loopback: with keys or an identity provider, and TLS or a
    /// proxy
    Serve(ServeArgs),
    /// Print tool stubs or docs as the model sees them
    Tools(ToolsArgs),
    /// Log in to an HTTP server that requires OAuth authorization
    Login(LoginArgs),
    /// Issue, rotate, revoke and list keys of clients
    Keys(KeysArgs),
    /// Show, approve and deny calls that wait for an approval
    Approvals(ApprovalsArgs),
    /// Move the servers of an MCP client into exuvia.toml, and configure Exuvia in their place; --undo takes it back
    Setup(SetupArgs),
    /// Try everything that a configuration needs: start every server, connect as a client, look at logins, files, memory, port; say what to do
    #[command(after_help = "Exit status: 0 nothing failed, 1 something did, 2 usage error.")]
    Doctor(DoctorArgs),
    /// Begin a configuration, validate one, or print its JSON Schema
    Config(ConfigArgs),
    /// Read the record of runs: list, show, export, erase, sum; cancel a run
    Runs(RunsArgs),
    /// Servers of a running daemon: list them, connect anew, print what they wrote to standard error
    Servers(ServersArgs),
    /// Open the console of a running daemon in the browser, logged in
    Console(ConsoleArgs),
    /// Print what is used of the configured budgets
    Budgets(BudgetsArgs),
    /// List, print and remove files that scripts keep in a workspace
    Workspace(WorkspaceArgs),
    /// List and forget sessions of scripts
    Sessions(SessionArgs),
    /// Saved functions: list, show and compare them, promote and retire them, propose one from a recorded run
    Functions(FunctionsArgs),
    /// Verify the record of runs, or prove a part of it to a third party
    Audit(AuditArgs),
    /// Run recorded runs again, without any server: to the unit of fuel, or to the first event that differs
    #[command(
        after_help = "Exit status: 0 all come out the same, 1 one departs or would come out differently, 2 usage error."
    )]
    Replay(ReplayArgs),
    /// Run a folder of Python workloads under the budgets that their headers state
    #[command(
        after_help = "Exit status: 0 all passed, 1 a workload failed or left the tolerance of its baseline, 2 usage error, \
        130 cancelled."
    )]
    Bench(BenchArgs),
    /// Play tasks against the real gateway, and count the tokens that a model pays with and without it
    #[command(after_help = "Exit status: 0 every script answered as it should, 1 one did not, 2 usage error.")]
    Tokens(TokensArgs),
    /// Write the guest, for hosts of the sandbox in other languages
    Guest(GuestArgs),
    /// Print a script that completes commands and options in a shell
    #[command(after_help = "bash: exuvia completions bash > ~/.local/share/bash-completion/completions/exuvia\n\
        zsh:  exuvia completions zsh > DIR/_exuvia, for a DIR of $fpath\n\
        fish: exuvia completions fish > ~/.config/fish/completions/exuvia.fish")]
    Completions {
        /// The shell
        #[arg(value_enum, value_name = "SHELL")]
        shell: clap_complete::Shell,
    },
    /// Write a manual page for each command
    Man {
        /// Folder that the pages are written to
        #[arg(value_name = "DIR", value_parser = OsStringValueParser::new().map(from_home))]
        folder: PathBuf,
    },
    /// A bundled sample server
    #[command(hide = true)]
    Sample(crate::sample::SampleArgs),
}

impl Command {
    /// The signals that end a command which may renew tokens and does not look after them itself.
    pub(crate) fn ended_by(&self) -> &'static [SignalKind] {
        const ENDS: &[SignalKind] = &[SignalKind::terminate(), SignalKind::interrupt()];
        match self {
            Self::Run(_) | Self::Check(_) => &ENDS[..1],
            Self::Doctor(_) | Self::Tools(_) | Self::Login(_) => ENDS,
            Self::Approvals(_)
            | Self::Audit(_)
            | Self::Bench(_)
            | Self::Budgets(_)
            | Self::Completions { .. }
            | Self::Demo
            | Self::Functions(_)
            | Self::Guest(_)
            | Self::Stdio(_)
            | Self::Serve(_)
            | Self::Config(_)
            | Self::Console(_)
            | Self::Keys(_)
            | Self::Man { .. }
            | Self::Replay(_)
            | Self::Runs(_)
            | Self::Sample(_)
            | Self::Servers(_)
            | Self::Setup(_)
            | Self::Tokens(_)
            | Self::Workspace(_)
            | Self::Sessions(_) => &[],
        }
    }

    /// The default log level: a daemon logs what it does, a command what goes wrong.
    pub(crate) fn log_level(&self) -> LevelFilter {
        match self {
            Self::Serve(_) => LevelFilter::INFO,
            // Its findings say it.
            Self::Doctor(_) => LevelFilter::ERROR,
            _ => LevelFilter::WARN,
        }
    }
}

/// Where servers come from.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ServerArgs {
    /// Configuration file in TOML. Default, without --mcp-config, --server and --import: $XDG_CONFIG_HOME/exuvia/exuvia.toml
    /// if it exists
    #[arg(long, value_name = "FILE", value_parser = OsStringValueParser::new().map(from_home))]
    pub(crate) config: Option<PathBuf>,
    /// File with an `mcpServers` object, in the format of Claude Desktop, Claude Code, Cursor and VS Code
    #[arg(long = "mcp-config", value_name = "FILE", value_parser = OsStringValueParser::new().map(from_home))]
    pub(crate) mcp_configs: Vec<PathBuf>,
    /// MCP server: a stdio command line with shell quoting, or an http:// or https:// URL
    #[arg(long = "server", value_name = "NAME=COMMAND|URL")]
    pub(crate) servers: Vec<String>,
    /// Import the servers configured in another MCP client of this user
    #[arg(long = "import", value_parser = known_client(), value_name = "CLIENT")]
    pub(crate) imports: Vec<KnownClient>,
    /// With --import: also start servers defined in this folder (.mcp.json, .cursor/mcp.json, .vscode/mcp.json), and your own
    /// servers that run files from it (./server.js). Default: only those approved in Claude Code
    #[arg(long, requires = "imports")]
    pub(crate) import_project: bool,
}

impl ServerArgs {
    /// Whether any servers are given.
    pub(crate) fn is_given(&self) -> bool {
        let Self { config, mcp_configs, servers, imports, import_project: _ } = self;
        config.is_some() || !(mcp_configs.is_empty() && servers.is_empty() && imports.is_empty())
    }
}

impl From<ServerArgs> for Sources {
    fn from(args: ServerArgs) -> Self {
        let ServerArgs { config, mcp_configs, servers, imports, import_project } = args;
        Self { config, mcp_configs, servers, imports, import_project, auto_execute: Vec::new() }
    }
}

/// What clients meet: servers, and what their scripts may call.
#[derive(Debug, Clone, Args)]
pub(crate) struct ClientArgs {
    #[command(flatten)]
    pub(crate) servers: ServerArgs,
    /// Tools that scripts may call without approval, as SERVER.TOOL globs: 'crm.get_*', '*.*'
    #[arg(long, value_name = "PATTERN")]
    pub(crate) auto_execute: Vec<String>,
}

impl From<ClientArgs> for Sources {
    fn from(args: ClientArgs) -> Self {
        Self { auto_execute: args.auto_execute, ..args.servers.into() }
    }
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) servers: ServerArgs,
    /// How long a server may take to start, in seconds, where its `start_timeout_ms` is not less
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = value_parser!(u64).range(1..=600))]
    pub(crate) timeout: u64,
    /// Print the findings as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BudgetsArgs {
    #[command(subcommand)]
    pub(crate) command: BudgetsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BudgetsCommand {
    /// Print how much of each budget is used in its present period, with what running processes hold for their next calls. Of a
    /// budget with a counter for each key: the keys that have used something
    List {
        #[command(flatten)]
        servers: ServerArgs,
        /// Print it as one JSON object
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct StdioArgs {
    #[command(flatten)]
    pub(crate) clients: ClientArgs,
    /// Profile of the configuration to serve. Default: all servers
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) clients: ClientArgs,
    /// Listen address; port 0 picks a free port. Overrides the configuration file. Default: 127.0.0.1:8420
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// Listen port, on the configured address or 127.0.0.1. Overrides the configuration file
    #[arg(long, value_name = "PORT", conflicts_with = "listen")]
    pub(crate) port: Option<u16>,
}

/// Which script.
#[derive(Debug, Args)]
pub(crate) struct ScriptArgs {
    /// Script text, instead of a file
    #[arg(short = 'c', long, value_name = "CODE")]
    pub(crate) code: Option<String>,
    /// Script file, or - for standard input
    #[arg(
        value_name = "SCRIPT|-",
        required_unless_present = "code",
        conflicts_with = "code",
        value_parser = OsStringValueParser::new().map(from_home)
    )]
    pub(crate) script: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) clients: ClientArgs,
    /// Decide as for a client of this role
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Option<String>,
    /// Print the report as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) script: ScriptArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) servers: ServerArgs,
    /// Fuel limit (2 billion units are about a second of Python). Overrides the configuration file
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(LEAST_FUEL..))]
    pub(crate) fuel: Option<u64>,
    /// Memory limit in bytes, interpreter included. Overrides the configuration file
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(LEAST_MEMORY_BYTES..))]
    pub(crate) memory_bytes: Option<u64>,
    /// Wall-clock limit in milliseconds. Overrides the configuration file
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(LEAST_WALL_MS..))]
    pub(crate) wall_ms: Option<u64>,
    /// JSON file, or - for standard input, available to the script as `data`
    #[arg(long, value_name = "FILE|-", value_parser = OsStringValueParser::new().map(from_home))]
    pub(crate) data: Option<PathBuf>,
    /// Print the report as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) script: ScriptArgs,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub(crate) struct ToolsArgs {
    #[command(subcommand)]
    pub(crate) command: Option<ToolsCommand>,
    #[command(flatten)]
    pub(crate) servers: ServerArgs,
    /// Show what this role sees
    #[arg(long, value_name = "ROLE")]
    pub(crate) role: Option<String>,
    /// Server or stub file to print, or tool to print the docs of. Default: list all stub files
    #[arg(value_name = "SERVER[.TOOL]|FILE.pyi")]
    pub(crate) name: Option<String>,
}

// For the stub of a server that has the name of one of these: NAME.pyi.
#[derive(Debug, Subcommand)]
pub(crate) enum ToolsCommand {
    /// Print every tool and how it is against its pin: as it was first seen, changed, or new
    List(ToolListArgs),
    /// Read what servers say of their tools for text that is aimed at a model, characters that do not show, names that look like
    /// others, and changes
    #[command(
        after_help = "Exit status: 0 nothing severe, 1 a server did not start, 2 usage or configuration error, 4 something severe."
    )]
    Audit {
        #[command(flatten)]
        list: ToolListArgs,
        /// Findings that were looked at: a rule, or a rule of one server or tool
        #[arg(long = "ignore", value_name = "RULE[:SERVER[.TOOL]]")]
        ignored: Vec<String>,
    },
    /// Accept tools as their servers list them now. A gateway that runs notices within a second
    Accept {
        /// Servers, and tools of them, by their own names
        #[arg(value_name = "SERVER[.TOOL]", required = true)]
        names: Vec<String>,
        /// Accept only what has this digest, as `list` and `audit` print it
        #[arg(long, value_name = "HEX")]
        digest: Option<String>,
    },
    /// Forget what was first seen of tools: they are pinned again as they are listed next
    Unpin {
        /// Servers, and tools of them, by their own names
        #[arg(value_name = "SERVER[.TOOL]", required = true)]
        names: Vec<String>,
    },
    /// Learned shapes: the keys and types of earlier answers, which stubs show of tools without an output schema. For the stub of a
    /// server of this name: shapes.pyi
    Shapes(ShapesArgs),
}

#[derive(Debug, Args)]
#[command(disable_help_subcommand = true)]
pub(crate) struct ShapesArgs {
    #[command(subcommand)]
    pub(crate) command: ShapesCommand,
    /// What clients of this role got, which is kept apart. Default: what clients without a key got
    #[arg(long, global = true, value_name = "ROLE")]
    pub(crate) role: Option<String>,
}

/// Which servers, and how they are printed.
#[derive(Debug, Args)]
pub(crate) struct ToolListArgs {
    #[command(flatten)]
    pub(crate) servers: ServerArgs,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ShapesCommand {
    /// Print what is known, a tool a line. With servers (--config, --server, ...), these are started, and what ships with this program
    /// and is used for them automatically is printed as well
    List {
        #[command(flatten)]
        servers: ServerArgs,
    },
    /// Print all of it as JSON, for import elsewhere
    Export,
    /// Add what was exported elsewhere, or what ships with this program
    Import {
        /// File that `export` wrote
        #[arg(value_name = "FILE", required_unless_present = "shipped")]
        #[arg(value_parser = OsStringValueParser::new().map(from_home))]
        file: Option<PathBuf>,
        /// What this server documents of its answers, for any version of it; `tools shapes shipped` lists them
        #[arg(long, value_name = "NAME", conflicts_with = "file")]
        shipped: Option<String>,
        /// What the server is called in your configuration. Default: NAME
        #[arg(long = "as", value_name = "SERVER", requires = "shipped")]
        server: Option<String>,
    },
    /// Print the servers of which shapes ship with this program
    Shipped,
    /// Forget what is known, also in gateways that run, but for what they have learned and not stored yet
    Forget {
        /// Server, or tool of one, by its own name. Default: all
        #[arg(value_name = "SERVER[.TOOL]")]
        name: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Write a commented configuration to begin with. A file that is there stays
    Init {
        /// The file. Default: $XDG_CONFIG_HOME/exuvia/exuvia.toml
        #[arg(value_name = "FILE", value_parser = OsStringValueParser::new().map(from_home))]
        file: Option<PathBuf>,
    },
    /// Report all errors of a configuration, or what would run; starts nothing
    Check {
        /// Configuration file. Default, without options: $XDG_CONFIG_HOME/exuvia/exuvia.toml
        #[arg(value_name = "FILE", conflicts_with = "config", value_parser = OsStringValueParser::new().map(from_home))]
        file: Option<PathBuf>,
        #[command(flatten)]
        clients: ClientArgs,
    },
    /// Print the JSON Schema of exuvia.toml, for editors
    Schema,
}

#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    #[command(flatten)]
    pub(crate) servers: ServerArgs,
    /// Additional scopes to request, separated by spaces. Default: the scopes the server last required
    #[arg(long, value_name = "SCOPES")]
    pub(crate) scope: Option<String>,
    /// Print the authorization URL without opening a browser
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// Log in for this virtual key, whose role has `oauth = true` for the server
    #[arg(long, value_name = "KEY", conflicts_with = "user")]
    pub(crate) key: Option<String>,
    /// Log in for this user of an identity provider
    #[arg(long, value_name = "PROVIDER/SUBJECT")]
    pub(crate) user: Option<String>,
    /// Server to log in to
    #[arg(value_name = "SERVER")]
    pub(crate) server: String,
}

//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser as _};
use clap::{Args, Parser, Subcommand, value_parser};
use tokio::signal::unix::SignalKind;
use tracing::level_filters::LevelFilter;

use crate::config::{KnownClient, LEAST_FUEL, LEAST_MEMORY_BYTES, LEAST_WALL_MS, from_home};
use crate::logs::LogFormat;

/// Python scripts in a WebAssembly sandbox that call MCP tools as functions.
#[derive(Debug, Parser)]
#[command(name = "exuvia", version, max_term_width = 100)]
pub(crate) struct Cli {
    /// How the log is written to standard error. Default: EXUVIA_LOG_FORMAT, or text. EXUVIA_LOG says how much
    #[arg(long, global = true, value_enum, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what it is for: one script over 5,000 calls of bundled sample servers, and what it saves
    Demo,
    /// Run a script with the tools of these servers, all of them granted
    #[command(
        after_help = "Exit status: 0 returned, or left by sys.exit(0), 1 raised, 2 usage or configuration, 3 stopped by a limit, \
        4 denied or awaiting approval, 5 fault of the sandbox, 130 cancelled."
    )]
    Run(RunArgs),
    /// Tell which tools a client's script may call, what in it cannot work, and whether it would run by itself
    #[command(after_help = "Exit status: 0 it would run by itself, 1 it cannot work, 2 usage or configuration, \
        3 too large, 4 refused or awaiting approval.")]
    Check(CheckArgs),
    /// Serve the four meta-tools over MCP on standard input and output. A client's scripts run by themselves with the tools
    /// that the configuration or --auto-execute lists; without a list, with none
    Stdio(StdioArgs),
    /// Serve many clients over MCP on Streamable HTTP, on this machine alone
    Serve(ServeArgs),
    /// Print the stubs or docs of tools, as the model sees them
    Tools(ToolsArgs),
    /// Obtain tokens for a server over HTTP that asks for authorization
    Login(LoginArgs),
    /// Check a configuration, or print its schema
    Config(ConfigArgs),
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
            Self::Tools(_) | Self::Login(_) => ENDS,
            Self::Demo | Self::Stdio(_) | Self::Serve(_) | Self::Config(_) | Self::Sample(_) => &[],
        }
    }

    /// What the log holds where nothing else is said: a daemon tells what it does, a command what goes wrong.
    pub(crate) fn log_level(&self) -> LevelFilter {
        match self {
            Self::Serve(_) => LevelFilter::INFO,
            _ => LevelFilter::WARN,
        }
    }
}

/// Where servers come from.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ServerArgs {
    /// A configuration in TOML. Without this, --mcp-config, --server and --import: $XDG_CONFIG_HOME/exuvia/exuvia.toml, if it
    /// is there (EXUVIA_LOG=info says so)
    #[arg(long, value_name = "FILE", value_parser = OsStringValueParser::new().map(from_home))]
    pub(crate) config: Option<PathBuf>,
    /// A file with an `mcpServers` object, as Claude Desktop, Claude Code, Cursor and VS Code write it
    #[arg(long = "mcp-config", value_name = "FILE", value_parser = OsStringValueParser::new().map(from_home))]
    pub(crate) mcp_configs: Vec<PathBuf>,
    /// A server: a command that speaks MCP over stdio, split as a shell would split it, or an address that begins with
    /// http:// or https://
    #[arg(long = "server", value_name = "NAME=COMMAND|URL")]
    pub(crate) servers: Vec<String>,
    /// The servers of another client of this user, read from where it keeps them
    #[arg(long = "import", value_enum, value_name = "CLIENT")]
    pub(crate) imports: Vec<KnownClient>,
    /// With --import: also start the servers that this folder brings along (.mcp.json, .cursor/mcp.json, .vscode/mcp.json), and
    /// those of your own that run or load what lies in it (./server.js). Without it, only those that Claude Code has recorded a
    /// consent for
    #[arg(long, requires = "imports")]
    pub(crate) import_project: bool,
}

impl ServerArgs {
    /// Whether no server and no file is named.
    pub(crate) fn names_nothing(&self) -> bool {
        self.config.is_none() && self.mcp_configs.is_empty() && self.servers.is_empty() && self.imports.is_empty()
    }
}

/// What clients meet: servers, and what their scripts may call.
#[derive(Debug, Clone, Args)]
pub(crate) struct ClientArgs {
    #[command(flatten)]
    pub(crate) servers: ServerArgs,
    /// Tools that scripts call without asking, as SERVER.TOOL; both may be globs: 'crm.get_*', '*.*'
    #[arg(long, value_name = "PATTERN")]
    pub(crate) auto_execute: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct StdioArgs {
    #[command(flatten)]
    pub(crate) clients: ClientArgs,
    /// The profile of the configuration whose servers the client sees; without it, all of them
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) clients: ClientArgs,
    /// Where to listen: an address of this machine and a port; port 0 takes a free one. Counts for more than the
    /// configuration. Default: 127.0.0.1:8420
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// The port alone, at the address of the configuration or at 127.0.0.1
    #[arg(long, value_name = "PORT", conflicts_with = "listen")]
    pub(crate) port: Option<u16>,
}

/// Which script.
#[derive(Debug, Args)]
pub(crate) struct ScriptArgs {
    /// The script itself, instead of a file
    #[arg(short = 'c', long, value_name = "CODE")]
    pub(crate) code: Option<String>,
    /// The script's file, or - for standard input
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
    /// Print one JSON object with everything
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) script: ScriptArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) servers: ServerArgs,
    /// Work that the script may do, in units of fuel (about one per WebAssembly instruction). This and the following
    /// count for more than the configuration
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(LEAST_FUEL..))]
    pub(crate) fuel: Option<u64>,
    /// Memory that the script may use, the interpreter's included
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(LEAST_MEMORY_BYTES..))]
    pub(crate) memory_bytes: Option<u64>,
    /// Time that the script may take, in milliseconds
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(LEAST_WALL_MS..))]
    pub(crate) wall_ms: Option<u64>,
    /// A file with JSON, or - for standard input, that the script finds as `data`
    #[arg(long, value_name = "FILE|-", value_parser = OsStringValueParser::new().map(from_home))]
    pub(crate) data: Option<PathBuf>,
    /// Print one JSON object with everything
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) script: ScriptArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ToolsArgs {
    #[command(flatten)]
    pub(crate) servers: ServerArgs,
    /// A server or one of the listed files, for a stub, or a tool, for its docs; without it, the list of stubs
    #[arg(value_name = "SERVER[.TOOL]|FILE.pyi")]
    pub(crate) name: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Say everything that is wrong with a configuration, or what would run; starts nothing
    Check {
        /// The configuration; without it and the options, $XDG_CONFIG_HOME/exuvia/exuvia.toml
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
    /// Ask for these scopes as well, separated by spaces; without it, for what the server demanded earlier
    #[arg(long, value_name = "SCOPES")]
    pub(crate) scope: Option<String>,
    /// Only print where to go, and open no browser
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// The server
    #[arg(value_name = "SERVER")]
    pub(crate) server: String,
}

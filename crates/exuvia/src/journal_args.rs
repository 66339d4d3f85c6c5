//! The command line of what reads the journal: `exuvia runs`, `exuvia audit`, `exuvia replay`; and which journal `exuvia keys` means.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, Subcommand, value_parser};
use exuvia_config::{JournalConfig, JournalStore, Paths, Sources, from_home};
use exuvia_journal::Filter;
use exuvia_tool::Principal;

/// Which journal is read.
#[derive(Debug, Clone, Args)]
pub(crate) struct JournalArgs {
    /// Configuration file, of which [journal] is read. Default: $XDG_CONFIG_HOME/exuvia/exuvia.toml if it exists
    #[arg(long, global = true, value_name = "FILE", value_parser = OsStringValueParser::new().map(from_home))]
    pub(crate) config: Option<PathBuf>,
    /// Folder of the journal, in place of the configured one
    #[arg(long, global = true, value_name = "FOLDER", value_parser = OsStringValueParser::new().map(from_home))]
    pub(crate) journal: Option<PathBuf>,
}

impl JournalArgs {
    /// What is configured of the journal. Reads files.
    ///
    /// # Errors
    ///
    /// What is wrong with that part of the configuration.
    pub(crate) fn load(self) -> anyhow::Result<JournalConfig> {
        let sources = Sources { config: self.config.clone(), ..Sources::default() };
        let config = sources.journal(&Paths::of_user())?;
        Ok(self.in_place(config))
    }

    /// The configured journal, or the one that the command line names in its place.
    pub(crate) fn in_place(self, configured: JournalConfig) -> JournalConfig {
        match self.journal {
            Some(folder) => JournalConfig { store: JournalStore::Sqlite(Some(folder)), ..configured },
            None => configured,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct RunsArgs {
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
    #[command(subcommand)]
    pub(crate) command: RunsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    /// Print runs and direct calls, the latest first
    List {
        #[command(flatten)]
        filter: FilterArgs,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = value_parser!(u32).range(1..))]
        limit: u32,
        /// Print them as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Print the script of a run with its calls beside their lines, its log, its result and what it used
    Show {
        /// Run or direct call. Default: the latest run
        #[arg(value_name = "RUN")]
        run: Option<String>,
        /// Calls to print of each line of the script. Of others the outcomes are counted
        #[arg(long, value_name = "N", default_value_t = 5)]
        calls: usize,
        /// Print it as one JSON object, as `export` does
        #[arg(long)]
        json: bool,
    },
    /// Cancel a run of a running daemon: in flight, or parked. Approvals that it waits for are void
    Cancel {
        /// The run
        #[arg(value_name = "RUN")]
        run: String,
    },
    /// Print whole records as JSON Lines: an object for each run or direct call, the latest first
    Export {
        /// Runs or direct calls. Default: all that the options select
        #[arg(value_name = "RUN")]
        runs: Vec<String>,
        #[command(flatten)]
        filter: FilterArgs,
    },
    /// Erase the script, arguments, answers, result, log and errors of runs, by dropping their keys. The log still
    /// verifies
    Erase {
        /// Runs or direct calls
        #[arg(value_name = "RUN", required = true)]
        runs: Vec<String>,
    },
    /// Print sums by principal, server and tool: calls, errors, latencies, fuel
    Stats {
        #[command(flatten)]
        filter: FilterArgs,
        /// Print them as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Print the JSON Schema of what `export` prints
    Schema,
}

/// Which runs and direct calls.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct FilterArgs {
    /// Of this principal: operator, or key:NAME
    #[arg(long, value_name = "PRINCIPAL")]
    pub(crate) principal: Option<Principal>,
    /// With a call to this server
    #[arg(long, value_name = "SERVER")]
    pub(crate) server: Option<String>,
    /// With a call of this tool, by its own name
    #[arg(long, value_name = "TOOL")]
    pub(crate) tool: Option<String>,
    /// With this outcome: returned, raised, stopped, denied, cancelled, or for direct calls ok or the code of an error
    #[arg(long, value_name = "OUTCOME")]
    pub(crate) outcome: Option<String>,
    /// Begun since: a time in RFC 3339 (2026-11-29T08:00:00Z), a day (2026-11-29), or a time ago (90min, 2h, 7d)
    #[arg(long, value_name = "TIME", value_parser = time_ms)]
    pub(crate) since: Option<u64>,
    /// Begun before: as --since
    #[arg(long, value_name = "TIME", value_parser = time_ms)]
    pub(crate) until: Option<u64>,
    /// With this text in the error that ended it, or in that of one of its calls
    #[arg(long, value_name = "TEXT")]
    pub(crate) error: Option<String>,
}

impl From<FilterArgs> for Filter {
    fn from(args: FilterArgs) -> Self {
        let FilterArgs { principal, server, tool, outcome, since, until, error } = args;
        Self { principal, server, tool, outcome, since_ms: since, until_ms: until, error, ..Self::default() }
    }
}

/// A point in time, in milliseconds since the epoch.
fn time_ms(text: &str) -> Result<u64, String> {
    let ms = |since: Duration| u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    if let Ok(ago) = humantime::parse_duration(text) {
        return Ok(ms(now.saturating_sub(ago)));
    }
    let whole = if text.len() == "2026-11-29".len() { format!("{text}T00:00:00Z") } else { text.to_owned() };
    let time = humantime::parse_rfc3339_weak(&whole);
    let since = time.ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.map(ms).ok_or_else(|| "write 2h, 7d, 2026-11-29 or 2026-11-29T08:00:00Z".to_owned())
}

#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
    #[command(subcommand)]
    pub(crate) command: AuditCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Verify the whole log: that no record was changed, removed, inserted or moved, and that each call has its
    /// intent and its outcome
    #[command(
        after_help = "Exit status: 0 consistent and complete, 1 not consistent, 2 usage error or unreadable journal, \
        4 consistent but not complete."
    )]
    Verify {
        /// Print the report as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Write what proves the records of one run to a third party, without showing others
    Prove {
        /// Run or direct call
        #[arg(value_name = "RUN")]
        run: String,
        /// File to write. Default: standard output
        #[arg(long, short, value_name = "FILE", value_parser = OsStringValueParser::new().map(from_home))]
        output: Option<PathBuf>,
        /// Leave out the script, arguments, answers, result and log, and their key
        #[arg(long)]
        without_content: bool,
    },
    /// Check what `prove` wrote, with the public key of the journal alone
    #[command(after_help = "Exit status: 0 proven, 1 not proven, 2 usage error or unreadable file.")]
    Check {
        /// File that `prove` wrote, or - for standard input
        #[arg(value_name = "FILE|-", value_parser = OsStringValueParser::new().map(from_home))]
        file: PathBuf,
        /// Public key, or a file with it: journal.vkey, as the operator of the journal gave it to you
        #[arg(long, value_name = "KEY|FILE")]
        key: String,
        /// Print the records as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Print the newest signed checkpoint, and the public key that it verifies with, for witnesses
    Checkpoint,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
    /// Runs. Default: the latest one
    #[arg(value_name = "RUN", conflicts_with = "last")]
    pub(crate) runs: Vec<String>,
    /// Replay so many of the latest runs, and print which come out differently
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=100_000))]
    pub(crate) last: Option<u32>,
    /// With --last: only runs of this key
    #[arg(long, value_name = "NAME", requires = "last")]
    pub(crate) key: Option<String>,
    /// With --last: only runs with a call of this tool
    #[arg(long, value_name = "SERVER.TOOL", requires = "last")]
    pub(crate) tool: Option<String>,
    /// Stop where the script makes this call, counted from 1
    #[arg(long, value_name = "N", conflicts_with_all = ["edit", "last"], value_parser = value_parser!(u64).range(1..))]
    pub(crate) until_call: Option<u64>,
    /// Run this script instead, on the recorded answers as far as they go
    #[arg(long, value_name = "SCRIPT", value_parser = OsStringValueParser::new().map(from_home))]
    pub(crate) edit: Option<PathBuf>,
    /// Also replay runs of other guests with the guest of this program, and print what changes: what an upgrade would
    /// change. Otherwise each run is replayed with its own guest, where the journal has kept it
    #[arg(long)]
    pub(crate) any_guest: bool,
    /// Replay with this guest, and print what changes: a guest component, or a file of the folder `guests` of a journal
    #[arg(long, value_name = "FILE", conflicts_with = "any_guest", value_parser = OsStringValueParser::new().map(from_home))]
    pub(crate) guest: Option<PathBuf>,
    /// Print the outcome as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_points_or_spans_ago() {
        assert_eq!(time_ms("2026-11-29"), Ok(1_795_910_400_000));
        assert_eq!(time_ms("2026-11-29T00:00:01Z"), Ok(1_795_910_401_000));
        let (day_ago, now) = (time_ms("1d").expect("a span"), time_ms("0s").expect("a span"));
        assert!((86_400_000..86_410_000).contains(&(now - day_ago)), "{day_ago} {now}");
        assert!(time_ms("yesterday").is_err() && time_ms("1960-01-01").is_err());
    }
}

//! The arguments of `exuvia bench` and `exuvia tokens`.

use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser as _};
use clap::{Args, value_parser};
use exuvia_config::from_home;

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// Folder of workloads, or one of them
    #[arg(value_name = "SUITE", value_parser = OsStringValueParser::new().map(from_home))]
    pub(crate) suite: PathBuf,
    /// Run only workloads whose names contain this
    #[arg(long, value_name = "TEXT")]
    pub(crate) filter: Option<String>,
    /// Runs of each workload: their fuel must be equal, and the median of their times is shown
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = value_parser!(u32).range(1..=1_000))]
    pub(crate) repeats: u32,
    /// Earlier output of --json: fail where fuel, peak memory or calls differ from it by more than the tolerance
    #[arg(long, value_name = "FILE", value_parser = OsStringValueParser::new().map(from_home))]
    pub(crate) baseline: Option<PathBuf>,
    /// How far a workload may be from its baseline, either way
    #[arg(long, value_name = "PERCENT", default_value_t = 1.0, requires = "baseline", value_parser = percent)]
    pub(crate) tolerance: f64,
    /// Print the measurements as one JSON object, which can be a baseline
    #[arg(long)]
    pub(crate) json: bool,
    /// Also draw fuel.svg, memory.svg and time.svg into this folder
    #[arg(long, value_name = "FOLDER", value_parser = OsStringValueParser::new().map(from_home))]
    pub(crate) svg: Option<PathBuf>,
}

fn percent(text: &str) -> Result<f64, String> {
    let percent: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if percent.is_finite() && percent >= 0.0 { Ok(percent) } else { Err("not a percentage".into()) }
}

#[derive(Debug, Args)]
pub(crate) struct TokensArgs {
    /// Folder of a suite: suite.toml, tasks, servers, transcripts
    #[arg(value_name = "SUITE", value_parser = OsStringValueParser::new().map(from_home))]
    pub(crate) suite: PathBuf,
    /// Play only these rounds of it
    #[arg(long = "round", value_name = "NAME")]
    pub(crate) rounds: Vec<String>,
    /// Play only tasks whose names contain this
    #[arg(long, value_name = "TEXT")]
    pub(crate) filter: Option<String>,
    /// With what the suite has under [prepared]: shapes that ship with the program, and notes on servers
    #[arg(long)]
    pub(crate) prepared: bool,
    /// Learn the shapes of answers from task to task, as a gateway in use does
    #[arg(long)]
    pub(crate) learn: bool,
    /// Print every request of every task as well
    #[arg(long)]
    pub(crate) turns: bool,
    /// Print everything as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Also write what was called into this folder, a file for each task, as transcripts that can be played again
    #[arg(long, value_name = "FOLDER", value_parser = OsStringValueParser::new().map(from_home))]
    pub(crate) transcripts: Option<PathBuf>,
    /// Play nothing: serve a client on standard input and output, as `exuvia stdio` does, with the servers of this round
    #[arg(long, value_name = "ROUND", conflicts_with_all = ["rounds", "filter", "prepared", "learn", "turns", "json", "transcripts"])]
    pub(crate) serve: Option<String>,
}
